//! The interval for a share of weighted or clustered rows.

use super::beta::student_t_upper;
use super::{Rows, clopper_pearson};
use crate::numerics::sum;

/// A share of the population estimated from rows of any design, with what its limits need.
///
/// Independent rows of equal weight: the limits are Clopper and Pearson's. Otherwise they are Korn and Graubard's, Clopper-Pearson limits at an
/// effective sample size
///
/// `size = n0 (k + 1) / (k d g + 1)`,  `n0 = W^2 / sum_c W_c^2`,  `d = v n0 / (p (1 - p))`,  `g = (t_{m-1} / t_{n-1})^2`
///
/// at most n, for n rows in m clusters (every row its own cluster when unclustered), W_c the weight of cluster c, p the weighted share, v its linearised
/// (between-cluster) variance, t the Student quantiles of the confidence asked for, and k the number of clusters that contain any row of the
/// rarer outcome. For large k this is Korn and Graubard's `p(1-p) / (v g)`. Their variance estimate says nothing when k = 0 and too little when k is
/// small; the size then falls back on n0, the size if all rows of a cluster were copies of one another.
///
/// Source: Korn and Graubard, Survey Methodology 24 (1998).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The weighted share, in [0, 1].
    pub value: f64,
    rows: f64,
    effect: Option<DesignEffect>,
}

/// What separates the rows from independent ones of equal weight; letters as in [`Share`].
#[derive(Clone, Copy, Debug, PartialEq)]
struct DesignEffect {
    clusters: f64,
    floor: f64,
    ratio: f64,
    informative: f64,
    largest: f64,
}

impl Share {
    /// The share of `count` among `n` independent rows of equal weight.
    pub(crate) fn of_count(count: f64, n: f64) -> Share {
        Share {
            value: count / n,
            rows: n,
            effect: None,
        }
    }

    /// The weighted share of the rows where `hit` holds, among those where it is `Some`.
    pub(crate) fn of_rows(rows: &Rows, hit: impl Fn(usize) -> Option<bool>) -> Share {
        if rows.is_iid() {
            let counts = (0..rows.n).filter_map(hit).fold((0.0, 0.0), |(c, n), h| {
                (c + f64::from(u8::from(h)), n + 1.0)
            });
            return Share::of_count(counts.0, counts.1);
        }
        let weights = rows.cluster_totals(|row| f64::from(u8::from(hit(row).is_some())));
        let hits = rows.cluster_totals(|row| f64::from(u8::from(hit(row) == Some(true))));
        let n = (0..rows.n).filter(|&row| hit(row).is_some()).count();
        Share::of_clusters(&weights, &hits, n as f64, n as f64)
    }

    /// From each cluster's total weight and its part of it in the share; clusters of no weight are passed over.
    ///
    /// `largest` caps the effective size.
    pub(crate) fn of_clusters(weights: &[f64], hits: &[f64], rows: f64, largest: f64) -> Share {
        let total = sum(weights.iter().copied());
        let value = (sum(hits.iter().copied()) / total).min(1.0);
        let clusters = weights.iter().filter(|&&w| w > 0.0).count() as f64;
        let squares = weights
            .iter()
            .zip(hits)
            .map(|(w, h)| (h - value * w).powi(2));
        let variance = clusters / (clusters - 1.0).max(1.0) * sum(squares) / (total * total);
        let floor = total * total / sum(weights.iter().map(|w| w * w));
        let is_rarer_outcome = |(w, h): (&f64, &f64)| if value <= 0.5 { *h > 0.0 } else { h < w };
        let informative = weights
            .iter()
            .zip(hits)
            .filter(|&pair| is_rarer_outcome(pair))
            .count() as f64;
        let spread = value * (1.0 - value);
        let ratio = if spread > 0.0 {
            variance * floor / spread
        } else {
            1.0
        };
        Share {
            value,
            rows,
            effect: Some(DesignEffect {
                clusters,
                floor,
                ratio,
                informative,
                largest,
            }),
        }
    }

    /// The effective sample size at a one-sided error of `tail`.
    pub fn effective_size(&self, tail: f64) -> f64 {
        let Some(effect) = self.effect else {
            return self.rows;
        };
        if effect.clusters < 2.0 {
            return 1.0;
        }
        let t = |df: f64| student_t_upper(df, tail);
        let penalty = (t(effect.clusters - 1.0) / t((self.rows - 1.0).max(1.0)))
            .powi(2)
            .max(1.0);
        let size = effect.floor * (effect.informative + 1.0)
            / (effect.informative * effect.ratio * penalty + 1.0);
        size.min(effect.largest)
    }

    /// The lower confidence limit with error at most `tail`.
    pub fn lower(&self, tail: f64) -> f64 {
        let size = self.effective_size(tail);
        clopper_pearson::lower(self.value * size, size, tail)
    }

    /// The upper confidence limit with error at most `tail`.
    pub fn upper(&self, tail: f64) -> f64 {
        let size = self.effective_size(tail);
        clopper_pearson::upper(self.value * size, size, tail)
    }
}
