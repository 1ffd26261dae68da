//! Pass@k at every k that the samples reach.

use super::curves::Curves;
use super::figure::{Figure, Table, others};
use crate::chart::{Axis, Kind, Unit};
use crate::format::{percent, share_with_limits};
use breadth_analysis::{Checkpoint, PassPoint, Report};

/// Where two k or more have a value.
pub(super) fn figure(report: &Report) -> Option<Figure> {
    let longest = report.checkpoints.iter().map(|c| known(c).count()).max()?;
    if longest < 2 {
        return None;
    }
    let name = report.pass_name("k");
    let curves = Curves {
        stem: "pass-curve",
        title: format!("{name} at every k"),
        caption: caption(report),
        x: Axis::new("k, samples of a prompt", Kind::Log, Unit::Plain),
        y: super::pass::axis(report, "k"),
        line: &|i| {
            let points = known(&report.checkpoints[i]);
            points.map(|(point, best)| (point.k as f64, best)).collect()
        },
        band: &|i| {
            let points = report.checkpoints[i].pass_curve.iter();
            let limits = |point: &PassPoint| {
                let sampled = point.sampled.as_ref()?;
                Some((point.k as f64, sampled.low, sampled.high))
            };
            points.filter_map(limits).collect()
        },
        table: table(report),
    };
    Some(curves.figure(report))
}

fn known(c: &Checkpoint) -> impl Iterator<Item = (&PassPoint, f64)> {
    let points = c.pass_curve.iter();
    points.filter_map(|point| Some((point, point.best()?)))
}

fn caption(report: &Report) -> String {
    let confidence = crate::format::confidence(report.confidence);
    let best = |k: u64| {
        let value = |c: &&Checkpoint| {
            let mut points = known(c);
            points.find(|(point, _)| point.k == k).map(|(_, best)| best)
        };
        let all = report.checkpoints.iter().filter(|c| value(c).is_some());
        let best = all.rev().max_by(|a, b| {
            let (a, b) = (value(a).unwrap_or(0.0), value(b).unwrap_or(0.0));
            a.total_cmp(&b)
        })?;
        Some((best.model.clone(), value(&best)?))
    };
    let ks = report
        .checkpoints
        .first()
        .map_or(&[][..], |c| &c.pass_curve);
    let known: Vec<_> = ks
        .iter()
        .filter_map(|point| Some((point.k, best(point.k)?)))
        .collect();
    let said = match (known.first(), known.last()) {
        (Some((k, (first, value))), Some((last_k, (last, last_value)))) if first == last => {
            format!(
                "{last} has the highest estimate at k = {k} ({}) and at k = {last_k} ({})",
                percent(*value),
                percent(*last_value)
            )
        }
        (Some((k, (first, value))), Some((last_k, (last, last_value)))) => format!(
            "The highest estimate at k = {k} is that of {first} ({}), at k = {last_k} that of \
             {last} ({})",
            percent(*value),
            percent(*last_value)
        ),
        _ => "Too few samples".into(),
    };
    format!(
        "{said} (shaded: {confidence} intervals at each k{}).",
        others(report)
    )
}

fn table(report: &Report) -> Table {
    let ks = report
        .checkpoints
        .first()
        .map_or(&[][..], |c| &c.pass_curve);
    let head = ks.iter().map(|point| report.pass_name(point.k));
    let cell = |point: &PassPoint| match (&point.sampled, point.best()) {
        (Some(sampled), _) => share_with_limits(sampled),
        (None, Some(exact)) => percent(exact),
        (None, None) => "–".into(),
    };
    let row = |c: &Checkpoint| {
        let cells = c.pass_curve.iter().map(cell);
        std::iter::once(c.model.clone()).chain(cells).collect()
    };
    Table {
        head: std::iter::once("Checkpoint".to_string())
            .chain(head)
            .collect(),
        rows: report.checkpoints.iter().map(row).collect(),
    }
}
