//! The verdict as a document, and the evidence that it is made from.

use breadth_stats::{Design, PromptOutcome, Tournament};
use serde::Serialize;

use super::words::{capitalised, k_words};
use crate::number::Number;

/// What an evaluation of the evidence can fail with.
pub type VerdictError = breadth_stats::Error;

/// How sure a verdict is; a later state is surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The evidence does not decide: nothing to take yet.
    Open,
    /// Take it, but another candidate may be somewhat better.
    Likely,
    /// At the confidence asked for, no other candidate is better by more than a point of Pass@k.
    Certain,
}

impl State {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Likely => "likely",
            State::Certain => "certain",
        }
    }
}

/// A way to choose among the candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Pass@k (Best-of-k for rewards) of graded samples.
    Samples,
    /// What k samples contain for certain of the held-out responses.
    Reach,
    /// The smallest share of responses that some rival gives N times the probability.
    Tournament,
    /// The lowest cross-entropy, which is the lowest validation loss.
    CrossEntropy,
}

impl Rule {
    /// As it is said in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Rule::Samples => "the samples",
            Rule::Reach => "reach",
            Rule::Tournament => "the tournament",
            Rule::CrossEntropy => "the lowest loss",
        }
    }
}

/// All that is known of the candidates.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Their names.
    pub models: &'a [&'a str],
    /// The number of samples that the choice is for: Best-of-k or Pass@k, a group of k in
    /// reinforcement learning. N of the tournament is k/2.
    pub k: f64,
    /// Confidence of all limits, such as 0.95.
    pub confidence: f64,
    /// For each candidate the first one that is known to be the same model, by the hashes of their
    /// files; empty where nothing is known. Equal log-probabilities need not be told.
    pub same: &'a [usize],
    /// Held-out responses with log-probabilities.
    pub scores: Option<Scored<'a>>,
    /// Graded samples.
    pub samples: Option<Sampled<'a>>,
}

/// Held-out responses that every candidate scored.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// The tournament among the candidates on these rows.
    pub tournament: &'a Tournament,
    /// Log-probabilities: (models, rows) nats.
    pub columns: &'a [&'a [f64]],
    /// How the rows were sampled; its clusters are the prompts.
    pub design: Design<'a>,
    /// Whether the responses are the only right ones, so that reach is Pass@k.
    pub only_right: bool,
}

/// Graded samples of candidates on the same prompts.
#[derive(Clone, Copy, Debug)]
pub struct Sampled<'a> {
    /// The outcomes of each candidate, prompts in the same order; empty for a candidate without
    /// samples.
    pub outcomes: &'a [Vec<PromptOutcome>],
    /// Weights and strata of the prompts.
    pub design: Design<'a>,
    /// For each prompt its place among those of the scores, in order of first appearance, where it
    /// is one of them; `None` where they are other prompts of the same kind.
    pub places: Option<&'a [Option<usize>]>,
}

/// The verdict over all evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The checkpoint to take; none where the evidence is not enough.
    pub take: Option<String>,
    /// How sure that is.
    pub state: State,
    /// The evidence that decides.
    pub by: Option<Rule>,
    /// The number of samples that the choice is for.
    pub k: Number,
    /// The number of samples at which the deciding evidence compares: k, or fewer where the graded
    /// samples of a prompt are fewer.
    pub judged_at: Number,
    /// The number that decides, in words.
    pub because: String,
    /// The candidates that the deciding evidence leaves open; where nothing is taken, those to
    /// sample.
    pub may_be_best: Vec<String>,
    /// What every other rule says.
    pub others: Vec<Opinion>,
    /// What would decide, where nothing does yet.
    pub next: Option<Next>,
    /// What the reader must know of the evidence.
    pub warnings: Vec<String>,
    /// Certified limits of each candidate's own coverage of the data.
    pub coverage: Vec<Bracket>,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Opinion {
    /// Which rule.
    pub rule: Rule,
    /// Its choice.
    pub says: String,
    /// Whether that is what the verdict takes.
    pub agrees: bool,
    /// Whether this rule cannot exclude what the verdict takes.
    pub leaves_open: bool,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What would decide.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    /// In words.
    pub what: String,
    /// As commands to type; words in capitals are to be filled in.
    pub command: String,
    /// Whether as much decided nearly every series that was measured (lab/results/selection.md);
    /// else it may not be enough.
    pub sure: bool,
}

/// Certified limits of `Cov_N(p||q)` of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bracket {
    /// The candidate.
    pub model: String,
    /// Lower limit.
    pub low: Number,
    /// Upper limit.
    pub high: Number,
}

impl Verdict {
    /// The verdict in one sentence.
    pub fn sentence(&self) -> String {
        match (&self.take, self.by) {
            (Some(take), Some(by)) => format!(
                "Take {take} ({}, by {}{}): {}.",
                self.state.name(),
                by.words(),
                if self.judged_at.0 < self.k.0 {
                    format!(
                        ", at k = {} instead of {}",
                        self.judged_at.0,
                        k_words(self.k.0)
                    )
                } else {
                    String::new()
                },
                self.because
            ),
            (Some(take), None) => format!("Take {take}: {}.", self.because),
            (None, _) => format!("Nothing to take yet: {}.", self.because),
        }
    }

    /// What would or may decide, with the command.
    pub fn next_step(&self) -> Option<String> {
        let next = self.next.as_ref()?;
        let decides = if next.sure {
            "would decide"
        } else {
            "may decide"
        };
        Some(format!("{} {decides}:\n  {}", next.what, next.command))
    }

    /// What follows the sentence: what would decide, what the other rules say, warnings. One
    /// paragraph each.
    pub fn notes(&self) -> Vec<String> {
        let next = self.next_step();
        let said = |opinion: &Opinion| {
            let note = opinion
                .note
                .as_ref()
                .map_or(String::new(), |note| format!("; {note}"));
            let rule = capitalised(opinion.rule.words());
            let (says, agrees, disagrees) = match opinion.rule {
                Rule::Samples => ("say", "agree", "disagree: they say"),
                _ => ("says", "agrees", "disagrees: it says"),
            };
            match &self.take {
                None => format!("{rule} {says} {}{note}.", opinion.says),
                Some(_) if opinion.agrees => format!("{rule} {agrees}{note}."),
                Some(take) if opinion.leaves_open => format!(
                    "{rule} {says} {}, but cannot tell it from {take}{note}.",
                    opinion.says
                ),
                Some(_) => format!("{rule} {disagrees} {}{note}.", opinion.says),
            }
        };
        next.into_iter()
            .chain(self.others.iter().map(said))
            .chain(self.warnings.iter().cloned())
            .collect()
    }
}
