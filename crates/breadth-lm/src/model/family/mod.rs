//! The families: from the fields of a `config.json` to a [`Config`].
//!
//! To add one: a file here with its `read`, a line in [`READERS`], its weights' names in
//! `layout.rs`, and a reference model in `scripts/families.py`.

mod fields;
mod gemma;
mod gpt2;
mod gpt_neox;
mod harmless;
mod llama;
mod olmo2;
mod phi3;
mod qwen;
mod rotary;

pub(super) use harmless::is_off;

use std::path::Path;

use serde_json::{Map, Value};

use super::config::Config;
use crate::error::{Error, Result};
use fields::Fields;

/// `model_type`, and what reads the other fields.
type Reader = (&'static str, fn(&mut Fields) -> Result<Config>);

impl Config {
    /// Reads a `config.json` of any of the families.
    ///
    /// # Errors
    /// If a field is missing, unknown, or asks for something this decoder does not do; the message
    /// names it.
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        let value = breadth_data::parse_json(text)
            .map_err(|e| Error::checkpoint(path, format!("config.json is not JSON: {e}")))?;
        let Value::Object(fields) = value else {
            return Err(Error::checkpoint(path, "config.json is not a JSON object"));
        };
        let config = read(fields, path)?;
        config.validate(&format!("checkpoint {}: config.json", path.display()))?;
        Ok(config)
    }
}

const READERS: [Reader; 11] = [
    ("gpt2", gpt2::read),
    ("gpt_neox", gpt_neox::read),
    ("llama", llama::read_llama),
    ("mistral", llama::read_mistral),
    ("qwen2", qwen::read_qwen2),
    ("qwen3", qwen::read_qwen3),
    ("olmo2", olmo2::read),
    ("gemma2", gemma::read_gemma2),
    ("gemma3_text", gemma::read_gemma3),
    // With images; `read` leaves its text model.
    ("gemma3", gemma::read_gemma3),
    ("phi3", phi3::read),
];

/// Reads all fields of a `config.json`; one that no reader takes is refused.
pub(super) fn read(json: Map<String, Value>, path: &Path) -> Result<Config> {
    let fields = &mut Fields::new(json, path);
    refuse_quantised(fields)?;
    let kind = match fields.take("model_type") {
        Some(Value::String(kind)) => kind,
        Some(other) => return Err(fields.error(format!("model_type = {other} is not a name"))),
        None => return Err(fields.error("config.json has no model_type".into())),
    };
    let Some((_, reader)) = READERS.iter().find(|(name, _)| *name == kind) else {
        let names = READERS.map(|(name, _)| name).join(", ");
        return Err(fields.error(format!(
            "model_type = \"{kind}\"; breadth reads {names}. Any other model is scored and sampled \
             behind a server that runs it: openai:http://HOST:PORT/NAME in place of the folder, or \
             --serve with the command that starts one"
        )));
    };
    if kind == "gemma3" {
        *fields = gemma::text_model(fields)?;
        refuse_quantised(fields)?;
    }
    let mut config = reader(fields)?;
    if config.layer_types.iter().any(|kind| kind.window == Some(0)) {
        return Err(fields.error(
            "config.json: sliding_window = 0, a window of no token, which the attentions of \
             transformers read in different ways; write null if there is no window, or its length"
                .into(),
        ));
    }
    config.unread = fields.finish()?;
    config.json = fields.original();
    Ok(config)
}

/// The fields by which files of quantised weights are told: of transformers, MLX and
/// compressed-tensors.
const QUANTISED: [&str; 3] = ["quantization_config", "quantization", "compression_config"];

fn refuse_quantised(fields: &mut Fields) -> Result<()> {
    match QUANTISED.iter().find(|name| fields.take(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(fields.error(format!(
            "config.json: {name}: quantised weights are not read; use the unquantised checkpoint, \
             or have the tool that quantised it write it dequantised (MLX: mlx_lm.convert \
             --dequantize)"
        ))),
    }
}
