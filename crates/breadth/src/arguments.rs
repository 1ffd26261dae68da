//! Parsers of values on the command line that several commands take.

use std::time::Duration;

use anyhow::{Result, bail};
use breadth_analysis::VerifierFailures;
use breadth_lm::verifier::{Tally, Verifier};
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

/// Parses `--confidence`, a probability strictly between 0 and 1.
pub fn confidence(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        Ok(value) if value > 1.0 && value < 100.0 => {
            Err(format!("for {value}% write {}", value / 100.0))
        }
        _ => Err("write a number between 0 and 1, such as 0.95".to_owned()),
    }
}

/// Parses a time limit in seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let limit = text.parse().ok().filter(|&limit: &f64| limit > 0.0);
    let limit = limit.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
    limit.ok_or_else(|| "write a number of seconds above 0, such as 10".to_owned())
}

/// Takes the name of a verifier as it is; shells complete the kinds.
#[derive(Clone)]
pub struct VerifierName;

impl TypedValueParser for VerifierName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let name = |(usage, _): (&'static str, _)| match usage.find(':') {
            Some(colon) => PossibleValue::new(&usage[..=colon]),
            None => PossibleValue::new(usage),
        };
        Some(Box::new(Verifier::all().map(name)))
    }
}

/// How often a verifier's program failed, as documents hold it.
pub fn failures(tally: Tally) -> VerifierFailures {
    let Tally {
        judged,
        crashed,
        timed_out,
    } = tally;
    VerifierFailures {
        judged,
        crashed,
        timed_out,
    }
}

/// Takes `k` as a number of samples.
pub fn whole(k: f64) -> Result<u64> {
    if k >= 1.0 && k.fract() == 0.0 && k < 2_f64.powi(53) {
        return Ok(k as u64);
    }
    bail!("k = {k} is not a number of samples; write whole numbers >= 1, such as -k 1,8,64")
}
