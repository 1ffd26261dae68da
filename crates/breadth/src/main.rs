#![doc = include_str!("../../../README.md")]
//! # This crate
//!
//! A table of contents over the libraries. `cli` holds the parser, `commands` the one list of
//! commands and one file for each, `input` reads tables, `output` is the only place that prints.
//! There is no statistics here: a number that this crate computes itself is a mistake.
//! [`architecture`] and [`design`] say how the whole is built and why.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;

use breadth_analysis::number;
use clap::Parser;

mod allocator;
mod arguments;
mod cli;
mod commands;
mod data;
mod evidence;
mod failure;
mod flags;
mod input;
mod interrupt;
mod losses;
mod measure;
mod models;
mod output;
mod progress;
mod sequence;

#[cfg(doc)]
#[doc = include_str!("../../../ARCHITECTURE.md")]
mod architecture {}

#[cfg(doc)]
#[doc = include_str!("../../../DESIGN.md")]
mod design {}

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version arrive here too; a closed pipe under `--help | head` is nobody's
            // error.
            let _ = usage.print();
            return ExitCode::from(usage.exit_code() as u8);
        }
    };
    interrupt::watch();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            interrupt::wait_if_ending();
            let head = output::Style::of(stderr().is_terminal()).failure("error:");
            let _ = writeln!(stderr(), "{head} {}", failure::message(&error));
            ExitCode::from(failure::status(&error))
        }
    }
}
