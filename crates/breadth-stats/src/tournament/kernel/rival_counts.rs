//! Rival counts of all pairs of models, in pieces and at several levels.

use rayon::prelude::*;

use super::super::input::check_all;
use super::integer_weights::IntegerWeights;
#[cfg(target_arch = "x86_64")]
use super::narrow::Narrow;
use super::pair::{BLOCK, add_pair};
use crate::error::Result;
use crate::log_ratio::Level;
use crate::numerics::{check_length, check_log_probs};

/// Rows handed to a thread at a time.
const TASK: usize = 16 * BLOCK;

/// For every pair of models, the (weighted) number of rows to which the rival assigns at least N
/// times the probability.
///
/// `columns`: (models)(rows) log-probabilities in nats; `weights`: (rows) positive; `level`: N.
/// Returns (models, models), at `[rival * m + q]` the weight of the rows with
/// `rival(y|x) / q(y|x) >= N`, diagonal 0: `S_N(rival||q)` of Eq 28 times the total weight. It
/// agrees with [`crate::is_uncovered`] on every pair. Weighted counts are exact sums of the weights
/// rounded to a common unit of at most 2^-40 of the largest weight, up to a million rows.
///
/// # Errors
///
/// No models, no rows, columns or weights of different lengths, NaN or positive log-probabilities,
/// or weights that are not positive and finite.
///
/// # Examples
///
/// ```
/// use breadth_stats::{rival_counts, Level};
/// let (a, b) = ([-1.0, -1.0, -4.0], [-1.0, -3.0, -1.0]);
/// let counts = rival_counts(&[&a, &b], None, Level::from_n(4.0)?)?;
/// assert_eq!(counts, [0.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Eq 28.
#[doc(alias = "Equation 28")]
#[doc(alias = "Chat_N")]
pub fn rival_counts(columns: &[&[f64]], weights: Option<&[f64]>, level: Level) -> Result<Vec<f64>> {
    Ok(rival_counts_at(columns, weights, &[level])?.swap_remove(0))
}

/// [`rival_counts`] at several levels in one pass over the rows.
///
/// Returns one table (models, models) per level, in the order given.
///
/// # Errors
///
/// As [`rival_counts`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Level, rival_counts_at};
/// let (a, b) = ([-1.0, -1.0, -4.0], [-1.0, -3.0, -1.0]);
/// let levels = [Level::from_n(16.0)?, Level::from_n(4.0)?];
/// let counts = rival_counts_at(&[&a, &b], None, &levels)?;
/// assert_eq!(counts, [[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]); // 3 nats are more than log 16, 2 nats are not
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Eq 28.
pub fn rival_counts_at(
    columns: &[&[f64]],
    weights: Option<&[f64]>,
    levels: &[Level],
) -> Result<Vec<Vec<f64>>> {
    check_all(columns, weights)?;
    let units = weights.map(IntegerWeights::of);
    let weight = |count| {
        units
            .as_ref()
            .map_or(count as f64, |units| units.weight(count))
    };
    let counts = RivalCounts::of(columns, units.as_ref(), levels, None);
    let table = |level: usize| counts.table(level).map(weight).collect();
    Ok((0..levels.len()).map(table).collect())
}

/// Counts of all pairs at several levels that can be added to and merged in any order: for rows
/// that come in pieces.
///
/// # Examples
///
/// ```
/// use breadth_stats::{Level, RivalCounts};
/// let levels = [Level::from_n(4.0)?];
/// let mut first = RivalCounts::new(2, &levels);
/// first.add(&[&[-1.0, -1.0], &[-1.0, -3.0]])?;
/// let mut second = RivalCounts::new(2, &levels);
/// second.add(&[&[-4.0], &[-1.0]])?;
/// first.merge(&second);
/// assert_eq!(
///     (first.rows(), first.share(0, 0, 1), first.share(0, 1, 0)),
///     (3, 1.0 / 3.0, 1.0 / 3.0)
/// );
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RivalCounts {
    models: usize,
    /// Ascending.
    thresholds: Vec<f64>,
    /// Place among the thresholds of each level asked for.
    order: Vec<usize>,
    rows: u64,
    /// `[pair][threshold]`, pairs i < j row by row: the weight by which i is ahead of j, and j of
    /// i.
    ahead: Vec<[u64; 2]>,
}

