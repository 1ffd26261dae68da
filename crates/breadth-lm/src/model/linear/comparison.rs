//! The distribution of whole responses, and how one model's compares with another's.

use breadth_stats::numerics::sum;
use breadth_stats::{Level, is_uncovered};

use super::{Features, NextToken, draw};
use crate::error::{Error, Result};
use crate::model::distillation::kl;
use crate::rng::Stream;

/// Responses beyond this many are not enumerated.
const MOST: f64 = (1 << 20) as f64;

/// A response with what a comparison needs of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Its share: `mu(x) p(y|x)`, or one over the number of samples.
    pub share: f64,
    /// `log p(y|x) - log q(y|x)`.
    pub log_ratio: f64,
    /// `sum_h KL( p(.|x,y_<h) || q(.|x,y_<h) )`.
    pub kls: f64,
    /// `sum_h E_p || phi - E_p[phi | x,y_<h] ||^2`.
    pub variance: f64,
}

/// How q compares with p: exactly, over all responses, or over samples of p.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The responses.
    pub paths: Vec<Path>,
}

impl Comparison {
    /// `KL(p||q)` in nats.
    #[must_use]
    pub fn kl(&self) -> f64 {
        self.mean(|path| path.kls)
    }

    /// `Cov_N(p||q)` (Def 1.1).
    #[must_use]
    pub fn coverage(&self, level: Level) -> f64 {
        self.mean(|path| f64::from(u8::from(is_uncovered(path.log_ratio, 0.0, level))))
    }

    /// `Dseq_N = E_p min{ log N, sum_h a_h }` (Lemma D.10).
    #[must_use]
    pub fn stopped_kl(&self, level: Level) -> f64 {
        self.mean(|path| path.kls.min(level.log_n()))
    }

    /// The inherent variance `s2` of p: the effective number of pivotal tokens (section 4).
    #[must_use]
    pub fn inherent_variance(&self) -> f64 {
        self.mean(|path| path.variance)
    }

    fn mean(&self, value: impl Fn(&Path) -> f64) -> f64 {
        sum(self.paths.iter().map(|path| path.share * value(path)))
    }
}

/// Compares `q_theta` with `p = q_truth` exactly, by going through every response. `prompts`: the
/// prompts with their shares `mu(x)`.
///
/// # Errors
/// If a prompt has more than 2^20 responses; then use [`compare_sampled`].
pub fn compare(
    features: &dyn Features,
    prompts: &[(usize, f64)],
    truth: &[f64],
    theta: &[f64],
) -> Result<Comparison> {
    let mut paths = Vec::new();
    for &(prompt, share) in prompts {
        let count = (features.vocabulary() as f64).powi(features.horizon(prompt) as i32);
        if count > MOST {
            return Err(Error::data(
                format!("prompt {prompt}"),
                format!("has {count:e} responses, too many to go through; compare on samples"),
            ));
        }
        let mut walk = Walk {
            features,
            prompt,
            truth,
            theta,
            prefix: Vec::new(),
            paths: &mut paths,
        };
        walk.visit(Path {
            share,
            log_ratio: 0.0,
            kls: 0.0,
            variance: 0.0,
        });
    }
    Ok(Comparison { paths })
}

/// The same over `samples` responses of p to each prompt.
#[must_use]
pub fn compare_sampled(
    features: &dyn Features,
    prompts: &[(usize, f64)],
    truth: &[f64],
    theta: &[f64],
    samples: usize,
    rng: &mut Stream,
) -> Comparison {
    let mut paths = Vec::new();
    for &(prompt, share) in prompts {
        for _ in 0..samples {
            let mut path = Path {
                share: share / samples as f64,
                log_ratio: 0.0,
                kls: 0.0,
                variance: 0.0,
            };
            let mut prefix = Vec::new();
            while prefix.len() < features.horizon(prompt) {
                let step = NextTokens::new(features, prompt, &prefix, truth, theta);
                let token = draw(&step.log_p, rng);
                path = step.after(&path, token as usize);
                prefix.push(token);
            }
            paths.push(path);
        }
    }
    Comparison { paths }
}

/// Both next-token distributions after a prefix.
struct NextTokens {
    next: NextToken,
    log_p: Vec<f64>,
    kl: f64,
    variance: f64,
}

impl NextTokens {
    fn new(
        features: &dyn Features,
        prompt: usize,
        prefix: &[u32],
        truth: &[f64],
        theta: &[f64],
    ) -> Self {
        let next = NextToken::new(features, theta, prompt, prefix);
        let log_p = next.log_probs(truth);
        let kl = kl(&log_p, &next.log_q);
        let variance = next.variance(&log_p);
        Self {
            next,
            log_p,
            kl,
            variance,
        }
    }

    fn after(&self, path: &Path, token: usize) -> Path {
        Path {
            share: path.share,
            log_ratio: path.log_ratio + self.log_p[token] - self.next.log_q[token],
            kls: path.kls + self.kl,
            variance: path.variance + self.variance,
        }
    }
}

struct Walk<'a> {
    features: &'a dyn Features,
    prompt: usize,
    truth: &'a [f64],
    theta: &'a [f64],
    prefix: Vec<u32>,
    paths: &'a mut Vec<Path>,
}

impl Walk<'_> {
    fn visit(&mut self, path: Path) {
        if self.prefix.len() == self.features.horizon(self.prompt) {
            self.paths.push(path);
            return;
        }
        let step = NextTokens::new(
            self.features,
            self.prompt,
            &self.prefix,
            self.truth,
            self.theta,
        );
        for token in 0..step.log_p.len() {
            let mut longer = step.after(&path, token);
            longer.share *= step.log_p[token].exp();
            self.prefix.push(token as u32);
            self.visit(longer);
            self.prefix.pop();
        }
    }
}
