//! How many rows, and how many samples, a question needs.

mod pilot;

use std::f64::consts::SQRT_2;

use statrs::function::erf::erfc;
use statrs::function::factorial::ln_binomial;

use crate::error::{Error, Result};
use crate::interval::{ExpectedUnits, at_most, is_upper_at_most, ln_beta};
use crate::numerics::{TOLERANCE, error_rate, normal_quantile};

pub use pilot::{Certification, Separation, certifications, separations};

/// More rows than anyone has: what needs these cannot be had.
const MOST: u64 = 1 << 32;

/// Sample size for a coverage claim: rows after which the upper limit of `Cov_N` is at most `e`
/// with chance `power`.
///
/// `coverage`: the true coverage; `e`: the limit wanted; both probabilities. The limit is that of a
/// coverage profile at one level ([`crate::coverage_profile`]) on independent rows of equal weight.
/// `None` if no number is enough (`coverage >= e`) or it is beyond 2^32. For c missed rows let
/// `n_c` be the least n whose Clopper-Pearson limit is at most e; the answer is `n_c` for the least
/// c with `P[Bin(n_c, coverage) <= c] >= power`. Rows that share prompts need more, see
/// [`prompts_to_certify`].
///
/// # Errors
///
/// Shares outside [0, 1], or a confidence or power outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::rows_to_certify;
/// // A model that misses nothing: the rule of 3.7 (two-sided 95%), 1 - 0.025^(1/n) <= 0.05.
/// assert_eq!(rows_to_certify(0.0, 0.05, 0.95, 0.9)?, Some(72));
/// assert_eq!(rows_to_certify(0.02, 0.05, 0.95, 0.9)?, Some(390));
/// assert_eq!(rows_to_certify(0.05, 0.05, 0.95, 0.9)?, None);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Clopper and Pearson, Biometrika 26 (1934).
#[doc(alias = "sample size")]
pub fn rows_to_certify(coverage: f64, e: f64, confidence: f64, power: f64) -> Result<Option<u64>> {
    let tail = 0.5 * error_rate(confidence)?;
    error_rate(power)?;
    check_share("coverage", coverage)?;
    check_share("e", e)?;
    if coverage >= e {
        return Ok(None);
    }
    // The limit of Clopper and Pearson is at most e where so few misses are rare under e.
    let rows = |c: u64| least(|n| n > c && at_most(c as f64, n, e) <= tail);
    let is_enough = |c: u64| rows(c).is_none_or(|n| at_most(c as f64, n, coverage) >= power);
    Ok(least(is_enough).and_then(rows))
}

/// Sample size for a coverage claim where prompts have several rows: prompts after which the upper
/// limit of `Cov_N` is at most `e` with a chance of about `power`.
///
/// `coverage`, `e`, `confidence`, `power`: as in [`rows_to_certify`], which answers for one row per
/// prompt; `per_prompt`: r rows of each prompt; `correlation`: rho between two rows of a prompt. The
/// limit is that of a coverage profile whose units are prompts, so however many
/// rows they have there are no fewer prompts than a model needs that misses nothing,
/// `1 - tail^(1/prompts) <= e`. The prompts' missed rows are taken as beta-binomial, and the answer
/// is the least number whose limit is at most e for a sample in the beta-binomial's proportions, of
/// mean `coverage + z sqrt(coverage (1 - coverage) (1 + (r - 1) rho) / (r prompts))`, z being the
/// normal quantile of `power`; but no less than [`rows_to_certify`] times `(1 + (r - 1) rho) / r`,
/// which is exact where the rows of a prompt are all alike, and few misses are no normal variable.
/// `None` if no number is enough or it is beyond 2^32.
///
/// # Errors
///
/// As [`rows_to_certify`]; also a correlation outside [0, 1], or no row per prompt.
///
/// # Examples
///
/// ```
/// use breadth_stats::prompts_to_certify;
/// // Ten rows of a prompt say nothing of prompts that were not drawn.
/// assert_eq!(prompts_to_certify(0.0, 0.05, 10, 0.0, 0.95, 0.9)?, Some(72));
/// let prompts = |correlation| prompts_to_certify(0.02, 0.05, 4, correlation, 0.95, 0.9);
/// assert!(prompts(0.1)? < prompts(0.5)?);
/// assert_eq!(prompts_to_certify(0.02, 0.05, 1, 0.5, 0.95, 0.9)?, Some(390));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// The limit of [`crate::interval::BoundedMean`].
#[doc(alias = "sample size")]
pub fn prompts_to_certify(
    coverage: f64,
    e: f64,
    per_prompt: u64,
    correlation: f64,
    confidence: f64,
    power: f64,
) -> Result<Option<u64>> {
    let tail = 0.5 * error_rate(confidence)?;
    check_share("correlation", correlation)?;
    if per_prompt == 0 {
        return Err(Error::Empty { what: "a prompt" });
    }
    if per_prompt == 1 || correlation > ALIKE {
        return rows_to_certify(coverage, e, confidence, power);
    }
    let z = normal_quantile(error_rate(power)?);
    check_share("coverage", coverage)?;
    check_share("e", e)?;
    if coverage >= e {
        return Ok(None);
    }
    // Beyond so many rows more hardly help.
    let rows = per_prompt.min(MOST_PER_PROMPT);
    let variance = coverage * (1.0 - coverage) * design_effect(rows, correlation) / rows as f64;
    let is_enough = |prompts: u64| {
        let n = prompts as f64;
        if prompts == 0 || n * (-e).ln_1p() > tail.ln() {
            return false;
        }
        let mean = coverage + z.max(0.0) * (variance / n).sqrt();
        mean == 0.0
            || (mean < e && {
                let missed = beta_binomial(rows, mean, correlation);
                let units = missed.iter().enumerate().filter(|(_, share)| **share > 0.0);
                let units = units.map(|(c, share)| (c as f64 / rows as f64, n * share));
                is_upper_at_most(units, e, tail)
            })
    };
    let alike = prompts_of(
        rows_to_certify(coverage, e, confidence, power)?,
        per_prompt,
        correlation,
    );
    let enough = least(is_enough);
    Ok(enough.and_then(|prompts| alike.map(|alike| alike.max(prompts))))
}

