//! vLLM: `/v1/completions` with `prompt_logprobs`.

use super::completions::Completions;
use super::protocol::Listed;

pub(super) const KIND: Listed = Listed {
    name: "vllm",
    owner: Some("vllm"),
    page: None,
    names_model: true,
    version: Some(("/version", "version")),
    protocol: || Box::new(Completions::default()),
};
