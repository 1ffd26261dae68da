//! The exact distribution of prompts' classes and of responses.

use std::f64::consts::LN_2;

use super::config::{Class, Family, GraphSearchConfig, Label};
use super::graph::Graph;
use crate::error::{Error, Result};
use crate::rng;

/// `p(y|x, class)`: 0 or 1 where the class has one right path, `2^-branching` for every valid path
/// where it is uniform.
pub(super) fn probability(graph: &Graph, response: &[u32], class: Class) -> f64 {
    match right_path(graph, class) {
        Some(path) => f64::from(path == response),
        None if is_path(graph, response) => (-(graph.branching() as f64) * LN_2).exp(),
        None => 0.0,
    }
}

/// The one path that `class` takes; `None` for the uniform classes.
pub(super) fn right_path(graph: &Graph, class: Class) -> Option<Vec<u32>> {
    let flip = match class {
        Class::G3 | Class::Uniform => return None,
        Class::G1 | Class::Single => 0,
        Class::G2 => 1,
        Class::Xor => xor(graph.layers.iter().flat_map(|layer| &layer.passable)),
    };
    Some(graph.walk(|i, layer| layer.choice((i as u32 + flip) % 2)))
}

/// Whether `response` is `s v_1 .. v_L t` with every `v_i` passable.
fn is_path(graph: &Graph, response: &[u32]) -> bool {
    let [source, middle @ .., target] = response else {
        return false;
    };
    (*source, *target, middle.len()) == (graph.source, graph.target, graph.layers.len())
        && middle
            .iter()
            .zip(&graph.layers)
            .all(|(name, layer)| layer.passable.contains(name))
}

/// The parity of the sum.
fn xor<'a>(names: impl Iterator<Item = &'a u32>) -> u32 {
    names.fold(0, |parity, name| parity ^ (name & 1))
}

/// The branching layers of a prompt of `class`.
///
/// # Errors
/// If the task has no such class.
pub(super) fn branching(config: &GraphSearchConfig, class: Class) -> Result<usize> {
    match (&config.family, class) {
        (Family::Figure1 { branching, .. }, Class::G1 | Class::G2 | Class::G3) => Ok(*branching),
        (Family::Figure2 { .. }, Class::Single) => Ok(0),
        (Family::Figure2 { xor_branching, .. }, Class::Xor) => Ok(*xor_branching),
        (
            Family::Figure2 {
                uniform_branching, ..
            },
            Class::Uniform,
        ) => Ok(*uniform_branching),
        (Family::Figure1 { .. }, _) => Err(Error::config(
            format!("class {class:?}"),
            "a task of figure 1 has g1, g2 and g3",
        )),
        (Family::Figure2 { .. }, _) => Err(Error::config(
            format!("class {class:?}"),
            "a task of figure 2 has single, xor and uniform",
        )),
    }
}

/// Whether prompts of `class` can be this graph: it has the class's branching layers and, where the
/// label is hidden, its label.
pub(super) fn is_of_class(config: &GraphSearchConfig, graph: &Graph, class: Class) -> bool {
    let label_fits = match (hidden_seed(config), class) {
        (Some(seed), Class::G1) => hidden_xor(graph, seed) == 1,
        (Some(seed), Class::G2) => hidden_xor(graph, seed) == 0,
        _ => true,
    };
    label_fits && branching(config, class).is_ok_and(|branching| branching == graph.branching())
}

/// `P(class | x)` up to a factor that the classes share: the weight times the density of the graph
/// under the class, relative to the uniform distribution over graphs with that many branching
/// layers.
pub(super) fn class_weight(
    config: &GraphSearchConfig,
    graph: &Graph,
    class: Class,
    weight: f64,
) -> f64 {
    if !is_of_class(config, graph, class) {
        return 0.0;
    }
    match (hidden_seed(config), class) {
        (Some(_), Class::G1) => weight / xor_probability(config, graph.branching()),
        (Some(_), Class::G2) => weight / (1.0 - xor_probability(config, graph.branching())),
        _ => weight,
    }
}

