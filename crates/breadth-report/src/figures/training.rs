//! What happens over training: loss, coverage, Pass@k.

use super::figure::{
    Figure, SERIES, Table, band, bar, choice_label, is_many, over, role, time_dot, training_axis,
    training_x,
};
use crate::chart::{Axis, Chart, Dot, Key, Kind, Mark, Role, Shape, Unit};
use crate::format::{cov, nats, nats_with_limits, percent, percent_limits};
use breadth_analysis::{Checkpoint, Report};
use breadth_stats::{Estimate, Level};

pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let figures = [
        loss(report),
        coverage(report),
        pass(report),
        super::pass_curve::figure(report),
        logged(report),
    ];
    figures.into_iter().flatten().collect()
}

/// A loss of every checkpoint.
struct Loss {
    name: &'static str,
    stem: &'static str,
    value: fn(&Checkpoint) -> Option<&Estimate>,
}

/// KL where there is a reference, else cross-entropy: the same curve up to a constant.
fn known_loss(report: &Report) -> Option<Loss> {
    let all = |value: fn(&Checkpoint) -> Option<&Estimate>| {
        report.checkpoints.iter().all(|c| value(c).is_some())
    };
    let losses = [
        Loss {
            name: "KL",
            stem: "kl",
            value: |c| c.kl.as_ref(),
        },
        Loss {
            name: "Cross-entropy",
            stem: "cross-entropy",
            value: |c| c.cross_entropy.as_ref(),
        },
    ];
    losses.into_iter().find(|loss| all(loss.value))
}

fn loss(report: &Report) -> Option<Figure> {
    let loss = known_loss(report)?;
    let (name, stem) = (loss.name, loss.stem);
    let all = || {
        let all = report.checkpoints.iter().enumerate();
        all.filter_map(|(i, c)| Some((i, c, (loss.value)(c)?)))
    };
    let dots = all().map(|(i, c, value)| {
        let at = (training_x(report, i), value.value);
        let tip = format!("{}: {name} {}", c.model, nats_with_limits(value));
        let limits = bar(report, (value.low, value.high));
        Mark::Dot(Dot {
            bar: limits.filter(|limits| limits.1.is_finite()),
            ..time_dot(report, i, at, tip)
        })
    });
    let points = all().map(|(i, _, value)| (training_x(report, i), value.value));
    let finite = all().filter(|(_, _, value)| value.high.is_finite());
    let limits = finite.map(|(i, _, value)| (training_x(report, i), value.low, value.high));
    let title = format!("{name} {}", over(report));
    let caption = loss_caption(report, &loss);
    let chart = Chart {
        stem: stem.into(),
        title: title.clone(),
        description: caption.clone(),
        x: training_axis(report),
        y: Axis::new(
            format!("{name}, nats per response"),
            Kind::Linear,
            Unit::Plain,
        ),
        marks: band(report, "a", limits)
            .into_iter()
            .chain(std::iter::once(trail(points.collect())))
            .chain(dots)
            .collect(),
        legend: Vec::new(),
    };
    let rows = all().map(|(_, c, value)| vec![c.model.clone(), nats_with_limits(value)]);
    Some(Figure {
        stem: stem.into(),
        title,
        caption,
        drawing: chart.draw(),
        table: Table {
            head: vec!["Checkpoint".into(), format!("{name}, nats")],
            rows: rows.collect(),
        },
    })
}

fn loss_caption(report: &Report, loss: &Loss) -> String {
    let nats_of = |c: &Checkpoint| (loss.value)(c).map_or("–".into(), |value| nats(value.value));
    let Some(lowest) = report.lowest_loss() else {
        return String::new();
    };
    let least = format!(
        "{} is lowest at {} ({})",
        loss.name,
        lowest.model,
        nats_of(lowest)
    );
    let Some(chosen) = report.winner() else {
        return format!("{least}.");
    };
    if report.choices.winner == report.choices.lowest_loss {
        return format!("{least}, the checkpoint that the tournament takes as well.");
    }
    let at = nats_of(chosen);
    if report.taken() != report.choices.winner {
        return format!("{least}; the tournament takes {} ({at}).", chosen.model);
    }
    format!(
        "{least}; by the loss alone one would never stop at {} ({at}).",
        chosen.model
    )
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
    let choices = [
        ("chosen", report.highlighted()),
        ("loss", report.choices.lowest_loss),
    ];
    let rule = |(class, i): (&str, Option<usize>)| {
        Some(Mark::Rule {
            class: class.into(),
            x: training_x(report, i?),
        })
    };
    choices.into_iter().filter_map(rule).collect()
}

/// Value and ends of the interval for checkpoint `i`.
pub(super) type Value<'a> = dyn Fn(usize) -> Option<(f64, f64, f64)> + 'a;

/// Some series over training in one chart.
pub(super) struct Lines<'a> {
    pub(super) stem: &'static str,
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) y: Axis,
    /// Name and values; as many as there are looks.
    pub(super) series: Vec<(String, Box<Value<'a>>)>,
    /// The series on which the choices are labelled.
    pub(super) labelled: Option<usize>,
    pub(super) table: Table,
}

