//! Which checkpoint to take, on which evidence.

use breadth_stats::{
    Design, Estimate, Leader, PromptOutcome, RightResponses, Tournament, best_of_k, leader,
    pass_estimate,
};
use serde::Serialize;

use crate::number::{self, Number};

/// Another candidate may be better by this much, and a verdict is still called certain.
const NO_LOSS: f64 = 0.01;
/// Another candidate may be better by this much at most where samples make a verdict likely.
const SMALL_LOSS: f64 = 0.10;
/// A reach that fewer prompts carry decides nothing.
const FEWEST_PROMPTS: f64 = 20.0;
/// A reach below this says next to nothing of what k samples find.
const LEAST_REACH: f64 = 0.01;
/// Names beyond this many are counted, not listed.
const MOST_NAMES: usize = 4;

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
    /// The number of samples that the choice is for: Best-of-k or Pass@k, a group of k in reinforcement learning. N of the tournament is k/2.
    pub k: f64,
    /// Confidence of all limits, such as 0.95.
    pub confidence: f64,
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
    /// The outcomes of each candidate, prompts in the same order; empty for a candidate without samples.
    pub outcomes: &'a [Vec<PromptOutcome>],
    /// Weights and strata of the prompts.
    pub design: Design<'a>,
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
    /// The number that decides, in words.
    pub because: String,
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
    /// Whether that is what the verdict takes, or cannot be told from it by this rule.
    pub agrees: bool,
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
                "Take {take} ({}, by {}): {}.",
                self.state.name(),
                by.words(),
                self.because
            ),
            (Some(take), None) => format!("Take {take}: {}.", self.because),
            (None, _) => format!("Nothing to take yet: {}.", self.because),
        }
    }

    /// What follows the sentence: what would decide, what the other rules say, warnings. One paragraph each.
    pub fn notes(&self) -> Vec<String> {
        let next = self
            .next
            .as_ref()
            .map(|next| format!("{} would decide:\n  {}", next.what, next.command));
        let said = |opinion: &Opinion| {
            let note = opinion
                .note
                .as_ref()
                .map_or(String::new(), |note| format!("; {note}"));
            let rule = capitalised(opinion.rule.words());
            match (&self.take, opinion.agrees) {
                (None, _) => format!("{rule} says {}{note}.", opinion.says),
                (Some(take), true) if *take == opinion.says => format!("{rule} agrees{note}."),
                (Some(_), true) => format!(
                    "{rule} says {}, but cannot tell the two apart{note}.",
                    opinion.says
                ),
                (Some(_), false) => format!("{rule} disagrees: it says {}{note}.", opinion.says),
            }
        };
        next.into_iter()
            .chain(self.others.iter().map(said))
            .chain(self.warnings.iter().cloned())
            .collect()
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Decides which checkpoint to take.
///
/// - Graded samples of every candidate, at least k a prompt: Pass@k decides, compared in pairs over prompts. `certain` where no other candidate can be better by more
///   than one point, `likely` where by at most ten, else `open`. With fewer than k samples, or samples of some candidates only, it is at most `likely`.
/// - Held-out responses that are the only right ones: reach is Pass@k and decides in the same way.
/// - A reach_k of the best one that is within ten points of 1 for certain makes it `likely`: no other can be better by more, for any verifier that accepts the
///   held-out responses.
/// - Else the tournament and reach side by side. Both are needed: the tournament compares candidates with one another and says nothing of a field in which none
///   covers well; reach counts the held-out responses alone. `likely` where they say the same and one of them excludes some candidate, else `open`. They never
///   make a verdict `certain`: which other responses a verifier accepts is not in them.
///
/// Errors: what the statistics refuse.
///
/// ```
/// use breadth_analysis::{Evidence, Sampled, State, decide};
/// use breadth_stats::{Design, PromptOutcome::Counts};
/// let outcomes = [vec![Counts { n: 16, c: 2 }; 100], vec![Counts { n: 16, c: 9 }; 100]];
/// let evidence = Evidence {
///     models: &["early", "late"],
///     k: 4.0,
///     confidence: 0.95,
///     scores: None,
///     samples: Some(Sampled { outcomes: &outcomes, design: Design::default() }),
/// };
/// let verdict = decide(&evidence)?;
/// assert_eq!((verdict.take.as_deref(), verdict.state), (Some("late"), State::Certain));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: Thm 6.3 bounds the tournament's winner by the best candidate, whose coverage may itself be poor; Chen et al. (2025) for reach.
pub fn decide(evidence: &Evidence) -> Result<Verdict, VerdictError> {
    let found = Found::new(evidence)?;
    if let [only] = evidence.models {
        return Ok(found.verdict(
            evidence,
            Some(only),
            State::Certain,
            None,
            "it is the only candidate, nothing was compared".into(),
            None,
        ));
    }
    if let Some(samples) = &found.samples {
        return Ok(found.by_samples(evidence, samples));
    }
    let Some(scores) = &found.scores else {
        return Ok(found.verdict(
            evidence,
            None,
            State::Open,
            None,
            "there are neither scores nor samples".into(),
            None,
        ));
    };
    Ok(if scores.only_right && scores.impossible.is_none() {
        found.by_exact_reach(evidence, scores)
    } else {
        found.by_scores(evidence, scores)
    })
}

/// What the evidence says, rule by rule.
struct Found<'a> {
    samples: Option<BySamples>,
    scores: Option<ByScores<'a>>,
}

