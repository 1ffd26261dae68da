//! One line of a data file, as written: which fields there are, and what may stand in them.

use super::json::Json;
use crate::error::{Error, Result};

const WHAT_A_LINE_IS: &str = "a line is {\"prompt\": .., \"response\": ..}, each text or a list of token ids, or {\"messages\": [..]}";

/// What stands in `prompt` or `response`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// A text to be tokenised.
    Text(String),
    /// Token ids as they are.
    Ids(Vec<u32>),
    /// A conversation for the chat template; prompts only.
    Messages(Vec<Json>),
}

/// A line with its fields checked, nothing tokenised yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub prompt: Content,
    pub response: Option<Content>,
    /// The last message of the assistant, where that is the response.
    pub turn: Option<Json>,
    pub answer: Option<String>,
    pub prompt_id: Option<String>,
    pub response_id: Option<String>,
    pub group: Option<String>,
    pub weight: Option<f64>,
}

impl Line {
    /// Reads a line of JSON.
    ///
    /// # Errors
    /// Names `place` and the field.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let line: Json = serde_json::from_str(text)
            .map_err(|e| Error::data(place, format!("{e}; {WHAT_A_LINE_IS}")))?;
        let Json::Map(fields) = line else {
            return Err(Error::data(
                place,
                format!("is not an object; {WHAT_A_LINE_IS}"),
            ));
        };
        let mut fields = LineFields { fields, place };
        let (prompt, response, turn) = fields.contents()?;
        Ok(Self {
            prompt,
            response,
            turn,
            answer: fields.string("answer")?,
            prompt_id: fields.string("prompt_id")?,
            response_id: fields.string("response_id")?,
            group: fields.string("group")?,
            weight: fields.weight()?,
        })
    }
}

/// The fields of a line, each taken once.
struct LineFields<'a> {
    fields: Vec<(String, Json)>,
    place: &'a str,
}

impl LineFields<'_> {
    /// A field; `null` is as good as nothing.
    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.fields.iter().position(|(key, _)| key == name)?;
        Some(self.fields.swap_remove(at).1).filter(|value| *value != Json::Null)
    }

    fn error<T>(&self, field: &str, message: &str) -> Result<T> {
        Err(Error::data(format!("{}: {field}", self.place), message))
    }

    fn contents(&mut self) -> Result<(Content, Option<Content>, Option<Json>)> {
        let (prompt, response) = (self.take("prompt"), self.take("response"));
        let response = response.map(|value| self.response(value)).transpose()?;
        match (self.take("messages"), prompt) {
            (Some(_), Some(_)) => self.error("messages", "stands beside prompt; give one of them"),
            (Some(_), None) if response.is_some() => self.error(
                "response",
                "stands beside messages, whose last message of the assistant is the response; give one of them, or the \
                 conversation as `prompt`",
            ),
            (Some(messages), None) => self.conversation(messages),
            (None, Some(prompt)) => Ok((self.prompt(prompt)?, response, None)),
            (None, None) => Err(Error::data(self.place, "has neither prompt nor messages")),
        }
    }

    fn prompt(&self, value: Json) -> Result<Content> {
        match value {
            Json::Text(text) => Ok(Content::Text(text)),
            Json::List(list) if list.first().is_some_and(|one| one.as_map().is_some()) => {
                self.messages("prompt", list).map(Content::Messages)
            }
            Json::List(list) => self.ids("prompt", &list),
            _ => self.error(
                "prompt",
                "must be text, a list of token ids or a list of messages",
            ),
        }
    }

    fn response(&self, value: Json) -> Result<Content> {
        match value {
            Json::Text(text) if text.is_empty() => self.error(
                "response",
                "is empty; remove the line, or give the tokens that end a response",
            ),
            Json::Text(text) => Ok(Content::Text(text)),
            Json::List(list) => self.ids("response", &list),
            _ => self.error("response", "must be text or a list of token ids"),
        }
    }

    fn ids(&self, field: &str, list: &[Json]) -> Result<Content> {
        let id = |(i, value): (usize, &Json)| {
            value.as_token().ok_or_else(|| {
                let message = format!("{value} is not a token id; ids are whole numbers from 0");
                Error::data(format!("{}: {field}[{i}]", self.place), message)
            })
        };
        let ids = list.iter().enumerate().map(id).collect::<Result<_>>()?;
        Ok(Content::Ids(ids))
    }

    /// A whole conversation: what the assistant says last is the response, everything before it the
    /// prompt.
    fn conversation(&self, messages: Json) -> Result<(Content, Option<Content>, Option<Json>)> {
        let Json::List(list) = messages else {
            return self.error(
                "messages",
                "must be a list of {\"role\": .., \"content\": ..}",
            );
        };
        let mut messages = self.messages("messages", list)?;
        let last = messages.len() - 1;
        if messages[last].get("role").and_then(Json::as_str) != Some("assistant") {
            return Ok((Content::Messages(messages), None, None));
        }
        let place = format!("messages[{last}].content");
        let response = match messages[last].get("content").and_then(Json::as_str) {
            Some("") => return self.error(&place, "is empty; the last message is the response"),
            Some(text) => text.to_owned(),
            None => return self.error(&place, "must be text; the last message is the response"),
        };
        let turn = messages.pop();
        if messages.is_empty() {
            return self.error("messages", "hold no message before the response");
        }
        Ok((
            Content::Messages(messages),
            Some(Content::Text(response)),
            turn,
        ))
    }

    fn messages(&self, field: &str, list: Vec<Json>) -> Result<Vec<Json>> {
        if list.is_empty() {
            return self.error(field, "holds no message");
        }
        for (i, message) in list.iter().enumerate() {
            self.message(&format!("{field}[{i}]"), message)?;
        }
        Ok(list)
    }

    /// A message has a role and content; what stands beside them is for the template, which need
    /// not look at it.
    fn message(&self, place: &str, message: &Json) -> Result<()> {
        if message.as_map().is_none() {
            return self.error(place, "must be {\"role\": .., \"content\": ..}");
        }
        if message.get("role").and_then(Json::as_str).is_none() {
            return self.error(place, "has no role, such as \"user\" or \"assistant\"");
        }
        match message.get("content") {
            Some(Json::Text(_) | Json::List(_)) => Ok(()),
            _ if message
                .get("tool_calls")
                .is_some_and(|calls| *calls != Json::Null) =>
            {
                Ok(())
            }
            _ => self.error(place, "has no content, which is text"),
        }
    }

    /// A string, or a number or boolean that stands for one.
    fn string(&mut self, field: &str) -> Result<Option<String>> {
        match self.take(field) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(value @ (Json::Whole(_) | Json::Real(_) | Json::Bool(_))) => {
                Ok(Some(value.to_string()))
            }
            Some(_) => self.error(field, "must be text or a number"),
        }
    }

    fn weight(&mut self) -> Result<Option<f64>> {
        let weight = match self.take("weight") {
            None => return Ok(None),
            Some(Json::Whole(weight)) => weight as f64,
            Some(Json::Real(weight)) => weight,
            Some(_) => return self.error("weight", "must be a number above 0"),
        };
        match breadth_data::weight(weight) {
            Ok(weight) => Ok(Some(weight)),
            Err(why) => self.error("weight", &why),
        }
    }
}
