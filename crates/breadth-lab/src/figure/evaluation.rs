//! The evaluation set, prompts with their right responses, and a checkpoint's log-probabilities,
//! KL and coverage on it.

use std::path::Path;

use breadth_lm::Result;
use breadth_lm::decode::{score, sequence_log_prob};
use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::rng;
use breadth_lm::task::graph_search::{Class, Example, Graph, GraphSearch};
use breadth_stats::{Level, is_uncovered};

/// A response to a prompt, with what the law makes of it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub class: Class,
    /// Probability of class, prompt and response; the weights of a set sum to 1.
    pub weight: f64,
    /// `log p(y|x)` given the class, nats.
    pub log_p: f64,
    pub prompt: Vec<u32>,
    pub response: Vec<u32>,
}

impl Item {
    fn sequence(&self) -> Sequence<'_> {
        Sequence {
            prompt: &self.prompt,
            response: &self.response,
        }
    }
}

/// `prompts` prompts of each class, weighted to the class's share, each with every response that
/// its class gives.
pub(super) fn evaluation_set(
    task: &GraphSearch,
    mixture: &[(Class, f64)],
    prompts: u64,
    seed: u64,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for &(class, share) in mixture {
        for i in 0..prompts {
            // What the set was called at first: another name would draw other prompts.
            let name = format!("lab/exam/{class:?}");
            let example = task.sample_class(class, &mut rng::stream(seed, &name, i))?;
            let responses = match task.correct_response(&example.graph, class) {
                Some(only) => vec![only],
                None => paths(&example.graph),
            };
            let each = 1.0 / responses.len() as f64;
            items.extend(responses.into_iter().map(|response| Item {
                class,
                weight: share / prompts as f64 * each,
                log_p: task.class_log_prob(&example.graph, &response, class),
                prompt: example.prompt.clone(),
                response,
            }));
        }
    }
    Ok(items)
}

/// Fresh examples of a mixture, for the tournament.
pub(super) fn fresh(
    task: &GraphSearch,
    mixture: &[(Class, f64)],
    count: u64,
    seed: u64,
) -> Result<Vec<Example>> {
    let mixture = task.mixture(mixture)?;
    let draw = |i| task.sample(&mixture, &mut rng::stream(seed, "lab/fresh", i));
    Ok((0..count).map(draw).collect())
}

/// Every valid path of a graph.
pub(super) fn paths(graph: &Graph) -> Vec<Vec<u32>> {
    let mut all = vec![vec![graph.source]];
    for layer in &graph.layers {
        let on = |path: &Vec<u32>| {
            let path = path.clone();
            let step = move |&name: &u32| [&path[..], &[name]].concat();
            layer.passable.iter().map(step)
        };
        all = all.iter().flat_map(on).collect();
    }
    all.iter_mut().for_each(|path| path.push(graph.target));
    all
}

/// `log q(y|x)` of each response, nats.
pub(super) fn sequence_log_probs(model: &Checkpoint, sequences: &[Sequence]) -> Result<Vec<f64>> {
    let scored = score(model, sequences)?;
    // Rounding may leave a crumb above 0 where the model is certain.
    Ok(scored
        .iter()
        .map(|own| sequence_log_prob(own).min(0.0))
        .collect())
}

/// As [`sequence_log_probs`], of a checkpoint's folder on an evaluation set.
pub(super) fn log_probs(set: &[Item], checkpoint: &Path) -> Result<Vec<f64>> {
    let sequences: Vec<Sequence> = set.iter().map(Item::sequence).collect();
    sequence_log_probs(&Checkpoint::read(checkpoint)?, &sequences)
}

/// The mean of a number over an evaluation set.
pub(super) fn mean(set: &[Item], mut of: impl FnMut(usize, &Item) -> f64) -> f64 {
    let term = |(i, item): (usize, &Item)| item.weight * of(i, item);
    set.iter().enumerate().map(term).sum()
}

/// The mean of a number over the items of one class.
pub(super) fn class_mean(set: &[Item], class: Class, of: impl Fn(usize, &Item) -> f64) -> f64 {
    let within = |item: &Item| f64::from(u8::from(item.class == class));
    let share = mean(set, |_, item| within(item));
    mean(set, |i, item| within(item) * of(i, item)) / share
}

/// KL of the law to a model, nats: `E log p/q`.
pub(super) fn kl(set: &[Item], log_q: &[f64]) -> f64 {
    mean(set, |i, item| item.log_p - log_q[i])
}

/// `Cov_n`: the probability that `p/q >= n`.
pub(super) fn coverage(set: &[Item], log_q: &[f64], n: f64) -> f64 {
    let level = Level::from_n(n).expect("a level of a figure");
    mean(set, |i, item| {
        f64::from(u8::from(is_uncovered(item.log_p, log_q[i], level)))
    })
}
