//! What is measured of every checkpoint on the evaluation rows.

use breadth_data::ScoreTable;
use breadth_stats::numerics::TOLERANCE;
use breadth_stats::{CoveragePoint, CoverageProfile, Design, Estimate, Level};

use super::options::ReportOptions;
use super::passes::Passes;
use crate::error::Result;
use crate::scores::Scores;

/// Levels between 1 and the end of the profile's curve.
const GRID: usize = 48;
/// Where the curve ends at the latest, in nats: beyond, N does not fit an f64.
const LAST_LOG_N: f64 = 700.0;

/// What is measured of one checkpoint on the evaluation rows.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) kl: Option<Estimate>,
    pub(super) cross_entropy: Option<Estimate>,
    pub(super) coverage: Vec<CoveragePoint>,
    pub(super) profile: Vec<CoveragePoint>,
}

/// The evaluation rows, and the levels at which every checkpoint is measured.
pub(super) struct Evaluation<'a> {
    scores: &'a Scores,
    design: Design<'a>,
    reference: Option<&'a [f64]>,
    headline: Vec<Level>,
    grid: Vec<Level>,
    confidence: f64,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(
        scores: &'a Scores,
        reference: Option<&str>,
        names: &[String],
        passes: &Passes,
        options: &ReportOptions,
    ) -> Result<Self> {
        let reference = reference
            .map(|name| scores.table.column(name))
            .transpose()?;
        let grid = match reference {
            Some(reference) => grid(last_log_n(&scores.table, reference, names, options.level)?)?,
            None => Vec::new(),
        };
        Ok(Self {
            scores,
            design: scores.design(),
            reference,
            headline: headline(&passes.of_levels, options.level)?,
            grid,
            confidence: options.confidence,
        })
    }

    pub(super) fn measure(&self, log_q: &[f64]) -> Result<Measured> {
        let kl = self
            .reference
            .map(|log_p| breadth_stats::kl(log_p, log_q, &self.design, self.confidence))
            .transpose()?
            .map(|kl| kl.estimate());
        let cross_entropy = breadth_stats::cross_entropy(log_q, &self.design, self.confidence)?;
        Ok(Measured {
            kl,
            cross_entropy: Some(cross_entropy.estimate()),
            coverage: self.points(log_q, &self.headline)?,
            profile: self.points(log_q, &self.grid)?,
        })
    }

    fn points(&self, log_q: &[f64], levels: &[Level]) -> Result<Vec<CoveragePoint>> {
        Ok(self
            .profile(log_q, levels)?
            .map(|profile| profile.points)
            .unwrap_or_default())
    }

    fn profile(&self, log_q: &[f64], levels: &[Level]) -> Result<Option<CoverageProfile>> {
        let Some(log_p) = self.reference else {
            return Ok(None);
        };
        let profile =
            breadth_stats::coverage_profile(log_p, log_q, &self.design, levels, self.confidence)?;
        Ok(Some(profile))
    }

    /// How the intervals of coverage are made.
    pub(super) fn method(&self, names: &[String]) -> Result<String> {
        let log_q = self.scores.table.column(&names[0])?;
        let profile = self.profile(log_q, &self.headline)?;
        Ok(profile
            .map(|profile| profile.method.to_string())
            .unwrap_or_default())
    }
}

/// The levels that are named in tables: half of every k, and the tournament's own.
fn headline(passes: &[u64], level: Level) -> Result<Vec<Level>> {
    let halves = passes
        .iter()
        .filter(|&&k| k >= 2)
        .map(|&k| Level::from_n(k as f64 / 2.0));
    let mut levels = halves.collect::<Result<Vec<_>, _>>()?;
    levels.push(level);
    levels.sort_by(|a, b| a.log_n().total_cmp(&b.log_n()));
    levels.dedup_by(|a, b| (a.log_n() - b.log_n()).abs() < TOLERANCE);
    Ok(levels)
}

/// Where the profile's curve ends: a little beyond the log-ratio that all but one row in two
/// hundred stay below, for every checkpoint. The few rows above it would squeeze the rest into a
/// corner.
fn last_log_n(scores: &ScoreTable, log_p: &[f64], names: &[String], level: Level) -> Result<f64> {
    let mut last = level.log_n() + 4f64.ln();
    for name in names {
        let log_q = scores.column(name)?;
        let ratios = log_p
            .iter()
            .zip(log_q)
            .map(|(&p, &q)| breadth_stats::log_ratio(p, q));
        let mut finite: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        let most = finite.len().saturating_sub(1 + finite.len() / 200);
        last = last.max(finite.get(most).map_or(0.0, |ratio| 1.05 * ratio));
    }
    Ok(last.min(LAST_LOG_N))
}

fn grid(last: f64) -> Result<Vec<Level>> {
    let log_n = |i: usize| last * i as f64 / GRID as f64;
    Ok((0..=GRID)
        .map(|i| Level::from_log_n(log_n(i)))
        .collect::<Result<Vec<_>, _>>()?)
}
