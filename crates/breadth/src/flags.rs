//! The flags by which users know the settings that messages of the libraries name.

use breadth_data::Setting;

/// A message or a remark of the libraries, with flags in it.
pub fn named(text: &str) -> String {
    // Whole phrases of breadth-lm: a model may be called `base`.
    Setting::rename(text, flag)
        .replace("`base` of score", "--base DIR of score")
        .replace("`base` is the folder", "--base DIR is the folder")
}

fn flag(setting: Setting) -> &'static str {
    match setting {
        Setting::Intersect => "--intersect",
        Setting::Texts => "--verifier",
        Setting::Columns => "--columns",
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
