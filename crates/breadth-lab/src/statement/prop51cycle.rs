//! SGD with large steps jumps for ever (Prop 5.1, lower bound).

use breadth_stats::numerics::TOLERANCE;

use crate::check::Check;
use crate::law::Prompt;
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::step::ascend;
use crate::table::Table;

pub(super) const STATEMENT: Statement = Statement {
    id: "prop51cycle",
    paper: "Prop 5.1",
    title: "SGD, lower bound, large steps",
    claim: "eta >= 8/(HB), e = eta H B, al = e/(2(e-1)): from v(1) the iterate alternates between \
            v(-1) and v(1) for ever, and Cov_N = 1 though s2 <= 1.",
    correction: Some(
        "the cycle exists for every eta > 2/(HB) as B grows, not from 8/(HB) on: 2/(HB) is the \
         edge of stability",
    ),
    cost: 0.01,
    run: Run::Computed(run),
};

/// N.
const LEVEL: f64 = 1e6;

/// (H, B, e) as the paper has it, and below its threshold.
const PAPER: [(u64, f64, f64); 4] = [
    (8, 120.0, 8.0),
    (64, 120.0, 8.0),
    (64, 120.0, 64.0),
    (512, 160.0, 16.0),
];
const BELOW: [(u64, f64, f64); 2] = [(64, 200.0, 2.5), (64, 200.0, 2.2)];

type Step = fn(&mut [f64; 2], &[f64; 2], f64);

fn run(size: Size, seed: u64) -> Vec<Check> {
    let steps = size.seeds(400);
    let mut checks = measure(&PAPER, steps, seed, 1e-9, ascend);
    let below = measure(&BELOW, steps, seed, 1e-6, ascend).swap_remove(0);
    checks.push(Check {
        name: "distance to the cycle below 8/(HB)".into(),
        ..below
    });
    checks
}

fn measure(cases: &[(u64, f64, f64)], steps: u64, seed: u64, close: f64, step: Step) -> Vec<Check> {
    let mut rows = Table::new(["H", "B", "e", "distance", "uncovered", "s2"]);
    for &(horizon, bound, e) in cases {
        let found = follow(horizon, bound, e, steps, seed, step);
        rows.numeric_row([
            horizon as f64,
            bound,
            e,
            found.distance,
            found.uncovered,
            found.s2,
        ]);
    }
    let extreme = |column: &str, of: fn(f64, f64) -> f64| {
        rows.numbers(column).into_iter().reduce(of).expect("a case")
    };
    let distance = extreme("distance", f64::max);
    let uncovered = extreme("uncovered", f64::min);
    let s2 = extreme("s2", f64::max);
    vec![
        Check::tight("distance to the cycle", distance, (0.0, close)).predicting(0.0),
        Check::tight("least share of steps uncovered", uncovered, (1.0, 1.0)).predicting(1.0),
        Check::tight("inherent variance", s2, (0.0, 1.0)),
    ]
    .into_iter()
    .map(|check| check.with_rows(rows.clone()))
    .collect()
}

struct Found {
    /// The largest distance from where the cycle is at that step.
    distance: f64,
    /// The share of the steps at which the response of all 0 is uncovered at N = 1e6.
    uncovered: f64,
    /// The inherent variance.
    s2: f64,
}

/// Runs SGD with eta = e/(HB) from v(1) on tokens 0, +1, -1 with features B v.
fn follow(horizon: u64, bound: f64, e: f64, steps: u64, seed: u64, step: Step) -> Found {
    let x = e / (2.0 * (e - 1.0));
    let y = (1.0 - x * x).sqrt();
    let vectors = [[1.0, 0.0], [x, y], [x, -y]];
    let features = vectors.map(|v| v.map(|coordinate| bound * coordinate));
    let prompt = Prompt::new(1.0, horizon, features, [1.0; 3], &vectors[0]);
    let rng = &mut stream(
        "prop51cycle",
        &format!("H={horizon} B={bound} e={e}"),
        seed,
        0,
    );
    let (mut theta, mut distance, mut uncovered) = (vectors[1], 0.0_f64, 0);
    for t in 0..steps {
        let expected = vectors[1 + (t % 2) as usize];
        distance = distance.max((theta[0] - expected[0]).hypot(theta[1] - expected[1]));
        let next = prompt.next(&theta);
        let ratio = horizon as f64 * prompt.log_ratio(&next, 0);
        uncovered += u64::from(ratio >= LEVEL.ln() - TOLERANCE);
        let mut gradient = [0.0; 2];
        let counts = prompt.draw(horizon, rng);
        prompt.add_gradient(&next, &counts, 1.0, &mut gradient);
        step(&mut theta, &gradient, e / (horizon as f64 * bound));
    }
    Found {
        distance,
        uncovered: uncovered as f64 / steps as f64,
        s2: prompt.variance(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near, named};
    use crate::step::advance;

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        let cycle = named(&checks, "distance to the cycle");
        assert!(cycle.measured <= 1e-15, "{}", cycle.measured);
        let below = named(&checks, "distance to the cycle below 8/(HB)");
        let distances = below.rows.numbers("distance");
        assert_near("e = 2.5", distances[0], 2e-15, 1.1e-15);
        assert_near("e = 2.2", distances[1], 3.5e-8, 0.05e-8);
    }

    /// Without the projection the iterate drifts away.
    #[test]
    fn without_the_projection_it_fails() {
        let checks = measure(&PAPER, 400, 0, 1e-9, advance);
        assert_eq!(checks[0].verdict, Verdict::Fails);
        assert!(checks[0].measured > 1.0);
    }

    /// A step below 2/(HB) leaves the cycle for the truth.
    #[test]
    fn small_steps_end_at_the_truth() {
        let slow = |theta: &mut [f64; 2], gradient: &[f64; 2], eta: f64| {
            ascend(theta, gradient, 0.1 * eta);
        };
        let found = follow(64, 120.0, 8.0, 400, 0, slow);
        assert!(
            found.distance > 0.5 && found.uncovered < 0.1,
            "{}",
            found.uncovered
        );
    }
}
