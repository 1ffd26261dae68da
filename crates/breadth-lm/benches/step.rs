//! Times a training step and scoring: the twin of `bench/step_torch.py`, with its arguments and its
//! JSON.
//!
//! `cargo bench -p breadth-lm --bench step -- --layers 6 --width 384 --heads 6 --tokens 136 --batch
//! 16 --vocab 35 --response 10 --threads 1`
//!
//! Without arguments it makes one step of a small model and checks the loss, so that it runs as a
//! test.

use std::time::Instant;

use breadth_lm::decode::score;
use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::optim::{GradientTransformation, Optimizer, apply_updates};
use breadth_lm::train::value_and_gradient;

#[path = "../../breadth/src/allocator.rs"]
mod allocator;
mod common;

use common::Sizes;

fn main() {
    allocator::keep_freed_memory();
    let sizes = common::sizes(
        "layers 2 width 64 heads 4 tokens 48 batch 8 vocab 19 response 5 threads 1 steps 1 warmup 0",
    );
    let threads = sizes["threads"];
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .expect("first use");
    let mut model = common::model(&sizes, sizes["tokens"]);
    // As many inputs as `tokens`, and one more.
    let data = common::tokens(&sizes, "bench/data", sizes["batch"], sizes["tokens"] + 1);
    let sequences: Vec<Sequence> = data
        .iter()
        .map(|tokens| {
            let (prompt, response) = tokens.split_at(tokens.len() - sizes["response"]);
            Sequence { prompt, response }
        })
        .collect();

    let initial = mean_loss(&model, &sequences);
    let uniform = (sizes["vocab"] as f64).ln();
    assert!(
        (initial - uniform).abs() < 0.1 * uniform,
        "a fresh model is nearly uniform: {initial} {uniform}"
    );
    let scoring = measure(&sizes, || {
        drop(score(&model, &sequences).expect("good data"))
    });

    let settings = Optimizer::default();
    let mut optimizer = settings.build(1000, &model.weights);
    let mut step = 0;
    let training = measure(&sizes, || {
        let (_, mut updates) = value_and_gradient(&model, &sequences, threads);
        optimizer.update(&mut updates, &model.weights, step);
        apply_updates(&mut model.weights, &updates);
        step += 1;
    });
    let trained = mean_loss(&model, &sequences);
    assert!(
        trained < initial,
        "steps on one batch lower its loss: {initial} {trained}"
    );

    let result = |what: &str, times: [f64; 3]| {
        let [median, min, max] = times;
        format!(
            r#"{{"what": "{what}", "variant": "response-only", "initial_loss": {initial}, "median_ms": {median}, "min_ms": {min}, "max_ms": {max}, "steps": {}}}"#,
            sizes["steps"]
        )
    };
    let sizes: Vec<String> = sizes
        .iter()
        .map(|(k, v)| format!(r#""{k}": {v}"#))
        .collect();
    println!(
        "{{{}, \"results\": [{}, {}]}}",
        sizes.join(", "),
        result("step", training),
        result("score", scoring)
    );
}

fn mean_loss(model: &Checkpoint, sequences: &[Sequence]) -> f64 {
    let lists = score(model, sequences).expect("good data");
    let flat = lists.concat();
    -flat.iter().map(|&v| f64::from(v)).sum::<f64>() / flat.len() as f64
}

/// Median, fastest and slowest in milliseconds.
fn measure(sizes: &Sizes, mut run: impl FnMut()) -> [f64; 3] {
    for _ in 0..sizes["warmup"] {
        run();
    }
    let mut times: Vec<f64> = (0..sizes["steps"])
        .map(|_| {
            let start = Instant::now();
            run();
            1e3 * start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    [times[times.len() / 2], times[0], times[times.len() - 1]]
}
