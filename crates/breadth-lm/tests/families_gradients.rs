//! Gradients and test-time training of every family against PyTorch (`tests/golden/families`, made
//! by `scripts/families.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use breadth_lm::decode::{Ttt, score_ttt};
use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::train::value_and_gradient;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    prompts: Vec<Vec<u32>>,
    responses: Vec<Vec<u32>>,
    /// Mean over all response tokens of -log q.
    loss: f64,
    /// Of each tensor's gradient the length and the product with cos 0, cos 1, ..
    gradients: BTreeMap<String, [f64; 2]>,
    ttt_texts: Vec<usize>,
    ttt_lr: f64,
    ttt_head: Vec<Vec<f32>>,
    #[serde(rename = "ttt_last-block")]
    ttt_last_block: Vec<Vec<f32>>,
    ttt_all: Vec<Vec<f32>>,
}

impl Expected {
    fn sequence(&self, i: usize) -> Sequence<'_> {
        Sequence {
            prompt: &self.prompts[i],
            response: &self.responses[i],
        }
    }
}

fn families() -> Vec<(String, Checkpoint, Expected)> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/families");
    let entries = std::fs::read_dir(all).unwrap().map(|e| e.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() > 20);
    let read = |folder: &PathBuf| {
        let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let expected = serde_json::from_str(&text).unwrap();
        (name, Checkpoint::read(folder).unwrap(), expected)
    };
    folders.iter().map(read).collect()
}

#[test]
fn gradients_are_those_of_pytorch() {
    for (family, checkpoint, expected) in families() {
        let sequences: Vec<Sequence> = (0..50).map(|i| expected.sequence(i)).collect();
        let (loss, gradient) = value_and_gradient(&checkpoint, &sequences, 2);
        assert!((loss - expected.loss).abs() < 1e-4, "{family}");
        assert_eq!(gradient.iter().count(), expected.gradients.len());
        for (name, array) in gradient.iter() {
            let g = || array.data.iter().map(|&g| f64::from(g));
            let length = g().map(|g| g * g).sum::<f64>().sqrt();
            let product: f64 = g().enumerate().map(|(i, g)| g * (i as f64).cos()).sum();
            // Older GPT-2 files leave the prefix out.
            let stored = name.strip_prefix("transformer.").unwrap_or(name);
            let theirs = expected.gradients.get(name);
            let theirs = theirs.or_else(|| expected.gradients.get(stored));
            let [expected_length, expected_product] =
                theirs.unwrap_or_else(|| panic!("{family} has no gradient {name}"));
            let tolerance = 1e-4 * expected_length + 1e-6;
            assert!(
                (length - expected_length).abs() < tolerance
                    && (product - expected_product).abs() < 3.0 * tolerance,
                "{family}, {name}: {length} {product}, {theirs:?}"
            );
        }
    }
}

/// Why test-time training of `set` is refused, where it is.
fn refused(family: &str, set: &str) -> Option<&'static str> {
    match (family, set) {
        ("gemma2" | "gemma3", "head") => Some("softly capped"),
        ("phi3-longrope", "last-block" | "all") => Some("LongRoPE"),
        _ => None,
    }
}

#[test]
fn test_time_training_is_the_explicit_loop() {
    for (family, checkpoint, expected) in families() {
        let texts = expected.ttt_texts.iter();
        let sequences: Vec<Sequence> = texts.map(|&i| expected.sequence(i)).collect();
        let sets = [
            ("head", &expected.ttt_head, 1e-4),
            ("last-block", &expected.ttt_last_block, 1e-4),
            // Steps on all weights move some tokens by 10 nats and magnify rounding.
            ("all", &expected.ttt_all, 5e-4),
        ];
        for (set, theirs, tolerance) in sets {
            let ttt: Ttt = format!("lr={},set={set}", expected.ttt_lr).parse().unwrap();
            let ours = match (
                score_ttt(&checkpoint, &sequences, &ttt),
                refused(&family, set),
            ) {
                (Err(error), Some(reason)) => {
                    assert!(error.to_string().contains(reason), "{error}");
                    continue;
                }
                (result, reason) => {
                    assert_eq!(reason, None, "{family}, {set}");
                    result.unwrap()
                }
            };
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().flatten().zip(theirs.iter().flatten()) {
                let difference = (ours - theirs).abs();
                assert!(difference < tolerance, "{family}, {set}: {ours} {theirs}");
            }
        }
    }
}
