//! `breadth profile`: how much of the data does a model under-weight, by how much?

mod answers;
mod document;
mod text;

use anyhow::{Result, anyhow, bail};
use breadth_data::ReadOptions;
use breadth_stats::{
    CoverageProfile, Error, Estimate, Level, MeanEstimate, TokenView, coverage_difference,
    coverage_profile, cross_entropy, cross_entropy_difference, kl, pass_from_coverage, token_view,
    without_worst_token,
};

use crate::cli;
use crate::input::{self, Scores, Tables};
use crate::losses::LossChoice;
use crate::output::Output;
use crate::sequence::{Growth, Sequence};
use document::{Document, Model};

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

  # token by token: where in the responses the checkpoints fall behind, and how much one token decides
  breadth profile scores.parquet -r teacher --tokens

  # final answers instead of responses, from a table of all responses with a column `answer`
  breadth profile enumerated.parquet -r teacher --answers

  # from another program
  my-scorer | breadth profile - --reference teacher

Cov_N is the share of data responses to which the model gives at most 1/N of the probability that the reference \
gives: those that N samples of the model will likely miss. Smaller is better. The reference is any model in the \
table: the teacher, or the exact law of a synthetic task.";

/// The last level of `..`: beyond it a coverage profile of short responses is rarely more than a flat line.
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
    /// Levels N >= 1; `..` continues the progression, to 1024 or to the number after it [default: 1,2,4,..]
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
    /// Final answers (column `answer`) in place of responses, by sums over all responses that the reference may write
    #[arg(long, conflicts_with = "tokens")]
    answers: bool,
    /// Also which tokens cost the probability: by position, the worst, and coverage with one token of each response forgiven (column `token_logprobs`)
    #[arg(long)]
    tokens: bool,
    #[command(flatten)]
    losses: LossChoice,
    /// Confidence of intervals and bands
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
}

/// What the statistics say of one model.
struct Profiled<'a> {
    model: &'a str,
    kl: MeanEstimate,
    cross_entropy: MeanEstimate,
    profile: CoverageProfile,
    /// To the baseline, unless this is it.
    difference: Option<Difference>,
    /// Pass@k at least, at [`PASS_AT`].
    pass: Vec<Estimate>,
    tokens: Option<Tokens>,
}

/// Numbers of samples at which Pass@k is foretold.
const PASS_AT: [u64; 5] = [1, 4, 16, 64, 256];

/// How many of the worst tokens are named.
const WORST: usize = 5;

/// What a model says token by token.
struct Tokens {
    view: TokenView,
    /// The profile with the worst token of every response forgiven.
    forgiven: CoverageProfile,
}

/// What a model has more than the baseline.
struct Difference {
    /// Of KL, which is that of cross-entropy; none where each gives some response probability 0 that the other does not.
    kl: Option<MeanEstimate>,
    /// Of the coverage at each level.
    coverage: Vec<Estimate>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let levels = arguments.levels()?;
    let reference = arguments.reference()?;
    let options = ReadOptions {
        answers: arguments.answers,
        token_logprobs: arguments.tokens,
        ..arguments.tables.options()
    };
    let mut scores = Scores::read(&arguments.tables.paths, &options, output)?;
    if arguments.tokens && scores.table.token_logprobs.is_none() {
        bail!(
            "--tokens needs the column `token_logprobs`, which the table lacks; breadth score writes it with --token-logprobs"
        );
    }
    let mut summary = None;
    if arguments.answers {
        let (table, made_of) = answers::of_answers(&scores.table, &reference)?;
        (scores, summary) = (Scores::of(table), Some(made_of));
    }
    let scores = scores.weighted(&arguments.tables.group_weights)?;
    let mut models = arguments.models(&scores, &reference)?;
    let losses = arguments.losses.read(models.iter().copied())?;
    if let Some(losses) = &losses {
        losses.sort(&mut models);
    }
    let profiled = models
        .into_iter()
        .map(|model| profiled(model, &reference, &scores, &levels, arguments))
        .collect::<Result<Vec<Profiled>>>()?;
    let document = Document {
        command: "profile",
        reference: &reference,
        baseline: arguments.baseline.as_deref(),
        answers: summary,
        confidence: arguments.confidence,
        models: profiled
            .iter()
            .map(|one| Model::new(one, &scores, losses.as_ref()))
            .collect(),
    };
    output.result(&document, |style| {
        text::text(&profiled, &scores, &document, style)
    })
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

