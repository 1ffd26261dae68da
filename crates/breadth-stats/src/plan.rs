//! How many rows, and how many samples, a question needs.

use std::collections::hash_map::Entry;
use std::f64::consts::SQRT_2;

use rustc_hash::FxHashMap;
use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::factorial::ln_binomial;

use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design, at_most, is_upper_at_most, ln_beta};
use crate::log_ratio::{Level, is_uncovered};
use crate::numerics::{TOLERANCE, error_rate};
use crate::tournament::{Tournament, tournament};

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
/// limit is that of a coverage profile whose units are prompts ([`BoundedMean`]), so however many
/// rows they have there are no fewer prompts than a model needs that misses nothing,
/// `1 - tail^(1/prompts) <= e`. The prompts' missed rows are taken as beta-binomial, and the answer
/// is the least number whose limit is at most e for a sample in the beta-binomial's proportions, of
/// mean `coverage + z sqrt(coverage (1 - coverage) (1 + (r - 1) rho) / (r prompts))`, z being the
/// normal quantile of `power`. `None` if no number is enough or it is beyond 2^32.
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
/// The limit of [`BoundedMean`].
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
    match per_prompt {
        0 => return Err(Error::Empty { what: "a prompt" }),
        1 => return rows_to_certify(coverage, e, confidence, power),
        _ => {}
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
    Ok(least(is_enough))
}

/// Rows of a prompt beyond which more are not told apart.
const MOST_PER_PROMPT: u64 = 1000;

