//! The tokenizer library behind a fence: files that it panics at, that make text endless, or that
//! give other tokens each time, are errors of the file.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{Encoding, Tokenizer};

use super::bounds::caught;
use crate::error::{Error, Result};
use crate::files;
use crate::model::plain;

/// The most bytes that one text may become before it is cut into tokens.
const MOST_BYTES: f64 = (1_u64 << 28) as f64;

/// The most that decoding may lengthen what it writes.
const MOST_GROWTH: f64 = 1024.0;

/// A tokenizer whose file was looked through.
pub(super) struct Library {
    pub tokenizer: Tokenizer,
    /// Hash of the file.
    pub hash: String,
    /// How many bytes a byte of text may become in the normalizers.
    growth: f64,
}

/// The parts of a `tokenizer.json` that are looked at; the vocabulary is passed over.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
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
        };
        library.check_own_tokens().map_err(wrong)?;
        Ok(library)
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
    /// What the library says, also where it panics; and texts that the normalizers may make too
    /// long.
    pub fn encode(&self, text: &str, special: bool) -> std::result::Result<Encoding, String> {
        if self.growth * text.len() as f64 > MOST_BYTES {
            return Err(format!(
                "is {} bytes long, and the tokenizer's normalizers may make each of them {}",
                text.len(),
                self.growth.ceil()
            ));
        }
        match caught(|| self.tokenizer.encode_fast(text, special)) {
            Ok(encoded) => encoded.map_err(|e| short(&e.to_string())),
            Err(panic) => Err(format!("the tokenizer library fails: {}", short(&panic))),
        }
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
        let (normalizers, decoders) = (Growth::of(&self.normalizer)?, Growth::of(&self.decoder)?);
        if decoders > MOST_GROWTH {
            return Err(format!(
                "its decoders may make text {decoders:.0} times as long"
            ));
        }
        Ok(normalizers)
    }
}

/// How much a step, or several in a row, may lengthen a text.
struct Growth;

impl Growth {
    fn of(step: &Value) -> std::result::Result<f64, String> {
        let inner = ["normalizers", "decoders"]
            .iter()
            .find_map(|name| step.get(name)?.as_array());
        if let Some(steps) = inner {
            let factors = steps.iter().map(Self::of);
            return Ok(factors
                .collect::<std::result::Result<Vec<f64>, String>>()?
                .iter()
                .product());
        }
        let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "Replace" => {
                let pattern = step.pointer("/pattern/String").and_then(Value::as_str);
                let length = text("content").len() as f64;
                Ok(match pattern.map_or(0, str::len) {
                    // An expression may match between any two characters.
                    0 => length + 1.0,
                    old => (length / old as f64).max(1.0),
                })
            }
            "Prepend" => Ok(1.0 + text("prepend").len() as f64),
            "Precompiled" => trie(text("precompiled_charsmap")).map(|()| 4.0),
            _ => Ok(1.0),
        }
    }
}

/// A table of SentencePiece begins with the bytes of its trie, which the library believes: they
/// must be there.
fn trie(table: &str) -> std::result::Result<(), String> {
    let wrong =
        || Err("normalizer.precompiled_charsmap is damaged; take the file of the model".to_owned());
    let bytes = table.trim_end_matches('=').len() as u64 * 3 / 4;
    let mut size = 0_u64;
    for c in table.bytes().take(6) {
        let Some(digit) = digit(c) else {
            return wrong();
        };
        size = size << 6 | u64::from(digit);
    }
    // Six digits are 36 bits; the first four bytes, the lowest one first.
    let size = u64::from(u32::swap_bytes((size >> 4) as u32));
    if bytes >= 4 && size % 4 == 0 && size >= 4 && size <= bytes - 4 {
        Ok(())
    } else {
        wrong()
    }
}

/// A digit of base 64.
fn digit(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// A message on one line, which may hold parts of the file.
fn short(message: &str) -> String {
    breadth_data::short(message).replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn steps_in_a_row_multiply_what_they_lengthen() {
        let replace = |old: &str, new: &str| json!({"type": "Replace", "pattern": {"String": old}, "content": new});
        let several = json!({"type": "Sequence", "normalizers": [replace("a", "aaaa"), replace("``", "\""), replace(" ", "▁")]});
        assert_eq!(Growth::of(&several), Ok(12.0));
        let expression = json!({"type": "Replace", "pattern": {"Regex": "x*"}, "content": "ab"});
        assert_eq!(Growth::of(&expression), Ok(3.0));
        assert_eq!(Growth::of(&Value::Null), Ok(1.0));
    }

    #[test]
    fn a_trie_must_be_as_long_as_its_table_says() {
        // 4, then four bytes of the trie and one of the texts.
        assert!(trie("BAAAAAAAAAAA").is_ok());
        for damaged in ["", "AAAA", "/////wAAAAA=", "BAAAAA==", "é"] {
            assert!(trie(damaged).is_err(), "{damaged}");
        }
    }
}