struct BySamples {
    /// How many candidates have samples.
    sampled: usize,
    /// Its positions are those of the candidates; `means` is in another order.
    leader: Leader,
    /// At this many samples.
    k: u64,
    /// Pass@k of the leader.
    estimate: Estimate,
}

struct ByScores<'a> {
    tournament: &'a Tournament,
    /// For each candidate the first one that gives every row the same log-probability.
    same_as: Vec<usize>,
    reach: Leader,
    reach_of_best: breadth_stats::Reach,
    /// Most prompts that carry the reach of any candidate, or enough of them.
    carried_by: f64,
    prompts: usize,
    several: usize,
    repeated: usize,
    only_right: bool,
    /// Why reach cannot be computed, if it cannot.
    impossible: Option<String>,
}

impl<'a> Found<'a> {
    fn new(evidence: &Evidence<'a>) -> Result<Self, VerdictError> {
        let samples = match &evidence.samples {
            Some(sampled) => BySamples::new(evidence, sampled)?,
            None => None,
        };
        let scores = match &evidence.scores {
            Some(scored) => Some(ByScores::new(evidence, scored)?),
            None => None,
        };
        Ok(Found { samples, scores })
    }

    fn by_samples(&self, evidence: &Evidence, samples: &BySamples) -> Verdict {
        let best = samples.best();
        let lead = &samples.leader;
        let is_all = samples.sampled == evidence.models.len();
        let is_enough = samples.k as f64 >= wanted(evidence.k);
        let mut state = state_of(lead);
        if !is_all || !is_enough {
            state = state.min(State::Likely);
        }
        let mut because = format!(
            "Pass@{} is {}{}",
            samples.k,
            with_limits(&samples.estimate),
            ahead(lead, evidence.models)
        );
        if !is_all {
            let without = evidence.models.len() - samples.sampled;
            because += &format!(
                "; {} without samples {} not compared",
                number::count(without, "candidate"),
                if without == 1 { "is" } else { "are" }
            );
        }
        if state == State::Open {
            let names = self.names(evidence, lead.not_excluded.iter().copied());
            let because = format!("{} may each be the best: {because}", list(&names));
            let next = Next {
                what: format!("More prompts, or more samples of {}", list(&names)),
                command: sample_command(&names, evidence.k),
            };
            return self.verdict(
                evidence,
                None,
                State::Open,
                Some(Rule::Samples),
                because,
                Some(next),
            );
        }
        self.verdict(
            evidence,
            Some(evidence.models[best]),
            state,
            Some(Rule::Samples),
            because,
            None,
        )
    }

