//! `breadth completions`: the shell's own completion script.

use anyhow::Result;
use clap_complete::Shell;

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

impl Arguments {
    /// Prints the script for this command line.
    pub fn print(&self, command: &mut clap::Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "breadth", &mut script);
        to_stdout(&script)
    }
}