/// How many prompts are worth so many independent rows.
fn prompts_of(rows: Option<u64>, per_prompt: u64, correlation: f64) -> Option<u64> {
    let each = design_effect(per_prompt, correlation) / per_prompt as f64;
    rows.map(|rows| (rows as f64 * each - TOLERANCE).ceil() as u64)
}

/// Rows of a prompt that correlate more are taken for one.
const ALIKE: f64 = 1.0 - 1e-9;
/// Rows of a prompt beyond which more are not told apart.
const MOST_PER_PROMPT: u64 = 1000;

/// The chances of 0 to n hits in n rows with this mean share and this correlation of two rows.
fn beta_binomial(n: u64, mean: f64, correlation: f64) -> Vec<f64> {
    if n == 0 || mean <= 0.0 || mean >= 1.0 || correlation > ALIKE {
        let mut all_or_none = vec![0.0; n as usize + 1];
        all_or_none[0] = 1.0 - mean;
        all_or_none[n as usize] += mean;
        return all_or_none;
    }
    let size = (1.0 - correlation) / correlation;
    let (a, b) = (mean * size, (1.0 - mean) * size);
    let chance = |c: u64| {
        let (hit, missed) = (c as f64, (n - c) as f64);
        let ln = if correlation < 1.0 - ALIKE {
            hit * mean.ln() + missed * (-mean).ln_1p()
        } else {
            ln_beta(a + hit, b + missed) - ln_beta(a, b)
        };
        (ln_binomial(n, c) + ln).exp()
    };
    (0..=n).map(chance).collect()
}

/// Sample size for a choice: rows after which a tournament excludes the worse of two models with
/// chance `power`.
///
/// `ahead`: the share of rows on which the worst rival of the worse model assigns it at least N
/// times the probability, but the worst rival of the better model does not do so to that one;
/// `behind`: the other way round. With two models these are their two rival shares. `models`: how
/// many compete (the sign test is at error `alpha / (m-1)^2`). Rows are independent and of equal
/// weight. `None` if no number is enough (`ahead <= behind`) or it is beyond 2^32. The chance is
/// exact, summed over the number of rows on which the two differ (in at most 400 steps); where
/// more than 10,000 such rows are expected it is that of the normal limit (off by 0.001 at most).
///
/// # Errors
///
/// Shares outside [0, 1] or with a sum above 1, fewer than two models, or a confidence or power
/// outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::rows_to_separate;
/// let rows = rows_to_separate(0.10, 0.05, 2, 0.95, 0.9)?;
/// assert_eq!(rows, Some(540)); // as summed with scipy.stats
/// assert!(rows_to_separate(0.10, 0.05, 40, 0.95, 0.9)? > rows); // more candidates, more to prove
/// assert_eq!(rows_to_separate(0.05, 0.05, 2, 0.95, 0.9)?, None);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// The sign test of [`crate::tournament()`].
#[doc(alias = "sample size")]
#[doc(alias = "power")]
pub fn rows_to_separate(
    ahead: f64,
    behind: f64,
    models: usize,
    confidence: f64,
    power: f64,
) -> Result<Option<u64>> {
    let tail = separation_tail(models, confidence)?;
    error_rate(power)?;
    check_share("ahead", ahead)?;
    check_share("behind", behind)?;
    if ahead + behind > 1.0 + TOLERANCE {
        return Err(Error::InvalidShare {
            what: "ahead + behind",
            value: ahead + behind,
        });
    }
    if models < 2 {
        return Err(Error::Empty {
            what: "the set of rivals",
        });
    }
    if ahead <= behind {
        return Ok(None);
    }
    let either = (ahead + behind).min(1.0);
    Ok(least(|n| {
        chance_to_separate(n, either, ahead / either, tail) >= power
    }))
}

