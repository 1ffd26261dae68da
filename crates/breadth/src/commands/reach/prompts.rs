//! Which prompts a budget of samples reaches, from scores and graded samples together.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use breadth_data::{Outcome, ReadOptions, SampleTable};
use breadth_stats::{Level, PromptOutcome, Reachability, reachability};

use crate::output::{Output, printable_names};

/// How many prompts are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub reachable: usize,
    pub unknown: usize,
    pub not: usize,
}

impl Counts {
    fn add(&mut self, state: Reachability) {
        *match state {
            Reachability::Reachable => &mut self.reachable,
            Reachability::Unknown => &mut self.unknown,
            Reachability::Unreachable => &mut self.not,
        } += 1;
    }

    pub fn all(&self) -> usize {
        self.reachable + self.unknown + self.not
    }
}

/// Graded samples by model and prompt.
pub struct Graded {
    models: Vec<String>,
    prompts: Vec<String>,
    /// `[model][prompt]`.
    outcomes: Vec<Vec<Option<PromptOutcome>>>,
}

impl Graded {
    pub fn read(paths: &[PathBuf], options: &ReadOptions, output: &Output) -> Result<Self> {
        let mut table = SampleTable::read(paths, options)?;
        printable_names(&mut table.models);
        output.remarks(&table.remarks);
        let outcome = |outcome| match outcome {
            Outcome::Counts { n, c } => PromptOutcome::Counts { n, c },
            Outcome::Rewards(rewards) => PromptOutcome::Rewards(rewards),
        };
        let of_model = |outcomes: Vec<Option<Outcome>>| {
            let outcomes = outcomes.into_iter();
            outcomes.map(|one| one.map(outcome)).collect()
        };
        Ok(Graded {
            models: table.models,
            prompts: table.prompts,
            outcomes: table.outcomes.into_iter().map(of_model).collect(),
        })
    }

    /// Says which models have samples and no scores: reach knows nothing of them.
    pub fn remark_unscored(&self, scored: &[String], output: &Output) {
        let unscored = self.models.iter().filter(|model| !scored.contains(model));
        let names: Vec<&str> = unscored.map(String::as_str).collect();
        if !names.is_empty() {
            output.remark(&format!(
                "left out, samples without scores: {}",
                names.join(", ")
            ));
        }
    }

    /// The prompts of a model that have samples.
    fn of(&self, model: &str) -> HashMap<&str, &PromptOutcome> {
        let Some(at) = self.models.iter().position(|known| known == model) else {
            return HashMap::new();
        };
        let outcomes = self.prompts.iter().zip(&self.outcomes[at]);
        outcomes
            .filter_map(|(prompt, outcome)| Some((prompt.as_str(), outcome.as_ref()?)))
            .collect()
    }
}

/// The states of all prompts of a model that have scores, samples or both.
pub fn count(
    model: &str,
    (prompts, log_mass): (&[String], &[f64]),
    graded: Option<&Graded>,
    budget: Level,
    confidence: f64,
) -> Result<Counts> {
    let mut sampled = graded.map_or_else(HashMap::new, |graded| graded.of(model));
    let mut counts = Counts::default();
    let state = |prompt: &str, log_mass, outcome| {
        reachability(log_mass, outcome, budget, confidence)
            .map_err(|error| anyhow!("model `{model}`, prompt `{prompt}`: {error}"))
    };
    for (prompt, &log_mass) in prompts.iter().zip(log_mass) {
        let outcome = sampled.remove(prompt.as_str());
        counts.add(state(prompt, Some(log_mass), outcome)?);
    }
    for (prompt, outcome) in sampled {
        counts.add(state(prompt, None, Some(outcome))?);
    }
    Ok(counts)
}
