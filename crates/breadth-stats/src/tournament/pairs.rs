//! Shares of rows on which one model leaves another behind, with limits.

use rayon::prelude::*;

use super::kernel::{RivalCounts, Units};
use super::rivals;
use crate::interval::{Rows, Share, lower, upper};
use crate::log_ratio::{Level, is_uncovered};

/// All models of a tournament on the same rows.
pub(crate) struct Pairs<'a> {
    pub(crate) columns: &'a [&'a [f64]],
    pub(crate) rows: &'a Rows,
    units: Option<Units>,
}

impl<'a> Pairs<'a> {
    pub(crate) fn new(columns: &'a [&'a [f64]], rows: &'a Rows) -> Pairs<'a> {
        Pairs {
            columns,
            rows,
            units: rows.weights.as_deref().map(Units::of),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    /// `Chat_N(rival||q)`: (m * m), `[rival * m + q]`; 0 where neither direction of a pair is `wanted`.
    pub(crate) fn shares(&self, level: Level, wanted: Option<&[bool]>) -> Vec<f64> {
        let total = self
            .units
            .as_ref()
            .map_or(self.rows.n as u64, |units| units.of_row.iter().sum());
        let counts = RivalCounts::of(self.columns, self.units.as_ref(), &[level], wanted);
        counts
            .table(0)
            .map(|count| count as f64 / total as f64)
            .collect()
    }

    /// `Chat_N(rival||q)` ready for limits. `chat` is its value, which is all that independent rows of equal weight need.
    pub(crate) fn share(&self, rival: usize, q: usize, level: Level, chat: f64) -> Share {
        if self.rows.is_iid() {
            let n = self.rows.n as f64;
            return Share::of_count((chat * n).round(), n);
        }
        let (a, b) = (self.columns[rival], self.columns[q]);
        Share::of_all_rows(self.rows, |row| is_uncovered(a[row], b[row], level))
    }

    /// For every q, limits of the true maximum over rivals; both 0 without rivals.
    pub(crate) fn limits_of_maximum(
        &self,
        chat: &[f64],
        level: Level,
        alpha: f64,
    ) -> Vec<(f64, f64)> {
        (0..self.len())
            .into_par_iter()
            .map(|q| self.limits_for(q, chat, level, alpha))
            .collect()
    }

    /// Rivals are taken from the largest share down, until no effective size could let the next one raise either limit. For independent rows, whose
    /// size is known, that is after the first.
    fn limits_for(&self, q: usize, chat: &[f64], level: Level, alpha: f64) -> (f64, f64) {
        let m = self.len();
        let (low_tail, high_tail) = (0.5 * alpha / (m - 1).max(1) as f64, 0.5 * alpha);
        let (n, weight) = (self.rows.n as f64, self.rows.total_weight());
        let most = self.rows.size_bounds(n, weight, low_tail).1;
        let least = self.rows.size_bounds(n, weight, high_tail).0;
        let mut by_share: Vec<usize> = rivals(m, q).collect();
        by_share.sort_by(|a, b| chat[b * m + q].total_cmp(&chat[a * m + q]));
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for r in by_share {
            let value = chat[r * m + q];
            if lower(value * most, most, low_tail) <= low
                && upper(value * least, least, high_tail) <= high
            {
                break;
            }
            let share = self.share(r, q, level, value);
            low = low.max(share.lower(low_tail));
            high = high.max(share.upper(high_tail));
        }
        (low, high)
    }
}
