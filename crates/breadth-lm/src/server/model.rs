//! A model behind servers.

use std::sync::atomic::Ordering;

use super::address::Address;
use super::generate::{self, Generation, TokenLogProb};
use super::http::{Attempt, Failure};
use super::limits::Limits;
use super::line::{Host, Limit, Line};
use super::protocol::{Protocol, ServerKind};
use super::{identity, pool};
use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence};
use crate::rng;

/// Responses in one request for samples.
const SAMPLES: usize = 32;

/// One model, on one server or several.
#[derive(Debug)]
pub struct Server {
    pub(super) address: Address,
    pub(super) kind: ServerKind,
    pub(super) software: String,
    pub(super) hosts: Vec<Host>,
    pub(super) limits: Limits,
    pub(super) protocol: Box<dyn Protocol>,
}

impl Server {
    /// Lets whoever asks fail at once instead of trying again: nothing will come from it any more.
    pub(super) fn give_up(&self) {
        let hosts = self.hosts.iter();
        hosts.for_each(|host| host.given_up.store(true, Ordering::SeqCst));
    }

    /// The model's name on the servers.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.address.model
    }

    /// What it speaks.
    #[must_use]
    pub fn kind(&self) -> ServerKind {
        self.kind
    }

    /// Kind and version, as in `vllm 0.32.0`.
    #[must_use]
    pub fn software(&self) -> &str {
        &self.software
    }

    /// The address, with the model's name in it.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How far apart two of its numbers may be that should be equal, in nats per token.
    pub(crate) fn tolerance(&self) -> f64 {
        self.limits.tolerance
    }

    /// `log q(y_h | x, y_<h)` of every response token, in nats: one list per sequence. A token that
    /// cannot follow has `-inf`.
    ///
    /// `name` says what sequence `i` is called in an error; `done` hears how many are finished.
    ///
    /// # Errors
    /// If a sequence has no prompt, a server refuses one, a reply is not what it should be, or no
    /// server answers.
    pub fn score(
        &self,
        sequences: &[Sequence],
        name: &(dyn Fn(usize) -> String + Sync),
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<Vec<f32>>> {
        let scored = self.next_token_distributions(sequences, 0, name, done)?;
        let single = |steps: Vec<TokenLogProb>| steps.iter().map(|s| s.log_prob as f32).collect();
        Ok(scored.into_iter().map(single).collect())
    }

    /// As [`Server::score`], with the `top` most likely tokens in the place of each response token:
    /// the whole next-token distribution where `top` is the vocabulary size.
    ///
    /// # Errors
    /// As [`Server::score`]; and if a server does not give that many (vLLM: `--max-logprobs`), or
    /// returns probabilities that sum to more than 1.
    pub fn next_token_distributions(
        &self,
        sequences: &[Sequence],
        top: usize,
        name: &(dyn Fn(usize) -> String + Sync),
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<Vec<TokenLogProb>>> {
        if let Some(i) = sequences.iter().position(|s| s.prompt.is_empty()) {
            let message = "has an empty prompt: a server gives the first token no log-probability; put a start token there";
            return Err(Error::data(name(i), message));
        }
        let size = self.batch();
        let batches: Vec<&[Sequence]> = sequences.chunks(size).collect();
        self.revive();
        let work = |line: &Line, job: usize| {
            self.score_batch(line, batches[job], top, &|i| name(job * size + i))
        };
        let mut heard = |jobs: usize| done((jobs * size).min(sequences.len()));
        let scored = pool::share(&self.hosts, &self.limits, batches.len(), &work, &mut heard)?;
        Ok(scored.into_iter().flatten().collect())
    }

    /// Draws responses to each prompt: one list per prompt, with the log-probability of every token
    /// under the model itself. Servers differ in what they tell of tokens drawn at another
    /// temperature or from a part of the vocabulary: those responses are scored again. At
    /// temperature 0 one response is asked for.
    ///
    /// `name` says what prompt `i` is called in an error; `done` hears how many responses are
    /// finished.
    ///
    /// # Errors
    /// As [`Server::score`]; if a response neither has `max_tokens` tokens nor ends with an end
    /// token or a stop string; and if a token is none of the likeliest five or fewer to which
    /// `sampling` confines it.
    pub fn sample(
        &self,
        prompts: &[&[u32]],
        sampling: &Sampling,
        name: &(dyn Fn(usize) -> String + Sync),
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<Vec<Sample>>> {
        if let Some(i) = prompts.iter().position(|p| p.is_empty()) {
            return Err(Error::data(name(i), "the prompt has no token"));
        }
        // The likeliest response is the same every time.
        let samples = if sampling.temperature == 0.0 {
            sampling.samples.min(1)
        } else {
            sampling.samples
        };
        let starts: Vec<usize> = (0..samples).step_by(SAMPLES).collect();
        self.revive();
        let work = |line: &Line, job: usize| {
            let (prompt, start) = (job / starts.len(), starts[job % starts.len()]);
            let asked = Generation {
                prompt: prompts[prompt],
                samples: SAMPLES.min(samples - start),
                seed: seed_of(sampling, prompt) + start as u64,
                top: 0,
                sampling,
            };
            let drawn = self.draw(line, asked);
            drawn.map_err(|failure| named(failure, || name(prompt)))
        };
        let jobs = prompts.len() * starts.len();
        let total = prompts.len() * sampling.samples;
        let mut heard = |finished: usize| done(total * finished / jobs);
        let drawn = pool::share(&self.hosts, &self.limits, jobs, &work, &mut heard)?;
        let flat: Vec<Sample> = drawn.into_iter().flatten().collect();
        let each = |own: &[Sample]| own.iter().cycle().take(sampling.samples).cloned().collect();
        match samples {
            0 => Ok(vec![Vec::new(); prompts.len()]),
            samples => Ok(flat.chunks(samples).map(each).collect()),
        }
    }

    fn draw(&self, line: &Line, mut asked: Generation) -> Attempt<Vec<Sample>> {
        asked.top = asked.few().unwrap_or(0);
        let finished = |steps: Vec<TokenLogProb>| {
            asked.drawn_as_asked(&steps, self.limits.tolerance)?;
            asked.finished(steps)
        };
        let drawn = self.generate(line, &asked)?;
        let mut drawn: Vec<Vec<TokenLogProb>> =
            drawn.into_iter().map(finished).collect::<Attempt<_>>()?;
        if !asked.sampling.is_model_itself() {
            self.score_again(line, asked.prompt, &mut drawn)?;
        }
        let sample = |steps| Ok(into_sample(generate::all_possible(steps)?));
        drawn.into_iter().map(sample).collect()
    }

    /// Puts the scores of drawn tokens in the place of what was said of them when they were drawn.
    fn score_again(
        &self,
        line: &Line,
        prompt: &[u32],
        drawn: &mut [Vec<TokenLogProb>],
    ) -> Attempt<()> {
        for (i, together) in drawn.chunks_mut(self.batch()).enumerate() {
            let tokens: Vec<Vec<u32>> = together
                .iter()
                .map(|steps| steps.iter().map(|s| s.token).collect())
                .collect();
            let sequences: Vec<Sequence> = tokens
                .iter()
                .map(|response| Sequence { prompt, response })
                .collect();
            let name = |k: usize| format!("response {}, scored", i * self.batch() + k);
            let scored = self.score_batch(line, &sequences, 0, &name)?;
            for (steps, scored) in together.iter_mut().zip(scored) {
                *steps = scored;
            }
        }
        Ok(())
    }

    /// Sequences in one request for scores.
    fn batch(&self) -> usize {
        if self.protocol.forces_tokens() {
            1
        } else {
            self.limits.batch.max(1)
        }
    }

    /// Scores sequences in one request. When the server refuses it, each goes alone, so that the
    /// refusal is of one of them.
    fn score_batch(
        &self,
        line: &Line,
        sequences: &[Sequence],
        top: usize,
        name: &dyn Fn(usize) -> String,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        let checked = |steps: Vec<TokenLogProb>| match top {
            0 => Ok(steps),
            _ => steps.into_iter().map(TokenLogProb::checked).collect(),
        };
        let scored = self.score_together(line, sequences, 1.0, top);
        match scored.and_then(|lists| lists.into_iter().map(checked).collect()) {
            Err(Failure::Refused(_)) if sequences.len() > 1 => {
                let alone = |(i, s): (usize, &Sequence)| {
                    self.score_batch(line, std::slice::from_ref(s), top, &|_| name(i))
                };
                let lists: Vec<_> = sequences
                    .iter()
                    .enumerate()
                    .map(alone)
                    .collect::<Attempt<_>>()?;
                Ok(lists.into_iter().flatten().collect())
            }
            other => other.map_err(|failure| named(failure, || name(0))),
        }
    }

    pub(super) fn score_together(
        &self,
        line: &Line,
        sequences: &[Sequence],
        temperature: f64,
        top: usize,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        self.protocol
            .score(line, self.model(), sequences, temperature, top)
    }

    pub(super) fn generate(
        &self,
        line: &Line,
        asked: &Generation,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        self.protocol.generate(line, self.model(), asked)
    }

    /// Asks those that fell silent whether they are back, with the same model. One that never
    /// answered was never probed, and stays out.
    fn revive(&self) {
        let was_probed = |host: &&Host| host.probed.load(Ordering::SeqCst);
        for host in self.hosts.iter().filter(|h| h.is_dead()).filter(was_probed) {
            let identity = identity::identify(&host.client);
            let back = identity.is_ok_and(|identity| identity.models.contains(&self.address.model));
            host.dead.store(!back, Ordering::SeqCst);
        }
    }

    pub(super) fn line<'a>(&'a self, host: &'a Host, limit: &'a Limit) -> Line<'a> {
        Line {
            host,
            limits: &self.limits,
            limit,
            job: 0,
        }
    }
}

/// Says what a refusal is about.
fn named(failure: Failure, name: impl Fn() -> String) -> Failure {
    match failure {
        Failure::Refused(message) => Failure::Refused(format!("{}: {message}", name())),
        other => other,
    }
}

/// Seed of a prompt's first response; that of response `k` is larger by `k`. Below 2^62, for
/// readers of signed numbers.
fn seed_of(sampling: &Sampling, prompt: usize) -> u64 {
    let number = sampling.first_prompt + prompt as u64;
    rng::below(
        &mut rng::stream(sampling.seed, "server/sample", number),
        1 << 62,
    )
}

fn into_sample(steps: Vec<TokenLogProb>) -> Sample {
    Sample {
        tokens: steps.iter().map(|s| s.token).collect(),
        log_probs: steps.iter().map(|s| s.log_prob as f32).collect(),
    }
}