fn hidden_seed(config: &GraphSearchConfig) -> Option<u64> {
    match config.family {
        Family::Figure1 {
            label: Label::HiddenXor { seed },
            ..
        } => Some(seed),
        _ => None,
    }
}

/// The hidden label of a graph: the XOR of the parities of all nodes in the layers that count.
fn hidden_xor(graph: &Graph, seed: u64) -> u32 {
    let hidden = hidden_layers(graph.layers.len(), seed);
    let counted = graph
        .layers
        .iter()
        .zip(hidden)
        .filter(|(_, counts)| *counts);
    xor(counted.flat_map(|(layer, _)| &layer.nodes))
}

/// Which layers count for the hidden label: `ceil(L / 2)` of them, fixed by the seed.
fn hidden_layers(layers: usize, seed: u64) -> Vec<bool> {
    let mut hidden: Vec<bool> = (0..layers).map(|i| i < hidden_count(layers)).collect();
    rng::shuffle(
        &mut rng::stream(seed, "graph-search/hidden-layers", 0),
        &mut hidden,
    );
    hidden
}

fn hidden_count(layers: usize) -> usize {
    layers.div_ceil(2)
}

/// `P(hidden label = 1)` over graphs with `branching` branching layers.
///
/// With `b` of the counted layers branching (hypergeometric), `2 b` of the counted nodes are one
/// even and one odd each, hence label `b`, and the others are drawn without replacement from the
/// names that no branching node has taken: hypergeometric again.
pub(super) fn xor_probability(config: &GraphSearchConfig, branching: usize) -> f64 {
    let counted = hidden_count(config.middle_layers);
    let names = config.names as usize;
    let (pool, odd) = (names - 2 * branching, names / 2 - branching);
    let label_is_one = |b: usize| {
        let free = counted * config.width - 2 * b;
        (0..=free)
            .filter(|k| (k + b) % 2 == 1)
            .map(|k| hypergeometric(pool, odd, free, k))
            .sum::<f64>()
    };
    (0..=branching.min(counted))
        .map(|b| hypergeometric(config.middle_layers, branching, counted, b) * label_is_one(b))
        .sum()
}

/// The probability that `k` of `drawn` items are marked, out of `total` of which `marked` are; 0
/// outside the support.
fn hypergeometric(total: usize, marked: usize, drawn: usize, k: usize) -> f64 {
    if k > marked || k > drawn || drawn - k > total - marked {
        return 0.0;
    }
    (ln_choose(marked, k) + ln_choose(total - marked, drawn - k) - ln_choose(total, drawn)).exp()
}

/// `ln C(n, k)` as a sum of logs: exact enough, and n is small.
fn ln_choose(n: usize, k: usize) -> f64 {
    (0..k.min(n - k))
        .map(|i| ((n - i) as f64 / (i + 1) as f64).ln())
        .sum()
}

/// Checks a mixture: known classes, weights that are a distribution.
pub(super) fn validate_mixture(config: &GraphSearchConfig, mixture: &[(Class, f64)]) -> Result<()> {
    for (i, &(class, weight)) in mixture.iter().enumerate() {
        branching(config, class)?;
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(Error::config(
                "mixture",
                format!("class {class:?} has weight {weight}; weights are finite and at least 0"),
            ));
        }
        if mixture[..i].iter().any(|(other, _)| *other == class) {
            return Err(Error::config(
                "mixture",
                format!("class {class:?} is listed twice"),
            ));
        }
    }
    let total = mixture.iter().fold(0.0, |sum, (_, weight)| sum + weight);
    if (total - 1.0).abs() > 1e-9 {
        return Err(Error::config(
            "mixture",
            format!("the weights sum to {total}, not to 1"),
        ));
    }
    Ok(())
}
