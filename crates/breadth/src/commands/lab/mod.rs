//! `breadth lab`: the statements of the paper, measured.

mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use breadth_data::atomic::{self, NewFolders};
use breadth_data::refuse_folder;
use breadth_lab::{
    Measured, MeasuredDocument, Results, Size, Statement, StatementDocument, Verdict, all, choose,
    words,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  # what there is, and what came out of it last
  breadth lab list

  # measure two statements, and look at the numbers behind one
  breadth lab run d1 headline
  breadth lab show headline

  # measure all; exit status 1 if one fails
  breadth lab check

  # the page: every claim with its correction, picture and verdict
  breadth lab page

  # a figure of the paper on a larger model, ten minutes at a time
  breadth lab run fig1 --size medium --slice 10

Measurements are kept as Parquet files, one for each statement, and made again when what they depend on has changed. The training \
runs of the figures are kept beside them, in runs/, and go on where they were stopped.";

/// Measure every statement of the coverage paper, and check what comes out
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// List the statements with their last verdicts
    List(Scale),
    /// Measure statements and keep the results
    Run(Sliced),
    /// Measure statements; exit status 1 if one fails, a warning if one is inconclusive
    Check(Run),
    /// Print a stored measurement with the tables behind it
    Show(Show),
    /// Write one HTML page of all statements
    Page(Page),
}

/// How much is measured, with which draws, and where it is kept.
#[derive(Debug, Args)]
struct Scale {
    /// How much: small, medium (ten times the seeds and one more factor of four; figures: larger
    /// models, several seeds), or paper (figures: the paper's own settings)
    #[arg(long, value_name = "SIZE", default_value = "small", value_parser = size)]
    size: Size,
    /// The seed of all random streams
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,
    /// The folder of the results
    #[arg(long, value_name = "DIR", default_value = "breadth-lab")]
    results: PathBuf,
}

#[derive(Debug, Args)]
struct Run {
    /// The statements [default: all]
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    scale: Scale,
    /// Measure at so many seeds, from --seed on
    #[arg(long, value_name = "K", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Measure again what is stored and current
    #[arg(long)]
    again: bool,
}

#[derive(Debug, Args)]
struct Sliced {
    #[command(flatten)]
    run: Run,
    /// Stop training after so many minutes; the same command goes on from there
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    slice: Option<Duration>,
}

#[derive(Debug, Args)]
struct Show {
    /// The statement
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    scale: Scale,
}

#[derive(Debug, Args)]
struct Page {
    #[command(flatten)]
    scale: Scale,
    /// Write every picture as a file of its own, too
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Where the page goes [default: lab.html in the folder of the results]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    statement: StatementDocument,
    /// The last verdict; `null` where there is none.
    verdict: Option<&'static str>,
    is_current: bool,
}

#[derive(Serialize)]
struct Document<T> {
    schema: u32,
    command: &'static str,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
struct Measurements {
    headline: String,
    measured: Vec<MeasuredDocument>,
    /// Those whose training goes on with the next call.
    unfinished: Vec<&'static str>,
}

#[derive(Serialize)]
struct Written {
    headline: String,
    output: PathBuf,
    svg: Vec<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    match &arguments.task {
        Task::List(scale) => list(scale, output),
        Task::Run(Sliced { run, slice }) => measure(run, *slice, "lab run", output).map(drop),
        Task::Check(run) => check(run, output),
        Task::Show(show) => self::show(show, output),
        Task::Page(page) => self::page(page, output),
    }
}

fn size(text: &str) -> Result<Size, String> {
    Size::named(text).ok_or_else(|| "write small, medium or paper".to_owned())
}

fn minutes(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(|minutes: f64| 60.0 * minutes);
    seconds
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "write a number of minutes, such as 10 or 0.5".to_owned())
}

fn chosen(ids: &[String]) -> Result<Vec<&'static Statement>> {
    choose(ids).map_err(|id| anyhow!("no statement `{id}`; `breadth lab list` names them all"))
}

impl Scale {
    fn results(&self) -> Results {
        Results::new(&self.results)
    }

    fn stored(&self, statement: &Statement) -> Option<Measured> {
        self.results().stored(statement.id, self.size, self.seed)
    }
}

fn list(scale: &Scale, output: &Output) -> Result<()> {
    let listed = |statement: &Statement| {
        let stored = scale.stored(statement);
        Listed {
            statement: statement.into(),
            verdict: stored.as_ref().map(|measured| measured.verdict().name()),
            is_current: stored.is_some_and(|measured| measured.is_current()),
        }
    };
    #[derive(Serialize)]
    struct Statements {
        statements: Vec<Listed>,
    }
    let statements = all().map(listed).collect();
    let document = Document {
        schema: 1,
        command: "lab list",
        rest: Statements { statements },
    };
    let all: Vec<&Statement> = all().collect();
    let table = words::listing(&all, &scale.results(), (scale.size, scale.seed));
    output.result(&document, |style| text::list(table, style))
}

