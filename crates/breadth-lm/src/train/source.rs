//! Where training examples come from.

use crate::error::{Error, Result};
use crate::model::{Config, Sequence};
use crate::rng;
use crate::task::graph_search::{GraphSearch, Mixture};
use crate::text::{self, Responses, Text};

use super::config::{DataConfig, TaskConfig, TrainConfig};

/// A prompt and its response, as token ids.
pub type Pair = (Vec<u32>, Vec<u32>);

/// Training examples: batch `step` of a seed is always the same.
pub enum Source {
    /// Fresh examples of a synthetic task.
    Task(GraphSearch, Mixture),
    /// The lines of files, each epoch in a new order.
    Lines(Lines),
}

/// Lines of files and their tokenizer.
pub struct Lines {
    pairs: Vec<Pair>,
    vocab_size: usize,
    tokenizer: Option<String>,
}

impl Source {
    /// What a configuration asks for.
    ///
    /// # Errors
    /// If the task is impossible or a file cannot be read.
    pub fn new(config: &TrainConfig) -> Result<Self> {
        match (&config.task, &config.data) {
            (Some(task), _) => Self::task(task),
            (None, Some(data)) => Lines::read(data, config).map(Self::Lines),
            (None, None) => Err(Error::config(
                "configuration",
                "give either [task] or [data]",
            )),
        }
    }

    fn task(task: &TaskConfig) -> Result<Self> {
        let search = GraphSearch::new(task.graph_search.clone())?;
        let weights: Vec<_> = task.mixture.iter().map(|(c, w)| (*c, *w)).collect();
        let mixture = search.mixture(&weights)?;
        Ok(Self::Task(search, mixture))
    }

    /// The examples of step `step`.
    #[must_use]
    pub fn batch(&self, seed: u64, step: u64, size: usize) -> Vec<Pair> {
        match self {
            Self::Task(search, mixture) => {
                let mut rng = rng::stream(seed, "train/batch", step);
                let draw = |_| {
                    let example = search.sample(mixture, &mut rng);
                    (example.prompt, example.response)
                };
                (0..size).map(draw).collect()
            }
            Self::Lines(lines) => lines.batch(seed, step, size),
        }
    }

    /// Number of tokens.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Task(search, _) => search.vocab_size(),
            Self::Lines(lines) => lines.vocab_size,
        }
    }

    /// Input tokens of the longest example.
    #[must_use]
    pub fn longest(&self) -> usize {
        match self {
            Self::Task(search, _) => search.max_prompt_len() + search.response_len() - 1,
            Self::Lines(lines) => {
                let inputs = |(p, r): &Pair| p.len() + r.len() - 1;
                lines.pairs.iter().map(inputs).max().unwrap_or(1)
            }
        }
    }

    /// Checks that a model can take every example.
    ///
    /// # Errors
    /// Names the first it cannot.
    pub fn check(&self, model: &Config) -> Result<()> {
        match self {
            Self::Task(search, _) => {
                if search.vocab_size() != model.vocab_size || self.longest() > model.positions {
                    let message = format!(
                        "needs a vocabulary of {} and {} positions; the model has {} and {}",
                        search.vocab_size(),
                        self.longest(),
                        model.vocab_size,
                        model.positions
                    );
                    return Err(Error::config("[task]", message));
                }
                Ok(())
            }
            Self::Lines(lines) => {
                for (i, (prompt, response)) in lines.pairs.iter().enumerate() {
                    Sequence { prompt, response }
                        .check(model, &format!("[data] item {}", i + 1))?;
                }
                Ok(())
            }
        }
    }

    /// Tokenizer and generation files that belong into every checkpoint.
    #[must_use]
    pub fn tokenizer_files(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Task(search, _) => {
                let generation = serde_json::json!({
                    "do_sample": true,
                    "max_new_tokens": search.response_len(),
                });
                let mut files = search.tokenizer().files();
                files.push(("generation_config.json", format!("{generation:#}\n")));
                files
            }
            Self::Lines(lines) => {
                let text = lines.tokenizer.iter().cloned();
                text.map(|text| ("tokenizer.json", text)).collect()
            }
        }
    }
}

impl Lines {
    fn read(data: &DataConfig, config: &TrainConfig) -> Result<Self> {
        let of_init = config
            .init
            .as_ref()
            .map(|folder| folder.join("tokenizer.json"));
        let path = data.tokenizer.clone().or(of_init.filter(|p| p.exists()));
        let text = match &path {
            Some(path) => Text::read(path)?,
            None => Text::of_checkpoint(config.init.as_deref().unwrap_or("".as_ref()))?,
        };
        let items = text::read_items(&data.files, &text, Responses::Required)?;
        let pairs: Vec<Pair> = items.into_iter().map(|i| (i.prompt, i.response)).collect();
        let largest = pairs.iter().flat_map(|(p, r)| p.iter().chain(r)).max();
        let needed = largest.map_or(1, |&t| t as usize + 1);
        let tokenizer = match path {
            Some(path) => Some(std::fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?),
            None => None,
        };
        let vocab_size = text.vocab_size().unwrap_or(0).max(needed);
        Ok(Self {
            pairs,
            vocab_size,
            tokenizer,
        })
    }

    fn batch(&self, seed: u64, step: u64, size: usize) -> Vec<Pair> {
        let n = self.pairs.len() as u64;
        let first = step * size as u64;
        let mut order = (u64::MAX, Vec::new());
        (first..first + size as u64)
            .map(|i| {
                if order.0 != i / n {
                    let mut places: Vec<usize> = (0..self.pairs.len()).collect();
                    rng::shuffle(&mut rng::stream(seed, "train/epoch", i / n), &mut places);
                    order = (i / n, places);
                }
                self.pairs[order.1[(i % n) as usize]].clone()
            })
            .collect()
    }
}
