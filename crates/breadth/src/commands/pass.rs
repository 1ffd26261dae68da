//! `breadth pass`: how often is the best of k samples right?

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use breadth_data::{Outcome, SampleTable};
use breadth_report::{Options, Report};
use breadth_stats::{Estimate, PromptOutcome, pass_estimate};
use serde::Serialize;

use crate::cli;
use crate::input::Tables;
use crate::number::{self, Number};
use crate::output::{Output, Style};
use crate::sequence::{Growth, Sequence};

const EXAMPLES: &str = "\
Examples:
  # Pass@1, 2, 4, .. as far as the samples go
  breadth pass samples.parquet

  # only what you deploy
  breadth pass 'samples/*.jsonl.gz' -k 8,64

  # rows of samples, or counts: {\"model\":\"m\",\"prompt_id\":\"1\",\"n\":200,\"c\":3}
  my-grader | breadth pass - --json

Pass@k is the probability that at least one of k samples is right, averaged over prompts. The estimate is unbiased: \
1 - C(n-c,k)/C(n,k) for c right ones of n, not a resampling. With rewards in [0,1] it is the expected best reward of \
k. Intervals are over prompts. Prompts count the same, save in a run folder: there they count as scores.parquet \
weights them, so that the numbers are those of the report.";

/// Pass@k, or Best-of-k for rewards, of every model, with intervals
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    tables: Tables,
    /// Numbers of samples; `..` continues the progression to the fewest samples of any prompt [default: 1,2,4,..]
    #[arg(short, value_name = "K,..", allow_hyphen_values = true)]
    k: Option<Sequence>,
    /// Confidence of the intervals
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
}

/// The outcomes of one model on the prompts it has.
struct Graded<'a> {
    model: &'a str,
    outcomes: Vec<PromptOutcome>,
    fewest: Fewest<'a>,
    most: u64,
}

/// The prompt with the fewest samples: it decides how far k may go.
#[derive(Clone, Copy)]
struct Fewest<'a> {
    samples: u64,
    prompt: &'a str,
}

/// A model with its estimates, one per k.
struct Passed<'a> {
    graded: Graded<'a>,
    estimates: Vec<Estimate>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let mut table = SampleTable::read(&arguments.tables.paths, &arguments.tables.options())?;
    let outcomes = std::mem::take(&mut table.outcomes);
    let graded = table
        .models
        .iter()
        .zip(outcomes)
        .map(|(model, outcomes)| graded(model, &table.prompts, outcomes))
        .collect::<Result<Vec<Graded>>>()?;
    let ks = arguments.ks(&graded)?;
    let weighing = arguments.weighing(&ks)?;
    let passed = graded
        .into_iter()
        .map(|graded| passed(graded, &ks, &weighing, arguments.confidence))
        .collect::<Result<Vec<Passed>>>()?;
    let document = Document {
        command: "pass",
        confidence: arguments.confidence,
        weighting: weighing.name(),
        models: passed.iter().map(|one| Model::new(one, &ks)).collect(),
    };
    output.result(&document, |style| text(&passed, &ks, &document, style))
}

fn graded<'a>(
    model: &'a str,
    prompts: &'a [String],
    outcomes: Vec<Option<Outcome>>,
) -> Result<Graded<'a>> {
    let mut kept = Vec::with_capacity(outcomes.len());
    let (mut fewest, mut most) = (
        Fewest {
            samples: u64::MAX,
            prompt: "",
        },
        0,
    );
    for (prompt, outcome) in prompts.iter().zip(outcomes) {
        let Some(outcome) = outcome else { continue };
        let outcome = match outcome {
            Outcome::Counts { n, c } => PromptOutcome::Counts { n, c },
            Outcome::Rewards(rewards) => PromptOutcome::Rewards(rewards),
        };
        let samples = outcome.samples();
        if samples < fewest.samples {
            fewest = Fewest { samples, prompt };
        }
        most = most.max(samples);
        kept.push(outcome);
    }
    if kept.is_empty() {
        bail!("model `{model}` has no samples at all; remove it or add its rows");
    }
    Ok(Graded {
        model,
        outcomes: kept,
        fewest,
        most,
    })
}

/// What the mean over prompts stands for.
enum Weighing {
    /// Every prompt counts the same.
    Equal,
    /// Prompts count as the run's `scores.parquet` weights them, so that these numbers are those of its report.
    AsScored(Box<Report>),
}

impl Weighing {
    fn name(&self) -> &'static str {
        match self {
            Weighing::Equal => "equal",
            Weighing::AsScored(_) => "as scored",
        }
    }

    fn estimate(&self, graded: &Graded, k: u64, confidence: f64) -> Result<Estimate> {
        let Weighing::AsScored(report) = self else {
            return Ok(pass_estimate(&graded.outcomes, None, k, confidence)?);
        };
        let scored = report
            .checkpoints
            .iter()
            .find(|checkpoint| checkpoint.model == graded.model);
        let point = scored.and_then(|checkpoint| checkpoint.pass_at(k)?.sampled);
        point.ok_or_else(|| {
            anyhow!(
                "model `{}` has samples in the run but no scores to weight its prompts by; give samples.parquet \
                 itself for the plain mean",
                graded.model
            )
        })
    }
}

