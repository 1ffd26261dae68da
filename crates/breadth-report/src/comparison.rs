//! The page and the table of several runs side by side.

use minijinja::{AutoEscape, Environment, Value, context};

use crate::chart::{Axis, Chart, Key, Kind, Mark, Unit};
use crate::error::Result;
use crate::figures::{Figure, Section, Table};
use crate::format::{cov, nats, percent};
use crate::names::shortened;
use crate::page::{content_policy, page_style};
use breadth_analysis::{
    Checkpoint, ComparedRun, ComparisonRow, Report, Spread, comparison, comparison_sentence,
    run_names,
};

const TEMPLATE: &str = include_str!("page/comparison.html");

/// Colour classes of the lines, in the order of the names, as long as they can be told apart.
const CLASSES: [&str; 4] = ["a", "loss", "b", "c"];

/// The table of the page and of the terminal: head and rows.
pub fn comparison_table(runs: &[ComparedRun]) -> (Vec<String>, Vec<Vec<String>>) {
    let Some(first) = runs.first() else {
        return (Vec::new(), Vec::new());
    };
    let (n, k) = (
        cov(first.report.level),
        first.report.headline_k().unwrap_or(1),
    );
    let has_then = runs.iter().any(|run| run.then.is_some());
    let mut head = vec![
        "run".to_owned(),
        "final KL".to_owned(),
        format!("best {n}"),
        format!("final {n}"),
        format!("Pass@{k} last"),
        format!("Pass@{k} chosen"),
        "chosen at".to_owned(),
    ];
    if has_then {
        head.extend(["then Pass@1".to_owned(), format!("then Pass@{k}")]);
    }
    let text = |spread: &Option<Spread>, print| spread.map_or("-".to_owned(), |s| s.text(print));
    let cells = |row: &ComparisonRow| {
        let steps: Vec<String> = row
            .chosen_steps
            .iter()
            .map(|step| step.map_or("-".to_owned(), |step| step.to_string()))
            .collect();
        let mut cells = vec![
            row.name.clone(),
            text(&row.final_kl, nats),
            text(&row.best_coverage, percent),
            text(&row.final_coverage, percent),
            text(&row.final_pass, percent),
            text(&row.chosen_pass, percent),
            steps.join(", "),
        ];
        if has_then {
            cells.extend([
                text(&row.then_pass_1, percent),
                text(&row.then_pass, percent),
            ]);
        }
        cells
    };
    (head, comparison(runs).iter().map(cells).collect())
}

/// Renders the runs as one self-contained page.
///
/// # Errors
/// None that data can cause, as [`crate::html`].
pub fn comparison_html(title: &str, runs: &[ComparedRun]) -> Result<String> {
    let style = page_style();
    let (head, rows) = comparison_table(runs);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = context! {
        title => title,
        verdict => comparison_sentence(runs),
        overview => Table { head, rows },
        sections => vec![Section { heading: "Over training", figures: figures(runs) }],
        policy => content_policy(&style, ""),
        style => Value::from_safe_string(style),
    };
    Ok(environment.render_named_str("comparison.html", TEMPLATE, page)?)
}

fn figures(runs: &[ComparedRun]) -> Vec<Figure> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let (n, k) = (cov(first.report.level), first.report.headline_k());
    let passes = format!("Pass@{}", k.unwrap_or(1));
    let all = [
        figure(
            runs,
            "kl",
            "KL",
            "nats per response",
            Unit::Plain,
            &|_, c| Some(c.kl?.value),
        ),
        figure(
            runs,
            "coverage",
            &n,
            "share of data uncovered",
            Unit::Percent,
            &|report, c| report.coverage_of(c),
        ),
        figure(
            runs,
            "pass",
            &passes,
            "share of prompts solved",
            Unit::Percent,
            &|_, c| c.best_pass_at(k),
        ),
    ];
    all.into_iter().flatten().collect()
}

/// Every name, or those with a colour and one entry for all others.
fn legend<'a>(names: &[&'a str], class: impl Fn(&'a str) -> &'static str) -> Vec<Key> {
    let key = |class: &str, text: String| Key {
        class: class.into(),
        shape: None,
        line: true,
        text,
    };
    let short = shortened(names, 14);
    let mut keys: Vec<Key> = names
        .iter()
        .zip(short)
        .filter(|(name, _)| class(name) != "faint")
        .map(|(name, short)| key(class(name), short))
        .collect();
    if keys.len() < names.len() {
        keys.push(key("faint", "others".to_owned()));
    }
    keys
}

/// One quantity over training, a line for each run.
fn figure(
    runs: &[ComparedRun],
    stem: &str,
    what: &str,
    unit_name: &str,
    unit: Unit,
    value: &dyn Fn(&Report, &Checkpoint) -> Option<f64>,
) -> Option<Figure> {
    let names = run_names(runs);
    let best = best_name(runs);
    let class = |name: &str| {
        let at = names.iter().position(|other| *other == name).unwrap_or(0);
        match at {
            _ if names.len() <= CLASSES.len() => CLASSES[at],
            _ if Some(name) == best.as_deref() => "chosen",
            0 => "a",
            _ => "faint",
        }
    };
    let line = |run: &ComparedRun| {
        let point = |(i, c): (usize, &Checkpoint)| {
            let x = c.step.map_or(i as f64, |step| step as f64);
            Some((x, value(&run.report, c)?))
        };
        let points: Option<Vec<_>> = run
            .report
            .checkpoints
            .iter()
            .enumerate()
            .map(point)
            .collect();
        Some(Mark::Line {
            class: class(&run.name).to_owned(),
            points: points?,
            checkpoint: None,
            tip: format!("{}, seed {}", run.name, run.seed),
        })
    };
    let mut marks: Vec<Mark> = runs.iter().filter_map(line).collect();
    // The grey ones first, so that they lie below.
    marks.sort_by_key(|mark| !matches!(mark, Mark::Line { class, .. } if class == "faint"));
    if marks.is_empty() {
        return None;
    }
    let title = format!("{what} over training");
    let caption =
        "A line for each run; runs that differ in the seed alone share a colour.".to_owned();
    let chart = Chart {
        stem: stem.into(),
        title: title.clone(),
        description: caption.clone(),
        x: Axis::new("training step", Kind::Linear, Unit::Plain),
        y: Axis::new(format!("{what}, {unit_name}"), Kind::Linear, unit),
        marks,
        legend: legend(&names, class),
    };
    let head = ["run", "seed", "step", what].map(str::to_owned).to_vec();
    let numbers = |run: &ComparedRun| -> Vec<Vec<String>> {
        let cells = |c: &Checkpoint| {
            let number = value(&run.report, c).map_or("-".to_owned(), |v| format!("{v:.4}"));
            vec![
                run.name.clone(),
                run.seed.to_string(),
                c.model.clone(),
                number,
            ]
        };
        run.report.checkpoints.iter().map(cells).collect()
    };
    Some(Figure {
        stem: stem.into(),
        title,
        caption,
        drawing: chart.draw(),
        table: Table {
            head,
            rows: runs.iter().flat_map(numbers).collect(),
        },
    })
}

/// The name with the best Pass@k after the tournament's choice.
fn best_name(runs: &[ComparedRun]) -> Option<String> {
    let rows = comparison(runs);
    let known = rows
        .iter()
        .filter_map(|row| Some((&row.name, row.chosen_pass?.mean)));
    let best = known.max_by(|a, b| a.1.total_cmp(&b.1));
    best.map(|(name, _)| name.clone())
}
