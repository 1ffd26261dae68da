//! `breadth reach`: what do k samples find for certain?

mod text;

use anyhow::{Result, anyhow, bail};
use breadth_analysis::{ReachOptions, Scores, reach};
use breadth_data::{ReadOptions, SampleTable};
use breadth_stats::Level;

use crate::arguments;
use crate::input::{Tables, read_samples, read_scores};
use crate::output::Output;
use crate::sequence::{Growth, Sequence};

const EXAMPLES: &str = "\
Examples:
  # which checkpoint finds the held-out responses with the fewest samples? No
  # sampling, any k
  breadth reach scores.parquet

  # the teacher's own scores left out, and a k that nobody could sample
  breadth reach scores/ --reference teacher -k 16,1e6

  # with graded samples: which prompts are within reach of 64 samples, which are
  # not, which nobody knows
  breadth reach scores.parquet samples.parquet --budget 64

  # what a run left behind, as JSON: reach at 16, and ln Q(0.1), of which
  # reinforcement learning needs about 1/Q queries
  breadth reach runs/demo -k 16 --json | jq \\
    '.models[] | [.model, .reach[0].value, .quantiles[2].log_q]'

The rows of the score table are right responses; a prompt may have several. Reach at k is 1 - (1 - q)^k, averaged over \
prompts, where q is the probability that the model gives a prompt's right responses together. It is at most Pass@k for \
every verifier that accepts them, and Pass@k itself where they are all the right ones.";

/// The last k of `..`.
const LAST_K: f64 = 1024.0;
/// The ks when nobody says.
const DEFAULT_KS: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0];

/// What k samples find for certain: reach, likelihood quantiles, and the prompts within a budget
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    tables: Tables,
    /// Numbers of samples, however large; `..` continues the progression, to 1024 or to the number
    /// after it [default: 1,4,16,..]
    #[arg(short, value_name = "K,..", allow_hyphen_values = true)]
    k: Option<Sequence>,
    /// The samples that a prompt may cost: it is within reach if a sample is right with probability
    /// 1/N
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
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = arguments::confidence)]
    confidence: f64,
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
    let scores = read_scores(&paths.scores, &options, output).or_else(|error| {
        read_scores(&paths.scores, &arguments.tables.options(), output).map_err(|_| error)
    })?;
    let scores = scores.weighted(&arguments.tables.how.group_weights)?;
    let left_out = arguments.left_out(&scores)?;
    let options = arguments.tables.options();
    let samples = (!paths.samples.is_empty())
        .then(|| read_samples(&paths.samples, &options, output))
        .transpose()?;
    if let Some(samples) = &samples {
        remark_unscored(samples, &scores.table.models, output);
    }
    let document = reach(
        &scores,
        samples.as_ref(),
        &ReachOptions {
            ks: &ks,
            budget,
            left_out: left_out.as_deref(),
            confidence: arguments.confidence,
        },
    )?;
    output.result(&document, |style| text::render(&document, style))
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

    /// The reference. One asked for by name must be there; that of a run need not be in its table.
    fn left_out(&self, scores: &Scores) -> Result<Option<String>> {
        let run = self.tables.run_folder().map(|run| run.manifest());
        let of_run = run.transpose()?.and_then(|run| run.reference);
        let is_there = |name: &String| scores.table.models.contains(name);
        Ok(self.reference.clone().or_else(|| of_run.filter(is_there)))
    }
}

/// Says which models have samples and no scores: reach knows nothing of them.
fn remark_unscored(samples: &SampleTable, scored: &[String], output: &Output) {
    let unscored = samples
        .models
        .iter()
        .filter(|model| !scored.contains(model));
    let names: Vec<&str> = unscored.map(String::as_str).collect();
    if !names.is_empty() {
        output.remark(&format!(
            "left out, samples without scores: {}",
            names.join(", ")
        ));
    }
}
