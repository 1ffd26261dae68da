//! Whether one success rate is at least N times another, from counts: tests whose errors hold at
//! any rates, however few the samples.

use std::collections::BinaryHeap;
use std::f64::consts::FRAC_PI_2;

use crate::interval::at_most;
use crate::log_ratio::Level;
use crate::numerics::STATISTIC_ROUNDING;

/// c successes among n samples.
pub(super) type Count = (u64, u64);

/// Samples of both models up to which tests are exact; beyond, they are bounds.
const MOST_EXACT: u64 = 1000;

/// What is proved of `rival / own >= N` by the samples of one row.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Claim {
    /// The ratio is at least N; an error where it is below.
    Behind,
    /// The ratio is below N; an error where it is at least N.
    NotBehind,
}

/// At how many of the error rates (in ascending order) the claim is *not* proved: 0 where it is at
/// all of them.
///
/// The claim is proved at error b if `p <= b` for the p-value `p = sup over r = N q of P[T at least
/// as extreme]`, T the signed likelihood ratio between the best pair of rates and the best with `r
/// = N q`. Rates on the wrong side of `r = N q` give no more: T rises with the rival's count and
/// falls with the model's own, and so do these probabilities with the rates. The supremum is
/// bounded from above cell by cell, with the worse end of the cell for either rate, until it is
/// clear between which error rates it lies.
///
/// Rates seen on the wrong side of N prove nothing. `p <= (1 + T) e^-T`, which settles most rows at
/// once.
///
/// Where both models together have more than 1,000 samples: Fisher's combination `p = w (1 - log
/// w)` of the p-values of the two counts, `w` their largest product over `r = N q`.
///
/// Both rates 0 is ratio 1, q = 0 < r is infinite.
pub(super) fn failures(
    claim: Claim,
    rival: Count,
    own: Count,
    level: Level,
    errors: &[f64],
) -> usize {
    let inverse = (-level.log_n()).exp();
    let gain = match claim {
        Claim::Behind => statistic(rival, own, inverse),
        Claim::NotBehind => -statistic(rival, own, inverse),
    };
    if gain <= 0.0 {
        return errors.len();
    }
    // By Chernoff both counts' p-values multiply to at most e^-T.
    if (1.0 + gain) * (-gain).exp() <= errors[0] {
        return 0;
    }
    if rival.0.saturating_add(own.0) > MOST_EXACT {
        return above(combined(claim, rival, own, inverse), errors);
    }
    Region::new(claim, rival, own, inverse).failures(errors)
}

/// How many of the error rates lie below p.
fn above(p: f64, errors: &[f64]) -> usize {
    errors.iter().filter(|&&b| p > b).count()
}

/// The signed likelihood ratio of `r > N q` against `r = N q`: positive where the rates seen are
/// further apart than N.
fn statistic((n, c): Count, (m, k): Count, inverse: f64) -> f64 {
    let [n, c, m, k] = [n, c, m, k].map(|count| count as f64);
    if c + k == 0.0 {
        return 0.0;
    }
    let r = restricted(n, c, m, k, inverse);
    let rate = |c: f64, n: f64| if n > 0.0 { c / n } else { 0.0 };
    let gain = log_likelihood(rate(c, n), c, n) + log_likelihood(rate(k, m), k, m)
        - log_likelihood(r, c, n)
        - log_likelihood(r * inverse, k, m);
    // What is impossible at N beyond f64 is infinitely unlikely; a finite number can be compared
    // with slack.
    let gain = gain.clamp(0.0, 1e300);
    if c * m * inverse > k * n { gain } else { -gain }
}

/// The likeliest r with `r = N q`: the lesser root of `(n+m)/N r^2 - (n + k + (m+c)/N) r + c + k`.
fn restricted(n: f64, c: f64, m: f64, k: f64, inverse: f64) -> f64 {
    let (square, linear) = ((n + m) * inverse, n + k + (m + c) * inverse);
    let root = (linear * linear - 4.0 * square * (c + k)).max(0.0).sqrt();
    (2.0 * (c + k) / (linear + root)).min(1.0)
}

/// `c log p + (n-c) log(1-p)`, with 0 log 0 = 0.
fn log_likelihood(p: f64, c: f64, n: f64) -> f64 {
    let term = |count: f64, log: f64| if count == 0.0 { 0.0 } else { count * log };
    term(c, p.ln()) + term(n - c, (-p).ln_1p())
}

/// The outcomes at least as extreme as one seen.
struct Region {
    claim: Claim,
    n: u64,
    m: u64,
    inverse: f64,
    /// For each count of the model's own, the least of the rival's with which the ratio looks
    /// large: from there on for `Behind`, below for `NotBehind`. It does not fall.
    least: Vec<u64>,
    /// The rival's rate at which what was seen is likeliest, of those with `r = N q`.
    likeliest: f64,
}

impl Region {
    fn new(claim: Claim, rival: Count, own: Count, inverse: f64) -> Region {
        let (n, m) = (rival.0, own.0);
        let seen = statistic(rival, own, inverse);
        // Equal up to rounding is as extreme.
        let slack = STATISTIC_ROUNDING * (1.0 + seen.abs());
        let is_large = |c: u64, k: u64| {
            let value = statistic((n, c), (m, k), inverse);
            match claim {
                Claim::Behind => value >= seen - slack,
                Claim::NotBehind => value > seen + slack,
            }
        };
        let mut c = 0;
        let least = (0..=m).map(|k| {
            while c <= n && !is_large(c, k) {
                c += 1;
            }
            c
        });
        let least = least.collect();
        let [nf, cf, mf, kf] = [n, rival.1, m, own.1].map(|count| count as f64);
        Region {
            claim,
            n,
            m,
            inverse,
            least,
            likeliest: restricted(nf, cf, mf, kf, inverse),
        }
    }

