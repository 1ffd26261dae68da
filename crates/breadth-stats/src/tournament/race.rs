//! The tournament with fewer forward passes: models are scored batch by batch and dropped as soon
//! as they can neither win nor be the worst rival of one that can.

use std::ops::Range;

use super::input::rivals;
use super::kernel::RivalCounts;
use crate::error::{Error, Result};
use crate::interval::{lower, upper};
use crate::log_ratio::Level;
use crate::numerics::{check_length, check_log_probs, error_rate};

/// Rows before the first look; each further look doubles them.
const FIRST: usize = 64;

/// The result of a race.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Race {
    /// The models that may have the smallest value, in order: a confidence set for the winners,
    /// ties included, of the full tournament.
    pub winners: Vec<usize>,
    /// For every model, limits of its value, `max over rivals of S_N(rival||q)` on all rows.
    pub values: Vec<(f64, f64)>,
    /// Models that were dropped, in order.
    pub dropped: Vec<Dropped>,
    /// Number of rows that each model was scored on.
    pub scored: Vec<usize>,
    /// Number of rows there are.
    pub rows: usize,
}

/// When and why a model was dropped.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dropped {
    /// The model.
    pub model: usize,
    /// After so many rows.
    pub rows: usize,
    /// The rival that assigns N times its probability too often.
    pub rival: usize,
    /// The model whose value is smaller with confidence.
    pub better: usize,
}

impl Race {
    /// Log-probabilities asked for, as a share of all.
    pub fn share_scored(&self) -> f64 {
        self.scored.iter().sum::<usize>() as f64 / (self.rows * self.scored.len()) as f64
    }
}

/// Finds the winners of the tournament with fewer log-probabilities, by successive elimination.
///
/// `models`, `rows`: the size of the table; `level`: N; `score(models, rows)`: (models)(rows)
/// log-probabilities in nats of these rows under each of these models. Rows must be in random order
/// (a simple random permutation of the table's rows), whatever their clusters.
///
/// After 64, 128, 256, .. rows there is a look: limits of every `S_N(r||q)` on the whole table are
/// Clopper and Pearson's, each of the two at error `alpha / (2 m (m-1) j (j+1))` at the j-th look,
/// and are intersected over looks. A model q is dropped as a candidate if for some rival r and some
/// candidate q', `low(r, q) > max_r' high(r', q')`. A rival r is no longer needed by q if
/// `high(r, q) <= low(r', q)` for another r': it cannot be q's only worst. A model is scored as
/// long as it is a candidate or needed by one. The race ends with one candidate, or with all rows,
/// when values are exact.
///
/// Why: by the union bound over ordered pairs, both sides and looks
/// (`m (m-1) * 2 * sum_j alpha / (2 m (m-1) j (j+1)) <= alpha`), all limits hold at once with
/// probability 1 - alpha. Then a dropped q has a value above that of q', so no winner is ever
/// dropped; and rivals left out do not change a maximum. Rows are drawn from a finite table without
/// replacement, which only makes the counts less variable.
///
/// # Errors
///
/// No models, no rows, errors of `score`, columns of the wrong length, invalid log-probabilities,
/// or a confidence outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{Level, race};
/// // On one row in five model 0 assigns far more probability than the others.
/// let log_prob = |model: usize, row: usize| {
///     if model > 0 && row % 5 == 0 {
///         -30.0
///     } else {
///         -2.0 - 0.1 * model as f64
///     }
/// };
/// let found = race(4, 10_000, Level::from_n(16.0)?, 0.95, |models, rows| {
///     Ok(models
///         .iter()
///         .map(|&model| rows.clone().map(|row| log_prob(model, row)).collect())
///         .collect())
/// })?;
/// assert_eq!(found.winners, [0]);
/// assert!(found.share_scored() < 0.05);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Eq 29; the union over looks is the simplest confidence sequence.
#[doc(alias = "successive elimination")]
#[doc(alias = "Hoeffding race")]
pub fn race(
    models: usize,
    rows: usize,
    level: Level,
    confidence: f64,
    mut score: impl FnMut(&[usize], Range<usize>) -> Result<Vec<Vec<f64>>>,
) -> Result<Race> {
    let alpha = error_rate(confidence)?;
    for (count, what) in [(models, "the set of models"), (rows, "the set of rows")] {
        if count == 0 {
            return Err(Error::Empty { what });
        }
    }
    let mut elimination = Elimination::new(models, rows);
    let (mut start, mut look) = (0, 0);
    while start < rows && elimination.candidates().nth(1).is_some() {
        let end = rows.min(if start == 0 { FIRST } else { 2 * start });
        let active = elimination.active();
        let columns = score(&active, start..end)?;
        elimination.add(&active, &columns, end - start, level)?;
        (start, look) = (end, look + 1);
        // A lower and an upper limit for each ordered pair.
        let limits = (2 * models * (models - 1)).max(1) as f64;
        elimination.tighten(alpha / (limits * f64::from(look * (look + 1))));
        elimination.drop_losers(end);
    }
    Ok(elimination.finish())
}

