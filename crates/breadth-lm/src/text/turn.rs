//! The assistant's last turn, as its chat template writes it.

use super::Text;
use super::json::Json;

/// What a template writes for the last message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The content as it stands; also where the template refuses the conversation.
    AsItStands,
    /// Another text that holds the content, after the words that open the turn.
    Written(String),
    /// No continuation of the words that open the turn, or not the content.
    Otherwise,
}

/// A content that is found again in what a template writes.
const MARK: &str = "breadth 2718281828 breadth";

impl Turn {
    /// `prompt`: what the template writes for `messages` with the words that open the turn;
    /// `last`: the message that follows, with this content.
    ///
    /// White space between the content and the token that ends the turn is of the turn; what
    /// follows is not.
    pub fn new(text: &Text, prompt: &str, messages: &[Json], last: &Json, content: &str) -> Self {
        let render = |last: Json| {
            let all = [messages, &[last]].concat();
            text.template.as_ref()?.render(&all, false).ok()
        };
        let Some(whole) = render(last.clone()) else {
            return Self::AsItStands;
        };
        let Some(rest) = whole.strip_prefix(prompt) else {
            return Self::Otherwise;
        };
        let after = rest.strip_prefix(content);
        if after.is_some_and(|after| !after.starts_with(char::is_whitespace)) {
            return Self::AsItStands;
        }
        let marked = render(with_content(last, MARK));
        let tail = marked.as_ref().and_then(|marked| marked.rsplit_once(MARK));
        let written = tail.and_then(|(_, tail)| Some((rest.strip_suffix(tail)?, tail)));
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
            written if written.contains(content.trim()) => Self::Written(written.to_owned()),
            _ => Self::Otherwise,
        }
    }
}

/// The message with another content.
fn with_content(message: &Json, content: &str) -> Json {
    let fields = message.as_map().unwrap_or_default().iter();
    let fields = fields.map(|(name, value)| match name.as_str() {
        "content" => (name.clone(), Json::Text(content.to_owned())),
        _ => (name.clone(), value.clone()),
    });
    Json::Map(fields.collect())
}