    fn by_exact_reach(&self, evidence: &Evidence, scores: &ByScores) -> Verdict {
        let lead = &scores.reach;
        let because = format!(
            "the held-out response is the only right one, so its probability gives Pass@{}: {}{}",
            number::trimmed(wanted(evidence.k)),
            with_limits(&scores.estimate()),
            ahead(lead, evidence.models)
        );
        match state_of(lead) {
            State::Open => {
                let next = Next {
                    what: "Scores of more held-out responses".into(),
                    command: "breadth score CHECKPOINTS --data MORE.jsonl -o more.parquet".into(),
                };
                self.verdict(
                    evidence,
                    None,
                    State::Open,
                    Some(Rule::Reach),
                    because,
                    Some(next),
                )
            }
            state => self.verdict(
                evidence,
                Some(evidence.models[lead.best]),
                state,
                Some(Rule::Reach),
                because,
                None,
            ),
        }
    }

    fn by_scores(&self, evidence: &Evidence, scores: &ByScores) -> Verdict {
        let t = scores.tournament;
        let tournament = Set::new(t.winner, &t.not_excluded, &scores.same_as);
        let reach = Set::new(
            scores.reach.best,
            &scores.reach.not_excluded,
            &scores.same_as,
        );
        let name = |at: usize| evidence.models[at];
        let n = number::trimmed(evidence.k / 2.0);
        let k = number::trimmed(wanted(evidence.k));
        let distinct = scores.distinct();
        if distinct == 1 {
            return self.verdict(
                evidence,
                Some(name(t.winner)),
                State::Certain,
                None,
                "all candidates give every response the same probability".into(),
                None,
            );
        }
        let carried = scores.weakness(&k).is_none();
        let resolves = tournament.all.len() < distinct || (carried && reach.all.len() < distinct);
        let agree = tournament.best == reach.best;
        if carried && agree && resolves {
            let because = format!(
                "the tournament at N = {n} and reach_{k} ({}) both say so; which other responses a verifier accepts they cannot see",
                with_limits(&scores.estimate())
            );
            return self.verdict(
                evidence,
                Some(name(tournament.best)),
                State::Likely,
                Some(Rule::Tournament),
                because,
                None,
            );
        }
        // Pass@k is at least reach_k and at most 1, whatever the other rules say.
        let most_lost = 1.0 - scores.reach_of_best.low;
        if scores.impossible.is_none() && most_lost <= SMALL_LOSS {
            let because = format!(
                "reach_{k} is {}, so that no other candidate is better by more than {:.1} points, for any verifier that accepts the held-out responses",
                with_limits(&scores.estimate()),
                number::at_most(most_lost)
            );
            return self.verdict(
                evidence,
                Some(name(reach.best)),
                State::Likely,
                Some(Rule::Reach),
                because,
                None,
            );
        }
        let (because, rivals) = if !carried {
            let because = format!(
                "the tournament at N = {n} says {}, but log-probabilities cannot tell whether {k} samples would find a right response: {}",
                name(tournament.best),
                scores.weakness(&k).unwrap_or_default()
            );
            (because, tournament.all.clone())
        } else if !resolves {
            let because = format!(
                "neither the tournament at N = {n} nor reach_{k} excludes any of the {distinct} candidates"
            );
            (because, vec![tournament.best, reach.best])
        } else {
            let because = format!(
                "the tournament at N = {n} says {}, reach_{k} says {} ({})",
                name(tournament.best),
                name(reach.best),
                with_limits(&scores.estimate())
            );
            (because, vec![tournament.best, reach.best])
        };
        let loss = scores.same_as[t.cross_entropy_winner];
        let mut rivals = rivals;
        // Where many responses are right, training past the lowest loss may help: the last candidate belongs to every comparison.
        rivals.push(scores.same_as[evidence.models.len() - 1]);
        if rivals.len() < 2 || rivals[0] == rivals[1] {
            rivals.extend([reach.best, loss]);
        }
        rivals.sort_unstable();
        rivals.dedup();
        if rivals.len() < 2 {
            rivals = (0..evidence.models.len()).collect();
        }
        let names = self.names(evidence, rivals.into_iter());
        let graded = samples_wanted(evidence.k);
        let next = Next {
            what: format!(
                "{graded} graded samples of {} from {}",
                number::count(scores.prompts, "prompt"),
                list(&names)
            ),
            command: sample_command(&names, evidence.k),
        };
        self.verdict(evidence, None, State::Open, None, because, Some(next))
    }

