//! The kinds of servers.

use super::protocol::ServerKind;
use super::{llama_cpp, openai, sglang, vllm};

/// Every kind; `openai` stands for a server that is yet to be asked what it is.
const KINDS: [ServerKind; 4] = [
    ServerKind(&vllm::KIND),
    ServerKind(&sglang::KIND),
    ServerKind(&llama_cpp::KIND),
    ServerKind::OPENAI,
];

impl ServerKind {
    /// Any server with OpenAI's `/v1/completions`. As a prefix it leaves the kind to be found out.
    pub const OPENAI: Self = Self(&openai::KIND);

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.into_iter()
    }

    /// The kind of this name.
    ///
    /// ```
    /// use breadth_lm::server::ServerKind;
    /// assert_eq!(ServerKind::named("openai"), Some(ServerKind::OPENAI));
    /// assert_eq!(ServerKind::named("gguf"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }
}
