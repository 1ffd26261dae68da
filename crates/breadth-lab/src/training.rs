//! Training runs on the shared instances.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::check::Check;
use crate::estimate::Estimate;
use crate::law::{NextToken, Prompt, SteepAndFlat, SteepAndFlatLaws, ThreePrompts};
use crate::random::stream;
use crate::slope::{Line, log_log};
use crate::table::{Plot, Table};

/// N of the coverages that training is judged by.
pub const N: f64 = 8.0;
/// Steps T of the averages: a factor of 500^(1/6) apart.
pub const TIMES: [u64; 7] = [100, 282, 794, 2236, 6299, 17_747, 50_000];
/// The prompts count as covered once less than this is uncovered.
const COVERED: f64 = 0.05;

/// What a run on [`SteepAndFlat`] covered.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// After so many steps `Cov_N` is below .05 for good; the number of steps if it is not.
    pub steps_to_cover: u64,
    /// `(1/T) sum Cov_N(theta_t)` over the first T iterates, for each T asked for.
    pub averages: Vec<f64>,
}

/// Trains on [`SteepAndFlat`] for as many steps as the last of `times`.
///
/// `times`: ascending numbers of steps T; `update`: one step, from the laws of the present theta.
///
/// # Panics
///
/// If there are no times.
pub fn on_steep_and_flat(
    instance: &SteepAndFlat,
    times: &[u64],
    mut update: impl FnMut(&mut [f64; 3], &SteepAndFlatLaws),
) -> Trace {
    let last = *times.last().expect("a number of steps");
    let mut theta = SteepAndFlat::start();
    let mut trace = Trace {
        steps_to_cover: 0,
        averages: Vec::new(),
    };
    let mut total = 0.0;
    for step in 1..=last {
        let laws = instance.next(&theta);
        let coverage = instance.coverage(&laws, N.ln());
        if coverage >= COVERED {
            trace.steps_to_cover = step;
        }
        total += coverage;
        if times.contains(&step) {
            trace.averages.push(total / step as f64);
        }
        update(&mut theta, &laws);
    }
    trace
}

/// Runs on [`SteepAndFlat`] at several sequence lengths, each from its own random stream.
#[derive(Clone, Copy, Debug)]
pub struct Runs<'a> {
    /// The statement.
    pub id: &'a str,
    /// What is trained, for the name of the stream.
    pub method: &'a str,
    /// H.
    pub horizons: &'a [u64],
    /// B.
    pub bound: f64,
    /// Runs of each cell.
    pub runs: u64,
    /// The seed of the whole run.
    pub seed: u64,
}

/// Steps until the prompts are covered for good, against H.
#[derive(Clone, Debug)]
pub struct StepsToCover {
    /// H, mean steps and their standard error.
    pub rows: Table,
    /// The logarithms of the steps against those of H, fitted for each run.
    pub fits: Vec<Line>,
}

/// Average coverage over a bound, by H and T.
#[derive(Clone, Debug)]
pub struct OverBound {
    /// H, T, Cov, its standard error, the bound and the ratio.
    pub rows: Table,
    /// The ratios.
    pub ratios: Vec<Estimate>,
    /// (runs, H) the largest ratio over T.
    peaks: Vec<Vec<f64>>,
}

/// The traces of [`Runs`].
#[derive(Clone, Debug)]
pub struct Traces {
    /// The instance at each H, with the trace of each run.
    pub cells: Vec<(SteepAndFlat, Vec<Trace>)>,
}

impl Runs<'_> {
    /// Trains.
    pub fn train(&self, train: impl Fn(&SteepAndFlat, &mut ChaCha8Rng) -> Trace + Sync) -> Traces {
        let cell = |&horizon: &u64| {
            let instance = SteepAndFlat::new(horizon, self.bound);
            let name = format!("{} H={horizon} B={}", self.method, self.bound);
            let one = |run| train(&instance, &mut stream(self.id, &name, self.seed, run));
            let traces = (0..self.runs).into_par_iter().map(one).collect();
            (instance, traces)
        };
        Traces {
            cells: self.horizons.iter().map(cell).collect(),
        }
    }
}

impl Traces {
    /// How many steps it takes to cover both prompts.
    pub fn steps_to_cover(&self) -> StepsToCover {
        let plot = Plot::log("H", "steps").with_errors("se").fitted();
        let mut rows = Table::new(["H", "steps", "se"]).drawn(plot);
        let mut of_run: Vec<Vec<f64>> = Vec::new();
        for (instance, traces) in &self.cells {
            let steps: Vec<f64> = traces.iter().map(|t| t.steps_to_cover as f64).collect();
            of_run.resize(steps.len(), Vec::new());
            of_run
                .iter_mut()
                .zip(&steps)
                .for_each(|(all, one)| all.push(*one));
            let mean = Estimate::mean(&steps);
            rows.numeric_row([
                instance.steep.horizon as f64,
                mean.value,
                mean.standard_error,
            ]);
        }
        let hs = rows.numbers("H");
        let fits = of_run.iter().map(|steps| log_log(&hs, steps)).collect();
        StepsToCover { rows, fits }
    }

