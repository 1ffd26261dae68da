//! `breadth profile`: how much of the data does a model under-weight, by how much?

use anyhow::{Result, anyhow};
use breadth_stats::{
    CoveragePoint, CoverageProfile, Error, Estimate, Level, bound, coverage_difference,
    coverage_profile, cross_entropy, cross_entropy_difference, kl,
};
use serde::Serialize;

use crate::cli;
use crate::input::{self, Scores, Tables};
use crate::number::{self, Interval, Number};
use crate::output::{Output, Style};
use crate::sequence::{Growth, Sequence};

const EXAMPLES: &str = "\
Examples:
  # every model in the table against the teacher, at N = 1, 2, 4, .., 1024
  breadth profile scores.parquet --reference teacher

  # two checkpoints of a folder of tables, three levels, as JSON
  breadth profile scores/ -r teacher -m step-60 -m step-480 -n 2,4,8 --json

  # is step-480 really worse than step-60? paired limits of the differences
  breadth profile scores.parquet -r teacher --baseline step-60

  # long responses: levels in nats, N = 1, e^5, e^10, .., e^30
  breadth profile scores.parquet --reference teacher --log-n 0,5,10,..

  # from another program
  my-scorer | breadth profile - --reference teacher

Cov_N is the share of data responses to which the model gives at most 1/N of the probability that the reference \
gives: those that N samples of the model will likely miss. Smaller is better. The reference is any model in the \
table: the teacher, or the exact law of a synthetic task.";

/// The last level of `..`: beyond it a coverage profile of short responses is rarely more than a flat line.
const LAST_N: f64 = 1024.0;
/// The last level of `..` in nats.
const LAST_LOG_N: f64 = 30.0;

/// The coverage profile of models against a reference, with KL and cross-entropy
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    tables: Tables,
    /// The model that stands for the truth; a run folder names its own
    #[arg(short, long, value_name = "R")]
    reference: Option<String>,
    /// A model to profile; repeat for several [default: all but the reference]
    #[arg(short, long = "model", value_name = "Q")]
    models: Vec<String>,
    /// Also the difference of every model to this one, on the same rows, with paired limits
    #[arg(short, long, value_name = "Q")]
    baseline: Option<String>,
    /// Levels N >= 1; `..` continues the progression, to 1024 or to the number after it [default: 1,2,4,..]
    #[arg(short, value_name = "N,..")]
    n: Option<Sequence>,
    /// Levels as log N in nats, for long responses; `..` continues to 30
    #[arg(
        long,
        value_name = "NATS,..",
        conflicts_with = "n",
        allow_hyphen_values = true
    )]
    log_n: Option<Sequence>,
    /// Confidence of intervals and bands
    #[arg(long, value_name = "P", default_value = "0.95", value_parser = cli::confidence)]
    confidence: f64,
}

/// What the statistics say of one model.
struct Profiled<'a> {
    model: &'a str,
    kl: Estimate,
    cross_entropy: Estimate,
    profile: CoverageProfile,
    /// To the baseline, unless this is it.
    difference: Option<Difference>,
}

/// What a model has more than the baseline.
struct Difference {
    /// Of KL, which is that of cross-entropy; none where each gives some response probability 0 that the other does not.
    kl: Option<Estimate>,
    /// Of the coverage at each level.
    coverage: Vec<Estimate>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let levels = arguments.levels()?;
    let reference = arguments.reference()?;
    let scores = Scores::read(&arguments.tables.paths, &arguments.tables.options(), output)?
        .weighted(&arguments.tables.group_weights)?;
    let models = arguments.models(&scores, &reference)?;
    let truth = scores.table.column(&reference)?;
    let profiled = models
        .into_iter()
        .map(|model| profiled(model, truth, &scores, &levels, arguments))
        .collect::<Result<Vec<Profiled>>>()?;
    let document = Document {
        command: "profile",
        reference: &reference,
        baseline: arguments.baseline.as_deref(),
        confidence: arguments.confidence,
        models: profiled
            .iter()
            .map(|one| Model::new(one, &scores))
            .collect(),
    };
    output.result(&document, |style| {
        text(&profiled, &scores, &document, style)
    })
}

