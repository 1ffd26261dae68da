//! The parser of the command line and what holds for every command.

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};

use crate::commands::Command;
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  # the whole story in minutes: trains, checkpoints, scores, samples, selects
  breadth demo

  # which checkpoint to take into Best-of-16
  breadth select scores.parquet --best-of 16

  # how much of the data does each checkpoint under-weight by 2, 4, 8, ...?
  breadth profile scores.parquet --reference teacher

  # Pass@1, Pass@2, Pass@4, ... from graded samples
  breadth pass samples.jsonl

A score table has one row per model and response, with the columns prompt_id, model and logprob: the natural \
logarithm of the probability of the whole response. Parquet, JSON Lines (.gz, .zst) and CSV are read; `-` is \
standard input. `breadth COMMAND --help` shows more, with examples.";

/// Which checkpoint should I take?
///
/// The one that still covers your data. A model that gives a response less than 1/N of its due
/// probability will not find it in N samples, however low its loss. breadth measures that coverage
/// from log-probabilities, and selects, trains and decodes for it.
#[derive(Debug, Parser)]
#[command(name = "breadth", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
#[command(max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// The flags of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
struct Common {
    /// Print one JSON document and nothing else on stdout
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    /// Use this many threads [default: one per core]; results do not depend on it
    #[arg(long, global = true, value_name = "T", value_parser = threads, display_order = 901)]
    threads: Option<usize>,
    /// Longest record of an input that is read: a line, a text, the member of an archive [default:
    /// 32 MiB, or BREADTH_MAX_RECORD_BYTES]
    #[arg(long, global = true, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..=MOST_RECORD_BYTES), display_order = 902)]
    max_record_bytes: Option<u64>,
    /// Say nothing on stderr unless something is wrong
    #[arg(short, long, global = true, display_order = 903)]
    quiet: bool,
}

impl Cli {
    /// Runs the command that was asked for.
    pub fn run(self) -> Result<()> {
        if let Some(threads) = self.common.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build_global()
                .with_context(|| format!("cannot start {threads} threads"))?;
        }
        if let Some(limit) = self.common.max_record_bytes {
            breadth_data::set_max_record_bytes(limit);
        }
        if let Command::Completions(arguments) = &self.command {
            return arguments.print(&mut Cli::command());
        }
        self.command.run(&Output {
            json: self.common.json,
            quiet: self.common.quiet,
        })
    }
}

/// Longer records than any machine holds.
const MOST_RECORD_BYTES: u64 = 1 << 48;

/// More are nobody's cores: they would only take long to start.
const MOST_THREADS: usize = 1024;

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=MOST_THREADS).contains(&threads) => Ok(threads),
        _ => Err(format!("write a whole number from 1 to {MOST_THREADS}")),
    }
}
