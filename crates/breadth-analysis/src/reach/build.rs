//! From scores, and graded samples beside them, to the document.

use breadth_data::{SampleTable, ScoreTable};
use breadth_stats::{CorrectResponses, Error as Statistics, Level};

use super::document::{
    FurthestReach, LikelihoodQuantile, PromptsAt, ReachModel, ReachPoint, ReachReport, Whole,
};
use super::{prompts, words};
use crate::error::{Error, Result};
use crate::number::Number;
use crate::scores::{Scores, are_known_same, distinct, first_same, groups_of_same};

/// Shares of prompts that the likelihood quantiles leave out.
const SHARES: [f64; 5] = [0.01, 0.05, 0.1, 0.25, 0.5];

/// What reach is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ReachOptions<'a> {
    /// Numbers of samples, however large.
    pub ks: &'a [f64],
    /// The samples that a prompt may cost: it is within reach if a sample is right with probability
    /// 1/budget.
    pub budget: Level,
    /// A model that is left out: the teacher, or the exact distribution.
    pub left_out: Option<&'a str>,
    /// Of the intervals, such as 0.95.
    pub confidence: f64,
}

/// What k samples find for certain: `reach_k = mean over prompts of 1 - (1 - q)^k`, where q is the
/// probability that a model gives a prompt's right responses together.
///
/// It is at most Pass@k for every verifier that accepts the rows' responses.
///
/// # Errors
/// A name that the table lacks, responses of a prompt whose probabilities add up to more than 1,
/// and whatever the statistics refuse.
///
/// # Examples
/// ```
/// use breadth_analysis::{ReachOptions, Scores, reach};
/// use breadth_data::ScoreTable;
/// use breadth_stats::Level;
///
/// let scores = Scores::of(ScoreTable {
///     models: vec!["step-10".into()],
///     sources: vec!["data".into()],
///     source: vec![0, 0],
///     prompts: vec!["a".into(), "b".into()],
///     prompt: vec![0, 1],
///     responses: vec!["0".into()],
///     response: vec![0, 0],
///     logprob: vec![vec![0.5_f64.ln(), f64::NEG_INFINITY]],
///     ..ScoreTable::default()
/// });
/// let options = ReachOptions { ks: &[2.0], budget: Level::from_n(64.0)?, left_out: None, confidence: 0.95 };
/// let answer = reach(&scores, None, &options)?;
/// assert!((answer.models[0].reach[0].value.0 - 0.375).abs() < 1e-12); // (1 - 1/4 + 0) / 2
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reach(
    scores: &Scores,
    samples: Option<&SampleTable>,
    options: &ReachOptions,
) -> Result<ReachReport> {
    let models = scores.models_without(options.left_out)?;
    let right = right_responses(scores)?;
    let of_model = |&model: &usize| {
        let name = &scores.table.models[model];
        let masses = (&scores.table.prompts[..], right.log_mass(model));
        let counts = prompts::count(name, masses, samples, options.budget, options.confidence)?;
        Ok(ReachModel {
            model: name.clone(),
            prompts: right.prompts(),
            reach: points(&right, model, options)?,
            quantiles: quantiles(&right, &scores.table, model)?,
            prompts_at: PromptsAt {
                budget: Whole(options.budget.n()),
                reachable: counts.reachable,
                unknown: counts.unknown,
                not: counts.not,
            },
        })
    };
    let table = &scores.table;
    let first = first_same(models.len(), |a, b| {
        let (a, b) = (models[a], models[b]);
        table.logprob[a] == table.logprob[b]
            || are_known_same(&table.same, &table.models[a], &table.models[b])
    });
    let named = |at: usize| table.models[models[at]].clone();
    let own: Vec<usize> = distinct(&first).into_iter().map(|at| models[at]).collect();
    let furthest = |&k: &f64| {
        let leader = right.leader(&own, k, options.confidence)?;
        let name = |&at: &usize| table.models[own[at]].clone();
        Ok(FurthestReach {
            k: Whole(k),
            model: name(&leader.best),
            not_excluded: leader.not_excluded.iter().map(name).collect(),
        })
    };
    let mut document = ReachReport {
        schema: 1,
        command: "reach",
        has_samples: samples.is_some(),
        confidence: options.confidence,
        rows: scores.table.rows(),
        prompts: right.prompts(),
        repeated: right.repeated,
        several: right.several,
        same: groups_of_same(&first)
            .into_iter()
            .map(|group| group.into_iter().map(named).collect())
            .collect(),
        models: models.iter().map(of_model).collect::<Result<_>>()?,
        best: options.ks.iter().map(furthest).collect::<Result<_>>()?,
        notes: Vec::new(),
    };
    document.notes = words::notes(&document);
    Ok(document)
}

fn points(
    right: &CorrectResponses,
    model: usize,
    options: &ReachOptions,
) -> Result<Vec<ReachPoint>> {
    let point = |&k: &f64| {
        let reach = right.reach(model, k, options.confidence)?;
        Ok(ReachPoint {
            k: Whole(k),
            value: Number(reach.value),
            low: Number(reach.low),
            high: Number(reach.high),
            effective_prompts: Number(reach.effective_prompts),
        })
    };
    options.ks.iter().map(point).collect()
}

/// The rows, prompt by prompt; names the prompt where the statistics know but a row.
fn right_responses(scores: &Scores) -> Result<CorrectResponses> {
    let columns: Vec<&[f64]> = scores.table.logprob.iter().map(Vec::as_slice).collect();
    CorrectResponses::new(&columns, &scores.design()).map_err(|error| match error {
        Statistics::ProbabilitiesAboveOne { row, total } => Error::Tables(format!(
            "prompt `{}`: a model gives its distinct responses probability {total:.4} in all; they must be whole \
             responses, each listed once, with the end token where the response ended",
            scores.key(row).0
        )),
        error => error.into(),
    })
}

fn quantiles(
    right: &CorrectResponses,
    table: &ScoreTable,
    model: usize,
) -> Result<Vec<LikelihoodQuantile>> {
    let paths = table
        .token_logprobs
        .as_ref()
        .map(|lists| easiest_paths(&lists[model], &table.prompt, right.prompts()));
    let quantile = |share| {
        let of_tokens = paths.as_ref().map(|paths| right.quantile(paths, share));
        Ok(LikelihoodQuantile {
            share,
            log_q: Number(right.log_quantile(model, share)?),
            log_q_token: of_tokens.transpose()?.map(Number),
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
