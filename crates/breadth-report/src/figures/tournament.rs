//! The tournament: every pair, and where it leaves every checkpoint.

use super::figure::{
    Figure, Table, interval_name, short, time_class, time_dot, training_axis, training_x,
};
use crate::chart::heat::HeatMap;
use crate::chart::{Axis, Chart, Dot, Kind, Mark, Unit};
use crate::format::{level, percent};
use breadth_analysis::{Checkpoint, Report};

pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let mut figures = vec![heat(report), standings(report)];
    figures.extend(certificate(report));
    figures
}

fn heat(report: &Report) -> Figure {
    let m = report.checkpoints.len();
    let n = level(report.level);
    let tip = |rival: usize, q: usize| {
        let (rival_name, q_name) = (
            report.checkpoints[rival].label(),
            report.checkpoints[q].label(),
        );
        if rival == q {
            return q_name;
        }
        let share = percent(report.matrix[rival * m + q]);
        format!(
            "{q_name} gives {share} of the responses {n} times less probability than {rival_name}, \
             or worse"
        )
    };
    let title = format!("Who under-weights what, at N = {n}");
    let caption = heat_caption(report);
    let map = HeatMap {
        stem: "tournament",
        title: &title,
        description: &caption,
        y_title: "compared with",
        x_title: "checkpoint",
        names: report.checkpoints.iter().map(short).collect(),
        values: &report.matrix,
        chosen: report.taken(),
        tip: &tip,
    };
    let drawing = map.draw();
    Figure {
        stem: "tournament".into(),
        table: matrix_table(report),
        drawing,
        caption,
        title,
    }
}

fn heat_caption(report: &Report) -> String {
    let winner = report.winner();
    format!(
        "A column shows the share of responses that a checkpoint under-weights against each other \
         one; the bottom row is the worst case, smallest for {} ({}).",
        winner.label(),
        percent(winner.value)
    )
}

fn matrix_table(report: &Report) -> Table {
    let m = report.checkpoints.len();
    let head = std::iter::once("compared with \\ checkpoint".to_string());
    let row = |rival: usize| {
        let cells = (0..m).map(|q| percent(report.matrix[rival * m + q]));
        std::iter::once(short(&report.checkpoints[rival]))
            .chain(cells)
            .collect()
    };
    Table {
        head: head.chain(report.checkpoints.iter().map(short)).collect(),
        rows: (0..m).map(row).collect(),
    }
}

/// The tournament value of every checkpoint with its interval; hollow where it is excluded as the
/// best.
fn standings(report: &Report) -> Figure {
    let n = level(report.level);
    let dots = report.checkpoints.iter().enumerate().map(|(i, c)| {
        let class = if c.not_excluded {
            String::new()
        } else {
            " excluded".into()
        };
        let tip = format!(
            "{}: worst case {} [{}, {}], rank {}",
            c.label(),
            percent(c.value),
            percent(c.value_low),
            percent(c.value_high),
            c.rank
        );
        Mark::Dot(Dot {
            bar: Some((c.value_low, c.value_high)),
            class: format!("{}{class}", time_class(report, i)),
            ..time_dot(report, i, (training_x(report, i), c.value), tip)
        })
    });
    let title = "The worst case of every checkpoint".to_string();
    let caption = standings_caption(report);
    let chart = Chart {
        stem: "standings".into(),
        title: title.clone(),
        description: caption.clone(),
        x: training_axis(report),
        y: Axis::new(
            format!("largest share under-weighted {n} times"),
            Kind::FromZero,
            Unit::Percent,
        ),
        marks: dots.collect(),
        legend: Vec::new(),
    };
    Figure {
        stem: "standings".into(),
        title,
        caption,
        drawing: chart.draw(),
        table: standings_table(report),
    }
}

fn standings_caption(report: &Report) -> String {
    let open = report.checkpoints.iter().filter(|c| c.not_excluded).count();
    let confidence = crate::format::confidence(report.confidence);
    format!(
        "Lower is better; bars are {confidence} intervals, and the {open} filled dots are the \
         checkpoints that may be the best at that confidence."
    )
}

fn standings_table(report: &Report) -> Table {
    let mut ranked: Vec<&Checkpoint> = report.checkpoints.iter().collect();
    ranked.sort_by_key(|c| c.rank);
    let head = [
        "Rank",
        "Checkpoint",
        "Worst case",
        &interval_name(report),
        "against",
        "may be best",
    ];
    let certified = format!("certified Cov at N = {}", level(report.level));
    let row = |c: &&Checkpoint| {
        vec![
            c.rank.to_string(),
            short(c),
            percent(c.value),
            format!("{} to {}", percent(c.value_low), percent(c.value_high)),
            c.worst_rival.clone().unwrap_or_else(|| "–".into()),
            if c.not_excluded { "yes" } else { "no" }.into(),
            format!(
                "{} to {}",
                percent(c.certified_low),
                percent(c.certified_high)
            ),
        ]
    };
    Table {
        head: head
            .iter()
            .map(|s| s.to_string())
            .chain([certified])
            .collect(),
        rows: ranked.iter().map(row).collect(),
    }
}

/// What the data proves about the unobservable coverage, where it proves anything.
fn certificate(report: &Report) -> Option<Figure> {
    let failing = report.checkpoints.iter().any(|c| c.certified_low > 1e-3);
    let bounded = report.checkpoints.iter().any(|c| c.certified_high < 0.9);
    if !failing && !bounded {
        return None;
    }
    let n = level(report.level);
    let dots = report.checkpoints.iter().enumerate().map(|(i, c)| {
        let (low, high) = (c.certified_low, c.certified_high);
        let tip = format!(
            "{}: Cov between {} and {}",
            c.label(),
            percent(low),
            percent(high)
        );
        // An upper limit near one says nothing, and would flatten everything else.
        let bar = bounded.then_some((low, high));
        Mark::Dot(Dot {
            bar,
            ..time_dot(report, i, (training_x(report, i), low), tip)
        })
    });
    let title = format!("What is certain about the data uncovered at N = {n}");
    let caption = certificate_caption(report, bounded);
    let chart = Chart {
        stem: "certificate".into(),
        title: title.clone(),
        description: caption.clone(),
        x: training_axis(report),
        y: Axis::new(
            if bounded {
                "certified range of Cov"
            } else {
                "certified lower limit of Cov"
            },
            Kind::FromZero,
            Unit::Percent,
        ),
        marks: dots.collect(),
        legend: Vec::new(),
    };
    let drawing = chart.draw();
    Some(Figure {
        stem: "certificate".into(),
        title,
        caption,
        drawing,
        table: standings_table(report),
    })
}

fn certificate_caption(report: &Report, bounded: bool) -> String {
    let confidence = crate::format::confidence(report.confidence);
    let spans = if bounded {
        "each bar spans what the held-out responses allow"
    } else {
        "each dot is the least share that the held-out responses allow"
    };
    format!(
        "Whatever the true distribution is, at {confidence} confidence {spans}; a dot above zero \
         is a proven failure to cover."
    )
}
