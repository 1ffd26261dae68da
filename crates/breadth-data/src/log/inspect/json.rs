//! `.json`: a log in one document.

use serde::Deserialize;

use super::log::{Header, Log, Spec, entries};
use super::sample::Sample;
use crate::error::Result;
use crate::log::entry::Entries;
use crate::log::format::{Format, Sign};
use crate::log::source::Source;

pub(in crate::log) const FORMAT: Format = Format {
    name: "Inspect .json",
    help: "Inspect (.eval, .json)",
    sign: Sign::Document(|has| has("eval") && (has("plan") || has("status"))),
    may_hold_likelihoods: true,
    part: None,
    read,
};

fn read(source: &Source) -> Result<Entries> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(default)]
        status: Option<String>,
        eval: Spec,
        #[serde(default)]
        samples: Option<Vec<Sample>>,
    }
    let document: Document = source.parse(&source.text()?, None)?;
    let mut samples = document.samples.unwrap_or_default();
    for (sample, number) in samples.iter_mut().zip(1..) {
        sample.place = number;
    }
    entries(
        source,
        Log {
            header: Header {
                status: document.status,
                eval: document.eval,
            },
            samples,
            finished: true,
        },
    )
}
