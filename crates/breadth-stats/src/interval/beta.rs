//! Quantiles of the beta and Student t distributions.
//!
//! statrs 0.19 stops the continued fraction of the incomplete beta function after 140 terms without
//! saying so, and needs about `sqrt(a + b)` of them: from a few tens of thousands of rows on its
//! quantiles are wrong. Hence these forty lines, on statrs's log-gamma.

use std::cell::RefCell;
use std::collections::VecDeque;

use statrs::function::gamma::ln_gamma;

/// A point of (0, 1) kept as its log-odds, so that neither it nor its complement is rounded away.
#[derive(Clone, Copy)]
pub(crate) struct LogOdds(f64);

impl LogOdds {
    fn of(x: f64) -> LogOdds {
        LogOdds(x.ln() - (-x).ln_1p())
    }

    pub(crate) fn x(self) -> f64 {
        1.0 / (1.0 + (-self.0).exp())
    }

    pub(crate) fn complement(self) -> f64 {
        1.0 / (1.0 + self.0.exp())
    }

    /// ln x
    fn ln_x(self) -> f64 {
        if self.0 < 0.0 {
            self.0 - self.0.exp().ln_1p()
        } else {
            -(-self.0).exp().ln_1p()
        }
    }
}

/// `ln B(a, b)`. The plain difference of log-gammas loses nine digits at a million rows; for
/// arguments above 10 their large parts are cancelled by hand (Stirling), and only the small
/// remainders are subtracted.
pub(crate) fn ln_beta(a: f64, b: f64) -> f64 {
    let (a, b) = (a.min(b), a.max(b));
    let ln_share_b = (-a / (a + b)).ln_1p();
    if a >= 10.0 {
        let remainder = stirling_remainder(a) + stirling_remainder(b) - stirling_remainder(a + b);
        remainder
            + 0.5 * (std::f64::consts::TAU / b).ln()
            + (a - 0.5) * (a / (a + b)).ln()
            + b * ln_share_b
    } else if b >= 10.0 {
        let remainder = stirling_remainder(b) - stirling_remainder(a + b);
        ln_gamma(a) + remainder + a - a * (a + b).ln() + (b - 0.5) * ln_share_b
    } else {
        ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
    }
}

/// `ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi)/2` for x >= 10.
pub(super) fn stirling_remainder(x: f64) -> f64 {
    let square = (x * x).recip();
    (1.0 / 12.0
        - square
            * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0))))
        / x
}

/// The x with `P[Beta(a, b) <= x] = p`, for a, b > 0 and p in (0, 1).
///
/// Newton's method on `ln I_x(a,b) - ln p` as a function of the log-odds of x. That function is
/// increasing and concave (the density of the log-odds is log-concave), so after the first step the
/// iterates rise towards the root and never overshoot: no bracket is needed.
pub(crate) fn beta_quantile(a: f64, b: f64, p: f64) -> LogOdds {
    let ln_beta = ln_beta(a, b);
    let mut u = LogOdds::of(a / (a + b));
    for _ in 0..200 {
        let (ln_cdf, ln_density) = ln_cdf_and_density(a, b, ln_beta, u);
        let step = (p.ln() - ln_cdf) * (ln_cdf - ln_density).exp();
        u.0 += step;
        if step.abs() <= 1e-14 * (1.0 + u.0.abs()) {
            break;
        }
    }
    u
}

/// The t with `P[T > t] = tail` for Student's t with `df` degrees of freedom, for tail in (0, 1/2).
///
/// `df`: any positive number, whole or not. A tournament asks for the same few quantiles thousands
/// of times, so each thread remembers the latest.
///
/// # Examples
///
/// ```
/// let t = breadth_stats::interval::student_t_upper(9.0, 0.025);
/// assert!((t - 2.262157163).abs() < 1e-8);
/// ```
pub fn student_t_upper(df: f64, tail: f64) -> f64 {
    const REMEMBERED: usize = 8;
    thread_local! {
        static LATEST: RefCell<VecDeque<[f64; 3]>> = const { RefCell::new(VecDeque::new()) };
    }
    LATEST.with_borrow_mut(|latest| {
        if let Some(known) = latest.iter().find(|known| known[..2] == [df, tail]) {
            return known[2];
        }
        // df / (df + T^2) is Beta(df/2, 1/2) and falls as |T| grows; its odds are df / T^2.
        let u = beta_quantile(0.5 * df, 0.5, 2.0 * tail);
        let t = (df * (-u.0).exp()).sqrt();
        latest.truncate(REMEMBERED - 1);
        latest.push_front([df, tail, t]);
        t
    })
}

/// `ln P[Beta(a,b) <= x]` and the log of its derivative by the log-odds of x, `ln( x^a (1-x)^b /
/// B(a,b) )`.
fn ln_cdf_and_density(a: f64, b: f64, ln_beta: f64, u: LogOdds) -> (f64, f64) {
    let (ln_x, ln_y) = (u.ln_x(), LogOdds(-u.0).ln_x());
    let ln_density = a * ln_x + b * ln_y - ln_beta;
    let ln_cdf = if u.x() <= (a + 1.0) / (a + b + 2.0) {
        ln_density - a.ln() + continued_fraction(a, b, u.x()).ln()
    } else {
        (-(ln_density - b.ln()).exp() * continued_fraction(b, a, u.complement())).ln_1p()
    };
    (ln_cdf, ln_density)
}

/// The continued fraction h in `I_x(a,b) = x^a (1-x)^b h / (a B(a,b))` by the modified Lentz
/// method; it converges in about `sqrt(max(a, b))` terms for `x <= (a+1)/(a+b+2)`.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..10_000_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + numerator * d);
            c = away_from_zero(1.0 + numerator / c);
            factor = c * d;
            h *= factor;
        }
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(text: &str) -> Vec<Vec<f64>> {
        text.lines()
            .skip(1)
            .map(|line| line.split(',').map(|v| v.parse().unwrap()).collect())
            .collect()
    }

    fn assert_close(found: f64, expected: f64, relative: f64, what: &str) {
        assert!(
            (found - expected).abs() <= relative * expected.abs() + 1e-300,
            "{what}: {found:e}, SciPy has {expected:e}"
        );
    }

    /// Where SciPy's own quantile does not invert its own distribution function, it is no
    /// reference.
    #[test]
    fn beta_quantiles_are_scipys() {
        let rows = golden(include_str!(
            "../../../../tests/golden/stats/beta_quantile.csv"
        ));
        let sound = rows
            .iter()
            .filter(|row| (row[4] / row[2] - 1.0).abs() < 1e-9 && row[3] > 1e-290 && row[3] < 1.0);
        let mut checked = 0;
        for row in sound {
            assert_close(
                beta_quantile(row[0], row[1], row[2]).x(),
                row[3],
                1e-8,
                &format!("{row:?}"),
            );
            checked += 1;
        }
        assert!(
            checked >= 70,
            "only {checked} of {} rows can serve as reference",
            rows.len()
        );
    }

    #[test]
    fn student_quantiles_are_scipys() {
        for row in golden(include_str!("../../../../tests/golden/stats/student_t.csv")) {
            assert_close(
                student_t_upper(row[0], row[1]),
                row[2],
                1e-9,
                &format!("{row:?}"),
            );
        }
    }

    #[test]
    fn a_point_and_its_complement_add_up() {
        for x in [1e-200, 1e-9, 0.3, 0.999] {
            let point = LogOdds::of(x);
            assert_close(point.x(), x, 1e-12, "x");
            assert_close(point.complement(), 1.0 - x, 1e-12, "1 - x");
        }
    }
}
