//! Errors as the user reads them: one paragraph, the cause folded in.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, stderr};

use anyhow::Error;
use breadth_data::readable;
use clap::error::ErrorKind;

use crate::flags;
use crate::output::{Style, printable};

/// The whole chain of causes as one paragraph. A cause that its parent already quotes is not said
/// twice, since library errors often do both: show their source and return it.
pub fn message(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(as_typed) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{}: {cause}", text.trim_end_matches('.'));
        }
    }
    readable(&printable(&flags::named(&text)))
}

/// A message as it stands on standard error.
pub fn headed(message: &str) -> String {
    let head = Style::of(stderr().is_terminal()).failure("error:");
    format!("{head} {}", printable(message))
}

/// What is said of arguments that cannot be parsed, where the parser does not say it itself: which
/// of them is not UTF-8, and values of any length.
pub fn of_usage(usage: &clap::Error, arguments: &[OsString]) -> Option<String> {
    if usage.kind() == ErrorKind::InvalidUtf8 {
        let others = arguments.iter().filter(|one| one.to_str().is_none());
        let others: Vec<String> = others.map(|one| format!("`{}`", escaped(one))).collect();
        let message = format!(
            "not UTF-8: {}; only paths of files and folders may hold other bytes, so give the \
             argument in UTF-8, or rename what it names",
            others.join(", ")
        );
        return Some(headed(&readable(&message)));
    }
    let plain = usage.render().to_string();
    let shown = readable(&printable(&plain));
    (usage.use_stderr() && shown != plain).then_some(shown)
}

/// An argument with the bytes that are not UTF-8 as `\xff`.
fn escaped(argument: &OsStr) -> String {
    let chunks = argument.as_encoded_bytes().utf8_chunks();
    let shown = chunks.map(|chunk| format!("{}{}", chunk.valid(), chunk.invalid().escape_ascii()));
    shown.collect()
}

/// A cause with the flag that it is about: libraries name options in words.
fn as_typed(cause: &(dyn std::error::Error + 'static)) -> String {
    match cause.downcast_ref() {
        Some(breadth_analysis::Error::Setting { setting, why }) => {
            format!("--{}: {why}", setting.name().replace(' ', "-"))
        }
        Some(breadth_analysis::Error::At { place, error }) => {
            format!("{place}: {}", as_typed(&**error))
        }
        _ => cause.to_string(),
    }
}

/// The verdict is less sure than was required; the answer was printed.
#[derive(Debug)]
pub struct Unsure(pub String);

impl std::fmt::Display for Unsure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsure {}

/// The exit status of an error: 1 for bad input, 3 for an answer that is less sure than was
/// required.
pub fn status(error: &Error) -> u8 {
    if error.is::<Unsure>() { 3 } else { 1 }
}

/// True when the reader of our output went away (`breadth ... | head`): not worth a message.
pub fn is_broken_pipe(error: &Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_folded_into_one_paragraph_without_repeating() {
        let quoted = Error::from(io::Error::other("disk full"))
            .context("cannot write a.html: disk full. Free some");
        assert_eq!(
            message(&quoted),
            "cannot write a.html: disk full. Free some"
        );
        let chained = Error::from(io::Error::other("disk full")).context("cannot write a.html.");
        assert_eq!(message(&chained), "cannot write a.html: disk full");
    }

    #[test]
    fn what_came_with_the_data_is_seen_and_cut() {
        let long = Error::msg(format!("no model `\u{1b}[2J{}` here", "x".repeat(10_000)));
        let text = message(&long);
        assert!(text.starts_with("no model `\\x1b[2Jxx"), "{text}");
        assert!(text.ends_with("xxx` here") && text.len() < 300, "{text}");
    }

    #[test]
    fn only_a_broken_pipe_is_silent() {
        let pipe = Error::from(io::Error::from(io::ErrorKind::BrokenPipe))
            .context("cannot write to stdout");
        assert!(is_broken_pipe(&pipe));
        assert!(!is_broken_pipe(&Error::from(io::Error::from(
            io::ErrorKind::StorageFull
        ))));
    }
}
