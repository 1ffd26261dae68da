//! Synthetic tasks whose distribution `p(y|x)` is known exactly, so that coverage and KL can be
//! computed and not only estimated.
//!
//! A [`Task`] is what `[task]` of a training configuration says ([`TaskConfig`]). To add one: a
//! module with its settings, prompts, responses and probabilities and its `Synthetic`, a field of
//! [`TaskConfig`], and a line in `KINDS`.

mod config;
pub mod graph_search;
mod numeral_tokenizer;
pub mod sums;
pub mod symbols;
mod synthetic;
pub mod totals;

use std::sync::Arc;

pub use config::TaskConfig;
pub use numeral_tokenizer::NumeralTokenizer;

use crate::error::{Error, Result};
use crate::rng::Stream;
use crate::text::Item;
use synthetic::{HeldOut, Synthetic, TaskKind};

/// So many are not met again in any training that this is for.
const MOST_EXAMPLES: u64 = 1_000_000;

/// Every kind of task.
const KINDS: [&TaskKind; 3] = [
    &graph_search::task::KIND,
    &totals::task::KIND,
    &sums::task::KIND,
];

/// A task, ready to draw from.
#[derive(Clone, Debug)]
pub struct Task(Arc<dyn Synthetic>);

impl Task {
    /// The task of a configuration.
    ///
    /// # Errors
    /// None or several of the tasks, or one that is impossible.
    pub fn new(config: &TaskConfig) -> Result<Self> {
        let error = |message: &str| Err(Error::config("[task]", message));
        match config.examples {
            Some(0) => return error("examples = 0; at least 1 is needed"),
            Some(MOST_EXAMPLES..) => {
                return error(
                    "examples is a million or more; leave it out for fresh ones at every step",
                );
            }
            _ => {}
        }
        let held_out = HeldOut::new(config.held_out)?;
        let mut given = KINDS
            .iter()
            .filter_map(|kind| (kind.open)(config, held_out));
        match (given.next(), given.next()) {
            (Some(task), None) => task.map(Self),
            _ => {
                let [others @ .., last] = &KINDS.map(|kind| format!("[task.{}]", kind.table));
                error(&format!("give one of {} and {last}", others.join(", ")))
            }
        }
    }

    /// A training example, with the class of the prompt in `group`.
    pub fn draw(&self, rng: &mut Stream) -> Item {
        self.0.draw(rng)
    }

    /// A fresh example of the prompts that are evaluated: what a user would have held out.
    pub fn draw_held_out(&self, rng: &mut Stream) -> Item {
        self.0.draw_held_out(rng)
    }

    /// Prompts to evaluate on with a response each: as many of every class, weighted back to their
    /// shares.
    ///
    /// # Errors
    /// A class of another family.
    pub fn evaluation(&self, seed: u64) -> Result<Vec<Item>> {
        self.0.evaluation(seed)
    }

    /// Every right response to the prompts of [`Self::evaluation`], with `response_id`s of their
    /// own, where a prompt has several or the data may be wrong; `None` where the response of the
    /// evaluation is what is right.
    ///
    /// # Errors
    /// As [`Self::evaluation`].
    pub fn right(&self, seed: u64) -> Result<Option<Vec<Item>>> {
        let mut right = Vec::new();
        for item in self.evaluation(seed)? {
            let Some(responses) = self.0.right_responses(&item)? else {
                return Ok(None);
            };
            for (at, response) in responses.into_iter().enumerate() {
                right.push(Item {
                    response_id: at.to_string(),
                    response,
                    ..item.clone()
                });
            }
        }
        Ok(Some(right))
    }

    /// `ln p(y|x)` of an item's response; with graph search given the class that `group` names.
    ///
    /// # Errors
    /// If the item is none of the task.
    pub fn log_prob(&self, item: &Item) -> Result<f64> {
        self.0.log_prob(item)
    }

    /// The text of tokens.
    ///
    /// # Errors
    /// An id beyond the vocabulary.
    pub fn decode(&self, tokens: &[u32]) -> Result<String> {
        self.0.decode(tokens)
    }

