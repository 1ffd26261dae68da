//! Without convexity maximum likelihood may take the worse model (Prop E.1).

use std::cmp::Ordering;

use rand::Rng;

use crate::check::Check;
use crate::law::{bernoulli, binomial, coverage};
use crate::statement::seeds::replicates;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

const ID: &str = "propE1";

pub(super) const STATEMENT: Statement = Statement {
    id: ID,
    paper: "Prop E.1",
    title: "without convexity maximum likelihood may take the worse model",
    claim: "Two prompts with fair coins; q1 is a little wrong on the common one, q2 very wrong on \
            the other, of mass alpha^2/(32 log M). With probability at least 1/4, for every n, \
            maximum likelihood takes q2, though Cov_N(q1) = 0 for N > e^alpha and Cov_M(q2) is half \
            that mass. The tournament takes q1.",
    correction: Some(
        "Printed are alpha/32, Cov_M(q2) = mu(-) and KL(Ber(1/2)||Ber(e^-a/2)) >= (1 - e^-a)^2. \
         True are alpha^2/32, half of mu(-), and half of the square.",
    ),
    cost: 0.8,
    run: Run::Computed(run),
};

const ALPHAS: [f64; 3] = [0.25, 0.5, 1.0];
const RIVALS: [f64; 3] = [8.0, 100.0, 1e6];
/// Level of the tournament: above e^alpha and above 2.
const LEVEL: f64 = 3.0;

#[derive(Clone, Copy)]
struct TwoModels {
    alpha: f64,
    /// M
    rival: f64,
    /// mu(-)
    mass: f64,
}

/// What a data set holds.
struct Seen {
    /// At '+': tokens 1 and 0.
    plus: [u64; 2],
    /// At '-': tokens 1 and 0.
    minus: [u64; 2],
}

impl Seen {
    /// Of (+,1), (+,0), (-,1), (-,0).
    fn counts(&self) -> [u64; 4] {
        [self.plus[0], self.plus[1], self.minus[0], self.minus[1]]
    }
}

impl TwoModels {
    fn new(alpha: f64, rival: f64) -> TwoModels {
        let mass = alpha * alpha / (32.0 * rival.ln());
        TwoModels { alpha, rival, mass }
    }

    fn draw(&self, rng: &mut impl Rng, rows: u64) -> Seen {
        let minus = binomial(rng, rows, self.mass);
        let mut coins = |rows| {
            let ones = binomial(rng, rows, 0.5);
            [ones, rows - ones]
        };
        Seen {
            plus: coins(rows - minus),
            minus: coins(minus),
        }
    }

    /// `log q2/q1` of the four rows: (+,1), (+,0), (-,1), (-,0).
    fn log_ratios(&self) -> [f64; 4] {
        [
            self.alpha,
            -(2.0 - (-self.alpha).exp()).ln(),
            -self.rival.ln(),
            (2.0 - self.rival.recip()).ln(),
        ]
    }

    fn likelihood_takes_second(&self, seen: &Seen) -> bool {
        let terms = seen.counts().into_iter().zip(self.log_ratios());
        terms
            .map(|(count, ratio)| count as f64 * ratio)
            .sum::<f64>()
            > 0.0
    }

    /// Eq 29 at N = 3: the value of a model is how many rows the other makes three times as
    /// likely. Only (-,1) is such a row, of q1 over q2; without one the two tie, and cross-entropy
    /// decides.
    fn tournament_takes_first(&self, seen: &Seen) -> bool {
        let terms = || seen.counts().into_iter().zip(self.log_ratios());
        let value = |sign: f64| -> u64 {
            let rows = terms().filter(|(_, ratio)| sign * ratio >= LEVEL.ln());
            rows.map(|(count, _)| count).sum()
        };
        match value(1.0).cmp(&value(-1.0)) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => !self.likelihood_takes_second(seen),
        }
    }

    /// The laws on (+,1), (+,0), (-,1), (-,0) of the data, q1 and q2.
    fn laws(&self) -> [Vec<f64>; 3] {
        let fair = bernoulli(0.5);
        let slightly_wrong = bernoulli(0.5 * (-self.alpha).exp());
        let very_wrong = bernoulli(0.5 / self.rival);
        [[fair, fair], [slightly_wrong, fair], [fair, very_wrong]].map(|[plus, minus]| {
            let (common, rare) = (1.0 - self.mass, self.mass);
            vec![
                common * plus[1],
                common * plus[0],
                rare * minus[1],
                rare * minus[0],
            ]
        })
    }
}

