//! Files and folders that appear whole or not at all.
//!
//! An output is written under a temporary name in the same folder, forced to disk and then
//! renamed, so a reader never sees half of it, whatever happens to the writer. On an error the
//! temporary is removed. What a killed process leaves begins with [`TEMP_PREFIX`] and is skipped
//! by this crate's readers; it can be deleted.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempPath;

use crate::error::{Error, Result};

/// The beginning of every temporary name.
pub const TEMP_PREFIX: &str = ".breadth-tmp-";

/// The temporary files and folders that this process is writing.
static LIVING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary name that stands in [`LIVING`] as long as this does.
struct Living(PathBuf);

impl Living {
    fn new(path: &Path) -> Self {
        living().insert(path.to_path_buf());
        Living(path.to_path_buf())
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        living().remove(&self.0);
    }
}

fn living() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what this process is writing under temporary names: for a program that is about to end
/// before its time.
///
/// Whoever was writing gets an error, so end the process after it.
pub fn remove_unfinished() {
    for path in living().iter() {
        // What cannot be removed stays, under a name that says what it is.
        let _ = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
    }
}

/// Writes a file through `f`; it appears under `path` whole, or not at all.
///
/// A device (`/dev/stdout`, a pipe) is written to directly, and a symbolic link is followed.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// use std::io::Write;
/// let path = dir.path().join("note.txt");
/// breadth_data::atomic::write(&path, |file| file.write_all(b"whole"))?;
/// assert_eq!(std::fs::read(&path)?, b"whole");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Write`] if `f` or the file system fails; nothing is left behind then.
pub fn write(path: &Path, f: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let mut pending = Pending::create(path)?;
    f(&mut pending.writer).map_err(|source| write_error(path, source))?;
    pending.commit()
}

/// Writes `bytes` to a file, as [`write()`] does.
///
/// # Errors
/// As [`write()`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, |file| file.write_all(bytes))
}

/// Fills a folder through `f`, which is given its temporary path; the folder appears under `path`
/// whole, or not at all.
///
/// A folder already there is replaced: it is moved aside just before the new one takes its name,
/// so a kill between these two renames leaves neither, never a mixture.
///
/// # Errors
/// [`Error::Write`] if `f` or the file system fails; nothing is left behind then.
pub fn write_dir(path: &Path, f: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    try_write_dir(path, f).map_err(|source| write_error(path, source))
}

fn try_write_dir(path: &Path, f: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let parent = parent(path);
    fs::metadata(parent)?; // its error is plainer than that of the temporary name
    let temp = tempfile::Builder::new()
        .prefix(TEMP_PREFIX)
        .tempdir_in(parent)?;
    let _living = Living::new(temp.path());
    let new = temp.path().join("new");
    fs::create_dir(&new)?;
    f(&new)?;
    sync_tree(&new)?;
    if path.exists() {
        fs::rename(path, temp.path().join("old"))?;
    }
    fs::rename(&new, path)?;
    sync_dir(parent)
}

/// A file being written under a temporary name.
pub(crate) struct Pending {
    writer: BufWriter<File>,
    target: Target,
    path: PathBuf,
}

enum Target {
    /// Renamed to the path at the end; removed when dropped before.
    Temp(TempPath, PathBuf, Living),
    /// A device or a pipe: there is nothing to rename.
    Device,
}

impl Pending {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::try_create(path).map_err(|source| write_error(path, source))
    }

    fn try_create(path: &Path) -> io::Result<Self> {
        // Renaming over a link would replace the link and not what it points to.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let (file, target) = if is_device(&real) {
            (File::options().write(true).open(&real)?, Target::Device)
        } else {
            fs::metadata(parent(&real))?; // its error is plainer than that of the temporary name
            let (file, temp) = builder().tempfile_in(parent(&real))?.into_parts();
            let living = Living::new(&temp);
            (file, Target::Temp(temp, real, living))
        };
        Ok(Self {
            writer: BufWriter::with_capacity(1 << 16, file),
            target,
            path: path.to_path_buf(),
        })
    }

    /// Forces the content to disk and gives the file its name.
    pub(crate) fn commit(self) -> Result<()> {
        let path = self.path.clone();
        self.try_commit()
            .map_err(|source| write_error(&path, source))
    }

    fn try_commit(mut self) -> io::Result<()> {
        self.writer.flush()?;
        let Target::Temp(temp, real, _living) = self.target else {
            return Ok(());
        };
        self.writer.get_ref().sync_all()?;
        drop(self.writer);
        temp.persist(&real).map_err(|failed| failed.error)?;
        sync_dir(parent(&real))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// `tempfile` makes files for their owner only; an output is an ordinary file.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMP_PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
    }
    builder
}

pub(crate) fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write {
        path: path.to_path_buf(),
        source,
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(dir)
}

/// Only Unix lets a folder be opened and synced; elsewhere the rename alone must do.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}
