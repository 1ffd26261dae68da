//! From a run folder to a report.

use std::path::{Path, PathBuf};

use breadth_data::{Metrics, ReadOptions, RunFolder, RunManifest, SampleTable, ScoreTable};

use super::document::Report;
use super::options::ReportOptions;
use super::tables::{ReportInputs, summarize};
use crate::error::Result;

/// Reads a run folder and computes its report.
///
/// It reads `run.json`, `scores.parquet`, and where they exist `selection.parquet` (rows for the
/// tournament), `samples.parquet` (for the sampled Pass@k) and `metrics.parquet` (training loss).
/// Only rows whose source is `data` count.
///
/// # Errors
/// A missing or damaged file, and whatever [`summarize`] refuses.
pub fn from_run(dir: &Path, options: &ReportOptions) -> Result<Report> {
    let folder = RunFolder::new(dir);
    let run = folder.manifest()?;
    let scores = read_scores(folder.scores())?;
    let selection = present(folder.selection()).map(read_scores).transpose()?;
    let samples = present(folder.samples())
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
    if let Some(path) = present(folder.metrics()) {
        report.training_loss = training_loss(&Metrics::read(&path)?);
    }
    report.provenance = provenance(&run, dir);
    Ok(report)
}

fn present(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
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

fn provenance(run: &RunManifest, dir: &Path) -> Vec<(String, String)> {
    let folder = dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let facts = [
        ("Command", known(&run.command)),
        ("Version", known(&run.version)),
        ("Seed", run.seed.map(|seed| seed.to_string())),
        ("Run folder", folder),
    ];
    let known = facts
        .into_iter()
        .filter_map(|(what, value)| Some((what.to_string(), value?)));
    known.collect()
}
