//! The sample table: responses drawn from each model, with their rewards.

use crate::provenance::KnownModel;

/// What the samples of one model for one prompt came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// `c` of `n` samples were correct; `n >= 1`.
    Counts {
        /// The samples.
        n: u64,
        /// The correct ones.
        c: u64,
    },
    /// The reward of each sample, in [0, 1], in the order of the rows. Where texts are read, NaN
    /// for a sample that nobody graded.
    Rewards(Vec<f64>),
}

/// Outcomes by model and prompt.
///
/// Models, prompts and groups stand in the order of their first appearance, save that checkpoints
/// of one run stand by their steps (`step-20` before `step-100`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleTable {
    /// The models.
    pub models: Vec<String>,
    /// The prompts.
    pub prompts: Vec<String>,
    /// The classes of prompts; empty if the table has none.
    pub groups: Vec<String>,
    /// The class of each prompt, as a position in `groups`.
    pub group: Vec<Option<u32>>,
    /// Outcomes, `[model][prompt]`; `None` where a model has no sample for a prompt, which
    /// [`read`](Self::read) does not leave.
    pub outcomes: Vec<Vec<Option<Outcome>>>,
    /// The distinct answers of the samples, if they were asked for and given.
    pub answers: Vec<String>,
    /// The answer of each sample, `[model][prompt][sample]` as in [`Outcome::Rewards`], as a
    /// position in `answers`; empty unless asked for and given. Samples without an answer have the
    /// empty one, which they do not agree on.
    pub answer: Vec<Vec<Vec<u32>>>,
    /// What a user should know of the inputs.
    pub remarks: Vec<String>,
    /// Names of models that are one and the same, as a file knows by hashes of their content.
    pub same: Vec<Vec<String>>,
    /// The models whose content the files know.
    pub known_models: Vec<KnownModel>,
    /// The texts of the samples, if they were asked for.
    pub text: Option<SampleTexts>,
}

/// Responses as text; `text` and `response` are `[model][prompt][sample]` as in
/// [`Outcome::Rewards`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleTexts {
    /// The distinct texts.
    pub texts: Vec<String>,
    /// The text of each sample, as a position in `texts`.
    pub text: Vec<Vec<Vec<u32>>>,
    /// The distinct response ids.
    pub responses: Vec<String>,
    /// The response id of each sample, as a position in `responses`.
    pub response: Vec<Vec<Vec<u32>>>,
    /// Each prompt as text, where a row has it.
    pub prompts: Vec<Option<String>>,
    /// The right answer to each prompt, where a row has it.
    pub gold: Vec<Option<String>>,
}
