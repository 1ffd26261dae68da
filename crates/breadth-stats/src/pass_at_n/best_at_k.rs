//! Which model for which k.

use super::{PromptOutcome, each_prompt};
use crate::error::{Error, Result};
use crate::interval::{CheckedDesign, Design};
use crate::leader::leader_of;
use crate::numerics::error_rate;

/// The best model at one k.
#[derive(Clone, Debug, PartialEq)]
pub struct BestAtK {
    /// Number of samples.
    pub k: u64,
    /// The model with the highest estimate, the first among equals.
    pub best: usize,
    /// The models that may be the best one, with the stated confidence, in order.
    pub not_excluded: Vec<usize>,
}

/// The model with the best Pass@k (Best-of-k), and those that may be.
///
/// `models`: for each the outcomes of the same prompts in the same order. Prompts are compared in pairs, as [`crate::leader()`] does.
///
/// Errors: no models, no prompts, not as many prompts for each, and those of [`super::pass_at_k_estimate`].
///
/// ```
/// use breadth_stats::{best_at_k, PromptOutcome::Counts};
/// let bold: Vec<_> = (0..40).map(|i| Counts { n: 8, c: if i % 4 == 0 { 0 } else { 6 } }).collect();
/// let broad: Vec<_> = (0..40).map(|i| Counts { n: 8, c: 2 + i % 2 }).collect();
/// let best = |k| best_at_k(&[&bold, &broad], k, 0.95).map(|choice| choice.best);
/// assert_eq!((best(1)?, best(8)?), (0, 1));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn best_at_k(models: &[&[PromptOutcome]], k: u64, confidence: f64) -> Result<BestAtK> {
    let alpha = error_rate(confidence)?;
    let Some(first) = models.first() else {
        return Err(Error::Empty {
            what: "the set of models",
        });
    };
    let rows = CheckedDesign::new(&Design::default(), first.len())?;
    let passes = |prompts: &&[PromptOutcome]| {
        crate::numerics::check_length("a model", prompts.len(), "the first model", first.len())?;
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
