//! One job at a time for an output.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::atomic::{self, Living, is_device, real_path, write_error};
use crate::error::{Error, Result};
use crate::message::short;

/// The beginning of the names of locks.
const PREFIX: &str = ".breadth-lock";
/// How often a lock is taken anew whose file went away in between.
const ATTEMPTS: usize = 100;

/// The right to write an output, file or folder, as long as this value lives.
///
/// It is an advisory lock of the operating system on a small file beside the output (in it, if it
/// is a folder), which holds the process, its command and since when. The lock ends with the
/// process, however that ends; the file is removed by its holder, or by the next one. A job that
/// writes in parts holds its output from before the first part until the last is gone.
///
/// Where the file system knows no locks (some network file systems), and for devices, nothing is
/// locked and the job goes on: then nobody but the user sees to it that one job at a time writes an
/// output.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// use breadth_data::OutputLock;
/// let output = dir.path().join("scores.parquet");
/// let held = OutputLock::hold(&output)?;
/// let error = OutputLock::hold(&output).unwrap_err();
/// assert!(error.to_string().contains(&std::process::id().to_string()));
/// drop(held);
/// assert!(OutputLock::hold(&output).is_ok());
/// assert_eq!(std::fs::read_dir(dir.path())?.count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OutputLock {
    output: PathBuf,
    /// Absent where nothing is locked.
    held: Option<Held>,
}

impl OutputLock {
    /// Holds an output that nobody else holds, in this process or another.
    ///
    /// # Errors
    /// [`Error::Held`], which names the holder; [`Error::Write`] if the file system refuses.
    pub fn hold(output: &Path) -> Result<Self> {
        let real = real_path(output).map_err(|source| write_error(output, source))?;
        let held = if is_device(&real) {
            None
        } else {
            Held::take(&lock_path(&real)).map_err(|problem| match problem {
                Problem::Held(holder) => Error::Held {
                    output: output.into(),
                    holder,
                },
                Problem::Io(source) => write_error(output, source),
            })?
        };
        Ok(Self { output: real, held })
    }

    /// Removes what dead writers of the output left under temporary names.
    ///
    /// # Errors
    /// [`Error::Write`] if the file system refuses.
    pub fn remove_dead(&self) -> Result<()> {
        match self.held {
            Some(_) => atomic::remove_dead(&self.output),
            None => Ok(()),
        }
    }

    /// The same for a file in the folder that is held.
    ///
    /// # Errors
    /// [`Error::Write`] if the file system refuses.
    pub fn remove_dead_inside(&self, file: &Path) -> Result<()> {
        match self.held {
            Some(_) => atomic::remove_dead(file),
            None => Ok(()),
        }
    }

    /// Whether nobody else can hold the output; not so where the file system knows no locks.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.held.is_some()
    }

    /// Writes a whole file that nobody else is writing, as [`atomic::write_bytes`] does.
    ///
    /// # Errors
    /// As [`hold`](Self::hold) and [`atomic::write_bytes`].
    pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
        let lock = Self::hold(path)?;
        lock.remove_dead()?;
        atomic::write_bytes(path, bytes)
    }
}

/// Whether a name is one of those that [`OutputLock`] gives to its files.
pub(crate) fn is_lock(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Where the lock of an output stands.
fn lock_path(output: &Path) -> PathBuf {
    if output.is_dir() {
        return output.join(PREFIX);
    }
    let mut name = OsString::from(PREFIX);
    name.push("-");
    name.push(output.file_name().unwrap_or_default());
    output.with_file_name(name)
}

/// A locked file that has a name.
#[derive(Debug)]
struct Held {
    /// Closed, and so unlocked, after the name is gone.
    _file: File,
    living: Option<Living>,
}

enum Problem {
    Held(String),
    Io(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Io(error)
    }
}

impl Held {
    /// `None` where the file system knows no locks.
    fn take(path: &Path) -> std::result::Result<Option<Self>, Problem> {
        for _ in 0..ATTEMPTS {
            let locked = Living::made(|| Ok((lock(path)?, path.to_path_buf())));
            let (mut file, living) = match locked {
                Ok(locked) => locked,
                Err(Refusal::Again) => continue,
                Err(Refusal::NoLocks) => return Ok(None),
                Err(Refusal::Problem(problem)) => return Err(problem),
            };
            // On a full disk a lock says nothing, and holds all the same.
            let _ = describe(&mut file);
            let living = Some(living);
            return Ok(Some(Self {
                _file: file,
                living,
            }));
        }
        Err(io::Error::other("its lock comes and goes; is the lock's name a link?").into())
    }
}

/// Why a file is not locked.
enum Refusal {
    /// It has lost its name meanwhile.
    Again,
    /// The file system knows no locks.
    NoLocks,
    Problem(Problem),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Problem(error.into())
    }
}