fn run(size: Size, seed: u64) -> Vec<Check> {
    let mut checks = vec![likelihood(size, seed)];
    checks.push(tournament(size, seed));
    checks.extend(exact_coverage());
    checks
}

fn likelihood(size: Size, seed: u64) -> Check {
    let mut rows = Table::new(["alpha", "M", "n", "P(MLE = q2)"])
        .drawn(Plot::log_x("n", "P(MLE = q2)").by("alpha"));
    let sets = size.seeds(20_000);
    let mut least = u64::MAX;
    for alpha in ALPHAS {
        for rival in RIVALS {
            let models = TwoModels::new(alpha, rival);
            for n in [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000] {
                let cell = format!("alpha={alpha}, M={rival}, n={n}");
                let takes = replicates((ID, &cell, seed), sets, |rng| {
                    models.likelihood_takes_second(&models.draw(rng, n))
                });
                let second = takes.into_iter().filter(|&second| second).count() as u64;
                rows.numeric_row([alpha, rival, n as f64, second as f64 / sets as f64]);
                least = least.min(second);
            }
        }
    }
    Check::probability("smallest P(MLE = q2)", least, sets, 0.25).with_rows(rows)
}

fn tournament(size: Size, seed: u64) -> Check {
    let mut rows = Table::new(["alpha", "M", "n", "P(tournament = q1)", "exact"]).drawn(
        Plot::log_x("n", "P(tournament = q1)")
            .by("alpha")
            .against("exact"),
    );
    let sets = size.seeds(4000);
    let mut least = u64::MAX;
    for alpha in ALPHAS {
        for rival in RIVALS {
            let models = TwoModels::new(alpha, rival);
            let n = (10.0 / models.mass).round();
            let cell = format!("tournament, alpha={alpha}, M={rival}");
            let takes = replicates((ID, &cell, seed), sets, |rng| {
                models.tournament_takes_first(&models.draw(rng, n as u64))
            });
            let first = takes.into_iter().filter(|&first| first).count() as u64;
            let exact = 1.0 - (n * (-0.5 * models.mass).ln_1p()).exp();
            rows.numeric_row([alpha, rival, n, first as f64 / sets as f64, exact]);
            least = least.min(first);
        }
    }
    Check::probability(
        "smallest P(tournament = q1) at N = 3, n = 10/mu(-)",
        least,
        sets,
        0.98,
    )
    .with_rows(rows)
}

