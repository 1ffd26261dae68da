//! Files and folders that appear whole or not at all.
//!
//! An output is written under a temporary name in the same folder, forced to disk and then
//! renamed, so a reader never sees half of it, whatever happens to the writer. On an error the
//! temporary is removed. What a killed process leaves is called [`TEMP_PREFIX`], the output's name,
//! and six letters; it is skipped by this crate's readers, and removed by the next job that holds
//! the output ([`OutputLock`](crate::OutputLock)).

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempPath;

use crate::error::{Error, Result};

/// The beginning of every temporary name.
pub const TEMP_PREFIX: &str = ".breadth-tmp-";

/// Letters that `tempfile` puts behind a prefix.
const RANDOM: usize = 6;

/// What this process must remove before it ends: temporary files and folders, and locks.
static LIVING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// How often the end of a process tries to remove what is being written.
const ATTEMPTS: usize = 100;

/// A name that stands in [`LIVING`] as long as this does.
#[derive(Debug)]
pub(crate) struct Living(PathBuf);

impl Living {
    /// Makes something that has a name. No signal comes between its making and its entry.
    pub(crate) fn made<T, E>(
        make: impl FnOnce() -> std::result::Result<(T, PathBuf), E>,
    ) -> std::result::Result<(T, Self), E> {
        let mut living = living();
        let (made, path) = make()?;
        living.insert(path.clone());
        Ok((made, Living(path)))
    }

    /// Removes what has the name, and ends. Nobody removes it by this name afterwards: it may be
    /// another's then.
    pub(crate) fn remove(mut self) {
        let mut living = living();
        let path = std::mem::take(&mut self.0);
        // What cannot be removed stays, under a name that says what it is.
        let _ = remove(&path);
        living.remove(&path);
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            living().remove(&self.0);
        }
    }
}

fn living() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what this process is writing under temporary names, and gives up the outputs that it
/// holds: for a program that is about to end before its time.
///
/// From then on no output appears any more: whoever is about to name one waits for the end of the
/// process, so end it.
pub fn remove_unfinished() {
    let living = living();
    for path in living.iter() {
        // A thread may be filling a folder that is being emptied; once it is gone, nothing is added.
        // What cannot be removed stays, under a name that says what it is.
        for _ in 0..ATTEMPTS {
            if remove(path).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    // Another job may hold the outputs from here on.
    std::mem::forget(living);
}

/// Removes what dead writers of `output` left under temporary names. The caller holds the output,
/// or the folder that it stands in, so that no living one is among them.
///
/// # Errors
/// [`Error::Write`] if the file system refuses.
pub(crate) fn remove_dead(output: &Path) -> Result<()> {
    let prefix = temp_prefix(output);
    remove_temporaries(parent(output), |name| {
        let rest = name
            .as_encoded_bytes()
            .strip_prefix(prefix.as_encoded_bytes());
        rest.is_some_and(|rest| rest.len() == RANDOM && rest.iter().all(u8::is_ascii_alphanumeric))
    })
}

/// Removes everything under temporary names from a folder in which nobody else writes.
///
/// # Errors
/// [`Error::Write`] if the file system refuses.
pub fn remove_all_dead(folder: &Path) -> Result<()> {
    remove_temporaries(folder, is_temporary)
}

fn remove_temporaries(folder: &Path, is_dead: impl Fn(&OsStr) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_dead(&entry.file_name()) {
            let path = entry.path();
            remove(&path).map_err(|source| write_error(&path, source))?;
        }
    }
    Ok(())
}

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether a name is one of those under which outputs are written.
#[must_use]
pub fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(TEMP_PREFIX.as_bytes())
}

/// What the temporary names of an output begin with.
fn temp_prefix(output: &Path) -> OsString {
    let mut prefix = OsString::from(TEMP_PREFIX);
    prefix.push(output.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
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
    let (made, _living) = Living::made(|| {
        let temp = tempfile::Builder::new()
            .prefix(&temp_prefix(path))
            .tempdir_in(parent)?;
        let path = temp.path().to_path_buf();
        io::Result::Ok((temp, path))
    })?;
    // Declared last and so removed first, while it is known as ours: a signal meanwhile goes on there.
    let temp = made;
    let new = temp.path().join("new");
    fs::create_dir(&new)?;
    f(&new)?;
    sync_tree(&new)?;
    let living = living();
    if path.exists() {
        fs::rename(path, temp.path().join("old"))?;
    }
    fs::rename(&new, path)?;
    drop(living);
    sync_dir(parent)
}

/// Folders that were made for an output, and go again at the end if nothing came to be in them: a
/// job that fails leaves no empty ones.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// use breadth_data::atomic::NewFolders;
/// let inner = dir.path().join("charts/of/today");
/// drop(NewFolders::make(&inner)?);
/// assert!(!dir.path().join("charts").exists());
/// let made = NewFolders::make(&inner)?;
/// std::fs::write(inner.join("a.svg"), "<svg/>")?;
/// drop(made);
/// assert!(inner.join("a.svg").exists());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "what it made is removed when it is dropped, while it is empty"]
pub struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    /// Makes a folder with those above it, as far as they are not there.
    ///
    /// # Errors
    /// What the file system says; then nothing is left that was made.
    pub fn make(folder: &Path) -> io::Result<Self> {
        let above = folder.ancestors().filter(|path| *path != Path::new(""));
        let lacking = above.take_while(|path| !path.exists());
        let made = Self(lacking.map(Path::to_path_buf).collect());
        fs::create_dir_all(folder)?;
        Ok(made)
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        // From the innermost on. One that holds something stays.
        self.0
            .iter()
            .for_each(|folder| drop(fs::remove_dir(folder)));
    }
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
        let real = real_path(path)?;
        let (file, target) = if is_device(&real) {
            (File::options().write(true).open(&real)?, Target::Device)
        } else {
            fs::metadata(parent(&real))?; // its error is plainer than that of the temporary name
            let ((file, temp), living) = Living::made(|| {
                let prefix = temp_prefix(&real);
                let (file, temp) = builder(&prefix).tempfile_in(parent(&real))?.into_parts();
                let path = temp.to_path_buf();
                io::Result::Ok(((file, temp), path))
            })?;
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
        let living = living();
        temp.persist(&real).map_err(|failed| failed.error)?;
        drop(living);
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
fn builder(prefix: &OsStr) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
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

pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The path behind links, whether something is there yet or not: renaming over a link would replace
/// the link and not what it points to, and names that are links to one file are one output.
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        // A pipe behind `/dev/stdout` is there, under a name that is no path.
        Err(_) if path.exists() => return Ok(path.to_path_buf()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    let folder = fs::canonicalize(parent(path))?;
    let path = folder.join(path.file_name().unwrap_or_default());
    match fs::read_link(&path) {
        // A link to a place where nothing is.
        Ok(target) => real_path(&folder.join(target)),
        Err(_) => Ok(path),
    }
}

pub(crate) fn is_device(path: &Path) -> bool {
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