    fn names(&self, evidence: &Evidence, positions: impl Iterator<Item = usize>) -> Vec<String> {
        positions.map(|at| evidence.models[at].to_owned()).collect()
    }

    fn verdict(
        &self,
        evidence: &Evidence,
        take: Option<&str>,
        state: State,
        by: Option<Rule>,
        because: String,
        next: Option<Next>,
    ) -> Verdict {
        Verdict {
            take: take.map(str::to_owned),
            state,
            by,
            k: Number(wanted(evidence.k)),
            because,
            others: self.others(evidence, take, by),
            next,
            warnings: self.warnings(evidence),
            coverage: self
                .scores
                .as_ref()
                .map_or(Vec::new(), |scores| scores.brackets(evidence)),
        }
    }

    /// What every rule but the deciding one says.
    fn others(&self, evidence: &Evidence, take: Option<&str>, by: Option<Rule>) -> Vec<Opinion> {
        let taken = take.and_then(|name| evidence.models.iter().position(|model| *model == name));
        let mut others = Vec::new();
        let Some(scores) = self.scores.as_ref().filter(|_| evidence.models.len() > 1) else {
            return others;
        };
        let t = scores.tournament;
        let opinion = |rule, says: usize, set: &[usize], note| Opinion {
            rule,
            says: evidence.models[says].to_owned(),
            agrees: taken.is_some_and(|taken| {
                set.iter()
                    .any(|&at| scores.same_as[at] == scores.same_as[taken])
            }),
            note,
        };
        if by != Some(Rule::Tournament) {
            let void = scores.is_void(t.winner).then(|| {
                format!(
                    "its guarantee is void here, as the winner's own coverage may be anything ({})",
                    number::percent_limits(
                        t.standings[t.winner].certified_low,
                        t.standings[t.winner].certified_high
                    )
                )
            });
            others.push(opinion(Rule::Tournament, t.winner, &t.not_excluded, void));
        }
        if by != Some(Rule::Reach) {
            let k = number::trimmed(wanted(evidence.k));
            let few = scores
                .weakness(&k)
                .map(|why| format!("{why}, so it decides nothing"));
            others.push(opinion(
                Rule::Reach,
                scores.reach.best,
                &scores.reach.not_excluded,
                few,
            ));
        }
        others.push(opinion(
            Rule::CrossEntropy,
            t.cross_entropy_winner,
            &[t.cross_entropy_winner],
            None,
        ));
        others
    }

    fn warnings(&self, evidence: &Evidence) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(samples) = &self.samples
            && (samples.k as f64) < wanted(evidence.k)
        {
            warnings.push(format!(
                "Samples reach to k = {} only: at k = {} the order may differ.",
                samples.k,
                number::trimmed(wanted(evidence.k))
            ));
        }
        let Some(scores) = &self.scores else {
            return warnings;
        };
        if scores.several > 0 && self.samples.is_none() && !scores.only_right {
            warnings.push(format!(
                "{} of the {} have several right responses: for a verifier one of them is enough, and coverage of each response is not what its Pass@k needs.",
                number::grouped(scores.several),
                number::count(scores.prompts, "prompt")
            ));
        }
        if scores.repeated > 0 {
            warnings.push(format!(
                "{} repeat another of their prompt under every model and count once in reach.",
                number::count(scores.repeated, "row")
            ));
        }
        let doubles = scores.doubles(evidence.models);
        if !doubles.is_empty() {
            warnings.push(format!(
                "The same log-probabilities throughout: {}. Are they the same weights?",
                doubles.join("; ")
            ));
        }
        warnings
    }
}

