//! `--trainer-state`: validation losses beside coverage.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use breadth_analysis::{Losses, Trained};
use breadth_data::TrainerState;

/// Where the validation losses stand.
#[derive(Debug, Default, clap::Args)]
pub struct LossChoice {
    /// Also the validation loss of every checkpoint, from Hugging Face's trainer_state.json or a
    /// folder with one; models are matched by the step that ends their names
    #[arg(long, value_name = "PATH")]
    trainer_state: Option<PathBuf>,
    /// With --trainer-state of a run with several evaluation sets: whose loss is meant
    /// (eval_math_loss, or math)
    #[arg(long, value_name = "NAME", requires = "trainer_state")]
    loss: Option<String>,
}

impl LossChoice {
    pub fn is_asked(&self) -> bool {
        self.trainer_state.is_some()
    }

    /// The file or folder, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.trainer_state.as_deref()
    }

    /// The losses, if they were asked for; some of the models must have one.
    pub fn read<'a>(&self, models: impl IntoIterator<Item = &'a str>) -> Result<Option<Losses>> {
        let Some(path) = &self.trainer_state else {
            return Ok(None);
        };
        let state = TrainerState::read(path, self.loss.as_deref()).context("--trainer-state")?;
        match Losses::of_models(state, models) {
            Some(losses) => Ok(Some(losses)),
            None => bail!(
                "--trainer-state {}: no model of the table is a checkpoint with a loss there; \
                 their names must end in the step, such as checkpoint-500 or step-500",
                path.display()
            ),
        }
    }
}

/// A loss as a table shows it.
pub fn cell(trained: Option<Trained>) -> String {
    let loss = trained.and_then(|one| one.eval_loss);
    loss.map_or("-".to_owned(), |loss| format!("{:.4}", loss.0))
}
