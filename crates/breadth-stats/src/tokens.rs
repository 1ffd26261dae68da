//! The log-ratio of whole responses, token by token.

use crate::error::{Error, Result};
use crate::log_ratio::log_ratio;
use crate::numerics::{LOG_PROB_ROUNDING, check_length, sum};

/// The log-ratio `log p/q` of responses by position, and the tokens on which q falls furthest
/// behind p.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TokenBreakdown {
    /// Positions 0, 1, 2 to 3, 4 to 7, ..: as far as the responses go.
    pub bands: Vec<PositionBand>,
    /// Share of `sum max(log p/q, 0)` over all tokens that the 1% of the tokens with the largest
    /// log-ratios hold; NaN where no token has a positive log-ratio, or the sum is infinite.
    pub worst_hundredth: f64,
    /// The tokens with the largest log-ratios, largest first; of equal ones the first.
    pub worst: Vec<TokenLogRatio>,
}

/// The tokens at a range of positions.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PositionBand {
    /// The first position, counted from 0.
    pub first: usize,
    /// The last position.
    pub last: usize,
    /// Tokens there.
    pub tokens: usize,
    /// Mean of `log p/q` over these tokens, in nats.
    pub mean: f64,
    /// Their part of the mean log-ratio of a response, in nats; over the bands these add up to the
    /// KL estimate.
    pub per_response: f64,
}

/// A token of a response, with its two log-probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TokenLogRatio {
    /// The row of the response.
    pub row: usize,
    /// Its position, counted from 0.
    pub position: usize,
    /// `log p` of it given what precedes, in nats.
    pub log_p: f64,
    /// `log q`.
    pub log_q: f64,
}

/// Breaks the log-ratio of responses down by position and token; all rows have the same weight.
///
/// `log_p`, `log_q`: (rows)(tokens) log-probabilities in nats, each token given those before it;
/// `worst`: how many of the tokens with the largest log-ratios to list. By the chain rule the
/// log-ratio of a response is the sum over its tokens, and so is the KL estimate over positions.
/// The log-ratio of a sampled token says nothing of the stopped KL, which needs the divergence of
/// the whole next-token distributions: see [`crate::stopped_kl`].
///
/// # Errors
///
/// No rows, rows or responses of different lengths, or log-probabilities that are NaN or above
/// 1e-3.
///
/// # Examples
///
/// ```
/// use breadth_stats::token_breakdown;
/// let log_p = [vec![-1.0, -1.0, -1.0], vec![-2.0]];
/// let log_q = [vec![-1.5, -1.0, -4.0], vec![-2.5]];
/// let view = token_breakdown(&log_p, &log_q, 1)?;
/// assert_eq!((view.bands[0].tokens, view.bands[0].mean), (2, 0.5));
/// assert_eq!((view.bands[2].first, view.bands[2].last, view.bands[2].per_response), (2, 3, 1.5));
/// assert_eq!((view.worst[0].row, view.worst[0].position), (0, 2));
/// assert_eq!(view.worst_hundredth, 0.75); // one token of four: 3 of the 4 nats
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 2, the chain rule.
pub fn token_breakdown(
    log_p: &[Vec<f32>],
    log_q: &[Vec<f32>],
    worst: usize,
) -> Result<TokenBreakdown> {
    check(log_p, log_q)?;
    let longest = log_p.iter().map(Vec::len).max().unwrap_or(0);
    let mut bands = Vec::new();
    let mut first = 0;
    while first < longest {
        bands.push(band(log_p, log_q, first, (2 * first).max(first + 1) - 1));
        first = (2 * first).max(1);
    }
    let mut tokens: Vec<TokenLogRatio> = (0..log_p.len())
        .flat_map(|row| tokens_of(row, &log_p[row], &log_q[row]))
        .collect();
    tokens.sort_by(|a, b| b.log_ratio().total_cmp(&a.log_ratio()));
    let behind =
        |tokens: &[TokenLogRatio]| sum(tokens.iter().map(|token| token.log_ratio().max(0.0)));
    let hundredth = tokens.len().div_ceil(100);
    let share = behind(&tokens[..hundredth]) / behind(&tokens);
    tokens.truncate(worst);
    Ok(TokenBreakdown {
        bands,
        worst_hundredth: share,
        worst: tokens,
    })
}

