//! Choosing among models of a finite law, by the rules that users call.

use breadth_stats::{Design, Level, Minimax, OnPolicy, minimax, offset_minimax};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::law::{coverage, dirichlet, multinomial};

const VALID: &str = "log-probabilities of valid laws";

/// A data set of a finite law: how often each outcome was drawn, as weighted rows.
///
/// The tournament rounds weights to fractions 2^-k of the largest. Here the largest is a power of
/// two, so that counts stay whole numbers, and ties stay ties.
#[derive(Clone, Debug)]
pub struct Counts {
    outcomes: Vec<usize>,
    weights: Vec<f64>,
}

impl Counts {
    /// How often each outcome was drawn.
    ///
    /// # Panics
    ///
    /// If nothing was drawn.
    pub fn new(counts: &[u64]) -> Counts {
        let largest = *counts.iter().max().expect("outcomes");
        assert!(largest > 0, "a data set of at least one row");
        let unit = 1_u64 << largest.ilog2();
        let mut rows = Counts {
            outcomes: Vec::new(),
            weights: Vec::new(),
        };
        for (outcome, &count) in counts.iter().enumerate() {
            let mut left = count;
            while left > 0 {
                rows.outcomes.push(outcome);
                rows.weights.push(left.min(unit) as f64);
                left -= left.min(unit);
            }
        }
        rows
    }

    /// `n` independent draws of a law.
    pub fn draw(law: &[f64], n: u64, rng: &mut ChaCha8Rng) -> Counts {
        let mut counts = vec![0; law.len()];
        let possible: Vec<usize> = (0..law.len())
            .filter(|&outcome| law[outcome] > 0.0)
            .collect();
        let p: Vec<f64> = possible.iter().map(|&outcome| law[outcome]).collect();
        for (outcome, count) in possible.into_iter().zip(multinomial(rng, n, &p)) {
            counts[outcome] = count;
        }
        Counts::new(&counts)
    }

    /// The law itself: every outcome with its probability as its weight.
    pub fn exact(law: &[f64]) -> Counts {
        let possible = |outcome: &usize| law[*outcome] > 0.0;
        let outcomes: Vec<usize> = (0..law.len()).filter(possible).collect();
        Counts {
            weights: outcomes.iter().map(|&outcome| law[outcome]).collect(),
            outcomes,
        }
    }

    /// (models)(rows) log-probabilities.
    fn columns(&self, models: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let column = |model: &Vec<f64>| {
            let log_q = |&outcome: &usize| model[outcome].ln().min(0.0);
            self.outcomes.iter().map(log_q).collect()
        };
        models.iter().map(column).collect()
    }
}

/// The models that win the tournament (Eq 29) on a data set: all that tie. `models`:
/// (models)(outcomes) probabilities.
///
/// # Panics
///
/// If a model has a probability above 1 or below 0.
pub fn winners(models: &[Vec<f64>], data: &Counts, level: Level) -> Vec<usize> {
    let columns = data.columns(models);
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    minimax(&slices, Some(&data.weights), level)
        .expect(VALID)
        .models
}

/// The offset tournament (Eq 32), with `own[q]` what was sampled from model q, or its exact law: its
/// value, and all models that tie.
///
/// # Panics
///
/// As [`winners`]; if there are not as many sets of samples as models.
pub fn fight_offset(
    models: &[Vec<f64>],
    data: &Counts,
    own: &[Counts],
    level: Level,
    a: f64,
) -> Minimax {
    let columns = data.columns(models);
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let on_policy: Vec<Vec<Vec<f64>>> = own.iter().map(|own| own.columns(models)).collect();
    let samples: Vec<OnPolicy> = own
        .iter()
        .zip(&on_policy)
        .map(|(own, columns)| OnPolicy {
            columns: columns.iter().map(Vec::as_slice).collect(),
            prompts: None,
            weights: Some(&own.weights),
            strata: None,
        })
        .collect();
    offset_minimax(&slices, &design(data), &samples, level, a).expect(VALID)
}

/// The models with the lowest cross-entropy on a data set: all that tie.
pub fn lowest_losses(models: &[Vec<f64>], data: &Counts) -> Vec<usize> {
    let loss = |column: Vec<f64>| -> f64 {
        let rows = column.iter().zip(&data.weights);
        rows.map(|(log_q, weight)| -weight * log_q).sum()
    };
    let losses: Vec<f64> = data.columns(models).into_iter().map(loss).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    (0..models.len()).filter(|&q| losses[q] == least).collect()
}

fn design(data: &Counts) -> Design<'_> {
    Design {
        weights: Some(&data.weights),
        ..Design::default()
    }
}

/// A law on finitely many outcomes, models of it, and how many rows are drawn.
#[derive(Clone, Debug)]
pub struct Class {
    /// (outcomes) the data law p.
    pub p: Vec<f64>,
    /// (models)(outcomes)
    pub models: Vec<Vec<f64>>,
    /// n.
    pub rows: u64,
}

