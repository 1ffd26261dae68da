//! `breadth plan`: how many rows and samples does the question need?

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use breadth_stats::{
    Level, coverage_profile, design_effect, rows_to_certify, rows_to_separate, samples_to_see,
    separations,
};
use serde::Serialize;

use crate::cli;
use crate::input::{LevelChoice, LogChoice, Scores, Tables};
use crate::number::{self, Number};
use crate::output::{Output, Style};

const EXAMPLES: &str = "\
Examples:
  # rows until the limit of Cov_N is 5% or less, for a model that misses 2%
  breadth plan --certify 0.05 --coverage 0.02

  # rows that tell two of eight checkpoints apart: one leaves the other behind by N on 10% of the responses, the other \
it on 5%
  breadth plan --separate 0.10,0.05 --models 8

  # the same where each prompt has 4 responses that agree as much as rho = 0.5
  breadth plan --separate 0.10,0.05 --per-prompt 4 --correlation 0.5

  # how much more than this pilot it takes to separate its winner from the others at N = 16, and to certify 5%
  breadth plan pilot.parquet -n 16 --reference teacher --certify 0.05

  # samples per prompt that show an answer of probability 1/64
  breadth plan --see 64

Rows are counted as independent ones, or like those of the pilot. Where rows share prompts, the prompts are what counts.";

/// How many prompts and samples it takes to certify a coverage or to tell two checkpoints apart
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A pilot: a score table of a few of the rows
    #[arg(value_name = "TABLE")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    level: LevelChoice,
    /// The reference of the pilot; it does not compete
    #[arg(short, long, value_name = "R", requires = "paths")]
    reference: Option<String>,
    /// Certify Cov_N <= E: of --coverage, or of every model of a pilot with a reference
    #[arg(long, value_name = "E", allow_hyphen_values = true)]
    certify: Option<f64>,
    /// The coverage that is expected [default: 0]
    #[arg(
        long,
        value_name = "C",
        requires = "certify",
        conflicts_with = "paths",
        allow_hyphen_values = true
    )]
    coverage: Option<f64>,
    /// Tell two checkpoints apart: shares of responses on which the worse is left behind by N, and the better
    #[arg(long, value_name = "AHEAD,BEHIND", value_parser = two_shares, conflicts_with = "paths")]
    separate: Option<(f64, f64)>,
    /// How many checkpoints compete
    #[arg(long, value_name = "M", default_value = "2", conflicts_with = "paths")]
    models: usize,
    /// Samples per prompt that show an answer of probability 1/N
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    see: Option<f64>,
    /// Responses per prompt
    #[arg(long, value_name = "R", default_value = "1", conflicts_with = "paths")]
    per_prompt: u64,
    /// How much the outcomes of one prompt's responses correlate, 0 to 1
    #[arg(
        long,
        value_name = "RHO",
        default_value = "0",
        conflicts_with = "paths",
        allow_hyphen_values = true
    )]
    correlation: f64,
    /// The chance that the rows asked for are enough
    #[arg(long, value_name = "P", default_value = "0.9", value_parser = cli::confidence)]
    power: f64,
    /// Confidence of the answer
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
}

fn two_shares(text: &str) -> Result<(f64, f64), String> {
    let shares = text
        .split_once(',')
        .map(|(a, b)| (a.trim().parse(), b.trim().parse()));
    match shares {
        Some((Ok(ahead), Ok(behind))) => Ok((ahead, behind)),
        _ => Err("write two shares, such as 0.10,0.05".to_owned()),
    }
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let mut document = Document {
        command: "plan",
        confidence: arguments.confidence,
        power: arguments.power,
        level: None,
        pilot: None,
        plans: Vec::new(),
    };
    if arguments.paths.is_empty() {
        arguments.plan_from_numbers(&mut document)?;
    } else {
        arguments.plan_from_pilot(&mut document, output)?;
    }
    if let Some(n) = arguments.see {
        if n.is_nan() || n < 1.0 {
            bail!("--see {n}: write N of 1/N, a number of at least 1");
        }
        let samples = samples_to_see(1.0 / n, arguments.power)?;
        document.plans.push(Plan::See {
            n: Number(n),
            samples,
        });
    }
    if document.plans.is_empty() {
        bail!(
            "nothing to plan: give a pilot table, --certify E, --separate AHEAD,BEHIND or --see N"
        );
    }
    output.result(&document, |style| text(&document, style))
}

