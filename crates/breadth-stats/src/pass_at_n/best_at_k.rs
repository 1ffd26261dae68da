//! Which model for which k.

use crate::error::{Error, Result};
use crate::interval::{CheckedDesign, Design};
use crate::leader::leader_of;
use crate::numerics::{check_length, error_rate};
use crate::outcome::{PromptOutcome, each_prompt};

/// The best model at one k, with a confidence set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BestAtK {
    /// Number of samples.
    pub k: u64,
    /// The model with the highest estimate, the first among equals.
    pub best: usize,
    /// A set that contains the best model with the stated confidence, in order.
    pub not_excluded: Vec<usize>,
}

/// The model with the best Pass@k (for rewards Best-of-k), and a confidence set for it.
///
/// `models`: (models)(prompts) the outcomes of the same prompts in the same order; `k`: attempts.
/// Prompts are compared in pairs, as in [`crate::leader()`].
///
/// # Errors
///
/// No models, no prompts, not as many prompts for each model, and as [`super::pass_at_k_estimate`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{PromptOutcome::Counts, best_at_k};
/// let bold: Vec<_> = (0..40)
///     .map(|i| Counts {
///         n: 8,
///         c: if i % 4 == 0 { 0 } else { 6 },
///     })
///     .collect();
/// let broad: Vec<_> = (0..40).map(|i| Counts { n: 8, c: 2 + i % 2 }).collect();
/// let best = |k| best_at_k(&[&bold, &broad], k, 0.95).map(|choice| choice.best);
/// assert_eq!((best(1)?, best(8)?), (0, 1));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// See [`crate::leader()`].
pub fn best_at_k(models: &[&[PromptOutcome]], k: u64, confidence: f64) -> Result<BestAtK> {
    let alpha = error_rate(confidence)?;
    let Some(first) = models.first() else {
        return Err(Error::Empty {
            what: "the set of models",
        });
    };
    let rows = CheckedDesign::new(&Design::default(), first.len())?;
    let passes = |prompts: &&[PromptOutcome]| {
        check_length("a model", prompts.len(), "the first model", first.len())?;
        each_prompt(prompts, |prompt| prompt.best_of(k))
    };
    let passes = models
        .iter()
        .map(passes)
        .collect::<Result<Vec<Vec<f64>>>>()?;
    let found = leader_of(&passes, &rows, alpha)?;
    Ok(BestAtK {
        k,
        best: found.best,
        not_excluded: found.not_excluded,
    })
}
