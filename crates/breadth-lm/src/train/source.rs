//! Where training examples come from.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;
use crate::generation::Sequence;
use crate::model::{Config, file_in, plain};
use crate::rng;
use crate::task::Task;
use crate::text::{self, DataOptions, Item, Text};
use crate::verifier::Verifier;

use super::batch::Pair;
use super::config::{DataConfig, TrainConfig};

/// Training examples: batch `step` of a seed is always the same.
pub enum Source {
    /// Fresh examples of a synthetic task.
    Fresh(Box<Task>),
    /// Examples of a synthetic task that were drawn once, each epoch in a new order.
    Examples(Box<Task>, Vec<Item>),
    /// The lines of files, each epoch in a new order.
    Lines(Box<Lines>),
}

/// Lines of files and their tokenizer.
pub struct Lines {
    items: Vec<Item>,
    vocab_size: usize,
    text: Text,
    tokenizer_files: Vec<(&'static str, String)>,
}

/// What of a tokenizer's folder belongs into every checkpoint.
const TOKENIZER_FILES: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "additional_chat_templates/tool_use.jinja",
    "generation_config.json",
];

impl Source {
    /// What a configuration asks for.
    ///
    /// # Errors
    /// If the task is impossible or a file cannot be read.
    pub fn new(config: &TrainConfig) -> Result<Self> {
        match (&config.task, &config.data) {
            (Some(settings), _) => {
                let task = Box::new(Task::new(settings)?);
                let Some(count) = settings.examples else {
                    return Ok(Self::Fresh(task));
                };
                let mut rng = rng::stream(config.seed, "train/examples", 0);
                let items = (0..count).map(|_| task.draw(&mut rng)).collect();
                Ok(Self::Examples(task, items))
            }
            (None, Some(data)) => {
                Lines::read(data, config).map(|lines| Self::Lines(Box::new(lines)))
            }
            (None, None) => Err(Error::config(
                "configuration",
                "give either [task] or [data]",
            )),
        }
    }

    fn task(&self) -> Option<&Task> {
        match self {
            Self::Fresh(task) | Self::Examples(task, _) => Some(task),
            Self::Lines(_) => None,
        }
    }

    /// The examples of step `step`.
    #[must_use]
    pub fn batch(&self, seed: u64, step: u64, size: usize) -> Vec<Pair> {
        let items = self.items(seed, step, size);
        items
            .into_iter()
            .map(|item| (item.prompt, item.response))
            .collect()
    }

    /// The examples of step `step` with all that is known of them: the class of the task in
    /// `group`, or the line.
    #[must_use]
    pub fn items(&self, seed: u64, step: u64, size: usize) -> Vec<Item> {
        match self {
            Self::Fresh(task) => {
                let mut rng = rng::stream(seed, "train/batch", step);
                let draw = |i: usize| Item {
                    prompt_id: i.to_string(),
                    ..task.draw(&mut rng)
                };
                (0..size).map(draw).collect()
            }
            Self::Examples(_, items) => of_epochs(items, seed, step, size),
            Self::Lines(lines) => of_epochs(&lines.items, seed, step, size),
        }
    }

    /// What makes text of the responses to files; tasks have none.
    #[must_use]
    pub fn text(&self) -> Option<&Text> {
        match self {
            Self::Fresh(_) | Self::Examples(..) => None,
            Self::Lines(lines) => Some(&lines.text),
        }
    }

    /// Checks that a verifier can judge responses to these examples.
    ///
    /// # Errors
    /// Names the example that lacks what the verifier compares with.
    pub fn check_verifier(&self, verifier: &Verifier) -> Result<()> {
        match self {
            Self::Fresh(_) | Self::Examples(..) if verifier.reads_text() => Err(Error::config(
                "[rl] verifier",
                "reads text, which a [task] has not; use exact, valid-path or policy:TRAIN.toml",
            )),
            Self::Fresh(_) | Self::Examples(..) => Ok(()),
            Self::Lines(lines) => verifier.check_all(&lines.items, Some(&lines.text)),
        }
    }

    /// Number of tokens.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Fresh(task) | Self::Examples(task, _) => task.vocab_size(),
            Self::Lines(lines) => lines.vocab_size,
        }
    }

    /// Input tokens of the longest example.
    #[must_use]
    pub fn longest(&self) -> usize {
        match self {
            Self::Fresh(task) | Self::Examples(task, _) => task.longest(),
            Self::Lines(lines) => {
                let inputs = |item: &Item| item.prompt.len() + item.response.len() - 1;
                lines.items.iter().map(inputs).max().unwrap_or(1)
            }
        }
    }

    /// Checks that a model can take every example.
    ///
    /// # Errors
    /// Names the first it cannot.
    pub fn check(&self, model: &Config) -> Result<()> {
        if let Some(task) = self.task()
            && (task.vocab_size() != model.vocab_size
                || task.longest() > model.max_position_embeddings)
        {
            let message = format!(
                "needs a vocabulary of {} and {} positions; the model has {} and {}",
                task.vocab_size(),
                task.longest(),
                model.vocab_size,
                model.max_position_embeddings
            );
            return Err(Error::config("[task]", message));
        }
        let Self::Lines(lines) = self else {
            return Ok(());
        };
        for (i, item) in lines.items.iter().enumerate() {
            let Item {
                prompt, response, ..
            } = item;
            let sequence = Sequence { prompt, response };
            model.check_sequence(&sequence, &format!("[data] item {}", i + 1))?;
        }
        Ok(())
    }

    /// Tokenizer and generation files that belong into every checkpoint.
    #[must_use]
    pub fn tokenizer_files(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Fresh(task) | Self::Examples(task, _) => task.files(),
            Self::Lines(lines) => lines.tokenizer_files.clone(),
        }
    }
}

