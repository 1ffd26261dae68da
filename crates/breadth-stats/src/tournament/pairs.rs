//! Rival shares of all pairs of models, with limits.

use rayon::prelude::*;

use super::input::rivals;
use super::kernel::{IntegerWeights, RivalCounts};
use crate::interval::{BoundedMean, CheckedDesign};
use crate::log_ratio::{Level, is_uncovered};

/// All models of a tournament on the same rows.
pub(crate) struct Pairs<'a> {
    pub(crate) columns: &'a [&'a [f64]],
    pub(crate) rows: &'a CheckedDesign,
    units: Option<IntegerWeights>,
}

impl<'a> Pairs<'a> {
    pub(crate) fn new(columns: &'a [&'a [f64]], rows: &'a CheckedDesign) -> Pairs<'a> {
        Pairs {
            columns,
            rows,
            units: rows.weights.as_deref().map(IntegerWeights::of),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn units(&self) -> Option<&IntegerWeights> {
        self.units.as_ref()
    }

    /// What all rows weigh, in units.
    pub(crate) fn total(&self) -> u64 {
        self.units
            .as_ref()
            .map_or(self.rows.n as u64, |units| units.of_row.iter().sum())
    }

    /// `S_N(rival||q)`: (m * m), `[rival * m + q]`; 0 where neither direction of a pair is
    /// `wanted`.
    pub(crate) fn shares(&self, level: Level, wanted: Option<&[bool]>) -> Vec<f64> {
        let total = self.total();
        let counts = RivalCounts::of(self.columns, self.units.as_ref(), &[level], wanted);
        counts
            .table(0)
            .map(|count| count as f64 / total as f64)
            .collect()
    }

    /// `S_N(rival||q)` ready for limits. `rival_share` is its value, which is all that independent
    /// rows of equal weight need.
    pub(crate) fn share(
        &self,
        rival: usize,
        q: usize,
        level: Level,
        rival_share: f64,
    ) -> BoundedMean {
        self.share_of(self.columns[rival], q, level, rival_share)
    }

    /// The same for any column in the place of the rival's.
    pub(crate) fn share_of(
        &self,
        rival: &[f64],
        q: usize,
        level: Level,
        rival_share: f64,
    ) -> BoundedMean {
        if self.rows.is_iid() {
            let n = self.rows.n as f64;
            return BoundedMean::of_count((rival_share * n).round(), n);
        }
        let own = self.columns[q];
        BoundedMean::of_all_rows(self.rows, |row| is_uncovered(rival[row], own[row], level))
    }

    /// For every q, limits of the true maximum over rivals; all 0 without rivals.
    pub(crate) fn limits_of_maximum(
        &self,
        rival_shares: &[f64],
        level: Level,
        alpha: f64,
    ) -> Vec<Limits> {
        (0..self.len())
            .into_par_iter()
            .map(|q| self.limits_for(q, rival_shares, level, alpha))
            .collect()
    }

    /// Rivals are taken from the largest share down, and left out where they cannot raise any
    /// limit. For independent rows, whose limits rise with the share, that is after the first.
    fn limits_for(&self, q: usize, rival_shares: &[f64], level: Level, alpha: f64) -> Limits {
        let m = self.len();
        let low_tail = 0.5 * alpha / (m - 1).max(1) as f64;
        let high_tails = [0.5 * alpha, alpha / m as f64];
        let share_of = |rival: &usize| rival_shares[rival * m + q];
        let by_share = if self.rows.is_iid() {
            let largest = |a, b| if share_of(&b) > share_of(&a) { b } else { a };
            rivals(m, q).reduce(largest).into_iter().collect()
        } else {
            let mut all: Vec<usize> = rivals(m, q).collect();
            all.sort_by(|a, b| share_of(b).total_cmp(&share_of(a)));
            all
        };
        let mut limits = Limits::default();
        for r in by_share {
            let rival_share = rival_shares[r * m + q];
            let most =
                high_tails.map(|tail| BoundedMean::most_of_any_upper(self.rows, rival_share, tail));
            if rival_share <= limits.low && most[0] <= limits.high && most[1] <= limits.excess {
                continue;
            }
            let share = self.share(r, q, level, rival_share);
            // A lower limit stays below its estimate, as the distribution that it is a quantile of
            // is log-concave.
            if share.value > limits.low && share.most_of_lower(low_tail) > limits.low {
                limits.low = limits.low.max(share.lower(low_tail));
            }
            let most = high_tails.map(|tail| share.most_of_upper(tail));
            if most[0] > limits.high || most[1] > limits.excess {
                let [high, excess] = share.uppers(high_tails);
                limits.high = limits.high.max(high);
                limits.excess = limits.excess.max(excess);
            }
        }
        limits
    }
}

/// Limits of a true maximum over rivals, as in [`super::Standing`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) excess: f64,
}
