//! A checkpoint's files stay in its folder, and are files.

use std::fs::FileType;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The path of a checkpoint's file of this name; whether it is there is for its reader to say.
///
/// The name may come out of a file of the checkpoint, so it must be a name and no path. What has it
/// must be a file (a named pipe would be waited for), and not a link that leads out of the folder:
/// its content could be changed, and the checkpoint moved, without the other. In the local cache of
/// the Hugging Face hub files are links to the blobs of the same repository.
///
/// # Errors
/// Names the file, and what it is instead.
pub(crate) fn file(folder: &Path, name: &str) -> Result<PathBuf> {
    let refuse = |message: String| Err(Error::checkpoint(folder, message));
    let mut parts = Path::new(name).components();
    let is_name = matches!(parts.next(), Some(Component::Normal(only)) if only == name);
    if !is_name || parts.next().is_some() || name.contains(['/', '\\']) {
        return refuse(format!(
            "names the file `{name}`, which is a path; a checkpoint's files stand in its folder"
        ));
    }
    let path = folder.join(name);
    plain(&path)?;
    let Ok(real) = path.canonicalize() else {
        return Ok(path);
    };
    let folders = homes(folder);
    if folders.iter().any(|folder| real.starts_with(folder)) {
        return Ok(path);
    }
    refuse(format!(
        "{name} is a link out of the folder, to {}; put the file itself there",
        real.display()
    ))
}

/// Refuses what can be opened and is no file: reading it might never end.
///
/// # Errors
/// Names the path, and what it is.
pub(crate) fn plain(path: &Path) -> Result<()> {
    match kind_at(path) {
        Some(kind) => {
            let message = format!("is {kind}, where a file is needed");
            Err(Error::checkpoint(path, message))
        }
        None => Ok(()),
    }
}

/// What stands at a path, if something does that is no file.
pub(crate) fn kind_at(path: &Path) -> Option<&'static str> {
    kind_of(std::fs::metadata(path).ok()?.file_type())
}

/// What a path is that is no file.
fn kind_of(kind: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a named pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    kind.is_dir().then_some("a folder")
}

/// The folders in which a checkpoint's files may lie: its own, and for a snapshot of the hub's
/// cache, `models--NAME/snapshots/REVISION`, the blobs of its repository.
fn homes(folder: &Path) -> Vec<PathBuf> {
    // The folder of a file that is named without one.
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let Ok(own) = folder.canonicalize() else {
        return Vec::new();
    };
    // A checkpoint's folder, or one in it.
    let mut above = own.ancestors().skip(1).take(2);
    let snapshots = above.find(|parent| parent.ends_with("snapshots"));
    let repository = snapshots.and_then(Path::parent);
    let blobs = repository.and_then(|path| path.join("blobs").canonicalize().ok());
    std::iter::once(own).chain(blobs).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn names_links_and_what_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("models--a--b");
        let snapshot = cache.join("snapshots/0123");
        let other = dir.path().join("other");
        for folder in [&snapshot, &cache.join("blobs"), &other] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(cache.join("blobs/ff"), "blob").unwrap();
        fs::write(other.join("weights"), "other").unwrap();
        fs::write(snapshot.join("own"), "own").unwrap();
        symlink("../../blobs/ff", snapshot.join("blob")).unwrap();
        symlink("own", snapshot.join("inside")).unwrap();
        symlink(other.join("weights"), snapshot.join("outside")).unwrap();
        symlink("/dev/zero", snapshot.join("zero")).unwrap();
        let pipe = snapshot.join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        fs::create_dir(snapshot.join("folder")).unwrap();
        for name in ["own", "blob", "inside", "not there"] {
            assert_eq!(file(&snapshot, name).unwrap(), snapshot.join(name));
        }
        // A folder of the snapshot has its blobs, too.
        let within = snapshot.join("folder");
        symlink("../../../blobs/ff", within.join("blob")).unwrap();
        assert!(file(&within, "blob").is_ok());
        // A folder may itself be called by a link.
        let link = dir.path().join("link");
        symlink(&snapshot, &link).unwrap();
        assert!(file(&link, "blob").is_ok());
        let error = |name: &str| file(&snapshot, name).unwrap_err().to_string();
        for (name, said) in [
            ("../../blobs/ff", "which is a path"),
            ("..", "which is a path"),
            ("", "which is a path"),
            ("./own", "which is a path"),
            ("own/", "which is a path"),
            ("a\\b", "which is a path"),
            ("/etc/passwd", "which is a path"),
            ("outside", "outside is a link out of the folder, to "),
            ("zero", "zero: is a device, where a file is needed"),
            ("pipe", "pipe: is a named pipe, where a file is needed"),
            ("folder", "folder: is a folder, where a file is needed"),
        ] {
            let text = error(name);
            assert!(text.contains(said), "{name}: {text}");
        }
        // Elsewhere than in the cache blobs are nothing special.
        let plain = dir.path().join("plain");
        fs::create_dir(&plain).unwrap();
        symlink(cache.join("blobs/ff"), plain.join("blob")).unwrap();
        assert!(file(&plain, "blob").is_err());
    }
}
