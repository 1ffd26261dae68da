//! The tables of a run, and what is compared and measured in them.

use breadth_data::{SampleTable, ScoreTable, different_weights};

use super::build::Subject;
use super::document::Report;
use super::options::ReportOptions;
use crate::error::{Error, Result};
use crate::samples::{Drawn, Samples};
use crate::scores::Scores;
use crate::select::Candidates;
use crate::verdict::{Evidence, Sampled, decide};

/// The tables of a run: fresh responses for the tournament may lie apart from those on which
/// coverage is measured.
#[derive(Clone, Copy, Debug)]
pub struct ReportInputs<'a> {
    /// Held-out responses scored by every checkpoint, and by the reference if there is one.
    pub scores: &'a ScoreTable,
    /// Rows for the tournament; without them it runs on `scores`.
    pub selection: Option<&'a ScoreTable>,
    /// Responses drawn from the checkpoints, with rewards.
    pub samples: Option<&'a SampleTable>,
    /// Name of the reference among the models of `scores`.
    pub reference: Option<&'a str>,
    /// Whether each scored response is the only correct one to its prompt, so that Pass@k is known
    /// exactly from its probability.
    pub single_correct_response: bool,
}

/// Computes everything a report shows about a run, except its title, training loss and provenance.
///
/// KL, cross-entropy, coverage and the exact `Pass@k = mean(1 - (1 - q(y|x))^k)` are weighted means
/// over `scores`; rows that share a prompt are one cluster. The sampled Pass@k weights its prompts
/// so that every group counts as in `scores`: both estimate the same quantity. The tournament (Eq
/// 29) never sees the reference.
///
/// ```
/// use breadth_data::ScoreTable;
/// use breadth_analysis::{ReportInputs, ReportOptions, summarize};
///
/// // Two responses: the late checkpoint assigns the first more probability, the second much less.
/// let scores = ScoreTable {
///     models: vec!["exact".into(), "step-10".into(), "step-20".into()],
///     sources: vec!["data".into()],
///     source: vec![0, 0],
///     prompts: vec!["a".into(), "b".into()],
///     prompt: vec![0, 1],
///     responses: vec!["0".into()],
///     response: vec![0, 0],
///     logprob: vec![vec![0.0, 0.0], vec![-0.9, -1.3], vec![-0.1, -1.9]],
///     ..ScoreTable::default()
/// };
/// let inputs = ReportInputs {
///     scores: &scores,
///     selection: None,
///     samples: None,
///     reference: Some("exact"),
///     single_correct_response: true,
/// };
/// let report = summarize(&inputs, &ReportOptions::default())?;
/// let (early, late) = (&report.checkpoints[0], &report.checkpoints[1]);
/// assert!((early.kl.unwrap().value - 1.1).abs() < 1e-12 && (late.kl.unwrap().value - 1.0).abs() < 1e-12);
/// // Cov_4: the second response is at e^-1.9, more than 4 times below its probability in the data.
/// assert_eq!((early.coverage[1].cov, late.coverage[1].cov), (0.0, 0.5));
/// assert!((late.pass[0].exact.unwrap() - 0.738_4).abs() < 1e-4); // Pass@4
/// # Ok::<(), breadth_analysis::Error>(())
/// ```
///
/// # Errors
/// A reference that is not in the scores, a checkpoint that only one table has, samples from a
/// group or prompt of unknown weight, and whatever the statistics refuse.
pub fn summarize(inputs: &ReportInputs, options: &ReportOptions) -> Result<Report> {
    let names = candidates(inputs)?;
    let candidates = compared(inputs, &names)?;
    let scores = Scores::of(inputs.scores.clone());
    let drawn = |name: &str| match inputs.samples {
        Some(samples) => Drawn::new(samples, name, inputs.scores),
        None => Ok(None),
    };
    let subject = Subject {
        compared: Some(&candidates),
        evaluated: Some(&scores),
        has_own_rows: inputs.selection.is_some(),
        reference: inputs.reference,
        single_correct_response: inputs.single_correct_response,
        drawn: &drawn,
        names,
    };
    subject.report(options)
}

/// The candidates, in the order of the scores.
fn candidates(inputs: &ReportInputs) -> Result<Vec<String>> {
    let models = &inputs.scores.models;
    if let Some(reference) = inputs.reference
        && !models.iter().any(|model| model == reference)
    {
        return Err(Error::Tables(format!(
            "the scores have no reference `{reference}`; they have the models {}: name one of them \
             as the reference",
            models.join(", ")
        )));
    }
    let names = without(models, inputs.reference);
    if names.is_empty() {
        return Err(Error::Tables(format!(
            "the scores hold no model beside the reference `{}`: score at least one checkpoint",
            inputs.reference.unwrap_or_default()
        )));
    }
    Ok(names)
}

fn without(models: &[String], reference: Option<&str>) -> Vec<String> {
    let others = models.iter().filter(|m| Some(m.as_str()) != reference);
    others.cloned().collect()
}

