//! The page: one HTML file that needs nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, Value, context};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::figures::{Figure, Section, Table, is_many, names, sections};
use crate::format::{confidence, cov, level, nats, nats_with_limits, percent, share_with_limits};
use crate::names::common_start;
use crate::palette;
use breadth_analysis::{Checkpoint, PassPoint, Report, Standing, number};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Renders the report as one self-contained HTML page.
///
/// It works from the disk, without network and without script; a content-security policy allows
/// only the style and script that are inside it, by hash. Names from the data are escaped wherever
/// they appear.
///
/// # Errors
/// None that data can cause: [`crate::Error::Template`] and [`crate::Error::Json`] are defects.
pub fn html(report: &Report) -> Result<String> {
    let style = page_style();
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("unbroken", unbroken);
    let page = context! {
        title => report.title.as_str(),
        verdict => report.headline(),
        notes => report.notes(),
        facts => facts(report),
        glance => glance(report),
        sections => sections(report),
        numbers => numbers(report),
        left_out => report.left_out(),
        glossary => pairs(&glossary(report)),
        provenance => pairs(&report.provenance),
        policy => content_policy(&style, SCRIPT),
        style => Value::from_safe_string(style),
        script => Value::from_safe_string(SCRIPT.into()),
        data => Value::from_safe_string(inline_json(report)?),
    };
    Ok(environment.render_named_str("page.html", TEMPLATE, page)?)
}

/// Draws every chart of the page as a file of its own: (file stem, SVG).
///
/// The files are valid XML, carry their own style in light colours and need no fonts beyond the
/// usual sans-serif ones.
pub fn svgs(report: &Report) -> Vec<(String, String)> {
    let figures = sections(report)
        .into_iter()
        .flat_map(|section| section.figures);
    figures
        .map(|figure| (figure.stem.clone(), palette::standalone(&figure.drawing)))
        .collect()
}

/// Limits stay on one line: `[83.2, 86.7]%`.
fn unbroken(cell: String) -> String {
    cell.replace(", ", ",\u{a0}")
}

fn pairs(pairs: &[(String, String)]) -> Vec<Vec<String>> {
    pairs
        .iter()
        .map(|(what, value)| vec![what.clone(), value.clone()])
        .collect()
}

/// The style of every page, with the colours of its charts.
pub fn page_style() -> String {
    format!("{}{STYLE}", palette::page_css())
}

/// A content-security policy that allows the page's own style and script, by hash, an empty icon,
/// and nothing else.
///
/// `script`: its text, nothing for a page without one.
pub fn content_policy(style: &str, script: &str) -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        hash(style),
        hash(script)
    )
}

fn hash(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(Sha256::digest(text.as_bytes()))
    )
}

/// JSON that cannot end the element it stands in. Of many checkpoints it has neither the pairs nor
/// the fine profiles: these would be most of the page.
fn inline_json(report: &Report) -> Result<String> {
    let json = if is_many(report) {
        let checkpoints = report.checkpoints.iter().cloned();
        let without_profile = |checkpoint| Checkpoint {
            profile: Vec::new(),
            ..checkpoint
        };
        serde_json::to_string(&Report {
            matrix: Vec::new(),
            checkpoints: checkpoints.map(without_profile).collect(),
            ..report.clone()
        })?
    } else {
        serde_json::to_string(report)?
    };
    Ok(json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026"))
}

impl From<Section> for Value {
    fn from(section: Section) -> Self {
        context! { heading => section.heading, figures => section.figures }
    }
}

impl From<Figure> for Value {
    fn from(figure: Figure) -> Self {
        context! {
            stem => figure.stem,
            title => figure.title,
            caption => figure.caption,
            svg => Value::from_safe_string(figure.drawing.to_string()),
            table => figure.table,
        }
    }
}

impl From<Table> for Value {
    fn from(table: Table) -> Self {
        context! { head => table.head, rows => table.rows }
    }
}

impl From<Rows> for Value {
    fn from(rows: Rows) -> Self {
        context! { head => rows.head, rows => rows.rows, start => rows.start }
    }
}

impl From<Row> for Value {
    fn from(row: Row) -> Self {
        context! {
            index => row.index,
            name => row.name,
            class => row.class,
            tags => row.tags,
            cells => row.cells,
        }
    }
}

/// The line of facts under the verdict.
fn facts(report: &Report) -> Vec<String> {
    let mut facts = vec![
        number::count(report.checkpoints.len(), "checkpoint"),
        format!("N = {}", level(report.level)),
    ];
    if let Some(rows) = report.selection_rows {
        facts.push(format!(
            "tournament on {}",
            number::count(rows.rows, "response")
        ));
    }
    if let Some(rows) = report.evaluation {
        if report.evaluation != report.selection_rows {
            facts.push(format!(
                "evaluated on {}",
                number::count(rows.rows, "response")
            ));
        }
        if rows.prompts != rows.rows {
            facts.push(number::count(rows.prompts, "prompt"));
        }
    }
    if let Some(graded) = report.graded {
        facts.push(format!(
            "at least {} of each of {}",
            number::count(graded.fewest as usize, "graded sample"),
            number::count(graded.prompts, "prompt")
        ));
    }
    if let Some(reference) = &report.reference {
        facts.push(format!("measured against {reference}"));
    }
    facts.push(format!("{} intervals", confidence(report.confidence)));
    facts
}

/// A quantity that every checkpoint has, as a column of the tables.
struct Column {
    name: String,
    cell: Box<dyn Fn(&Checkpoint) -> String>,
    /// Whether the column is among the few at the top of the page.
    headline: bool,
}

impl Column {
    fn new(
        name: impl Into<String>,
        headline: bool,
        cell: impl Fn(&Checkpoint) -> String + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            cell: Box::new(cell),
            headline,
        }
    }
}