/// Sample size for a choice where prompts have several rows: prompts after which a tournament
/// excludes the worse of two models with a chance of about `power`.
///
/// `ahead`, `behind`, `models`, `confidence`, `power`: as in [`rows_to_separate`], which answers for
/// one row per prompt; `per_prompt`: r rows of each prompt; `correlation`: rho between two rows of a
/// prompt. A tournament's units are prompts, and one imaginary prompt on which the worse model is
/// ahead counts with them, so that however many rows they have there are no fewer than `ln(1/tail) /
/// ln(1 + ahead - behind)`. The rows of a prompt on which either model is left behind are taken as
/// Dirichlet-multinomial. The answer is the least number with which the worse model is excluded in
/// the likeliest of the samples in which the logarithm of the test's p-value is z standard
/// deviations, to first order, above the expected (z: the normal quantile of `power`); but no less than
/// [`rows_to_separate`] times `(1 + (r - 1) rho) / r`, which is exact where the rows of a prompt are
/// all alike. `None` if no number is enough or it is beyond 2^32.
///
/// # Errors
///
/// As [`rows_to_separate`]; also a correlation outside [0, 1], or no row per prompt.
///
/// # Examples
///
/// ```
/// use breadth_stats::prompts_to_separate;
/// let prompts = |rows, correlation| {
///     prompts_to_separate(0.10, 0.05, 2, rows, correlation, 0.95, 0.9)
/// };
/// assert_eq!(prompts(1, 0.5)?, Some(540));
/// assert_eq!(prompts(50, 1.0)?, Some(540));
/// // By their variance 540 / 50 = 11 prompts would do, which can exclude nothing.
/// assert!(prompts(50, 0.0)? > Some(60));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// The paired test of [`crate::tournament()`].
#[doc(alias = "sample size")]
#[doc(alias = "power")]
pub fn prompts_to_separate(
    ahead: f64,
    behind: f64,
    models: usize,
    per_prompt: u64,
    correlation: f64,
    confidence: f64,
    power: f64,
) -> Result<Option<u64>> {
    let independent = rows_to_separate(ahead, behind, models, confidence, power)?;
    check_share("correlation", correlation)?;
    if per_prompt == 0 {
        return Err(Error::Empty { what: "a prompt" });
    }
    if per_prompt == 1 || correlation > ALIKE || independent.is_none() {
        return Ok(independent);
    }
    let tail = separation_tail(models, confidence)?;
    let chances = differences(per_prompt.min(MOST_PER_PROMPT), ahead, behind, correlation);
    let units = ExpectedUnits::of_chances(chances.into_iter());
    let enough = least(|n| units.is_upper_at_most(0.5, n as f64, tail, power));
    let alike = prompts_of(independent, per_prompt, correlation);
    Ok(enough.and_then(|prompts| alike.map(|alike| alike.max(prompts))))
}

/// The error of each of a tournament's tests between two models.
fn separation_tail(models: usize, confidence: f64) -> Result<f64> {
    Ok(error_rate(confidence)? / (models.max(2) - 1).pow(2) as f64)
}

/// Of a prompt of n rows, the values `(1 - difference) / 2` that its difference of the shares on
/// which either model is ahead may have, and their chances.
fn differences(n: u64, ahead: f64, behind: f64, correlation: f64) -> Vec<(f64, f64)> {
    const NONE: f64 = 1e-12;
    let either = (ahead + behind).min(1.0);
    // Two of those rows on which the models differ correlate less: the sizes of a Dirichlet add up.
    let within = correlation / (correlation + either * (1.0 - correlation));
    let mut chances = vec![0.0; 2 * n as usize + 1];
    let differing = beta_binomial(n, either, correlation);
    for (differ, chance) in differing.into_iter().enumerate() {
        if chance < NONE {
            continue;
        }
        let wins = beta_binomial(differ as u64, ahead / either, within);
        for (won, share) in wins.into_iter().enumerate() {
            chances[n as usize + differ - 2 * won] += chance * share;
        }
    }
    let of = |(at, chance): (usize, f64)| (at as f64 / (2 * n) as f64, chance);
    chances.into_iter().enumerate().map(of).collect()
}

