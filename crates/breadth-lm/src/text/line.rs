//! One line of a data file, as written: which fields there are, and what may stand in them.

use breadth_data::listed;

use super::chat::Conversation;
use super::json::Json;
use crate::error::{Error, Result};

const WHAT_A_LINE_IS: &str = "a line is {\"prompt\": .., \"response\": ..}, each text or a list of token ids, or {\"messages\": [..]}";

/// Names that `chat_template_kwargs` may not give: what is set here, and what transformers'
/// `apply_chat_template` takes for itself.
const NO_VARIABLES: &[&str] = &[
    "add_generation_prompt",
    "chat_template",
    "continue_final_message",
    "conversation",
    "conversations",
    "max_length",
    "messages",
    "padding",
    "return_assistant_tokens_mask",
    "return_dict",
    "return_tensors",
    "sanitize_control_tokens",
    "tokenize",
    "tokenizer_kwargs",
    "tools",
    "truncation",
];

/// What stands in `prompt` or `response`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// A text to be tokenised.
    Text(String),
    /// Token ids as they are.
    Ids(Vec<u32>),
    /// A conversation for the chat template; prompts only.
    Messages(Conversation),
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
    /// The names of fields that nobody reads.
    pub unread: Vec<String>,
}

impl Line {
    /// Reads a line of JSON.
    ///
    /// # Errors
    /// Names `place` and the field.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        Self::parse_as(text, place, true)
    }

    /// Reads a line of an answer key, which needs no prompt where it has a `prompt_id`; the prompt
    /// is then no token.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_key(text: &str, place: &str) -> Result<Self> {
        Self::parse_as(text, place, false)
    }

    fn parse_as(text: &str, place: &str, needs_prompt: bool) -> Result<Self> {
        let line = Json::parse(text).map_err(|e| {
            let message = format!("JSON Lines are read, and this is none ({e}); {WHAT_A_LINE_IS}");
            Error::data(place, message)
        })?;
        let Json::Map(fields) = line else {
            return Err(Error::data(
                place,
                format!("is not an object; {WHAT_A_LINE_IS}"),
            ));
        };
        let mut fields = LineFields { fields, place };
        let (mut prompt, response, turn) = fields.contents(needs_prompt)?;
        if let Content::Messages(conversation) = &mut prompt {
            conversation.tools = fields.tools()?;
            conversation.variables = fields.variables()?;
        }
        Ok(Self {
            prompt,
            response,
            turn,
            answer: fields.answer()?,
            prompt_id: fields.string("prompt_id")?,
            response_id: fields.string("response_id")?,
            group: fields.string("group")?,
            weight: fields.weight()?,
            unread: fields.names(),
        })
    }
}

/// The fields that a message names where one is missing: nothing, or `; it has ..`.
pub(super) fn found(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("; it has {}", listed(&names, MOST_NAMES))
}

