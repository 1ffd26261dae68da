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
    let measured = statements.iter().filter_map(|(_, one)| one.as_ref());
    let page = context! {
        headline => words::headline(&verdicts(statements), words::reported(measured)),
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
        notes => notes(checks),
        figures => figures(statement.id, checks),
        facts => measured.map(words::facts).unwrap_or_default(),
    }
}

/// What is said of each check besides its numbers: the worst instance, or every seed.
fn notes(checks: &[Check]) -> Vec<String> {
    let note = |check: &Check| Some(format!("{}: {}", check.name, check.note.as_ref()?));
    checks.iter().filter_map(note).collect()
}

fn table((head, rows): Text) -> Value {
    context! { head => head, rows => rows }
}

fn figures(id: &str, checks: &[Check]) -> Vec<Value> {
    let shown = drawings(id, checks).map(|(check, drawing)| {
        context! {
            title => check.name.as_str(),
            svg => Value::from_safe_string(drawing.svg()),
            table => table(words::rows(&check.rows, ROWS)),
        }
    });
    shown.take(PICTURES).collect()
}

/// Every check that is drawn, with its drawing; the stem is the id and the place of the check.
fn drawings<'a>(
    id: &'a str,
    checks: &'a [Check],
) -> impl Iterator<Item = (&'a Check, breadth_report::Plot)> {
    let drawn = move |(i, check)| Some((check, picture(&format!("{id}-{i}"), check)?));
    checks.iter().enumerate().filter_map(drawn)
}

/// All pictures of these statements as files of their own, each with its name (`headline-0`).
pub fn svgs(statements: &[(&Statement, Option<Measured>)]) -> Vec<(String, String)> {
    let measured = statements
        .iter()
        .filter_map(|(_, measured)| measured.as_ref());
    let of_one = |measured: &Measured| {
        let file = |(_, drawing): (_, breadth_report::Plot)| (drawing.stem.clone(), drawing.file());
        drawings(&measured.id, &measured.checks)
            .map(file)
            .collect::<Vec<_>>()
    };
    measured.flat_map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::all;
    use crate::statement::Size;

    fn measured(id: &str) -> (&'static Statement, Option<Measured>) {
        let statement = crate::catalog::find(id).unwrap();
        let runs = crate::runs::Runs::new("runs");
        let measured = Measured::of(statement, &runs, (Size::Small, 0)).unwrap();
        (statement, measured)
    }

    #[test]
    fn a_page_says_claim_correction_and_verdict_and_draws() {
        let page = page(&[measured("d2"), measured("eq5"), measured("d5")]);
        assert!(page.contains("3 of 3 statements hold"), "{}", &page[..400]);
        for text in [
            "Ber(s&#x2f;N)",
            "<strong>Corrected.</strong> Strict and weak",
            "verdict holds",
            "<li>lower bound over coverage: worst of 16 instances",
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

    /// Words, and the numbers between them.
    fn parts(svg: &str) -> (Vec<&str>, Vec<f64>) {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let words = svg
            .split(is_number)
            .filter(|word| !word.is_empty())
            .collect();
        let numbers = svg
            .split(|c| !is_number(c))
            .filter_map(|number| number.parse().ok());
        (words, numbers.collect())
    }

    #[test]
    fn the_pictures_of_the_readme_are_what_is_measured() {
        let readme = include_str!("../../../../README.md");
        let drawn = svgs(&[measured("headline")]);
        assert_eq!(drawn.len(), 2);
        for (stem, svg) in drawn {
            let name = format!("docs/lab/{stem}.svg");
            assert!(readme.contains(&format!("({name})")), "no {name}");
            let kept = std::path::Path::new("../..").join(&name);
            let kept = std::fs::read_to_string(kept).unwrap();
            let ((words, numbers), (kept_words, kept_numbers)) = (parts(&svg), parts(&kept));
            assert_eq!(words, kept_words, "{name}: scripts/lab-docs makes it anew");
            for (number, kept) in numbers.iter().zip(&kept_numbers) {
                let is_near = (number - kept).abs() <= 1e-6 * kept.abs();
                assert!(
                    is_near,
                    "{name}: {number} and {kept}; scripts/lab-docs makes it anew"
                );
            }
        }
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
