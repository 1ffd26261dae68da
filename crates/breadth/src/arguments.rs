//! Parsers of values on the command line that several commands take.

use std::time::Duration;

use anyhow::{Result, bail};
use breadth_analysis::VerifierFailures;
use breadth_lm::verifier::Tally;

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
