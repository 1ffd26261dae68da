//! The coverage profile of models against a reference, as one document.

use breadth_stats::{
    CoveragePoint, CoverageProfile, Level, MeanEstimate, PositionBand, TokenBreakdown,
    TokenLogRatio, bound,
};
use serde::Serialize;

use super::answers::ProfileAnswers;
use crate::losses::Trained;
use crate::number::{Interval, Mean, Number};
use crate::scores::Scores;

/// What Lemma D.1 makes of the KL estimate at a level: an upper bound on the coverage, 1 where it
/// says nothing, as where the estimate is negative, which KL never is.
pub(super) fn kl_bound(kl: &MeanEstimate, level: Level) -> f64 {
    let bound = (kl.value >= 0.0).then(|| bound::coverage_upper_from_kl_sharp(kl.value, level));
    bound.flatten().map_or(1.0, |bound| bound.min(1.0))
}

/// The bounds that follow from the upper limit of KL, and so hold with the confidence asked for;
/// none where the estimate and its limit are negative.
pub(super) fn bounds(kl: &MeanEstimate, level: Level) -> Vec<ProfileBound> {
    // Limits of KL are at least 0, whatever the estimate is.
    let high = kl.high.max(0.0);
    if kl.value < 0.0 && high == 0.0 {
        return Vec::new();
    }
    let upper = [
        (
            "Lemma D.1",
            bound::coverage_upper_from_kl_sharp(high, level),
        ),
        ("Prop 3.1", bound::coverage_upper_from_kl(high, level)),
    ];
    let bound = |(name, value): (&'static str, Option<f64>)| {
        Some(ProfileBound {
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
pub(super) fn guarantees(profile: &CoverageProfile) -> Vec<Guarantee> {
    let guarantee = |n: f64| Guarantee {
        n: Number(n),
        regret_high: Number(profile.best_of_n_regret(n)),
    };
    let guarantees = BEST_OF.into_iter().map(guarantee);
    guarantees.filter(|one| one.regret_high.0 < 1.0).collect()
}

/// A bound of the coverage by the upper limit of KL.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileBound {
    /// The statement of the paper that it follows from.
    pub name: &'static str,
    /// `upper`.
    pub side: &'static str,
    /// What the coverage at this level is at most, with the confidence asked for.
    pub value: Number,
}

/// What Best-of-N loses at most against the reference.
#[derive(Clone, Debug, Serialize)]
pub struct Guarantee {
    /// Number of samples.
    pub n: Number,
    /// The most that is lost, as a share of the largest reward.
    pub regret_high: Number,
}

/// The answer to "how much of the data does a model under-weight, by how much?".
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// Version of this document.
    pub schema: u32,
    /// `profile`.
    pub command: &'static str,
    /// The model that stands for the data distribution.
    pub reference: String,
    /// The model that others are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// What the answers were made of, where rows are answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<ProfileAnswers>,
    /// Of all limits, such as 0.95.
    pub confidence: f64,
    /// One for each model.
    pub models: Vec<ProfiledModel>,
}

/// One model against the reference.
#[derive(Clone, Debug, Serialize)]
pub struct ProfiledModel {
    /// The model.
    pub model: String,
    /// Rows.
    pub rows: usize,
    /// Prompts.
    pub prompts: usize,
    /// KL(p||q) in nats per response.
    pub kl: Mean,
    /// Mean of -log q, nats per response.
    pub cross_entropy: Mean,
    /// What the trainer says, if it was asked.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub trained: Option<Trained>,
    /// KL less that of the baseline, with paired limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl_difference: Option<Mean>,
    /// How the limits were made.
    pub method: &'static str,
    /// One for each level.
    pub profile: Vec<ProfilePoint>,
    /// Guarantees of Best-of-N.
    pub best_of_n: Vec<Guarantee>,
    /// Pass@k at least, where all that the reference writes is right.
    pub pass_from_coverage: Vec<ForetoldPass>,
    /// The view token by token, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenProfile>,
}

/// Pass@k from coverage, at least.
#[derive(Clone, Debug, Serialize)]
pub struct ForetoldPass {
    /// Number of samples.
    pub k: u64,
    /// The value with limits.
    #[serde(flatten)]
    pub at_least: Interval,
}

/// The view token by token.
#[derive(Clone, Debug, Serialize)]
pub struct TokenProfile {
    /// By position in the response.
    pub bands: Vec<TokenRange>,
    /// Share of all that the model falls behind in the worst hundredth of the tokens; none where it
    /// falls behind nowhere, or without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_hundredth: Option<f64>,
    /// The tokens that cost most.
    pub worst: Vec<WorstToken>,
    /// The profile with the worst token of every response forgiven.
    pub forgiven: Vec<ForgivenPoint>,
}

/// Positions are counted from 1.
#[derive(Clone, Debug, Serialize)]
pub struct TokenRange {
    /// First position.
    pub first: usize,
    /// Last position.
    pub last: usize,
    /// How many tokens stand at these positions, over all responses.
    pub tokens: usize,
    /// Means of log p/q in nats; none where probabilities of 0 leave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Number>,
    /// The mean times how many of these tokens a response has: these sum to KL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_response: Option<Number>,
}

/// A token that cost much.
#[derive(Clone, Debug, Serialize)]
pub struct WorstToken {
    /// The prompt.
    pub prompt_id: String,
    /// The response.
    pub response_id: String,
    /// The position of the token, from 1.
    pub position: usize,
    /// Its log-probability under the reference, in nats.
    pub log_p: Number,
    /// The same under the model.
    pub log_q: Number,
}

/// Coverage at a level with the worst token of every response forgiven.
#[derive(Clone, Debug, Serialize)]
pub struct ForgivenPoint {
    /// The level N.
    pub n: Number,
    /// The level in nats.
    pub log_n: Number,
    /// Cov_N of what is left of the responses.
    pub cov: Number,
    /// Lower limit.
    pub low: Number,
    /// Upper limit.
    pub high: Number,
}

impl TokenProfile {
    pub(super) fn new(view: &TokenBreakdown, forgiven: &CoverageProfile, scores: &Scores) -> Self {
        let known = |value: f64| (!value.is_nan()).then_some(Number(value));
        let band = |band: &PositionBand| TokenRange {
            first: band.first + 1,
            last: band.last + 1,
            tokens: band.tokens,
            mean: known(band.mean),
            per_response: known(band.per_response),
        };
        let worst = |token: &TokenLogRatio| {
            let (prompt, response) = scores.key(token.row);
            WorstToken {
                prompt_id: prompt.to_owned(),
                response_id: response.to_owned(),
                position: token.position + 1,
                log_p: Number(token.log_p),
                log_q: Number(token.log_q),
            }
        };
        let point = |point: &CoveragePoint| ForgivenPoint {
            n: Number(point.level.n()),
            log_n: Number(point.level.log_n()),
            cov: Number(point.cov),
            low: Number(point.low),
            high: Number(point.high),
        };
        let share = view.worst_hundredth;
        TokenProfile {
            bands: view.bands.iter().map(band).collect(),
            worst_hundredth: share.is_finite().then_some(share),
            worst: view.worst.iter().map(worst).collect(),
            forgiven: forgiven.points.iter().map(point).collect(),
        }
    }
}

/// Coverage at one level.
#[derive(Clone, Debug, Serialize)]
pub struct ProfilePoint {
    /// The level N.
    pub n: Number,
    /// The level in nats.
    pub log_n: Number,
    /// The coverage profile Cov_N.
    pub cov: Number,
    /// Lower limit.
    pub low: Number,
    /// Upper limit.
    pub high: Number,
    /// How many independent rows of equal weight would give these limits.
    pub effective_rows: Number,
    /// Lower limit that holds for all levels at once.
    pub band_low: Number,
    /// Upper limit that holds for all levels at once.
    pub band_high: Number,
    /// What Lemma D.1 makes of the KL estimate; 1 where it says nothing, as where KL is negative.
    pub kl_bound: Number,
    /// Bounds by the upper limit of KL; none where that is negative.
    pub bounds: Vec<ProfileBound>,
    /// Coverage less that of the baseline, with paired limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Interval>,
}

/// The estimate of KL; where it is negative, that is said.
pub(super) fn kl(kl: &MeanEstimate, scores: &Scores) -> Mean {
    let mean = scores.mean(kl);
    let negative = (kl.value < 0.0).then(|| {
        "negative, which KL never is: the reference gave the data less probability than the model \
         did, so there is no bound by KL"
            .to_owned()
    });
    let parts: Vec<String> = negative.into_iter().chain(mean.remark).collect();
    Mean {
        remark: (!parts.is_empty()).then(|| parts.join("; ")),
        // Limits at 0 would not hold the estimate.
        no_limits: mean.no_limits || (kl.value < 0.0 && kl.high <= 0.0),
        ..mean
    }
}
