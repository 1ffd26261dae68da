//! What the promise costs: widths against the old limits on designs where those were right.

use std::sync::Mutex;

use breadth_stats::{
    Design, PromptOutcome, coverage_profile, mean_over_prompts, pass_at_k_estimate,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::distributions::{Beta, Distribution, Hit};
use super::harness::{CONFIDENCE, digits, is_full};
use super::layouts::{Layout, Rows};
use super::{level, old_share};

const TAIL: f64 = 0.5 * (1.0 - CONFIDENCE);
/// The most that a new mean width may be of the old one.
const MOST: f64 = 1.10;

/// The low and the high limit, new and old.
type Both = [(f64, f64); 2];

fn compare(what: &str, failed: &Mutex<Vec<String>>, mut find: impl FnMut(&mut ChaCha8Rng) -> Both) {
    let replicates = if is_full() { 500 } else { 40 };
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut width = [0.0; 2];
    for _ in 0..replicates {
        let found = find(&mut rng);
        width
            .iter_mut()
            .zip(found)
            .for_each(|(w, (low, high))| *w += (high - low) / replicates as f64);
    }
    let ratio = width[0] / width[1];
    let row = format!(
        "| price: {what} | {replicates} | {} | {} | {ratio:.3} |",
        digits(width[0]),
        digits(width[1])
    );
    println!("{row}");
    if ratio > MOST {
        failed.lock().unwrap().push(row);
    }
}

#[test]
fn widths_where_the_old_limits_were_right() {
    let failed = Mutex::new(Vec::new());
    for units in [30, 100, 500] {
        for rate in [0.05, 0.5] {
            let layout = Layout::simple(units, Hit(rate));
            compare(&format!("coverage of {layout}"), &failed, |rng| {
                rows_of_one(&layout, rng)
            });
        }
        for distribution in [Beta(0.5, 1.2), Beta(1.0, 1.0), Beta(0.5, 0.5)] {
            let name = format!("{units} prompts, {distribution}");
            compare(
                &format!("coverage, 4 responses a prompt: {name}"),
                &failed,
                |rng| of_four(units, distribution, rng),
            );
            compare(&format!("mean of shares of 4: {name}"), &failed, |rng| {
                means_of_four(units, distribution, rng)
            });
            for k in [1, 8] {
                compare(&format!("Pass@{k} of 16: {name}"), &failed, |rng| {
                    passes(units, distribution, k, rng)
                });
            }
        }
    }
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "wider than {MOST} of the old width:\n{}",
        failed.join("\n")
    );
}

fn coverage(hits: &[bool], layout: &Layout, rng: &mut ChaCha8Rng) -> (f64, f64) {
    let log_q: Vec<f64> = hits
        .iter()
        .map(|&hit| if hit { -3.0 } else { -1.0 })
        .collect();
    let log_p = vec![-1.0; hits.len()];
    let frame = layout.frame(rng);
    let found = coverage_profile(&log_p, &log_q, &frame.design(), &[level(2.0)], CONFIDENCE);
    let point = found.unwrap().points[0];
    (point.low, point.high)
}

fn rows_of_one(layout: &Layout, rng: &mut ChaCha8Rng) -> Both {
    let hits = layout.frame(rng).hits(rng);
    let n = hits.len() as f64;
    let value = hits.iter().filter(|hit| **hit).count() as f64 / n;
    [
        coverage(&hits, layout, rng),
        old_share::clopper_pearson(value, n, TAIL),
    ]
}

fn of_four(units: usize, distribution: Distribution, rng: &mut ChaCha8Rng) -> Both {
    let layout = Layout::simple(units, distribution).rows(Rows::Equal(4));
    let hits = layout.frame(rng).hits(rng);
    let of_unit = |four: &[bool]| four.iter().filter(|hit| **hit).count() as f64;
    let totals: Vec<f64> = hits.chunks(4).map(of_unit).collect();
    let n = hits.len() as f64;
    [
        coverage(&hits, &layout, rng),
        old_share::limits(&vec![4.0; units], &totals, n, n, TAIL),
    ]
}

fn means_of_four(units: usize, distribution: Distribution, rng: &mut ChaCha8Rng) -> Both {
    let share = |rng: &mut ChaCha8Rng| {
        let rate = distribution.draw(rng);
        (0..4).filter(|_| rng.random_bool(rate)).count() as f64 / 4.0
    };
    let values: Vec<f64> = (0..units).map(|_| share(rng)).collect();
    let found = mean_over_prompts(&values, &Default::default(), CONFIDENCE).unwrap();
    let old = old_share::limits(
        &vec![1.0; units],
        &values,
        units as f64,
        f64::INFINITY,
        TAIL,
    );
    [(found.low, found.high), old]
}

fn passes(units: usize, distribution: Distribution, k: u64, rng: &mut ChaCha8Rng) -> Both {
    let outcome = |rng: &mut ChaCha8Rng| {
        let rate = distribution.draw(rng);
        PromptOutcome::Counts {
            n: 16,
            c: (0..16).filter(|_| rng.random_bool(rate)).count() as u64,
        }
    };
    let outcomes: Vec<PromptOutcome> = (0..units).map(|_| outcome(rng)).collect();
    let values: Vec<f64> = outcomes
        .iter()
        .map(|outcome| outcome.best_of(k).unwrap())
        .collect();
    let found = pass_at_k_estimate(&outcomes, &Design::default(), k, CONFIDENCE).unwrap();
    let old = old_share::limits(
        &vec![1.0; units],
        &values,
        16.0 * units as f64,
        f64::INFINITY,
        TAIL,
    );
    [(found.low, found.high), old]
}