fn dash() -> String {
    "–".into()
}

/// All columns that the report has numbers for.
fn columns(report: &Report) -> Vec<Column> {
    let has = |is_known: fn(&Checkpoint) -> bool| report.checkpoints.iter().any(is_known);
    let mut columns = Vec::new();
    let has_kl = has(|c| c.kl.is_some());
    if has_kl {
        columns.push(Column::new("KL, nats", true, |c| {
            c.kl.as_ref().map_or_else(dash, nats_with_limits)
        }));
    }
    if has(|c| c.cross_entropy.is_some()) {
        columns.push(Column::new("cross-entropy, nats", !has_kl, |c| {
            c.cross_entropy.as_ref().map_or_else(dash, nats_with_limits)
        }));
    }
    if has(|c| c.eval_loss.is_some()) {
        columns.push(Column::new("eval loss of the trainer", true, |c| {
            c.eval_loss.map_or_else(dash, |loss| nats(loss.0))
        }));
    }
    columns.extend(coverage_columns(report));
    let has_standing = has(|c| c.standing.is_some()) && report.checkpoints.len() > 1;
    if has_standing {
        columns.push(placed("worst case in the tournament", true, |standing| {
            percent(standing.value)
        }));
    }
    if has(|c| c.reach.is_some()) {
        let name = format!("reach, k = {}", report.k_in_words());
        columns.push(Column::new(name, true, |c| {
            c.reach.as_ref().map_or_else(dash, share_with_limits)
        }));
    }
    columns.extend(pass_columns(report));
    if has_standing {
        columns.push(placed("rank", false, |standing| standing.rank.to_string()));
        columns.push(placed("may be best", false, |standing| {
            if standing.not_excluded { "yes" } else { "no" }.into()
        }));
    }
    columns
}

/// A column about places in the tournament.
fn placed(name: &str, headline: bool, cell: fn(&Standing) -> String) -> Column {
    Column::new(name, headline, move |c| {
        c.standing.as_ref().map_or_else(dash, cell)
    })
}

fn coverage_columns(report: &Report) -> Vec<Column> {
    let points = report.checkpoints.first().map_or(&[][..], |c| &c.coverage);
    let column = |point: &breadth_stats::CoveragePoint| {
        let at = point.level.log_n();
        let headline = (at - report.level.log_n()).abs() < 1e-9;
        Column::new(
            format!("{}, uncovered", cov(point.level)),
            headline,
            move |c| {
                c.coverage_at(at)
                    .map_or_else(dash, |point| percent(point.cov))
            },
        )
    };
    points.iter().map(column).collect()
}

fn pass_columns(report: &Report) -> Vec<Column> {
    let headline = report.headline_k();
    let cell = |point: &PassPoint| match (&point.exact, &point.sampled) {
        (Some(exact), _) => percent(*exact),
        (None, Some(sampled)) => share_with_limits(sampled),
        (None, None) => dash(),
    };
    let column = |k: u64| {
        Column::new(
            report.pass_name(k),
            Some(k) == headline,
            move |c: &Checkpoint| c.pass_at(k).map_or_else(dash, cell),
        )
    };
    report.known_ks().into_iter().map(column).collect()
}

/// A row of a table about checkpoints.
#[derive(Clone, Debug)]
struct Row {
    index: usize,
    name: String,
    /// `chosen`, `loss` or empty: the class of the row.
    class: &'static str,
    tags: Vec<&'static str>,
    cells: Vec<String>,
}

