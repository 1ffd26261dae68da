//! The numbers of the paper's experiments that have a closed form.

use breadth_stats::{Design, Level};

use super::*;

/// Pairs of `(log p, log q, weight)`: `count` prompts of each class, weighted by the mixture, the
/// model given by `log_q`.
fn score(
    task: &GraphSearch,
    mixture: &[(Class, f64)],
    log_q: impl Fn(&Example) -> f64,
) -> [Vec<f64>; 3] {
    let mut rows = [vec![], vec![], vec![]];
    let mut rng = stream(0, "closed form", 0);
    for &(class, weight) in mixture {
        for _ in 0..20 {
            let example = task.sample_class(class, &mut rng).unwrap();
            rows[0].push(task.class_log_prob(&example.graph, &example.response, class));
            rows[1].push(log_q(&example));
            rows[2].push(weight);
        }
    }
    rows
}

fn kl_and_cov([log_p, log_q, weights]: &[Vec<f64>; 3], n: f64) -> (f64, f64) {
    let design = Design {
        weights: Some(weights),
        clusters: None,
        ..Design::default()
    };
    let kl = breadth_stats::kl(log_p, log_q, &design, 0.95)
        .unwrap()
        .value;
    let levels = [Level::from_n(n).unwrap()];
    let profile = breadth_stats::coverage_profile(log_p, log_q, &design, &levels, 0.95).unwrap();
    (kl, profile.points[0].cov)
}

#[test]
fn figure_1_in_closed_form() {
    for config in [
        GraphSearchConfig::figure1(),
        GraphSearchConfig::figure1_small(),
    ] {
        let task = task(config);
        for (q, kl, pass_8, cov_4) in [
            (0.9f64, 0.325083, 0.956953, 0.1),
            (0.6, 0.551372, 0.997731, 0.0),
        ] {
            let rows = score(&task, &FIGURE1_FINE_TUNE, |example| {
                let first = task.follows_policy(&example.prompt, &example.response, Class::G1);
                if first { q.ln() } else { (1.0 - q).ln() }
            });
            let (our_kl, our_cov) = kl_and_cov(&rows, 4.0);
            let pass =
                |i: usize| rows[2][i] * breadth_stats::pass_at_n_exact(rows[1][i], 8.0).unwrap();
            let our_pass = (0..rows[1].len()).map(pass).sum::<f64>() / rows[2].iter().sum::<f64>();
            assert!(
                (our_kl - kl).abs() < 5e-7 && (our_cov - cov_4).abs() < 1e-12,
                "{our_kl} {our_cov}"
            );
            assert!((our_pass - pass_8).abs() < 5e-7, "{our_pass}");
        }
    }
}

#[test]
fn figure_2_has_its_floor() {
    for (h, kl) in [(8, 0.1386), (16, 0.2773), (24, 0.4159)] {
        let task = task(GraphSearchConfig::figure2(h));
        // The best that a model without the XOR can do: uniform over the valid paths.
        let rows = score(&task, &FIGURE2, |example| {
            -(example.graph.paths().count() as f64).ln()
        });
        let (our_kl, our_cov) = kl_and_cov(&rows, 16.0);
        assert!(
            (our_kl - kl).abs() < 5e-5 && (our_cov - 0.05).abs() < 1e-12,
            "H = {h}: {our_kl} {our_cov}"
        );
    }
}
