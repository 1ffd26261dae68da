//! Whether graphs of a configuration exist.

use super::config::{Family, GraphSearchConfig, Label};
use super::distribution;
use crate::error::{Error, Result};

/// Prompts and tables of names stay small; far above any graph that fits a context window.
const MAX_NAMES: u32 = 1 << 20;

impl GraphSearchConfig {
    /// Checks that such graphs exist.
    ///
    /// # Errors
    /// Names the field, its value, and what would be possible.
    pub fn validate(&self) -> Result<()> {
        self.validate_sizes()?;
        match self.family {
            Family::Figure1 { branching, label } => {
                self.validate_branching("branching", branching)?;
                self.validate_label(branching, label)
            }
            Family::Figure2 {
                xor_branching,
                uniform_branching,
            } => {
                self.validate_branching("xor_branching", xor_branching)?;
                self.validate_branching("uniform_branching", uniform_branching)
            }
        }
    }

    fn validate_sizes(&self) -> Result<()> {
        if self.middle_layers < 1 {
            return Err(Error::config(
                "middle_layers = 0",
                "a graph needs at least 1 layer between source and target",
            ));
        }
        if self.width < 1 {
            return Err(Error::config("width = 0", "a layer needs at least 1 node"));
        }
        let nodes = (self.middle_layers.checked_mul(self.width)).and_then(|n| n.checked_add(2));
        match nodes {
            Some(nodes) if nodes as u64 <= u64::from(self.names) => {}
            _ => {
                let needed = nodes.map_or("too many".to_string(), |n| n.to_string());
                let (layers, width) = (self.middle_layers, self.width);
                return Err(Error::config(
                    format!("names = {}", self.names),
                    format!(
                        "{layers} layers of {width} nodes, the source and the target need {needed} \
                         distinct names"
                    ),
                ));
            }
        }
        if self.names > MAX_NAMES {
            return Err(Error::config(
                format!("names = {}", self.names),
                format!("at most {MAX_NAMES} are supported"),
            ));
        }
        Ok(())
    }

    fn validate_branching(&self, field: &str, branching: usize) -> Result<()> {
        let place = format!("{field} = {branching}");
        if branching > self.middle_layers {
            let layers = self.middle_layers;
            return Err(Error::config(
                place,
                format!("only {layers} layers (middle_layers) can branch"),
            ));
        }
        if branching > 0 && self.width < 2 {
            return Err(Error::config(
                place,
                format!("a branching layer needs width >= 2, not {}", self.width),
            ));
        }
        Ok(())
    }

    /// A label that is the same for every graph would leave G1 or G2 without prompts.
    fn validate_label(&self, branching: usize, label: Label) -> Result<()> {
        if label == Label::Drawn {
            return Ok(());
        }
        let odd = distribution::xor_probability(self, branching);
        if !(1e-9..=1.0 - 1e-9).contains(&odd) {
            return Err(Error::config(
                "label = hidden-xor",
                format!(
                    "with branching = {branching} and width = {} every graph has label {odd:.0}; \
                     widen the layers or take label = drawn",
                    self.width
                ),
            ));
        }
        Ok(())
    }
}
