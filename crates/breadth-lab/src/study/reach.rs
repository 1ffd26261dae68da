//! What K samples can reach, and coverage.

use breadth_stats::numerics::TOLERANCE;
use breadth_stats::pass_at_n_exact;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::check::{Check, WorstRatio};
use crate::law::{coverage, dirichlet};
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::table::Table;

pub(super) const STATEMENT: Statement = Statement {
    id: "beyond-reach",
    paper: "beyond the paper",
    title: "reach and coverage",
    claim: "rho_K: the share of prompts with q(right answers|x) >= 1/K. If p(right|x) >= s for all \
            x, 1 - rho_K <= (2/s) Cov_{sK/2}(p||q), and rho_K (1-(1-1/K)^N) <= Pass@N <= rho_K + \
            (1-rho_K) N/K. With one right answer 1 - rho_K is Cov^ans_K.",
    correction: None,
    cost: 0.2,
    run: Run::Computed(run),
};

const INSTANCES: u64 = 5000;

fn run(size: Size, seed: u64) -> Vec<Check> {
    let mut checks = random(size.seeds(INSTANCES), seed, 2.0);
    checks.push(extremal());
    checks
}

/// A prompt of a finite law: p and q over its answers, the first `right` of which are right.
struct Prompt {
    p: Vec<f64>,
    q: Vec<f64>,
    right: usize,
}

impl Prompt {
    fn random(rng: &mut ChaCha8Rng) -> Prompt {
        let answers = rng.random_range(2..8);
        let concentration = |rng: &mut ChaCha8Rng| 10_f64.powf(rng.random_range(-1.0..1.0));
        let (of_p, of_q) = (concentration(rng), concentration(rng));
        Prompt {
            p: dirichlet(rng, answers, of_p),
            q: dirichlet(rng, answers, of_q),
            right: rng.random_range(1..answers),
        }
    }

    fn p_right(&self) -> f64 {
        self.p[..self.right].iter().sum()
    }

    fn q_right(&self) -> f64 {
        self.q[..self.right].iter().sum::<f64>().min(1.0)
    }

    fn pass(&self, n: f64) -> f64 {
        pass_at_n_exact(self.q_right().ln(), n).expect("a log-probability")
    }
}

fn mean(prompts: &[Prompt], of: impl Fn(&Prompt) -> f64) -> f64 {
    prompts.iter().map(of).sum::<f64>() / prompts.len() as f64
}

/// rho_K.
fn reach(prompts: &[Prompt], k: f64) -> f64 {
    let reached = |prompt: &Prompt| f64::from(u8::from(prompt.q_right() >= 1.0 / k));
    mean(prompts, reached)
}

/// Both sides of `1 - rho_K <= (factor/s) Cov_{sK/2}`, with s the least p(right|x).
fn sides(prompts: &[Prompt], k: f64, factor: f64) -> (f64, f64) {
    let s = prompts.iter().map(Prompt::p_right).fold(1.0, f64::min);
    let log_n = (s * k / 2.0).ln().max(0.0);
    let cov = mean(prompts, |prompt| coverage(&prompt.p, &prompt.q, log_n));
    (1.0 - reach(prompts, k), factor / s * cov)
}

fn random(instances: u64, seed: u64, factor: f64) -> Vec<Check> {
    let [mut missed, mut lower, mut upper, mut single] = [(); 4].map(|()| WorstRatio::default());
    for number in 0..instances {
        let rng = &mut stream(STATEMENT.id, "instances", seed, number);
        let prompts: Vec<Prompt> = (0..rng.random_range(1..9))
            .map(|_| Prompt::random(rng))
            .collect();
        let s = prompts.iter().map(Prompt::p_right).fold(1.0, f64::min);
        let k = 2.0 / s * 10_f64.powf(rng.random_range(0.0..3.0));
        let n = 10_f64.powf(rng.random_range(0.0..4.0)).round();
        let at = || format!("instance {number}, K = {k}, N = {n}");
        let (left, right) = sides(&prompts, k, factor);
        missed.see(left, right, at);
        let (reached, pass) = (reach(&prompts, k), mean(&prompts, |prompt| prompt.pass(n)));
        lower.see(reached * -(n * (-1.0 / k).ln_1p()).exp_m1(), pass, at);
        upper.see(pass, reached + (1.0 - reached) * n / k, at);
        // One right answer, which p always gives: the two are the same number.
        let unreached = mean(&prompts, |prompt| {
            let q = prompt.q_right();
            coverage(&[1.0, 0.0], &[q, 1.0 - q], k.ln())
        });
        single.see(unreached, left, at);
        single.see(left, unreached, at);
    }
    vec![
        Check::inequality("1 - rho_K over (2/s) Cov_{sK/2}", &missed),
        Check::inequality("rho_K (1-(1-1/K)^N) over Pass@N", &lower),
        Check::inequality("Pass@N over rho_K + (1-rho_K) N/K", &upper),
        Check::inequality(
            "1 - rho_K against Cov^ans_K with one right answer, both ways",
            &single,
        ),
    ]
}

/// The 2 and the sK/2 are the best: right answers of mass s, a little less than half of it with a
/// ratio a little below sK/2, the rest of it with none of q.
fn extremal() -> Check {
    let mut rows = Table::new(["s", "K", "ratio"]);
    for s in [1.0, 0.5, 0.1_f64] {
        for k in [64.0, 1e4] {
            let epsilon = 1e-5;
            let known = 0.5 * s * (1.0 - 2.0 * epsilon);
            let given = (1.0 - epsilon) / k;
            let prompt = Prompt {
                p: vec![known, s - known, 1.0 - s],
                q: vec![given, 0.0, 1.0 - given],
                right: 2,
            };
            let (left, right) = sides(&[prompt], k, 2.0);
            rows.numeric_row([s, k, left / right]);
        }
    }
    let least = rows
        .numbers("ratio")
        .into_iter()
        .fold(f64::INFINITY, f64::min);
    Check::tight(
        "least extremal 1 - rho_K over (2/s) Cov_{sK/2}",
        least,
        (0.9999, 1.0 + TOLERANCE),
    )
    .with_rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::assert_holds;

    #[test]
    fn holds() {
        let checks = assert_holds(&STATEMENT);
        assert!(checks[0].measured > 0.3, "{}", checks[0].measured);
    }

    /// 1/s instead of 2/s.
    #[test]
    fn a_smaller_factor_fails() {
        let epsilon = 1e-5;
        let prompt = Prompt {
            p: vec![0.5 - epsilon, 0.5 + epsilon],
            q: vec![(1.0 - epsilon) / 64.0, 0.0],
            right: 2,
        };
        let (left, right) = sides(&[prompt], 64.0, 1.0);
        let mut worst = WorstRatio::default();
        worst.see(left, right, String::new);
        assert_eq!(Check::inequality("", &worst).verdict, Verdict::Fails);
    }
}
