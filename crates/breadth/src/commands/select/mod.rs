//! `breadth select`: which checkpoint should I take?

use anyhow::{Result, bail};
use breadth_analysis::{Candidates, SelectOptions, Selection, SelectionRule, State};
use breadth_lm::rng;
use clap::ValueEnum;

use crate::arguments;
use crate::evidence;
use crate::failure::Unsure;
use crate::input::{LevelChoice, Tables};
use crate::losses::LossChoice;
use crate::output::Output;

mod landscape;
mod race;
mod text;

const EXAMPLES: &str = "\
Examples:
  # the checkpoint for Best-of-16 or Pass@16 (the tournament at N = 8)
  breadth select scores.parquet --best-of 16

  # with graded samples of the checkpoints: they decide; a script stops (status
  # 3) unless that is certain
  breadth select scores.parquet samples.parquet --best-of 16 --require certain

  # graded samples alone, such as evaluation logs
  breadth select validation/ --best-of 16

  # a folder of tables, the teacher's own scores left out, only the name of what
  # to take (null where nothing is)
  breadth select scores/ --reference teacher --json | jq -r .verdict.take

  # what a run left behind
  breadth select runs/demo

  # the offset rule: beside the data rows it needs rows whose source is each
  # model, scored by all of them
  breadth select scores.parquet --rule offset --best-of 64

  # how few forward passes would have been enough
  breadth select scores.parquet --best-of 16 --race

  # long responses: what Best-of-N needs is the answer, so compare how often
  # each model gives the right one
  breadth select samples.parquet --answers --best-of 64

  # long responses differ by many nats: see where the choice separates, then
  # take such an N, here e^30
  breadth select scores.parquet --landscape
  breadth select scores.parquet --log-n 30

The verdict weighs all evidence. Graded samples, at least K a prompt, decide by Pass@K. Without them the tournament and reach \
have to say the same, with few prompts that have several right responses, or reach has to be so near 100% that no other candidate can be much better; else nothing is taken, and the command that would decide is shown.

Which N or K? For Best-of-K and Pass@K that K; for reinforcement learning with groups of G responses K = G. Without a \
verifier: scores alone. With a verifier: 16 samples a prompt of the few candidates that the scores leave open.

The words:
  tournament    for each checkpoint the share of responses to which some rival assigns at least N times the probability
  reach_k       how often k samples contain the held-out response itself: Pass@k is at least this
  certain       at 95% confidence no other candidate is better by more than one point of Pass@k
  likely        another may be better by up to ten points; on scores alone: the rules agree
  open          neither
  may be best   what the data cannot exclude, by the rule that is named
  coverage      the share of the data that a checkpoint under-weights by N or more; its limits hold whatever the data are
  void          limits of 0 to 100%: they say nothing, and the tournament compares candidates that may all be poor
  cross-entropy the validation loss, in nats per response

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
    /// How to choose, in place of the verdict over all evidence [default: the verdict, beside the
    /// tournament]
    #[arg(long, value_enum)]
    rule: Option<Rule>,
    /// Exit with status 3 if the verdict is less than this
    #[arg(long, value_enum, value_name = "STATE", conflicts_with = "race")]
    require: Option<Require>,
    /// The a of `--rule offset`, in [0, 1]: some model is assumed within a factor N^a of the truth
    /// [default: the largest with N^(1-2a) >= 8]
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    a: Option<f64>,
    /// Also show the tournament's choice along log N: where it separates, where it ties, where it
    /// changes
    #[arg(long)]
    landscape: bool,
    /// Score batch by batch and leave models as soon as they cannot win: says how many scores were
    /// needed
    #[arg(long, conflicts_with = "landscape")]
    race: bool,
    /// Compare final answers instead of responses, from samples: how often each model gives the
    /// right answer, or with --reference the answers of that model's samples
    #[arg(long, conflicts_with = "race")]
    answers: bool,
    /// Seed of the order of rows in a race
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// A model that is no candidate: the teacher, or the exact law; a run folder names its own
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    /// Rank by coverage against this fixed model: the share of responses to which it gives N times
    /// the probability. As no other checkpoint enters, it can stand in a series
    /// (metric_for_best_model). The model is no candidate then
    #[arg(long, value_name = "BASE", conflicts_with_all = ["rule", "race", "answers", "reference"])]
    against: Option<String>,
    #[command(flatten)]
    losses: LossChoice,
    /// Confidence of the intervals and of the set that is not excluded
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = arguments::confidence)]
    confidence: f64,
}

