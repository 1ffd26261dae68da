//! One file per command. To add one: write its file (an `Arguments` struct whose doc comment is the
//! help, and `run`), and add its line here three times: module, variant, arm.

use anyhow::Result;
use clap::Subcommand;

use crate::output::Output;

mod completions;
mod demo;
mod import;
mod lab;
mod pass;
mod plan;
mod probe;
mod profile;
mod reach;
mod report;
mod sample;
mod score;
mod select;
mod train;

/// Every command, in the order in which the help lists them.
#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Arguments),
    Select(select::Arguments),
    Profile(profile::Arguments),
    Pass(pass::Arguments),
    Reach(reach::Arguments),
    Plan(plan::Arguments),
    Import(import::Arguments),
    Score(score::Arguments),
    Sample(sample::Arguments),
    Probe(probe::Arguments),
    Train(train::Arguments),
    Report(report::Arguments),
    Lab(lab::Arguments),
    Completions(completions::Arguments),
}

impl Command {
    /// Runs it.
    pub fn run(self, output: &Output) -> Result<()> {
        match self {
            Command::Demo(arguments) => demo::run(&arguments, output),
            Command::Select(arguments) => select::run(&arguments, output),
            Command::Profile(arguments) => profile::run(&arguments, output),
            Command::Pass(arguments) => pass::run(&arguments, output),
            Command::Reach(arguments) => reach::run(&arguments, output),
            Command::Plan(arguments) => plan::run(&arguments, output),
            Command::Import(arguments) => import::run(&arguments, output),
            Command::Score(arguments) => score::run(&arguments, output),
            Command::Sample(arguments) => sample::run(&arguments, output),
            Command::Probe(arguments) => probe::run(&arguments, output),
            Command::Train(arguments) => train::run(&arguments, output),
            Command::Report(arguments) => report::run(&arguments, output),
            Command::Lab(arguments) => lab::run(&arguments, output),
            // It needs the whole parser, and `cli` has that.
            Command::Completions(_) => Ok(()),
        }
    }
}
