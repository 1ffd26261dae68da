//! Whether a server's log-probabilities can be trusted, measured.
//!
//! The trick: a server that generates a token says how likely the token was. The same token, put
//! behind the same prompt and scored as part of it, must get the same number. An entry that belongs
//! to its neighbour, a prompt that was tokenized again or a temperature that was divided by all
//! show as a difference.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::generate::{Generation, TOLD, TokenLogProb};
use super::http::{Attempt, Failure};
use super::line::{Host, Limit, Line};
use super::model::Server;
use super::report::{Check, HostReport, Report, Verdict};
use crate::error::{Error, Result};
use crate::generation::{Sampling, Sequence};

/// Prompts that are tried.
const CONTEXTS: usize = 3;
/// Tokens of a prompt that are used.
const LONGEST: usize = 64;
/// Tokens generated behind each.
const STEPS: usize = 6;
/// A temperature that would halve or double every logit.
const OTHER_TEMPERATURE: f64 = 0.5;
/// What is tokenized when no prompts are given.
const TEXTS: [&str; CONTEXTS] = [
    "The quick brown fox",
    "In the year 1905, Albert",
    "def main():\n    return",
];

impl Server {
    /// Measures every server of the pool. `prompts` are token ids that the model knows, the data's
    /// first prompts say; without any, texts are tokenized by the server, or small ids are used.
    ///
    /// # Errors
    /// If no server answers. A server that answers wrongly is a failed check, not an error.
    pub fn probe(&self, prompts: &[Vec<u32>]) -> Result<Report> {
        let mut hosts = Vec::new();
        let mut scores: Vec<(String, Vec<f64>)> = Vec::new();
        for host in self.hosts.iter().filter(|host| !host.is_dead()) {
            let limit = Limit::none();
            let line = self.line(host, &limit);
            let contexts = self.contexts(&line, prompts);
            let probe = Probe {
                server: self,
                line: &line,
                contexts: &contexts,
            };
            let mut checks = Checks::default();
            match probe.run(&mut checks) {
                Ok(list) => checks.pool(self.limits.tolerance, host, list, &mut scores),
                Err(Failure::Refused(message)) => checks.rest(&message),
                Err(Failure::Passing { reason, .. }) => {
                    return Err(Error::server(host.client.host(), reason));
                }
                Err(Failure::Stopped) => {}
            }
            host.probed.store(true, Ordering::SeqCst);
            hosts.push(HostReport {
                host: host.client.host().into(),
                checks: checks.0,
            });
        }
        let trusted = !hosts
            .iter()
            .flat_map(|h| &h.checks)
            .any(Check::speaks_against);
        Ok(Report {
            address: self.address.to_string(),
            software: self.software.clone(),
            model: self.address.model.clone(),
            trusted,
            hosts,
        })
    }

    fn contexts(&self, line: &Line, prompts: &[Vec<u32>]) -> Vec<Vec<u32>> {
        let cut = |ids: &[u32]| ids[..ids.len().min(LONGEST)].to_vec();
        let mut found: Vec<Vec<u32>> = Vec::new();
        for prompt in prompts.iter().filter(|p| !p.is_empty()).map(|p| cut(p)) {
            if found.len() < CONTEXTS && !found.contains(&prompt) {
                found.push(prompt);
            }
        }
        let texts = TEXTS.iter().filter(|_| found.is_empty());
        let tokenized: Vec<Vec<u32>> = texts.filter_map(|t| self.tokenize(line, t)).collect();
        found.extend(
            tokenized
                .into_iter()
                .filter(|ids| !ids.is_empty())
                .map(|ids| cut(&ids)),
        );
        if found.is_empty() {
            vec![vec![1, 2, 3], vec![3, 1, 4, 1], vec![2, 4]]
        } else {
            found
        }
    }

    /// The server's own `/tokenize`, where it has one.
    fn tokenize(&self, line: &Line, text: &str) -> Option<Vec<u32>> {
        let body = self.protocol.tokenize(self.model(), text);
        let reply = line.host.client.post("/tokenize", &body).ok()?;
        let id = |v: &Value| u32::try_from(v.as_u64()?).ok();
        reply.get("tokens")?.as_array()?.iter().map(id).collect()
    }
}

