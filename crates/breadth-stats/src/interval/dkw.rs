//! The simultaneous band around an empirical distribution.

/// Half-width of the Dvoretzky-Kiefer-Wolfowitz band around an empirical distribution function of `n` independent rows:
/// `sqrt( log(2 / alpha) / (2 n) )`, with Massart's constant; it holds at every level at once.
///
/// `n` may be an effective size. Units: share of rows.
///
/// ```
/// assert!((breadth_stats::interval::dkw_half_width(4000.0, 0.05) - 0.0214734).abs() < 1e-7);
/// ```
///
/// Source: Massart, Annals of Probability 18 (1990).
pub fn dkw_half_width(n: f64, alpha: f64) -> f64 {
    ((2.0 / alpha).ln() / (2.0 * n)).sqrt()
}
