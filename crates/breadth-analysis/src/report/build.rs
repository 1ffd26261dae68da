//! From tables to the document: the one computation behind `demo --json`, `report` and the page.

use std::collections::HashMap;

use breadth_data::{SampleTable, ScoreTable, checkpoint_step};
use breadth_stats::{
    CorrectResponses, CoveragePoint, CoverageProfile, Design, Estimate, Level, Tournament,
};

use super::document::{Checkpoint, Choices, PassPoint, Report, Rows};
use crate::error::{Error, Result};
use crate::samples::{Drawn, Samples};
use crate::scores::Scores;
use crate::select::{Candidates, SelectOptions, Selection, SelectionRule};

/// Levels between 1 and the end of the profile's curve.
const GRID: usize = 48;
/// Where the curve ends at the latest, in nats: beyond, N does not fit an f64.
const LAST_LOG_N: f64 = 700.0;

/// What the reader of a report may choose.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// N of the tournament; 4 by default.
    pub level: Level,
    /// Level of all intervals; 0.95 by default.
    pub confidence: f64,
    /// The `k` of Pass@k, each paired with `Cov_{k/2}`; empty (the default) means `N, 2N, 3N`.
    pub passes: Vec<u64>,
    /// Name of the reference among the scores; by default what `run.json` says.
    pub reference: Option<String>,
    /// Heading of the page; by default one made from the run.
    pub title: Option<String>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        let level = Level::from_n(4.0).expect("4 is a valid level");
        Self {
            level,
            confidence: 0.95,
            passes: Vec::new(),
            reference: None,
            title: None,
        }
    }
}

impl ReportOptions {
    /// The `k` to show: as chosen, or `N, 2N, 3N` where samples of that number are thinkable.
    pub fn passes(&self) -> Vec<u64> {
        if !self.passes.is_empty() {
            return self.passes.clone();
        }
        let n = self.level.n();
        if n > 1e6 {
            return vec![2, 8, 32];
        }
        let mut passes: Vec<u64> = [n, 2.0 * n, 3.0 * n].map(|k| k.round() as u64).to_vec();
        passes.retain(|&k| k >= 2);
        passes.dedup();
        passes
    }
}

/// The tables a report is made from.
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

