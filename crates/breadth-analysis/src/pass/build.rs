//! From graded samples to the document.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use breadth_data::{Outcome, SampleTable, ScoreTable};
use breadth_stats::{
    AnswerCount, Design, Error as Statistics, Estimate, Extrapolation, PromptOutcome, best_at_k,
    extrapolate_pass, majority_of_k, mean_over_prompts, pass_at_k_estimate, pass_hat_k_estimate,
    samples_go_with_rates, solved_share,
};
use rayon::prelude::*;

use super::document::{BestForK, Crossing, PassAtK, PassModel, PassReport, Rates};
use super::words;
use crate::error::{Error, Result, Setting};
use crate::number::{self, Interval, Number};
use crate::samples::{Drawn, Groups, is_partial, of_samples, outcome};

/// What Pass@k is asked for.
#[derive(Clone, Debug, Default)]
pub struct PassOptions<'a> {
    /// Numbers of samples; where empty, powers of two as far as the samples go.
    pub ks: &'a [u64],
    /// Also pass^k: the chance that all of k samples are right.
    pub all_of: bool,
    /// Also the majority vote of answers; the table needs them.
    pub majority: bool,
    /// Also the share of prompts solved with at least this rate.
    pub solved: Option<f64>,
    /// Allow k beyond the samples, under this assumption.
    pub extrapolate: Option<Rates>,
    /// Of the intervals, such as 0.95.
    pub confidence: f64,
    /// What groups of prompts count in the population; empty: every prompt counts the same.
    pub group_weights: &'a [(String, f64)],
    /// Scores of the same run: prompts count what their rows weigh there.
    pub as_scored: Option<&'a ScoreTable>,
}

/// The prompt with the fewest samples of all models: it decides how far k may go.
#[derive(Clone, Copy, Debug)]
pub struct Fewest<'a> {
    /// How many samples it has.
    pub samples: u64,
    /// The model.
    pub model: &'a str,
    /// The prompt.
    pub prompt: &'a str,
}

/// The prompt with the fewest samples of all models that have some for it.
///
/// # Errors
/// A model without any samples, a table without models.
pub fn fewest_samples(table: &SampleTable) -> Result<Fewest<'_>> {
    let mut fewest: Option<Fewest> = None;
    for (model, outcomes) in table.models.iter().zip(&table.outcomes) {
        let mut own: Option<Fewest> = None;
        for (prompt, outcome) in table.prompts.iter().zip(outcomes) {
            let Some(outcome) = outcome else { continue };
            let samples = number_of(outcome);
            if own.is_none_or(|own| samples < own.samples) {
                own = Some(Fewest {
                    samples,
                    model,
                    prompt,
                });
            }
        }
        let own = own.ok_or_else(|| without_samples(model))?;
        if fewest.is_none_or(|fewest| own.samples < fewest.samples) {
            fewest = Some(own);
        }
    }
    fewest.ok_or_else(|| Error::Tables("the table holds no model".to_owned()))
}

fn number_of(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Counts { n, .. } => *n,
        Outcome::Rewards(rewards) => rewards.len() as u64,
    }
}

fn without_samples(model: &str) -> Error {
    Error::Tables(format!(
        "model `{model}` has no samples at all; remove it or add its rows"
    ))
}

