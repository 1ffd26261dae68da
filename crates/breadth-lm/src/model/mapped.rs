//! Files that are mapped into memory, by address.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::Mmap;

/// A mapped file, for as long as the process lives: its addresses may be another's later.
struct Map {
    start: usize,
    end: usize,
    path: PathBuf,
}

/// Maps in the order in which they were made; no more than these are known by name.
static MAPS: [OnceLock<Map>; 4096] = [const { OnceLock::new() }; 4096];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Maps a file for reading.
///
/// # Errors
/// If the system refuses.
#[allow(unsafe_code, reason = "a file may change while it is mapped")]
pub(super) fn map(file: &File, path: &Path) -> io::Result<Mmap> {
    // SAFETY: the map is only read, and its bytes are numbers of which every pattern is valid.
    // If somebody changes the file meanwhile, the numbers change; if somebody truncates it, reading
    // raises SIGBUS. The documentation of `Checkpoint::read` says so; jobs compare the files before
    // and after, and a program can tell which file it was.
    let map = unsafe { Mmap::map(file) }?;
    if let Some(free) = MAPS.get(COUNT.fetch_add(1, Ordering::SeqCst)) {
        let start = map.as_ptr() as usize;
        let end = start + map.len();
        let path = path.to_path_buf();
        // Nobody else has this number.
        let _ = free.set(Map { start, end, path });
    }
    Ok(map)
}

/// The file that was mapped last where this address is: for a program that was told (SIGBUS) that
/// nothing is there any more, which means that the file became shorter.
///
/// ```
/// assert_eq!(breadth_lm::model::mapped_file(0), None);
/// ```
#[must_use]
pub fn mapped_file(address: usize) -> Option<&'static Path> {
    let made = COUNT.load(Ordering::SeqCst).min(MAPS.len());
    let maps = MAPS[..made].iter().rev().filter_map(OnceLock::get);
    let mut here = maps.filter(|map| (map.start..map.end).contains(&address));
    here.next().map(|map| map.path.as_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, [7; 100]).unwrap();
        let map = map(&File::open(&path).unwrap(), &path).unwrap();
        let start = map.as_ptr() as usize;
        for (address, found) in [(0, true), (99, true), (100, false)] {
            assert_eq!(
                mapped_file(start + address) == Some(&path),
                found,
                "{address}"
            );
        }
    }
}
