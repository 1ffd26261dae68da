//! Which prompts a budget of samples reaches, from scores and graded samples together.

use std::collections::HashMap;

use breadth_data::SampleTable;
use breadth_stats::{Level, PromptOutcome, Reachability, reachability};

use crate::error::Result;
use crate::samples::{of_samples, outcome};

/// How many prompts are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) reachable: usize,
    pub(super) unknown: usize,
    pub(super) not: usize,
}

impl Counts {
    fn add(&mut self, state: Reachability) {
        *match state {
            Reachability::Reachable => &mut self.reachable,
            Reachability::Unknown => &mut self.unknown,
            Reachability::Unreachable => &mut self.not,
        } += 1;
    }
}

/// The prompts of a model that have samples.
fn sampled_prompts<'a>(table: &'a SampleTable, model: &str) -> HashMap<&'a str, PromptOutcome> {
    let Some(at) = table.models.iter().position(|known| known == model) else {
        return HashMap::new();
    };
    let outcomes = table.prompts.iter().zip(&table.outcomes[at]);
    outcomes
        .filter_map(|(prompt, one)| Some((prompt.as_str(), outcome(one.as_ref()?))))
        .collect()
}

/// The states of all prompts of a model that have scores, samples or both.
pub(super) fn count(
    model: &str,
    (prompts, log_mass): (&[String], &[f64]),
    graded: Option<&SampleTable>,
    budget: Level,
    confidence: f64,
) -> Result<Counts> {
    let mut sampled = graded.map_or_else(HashMap::new, |table| sampled_prompts(table, model));
    let mut counts = Counts::default();
    let state = |prompt: &str, log_mass, outcome: Option<&PromptOutcome>| {
        reachability(log_mass, outcome, budget, confidence)
            .map_err(|error| of_samples(error).at(format!("model `{model}`, prompt `{prompt}`")))
    };
    for (prompt, &log_mass) in prompts.iter().zip(log_mass) {
        let outcome = sampled.remove(prompt.as_str());
        counts.add(state(prompt, Some(log_mass), outcome.as_ref())?);
    }
    for (prompt, outcome) in sampled {
        counts.add(state(prompt, None, Some(&outcome))?);
    }
    Ok(counts)
}
