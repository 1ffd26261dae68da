//! Pass@k, Best-of-k and pass^k of one prompt: unbiased from samples, exact from a known
//! probability.

use crate::error::{Error, Result};
use crate::numerics::{LOG_PROB_ROUNDING, sum};
use crate::outcome::PromptOutcome;

/// Unbiased Pass@k of one prompt: `1 - C(n-c, k) / C(n, k)`.
///
/// `n`: number of samples; `c`: number of correct ones; `k`: attempts. It is the probability that k
/// of the n samples, drawn without replacement, contain a correct one.
///
/// # Errors
///
/// k = 0, k > n, or c > n.
///
/// # Examples
///
/// ```
/// use breadth_stats::pass_at_k;
/// assert!((pass_at_k(5, 2, 3)? - 0.9).abs() < 1e-15);
/// assert!((pass_at_k(200, 3, 100)? - 0.876884).abs() < 1e-6);
/// assert!(pass_at_k(5, 2, 6).is_err());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 7; Chen et al., arXiv 2107.03374.
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

/// Unbiased mean of the best of k rewards of one prompt: `sum_i r_(i) C(i-1, k-1) / C(n, k)`.
///
/// The mean of the maximum over all k-subsets of the samples, r_(i) being the rewards in ascending
/// order; for 0/1 rewards it is [`pass_at_k`]. `rewards`: (samples) in [0, 1].
///
/// # Errors
///
/// A reward outside [0, 1], k = 0, or fewer than k rewards.
///
/// # Examples
///
/// ```
/// use breadth_stats::best_of_k;
/// // The pairs of (0.1, 0.5, 0.9) have maxima 0.5, 0.9, 0.9.
/// assert!((best_of_k(&[0.9, 0.1, 0.5], 2)? - 2.3 / 3.0).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 7.
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
    // The chance that the i-th largest is the maximum, from the largest down: k/n, then times
    // (i-k)/(i-1) for ranks i from below.
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

/// Pass@N when the probability of the correct responses is known: `1 - (1 - q)^N`.
///
/// `log_q_correct`: log q in nats; `n`: N, which need not be whole (n <= 0 gives 0). Exact also for
/// q near 0 and near 1.
///
/// # Errors
///
/// A log-probability that is NaN or above 0 by more than [`LOG_PROB_ROUNDING`] (up to it, it is
/// taken as 0), or n not a number.
///
/// # Examples
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
/// # Source
///
/// Section 7.
#[doc(alias = "hit_probability")]
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

impl PromptOutcome {
    /// Unbiased Pass@k of this prompt; for rewards the mean of the best of k.
    ///
    /// # Errors
    ///
    /// As [`pass_at_k`] and [`best_of_k`].
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::PromptOutcome;
    /// assert_eq!(PromptOutcome::Counts { n: 4, c: 1 }.best_of(2)?, 0.5);
    /// assert_eq!(PromptOutcome::Rewards(vec![0.0, 1.0]).best_of(1)?, 0.5);
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    pub fn best_of(&self, k: u64) -> Result<f64> {
        match self {
            PromptOutcome::Counts { n, c } => pass_at_k(*n, *c, k),
            PromptOutcome::Rewards(rewards) => best_of_k(rewards, k),
        }
    }

    /// Unbiased pass^k of this prompt: the probability `C(c,k) / C(n,k)` that all of k samples are
    /// correct; for rewards the mean of the worst of k.
    ///
    /// # Errors
    ///
    /// As [`pass_at_k`] and [`best_of_k`].
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_stats::PromptOutcome;
    /// assert!((PromptOutcome::Counts { n: 4, c: 2 }.worst_of(2)? - 1.0 / 6.0).abs() < 1e-15);
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
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
}

pub(super) fn check_k(samples: u64, k: u64) -> Result<()> {
    match k {
        0 => Err(Error::ZeroAttempts),
        _ if k > samples => Err(Error::TooFewSamples { samples, k }),
        _ => Ok(()),
    }
}
