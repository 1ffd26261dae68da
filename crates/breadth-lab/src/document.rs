//! Measurements as JSON.

use breadth_analysis::number::Number;
use serde::Serialize;

use crate::catalog::find;
use crate::check::Check;
use crate::results::Measured;
use crate::statement::Statement;
use crate::table::Cell;

/// A statement in words, and what is known of it.
#[derive(Clone, Debug, Serialize)]
pub struct StatementDocument {
    /// The short name.
    pub id: &'static str,
    /// Where it stands in the paper.
    pub paper: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it says.
    pub claim: &'static str,
    /// What the print says and what is true, where they differ.
    pub correction: Option<&'static str>,
    /// Seconds that the small size takes on one core.
    pub cost: f64,
}

impl From<&Statement> for StatementDocument {
    fn from(statement: &Statement) -> StatementDocument {
        StatementDocument {
            id: statement.id,
            paper: statement.paper,
            title: statement.title,
            claim: statement.claim,
            correction: statement.correction,
            cost: statement.cost,
        }
    }
}

/// A measurement.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredDocument {
    /// The statement; `None` for one that this version does not have.
    pub statement: Option<StatementDocument>,
    /// Its short name.
    pub id: String,
    /// The worst of its checks' verdicts.
    pub verdict: &'static str,
    /// How much was measured.
    pub size: &'static str,
    /// The seed of the random streams.
    pub seed: u64,
    /// The hash of the sources that it depends on.
    pub sources: String,
    /// Whether this build would measure the same.
    pub is_current: bool,
    /// Wall-clock seconds that it took.
    pub seconds: f64,
    /// Whether nothing is left to train.
    pub is_finished: bool,
    /// What came out.
    pub checks: Vec<CheckDocument>,
}

/// A check. What is not a number is `null`; an open end is `"inf"` or `"-inf"`.
#[derive(Clone, Debug, Serialize)]
pub struct CheckDocument {
    /// What was measured.
    pub name: String,
    /// How it was decided.
    pub kind: &'static str,
    /// `holds`, `fails` or `inconclusive`.
    pub verdict: &'static str,
    /// The measured number.
    pub measured: Option<Number>,
    /// Its 95% interval.
    pub interval95: Option<[Option<Number>; 2]>,
    /// Its 99.9% interval, on which the verdict rests.
    pub interval999: Option<[Option<Number>; 2]>,
    /// The number that the theory gives.
    pub predicted: Option<Number>,
    /// Where the measured number must lie.
    pub band: [Option<Number>; 2],
    /// One sentence more.
    pub note: Option<String>,
    /// The columns of the table behind it.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<CellDocument>>,
}

/// A number or a word of a table.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum CellDocument {
    /// A number; `null` for NaN.
    Number(Option<Number>),
    /// A word.
    Text(String),
}

impl From<&Measured> for MeasuredDocument {
    fn from(measured: &Measured) -> MeasuredDocument {
        MeasuredDocument {
            statement: find(&measured.id).map(StatementDocument::from),
            id: measured.id.clone(),
            verdict: measured.verdict().name(),
            size: measured.size.name(),
            seed: measured.seed,
            sources: measured.sources.clone(),
            is_current: measured.is_current(),
            seconds: measured.seconds,
            is_finished: measured.is_finished,
            checks: measured.checks.iter().map(CheckDocument::from).collect(),
        }
    }
}

impl From<&Check> for CheckDocument {
    fn from(check: &Check) -> CheckDocument {
        let pair = |(low, high): (f64, f64)| [number(low), number(high)];
        let cell = |cell: &Cell| match cell {
            Cell::Number(value) => CellDocument::Number(number(*value)),
            Cell::Text(word) => CellDocument::Text(word.clone()),
        };
        let rows = check.rows.rows.iter();
        CheckDocument {
            name: check.name.clone(),
            kind: check.kind.name(),
            verdict: check.verdict.name(),
            measured: number(check.measured),
            interval95: check.interval95.map(pair),
            interval999: check.interval999.map(pair),
            predicted: check.predicted.and_then(number),
            band: pair(check.band),
            note: check.note.clone(),
            columns: check.rows.columns.clone(),
            rows: rows.map(|row| row.iter().map(cell).collect()).collect(),
        }
    }
}

fn number(value: f64) -> Option<Number> {
    (!value.is_nan()).then_some(Number(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::WorstRatio;
    use crate::statement::Size;

    #[test]
    fn what_json_has_no_number_for() {
        let mut worst = WorstRatio::default();
        worst.see(f64::NAN, 1.0, || "s = 1".into());
        let measured = Measured {
            id: "gone".into(),
            size: Size::Small,
            seed: 3,
            sources: "0".into(),
            seconds: 0.5,
            is_finished: true,
            checks: vec![Check::inequality("ratio", &worst)],
        };
        let text = serde_json::to_string(&MeasuredDocument::from(&measured)).unwrap();
        insta::assert_snapshot!(text, @r#"{"statement":null,"id":"gone","verdict":"fails","size":"small","seed":3,"sources":"0","is_current":false,"seconds":0.5,"is_finished":true,"checks":[{"name":"ratio","kind":"inequality","verdict":"fails","measured":null,"interval95":null,"interval999":null,"predicted":null,"band":["-inf",1.0],"note":"worst of 1 instances: NaN against 1 at s = 1","columns":[],"rows":[]}]}"#);
    }
}