    fn models<'a>(&'a self, scores: &'a Scores, reference: &str) -> Result<Vec<&'a str>> {
        if !self.models.is_empty() {
            return Ok(self.models.iter().map(String::as_str).collect());
        }
        let others = scores.models_without(Some(reference))?;
        Ok(others
            .into_iter()
            .map(|at| scores.table.models[at].as_str())
            .collect())
    }
}

fn profiled<'a>(
    model: &'a str,
    reference: &str,
    scores: &Scores,
    levels: &[Level],
    arguments: &Arguments,
) -> Result<Profiled<'a>> {
    let (truth, log_q) = (scores.table.column(reference)?, scores.table.column(model)?);
    let design = scores.design();
    let confidence = arguments.confidence;
    let baseline = arguments.baseline.as_deref().filter(|name| *name != model);
    let difference = |name| -> Result<Difference> {
        let base = scores.table.column(name)?;
        let coverage = |&level| coverage_difference(truth, log_q, base, &design, level, confidence);
        Ok(Difference {
            kl: cross_entropy_difference(log_q, base, &design, confidence)?,
            coverage: levels.iter().map(coverage).collect::<Result<_, _>>()?,
        })
    };
    let pass = |&k: &u64| pass_from_coverage(truth, log_q, &design, k, confidence);
    Ok(Profiled {
        pass: PASS_AT.iter().map(pass).collect::<Result<_, _>>()?,
        tokens: tokens(model, reference, scores, levels, confidence)?,
        model,
        kl: kl(truth, log_q, &design, confidence)
            .map_err(|error| impossible(error, model, scores))?,
        cross_entropy: cross_entropy(log_q, &design, confidence)?,
        profile: coverage_profile(truth, log_q, &design, levels, confidence)?,
        difference: baseline.map(difference).transpose()?,
    })
}

/// The view token by token, if the table was read with the tokens.
fn tokens(
    model: &str,
    reference: &str,
    scores: &Scores,
    levels: &[Level],
    confidence: f64,
) -> Result<Option<Tokens>> {
    let Some(lists) = &scores.table.token_logprobs else {
        return Ok(None);
    };
    let of = |name: &str| {
        let at = scores.table.models.iter().position(|known| known == name);
        at.map_or(&[][..], |at| &lists[at])
    };
    let named = |error| match error {
        Error::DifferentTokens { row, p, q } => {
            let (prompt, response) = scores.key(row);
            anyhow!(
                "response `{response}` of prompt `{prompt}` is {p} tokens under `{reference}` but {q} under `{model}`; --tokens compares models with the same tokenizer"
            )
        }
        error => error.into(),
    };
    let (truth, own) = (of(reference), of(model));
    let view = token_view(truth, own, WORST).map_err(named)?;
    let (log_p, log_q) = without_worst_token(truth, own)?;
    let forgiven = coverage_profile(&log_p, &log_q, &scores.design(), levels, confidence)?;
    Ok(Some(Tokens { view, forgiven }))
}

/// Names the response where the statistics know but its row.
fn impossible(error: Error, model: &str, scores: &Scores) -> anyhow::Error {
    let Error::ImpossibleReference { row, log_q } = error else {
        return error.into();
    };
    let (prompt, response) = scores.key(row);
    anyhow!(
        "the reference gives probability 0 to response `{response}` of prompt `{prompt}`, which `{model}` gives \
         {log_q} nats; a response drawn from the data has a positive probability under it: remove the row or \
         correct the reference"
    )
}
