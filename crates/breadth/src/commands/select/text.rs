//! The selection in words: the verdict first, then the table it rests on, then how sure it is.

use breadth_analysis::{
    AnswersSummary, Certified, SelectedModel, Selection, SelectionRule as Rule,
};

use super::landscape;
use crate::losses;
use crate::number;
use crate::output::Style;

/// The whole text.
pub fn render(document: &Selection, is_named: bool, style: Style) -> String {
    let n = document.level_in_words();
    let percent = number::confidence(document.confidence);
    let (table, rule) = match document.rule {
        Rule::Tournament => (
            ranking(document, &n, style),
            format!("Tournament (Eq 29) at N = {n}"),
        ),
        Rule::Offset => (ranking(document, &n, style), offset(document, &n)),
        Rule::Reach => (
            losses(document, &n, style),
            format!(
                "Reach: how often {} samples contain the held-out response itself,",
                number::trimmed((2.0 * document.n.0).round())
            ),
        ),
        Rule::CrossEntropy => (
            losses(document, &n, style),
            "Lowest cross-entropy".to_owned(),
        ),
        Rule::Against => (
            losses(document, &n, style),
            format!(
                "Coverage against {} at N = {n}",
                document.against.as_deref().unwrap_or_default()
            ),
        ),
    };
    let mut parts = headline(document, is_named, style);
    parts.extend([String::new(), table, String::new()]);
    parts.extend(document.findings());
    if let [change, certain @ ..] = &document.landscape_notes[..] {
        parts.extend([
            String::new(),
            change.clone(),
            String::new(),
            landscape::table(&document.landscape, style),
            landscape::LEGEND.to_owned(),
            String::new(),
        ]);
        parts.extend(certain.iter().map(|sentence| format!("{sentence}\n")));
    }
    parts.extend(document.notes.iter().map(|note| format!("Note: {note}")));
    parts.push(style.faint(&format!(
        "{rule} on {}, {}; {percent} limits.{}",
        number::count(document.rows, "row"),
        number::count(document.prompts, "prompt"),
        legend(document, &n)
    )));
    parts.join("\n")
}

/// The verdict, what the other rules say, and the rule's own choice; a rule that was named comes
/// first.
fn headline(document: &Selection, is_named: bool, style: Style) -> Vec<String> {
    let of_rule = std::iter::once(document.rule_says()).chain(document.lowest_loss_says());
    let Some(verdict) = &document.verdict else {
        return of_rule
            .enumerate()
            .map(|(at, line)| if at == 0 { style.strong(&line) } else { line })
            .collect();
    };
    if is_named {
        let mut parts: Vec<String> = of_rule.collect();
        parts[0] = style.strong(&parts[0]);
        parts.push(format!("All evidence: {}", verdict.sentence()));
        parts.extend(verdict.next_step());
        return parts;
    }
    let mut parts = vec![style.strong(&verdict.sentence())];
    parts.extend(verdict.notes());
    if document.models.len() > 1 {
        parts.push(String::new());
        parts.extend(of_rule);
    }
    parts
}

fn offset(document: &Selection, n: &str) -> String {
    let sampled = number::count(document.sampled_rows.unwrap_or(0), "sampled row");
    let a = number::trimmed(document.a.unwrap_or(0.0));
    format!("Offset tournament (Eq 32) at N = {n}, a = {a}, with {sampled},")
}

fn legend(document: &Selection, n: &str) -> String {
    let value = match document.rule {
        Rule::Tournament => " Value: the worst rival's share of responses.",
        Rule::Offset => {
            " Value: the worst rival's share of responses, less what it gains on the model's own \
             samples."
        }
        Rule::Reach => " Pass@k is at least this for every verifier that accepts these responses.",
        Rule::CrossEntropy => "",
        Rule::Against => {
            " Value: the share of responses to which that model gives N times the probability or \
             more; no other checkpoint changes it."
        }
    };
    let certified = match (&document.answers, document.has_certificate()) {
        (Some(answers), has_missed) => of_answers(answers, n, has_missed),
        (None, true) => {
            format!(" Certified: limits of Cov_{n} itself, whatever the data distribution is.")
        }
        (None, false) => String::new(),
    };
    format!("{value}{certified}")
}