/// Opens and locks the file of this name, which nobody but a lock has written.
fn lock(path: &Path) -> std::result::Result<File, Refusal> {
    let mut options = File::options();
    options.read(true).write(true);
    // A new file, not one behind a link, and only a regular one that has no other name.
    let mut is_new = false;
    let opened = match fs::symlink_metadata(path) {
        Ok(found) if is_lone_file(&found) => options.open(path),
        Ok(_) => {
            return Err(io::Error::other(
                "the name of its lock is that of something else; remove that",
            )
            .into());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            is_new = true;
            options.create_new(true).open(path)
        }
        Err(error) => Err(error),
    };
    let mut file = match opened {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
            ) && path
                .parent()
                .is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir()) =>
        {
            return Err(Refusal::Again);
        }
        Err(error) => return Err(error.into()),
    };
    if !is_of_a_lock(&mut file)? {
        return Err(io::Error::other("a file of another kind has the name of its lock").into());
    }
    match file.try_lock() {
        // Its last holder removes the file before the lock ends: whoever opened it before has the
        // lock of a file without a name, while another has one of this name.
        Ok(()) if has_name(&file, path) => Ok(file),
        Ok(()) => Err(Refusal::Again),
        Err(TryLockError::WouldBlock) => Err(Refusal::Problem(Problem::Held(holder(&mut file)))),
        Err(TryLockError::Error(error)) => {
            if is_new || knows_no_locks(&error) {
                // Somebody else may have removed it.
                let _ = fs::remove_file(path);
            }
            match knows_no_locks(&error) {
                true => Err(Refusal::NoLocks),
                false => Err(error.into()),
            }
        }
    }
}

/// A regular file without a second name.
fn is_lone_file(found: &fs::Metadata) -> bool {
    #[cfg(unix)]
    let is_lone = std::os::unix::fs::MetadataExt::nlink(found) == 1;
    #[cfg(not(unix))]
    let is_lone = true;
    found.is_file() && is_lone
}

/// Whether a file begins with a process and a second as [`describe`] writes them, or is empty.
fn is_of_a_lock(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.rewind()?;
    Read::take(&mut *file, 64).read_to_end(&mut start)?;
    file.rewind()?;
    // Of what a killed process had begun to write, the rest may be missing.
    let mut lines = start.split(|&byte| byte == b'\n').take(2);
    Ok(lines.all(|line| line.iter().all(u8::is_ascii_digit)))
}

impl Drop for Held {
    fn drop(&mut self) {
        // Elsewhere than on Unix an open file keeps its name; the next holder takes it over.
        if let Some(living) = self.living.take().filter(|_| cfg!(unix)) {
            living.remove();
        }
    }
}

#[cfg(unix)]
fn has_name(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let named = fs::symlink_metadata(path).map(of).ok();
    named.is_some() && named == file.metadata().map(of).ok()
}

/// Elsewhere the file stays, and so does its name.
#[cfg(not(unix))]
fn has_name(_: &File, _: &Path) -> bool {
    true
}

fn knows_no_locks(error: &io::Error) -> bool {
    // `ENOLCK`, which has no kind of its own.
    let no_locks = if cfg!(target_os = "linux") { 37 } else { 77 };
    error.kind() == io::ErrorKind::Unsupported
        || (cfg!(unix) && error.raw_os_error() == Some(no_locks))
}

