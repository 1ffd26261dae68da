//! Several runs side by side: which way of training covers best, and what selection and reinforcement learning make of each.

use minijinja::{AutoEscape, Environment, Value, context};
use serde::Serialize;

use crate::chart::{Axis, Chart, Key, Kind, Mark, Unit};
use crate::error::Result;
use crate::figures::{Figure, Section, Table};
use crate::format::{cov, nats, percent};
use crate::page::{policy, style};
use breadth_analysis::{Checkpoint, Report};

const TEMPLATE: &str = include_str!("page/comparison.html");

/// Colour classes of the lines, in the order of the names, as long as they can be told apart.
const CLASSES: [&str; 4] = ["a", "loss", "b", "c"];

/// One run, with what came of a further training from its chosen checkpoint.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    /// What the run tries; runs of one name differ in the seed.
    pub name: String,
    /// Seed.
    pub seed: u64,
    /// Its report; all runs share N, the ks and the kind of evaluation.
    pub report: Report,
    /// The report of a further training from the chosen checkpoint, such as reinforcement learning.
    pub then: Option<Report>,
}

/// Mean, least and most over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Least.
    pub least: f64,
    /// Most.
    pub most: f64,
}

impl Spread {
    /// Of the known values; `None` where one is unknown or there is none.
    ///
    /// ```
    /// use breadth_report::Spread;
    /// let spread = Spread::of([Some(1.0), Some(3.0)].into_iter()).unwrap();
    /// assert_eq!((spread.mean, spread.least, spread.most), (2.0, 1.0, 3.0));
    /// assert_eq!(Spread::of([Some(1.0), None].into_iter()), None);
    /// ```
    pub fn of(values: impl Iterator<Item = Option<f64>>) -> Option<Spread> {
        let values: Vec<f64> = values.collect::<Option<_>>()?;
        let extreme = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick);
        Some(Spread {
            mean: breadth_stats::numerics::sum(values.iter().copied()) / values.len() as f64,
            least: extreme(f64::min)?,
            most: extreme(f64::max)?,
        })
    }

    fn text(&self, print: fn(f64) -> String) -> String {
        if self.least == self.most {
            return print(self.mean);
        }
        format!(
            "{} ({} to {})",
            print(self.mean),
            print(self.least),
            print(self.most)
        )
    }
}

/// What one way of training gave, over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// The way.
    pub name: String,
    /// Its seeds.
    pub seeds: Vec<u64>,
    /// KL of the last checkpoint, nats per response.
    pub final_kl: Option<Spread>,
    /// The lowest `Cov_N` of any checkpoint, N being the tournament's.
    pub best_coverage: Option<Spread>,
    /// `Cov_N` of the last checkpoint.
    pub final_coverage: Option<Spread>,
    /// Pass@k of the last checkpoint, for the k that goes with N.
    pub final_pass: Option<Spread>,
    /// Pass@k of the checkpoint that the tournament takes.
    pub chosen_pass: Option<Spread>,
    /// Pass@1 of the same.
    pub chosen_pass_1: Option<Spread>,
    /// Steps of the chosen checkpoints.
    pub chosen_steps: Vec<Option<u64>>,
    /// Pass@1 at the end of the further training.
    pub then_pass_1: Option<Spread>,
    /// Pass@k at the end of the further training.
    pub then_pass: Option<Spread>,
}

/// One row per name, in the order of first appearance.
pub fn comparison(runs: &[ComparedRun]) -> Vec<ComparisonRow> {
    names(runs)
        .into_iter()
        .map(|name| row(name, &of_name(runs, name)))
        .collect()
}

fn names(runs: &[ComparedRun]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.name.as_str()) {
            names.push(&run.name);
        }
    }
    names
}

fn of_name<'a>(runs: &'a [ComparedRun], name: &str) -> Vec<&'a ComparedRun> {
    runs.iter().filter(|run| run.name == name).collect()
}

