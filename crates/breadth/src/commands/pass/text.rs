//! The estimates as tables, and which model is the best for which k.

use breadth_stats::{Estimate, PromptOutcome};

use super::document::{Best, Document};
use super::regrade::Regraded;
use super::{Passed, Rates};
use crate::cli;
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
    if passed.iter().any(|one| !one.majority.is_empty()) {
        let within: Vec<u64> = ks.iter().copied().take(passed[0].majority.len()).collect();
        let table = estimates(passed, &within, "maj@", |one| &one.majority, style);
        let title = "Majority vote: mean reward of the most frequent answer among k samples; responses without an answer agree on nothing";
        parts.extend([title.to_owned(), String::new(), table, String::new()]);
    }
    if let Some(tau) = document.tau {
        parts.extend(passed.iter().filter_map(|one| solved(one, tau)));
        parts.push(String::new());
    }
    parts.extend(which(&document.best));
    if document
        .models
        .iter()
        .flat_map(|model| &model.pass)
        .any(|point| point.extrapolated)
    {
        parts.push(
            match document.rates {
                Some(Rates::Beta) => "Beyond the samples: a beta distribution of success rates with prompts never and always solved; right only where rates are so distributed.",
                _ => "Beyond the samples: the most likely distribution of success rates, with limits over all that fit, rates of 0 among them; prompts count the same.",
            }
            .to_owned(),
        );
    }
    if let Some(one) = &document.regraded {
        let Regraded {
            verifier,
            judged,
            changed,
            ungraded,
            own_answers,
            several,
            failures,
        } = one;
        let mut said = format!(
            "Judged anew by {verifier}: {judged} responses, {changed} rewards are others than in the table"
        );
        if *ungraded > 0 {
            said.push_str(&format!(", {ungraded} had none"));
        }
        if *own_answers > 0 {
            said.push_str(&format!(
                "; compared with the table's own right answers: {}",
                number::count(*own_answers as usize, "prompt")
            ));
        }
        said.push('.');
        if *several > 0 {
            said.push_str(&format!(
                " Prompts with several right answers, any of which counts: {several}."
            ));
        }
        parts.push(said);
        parts.extend(failures.and_then(cli::failures));
    }
    parts.push(style.faint(&format!(
        "prompts weighted: {}; {percent}% intervals over prompts, all of them with --json",
        document.weighting
    )));
    parts.join("\n")
}

/// The share of prompts solved with the rate asked for, in words.
fn solved(one: &Passed, tau: f64) -> Option<String> {
    let share = one.solved?;
    Some(format!(
        "{} solves {} {} of the prompts with a success rate of {} or more.",
        one.graded.model,
        number::percent(share.value),
        number::percent_limits(share.low, share.high),
        number::trimmed(tau),
    ))
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
