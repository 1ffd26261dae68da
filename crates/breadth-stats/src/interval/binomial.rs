//! The binomial distribution function.

use statrs::function::beta::checked_beta_reg;

/// `P[ Bin(n, t) <= k ]`.
pub(crate) fn at_most(k: f64, n: u64, t: f64) -> f64 {
    if k < 0.0 {
        return 0.0;
    }
    if k >= n as f64 || t == 0.0 {
        return 1.0;
    }
    if t >= 1.0 {
        return 0.0;
    }
    checked_beta_reg(n as f64 - k, k + 1.0, 1.0 - t).unwrap_or(0.0)
}
