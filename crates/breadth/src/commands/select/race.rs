//! A race in words.

use breadth_analysis::{Dropped, Race, RaceModel};

use crate::number;
use crate::output::Style;

/// The whole text.
pub fn render(document: &Race, style: Style) -> String {
    let percent = number::trimmed(100.0 * document.confidence);
    let verdict = match document.tied.as_slice() {
        [only] => format!("The tournament takes {only}: no other model can win it."),
        several => format!(
            "The tournament takes {}: {} models are still in the race.",
            document.winner,
            several.len()
        ),
    };
    let used = format!(
        "The race used {} of {} scores ({}).",
        number::grouped(document.race.scores_used),
        number::grouped(document.race.scores_all),
        number::percent(document.race.share),
    );
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
        style.strong(&verdict),
        used,
        String::new(),
        style.table(1, &header, rows),
        String::new(),
        style.faint(&format!(
            "Race to the tournament (Eq 29) at N = {} on {}, {}: with {percent}% confidence over \
             all looks, the winners of the whole table are among those left.",
            number::level_in_words(document.n.0, document.log_n.0),
            number::count(document.rows, "row"),
            number::count(document.prompts, "prompt"),
        )),
    ]
    .join("\n")
}
