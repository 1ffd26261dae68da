//! From what the evidence says to the verdict.

use breadth_stats::Leader;

use super::document::{Evidence, Next, Opinion, Rule, State, Verdict, VerdictError};
use super::evidence::{BySamples, ByScores, Set};
use super::words::{
    ahead, capitalised, k_words, list, sample_command, samples_wanted, wanted, with_limits,
};
use crate::number::{self, Number};

/// Another candidate may be better by this much, and a verdict is still called certain.
const NO_LOSS: f64 = 0.01;
/// Another candidate may be better by this much at most where samples make a verdict likely.
const SMALL_LOSS: f64 = 0.10;
/// Where more prompts than this share of them have several right responses, scores of each response
/// make no verdict likely.
const FEW_SEVERAL: f64 = 0.10;

/// What the evidence says, rule by rule.
pub(super) struct Found<'a> {
    pub(super) samples: Option<BySamples>,
    pub(super) scores: Option<ByScores<'a>>,
}

/// What the tournament and reach say of the same scores.
struct Said {
    tournament: Set,
    reach: Set,
    /// Why reach decides nothing, if it does not.
    weakness: Option<String>,
    /// Candidates that differ in some log-probability.
    distinct: usize,
    n: String,
    k: String,
}

impl Said {
    fn new(evidence: &Evidence, scores: &ByScores) -> Said {
        let (t, reach) = (scores.tournament, &scores.reach);
        let k = k_words(evidence.k);
        Said {
            tournament: Set::new(t.winner, &t.not_excluded, &scores.same_as),
            reach: Set::new(reach.best, &reach.not_excluded, &scores.same_as),
            weakness: scores.weakness(&k),
            distinct: scores.distinct(),
            n: number::trimmed(evidence.k / 2.0),
            k,
        }
    }

    /// Whether one of them excludes some candidate.
    fn resolves(&self) -> bool {
        self.tournament.all.len() < self.distinct
            || (self.weakness.is_none() && self.reach.all.len() < self.distinct)
    }

    /// Whether both say the same, and have a reason to.
    fn agree(&self) -> bool {
        self.weakness.is_none() && self.tournament.best == self.reach.best && self.resolves()
    }
}

