//! The selection in words: the verdict first, then the table it rests on, then how sure it is.

use breadth_analysis::Verdict;
use breadth_stats::{Level, offset_applies, offset_parameter};

use super::answers::{Certified, Summary};
use super::document::{Document, Model};
use super::{Choice, Rule, landscape};
use crate::losses;
use crate::number;
use crate::output::Style;

/// Where two models differ by N on this share of the responses, N no longer tells lost responses from the spread of all: lab/results/long_responses.md.
const APART: f64 = 0.5;

/// Names beyond this many are counted, not listed.
const MOST_NAMES: usize = 8;

/// What the reader of a selection should know before acting on it; `covering` is the tournament's winner.
pub fn notes(document: &Document, level: Level, covering: &str) -> Vec<String> {
    let (n, models) = (number::level(level), document.models.len());
    let Some(first) = document.models.first().filter(|_| models > 1) else {
        return Vec::new();
    };
    let is_tournament = document.rule == Rule::Tournament;
    let mut notes = Vec::new();
    if covering != document.winner {
        notes.push(format!(
            "For coverage at N = {n} the tournament takes {covering}."
        ));
    }
    if let Some(a) = document.a.filter(|&a| !offset_applies(level, a)) {
        notes.push(format!(
            "N^(1-2a) is below 8 at N = {n}, a = {}: Thm 6.4 promises nothing there. Take {}.",
            number::trimmed(a),
            match offset_parameter(level) {
                0.0 => "N = 8 or more".to_owned(),
                most => format!(
                    "a = {} or less",
                    number::trimmed((1000.0 * most).floor() / 1000.0)
                ),
            },
        ));
    }
    if is_tournament && document.tied.len() == models {
        notes.push(format!(
            "All models tie at N = {n}, so that cross-entropy alone decided. {}",
            if first.value.0 < 0.5 {
                "A smaller N may separate them."
            } else {
                "A larger N may separate them."
            },
        ));
    } else if document.not_excluded.len() == models {
        let missing = match &document.answers {
            Some(answers) => format!(
                "more prompts, or more than {} of each model for a prompt,",
                number::count(answers.samples_min as usize, "sample")
            ),
            None => format!("more than these {}", number::count(document.rows, "row")),
        };
        notes.push(format!(
            "By the tournament alone each of the {models} models may be the best one: {missing} are needed to tell."
        ));
    }
    if let Some(answers) = &document.answers {
        if level.n() > answers.samples_min as f64 {
            notes.push(format!(
                "Rates of 1/{n} hardly show in {}: draw more of them, or take a smaller N.",
                number::count(answers.samples_min as usize, "sample"),
            ));
        }
    } else if is_tournament && first.value.0 > 0.5 {
        notes.push(format!(
            "Even the winner falls short by a factor of {n} on most responses, so this ranking says little. {}",
            longer()
        ));
    } else if let Some(apart) = document.apart.filter(|apart| apart.0 >= APART) {
        notes.push(format!(
            "Two models (the median pair) differ by a factor of {n} or more on {} of the responses, so N says little here: what was lost hides among what differs anyway. {}",
            number::percent(apart.0),
            longer()
        ));
    }
    notes
}

/// What to do where responses are so long that every N near the one asked for is uncovered.
fn longer() -> &'static str {
    "Long responses differ by many nats: --landscape shows at which N the tournament separates models. \
     For Best-of-N on long responses final answers say more: graded samples, beside the scores or alone."
}

