//! What samples say, and what scores say.

use std::collections::HashSet;

use breadth_stats::{
    CorrectResponses, Design, Estimate, Extrapolation, Leader, PromptOutcome, RateModel,
    Tournament, extrapolate_pass, leader, mean_over_prompts, most_likely_pass, pass_at_k_estimate,
    pass_at_n_exact,
};
use rayon::prelude::*;

use super::document::{Bracket, Evidence, Sampled, Scored, VerdictError};
use super::words::{pass_name, wanted, with_limits};
use crate::number::{self, Number};
use crate::scores::{distinct, first_same};

/// A reach that fewer prompts carry decides nothing.
pub(crate) const FEWEST_PROMPTS: f64 = 20.0;
/// A reach below this says next to nothing of what k samples find; and where all of it is less than
/// [`SMALL_LOSS`], nobody's can be further ahead than that.
const LEAST_REACH: f64 = SMALL_LOSS;
/// Another candidate may be better by this much at most where samples make a verdict likely.
pub(super) const SMALL_LOSS: f64 = 0.10;
/// Where more prompts than this share of them have several right responses, scores of each response
/// make no verdict likely.
const FEW_SEVERAL: f64 = 0.10;
/// Samples of one model differ so much by chance in this share of the pairs at most.
const TWO_MODELS: f64 = 5e-4;
/// Larger k change no most likely Pass@k any more.
const MOST_EXTRAPOLATED: f64 = 1e6;

pub(super) struct BySamples {
    /// How many distinct candidates have samples.
    pub(super) sampled: usize,
    /// On how many prompts.
    pub(super) prompts: usize,
    /// Its positions are those of the candidates; `means` is in another order.
    pub(super) leader: Leader,
    /// At this many samples.
    pub(super) k: u64,
    /// Of each prompt there are as many at least.
    pub(super) fewest: u64,
    /// `Pass@k`, or `Best-of-k` where some rewards lie between 0 and 1.
    pub(super) name: String,
    /// Pass@k of the leader, with limits that allow for the choice among all: nobody is better by
    /// more than the lower one lacks to 1.
    pub(super) estimate: Estimate,
    /// Where k is less than what was asked for.
    pub(super) further: Option<Further>,
    /// Where few prompts have fewer samples than the others: how many, and how many the others
    /// have.
    pub(super) thin: Option<(usize, u64)>,
}

/// What fewer samples say of the k that was asked for.
pub(super) struct Further {
    /// Another candidate may be better there by this much at most.
    pub(super) behind: f64,
    /// The candidate that is most likely ahead of the leader there by more than [`SMALL_LOSS`], and
    /// by how much.
    pub(super) overtaken_by: Option<(usize, f64)>,
}

pub(super) struct ByScores<'a> {
    pub(super) tournament: &'a Tournament,
    /// For each candidate the first one that is the same model.
    pub(super) same_as: Vec<usize>,
    /// Among distinct candidates; its positions are those of all, `means` is in another order.
    pub(super) reach: Leader,
    /// Of the best one, with limits that allow for the choice among all.
    pub(super) reach_of_best: breadth_stats::Reach,
    /// Why the held-out responses say nothing of the verifier of the samples, if they do not.
    pub(super) refuted: Option<String>,
    /// Why the verifier of the samples accepts other responses than the held-out ones, if it does.
    pub(super) accepts_others: Option<String>,
    /// Most prompts that carry the reach of any candidate, or enough of them.
    pub(super) carried_by: f64,
    pub(super) prompts: usize,
    pub(super) several: usize,
    pub(super) repeated: usize,
    pub(super) only_right: bool,
    /// Why reach cannot be computed, if it cannot.
    pub(super) impossible: Option<String>,
}

