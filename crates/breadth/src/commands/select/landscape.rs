//! The choice along log N as a table.

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
