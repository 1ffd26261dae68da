//! `select --race`: the same choice from fewer scores.

use anyhow::{Result, bail};
use breadth_lm::rng;
use breadth_stats::race;
use serde::Serialize;

use super::{Choice, Field, Rule};
use crate::number::{self, Number};
use crate::output::Style;

/// The result of a race.
#[derive(Serialize)]
pub struct Document<'a> {
    command: &'static str,
    rule: Rule,
    n: Number,
    log_n: Number,
    confidence: f64,
    seed: u64,
    rows: usize,
    prompts: usize,
    winner: &'a str,
    /// All models that may have the smallest value on this table.
    tied: Vec<&'a str>,
    not_excluded: Vec<&'a str>,
    race: Scores<'a>,
}

/// What the race asked for.
#[derive(Serialize)]
struct Scores<'a> {
    scores_used: usize,
    scores_all: usize,
    share: f64,
    /// In the order of the table.
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    model: &'a str,
    scored: usize,
    low: Number,
    high: Number,
    /// After how many rows it was dropped, because of which rival, and who is certainly better.
    dropped: Option<Dropped<'a>>,
}

#[derive(Clone, Serialize)]
struct Dropped<'a> {
    rows: usize,
    rival: &'a str,
    better: &'a str,
}

/// Runs the race over the rows of the table in an order that `seed` decides.
pub fn document(field: &Field, choice: Choice, seed: u64) -> Result<Document<'_>> {
    if choice.rule != Rule::Tournament {
        bail!("--race plays the tournament; leave out --rule");
    }
    if field.scores.design().weights.is_some() {
        bail!(
            "--race takes rows that count the same, and this table has weights; leave out --race"
        );
    }
    let (columns, names) = (field.columns(), field.names());
    let rows = field.scores.table.rows();
    let mut order: Vec<usize> = (0..rows).collect();
    rng::shuffle(&mut rng::stream(seed, "race", 0), &mut order);
    let found = race(
        names.len(),
        rows,
        choice.level,
        choice.confidence,
        |models, rows| {
            let column = |&model: &usize| {
                order[rows.clone()]
                    .iter()
                    .map(|&row| columns[model][row])
                    .collect()
            };
            Ok(models.iter().map(column).collect())
        },
    )?;
    let dropped = |model: usize| {
        let dropped = found
            .dropped
            .iter()
            .find(|dropped| dropped.model == model)?;
        Some(Dropped {
            rows: dropped.rows,
            rival: names[dropped.rival],
            better: names[dropped.better],
        })
    };
    let mut models = Vec::with_capacity(names.len());
    for (at, &model) in names.iter().enumerate() {
        models.push(Model {
            model,
            scored: found.scored[at],
            low: Number(found.values[at].0),
            high: Number(found.values[at].1),
            dropped: dropped(at),
        });
    }
    let left: Vec<&str> = found.winners.iter().map(|&at| names[at]).collect();
    // Among those left, the least upper limit; the first among equals.
    let high = |at: &usize| found.values[*at].1;
    let winner = found
        .winners
        .iter()
        .copied()
        .min_by(|a, b| high(a).total_cmp(&high(b)))
        .unwrap_or(0);
    Ok(Document {
        command: "select",
        rule: choice.rule,
        n: Number(choice.level.n()),
        log_n: Number(choice.level.log_n()),
        confidence: choice.confidence,
        seed,
        rows,
        prompts: field.scores.prompts,
        winner: names[winner],
        tied: left.clone(),
        not_excluded: left,
        race: Scores {
            scores_used: found.scored.iter().sum(),
            scores_all: rows * names.len(),
            share: found.share_scored(),
            models,
        },
    })
}

/// The whole text.
pub fn render(document: &Document, size: &str, style: Style) -> String {
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
    let row = |model: &Model| {
        let dropped =
            |of: fn(&Dropped) -> String| model.dropped.as_ref().map_or("-".to_owned(), of);
        vec![
            model.model.to_owned(),
            model.scored.to_string(),
            number::percent_limits(model.low.0, model.high.0),
            dropped(|d| d.rows.to_string()),
            dropped(|d| d.rival.to_owned()),
            dropped(|d| d.better.to_owned()),
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
            "Race to the tournament (Eq 29) at N = {} on {size}: with {percent}% confidence over all looks, the winners of the whole table are among those left.",
            number::trimmed(document.n.0),
        )),
    ]
    .join("\n")
}
