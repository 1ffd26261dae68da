//! Which model for which k.

use super::{PromptOutcome, each_prompt};
use crate::error::{Error, Result};
use crate::interval::{Design, Rows, Share};
use crate::numerics::error_rate;

/// The best model at one k.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Number of samples.
    pub k: u64,
    /// The model with the highest estimate, the first among equals.
    pub best: usize,
    /// The models that may be the best one, with the stated confidence, in order.
    pub not_excluded: Vec<usize>,
}

/// The model with the best Pass@k (Best-of-k), and those that may be.
///
/// `models`: for each the outcomes of the same prompts in the same order. A model is excluded if the mean over prompts of its paired difference d to the best one is
/// certainly below 0: if the upper limit of the mean of `(d + 1) / 2`, which lies in [0, 1], is below 1/2 at error `alpha / (m - 1)`, by the limits of [`super::pass_estimate`]. Student's t, which takes
/// the prompts seen for all there are, misses the better model in 15% of the samples of 50 prompts where it owes its lead to 4% of them.
///
/// Errors: no models, no prompts, not as many prompts for each, and those of [`super::pass_estimate`].
///
/// ```
/// use breadth_stats::{best_for_k, PromptOutcome::Counts};
/// let bold: Vec<_> = (0..40).map(|i| Counts { n: 8, c: if i % 4 == 0 { 0 } else { 6 } }).collect();
/// let broad: Vec<_> = (0..40).map(|i| Counts { n: 8, c: 2 + i % 2 }).collect();
/// let best = |k| best_for_k(&[&bold, &broad], k, 0.95).map(|choice| choice.best);
/// assert_eq!((best(1)?, best(8)?), (0, 1));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn best_for_k(models: &[&[PromptOutcome]], k: u64, confidence: f64) -> Result<Choice> {
    let alpha = error_rate(confidence)?;
    let Some(first) = models.first() else {
        return Err(Error::Empty {
            what: "the set of models",
        });
    };
    let rows = Rows::new(&Design::default(), first.len())?;
    let passes = |prompts: &&[PromptOutcome]| {
        crate::numerics::check_length("a model", prompts.len(), "the first model", first.len())?;
        each_prompt(prompts, |prompt| prompt.best_of(k))
    };
    let passes = models
        .iter()
        .map(passes)
        .collect::<Result<Vec<Vec<f64>>>>()?;
    let values: Vec<f64> = passes
        .iter()
        .map(|passes| rows.mean(|row| passes[row]))
        .collect();
    let best = (0..values.len())
        .rev()
        .max_by(|&a, &b| values[a].total_cmp(&values[b]))
        .unwrap_or(0);
    let tail = alpha / (models.len() - 1).max(1) as f64;
    let may_be_best = |&model: &usize| {
        let half = |row: usize| 0.5 * (passes[model][row] - passes[best][row] + 1.0);
        let share = Share::of_values(&rows, half);
        model == best || share.upper(tail) >= 0.5
    };
    Ok(Choice {
        k,
        best,
        not_excluded: (0..models.len()).filter(may_be_best).collect(),
    })
}
