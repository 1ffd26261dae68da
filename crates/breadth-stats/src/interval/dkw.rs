//! The simultaneous band around an empirical distribution.

/// Half-width `sqrt( log(2 / alpha) / (2 n) )` of the band around an empirical distribution
/// function.
///
/// The Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant: with probability `1 - alpha`
/// the band holds at every level at once. `n`: number of independent rows, or an effective number;
/// `alpha`: error probability. The result is a probability.
///
/// # Examples
///
/// ```
/// assert!((breadth_stats::interval::dkw_half_width(4000.0, 0.05) - 0.0214734).abs() < 1e-7);
/// ```
///
/// # Source
///
/// Massart, Annals of Probability 18 (1990).
pub fn dkw_half_width(n: f64, alpha: f64) -> f64 {
    ((2.0 / alpha).ln() / (2.0 * n)).sqrt()
}