/// Measures, prints, and returns what came out.
fn measure(
    run: &Run,
    slice: Option<Duration>,
    command: &'static str,
    output: &Output,
) -> Result<Vec<Measured>> {
    let statements = chosen(&run.ids)?;
    let results = run.scale.results();
    let remarks = *output;
    let runs = results
        .runs()
        .until(slice.and_then(|slice| Instant::now().checked_add(slice)))
        .remarking(move |remark| remarks.remark(remark));
    let (mut measured, mut unfinished) = (Vec::new(), Vec::new());
    let number = statements.len().saturating_mul(run.seeds as usize);
    let finished = AtomicUsize::new(0);
    for seed in run.scale.seed..run.scale.seed.saturating_add(run.seeds) {
        let cell = (run.scale.size, seed);
        let done = |measured: &Measured| {
            let at = 1 + finished.fetch_add(1, Ordering::Relaxed);
            output.remark(&text::done(measured, (at, number)));
        };
        let measure = |part: &[&Statement]| results.measure(part, &runs, cell, run.again, done);
        // What takes seconds is kept before the trainings begin, which take minutes.
        let (trained, computed): (Vec<&Statement>, Vec<&Statement>) = statements
            .iter()
            .copied()
            .partition(|one| matches!(one.run, breadth_lab::Run::Trained(_)));
        let mut of: BTreeMap<&str, _> = BTreeMap::new();
        for part in [computed, trained] {
            of.extend(part.iter().map(|one| one.id).zip(measure(&part)?));
        }
        for statement in &statements {
            let one = of.get(statement.id).cloned().flatten();
            if one.as_ref().is_none_or(|one| !one.is_finished) {
                unfinished.push(statement.id);
            }
            measured.extend(one);
        }
    }
    if !unfinished.is_empty() {
        let ids = unfinished.join(", ");
        output.remark(&format!(
            "not finished in this time: {ids}; the same command goes on from there"
        ));
    }
    let document = Document {
        schema: 1,
        command,
        rest: Measurements {
            headline: text::headline(&measured),
            measured: measured.iter().map(MeasuredDocument::from).collect(),
            unfinished,
        },
    };
    output.result(&document, |style| text::measured(&measured, style))?;
    Ok(measured)
}

fn check(run: &Run, output: &Output) -> Result<()> {
    let measured = measure(run, None, "lab check", output)?;
    let named = |verdict| {
        let with = measured
            .iter()
            .filter(|measured| measured.verdict() == verdict);
        let names: Vec<&str> = with.map(|measured| &measured.id[..]).collect();
        names.join(", ")
    };
    let unsure = named(Verdict::Inconclusive);
    if !unsure.is_empty() {
        output.remark(&format!(
            "inconclusive: {unsure}; --size medium measures more"
        ));
    }
    let fails = named(Verdict::Fails);
    if !fails.is_empty() {
        bail!("the measurement contradicts {fails}; `breadth lab show ID` has the numbers");
    }
    Ok(())
}

fn show(show: &Show, output: &Output) -> Result<()> {
    let statement = chosen(std::slice::from_ref(&show.id))?[0];
    let Some(measured) = show.scale.stored(statement) else {
        bail!(
            "{} was not measured at this size and seed; `breadth lab run {0}` does",
            show.id
        );
    };
    let document = Document {
        schema: 1,
        command: "lab show",
        rest: MeasuredDocument::from(&measured),
    };
    output.result(&document, |style| text::show(statement, &measured, style))
}

fn page(page: &Page, output: &Output) -> Result<()> {
    page.output
        .iter()
        .try_for_each(|path| refuse_folder(path))?;
    let stored = |statement: &'static Statement| (statement, page.scale.stored(statement));
    let statements: Vec<_> = all().map(stored).collect();
    let path = match &page.output {
        Some(path) => path.clone(),
        None => page.scale.results.join("lab.html"),
    };
    let verdicts: Vec<_> = statements
        .iter()
        .map(|(_, measured)| measured.as_ref().map(Measured::verdict))
        .collect();
    let measured = statements.iter().filter_map(|(_, one)| one.as_ref());
    atomic::write_bytes(&path, breadth_lab::page(&statements).as_bytes())?;
    let document = Document {
        schema: 1,
        command: "lab page",
        rest: Written {
            headline: words::headline(&verdicts, words::reported(measured)),
            output: path,
            svg: pictures(page.svg.as_deref(), &statements)?,
        },
    };
    output.result(&document, |style| {
        let Written {
            headline,
            output,
            svg,
        } = &document.rest;
        let written = std::iter::once(output).chain(svg);
        let written = written.map(|path| format!("\nwrote {}", path.display()));
        format!("{}{}", style.strong(headline), written.collect::<String>())
    })
}

/// Writes the pictures into a folder, if one is asked for.
fn pictures(
    folder: Option<&Path>,
    statements: &[(&Statement, Option<Measured>)],
) -> Result<Vec<PathBuf>> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let _made = NewFolders::make(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let write = |(stem, svg): (String, String)| {
        let path = folder.join(format!("{stem}.svg"));
        atomic::write_bytes(&path, svg.as_bytes())?;
        Ok(path)
    };
    breadth_lab::svgs(statements)
        .into_iter()
        .map(write)
        .collect()
}
