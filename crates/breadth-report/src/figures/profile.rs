//! The coverage profile: the share of data uncovered at every N.

use super::figure::{Figure, Table, key, others, shown, thinned};
use crate::chart::{Axis, Chart, Kind, Mark, Unit};
use crate::format::{percent, percent_limits, significant};
use breadth_analysis::{Checkpoint, Report};
use breadth_stats::CoveragePoint;

pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let known = report.checkpoints.iter().any(|c| !c.profile.is_empty());
    if known {
        vec![figure(report)]
    } else {
        Vec::new()
    }
}

fn figure(report: &Report) -> Figure {
    let shown = shown(report);
    let plain = thinned(report).filter(|i| shown.iter().all(|s| s.0 != *i));
    let mut marks: Vec<Mark> = plain.map(|i| curve(report, i, "faint")).collect();
    let choices = shown.iter().filter(|shown| shown.1 != "a");
    marks.extend(choices.map(|&(i, class)| band(&report.checkpoints[i], class)));
    marks.extend(shown.iter().map(|&(i, class)| curve(report, i, class)));
    let title = "Uncovered data at every N".to_string();
    let caption = caption(report);
    let chart = Chart {
        stem: "profile".into(),
        title: title.clone(),
        description: caption.clone(),
        x: Axis::new(
            "N, factor by which a response is under-weighted",
            Kind::Log,
            Unit::Plain,
        ),
        y: Axis::new("share of data uncovered, Cov", Kind::Log, Unit::Percent),
        marks,
        legend: shown
            .iter()
            .map(|&(i, class)| key(report, i, class))
            .collect(),
    };
    Figure {
        stem: "profile".into(),
        title,
        caption,
        drawing: chart.draw(),
        table: table(report, &shown),
    }
}

fn finite(points: &[CoveragePoint]) -> impl Iterator<Item = &CoveragePoint> {
    points.iter().filter(|point| point.level.n().is_finite())
}

fn curve(report: &Report, i: usize, class: &str) -> Mark {
    let c = &report.checkpoints[i];
    Mark::Line {
        class: class.into(),
        points: finite(&c.profile)
            .map(|point| (point.level.n(), point.cov))
            .collect(),
        checkpoint: Some(i),
        tip: c.model.clone(),
    }
}

fn band(c: &Checkpoint, class: &str) -> Mark {
    let points = finite(&c.profile);
    let points = points
        .map(|point| (point.level.n(), point.band_low, point.band_high))
        .collect();
    Mark::Band {
        class: class.into(),
        points,
    }
}

fn caption(report: &Report) -> String {
    let confidence = crate::format::confidence(report.confidence);
    let shaded = format!(
        "shaded: {confidence} bands that hold for all N at once{}",
        others(report)
    );
    let choices = report.highlighted().zip(report.lowest_loss());
    let Some((winner, lowest)) = choices else {
        return format!("The lower the curve, the more of the data is covered ({shaded}).");
    };
    let winner = &report.checkpoints[winner];
    let crossing = first_crossing(&winner.profile, &lowest.profile);
    match crossing {
        Some(point) => format!(
            "From N = {} on, {} leaves more data uncovered than {} ({shaded}).",
            significant(point.level.n(), 2),
            lowest.model,
            winner.model
        ),
        None => format!("The lower the curve, the more of the data is covered ({shaded})."),
    }
}

/// The first level from which the second profile stays above the first until both are zero.
fn first_crossing<'a>(
    winner: &'a [CoveragePoint],
    lowest: &[CoveragePoint],
) -> Option<&'a CoveragePoint> {
    let worse: Vec<bool> = winner
        .iter()
        .zip(lowest)
        .map(|(w, l)| l.cov > w.cov)
        .collect();
    let zero: Vec<bool> = winner
        .iter()
        .zip(lowest)
        .map(|(w, l)| l.cov == 0.0 && w.cov == 0.0)
        .collect();
    let last = worse.iter().rposition(|&worse| worse)?;
    if !zero[last + 1..].iter().all(|&zero| zero) {
        return None;
    }
    let start = worse[..last]
        .iter()
        .rposition(|&worse| !worse)
        .map_or(0, |i| i + 1);
    winner.get(start)
}

/// The curves drawn in full at every fourth level: more points than that nobody reads.
fn table(report: &Report, shown: &[(usize, &'static str)]) -> Table {
    let profiles: Vec<&[CoveragePoint]> = shown
        .iter()
        .map(|&(i, _)| report.checkpoints[i].profile.as_slice())
        .collect();
    let names = shown
        .iter()
        .map(|&(i, _)| report.checkpoints[i].model.clone());
    let shortest = profiles
        .iter()
        .map(|profile| profile.len())
        .min()
        .unwrap_or(0);
    let cell = |p: &CoveragePoint| {
        format!(
            "{} {}",
            percent(p.cov),
            percent_limits(p.band_low, p.band_high)
        )
    };
    let row = |i: usize| {
        let n = significant(profiles[0][i].level.n(), 3);
        std::iter::once(n)
            .chain(profiles.iter().map(|profile| cell(&profile[i])))
            .collect()
    };
    Table {
        head: std::iter::once("N".to_string()).chain(names).collect(),
        rows: (0..shortest).step_by(4).map(row).collect(),
    }
}
