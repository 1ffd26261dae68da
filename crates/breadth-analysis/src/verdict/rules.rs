//! From what the evidence says to the verdict.

use breadth_stats::{Design, Leader};

use super::document::{Evidence, Next, Rule, State, Verdict};
use super::evidence::{BySamples, ByScores, SMALL_LOSS, Set};
use super::found::{Found, how_known};
use super::words::{ahead, k_words, list, sample_command, samples_wanted, wanted, with_limits};
use crate::number::{self, Number};
use crate::scores::distinct;

/// Another candidate may be better by this much, and a verdict is still called certain.
const NO_LOSS: f64 = 0.01;

/// On so many prompts samples of two candidates decide nearly always; with fewer, or with more
/// candidates, they may.
const ENOUGH_PROMPTS: usize = 200;

/// What the tournament and reach say of the same scores.
struct Said {
    tournament: Set,
    reach: Set,
    /// Why reach decides nothing, if it does not.
    weakness: Option<String>,
    /// Whether no other candidate's reach is above that of the best one by more than
    /// [`SMALL_LOSS`].
    is_close: bool,
    /// Candidates that differ in some log-probability.
    distinct: usize,
    n: String,
    k: String,
}

impl Said {
    fn new(evidence: &Evidence, scores: &ByScores) -> Said {
        let distinct = distinct(&scores.same_as).len();
        let (t, reach) = (scores.tournament, &scores.reach);
        let k = k_words(evidence.k);
        Said {
            tournament: Set::new(t.winner, &t.not_excluded, &scores.same_as),
            reach: Set::new(reach.best, &reach.not_excluded, &scores.same_as),
            weakness: scores.weakness(&k),
            is_close: reach.behind <= SMALL_LOSS,
            distinct,
            n: number::level(t.level),
            k,
        }
    }

    /// Whether one of them excludes some candidate.
    fn resolves(&self) -> bool {
        self.tournament.all.len() < self.distinct
            || (self.weakness.is_none() && self.reach.all.len() < self.distinct)
    }

    /// The candidates to sample: the choice of each, those that the tournament leaves open where
    /// reach is too weak, all where nothing is excluded.
    fn possible(&self, distinct: &[usize]) -> Vec<usize> {
        let (t, r) = (&self.tournament, &self.reach);
        let is_possible = |at: &usize| match (&self.weakness, self.resolves()) {
            (_, false) => true,
            (Some(_), true) => t.all.contains(at),
            (None, true) => [t.best, r.best].contains(at),
        };
        distinct.iter().copied().filter(is_possible).collect()
    }

    /// Whether both say the same, and have a reason to.
    fn agree(&self) -> bool {
        self.weakness.is_none() && self.tournament.best == self.reach.best && self.resolves()
    }
}