/// How to choose among the models.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rule {
    /// The smallest share of responses that some rival gives N times the probability (Eq 28-29)
    Tournament,
    /// The tournament less 2 N^a times what a rival gains on the model's own samples (Eq 32)
    Offset,
    /// The largest reach_k: how often k samples contain the held-out response itself (k = 2N)
    Reach,
    /// The lowest cross-entropy, which is the lowest validation loss: to compare with
    CrossEntropy,
}

impl From<Rule> for SelectionRule {
    fn from(rule: Rule) -> SelectionRule {
        match rule {
            Rule::Tournament => SelectionRule::Tournament,
            Rule::Offset => SelectionRule::Offset,
            Rule::Reach => SelectionRule::Reach,
            Rule::CrossEntropy => SelectionRule::CrossEntropy,
        }
    }
}

/// The least that a verdict may be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Require {
    Certain,
    Likely,
}

impl From<Require> for State {
    fn from(require: Require) -> State {
        match require {
            Require::Certain => State::Certain,
            Require::Likely => State::Likely,
        }
    }
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let options = arguments.options()?;
    let candidates = arguments.candidates(options.rule, output)?;
    if arguments.race {
        return arguments.race(&candidates, options, output);
    }
    let losses = arguments.losses.read(candidates.names())?;
    let mut selection = candidates.selection(options)?;
    if let Some(losses) = &losses {
        selection.add_losses(losses, &candidates.names());
    }
    if arguments.landscape {
        selection.add_landscape(candidates.landscape(options)?);
    }
    let is_named = arguments.rule.is_some() || arguments.against.is_some();
    output.result(&selection, |style| {
        text::render(&selection, is_named, style)
    })?;
    arguments.required(&selection)
}

impl Arguments {
    /// What the flags say, where they agree.
    fn options(&self) -> Result<SelectOptions> {
        let rule = match self.against {
            Some(_) => SelectionRule::Against,
            None => self.rule.map_or(SelectionRule::Tournament, Into::into),
        };
        if self.a.is_some() && rule != SelectionRule::Offset {
            bail!("--a belongs to --rule offset; add that, or leave out --a");
        }
        let without_answers = match rule {
            SelectionRule::Offset => "offset rule: it needs no samples beside those it reads",
            SelectionRule::Reach => "reach: samples are judged by their rewards",
            SelectionRule::CrossEntropy => {
                "cross-entropy rule: samples put no limits on log-probabilities, and an answer \
                 that was never given may have any"
            }
            SelectionRule::Tournament | SelectionRule::Against => "",
        };
        if self.answers && !without_answers.is_empty() {
            bail!("--answers has no {without_answers}; leave out --rule");
        }
        Ok(SelectOptions {
            rule,
            level: self.level.level()?,
            a: self.a,
            confidence: self.confidence,
        })
    }

    fn candidates(&self, rule: SelectionRule, output: &Output) -> Result<Candidates> {
        let reference = self.against.as_deref().or(self.reference.as_deref());
        // Samples alone are compared by their answers: there is nothing else in them.
        let is_plain = rule == SelectionRule::Tournament && !self.race;
        let split = evidence::split(&self.tables);
        if self.answers || (is_plain && evidence::are_samples(&split)) {
            return evidence::of_answers(&self.tables, reference, output);
        }
        let candidates = evidence::candidates(&self.tables, split, reference, rule, output)?;
        Ok(candidates.weighted(&self.tables.how.group_weights)?)
    }

    fn race(&self, candidates: &Candidates, options: SelectOptions, output: &Output) -> Result<()> {
        if self.losses.is_asked() {
            bail!("--race has no room for losses; leave out --trainer-state");
        }
        let mut order: Vec<usize> = (0..candidates.rows()).collect();
        rng::shuffle(&mut rng::stream(self.seed, "race", 0), &mut order);
        let race = candidates.race(options, &order, self.seed)?;
        output.result(&race, |style| race::render(&race, style))
    }

    /// Exit status 3 where the verdict is less sure than was asked for.
    fn required(&self, selection: &Selection) -> Result<()> {
        match (self.require.map(State::from), &selection.verdict) {
            (Some(least), Some(verdict)) if verdict.state < least => Err(Unsure(format!(
                "the verdict is {}, and --require asks for {}",
                verdict.state.name(),
                least.name()
            ))
            .into()),
            (Some(_), None) => {
                bail!("--require needs a verdict, and answers of a reference give none")
            }
            _ => Ok(()),
        }
    }
}
