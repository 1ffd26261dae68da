//! What happens over training: loss, coverage, Pass@k.

use super::figure::{
    Figure, Table, choice_label, interval_name, role, short, time_dot, training_axis, training_x,
};
use crate::chart::{Axis, Chart, Dot, Key, Kind, Mark, Role, Shape, Unit};
use crate::format::{cov, interval, nats, percent};
use breadth_analysis::{Checkpoint, Report};
use breadth_stats::{Estimate, Level};

/// Looks of the series of one chart: colour class and shape.
const SERIES: [(&str, Shape); 4] = [
    ("a", Shape::Circle),
    ("b", Shape::Square),
    ("c", Shape::Triangle),
    ("d", Shape::Circle),
];

pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let figures = [
        Some(loss(report)),
        coverage(report),
        pass(report),
        logged(report),
    ];
    figures.into_iter().flatten().collect()
}

/// KL where there is a reference, else cross-entropy: the same curve up to a constant.
fn loss(report: &Report) -> Figure {
    let known = report.checkpoints.iter().all(|c| c.kl.is_some());
    let (name, stem, value): (_, _, fn(&Checkpoint) -> &Estimate) = if known {
        ("KL", "kl", |c| c.kl.as_ref().unwrap_or(&c.cross_entropy))
    } else {
        ("Cross-entropy", "cross-entropy", |c| &c.cross_entropy)
    };
    let dots = report.checkpoints.iter().enumerate().map(|(i, c)| {
        let at = (training_x(report, i), value(c).value);
        let tip = format!("{}: {name} {}", c.label(), interval(value(c), nats));
        let limits = value(c);
        Mark::Dot(Dot {
            bar: limits.high.is_finite().then_some((limits.low, limits.high)),
            ..time_dot(report, i, at, tip)
        })
    });
    let points = (0..report.checkpoints.len())
        .map(|i| (training_x(report, i), value(&report.checkpoints[i]).value));
    let lowest = report.lowest_loss();
    let title = format!("{name} over training");
    let chart = Chart {
        stem: stem.into(),
        title: title.clone(),
        description: format!("{name} of every checkpoint; lowest at {}.", lowest.label()),
        x: training_axis(report),
        y: Axis::new(
            format!("{name}, nats per response"),
            Kind::Linear,
            Unit::Plain,
        ),
        marks: std::iter::once(trail(points.collect()))
            .chain(dots)
            .collect(),
        legend: Vec::new(),
    };
    Figure {
        stem: stem.into(),
        title,
        caption: loss_caption(report, name, value),
        drawing: chart.draw(),
        table: Table {
            head: vec![
                "Checkpoint".into(),
                format!("{name}, nats"),
                interval_name(report),
            ],
            rows: report
                .checkpoints
                .iter()
                .map(|c| estimate_row(c, value(c)))
                .collect(),
        },
    }
}

fn loss_caption(report: &Report, name: &str, value: fn(&Checkpoint) -> &Estimate) -> String {
    let lowest = report.lowest_loss();
    let chosen = report.winner();
    let least = format!(
        "{name} is lowest at {} ({})",
        lowest.label(),
        nats(value(lowest).value)
    );
    if report.verdict.winner == report.verdict.lowest_loss {
        return format!("{least}, the checkpoint that the tournament takes as well.");
    }
    let at = nats(value(chosen).value);
    if report.taken() != Some(report.verdict.winner) {
        return format!("{least}; the tournament takes {} ({at}).", chosen.label());
    }
    format!(
        "{least}; by the loss alone one would never stop at {} ({at}).",
        chosen.label()
    )
}

fn estimate_row(c: &Checkpoint, value: &Estimate) -> Vec<String> {
    let ends = format!("{} to {}", nats(value.low), nats(value.high));
    vec![short(c), nats(value.value), ends]
}

/// The thin line that joins the dots of one series.
fn trail(points: Vec<(f64, f64)>) -> Mark {
    Mark::Line {
        class: "trail".into(),
        points,
        checkpoint: None,
        tip: "in order of training".into(),
    }
}

