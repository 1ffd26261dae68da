//! Prompts and responses as people keep them: JSON Lines of text, conversations or token ids, and
//! the tokenizer of a checkpoint.
//!
//! A line is `{"prompt": .., "response": ..}`, each text or a list of token ids, or `{"messages":
//! [{"role": .., "content": ..}, ..]}`, where what the assistant says last is the response and
//! everything before it the prompt; `prompt` itself may be a list of messages. Optional beside
//! them: `prompt_id`, `response_id`, `answer` (what verifiers compare with), `group`, `weight`; and
//! beside a conversation `tools` (JSON schemas of functions) and `chat_template_kwargs` (variables of
//! the chat template). Other fields are not looked at.
//!
//! What becomes of it, and what never happens silently:
//! - **Start token.** A prompt of text gets the tokens that the post-processor of `tokenizer.json`
//!   puts first (as in transformers 5, which does not look at `add_bos_token` either where there is
//!   one; 4.57 does for Llama and Gemma, and where they differ that is said), never twice, and
//!   nothing after it. A conversation has what its chat template writes and
//!   nothing else.
//! - **Boundary.** Prompt and response are tokenised apart ([`Boundary`]); lines whose ids would be
//!   others in one piece are counted, with an example.
//! - **Turn.** The last message of `messages` is taken as the chat template writes it, with what
//!   stands before it, and in the tokens of one piece; a `response` beside a conversation as
//!   `prompt` is taken as it stands. Both are counted where they differ.
//! - **End token.** Whether a response gets the token that ends it is said by [`EndToken`] and
//!   counted.
//! - **Length.** Nothing is cut unless [`Cut`] asks for it; then prompts are, and counted.
//!   Responses never are.
//! - **Loss.** Text of which the tokenizer leaves out characters is an error.

mod account;
mod bounds;
mod chat;
mod growth;
mod json;
mod library;
mod line;
mod options;
mod read;
mod reference;
mod special;
mod turn;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use tokenizers::{Encoding, ModelWrapper};

pub use account::{Account, BoundaryAccount, Change, CutAccount, EndTokenAccount};
pub use chat::ChatTemplate;
pub use options::{Boundary, Cut, DataOptions, EndToken, Responses, Side};
pub use read::{Data, join_right_answers, one_per_prompt, read_data, read_items};
pub use reference::{Reference, read_references};
pub use special::Generation;

use crate::error::{Error, Result};
use crate::model::{adapter, file_in};
use chat::Conversation;
use library::Library;
use special::Special;

/// One line of a data file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// `prompt_id`, or the line number.
    pub prompt_id: String,
    /// `response_id`, or `0`.
    pub response_id: String,
    /// Tokens of the prompt.
    pub prompt: Vec<u32>,
    /// Tokens of the response; empty where only prompts are asked for.
    pub response: Vec<u32>,
    /// The prompt as text, where it was one; a conversation as its template wrote it.
    pub prompt_text: Option<String>,
    /// The response as text, where it was one, without an end token that was added.
    pub response_text: Option<String>,
    /// The right answer, if the line says one: verifiers compare with it instead of the response.
    pub answer: Option<String>,
    /// What other lines of the same prompt say is right too ([`join_right_answers`]); verifiers
    /// take any.
    pub alternatives: Vec<Alternative>,
    /// Class of the prompt.
    pub group: Option<String>,
    /// Sampling weight.
    pub weight: Option<f64>,
}

/// Another right answer to a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alternative {
    /// Tokens of the response.
    pub response: Vec<u32>,
    /// The response as text.
    pub response_text: Option<String>,
    /// The answer, if the line says one.
    pub answer: Option<String>,
}

impl Item {
    /// What a message calls it.
    pub(crate) fn place(&self) -> String {
        format!("prompt_id {}", breadth_data::short(&self.prompt_id))
    }

    /// Tokens of every response that the data call right, the item's own first.
    pub fn right_responses(&self) -> impl Iterator<Item = &[u32]> {
        let others = self.alternatives.iter().map(|other| &*other.response);
        std::iter::once(&*self.response).chain(others.filter(|response| !response.is_empty()))
    }

