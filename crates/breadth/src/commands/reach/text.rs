//! Reach as text: its sentences, the tables, and what they cannot say.

use breadth_analysis::{LikelihoodQuantile, ReachModel, ReachPoint, ReachReport};

use crate::number;
use crate::output::Style;

/// The quantiles in the table; --json has all.
const SHOWN: [f64; 2] = [0.1, 0.5];

const WHAT: &str = "\
Reach at k: how often k samples contain one of the given right responses, from
log-probabilities alone. For every verifier that accepts these responses it is
a lower bound of Pass@k, and Pass@k itself where they are all the right ones.";

/// The whole text.
pub fn render(document: &ReachReport, style: Style) -> String {
    let reached = &document.models[..];
    let ks: Vec<f64> = document.best.iter().map(|best| best.k.0).collect();
    let mut parts = vec![style.strong(&document.sentence())];
    parts.extend(document.elsewhere());
    parts.extend([
        WHAT.to_owned(),
        String::new(),
        reaches(reached, &ks, document.headlined(), style),
        String::new(),
    ]);
    parts.extend(budget(reached, document));
    parts.extend([String::new(), prompts(reached, style), String::new()]);
    parts.extend(document.notes.iter().cloned());
    parts.push(style.faint(&format!(
        "{}, {}; {} limits over prompts, all with --json",
        number::count(document.rows, "row"),
        number::count(document.prompts, "prompt"),
        number::confidence(document.confidence)
    )));
    parts.join("\n")
}

fn reaches(reached: &[ReachModel], ks: &[f64], at: usize, style: Style) -> String {
    let mut header = vec!["model".to_owned()];
    header.extend(ks.iter().map(|&k| format!("k={}", number::samples(k))));
    header.push(format!("limits at k={}", number::samples(ks[at])));
    let row = |one: &ReachModel| {
        let value = |reach: &ReachPoint| number::percent(reach.value.0);
        let limits = number::percent_limits(one.reach[at].low.0, one.reach[at].high.0);
        let mut row = vec![one.model.clone()];
        row.extend(one.reach.iter().map(value));
        row.push(limits);
        row
    };
    style.table(1, &header, reached.iter().map(row).collect())
}

/// What the table of prompts shows.
fn budget(reached: &[ReachModel], document: &ReachReport) -> Vec<String> {
    let n = reached.first().map_or(0.0, |one| one.prompts_at.budget.0);
    let mut lines = vec![format!(
        "Prompts that {} samples reach: each is right with probability 1/{0} or more.",
        number::samples(n)
    )];
    if !document.has_samples {
        lines.push(
            "Scores alone put no prompt out of reach; graded samples can: add them.".to_owned(),
        );
    }
    let tokens = reached
        .iter()
        .any(|one| one.quantiles[0].log_q_token.is_some());
    lines.push(
        "ln Q(e): all but a share e of the prompts have right responses that likely.".to_owned(),
    );
    if tokens {
        lines.push("token: of the least likely token of the easiest response instead.".to_owned());
    }
    lines
}

fn prompts(reached: &[ReachModel], style: Style) -> String {
    let shown = |one: &ReachModel| -> Vec<(f64, f64, Option<f64>)> {
        let is_shown = |quantile: &&LikelihoodQuantile| SHOWN.contains(&quantile.share);
        let quantiles = one.quantiles.iter().filter(is_shown);
        quantiles
            .map(|quantile| {
                (
                    quantile.share,
                    quantile.log_q.0,
                    quantile.log_q_token.map(|q| q.0),
                )
            })
            .collect()
    };
    let mut header = ["model", "prompts", "reachable", "unknown", "not"]
        .map(str::to_owned)
        .to_vec();
    for (share, _, token) in reached.first().map(shown).unwrap_or_default() {
        header.push(format!("ln Q({share})"));
        header.extend(token.map(|_| "token".to_owned()));
    }
    let row = |one: &ReachModel| {
        let counts = one.prompts_at;
        let mut row = vec![one.model.clone()];
        let cells = [counts.all(), counts.reachable, counts.unknown, counts.not];
        row.extend(cells.map(number::grouped));
        for (_, log_q, token) in shown(one) {
            row.push(nats(log_q));
            row.extend(token.map(nats));
        }
        row
    };
    style.table(1, &header, reached.iter().map(row).collect())
}

fn nats(value: f64) -> String {
    match value.is_finite() {
        // Adding 0 turns -0 into 0.
        true => format!("{:.2}", (100.0 * value).round() / 100.0 + 0.0),
        false => number::trimmed(value),
    }
}