impl Arguments {
    fn levels(&self) -> Result<Vec<Level>> {
        if let Some(sequence) = &self.log_n {
            let terms = sequence.terms(Growth::Arithmetic, LAST_LOG_N);
            let terms = terms.map_err(|why| anyhow!("--log-n: {why}"))?;
            return terms.into_iter().map(input::level_from_log_n).collect();
        }
        let terms = match &self.n {
            Some(sequence) => sequence.terms(Growth::Geometric, LAST_N),
            None => Sequence::powers_of_two().terms(Growth::Geometric, LAST_N),
        };
        terms
            .map_err(|why| anyhow!("-n: {why}"))?
            .into_iter()
            .map(input::level_from_n)
            .collect()
    }

    fn reference(&self) -> Result<String> {
        let named = match (&self.reference, self.tables.run_folder()) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(folder)) => input::run_reference(folder)?,
            (None, None) => None,
        };
        named.ok_or_else(|| anyhow!("name the model that stands for the truth: --reference R"))
    }

    fn models<'a>(&'a self, scores: &'a Scores, reference: &str) -> Result<Vec<&'a str>> {
        if !self.models.is_empty() {
            return Ok(self.models.iter().map(String::as_str).collect());
        }
        let others = scores.models_without(Some(reference))?;
        Ok(others
            .into_iter()
            .map(|at| scores.table.models[at].as_str())
            .collect())
    }
}

fn profiled<'a>(
    model: &'a str,
    truth: &[f64],
    scores: &Scores,
    levels: &[Level],
    arguments: &Arguments,
) -> Result<Profiled<'a>> {
    let (log_q, design) = (scores.table.column(model)?, scores.design());
    let confidence = arguments.confidence;
    let baseline = arguments.baseline.as_deref().filter(|name| *name != model);
    let difference = |name| -> Result<Difference> {
        let base = scores.table.column(name)?;
        let coverage = |&level| coverage_difference(truth, log_q, base, &design, level, confidence);
        Ok(Difference {
            kl: cross_entropy_difference(log_q, base, &design, confidence)?,
            coverage: levels.iter().map(coverage).collect::<Result<_, _>>()?,
        })
    };
    Ok(Profiled {
        model,
        kl: kl(truth, log_q, &design, confidence)
            .map_err(|error| impossible(error, model, scores))?,
        cross_entropy: cross_entropy(log_q, &design, confidence)?,
        profile: coverage_profile(truth, log_q, &design, levels, confidence)?,
        difference: baseline.map(difference).transpose()?,
    })
}

/// Names the response where the statistics know but its row.
fn impossible(error: Error, model: &str, scores: &Scores) -> anyhow::Error {
    let Error::ImpossibleReference { row, log_q } = error else {
        return error.into();
    };
    let (prompt, response) = scores.key(row);
    anyhow!(
        "the reference gives probability 0 to response `{response}` of prompt `{prompt}`, which `{model}` gives \
         {log_q} nats; a response drawn from the data has a positive probability under it: remove the row or \
         correct the reference"
    )
}

/// What Lemma D.1 makes of the KL estimate at a level: an upper bound on the coverage, 1 where it says nothing.
fn kl_bound(kl: &Estimate, level: Level) -> f64 {
    bound::lemma_d_1(kl.value.max(0.0), level).map_or(1.0, |bound| bound.min(1.0))
}

