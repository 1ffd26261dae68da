//! How the rows were sampled.

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::numerics::{check_length, sum};

/// The sampling design of the rows: weights, clusters and strata; the default is independent rows
/// of equal weight.
///
/// Only ratios of weights matter. Weights that are all equal, and clusters of one row each, are the
/// same as none.
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "survey design")]
pub struct Design<'a> {
    /// (rows) positive sampling weights: how much of the population each row stands for.
    pub weights: Option<&'a [f64]>,
    /// (rows) cluster labels: rows with the same label (responses to one prompt) depend on one
    /// another.
    pub clusters: Option<&'a [u32]>,
    /// (rows) stratum labels: rows of each label were sampled apart from the others, in numbers
    /// fixed beforehand, so that how often each label occurs is not random. The weights say how
    /// much each stratum counts (see [`stratified_weights`]). A cluster lies in one stratum.
    pub strata: Option<&'a [u32]>,
}

/// Weights under which the rows of each stratum together count as `population` says:
/// `w_i W_g / sum of w in g`.
///
/// `strata`: (rows) positions in `population`; `population`: (strata) the strata's shares W_g, in
/// any unit; `weights`: (rows) weights within the stratum, `None` for equal ones. Returns (rows)
/// weights.
///
/// # Errors
///
/// No rows, weights or population shares that are not positive and finite, or a stratum without
/// rows (what it would contribute is unknown).
///
/// # Panics
///
/// If a stratum is not a position in `population`.
///
/// # Examples
///
/// ```
/// use breadth_stats::stratified_weights;
/// let weights = stratified_weights(&[0, 0, 0, 1], &[0.9, 0.1], None)?;
/// assert_eq!(weights, [0.3, 0.3, 0.3, 0.1]);
/// assert!(stratified_weights(&[0, 0], &[0.9, 0.1], None).is_err());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Post-stratification: Kish, Survey Sampling (1965).
pub fn stratified_weights(
    strata: &[u32],
    population: &[f64],
    weights: Option<&[f64]>,
) -> Result<Vec<f64>> {
    check_weights(population, population.len())?;
    let weights = weights
        .map(|w| check_weights(w, strata.len()))
        .transpose()?;
    let weight = |row: usize| weights.map_or(1.0, |w| w[row]);
    let mut totals = vec![0.0; population.len()];
    for (row, &stratum) in strata.iter().enumerate() {
        totals[stratum as usize] += weight(row);
    }
    if strata.is_empty() || totals.contains(&0.0) {
        return Err(Error::Empty { what: "a stratum" });
    }
    let of_row =
        |(row, &g): (usize, &u32)| population[g as usize] * weight(row) / totals[g as usize];
    Ok(strata.iter().enumerate().map(of_row).collect())
}

/// A checked [`Design`], reduced to what matters: no weights when all are equal, no clusters when
/// each has one row.
#[derive(Debug)]
pub(crate) struct CheckedDesign {
    pub(crate) n: usize,
    /// Scaled so that neither their sum nor the sum of their squares leaves the range of f64.
    pub(crate) weights: Option<Vec<f64>>,
    /// Cluster of each row, numbered from 0 without gaps.
    clusters: Option<Vec<u32>>,
    pub(crate) cluster_count: usize,
    /// Stratum of each cluster; none if there is only one.
    pub(crate) strata: Option<Strata>,
    /// What the clusters weigh; empty where all rows are clusters of the same weight.
    unit_weights: Vec<f64>,
    pub(crate) classes: WeightClasses,
}

/// The strata of clusters.
#[derive(Debug)]
pub(crate) struct Strata {
    pub(crate) of_cluster: Vec<u32>,
    pub(crate) count: usize,
}

/// Units of (nearly) the same weight in one stratum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightClass {
    /// What each of them weighs.
    pub(crate) weight: f64,
    /// How many there are.
    pub(crate) count: f64,
    pub(crate) stratum: u32,
}

/// The independent units of a design, by weight and stratum.
#[derive(Debug)]
pub(crate) struct WeightClasses {
    pub(crate) list: Vec<WeightClass>,
    /// The class of each unit; empty where there is one class only.
    of_unit: Vec<u32>,
    /// The share of the population that each stratum stands for.
    pub(crate) shares: Vec<f64>,
    /// Effective number of units: `(sum W)^2 / sum W^2` (Kish).
    pub(crate) effective: f64,
    /// The largest share of the population that one unit stands for, with an imaginary one as heavy
    /// in each stratum.
    pub(crate) heaviest: f64,
}

