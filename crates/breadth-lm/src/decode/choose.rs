//! The next token from the logits.

use crate::generation::Sampling;
use crate::model::kernels::math;
use crate::vectorized;

/// The token at `u` of the cumulative distribution that `sampling` makes of the logits.
pub(super) fn choose(sampling: &Sampling, logits: &[f32], u: f64) -> u32 {
    if sampling.temperature == 0.0 {
        return most_likely(logits) as u32;
    }
    if sampling.is_model_itself() {
        return invert(exponentials(logits).0.iter().copied().enumerate(), u) as u32;
    }
    let colder = |&l: &f32| (f64::from(l) / sampling.temperature) as f32;
    let mut scaled: Vec<f32> = logits.iter().map(colder).collect();
    if !math::max(&scaled).is_finite() {
        // So cold that the largest logit is beyond all numbers: relative to it, it is 0.
        let largest = f64::from(math::max(logits));
        let colder = |&l: &f32| ((f64::from(l) - largest) / sampling.temperature) as f32;
        scaled = logits.iter().map(colder).collect();
    }
    let weights = exponentials(&scaled).0;
    invert(cut(sampling, weights).into_iter(), u) as u32
}

/// The tokens that the cuts leave, most likely first; ties go to the lower id.
fn cut(sampling: &Sampling, weights: Vec<f32>) -> Vec<(usize, f32)> {
    let mut kept: Vec<(usize, f32)> = weights.into_iter().enumerate().collect();
    kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    kept.truncate(sampling.top_k.unwrap_or(kept.len()));
    if let Some(p) = sampling.top_p {
        let total: f64 = kept.iter().map(|&(_, w)| f64::from(w)).sum();
        let mut sum = 0.0;
        let reaches = |&(_, w): &(usize, f32)| {
            sum += f64::from(w);
            sum >= p * total
        };
        let count = kept
            .iter()
            .position(reaches)
            .map_or(kept.len(), |at| at + 1);
        kept.truncate(count);
    }
    kept
}

/// The first of the largest logits.
fn most_likely(logits: &[f32]) -> usize {
    let mut best = 0;
    for (i, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = i;
        }
    }
    best
}

/// The token whose share of the weights' sum holds `u`.
fn invert(weights: impl Iterator<Item = (usize, f32)> + Clone, u: f64) -> usize {
    let mut left = u * weights.clone().map(|(_, w)| f64::from(w)).sum::<f64>();
    let mut last = 0;
    for (token, weight) in weights {
        left -= f64::from(weight);
        last = token;
        if left < 0.0 {
            break;
        }
    }
    last
}

vectorized! {
    /// `log softmax(logits)[token]`.
    pub(super) fn log_prob(logits: &[f32], token: u32) -> f32 {
        let shift = math::max(logits);
        logits[token as usize] - shift - math::sum_exp(logits, shift).ln()
    }
}

vectorized! {
    /// `e^(logit - shift)`, the shift (the largest logit) and the sum.
    pub(super) fn exponentials(logits: &[f32]) -> (Vec<f32>, f32, f32) {
        let mut weights = logits.to_vec();
        let shift = math::max(&weights);
        let total = math::exp_in_place(&mut weights, shift);
        (weights, shift, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(draw: &Sampling, logits: &[f32]) -> Vec<f64> {
        let n = 10_000;
        let mut counts = vec![0.0; logits.len()];
        for i in 0..n {
            counts[choose(draw, logits, (f64::from(i) + 0.5) / f64::from(n)) as usize] += 1.0;
        }
        counts.iter().map(|c| c / f64::from(n)).collect()
    }

    /// So cold that logits divided by it are no numbers any more: as at 0, but that ties are drawn.
    #[test]
    fn the_coldest_temperatures() {
        for temperature in [1e-37, 1e-40, 1e-300, 5e-324] {
            let cold = Sampling {
                temperature,
                ..Sampling::default()
            };
            for logits in [[-5.0, 7.0, 6.5, -9.0], [-8.0, -6.0, -7.0, -1e30]] {
                assert_eq!(frequencies(&cold, &logits), [0.0, 1.0, 0.0, 0.0]);
            }
            let tied = frequencies(&cold, &[3.0, 1.0, 3.0]);
            assert_eq!(tied, [0.5, 0.0, 0.5], "{temperature}");
        }
    }

    #[test]
    fn cuts_and_temperatures_by_hand() {
        let logits = [0.5f32, 0.3, 0.15, 0.05].map(f32::ln);
        let close = |draw: Sampling, exact: [f64; 4]| {
            for (got, exact) in frequencies(&draw, &logits).iter().zip(exact) {
                assert!((got - exact).abs() < 2e-4, "{draw:?}: {got} {exact}");
            }
        };
        let plain = Sampling::default();
        close(plain.clone(), [0.5, 0.3, 0.15, 0.05]);
        close(
            Sampling {
                temperature: 0.0,
                ..plain.clone()
            },
            [1.0, 0.0, 0.0, 0.0],
        );
        let squares = 0.25 + 0.09 + 0.0225 + 0.0025;
        let colder = [0.25, 0.09, 0.0225, 0.0025].map(|p| p / squares);
        close(
            Sampling {
                temperature: 0.5,
                ..plain.clone()
            },
            colder,
        );
        close(
            Sampling {
                top_k: Some(2),
                ..plain.clone()
            },
            [0.625, 0.375, 0.0, 0.0],
        );
        close(
            Sampling {
                top_p: Some(0.8),
                ..plain.clone()
            },
            [0.625, 0.375, 0.0, 0.0],
        );
        close(
            Sampling {
                top_p: Some(0.81),
                ..plain.clone()
            },
            [0.5, 0.3, 0.15, 0.0].map(|p| p / 0.95),
        );
        close(
            Sampling {
                top_k: Some(9),
                top_p: Some(1.0),
                ..plain.clone()
            },
            [0.5, 0.3, 0.15, 0.05],
        );
        close(
            Sampling {
                top_k: Some(1),
                top_p: Some(0.01),
                ..plain.clone()
            },
            [1.0, 0.0, 0.0, 0.0],
        );
    }
}
