//! The distribution of success rates over prompts: the share below or above a threshold.

use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design, Estimate, at_most};
use crate::log_ratio::Level;
use crate::numerics::{TOLERANCE, error_rate};
use crate::outcome::{PromptOutcome, binary_counts};

/// Chances with which a prompt at the threshold stays at or below the cut, tried in turn: large
/// ones for the upper limit, small ones for the lower.
const CHANCES: [f64; 4] = [0.98, 0.8, 0.2, 0.02];

/// The share of prompts whose success rate is at least `tau`, from 0/1 outcomes.
///
/// `prompts`: (prompts) samples of each; `tau`: a success rate; `design`: weights and clusters of
/// the prompts. The value is the share with `c/n >= tau`, which a handful of samples blurs; the
/// limits hold for the share of true rates. For any cut k, a prompt with a rate below tau has
/// `c <= k` with probability at least `b = P[Bin(n, tau) <= k]` and any other with at most that, so
/// that for the share F below tau and the share A of prompts with `c <= k`:
/// `b F <= A <= F + (1 - F) b`. The limits are the best over four cuts of what the limits of A
/// give, each at a quarter of the error. A value outside them is moved to the nearer one.
///
/// # Errors
///
/// No prompts, more correct than samples, rewards other than 0 and 1, tau outside (0, 1], an
/// invalid [`Design`], or a confidence outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, PromptOutcome::Counts, solved_share};
/// let prompts: Vec<_> = (0..400)
///     .map(|i| Counts {
///         n: 64,
///         c: if i % 4 == 0 { 2 } else { 60 },
///     })
///     .collect();
/// let solved = solved_share(&prompts, 0.5, &Design::default(), 0.95)?;
/// assert_eq!(solved.value, 0.75);
/// assert!(solved.low > 0.66 && solved.high < 0.82);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn solved_share(
    prompts: &[PromptOutcome],
    tau: f64,
    design: &Design,
    confidence: f64,
) -> Result<Estimate> {
    if !(tau > 0.0 && tau <= 1.0) {
        return Err(Error::InvalidRate(tau));
    }
    let below = share_below(prompts, tau, Side::Below, design, confidence)?;
    Ok(Estimate {
        value: 1.0 - below.value,
        low: 1.0 - below.high,
        high: 1.0 - below.low,
    })
}

/// Coverage of final answers in its threshold form, `P[ q(ans|x) <= 1/N ]`, from samples of q.
///
/// `answers`: (rows) how often q gave each answer drawn from the data; `level`: N. Where the data
/// have one correct answer per prompt this is `Cov^ans_N(p||q)` itself (`p(ans|x) = 1`); elsewhere
/// it bounds it from above. Method and design as in [`solved_share`]: the limits hold for the true
/// probabilities, however few the samples, and are wide where 1/N is far below one in n samples.
///
/// # Errors
///
/// As [`solved_share`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, PromptOutcome::Counts, answer_coverage};
/// let answers: Vec<_> = (0..500)
///     .map(|i| Counts {
///         n: 128,
///         c: if i % 5 == 0 { 0 } else { 90 },
///     })
///     .collect();
/// let missed = answer_coverage(&answers, Level::from_n(8.0)?, &Design::default(), 0.95)?;
/// assert_eq!(missed.value, 0.2);
/// assert!(missed.low > 0.14 && missed.high < 0.26);
/// // One in a thousand is not seen in 128 samples: what is never given may still be given often enough.
/// assert_eq!(
///     answer_coverage(&answers, Level::from_n(1000.0)?, &Design::default(), 0.95)?.low,
///     0.0
/// );
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 7.1.
pub fn answer_coverage(
    answers: &[PromptOutcome],
    level: Level,
    design: &Design,
    confidence: f64,
) -> Result<Estimate> {
    share_below(answers, 1.0 / level.n(), Side::AtMost, design, confidence)
}

/// Log-probability `log (c + 1/2)/(n + 1)` of an answer given by c of n samples, in nats.
///
/// The posterior mean of the rate under Jeffreys' prior: finite where c = 0.
///
/// # Examples
///
/// ```
/// use breadth_stats::answer_log_prob;
/// assert!((answer_log_prob(0, 15) + 32_f64.ln()).abs() < 1e-15);
/// assert!((answer_log_prob(15, 15) - (31.0_f64 / 32.0).ln()).abs() < 1e-15);
/// ```
///
/// # Source
///
/// Jeffreys, Theory of Probability (1961).
pub fn answer_log_prob(c: u64, n: u64) -> f64 {
    ((c as f64 + 0.5) / (n as f64 + 1.0)).ln()
}