/// Checks as they are made.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, name: &'static str, verdict: Verdict, measured: String) {
        self.0.push(Check {
            name,
            verdict,
            measured,
            needed: name != "sampling",
        });
    }

    /// A difference, and what it is a difference of.
    fn compare(&mut self, name: &'static str, difference: f64, tolerance: f64, of: &str) {
        let verdict = if difference <= tolerance {
            Verdict::Pass
        } else {
            Verdict::Fail
        };
        self.add(
            name,
            verdict,
            format!("{of} differ by {difference:.1e} nats at most"),
        );
    }

    /// A refusal in the middle: the first check not made yet failed by it.
    fn rest(&mut self, message: &str) {
        const ORDER: [&str; 7] = [
            "echo", "boundary", "shift", "infinity", "batch", "raw", "sampling",
        ];
        let made = |name: &&str| self.0.iter().any(|c| c.name == *name);
        let left: Vec<&'static str> = ORDER.into_iter().filter(|name| !made(name)).collect();
        for (i, name) in left.into_iter().enumerate() {
            match i {
                0 => self.add(name, Verdict::Fail, message.to_owned()),
                _ => self.add(name, Verdict::CannotTell, "not reached".into()),
            }
        }
    }

    /// Whether this server agrees with those before it.
    fn pool(
        &mut self,
        tolerance: f64,
        host: &Host,
        list: Vec<f64>,
        scores: &mut Vec<(String, Vec<f64>)>,
    ) {
        if let Some((first, theirs)) = scores.first() {
            let of = format!("scores of {first} and of this server");
            self.compare("pool", furthest(theirs, &list), tolerance, &of);
        }
        scores.push((host.client.host().into(), list));
    }
}

/// A server under test.
struct Probe<'a> {
    server: &'a Server,
    line: &'a Line<'a>,
    contexts: &'a [Vec<u32>],
}

/// A prompt, what was generated behind it, and the scores of everything behind its first token.
struct Trial {
    tokens: Vec<u32>,
    context: usize,
    steps: Vec<TokenLogProb>,
    scores: Vec<f64>,
}

impl Probe<'_> {
    /// Makes the checks; gives scores that are the same on every server of one model.
    fn run(&self, checks: &mut Checks) -> Attempt<Vec<f64>> {
        let tolerance = self.server.limits.tolerance;
        let fixed = self
            .contexts
            .iter()
            .map(|c| self.closed(c))
            .collect::<Attempt<Vec<_>>>()?;
        checks.add("echo", Verdict::Pass, self.described(&fixed[0]));
        let trials: Vec<Trial> = self
            .contexts
            .iter()
            .map(|c| self.trial(c))
            .collect::<Attempt<_>>()?;
        self.boundary(&trials, checks)?;
        shift(&trials, tolerance, checks);
        infinity(&trials, checks);
        let scores: Vec<f64> = trials.iter().flat_map(|t| t.scores.clone()).collect();
        let difference = furthest(&self.together(&trials)?, &scores);
        checks.compare(
            "batch",
            difference,
            tolerance,
            "scores alone and in a batch",
        );
        let sampling = self.sampling(&trials[0])?;
        // Forced tokens carry the same numbers as generated ones.
        let difference = if self.server.protocol.forces_tokens() {
            sampling
        } else {
            let sequence = trials[0].sequence();
            let cold = self.score(&[sequence], OTHER_TEMPERATURE)?;
            furthest(&cold[0], &trials[0].scores)
        };
        let of = "scores at temperature 1 and 0.5";
        checks.compare("raw", difference, tolerance, of);
        let of = "generated log-probabilities at temperature 1 (others are scored again) and 0.5";
        checks.compare("sampling", sampling, tolerance, of);
        Ok(fixed.concat())
    }

    fn score(&self, sequences: &[Sequence], temperature: f64) -> Attempt<Vec<Vec<f64>>> {
        let lists = self
            .server
            .score_together(self.line, sequences, temperature, 0)?;
        let values = |steps: &Vec<TokenLogProb>| steps.iter().map(|s| s.log_prob).collect();
        Ok(lists.iter().map(values).collect())
    }

    /// Scores of a prompt with its first token once more at the end, so that there is something to
    /// score.
    fn closed(&self, context: &[u32]) -> Attempt<Vec<f64>> {
        let tokens = [context, &context[..1]].concat();
        let sequence = Sequence {
            prompt: &tokens[..1],
            response: &tokens[1..],
        };
        Ok(self.score(&[sequence], 1.0)?.concat())
    }

    fn described(&self, scores: &[f64]) -> String {
        let way = self.server.protocol.way();
        format!(
            "{way}: {} entries for {} tokens, ids as sent",
            scores.len(),
            scores.len() + 1
        )
    }

    fn trial(&self, context: &[u32]) -> Attempt<Trial> {
        let steps = self.generate(context, STEPS, 1.0)?;
        let generated = steps.iter().map(|s| s.token);
        let tokens: Vec<u32> = context.iter().copied().chain(generated).collect();
        let mut trial = Trial {
            tokens,
            context: context.len(),
            steps,
            scores: Vec::new(),
        };
        trial.scores = self.score(&[trial.sequence()], 1.0)?.concat();
        Ok(trial)
    }

    fn generate(
        &self,
        prompt: &[u32],
        max_tokens: usize,
        temperature: f64,
    ) -> Attempt<Vec<TokenLogProb>> {
        let sampling = Sampling {
            max_tokens,
            temperature,
            ..Sampling::default()
        };
        let asked = Generation {
            prompt,
            samples: 1,
            seed: 1,
            top: TOLD,
            sampling: &sampling,
        };
        let steps = self.server.generate(self.line, &asked)?.concat();
        if steps.is_empty() {
            Err(Failure::Refused("generated no token".into()))
        } else {
            Ok(steps)
        }
    }

    /// The first token behind the prompt, and the likeliest ones in its place: generated against
    /// scored.
    fn boundary(&self, trials: &[Trial], checks: &mut Checks) -> Attempt<()> {
        let of_trial = |t: &Trial| (t.scores[t.context - 1], t.steps[0].log_prob);
        let (mut scored, mut generated): (Vec<f64>, Vec<f64>) = trials.iter().map(of_trial).unzip();
        let first = &trials[0];
        for &(token, log_prob) in &first.steps[0].top {
            let sequence = Sequence {
                prompt: &first.tokens[..first.context],
                response: &[token],
            };
            scored.extend(self.score(&[sequence], 1.0)?.concat());
            generated.push(log_prob);
        }
        let of = format!(
            "{} tokens generated behind a prompt and scored there",
            scored.len()
        );
        let tolerance = self.server.limits.tolerance;
        checks.compare("boundary", furthest(&scored, &generated), tolerance, &of);
        Ok(())
    }

    /// The scores of all trials, in one request or at the same time.
    fn together(&self, trials: &[Trial]) -> Attempt<Vec<f64>> {
        if !self.server.protocol.forces_tokens() {
            let sequences: Vec<Sequence> = trials.iter().map(Trial::sequence).collect();
            return Ok(self.score(&sequences, 1.0)?.concat());
        }
        let lists: Vec<Attempt<Vec<Vec<f64>>>> = std::thread::scope(|scope| {
            let spawn = |t| scope.spawn(move || self.score(&[Trial::sequence(t)], 1.0));
            let running: Vec<_> = trials.iter().map(spawn).collect();
            running
                .into_iter()
                .map(|t| t.join().expect("scoring does not panic"))
                .collect()
        });
        let lists = lists.into_iter().collect::<Attempt<Vec<_>>>()?;
        Ok(lists.concat().concat())
    }

    /// How far the likeliest tokens' log-probabilities move with the temperature.
    fn sampling(&self, trial: &Trial) -> Attempt<f64> {
        let cold = self.generate(&trial.tokens[..trial.context], 1, OTHER_TEMPERATURE)?;
        let warm = &trial.steps[0].top;
        let pairs = cold[0].top.iter().filter_map(|(id, cold)| {
            let (_, warm) = warm.iter().find(|(other, _)| other == id)?;
            Some((*cold, *warm))
        });
        let (cold, warm): (Vec<f64>, Vec<f64>) = pairs.unzip();
        if cold.is_empty() {
            Err(Failure::Refused(
                "gives no top log-probabilities of generated tokens".into(),
            ))
        } else {
            Ok(furthest(&cold, &warm))
        }
    }
}

