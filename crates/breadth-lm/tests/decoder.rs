//! Properties of the decoder that need no reference: gradients against finite differences,
//! neighbours that do not leak, sampling that agrees with scoring.

use breadth_lm::decode::{sample, score, sequence_log_prob};
use breadth_lm::generation::{Sampling, Sequence};
use breadth_lm::model::{Checkpoint, Gpt2};
use breadth_lm::rng;
use breadth_lm::train::value_and_gradient;

fn tiny(seed: u64) -> Checkpoint {
    let config = Gpt2 {
        vocab_size: 7,
        max_position_embeddings: 90,
        hidden_size: 12,
        layers: 2,
        heads: 3,
        intermediate_size: 20,
        layer_norm_epsilon: 1e-5,
    }
    .config("test")
    .unwrap();
    let mut checkpoint = Checkpoint::random(config, &mut rng::stream(seed, "test/init", 0));
    // Wider than GPT-2's start, so that every gradient is well above rounding.
    for (_, array) in checkpoint.weights.iter_mut() {
        let mut rng = rng::stream(seed, "test/noise", array.data.len() as u64);
        array
            .data
            .iter_mut()
            .for_each(|v| *v = *v * 4.0 + (rng::uniform(&mut rng) as f32 - 0.5) * 0.1);
    }
    checkpoint
}

fn tokens(seed: u64, n: usize) -> Vec<u32> {
    let mut rng = rng::stream(seed, "test/tokens", n as u64);
    (0..n).map(|_| rng::below(&mut rng, 7) as u32).collect()
}

fn loss(checkpoint: &Checkpoint, sequences: &[Sequence]) -> f64 {
    let lists = score(checkpoint, sequences).unwrap();
    let n: usize = lists.iter().map(Vec::len).sum();
    -lists.iter().map(|l| sequence_log_prob(l)).sum::<f64>() / n as f64
}

/// Sequences that cross attention's block of 64 queries, and the shortest possible ones.
fn corpus() -> Vec<(Vec<u32>, Vec<u32>)> {
    [(70, 9), (1, 1), (3, 80), (5, 2)]
        .iter()
        .enumerate()
        .map(|(i, &(p, r))| (tokens(2 * i as u64, p), tokens(2 * i as u64 + 1, r)))
        .collect()
}

fn sequences(corpus: &[(Vec<u32>, Vec<u32>)]) -> Vec<Sequence<'_>> {
    corpus
        .iter()
        .map(|(prompt, response)| Sequence { prompt, response })
        .collect()
}

#[test]
fn gradients_are_finite_differences() {
    let checkpoint = tiny(0);
    let corpus = corpus();
    let sequences = sequences(&corpus);
    let (value, gradient) = value_and_gradient(&checkpoint, &sequences, 2);
    assert!((value - loss(&checkpoint, &sequences)).abs() < 1e-5);
    for (name, array) in gradient.iter() {
        // Along the gradient's own signs: the derivative is the sum of its absolute values.
        let slope: f64 = array.data.iter().map(|g| f64::from(g.abs())).sum();
        let step = 1e-3 / (array.data.len() as f64).sqrt();
        let moved = |sign: f64| {
            let mut other = checkpoint.clone();
            let weights = other
                .weights
                .iter_mut()
                .find(|(n, _)| *n == name)
                .unwrap()
                .1;
            for (w, g) in weights.data.iter_mut().zip(&array.data) {
                *w += (sign * step) as f32 * g.signum();
            }
            loss(&other, &sequences)
        };
        let measured = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        assert!(
            (measured - slope).abs() < 0.02 * slope + 2e-3,
            "{name}: {measured} {slope}"
        );
    }
}

