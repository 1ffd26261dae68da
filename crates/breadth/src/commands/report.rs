//! `breadth report`: one page that says which checkpoint to take and why.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use breadth_analysis::{Report, ReportOptions, Selection};
use breadth_data::{OutputLock, RunFolder, atomic, refuse_overwriting};
use serde::Serialize;

use crate::arguments;
use crate::input::LevelChoice;
use crate::output::Output;
use crate::sequence::{Growth, Sequence};

const EXAMPLES: &str = "\
Examples:
  # runs/demo/report.html
  breadth report runs/demo

  # for Best-of-16, with the figures as SVG files for a paper
  breadth report runs/demo --best-of 16 -o report.html --svg figures

The page is one file that needs no network: the verdict in a sentence, KL and coverage over training, Pass@k against \
both, coverage profiles, the tournament as a heat map, and the tables behind every chart.";

/// The last k of `-k 1,2,..`.
const LAST_K: f64 = 1024.0;

/// Write one self-contained HTML page about a run
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A run folder, as `train` and `demo` leave it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where the page goes [default: report.html in the run folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write every chart as an SVG file into this folder
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    level: LevelChoice,
    /// The k of the Pass@k to show [default: N,2N,3N]
    #[arg(short, value_name = "K,..", allow_hyphen_values = true)]
    k: Option<Sequence>,
    /// The model that stands for the truth [default: the one that the run names, if any]
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    /// The heading of the page
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Confidence of intervals and bands
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = arguments::confidence)]
    confidence: f64,
}

#[derive(Serialize)]
struct Document {
    command: &'static str,
    verdict: String,
    notes: Vec<String>,
    /// What `select --json` says of the same run.
    selection: Selection,
    output: PathBuf,
    svg: Vec<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let run = RunFolder::new(&arguments.folder);
    if let Some(page) = &arguments.output {
        refuse_overwriting(page, &run.inputs())?;
    }
    let page = arguments.output.clone().unwrap_or_else(|| run.report());
    let lock = OutputLock::hold(&page)?;
    let report = breadth_analysis::from_run(&arguments.folder, &arguments.options()?)?;
    lock.remove_dead()?;
    atomic::write_bytes(&page, breadth_report::html(&report)?.as_bytes())?;
    let svg = match &arguments.svg {
        Some(folder) => write_svgs(folder, &report)?,
        None => Vec::new(),
    };
    let verdict = report.headline();
    let document = Document {
        command: "report",
        verdict,
        notes: report.notes(),
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

impl Arguments {
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

fn write_svgs(folder: &Path, report: &Report) -> Result<Vec<PathBuf>> {
    let shown = folder.display();
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {shown} for the charts"))?;
    let mut written = Vec::new();
    for (stem, svg) in breadth_report::svgs(report) {
        let path = folder.join(format!("{stem}.svg"));
        OutputLock::write(&path, svg.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}
