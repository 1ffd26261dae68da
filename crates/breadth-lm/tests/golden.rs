//! The decoder, its gradients and AdamW against PyTorch and transformers on identical weights
//! (`tests/golden/lm`).

use std::path::{Path, PathBuf};

use breadth_lm::decode::{score, score_ttt};
use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::optim::{GradientTransformation, Optimizer, apply_updates};
use breadth_lm::train::value_and_gradient;
use breadth_lm::tree::Tree;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/lm")
}

fn json(name: &str) -> Value {
    let path = folder().join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn tree(name: &str) -> Tree {
    let path = folder().join(name);
    Tree::from_safetensors(&std::fs::read(&path).unwrap(), &path).unwrap()
}

type Lists = Vec<Vec<u32>>;

fn batch(value: &Value) -> (Lists, Lists) {
    let read = |name: &str| serde_json::from_value(value[name].clone()).unwrap();
    (read("prompts"), read("responses"))
}

fn sequences((prompts, responses): &(Lists, Lists)) -> Vec<Sequence<'_>> {
    let pairs = prompts.iter().zip(responses);
    pairs
        .map(|(prompt, response)| Sequence { prompt, response })
        .collect()
}

#[test]
fn log_probs_are_those_of_transformers() {
    let checkpoint = Checkpoint::read(&folder()).unwrap();
    let batch = batch(&json("batch.json"));
    let expected: Vec<Vec<f32>> =
        serde_json::from_value(json("expected.json")["token_logprobs"].clone()).unwrap();
    let got = score(&checkpoint, &sequences(&batch)).unwrap();
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(&expected) {
        assert_eq!(got.len(), expected.len());
        for (g, e) in got.iter().zip(expected) {
            assert!((g - e).abs() < 1e-5, "{g} {e}");
        }
    }
}

#[test]
fn test_time_training_is_pytorchs_explicit_loop() {
    let checkpoint = Checkpoint::read(&folder()).unwrap();
    let batch = batch(&json("batch.json"));
    for set in ["head", "last-block", "all", "low-rank:3"] {
        let expected: Vec<Vec<f32>> =
            serde_json::from_value(json("expected.json")["ttt"][set].clone()).unwrap();
        let ttt = format!("lr=0.05,set={set}").parse().unwrap();
        let got = score_ttt(&checkpoint, &sequences(&batch), &ttt).unwrap();
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got.len(), expected.len());
            for (g, e) in got.iter().zip(expected) {
                assert!((g - e).abs() < 5e-5, "{set}: {g} {e}");
            }
        }
    }
}

/// Largest difference of a tensor over its largest entry.
fn relative(got: &[f32], expected: &[f32]) -> f64 {
    let largest = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let worst = got
        .iter()
        .zip(expected)
        .fold(0.0f32, |m, (g, e)| m.max((g - e).abs()));
    f64::from(worst / largest)
}

#[test]
fn gradients_are_those_of_pytorch() {
    let checkpoint = Checkpoint::read(&folder()).unwrap();
    let batch = batch(&json("batch.json"));
    let expected = tree("gradients.safetensors");
    for shards in [1, 2, 5] {
        let (loss, gradient) = value_and_gradient(&checkpoint, &sequences(&batch), shards);
        let exact = json("expected.json")["loss"].as_f64().unwrap();
        assert!((loss - exact).abs() < 1e-5, "{loss} {exact}");
        assert_eq!(gradient.len(), expected.len());
        for (name, array) in expected.iter() {
            assert_eq!(gradient[name].shape, array.shape, "{name}");
            let worst = relative(&gradient[name].data, &array.data);
            assert!(worst < 1e-4, "{name}: {worst} ({shards} shards)");
        }
    }
}

#[test]
fn adamw_steps_are_those_of_pytorch() {
    let mut checkpoint = Checkpoint::read(&folder()).unwrap();
    let settings = Optimizer {
        learning_rate: 1e-2,
        ..Optimizer::default()
    };
    let batches = json("adamw_batches.json");
    let batches = batches.as_array().unwrap();
    let mut optimizer = settings.build(batches.len() as u64, &checkpoint.weights);
    for (step, value) in batches.iter().enumerate() {
        let batch = batch(value);
        let (_, mut updates) = value_and_gradient(&checkpoint, &sequences(&batch), 1);
        optimizer.update(&mut updates, &checkpoint.weights, step as u64);
        apply_updates(&mut checkpoint.weights, &updates);
    }
    let width = checkpoint.config.hidden_size;
    for (name, expected) in tree("adamw.safetensors").iter() {
        let got = &checkpoint.weights[name].data;
        for (i, (g, e)) in got.iter().zip(&expected.data).enumerate() {
            // The softmax does not depend on the keys' bias: its gradient is rounding, which Adam
            // divides by itself.
            let keys_bias = name.ends_with("c_attn.bias") && (width..2 * width).contains(&i);
            assert!(keys_bias || (g - e).abs() < 3e-4, "{name}[{i}]: {g} {e}");
        }
    }
}
