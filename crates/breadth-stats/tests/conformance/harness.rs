//! Runs cases, counts misses on each side, judges them and prints the rows of
//! lab/results/intervals.md.

use breadth_stats::Estimate;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use statrs::distribution::{Binomial, DiscreteCDF};

/// What every limit states.
pub const CONFIDENCE: f64 = 0.95;
/// Set to the number of replicates for all cases; without it a fixed subset runs at few replicates.
const FULL: &str = "BREADTH_REPLICATES";
/// Replicates of the ordinary test run.
const QUICK: usize = 150;
/// A case whose first replicates leave doubt is judged by so many times as many.
const AGAIN: usize = 5;
/// What is allowed beyond the promise, for the error of the simulation.
const SLACK: f64 = 0.005;

/// How often something may fail, on each of its sides.
#[derive(Clone, Copy, PartialEq)]
pub enum Promise {
    /// Two limits, each with half of the error.
    TwoSided,
    /// A set or a one-sided limit, with all of it; its failures are counted as `above`.
    OneSided,
}

impl Promise {
    fn misses(self) -> f64 {
        match self {
            Promise::TwoSided => 0.5 * (1.0 - CONFIDENCE),
            Promise::OneSided => 1.0 - CONFIDENCE,
        }
    }
}

/// What one replicate says of one promise.
#[derive(Clone, Copy, Default)]
pub struct Verdict {
    /// The truth lies below the lower limit.
    pub below: bool,
    /// The truth lies above the upper limit, or a set lacks it.
    pub above: bool,
    /// The distance of the limits; `None` for sets, and where no limits are given.
    pub width: Option<f64>,
    /// No limits are given.
    pub unbounded: bool,
}

impl Verdict {
    pub fn of(limits: (f64, f64), truth: f64) -> Verdict {
        // Limits that meet the truth to rounding hold it.
        let room = 1e-9 * (1.0 + truth.abs());
        Verdict {
            below: truth < limits.0 - room,
            above: truth > limits.1 + room,
            width: Some(limits.1 - limits.0),
            unbounded: false,
        }
    }

    pub fn of_estimate(found: &Estimate, truth: f64) -> Verdict {
        Verdict::of((found.low, found.high), truth)
    }

    /// For limits that may be refused.
    pub fn of_limits(limits: Option<(f64, f64)>, truth: f64) -> Verdict {
        let refused = Verdict {
            unbounded: true,
            ..Verdict::default()
        };
        limits.map_or(refused, |limits| Verdict::of(limits, truth))
    }

    pub fn failed(failed: bool) -> Verdict {
        Verdict {
            above: failed,
            ..Verdict::default()
        }
    }
}

/// Draws a sample and judges each part.
type Run<'a> = Box<dyn Fn(&mut ChaCha8Rng) -> Vec<Verdict> + Sync + Send + 'a>;

/// A sample whose truth is known, with everything that is asked of it.
pub struct Case<'a> {
    name: String,
    /// Names with their promises; of parts of one name the table shows the worst.
    parts: Vec<(String, Promise)>,
    /// Replicates as a share of those asked for, for cases that cost much.
    share: f64,
    may_refuse: bool,
    run: Run<'a>,
}

