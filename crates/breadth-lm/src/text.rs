//! Prompts and responses as people keep them: JSON Lines of text or token ids, and the tokenizer of a checkpoint.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenizers::Tokenizer;

use crate::error::{Error, Result};

/// One line of a data file.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `prompt_id`, or the line number.
    pub prompt_id: String,
    /// `response_id`, or `0`.
    pub response_id: String,
    /// Tokens of the prompt.
    pub prompt: Vec<u32>,
    /// Tokens of the response; empty where only prompts are asked for.
    pub response: Vec<u32>,
    /// Class of the prompt.
    pub group: Option<String>,
    /// Sampling weight.
    pub weight: Option<f64>,
}

/// Text, or token ids as they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Ids(Vec<u32>),
}

/// A string, or a whole number that stands for one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

impl Id {
    fn into_string(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Deserialize)]
struct Line {
    prompt: Content,
    #[serde(default)]
    response: Option<Content>,
    #[serde(default)]
    prompt_id: Option<Id>,
    #[serde(default)]
    response_id: Option<Id>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    weight: Option<f64>,
}

/// Turns text into token ids and back with a `tokenizer.json`.
pub struct Text {
    tokenizer: Option<Tokenizer>,
    place: String,
}

impl Text {
    /// The `tokenizer.json` of a checkpoint folder; without one, data must be token ids.
    ///
    /// # Errors
    /// If it is there but cannot be read.
    pub fn of_checkpoint(folder: &Path) -> Result<Self> {
        let path = folder.join("tokenizer.json");
        if path.exists() {
            return Self::read(&path);
        }
        let place = path.display().to_string();
        Ok(Self {
            tokenizer: None,
            place,
        })
    }

    /// A `tokenizer.json`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let tokenizer = Tokenizer::from_file(path)
            .map_err(|e| Error::data(place.clone(), format!("not a tokenizer: {e}")))?;
        Ok(Self {
            tokenizer: Some(tokenizer),
            place,
        })
    }

    /// Size of the vocabulary, if there is a tokenizer.
    #[must_use]
    pub fn vocab_size(&self) -> Option<usize> {
        self.tokenizer.as_ref().map(|t| t.get_vocab_size(true))
    }

    /// Text of token ids; the ids themselves where there is no tokenizer.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        let spelled = || ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        match &self.tokenizer {
            Some(tokenizer) => tokenizer.decode(ids, false).unwrap_or_else(|_| spelled()),
            None => spelled(),
        }
    }

    fn encode(&self, content: Content, special: bool, place: &str) -> Result<Vec<u32>> {
        let text = match content {
            Content::Ids(ids) => return Ok(ids),
            Content::Text(text) => text,
        };
        let Some(tokenizer) = &self.tokenizer else {
            let message = format!("is text, and there is no {}; give token ids", self.place);
            return Err(Error::data(place, message));
        };
        let encoding = tokenizer
            .encode(text.as_str(), special)
            .map_err(|e| Error::data(place, format!("cannot be tokenized: {e}")))?;
        if encoding.get_ids().is_empty() && !text.trim().is_empty() {
            let message = format!(
                "no token of `{text}` is in the vocabulary of {}",
                self.place
            );
            return Err(Error::data(place, message));
        }
        Ok(encoding.get_ids().to_vec())
    }
}

/// Whether a data file must have responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responses {
    /// Every line needs one.
    Required,
    /// Lines may go without.
    Optional,
}

/// Reads JSON Lines files; blank lines are skipped.
///
/// # Errors
/// Names the file and the line of what cannot be read, has no prompt, or repeats a `(prompt_id, response_id)`.
pub fn read_items(files: &[PathBuf], text: &Text, responses: Responses) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for path in files {
        let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
        for (index, line) in std::io::BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|e| Error::io(path, e))?;
            if line.trim().is_empty() {
                continue;
            }
            let place = format!("{}, line {}", path.display(), index + 1);
            let default_id = items.len().to_string();
            items.push(parse_line(&line, text, responses, default_id, &place)?);
        }
    }
    if items.is_empty() {
        let names: Vec<String> = files.iter().map(|p| p.display().to_string()).collect();
        return Err(Error::data(names.join(", "), "no line of data"));
    }
    check_unique(&items)?;
    Ok(items)
}

fn parse_line(
    line: &str,
    text: &Text,
    responses: Responses,
    default_id: String,
    place: &str,
) -> Result<Item> {
    let line: Line = serde_json::from_str(line).map_err(|e| {
        let message = format!(
            "{e}; a line is {{\"prompt\": .., \"response\": ..}}, each text or a list of token ids"
        );
        Error::data(place, message)
    })?;
    let response = match (line.response, responses) {
        (Some(content), _) => text.encode(content, false, &format!("{place}: response"))?,
        (None, Responses::Optional) => Vec::new(),
        (None, Responses::Required) => return Err(Error::data(place, "has no response")),
    };
    if let Some(weight) = line.weight.filter(|w| !(w.is_finite() && *w > 0.0)) {
        return Err(Error::data(
            place,
            format!("weight = {weight} must be above 0"),
        ));
    }
    Ok(Item {
        prompt_id: line.prompt_id.map_or(default_id, Id::into_string),
        response_id: line.response_id.map_or_else(|| "0".into(), Id::into_string),
        prompt: text.encode(line.prompt, true, &format!("{place}: prompt"))?,
        response,
        group: line.group,
        weight: line.weight,
    })
}

fn check_unique(items: &[Item]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for (i, item) in items.iter().enumerate() {
        if !seen.insert((&item.prompt_id, &item.response_id)) {
            let (prompt, response) = (&item.prompt_id, &item.response_id);
            let message = format!(
                "prompt_id {prompt}, response_id {response} stands there twice; give each response its own response_id"
            );
            return Err(Error::data(format!("item {}", i + 1), message));
        }
    }
    Ok(())
}