/// What the columns say where answers are compared.
fn of_answers(answers: &AnswersSummary, n: &str, has_missed: bool) -> String {
    let (whose, missed) = match answers.certified {
        Certified::Bracket => (
            "the right answer".to_owned(),
            format!(
                " Missed: limits of Cov_{n}, the share that is given with probability 1/{n} or \
                 less."
            ),
        ),
        Certified::UpperBound => (
            format!("an answer of {}", answers.of),
            format!(
                " Missed at most: the share that is given with probability 1/{n} or less, an upper \
                 bound of Cov_{n}; how much less is not known, as {} may give its answers with \
                 small probabilities too.",
                answers.of
            ),
        ),
    };
    format!(
        " Rates: (c + 1/2)/(n + 1) for the c of n samples with {whose}, n >= {}; limits and the \
         set include that samples only estimate them.{}",
        answers.samples_min,
        if has_missed { &missed } else { "" },
    )
}

fn ranking(document: &Selection, n: &str, style: Style) -> String {
    let header = [
        "rank",
        "model",
        "worst rival",
        "value",
        "limits",
        "cross-entropy",
    ]
    .map(str::to_owned);
    let row = |model: &SelectedModel| {
        vec![
            model.rank.to_string(),
            model.model.clone(),
            model.worst_rival.clone().unwrap_or("-".to_owned()),
            number::percent(model.value.0),
            number::percent_limits(model.low.0, model.high.0),
            format!("{:.4}", model.cross_entropy.0),
        ]
    };
    let rows = document.models.iter().map(row).collect();
    with_certificates(document, n, style, 3, header.to_vec(), rows)
}

fn losses(document: &Selection, n: &str, style: Style) -> String {
    let is_share = document.rule != Rule::CrossEntropy;
    let value = match document.rule {
        Rule::Reach => "reach",
        Rule::Against => "missed",
        _ => "cross-entropy",
    };
    let header = ["rank", "model", value, "limits"].map(str::to_owned);
    let row = |model: &SelectedModel| {
        let (value, low, high) = (model.value.0, model.low.0, model.high.0);
        vec![
            model.rank.to_string(),
            model.model.clone(),
            if is_share {
                number::percent(value)
            } else {
                format!("{value:.4}")
            },
            if is_share {
                number::percent_limits(low, high)
            } else {
                format!("[{low:.4}, {high:.4}]")
            },
        ]
    };
    let rows = document.models.iter().map(row).collect();
    with_certificates(document, n, style, 2, header.to_vec(), rows)
}

/// The table, with the trainer's losses if they were asked for, and the certified limits as its
/// last column where they say something.
fn with_certificates(
    document: &Selection,
    n: &str,
    style: Style,
    left: usize,
    mut header: Vec<String>,
    mut rows: Vec<Vec<String>>,
) -> String {
    if document.trainer.is_some() {
        header.push("eval loss".to_owned());
        for (row, model) in rows.iter_mut().zip(&document.models) {
            row.push(losses::cell(model.trained));
        }
    }
    let mut passes = document
        .models
        .iter()
        .filter_map(|model| model.pass.as_ref());
    if let Some(pass) = passes.next() {
        let name = if pass.is_best_of { "Best-of-" } else { "Pass@" };
        header.push(format!("{name}{}", pass.k));
        for (row, model) in rows.iter_mut().zip(&document.models) {
            let cell = model.pass.as_ref();
            row.push(cell.map_or("-".to_owned(), |pass| {
                number::percent(pass.interval.value.0)
            }));
        }
    }
    if document.has_certificate() {
        let is_bound = document
            .answers
            .as_ref()
            .is_some_and(|answers| answers.certified == Certified::UpperBound);
        header.push(match document.answers {
            Some(_) if is_bound => format!("missed at {n} at most"),
            Some(_) => format!("missed at {n}"),
            None => format!("Cov_{n} certified"),
        });
        for (row, model) in rows.iter_mut().zip(&document.models) {
            let (low, high) = (model.certified_low.0, model.certified_high.0);
            row.push(if is_bound {
                format!("{:.1}%", number::at_most(high))
            } else {
                number::percent_limits(low, high)
            });
        }
    }
    style.table(left, &header, rows)
}
