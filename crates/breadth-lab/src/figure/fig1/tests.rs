use super::*;
use crate::check::Verdict;
use crate::statement::testing::named;

const ALL: Asks = Asks {
    dip: true,
    pass4: Some(true),
};

/// Made-up curves that show every sign.
fn good() -> Curves {
    let row = |i: usize| {
        let t = i as f64;
        let rise = |from: f64, peak: f64, at: f64, end: f64| {
            if t <= at {
                from + (peak - from) * t / at
            } else {
                peak + (end - peak) * (t - at) / (16.0 - at)
            }
        };
        Row {
            step: 30.0 * t,
            kl: 1.1 - 0.035 * t,
            cov: [
                rise(0.9, 0.1, 8.0, 0.1),
                rise(0.5, 0.1, 6.0, 0.1),
                rise(0.3, 0.04, 4.0, 0.1),
                rise(0.01, 0.03, 4.0, 0.1),
                rise(0.0, 0.02, 4.0, 0.09),
            ],
            pass: [
                rise(0.8, 0.925, 7.0, 0.92),
                rise(0.93, 0.97, 4.0, 0.94),
                rise(0.98, 0.99, 2.0, 0.95),
            ],
            right: [rise(0.35, 0.9, 16.0, 0.9), rise(0.34, 0.06, 16.0, 0.06)],
        }
    };
    let rows: Vec<Row> = (0..17).map(row).collect();
    let chosen = [3, 4].map(|i: usize| (rows[i].step, rows[i].pass)).to_vec();
    Curves {
        seed: "1".into(),
        consistent: 0.75,
        rows,
        chosen,
    }
}

fn verdicts(seeds: &[Curves]) -> Vec<(String, Verdict)> {
    let checks = checks(seeds, seeds.len(), ALL).into_iter();
    checks.map(|check| (check.name, check.verdict)).collect()
}

/// Asserts that curves without one sign fail in that check and in no other.
fn assert_fails_alone(sign: &str, spoil: impl Fn(&mut Curves)) {
    let mut bad = good();
    spoil(&mut bad);
    for (name, verdict) in verdicts(&[bad]) {
        let expected = if name.starts_with(sign) {
            Verdict::Fails
        } else {
            Verdict::Holds
        };
        assert_eq!(verdict, expected, "{name}, spoilt {sign}");
    }
}

#[test]
fn curves_that_show_every_sign_hold() {
    let all = verdicts(&vec![good(); 5]);
    assert_eq!(all.len(), 7);
    assert!(
        all.iter().all(|(_, verdict)| *verdict == Verdict::Holds),
        "{all:?}"
    );
}

#[test]
fn each_sign_fails_where_it_is_missing() {
    // A checkpoint much worse than its neighbour.
    assert_fails_alone("F1a", |seed| seed.rows[3].kl += 0.06);
    // Not deep enough against the end, as in both runs of the pilots.
    assert_fails_alone("F1b", |seed| {
        seed.rows
            .iter_mut()
            .for_each(|row| row.cov[2] = row.cov[2].max(0.065));
    });
    // The tenth part is not given up.
    assert_fails_alone("F1b", |seed| seed.rows[16].cov[2] = 0.08);
    // Pass@12 at its peak in the second half.
    assert_fails_alone("F1c: Pass@8", |seed| seed.rows[9].pass[2] = 0.995);
    assert_fails_alone("F1c: Pass@4", |seed| seed.rows[16].pass[0] = 0.9225);
    // Both tournaments take what KL takes.
    assert_fails_alone("F1d", |seed| {
        let last = (480.0, seed.rows[16].pass);
        seed.chosen.iter_mut().for_each(|chosen| *chosen = last);
    });
    // Coverage in another order than Pass@12.
    assert_fails_alone("F1e", |seed| {
        seed.rows
            .iter_mut()
            .for_each(|row| row.cov[3] = row.pass[2] / 20.0);
    });
}

#[test]
fn one_bad_seed_of_five_is_allowed_and_two_are_not() {
    let bad = |count: usize| {
        let mut seeds = vec![good(); 5];
        seeds[..count]
            .iter_mut()
            .for_each(|seed| seed.rows[3].kl += 0.06);
        named(
            &checks(&seeds, seeds.len(), ALL),
            "F1a: KL falls to the end",
        )
        .verdict
    };
    assert_eq!(bad(1), Verdict::Holds);
    let part = checks(&vec![good(); 4], 5, ALL);
    assert_eq!(
        crate::statement::verdict(&part),
        Verdict::Holds,
        "whatever the fifth shows"
    );
    let part = checks(&vec![good(); 3], 5, ALL);
    assert_eq!(crate::statement::verdict(&part), Verdict::Inconclusive);
    assert!(checks(&[], 5, ALL).is_empty());
    assert_eq!(bad(2), Verdict::Fails);
}

/// The guard makes every sign inconclusive, shown or not, and every seed is printed.
#[test]
fn a_seed_whose_pre_training_did_not_get_there_shows_nothing() {
    let mut seed = good();
    seed.consistent = 0.65;
    let checks = checks(&[seed.clone()], 1, ALL);
    for check in &checks {
        assert_eq!(check.verdict, Verdict::Inconclusive, "{}", check.name);
    }
    let note = checks[0].note.as_ref().unwrap();
    assert!(note.contains("seed 1: 0.650"), "{note}");
    assert!(
        note.contains("pre-training did not reach the correlation"),
        "{note}"
    );
    assert_eq!(checks[0].rows.rows.len(), 17);
    seed.rows[3].kl += 0.06;
    assert_eq!(verdicts(&[seed])[1].1, Verdict::Inconclusive);
}

