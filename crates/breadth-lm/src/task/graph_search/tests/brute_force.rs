//! Against enumeration: all graphs and all token sequences of tiny tasks.

use super::*;

/// Every graph of a tiny configuration: all assignments of names to places, all choices of passable
/// nodes, those that are allowed.
fn all_graphs(config: &GraphSearchConfig, branching: usize) -> BTreeSet<Vec<u32>> {
    let (layers, width) = (config.middle_layers, config.width);
    let mut graphs = BTreeSet::new();
    for places in permutations(config.names, layers * width + 2) {
        let blocks: Vec<&[u32]> = places[2..].chunks(width).collect();
        // Names ascending within a layer, so that each graph comes once; then passable nodes as
        // subsets, coded as bits.
        if blocks.iter().any(|nodes| !nodes.is_sorted()) {
            continue;
        }
        for code in 0..1u32 << (layers * width) {
            let passable: Vec<Vec<u32>> = (0..layers)
                .map(|i| {
                    (0..width)
                        .filter(|j| code >> (i * width + j) & 1 == 1)
                        .map(|j| blocks[i][j])
                        .collect()
                })
                .collect();
            let allowed = |p: &Vec<u32>| p.len() == 1 || p.len() == 2 && p[0] % 2 != p[1] % 2;
            if passable.iter().all(allowed)
                && passable.iter().filter(|p| p.len() == 2).count() == branching
            {
                graphs.insert(places.iter().copied().chain([code]).collect());
            }
        }
    }
    graphs
}

fn permutations(names: u32, places: usize) -> Vec<Vec<u32>> {
    (0..places).fold(vec![vec![]], |prefixes, _| {
        let extend = |prefix: Vec<u32>| {
            let free: Vec<u32> = (0..names).filter(|name| !prefix.contains(name)).collect();
            free.into_iter()
                .map(move |name| [&prefix[..], &[name]].concat())
        };
        prefixes.into_iter().flat_map(extend).collect()
    })
}

/// The graph behind a code of [`all_graphs`].
fn decode(config: &GraphSearchConfig, code: &[u32]) -> Graph {
    let (bits, places) = code.split_last().unwrap();
    let layer = |(i, nodes): (usize, &[u32])| {
        let passable = nodes
            .iter()
            .enumerate()
            .filter(|(j, _)| bits >> (i * config.width + j) & 1 == 1);
        Layer {
            nodes: nodes.to_vec(),
            passable: passable.map(|(_, &name)| name).collect(),
        }
    };
    Graph {
        source: places[0],
        target: places[1],
        layers: places[2..]
            .chunks(config.width)
            .enumerate()
            .map(layer)
            .collect(),
    }
}

fn encode(config: &GraphSearchConfig, graph: &Graph) -> Vec<u32> {
    let nodes = || {
        graph
            .layers
            .iter()
            .flat_map(|layer| layer.nodes.iter().map(move |name| (name, layer)))
    };
    let bits = nodes()
        .enumerate()
        .map(|(k, (name, layer))| u32::from(layer.passable.contains(name)) << k)
        .sum();
    assert_eq!(nodes().count(), config.middle_layers * config.width);
    [graph.source, graph.target]
        .into_iter()
        .chain(nodes().map(|(name, _)| *name))
        .chain([bits])
        .collect()
}

#[test]
fn every_graph_is_equally_likely() {
    let config = figure1(2, 2, 6, 1, Label::Drawn);
    let task = task(config.clone());
    let mut counts: BTreeMap<Vec<u32>, f64> = all_graphs(&config, 1)
        .into_iter()
        .map(|code| (code, 0.0))
        .collect();
    let (cells, per_cell) = (counts.len() as f64, 60);
    let mut rng = stream(0, "uniform graphs", 0);
    for _ in 0..per_cell * counts.len() {
        let example = task.sample_class(Class::G3, &mut rng).unwrap();
        *counts
            .get_mut(&encode(&config, &example.graph))
            .expect("an allowed graph") += 1.0;
    }
    let expected = f64::from(per_cell as u32);
    let chi2: f64 = counts
        .values()
        .map(|count| (count - expected).powi(2) / expected)
        .sum();
    assert!(
        (chi2 - cells).abs() < 4.0 * (2.0 * cells).sqrt(),
        "{cells} graphs, chi2 {chi2}"
    );
}