impl Found<'_> {
    /// Nothing is to be chosen.
    pub(super) fn by_sameness(&self, evidence: &Evidence) -> Verdict {
        let all: Vec<usize> = (0..evidence.models.len()).collect();
        let because = format!(
            "all candidates are the same model ({})",
            how_known(evidence, &all)
        );
        let take = Some(evidence.models[0]);
        self.verdict(evidence, take, State::Certain, None, because, None)
    }

    pub(super) fn by_samples(&self, evidence: &Evidence, samples: &BySamples) -> Verdict {
        let best = samples.best();
        let lead = &samples.leader;
        let distinct = self.distinct();
        let without = distinct.len() - samples.sampled;
        let is_enough = samples.further.is_none();
        if !is_enough && let Some(verdict) = self.by_bound(evidence) {
            return verdict;
        }
        if samples.estimate.value == 0.0 {
            return self.by_nothing(evidence, samples);
        }
        let unheard = self.unheard(evidence, samples);
        if is_enough && !unheard.is_empty() {
            return self.by_some(evidence, samples, &unheard);
        }
        let mut state = match &samples.further {
            None => state_of(lead),
            Some(further) if further.behind <= SMALL_LOSS && unheard.is_empty() => State::Likely,
            Some(_) => State::Open,
        };
        if without > 0 {
            state = state.min(State::Likely);
        }
        // Whoever falls behind at a smaller k may be the best one at k.
        let open = if is_enough {
            lead.not_excluded.clone()
        } else {
            distinct
        };
        let names = self.names(evidence, open.iter().copied());
        let is_open = state == State::Open;
        let because = because_of(evidence, samples, without);
        let because = match (is_open, is_enough) {
            (true, true) => format!("{} may each be the best: {because}", list(&names)),
            (true, false) => format!(
                "{} leads with {} of each prompt: {because}",
                evidence.models[best],
                number::count(samples.k as usize, "sample")
            ),
            (false, _) => because,
        };
        let wanted = samples_wanted(evidence.k, samples.fewest);
        let what = match (is_open, is_enough) {
            (true, true) => Some(format!("More prompts, or more samples of {}", list(&names))),
            (_, false) => Some(format!(
                "{wanted} samples of each prompt from {}",
                list(&names)
            )),
            (false, true) => None,
        };
        let design = evidence
            .samples
            .map_or_else(Design::default, |sampled| sampled.design);
        let next = what.map(|what| Next {
            what,
            command: sample_command(&names, wanted),
            sure: !is_enough && decides(evidence.k, wanted, samples.prompts, &design, &names),
        });
        let take = (!is_open).then_some(evidence.models[best]);
        let verdict = self.verdict(evidence, take, state, Some(Rule::Samples), because, next);
        self.among(evidence, &lead.not_excluded, verdict)
    }

    /// Candidates without samples that may be much better than the leader: scores do not speak
    /// against them, or have no say (a verifier that does not accept the held-out responses or
    /// accepts others, too; prompts with several right ones), and there is room above it.
    fn unheard(&self, evidence: &Evidence, samples: &BySamples) -> Vec<usize> {
        if 1.0 - samples.estimate.low <= SMALL_LOSS {
            return Vec::new();
        }
        let outcomes = evidence.samples.map_or(&[][..], |sampled| sampled.outcomes);
        let is_heard = |at: usize| {
            let mut same = (0..outcomes.len()).filter(|&other| self.same_as[other] == at);
            same.any(|other| !outcomes[other].is_empty())
        };
        let possible = match &self.scores {
            Some(scores) if scores.is_of_each() && scores.knows_the_verifier() => {
                Said::new(evidence, scores).possible(&self.distinct())
            }
            _ => self.distinct(),
        };
        possible.into_iter().filter(|&at| !is_heard(at)).collect()
    }

    /// Samples of some candidates, of which others may be the best.
    fn by_some(&self, evidence: &Evidence, samples: &BySamples, unheard: &[usize]) -> Verdict {
        let names = self.names(evidence, unheard.iter().copied());
        let because = format!(
            "{} leads among those with samples, {} {}, and {} {}, which scores do not exclude",
            evidence.models[samples.best()],
            samples.name,
            with_limits(&samples.estimate),
            list(&names),
            if names.len() == 1 {
                "has none"
            } else {
                "have none"
            }
        );
        let wanted = samples_wanted(evidence.k, 0);
        let next = Next {
            what: format!("{wanted} samples of each prompt from {}", list(&names)),
            command: sample_command(&names, wanted),
            sure: false,
        };
        let by = Some(Rule::Samples);
        let verdict = self.verdict(evidence, None, State::Open, by, because, Some(next));
        let mut open = [&samples.leader.not_excluded, unheard].concat();
        open.sort_unstable();
        self.among(evidence, &open, verdict)
    }

    /// Samples without a right response rank nobody.
    fn by_nothing(&self, evidence: &Evidence, samples: &BySamples) -> Verdict {
        let all = self.distinct();
        let names = self.names(evidence, all.iter().copied());
        let because = format!(
            "no sample of any candidate is right: {} is {} for all",
            samples.name,
            with_limits(&samples.estimate)
        );
        let next = Next {
            what: "More samples a prompt, or easier prompts".into(),
            command: sample_command(&names, samples_wanted(evidence.k, samples.fewest)),
            sure: false,
        };
        let by = Some(Rule::Samples);
        let verdict = self.verdict(evidence, None, State::Open, by, because, Some(next));
        self.among(evidence, &all, verdict)
    }

    pub(super) fn by_exact_reach(&self, evidence: &Evidence, scores: &ByScores) -> Verdict {
        let lead = &scores.reach;
        let because = format!(
            "the held-out response is the only right one, so its probability gives Pass@{}: {}{}",
            k_words(evidence.k),
            with_limits(&scores.estimate()),
            ahead(lead, evidence.models, scores.reach_of_best.low)
        );
        let state = state_of(lead);
        let is_open = state == State::Open;
        let take = (!is_open).then_some(evidence.models[lead.best]);
        let next = is_open.then(|| Next {
            what: "Scores of more held-out responses".into(),
            command: "breadth score CHECKPOINTS --data MORE.jsonl -o more.parquet".into(),
            sure: false,
        });
        let verdict = self.verdict(evidence, take, state, Some(Rule::Reach), because, next);
        self.among(evidence, &lead.not_excluded, verdict)
    }

    pub(super) fn by_scores(&self, evidence: &Evidence, scores: &ByScores) -> Verdict {
        let said = Said::new(evidence, scores);
        let name = |at: usize| Some(evidence.models[at]);
        let (n, k) = (&said.n, &said.k);
        if said.agree() && said.is_close && scores.is_of_each() {
            let most_lost = number::at_most(1.0 - scores.reach_of_best.low);
            let because = format!(
                "the tournament at N = {n} and reach_{k} ({}) both say so; a verifier that accepts \
                 other responses, which they cannot see, may prefer another by up to {most_lost:.1} \
                 points",
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
        let is_void = scores.impossible.is_some() || scores.refuted.is_some();
        if is_void || most_lost > SMALL_LOSS {
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
        } else if said.agree() && !said.is_close {
            let most = number::at_most(scores.reach.behind);
            let because = format!(
                "the tournament at N = {n} and reach_{k} ({}) both say {}, but another candidate's \
                 reach may be {most:.1} points above",
                with_limits(&scores.estimate()),
                name(tournament),
            );
            let mut open = said.tournament.all.clone();
            open.extend(&said.reach.all);
            (because, open)
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
            (because, self.distinct())
        } else {
            let because = format!(
                "the tournament at N = {n} says {}, reach_{k} says {} ({})",
                name(tournament),
                name(reach),
                with_limits(&scores.estimate())
            );
            (because, said.possible(&self.distinct()))
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
            rivals = self.distinct();
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
        let is_many = scores.prompts >= ENOUGH_PROMPTS;
        let more = if is_many {
            ""
        } else {
            " (more would be better)"
        };
        let have = self.samples.as_ref().map_or(0, |samples| samples.fewest);
        let wanted = samples_wanted(evidence.k, have);
        let design = evidence
            .scores
            .map_or_else(Design::default, |scored| scored.design);
        Next {
            what: format!(
                "{wanted} graded samples of {}{more} from {}{why}",
                number::count(scores.prompts, "prompt"),
                list(&names)
            ),
            command: sample_command(&names, wanted),
            sure: decides(evidence.k, wanted, scores.prompts, &design, &names),
        }
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
            judged_at: Number(match &self.samples {
                Some(samples) if by == Some(Rule::Samples) => samples.k as f64,
                _ => wanted(evidence.k),
            }),
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
}

/// What the samples say of the best one, and what they leave out: candidates `without` samples, and
/// the k that was asked for.
fn because_of(evidence: &Evidence, samples: &BySamples, without: usize) -> String {
    let mut because = format!(
        "{} is {}{}",
        samples.name,
        with_limits(&samples.estimate),
        ahead(&samples.leader, evidence.models, samples.estimate.low)
    );
    if without > 0 {
        because += &format!(
            "; {} without samples {} not compared",
            number::count(without, "candidate"),
            if without == 1 { "is" } else { "are" }
        );
    }
    if let Some(further) = &samples.further {
        let k = k_words(evidence.k);
        because += &match further.overtaken_by {
            Some((at, by)) => format!(
                "; at k = {k} {} is most likely ahead by {:.1} points",
                evidence.models[at],
                number::at_most(by)
            ),
            None if further.behind <= 0.0 => format!("; at k = {k} none is better"),
            None => format!(
                "; at k = {k} another may be better by up to {:.1} points",
                number::at_most(further.behind)
            ),
        };
    }
    because
}

/// Whether so many samples of so many prompts decide nearly always: between two candidates, on
/// prompts that count the same, and no fewer samples than the choice is for.
fn decides(k: f64, samples: u64, prompts: usize, design: &Design, names: &[String]) -> bool {
    prompts >= ENOUGH_PROMPTS
        && names.len() == 2
        && samples as f64 >= wanted(k)
        && design.weights.is_none()
        && design.strata.is_none()
}

fn state_of(leader: &Leader) -> State {
    match leader.behind {
        behind if behind <= NO_LOSS => State::Certain,
        behind if behind <= SMALL_LOSS => State::Likely,
        _ => State::Open,
    }
}