fn passed<'a>(
    graded: Graded<'a>,
    ks: &[u64],
    weighing: &Weighing,
    confidence: f64,
) -> Result<Passed<'a>> {
    let estimate = |&k: &u64| weighing.estimate(&graded, k, confidence);
    let estimates = ks.iter().map(estimate).collect::<Result<Vec<Estimate>>>()?;
    Ok(Passed { graded, estimates })
}

impl Arguments {
    /// A run that was scored says how much each prompt counts.
    fn weighing(&self, ks: &[u64]) -> Result<Weighing> {
        let is_scored = |folder: &&Path| folder.join("scores.parquet").is_file();
        let Some(folder) = self.tables.run_folder().filter(is_scored) else {
            return Ok(Weighing::Equal);
        };
        let options = Options {
            passes: ks.to_vec(),
            confidence: self.confidence,
            ..Options::default()
        };
        Ok(Weighing::AsScored(Box::new(breadth_report::from_run(
            folder, &options,
        )?)))
    }

    /// The ks asked for, or powers of two, none beyond the samples of any prompt.
    fn ks(&self, graded: &[Graded]) -> Result<Vec<u64>> {
        let scarce = graded.iter().min_by_key(|one| one.fewest.samples);
        let scarce = scarce.ok_or_else(|| anyhow!("the table holds no model"))?;
        let Fewest { samples, prompt } = scarce.fewest;
        let Some(sequence) = &self.k else {
            let powers = std::iter::successors(Some(1_u64), |k| k.checked_mul(2));
            return Ok(powers.take_while(|&k| k <= samples).collect());
        };
        let terms = sequence
            .terms(Growth::Geometric, samples as f64)
            .map_err(|why| anyhow!("-k: {why}"))?;
        let ks = terms
            .into_iter()
            .map(cli::whole)
            .collect::<Result<Vec<u64>>>()?;
        match ks.iter().find(|&&k| k > samples) {
            None => Ok(ks),
            Some(k) => bail!(
                "k = {k} is beyond the samples: model `{}` has {} for prompt `{prompt}`. \
                 Ask for k <= {samples}, or draw more samples",
                scarce.model,
                number::count(samples as usize, "sample"),
            ),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    command: &'static str,
    confidence: f64,
    weighting: &'static str,
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    model: &'a str,
    prompts: usize,
    samples_min: u64,
    samples_max: u64,
    pass: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    k: u64,
    value: Number,
    low: Number,
    high: Number,
    extrapolated: bool,
}

impl<'a> Model<'a> {
    fn new(passed: &Passed<'a>, ks: &[u64]) -> Self {
        let point = |(&k, estimate): (&u64, &Estimate)| Point {
            k,
            value: Number(estimate.value),
            low: Number(estimate.low),
            high: Number(estimate.high),
            extrapolated: false,
        };
        Model {
            model: passed.graded.model,
            prompts: passed.graded.outcomes.len(),
            samples_min: passed.graded.fewest.samples,
            samples_max: passed.graded.most,
            pass: ks.iter().zip(&passed.estimates).map(point).collect(),
        }
    }
}

fn text(passed: &[Passed], ks: &[u64], document: &Document, style: Style) -> String {
    let is_graded = passed
        .iter()
        .flat_map(|one| &one.graded.outcomes)
        .any(has_partial_rewards);
    let name = if is_graded { "Best-of-" } else { "Pass@" };
    let title = if is_graded {
        "Best-of-k: mean over prompts of the best reward among k samples"
    } else {
        "Pass@k: probability that at least one of k samples is right, averaged over prompts"
    };
    let percent = number::trimmed(100.0 * document.confidence);
    [
        style.strong(title),
        String::new(),
        estimates(passed, ks, name, style),
        String::new(),
        style.faint(&format!(
            "prompts weighted: {}; {percent}% intervals over prompts, all of them with --json",
            document.weighting
        )),
    ]
    .join("\n")
}

fn has_partial_rewards(outcome: &PromptOutcome) -> bool {
    match outcome {
        PromptOutcome::Counts { .. } => false,
        PromptOutcome::Rewards(rewards) => {
            rewards.iter().any(|&reward| reward != 0.0 && reward != 1.0)
        }
    }
}

fn estimates(passed: &[Passed], ks: &[u64], name: &str, style: Style) -> String {
    let labels = ["model", "prompts", "samples"].map(str::to_owned);
    let header: Vec<String> = labels
        .into_iter()
        .chain(ks.iter().map(|k| format!("{name}{k}")))
        .collect();
    let has_room = ks.len() <= 4;
    let cell = |estimate: &Estimate| match has_room {
        true => number::with_limits(estimate),
        false => format!("{:.3}", estimate.value),
    };
    let row = |one: &Passed| {
        let (fewest, most) = (one.graded.fewest.samples, one.graded.most);
        let samples = if fewest == most {
            most.to_string()
        } else {
            format!("{fewest} to {most}")
        };
        let labels = [
            one.graded.model.to_owned(),
            one.graded.outcomes.len().to_string(),
            samples,
        ];
        labels
            .into_iter()
            .chain(one.estimates.iter().map(cell))
            .collect()
    };
    style.table(1, &header, passed.iter().map(row).collect())
}
