//! Reach: how often k samples contain the held-out response.

use super::curves::Curves;
use super::figure::{Figure, SERIES, Table, others, over};
use super::training::{Lines, Value};
use crate::chart::{Axis, Kind, Unit};
use crate::format::{percent, share_with_limits};
use breadth_analysis::{ReachModel, ReachPoint, ReachReport, Report};
use breadth_stats::Estimate;

/// Reach by checkpoint at some k, and at every k; `report` has the checkpoints' order.
pub(super) fn figures(report: &Report, reach: &ReachReport) -> Vec<Figure> {
    let models: Vec<&ReachModel> = report
        .checkpoints
        .iter()
        .filter_map(|c| reach.models.iter().find(|model| model.model == c.model))
        .collect();
    let points = models.first().map_or(0, |model| model.reach.len());
    let mut figures = Vec::new();
    if points > 0 && models.len() > 1 {
        figures.push(by_checkpoint(report, &models));
    }
    if points > 1 {
        figures.push(at_every_k(report, &models));
    }
    figures
}

fn y_axis() -> Axis {
    Axis::new(
        "reach, share of responses found",
        Kind::Linear,
        Unit::Percent,
    )
}

fn name(point: &ReachPoint) -> String {
    format!("k = {}", crate::format::significant(point.k.0, 3))
}

fn by_checkpoint(report: &Report, models: &[&ReachModel]) -> Figure {
    let points = &models[0].reach;
    // Evenly chosen, the last among them.
    let count = points.len().min(SERIES.len());
    let chosen = (1..=count).map(|i| i * points.len() / count - 1);
    let chosen: Vec<usize> = chosen.collect();
    let value = |at: usize, i: usize| {
        let point = &models[i].reach[at];
        Some((point.value.0, point.low.0, point.high.0))
    };
    let series = chosen.iter().map(|&at| {
        let value: Box<Value> = Box::new(move |i| value(at, i));
        (name(&points[at]), value)
    });
    let last = chosen.last().copied().unwrap_or(0);
    let best = best(models, last);
    let caption = format!(
        "What k samples find for certain: at {} most for {} ({}).",
        name(&points[last]),
        best.model,
        percent(best.reach[last].value.0)
    );
    let lines = Lines {
        stem: "reach",
        title: format!("Reach {}", over(report)),
        caption,
        y: y_axis(),
        series: series.collect(),
        labelled: Some(chosen.len() - 1),
        table: table(models),
    };
    lines.figure(report)
}

/// The model with the largest reach at point `at`; the first of equals, as in the documents.
fn best<'a>(models: &[&'a ReachModel], at: usize) -> &'a ReachModel {
    let value = |model: &&&ReachModel| model.reach[at].value.0;
    let best = models
        .iter()
        .rev()
        .max_by(|a, b| value(a).total_cmp(&value(b)));
    best.expect("there are models")
}

fn at_every_k(report: &Report, models: &[&ReachModel]) -> Figure {
    let points = &models[0].reach;
    let confidence = crate::format::confidence(report.confidence);
    let (first, last) = (0, points.len() - 1);
    let said = |at: usize| {
        let best = best(models, at);
        format!(
            "{} at {} ({})",
            best.model,
            name(&points[at]),
            percent(best.reach[at].value.0)
        )
    };
    let curves = Curves {
        stem: "reach-curve",
        title: "Reach at every k".into(),
        caption: format!(
            "The largest is that of {} and of {} (shaded: {confidence} intervals at each k{}).",
            said(first),
            said(last),
            others(report)
        ),
        x: Axis::new("k, samples of a prompt", Kind::Log, Unit::Plain),
        y: y_axis(),
        line: &|i| {
            let points = models[i].reach.iter();
            points.map(|point| (point.k.0, point.value.0)).collect()
        },
        band: &|i| {
            let points = models[i].reach.iter();
            points
                .map(|point| (point.k.0, point.low.0, point.high.0))
                .collect()
        },
        table: table(models),
    };
    curves.figure(report)
}

fn table(models: &[&ReachModel]) -> Table {
    let head = std::iter::once("Checkpoint".to_owned()).chain(models[0].reach.iter().map(name));
    let cell = |point: &ReachPoint| {
        share_with_limits(&Estimate {
            value: point.value.0,
            low: point.low.0,
            high: point.high.0,
        })
    };
    let row = |model: &&ReachModel| {
        let cells = model.reach.iter().map(cell);
        std::iter::once(model.model.clone()).chain(cells).collect()
    };
    Table {
        head: head.collect(),
        rows: models.iter().map(row).collect(),
    }
}
