//! The teacher of a distillation: a checkpoint, or a model behind servers.

use std::path::PathBuf;

use super::batch::Pair;
use super::config::TrainConfig;
use super::source::Source;
use super::teacher_distribution::TeacherDistribution;
use crate::decode::sample;
use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence};
use crate::model::{Checkpoint, Fingerprint};
use crate::server::{Address, Limits, Server};

/// Likeliest tokens of each log_p that a server is asked for: what vLLM gives unless it is told
/// otherwise.
const TOP: usize = 20;
/// Prompts that the probe of a server may choose from.
const PROBED: usize = 64;

/// Who is followed.
pub(super) enum Teacher {
    /// A checkpoint, and its files as they were when it was read.
    Checkpoint(Box<Checkpoint>, Fingerprint),
    /// A model behind servers, and how many of the likeliest tokens of each log_p it is asked for.
    Server(Box<Server>, usize),
}

impl Teacher {
    /// Reads the checkpoint, or opens the servers and probes them.
    ///
    /// # Errors
    /// If there is none such, it does not speak the student's tokens, or a server's numbers cannot
    /// be trusted.
    pub(super) fn open(
        config: &TrainConfig,
        student: &Checkpoint,
        source: &Source,
    ) -> Result<Option<Self>> {
        let Some(name) = &config.objective.teacher else {
            return Ok(None);
        };
        if !Address::is_one(name) {
            let files = Fingerprint::of(name.as_ref(), None)?;
            let teacher = Checkpoint::read(name.as_ref())?;
            files.check(false)?;
            check_sizes(name, &teacher, student)?;
            return Ok(Some(Self::Checkpoint(Box::new(teacher), files)));
        }
        let server = Server::open(&Address::parse(name)?, Limits::default())?;
        let examples = source.batch(config.seed, 0, PROBED);
        let prompts: Vec<Vec<u32>> = examples.into_iter().map(|(prompt, _)| prompt).collect();
        if let Some(refusal) = server.probe(&prompts)?.refusal() {
            return Err(refusal);
        }
        let top = config.objective.top.unwrap_or(TOP);
        Ok(Some(Self::Server(
            Box::new(server),
            top.min(student.config.vocab_size),
        )))
    }

    /// Hash of a checkpoint's files; of a server no more is known than its name.
    pub(super) fn hash(&self) -> Option<&str> {
        match self {
            Self::Checkpoint(_, files) => Some(files.hash()),
            Self::Server(..) => None,
        }
    }

    /// A checkpoint's files.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Checkpoint(_, files) => files.paths(),
            Self::Server(..) => Vec::new(),
        }
    }

    /// Checks that a checkpoint's files are still those that were read.
    ///
    /// # Errors
    /// If they changed.
    pub(super) fn check(&self, thorough: bool) -> Result<()> {
        match self {
            Self::Checkpoint(_, files) => files.check(thorough),
            Self::Server(..) => Ok(()),
        }
    }

    /// Its next-token distributions in the places of the responses' tokens; a server is asked for
    /// the most likely tokens only if `whole` ones are needed.
    ///
    /// # Errors
    /// If a server fails, or names a token that the student lacks.
    pub(super) fn distributions(
        &self,
        sequences: &[Sequence],
        vocab_size: usize,
        whole: bool,
    ) -> Result<TeacherDistribution<'_>> {
        let (server, top) = match self {
            Self::Checkpoint(teacher, _) => return Ok(TeacherDistribution::Checkpoint(teacher)),
            Self::Server(server, top) => (server, if whole { *top } else { 0 }),
        };
        let name = |i: usize| format!("sequence {} of the batch", i + 1);
        let told = server.next_token_distributions(sequences, top, &name, &mut |_| {})?;
        let tokens = told.iter().flatten().flat_map(|step| &step.top);
        match tokens.map(|(token, _)| *token).max() {
            Some(token) if token as usize >= vocab_size => {
                let message = format!(
                    "names token {token}, and the student's vocabulary is {vocab_size}; a teacher \
                     needs the same one"
                );
                Err(Error::server(server.address().to_string(), message))
            }
            _ => Ok(TeacherDistribution::TopK(told)),
        }
    }

    /// One response to each prompt, no longer than the longest of `pairs`.
    ///
    /// # Errors
    /// If a prompt is impossible, or a server fails.
    pub(super) fn respond(
        &self,
        pairs: &[Pair],
        seed: u64,
        first_prompt: u64,
    ) -> Result<Vec<Vec<Sample>>> {
        let prompts: Vec<&[u32]> = pairs.iter().map(|(prompt, _)| &prompt[..]).collect();
        let longest = pairs.iter().map(|(_, response)| response.len()).max();
        let sampling = Sampling {
            max_tokens: longest.unwrap_or(1),
            seed,
            first_prompt,
            ..Sampling::default()
        };
        match self {
            Self::Checkpoint(teacher, _) => sample(teacher, &prompts, &sampling),
            Self::Server(server, _) => {
                let name = |i: usize| format!("prompt {} of the batch", i + 1);
                server.sample(&prompts, &sampling, &name, &mut |_| {})
            }
        }
    }
}

/// A teacher must speak the student's tokens.
fn check_sizes(folder: &str, teacher: &Checkpoint, student: &Checkpoint) -> Result<()> {
    let [own, others] = [&student.config, &teacher.config];
    if own.vocab_size == others.vocab_size
        && others.max_position_embeddings >= own.max_position_embeddings
    {
        return Ok(());
    }
    let message = format!(
        "has a vocabulary of {} and {} positions, the student {} and {}; a teacher needs the same \
         vocabulary and as many positions",
        others.vocab_size,
        others.max_position_embeddings,
        own.vocab_size,
        own.max_position_embeddings
    );
    Err(Error::checkpoint(folder.as_ref(), message))
}
