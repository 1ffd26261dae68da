//! Totals as a task.

use std::sync::Arc;

use super::{Totals, TotalsConfig};
use crate::error::{Error, Result};
use crate::rng::{self, Stream};
use crate::task::config::TaskConfig;
use crate::task::symbols::{self, ended, no_prompt};
use crate::task::synthetic::{HeldOut, Synthetic, TaskKind, draw_until, refuse_mixture};
use crate::text::Item;

/// Evaluation prompts at most: evenly spread where there are more.
const MOST: usize = 250;

pub(in crate::task) const KIND: TaskKind = TaskKind {
    table: "totals",
    open: |config, held_out| Some(open(config.totals.as_ref()?, config, held_out)),
};

#[derive(Debug)]
struct TotalsTask {
    totals: Totals,
    held_out: HeldOut,
}

fn open(
    table: &TotalsConfig,
    config: &TaskConfig,
    held_out: HeldOut,
) -> Result<Arc<dyn Synthetic>> {
    refuse_mixture(config)?;
    let task = TotalsTask {
        totals: Totals::new(table.clone())?,
        held_out,
    };
    let any = |is_wanted: &dyn Fn(u32) -> bool| task.totals.totals().any(is_wanted);
    if !(any(&|total| task.is_trained(total)) && any(&|total| task.is_asked(total))) {
        let message = "held_out leaves no total to train on, or none to evaluate";
        return Err(Error::config("[task]", message));
    }
    Ok(Arc::new(task))
}

impl TotalsTask {
    fn is_trained(&self, total: u32) -> bool {
        !self.held_out.holds(&total.to_string())
    }

    fn is_asked(&self, total: u32) -> bool {
        self.held_out.evaluates(&total.to_string())
    }

    fn draw_of(&self, rng: &mut Stream, is_wanted: impl Fn(&u32) -> bool) -> Item {
        let total = draw_until(rng, |rng| self.totals.draw_total(rng), is_wanted);
        of_total(total, &self.totals.draw(total, rng))
    }
}

impl Synthetic for TotalsTask {
    fn draw(&self, rng: &mut Stream) -> Item {
        self.draw_of(rng, |&total| self.is_trained(total))
    }

    fn draw_held_out(&self, rng: &mut Stream) -> Item {
        self.draw_of(rng, |&total| self.is_asked(total))
    }

    fn evaluation(&self, seed: u64) -> Result<Vec<Item>> {
        let asked: Vec<u32> = self.totals.totals().filter(|&t| self.is_asked(t)).collect();
        let item = |total: &u32| {
            let mut rng = rng::stream(seed, "task/evaluation", u64::from(*total));
            of_total(*total, &self.totals.draw(*total, &mut rng))
        };
        let count = asked.len().min(MOST);
        let spread = (0..count).map(|i| &asked[i * asked.len() / count]);
        Ok(spread.map(item).collect())
    }

    fn right_responses(&self, item: &Item) -> Result<Option<Vec<Vec<u32>>>> {
        let right = self.totals.right(total_of(item)?).into_iter();
        Ok(Some(right.map(|(response, _)| ended(&response)).collect()))
    }

    fn log_prob(&self, item: &Item) -> Result<f64> {
        let response = symbols::decode(&item.response);
        Ok(self.totals.log_prob(total_of(item)?, &response))
    }

    fn decode(&self, tokens: &[u32]) -> Result<String> {
        Ok(symbols::decode(tokens))
    }

    fn vocab_size(&self) -> usize {
        symbols::VOCAB_SIZE
    }

    fn response_len(&self) -> usize {
        self.totals.longest().1 + 1
    }

    fn prompt_len(&self) -> usize {
        self.totals.longest().0
    }

    fn end_token(&self) -> Option<u32> {
        Some(symbols::END)
    }

    fn tokenizer_files(&self) -> Vec<(&'static str, String)> {
        symbols::files()
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

fn total_of(item: &Item) -> Result<u32> {
    let text = symbols::decode(&item.prompt);
    let number = text
        .strip_suffix(':')
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| no_prompt(item))
}
