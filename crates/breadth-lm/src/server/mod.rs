//! Models behind servers: vLLM, SGLang, llama.cpp, and others that name token ids.
//!
//! Token ids go out and log-probabilities come back, so that no server tokenizes anything: the boundary between prompt and response is ours.
//! Everything that a reply says about itself is checked (ids, counts, the null of the first token), and before the first score [`Server::probe`]
//! compares a server's scores with what it generates. What is off is an error that says what was seen.
//!
//! Requests run on plain threads. What comes out depends on the data and the servers, not on the order of the answers: results are kept by
//! number, a failed request is repeated after a pause from a named random stream, and the share of a server that fell silent goes to the
//! others. A server itself may round differently in different batches; the probe measures that.

mod address;
mod completions;
mod generate;
mod http;
mod line;
mod llama_cpp;
mod open;
mod pool;
mod probe;
mod reply;
mod report;
mod sglang;

use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use address::{Address, ServerKind};
pub use generate::TokenLogProb;
pub use report::{Check, HostReport, Report, Verdict};

use completions::Form;
use generate::Generation;
use http::{Attempt, Failure};
use line::{Host, Limit, Line};

use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence};
use crate::rng;

/// Responses in one request for samples.
const SAMPLES: usize = 32;

/// How hard servers are worked, and how long they are waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Requests under way at once, on each server.
    pub concurrency: usize,
    /// Sequences in one request for scores.
    pub batch: usize,
    /// Longest time from a request to the end of its reply.
    pub timeout: Duration,
    /// Attempts at a request that fails in passing: status 429 or 5xx, a reset connection, a time-out, a body that breaks off.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each, and is stretched by a random factor between 1/2 and 3/2.
    pub back_off: Duration,
    /// Longest pause, a server's `Retry-After` included: one that asks for more is not waited for.
    pub longest_wait: Duration,
    /// Seed of the pauses.
    pub seed: u64,
    /// Largest difference in nats, per token, between two numbers that should be equal.
    pub tolerance: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 16,
            batch: 4,
            timeout: Duration::from_secs(300),
            attempts: 8,
            back_off: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            seed: 0,
            tolerance: 0.05,
        }
    }
}

/// One model, on one server or several.
#[derive(Debug)]
pub struct Server {
    address: Address,
    kind: ServerKind,
    software: String,
    hosts: Vec<Host>,
    limits: Limits,
    form: OnceLock<Form>,
}

impl Server {
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

    /// `log q(y_h | x, y_<h)` of every response token, in nats: one list per sequence. A token that cannot follow has `-inf`.
    ///
    /// `name` says what sequence `i` is called in an error; `done` hears how many are finished.
    ///
    /// # Errors
    /// If a sequence has no prompt, a server refuses one, a reply is not what it should be, or no server answers.
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

    /// As [`Server::score`], with the `top` most likely tokens in the place of each response token: the whole
    /// next-token distribution where `top` is the vocabulary size.
    ///
    /// # Errors
    /// As [`Server::score`]; and if a server does not give that many (vLLM: `--max-logprobs`), or returns probabilities that sum to more than 1.
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

    /// Draws responses to each prompt: one list per prompt, with the log-probability of every token under the model itself. Servers differ in what
    /// they tell of tokens drawn at another temperature or from a part of the vocabulary: those responses are scored again. At temperature 0 one
    /// response is asked for.
    ///
    /// `name` says what prompt `i` is called in an error; `done` hears how many responses are finished.
    ///
    /// # Errors
    /// As [`Server::score`]; if a response neither has `max_tokens` tokens nor ends with an end token or a stop string; and if a token is none of
    /// the likeliest five or fewer to which `sampling` confines it.
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
        let samples = match sampling.temperature == 0.0 {
            true => sampling.samples.min(1),
            false => sampling.samples,
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
        match self.kind {
            ServerKind::LlamaCpp => 1,
            _ => self.limits.batch.max(1),
        }
    }

    /// Scores sequences in one request. When the server refuses it, each goes alone, so that the refusal is of one of them.
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

    fn score_together(
        &self,
        line: &Line,
        sequences: &[Sequence],
        temperature: f64,
        top: usize,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        match self.kind {
            ServerKind::Vllm | ServerKind::OpenAi => {
                let form = self.form(line, &sequences[0])?;
                completions::score(line, self.model(), form, sequences, temperature, top)
            }
            ServerKind::Sglang => sglang::score(line, sequences, temperature, top),
            ServerKind::LlamaCpp => {
                let one = |s| llama_cpp::score(line, self.model(), s, top);
                sequences.iter().map(one).collect()
            }
        }
    }

    /// The first way of asking for a prompt's log-probabilities that works.
    fn form(&self, line: &Line, sequence: &Sequence) -> Attempt<Form> {
        if let Some(&form) = self.form.get() {
            return Ok(form);
        }
        let mut said = Vec::new();
        for form in Form::ALL {
            let one = std::slice::from_ref(sequence);
            match completions::score(line, self.model(), form, one, 1.0, 0) {
                Ok(_) => return Ok(*self.form.get_or_init(|| form)),
                Err(Failure::Refused(message)) => said.push(format!("{}: {message}", form.name())),
                Err(other) => return Err(other),
            }
        }
        Err(Failure::Refused(said.join("; ")))
    }

    fn generate(&self, line: &Line, asked: &Generation) -> Attempt<Vec<Vec<TokenLogProb>>> {
        match self.kind {
            ServerKind::Vllm | ServerKind::OpenAi => {
                completions::generate(line, self.model(), asked)
            }
            ServerKind::Sglang => sglang::generate(line, asked),
            ServerKind::LlamaCpp => llama_cpp::generate(line, self.model(), asked),
        }
    }

    /// Asks those that fell silent whether they are back, with the same model. One that never answered was never probed, and stays out.
    fn revive(&self) {
        let was_probed = |host: &&Host| host.probed.load(Ordering::SeqCst);
        for host in self.hosts.iter().filter(|h| h.is_dead()).filter(was_probed) {
            let identity = open::identify(&host.client);
            let back = identity.is_ok_and(|identity| identity.models.contains(&self.address.model));
            host.dead.store(!back, Ordering::SeqCst);
        }
    }

    fn line<'a>(&'a self, host: &'a Host, limit: &'a Limit) -> Line<'a> {
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

/// Seed of a prompt's first response; that of response `k` is larger by `k`. Below 2^62, for readers of signed numbers.
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
