//! One likely outcome and many unlikely ones: the law of Prop 4.1(a).

/// `p(1) = 4n / (d - 1 + 4n)`, and `1 / (d - 1 + 4n)` for each of the d - 1 others.
///
/// In n rows an unlikely outcome is unseen with probability about `e^{-1/4}`.
///
/// # Examples
///
/// ```
/// assert_eq!(breadth_lab::law::lopsided(3, 2), [0.8, 0.1, 0.1]);
/// ```
pub fn lopsided(outcomes: usize, rows: u64) -> Vec<f64> {
    let total = (outcomes - 1) as f64 + 4.0 * rows as f64;
    let mut p = vec![total.recip(); outcomes];
    p[0] = 4.0 * rows as f64 / total;
    p
}

/// The expected mass of the unlikely outcomes that n rows do not show:
/// `(d-1) / (d-1+4n) (1 - 1/(d-1+4n))^n`.
///
/// # Examples
///
/// ```
/// let unseen = breadth_lab::law::lopsided_unseen(3, 2);
/// assert!((unseen - 0.2 * 0.9 * 0.9).abs() < 1e-15);
/// ```
pub fn lopsided_unseen(outcomes: usize, rows: u64) -> f64 {
    let p = lopsided(outcomes, rows);
    (outcomes - 1) as f64 * p[1] * (rows as f64 * (-p[1]).ln_1p()).exp()
}