/// The whole text.
pub fn render(document: &Document, size: &str, choice: Choice, style: Style) -> String {
    let n = number::level(choice.level);
    let percent = number::trimmed(100.0 * document.confidence);
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
                number::trimmed((2.0 * choice.level.n()).round())
            ),
        ),
        Rule::CrossEntropy => (
            losses(document, &n, style),
            "Lowest cross-entropy".to_owned(),
        ),
        Rule::Against => (
            losses(document, &n, style),
            format!("Coverage against {} at N = {n}", base(document)),
        ),
    };
    let mut parts = headline(document, &n, choice, style);
    parts.extend([String::new(), table, String::new()]);
    parts.extend(tie(document));
    parts.push(format!(
        "May be best by {}, at {percent}% confidence: {}.",
        rule_words(document.rule),
        names(&document.not_excluded)
    ));
    parts.extend(void(document, &n));
    parts.extend(certain(document, &n, &percent));
    parts.extend(certificate(document, &percent));
    if !document.landscape.is_empty() {
        let (stops, summary) = (&document.landscape, landscape::summary(&document.landscape));
        parts.extend([
            String::new(),
            summary,
            String::new(),
            landscape::table(stops, style),
            String::new(),
        ]);
        let certain = landscape::certain(stops, &percent).filter(|_| document.answers.is_none());
        parts.extend(certain.map(|sentence| sentence + "\n"));
    }
    parts.extend(document.notes.iter().map(|note| format!("Note: {note}")));
    parts.push(style.faint(&format!(
        "{rule} on {size}; {percent}% limits.{}",
        legend(document, &n)
    )));
    parts.join("\n")
}

/// The verdict, what the other rules say, and the rule's own choice; a rule that was named comes first.
fn headline(document: &Document, n: &str, choice: Choice, style: Style) -> Vec<String> {
    let of_rule = std::iter::once(rule_says(document, n)).chain(loss_winner(document, n));
    let Some(verdict) = &document.verdict else {
        return of_rule
            .enumerate()
            .map(|(at, line)| if at == 0 { style.strong(&line) } else { line })
            .collect();
    };
    if choice.is_named {
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

fn rule_words(rule: Rule) -> &'static str {
    match rule {
        Rule::Tournament => "the tournament",
        Rule::Offset => "the offset rule",
        Rule::Reach => "reach",
        Rule::CrossEntropy => "cross-entropy",
        Rule::Against => "coverage against the fixed model",
    }
}

/// The model of `--against`.
fn base<'a>(document: &Document<'a>) -> &'a str {
    document.against.unwrap_or_default()
}

/// Limits of coverage that say nothing are called so.
fn void(document: &Document, n: &str) -> Option<String> {
    let is_void = document.answers.is_none() && !has_certificate(document);
    (is_void && document.models.len() > 1).then(|| {
        format!(
            "Each one's own coverage at N = {n} may be anything, [0, 100]%: the certificate is void, and all may be poor."
        )
    })
}

fn offset(document: &Document, n: &str) -> String {
    let sampled = number::count(document.sampled_rows.unwrap_or(0), "sampled row");
    let a = number::trimmed(document.a.unwrap_or(0.0));
    format!("Offset tournament (Eq 32) at N = {n}, a = {a}, with {sampled},")
}

fn legend(document: &Document, n: &str) -> String {
    let value = match document.rule {
        Rule::Tournament => " Value: the worst rival's share of responses.",
        Rule::Offset => {
            " Value: the worst rival's share of responses, less what it gains on the model's own samples."
        }
        Rule::Reach => " Pass@k is at least this for every verifier that accepts these responses.",
        Rule::CrossEntropy => "",
        Rule::Against => {
            " Value: the share of responses to which that model gives N times the probability or more; no other checkpoint changes it."
        }
    };
    let certified = match (&document.answers, has_certificate(document)) {
        (Some(answers), has_missed) => of_answers(answers, n, has_missed),
        (None, true) => {
            format!(" Certified: limits of Cov_{n} itself, whatever the data distribution is.")
        }
        (None, false) => String::new(),
    };
    format!("{value}{certified}")
}

/// What the columns say where answers are compared.
fn of_answers(answers: &Summary, n: &str, has_missed: bool) -> String {
    let (whose, missed) = match answers.certified {
        Certified::Bracket => (
            "the right answer".to_owned(),
            format!(
                " Missed: limits of Cov_{n}, the share that is given with probability 1/{n} or less."
            ),
        ),
        Certified::UpperBound => (
            format!("an answer of {}", answers.of),
            format!(
                " Missed at most: the share that is given with probability 1/{n} or less, an upper bound of Cov_{n}; how much less is not known, as {} may give its answers with small probabilities too.",
                answers.of
            ),
        ),
    };
    format!(
        " Rates: (c + 1/2)/(n + 1) for the c of n samples with {whose}, n >= {}; limits and the set include that samples only estimate them.{}",
        answers.samples_min,
        if has_missed { &missed } else { "" },
    )
}

