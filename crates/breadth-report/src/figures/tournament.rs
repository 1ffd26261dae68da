//! The tournament: every pair, and where it leaves every checkpoint.

use std::ops::Range;

use super::figure::{
    Figure, Table, band, bar, is_many, steps, time_class, time_dot, training_axis, training_x,
};
use crate::chart::heat::HeatMap;
use crate::chart::{Axis, Chart, Dot, Kind, Mark, Unit};
use crate::format::{level, percent, percent_limits};
use breadth_analysis::{Checkpoint, PairGroups, Report, Standing};

/// Groups of neighbours in the heat map of many checkpoints.
const GROUPS: usize = 40;
/// Checkpoints that have a row and a column each.
const SINGLE: usize = 64;

pub(super) fn figures(report: &Report) -> Vec<Figure> {
    // A lone candidate has nobody to be compared with.
    if report.selection.is_none() || report.checkpoints.len() < 2 {
        return certificate(report).into_iter().collect();
    }
    let places = report.checkpoints.iter().any(|c| c.standing.is_some());
    let heat = (!report.matrix.is_empty()).then(|| heat(report));
    let standings = places.then(|| standings(report));
    let figures = [heat, standings, certificate(report)];
    figures.into_iter().flatten().collect()
}

/// A checkpoint with its place in the tournament.
fn placed(report: &Report) -> impl Iterator<Item = (usize, &Checkpoint, &Standing)> {
    let all = report.checkpoints.iter().enumerate();
    all.filter_map(|(i, c)| Some((i, c, c.standing.as_ref()?)))
}

fn heat(report: &Report) -> Figure {
    let are_single = report.checkpoints.len() <= SINGLE;
    let pairs = report.pair_groups(if are_single { SINGLE } else { GROUPS });
    let n = level(report.level);
    let names: Vec<String> = pairs
        .groups
        .iter()
        .map(|group| group_name(report, group))
        .collect();
    let tip = |rival: usize, q: usize| {
        let share = percent(pairs.values[rival * names.len() + q]);
        match (are_single, rival == q) {
            (true, true) => names[q].clone(),
            (true, false) => pair_tip(report, (rival, q), &share),
            (false, _) => format!("{} against {}: at most {share}", names[q], names[rival]),
        }
    };
    let title = format!("Who under-weights what, at N = {n}");
    let caption = heat_caption(report, &pairs);
    let group_of = |i: usize| pairs.groups.iter().position(|group| group.contains(&i));
    let steps = steps(report);
    let first = |group: &Range<usize>| steps[group.start].clone();
    let map = HeatMap {
        stem: "tournament",
        title: &title,
        description: &caption,
        y_title: "compared with",
        x_title: "checkpoint",
        names: pairs.groups.iter().map(first).collect(),
        values: &pairs.values,
        largest: pairs.values.iter().copied().fold(0.0, f64::max),
        are_single,
        chosen: report.taken().and_then(group_of),
        tip: &tip,
    };
    let drawing = map.draw();
    Figure {
        stem: "tournament".into(),
        table: pairs_table(&pairs, &names),
        drawing,
        caption,
        title,
    }
}

/// `step-10`, or `step-10 to step-90` for several.
fn group_name(report: &Report, group: &Range<usize>) -> String {
    let name = |i: usize| report.checkpoints[i].model.as_str();
    match group.len() {
        1 => name(group.start).to_owned(),
        _ => format!("{} to {}", name(group.start), name(group.end - 1)),
    }
}

fn pair_tip(report: &Report, (rival, q): (usize, usize), share: &str) -> String {
    let n = level(report.level);
    let name = |i: usize| &report.checkpoints[i].model;
    let (rival, q) = (name(rival), name(q));
    if report.is_over_answers() {
        return format!(
            "on {share} of the answers {q} gives the answer {n} times less often than {rival}, or \
             worse"
        );
    }
    format!("{q} gives {share} of the responses {n} times less probability than {rival}, or worse")
}

fn heat_caption(report: &Report, pairs: &PairGroups) -> String {
    let of = if report.is_over_answers() {
        "answers"
    } else {
        "responses"
    };
    let size = pairs.groups.first().map_or(1, Range::len);
    let groups = if size > 1 {
        format!(
            "Each cell holds up to {size} × {size} pairs of neighbouring checkpoints and shows the \
             largest share. "
        )
    } else {
        String::new()
    };
    let smallest = report.winner().and_then(|winner| {
        let standing = winner.standing.as_ref()?;
        Some(format!(
            ", smallest for {} ({})",
            winner.model,
            percent(standing.value)
        ))
    });
    format!(
        "{groups}A column shows the share of {of} that a checkpoint under-weights against each \
         other one; the bottom row is the worst case{}.",
        smallest.unwrap_or_default()
    )
}