impl Trial {
    fn sequence(&self) -> Sequence<'_> {
        Sequence {
            prompt: &self.tokens[..1],
            response: &self.tokens[1..],
        }
    }
}

/// Which neighbour's scores fit the generated log-probabilities best.
fn shift(trials: &[Trial], tolerance: f64, checks: &mut Checks) {
    let difference = |by: isize| {
        let of_trial = |t: &Trial| {
            let each = t.steps.iter().enumerate().filter_map(move |(i, step)| {
                let at = (t.context - 1 + i).checked_add_signed(by)?;
                Some(apart(*t.scores.get(at)?, step.log_prob))
            });
            each.fold(0.0, f64::max)
        };
        trials.iter().map(of_trial).fold(0.0, f64::max)
    };
    let [before, none, after] = [-1, 0, 1].map(difference);
    let measured = format!(
        "scores against generated log-probabilities: {none:.1e} nats apart in place, {before:.1e} \
         one token earlier, {after:.1e} one later"
    );
    let verdict = match (none <= tolerance, before.min(after) <= tolerance) {
        (true, false) => Verdict::Pass,
        (true, true) => Verdict::CannotTell,
        (false, _) => Verdict::Fail,
    };
    checks.add("shift", verdict, measured);
}

fn infinity(trials: &[Trial], checks: &mut Checks) {
    let scores = || trials.iter().flat_map(|t| t.scores.iter().copied());
    let infinite = scores().filter(|v| *v == f64::NEG_INFINITY).count();
    let lowest = scores().filter(|v| v.is_finite()).fold(0.0, f64::min);
    match infinite {
        0 => {
            let measured = format!(
                "none of {} scores is infinite; the lowest is {lowest:.2}",
                scores().count()
            );
            checks.add("infinity", Verdict::CannotTell, measured);
        }
        n => {
            let measured = format!(
                "{n} of {} scores are minus infinity; the lowest other is {lowest:.2}",
                scores().count()
            );
            checks.add("infinity", Verdict::Pass, measured);
        }
    }
}

/// `|a - b|`, where minus infinity equals itself.
fn apart(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() }
}

fn furthest(a: &[f64], b: &[f64]) -> f64 {
    if a.len() == b.len() {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| apart(a, b))
            .fold(0.0, f64::max)
    } else {
        f64::INFINITY
    }
}
