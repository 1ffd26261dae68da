//! The response is right for the class named by `group` (graph search; the task is that of
//! TRAIN.toml).

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::judge::{Judged, Judgement, Reads, VerifierKind, Verify};
use crate::error::{Error, Result};
use crate::task::TaskConfig;
use crate::task::graph_search::{Class, GraphSearch};
use crate::text::Item;

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "policy:TRAIN.toml",
    help: "",
    parse,
};

#[derive(Debug)]
struct Policy {
    search: GraphSearch,
    /// Where it stands, and the hash of its settings.
    file: PathBuf,
    hash: String,
}

/// The task of a training configuration.
fn parse(path: &str) -> Result<Box<dyn Verify>> {
    let refuse = |message: &str| Error::config(path, message);
    let task = TaskConfig::of_file(path.as_ref())?
        .ok_or_else(|| refuse("has no [task], so there is no policy to follow"))?;
    let search = task.graph_search.ok_or_else(|| {
        refuse(
            "has another task than graph search, and only that has policies; use exact or number",
        )
    })?;
    let settings = serde_json::to_vec(&search).expect("plain data");
    Ok(Box::new(Policy {
        search: GraphSearch::new(search)?,
        file: path.into(),
        hash: blake3::hash(&settings).to_hex()[..16].to_string(),
    }))
}

impl Verify for Policy {
    fn reads(&self) -> Reads {
        Reads::Tokens
    }

    fn compares(&self) -> bool {
        false
    }

    fn rules(&self) -> Option<(&Path, String)> {
        Some((&self.file, self.hash.clone()))
    }

    fn check(&self, item: &Item) -> Result<()> {
        class_of(item).map(drop)
    }

    fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
        let is_right = |one: &Judged| {
            class_of(one.item).is_ok_and(|class| {
                self.search
                    .follows_policy(&one.item.prompt, one.tokens, class)
            })
        };
        Ok(batch
            .par_iter()
            .map(|one| Judgement::of(is_right(one)))
            .collect())
    }
}

/// The class that an item's `group` names.
fn class_of(item: &Item) -> Result<Class> {
    let place = || item.place();
    let group = item.group.as_deref().ok_or_else(|| {
        Error::data(
            place(),
            "has no group; the verifier policy needs the class there",
        )
    })?;
    serde_json::from_value(serde_json::Value::from(group)).map_err(|_| {
        Error::data(
            place(),
            format!("group `{group}` is not a class of the task"),
        )
    })
}
