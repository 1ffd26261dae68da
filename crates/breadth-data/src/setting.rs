//! The settings that messages tell the user to change, under whatever names the caller gave them.

use std::fmt;

/// A setting of this crate that a message may name.
///
/// Messages say it as Rust does. A program whose users know it by another name puts that in:
///
/// ```
/// use breadth_data::Setting;
/// let message = format!("2 scores in this log; choose one with {}", Setting::Reward);
/// assert!(message.ends_with("choose one with `LogOptions::reward`"));
/// let flag = |setting| match setting {
///     Setting::Reward => "--reward",
///     _ => "the configuration",
/// };
/// let message = Setting::rename(&message, flag);
/// assert!(message.ends_with("choose one with --reward"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// [`ReadOptions::intersect`](crate::ReadOptions::intersect).
    Intersect,
    /// [`ReadOptions::texts`](crate::ReadOptions::texts), for whoever judges responses anew.
    Texts,
    /// [`ReadOptions::columns`](crate::ReadOptions::columns).
    Columns,
    /// [`LogOptions::models`](crate::LogOptions::models).
    Models,
    /// [`LogOptions::reward`](crate::LogOptions::reward).
    Reward,
    /// [`LogOptions::reward_map`](crate::LogOptions::reward_map).
    RewardMap,
    /// [`LogOptions::filter`](crate::LogOptions::filter).
    Filter,
    /// [`Table::Samples`](crate::Table::Samples) for [`Logs::read`](crate::Logs::read).
    Samples,
    /// The evaluation set for [`TrainerState::read`](crate::TrainerState::read).
    Loss,
    /// The path for [`TrainerState::read`](crate::TrainerState::read).
    TrainerState,
    /// [`set_max_record_bytes`](crate::set_max_record_bytes).
    MaxRecordBytes,
}

impl Setting {
    /// All settings with their names; a name that holds another stands before it.
    const NAMES: [(Setting, &str); 11] = [
        (Setting::Intersect, "`ReadOptions::intersect`"),
        (Setting::Texts, "`ReadOptions::texts`"),
        (Setting::Columns, "`ReadOptions::columns`"),
        (Setting::Models, "`LogOptions::models`"),
        (Setting::Reward, "`LogOptions::reward`"),
        (Setting::RewardMap, "`LogOptions::reward_map`"),
        (Setting::Filter, "`LogOptions::filter`"),
        (Setting::Samples, "`Table::Samples`"),
        (Setting::Loss, "`loss` of `TrainerState::read`"),
        (Setting::TrainerState, "`TrainerState::read`"),
        (Setting::MaxRecordBytes, "`set_max_record_bytes`"),
    ];

    /// A message or a remark with the caller's names of settings.
    #[must_use]
    pub fn rename(message: &str, name: impl Fn(Setting) -> &'static str) -> String {
        Self::NAMES
            .iter()
            .fold(message.to_owned(), |text, (setting, own)| {
                text.replace(own, name(*setting))
            })
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter();
        let own = names.find(|(setting, _)| setting == self);
        f.write_str(own.map_or("", |(_, own)| own))
    }
}
