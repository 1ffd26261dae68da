//! What a job runs on: checkpoint folders and servers.

use std::path::{Path, PathBuf};

use breadth_data::short;

use crate::decode::check_prompt;
use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence};
use crate::model::{Checkpoint, Config, Fingerprint, files_of, folders};
use crate::server::{Limits, ServeCommand, Server};
use crate::text::Item;

/// How checkpoints are served.
#[derive(Clone, Debug)]
pub struct Serving {
    /// What starts a server.
    pub command: ServeCommand,
    /// How it is asked.
    pub limits: Limits,
    /// Servers at once, each for another checkpoint.
    pub parallel: usize,
}

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
    /// A checkpoint behind a server that is started for it when its turn comes.
    Served {
        /// Its name in tables.
        name: String,
        /// The folder.
        path: PathBuf,
        /// For an adapter: the folder of the model that it changes.
        base: Option<PathBuf>,
        /// How it is served.
        serving: Serving,
    },
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

    /// The same behind servers that are started; what is no folder stays what it is.
    #[must_use]
    pub fn served(self, serving: &Serving) -> Self {
        match self {
            Self::Folder { name, path, base } => Self::Served {
                name,
                path,
                base,
                serving: serving.clone(),
            },
            other => other,
        }
    }

    /// Its name in tables.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Folder { name, .. } | Self::Served { name, .. } => name,
            Self::Server(server) => server.model(),
        }
    }

    /// The files that are read of a folder, of an adapter's base among them; none of a server's.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder { path, base, .. } | Self::Served { path, base, .. } => {
                files_of(path, base.as_deref())
            }
            Self::Server(_) => Vec::new(),
        }
    }

    /// Where it is, for messages.
    fn place(&self) -> String {
        match self {
            Self::Folder { path, .. } | Self::Served { path, .. } => path.display().to_string(),
            Self::Server(server) => server.address().to_string(),
        }
    }

    /// What is to be said of a folder before it is read.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        match self {
            Self::Folder { path, .. } => folders::remarks(path),
            Self::Server(_) | Self::Served { .. } => Vec::new(),
        }
    }

    /// What a folder's decoder computes; nothing is known of a server's.
    #[must_use]
    pub fn config(&self) -> Option<Result<Config>> {
        match self {
            Self::Folder { path, base, .. } => Some(Config::of_folder(path, base.as_deref())),
            Self::Server(_) | Self::Served { .. } => None,
        }
    }

    /// What its numbers depend on.
    pub(super) fn identity(&self) -> Result<Identity> {
        match self {
            Self::Folder { path, base, .. } | Self::Served { path, base, .. } => {
                Fingerprint::of(path, base.as_deref()).map(Identity::Files)
            }
            Self::Server(server) => Ok(Identity::Name(format!(
                "{}:{}",
                server.kind().name(),
                server.model()
            ))),
        }
    }

    /// Checks that it can take every item, as far as that is known beforehand; the weights are not
    /// read.
    pub(super) fn check(&self, items: &[Item]) -> Result<()> {
        let config = self.config().transpose()?;
        for item in items {
            let place = item.place();
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

    /// Checks that it can take every prompt with a response of so many tokens, likewise.
    pub(super) fn check_prompts(&self, items: &[Item], max_tokens: usize) -> Result<()> {
        let Some(config) = self.config().transpose()? else {
            return Ok(());
        };
        items
            .iter()
            .try_for_each(|item| check_prompt(&config, &item.prompt, max_tokens, &item.place()))
    }
}

/// What a model's numbers depend on.
pub(super) enum Identity {
    /// The files of a folder.
    Files(Fingerprint),
    /// A server's kind and the model's name there. The weights behind it are not known: finished
    /// rows are scored again.
    Name(String),
}

impl Identity {
    /// A hash of the files, or the name.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Files(fingerprint) => fingerprint.hash(),
            Self::Name(name) => name,
        }
    }

    /// Checks that a folder's files have not changed.
    pub(super) fn check(&self, thorough: bool) -> Result<()> {
        match self {
            Self::Files(fingerprint) => fingerprint.check(thorough),
            Self::Name(_) => Ok(()),
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
        let same = models[..i]
            .iter()
            .find(|other| other.name() == model.name());
        if let Some(other) = same {
            let message = format!(
                "two models have this name, {} and {}; a table tells models apart by their names, \
                 so rename one, or run the command once for each",
                other.place(),
                model.place()
            );
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
            Model::Served { name, .. } => {
                let message = "is served, and all its parts were made before";
                return Err(Error::data(format!("model {name}"), message));
            }
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
    let name = |i: usize| items[i].place();
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
        let response = short(&items[i].response_id);
        format!("{}, response_id {response}", items[i].place())
    };
    server.score(&sequences, &name, done)
}

/// A row of a table as a finished part has it.
pub(super) struct Row<'a> {
    pub(super) prompt: &'a [u32],
    pub(super) response: &'a [u32],
    pub(super) log_probs: &'a [f32],
    pub(super) prompt_id: &'a str,
}

/// Checks that a server still gives finished rows the numbers that they have, `tolerance` nats per
/// token apart on average at most: its weights may have changed under one name.
pub(super) fn check_same_weights<'a>(server: &Server, rows: &[Row<'a>]) -> Result<()> {
    let rows: Vec<&Row<'a>> = rows.iter().filter(|row| !row.response.is_empty()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sequence = |row: &&Row<'a>| Sequence {
        prompt: row.prompt,
        response: row.response,
    };
    let sequences: Vec<Sequence> = rows.iter().map(sequence).collect();
    let name = |i: usize| format!("prompt_id {}, scored again", short(rows[i].prompt_id));
    let again = server.score(&sequences, &name, &mut |_| {})?;
    let (mut total, mut tokens, mut worst) = (0.0, 0usize, (0.0, ""));
    for (row, again) in rows.iter().zip(&again) {
        let apart = |(&old, &new): (&f32, &f32)| {
            if old == new {
                0.0
            } else {
                (f64::from(old) - f64::from(new)).abs()
            }
        };
        let own: f64 = row.log_probs.iter().zip(again).map(apart).sum();
        total += own;
        tokens += row.log_probs.len();
        let mean = own / row.log_probs.len() as f64;
        if mean > worst.0 {
            worst = (mean, row.prompt_id);
        }
    }
    let tolerance = server.tolerance();
    if total <= tolerance * tokens as f64 {
        return Ok(());
    }
    let message = format!(
        "gives finished rows other numbers than before ({:.2} nats per token apart, {:.2} at \
         prompt_id {}), so its weights differ from those of the finished parts; nothing was \
         written. Serve the same weights as before, or remove the parts and begin anew",
        total / tokens as f64,
        worst.0,
        short(worst.1)
    );
    Err(Error::server(server.address().to_string(), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let two = |a: &str, b: &str| {
            let found = [a, b].map(|name| (name.to_owned(), PathBuf::from(name)));
            check_names(&Model::folders(&found))
        };
        assert!(two("a", "b").is_ok());
        let error = two("a", "a").unwrap_err().to_string();
        assert!(
            error.contains("model a: two models have this name, a and a; "),
            "{error}"
        );
    }
}