/// Vertical lines at the two choices.
fn rules(report: &Report) -> Vec<Mark> {
    let rule = |class: &str, i: usize| Mark::Rule {
        class: class.into(),
        x: training_x(report, i),
    };
    vec![
        rule("chosen", report.highlighted()),
        rule("loss", report.verdict.lowest_loss),
    ]
}

/// One series over training.
struct Series<'a> {
    name: String,
    /// Value and ends of the interval for checkpoint `i`.
    value: &'a dyn Fn(usize) -> Option<(f64, f64, f64)>,
    /// Whether the choices are labelled on this series.
    labelled: bool,
}

impl Series<'_> {
    fn marks(&self, report: &Report, look: (&str, Shape)) -> Vec<Mark> {
        let all = (0..report.checkpoints.len()).filter_map(|i| Some((i, (self.value)(i)?)));
        let all: Vec<_> = all.collect();
        let points = all
            .iter()
            .map(|&(i, v)| (training_x(report, i), v.0))
            .collect();
        let line = Mark::Line {
            class: look.0.into(),
            points,
            checkpoint: None,
            tip: self.name.clone(),
        };
        let dots = all
            .iter()
            .map(|&(i, v)| Mark::Dot(self.dot(report, look, i, v)));
        std::iter::once(line).chain(dots).collect()
    }

    fn dot(&self, report: &Report, look: (&str, Shape), i: usize, v: (f64, f64, f64)) -> Dot {
        let c = &report.checkpoints[i];
        let bounds = format!("[{}, {}]", percent(v.1), percent(v.2));
        let chosen = if self.labelled {
            time_class_of_choice(report, i)
        } else {
            ""
        };
        Dot {
            at: (training_x(report, i), v.0),
            bar: Some((v.1, v.2)),
            class: format!("{} {chosen}", look.0),
            shape: look.1,
            role: if self.labelled {
                role(report, i)
            } else {
                Role::Plain
            },
            checkpoint: i,
            tip: format!("{}: {} {} {bounds}", c.label(), self.name, percent(v.0)),
            label: self.labelled.then(|| choice_label(report, i)).flatten(),
        }
    }
}

fn time_class_of_choice(report: &Report, i: usize) -> &'static str {
    if i == report.highlighted() {
        "chosen"
    } else {
        ""
    }
}

fn keys(names: &[String]) -> Vec<Key> {
    let key = |(i, name): (usize, &String)| Key {
        class: SERIES[i].0.into(),
        shape: Some(SERIES[i].1),
        line: true,
        text: name.clone(),
    };
    names.iter().enumerate().map(key).collect()
}

/// The levels drawn over training: the tournament's first, then the others.
fn levels(report: &Report) -> Vec<Level> {
    let points = report.checkpoints.first().map_or(&[][..], |c| &c.coverage);
    let mut levels: Vec<Level> = points.iter().map(|point| point.level).collect();
    // Cov_1 counts every response that q does not overrate: it says nothing about selection.
    levels.retain(|level| level.log_n() > 0.0 || level.log_n() == report.level.log_n());
    levels.truncate(SERIES.len());
    levels
}

fn coverage(report: &Report) -> Option<Figure> {
    let levels = levels(report);
    if levels.is_empty() {
        return None;
    }
    let names: Vec<String> = levels.iter().map(|&level| cov(level)).collect();
    let mut marks = rules(report);
    for (i, &level) in levels.iter().enumerate() {
        let value = |c: usize| {
            let point = report.checkpoints[c].coverage_at(level.log_n())?;
            Some((point.cov, point.low, point.high))
        };
        let labelled = level.log_n() == report.level.log_n();
        let series = Series {
            name: names[i].clone(),
            value: &value,
            labelled,
        };
        marks.extend(series.marks(report, SERIES[i]));
    }
    let title = "Uncovered data over training".to_string();
    let y = Axis::new("share of data uncovered, Cov", Kind::Log, Unit::Percent);
    let caption = coverage_caption(report);
    let chart = Chart {
        stem: "coverage".into(),
        title: title.clone(),
        description: caption.clone(),
        x: training_axis(report),
        y,
        marks,
        legend: keys(&names),
    };
    Some(Figure {
        stem: "coverage".into(),
        title,
        caption,
        drawing: chart.draw(),
        table: coverage_table(report, &levels),
    })
}

