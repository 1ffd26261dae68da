//! The tournament's N^-(1-a) is real (after Thm 6.3).

use rayon::prelude::*;

use crate::check::Check;
use crate::choice::{Class, Counts, fight_offset, lowest_losses, winners};
use crate::law::level;
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "thm63decoy",
    paper: "Thm 6.3",
    title: "the tournament's term N^-(1-a) is real",
    claim: "A decoy makes the tournament pass over p itself for a model with Cov_{N^2} = .8/N; the \
            offset tournament takes p.",
    correction: None,
    cost: 0.4,
    run: Run::Computed(run),
};

/// Data sets that the tournament chooses on, and the two other rules.
const SETS: u64 = 200;
const OTHERS: u64 = 40;
/// N Cov of the model that the tournament takes.
const PREDICTED: f64 = 0.8;

fn run(size: Size, seed: u64) -> Vec<Check> {
    let mut rows = Table::new(["N", "n", "tournament", "offset", "cross-entropy"])
        .drawn(Plot::log_x("N", "tournament"));
    let (mut all, mut all_others) = (Vec::new(), Vec::new());
    for n in size.grid(&[8, 16, 64, 256]) {
        let sets = (0..size.seeds(SETS)).into_par_iter();
        let tournament: Vec<f64> = sets.map(|set| by_tournament(n, seed, set)).collect();
        let sets = (0..size.seeds(OTHERS)).into_par_iter();
        let others: Vec<[f64; 2]> = sets.map(|set| by_others(n, seed, set)).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let of = |rule: usize| mean(&others.iter().map(|cov| cov[rule]).collect::<Vec<_>>());
        let n = n as f64;
        rows.numeric_row([n, 2000.0 * n, mean(&tournament), of(0), of(1)]);
        all.extend(tournament);
        all_others.extend(others);
    }
    let of = |rule: usize| all_others.iter().map(|cov| cov[rule]).collect::<Vec<_>>();
    vec![
        regret("N Cov_{N^2} of the tournament's choice", &all).with_rows(rows),
        nothing(
            "largest N Cov_{N^2} of the offset tournament's choice",
            &of(0),
        ),
        nothing("largest N Cov_{N^2} of the choice by cross-entropy", &of(1)),
    ]
}

fn regret(name: &str, scaled: &[f64]) -> Check {
    Check::constant(name, scaled, PREDICTED, 0.0625)
}

fn nothing(name: &str, scaled: &[f64]) -> Check {
    let largest = scaled.iter().copied().fold(0.0, f64::max);
    Check::tight(name, largest, (0.0, 0.0)).predicting(0.0)
}

fn data(class: &Class, n: u64, seed: u64, set: u64) -> Counts {
    let rng = &mut stream(STATEMENT.id, &format!("N={n}"), seed, set);
    Counts::draw(&class.p, class.rows, rng)
}

/// `N Cov_{N^2}` of what the tournament takes from 2000 N rows, the worst of those that tie.
fn by_tournament(n: u64, seed: u64, set: u64) -> f64 {
    let class = Class::decoy(n as f64);
    let log_n = (n as f64).ln();
    let tied = winners(&class.models, &data(&class, n, seed, set), level(log_n));
    let coverages = class.coverages(2.0 * log_n);
    n as f64 * tied.iter().map(|&q| coverages[q]).fold(0.0, f64::max)
}

/// The same of the offset tournament with a = 0, and of cross-entropy.
fn by_others(n: u64, seed: u64, set: u64) -> [f64; 2] {
    let class = Class::decoy(n as f64);
    let log_n = (n as f64).ln();
    let own: Vec<Counts> = class.models.iter().map(|q| Counts::exact(q)).collect();
    let data = data(&class, n, seed, set);
    let offset = fight_offset(&class.models, &data, &own, level(log_n), 0.0);
    let coverages = class.coverages(2.0 * log_n);
    let worst_of = |tied: Vec<usize>| tied.into_iter().map(|q| coverages[q]).fold(0.0, f64::max);
    let by_cross_entropy = lowest_losses(&class.models, &data);
    [offset.models, by_cross_entropy].map(|tied| n as f64 * worst_of(tied))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        for scaled in checks[0].rows.numbers("tournament") {
            assert_near("N Cov", scaled, 0.8, 5e-4);
        }
    }

    /// Each rule in the other's place.
    #[test]
    fn the_other_rule_fails() {
        let [offset, _] = by_others(16, 0, 0);
        assert_eq!(regret("", &[offset; 3]).verdict, Verdict::Fails);
        assert_eq!(
            nothing("", &[by_tournament(16, 0, 0)]).verdict,
            Verdict::Fails
        );
    }
}
