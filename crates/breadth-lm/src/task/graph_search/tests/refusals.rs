//! Both sides of every check of configurations, mixtures and classes.

use super::*;

#[test]
fn impossible_configurations_are_refused() {
    let base = || figure1(3, 2, 16, 2, Label::Drawn);
    let figure2 = |a, b| GraphSearchConfig {
        family: Family::Figure2 {
            xor_branching: a,
            uniform_branching: b,
        },
        ..base()
    };
    let possible = [
        base(),
        figure1(1, 1, 3, 0, Label::Drawn),
        GraphSearchConfig { names: 8, ..base() },
        GraphSearchConfig {
            names: 1 << 20,
            ..base()
        },
        figure1(3, 2, 16, 3, Label::Drawn),
        figure1(3, 1, 16, 0, Label::Drawn),
        figure1(3, 2, 16, 2, HIDDEN),
        figure2(3, 3),
        figure2(0, 0),
        GraphSearchConfig::figure1(),
        GraphSearchConfig::figure1_small(),
    ];
    for config in possible
        .into_iter()
        .chain([8, 16, 24].map(GraphSearchConfig::figure2))
        .chain([4, 8, 12].map(GraphSearchConfig::figure2_small))
    {
        assert_eq!(
            config.validate().map_err(|e| e.to_string()),
            Ok(()),
            "{config:?}"
        );
    }
    let impossible = [
        (
            figure1(0, 2, 16, 0, Label::Drawn),
            "middle_layers = 0: a graph needs at least 1 layer between source and target",
        ),
        (
            figure1(3, 0, 16, 0, Label::Drawn),
            "width = 0: a layer needs at least 1 node",
        ),
        (
            GraphSearchConfig { names: 7, ..base() },
            "names = 7: 3 layers of 2 nodes, the source and the target need 8 distinct names",
        ),
        (
            GraphSearchConfig {
                middle_layers: usize::MAX,
                ..base()
            },
            "names = 16: 18446744073709551615 layers of 2 nodes, the source and the target need too many distinct names",
        ),
        (
            GraphSearchConfig {
                names: (1 << 20) + 1,
                ..base()
            },
            "names = 1048577: at most 1048576 are supported",
        ),
        (
            figure1(3, 2, 16, 4, Label::Drawn),
            "branching = 4: only 3 layers (middle_layers) can branch",
        ),
        (
            figure1(3, 1, 16, 1, Label::Drawn),
            "branching = 1: a branching layer needs width >= 2, not 1",
        ),
        (
            figure2(4, 0),
            "xor_branching = 4: only 3 layers (middle_layers) can branch",
        ),
        (
            figure2(0, 4),
            "uniform_branching = 4: only 3 layers (middle_layers) can branch",
        ),
        (
            figure1(3, 2, 16, 3, HIDDEN),
            "label = hidden-xor: with branching = 3 and width = 2 every graph has label 0; widen the layers or take label = drawn",
        ),
    ];
    for (config, expected) in impossible {
        assert_eq!(message(GraphSearch::new(config)), expected);
    }
}

#[test]
fn impossible_mixtures_are_refused() {
    let task = task(GraphSearchConfig::figure1_small());
    let refusals: [(&[(Class, f64)], &str); 7] = [
        (&[], "mixture: the weights sum to 0, not to 1"),
        (
            &[(Class::G1, 0.9)],
            "mixture: the weights sum to 0.9, not to 1",
        ),
        (
            &[(Class::G1, 1.5), (Class::G2, -0.5)],
            "mixture: class G2 has weight -0.5; weights are finite and at least 0",
        ),
        (
            &[(Class::G1, f64::NAN)],
            "mixture: class G1 has weight NaN; weights are finite and at least 0",
        ),
        (
            &[(Class::G1, f64::INFINITY)],
            "mixture: class G1 has weight inf; weights are finite and at least 0",
        ),
        (
            &[(Class::G1, 0.5), (Class::G1, 0.5)],
            "mixture: class G1 is listed twice",
        ),
        (
            &FIGURE2,
            "class Single: a task of figure 1 has g1, g2 and g3",
        ),
    ];
    for (weights, expected) in refusals {
        assert_eq!(message(task.mixture(weights)), expected);
    }
    assert!(task.mixture(&[(Class::G1, 1.0), (Class::G2, 0.0)]).is_ok());
}

#[test]
fn prompts_that_no_class_has_are_refused() {
    let figure2 = task(GraphSearchConfig::figure2_small(12));
    let mixture = figure2.mixture(&[(Class::Single, 1.0)]).unwrap();
    let example = figure2
        .sample_class(Class::Uniform, &mut stream(0, "refused", 0))
        .unwrap();
    let refusal =
        "graph-search prompt: with its 4 branching layers it comes from none of [(Single, 1.0)]";
    assert_eq!(
        message(figure2.log_prob(&example.graph, &example.response, &mixture)),
        refusal
    );
    let refusal = "class G1: a task of figure 2 has single, xor and uniform";
    assert_eq!(
        message(figure2.sample_class(Class::G1, &mut stream(0, "refused", 0))),
        refusal
    );
    assert_eq!(
        message(figure2.sample_prompt(Class::G1, &mut stream(0, "refused", 0))),
        refusal
    );
}

#[test]
fn configurations_are_written_as_toml() {
    let text = "middle_layers = 3\nwidth = 2\nnames = 16\nedge_order = \"slot\"\n\n[family]\nfigure = \"1\"\nbranching = 2\nlabel = \"drawn\"\n";
    assert_eq!(
        toml::to_string(&GraphSearchConfig::figure1_small()).unwrap(),
        text
    );
    for config in [
        GraphSearchConfig::figure1(),
        GraphSearchConfig::figure1_small(),
        GraphSearchConfig::figure2(8),
    ] {
        assert_eq!(
            toml::from_str::<GraphSearchConfig>(&toml::to_string(&config).unwrap()).unwrap(),
            config
        );
    }
    for (typo, key) in [
        ("width = 2", "breadth = 2"),
        ("branching = 2", "branches = 2"),
    ] {
        let error = toml::from_str::<GraphSearchConfig>(&text.replace(typo, key))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("unknown field") || error.contains("missing field"),
            "{error}"
        );
    }
}
