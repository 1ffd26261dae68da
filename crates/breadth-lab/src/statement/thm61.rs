//! Token-level SGD with test-time training (Thm 6.1).

use rayon::prelude::*;

use crate::check::Check;
use crate::estimate::Estimate;
use crate::law::ThreePrompts;
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::step::ascend;
use crate::table::{Plot, Table};

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

const LAWS: u64 = 8;
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
    let plot = Plot::log("T", "KL")
        .by("H")
        .with_errors("se")
        .against("bound");
    let mut rows = Table::new(["H", "T", "KL", "se", "bound", "largest ratio"]).drawn(plot);
    let mut ratios = Vec::new();
    for &(horizon, steps) in cells {
        let law = |law| of_law(horizon, steps, law, runs, seed, step);
        let laws: Vec<(Estimate, f64)> = (0..LAWS).map(law).collect();
        let of_cell = laws.iter().map(|(kl, bound)| kl.scaled(bound.recip()));
        let largest = of_cell.clone().map(|ratio| ratio.value).fold(0.0, f64::max);
        ratios.extend(of_cell);
        let kl = Estimate::mean(&laws.iter().map(|(kl, _)| kl.value).collect::<Vec<_>>());
        let bound = laws.iter().map(|(_, bound)| bound).sum::<f64>() / LAWS as f64;
        let (horizon, steps) = (horizon as f64, steps as f64);
        rows.numeric_row([horizon, steps, kl.value, kl.standard_error, bound, largest]);
    }
    Check::bounded_above(
        "average KL of the decoder over the bound",
        &ratios,
        1.0,
        &[],
    )
    .with_rows(rows)
}

/// The average KL of the decoders, and the bound.
fn of_law(horizon: u64, steps: u64, law: u64, runs: u64, seed: u64, step: Step) -> (Estimate, f64) {
    let instance = ThreePrompts::new(horizon, seed, law);
    let s2 = instance.variance();
    let eta = (s2 * steps as f64).sqrt().recip();
    let eta = eta.min(0.5 / ThreePrompts::BOUND.powi(2));
    let name = format!("H={horizon} T={steps} law={law}");
    let run = |run| {
        let rng = &mut stream("thm61", &name, seed, run);
        average_kl(&instance, eta, steps, step, rng)
    };
    let runs: Vec<f64> = (0..runs).into_par_iter().map(run).collect();
    (
        Estimate::mean(&runs),
        4.0 / (eta * steps as f64) + 2.0 * eta * s2,
    )
}

/// One run of Eq 21; the mean over its T responses of the summed next-token KLs.
///
/// The decoder of theta_t, shown a response of p, moves as training does on the t-th response, which
/// is one: the KLs along the run are those of the decoders, in expectation.
fn average_kl(
    instance: &ThreePrompts,
    eta: f64,
    steps: u64,
    step: Step,
    rng: &mut rand_chacha::ChaCha8Rng,
) -> f64 {
    let mut theta = ThreePrompts::START;
    let mut total = 0.0;
    for _ in 0..steps {
        let prompt = &instance.prompts[instance.draw(rng)];
        for _ in 0..prompt.horizon {
            let next = prompt.next(&theta);
            total += prompt.token_kl(&next);
            let (mut gradient, mut counts) = ([0.0; 4], [0.0; 4]);
            counts[prompt.token(rng)] = 1.0;
            prompt.add_gradient(&next, &counts, 1.0, &mut gradient);
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
