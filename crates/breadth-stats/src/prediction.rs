//! Pass@N predicted from the coverage profile.

use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design, Estimate};
use crate::log_ratio::log_ratio;
use crate::numerics::{check_length, check_log_probs, error_rate};

/// Lower bound on Pass@k from the coverage profile alone: `E_p[ 1 - (1 - min(1, q/p))^k ]`.
///
/// `log_p`, `log_q`: (rows) log-probabilities in nats of responses drawn from p; `k`: number of
/// samples. It needs nothing but the distribution of `p/q`, and holds where every response of p is
/// correct; if p is correct with probability `1 - e` it falls by at most e. Why: one sample of q is
/// correct with probability at least `s(x) = E_{y~p(.|x)}[ min(1, q/p) ]`, and `1 - (1 - s)^k` is
/// concave in s (Jensen). It is Pass@k itself where p has one response per prompt, as `q/p` is then
/// the probability of the only correct one. Limits as in [`crate::mean_over_prompts`].
///
/// # Errors
///
/// As [`crate::coverage_profile`]; also k = 0.
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, pass_from_coverage};
/// // Figure 1 in closed form: nine responses of the first rule, one of the second, q = 0.9 on the first.
/// let log_q: Vec<f64> = (0..10)
///     .map(|row| if row == 9 { 0.1_f64.ln() } else { 0.9_f64.ln() })
///     .collect();
/// let pass = pass_from_coverage(&[0.0; 10], &log_q, &Design::default(), 8, 0.95)?;
/// assert!((pass.value - 0.956953).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 8's closed form, where it is exact.
pub fn pass_from_coverage(
    log_p: &[f64],
    log_q: &[f64],
    design: &Design,
    k: u64,
    confidence: f64,
) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    if k == 0 {
        return Err(Error::ZeroAttempts);
    }
    check_length("log_q", log_q.len(), "log_p", log_p.len())?;
    let rows = CheckedDesign::new(design, log_p.len())?;
    check_log_probs("log_p", log_p)?;
    check_log_probs("log_q", log_q)?;
    let found = |row: usize| {
        let chance = (-log_ratio(log_p[row], log_q[row])).exp().min(1.0);
        -(k as f64 * (-chance).ln_1p()).exp_m1()
    };
    let share = BoundedMean::of_values(&rows, found);
    Ok(share.estimate(alpha))
}
