//! How to choose among candidates.

use breadth_stats::{Level, offset_parameter};
use serde::Serialize;

/// How to choose among the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelectionRule {
    /// The smallest share of responses that some rival gives N times the probability (Eq 28-29).
    #[default]
    Tournament,
    /// The tournament less 2 N^a times what a rival gains on the model's own samples (Eq 32).
    Offset,
    /// The largest reach_k: how often k samples contain the held-out response itself (k = 2N).
    Reach,
    /// The lowest cross-entropy, which is the lowest validation loss: to compare with.
    CrossEntropy,
    /// The smallest coverage profile against a fixed model.
    Against,
}

/// What a selection is asked for.
#[derive(Clone, Copy, Debug)]
pub struct SelectOptions {
    /// How the models are ranked; the verdict weighs all evidence whatever the rule.
    pub rule: SelectionRule,
    /// N: half the number of samples that will be drawn, the paper's pairing.
    pub level: Level,
    /// The a of the offset rule, in [0, 1]; by default the largest with N^(1-2a) >= 8.
    pub a: Option<f64>,
    /// Of the intervals and of the set that is not excluded, such as 0.95.
    pub confidence: f64,
}

impl SelectOptions {
    /// The a of the offset rule.
    pub(crate) fn offset(&self) -> f64 {
        self.a.unwrap_or_else(|| offset_parameter(self.level))
    }
}