/// Distinct weights beyond which those within 1.6% of one another are taken together.
const DISTINCT: usize = 2048;

impl WeightClasses {
    fn new(weights: &[f64], strata: Option<&Strata>) -> WeightClasses {
        let stratum = |unit: usize| strata.map_or(0, |strata| strata.of_cluster[unit]);
        let count = strata.map_or(1, |strata| strata.count);
        let mut shares = vec![0.0; count];
        for (unit, weight) in weights.iter().enumerate() {
            shares[stratum(unit) as usize] += weight;
        }
        let total: f64 = sum(shares.iter().copied());
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        shares.iter_mut().for_each(|share| *share /= total);
        let exact = classes(weights, stratum, f64::to_bits);
        let (list, of_unit) = if exact.0.len() > DISTINCT * count {
            // The exponent and six bits of the mantissa.
            classes(weights, stratum, |weight| weight.to_bits() >> 46)
        } else {
            exact
        };
        let largest_of = |g: usize| {
            let of_stratum = list.iter().filter(|class| class.stratum as usize == g);
            of_stratum.map(|class| class.weight).fold(0.0, f64::max)
        };
        let heaviest_of =
            |(g, share): (usize, &f64)| share * largest_of(g) / (share * total + largest_of(g));
        let heaviest = shares.iter().enumerate().map(heaviest_of);
        let heaviest = heaviest.fold(0.0, f64::max);
        WeightClasses {
            of_unit: if list.len() > 1 { of_unit } else { Vec::new() },
            list,
            shares,
            effective: total * total / squares,
            heaviest,
        }
    }

    /// One class of so many units, each a row.
    fn of_rows(n: usize) -> WeightClasses {
        WeightClasses {
            list: vec![WeightClass {
                weight: 1.0,
                count: n as f64,
                stratum: 0,
            }],
            of_unit: Vec::new(),
            shares: vec![1.0],
            effective: n as f64,
            heaviest: 1.0 / (n as f64 + 1.0),
        }
    }

    /// The largest weight of a unit.
    pub(crate) fn largest(&self) -> f64 {
        self.list
            .iter()
            .map(|class| class.weight)
            .fold(0.0, f64::max)
    }

    pub(crate) fn of_unit(&self, unit: usize) -> u32 {
        self.of_unit.get(unit).copied().unwrap_or(0)
    }
}

/// Units with the same key and stratum, at their mean weight, and the class of each unit.
fn classes(
    weights: &[f64],
    stratum: impl Fn(usize) -> u32,
    key: impl Fn(f64) -> u64,
) -> (Vec<WeightClass>, Vec<u32>) {
    let mut known: FxHashMap<(u32, u64), u32> = FxHashMap::default();
    let mut list: Vec<WeightClass> = Vec::new();
    let mut of_unit = Vec::with_capacity(weights.len());
    for (unit, &weight) in weights.iter().enumerate() {
        let stratum = stratum(unit);
        let class = *known.entry((stratum, key(weight))).or_insert_with(|| {
            list.push(WeightClass {
                weight: 0.0,
                count: 0.0,
                stratum,
            });
            list.len() as u32 - 1
        });
        let of = &mut list[class as usize];
        of.count += 1.0;
        of.weight += (weight - of.weight) / of.count;
        of_unit.push(class);
    }
    (list, of_unit)
}

impl CheckedDesign {
    pub(crate) fn new(design: &Design, n: usize) -> Result<CheckedDesign> {
        if n == 0 {
            return Err(Error::Empty {
                what: "the set of rows",
            });
        }
        let weights = design.weights.map(|w| check_weights(w, n)).transpose()?;
        if let Some(labels) = design.clusters {
            check_length("design.clusters", labels.len(), "the data", n)?;
        }
        if let Some(labels) = design.strata {
            check_length("design.strata", labels.len(), "the data", n)?;
        }
        let clusters = design
            .clusters
            .map(number_from_zero)
            .filter(|&(_, count)| count < n);
        let cluster_count = clusters.as_ref().map_or(n, |&(_, count)| count);
        let of_row = clusters.as_ref().map(|(labels, _)| &labels[..]);
        let strata = design
            .strata
            .map(|labels| strata_of_clusters(labels, of_row, cluster_count))
            .transpose()?
            .filter(|strata| strata.count > 1);
        let mut rows = CheckedDesign {
            n,
            weights: weights.filter(|w| w.iter().any(|&v| v != w[0])).map(scaled),
            clusters: clusters.map(|(labels, _)| labels),
            cluster_count,
            strata,
            unit_weights: Vec::new(),
            classes: WeightClasses::of_rows(n),
        };
        if !rows.is_iid() {
            rows.unit_weights = rows.cluster_totals(|_| 1.0);
            rows.classes = WeightClasses::new(&rows.unit_weights, rows.strata.as_ref());
        }
        Ok(rows)
    }

