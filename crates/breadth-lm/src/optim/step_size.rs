//! The step sizes that the proofs of the theory allow.

/// The largest step size of sequence-level SGD: `eta = 1 / (2 H B^2)`.
///
/// `horizon` is H, the most tokens of a response; `bound` is B, the largest norm of a feature.
///
/// ```
/// assert_eq!(breadth_lm::optim::sequence_sgd_step_size(8.0, 2.0), 1.0 / 64.0);
/// ```
///
/// Source: Prop 5.1, the largest that its proof allows.
#[doc(alias = "prop_5_1")]
#[must_use]
pub fn sequence_sgd_step_size(horizon: f64, bound: f64) -> f64 {
    1.0 / (2.0 * horizon * bound * bound)
}

/// The step size of normalised SGD and the constant added to the norm:
/// `eta = min{ 1/(128 B), (log N / (s2 T))^(1/4) }`, `lambda = log N / (16 eta)`.
///
/// `bound` is B, `variance` the inherent variance s2, `log_n` the level in nats, `steps` T.
///
/// ```
/// let (eta, lambda) =
///     breadth_lm::optim::normalized_sgd_step_size(1.0, 1.0, 4_f64.ln(), 1000.0);
/// assert_eq!((eta, lambda), (1.0 / 128.0, 8.0 * 4_f64.ln()));
/// ```
///
/// Source: Thm 5.1.
#[doc(alias = "thm_5_1")]
#[must_use]
pub fn normalized_sgd_step_size(bound: f64, variance: f64, log_n: f64, steps: f64) -> (f64, f64) {
    let eta = (1.0 / (128.0 * bound)).min((log_n / (variance * steps)).powf(0.25));
    (eta, log_n / (16.0 * eta))
}

/// The step size of token-level SGD: `eta = min{ 1/(2 B^2), 1/sqrt(s2 T) }`.
///
/// `bound` is B, `variance` the inherent variance s2, `steps` T.
///
/// ```
/// assert_eq!(breadth_lm::optim::token_level_step_size(1.0, 4.0, 100.0), 0.05);
/// ```
///
/// Source: Thm 6.1.
#[doc(alias = "thm_6_1")]
#[must_use]
pub fn token_level_step_size(bound: f64, variance: f64, steps: f64) -> f64 {
    (1.0 / (2.0 * bound * bound)).min(1.0 / (variance * steps).sqrt())
}

/// The step size of truncated distillation:
/// `eta = min{ 1/((64 log N + 2) B^2), 1/sqrt(T s2 log N) }`.
///
/// `bound` is B, `variance` the inherent variance s2, `log_n` the budget in nats, `steps` T.
///
/// This is the step as the theorem prints it. Its proof does not close with it: it needs
/// `128 eta log N B^2 <= 1/2`, so the corrected form of the first term is `1/(256 log N B^2)`, four
/// times shorter for large N. In the lab's `thm62` the steps to cover grow with H under neither;
/// whoever wants the bound as it is proved sets the learning rate to the corrected one.
///
/// ```
/// use breadth_lm::optim::truncated_distillation_step_size;
/// assert_eq!(truncated_distillation_step_size(1.0, 1.0, 1.0, 4356.0), 1.0 / 66.0);
/// ```
///
/// Source: Thm 6.2, as printed.
#[doc(alias = "thm_6_2")]
#[must_use]
pub fn truncated_distillation_step_size(bound: f64, variance: f64, log_n: f64, steps: f64) -> f64 {
    let smooth = (64.0 * log_n + 2.0) * bound * bound;
    (1.0 / smooth).min(1.0 / (steps * variance * log_n).sqrt())
}