/// Log-probabilities of the responses without the token of the largest `log p/q` of each.
///
/// Their coverage is what would be missed if every response were forgiven one token. `log_p`,
/// `log_q`: (rows)(tokens) log-probabilities in nats. Returns `log p` and `log q`, (rows) each, in
/// nats.
///
/// # Errors
///
/// As [`token_breakdown`].
///
/// # Examples
///
/// ```
/// use breadth_stats::without_worst_token;
/// let (log_p, log_q) = without_worst_token(&[vec![-1.0, -1.0]], &[vec![-1.5, -9.0]])?;
/// assert_eq!((log_p, log_q), (vec![-1.0], vec![-1.5]));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn without_worst_token(log_p: &[Vec<f32>], log_q: &[Vec<f32>]) -> Result<(Vec<f64>, Vec<f64>)> {
    check(log_p, log_q)?;
    let rest = |(p, q): (&Vec<f32>, &Vec<f32>)| {
        let tokens = || tokens_of(0, p, q);
        let largest = tokens().max_by(|a, b| a.log_ratio().total_cmp(&b.log_ratio()));
        let left_out = largest.map(|token| token.position);
        let others = || tokens().filter(|token| Some(token.position) != left_out);
        (
            sum(others().map(|token| token.log_p)),
            sum(others().map(|token| token.log_q)),
        )
    };
    Ok(log_p.iter().zip(log_q).map(rest).unzip())
}

impl TokenLogRatio {
    /// `log p/q` of the token, in nats.
    pub fn log_ratio(&self) -> f64 {
        log_ratio(self.log_p, self.log_q)
    }
}

fn tokens_of<'a>(
    row: usize,
    p: &'a [f32],
    q: &'a [f32],
) -> impl Iterator<Item = TokenLogRatio> + 'a {
    let token = move |(position, (&log_p, &log_q)): (usize, (&f32, &f32))| TokenLogRatio {
        row,
        position,
        log_p: f64::from(log_p).min(0.0),
        log_q: f64::from(log_q).min(0.0),
    };
    p.iter().zip(q).enumerate().map(token)
}

fn band(log_p: &[Vec<f32>], log_q: &[Vec<f32>], first: usize, last: usize) -> PositionBand {
    let of_row = |row: usize| {
        tokens_of(row, &log_p[row], &log_q[row])
            .skip(first)
            .take(last + 1 - first)
    };
    let tokens = (0..log_p.len()).flat_map(of_row).count();
    let total = sum((0..log_p.len())
        .flat_map(of_row)
        .map(|token| token.log_ratio()));
    PositionBand {
        first,
        last,
        tokens,
        mean: total / tokens as f64,
        per_response: total / log_p.len() as f64,
    }
}

