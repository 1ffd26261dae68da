//! Graded samples of the candidates, as evidence beside their scores.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Result, bail};
use breadth_data::{Outcome, RunFolder, SampleTable, ScoreTable};
use breadth_report::sample_weights;
use breadth_stats::{Design, PromptOutcome, stratified_weights};

use crate::input::{self, Tables};
use crate::number;
use crate::output::{Output, printable_names};

/// Graded samples with what their prompts count.
pub struct Samples {
    table: SampleTable,
    weights: Option<Vec<f64>>,
    strata: Option<Vec<u32>>,
    /// Whether they are those of a run folder, whose tournament has responses to prompts of its own.
    is_of_run: bool,
}

impl Samples {
    /// The samples of these tables; `None` without tables.
    pub fn read(paths: &[PathBuf], tables: &Tables, output: &Output) -> Result<Option<Self>> {
        if paths.is_empty() {
            return Ok(None);
        }
        let mut table = SampleTable::read(paths, &tables.options())?;
        printable_names(&mut table.models);
        output.remarks(&table.remarks);
        let mut samples = Samples {
            table,
            weights: None,
            strata: None,
            is_of_run: false,
        };
        samples.weigh_groups(&tables.group_weights)?;
        Ok(Some(samples))
    }

    /// Those of a run folder, whose scores say what each prompt counts.
    pub fn of_run(run: &RunFolder, tables: &Tables, output: &Output) -> Result<Option<Self>> {
        let path = run.samples();
        // Where the scored response is the only right one, its probability says more than samples.
        if !path.is_file() || run.manifest()?.single_correct_response {
            return Ok(None);
        }
        let mut samples = Samples::read(&[path], tables, output)?;
        samples
            .iter_mut()
            .for_each(|samples| samples.is_of_run = true);
        let scores = run.scores();
        if let Some(samples) = samples.as_mut().filter(|samples| samples.weights.is_none())
            && scores.is_file()
        {
            let scores = ScoreTable::read(&[scores], &tables.options())?;
            let first = samples.table.models.first().cloned().unwrap_or_default();
            samples.weights = sample_weights(&samples.table, &first, &scores)?;
        }
        Ok(samples)
    }

    /// The outcomes of each candidate; empty for one without samples.
    pub fn of(&self, names: &[&str]) -> Vec<Vec<PromptOutcome>> {
        let of_model = |name: &&str| {
            let at = self.table.models.iter().position(|model| model == name);
            at.map_or(Vec::new(), |at| {
                self.table.outcomes[at]
                    .iter()
                    .flatten()
                    .map(outcome)
                    .collect()
            })
        };
        names.iter().map(of_model).collect()
    }

    /// What speaks against these samples being of the same models and prompts as the scores.
    ///
    /// Errors: samples of none of the candidates.
    pub fn strange(&self, names: &[&str], prompts: &[String]) -> Result<Vec<String>> {
        let models = &self.table.models;
        let (known, others): (Vec<&String>, Vec<&String>) = models
            .iter()
            .partition(|model| names.contains(&model.as_str()));
        let Some(first) = known.first() else {
            bail!(
                "none of the models of the samples ({}) is among those of the scores ({}); rename one or the other, or give the samples alone",
                listed(models.iter().map(String::as_str)),
                listed(names.iter().copied())
            );
        };
        let mut strange = Vec::new();
        if let [only] = known[..]
            && names.len() > 1
        {
            strange.push(format!(
                "Of the candidates only {only} has samples, so they decide nothing."
            ));
        }
        if !others.is_empty() {
            strange.push(format!(
                "Samples of models without scores are not used: {}.",
                listed(others.into_iter().map(String::as_str))
            ));
        }
        let asked: HashSet<&String> = prompts.iter().collect();
        if !self.is_of_run
            && !self
                .table
                .prompts
                .iter()
                .any(|prompt| asked.contains(prompt))
        {
            strange.push(format!(
                "None of the {} of the samples is among those of the scores (prompt `{}` of {first}, say): are they of the same data?",
                number::count(self.table.prompts.len(), "prompt"),
                self.table.prompts.first().map_or("", String::as_str)
            ));
        }
        Ok(strange)
    }

    /// How the prompts were sampled.
    pub fn design(&self) -> Design<'_> {
        Design {
            weights: self.weights.as_deref(),
            strata: self.strata.as_deref(),
            clusters: None,
        }
    }

    fn weigh_groups(&mut self, group_weights: &[(String, f64)]) -> Result<()> {
        if group_weights.is_empty() {
            return Ok(());
        }
        let population = input::population(&self.table.groups, group_weights)?;
        if let Some(prompt) = self.table.group.iter().position(Option::is_none) {
            bail!(
                "--group-weights: prompt `{}` of the samples has no group; give it one or remove its rows",
                self.table.prompts[prompt]
            );
        }
        let strata: Vec<u32> = self.table.group.iter().flatten().copied().collect();
        self.weights = Some(stratified_weights(&strata, &population, None)?);
        self.strata = Some(strata);
        Ok(())
    }
}

/// The first few names.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    match all.len() {
        0..=4 => all.join(", "),
        more => format!("{} and {} more", all[..3].join(", "), more - 3),
    }
}

fn outcome(outcome: &Outcome) -> PromptOutcome {
    match outcome {
        Outcome::Counts { n, c } => PromptOutcome::Counts { n: *n, c: *c },
        Outcome::Rewards(rewards) => PromptOutcome::Rewards(rewards.clone()),
    }
}
