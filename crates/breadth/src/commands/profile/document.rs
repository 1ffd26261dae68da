//! The JSON of `breadth profile`.

use breadth_stats::{
    CoveragePoint, CoverageProfile, Estimate, Level, MeanEstimate, PositionBand, TokenLogRatio,
    bound,
};
use serde::Serialize;

use super::answers::Summary;
use super::{PASS_AT, Profiled, Tokens};
use crate::input::Scores;
use crate::losses::{Losses, Trained};
use crate::number::{Interval, Mean, Number};

/// What Lemma D.1 makes of the KL estimate at a level: an upper bound on the coverage, 1 where it says nothing.
pub fn kl_bound(kl: &MeanEstimate, level: Level) -> f64 {
    bound::coverage_upper_from_kl_sharp(kl.value.max(0.0), level)
        .map_or(1.0, |bound| bound.min(1.0))
}

/// The bounds that follow from the upper limit of KL, and so hold with the confidence asked for.
fn bounds(kl: &MeanEstimate, level: Level) -> Vec<Bound> {
    let high = kl.high.max(0.0);
    let upper = [
        (
            "Lemma D.1",
            bound::coverage_upper_from_kl_sharp(high, level),
        ),
        ("Prop 3.1", bound::coverage_upper_from_kl(high, level)),
    ];
    let bound = |(name, value): (&'static str, Option<f64>)| {
        Some(Bound {
            name,
            side: "upper",
            value: Number(value?),
        })
    };
    upper.into_iter().filter_map(bound).collect()
}

/// Numbers of samples for which the guarantee of Best-of-N is printed.
const BEST_OF: [f64; 5] = [4.0, 16.0, 64.0, 256.0, 1024.0];

/// What Best-of-N loses at most against the reference, where that is less than everything.
pub fn guarantees(profile: &CoverageProfile) -> Vec<Guarantee> {
    let guarantee = |n: f64| Guarantee {
        n: Number(n),
        regret_high: Number(profile.best_of_n_regret(n)),
    };
    let guarantees = BEST_OF.into_iter().map(guarantee);
    guarantees.filter(|one| one.regret_high.0 < 1.0).collect()
}

#[derive(Serialize)]
struct Bound {
    name: &'static str,
    side: &'static str,
    value: Number,
}

#[derive(Serialize)]
pub struct Guarantee {
    pub n: Number,
    pub regret_high: Number,
}

#[derive(Serialize)]
pub struct Document<'a> {
    pub command: &'static str,
    pub reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<&'a str>,
    /// What the answers were made of, where rows are answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Summary>,
    pub confidence: f64,
    pub models: Vec<Model<'a>>,
}

#[derive(Serialize)]
pub struct Model<'a> {
    model: &'a str,
    rows: usize,
    prompts: usize,
    pub kl: Mean,
    pub cross_entropy: Mean,
    /// What the trainer says, if it was asked.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub trained: Option<Trained>,
    /// KL less that of the baseline, with paired limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    kl_difference: Option<Mean>,
    method: &'static str,
    profile: Vec<Point>,
    best_of_n: Vec<Guarantee>,
    /// Pass@k at least, where all that the reference writes is right.
    pass_from_coverage: Vec<Pass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<TokenDocument>,
}

#[derive(Serialize)]
struct Pass {
    k: u64,
    #[serde(flatten)]
    at_least: Interval,
}

#[derive(Serialize)]
struct TokenDocument {
    bands: Vec<Band>,
    /// Share of all that the model falls behind in the worst hundredth of the tokens; none where it falls behind nowhere, or without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_hundredth: Option<f64>,
    worst: Vec<Worst>,
    /// The profile with the worst token of every response forgiven.
    forgiven: Vec<Forgiven>,
}

/// Positions are counted from 1.
#[derive(Serialize)]
struct Band {
    first: usize,
    last: usize,
    tokens: usize,
    /// Means of log p/q in nats; none where probabilities of 0 leave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_response: Option<Number>,
}

#[derive(Serialize)]
struct Worst {
    prompt_id: String,
    response_id: String,
    position: usize,
    log_p: Number,
    log_q: Number,
}