fn coverage_caption(report: &Report) -> String {
    let log_n = report.level.log_n();
    let name = cov(report.level);
    let value = |c: &Checkpoint| c.coverage_at(log_n).map_or(f64::NAN, |point| point.cov);
    let least = report
        .checkpoints
        .iter()
        .min_by(|a, b| value(a).total_cmp(&value(b)));
    let Some((least, last)) = least.zip(report.checkpoints.last()) else {
        return String::new();
    };
    let share = percent(value(least));
    if value(last) > value(least) {
        let end = percent(value(last));
        format!(
            "{name} is lowest at {} ({share}) and has risen to {end} by {}.",
            least.label(),
            last.label()
        )
    } else {
        format!(
            "{name} is lowest at the last checkpoint, {} ({share}).",
            last.label()
        )
    }
}

fn coverage_table(report: &Report, levels: &[Level]) -> Table {
    let head = std::iter::once("Checkpoint".to_string()).chain(levels.iter().map(|&l| cov(l)));
    let row = |c: &Checkpoint| {
        let cell = |level: &Level| match c.coverage_at(level.log_n()) {
            Some(p) => format!(
                "{} [{}, {}]",
                percent(p.cov),
                percent(p.low),
                percent(p.high)
            ),
            None => "–".into(),
        };
        std::iter::once(short(c))
            .chain(levels.iter().map(cell))
            .collect()
    };
    Table {
        head: head.collect(),
        rows: report.checkpoints.iter().map(row).collect(),
    }
}

/// Pass@k over training: the exact values as lines, the sampled ones as intervals on them.
fn pass(report: &Report) -> Option<Figure> {
    let ks = super::pass::known(report);
    let ks = &ks[..ks.len().min(SERIES.len())];
    if ks.is_empty() {
        return None;
    }
    let headline = report.headline_k();
    let mut marks = rules(report);
    for (i, &k) in ks.iter().enumerate() {
        let value = |c: usize| super::pass::value(report, c, k);
        let series = Series {
            name: format!("Pass@{k}"),
            value: &value,
            labelled: Some(k) == headline,
        };
        marks.extend(series.marks(report, SERIES[i]));
    }
    let names: Vec<String> = ks.iter().map(|k| format!("Pass@{k}")).collect();
    let caption = super::pass::training_caption(report);
    let chart = Chart {
        stem: "pass".into(),
        title: "Pass@k over training".into(),
        description: caption.clone(),
        x: training_axis(report),
        y: Axis::new(
            "Pass@k, share of prompts solved",
            Kind::Linear,
            Unit::Percent,
        ),
        marks,
        legend: keys(&names),
    };
    Some(Figure {
        stem: "pass".into(),
        title: "Pass@k over training".into(),
        caption,
        drawing: chart.draw(),
        table: super::pass::table(report, ks),
    })
}

/// The loss as it was logged during training.
fn logged(report: &Report) -> Option<Figure> {
    let (first, last) = (report.training_loss.first()?, report.training_loss.last()?);
    let caption = format!(
        "The training loss went from {} to {} nats per token over {} logged steps.",
        nats(first.1),
        nats(last.1),
        report.training_loss.len()
    );
    let chart = Chart {
        stem: "training-loss".into(),
        title: "Training loss".into(),
        description: caption.clone(),
        x: Axis::new("training step", Kind::Linear, Unit::Plain),
        y: Axis::new(
            "training loss, nats per response token",
            Kind::Linear,
            Unit::Plain,
        ),
        marks: vec![Mark::Line {
            class: "a".into(),
            points: report.training_loss.clone(),
            checkpoint: None,
            tip: "training loss".into(),
        }],
        legend: Vec::new(),
    };
    let every = report.training_loss.len().div_ceil(40);
    let rows = report.training_loss.iter().step_by(every.max(1));
    Some(Figure {
        stem: "training-loss".into(),
        title: "Training loss".into(),
        caption,
        drawing: chart.draw(),
        table: Table {
            head: vec!["Step".into(), "Loss, nats per token".into()],
            rows: rows
                .map(|&(step, loss)| vec![nats(step), nats(loss)])
                .collect(),
        },
    })
}
