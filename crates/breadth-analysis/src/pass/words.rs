//! What graded samples say, in sentences.

use std::cmp::Ordering;

use breadth_data::listed;

use super::document::{BestForK, PassModel, PassReport, Rates, Regraded};
use crate::number;

/// Of more names than this the others are counted, not listed.
const MOST_NAMES: usize = 9;

impl PassReport {
    /// Which model is best for which k; none where prompts are weighted.
    pub fn sentence(&self) -> Option<String> {
        let mut spans: Vec<(&BestForK, u64)> = Vec::new();
        for one in &self.best {
            match spans.last_mut() {
                Some((first, last)) if first.model == one.model => *last = one.k,
                _ => spans.push((one, one.k)),
            }
        }
        let span = |(first, last): &(&BestForK, u64)| {
            if first.k == *last {
                format!("{} at k = {last}", first.model)
            } else {
                format!("{} at k = {} to {last}", first.model, first.k)
            }
        };
        let is_open = self.best.iter().any(|one| one.not_excluded.len() > 1);
        let sure = if is_open {
            "; not certain at every k: see `not_excluded` in the JSON"
        } else {
            ""
        };
        let spans: Vec<String> = spans.iter().map(span).collect();
        (!spans.is_empty()).then(|| format!("Best: {}{sure}.{}", spans.join(", "), self.ties()))
    }

    /// Which models have the same highest value, a sentence for each stretch of k.
    fn ties(&self) -> String {
        let sentence = |span: &[BestForK]| {
            let [first, ..] = span else { return None };
            let ks = match (first.k, span[span.len() - 1].k) {
                (from, to) if from == to => from.to_string(),
                (from, to) => format!("{from} to {to}"),
            };
            let is_tie = !first.tied.is_empty();
            is_tie.then(|| format!(" Tied at k = {ks}: {}.", listed(&first.tied, MOST_NAMES)))
        };
        let spans = self.best.chunk_by(|a, b| a.tied == b.tied);
        spans.filter_map(sentence).collect()
    }

    /// The share of prompts that each model solves with the rate asked for, a sentence each.
    pub fn solved_say(&self) -> Vec<String> {
        let of_tau = |tau| move |one: &PassModel| one.solved_says(tau);
        let sentences = |tau| self.models.iter().filter_map(of_tau(tau));
        self.tau.into_iter().flat_map(sentences).collect()
    }

    /// What takes the limits away, what was assumed beyond the samples, and what a verifier changed,
    /// a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let notes = self.notes.iter().map(|note| format!("Note: {note}"));
        let regraded = self.regraded.iter().flat_map(Regraded::sentences);
        notes.chain(self.beyond()).chain(regraded).collect()
    }

    /// What is assumed beyond the samples, where anything is said of it.
    fn beyond(&self) -> Option<String> {
        let mut points = self.models.iter().flat_map(|model| &model.pass);
        points.any(|point| point.extrapolated).then(|| {
            match self.rates {
                Some(Rates::Beta) => {
                    "Beyond the samples: a beta distribution of success rates with prompts never \
                     and always solved; right only where rates are so distributed."
                }
                _ => {
                    "Beyond the samples: the most likely distribution of success rates, with \
                     limits over all that fit, rates of 0 among them; prompts count the same."
                }
            }
            .to_owned()
        })
    }
}

/// What takes the limits away: numbers of samples that go with success rates.
pub(super) fn notes(with_rates: &[(&str, Ordering)]) -> Vec<String> {
    let of = |wanted: Ordering, how: &str| {
        let models = with_rates.iter().filter(|(_, more)| *more == wanted);
        let models: Vec<&str> = models.map(|(model, _)| *model).collect();
        (!models.is_empty()).then(|| {
            format!(
                "prompts with more samples of {} are {how} than those with fewer, far beyond \
                 chance. Where outcomes decided how many were drawn, as where prompts that failed \
                 were sampled on, neither the values nor their limits hold; give the first n \
                 samples of each prompt only, for one n.",
                listed(&models, MOST_NAMES)
            )
        })
    };
    let harder = of(Ordering::Less, "harder");
    harder
        .into_iter()
        .chain(of(Ordering::Greater, "easier"))
        .collect()
}

impl PassModel {
    fn solved_says(&self, tau: f64) -> Option<String> {
        let share = self.solved?;
        Some(format!(
            "{} solves {} of the prompts with a success rate of {} or more.",
            self.model,
            number::share_with_limits(share.value.0, share.low.0, share.high.0),
            number::trimmed(tau),
        ))
    }
}

impl Regraded {
    fn sentences(&self) -> Vec<String> {
        let Regraded {
            verifier,
            judged,
            changed,
            ..
        } = self;
        let mut said = format!(
            "Judged anew by {verifier}: {judged} responses, {changed} rewards are others than in \
             the table"
        );
        if self.ungraded > 0 {
            said.push_str(&format!(", {} had none", self.ungraded));
        }
        if self.own_answers > 0 {
            said.push_str(&format!(
                "; compared with the table's own right answers: {}",
                number::count(self.own_answers as usize, "prompt")
            ));
        }
        said.push('.');
        if self.several > 0 {
            said.push_str(&format!(
                " Prompts with several right answers, any of which counts: {}.",
                self.several
            ));
        }
        let failures = self.failures.and_then(|failures| failures.sentence());
        std::iter::once(said).chain(failures).collect()
    }
}