/// Computes everything a report shows, except its title, training loss and provenance.
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
    let selection = inputs.selection.unwrap_or(inputs.scores);
    let field = Field::run(selection, inputs.reference, &names, options)?;
    let evaluation = Evaluation::new(inputs, &names, options)?;
    let steps = steps(&names);
    let reached = right_responses(selection, &field)?;
    let checkpoints = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let measured = evaluation.measure(name)?;
            let step = steps.as_ref().map(|steps| steps[i]);
            let reach = reach(reached.as_ref(), field.position[i], options)?;
            Ok(Checkpoint {
                reach,
                ..field.checkpoint(i, name, step, measured)
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let losses: Vec<f64> = checkpoints.iter().map(|c| c.cross_entropy.value).collect();
    Ok(Report {
        title: options
            .title
            .clone()
            .unwrap_or_else(|| "Which checkpoint to take".into()),
        confidence: options.confidence,
        level: options.level,
        reference: inputs.reference.map(String::from),
        verdict: Choices {
            winner: field.winner(),
            lowest_loss: first_minimum(&losses),
        },
        selection: self::selection(inputs, selection, options)?,
        matrix: field.matrix(),
        method: evaluation.method(&names)?,
        checkpoints,
        evaluation: rows(inputs.scores),
        selection_rows: rows(selection),
        training_loss: Vec::new(),
        provenance: Vec::new(),
    })
}

/// The selection rows as right responses, unless their probabilities add up to more than 1 for some
/// prompt.
fn right_responses(selection: &ScoreTable, field: &Field) -> Result<Option<CorrectResponses>> {
    let columns = field
        .names
        .iter()
        .map(|name| selection.column(name))
        .collect::<Result<Vec<_>, _>>()?;
    match CorrectResponses::new(&columns, &design(selection)) {
        Err(breadth_stats::Error::ProbabilitiesAboveOne { .. }) => Ok(None),
        right => Ok(Some(right?)),
    }
}

/// Reach at k = 2N of the model at a position of the tournament.
fn reach(
    right: Option<&CorrectResponses>,
    position: usize,
    options: &ReportOptions,
) -> Result<Option<Estimate>> {
    let Some(right) = right else {
        return Ok(None);
    };
    let k = (2.0 * options.level.n()).min(1e300);
    let reach = right.reach(position, k, options.confidence)?;
    Ok(Some(Estimate {
        value: reach.value,
        low: reach.low,
        high: reach.high,
    }))
}

/// What `select` says of the selection rows and the samples.
fn selection(
    inputs: &ReportInputs,
    selection: &ScoreTable,
    options: &ReportOptions,
) -> Result<Selection> {
    // Where the scored response is the only right one, its probability says more than samples.
    let samples = inputs.samples.filter(|_| !inputs.single_correct_response);
    let samples = samples
        .map(|samples| Samples::new(samples.clone(), &[])?.weighted_as(Some(inputs.scores)))
        .transpose()?;
    let is_there = |name: &&str| selection.models.iter().any(|model| model == name);
    let reference = inputs.reference.filter(is_there);
    Candidates::of_scores(Scores::of(selection.clone()), reference)?
        .with_samples(samples)
        .with_only_right(inputs.single_correct_response)
        .selection(SelectOptions {
            rule: SelectionRule::Tournament,
            level: options.level,
            a: None,
            confidence: options.confidence,
        })
}

/// The candidates in drawing order: by training step if all names tell one, else as they appear.
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
    let mut names: Vec<String> = models
        .iter()
        .filter(|m| Some(m.as_str()) != inputs.reference)
        .cloned()
        .collect();
    if names.is_empty() {
        return Err(Error::Tables(format!(
            "the scores hold no model beside the reference `{}`: score at least one checkpoint",
            inputs.reference.unwrap_or_default()
        )));
    }
    if let Some(steps) = steps(&names) {
        let by_name: HashMap<String, u64> = names.iter().cloned().zip(steps).collect();
        names.sort_by_key(|name| by_name[name]);
    }
    Ok(names)
}

/// The training step of every model, if every name tells a different one.
fn steps(names: &[String]) -> Option<Vec<u64>> {
    let steps: Vec<u64> = names
        .iter()
        .map(|name| checkpoint_step(name))
        .collect::<Option<_>>()?;
    let mut distinct = steps.clone();
    distinct.sort_unstable();
    distinct.dedup();
    (distinct.len() == steps.len()).then_some(steps)
}

/// The tournament over the candidates, with the way from drawing order to its own order.
struct Field {
    tournament: Tournament,
    names: Vec<String>,
    /// Position in the tournament of each candidate.
    position: Vec<usize>,
}

impl Field {
    /// Runs in the table's own order, because that order breaks the last ties.
    fn run(
        table: &ScoreTable,
        reference: Option<&str>,
        candidates: &[String],
        options: &ReportOptions,
    ) -> Result<Self> {
        let names: Vec<String> = table
            .models
            .iter()
            .filter(|m| Some(m.as_str()) != reference)
            .cloned()
            .collect();
        if let Some(extra) = names.iter().find(|name| !candidates.contains(name)) {
            return Err(missing(extra, "selection table", "scores"));
        }
        let position = candidates
            .iter()
            .map(|candidate| {
                let found = names.iter().position(|name| name == candidate);
                found.ok_or_else(|| missing(candidate, "scores", "selection table"))
            })
            .collect::<Result<Vec<_>>>()?;
        let columns = names
            .iter()
            .map(|name| table.column(name))
            .collect::<Result<Vec<_>, _>>()?;
        let design = design(table);
        let tournament =
            breadth_stats::tournament(&columns, &design, options.level, options.confidence)?;
        Ok(Self {
            tournament,
            names,
            position,
        })
    }

    fn winner(&self) -> usize {
        let won = |&position: &usize| position == self.tournament.winner;
        self.position
            .iter()
            .position(won)
            .expect("the winner is a candidate")
    }

