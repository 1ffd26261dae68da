//! Independent logits whose vector lies in a ball.

/// What a number of coordinates have seen: each of them this many ones in this many trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BernoulliCounts {
    /// Trials of each of the coordinates.
    pub trials: f64,
    /// Ones among them.
    pub ones: f64,
    /// How many coordinates have these counts.
    pub coordinates: f64,
}

/// Maximum likelihood of independent logits u with `|u| <= radius`, one u for each kind of counts.
///
/// `argmax sum_i m_i (k_i u_i - t_i log(1 + e^{u_i}))` subject to `sum_i m_i u_i^2 <= radius^2`,
/// for `m_i` coordinates with `k_i` ones in `t_i` trials. This is the class `P(1) = 1 / (1 +
/// e^-<theta, phi>)` with a feature of length `radius` of its own for each coordinate and theta in
/// the unit ball; u is theta times the radius. Coordinates with the same counts have the same
/// maximiser, so they are given once.
///
/// For a multiplier l >= 0 the maximiser solves `t s(u) - k + l u = 0`, coordinate by coordinate
/// (s is the logistic function), and `|u|` falls as l rises: l is found by bisection. Where the
/// ball does not bind, l = 0 and u is the log-odds of the frequency; without trials u = 0.
///
/// # Examples
///
/// ```
/// use breadth_lab::fit::{BernoulliCounts, logits_on_ball};
/// let counts = |ones| BernoulliCounts { trials: 4.0, ones, coordinates: 1.0 };
/// let free = logits_on_ball(&[counts(3.0), counts(2.0)], 10.0);
/// assert!((free[0] - 3_f64.ln()).abs() < 1e-12 && free[1].abs() < 1e-12);
/// let bound = logits_on_ball(&[counts(4.0), counts(0.0)], 1.0);
/// assert!((bound[0] - 0.5_f64.sqrt()).abs() < 1e-12 && (bound[0] + bound[1]).abs() < 1e-12);
/// ```
pub fn logits_on_ball(counts: &[BernoulliCounts], radius: f64) -> Vec<f64> {
    let free = logits(counts, 0.0);
    if norm(counts, &free) <= radius {
        return free;
    }
    // At multiplier l, |u_i| <= |k_i - t_i / 2| / l.
    let pull = |c: &BernoulliCounts| c.coordinates * (c.ones - 0.5 * c.trials).powi(2);
    let (mut low, mut high) = (0.0, counts.iter().map(pull).sum::<f64>().sqrt() / radius);
    while high - low > 1e-15 * high {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if norm(counts, &logits(counts, middle)) > radius {
            low = middle;
        } else {
            high = middle;
        }
    }
    logits(counts, high)
}

fn norm(counts: &[BernoulliCounts], logits: &[f64]) -> f64 {
    let squares = counts
        .iter()
        .zip(logits)
        .map(|(c, u)| c.coordinates * u * u);
    squares.sum::<f64>().sqrt()
}

fn logits(counts: &[BernoulliCounts], multiplier: f64) -> Vec<f64> {
    counts.iter().map(|c| logit(c, multiplier)).collect()
}

/// The root of `t s(u) - k + l u`.
fn logit(counts: &BernoulliCounts, multiplier: f64) -> f64 {
    let &BernoulliCounts { trials, ones, .. } = counts;
    if trials == 0.0 {
        return 0.0;
    }
    if multiplier == 0.0 {
        return (ones / (trials - ones)).ln();
    }
    if ones < 0.5 * trials {
        return -positive_root(trials, trials - ones, multiplier);
    }
    positive_root(trials, ones, multiplier)
}

