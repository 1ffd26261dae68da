//! The questions of `breadth-analysis`: options in, documents out.

use std::path::PathBuf;

use breadth_analysis::{
    Candidates, PassOptions, Plan, ProfileOptions, Rates, ReachOptions, ReportOptions, RowDesign,
    Samples, Scores, SelectOptions, Selection, SelectionRule,
};
use breadth_data::{OutputLock, ReadOptions, RunFolder, check_column};
use breadth_report::{Drawing, draw_pass, draw_profile, draw_reach, draw_selection};
use breadth_stats::Level;
use pyo3::prelude::*;
use serde::Serialize;

use crate::errors::{Error, Result, named};
use crate::table::{Table, needed};
use crate::work::detached;

/// A document as JSON, its sentences (the headline first, empty where there is none), remarks of
/// the readers, and its charts: title, caption and SVG.
type Answer = (String, Vec<String>, Vec<String>, Vec<Chart>);

type Chart = (String, String, String);

/// How the level N is said: at most one of the three.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct LevelChoice {
    best_of: Option<f64>,
    n: Option<f64>,
    log_n: Option<f64>,
}

/// The N of a tournament when nobody says: that of Best-of-8.
const DEFAULT_N: f64 = 4.0;

impl LevelChoice {
    fn level(&self) -> Result<Level> {
        let bad = |text: String| Error::Value(text);
        match (self.best_of, self.n, self.log_n) {
            (Some(k), None, None) if k.is_nan() || k < 2.0 => Err(bad(format!(
                "best_of={k}: a choice needs at least 2 samples"
            ))),
            (Some(k), None, None) => level(k / 2.0),
            (None, Some(n), None) => level(n),
            (None, None, Some(log_n)) => log_level(log_n),
            (None, None, None) => level(DEFAULT_N),
            _ => Err(bad("give one of best_of, n and log_n".into())),
        }
    }
}

fn level(n: f64) -> Result<Level> {
    let why = format!("n={n}: a level is a finite number N >= 1; past 1e308 give log_n");
    Level::from_n(n).map_err(|_| Error::Value(why))
}

fn log_level(log_n: f64) -> Result<Level> {
    let why = format!("log_n={log_n}: a level is a finite number of nats >= 0");
    Level::from_log_n(log_n).map_err(|_| Error::Value(why))
}

/// What every question about tables takes.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Common {
    group_weights: Vec<(String, f64)>,
    /// Our names of columns with theirs.
    columns: Vec<(String, String)>,
    confidence: f64,
    intersect: bool,
}

impl Common {
    fn options(&self) -> Result<ReadOptions> {
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            let given = self.confidence;
            return Err(Error::Value(format!(
                "confidence={given}: write a number between 0 and 1, such as 0.95"
            )));
        }
        Ok(ReadOptions {
            intersect: self.intersect,
            columns: checked_columns(&self.columns)?,
            ..ReadOptions::default()
        })
    }
}

/// Our names of columns with theirs, if ours are known.
pub fn checked_columns(columns: &[(String, String)]) -> Result<Vec<(String, String)>> {
    for (ours, _) in columns {
        check_column(ours).map_err(|problem| Error::Value(format!("columns: {problem}")))?;
    }
    Ok(columns.to_vec())
}

/// Scores of the data distribution, weighted, with what their reader remarks.
fn scores(table: &Table, options: ReadOptions, common: &Common) -> Result<(Scores, Vec<String>)> {
    let options = ReadOptions {
        source: Some("data".into()),
        ..options
    };
    let table = table.scores(&options)?;
    let remarks = table.remarks.clone();
    Ok((Scores::of(table).weighted(&common.group_weights)?, remarks))
}

/// The reference that is asked for, or that of a run folder where its table has it.
fn reference(named: Option<String>, table: &Table, scores: &Scores) -> Result<Option<String>> {
    let of_run = table.run_folder().map(|run| run.manifest()).transpose()?;
    let of_run = of_run.and_then(|run| run.reference);
    let is_there = |name: &String| scores.table.models.contains(name);
    Ok(named.or_else(|| of_run.filter(is_there)))
}

