//! What the files beside a tokenizer say: special tokens, and which of them end a response.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use tokenizers::AddedToken;

use crate::error::{Error, Result};
use crate::files;
use crate::model::{adapter, file_in};

const GENERATION: &str = "generation_config.json";
const CONFIG: &str = "config.json";
/// The field of the tokens that end a response.
const END: &str = "eos_token_id";

/// A JSON object of a checkpoint folder; nothing where there is no such file.
pub(super) fn object(folder: &Path, name: &str) -> Result<Map<String, Value>> {
    let path = file_in(folder, name)?;
    let text = match files::settings(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(e) => return Err(Error::io(&path, e)),
    };
    let wrong = |what: String| Error::data(path.display().to_string(), what);
    match breadth_data::parse_json(&text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(wrong("is not a JSON object".into())),
        Err(e) => Err(wrong(format!("is not a JSON object: {e}"))),
    }
}

/// The special tokens of `tokenizer_config.json`, older `special_tokens_map.json` files included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Special {
    /// `bos_token`, `eos_token` and the like, as templates see them.
    pub tokens: BTreeMap<String, String>,
    /// The chat template, if it is here.
    pub template: Option<Value>,
    /// Tokens that transformers takes out of a text before all else.
    pub whole: Vec<AddedToken>,
    /// Those of them that `special_tokens_map.json` alone names.
    pub of_map: Vec<String>,
    /// Whether special tokens in a text are cut like any text (`split_special_tokens`).
    pub split: bool,
    /// What `add_bos_token` asks for, where the class of the tokenizer is one that reads it.
    pub add_bos: Option<bool>,
}

/// The names of single special tokens.
const NAMED: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// The tokens that `tokenizer_config.json` names beyond those of `tokenizer.json`, in the order in
/// which transformers adds them.
///
/// Source: `PreTrainedTokenizerFast.__init__` of transformers 4.57, `TokenizersBackend` of 5.24.
fn whole_tokens(config: &Map<String, Value>) -> Vec<AddedToken> {
    let decoder = config
        .get("added_tokens_decoder")
        .and_then(Value::as_object);
    let mut by_id: Vec<(u64, &Value)> = decoder
        .into_iter()
        .flatten()
        .filter_map(|(id, token)| Some((id.parse().ok()?, token)))
        .collect();
    by_id.sort_by_key(|(id, _)| *id);
    let by_id = by_id.into_iter().map(|(_, token)| token);
    let named = NAMED.iter().filter_map(|name| config.get(*name));
    let lists = ["additional_special_tokens", "extra_special_tokens"];
    let listed = lists.iter().flat_map(|name| match config.get(*name) {
        Some(Value::Array(tokens)) => tokens.iter().collect(),
        Some(Value::Object(tokens)) => tokens.values().collect(),
        _ => Vec::new(),
    });
    let of_decoder = by_id.filter_map(|token| whole_token(token, false));
    let special = named.chain(listed);
    of_decoder
        .chain(special.filter_map(|token| whole_token(token, true)))
        .collect()
}

/// A token as a text, or with what stands around it.
fn whole_token(token: &Value, is_special: bool) -> Option<AddedToken> {
    let flag = |name: &str| token.get(name).and_then(Value::as_bool);
    let content = token.as_str().or_else(|| token.get("content")?.as_str())?;
    let special = is_special || flag("special") == Some(true);
    Some(
        AddedToken::from(content, special)
            .single_word(flag("single_word") == Some(true))
            .lstrip(flag("lstrip") == Some(true))
            .rstrip(flag("rstrip") == Some(true))
            .normalized(flag("normalized").unwrap_or(!special)),
    )
}

/// The classes whose `add_bos_token` (true where it is absent) transformers 4.57 follows, whatever
/// the post-processor says.
const READ_ADD_BOS: [&str; 4] = [
    "GemmaTokenizer",
    "GemmaTokenizerFast",
    "LlamaTokenizer",
    "LlamaTokenizerFast",
];

