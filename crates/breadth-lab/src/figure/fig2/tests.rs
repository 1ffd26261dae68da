use breadth_lm::task::graph_search::Class;

use super::*;
use crate::check::Verdict;

const ALL: Asks = Asks {
    linear: true,
    levels: &[2, 16],
};

/// Made-up ends of training that show every sign.
fn good() -> Lengths {
    let run = |layers: usize| Length {
        layers,
        rows: vec![Row {
            step: 100.0,
            kl: 0.01 + 1.05 * floor(layers),
            classes: [0.002, 1.05 * hard_floor(layers), 0.3],
            cov: [0.053, 0.052, 0.051, 0.0505, 0.049],
        }],
    };
    Lengths {
        seed: "1".into(),
        runs: [8, 12, 16, 20].map(run).to_vec(),
    }
}

fn verdicts(seed: Lengths) -> Vec<(String, Verdict)> {
    let checks = checks(&[seed], 1, ALL).into_iter();
    checks.map(|check| (check.name, check.verdict)).collect()
}

/// Asserts that runs without one sign get `verdict` in that check and hold in all others.
fn assert_alone(sign: &str, verdict: Verdict, spoil: impl Fn(&mut Lengths)) {
    let mut bad = good();
    spoil(&mut bad);
    for (name, found) in verdicts(bad) {
        let expected = if name.starts_with(sign) {
            verdict
        } else {
            Verdict::Holds
        };
        assert_eq!(found, expected, "{name}, spoilt {sign}");
    }
}

#[test]
fn runs_that_show_every_sign_hold() {
    let all = verdicts(good());
    assert_eq!(all.len(), 6);
    assert!(
        all.iter().all(|(_, verdict)| *verdict == Verdict::Holds),
        "{all:?}"
    );
}

#[test]
fn each_sign_fails_where_it_is_missing() {
    // Cubic in H.
    assert_alone("F2a", Verdict::Fails, |seed| {
        for run in &mut seed.runs {
            run.rows[0].kl = 1e-4 * (run.layers as f64).powi(3);
        }
    });
    assert_alone("F2c: Cov_2 ", Verdict::Fails, |seed| {
        seed.runs[3].rows[0].cov[0] = 0.064
    });
    assert_alone("F2c: Cov_16 ", Verdict::Fails, |seed| {
        seed.runs[3].rows[0].cov[4] = 0.038
    });
    // At 8 layers no ratio is above 16, and Cov_16 says nothing.
    assert_alone("none", Verdict::Fails, |seed| {
        seed.runs[0].rows[0].cov[4] = 0.0
    });
    let flat = |seed: &mut Lengths| {
        for run in &mut seed.runs {
            run.rows[0].kl = 0.2 + 1e-9 * run.layers as f64;
            let step = run.layers as f64 * 1e-4;
            (run.rows[0].cov[0], run.rows[0].cov[4]) = (0.05 + step, 0.05 + step);
        }
    };
    assert_alone("F2d", Verdict::Fails, flat);
}

#[test]
fn a_run_that_has_not_converged_shows_nothing() {
    let mut seed = good();
    for run in &mut seed.runs {
        run.rows[0].classes[1] = 1.2 * hard_floor(run.layers);
        run.rows[0].kl = 1e-4 * (run.layers as f64).powi(3);
    }
    for (name, verdict) in verdicts(seed) {
        assert_eq!(verdict, Verdict::Inconclusive, "{name}");
    }
}

#[test]
fn small_asks_for_the_ratio_of_kl_in_place_of_the_line() {
    let mut seed = good();
    seed.runs.truncate(3);
    for (run, layers) in seed.runs.iter_mut().zip([4, 6, 8]) {
        run.layers = layers;
        run.rows[0].classes[1] = hard_floor(layers);
        run.rows[0].kl = 0.02 * layers as f64;
    }
    let asks = Settings::of(Size::Small).asks;
    let verdict =
        |seed: &Lengths| crate::statement::verdict(&checks(std::slice::from_ref(seed), 1, asks));
    assert_eq!(verdict(&seed), Verdict::Holds);
    seed.runs[2].rows[0].kl = 0.25;
    assert_eq!(verdict(&seed), Verdict::Fails);
}

/// A hard class above its floor needs more steps, one below it has had too many.
#[test]
fn a_class_far_from_its_floor_is_told_apart_by_the_side() {
    let of = |share: f64| {
        let mut seed = good();
        seed.runs[3].rows[0].classes[1] = share * hard_floor(20);
        floor_note(&seed)
    };
    assert!(of(1.1).ends_with("1.100 at H = 20"));
    assert!(of(1.3).ends_with("1.300 at H = 20 (not converged)"));
    assert!(of(0.7).ends_with("0.700 at H = 20 (learned in part)"));
}

/// The floors of the specification, and a model that learns all but the hard class.
#[test]
fn closed_form() {
    let floors = [4, 8, 12, 16, 20, 24].map(floor);
    for (found, known) in floors
        .iter()
        .zip([0.0693, 0.1386, 0.2079, 0.2773, 0.3466, 0.4159])
    {
        assert!((found - known).abs() < 5e-5, "{floors:?}");
    }
    for layers in [4, 6, 8] {
        let task = GraphSearch::new(GraphSearchConfig::figure2_small(layers)).unwrap();
        let set = evaluation_set(&task, &FIGURE2, 3, 0).unwrap();
        assert_eq!(set.len(), 3 + 3 + 3 * 16);
        let log_q = set.iter().map(|item| match item.class {
            Class::Xor => -hard_floor(layers),
            _ => item.log_p,
        });
        let row = Row::of(10, &set, &log_q.collect::<Vec<_>>());
        assert!((row.kl - floor(layers)).abs() < 1e-12, "{row:?}");
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(row.classes[1], hard_floor(layers)) && near(row.classes[2], 0.0));
        // The ratio is 2^(H/2): 4, 8 and 16.
        let largest = 2_f64.powi(layers as i32 / 2);
        for (cov, level) in row.cov.iter().zip(LEVELS) {
            assert!(
                near(*cov, if level <= largest { HARD } else { 0.0 }),
                "{row:?}"
            );
        }
    }
}

#[test]
fn a_tiny_figure_is_trained_and_measured() {
    let mut settings = Settings::of(Size::Small);
    (settings.model.layers, settings.model.width) = (1, 16);
    settings.prompts = 2;
    (settings.stage.steps, settings.stage.batch_size) = (20, 4);
    settings.stage.checkpoint_every = 10;
    let dir = tempfile::tempdir().unwrap();
    let measured = settings.measure(&Runs::new(dir.path()), "tiny", 3);
    let lengths = measured.unwrap().unwrap();
    let layers: Vec<usize> = lengths.runs.iter().map(|run| run.layers).collect();
    assert_eq!(layers, [4, 6, 8]);
    assert!(lengths.runs.iter().all(|run| run.rows.len() == 3));
    let checks = checks(&[lengths], 1, settings.asks);
    assert_eq!(checks[1].rows.rows.len(), 9);
    assert_eq!(crate::statement::verdict(&checks), Verdict::Inconclusive);
}

/// Every graph of every size can be drawn.
#[test]
fn the_settings_are_possible() {
    for size in [Size::Small, Size::Medium, Size::Paper] {
        for graph in Settings::of(size).graphs {
            graph.validate().unwrap();
        }
    }
}
