//! Data sets, each from its own stream, and what is made of their numbers.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::estimate::Estimate;
use crate::random::stream;
use crate::slope::log_log;

/// How many groups of data sets a slope is formed for where one data set has none.
pub(super) const BATCHES: usize = 10;

/// One number (or several) for each of `count` data sets of a cell. The first k of them are the
/// same whatever the count.
pub(super) fn replicates<T: Send>(
    (id, cell, seed): (&str, &str, u64),
    count: u64,
    measure: impl Fn(&mut ChaCha8Rng) -> T + Sync,
) -> Vec<T> {
    let one = |replicate| measure(&mut stream(id, cell, seed, replicate));
    (0..count).into_par_iter().map(one).collect()
}

/// The mean.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One number of each data set.
pub(super) fn column<const K: usize>(rows: &[[f64; K]], index: usize) -> Vec<f64> {
    rows.iter().map(|row| row[index]).collect()
}

/// The means of [`BATCHES`] groups of equally many values; the rest is left out.
pub(super) fn batches(values: &[f64]) -> Vec<f64> {
    let group = (values.len() / BATCHES).max(1);
    values.chunks_exact(group).take(BATCHES).map(mean).collect()
}

/// The exponent of x in the means over data sets, with Student's error over batches of them.
///
/// `cells`: (xs)(data sets), one vector for each x, of positive mean in every batch. Where the mean
/// curves of several `groups` of cells are to have one exponent, theirs are averaged.
pub(super) fn exponent(xs: &[f64], groups: &[Vec<&[f64]>]) -> Estimate {
    let batched: Vec<Vec<Vec<f64>>> = groups
        .iter()
        .map(|cells| cells.iter().map(|values| batches(values)).collect())
        .collect();
    let of_batch = |batch: usize| {
        let slopes = batched.iter().map(|cells| {
            let ys: Vec<f64> = cells.iter().map(|means| means[batch]).collect();
            log_log(xs, &ys).slope.value
        });
        slopes.sum::<f64>() / groups.len() as f64
    };
    Estimate::mean(&(0..BATCHES).map(of_batch).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_means_of_equal_groups() {
        let values: Vec<f64> = (0..25).map(f64::from).collect();
        assert_eq!(
            batches(&values),
            [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5, 16.5, 18.5]
        );
    }

    #[test]
    fn the_exponent_of_power_laws_is_averaged() {
        let xs = [1.0, 4.0, 16.0];
        let cells = |power: f64| xs.map(|x: f64| vec![x.powf(power); 20]);
        let (two, four) = (cells(2.0), cells(4.0));
        fn slices(cells: &[Vec<f64>]) -> Vec<&[f64]> {
            cells.iter().map(Vec::as_slice).collect()
        }
        let found = exponent(&xs, &[slices(&two), slices(&four)]);
        assert!((found.value - 3.0).abs() < 1e-12 && found.degrees == 9.0);
    }

    #[test]
    fn more_data_sets_continue_fewer() {
        use rand::Rng;
        let draw = |count| replicates(("test", "seeds", 0), count, |rng| rng.next_u64());
        assert_eq!(draw(3), draw(7)[..3]);
    }
}