#[derive(Serialize)]
struct Forgiven {
    n: Number,
    log_n: Number,
    cov: Number,
    low: Number,
    high: Number,
}

impl TokenDocument {
    fn new(tokens: &Tokens, scores: &Scores) -> Self {
        let known = |value: f64| (!value.is_nan()).then_some(Number(value));
        let band = |band: &PositionBand| Band {
            first: band.first + 1,
            last: band.last + 1,
            tokens: band.tokens,
            mean: known(band.mean),
            per_response: known(band.per_response),
        };
        let worst = |token: &TokenLogRatio| {
            let (prompt, response) = scores.key(token.row);
            Worst {
                prompt_id: prompt.to_owned(),
                response_id: response.to_owned(),
                position: token.position + 1,
                log_p: Number(token.log_p),
                log_q: Number(token.log_q),
            }
        };
        let forgiven = |point: &CoveragePoint| Forgiven {
            n: Number(point.level.n()),
            log_n: Number(point.level.log_n()),
            cov: Number(point.cov),
            low: Number(point.low),
            high: Number(point.high),
        };
        let share = tokens.view.worst_hundredth;
        TokenDocument {
            bands: tokens.view.bands.iter().map(band).collect(),
            worst_hundredth: share.is_finite().then_some(share),
            worst: tokens.view.worst.iter().map(worst).collect(),
            forgiven: tokens.forgiven.points.iter().map(forgiven).collect(),
        }
    }
}

#[derive(Serialize)]
struct Point {
    n: Number,
    log_n: Number,
    cov: Number,
    low: Number,
    high: Number,
    /// How many independent rows of equal weight would give these limits.
    effective_rows: Number,
    band_low: Number,
    band_high: Number,
    kl_bound: Number,
    bounds: Vec<Bound>,
    /// Coverage less that of the baseline, with paired limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Interval>,
}

/// The estimate of KL; where it is negative, that is said.
fn kl(kl: &MeanEstimate, scores: &Scores) -> Mean {
    let mean = scores.mean(kl);
    let negative = (kl.value < 0.0).then(|| {
        "negative: the reference gave the data less probability than the model did".to_owned()
    });
    let parts: Vec<String> = negative.into_iter().chain(mean.remark).collect();
    Mean {
        remark: (!parts.is_empty()).then(|| parts.join("; ")),
        ..mean
    }
}

impl<'a> Model<'a> {
    pub fn name(&self) -> &'a str {
        self.model
    }

    pub fn new(profiled: &Profiled<'a>, scores: &Scores, losses: Option<&Losses>) -> Self {
        let difference = |at: usize| Some(profiled.difference.as_ref()?.coverage[at].into());
        let point = |(at, point): (usize, &CoveragePoint)| Point {
            difference: difference(at),
            n: Number(point.level.n()),
            log_n: Number(point.level.log_n()),
            cov: Number(point.cov),
            low: Number(point.low),
            high: Number(point.high),
            effective_rows: Number(point.effective_rows),
            band_low: Number(point.band_low),
            band_high: Number(point.band_high),
            kl_bound: Number(kl_bound(&profiled.kl, point.level)),
            bounds: bounds(&profiled.kl, point.level),
        };
        let pass = |(&k, estimate): (&u64, &Estimate)| Pass {
            k,
            at_least: Interval::from(*estimate),
        };
        Model {
            model: profiled.model,
            rows: scores.table.rows(),
            prompts: scores.prompts,
            kl: kl(&profiled.kl, scores),
            cross_entropy: scores.mean(&profiled.cross_entropy),
            trained: losses.and_then(|losses| losses.of(profiled.model)),
            kl_difference: profiled
                .difference
                .as_ref()
                .and_then(|difference| difference.kl)
                .map(|difference| scores.mean(&difference)),
            method: profiled.profile.method,
            profile: profiled
                .profile
                .points
                .iter()
                .enumerate()
                .map(point)
                .collect(),
            best_of_n: guarantees(&profiled.profile),
            pass_from_coverage: PASS_AT.iter().zip(&profiled.pass).map(pass).collect(),
            tokens: profiled
                .tokens
                .as_ref()
                .map(|tokens| TokenDocument::new(tokens, scores)),
        }
    }
}