/// The root for k >= t/2: it is at least 0, where the function is concave and rising, so that
/// Newton's steps from 0 rise to it and never overshoot.
fn positive_root(trials: f64, ones: f64, multiplier: f64) -> f64 {
    let mut u = 0.0;
    loop {
        let zero = 1.0 / (1.0 + f64::exp(u)); // keeps its digits where s(u) rounds to 1
        let missing = trials * zero - (trials - ones) - multiplier * u;
        let step = missing / (trials * zero * (1.0 - zero) + multiplier);
        u += step;
        if step <= 1e-15 * u || step.is_nan() {
            return u;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(trials: f64, ones: f64, coordinates: f64) -> BernoulliCounts {
        BernoulliCounts {
            trials,
            ones,
            coordinates,
        }
    }

    fn log_likelihood(counts: &[BernoulliCounts], logits: &[f64]) -> f64 {
        let terms = counts.iter().zip(logits);
        terms
            .map(|(c, u)| c.coordinates * (c.ones * u - c.trials * u.exp().ln_1p()))
            .sum()
    }

    /// The log-likelihood is concave, so no point of the ball is higher by more than
    /// `max_v <g, v - u> = radius |g| - <g, u>`.
    fn gap(counts: &[BernoulliCounts], logits: &[f64], radius: f64) -> f64 {
        let gradient: Vec<f64> = counts
            .iter()
            .zip(logits)
            .map(|(c, u)| c.ones - c.trials / (1.0 + (-u).exp()))
            .collect();
        let terms = counts.iter().zip(logits).zip(&gradient);
        let along: f64 = terms.map(|((c, u), g)| c.coordinates * u * g).sum();
        radius * norm(counts, &gradient) - along
    }

    #[test]
    fn no_point_of_a_fine_grid_of_the_disc_is_likelier() {
        for (k, l) in [(3.0, 1.0), (5.0, 5.0), (0.0, 4.0), (2.0, 3.0)] {
            for radius in [0.3, 1.0, 5.0] {
                let data = [counts(5.0, k, 1.0), counts(5.0, l, 1.0)];
                let best = log_likelihood(&data, &logits_on_ball(&data, radius));
                let mut on_grid = f64::NEG_INFINITY;
                for i in 0..=400 {
                    for j in 0..720 {
                        let length = radius * f64::from(i) / 400.0;
                        let (sine, cosine) =
                            (f64::from(j) * std::f64::consts::PI / 360.0).sin_cos();
                        let value = log_likelihood(&data, &[length * cosine, length * sine]);
                        on_grid = f64::max(on_grid, value);
                    }
                }
                assert!(best >= on_grid - 1e-12, "{best} < {on_grid}");
                assert!(best - on_grid < 2e-3, "{best} > {on_grid}");
            }
        }
    }

    #[test]
    fn the_duality_gap_is_nil_and_the_ball_is_kept() {
        let data = [
            counts(30.0, 30.0, 4.0),
            counts(30.0, 17.0, 100.0),
            counts(30.0, 2.0, 31.0),
            counts(0.0, 0.0, 9.0),
            counts(1.0, 0.0, 200.0),
            counts(1e6, 499_000.0, 3.0),
        ];
        for radius in [0.01, 1.0, 7.0, 40.0, 1e3] {
            let logits = logits_on_ball(&data, radius);
            assert!(norm(&data, &logits) <= radius * (1.0 + 1e-12));
            let scale = log_likelihood(&data, &logits).abs();
            assert!(
                gap(&data, &logits, radius) < 1e-9 * scale,
                "radius {radius}"
            );
        }
    }

    #[test]
    fn equal_coordinates_may_be_given_once_or_each() {
        let once = logits_on_ball(&[counts(8.0, 7.0, 3.0), counts(8.0, 3.0, 1.0)], 1.5);
        let (seven, three) = (counts(8.0, 7.0, 1.0), counts(8.0, 3.0, 1.0));
        let each = logits_on_ball(&[seven, three, seven, seven], 1.5);
        assert!((once[0] - each[0]).abs() < 1e-12 && (once[0] - each[3]).abs() < 1e-12);
        assert!((once[1] - each[1]).abs() < 1e-12);
    }

    #[test]
    fn nothing_seen_is_nothing_learned() {
        assert_eq!(logits_on_ball(&[counts(0.0, 0.0, 5.0)], 1.0), [0.0]);
        assert!(logits_on_ball(&[], 1.0).is_empty());
    }
}