fn pairs_table(pairs: &PairGroups, names: &[String]) -> Table {
    let m = names.len();
    let head = std::iter::once("compared with \\ checkpoint".to_string());
    let row = |rival: usize| {
        let cells = (0..m).map(|q| percent(pairs.values[rival * m + q]));
        std::iter::once(names[rival].clone()).chain(cells).collect()
    };
    Table {
        head: head.chain(names.iter().cloned()).collect(),
        rows: (0..m).map(row).collect(),
    }
}

/// The tournament value of every checkpoint with its interval; hollow where it is excluded as the
/// best.
fn standings(report: &Report) -> Figure {
    let n = level(report.level);
    let dots = placed(report).map(|(i, c, standing)| {
        let class = if standing.not_excluded {
            String::new()
        } else {
            " excluded".into()
        };
        let tip = format!(
            "{}: worst case {}, rank {}",
            c.model,
            value_with_limits(standing),
            standing.rank
        );
        Mark::Dot(Dot {
            bar: bar(report, (standing.value_low, standing.value_high)),
            class: format!("{}{class}", time_class(report, i)),
            ..time_dot(report, i, (training_x(report, i), standing.value), tip)
        })
    });
    let limits = placed(report).map(|(i, _, standing)| {
        let x = training_x(report, i);
        (x, standing.value_low, standing.value_high)
    });
    let marks = band(report, "a", limits).into_iter().chain(dots);
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
        marks: marks.collect(),
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

fn value_with_limits(standing: &Standing) -> String {
    format!(
        "{} {}",
        percent(standing.value),
        percent_limits(standing.value_low, standing.value_high)
    )
}

fn standings_caption(report: &Report) -> String {
    let open = placed(report)
        .filter(|(_, _, standing)| standing.not_excluded)
        .count();
    let confidence = crate::format::confidence(report.confidence);
    let (intervals, filled) = if is_many(report) {
        ("the band holds", "coloured")
    } else {
        ("bars are", "filled")
    };
    format!(
        "Lower is better; {intervals} {confidence} intervals, and the {filled} dots ({open}) are \
         the checkpoints that may be the best at that confidence."
    )
}

fn standings_table(report: &Report) -> Table {
    let mut ranked: Vec<(usize, &Checkpoint, &Standing)> = placed(report).collect();
    ranked.sort_by_key(|(_, _, standing)| standing.rank);
    let certified = (!report.is_over_answers())
        .then(|| format!("certified Cov at N = {}", level(report.level)));
    let row = |(_, c, standing): &(usize, &Checkpoint, &Standing)| {
        let mut row = vec![
            standing.rank.to_string(),
            c.model.clone(),
            value_with_limits(standing),
            standing.worst_rival.clone().unwrap_or_else(|| "–".into()),
            if standing.not_excluded { "yes" } else { "no" }.into(),
        ];
        row.extend(
            certified
                .is_some()
                .then(|| percent_limits(standing.certified_low, standing.certified_high)),
        );
        row
    };
    let rows = ranked.iter().map(row).collect();
    let head = ["Rank", "Checkpoint", "Worst case", "against", "may be best"];
    Table {
        head: head
            .map(str::to_owned)
            .into_iter()
            .chain(certified.clone())
            .collect(),
        rows,
    }
}

/// What the data proves about the unobservable coverage, where it proves anything.
fn certificate(report: &Report) -> Option<Figure> {
    let failing = placed(report).any(|(_, _, standing)| standing.certified_low > 1e-3);
    let bounded = placed(report).any(|(_, _, standing)| standing.certified_high < 0.9);
    if report.is_over_answers() || (!failing && !bounded) {
        return None;
    }
    let n = level(report.level);
    let limits = |standing: &Standing| (standing.certified_low, standing.certified_high);
    let dots = placed(report).map(|(i, c, standing)| {
        let (low, high) = limits(standing);
        let tip = format!("{}: Cov in {}", c.model, percent_limits(low, high));
        // An upper limit near one says nothing, and would flatten everything else.
        Mark::Dot(Dot {
            bar: bar(report, (low, high)).filter(|_| bounded),
            ..time_dot(report, i, (training_x(report, i), low), tip)
        })
    });
    let ranges = placed(report).map(|(i, _, standing)| {
        let (low, high) = limits(standing);
        (training_x(report, i), low, high)
    });
    let range = band(report, "a", ranges).filter(|_| bounded);
    let marks = range.into_iter().chain(dots);
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
        marks: marks.collect(),
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
    let spans = if bounded && is_many(report) {
        "the band spans what the held-out responses allow"
    } else if bounded {
        "each bar spans what the held-out responses allow"
    } else {
        "each dot is the least share that the held-out responses allow"
    };
    format!(
        "Whatever the true distribution is, at {confidence} confidence {spans}; a dot above zero \
         is a proven failure to cover."
    )
}
