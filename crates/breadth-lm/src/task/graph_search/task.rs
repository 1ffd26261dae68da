//! Graph search as a task.

use std::sync::Arc;

use serde_json::Value;

use super::{Class, Example, GraphSearch, GraphSearchConfig, Mixture};
use crate::error::{Error, Result};
use crate::rng::{self, Stream};
use crate::task::config::TaskConfig;
use crate::task::synthetic::{HeldOut, Synthetic, TaskKind};
use crate::text::Item;

/// Evaluation prompts of each class.
const PER_CLASS: u64 = 384;

pub(in crate::task) const KIND: TaskKind = TaskKind {
    table: "graph-search",
    open: |config, held_out| Some(open(config.graph_search.as_ref()?, config, held_out)),
};

#[derive(Debug)]
struct GraphSearchTask {
    search: GraphSearch,
    mixture: Mixture,
}

fn open(
    table: &GraphSearchConfig,
    config: &TaskConfig,
    held_out: HeldOut,
) -> Result<Arc<dyn Synthetic>> {
    if !held_out.is_none() {
        let message = "held_out is for totals and sums; graphs hardly ever come twice";
        return Err(Error::config("[task]", message));
    }
    let search = GraphSearch::new(table.clone())?;
    let weights: Vec<_> = config.mixture.iter().map(|(c, w)| (*c, *w)).collect();
    let mixture = search.mixture(&weights)?;
    Ok(Arc::new(GraphSearchTask { search, mixture }))
}

impl Synthetic for GraphSearchTask {
    fn draw(&self, rng: &mut Stream) -> Item {
        of_graph(&self.search.sample(&self.mixture, rng))
    }

    fn draw_held_out(&self, rng: &mut Stream) -> Item {
        self.draw(rng)
    }

    /// As many prompts of every class, weighted back to their shares.
    fn evaluation(&self, seed: u64) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for &(class, share) in self.mixture.weights() {
            let name = class_name(class);
            for i in 0..PER_CLASS {
                let mut rng = rng::stream(seed, &format!("demo/evaluation/{name}"), i);
                items.push(Item {
                    prompt_id: format!("{name}-{i}"),
                    weight: Some(share * self.mixture.weights().len() as f64),
                    ..of_graph(&self.search.sample_class(class, &mut rng)?)
                });
            }
        }
        Ok(items)
    }

    fn right_responses(&self, _: &Item) -> Result<Option<Vec<Vec<u32>>>> {
        Ok(None)
    }

    /// Given the class that `group` names.
    fn log_prob(&self, item: &Item) -> Result<f64> {
        let group = item.group.clone().unwrap_or_default();
        let class: Class = serde_json::from_value(Value::from(group))
            .map_err(|_| Error::data(item.place(), "its group is no class"))?;
        let graph = self.search.parse(&item.prompt)?;
        Ok(self.search.class_log_prob(&graph, &item.response, class))
    }

    fn decode(&self, tokens: &[u32]) -> Result<String> {
        self.search.tokenizer().decode(tokens)
    }

    fn vocab_size(&self) -> usize {
        self.search.vocab_size()
    }

    fn response_len(&self) -> usize {
        self.search.response_len()
    }

    fn prompt_len(&self) -> usize {
        self.search.max_prompt_len()
    }

    fn end_token(&self) -> Option<u32> {
        None
    }

    fn tokenizer_files(&self) -> Vec<(&'static str, String)> {
        self.search.tokenizer().files()
    }
}

/// As a class is written in data and configurations.
fn class_name(class: Class) -> String {
    serde_json::to_value(class)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn of_graph(example: &Example) -> Item {
    Item {
        prompt: example.prompt.clone(),
        response: example.response.clone(),
        group: Some(class_name(example.class)),
        ..Item::default()
    }
}
