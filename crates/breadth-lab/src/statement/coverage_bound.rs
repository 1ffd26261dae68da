//! Upper bounds on coverage from a divergence: how near they are to random laws and to a pair of
//! Bernoullis that should meet them.

use breadth_stats::Level;

use crate::check::{Check, WorstRatio};
use crate::law::{bernoulli, coverage, level, pairs};
use crate::table::{Plot, Table};

/// An upper bound on coverage from a divergence and N; `None` where it says nothing.
pub(super) type Bound = fn(f64, Level) -> Option<f64>;

/// A bound, and the divergence that it is a bound from.
#[derive(Clone, Copy, Debug)]
pub(super) struct CoverageBound {
    /// The statement, for the name of the random stream.
    pub id: &'static str,
    /// Of p and q.
    pub divergence: fn(&[f64], &[f64]) -> f64,
    pub bound: Bound,
}

impl CoverageBound {
    /// The worst ratio over the random pairs for which the bound says anything.
    pub fn at_random(&self, name: &str, seed: u64, count: u64) -> Check {
        let mut worst = WorstRatio::default();
        for pair in pairs(self.id, seed, count) {
            let bound = self.of(&pair.p, &pair.q, level(pair.log_n));
            if let Some(most) = bound.filter(|&most| most < 1.0) {
                let cov = coverage(&pair.p, &pair.q, pair.log_n);
                worst.see(cov, most, || pair.to_string());
            }
        }
        Check::inequality(name, &worst)
    }

    /// p = Ber(s), q = Ber(s/N): the ratio at s = 1e-4, and the way there.
    pub fn extremal(&self) -> Check {
        let mut rows = Table::new(["s", "N", "ratio"]).drawn(Plot::log_x("s", "ratio").by("N"));
        let mut least = f64::INFINITY;
        for n in [4.0, 8.0, 64.0, 4096.0_f64] {
            for s in [0.5, 0.1, 0.01, 1e-3, 1e-4] {
                let (p, q) = (bernoulli(s), bernoulli(s / n));
                let most = self.of(&p, &q, level(n.ln())).unwrap_or(f64::NAN);
                let ratio = coverage(&p, &q, n.ln()) / most;
                rows.numeric_row([s, n, ratio]);
                if s == 1e-4 {
                    least = least.min(ratio);
                }
            }
        }
        Check::tight(
            "smallest extremal ratio, s = 1e-4",
            least,
            (0.9999, 1.0 + 1e-9),
        )
        .predicting(1.0)
        .with_rows(rows)
    }

    fn of(&self, p: &[f64], q: &[f64], level: Level) -> Option<f64> {
        (self.bound)((self.divergence)(p, q), level)
    }
}
