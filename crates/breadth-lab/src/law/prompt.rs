//! Prompts of an autoregressive linear model whose tokens are independent of one another: a response
//! is its counts of tokens, so that one evaluation of the model serves all H tokens.

use breadth_stats::numerics::TOLERANCE;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::counts::binomial;

/// Up to so many tokens are drawn one by one.
const ONE_BY_ONE: u64 = 8;
/// Counts of tokens that together have less than about this probability are left out of a list.
const NEGLIGIBLE: f64 = 1e-16;

/// `horizon` independent tokens with `q_theta(a) ~ multiplicity_a exp <theta, phi_a>`.
///
/// `D`: coordinates of theta; `V`: kinds of tokens. Tokens with the same features are one kind.
#[derive(Clone, Debug)]
pub struct Prompt<const D: usize, const V: usize> {
    /// mu of the prompt.
    pub share: f64,
    /// H.
    pub horizon: u64,
    features: [[f64; D]; V],
    log_multiplicity: [f64; V],
    log_p: [f64; V],
    p: [f64; V],
}

/// The next-token law of a model.
#[derive(Clone, Copy, Debug)]
pub struct NextToken<const V: usize> {
    /// Probabilities of the kinds of tokens.
    pub q: [f64; V],
    /// Their logarithms.
    pub log_q: [f64; V],
}

impl<const D: usize, const V: usize> Prompt<D, V> {
    /// A prompt whose data law is the model `truth`.
    ///
    /// `features`: phi of each kind of token; `multiplicity`: how many tokens each kind stands for.
    pub fn new(
        share: f64,
        horizon: u64,
        features: [[f64; D]; V],
        multiplicity: [f64; V],
        truth: &[f64; D],
    ) -> Self {
        let mut prompt = Self {
            share,
            horizon,
            features,
            log_multiplicity: multiplicity.map(f64::ln),
            log_p: [0.0; V],
            p: [0.0; V],
        };
        let law = prompt.next(truth);
        (prompt.p, prompt.log_p) = (law.q, law.log_q);
        prompt
    }

    /// The next-token law of the model theta.
    pub fn next(&self, theta: &[f64; D]) -> NextToken<V> {
        let logit = |a: usize| self.log_multiplicity[a] + dot(&self.features[a], theta);
        let logits: [f64; V] = std::array::from_fn(logit);
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = logits.map(|logit| (logit - largest).exp());
        let total: f64 = weights.iter().sum();
        let log_total = largest + total.ln();
        NextToken {
            q: weights.map(|weight| weight / total),
            log_q: logits.map(|logit| logit - log_total),
        }
    }

    /// The KL of one token, in nats.
    pub fn token_kl(&self, next: &NextToken<V>) -> f64 {
        let term = |a: usize| self.p[a] * (self.log_p[a] - next.log_q[a]);
        (0..V).map(term).sum::<f64>().max(0.0)
    }

    /// The KL of a response, in nats.
    pub fn kl(&self, next: &NextToken<V>) -> f64 {
        self.horizon as f64 * self.token_kl(next)
    }

    /// `log p/q` of one token of a kind.
    pub fn log_ratio(&self, next: &NextToken<V>, token: usize) -> f64 {
        self.log_p[token] - next.log_q[token]
    }

    /// `by * sum_a c_a (phi(a) - E_q phi)`, added to `out`.
    ///
    /// `counts`: c, how many tokens of each kind; fractions are weights of single tokens.
    pub fn add_gradient(
        &self,
        next: &NextToken<V>,
        counts: &[f64; V],
        by: f64,
        out: &mut [f64; D],
    ) {
        let total: f64 = counts.iter().sum();
        for ((count, q), features) in counts.iter().zip(next.q).zip(&self.features) {
            let weight = by * (count - total * q);
            for (out, feature) in out.iter_mut().zip(features) {
                *out += weight * feature;
            }
        }
    }

    /// `grad log q(a) = phi(a) - E_q phi` of one token of a kind.
    pub fn token_gradient(&self, next: &NextToken<V>, token: usize) -> [f64; D] {
        let (mut counts, mut gradient) = ([0.0; V], [0.0; D]);
        counts[token] = 1.0;
        self.add_gradient(next, &counts, 1.0, &mut gradient);
        gradient
    }

