//! What the rules say that do not decide, and what else is to be known.

use super::document::{Evidence, Opinion, Rule};
use super::evidence::is_extrapolated;
use super::found::{Found, how_known};
use super::words::{capitalised, k_words, list};
use crate::number;
use crate::scores::groups_of_same;

/// Where k samples find a right response to fewer prompts than this share, no candidate is worth
/// sampling.
const NOTHING: f64 = 0.01;

impl Found<'_> {
    /// What every rule but the deciding one says.
    pub(super) fn others(
        &self,
        evidence: &Evidence,
        take: Option<&str>,
        by: Option<Rule>,
    ) -> Vec<Opinion> {
        let taken = take.and_then(|name| evidence.models.iter().position(|model| *model == name));
        let mut others = Vec::new();
        let Some(scores) = self.scores.as_ref().filter(|_| evidence.models.len() > 1) else {
            return others;
        };
        let t = scores.tournament;
        let opinion = |rule, says: usize, set: &[usize], note| Opinion {
            rule,
            says: evidence.models[says].to_owned(),
            agrees: taken.is_some_and(|taken| self.same_as[says] == self.same_as[taken]),
            leaves_open: taken.is_some_and(|taken| {
                let is_same = |&at: &usize| self.same_as[at] == self.same_as[taken];
                set.iter().any(is_same)
            }),
            note,
        };
        if let Some(samples) = self.samples.as_ref().filter(|_| by != Some(Rule::Samples)) {
            let note = Some(format!("at k = {}, which is all they reach", samples.k));
            let (best, set) = (samples.best(), &samples.leader.not_excluded);
            others.push(opinion(Rule::Samples, best, set, note));
        }
        if by != Some(Rule::Tournament) {
            let void = scores.is_void(t.winner).then(|| {
                format!(
                    "its guarantee is void here, as the winner's own coverage may be anything ({})",
                    number::percent_limits(
                        t.standings[t.winner].certified_low,
                        t.standings[t.winner].certified_high
                    )
                )
            });
            others.push(opinion(Rule::Tournament, t.winner, &t.not_excluded, void));
        }
        if by != Some(Rule::Reach) && scores.impossible.is_none() {
            let k = k_words(evidence.k);
            let few = scores
                .weakness(&k)
                .map(|why| format!("{why}, so it decides nothing"));
            others.push(opinion(
                Rule::Reach,
                scores.reach.best,
                &scores.reach.not_excluded,
                few,
            ));
        }
        others.push(opinion(
            Rule::CrossEntropy,
            t.cross_entropy_winner,
            &[t.cross_entropy_winner],
            None,
        ));
        others
    }

    /// What is to be known beside the verdict, a sentence each.
    pub(super) fn warnings(&self, evidence: &Evidence) -> Vec<String> {
        let mut warnings = Vec::new();
        let is_short = self
            .samples
            .as_ref()
            .is_some_and(|samples| samples.further.is_some());
        if is_short && evidence.samples.as_ref().is_some_and(is_extrapolated) {
            let k = k_words(evidence.k);
            warnings.push(format!(
                "What these samples say of k = {k}, with wide limits: breadth pass SAMPLES -k {k} \
                 --extrapolate."
            ));
        }
        if let Some((few, others)) = self.samples.as_ref().and_then(|samples| samples.thin) {
            warnings.push(format!(
                "{} {} fewer samples than the others, which have {others} or more: without {}, or \
                 with more of {}, the samples reach k = {}.",
                number::count(few, "prompt"),
                if few == 1 { "has" } else { "have" },
                if few == 1 { "it" } else { "them" },
                if few == 1 { "it" } else { "them" },
                k_words(evidence.k)
            ));
        }
        if self.distinct().len() > 1 {
            warnings.extend(self.doubles(evidence));
        }
        if let Some(why) = &self.mistaken {
            warnings.push(format!("{why}. Score both again."));
        }
        if let Some(samples) = self
            .samples
            .as_ref()
            .filter(|one| one.estimate.high <= NOTHING)
        {
            warnings.push(format!(
                "No candidate finds a right response in {} samples of one prompt in a hundred: \
                 none of them is worth sampling.",
                samples.k
            ));
        }
        let Some(scores) = &self.scores else {
            return warnings;
        };
        if let Some(why) = &scores.impossible {
            warnings.push(format!("{}.", capitalised(why)));
        }
        if scores.several > 0 && self.samples.is_none() && !scores.only_right {
            warnings.push(format!(
                "{} of the {} have several right responses: for a verifier one of them is enough, \
                 and coverage of each response is not what its Pass@k needs.",
                number::grouped(scores.several),
                number::count(scores.prompts, "prompt")
            ));
        }
        if scores.repeated > 0 {
            warnings.push(format!(
                "{} repeat another of their prompt under every model and count once in reach.",
                number::count(scores.repeated, "row")
            ));
        }
        warnings
    }

    /// Candidates that are one model.
    fn doubles(&self, evidence: &Evidence) -> Vec<String> {
        let sentence = |group: Vec<usize>| {
            format!(
                "{} are the same model ({}) and count as one.",
                list(&self.names(evidence, group.iter().copied())),
                how_known(evidence, &group)
            )
        };
        groups_of_same(&self.same_as)
            .into_iter()
            .map(sentence)
            .collect()
    }
}
