//! `breadth pass`: how often is the best of k samples right?

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use breadth_data::{Outcome, ReadOptions, RunFolder, SampleTable};
use breadth_report::{Options, Report};
use breadth_stats::{
    AnswerCount, Design, Estimate, Extrapolation, PromptOutcome, RateModel, all_of_k_estimate,
    best_for_k, extrapolate_pass, majority_of_k, mean_over_prompts, pass_estimate, solved_share,
    stratified_weights,
};
use clap::ValueEnum;
use rayon::prelude::*;
use serde::Serialize;

use crate::cli;
use crate::input::{self, Tables};
use crate::number;
use crate::output::{Output, printable_names};
use crate::sequence::{Growth, Sequence};
use document::{Best, Crossing, Document, Model};
use regrade::Regrade;

mod document;
mod regrade;
mod text;

const EXAMPLES: &str = "\
Examples:
  # Pass@1, 2, 4, .. as far as the samples go
  breadth pass samples.parquet

  # only what you deploy
  breadth pass 'samples/*.jsonl.gz' -k 8,64

  # what 1024 samples would reach, from the 32 there are
  breadth pass samples.parquet -k 8,32,1024 --extrapolate

  # the majority vote of the samples' answers, and the share of prompts solved at least half of the time
  breadth pass samples.parquet --majority --solved 0.5

  # judged anew from the column `text`, against the `answer` of every prompt; logs bring their own answers
  breadth pass samples.parquet --verifier boxed --data heldout.jsonl --majority
  breadth pass validation/ --verifier boxed

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
    /// Also pass^k: the chance that all of k samples are right (the worst of k rewards)
    #[arg(long)]
    all_of: bool,
    /// Also the majority vote of k samples, from the column `answer`; a response without an answer votes for itself alone
    #[arg(long)]
    majority: bool,
    /// Also the share of prompts solved with a success rate of at least TAU
    #[arg(long, value_name = "TAU", allow_hyphen_values = true)]
    solved: Option<f64>,
    /// Allow k beyond the samples: bounds from every distribution of success rates that fits the data, or from a beta distribution (narrower, and wrong where rates are not so distributed)
    #[arg(
        long,
        value_enum,
        value_name = "RATES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "any"
    )]
    extrapolate: Option<Rates>,
    /// Confidence of the intervals
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
    #[command(flatten)]
    regrade: Regrade,
}

/// What is assumed of success rates beyond the samples.
#[derive(Clone, Copy, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Rates {
    /// Any distribution
    Any,
    /// A beta distribution, with a share of prompts never and one always solved
    Beta,
}

impl From<Rates> for RateModel {
    fn from(rates: Rates) -> RateModel {
        match rates {
            Rates::Any => RateModel::Any,
            Rates::Beta => RateModel::Beta,
        }
    }
}

/// The outcomes of one model on the prompts it has.
struct Graded<'a> {
    model: &'a str,
    outcomes: Vec<PromptOutcome>,
    /// How often each answer of a prompt was given; empty unless the majority is asked for.
    answers: Vec<Vec<AnswerCount>>,
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
    /// pass^k, for the ks within the samples, if asked for.
    all_of: Vec<Estimate>,
    /// The majority vote, for the same ks, if asked for.
    majority: Vec<Estimate>,
    /// The share solved with the rate asked for.
    solved: Option<Estimate>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let options = ReadOptions {
        answers: arguments.majority && !arguments.regrade.is_asked_for(),
        texts: arguments.regrade.is_asked_for(),
        ..arguments.tables.options()
    };
    let mut table = SampleTable::read(&arguments.tables.paths, &options)?;
    printable_names(&mut table.models);
    output.remarks(&table.remarks);
    let regraded = arguments.regrade.run(&mut table)?;
    if arguments.majority && table.answer.is_empty() {
        bail!("--majority needs the answer of every sample: a column `answer` in every file");
    }
    let by_group = arguments.by_group(&table)?;
    let outcomes = std::mem::take(&mut table.outcomes);
    let mut answers = std::mem::take(&mut table.answer).into_iter();
    let is_empty = |answer: &String| answer.trim().is_empty();
    let empty: Vec<bool> = table.answers.iter().map(is_empty).collect();
    let graded = table
        .models
        .iter()
        .zip(outcomes)
        .map(|(model, outcomes)| {
            let answers = answers.next().unwrap_or_default();
            graded(model, &table.prompts, outcomes, (&answers, &empty))
        })
        .collect::<Result<Vec<Graded>>>()?;
    let ks = arguments.ks(&graded)?;
    let weighing = arguments.weighing(&ks, by_group)?;
    let passed = graded
        .into_par_iter()
        .map(|graded| passed(graded, &ks, &weighing, arguments))
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<Vec<Passed>>>()?;
    let choices = match weighing {
        Weighing::Equal => choices(&passed, &ks, arguments.confidence)?,
        Weighing::ByGroup(_) | Weighing::AsScored(_) => Vec::new(),
    };
    let document = Document {
        command: "pass",
        confidence: arguments.confidence,
        rates: arguments.extrapolate,
        tau: arguments.solved,
        weighting: weighing.name(),
        regraded,
        models: passed.iter().map(|one| Model::new(one, &ks)).collect(),
        crossings: crossings(&choices),
        best: choices,
    };
    output.result(&document, |style| {
        text::render(&passed, &ks, &document, style)
    })
}

