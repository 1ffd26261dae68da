//! The text of `breadth profile`.

use breadth_analysis::number::{Interval, Mean};
use breadth_analysis::{ForetoldPass, Profile, ProfilePoint, ProfiledModel, TokenProfile};

use crate::losses;
use crate::number;
use crate::output::Style;

pub fn text(document: &Profile, style: Style) -> String {
    let profiled = &document.models[..];
    let coverage = match profiled {
        [only] => one_model(only, style),
        several => many_models(several, style),
    };
    let mut parts = vec![
        style.strong(&headline(document)),
        String::new(),
        summary(document, style),
        String::new(),
        meaning(document),
        String::new(),
        coverage,
        String::new(),
    ];
    if let Some(baseline) = &document.baseline {
        let title = format!("Less that of {baseline}, on the same rows (paired limits)");
        let table = differences(profiled, style);
        parts.extend([title, String::new(), table, String::new()]);
    }
    for one in profiled {
        if let Some(tokens) = &one.tokens {
            parts.extend([tokens_text(one, tokens, style), String::new()]);
        }
    }
    if document.answers.is_none() {
        let reference = &document.reference;
        let title = format!("Pass@k at least, if all that {reference} writes is right:");
        let table = foretold(profiled, style);
        parts.extend([title, String::new(), table, String::new()]);
    }
    let guarantees = document.guarantees();
    if !guarantees.is_empty() {
        parts.extend(guarantees);
        parts.push(String::new());
    }
    parts.extend(document.answers_say());
    parts.push(style.faint(&format!(
        "{} limits: {}; --json has all limits and bands",
        number::confidence(document.confidence),
        profiled.first().map_or("", |one| one.method)
    )));
    parts.join("\n")
}

/// What was compared, and on how much.
fn headline(document: &Profile) -> String {
    let size = document.models.first().map_or(String::new(), |one| {
        let rows = number::count(one.rows, "row");
        format!("{rows}, {}", number::count(one.prompts, "prompt"))
    });
    format!(
        "{} against {}: {size}",
        models_text(&document.models),
        document.reference
    )
}

/// What the numbers of the table are.
fn meaning(document: &Profile) -> String {
    let what = match document.answers {
        Some(_) => "final answers",
        None => "responses",
    };
    format!(
        "Cov_N: share of the {what} to which the model gives at most 1/N of the reference's \
         probability"
    )
}

fn models_text(profiled: &[ProfiledModel]) -> String {
    match profiled {
        [only] => only.model.clone(),
        several => number::count(several.len(), "model"),
    }
}

fn summary(document: &Profile, style: Style) -> String {
    let mut header = ["model", "KL (nats)", "cross-entropy (nats)"]
        .map(str::to_owned)
        .to_vec();
    let row = |one: &ProfiledModel| {
        vec![
            one.model.clone(),
            number::mean_with_limits(&one.kl),
            number::mean_with_limits(&one.cross_entropy),
        ]
    };
    let mut rows: Vec<Vec<String>> = document.models.iter().map(row).collect();
    if document.models.iter().any(|model| model.trained.is_some()) {
        header.push("eval loss".to_owned());
        for (row, model) in rows.iter_mut().zip(&document.models) {
            row.push(losses::cell(model.trained));
        }
    }
    let table = style.table(1, &header, rows);
    let remarks = document.remarks();
    if remarks.is_empty() {
        return table;
    }
    format!("{table}\n\n{}", remarks.join("\n"))
}

/// Everything about one model: a row per level.
fn one_model(one: &ProfiledModel, style: Style) -> String {
    // A negative estimate and one without limits bound nothing, which the remark on KL says.
    let has_bound = one.kl.interval.value.0 >= 0.0 && !one.kl.no_limits;
    let bound = |point: &ProfilePoint| {
        let of_lemma = point.bounds.iter().find(|bound| bound.name == "Lemma D.1");
        number::percent(of_lemma.map_or(1.0, |bound| bound.value.0))
    };
    let mut header = ["N", "Cov_N", "limits", "band over all N"]
        .map(str::to_owned)
        .to_vec();
    header.extend(has_bound.then(|| "KL bound".to_owned()));
    let row = |point: &ProfilePoint| {
        let mut row = vec![
            number::level_in_words(point.n.0, point.log_n.0),
            number::percent(point.cov.0),
            number::percent_limits(point.low.0, point.high.0),
            number::percent_limits(point.band_low.0, point.band_high.0),
        ];
        row.extend(has_bound.then(|| bound(point)));
        row
    };
    style.table(0, &header, one.profile.iter().map(row).collect())
}

