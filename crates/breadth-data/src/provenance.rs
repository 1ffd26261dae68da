//! Where a file comes from: kept in the Parquet key-value metadata.

use std::collections::BTreeMap;
use std::path::Path;

use parquet::file::metadata::{KeyValue, ParquetMetaData};

use crate::error::{Error, Result};
use crate::io::parquet::open_metadata;
use crate::message::list;

/// The version of the tables' schemas; a file of a later version is refused.
pub const SCHEMA_VERSION: u32 = 1;

const SCHEMA: &str = "breadth.schema";
const VERSION: &str = "breadth.schema_version";
const BREADTH: &str = "breadth.version";
const COMMAND: &str = "breadth.command";
const SEED: &str = "breadth.seed";
const MODELS: &str = "breadth.models";

/// Which command, with which seed and models, made a file.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("metrics.parquet");
/// use breadth_data::{Metrics, Provenance};
/// let made = Provenance {
///     command: "breadth train config.toml".into(),
///     seed: Some(7),
///     ..Provenance::default()
/// };
/// let metrics = Metrics { columns: vec![("step".into(), vec![1.0])] };
/// metrics.write(&path, &made)?;
/// assert_eq!(Provenance::read(&path)?, Some(made));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The version of breadth that wrote the file.
    pub breadth_version: String,
    /// The command line.
    pub command: String,
    /// The seed, where one was used.
    pub seed: Option<u64>,
    /// The models involved, each with a hash of its content.
    pub models: Vec<(String, String)>,
}

impl Default for Provenance {
    /// This version of breadth, and nothing else known.
    fn default() -> Self {
        Self {
            breadth_version: env!("CARGO_PKG_VERSION").into(),
            command: String::new(),
            seed: None,
            models: Vec::new(),
        }
    }
}

impl Provenance {
    /// Reads the provenance of a Parquet file; `None` if another tool wrote it.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Corrupt`] if the file is not readable as Parquet,
    /// [`Error::NewerSchema`] if a later version of breadth wrote it.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let metadata = open_metadata(path)?;
        check_version(path, &metadata)?;
        let Some(breadth_version) = value(&metadata, BREADTH) else {
            return Ok(None);
        };
        Ok(Some(Self {
            breadth_version: breadth_version.into(),
            command: value(&metadata, COMMAND).unwrap_or_default().into(),
            seed: value(&metadata, SEED).and_then(|seed| seed.parse().ok()),
            models: models(&metadata),
        }))
    }

    pub(crate) fn to_metadata(&self, schema: &str) -> Vec<KeyValue> {
        let models = serde_json::to_string(&self.models).expect("strings are always JSON");
        let pairs = [
            (SCHEMA, Some(schema.to_string())),
            (VERSION, Some(SCHEMA_VERSION.to_string())),
            (BREADTH, Some(self.breadth_version.clone())),
            (COMMAND, Some(self.command.clone())),
            (SEED, self.seed.map(|seed| seed.to_string())),
            (MODELS, Some(models)),
        ];
        pairs
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| KeyValue::new(key.into(), value)))
            .collect()
    }
}

/// The models of a file with hashes of their content.
fn models(metadata: &ParquetMetaData) -> Vec<(String, String)> {
    let models = value(metadata, MODELS).unwrap_or("[]");
    serde_json::from_str(models).unwrap_or_default()
}

/// A model of a file, and the hash of its content that the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownModel {
    /// Its name.
    pub model: String,
    /// The hash.
    pub hash: String,
    /// The file.
    pub file: String,
}

/// The models of a file whose hashes are those of files; what a server is known by differs each
/// time.
pub(crate) fn known_models(path: &Path, metadata: &ParquetMetaData) -> Vec<KnownModel> {
    let is_hash = |hash: &str| !hash.is_empty() && hash.bytes().all(|c| c.is_ascii_hexdigit());
    let known = models(metadata).into_iter();
    known
        .filter(|(_, hash)| is_hash(hash))
        .map(|(model, hash)| KnownModel {
            model,
            hash,
            file: path.display().to_string(),
        })
        .collect()
}

/// A sentence for every two files in which a name stands for different weights: the rows of both
/// are taken as those of one model, and are not.
#[must_use]
pub fn different_weights<'a>(known: impl IntoIterator<Item = &'a KnownModel>) -> Vec<String> {
    let mut first: BTreeMap<&str, &KnownModel> = BTreeMap::new();
    let mut differing: BTreeMap<[&str; 2], Vec<String>> = BTreeMap::new();
    for one in known {
        let other = first.entry(&one.model).or_insert(one);
        if other.hash != one.hash {
            let names = differing.entry([&other.file, &one.file]).or_default();
            if !names.contains(&one.model) {
                names.push(one.model.clone());
            }
        }
    }
    let sentence = |([a, b], names): ([&str; 2], Vec<String>)| {
        let stands = if names.len() == 1 { "stands" } else { "stand" };
        format!(
            "{} {stands} for different weights in {a} and {b}, which are taken as one model; score \
             or sample again, or rename the models of one.",
            list(&names)
        )
    };
    differing.into_iter().map(sentence).collect()
}

/// The names under which a file has one model more than once, by the hashes of their content.
pub(crate) fn equal_models(metadata: &ParquetMetaData) -> Vec<Vec<String>> {
    let mut of_hash: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, hash) in models(metadata) {
        of_hash.entry(hash).or_default().push(name);
    }
    of_hash
        .into_values()
        .filter(|names| names.len() > 1)
        .collect()
}

/// Refuses a file of a later schema version: its columns could mean something else.
pub(crate) fn check_version(path: &Path, metadata: &ParquetMetaData) -> Result<()> {
    let Some(found) = value(metadata, VERSION) else {
        return Ok(());
    };
    if found
        .parse()
        .is_ok_and(|version: u32| version <= SCHEMA_VERSION)
    {
        return Ok(());
    }
    Err(Error::NewerSchema {
        path: path.to_path_buf(),
        schema: value(metadata, SCHEMA).unwrap_or("?").into(),
        found: found.into(),
        known: SCHEMA_VERSION,
    })
}

fn value<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    let pair = pairs.iter().find(|pair| pair.key == key)?;
    pair.value.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_stand_for_different_weights() {
        let known = |model: &str, hash: &str, file: &str| KnownModel {
            model: model.into(),
            hash: hash.into(),
            file: file.into(),
        };
        let (a, b) = (known("s-1", "0a", "a"), known("s-2", "0b", "a"));
        assert!(different_weights([&a, &b, &a, &known("s-1", "0a", "b")]).is_empty());
        assert!(different_weights([]).is_empty());
        let others = [
            known("s-1", "0c", "b"),
            known("s-2", "0d", "b"),
            known("s-1", "0e", "c"),
        ];
        let said = different_weights([&a, &b].into_iter().chain(&others));
        assert_eq!(said.len(), 2);
        assert!(
            said[0].starts_with("`s-1`, `s-2` stand for different weights in a and b"),
            "{said:?}"
        );
        assert!(
            said[1].starts_with("`s-1` stands for different weights in a and c"),
            "{said:?}"
        );
    }
}