impl Lines {
    fn read(data: &DataConfig, config: &TrainConfig) -> Result<Self> {
        let path = tokenizer(data, config.init.as_deref());
        let text = match &path {
            Some(path) => Text::read(path)?,
            None => Text::of_checkpoint(config.init.as_deref().unwrap_or("".as_ref()))?,
        };
        let options = DataOptions {
            end_token: data.end_token,
            ..DataOptions::default()
        };
        let mut items = text::read_data(&data.files, &text, &options)?.items;
        if config.rl.is_some() {
            text::join_right_answers(&mut items);
        }
        let largest = items
            .iter()
            .flat_map(|i| i.prompt.iter().chain(&i.response))
            .max();
        let needed = largest.map_or(1, |&t| t as usize + 1);
        let vocab_size = text.vocab_size().unwrap_or(0).max(needed);
        Ok(Self {
            items,
            vocab_size,
            text,
            tokenizer_files: tokenizer_files(data, config.init.as_deref())?,
        })
    }
}

/// The `tokenizer.json` that is given, or that of `init`, if it has one.
fn tokenizer(data: &DataConfig, init: Option<&Path>) -> Option<PathBuf> {
    let of_init = || init.map(|folder| folder.join("tokenizer.json"));
    data.tokenizer
        .clone()
        .or_else(|| of_init().filter(|path| path.exists()))
}

/// The `tokenizer.json`, if there is one, and the folder of what belongs to it.
fn tokenizer_and_folder(
    data: &DataConfig,
    init: Option<&Path>,
) -> (Option<PathBuf>, Option<PathBuf>) {
    match tokenizer(data, init) {
        Some(path) => {
            let folder = path.parent().map(Path::to_path_buf);
            (Some(path), folder)
        }
        None => (None, init.map(|init| text::tokenizer_folder(init, None))),
    }
}

/// All files that tokens and end tokens depend on, whether they are there or not.
pub(super) fn tokenizer_paths(data: &DataConfig, init: Option<&Path>) -> Vec<PathBuf> {
    let (tokenizer, folder) = tokenizer_and_folder(data, init);
    let beside = TOKENIZER_FILES[1..].iter().chain(&["config.json"]);
    let folder = folder.unwrap_or_default();
    let mut paths: Vec<PathBuf> = tokenizer.into_iter().collect();
    paths.extend(beside.map(|name| folder.join(name)));
    paths
}

/// The items of step `step`: each once in every epoch, in an order of the epoch's own.
fn of_epochs(items: &[Item], seed: u64, step: u64, size: usize) -> Vec<Item> {
    let n = items.len() as u64;
    let first = step * size as u64;
    let mut order = (u64::MAX, Vec::new());
    (first..first + size as u64)
        .map(|i| {
            if order.0 != i / n {
                let mut places: Vec<usize> = (0..items.len()).collect();
                rng::shuffle(&mut rng::stream(seed, "train/epoch", i / n), &mut places);
                order = (i / n, places);
            }
            items[order.1[(i % n) as usize]].clone()
        })
        .collect()
}

/// A `tokenizer.json`, if there is one, and what stands beside it: a model without one may still
/// say where its responses end.
fn tokenizer_files(data: &DataConfig, init: Option<&Path>) -> Result<Vec<(&'static str, String)>> {
    let (tokenizer, folder) = tokenizer_and_folder(data, init);
    let mut found = Vec::new();
    if let Some(path) = tokenizer {
        // The tokenizer itself is what was asked for, wherever it lies.
        plain(&path)?;
        found.push((TOKENIZER_FILES[0], path));
    }
    if let Some(folder) = folder {
        for name in &TOKENIZER_FILES[1..] {
            let (inside, file) = name.rsplit_once('/').unwrap_or(("", name));
            found.push((*name, file_in(&folder.join(inside), file)?));
        }
    }
    let there = found.into_iter().filter(|(_, path)| path.exists());
    let read = |(name, path): (&'static str, PathBuf)| {
        let text = files::text(&path, files::TOKENIZER).map_err(|e| Error::io(&path, e))?;
        Ok((name, text))
    };
    there.map(read).collect()
}
