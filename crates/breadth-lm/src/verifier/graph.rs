//! What graph search needs beside its own functions: the class that a line's `group` names.

use std::path::Path;

use crate::error::{Error, Result};
use crate::task::graph_search::{Class, GraphSearch};
use crate::text::Item;
use crate::train::TrainConfig;

/// The task of a training configuration.
pub(super) fn policy(path: &Path) -> Result<GraphSearch> {
    let task = TrainConfig::read(path)?.task.ok_or_else(|| {
        Error::config(
            path.display().to_string(),
            "has no [task], so there is no policy to follow",
        )
    })?;
    let search = task.graph_search.ok_or_else(|| {
        Error::config(
            path.display().to_string(),
            "has another task than graph search, and only that has policies; use exact or number",
        )
    })?;
    GraphSearch::new(search)
}

/// The class that an item's `group` names.
pub(super) fn class_of(item: &Item) -> Result<Class> {
    let place = || format!("prompt_id {}", item.prompt_id);
    let group = item.group.as_deref().ok_or_else(|| {
        Error::data(
            place(),
            "has no group; --verifier policy needs the class there",
        )
    })?;
    serde_json::from_value(serde_json::Value::from(group)).map_err(|_| {
        Error::data(
            place(),
            format!("group `{group}` is not a class of the task"),
        )
    })
}
