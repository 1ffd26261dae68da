//! Reach in words: which model reaches furthest, the tables, and what they cannot say.

use breadth_analysis::{LikelihoodQuantile, ReachModel, ReachPoint, ReachReport};

use crate::number;
use crate::output::Style;

/// Fewer effective prompts than this decide nothing.
const FEW: f64 = 20.0;
/// Names beyond this many are counted, not listed.
const MOST_NAMES: usize = 8;
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
    let ks = &ks[..];
    let at = headlined(document, ks);
    let mut parts = vec![style.strong(&headline(reached, ks, at, document))];
    parts.extend(elsewhere(document, at));
    parts.extend([
        WHAT.to_owned(),
        String::new(),
        reaches(reached, ks, at, style),
        String::new(),
    ]);
    parts.extend(budget(reached, document));
    parts.extend([String::new(), prompts(reached, style), String::new()]);
    parts.extend(few(reached, ks));
    parts.extend(repeats(document));
    let same = |names: &Vec<String>| {
        format!(
            "{} are the same model and count as one.",
            names.join(" and ")
        )
    };
    parts.extend(document.same.iter().map(same));
    let percent = number::trimmed(100.0 * document.confidence);
    parts.push(style.faint(&format!(
        "{}, {}; {percent}% limits over prompts, all with --json",
        number::count(document.rows, "row"),
        number::count(document.prompts, "prompt")
    )));
    parts.join("\n")
}

/// Where the k of the headline stands: that of the budget if it was asked for, else the largest.
fn headlined(document: &ReachReport, ks: &[f64]) -> usize {
    let budget = document.models.first().map(|one| one.prompts_at.budget.0);
    let is_budget = |at: &usize| Some(ks[*at]) == budget;
    let largest = || (0..ks.len()).max_by(|&a, &b| ks[a].total_cmp(&ks[b]));
    (0..ks.len()).find(is_budget).or_else(largest).unwrap_or(0)
}

/// Where other models than that of the headline reach furthest.
fn elsewhere(document: &ReachReport, at: usize) -> Option<String> {
    let model = &document.best[at].model;
    let mut spans: Vec<(&str, Vec<String>)> = Vec::new();
    for best in document.best.iter().filter(|best| best.model != *model) {
        let k = samples(best.k.0);
        match spans.last_mut() {
            Some((name, ks)) if *name == best.model => ks.push(k),
            _ => spans.push((&best.model, vec![k])),
        }
    }
    let spans: Vec<String> = spans
        .iter()
        .map(|(name, ks)| format!("{name} at k = {}", ks.join(", ")))
        .collect();
    (!spans.is_empty()).then(|| format!("Others have more elsewhere: {}.", spans.join("; ")))
}

/// The model that reaches furthest at one k.
fn headline(reached: &[ReachModel], ks: &[f64], last: usize, document: &ReachReport) -> String {
    let k = samples(ks[last]);
    let best = &document.best[last];
    let own = reached.iter().find(|one| one.model == best.model);
    let Some(reach) = own.map(|one| &one.reach[last]) else {
        return String::new();
    };
    let share = format!(
        "{} {}",
        number::percent(reach.value.0),
        number::percent_limits(reach.low.0, reach.high.0)
    );
    let model = &best.model;
    if reached.len() == 1 {
        return format!("{model} reaches {share} at k = {k}.");
    }
    if reach.effective_prompts.0 < FEW {
        return format!(
            "{model} has the most, {share} at k = {k};\ntoo few prompts carry it to decide \
             anything."
        );
    }
    let others: Vec<&str> = best
        .not_excluded
        .iter()
        .filter(|name| *name != model)
        .map(String::as_str)
        .collect();
    let sure = if others.is_empty() {
        String::new()
    } else {
        format!("\nNot certain: so may {}.", names(&others))
    };
    format!("{model} reaches furthest: {share} at k = {k}.{sure}")
}

/// `1024`, `1e6`.
fn samples(k: f64) -> String {
    if k < 1e6 {
        number::trimmed(k)
    } else {
        format!("{k:e}")
    }
}

fn reaches(reached: &[ReachModel], ks: &[f64], at: usize, style: Style) -> String {
    let mut header = vec!["model".to_owned()];
    header.extend(ks.iter().map(|&k| format!("k={}", samples(k))));
    header.push(format!("limits at k={}", samples(ks[at])));
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
        samples(n)
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

/// Numbers that few prompts carry.
fn few(reached: &[ReachModel], ks: &[f64]) -> Option<String> {
    let of_model = |one: &ReachModel| {
        let pairs = ks.iter().zip(&one.reach);
        let few: Vec<String> = pairs
            .filter(|(_, reach)| reach.effective_prompts.0 < FEW)
            .map(|(&k, _)| samples(k))
            .collect();
        match few.len() {
            0 => None,
            all if all == ks.len() => Some(one.model.clone()),
            _ => Some(format!("{} at k = {}", one.model, few.join(", "))),
        }
    };
    let named: Vec<String> = reached.iter().filter_map(of_model).collect();
    let shown: Vec<&str> = named.iter().map(String::as_str).collect();
    (!named.is_empty()).then(|| {
        format!(
            "Rests on few prompts (effectively fewer than {FEW}) and can decide nothing:\n{}.",
            names(&shown)
        )
    })
}

fn repeats(document: &ReachReport) -> Option<String> {
    let repeated = document.repeated;
    let (verb, whose, count) = match repeated {
        0 => return None,
        1 => ("repeats", "its", "counts"),
        _ => ("repeat", "their", "count"),
    };
    Some(format!(
        "{} {verb} a response of {whose} prompt with equal log-probabilities\nunder every model \
         and {count} once.",
        number::count(repeated, "row")
    ))
}

fn names(names: &[&str]) -> String {
    let listed = names.iter().take(MOST_NAMES).copied();
    let mut text = listed.collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        text.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
    }
    text
}