impl<'a> Case<'a> {
    /// One interval.
    pub fn new(
        name: String,
        run: impl Fn(&mut ChaCha8Rng) -> Verdict + Sync + Send + 'a,
    ) -> Case<'a> {
        let parts = vec![(String::new(), Promise::TwoSided)];
        Case::of_parts(name, parts, move |rng| vec![run(rng)])
    }

    /// One set, or one one-sided limit.
    pub fn one_sided(
        name: String,
        run: impl Fn(&mut ChaCha8Rng) -> bool + Sync + Send + 'a,
    ) -> Case<'a> {
        let parts = vec![(String::new(), Promise::OneSided)];
        Case::of_parts(name, parts, move |rng| vec![Verdict::failed(run(rng))])
    }

    /// Several promises at once.
    pub fn of_parts(
        name: String,
        parts: Vec<(String, Promise)>,
        run: impl Fn(&mut ChaCha8Rng) -> Vec<Verdict> + Sync + Send + 'a,
    ) -> Case<'a> {
        Case {
            name,
            parts,
            share: 1.0,
            may_refuse: false,
            run: Box::new(run),
        }
    }

    /// Limits may be refused in any number of the replicates.
    pub fn may_refuse(self) -> Case<'a> {
        Case {
            may_refuse: true,
            ..self
        }
    }

    /// Only this share of the replicates, for limits that take long.
    pub fn costly(self, share: f64) -> Case<'a> {
        Case { share, ..self }
    }

    fn tally(&self, replicates: std::ops::Range<usize>) -> Vec<Tally> {
        let empty = || vec![Tally::default(); self.parts.len()];
        let seed = seed_of(&self.name);
        replicates
            .into_par_iter()
            .fold(empty, |mut tallies, replicate| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed ^ replicate as u64);
                let verdicts = (self.run)(&mut rng);
                assert_eq!(verdicts.len(), tallies.len(), "{}", self.name);
                tallies
                    .iter_mut()
                    .zip(verdicts)
                    .for_each(|(tally, verdict)| tally.add(verdict));
                tallies
            })
            .reduce(empty, |a, b| {
                a.iter().zip(&b).map(|(a, b)| a.plus(b)).collect()
            })
    }

    fn judge(&self, plan: &Plan) -> Vec<Row> {
        let first = plan.first(self.share);
        let mut tallies = self.tally(0..first);
        let is_settled =
            |(tally, (_, promise)): (&Tally, &(String, Promise))| plan.is_settled(tally, *promise);
        if !tallies.iter().zip(&self.parts).all(is_settled) {
            let more = self.tally(first..first * AGAIN);
            tallies = tallies.iter().zip(&more).map(|(a, b)| a.plus(b)).collect();
        }
        let mut rows: Vec<Row> = Vec::new();
        for ((part, promise), tally) in self.parts.iter().zip(tallies) {
            let name = if part.is_empty() {
                self.name.clone()
            } else {
                format!("{part}: {}", self.name)
            };
            match rows.iter_mut().find(|row| row.name == name) {
                Some(row) => row.tally.join(&tally),
                None => rows.push(Row {
                    name,
                    promise: *promise,
                    tally,
                    may_refuse: self.may_refuse,
                }),
            }
        }
        rows
    }
}

/// Misses over replicates.
#[derive(Clone, Copy, Default)]
struct Tally {
    replicates: usize,
    below: usize,
    above: usize,
    unbounded: usize,
    widths: usize,
    width: f64,
}

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        self.replicates += 1;
        self.below += usize::from(verdict.below);
        self.above += usize::from(verdict.above);
        self.unbounded += usize::from(verdict.unbounded);
        self.widths += usize::from(verdict.width.is_some());
        self.width += verdict.width.unwrap_or(0.0);
    }

    fn plus(&self, other: &Tally) -> Tally {
        Tally {
            replicates: self.replicates + other.replicates,
            below: self.below + other.below,
            above: self.above + other.above,
            unbounded: self.unbounded + other.unbounded,
            widths: self.widths + other.widths,
            width: self.width + other.width,
        }
    }

    /// With that of another part of the same name: the worst on each side, and all widths.
    fn join(&mut self, other: &Tally) {
        self.below = self.below.max(other.below);
        self.above = self.above.max(other.above);
        self.unbounded = self.unbounded.max(other.unbounded);
        self.widths += other.widths;
        self.width += other.width;
    }

    fn worst(&self) -> usize {
        self.below.max(self.above)
    }

    fn rate(&self, count: usize) -> f64 {
        count as f64 / self.replicates as f64
    }
}

/// One line of the table.
struct Row {
    name: String,
    promise: Promise,
    tally: Tally,
    may_refuse: bool,
}

