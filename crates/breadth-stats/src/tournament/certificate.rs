//! What a tournament proves about the unobservable `Cov_N(p||q)`.

use rayon::prelude::*;

use super::pairs::Pairs;
use super::rivals;
use crate::interval::Share;
use crate::log_ratio::{Level, is_uncovered};

/// The slacks s tried in the certified lower bound.
///
/// For every rival q' and every s > 1, `Cov_N(p||q) >= P_p[ q'/q >= N s ] - 1/s`, since `q'/q >= N s` needs `p/q >= N` or `q'/p >= s`, and the latter
/// has probability at most 1/s under p (Markov). And `Cov_N(p||q) <= P_p[ q(y|x) <= 1/N ]`, since `p(y|x) <= 1`. The certified limits are
/// confidence limits of these shares: the lower one the best over all rivals and these slacks, each at error `alpha / (2 (m-1) |S|)`, the upper one at
/// error `alpha / 2`.
pub const SLACKS: [f64; 5] = [4.0, 16.0, 64.0, 256.0, 1024.0];

/// Certified limits of `Cov_N(p||q)` for every q.
pub(crate) fn bracket(pairs: &Pairs, level: Level, alpha: f64) -> Vec<(f64, f64)> {
    let levels = SLACKS.map(|slack| level.times(slack));
    let shares = pairs.shares(&levels);
    let limits = |q| {
        let high = certified_high(pairs, q, level, alpha);
        (
            certified_low(pairs, q, &levels, &shares, alpha).min(high),
            high,
        )
    };
    (0..pairs.len()).into_par_iter().map(limits).collect()
}

fn certified_low(pairs: &Pairs, q: usize, levels: &[Level], shares: &[f64], alpha: f64) -> f64 {
    let m = pairs.len();
    let tail = 0.5 * alpha / ((m - 1).max(1) * SLACKS.len()) as f64;
    let mut candidates: Vec<(f64, usize, usize)> = Vec::new();
    for (index, slack) in SLACKS.iter().enumerate() {
        candidates.extend(
            rivals(m, q).map(|r| (shares[(index * m + r) * m + q] - 1.0 / slack, index, r)),
        );
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best = 0.0;
    for (promise, index, r) in candidates {
        // A lower limit stays below its estimate: from here on nothing can be better.
        if promise <= best {
            break;
        }
        let share = pairs.share(r, q, levels[index], promise + 1.0 / SLACKS[index]);
        best = f64::max(best, share.lower(tail) - 1.0 / SLACKS[index]);
    }
    best
}

fn certified_high(pairs: &Pairs, q: usize, level: Level, alpha: f64) -> f64 {
    let column = pairs.columns[q];
    Share::of_rows(pairs.rows, |row| {
        Some(is_uncovered(0.0, column[row], level))
    })
    .upper(0.5 * alpha)
}
