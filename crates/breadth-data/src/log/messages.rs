//! Conversations as one text.

use serde_json::Value;

use super::source::text;

/// A prompt as text: the string itself, or `role: content` of every message, one below the other.
///
/// A list of one stands for what is in it: NeMo-RL writes batches of one.
pub(super) fn prompt_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let parts = items.iter().map(said);
            Some(parts.collect::<Option<Vec<_>>>()?.join("\n"))
        }
        _ => None,
    }
}

fn said(message: &Value) -> Option<String> {
    match message {
        Value::String(text) => Some(text.clone()),
        Value::Object(members) => {
            let content = members.get("content").map(content).unwrap_or_default();
            let role = members.get("role").and_then(Value::as_str);
            Some(match role {
                Some(role) => format!("{role}: {content}"),
                None => content,
            })
        }
        _ => None,
    }
}

/// A response as text: the string itself, or what the assistant said last.
pub(super) fn reply_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let is_reply = |item: &&Value| match item.get("role").and_then(Value::as_str) {
                Some(role) => role == "assistant",
                None => true,
            };
            let last = items.iter().rev().find(is_reply)?;
            match last {
                Value::String(text) => Some(text.clone()),
                Value::Object(members) => Some(content(members.get("content")?)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The content of a message: a text, or parts of which those that are text count.
fn content(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        other => text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{prompt_text, reply_text};
    use serde_json::json;

    #[test]
    fn texts_and_messages() {
        let talk = json!([{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "q"}]}]);
        assert_eq!(prompt_text(&talk).unwrap(), "system: s\nuser: q");
        assert_eq!(prompt_text(&json!("q")).unwrap(), "q");
        assert_eq!(prompt_text(&json!(["q"])).unwrap(), "q");
        assert_eq!(prompt_text(&json!([])), None);
        assert_eq!(prompt_text(&json!({"a": 1})), None);
        let reply = json!([{"role": "assistant", "content": "first"}, {"role": "tool", "content": "t"},
            {"role": "assistant", "content": "last"}, {"role": "tool", "content": "u"}]);
        assert_eq!(reply_text(&reply).unwrap(), "last");
        assert_eq!(reply_text(&json!("a")).unwrap(), "a");
        assert_eq!(reply_text(&json!([{"role": "user", "content": "q"}])), None);
        assert_eq!(reply_text(&json!(3)), None);
    }
}