/// Whether any certified limit says something; a column of `[0, 100]%` is not worth its place.
fn has_certificate(document: &Document) -> bool {
    document
        .models
        .iter()
        .any(|model| model.certified_low.0 > 0.0 || model.certified_high.0 < 1.0)
}

/// What the rule says, without regard to other evidence.
fn rule_says(document: &Document, n: &str) -> String {
    let winner = document.winner;
    match document.models.as_slice() {
        [] | [_] => format!("{winner} is the only candidate, nothing was compared."),
        _ if document.rule == Rule::CrossEntropy => {
            format!("Cross-entropy takes {winner}: it is the lowest.")
        }
        [first, ..] if document.rule == Rule::Reach => format!(
            "Reach takes {winner}: {} samples contain the held-out response with a probability of {} on average.",
            number::trimmed((2.0 * document.n.0).round()),
            number::percent(first.value.0)
        ),
        [first, ..] if document.rule == Rule::Against => format!(
            "{winner} loses the least against {}: it gives {} of the responses at most 1/{n} of the probability there.",
            base(document),
            number::percent(first.value.0)
        ),
        [first, ..] if document.rule == Rule::Offset => match first.value.0 {
            0.0 => format!(
                "The offset rule takes {winner}: what rivals gain on the data they gain on its own samples too."
            ),
            value => format!(
                "The offset rule takes {winner}: its worst rival gains {} of the responses beyond what the model's own samples explain.",
                number::percent(value)
            ),
        },
        [first, ..] if document.answers.is_some() => format!(
            "The tournament takes {winner}: in these samples no rival gives the answer {n} times as often on {}.",
            match first.value.0 {
                0.0 => "any prompt".to_owned(),
                value => format!("more than {} of the prompts", number::percent(value)),
            }
        ),
        [first, ..] if first.value.0 == 0.0 => {
            format!(
                "The tournament takes {winner}: no rival gives any response {n} times its probability."
            )
        }
        [first, ..] => format!(
            "The tournament takes {winner}: no rival gives {n} times its probability to more than {} of the responses.",
            number::percent(first.value.0),
        ),
    }
}

/// What taking the lowest loss instead of the tournament's winner would cost.
fn loss_winner(document: &Document, n: &str) -> Option<String> {
    let name = document.cross_entropy_winner;
    let model = document.models.iter().find(|model| model.model == name)?;
    let is_answers = document.answers.is_some();
    let is_other = matches!(
        document.rule,
        Rule::CrossEntropy | Rule::Reach | Rule::Against
    );
    if is_other || document.models.len() == 1 || is_answers {
        return None;
    }
    if name == document.winner {
        return Some("It also has the lowest cross-entropy.".to_owned());
    }
    if document.rule == Rule::Offset {
        return Some(format!(
            "The lowest cross-entropy is that of {name}, whose value is {}.",
            number::percent(model.value.0)
        ));
    }
    Some(format!(
        "The lowest cross-entropy is that of {name}, which falls short by a factor of {n} on {} of the responses{}.",
        number::percent(model.value.0),
        model
            .worst_rival
            .map_or(String::new(), |rival| format!(" (against {rival})")),
    ))
}

fn ranking(document: &Document, n: &str, style: Style) -> String {
    let header = [
        "rank",
        "model",
        "worst rival",
        "value",
        "limits",
        "cross-entropy",
    ]
    .map(str::to_owned);
    let row = |model: &Model| {
        vec![
            model.rank.to_string(),
            model.model.to_owned(),
            model.worst_rival.unwrap_or("-").to_owned(),
            number::percent(model.value.0),
            number::percent_limits(model.low.0, model.high.0),
            format!("{:.4}", model.cross_entropy.0),
        ]
    };
    let rows = document.models.iter().map(row).collect();
    with_certificates(document, n, style, 3, header.to_vec(), rows)
}