/// What `select` compares: the rows of the tournament with the samples beside them.
fn compared(inputs: &ReportInputs, names: &[String]) -> Result<Candidates> {
    let selection = inputs.selection.unwrap_or(inputs.scores);
    let own = without(&selection.models, inputs.reference);
    if let Some(extra) = own.iter().find(|name| !names.contains(name)) {
        return Err(missing(extra, "selection table", "scores"));
    }
    if let Some(lacking) = names.iter().find(|name| !own.contains(name)) {
        return Err(missing(lacking, "scores", "selection table"));
    }
    // Where the scored response is the only right one, its probability says more than samples.
    let samples = inputs.samples.filter(|_| !inputs.single_correct_response);
    let samples = samples
        .map(|samples| Samples::new(samples.clone(), &[])?.weighted_as(Some(inputs.scores)))
        .transpose()?;
    let is_there = |name: &&str| selection.models.iter().any(|model| model == name);
    let reference = inputs.reference.filter(is_there);
    Ok(
        Candidates::of_scores(Scores::of(selection.clone()), reference)?
            .with_samples(samples)
            .with_only_right(inputs.single_correct_response),
    )
}

fn missing(model: &str, has: &'static str, lacks: &'static str) -> Error {
    Error::Tables(format!(
        "model `{model}` is in the {has} but not in the {lacks}: score it on both, or on neither"
    ))
}

/// Everything a page shows about candidates, as `select` takes them: scores, graded samples, or
/// both.
///
/// KL, coverage and the profile are measured against the model that was left out of the
/// candidates, if one was; all numbers rest on the rows that are compared, and the sampled Pass@k
/// on the same samples and weights as the verdict.
///
/// ```
/// use breadth_analysis::{Candidates, ReportOptions, summarize_candidates};
/// use breadth_data::{Outcome, SampleTable};
///
/// let counts = |c: u64| Some(Outcome::Counts { n: 16, c });
/// let samples = SampleTable {
///     models: vec!["step-10".into(), "step-20".into()],
///     prompts: vec!["a".into(), "b".into()],
///     group: vec![None, None],
///     outcomes: vec![vec![counts(4), counts(0)], vec![counts(8), counts(8)]],
///     ..SampleTable::default()
/// };
/// let candidates = Candidates::of_answers(&samples, None)?;
/// let report = summarize_candidates(&candidates, &ReportOptions::default())?;
/// assert_eq!(report.headline_k(), Some(8));
/// let pass = report.checkpoints[0].best_pass_at(Some(8)).unwrap();
/// assert!((pass - (1.0 - 495.0 / 12870.0) / 2.0).abs() < 1e-12); // C(12, 8) / C(16, 8)
/// assert!(report.checkpoints[0].cross_entropy.is_none()); // nothing was scored
/// # Ok::<(), breadth_analysis::Error>(())
/// ```
///
/// # Errors
/// Whatever the statistics refuse, and samples of none of the candidates.
pub fn summarize_candidates(candidates: &Candidates, options: &ReportOptions) -> Result<Report> {
    let names = candidates.names();
    let outcomes = candidates.outcomes(&names).unwrap_or_default();
    let design = candidates.sample_design();
    let drawn = |name: &str| {
        let at = names.iter().position(|known| *known == name);
        let prompts = at.and_then(|at| outcomes.get(at)).cloned();
        let prompts = prompts.filter(|prompts| !prompts.is_empty());
        Ok(prompts.map(|prompts| Drawn::with(prompts, &design)))
    };
    let subject = Subject {
        compared: Some(candidates),
        evaluated: candidates.log_probabilities(),
        has_own_rows: false,
        reference: candidates
            .left_out()
            .filter(|_| candidates.log_probabilities().is_some()),
        single_correct_response: candidates.are_only_right(),
        drawn: &drawn,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    subject.report(options)
}

/// Everything a page shows about graded samples alone, whatever their rewards: Pass@k, or
/// Best-of-k.
///
/// Where all rewards are 0 and 1, [`summarize_candidates`] knows more: the tournament over answers.
///
/// # Errors
/// Whatever the statistics refuse.
pub fn summarize_samples(samples: &Samples, options: &ReportOptions) -> Result<Report> {
    let names = samples.models();
    let design = samples.design();
    let drawn = |name: &str| {
        let prompts = samples.of(&[name]).pop();
        let prompts = prompts.filter(|prompts| !prompts.is_empty());
        Ok(prompts.map(|prompts| Drawn::with(prompts, &design)))
    };
    let mut report = Subject {
        compared: None,
        evaluated: None,
        has_own_rows: false,
        reference: None,
        single_correct_response: false,
        drawn: &drawn,
        names: names.to_vec(),
    }
    .report(options)?;
    let models: Vec<&str> = names.iter().map(String::as_str).collect();
    let outcomes = samples.of(&models);
    let mut verdict = decide(&Evidence {
        models: &models,
        k: 2.0 * options.level.n(),
        confidence: options.confidence,
        same: &samples.same(&models),
        scores: None,
        samples: Some(Sampled {
            outcomes: &outcomes,
            design: samples.design(),
            places: None,
        }),
    })?;
    verdict
        .warnings
        .extend(different_weights(samples.known_models()));
    report.by_rewards = Some(verdict);
    Ok(report)
}
