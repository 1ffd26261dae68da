//! The offset tournament against a brute-force oracle, its limits by simulation, its named cases.

use breadth_stats::{
    Design, Error, Level, OnPolicy, Tournament, is_uncovered, offset_minimax, offset_tournament,
    tournament,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const IID: Design = Design {
    weights: None,
    clusters: None,
    strata: None,
};

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

fn play(
    data: &[Vec<f64>],
    samples: &[(Vec<Vec<f64>>, Vec<u32>)],
    level: Level,
    a: f64,
) -> Tournament {
    let columns = slices(data);
    let samples: Vec<OnPolicy> = samples
        .iter()
        .map(|(columns, prompts)| OnPolicy {
            columns: slices(columns),
            prompts: Some(prompts),
            weights: None,
            strata: None,
        })
        .collect();
    let fought = tournament(&columns, &IID, level, 0.95).unwrap();
    let offset = offset_tournament(fought, &columns, &IID, &samples, a, 0.95).unwrap();
    let alone = offset_minimax(&columns, &IID, &samples, level, a).unwrap();
    let best = offset.standings[offset.winner].value;
    assert_eq!((alone.value, &alone.models), (best, &offset.tied));
    offset
}

/// Eq 32 word by word: prompts in turn, their responses in turn.
fn by_hand(
    data: &[Vec<f64>],
    (own, prompts): &(Vec<Vec<f64>>, Vec<u32>),
    q: usize,
    level: Level,
    a: f64,
) -> f64 {
    let of_rival = |rival: usize| {
        let n = data[0].len();
        let behind = (0..n).filter(|&row| is_uncovered(data[rival][row], data[q][row], level));
        let chat = behind.count() as f64 / n as f64;
        let mut names = prompts.clone();
        names.sort_unstable();
        names.dedup();
        let share = |&name: &u32| {
            let rows: Vec<usize> = (0..prompts.len())
                .filter(|&row| prompts[row] == name)
                .collect();
            let behind = rows
                .iter()
                .filter(|&&row| is_uncovered(own[rival][row], own[q][row], level));
            behind.count() as f64 / rows.len() as f64
        };
        let con = names.iter().map(share).sum::<f64>() / names.len() as f64;
        if rival == q {
            0.0
        } else {
            chat - 2.0 * level.n().powf(a) * con
        }
    };
    (0..data.len()).map(of_rival).fold(0.0, f64::max)
}

fn columns(models: usize, rows: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let log_prob = prop_oneof![1 => Just(f64::NEG_INFINITY), 9 => (0..9_i32).prop_map(|i| f64::from(-i) * 2.0_f64.ln())];
    rows.prop_flat_map(move |rows| {
        prop::collection::vec(prop::collection::vec(log_prob.clone(), rows), models)
    })
}

fn sampled(models: usize) -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<u32>)> {
    columns(models, 1..12).prop_flat_map(|columns| {
        let rows = columns[0].len();
        (Just(columns), prop::collection::vec(0..4_u32, rows))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn values_are_eq_32(
        (data, samples) in (1..4usize).prop_flat_map(|m| (columns(m, 1..12), prop::collection::vec(sampled(m), m))),
        power in 0..5,
        a in 0.0..0.5,
    ) {
        let level = Level::from_n(2.0_f64.powi(power)).unwrap();
        let found = play(&data, &samples, level, a);
        for (q, standing) in found.standings.iter().enumerate() {
            let expected = by_hand(&data, &samples[q], q, level, a);
            prop_assert!((standing.value - expected).abs() < 1e-9, "{} {expected}", standing.value);
            prop_assert!(standing.low <= standing.value && standing.value <= standing.high);
            prop_assert_eq!(standing.worst_rival.is_none(), standing.value == 0.0);
        }
        prop_assert!(found.tied.contains(&found.winner) && found.not_excluded.contains(&found.winner));
    }
}

/// Con with groups and weights word by word: groups in turn, their prompts in turn, their responses
/// in turn.
fn con_by_hand(
    own: &[Vec<f64>],
    prompts: &[u32],
    weights: &[f64],
    strata: &[u32],
    level: Level,
) -> f64 {
    let (mut con, mut all) = (0.0, 0.0);
    for group in 0..3 {
        let members: Vec<usize> = (0..prompts.len())
            .filter(|&row| strata[row] == group)
            .collect();
        let counts: f64 = members.iter().map(|&row| weights[row]).sum();
        let (mut behind, mut weighs) = (0.0, 0.0);
        for prompt in 0..6 {
            let rows: Vec<usize> = members
                .iter()
                .copied()
                .filter(|&row| prompts[row] == prompt)
                .collect();
            for &row in &rows {
                let weight = weights[row] / rows.len() as f64;
                behind +=
                    weight * f64::from(u8::from(is_uncovered(own[1][row], own[0][row], level)));
                weighs += weight;
            }
        }
        all += counts;
        con += if weighs > 0.0 {
            counts * behind / weighs
        } else {
            0.0
        };
    }
    con / all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Prompts `2 g` and `2 g + 1` belong to group g.
    #[test]
    fn samples_carry_groups_and_weights(
        (own, prompts, weights) in columns(2, 1..12).prop_flat_map(|columns| {
            let rows = columns[0].len();
            (Just(columns), prop::collection::vec(0..6_u32, rows), prop::collection::vec(0.1..4.0_f64, rows))
        }),
        scale in 0.001..1000.0_f64,
    ) {
        let level = Level::from_n(4.0).unwrap();
        let strata: Vec<u32> = prompts.iter().map(|prompt| prompt / 2).collect();
        // On the data the rival leaves the first model behind everywhere: the value is 1 - 2 Con.
        let data = [vec![-9.0; 4], vec![-1.0; 4]];
        let fought = tournament(&slices(&data), &IID, level, 0.95).unwrap();
        let value = |weights: &[f64], order: &[usize]| {
            let own: Vec<Vec<f64>> = own.iter().map(|column| order.iter().map(|&row| column[row]).collect()).collect();
            let pick = |labels: &[u32]| -> Vec<u32> { order.iter().map(|&row| labels[row]).collect() };
            let (prompts, strata) = (pick(&prompts), pick(&strata));
            let weights: Vec<f64> = order.iter().map(|&row| weights[row]).collect();
            let samples = OnPolicy { columns: slices(&own), prompts: Some(&prompts), weights: Some(&weights), strata: Some(&strata) };
            let samples = [samples.clone(), samples];
            offset_tournament(fought.clone(), &slices(&data), &IID, &samples, 0.0, 0.95).unwrap().standings[0].value
        };
        let in_turn: Vec<usize> = (0..prompts.len()).collect();
        let found = value(&weights, &in_turn);
        let expected = f64::max(0.0, 1.0 - 2.0 * con_by_hand(&own, &prompts, &weights, &strata, level));
        prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        let reversed: Vec<usize> = in_turn.iter().rev().copied().collect();
        prop_assert!((value(&weights, &reversed) - found).abs() < 1e-9);
        let scaled: Vec<f64> = weights.iter().map(|w| w * scale).collect();
        prop_assert!((value(&scaled, &in_turn) - found).abs() < 1e-9);
    }
}

/// The shares of data and of own samples on which either of two rivals is ahead of each of three
/// models.
const CHAT: [f64; 3] = [0.02, 0.25, 0.4];
const CON: [f64; 3] = [0.0, 0.02, 0.15];

type Columns = Vec<Vec<f64>>;

/// Model q is behind both others, far enough, with the probabilities above; both alike, so that the
/// maximum is known.
fn simulated(rng: &mut ChaCha8Rng) -> (Columns, Vec<(Columns, Vec<u32>)>) {
    let behind =
        |rng: &mut ChaCha8Rng, q: usize, share: f64, rows: usize, columns: &mut [Vec<f64>]| {
            for _ in 0..rows {
                let is_behind = rng.random::<f64>() < share;
                for (model, column) in columns.iter_mut().enumerate() {
                    column.push(if model == q && is_behind { -9.0 } else { -1.0 });
                }
            }
        };
    let mut data = vec![vec![]; 3];
    let samples = (0..3).map(|q| {
        behind(rng, q, CHAT[q], 120, &mut data);
        let mut own = vec![vec![]; 3];
        behind(rng, q, CON[q], 150, &mut own);
        (own, (0..150).collect())
    });
    let samples = samples.collect();
    (data, samples)
}

#[test]
fn limits_hold_the_true_value_and_the_set_the_best_model() {
    let level = Level::from_n(16.0).unwrap();
    // A third of the data rows concern each model; a = 0, factor 2.
    let truth: Vec<f64> = (0..3)
        .map(|q| f64::max(0.0, CHAT[q] / 3.0 - 2.0 * CON[q]))
        .collect();
    let best = (0..3)
        .min_by(|&a, &b| truth[a].total_cmp(&truth[b]))
        .unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut held, mut kept, mut excluded) = ([0; 3], 0, 0);
    const RUNS: usize = 600;
    for _ in 0..RUNS {
        let (data, samples) = simulated(&mut rng);
        let found = play(&data, &samples, level, 0.0);
        for q in 0..3 {
            let standing = &found.standings[q];
            held[q] += usize::from(standing.low <= truth[q] && truth[q] <= standing.high);
        }
        kept += usize::from(found.not_excluded.contains(&best));
        excluded += 3 - found.not_excluded.len();
    }
    for (q, held) in held.into_iter().enumerate() {
        assert!(
            held as f64 >= 0.935 * RUNS as f64,
            "model {q}: {held} of {RUNS}"
        );
    }
    assert!(kept as f64 >= 0.935 * RUNS as f64, "{kept} of {RUNS}");
    println!("excluded {excluded} in {RUNS} runs");
}

#[test]
fn named_cases() {
    let level = Level::from_n(8.0).unwrap();
    let one = [-1.0];
    let alone = tournament(&[&one], &IID, level, 0.95).unwrap();
    let own = |columns| OnPolicy {
        columns,
        prompts: None,
        weights: None,
        strata: None,
    };
    let found =
        offset_tournament(alone.clone(), &[&one], &IID, &[own(vec![&one])], 0.0, 0.95).unwrap();
    assert_eq!(
        (
            found.winner,
            found.standings[0].value,
            found.standings[0].high
        ),
        (0, 0.0, 0.0)
    );
    for a in [-0.1, 1.1, f64::NAN] {
        let refused = offset_tournament(alone.clone(), &[&one], &IID, &[own(vec![&one])], a, 0.95);
        assert!(matches!(refused, Err(Error::InvalidOffset(_))), "{a}");
    }
    let none = offset_tournament(alone.clone(), &[&one], &IID, &[], 0.0, 0.95);
    assert!(matches!(none, Err(Error::LengthMismatch { .. })));
    let empty = offset_tournament(alone.clone(), &[&one], &IID, &[own(vec![&[]])], 0.0, 0.95);
    assert!(matches!(empty, Err(Error::Empty { .. })));
    let weightless = OnPolicy {
        weights: Some(&[0.0]),
        ..own(vec![&one])
    };
    let weightless = offset_tournament(alone.clone(), &[&one], &IID, &[weightless], 0.0, 0.95);
    assert!(matches!(
        weightless,
        Err(Error::InvalidWeight { row: 0, .. })
    ));
    let torn = OnPolicy {
        prompts: Some(&[0, 0]),
        strata: Some(&[0, 1]),
        ..own(vec![&[-1.0, -1.0]])
    };
    let torn = offset_tournament(alone.clone(), &[&one], &IID, &[torn], 0.0, 0.95);
    assert!(matches!(torn, Err(Error::SplitCluster { row: 1 })));
    let short = OnPolicy {
        prompts: Some(&[0]),
        strata: Some(&[0, 1]),
        ..own(vec![&[-1.0, -1.0]])
    };
    let short = offset_tournament(alone.clone(), &[&one], &IID, &[short], 0.0, 0.95);
    assert!(matches!(short, Err(Error::LengthMismatch { .. })));
    let nan = offset_tournament(alone, &[&one], &IID, &[own(vec![&[f64::NAN]])], 0.0, 0.95);
    assert!(matches!(nan, Err(Error::InvalidLogProb { .. })));
}
