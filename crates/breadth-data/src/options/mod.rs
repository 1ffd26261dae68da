//! How a table or a log is to be read.

mod reward_map;

pub use reward_map::RewardMap;

/// How to read a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// Keep the rows that every model has, instead of refusing a table in which one lacks some.
    pub intersect: bool,
    /// Keep only the rows of a score table with this source; those of others may then be
    /// incomplete.
    pub source: Option<String>,
    /// Leave out this model of a score table, both what it says and what it wrote, if it is there.
    pub without: Option<String>,
    /// Read the column `tokens` of a score table.
    pub tokens: bool,
    /// Read the column `token_logprobs` of a score table.
    pub token_logprobs: bool,
    /// Read the column `answer`.
    pub answers: bool,
    /// How to read other tools' logs.
    pub log: LogOptions,
    /// Columns that files call otherwise: the name here, and the name there. A file that lacks the
    /// name there may have the name here; logs take no notice.
    pub columns: Vec<(String, String)>,
    /// Read the columns `text` of a sample table, which every sample must have then, and `prompt`
    /// and `gold`. Rewards may be missing: whoever reads texts judges them.
    pub texts: bool,
}

/// How to read other tools' logs; tables of our own take no notice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogOptions {
    /// The model that a log is about, where it does not say: one name for all inputs, or one for
    /// each in their order. Logs of training steps take it as the name of the run: `NAME/step-40`.
    pub models: Vec<String>,
    /// The metric, score or column that is the reward, where a log has several. Of names separated
    /// by commas the first that a log has is taken: logs of several tasks have several metrics.
    pub reward: Option<String>,
    /// The filter of lm-evaluation-harness whose metrics are taken, where a log has several.
    pub filter: Option<String>,
    /// Which number makes which reward, where rewards are others than those in [0, 1].
    pub reward_map: Option<RewardMap>,
    /// Take a log of which no response is graded: its rewards are NaN, until they are judged by
    /// their text.
    pub ungraded: bool,
}
