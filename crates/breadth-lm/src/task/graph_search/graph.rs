//! One graph: drawing it, writing it as a prompt, reading it back, walking it.

use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;

use super::config::{EdgeOrder, GraphSearchConfig};
use crate::error::{Error, Result};
use crate::rng::{self, Stream};
use crate::task::numeral_tokenizer::NumeralTokenizer;

/// A layered graph. Names are ascending within a layer, so that equal graphs compare equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// s, where every path starts; it has an edge to every node of the first middle layer.
    pub source: u32,
    /// t, where every path ends.
    pub target: u32,
    /// The L middle layers; `layers[i - 1]` is layer i.
    pub layers: Vec<Layer>,
}

/// One middle layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// All W names, ascending.
    pub nodes: Vec<u32>,
    /// The names that have edges, to every node of the next layer: one, or in a branching layer an
    /// even and an odd one. Ascending.
    pub passable: Vec<u32>,
}

impl Layer {
    /// Whether two nodes are passable.
    pub fn branches(&self) -> bool {
        self.passable.len() > 1
    }

    /// The passable node to take when the wanted parity is `parity` (0 even, 1 odd): the only one
    /// where the layer does not branch.
    pub fn choice(&self, parity: u32) -> u32 {
        let wanted = self.passable.iter().find(|&name| name % 2 == parity);
        *wanted.unwrap_or(&self.passable[0])
    }
}

impl Graph {
    /// A graph with `branching` branching layers: the layers, the passable nodes and the names are
    /// uniform over all such graphs.
    pub(super) fn draw(config: &GraphSearchConfig, branching: usize, rng: &mut Stream) -> Self {
        let branches = draw_layers(config.middle_layers, branching, rng);
        // The nodes whose parity is constrained come first; whatever they take, the others have
        // equally many completions, so that every graph is equally likely.
        let (mut even, mut odd): (Vec<u32>, Vec<u32>) =
            (0..config.names).partition(|name| name % 2 == 0);
        let mut take = |pool: &mut Vec<u32>| {
            rng::take(rng, pool).expect("validate() made sure that there are enough names")
        };
        let mut passable: Vec<Vec<u32>> = Vec::with_capacity(branches.len());
        for &branch in &branches {
            passable.push(if branch {
                vec![take(&mut even), take(&mut odd)]
            } else {
                Vec::new()
            });
        }
        let mut rest = even;
        rest.append(&mut odd);
        let (source, target) = (take(&mut rest), take(&mut rest));
        let layers = (passable.into_iter())
            .map(|passable| fill_layer(passable, config.width, || take(&mut rest)))
            .collect();
        Self {
            source,
            target,
            layers,
        }
    }

    /// How many layers branch; there are `2^branching` valid paths.
    pub fn branching(&self) -> usize {
        self.layers.iter().filter(|layer| layer.branches()).count()
    }

    /// Every valid path `s v_1 .. v_L t`, each once.
    ///
    /// Their number doubles with every branching layer: meant for graphs with few.
    pub fn paths(&self) -> impl Iterator<Item = Vec<u32>> + '_ {
        let count = 1u64
            .checked_shl(self.branching() as u32)
            .unwrap_or(u64::MAX);
        (0..count).map(|mask| {
            let mut bits = mask;
            self.walk(|_, layer| {
                let chosen = layer.passable[(bits & 1) as usize * usize::from(layer.branches())];
                bits >>= u32::from(layer.branches());
                chosen
            })
        })
    }

    /// The path that takes `choose(i, layer i)` in every layer `i = 1..=L`.
    pub(super) fn walk(&self, mut choose: impl FnMut(usize, &Layer) -> u32) -> Vec<u32> {
        let mut path = vec![self.source];
        path.extend(
            self.layers
                .iter()
                .enumerate()
                .map(|(i, layer)| choose(i + 1, layer)),
        );
        path.push(self.target);
        path
    }

    /// The prompt `u v | u v | ... / s t =`.
    pub(super) fn prompt(
        &self,
        order: EdgeOrder,
        tokenizer: &NumeralTokenizer,
        rng: &mut Stream,
    ) -> Vec<u32> {
        let mut tokens = Vec::new();
        for (i, (u, v)) in self.edges(order, rng).into_iter().enumerate() {
            if i > 0 {
                tokens.push(tokenizer.bar());
            }
            tokens.extend([u, v]);
        }
        tokens.extend([
            tokenizer.slash(),
            self.source,
            self.target,
            tokenizer.equals(),
        ]);
        tokens
    }

    fn edges(&self, order: EdgeOrder, rng: &mut Stream) -> Vec<(u32, u32)> {
        let mut edges = Vec::new();
        let mut sources = from_ref(&self.source);
        let slots = |i: usize, sources: &[u32]| {
            if order == EdgeOrder::Slot && i > 0 {
                2
            } else {
                sources.len()
            }
        };
        for i in 0..=self.layers.len() {
            let targets = self
                .layers
                .get(i)
                .map_or(from_ref(&self.target), |layer| &layer.nodes);
            let mut block = Vec::new();
            for slot in 0..slots(i, sources) {
                block.extend(targets.iter().map(|&v| (sources[slot % sources.len()], v)));
            }
            rng::shuffle(rng, &mut block);
            edges.append(&mut block);
            sources = self.layers.get(i).map_or(&[], |layer| &layer.passable);
        }
        if order == EdgeOrder::Shuffled {
            rng::shuffle(rng, &mut edges);
        }
        edges
    }

    /// Reads a prompt back, from its tokens alone.
    ///
    /// # Errors
    /// If the tokens are not a prompt of this task; the message says what is wrong where.
    pub(super) fn parse(
        config: &GraphSearchConfig,
        tokenizer: &NumeralTokenizer,
        prompt: &[u32],
    ) -> Result<Self> {
        let (edges, source, target) = split_prompt(tokenizer, prompt)?;
        let mut next: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (u, v) in edges {
            next.entry(u).or_default().insert(v);
        }
        let mut reached = next.remove(&source).unwrap_or_default();
        let mut layers = Vec::with_capacity(config.middle_layers);
        for i in 1..=config.middle_layers {
            let (layer, targets) = parse_layer(i, &reached, &mut next)?;
            if layer.nodes.len() != config.width {
                return Err(bad_prompt(format!(
                    "layer {i} has {} nodes, the task has {}",
                    layer.nodes.len(),
                    config.width
                )));
            }
            layers.push(layer);
            reached = targets;
        }
        if reached != BTreeSet::from([target]) {
            return Err(bad_prompt(format!(
                "layer {} leads to {reached:?}, not to the target {target}",
                config.middle_layers
            )));
        }
        if let Some(name) = next.keys().next() {
            return Err(bad_prompt(format!(
                "node {name} has edges but lies on no path of {} middle layers",
                config.middle_layers
            )));
        }
        let graph = Self {
            source,
            target,
            layers,
        };
        graph.check_names().map(|()| graph)
    }

    fn check_names(&self) -> Result<()> {
        let mut seen = BTreeSet::from([self.source]);
        let names = self
            .layers
            .iter()
            .flat_map(|layer| &layer.nodes)
            .chain([&self.target]);
        match names.into_iter().find(|&&name| !seen.insert(name)) {
            Some(name) => Err(bad_prompt(format!("node {name} is in two layers"))),
            None => Ok(()),
        }
    }
}

