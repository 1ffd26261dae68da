//! `breadth completions`: the shell's own completion script.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::output::to_stdout;

const EXAMPLES: &str = "\
Examples:
  breadth completions bash > ~/.local/share/bash-completion/completions/breadth
  breadth completions zsh  > \"${fpath[1]}/_breadth\"
  breadth completions fish > ~/.config/fish/completions/breadth.fish";

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Which shell
    shell: Shell,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "breadth", &mut script);
    to_stdout(&script)
}
