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

    pub(crate) fn units(&self) -> Option<&Units> {
        self.units.as_ref()
    }

    /// What all rows weigh, in units.
    pub(crate) fn total(&self) -> u64 {
        self.units
            .as_ref()
            .map_or(self.rows.n as u64, |units| units.of_row.iter().sum())
    }

    /// `Chat_N(rival||q)`: (m * m), `[rival * m + q]`; 0 where neither direction of a pair is `wanted`.
    pub(crate) fn shares(&self, level: Level, wanted: Option<&[bool]>) -> Vec<f64> {
        let total = self.total();
        let counts = RivalCounts::of(self.columns, self.units.as_ref(), &[level], wanted);
        counts
            .table(0)
            .map(|count| count as f64 / total as f64)
            .collect()
    }

    /// `Chat_N(rival||q)` ready for limits. `chat` is its value, which is all that independent rows of equal weight need.
    pub(crate) fn share(&self, rival: usize, q: usize, level: Level, chat: f64) -> Share {
        self.share_of(self.columns[rival], q, level, chat)
    }

    /// The same for any column in the place of the rival's.
    pub(crate) fn share_of(&self, rival: &[f64], q: usize, level: Level, chat: f64) -> Share {
        if self.rows.is_iid() {
            let n = self.rows.n as f64;
            return Share::of_count((chat * n).round(), n);
        }
        let own = self.columns[q];
        Share::of_all_rows(self.rows, |row| is_uncovered(rival[row], own[row], level))
    }

    /// For every q, limits of the true maximum over rivals; all 0 without rivals.
    pub(crate) fn limits_of_maximum(&self, chat: &[f64], level: Level, alpha: f64) -> Vec<Limits> {
        (0..self.len())
            .into_par_iter()
            .map(|q| self.limits_for(q, chat, level, alpha))
            .collect()
    }

    /// Rivals are taken from the largest share down, until no effective size could let the next one raise any limit. For independent rows, whose
    /// size is known, that is after the first.
    fn limits_for(&self, q: usize, chat: &[f64], level: Level, alpha: f64) -> Limits {
        let m = self.len();
        let (low_tail, high_tail) = (0.5 * alpha / (m - 1).max(1) as f64, 0.5 * alpha);
        let excess_tail = alpha / m as f64;
        let (n, weight) = (self.rows.n as f64, self.rows.total_weight());
        let most = self.rows.size_bounds(n, weight, low_tail).1;
        let least = |tail| self.rows.size_bounds(n, weight, tail).0;
        let (least_high, least_excess) = (least(high_tail), least(excess_tail));
        let mut by_share: Vec<usize> = rivals(m, q).collect();
        by_share.sort_by(|a, b| chat[b * m + q].total_cmp(&chat[a * m + q]));
        let mut limits = Limits::default();
        for r in by_share {
            let value = chat[r * m + q];
            if lower(value * most, most, low_tail) <= limits.low
                && upper(value * least_high, least_high, high_tail) <= limits.high
                && upper(value * least_excess, least_excess, excess_tail) <= limits.excess
            {
                break;
            }
            let share = self.share(r, q, level, value);
            limits.low = limits.low.max(share.lower(low_tail));
            limits.high = limits.high.max(share.upper(high_tail));
            limits.excess = limits.excess.max(share.upper(excess_tail));
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