/// Pass@k (Best-of-k for rewards between 0 and 1) of every model, with intervals over prompts.
///
/// `Pass@k = mean over prompts of 1 - C(n - c, k)/C(n, k)` for c right ones of n samples: unbiased.
///
/// # Errors
/// A k beyond the samples without `extrapolate`, answers that are missing, groups without weights,
/// a model without samples.
///
/// # Examples
/// ```
/// use breadth_analysis::{PassOptions, pass_at};
/// use breadth_data::{Outcome, SampleTable};
///
/// let table = SampleTable {
///     models: vec!["step-10".into()],
///     prompts: vec!["a".into(), "b".into()],
///     group: vec![None, None],
///     outcomes: vec![vec![
///         Some(Outcome::Counts { n: 4, c: 1 }),
///         Some(Outcome::Counts { n: 4, c: 0 }),
///     ]],
///     ..SampleTable::default()
/// };
/// let report = pass_at(&table, &PassOptions { confidence: 0.95, ..PassOptions::default() })?;
/// for (point, expected) in report.models[0].pass.iter().zip([0.125, 0.25, 0.5]) {
///     assert!((point.value.0 - expected).abs() < 1e-12); // k = 1, 2, 4
/// }
/// # Ok::<(), breadth_analysis::Error>(())
/// ```
///
/// Source: Chen et al. (2021), Evaluating Large Language Models Trained on Code.
pub fn pass_at(table: &SampleTable, options: &PassOptions) -> Result<PassReport> {
    if options.majority && table.answer.is_empty() {
        return Err(Setting::Majority
            .refused("every sample needs its answer: a column `answer` in every file"));
    }
    let by_group = Groups::of(table, options.group_weights)?;
    if by_group.is_some() && options.extrapolate.is_some() {
        return Err(Setting::Extrapolate
            .refused("every prompt counts the same; leave out the weights of groups"));
    }
    let weighing = match (by_group, options.as_scored) {
        (Some(groups), _) => Weighing::ByGroup(groups),
        (None, Some(scores)) => Weighing::AsScored(scores),
        (None, None) => Weighing::Equal,
    };
    let graded = (0..table.models.len())
        .map(|model| Graded::new(table, model, options.majority))
        .collect::<Result<Vec<Graded>>>()?;
    let ks = ks(table, options)?;
    let passed = graded
        .into_par_iter()
        .map(|graded| graded.passed(&ks, &weighing, (table, options)))
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<Vec<Passed>>>()?;
    let best = match weighing {
        Weighing::Equal => best(&passed, &ks, options.confidence)?,
        Weighing::ByGroup(_) | Weighing::AsScored(_) => Vec::new(),
    };
    Ok(PassReport {
        schema: 1,
        command: "pass",
        confidence: options.confidence,
        rates: options.extrapolate,
        tau: options.solved,
        weighting: weighing.name(),
        regraded: None,
        is_best_of: table.outcomes.iter().flatten().flatten().any(is_partial),
        crossings: crossings(&best),
        best,
        notes: words::notes(&samples_with_rates(&passed)),
        models: passed.into_iter().map(|one| one.model).collect(),
    })
}

/// The ks asked for, or powers of two, none beyond the samples of any prompt.
fn ks(table: &SampleTable, options: &PassOptions) -> Result<Vec<u64>> {
    let Fewest {
        samples,
        model,
        prompt,
    } = fewest_samples(table)?;
    if options.ks.is_empty() {
        let powers = std::iter::successors(Some(1_u64), |k| k.checked_mul(2));
        return Ok(powers.take_while(|&k| k <= samples).collect());
    }
    let is_beyond = |k: &&u64| **k > samples && options.extrapolate.is_none();
    match options.ks.iter().find(is_beyond) {
        None => Ok(options.ks.to_vec()),
        Some(k) => Err(Setting::Extrapolate.refused(format!(
            "needed where k is beyond the samples, as k = {k} is: model `{model}` has {} for prompt \
             `{prompt}`; or ask for k <= {samples}, or draw more samples",
            number::count(samples as usize, "sample"),
        ))),
    }
}

/// What the mean over prompts stands for.
enum Weighing<'a> {
    /// Every prompt counts the same.
    Equal,
    /// Prompts count so that groups count what they count in the population.
    ByGroup(Groups),
    /// Prompts count as these scores weight them.
    AsScored(&'a ScoreTable),
}

impl Weighing<'_> {
    fn name(&self) -> &'static str {
        match self {
            Weighing::Equal => "equal",
            Weighing::ByGroup(_) => "by group",
            Weighing::AsScored(_) => "as scored",
        }
    }

    /// How the prompts were sampled.
    fn design(&self) -> Design<'_> {
        match self {
            Weighing::ByGroup(groups) => Design {
                weights: Some(&groups.weights),
                strata: Some(&groups.strata),
                ..Design::default()
            },
            Weighing::Equal | Weighing::AsScored(_) => Design::default(),
        }
    }
}

/// The outcomes of one model on the prompts it has.
struct Graded<'a> {
    model: &'a str,
    /// The prompts of the outcomes.
    prompts: Vec<&'a str>,
    outcomes: Vec<PromptOutcome>,
    /// How often each answer of a prompt was given; empty unless the majority is asked for.
    answers: Vec<Vec<AnswerCount>>,
    fewest: u64,
    most: u64,
}

/// A model with what its comparison with others needs.
struct Passed {
    model: PassModel,
    outcomes: Vec<PromptOutcome>,
}