    /// Takes what another line of the prompt says is right, if it says something new; whether it
    /// does.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        let is_known = |response: &[u32], text: &Option<String>, answer: &Option<String>| {
            (response, text, answer) == (&other.response, &other.response_text, &other.answer)
        };
        let is_same = |one: &Alternative| is_known(&one.response, &one.response_text, &one.answer);
        let says_nothing =
            other.response.is_empty() && other.response_text.is_none() && other.answer.is_none();
        if says_nothing
            || is_known(&self.response, &self.response_text, &self.answer)
            || self.alternatives.iter().any(is_same)
        {
            return false;
        }
        self.alternatives.push(Alternative {
            response: other.response.clone(),
            response_text: other.response_text.clone(),
            answer: other.answer.clone(),
        });
        true
    }
}

/// Where the tokenizer of a checkpoint stands: an adapter without one has its base's, `base` or the
/// one that it names.
///
/// ```
/// let folder = std::path::Path::new("no/such/folder");
/// assert_eq!(breadth_lm::text::tokenizer_folder(folder, None), folder);
/// ```
#[must_use]
pub fn tokenizer_folder(folder: &Path, base: Option<&Path>) -> PathBuf {
    if !adapter::is_one(folder) || folder.join("tokenizer.json").exists() {
        return folder.to_path_buf();
    }
    // An adapter without a base is an error where its weights are read.
    adapter::base_of(folder, base).unwrap_or_else(|_| folder.to_path_buf())
}

/// Turns text into token ids and back with a `tokenizer.json`, and knows what the files beside it
/// say.
pub struct Text {
    tokenizer: Option<Library>,
    place: String,
    special: Special,
    template: Option<ChatTemplate>,
    generation: Generation,
    end_of_turn: OnceLock<Option<u32>>,
    /// Characters that were looked at, and whether the tokenizer has tokens for them.
    known: Mutex<HashMap<char, bool>>,
}

impl Text {
    /// The `tokenizer.json` of a checkpoint folder; without one, data must be token ids.
    ///
    /// # Errors
    /// If it, or a file beside it (`tokenizer_config.json`, `chat_template.jinja`,
    /// `generation_config.json`, `config.json`), is there but cannot be read.
    pub fn of_checkpoint(folder: &Path) -> Result<Self> {
        Self::of_checkpoint_on(folder, None)
    }

    /// As [`of_checkpoint`](Self::of_checkpoint), with the folder of the model that an adapter
    /// changes: what its own folder does not say is said there.
    ///
    /// # Errors
    /// As [`of_checkpoint`](Self::of_checkpoint).
    pub fn of_checkpoint_on(folder: &Path, base: Option<&Path>) -> Result<Self> {
        let path = file_in(&tokenizer_folder(folder, base), "tokenizer.json")?;
        if path.exists() {
            return Self::new(Some(Library::read(&path)?), &path, base);
        }
        Self::new(None, &path, base)
    }

