//! Synthetic tasks whose distribution `p(y|x)` is known exactly, so that coverage and KL can be computed and not only estimated.
//!
//! A [`Task`] is what `[task]` of a training configuration says ([`TaskConfig`]). To add one: a module with its settings, prompts, responses and probabilities, a field
//! of [`TaskConfig`], and a variant of [`Task`].

pub mod graph_search;
mod numeral_tokenizer;
pub mod sums;
pub mod symbols;
pub mod totals;

pub use numeral_tokenizer::NumeralTokenizer;

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::rng;
use crate::text::Item;
use graph_search::{Class, GraphSearch, GraphSearchConfig, Mixture};
use sums::{Sums, SumsConfig};
use totals::{Totals, TotalsConfig};

/// So many are not met again in any training that this is for.
const MOST_EXAMPLES: u64 = 1_000_000;
/// Prompts drawn to see whether `held_out` leaves any on either side.
const TRIES: u64 = 10_000;
/// Evaluation prompts of each class of graph search.
const PER_CLASS: u64 = 384;
/// Evaluation prompts of totals at most: evenly spread where there are more.
const MOST_TOTALS: usize = 250;
/// Evaluation prompts of sums.
const PROMPTS: u64 = 200;

/// `[task]`: one of the tables that follow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Graph search: share of each class; they sum to 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mixture: BTreeMap<Class, f64>,
    /// This many training examples, drawn once and met again and again, as in fine-tuning; absent: fresh ones at every step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<u64>,
    /// Totals and sums: share of the prompts that training never meets; then they alone are evaluated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_out: f64,
    /// Find the path through a graph.
    #[serde(
        rename = "graph-search",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub graph_search: Option<GraphSearchConfig>,
    /// Sums, differences and products that equal a number: many right responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<TotalsConfig>,
    /// The total of some numbers, alone or after a chain of steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sums: Option<SumsConfig>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

/// A task, ready to draw from.
#[derive(Clone, Debug)]
pub enum Task {
    /// See [`graph_search`].
    GraphSearch(GraphSearch, Mixture),
    /// See [`totals`].
    Totals(Totals, HeldOut),
    /// See [`sums`].
    Sums(Sums, HeldOut),
}

/// Which prompts training never meets.
#[derive(Clone, Copy, Debug)]
pub struct HeldOut {
    share: f64,
}

impl HeldOut {
    fn new(share: f64) -> Result<Self> {
        if (0.0..1.0).contains(&share) {
            return Ok(Self { share });
        }
        Err(Error::config(
            "[task] held_out",
            format!("{share} is not a share of at least 0 and below 1"),
        ))
    }

    /// Whether it is one of them: the same for every seed and on every machine.
    fn holds(&self, prompt: &str) -> bool {
        rng::uniform(&mut rng::stream(0, &format!("task/held-out/{prompt}"), 0)) < self.share
    }

