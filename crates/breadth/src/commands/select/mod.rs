//! `breadth select`: which checkpoint should I take?

use std::path::PathBuf;

use anyhow::Result;
use breadth_stats::{Level, Standing, Tournament, tournament};
use clap::ValueEnum;
use serde::Serialize;

use crate::cli;
use crate::input::{self, LevelChoice, Scores, Tables};
use crate::number::Number;
use crate::output::Output;

mod text;

const EXAMPLES: &str = "\
Examples:
  # the checkpoint for Best-of-16 or Pass@16 (the tournament at N = 8)
  breadth select scores.parquet --best-of 16

  # a folder of tables, the teacher's own scores left out, only the winner's name
  breadth select scores/ --reference teacher --json | jq -r .winner

  # what a run left behind
  breadth select runs/demo

  # long responses differ by many nats: take N = e^30
  breadth select scores.parquet --log-n 30

The tournament asks of every model: on which share of the data responses does some rival give at least N times its
probability? The model with the smallest worst case wins; ties go to the lower cross-entropy. No reference is needed:
log-probabilities of a few hundred held-out responses under every checkpoint are enough.";

/// Select the checkpoint that covers the data best: the tournament over all models
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    tables: Tables,
    #[command(flatten)]
    level: LevelChoice,
    /// How to choose
    #[arg(long, value_enum, default_value_t)]
    rule: Rule,
    /// A model that is no candidate: the teacher, or the exact law; a run folder names its own
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    /// Confidence of the intervals and of the set that is not excluded
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
}

/// How to choose among the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    /// The smallest share of responses that some rival gives N times the probability (Eq 28-29)
    #[default]
    Tournament,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let level = arguments.level.level()?;
    let candidates = Candidates::of(arguments)?;
    let scores = Scores::read(&candidates.paths, &arguments.tables.options(), output)?;
    let models = scores.models_without(candidates.left_out(&scores))?;
    let columns: Vec<&[f64]> = models
        .iter()
        .map(|&at| scores.table.logprob[at].as_slice())
        .collect();
    let names: Vec<&str> = models
        .iter()
        .map(|&at| scores.table.models[at].as_str())
        .collect();
    let result = tournament(&columns, &scores.design(), level, arguments.confidence)?;
    let mut document = Document::new(arguments.confidence, level, &scores, &names, &result);
    document.notes = text::notes(&document, level);
    output.result(&document, |style| {
        text::render(&document, &scores.size(), level, style)
    })
}

/// Which tables to read and which of their models does not compete.
struct Candidates {
    paths: Vec<PathBuf>,
    reference: Option<String>,
    /// The reference was asked for by name, so that its absence is a mistake.
    is_named: bool,
}

impl Candidates {
    /// A run keeps fresh samples for the tournament in a table of their own, and names its reference.
    fn of(arguments: &Arguments) -> Result<Self> {
        let is_named = arguments.reference.is_some();
        let (mut paths, mut reference) =
            (arguments.tables.paths.clone(), arguments.reference.clone());
        if let Some(folder) = arguments.tables.run_folder() {
            let selection = folder.join("selection.parquet");
            if selection.is_file() {
                paths = vec![selection];
            }
            if !is_named {
                reference = input::run_reference(folder)?;
            }
        }
        Ok(Candidates {
            paths,
            reference,
            is_named,
        })
    }

    fn left_out(&self, scores: &Scores) -> Option<&str> {
        let name = self.reference.as_deref()?;
        let is_there = scores.table.models.iter().any(|model| model == name);
        (is_there || self.is_named).then_some(name)
    }
}

/// The result of a selection, as JSON and as the source of the text.
#[derive(Serialize)]
struct Document<'a> {
    command: &'static str,
    rule: Rule,
    n: Number,
    log_n: Number,
    confidence: f64,
    rows: usize,
    prompts: usize,
    winner: &'a str,
    tied: Vec<&'a str>,
    not_excluded: Vec<&'a str>,
    cross_entropy_winner: &'a str,
    /// In the order of their ranks.
    models: Vec<Model<'a>>,
    notes: Vec<String>,
}

/// One model's place and why.
#[derive(Serialize)]
struct Model<'a> {
    model: &'a str,
    rank: usize,
    value: Number,
    worst_rival: Option<&'a str>,
    low: Number,
    high: Number,
    cross_entropy: Number,
    certified_low: Number,
    certified_high: Number,
}

impl<'a> Document<'a> {
    fn new(
        confidence: f64,
        level: Level,
        scores: &Scores,
        names: &[&'a str],
        result: &Tournament,
    ) -> Self {
        let in_order = |set: &[usize]| {
            let mut set = set.to_vec();
            set.sort_unstable();
            set.into_iter().map(|at| names[at]).collect()
        };
        let model = |&at: &usize| Model::new(names[at], &result.standings[at], names);
        Document {
            command: "select",
            rule: Rule::Tournament,
            n: Number(level.n()),
            log_n: Number(level.log_n()),
            confidence,
            rows: scores.table.rows(),
            prompts: scores.prompts,
            winner: names[result.winner],
            tied: in_order(&result.tied),
            not_excluded: in_order(&result.not_excluded),
            cross_entropy_winner: names[result.cross_entropy_winner],
            models: result.ranking.iter().map(model).collect(),
            notes: Vec::new(),
        }
    }
}

impl<'a> Model<'a> {
    fn new(model: &'a str, standing: &Standing, names: &[&'a str]) -> Self {
        Model {
            model,
            rank: standing.rank,
            value: Number(standing.value),
            worst_rival: standing.worst_rival.map(|at| names[at]),
            low: Number(standing.low),
            high: Number(standing.high),
            cross_entropy: Number(standing.cross_entropy),
            certified_low: Number(standing.certified_low),
            certified_high: Number(standing.certified_high),
        }
    }
}
