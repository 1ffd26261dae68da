//! The command as it was typed, for the provenance of what it writes.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

static LINE: OnceLock<String> = OnceLock::new();

/// Remembers the arguments, of which the first is the name of the program.
pub fn remember(arguments: &[OsString]) {
    let given = arguments.iter().skip(1).map(|a| a.to_string_lossy());
    let words: Vec<_> = std::iter::once("breadth".into()).chain(given).collect();
    LINE.get_or_init(|| words.join(" "));
}

/// A path as one word of a command to type.
pub fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if path.chars().all(is_plain) {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// The command: `breadth score runs/ft -o scores.parquet`.
pub fn text() -> String {
    LINE.get().cloned().unwrap_or_else(|| "breadth".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word_of_a_command() {
        let quoted = |path: &str| quoted(Path::new(path));
        assert_eq!(
            quoted("runs/ft-2/scores.parquet"),
            "runs/ft-2/scores.parquet"
        );
        assert_eq!(quoted("my scores.parquet"), "'my scores.parquet'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
