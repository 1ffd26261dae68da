//! Brute force over all paths, named prompts, and random configurations.

use super::*;
use crate::rng::stream;

/// A prompt written by hand: s = 9, layers {1, 2}, {3, 4} (both passable), {5, 6}, t = 8.
const PROMPT: &str = "9 1 | 9 2 | 2 3 | 2 4 | 3 5 | 3 6 | 4 5 | 4 6 | 5 8 / 9 8 =";

fn hand_made() -> (GraphSearch, Vec<u32>) {
    let config = GraphSearchConfig {
        family: Family::Figure1 {
            branching: 1,
            label: Label::Drawn,
        },
        ..GraphSearchConfig::figure1_small()
    };
    let task = GraphSearch::new(config).unwrap();
    let prompt = task.tokenizer().encode(PROMPT).unwrap();
    (task, prompt)
}

#[test]
fn a_prompt_written_by_hand_is_read_as_meant() {
    let (task, prompt) = hand_made();
    let graph = task.parse(&prompt).unwrap();
    let layer = |nodes: [u32; 2], passable: &[u32]| Layer {
        nodes: nodes.to_vec(),
        passable: passable.to_vec(),
    };
    let layers = vec![
        layer([1, 2], &[2]),
        layer([3, 4], &[3, 4]),
        layer([5, 6], &[5]),
    ];
    assert_eq!(
        graph,
        Graph {
            source: 9,
            target: 8,
            layers
        }
    );
    // Layer 2 branches: the even node under G1, the odd one under G2.
    assert_eq!(
        task.correct_response(&graph, Class::G1).unwrap(),
        [9, 2, 4, 5, 8]
    );
    assert_eq!(
        task.correct_response(&graph, Class::G2).unwrap(),
        [9, 2, 3, 5, 8]
    );
    assert_eq!(task.correct_response(&graph, Class::G3), None);
}

#[test]
fn seeds_are_reproducible() {
    let task = GraphSearch::new(GraphSearchConfig::figure1_small()).unwrap();
    let example = task.sample_class(Class::G1, &mut stream(0, "golden", 0));
    assert_eq!(
        example,
        task.sample_class(Class::G1, &mut stream(0, "golden", 0))
    );
    assert_ne!(
        example,
        task.sample_class(Class::G1, &mut stream(0, "golden", 1))
    );
}
