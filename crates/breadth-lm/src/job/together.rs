//! Which checkpoints one server serves.

use std::path::{Path, PathBuf};

use super::model::Model;
use crate::error::{Error, Result};
use crate::model::adapter;
use crate::server::ServeCommand;

/// The models of one server: a checkpoint, or adapters of one base.
#[derive(Clone, Debug)]
pub(super) struct Together {
    pub(super) models: Vec<usize>,
    /// For adapters: the folder of the model that they change.
    pub(super) base: Option<PathBuf>,
}

/// The models that are served, by server.
///
/// # Errors
/// If a command takes adapters and a model is none, or cannot be written as `NAME=FOLDER`; or if an
/// adapter's base is not here.
pub(super) fn by_server(models: &[Model]) -> Result<Vec<Together>> {
    let mut all: Vec<Together> = Vec::new();
    for (m, model) in models.iter().enumerate() {
        let Model::Served {
            name,
            path,
            base,
            serving,
        } = model
        else {
            continue;
        };
        let base = match adapter::is_one(path) {
            true => Some(adapter::base_of(path, base.as_deref())?),
            false => None,
        };
        let command = &serving.command;
        check(command, name, path, base.is_some())?;
        let is_shared = |other: &&mut Together| {
            let first = &models[other.models[0]];
            let is_same =
                matches!(first, Model::Served { serving, .. } if serving.command == *command);
            command.has("loras") && is_same && other.base == base
        };
        match all.iter_mut().find(is_shared) {
            Some(server) => server.models.push(m),
            None => all.push(Together {
                models: vec![m],
                base,
            }),
        }
    }
    Ok(all)
}

/// Refuses a checkpoint of which a command cannot speak.
fn check(command: &ServeCommand, name: &str, path: &Path, is_adapter: bool) -> Result<()> {
    let for_adapters = command.has("base") || command.has("loras");
    if for_adapters && !is_adapter {
        let message = "holds no LoRA adapter, and {base} and {loras} of --serve are for adapters: \
                       serve it by a command of its own, with {path}";
        return Err(Error::checkpoint(path, message));
    }
    if adapter::is_on_top(path) {
        let message = "holds a LoRA adapter beside the weights of a whole model, which servers do \
                       not merge: merge it first, or move adapter_config.json out of the folder if \
                       the weights hold it already";
        return Err(Error::checkpoint(path, message));
    }
    let written = format!("{name}={}", path.display());
    let is_ambiguous = written.matches('=').count() > 1 || written.contains(',');
    if command.has("loras") && is_ambiguous {
        let message = format!(
            "would be `{written}` in the place of {{loras}}, which a server would not read as one \
             name and one folder: rename the folder without `=` and `,`"
        );
        return Err(Error::checkpoint(path, message));
    }
    Ok(())
}
