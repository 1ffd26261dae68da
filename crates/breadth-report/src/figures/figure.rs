//! What figures share: the drawing with its words and numbers, the axis of training, colours of
//! checkpoints.

use crate::chart::{Axis, Dot, Key, Kind, Mark, Role, Shape, Unit};
use crate::names::shortened;
use crate::svg::Element;
use breadth_analysis::{Checkpoint, Report};

/// A drawing with its words and numbers.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Name of its file.
    pub(crate) stem: String,
    pub(crate) title: String,
    /// One sentence: what to see.
    pub(crate) caption: String,
    pub(crate) drawing: Element,
    pub(crate) table: Table,
}

/// The numbers behind a figure, as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Looks of the series of one chart: colour class and shape.
pub(super) const SERIES: [(&str, Shape); 4] = [
    ("a", Shape::Circle),
    ("b", Shape::Square),
    ("c", Shape::Triangle),
    ("d", Shape::Circle),
];

/// More checkpoints than this are drawn as small dots, their intervals as a band.
const MANY: usize = 64;

/// Whether there are too many checkpoints to draw each in full.
pub(crate) fn is_many(report: &Report) -> bool {
    report.checkpoints.len() > MANY
}

/// The interval of one dot as a bar; none where all of them make a band.
pub(super) fn bar(report: &Report, limits: (f64, f64)) -> Option<(f64, f64)> {
    (!is_many(report)).then_some(limits)
}

/// The intervals of all checkpoints as one band, where they are many: `(x, low, high)`.
pub(super) fn band(
    report: &Report,
    class: &str,
    limits: impl Iterator<Item = (f64, f64, f64)>,
) -> Option<Mark> {
    is_many(report).then(|| Mark::Band {
        class: class.into(),
        points: limits.collect(),
    })
}

/// The horizontal axis of everything drawn over training: steps where they are known, else names.
pub(super) fn training_axis(report: &Report) -> Axis {
    let mut axis = Axis::new("training step", Kind::Linear, Unit::Plain);
    if report.checkpoints.iter().any(|c| c.step.is_none()) {
        axis.title = "checkpoint".into();
        axis.places = Some(names(report, SHORT));
    }
    axis
}

/// Where a checkpoint stands on [`training_axis`].
pub(super) fn training_x(report: &Report, i: usize) -> f64 {
    let stepped = report.checkpoints.iter().all(|c| c.step.is_some());
    match report.checkpoints[i].step {
        Some(step) if stepped => step as f64,
        _ => i as f64,
    }
}

/// Characters of a name on an axis, in a legend or beside a dot, at most.
const SHORT: usize = 14;

/// The names of all checkpoints in so many characters, without what they begin with.
pub(crate) fn names(report: &Report, longest: usize) -> Vec<String> {
    let all = report.checkpoints.iter().map(|c| c.model.as_str());
    shortened(&all.collect::<Vec<_>>(), longest)
}

/// The names on an axis that says `step`, where every checkpoint has one.
pub(super) fn steps(report: &Report) -> Vec<String> {
    let step = |c: &Checkpoint| c.step.map(|step| step.to_string());
    let all: Option<Vec<String>> = report.checkpoints.iter().map(step).collect();
    all.unwrap_or_else(|| names(report, SHORT))
}

pub(super) fn role(report: &Report, i: usize) -> Role {
    if report.taken() == Some(i) {
        Role::Chosen
    } else if report.choices.lowest_loss == Some(i) {
        Role::LowestLoss
    } else {
        Role::Plain
    }
}

/// Label of the dots that matter: the choices.
pub(super) fn choice_label(report: &Report, i: usize) -> Option<String> {
    // One that is taken needs no other reason.
    let (first, others) = report
        .choice_of(i)
        .split_first()
        .map(|(f, o)| (*f, o.to_vec()))?;
    let name = &names(report, SHORT)[i];
    let words = match first {
        "take this" => first.to_owned(),
        _ => [vec![first], others].concat().join(", "),
    };
    Some(format!("{name}: {words}"))
}