fn exact_coverage() -> [Check; 2] {
    let (mut first, mut second): (f64, f64) = (0.0, 0.0);
    for alpha in ALPHAS {
        for rival in RIVALS {
            let models = TwoModels::new(alpha, rival);
            let [p, q1, q2] = models.laws();
            first = first.max(coverage(&p, &q1, alpha + 1e-6));
            let relative = coverage(&p, &q2, rival.ln()) / (0.5 * models.mass) - 1.0;
            second = second.max(relative.abs());
        }
    }
    [
        Check::tight(
            "largest Cov_N(q1) just above N = e^alpha",
            first,
            (0.0, 0.0),
        ),
        Check::tight(
            "largest relative error of Cov_M(q2) = mu(-)/2",
            second,
            (0.0, 1e-12),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::law::{coin_kl, level};
    use crate::statement::testing::{assert_holds, assert_near};
    use breadth_stats::bound::mle_coverage_lower_nonconvex;

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        // At n = 1 it is 1/2 to a few standard errors, .0035 each.
        assert_near("smallest P", checks[0].measured, 0.4953, 0.011);
        let table = &checks[1].rows;
        let exact = table.numbers("exact");
        for (share, exact) in table.numbers("P(tournament = q1)").iter().zip(exact) {
            assert_near("P(tournament = q1)", *share, exact, 4.0 * 0.0013);
            assert!((0.9866..=0.9975).contains(share));
        }
    }

    /// `breadth_stats` holds the same two numbers.
    #[test]
    fn masses_are_those_of_the_bound() {
        let models = TwoModels::new(0.5, 100.0);
        let known = mle_coverage_lower_nonconvex(level(100_f64.ln()), 0.5).unwrap();
        assert!((known.0 - models.mass).abs() < 1e-15);
    }

    /// The tournament of `breadth_stats` on the rows themselves.
    #[test]
    fn the_closed_form_of_the_tournament_is_the_tournament() {
        let models = TwoModels::new(1.0, 100.0);
        let [_, q1, q2] = models.laws();
        let mut both = [0, 0];
        for replicate in 0..300 {
            let rng = &mut crate::stream(ID, "test", 0, replicate);
            let seen = models.draw(rng, 400);
            let counts = seen.counts();
            let column = |q: &[f64]| -> Vec<f64> {
                let rows = counts.iter().zip(q);
                rows.flat_map(|(&count, q)| std::iter::repeat_n(q.ln(), count as usize))
                    .collect()
            };
            let (first, second) = (column(&q1), column(&q2));
            let outcome = breadth_stats::tournament(
                &[&first, &second],
                &breadth_stats::Design::default(),
                level(LEVEL.ln()),
                0.95,
            );
            let takes_first = outcome.unwrap().winner == 0;
            assert_eq!(models.tournament_takes_first(&seen), takes_first);
            both[usize::from(takes_first)] += 1;
        }
        assert!(both[0] > 20 && both[1] > 20, "{both:?}");
    }

    /// With the printed `mu(-) = alpha/(32 log M)` the rare prompt costs more than the common one
    /// gains once alpha is small, `alpha^2/2` against `alpha/64` nats for each row, and maximum
    /// likelihood takes q1.
    #[test]
    fn the_printed_mass_fails() {
        let takes_second = |models: TwoModels| {
            let cell = (ID, "printed mass", 0);
            let takes = replicates(cell, 400, |rng| {
                models.likelihood_takes_second(&models.draw(rng, 10_000_000))
            });
            let second = takes.into_iter().filter(|&second| second).count() as u64;
            Check::probability("P(MLE = q2)", second, 400, 0.25).verdict
        };
        let (alpha, rival): (f64, f64) = (0.01, 8.0);
        let printed = alpha / (32.0 * rival.ln());
        let corrected = TwoModels::new(alpha, rival);
        assert_eq!(
            takes_second(TwoModels {
                mass: printed,
                ..corrected
            }),
            Verdict::Fails
        );
        assert_eq!(takes_second(corrected), Verdict::Holds);
    }

    #[test]
    fn the_printed_divergence_fails_and_half_of_it_holds() {
        for step in 1..=100 {
            let alpha = f64::from(step) / 100.0;
            let missing = 1.0 - (-alpha).exp();
            let kl = coin_kl(0.5, 0.5 * (-alpha).exp());
            assert!(kl >= 0.5 * missing * missing, "alpha = {alpha}");
            assert!(kl < missing * missing, "alpha = {alpha}");
        }
        let kl = coin_kl(0.5, 0.5 * (-1.0_f64).exp());
        assert_near("KL", kl, 0.2551, 5e-5);
        assert_near("printed", (1.0 - (-1.0_f64).exp()).powi(2), 0.3996, 5e-5);
        // The conclusion survives: the proof needs (1 - 4 mu(-)) KL > alpha^2/8.
        let rare = TwoModels::new(1.0, 8.0).mass;
        assert!((1.0 - 4.0 * rare) * 0.5 * 0.3996 > 0.125);
    }

    /// All of mu(-), as printed, instead of half.
    #[test]
    fn the_printed_coverage_fails() {
        let models = TwoModels::new(0.5, 8.0);
        let [p, _, q2] = models.laws();
        let found = coverage(&p, &q2, models.rival.ln());
        let printed = Check::tight("Cov_M(q2) / mu(-)", found / models.mass, (1.0 - 1e-9, 1.0));
        assert_eq!(printed.verdict, Verdict::Fails);
    }
}