fn row(name: &str, runs: &[&ComparedRun]) -> ComparisonRow {
    let spread =
        |value: &dyn Fn(&ComparedRun) -> Option<f64>| Spread::of(runs.iter().map(|run| value(run)));
    let then = |k: Option<u64>| {
        spread(&|run| {
            let report = run.then.as_ref()?;
            pass(last(report), k.or(report.headline_k()))
        })
    };
    ComparisonRow {
        name: name.to_owned(),
        seeds: runs.iter().map(|run| run.seed).collect(),
        final_kl: spread(&|run| Some(last(&run.report).kl?.value)),
        best_coverage: spread(&|run| {
            let covers = run
                .report
                .checkpoints
                .iter()
                .map(|c| coverage(&run.report, c));
            covers
                .collect::<Option<Vec<f64>>>()?
                .into_iter()
                .reduce(f64::min)
        }),
        final_coverage: spread(&|run| coverage(&run.report, last(&run.report))),
        final_pass: spread(&|run| pass(last(&run.report), run.report.headline_k())),
        chosen_pass: spread(&|run| pass(run.report.winner(), run.report.headline_k())),
        chosen_pass_1: spread(&|run| pass(run.report.winner(), Some(1))),
        chosen_steps: runs.iter().map(|run| run.report.winner().step).collect(),
        then_pass_1: then(Some(1)),
        then_pass: then(None),
    }
}

fn last(report: &Report) -> &Checkpoint {
    &report.checkpoints[report.checkpoints.len() - 1]
}

fn coverage(report: &Report, checkpoint: &Checkpoint) -> Option<f64> {
    Some(checkpoint.coverage_at(report.level.log_n())?.cov)
}

fn pass(checkpoint: &Checkpoint, k: Option<u64>) -> Option<f64> {
    checkpoint.pass_at(k?)?.best()
}

/// Which name is best, in a sentence.
pub fn comparison_sentence(runs: &[ComparedRun]) -> String {
    let rows = comparison(runs);
    let best = |value: fn(&ComparisonRow) -> Option<Spread>| {
        let known = rows.iter().filter_map(|row| Some((row, value(row)?.mean)));
        known.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let k = runs
        .first()
        .and_then(|run| run.report.headline_k())
        .unwrap_or(1);
    match (best(|row| row.chosen_pass), best(|row| row.then_pass_1)) {
        (Some((one, value)), Some((then, end))) => format!(
            "{} has the best Pass@{k} after the tournament's choice ({}); the further training ends best from {} (Pass@1 {}).",
            one.name,
            percent(value),
            then.name,
            percent(end)
        ),
        (Some((one, value)), None) => format!(
            "{} has the best Pass@{k} after the tournament's choice ({}).",
            one.name,
            percent(value)
        ),
        _ => format!("{} runs side by side.", runs.len()),
    }
}

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
    let style = style();
    let (head, rows) = comparison_table(runs);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = context! {
        title => title,
        verdict => comparison_sentence(runs),
        overview => Table { head, rows },
        sections => vec![Section { heading: "Over training", figures: figures(runs) }],
        policy => policy(&style, ""),
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
            &|report, c| coverage(report, c),
        ),
        figure(
            runs,
            "pass",
            &passes,
            "share of prompts solved",
            Unit::Percent,
            &|_, c| pass(c, k),
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
    let coloured = names.iter().filter(|name| class(name) != "faint");
    let mut keys: Vec<Key> = coloured
        .map(|name| key(class(name), crate::chart::shorten(name, 14)))
        .collect();
    if keys.len() < names.len() {
        keys.push(key("faint", "others".to_owned()));
    }
    keys
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

/// One quantity over training, a line for each run.
fn figure(
    runs: &[ComparedRun],
    stem: &str,
    what: &str,
    unit_name: &str,
    unit: Unit,
    value: &dyn Fn(&Report, &Checkpoint) -> Option<f64>,
) -> Option<Figure> {
    let names = names(runs);
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
            vec![run.name.clone(), run.seed.to_string(), c.label(), number]
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
