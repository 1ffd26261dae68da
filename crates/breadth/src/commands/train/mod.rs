//! `breadth train`: a configuration in, a run folder out; several side by side.

mod arguments;
mod compare;
mod one;

use anyhow::Result;

pub use arguments::Arguments;

use crate::output::Output;

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    if arguments.compare {
        compare::run(arguments, output)
    } else {
        one::run(arguments, output)
    }
}
