//! Measurements as people read them: tables of text for the terminal and the page.

use std::time::Duration;

use crate::check::{Check, Verdict};
use crate::results::{Measured, Results};
use crate::statement::{Size, Statement};
use crate::table::{Table, significant};

/// A table of text: its head, and its rows.
pub type Text = (Vec<String>, Vec<Vec<String>>);

/// How many signs of figures were shown at a size that does not ask for them.
pub fn reported<'a>(measured: impl IntoIterator<Item = &'a Measured>) -> usize {
    let checks = measured.into_iter().flat_map(|measured| &measured.checks);
    let is_reported = |check: &&Check| check.verdict == Verdict::Reported;
    checks.filter(is_reported).count()
}

/// `37 of 39 statements hold, 1 fails, 1 is not measured; signs reported, not judged: 2`.
///
/// `verdicts`: of each statement, `None` where there is no measurement; `reported`: of
/// [`reported()`].
pub fn headline(verdicts: &[Option<Verdict>], reported: usize) -> String {
    let count = |wanted| {
        verdicts
            .iter()
            .filter(|verdict| **verdict == wanted)
            .count()
    };
    let all = verdicts.len();
    let (statements, hold) = if all == 1 {
        ("statement", "holds")
    } else {
        ("statements", "hold")
    };
    let holds = count(Some(Verdict::Holds));
    let mut text = format!("{holds} of {all} {statements} {hold}");
    for (verdict, one, several) in [
        (Some(Verdict::Fails), "fails", "fail"),
        (
            Some(Verdict::Inconclusive),
            "is inconclusive",
            "are inconclusive",
        ),
        (None, "is not measured", "are not measured"),
    ] {
        match count(verdict) {
            0 => {}
            1 => text.push_str(&format!(", 1 {one}")),
            many => text.push_str(&format!(", {many} {several}")),
        }
    }
    if reported > 0 {
        text.push_str(&format!("; signs reported, not judged: {reported}"));
    }
    text
}

/// Every statement with its last verdict: id, where it stands, verdict, age, cost, title.
pub fn listing(statements: &[&Statement], results: &Results, (size, seed): (Size, u64)) -> Text {
    let head = [
        "id",
        "in the paper",
        "verdict",
        "measured",
        "seconds (estimate)",
        "what",
    ];
    let row = |statement: &&Statement| {
        let stored = results.stored(statement.id, size, seed);
        let verdict = match &stored {
            Some(measured) if measured.is_current() && !measured.is_finished => {
                format!("{} (part)", measured.verdict().name())
            }
            Some(measured) if measured.is_current() => measured.verdict().name().to_owned(),
            Some(measured) => format!("{} (old)", measured.verdict().name()),
            None => "-".to_owned(),
        };
        let age = results.age(statement.id, size, seed);
        vec![
            statement.id.to_owned(),
            statement.paper.to_owned(),
            verdict,
            age.map_or("-".to_owned(), ago),
            significant(statement.cost),
            statement.title.to_owned(),
        ]
    };
    let rows = statements.iter().map(row).collect();
    (head.map(str::to_owned).to_vec(), rows)
}

/// `just now`, `5 min ago`, `3 h ago`, `12 d ago`.
fn ago(age: Duration) -> String {
    match age.as_secs() {
        0..60 => "just now".to_owned(),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}

/// One row for each check: what was measured, where it must lie, and the verdict.
pub fn checks(checks: &[Check]) -> Text {
    let head = [
        "check",
        "measured",
        "95% interval",
        "predicted",
        "must lie in",
        "verdict",
    ];
    let row = |check: &Check| {
        vec![
            check.name.clone(),
            significant(check.measured),
            check.interval95.map_or("exact".to_owned(), interval),
            check.predicted.map_or("-".to_owned(), significant),
            interval(check.band),
            check.verdict.name().to_owned(),
        ]
    };
    (
        head.map(str::to_owned).to_vec(),
        checks.iter().map(row).collect(),
    )
}

fn interval((low, high): (f64, f64)) -> String {
    format!("[{}, {}]", significant(low), significant(high))
}

/// The table behind a check, at most `most` rows of it.
pub fn rows(table: &Table, most: usize) -> Text {
    let cells = |row: &Vec<crate::table::Cell>| row.iter().map(ToString::to_string).collect();
    let rows = table.rows.iter().take(most).map(cells);
    (table.columns.clone(), rows.collect())
}

/// What stands under a measurement: size, seed, seconds, and whether it is of this version.
pub fn facts(measured: &Measured) -> Vec<String> {
    let mut facts = vec![
        format!("size {}", measured.size.name()),
        format!("seed {}", measured.seed),
        format!("{:.1} s", measured.seconds),
        format!("sources {}", measured.sources),
    ];
    if !measured.is_finished {
        facts.push("some seeds are not trained yet".to_owned());
    }
    if !measured.is_current() {
        facts.push("measured by another version".to_owned());
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headlines_count() {
        let (holds, fails) = (Some(Verdict::Holds), Some(Verdict::Fails));
        let unsure = Some(Verdict::Inconclusive);
        let cases = [
            (vec![holds], "1 of 1 statement holds"),
            (
                vec![holds, fails, None],
                "1 of 3 statements hold, 1 fails, 1 is not measured",
            ),
            (
                vec![fails, fails, unsure, unsure],
                "0 of 4 statements hold, 2 fail, 2 are inconclusive",
            ),
        ];
        for (verdicts, text) in cases {
            assert_eq!(headline(&verdicts, 0), text);
        }
        assert_eq!(
            headline(&[holds], 2),
            "1 of 1 statement holds; signs reported, not judged: 2"
        );
    }

    #[test]
    fn ages_have_one_unit() {
        let shown = [0, 59, 60, 7199, 86_399, 900_000].map(|s| ago(Duration::from_secs(s)));
        assert_eq!(
            shown,
            [
                "just now",
                "just now",
                "1 min ago",
                "1 h ago",
                "23 h ago",
                "10 d ago"
            ]
        );
    }

    #[test]
    fn what_is_stored_of_another_version_is_said_to_be_old() {
        let dir = tempfile::tempdir().unwrap();
        let results = Results::new(dir.path());
        let d2 = crate::catalog::find("d2").unwrap();
        let verdict = || listing(&[d2], &results, (Size::Small, 0)).1[0][2].clone();
        assert_eq!(verdict(), "-");
        let mut measured = results
            .measure(&[d2], &results.runs(), (Size::Small, 0), false, |_| ())
            .unwrap();
        assert_eq!(verdict(), "holds");
        let measured = measured[0].as_mut().unwrap();
        let path = results.path("d2", Size::Small, 0);
        measured.is_finished = false;
        measured.write(&path, "").unwrap();
        assert_eq!(verdict(), "holds (part)");
        measured.sources = "0".into();
        measured
            .write(&results.path("d2", Size::Small, 0), "")
            .unwrap();
        assert_eq!(verdict(), "holds (old)");
    }
}
