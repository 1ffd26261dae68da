//! Random configurations, random tokens.

use proptest::prelude::*;

use super::*;

fn any_config() -> impl Strategy<Value = GraphSearchConfig> {
    let sizes = (
        1usize..6,
        2usize..5,
        0u32..20,
        0usize..3,
        0usize..6,
        0usize..6,
        any::<bool>(),
    );
    sizes.prop_map(|(layers, width, spare, order, a, b, first)| {
        let family = if first {
            Family::Figure1 {
                branching: a.min(layers),
                label: Label::Drawn,
            }
        } else {
            Family::Figure2 {
                xor_branching: a.min(layers),
                uniform_branching: b.min(layers),
            }
        };
        let names = (layers * width + 2) as u32 + spare;
        GraphSearchConfig {
            middle_layers: layers,
            width,
            names,
            edge_order: ORDERS[order],
            family,
        }
    })
}

fn classes(config: &GraphSearchConfig) -> [(Class, f64); 3] {
    match config.family {
        Family::Figure1 { .. } => FIGURE1_PRETRAIN,
        Family::Figure2 { .. } => FIGURE2,
    }
}

proptest! {
    #[test]
    fn examples_are_what_they_should_be(config in any_config(), seed: u64) {
        let task = task(config.clone());
        let mixture = task.mixture(&classes(&config)).unwrap();
        let example = task.sample(&mixture, &mut stream(seed, "proptest", 0));
        prop_assert!(example.prompt.len() <= task.max_prompt_len());
        prop_assert!(config.edge_order != EdgeOrder::Slot || example.prompt.len() == task.max_prompt_len());
        prop_assert_eq!(example.response.len(), task.response_len());
        prop_assert_eq!(&task.parse(&example.prompt).unwrap(), &example.graph);
        prop_assert!(is_valid_path(&example.prompt, &example.response));
        prop_assert!(task.follows_policy(&example.prompt, &example.response, example.class));
        prop_assert_eq!(Ok(example.graph.branching()), distribution::branching(&config, example.class).map_err(|e| e.to_string()));
        let total: f64 = example.graph.paths().map(|path| task.log_prob(&example.graph, &path, &mixture).unwrap().exp()).sum();
        prop_assert!((total - 1.0).abs() < 1e-9);
    }

    /// Counted in the tokens: names distinct, out-degrees W (1 into the target) or 0, each edge
    /// once, or in slots as often as it must.
    #[test]
    fn degrees_are_right(config in any_config(), seed: u64) {
        let task = task(config.clone());
        let Example { prompt, graph, .. } = task.sample_class(classes(&config)[2].0, &mut stream(seed, "proptest", 0)).unwrap();
        let mut edges: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for edge in prompt[..prompt.len() - 4].split(|&token| token == config.names) {
            *edges.entry((edge[0], edge[1])).or_default() += 1;
        }
        let names: BTreeSet<u32> = edges.keys().flat_map(|&(u, v)| [u, v]).collect();
        prop_assert_eq!(names.len(), config.middle_layers * config.width + 2);
        for (i, layer) in graph.layers.iter().enumerate() {
            let degree = if i + 1 < config.middle_layers { config.width } else { 1 };
            let repeats = if config.edge_order == EdgeOrder::Slot && !layer.branches() { 2 } else { 1 };
            for name in &layer.nodes {
                let out: Vec<usize> = edges.iter().filter(|((u, _), _)| u == name).map(|(_, &count)| count).collect();
                let expected = if layer.passable.contains(name) { vec![repeats; degree] } else { vec![] };
                prop_assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn the_order_of_the_edges_does_not_matter(config in any_config(), seed: u64) {
        let task = task(config.clone());
        let mixture = task.mixture(&classes(&config)).unwrap();
        let mut rng = stream(seed, "proptest", 0);
        let example = task.sample(&mixture, &mut rng);
        let (edges, tail) = example.prompt.split_at(example.prompt.len() - 4);
        let mut edges: Vec<&[u32]> = edges.split(|&token| token == config.names).collect();
        rng::shuffle(&mut rng, &mut edges);
        let shuffled = [&edges.join(&config.names), tail].concat();
        let graph = task.parse(&shuffled).unwrap();
        prop_assert_eq!(&graph, &example.graph);
        prop_assert!(task.follows_policy(&shuffled, &example.response, example.class));
    }

    #[test]
    fn arbitrary_tokens_never_panic(prompt in prop::collection::vec(0u32..22, 0..60), response in prop::collection::vec(0u32..22, 0..8)) {
        let (task, _) = hand_made();
        prop_assert!(is_valid_path(&prompt, &response) || !task.follows_policy(&prompt, &response, Class::G3));
        prop_assert!(task.parse(&prompt).is_err());
    }

    /// A single changed token must not be read as another graph with the same paths by accident:
    /// reading is all or nothing.
    #[test]
    fn broken_prompts_never_panic(place in 0usize..27, token in 0u32..22) {
        let (task, mut prompt) = hand_made();
        prompt[place] = token;
        if let Ok(graph) = task.parse(&prompt) {
            prop_assert_eq!(graph.layers.len(), 3);
            prop_assert!(graph.paths().all(|path| is_valid_path(&prompt, &path)));
        }
    }
}
