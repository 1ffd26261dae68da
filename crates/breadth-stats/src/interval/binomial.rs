//! The binomial distribution function.

use super::beta::stirling_remainder;

/// The binomial distribution function `P[ Bin(n, t) <= k ]`, exact also in its lower tail.
///
/// `k`: any number, of which the whole part counts (0 below 0, 1 from n on); `n`: trials; `t`: the
/// probability of success, in [0, 1]. An upper tail is the lower tail of the failures:
/// `P[Bin(n, t) >= k]` is `at_most(n - k, n, 1 - t)`.
///
/// The mass at k by Loader's deviances (Fast and Accurate Computation of Binomial Probabilities,
/// 2000), then the tail on k's side of the mean, term by term from the largest: about
/// `9 sqrt(n t (1 - t))` terms at most.
///
/// # Examples
///
/// ```
/// use breadth_stats::interval::at_most;
/// assert!((at_most(1.0, 3, 0.5) - 0.5).abs() < 1e-15);
/// assert!((at_most(0.0, 500, 0.5).log2() + 500.0).abs() < 1e-12);
/// ```
#[doc(alias = "binomial_cdf")]
pub fn at_most(k: f64, n: u64, t: f64) -> f64 {
    let (k, n) = (k.floor(), n as f64);
    if k < 0.0 {
        return 0.0;
    }
    if k >= n || t == 0.0 {
        return 1.0;
    }
    if t >= 1.0 {
        return 0.0;
    }
    if k < n * t {
        tail(k, n, t)
    } else {
        1.0 - tail(n - k - 1.0, n, 1.0 - t)
    }
}

/// `P[ Bin(n, t) <= k ]` for k below about `n t`, where the masses fall from k downwards.
fn tail(k: f64, n: f64, t: f64) -> f64 {
    let odds_against = (1.0 - t) / t;
    let (mut j, mut term, mut sum) = (k, 1.0, 1.0);
    while j > 0.0 && term > 1e-17 * sum {
        term *= j / (n - j + 1.0) * odds_against;
        sum += term;
        j -= 1.0;
    }
    sum * ln_mass(k, n, t).exp()
}

/// `ln P[ Bin(n, t) = k ]`
fn ln_mass(k: f64, n: f64, t: f64) -> f64 {
    if k == 0.0 {
        return n * (-t).ln_1p();
    }
    let failures = n - k;
    let above = k - n * t;
    ln_factorial_remainder(n) - ln_factorial_remainder(k) - ln_factorial_remainder(failures)
        + 0.5 * (n / (std::f64::consts::TAU * k * failures)).ln()
        - deviance(k, n * t, above)
        - deviance(failures, n * (1.0 - t), -above)
}

/// `ln x! - (x + 1/2) ln x + x - ln(2 pi)/2` for whole x >= 1.
fn ln_factorial_remainder(x: f64) -> f64 {
    if x >= 10.0 {
        return stirling_remainder(x);
    }
    let factorial: f64 = (2..=x as u32).map(f64::from).product();
    factorial.ln() - (x + 0.5) * x.ln() + x - 0.5 * std::f64::consts::TAU.ln()
}

/// `x ln(x / mean) - above` for `above = x - mean`, without cancellation where x is near the mean.
fn deviance(x: f64, mean: f64, above: f64) -> f64 {
    let v = above / (x + mean);
    if v.abs() >= 0.1 {
        return x * (x / mean).ln() - above;
    }
    // x ln(x / mean) = 2 x artanh(v), whose first term is above + v above.
    let (mut power, mut sum) = (v, v * above);
    for odd in (3..40).step_by(2) {
        power *= v * v;
        let next = sum + 2.0 * x * power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::at_most;

    /// Plans ask for billions of rows, where a continued fraction is silently wrong.
    #[test]
    fn millions_and_billions_of_rows() {
        for n in [1_000_001_u64, 1_000_000_001] {
            let middle = at_most((n / 2) as f64, n, 0.5);
            assert!((middle - 0.5).abs() < 1e-13, "n = {n}: {middle}");
        }
        // The Poisson limit, off by about mean^2 / n: e^-m times 1 + m + .. + m^k/k!.
        let n = 1_u64 << 40;
        for mean in [3.0_f64, 4.0, 100.0] {
            for k in [0, 2, 5] {
                let mut term = (-mean).exp();
                let mut poisson = term;
                for j in 1..=k {
                    term *= mean / f64::from(j);
                    poisson += term;
                }
                let found = at_most(f64::from(k), n, mean / n as f64);
                let what = format!("mean {mean}, k {k}: {found:e}, the limit is {poisson:e}");
                assert!((found / poisson - 1.0).abs() < 2e-8, "{what}");
            }
        }
    }

    /// Against the sum of the masses by their definition, in both tails and at the ends.
    #[test]
    fn the_masses_added_up() {
        for n in [1_u64, 2, 9, 10, 37, 300] {
            for t in [1e-9_f64, 0.003, 0.25, 0.5, 0.9, 1.0 - 1e-9] {
                let mut mass = (n as f64 * (-t).ln_1p()).exp();
                let mut sum = mass;
                for k in 0..n {
                    let found = at_most(k as f64, n, t);
                    if mass > 1e-290 {
                        let what = format!("n {n}, t {t}, k {k}: {found:e}, not {sum:e}");
                        assert!((found / sum - 1.0).abs() < 1e-11, "{what}");
                    }
                    assert_eq!(found, at_most(k as f64 + 0.5, n, t));
                    mass *= (n - k) as f64 / (k + 1) as f64 * t / (1.0 - t);
                    sum += mass;
                }
            }
        }
    }
}
