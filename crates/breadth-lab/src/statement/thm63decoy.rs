//! The tournament's N^-(1-a) is real (after Thm 6.3).

use rayon::prelude::*;

use crate::check::Check;
use crate::choice::{Class, Counts, fight, fight_offset};
use crate::law::level;
use crate::random::stream;
use crate::statement::{Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "thm63decoy",
    paper: "Thm 6.3",
    title: "the tournament's term N^-(1-a) is real",
    claim: "A decoy makes the tournament pass over p itself for a model with Cov_{N^2} = .8/N; the \
            offset tournament takes p.",
    correction: None,
    cost: 0.3,
    run,
};

const SETS: u64 = 200;
/// N Cov of the model that the tournament takes.
const PREDICTED: f64 = 0.8;

fn run(size: Size, seed: u64) -> Vec<Check> {
    let sets = size.seeds(SETS);
    let mut rows = Table::new(["N", "n", "tournament", "offset", "cross-entropy"])
        .drawn(Plot::log_x("N", "tournament"));
    let mut by_rule = [const { Vec::new() }; 3];
    for n in size.grid(&[8, 16, 64, 256]) {
        let one = |set| taken(n, seed, set).map(|cov| n as f64 * cov);
        let found: Vec<[f64; 3]> = (0..sets).into_par_iter().map(one).collect();
        let mean = |rule: usize| found.iter().map(|cov| cov[rule]).sum::<f64>() / sets as f64;
        rows.numeric_row([n as f64, 2000.0 * n as f64, mean(0), mean(1), mean(2)]);
        for (rule, all) in by_rule.iter_mut().enumerate() {
            all.extend(found.iter().map(|cov| cov[rule]));
        }
    }
    let [tournament, offset, cross_entropy] = by_rule;
    vec![
        regret("N Cov_{N^2} of the tournament's choice", &tournament).with_rows(rows),
        nothing(
            "largest N Cov_{N^2} of the offset tournament's choice",
            &offset,
        ),
        nothing(
            "largest N Cov_{N^2} of the choice by cross-entropy",
            &cross_entropy,
        ),
    ]
}

fn regret(name: &str, scaled: &[f64]) -> Check {
    Check::constant(name, scaled, PREDICTED, 0.0625)
}

fn nothing(name: &str, scaled: &[f64]) -> Check {
    let largest = scaled.iter().copied().fold(0.0, f64::max);
    Check::tight(name, largest, (0.0, 0.0)).predicting(0.0)
}

/// `Cov_{N^2}` of what the tournament, the offset tournament with a = 0 and cross-entropy take from
/// 2000 N rows; the worst of those that tie.
fn taken(n: u64, seed: u64, set: u64) -> [f64; 3] {
    let class = Class::decoy(n as f64);
    let log_n = (n as f64).ln();
    let rng = &mut stream(STATEMENT.id, &format!("N={n}"), seed, set);
    let data = Counts::draw(&class.p, class.rows, rng);
    let own: Vec<Counts> = class.models.iter().map(|q| Counts::exact(q)).collect();
    let fought = fight(&class.models, &data, level(log_n));
    let offset = fight_offset(&class.models, &data, &own, level(log_n), 0.0);
    let coverages = class.coverages(2.0 * log_n);
    let worst = |tied: &[usize]| tied.iter().map(|&q| coverages[q]).fold(0.0, f64::max);
    [
        worst(&fought.tied),
        worst(&offset.tied),
        coverages[fought.cross_entropy_winner],
    ]
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
        let [tournament, offset, _] = taken(16, 0, 0).map(|cov| 16.0 * cov);
        assert_eq!(regret("", &[offset; 3]).verdict, Verdict::Fails);
        assert_eq!(nothing("", &[tournament]).verdict, Verdict::Fails);
    }
}
