//! Prompts whose tokens are independent of one another: a response is its counts of tokens, so that
//! one evaluation of the distribution gives the gradient of H tokens, and coverage is a sum over
//! counts.

use breadth_lm::model::linear::{Features, project_onto_unit_ball};
use breadth_lm::rng::{Stream, uniform};
use breadth_stats::numerics::{log_sum_exp, sum};
use breadth_stats::{Level, is_uncovered};

/// Coordinates of theta; an instance may leave the last ones at 0.
pub const D: usize = 6;
/// Tokens at most.
pub const V: usize = 16;
/// The level of all coverages.
pub const N: f64 = 4.0;
/// Responses per evaluation of test-time training.
const RESPONSES: usize = 8;

pub type Theta = [f64; D];
/// A number for each token; beyond the vocabulary 0.
pub type Tokens = [f64; V];

/// `horizon` independent tokens with the features `rows`.
pub struct Prompt {
    /// mu.
    pub share: f64,
    /// H.
    pub horizon: usize,
    rows: Vec<Theta>,
    log_p: Tokens,
    /// The token that p all but always gives.
    usual: usize,
    /// Vectors of token counts with their probabilities; those left out have less than 1e-15
    /// together.
    counts: Vec<(Tokens, f64)>,
    level: Level,
}

impl Prompt {
    pub fn new(share: f64, horizon: usize, rows: Vec<Theta>, truth: &Theta) -> Self {
        let log_p = log_probs(&rows, truth);
        let likelier = |a: &usize, b: &usize| log_p[*a].total_cmp(&log_p[*b]);
        let usual = (0..rows.len()).max_by(likelier).expect("tokens");
        let rest: f64 = unusual(&rows, usual).map(|token| log_p[token].exp()).sum();
        let mut prompt = Self {
            share,
            horizon,
            rows,
            log_p,
            usual,
            counts: Vec::new(),
            level: Level::from_n(N).expect("a level"),
        };
        prompt.list_counts(0, most_unusual(horizon, rest), &mut [0.0; V]);
        prompt
    }

    /// Lists every way to have at most `left` more of the tokens from `token` on, besides the usual
    /// one.
    fn list_counts(&mut self, token: usize, left: usize, counts: &mut Tokens) {
        if token == self.rows.len() {
            let mut whole = *counts;
            whole[self.usual] = self.horizon as f64 - counts.iter().sum::<f64>();
            let log_factorial = |n: f64| sum((1..=n as u64).map(|i| (i as f64).ln()));
            let terms = whole.iter().zip(&self.log_p);
            let terms = terms.filter(|(count, _)| **count > 0.0);
            let log = log_factorial(self.horizon as f64)
                + sum(terms.map(|(&count, log_p)| count * log_p - log_factorial(count)));
            return self.counts.push((whole, log.exp()));
        }
        let most = if token == self.usual { 0 } else { left };
        for count in 0..=most {
            counts[token] = count as f64;
            self.list_counts(token + 1, left - count, counts);
        }
        counts[token] = 0.0;
    }

    /// The counts of `n` tokens of p.
    pub fn draw(&self, n: usize, rng: &mut Stream) -> Tokens {
        let mut counts = [0.0; V];
        let (mut left, mut rest) = (n, 1.0);
        for token in unusual(&self.rows, self.usual) {
            let p = self.log_p[token].exp();
            let count = binomial(left, (p / rest).min(1.0), uniform(rng));
            counts[token] = count as f64;
            left -= count;
            rest -= p;
        }
        counts[self.usual] = left as f64;
        counts
    }

    /// `sum_a c_a (phi(a) - E_q[phi])`, added to `out`.
    pub fn add_gradient(&self, theta: &Theta, counts: &Tokens, by: f64, out: &mut Theta) {
        let log_q = log_probs(&self.rows, theta);
        let total: f64 = counts.iter().sum();
        for (row, (count, log_q)) in self.rows.iter().zip(counts.iter().zip(&log_q)) {
            let weight = by * (count - total * log_q.exp());
            out.iter_mut().zip(row).for_each(|(o, r)| *o += weight * r);
        }
    }

