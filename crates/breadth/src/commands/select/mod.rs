//! `breadth select`: which checkpoint should I take?

use std::path::Path;

use anyhow::Result;
use breadth_stats::{Level, tournament};
use clap::ValueEnum;
use serde::Serialize;

use crate::cli;
use crate::input::{self, LevelChoice, Scores, Tables};
use crate::output::Output;
use document::Document;

mod cross_entropy;
mod document;
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

The tournament asks of every model: on which share of the data responses does some rival give at least N times its \
probability? The model with the smallest worst case wins; ties go to the lower cross-entropy. No reference is needed: \
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
    /// The lowest cross-entropy, which is the lowest validation loss: to compare with
    CrossEntropy,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let choice = Choice {
        rule: arguments.rule,
        level: arguments.level.level()?,
        confidence: arguments.confidence,
    };
    let field = Field::read(&arguments.tables, arguments.reference.as_deref(), output)?;
    let document = field.document(choice)?;
    output.result(&document, |style| {
        text::render(&document, &field.scores.size(), choice.level, style)
    })
}

/// What `select --json` prints for a run folder at level `n`.
pub fn document_of_run(
    folder: &Path,
    n: f64,
    confidence: f64,
    output: &Output,
) -> Result<serde_json::Value> {
    let tables = Tables {
        paths: vec![folder.to_owned()],
        intersect: false,
    };
    let choice = Choice {
        rule: Rule::Tournament,
        level: input::level_from_n(n)?,
        confidence,
    };
    let field = Field::read(&tables, None, output)?;
    Ok(serde_json::to_value(field.document(choice)?)?)
}

/// How to choose and how sure to be.
#[derive(Clone, Copy)]
struct Choice {
    rule: Rule,
    level: Level,
    confidence: f64,
}

/// The candidates with their scores.
struct Field {
    scores: Scores,
    /// Indices of the candidates among the models of the table.
    candidates: Vec<usize>,
}

impl Field {
    /// A run keeps fresh samples for the tournament in a table of their own, and names its reference.
    fn read(tables: &Tables, reference: Option<&str>, output: &Output) -> Result<Self> {
        let run = tables.run_folder();
        let fresh = run
            .map(|folder| folder.join("selection.parquet"))
            .filter(|path| path.is_file());
        let paths = fresh.map_or_else(|| tables.paths.clone(), |path| vec![path]);
        let of_run = run.map(input::run_reference).transpose()?.flatten();
        let scores = Scores::read(&paths, &tables.options(), output)?;
        // A reference asked for by name must be there; that of a run need not compete in its table.
        let is_there = |name: &String| scores.table.models.contains(name);
        let left_out = reference
            .map(str::to_owned)
            .or_else(|| of_run.filter(is_there));
        let candidates = scores.models_without(left_out.as_deref())?;
        Ok(Field { scores, candidates })
    }

    fn document(&self, choice: Choice) -> Result<Document<'_>> {
        let table = &self.scores.table;
        let columns: Vec<&[f64]> = self
            .candidates
            .iter()
            .map(|&at| &table.logprob[at][..])
            .collect();
        let names: Vec<&str> = self
            .candidates
            .iter()
            .map(|&at| table.models[at].as_str())
            .collect();
        let design = self.scores.design();
        let fought = tournament(&columns, &design, choice.level, choice.confidence)?;
        let covering = names[fought.winner];
        let result = match choice.rule {
            Rule::Tournament => fought,
            Rule::CrossEntropy => {
                cross_entropy::ranked(fought, &columns, &design, choice.confidence)?
            }
        };
        let mut document = Document::new(choice, &self.scores, &names, &result);
        document.notes = text::notes(&document, choice.level, covering);
        Ok(document)
    }
}
