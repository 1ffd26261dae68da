//! Every family against transformers: tiny models with all options on (`tests/golden/families`,
//! made by `scripts/families.py`).

use std::path::{Path, PathBuf};

use breadth_lm::decode::{sample, score, sequence_log_prob};
use breadth_lm::generation::{Sampling, Sequence};
use breadth_lm::model::{Checkpoint, Config};
use breadth_lm::train::value_and_gradient;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    prompts: Vec<Vec<u32>>,
    responses: Vec<Vec<u32>>,
    token_logprobs: Vec<Vec<f32>>,
    greedy_prompts: Vec<Vec<u32>>,
    greedy_responses: Vec<Vec<u32>>,
}

impl Expected {
    fn sequences(&self) -> Vec<Sequence<'_>> {
        let pairs = self.prompts.iter().zip(&self.responses);
        pairs
            .map(|(prompt, response)| Sequence { prompt, response })
            .collect()
    }
}

fn folders() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/families");
    let entries = std::fs::read_dir(all).unwrap().map(|e| e.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
}

fn expected(folder: &Path) -> Expected {
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The checkpoint, and the same with the configuration as older versions of transformers wrote it.
fn checkpoints(folder: &Path) -> [Checkpoint; 2] {
    let new = Checkpoint::read(folder).unwrap();
    let text = std::fs::read_to_string(folder.join("config-older.json")).unwrap();
    let older = Checkpoint {
        config: Config::from_json(&text, folder).unwrap(),
        weights: new.weights.clone(),
    };
    [new, older]
}

#[test]
fn token_log_probs_are_those_of_transformers() {
    assert_eq!(folders().len(), 21, "a model for every family and scaling");
    for folder in folders() {
        let expected = expected(&folder);
        assert_eq!(expected.prompts.len(), 50);
        for checkpoint in checkpoints(&folder) {
            let scored = score(&checkpoint, &expected.sequences()).unwrap();
            let pairs = scored
                .iter()
                .flatten()
                .zip(expected.token_logprobs.iter().flatten());
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{}: {worst}", folder.display());
        }
    }
}

#[test]
fn greedy_decoding_is_that_of_transformers() {
    for folder in folders() {
        let expected = expected(&folder);
        let checkpoint = Checkpoint::read(&folder).unwrap();
        let prompts: Vec<&[u32]> = expected.greedy_prompts.iter().map(Vec::as_slice).collect();
        let options = Sampling {
            max_tokens: expected.greedy_responses[0].len(),
            temperature: 0.0,
            ..Sampling::default()
        };
        let drawn = sample(&checkpoint, &prompts, &options).unwrap();
        for (drawn, exact) in drawn.iter().zip(&expected.greedy_responses) {
            assert_eq!(&drawn[0].tokens, exact, "{}", folder.display());
        }
    }
}

#[test]
fn samples_carry_the_log_probs_that_scoring_gives_them() {
    for folder in folders() {
        let expected = expected(&folder);
        let checkpoint = Checkpoint::read(&folder).unwrap();
        let prompts: Vec<&[u32]> = expected.greedy_prompts.iter().map(Vec::as_slice).collect();
        let options = Sampling {
            samples: 3,
            max_tokens: expected.greedy_responses[0].len(),
            temperature: 1.5,
            top_k: Some(40),
            top_p: Some(0.95),
            ..Sampling::default()
        };
        let drawn = sample(&checkpoint, &prompts, &options).unwrap();
        for (prompt, samples) in prompts.iter().zip(&drawn) {
            let pairs = samples.iter().map(|s| Sequence {
                prompt,
                response: &s.tokens,
            });
            let scored = score(&checkpoint, &pairs.collect::<Vec<_>>()).unwrap();
            for (scored, sample) in scored.iter().zip(samples) {
                for (a, b) in scored.iter().zip(&sample.log_probs) {
                    assert!((a - b).abs() < 1e-4, "{}: {a} {b}", folder.display());
                }
            }
        }
    }
}

#[test]
fn gradients_are_finite_differences() {
    for folder in folders() {
        let expected = expected(&folder);
        let checkpoint = Checkpoint::read(&folder).unwrap();
        // The last ones share their prompts.
        let sequences = &expected.sequences()[44..];
        let (_, gradient) = value_and_gradient(&checkpoint, sequences, 1);
        assert_eq!(
            gradient.len(),
            checkpoint.weights.len(),
            "{}",
            folder.display()
        );
        for (name, array) in gradient.iter() {
            let slope: f64 = array.data.iter().map(|g| f64::from(g.abs())).sum();
            let step = 2e-3 / (array.data.len() as f64).sqrt();
            let loss = |sign: f64| {
                let mut other = checkpoint.clone();
                let moved = other
                    .weights
                    .iter_mut()
                    .find(|(n, _)| *n == name)
                    .unwrap()
                    .1;
                for (w, g) in moved.data.iter_mut().zip(&array.data) {
                    *w += (sign * step) as f32 * g.signum();
                }
                let lists = score(&other, sequences).unwrap();
                let n: usize = lists.iter().map(Vec::len).sum();
                -lists.iter().map(|l| sequence_log_prob(l)).sum::<f64>() / n as f64
            };
            let measured = (loss(1.0) - loss(-1.0)) / (2.0 * step);
            assert!(
                (measured - slope).abs() < 0.03 * slope + 4e-3,
                "{}, {name}: {measured} {slope}",
                folder.display()
            );
        }
    }
}
