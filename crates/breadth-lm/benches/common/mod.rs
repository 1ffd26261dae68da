//! What the benches share: sizes of the command line, and a random model and tokens of such sizes.

use std::collections::BTreeMap;

use breadth_lm::model::{Checkpoint, Gpt2};
use breadth_lm::rng;

/// The sizes of a measurement, by name.
pub type Sizes = BTreeMap<String, usize>;

/// The command line's sizes over `defaults`, which are written like them: names and numbers in turn.
pub fn sizes(defaults: &str) -> Sizes {
    let mut words: Vec<String> = defaults.split(' ').map(str::to_string).collect();
    let given = std::env::args().skip(1);
    words.extend(given.filter(|a| a != "--bench" && a != "--test"));
    let pairs = words.chunks_exact(2);
    let parse = |w: &[String]| {
        let name = w[0].trim_start_matches('-').to_owned();
        (name, w[1].parse().expect("a number"))
    };
    pairs.map(parse).collect()
}

/// A random model that takes so many positions.
pub fn model(sizes: &Sizes, positions: usize) -> Checkpoint {
    let config = Gpt2 {
        vocab_size: sizes["vocab"],
        max_position_embeddings: positions,
        hidden_size: sizes["width"],
        layers: sizes["layers"],
        heads: sizes["heads"],
        intermediate_size: 4 * sizes["width"],
        layer_norm_epsilon: 1e-5,
    }
    .config("bench")
    .expect("good sizes");
    Checkpoint::random(config, &mut rng::stream(0, "bench/init", 0))
}

/// So many lists of so many random tokens each, of the streams of this name.
pub fn tokens(sizes: &Sizes, stream: &str, lists: usize, length: usize) -> Vec<Vec<u32>> {
    let list = |i| {
        let mut rng = rng::stream(0, stream, i);
        (0..length)
            .map(|_| rng::below(&mut rng, sizes["vocab"] as u64) as u32)
            .collect()
    };
    (0..lists as u64).map(list).collect()
}
