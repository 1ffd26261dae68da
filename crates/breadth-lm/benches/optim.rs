//! Times every optimiser's update of a decoder's parameters beside AdamW's, and beside the gradient
//! that comes before it: the tables of `bench/results/optim-<date>.md`.
//!
//! `cargo bench -p breadth-lm --bench optim -- --layers 6 --width 384 --heads 6 --tokens 136
//! --batch 16 --vocab 35 --response 10 --rounds 15`
//!
//! Without arguments it takes one step of a small model with each and checks what came out, so that
//! it runs as a test.

use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::optim::{GradientTransformation, Optimizer, apply_updates};
use breadth_lm::train::value_and_gradient;
use breadth_lm::tree::Tree;

#[path = "../../breadth/src/allocator.rs"]
mod allocator;
mod clock;
mod common;

use common::Sizes;

const RATE: f64 = 1e-3;
/// Every optimiser as a configuration writes it; the first is the measure of the others.
const OPTIMISERS: [(&str, &str); 11] = [
    ("adamw", ""),
    ("sgd", "name = 'sgd'"),
    ("sgd, momentum", "name = 'sgd'\nmomentum = 0.9"),
    ("sgd, clipping", "name = 'sgd'\nclip_norm = 1.0"),
    ("sgd, weight decay", "name = 'sgd'\nweight_decay = 0.1"),
    ("sgd, ball", "name = 'sgd'\nball = 1.0"),
    ("normalized_sgd", "name = 'normalized_sgd'"),
    (
        "normalized_sgd, per module",
        "name = 'normalized_sgd'\nper = 'module'",
    ),
    (
        "normalized_sgd, per row",
        "name = 'normalized_sgd'\nper = 'row'",
    ),
    ("sign_sgd", "name = 'sign_sgd'"),
    ("muon", "name = 'muon'"),
];

fn main() {
    allocator::keep_freed_memory();
    clock::on_one_thread(run);
}

fn run() {
    let sizes =
        common::sizes("layers 2 width 64 heads 4 tokens 48 batch 4 vocab 19 response 5 rounds 1");
    let model = common::model(&sizes, sizes["tokens"]);
    // As many inputs as `tokens`, and one more.
    let data = common::tokens(&sizes, "bench/data", sizes["batch"], sizes["tokens"] + 1);
    let sequences: Vec<Sequence> = data
        .iter()
        .map(|tokens| {
            let (prompt, response) = tokens.split_at(tokens.len() - sizes["response"]);
            Sequence { prompt, response }
        })
        .collect();
    let start = clock::ms();
    let (loss, gradient) = value_and_gradient(&model, &sequences, 1);
    let first = clock::ms() - start;
    assert!(loss.is_finite());
    let start = clock::ms();
    drop(value_and_gradient(&model, &sequences, 1));
    let before = first.min(clock::ms() - start);

    let times: Vec<f64> = measure(&sizes, &model, &gradient);
    println!(
        "{} parameters; the gradient of {} sequences takes {before:.1} ms.\n",
        model.weights.elements(),
        sizes["batch"]
    );
    println!(
        "| optimiser | ms | over adamw's | whole step, ms | over adamw's |\n|---|---|---|---|---|"
    );
    for ((name, _), time) in OPTIMISERS.iter().zip(&times) {
        println!(
            "| {name} | {time:.2} | {:.2} | {:.1} | {:.2} |",
            time / times[0],
            before + time,
            (before + time) / (before + times[0])
        );
    }
}

/// Milliseconds of each one's update and its addition to the parameters: the fastest of rounds that
/// take all of them in turn.
fn measure(sizes: &Sizes, model: &Checkpoint, gradient: &Tree) -> Vec<f64> {
    let steps = 1000;
    let mut running: Vec<_> = OPTIMISERS
        .iter()
        .map(|(name, text)| {
            let settings: Optimizer =
                toml::from_str(&format!("learning_rate = {RATE}\n{text}")).expect("good settings");
            settings.validate(name).expect("good settings");
            let optimizer = settings.build(steps, &model.weights);
            (optimizer, model.weights.clone(), Vec::new())
        })
        .collect();
    for step in 0..sizes["rounds"] as u64 {
        for ((name, _), (optimizer, params, times)) in OPTIMISERS.iter().zip(&mut running) {
            let mut updates = gradient.clone();
            let start = clock::ms();
            optimizer.update(&mut updates, params, step);
            apply_updates(params, &updates);
            times.push(clock::ms() - start);
            if step == 0 {
                check(name, gradient, &updates, params);
            }
        }
    }
    let fastest = |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, f64::min);
    running
        .into_iter()
        .map(|(.., times)| fastest(times))
        .collect()
}

/// What the first update must be, by the definition of each.
fn check(name: &str, gradient: &Tree, updates: &Tree, params: &Tree) {
    let near = |what: f64, wanted: f64| {
        assert!(
            (what / wanted - 1.0).abs() < 1e-3,
            "{name}: {what}, not {wanted}"
        );
    };
    let (size, length) = (gradient.global_norm(), updates.global_norm());
    match name {
        "sgd" | "sgd, momentum" => near(length, RATE * size),
        "sgd, clipping" => near(length, RATE * size.min(1.0)),
        "sgd, weight decay" => assert!(length > RATE * size),
        "sgd, ball" => near(params.global_norm(), 1.0),
        "normalized_sgd" => near(length, RATE),
        "normalized_sgd, per module" => near(length, RATE * (gradient.len() as f64).sqrt()),
        // Rows of tokens that do not occur have no gradient.
        "normalized_sgd, per row" => assert!(length > RATE * (gradient.len() as f64).sqrt()),
        "sign_sgd" => {
            let moved = updates
                .iter()
                .flat_map(|(_, a)| &a.data)
                .filter(|v| **v != 0.0);
            near(length, RATE * (moved.count() as f64).sqrt());
        }
        // Adam's first step, and Muon's by its factor, are of the size of the rate.
        _ => {
            let mean = length / (updates.elements() as f64).sqrt();
            assert!((0.1 * RATE..1.5 * RATE).contains(&mean), "{name}: {mean}");
        }
    }
}
