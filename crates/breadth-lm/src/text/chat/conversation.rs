//! What a chat template sees of a line: the messages, `tools`, and variables of its own.

use std::collections::BTreeMap;

use minijinja::value::Value as JinjaValue;

use crate::text::json::Json;

/// A conversation, and what its line says beside it for the template.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::text) struct Conversation {
    pub messages: Vec<Json>,
    /// JSON schemas of the functions that the model may call.
    pub tools: Option<Vec<Json>>,
    /// `chat_template_kwargs`: further variables of the template.
    pub variables: Vec<(String, Json)>,
}

impl Conversation {
    /// A conversation and nothing beside it.
    pub fn of(messages: Vec<Json>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    /// The same with one more message.
    pub fn with(&self, last: Json) -> Self {
        let mut all = self.clone();
        all.messages.push(last);
        all
    }

    /// What the template sees: variables of the line before special tokens of their names, as in
    /// transformers.
    pub fn context(
        &self,
        tokens: &BTreeMap<String, String>,
        add_generation_prompt: bool,
    ) -> JinjaValue {
        let list = |tools: &Vec<Json>| tools.iter().map(Json::to_jinja).collect();
        let tools = self.tools.as_ref().map_or(JinjaValue::from(()), list);
        let tokens = tokens.iter();
        let tokens = tokens.map(|(name, token)| (name.as_str(), JinjaValue::from(token.as_str())));
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| (name.as_str(), value.to_jinja()));
        let mut context: BTreeMap<&str, JinjaValue> = tokens.collect();
        context.insert("documents", ().into());
        context.extend(variables);
        context.insert("messages", self.messages.iter().map(message).collect());
        context.insert("add_generation_prompt", add_generation_prompt.into());
        context.insert("tools", tools);
        JinjaValue::from(context)
    }
}

/// A message as transformers hands it to the template: null fields left out, and reasoning under
/// each of its names.
///
/// Source: `_normalize_chat_messages` and `_alias_reasoning_fields` of transformers 5.24.
fn message(message: &Json) -> JinjaValue {
    let Some(fields) = message.as_map() else {
        return message.to_jinja();
    };
    let given = fields.iter().filter(|(_, value)| *value != Json::Null);
    let given = given.map(|(name, value)| (name.clone(), value.clone()));
    let mut fields: Vec<(String, Json)> = given.collect();
    let names = ["reasoning_content", "thinking", "reasoning"];
    let reasoning = names
        .iter()
        .find_map(|name| message.get(name).filter(|value| **value != Json::Null));
    if let Some(reasoning) = reasoning {
        fields.insert(0, ("thinking".into(), reasoning.clone()));
        fields.push(("reasoning_content".into(), reasoning.clone()));
    }
    Json::Map(fields).to_jinja()
}
