//! SGD with small steps leaves a rare prompt uncovered (Prop 5.1, lower bound).

use breadth_stats::interval::at_most;
use breadth_stats::numerics::TOLERANCE;

use crate::check::Check;
use crate::slope::log_log;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "prop51small",
    paper: "Prop 5.1",
    title: "SGD, lower bound, small steps",
    claim: "eta <= 8/(HB): a prompt of mass c H/(T log N) stays uncovered for all T steps, with \
            probability at least 1/2.",
    correction: Some(
        "c = .09 from the proof's own start; the proof's constants give 1/(512 e^8). From u = 0 the \
         first visit covers everything with H/log N < e^{eta H B}, so a naive instance shows \
         nothing below H = 6000",
    ),
    cost: 0.01,
    run: Run::Computed(run),
};

/// c.
const SHARE: f64 = 0.09;
const LEVELS: [f64; 3] = [8.0, 64.0, 4096.0];
/// eta H B.
const STEPS: [f64; 2] = [4.0, 8.0];
/// From here on the constants are compared; below, k* is too small a whole number.
const LARGE: u64 = 4096;

fn run(size: Size, _: u64) -> Vec<Check> {
    let horizons = size.grid(&[1024, 4096, 16_384, 65_536]);
    let mut checks = constants(&horizons, proof_start);
    checks.extend(exponents(&horizons));
    checks.push(stays_uncovered(&horizons, SHARE));
    checks
}

/// The prompt '+' with features b a, a in {-1, 0, 1}, seen from u = b theta_1.
struct Plus {
    horizon: f64,
    log_n: f64,
    log_p: f64,
}

impl Plus {
    /// b = 2 log(1e5 H) + 6, theta*_1 = 1/2: all tokens are 1.
    fn new(horizon: u64, n: f64) -> Plus {
        let horizon = horizon as f64;
        let b = 2.0 * (1e5 * horizon).ln() + 6.0;
        Plus {
            horizon,
            log_n: n.ln(),
            log_p: Plus::log_ones(b / 2.0),
        }
    }

    /// `log q(1|+)`.
    fn log_ones(u: f64) -> f64 {
        -((-u).exp() + (-2.0 * u).exp()).ln_1p()
    }

    fn covers(&self, u: f64) -> bool {
        self.horizon * (self.log_p - Plus::log_ones(u)) < self.log_n - TOLERANCE
    }

    /// k*: visits until the prompt is covered, each of which moves u by `e0 (1 - E_q a)`.
    fn visits(&self, e0: f64, start: f64) -> u64 {
        let (mut u, mut visits) = (start, 0);
        while !self.covers(u) {
            let one = Plus::log_ones(u).exp();
            u += e0 * (1.0 - one * (1.0 - (-2.0 * u).exp()));
            visits += 1;
        }
        visits
    }
}

/// u_0 as the proof has it.
fn proof_start(horizon: u64, n: f64) -> f64 {
    (horizon as f64 / (4.0 * n.ln())).ln() - 1.0
}

/// e^u grows by e0 with each visit, from H/(4e log N) to H/log N.
fn constants(horizons: &[u64], start: fn(u64, f64) -> f64) -> Vec<Check> {
    let of_step = |e0: f64| {
        let predicted = (1.0 - 1.0 / (4.0 * std::f64::consts::E)) / e0;
        let plot = Plot::log("H", "k*").by("N").against("predicted k*");
        let columns = ["H", "N", "k*", "predicted k*", "k* log N / H"];
        let mut rows = Table::new(columns).drawn(plot);
        for &horizon in horizons {
            for n in LEVELS {
                let per = horizon as f64 / n.ln();
                let visits = Plus::new(horizon, n).visits(e0, start(horizon, n)) as f64;
                let scaled = visits / per;
                rows.numeric_row([horizon as f64, n, visits, predicted * per, scaled]);
            }
        }
        let scaled = rows
            .numbers("H")
            .into_iter()
            .zip(rows.numbers("k* log N / H"));
        let large = scaled.filter(|(h, _)| *h >= LARGE as f64);
        let furthest = large
            .map(|(_, scaled)| scaled)
            .max_by(|a, b| (a - predicted).abs().total_cmp(&(b - predicted).abs()))
            .expect("a large horizon");
        let band = (0.98 * predicted, 1.02 * predicted);
        Check::tight(format!("k* log N / H, e0 = {e0}"), furthest, band)
            .predicting(predicted)
            .with_rows(rows)
    };
    STEPS.into_iter().map(of_step).collect()
}

