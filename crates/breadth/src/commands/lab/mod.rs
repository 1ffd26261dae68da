//! `breadth lab`: the statements of the paper, measured.

mod text;

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use breadth_data::atomic;
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

Measurements are kept as Parquet files, one for each statement, and made again when what they depend on has changed.";

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
    Run(Run),
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
    /// How much: small, medium (ten times the seeds, and one more factor of four), or paper
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
}

#[derive(Serialize)]
struct Written {
    headline: String,
    output: PathBuf,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    match &arguments.task {
        Task::List(scale) => list(scale, output),
        Task::Run(run) => measure(run, "lab run", output).map(|_| ()),
        Task::Check(run) => check(run, output),
        Task::Show(show) => self::show(show, output),
        Task::Page(page) => self::page(page, output),
    }
}

fn size(text: &str) -> Result<Size, String> {
    Size::named(text).ok_or_else(|| "write small, medium or paper".to_owned())
}

fn chosen(ids: &[String]) -> Result<Vec<&'static Statement>> {
    choose(ids).map_err(|id| anyhow!("no statement `{id}`; `breadth lab list` names them all"))
}

impl Scale {
    fn results(&self) -> Results {
        Results::new(&self.results)
    }

    fn stored(&self, statement: &Statement) -> Result<Option<Measured>> {
        Ok(self.results().stored(statement.id, self.size, self.seed)?)
    }
}

fn list(scale: &Scale, output: &Output) -> Result<()> {
    let listed = |statement: &Statement| {
        let stored = scale.stored(statement)?;
        Ok(Listed {
            statement: statement.into(),
            verdict: stored.as_ref().map(|measured| measured.verdict().name()),
            is_current: stored.is_some_and(|measured| measured.is_current()),
        })
    };
    #[derive(Serialize)]
    struct Statements {
        statements: Vec<Listed>,
    }
    let statements = all().map(listed).collect::<Result<_>>()?;
    let document = Document {
        schema: 1,
        command: "lab list",
        rest: Statements { statements },
    };
    let all: Vec<&Statement> = all().collect();
    let table = words::listing(&all, &scale.results(), (scale.size, scale.seed))?;
    output.result(&document, |style| text::list(table, style))
}

/// Measures, prints, and returns what came out.
fn measure(run: &Run, command: &'static str, output: &Output) -> Result<Vec<Measured>> {
    let statements = chosen(&run.ids)?;
    let mut measured = Vec::new();
    for seed in run.scale.seed..run.scale.seed.saturating_add(run.seeds) {
        let cell = (run.scale.size, seed);
        let done = |measured: &Measured| output.remark(&text::done(measured));
        measured.extend(
            run.scale
                .results()
                .measure(&statements, cell, run.again, done)?,
        );
    }
    let document = Document {
        schema: 1,
        command,
        rest: Measurements {
            headline: headline(&measured),
            measured: measured.iter().map(MeasuredDocument::from).collect(),
        },
    };
    output.result(&document, |style| text::measured(&measured, style))?;
    Ok(measured)
}

fn headline(measured: &[Measured]) -> String {
    let verdicts: Vec<_> = measured.iter().map(|one| Some(one.verdict())).collect();
    words::headline(&verdicts)
}

fn check(run: &Run, output: &Output) -> Result<()> {
    let measured = measure(run, "lab check", output)?;
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
    let Some(measured) = show.scale.stored(statement)? else {
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
    let stored = |statement: &'static Statement| Ok((statement, page.scale.stored(statement)?));
    let statements = all().map(stored).collect::<Result<Vec<_>>>()?;
    let path = match &page.output {
        Some(path) => path.clone(),
        None => page.scale.results.join("lab.html"),
    };
    let verdicts: Vec<_> = statements
        .iter()
        .map(|(_, measured)| measured.as_ref().map(Measured::verdict))
        .collect();
    atomic::write_bytes(&path, breadth_lab::page(&statements).as_bytes())?;
    let document = Document {
        schema: 1,
        command: "lab page",
        rest: Written {
            headline: words::headline(&verdicts),
            output: path,
        },
    };
    output.result(&document, |style| {
        let Written { headline, output } = &document.rest;
        format!("{}\nwrote {}", style.strong(headline), output.display())
    })
}
