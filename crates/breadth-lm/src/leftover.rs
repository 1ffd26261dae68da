//! What a killed process leaves.

use std::path::Path;

use breadth_data::atomic;

use crate::error::{Error, Result};

/// Removes temporaries that a killed process left in a folder of ours.
///
/// # Errors
/// If the file system refuses.
pub(crate) fn remove_leftovers(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(atomic::TEMP_PREFIX) {
            let path = entry.path();
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            removed.map_err(|e| Error::io(&path, e))?;
        }
    }
    Ok(())
}