    /// How many tokens the budget log N lets count whole (Eq 25), and what of the next one: every
    /// token has the same KL.
    pub fn truncation(&self, theta: &Theta) -> (usize, f64) {
        let budget = N.ln() / self.kl(theta);
        if budget < self.horizon as f64 {
            (budget as usize, budget.fract())
        } else {
            (self.horizon, 0.0)
        }
    }

    /// The KL of one token.
    fn kl(&self, theta: &Theta) -> f64 {
        let log_q = log_probs(&self.rows, theta);
        let terms = self.log_p.iter().zip(&log_q).take(self.rows.len());
        sum(terms.map(|(p, q)| p.exp() * (p - q))).max(0.0)
    }

    /// Cov_N of the model theta on this prompt.
    pub fn coverage(&self, theta: &Theta) -> f64 {
        let log_q = log_probs(&self.rows, theta);
        let log_ratio = |counts: &Tokens| {
            let tokens = counts.iter().zip(self.log_p.iter().zip(&log_q));
            tokens.map(|(c, (p, q))| c * (p - q)).sum::<f64>()
        };
        let missed = self
            .counts
            .iter()
            .filter(|(c, _)| self.misses(log_ratio(c)));
        missed.map(|(_, p)| p).sum()
    }

    fn misses(&self, log_ratio: f64) -> bool {
        is_uncovered(log_ratio, 0.0, self.level)
    }

    /// The trace of phi's covariance under p, times H: this prompt's part of the inherent variance.
    pub fn variance(&self) -> f64 {
        let weigh = |value: &dyn Fn(&Theta) -> f64| {
            let rows = self.rows.iter().zip(&self.log_p);
            sum(rows.map(|(row, log_p)| log_p.exp() * value(row)))
        };
        let of = |i: usize| weigh(&|row| row[i] * row[i]) - weigh(&|row| row[i]).powi(2);
        self.share * self.horizon as f64 * sum((0..D).map(of))
    }

    /// A step on one token of p's, as Eq 21 takes it and test-time training too; `log p/q` before
    /// it.
    pub fn token_step(&self, theta: &mut Theta, token: usize, eta: f64) -> f64 {
        let log_q = log_probs(&self.rows, theta);
        let mut counts = [0.0; V];
        counts[token] = 1.0;
        let before = *theta;
        self.add_gradient(&before, &counts, eta, theta);
        project_onto_unit_ball(theta);
        self.log_p[token] - log_q[token]
    }

    pub fn token(&self, rng: &mut Stream) -> usize {
        let mut left = uniform(rng);
        let found = self.log_p.iter().take(self.rows.len()).position(|log_p| {
            left -= log_p.exp();
            left < 0.0
        });
        found.unwrap_or(self.usual)
    }

    /// Cov_N of the decoder with test-time training: exact for one token, otherwise over a few
    /// responses of p. The usual response comes up again and again and is followed once.
    pub fn ttt_coverage(&self, theta: &Theta, eta: f64, rng: &mut Stream) -> f64 {
        if self.horizon == 1 {
            return self.coverage(theta);
        }
        let mut of_usual = None;
        let follow = |response: &[usize]| {
            let mut moved = *theta;
            let ratios = response
                .iter()
                .map(|&y| self.token_step(&mut moved, y, eta));
            self.misses(ratios.sum())
        };
        let mut total = 0;
        for _ in 0..RESPONSES {
            let response: Vec<usize> = (0..self.horizon).map(|_| self.token(rng)).collect();
            let is_usual = response.iter().all(|&y| y == self.usual);
            total += usize::from(if is_usual {
                *of_usual.get_or_insert_with(|| follow(&response))
            } else {
                follow(&response)
            });
        }
        total as f64 / RESPONSES as f64
    }
}

