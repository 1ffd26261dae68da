//! The only place that prints: the result on stdout as text or as one JSON document, remarks on stderr.

use std::io::{self, IsTerminal, Write, stderr, stdout};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

/// Where and how the results of a command go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// One JSON document on stdout and nothing else there.
    pub json: bool,
    /// No remarks on stderr; errors are still shown.
    pub quiet: bool,
}

impl Output {
    /// Prints a result: `document` under `--json`, else what `text` makes of the terminal's style.
    pub fn result(
        &self,
        document: &impl Serialize,
        text: impl FnOnce(Style) -> String,
    ) -> Result<()> {
        let mut rendered = if self.json {
            serde_json::to_string(document)?
        } else {
            text(Style::stdout())
        };
        rendered.push('\n');
        to_stdout(rendered.as_bytes())
    }

    /// A remark on stderr for a person who watches, silenced by `-q`.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            // A remark that nobody can read must not fail the command.
            let _ = writeln!(
                stderr(),
                "{}",
                Style::of(stderr().is_terminal()).faint(text)
            );
        }
    }
}

/// Writes and flushes, so that a full disk behind `> file` is an error and not a lost result.
pub fn to_stdout(bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut out = stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    };
    write().context("cannot write the result to standard output")
}

/// Emphasis for terminals; plain text everywhere else, and under the `NO_COLOR` convention.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
    terminal: bool,
}

impl Style {
    /// The style for a stream that is a terminal or not.
    pub fn of(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Style {
            colours: terminal && !refused && !dumb,
            terminal,
        }
    }

    fn stdout() -> Self {
        Style::of(stdout().is_terminal())
    }

    /// The sentence to read first.
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What may be skipped.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    /// What went wrong.
    pub fn failure(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Rows under a header. The first `left` columns hold words, the others numbers. On a terminal the table fits its
    /// width; elsewhere every row is one line.
    pub fn table(self, left: usize, header: &[String], rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        let rule = LineStyle::none().fill('─').junction('─');
        table.load_style(TableStyle::new().header_separator(rule));
        table.set_header(header.iter().map(|title| self.strong(title)));
        table.add_rows(rows);
        let wrapped = if self.terminal {
            ContentArrangement::Dynamic
        } else {
            ContentArrangement::Disabled
        };
        table.set_content_arrangement(wrapped);
        for column in table.column_iter_mut().skip(left) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.trim_fmt()
    }
}
