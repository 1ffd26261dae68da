//! Several runs side by side: which way of training covers best, and what selection and
//! reinforcement learning make of each.

use serde::Serialize;

use crate::number::percent;
use crate::report::{Checkpoint, Report};

/// One run, with what came of a further training from its chosen checkpoint.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    /// What the run tries; runs of one name differ in the seed.
    pub name: String,
    /// Seed.
    pub seed: u64,
    /// Its report; all runs share N, the ks and the kind of evaluation.
    pub report: Report,
    /// The report of a further training from the chosen checkpoint, such as reinforcement learning.
    pub then: Option<Report>,
}

/// Mean, least and most over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Least.
    pub least: f64,
    /// Most.
    pub most: f64,
}

impl Spread {
    /// Of the known values; `None` where one is unknown or there is none.
    ///
    /// ```
    /// use breadth_analysis::Spread;
    /// let spread = Spread::of([Some(1.0), Some(3.0)].into_iter()).unwrap();
    /// assert_eq!((spread.mean, spread.least, spread.most), (2.0, 1.0, 3.0));
    /// assert_eq!(Spread::of([Some(1.0), None].into_iter()), None);
    /// ```
    pub fn of(values: impl Iterator<Item = Option<f64>>) -> Option<Spread> {
        let values: Vec<f64> = values.collect::<Option<_>>()?;
        let extreme = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick);
        Some(Spread {
            mean: breadth_stats::numerics::sum(values.iter().copied()) / values.len() as f64,
            least: extreme(f64::min)?,
            most: extreme(f64::max)?,
        })
    }

    /// `mean (least to most)`.
    pub fn text(&self, print: fn(f64) -> String) -> String {
        if self.least == self.most {
            return print(self.mean);
        }
        format!(
            "{} ({} to {})",
            print(self.mean),
            print(self.least),
            print(self.most)
        )
    }
}

/// What one way of training gave, over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// The way.
    pub name: String,
    /// Its seeds.
    pub seeds: Vec<u64>,
    /// KL of the last checkpoint, nats per response.
    pub final_kl: Option<Spread>,
    /// The lowest `Cov_N` of any checkpoint, N being the tournament's.
    pub best_coverage: Option<Spread>,
    /// `Cov_N` of the last checkpoint.
    pub final_coverage: Option<Spread>,
    /// Pass@k of the last checkpoint, for the k that goes with N.
    pub final_pass: Option<Spread>,
    /// Pass@k of the checkpoint that the tournament takes.
    pub chosen_pass: Option<Spread>,
    /// Pass@1 of the same.
    pub chosen_pass_1: Option<Spread>,
    /// Steps of the chosen checkpoints.
    pub chosen_steps: Vec<Option<u64>>,
    /// Pass@1 at the end of the further training.
    pub then_pass_1: Option<Spread>,
    /// Pass@k at the end of the further training.
    pub then_pass: Option<Spread>,
}

/// One row per name, in the order of first appearance.
pub fn comparison(runs: &[ComparedRun]) -> Vec<ComparisonRow> {
    run_names(runs)
        .into_iter()
        .map(|name| row(name, &of_name(runs, name)))
        .collect()
}

/// The names of the runs, each once, in the order of first appearance.
pub fn run_names(runs: &[ComparedRun]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.name.as_str()) {
            names.push(&run.name);
        }
    }
    names
}

fn of_name<'a>(runs: &'a [ComparedRun], name: &str) -> Vec<&'a ComparedRun> {
    runs.iter().filter(|run| run.name == name).collect()
}

fn row(name: &str, runs: &[&ComparedRun]) -> ComparisonRow {
    let spread =
        |value: &dyn Fn(&ComparedRun) -> Option<f64>| Spread::of(runs.iter().map(|run| value(run)));
    let then = |k: Option<u64>| {
        spread(&|run| {
            let report = run.then.as_ref()?;
            last(report).best_pass_at(k.or(report.headline_k()))
        })
    };
    ComparisonRow {
        name: name.to_owned(),
        seeds: runs.iter().map(|run| run.seed).collect(),
        final_kl: spread(&|run| Some(last(&run.report).kl?.value)),
        best_coverage: spread(&|run| {
            let covers = run
                .report
                .checkpoints
                .iter()
                .map(|c| run.report.coverage_of(c));
            covers
                .collect::<Option<Vec<f64>>>()?
                .into_iter()
                .reduce(f64::min)
        }),
        final_coverage: spread(&|run| run.report.coverage_of(last(&run.report))),
        final_pass: spread(&|run| last(&run.report).best_pass_at(run.report.headline_k())),
        chosen_pass: spread(&|run| run.report.winner()?.best_pass_at(run.report.headline_k())),
        chosen_pass_1: spread(&|run| run.report.winner()?.best_pass_at(Some(1))),
        chosen_steps: runs.iter().map(|run| run.report.winner()?.step).collect(),
        then_pass_1: then(Some(1)),
        then_pass: then(None),
    }
}

fn last(report: &Report) -> &Checkpoint {
    &report.checkpoints[report.checkpoints.len() - 1]
}

/// Which name is best, in a sentence.
pub fn comparison_sentence(runs: &[ComparedRun]) -> String {
    let rows = comparison(runs);
    let best = |value: fn(&ComparisonRow) -> Option<Spread>| {
        let known = rows.iter().filter_map(|row| Some((row, value(row)?.mean)));
        known.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let k = runs
        .first()
        .and_then(|run| run.report.headline_k())
        .unwrap_or(1);
    match (best(|row| row.chosen_pass), best(|row| row.then_pass_1)) {
        (Some((one, value)), Some((then, end))) => format!(
            "{} has the best Pass@{k} after the tournament's choice ({}); the further training \
             ends best from {} (Pass@1 {}).",
            one.name,
            percent(value),
            then.name,
            percent(end)
        ),
        (Some((one, value)), None) => format!(
            "{} has the best Pass@{k} after the tournament's choice ({}).",
            one.name,
            percent(value)
        ),
        _ => format!("{} runs side by side.", runs.len()),
    }
}
