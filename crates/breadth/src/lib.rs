#![doc = include_str!("../../../README.md")]
//! # This crate
//!
//! A table of contents over the libraries. `cli` holds the parser, `commands` the one list of
//! commands and one file for each, `input` reads tables, `output` is the only place that prints.
//! There is no statistics here: a number that this crate computes itself is a mistake.
//! [`architecture`] and [`design`] say how the whole is built and why.

use std::ffi::OsString;
use std::io::{Write, stderr};

use breadth_analysis::number;
use breadth_stats::simd::InstructionSet;
use clap::Parser;

mod arguments;
mod cli;
mod command_line;
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
pub mod architecture {}

#[cfg(doc)]
#[doc = include_str!("../../../DESIGN.md")]
pub mod design {}

/// Runs the command line and returns the exit status of the process; the first argument is the
/// name of the program, as in `std::env::args_os`.
///
/// Watches for Ctrl-C, SIGTERM, SIGHUP and SIGQUIT from then on, which end the process with 128
/// and their number.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    command_line::remember(&arguments);
    let cli = match cli::Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version arrive here too; a closed pipe under `--help | head` is nobody's
            // error.
            let _ = match failure::of_usage(&usage, &arguments) {
                Some(message) => writeln!(stderr(), "{}", message.trim_end()),
                None => usage.print(),
            };
            return usage.exit_code() as u8;
        }
    };
    let forced = InstructionSet::forced().map_err(|message| message.to_string());
    if let Err(message) = forced.and(breadth_data::check_max_record_bytes()) {
        let _ = writeln!(stderr(), "error: {message}");
        return 2;
    }
    interrupt::watch();
    match cli.run() {
        Ok(()) => 0,
        Err(error) if failure::is_broken_pipe(&error) => 0,
        Err(error) => {
            interrupt::wait_if_ending();
            let _ = writeln!(stderr(), "{}", failure::headed(&failure::message(&error)));
            failure::status(&error)
        }
    }
}