/// Which of the `layers` branch: a uniform choice of `branching`.
fn draw_layers(layers: usize, branching: usize, rng: &mut Stream) -> Vec<bool> {
    let mut branches: Vec<bool> = (0..layers).map(|i| i < branching).collect();
    rng::shuffle(rng, &mut branches);
    branches
}

fn fill_layer(mut passable: Vec<u32>, width: usize, mut take: impl FnMut() -> u32) -> Layer {
    if passable.is_empty() {
        passable.push(take());
    }
    let mut nodes = passable.clone();
    nodes.resize_with(width, take);
    nodes.sort_unstable();
    passable.sort_unstable();
    Layer { nodes, passable }
}

type Edges = Vec<(u32, u32)>;

/// `u v | u v | ... / s t =` as (edges, s, t).
pub(super) fn split_prompt(
    tokenizer: &NumeralTokenizer,
    prompt: &[u32],
) -> Result<(Edges, u32, u32)> {
    let slash = prompt.iter().position(|&token| token == tokenizer.slash());
    let Some((edges, [_, source, target, equals])) = slash.map(|at| prompt.split_at(at)) else {
        return Err(bad_prompt("it must end in `/ s t =`"));
    };
    let is_name = |&token: &u32| token < tokenizer.names();
    if *equals != tokenizer.equals() || !is_name(source) || !is_name(target) {
        return Err(bad_prompt(
            "it must end in `/ s t =` with node names s and t",
        ));
    }
    let parse_edge = |(i, edge): (usize, &[u32])| match edge {
        [u, v] if is_name(u) && is_name(v) => Ok((*u, *v)),
        _ => Err(bad_prompt(format!("edge {} is not two node names", i + 1))),
    };
    let edges = edges
        .split(|&token| token == tokenizer.bar())
        .enumerate()
        .map(parse_edge)
        .collect::<Result<_>>()?;
    Ok((edges, *source, *target))
}

/// Layer `i`, whose nodes are those `reached`, and the nodes its passable nodes lead to; their
/// edges are taken out of `next`.
fn parse_layer(
    i: usize,
    reached: &BTreeSet<u32>,
    next: &mut BTreeMap<u32, BTreeSet<u32>>,
) -> Result<(Layer, BTreeSet<u32>)> {
    let nodes: Vec<u32> = reached.iter().copied().collect();
    let passable: Vec<u32> = nodes
        .iter()
        .copied()
        .filter(|name| next.contains_key(name))
        .collect();
    let parities_differ = |names: &[u32]| names.len() == 2 && names[0] % 2 != names[1] % 2;
    if passable.len() != 1 && !parities_differ(&passable) {
        return Err(bad_prompt(format!(
            "layer {i} has passable nodes {passable:?}, not one, or one even and one odd"
        )));
    }
    let mut targets = passable.iter().filter_map(|name| next.remove(name));
    let first = targets.next().unwrap_or_default();
    if targets.any(|other| other != first) {
        return Err(bad_prompt(format!(
            "the passable nodes {passable:?} of layer {i} lead to different nodes"
        )));
    }
    Ok((Layer { nodes, passable }, first))
}

fn bad_prompt(message: impl Into<String>) -> Error {
    Error::data("graph-search prompt", message)
}
