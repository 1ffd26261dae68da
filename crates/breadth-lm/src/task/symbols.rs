//! The tokenizer of the arithmetic tasks, and its Hugging Face files: one token per character.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::text::Item;

/// The characters, in the order of their ids from 1 on.
const SYMBOLS: &str = "0123456789+-*=:,";

/// The id of the token that ends a response.
pub const END: u32 = 0;

/// Number of tokens: the end token and the characters `0123456789+-*=:,`.
pub const VOCAB_SIZE: usize = SYMBOLS.len() + 1;

/// The ids of a text.
///
/// # Errors
/// A character that is not in the vocabulary.
///
/// ```
/// use breadth_lm::task::symbols;
/// assert_eq!(symbols::encode("1+9=")?, [2, 11, 10, 14]);
/// assert!(symbols::encode("x").is_err());
/// # Ok::<(), breadth_lm::Error>(())
/// ```
pub fn encode(text: &str) -> Result<Vec<u32>> {
    let id = |(at, symbol): (usize, char)| match SYMBOLS.find(symbol) {
        Some(id) => Ok(id as u32 + 1),
        None => Err(Error::data(
            format!("character {} of the text", at + 1),
            format!("`{symbol}` is not one of {SYMBOLS}"),
        )),
    };
    text.chars().enumerate().map(id).collect()
}

/// The text of a sequence of ids; the end token is no text.
///
/// ```
/// use breadth_lm::task::symbols;
/// assert_eq!(symbols::decode(&[2, 11, 10, symbols::END]), "1+9");
/// ```
#[must_use]
pub fn decode(ids: &[u32]) -> String {
    let symbol = |&id: &u32| SYMBOLS.chars().nth((id as usize).checked_sub(1)?);
    ids.iter().filter_map(symbol).collect()
}

/// `tokenizer.json` and `tokenizer_config.json`, for the `tokenizers` library and for transformers'
/// `AutoTokenizer`.
#[must_use]
pub fn files() -> Vec<(&'static str, String)> {
    let mut vocab: serde_json::Map<String, Value> = SYMBOLS
        .chars()
        .zip(1..)
        .map(|(symbol, id)| (symbol.to_string(), Value::from(id)))
        .collect();
    vocab.insert("</s>".into(), Value::from(END));
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [{
            "id": END, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
        }],
        "normalizer": null,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false},
        "post_processor": null,
        "decoder": {"type": "Fuse"},
        // The format demands a name for the unknown token; as it is not in the vocabulary, an
        // unknown character is an error.
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"},
    });
    let config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
        "eos_token": "</s>",
    });
    vec![
        ("tokenizer.json", format!("{tokenizer:#}\n")),
        ("tokenizer_config.json", format!("{config:#}\n")),
    ]
}

/// The tokens of a response with the end token.
pub(super) fn ended(response: &str) -> Vec<u32> {
    let mut tokens = encode(response).unwrap_or_default();
    tokens.push(END);
    tokens
}

pub(super) fn no_prompt(item: &Item) -> Error {
    Error::data(
        item.place(),
        format!("`{}` is no prompt of the task", decode(&item.prompt)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokenizers_library_reads_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files() {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let theirs =
            tokenizers::Tokenizer::from_file(folder.path().join("tokenizer.json")).unwrap();
        assert_eq!(theirs.get_vocab_size(true), VOCAB_SIZE);
        for text in [SYMBOLS, "3+5=8,8+9=17", "7", ""] {
            let ids = encode(text).unwrap();
            assert_eq!(theirs.encode(text, true).unwrap().get_ids(), ids);
            assert_eq!(theirs.decode(&ids, true).unwrap(), text);
            assert_eq!(decode(&ids), text);
        }
        assert!(
            theirs.encode("3 + 5", true).is_err(),
            "an unknown character must not become a token"
        );
    }
}
