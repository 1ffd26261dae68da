//! The page: every statement with its claim, correction, picture and verdict, in one HTML file that
//! needs nothing else.

use breadth_report::{content_policy, page_style};
use minijinja::{AutoEscape, Environment, Value, context};

use crate::check::{Check, Verdict};
use crate::picture::picture;
use crate::results::Measured;
use crate::statement::Statement;
use crate::words::{self, Text};

const TEMPLATE: &str = include_str!("lab.html");
const STYLE: &str = include_str!("lab.css");

/// A page has at most so many pictures of a statement; the others are in its file.
const PICTURES: usize = 4;
/// And a table at most so many rows.
const ROWS: usize = 60;

/// The page of these statements, each with its stored measurement if there is one.
///
/// It works from the disk, without network and without script.
///
/// # Panics
///
/// If the template is broken, which is a defect.
pub fn page(statements: &[(&Statement, Option<Measured>)]) -> String {
    let style = format!("{}{STYLE}", page_style());
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let shown = statements
        .iter()
        .map(|(s, measured)| section(s, measured.as_ref()));
    let page = context! {
        headline => words::headline(&verdicts(statements)),
        statements => shown.collect::<Vec<Value>>(),
        policy => content_policy(&style, ""),
        style => Value::from_safe_string(style),
    };
    environment
        .render_named_str("lab.html", TEMPLATE, page)
        .expect("the template fits its data")
}

fn verdicts(statements: &[(&Statement, Option<Measured>)]) -> Vec<Option<Verdict>> {
    let verdict = |(_, measured): &(_, Option<Measured>)| measured.as_ref().map(Measured::verdict);
    statements.iter().map(verdict).collect()
}

fn section(statement: &Statement, measured: Option<&Measured>) -> Value {
    let checks = measured.map_or(&[][..], |measured| &measured.checks);
    context! {
        id => statement.id,
        paper => statement.paper,
        title => statement.title,
        claim => statement.claim,
        correction => statement.correction,
        verdict => measured.map_or("not measured", |measured| measured.verdict().name()),
        checks => table(words::checks(checks)),
        figures => figures(statement.id, checks),
        facts => measured.map(words::facts).unwrap_or_default(),
    }
}

fn table((head, rows): Text) -> Value {
    context! { head => head, rows => rows }
}

fn figures(id: &str, checks: &[Check]) -> Vec<Value> {
    let drawn = checks.iter().enumerate().filter_map(|(i, check)| {
        let drawing = picture(&format!("{id}-{i}"), check)?;
        Some(context! {
            title => check.name.as_str(),
            svg => Value::from_safe_string(drawing.svg()),
            table => table(words::rows(&check.rows, ROWS)),
        })
    });
    drawn.take(PICTURES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::all;
    use crate::statement::Size;

    fn measured(id: &str) -> (&'static Statement, Option<Measured>) {
        let statement = crate::catalog::find(id).unwrap();
        (statement, Some(Measured::of(statement, Size::Small, 0)))
    }

    #[test]
    fn a_page_says_claim_correction_and_verdict_and_draws() {
        let page = page(&[measured("d2"), measured("eq5"), measured("d5")]);
        assert!(page.contains("3 of 3 statements hold"), "{}", &page[..400]);
        for text in [
            "Ber(s&#x2f;N)",
            "<strong>Corrected.</strong> Strict and weak",
            "verdict holds",
        ] {
            assert!(page.contains(text), "no {text}");
        }
        assert!(page.matches("<svg").count() >= 3);
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !outside.contains("http://") && !outside.contains("src="),
            "it needs a network"
        );
        assert!(!page.contains("<script"));
    }

    #[test]
    fn what_fails_or_is_missing_is_said_first() {
        let (d2, good) = measured("d2");
        let mut bad = good.clone().unwrap();
        bad.checks[0].verdict = Verdict::Fails;
        let shown = [(d2, good), (d2, Some(bad)), (d2, None)];
        let page = page(&shown);
        assert!(page.contains("<h1>1 of 3 statements hold, 1 fails, 1 is not measured</h1>"));
        assert!(page.contains("verdict not measured"));
    }

    /// With four pictures of sixty points each, two megabytes are enough for all.
    #[test]
    fn the_page_of_all_statements_is_below_two_megabytes_by_its_limits() {
        let one = page(&[measured("bernoulli")]).len() - page(&[]).len();
        assert!(
            one * all().count() < 2_000_000,
            "{one} bytes for the largest"
        );
    }
}
