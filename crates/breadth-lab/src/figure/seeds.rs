//! A sign of a figure over its seeds.

use crate::check::{Check, Shown};

/// What one seed gave, or the median of all.
pub(super) trait Seed: Sized {
    /// The median of every number over the seeds, of which there is at least one.
    fn median(all: &[Self]) -> Self;

    fn name(&self) -> &str;

    /// Whether training came far enough for the seed to say anything.
    fn is_reached(&self) -> bool;
}

/// The seeds that were measured, of those that are planned, and their median.
pub(super) struct Seeds<'a, T> {
    pub done: &'a [T],
    planned: usize,
    pub median: T,
}

impl<'a, T: Seed> Seeds<'a, T> {
    /// None for no seeds, which have no median.
    pub fn new(done: &'a [T], planned: usize) -> Option<Seeds<'a, T>> {
        (!done.is_empty()).then(|| Seeds {
            done,
            planned,
            median: T::median(done),
        })
    }

    /// Whether the seeds show a sign; those that are not trained yet have not reached anything.
    pub fn sign(
        &self,
        name: &str,
        shows: &dyn Fn(&T) -> bool,
        note: &dyn Fn(&T) -> String,
    ) -> Check {
        let shown = |seed: &T| match seed.is_reached() {
            true => Shown::from(shows(seed)),
            false => Shown::Unreached,
        };
        let mut of_seeds: Vec<Shown> = self.done.iter().map(shown).collect();
        of_seeds.resize(self.planned, Shown::Unreached);
        Check::sign(name, &of_seeds, shown(&self.median)).noting(self.notes(note))
    }

    /// What each seed gave, then the median.
    fn notes(&self, note: &dyn Fn(&T) -> String) -> String {
        let one = |seed: &T| format!("seed {}: {}", seed.name(), note(seed));
        let mut all: Vec<String> = self.done.iter().map(one).collect();
        if self.done.len() > 1 {
            all.push(format!("median: {}", note(&self.median)));
        }
        all.join("; ")
    }
}

/// What each seed gave that there was time for, now or before.
pub(super) fn measured<T>(
    seeds: &[u64],
    measure: impl Fn(u64) -> breadth_lm::Result<Option<T>>,
) -> breadth_lm::Result<Vec<T>> {
    seeds
        .iter()
        .filter_map(|&seed| measure(seed).transpose())
        .collect()
}

/// A check that a size asks for, or only reports.
pub(super) fn asked(check: Check, is_asked: bool) -> Check {
    if is_asked { check } else { check.reported() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeds trained elsewhere are found wherever they stand in the list.
    #[test]
    fn finished_seeds_count_though_an_earlier_one_is_not_finished() {
        let done = measured(&[1, 2, 3], |seed| Ok((seed != 2).then_some(10 * seed)));
        assert_eq!(done.unwrap(), [10, 30]);
    }
}
