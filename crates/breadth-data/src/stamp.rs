//! Whether a file is still the one that it was.

use std::fs::{self, Metadata};
use std::path::Path;
#[cfg(unix)]
use std::time::Duration;
use std::time::SystemTime;

/// What the file system says of a file: another size, time or identity is another content.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// use breadth_data::Stamp;
/// let path = dir.path().join("scores.csv");
/// std::fs::write(&path, "model")?;
/// let stamp = Stamp::of(&std::fs::metadata(&path)?);
/// assert!(stamp.is_of(&path));
/// std::fs::write(&path, "model,logprob")?;
/// assert!(!stamp.is_of(&path));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, number, and the last change of anything, in seconds and nanoseconds.
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    /// That of a file.
    #[must_use]
    pub fn of(meta: &Metadata) -> Self {
        Self {
            length: meta.len(),
            modified: meta.modified().ok(),
            #[cfg(unix)]
            identity: {
                use std::os::unix::fs::MetadataExt;
                (meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec())
            },
        }
    }

    /// Bytes of the content.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// When anything of the file last changed; its time of modification can be set to any.
    #[must_use]
    pub fn changed(&self) -> Option<SystemTime> {
        #[cfg(unix)]
        let seconds = u64::try_from(self.identity.2).ok();
        #[cfg(unix)]
        return Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds?));
        #[cfg(not(unix))]
        self.modified
    }

    /// Whether the file of this name is the same, unchanged.
    #[must_use]
    pub fn is_of(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|meta| Self::of(&meta) == *self)
    }
}
