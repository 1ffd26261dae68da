//! The report in sentences: those of the selection, and what its own numbers add.

use super::document::{Checkpoint, Report};
use crate::number::{level, percent};
use crate::verdict::Verdict;

/// Differences of Pass@k below this share are called none.
const NO_DIFFERENCE: f64 = 5e-4;

impl Report {
    /// The verdict in one sentence: which checkpoint to take, on which evidence.
    pub fn headline(&self) -> String {
        match (self.decision(), &self.selection) {
            (Some(verdict), _) => verdict.sentence(),
            (None, Some(selection)) => selection.rule_says(),
            (None, None) => "Nothing was compared.".into(),
        }
    }

    /// What qualifies the verdict, a sentence each: what would decide, the other rules, what the
    /// lowest loss would cost, what is certain, warnings.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        notes.extend(self.decision().map(Verdict::notes).unwrap_or_default());
        let Some(selection) = &self.selection else {
            return notes;
        };
        let is_said = selection.verdict.is_some() && self.checkpoints.len() > 1;
        notes.extend(is_said.then(|| selection.rule_says()));
        notes.extend(selection.lowest_loss_says());
        notes.extend(self.cost_of_lowest_loss());
        notes.extend(selection.findings());
        notes.extend(selection.notes.iter().cloned());
        notes
    }

    /// What taking the lowest loss instead would cost, where a reference or Pass@k tells. It never
    /// claims a cost that the numbers do not show.
    pub fn cost_of_lowest_loss(&self) -> Option<String> {
        let (chosen, lowest) = (&self.checkpoints[self.highlighted()?], self.lowest_loss()?);
        if chosen.model == lowest.model {
            return None;
        }
        let parts: Vec<String> = [
            uncovered(self, chosen, lowest),
            self.headline_k().and_then(|k| self.lost(k, chosen, lowest)),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| {
            format!(
                "The lowest-loss checkpoint, {}, {}.",
                lowest.model,
                parts.join(" and ")
            )
        })
    }

    /// Whether the evidence that decides leaves open that this checkpoint is the best.
    fn is_open(&self, model: &str) -> bool {
        let open = self.decision().map(|verdict| &verdict.may_be_best);
        open.is_some_and(|open| open.iter().any(|name| name == model))
    }

    /// The Pass@k of both, from the same source.
    fn lost(&self, k: u64, chosen: &Checkpoint, lowest: &Checkpoint) -> Option<String> {
        let (own, other) = (chosen.pass_at(k)?, lowest.pass_at(k)?);
        let (own, other, source) = match (own.exact, other.exact) {
            (Some(own), Some(other)) => (own, other, "exactly"),
            _ => (own.sampled?.value, other.sampled?.value, "by samples"),
        };
        let both = format!(
            "{} ({}, {} at {}; {source})",
            self.pass_name(k),
            percent(other),
            percent(own),
            chosen.model
        );
        if source == "by samples" && self.is_open(&lowest.model) {
            return Some(format!("has {both}, which may be chance"));
        }
        Some(match own - other {
            lost if lost >= NO_DIFFERENCE => format!("loses {} of {both}", points(lost)),
            lost if lost <= -NO_DIFFERENCE => format!("gains {} of {both}", points(-lost)),
            _ => format!("has the same {both}"),
        })
    }
}

/// What each leaves uncovered of the data, against the reference.
fn uncovered(report: &Report, chosen: &Checkpoint, lowest: &Checkpoint) -> Option<String> {
    let log_n = report.level.log_n();
    Some(format!(
        "leaves {} of the data uncovered at N = {} ({}: {})",
        percent(lowest.coverage_at(log_n)?.cov),
        level(report.level),
        chosen.model,
        percent(chosen.coverage_at(log_n)?.cov)
    ))
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
