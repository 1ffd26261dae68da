//! The next-token distributions of a teacher.

use std::ops::Range;

use crate::model::operations::log_softmax;
use crate::model::{Batch, Checkpoint, Config, Decoder};
use crate::server::TokenLogProb;

/// A teacher's next-token distributions over a batch: one entry per sequence.
pub(super) enum TeacherDistribution<'a> {
    /// Whole distributions, by running the checkpoint.
    Checkpoint(&'a Checkpoint),
    /// The response's tokens and the most likely ones in their places.
    TopK(Vec<Vec<TokenLogProb>>),
}

impl TeacherDistribution<'_> {
    /// The configuration by which a batch of both models is packed: rows may be shared where both
    /// turn them alike.
    pub fn shared_config<'a>(&'a self, student: &'a Config) -> &'a Config {
        match self {
            Self::Checkpoint(teacher) if teacher.config.long_from().is_some() => &teacher.config,
            _ => student,
        }
    }

    /// Log-probabilities of every token in each place of a packed batch, (places, vocabulary) row by
    /// row. `sequences`: which of all are in the batch; `log_q`: the student's rows.
    pub fn log_probs<'a>(
        &self,
        batch: &Batch,
        sequences: Range<usize>,
        log_q: impl Iterator<Item = &'a [f32]>,
    ) -> Vec<f32> {
        match self {
            Self::Checkpoint(teacher) => {
                let teacher = Decoder::new(teacher);
                log_softmax(teacher.logits(batch)).data().to_vec()
            }
            Self::TopK(told) => {
                let rows = told[sequences].iter().flatten().zip(log_q);
                rows.flat_map(|(step, log_q)| fill_tail_from_student(step, log_q))
                    .collect()
            }
        }
    }
}

/// A whole distribution (log-probabilities, by token) from the most likely tokens that a server
/// reports: they keep its log-probabilities, and all others share the remaining mass in proportion
/// to the student's probabilities.
///
/// The KL to the student is then the KL of the two distributions with all unreported tokens merged
/// into one, a lower bound on the whole KL (data-processing inequality), gradient included:
/// `sum_named p log(p/q) + p_rest log(p_rest/q_rest)`.
fn fill_tail_from_student(told: &TokenLogProb, log_q: &[f32]) -> Vec<f32> {
    let mut log_p = vec![f32::NAN; log_q.len()];
    log_p[told.token as usize] = told.log_prob as f32;
    for &(token, log_prob) in &told.top {
        log_p[token as usize] = log_prob as f32;
    }
    let (mut named, mut rest) = (0.0, 0.0);
    for (&log_p, &log_q) in log_p.iter().zip(log_q) {
        if log_p.is_nan() {
            rest += f64::from(log_q).exp()
        } else {
            named += f64::from(log_p).exp()
        }
    }
    // -inf where the reported tokens hold all the mass.
    let shift = (1.0 - named).max(0.0).ln() - rest.ln();
    for (log_p, &log_q) in log_p.iter_mut().zip(log_q) {
        if log_p.is_nan() {
            *log_p = (f64::from(log_q) + shift) as f32;
        }
    }
    log_p
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(values: &[f64]) -> Vec<f32> {
        values.iter().map(|v| v.ln() as f32).collect()
    }

    fn told(token: u32, probability: f64, top: &[(u32, f64)]) -> TokenLogProb {
        TokenLogProb {
            token,
            log_prob: probability.ln(),
            top: top.iter().map(|&(id, p)| (id, p.ln())).collect(),
        }
    }

    fn assert_near(log_p: &[f32], right: &[f64]) {
        for (v, right) in log_p.iter().zip(right) {
            assert!((f64::from(*v).exp() - right).abs() < 1e-6, "{log_p:?}");
        }
    }

    #[test]
    fn what_is_not_named_is_shared_as_the_student_does() {
        let q = logs(&[0.1, 0.2, 0.3, 0.4]);
        // Token 1 has 0.6 and token 3 has 0.1; the other 0.3 goes 1 : 3.
        let log_p = fill_tail_from_student(&told(3, 0.1, &[(1, 0.6)]), &q);
        assert_near(&log_p, &[0.075, 0.6, 0.225, 0.1]);
        // The token may be among the likeliest.
        assert_eq!(
            log_p,
            fill_tail_from_student(&told(3, 0.1, &[(3, 0.1), (1, 0.6)]), &q)
        );
        // An impossible token is named with probability 0.
        let log_p = fill_tail_from_student(&told(3, 0.0, &[(1, 0.6)]), &q);
        assert_near(&log_p, &[0.1, 0.6, 0.3, 0.0]);
    }

    #[test]
    fn a_whole_distribution_is_taken_as_it_is() {
        let q = logs(&[0.1, 0.9]);
        assert_near(
            &fill_tail_from_student(&told(0, 0.7, &[(1, 0.3)]), &q),
            &[0.7, 0.3],
        );
        // Rounding above 1 leaves nothing for the others.
        let q = logs(&[0.1, 0.5, 0.4]);
        let log_p = fill_tail_from_student(&told(0, 0.7, &[(1, 0.300_001)]), &q);
        assert_eq!(log_p[2], f32::NEG_INFINITY);
    }
}
