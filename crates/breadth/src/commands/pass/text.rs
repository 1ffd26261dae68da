//! The estimates as tables, and which model is the best for which k.

use breadth_stats::{Estimate, PromptOutcome};

use super::Passed;
use super::document::{Best, Document};
use crate::number;
use crate::output::Style;

/// The whole text.
pub fn render(passed: &[Passed], ks: &[u64], document: &Document, style: Style) -> String {
    let is_graded = passed
        .iter()
        .flat_map(|one| &one.graded.outcomes)
        .any(has_partial_rewards);
    let name = if is_graded { "Best-of-" } else { "Pass@" };
    let title = if is_graded {
        "Best-of-k: mean over prompts of the best reward among k samples"
    } else {
        "Pass@k: probability that at least one of k samples is right, averaged over prompts"
    };
    let percent = number::trimmed(100.0 * document.confidence);
    let mut parts = vec![
        style.strong(title),
        String::new(),
        estimates(passed, ks, name, |one| &one.estimates, style),
        String::new(),
    ];
    if passed.iter().any(|one| !one.all_of.is_empty()) {
        let within: Vec<u64> = ks.iter().copied().take(passed[0].all_of.len()).collect();
        let table = estimates(passed, &within, "pass^", |one| &one.all_of, style);
        let title = "pass^k: probability that all of k samples are right";
        parts.extend([title.to_owned(), String::new(), table, String::new()]);
    }
    parts.extend(which(&document.best));
    if document
        .models
        .iter()
        .flat_map(|model| &model.pass)
        .any(|point| point.extrapolated)
    {
        parts.push("Beyond the samples: the most likely distribution of success rates, with limits over all that fit; prompts count the same.".to_owned());
    }
    parts.push(style.faint(&format!(
        "prompts weighted: {}; {percent}% intervals over prompts, all of them with --json",
        document.weighting
    )));
    parts.join("\n")
}

/// Which model for which k, in words.
fn which(best: &[Best]) -> Option<String> {
    let mut spans: Vec<(&Best, u64)> = Vec::new();
    for one in best {
        match spans.last_mut() {
            Some((first, last)) if first.model == one.model => *last = one.k,
            _ => spans.push((one, one.k)),
        }
    }
    let span = |(first, last): &(&Best, u64)| match first.k == *last {
        true => format!("{} at k = {last}", first.model),
        false => format!("{} at k = {} to {last}", first.model, first.k),
    };
    let is_open = best.iter().any(|one| one.not_excluded.len() > 1);
    let sure = if is_open {
        "; not certain at every k, see --json"
    } else {
        ""
    };
    let spans: Vec<String> = spans.iter().map(span).collect();
    (!spans.is_empty()).then(|| format!("Best: {}{sure}.", spans.join(", ")))
}

fn has_partial_rewards(outcome: &PromptOutcome) -> bool {
    match outcome {
        PromptOutcome::Counts { .. } => false,
        PromptOutcome::Rewards(rewards) => {
            rewards.iter().any(|&reward| reward != 0.0 && reward != 1.0)
        }
    }
}

fn estimates(
    passed: &[Passed],
    ks: &[u64],
    name: &str,
    values: impl for<'a> Fn(&'a Passed) -> &'a [Estimate],
    style: Style,
) -> String {
    let labels = ["model", "prompts", "samples"].map(str::to_owned);
    let header: Vec<String> = labels
        .into_iter()
        .chain(ks.iter().map(|k| format!("{name}{k}")))
        .collect();
    let has_room = ks.len() <= 4;
    let cell = |estimate: &Estimate| match has_room {
        true => number::with_limits(estimate),
        false => format!("{:.3}", estimate.value),
    };
    let row = |one: &Passed| {
        let (fewest, most) = (one.graded.fewest.samples, one.graded.most);
        let samples = if fewest == most {
            most.to_string()
        } else {
            format!("{fewest} to {most}")
        };
        let labels = [
            one.graded.model.to_owned(),
            one.graded.outcomes.len().to_string(),
            samples,
        ];
        labels
            .into_iter()
            .chain(values(one).iter().map(cell))
            .collect()
    };
    style.table(1, &header, passed.iter().map(row).collect())
}