impl BySamples {
    /// `None` where fewer than two distinct candidates have samples on the same prompts. Of those
    /// that are the same model the first with samples speaks for all.
    pub(super) fn new(
        evidence: &Evidence,
        sampled: &Sampled,
        same_as: &[usize],
    ) -> Result<Option<Self>, VerdictError> {
        let mut heard = HashSet::new();
        let mut with: Vec<usize> = (0..sampled.outcomes.len())
            .filter(|&at| !sampled.outcomes[at].is_empty() && heard.insert(same_as[at]))
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
            let outcomes = sampled.outcomes[at].iter();
            outcomes.map(|outcome| outcome.best_of(k)).collect()
        };
        // Of equals in Pass@k the one that is expected to miss least comes first, and the first is
        // taken.
        let weight = |prompt: usize| sampled.design.weights.map_or(1.0, |w| w[prompt]);
        let missed = |at: usize| -> f64 {
            let outcomes = sampled.outcomes[at].iter().enumerate();
            let of_prompt = |(prompt, outcome)| weight(prompt) * expected_miss(outcome, k);
            outcomes.map(of_prompt).sum()
        };
        let misses: Vec<f64> = (0..sampled.outcomes.len()).map(missed).collect();
        with.sort_by(|&a, &b| misses[a].total_cmp(&misses[b]));
        let values = with.iter().map(passes).collect::<Result<Vec<_>, _>>()?;
        let mut leader = leader(&values, &sampled.design, evidence.confidence)?;
        leader.best = with[leader.best];
        leader
            .not_excluded
            .iter_mut()
            .for_each(|at| *at = with[*at]);
        leader.not_excluded.sort_unstable();
        let outcomes = &sampled.outcomes[leader.best];
        let among_all = 1.0 - (1.0 - evidence.confidence) / with.len() as f64;
        let estimate = pass_at_k_estimate(outcomes, &sampled.design, k, among_all)?;
        let is_best_of = with
            .iter()
            .flat_map(|&at| &sampled.outcomes[at])
            .any(is_partial);
        Ok(Some(BySamples {
            sampled: with.len(),
            prompts,
            further: Further::new(evidence, sampled, &with, leader.best, &estimate),
            thin: thin(sampled, &with, wanted(evidence.k), k),
            leader,
            k,
            fewest,
            name: pass_name(is_best_of, k),
            estimate,
        }))
    }

    pub(super) fn best(&self) -> usize {
        self.leader.best
    }
}

impl Further {
    /// `None` where there are as many samples as were asked for.
    ///
    /// `with`: the candidates that are compared; `leader`: the first of them at fewer samples, with
    /// its `estimate` there. Where Pass@k beyond the samples has no limits, all that is known is
    /// that it does not fall with k, nor rise above 1.
    fn new(
        evidence: &Evidence,
        sampled: &Sampled,
        with: &[usize],
        leader: usize,
        estimate: &Estimate,
    ) -> Option<Further> {
        let asked = wanted(evidence.k).min(MOST_EXTRAPOLATED) as u64;
        let outcomes = || with.iter().flat_map(|&at| &sampled.outcomes[at]);
        if outcomes().all(|outcome| outcome.samples() >= asked) {
            return None;
        }
        let confidence = 1.0 - (1.0 - evidence.confidence) / with.len() as f64;
        let behind = match is_extrapolated(sampled) {
            true => behind(sampled, with, leader, estimate.low, asked, confidence),
            false => 1.0 - estimate.low,
        };
        let is_partial = outcomes().any(is_partial);
        Some(Further {
            behind,
            overtaken_by: (!is_partial)
                .then(|| overtaken_by(sampled, with, leader, asked))
                .flatten(),
        })
    }
}

/// What another candidate's Pass@k is above the leader's at most, the latter being `low` at least.
fn behind(
    sampled: &Sampled,
    with: &[usize],
    leader: usize,
    low: f64,
    k: u64,
    confidence: f64,
) -> f64 {
    let limits = |&at: &usize| (at, limits_at(&sampled.outcomes[at], k, confidence));
    let limits: Vec<(usize, Option<Estimate>)> = with.par_iter().map(limits).collect();
    let (own, rivals): (Vec<_>, Vec<_>) = limits.into_iter().partition(|(at, _)| *at == leader);
    let own = own.into_iter().filter_map(|(_, limits)| limits);
    let low = own.map(|limits| limits.low).fold(low, f64::max);
    let high = rivals
        .into_iter()
        .map(|(_, limits)| limits.map_or(1.0, |limits| limits.high));
    high.map(|high| high - low).fold(0.0, f64::max)
}

