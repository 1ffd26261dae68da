//! The kinds of check. Nothing else decides a verdict.
//!
//! A check reports the 95% interval and decides on the 99.9% one: about a hundred checks run in
//! each pass, and at 95% five of them would fail by chance.

use breadth_stats::interval::clopper_pearson;

use crate::estimate::Estimate;
use crate::table::Table;

/// The confidence on which a verdict rests.
const DECIDING: f64 = 0.999;
/// The confidence of the interval that is shown.
const SHOWN: f64 = 0.95;
/// Standard errors by which a cap must be broken before a bound fails: the normal 99.9% quantile.
const CLEARLY: f64 = 3.3;
/// Rounding that an inequality is allowed, and what is beyond every rounding.
const ROUNDING: f64 = 1e-9;
const VIOLATION: f64 = 1e-6;
/// The slope of a bounded ratio that still counts as none.
const FLAT: f64 = 0.05;
/// The share of the seeds that must show a sign: 4 of 5.
const OF_SEEDS: f64 = 0.8;

/// What a measurement says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The measurement agrees, and could have disagreed.
    Holds,
    /// The measurement contradicts the claim.
    Fails,
    /// The measurement is too coarse to tell.
    Inconclusive,
    /// Shown, but not asked for at this size.
    Reported,
}

impl Verdict {
    /// `holds`, `fails`, `inconclusive` or `reported`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Fails => "fails",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Reported => "reported",
        }
    }

    /// The verdict of this name.
    pub fn named(name: &str) -> Option<Verdict> {
        use Verdict::{Fails, Holds, Inconclusive, Reported};
        let all = [Holds, Fails, Inconclusive, Reported];
        all.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// How a check decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// left <= right in every instance, in exact arithmetic.
    Inequality,
    /// left/right of an extremal instance, in a band.
    Tight,
    /// A mean over seeds against a number.
    Constant,
    /// An exponent, in a band.
    Slope,
    /// Measured over bound stays below a cap, or above a floor, and does not drift.
    Bounded,
    /// A probability against a claimed one, by Clopper and Pearson's limits.
    Probability,
    /// The share of the seeds of a figure that show what it must show.
    Sign,
}

/// Whether one seed of a figure shows a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Its training did not get to where the sign could be seen.
    Unreached,
}

impl From<bool> for Shown {
    fn from(shows: bool) -> Shown {
        if shows { Shown::Yes } else { Shown::No }
    }
}

