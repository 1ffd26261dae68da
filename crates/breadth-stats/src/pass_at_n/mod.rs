//! Pass@k and Best-of-k: unbiased from samples, exact from a known probability.

mod best_at_k;
mod beta_binomial;
mod extrapolate;
mod majority;
mod mixture;
mod rates;

pub use best_at_k::{BestAtK, best_at_k};
pub use extrapolate::{Extrapolation, RateModel, extrapolate_pass};
pub use majority::{AnswerCount, majority_of_k};
pub use rates::{answer_coverage, answer_log_prob, solved_share};

use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design, Estimate};
use crate::numerics::{LOG_PROB_ROUNDING, error_rate, sum};

/// Unbiased Pass@k of one prompt from `c` correct among `n` samples: `1 - C(n-c, k) / C(n, k)`.
///
/// The chance that k of the n samples, drawn without replacement, contain a correct one.
///
/// Errors: k = 0, k > n, c > n.
///
/// ```
/// use breadth_stats::pass_at_k;
/// assert!((pass_at_k(5, 2, 3)? - 0.9).abs() < 1e-15);
/// assert!((pass_at_k(200, 3, 100)? - 0.876884).abs() < 1e-6);
/// assert!(pass_at_k(5, 2, 6).is_err());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: section 7; Chen et al., arXiv 2107.03374.
#[doc(alias = "pass@k")]
pub fn pass_at_k(n: u64, c: u64, k: u64) -> Result<f64> {
    if c > n {
        return Err(Error::InvalidCounts {
            samples: n,
            correct: c,
        });
    }
    check_k(n, k)?;
    if n - c < k {
        return Ok(1.0);
    }
    // C(n-c,k) / C(n,k) is a product of min(c,k) factors, the same with c and k exchanged.
    let (few, many) = (c.min(k), c.max(k));
    let log_failure = sum((n - few + 1..=n).map(|i| (-(many as f64) / i as f64).ln_1p()));
    Ok(-log_failure.exp_m1())
}

/// Unbiased mean of the best of k rewards of one prompt: the mean of the maximum over all k-subsets of the samples,
/// `sum_i r_(i) C(i-1, k-1) / C(n, k)` over the rewards in ascending order. For 0/1 rewards it is [`pass_at_k`].
///
/// Errors: a reward outside [0, 1], k = 0, fewer than k rewards.
///
/// ```
/// use breadth_stats::best_of_k;
/// // The pairs of (0.1, 0.5, 0.9) have maxima 0.5, 0.9, 0.9.
/// assert!((best_of_k(&[0.9, 0.1, 0.5], 2)? - 2.3 / 3.0).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: section 7.
#[doc(alias = "best_of_n")]
#[doc(alias = "best@k")]
pub fn best_of_k(rewards: &[f64], k: u64) -> Result<f64> {
    if let Some(index) = rewards.iter().position(|r| !(0.0..=1.0).contains(r)) {
        return Err(Error::InvalidReward {
            index,
            value: rewards[index],
        });
    }
    check_k(rewards.len() as u64, k)?;
    let mut descending = rewards.to_vec();
    descending.sort_by(|a, b| b.total_cmp(a));
    let (n, k) = (rewards.len() as f64, k as f64);
    // The chance that the i-th largest is the maximum, from the largest down: k/n, then times (i-k)/(i-1) for ranks i from below.
    let mut chance = k / n;
    let mut rank = n;
    let terms = descending.into_iter().map(|reward| {
        let term = chance * reward;
        chance = if rank > k {
            chance * (rank - k) / (rank - 1.0)
        } else {
            0.0
        };
        rank -= 1.0;
        term
    });
    Ok(sum(terms).clamp(0.0, 1.0))
}