/// Whether Pass@k beyond the samples has limits: for 0/1 rewards of prompts that count the same.
pub(super) fn is_extrapolated(sampled: &Sampled) -> bool {
    let design = &sampled.design;
    let is_plain = design.weights.is_none() && design.strata.is_none();
    is_plain && !sampled.outcomes.iter().flatten().any(is_partial)
}

/// The limits of Pass@k for more samples than there are, unless the samples say nothing of it.
fn limits_at(outcomes: &[PromptOutcome], k: u64, confidence: f64) -> Option<Estimate> {
    match extrapolate_pass(outcomes, k, RateModel::Nonparametric, confidence) {
        Ok(Extrapolation::Estimate(limits)) => Some(limits),
        Ok(Extrapolation::Refused(_)) | Err(_) => None,
    }
}

/// The candidate whose most likely Pass@k is furthest above that of the leader at fewer samples, if
/// by more than [`SMALL_LOSS`].
fn overtaken_by(sampled: &Sampled, with: &[usize], leader: usize, k: u64) -> Option<(usize, f64)> {
    let pass = |&at: &usize| {
        let outcomes = &sampled.outcomes[at];
        most_likely_pass(outcomes, sampled.design.weights, k).map(|pass| (at, pass))
    };
    let passes: Vec<(usize, f64)> = with.par_iter().map(pass).collect::<Result<_, _>>().ok()?;
    let of_leader = passes.iter().find(|(at, _)| *at == leader)?.1;
    let (best, pass) = passes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (pass - of_leader > SMALL_LOSS).then_some((best, pass - of_leader))
}

/// Prompts that have fewer than `asked` samples of some candidate, if they are at most a tenth and
/// the others have as many as were asked for.
fn thin(sampled: &Sampled, with: &[usize], asked: f64, k: u64) -> Option<(usize, u64)> {
    if k as f64 >= asked {
        return None;
    }
    let prompts = sampled.outcomes[*with.first()?].len();
    let fewest = |prompt: usize| {
        let samples = with
            .iter()
            .map(|&at| sampled.outcomes[at][prompt].samples());
        samples.min().unwrap_or(0)
    };
    let all: Vec<u64> = (0..prompts).map(fewest).collect();
    let (few, enough): (Vec<u64>, Vec<u64>) = all.iter().partition(|&&n| (n as f64) < asked);
    let others = enough.into_iter().min()?;
    (few.len() * 10 <= prompts).then_some((few.len(), others))
}

/// Whether a reward lies between 0 and 1.
pub(crate) fn is_partial(outcome: &PromptOutcome) -> bool {
    match outcome {
        PromptOutcome::Counts { .. } => false,
        PromptOutcome::Rewards(rewards) => rewards.iter().any(|&r| r != 0.0 && r != 1.0),
    }
}

/// `(1 - p)^k` at `p = (c + 1/2)/(n + 1)`: how likely k samples miss, where c of n were right. It
/// tells prompts that were just reached from those that always are.
fn expected_miss(outcome: &PromptOutcome, k: u64) -> f64 {
    let (n, c) = match outcome {
        PromptOutcome::Counts { n, c } => (*n as f64, *c as f64),
        PromptOutcome::Rewards(rewards) => (rewards.len() as f64, rewards.iter().sum()),
    };
    (1.0 - (c + 0.5) / (n + 1.0)).powf(k as f64)
}