/// The class that colours checkpoint `i` by its place in training: `t0` (first) to `t8` (last).
pub(super) fn time_class(report: &Report, i: usize) -> String {
    let last = report.checkpoints.len().saturating_sub(1).max(1);
    let chosen = if report.highlighted() == Some(i) {
        " chosen"
    } else {
        ""
    };
    format!("t{}{chosen}", 8 * i / last)
}

/// A dot of checkpoint `i` coloured by its place in training.
pub(super) fn time_dot(report: &Report, i: usize, at: (f64, f64), tip: String) -> Dot {
    Dot {
        at,
        bar: None,
        class: time_class(report, i),
        shape: Shape::Circle,
        is_small: is_many(report),
        role: role(report, i),
        checkpoint: i,
        tip,
        label: choice_label(report, i),
    }
}

/// The legend of dots coloured by their place in training.
pub(super) fn time_legend(report: &Report) -> Vec<Key> {
    let last = report.checkpoints.len().saturating_sub(1);
    if last == 0 {
        return Vec::new();
    }
    let names = names(report, SHORT);
    let key = |i: usize| Key {
        class: format!("t{}", 8 * i / last),
        shape: Some(Shape::Circle),
        line: false,
        text: names[i].clone(),
    };
    let mut places = vec![0, last / 2, last];
    places.dedup();
    places.into_iter().map(key).collect()
}

/// Curves of all checkpoints in one chart, at most.
const CURVES: usize = 32;

/// The checkpoints whose curves are drawn thinly: all, or every so many of many.
pub(super) fn thinned(report: &Report) -> impl Iterator<Item = usize> {
    (0..report.checkpoints.len()).step_by(every(report))
}

fn every(report: &Report) -> usize {
    if is_many(report) {
        report.checkpoints.len().div_ceil(CURVES)
    } else {
        1
    }
}

/// What the thin curves are, in words that end a list; empty where there are none.
pub(super) fn others(report: &Report) -> String {
    match every(report) {
        _ if report.checkpoints.len() <= shown(report).len() => String::new(),
        1 => "; grey: the other checkpoints".into(),
        every => format!("; grey: one of {every} of the other checkpoints"),
    }
}

/// How a chart of all checkpoints is headed: `over training` where their order is that.
pub(super) fn over(report: &Report) -> &'static str {
    if report.checkpoints.iter().all(|c| c.step.is_some()) {
        "over training"
    } else {
        "by checkpoint"
    }
}

/// The checkpoints whose curves are drawn in full: the first, the lowest loss, the chosen one; all
/// of a few among which nothing is chosen.
pub(super) fn shown(report: &Report) -> Vec<(usize, &'static str)> {
    let (chosen, lowest) = (report.highlighted(), report.choices.lowest_loss);
    if chosen.is_none() && report.checkpoints.len() <= SERIES.len() {
        let class = |i: usize| {
            if lowest == Some(i) {
                "loss"
            } else {
                SERIES[i].0
            }
        };
        return (0..report.checkpoints.len())
            .map(|i| (i, class(i)))
            .collect();
    }
    let first = Some(0).filter(|first| chosen != Some(*first) && lowest != Some(*first));
    let of = [
        (first, "a"),
        (lowest.filter(|_| lowest != chosen), "loss"),
        (chosen, "chosen"),
    ];
    of.into_iter()
        .filter_map(|(i, class)| Some((i?, class)))
        .collect()
}

/// The legend of such a curve.
pub(super) fn key(report: &Report, i: usize, class: &str) -> Key {
    let name = names(report, SHORT)[i].clone();
    let text = match class {
        "chosen" if report.taken() == Some(i) => format!("{name} (take)"),
        "chosen" => format!("{name} (tournament)"),
        "loss" => format!("{name} (loss)"),
        _ => name,
    };
    Key {
        class: class.into(),
        shape: None,
        line: true,
        text,
    }
}
