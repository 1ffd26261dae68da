//! Rewards of sampled responses.

use std::path::Path;

use crate::error::{Error, Result};
use crate::task::graph_search::{self, Class, GraphSearch};
use crate::text::Item;
use crate::train::TrainConfig;

/// How a response is judged. The reward is 1 or 0.
#[derive(Clone, Debug)]
pub enum Verifier {
    /// The response is the data's response, token for token.
    Exact,
    /// The response is a path of the prompt's graph from its source to its target.
    ValidPath,
    /// The response is one that the policy of the prompt's class gives; the class is the data's `group`.
    Policy(Box<GraphSearch>),
}

impl Verifier {
    /// Every verifier as it is written on the command line, and what it does.
    pub const ALL: [(&'static str, &'static str); 3] = [
        (
            "exact",
            "the response equals the `response` of the prompt's line, token for token",
        ),
        (
            "valid-path",
            "the response is a path of the prompt's graph (graph search)",
        ),
        (
            "policy:TRAIN.toml",
            "the response is right for the class named by `group` (graph search; the task is that of TRAIN.toml)",
        ),
    ];

    /// Reads what the command line says.
    ///
    /// # Errors
    /// If it names no verifier, or the file of a policy has no task.
    pub fn parse(text: &str) -> Result<Self> {
        match (text, text.strip_prefix("policy:")) {
            ("exact", _) => Ok(Self::Exact),
            ("valid-path", _) => Ok(Self::ValidPath),
            (_, Some(path)) => Self::policy(Path::new(path)),
            _ => {
                let names = Self::ALL.map(|(name, _)| name).join(", ");
                Err(Error::config(
                    "--verifier",
                    format!("`{text}` is not one of {names}"),
                ))
            }
        }
    }

    fn policy(path: &Path) -> Result<Self> {
        let task = TrainConfig::read(path)?.task.ok_or_else(|| {
            Error::config(
                path.display().to_string(),
                "has no [task], so there is no policy to follow",
            )
        })?;
        Ok(Self::Policy(Box::new(GraphSearch::new(task.graph_search)?)))
    }

    /// Checks that the verifier can judge responses to this item.
    ///
    /// # Errors
    /// If the item lacks what the verifier compares with.
    pub fn check(&self, item: &Item) -> Result<()> {
        let place = || format!("prompt_id {}", item.prompt_id);
        match self {
            Self::Exact if item.response.is_empty() => Err(Error::data(
                place(),
                "has no response to compare with; --verifier exact needs one",
            )),
            Self::Policy(_) => class_of(item).map(drop),
            _ => Ok(()),
        }
    }

    /// Reward of `response` to an item that [`Verifier::check`] let through.
    #[must_use]
    pub fn reward(&self, item: &Item, response: &[u32]) -> f64 {
        let right = match self {
            Self::Exact => response == item.response,
            Self::ValidPath => graph_search::is_valid_path(&item.prompt, response),
            Self::Policy(search) => class_of(item)
                .is_ok_and(|class| search.follows_policy(&item.prompt, response, class)),
        };
        f64::from(u8::from(right))
    }
}

/// The class that an item's `group` names.
fn class_of(item: &Item) -> Result<Class> {
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
