//! The tokenizer library behind a fence: files that it panics at, that make text endless, or that
//! give other tokens each time, are errors of the file.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{Encoding, OffsetReferential, OffsetType, Tokenizer};

use super::bounds::caught;
use super::growth;
use super::special::Special;
use crate::error::{Error, Result};
use crate::files;
use crate::model::plain;

/// The longest text, as a part of the longest record: a byte takes some 350 bytes of memory while
/// its tokens are looked for.
const TEXTS_PER_RECORD: u64 = 32;

/// How many times the longest text the normalizers may make of one, ..
const NORMALIZED: f64 = 2.0;

/// .. and how many times they are let try.
const TRIED: f64 = 16.0;

/// Texts of more bytes are cut into tokens one at a time, so that many threads do not need many
/// times the memory.
const ALONE: usize = 1 << 16;

/// The most that decoding may lengthen what it writes.
const MOST_GROWTH: f64 = 16.0;

/// The longest token, in bytes; those of published models have a few hundred.
const LONGEST_TOKEN: usize = 1 << 12;

/// The most tokens that are put around one text; two are usual.
const MOST_ADDED: usize = 1 << 10;

/// A tokenizer whose file was looked through.
pub(super) struct Library {
    pub tokenizer: Tokenizer,
    /// Hash of the file.
    pub hash: String,
    /// How many bytes a byte of text may become in the normalizers.
    growth: f64,
    /// Tokens that the files beside it name and it has not.
    unknown: Vec<(String, &'static str)>,
}

/// The parts of a `tokenizer.json` that are looked at; the vocabulary is passed over.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    model: Model,
}

#[derive(Default, Deserialize)]
struct Model {
    #[serde(default)]
    dropout: Option<f64>,
}

