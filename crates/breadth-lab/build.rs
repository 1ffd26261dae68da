//! Hashes the sources that a measurement depends on, so that a stored one is known to be current.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folders and files a measurement depends on, relative to this crate, besides the trainer's.
const SOURCES: [&str; 2] = ["src", "../breadth-stats/src"];
/// Folders and files a training run depends on.
const TRAINER: [&str; 13] = [
    "../breadth-data/src/hash.rs",
    "../breadth-lm/src/gemm.rs",
    "../breadth-lm/src/generation.rs",
    "../breadth-lm/src/model",
    "../breadth-lm/src/optim",
    "../breadth-lm/src/rng.rs",
    "../breadth-lm/src/task",
    "../breadth-lm/src/train",
    "../breadth-lm/src/tree",
    "../breadth-lm/src/vectorized.rs",
    "../breadth-lm/src/decode/score.rs",
    "../breadth-lm/Cargo.toml",
    "../../Cargo.lock",
];
/// What only shows or keeps a measurement, under `src`.
const SHOWING: [&str; 5] = [
    "document.rs",
    "page",
    "picture.rs",
    "results.rs",
    "words.rs",
];

fn main() -> io::Result<()> {
    let trainer = hash(&TRAINER)?;
    let sources = hash(&SOURCES)?;
    let both = blake3::hash([&trainer[..], &sources[..]].concat().as_bytes()).to_hex();
    println!("cargo:rustc-env=BREADTH_LAB_TRAINER={trainer}");
    println!("cargo:rustc-env=BREADTH_LAB_SOURCES={}", &both[..16]);
    Ok(())
}

fn hash(sources: &[&str]) -> io::Result<String> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut hasher = blake3::Hasher::new();
    for source in sources {
        let path = root.join(source);
        println!("cargo:rerun-if-changed={}", path.display());
        add(&mut hasher, &root.join("src"), &path).map_err(|error| {
            let path = path.display();
            io::Error::new(error.kind(), format!("{path}, which is hashed: {error}"))
        })?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Files in the order of their names, each with its name and length, so that nothing can be moved
/// from one to the next.
fn add(hasher: &mut blake3::Hasher, source: &Path, path: &Path) -> io::Result<()> {
    if SHOWING.iter().any(|name| path == source.join(name)) {
        return Ok(());
    }
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        return entries
            .iter()
            .try_for_each(|entry| add(hasher, source, entry));
    }
    let text = fs::read(path)?;
    let name = path.file_name().unwrap_or_default();
    hasher.update(name.as_encoded_bytes());
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(&text);
    Ok(())
}