/// Several models side by side: a row per model, a column per level, limits where the line has room
/// for them.
fn many_models(profiled: &[ProfiledModel], style: Style) -> String {
    let levels = profiled[0]
        .profile
        .iter()
        .map(|point| number::level_in_words(point.n.0, point.log_n.0));
    let header: Vec<String> = std::iter::once("N =".to_owned()).chain(levels).collect();
    let has_room = header.len() <= 5;
    let cell = |point: &ProfilePoint| {
        if has_room {
            number::share_with_limits(point.cov.0, point.low.0, point.high.0)
        } else {
            number::percent(point.cov.0)
        }
    };
    let row = |one: &ProfiledModel| {
        std::iter::once(one.model.clone())
            .chain(one.profile.iter().map(cell))
            .collect()
    };
    style.table(1, &header, profiled.iter().map(row).collect())
}

/// A row per model, a column for KL and for each level.
fn differences(profiled: &[ProfiledModel], style: Style) -> String {
    let points = &profiled[0].profile;
    let names = points
        .iter()
        .map(|point| format!("Cov_{}", number::level_in_words(point.n.0, point.log_n.0)));
    let header: Vec<String> = ["model".to_owned(), "KL".to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    let has_room = header.len() <= 5;
    let share = |estimate: &Interval| {
        if has_room {
            format!(
                "{:+.1} [{:+.1}, {:+.1}]%",
                100.0 * estimate.value.0,
                100.0 * estimate.low.0,
                100.0 * estimate.high.0
            )
        } else {
            format!("{:+.1}%{}", 100.0 * estimate.value.0, mark(estimate))
        }
    };
    let nats = |mean: &Option<Mean>| match mean {
        Some(mean) => format!("{:+.3}{}", mean.interval.value.0, mark(&mean.interval)),
        None => "-".to_owned(),
    };
    let row = |one: &ProfiledModel| {
        let cells = one
            .profile
            .iter()
            .map(|point| point.difference.as_ref().map(share));
        let cells = cells.collect::<Option<Vec<String>>>()?;
        Some(
            [one.model.clone(), nats(&one.kl_difference)]
                .into_iter()
                .chain(cells)
                .collect(),
        )
    };
    let table = style.table(1, &header, profiled.iter().filter_map(row).collect());
    format!("{table}\n\n*: the limits leave out 0.")
}

/// A star where the limits leave out 0.
fn mark(estimate: &Interval) -> &'static str {
    if estimate.low.0 > 0.0 || estimate.high.0 < 0.0 {
        "*"
    } else {
        ""
    }
}

/// A row per model, a column per k: what Pass@k is at least, with the confidence asked for.
fn foretold(profiled: &[ProfiledModel], style: Style) -> String {
    let header: Vec<String> = std::iter::once("k =".to_owned())
        .chain(
            profiled[0]
                .pass_from_coverage
                .iter()
                .map(|one| one.k.to_string()),
        )
        .collect();
    let cell = |one: &ForetoldPass| number::percent(one.at_least.low.0);
    let row = |one: &ProfiledModel| {
        std::iter::once(one.model.clone())
            .chain(one.pass_from_coverage.iter().map(cell))
            .collect()
    };
    style.table(1, &header, profiled.iter().map(row).collect())
}

/// Where a model falls behind, and what one token of each response decides.
fn tokens_text(one: &ProfiledModel, tokens: &TokenProfile, style: Style) -> String {
    let header = ["tokens", "count", "log p/q each", "per response"].map(str::to_owned);
    let nats = |value: Option<number::Number>| match value {
        Some(value) => format!("{:.3}", value.0),
        None => "-".to_owned(),
    };
    let bands = tokens.bands.iter().map(|band| {
        vec![
            if band.first == band.last {
                band.first.to_string()
            } else {
                format!("{}-{}", band.first, band.last)
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
    lines.extend(tokens.concentration());
    lines.extend(one.most_forgiven());
    let worst = tokens.worst_token();
    lines.extend(worst.map(|worst| format!("{worst} More with --json.")));
    lines.join("\n")
}
