//! A race as text.

use breadth_analysis::{Dropped, Race, RaceModel};

use crate::number;
use crate::output::Style;

/// The whole text.
pub fn render(document: &Race, style: Style) -> String {
    let header = [
        "model",
        "scored",
        "value",
        "left after",
        "because of",
        "better",
    ]
    .map(str::to_owned);
    let row = |model: &RaceModel| {
        let dropped =
            |of: fn(&Dropped) -> String| model.dropped.as_ref().map_or("-".to_owned(), of);
        vec![
            model.model.clone(),
            model.scored.to_string(),
            number::percent_limits(model.low.0, model.high.0),
            dropped(|d| d.rows.to_string()),
            dropped(|d| d.rival.clone()),
            dropped(|d| d.better.clone()),
        ]
    };
    let rows = document.race.models.iter().map(row).collect();
    [
        style.strong(&document.sentence()),
        document.scores_say(),
        String::new(),
        style.table(1, &header, rows),
        String::new(),
        style.faint(&document.guarantee()),
    ]
    .join("\n")
}
