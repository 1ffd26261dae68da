//! What responses are compared with, read without a tokenizer: to judge a table of texts anew.

use std::collections::HashMap;
use std::path::PathBuf;

use super::Item;
use super::json::Json;
use super::line::{Content, Line};
use super::read::lines;
use crate::error::{Error, Result};

/// Prompts by their id, as [`Item`]s without tokens.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    items: HashMap<String, (Item, String)>,
    /// Ids by the text of the prompt; none where two prompts of one text have different answers.
    texts: HashMap<String, Option<String>>,
}

impl Reference {
    /// The prompt of this id.
    #[must_use]
    pub fn get(&self, prompt_id: &str) -> Option<&Item> {
        self.items.get(prompt_id).map(|(item, _)| item)
    }

    /// The prompt of this text, for tables whose ids are others than those of the data. `None` also where
    /// prompts of one text have different answers.
    #[must_use]
    pub fn by_text(&self, prompt: &str) -> Option<&Item> {
        self.get(self.texts.get(prompt)?.as_deref()?)
    }

    fn note_text(&mut self, item: &Item) {
        let Some(text) = &item.prompt_text else {
            return;
        };
        let compared = |item: &Item| item.answer.clone().or(item.response_text.clone());
        let same = |id: &String| self.get(id).map(compared) == Some(compared(item));
        let id = match self.texts.get(text) {
            None => Some(item.prompt_id.clone()),
            Some(known) => known.clone().filter(same),
        };
        self.texts.insert(text.clone(), id);
    }

    fn insert(&mut self, item: Item, place: &str) -> Result<()> {
        if let Some((first, at)) = self.items.get(&item.prompt_id) {
            let compared = |item: &Item| item.answer.clone().or(item.response_text.clone());
            if compared(first) == compared(&item) {
                return Ok(());
            }
            let message = format!(
                "prompt_id {} stands with another answer at {at}; give one `answer` per prompt",
                item.prompt_id
            );
            return Err(Error::data(place, message));
        }
        self.note_text(&item);
        self.items
            .insert(item.prompt_id.clone(), (item, place.into()));
        Ok(())
    }
}

/// Reads the answers of data files: `answer`, or the response where it is text, for each `prompt_id` (or line number from 0, as in [`read_data`](super::read_data)).
///
/// # Errors
/// Names the file, the line and the field of what cannot be read, or a prompt with two answers.
pub fn read_references(files: &[PathBuf]) -> Result<Reference> {
    let mut reference = Reference::default();
    for (index, (place, line)) in lines(files)?.iter().enumerate() {
        let line = Line::parse(line, place)?;
        let prompt_text = match line.prompt {
            Content::Text(text) => Some(text),
            Content::Messages(messages) => Some(Json::List(messages).to_string()),
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
        reference.insert(item, place)?;
    }
    Ok(reference)
}