fn graded<'a>(
    model: &'a str,
    prompts: &'a [String],
    outcomes: Vec<Option<Outcome>>,
    (answers, empty): (&[Vec<u32>], &[bool]),
) -> Result<Graded<'a>> {
    let mut kept = Vec::with_capacity(outcomes.len());
    let mut given = Vec::new();
    let mut answers = answers.iter();
    let (mut fewest, mut most) = (
        Fewest {
            samples: u64::MAX,
            prompt: "",
        },
        0,
    );
    for (prompt, outcome) in prompts.iter().zip(outcomes) {
        let own = answers.next();
        let Some(outcome) = outcome else { continue };
        if let (Some(own), Outcome::Rewards(rewards)) = (own, &outcome) {
            given.push(answer_counts(own, empty, rewards));
        }
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
        answers: given,
        fewest,
        most,
    })
}

/// How often each answer was given, and the mean reward of each. Samples without an answer (`empty`: by answer) agree on nothing, and each stands for itself.
fn answer_counts(answers: &[u32], empty: &[bool], rewards: &[f64]) -> Vec<AnswerCount> {
    let mut counts: BTreeMap<u32, (u64, f64)> = BTreeMap::new();
    let mut alone = Vec::new();
    for (&answer, &reward) in answers.iter().zip(rewards) {
        if empty[answer as usize] {
            alone.push(AnswerCount { count: 1, reward });
            continue;
        }
        let (count, total) = counts.entry(answer).or_default();
        *count += 1;
        *total += reward;
    }
    let answer = |&(count, total): &(u64, f64)| AnswerCount {
        count,
        reward: total / count as f64,
    };
    counts.values().map(answer).chain(alone).collect()
}

/// The group of every prompt, and weights under which groups count what they count in the population.
struct Groups {
    weights: Vec<f64>,
    strata: Vec<u32>,
}

/// What the mean over prompts stands for.
enum Weighing {
    /// Every prompt counts the same.
    Equal,
    /// Prompts count so that groups count what they count in the population.
    ByGroup(Groups),
    /// Prompts count as the run's `scores.parquet` weights them, so that these numbers are those of its report.
    AsScored(Box<Report>),
}

impl Weighing {
    fn name(&self) -> &'static str {
        match self {
            Weighing::Equal => "equal",
            Weighing::ByGroup(_) => "by group",
            Weighing::AsScored(_) => "as scored",
        }
    }

    /// How the prompts were sampled.
    fn design(&self) -> Design<'_> {
        match self {
            Weighing::ByGroup(groups) => Design {
                weights: Some(&groups.weights),
                strata: Some(&groups.strata),
                ..Design::default()
            },
            Weighing::Equal | Weighing::AsScored(_) => Design::default(),
        }
    }

    fn estimate(&self, graded: &Graded, k: u64, confidence: f64) -> Result<Estimate> {
        let Weighing::AsScored(report) = self else {
            return Ok(pass_estimate(
                &graded.outcomes,
                &self.design(),
                k,
                confidence,
            )?);
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
    arguments: &Arguments,
) -> Result<Passed<'a>> {
    let estimate = |&k: &u64| match k > graded.fewest.samples {
        true => extrapolated(&graded, k, arguments),
        false => weighing.estimate(&graded, k, arguments.confidence),
    };
    let estimates = ks.iter().map(estimate).collect::<Result<Vec<Estimate>>>()?;
    let within = || ks.iter().filter(|&&k| k <= graded.fewest.samples);
    let design = weighing.design();
    let majority = |&k: &u64| {
        let values = graded
            .answers
            .iter()
            .map(|answers| majority_of_k(answers, k));
        mean_over_prompts(
            &values.collect::<Result<Vec<f64>, _>>()?,
            &design,
            arguments.confidence,
        )
    };
    let majority = within()
        .filter(|_| arguments.majority)
        .map(majority)
        .collect::<Result<Vec<Estimate>, _>>()?;
    let solved = |tau| solved_share(&graded.outcomes, tau, &design, arguments.confidence);
    let solved = arguments.solved.map(solved).transpose()?;
    let all_of = within()
        .filter(|_| arguments.all_of)
        .map(|&k| all_of_k_estimate(&graded.outcomes, &design, k, arguments.confidence))
        .collect::<Result<Vec<Estimate>, _>>()?;
    Ok(Passed {
        graded,
        estimates,
        all_of,
        majority,
        solved,
    })
}

