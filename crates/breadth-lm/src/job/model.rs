//! What a job runs on: checkpoint folders and servers.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence};
use crate::model::{Checkpoint, Config, adapter};
use crate::server::Server;
use crate::text::Item;

/// A model that can be asked: a checkpoint folder, or one behind servers.
#[derive(Debug)]
pub enum Model {
    /// A checkpoint, read when its turn comes.
    Folder {
        /// Its name in tables.
        name: String,
        /// The folder.
        path: PathBuf,
        /// For an adapter: the folder of the model that it changes; absent means what it names
        /// itself.
        base: Option<PathBuf>,
    },
    /// A model of one server or several.
    Server(Box<Server>),
}

impl Model {
    /// Checkpoint folders under their names.
    #[must_use]
    pub fn folders(found: &[(String, PathBuf)]) -> Vec<Self> {
        Self::folders_on(found, None)
    }

    /// Checkpoint folders under their names; adapters among them change the model in `base`.
    #[must_use]
    pub fn folders_on(found: &[(String, PathBuf)], base: Option<&Path>) -> Vec<Self> {
        let folder = |(name, path): &(String, PathBuf)| Self::Folder {
            name: name.clone(),
            path: path.clone(),
            base: base.map(Path::to_path_buf),
        };
        found.iter().map(folder).collect()
    }

    /// Its name in tables.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Folder { name, .. } => name,
            Self::Server(server) => server.model(),
        }
    }

    /// What a folder's decoder computes; nothing is known of a server's.
    #[must_use]
    pub fn config(&self) -> Option<Result<Config>> {
        match self {
            Self::Folder { path, base, .. } => Some(Config::of_folder(path, base.as_deref())),
            Self::Server(_) => None,
        }
    }

    /// What its numbers depend on: a hash of the files, or the server's kind and the model's name.
    pub(super) fn identity(&self) -> Result<String> {
        match self {
            Self::Folder { path, base, .. } => hash_model(path, base.as_deref()),
            Self::Server(server) => Ok(format!("{}:{}", server.kind().name(), server.model())),
        }
    }

    /// Checks that it can take every item, as far as that is known beforehand; the weights are not
    /// read.
    pub(super) fn check(&self, items: &[Item]) -> Result<()> {
        let config = self.config().transpose()?;
        for item in items {
            let place = format!("prompt_id {}", item.prompt_id);
            match &config {
                Some(config) => config.check_sequence(&sequence(item), &place)?,
                None if item.prompt.is_empty() => {
                    let message =
                        "the prompt has no token; the first token of a sequence cannot be scored";
                    return Err(Error::data(place, message));
                }
                None if item.response.is_empty() => {
                    return Err(Error::data(place, "the response has no token"));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// What the provenance says of it; for a server, `probed` is the outcome of its probe.
    pub(super) fn described(&self, identity: &str, probed: Option<&str>) -> String {
        match (self, probed) {
            (Self::Server(_), Some(probed)) => format!("server {probed}"),
            _ => identity.to_owned(),
        }
    }
}

/// The prompt and the response of an item.
pub(super) fn sequence(item: &Item) -> Sequence<'_> {
    Sequence {
        prompt: &item.prompt,
        response: &item.response,
    }
}

/// Refuses two models of one name: the table could not tell them apart.
pub(super) fn check_names(models: &[Model]) -> Result<()> {
    for (i, model) in models.iter().enumerate() {
        if models[..i].iter().any(|other| other.name() == model.name()) {
            let message = "two models have this name; models in a table need names of their own";
            return Err(Error::data(format!("model {}", model.name()), message));
        }
    }
    Ok(())
}

/// A model whose turn has come.
pub(super) enum Ready<'a> {
    /// Read into memory.
    Checkpoint(Box<Checkpoint>),
    /// Behind servers.
    Server(&'a Server),
}

impl<'a> Ready<'a> {
    pub(super) fn new(model: &'a Model) -> Result<Self> {
        Ok(match model {
            Model::Folder { path, base, .. } => {
                Self::Checkpoint(Box::new(Checkpoint::read_on(path, base.as_deref())?))
            }
            Model::Server(server) => Self::Server(server),
        })
    }
}

/// Draws responses to the prompts of `items` from a server.
pub(super) fn sample_server(
    server: &Server,
    items: &[Item],
    sampling: &Sampling,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<Vec<Sample>>> {
    let prompts: Vec<&[u32]> = items.iter().map(|i| &i.prompt[..]).collect();
    let name = |i: usize| format!("prompt_id {}", items[i].prompt_id);
    server.sample(&prompts, sampling, &name, done)
}

/// Scores the responses of `items` on a server.
pub(super) fn score_server(
    server: &Server,
    items: &[Item],
    done: &mut dyn FnMut(usize),
) -> Result<Vec<Vec<f32>>> {
    let sequences: Vec<Sequence> = items.iter().map(sequence).collect();
    let name = |i: usize| {
        let Item {
            prompt_id,
            response_id,
            ..
        } = &items[i];
        format!("prompt_id {prompt_id}, response_id {response_id}")
    };
    server.score(&sequences, &name, done)
}

/// Hash of a model's files; of an adapter's and its base's.
fn hash_model(folder: &Path, base: Option<&Path>) -> Result<String> {
    let own = hash_files(folder)?;
    if !adapter::is_one(folder) {
        return Ok(own);
    }
    let base = hash_model(&adapter::base_of(folder, base)?, None)?;
    let both = blake3::hash(format!("{own} {base}").as_bytes());
    Ok(both.to_hex()[..16].to_string())
}

/// Hash of `config.json` and the weights' files, 16 hexadecimal digits: equal for equal files,
/// whatever the folder. The weights are not decoded.
fn hash_files(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name == "config.json" || name == "adapter_config.json" || name.contains(".safetensors")
        })
        .collect();
    names.sort();
    let mut hash = blake3::Hasher::new();
    for name in names {
        let path = folder.join(&name);
        let mut file = std::fs::File::open(&path).map_err(|e| Error::io(&path, e))?;
        let length = file.metadata().map_err(|e| Error::io(&path, e))?.len();
        hash.update(name.as_bytes());
        hash.update(&length.to_le_bytes());
        std::io::copy(&mut file, &mut hash).map_err(|e| Error::io(&path, e))?;
    }
    Ok(hash.finalize().to_hex()[..16].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_files_have_equal_hashes_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let hash = |name: &str, config: &str, weights: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("config.json"), config).unwrap();
            std::fs::write(path.join("model.safetensors"), weights).unwrap();
            std::fs::write(path.join("notes.txt"), name).unwrap();
            hash_files(&path).unwrap()
        };
        let first = hash("a", "{}", b"weights");
        assert_eq!(first, hash("b", "{}", b"weights"));
        assert_ne!(first, hash("c", "{}", b"weighty"));
        assert_ne!(first, hash("d", "{ }", b"weights"));
        // Bytes that move from one file to the next make another model.
        assert_ne!(hash("e", "{}x", b"y"), hash("f", "{}", b"xy"));
    }

    #[test]
    fn names_are_unique() {
        let two = |a: &str, b: &str| {
            let found = [a, b].map(|name| (name.to_owned(), PathBuf::from(name)));
            check_names(&Model::folders(&found))
        };
        assert!(two("a", "b").is_ok());
        let error = two("a", "a").unwrap_err().to_string();
        assert!(
            error.contains("model a: two models have this name"),
            "{error}"
        );
    }
}
