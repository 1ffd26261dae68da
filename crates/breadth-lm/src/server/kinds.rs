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

    /// The kind of a server by what it says of itself: `owned_by` of its models, or a page that it
    /// has.
    pub(super) fn known_by(owner: Option<&str>, has_page: &dyn Fn(&str) -> bool) -> Self {
        among(&KINDS, owner, has_page).unwrap_or(Self::OPENAI)
    }
}

fn among(
    kinds: &[ServerKind],
    owner: Option<&str>,
    has_page: &dyn Fn(&str) -> bool,
) -> Option<ServerKind> {
    let is_owner = |kind: &&ServerKind| kind.0.owner.is_some() && kind.0.owner == owner;
    let shows_page = |kind: &&ServerKind| kind.0.page.is_some_and(has_page);
    let by_owner = kinds.iter().find(is_owner);
    by_owner.or_else(|| kinds.iter().find(shows_page)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::completions::Completions;
    use crate::server::protocol::Listed;

    /// A file of its own and a line in the list are all that a kind of server needs.
    #[test]
    fn a_kind_that_is_listed_is_known_by_its_owner_and_by_its_page() {
        const OTHER: Listed = Listed {
            name: "other",
            owner: Some("other-owner"),
            page: Some("/other"),
            names_model: true,
            version: None,
            protocol: || Box::new(Completions::default()),
        };
        let kinds = [ServerKind(&vllm::KIND), ServerKind(&OTHER)];
        let name = |owner, page: &str| {
            let found = among(&kinds, owner, &|asked| asked == page);
            found.map(ServerKind::name)
        };
        assert_eq!(name(Some("other-owner"), ""), Some("other"));
        assert_eq!(name(None, "/other"), Some("other"));
        assert_eq!(name(Some("vllm"), "/other"), Some("vllm"));
        assert_eq!(name(None, "/props"), None);
        assert_eq!(
            ServerKind::known_by(Some("nobody"), &|_| false),
            ServerKind::OPENAI
        );
    }
}
