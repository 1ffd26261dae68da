//! The flags by which users know the settings that messages of `breadth-data` name.

use breadth_data::Setting;

/// A message or a remark of the library, with flags in it.
pub fn named(text: &str) -> String {
    Setting::rename(text, flag)
}

fn flag(setting: Setting) -> &'static str {
    match setting {
        Setting::Intersect => "--intersect",
        Setting::Texts => "--verifier",
        Setting::Models => "--model",
        Setting::Reward => "--reward",
        Setting::RewardMap => "--reward-map",
        Setting::Filter => "--filter",
        Setting::Samples => "--kind samples",
        Setting::Loss => "--loss",
        Setting::TrainerState => "--trainer-state",
        Setting::MaxRecordBytes => "--max-record-bytes",
        _ => "the option",
    }
}
