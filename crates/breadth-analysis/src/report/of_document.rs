//! What one document tells, as a report of which charts are drawn.

use std::collections::HashMap;

use breadth_stats::{CoveragePoint, Estimate, Level};

use super::build::{drawing_order, lowest_loss};
use super::document::{Checkpoint, Choices, Graded, PassPoint, Report, Standing};
use super::options::ReportOptions;
use crate::number::{Interval, Number};
use crate::pass::PassReport;
use crate::profile::{Profile, ProfilePoint};
use crate::reach::ReachReport;
use crate::select::{Selection, SelectionRule};

impl Report {
    /// What a selection tells: the places in its tournament and Pass@k. Of another rule than the
    /// tournament it has no places.
    ///
    /// It has neither the shares of pairs nor the intervals of the cross-entropy, which only the
    /// tables have.
    #[must_use]
    pub fn of_selection(selection: &Selection) -> Self {
        let names = selection.models.iter().map(|one| one.model.clone());
        let mut report = Self::bare(names.collect(), selection.confidence);
        report.level = level(selection.n, selection.log_n);
        let is_played = selection.rule == SelectionRule::Tournament;
        let place = report.places();
        for model in &selection.models {
            let checkpoint = &mut report.checkpoints[place[&model.model]];
            checkpoint.standing = is_played.then(|| Standing::new(model, selection));
            if let Some(pass) = &model.pass {
                checkpoint.pass = vec![sampled(pass.k, &pass.interval)];
                report.graded = graded(pass.is_best_of);
            }
        }
        report.choices = Choices {
            winner: place.get(&selection.winner).copied(),
            // Answers have no loss.
            lowest_loss: match selection.answers {
                None => place.get(&selection.cross_entropy_winner).copied(),
                Some(_) => None,
            },
        };
        report.selection = Some(selection.clone());
        report
    }

    /// What a coverage profile tells, at the levels that it was asked for.
    #[must_use]
    pub fn of_profile(profile: &Profile) -> Self {
        let names = profile.models.iter().map(|one| one.model.clone());
        let mut report = Self::bare(names.collect(), profile.confidence);
        report.reference = Some(profile.reference.clone());
        let place = report.places();
        for model in &profile.models {
            let checkpoint = &mut report.checkpoints[place[&model.model]];
            checkpoint.cross_entropy = Some(estimate(&model.cross_entropy.interval));
            checkpoint.coverage = model.profile.iter().map(coverage_point).collect();
            checkpoint.profile = checkpoint.coverage.clone();
        }
        let levels = report.checkpoints.iter().flat_map(|c| &c.coverage);
        let mut levels = levels.map(|point| point.level);
        report.level = levels
            .find(|level| level.log_n() > 0.0)
            .unwrap_or(report.level);
        report.choices.lowest_loss = lowest_loss(&report.checkpoints);
        report
    }

    /// What Pass@k tells: at every k that was asked for.
    #[must_use]
    pub fn of_pass(pass: &PassReport) -> Self {
        let names = pass.models.iter().map(|one| one.model.clone());
        let mut report = Self::bare(names.collect(), pass.confidence);
        let place = report.places();
        for model in &pass.models {
            let points = model.pass.iter();
            let points = points.map(|point| sampled(point.k, &point.interval()));
            let checkpoint = &mut report.checkpoints[place[&model.model]];
            checkpoint.pass_curve = points.collect();
            checkpoint.pass = checkpoint.pass_curve.clone();
        }
        report.graded = graded(pass.is_best_of);
        report
    }

    /// The names of a reach report in the order of their charts; its numbers are in the report
    /// itself.
    #[must_use]
    pub fn of_reach(reach: &ReachReport) -> Self {
        let names = reach.models.iter().map(|one| one.model.clone());
        Self::bare(names.collect(), reach.confidence)
    }

    /// Names in drawing order, and nothing else.
    fn bare(mut names: Vec<String>, confidence: f64) -> Self {
        let steps = drawing_order(&mut names);
        let checkpoint = |(at, name)| {
            let step = steps.as_ref().map(|steps| steps[at]);
            Checkpoint::bare(name, step)
        };
        Self {
            title: String::new(),
            confidence,
            level: ReportOptions::default().level,
            reference: None,
            choices: Choices::default(),
            selection: None,
            by_rewards: None,
            checkpoints: names.into_iter().enumerate().map(checkpoint).collect(),
            matrix: Vec::new(),
            evaluation: None,
            selection_rows: None,
            graded: None,
            method: String::new(),
            training_loss: Vec::new(),
            provenance: Vec::new(),
        }
    }

    fn places(&self) -> HashMap<String, usize> {
        let all = self.checkpoints.iter().enumerate();
        all.map(|(at, c)| (c.model.clone(), at)).collect()
    }
}

fn level(n: Number, log_n: Number) -> Level {
    let level = Level::from_n(n.0).or_else(|_| Level::from_log_n(log_n.0));
    level.unwrap_or(ReportOptions::default().level)
}

fn estimate(interval: &Interval) -> Estimate {
    Estimate {
        value: interval.value.0,
        low: interval.low.0,
        high: interval.high.0,
    }
}

fn sampled(k: u64, interval: &Interval) -> PassPoint {
    PassPoint {
        k,
        exact: None,
        sampled: Some(estimate(interval)),
    }
}

fn graded(is_best_of: bool) -> Option<Graded> {
    Some(Graded {
        is_best_of,
        ..Graded::default()
    })
}

fn coverage_point(point: &ProfilePoint) -> CoveragePoint {
    CoveragePoint {
        level: level(point.n, point.log_n),
        cov: point.cov.0,
        low: point.low.0,
        high: point.high.0,
        effective_rows: point.effective_rows.0,
        band_low: point.band_low.0,
        band_high: point.band_high.0,
    }
}