/// Of more names than this the others are counted, not listed.
const MOST_NAMES: usize = 9;

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

    /// Whether a field is there that was not taken yet.
    fn has(&self, name: &str) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|(key, value)| key == name && *value != Json::Null)
    }

    /// The names of what was not taken.
    fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, _)| name.clone()).collect()
    }

    fn error<T>(&self, field: &str, message: &str) -> Result<T> {
        Err(Error::data(format!("{}: {field}", self.place), message))
    }

    fn contents(&mut self, needs_prompt: bool) -> Result<(Content, Option<Content>, Option<Json>)> {
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
            (None, None) if !needs_prompt && self.has("prompt_id") => {
                Ok((Content::Ids(Vec::new()), response, None))
            }
            (None, None) => {
                let message = format!("has neither prompt nor messages{}", found(&self.names()));
                Err(Error::data(self.place, message))
            }
        }
    }

    fn prompt(&self, value: Json) -> Result<Content> {
        match value {
            Json::Text(text) => Ok(Content::Text(text)),
            Json::List(list) if list.first().is_some_and(|one| one.as_map().is_some()) => {
                let messages = self.messages("prompt", list)?;
                Ok(Content::Messages(Conversation::of(messages)))
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
            Json::List(list) if list.first().is_some_and(|one| one.as_map().is_some()) => self.error(
                "response",
                "is a list of messages; put the last turn of the assistant into `messages`, behind \
                 the prompt's: {\"messages\": [.., {\"role\": \"assistant\", \"content\": ..}]}",
            ),
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
            return Ok((Content::Messages(Conversation::of(messages)), None, None));
        }
        let response = self.said(&format!("messages[{last}].content"), &messages[last])?;
        let turn = messages.pop();
        if messages.is_empty() {
            return self.error("messages", "hold no message before the response");
        }
        Ok((
            Content::Messages(Conversation::of(messages)),
            Some(Content::Text(response)),
            turn,
        ))
    }

    /// The text of the last message.
    fn said(&self, place: &str, message: &Json) -> Result<String> {
        let Some(texts) = texts(message) else {
            return self.error(
                place,
                "must be text, or a list of parts that are all text; the last message is the response",
            );
        };
        let said = texts.concat();
        if said.is_empty() {
            return self.error(place, "is empty; the last message is the response");
        }
        Ok(said)
    }

    /// JSON schemas of functions; as text, too, as tables hold them that have one type for each
    /// column.
    fn tools(&mut self) -> Result<Option<Vec<Json>>> {
        const TOOLS: &str = "tools";
        let tools = match self.take(TOOLS) {
            None => return Ok(None),
            Some(Json::Text(text)) => match Json::parse(&text) {
                Ok(Json::Null) => return Ok(None),
                Ok(value) => value,
                Err(e) => return self.error(TOOLS, &format!("is text that is no JSON: {e}")),
            },
            Some(value) => value,
        };
        self.objects(TOOLS, tools, "JSON schemas of functions")
            .map(Some)
    }

    fn objects(&self, field: &str, value: Json, what: &str) -> Result<Vec<Json>> {
        match value {
            Json::List(list) if list.iter().all(|one| one.as_map().is_some()) => Ok(list),
            _ => self.error(
                field,
                &format!("must be a list of objects ({what}), or null"),
            ),
        }
    }

    /// Variables of the chat template.
    fn variables(&mut self) -> Result<Vec<(String, Json)>> {
        const FIELD: &str = "chat_template_kwargs";
        let variables = match self.take(FIELD) {
            None => return Ok(Vec::new()),
            Some(Json::Map(variables)) => variables,
            Some(_) => return self.error(FIELD, "must be an object of variables, or null"),
        };
        for (name, value) in &variables {
            let place = format!("{FIELD}.{}", breadth_data::short(name));
            if name == "tools" {
                return self.error(&place, "stands there; give `tools` beside the conversation");
            }
            if NO_VARIABLES.contains(&name.as_str()) {
                let message = "is set by what renders the conversation, and no variable of the \
                               template; remove it";
                return self.error(&place, message);
            }
            if name == "documents" && *value != Json::Null {
                self.objects(&place, value.clone(), "with title and text")?;
            }
        }
        Ok(variables)
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

    /// The right answer; of a list of several texts any is right, as verifiers read it.
    fn answer(&mut self) -> Result<Option<String>> {
        const ANSWER: &str = "answer";
        let mut fields = self.fields.iter();
        let Some((_, Json::List(list))) = fields.find(|(name, _)| name == ANSWER) else {
            return self.string(ANSWER);
        };
        let list = serde_json::from_str(&Json::List(list.clone()).to_string());
        match list.ok().and_then(|list| breadth_data::right_answer(&list)) {
            Some(answer) => {
                self.take(ANSWER);
                Ok(Some(answer))
            }
            None => self.error(ANSWER, "must be text, a number, or a list of texts"),
        }
    }

    /// A string, or a number or boolean that stands for one.
    fn string(&mut self, field: &str) -> Result<Option<String>> {
        match self.take(field) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(value @ (Json::Whole(_) | Json::Long(_) | Json::Real(_) | Json::Bool(_))) => {
                Ok(Some(value.to_string()))
            }
            Some(_) => self.error(field, "must be text or a number"),
        }
    }

    fn weight(&mut self) -> Result<Option<f64>> {
        let weight = match self.take("weight") {
            None => return Ok(None),
            Some(Json::Whole(weight)) => weight as f64,
            Some(Json::Long(digits)) => digits.parse().unwrap_or(f64::INFINITY),
            Some(Json::Real(weight)) => weight,
            Some(_) => return self.error("weight", "must be a number above 0"),
        };
        match breadth_data::weight(weight) {
            Ok(weight) => Ok(Some(weight)),
            Err(why) => self.error("weight", &why),
        }
    }
}

/// The content of a message: one text, or the texts of its parts; nothing where something else is
/// among them.
pub(super) fn texts(message: &Json) -> Option<Vec<&str>> {
    let is_text = |part: &Json| part.get("type").and_then(Json::as_str) == Some("text");
    match message.get("content")? {
        Json::Text(text) => Some(vec![text]),
        Json::List(parts) if parts.iter().all(is_text) => {
            let texts = parts.iter().map(|part| part.get("text")?.as_str());
            texts.collect()
        }
        _ => None,
    }
}
