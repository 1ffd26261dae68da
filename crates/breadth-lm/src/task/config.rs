//! `[task]` of a training configuration.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::graph_search::{Class, GraphSearchConfig};
use super::sums::SumsConfig;
use super::totals::TotalsConfig;
use crate::error::{Error, Result};
use crate::files;

/// `[task]`: one of the tables that follow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Graph search: share of each class; they sum to 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mixture: BTreeMap<Class, f64>,
    /// This many training examples, drawn once and met again and again, as in fine-tuning; absent:
    /// fresh ones at every step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<u64>,
    /// Totals and sums: share of the prompts that training never meets; then they alone are
    /// evaluated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_out: f64,
    /// Find the path through a graph.
    #[serde(
        rename = "graph-search",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub graph_search: Option<GraphSearchConfig>,
    /// Sums, differences and products that equal a number: many right responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<TotalsConfig>,
    /// The total of some numbers, alone or after a chain of steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sums: Option<SumsConfig>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

impl TaskConfig {
    /// The `[task]` of a training configuration's file; `None` where it has none.
    ///
    /// # Errors
    /// If the file cannot be read, is not TOML, or its `[task]` has an unknown key.
    pub fn of_file(path: &Path) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct File {
            task: Option<TaskConfig>,
        }
        let text = files::settings(path).map_err(|e| Error::io(path, e))?;
        let file: File = toml::from_str(&text)
            .map_err(|e| Error::config(path.display().to_string(), e.to_string().trim_end()))?;
        Ok(file.task)
    }
}