/// Writes who holds the lock: process, second since 1970, command.
fn describe(file: &mut File) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let second = now.map_or(0, |time| time.as_secs());
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let text = format!("{}\n{second}\n{}\n", std::process::id(), words.join(" "));
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// Who holds a lock, in words.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Whoever took the lock a moment ago has not written yet.
    let _ = file.take(1 << 16).read_to_string(&mut text);
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().map(str::trim).filter(|line| !line.is_empty());
    let (Some(process), Some(since), command) = (next(), next(), next().unwrap_or_default()) else {
        return "another process".to_owned();
    };
    let began = since
        .parse()
        .map(|second| UNIX_EPOCH + Duration::from_secs(second));
    let elapsed = began
        .ok()
        .and_then(|began| SystemTime::now().duration_since(began).ok());
    let elapsed = elapsed.map_or(String::new(), |time| format!(", for {}", in_words(time)));
    format!("process {process} (`{}`{elapsed})", short(command))
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_output_by_all_its_names_and_a_folder_with_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("run")).unwrap();
        fs::write(path("table.parquet"), "x").unwrap();
        let table = OutputLock::hold(&path("table.parquet")).unwrap();
        let run = OutputLock::hold(&path("run")).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("table.parquet"), path("link.parquet")).unwrap();
            assert!(OutputLock::hold(&path("link.parquet")).is_err());
        }
        let error = OutputLock::hold(&path("run/../table.parquet")).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains(&format!("process {} (`", std::process::id())),
            "{said}"
        );
        assert!(
            said.contains(", for 0 s) is writing it; nothing was changed"),
            "{said}"
        );
        assert!(OutputLock::hold(&path("run")).is_err());
        // What stands in a folder is an output of its own.
        assert!(OutputLock::hold(&path("run/scores.parquet")).is_ok());
        drop((table, run));
        assert!(OutputLock::hold(&path("table.parquet")).is_ok());
        assert_eq!(names(&path("run")), [""; 0]);
        assert!(OutputLock::hold(&path("nowhere/table.parquet")).is_err());
    }

    /// A lock that a killed process left is taken over, and nobody's file is written through a link
    /// of its name.
    #[test]
    fn locks_without_a_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path(".breadth-lock-a.parquet"), "1\n0\nbreadth score").unwrap();
        drop(OutputLock::hold(&path("a.parquet")).unwrap());
        assert_eq!(names(dir.path()), [""; 0]);
        #[cfg(unix)]
        {
            fs::write(path("mine.txt"), "mine").unwrap();
            std::os::unix::fs::symlink(path("mine.txt"), path(".breadth-lock-a.parquet")).unwrap();
            assert!(OutputLock::hold(&path("a.parquet")).is_err());
            assert_eq!(fs::read(path("mine.txt")).unwrap(), b"mine");
            std::os::unix::fs::symlink(path("none"), path(".breadth-lock-b.parquet")).unwrap();
            assert!(OutputLock::hold(&path("b.parquet")).is_err());
            assert!(!path("none").exists());
            fs::hard_link(path("mine.txt"), path(".breadth-lock-c.parquet")).unwrap();
            assert!(OutputLock::hold(&path("c.parquet")).is_err());
            fs::write(path(".breadth-lock-d.parquet"), "my notes").unwrap();
            assert!(OutputLock::hold(&path("d.parquet")).is_err());
            fs::create_dir(path(".breadth-lock-e.parquet")).unwrap();
            assert!(OutputLock::hold(&path("e.parquet")).is_err());
            assert_eq!(fs::read(path("mine.txt")).unwrap(), b"mine");
            assert_eq!(
                fs::read(path(".breadth-lock-d.parquet")).unwrap(),
                b"my notes"
            );
        }
    }

    #[test]
    fn the_temporaries_of_an_output_are_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let others = [
            ".breadth-tmp-a-b-123456",
            ".breadth-tmp-a-12345",
            ".breadth-tmp-b-123456",
            ".breadth-tmp-a-b-cdefgh",
        ];
        for name in others.iter().chain(&[".breadth-tmp-a-aB3456"]) {
            fs::write(path(name), "").unwrap();
        }
        fs::create_dir_all(path(".breadth-tmp-a-folder/new")).unwrap();
        let lock = OutputLock::hold(&path("a")).unwrap();
        lock.remove_dead().unwrap();
        drop(lock);
        let mut left = others.to_vec();
        left.sort_unstable();
        assert_eq!(names(dir.path()), left);
    }

    /// Many threads that take and give: never two at once, and all come to their turn.
    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("out");
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut own = 0;
                    while own < 50 {
                        let Ok(lock) = OutputLock::hold(&output) else {
                            std::thread::yield_now();
                            continue;
                        };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        own += 1;
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                        turns.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(turns.load(Ordering::SeqCst), 200);
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn file_systems_without_locks() {
        // ENOLCK, EOPNOTSUPP and ENOSYS; EIO says nothing of locks.
        let is = |code| knows_no_locks(&io::Error::from_raw_os_error(code));
        assert_eq!([37, 95, 38, 5].map(is), [true, true, true, false]);
    }

    #[test]
    fn times_in_words() {
        let of = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!(
            [0, 119, 120, 7199, 7200].map(of),
            ["0 s", "119 s", "2 min", "119 min", "2 h"]
        );
    }
}