impl Lines<'_> {
    pub(super) fn figure(self, report: &Report) -> Figure {
        let mut marks = rules(report);
        for (i, (name, value)) in self.series.iter().enumerate() {
            let series = Series {
                name: name.clone(),
                value: value.as_ref(),
                labelled: self.labelled == Some(i),
            };
            marks.extend(series.marks(report, SERIES[i]));
        }
        let names: Vec<String> = self.series.into_iter().map(|(name, _)| name).collect();
        let chart = Chart {
            stem: self.stem.into(),
            title: self.title.clone(),
            description: self.caption.clone(),
            x: training_axis(report),
            y: self.y,
            marks,
            legend: keys(&names),
        };
        Figure {
            stem: self.stem.into(),
            title: self.title,
            caption: self.caption,
            drawing: chart.draw(),
            table: self.table,
        }
    }
}

/// One series over training.
struct Series<'a> {
    name: String,
    value: &'a Value<'a>,
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
        let thin = if is_many(report) { " thin" } else { "" };
        let line = Mark::Line {
            class: format!("{}{thin}", look.0),
            points,
            checkpoint: None,
            tip: self.name.clone(),
        };
        let dots = all
            .iter()
            .map(|&(i, v)| Mark::Dot(self.dot(report, look, i, v)));
        let limits = all.iter().map(|&(i, v)| (training_x(report, i), v.1, v.2));
        band(report, look.0, limits)
            .into_iter()
            .chain(std::iter::once(line))
            .chain(dots)
            .collect()
    }

    fn dot(&self, report: &Report, look: (&str, Shape), i: usize, v: (f64, f64, f64)) -> Dot {
        let c = &report.checkpoints[i];
        let bounds = percent_limits(v.1, v.2);
        let chosen = if self.labelled {
            time_class_of_choice(report, i)
        } else {
            ""
        };
        Dot {
            at: (training_x(report, i), v.0),
            bar: bar(report, (v.1, v.2)),
            class: format!("{} {chosen}", look.0),
            shape: look.1,
            is_small: is_many(report),
            role: if self.labelled {
                role(report, i)
            } else {
                Role::Plain
            },
            checkpoint: i,
            tip: format!("{}: {} {} {bounds}", c.model, self.name, percent(v.0)),
            label: self.labelled.then(|| choice_label(report, i)).flatten(),
        }
    }
}

fn time_class_of_choice(report: &Report, i: usize) -> &'static str {
    if report.highlighted() == Some(i) {
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

pub(super) fn coverage(report: &Report) -> Option<Figure> {
    let levels = levels(report);
    if levels.is_empty() {
        return None;
    }
    let series = levels.iter().map(|&level| {
        let value: Box<Value> = Box::new(move |c| {
            let point = report.checkpoints[c].coverage_at(level.log_n())?;
            Some((point.cov, point.low, point.high))
        });
        (cov(level), value)
    });
    let is_headline = |level: &Level| level.log_n() == report.level.log_n();
    let lines = Lines {
        stem: "coverage",
        title: format!("Uncovered data {}", over(report)),
        caption: coverage_caption(report),
        y: Axis::new("share of data uncovered, Cov", Kind::Log, Unit::Percent),
        series: series.collect(),
        labelled: levels.iter().position(is_headline),
        table: coverage_table(report, &levels),
    };
    Some(lines.figure(report))
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
            least.model, last.model
        )
    } else {
        format!(
            "{name} is lowest at the last checkpoint, {} ({share}).",
            last.model
        )
    }
}

fn coverage_table(report: &Report, levels: &[Level]) -> Table {
    let head = std::iter::once("Checkpoint".to_string()).chain(levels.iter().map(|&l| cov(l)));
    let row = |c: &Checkpoint| {
        let cell = |level: &Level| match c.coverage_at(level.log_n()) {
            Some(p) => format!("{} {}", percent(p.cov), percent_limits(p.low, p.high)),
            None => "–".into(),
        };
        std::iter::once(c.model.clone())
            .chain(levels.iter().map(cell))
            .collect()
    };
    Table {
        head: head.collect(),
        rows: report.checkpoints.iter().map(row).collect(),
    }
}

/// Pass@k over training: the exact values as lines, the sampled ones as intervals on them.
pub(super) fn pass(report: &Report) -> Option<Figure> {
    let mut ks = report.known_ks();
    ks.truncate(SERIES.len());
    if ks.is_empty() {
        return None;
    }
    let series = ks.iter().map(|&k| {
        let value: Box<Value> = Box::new(move |c| super::pass::value(report, c, k));
        (report.pass_name(k), value)
    });
    let headline = report.headline_k();
    let lines = Lines {
        stem: "pass",
        title: format!("{} {}", report.pass_name("k"), over(report)),
        caption: super::pass::training_caption(report),
        y: super::pass::axis(report, "k"),
        series: series.collect(),
        labelled: ks.iter().position(|&k| Some(k) == headline),
        table: super::pass::table(report, &ks),
    };
    Some(lines.figure(report))
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
