//! The teacher of a distillation: a checkpoint, or a model behind servers.

use super::Trainer;
use super::config::TrainConfig;
use super::source::{Pair, Source};
use crate::decode::sample;
use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence};
use crate::model::Checkpoint;
use crate::server::{Address, Limits, Server, TokenLogProb};

/// Likeliest tokens of each log_p that a server is asked for: what vLLM gives unless it is told otherwise.
const TOP: usize = 20;
/// Prompts that the probe of a server may choose from.
const PROBED: usize = 64;

/// Who is followed.
pub(super) enum Teacher {
    /// A checkpoint in memory.
    Checkpoint(Box<Checkpoint>),
    /// A model behind servers, and how many of the likeliest tokens of each log_p it is asked for.
    Server(Box<Server>, usize),
}

/// A teacher's next-token distributions over a batch: one entry per sequence.
pub(super) enum TeacherDistribution<'a> {
    /// Whole distributions, by running the checkpoint.
    Checkpoint(&'a Checkpoint),
    /// The response's tokens and the most likely ones in their places.
    TopK(Vec<Vec<TokenLogProb>>),
}

impl Teacher {
    /// Reads the checkpoint, or opens the servers and probes them.
    ///
    /// # Errors
    /// If there is none such, it does not speak the student's tokens, or a server's numbers cannot be trusted.
    pub(super) fn open(
        config: &TrainConfig,
        student: &Checkpoint,
        source: &Source,
    ) -> Result<Option<Self>> {
        let Some(name) = &config.objective.teacher else {
            return Ok(None);
        };
        if !Address::is_one(name) {
            let teacher = Checkpoint::read(name.as_ref())?;
            check_sizes(name, &teacher, student)?;
            return Ok(Some(Self::Checkpoint(Box::new(teacher))));
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

    /// Its next-token distributions in the places of the responses' tokens; a server is asked for the
    /// most likely tokens only if `whole` ones are needed.
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
            Self::Checkpoint(teacher) => return Ok(TeacherDistribution::Checkpoint(teacher)),
            Self::Server(server, top) => (server, if whole { *top } else { 0 }),
        };
        let name = |i: usize| format!("sequence {} of the batch", i + 1);
        let told = server.next_token_distributions(sequences, top, &name, &mut |_| {})?;
        let tokens = told.iter().flatten().flat_map(|step| &step.top);
        match tokens.map(|(token, _)| *token).max() {
            Some(token) if token as usize >= vocab_size => {
                let message = format!(
                    "names token {token}, and the student's vocabulary is {vocab_size}; a teacher needs the same one"
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
    fn respond(&self, pairs: &[Pair], seed: u64, first_prompt: u64) -> Result<Vec<Vec<Sample>>> {
        let prompts: Vec<&[u32]> = pairs.iter().map(|(prompt, _)| &prompt[..]).collect();
        let longest = pairs.iter().map(|(_, response)| response.len()).max();
        let sampling = Sampling {
            max_tokens: longest.unwrap_or(1),
            seed,
            first_prompt,
            ..Sampling::default()
        };
        match self {
            Self::Checkpoint(teacher) => sample(teacher, &prompts, &sampling),
            Self::Server(server, _) => {
                let name = |i: usize| format!("prompt {} of the batch", i + 1);
                server.sample(&prompts, &sampling, &name, &mut |_| {})
            }
        }
    }
}

impl Trainer<'_> {
    /// The same prompts with responses of the teacher.
    pub(super) fn written_by(&self, teacher: &Teacher, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
        let seed = self.config.seed.wrapping_add(0x7465);
        let drawn = teacher.respond(&pairs, seed, self.step * pairs.len() as u64)?;
        let written = pairs
            .into_iter()
            .zip(drawn)
            .map(|((prompt, _), mut drawn)| {
                let response = drawn.pop().expect("one response per prompt").tokens;
                (prompt, response)
            });
        Ok(written.collect())
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
        "has a vocabulary of {} and {} positions, the student {} and {}; a teacher needs the same vocabulary and as many positions",
        others.vocab_size,
        others.max_position_embeddings,
        own.vocab_size,
        own.max_position_embeddings
    );
    Err(Error::checkpoint(folder.as_ref(), message))
}

/// A whole distribution (log-probabilities, by token) from the most likely tokens that a server
/// reports: they keep its log-probabilities, and all others share the remaining mass in proportion
/// to the student's probabilities.
///
/// The KL to the student is then the KL of the two distributions with all unreported tokens merged
/// into one, a lower bound on the whole KL (data-processing inequality), gradient included:
/// `sum_named p log(p/q) + p_rest log(p_rest/q_rest)`.
pub(super) fn fill_tail_from_student(told: &TokenLogProb, log_q: &[f32]) -> Vec<f32> {
    let mut log_p = vec![f32::NAN; log_q.len()];
    log_p[told.token as usize] = told.log_prob as f32;
    for &(token, log_prob) in &told.top {
        log_p[token as usize] = log_prob as f32;
    }
    let (mut named, mut rest) = (0.0, 0.0);
    for (&log_p, &log_q) in log_p.iter().zip(log_q) {
        match log_p.is_nan() {
            true => rest += f64::from(log_q).exp(),
            false => named += f64::from(log_p).exp(),
        }
    }
    // -inf where the reported tokens hold all the mass.
    let shift = (1.0 - named).max(0.0).ln() - rest.ln();
    for (log_p, &log_q) in log_p.iter_mut().zip(log_q) {
        if log_p.is_nan() {
            *log_p = (f64::from(log_q) + shift) as f32;
        }
    }
    log_p
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(values: &[f64]) -> Vec<f32> {
        values.iter().map(|v| v.ln() as f32).collect()
    }

    fn told(token: u32, probability: f64, top: &[(u32, f64)]) -> TokenLogProb {
        TokenLogProb {
            token,
            log_prob: probability.ln(),
            top: top.iter().map(|&(id, p)| (id, p.ln())).collect(),
        }
    }

    fn assert_near(log_p: &[f32], right: &[f64]) {
        for (v, right) in log_p.iter().zip(right) {
            assert!((f64::from(*v).exp() - right).abs() < 1e-6, "{log_p:?}");
        }
    }

    #[test]
    fn what_is_not_named_is_shared_as_the_student_does() {
        let q = logs(&[0.1, 0.2, 0.3, 0.4]);
        // Token 1 has 0.6 and token 3 has 0.1; the other 0.3 goes 1 : 3.
        let log_p = fill_tail_from_student(&told(3, 0.1, &[(1, 0.6)]), &q);
        assert_near(&log_p, &[0.075, 0.6, 0.225, 0.1]);
        // The token may be among the likeliest.
        assert_eq!(
            log_p,
            fill_tail_from_student(&told(3, 0.1, &[(3, 0.1), (1, 0.6)]), &q)
        );
        // An impossible token is named with probability 0.
        let log_p = fill_tail_from_student(&told(3, 0.0, &[(1, 0.6)]), &q);
        assert_near(&log_p, &[0.1, 0.6, 0.3, 0.0]);
    }

    #[test]
    fn a_whole_distribution_is_taken_as_it_is() {
        let q = logs(&[0.1, 0.9]);
        assert_near(
            &fill_tail_from_student(&told(0, 0.7, &[(1, 0.3)]), &q),
            &[0.7, 0.3],
        );
        // Rounding above 1 leaves nothing for the others.
        let q = logs(&[0.1, 0.5, 0.4]);
        let log_p = fill_tail_from_student(&told(0, 0.7, &[(1, 0.300_001)]), &q);
        assert_eq!(log_p[2], f32::NEG_INFINITY);
    }
}