    /// The pairwise shares in drawing order.
    fn matrix(&self) -> Vec<f64> {
        let m = self.names.len();
        let cell = |rival: usize, q: usize| self.tournament.rival_shares[rival * m + q];
        let pairs = self
            .position
            .iter()
            .flat_map(|&rival| self.position.iter().map(move |&q| (rival, q)));
        pairs.map(|(rival, q)| cell(rival, q)).collect()
    }

    fn checkpoint(
        &self,
        i: usize,
        name: &str,
        step: Option<u64>,
        measured: Measured,
    ) -> Checkpoint {
        let position = self.position[i];
        let standing = &self.tournament.standings[position];
        Checkpoint {
            model: name.into(),
            step,
            kl: measured.kl,
            cross_entropy: measured.cross_entropy,
            coverage: measured.coverage,
            profile: measured.profile,
            pass: measured.pass,
            reach: None,
            rank: standing.rank,
            value: standing.value,
            value_low: standing.low,
            value_high: standing.high,
            worst_rival: standing.worst_rival.map(|rival| self.names[rival].clone()),
            tied: self.tournament.tied.contains(&position),
            not_excluded: self.tournament.not_excluded.contains(&position),
            certified_low: standing.certified_low,
            certified_high: standing.certified_high,
        }
    }
}

fn missing(model: &str, has: &'static str, lacks: &'static str) -> Error {
    Error::Tables(format!(
        "model `{model}` is in the {has} but not in the {lacks}: score it on both, or on neither"
    ))
}

/// What is measured of one checkpoint on the evaluation rows and the samples.
struct Measured {
    kl: Option<Estimate>,
    cross_entropy: Estimate,
    coverage: Vec<CoveragePoint>,
    profile: Vec<CoveragePoint>,
    pass: Vec<PassPoint>,
}

/// The evaluation rows, and the levels at which every checkpoint is measured.
struct Evaluation<'a> {
    inputs: &'a ReportInputs<'a>,
    design: Design<'a>,
    reference: Option<&'a [f64]>,
    headline: Vec<Level>,
    grid: Vec<Level>,
    passes: Vec<u64>,
    confidence: f64,
}

impl<'a> Evaluation<'a> {
    fn new(
        inputs: &'a ReportInputs<'a>,
        names: &[String],
        options: &ReportOptions,
    ) -> Result<Self> {
        let scores = inputs.scores;
        let reference = inputs
            .reference
            .map(|name| scores.column(name))
            .transpose()?;
        let passes = options.passes();
        let grid = match reference {
            Some(reference) => grid(last_log_n(scores, reference, names, options.level)?)?,
            None => Vec::new(),
        };
        Ok(Self {
            inputs,
            design: design(scores),
            reference,
            headline: headline(&passes, options.level)?,
            grid,
            passes,
            confidence: options.confidence,
        })
    }

    fn measure(&self, name: &str) -> Result<Measured> {
        let log_q = self.inputs.scores.column(name)?;
        let kl = self
            .reference
            .map(|log_p| breadth_stats::kl(log_p, log_q, &self.design, self.confidence))
            .transpose()?
            .map(|kl| kl.estimate());
        Ok(Measured {
            kl,
            cross_entropy: breadth_stats::cross_entropy(log_q, &self.design, self.confidence)?
                .estimate(),
            coverage: self.points(log_q, &self.headline)?,
            profile: self.points(log_q, &self.grid)?,
            pass: self.pass(name, log_q)?,
        })
    }

    fn points(&self, log_q: &[f64], levels: &[Level]) -> Result<Vec<CoveragePoint>> {
        Ok(self
            .profile(log_q, levels)?
            .map(|profile| profile.points)
            .unwrap_or_default())
    }

    fn profile(&self, log_q: &[f64], levels: &[Level]) -> Result<Option<CoverageProfile>> {
        let Some(log_p) = self.reference else {
            return Ok(None);
        };
        let profile =
            breadth_stats::coverage_profile(log_p, log_q, &self.design, levels, self.confidence)?;
        Ok(Some(profile))
    }