    /// Whether an evaluation asks it.
    fn evaluates(&self, prompt: &str) -> bool {
        self.share == 0.0 || self.holds(prompt)
    }
}

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
        let is_mixed = !config.mixture.is_empty();
        match (&config.graph_search, &config.totals, &config.sums) {
            (Some(search), None, None) if config.held_out == 0.0 => {
                let search = GraphSearch::new(search.clone())?;
                let weights: Vec<_> = config.mixture.iter().map(|(c, w)| (*c, *w)).collect();
                let mixture = search.mixture(&weights)?;
                Ok(Self::GraphSearch(search, mixture))
            }
            (Some(_), None, None) => {
                error("held_out is for totals and sums; graphs hardly ever come twice")
            }
            (None, Some(_), None) | (None, None, Some(_)) if is_mixed => {
                error("mixture is for graph-search, the only task with classes")
            }
            (None, Some(totals), None) => {
                let totals = Totals::new(totals.clone())?;
                let trained = |&total: &u32| !held_out.holds(&total.to_string());
                let asked = |&total: &u32| held_out.evaluates(&total.to_string());
                if !totals.totals().any(|t| trained(&t)) || !totals.totals().any(|t| asked(&t)) {
                    return error("held_out leaves no total to train on, or none to evaluate");
                }
                Ok(Self::Totals(totals, held_out))
            }
            (None, None, Some(sums)) => {
                let sums = Sums::new(sums.clone())?;
                let mut rng = rng::stream(0, "task/held-out", 0);
                let mut prompts = (0..TRIES).map(|_| sums::prompt(&sums.draw_terms(&mut rng)));
                let (mut trained, mut asked) = (false, false);
                while let Some(prompt) = prompts.next().filter(|_| !(trained && asked)) {
                    trained |= !held_out.holds(&prompt);
                    asked |= held_out.evaluates(&prompt);
                }
                if !(trained && asked) {
                    return error("held_out leaves no prompt to train on, or none to evaluate");
                }
                Ok(Self::Sums(sums, held_out))
            }
            _ => error("give one of [task.graph-search], [task.totals] and [task.sums]"),
        }
    }

    /// A training example, with the class of the prompt in `group`.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Item {
        match self {
            Self::GraphSearch(search, mixture) => of_graph(&search.sample(mixture, rng)),
            Self::Totals(totals, held_out) => {
                let trained = |prompt: &str| !held_out.holds(prompt);
                let total = draw_until(
                    rng,
                    |rng| totals.draw_total(rng),
                    |t| trained(&t.to_string()),
                );
                of_total(total, &totals.draw(total, rng))
            }
            Self::Sums(sums, held_out) => {
                let trained = |terms: &Vec<u32>| !held_out.holds(&sums::prompt(terms));
                let terms = draw_until(rng, |rng| sums.draw_terms(rng), trained);
                of_sum(&terms, &sums.draw(&terms, rng))
            }
        }
    }

    /// A fresh example of the prompts that are evaluated: what a user would have held out.
    pub fn draw_held_out(&self, rng: &mut ChaCha8Rng) -> Item {
        match self {
            Self::GraphSearch(..) => self.draw(rng),
            Self::Totals(totals, held_out) => {
                let asked = |total: &u32| held_out.evaluates(&total.to_string());
                let total = draw_until(rng, |rng| totals.draw_total(rng), asked);
                of_total(total, &totals.draw(total, rng))
            }
            Self::Sums(sums, held_out) => {
                let asked = |terms: &Vec<u32>| held_out.evaluates(&sums::prompt(terms));
                let terms = draw_until(rng, |rng| sums.draw_terms(rng), asked);
                of_sum(&terms, &sums.draw(&terms, rng))
            }
        }
    }

    /// Prompts to evaluate on with a response each: as many of every class, weighted back to their shares.
    ///
    /// # Errors
    /// A class of another family.
    pub fn evaluation(&self, seed: u64) -> Result<Vec<Item>> {
        match self {
            Self::GraphSearch(search, mixture) => {
                let mut items = Vec::new();
                for &(class, share) in mixture.weights() {
                    let name = class_name(class);
                    for i in 0..PER_CLASS {
                        let mut rng = rng::stream(seed, &format!("demo/evaluation/{name}"), i);
                        items.push(Item {
                            prompt_id: format!("{name}-{i}"),
                            weight: Some(share * mixture.weights().len() as f64),
                            ..of_graph(&search.sample_class(class, &mut rng)?)
                        });
                    }
                }
                Ok(items)
            }
            Self::Totals(totals, held_out) => {
                let is_asked = |total: &u32| held_out.evaluates(&total.to_string());
                let asked: Vec<u32> = totals.totals().filter(is_asked).collect();
                let item = |total: &u32| {
                    let mut rng = rng::stream(seed, "task/evaluation", u64::from(*total));
                    of_total(*total, &totals.draw(*total, &mut rng))
                };
                let count = asked.len().min(MOST_TOTALS);
                let spread = (0..count).map(|i| &asked[i * asked.len() / count]);
                Ok(spread.map(item).collect())
            }
            Self::Sums(..) => {
                let item = |i| {
                    let mut rng = rng::stream(seed, "task/evaluation", i);
                    Item {
                        prompt_id: format!("e-{i}"),
                        ..self.draw_held_out(&mut rng)
                    }
                };
                Ok((0..PROMPTS).map(item).collect())
            }
        }
    }

    /// Every right response to the prompts of [`Self::evaluation`], with `response_id`s of their own, where a prompt has several or the data may be wrong; `None` where
    /// the response of the evaluation is what is right.
    ///
    /// # Errors
    /// As [`Self::evaluation`].
    pub fn right(&self, seed: u64) -> Result<Option<Vec<Item>>> {
        if let Self::GraphSearch(..) = self {
            return Ok(None);
        }
        let mut right = Vec::new();
        for item in self.evaluation(seed)? {
            for (at, response) in self.right_responses(&item)?.into_iter().enumerate() {
                right.push(Item {
                    response_id: at.to_string(),
                    response: ended(&response),
                    ..item.clone()
                });
            }
        }
        Ok(Some(right))
    }

    fn right_responses(&self, item: &Item) -> Result<Vec<String>> {
        let right = match self {
            Self::GraphSearch(..) => Vec::new(),
            Self::Totals(totals, _) => totals.right(total_of(item)?),
            Self::Sums(sums, _) => sums.right(&terms_of(item)?),
        };
        Ok(right.into_iter().map(|(response, _)| response).collect())
    }

    /// `ln p(y|x)` of an item's response; with graph search given the class that `group` names.
    ///
    /// # Errors
    /// If the item is none of the task.
    pub fn log_prob(&self, item: &Item) -> Result<f64> {
        match self {
            Self::GraphSearch(search, _) => {
                let group = item.group.clone().unwrap_or_default();
                let class: Class = serde_json::from_value(Value::from(group)).map_err(|_| {
                    Error::data(
                        format!("prompt_id {}", item.prompt_id),
                        "its group is no class",
                    )
                })?;
                let graph = search.parse(&item.prompt)?;
                Ok(search.class_log_prob(&graph, &item.response, class))
            }
            Self::Totals(totals, _) => {
                Ok(totals.log_prob(total_of(item)?, &symbols::decode(&item.response)))
            }
            Self::Sums(sums, _) => {
                let response = symbols::decode(&item.response);
                Ok(sums.log_prob(&terms_of(item)?, &response))
            }
        }
    }

    /// The text of tokens.
    ///
    /// # Errors
    /// An id beyond the vocabulary.
    pub fn decode(&self, tokens: &[u32]) -> Result<String> {
        match self {
            Self::GraphSearch(search, _) => search.tokenizer().decode(tokens),
            Self::Totals(..) | Self::Sums(..) => Ok(symbols::decode(tokens)),
        }
    }

    /// Number of tokens.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::GraphSearch(search, _) => search.vocab_size(),
            Self::Totals(..) | Self::Sums(..) => symbols::VOCAB_SIZE,
        }
    }

    /// Tokens of the longest response, its end token included.
    pub fn response_len(&self) -> usize {
        match self {
            Self::GraphSearch(search, _) => search.response_len(),
            Self::Totals(totals, _) => totals.longest().1 + 1,
            Self::Sums(sums, _) => sums.longest().1 + 1,
        }
    }

    /// Whether all responses have [`Self::response_len`] tokens, and no token that ends them.
    pub fn has_one_length(&self) -> bool {
        match self {
            Self::GraphSearch(..) => true,
            Self::Totals(..) | Self::Sums(..) => false,
        }
    }

    /// Input tokens of the longest example.
    pub fn longest(&self) -> usize {
        let prompt = match self {
            Self::GraphSearch(search, _) => search.max_prompt_len(),
            Self::Totals(totals, _) => totals.longest().0,
            Self::Sums(sums, _) => sums.longest().0,
        };
        prompt + self.response_len() - 1
    }

    /// Tokenizer and generation files that belong into every checkpoint.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let mut generation = serde_json::json!({
            "do_sample": true,
            "max_new_tokens": self.response_len(),
        });
        let mut files = match self {
            Self::GraphSearch(search, _) => search.tokenizer().files(),
            Self::Totals(..) | Self::Sums(..) => {
                generation["eos_token_id"] = symbols::END.into();
                symbols::files()
            }
        };
        files.push(("generation_config.json", format!("{generation:#}\n")));
        files
    }
}