/// Whether a rate equal to the threshold belongs to the share.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Below,
    AtMost,
}

fn share_below(
    prompts: &[PromptOutcome],
    threshold: f64,
    side: Side,
    design: &Design,
    confidence: f64,
) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    let counts = binary_counts(prompts)?;
    let rows = CheckedDesign::new(design, counts.len())?;
    let tail = 0.5 * alpha / CHANCES.len() as f64;
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for chance in CHANCES {
        let (share, least, most) = at_cut(&rows, &counts, threshold, chance);
        if most < 1.0 {
            low = low.max((share.lower(tail) - most) / (1.0 - most));
        }
        if least > 0.0 {
            high = high.min(share.upper(tail) / least);
        }
    }
    // Counts that no independent samples give, such as c = 3 of 16 on a hundred prompts, contradict
    // every distribution of rates: nothing is certain then.
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    let is_below = |row: usize| {
        let (n, c) = counts[row];
        let excess = c as f64 - threshold * n as f64;
        match side {
            Side::Below => excess < -TOLERANCE,
            Side::AtMost => excess <= TOLERANCE,
        }
    };
    let value = BoundedMean::of_all_rows(&rows, is_below).value;
    Ok(Estimate {
        value: value.clamp(low, high),
        low,
        high,
    })
}

/// The share of prompts at or below the cut that a prompt at the threshold stays below with about
/// this chance, and the least and the largest such chance over the numbers of samples.
fn at_cut(
    rows: &CheckedDesign,
    counts: &[(u64, u64)],
    threshold: f64,
    chance: f64,
) -> (BoundedMean, f64, f64) {
    let mut cuts = std::collections::BTreeMap::new();
    for &(n, _) in counts {
        cuts.entry(n).or_insert_with(|| cut(n, threshold, chance));
    }
    let share = BoundedMean::of_all_rows(rows, |row| {
        let (n, c) = counts[row];
        c as f64 <= cuts[&n].0
    });
    let chances = || cuts.values().map(|&(_, chance)| chance);
    (
        share,
        chances().fold(1.0, f64::min),
        chances().fold(0.0, f64::max),
    )
}

/// The least k with `P[Bin(n, t) <= k] >= chance` for a chance above 1/2, the largest with at most
/// that below (-1 if there is none), and its probability.
fn cut(n: u64, threshold: f64, chance: f64) -> (f64, f64) {
    // Bisection: the distribution function rises with k.
    let (mut low, mut high) = (-1.0, n as f64);
    while high - low > 1.0 {
        let middle = ((low + high) / 2.0_f64).floor();
        if at_most(middle, n, threshold) >= chance {
            high = middle;
        } else {
            low = middle;
        }
    }
    let k = if chance > 0.5 || at_most(high, n, threshold) <= chance {
        high
    } else {
        low
    };
    (k, at_most(k, n, threshold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binomial_distribution_and_its_cuts() {
        let by_hand = |k: u64, n: u64, t: f64| {
            let choose = |c: u64| (0..c).fold(1.0, |x, i| x * (n - i) as f64 / (i + 1) as f64);
            (0..=k)
                .map(|c| choose(c) * t.powi(c as i32) * (1.0 - t).powi((n - c) as i32))
                .sum::<f64>()
        };
        for (n, t) in [(1, 0.5), (5, 0.03), (32, 1.0 / 16.0), (40, 0.9)] {
            for k in 0..n {
                assert!((at_most(k as f64, n, t) - by_hand(k, n, t)).abs() < 1e-12);
            }
            for chance in CHANCES {
                let (k, probability) = cut(n, t, chance);
                let (here, below) = (at_most(k, n, t), at_most(k - 1.0, n, t));
                assert_eq!(here, probability);
                if chance > 0.5 {
                    assert!(here >= chance && below < chance);
                } else {
                    assert!(here <= chance && at_most(k + 1.0, n, t) > chance);
                }
            }
        }
        assert_eq!((at_most(0.0, 4, 1.0), at_most(4.0, 4, 1.0)), (0.0, 1.0));
        assert_eq!(at_most(0.0, 4, 0.0), 1.0);
    }
}
