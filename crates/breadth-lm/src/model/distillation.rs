//! What distilling a decoder and distilling a linear model have in common.

use breadth_stats::bound::truncation_weights;

/// What a distillation trains towards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistillTarget {
    /// The teacher's next-token distributions in closed form, or the tokens of the response alone
    /// (Eq 24).
    pub distributions: bool,
    /// The budget `A = log N` of the truncated weights alpha (Eq 25); without one every token
    /// counts 1.
    pub budget: Option<f64>,
}

impl DistillTarget {
    /// The weight alpha of each token of a response, of whose places `kls` are the KLs from teacher
    /// to student.
    pub(crate) fn token_weights(&self, kls: &[f64]) -> Vec<f64> {
        match self.budget {
            Some(budget) => truncation_weights(kls, budget).expect("KLs are at least 0"),
            None => vec![1.0; kls.len()],
        }
    }
}

/// `KL(p||q)` of two next-token distributions, log-probabilities by token, in nats; at least 0 also
/// where rounding says otherwise.
pub(crate) fn kl<T: Copy + Into<f64>>(log_p: &[T], log_q: &[T]) -> f64 {
    let pairs = log_p.iter().zip(log_q).map(|(&p, &q)| (p.into(), q.into()));
    let terms = pairs.filter(|(p, _)| *p > f64::NEG_INFINITY);
    terms.map(|(p, q)| p.exp() * (p - q)).sum::<f64>().max(0.0)
}