impl<'a> ByScores<'a> {
    pub(super) fn new(
        evidence: &Evidence,
        scored: &Scored<'a>,
        same: &SameAs,
    ) -> Result<Self, VerdictError> {
        // What breaks reach alone must not keep the other rules from being heard.
        let (right, impossible) = match CorrectResponses::new(scored.columns, &scored.design) {
            Err(VerdictError::ProbabilitiesAboveOne { total, .. }) => {
                let rows = Design {
                    clusters: None,
                    ..scored.design
                };
                (
                    CorrectResponses::new(scored.columns, &rows)?,
                    Some(format!(
                        "reach is unknown, as the responses of a prompt have probabilities that \
                         add up to {}",
                        number::trimmed(total)
                    )),
                )
            }
            right => (right?, None),
        };
        let distinct = distinct(&same.first);
        let k = wanted(evidence.k);
        let mut reach = right.leader(&distinct, k, evidence.confidence)?;
        reach.best = distinct[reach.best];
        reach
            .not_excluded
            .iter_mut()
            .for_each(|at| *at = distinct[*at]);
        let candidates = distinct.len();
        let mut carried_by = 0.0_f64;
        for model in distinct {
            if carried_by < FEWEST_PROMPTS {
                carried_by = carried_by.max(right.effective_prompts(model, k)?);
            }
        }
        let verifier = match &impossible {
            Some(_) => Verifier::default(),
            None => Verifier::of_samples(evidence, &right)?,
        };
        let mistaken = same.mistaken.as_ref().filter(|_| impossible.is_none());
        let refuted = mistaken.cloned().or(verifier.refuses);
        let same_as = &same.first[..];
        let among_all = 1.0 - (1.0 - evidence.confidence) / candidates as f64;
        Ok(ByScores {
            tournament: scored.tournament,
            same_as: same_as.to_vec(),
            reach_of_best: right.reach(reach.best, k, among_all)?,
            refuted,
            accepts_others: verifier.accepts_others,
            reach,
            carried_by,
            prompts: match (&impossible, scored.design.clusters) {
                (Some(_), Some(clusters)) => clusters.iter().collect::<HashSet<_>>().len(),
                _ => right.prompts(),
            },
            several: right.several,
            repeated: right.repeated,
            only_right: scored.only_right,
            impossible,
        })
    }

    pub(super) fn estimate(&self) -> Estimate {
        of_reach(self.reach_of_best)
    }

    /// Whether few prompts have several right responses.
    pub(super) fn is_of_each(&self) -> bool {
        self.several as f64 <= FEW_SEVERAL * self.prompts as f64
    }

    /// Whether nothing speaks against a verifier that accepts the held-out responses alone.
    pub(super) fn knows_the_verifier(&self) -> bool {
        self.refuted.is_none() && self.accepts_others.is_none()
    }

    /// Why reach decides nothing, if it does not.
    pub(super) fn weakness(&self, k: &str) -> Option<String> {
        let against = [&self.impossible, &self.refuted, &self.accepts_others];
        if let Some(why) = against.into_iter().flatten().next() {
            return Some(why.clone());
        }
        if self.carried_by < FEWEST_PROMPTS {
            let prompts = number::count(self.carried_by.floor() as usize, "prompt");
            return Some(format!("reach rests on {prompts} only"));
        }
        let value = self.reach_of_best.value;
        (value < LEAST_REACH).then(|| format!("reach_{k} is {}", number::percent(value)))
    }

    /// Whether nothing is certain of a candidate's coverage.
    pub(super) fn is_void(&self, at: usize) -> bool {
        let standing = &self.tournament.standings[at];
        standing.certified_low <= 0.0 && standing.certified_high >= 0.9995
    }

    pub(super) fn brackets(&self, evidence: &Evidence) -> Vec<Bracket> {
        let standings = evidence.models.iter().zip(&self.tournament.standings);
        standings
            .map(|(model, standing)| Bracket {
                model: (*model).to_owned(),
                low: Number(standing.certified_low),
                high: Number(standing.certified_high),
            })
            .collect()
    }
}

