//! Test-time training: a distribution, the one that sampling follows, and nothing left behind.

use breadth_lm::decode::{Ttt, sample_ttt, score, score_ttt, sequence_log_prob};
use breadth_lm::generation::{Sampling, Sequence};
use breadth_lm::model::{Checkpoint, Gpt2};
use breadth_lm::rng;

const VOCAB: u32 = 4;
const SETS: [&str; 4] = ["head", "last-block", "all", "low-rank:3"];

fn tiny(seed: u64) -> Checkpoint {
    let config = Gpt2 {
        vocab_size: VOCAB as usize,
        max_position_embeddings: 24,
        hidden_size: 12,
        layers: 2,
        heads: 3,
        intermediate_size: 20,
        layer_norm_epsilon: 1e-5,
    }
    .config("test")
    .unwrap();
    let mut checkpoint = Checkpoint::random(config, &mut rng::stream(seed, "test/init", 0));
    for (_, array) in checkpoint.weights.iter_mut() {
        array.data.iter_mut().for_each(|v| *v *= 4.0);
    }
    checkpoint
}

fn ttt(rate: f64, set: &str) -> Ttt {
    format!("lr={rate},set={set}").parse().unwrap()
}

/// All responses of three tokens.
fn responses() -> Vec<[u32; 3]> {
    (0..VOCAB.pow(3))
        .map(|i| [i / VOCAB / VOCAB, i / VOCAB % VOCAB, i % VOCAB])
        .collect()
}

#[test]
fn responses_have_probability_one_in_all() {
    let checkpoint = tiny(1);
    let responses = responses();
    let prompt = [1, 2, 0];
    let sequences: Vec<Sequence> = responses
        .iter()
        .map(|response| Sequence {
            prompt: &prompt,
            response,
        })
        .collect();
    for set in SETS {
        let lists = score_ttt(&checkpoint, &sequences, &ttt(0.3, set)).unwrap();
        let total: f64 = lists.iter().map(|l| sequence_log_prob(l).exp()).sum();
        assert!((total - 1.0).abs() < 1e-5, "{set}: {total}");
        let plain = score(&checkpoint, &sequences).unwrap();
        let moved = lists
            .iter()
            .zip(&plain)
            .any(|(a, b)| (a[2] - b[2]).abs() > 1e-2);
        assert!(moved, "{set}");
        // The first token is emitted before anything has moved, whatever was scored before.
        for (a, b) in lists.iter().zip(&plain) {
            assert!((a[0] - b[0]).abs() < 1e-5, "{set}");
        }
    }
}

#[test]
fn without_a_step_nothing_moves() {
    let checkpoint = tiny(2);
    let sequence = [Sequence {
        prompt: &[1, 3],
        response: &[0, 2, 2, 1, 0],
    }];
    let plain = score(&checkpoint, &sequence).unwrap();
    for set in SETS {
        let still = score_ttt(&checkpoint, &sequence, &ttt(0.0, set)).unwrap();
        for (a, b) in still[0].iter().zip(&plain[0]) {
            assert!((a - b).abs() < 1e-5, "{set}: {a} {b}");
        }
    }
}

#[test]
fn a_step_makes_a_repeated_token_likelier() {
    let checkpoint = tiny(3);
    let sequence = [Sequence {
        prompt: &[1, 3],
        response: &[2; 12],
    }];
    let plain = sequence_log_prob(&score(&checkpoint, &sequence).unwrap()[0]);
    for set in SETS {
        let moved = score_ttt(&checkpoint, &sequence, &ttt(0.05, set)).unwrap();
        assert!(sequence_log_prob(&moved[0]) > plain + 0.5, "{set}");
    }
}

#[test]
fn samples_follow_the_moving_models_law() {
    let checkpoint = tiny(4);
    let prompts: [&[u32]; 2] = [&[1, 2], &[3, 0, 1]];
    for (set, samples) in [("head", 8000), ("all", 300)] {
        let options = Sampling {
            samples,
            max_tokens: 3,
            seed: 5,
            ..Sampling::default()
        };
        let drawn = sample_ttt(&checkpoint, &prompts, &options, &ttt(0.3, set)).unwrap();
        for (prompt, drawn) in prompts.iter().zip(&drawn) {
            for response in responses() {
                let sequence = Sequence {
                    prompt,
                    response: &response,
                };
                let scored = &score_ttt(&checkpoint, &[sequence], &ttt(0.3, set)).unwrap()[0];
                let p = sequence_log_prob(scored).exp();
                let same = || drawn.iter().filter(|s| s.tokens == response);
                for sample in same() {
                    assert!(
                        (sequence_log_prob(&sample.log_probs) - p.ln()).abs() < 1e-4,
                        "{set}"
                    );
                }
                let n = samples as f64;
                let error = (p * (1.0 - p) / n).sqrt();
                let share = same().count() as f64 / n;
                assert!(
                    (share - p).abs() < 5.0 * error + 1e-3,
                    "{set} {response:?}: {share} {p}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = |text: &str| text.parse::<Ttt>().unwrap_err().to_string();
    insta::assert_snapshot!(error("0.1"), @"ttt: `0.1` is not lr=NUMBER or set=head, last-block, all or low-rank:R");
    insta::assert_snapshot!(error("set=head"), @"ttt: `set=head` needs a step size of at least 0: lr=0.1");
    insta::assert_snapshot!(error("lr=-1"), @"ttt: `lr=-1` needs a step size of at least 0: lr=0.1");
    insta::assert_snapshot!(error("lr=1,set=low-rank:0"), @"ttt: set=low-rank:0 is not head, last-block, all or low-rank:R");
    assert_eq!(ttt(0.5, "low-rank:2").to_string(), "lr=0.5,set=low-rank:2");
}