impl<'a> Graded<'a> {
    fn new(table: &'a SampleTable, at: usize, majority: bool) -> Result<Self> {
        let model = &table.models[at];
        let is_empty = |answer: &String| answer.trim().is_empty();
        let empty: Vec<bool> = table.answers.iter().map(is_empty).collect();
        let (mut outcomes, mut answers) = (Vec::new(), Vec::new());
        let mut prompts: Vec<&str> = Vec::new();
        for (prompt, one) in table.outcomes[at].iter().enumerate() {
            let Some(one) = one else { continue };
            if let (true, Outcome::Rewards(rewards)) = (majority, one) {
                answers.push(answer_counts(&table.answer[at][prompt], &empty, rewards));
            }
            outcomes.push(outcome(one));
            prompts.push(&table.prompts[prompt]);
        }
        let samples = || outcomes.iter().map(PromptOutcome::samples);
        Ok(Graded {
            model,
            fewest: samples().min().ok_or_else(|| without_samples(model))?,
            most: samples().max().unwrap_or(0),
            prompts,
            outcomes,
            answers,
        })
    }

    fn passed(
        self,
        ks: &[u64],
        weighing: &Weighing,
        (table, options): (&SampleTable, &PassOptions),
    ) -> Result<Passed> {
        let (design, confidence) = (weighing.design(), options.confidence);
        let as_scored = match weighing {
            Weighing::AsScored(scores) => Some(self.as_scored(table, scores)?),
            Weighing::Equal | Weighing::ByGroup(_) => None,
        };
        let pass = |k: u64| match &as_scored {
            _ if k > self.fewest => self.extrapolated(k, options),
            Some(drawn) => {
                let estimate = drawn.pass(k, confidence)?;
                estimate.ok_or_else(|| without_samples(self.model))
            }
            None => pass_at_k_estimate(&self.outcomes, &design, k, confidence)
                .map_err(|error| self.named(error)),
        };
        let all_of = |k: u64| {
            pass_hat_k_estimate(&self.outcomes, &design, k, confidence)
                .map_err(|error| self.named(error))
        };
        let majority = |k: u64| {
            let values = self.answers.iter().map(|answers| majority_of_k(answers, k));
            let values = values.collect::<Result<Vec<f64>, _>>()?;
            Ok(mean_over_prompts(&values, &design, confidence)?)
        };
        let solved = |tau| {
            solved_share(&self.outcomes, tau, &design, confidence)
                .map_err(|error| self.named(error))
        };
        let none: &[u64] = &[];
        let within: Vec<u64> = ks.iter().copied().filter(|&k| k <= self.fewest).collect();
        let only_if = |asked: bool| if asked { &within[..] } else { none };
        Ok(Passed {
            model: PassModel {
                model: self.model.to_owned(),
                prompts: self.outcomes.len(),
                samples_min: self.fewest,
                samples_max: self.most,
                pass: self.points(ks, pass)?,
                all_of: self.points(only_if(options.all_of), all_of)?,
                majority: self.points(only_if(options.majority), majority)?,
                solved: options.solved.map(solved).transpose()?.map(Interval::from),
            },
            outcomes: self.outcomes,
        })
    }

    fn points(
        &self,
        ks: &[u64],
        estimate: impl Fn(u64) -> Result<Estimate>,
    ) -> Result<Vec<PassAtK>> {
        let point = |&k: &u64| {
            let estimate = estimate(k)?;
            Ok(PassAtK {
                k,
                value: Number(estimate.value),
                low: Number(estimate.low),
                high: Number(estimate.high),
                extrapolated: k > self.fewest,
            })
        };
        ks.iter().map(point).collect()
    }

    /// The samples with the weights that the scores give their prompts.
    fn as_scored(&self, table: &SampleTable, scores: &ScoreTable) -> Result<Drawn> {
        let is_scored = scores.models.iter().any(|model| model == self.model);
        let drawn = Drawn::new(table, self.model, scores)?.filter(|_| is_scored);
        drawn.ok_or_else(|| {
            Error::Tables(format!(
                "model `{}` has samples in the run but no scores to weight its prompts by; give samples.parquet \
                 itself for the plain mean",
                self.model
            ))
        })
    }

