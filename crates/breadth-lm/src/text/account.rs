//! What was done to data on its way to token ids, in numbers: for the command's output and its
//! JSON.

use serde::Serialize;

use super::options::{Boundary, EndToken, Side};

/// What was done to the lines of a data file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Account {
    /// Lines.
    pub lines: usize,
    /// Lines that are conversations.
    pub conversations: usize,
    /// Responses that are taken as the chat template writes them, which is not as they stand in the
    /// conversation (trimmed, or with white space or words before them).
    pub as_written: usize,
    /// The first of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_written_example: Option<String>,
    /// Responses that are taken as they stand, though the chat template would write them otherwise.
    pub rewritten: usize,
    /// The first of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewritten_example: Option<String>,
    /// Why prompts of text may begin otherwise in other programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disputed_start: Option<String>,
    /// Ends of responses.
    pub end_token: EndTokenAccount,
    /// Boundaries between prompts and responses.
    pub boundary: BoundaryAccount,
    /// Prompts that were cut; nothing unless cutting was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutAccount>,
}

/// How responses end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndTokenAccount {
    /// What was asked for.
    pub policy: EndToken,
    /// The tokens that were appended, or would be.
    pub tokens: Vec<u32>,
    /// Responses to which one was appended.
    pub appended: usize,
    /// Responses that had one.
    pub present: usize,
    /// Responses that have none.
    pub without: usize,
}

/// Boundaries of lines whose prompt and response are both text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BoundaryAccount {
    /// What was asked for.
    pub policy: Boundary,
    /// Boundaries looked at.
    pub checked: usize,
    /// Those at which prompt and response in one piece have other ids than apart.
    pub changed: usize,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Change>,
}

/// Token ids around a boundary, from two before the first difference to three after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// File and line.
    pub place: String,
    /// Ids of prompt and response tokenised apart.
    pub apart: Vec<u32>,
    /// Ids in one piece.
    pub joint: Vec<u32>,
}

/// Prompts that were cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutAccount {
    /// From where.
    pub side: Side,
    /// Longest prompt and response together, in tokens.
    pub max_length: usize,
    /// Prompts that were cut.
    pub prompts: usize,
    /// Tokens that were taken away.
    pub tokens: usize,
}

impl Account {
    /// What a person should see before the work begins.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let rewritten = (self.rewritten > 0).then(|| {
            format!(
                "the chat template writes {} of {} responses otherwise than they stand in the data \
                 (first: {}); they are taken as they stand. If the model was trained on what the \
                 template writes, give whole conversations as `messages`, or prompt and response \
                 as the text that it was trained on",
                self.rewritten,
                self.conversations,
                self.rewritten_example.as_deref().unwrap_or("unknown"),
            )
        });
        let as_written = (self.as_written > 0).then(|| {
            format!(
                "the chat template writes {} of {} responses otherwise than they stand in the data \
                 (first: {}); they are taken as it writes them",
                self.as_written,
                self.conversations,
                self.as_written_example.as_deref().unwrap_or("unknown"),
            )
        });
        let cut = self
            .cut
            .as_ref()
            .filter(|cut| cut.prompts > 0)
            .map(CutAccount::sentence);
        let start = self.disputed_start.clone();
        [start, self.boundary.sentence(), as_written, rewritten, cut]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl EndTokenAccount {
    /// What was done about end tokens, in words.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self {
            policy,
            tokens,
            appended,
            present,
            without,
        } = self;
        let ids: Vec<String> = tokens.iter().map(u32::to_string).collect();
        let token = if ids.is_empty() {
            "the model names none".to_owned()
        } else {
            format!("token {}", ids.join(" or "))
        };
        format!(
            "end token ({policy}; {token}): appended to {appended} responses, {present} had one, \
             {without} have none"
        )
    }
}

impl BoundaryAccount {
    fn sentence(&self) -> Option<String> {
        let change = self.example.as_ref()?;
        let Change {
            place,
            apart,
            joint,
        } = change;
        let taken = match self.policy {
            Boundary::Separate => {
                "they are tokenised apart; boundary = joint takes the ids of one piece"
            }
            Boundary::Joint => "the ids of one piece are taken",
        };
        Some(format!(
            "at {} of {} boundaries the tokens of prompt and response merge differently in one \
             piece ({place}: {apart:?} apart, {joint:?} in one piece); {taken}",
            self.changed, self.checked,
        ))
    }
}

impl CutAccount {
    fn sentence(&self) -> String {
        let Self {
            side,
            max_length,
            prompts,
            tokens,
        } = self;
        format!(
            "{prompts} prompts were cut on the {side} to {max_length} tokens with their response: \
             {tokens} tokens left out"
        )
    }
}
