//! What a probe found, for people and for programs.

use crate::error::Error;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Measured, and as it should be.
    Pass,
    /// Measured, and wrong.
    Fail,
    /// The server showed nothing to judge by.
    #[serde(rename = "cannot tell")]
    CannotTell,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::CannotTell => "cannot tell",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What: `echo`, `boundary`, `shift`, `infinity`, `batch`, `raw`, `sampling` or `pool`.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was measured.
    pub measured: String,
    /// Whether scores are refused when it fails. `sampling` alone is not of that kind: at
    /// temperature 1 there is nothing to process, and what is drawn otherwise is scored again.
    pub needed: bool,
}

/// The checks of one server.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct HostReport {
    /// `http://host:port`.
    pub host: String,
    /// What was looked at, in order.
    pub checks: Vec<Check>,
}

/// The checks of every server of a pool that answers.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The address.
    pub address: String,
    /// Kind and version.
    pub software: String,
    /// The model's name.
    pub model: String,
    /// Whether `score` and `sample` take this server.
    pub trusted: bool,
    /// Its servers.
    pub hosts: Vec<HostReport>,
}

impl Report {
    /// What speaks against scoring with this server, if anything does.
    #[must_use]
    pub fn refusal(&self) -> Option<Error> {
        let checks = self
            .hosts
            .iter()
            .flat_map(|h| h.checks.iter().map(move |c| (h, c)));
        let bad = checks
            .filter(|(_, c)| c.speaks_against())
            .map(|(host, check)| {
                Error::server(
                    &host.host,
                    format!(
                        "does not pass `breadth probe`, so its scores would be wrong: {}: {}",
                        check.name, check.measured
                    ),
                )
            });
        bad.into_iter().next()
    }

    /// The outcome in one line, the same for every run on the same server: `probe passed`, and the
    /// names of what could not be told.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut unknown: Vec<&str> = Vec::new();
        for check in self.hosts.iter().flat_map(|h| &h.checks) {
            if check.verdict == Verdict::CannotTell && !unknown.contains(&check.name) {
                unknown.push(check.name);
            }
        }
        match (self.trusted, unknown.is_empty()) {
            (false, _) => "probe failed".into(),
            (true, true) => "probe passed".into(),
            (true, false) => format!("probe passed, cannot tell: {}", unknown.join(", ")),
        }
    }
}

impl Check {
    /// Scores need every check not to fail, and three to pass: without `echo` and `boundary`
    /// nothing is known.
    pub(super) fn speaks_against(&self) -> bool {
        let must_pass = matches!(self.name, "echo" | "boundary");
        self.needed && (self.verdict == Verdict::Fail || must_pass && self.verdict != Verdict::Pass)
    }
}
