//! Token-level SGD with test-time training (Thm 6.1).

use rand_chacha::ChaCha8Rng;

use crate::check::Check;
use crate::law::ThreePrompts;
use crate::statement::{Run, Size, Statement};
use crate::step::ascend;
use crate::training::Sgd;

pub(super) const STATEMENT: Statement = Statement {
    id: "thm61",
    paper: "Thm 6.1",
    title: "token-level SGD with test-time training",
    claim: "eta = min{1/(2B^2), 1/sqrt(s2 T)}: E (1/T) sum KL(p||TTT(theta_t)) <= 4/(eta T) + 2 \
            eta s2, without H.",
    correction: None,
    cost: 0.5,
    run: Run::Computed(run),
};

/// Runs on each instance in the small size.
const RUNS: u64 = 4;

type Step = fn(&mut [f64; 4], &[f64; 4], f64);

fn run(size: Size, seed: u64) -> Vec<Check> {
    let mut cells: Vec<(u64, u64)> = Vec::new();
    for horizon in size.grid(&[4, 16, 64, 256]) {
        let longest = if horizon > 64 { 400 } else { 1000 };
        cells.extend([(horizon, 100), (horizon, longest)]);
    }
    vec![measure(&cells, size.seeds(RUNS), seed, ascend)]
}

/// `cells`: (H, T).
fn measure(cells: &[(u64, u64)], runs: u64, seed: u64, step: Step) -> Check {
    let sgd = Sgd {
        id: STATEMENT.id,
        cells,
        runs,
        seed,
    };
    let eta = |instance: &ThreePrompts, _, steps: u64| {
        let best = (instance.variance() * steps as f64).sqrt().recip();
        best.min(0.5 / ThreePrompts::BOUND.powi(2))
    };
    let name = "average KL of the decoder over the bound";
    sgd.kl_over_bound(name, eta, |instance, steps, eta, rng| {
        average_kl(instance, steps, eta, step, rng)
    })
}

/// One run of Eq 21; the mean over its T responses of the summed next-token KLs.
///
/// The decoder of theta_t, shown a response of p, moves as training does on the t-th response, which
/// is one: the KLs along the run are those of the decoders, in expectation.
fn average_kl(
    instance: &ThreePrompts,
    steps: u64,
    eta: f64,
    step: Step,
    rng: &mut ChaCha8Rng,
) -> f64 {
    let mut theta = ThreePrompts::START;
    let mut total = 0.0;
    for _ in 0..steps {
        let prompt = &instance.prompts[instance.draw(rng)];
        for _ in 0..prompt.horizon {
            let next = prompt.next(&theta);
            total += prompt.token_kl(&next);
            let gradient = prompt.token_gradient(&next, prompt.token(rng));
            step(&mut theta, &gradient, eta);
        }
    }
    total / steps as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::assert_holds;

    /// Ratios of .073 to .092 on the pilot's one law.
    #[test]
    fn holds() {
        let check = &assert_holds(&STATEMENT)[0];
        assert!(
            0.05 < check.measured && check.measured < 0.3,
            "{}",
            check.measured
        );
    }

    #[test]
    fn a_wrong_update_fails() {
        let check = measure(&[(64, 100)], 2, 0, |theta, g, eta| ascend(theta, g, -eta));
        assert_eq!(check.verdict, Verdict::Fails);
    }
}