/// The chances of 0 to n hits in n rows with this mean share and this correlation of two rows.
fn beta_binomial(n: u64, mean: f64, correlation: f64) -> Vec<f64> {
    const NEARLY: f64 = 1e-9;
    if correlation > 1.0 - NEARLY {
        let mut all_or_none = vec![0.0; n as usize + 1];
        (all_or_none[0], all_or_none[n as usize]) = (1.0 - mean, mean);
        return all_or_none;
    }
    let size = (1.0 - correlation) / correlation;
    let (a, b) = (mean * size, (1.0 - mean) * size);
    let chance = |c: u64| {
        let (hit, missed) = (c as f64, (n - c) as f64);
        let ln = if correlation < NEARLY {
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
/// The sign test of [`tournament()`].
#[doc(alias = "sample size")]
#[doc(alias = "power")]
pub fn rows_to_separate(
    ahead: f64,
    behind: f64,
    models: usize,
    confidence: f64,
    power: f64,
) -> Result<Option<u64>> {
    let alpha = error_rate(confidence)?;
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
    let tail = alpha / ((models - 1) as f64).powi(2);
    let either = (ahead + behind).min(1.0);
    Ok(least(|n| {
        chance_to_separate(n, either, ahead / either, tail) >= power
    }))
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

/// A pilot's winner against another model, and the sample size that excludes the latter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Separation {
    /// The other model.
    pub model: usize,
    /// As in [`rows_to_separate`].
    pub ahead: f64,
    /// As in [`rows_to_separate`].
    pub behind: f64,
    /// How many of the pilot's rows count as one independent row, of those on which the two differ.
    pub design_effect: f64,
    /// Sample size, in rows like the pilot's, that excludes the model with the chance asked for if
    /// the pilot's shares are the true ones; `None` if the model is not behind or it takes more
    /// than 2^32 rows.
    pub rows: Option<u64>,
}

/// Runs the tournament on a pilot and plans, for every other model, the rows that would exclude it.
///
/// `columns`: (models, rows) log-probabilities in nats; one [`Separation`] per model but the
/// winner, in the order of the ranking. The shares come from the pilot and are uncertain
/// themselves: where models hardly differ the number may be off by any factor.
///
/// # Errors
///
/// As [`tournament()`]; also a power outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, separations};
/// let steady = [-2.0; 40];
/// let wild: Vec<f64> = (0..40)
///     .map(|row| if row % 4 == 0 { -9.0 } else { -1.9 })
///     .collect();
/// let (outcome, plan) = separations(
///     &[&steady, &wild],
///     &Design::default(),
///     Level::from_n(8.0)?,
///     0.95,
///     0.9,
/// )?;
/// assert_eq!(
///     (outcome.winner, plan[0].model, plan[0].ahead, plan[0].rows),
///     (0, 1, 0.25, Some(30))
/// );
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// [`rows_to_separate`] at the pilot's shares, times the [`design_effect`].
pub fn separations(
    columns: &[&[f64]],
    design: &Design,
    level: Level,
    confidence: f64,
    power: f64,
) -> Result<(Tournament, Vec<Separation>)> {
    let outcome = tournament(columns, design, level, confidence)?;
    let rows = CheckedDesign::new(design, columns[0].len())?;
    let tail = error_rate(confidence)? / (columns.len().max(2) - 1).pow(2) as f64;
    let is_behind = |row: usize, q: usize| {
        let rival = outcome.standings[q].worst_rival;
        rival.is_some_and(|r| is_uncovered(columns[r][row], columns[q][row], level))
    };
    // Of many models on few rows most have the same shares as some other.
    let mut planned: FxHashMap<[u64; 2], Option<u64>> = FxHashMap::default();
    let mut separation = |&model: &usize| -> Result<Separation> {
        let disagree = |row| {
            let (own, winner) = (is_behind(row, model), is_behind(row, outcome.winner));
            (own != winner).then_some(own)
        };
        let share =
            |wanted: bool| rows.mean(|row| f64::from(u8::from(disagree(row) == Some(wanted))));
        let (ahead, behind) = (share(true), share(false));
        let effect = effect_on(design, &disagree, rows.n, tail)?;
        let needed = match planned.entry([ahead, behind].map(f64::to_bits)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let models = columns.len();
                *new.insert(rows_to_separate(ahead, behind, models, confidence, power)?)
            }
        };
        Ok(Separation {
            model,
            ahead,
            behind,
            design_effect: effect,
            rows: needed.map(|n| (n as f64 * effect.max(1.0)).ceil() as u64),
        })
    };
    let others = outcome.ranking[1..].iter();
    let plan = others.map(&mut separation).collect::<Result<_>>()?;
    Ok((outcome, plan))
}

/// How many of the rows with an outcome count as one independent row for the share of `true` among
/// them.
fn effect_on(
    design: &Design,
    outcome: &impl Fn(usize) -> Option<bool>,
    rows: usize,
    tail: f64,
) -> Result<f64> {
    let kept: Vec<usize> = (0..rows).filter(|&row| outcome(row).is_some()).collect();
    if kept.is_empty() {
        return Ok(1.0);
    }
    let labels = |all: &[u32]| kept.iter().map(|&row| all[row]).collect::<Vec<u32>>();
    let weights: Option<Vec<f64>> = design
        .weights
        .map(|all| kept.iter().map(|&row| all[row]).collect());
    let (clusters, strata) = (design.clusters.map(labels), design.strata.map(labels));
    let domain = Design {
        weights: weights.as_deref(),
        clusters: clusters.as_deref(),
        strata: strata.as_deref(),
    };
    let share = BoundedMean::of_all_rows(&CheckedDesign::new(&domain, kept.len())?, |at| {
        outcome(kept[at]) == Some(true)
    });
    Ok(kept.len() as f64 / share.effective_size(tail))
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

/// The z with `P[Z > z] = tail`.
fn normal_quantile(tail: f64) -> f64 {
    SQRT_2 * erfc_inv(2.0 * tail)
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
mod tests {
    use super::*;
    use crate::interval::lower;
    use crate::profile::coverage_profile;

    /// The chance by going through every number of disagreements and of wins.
    fn brute_force(n: u64, ahead: f64, behind: f64, tail: f64) -> f64 {
        let binomial = |n: u64, k: u64, p: f64| {
            let choose = (0..k).fold(1.0, |x, i| x * (n - i) as f64 / (i + 1) as f64);
            choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
        };
        let mut chance = 0.0;
        for disagreements in 0..=n {
            for wins in 0..=disagreements {
                if disagreements > 0 && lower(wins as f64, disagreements as f64, tail) > 0.5 {
                    chance += binomial(n, disagreements, ahead + behind)
                        * binomial(disagreements, wins, ahead / (ahead + behind));
                }
            }
        }
        chance
    }

    #[test]
    fn the_chance_is_the_sum_over_all_outcomes() {
        for (n, ahead, behind) in [
            (5, 0.5, 0.1),
            (30, 0.3, 0.05),
            (60, 0.2, 0.0),
            (40, 0.9, 0.1),
        ] {
            for tail in [0.05, 0.001] {
                let either = ahead + behind;
                let chance = exact_chance(n, either, ahead / either, tail);
                let expected = brute_force(n, ahead, behind, tail);
                assert!((chance - expected).abs() < 1e-9, "{n}: {chance} {expected}");
            }
        }
    }

    /// Around the number of rows from which on it is taken.
    #[test]
    fn the_normal_limit() {
        for (ahead, behind) in [(0.5, 0.48), (0.051, 0.049), (0.21, 0.2), (0.0105, 0.01)] {
            let (either, share) = (ahead + behind, ahead / (ahead + behind));
            for tail in [0.05, 0.001, 1e-9] {
                for n in [5e3, 1e4, 2e4].map(|expected| (expected / either) as u64) {
                    let exact = exact_chance(n, either, share, tail);
                    let limit = normal_chance(n as f64, either, share, tail);
                    assert!(
                        (exact - limit).abs() < 1e-3,
                        "{ahead} {behind} {tail} {n}: {exact} {limit}"
                    );
                }
            }
        }
    }

    /// What two models need that hardly differ.
    #[test]
    fn many_rows_are_planned_at_once() {
        let rows = |ahead, behind| rows_to_separate(ahead, behind, 2, 0.95, 0.9).unwrap();
        // The usual rule: the square of both quantiles, times either / (ahead - behind)^2.
        let z = normal_quantile(0.05) + normal_quantile(0.1);
        for (ahead, behind) in [(0.3001, 0.3), (0.5001, 0.4999), (0.050_01, 0.05)] {
            let drift: f64 = ahead - behind;
            let about = z * z * (ahead + behind) / (drift * drift);
            let found = rows(ahead, behind);
            if about > MOST as f64 {
                assert_eq!(found, None);
            } else {
                let found = found.unwrap() as f64;
                assert!((found / about - 1.0).abs() < 1e-3, "{found} {about}");
            }
        }
        assert!(rows_to_certify(0.0499, 0.05, 0.95, 0.9).unwrap().is_some());
    }

    #[test]
    fn misses_of_a_prompt_have_their_mean_and_correlation() {
        for correlation in [0.0, 0.1, 0.5, 1.0] {
            for (n, mean) in [(1, 0.3), (4, 0.02), (10, 0.2), (1000, 0.05)] {
                let chances = beta_binomial(n, mean, correlation);
                let moment = |power: i32| -> f64 {
                    let hits = chances.iter().enumerate();
                    hits.map(|(c, chance)| chance * (c as f64).powi(power))
                        .sum()
                };
                let rows = n as f64;
                let variance = rows * mean * (1.0 - mean) * design_effect(n, correlation);
                assert!((moment(0) - 1.0).abs() < 1e-9, "{n} {mean} {correlation}");
                assert!((moment(1) / (rows * mean) - 1.0).abs() < 1e-8);
                let found = moment(2) - moment(1).powi(2);
                assert!((found / variance - 1.0).abs() < 1e-6, "{found} {variance}");
            }
        }
    }

    /// What is planned is certified by the profile itself, about as often as was promised.
    #[test]
    fn planned_prompts_certify_in_a_profile() {
        let (confidence, power) = (0.95, 0.9);
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut uniform = move || {
            // Xorshift.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 11) as f64 / (1_u64 << 53) as f64
        };
        for (coverage, e, rows, correlation) in [
            (0.0, 0.05, 10, 0.0),
            (0.02, 0.05, 10, 0.1),
            (0.02, 0.05, 4, 0.5),
            (0.2, 0.3, 4, 1.0),
        ] {
            let plan = prompts_to_certify(coverage, e, rows, correlation, confidence, power);
            let prompts = plan.unwrap().unwrap() as usize;
            let truth = vec![-1.0; prompts * rows as usize];
            let clusters: Vec<u32> = (0..truth.len())
                .map(|row| row as u32 / rows as u32)
                .collect();
            let design = Design {
                clusters: Some(&clusters),
                ..Design::default()
            };
            let mut certified = || {
                let mut missed = Vec::with_capacity(truth.len());
                for _ in 0..prompts {
                    // Polya's urn: each miss makes the next likelier.
                    let mut misses = 0.0;
                    for row in 0..rows {
                        let seen = row as f64;
                        let chance = (coverage * (1.0 - correlation) + correlation * misses)
                            / (1.0 - correlation + correlation * seen);
                        let chance = if row == 0 { coverage } else { chance };
                        let is_missed = uniform() < chance;
                        misses += f64::from(u8::from(is_missed));
                        missed.push(if is_missed { -9.0 } else { -1.0 });
                    }
                }
                let level = Level::from_n(4.0).unwrap();
                let profile =
                    coverage_profile(&truth, &missed, &design, &[level], confidence).unwrap();
                profile.points[0].high <= e
            };
            let times = (0..100).filter(|_| certified()).count();
            assert!(
                times >= 80,
                "{coverage} {e} {rows} {correlation}: {prompts} {times}"
            );
        }
    }

    #[test]
    fn several_rows_of_a_prompt() {
        let prompts = |coverage, e, rows, correlation| {
            prompts_to_certify(coverage, e, rows, correlation, 0.95, 0.9)
        };
        for rows in [2, 10, 1 << 40] {
            assert_eq!(prompts(0.0, 0.05, rows, 0.5), Ok(Some(72)));
            assert!(prompts(0.02, 0.05, rows, 0.0).unwrap() >= Some(72));
        }
        assert_eq!(prompts(0.05, 0.05, 4, 0.5), Ok(None));
        assert_eq!(prompts(0.0, 1.0, 4, 0.5), Ok(Some(1)));
        // Rows that are all alike are one row.
        let (alike, single) = (prompts(0.02, 0.05, 4, 1.0), prompts(0.02, 0.05, 1, 0.0));
        let (alike, single) = (alike.unwrap().unwrap(), single.unwrap().unwrap());
        assert!(alike.abs_diff(single) < single / 10, "{alike} {single}");
        assert!(prompts(0.0, 0.05, 0, 0.5).is_err());
        assert!(prompts(0.0, 0.05, 4, 1.5).is_err());
        assert!(prompts(0.0, f64::NAN, 4, 0.5).is_err());
    }

    #[test]
    fn what_cannot_be_planned() {
        assert_eq!(rows_to_certify(0.1, 0.1, 0.95, 0.9), Ok(None));
        assert_eq!(rows_to_separate(0.0, 0.0, 2, 0.95, 0.9), Ok(None));
        assert_eq!(rows_to_certify(0.0, 1e-14, 0.95, 0.9), Ok(None));
        for odd in [-0.1, f64::NAN, 1.5] {
            assert!(matches!(
                rows_to_certify(odd, 0.5, 0.95, 0.9),
                Err(Error::InvalidShare { .. })
            ));
            assert!(matches!(
                rows_to_separate(odd, 0.5, 2, 0.95, 0.9),
                Err(Error::InvalidShare { .. })
            ));
            assert!(matches!(
                samples_to_see(odd, 0.9),
                Err(Error::InvalidRate(_))
            ));
            assert!(matches!(
                rows_to_certify(0.0, 0.5, 0.95, odd),
                Err(Error::InvalidConfidence(_))
            ));
        }
        assert!(matches!(
            rows_to_separate(0.7, 0.6, 2, 0.95, 0.9),
            Err(Error::InvalidShare { .. })
        ));
        assert!(rows_to_separate(0.5, 0.1, 1, 0.95, 0.9).is_err());
    }
}
