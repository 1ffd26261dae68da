//! What figures share: the drawing with its words and numbers, the axis of training, colours of
//! checkpoints.

use crate::chart::{Axis, Dot, Key, Kind, Role, Shape, Unit};
use crate::format::confidence;
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

/// The horizontal axis of everything drawn over training: steps where they are known, else names.
pub(super) fn training_axis(report: &Report) -> Axis {
    let mut axis = Axis::new("training step", Kind::Linear, Unit::Plain);
    if report.checkpoints.iter().any(|c| c.step.is_none()) {
        axis.title = "checkpoint".into();
        axis.places = Some(report.checkpoints.iter().map(|c| c.model.clone()).collect());
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

/// Short name for a place where `step` is understood.
pub(super) fn short(checkpoint: &Checkpoint) -> String {
    checkpoint
        .step
        .map_or_else(|| checkpoint.model.clone(), |step| step.to_string())
}

pub(super) fn role(report: &Report, i: usize) -> Role {
    if report.taken() == Some(i) {
        Role::Chosen
    } else if i == report.verdict.lowest_loss {
        Role::LowestLoss
    } else {
        Role::Plain
    }
}

/// Label of the dots that matter: the choices.
pub(super) fn choice_label(report: &Report, i: usize) -> Option<String> {
    let name = report.checkpoints[i].label();
    let name = crate::chart::shorten(&name, 20);
    // One that is taken needs no other reason.
    let (first, others) = report
        .choice_of(i)
        .split_first()
        .map(|(f, o)| (*f, o.to_vec()))?;
    let words = match first {
        "take this" => first.to_owned(),
        _ => [vec![first], others].concat().join(", "),
    };
    Some(format!("{name}: {words}"))
}

/// The class that colours checkpoint `i` by its place in training: `t0` (first) to `t8` (last).
pub(super) fn time_class(report: &Report, i: usize) -> String {
    let last = report.checkpoints.len().saturating_sub(1).max(1);
    let chosen = if i == report.highlighted() {
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
        role: role(report, i),
        checkpoint: i,
        tip,
        label: choice_label(report, i),
    }
}

/// The confidence level in words, such as `95% interval`.
pub(super) fn interval_name(report: &Report) -> String {
    format!("{} interval", confidence(report.confidence))
}

/// The legend of dots coloured by their place in training.
pub(super) fn time_legend(report: &Report) -> Vec<Key> {
    let last = report.checkpoints.len().saturating_sub(1);
    if last == 0 {
        return Vec::new();
    }
    let key = |i: usize| {
        let name = crate::chart::shorten(&report.checkpoints[i].label(), 14);
        Key {
            class: format!("t{}", 8 * i / last),
            shape: Some(Shape::Circle),
            line: false,
            text: name,
        }
    };
    let mut places = vec![0, last / 2, last];
    places.dedup();
    places.into_iter().map(key).collect()
}
