//! The assistant's last turn, as its chat template writes it.

use super::Text;
use super::chat::Conversation;
use super::json::Json;
use super::line::texts;

/// What a template writes for the last message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The content as it stands; also where the template refuses the conversation.
    AsItStands,
    /// Another text that holds the content, after the words that open the turn.
    Written(String),
    /// No continuation of the words that open the turn, or not the content.
    Otherwise,
    /// Not the texts of a content that is a list of parts; what it does instead.
    Refused(String),
}

/// A content that is found again in what a template writes.
const MARK: &str = "breadth 2718281828 breadth";

impl Turn {
    /// `prompt`: what the template writes for `before` with the words that open the turn; `last`: the
    /// message that follows, with this content.
    ///
    /// White space between the content and the token that ends the turn is of the turn; what
    /// follows is not.
    pub fn new(
        text: &Text,
        (prompt, before): (&str, &Conversation),
        last: &Json,
        content: &str,
    ) -> Self {
        let Some(template) = &text.template else {
            return Self::AsItStands;
        };
        let render = |last: Json| template.render(&before.with(last), false);
        let is_list = matches!(last.get("content"), Some(Json::List(_)));
        let whole = match render(last.clone()) {
            Ok(whole) => whole,
            Err(why) if is_list => return Self::Refused(why),
            Err(_) => return Self::AsItStands,
        };
        let tail = |marked: Json| {
            let text = render(marked).ok()?;
            text.rsplit_once(MARK).map(|(_, tail)| tail.to_owned())
        };
        let marked = |is_list| tail(with_content(last, &content_of(is_list, MARK)));
        if is_list {
            // A template that knows no lists writes the list itself, or nothing.
            let [as_list, as_text] = [true, false].map(marked);
            if as_list.is_none() || as_text.is_some() && as_text != as_list {
                return Self::Refused("it writes another text".into());
            }
        }
        let Some(rest) = whole.strip_prefix(prompt) else {
            return Self::Otherwise;
        };
        let after = rest.strip_prefix(content);
        if after.is_some_and(|after| !after.starts_with(char::is_whitespace)) {
            return Self::AsItStands;
        }
        let marked = marked(is_list);
        let written = marked.as_deref();
        let written = written.and_then(|tail| Some((rest.strip_suffix(tail)?, tail)));
        let Some((written, tail)) = written else {
            return after.map_or(Self::Otherwise, |_| Self::AsItStands);
        };
        let space = tail.len() - tail.trim_start().len();
        let end = text.end_of_turn().map(|token| text.decode(&[token]));
        let is_before_end =
            end.is_some_and(|end| !end.is_empty() && tail[space..].starts_with(&end));
        let length = written.len() + if is_before_end { space } else { 0 };
        match &rest[..length] {
            written if written == content => Self::AsItStands,
            written if holds(written, last, content) => Self::Written(written.to_owned()),
            _ => Self::Otherwise,
        }
    }
}

/// Whether a text holds the content, the parts of a list one after another.
fn holds(written: &str, last: &Json, content: &str) -> bool {
    let mut rest = written;
    let parts = texts(last).unwrap_or_else(|| vec![content]);
    parts.iter().all(|part| {
        let after = rest.split_once(part.trim()).map(|(_, after)| after);
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

/// A text, or a list of one part.
fn content_of(is_list: bool, text: &str) -> Json {
    if is_list {
        Json::List(vec![Json::object([("type", "text"), ("text", text)])])
    } else {
        Json::Text(text.to_owned())
    }
}

/// The message with another content.
fn with_content(message: &Json, content: &Json) -> Json {
    let fields = message.as_map().unwrap_or_default().iter();
    let fields = fields.map(|(name, value)| match name.as_str() {
        "content" => (name.clone(), content.clone()),
        _ => (name.clone(), value.clone()),
    });
    Json::Map(fields.collect())
}
