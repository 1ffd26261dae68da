//! The command as it was typed, for the provenance of what it writes.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

static LINE: OnceLock<String> = OnceLock::new();

/// Remembers the arguments, of which the first is the name of the program.
pub fn remember(arguments: &[OsString]) {
    let given = arguments.iter().skip(1);
    let given = given.map(|word| quoted(Path::new(word)));
    let words: Vec<_> = std::iter::once("breadth".into()).chain(given).collect();
    LINE.get_or_init(|| words.join(" "));
}

/// A path as one word of a command to type.
pub fn quoted(path: &Path) -> String {
    breadth_data::quoted(&path.to_string_lossy()).into_owned()
}

/// The command: `breadth score runs/ft -o scores.parquet`.
pub fn text() -> String {
    LINE.get().cloned().unwrap_or_else(|| "breadth".into())
}
