//! Whether the numbers of samples go with what came out.

use std::cmp::Ordering;

use crate::error::Result;
use crate::numerics::sum;
use crate::outcome::{PromptOutcome, each_prompt};

/// Beyond so many standard errors the numbers of samples go with the success rates: by chance in one
/// of two thousand data sets.
const MOST_ALIKE: f64 = 3.5;

/// Whether prompts with more samples have lower success rates ([`Ordering::Less`]) or higher ones,
/// beyond chance; `None` where that cannot be told.
///
/// `prompts`: one outcome per prompt. Where those that failed were sampled on, no estimate from all
/// samples is unbiased, and no interval holds: the first n samples of each prompt, for an n that was
/// fixed beforehand, have neither fault.
///
/// With `r` the correlation of `ln(1 + n)` and the mean reward over the m prompts that have samples,
/// `|r| sqrt(m - 1)` is compared with 3.5, and with more by `(3.5^2 - 1) / 6` times the skewness that
/// it has where both are independent (Cornish and Fisher): a few prompts with many samples that
/// happen to be among the few that were solved are no evidence.
///
/// # Errors
///
/// Rewards outside [0, 1], more correct than samples.
///
/// # Examples
///
/// ```
/// use breadth_stats::{PromptOutcome::Counts, samples_go_with_rates};
/// use std::cmp::Ordering;
/// let solved = vec![Counts { n: 4, c: 2 }; 60];
/// let sampled_on = vec![Counts { n: 16, c: 1 }; 40];
/// let found = samples_go_with_rates(&[solved, sampled_on].concat())?;
/// assert_eq!(found, Some(Ordering::Less));
/// assert_eq!(samples_go_with_rates(&[Counts { n: 4, c: 2 }, Counts { n: 8, c: 1 }])?, None);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn samples_go_with_rates(prompts: &[PromptOutcome]) -> Result<Option<Ordering>> {
    let rates = each_prompt(prompts, |prompt| match prompt.samples() {
        0 => Ok(0.0),
        _ => prompt.best_of(1),
    })?;
    let points = prompts.iter().zip(rates);
    Ok(go_with_rates(
        points.map(|(prompt, rate)| (prompt.samples(), rate, 1.0)),
    ))
}

/// The same for numbers of samples with success rates, and how many prompts have both.
pub(super) fn go_with_rates(points: impl Iterator<Item = (u64, f64, f64)>) -> Option<Ordering> {
    let points = points.filter(|(n, ..)| *n > 0);
    let points: Vec<(f64, f64, f64)> = points
        .map(|(n, rate, count)| ((n as f64).ln_1p(), rate, count))
        .collect();
    let over = |of: &dyn Fn(&(f64, f64, f64)) -> f64| sum(points.iter().map(|p| p.2 * of(p)));
    let m = over(&|_| 1.0);
    let (x, y) = (over(&|p| p.0) / m, over(&|p| p.1) / m);
    let (squares, cubes) = (
        (over(&|p| (p.0 - x).powi(2)), over(&|p| (p.1 - y).powi(2))),
        (over(&|p| (p.0 - x).powi(3)), over(&|p| (p.1 - y).powi(3))),
    );
    let variances = squares.0 * squares.1;
    if variances.is_nan() || variances <= 0.0 {
        return None;
    }
    let covariance = over(&|p| (p.0 - x) * (p.1 - y));
    let z = covariance / variances.sqrt() * (m - 1.0).max(0.0).sqrt();
    let skewness = m.sqrt() * cubes.0 * cubes.1 / variances.powf(1.5);
    let more = (MOST_ALIKE * MOST_ALIKE - 1.0) / 6.0 * (skewness * z.signum()).max(0.0);
    (z.abs() > MOST_ALIKE + more).then(|| z.total_cmp(&0.0))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn draw(rate: f64, n: u64, rng: &mut impl Rng) -> PromptOutcome {
        let right = (0..n).filter(|_| rng.random::<f64>() < rate).count();
        PromptOutcome::Counts { n, c: right as u64 }
    }

    #[test]
    fn numbers_that_do_not_depend_on_outcomes_are_rarely_blamed() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        for (prompts, longer, rare) in [
            (100, 0.5, 0.5),
            (100, 0.02, 0.02),
            (200, 0.01, 0.1),
            (400, 0.1, 0.01),
            (60, 0.05, 0.9),
            (30, 0.1, 0.1),
        ] {
            let is_blamed = |rng: &mut ChaCha8Rng| {
                let one = |rng: &mut ChaCha8Rng| {
                    let n = if rng.random::<f64>() < longer { 32 } else { 4 };
                    let rate = if rng.random::<f64>() < rare {
                        0.9
                    } else {
                        0.02
                    };
                    draw(rate, n, rng)
                };
                let table: Vec<PromptOutcome> = (0..prompts).map(|_| one(rng)).collect();
                samples_go_with_rates(&table).unwrap().is_some()
            };
            let blamed = (0..2000).filter(|_| is_blamed(&mut rng)).count();
            assert!(blamed < 20, "{prompts} {longer} {rare}: {blamed} of 2000");
        }
    }

    /// Those that had none right in four samples got twelve more.
    #[test]
    fn prompts_that_were_sampled_on_are_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(10);
        let is_found = |rng: &mut ChaCha8Rng| {
            let one = |rng: &mut ChaCha8Rng| {
                let rate = rng.random::<f64>().powi(2);
                let PromptOutcome::Counts { c, .. } = draw(rate, 4, rng) else {
                    unreachable!()
                };
                match c {
                    0 => draw(rate, 16, rng),
                    c => PromptOutcome::Counts { n: 4, c },
                }
            };
            let table: Vec<PromptOutcome> = (0..200).map(|_| one(rng)).collect();
            samples_go_with_rates(&table).unwrap() == Some(Ordering::Less)
        };
        assert!((0..100).all(|_| is_found(&mut rng)));
    }
}
