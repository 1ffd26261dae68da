//! What `pass --json` prints and what the text is made of.

use breadth_stats::Estimate;
use serde::Serialize;

use super::regrade::Regraded;
use super::{Passed, Rates};
use crate::number::{Interval, Number};

#[derive(Serialize)]
pub struct Document<'a> {
    pub command: &'static str,
    pub confidence: f64,
    pub weighting: &'static str,
    /// What a verifier changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regraded: Option<Regraded>,
    /// What is assumed of success rates beyond the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// The success rate of `solved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    pub models: Vec<Model<'a>>,
    /// The best model for each k; nothing where prompts are weighted.
    pub best: Vec<Best<'a>>,
    pub crossings: Vec<Crossing<'a>>,
}

#[derive(Serialize)]
pub struct Best<'a> {
    pub k: u64,
    pub model: &'a str,
    pub not_excluded: Vec<&'a str>,
}

#[derive(Serialize)]
pub struct Crossing<'a> {
    pub from_k: u64,
    pub to_k: u64,
    pub from: &'a str,
    pub to: &'a str,
    /// Whether each is excluded where the other is the best.
    pub certain: bool,
}

#[derive(Serialize)]
pub struct Model<'a> {
    pub model: &'a str,
    pub prompts: usize,
    pub samples_min: u64,
    pub samples_max: u64,
    pub pass: Vec<Point>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all_of: Vec<Point>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub majority: Vec<Point>,
    /// Share of prompts solved with a rate of at least tau.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solved: Option<Interval>,
}

#[derive(Serialize)]
pub struct Point {
    pub k: u64,
    pub value: Number,
    pub low: Number,
    pub high: Number,
    pub extrapolated: bool,
}

impl<'a> Model<'a> {
    pub fn new(passed: &Passed<'a>, ks: &[u64]) -> Self {
        let point = |(&k, estimate): (&u64, &Estimate)| Point {
            k,
            value: Number(estimate.value),
            low: Number(estimate.low),
            high: Number(estimate.high),
            extrapolated: k > passed.graded.fewest.samples,
        };
        Model {
            model: passed.graded.model,
            prompts: passed.graded.outcomes.len(),
            samples_min: passed.graded.fewest.samples,
            samples_max: passed.graded.most,
            pass: ks.iter().zip(&passed.estimates).map(point).collect(),
            all_of: ks.iter().zip(&passed.all_of).map(point).collect(),
            majority: ks.iter().zip(&passed.majority).map(point).collect(),
            solved: passed.solved.map(Interval::from),
        }
    }
}
