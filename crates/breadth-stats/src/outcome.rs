//! What the samples of one prompt gave.

use crate::error::{Error, Result};

/// What the samples of one prompt gave.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptOutcome {
    /// c correct samples among n.
    Counts {
        /// Number of samples.
        n: u64,
        /// Number of correct ones.
        c: u64,
    },
    /// One reward in [0, 1] per sample.
    Rewards(Vec<f64>),
}

impl PromptOutcome {
    /// Number of samples.
    pub fn samples(&self) -> u64 {
        match self {
            PromptOutcome::Counts { n, .. } => *n,
            PromptOutcome::Rewards(rewards) => rewards.len() as u64,
        }
    }
}

/// Samples and correct ones of every prompt; rewards must be 0 or 1.
pub(crate) fn binary_counts(prompts: &[PromptOutcome]) -> Result<Vec<(u64, u64)>> {
    let counts = |prompt: &PromptOutcome| match prompt {
        PromptOutcome::Counts { n, c } if c > n => Err(Error::InvalidCounts {
            samples: *n,
            correct: *c,
        }),
        PromptOutcome::Counts { n, c } => Ok((*n, *c)),
        PromptOutcome::Rewards(rewards) => {
            if let Some(index) = rewards.iter().position(|&r| r != 0.0 && r != 1.0) {
                return Err(Error::NotBinary {
                    index,
                    value: rewards[index],
                });
            }
            let correct = rewards.iter().filter(|&&r| r == 1.0).count();
            Ok((rewards.len() as u64, correct as u64))
        }
    };
    each_prompt(prompts, counts)
}

/// A value for each prompt; an error names the prompt.
pub(crate) fn each_prompt<Value>(
    prompts: &[PromptOutcome],
    value: impl Fn(&PromptOutcome) -> Result<Value>,
) -> Result<Vec<Value>> {
    let named = |(index, prompt): (usize, &PromptOutcome)| {
        value(prompt).map_err(|source| Error::Prompt {
            index,
            source: Box::new(source),
        })
    };
    prompts.iter().enumerate().map(named).collect()
}
