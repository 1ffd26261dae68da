//! Sums as a task.

use std::sync::Arc;

use super::{Sums, SumsConfig, prompt};
use crate::error::{Error, Result};
use crate::rng::{self, Stream};
use crate::task::config::TaskConfig;
use crate::task::symbols::{self, ended, no_prompt};
use crate::task::synthetic::{HeldOut, Synthetic, TaskKind, draw_until, refuse_mixture};
use crate::text::Item;

/// Evaluation prompts.
const PROMPTS: u64 = 200;
/// Prompts drawn to see whether `held_out` leaves any on either side.
const TRIES: u64 = 10_000;

pub(in crate::task) const KIND: TaskKind = TaskKind {
    table: "sums",
    open: |config, held_out| Some(open(config.sums.as_ref()?, config, held_out)),
};

#[derive(Debug)]
struct SumsTask {
    sums: Sums,
    held_out: HeldOut,
}

fn open(table: &SumsConfig, config: &TaskConfig, held_out: HeldOut) -> Result<Arc<dyn Synthetic>> {
    refuse_mixture(config)?;
    let task = SumsTask {
        sums: Sums::new(table.clone())?,
        held_out,
    };
    let mut rng = rng::stream(0, "task/held-out", 0);
    let mut prompts = (0..TRIES).map(|_| prompt(&task.sums.draw_terms(&mut rng)));
    let (mut trained, mut asked) = (false, false);
    while let Some(prompt) = prompts.next().filter(|_| !(trained && asked)) {
        trained |= !task.held_out.holds(&prompt);
        asked |= task.held_out.evaluates(&prompt);
    }
    if !(trained && asked) {
        let message = "held_out leaves no prompt to train on, or none to evaluate";
        return Err(Error::config("[task]", message));
    }
    Ok(Arc::new(task))
}

impl SumsTask {
    fn draw_of(&self, rng: &mut Stream, is_wanted: impl Fn(&str) -> bool) -> Item {
        let is_wanted = |terms: &Vec<u32>| is_wanted(&prompt(terms));
        let terms = draw_until(rng, |rng| self.sums.draw_terms(rng), is_wanted);
        of_sum(&terms, &self.sums.draw(&terms, rng))
    }
}

impl Synthetic for SumsTask {
    fn draw(&self, rng: &mut Stream) -> Item {
        self.draw_of(rng, |prompt| !self.held_out.holds(prompt))
    }

    fn draw_held_out(&self, rng: &mut Stream) -> Item {
        self.draw_of(rng, |prompt| self.held_out.evaluates(prompt))
    }

    fn evaluation(&self, seed: u64) -> Result<Vec<Item>> {
        let item = |i| {
            let mut rng = rng::stream(seed, "task/evaluation", i);
            Item {
                prompt_id: format!("e-{i}"),
                ..self.draw_held_out(&mut rng)
            }
        };
        Ok((0..PROMPTS).map(item).collect())
    }

    fn right_responses(&self, item: &Item) -> Result<Option<Vec<Vec<u32>>>> {
        let right = self.sums.right(&terms_of(item)?).into_iter();
        Ok(Some(right.map(|(response, _)| ended(&response)).collect()))
    }

    fn log_prob(&self, item: &Item) -> Result<f64> {
        let response = symbols::decode(&item.response);
        Ok(self.sums.log_prob(&terms_of(item)?, &response))
    }

    fn decode(&self, tokens: &[u32]) -> Result<String> {
        Ok(symbols::decode(tokens))
    }

    fn vocab_size(&self) -> usize {
        symbols::VOCAB_SIZE
    }

    fn response_len(&self) -> usize {
        self.sums.longest().1 + 1
    }

    fn prompt_len(&self) -> usize {
        self.sums.longest().0
    }

    fn end_token(&self) -> Option<u32> {
        Some(symbols::END)
    }

    fn tokenizer_files(&self) -> Vec<(&'static str, String)> {
        symbols::files()
    }
}

fn of_sum(terms: &[u32], response: &str) -> Item {
    Item {
        prompt: symbols::encode(&prompt(terms)).unwrap_or_default(),
        response: ended(response),
        answer: Some(terms.iter().sum::<u32>().to_string()),
        ..Item::default()
    }
}

fn terms_of(item: &Item) -> Result<Vec<u32>> {
    let text = symbols::decode(&item.prompt);
    let terms = text.strip_suffix('=').map(|terms| terms.split('+'));
    let terms: Option<Vec<u32>> = terms.and_then(|terms| terms.map(|t| t.parse().ok()).collect());
    terms.ok_or_else(|| no_prompt(item))
}
