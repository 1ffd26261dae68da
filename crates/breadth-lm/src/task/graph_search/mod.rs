//! Graph search: find the path through a layered graph. A prompt lists the edges, the response is
//! the path.
//!
//! ```text
//! 5 2 | 5 9 | 9 4 | 9 7 | ... / 5 12 =      5 9 4 .. 12
//! edges u v                     s  t          s v_1 .. v_L t
//! ```
//!
//! Between source `s` and target `t` lie L middle layers of W nodes. One node of each is *passable*
//! (has edges, to every node of the next layer); in a branching layer two are, one with an even and
//! one with an odd name. Which of the `2^branching` valid paths are right is a matter of the
//! prompt's [`Class`]. The response distribution `p(y|x)` is known exactly:
//!
//! - [`GraphSearch::class_log_prob`] given the class: what a judge who knows the class would say.
//!   Figures 1 and 2 of the paper measure coverage and KL against it, each prompt under its own
//!   class.
//! - [`GraphSearch::log_prob`] of the prompt alone, the class averaged out with its posterior given
//!   the prompt: the best that any model can reach. The two agree where the prompt determines the
//!   class.
//!
//! ```
//! use breadth_lm::rng::stream;
//! use breadth_lm::task::graph_search::{FIGURE1_FINE_TUNE, GraphSearch, GraphSearchConfig, is_valid_path};
//!
//! let task = GraphSearch::new(GraphSearchConfig::figure1_small())?;
//! let mixture = task.mixture(&FIGURE1_FINE_TUNE)?;
//! let example = task.sample(&mixture, &mut stream(0, "doc", 0));
//! assert_eq!((example.prompt.len(), example.response.len()), (39, 5));
//! assert!(is_valid_path(&example.prompt, &example.response));
//! # Ok::<(), breadth_lm::error::Error>(())
//! ```

mod config;
mod distribution;
mod graph;
pub(super) mod task;
mod validate;

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::rng::{self, Stream};
use crate::task::numeral_tokenizer::NumeralTokenizer;

pub use config::{
    Class, EdgeOrder, FIGURE1_FINE_TUNE, FIGURE1_PRETRAIN, FIGURE2, Family, GraphSearchConfig,
    Label,
};
pub use graph::{Graph, Layer};

/// A graph-search task: prompts, responses, their distribution and their verifier.
#[derive(Debug, Clone)]
pub struct GraphSearch {
    config: GraphSearchConfig,
    tokenizer: NumeralTokenizer,
}

/// A distribution over the classes of one task; made by [`GraphSearch::mixture`], hence valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture(Vec<(Class, f64)>);

impl Mixture {
    /// The classes and their weights, which sum to 1.
    pub fn weights(&self) -> &[(Class, f64)] {
        &self.0
    }
}

/// A prompt with a response drawn from its distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// `u v | u v | ... / s t =`
    pub prompt: Vec<u32>,
    /// `s v_1 .. v_L t`, always [`GraphSearch::response_len`] tokens.
    pub response: Vec<u32>,
    /// The class the example was drawn from.
    pub class: Class,
    /// What the prompt says; [`GraphSearch::parse`] of it.
    pub graph: Graph,
}

impl GraphSearch {
    /// The task of a configuration.
    ///
    /// # Errors
    /// [`GraphSearchConfig::validate`]'s.
    pub fn new(config: GraphSearchConfig) -> Result<Self> {
        config.validate()?;
        let tokenizer = NumeralTokenizer::new(config.names)?;
        Ok(Self { config, tokenizer })
    }

    /// The configuration.
    pub fn config(&self) -> &GraphSearchConfig {
        &self.config
    }

    /// The vocabulary: names, `|`, `/`, `=`.
    pub fn tokenizer(&self) -> &NumeralTokenizer {
        &self.tokenizer
    }

    /// m + 3.
    pub fn vocab_size(&self) -> usize {
        self.tokenizer.vocab_size()
    }

    /// H = L + 2, for every response.
    pub fn response_len(&self) -> usize {
        self.config.middle_layers + 2
    }

