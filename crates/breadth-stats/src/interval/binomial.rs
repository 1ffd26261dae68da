//! The binomial distribution function.

use super::beta::beta_cdf_at_complement;

/// The binomial distribution function `P[ Bin(n, t) <= k ]`, exact also in its lower tail.
///
/// `k`: any number (0 below 0, 1 from n on); `n`: trials; `t`: the probability of success, in
/// [0, 1]. An upper tail is the lower tail of the failures: `P[Bin(n, t) >= k]` is
/// `at_most(n - k, n, 1 - t)`.
///
/// # Examples
///
/// ```
/// use breadth_stats::interval::at_most;
/// assert!((at_most(1.0, 3, 0.5) - 0.5).abs() < 1e-15);
/// assert!((at_most(0.0, 500, 0.5).log2() + 500.0).abs() < 1e-9);
/// ```
#[doc(alias = "binomial_cdf")]
pub fn at_most(k: f64, n: u64, t: f64) -> f64 {
    if k < 0.0 {
        return 0.0;
    }
    if k >= n as f64 || t == 0.0 {
        return 1.0;
    }
    if t >= 1.0 {
        return 0.0;
    }
    beta_cdf_at_complement(n as f64 - k, k + 1.0, t)
}

#[cfg(test)]
mod tests {
    use super::at_most;

    /// Plans ask for billions of rows, where a continued fraction cut short is silently wrong.
    #[test]
    fn millions_and_billions_of_rows() {
        for n in [1_000_001_u64, 1_000_000_001] {
            let middle = at_most((n / 2) as f64, n, 0.5);
            // Logarithms of size n leave n ulps.
            assert!((middle - 0.5).abs() < 1e-15 * n as f64, "n = {n}: {middle}");
        }
        // The Poisson limit: e^-3 (1 + 3 + 9/2).
        let n = 1_u64 << 40;
        let rare = at_most(2.0, n, 3.0 / n as f64);
        assert!((rare - 8.5 * (-3.0_f64).exp()).abs() < 1e-9, "{rare}");
    }
}
