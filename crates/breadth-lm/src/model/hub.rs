//! The local cache of the Hugging Face hub: models that other tools downloaded. Nothing is
//! downloaded here.

use std::path::{Path, PathBuf};

use crate::files;

/// The longest file of a revision, in bytes: it holds a hash.
const REVISION: u64 = 1 << 10;

/// The cache's folder: `HF_HUB_CACHE`, `HF_HOME/hub`, or `~/.cache/huggingface/hub`.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let path = |name: &str| of(name).map(PathBuf::from);
    let home = || Some(path("HOME").or_else(|| path("USERPROFILE"))?.join(".cache"));
    path("HF_HUB_CACHE")
        .or_else(|| Some(path("HF_HOME")?.join("hub")))
        .or_else(|| {
            let cache = path("XDG_CACHE_HOME").or_else(home)?;
            Some(cache.join("huggingface").join("hub"))
        })
}

/// The snapshot of a model's main branch in the local cache, if it is there: `gpt2`,
/// `Qwen/Qwen2.5-0.5B`.
///
/// ```
/// assert_eq!(breadth_lm::model::hub::snapshot("../passwords"), None);
/// ```
#[must_use]
pub fn snapshot(name: &str) -> Option<PathBuf> {
    snapshot_in(&folder()?, name)
}

/// Where [`snapshot`] looks for a model, if the name is one of the hub's.
#[must_use]
pub fn place(name: &str) -> Option<PathBuf> {
    Some(place_in(&folder()?, name)?.join("snapshots"))
}

fn place_in(cache: &Path, name: &str) -> Option<PathBuf> {
    let parts: Vec<&str> = name.split('/').collect();
    let good = (1..=2).contains(&parts.len()) && parts.iter().all(|part| is_name(part));
    good.then(|| cache.join(format!("models--{}", parts.join("--"))))
}

fn snapshot_in(cache: &Path, name: &str) -> Option<PathBuf> {
    let model = place_in(cache, name)?;
    let revision = files::text(&model.join("refs").join("main"), REVISION).ok()?;
    let revision = revision.trim();
    let snapshot = model.join("snapshots").join(revision);
    // A revision is a hash; anything else could lead out of the cache.
    let is_hash = !revision.is_empty() && revision.chars().all(|c| c.is_ascii_hexdigit());
    (is_hash && snapshot.is_dir()).then_some(snapshot)
}

/// What the hub allows as a part of a name: letters, digits, `-`, `_`, `.`, none of the last first.
fn is_name(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed) && !part.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_branch_is_found_and_nothing_outside_the_cache() {
        let cache = tempfile::tempdir().unwrap();
        let make = |model: &str, revision: &str, snapshot: &str| {
            let model = cache.path().join(model);
            std::fs::create_dir_all(model.join("refs")).unwrap();
            std::fs::write(model.join("refs/main"), revision).unwrap();
            std::fs::create_dir_all(model.join("snapshots").join(snapshot)).unwrap();
        };
        make("models--gpt2", "607a30d7", "607a30d7");
        make("models--Qwen--Qwen2.5-0.5B", "060db644\n", "060db644");
        make("models--half", "0123abcd", "fedc");
        make("models--evil", "../../../..", "0123");
        let found = |name: &str| {
            let path = snapshot_in(cache.path(), name)?;
            Some(
                path.strip_prefix(cache.path())
                    .unwrap()
                    .display()
                    .to_string(),
            )
        };
        assert_eq!(
            found("gpt2").as_deref(),
            Some("models--gpt2/snapshots/607a30d7")
        );
        assert_eq!(
            found("Qwen/Qwen2.5-0.5B").as_deref(),
            Some("models--Qwen--Qwen2.5-0.5B/snapshots/060db644")
        );
        for name in [
            "half", "evil", "other", "", "..", "../gpt2", "a/b/c", "/gpt2", "./gpt2", "gpt2/",
        ] {
            assert_eq!(found(name), None, "{name}");
        }
    }
}
