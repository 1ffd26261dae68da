//! A prompt written by hand, read, walked and broken.

use super::*;

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
fn the_verifier_accepts_paths_and_nothing_else() {
    let (task, prompt) = hand_made();
    let valid: [[u32; 5]; 2] = [[9, 2, 4, 5, 8], [9, 2, 3, 5, 8]];
    for path in valid {
        assert!(is_valid_path(&prompt, &path));
        assert!(task.follows_policy(&prompt, &path, Class::G3));
    }
    assert!(
        task.follows_policy(&prompt, &valid[0], Class::G1)
            && !task.follows_policy(&prompt, &valid[1], Class::G1)
    );
    assert!(
        task.follows_policy(&prompt, &valid[1], Class::G2)
            && !task.follows_policy(&prompt, &valid[0], Class::G2)
    );
    let wrong: [&[u32]; 8] = [
        &[],
        &[9],
        &[9, 8],
        &[2, 4, 5, 8],
        &[9, 2, 4, 5],
        &[9, 1, 4, 5, 8],
        &[9, 2, 4, 6, 8],
        &[9, 2, 4, 5, 8, 8],
    ];
    for path in wrong {
        assert!(!is_valid_path(&prompt, path), "{path:?}");
        assert!(!task.follows_policy(&prompt, path, Class::G3), "{path:?}");
    }
    assert!(
        !is_valid_path(&prompt[1..], &valid[0]),
        "the prompt is broken"
    );
}

/// XOR of the passable nodes 2, 3, 4, 5 is 0 and layer 2 is even: class Xor takes 4. With 6 for 5
/// it is 1: takes 3.
#[test]
fn the_xor_class_written_by_hand() {
    let family = Family::Figure2 {
        xor_branching: 1,
        uniform_branching: 2,
    };
    let task = task(GraphSearchConfig {
        family,
        ..figure1(3, 2, 16, 1, Label::Drawn)
    });
    for (text, path) in [
        (PROMPT.to_string(), [9, 2, 4, 5, 8]),
        (PROMPT.replace("5 8 /", "6 8 /"), [9, 2, 3, 6, 8]),
    ] {
        let prompt = task.tokenizer().encode(&text).unwrap();
        assert_eq!(
            task.correct_response(&task.parse(&prompt).unwrap(), Class::Xor)
                .unwrap(),
            path
        );
    }
}

#[test]
fn what_is_wrong_with_a_prompt_is_said() {
    let (task, _) = hand_made();
    let cases = [
        ("", "it must end in `/ s t =`"),
        ("9 1 | 9 2 9 8 =", "it must end in `/ s t =`"),
        ("9 1 / 9 8 = =", "it must end in `/ s t =`"),
        (
            "9 1 / 9 8 /",
            "it must end in `/ s t =` with node names s and t",
        ),
        (
            "9 1 / | 8 =",
            "it must end in `/ s t =` with node names s and t",
        ),
        ("/ 9 8 =", "edge 1 is not two node names"),
        ("9 1 | 9 / 9 8 =", "edge 2 is not two node names"),
        ("9 1 | 9 2 | / 9 8 =", "edge 3 is not two node names"),
        (
            "1 2 / 9 8 =",
            "layer 1 has passable nodes [], not one, or one even and one odd",
        ),
        ("9 1 | 1 3 / 9 8 =", "layer 1 has 1 nodes, the task has 2"),
        (
            &PROMPT.replace("2 3 |", "2 3 | 1 3 |"),
            "the passable nodes [1, 2] of layer 1 lead to different nodes",
        ),
        (
            &PROMPT.replace("5 8 /", "5 8 | 6 7 /"),
            "the passable nodes [5, 6] of layer 3 lead to different nodes",
        ),
        (
            &PROMPT.replace("9 1 | 9 2 | 2 3 | 2 4", "9 0 | 9 2 | 2 3 | 2 4 | 0 3 | 0 4"),
            "layer 1 has passable nodes [0, 2], not one, or one even and one odd",
        ),
        (
            &PROMPT.replace("5 8 /", "5 7 /"),
            "layer 3 leads to {7}, not to the target 8",
        ),
        (
            &PROMPT.replace("5 8 /", "5 8 | 12 13 /"),
            "node 12 has edges but lies on no path of 3 middle layers",
        ),
        (
            &PROMPT.replace("4 6 ", "4 1 ").replace("3 6 ", "3 1 "),
            "node 1 is in two layers",
        ),
    ];
    for (text, expected) in cases {
        let prompt = task.tokenizer().encode(text).unwrap();
        assert_eq!(
            message(task.parse(&prompt)),
            format!("graph-search prompt: {expected}"),
            "{text}"
        );
    }
}
