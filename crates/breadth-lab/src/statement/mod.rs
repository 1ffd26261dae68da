//! The statements of the paper: one file each, and one list.

mod bernoulli;
mod cor41ii;
mod coverage_bound;
mod d1;
mod d10;
mod d11;
mod d2;
mod d3;
mod d4;
mod d5;
mod d6;
mod d7;
mod eq5;
mod headline;
mod p32;
mod p41a;
mod p41b;
mod prop51cycle;
mod prop51small;
mod prop51up;
mod prop_e1;
mod prop_i1;
mod seeds;
mod thm41;
mod thm42;
mod thm51;
mod thm61;
mod thm61improper;
mod thm62;
mod thm63;
mod thm63decoy;
mod thm64;
mod thm_e1;

use crate::check::{Check, Verdict};
use crate::runs::Runs;

/// What measures itself: a statement of the paper, one of its figures, or a study of what it leaves
/// open.
///
/// All three have this one form, and stand in the one list [`crate::all`].
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The short name: `d1`, `headline`.
    pub id: &'static str,
    /// Where it stands in the paper: `Prop D.1`, `Figure 1`; `beyond the paper` for a study.
    pub paper: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it says, in a sentence or two; of a study, the hypothesis.
    pub claim: &'static str,
    /// What the print says and what is true, where they differ or the statement was sharpened.
    pub correction: Option<&'static str>,
    /// Seconds that the small size takes on one core.
    pub cost: f64,
    /// How it is measured.
    pub run: Run,
}

/// How a statement is measured; the seed names the random streams.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Computed within seconds or minutes.
    Computed(fn(Size, u64) -> Vec<Check>),
    /// From training runs, which may take long.
    Trained(fn(&Runs, Size, u64) -> breadth_lm::Result<Outcome>),
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// None as long as no seed is trained.
    pub checks: Vec<Check>,
    /// Whether nothing is left to train.
    pub is_finished: bool,
}

impl Statement {
    /// Measures it, or as much of it as the time of its training runs suffices for.
    ///
    /// # Errors
    ///
    /// If a training run cannot be made.
    pub fn measure(&self, runs: &Runs, size: Size, seed: u64) -> breadth_lm::Result<Outcome> {
        match self.run {
            Run::Computed(run) => Ok(Outcome {
                checks: run(size, seed),
                is_finished: true,
            }),
            Run::Trained(run) => run(runs, size, seed),
        }
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Seconds for a statement, minutes for a figure.
    Small,
    /// Ten times the seeds, and one more factor of four in n, T or H.
    Medium,
    /// The paper's own settings for its figures; for a statement the same as medium.
    Paper,
}

impl Size {
    /// `small` seeds (or instances) in the small size, ten times as many in the others.
    pub fn seeds(self, small: u64) -> u64 {
        match self {
            Size::Small => small,
            Size::Medium | Size::Paper => 10 * small,
        }
    }

    /// The values of n, T or H: `small`, and in the other sizes four times the last one more.
    pub fn grid(self, small: &[u64]) -> Vec<u64> {
        let mut grid = small.to_vec();
        if let (false, Some(last)) = (self == Size::Small, small.last()) {
            grid.push(4 * last);
        }
        grid
    }

    /// `small`, `medium` or `paper`.
    pub fn name(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Medium => "medium",
            Size::Paper => "paper",
        }
    }

    /// The size of this name.
    pub fn named(name: &str) -> Option<Size> {
        let all = [Size::Small, Size::Medium, Size::Paper];
        all.into_iter().find(|size| size.name() == name)
    }
}

/// Every statement, in the paper's order.
pub static STATEMENTS: &[Statement] = &[
    bernoulli::STATEMENT,
    d1::STATEMENT,
    d2::STATEMENT,
    d3::STATEMENT,
    d4::STATEMENT,
    d5::STATEMENT,
    d6::STATEMENT,
    d7::STATEMENT,
    d10::STATEMENT,
    d11::STATEMENT,
    p32::STATEMENT,
    eq5::STATEMENT,
    headline::STATEMENT,
    thm41::STATEMENT,
    cor41ii::STATEMENT,
    thm42::STATEMENT,
    prop_i1::STATEMENT,
    p41a::STATEMENT,
    p41b::STATEMENT,
    thm_e1::STATEMENT,
    prop_e1::STATEMENT,
    prop51up::STATEMENT,
    prop51cycle::STATEMENT,
    prop51small::STATEMENT,
    thm51::STATEMENT,
    thm62::STATEMENT,
    thm61::STATEMENT,
    thm61improper::STATEMENT,
    thm63::STATEMENT,
    thm63decoy::STATEMENT,
    thm64::STATEMENT,
];

/// The verdict of a statement: the worst of its checks, `fails` before `inconclusive`.
///
/// What is only reported decides nothing. Without a check that decides nothing was measured, and
/// that fails.
pub fn verdict(checks: &[Check]) -> Verdict {
    let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
    let decides = |check: &Check| check.verdict != Verdict::Reported;
    if !checks.iter().any(decides) || any(Verdict::Fails) {
        Verdict::Fails
    } else if any(Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else {
        Verdict::Holds
    }
}

/// Assertions that the statements' tests share.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Computes the small size at seed 0 and asserts that every check holds.
    pub(crate) fn assert_holds(statement: &Statement) -> Vec<Check> {
        let Run::Computed(run) = statement.run else {
            panic!("{} is trained", statement.id);
        };
        let checks = run(Size::Small, 0);
        assert!(!checks.is_empty(), "{} measures nothing", statement.id);
        for check in &checks {
            assert_eq!(
                check.verdict,
                Verdict::Holds,
                "{}, {}: {} (99.9% {:?}) outside {:?}; {:?}",
                statement.id,
                check.name,
                check.measured,
                check.interval999,
                check.band,
                check.note
            );
        }
        checks
    }

    /// The check of this name.
    pub(crate) fn named<'a>(checks: &'a [Check], name: &str) -> &'a Check {
        let found = checks.iter().find(|check| check.name == name);
        found.unwrap_or_else(|| {
            let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
            panic!("no check named {name:?} among {names:?}")
        })
    }

    /// Asserts that a number is within `tolerance` of what the specification's pilot gave.
    pub(crate) fn assert_near(what: &str, found: f64, pilot: f64, tolerance: f64) {
        assert!(
            (found - pilot).abs() <= tolerance,
            "{what}: {found}, the pilot had {pilot} +- {tolerance}"
        );
    }
}
