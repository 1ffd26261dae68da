//! `breadth train --compare`: several ways of training, measured alike, side by side.

use std::path::Path;

use anyhow::{Context, Result, bail};
use breadth_analysis::{ComparedRun, ComparisonRow, Report, ReportOptions};
use breadth_data::{OutputLock, RunFolder};
use breadth_lm::train::{TrainConfig, resume_remark, train};
use breadth_stats::Level;
use serde::Serialize;

use super::arguments::Arguments;
use crate::command_line;
use crate::input;
use crate::measure::Measure;
use crate::output::{Output, Style};
use crate::progress::Bar;

#[derive(Serialize)]
struct Document {
    schema: u32,
    command: &'static str,
    n: f64,
    report: std::path::PathBuf,
    runs: Vec<ComparisonRow>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let out = arguments
        .out
        .as_deref()
        .context("--compare needs --out DIR")?;
    let compare = Compare {
        out,
        level: input::level_from_n(arguments.n)?,
        command: command_line::text(),
        output,
    };
    let named: Vec<(String, TrainConfig)> = arguments
        .configs
        .iter()
        .map(|path| named(path))
        .collect::<Result<_>>()?;
    if let Some((name, _)) = named.iter().enumerate().find_map(|(at, one)| {
        named[..at]
            .iter()
            .any(|other| other.0 == one.0)
            .then_some(one)
    }) {
        bail!("two configurations are named `{name}`; give their files names of their own");
    }
    let then = arguments.then.as_deref().map(named_config).transpose()?;
    let mut runs = Vec::new();
    for (name, config) in &named {
        let first = arguments.seed.unwrap_or(config.seed);
        for seed in first..first.saturating_add(arguments.seeds) {
            runs.push(compare.one(name, config, seed, then.as_ref())?);
        }
    }
    let page = out.join("report.html");
    let html = breadth_report::comparison_html("Ways of training, side by side", &runs)?;
    OutputLock::write(&page, html.as_bytes())?;
    let document = Document {
        schema: 1,
        command: "train",
        n: arguments.n,
        report: page,
        runs: breadth_analysis::comparison(&runs),
    };
    output.result(&document, |style| text(&runs, &document, style))
}

fn named(path: &Path) -> Result<(String, TrainConfig)> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok((name.into_owned(), named_config(path)?))
}

fn named_config(path: &Path) -> Result<TrainConfig> {
    let config = TrainConfig::read(path)?;
    if config.task.is_none() {
        bail!(
            "{}: --compare measures on the law of a [task]; with [data] train one by one, then \
             breadth score and breadth select",
            path.display()
        );
    }
    Ok(config)
}

struct Compare<'a> {
    out: &'a Path,
    level: Level,
    command: String,
    output: &'a Output,
}

impl Compare<'_> {
    fn one(
        &self,
        name: &str,
        config: &TrainConfig,
        seed: u64,
        then: Option<&TrainConfig>,
    ) -> Result<ComparedRun> {
        let folder = self.out.join(format!("{name}-{seed}"));
        let report = self.report(
            &format!("{name}, seed {seed}"),
            config.clone().with_seed(seed),
            &folder,
        )?;
        let further = |then: &TrainConfig| {
            let mut then = then.clone().with_seed(seed);
            let winner = report.winner().context("a run has checkpoints")?;
            let step = winner.step.context("a checkpoint has a step")?;
            then.init = Some(RunFolder::new(&folder).checkpoint(step));
            then.model = None;
            self.report(
                &format!("{name}, seed {seed}, then"),
                then,
                &folder.join("then"),
            )
        };
        Ok(ComparedRun {
            name: name.to_owned(),
            seed,
            then: then.map(further).transpose()?,
            report,
        })
    }

    /// Trains, measures and reports one run, or what is left of it.
    fn report(&self, label: &str, config: TrainConfig, folder: &Path) -> Result<Report> {
        self.output
            .remark(&format!("{label}: {} steps", config.train.steps));
        if let Some(remark) = resume_remark(&config, folder) {
            self.output.remark(&remark);
        }
        let mut bar = Bar::new("train", self.output);
        train(&config, folder, "train", &mut |progress| bar.step(progress))?;
        bar.finish();
        let measure = Measure {
            out: folder,
            task: config.task.as_ref().context("a task")?,
            seed: config.seed,
            n: self.level.n(),
            command: &self.command,
            output: self.output,
        };
        measure.data()?;
        measure.scores()?;
        let mut options = ReportOptions {
            level: self.level,
            ..ReportOptions::default()
        };
        options.passes = std::iter::once(1).chain(options.passes()).collect();
        let report = breadth_analysis::from_run(folder, &options)?;
        let page = breadth_report::html(&report)?;
        OutputLock::write(&RunFolder::new(folder).report(), page.as_bytes())?;
        Ok(report)
    }
}

fn text(runs: &[ComparedRun], document: &Document, style: Style) -> String {
    let (head, rows) = breadth_report::comparison_table(runs);
    [
        style.strong(&breadth_analysis::comparison_sentence(runs)),
        String::new(),
        style.table(1, &head, rows),
        String::new(),
        format!("open {} for the whole of it", document.report.display()),
    ]
    .join("\n")
}
