//! What `reach --json` prints and what the text is made of.

use breadth_stats::Reach;
use serde::{Serialize, Serializer};

use super::{Quantile, Reached};
use crate::number::Number;

/// A number of samples: without a point where it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whole(pub f64);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            whole if whole.fract() == 0.0 && whole.abs() < 2_f64.powi(53) => {
                serializer.serialize_i64(whole as i64)
            }
            value => Number(value).serialize(serializer),
        }
    }
}

#[derive(Serialize)]
pub struct Document<'a> {
    pub command: &'static str,
    pub confidence: f64,
    pub rows: usize,
    pub prompts: usize,
    /// Rows that repeat a response of their prompt.
    pub repeated: usize,
    /// Prompts with several distinct responses.
    pub several: usize,
    pub models: Vec<Model<'a>>,
    /// The model with the largest reach for each k.
    pub best: Vec<Best<'a>>,
}

#[derive(Serialize)]
pub struct Best<'a> {
    pub k: Whole,
    pub model: &'a str,
    pub not_excluded: Vec<&'a str>,
}

#[derive(Serialize)]
pub struct Model<'a> {
    model: &'a str,
    prompts: usize,
    reach: Vec<Point>,
    quantiles: Vec<QuantileDocument>,
    prompts_at: PromptsAt,
}

#[derive(Serialize)]
struct Point {
    k: Whole,
    value: Number,
    low: Number,
    high: Number,
    effective_prompts: Number,
}

#[derive(Serialize)]
struct QuantileDocument {
    share: f64,
    log_q: Number,
    /// None where the table has no log-probabilities token by token.
    log_q_token: Option<Number>,
}

#[derive(Serialize)]
struct PromptsAt {
    budget: Whole,
    reachable: usize,
    unknown: usize,
    not: usize,
}

impl<'a> Model<'a> {
    pub fn new(reached: &Reached<'a>, prompts: usize, ks: &[f64], budget: f64) -> Self {
        let point = |(&k, reach): (&f64, &Reach)| Point {
            k: Whole(k),
            value: Number(reach.value),
            low: Number(reach.low),
            high: Number(reach.high),
            effective_prompts: Number(reach.effective_prompts),
        };
        let quantile = |one: &Quantile| QuantileDocument {
            share: one.share,
            log_q: Number(one.log_q),
            log_q_token: one.log_q_token.map(Number),
        };
        Model {
            model: reached.model,
            prompts,
            reach: ks.iter().zip(&reached.reach).map(point).collect(),
            quantiles: reached.quantiles.iter().map(quantile).collect(),
            prompts_at: PromptsAt {
                budget: Whole(budget),
                reachable: reached.prompts.reachable,
                unknown: reached.prompts.unknown,
                not: reached.prompts.not,
            },
        }
    }

    pub fn budget(&self) -> f64 {
        self.prompts_at.budget.0
    }
}