    /// The longest prompt; with [`EdgeOrder::Slot`] the length of all. A model needs
    /// `max_prompt_len + response_len - 1` positions.
    ///
    /// ```
    /// use breadth_lm::task::graph_search::{GraphSearch, GraphSearchConfig};
    /// let task = GraphSearch::new(GraphSearchConfig::figure1_small())?;
    /// assert_eq!(task.max_prompt_len() + task.response_len() - 1, 43);
    /// # Ok::<(), breadth_lm::error::Error>(())
    /// ```
    pub fn max_prompt_len(&self) -> usize {
        let (layers, width) = (self.config.middle_layers, self.config.width);
        // Out of the source W edges, out of each middle layer W per passable node, into the target
        // one.
        let doubled = match (self.config.edge_order, &self.config.family) {
            (EdgeOrder::Slot, _) => layers,
            (_, Family::Figure1 { branching, .. }) => *branching,
            (
                _,
                Family::Figure2 {
                    xor_branching,
                    uniform_branching,
                },
            ) => *xor_branching.max(uniform_branching),
        };
        let inner = doubled.min(layers - 1); // a branching last layer costs one edge, any other W
        let edges = width * (layers + inner) + 1 + (doubled - inner);
        3 * edges + 3
    }

    /// A distribution over the task's classes, say [`FIGURE1_FINE_TUNE`].
    ///
    /// # Errors
    /// A class of another family or listed twice; a weight that is negative or not finite; weights
    /// that do not sum to 1.
    pub fn mixture(&self, weights: &[(Class, f64)]) -> Result<Mixture> {
        distribution::validate_mixture(&self.config, weights)?;
        Ok(Mixture(weights.to_vec()))
    }

    /// Draws class, prompt and response.
    ///
    /// # Panics
    /// If the mixture was made by a task of the other family.
    pub fn sample(&self, mixture: &Mixture, rng: &mut Stream) -> Example {
        let weights: Vec<f64> = mixture.0.iter().map(|(_, weight)| *weight).collect();
        let drawn = rng::categorical(rng, &weights).expect("the weights of a mixture sum to 1");
        self.sample_class(mixture.0[drawn].0, rng)
            .expect("a mixture of this task has classes of its family")
    }

    /// Draws prompt and response of one class.
    ///
    /// # Errors
    /// If the class is of another family than the task.
    pub fn sample_class(&self, class: Class, rng: &mut Stream) -> Result<Example> {
        let graph = self.draw_graph(class, rng)?;
        let prompt = graph.prompt(self.config.edge_order, &self.tokenizer, rng);
        let uniform = |graph: &Graph, rng: &mut _| {
            graph.walk(|_, layer| layer.choice(rng::below(rng, 2) as u32))
        };
        let response =
            distribution::right_path(&graph, class).unwrap_or_else(|| uniform(&graph, rng));
        Ok(Example {
            prompt,
            response,
            class,
            graph,
        })
    }

    /// A prompt without a response: the prompt distribution of one class.
    ///
    /// # Errors
    /// If the class is of another family than the task.
    pub fn sample_prompt(&self, class: Class, rng: &mut Stream) -> Result<Vec<u32>> {
        let graph = self.draw_graph(class, rng)?;
        Ok(graph.prompt(self.config.edge_order, &self.tokenizer, rng))
    }

    /// Uniform over the graphs with the class's branching layers and, where the label is hidden,
    /// its label.
    fn draw_graph(&self, class: Class, rng: &mut Stream) -> Result<Graph> {
        let branching = distribution::branching(&self.config, class)?;
        loop {
            let graph = Graph::draw(&self.config, branching, rng);
            if distribution::is_of_class(&self.config, &graph, class) {
                return Ok(graph);
            }
        }
    }

    /// What a prompt says, from its tokens alone.
    ///
    /// # Errors
    /// If the tokens are not a prompt of this task; the message says what is wrong.
    pub fn parse(&self, prompt: &[u32]) -> Result<Graph> {
        Graph::parse(&self.config, &self.tokenizer, prompt)
    }

