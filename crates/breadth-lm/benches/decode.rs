//! Times sampling and scoring with test-time training of the head beside plain ones: the table of
//! `bench/results/ttt-<date>.md`.
//!
//! `cargo bench -p breadth-lm --bench decode -- --layers 6 --width 384 --heads 6 --prompt 128
//! --response 64 --vocab 32000 --prompts 4 --samples 8 --rounds 5`
//!
//! Without arguments it decodes once with a small model and checks what came out, so that it runs
//! as a test.

use breadth_lm::decode::{Ttt, sample, sample_ttt, score, score_ttt};
use breadth_lm::generation::{Sampling, Sequence};

#[path = "../../breadth/src/allocator.rs"]
mod allocator;
mod clock;
mod common;

fn main() {
    allocator::keep_freed_memory();
    clock::on_one_thread(decode);
}

fn decode() {
    let sizes = common::sizes(
        "layers 2 width 32 heads 4 prompt 12 response 6 vocab 19 prompts 3 samples 2 rounds 1",
    );
    let model = common::model(&sizes, sizes["prompt"] + sizes["response"]);
    let ttt: Ttt = "lr=0.01,set=head".parse().expect("good settings");
    let options = Sampling {
        samples: sizes["samples"],
        max_tokens: sizes["response"],
        ..Sampling::default()
    };
    let prompts = common::tokens(&sizes, "bench/prompts", sizes["prompts"], sizes["prompt"]);
    let prompts: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
    let drawn = || sample(&model, &prompts, &options).expect("good prompts");
    let trained = || sample_ttt(&model, &prompts, &options, &ttt).expect("good prompts");

    // The samples' own log-probabilities are those of scoring them.
    let moved = trained();
    let responses = prompts.iter().zip(&moved).flat_map(|(&prompt, drawn)| {
        drawn.iter().map(move |sample| Sequence {
            prompt,
            response: &sample.tokens,
        })
    });
    let responses: Vec<Sequence> = responses.collect();
    let scored = score_ttt(&model, &responses, &ttt).expect("good sequences");
    let own = moved.iter().flatten().flat_map(|s| &s.log_probs);
    for (own, scored) in own.zip(scored.iter().flatten()) {
        assert!((own - scored).abs() < 1e-3, "{own} {scored}");
    }

    let rounds = sizes["rounds"];
    let [plain, head] = alternate(rounds, || drop(drawn()), || drop(trained()));
    println!("| what | plain, ms | head moves, ms | ratio |\n|---|---|---|---|");
    println!("| sample | {plain:.0} | {head:.0} | {:.2} |", head / plain);
    let [plain, head] = alternate(
        rounds,
        || drop(score(&model, &responses)),
        || drop(score_ttt(&model, &responses, &ttt)),
    );
    println!("| score | {plain:.0} | {head:.0} | {:.2} |", head / plain);
}

/// Milliseconds of two things that take turns, the fastest of all rounds.
fn alternate(rounds: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (run, times) in [&mut one as &mut dyn FnMut(), &mut other]
            .into_iter()
            .zip(&mut times)
        {
            let start = clock::ms();
            run();
            times.push(clock::ms() - start);
        }
    }
    times.map(|times| times.into_iter().fold(f64::INFINITY, f64::min))
}
