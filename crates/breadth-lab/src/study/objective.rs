//! Training for coverage or choosing for it, where both can be computed.

use breadth_stats::{Design, Level, Tournament, tournament};

use crate::check::Check;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "beyond-objective",
    paper: "beyond the paper, after Section 7",
    title: "train for coverage, or choose?",
    claim: "Two classes of prompts, .9 and .1; the model puts q on the first one's path. Training \
            for Pass@N beats choosing along a cross-entropy run; choosing recovers most of the gain \
            at N = 2 and a third at N = 4, and what it loses it loses to the tie-break by \
            cross-entropy.",
    correction: None,
    cost: 0.01,
    run: Run::Computed(run),
};

/// The share of the first class.
const FIRST: f64 = 0.9;
/// Attempts that a choice is judged by.
const ATTEMPTS: f64 = 8.0;

fn run(_: Size, _: u64) -> Vec<Check> {
    vec![
        gain(
            2.0,
            "tournament at N = 2, ties by cross-entropy",
            by_cross_entropy,
            (0.5, 1.0),
        ),
        gain(
            4.0,
            "tournament at N = 4, ties by cross-entropy",
            by_cross_entropy,
            (0.25, 0.45),
        ),
        gain(
            4.0,
            "tournament at N = 4, the median of the tied",
            by_median,
            (0.9, 1.0),
        ),
        beaten_by_training(),
    ]
}

/// Pass@N of a model that puts q on the first path.
fn pass(q: f64, n: f64) -> f64 {
    FIRST * (1.0 - (1.0 - q).powf(n)) + (1.0 - FIRST) * (1.0 - q.powf(n))
}

/// The q of the highest Pass@N: direct coverage optimisation.
fn trained_for(n: f64) -> f64 {
    let odds = (FIRST / (1.0 - FIRST)).powf(1.0 / (n - 1.0));
    odds / (1.0 + odds)
}

/// Checkpoints of a cross-entropy run, q = .5 to .9.
fn checkpoints() -> Vec<f64> {
    (0..17).map(|step| 0.5 + 0.025 * f64::from(step)).collect()
}

/// The tournament of the checkpoints on the population: a row for each class.
fn fight(checkpoints: &[f64], n: f64) -> Tournament {
    let columns: Vec<[f64; 2]> = checkpoints
        .iter()
        .map(|q| [q.ln(), (1.0 - q).ln()])
        .collect();
    let slices: Vec<&[f64]> = columns.iter().map(|column| &column[..]).collect();
    let design = Design {
        weights: Some(&[FIRST, 1.0 - FIRST]),
        ..Design::default()
    };
    let level = Level::from_n(n).expect("N of at least 1");
    tournament(&slices, &design, level, 0.95).expect("log-probabilities")
}

fn by_cross_entropy(fought: &Tournament) -> usize {
    fought.winner
}

/// The checkpoint in the middle of those that tie.
fn by_median(fought: &Tournament) -> usize {
    fought.tied[fought.tied.len() / 2]
}

/// The share of training's gain over cross-entropy, in Pass@8, that a choice recovers.
fn gain(n: f64, name: &str, tie_break: fn(&Tournament) -> usize, band: (f64, f64)) -> Check {
    let checkpoints = checkpoints();
    let fought = fight(&checkpoints, n);
    let chosen = checkpoints[tie_break(&fought)];
    let lowest = checkpoints[fought.cross_entropy_winner];
    let base = pass(lowest, ATTEMPTS);
    let best = pass(trained_for(ATTEMPTS), ATTEMPTS);
    let mut rows =
        Table::new(["q", "Pass@8", "value", "is chosen"]).drawn(Plot::linear("q", "Pass@8"));
    for (q, standing) in checkpoints.iter().zip(&fought.standings) {
        let is_chosen = f64::from(u8::from(*q == chosen));
        rows.numeric_row([*q, pass(*q, ATTEMPTS), standing.value, is_chosen]);
    }
    let recovered = (pass(chosen, ATTEMPTS) - base) / (best - base);
    Check::tight(
        format!("share of the gain recovered, {name}"),
        recovered,
        band,
    )
    .with_rows(rows)
    .noting(format!(
        "takes q = {chosen:.3}, Pass@8 {:.4}",
        pass(chosen, ATTEMPTS)
    ))
}

