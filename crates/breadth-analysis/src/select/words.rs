//! What the reader of a selection should know, in sentences.

use breadth_data::listed;
use breadth_stats::{Level, offset_applies, offset_parameter};

use super::document::{SelectedModel, Selection};
use super::landscape::Stop;
use super::options::SelectionRule;
use crate::number;
use crate::verdict::Verdict;

/// Where two models differ by N on this share of the responses, N no longer tells lost responses
/// from the spread of all: lab/results/long_responses.md.
const APART: f64 = 0.5;

/// What the reader of a selection should know before acting on it; `covering` is the tournament's
/// winner.
pub(super) fn notes(document: &Selection, level: Level, covering: &str) -> Vec<String> {
    let (n, models) = (number::level(level), document.models.len());
    let Some(first) = document.models.first().filter(|_| models > 1) else {
        return Vec::new();
    };
    let is_tournament = document.rule == SelectionRule::Tournament;
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
            "By the tournament alone each of the {models} models may be the best one: {missing} \
             are needed to tell."
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
            "Even the winner falls short by a factor of {n} on most responses, so this ranking \
             says little. {}",
            longer()
        ));
    } else if let Some(apart) = document.apart.filter(|apart| apart.0 >= APART) {
        notes.push(format!(
            "Two models (the median pair) differ by a factor of {n} or more on {} of the \
             responses, so N says little here: what was lost hides among what differs anyway. {}",
            number::percent(apart.0),
            longer()
        ));
    }
    notes
}

/// What to do where responses are so long that every N near the one asked for is uncovered.
fn longer() -> &'static str {
    "Long responses differ by many nats: the landscape (the choice at every N) shows at which N the \
     tournament separates models. For Best-of-N on long responses final answers say more: graded samples, beside the scores or alone."
}

/// Of more names than this the others are counted, not listed.
const MOST_NAMES: usize = 9;

impl Selection {
    /// N as it is written in sentences: `4`, `e^30`.
    pub fn level_in_words(&self) -> String {
        number::level_in_words(self.n.0, self.log_n.0)
    }

    /// What the rule says, without regard to other evidence.
    pub fn rule_says(&self) -> String {
        rule_says(self, &self.level_in_words())
    }

    /// What taking the lowest loss instead of the rule's choice would cost.
    pub fn lowest_loss_says(&self) -> Option<String> {
        loss_winner(self, &self.level_in_words())
    }

    /// How sure the rule's choice is, and what is certain of coverage, a sentence each.
    pub fn findings(&self) -> Vec<String> {
        let (n, percent) = (self.level_in_words(), number::confidence(self.confidence));
        let mut findings = Vec::from_iter(tie(self));
        findings.push(format!(
            "May be best by {}, at {percent} confidence: {}.",
            rule_words(self.rule),
            listed(&self.not_excluded, MOST_NAMES)
        ));
        findings.extend(void(self, &n));
        findings.extend(certain(self, &n, &percent));
        findings.extend(certificate(self, &percent));
        findings
    }

    /// Whether any certified limit says something; a column of `[0, 100]%` is not worth its place.
    pub fn has_certificate(&self) -> bool {
        self.models
            .iter()
            .any(|model| model.certified_low.0 > 0.0 || model.certified_high.0 < 1.0)
    }

    /// Adds the choice along log N, with what it says.
    pub fn add_landscape(&mut self, stops: Vec<Stop>) {
        let certain = || certain_along(&stops, self.confidence);
        let certain = self.answers.is_none().then(certain).flatten();
        self.landscape_notes = std::iter::once(along(&stops)).chain(certain).collect();
        self.landscape = stops;
    }
}

