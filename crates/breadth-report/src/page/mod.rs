//! The page: one HTML file that needs nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use breadth_stats::Level;
use minijinja::{AutoEscape, Environment, Value, context};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::figures::{Figure, Section, Table, sections};
use crate::format::{confidence, cov, interval, level, nats, percent};
use crate::palette;
use breadth_analysis::{Checkpoint, Report};

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
    let page = context! {
        title => report.title.as_str(),
        verdict => report.headline(),
        notes => report.notes(),
        facts => facts(report),
        glance => glance(report),
        sections => sections(report),
        numbers => numbers(report),
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

/// JSON that cannot end the element it stands in.
fn inline_json(report: &Report) -> Result<String> {
    let json = serde_json::to_string(report)?;
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
        context! { head => rows.head, rows => rows.rows }
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
    let checkpoints = report.checkpoints.len();
    let mut facts = vec![
        plural(checkpoints, "checkpoint"),
        format!("N = {}", level(report.level)),
        format!(
            "tournament on {}",
            plural(report.selection_rows.rows, "response")
        ),
    ];
    let (rows, prompts) = (report.evaluation.rows, report.evaluation.prompts);
    if report.evaluation != report.selection_rows {
        facts.push(format!("evaluated on {}", plural(rows, "response")));
    }
    if prompts != rows {
        facts.push(plural(prompts, "prompt"));
    }
    match &report.reference {
        Some(reference) => facts.push(format!("measured against {reference}")),
        None => facts.push("no reference distribution".into()),
    }
    facts.push(format!("{} intervals", confidence(report.confidence)));
    facts
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
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
    let mut columns = Vec::new();
    let has_kl = report.checkpoints.iter().any(|c| c.kl.is_some());
    if has_kl {
        columns.push(Column::new("KL, nats", true, |c| {
            c.kl.as_ref().map_or_else(dash, |kl| interval(kl, nats))
        }));
    }
    columns.push(Column::new("cross-entropy, nats", !has_kl, |c| {
        interval(&c.cross_entropy, nats)
    }));
    columns.extend(coverage_columns(report));
    columns.push(Column::new("worst case in the tournament", true, |c| {
        percent(c.value)
    }));
    if report.checkpoints.iter().any(|c| c.reach.is_some()) {
        let name = format!("reach, k = {}", level_times_two(report));
        columns.push(Column::new(name, true, |c| {
            c.reach
                .as_ref()
                .map_or_else(dash, |reach| interval(reach, percent))
        }));
    }
    columns.extend(pass_columns(report));
    columns.push(Column::new("rank", false, |c| c.rank.to_string()));
    columns.push(Column::new("may be best", false, |c| {
        if c.not_excluded { "yes" } else { "no" }.into()
    }));
    columns
}

/// k = 2N, the number of samples that goes with the tournament's level.
fn level_times_two(report: &Report) -> String {
    let log_k = report.level.log_n() + std::f64::consts::LN_2;
    level(Level::from_log_n(log_k).unwrap_or(report.level))
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
    let points = report.checkpoints.first().map_or(&[][..], |c| &c.pass);
    let known = |k: u64| {
        report
            .checkpoints
            .iter()
            .any(|c| c.pass_at(k).and_then(|p| p.best()).is_some())
    };
    let headline = report.headline_k();
    let column = |k: u64| {
        Column::new(
            format!("Pass@{k}"),
            Some(k) == headline,
            move |c: &Checkpoint| {
                c.pass_at(k)
                    .and_then(|point| point.best())
                    .map_or_else(dash, percent)
            },
        )
    };
    points
        .iter()
        .map(|point| point.k)
        .filter(|&k| known(k))
        .map(column)
        .collect()
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
}

fn row_of(report: &Report, index: usize, columns: &[&Column]) -> Row {
    let c = &report.checkpoints[index];
    let (chosen, loss) = (
        index == report.highlighted(),
        index == report.verdict.lowest_loss,
    );
    Row {
        index,
        name: c.label(),
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
    Rows {
        head: columns.iter().map(|column| column.name.clone()).collect(),
        rows: indices
            .iter()
            .map(|&i| row_of(report, i, columns))
            .collect(),
    }
}

/// The choices side by side, a quantity to a row so that it fits a narrow screen.
fn glance(report: &Report) -> Value {
    let columns = columns(report);
    let mut choices = vec![report.highlighted()];
    for other in [report.verdict.winner, report.verdict.lowest_loss] {
        if !choices.contains(&other) {
            choices.push(other);
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

/// The words of the page, explained: (term, meaning).
fn glossary(report: &Report) -> Vec<(String, String)> {
    let n = level(report.level);
    let mut terms = vec![
        (
            "Uncovered at N".to_string(),
            format!("A response that the model gives at least N times less probability than it has in the data (here N = {n}). Sampling about 2N responses rarely finds it."),
        ),
        ("Cov".into(), "The share of the data that is uncovered at N. Small is good: it bounds how well the best of N samples can do.".into()),
        ("Pass@k".into(), "The probability that at least one of k samples is right. It goes with Cov at N = k/2.".into()),
        ("Reach".into(), "How often k samples contain a held-out response itself, from its probability alone. Pass@k is at least this for every verifier that accepts the held-out responses; it goes with Cov at N = k/2.".into()),
        (
            "Tournament".into(),
            format!("Needs no knowledge of the true distribution: for each checkpoint, find the other checkpoint against which it under-weights the largest share of held-out responses by {n} or more, its worst case. Take the checkpoint whose worst case is smallest."),
        ),
        (
            "May be best".into(),
            format!("Not excluded: at {} confidence this checkpoint may have the smallest true worst case.", confidence(report.confidence)),
        ),
    ];
    if !report.method.is_empty() {
        terms.push(("Intervals of Cov".into(), report.method.clone()));
    }
    terms
}
