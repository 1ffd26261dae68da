//! Any other server with OpenAI's `/v1/completions`, by `echo`.

use super::completions::Completions;
use super::protocol::Listed;

pub(super) const KIND: Listed = Listed {
    name: "openai",
    owner: None,
    page: None,
    names_model: true,
    version: None,
    protocol: || Box::new(Completions::default()),
};