    /// The probability of the region at these rates.
    fn probability(&self, r: f64, q: f64) -> f64 {
        let (of_rival, of_own) = (masses(self.n, r), masses(self.m, q));
        let (mut at, mut below, mut total) = (0, 0.0, 0.0);
        for (&least, mass) in self.least.iter().zip(of_own) {
            while at < least as usize && at < of_rival.len() {
                below += of_rival[at];
                at += 1;
            }
            total += mass
                * match self.claim {
                    Claim::Behind if least > self.n => 0.0,
                    Claim::Behind => (1.0 - below).max(0.0),
                    Claim::NotBehind => below,
                };
        }
        total.min(1.0)
    }

    /// At least the probability at any pair `r = N q` of the cell.
    fn bound(&self, low: f64, high: f64) -> f64 {
        let rate = |x: f64| x.sin().powi(2);
        match self.claim {
            Claim::Behind => self.probability(rate(high), rate(low) * self.inverse),
            Claim::NotBehind => self.probability(rate(low), rate(high) * self.inverse),
        }
    }

    fn failures(&self, errors: &[f64]) -> usize {
        let attained_at = |r: f64| self.probability(r, r * self.inverse);
        let mut attained = attained_at(self.likeliest);
        // Cells of equal standard deviation: r = sin^2 x.
        let cells = 16;
        let edge = |cell: usize| FRAC_PI_2 * cell as f64 / cells as f64;
        let cell = |low: f64, high: f64| Cell {
            bound: self.bound(low, high),
            low,
            high,
        };
        let mut open: BinaryHeap<Cell> = BinaryHeap::new();
        if above(attained, errors) < errors.len() {
            open.extend((0..cells).map(|at| cell(edge(at), edge(at + 1))));
        }
        while let Some(worst) = open.pop() {
            let is_clear = above(worst.bound, errors) == above(attained, errors);
            if is_clear || worst.bound <= NEAR * attained {
                return above(worst.bound, errors);
            }
            let middle = 0.5 * (worst.low + worst.high);
            attained = attained.max(attained_at(middle.sin().powi(2)));
            open.push(cell(worst.low, middle));
            open.push(cell(middle, worst.high));
        }
        errors.len()
    }
}

/// A bound this near the supremum is good enough.
const NEAR: f64 = 1.02;

/// Rates between two values of x.
struct Cell {
    bound: f64,
    low: f64,
    high: f64,
}

impl PartialEq for Cell {
    fn eq(&self, other: &Cell) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cell {}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Cell) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cell {
    fn cmp(&self, other: &Cell) -> std::cmp::Ordering {
        self.bound.total_cmp(&other.bound)
    }
}

/// `P[ Bin(n, p) = c ]` for all c, from the likeliest outwards.
fn masses(n: u64, p: f64) -> Vec<f64> {
    let count = n as usize;
    let mode = (((n + 1) as f64 * p) as usize).min(count);
    let mut masses = vec![0.0; count + 1];
    masses[mode] = 1.0;
    let odds = p / (1.0 - p);
    for c in mode..count {
        masses[c + 1] = masses[c] * odds * (count - c) as f64 / (c + 1) as f64;
    }
    for c in (0..mode).rev() {
        masses[c] = masses[c + 1] / odds * (c + 1) as f64 / (count - c) as f64;
    }
    let total: f64 = masses.iter().sum();
    masses.iter_mut().for_each(|mass| *mass /= total);
    masses
}

/// Fisher's combination of the two counts' p-values, at the pair of rates that makes the most of
/// it.
fn combined(claim: Claim, (n, c): Count, (m, k): Count, inverse: f64) -> f64 {
    let product = |x: f64| {
        let r = x.sin().powi(2);
        let (of_rival, of_own) = (
            |c: f64| at_most(c, n, r),
            |k: f64| at_most(k, m, r * inverse),
        );
        match claim {
            Claim::Behind => (1.0 - of_rival(c as f64 - 1.0)) * of_own(k as f64),
            Claim::NotBehind => of_rival(c as f64) * (1.0 - of_own(k as f64 - 1.0)),
        }
    };
    // One factor rises and the other falls, both log-concave: there is one maximum, and it is near
    // the likeliest rates. Beyond them both may vanish in rounding.
    let [nf, cf, mf, kf] = [n, c, m, k].map(|count| count as f64);
    let middle = restricted(nf, cf, mf, kf, inverse).sqrt().asin();
    let mut w = product(middle);
    for end in [0.0, FRAC_PI_2] {
        let (mut far, mut near) = (end, middle);
        w = w.max(product(end));
        for _ in 0..60 {
            let third = (near - far) / 3.0;
            let (a, b) = (product(far + third), product(near - third));
            w = w.max(a).max(b);
            if a > b {
                near -= third;
            } else {
                far += third;
            }
        }
    }
    if w > 0.0 {
        (w * (1.0 - w.ln())).min(1.0)
    } else {
        0.0
    }
}