impl Special {
    pub fn read(folder: &Path) -> Result<Self> {
        let mut all = object(folder, "special_tokens_map.json")?;
        let mut config = object(folder, "tokenizer_config.json")?;
        let template = config.remove("chat_template").filter(|v| !v.is_null());
        let own = whole_tokens(&config);
        all.extend(config);
        let whole = whole_tokens(&all);
        let is_of_map = |token: &&AddedToken| !own.iter().any(|own| own.content == token.content);
        let of_map = whole.iter().filter(is_of_map);
        let of_map = of_map.map(|token| token.content.clone()).collect();
        let split = all.get("split_special_tokens") == Some(&Value::Bool(true));
        let class = all.get("tokenizer_class").and_then(Value::as_str);
        let reads_add_bos = class.is_some_and(|class| READ_ADD_BOS.contains(&class));
        let add_bos = all.get("add_bos_token").and_then(Value::as_bool);
        let tokens = all.into_iter().filter_map(|(name, value)| {
            let content = match value {
                Value::String(text) if name.ends_with("_token") => text,
                Value::Object(map) if name.ends_with("_token") => {
                    map.get("content")?.as_str()?.to_owned()
                }
                _ => return None,
            };
            Some((name, content))
        });
        Ok(Self {
            tokens: tokens.collect(),
            template,
            whole,
            of_map,
            split,
            add_bos: reads_add_bos.then_some(add_bos.unwrap_or(true)),
        })
    }

    pub fn token(&self, name: &str) -> Option<&str> {
        self.tokens.get(name).map(String::as_str)
    }
}

/// What a checkpoint folder says about how responses are drawn and where they end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// `max_new_tokens` of `generation_config.json`.
    pub max_new_tokens: Option<u32>,
    /// `eos_token_id`, one or several: of `generation_config.json`, else of `config.json`.
    pub end_tokens: Vec<u32>,
    /// Longest sequence of tokens that the model takes, of `config.json`.
    pub positions: Option<usize>,
}

impl Generation {
    /// Longest response where nothing says how long, as other samplers have it.
    pub const DEFAULT_MAX_TOKENS: u32 = 256;

    /// Longest response in tokens where `max_new_tokens` says nothing: the default, but no more than
    /// the positions that the model has left after the longest prompt. The last token takes none.
    ///
    /// ```
    /// use breadth_lm::text::Generation;
    /// let mut generation = Generation { positions: Some(64), ..Generation::default() };
    /// assert_eq!(generation.default_max_tokens(3), 62);
    /// assert_eq!(generation.default_max_tokens(100), 1);
    /// generation.positions = None;
    /// assert_eq!(generation.default_max_tokens(3), 256);
    /// ```
    #[must_use]
    pub fn default_max_tokens(&self, longest_prompt: usize) -> u32 {
        let left = |positions: usize| (positions + 1).saturating_sub(longest_prompt).max(1);
        self.positions
            .map_or(Self::DEFAULT_MAX_TOKENS, |positions| {
                let left = u32::try_from(left(positions)).unwrap_or(u32::MAX);
                left.min(Self::DEFAULT_MAX_TOKENS)
            })
    }

    /// Reads `generation_config.json` and `config.json`; what is not there stays unknown. An adapter
    /// without them has its base's.
    ///
    /// # Errors
    /// If a file is there and is not a JSON object, or names an end token that is none.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_on(folder, None)
    }

    /// As [`read`](Self::read), with the folder of the model that an adapter changes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_on(folder: &Path, base: Option<&Path>) -> Result<Self> {
        let generation = object(folder, GENERATION)?;
        let config = object(folder, CONFIG)?;
        if generation.is_empty()
            && config.is_empty()
            && adapter::is_one(folder)
            && let Ok(base) = adapter::base_of(folder, base)
        {
            return Self::read(&base);
        }
        let [own, copied] = [(GENERATION, &generation), (CONFIG, &config)].map(|(name, fields)| {
            token_ids(fields.get(END)).map_err(|id| no_token(folder, name, id))
        });
        let (own, copied) = (own?, copied?);
        // Configurations are copied from model to model: what stands in both is passed over where
        // it is no token. What was written for this model alone must be one.
        let inner = || config.get("text_config")?.get("vocab_size");
        let tokens = config.get("vocab_size").or_else(inner);
        let tokens = tokens.and_then(Value::as_u64);
        let is_beyond = |id: &&u32| tokens.is_some_and(|tokens| u64::from(**id) >= tokens);
        if let Some(id) = own.iter().find(|id| is_beyond(id) && !copied.contains(id)) {
            return Err(no_token(folder, GENERATION, &Value::from(*id)));
        }
        let end_tokens = if own.is_empty() { copied } else { own };
        let positions = ["max_position_embeddings", "n_positions", "n_ctx"]
            .into_iter()
            .find_map(|key| config.get(key)?.as_u64())
            .and_then(|n| usize::try_from(n).ok());
        Ok(Self {
            max_new_tokens: token_id(generation.get("max_new_tokens")),
            end_tokens,
            positions,
        })
    }
}