    fn method(&self, names: &[String]) -> Result<String> {
        let log_q = self.inputs.scores.column(&names[0])?;
        let profile = self.profile(log_q, &self.headline)?;
        Ok(profile
            .map(|profile| profile.method.to_string())
            .unwrap_or_default())
    }

    fn pass(&self, name: &str, log_q: &[f64]) -> Result<Vec<PassPoint>> {
        let drawn = match self.inputs.samples {
            Some(samples) => Drawn::new(samples, name, self.inputs.scores)?,
            None => None,
        };
        let exact = self.inputs.single_correct_response;
        let weights = self.design.weights;
        let point = |&k: &u64| {
            let sampled = drawn
                .as_ref()
                .map(|drawn| drawn.pass(k, self.confidence))
                .transpose()?;
            let exact = exact.then(|| exact_pass(log_q, weights, k)).transpose()?;
            Ok(PassPoint {
                k,
                exact,
                sampled: sampled.flatten(),
            })
        };
        self.passes.iter().map(point).collect()
    }
}

/// `mean(1 - (1 - q)^k)` over the rows, weighted.
fn exact_pass(log_q: &[f64], weights: Option<&[f64]>, k: u64) -> breadth_stats::Result<f64> {
    let pass = |&log_q: &f64| breadth_stats::pass_at_n_exact(log_q, k as f64);
    let passes = log_q.iter().map(pass).collect::<Result<Vec<f64>, _>>()?;
    let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
    let total: f64 = (0..log_q.len()).map(weight).sum();
    Ok((0..log_q.len()).map(|i| weight(i) * passes[i]).sum::<f64>() / total)
}

/// Weights and clusters of a table; prompts are clusters where some prompt has several rows.
fn design(table: &ScoreTable) -> Design<'_> {
    let several = rows(table).prompts < table.rows();
    Design {
        weights: table.weight.as_deref(),
        clusters: several.then_some(table.prompt.as_slice()),
        ..Design::default()
    }
}

fn rows(table: &ScoreTable) -> Rows {
    let mut prompts = table.prompt.clone();
    prompts.sort_unstable();
    prompts.dedup();
    Rows {
        rows: table.rows(),
        prompts: prompts.len(),
    }
}

/// The levels that are named in tables: half of every k, and the tournament's own.
fn headline(passes: &[u64], level: Level) -> Result<Vec<Level>> {
    let halves = passes
        .iter()
        .filter(|&&k| k >= 2)
        .map(|&k| Level::from_n(k as f64 / 2.0));
    let mut levels = halves.collect::<Result<Vec<_>, _>>()?;
    levels.push(level);
    levels.sort_by(|a, b| a.log_n().total_cmp(&b.log_n()));
    levels.dedup_by(|a, b| (a.log_n() - b.log_n()).abs() < 1e-9);
    Ok(levels)
}

/// Where the profile's curve ends: a little beyond the log-ratio that all but one row in two
/// hundred stay below, for every checkpoint. The few rows above it would squeeze the rest into a
/// corner.
fn last_log_n(scores: &ScoreTable, log_p: &[f64], names: &[String], level: Level) -> Result<f64> {
    let mut last = level.log_n() + 4f64.ln();
    for name in names {
        let log_q = scores.column(name)?;
        let ratios = log_p
            .iter()
            .zip(log_q)
            .map(|(&p, &q)| breadth_stats::log_ratio(p, q));
        let mut finite: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        let most = finite.len().saturating_sub(1 + finite.len() / 200);
        last = last.max(finite.get(most).map_or(0.0, |ratio| 1.05 * ratio));
    }
    Ok(last.min(LAST_LOG_N))
}

fn grid(last: f64) -> Result<Vec<Level>> {
    let log_n = |i: usize| last * i as f64 / GRID as f64;
    Ok((0..=GRID)
        .map(|i| Level::from_log_n(log_n(i)))
        .collect::<Result<Vec<_>, _>>()?)
}

fn first_minimum(values: &[f64]) -> usize {
    let order = |&a: &usize, &b: &usize| values[a].total_cmp(&values[b]);
    (0..values.len()).min_by(order).unwrap_or(0)
}
