//! The selection in words: the verdict first, then the table it rests on, then how sure it is.

use breadth_stats::Level;

use super::{Document, Model};
use crate::number;
use crate::output::Style;

/// Names beyond this many are counted, not listed.
const MOST_NAMES: usize = 8;

/// What the reader of a selection should know before acting on it.
pub fn notes(document: &Document, level: Level) -> Vec<String> {
    let (n, models) = (number::level(level), document.models.len());
    let Some(first) = document.models.first().filter(|_| models > 1) else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    if document.tied.len() == models {
        notes.push(format!(
            "All {models} models tie at N = {n}, so that cross-entropy alone decided. Another N may separate them: a \
             smaller one if all values are 0%, a larger one if they are high."
        ));
    } else if document.not_excluded.len() == models {
        notes.push(format!(
            "These {} leave open that any of the models is the best one. More held-out responses would tell.",
            number::count(document.rows, "row"),
        ));
    }
    if first.value.0 > 0.5 {
        notes.push(format!(
            "Even the winner falls short by a factor of {n} on most responses, so this ranking says little. Long \
             responses differ by many nats: take a larger N, such as --log-n {}.",
            number::trimmed((4.0 * level.log_n()).max(10.0).round()),
        ));
    }
    notes
}

/// The whole text.
pub fn render(document: &Document, size: &str, level: Level, style: Style) -> String {
    let n = number::level(level);
    let percent = number::trimmed(100.0 * document.confidence);
    let mut parts = vec![style.strong(&verdict(document, &n))];
    parts.extend(loss_winner(document, &n));
    parts.push(String::new());
    parts.push(ranking(document, &n, style));
    parts.push(String::new());
    parts.extend(tie(document));
    parts.push(format!(
        "Not excluded with {percent}% confidence: {}.",
        names(&document.not_excluded)
    ));
    parts.extend(document.notes.iter().map(|note| format!("Note: {note}")));
    parts.push(style.faint(&format!(
        "Tournament (Eq 29) at N = {n} on {size}; {percent}% limits."
    )));
    parts.join("\n")
}

fn verdict(document: &Document, n: &str) -> String {
    let winner = document.winner;
    match document.models.as_slice() {
        [_] => format!("Take {winner}: it is the only candidate, nothing was compared."),
        [first, ..] if first.value.0 == 0.0 => {
            format!("Take {winner}: no rival gives any response {n} times its probability or more.")
        }
        [first, ..] => format!(
            "Take {winner}: no rival gives {n} times its probability or more to more than {} of the responses.",
            number::percent(first.value.0),
        ),
        [] => String::new(),
    }
}

/// What taking the lowest loss would have cost.
fn loss_winner(document: &Document, n: &str) -> Option<String> {
    let name = document.cross_entropy_winner;
    let model = document.models.iter().find(|model| model.model == name)?;
    if name == document.winner {
        return (document.models.len() > 1)
            .then(|| "It also has the lowest cross-entropy.".to_owned());
    }
    Some(format!(
        "The lowest cross-entropy is that of {name}, which falls short by a factor of {n} on {} of the responses{}.",
        number::percent(model.value.0),
        model
            .worst_rival
            .map_or(String::new(), |rival| format!(" (against {rival})")),
    ))
}

fn ranking(document: &Document, n: &str, style: Style) -> String {
    let header = [
        "rank".to_owned(),
        "model".to_owned(),
        "worst rival".to_owned(),
        "value".to_owned(),
        "limits".to_owned(),
        "cross-entropy".to_owned(),
        format!("Cov_{n} certified"),
    ];
    let row = |model: &Model| {
        vec![
            model.rank.to_string(),
            model.model.to_owned(),
            model.worst_rival.unwrap_or("-").to_owned(),
            number::percent(model.value.0),
            number::percent_limits(model.low.0, model.high.0),
            format!("{:.4}", model.cross_entropy.0),
            number::percent_limits(model.certified_low.0, model.certified_high.0),
        ]
    };
    style.table(3, &header, document.models.iter().map(row).collect())
}

fn tie(document: &Document) -> Option<String> {
    let several = document.tied.len() > 1;
    several.then(|| {
        format!(
            "Tied for the best value: {}; the lower cross-entropy decided.",
            names(&document.tied)
        )
    })
}

fn names(names: &[&str]) -> String {
    let hidden = names.len().saturating_sub(MOST_NAMES);
    let listed = names[..names.len() - hidden].join(", ");
    if hidden == 0 {
        listed
    } else {
        format!("{listed} and {hidden} more")
    }
}
