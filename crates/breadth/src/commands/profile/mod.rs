//! `breadth profile`: how much of the data does a model under-weight, by how much?

mod text;

use anyhow::{Result, anyhow};
use breadth_analysis::{ProfileOptions, answer_scores, profile};
use breadth_data::{ReadOptions, Table};
use breadth_stats::Level;

use crate::arguments;
use crate::input::{self, Tables, read_scores};
use crate::losses::LossChoice;
use crate::output::Output;
use crate::sequence::{Growth, Sequence};

const EXAMPLES: &str = "\
Examples:
  # every model in the table against the teacher, at N = 1, 2, 4, .., 1024
  breadth profile scores.parquet --reference teacher

  # two checkpoints of a folder of tables, three levels, as JSON
  breadth profile scores/ -r teacher -m step-60 -m step-480 -n 2,4,8 --json

  # is step-480 really worse than step-60? paired limits of the differences
  breadth profile scores.parquet -r teacher --baseline step-60

  # long responses: levels in nats, N = 1, e^5, e^10, .., e^30
  breadth profile scores.parquet --reference teacher --log-n 0,5,10,..

  # token by token: where in the responses the checkpoints fall behind, and how
  # much one token decides
  breadth profile scores.parquet -r teacher --tokens

  # final answers instead of responses, from a table of all responses with a
  # column `answer`
  breadth profile enumerated.parquet -r teacher --answers

  # from another program
  my-scorer | breadth profile - --reference teacher

Cov_N is the share of data responses to which the model gives at most 1/N of the probability that the reference \
gives: those that N samples of the model will likely miss. Smaller is better. The reference is any model in the \
table: the teacher, or the exact law of a synthetic task.";

/// The last level of `..`: beyond it a coverage profile of short responses is rarely more than a
/// flat line.
const LAST_N: f64 = 1024.0;
/// The last level of `..` in nats.
const LAST_LOG_N: f64 = 30.0;

/// The coverage profile of models against a reference, with KL and cross-entropy
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    tables: Tables,
    /// The model that stands for the truth; a run folder names its own
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    /// A model to profile; repeat for several [default: all but the reference]
    #[arg(short, long = "model", value_name = "Q")]
    models: Vec<String>,
    /// Also the difference of every model to this one, on the same rows, with paired limits
    #[arg(short, long, value_name = "Q")]
    baseline: Option<String>,
    /// Levels N >= 1; `..` continues the progression, to 1024 or to the number after it [default:
    /// 1,2,4,..]
    #[arg(short, value_name = "N,..")]
    n: Option<Sequence>,
    /// Levels as log N in nats, for long responses; `..` continues to 30
    #[arg(
        long,
        value_name = "NATS,..",
        conflicts_with = "n",
        allow_hyphen_values = true
    )]
    log_n: Option<Sequence>,
    /// Final answers (column `answer`) in place of responses, by sums over all responses that the
    /// reference may write
    #[arg(long, conflicts_with = "tokens")]
    answers: bool,
    /// Also which tokens cost the probability: by position, the worst, and coverage with one token
    /// of each response forgiven (column `token_logprobs`)
    #[arg(long)]
    tokens: bool,
    #[command(flatten)]
    losses: LossChoice,
    /// Confidence of intervals and bands
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = arguments::confidence)]
    confidence: f64,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let levels = arguments.levels()?;
    let reference = arguments.reference()?;
    let options = ReadOptions {
        answers: arguments.answers,
        token_logprobs: arguments.tokens,
        ..arguments.tables.options()
    };
    let paths = arguments.tables.only(Table::Scores, output);
    let mut scores = read_scores(&paths, &options, output)?;
    let mut answers = None;
    if arguments.answers {
        let (of_answers, summary) = answer_scores(&scores, &reference)?;
        (scores, answers) = (of_answers, Some(summary));
    }
    let scores = scores.weighted(&arguments.tables.how.group_weights)?;
    let models: Vec<&str> = if arguments.models.is_empty() {
        scores.table.models.iter().map(String::as_str).collect()
    } else {
        arguments.models.iter().map(String::as_str).collect()
    };
    let losses = arguments.losses.read(models)?;
    let mut document = profile(
        &scores,
        &ProfileOptions {
            reference: &reference,
            models: &arguments.models,
            baseline: arguments.baseline.as_deref(),
            levels: &levels,
            tokens: arguments.tokens,
            confidence: arguments.confidence,
            losses: losses.as_ref(),
        },
    )?;
    document.answers = answers;
    output.result(&document, |style| text::text(&document, style))
}

impl Arguments {
    fn levels(&self) -> Result<Vec<Level>> {
        if let Some(sequence) = &self.log_n {
            let terms = sequence.terms(Growth::Arithmetic, LAST_LOG_N);
            let terms = terms.map_err(|why| anyhow!("--log-n: {why}"))?;
            return terms.into_iter().map(input::level_from_log_n).collect();
        }
        let terms = match &self.n {
            Some(sequence) => sequence.terms(Growth::Geometric, LAST_N),
            None => Sequence::powers_of_two().terms(Growth::Geometric, LAST_N),
        };
        terms
            .map_err(|why| anyhow!("-n: {why}"))?
            .into_iter()
            .map(input::level_from_n)
            .collect()
    }

    fn reference(&self) -> Result<String> {
        let named = match (&self.reference, self.tables.run_folder()) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(run)) => run.manifest()?.reference,
            (None, None) => None,
        };
        named.ok_or_else(|| anyhow!("name the model that stands for the truth: --reference R"))
    }
}
