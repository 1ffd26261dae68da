//! The flags that say how prompts and responses become token ids.

use std::path::Path;

use anyhow::{Result, bail};
use breadth_lm::job::Finished;
use breadth_lm::text::{
    Account, Boundary, Cut, DataOptions, EndToken, Generation, Responses, Side,
};

use crate::output::Output;

/// What `score` and `sample` ask of their data.
#[derive(Debug, clap::Args)]
pub struct DataFlags {
    /// Which responses get the model's end token if they lack it: auto (those given as text),
    /// always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = word::<EndToken>)]
    end_token: EndToken,
    /// Whether prompt and response are tokenised apart (separate) or in one piece (joint)
    #[arg(long, value_name = "HOW", default_value = "separate", value_parser = word::<Boundary>)]
    boundary: Boundary,
    /// Longest prompt with its response in tokens; longer ones are an error unless --truncate
    /// [default: what the model takes]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(2..))]
    max_length: Option<u32>,
    /// Cut longer prompts at this end: left or right; responses are never cut
    #[arg(long, value_name = "SIDE", value_parser = word::<Side>)]
    truncate: Option<Side>,
}

/// A word of a closed choice.
fn word<T: std::str::FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

impl DataFlags {
    /// The options for data of a model in this folder, of an adapter on this base; so many tokens are to be drawn after each
    /// prompt, or none if responses are given.
    pub fn options(&self, folder: &Path, base: Option<&Path>, drawn: usize) -> Result<DataOptions> {
        let responses = if drawn > 0 {
            Responses::Optional
        } else {
            Responses::Required
        };
        Ok(DataOptions {
            responses,
            end_token: self.end_token,
            boundary: self.boundary,
            cut: self.cut(folder, base, drawn)?,
            one_prompt_per_id: false,
        })
    }

    /// Whether the length of a prompt with its response has a limit of its own.
    pub fn has_limit(&self) -> bool {
        self.max_length.is_some() || self.truncate.is_some()
    }

    fn cut(&self, folder: &Path, base: Option<&Path>, reserve: usize) -> Result<Option<Cut>> {
        let max_length = match (self.max_length, self.truncate) {
            (Some(max_length), _) => max_length as usize,
            (None, None) => return Ok(None),
            (None, Some(side)) => match Generation::read_on(folder, base)?.positions {
                // The last token is only ever predicted.
                Some(positions) => positions + 1,
                None => bail!(
                    "--truncate {side}: {}/config.json does not say how long a sequence may be; \
                     say --max-length T",
                    folder.display()
                ),
            },
        };
        Ok(Some(Cut {
            max_length,
            reserve,
            side: self.truncate,
        }))
    }
}

/// Shows what a person should see of a job that is done.
pub fn warn_finished(finished: &Finished, output: &Output) {
    if let Some(warning) = &finished.warning {
        output.remark(&format!("warning: {warning}"));
    }
}

/// Shows what a person should see before the work begins.
pub fn warn(account: &Account, output: &Output) {
    for warning in account.warnings() {
        output.remark(&format!("warning: {warning}"));
    }
}