#[test]
fn neighbours_and_order_do_not_matter() {
    let checkpoint = tiny(1);
    let corpus = corpus();
    let together = score(&checkpoint, &sequences(&corpus)).unwrap();
    for (i, sequence) in sequences(&corpus).iter().enumerate() {
        let alone = score(&checkpoint, &[*sequence]).unwrap();
        for (a, b) in alone[0].iter().zip(&together[i]) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}

#[test]
fn log_probs_of_all_continuations_sum_to_one() {
    let checkpoint = tiny(2);
    let prompt = tokens(9, 5);
    let responses: Vec<Vec<u32>> = (0..343).map(|i| vec![i / 49, i / 7 % 7, i % 7]).collect();
    let sequences: Vec<Sequence> = responses
        .iter()
        .map(|response| Sequence {
            prompt: &prompt,
            response,
        })
        .collect();
    let lists = score(&checkpoint, &sequences).unwrap();
    let total: f64 = lists.iter().map(|l| sequence_log_prob(l).exp()).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
}

fn options(samples: usize, max_tokens: usize) -> Sampling {
    Sampling {
        samples,
        max_tokens,
        seed: 5,
        ..Sampling::default()
    }
}

#[test]
fn samples_carry_the_log_probs_that_scoring_gives_them() {
    let checkpoint = tiny(3);
    let prompts = [tokens(1, 4), tokens(2, 71), tokens(3, 1)];
    let views: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
    let drawn = sample(&checkpoint, &views, &options(6, 15)).unwrap();
    for (prompt, samples) in prompts.iter().zip(&drawn) {
        assert_eq!(samples.len(), 6);
        for sample in samples {
            assert_eq!(sample.tokens.len(), 15);
            let sequence = Sequence {
                prompt,
                response: &sample.tokens,
            };
            let scored = score(&checkpoint, &[sequence]).unwrap();
            for (a, b) in scored[0].iter().zip(&sample.log_probs) {
                assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }
}

#[test]
fn samples_follow_the_models_law() {
    let checkpoint = tiny(4);
    let prompt = tokens(4, 6);
    let drawn = sample(&checkpoint, &[&prompt], &options(20_000, 2)).unwrap();
    for first in 0..7 {
        for second in 0..7 {
            let response = [first, second];
            let exact = score(
                &checkpoint,
                &[Sequence {
                    prompt: &prompt,
                    response: &response,
                }],
            )
            .unwrap();
            let p = sequence_log_prob(&exact[0]).exp();
            let count = drawn[0].iter().filter(|s| s.tokens == response).count();
            let error = (p * (1.0 - p) / 20_000.0).sqrt();
            // 49 cells at five standard errors: the seed is fixed, so this is not a matter of luck.
            assert!(
                (count as f64 / 20_000.0 - p).abs() < 5.0 * error + 1e-4,
                "{response:?} {count} {p}"
            );
        }
    }
}

#[test]
fn samples_do_not_depend_on_how_prompts_are_grouped() {
    let checkpoint = tiny(5);
    let prompts = [tokens(1, 4), tokens(2, 9), tokens(3, 2)];
    let views: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
    let together = sample(&checkpoint, &views, &options(3, 8)).unwrap();
    for (i, view) in views.iter().enumerate() {
        let own = Sampling {
            first_prompt: i as u64,
            ..options(3, 8)
        };
        let alone = sample(&checkpoint, &[view], &own).unwrap();
        let tokens = |s: &[breadth_lm::generation::Sample]| -> Vec<Vec<u32>> {
            s.iter().map(|s| s.tokens.clone()).collect()
        };
        assert_eq!(tokens(&alone[0]), tokens(&together[i]));
    }
}

#[test]
fn end_tokens_end_responses() {
    let checkpoint = tiny(6);
    let prompt = tokens(1, 3);
    let options = Sampling {
        end_tokens: vec![0, 3],
        ..options(200, 10)
    };
    let drawn = sample(&checkpoint, &[&prompt], &options).unwrap();
    assert!(drawn[0].iter().any(|s| s.tokens.len() < 10));
    for sample in &drawn[0] {
        let end = sample.tokens.iter().position(|t| [0, 3].contains(t));
        let length = end.map_or(10, |at| at + 1);
        assert_eq!(sample.tokens.len(), length);
        let sequence = Sequence {
            prompt: &prompt,
            response: &sample.tokens,
        };
        let scored = score(&checkpoint, &[sequence]).unwrap();
        assert!(
            (sequence_log_prob(&scored[0]) - sequence_log_prob(&sample.log_probs)).abs() < 1e-4
        );
    }
}

#[test]
fn what_the_model_cannot_take_is_refused() {
    let checkpoint = tiny(7);
    let error = |prompt: &[u32], response: &[u32]| {
        score(&checkpoint, &[Sequence { prompt, response }])
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(error(&[], &[1]),
        @"sequence 1: the prompt has no token; the first token of a sequence cannot be scored");
    insta::assert_snapshot!(error(&[1], &[]), @"sequence 1: the response has no token");
    insta::assert_snapshot!(error(&[1], &[7]),
        @"sequence 1: token 7 is outside the model's vocabulary of 7; is the tokenizer the model's own?");
    insta::assert_snapshot!(error(&[1; 90], &[1, 1]),
        @"sequence 1: 91 input tokens; the model has 90 positions; shorten the prompt or the response");
    let error = sample(&checkpoint, &[&[1; 80]], &options(1, 12))
        .unwrap_err()
        .to_string();
    insta::assert_snapshot!(error,
        @"prompt 1: 80 tokens and 12 new ones need 91 positions; the model has 90; lower max_tokens");
}