/// The least, over N, of Pass@N trained for less Pass@N of the tournament's choice at N.
fn beaten_by_training() -> Check {
    let checkpoints = checkpoints();
    let mut rows = Table::new([
        "N",
        "q trained",
        "q chosen",
        "Pass@N trained",
        "Pass@N chosen",
    ])
    .drawn(Plot::linear("N", "Pass@N trained").against("Pass@N chosen"));
    for n in [2.0, 3.0, 4.0, 8.0, 12.0] {
        let (trained, chosen) = (trained_for(n), checkpoints[fight(&checkpoints, n).winner]);
        rows.numeric_row([n, trained, chosen, pass(trained, n), pass(chosen, n)]);
    }
    let pairs = rows
        .numbers("Pass@N trained")
        .into_iter()
        .zip(rows.numbers("Pass@N chosen"));
    let least = pairs.map(|(a, b)| a - b).fold(f64::INFINITY, f64::min);
    Check::tight(
        "least gain of training over choosing, Pass@N",
        least,
        (0.0, 1.0),
    )
    .with_rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::law::coin_kl;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn is_as_the_pilot_found_it() {
        assert_holds(&STATEMENT);
        assert_near(
            "KL at .9",
            coin_kl(FIRST, 0.9) - FIRST * FIRST.ln() - 0.1 * 0.1_f64.ln(),
            0.3251,
            5e-5,
        );
        assert_near("Pass@8 at .9", pass(0.9, 8.0), 0.95695, 5e-6);
        for (n, q, attempts, expected) in [
            (8.0, 0.5778, [4.0, 8.0, 12.0], [0.9603, 0.99785, 0.99983]),
            (4.0, 0.6753, [4.0, 8.0, 12.0], [0.9692, 0.9956, 0.9991]),
            (12.0, 0.5498, [4.0, 8.0, 12.0], [0.9539, 0.9976, 0.99986]),
        ] {
            assert_near("q", trained_for(n), q, 5e-5);
            for (attempts, expected) in attempts.into_iter().zip(expected) {
                assert_near("Pass@N", pass(trained_for(n), attempts), expected, 6e-5);
            }
        }
        let checkpoints = checkpoints();
        for (n, takes, ties, pass_8) in [
            (2.0, 0.725, 10, 0.9923),
            (3.0, 0.825, 14, 0.9785),
            (4.0, 0.85, 15, 0.9728),
        ] {
            let fought = fight(&checkpoints, n);
            assert_eq!(fought.tied, (0..ties).collect::<Vec<_>>());
            assert_near("q", checkpoints[fought.winner], takes, 1e-12);
            assert_near(
                "Pass@8",
                pass(checkpoints[fought.winner], 8.0),
                pass_8,
                5e-5,
            );
        }
        let median = checkpoints[by_median(&fight(&checkpoints, 4.0))];
        assert_near("median", median, 0.675, 1e-12);
    }

    /// No q of a fine grid has a higher Pass@N than the one trained for it.
    #[test]
    fn training_finds_the_maximum() {
        for n in [2.0, 4.0, 8.0, 12.0] {
            let best = pass(trained_for(n), n);
            assert!((1..1000).all(|q| pass(f64::from(q) / 1000.0, n) <= best + 1e-12));
        }
    }

    /// The tournament that takes the sharpest of all instead of the sharpest of those that tie.
    #[test]
    fn cross_entropy_alone_recovers_nothing() {
        let check = gain(4.0, "", |fought| fought.cross_entropy_winner, (0.25, 0.45));
        assert_eq!((check.verdict, check.measured), (Verdict::Fails, 0.0));
    }
}