impl RivalCounts {
    /// No rows yet; for this many models, at these levels.
    pub fn new(models: usize, levels: &[Level]) -> RivalCounts {
        let mut by_size: Vec<usize> = (0..levels.len()).collect();
        by_size.sort_by(|&a, &b| levels[a].threshold().total_cmp(&levels[b].threshold()));
        let mut order = vec![0; levels.len()];
        for (place, &level) in by_size.iter().enumerate() {
            order[level] = place;
        }
        RivalCounts {
            models,
            thresholds: by_size.iter().map(|&at| levels[at].threshold()).collect(),
            order,
            rows: 0,
            ahead: vec![[0; 2]; models * models.saturating_sub(1) / 2 * levels.len()],
        }
    }

    /// Counts further rows, any number of them. `columns`: (models)(rows) log-probabilities in
    /// nats.
    ///
    /// # Errors
    ///
    /// Not as many columns as models, columns of different lengths, or NaN or positive
    /// log-probabilities; nothing is counted then.
    pub fn add(&mut self, columns: &[&[f64]]) -> Result<()> {
        check_length(
            "the list of columns",
            columns.len(),
            "the list of models",
            self.models,
        )?;
        let rows = columns.first().map_or(0, |column| column.len());
        for (index, column) in columns.iter().enumerate() {
            let name = format!("column {index}");
            check_length(&name, column.len(), "column 0", rows)?;
            check_log_probs(&name, column)?;
        }
        self.add_checked(columns);
        Ok(())
    }

    /// The same for columns that are known to be as many and as long as they must be, without NaN.
    pub(crate) fn add_checked(&mut self, columns: &[&[f64]]) {
        self.merge(&RivalCounts::count(self, columns, None, None));
    }

    /// Adds the counts of other rows.
    ///
    /// # Panics
    ///
    /// If models or levels differ.
    pub fn merge(&mut self, other: &RivalCounts) {
        assert!(
            self.models == other.models && self.thresholds == other.thresholds,
            "counts of other models or levels"
        );
        self.rows += other.rows;
        for (own, other) in self.ahead.iter_mut().zip(&other.ahead) {
            own[0] += other[0];
            own[1] += other[1];
        }
    }

    /// Number of rows counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The rival share `S_N(rival||q)`; NaN before any row, 0 for rival = q.
    ///
    /// `level`: a position among the levels given to [`RivalCounts::new`].
    ///
    /// # Panics
    ///
    /// If there is no such level or model.
    pub fn share(&self, level: usize, rival: usize, q: usize) -> f64 {
        self.at(level, rival, q) as f64 / self.rows as f64
    }

    pub(crate) fn of(
        columns: &[&[f64]],
        units: Option<&IntegerWeights>,
        levels: &[Level],
        wanted: Option<&[bool]>,
    ) -> RivalCounts {
        let none = RivalCounts::new(columns.len(), levels);
        none.count(columns, units, wanted)
    }

