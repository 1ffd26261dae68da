//! Exact maximum likelihood on the unit ball.

use super::{Features, NextToken, add, dot, norm};
use crate::error::{Error, Result};

/// Newton steps at most; a dozen is usual.
const STEPS: usize = 200;
/// What the duality gap may be, in nats per response.
const GAP: f64 = 1e-10;

/// A maximiser, with the proof that it is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The maximiser, (d).
    pub theta: Vec<f64>,
    /// The mean log-likelihood there, nats per response.
    pub log_likelihood: f64,
    /// How much higher any theta of the ball can be: `max_{|v|<=1} <g, v - theta> = |g| - <g,
    /// theta>`, at most 1e-10 of the larger of 1 and the log-likelihood's size.
    pub gap: f64,
}

/// `argmax_{|theta|<=1} mean_i log q_theta(y_i|x_i)` over (prompt, response) pairs: projected
/// Newton steps. Each maximises the quadratic model over the ball (its multiplier by bisection) and
/// is shortened until the likelihood rises by a tenth of what the gradient promises.
///
/// # Errors
/// If there are no data, or the gap does not come down to 1e-10 (features far too large).
pub fn maximum_likelihood(features: &dyn Features, data: &[(usize, Vec<u32>)]) -> Result<Fitted> {
    if data.is_empty() {
        return Err(Error::data(
            "maximum likelihood",
            "needs at least one response",
        ));
    }
    let mut theta = vec![0.0; features.dimension()];
    let mut here = Local::new(features, data, &theta, true);
    for _ in 0..STEPS {
        let gap = norm(&here.gradient) - dot(&here.gradient, &theta);
        if gap <= GAP * here.value.abs().max(1.0) {
            return Ok(Fitted {
                theta,
                log_likelihood: here.value,
                gap: gap.max(0.0),
            });
        }
        let target = here.model_maximum(&theta);
        let way: Vec<f64> = target.iter().zip(&theta).map(|(a, b)| a - b).collect();
        let promised = dot(&here.gradient, &way);
        // Near the top the rise, quadratic in the gradient, drowns in rounding while the gap is
        // still to be seen.
        let rounding = 16.0 * f64::EPSILON * here.value.abs();
        let mut share = 1.0;
        loop {
            let mut moved = theta.clone();
            add(&mut moved, share, &way);
            let value = Local::new(features, data, &moved, false).value;
            if value + rounding >= here.value + 0.1 * share * promised || share < 1e-12 {
                theta = moved;
                break;
            }
            share *= 0.5;
        }
        here = Local::new(features, data, &theta, true);
    }
    let gap = norm(&here.gradient) - dot(&here.gradient, &theta);
    Err(Error::data(
        "maximum likelihood",
        format!("the duality gap is {gap:e} after {STEPS} Newton steps; scale the features down"),
    ))
}

/// The mean log-likelihood, its gradient, and minus its Hessian: the mean covariance of phi under
/// q.
struct Local {
    value: f64,
    gradient: Vec<f64>,
    curvature: Vec<f64>,
}

impl Local {
    fn new(
        features: &dyn Features,
        data: &[(usize, Vec<u32>)],
        theta: &[f64],
        whole: bool,
    ) -> Self {
        let d = theta.len();
        let weight = 1.0 / data.len() as f64;
        let mut local = Self {
            value: 0.0,
            gradient: vec![0.0; d],
            curvature: vec![0.0; if whole { d * d } else { 0 }],
        };
        for (prompt, response) in data {
            for (h, &token) in response.iter().enumerate() {
                let next = NextToken::new(features, theta, *prompt, &response[..h]);
                local.value += weight * next.log_q[token as usize];
                if whole {
                    add(&mut local.gradient, weight, &next.gradient(token));
                    local.add_covariance(&next, weight);
                }
            }
        }
        local
    }

    fn add_covariance(&mut self, next: &NextToken, weight: f64) {
        let d = self.gradient.len();
        let mean = next.mean(&next.log_q);
        for (token, &log_q) in next.log_q.iter().enumerate() {
            let centred: Vec<f64> = next
                .row(token)
                .iter()
                .zip(&mean)
                .map(|(a, b)| a - b)
                .collect();
            for (i, a) in centred.iter().enumerate() {
                add(
                    &mut self.curvature[i * d..][..d],
                    weight * log_q.exp() * a,
                    &centred,
                );
            }
        }
    }

    /// The maximiser over the ball of `<g, v - theta> - (v - theta)' C (v - theta) / 2`: `(C + m I)
    /// v = g + C theta`, with m the least multiplier that keeps v in the ball.
    fn model_maximum(&self, theta: &[f64]) -> Vec<f64> {
        let d = theta.len();
        let mut right = self.gradient.clone();
        for (i, value) in right.iter_mut().enumerate() {
            *value += dot(&self.curvature[i * d..][..d], theta);
        }
        let scale = (0..d)
            .map(|i| self.curvature[i * d + i])
            .sum::<f64>()
            .max(1e-300);
        let (mut low, mut high) = (1e-14 * scale, norm(&right) + 1e-14 * scale);
        let at_low = solve(&self.curvature, low, &right);
        if norm(&at_low) <= 1.0 {
            return at_low;
        }
        // |v| falls with m, and at m = |right| it is at most 1.
        for _ in 0..200 {
            let middle = (low * high).sqrt();
            if norm(&solve(&self.curvature, middle, &right)) > 1.0 {
                low = middle
            } else {
                high = middle
            }
        }
        let mut best = solve(&self.curvature, high, &right);
        let length = norm(&best).max(1.0);
        best.iter_mut().for_each(|v| *v /= length);
        best
    }
}

/// `(C + m I)^-1 b` by Cholesky's factors; C positive semidefinite (d, d), m > 0.
fn solve(c: &[f64], m: f64, b: &[f64]) -> Vec<f64> {
    let d = b.len();
    let mut l = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            let diagonal = if i == j { m } else { 0.0 };
            let rest = c[i * d + j] + diagonal - dot(&l[i * d..][..j], &l[j * d..][..j]);
            l[i * d + j] = if i == j {
                rest.max(m * 1e-3).sqrt()
            } else {
                rest / l[j * d + j]
            };
        }
    }
    let mut x = b.to_vec();
    for i in 0..d {
        x[i] = (x[i] - dot(&l[i * d..][..i], &x[..i])) / l[i * d + i];
    }
    for i in (0..d).rev() {
        let below: f64 = (i + 1..d).map(|j| l[j * d + i] * x[j]).sum();
        x[i] = (x[i] - below) / l[i * d + i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_systems() {
        let c = [4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0];
        let b = [1.0, -2.0, 0.5];
        let x = solve(&c, 0.1, &b);
        for i in 0..3 {
            let row = dot(&c[i * 3..][..3], &x) + 0.1 * x[i];
            assert!((row - b[i]).abs() < 1e-12);
        }
    }
}