fn unusual(rows: &[Theta], usual: usize) -> impl Iterator<Item = usize> + use<> {
    (0..rows.len()).filter(move |&token| token != usual)
}

fn log_probs(rows: &[Theta], theta: &Theta) -> Tokens {
    let mut out = [0.0; V];
    for (out, row) in out.iter_mut().zip(rows) {
        *out = row.iter().zip(theta).map(|(r, t)| r * t).sum();
    }
    let total = log_sum_exp(out[..rows.len()].iter().copied());
    out[..rows.len()].iter_mut().for_each(|l| *l -= total);
    out
}

/// The number at which the distribution function of Binomial(n, p) passes u.
pub fn binomial(n: usize, p: f64, mut u: f64) -> usize {
    let mut term = (1.0 - p).powi(n as i32);
    let mut count = 0;
    while u >= term && count < n {
        u -= term;
        term *= (n - count) as f64 / (count + 1) as f64 * p / (1.0 - p);
        count += 1;
    }
    count
}

/// The number that Binomial(n, p) exceeds with a probability below 1e-15.
fn most_unusual(n: usize, p: f64) -> usize {
    let mut term = (1.0 - p).powi(n as i32);
    let mut count = 0;
    // Beyond twice the mean each term is less than half of the one before.
    while count < n && (term > 1e-16 || (count as f64) < 2.0 * n as f64 * p) {
        term *= (n - count) as f64 / (count + 1) as f64 * p / (1.0 - p);
        count += 1;
    }
    count
}

impl Features for Prompt {
    fn dimension(&self) -> usize {
        D
    }

    fn vocabulary(&self) -> usize {
        self.rows.len()
    }

    fn horizon(&self, _: usize) -> usize {
        self.horizon
    }

    fn features(&self, _: usize, _: &[u32], out: &mut [f64]) {
        out.copy_from_slice(self.rows.as_flattened());
    }
}

#[cfg(test)]
mod tests {
    use breadth_lm::model::DistillTarget;
    use breadth_lm::model::linear::{
        compare, distilled_gradient, gradient, token_level_sgd, ttt_log_prob,
    };
    use breadth_lm::rng::stream;

    use super::*;
    use crate::instance::Case;

    const TRUTH: Theta = [0.5, -0.3, 0.2, 0.1, 0.0, 0.4];

    /// Three tokens, none of them rare, so that every count matters.
    fn prompt() -> Prompt {
        let row = |at: usize| std::array::from_fn(|i| ((7 * at + 3 * i) % 5) as f64 - 2.0);
        Prompt::new(0.5, 5, (0..3).map(row).collect(), &TRUTH)
    }

    fn counts(response: &[u32]) -> Tokens {
        let mut counts = [0.0; V];
        response.iter().for_each(|&y| counts[y as usize] += 1.0);
        counts
    }

    fn near(a: &[f64], b: &[f64]) {
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        assert!(worst.fold(0.0, f64::max) < 1e-12, "{a:?} {b:?}");
    }

    #[test]
    fn closed_forms_are_the_enumeration() {
        let prompt = prompt();
        for theta in [[0.0; D], [-0.3, 0.4, 0.1, -0.5, 0.2, 0.0]] {
            let exact = compare(&prompt, &[(0, 1.0)], &TRUTH, &theta).unwrap();
            near(&[prompt.coverage(&theta)], &[exact.coverage(prompt.level)]);
            near(&[5.0 * prompt.kl(&theta)], &[exact.kl()]);
            near(&[prompt.variance()], &[0.5 * exact.inherent_variance()]);
            assert!(prompt.coverage(&theta) > 0.0);
        }
    }

