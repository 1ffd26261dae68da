//! `breadth import`: other tools' logs as tables.

use std::path::PathBuf;

use anyhow::Result;
use breadth_data::{
    LogFile, LogOptions, Logs, OutputLock, Provenance, ReadOptions, Table, log_formats,
    refuse_for_table, refuse_overwriting,
};
use clap::ValueEnum;
use serde::Serialize;

use crate::command_line;
use crate::flags;
use crate::input::LogChoice;
use crate::number;
use crate::output::{Output, Style};

const EXAMPLES: &str = "\
Examples:
  # log-likelihoods of lm-evaluation-harness (--log_samples) under every
  # checkpoint, then: which one to take
  breadth import 'evals/*/samples_hellaswag_*.jsonl' -o scores.parquet
  breadth select scores.parquet

  # generated answers, graded by one of several filters
  breadth import evals/*/samples_gsm8k_*.jsonl --filter strict-match \\
    --reward exact_match -o samples.parquet
  breadth pass samples.parquet

  # Inspect, every epoch a sample; finished or not
  breadth import logs/*.eval -o samples.parquet

  # programs and their tests: the model is named by the file, or by you
  breadth import a.jsonl_results.jsonl b.eval_results.json --model base \\
    --model tuned -o samples.parquet

  # validation rollouts of verl, one model per step
  breadth import validation/ --reward acc -o samples.parquet

  # rewards of -1 and 1
  breadth import rollouts/ --reward-map '>0' -o samples.parquet

  # responses that nobody graded yet, then judged
  breadth import generations.json -o samples.parquet
  breadth pass samples.parquet --verifier 'command:python3 grade.py'";

/// The examples, and which logs are known.
fn after_help() -> String {
    format!(
        "{EXAMPLES}\n\nLogs are recognised by their content: {}. What is left out is counted, and \
         prompts that are not the same for all models are refused. select, profile, reach, pass and \
         report take logs as they are, too.",
        log_formats()
    )
}

/// Turn other tools' logs into score or sample tables
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub struct Arguments {
    /// Logs: files, globs, folders
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Where the table goes (Parquet)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The name of the model, once for all logs or once for each LOG; of logs of training steps,
    /// the name of the run
    #[arg(short, long = "model", value_name = "NAME")]
    models: Vec<String>,
    #[command(flatten)]
    choice: LogChoice,
    /// The table to make of logs that could make either [default: scores where there are
    /// log-likelihoods]
    #[arg(long, value_enum, value_name = "TABLE")]
    kind: Option<Kind>,
    /// Keep the rows that every model has and the prompts that are the same for all, instead of
    /// refusing logs that differ
    #[arg(long)]
    intersect: bool,
}

/// The two tables.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Log-probabilities, for select and profile
    Scores,
    /// Rewards, for pass
    Samples,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    command: &'static str,
    output: &'a PathBuf,
    kind: Kind,
    rows: usize,
    prompts: usize,
    models: Vec<String>,
    /// Prompts left out because they differ between the logs.
    differ: usize,
    /// Responses whose reward is missing until they are judged by their text.
    #[serde(skip_serializing_if = "is_zero")]
    ungraded: usize,
    files: Vec<File<'a>>,
    notes: Vec<String>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a PathBuf,
    format: &'static str,
    models: &'a [String],
    rows: usize,
    dropped: Vec<Dropped>,
}

#[derive(Serialize)]
struct Dropped {
    count: u64,
    what: String,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let options = ReadOptions {
        intersect: arguments.intersect,
        log: LogOptions {
            models: arguments.models.clone(),
            ungraded: true,
            ..arguments.choice.options()
        },
        ..ReadOptions::default()
    };
    let table = arguments.kind.map(|kind| match kind {
        Kind::Scores => Table::Scores,
        Kind::Samples => Table::Samples,
    });
    refuse_overwriting(&arguments.output, &arguments.logs)?;
    refuse_for_table(&arguments.output)?;
    let lock = OutputLock::hold(&arguments.output)?;
    let logs = Logs::read(&arguments.logs, table, &options)?;
    let made = Provenance {
        command: command_line::text(),
        ..Provenance::default()
    };
    lock.remove_dead()?;
    logs.write(&arguments.output, &made)?;
    let document = document(&logs, &arguments.output);
    output.result(&document, |style| render(&document, style))
}

fn document<'a>(logs: &'a Logs, output: &'a PathBuf) -> Document<'a> {
    Document {
        schema: 1,
        command: "import",
        output,
        kind: match logs.table {
            Table::Scores => Kind::Scores,
            Table::Samples => Kind::Samples,
        },
        rows: logs.rows(),
        prompts: logs.prompts().len(),
        models: logs.models(),
        differ: logs.differ,
        ungraded: logs.ungraded(),
        files: logs.files.iter().map(file).collect(),
        notes: logs
            .remarks()
            .iter()
            .map(|text| flags::named(text))
            .collect(),
    }
}

fn file(log: &LogFile) -> File<'_> {
    let dropped = log.dropped.iter();
    File {
        file: &log.path,
        format: log.format,
        models: &log.models,
        rows: log.rows,
        dropped: dropped
            .map(|(count, what)| Dropped {
                count: *count,
                what: flags::named(what),
            })
            .collect(),
    }
}

/// Logs beyond this many are counted, not listed.
const MOST_FILES: usize = 20;

fn render(document: &Document, style: Style) -> String {
    let (kind, next) = match document.kind {
        Kind::Scores => ("score", "select"),
        Kind::Samples => ("sample", "pass"),
    };
    let out = document.output.display();
    let verifier = if document.ungraded > 0 {
        " --verifier VERIFIER"
    } else {
        ""
    };
    let headline = format!(
        "wrote {out}: a {kind} table of {} ({}, {}); next: breadth {next} {}{verifier}",
        number::count(document.rows, "row"),
        number::count(document.models.len(), "model"),
        number::count(document.prompts, "prompt"),
        command_line::quoted(document.output),
    );
    let mut parts = vec![
        style.strong(&headline),
        String::new(),
        files(&document.files, style),
    ];
    if document.files.len() > MOST_FILES {
        let more = document.files.len() - MOST_FILES;
        parts.push(format!(
            "and {}, all of them with --json",
            number::count(more, "more log")
        ));
    }
    if document.ungraded > 0 {
        let responses = number::count(document.ungraded, "response");
        parts.push(String::new());
        parts.push(format!(
            "{responses} without a reward: nobody graded these logs. breadth pass {out} --verifier \
             VERIFIER judges the texts (--data FILE has the right answers, where the log has none)."
        ));
    }
    if !document.notes.is_empty() {
        parts.push(String::new());
        parts.extend(document.notes.iter().map(|note| format!("Note: {note}.")));
    }
    parts.join("\n")
}

fn files(files: &[File], style: Style) -> String {
    let header = ["log", "format", "model", "rows", "left out"].map(str::to_owned);
    let row = |file: &File| {
        let left_out: u64 = file.dropped.iter().map(|one| one.count).sum();
        let models = match file.models {
            [] => "-".to_owned(),
            [only] => only.clone(),
            several => format!("{} models", several.len()),
        };
        vec![
            file.file.display().to_string(),
            file.format.to_owned(),
            models,
            number::grouped(file.rows),
            number::grouped(left_out as usize),
        ]
    };
    style.table(3, &header, files.iter().take(MOST_FILES).map(row).collect())
}