impl Library {
    /// Reads a `tokenizer.json`; saved truncation and padding are switched off, for they would cut
    /// text, or fill it up, without a word.
    ///
    /// # Errors
    /// If it is too large, not a tokenizer, drops merges at random, or holds what the library fails
    /// at; names the file.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |why: String| Error::data(path.display().to_string(), why);
        plain(path)?;
        let size = std::fs::metadata(path)
            .map_err(|e| Error::io(path, e))?
            .len();
        if size > files::TOKENIZER {
            return Err(wrong(format!(
                "has {size} bytes; a tokenizer has at most {}",
                files::TOKENIZER
            )));
        }
        let text = files::text(path, files::TOKENIZER).map_err(|e| Error::io(path, e))?;
        let parts: Parts =
            serde_json::from_str(&text).map_err(|e| wrong(format!("not a tokenizer: {e}")))?;
        // The library would take the last of two tokens of one text.
        breadth_data::check_json(&text).map_err(|e| wrong(format!("not a tokenizer: {e}")))?;
        let growth = parts.checked().map_err(wrong)?;
        let read = caught(|| text.parse::<Tokenizer>());
        let mut tokenizer = read
            .map_err(|panic| {
                wrong(format!(
                    "the tokenizer library fails at it: {}",
                    short(&panic)
                ))
            })?
            .map_err(|e| wrong(format!("not a tokenizer: {}", short(&e.to_string()))))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|e| wrong(e.to_string()))?;
        let library = Self {
            tokenizer,
            hash: blake3::hash(text.as_bytes()).to_hex()[..16].to_string(),
            growth,
            unknown: Vec::new(),
        };
        library.check_vocabulary().map_err(wrong)?;
        library.check_own_tokens().map_err(wrong)?;
        Ok(library)
    }

    /// Takes these tokens out of texts before all else, as far as they are of the vocabulary; texts
    /// with others are refused. With `split_special_tokens` they are cut like any text.
    ///
    /// # Errors
    /// What the library says.
    pub fn take_whole(&mut self, special: &Special) -> std::result::Result<(), String> {
        for token in &special.whole {
            let added = self.tokenizer.get_added_vocabulary().get_vocab();
            if token.content.is_empty() || added.contains_key(&token.content) {
                continue;
            }
            if self.tokenizer.token_to_id(&token.content).is_none() {
                let file = match special.of_map.contains(&token.content) {
                    true => "special_tokens_map.json",
                    false => "tokenizer_config.json",
                };
                self.unknown.push((token.content.clone(), file));
                continue;
            }
            let one = [token.clone()];
            let added = match token.special {
                true => self.tokenizer.add_special_tokens(one),
                false => self.tokenizer.add_tokens(one),
            };
            added.map_err(|e| short(&e.to_string()))?;
        }
        self.tokenizer.set_encode_special_tokens(special.split);
        Ok(())
    }

    /// A model may draw the longest token again and again.
    fn check_vocabulary(&self) -> std::result::Result<(), String> {
        let vocabulary = caught(|| self.tokenizer.get_vocab(true))?;
        let longest = vocabulary
            .iter()
            .max_by_key(|(token, id)| (token.len(), **id));
        match longest {
            Some((token, id)) if token.len() > LONGEST_TOKEN => Err(format!(
                "token {id} of its vocabulary, {}, has {} bytes; a token has at most {LONGEST_TOKEN}",
                short(token),
                token.len()
            )),
            _ => Ok(()),
        }
    }

    /// What the post-processor puts around a text must be tokens.
    fn check_own_tokens(&self) -> std::result::Result<(), String> {
        let around = self.encode("", true)?;
        let no_token = |id: &&u32| {
            caught(|| self.tokenizer.id_to_token(**id))
                .ok()
                .flatten()
                .is_none()
        };
        match around.get_ids().iter().find(no_token) {
            None => Ok(()),
            Some(id) => Err(format!(
                "the post-processor puts id {id} around texts, which is no token of the \
                 vocabulary; is it the model's own?"
            )),
        }
    }

    /// What decides the tokens of a text: the file without its form, which differs with the
    /// library's version, and without truncation and padding.
    pub fn content(&self) -> Option<Value> {
        serde_json::to_value(&self.tokenizer).ok()
    }

    /// Tokens of a text, with what the post-processor puts around it if asked for.
    ///
    /// # Errors
    /// What the library says, also where it panics; and texts that are too long, or become so in
    /// the normalizers.
    pub fn encode(&self, text: &str, special: bool) -> std::result::Result<Encoding, String> {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = (text.len() > ALONE).then(|| ONE.lock().unwrap_or_else(PoisonError::into_inner));
        self.check_length(text)?;
        let mut unknown = self.unknown.iter();
        if let Some((token, file)) = unknown.find(|(token, _)| text.contains(&**token)) {
            return Err(format!(
                "it has {}, which {file} names as a token and tokenizer.json does \
                 not have: transformers gives it an id of its own. If the model knows the token, \
                 AutoTokenizer.from_pretrained(..).save_pretrained(..) writes it to \
                 tokenizer.json; if not, remove it from {file}",
                short(token)
            ));
        }
        match caught(|| self.tokenizer.encode_fast(text, special)) {
            Ok(encoded) => encoded.map_err(|e| short(&e.to_string())),
            Err(panic) => Err(format!("the tokenizer library fails: {}", short(&panic))),
        }
    }

    /// Looks whether a text, and what the normalizers make of it, is short enough.
    fn check_length(&self, text: &str) -> std::result::Result<(), String> {
        let most = breadth_data::max_record_bytes() / TEXTS_PER_RECORD;
        let raise = format!(
            "at most {most} are tokenized ({} sets {TEXTS_PER_RECORD} times that)",
            breadth_data::MAX_RECORD_BYTES
        );
        if text.len() as u64 > most {
            return Err(format!("has {} bytes; {raise}", text.len()));
        }
        let at_worst = self.growth * text.len() as f64;
        if at_worst <= NORMALIZED * most as f64 {
            return Ok(());
        }
        if at_worst > TRIED * most as f64 {
            return Err(format!(
                "has {} bytes, and the tokenizer's normalizers may make each of them {}; {raise}",
                text.len(),
                self.growth.ceil()
            ));
        }
        let normalized = caught(|| {
            let added = self.tokenizer.get_added_vocabulary();
            let pieces = added.extract_and_normalize(self.tokenizer.get_normalizer(), text);
            let pieces = pieces.get_splits(OffsetReferential::Normalized, OffsetType::None);
            pieces.iter().map(|(piece, ..)| piece.len()).sum::<usize>()
        })?;
        if normalized as f64 > NORMALIZED * most as f64 {
            return Err(format!(
                "has {} bytes, and {normalized} after the tokenizer's normalizers; {raise}",
                text.len()
            ));
        }
        Ok(())
    }

    /// Text of token ids; nothing where the library fails.
    pub fn decode(&self, ids: &[u32], plain: bool) -> Option<String> {
        caught(|| self.tokenizer.decode(ids, plain)).ok()?.ok()
    }
}

impl Parts {
    /// How much the normalizers may lengthen a text.
    fn checked(&self) -> std::result::Result<f64, String> {
        if let Some(dropout) = self.model.dropout.filter(|dropout| *dropout != 0.0) {
            return Err(format!(
                "model.dropout is {dropout}: the same text would be other tokens each time; write \
                 null there"
            ));
        }
        let (normalizers, decoders) = (
            growth::bytes(&self.normalizer)?,
            growth::bytes(&self.decoder)?,
        );
        if decoders > MOST_GROWTH {
            return Err(format!(
                "its decoders may make text {decoders:.0} times as long"
            ));
        }
        let added = growth::added_tokens(&self.post_processor)?;
        if added > MOST_ADDED {
            return Err(format!(
                "its post-processor puts {added} tokens around each text; at most {MOST_ADDED} \
                 are real"
            ));
        }
        if growth::byte_levels(&self.pre_tokenizer) > 1 {
            return Err("its pre-tokenizers hold ByteLevel more than once".into());
        }
        Ok(normalizers)
    }
}

/// A message on one line, which may hold parts of the file.
fn short(message: &str) -> String {
    breadth_data::short(message).replace(|c: char| c.is_control(), " ")
}