fn extrapolated(graded: &Graded, k: u64, arguments: &Arguments) -> Result<Estimate> {
    let model = arguments.extrapolate.unwrap_or(Rates::Any).into();
    match extrapolate_pass(&graded.outcomes, k, model, arguments.confidence)? {
        Extrapolation::Estimate(estimate) => Ok(estimate),
        Extrapolation::Refused(why) => bail!(
            "k = {k} cannot be extrapolated for `{}`: {why}",
            graded.model
        ),
    }
}

/// The best model for every k within the samples, where all models have the same prompts.
fn choices<'a>(passed: &[Passed<'a>], ks: &[u64], confidence: f64) -> Result<Vec<Best<'a>>> {
    let fewest = passed
        .iter()
        .map(|one| one.graded.fewest.samples)
        .min()
        .unwrap_or(0);
    let outcomes: Vec<&[PromptOutcome]> =
        passed.iter().map(|one| &one.graded.outcomes[..]).collect();
    if outcomes.len() < 2 || outcomes.iter().any(|one| one.len() != outcomes[0].len()) {
        return Ok(Vec::new());
    }
    let best = |&k: &u64| {
        let choice = best_for_k(&outcomes, k, confidence)?;
        let name = |&at: &usize| passed[at].graded.model;
        Ok(Best {
            k,
            model: name(&choice.best),
            not_excluded: choice.not_excluded.iter().map(name).collect(),
        })
    };
    ks.iter().filter(|&&k| k <= fewest).map(best).collect()
}

/// Where the best model changes from one k to the next.
fn crossings<'a>(choices: &[Best<'a>]) -> Vec<Crossing<'a>> {
    let changes = choices
        .windows(2)
        .filter(|pair| pair[0].model != pair[1].model);
    let crossing = |pair: &[Best<'a>]| Crossing {
        from_k: pair[0].k,
        to_k: pair[1].k,
        from: pair[0].model,
        to: pair[1].model,
        certain: !pair[0].not_excluded.contains(&pair[1].model)
            && !pair[1].not_excluded.contains(&pair[0].model),
    };
    changes.map(crossing).collect()
}

impl Arguments {
    /// The group of each prompt and what it counts, if groups have weights.
    fn by_group(&self, table: &SampleTable) -> Result<Option<Groups>> {
        if self.tables.group_weights.is_empty() {
            return Ok(None);
        }
        let population = input::population(&table.groups, &self.tables.group_weights)?;
        let without = table.group.iter().position(Option::is_none);
        if let Some(prompt) = without {
            bail!(
                "--group-weights: prompt `{}` has no group; give it one or remove its rows",
                table.prompts[prompt]
            );
        }
        let strata: Vec<u32> = table.group.iter().flatten().copied().collect();
        let weights = stratified_weights(&strata, &population, None)?;
        Ok(Some(Groups { weights, strata }))
    }

    /// A run that was scored says how much each prompt counts.
    fn weighing(&self, ks: &[u64], by_group: Option<Groups>) -> Result<Weighing> {
        if let Some(groups) = by_group {
            if self.extrapolate.is_some() {
                bail!("--extrapolate counts every prompt the same; leave out --group-weights");
            }
            return Ok(Weighing::ByGroup(groups));
        }
        let is_scored = |run: &RunFolder| run.scores().is_file();
        let Some(run) = self.tables.run_folder().filter(is_scored) else {
            return Ok(Weighing::Equal);
        };
        if self.regrade.is_asked_for() {
            bail!(
                "--verifier judges anew, and a run folder has its report's numbers: give its samples.parquet itself"
            );
        }
        if self.all_of || self.majority || self.solved.is_some() || self.extrapolate.is_some() {
            bail!(
                "--all-of, --majority, --solved and --extrapolate count every prompt the same, a run folder does not: give its samples.parquet itself"
            );
        }
        let options = Options {
            passes: ks.to_vec(),
            confidence: self.confidence,
            ..Options::default()
        };
        Ok(Weighing::AsScored(Box::new(breadth_report::from_run(
            run.path(),
            &options,
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
        match ks
            .iter()
            .find(|&&k| k > samples && self.extrapolate.is_none())
        {
            None => Ok(ks),
            Some(k) => bail!(
                "k = {k} is beyond the samples: model `{}` has {} for prompt `{prompt}`. \
                 Ask for k <= {samples}, draw more samples, or add --extrapolate",
                scarce.model,
                number::count(samples as usize, "sample"),
            ),
        }
    }
}
