//! The coverage profile: the share of data uncovered at every N.

use super::curves::Curves;
use super::figure::{Figure, Table, others, shown};
use crate::chart::{Axis, Kind, Unit};
use crate::format::{percent, percent_limits, significant};
use breadth_analysis::Report;
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
    let points = |i: usize| finite(&report.checkpoints[i].profile);
    let curves = Curves {
        stem: "profile",
        title: "Uncovered data at every N".into(),
        caption: caption(report),
        x: Axis::new(
            "N, factor by which a response is under-weighted",
            Kind::Log,
            Unit::Plain,
        ),
        y: Axis::new("share of data uncovered, Cov", Kind::Log, Unit::Percent),
        line: &|i| {
            points(i)
                .map(|point| (point.level.n(), point.cov))
                .collect()
        },
        band: &|i| {
            let limits = |p: &CoveragePoint| (p.level.n(), p.band_low, p.band_high);
            points(i).map(limits).collect()
        },
        table: table(report, &shown(report)),
    };
    curves.figure(report)
}

fn finite(points: &[CoveragePoint]) -> impl Iterator<Item = &CoveragePoint> {
    points.iter().filter(|point| point.level.n().is_finite())
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