    /// This prompt's inherent variance, `H tr Cov_p(phi)`.
    pub fn variance(&self) -> f64 {
        let of = |i: usize| {
            let column = || {
                self.p
                    .iter()
                    .zip(&self.features)
                    .map(move |(p, phi)| (p, phi[i]))
            };
            let mean: f64 = column().map(|(p, phi)| p * phi).sum();
            column()
                .map(|(p, phi)| p * (phi - mean).powi(2))
                .sum::<f64>()
        };
        self.horizon as f64 * (0..D).map(of).sum::<f64>()
    }

    /// One token of p.
    pub fn token(&self, rng: &mut ChaCha8Rng) -> usize {
        let mut left: f64 = rng.random();
        let drawn = self.p.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        drawn.unwrap_or_else(|| self.usual())
    }

    /// The counts of so many tokens of p.
    pub fn draw(&self, tokens: u64, rng: &mut ChaCha8Rng) -> [f64; V] {
        let mut counts = [0.0; V];
        if tokens <= ONE_BY_ONE {
            (0..tokens).for_each(|_| counts[self.token(rng)] += 1.0);
            return counts;
        }
        let (usual, mut left, mut rest) = (self.usual(), tokens, 1.0);
        for a in (0..V).filter(|&a| a != usual) {
            let count = binomial(rng, left, self.p[a] / rest);
            counts[a] = count as f64;
            left -= count;
            rest -= self.p[a];
        }
        counts[usual] = left as f64;
        counts
    }

    /// The vectors of token counts of a response with their probabilities; those left out have less
    /// than about 1e-16 together.
    pub fn responses(&self) -> Vec<([f64; V], f64)> {
        let usual = self.usual();
        let unusual: f64 = (0..V).filter(|&a| a != usual).map(|a| self.p[a]).sum();
        let most = most_of(self.horizon, unusual);
        let mut factorials = vec![0.0];
        for i in 1..=self.horizon {
            factorials.push(factorials[i as usize - 1] + (i as f64).ln());
        }
        let mut found = Vec::new();
        self.list(0, most, usual, &mut [0; V], &factorials, &mut found);
        found
    }

    fn list(
        &self,
        token: usize,
        left: u64,
        usual: usize,
        counts: &mut [u64; V],
        log_factorials: &[f64],
        found: &mut Vec<([f64; V], f64)>,
    ) {
        if token == V {
            let mut whole = *counts;
            whole[usual] = self.horizon - counts.iter().sum::<u64>();
            let terms = whole
                .iter()
                .zip(&self.log_p)
                .filter(|(count, _)| **count > 0);
            let term = |(&count, log_p): (&u64, &f64)| {
                count as f64 * log_p - log_factorials[count as usize]
            };
            let log = log_factorials[self.horizon as usize] + terms.map(term).sum::<f64>();
            found.push((whole.map(|count| count as f64), log.exp()));
            return;
        }
        let most = if token == usual { 0 } else { left };
        for count in 0..=most {
            counts[token] = count;
            self.list(
                token + 1,
                left - count,
                usual,
                counts,
                log_factorials,
                found,
            );
        }
        counts[token] = 0;
    }

    /// `Cov_N` of a model, over a list of [`Self::responses`].
    pub fn coverage(&self, next: &NextToken<V>, responses: &[([f64; V], f64)], log_n: f64) -> f64 {
        let ratios: [f64; V] = std::array::from_fn(|a| self.log_ratio(next, a));
        let missed = responses
            .iter()
            .filter(|(counts, _)| dot(counts, &ratios) >= log_n - TOLERANCE);
        missed.map(|(_, probability)| probability).sum()
    }

    /// The likeliest kind of token.
    fn usual(&self) -> usize {
        let likelier = |a: &usize, b: &usize| self.p[*a].total_cmp(&self.p[*b]);
        (0..V).max_by(likelier).expect("tokens")
    }
}

/// The number that Bin(n, p) exceeds with a probability below about 1e-16.
fn most_of(n: u64, p: f64) -> u64 {
    let mut term = (n as f64 * (-p).ln_1p()).exp();
    let mut count = 0;
    // Beyond twice the mean each term is less than half of the one before.
    while count < n && (term > NEGLIGIBLE || (count as f64) < 2.0 * n as f64 * p) {
        term *= (n - count) as f64 / (count + 1) as f64 * p / (1.0 - p);
        count += 1;
    }
    count
}

