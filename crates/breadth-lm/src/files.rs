//! Texts of files, of which no more is read than such files have.

use std::io;
use std::path::Path;

/// The largest file of settings (TOML, `config.json` and its like, the index of weights), in bytes.
const SETTINGS: u64 = 16 << 20;
/// The largest `tokenizer.json`, in bytes; the largest published ones have some 40 MB.
pub(crate) const TOKENIZER: u64 = 512 << 20;

/// The text of a file of settings.
///
/// # Errors
/// What the file system says; that the file is longer than settings are, or never ends, or is no
/// UTF-8.
pub(crate) fn settings(path: &Path) -> io::Result<String> {
    text(path, SETTINGS)
}

/// The text of a file of at most so many bytes.
///
/// # Errors
/// As [`settings`].
pub(crate) fn text(path: &Path, most: u64) -> io::Result<String> {
    let bytes = breadth_data::read_file(path, most)?;
    String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.utf8_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_do_not_end_or_hold_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "a = 1").unwrap();
        assert_eq!(settings(&path).unwrap(), "a = 1");
        assert!(text(&path, 5).is_ok() && text(&path, 4).is_err());
        std::fs::write(&path, b"a = \"\xff\"").unwrap();
        let error = settings(&path).unwrap_err().to_string();
        assert_eq!(error, "invalid utf-8 sequence of 1 bytes from index 5");
        #[cfg(unix)]
        {
            let error = settings(Path::new("/dev/zero")).unwrap_err().to_string();
            assert_eq!(error, "a file of more than 16777216 bytes");
        }
    }
}