    /// Names the prompt where the statistics know but its position.
    fn named(&self, error: Statistics) -> Error {
        let model = self.model;
        match &error {
            Statistics::Prompt { index, .. } => {
                let prompt = self.prompts[*index];
                of_samples(error).at(format!("model `{model}`, prompt `{prompt}`"))
            }
            _ => error.into(),
        }
    }

    fn extrapolated(&self, k: u64, options: &PassOptions) -> Result<Estimate> {
        let rates = options.extrapolate.unwrap_or(Rates::Any).into();
        let extrapolated = extrapolate_pass(&self.outcomes, k, rates, options.confidence);
        match extrapolated.map_err(|error| self.named(error))? {
            Extrapolation::Estimate(estimate) => Ok(estimate),
            Extrapolation::Refused(why) => Err(Error::Tables(format!(
                "k = {k} cannot be extrapolated for `{}`: {why}",
                self.model
            ))),
        }
    }
}

/// How often each answer was given, and the mean reward of each. Samples without an answer
/// (`empty`: by answer) agree on nothing, and each stands for itself.
fn answer_counts(answers: &[u32], empty: &[bool], rewards: &[f64]) -> Vec<AnswerCount> {
    let mut counts: BTreeMap<u32, (u64, f64)> = BTreeMap::new();
    let mut alone = Vec::new();
    for (&answer, &reward) in answers.iter().zip(rewards) {
        if empty[answer as usize] {
            alone.push(AnswerCount { count: 1, reward });
            continue;
        }
        let (count, total) = counts.entry(answer).or_default();
        *count += 1;
        *total += reward;
    }
    let answer = |&(count, total): &(u64, f64)| AnswerCount {
        count,
        reward: total / count as f64,
    };
    counts.values().map(answer).chain(alone).collect()
}

/// The models whose numbers of samples go with their success rates, and whether prompts with more
/// samples have lower ones (`Less`).
fn samples_with_rates(passed: &[Passed]) -> Vec<(&str, Ordering)> {
    let of_model = |one: &'_ Passed| samples_go_with_rates(&one.outcomes).ok().flatten();
    let named = passed
        .iter()
        .map(|one| (&one.model.model[..], of_model(one)));
    named
        .filter_map(|(model, more)| Some((model, more?)))
        .collect()
}

/// The best model for every k within the samples, where all models have the same prompts.
fn best(passed: &[Passed], ks: &[u64], confidence: f64) -> Result<Vec<BestForK>> {
    let fewest = passed.iter().map(|one| one.model.samples_min).min();
    let fewest = fewest.unwrap_or(0);
    let outcomes: Vec<&[PromptOutcome]> = passed.iter().map(|one| &one.outcomes[..]).collect();
    if outcomes.len() < 2 || outcomes.iter().any(|one| one.len() != outcomes[0].len()) {
        return Ok(Vec::new());
    }
    let name = |&at: &usize| passed[at].model.model.clone();
    let (mut all, mut before) = (Vec::new(), None);
    for (at, &k) in ks.iter().enumerate().filter(|&(_, &k)| k <= fewest) {
        let choice = best_at_k(&outcomes, k, confidence)?;
        let value = |model: usize| passed[model].model.pass[at].value.0;
        let is_tied = |&model: &usize| value(choice.best) - value(model) < ROUNDING;
        let tied: Vec<usize> = (0..passed.len()).filter(is_tied).collect();
        // Equals make no crossing.
        let best = before.filter(|before| tied.contains(before));
        let best = best.unwrap_or(choice.best);
        all.push(BestForK {
            k,
            model: name(&best),
            tied: match &tied[..] {
                [_, _, ..] => tied.iter().map(name).collect(),
                _ => Vec::new(),
            },
            not_excluded: choice.not_excluded.iter().map(name).collect(),
        });
        before = Some(best);
    }
    Ok(all)
}

/// Shares that are no further apart are equal.
const ROUNDING: f64 = 1e-12;

/// Where the best model changes from one k to the next.
fn crossings(choices: &[BestForK]) -> Vec<Crossing> {
    let changes = choices
        .windows(2)
        .filter(|pair| pair[0].model != pair[1].model);
    let crossing = |pair: &[BestForK]| Crossing {
        from_k: pair[0].k,
        to_k: pair[1].k,
        from: pair[0].model.clone(),
        to: pair[1].model.clone(),
        certain: !pair[0].not_excluded.contains(&pair[1].model)
            && !pair[1].not_excluded.contains(&pair[0].model),
    };
    changes.map(crossing).collect()
}