/// The scalar product.
pub fn dot<const K: usize>(a: &[f64; K], b: &[f64; K]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{coverage, divergence};
    use crate::stream;

    const TRUTH: [f64; 2] = [0.5, -0.3];
    const MODEL: [f64; 2] = [-0.6, 0.8];

    /// Four tokens, two of which have the same features and so are one kind.
    fn prompt(horizon: u64) -> Prompt<2, 3> {
        let features = [[1.0, 2.0], [-1.5, 0.5], [0.3, -1.0]];
        Prompt::new(1.0, horizon, features, [1.0, 2.0, 1.0], &TRUTH)
    }

    /// The law of all 4^H responses of a model, token by token.
    fn law_of_responses(horizon: u32, theta: &[f64; 2]) -> Vec<f64> {
        let features = [[1.0, 2.0], [-1.5, 0.5], [-1.5, 0.5], [0.3, -1.0]];
        let weights = features.map(|phi| dot(&phi, theta).exp());
        let total: f64 = weights.iter().sum();
        let token = |response: u32, h: u32| weights[(response / 4_u32.pow(h) % 4) as usize] / total;
        (0..4_u32.pow(horizon))
            .map(|response| (0..horizon).map(|h| token(response, h)).product())
            .collect()
    }

    #[test]
    fn coverage_and_kl_equal_enumeration() {
        for horizon in 1..6 {
            let prompt = prompt(horizon);
            let next = prompt.next(&MODEL);
            let p = law_of_responses(horizon as u32, &TRUTH);
            let q = law_of_responses(horizon as u32, &MODEL);
            assert!((prompt.kl(&next) - divergence(&p, &q)).abs() < 1e-12);
            let responses = prompt.responses();
            for log_n in [0.1, 1.0, 3.0] {
                let found = prompt.coverage(&next, &responses, log_n);
                assert!(
                    (found - coverage(&p, &q, log_n)).abs() < 1e-12,
                    "{horizon} {log_n}"
                );
            }
        }
    }

    #[test]
    fn gradients_are_finite_differences() {
        let (prompt, counts) = (prompt(5), [2.0, 2.0, 0.5]);
        let log_likelihood = |theta: &[f64; 2]| dot(&counts, &prompt.next(theta).log_q);
        let mut gradient = [0.0; 2];
        prompt.add_gradient(&prompt.next(&MODEL), &counts, 1.0, &mut gradient);
        for i in 0..2 {
            let moved = |by: f64| {
                let mut theta = MODEL;
                theta[i] += by;
                log_likelihood(&theta)
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!(
                (slope - gradient[i]).abs() < 1e-8,
                "{slope} {}",
                gradient[i]
            );
        }
    }

    #[test]
    fn the_gradient_of_counts_is_that_of_their_tokens() {
        let (prompt, counts) = (prompt(5), [2.0, 2.0, 0.5]);
        let next = prompt.next(&MODEL);
        let mut gradient = [0.0; 2];
        prompt.add_gradient(&next, &counts, 1.0, &mut gradient);
        let tokens = [0, 1, 2].map(|token| prompt.token_gradient(&next, token));
        for (i, whole) in gradient.into_iter().enumerate() {
            let summed = dot(&counts, &tokens.map(|gradient| gradient[i]));
            assert!((whole - summed).abs() < 1e-12);
        }
    }

    #[test]
    fn variance_is_that_of_the_summed_features() {
        let prompt = prompt(1);
        let (mut mean, mut square) = ([0.0; 2], 0.0);
        for (p, phi) in prompt.p.iter().zip(&prompt.features) {
            mean[0] += p * phi[0];
            mean[1] += p * phi[1];
            square += p * dot(phi, phi);
        }
        assert!((prompt.variance() - (square - dot(&mean, &mean))).abs() < 1e-12);
    }

    /// Both ways of drawing against the list of responses.
    #[test]
    fn draws_follow_the_law() {
        let rng = &mut stream("test", "draws", 0, 0);
        for horizon in [3, 12] {
            let prompt = prompt(horizon);
            let responses = prompt.responses();
            let total: f64 = responses.iter().map(|(_, probability)| probability).sum();
            assert!((total - 1.0).abs() < 1e-12);
            let mut seen = vec![0.0; responses.len()];
            for _ in 0..20_000 {
                let drawn = prompt.draw(horizon, rng);
                let at = responses.iter().position(|(counts, _)| *counts == drawn);
                seen[at.expect("a listed response")] += 1.0;
            }
            let expected = responses.iter().map(|(_, probability)| 2e4 * probability);
            let chi2: f64 = seen
                .iter()
                .zip(expected)
                .map(|(n, e)| (n - e).powi(2) / e)
                .sum();
            let degrees = responses.len() as f64 - 1.0;
            assert!(
                chi2 < degrees + 5.0 * (2.0 * degrees).sqrt(),
                "{chi2} of {degrees}"
            );
        }
    }
}
