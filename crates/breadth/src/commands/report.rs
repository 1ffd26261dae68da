//! `breadth report`: one page that says which checkpoint to take and why.

use std::path::{Path, PathBuf};
use std::slice;

use anyhow::{Context, Result, anyhow, bail};
use breadth_analysis::{
    Candidates, Report, ReportOptions, Samples, Selection, SelectionRule, summarize_candidates,
    summarize_samples,
};
use breadth_data::atomic::{self, NewFolders};
use breadth_data::{OutputLock, RunFolder, Table, refuse_folder, refuse_overwriting};
use serde::Serialize;

use crate::arguments;
use crate::evidence;
use crate::input::{self, LevelChoice, Reading, Tables};
use crate::losses::LossChoice;
use crate::output::Output;
use crate::sequence::{Growth, Sequence};

const EXAMPLES: &str = "\
Examples:
  # report.html from log-probabilities, from graded samples, or from both
  breadth report scores.parquet --best-of 16
  breadth report --samples samples.jsonl
  breadth report scores.parquet samples.parquet --reference teacher \\
    --trainer-state runs/finetune

  # from other tools' logs
  breadth report validation/*.eval

  # runs/demo/report.html, from what a run left
  breadth report runs/demo

  # with the figures as SVG files for a paper
  breadth report scores.parquet --best-of 16 -o page.html --svg figures

The page is one file that needs no network: the verdict of select in a sentence, loss, coverage and Pass@k over \
training, what predicts Pass@k, coverage profiles, the tournament as a heat map, and the tables behind every chart. \
What the tables hold nothing of is left out, with the command that would add it: KL and coverage need --reference, \
Pass@k needs graded samples, the tournament over responses needs scores.";

/// The last k of `-k 1,2,..`.
const LAST_K: f64 = 1024.0;

/// Write one self-contained HTML page about tables, logs or a run
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Score tables, sample tables, other tools' logs (see import), in any mixture; files, globs,
    /// folders; or a run folder, as `train` and `demo` leave it
    #[arg(value_name = "TABLE", required_unless_present = "samples")]
    paths: Vec<PathBuf>,
    /// Graded samples; the same as naming them without this, but for standard input (`-`), which
    /// is otherwise taken for scores
    #[arg(long, value_name = "TABLE")]
    samples: Vec<PathBuf>,
    #[command(flatten)]
    how: Reading,
    /// Where the page goes [default: report.html here, or in the run folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write every chart as an SVG file into this folder
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    level: LevelChoice,
    /// The k of the Pass@k to show [default: N,2N,3N as far as the samples go]
    #[arg(short, value_name = "K,..", allow_hyphen_values = true)]
    k: Option<Sequence>,
    /// The model that stands for the truth: the teacher, or the exact law [default: the one that
    /// the run names, if any]
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    #[command(flatten)]
    losses: LossChoice,
    /// The heading of the page
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Confidence of intervals and bands
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = arguments::confidence)]
    confidence: f64,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    command: &'static str,
    verdict: String,
    notes: Vec<String>,
    /// What `select --json` says of the same tables; none for samples alone whose rewards are not
    /// 0 and 1.
    selection: Option<Selection>,
    /// What the page lacks, with the command that would add it.
    left_out: Vec<String>,
    output: PathBuf,
    svg: Vec<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let (tables, run) = arguments.inputs()?;
    let beside = match &run {
        Some(run) => run.report(),
        None => "report.html".into(),
    };
    if arguments.output.is_none() && beside.is_symlink() {
        bail!(
            "{}: is a link, and the page would be written where it leads; remove it, or say where with -o",
            beside.display()
        );
    }
    let page = arguments.output.clone().unwrap_or(beside);
    let inputs = arguments.not_to_be_overwritten(&tables, run.as_ref());
    refuse(&page, &inputs)?;
    arguments.svg.iter().try_for_each(|svg| refuse_file(svg))?;
    let report = match &run {
        Some(run) => {
            input::is_made(slice::from_ref(&run.path().to_owned()), Table::Scores)?;
            arguments.of_run(run)?
        }
        None => arguments.of_tables(&tables, output)?,
    };
    let charts = match &arguments.svg {
        Some(folder) => charts(folder, &report),
        None => Vec::new(),
    };
    for (path, _) in &charts {
        refuse(path, &inputs)?;
        if std::path::absolute(path)? == std::path::absolute(&page)? {
            bail!(
                "{}: the page and a chart cannot be one file",
                page.display()
            );
        }
    }
    let html = breadth_report::html(&report)?;
    let lock = OutputLock::hold(&page)?;
    lock.remove_dead()?;
    let svg = match &arguments.svg {
        Some(folder) => write_charts(folder, charts)?,
        None => Vec::new(),
    };
    // Last: where the page is, its charts are too.
    atomic::write_bytes(&page, html.as_bytes())?;
    let verdict = report.headline();
    let document = Document {
        schema: 1,
        command: "report",
        verdict,
        notes: report.notes(),
        left_out: report.left_out(),
        selection: report.selection,
        output: page,
        svg,
    };
    output.result(&document, |style| {
        let written = std::iter::once(&document.output).chain(&document.svg);
        let files = written.map(|path| format!("wrote {}", path.display()));
        std::iter::once(style.strong(&document.verdict))
            .chain(document.notes.iter().cloned())
            .chain(files)
            .collect::<Vec<_>>()
            .join("\n")
    })
}

/// The name of an input on the page: without the folders around it, which may be private.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

impl Arguments {
    /// The tables, and the run folder if that is what was given: it says itself what its tables
    /// are.
    fn inputs(&self) -> Result<(Tables, Option<RunFolder>)> {
        let tables = Tables {
            paths: self.paths.clone(),
            samples: self.samples.clone(),
            how: self.how.clone(),
        };
        let run = tables.run_folder();
        let is_plain = self.samples.is_empty() && self.how.is_default();
        if let Some(run) = run.as_ref().filter(|_| !is_plain) {
            let folder = run.path().display();
            bail!(
                "{folder} is a run folder, which says itself what its tables are: for other samples, weights or rows \
                 give its tables, {folder}/scores.parquet and {folder}/samples.parquet"
            );
        }
        Ok((tables, run))
    }

    fn not_to_be_overwritten(&self, tables: &Tables, run: Option<&RunFolder>) -> Vec<PathBuf> {
        let mut inputs = match run {
            Some(run) => run.inputs(),
            None => [&tables.paths[..], &tables.samples].concat(),
        };
        inputs.extend(self.losses.path().map(Path::to_owned));
        // What stands behind `-` may be a file.
        let of_name = |path: PathBuf| match path.to_str() {
            Some("-") => "/dev/stdin".into(),
            _ => path,
        };
        inputs.into_iter().map(of_name).collect()
    }

    fn of_run(&self, run: &RunFolder) -> Result<Report> {
        let mut report = breadth_analysis::from_run(run.path(), &self.options()?)?;
        let names: Vec<String> = report.checkpoints.iter().map(|c| c.model.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if let Some(losses) = self.losses.read(names.iter().copied())? {
            report.add_losses(&losses, &names);
        }
        Ok(report)
    }

    fn of_tables(&self, tables: &Tables, output: &Output) -> Result<Report> {
        let (options, reference) = (self.options()?, self.reference.as_deref());
        let group_weights = &self.how.group_weights;
        let split = tables.recognised()?;
        let mut report = if evidence::are_samples(&split) {
            let table = evidence::read_answers(tables, reference, output)?;
            let samples = Samples::new(table.clone(), group_weights)?;
            if reference.is_none() && samples.has_partial_rewards() {
                summarize_samples(&samples, &options)?
            } else {
                let candidates = Candidates::of_answers(&table, reference)?;
                self.of_candidates(&candidates.weighted(group_weights)?, &options)?
            }
        } else {
            let rule = SelectionRule::Tournament;
            let candidates = evidence::candidates(tables, split, reference, rule, output)?;
            self.of_candidates(&candidates.weighted(group_weights)?, &options)?
        };
        let files = tables.paths.iter().chain(&tables.samples);
        let names: Vec<String> = files.map(|path| file_name(path)).collect();
        report.provenance = vec![
            ("Tables".into(), names.join(", ")),
            ("Version".into(), env!("CARGO_PKG_VERSION").into()),
        ];
        Ok(report)
    }

    fn of_candidates(&self, candidates: &Candidates, options: &ReportOptions) -> Result<Report> {
        let losses = self.losses.read(candidates.names())?;
        let mut report = summarize_candidates(candidates, options)?;
        if let Some(losses) = losses {
            report.add_losses(&losses, &candidates.names());
        }
        Ok(report)
    }

    fn options(&self) -> Result<ReportOptions> {
        let passes = match &self.k {
            Some(sequence) => sequence
                .terms(Growth::Geometric, LAST_K)
                .map_err(|why| anyhow!("-k: {why}"))?,
            None => Vec::new(),
        };
        Ok(ReportOptions {
            level: self.level.level()?,
            confidence: self.confidence,
            passes: passes
                .into_iter()
                .map(arguments::whole)
                .collect::<Result<_>>()?,
            reference: self.reference.clone(),
            title: self.title.clone(),
        })
    }
}

/// No page and no chart over an input. A folder among the inputs stands for the tables in it, which
/// an earlier page or chart is not.
fn refuse(output: &Path, inputs: &[PathBuf]) -> Result<()> {
    refuse_folder(output)?;
    let is_drawn = matches!(
        output.extension().and_then(|ending| ending.to_str()),
        Some("html" | "svg")
    );
    let inputs = inputs.iter().filter(|input| !(is_drawn && input.is_dir()));
    Ok(refuse_overwriting(
        output,
        &inputs.cloned().collect::<Vec<_>>(),
    )?)
}

/// Charts go into a folder, which may be there already, and nothing else.
fn refuse_file(svg: &Path) -> Result<()> {
    if svg.exists() && !svg.is_dir() {
        bail!(
            "--svg {}: is no folder; name one for the charts",
            svg.display()
        );
    }
    Ok(())
}

/// Every chart with its file in this folder.
fn charts(folder: &Path, report: &Report) -> Vec<(PathBuf, String)> {
    let charts = breadth_report::svgs(report).into_iter();
    charts
        .map(|(stem, svg)| (folder.join(format!("{stem}.svg")), svg))
        .collect()
}

fn write_charts(folder: &Path, charts: Vec<(PathBuf, String)>) -> Result<Vec<PathBuf>> {
    let shown = folder.display();
    let _made = NewFolders::make(folder)
        .with_context(|| format!("cannot create the folder {shown} for the charts"))?;
    let mut written = Vec::new();
    for (path, svg) in charts {
        OutputLock::write(&path, svg.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}
