//! From a run folder to a report.

use std::fs;
use std::path::{Path, PathBuf};

use breadth_data::{Metrics, ReadOptions, SampleTable, ScoreTable};
use serde::Deserialize;

use super::build::{ReportInputs, ReportOptions, summarize};
use super::document::Report;
use crate::error::{Error, Result};

/// The part of `run.json` that a report reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Run {
    command: Option<String>,
    version: Option<String>,
    seed: Option<u64>,
    reference: Option<String>,
    single_correct_response: bool,
}

/// Reads a run folder and computes its report.
///
/// It reads `run.json`, `scores.parquet`, and where they exist `selection.parquet` (rows for the
/// tournament), `samples.parquet` (for the sampled Pass@k) and `metrics.parquet` (training loss).
/// Only rows whose source is `data` count.
///
/// # Errors
/// A missing or damaged file, and whatever [`summarize`] refuses.
pub fn from_run(dir: &Path, options: &ReportOptions) -> Result<Report> {
    let run = read_run(&dir.join("run.json"))?;
    let scores = read_scores(dir.join("scores.parquet"))?;
    let selection = present(dir, "selection.parquet")
        .map(read_scores)
        .transpose()?;
    let samples = present(dir, "samples.parquet")
        .map(|path| SampleTable::read(&[path], &ReadOptions::default()))
        .transpose()?;
    let inputs = ReportInputs {
        scores: &scores,
        selection: selection.as_ref(),
        samples: samples.as_ref(),
        reference: options.reference.as_deref().or(run.reference.as_deref()),
        single_correct_response: run.single_correct_response,
    };
    let mut report = summarize(&inputs, options)?;
    if let Some(path) = present(dir, "metrics.parquet") {
        report.training_loss = training_loss(&Metrics::read(&path)?);
    }
    report.provenance = provenance(&run, dir);
    Ok(report)
}

fn present(dir: &Path, name: &str) -> Option<PathBuf> {
    let path = dir.join(name);
    path.exists().then_some(path)
}

fn read_run(path: &Path) -> Result<Run> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.into(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| Error::RunJson {
        path: path.into(),
        source,
    })
}

fn read_scores(path: PathBuf) -> Result<ScoreTable> {
    let options = ReadOptions {
        source: Some("data".into()),
        ..ReadOptions::default()
    };
    Ok(ScoreTable::read(&[path], &options)?)
}

/// The logged steps that have a loss.
fn training_loss(metrics: &Metrics) -> Vec<(f64, f64)> {
    let (Some(steps), Some(losses)) = (metrics.column("step"), metrics.column("loss")) else {
        return Vec::new();
    };
    let points = steps.iter().copied().zip(losses.iter().copied());
    points
        .filter(|(step, loss)| step.is_finite() && loss.is_finite())
        .collect()
}

fn provenance(run: &Run, dir: &Path) -> Vec<(String, String)> {
    let folder = dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let facts = [
        ("Command", run.command.clone()),
        ("Version", run.version.clone()),
        ("Seed", run.seed.map(|seed| seed.to_string())),
        ("Run folder", folder),
    ];
    let known = facts
        .into_iter()
        .filter_map(|(what, value)| Some((what.to_string(), value?)));
    known.collect()
}
