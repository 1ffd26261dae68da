//! The winner alone: the minimum of maxima without most of the table.

use super::super::input::check_all;
use super::integer_weights::IntegerWeights;
use super::pair::{BLOCK, add_pair};
use crate::error::Result;
use crate::log_ratio::Level;

/// The result of [`minimax`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Minimax {
    /// `min over q of max over rivals of S_N(rival||q)`.
    pub value: f64,
    /// The models that attain it, in the order of the columns.
    pub models: Vec<usize>,
}

/// The value of a tournament and all models that attain it, exactly, for a fraction of the work.
///
/// `columns`, `weights`, `level`: as in [`super::rival_counts`]. Models are tried from the one that
/// looks best on the first rows, each against its worst rivals first; a model is dropped as soon as
/// one rival's count exceeds the best value so far, usually after a few blocks of rows.
///
/// # Errors
///
/// As [`super::rival_counts`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{minimax, Level};
/// let columns: [&[f64]; 3] = [&[-1.0, -9.0, -1.0], &[-2.0, -2.0, -2.0], &[-0.5, -9.0, -9.0]];
/// let found = minimax(&columns, None, Level::from_n(8.0)?)?;
/// assert_eq!((found.value, found.models), (0.0, vec![1]));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Eq 29.
#[doc(alias = "Equation 29")]
pub fn minimax(columns: &[&[f64]], weights: Option<&[f64]>, level: Level) -> Result<Minimax> {
    check_all(columns, weights)?;
    let rows = columns[0].len();
    let units = weights.map(IntegerWeights::of);
    let search = Search {
        columns,
        weights: units.as_ref().map(|units| &units.of_row[..]),
        thresholds: [level.threshold()],
        rows,
    };
    let look = search.first_look();
    let m = columns.len();
    let worst = |q: usize| (0..m).map(|r| look[r * m + q]).max();
    let mut candidates: Vec<usize> = (0..m).collect();
    candidates.sort_by_key(|&q| worst(q));
    let (mut best, mut models) = (u64::MAX, Vec::new());
    for q in candidates {
        let mut rivals: Vec<usize> = (0..m).filter(|&r| r != q).collect();
        rivals.sort_by_key(|&r| std::cmp::Reverse(look[r * m + q]));
        let Some(value) = search.maximum(q, &rivals, best) else {
            continue;
        };
        if value < best {
            models.clear();
        }
        best = value;
        models.push(q);
    }
    models.sort_unstable();
    let total = search.weights.map_or(rows as u64, |w| w.iter().sum());
    Ok(Minimax {
        value: best as f64 / total as f64,
        models,
    })
}

struct Search<'a> {
    columns: &'a [&'a [f64]],
    weights: Option<&'a [u64]>,
    thresholds: [f64; 1],
    rows: usize,
}

impl Search<'_> {
    /// All pairs on the first block: what to try first.
    fn first_look(&self) -> Vec<u64> {
        let m = self.columns.len();
        let mut look = vec![0; m * m];
        for i in 0..m {
            for j in i + 1..m {
                let ahead = self.block(i, j, 0);
                (look[i * m + j], look[j * m + i]) = (ahead[0], ahead[1]);
            }
        }
        look
    }

    /// The largest of the rivals' counts against q, or `None` once one exceeds `limit`.
    fn maximum(&self, q: usize, rivals: &[usize], limit: u64) -> Option<u64> {
        let mut largest = 0;
        for &rival in rivals {
            let mut count = 0;
            for start in (0..self.rows).step_by(BLOCK) {
                count += self.block(rival, q, start)[0];
                if count > limit {
                    return None;
                }
            }
            largest = largest.max(count);
        }
        Some(largest)
    }

    /// What `rival` and `q` are ahead of each other in the block that begins at `start`.
    fn block(&self, rival: usize, q: usize, start: usize) -> [u64; 2] {
        let rows = start..self.rows.min(start + BLOCK);
        let mut ahead = [[0; 2]];
        add_pair(
            &self.columns[rival][rows.clone()],
            &self.columns[q][rows.clone()],
            self.weights.map(|weights| &weights[rows]),
            &self.thresholds,
            &mut ahead,
        );
        ahead[0]
    }
}
