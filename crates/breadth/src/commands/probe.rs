//! `breadth probe`: whether a server's log-probabilities can be trusted.

use std::path::PathBuf;

use anyhow::Result;
use breadth_lm::server::{Address, Report, Verdict};
use breadth_lm::text::{DataOptions, Responses};
use serde::Serialize;

use crate::models::{Servers, read_data};
use crate::output::{Output, Style};

const EXAMPLES: &str = "\
Examples:
  # what speaks there, and whether its scores are right
  breadth probe openai:http://localhost:8000

  # one of its models, with prompts of your own
  breadth probe vllm:http://localhost:8000/step-1000 --prompts heldout.jsonl \\
    --tokenizer ckpt-1000

The server generates a few tokens, and scores the same tokens as part of a prompt: the numbers must agree, in place and not one token \
further on, alone and in a batch, at any temperature. `score` and `sample` do this first, and refuse a server that fails. Exit status 1 \
if it fails. The variable BREADTH_API_KEY, where set, is sent as a bearer token.";

/// Check that a server's log-probabilities are what they seem
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The server: KIND:http://HOST:PORT/NAME, where KIND is openai (finds out), vllm, sglang or
    /// llama.cpp
    #[arg(value_name = "URL", value_parser = Address::parse)]
    server: Address,
    /// JSON Lines of prompts to try with [default: three texts, tokenized by the server]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    prompts: Vec<PathBuf>,
    /// Folder with the tokenizer.json of prompts that are text
    #[arg(long, value_name = "FOLDER", requires = "prompts")]
    tokenizer: Option<PathBuf>,
    #[command(flatten)]
    servers: Servers,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    command: &'static str,
    #[serde(flatten)]
    report: Report,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let prompts = prompts(arguments)?;
    let server = arguments.servers.open(&arguments.server, output)?;
    let document = Document {
        schema: 1,
        command: "probe",
        report: server.probe(&prompts)?,
    };
    output.result(&document, |style| text(&document.report, style))?;
    match document.report.refusal() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

fn prompts(arguments: &Arguments) -> Result<Vec<Vec<u32>>> {
    if arguments.prompts.is_empty() {
        return Ok(Vec::new());
    }
    let folder = arguments.tokenizer.clone();
    let folder = folder.unwrap_or_else(|| PathBuf::from("--tokenizer FOLDER"));
    let options = DataOptions {
        responses: Responses::Optional,
        ..DataOptions::default()
    };
    let (_, data) = read_data(&[folder], None, &arguments.prompts, &options)?;
    Ok(data.items.into_iter().map(|item| item.prompt).collect())
}

fn text(report: &Report, style: Style) -> String {
    let Report {
        software,
        model,
        trusted,
        ..
    } = report;
    let head = if *trusted {
        format!("{software} gives right log-probabilities of {model}.")
    } else {
        format!(
            "{software} does not give right log-probabilities of {model}: breadth will not score \
             with it."
        )
    };
    let mut lines = vec![style.strong(&head)];
    for host in &report.hosts {
        lines.push(String::new());
        lines.push(host.host.clone());
        for check in &host.checks {
            let verdict = format!("{:<11}", check.verdict);
            let verdict = match check.verdict {
                Verdict::Fail => style.failure(&verdict),
                _ => verdict,
            };
            lines.push(format!("  {:<9} {verdict}  {}", check.name, check.measured));
        }
    }
    lines.join("\n")
}
