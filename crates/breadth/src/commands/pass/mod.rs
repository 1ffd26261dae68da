//! `breadth pass`: how often is the best of k samples right?

use anyhow::{Result, anyhow, bail};
use breadth_analysis::{PassOptions, Rates, fewest_samples, pass_at};
use breadth_data::{ReadOptions, RunFolder, SampleTable, ScoreTable, Table};
use clap::ValueEnum;

use crate::arguments;
use crate::input::{Tables, read_samples};
use crate::output::Output;
use crate::sequence::{Growth, Sequence};
use regrade::Regrade;

mod grades;
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

  # the majority vote of the samples' answers, and the share of prompts solved
  # at least half of the time
  breadth pass samples.parquet --majority --solved 0.5

  # judged anew from the column `text`, against the `answer` of every prompt;
  # logs bring their own answers
  breadth pass samples.parquet --verifier boxed --data heldout.jsonl --majority
  breadth pass validation/ --verifier boxed

  # the same, kept: as a table, or as scores for the log of Inspect that they
  # are of
  breadth pass validation/ --verifier boxed -o graded.parquet
  breadth pass log.eval --verifier boxed -o scores.jsonl

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
    /// Numbers of samples; `..` continues the progression to the fewest samples of any prompt
    /// [default: 1,2,4,..]
    #[arg(short, value_name = "K,..", allow_hyphen_values = true)]
    k: Option<Sequence>,
    /// Also pass^k: the chance that all of k samples are right (the worst of k rewards)
    #[arg(long)]
    all_of: bool,
    /// Also the majority vote of k samples, from the column `answer`; a response without an answer
    /// votes for itself alone
    #[arg(long)]
    majority: bool,
    /// Also the share of prompts solved with a success rate of at least TAU
    #[arg(long, value_name = "TAU", allow_hyphen_values = true)]
    solved: Option<f64>,
    /// Allow k beyond the samples: bounds from every distribution of success rates that fits the
    /// data, or from a beta distribution (narrower, and wrong where rates are not so distributed)
    #[arg(
        long,
        value_enum,
        value_name = "RATES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "any"
    )]
    extrapolate: Option<RateChoice>,
    /// Confidence of the intervals
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = arguments::confidence)]
    confidence: f64,
    #[command(flatten)]
    regrade: Regrade,
}

/// What is assumed of success rates beyond the samples.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RateChoice {
    /// Any distribution
    Any,
    /// A beta distribution, with a share of prompts never and one always solved
    Beta,
}

impl From<RateChoice> for Rates {
    fn from(rates: RateChoice) -> Rates {
        match rates {
            RateChoice::Any => Rates::Any,
            RateChoice::Beta => Rates::Beta,
        }
    }
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let options = ReadOptions {
        answers: arguments.majority && !arguments.regrade.is_asked_for(),
        texts: arguments.regrade.is_asked_for(),
        ..arguments.tables.options()
    };
    arguments.regrade.check_output(&arguments.tables.paths)?;
    let paths = arguments.tables.only(Table::Samples, output);
    let table = read_samples(&paths, &options, output);
    let mut table = table.map_err(|error| arguments.regrade.explained(error))?;
    let regraded = arguments.regrade.run(&mut table, output)?;
    let as_scored = arguments.as_scored()?;
    let mut document = pass_at(
        &table,
        &PassOptions {
            ks: &arguments.ks(&table)?,
            all_of: arguments.all_of,
            majority: arguments.majority,
            solved: arguments.solved,
            extrapolate: arguments.extrapolate.map(Rates::from),
            confidence: arguments.confidence,
            group_weights: &arguments.tables.how.group_weights,
            as_scored: as_scored.as_ref(),
        },
    )?;
    document.regraded = regraded;
    output.result(&document, |style| text::render(&document, style))
}

impl Arguments {
    /// The scores of a run folder, which say how much each prompt counts.
    fn as_scored(&self) -> Result<Option<ScoreTable>> {
        let is_scored = |run: &RunFolder| run.scores().is_file();
        let run = self.tables.run_folder().filter(is_scored);
        let Some(run) = run.filter(|_| self.tables.how.group_weights.is_empty()) else {
            return Ok(None);
        };
        if self.regrade.is_asked_for() {
            bail!(
                "--verifier judges anew, and a run folder has its report's numbers: give its \
                 samples.parquet itself"
            );
        }
        if self.all_of || self.majority || self.solved.is_some() || self.extrapolate.is_some() {
            bail!(
                "--all-of, --majority, --solved and --extrapolate count every prompt the same, a \
                 run folder does not: give its samples.parquet itself"
            );
        }
        let options = ReadOptions {
            source: Some("data".to_owned()),
            ..ReadOptions::default()
        };
        let scores = ScoreTable::read(&[run.scores()], &options)?;
        Ok(Some(scores))
    }

    /// The ks asked for, `..` continued to the fewest samples of any prompt; none where nobody
    /// asks.
    fn ks(&self, table: &SampleTable) -> Result<Vec<u64>> {
        let Some(sequence) = &self.k else {
            return Ok(Vec::new());
        };
        let fewest = fewest_samples(table)?.samples;
        let terms = sequence
            .terms(Growth::Geometric, fewest as f64)
            .map_err(|why| anyhow!("-k: {why}"))?;
        terms.into_iter().map(arguments::whole).collect()
    }
}