/// As a class is written in data and configurations.
fn class_name(class: Class) -> String {
    serde_json::to_value(class)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn of_graph(example: &graph_search::Example) -> Item {
    Item {
        prompt: example.prompt.clone(),
        response: example.response.clone(),
        group: Some(class_name(example.class)),
        ..Item::default()
    }
}

/// Draws until one is wanted; a share of all are.
fn draw_until<T>(
    rng: &mut ChaCha8Rng,
    draw: impl Fn(&mut ChaCha8Rng) -> T,
    is_wanted: impl Fn(&T) -> bool,
) -> T {
    loop {
        let drawn = draw(rng);
        if is_wanted(&drawn) {
            return drawn;
        }
    }
}

fn of_total(total: u32, response: &str) -> Item {
    Item {
        prompt_id: total.to_string(),
        prompt: symbols::encode(&format!("{total}:")).unwrap_or_default(),
        response: ended(response),
        ..Item::default()
    }
}

fn of_sum(terms: &[u32], response: &str) -> Item {
    Item {
        prompt: symbols::encode(&sums::prompt(terms)).unwrap_or_default(),
        response: ended(response),
        answer: Some(terms.iter().sum::<u32>().to_string()),
        ..Item::default()
    }
}

/// The tokens of a response with the end token.
fn ended(response: &str) -> Vec<u32> {
    let mut tokens = symbols::encode(response).unwrap_or_default();
    tokens.push(symbols::END);
    tokens
}

fn no_prompt(item: &Item) -> Error {
    Error::data(
        format!("prompt_id {}", item.prompt_id),
        format!(
            "`{}` is no prompt of the task",
            symbols::decode(&item.prompt)
        ),
    )
}

fn total_of(item: &Item) -> Result<u32> {
    let text = symbols::decode(&item.prompt);
    let number = text
        .strip_suffix(':')
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| no_prompt(item))
}

fn terms_of(item: &Item) -> Result<Vec<u32>> {
    let text = symbols::decode(&item.prompt);
    let terms = text.strip_suffix('=').map(|terms| terms.split('+'));
    let terms: Option<Vec<u32>> = terms.and_then(|terms| terms.map(|t| t.parse().ok()).collect());
    terms.ok_or_else(|| no_prompt(item))
}

#[cfg(test)]
mod tests {
    use super::*;

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