impl BySamples {
    /// `None` where fewer than two candidates have samples on the same prompts.
    fn new(evidence: &Evidence, sampled: &Sampled) -> Result<Option<Self>, VerdictError> {
        let mut with: Vec<usize> = (0..sampled.outcomes.len())
            .filter(|&at| !sampled.outcomes[at].is_empty())
            .collect();
        let Some(&first) = with.first() else {
            return Ok(None);
        };
        let prompts = sampled.outcomes[first].len();
        if (with.len() < 2 && evidence.models.len() > 1)
            || with.iter().any(|&at| sampled.outcomes[at].len() != prompts)
        {
            return Ok(None);
        }
        let counts = with.iter().flat_map(|&at| &sampled.outcomes[at]);
        let fewest = counts.map(PromptOutcome::samples).min().unwrap_or(0);
        let k = wanted(evidence.k).min(fewest as f64) as u64;
        if k == 0 {
            return Ok(None);
        }
        let passes = |&at: &usize| -> Result<Vec<f64>, VerdictError> {
            let of_prompt = |outcome: &PromptOutcome| match outcome {
                PromptOutcome::Counts { n, c } => breadth_stats::pass_at_k(*n, *c, k),
                PromptOutcome::Rewards(rewards) => best_of_k(rewards, k),
            };
            sampled.outcomes[at].iter().map(of_prompt).collect()
        };
        // Of equals in Pass@k the one that is right most often comes first, and the first is taken.
        let rate = |at: usize| -> Result<f64, VerdictError> {
            let outcomes = &sampled.outcomes[at];
            Ok(pass_estimate(outcomes, &sampled.design, 1, evidence.confidence)?.value)
        };
        let mut rates = vec![0.0; sampled.outcomes.len()];
        for &at in &with {
            rates[at] = rate(at)?;
        }
        with.sort_by(|&a, &b| rates[b].total_cmp(&rates[a]));
        let values = with.iter().map(passes).collect::<Result<Vec<_>, _>>()?;
        let mut leader = leader(&values, &sampled.design, evidence.confidence)?;
        leader.best = with[leader.best];
        leader
            .not_excluded
            .iter_mut()
            .for_each(|at| *at = with[*at]);
        leader.not_excluded.sort_unstable();
        let outcomes = &sampled.outcomes[leader.best];
        let estimate = pass_estimate(outcomes, &sampled.design, k, evidence.confidence)?;
        Ok(Some(BySamples {
            sampled: with.len(),
            leader,
            k,
            estimate,
        }))
    }

    fn best(&self) -> usize {
        self.leader.best
    }
}

impl<'a> ByScores<'a> {
    fn new(evidence: &Evidence, scored: &Scored<'a>) -> Result<Self, VerdictError> {
        // What breaks reach alone must not keep the other rules from being heard.
        let (right, impossible) = match RightResponses::new(scored.columns, &scored.design) {
            Err(VerdictError::ProbabilitiesAboveOne { total, .. }) => {
                let rows = Design {
                    clusters: None,
                    ..scored.design
                };
                (
                    RightResponses::new(scored.columns, &rows)?,
                    Some(format!(
                        "reach is unknown, as the responses of a prompt have probabilities that add up to {}",
                        number::trimmed(total)
                    )),
                )
            }
            right => (right?, None),
        };
        let all: Vec<usize> = (0..scored.columns.len()).collect();
        let k = wanted(evidence.k);
        let reach = right.leader(&all, k, evidence.confidence)?;
        let mut carried_by = 0.0_f64;
        for model in all {
            if carried_by < FEWEST_PROMPTS {
                carried_by = carried_by.max(right.effective_prompts(model, k)?);
            }
        }
        Ok(ByScores {
            tournament: scored.tournament,
            same_as: same_as(scored.columns),
            reach_of_best: right.reach(reach.best, k, evidence.confidence)?,
            reach,
            carried_by,
            prompts: right.prompts(),
            several: right.several,
            repeated: right.repeated,
            only_right: scored.only_right,
            impossible,
        })
    }

    fn estimate(&self) -> Estimate {
        let reach = self.reach_of_best;
        Estimate {
            value: reach.value,
            low: reach.low,
            high: reach.high,
        }
    }

    fn distinct(&self) -> usize {
        let own = self.same_as.iter().enumerate();
        own.filter(|&(at, &first)| at == first).count()
    }

    /// Why reach decides nothing, if it does not.
    fn weakness(&self, k: &str) -> Option<String> {
        if self.impossible.is_some() {
            return self.impossible.clone();
        }
        if self.carried_by < FEWEST_PROMPTS {
            let prompts = number::count(self.carried_by.floor() as usize, "prompt");
            return Some(format!("reach rests on {prompts} only"));
        }
        let value = self.reach_of_best.value;
        (value < LEAST_REACH).then(|| format!("reach_{k} is {}", number::percent(value)))
    }