impl Arguments {
    fn plan_from_numbers(&self, document: &mut Document) -> Result<()> {
        if !(0.0..=1.0).contains(&self.correlation) {
            bail!(
                "--correlation {}: write a number from 0 to 1",
                self.correlation
            );
        }
        if self.per_prompt == 0 {
            bail!("--per-prompt 0: a prompt has at least one response");
        }
        if self.models < 2 {
            bail!("--models {}: at least two compete", self.models);
        }
        let effect = design_effect(self.per_prompt, self.correlation);
        let need = |rows: Option<u64>| {
            rows.map(|independent| {
                let prompts = (independent as f64 * effect / self.per_prompt as f64).ceil() as u64;
                Need {
                    rows: prompts * self.per_prompt,
                    prompts,
                }
            })
        };
        if let Some(e) = self.certify {
            let coverage = self.coverage.unwrap_or(0.0);
            let rows = rows_to_certify(coverage, e, self.confidence, self.power);
            document.plans.push(Plan::Certify {
                model: None,
                coverage: Number(coverage),
                e: Number(e),
                need: need(rows.map_err(|error| anyhow!("--certify, --coverage: {error}"))?),
            });
        }
        if let Some((ahead, behind)) = self.separate {
            let rows = rows_to_separate(ahead, behind, self.models, self.confidence, self.power);
            document.plans.push(Plan::Separate {
                model: None,
                from: None,
                ahead: Number(ahead),
                behind: Number(behind),
                need: need(rows.map_err(|error| anyhow!("--separate, --models: {error}"))?),
            });
        }
        Ok(())
    }

    fn plan_from_pilot(&self, document: &mut Document, output: &Output) -> Result<()> {
        let tables = Tables {
            paths: self.paths.clone(),
            intersect: false,
            group_weights: Vec::new(),
            logs: LogChoice::default(),
        };
        let level = self.level.level()?;
        let scores = Scores::read(&tables.paths, &tables.options(), output)?;
        let table = &scores.table;
        let candidates = scores.models_without(self.reference.as_deref())?;
        let prompts = |rows: u64| {
            let share = scores.prompts as f64 / table.rows() as f64;
            (rows as f64 * share).ceil() as u64
        };
        let need = |rows: Option<u64>| {
            rows.map(|rows| Need {
                rows,
                prompts: prompts(rows),
            })
        };
        let columns: Vec<&[f64]> = candidates
            .iter()
            .map(|&at| &table.logprob[at][..])
            .collect();
        let (confidence, power) = (self.confidence, self.power);
        let name = |at: usize| table.models[candidates[at]].clone();
        let (outcome, separations) =
            separations(&columns, &scores.design(), level, confidence, power)?;
        for one in &separations {
            document.plans.push(Plan::Separate {
                model: Some(name(one.model)),
                from: Some(name(outcome.winner)),
                ahead: Number(one.ahead),
                behind: Number(one.behind),
                need: need(one.rows),
            });
        }
        document.level = Some((Number(level.n()), number::level(level)));
        document.pilot = Some(Pilot {
            rows: table.rows(),
            prompts: scores.prompts,
            winner: name(outcome.winner),
        });
        let Some(e) = self.certify else {
            return Ok(());
        };
        let Some(reference) = &self.reference else {
            bail!(
                "--certify asks for a coverage, and that is one against a --reference of the pilot"
            );
        };
        for (at, &log_q) in columns.iter().enumerate() {
            let (coverage, effect) = self.coverage_of(&scores, reference, log_q, level)?;
            let rows = rows_to_certify(coverage.min(1.0), e, confidence, power)
                .map_err(|error| anyhow!("--certify: {error}"))?;
            let rows = rows.map(|rows| (rows as f64 * effect).ceil() as u64);
            document.plans.push(Plan::Certify {
                model: Some(name(at)),
                coverage: Number(coverage),
                e: Number(e),
                need: need(rows),
            });
        }
        Ok(())
    }