impl Row {
    /// At least 2,000 replicates: the promise and half a point. Fewer: the 99.9% quantile of what
    /// the promise itself gives.
    fn fails(&self) -> bool {
        let (n, promise) = (self.tally.replicates, self.promise.misses());
        let refuses = !self.may_refuse && self.tally.unbounded * 100 > n;
        let most = (promise + SLACK).max(quantile(n, promise, 0.999) / n as f64);
        let most = if n >= 2000 { promise + SLACK } else { most };
        refuses || self.tally.rate(self.tally.worst()) > most + 1e-12
    }

    fn text(&self) -> String {
        let tally = &self.tally;
        let side = |count: usize| {
            let rate = 100.0 * tally.rate(count);
            let bad = self.fails() && count == tally.worst();
            let bold = if bad { "**" } else { "" };
            format!("{bold}{rate:.1}%{bold}")
        };
        let below = match self.promise {
            Promise::TwoSided => side(tally.below),
            Promise::OneSided => "-".to_owned(),
        };
        let width = match tally.widths {
            0 => "-".to_owned(),
            count => digits(tally.width / count as f64),
        };
        let refused = match tally.unbounded {
            0 => String::new(),
            count => format!(" (none in {:.0}%)", 100.0 * tally.rate(count)),
        };
        let (name, replicates) = (&self.name, tally.replicates);
        format!(
            "| {name} | {replicates} | {below} | {} | {width}{refused} |",
            side(tally.above)
        )
    }
}

/// Three significant digits.
pub fn digits(x: f64) -> String {
    let places = (2.0 - x.abs().max(1e-6).log10().floor()).clamp(0.0, 6.0);
    format!("{x:.*}", places as usize)
}

fn quantile(n: usize, p: f64, level: f64) -> f64 {
    Binomial::new(p, n as u64).unwrap().inverse_cdf(level) as f64
}

/// FNV-1a, so that a case draws the same sample wherever it stands in a table. Another name is
/// another sample.
fn seed_of(name: &str) -> u64 {
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    // The low bits are the replicate's.
    name.bytes().fold(0xcbf2_9ce4_8422_2325, add) << 20
}

/// How much is simulated.
struct Plan {
    full: Option<usize>,
}

impl Plan {
    fn new() -> Plan {
        let number = |text: String| text.parse().expect("BREADTH_REPLICATES is a number");
        Plan {
            full: std::env::var(FULL).ok().map(number),
        }
    }

    fn first(&self, share: f64) -> usize {
        match self.full {
            Some(replicates) => (replicates as f64 * share) as usize,
            None => ((QUICK as f64 * share) as usize).max(20),
        }
    }

    /// Whether the first replicates suffice: at most what is promised, or, in the ordinary run,
    /// what the promise gives in 99 of 100 runs.
    fn is_settled(&self, tally: &Tally, promise: Promise) -> bool {
        let (n, promise) = (tally.replicates, promise.misses());
        let most = match self.full {
            Some(_) => promise * n as f64,
            None => quantile(n, promise, 0.99),
        };
        tally.worst() as f64 <= most
    }
}

/// Whether all cases run, at full length.
pub fn is_full() -> bool {
    Plan::new().full.is_some()
}

/// Judges all cases, in the ordinary run every `stride`-th one; prints their rows and fails with
/// the list of those that break their promise.
#[track_caller]
pub fn check(cases: Vec<Case>, stride: usize) {
    let plan = Plan::new();
    let stride = if plan.full.is_some() { 1 } else { stride };
    let chosen: Vec<&Case> = cases.iter().step_by(stride).collect();
    let rows: Vec<Row> = chosen
        .into_par_iter()
        .flat_map_iter(|case| case.judge(&plan))
        .collect();
    for row in &rows {
        println!("{}", row.text());
    }
    let failed = rows.iter().filter(|row| row.fails());
    let failed: Vec<String> = failed.map(|row| format!("  {}", row.text())).collect();
    assert!(
        failed.is_empty(),
        "{} of {} promises are broken (what, replicates, missed below, missed above, mean width):\n{}",
        failed.len(),
        rows.len(),
        failed.join("\n")
    );
}