/// The bounds that follow from the upper limit of KL, and so hold with the confidence asked for.
fn bounds(kl: &Estimate, level: Level) -> Vec<Bound> {
    let high = kl.high.max(0.0);
    let upper = [
        ("Lemma D.1", bound::lemma_d_1(high, level)),
        ("Prop 3.1", bound::prop_3_1(high, level)),
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
fn guarantees(profile: &CoverageProfile) -> Vec<Guarantee> {
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
struct Guarantee {
    n: Number,
    regret_high: Number,
}

#[derive(Serialize)]
struct Document<'a> {
    command: &'static str,
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'a str>,
    confidence: f64,
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    model: &'a str,
    rows: usize,
    prompts: usize,
    kl: Interval,
    cross_entropy: Interval,
    /// KL less that of the baseline, with paired limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    kl_difference: Option<Interval>,
    method: &'static str,
    profile: Vec<Point>,
    best_of_n: Vec<Guarantee>,
}

#[derive(Serialize)]
struct Point {
    n: Number,
    log_n: Number,
    cov: Number,
    low: Number,
    high: Number,
    band_low: Number,
    band_high: Number,
    kl_bound: Number,
    bounds: Vec<Bound>,
    /// Coverage less that of the baseline, with paired limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Interval>,
}

impl<'a> Model<'a> {
    fn new(profiled: &Profiled<'a>, scores: &Scores) -> Self {
        let difference = |at: usize| Some(profiled.difference.as_ref()?.coverage[at].into());
        let point = |(at, point): (usize, &CoveragePoint)| Point {
            difference: difference(at),
            n: Number(point.level.n()),
            log_n: Number(point.level.log_n()),
            cov: Number(point.cov),
            low: Number(point.low),
            high: Number(point.high),
            band_low: Number(point.band_low),
            band_high: Number(point.band_high),
            kl_bound: Number(kl_bound(&profiled.kl, point.level)),
            bounds: bounds(&profiled.kl, point.level),
        };
        Model {
            model: profiled.model,
            rows: scores.table.rows(),
            prompts: scores.prompts,
            kl: profiled.kl.into(),
            cross_entropy: profiled.cross_entropy.into(),
            kl_difference: profiled
                .difference
                .as_ref()
                .and_then(|difference| difference.kl)
                .map(Interval::from),
            method: profiled.profile.method,
            profile: profiled
                .profile
                .points
                .iter()
                .enumerate()
                .map(point)
                .collect(),
            best_of_n: guarantees(&profiled.profile),
        }
    }
}

fn text(profiled: &[Profiled], scores: &Scores, document: &Document, style: Style) -> String {
    let percent = number::trimmed(100.0 * document.confidence);
    let headline = format!(
        "{} against {}: {}",
        models_text(profiled),
        document.reference,
        scores.size()
    );
    let method = profiled.first().map_or("", |one| one.profile.method);
    let coverage = match profiled {
        [only] => one_model(only, style),
        several => many_models(several, style),
    };
    let mut parts = vec![
        style.strong(&headline),
        String::new(),
        summary(profiled, style),
        String::new(),
        "Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability".to_owned(),
        String::new(),
        coverage,
        String::new(),
    ];
    if let Some(baseline) = document.baseline {
        let title = format!("Less that of {baseline}, on the same rows (paired limits)");
        parts.extend([
            title,
            String::new(),
            differences(profiled, style),
            String::new(),
        ]);
    }
    let guarantees = best_of_n(profiled, document);
    if !guarantees.is_empty() {
        parts.extend(guarantees);
        parts.push(String::new());
    }
    parts.push(style.faint(&format!(
        "{percent}% limits: {method}; --json has all limits and bands"
    )));
    parts.join("\n")
}

/// The guarantees in words, for the models that have any.
fn best_of_n(profiled: &[Profiled], document: &Document) -> Vec<String> {
    let loss = |one: &Guarantee| {
        format!(
            "{} with {} samples",
            number::percent(one.regret_high.0),
            one.n.0
        )
    };
    let sentence = |one: &Profiled| {
        let guarantees = guarantees(&one.profile);
        let (first, rest) = guarantees.split_first()?;
        let losses: Vec<String> = [first].into_iter().chain(rest.last()).map(loss).collect();
        Some(format!(
            "Best-of-N of {} loses at most this much of any reward against {}: {} (Prop D.6).",
            one.model,
            document.reference,
            losses.join(", ")
        ))
    };
    profiled.iter().filter_map(sentence).collect()
}

fn models_text(profiled: &[Profiled]) -> String {
    match profiled {
        [only] => only.model.to_owned(),
        several => number::count(several.len(), "model"),
    }
}

fn summary(profiled: &[Profiled], style: Style) -> String {
    let header = ["model", "KL (nats)", "cross-entropy (nats)"].map(str::to_owned);
    let row = |one: &Profiled| {
        vec![
            one.model.to_owned(),
            number::with_limits(&one.kl),
            number::with_limits(&one.cross_entropy),
        ]
    };
    style.table(1, &header, profiled.iter().map(row).collect())
}

/// Everything about one model: a row per level.
fn one_model(one: &Profiled, style: Style) -> String {
    let header = ["N", "Cov_N", "limits", "band over all N", "KL bound"].map(str::to_owned);
    let row = |point: &CoveragePoint| {
        vec![
            number::level(point.level),
            number::percent(point.cov),
            number::percent_limits(point.low, point.high),
            number::percent_limits(point.band_low, point.band_high),
            number::percent(kl_bound(&one.kl, point.level)),
        ]
    };
    style.table(0, &header, one.profile.points.iter().map(row).collect())
}

/// Several models side by side: a row per model, a column per level, limits where the line has room for them.
fn many_models(profiled: &[Profiled], style: Style) -> String {
    let levels = profiled[0]
        .profile
        .points
        .iter()
        .map(|point| number::level(point.level));
    let header: Vec<String> = std::iter::once("N =".to_owned()).chain(levels).collect();
    let has_room = header.len() <= 5;
    let cell = |point: &CoveragePoint| match has_room {
        true => format!(
            "{} {}",
            number::percent(point.cov),
            number::percent_limits(point.low, point.high)
        ),
        false => number::percent(point.cov),
    };
    let row = |one: &Profiled| {
        std::iter::once(one.model.to_owned())
            .chain(one.profile.points.iter().map(cell))
            .collect()
    };
    style.table(1, &header, profiled.iter().map(row).collect())
}

/// A row per model, a column for KL and for each level.
fn differences(profiled: &[Profiled], style: Style) -> String {
    let points = &profiled[0].profile.points;
    let names = points
        .iter()
        .map(|point| format!("Cov_{}", number::level(point.level)));
    let header: Vec<String> = ["model".to_owned(), "KL".to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    let has_room = header.len() <= 5;
    let share = |estimate: &Estimate| match has_room {
        true => format!(
            "{:+.1} [{:+.1}, {:+.1}]%",
            100.0 * estimate.value,
            100.0 * estimate.low,
            100.0 * estimate.high
        ),
        false => format!("{:+.1}%{}", 100.0 * estimate.value, mark(estimate)),
    };
    let nats = |estimate: &Option<Estimate>| match estimate {
        Some(estimate) => format!("{:+.3}{}", estimate.value, mark(estimate)),
        None => "-".to_owned(),
    };
    let row = |one: &Profiled| {
        let difference = one.difference.as_ref()?;
        let cells = difference.coverage.iter().map(share);
        Some(
            [one.model.to_owned(), nats(&difference.kl)]
                .into_iter()
                .chain(cells)
                .collect(),
        )
    };
    let table = style.table(1, &header, profiled.iter().filter_map(row).collect());
    format!("{table}\n\n*: the limits leave out 0.")
}

/// A star where the limits leave out 0.
fn mark(estimate: &Estimate) -> &'static str {
    if estimate.low > 0.0 || estimate.high < 0.0 {
        "*"
    } else {
        ""
    }
}