    /// Whether nothing is certain of a candidate's coverage.
    fn is_void(&self, at: usize) -> bool {
        let standing = &self.tournament.standings[at];
        standing.certified_low <= 0.0 && standing.certified_high >= 0.9995
    }

    fn brackets(&self, evidence: &Evidence) -> Vec<Bracket> {
        let standings = evidence.models.iter().zip(&self.tournament.standings);
        standings
            .map(|(model, standing)| Bracket {
                model: (*model).to_owned(),
                low: Number(standing.certified_low),
                high: Number(standing.certified_high),
            })
            .collect()
    }

    /// `a = b`, for candidates that nothing tells apart.
    fn doubles(&self, models: &[&str]) -> Vec<String> {
        let group = |first: usize| {
            let members: Vec<&str> = (0..models.len())
                .filter(|&at| self.same_as[at] == first)
                .map(|at| models[at])
                .collect();
            (members.len() > 1).then(|| members.join(" = "))
        };
        (0..models.len()).filter_map(group).collect()
    }
}

/// The candidates that one rule leaves open, doubles counted once.
struct Set {
    best: usize,
    all: Vec<usize>,
}

impl Set {
    fn new(best: usize, all: &[usize], same_as: &[usize]) -> Set {
        let mut all: Vec<usize> = all.iter().map(|&at| same_as[at]).collect();
        all.sort_unstable();
        all.dedup();
        Set {
            best: same_as[best],
            all,
        }
    }
}

/// For each column the first one that equals it.
fn same_as(columns: &[&[f64]]) -> Vec<usize> {
    let first = |at: usize| {
        (0..at)
            .find(|&other| columns[other] == columns[at])
            .unwrap_or(at)
    };
    (0..columns.len()).map(first).collect()
}

fn state_of(leader: &Leader) -> State {
    match leader.behind {
        behind if behind <= NO_LOSS => State::Certain,
        behind if behind <= SMALL_LOSS => State::Likely,
        _ => State::Open,
    }
}

/// `, at least 21.0 points above every other candidate`.
fn ahead(leader: &Leader, models: &[&str]) -> String {
    let points = |share: f64| format!("{:.1} points", share);
    if leader.not_excluded.len() == 1 {
        return format!(
            ", at least {} above every other candidate",
            points(number::at_least(leader.lead))
        );
    }
    let open: Vec<String> = leader
        .not_excluded
        .iter()
        .filter(|&&at| at != leader.best)
        .map(|&at| models[at].to_owned())
        .collect();
    format!(
        ", and {} may be better by up to {}",
        list(&open),
        points(number::at_most(leader.behind))
    )
}

/// The number of samples that a choice is for, as a whole number where f64 has those.
fn wanted(k: f64) -> f64 {
    k.round().clamp(1.0, 1e300)
}

/// Graded samples to ask for.
fn samples_wanted(k: f64) -> u64 {
    wanted(k).clamp(16.0, 256.0) as u64
}

fn sample_command(names: &[String], k: f64) -> String {
    let folders = if names.len() <= MOST_NAMES {
        names.join(" ")
    } else {
        "CHECKPOINTS".into()
    };
    format!(
        "breadth sample {folders} --prompts PROMPTS.jsonl -k {} --verifier VERIFIER -o samples.parquet",
        samples_wanted(k)
    )
}

fn with_limits(estimate: &Estimate) -> String {
    format!(
        "{} {}",
        number::percent(estimate.value),
        number::percent_limits(estimate.low, estimate.high)
    )
}

/// `a, b and c`; past a few names how many more.
fn list(names: &[String]) -> String {
    match names {
        [] => "no other".into(),
        [only] => only.clone(),
        [most @ .., last] if names.len() <= MOST_NAMES => format!("{} and {last}", most.join(", ")),
        _ => format!(
            "{} and {} more",
            names[..MOST_NAMES - 1].join(", "),
            names.len() + 1 - MOST_NAMES
        ),
    }
}
