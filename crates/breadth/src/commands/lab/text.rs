//! What `breadth lab` prints.

use breadth_lab::words::{self, Text};
use breadth_lab::{Measured, Statement};

use crate::output::Style;

/// Rows of a table that a terminal shows.
const ROWS: usize = 500;

pub fn list((head, rows): Text, style: Style) -> String {
    style.table(4, &head, rows)
}

/// A line as soon as a statement is measured: which of how many.
pub fn done(measured: &Measured, (at, all): (usize, usize)) -> String {
    format!(
        "{at} of {all}: {} {}",
        measured.id,
        measured.verdict().name()
    )
}

/// How many of the measurements hold.
pub fn headline(measured: &[Measured]) -> String {
    let verdicts: Vec<_> = measured.iter().map(|one| Some(one.verdict())).collect();
    words::headline(&verdicts, words::reported(measured))
}

/// The checks of every statement under its name.
pub fn measured(measured: &[Measured], style: Style) -> String {
    let one = |measured: &Measured| {
        let (head, rows) = words::checks(&measured.checks);
        let title = format!("{}: {}", measured.id, measured.verdict().name());
        format!(
            "{}\n{}\n",
            style.strong(&title),
            style.table(1, &head, rows)
        )
    };
    let mut parts: Vec<String> = measured.iter().map(one).collect();
    parts.push(style.strong(&headline(measured)));
    parts.join("\n")
}

/// A statement with its measurement and every table behind it.
pub fn show(statement: &Statement, measured: &Measured, style: Style) -> String {
    let title = format!("{}: {}", statement.paper, statement.title);
    let mut parts = vec![style.strong(&title), statement.claim.to_owned()];
    if let Some(correction) = statement.correction {
        parts.push(format!("Corrected. {correction}"));
    }
    let (head, rows) = words::checks(&measured.checks);
    parts.push(format!("\n{}", style.table(1, &head, rows)));
    for check in &measured.checks {
        let notes = check
            .note
            .iter()
            .map(|note| format!("{}: {note}", check.name));
        parts.extend(notes);
        if !check.rows.rows.is_empty() {
            let (head, rows) = words::rows(&check.rows, ROWS);
            let table = style.table(0, &head, rows);
            parts.push(format!("\n{}\n{table}", style.strong(&check.name)));
        }
    }
    parts.push(style.faint(&words::facts(measured).join(", ")));
    parts.join("\n")
}
