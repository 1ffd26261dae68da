//! One logit for each outcome, all within ±B.

/// Maximum likelihood of a categorical law whose logits lie in `[-bound, bound]`: its
/// probabilities.
///
/// By the KKT conditions `q_y = clip(n_y / n, e^{-bound - z}, e^{bound - z})`, where z, the log of
/// the normalising sum, is what makes them add up to 1: an outcome keeps its frequency unless its
/// logit is at the bound. `counts`: (outcomes) how often each was seen. Without any rows all are
/// alike. Where a range of z serves (all outcomes seen, none near a bound) the probabilities are
/// the same for all of it.
///
/// # Examples
///
/// ```
/// use breadth_lab::fit::probabilities_in_box;
/// assert_eq!(probabilities_in_box(&[3, 1], 5.0), [0.75, 0.25]);
/// let unseen = probabilities_in_box(&[4, 0], 1.0);
/// assert!((unseen[1] - 1.0 / (1.0 + 2_f64.exp())).abs() < 1e-15);
/// ```
pub fn probabilities_in_box(counts: &[u64], bound: f64) -> Vec<f64> {
    let rows: u64 = counts.iter().sum();
    if rows == 0 {
        return vec![1.0 / counts.len() as f64; counts.len()];
    }
    let frequencies: Vec<f64> = counts.iter().map(|&c| c as f64 / rows as f64).collect();
    let limits = |z: f64| ((-bound - z).exp(), (bound - z).exp());
    // By how much the clipped frequencies exceed 1, without taking 1 from a sum near it: what the
    // unseen are given may be far below its last digit.
    let excess = |z: f64| -> f64 {
        let (low, high) = limits(z);
        let change = |f: &f64| (low - f).max(0.0) - (f - high).max(0.0);
        frequencies.iter().map(change).sum()
    };
    // It falls with z, from at least 0 to at most 0.
    let middle = (counts.len() as f64).ln();
    let (mut left, mut right) = (middle - bound, middle + bound);
    for _ in 0..100 {
        let z = 0.5 * (left + right);
        if excess(z) > 0.0 {
            left = z;
        } else {
            right = z;
        }
    }
    let (low, high) = limits(right);
    frequencies.iter().map(|f| f.clamp(low, high)).collect()
}

#[cfg(test)]
mod tests {
    use super::probabilities_in_box;

    fn log_likelihood(counts: &[u64], logits: &[f64]) -> f64 {
        let normaliser = logits.iter().map(|u| u.exp()).sum::<f64>().ln();
        let terms = counts.iter().zip(logits);
        terms.map(|(&c, u)| c as f64 * (u - normaliser)).sum()
    }

    #[test]
    fn no_point_of_a_grid_of_the_cube_is_likelier() {
        let bound = 1.2;
        let steps = 60;
        for counts in [[5, 1, 0], [1, 1, 1], [9, 0, 0], [0, 4, 3], [20, 3, 1]] {
            let fitted = probabilities_in_box(&counts, bound);
            assert!((fitted.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let logs: Vec<f64> = fitted.iter().map(|q| q.ln()).collect();
            let best = log_likelihood(&counts, &logs);
            let value = |i: usize| bound * (2.0 * (i % (steps + 1)) as f64 / steps as f64 - 1.0);
            let side = steps + 1;
            let on_grid = (0..side * side * side)
                .map(|i| [value(i), value(i / side), value(i / side / side)])
                .map(|logits| log_likelihood(&counts, &logits))
                .fold(f64::NEG_INFINITY, f64::max);
            assert!(best >= on_grid - 1e-12, "{counts:?}: {best} < {on_grid}");
            assert!(best - on_grid < 1e-2, "{counts:?}: {best} > {on_grid}");
            // It belongs to the class: ratios of at most e^{2 bound}.
            let extremes = (0..3).map(|i| logs[i]);
            let spread = extremes.clone().fold(f64::NEG_INFINITY, f64::max)
                - extremes.fold(f64::INFINITY, f64::min);
            assert!(spread <= 2.0 * bound + 1e-12);
        }
    }

    #[test]
    fn a_wide_box_leaves_the_unseen_far_below_double_precision_of_one() {
        let fitted = probabilities_in_box(&[7, 0, 1], 60.0);
        assert!((fitted[0] - 0.875).abs() < 1e-14 && (fitted[2] - 0.125).abs() < 1e-14);
        // e^{-B - z} with z = B - log(7/8).
        assert!((fitted[1].ln() + 120.0 - 0.875_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn no_rows() {
        assert_eq!(probabilities_in_box(&[0, 0], 3.0), [0.5, 0.5]);
    }
}