fn check(log_p: &[Vec<f32>], log_q: &[Vec<f32>]) -> Result<()> {
    check_length("log_q", log_q.len(), "log_p", log_p.len())?;
    if log_p.is_empty() {
        return Err(Error::Empty { what: "log_p" });
    }
    for (row, (p, q)) in log_p.iter().zip(log_q).enumerate() {
        if p.len() != q.len() {
            return Err(Error::DifferentTokens {
                row,
                p: p.len(),
                q: q.len(),
            });
        }
        for (column, values) in [("log_p", p), ("log_q", q)] {
            let is_valid = |value: f32| value <= LOG_PROB_ROUNDING as f32;
            if let Some(&value) = values.iter().find(|value| !is_valid(**value)) {
                return Err(Error::InvalidLogProb {
                    column: column.to_owned(),
                    row,
                    value: f64::from(value),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of tokens with both log-probabilities.
    fn rows() -> impl Strategy<Value = Vec<Vec<(f32, f32)>>> {
        let value = || prop_oneof![9 => -20.0..0.0f32, 1 => Just(f32::NEG_INFINITY)];
        prop::collection::vec(prop::collection::vec((value(), value()), 0..9), 1..6)
    }

    fn split(rows: &[Vec<(f32, f32)>]) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let side = |of: fn(&(f32, f32)) -> f32| {
            rows.iter()
                .map(|row| row.iter().map(of).collect())
                .collect()
        };
        (side(|token| token.0), side(|token| token.1))
    }

    proptest! {
        #[test]
        fn the_view_is_that_of_a_list_of_all_tokens(rows in rows()) {
            let (log_p, log_q) = split(&rows);
            let view = token_breakdown(&log_p, &log_q, 3).unwrap();
            let ratio = |&(p, q): &(f32, f32)| log_ratio(f64::from(p), f64::from(q));
            prop_assert_eq!(view.bands.iter().map(|band| band.tokens).sum::<usize>(), rows.iter().map(Vec::len).sum::<usize>());
            for band in &view.bands {
                let here: Vec<f64> = rows.iter().flat_map(|row| {
                    row.iter().enumerate().filter(|(at, _)| (band.first..=band.last).contains(at)).map(|(_, token)| ratio(token))
                }).collect();
                let mean = here.iter().sum::<f64>() / here.len() as f64;
                prop_assert!(mean.is_nan() && band.mean.is_nan() || (mean - band.mean).abs() < 1e-9 || mean == band.mean, "{mean} {}", band.mean);
            }
            let mut all: Vec<f64> = rows.iter().flatten().map(ratio).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            let worst: Vec<f64> = view.worst.iter().map(TokenLogRatio::log_ratio).collect();
            prop_assert_eq!(&worst[..], &all[..all.len().min(3)]);
            if all.iter().all(|ratio| ratio.is_finite()) && all.iter().any(|ratio| *ratio > 0.0) {
                let positive = |some: &[f64]| some.iter().map(|ratio| ratio.max(0.0)).sum::<f64>();
                let share = positive(&all[..all.len().div_ceil(100)]) / positive(&all);
                prop_assert!((share - view.worst_hundredth).abs() < 1e-9);
            }
        }

        #[test]
        fn a_forgiven_token_is_the_one_that_helps_most(rows in rows()) {
            let (log_p, log_q) = split(&rows);
            let (p, q) = without_worst_token(&log_p, &log_q).unwrap();
            for (row, (p, q)) in rows.iter().zip(p.iter().zip(&q)) {
                if row.iter().any(|(p, q)| p.is_infinite() || q.is_infinite()) { continue; }
                let total: f64 = row.iter().map(|&(p, q)| f64::from(p) - f64::from(q)).sum();
                let least = row.iter().map(|&(p, q)| total - (f64::from(p) - f64::from(q))).fold(f64::INFINITY, f64::min);
                let expected = if row.is_empty() { 0.0 } else { least };
                prop_assert!((p - q - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn what_is_not_token_by_token_is_refused() {
        let one = vec![vec![-1.0]];
        assert!(matches!(
            token_breakdown(&[], &[], 1),
            Err(Error::Empty { what: "log_p" })
        ));
        assert!(matches!(
            token_breakdown(&one, &[vec![-1.0, -1.0]], 1),
            Err(Error::DifferentTokens { row: 0, p: 1, q: 2 })
        ));
        for odd in [f32::NAN, 0.5] {
            assert!(matches!(
                token_breakdown(&one, &[vec![odd]], 1),
                Err(Error::InvalidLogProb { .. })
            ));
        }
        let nothing = token_breakdown(&[vec![]], &[vec![]], 1).unwrap();
        assert!(nothing.bands.is_empty() && nothing.worst_hundredth.is_nan());
    }
}