/// The exponents of k* in H (at N = 8) and in log N (at the largest H).
fn exponents(horizons: &[u64]) -> [Check; 2] {
    let e0 = STEPS[1];
    let visits = |h, n| Plus::new(h, n).visits(e0, proof_start(h, n)) as f64;
    let last = *horizons.last().expect("a horizon");
    let hs: Vec<f64> = horizons.iter().map(|&h| h as f64).collect();
    let in_h: Vec<f64> = horizons.iter().map(|&h| visits(h, LEVELS[0])).collect();
    let logs = LEVELS.map(f64::ln);
    let in_log_n = LEVELS.map(|n| visits(last, n));
    let slope = |name, x: &[f64], y: &[f64], predicted: f64| {
        let fit = log_log(x, y).slope.value;
        Check::tight(name, fit, (predicted - 0.03, predicted + 0.03)).predicting(predicted)
    };
    [
        slope("exponent of k* in H", &hs, &in_h, 1.0),
        slope("exponent of k* in log N", &logs, &in_log_n, -1.0),
    ]
}

/// The least probability, over H, N and T, that a prompt of mass `c H/(T log N)` is seen fewer than
/// k* times in T steps.
fn stays_uncovered(horizons: &[u64], c: f64) -> Check {
    let plot = Plot::log_x("H", "P").by("N");
    let mut rows = Table::new(["H", "N", "T", "mu", "k*", "P"]).drawn(plot);
    for &horizon in horizons {
        for n in LEVELS {
            let visits = Plus::new(horizon, n).visits(STEPS[1], proof_start(horizon, n)) as f64;
            for steps in [1000, 10_000, 100_000_u64] {
                let mass = c * horizon as f64 / (steps as f64 * n.ln());
                if mass <= 0.5 {
                    let probability = at_most(visits - 1.0, steps, mass);
                    let steps = steps as f64;
                    rows.numeric_row([horizon as f64, n, steps, mass, visits, probability]);
                }
            }
        }
    }
    let least = rows.numbers("P").into_iter().fold(f64::INFINITY, f64::min);
    Check::tight(
        "least probability that it stays uncovered",
        least,
        (0.5, 1.0),
    )
    .with_rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near, named};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        for (name, pilot) in [
            ("k* log N / H, e0 = 4", [0.22696, 0.22693, 0.22680]),
            ("k* log N / H, e0 = 8", [0.11347, 0.11347, 0.11334]),
        ] {
            let scaled = named(&checks, name).rows.numbers("k* log N / H");
            for (found, pilot) in scaled[scaled.len() - 3..].iter().zip(pilot) {
                assert_near(name, *found, pilot, 5e-6);
            }
        }
        assert_near(
            "e0 = 4, H = 1024",
            checks[0].rows.numbers("k* log N / H")[0],
            0.2254,
            5e-5,
        );
        assert_near(
            "e0 = 8, H = 1024",
            checks[1].rows.numbers("k* log N / H")[0],
            0.1117,
            5e-5,
        );
        let rows = &named(&checks, "least probability that it stays uncovered").rows;
        let cells = rows
            .numbers("H")
            .into_iter()
            .zip(rows.numbers("N"))
            .zip(rows.numbers("P"));
        for ((h, n), probability) in cells {
            match (h as u64, n as u64) {
                (1024, 8) => assert_near("P at H = 1024", probability, 0.93, 0.01),
                (16_384.., 8) => assert!(probability > 0.995, "{h}: {probability}"),
                _ => {}
            }
        }
    }

    /// The step's law against the three tokens written out.
    #[test]
    fn a_visit_is_a_gradient_step() {
        for u in [-1.0, 0.0, 0.7, 5.0_f64] {
            let total = u.exp() + 1.0 + (-u).exp();
            assert!((Plus::log_ones(u) - (u.exp() / total).ln()).abs() < 1e-14);
            let one = Plus::log_ones(u).exp();
            let mean = (u.exp() - (-u).exp()) / total;
            assert!((one * (1.0 - (-2.0 * u).exp()) - mean).abs() < 1e-14);
        }
    }

    /// The proof's start is what makes the prompt slow: from 0 one visit is enough.
    #[test]
    fn the_naive_start_shows_nothing() {
        for h in [256, 1024, 4096] {
            assert_eq!(Plus::new(h, 8.0).visits(8.0, 0.0), 1);
        }
        assert!(Plus::new(65_536, 8.0).visits(8.0, 0.0) > 1000);
        let checks = constants(&[4096], |_, _| 0.0);
        assert_eq!(checks[1].verdict, Verdict::Fails);
    }

    #[test]
    fn a_larger_constant_fails() {
        assert_eq!(
            stays_uncovered(&[1024, 16_384], 0.13).verdict,
            Verdict::Fails
        );
    }
}
