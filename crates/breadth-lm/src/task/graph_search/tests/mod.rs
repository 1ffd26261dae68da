//! Helpers that the tests share.

mod brute_force;
mod by_hand;
mod closed_form;
mod examples;
mod properties;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::rng::stream;

const ORDERS: [EdgeOrder; 3] = [EdgeOrder::Shuffled, EdgeOrder::Layer, EdgeOrder::Slot];
const HIDDEN: Label = Label::HiddenXor { seed: 5 };

fn figure1(
    layers: usize,
    width: usize,
    names: u32,
    branching: usize,
    label: Label,
) -> GraphSearchConfig {
    let family = Family::Figure1 { branching, label };
    GraphSearchConfig {
        middle_layers: layers,
        width,
        names,
        edge_order: EdgeOrder::Shuffled,
        family,
    }
}

fn task(config: GraphSearchConfig) -> GraphSearch {
    GraphSearch::new(config).unwrap()
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

/// s = 9, layers {1, 2}, {3, 4} (both passable), {5, 6}, t = 8.
const PROMPT: &str = "9 1 | 9 2 | 2 3 | 2 4 | 3 5 | 3 6 | 4 5 | 4 6 | 5 8 / 9 8 =";

fn hand_made() -> (GraphSearch, Vec<u32>) {
    let task = task(figure1(3, 2, 16, 1, Label::Drawn));
    let prompt = task.tokenizer().encode(PROMPT).unwrap();
    (task, prompt)
}
