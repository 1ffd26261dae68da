//! `breadth plan`: how many rows and samples does the question need?

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use breadth_analysis::{Plan, RowDesign};

use crate::arguments;
use crate::input::{LevelChoice, Reading, Tables, read_scores};
use crate::output::{Output, Style};

const EXAMPLES: &str = "\
Examples:
  # rows until the limit of Cov_N is 5% or less, for a model that misses 2%
  breadth plan --certify 0.05 --coverage 0.02

  # rows that tell two of eight checkpoints apart: one leaves the other behind
  # by N on 10% of the responses, the other it on 5%
  breadth plan --separate 0.10,0.05 --models 8

  # the same where each prompt has 4 responses that agree as much as rho = 0.5
  breadth plan --separate 0.10,0.05 --per-prompt 4 --correlation 0.5

  # how much more than this pilot it takes to separate its winner from the
  # others at N = 16, and to certify 5%
  breadth plan pilot.parquet -n 16 --reference teacher --certify 0.05

  # samples per prompt that show an answer of probability 1/64
  breadth plan --see 64

Rows are counted as independent ones, or like those of the pilot: as many to a prompt, in the same groups, with weights as different. Where rows share prompts, the prompts are what counts.";

/// How many prompts and samples it takes to certify a coverage or to tell two checkpoints apart
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A pilot: a score table of a few of the rows
    #[arg(value_name = "TABLE")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    how: Reading,
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
    /// Tell two checkpoints apart: shares of responses on which the worse is left behind by N, and
    /// the better
    #[arg(long, value_name = "AHEAD,BEHIND", value_parser = two_shares, conflicts_with = "paths")]
    separate: Option<(f64, f64)>,
    /// How many checkpoints compete
    #[arg(long, value_name = "M", default_value = "2", conflicts_with = "paths")]
    models: usize,
    /// Samples per prompt that show an answer of probability 1/N
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    see: Option<f64>,
    /// Responses per prompt
    #[arg(long, value_name = "R", default_value = "1", conflicts_with = "paths", value_parser = clap::value_parser!(u64).range(1..=RowDesign::MOST_PER_PROMPT))]
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
    #[arg(long, value_name = "P", default_value = "0.9", value_parser = arguments::confidence)]
    power: f64,
    /// Confidence of the answer
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = arguments::confidence)]
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
    let mut plan = Plan::new(arguments.confidence, arguments.power);
    if arguments.paths.is_empty() {
        if !arguments.how.is_default() {
            bail!("how tables are read says something about a pilot: give its table");
        }
        arguments.plan_from_numbers(&mut plan)?;
    } else {
        arguments.plan_from_pilot(&mut plan, output)?;
    }
    if let Some(n) = arguments.see {
        plan.see(n)?;
    }
    if plan.plans.is_empty() {
        bail!(
            "nothing to plan: give a pilot table, --certify E, --separate AHEAD,BEHIND or --see N"
        );
    }
    output.result(&plan, |style| text(&plan, style))
}

impl Arguments {
    fn plan_from_numbers(&self, plan: &mut Plan) -> Result<()> {
        if self.models < 2 {
            bail!("--models {}: at least two compete", self.models);
        }
        let design = RowDesign::new(self.per_prompt, self.correlation)?;
        if let Some(e) = self.certify {
            plan.certify(self.coverage.unwrap_or(0.0), e, design)
                .map_err(|error| anyhow!("--certify, --coverage: {error}"))?;
        }
        if let Some(shares) = self.separate {
            plan.separate(shares, self.models, design)
                .map_err(|error| anyhow!("--separate, --models: {error}"))?;
        }
        Ok(())
    }

    fn plan_from_pilot(&self, plan: &mut Plan, output: &Output) -> Result<()> {
        let tables = Tables {
            paths: self.paths.clone(),
            samples: Vec::new(),
            how: self.how.clone(),
        };
        let level = self.level.level()?;
        let scores = read_scores(&tables.paths, &tables.options(), output)?;
        let scores = scores.weighted(&self.how.group_weights)?;
        plan.of_pilot(&scores, level, self.reference.as_deref(), self.certify)?;
        Ok(())
    }
}

fn text(plan: &Plan, style: Style) -> String {
    let mut lines = plan.sentences();
    lines.push(style.faint(&plan.chance_says()));
    lines.join("\n")
}
