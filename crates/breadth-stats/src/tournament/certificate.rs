//! Certified limits: what a tournament proves about `Cov_N(p||q)` without log p.

use rayon::prelude::*;

use super::input::rivals;
use super::kernel::RivalCounts;
use super::pairs::Pairs;
use crate::interval::BoundedMean;
use crate::log_ratio::{Level, is_uncovered};
use crate::numerics::log_mean_exp;

/// The slacks s tried in the certified lower bound of `Cov_N(p||q)`.
///
/// For every rival q' and every s > 1, `Cov_N(p||q) >= P_p[ q'/q >= N s ] - 1/s`: `q'/q >= N s`
/// needs `p/q >= N` or `q'/p >= s`, and the latter has probability at most 1/s under p (Markov).
/// And `Cov_N(p||q) <= P_p[ q(y|x) <= 1/N ]`, since `p(y|x) <= 1`. The certified limits are
/// confidence limits of these shares. The lower one is the best over these slacks and over k
/// comparators, all rivals and, from three models on, the even mixture of all models (which assigns
/// q's responses more wherever some rival does), each at error `alpha / (2 k |S|)`; the upper one
/// is at error `alpha / 2`.
pub const SLACKS: [f64; 5] = [4.0, 16.0, 64.0, 256.0, 1024.0];

/// Certified limits of `Cov_N(p||q)` for every q; `rival_shares` is the tournament's own table at
/// N.
pub(crate) fn bracket(
    pairs: &Pairs,
    rival_shares: &[f64],
    level: Level,
    alpha: f64,
) -> Vec<(f64, f64)> {
    let shares = shares_at_slacks(pairs, rival_shares, level);
    let mixture = (pairs.len() > 2).then(|| mixture(pairs.columns));
    let limits = |q| {
        let high = certified_high(pairs, q, level, alpha);
        let low = certified_low(pairs, q, level, &shares, mixture.as_deref(), alpha);
        (low.min(high), high)
    };
    (0..pairs.len()).into_par_iter().map(limits).collect()
}

/// `log (1/m) sum_q q(y|x)` of every row.
fn mixture(columns: &[&[f64]]) -> Vec<f64> {
    let of_row = |row: usize| log_mean_exp(columns.iter().map(|column| column[row]));
    (0..columns[0].len())
        .into_par_iter()
        .with_min_len(1024)
        .map(of_row)
        .collect()
}

/// The table at `N s` for every slack s. Shares fall as s grows, so a pair whose share at the slack
/// before is no more than 1/s can certify nothing at s, and is left out.
fn shares_at_slacks(pairs: &Pairs, rival_shares: &[f64], level: Level) -> Vec<Vec<f64>> {
    let mut tables: Vec<Vec<f64>> = Vec::new();
    for slack in SLACKS {
        let before = tables.last().map_or(rival_shares, |table| table.as_slice());
        let promising: Vec<bool> = before.iter().map(|&share| share > 1.0 / slack).collect();
        tables.push(pairs.shares(level.times(slack), Some(&promising)));
    }
    tables
}

fn certified_low(
    pairs: &Pairs,
    q: usize,
    level: Level,
    shares: &[Vec<f64>],
    mixture: Option<&[f64]>,
    alpha: f64,
) -> f64 {
    let m = pairs.len();
    let comparators = (m - 1).max(1) + usize::from(mixture.is_some());
    let tail = 0.5 * alpha / (comparators * SLACKS.len()) as f64;
    let mut candidates: Vec<(f64, f64, &[f64])> = Vec::new();
    for (slack, table) in SLACKS.into_iter().zip(shares) {
        candidates.extend(
            rivals(m, q).map(|r| (table[r * m + q] - 1.0 / slack, slack, pairs.columns[r])),
        );
    }
    if let Some(mixture) = mixture {
        let shares = shares_of(pairs, mixture, q, level);
        candidates.extend(
            SLACKS
                .into_iter()
                .zip(shares)
                .map(|(slack, share)| (share - 1.0 / slack, slack, mixture)),
        );
    }
    let lower = |(promise, slack, comparator): (f64, f64, &[f64]), best: f64| {
        let share = pairs.share_of(comparator, q, level.times(slack), promise + 1.0 / slack);
        if share.most_of_lower(tail) - 1.0 / slack <= best {
            return best;
        }
        f64::max(best, share.lower(tail) - 1.0 / slack)
    };
    // The largest first: it leaves few others to be put in order.
    let largest = candidates.iter().copied();
    let mut best = match largest.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some(largest) if largest.0 > 0.0 => lower(largest, 0.0),
        _ => return 0.0,
    };
    candidates.retain(|candidate| candidate.0 > best);
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    for candidate in candidates {
        // A lower limit stays below its estimate: from here on nothing can be better.
        if candidate.0 <= best {
            break;
        }
        best = lower(candidate, best);
    }
    best
}

/// The share of rows to which `column` assigns at least N s times the probability that q does, for
/// every slack s.
fn shares_of(pairs: &Pairs, column: &[f64], q: usize, level: Level) -> Vec<f64> {
    let levels = SLACKS.map(|slack| level.times(slack));
    let counts = RivalCounts::of(&[column, pairs.columns[q]], pairs.units(), &levels, None);
    let share = |at: usize| counts.table(at).nth(1).unwrap_or(0) as f64 / pairs.total() as f64;
    (0..SLACKS.len()).map(share).collect()
}

fn certified_high(pairs: &Pairs, q: usize, level: Level, alpha: f64) -> f64 {
    let column = pairs.columns[q];
    BoundedMean::of_all_rows(pairs.rows, |row| is_uncovered(0.0, column[row], level))
        .upper(0.5 * alpha)
}