    /// Number of tokens.
    pub fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }

    /// Tokens of the longest response, its end token included.
    pub fn response_len(&self) -> usize {
        self.0.response_len()
    }

    /// Whether all responses have [`Self::response_len`] tokens, and no token that ends them.
    pub fn has_one_length(&self) -> bool {
        self.0.end_token().is_none()
    }

    /// Input tokens of the longest example.
    pub fn longest(&self) -> usize {
        self.0.prompt_len() + self.response_len() - 1
    }

    /// Tokenizer and generation files that belong into every checkpoint.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let mut generation = serde_json::json!({
            "do_sample": true,
            "max_new_tokens": self.response_len(),
        });
        if let Some(end) = self.0.end_token() {
            generation["eos_token_id"] = end.into();
        }
        let mut files = self.0.tokenizer_files();
        files.push(("generation_config.json", format!("{generation:#}\n")));
        files
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rng;

    fn task(text: &str) -> Result<Task> {
        Task::new(&toml::from_str::<TaskConfig>(text).unwrap())
    }

    const TOTALS: &str = "held_out = 0.3\ntotals = { from = 10, to = 89 }";
    const CHAINS: &str = "held_out = 0.3\nsums = { terms = 3, below = 10, steps = true }";

    #[test]
    fn training_never_meets_what_is_held_out() {
        for text in [TOTALS, CHAINS] {
            let task = task(text).unwrap();
            let mut rng = rng::stream(1, "test", 0);
            let trained: std::collections::HashSet<_> =
                (0..3000).map(|_| task.draw(&mut rng).prompt).collect();
            let items = task.evaluation(0).unwrap();
            assert!(items.len() > 10);
            for item in items {
                assert!(!trained.contains(&item.prompt), "{item:?}");
            }
            for _ in 0..300 {
                assert!(!trained.contains(&task.draw_held_out(&mut rng).prompt));
            }
        }
    }

    #[test]
    fn right_responses_are_those_with_a_probability_and_fit_the_model() {
        for text in [
            TOTALS,
            CHAINS,
            "sums = { terms = 2, below = 50, wrong = 0.2 }",
        ] {
            let task = task(text).unwrap();
            let right = task.right(0).unwrap().unwrap();
            let mut total = BTreeMap::new();
            for item in &right {
                assert!(item.prompt.len() + item.response.len() - 1 <= task.longest());
                assert!(item.response.len() <= task.response_len());
                *total.entry(&item.prompt_id).or_insert(0.0) += task.log_prob(item).unwrap().exp();
            }
            let expected = if text.contains("wrong") { 0.8 } else { 1.0 };
            assert!(
                total.values().all(|t| (t - expected).abs() < 1e-9),
                "{text}"
            );
        }
    }

    #[test]
    fn impossible_configurations_are_refused() {
        let message = |text: &str| task(text).unwrap_err().to_string();
        insta::assert_snapshot!(message(""), @"[task]: give one of [task.graph-search], [task.totals] and [task.sums]");
        insta::assert_snapshot!(message("examples = 0\ntotals = { from = 1, to = 9 }"), @"[task]: examples = 0; at least 1 is needed");
        insta::assert_snapshot!(message("examples = 1000000000000\ntotals = { from = 1, to = 9 }"), @"[task]: examples is a million or more; leave it out for fresh ones at every step");
        for share in ["0.999999", "0.0000001"] {
            let text = format!("held_out = {share}\nsums = {{ terms = 2, below = 2 }}");
            assert_eq!(
                message(&text),
                "[task]: held_out leaves no prompt to train on, or none to evaluate"
            );
        }
        insta::assert_snapshot!(message("held_out = 1.0\ntotals = { from = 1, to = 9 }"), @"[task] held_out: 1 is not a share of at least 0 and below 1");
        insta::assert_snapshot!(message("held_out = 0.01\ntotals = { from = 1, to = 2 }"), @"[task]: held_out leaves no total to train on, or none to evaluate");
        insta::assert_snapshot!(message("mixture = { g1 = 1.0 }\ntotals = { from = 1, to = 2 }"), @"[task]: mixture is for graph-search, the only task with classes");
    }
}
