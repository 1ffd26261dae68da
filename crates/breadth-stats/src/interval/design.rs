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
}

/// A checked [`Design`], reduced to what matters: no weights when all are equal, no clusters when each has one row.
pub(crate) struct Rows {
    pub(crate) n: usize,
    /// Scaled so that neither their sum nor the sum of their squares leaves the range of f64.
    pub(crate) weights: Option<Vec<f64>>,
    /// Cluster of each row, numbered from 0 without gaps.
    clusters: Option<Vec<u32>>,
    pub(crate) cluster_count: usize,
    /// What the clusters weigh; none for independent rows of equal weight.
    pub(crate) clusters_weigh: ClusterWeights,
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
        let clusters = design
            .clusters
            .map(number_from_zero)
            .filter(|&(_, count)| count < n);
        let cluster_count = clusters.as_ref().map_or(n, |&(_, count)| count);
        let mut rows = Rows {
            n,
            weights: weights.filter(|w| w.iter().any(|&v| v != w[0])).map(scaled),
            clusters: clusters.map(|(labels, _)| labels),
            cluster_count,
            clusters_weigh: ClusterWeights::new(Vec::new()),
        };
        if !rows.is_iid() {
            rows.clusters_weigh = ClusterWeights::new(rows.cluster_totals(|_| 1.0));
        }
        Ok(rows)
    }

    /// Independent rows of equal weight.
    pub(crate) fn is_iid(&self) -> bool {
        self.weights.is_none() && self.clusters.is_none()
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
    /// `d <= 2 n0 W_max / W * m/(m-1)`, hence `size >= W / (2 W_max g) * (m-1)/m`, where `m >= W / W_max`. Nothing is promised (0) for a handful of clusters.
    pub(crate) fn size_bounds(&self, n: f64, weight: f64, tail: f64) -> (f64, f64) {
        if self.is_iid() {
            return (n, n);
        }
        let clusters = weight / self.clusters_weigh.largest;
        if clusters < 10.0 {
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
