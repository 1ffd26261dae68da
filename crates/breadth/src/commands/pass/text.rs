//! The estimates as tables, and the sentences about them.

use breadth_analysis::{PassAtK, PassModel, PassReport};

use crate::number;
use crate::output::Style;

/// The whole text.
pub fn render(document: &PassReport, style: Style) -> String {
    let is_graded = document.is_best_of;
    let name = if is_graded { "Best-of-" } else { "Pass@" };
    let title = if is_graded {
        "Best-of-k: mean over prompts of the best reward among k samples"
    } else {
        "Pass@k: probability that at least one of k samples is right, averaged over prompts"
    };
    let mut parts = vec![
        style.strong(title),
        String::new(),
        estimates(document, name, |one| &one.pass, style),
        String::new(),
    ];
    if document.models.iter().any(|one| !one.all_of.is_empty()) {
        let table = estimates(document, "pass^", |one| &one.all_of, style);
        let title = "pass^k: probability that all of k samples are right";
        parts.extend([title.to_owned(), String::new(), table, String::new()]);
    }
    if document.models.iter().any(|one| !one.majority.is_empty()) {
        let table = estimates(document, "maj@", |one| &one.majority, style);
        let title = "Majority vote: mean reward of the most frequent answer among k samples; responses without an answer agree on nothing";
        parts.extend([title.to_owned(), String::new(), table, String::new()]);
    }
    if document.tau.is_some() {
        parts.extend(document.solved_say());
        parts.push(String::new());
    }
    parts.extend(document.sentence());
    parts.extend(document.remarks());
    parts.push(style.faint(&format!(
        "{}prompts weighted: {}; {} intervals over prompts, with more digits in --json",
        common_size(&document.models).unwrap_or_default(),
        document.weighting,
        number::confidence(document.confidence)
    )));
    parts.join("\n")
}

fn estimates(
    document: &PassReport,
    name: &str,
    values: impl for<'a> Fn(&'a PassModel) -> &'a [PassAtK],
    style: Style,
) -> String {
    // Each model has those within its own samples.
    let longest = document.models.iter().map(&values).max_by_key(|v| v.len());
    let ks = longest.unwrap_or_default();
    let has_sizes = common_size(&document.models).is_none();
    let mut header = vec!["model".to_owned()];
    if has_sizes {
        header.extend(["prompts", "samples"].map(str::to_owned));
    }
    header.extend(ks.iter().map(|point| format!("{name}{}", point.k)));
    let labels = |one: &PassModel| {
        let mut labels = vec![one.model.clone()];
        if has_sizes {
            labels.extend([one.prompts.to_string(), samples(one)]);
        }
        labels
    };
    // Where the line has no room for them, limits stand below their values.
    let has_room = ks.len() <= MOST_BESIDE;
    let rows = |one: &PassModel| -> Vec<Vec<String>> {
        let (labels, points) = (labels(one), values(one));
        let with = |labels: Vec<String>, cell: &dyn Fn(&PassAtK) -> String| {
            labels.into_iter().chain(points.iter().map(cell)).collect()
        };
        if has_room {
            return vec![with(labels, &|point| {
                number::with_limits(&point.interval())
            })];
        }
        let below = vec![String::new(); labels.len()];
        vec![
            with(labels, &|point| number::decimals(point.value.0)),
            with(below, &|point| {
                number::short_limits(point.low.0, point.high.0)
            }),
        ]
    };
    style.table(1, &header, document.models.iter().flat_map(rows).collect())
}

/// As many values have their limits beside them in a line.
const MOST_BESIDE: usize = 3;

/// The samples of a prompt.
fn samples(one: &PassModel) -> String {
    let (fewest, most) = (one.samples_min, one.samples_max);
    if fewest == most {
        most.to_string()
    } else {
        format!("{fewest} to {most}")
    }
}

/// What stands in the last line where all models have as many prompts and samples.
fn common_size(models: &[PassModel]) -> Option<String> {
    let size = |one: &PassModel| (one.prompts, one.samples_min, one.samples_max);
    let first = models.first()?;
    let is_common = models.iter().all(|one| size(one) == size(first));
    is_common.then(|| {
        let of_each = match samples(first).as_str() {
            "1" => "1 sample".to_owned(),
            samples => format!("{samples} samples"),
        };
        format!(
            "{}, {of_each} of each; ",
            number::count(first.prompts, "prompt")
        )
    })
}