struct Elimination {
    models: usize,
    rows: usize,
    is_candidate: Vec<bool>,
    /// `[rival * m + q]`: rows on which q is behind the rival by N, of those both were scored on.
    ahead: Vec<u64>,
    seen: Vec<usize>,
    low: Vec<f64>,
    high: Vec<f64>,
    scored: Vec<usize>,
    dropped: Vec<Dropped>,
}

impl Elimination {
    fn new(models: usize, rows: usize) -> Elimination {
        let pairs = models * models;
        Elimination {
            models,
            rows,
            is_candidate: vec![true; models],
            ahead: vec![0; pairs],
            seen: vec![0; pairs],
            low: vec![0.0; pairs],
            high: vec![1.0; pairs],
            scored: vec![0; models],
            dropped: Vec::new(),
        }
    }

    fn candidates(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.models).filter(|&q| self.is_candidate[q])
    }

    fn at(&self, rival: usize, q: usize) -> usize {
        rival * self.models + q
    }

    /// Candidates, and rivals that some candidate still needs. Pairs that lag behind because they
    /// were once not needed stay out: their limits stand.
    fn active(&self) -> Vec<usize> {
        let matters = |model: usize| {
            self.candidates()
                .any(|q| q != model && self.is_needed(model, q))
        };
        (0..self.models)
            .filter(|&model| self.is_candidate[model] || matters(model))
            .collect()
    }

    /// Whether a rival may be q's only worst, and has been scored on all rows so far.
    fn is_needed(&self, rival: usize, q: usize) -> bool {
        let is_current = self.scored[rival] == self.scored[q];
        let high = self.high[self.at(rival, q)];
        let covers = |&other: &usize| {
            let low = self.low[self.at(other, q)];
            // Of two that are equal for certain the first one is enough.
            other != rival && (high < low || high == low && other < rival)
        };
        is_current && !rivals(self.models, q).any(|other| covers(&other))
    }

    fn add(
        &mut self,
        active: &[usize],
        columns: &[Vec<f64>],
        rows: usize,
        level: Level,
    ) -> Result<()> {
        check_length(
            "the scores asked for",
            columns.len(),
            "the list of models",
            active.len(),
        )?;
        for (column, model) in columns.iter().zip(active) {
            let name = format!("model {model}");
            check_length(&name, column.len(), "the rows asked for", rows)?;
            check_log_probs(&name, column)?;
        }
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let mut counts = RivalCounts::new(active.len(), &[level]);
        counts.add_checked(&slices);
        let table: Vec<u64> = counts.table(0).collect();
        for (i, &rival) in active.iter().enumerate() {
            for (j, &q) in active.iter().enumerate() {
                let at = self.at(rival, q);
                self.ahead[at] += table[i * active.len() + j];
                self.seen[at] += rows;
            }
        }
        active.iter().for_each(|&model| self.scored[model] += rows);
        Ok(())
    }

    fn tighten(&mut self, tail: f64) {
        for at in 0..self.ahead.len() {
            let (count, seen) = (self.ahead[at] as f64, self.seen[at] as f64);
            if at % (self.models + 1) == 0 || seen == 0.0 {
                continue; // a model is no rival of itself
            }
            let is_whole = self.seen[at] == self.rows;
            let (low, high) = if is_whole {
                (count / seen, count / seen)
            } else {
                (lower(count, seen, tail), upper(count, seen, tail))
            };
            self.low[at] = if is_whole { low } else { self.low[at].max(low) };
            self.high[at] = if is_whole {
                high
            } else {
                self.high[at].min(high)
            };
        }
    }

    /// Limits of the value of a model, and the rival of the lower one.
    fn value(&self, q: usize) -> (f64, f64, Option<usize>) {
        let (mut low, mut high, mut worst) = (0.0, 0.0, None);
        for rival in rivals(self.models, q) {
            let at = self.at(rival, q);
            if self.low[at] > low {
                (low, worst) = (self.low[at], Some(rival));
            }
            high = f64::max(high, self.high[at]);
        }
        (low, high, worst)
    }

    fn drop_losers(&mut self, rows: usize) {
        let values: Vec<_> = (0..self.models).map(|q| self.value(q)).collect();
        let best = self
            .candidates()
            .min_by(|&a, &b| values[a].1.total_cmp(&values[b].1));
        let Some(better) = best else { return };
        for (model, &(low, _, worst)) in values.iter().enumerate() {
            if let (true, Some(rival)) = (self.is_candidate[model] && low > values[better].1, worst)
            {
                self.is_candidate[model] = false;
                self.dropped.push(Dropped {
                    model,
                    rows,
                    rival,
                    better,
                });
            }
        }
    }

    fn finish(self) -> Race {
        let values = (0..self.models)
            .map(|q| self.value(q))
            .map(|(low, high, _)| (low, high));
        Race {
            winners: self.candidates().collect(),
            values: values.collect(),
            dropped: self.dropped,
            scored: self.scored,
            rows: self.rows,
        }
    }
}
