//! From tables to the candidates that are compared, as `select` and `report` take them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use breadth_analysis::{Candidates, Samples, SelectionRule};
use breadth_data::{ReadOptions, RunFolder, SampleTable, ScoreTable, Table, TablePaths};

use crate::input::{self, Tables, read_samples, read_scores};
use crate::output::{Output, printable_names};

/// The models of samples alone, compared by how often each gives the right answers, or those of
/// the samples of `reference`.
pub fn of_answers(tables: &Tables, reference: Option<&str>, output: &Output) -> Result<Candidates> {
    let samples = read_answers(tables, reference, output)?;
    let candidates = Candidates::of_answers(&samples, reference)?;
    Ok(candidates.weighted(&tables.how.group_weights)?)
}

/// The tables by what they hold; those of a run folder are told by their names.
pub fn split(tables: &Tables) -> TablePaths {
    match tables.run_folder() {
        Some(_) => TablePaths::default(),
        None => tables.split(),
    }
}

/// Whether there are sample tables and no score tables.
pub fn are_samples(split: &TablePaths) -> bool {
    split.scores.is_empty() && !split.samples.is_empty()
}

/// Samples, with their answers where those of a reference count.
pub fn read_answers(
    tables: &Tables,
    reference: Option<&str>,
    output: &Output,
) -> Result<SampleTable> {
    let options = ReadOptions {
        answers: reference.is_some(),
        ..tables.options()
    };
    let paths = [&tables.paths[..], &tables.samples].concat();
    read_samples(&paths, &options, output)
        .context("samples of the models are compared by their rewards or answers")
}

/// The models of the scores with the samples beside them. A run keeps fresh samples for the
/// tournament in a table of their own, and names its reference.
pub fn candidates(
    tables: &Tables,
    split: TablePaths,
    reference: Option<&str>,
    rule: SelectionRule,
    output: &Output,
) -> Result<Candidates> {
    let run = tables.run_folder();
    let manifest = run.as_ref().map(RunFolder::manifest).transpose()?;
    let only_right = manifest
        .as_ref()
        .is_some_and(|manifest| manifest.single_correct_response);
    let fresh = run
        .as_ref()
        .map(RunFolder::selection)
        .filter(|path| path.is_file());
    let paths = match fresh {
        Some(path) => vec![path],
        // A rule of log-probabilities on samples alone is refused by the reader of scores, which
        // says what takes them.
        None if split.scores.is_empty() => tables.paths.clone(),
        None => split.scores,
    };
    let of_run = manifest.and_then(|manifest| manifest.reference);
    input::is_made(&paths, Table::Scores)?;
    if rule == SelectionRule::Offset {
        let reference = reference.map(str::to_owned).or(of_run);
        return with_own_samples(&paths, reference, &tables.options(), output);
    }
    let scores = read_scores(&paths, &tables.options(), output)?;
    // A reference asked for by name must be there; that of a run need not compete in its table.
    let is_there = |name: &String| scores.table.models.contains(name);
    let left_out = reference
        .map(str::to_owned)
        .or_else(|| of_run.filter(is_there));
    let samples = match &run {
        // Where the scored response is the only right one, its probability says more than samples.
        Some(_) if only_right => None,
        Some(run) => samples_of_run(run, tables, output)?,
        None if split.samples.is_empty() => None,
        None => {
            let table = read_samples(&split.samples, &tables.options(), output)?;
            Some(Samples::new(table, &tables.how.group_weights)?)
        }
    };
    Ok(Candidates::of_scores(scores, left_out.as_deref())?
        .with_samples(samples)
        .with_only_right(only_right))
}

/// Data rows, and rows sampled from every candidate.
fn with_own_samples(
    paths: &[PathBuf],
    reference: Option<String>,
    options: &ReadOptions,
    output: &Output,
) -> Result<Candidates> {
    let options = ReadOptions {
        without: reference,
        ..options.clone()
    };
    let mut all = ScoreTable::read(paths, &options)?;
    printable_names(&mut all.models);
    output.remarks(&all.remarks);
    Ok(Candidates::of_scores_and_own_samples(&all)?)
}

/// The samples of a run folder, whose scores say what each prompt counts.
fn samples_of_run(run: &RunFolder, tables: &Tables, output: &Output) -> Result<Option<Samples>> {
    if !run.samples().is_file() {
        return Ok(None);
    }
    let table = read_samples(&[run.samples()], &tables.options(), output)?;
    let scores = (run.scores().is_file())
        .then(|| ScoreTable::read(&[run.scores()], &tables.options()))
        .transpose()?;
    let samples = Samples::new(table, &tables.how.group_weights)?;
    Ok(Some(samples.weighted_as(scores.as_ref())?))
}
