//! Pass@k against what might predict it: the paper's Figure 1.

use super::figure::{Figure, Table, bar, is_many, time_dot, time_legend};
use crate::chart::{Axis, Chart, Dot, Kind, Mark, Unit};
use crate::format::{cov, nats, percent, share_with_limits};
use breadth_analysis::{Checkpoint, Report, concordance, number};
use breadth_stats::Level;

/// What a checkpoint has on an axis, if it is known.
type Value = dyn Fn(&Checkpoint) -> Option<f64>;

/// The vertical axis of Pass@k, or of the mean best reward of k.
pub(super) fn axis(report: &Report, k: impl std::fmt::Display) -> Axis {
    let name = report.pass_name(k);
    let what = match report.graded {
        Some(graded) if graded.is_best_of => "mean best reward",
        _ => "share of prompts solved",
    };
    Axis::new(format!("{name}, {what}"), Kind::Linear, Unit::Percent)
}

fn best(c: &Checkpoint, k: u64) -> Option<f64> {
    c.pass_at(k)?.best()
}

/// Pass@k of checkpoint `i` with the interval from samples; the exact value has none.
pub(super) fn value(report: &Report, i: usize, k: u64) -> Option<(f64, f64, f64)> {
    let point = report.checkpoints[i].pass_at(k)?;
    let best = point.best()?;
    let (low, high) = point
        .sampled
        .as_ref()
        .map_or((best, best), |s| (s.low, s.high));
    Some((best, low, high))
}

/// Pass@k for the k that goes with the tournament's level.
pub(super) fn headline(report: &Report) -> Vec<Figure> {
    let k = report
        .headline_k()
        .filter(|k| report.known_ks().contains(k));
    k.map_or_else(Vec::new, |k| pair(report, k))
}

pub(super) fn others(report: &Report) -> Vec<Figure> {
    let ks = report
        .known_ks()
        .into_iter()
        .filter(|&k| Some(k) != report.headline_k());
    ks.flat_map(|k| pair(report, k)).collect()
}

/// A quantity that might predict Pass@k: small should go with high.
struct Predictor {
    /// `kl` in `pass8-kl`.
    stem: String,
    name: String,
    axis: Axis,
    value: Box<Value>,
    print: fn(f64) -> String,
}

/// The loss and the coverage at half of k; without a reference, what stands in for them.
fn predictors(report: &Report, k: u64) -> Vec<Predictor> {
    // Over answers, the tournament is made of the same samples as Pass@k.
    if report.evaluation.is_none() {
        return Vec::new();
    }
    let half = report.level_for(k);
    let has_coverage = |level: &Level| {
        report
            .checkpoints
            .iter()
            .any(|c| c.coverage_at(level.log_n()).is_some())
    };
    match half.filter(has_coverage) {
        Some(level) => vec![kl(), coverage(level)],
        None => vec![cross_entropy(), tournament(report)],
    }
}

fn kl() -> Predictor {
    Predictor {
        stem: "kl".into(),
        name: "KL".into(),
        axis: Axis::new("KL, nats per response", Kind::Linear, Unit::Plain),
        value: Box::new(|c| c.kl.as_ref().map(|kl| kl.value)),
        print: nats,
    }
}

fn coverage(level: Level) -> Predictor {
    Predictor {
        stem: "coverage".into(),
        name: cov(level),
        axis: Axis::new(
            format!("{}, share of data uncovered", cov(level)),
            Kind::FromZero,
            Unit::Percent,
        ),
        value: Box::new(move |c| c.coverage_at(level.log_n()).map(|point| point.cov)),
        print: percent,
    }
}

fn cross_entropy() -> Predictor {
    Predictor {
        stem: "cross-entropy".into(),
        name: "cross-entropy".into(),
        axis: Axis::new(
            "cross-entropy, nats per response",
            Kind::Linear,
            Unit::Plain,
        ),
        value: Box::new(|c| Some(c.cross_entropy.as_ref()?.value)),
        print: nats,
    }
}

fn tournament(report: &Report) -> Predictor {
    let n = crate::format::level(report.level);
    Predictor {
        stem: "tournament".into(),
        name: "tournament value".into(),
        axis: Axis::new(
            format!("tournament value at N = {n}"),
            Kind::FromZero,
            Unit::Percent,
        ),
        value: Box::new(|c| Some(c.standing.as_ref()?.value)),
        print: percent,
    }
}

fn pair(report: &Report, k: u64) -> Vec<Figure> {
    predictors(report, k)
        .iter()
        .map(|predictor| figure(report, k, predictor))
        .collect()
}

fn figure(report: &Report, k: u64, predictor: &Predictor) -> Figure {
    let name = &predictor.name;
    let title = format!("{} against {name}", report.pass_name(k));
    let caption = caption(report, k, predictor);
    let stem = format!("pass{k}-{}", predictor.stem);
    let chart = Chart {
        stem: stem.clone(),
        title: title.clone(),
        description: caption.clone(),
        x: predictor.axis.clone(),
        y: axis(report, k),
        marks: marks(report, k, predictor),
        legend: time_legend(report),
    };
    let row = |c: &Checkpoint| {
        let x = (predictor.value)(c).map_or("–".into(), predictor.print);
        vec![c.model.clone(), x, best(c, k).map_or("–".into(), percent)]
    };
    Figure {
        stem,
        title,
        caption,
        drawing: chart.draw(),
        table: Table {
            head: vec!["Checkpoint".into(), name.clone(), report.pass_name(k)],
            rows: report.checkpoints.iter().map(row).collect(),
        },
    }
}