    /// `P(class | x)` under the mixture, in its order: the mixture's weights times the prompt's
    /// density under each class, normalised.
    ///
    /// A label that is drawn leaves the weights as they are; a hidden one excludes G1 or G2; Figure
    /// 2's classes are told apart by the number of branching layers, and not at all where that is
    /// equal.
    ///
    /// # Errors
    /// If no class of the mixture has such prompts.
    pub fn posterior(&self, graph: &Graph, mixture: &Mixture) -> Result<Vec<(Class, f64)>> {
        let weigh = |&(class, weight): &(Class, f64)| {
            (
                class,
                distribution::class_weight(&self.config, graph, class, weight),
            )
        };
        let mut posterior: Vec<_> = mixture.0.iter().map(weigh).collect();
        let total: f64 = posterior.iter().map(|(_, weight)| weight).sum();
        if total <= 0.0 {
            let branching = graph.branching();
            return Err(Error::data(
                "graph-search prompt",
                format!(
                    "with its {branching} branching layers it comes from none of {:?}",
                    mixture.0
                ),
            ));
        }
        posterior
            .iter_mut()
            .for_each(|(_, weight)| *weight /= total);
        Ok(posterior)
    }

    /// `log p(y|x)` in nats, the class averaged out: `log sum_c P(c|x) p(y|x, c)`. `-inf` for a
    /// response that is never right.
    ///
    /// # Errors
    /// [`posterior`](Self::posterior)'s.
    ///
    /// ```
    /// use breadth_lm::rng::stream;
    /// use breadth_lm::task::graph_search::{Class, FIGURE1_FINE_TUNE, GraphSearch, GraphSearchConfig};
    /// let task = GraphSearch::new(GraphSearchConfig::figure1_small())?;
    /// let mixture = task.mixture(&FIGURE1_FINE_TUNE)?;
    /// let example = task.sample_class(Class::G2, &mut stream(0, "doc", 0))?;
    /// let log_prob = task.log_prob(&example.graph, &example.response, &mixture)?;
    /// assert!((log_prob - 0.1f64.ln()).abs() < 1e-12);
    /// # Ok::<(), breadth_lm::error::Error>(())
    /// ```
    pub fn log_prob(&self, graph: &Graph, response: &[u32], mixture: &Mixture) -> Result<f64> {
        let term = |(class, weight): (Class, f64)| {
            weight * distribution::probability(graph, response, class)
        };
        Ok(self
            .posterior(graph, mixture)?
            .into_iter()
            .map(term)
            .sum::<f64>()
            .ln())
    }

    /// `log p(y|x, class)` in nats: 0 or `-inf` where the class has one right path, `-branching ln
    /// 2` for every valid path where it is uniform.
    pub fn class_log_prob(&self, graph: &Graph, response: &[u32], class: Class) -> f64 {
        distribution::probability(graph, response, class).ln()
    }

    /// The one response that is right for the class; `None` for G3 and Uniform, where every valid
    /// path is.
    pub fn correct_response(&self, graph: &Graph, class: Class) -> Option<Vec<u32>> {
        distribution::right_path(graph, class)
    }

    /// Whether the response is one that the class's policy gives: its path, or any valid one where
    /// it is uniform. From the tokens alone; `false` for tokens that are no prompt of this task.
    pub fn follows_policy(&self, prompt: &[u32], response: &[u32], class: Class) -> bool {
        self.parse(prompt)
            .is_ok_and(|graph| distribution::probability(&graph, response, class) > 0.0)
    }
}

/// Whether the response is a path from s to t along edges of the prompt. From the tokens alone (the
/// prompt's last token, `=`, tells the number of names); `false` for tokens that are no prompt.
pub fn is_valid_path(prompt: &[u32], response: &[u32]) -> bool {
    let names = prompt.last().map_or(0, |&equals| equals.saturating_sub(2));
    let split = NumeralTokenizer::new(names).and_then(|t| graph::split_prompt(&t, prompt));
    let Ok((edges, source, target)) = split else {
        return false;
    };
    response.len() > 1
        && response.first() == Some(&source)
        && response.last() == Some(&target)
        && response
            .windows(2)
            .all(|step| edges.contains(&(step[0], step[1])))
}
