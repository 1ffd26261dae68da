//! `breadth reach`: what do k samples find for certain?

mod document;
mod prompts;
mod text;

use anyhow::{Result, anyhow, bail};
use breadth_data::{ReadOptions, ScoreTable};
use breadth_stats::{Error, Leader, Level, Reach, RightResponses};

use crate::cli;
use crate::input::{Scores, Tables};
use crate::output::Output;
use crate::sequence::{Growth, Sequence};
use document::{Best, Document, Model};
use prompts::{Counts, Graded};

const EXAMPLES: &str = "\
Examples:
  # which checkpoint finds the held-out responses with the fewest samples? No sampling, any k
  breadth reach scores.parquet

  # the teacher's own scores left out, and a k that nobody could sample
  breadth reach scores/ --reference teacher -k 16,1e6

  # with graded samples: which prompts are within reach of 64 samples, which are not, which nobody knows
  breadth reach scores.parquet samples.parquet --budget 64

  # what a run left behind, as JSON: reach at 16, and ln Q(0.1), of which reinforcement learning needs about 1/Q queries
  breadth reach runs/demo -k 16 --json | jq '.models[] | [.model, .reach[0].value, .quantiles[2].log_q]'

The rows of the score table are right responses; a prompt may have several. Reach at k is 1 - (1 - q)^k, averaged over \
prompts, where q is the probability that the model gives a prompt's right responses together. It is at most Pass@k for \
every verifier that accepts them, and Pass@k itself where they are all the right ones.";

/// The last k of `..`.
const LAST_K: f64 = 1024.0;
/// The ks when nobody says.
const DEFAULT_KS: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0];
/// Shares of prompts that the likelihood quantiles leave out.
const SHARES: [f64; 5] = [0.01, 0.05, 0.1, 0.25, 0.5];

/// What k samples find for certain: reach, likelihood quantiles, and the prompts within a budget
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    tables: Tables,
    /// Numbers of samples, however large; `..` continues the progression, to 1024 or to the number after it [default: 1,4,16,..]
    #[arg(short, value_name = "K,..", allow_hyphen_values = true)]
    k: Option<Sequence>,
    /// The samples that a prompt may cost: it is within reach if a sample is right with probability 1/N
    #[arg(
        long,
        value_name = "N",
        default_value = "64",
        allow_hyphen_values = true
    )]
    budget: f64,
    /// A model that is left out: the teacher, or the exact law; a run folder names its own
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    /// Confidence of the intervals
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
}

/// A model with what is known of it.
struct Reached<'a> {
    model: &'a str,
    /// One for each k.
    reach: Vec<Reach>,
    /// One for each share.
    quantiles: Vec<Quantile>,
    prompts: Counts,
}

/// A likelihood quantile.
struct Quantile {
    share: f64,
    log_q: f64,
    /// With the least token of the likeliest response in place of the response, where the tokens are known.
    log_q_token: Option<f64>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let (ks, budget) = (arguments.ks()?, arguments.budget()?);
    let paths = arguments.tables.split();
    if paths.scores.is_empty() {
        bail!(
            "reach is made of log-probabilities, and these are sample tables: add a score table of right responses \
             (breadth score MODEL.. --data FILE -o scores.parquet); breadth pass takes samples alone"
        );
    }
    let options = ReadOptions {
        token_logprobs: true,
        ..arguments.tables.options()
    };
    // Tokens that only some rows have are no reason to refuse what needs none.
    let scores = Scores::read(&paths.scores, &options, output).or_else(|error| {
        Scores::read(&paths.scores, &arguments.tables.options(), output).map_err(|_| error)
    })?;
    let scores = scores.weighted(&arguments.tables.group_weights)?;
    let models = arguments.models(&scores)?;
    let graded = match paths.samples.is_empty() {
        true => None,
        false => Some(Graded::read(
            &paths.samples,
            &arguments.tables.options(),
            output,
        )?),
    };
    if let Some(graded) = &graded {
        graded.remark_unscored(&scores.table.models, output);
    }
    let right = right_responses(&scores)?;
    let reached = models
        .iter()
        .map(|&model| {
            let name = &scores.table.models[model];
            Ok(Reached {
                model: name,
                reach: ks
                    .iter()
                    .map(|&k| right.reach(model, k, arguments.confidence))
                    .collect::<Result<_, _>>()?,
                quantiles: quantiles(&right, &scores.table, model)?,
                prompts: prompts::count(
                    name,
                    (&scores.table.prompts, right.log_mass(model)),
                    graded.as_ref(),
                    budget,
                    arguments.confidence,
                )?,
            })
        })
        .collect::<Result<Vec<Reached>>>()?;
    let best = ks
        .iter()
        .map(|&k| {
            let leader = right.leader(&models, k, arguments.confidence)?;
            Ok(Best::new(k, &leader, &reached))
        })
        .collect::<Result<Vec<Best>>>()?;
    let document = Document {
        command: "reach",
        confidence: arguments.confidence,
        rows: scores.table.rows(),
        prompts: right.prompts(),
        repeated: right.repeated,
        several: right.several,
        models: reached
            .iter()
            .map(|one| Model::new(one, right.prompts(), &ks, arguments.budget))
            .collect(),
        best,
    };
    output.result(&document, |style| {
        text::render(&reached, &ks, &document, graded.is_some(), style)
    })
}

