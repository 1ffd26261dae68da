//! What a graph-search task is made of, and the pinned settings of the paper and of the miniatures.

use serde::{Deserialize, Serialize};

/// The options of [`GraphSearch`](super::GraphSearch).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphSearchConfig {
    /// L, the layers between source and target, at least 1.
    pub middle_layers: usize,
    /// W, the nodes of each middle layer, at least 1 (2 where layers branch).
    pub width: usize,
    /// m: node names are distinct integers below it, drawn afresh per graph. At least `L W + 2`.
    pub names: u32,
    /// In which order the prompt lists the edges.
    pub edge_order: EdgeOrder,
    /// Which classes of prompts there are.
    pub family: Family,
}

/// In which order the prompt lists the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeOrder {
    /// All edges in one random order: the paper's, and the hardest to learn.
    Shuffled,
    /// Layer by layer, in random order within a layer.
    Layer,
    /// Layer by layer, every layer's block filled up to a constant number of edges, so that all
    /// prompts have one length: `W` edges out of the source, `2 W` out of every middle layer but
    /// the last, 2 into the target. A layer with one passable node lists each of its edges twice;
    /// no padding token is needed.
    Slot,
}

/// Which classes of prompts there are: those of the paper's Figure 1 or of its Figure 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "figure", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Family {
    /// [`Class::G1`], [`Class::G2`], [`Class::G3`].
    #[serde(rename = "1")]
    Figure1 {
        /// How many random middle layers have two passable nodes.
        branching: usize,
        /// What decides between the classes.
        label: Label,
    },
    /// [`Class::Single`], [`Class::Xor`], [`Class::Uniform`].
    #[serde(rename = "2")]
    Figure2 {
        /// Branching layers of class `Xor`: `L / 2` in the paper.
        xor_branching: usize,
        /// Branching layers of class `Uniform`: 4 in the paper.
        uniform_branching: usize,
    },
}

/// What decides between G1 and G2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// Drawn from the mixture, independently of the prompt (the miniatures).
    Drawn,
    /// The XOR of the parities of all nodes in a fixed half of the middle layers: 1 for G1, 0 for
    /// G2 (the paper). G3 ignores it.
    HiddenXor {
        /// Seed of the half that counts: `ceil(L / 2)` layers, the same for every prompt of the
        /// task.
        seed: u64,
    },
}

/// The class of a prompt: how many layers branch, and which of the valid paths are right.
///
/// Middle layers count from 1, so that layer `i` is response token `y[i]` (with `y[0] = s`), and
/// "parity of `i`" is that of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Figure 1: in branching layer i take the node whose parity equals that of i.
    G1,
    /// Figure 1: in branching layer i take the node whose parity differs from that of i.
    G2,
    /// Figure 1: a uniformly random valid path.
    G3,
    /// Figure 2, 94%: no layer branches, the path is forced.
    Single,
    /// Figure 2, 5%: in branching layer i take parity(i) XOR (XOR of the parities of the passable
    /// nodes of all middle layers).
    Xor,
    /// Figure 2, 1%: a uniformly random valid path.
    Uniform,
}

/// Figure 1's pre-training mixture: uniform.
pub const FIGURE1_PRETRAIN: [(Class, f64); 3] = [
    (Class::G1, 1.0 / 3.0),
    (Class::G2, 1.0 / 3.0),
    (Class::G3, 1.0 / 3.0),
];
/// Figure 1's fine-tuning mixture.
pub const FIGURE1_FINE_TUNE: [(Class, f64); 2] = [(Class::G1, 0.9), (Class::G2, 0.1)];
/// Figure 2's mixture.
pub const FIGURE2: [(Class, f64); 3] = [
    (Class::Single, 0.94),
    (Class::Xor, 0.05),
    (Class::Uniform, 0.01),
];

impl GraphSearchConfig {
    /// Figure 1 of the paper: L = 8, W = 4, two branching layers, shuffled edges, hidden label. The
    /// paper leaves m open: 64 here.
    pub fn figure1() -> Self {
        let label = Label::HiddenXor { seed: 0 };
        let family = Family::Figure1 {
            branching: 2,
            label,
        };
        Self {
            middle_layers: 8,
            width: 4,
            names: 64,
            edge_order: EdgeOrder::Shuffled,
            family,
        }
    }

    /// Figure 1 for a laptop: L = 3, W = 2, m = 16, slot order, the label drawn (with graphs this
    /// small a hidden one leaks).
    pub fn figure1_small() -> Self {
        let family = Family::Figure1 {
            branching: 2,
            label: Label::Drawn,
        };
        Self {
            middle_layers: 3,
            width: 2,
            names: 16,
            edge_order: EdgeOrder::Slot,
            family,
        }
    }

    /// Figure 2 of the paper at `h` middle layers (8, 16, 24): W = 4, shuffled edges. The paper
    /// leaves m open: 128 here.
    pub fn figure2(h: usize) -> Self {
        let family = Family::Figure2 {
            xor_branching: h / 2,
            uniform_branching: 4,
        };
        Self {
            middle_layers: h,
            width: 4,
            names: 128,
            edge_order: EdgeOrder::Shuffled,
            family,
        }
    }

    /// Figure 2 for a laptop at `h` middle layers (4, 8, 12): W = 2, m = 32, slot order.
    pub fn figure2_small(h: usize) -> Self {
        let family = Family::Figure2 {
            xor_branching: h / 2,
            uniform_branching: 4,
        };
        Self {
            middle_layers: h,
            width: 2,
            names: 32,
            edge_order: EdgeOrder::Slot,
            family,
        }
    }
}