    /// Independent rows of equal weight.
    pub(crate) fn is_iid(&self) -> bool {
        self.weights.is_none() && self.clusters.is_none() && self.strata.is_none()
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.clusters.is_some()
    }

    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[row])
    }

    /// Sum over rows of weight times value.
    pub(crate) fn weighted_sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        sum((0..self.n).map(|row| self.weight(row) * value(row)))
    }

    pub(crate) fn total_weight(&self) -> f64 {
        self.weights
            .as_ref()
            .map_or(self.n as f64, |w| sum(w.iter().copied()))
    }

    /// Weighted mean of a value.
    pub(crate) fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        self.weighted_sum(value) / self.total_weight()
    }

    /// Per cluster, the sum of weight times value.
    pub(crate) fn cluster_totals(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let Some(clusters) = &self.clusters else {
            return (0..self.n)
                .map(|row| self.weight(row) * value(row))
                .collect();
        };
        let mut totals = vec![0.0; self.cluster_count];
        for (row, &cluster) in clusters.iter().enumerate() {
            totals[cluster as usize] += self.weight(row) * value(row);
        }
        totals
    }

    /// What a unit (a cluster, a row where there are none) weighs.
    pub(crate) fn unit_weight(&self, unit: usize) -> f64 {
        self.unit_weights.get(unit).copied().unwrap_or(1.0)
    }

    /// The unit of a row.
    pub(crate) fn unit(&self, row: usize) -> usize {
        self.clusters
            .as_ref()
            .map_or(row, |clusters| clusters[row] as usize)
    }

    /// Effective number of independent units of equal weight (Kish).
    pub(crate) fn effective_clusters(&self) -> f64 {
        self.classes.effective
    }
}

fn check_weights(weights: &[f64], n: usize) -> Result<&[f64]> {
    check_length("design.weights", weights.len(), "the data", n)?;
    match weights.iter().position(|&w| !(w > 0.0 && w.is_finite())) {
        Some(row) => Err(Error::InvalidWeight {
            row,
            value: weights[row],
        }),
        None => Ok(weights),
    }
}

/// The weights times a power of two that brings the largest to between 1 and 2: exact, and safe to
/// sum and square.
fn scaled(weights: &[f64]) -> Vec<f64> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let scale = (-largest.log2().floor()).clamp(-1022.0, 1022.0).exp2();
    weights.iter().map(|w| w * scale).collect()
}

/// The stratum of each cluster (each row without clusters).
fn strata_of_clusters(
    labels: &[u32],
    clusters: Option<&[u32]>,
    cluster_count: usize,
) -> Result<Strata> {
    let (labels, count) = number_from_zero(labels);
    let Some(clusters) = clusters else {
        return Ok(Strata {
            of_cluster: labels,
            count,
        });
    };
    let mut of_cluster = vec![u32::MAX; cluster_count];
    for (row, (&cluster, &stratum)) in clusters.iter().zip(&labels).enumerate() {
        let known = &mut of_cluster[cluster as usize];
        if *known != u32::MAX && *known != stratum {
            return Err(Error::SplitCluster { row });
        }
        *known = stratum;
    }
    Ok(Strata { of_cluster, count })
}

/// Labels renumbered 0, 1, .. in order of first appearance, and how many there are.
fn number_from_zero(labels: &[u32]) -> (Vec<u32>, usize) {
    if let Some(count) = numbered_already(labels) {
        return (labels.to_vec(), count);
    }
    let mut seen: FxHashMap<u32, u32> = FxHashMap::default();
    let numbered = labels
        .iter()
        .map(|&label| {
            let next = seen.len() as u32;
            *seen.entry(label).or_insert(next)
        })
        .collect();
    (numbered, seen.len())
}

/// How many labels there are, if they are 0, 1, .. in order of first appearance, as readers of
/// tables give them.
fn numbered_already(labels: &[u32]) -> Option<usize> {
    let mut next = 0;
    for &label in labels {
        if label > next {
            return None;
        }
        next += u32::from(label == next);
    }
    Some(next as usize)
}