fn losses(document: &Document, n: &str, style: Style) -> String {
    let is_share = document.rule != Rule::CrossEntropy;
    let value = match document.rule {
        Rule::Reach => "reach",
        Rule::Against => "missed",
        _ => "cross-entropy",
    };
    let header = ["rank", "model", value, "limits"].map(str::to_owned);
    let row = |model: &Model| {
        let (value, low, high) = (model.value.0, model.low.0, model.high.0);
        vec![
            model.rank.to_string(),
            model.model.to_owned(),
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

/// The table, with the trainer's losses if they were asked for, and the certified limits as its last column where they say something.
fn with_certificates(
    document: &Document,
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
    if let Some(k) = document
        .models
        .iter()
        .find_map(|model| model.pass.as_ref())
        .map(|p| p.k)
    {
        header.push(format!("Pass@{k}"));
        for (row, model) in rows.iter_mut().zip(&document.models) {
            let cell = model.pass.as_ref();
            row.push(cell.map_or("-".to_owned(), |pass| {
                number::percent(pass.interval.value.0)
            }));
        }
    }
    if has_certificate(document) {
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
            row.push(match is_bound {
                true => format!("{:.1}%", number::at_most(high)),
                false => number::percent_limits(low, high),
            });
        }
    }
    style.table(left, &header, rows)
}

/// What is certain of the lowest loss, or of the model of which most is certain, whatever the data distribution is.
fn certain(document: &Document, n: &str, percent: &str) -> Option<String> {
    // Beside a decision by samples it would be read as one against what is taken.
    let is_by_samples = |verdict: &Verdict| verdict.by == Some(breadth_analysis::Rule::Samples);
    if document.answers.is_some() || document.verdict.as_ref().is_some_and(is_by_samples) {
        return None;
    }
    let low = |model: &&Model| model.certified_low.0;
    let of_loss = document
        .models
        .iter()
        .find(|model| model.model == document.cross_entropy_winner && low(model) > 0.0);
    let most = || {
        document
            .models
            .iter()
            .max_by(|a, b| low(a).total_cmp(&low(b)))
    };
    let model = of_loss.or_else(most).filter(|model| low(model) >= 0.001)?;
    Some(format!(
        "Whatever the data distribution is, {} under-weights at least {:.1}% of the responses by a factor of {n} ({percent}% confidence).",
        model.model,
        number::at_least(low(&model)),
    ))
}

/// An excess above this is not worth a sentence.
const MOST_EXCESS: f64 = 0.25;

/// What the winner misses at most beyond any other candidate.
fn certificate(document: &Document, percent: &str) -> Option<String> {
    let found = &document.certificate;
    let squared = number::short(found.n_winner.0, found.log_n_winner.0);
    let is_said = found.excess.0 <= MOST_EXCESS && found.log_n_some.0 > 0.0;
    (is_said && document.models.len() > 1).then(|| {
        format!(
            "If some candidate misses a share e of the data at N = {}, {} misses at most e + {:.1}% at N = {squared} ({percent}% confidence).",
            number::short(found.n_some.0, found.log_n_some.0),
            document.winner,
            number::at_most(found.excess.0),
        )
    })
}

fn tie(document: &Document) -> Option<String> {
    let decided = match document.rule {
        Rule::Tournament | Rule::Offset | Rule::Reach | Rule::Against => {
            "the lower cross-entropy decided"
        }
        Rule::CrossEntropy => "the first in the table was taken",
    };
    (document.tied.len() > 1).then(|| {
        format!(
            "Tied for the best value: {}; {decided}.",
            names(&document.tied)
        )
    })
}

fn names(names: &[&str]) -> String {
    let hidden = names.len().saturating_sub(MOST_NAMES);
    let listed = names[..names.len() - hidden].join(", ");
    if hidden == 0 {
        listed
    } else {
        format!("{listed} and {hidden} more")
    }
}