fn of_reach(reach: breadth_stats::Reach) -> Estimate {
    Estimate {
        value: reach.value,
        low: reach.low,
        high: reach.high,
    }
}

/// What samples tell of their verifier beside the held-out responses, on the prompts of both.
#[derive(Default)]
struct Verifier {
    /// That it does not accept these: of some candidate fewer samples are right than hold them for
    /// certain.
    refuses: Option<String>,
    /// That it accepts others, too: of some candidate more samples are right than can hold these.
    accepts_others: Option<String>,
}

impl Verifier {
    fn of_samples(evidence: &Evidence, right: &CorrectResponses) -> Result<Self, VerdictError> {
        let mut found = Verifier::default();
        let Some(sampled) = &evidence.samples else {
            return Ok(found);
        };
        let with = (0..sampled.outcomes.len()).filter(|&at| !sampled.outcomes[at].is_empty());
        let with: Vec<usize> = with.collect();
        let confidence = 1.0 - (1.0 - evidence.confidence) / with.len().max(1) as f64;
        for at in with {
            let Some(common) = Common::new(sampled, at) else {
                continue;
            };
            let fewest = common.outcomes.iter().map(PromptOutcome::samples).min();
            let k = wanted(evidence.k).min(fewest.unwrap_or(0) as f64) as u64;
            if k == 0 {
                continue;
            }
            let pass = pass_at_k_estimate(&common.outcomes, &common.design(), k, confidence)?;
            let reach = common.reach(right, at, k, confidence)?;
            let (model, [pass_is, reach_is]) =
                (evidence.models[at], [&pass, &reach].map(with_limits));
            if reach.low > pass.high {
                found.refuses = Some(format!(
                    "reach_{k} of {model} is {reach_is}, and Pass@{k} of its samples is only \
                     {pass_is}: their verifier does not accept the held-out responses"
                ));
                break;
            }
            if pass.low > reach.high && found.accepts_others.is_none() {
                found.accepts_others = Some(format!(
                    "reach_{k} of {model} is {reach_is}, and Pass@{k} of its samples is {pass_is}: \
                     their verifier accepts other responses, too"
                ));
            }
        }
        Ok(found)
    }
}

/// The samples of a candidate on prompts that have held-out responses, or all of them where they
/// are other prompts of the same kind.
struct Common {
    outcomes: Vec<PromptOutcome>,
    weights: Option<Vec<f64>>,
    strata: Option<Vec<u32>>,
    /// Where each stands among the prompts of the scores.
    places: Option<Vec<usize>>,
}

impl Common {
    /// `None` where no prompt is in both, or nobody knows which are.
    fn new(sampled: &Sampled, at: usize) -> Option<Common> {
        let outcomes = &sampled.outcomes[at];
        let Some(places) = sampled.places else {
            return Some(Common {
                outcomes: outcomes.clone(),
                weights: sampled.design.weights.map(<[f64]>::to_vec),
                strata: sampled.design.strata.map(<[u32]>::to_vec),
                places: None,
            });
        };
        if places.len() != outcomes.len() {
            return None;
        }
        let both: Vec<(usize, usize)> = (places.iter().enumerate())
            .filter_map(|(prompt, place)| Some((prompt, (*place)?)))
            .collect();
        let prompts = || both.iter().map(|&(prompt, _)| prompt);
        (!both.is_empty()).then(|| Common {
            outcomes: prompts().map(|prompt| outcomes[prompt].clone()).collect(),
            weights: (sampled.design.weights).map(|all| prompts().map(|at| all[at]).collect()),
            strata: (sampled.design.strata).map(|all| prompts().map(|at| all[at]).collect()),
            places: Some(both.iter().map(|&(_, place)| place).collect()),
        })
    }