/// The path of training through the plane, and a dot for every checkpoint.
fn marks(report: &Report, k: u64, predictor: &Predictor) -> Vec<Mark> {
    let x = |i: usize| (predictor.value)(&report.checkpoints[i]);
    let all = (0..report.checkpoints.len()).filter_map(|i| Some((i, x(i)?, value(report, i, k)?)));
    let all: Vec<_> = all.collect();
    let trail = Mark::Line {
        class: "trail".into(),
        points: all.iter().map(|&(_, x, y)| (x, y.0)).collect(),
        checkpoint: None,
        tip: "in order of training".into(),
    };
    let dots = all.iter().map(|&(i, x, y)| {
        let c = &report.checkpoints[i];
        let at_x = (predictor.print)(x);
        let tip = format!(
            "{}: {} {}, {} {at_x}",
            c.model,
            report.pass_name(k),
            percent(y.0),
            predictor.name
        );
        let exact = c.pass_at(k).is_some_and(|point| point.exact.is_some());
        let bar = bar(report, (y.1, y.2)).filter(|_| !exact);
        Mark::Dot(Dot {
            bar,
            ..time_dot(report, i, (x, y.0), tip)
        })
    });
    // Of many the path is a tangle; colours tell the order.
    let trail = Some(trail).filter(|_| !is_many(report));
    trail.into_iter().chain(dots).collect()
}

/// Of fewer pairs of checkpoints no share is told.
const FEWEST_PAIRS: usize = 3;

fn caption(report: &Report, k: u64, predictor: &Predictor) -> String {
    let known = report.checkpoints.iter().filter_map(|c| {
        let pair = (predictor.value)(c)?;
        Some((pair, best(c, k)?))
    });
    let (name, pass) = (&predictor.name, report.pass_name(k));
    match concordance(&known.collect::<Vec<_>>()) {
        None | Some((_, ..FEWEST_PAIRS)) => {
            format!("Too few checkpoints differ to say whether {name} predicts {pass}.")
        }
        Some((share, pairs)) => format!(
            "Of {} of checkpoints, the one with lower {name} has the higher {pass} in {} (a coin would give 50%).",
            number::count(pairs, "pair"),
            percent(share)
        ),
    }
}

/// What Pass@k does over training, at the headline k.
pub(super) fn training_caption(report: &Report) -> String {
    let Some(k) = report.headline_k() else {
        return String::new();
    };
    let value = |c: &Checkpoint| best(c, k).unwrap_or(f64::NEG_INFINITY);
    let Some(top) = report
        .checkpoints
        .iter()
        .rev()
        .max_by(|a, b| value(a).total_cmp(&value(b)))
    else {
        return String::new();
    };
    if !value(top).is_finite() {
        return "No checkpoint has enough samples for the k that goes with N.".into();
    }
    let sampled = report
        .checkpoints
        .iter()
        .any(|c| c.pass_at(k).is_some_and(|p| p.sampled.is_some()));
    let exact = report
        .checkpoints
        .iter()
        .any(|c| c.pass_at(k).is_some_and(|p| p.exact.is_some()));
    let source = match (exact, sampled) {
        (true, true) if is_many(report) => "dots are exact, bands the intervals from drawn samples",
        (true, true) => "dots are exact, bars the intervals from drawn samples",
        (true, false) => "dots are exact",
        _ if is_many(report) => "bands are intervals over prompts",
        _ => "bars are intervals over prompts",
    };
    format!(
        "{} is highest at {} ({}); {source}.",
        report.pass_name(k),
        top.model,
        percent(value(top))
    )
}

/// Pass@k of every checkpoint; where it is known exactly, the estimate from samples beside it.
pub(super) fn table(report: &Report, ks: &[u64]) -> Table {
    let points = || report.checkpoints.iter().flat_map(|c| &c.pass);
    let is_exact = points().any(|point| point.exact.is_some());
    let head = |k: &u64| {
        let name = report.pass_name(k);
        let exact = is_exact.then(|| format!("{name} exact"));
        let sampled = if is_exact {
            format!("{name} sampled")
        } else {
            name
        };
        exact.into_iter().chain([sampled])
    };
    let row = |c: &Checkpoint| {
        let cells = ks.iter().flat_map(|&k| {
            let point = c.pass_at(k);
            let exact = point.and_then(|p| p.exact).map_or("–".into(), percent);
            let sampled = point.and_then(|p| p.sampled.as_ref());
            let sampled = sampled.map_or("–".into(), share_with_limits);
            is_exact.then_some(exact).into_iter().chain([sampled])
        });
        std::iter::once(c.model.clone()).chain(cells).collect()
    };
    Table {
        head: std::iter::once("Checkpoint".to_string())
            .chain(ks.iter().flat_map(head))
            .collect(),
        rows: report.checkpoints.iter().map(row).collect(),
    }
}