    /// A `tokenizer.json`, with the files beside it.
    ///
    /// # Errors
    /// As [`of_checkpoint`](Self::of_checkpoint), or if there is none.
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(Some(Library::read(path)?), path, None)
    }

    fn new(mut tokenizer: Option<Library>, path: &Path, base: Option<&Path>) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let special = Special::read(folder)?;
        if let Some(library) = &mut tokenizer {
            library
                .take_whole(&special)
                .map_err(|why| Error::data(path.display().to_string(), why))?;
        }
        let mut generation = Generation::read_on(folder, base)?;
        if let Some(Library { tokenizer, .. }) = &tokenizer {
            // Configurations are copied from model to model; an id that is no token ends nothing.
            generation
                .end_tokens
                .retain(|&id| tokenizer.id_to_token(id).is_some());
            let said = special
                .token("eos_token")
                .and_then(|token| tokenizer.token_to_id(token));
            if generation.end_tokens.is_empty() {
                generation.end_tokens.extend(said);
            }
        }
        Ok(Self {
            tokenizer,
            place: path.display().to_string(),
            template: ChatTemplate::of_folder(folder, &special)?,
            special,
            generation,
            end_of_turn: OnceLock::new(),
            known: Mutex::default(),
        })
    }

    /// Size of the vocabulary, if there is a tokenizer.
    #[must_use]
    pub fn vocab_size(&self) -> Option<usize> {
        self.tokenizer
            .as_ref()
            .map(|library| library.tokenizer.get_vocab_size(true))
    }

    /// Hash of the `tokenizer.json`, 16 hexadecimal digits, if there is a tokenizer.
    #[must_use]
    pub fn tokenizer_hash(&self) -> Option<&str> {
        self.tokenizer.as_ref().map(|library| &*library.hash)
    }

    /// Whether another tokenizer gives every text the same tokens, as far as its file tells: saved
    /// anew, the same tokenizer may look otherwise.
    #[must_use]
    pub fn has_tokens_of(&self, other: &Self) -> bool {
        let is_split = self.special.split == other.special.split;
        match (&self.tokenizer, &other.tokenizer) {
            (Some(own), Some(other)) => {
                let content = own.content();
                is_split && content.is_some() && content == other.content()
            }
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Whether another chat template writes the same, as far as its text and the special tokens
    /// that it names tell, in whichever file it stands.
    #[must_use]
    pub fn has_template_of(&self, other: &Self) -> bool {
        match (&self.template, &other.template) {
            (Some(own), Some(other)) => own.is_same(other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// What `generation_config.json` and `config.json` say; the end tokens are those of the
    /// vocabulary, and `eos_token` of `tokenizer_config.json` where there is none.
    #[must_use]
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The token that ends a response of plain text: `eos_token` of the tokenizer's configuration
    /// if the model ends with it, else the model's first.
    #[must_use]
    pub fn end_token(&self) -> Option<u32> {
        let ends = &self.generation.end_tokens;
        let said = self
            .special
            .token("eos_token")
            .and_then(|token| self.id(token));
        said.filter(|id| ends.contains(id))
            .or(ends.first().copied())
    }

    /// The token that ends a turn of a conversation: what the chat template writes after the
    /// assistant's words, else [`end_token`](Self::end_token).
    #[must_use]
    pub fn end_of_turn(&self) -> Option<u32> {
        let of_template = || {
            let after = self.template.as_ref()?.after_response()?;
            let first = self.encode(after.trim_start())?.first().copied()?;
            let tokenizer = &self.tokenizer.as_ref()?.tokenizer;
            let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
            added.contains_key(&first).then_some(first)
        };
        self.end_of_turn
            .get_or_init(of_template)
            .or(self.end_token())
    }

    /// Text of token ids, special tokens included; the ids themselves where there is no tokenizer.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        self.decoded(ids, false)
    }

    /// Text of token ids as a reader sees it: without special tokens, such as the one that ends the
    /// response.
    #[must_use]
    pub fn decode_plain(&self, ids: &[u32]) -> String {
        self.decoded(ids, true)
    }

    fn decoded(&self, ids: &[u32], plain: bool) -> String {
        let spelled = || ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        match &self.tokenizer {
            Some(library) => library.decode(ids, plain).unwrap_or_else(spelled),
            None => spelled(),
        }
    }

    fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.as_ref()?.tokenizer.token_to_id(token)
    }

    /// The text of a conversation with the words that open the assistant's turn.
    fn prompt_of(&self, conversation: &Conversation, place: &str) -> Result<String> {
        let Some(template) = &self.template else {
            let folder = Path::new(&self.place).parent().unwrap_or(Path::new(""));
            let message = format!(
                "is a conversation, and {} has no chat template; put chat_template.jinja there, or \
                 give the prompt as text",
                folder.display()
            );
            return Err(Error::data(place, message));
        };
        let rendered = template.render(conversation, true);
        rendered.map_err(|why| {
            let file = template.place(conversation);
            Error::data(
                place,
                format!("the chat template of {file} refuses it: {why}"),
            )
        })
    }

    /// Ids of a text, nothing added.
    fn encode(&self, text: &str) -> Option<Vec<u32>> {
        let encoding = self.tokenizer.as_ref()?.encode(text, false).ok()?;
        Some(encoding.get_ids().to_vec())
    }

    /// Ids of a text, nothing added; every character must be in some token.
    fn encode_whole(&self, text: &str, place: &str) -> Result<Vec<u32>> {
        let encoding = self.encoding(text, false, place)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Ids of a prompt: what the tokenizer puts first, then the text.
    fn encode_prompt(&self, text: &str, place: &str) -> Result<Vec<u32>> {
        let encoding = self.encoding(text, true, place)?;
        Ok(self.started(&encoding))
    }

    /// An encoding's own tokens after the tokens that belong before them, without those that would
    /// end the text.
    fn started(&self, encoding: &Encoding) -> Vec<u32> {
        let (ids, mask) = (encoding.get_ids(), encoding.get_special_tokens_mask());
        let added = mask.iter().take_while(|&&added| added == 1).count();
        let own: Vec<u32> = ids
            .iter()
            .zip(mask)
            .filter(|(_, added)| **added == 0)
            .map(|(&id, _)| id)
            .collect();
        let mut start = ids[..added].to_vec();
        if own.is_empty() {
            // Nothing tells what stands before the text from what stands after it, but what it is.
            start.retain(|id| !self.generation.end_tokens.contains(id));
        }
        // Where the text writes the start itself it is not written again.
        if own.starts_with(&start) {
            own
        } else {
            [start, own].concat()
        }
    }

    /// What is said where `add_bos_token` and the post-processor disagree about the start token.
    fn disputed_start(&self) -> Option<String> {
        let asked = self.special.add_bos?;
        let token = self.special.token("bos_token")?;
        let id = self.id(token)?;
        let around = self.tokenizer.as_ref()?.encode("", true).ok()?;
        let puts = around.get_ids().contains(&id);
        (asked != puts).then(|| {
            let (config, own) = match asked {
                true => ("asks for it (add_bos_token, true by default)", "does not put it"),
                false => ("says add_bos_token = false", "puts it"),
            };
            format!(
                "the start token {token} of prompts of text: tokenizer_config.json {config}, and \
                 the post-processor of {} {own} there; it is as the latter says, as in transformers \
                 5 (4.57 follows the former)",
                self.place
            )
        })
    }

    /// How to get a `tokenizer.json` where there is none.
    fn remedy(&self) -> String {
        let folder = Path::new(&self.place).parent().unwrap_or(Path::new(""));
        let older = ["tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"];
        let shown = folder.display();
        match older.iter().find(|name| folder.join(name).exists()) {
            Some(older) => format!(
                "AutoTokenizer.from_pretrained(\"{shown}\").save_pretrained(\"{shown}\") makes it \
                 from the {older} that is there; or give token ids"
            ),
            None => format!(
                "AutoTokenizer.from_pretrained(\"the model it was trained \
                 from\").save_pretrained(\"{shown}\") writes one; or give token ids"
            ),
        }
    }

    fn encoding(&self, text: &str, special: bool, place: &str) -> Result<Encoding> {
        let Some(library) = &self.tokenizer else {
            let message = format!("is text, and there is no {}; {}", self.place, self.remedy());
            return Err(Error::data(place, message));
        };
        let encoding = library.encode(text, special).map_err(|why| {
            let message = format!("cannot be tokenized with {}: {why}", self.place);
            Error::data(place, message)
        })?;
        let is_lost = encoding.get_ids().is_empty() && !text.trim().is_empty();
        let lost = self
            .left_out(library, text)
            .or_else(|| text.trim().chars().next().filter(|_| is_lost));
        match lost {
            None => Ok(encoding),
            Some(c) => {
                let message = format!(
                    "the tokenizer {} leaves out {c:?}, which is in no token; is it the model's \
                     own?",
                    self.place
                );
                Err(Error::data(place, message))
            }
        }
    }

    /// The first character that the tokenizer passes over.
    ///
    /// Byte pair encoding without an unknown token and without bytes to fall back on does so
    /// silently, and then its offsets are wrong too; all others have a token for the unknown, or
    /// fail.
    fn left_out(&self, library: &Library, text: &str) -> Option<char> {
        let ModelWrapper::BPE(model) = library.tokenizer.get_model() else {
            return None;
        };
        if model.get_continuing_subword_prefix().is_some() || model.end_of_word_suffix.is_some() {
            return None;
        }
        let mut known = self.known.lock().expect("no thread panics here");
        let mut is_known = |c: char| {
            *known.entry(c).or_insert_with(|| {
                let alone = library.encode(&c.to_string(), false).ok();
                let spelled = alone.and_then(|one| library.decode(one.get_ids(), false));
                spelled.is_none_or(|text| !text.trim().is_empty())
            })
        };
        text.chars().find(|&c| is_visible(c) && !is_known(c))
    }
}

/// White space, controls and marks without width may be tidied away by a normalizer.
fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}
