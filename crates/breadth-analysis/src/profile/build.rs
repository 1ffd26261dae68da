//! From scores to the document.

use breadth_stats::{
    CoveragePoint, CoverageProfile, Error as Statistics, Estimate, Level, MeanEstimate,
    coverage_difference, coverage_profile, cross_entropy, cross_entropy_difference,
    pass_from_coverage, token_breakdown, without_worst_token,
};

use super::document::{
    ForetoldPass, Profile, ProfilePoint, ProfiledModel, TokenProfile, bounds, guarantees, kl,
    kl_bound,
};
use crate::error::{Error, Result, Setting};
use crate::losses::Losses;
use crate::number::{Interval, Number};
use crate::scores::Scores;

/// Numbers of samples at which Pass@k is foretold.
const PASS_AT: [u64; 5] = [1, 4, 16, 64, 256];

/// How many of the worst tokens are named.
const WORST: usize = 5;

/// What a profile is asked for.
#[derive(Clone, Debug)]
pub struct ProfileOptions<'a> {
    /// The model that stands for the data distribution.
    pub reference: &'a str,
    /// Models to profile; all but the reference where empty.
    pub models: &'a [String],
    /// Also the difference of every model to this one.
    pub baseline: Option<&'a str>,
    /// Levels N.
    pub levels: &'a [Level],
    /// Also token by token; the table needs the column `token_logprobs`.
    pub tokens: bool,
    /// Of intervals and bands, such as 0.95.
    pub confidence: f64,
    /// What a trainer logged; models then come in the order of their steps.
    pub losses: Option<&'a Losses>,
}

/// The coverage profile of models against a reference, with KL, cross-entropy, and what follows for
/// Best-of-N.
///
/// `Cov_N(p||q)` is the share of the rows with `log p - log q >= log N - 1e-9`, weighted, rows of
/// one prompt being dependent.
///
/// # Errors
/// A name that the table lacks, a reference that gives some row probability 0, and whatever the
/// statistics refuse.
///
/// # Examples
/// ```
/// use breadth_analysis::{ProfileOptions, Scores, profile};
/// use breadth_data::ScoreTable;
/// use breadth_stats::Level;
///
/// let scores = Scores::of(ScoreTable {
///     models: vec!["teacher".into(), "step-10".into()],
///     sources: vec!["data".into()],
///     source: vec![0, 0],
///     prompts: vec!["a".into(), "b".into()],
///     prompt: vec![0, 1],
///     responses: vec!["0".into()],
///     response: vec![0, 0],
///     logprob: vec![vec![-0.5, -0.5], vec![-0.7, -2.5]],
///     ..ScoreTable::default()
/// });
/// let answer = profile(&scores, &ProfileOptions {
///     reference: "teacher",
///     models: &[],
///     baseline: None,
///     levels: &[Level::from_n(4.0)?],
///     tokens: false,
///     confidence: 0.95,
///     losses: None,
/// })?;
/// // e^(2.5 - 0.5) = 7.4 >= 4 on one of two rows.
/// assert_eq!(answer.models[0].profile[0].cov.0, 0.5);
/// assert!((answer.models[0].kl.interval.value.0 - 1.1).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Definition 3.1 (coverage profile), Proposition D.6 (Best-of-N).
pub fn profile(scores: &Scores, options: &ProfileOptions) -> Result<Profile> {
    if options.tokens && scores.table.token_logprobs.is_none() {
        return Err(Setting::Tokens.refused(
            "the table lacks the column `token_logprobs`; breadth score writes it \
             with --token-logprobs",
        ));
    }
    let mut models = models(scores, options)?;
    if let Some(losses) = options.losses {
        losses.sort(&mut models);
    }
    let models = models
        .into_iter()
        .map(|model| profiled(model, scores, options))
        .collect::<Result<_>>()?;
    Ok(Profile {
        schema: 1,
        command: "profile",
        reference: options.reference.to_owned(),
        baseline: options.baseline.map(str::to_owned),
        answers: None,
        confidence: options.confidence,
        models,
    })
}

fn models<'a>(scores: &'a Scores, options: &ProfileOptions<'a>) -> Result<Vec<&'a str>> {
    if !options.models.is_empty() {
        return Ok(options.models.iter().map(String::as_str).collect());
    }
    let others = scores.models_without(Some(options.reference))?;
    let name = |at: usize| scores.table.models[at].as_str();
    Ok(others.into_iter().map(name).collect())
}