/// Pass@N when the log-probability (nats) of the only correct response is known: `1 - (1 - q)^N`, exact also for q near 0 and near 1.
///
/// `n` need not be whole; n <= 0 gives 0.
///
/// Errors: a log-probability that is NaN or above 0 by more than [`LOG_PROB_ROUNDING`] (up to it, it is taken as 0), n not a number.
///
/// ```
/// use breadth_stats::pass_at_n_exact;
/// assert!((pass_at_n_exact(0.25_f64.ln(), 2.0)? - 0.4375).abs() < 1e-15);
/// assert!((pass_at_n_exact(-40.0, 1e3)? / (1e3 * (-40.0_f64).exp()) - 1.0).abs() < 1e-12);
/// assert_eq!(pass_at_n_exact(f64::NEG_INFINITY, 8.0)?, 0.0);
/// assert!(pass_at_n_exact(f64::NAN, 8.0).is_err());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: section 7.
pub fn pass_at_n_exact(log_q_correct: f64, n: f64) -> Result<f64> {
    if log_q_correct.is_nan() || log_q_correct > LOG_PROB_ROUNDING {
        return Err(Error::InvalidLogProb {
            column: "the correct response".to_owned(),
            row: 0,
            value: log_q_correct,
        });
    }
    if n.is_nan() {
        return Err(Error::InvalidAttempts(n));
    }
    let log_q = log_q_correct.min(0.0);
    if n <= 0.0 || log_q == f64::NEG_INFINITY {
        return Ok(0.0);
    }
    // log(1 - q), without rounding q away on either side.
    let log_miss = if log_q > -0.5 {
        (-log_q.exp_m1()).ln()
    } else {
        (-log_q.exp()).ln_1p()
    };
    Ok(-(n * log_miss).exp_m1())
}

/// What the samples of one prompt gave.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptOutcome {
    /// c correct ones among n samples.
    Counts {
        /// Number of samples.
        n: u64,
        /// Number of correct ones.
        c: u64,
    },
    /// One reward in [0, 1] per sample.
    Rewards(Vec<f64>),
}

impl PromptOutcome {
    /// Unbiased Pass@k or Best-of-k of this prompt.
    pub fn best_of(&self, k: u64) -> Result<f64> {
        match self {
            PromptOutcome::Counts { n, c } => pass_at_k(*n, *c, k),
            PromptOutcome::Rewards(rewards) => best_of_k(rewards, k),
        }
    }

    /// Unbiased pass^k of this prompt: the chance that all of k samples are right, `C(c,k) / C(n,k)`; for rewards the mean of the worst of k.
    pub fn worst_of(&self, k: u64) -> Result<f64> {
        match self {
            PromptOutcome::Counts { n, c } if c <= n => Ok(1.0 - pass_at_k(*n, n - c, k)?),
            PromptOutcome::Counts { n, c } => pass_at_k(*n, *c, k),
            PromptOutcome::Rewards(rewards) => {
                best_of_k(rewards, k)?;
                let losses: Vec<f64> = rewards.iter().map(|reward| 1.0 - reward).collect();
                Ok(1.0 - best_of_k(&losses, k)?)
            }
        }
    }

    /// Number of samples.
    pub fn samples(&self) -> u64 {
        match self {
            PromptOutcome::Counts { n, .. } => *n,
            PromptOutcome::Rewards(rewards) => rewards.len() as u64,
        }
    }
}

/// Pass@k or Best-of-k over prompts: the weighted mean of the prompts' unbiased estimates, with an interval over prompts.
///
/// `design`: weights, clusters and strata of the prompts. The prompts (or their clusters) are the independent units, and the limits are those of the mean of their values in [0, 1] ([`BoundedMean`]): what
/// prompts like none in the sample could do to the mean is in them, so they never have zero width.
///
/// Errors: no prompts, bad weights, and for each prompt those of [`pass_at_k`] and [`best_of_k`].
///
/// ```
/// use breadth_stats::{pass_at_k_estimate, Design, PromptOutcome::Counts};
/// let prompts = [Counts { n: 4, c: 4 }, Counts { n: 4, c: 1 }, Counts { n: 4, c: 0 }];
/// let estimate = pass_at_k_estimate(&prompts, &Design::default(), 2, 0.95)?;
/// assert!((estimate.value - 0.5).abs() < 1e-15);
/// assert!(estimate.low > 0.0 && estimate.high < 1.0);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn pass_at_k_estimate(
    prompts: &[PromptOutcome],
    design: &Design,
    k: u64,
    confidence: f64,
) -> Result<Estimate> {
    over_prompts(prompts, design, confidence, |prompt| prompt.best_of(k))
}