    /// The table at a level: (m * m), `[rival * m + q]`, diagonal 0.
    pub(crate) fn table(&self, level: usize) -> impl Iterator<Item = u64> + '_ {
        let m = self.models;
        (0..m * m).map(move |at| self.at(level, at / m, at % m))
    }

    fn at(&self, level: usize, rival: usize, q: usize) -> u64 {
        let (i, j) = (rival.min(q), rival.max(q));
        if i == j {
            return 0;
        }
        let pair = i * (2 * self.models - i - 1) / 2 + (j - i - 1);
        let ahead = self.ahead[pair * self.thresholds.len() + self.order[level]];
        ahead[usize::from(rival > q)]
    }

    /// Counts of these rows alone. Pairs of which neither direction is `wanted` (m * m) are left at
    /// 0.
    fn count(
        &self,
        columns: &[&[f64]],
        units: Option<&IntegerWeights>,
        wanted: Option<&[bool]>,
    ) -> RivalCounts {
        let (m, rows) = (
            self.models,
            columns.first().map_or(0, |column| column.len()),
        );
        assert_eq!(columns.len(), m, "as many columns as models");
        assert!(
            columns.iter().all(|column| column.len() == rows),
            "columns of different lengths"
        );
        assert!(
            units.is_none_or(|units| units.of_row.len() == rows),
            "as many weights as rows"
        );
        let is_wanted =
            |i: usize, j: usize| wanted.is_none_or(|wanted| wanted[i * m + j] || wanted[j * m + i]);
        let none = RivalCounts {
            rows: 0,
            ahead: vec![[0; 2]; self.ahead.len()],
            ..self.clone()
        };
        let add_task = |mut counts: RivalCounts, task: usize| {
            for start in (task * TASK..rows.min((task + 1) * TASK)).step_by(BLOCK) {
                counts.add_block(columns, units, start..rows.min(start + BLOCK), is_wanted);
            }
            counts
        };
        let merge = |mut a: RivalCounts, b: RivalCounts| {
            a.merge(&b);
            a
        };
        (0..rows.div_ceil(TASK))
            .into_par_iter()
            .fold(|| none.clone(), add_task)
            .reduce(|| none.clone(), merge)
    }

    /// Adds one block of rows for all the pairs.
    fn add_block(
        &mut self,
        columns: &[&[f64]],
        units: Option<&IntegerWeights>,
        rows: std::ops::Range<usize>,
        is_wanted: impl Fn(usize, usize) -> bool,
    ) {
        let weights = units.map(|units| &units.of_row[rows.clone()]);
        let block: Vec<&[f64]> = columns.iter().map(|column| &column[rows.clone()]).collect();
        let pairs: Vec<(usize, usize)> = (0..self.models)
            .flat_map(|i| (i + 1..self.models).map(move |j| (i, j)))
            .collect();
        let levels = &self.thresholds;
        #[cfg(target_arch = "x86_64")]
        let narrow = if weights.is_none() {
            let wanted = pairs.iter().filter(|&&(i, j)| is_wanted(i, j)).count();
            Narrow::of(&block, levels, wanted)
        } else {
            None
        };
        for (&(i, j), ahead) in pairs.iter().zip(self.ahead.chunks_mut(levels.len().max(1))) {
            if !is_wanted(i, j) {
                continue;
            }
            let (a, b) = (block[i], block[j]);
            #[cfg(target_arch = "x86_64")]
            if let Some(narrow) = &narrow
                && narrow.add_pair([i, j], [a, b], levels, ahead)
            {
                continue;
            }
            add_pair(a, b, weights, levels, ahead);
        }
        self.rows += rows.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_boundaries_lose_no_row() {
        for rows in [BLOCK - 1, BLOCK, BLOCK + 1, TASK + 1, 3 * TASK - 5] {
            let (a, b) = (vec![-1.0; rows], vec![-9.0; rows]);
            let level = Level::from_n(2.0).unwrap();
            let counts = |wanted: Option<&[bool]>| {
                let counts = RivalCounts::of(&[&a, &b], None, &[level], wanted);
                counts.table(0).collect::<Vec<u64>>()
            };
            assert_eq!(counts(None), [0, rows as u64, 0, 0]);
            assert_eq!(counts(Some(&[false; 4])), [0; 4]);
            let one = [false, false, true, false];
            assert_eq!(counts(Some(&one)), [0, rows as u64, 0, 0]);
        }
    }

    fn check_pieces(all: &[&[f64]], levels: &[f64]) {
        let levels: Vec<Level> = levels.iter().map(|&n| Level::from_n(n).unwrap()).collect();
        let mut pieces = RivalCounts::new(5, &levels);
        for piece in [0..1, 1..1025, 1025..3000] {
            let columns: Vec<&[f64]> = all.iter().map(|column| &column[piece.clone()]).collect();
            pieces.add(&columns).unwrap();
        }
        let tables = rival_counts_at(all, None, &levels).unwrap();
        for (at, &level) in levels.iter().enumerate() {
            for rival in 0..5 {
                for q in 0..5 {
                    let behind = |&row: &usize| {
                        crate::is_uncovered(all[rival][row], all[q][row], level) && rival != q
                    };
                    let expected = (0..3000).filter(behind).count() as f64;
                    assert_eq!(tables[at][rival * 5 + q], expected);
                    assert_eq!(pieces.share(at, rival, q), expected / 3000.0);
                }
            }
        }
    }

    /// Levels in any order, twice the same one, or none; five models, rows in pieces.
    #[test]
    fn pieces_and_many_levels_give_what_one_level_gives() {
        let value = |model: usize, row: usize| match (row * (model + 3) * 7 + model) % 13 {
            0 => f64::NEG_INFINITY,
            v => -(v as f64) * 2.0_f64.ln(),
        };
        let columns: Vec<Vec<f64>> = (0..5)
            .map(|model| (0..3000).map(|row| value(model, row)).collect())
            .collect();
        let all: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        check_pieces(&all, &[64.0, 1.0, 2.0, 1024.0, 2.0, 3.0]);
        check_pieces(&all, &[1.0, 2.0, 8.0, 1024.0, 4.0, 16.0, 64.0]);
        assert!(rival_counts_at(&all, None, &[]).unwrap().is_empty());
    }
}