fn profiled(model: &str, scores: &Scores, options: &ProfileOptions) -> Result<ProfiledModel> {
    let truth = scores.table.column(options.reference)?;
    let log_q = scores.table.column(model)?;
    let (design, confidence) = (scores.design(), options.confidence);
    let divergence = breadth_stats::kl(truth, log_q, &design, confidence)
        .map_err(|error| impossible(error, model, scores))?;
    let covered = coverage_profile(truth, log_q, &design, options.levels, confidence)?;
    let baseline = options.baseline.filter(|name| *name != model);
    let difference = baseline
        .map(|name| Difference::new(name, (truth, log_q), scores, options))
        .transpose()?;
    let foretold = |k: u64| -> Result<ForetoldPass> {
        let at_least = pass_from_coverage(truth, log_q, &design, k, confidence)?;
        Ok(ForetoldPass {
            k,
            at_least: Interval::from(at_least),
        })
    };
    Ok(ProfiledModel {
        model: model.to_owned(),
        rows: scores.table.rows(),
        prompts: scores.prompts,
        kl: kl(&divergence, scores),
        cross_entropy: scores.mean(&cross_entropy(log_q, &design, confidence)?),
        trained: options.losses.and_then(|losses| losses.of(model)),
        kl_difference: difference
            .as_ref()
            .and_then(|difference| difference.kl.as_ref())
            .map(|kl| scores.mean(kl)),
        method: covered.method,
        best_of_n: guarantees(&covered),
        profile: points(&covered, &divergence, difference.as_ref()),
        pass_from_coverage: PASS_AT.into_iter().map(foretold).collect::<Result<_>>()?,
        tokens: tokens(model, scores, options)?,
    })
}

/// What a model has more than the baseline.
struct Difference {
    /// Of KL, which is that of cross-entropy; none where each gives some response probability 0
    /// that the other does not.
    kl: Option<MeanEstimate>,
    /// Of the coverage at each level.
    coverage: Vec<Estimate>,
}

impl Difference {
    fn new(
        baseline: &str,
        (truth, log_q): (&[f64], &[f64]),
        scores: &Scores,
        options: &ProfileOptions,
    ) -> Result<Self> {
        let base = scores.table.column(baseline)?;
        let (design, confidence) = (scores.design(), options.confidence);
        let coverage = |&level| coverage_difference(truth, log_q, base, &design, level, confidence);
        Ok(Difference {
            kl: cross_entropy_difference(log_q, base, &design, confidence)?,
            coverage: options
                .levels
                .iter()
                .map(coverage)
                .collect::<Result<_, _>>()?,
        })
    }
}

fn points(
    profile: &CoverageProfile,
    kl: &MeanEstimate,
    difference: Option<&Difference>,
) -> Vec<ProfilePoint> {
    let point = |(at, point): (usize, &CoveragePoint)| ProfilePoint {
        n: Number(point.level.n()),
        log_n: Number(point.level.log_n()),
        cov: Number(point.cov),
        low: Number(point.low),
        high: Number(point.high),
        effective_rows: Number(point.effective_rows),
        band_low: Number(point.band_low),
        band_high: Number(point.band_high),
        kl_bound: Number(kl_bound(kl, point.level)),
        bounds: bounds(kl, point.level),
        difference: difference.map(|difference| difference.coverage[at].into()),
    };
    profile.points.iter().enumerate().map(point).collect()
}

/// The view token by token, if it is asked for.
fn tokens(model: &str, scores: &Scores, options: &ProfileOptions) -> Result<Option<TokenProfile>> {
    let Some(lists) = scores
        .table
        .token_logprobs
        .as_ref()
        .filter(|_| options.tokens)
    else {
        return Ok(None);
    };
    let reference = options.reference;
    let of = |name: &str| {
        let at = scores.table.models.iter().position(|known| known == name);
        at.map_or(&[][..], |at| &lists[at])
    };
    let named = |error| match error {
        Statistics::DifferentTokens { row, p, q } => {
            let (prompt, response) = scores.key(row);
            Setting::Tokens.refused(format!(
                "response `{response}` of prompt `{prompt}` is {p} tokens under `{reference}` but \
                 {q} under `{model}`; only models with the same tokenizer can be compared"
            ))
        }
        error => error.into(),
    };
    let (truth, own) = (of(reference), of(model));
    let view = token_breakdown(truth, own, WORST).map_err(named)?;
    let (log_p, log_q) = without_worst_token(truth, own)?;
    let design = scores.design();
    let forgiven = coverage_profile(&log_p, &log_q, &design, options.levels, options.confidence)?;
    Ok(Some(TokenProfile::new(&view, &forgiven, scores)))
}

/// Names the response where the statistics know but its row.
fn impossible(error: Statistics, model: &str, scores: &Scores) -> Error {
    let Statistics::ImpossibleReference { row, log_q } = error else {
        return error.into();
    };
    let (prompt, response) = scores.key(row);
    Error::Tables(format!(
        "the reference gives probability 0 to response `{response}` of prompt `{prompt}`, which `{model}` gives \
         {log_q} nats; a response drawn from the data has a positive probability under it: remove the row or \
         correct the reference"
    ))
}