/// Number of samples among which a response is found with a given chance.
///
/// `ceil( log(1 - chance) / log(1 - rate) )`. `rate`: the probability that one sample is the
/// response; `chance`: the probability wanted of at least one.
///
/// # Errors
///
/// A rate outside (0, 1], or a chance outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::samples_to_see;
/// assert_eq!(samples_to_see(1.0 / 64.0, 0.95)?, 191);
/// assert_eq!(samples_to_see(1.0, 0.95)?, 1);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn samples_to_see(rate: f64, chance: f64) -> Result<u64> {
    let missed = error_rate(chance)?;
    if !(rate > 0.0 && rate <= 1.0) {
        return Err(Error::InvalidRate(rate));
    }
    Ok((missed.ln() / (-rate).ln_1p()).ceil().max(1.0) as u64)
}

/// Kish's design effect `1 + (r - 1) rho`: how many rows of a cluster count as one independent row.
///
/// `rows`: r rows per cluster; `correlation`: rho between two rows of a cluster.
///
/// # Examples
///
/// ```
/// assert_eq!(breadth_stats::design_effect(4, 0.5), 2.5);
/// ```
///
/// # Source
///
/// Kish, Survey Sampling (1965).
#[doc(alias = "Kish")]
pub fn design_effect(rows: u64, correlation: f64) -> f64 {
    1.0 + rows.saturating_sub(1) as f64 * correlation
}

/// The chance that n rows exclude the worse model: they disagree on `either` of the rows, and there
/// on `share` in favour of the better.
fn chance_to_separate(n: u64, either: f64, share: f64, tail: f64) -> f64 {
    const MANY: f64 = 1e4;
    if n as f64 * either > MANY {
        normal_chance(n as f64, either, share, tail)
    } else {
        exact_chance(n, either, share, tail)
    }
}

/// The same in the normal limit: of D disagreements, W in favour of the better prove it where
/// `2 W - D >= z sqrt(D) + 1`, and `2 W - D` is a sum over rows of +1, 0 and -1.
fn normal_chance(n: f64, either: f64, share: f64, tail: f64) -> f64 {
    let drift = either * (2.0 * share - 1.0);
    let needed = normal_quantile(tail) * (n * either).sqrt() + 1.0;
    let deviation = (n * (either - drift * drift)).sqrt();
    0.5 * erfc((needed - n * drift) / deviation / SQRT_2)
}

fn exact_chance(n: u64, either: f64, share: f64, tail: f64) -> f64 {
    const STEPS: f64 = 400.0;
    const DEVIATIONS: f64 = 8.0;
    let mean = n as f64 * either;
    let reach = DEVIATIONS * (mean * (1.0 - either)).sqrt() + 1.0;
    let first = (mean - reach).floor().max(0.0);
    let last = (mean + reach).ceil().min(n as f64);
    let step = ((last - first + 1.0) / STEPS).ceil().max(1.0);
    let mut chance = 0.0;
    let mut start = first;
    let mut before = at_most(first - 1.0, n, either);
    while start <= last {
        let end = (start + step - 1.0).min(last);
        let until = at_most(end, n, either);
        let here = until - before;
        before = until;
        let disagreements = ((start + end) / 2.0).round();
        chance += here * chance_of_sign_test(disagreements, share, tail);
        start = end + 1.0;
    }
    chance
}

/// The chance that, of n disagreements with the given share, so many are for the better that the
/// lower limit of the share exceeds 1/2.
fn chance_of_sign_test(n: f64, share: f64, tail: f64) -> f64 {
    // Their lower limit is above 1/2 where so many are rare under 1/2.
    let proves = |c: f64| at_most(n - c, n as u64, 0.5) < tail;
    if !proves(n) {
        return 0.0;
    }
    let (mut no, mut yes) = (0.0, n);
    // Around where the normal limit has it.
    let middle = (0.5 * (n + normal_quantile(tail) * n.sqrt())).round();
    for c in [middle - 2.0, middle + 2.0] {
        if c > no && c < yes {
            *if proves(c) { &mut yes } else { &mut no } = c;
        }
    }
    while yes - no > 1.0 {
        let middle = ((no + yes) / 2.0_f64).floor();
        if proves(middle) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    1.0 - at_most(yes - 1.0, n as u64, share)
}

/// The least n >= 0 with `holds(n)`, for what holds from some n on; `None` beyond [`MOST`].
fn least(holds: impl Fn(u64) -> bool) -> Option<u64> {
    if holds(0) {
        return Some(0);
    }
    let mut high = 1;
    while !holds(high) {
        high *= 2;
        if high > MOST {
            return None;
        }
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

fn check_share(what: &'static str, share: f64) -> Result<()> {
    if (0.0..=1.0).contains(&share) {
        Ok(())
    } else {
        Err(Error::InvalidShare { what, value: share })
    }
}

#[cfg(test)]
mod tests;