    /// The pilot's coverage at a level, and how many of its rows count as one independent row there.
    fn coverage_of(
        &self,
        scores: &Scores,
        reference: &str,
        log_q: &[f64],
        level: Level,
    ) -> Result<(f64, f64)> {
        let truth = scores.table.column(reference)?;
        let design = scores.design();
        let profile = coverage_profile(truth, log_q, &design, &[level], self.confidence)?;
        let point = &profile.points[0];
        Ok((point.cov, scores.table.rows() as f64 / point.effective_rows))
    }
}

#[derive(Serialize)]
struct Document {
    command: &'static str,
    confidence: f64,
    power: f64,
    #[serde(
        rename = "n",
        serialize_with = "first",
        skip_serializing_if = "Option::is_none"
    )]
    level: Option<(Number, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pilot: Option<Pilot>,
    plans: Vec<Plan>,
}

fn first<S: serde::Serializer>(
    level: &Option<(Number, String)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    level.as_ref().map(|(n, _)| n).serialize(serializer)
}

#[derive(Serialize)]
struct Pilot {
    rows: usize,
    prompts: usize,
    winner: String,
}

/// One question and what it needs; no need where no number of rows is enough.
#[derive(Serialize)]
#[serde(tag = "goal", rename_all = "kebab-case")]
enum Plan {
    Certify {
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        coverage: Number,
        e: Number,
        need: Option<Need>,
    },
    Separate {
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        ahead: Number,
        behind: Number,
        need: Option<Need>,
    },
    See {
        n: Number,
        samples: u64,
    },
}

#[derive(Clone, Copy, Serialize)]
struct Need {
    rows: u64,
    prompts: u64,
}

fn text(document: &Document, style: Style) -> String {
    let mut lines = Vec::new();
    if let (Some(pilot), Some((_, n))) = (&document.pilot, &document.level) {
        lines.push(format!(
            "The pilot: {}, {}; at N = {n} its tournament takes {}.",
            number::count(pilot.rows, "row"),
            number::count(pilot.prompts, "prompt"),
            pilot.winner
        ));
    }
    lines.extend(document.plans.iter().map(|plan| sentence(plan, document)));
    lines.push(style.faint(&format!(
        "{}% confidence, reached with a chance of {}% if the shares are as stated{}.",
        number::trimmed(100.0 * document.confidence),
        number::trimmed(100.0 * document.power),
        match document.pilot {
            Some(_) => " by the pilot, which is itself uncertain",
            None => "",
        }
    )));
    lines.join("\n")
}

fn sentence(plan: &Plan, document: &Document) -> String {
    let n = document.level.as_ref().map_or("N", |(_, n)| n);
    match plan {
        Plan::Certify {
            model,
            coverage,
            e,
            need,
        } => {
            let of = model
                .as_ref()
                .map_or(String::new(), |model| format!(" of {model}"));
            let now = number::percent(coverage.0);
            match need {
                Some(need) => format!(
                    "To certify Cov_{n}{of} <= {} where it is {now}: {}.",
                    number::percent(e.0),
                    need.words()
                ),
                None => format!(
                    "Cov_{n}{of} <= {} cannot be certified where it is {now}.",
                    number::percent(e.0)
                ),
            }
        }
        Plan::Separate {
            model,
            from,
            ahead,
            behind,
            need,
        } => {
            let who = match (model, from) {
                (Some(model), Some(from)) => format!("{from} from {model}"),
                _ => "two checkpoints".to_owned(),
            };
            let shares = format!(
                "left behind by {n} on {} of the responses against {}",
                number::percent(ahead.0),
                number::percent(behind.0)
            );
            match need {
                Some(need) => format!("To separate {who}, {shares}: {}.", need.words()),
                None => format!("No number of rows separates {who}, {shares}."),
            }
        }
        Plan::See { n, samples } => format!(
            "To see an answer of probability 1/{}: {} per prompt.",
            number::trimmed(n.0),
            number::count(*samples as usize, "sample")
        ),
    }
}

impl Need {
    fn words(self) -> String {
        let rows = number::count(self.rows as usize, "row");
        match self.rows == self.prompts {
            true => rows,
            false => format!(
                "{rows} of {}",
                number::count(self.prompts as usize, "prompt")
            ),
        }
    }
}
