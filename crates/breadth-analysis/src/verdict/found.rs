//! What each kind of evidence says, and which candidates are one model.

use super::document::{Evidence, VerdictError};
use super::evidence::{BySamples, ByScores, SameAs};
use crate::scores::distinct;

/// What the evidence says, rule by rule.
pub(super) struct Found<'a> {
    /// For each candidate the first one that is the same model.
    pub(super) same_as: Vec<usize>,
    pub(super) samples: Option<BySamples>,
    pub(super) scores: Option<ByScores<'a>>,
    /// Why equal log-probabilities do not make candidates one model, if they do not.
    pub(super) mistaken: Option<String>,
}

impl<'a> Found<'a> {
    pub(super) fn new(evidence: &Evidence<'a>) -> Result<Self, VerdictError> {
        let same = SameAs::new(evidence)?;
        let samples = match &evidence.samples {
            Some(sampled) => BySamples::new(evidence, sampled, &same.first)?,
            None => None,
        };
        let scores = match &evidence.scores {
            Some(scored) => Some(ByScores::new(evidence, scored, &same)?),
            None => None,
        };
        Ok(Found {
            same_as: same.first,
            samples,
            scores,
            mistaken: same.mistaken,
        })
    }

    /// The candidates, of those that are the same model the first.
    pub(super) fn distinct(&self) -> Vec<usize> {
        distinct(&self.same_as)
    }

    /// The names of candidates.
    pub(super) fn names(
        &self,
        evidence: &Evidence,
        positions: impl Iterator<Item = usize>,
    ) -> Vec<String> {
        positions.map(|at| evidence.models[at].to_owned()).collect()
    }
}

/// How it is known that candidates are the same.
pub(super) fn how_known(evidence: &Evidence, group: &[usize]) -> &'static str {
    let column = |at: &usize| evidence.scores.and_then(|scored| scored.columns.get(*at));
    let mut columns = group.iter().map(column);
    let first = columns.next().flatten();
    if first.is_some() && columns.all(|column| column == first) {
        "equal log-probabilities throughout"
    } else {
        "equal files"
    }
}