    #[test]
    fn gradients_are_the_librarys() {
        let prompt = prompt();
        let theta = [-0.3, 0.4, 0.1, -0.5, 0.2, 0.0];
        let response = [2, 0, 0, 1, 2];
        let mut own = [0.0; D];
        prompt.add_gradient(&theta, &counts(&response), 1.0, &mut own);
        near(&own, &gradient(&prompt, &theta, 0, &response));

        let (whole, fraction) = prompt.truncation(&theta);
        assert!(0 < whole && whole < 5 && fraction > 0.0);
        let mut own = [0.0; D];
        prompt.add_gradient(&theta, &counts(&response[..whole]), 1.0, &mut own);
        let next = counts(&response[whole..=whole]);
        prompt.add_gradient(&theta, &next, fraction, &mut own);
        let what = DistillTarget {
            distributions: false,
            budget: Some(N.ln()),
        };
        near(
            &own,
            &distilled_gradient(&prompt, &TRUTH, &theta, 0, &response, what),
        );
    }

    #[test]
    fn token_steps_are_the_librarys() {
        let prompt = prompt();
        let response = [2, 0, 0, 1, 2];
        let (mut own, mut theirs) = ([0.1; D], vec![0.1; D]);
        let ratios = response.iter();
        let ratio: f64 = ratios
            .map(|&y| prompt.token_step(&mut own, y as usize, 0.3))
            .sum();
        token_level_sgd(&prompt, &mut theirs, 0, &response, 0.3);
        near(&own, &theirs);
        let log_p: f64 = response.iter().map(|&y| prompt.log_p[y as usize]).sum();
        let log_q = ttt_log_prob(&prompt, &[0.1; D], 0, &response, 0.3);
        near(&[ratio], &[log_p - log_q]);
    }

    #[test]
    fn counts_have_probability_one_and_draws_follow_them() {
        for case in [Case::Opposed, Case::Cycle, Case::RareFlats] {
            for prompt in case.build(512).prompts {
                let total = sum(prompt.counts.iter().map(|(_, p)| *p));
                assert!((total - 1.0).abs() < 1e-11, "{}: {total}", case.name());
            }
        }
        let prompt = prompt();
        let mut rng = stream(0, "draws", 0);
        let mut seen = vec![0.0; prompt.counts.len()];
        for _ in 0..20_000 {
            let drawn = prompt.draw(5, &mut rng);
            let at = prompt
                .counts
                .iter()
                .position(|(counts, _)| *counts == drawn);
            seen[at.expect("a listed count")] += 1.0;
        }
        let terms = seen.iter().zip(&prompt.counts);
        let chi2: f64 = terms
            .map(|(n, (_, p))| (n - 2e4 * p).powi(2) / (2e4 * p))
            .sum();
        // 20 degrees of freedom.
        assert!(chi2 < 20.0 + 5.0 * 40_f64.sqrt(), "{chi2}");
    }

    #[test]
    fn batches_follow_the_shares() {
        let instance = Case::RareFlats.build(8);
        let mut rng = stream(2, "batches", 0);
        let mut seen = vec![0; instance.prompts.len()];
        for _ in 0..2000 {
            let batch = instance.batch(32, &mut rng);
            assert_eq!(batch.iter().map(|(_, count)| count).sum::<usize>(), 32);
            for (prompt, count) in batch {
                let is_it = |other: &Prompt| std::ptr::eq(other, prompt);
                seen[instance.prompts.iter().position(is_it).unwrap()] += count;
            }
        }
        for (prompt, count) in instance.prompts.iter().zip(seen) {
            let (n, p) = (64_000.0, prompt.share);
            assert!((count as f64 - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt());
        }
    }

    #[test]
    fn test_time_training_with_a_step_of_zero_is_the_model() {
        let instance = Case::Cycle.build(16);
        let mut rng = stream(1, "ttt", 0);
        for prompt in &instance.prompts {
            let (plain, ttt) = (
                prompt.coverage(&instance.start),
                prompt.ttt_coverage(&instance.start, 0.0, &mut rng),
            );
            assert!((plain - ttt).abs() < 1e-9 && plain > 0.99, "{plain} {ttt}");
        }
    }
}
