//! How the rows were sampled.

use std::collections::HashMap;

use super::beta::student_t_upper;
use crate::error::{Error, Result};
use crate::numerics::{check_length, sum};

/// The sampling design of the rows; the default is independent rows of equal weight.
///
/// Only ratios of weights matter. Weights that are all equal and clusters of one row each are the same as none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Design<'a> {
    /// One positive weight per row, for rows that stand for more or less than their share of the population.
    pub weights: Option<&'a [f64]>,
    /// One label per row; rows with the same label (responses to one prompt) are not independent of each other.
    pub clusters: Option<&'a [u32]>,
    /// One label per row; rows of each label were sampled apart from the others, in numbers that were fixed beforehand, so that which label comes how often is no
    /// matter of chance. Weights say how much each label counts (see [`stratified_weights`]). A cluster lies in one stratum.
    pub strata: Option<&'a [u32]>,
}

/// Weights under which the rows of each stratum together count as much as `population` says: `w_i W_g / sum of w in g`.
///
/// `strata`: one position in `population` per row. `weights`: those of the rows within their stratum, `None` for equal ones. Strata without rows are an error: what they would
/// contribute is unknown.
///
/// Errors: no rows, weights or population shares that are not positive and finite, a stratum without rows.
///
/// ```
/// use breadth_stats::stratified_weights;
/// let weights = stratified_weights(&[0, 0, 0, 1], &[0.9, 0.1], None)?;
/// assert_eq!(weights, [0.3, 0.3, 0.3, 0.1]);
/// assert!(stratified_weights(&[0, 0], &[0.9, 0.1], None).is_err());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
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

/// A checked [`Design`], reduced to what matters: no weights when all are equal, no clusters when each has one row.
pub(crate) struct Rows {
    pub(crate) n: usize,
    /// Scaled so that neither their sum nor the sum of their squares leaves the range of f64.
    pub(crate) weights: Option<Vec<f64>>,
    /// Cluster of each row, numbered from 0 without gaps.
    clusters: Option<Vec<u32>>,
    pub(crate) cluster_count: usize,
    /// Stratum of each cluster; none if there is only one.
    pub(crate) strata: Option<Strata>,
    /// What the clusters weigh; none for independent rows of equal weight.
    pub(crate) clusters_weigh: ClusterWeights,
}

/// The strata of clusters.
pub(crate) struct Strata {
    pub(crate) of_cluster: Vec<u32>,
    pub(crate) count: usize,
}

/// The spread of clusters' residuals, and its degrees of freedom.
pub(crate) struct Spread {
    /// `sum_g m_g / (m_g - 1) sum_{c in g} (z_c - mean of g)^2` over clusters that weigh anything; the only cluster of a stratum counts in full.
    pub(crate) squares: f64,
    /// Satterthwaite's: `(sum_g v_g)^2 / sum_g v_g^2 / (m_g - 1)`, which is m - 1 where there is one stratum.
    pub(crate) freedom: f64,
}

/// The spread of residuals that sum to 0, one for each cluster, within strata.
pub(crate) fn spread(
    residuals: &[f64],
    strata: Option<&Strata>,
    weighs: impl Fn(usize) -> bool,
    clusters: f64,
) -> Spread {
    let Some(strata) = strata else {
        let freedom = clusters - 1.0;
        return Spread {
            squares: sum(residuals.iter().map(|z| z * z)) * clusters / freedom.max(1.0),
            freedom,
        };
    };
    let mut sums = vec![(0.0, 0.0, 0.0); strata.count];
    for (cluster, &z) in residuals.iter().enumerate().filter(|&(c, _)| weighs(c)) {
        let (m, total, squares) = &mut sums[strata.of_cluster[cluster] as usize];
        *m += 1.0;
        *total += z;
        *squares += z * z;
    }
    let of_stratum = |&(m, total, squares): &(f64, f64, f64)| match m < 2.0 {
        true => (squares, 1.0),
        false => (
            (squares - total * total / m).max(0.0) * m / (m - 1.0),
            m - 1.0,
        ),
    };
    let parts = || sums.iter().map(of_stratum);
    let squares: f64 = parts().map(|(v, _)| v).sum();
    let penalty: f64 = parts().map(|(v, freedom)| v * v / freedom).sum();
    let all = clusters - strata.count as f64;
    Spread {
        squares,
        freedom: if penalty > 0.0 {
            squares * squares / penalty
        } else {
            all
        },
    }
}

/// The weights of clusters, with the sums of them that limits need.
pub(crate) struct ClusterWeights {
    pub(crate) of_cluster: Vec<f64>,
    pub(crate) total: f64,
    pub(crate) squares: f64,
    /// Number of clusters that weigh anything.
    pub(crate) count: f64,
    largest: f64,
}

impl ClusterWeights {
    pub(crate) fn new(of_cluster: Vec<f64>) -> ClusterWeights {
        ClusterWeights {
            total: sum(of_cluster.iter().copied()),
            squares: of_cluster.iter().map(|w| w * w).sum(),
            count: of_cluster.iter().filter(|&&w| w > 0.0).count() as f64,
            largest: of_cluster.iter().copied().fold(0.0, f64::max),
            of_cluster,
        }
    }

    /// Number of clusters of equal weight that carry as much: `(sum W_c)^2 / sum W_c^2` (Kish).
    pub(crate) fn effective_count(&self) -> f64 {
        self.total * self.total / self.squares
    }
}

impl Rows {
    pub(crate) fn new(design: &Design, n: usize) -> Result<Rows> {
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
        let mut rows = Rows {
            n,
            weights: weights.filter(|w| w.iter().any(|&v| v != w[0])).map(scaled),
            clusters: clusters.map(|(labels, _)| labels),
            cluster_count,
            strata,
            clusters_weigh: ClusterWeights::new(Vec::new()),
        };
        if !rows.is_iid() {
            rows.clusters_weigh = ClusterWeights::new(rows.cluster_totals(|_| 1.0));
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

    /// Number of independent units of equal weight that carry as much as these rows, if the rows of a cluster are taken as copies of each other.
    pub(crate) fn effective_clusters(&self) -> f64 {
        if self.is_iid() {
            self.n as f64
        } else {
            self.clusters_weigh.effective_count()
        }
    }

    /// The least and the largest effective size that a share of `n` of the rows, of total weight `weight`, can have, whatever the outcomes.
    ///
    /// With the letters of [`super::Share`]: `|S_c - p W_c| <= W_max` and `sum_c |S_c - p W_c| <= 2 p (1-p) W` give
    /// `d <= 2 n0 W_max / W * m/(m-1)`, hence `size >= W / (2 W_max g) * (m-1)/m`, where `m >= W / W_max`. Nothing is promised (0) for a handful of clusters, or within strata.
    pub(crate) fn size_bounds(&self, n: f64, weight: f64, tail: f64) -> (f64, f64) {
        if self.is_iid() {
            return (n, n);
        }
        let clusters = weight / self.clusters_weigh.largest;
        if clusters < 10.0 || self.strata.is_some() {
            return (0.0, n);
        }
        let penalty = (student_t_upper(clusters - 1.0, tail) / student_t_upper(n, tail)).powi(2);
        (0.5 * (clusters - 1.0) / penalty.max(1.0), n)
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

/// The weights times a power of two that brings the largest to between 1 and 2: exact, and safe to sum and square.
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
    let mut seen = HashMap::new();
    let numbered = labels
        .iter()
        .map(|&label| {
            let next = seen.len() as u32;
            *seen.entry(label).or_insert(next)
        })
        .collect();
    (numbered, seen.len())
}
