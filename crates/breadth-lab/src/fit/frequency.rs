//! One probability in an interval.

/// Maximum likelihood of a Bernoulli probability in `[low, high]`: the frequency, moved into it.
///
/// The log-likelihood is concave, so its maximum over the interval is the point of the interval
/// nearest to the frequency. `ones`, `trials`: counts; without trials every probability is as
/// likely, and the result is `unseen`.
///
/// # Examples
///
/// ```
/// use breadth_lab::fit::frequency;
/// assert_eq!(frequency(3, 4, (0.2, 0.8), 0.5), 0.75);
/// assert_eq!(frequency(4, 4, (0.2, 0.8), 0.5), 0.8);
/// assert_eq!(frequency(0, 0, (0.2, 0.8), 0.5), 0.5);
/// ```
pub fn frequency(ones: u64, trials: u64, (low, high): (f64, f64), unseen: f64) -> f64 {
    if trials == 0 {
        unseen
    } else {
        (ones as f64 / trials as f64).clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::frequency;

    #[test]
    fn no_point_of_a_grid_is_likelier() {
        let (low, high) = (0.12, 0.88);
        for trials in 1..8_u64 {
            for ones in 0..=trials {
                let likelihood =
                    |q: f64| ones as f64 * q.ln() + (trials - ones) as f64 * (1.0 - q).ln();
                let best = likelihood(frequency(ones, trials, (low, high), 0.5));
                let grid = (0..=1000).map(|i| low + (high - low) * f64::from(i) / 1000.0);
                let on_grid = grid.map(likelihood).fold(f64::NEG_INFINITY, f64::max);
                assert!(best >= on_grid - 1e-12 && best - on_grid < 1e-4);
            }
        }
    }
}