impl Class {
    /// A random class: 4 to 40 outcomes, 2 to 12 models `p exp(sigma z)`, three in ten of which have
    /// a tenth of the outcomes cut by 1e-4, and 300, 3000 or 30,000 rows.
    pub fn random(rng: &mut ChaCha8Rng) -> Class {
        let outcomes = rng.random_range(4..=40);
        let p = dirichlet(rng, outcomes, 1.0);
        let rows = [300, 3000, 30_000][rng.random_range(0..3)];
        let count = rng.random_range(2..=12);
        let models = (0..count).map(|_| Class::model(&p, rng)).collect();
        Class { p, models, rows }
    }

    fn model(p: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
        let sigma = 10_f64.powf(rng.random_range(-1.5..0.7));
        let is_cut = rng.random::<f64>() < 0.3;
        let weight = |p: &f64| {
            let noise: f64 = rng.sample(StandardNormal);
            let kept = if is_cut && rng.random::<f64>() < 0.1 {
                1e-4
            } else {
                1.0
            };
            p * (sigma * noise).exp() * kept
        };
        normalised(p.iter().map(weight).collect())
    }

    /// A class in which a decoy makes the tournament pass over p itself.
    ///
    /// p = (1/N, .8/N, rest); the models p, (2/N, all but 0, rest), and all mass on the first
    /// outcome; 2000 N rows. The decoy is N times ahead of p on a share 1/N of the data, and p ahead
    /// of the second model on only .8/N.
    pub fn decoy(n: f64) -> Class {
        let p = vec![1.0 / n, 0.8 / n, 1.0 - 1.8 / n];
        let loses = vec![2.0 / n, 1e-30, 1.0 - 2.0 / n - 1e-30];
        Class {
            models: vec![p.clone(), loses, vec![1.0, 0.0, 0.0]],
            p,
            rows: (2000.0 * n).round() as u64,
        }
    }

    /// The class with one model more: within a factor of `N^a` of p everywhere, `log_factor` = a log
    /// N.
    pub fn with_a_close_model(mut self, log_factor: f64, rng: &mut ChaCha8Rng) -> Class {
        // The total is within the half of it, so that dividing by it costs the other half.
        let near = |p: &f64| p * (0.5 * log_factor * rng.random_range(-1.0..1.0)).exp();
        let close = normalised(self.p.iter().map(near).collect());
        self.models.push(close);
        self
    }

    /// `Cov_N` of every model.
    pub fn coverages(&self, log_n: f64) -> Vec<f64> {
        let of = |model: &Vec<f64>| coverage(&self.p, model, log_n);
        self.models.iter().map(of).collect()
    }
}

/// Weights as probabilities.
fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

#[cfg(test)]
mod tests {
    use breadth_stats::{Tournament, tournament};

    use super::*;
    use crate::stream;

    /// One row for each draw, as a user has them.
    fn fight_row_by_row(models: &[Vec<f64>], counts: &[u64], level: Level) -> Tournament {
        let column = |model: &Vec<f64>| -> Vec<f64> {
            let cells = model.iter().zip(counts);
            cells
                .flat_map(|(q, &count)| vec![q.ln(); count as usize])
                .collect()
        };
        let columns: Vec<Vec<f64>> = models.iter().map(column).collect();
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        tournament(&slices, &Design::default(), level, 0.95).expect(VALID)
    }

    #[test]
    fn counted_rows_give_the_tournament_of_single_rows() {
        let rng = &mut stream("test", "counts", 0, 0);
        let mut ties = 0;
        for _ in 0..100 {
            let class = Class::random(rng);
            let counts = multinomial(rng, 300, &class.p);
            assert_eq!(counts.iter().sum::<u64>(), 300);
            let level = Level::from_n(3.0).unwrap();
            let single = fight_row_by_row(&class.models, &counts, level);
            let winners = winners(&class.models, &Counts::new(&counts), level);
            assert_eq!(winners, single.tied);
            ties += usize::from(single.tied.len() > 1);
        }
        assert!(ties > 5, "{ties}");
    }

    /// Samples of the models approach their laws.
    #[test]
    fn sampled_penalties_approach_the_exact_ones() {
        let rng = &mut stream("test", "penalties", 0, 0);
        for _ in 0..8 {
            let class = Class::random(rng);
            let data = Counts::draw(&class.p, 3000, rng);
            let exact: Vec<Counts> = class.models.iter().map(|q| Counts::exact(q)).collect();
            let draw = |q: &Vec<f64>| Counts::draw(q, 100_000_000, rng);
            let sampled: Vec<Counts> = class.models.iter().map(draw).collect();
            let level = Level::from_n(3.0).unwrap();
            let value = |own| fight_offset(&class.models, &data, own, level, 0.1).value;
            let (exact, sampled) = (value(&exact), value(&sampled));
            assert!((exact - sampled).abs() < 2e-3, "{exact} {sampled}");
        }
    }

    #[test]
    fn the_close_model_is_close() {
        let rng = &mut stream("test", "close", 0, 0);
        for _ in 0..100 {
            let class = Class::random(rng).with_a_close_model(0.3, rng);
            let close = class.models.last().unwrap();
            let furthest = class.p.iter().zip(close).map(|(p, q)| (p / q).ln().abs());
            assert!(furthest.fold(0.0, f64::max) <= 0.3 + 1e-12);
        }
    }
}
