//! The text of `breadth profile`.

use breadth_stats::{CoveragePoint, Estimate, MeanEstimate, TokenBreakdown};

use super::document::{Document, Guarantee, guarantees, kl_bound};
use super::{PASS_AT, Profiled, Tokens};
use crate::input::Scores;
use crate::losses;
use crate::number::{self, Mean};
use crate::output::Style;

pub fn text(profiled: &[Profiled], scores: &Scores, document: &Document, style: Style) -> String {
    let percent = number::trimmed(100.0 * document.confidence);
    let headline = format!(
        "{} against {}: {}",
        models_text(profiled),
        document.reference,
        scores.size()
    );
    let what = match document.answers {
        Some(_) => "final answers",
        None => "responses",
    };
    let method = profiled.first().map_or("", |one| one.profile.method);
    let coverage = match profiled {
        [only] => one_model(only, style),
        several => many_models(several, style),
    };
    let mut parts = vec![
        style.strong(&headline),
        String::new(),
        summary(profiled, document, style),
        String::new(),
        format!(
            "Cov_N: share of the {what} to which the model gives at most 1/N of the reference's probability"
        ),
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
    for one in profiled {
        if let Some(tokens) = &one.tokens {
            parts.extend([tokens_text(one, tokens, scores, style), String::new()]);
        }
    }
    if document.answers.is_none() {
        parts.push(format!(
            "Pass@k at least, if all that {} writes is right:",
            document.reference
        ));
        parts.extend([String::new(), foretold(profiled, style), String::new()]);
    }
    let guarantees = best_of_n(profiled, document);
    if !guarantees.is_empty() {
        parts.extend(guarantees);
        parts.push(String::new());
    }
    if let Some(answers) = document.answers {
        parts.push(format!(
            "Answers: sums over {} with at least {} of what {} writes on every prompt.",
            number::count(answers.responses, "response"),
            number::percent(answers.listed_min),
            document.reference
        ));
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

fn summary(profiled: &[Profiled], document: &Document, style: Style) -> String {
    let mut header = ["model", "KL (nats)", "cross-entropy (nats)"]
        .map(str::to_owned)
        .to_vec();
    let row = |one: &Profiled| {
        vec![
            one.model.to_owned(),
            number::mean_with_limits(&one.kl),
            number::mean_with_limits(&one.cross_entropy),
        ]
    };
    let mut rows: Vec<Vec<String>> = profiled.iter().map(row).collect();
    if document.models.iter().any(|model| model.trained.is_some()) {
        header.push("eval loss".to_owned());
        for (row, model) in rows.iter_mut().zip(&document.models) {
            row.push(losses::cell(model.trained));
        }
    }
    let table = style.table(1, &header, rows);
    let remarks = document.models.iter().flat_map(|model| {
        let named = |what: &str, mean: &Mean| {
            let remark = mean.remark.as_ref()?;
            Some(format!("{what} of {}: {remark}.", model.name()))
        };
        [
            named("KL", &model.kl),
            named("Cross-entropy", &model.cross_entropy),
        ]
    });
    let remarks: Vec<String> = remarks.flatten().collect();
    if remarks.is_empty() {
        return table;
    }
    format!("{table}\n\n{}", remarks.join("\n"))
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
    let nats = |mean: &Option<MeanEstimate>| match mean {
        Some(mean) => format!("{:+.3}{}", mean.value, mark(&mean.estimate())),
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

/// A row per model, a column per k.
fn foretold(profiled: &[Profiled], style: Style) -> String {
    let header: Vec<String> = std::iter::once("k =".to_owned())
        .chain(PASS_AT.iter().map(u64::to_string))
        .collect();
    let cell = |estimate: &Estimate| number::percent(estimate.value);
    let row = |one: &Profiled| {
        std::iter::once(one.model.to_owned())
            .chain(one.pass.iter().map(cell))
            .collect()
    };
    style.table(1, &header, profiled.iter().map(row).collect())
}

/// Where a model falls behind, and what one token of each response decides.
fn tokens_text(one: &Profiled, tokens: &Tokens, scores: &Scores, style: Style) -> String {
    let view = &tokens.view;
    let header = ["tokens", "count", "log p/q each", "per response"].map(str::to_owned);
    let nats = |value: f64| match value.is_nan() {
        true => "-".to_owned(),
        false => format!("{value:.3}"),
    };
    let bands = view.bands.iter().map(|band| {
        vec![
            match band.first == band.last {
                true => (band.first + 1).to_string(),
                false => format!("{}-{}", band.first + 1, band.last + 1),
            },
            number::grouped(band.tokens),
            nats(band.mean),
            nats(band.per_response),
        ]
    });
    let mut lines = vec![
        format!(
            "{}, token by token (nats; the last column sums to KL)",
            one.model
        ),
        String::new(),
        style.table(1, &header, bands.collect()),
        String::new(),
    ];
    lines.extend(concentration(view));
    lines.push(forgiven(one, tokens));
    if let Some(worst) = view.worst.first().filter(|worst| worst.log_ratio() > 0.0) {
        let (prompt, response) = scores.key(worst.row);
        lines.push(format!(
            "The worst: token {} of response `{response}` to prompt `{prompt}`, {:.3} nats against {:.3}; more with --json.",
            worst.position + 1,
            worst.log_q,
            worst.log_p,
        ));
    }
    lines.join("\n")
}

fn concentration(view: &TokenBreakdown) -> Option<String> {
    let tokens: usize = view.bands.iter().map(|band| band.tokens).sum();
    let sentence = format!(
        "The worst {} of {} hold {} of all that it falls behind.",
        number::grouped(tokens.div_ceil(100)),
        number::count(tokens, "token"),
        number::percent(view.worst_hundredth)
    );
    view.worst_hundredth.is_finite().then_some(sentence)
}

/// The level at which one token decides most.
fn forgiven(one: &Profiled, tokens: &Tokens) -> String {
    let pairs = || one.profile.points.iter().zip(&tokens.forgiven.points);
    let gain = |(all, rest): &(&CoveragePoint, &CoveragePoint)| all.cov - rest.cov;
    match pairs().max_by(|a, b| gain(a).total_cmp(&gain(b))) {
        Some((all, rest)) => format!(
            "With the worst token of every response forgiven, Cov_{} falls from {} to {}.",
            number::level(all.level),
            number::percent(all.cov),
            number::percent(rest.cov)
        ),
        None => String::new(),
    }
}
