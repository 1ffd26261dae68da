//! The numeral tokenizer of the synthetic tasks, and its Hugging Face files.
//!
//! Ids: the names `0..m` are themselves, then `|` is m, `/` is m + 1, `=` is m + 2. As text, tokens
//! are joined by single spaces. The vocabulary has no padding, start, end or unknown token:
//! responses have a fixed length, and an unknown word is an error.

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The separators, in the order of their ids after the names.
const SEPARATORS: [&str; 3] = ["|", "/", "="];

/// Names below m and the three separators.
///
/// ```
/// use breadth_lm::task::NumeralTokenizer;
/// let tokenizer = NumeralTokenizer::new(16)?;
/// assert_eq!(tokenizer.encode("3 15 | 15 0 / 3 0 =")?, [3, 15, 16, 15, 0, 17, 3, 0, 18]);
/// assert_eq!(tokenizer.decode(&[3, 15, 18])?, "3 15 =");
/// # Ok::<(), breadth_lm::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumeralTokenizer {
    names: u32,
}

impl NumeralTokenizer {
    /// The tokenizer of the names `0..names`.
    ///
    /// # Errors
    /// If there is no name, or the ids would not fit 32 bits.
    pub fn new(names: u32) -> Result<Self> {
        if names == 0 || names > u32::MAX - SEPARATORS.len() as u32 {
            return Err(Error::config(
                format!("names = {names}"),
                "a vocabulary needs 1 to 2^32 - 4 names",
            ));
        }
        Ok(Self { names })
    }

    /// m, the number of names.
    pub fn names(&self) -> u32 {
        self.names
    }

    /// m + 3.
    pub fn vocab_size(&self) -> usize {
        self.names as usize + SEPARATORS.len()
    }

    /// The id of `|`, which separates edges.
    pub fn bar(&self) -> u32 {
        self.names
    }

    /// The id of `/`, which ends the edges.
    pub fn slash(&self) -> u32 {
        self.names + 1
    }

    /// The id of `=`, which ends the prompt.
    pub fn equals(&self) -> u32 {
        self.names + 2
    }

    /// The ids of a text; words are separated by white space.
    ///
    /// # Errors
    /// A word that is not in the vocabulary: the message has the word and its place. `07` and `+7`
    /// are not names.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let word_id = |(i, word): (usize, &str)| {
            self.id(word).ok_or_else(|| {
                Error::data(
                    format!("word {} of the text", i + 1),
                    format!("`{word}` is not one of 0 to {}, |, /, =", self.names - 1),
                )
            })
        };
        text.split_whitespace().enumerate().map(word_id).collect()
    }

    /// The text of a sequence of ids.
    ///
    /// # Errors
    /// An id beyond the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let id_word = |(i, &id): (usize, &u32)| {
            self.word(id).ok_or_else(|| {
                Error::data(
                    format!("token {} of the sequence", i + 1),
                    format!("id {id} is beyond the vocabulary of {}", self.vocab_size()),
                )
            })
        };
        let words: Vec<String> = ids.iter().enumerate().map(id_word).collect::<Result<_>>()?;
        Ok(words.join(" "))
    }

    fn id(&self, word: &str) -> Option<u32> {
        if let Some(separator) = SEPARATORS.iter().position(|&s| s == word) {
            return Some(self.names + separator as u32);
        }
        let name = word.parse().ok().filter(|&name: &u32| name < self.names)?;
        (name.to_string() == word).then_some(name)
    }

    fn word(&self, id: u32) -> Option<String> {
        if id < self.names {
            return Some(id.to_string());
        }
        SEPARATORS
            .get((id - self.names) as usize)
            .map(|separator| separator.to_string())
    }

    /// `tokenizer.json` and `tokenizer_config.json`, for the `tokenizers` library and for
    /// transformers' `AutoTokenizer`.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        vec![
            ("tokenizer.json", format!("{:#}\n", self.tokenizer_json())),
            ("tokenizer_config.json", format!("{:#}\n", config_json())),
        ]
    }

    fn tokenizer_json(&self) -> Value {
        let vocab = (0..)
            .map_while(|id| self.word(id).map(|word| (word, Value::from(id))))
            .collect::<serde_json::Map<_, _>>();
        json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": [],
            "normalizer": null,
            "pre_tokenizer": {"type": "WhitespaceSplit"},
            "post_processor": null,
            "decoder": null,
            // The format demands a name for the unknown token; as it is not in the vocabulary, an
            // unknown word is an error.
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"},
        })
    }
}

fn config_json() -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn every_id_survives_the_round_trip() {
        for names in [1, 10, 16, 128] {
            let tokenizer = NumeralTokenizer::new(names).unwrap();
            let ids: Vec<u32> = (0..tokenizer.vocab_size() as u32).collect();
            let text = tokenizer.decode(&ids).unwrap();
            assert_eq!(tokenizer.encode(&text).unwrap(), ids);
            assert!(text.ends_with(&format!("{} | / =", names - 1)), "{text}");
            assert_eq!(
                [tokenizer.bar(), tokenizer.slash(), tokenizer.equals()],
                [names, names + 1, names + 2]
            );
        }
    }

    #[test]
    fn the_empty_text_has_no_tokens() {
        let tokenizer = NumeralTokenizer::new(4).unwrap();
        assert_eq!(tokenizer.encode("").unwrap(), Vec::<u32>::new());
        assert_eq!(tokenizer.decode(&[]).unwrap(), "");
    }

    #[test]
    fn what_is_not_in_the_vocabulary_is_an_error() {
        let tokenizer = NumeralTokenizer::new(16).unwrap();
        for word in [
            "16",
            "07",
            "+7",
            "-1",
            "||",
            "x",
            "٣",
            "<unk>",
            "4294967296",
        ] {
            assert_eq!(
                message(tokenizer.encode(&format!("3 {word}"))),
                format!("word 2 of the text: `{word}` is not one of 0 to 15, |, /, =")
            );
        }
        assert_eq!(
            message(tokenizer.decode(&[0, 0, 19])),
            "token 3 of the sequence: id 19 is beyond the vocabulary of 19"
        );
        assert_eq!(
            message(tokenizer.decode(&[u32::MAX])),
            "token 1 of the sequence: id 4294967295 is beyond the vocabulary of 19"
        );
        assert_eq!(
            message(NumeralTokenizer::new(0)),
            "names = 0: a vocabulary needs 1 to 2^32 - 4 names"
        );
        assert_eq!(
            message(NumeralTokenizer::new(u32::MAX)),
            "names = 4294967295: a vocabulary needs 1 to 2^32 - 4 names"
        );
    }

    /// The reference implementation reads our file and agrees with us.
    #[test]
    fn the_tokenizers_library_reads_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let ours = NumeralTokenizer::new(16).unwrap();
        for (name, text) in ours.files() {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let theirs =
            tokenizers::Tokenizer::from_file(folder.path().join("tokenizer.json")).unwrap();
        assert_eq!(theirs.get_vocab_size(true), ours.vocab_size());
        for text in [
            "3 15 | 15 0 / 3 0 =",
            "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 | / =",
            "7",
            "",
        ] {
            let ids = ours.encode(text).unwrap();
            assert_eq!(theirs.encode(text, true).unwrap().get_ids(), ids);
            assert_eq!(theirs.decode(&ids, false).unwrap(), text);
        }
        assert!(
            theirs.encode("3 16", true).is_err(),
            "an unknown word must not become a token"
        );
    }
}