fn chart(drawing: Drawing) -> Chart {
    (drawing.title, drawing.caption, drawing.svg)
}

fn answer(
    document: &impl Serialize,
    said: Vec<String>,
    remarks: Vec<String>,
    drawings: Vec<Drawing>,
) -> Result<Answer> {
    let json = serde_json::to_string(document);
    let json = json.map_err(|error| Error::Value(error.to_string()))?;
    Ok((
        json,
        said,
        remarks.iter().map(|remark| named(remark)).collect(),
        drawings.into_iter().map(chart).collect(),
    ))
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct SelectChoice {
    rule: Option<String>,
    a: Option<f64>,
    reference: Option<String>,
    against: Option<String>,
    landscape: bool,
}

impl SelectChoice {
    fn rule(&self) -> Result<SelectionRule> {
        let rule = match (&self.against, self.rule.as_deref()) {
            (Some(_), None) => SelectionRule::Against,
            (Some(_), Some(_)) => {
                return Err(Error::Value(
                    "against is a rule of its own: leave out rule".into(),
                ));
            }
            (None, None | Some("tournament")) => SelectionRule::Tournament,
            (None, Some("offset")) => SelectionRule::Offset,
            (None, Some("reach")) => SelectionRule::Reach,
            (None, Some("cross-entropy")) => SelectionRule::CrossEntropy,
            (None, Some(other)) => {
                return Err(Error::Value(format!(
                    "rule={other:?}: the rules are tournament, offset, reach and cross-entropy"
                )));
            }
        };
        if self.a.is_some() && rule != SelectionRule::Offset {
            return Err(Error::Value("a belongs to rule=\"offset\"".into()));
        }
        Ok(rule)
    }
}

/// The verdict over all evidence: the document of `select`.
#[pyfunction]
#[pyo3(signature = (scores, samples, level, choice, common))]
#[expect(private_interfaces, reason = "Python gives dictionaries")]
pub fn select(
    py: Python<'_>,
    scores: Option<Table>,
    samples: Option<Table>,
    level: LevelChoice,
    choice: SelectChoice,
    common: Common,
) -> PyResult<Answer> {
    detached(py, move || {
        let (selection, remarks) = selection(scores, samples, &level, &choice, &common)?;
        let mut said = vec![match &selection.verdict {
            Some(verdict) => verdict.sentence(),
            None => selection.rule_says(),
        }];
        if let Some(verdict) = &selection.verdict {
            said.extend(verdict.notes());
            said.extend((selection.models.len() > 1).then(|| selection.rule_says()));
        }
        said.extend(selection.lowest_loss_says());
        said.extend(selection.findings());
        said.extend(selection.landscape_notes.iter().cloned());
        said.extend(selection.notes.iter().cloned());
        answer(&selection, said, remarks, draw_selection(&selection))
    })
}

fn selection(
    given: Option<Table>,
    samples: Option<Table>,
    level: &LevelChoice,
    choice: &SelectChoice,
    common: &Common,
) -> Result<(Selection, Vec<String>)> {
    let (level, rule) = (level.level()?, choice.rule()?);
    let asked = SelectOptions {
        rule,
        level,
        a: choice.a,
        confidence: common.confidence,
    };
    if let Some(run) = given.as_ref().and_then(Table::run_folder) {
        let is_plain = rule == SelectionRule::Tournament && samples.is_none();
        if !is_plain || common.intersect || !common.group_weights.is_empty() || choice.landscape {
            return Err(Error::Value(
                "a run folder says itself what its tables are: give its tables for other questions"
                    .into(),
            ));
        }
        let report = breadth_analysis::from_run(run.path(), &report_options(asked, choice, None))?;
        let selection = report.selection;
        let selection = selection.ok_or_else(|| Error::Value("the run has no scores".into()))?;
        return Ok((selection, Vec::new()));
    }
    let left_out = choice.against.as_deref().or(choice.reference.as_deref());
    let (candidates, remarks) = candidates(given, samples, (rule, left_out), common)?;
    let mut selection = candidates.selection(asked)?;
    if choice.landscape {
        selection.add_landscape(candidates.landscape(asked)?);
    }
    Ok((selection, remarks))
}

/// What is compared: scores, graded samples or both, weighted; and what their reader remarks.
fn candidates(
    given: Option<Table>,
    samples: Option<Table>,
    (rule, left_out): (SelectionRule, Option<&str>),
    common: &Common,
) -> Result<(Candidates, Vec<String>)> {
    let options = common.options()?;
    let (given, samples) = match (given, samples) {
        (Some(given), None) => given.split(&options),
        both => both,
    };
    let mut remarks = Vec::new();
    let candidates = match (given, samples) {
        (None, Some(samples)) if rule == SelectionRule::Tournament => {
            let options = ReadOptions {
                answers: left_out.is_some(),
                ..options
            };
            let table = samples.samples(&options)?;
            remarks.extend(table.remarks.clone());
            Candidates::of_answers(&table, left_out)?
        }
        (given, None) if rule == SelectionRule::Offset => {
            let options = ReadOptions {
                without: left_out.map(str::to_owned),
                ..options
            };
            let table = needed(given, "scores")?.scores(&options)?;
            remarks.extend(table.remarks.clone());
            Candidates::of_scores_and_own_samples(&table)?
        }
        (given, samples) => {
            let of_data = ReadOptions {
                source: Some("data".into()),
                ..options.clone()
            };
            let table = needed(given, "scores")?.scores(&of_data)?;
            remarks.extend(table.remarks.clone());
            let graded = match samples {
                None => None,
                Some(samples) => {
                    let table = samples.samples(&options)?;
                    remarks.extend(table.remarks.clone());
                    Some(Samples::new(table, &common.group_weights)?)
                }
            };
            Candidates::of_scores(Scores::of(table), left_out)?.with_samples(graded)
        }
    };
    Ok((candidates.weighted(&common.group_weights)?, remarks))
}

fn report_options(
    asked: SelectOptions,
    choice: &SelectChoice,
    title: Option<String>,
) -> ReportOptions {
    ReportOptions {
        level: asked.level,
        confidence: asked.confidence,
        passes: Vec::new(),
        reference: choice.reference.clone(),
        title,
    }
}

/// Writes the page about tables, or about a run folder.
#[pyfunction]
#[pyo3(signature = (scores, samples, path, title, level, choice, common))]
#[expect(clippy::too_many_arguments, reason = "Python gives dictionaries")]
#[expect(private_interfaces, reason = "Python gives dictionaries")]
pub fn report(
    py: Python<'_>,
    scores: Option<Table>,
    samples: Option<Table>,
    path: PathBuf,
    title: Option<String>,
    level: LevelChoice,
    choice: SelectChoice,
    common: Common,
) -> PyResult<()> {
    detached(py, move || {
        let rule = SelectionRule::Tournament;
        let asked = SelectOptions {
            rule,
            level: level.level()?,
            a: None,
            confidence: common.confidence,
        };
        let page = report_options(asked, &choice, title);
        let run = scores.as_ref().and_then(Table::run_folder);
        let report = match run {
            Some(run) => breadth_analysis::from_run(run.path(), &page)?,
            None => {
                let left_out = choice.reference.as_deref();
                let (candidates, _) = candidates(scores, samples, (rule, left_out), &common)?;
                breadth_analysis::summarize_candidates(&candidates, &page)?
            }
        };
        Ok(OutputLock::write(
            &path,
            breadth_report::html(&report)?.as_bytes(),
        )?)
    })
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ProfileChoice {
    reference: Option<String>,
    models: Vec<String>,
    baseline: Option<String>,
    n: Vec<f64>,
    log_n: Vec<f64>,
    tokens: bool,
}

/// The coverage profile of models against a reference.
#[pyfunction]
#[expect(private_interfaces, reason = "Python gives dictionaries")]
pub fn profile(
    py: Python<'_>,
    table: Table,
    choice: ProfileChoice,
    common: Common,
) -> PyResult<Answer> {
    detached(py, move || {
        let of_n = choice.n.iter().map(|&n| level(n));
        let of_log_n = choice.log_n.iter().map(|&log_n| log_level(log_n));
        let levels = of_n.chain(of_log_n).collect::<Result<Vec<_>>>()?;
        let options = ReadOptions {
            token_logprobs: choice.tokens,
            ..common.options()?
        };
        let of_run = table.run_folder().map(|run| run.manifest()).transpose()?;
        let reference = choice.reference.or(of_run.and_then(|run| run.reference));
        let reference = reference.ok_or_else(|| {
            Error::Value("name the model that stands for the truth: reference=..".into())
        })?;
        let (scores, remarks) = scores(&table, options, &common)?;
        let document = breadth_analysis::profile(
            &scores,
            &ProfileOptions {
                reference: &reference,
                models: &choice.models,
                baseline: choice.baseline.as_deref(),
                levels: &levels,
                tokens: choice.tokens,
                confidence: common.confidence,
                losses: None,
            },
        )?;
        // No one sentence says all of it.
        let mut said = vec![String::new()];
        said.extend(document.remarks());
        said.extend(document.guarantees());
        answer(&document, said, remarks, draw_profile(&document))
    })
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ReachChoice {
    k: Vec<f64>,
    budget: f64,
    reference: Option<String>,
}

/// What k samples find for certain.
#[pyfunction]
#[pyo3(signature = (scores, samples, choice, common))]
#[expect(private_interfaces, reason = "Python gives dictionaries")]
pub fn reach(
    py: Python<'_>,
    scores: Option<Table>,
    samples: Option<Table>,
    choice: ReachChoice,
    common: Common,
) -> PyResult<Answer> {
    detached(py, move || {
        let options = common.options()?;
        if let Some(k) = choice.k.iter().find(|k| !(k.is_finite() && **k >= 1.0)) {
            return Err(Error::Value(format!(
                "k={k} is not a number of samples, at least 1"
            )));
        }
        let given = choice.budget;
        let budget = Level::from_n(given).map_err(|_| {
            Error::Value(format!(
                "budget={given}: samples, a finite number of at least 1"
            ))
        })?;
        let (given, samples) = match (scores, samples) {
            (Some(given), None) => given.split(&options),
            both => both,
        };
        let given = needed(given, "scores")?;
        let with_tokens = ReadOptions {
            token_logprobs: true,
            ..options.clone()
        };
        // Tokens that only some rows have are no reason to refuse what needs none.
        let (scores, mut remarks) = self::scores(&given, with_tokens, &common)
            .or_else(|error| self::scores(&given, options.clone(), &common).map_err(|_| error))?;
        let left_out = reference(choice.reference, &given, &scores)?;
        let samples = samples
            .map(|samples| samples.samples(&options))
            .transpose()?;
        remarks.extend(samples.iter().flat_map(|samples| samples.remarks.clone()));
        let document = breadth_analysis::reach(
            &scores,
            samples.as_ref(),
            &ReachOptions {
                ks: &choice.k,
                budget,
                left_out: left_out.as_deref(),
                confidence: common.confidence,
            },
        )?;
        let mut said = vec![document.sentence()];
        said.extend(document.elsewhere());
        said.extend(document.notes.iter().cloned());
        answer(&document, said, remarks, draw_reach(&document))
    })
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PassChoice {
    k: Vec<u64>,
    all_of: bool,
    majority: bool,
    solved: Option<f64>,
    extrapolate: Option<String>,
}

/// How often the best of k samples is right.
#[pyfunction]
#[expect(private_interfaces, reason = "Python gives dictionaries")]
pub fn pass_at(
    py: Python<'_>,
    table: Table,
    choice: PassChoice,
    common: Common,
) -> PyResult<Answer> {
    detached(py, move || {
        let extrapolate = match choice.extrapolate.as_deref() {
            None => None,
            Some("any") => Some(Rates::Any),
            Some("beta") => Some(Rates::Beta),
            Some(other) => {
                return Err(Error::Value(format!(
                    "extrapolate={other:?}: write any or beta"
                )));
            }
        };
        let options = ReadOptions {
            answers: choice.majority,
            ..common.options()?
        };
        let run = table.run_folder();
        let run = run.filter(|run| common.group_weights.is_empty() && run.scores().is_file());
        let more = choice.all_of || choice.majority || choice.solved.is_some();
        if run.is_some() && (more || extrapolate.is_some()) {
            return Err(Error::Value(
                "all_of, majority, solved and extrapolate count every prompt the same, a run \
                 folder does not: give its samples.parquet itself"
                    .into(),
            ));
        }
        let as_scored = run.as_ref().map(as_scored).transpose()?;
        let samples = table.samples(&options)?;
        let document = breadth_analysis::pass_at(
            &samples,
            &PassOptions {
                ks: &choice.k,
                all_of: choice.all_of,
                majority: choice.majority,
                solved: choice.solved,
                extrapolate,
                confidence: common.confidence,
                group_weights: &common.group_weights,
                as_scored: as_scored.as_ref(),
            },
        )?;
        let drawings = draw_pass(&document);
        let mut said = vec![document.sentence().unwrap_or_default()];
        said.extend(document.solved_say());
        said.extend(document.remarks());
        answer(&document, said, samples.remarks, drawings)
    })
}

/// The scores of a run folder, which say how much each prompt counts.
fn as_scored(run: &RunFolder) -> Result<breadth_data::ScoreTable> {
    let options = ReadOptions {
        source: Some("data".into()),
        ..ReadOptions::default()
    };
    Ok(breadth_data::ScoreTable::read(&[run.scores()], &options)?)
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PlanChoice {
    reference: Option<String>,
    certify: Option<f64>,
    coverage: f64,
    separate: Option<(f64, f64)>,
    models: usize,
    see: Option<f64>,
    per_prompt: u64,
    correlation: f64,
    power: f64,
}

/// How many rows and samples a question needs.
#[pyfunction]
#[pyo3(signature = (pilot, level, choice, common))]
#[expect(private_interfaces, reason = "Python gives dictionaries")]
pub fn plan(
    py: Python<'_>,
    pilot: Option<Table>,
    level: LevelChoice,
    choice: PlanChoice,
    common: Common,
) -> PyResult<Answer> {
    detached(py, move || {
        let options = common.options()?;
        if !(choice.power > 0.0 && choice.power < 1.0) {
            let given = choice.power;
            return Err(Error::Value(format!(
                "power={given}: write a number between 0 and 1, such as 0.9"
            )));
        }
        let mut plan = Plan::new(common.confidence, choice.power);
        let mut remarks = Vec::new();
        if let Some(pilot) = pilot {
            let (scores, found) = scores(&pilot, options, &common)?;
            remarks = found;
            let reference = choice.reference.as_deref();
            plan.of_pilot(&scores, level.level()?, reference, choice.certify)?;
        } else {
            let design = RowDesign::new(choice.per_prompt, choice.correlation)?;
            if let Some(e) = choice.certify {
                plan.certify(choice.coverage, e, design)?;
            }
            if let Some(shares) = choice.separate {
                if choice.models < 2 {
                    return Err(Error::Value("models: at least two compete".into()));
                }
                plan.separate(shares, choice.models, design)?;
            }
        }
        if let Some(n) = choice.see {
            plan.see(n)?;
        }
        if plan.plans.is_empty() {
            return Err(Error::Value(
                "nothing to plan: give a pilot table, certify, separate or see".into(),
            ));
        }
        answer(&plan, plan.sentences(), remarks, Vec::new())
    })
}
