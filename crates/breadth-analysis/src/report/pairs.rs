//! The pairwise shares of many checkpoints, neighbours taken together.

use std::ops::Range;

use super::document::Report;

/// Pairwise shares of groups of neighbouring checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct PairGroups {
    /// The checkpoints of each group, in drawing order.
    pub groups: Vec<Range<usize>>,
    /// (groups, groups), row-major `[rival group * g + group]`: the largest share of any checkpoint
    /// of the group against any other one of the rivals' group.
    pub values: Vec<f64>,
}

impl Report {
    /// The pairwise shares in at most `most` groups of equally many neighbours; where there are no
    /// more checkpoints than that, each is its own group and the values are those of
    /// [`Report::matrix`].
    ///
    /// The largest value of a column is the largest tournament value in its group. Empty without a
    /// tournament.
    ///
    /// # Panics
    /// If `most` is 0.
    pub fn pair_groups(&self, most: usize) -> PairGroups {
        let m = if self.matrix.is_empty() {
            0
        } else {
            self.checkpoints.len()
        };
        let size = m.div_ceil(most).max(1);
        let group = |first: usize| first..(first + size).min(m);
        let groups: Vec<Range<usize>> = (0..m).step_by(size).map(group).collect();
        let g = groups.len();
        let mut values = vec![0.0_f64; g * g];
        for (cell, &share) in self.matrix.iter().enumerate() {
            let (rival, q) = (cell / m, cell % m);
            let of_groups = &mut values[rival / size * g + q / size];
            *of_groups = of_groups.max(share);
        }
        PairGroups { groups, values }
    }
}
