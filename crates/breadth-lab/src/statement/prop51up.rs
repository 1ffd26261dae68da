//! SGD on sequences: what it guarantees (Prop 5.1, upper bound).

use rayon::prelude::*;

use crate::check::Check;
use crate::estimate::Estimate;
use crate::law::ThreePrompts;
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::step::ascend;
use crate::table::{Plot, Table};
use crate::training::on_three_prompts;

pub(super) const STATEMENT: Statement = Statement {
    id: "prop51up",
    paper: "Prop 5.1",
    title: "SGD, upper bound",
    claim: "Sequence-level SGD with eta <= 1/(2HB^2): E (1/T) sum KL(p||q_t) <= 4/(eta T) + 2 eta s2.",
    correction: None,
    cost: 0.5,
    run: Run::Computed(run),
};

/// Random instances, and runs of each in the small size.
const LAWS: u64 = 8;
const RUNS: u64 = 8;

type Step = fn(&mut [f64; 4], &[f64; 4], f64);

fn run(size: Size, seed: u64) -> Vec<Check> {
    let horizons = size.grid(&[4, 16, 64, 256]);
    vec![measure(&horizons, size.seeds(RUNS), seed, ascend)]
}

fn measure(horizons: &[u64], runs: u64, seed: u64, step: Step) -> Check {
    let plot = Plot::log("T", "KL")
        .by("H")
        .with_errors("se")
        .against("bound");
    let mut rows = Table::new(["H", "T", "KL", "se", "bound", "largest ratio"]).drawn(plot);
    let mut ratios = Vec::new();
    for &horizon in horizons {
        for steps in [100, 1000, 4000] {
            let cell = Cell {
                horizon,
                steps,
                runs,
                seed,
                step,
            };
            let laws: Vec<(Estimate, f64)> = (0..LAWS).map(|law| cell.measure(law)).collect();
            let of_cell = laws.iter().map(|(kl, bound)| kl.scaled(bound.recip()));
            let largest = of_cell.clone().map(|ratio| ratio.value).fold(0.0, f64::max);
            ratios.extend(of_cell);
            let kl = Estimate::mean(&laws.iter().map(|(kl, _)| kl.value).collect::<Vec<_>>());
            let bound = laws.iter().map(|(_, bound)| bound).sum::<f64>() / LAWS as f64;
            let (h, t) = (horizon as f64, steps as f64);
            rows.numeric_row([h, t, kl.value, kl.standard_error, bound, largest]);
        }
    }
    Check::bounded_above("average KL over the bound", &ratios, 1.0, &[]).with_rows(rows)
}

struct Cell {
    horizon: u64,
    steps: u64,
    runs: u64,
    seed: u64,
    step: Step,
}

impl Cell {
    /// The average KL of the iterates, and the bound.
    fn measure(&self, law: u64) -> (Estimate, f64) {
        let instance = ThreePrompts::new(self.horizon, self.seed, law);
        let (s2, steps) = (instance.variance(), self.steps as f64);
        let largest = 1.0 / (2.0 * self.horizon as f64 * ThreePrompts::BOUND.powi(2));
        let eta = (2.0 / (s2 * steps)).sqrt().min(largest);
        let name = format!("H={} T={} law={law}", self.horizon, self.steps);
        let run = |run| {
            let rng = &mut stream("prop51up", &name, self.seed, run);
            on_three_prompts(
                &instance,
                self.steps,
                rng,
                |theta, prompt, next, rng| {
                    let mut gradient = [0.0; 4];
                    let counts = prompt.draw(prompt.horizon, rng);
                    prompt.add_gradient(next, &counts, 1.0, &mut gradient);
                    (self.step)(theta, &gradient, eta);
                },
                |_, laws| instance.kl(laws, f64::INFINITY),
            )
        };
        let runs: Vec<f64> = (0..self.runs).into_par_iter().map(run).collect();
        (Estimate::mean(&runs), 4.0 / (eta * steps) + 2.0 * eta * s2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::assert_holds;

    /// The pilot measured one law, whose features are not recorded: s2 = 1.724 H, ratios of .056 to
    /// .112. Ours surround it.
    #[test]
    fn holds_with_the_pilots_law_among_ours() {
        let check = &assert_holds(&STATEMENT)[0];
        assert!(check.measured < 0.4, "{}", check.measured);
        let variances = (0..64).map(|law| ThreePrompts::new(1, 0, law).variance());
        let below = variances.filter(|variance| *variance < 1.724).count();
        assert!(0 < below && below < 64, "{below}");
    }

    /// A step against the gradient.
    #[test]
    fn a_wrong_update_fails() {
        let check = measure(&[64], 4, 0, |theta, gradient, eta| {
            ascend(theta, gradient, -eta)
        });
        assert_eq!(check.verdict, Verdict::Fails);
    }
}
