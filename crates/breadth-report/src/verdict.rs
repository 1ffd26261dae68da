//! The verdict in plain words.

use crate::format::{level, list, percent};
use crate::report::{Checkpoint, Report};

/// Differences of Pass@k below this share are called none.
const NO_DIFFERENCE: f64 = 5e-4;

/// The verdict in one sentence: which checkpoint to take, and what taking the lowest loss would cost.
///
/// With a reference it speaks of the data left uncovered, and of Pass@k where that is known; without
/// one, of the held-out responses that the lowest-loss checkpoint under-weights relative to its worst
/// rival. It never claims a cost that the numbers do not show.
pub fn verdict_sentence(report: &Report) -> String {
    match &report.decision {
        Some(decision) => decision.sentence(),
        None => tournament_sentence(report),
    }
}

/// The same from the tournament alone.
fn tournament_sentence(report: &Report) -> String {
    let winner = report.winner().label();
    let n = level(report.level);
    if report.checkpoints.len() == 1 {
        return format!("There is only {winner}: with one model there is nothing to choose.");
    }
    if report.verdict.winner == report.verdict.lowest_loss {
        return format!(
            "The tournament at N = {n} takes {winner}, which has the lowest loss as well."
        );
    }
    let lowest = report.lowest_loss();
    if lowest.tied {
        let lowest = lowest.label();
        return format!(
            "The tournament at N = {n} takes {winner}, which ties the lowest-loss checkpoint, {lowest}: nothing there speaks against either."
        );
    }
    if separates_nothing(report) {
        return format!(
            "The tournament takes {winner}, but the data cannot tell the checkpoints apart: any of the {} could be the best at N = {n}.",
            report.checkpoints.len()
        );
    }
    format!(
        "The tournament takes {winner}; the lowest-loss checkpoint, {}, {}.",
        lowest.label(),
        cost(report, lowest)
    )
}

/// What qualifies the verdict, a sentence each: ties, what the data leaves open, where the numbers
/// come from.
pub fn verdict_notes(report: &Report) -> Vec<String> {
    let mut notes = report
        .decision
        .as_ref()
        .map_or(Vec::new(), |decision| decision.notes());
    if report.decision.is_some() && report.checkpoints.len() > 1 {
        notes.push(tournament_sentence(report));
    }
    notes.extend(tournament_notes(report));
    notes
}

fn tournament_notes(report: &Report) -> Vec<String> {
    [
        tie_note(report),
        open_note(report),
        pass_note(report),
        certified_note(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn separates_nothing(report: &Report) -> bool {
    report.checkpoints.iter().all(|c| c.not_excluded)
}

/// What the lowest-loss checkpoint does worse (or better) than the winner.
fn cost(report: &Report, lowest: &Checkpoint) -> String {
    let coverage = coverage_clause(report, lowest).unwrap_or_else(|| rival_clause(report, lowest));
    match pass_pair(report).map(|pair| (pair.k, pair.winner - pair.lowest)) {
        None => coverage,
        Some((k, lost)) if lost >= NO_DIFFERENCE => {
            format!("{coverage} and loses {} of Pass@{k}", points(lost))
        }
        Some((k, lost)) if lost <= -NO_DIFFERENCE => {
            format!("{coverage} but gains {} of Pass@{k}", points(-lost))
        }
        Some((k, _)) => format!("{coverage} and has the same Pass@{k}"),
    }
}

fn coverage_clause(report: &Report, lowest: &Checkpoint) -> Option<String> {
    let log_n = report.level.log_n();
    let uncovered = lowest.coverage_at(log_n)?.cov;
    let winner = report.winner();
    Some(format!(
        "leaves {} of the data uncovered at N = {} ({}: {})",
        percent(uncovered),
        level(report.level),
        winner.label(),
        percent(winner.coverage_at(log_n)?.cov)
    ))
}

/// The clause that needs no reference. `value` is the share against the worst rival.
fn rival_clause(report: &Report, lowest: &Checkpoint) -> String {
    let label = |model: &String| {
        let found = report.checkpoints.iter().find(|c| &c.model == model);
        found.map_or_else(|| model.clone(), Checkpoint::label)
    };
    let rival = lowest
        .worst_rival
        .as_ref()
        .map_or_else(|| "its rivals".into(), label);
    format!(
        "under-weights {} of the held-out responses by a factor of {} or more relative to {rival}",
        percent(lowest.value),
        level(report.level)
    )
}

/// Pass@k of the winner and of the lowest-loss checkpoint, both from the same source.
struct PassPair {
    k: u64,
    winner: f64,
    lowest: f64,
    source: &'static str,
}

fn pass_pair(report: &Report) -> Option<PassPair> {
    let k = report.headline_k()?;
    let (winner, lowest) = (
        report.winner().pass_at(k)?,
        report.lowest_loss().pass_at(k)?,
    );
    if let (Some(winner), Some(lowest)) = (winner.exact, lowest.exact) {
        return Some(PassPair {
            k,
            winner,
            lowest,
            source: "computed exactly",
        });
    }
    let (winner, lowest) = (
        winner.sampled.as_ref()?.value,
        lowest.sampled.as_ref()?.value,
    );
    Some(PassPair {
        k,
        winner,
        lowest,
        source: "estimated from samples",
    })
}

/// A difference of shares in percentage points.
fn points(difference: f64) -> String {
    let text = format!("{:.1}", 100.0 * difference);
    let text = text.trim_end_matches(".0");
    if text == "1" {
        "1 point".into()
    } else {
        format!("{text} points")
    }
}

fn labels(report: &Report, keep: impl Fn(&Checkpoint) -> bool) -> Vec<String> {
    report
        .checkpoints
        .iter()
        .filter(|c| keep(c))
        .map(Checkpoint::label)
        .collect()
}

fn tie_note(report: &Report) -> Option<String> {
    let tied = labels(report, |c| c.tied);
    if tied.len() < 2 {
        return None;
    }
    Some(format!(
        "{} checkpoints tie exactly: {}. Of these, {} has the lowest loss on the selection rows.",
        tied.len(),
        list(&tied),
        report.winner().label()
    ))
}

fn open_note(report: &Report) -> Option<String> {
    let all = report.checkpoints.len();
    let open = labels(report, |c| c.not_excluded);
    let confidence = percent(report.confidence);
    match open.len() {
        _ if all == 1 => None,
        1 => Some(format!(
            "By the tournament every other checkpoint is excluded as the best, at {confidence} confidence."
        )),
        n if n == all => Some(format!(
            "By the tournament no checkpoint can be excluded at {confidence} confidence: score more held-out responses to separate them."
        )),
        n => Some(format!(
            "By the tournament {n} of {all} checkpoints may be best, at {confidence} confidence: {}.",
            list(&open)
        )),
    }
}

fn pass_note(report: &Report) -> Option<String> {
    if report.verdict.winner == report.verdict.lowest_loss {
        return None;
    }
    let PassPair {
        k,
        winner,
        lowest,
        source,
    } = pass_pair(report)?;
    Some(format!(
        "Pass@{k} is {} at {} and {} at {}, {source}.",
        percent(winner),
        report.winner().label(),
        percent(lowest),
        report.lowest_loss().label()
    ))
}

/// Speaks only where the certificate says something.
fn certified_note(report: &Report) -> Option<String> {
    let lowest = report.lowest_loss();
    if lowest.certified_low < 1e-3 {
        return None;
    }
    Some(format!(
        "Whatever the true distribution is, at {} confidence {} under-weights at least {} of the data by a factor of {} or more.",
        percent(report.confidence),
        lowest.label(),
        percent(lowest.certified_low),
        level(report.level)
    ))
}
