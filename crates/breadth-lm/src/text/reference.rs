//! What responses are compared with, read without a tokenizer: to judge a table of texts anew.

use std::collections::HashMap;
use std::path::PathBuf;

use super::Item;
use super::json::Json;
use super::line::{Content, Line};
use super::read::lines;
use crate::error::Result;

/// Prompts by their id, as [`Item`]s without tokens.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    items: HashMap<String, Item>,
    /// Ids by the text of the prompt; none where two prompts of one text have different answers.
    texts: HashMap<String, Option<String>>,
}

impl Reference {
    /// The prompt of this id.
    #[must_use]
    pub fn get(&self, prompt_id: &str) -> Option<&Item> {
        self.items.get(prompt_id)
    }

    /// The prompt of this text, for tables whose ids are others than those of the data. `None` also
    /// where prompts of one text have different answers.
    #[must_use]
    pub fn by_text(&self, prompt: &str) -> Option<&Item> {
        self.get(self.texts.get(prompt)?.as_deref()?)
    }

    fn note_text(&mut self, item: &Item) {
        let Some(text) = &item.prompt_text else {
            return;
        };
        let compared = |item: &Item| item.answer.clone().or(item.response_text.clone());
        let same = |id: &String| {
            *id == item.prompt_id || self.get(id).map(compared) == Some(compared(item))
        };
        let id = match self.texts.get(text) {
            None => Some(item.prompt_id.clone()),
            Some(known) => known.clone().filter(same),
        };
        self.texts.insert(text.clone(), id);
    }

    /// How many prompts have several right answers.
    #[must_use]
    pub fn several(&self) -> usize {
        self.items
            .values()
            .filter(|item| !item.alternatives.is_empty())
            .count()
    }

    fn insert(&mut self, item: Item) {
        self.note_text(&item);
        match self.items.get_mut(&item.prompt_id) {
            Some(first) => {
                let compared = |answer: &Option<String>, response: &Option<String>| {
                    answer.clone().or(response.clone())
                };
                let own = compared(&item.answer, &item.response_text);
                let is_known = own == compared(&first.answer, &first.response_text)
                    || first
                        .alternatives
                        .iter()
                        .any(|other| own == compared(&other.answer, &other.response_text));
                if !is_known {
                    first.join(&item);
                }
            }
            None => drop(self.items.insert(item.prompt_id.clone(), item)),
        }
    }
}

/// Reads the answers of data files: `answer`, or the response where it is text, for each
/// `prompt_id` (or line number from 0, as in [`read_data`](super::read_data)). Several lines of one
/// prompt are several right answers. A line with a `prompt_id` needs no prompt.
///
/// # Errors
/// Names the file, the line and the field of what cannot be read.
pub fn read_references(files: &[PathBuf]) -> Result<Reference> {
    let mut reference = Reference::default();
    for (index, (place, line)) in lines(files)?.iter().enumerate() {
        let line = Line::parse_key(line, place)?;
        let prompt_text = match line.prompt {
            Content::Text(text) => Some(text),
            Content::Messages(conversation) => Some(Json::List(conversation.messages).to_string()),
            Content::Ids(_) => None,
        };
        let response_text = match line.response {
            Some(Content::Text(text)) => Some(text),
            _ => None,
        };
        let item = Item {
            prompt_id: line.prompt_id.unwrap_or_else(|| index.to_string()),
            response_id: line.response_id.unwrap_or_else(|| "0".into()),
            prompt_text,
            response_text,
            answer: line.answer,
            group: line.group,
            weight: line.weight,
            ..Item::default()
        };
        reference.insert(item);
    }
    Ok(reference)
}