#[derive(Clone, Debug)]
struct Rows {
    head: Vec<String>,
    rows: Vec<Row>,
    /// What all names begin with, and is left out.
    start: String,
}

/// Characters of a name in the table of all numbers, at most.
const LONGEST: usize = 28;

fn row_of(report: &Report, index: usize, columns: &[&Column]) -> Row {
    let c = &report.checkpoints[index];
    let (chosen, loss) = (
        report.highlighted() == Some(index),
        report.choices.lowest_loss == Some(index),
    );
    Row {
        index,
        name: c.model.clone(),
        class: if chosen {
            "chosen"
        } else if loss {
            "loss"
        } else {
            ""
        },
        tags: report.choice_of(index),
        cells: columns.iter().map(|column| (column.cell)(c)).collect(),
    }
}

fn rows(report: &Report, indices: &[usize], columns: &[&Column]) -> Rows {
    let names = names(report, LONGEST);
    let row = |&i: &usize| Row {
        name: names[i].clone(),
        ..row_of(report, i, columns)
    };
    let all = report.checkpoints.iter().map(|c| c.model.as_str());
    let start = common_start(&all.collect::<Vec<_>>(), LONGEST);
    Rows {
        head: columns.iter().map(|column| column.name.clone()).collect(),
        rows: indices.iter().map(row).collect(),
        start: start.to_owned(),
    }
}

/// The choices side by side, a quantity to a row so that it fits a narrow screen.
fn glance(report: &Report) -> Value {
    let columns = columns(report);
    let of = [
        report.highlighted(),
        report.choices.winner,
        report.choices.lowest_loss,
    ];
    let mut choices: Vec<usize> = Vec::new();
    for choice in of.into_iter().flatten() {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    let row = |column: &Column| {
        let cells = choices
            .iter()
            .map(|&i| (column.cell)(&report.checkpoints[i]));
        std::iter::once(column.name.clone())
            .chain(cells)
            .collect::<Vec<_>>()
    };
    let few = columns.iter().filter(|column| column.headline);
    context! {
        choices => choices.iter().map(|&i| row_of(report, i, &[])).collect::<Vec<_>>(),
        rows => few.map(row).collect::<Vec<_>>(),
    }
}

/// Every checkpoint with every number.
fn numbers(report: &Report) -> Rows {
    let columns = columns(report);
    let all: Vec<usize> = (0..report.checkpoints.len()).collect();
    rows(report, &all, &columns.iter().collect::<Vec<_>>())
}

/// The words of the page, explained: (term, meaning); those of what is there.
fn glossary(report: &Report) -> Vec<(String, String)> {
    let n = level(report.level);
    let has_scores = report.evaluation.is_some();
    let (pass, has_pass) = (report.pass_name("k"), !report.known_ks().is_empty());
    let of_pass = if pass.starts_with("Best") {
        "The best reward among k samples, on average."
    } else {
        "The probability that at least one of k samples is right."
    };
    let goes_with = if has_scores {
        " It goes with coverage at N = k/2."
    } else {
        ""
    };
    let tournament = if report.is_over_answers() {
        format!(
            "For each checkpoint, find the other checkpoint against which it gives the largest share of answers {n} times less often, its worst case. The smallest worst case wins."
        )
    } else {
        format!(
            "Needs no knowledge of the true distribution: for each checkpoint, find the other checkpoint against which it under-weights the largest share of held-out responses by {n} or more, its worst case. Take the checkpoint whose worst case is smallest."
        )
    };
    let terms = [
        (has_scores, "Uncovered at N", format!("A response that the model gives at least N times less probability than it has in the data (here N = {n}). Sampling about 2N responses rarely finds it.")),
        (has_scores, "Cov", "The share of the data that is uncovered at N. Small is good: it bounds how well the best of N samples can do.".into()),
        (has_pass, &pass, format!("{of_pass}{goes_with}")),
        (has_scores, "Reach", "How often k samples contain a held-out response itself, from its probability alone. Pass@k is at least this for every verifier that accepts the held-out responses; it goes with Cov at N = k/2.".into()),
        (report.selection.is_some(), "Tournament", tournament),
        (report.selection.is_some(), "May be best", format!("Not excluded: at {} confidence this checkpoint may have the smallest true worst case.", confidence(report.confidence))),
        (!report.method.is_empty(), "Intervals of Cov", report.method.clone()),
    ];
    let known = terms.into_iter().filter(|term| term.0);
    known
        .map(|(_, term, meaning)| (term.to_owned(), meaning))
        .collect()
}
