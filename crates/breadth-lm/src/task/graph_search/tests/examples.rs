//! Lengths, slots, seeds.

use super::*;

#[test]
fn prompts_of_the_miniatures_have_their_lengths() {
    let wide = GraphSearchConfig {
        width: 4,
        names: 24,
        ..GraphSearchConfig::figure1_small()
    };
    for (config, input) in [(GraphSearchConfig::figure1_small(), 43), (wide, 73)] {
        let task = task(config);
        assert_eq!(task.max_prompt_len() + task.response_len() - 1, input);
        for class in [Class::G1, Class::G2, Class::G3] {
            let example = task
                .sample_class(class, &mut stream(0, "lengths", 0))
                .unwrap();
            assert_eq!(
                (example.prompt.len(), example.response.len()),
                (input - 4, 5)
            );
        }
    }
    let paper = task(GraphSearchConfig::figure1());
    assert_eq!(
        (
            paper.max_prompt_len(),
            paper.response_len(),
            paper.vocab_size()
        ),
        (126, 10, 67)
    );
}

#[test]
fn the_longest_prompt_occurs() {
    for order in ORDERS {
        for branching in 0..=3 {
            let task = task(GraphSearchConfig {
                edge_order: order,
                ..figure1(3, 2, 16, branching, Label::Drawn)
            });
            let length = |i| {
                task.sample_prompt(Class::G3, &mut stream(0, "longest", i))
                    .unwrap()
                    .len()
            };
            assert_eq!(
                (0..50).map(length).max(),
                Some(task.max_prompt_len()),
                "{order:?} {branching}"
            );
        }
    }
}

#[test]
fn slots_have_fixed_places() {
    let task = task(GraphSearchConfig::figure1_small());
    for i in 0..20 {
        let Example { prompt, graph, .. } = task
            .sample_class(Class::G1, &mut stream(0, "slots", i))
            .unwrap();
        let edges: Vec<&[u32]> = prompt[..35].split(|&token| token == 16).collect();
        let sources: Vec<BTreeSet<u32>> = [0..2, 2..6, 6..10, 10..12]
            .map(|block| edges[block].iter().map(|edge| edge[0]).collect())
            .to_vec();
        assert_eq!(sources[0], BTreeSet::from([graph.source]));
        for (layer, sources) in graph.layers.iter().zip(&sources[1..]) {
            assert_eq!(*sources, layer.passable.iter().copied().collect());
        }
    }
}

/// Written down once; a change breaks everybody's runs.
#[test]
fn seeds_are_reproducible_for_ever() {
    let golden = [
        (
            GraphSearchConfig::figure1_small(),
            Class::G1,
            "2 10 | 2 9 | 10 7 | 10 0 | 9 0 | 9 7 | 7 4 | 0 11 | 7 11 | 0 4 | 11 6 | 11 6 / 2 6 = 2 9 0 11 6",
        ),
        (
            GraphSearchConfig {
                edge_order: EdgeOrder::Layer,
                ..GraphSearchConfig::figure1_small()
            },
            Class::G2,
            "2 10 | 2 9 | 10 7 | 10 0 | 9 0 | 9 7 | 7 4 | 0 11 | 7 11 | 0 4 | 11 6 / 2 6 = 2 10 7 11 6",
        ),
        (
            GraphSearchConfig {
                edge_order: EdgeOrder::Shuffled,
                ..GraphSearchConfig::figure2_small(4)
            },
            Class::Xor,
            "14 30 | 18 31 | 3 16 | 31 19 | 28 3 | 31 14 | 28 18 | 18 16 | 17 10 | 3 31 | 16 19 | 16 14 | 14 17 / 28 10 = 28 18 31 14 17 10",
        ),
    ];
    for (config, class, expected) in golden {
        let task = task(config);
        let example = task
            .sample_class(class, &mut stream(0, "golden", 0))
            .unwrap();
        let text = task
            .tokenizer()
            .decode(&[example.prompt, example.response].concat())
            .unwrap();
        assert_eq!(text, expected);
    }
    let task = task(GraphSearchConfig::figure1());
    let prompt = |i| {
        task.sample_prompt(Class::G1, &mut stream(0, "golden", i))
            .unwrap()
    };
    assert_ne!(prompt(0), prompt(1));
}

#[test]
fn the_smallest_task_has_one_path() {
    let config = figure1(1, 1, 3, 0, Label::Drawn);
    let task = task(config);
    let example = task
        .sample_class(Class::G1, &mut stream(0, "smallest", 0))
        .unwrap();
    assert_eq!(example.prompt.len(), 9);
    let paths: Vec<_> = example.graph.paths().collect();
    assert_eq!(paths, std::slice::from_ref(&example.response));
    assert_eq!(
        task.class_log_prob(&example.graph, &example.response, Class::G3),
        0.0
    );
}
