//! What training and evaluation ask of a task.

use std::fmt::Debug;
use std::sync::Arc;

use super::config::TaskConfig;
use crate::error::{Error, Result};
use crate::rng::{self, Stream};
use crate::text::Item;

/// A task whose distribution `p(y|x)` is known.
pub(super) trait Synthetic: Debug + Send + Sync {
    /// A training example, with the class of the prompt in `group`.
    fn draw(&self, rng: &mut Stream) -> Item;

    /// A fresh example of the prompts that are evaluated.
    fn draw_held_out(&self, rng: &mut Stream) -> Item;

    /// Prompts to evaluate on with a response each.
    ///
    /// # Errors
    /// A class of another family.
    fn evaluation(&self, seed: u64) -> Result<Vec<Item>>;

    /// Every right response to a prompt of the evaluation; `None` where the response of the
    /// evaluation is what is right.
    ///
    /// # Errors
    /// If the item is none of the task.
    fn right_responses(&self, item: &Item) -> Result<Option<Vec<Vec<u32>>>>;

    /// `ln p(y|x)` of an item's response.
    ///
    /// # Errors
    /// If the item is none of the task.
    fn log_prob(&self, item: &Item) -> Result<f64>;

    /// The text of tokens.
    ///
    /// # Errors
    /// An id beyond the vocabulary.
    fn decode(&self, tokens: &[u32]) -> Result<String>;

    /// Number of tokens.
    fn vocab_size(&self) -> usize;

    /// Tokens of the longest response, its end token included.
    fn response_len(&self) -> usize;

    /// Tokens of the longest prompt.
    fn prompt_len(&self) -> usize;

    /// The token that ends responses; `None` where all have [`Synthetic::response_len`] tokens.
    fn end_token(&self) -> Option<u32>;

    /// The tokenizer's files.
    fn tokenizer_files(&self) -> Vec<(&'static str, String)>;
}

/// A task, or why it is impossible.
pub(super) type Opened = Result<Arc<dyn Synthetic>>;

/// A kind of task, as it is listed.
pub(super) struct TaskKind {
    /// Its table in `[task]`.
    pub(super) table: &'static str,
    /// The task, if the configuration has its table.
    pub(super) open: fn(&TaskConfig, HeldOut) -> Option<Opened>,
}

/// Refuses classes for a task that has none.
pub(super) fn refuse_mixture(config: &TaskConfig) -> Result<()> {
    if config.mixture.is_empty() {
        return Ok(());
    }
    let message = "mixture is for graph-search, the only task with classes";
    Err(Error::config("[task]", message))
}

/// Which prompts training never meets.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldOut {
    share: f64,
}

impl HeldOut {
    pub(super) fn new(share: f64) -> Result<Self> {
        if (0.0..1.0).contains(&share) {
            return Ok(Self { share });
        }
        Err(Error::config(
            "[task] held_out",
            format!("{share} is not a share of at least 0 and below 1"),
        ))
    }

    /// Whether no prompt is held out.
    pub(super) fn is_none(&self) -> bool {
        self.share == 0.0
    }

    /// Whether it is one of them: the same for every seed and on every machine.
    pub(super) fn holds(&self, prompt: &str) -> bool {
        rng::uniform(&mut rng::stream(0, &format!("task/held-out/{prompt}"), 0)) < self.share
    }

    /// Whether an evaluation asks it.
    pub(super) fn evaluates(&self, prompt: &str) -> bool {
        self.is_none() || self.holds(prompt)
    }
}

/// Draws until one is wanted; a share of all are.
pub(super) fn draw_until<T>(
    rng: &mut Stream,
    draw: impl Fn(&mut Stream) -> T,
    is_wanted: impl Fn(&T) -> bool,
) -> T {
    loop {
        let drawn = draw(rng);
        if is_wanted(&drawn) {
            return drawn;
        }
    }
}