    /// The average coverage after each of `times` steps over `bound`, a function of the instance
    /// and T.
    pub fn over_bound(
        &self,
        times: &[u64],
        bound: impl Fn(&SteepAndFlat, u64) -> f64,
    ) -> OverBound {
        let plot = Plot::log("T", "Cov")
            .by("H")
            .with_errors("se")
            .against("bound");
        let mut rows = Table::new(["H", "T", "Cov", "se", "bound", "ratio"]).drawn(plot);
        let (mut ratios, mut peaks) = (Vec::new(), Vec::new());
        for (instance, traces) in &self.cells {
            peaks.resize(traces.len(), Vec::new());
            for (peaks, trace) in peaks.iter_mut().zip(traces) {
                let cells = trace.averages.iter().zip(times);
                let ratios = cells.map(|(average, &steps)| average / bound(instance, steps));
                peaks.push(ratios.fold(f64::NEG_INFINITY, f64::max));
            }
            for (at, &steps) in times.iter().enumerate() {
                let averages: Vec<f64> = traces.iter().map(|trace| trace.averages[at]).collect();
                let (cov, bound) = (Estimate::mean(&averages), bound(instance, steps));
                let ratio = cov.scaled(bound.recip());
                ratios.push(ratio);
                let (h, t) = (instance.steep.horizon as f64, steps as f64);
                rows.numeric_row([h, t, cov.value, cov.standard_error, bound, ratio.value]);
            }
        }
        OverBound {
            rows,
            ratios,
            peaks,
        }
    }
}

impl StepsToCover {
    /// The exponent in H, over the runs.
    pub fn slope(&self) -> Estimate {
        let slopes: Vec<f64> = self.fits.iter().map(|fit| fit.slope.value).collect();
        Estimate::mean(&slopes)
    }
}

impl OverBound {
    /// The exponent in H of the largest ratio over T, over the runs.
    pub fn slope(&self) -> Estimate {
        let mut hs = self.rows.numbers("H");
        hs.dedup();
        let slope = |peaks: &Vec<f64>| log_log(&hs, peaks).slope.value;
        Estimate::mean(&self.peaks.iter().map(slope).collect::<Vec<_>>())
    }

    /// The ratio at the last T over the largest at any T; the largest over H.
    pub fn end_over_peak(&self) -> f64 {
        let hs = self.rows.numbers("H");
        let cells: Vec<(f64, f64)> = hs.into_iter().zip(self.rows.numbers("ratio")).collect();
        let largest =
            |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let curves = cells.chunk_by(|a, b| a.0 == b.0);
        let of = |curve: &[(f64, f64)]| {
            curve[curve.len() - 1].1 / largest(&mut curve.iter().map(|cell| cell.1))
        };
        largest(&mut curves.map(of))
    }
}

/// Trains on [`ThreePrompts`] for `steps` steps; the mean of `measure` over the iterates.
///
/// `update`: one step, on a prompt drawn from mu and its present next-token law; `measure`: of the
/// iterate's laws on all prompts, the start's included and the last iterate's left out.
pub fn on_three_prompts(
    instance: &ThreePrompts,
    steps: u64,
    rng: &mut ChaCha8Rng,
    mut update: impl FnMut(&mut [f64; 4], &Prompt<4, 4>, &NextToken<4>, &mut ChaCha8Rng),
    mut measure: impl FnMut(u64, &[NextToken<4>; 3]) -> f64,
) -> f64 {
    let mut theta = ThreePrompts::START;
    let mut total = 0.0;
    for step in 0..steps {
        let laws = instance.next(&theta);
        total += measure(step, &laws);
        let x = instance.draw(rng);
        update(&mut theta, &instance.prompts[x], &laws[x], rng);
    }
    total / steps as f64
}

/// SGD on several random [`ThreePrompts`], each run from its own random stream.
#[derive(Clone, Copy, Debug)]
pub struct Sgd<'a> {
    /// The statement.
    pub id: &'a str,
    /// (H, T), each with its own runs.
    pub cells: &'a [(u64, u64)],
    /// Runs on each instance.
    pub runs: u64,
    /// The seed of the whole run.
    pub seed: u64,
}