impl Kind {
    /// `inequality`, `tight`, `constant`, `slope`, `bounded`, `probability` or `sign`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Inequality => "inequality",
            Kind::Tight => "tight",
            Kind::Constant => "constant",
            Kind::Slope => "slope",
            Kind::Bounded => "bounded",
            Kind::Probability => "probability",
            Kind::Sign => "sign",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Kind> {
        use Kind::{Bounded, Constant, Inequality, Probability, Sign, Slope, Tight};
        let all = [
            Inequality,
            Tight,
            Constant,
            Slope,
            Bounded,
            Probability,
            Sign,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// One measurement with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What was measured, in a few words.
    pub name: String,
    /// How it was decided.
    pub kind: Kind,
    /// The measured number.
    pub measured: f64,
    /// Its 95% interval, where it was not computed exactly.
    pub interval95: Option<(f64, f64)>,
    /// Its 99.9% interval, on which the verdict rests.
    pub interval999: Option<(f64, f64)>,
    /// The number that the theory gives.
    pub predicted: Option<f64>,
    /// Where the measured number must lie.
    pub band: (f64, f64),
    /// What follows.
    pub verdict: Verdict,
    /// One sentence more, such as the worst instance.
    pub note: Option<String>,
    /// The rows behind it.
    pub rows: Table,
}

impl Check {
    /// left <= right in every instance: holds where the worst ratio is at most 1 + 1e-9, fails
    /// where it is above 1 + 1e-6 or nothing was measured.
    pub fn inequality(name: impl Into<String>, worst: &WorstRatio) -> Check {
        let verdict = match worst.ratio {
            _ if worst.instances == 0 => Verdict::Fails,
            ratio if ratio <= 1.0 + ROUNDING => Verdict::Holds,
            ratio if ratio <= 1.0 + VIOLATION => Verdict::Inconclusive,
            _ => Verdict::Fails, // also NaN
        };
        let mut check = Check::new(name, Kind::Inequality, worst.ratio, verdict);
        check.band = (f64::NEG_INFINITY, 1.0);
        check.note = Some(format!(
            "worst of {} instances: {}",
            worst.instances, worst.at
        ));
        check
    }

    /// A number computed exactly, in a band (ends included).
    pub fn tight(name: impl Into<String>, measured: f64, band: (f64, f64)) -> Check {
        let verdict = verdict_of(band.0 <= measured && measured <= band.1);
        let mut check = Check::new(name, Kind::Tight, measured, verdict);
        check.band = band;
        check
    }

    /// A mean over seeds against `predicted (1 +- tolerance)`.
    ///
    /// `values`: one number for each seed.
    pub fn constant(
        name: impl Into<String>,
        values: &[f64],
        predicted: f64,
        tolerance: f64,
    ) -> Check {
        Check::constant_estimate(name, Estimate::mean(values), predicted, tolerance)
    }

    /// As [`Check::constant`], for a number that has its standard error from elsewhere.
    pub fn constant_estimate(
        name: impl Into<String>,
        measured: Estimate,
        predicted: f64,
        tolerance: f64,
    ) -> Check {
        let margin = (predicted * tolerance).abs();
        let band = (predicted - margin, predicted + margin);
        Check::estimate(name, Kind::Constant, measured, band).predicting(predicted)
    }

    /// An exponent in a band, which may be open to one side (an infinite end).
    ///
    /// `measured`: [`crate::Line::slope`] of one fit, or [`Estimate::mean`] over the seeds' slopes.
    pub fn slope(name: impl Into<String>, measured: Estimate, band: (f64, f64)) -> Check {
        Check::estimate(name, Kind::Slope, measured, band)
    }

    /// Measured over bound (with constant 1) never exceeds `cap`, and no slope of its logarithm
    /// against the logarithm of n (or T, N, H) exceeds 0.05 at 99.9% confidence.
    ///
    /// `ratios`: one for each cell of the grid; `slopes`: one for each variable.
    pub fn bounded_above(
        name: impl Into<String>,
        ratios: &[Estimate],
        cap: f64,
        slopes: &[Estimate],
    ) -> Check {
        let values = ratios.iter().map(|ratio| ratio.value);
        let largest = values.fold(f64::NEG_INFINITY, nan_max);
        let broken = |r: &Estimate| r.value - CLEARLY * known(r.standard_error) > cap;
        let drifts = |s: &Estimate| s.interval(DECIDING).1 >= FLAT;
        let rises = |s: &Estimate| s.interval(DECIDING).0 > FLAT;
        let is_broken = ratios.is_empty() || largest.is_nan() || ratios.iter().any(broken);
        let verdict = if is_broken || slopes.iter().any(rises) {
            Verdict::Fails
        } else if largest <= cap && !slopes.iter().any(drifts) {
            Verdict::Holds
        } else {
            Verdict::Inconclusive
        };
        let mut check = Check::new(name, Kind::Bounded, largest, verdict);
        check.band = (f64::NEG_INFINITY, cap);
        check.note = slope_note(slopes);
        check
    }

    /// Measured over bound never falls below `floor`, and no slope of its logarithm is below -0.05
    /// at 99.9% confidence; otherwise as [`Check::bounded_above`].
    pub fn bounded_below(
        name: impl Into<String>,
        ratios: &[Estimate],
        floor: f64,
        slopes: &[Estimate],
    ) -> Check {
        let turned = |e: &Estimate| Estimate {
            value: -e.value,
            ..*e
        };
        let ratios: Vec<Estimate> = ratios.iter().map(turned).collect();
        let falls: Vec<Estimate> = slopes.iter().map(turned).collect();
        let above = Check::bounded_above(name, &ratios, -floor, &falls);
        Check {
            measured: -above.measured,
            band: (floor, f64::INFINITY),
            note: slope_note(slopes),
            ..above
        }
    }

    /// P(event) > `claim`: holds if Clopper and Pearson's lower limit is above, fails if the upper
    /// one is below.
    ///
    /// # Panics
    ///
    /// If there are no trials, or more successes than trials.
    pub fn probability(name: impl Into<String>, successes: u64, trials: u64, claim: f64) -> Check {
        Check::share(name, successes, trials, (claim, 1.0))
    }

    /// P(event) < `claim`, as [`Check::probability`].
    ///
    /// # Panics
    ///
    /// If there are no trials, or more successes than trials.
    pub fn probability_below(
        name: impl Into<String>,
        successes: u64,
        trials: u64,
        claim: f64,
    ) -> Check {
        Check::share(name, successes, trials, (0.0, claim))
    }

    /// A sign of a figure: holds if the median over its seeds and at least 4 of 5 seeds show it.
    ///
    /// Fails if the median does not, or if too many seeds do not for it to hold whatever the
    /// unreached ones had shown; inconclusive otherwise.
    ///
    /// `median`: of the run that is the median of all seeds, number by number.
    pub fn sign(name: impl Into<String>, seeds: &[Shown], median: Shown) -> Check {
        let count = |wanted| seeds.iter().filter(|shown| **shown == wanted).count() as f64;
        let (all, yes, no) = (seeds.len() as f64, count(Shown::Yes), count(Shown::No));
        let is_enough = |seeds: f64| all > 0.0 && seeds >= OF_SEEDS * all - ROUNDING;
        let verdict = if median == Shown::No || !is_enough(all - no) {
            Verdict::Fails
        } else if median == Shown::Yes && is_enough(yes) {
            Verdict::Holds
        } else {
            Verdict::Inconclusive
        };
        let mut check = Check::new(name, Kind::Sign, yes / all, verdict);
        check.band = (OF_SEEDS, 1.0);
        check
    }

    /// This check as a measurement that the size does not ask for.
    pub fn reported(mut self) -> Check {
        self.verdict = Verdict::Reported;
        self
    }

    fn share(name: impl Into<String>, successes: u64, trials: u64, band: (f64, f64)) -> Check {
        let limits = |confidence| {
            clopper_pearson(successes, trials, confidence).expect("successes among trials")
        };
        let (low, high) = limits(DECIDING);
        let (open_below, open_above) = (band.0 == 0.0, band.1 == 1.0);
        let verdict = if (open_below || low > band.0) && (open_above || high < band.1) {
            Verdict::Holds
        } else if (!open_below && high < band.0) || (!open_above && low > band.1) {
            Verdict::Fails
        } else {
            Verdict::Inconclusive
        };
        let measured = successes as f64 / trials as f64;
        let mut check = Check::new(name, Kind::Probability, measured, verdict);
        check.band = band;
        check.interval95 = Some(limits(SHOWN));
        check.interval999 = Some((low, high));
        check.note = Some(format!("{successes} of {trials}"));
        check
    }

    fn estimate(
        name: impl Into<String>,
        kind: Kind,
        measured: Estimate,
        band: (f64, f64),
    ) -> Check {
        let (low, high) = measured.interval(DECIDING);
        let verdict = if measured.value.is_nan() {
            Verdict::Fails
        } else if band.0 <= low && high <= band.1 {
            Verdict::Holds
        } else if high < band.0 || band.1 < low {
            Verdict::Fails
        } else {
            Verdict::Inconclusive
        };
        let mut check = Check::new(name, kind, measured.value, verdict);
        check.band = band;
        check.interval95 = Some(measured.interval(SHOWN));
        check.interval999 = Some((low, high));
        check
    }

    fn new(name: impl Into<String>, kind: Kind, measured: f64, verdict: Verdict) -> Check {
        Check {
            name: name.into(),
            kind,
            measured,
            interval95: None,
            interval999: None,
            predicted: None,
            band: (f64::NEG_INFINITY, f64::INFINITY),
            verdict,
            note: None,
            rows: Table::default(),
        }
    }

    /// This check with the number that the theory gives.
    pub fn predicting(mut self, predicted: f64) -> Check {
        self.predicted = Some(predicted);
        self
    }

    /// This check with the rows behind it.
    pub fn with_rows(mut self, rows: Table) -> Check {
        self.rows = rows;
        self
    }

    /// This check with one sentence more.
    pub fn noting(mut self, note: impl Into<String>) -> Check {
        self.note = Some(note.into());
        self
    }
}

fn verdict_of(holds: bool) -> Verdict {
    if holds {
        Verdict::Holds
    } else {
        Verdict::Fails
    }
}

/// The larger, and NaN if either is.
fn nan_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// An unknown standard error cannot excuse a broken cap.
fn known(standard_error: f64) -> f64 {
    if standard_error.is_finite() {
        standard_error
    } else {
        0.0
    }
}

fn slope_note(slopes: &[Estimate]) -> Option<String> {
    let text = |slope: &Estimate| {
        let (low, high) = slope.interval(SHOWN);
        format!("{:.3} ({low:.3}, {high:.3})", slope.value)
    };
    let texts: Vec<String> = slopes.iter().map(text).collect();
    (!texts.is_empty()).then(|| format!("slope {}", texts.join(", ")))
}

/// The largest left/right over many instances of an inequality, and where it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstRatio {
    /// The largest ratio; minus infinity before the first instance.
    pub ratio: f64,
    /// How many instances were seen.
    pub instances: u64,
    /// The instance, in words.
    pub at: String,
}

impl Default for WorstRatio {
    fn default() -> WorstRatio {
        WorstRatio {
            ratio: f64::NEG_INFINITY,
            instances: 0,
            at: String::new(),
        }
    }
}

impl WorstRatio {
    /// Takes an instance of `left <= right` into account.
    ///
    /// Where right is 0 the ratio is 0 for a left of at most 0 and infinite otherwise. A NaN on
    /// either side is the worst of all.
    ///
    /// # Examples
    ///
    /// ```
    /// use breadth_lab::{Check, Verdict, WorstRatio};
    /// let mut worst = WorstRatio::default();
    /// worst.see(0.5, 1.0, || "s = 1/2".into());
    /// assert_eq!(Check::inequality("D.1", &worst).verdict, Verdict::Holds);
    /// worst.see(1.1, 1.0, || "s = 1".into());
    /// assert_eq!(Check::inequality("D.1", &worst).verdict, Verdict::Fails);
    /// ```
    pub fn see(&mut self, left: f64, right: f64, instance: impl FnOnce() -> String) {
        let ratio = if left.is_nan() || right.is_nan() {
            f64::NAN
        } else if right <= 0.0 {
            if left <= right { 0.0 } else { f64::INFINITY }
        } else {
            left / right
        };
        self.instances += 1;
        if !self.ratio.is_nan() && (ratio.is_nan() || ratio > self.ratio) {
            self.ratio = ratio;
            self.at = format!("{left} against {right} at {}", instance());
        }
    }

    /// The worse of the two.
    pub fn merge(self, other: WorstRatio) -> WorstRatio {
        let instances = self.instances + other.instances;
        let takes_other =
            !self.ratio.is_nan() && (other.ratio.is_nan() || other.ratio > self.ratio);
        let worst = if takes_other { other } else { self };
        WorstRatio { instances, ..worst }
    }
}

#[cfg(test)]
mod tests;