impl<'a> Found<'a> {
    pub(super) fn new(evidence: &Evidence<'a>) -> Result<Self, VerdictError> {
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

    pub(super) fn by_samples(&self, evidence: &Evidence, samples: &BySamples) -> Verdict {
        let best = samples.best();
        let lead = &samples.leader;
        let is_all = samples.sampled == evidence.models.len();
        let is_enough = samples.k as f64 >= wanted(evidence.k);
        if !is_enough && let Some(verdict) = self.by_bound(evidence) {
            return verdict;
        }
        let mut state = state_of(lead);
        if !is_all || !is_enough {
            state = state.min(State::Likely);
        }
        if samples.estimate.value == 0.0 {
            return self.by_nothing(evidence, samples);
        }
        let mut because = format!(
            "{} is {}{}",
            samples.name,
            with_limits(&samples.estimate),
            ahead(lead, evidence.models, &samples.estimate)
        );
        if !is_all {
            let without = evidence.models.len() - samples.sampled;
            because += &format!(
                "; {} without samples {} not compared",
                number::count(without, "candidate"),
                if without == 1 { "is" } else { "are" }
            );
        }
        let names = self.names(evidence, lead.not_excluded.iter().copied());
        let (take, next) = if state == State::Open {
            because = format!("{} may each be the best: {because}", list(&names));
            (
                None,
                Some(format!("More prompts, or more samples of {}", list(&names))),
            )
        } else {
            let more = format!("{} samples of each prompt", samples_wanted(evidence.k));
            (Some(evidence.models[best]), (!is_enough).then_some(more))
        };
        // Whoever falls behind at a smaller k may be the best one at k.
        let to_sample = if is_enough {
            names
        } else {
            self.names(evidence, 0..evidence.models.len())
        };
        let next = next.map(|what| Next {
            what,
            command: sample_command(&to_sample, evidence.k),
        });
        let verdict = self.verdict(evidence, take, state, Some(Rule::Samples), because, next);
        self.among(evidence, &lead.not_excluded, verdict)
    }

    /// Samples without a right response rank nobody.
    fn by_nothing(&self, evidence: &Evidence, samples: &BySamples) -> Verdict {
        let all = 0..evidence.models.len();
        let names = self.names(evidence, all.clone());
        let because = format!(
            "no sample of any candidate is right: {} is {} for all",
            samples.name,
            with_limits(&samples.estimate)
        );
        let next = Next {
            what: "More samples a prompt, or easier prompts".into(),
            command: sample_command(&names, evidence.k),
        };
        let by = Some(Rule::Samples);
        let verdict = self.verdict(evidence, None, State::Open, by, because, Some(next));
        self.among(evidence, &all.collect::<Vec<_>>(), verdict)
    }

    pub(super) fn by_exact_reach(&self, evidence: &Evidence, scores: &ByScores) -> Verdict {
        let lead = &scores.reach;
        let because = format!(
            "the held-out response is the only right one, so its probability gives Pass@{}: {}{}",
            k_words(evidence.k),
            with_limits(&scores.estimate()),
            ahead(lead, evidence.models, &scores.estimate())
        );
        let state = state_of(lead);
        let is_open = state == State::Open;
        let take = (!is_open).then_some(evidence.models[lead.best]);
        let next = is_open.then(|| Next {
            what: "Scores of more held-out responses".into(),
            command: "breadth score CHECKPOINTS --data MORE.jsonl -o more.parquet".into(),
        });
        let verdict = self.verdict(evidence, take, state, Some(Rule::Reach), because, next);
        self.among(evidence, &lead.not_excluded, verdict)
    }

    pub(super) fn by_scores(&self, evidence: &Evidence, scores: &ByScores) -> Verdict {
        let said = Said::new(evidence, scores);
        let name = |at: usize| Some(evidence.models[at]);
        let (n, k) = (&said.n, &said.k);
        if said.distinct == 1 {
            let because = "all candidates give every response the same probability".into();
            let take = name(scores.tournament.winner);
            return self.verdict(evidence, take, State::Certain, None, because, None);
        }
        let is_of_each = scores.several as f64 <= FEW_SEVERAL * scores.prompts as f64;
        if said.agree() && is_of_each {
            let because = format!(
                "the tournament at N = {n} and reach_{k} ({}) both say so; which other responses a \
                 verifier accepts they cannot see",
                with_limits(&scores.estimate())
            );
            let (take, by) = (name(said.tournament.best), Some(Rule::Tournament));
            let verdict = self.verdict(evidence, take, State::Likely, by, because, None);
            return self.among(evidence, &said.tournament.all, verdict);
        }
        if let Some(verdict) = self.by_bound(evidence) {
            return verdict;
        }
        let (because, rivals) = self.undecided(evidence, scores, &said);
        let next = self.next(evidence, scores, &rivals);
        let verdict = self.verdict(evidence, None, State::Open, None, because, Some(next));
        self.among(evidence, &rivals, verdict)
    }

    /// A reach so near 1 that no other candidate can be much better: Pass@k is at least reach_k and
    /// at most 1, whatever the other rules say.
    fn by_bound(&self, evidence: &Evidence) -> Option<Verdict> {
        let scores = self.scores.as_ref()?;
        let most_lost = 1.0 - scores.reach_of_best.low;
        if scores.impossible.is_some() || most_lost > SMALL_LOSS {
            return None;
        }
        let k = k_words(evidence.k);
        let because = format!(
            "reach_{k} is {}, so that no other candidate is better by more than {:.1} points, for \
             any verifier that accepts the held-out responses",
            with_limits(&scores.estimate()),
            number::at_most(most_lost)
        );
        let take = Some(evidence.models[scores.same_as[scores.reach.best]]);
        let verdict = self.verdict(
            evidence,
            take,
            State::Likely,
            Some(Rule::Reach),
            because,
            None,
        );
        Some(self.among(evidence, &scores.reach.not_excluded, verdict))
    }

    /// The verdict with the candidates that its evidence leaves open.
    fn among(&self, evidence: &Evidence, open: &[usize], verdict: Verdict) -> Verdict {
        Verdict {
            may_be_best: self.names(evidence, open.iter().copied()),
            ..verdict
        }
    }

    /// Why scores decide nothing, and which candidates to sample.
    fn undecided(
        &self,
        evidence: &Evidence,
        scores: &ByScores,
        said: &Said,
    ) -> (String, Vec<usize>) {
        let (n, k) = (&said.n, &said.k);
        let name = |at: usize| evidence.models[at];
        let (tournament, reach) = (said.tournament.best, said.reach.best);
        let (because, mut rivals) = if let Some(weakness) = &said.weakness {
            let because = format!(
                "the tournament at N = {n} says {}, but log-probabilities cannot tell whether {k} \
                 samples would find a right response: {weakness}",
                name(tournament),
            );
            (because, said.tournament.all.clone())
        } else if said.agree() {
            let because = format!(
                "the tournament at N = {n} and reach_{k} ({}) both say {}, but {} of the {} have \
                 several right responses, of which a verifier needs one",
                with_limits(&scores.estimate()),
                name(tournament),
                number::grouped(scores.several),
                number::count(scores.prompts, "prompt")
            );
            (because, said.tournament.all.clone())
        } else if !said.resolves() {
            let because = format!(
                "neither the tournament at N = {n} nor reach_{k} excludes any of the {} candidates",
                said.distinct
            );
            (because, vec![tournament, reach])
        } else {
            let because = format!(
                "the tournament at N = {n} says {}, reach_{k} says {} ({})",
                name(tournament),
                name(reach),
                with_limits(&scores.estimate())
            );
            (because, vec![tournament, reach])
        };
        // Where many responses are right, training past the lowest loss may help: the last
        // candidate belongs to every comparison.
        rivals.push(scores.same_as[evidence.models.len() - 1]);
        if rivals.len() < 2 || rivals[0] == rivals[1] {
            let loss = scores.same_as[scores.tournament.cross_entropy_winner];
            rivals.extend([reach, loss]);
        }
        rivals.sort_unstable();
        rivals.dedup();
        if rivals.len() < 2 {
            rivals = (0..evidence.models.len()).collect();
        }
        (because, rivals)
    }

    /// What would decide among these candidates.
    fn next(&self, evidence: &Evidence, scores: &ByScores, rivals: &[usize]) -> Next {
        let names = self.names(evidence, rivals.iter().copied());
        let last = evidence.models[evidence.models.len() - 1];
        let why = match names.last() {
            Some(name)
                if name == last && names.len() > 2 && names.len() < evidence.models.len() =>
            {
                format!(" ({last} as the last one: training past the lowest loss can help)")
            }
            _ => String::new(),
        };
        Next {
            what: format!(
                "{} graded samples of {} from {}{why}",
                samples_wanted(evidence.k),
                number::count(scores.prompts, "prompt"),
                list(&names)
            ),
            command: sample_command(&names, evidence.k),
        }
    }

    fn names(&self, evidence: &Evidence, positions: impl Iterator<Item = usize>) -> Vec<String> {
        positions.map(|at| evidence.models[at].to_owned()).collect()
    }

    pub(super) fn verdict(
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
            may_be_best: Vec::new(),
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
            agrees: taken.is_some_and(|taken| scores.same_as[says] == scores.same_as[taken]),
            leaves_open: taken.is_some_and(|taken| {
                let is_same = |&at: &usize| scores.same_as[at] == scores.same_as[taken];
                set.iter().any(is_same)
            }),
            note,
        };
        if let Some(samples) = self.samples.as_ref().filter(|_| by != Some(Rule::Samples)) {
            let note = Some(format!("at k = {}, which is all they reach", samples.k));
            let (best, set) = (samples.best(), &samples.leader.not_excluded);
            others.push(opinion(Rule::Samples, best, set, note));
        }
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
        if by != Some(Rule::Reach) && scores.impossible.is_none() {
            let k = k_words(evidence.k);
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
                k_words(evidence.k)
            ));
        }
        if let Some(samples) = self
            .samples
            .as_ref()
            .filter(|one| one.estimate.high <= NO_LOSS)
        {
            warnings.push(format!(
                "No candidate finds a right response in {} samples of one prompt in a hundred: \
                 none of them is worth sampling.",
                samples.k
            ));
        }
        let Some(scores) = &self.scores else {
            return warnings;
        };
        if let Some(why) = &scores.impossible {
            warnings.push(format!("{}.", capitalised(why)));
        }
        if scores.several > 0 && self.samples.is_none() && !scores.only_right {
            warnings.push(format!(
                "{} of the {} have several right responses: for a verifier one of them is enough, \
                 and coverage of each response is not what its Pass@k needs.",
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

fn state_of(leader: &Leader) -> State {
    match leader.behind {
        behind if behind <= NO_LOSS => State::Certain,
        behind if behind <= SMALL_LOSS => State::Likely,
        _ => State::Open,
    }
}
