//! `breadth demo`: the whole story on a laptop, out of the parts that the other commands use.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use breadth_analysis::Report;
use breadth_data::atomic::NewFolders;
use breadth_data::{OutputLock, RunFolder};
use breadth_lm::generation::Sampling;
use breadth_lm::job::{Model, SampleJob};
use breadth_lm::text::Item;
use breadth_lm::train::{TrainConfig, resume_remark, train};
use breadth_lm::verifier::Verifier;
use breadth_stats::Level;
use serde::Serialize;

use crate::data;
use crate::measure::Measure;
use crate::output::{Output, Style};
use crate::progress::Bar;

const EXAMPLES: &str = "\
Examples:
  # trains, checkpoints, scores, samples, selects; then open
  # breadth-demo/report.html
  breadth demo

  # the other commands on what it left
  breadth select breadth-demo --best-of 8
  breadth profile breadth-demo --reference exact -n 1,2,4,8
  breadth pass breadth-demo -k 4,8,12

A small GPT learns to find paths through layered graphs from three policies, then is fine-tuned on nine parts of the first and one part \
of its opposite. Its loss falls to the end; its coverage is best early, before the tenth part is given up, and so is its Pass@8. This is \
Figure 1 of the paper in miniature. A killed demo goes on where it was.";

/// Level of the tournament: that of Best-of-8.
const N: f64 = 4.0;
/// Samples per prompt.
const SAMPLES: usize = 32;

/// Train, checkpoint, score, sample, select, report: the whole story in minutes
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Run folder
    #[arg(short, long, value_name = "DIR", default_value = "breadth-demo")]
    out: PathBuf,
    /// Seed of the weights, the data and the samples
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Confidence of intervals and bands
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = crate::arguments::confidence)]
    confidence: f64,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let demo = Demo {
        out: &arguments.out,
        seed: arguments.seed,
        output,
    };
    let _made = NewFolders::make(demo.out)
        .with_context(|| format!("cannot create the folder {}", demo.out.display()))?;
    demo.run()?;
    let options = breadth_analysis::ReportOptions {
        level: Level::from_n(N)?,
        confidence: arguments.confidence,
        ..breadth_analysis::ReportOptions::default()
    };
    let report = breadth_analysis::from_run(demo.out, &options)?;
    let page = RunFolder::new(demo.out).report();
    OutputLock::write(&page, breadth_report::html(&report)?.as_bytes())?;
    let document = Document {
        selection: report.selection.as_ref(),
        headline: report.headline(),
        report: &page,
        checkpoints: &report.checkpoints,
    };
    output.result(&document, |style| text(&report, &document, style))
}

/// What `select --json` prints for the run, and what the page shows besides.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    selection: Option<&'a breadth_analysis::Selection>,
    /// What to take and why, in a sentence.
    headline: String,
    report: &'a Path,
    checkpoints: &'a [breadth_analysis::Checkpoint],
}

/// The stages; each leaves a file, and is skipped where it finds its own.
struct Demo<'a> {
    out: &'a Path,
    seed: u64,
    output: &'a Output,
}

impl Demo<'_> {
    /// Data, pre-training in `pretrain/`, fine-tuning in the folder itself, scores, samples.
    fn run(&self) -> Result<()> {
        let first = self.out.join("pretrain");
        let pretrain = self.config(include_str!("pretrain.toml"), "pretrain.toml")?;
        let mut finetune = self.config(include_str!("finetune.toml"), "finetune.toml")?;
        finetune.init = Some(RunFolder::new(&first).checkpoint(pretrain.train.steps));
        let measure = Measure {
            out: self.out,
            task: finetune.task.as_ref().context("finetune.toml has a task")?,
            seed: self.seed,
            n: N,
            command: &self.command(),
            output: self.output,
        };
        measure.data()?;
        self.run_training("pre-train", &pretrain, &first)?;
        self.run_training("fine-tune", &finetune, self.out)?;
        let measured = measure.scores()?;
        self.sample(&measured.models, &measured.items)
    }

    fn config(&self, text: &str, name: &str) -> Result<TrainConfig> {
        let mut config = TrainConfig::parse(text, name)?;
        config.seed = self.seed;
        Ok(config)
    }

    fn run_training(&self, label: &str, config: &TrainConfig, out: &Path) -> Result<()> {
        self.output
            .remark(&format!("{label}: {} steps", config.train.steps));
        if let Some(remark) = resume_remark(config, out) {
            self.output.remark(&remark);
        }
        let mut bar = Bar::new(label, self.output);
        train(config, out, "demo", &mut |progress| bar.step(progress))?;
        bar.finish();
        Ok(())
    }

    fn sample(&self, models: &[(String, PathBuf)], items: &[Item]) -> Result<()> {
        let out = RunFolder::new(self.out).samples();
        if out.exists() {
            return Ok(());
        }
        self.output.remark(&format!(
            "draw {SAMPLES} responses to {} prompts from {} checkpoints",
            items.len(),
            models.len()
        ));
        let mut bar = Bar::new("sample", self.output);
        let job = SampleJob {
            models: &Model::folders(models),
            items,
            sampling: Sampling {
                samples: SAMPLES,
                max_tokens: items[0].response.len(),
                seed: self.seed,
                ..Sampling::default()
            },
            ttt: None,
            verifier: &Verifier::exact(),
            text: None,
            keep_text: false,
            out: &out,
            command: &self.command(),
        };
        let finished = job.run(&mut |progress| bar.part(progress))?;
        bar.finish();
        data::warn_finished(&finished, self.output);
        Ok(())
    }

    fn command(&self) -> String {
        format!("breadth demo --seed {}", self.seed)
    }
}

fn text(report: &Report, document: &Document, style: Style) -> String {
    let header = [
        "checkpoint",
        "KL",
        "Cov_4",
        "Pass@4",
        "Pass@8",
        "Pass@12",
        "worst rival",
    ];
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.3}"));
    let row = |c: &breadth_analysis::Checkpoint| {
        let pass = |k| number(c.pass_at(k).and_then(|p| p.best()));
        let kl = number(c.kl.map(|e| e.value));
        let coverage = number(c.coverage_at(N.ln()).map(|p| p.cov));
        vec![
            c.model.clone(),
            kl,
            coverage,
            pass(4),
            pass(8),
            pass(12),
            number(c.standing.as_ref().map(|standing| standing.value)),
        ]
    };
    let rows = report.checkpoints.iter().map(row).collect();
    let table = style.table(1, &header.map(str::to_owned), rows);
    let page = format!("open {} for the whole story", document.report.display());
    [
        style.strong(&document.headline),
        String::new(),
        table,
        String::new(),
        page,
    ]
    .join("\n")
}