    /// Reach of a candidate on these prompts.
    fn reach(
        &self,
        right: &CorrectResponses,
        at: usize,
        k: u64,
        confidence: f64,
    ) -> Result<Estimate, VerdictError> {
        let Some(places) = &self.places else {
            return Ok(of_reach(right.reach(at, k as f64, confidence)?));
        };
        let hit = |&place: &usize| pass_at_n_exact(right.log_mass(at)[place].min(0.0), k as f64);
        let hits: Vec<f64> = places.iter().map(hit).collect::<Result<_, _>>()?;
        mean_over_prompts(&hits, &self.design(), confidence)
    }

    fn design(&self) -> Design<'_> {
        Design {
            weights: self.weights.as_deref(),
            strata: self.strata.as_deref(),
            clusters: None,
        }
    }
}

/// The candidates that one rule leaves open, doubles counted once.
pub(super) struct Set {
    pub(super) best: usize,
    pub(super) all: Vec<usize>,
}

impl Set {
    pub(super) fn new(best: usize, all: &[usize], same_as: &[usize]) -> Set {
        let mut all: Vec<usize> = all.iter().map(|&at| same_as[at]).collect();
        all.sort_unstable();
        all.dedup();
        Set {
            best: same_as[best],
            all,
        }
    }
}

/// Which candidates are one model.
pub(super) struct SameAs {
    /// For each candidate the first one that is the same model: that gives every row the same
    /// log-probability, or whose files are equal.
    pub(super) first: Vec<usize>,
    /// Why equal log-probabilities do not make some of them one model, if they do not.
    pub(super) mistaken: Option<String>,
}

impl SameAs {
    pub(super) fn new(evidence: &Evidence) -> Result<Self, VerdictError> {
        let columns = evidence.scores.map_or(&[][..], |scored| scored.columns);
        let is_known = |a: usize, b: usize| {
            let (a, b) = (evidence.same.get(a), evidence.same.get(b));
            a.is_some() && a == b
        };
        let is_seen = |a: usize, b: usize| {
            let (Some(a), Some(b)) = (columns.get(a), columns.get(b)) else {
                return false;
            };
            // Columns of nothing but "impossible", or of certainty, are those of many models.
            a == b && a.iter().any(|log_q| log_q.is_finite() && *log_q < 0.0)
        };
        let models = evidence.models.len();
        let first = first_same(models, |a, b| is_known(a, b) || is_seen(a, b));
        let mut mistaken = None;
        for (a, &first) in first.iter().enumerate() {
            if first != a && !is_known(first, a) && are_sampled_apart(evidence, first, a)? {
                mistaken = Some(format!(
                    "{} and {} have equal log-probabilities throughout, but their samples differ: \
                     one of them was scored in the place of the other",
                    evidence.models[first], evidence.models[a]
                ));
            }
        }
        Ok(SameAs {
            first: match mistaken {
                Some(_) => first_same(models, is_known),
                None => first,
            },
            mistaken,
        })
    }
}

/// Whether the samples of two candidates differ by more than one model's do in one of a thousand
/// pairs: in the share of right ones, or in Pass@k.
fn are_sampled_apart(evidence: &Evidence, a: usize, b: usize) -> Result<bool, VerdictError> {
    let Some(sampled) = &evidence.samples else {
        return Ok(false);
    };
    let (Some(own), Some(other)) = (sampled.outcomes.get(a), sampled.outcomes.get(b)) else {
        return Ok(false);
    };
    if own.is_empty() || own.len() != other.len() {
        return Ok(false);
    }
    let counts = own.iter().chain(other).map(PromptOutcome::samples);
    let most = wanted(evidence.k).min(counts.min().unwrap_or(0) as f64) as u64;
    for k in [1, most] {
        let passes = |outcomes: &[PromptOutcome]| -> Result<Vec<f64>, VerdictError> {
            outcomes.iter().map(|outcome| outcome.best_of(k)).collect()
        };
        if k > 0 && k <= most {
            let found = leader(
                &[passes(own)?, passes(other)?],
                &sampled.design,
                1.0 - TWO_MODELS,
            )?;
            if found.not_excluded.len() == 1 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