impl Arguments {
    fn ks(&self) -> Result<Vec<f64>> {
        let Some(sequence) = &self.k else {
            return Ok(DEFAULT_KS.to_vec());
        };
        let ks = sequence
            .terms(Growth::Geometric, LAST_K)
            .map_err(|why| anyhow!("-k: {why}"))?;
        match ks.iter().find(|k| !(k.is_finite() && **k >= 1.0)) {
            None => Ok(ks),
            Some(k) => {
                bail!("k = {k} is not a number of samples; write numbers >= 1, such as -k 1,16,1e6")
            }
        }
    }

    fn budget(&self) -> Result<Level> {
        Level::from_n(self.budget).map_err(|_| {
            anyhow!(
                "--budget {}: a budget is a finite number of samples, at least 1",
                self.budget
            )
        })
    }

    /// All but the reference. One asked for by name must be there; that of a run need not be in its table.
    fn models(&self, scores: &Scores) -> Result<Vec<usize>> {
        let run = self.tables.run_folder().map(|run| run.manifest());
        let of_run = run.transpose()?.and_then(|run| run.reference);
        let is_there = |name: &String| scores.table.models.contains(name);
        let left_out = self.reference.clone().or_else(|| of_run.filter(is_there));
        scores.models_without(left_out.as_deref())
    }
}

/// The rows, prompt by prompt; names the prompt where the statistics know but a row.
fn right_responses(scores: &Scores) -> Result<RightResponses> {
    let columns: Vec<&[f64]> = scores.table.logprob.iter().map(Vec::as_slice).collect();
    RightResponses::new(&columns, &scores.design()).map_err(|error| match error {
        Error::ProbabilitiesAboveOne { row, total } => anyhow!(
            "prompt `{}`: a model gives its distinct responses probability {total:.4} in all; they must be whole \
             responses, each listed once, with the end token where the response ended",
            scores.key(row).0
        ),
        error => error.into(),
    })
}

fn quantiles(right: &RightResponses, table: &ScoreTable, model: usize) -> Result<Vec<Quantile>> {
    let paths = table
        .token_logprobs
        .as_ref()
        .map(|lists| easiest_paths(&lists[model], &table.prompt, right.prompts()));
    let quantile = |share| {
        let of_tokens = paths.as_ref().map(|paths| right.quantile(paths, share));
        Ok(Quantile {
            share,
            log_q: right.log_quantile(model, share)?,
            log_q_token: of_tokens.transpose()?,
        })
    };
    SHARES.into_iter().map(quantile).collect()
}

/// The least log-probability of a token, of the response of each prompt where that is largest.
fn easiest_paths(lists: &[Vec<f32>], prompt: &[u32], prompts: usize) -> Vec<f64> {
    let mut easiest = vec![f64::NEG_INFINITY; prompts];
    for (tokens, &prompt) in lists.iter().zip(prompt) {
        let hardest = tokens
            .iter()
            .fold(0.0, |least: f64, &token| least.min(f64::from(token)));
        let known = &mut easiest[prompt as usize];
        *known = known.max(hardest);
    }
    easiest
}

impl<'a> Best<'a> {
    fn new(k: f64, leader: &Leader, reached: &[Reached<'a>]) -> Self {
        let name = |&at: &usize| reached[at].model;
        Best {
            k: document::Whole(k),
            model: name(&leader.best),
            not_excluded: leader.not_excluded.iter().map(name).collect(),
        }
    }
}
