//! The choice along log N, in words.

use breadth_analysis::Stop;

use crate::number;
use crate::output::Style;

/// A row per level.
pub fn table(stops: &[Stop], style: Style) -> String {
    let header = [
        "log N", "N", "take", "tied", "value", "gap", "apart", "certain",
    ]
    .map(str::to_owned);
    let row = |stop: &Stop| {
        vec![
            format!("{:.2}", stop.log_n.0),
            number::short(stop.n.0, stop.log_n.0),
            stop.winner.clone(),
            stop.tied.len().to_string(),
            number::percent(stop.value.0),
            stop.runner_up_gap
                .map_or("-".to_owned(), |gap| number::percent(gap.0)),
            stop.apart
                .map_or("-".to_owned(), |apart| number::percent(apart.0)),
            if stop.certain { "yes" } else { "no" }.to_owned(),
        ]
    };
    style.table(2, &header, stops.iter().map(row).collect())
}

/// What the columns of the table are, in one line.
pub const LEGEND: &str = "tied: models with the value of the one to take; gap: to the next value; \
     apart: share of responses on which the median pair differs by N or more; certain: all others \
     are excluded, at all levels at once.";

/// The most that a model misses for certain, over the levels, for the model that misses most:
/// nothing where nothing is certain. Model and levels are picked for their limits, which hold for
/// all of them at once.
pub fn certain(stops: &[Stop], percent: &str) -> Option<String> {
    let all = stops
        .iter()
        .flat_map(|stop| stop.certified.iter().map(move |one| (stop, one)));
    let largest = all.max_by(|a, b| a.1.low.0.total_cmp(&b.1.low.0));
    let (stop, one) = largest.filter(|(_, one)| one.low.0 > 0.0)?;
    let at_least = |n: &str, low: f64| format!("{}% by {n}", number::at_least(low));
    let of_model = |stop: &Stop| {
        let own = stop
            .certified
            .iter()
            .find(|other| other.model == one.model)?;
        let n = number::short(stop.n.0, stop.log_n.0);
        (own.low.0 > 0.0).then(|| at_least(&n, own.low.0))
    };
    let levels: Vec<String> = stops.iter().filter_map(of_model).collect();
    let shown = match levels.as_slice() {
        [first, .., last] => format!("{first}, .., {last}"),
        _ => at_least(&number::short(stop.n.0, stop.log_n.0), one.low.0),
    };
    Some(format!(
        "Whatever the data distribution is, with {percent}% confidence for all models and levels \
         at once, {} under-weights at least this share of the responses: {shown}.",
        one.model
    ))
}

/// Where the choice changes, in words.
pub fn summary(stops: &[Stop]) -> String {
    let mut spans: Vec<(&str, &Stop)> = Vec::new();
    for stop in stops {
        if spans
            .last()
            .is_none_or(|(winner, _)| *winner != stop.winner)
        {
            spans.push((&stop.winner, stop));
        }
    }
    match spans.as_slice() {
        [(winner, _)] => format!("Along log N the tournament takes {winner} throughout."),
        spans => {
            let from = spans
                .iter()
                .map(|(winner, stop)| format!("{winner} from {:.1} nats", stop.log_n.0));
            format!(
                "Along log N the tournament's choice changes: {}.",
                from.collect::<Vec<_>>().join(", ")
            )
        }
    }
}