/// Where the choice changes.
fn along(stops: &[Stop]) -> String {
    let mut spans: Vec<(&str, &Stop)> = Vec::new();
    for stop in stops {
        let is_other = |(winner, _): &(&str, &Stop)| *winner != stop.winner;
        if spans.last().is_none_or(is_other) {
            spans.push((&stop.winner, stop));
        }
    }
    match spans.as_slice() {
        [(winner, _)] => format!("Along log N the tournament takes {winner} throughout."),
        spans => {
            let from = spans
                .iter()
                .map(|(winner, stop)| format!("{winner} from {:.1} nats", stop.log_n.0));
            format!(
                "Along log N the tournament's choice changes: {}.",
                from.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

/// The most that a model misses for certain, over the levels, for the model that misses most:
/// nothing where nothing is certain. Model and levels are picked for their limits, which hold for
/// all of them at once.
fn certain_along(stops: &[Stop], confidence: f64) -> Option<String> {
    let all = stops
        .iter()
        .flat_map(|stop| stop.certified.iter().map(move |one| (stop, one)));
    let largest = all.max_by(|a, b| a.1.low.0.total_cmp(&b.1.low.0));
    let (stop, one) = largest.filter(|(_, one)| one.low.0 > 0.0)?;
    let at_least = |stop: &Stop, low: f64| {
        let n = number::short(stop.n.0, stop.log_n.0);
        format!("{}% by {n}", number::at_least(low))
    };
    let of_model = |stop: &Stop| {
        let mut all = stop.certified.iter();
        let own = all.find(|other| other.model == one.model)?;
        (own.low.0 > 0.0).then(|| at_least(stop, own.low.0))
    };
    let levels: Vec<String> = stops.iter().filter_map(of_model).collect();
    let shown = match levels.as_slice() {
        [first, .., last] => format!("{first}, .., {last}"),
        _ => at_least(stop, one.low.0),
    };
    Some(format!(
        "Whatever the data distribution is, with {} confidence for all models and levels at once, \
         {} under-weights at least this share of the responses: {shown}.",
        number::confidence(confidence),
        one.model
    ))
}

fn rule_words(rule: SelectionRule) -> &'static str {
    match rule {
        SelectionRule::Tournament => "the tournament",
        SelectionRule::Offset => "the offset rule",
        SelectionRule::Reach => "reach",
        SelectionRule::CrossEntropy => "cross-entropy",
        SelectionRule::Against => "coverage against the fixed model",
    }
}

/// Limits of coverage that say nothing are called so.
fn void(document: &Selection, n: &str) -> Option<String> {
    let is_void = document.answers.is_none() && !document.has_certificate();
    (is_void && document.models.len() > 1).then(|| {
        format!(
            "Each one's own coverage at N = {n} may be anything, [0, 100]%: the certificate is \
             void, and all may be poor."
        )
    })
}

/// What the rule says, without regard to other evidence.
fn rule_says(document: &Selection, n: &str) -> String {
    let winner = &document.winner;
    match document.models.as_slice() {
        [] | [_] => format!("{winner} is the only candidate, nothing was compared."),
        _ if document.rule == SelectionRule::CrossEntropy => {
            format!("Cross-entropy takes {winner}: it is the lowest.")
        }
        [first, ..] if document.rule == SelectionRule::Reach => format!(
            "Reach takes {winner}: {} samples contain the held-out response with a probability of \
             {} on average.",
            number::trimmed((2.0 * document.n.0).round()),
            number::percent(first.value.0)
        ),
        [first, ..] if document.rule == SelectionRule::Against => format!(
            "{winner} loses the least against {}: it gives {} of the responses at most 1/{n} of \
             the probability there.",
            document.against.as_deref().unwrap_or_default(),
            number::percent(first.value.0)
        ),
        [first, ..] if document.rule == SelectionRule::Offset => match first.value.0 {
            0.0 => format!(
                "The offset rule takes {winner}: what rivals gain on the data they gain on its own \
                 samples too."
            ),
            value => format!(
                "The offset rule takes {winner}: its worst rival gains {} of the responses beyond \
                 what the model's own samples explain.",
                number::percent(value)
            ),
        },
        [first, ..] if document.answers.is_some() => format!(
            "The tournament takes {winner}: in these samples no rival gives the answer {n} times \
             as often on {}.",
            match first.value.0 {
                0.0 => "any prompt".to_owned(),
                value => format!("more than {} of the prompts", number::percent(value)),
            }
        ),
        [first, ..] if first.value.0 == 0.0 => {
            format!(
                "The tournament takes {winner}: no rival gives any response {n} times its \
                 probability."
            )
        }
        [first, ..] => format!(
            "The tournament takes {winner}: no rival gives {n} times its probability to more than \
             {} of the responses.",
            number::percent(first.value.0),
        ),
    }
}

/// What taking the lowest loss instead of the tournament's winner would cost.
fn loss_winner(document: &Selection, n: &str) -> Option<String> {
    let name = &document.cross_entropy_winner;
    let model = document.models.iter().find(|model| model.model == *name)?;
    let is_answers = document.answers.is_some();
    let is_other = matches!(
        document.rule,
        SelectionRule::CrossEntropy | SelectionRule::Reach | SelectionRule::Against
    );
    if is_other || document.models.len() == 1 || is_answers {
        return None;
    }
    if *name == document.winner {
        return Some(format!("{name} also has the lowest cross-entropy."));
    }
    if document.rule == SelectionRule::Offset {
        return Some(format!(
            "The lowest cross-entropy is that of {name}, whose value is {}.",
            number::percent(model.value.0)
        ));
    }
    Some(format!(
        "The lowest cross-entropy is that of {name}, which falls short by a factor of {n} on {} of \
         the responses{}.",
        number::percent(model.value.0),
        model
            .worst_rival
            .as_ref()
            .map_or(String::new(), |rival| format!(" (against {rival})")),
    ))
}

/// What is certain of the lowest loss, or of the model of which most is certain, whatever the data
/// distribution is.
fn certain(document: &Selection, n: &str, percent: &str) -> Option<String> {
    // Beside a decision by samples it would be read as one against what is taken.
    let is_by_samples = |verdict: &Verdict| verdict.by == Some(crate::verdict::Rule::Samples);
    if document.answers.is_some() || document.verdict.as_ref().is_some_and(is_by_samples) {
        return None;
    }
    let low = |model: &&SelectedModel| model.certified_low.0;
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
        "Whatever the data distribution is, {} under-weights at least {:.1}% of the responses by a \
         factor of {n} ({percent} confidence).",
        model.model,
        number::at_least(low(&model)),
    ))
}

/// An excess above this is not worth a sentence.
const MOST_EXCESS: f64 = 0.25;

/// What the winner misses at most beyond any other candidate.
fn certificate(document: &Selection, percent: &str) -> Option<String> {
    let found = &document.certificate;
    let squared = number::short(found.n_winner.0, found.log_n_winner.0);
    let is_said = found.excess.0 <= MOST_EXCESS && found.log_n_some.0 > 0.0;
    (is_said && document.models.len() > 1).then(|| {
        format!(
            "If some candidate misses a share e of the data at N = {}, {} misses at most e + \
             {:.1}% at N = {squared} ({percent} confidence).",
            number::short(found.n_some.0, found.log_n_some.0),
            document.winner,
            number::at_most(found.excess.0),
        )
    })
}

fn tie(document: &Selection) -> Option<String> {
    let decided = match document.rule {
        SelectionRule::Tournament
        | SelectionRule::Offset
        | SelectionRule::Reach
        | SelectionRule::Against => "the lower cross-entropy decided",
        SelectionRule::CrossEntropy => "the first in the table was taken",
    };
    (document.tied.len() > 1).then(|| {
        format!(
            "Tied for the best value: {}; {decided}.",
            listed(&document.tied, MOST_NAMES)
        )
    })
}