#[test]
fn what_starts_covered_needs_no_fall() {
    let mut seed = good();
    for (i, row) in seed.rows.iter_mut().enumerate() {
        row.cov[2] = 0.006 * i as f64;
    }
    seed.rows[16].cov[2] = 0.1;
    assert!(seed.coverage_dips() && dip_note(&seed).ends_with("starts covered"));
    // From .02 on the least must lie inside.
    for (i, row) in seed.rows.iter_mut().enumerate() {
        row.cov[2] = 0.03 + 0.004 * i as f64;
    }
    assert!(!seed.coverage_dips() && !dip_note(&seed).contains("covered"));
}

#[test]
fn small_reports_what_it_does_not_ask_for() {
    let mut bad = good();
    bad.rows[16].cov[2] = 0.2;
    let checks = checks(&[bad], 1, Settings::of(Size::Small).asks);
    let dip = named(&checks, "F1b: Cov_4 is least in the middle");
    assert_eq!((dip.verdict, dip.measured), (Verdict::Reported, 0.0));
    assert_eq!(crate::statement::verdict(&checks), Verdict::Holds);
    assert_eq!(checks.len(), 6);
}

/// With a share q on G1's path and the rest on G2's, KL, Pass@8 and Cov_4 have a closed form.
#[test]
fn closed_form() {
    let task = GraphSearch::new(GraphSearchConfig::figure1_small()).unwrap();
    let set = evaluation_set(&task, &FIGURE1_FINE_TUNE, 5, 0).unwrap();
    assert_eq!(set.len(), 10);
    let cases = [(0.9, 0.3251, 0.9570, 0.1), (0.6, 0.5514, 0.9977, 0.0)];
    for (q, kl, pass_8, cov_4) in cases {
        let log_q = set.iter().map(|item| match item.class {
            Class::G1 => f64::ln(q),
            _ => f64::ln(1.0 - q),
        });
        let row = Row::of(30, &set, &log_q.collect::<Vec<_>>());
        let near = |a: f64, b: f64| (a - b).abs() < 5e-5;
        assert!(near(row.kl, kl) && near(row.pass[1], pass_8), "{row:?}");
        assert!(near(row.cov[2], cov_4), "{row:?}");
        assert!(
            near(row.right[0], q) && near(row.right[1], 1.0 - q),
            "{row:?}"
        );
    }
}

/// A model that is uniform on the vocabulary has half of its mass on the two of four paths.
#[test]
fn the_guard_of_a_model_that_knows_nothing() {
    let task = GraphSearch::new(GraphSearchConfig::figure1_small()).unwrap();
    let set = evaluation_set(&task, &FIGURE1_FINE_TUNE, 3, 0).unwrap();
    let sizes = breadth_lm::model::Gpt2 {
        vocab_size: task.vocab_size(),
        max_position_embeddings: 43,
        hidden_size: 8,
        layers: 1,
        heads: 2,
        intermediate_size: 8,
        layer_norm_epsilon: 1e-5,
    };
    let rng = &mut breadth_lm::rng::stream(0, "test", 0);
    let mut model = Checkpoint::random(sizes.config("test").unwrap(), rng);
    for (_, array) in model.weights.iter_mut() {
        array.data.iter_mut().for_each(|weight| *weight = 0.0);
    }
    let share = consistent(&task, &set, &model).unwrap();
    assert!((share - 0.5).abs() < 1e-6, "{share}");
}

/// The code of every size on a model that learns nothing in its few steps: measured in slices
/// and at once, with the same numbers.
#[test]
fn a_tiny_figure_is_trained_and_measured() {
    let mut settings = Settings::of(Size::Small);
    (settings.model.layers, settings.model.width) = (1, 16);
    (settings.prompts, settings.fresh) = (4, 16);
    (settings.pretrain.steps, settings.pretrain.batch_size) = (20, 4);
    (settings.finetune.steps, settings.finetune.batch_size) = (20, 4);
    settings.finetune.checkpoint_every = 10;
    let dir = tempfile::tempdir().unwrap();
    let late = Runs::new(dir.path()).until(Some(std::time::Instant::now()));
    assert!(settings.measure(&late, "tiny", 3).unwrap().is_none());
    let runs = Runs::new(dir.path());
    let curves = settings.measure(&runs, "tiny", 3).unwrap().unwrap();
    assert_eq!(curves.column(|row| row.step), [0.0, 10.0, 20.0]);
    assert!(
        curves
            .rows
            .iter()
            .all(|row| row.kl > 1.0 && row.kl.is_finite())
    );
    // What is trained needs no time.
    let again = settings.measure(&late, "tiny", 3).unwrap().unwrap();
    assert_eq!(
        (again.rows, again.chosen),
        (curves.rows.clone(), curves.chosen.clone())
    );
    let checks = checks(&[curves], 1, settings.asks);
    assert_eq!(crate::statement::verdict(&checks), Verdict::Inconclusive);
    assert!(crate::picture("p", &checks[1]).is_some());
}