#[test]
fn the_hidden_label_has_its_exact_law() {
    for (layers, width, names, branching) in [
        (1, 2, 5, 0),
        (1, 3, 6, 1),
        (2, 2, 6, 1),
        (2, 2, 7, 1),
        (3, 1, 6, 0),
        (1, 4, 7, 1),
    ] {
        let config = figure1(layers, width, names, branching, HIDDEN);
        let task = task(config.clone());
        let graphs: Vec<Graph> = all_graphs(&config, branching)
            .iter()
            .map(|code| decode(&config, code))
            .collect();
        let of_class = |class| {
            graphs
                .iter()
                .filter(|graph| distribution::is_of_class(&config, graph, class))
                .count() as f64
        };
        let (ones, zeros, all) = (
            of_class(Class::G1),
            of_class(Class::G2),
            graphs.len() as f64,
        );
        assert_eq!(ones + zeros, all);
        assert!(
            (distribution::xor_probability(&config, branching) - ones / all).abs() < 1e-12,
            "{config:?}"
        );

        // Bayes by counting: P(class, x) = weight / number of graphs the class can be.
        let mixture = task
            .mixture(&[(Class::G1, 0.5), (Class::G2, 0.2), (Class::G3, 0.3)])
            .unwrap();
        let sizes = [(Class::G1, ones), (Class::G2, zeros), (Class::G3, all)];
        for graph in &graphs {
            let joint = sizes.map(|(class, size)| {
                f64::from(distribution::is_of_class(&config, graph, class)) / size
            });
            let joint: Vec<f64> = joint
                .iter()
                .zip(mixture.weights())
                .map(|(p, (_, weight))| p * weight)
                .collect();
            let posterior = task.posterior(graph, &mixture).unwrap();
            for ((_, ours), theirs) in posterior.iter().zip(&joint) {
                assert!((ours - theirs / joint.iter().sum::<f64>()).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn sampling_obeys_the_hidden_label() {
    let task = task(GraphSearchConfig {
        edge_order: EdgeOrder::Slot,
        ..GraphSearchConfig::figure1()
    });
    let mut rng = stream(0, "hidden label", 0);
    let mut labels = [0, 0];
    for _ in 0..200 {
        for class in [Class::G1, Class::G2] {
            let example = task.sample_class(class, &mut rng).unwrap();
            let graph = task.parse(&example.prompt).unwrap();
            assert!(distribution::is_of_class(task.config(), &graph, class));
            let other = if class == Class::G1 {
                Class::G2
            } else {
                Class::G1
            };
            assert!(
                !distribution::is_of_class(task.config(), &graph, other),
                "the prompt fixes the class"
            );
        }
        let free = task.sample_class(Class::G3, &mut rng).unwrap();
        labels[usize::from(distribution::is_of_class(
            task.config(),
            &free.graph,
            Class::G1,
        ))] += 1;
    }
    assert!(
        labels.iter().all(|&count| count > 60),
        "G3 ignores the label: {labels:?}"
    );
}

/// Sums over all sequences of tokens, separators and wrong lengths included.
#[test]
fn the_law_is_a_distribution_over_all_token_sequences() {
    let figure2 = Family::Figure2 {
        xor_branching: 2,
        uniform_branching: 2,
    };
    let tiny = figure1(2, 2, 6, 2, Label::Drawn);
    let cases = [
        (tiny.clone(), vec![(Class::G1, 0.9), (Class::G2, 0.1)]),
        (tiny.clone(), FIGURE1_PRETRAIN.to_vec()),
        (
            GraphSearchConfig {
                family: figure2,
                ..tiny
            },
            FIGURE2.to_vec(),
        ),
    ];
    for (config, weights) in cases {
        let task = task(config);
        let mixture = task.mixture(&weights).unwrap();
        let example = task.sample(&mixture, &mut stream(1, "brute force", 0));
        let mut total = 0.0;
        let mut valid = BTreeSet::new();
        for length in 0..=task.response_len() + 1 {
            for response in sequences(task.vocab_size() as u32, length) {
                let p = task
                    .log_prob(&example.graph, &response, &mixture)
                    .unwrap()
                    .exp();
                assert!(p == 0.0 || is_valid_path(&example.prompt, &response));
                for (class, _) in &weights {
                    let policy = task.follows_policy(&example.prompt, &response, *class);
                    assert_eq!(
                        policy,
                        task.class_log_prob(&example.graph, &response, *class) > f64::NEG_INFINITY
                    );
                }
                if is_valid_path(&example.prompt, &response) {
                    valid.insert(response);
                }
                total += p;
            }
        }
        assert!((total - 1.0).abs() < 1e-12, "{total}");
        assert_eq!(
            valid,
            example.graph.paths().collect(),
            "the verifier and the enumeration name the same paths"
        );
    }
}

/// All sequences of a length; the last length stops early only because nothing longer than `s .. t`
/// can start otherwise.
fn sequences(vocab: u32, length: usize) -> impl Iterator<Item = Vec<u32>> {
    (0..u64::from(vocab).pow(length as u32)).map(move |mut code| {
        let mut digit = |_| {
            let token = (code % u64::from(vocab)) as u32;
            code /= u64::from(vocab);
            token
        };
        (0..length).map(&mut digit).collect()
    })
}

#[test]
fn classes_that_share_prompts_are_averaged() {
    // H = 8: Xor and Uniform both have four branching layers; after 5/6 : 1/6, the Xor path gets
    // 5/6 + 1/6/16.
    let task = task(GraphSearchConfig::figure2(8));
    let mixture = task.mixture(&FIGURE2).unwrap();
    let example = task
        .sample_class(Class::Xor, &mut stream(0, "shared", 0))
        .unwrap();
    let log_prob = task
        .log_prob(&example.graph, &example.response, &mixture)
        .unwrap();
    assert!((log_prob.exp() - (5.0 / 6.0 + 1.0 / 96.0)).abs() < 1e-12);
    // H = 16: eight branching layers can only be Xor.
    let task = super::GraphSearch::new(GraphSearchConfig::figure2(16)).unwrap();
    let example = task
        .sample_class(Class::Xor, &mut stream(0, "shared", 0))
        .unwrap();
    assert_eq!(
        task.log_prob(&example.graph, &example.response, &mixture)
            .unwrap(),
        0.0
    );
}