impl Sgd<'_> {
    /// Instances in each cell.
    const LAWS: u64 = 8;

    /// The average KL of the iterates over `4/(eta T) + 2 eta s2`, which it should not exceed on any
    /// instance.
    ///
    /// `eta`: the step size for an instance, H and T; `average_kl`: of one run on an instance with T
    /// and eta.
    pub fn kl_over_bound(
        &self,
        name: &str,
        eta: impl Fn(&ThreePrompts, u64, u64) -> f64,
        average_kl: impl Fn(&ThreePrompts, u64, f64, &mut ChaCha8Rng) -> f64 + Sync,
    ) -> Check {
        let plot = Plot::log("T", "KL")
            .by("H")
            .with_errors("se")
            .against("bound");
        let mut rows = Table::new(["H", "T", "KL", "se", "bound", "largest ratio"]).drawn(plot);
        let mut ratios = Vec::new();
        for &(horizon, steps) in self.cells {
            let of_law = |law| {
                let instance = ThreePrompts::new(horizon, self.seed, law);
                let eta = eta(&instance, horizon, steps);
                let bound = 4.0 / (eta * steps as f64) + 2.0 * eta * instance.variance();
                let cell = format!("H={horizon} T={steps} law={law}");
                let kl = self.mean(&cell, |rng| average_kl(&instance, steps, eta, rng));
                (kl, bound)
            };
            let laws: Vec<(Estimate, f64)> = (0..Self::LAWS).map(of_law).collect();
            let of_cell = laws.iter().map(|(kl, bound)| kl.scaled(bound.recip()));
            let largest = of_cell.clone().map(|ratio| ratio.value).fold(0.0, f64::max);
            ratios.extend(of_cell);
            let kl = Estimate::mean(&laws.iter().map(|(kl, _)| kl.value).collect::<Vec<_>>());
            let bound = laws.iter().map(|(_, bound)| bound).sum::<f64>() / Self::LAWS as f64;
            let (h, t) = (horizon as f64, steps as f64);
            rows.numeric_row([h, t, kl.value, kl.standard_error, bound, largest]);
        }
        Check::bounded_above(name, &ratios, 1.0, &[]).with_rows(rows)
    }

    /// The mean of one number of each run of a cell.
    fn mean(&self, cell: &str, measure: impl Fn(&mut ChaCha8Rng) -> f64 + Sync) -> Estimate {
        let one = |run| measure(&mut stream(self.id, cell, self.seed, run));
        let values: Vec<f64> = (0..self.runs).into_par_iter().map(one).collect();
        Estimate::mean(&values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream;

    /// Without an update nothing is ever covered; with the truth at once everything is.
    #[test]
    fn traces_of_known_runs() {
        let instance = SteepAndFlat::new(8, 16.0);
        let still = on_steep_and_flat(&instance, &[1, 3], |_, _| {});
        assert_eq!(still.steps_to_cover, 3);
        assert!(still.averages.iter().all(|average| *average > 0.99));
        let at_once = on_steep_and_flat(&instance, &[1, 4], |theta, _| *theta = [0.8, 0.0, 0.6]);
        assert_eq!(at_once.steps_to_cover, 1);
        assert!((at_once.averages[1] - at_once.averages[0] / 4.0).abs() < 1e-15);
    }

    /// A made-up training: covered after H steps, with the averages 1, .5 and .25.
    fn made_up(instance: &SteepAndFlat, _: &mut ChaCha8Rng) -> Trace {
        Trace {
            steps_to_cover: instance.steep.horizon,
            averages: vec![1.0, 0.5, 0.25],
        }
    }

    #[test]
    fn slopes_and_peaks_of_known_curves() {
        let horizons = &[8, 32, 128];
        let runs = Runs {
            id: "test",
            method: "made up",
            horizons,
            bound: 16.0,
            runs: 2,
            seed: 0,
        };
        let traces = runs.train(made_up);
        let covered = traces.steps_to_cover();
        assert!((covered.slope().value - 1.0).abs() < 1e-12);
        assert_eq!(covered.rows.numbers("steps"), [8.0, 32.0, 128.0]);
        // Ratios of H, 2 H and H.
        let bound = |instance: &SteepAndFlat, steps| {
            [1.0, 0.25, 0.25][steps as usize] / instance.steep.horizon as f64
        };
        let over = traces.over_bound(&[0, 1, 2], bound);
        assert_eq!(over.rows.numbers("ratio")[..3], [8.0, 16.0, 8.0]);
        assert!((over.slope().value - 1.0).abs() < 1e-12);
        assert!((over.end_over_peak() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn the_mean_is_over_the_start_and_all_iterates_but_the_last() {
        let instance = ThreePrompts::new(2, 0, 0);
        let rng = &mut stream("test", "training", 0, 0);
        let seen = std::cell::RefCell::new(Vec::new());
        let mean = on_three_prompts(
            &instance,
            3,
            rng,
            |theta, _, _, _| theta[1] += 0.25,
            |step, laws| {
                seen.borrow_mut().push(instance.kl(laws, f64::INFINITY));
                step as f64
            },
        );
        assert_eq!(mean, 1.0);
        let start = instance.kl(&instance.next(&ThreePrompts::START), f64::INFINITY);
        let seen = seen.into_inner();
        assert!(seen.len() == 3 && seen[0] == start && seen[1] != start);
    }
}
