//! Test-time training beats every proper learner (Thm 6.1 against Prop 3.2).

use rand::RngExt;
use rayon::prelude::*;

use crate::check::Check;
use crate::estimate::Estimate;
use crate::law::coin_kl;
use crate::random::stream;
use crate::slope::log_log;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "thm61improper",
    paper: "Thm 6.1, Prop 3.2",
    title: "test-time training beats every proper learner",
    claim: "On Prop 3.2's unseen prompt every proper estimator has KL .328 H; the decoder with \
            test-time training has KL of order sqrt(H).",
    correction: None,
    cost: 0.2,
    run: Run::Computed(run),
};

const RUNS: u64 = 1000;
/// Slopes are taken over so many groups of runs.
const GROUPS: u64 = 20;
const HORIZONS: [u64; 5] = [8, 32, 128, 512, 2048];

fn run(size: Size, seed: u64) -> Vec<Check> {
    vec![measure(&size.grid(&HORIZONS), size.seeds(RUNS), seed, rate)]
}

/// eta of Thm 6.1: B = 1, and s2 T = .42 H/2 where the prompt has mass 1/(2n) and T = n.
fn rate(horizon: u64) -> f64 {
    (0.42 * horizon as f64 / 2.0).sqrt().recip().min(0.5)
}

/// `rate`: eta as a function of H; 0 is the proper estimator theta = 0.
fn measure(horizons: &[u64], runs: u64, seed: u64, rate: fn(u64) -> f64) -> Check {
    let plot = Plot::log("H", "KL").with_errors("se").fitted();
    let mut rows = Table::new(["H", "eta", "KL", "se", "KL of theta = 0"]).drawn(plot);
    let mut of_group = vec![Vec::new(); GROUPS as usize];
    for &horizon in horizons {
        let eta = rate(horizon);
        let of_run = |run| {
            let rng = &mut stream("thm61improper", &format!("H={horizon}"), seed, run);
            decoder_kl(eta, (0..horizon).map(|_| rng.random::<f64>() < ONES))
        };
        let kls: Vec<f64> = (0..runs).into_par_iter().map(of_run).collect();
        let size = (runs / GROUPS) as usize;
        for (means, group) in of_group.iter_mut().zip(kls.chunks_exact(size)) {
            means.push(Estimate::mean(group).value);
        }
        let (kl, proper) = (Estimate::mean(&kls), horizon as f64 * coin_kl(ONES, 0.5));
        rows.numeric_row([horizon as f64, eta, kl.value, kl.standard_error, proper]);
    }
    let hs: Vec<f64> = horizons.iter().map(|&horizon| horizon as f64).collect();
    let slopes: Vec<f64> = of_group
        .iter()
        .map(|kls| log_log(&hs, kls).slope.value)
        .collect();
    Check::slope(
        "exponent of the KL in H",
        Estimate::mean(&slopes),
        (0.45, 0.55),
    )
    .predicting(0.5)
    .with_rows(rows)
}

/// p(+1) at theta = 1.
const ONES: f64 = 0.880_797_077_977_882_3;

/// The summed next-token KLs of the decoder along a response, from theta = 0.
fn decoder_kl(eta: f64, response: impl Iterator<Item = bool>) -> f64 {
    let mut theta: f64 = 0.0;
    let kl = |is_one| {
        let one = 1.0 / (1.0 + (-2.0 * theta).exp());
        let sign = if is_one { 1.0 } else { -1.0 };
        theta = (theta + eta * (sign - (2.0 * one - 1.0))).clamp(-1.0, 1.0);
        ONES * (ONES / one).ln() + (1.0 - ONES) * ((1.0 - ONES) / (1.0 - one)).ln()
    };
    response.map(kl).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let check = &assert_holds(&STATEMENT)[0];
        let pilot = [
            (0.866, 0.020),
            (1.835, 0.033),
            (3.532, 0.041),
            (7.083, 0.062),
            (14.252, 0.080),
        ];
        let (kls, errors) = (check.rows.numbers("KL"), check.rows.numbers("se"));
        for ((kl, error), (pilot, pilot_error)) in kls.iter().zip(errors).zip(pilot) {
            assert_near("KL", *kl, pilot, 3.0 * error.hypot(pilot_error));
        }
        for (found, pilot) in check
            .rows
            .numbers("KL of theta = 0")
            .iter()
            .zip([2.62, 10.5, 42.0, 167.8, 671.4])
        {
            assert_near("KL of theta = 0", *found, pilot, 5e-3 * pilot);
        }
        assert_near("slope", check.measured, 0.501, 0.02);
    }

    #[test]
    fn a_fixed_step_reproduces_the_pilot() {
        let check = measure(&[8, 16, 64, 256], RUNS, 1, |_| 0.5);
        for (found, pilot) in check
            .rows
            .numbers("KL")
            .iter()
            .zip([0.87, 1.30, 3.79, 13.99])
        {
            assert_near("KL", *found, pilot, 0.05 * pilot);
        }
    }

    /// The mean over runs against all 2^8 responses.
    #[test]
    fn the_mean_is_that_of_all_responses() {
        let mut exact = 0.0;
        for response in 0..256_u32 {
            let ones = response.count_ones() as i32;
            let probability = ONES.powi(ones) * (1.0 - ONES).powi(8 - ones);
            exact += probability * decoder_kl(0.5, (0..8).map(|h| response >> h & 1 == 1));
        }
        let check = measure(&[8, 16], 4000, 2, |_| 0.5);
        let (kl, error) = (check.rows.numbers("KL")[0], check.rows.numbers("se")[0]);
        assert!((kl - exact).abs() < 4.0 * error, "{kl} {exact}");
        assert!((ONES - 1.0 / (1.0 + (-2.0_f64).exp())).abs() < 1e-15);
    }

    /// Without test-time training the decoder is a proper learner.
    #[test]
    fn a_proper_learner_fails() {
        let check = measure(&HORIZONS, 40, 0, |_| 0.0);
        assert_eq!(check.verdict, Verdict::Fails);
    }
}