fn token_id(value: Option<&Value>) -> Option<u32> {
    value?.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// One id, or a list of them; what is none, if one is.
fn token_ids(value: Option<&Value>) -> std::result::Result<Vec<u32>, &Value> {
    let values = match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(several)) => &several[..],
        Some(one) => std::slice::from_ref(one),
    };
    let id = |value| token_id(Some(value)).ok_or(value);
    values.iter().map(id).collect()
}

fn no_token(folder: &Path, name: &str, value: &Value) -> Error {
    let message = format!(
        "{END} = {value} is no token of the model, so no response would end there; write the id of \
         its end token, or null"
    );
    Error::data(folder.join(name).display().to_string(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn end_tokens_come_from_one_file() {
        let both = folder(&[
            (
                "generation_config.json",
                r#"{"eos_token_id": [7, 9], "max_new_tokens": 5}"#,
            ),
            ("config.json", r#"{"eos_token_id": 3, "n_positions": 64}"#),
        ]);
        let expected = Generation {
            max_new_tokens: Some(5),
            end_tokens: vec![7, 9],
            positions: Some(64),
        };
        assert_eq!(Generation::read(both.path()).unwrap(), expected);
        let one = folder(&[
            ("generation_config.json", r#"{"eos_token_id": null}"#),
            ("config.json", r#"{"eos_token_id": 3}"#),
        ]);
        assert_eq!(Generation::read(one.path()).unwrap().end_tokens, [3]);
        let none = folder(&[("config.json", r#"{"eos_token_id": null}"#)]);
        assert_eq!(
            Generation::read(none.path()).unwrap(),
            Generation::default()
        );
        let bad = folder(&[("config.json", "[]")]);
        let message = Generation::read(bad.path()).unwrap_err().to_string();
        assert!(
            message.contains("config.json: is not a JSON object"),
            "{message}"
        );
    }

    #[test]
    fn what_is_no_token_ends_nothing_and_is_said() {
        let said = |generation: &str, config: &str| {
            let folder = folder(&[
                ("generation_config.json", generation),
                ("config.json", config),
            ]);
            let read = Generation::read(folder.path());
            read.map(|read| read.end_tokens)
                .map_err(|error| error.to_string())
        };
        let config = r#"{"vocab_size": 19, "eos_token_id": 50256}"#;
        for bad in ["1099511627776", "-1", "2.5", "\"</s>\"", "4294967295", "19"] {
            for value in [bad.to_owned(), format!("[2, {bad}]")] {
                let error = said(&format!("{{\"eos_token_id\": {value}}}"), config).unwrap_err();
                let expected = format!("generation_config.json: eos_token_id = {bad} is no token");
                assert!(error.contains(&expected), "{error}");
            }
        }
        let error = said("{}", r#"{"eos_token_id": -1}"#).unwrap_err();
        assert!(
            error.contains("/config.json: eos_token_id = -1 is no token"),
            "{error}"
        );
        // As it was copied from another model.
        let copied = said(r#"{"eos_token_id": 50256}"#, config);
        assert_eq!(copied, Ok(vec![50256]));
        assert_eq!(
            said(r#"{"eos_token_id": [18, 0]}"#, config),
            Ok(vec![18, 0])
        );
        let inner = r#"{"text_config": {"vocab_size": 19}}"#;
        assert!(said(r#"{"eos_token_id": 19}"#, inner).is_err());
        assert_eq!(said(r#"{"eos_token_id": 19}"#, "{}"), Ok(vec![19]));
    }

    #[test]
    fn special_tokens_are_texts_or_objects() {
        let folder = folder(&[
            (
                "special_tokens_map.json",
                r#"{"unk_token": "<unk>", "bos_token": "old"}"#,
            ),
            (
                "tokenizer_config.json",
                r#"{"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "pad_token": null, "add_bos_token": true}"#,
            ),
        ]);
        let special = Special::read(folder.path()).unwrap();
        assert_eq!(special.token("bos_token"), Some("<s>"));
        assert_eq!(special.token("eos_token"), Some("</s>"));
        assert_eq!(special.token("unk_token"), Some("<unk>"));
        assert_eq!(special.token("pad_token"), None);
    }
}
