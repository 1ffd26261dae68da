//! Means over prompts, with intervals.

use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design, Estimate};
use crate::numerics::error_rate;
use crate::outcome::{PromptOutcome, each_prompt};

/// Pass@k over prompts (for rewards Best-of-k): the weighted mean of the prompts' unbiased
/// estimates, with limits.
///
/// `prompts`: (prompts) samples of each; `design`: weights, clusters and strata of the prompts;
/// `k`: attempts. The prompts (or their clusters) are the independent units, and the limits are
/// those of a mean of values in [0, 1] ([`BoundedMean`]): they allow for prompts unlike any in the
/// sample, so they never have zero width.
///
/// # Errors
///
/// No prompts, an invalid [`Design`], a confidence outside (0, 1), and for each prompt as
/// [`crate::pass_at_k`] and [`crate::best_of_k`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{pass_at_k_estimate, Design, PromptOutcome::Counts};
/// let prompts = [Counts { n: 4, c: 4 }, Counts { n: 4, c: 1 }, Counts { n: 4, c: 0 }];
/// let estimate = pass_at_k_estimate(&prompts, &Design::default(), 2, 0.95)?;
/// assert!((estimate.value - 0.5).abs() < 1e-15);
/// assert!(estimate.low > 0.0 && estimate.high < 1.0);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 7.
pub fn pass_at_k_estimate(
    prompts: &[PromptOutcome],
    design: &Design,
    k: u64,
    confidence: f64,
) -> Result<Estimate> {
    over_prompts(prompts, design, confidence, |prompt| prompt.best_of(k))
}

/// pass^k over prompts: the probability that all of k samples are correct (for rewards the mean of
/// the worst of k), unbiased, with limits.
///
/// Arguments and limits as in [`pass_at_k_estimate`].
///
/// # Errors
///
/// As [`pass_at_k_estimate`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{pass_hat_k_estimate, Design, PromptOutcome::Counts};
/// let prompts = [Counts { n: 4, c: 4 }, Counts { n: 4, c: 2 }];
/// let estimate = pass_hat_k_estimate(&prompts, &Design::default(), 2, 0.95)?;
/// assert!((estimate.value - (1.0 + 1.0 / 6.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Yao et al., tau-bench, arXiv 2406.12045.
#[doc(alias = "pass^k")]
pub fn pass_hat_k_estimate(
    prompts: &[PromptOutcome],
    design: &Design,
    k: u64,
    confidence: f64,
) -> Result<Estimate> {
    over_prompts(prompts, design, confidence, |prompt| prompt.worst_of(k))
}

/// Mean over prompts of given values in [0, 1], such as those of [`crate::majority_of_k`], with
/// limits.
///
/// `values`: (prompts). Limits as in [`pass_at_k_estimate`].
///
/// # Errors
///
/// No prompts, values outside [0, 1], an invalid [`Design`], or a confidence outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{mean_over_prompts, Design};
/// assert_eq!(mean_over_prompts(&[1.0, 0.5, 0.0], &Design::default(), 0.95)?.value, 0.5);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// See [`BoundedMean`].
pub fn mean_over_prompts(values: &[f64], design: &Design, confidence: f64) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    let rows = CheckedDesign::new(design, values.len())?;
    if let Some(index) = values.iter().position(|v| !(0.0..=1.0).contains(v)) {
        return Err(Error::InvalidReward {
            index,
            value: values[index],
        });
    }
    let share = BoundedMean::of_values(&rows, |row| values[row]);
    Ok(share.estimate(alpha))
}

/// The weighted mean over prompts of what `of_prompt` gives in [0, 1], with its interval.
pub(super) fn over_prompts(
    prompts: &[PromptOutcome],
    design: &Design,
    confidence: f64,
    of_prompt: impl Fn(&PromptOutcome) -> Result<f64>,
) -> Result<Estimate> {
    let rows = CheckedDesign::new(design, prompts.len())?;
    let values = each_prompt(prompts, of_prompt)?;
    let share = BoundedMean::of_values(&rows, |row| values[row]);
    Ok(share.estimate(error_rate(confidence)?))
}