/// pass^k over prompts: the chance that all of k samples are right (for rewards the mean of the worst of k), unbiased, with the interval of [`pass_at_k_estimate`].
///
/// Errors: those of [`pass_at_k_estimate`].
///
/// ```
/// use breadth_stats::{pass_hat_k_estimate, Design, PromptOutcome::Counts};
/// let prompts = [Counts { n: 4, c: 4 }, Counts { n: 4, c: 2 }];
/// let estimate = pass_hat_k_estimate(&prompts, &Design::default(), 2, 0.95)?;
/// assert!((estimate.value - (1.0 + 1.0 / 6.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "pass^k")]
pub fn pass_hat_k_estimate(
    prompts: &[PromptOutcome],
    design: &Design,
    k: u64,
    confidence: f64,
) -> Result<Estimate> {
    over_prompts(prompts, design, confidence, |prompt| prompt.worst_of(k))
}

/// The weighted mean over prompts of what `of_prompt` gives in [0, 1], with its interval.
fn over_prompts(
    prompts: &[PromptOutcome],
    design: &Design,
    confidence: f64,
    of_prompt: impl Fn(&PromptOutcome) -> Result<f64>,
) -> Result<Estimate> {
    let rows = CheckedDesign::new(design, prompts.len())?;
    let values = each_prompt(prompts, of_prompt)?;
    let share = BoundedMean::of_values(&rows, |row| values[row]);
    let tail = 0.5 * error_rate(confidence)?;
    Ok(Estimate {
        value: share.value,
        low: share.lower(tail),
        high: share.upper(tail),
    })
}

/// The mean over prompts of values in [0, 1] that are given, one for each, such as those of [`majority_of_k`], with the interval of [`pass_at_k_estimate`].
///
/// Errors: no prompts, values outside [0, 1], bad weights, confidence outside (0, 1).
///
/// ```
/// use breadth_stats::{mean_over_prompts, Design};
/// assert_eq!(mean_over_prompts(&[1.0, 0.5, 0.0], &Design::default(), 0.95)?.value, 0.5);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn mean_over_prompts(values: &[f64], design: &Design, confidence: f64) -> Result<Estimate> {
    let tail = 0.5 * error_rate(confidence)?;
    let rows = CheckedDesign::new(design, values.len())?;
    if let Some(index) = values.iter().position(|v| !(0.0..=1.0).contains(v)) {
        return Err(Error::InvalidReward {
            index,
            value: values[index],
        });
    }
    let share = BoundedMean::of_values(&rows, |row| values[row]);
    Ok(Estimate {
        value: share.value,
        low: share.lower(tail),
        high: share.upper(tail),
    })
}

/// Samples and correct ones of every prompt; rewards must be 0 or 1.
pub(crate) fn binary_counts(prompts: &[PromptOutcome]) -> Result<Vec<(u64, u64)>> {
    let counts = |prompt: &PromptOutcome| match prompt {
        PromptOutcome::Counts { n, c } if c > n => Err(Error::InvalidCounts {
            samples: *n,
            correct: *c,
        }),
        PromptOutcome::Counts { n, c } => Ok((*n, *c)),
        PromptOutcome::Rewards(rewards) => {
            if let Some(index) = rewards.iter().position(|&r| r != 0.0 && r != 1.0) {
                return Err(Error::NotBinary {
                    index,
                    value: rewards[index],
                });
            }
            let correct = rewards.iter().filter(|&&r| r == 1.0).count();
            Ok((rewards.len() as u64, correct as u64))
        }
    };
    let named = |(index, prompt): (usize, &PromptOutcome)| {
        counts(prompt).map_err(|source| Error::Prompt {
            index,
            source: Box::new(source),
        })
    };
    prompts.iter().enumerate().map(named).collect()
}

/// A value for each prompt; an error names the prompt.
fn each_prompt(
    prompts: &[PromptOutcome],
    value: impl Fn(&PromptOutcome) -> Result<f64>,
) -> Result<Vec<f64>> {
    let named = |(index, prompt): (usize, &PromptOutcome)| {
        value(prompt).map_err(|source| Error::Prompt {
            index,
            source: Box::new(source),
        })
    };
    prompts.iter().enumerate().map(named).collect()
}

fn check_k(samples: u64, k: u64) -> Result<()> {
    match k {
        0 => Err(Error::ZeroAttempts),
        _ if k > samples => Err(Error::TooFewSamples { samples, k }),
        _ => Ok(()),
    }
}
