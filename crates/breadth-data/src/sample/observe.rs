//! What one row of a sample table says: a graded response, or counts.

use arrow_array::Array;

use super::columns::{C, COLUMNS, CORRECT, N, PASSED, RESPONSE, REWARD};
use crate::error::{Error, Result};
use crate::intern::NONE;
use crate::io::chunk::Chunk;
use crate::setting::Setting;
use crate::value;

/// The names a reward goes by; the first one present counts.
const REWARDS: [usize; 3] = [REWARD, CORRECT, PASSED];

/// What one row says.
pub(super) enum Observation {
    Counts {
        n: u64,
        c: u64,
    },
    Sample {
        reward: f64,
        response: u32,
        answer: u32,
        text: u32,
    },
}

/// Refuses a row whose grades contradict each other: a reward of 0 or 1, or a truth value, and
/// another truth value.
fn check_grades(chunk: &Chunk, at: usize) -> Result<()> {
    let grade = |column| Some((column, chunk.number(column, at)?));
    let mut grades = REWARDS.into_iter().filter_map(grade);
    let Some((first, one)) = grades.next() else {
        return Ok(());
    };
    let contradicts =
        |&(_, other): &(usize, f64)| [one, other] == [0.0, 1.0] || [one, other] == [1.0, 0.0];
    let Some((second, other)) = grades.find(contradicts) else {
        return Ok(());
    };
    let [first_name, second_name] = [first, second].map(|column| COLUMNS[column].name);
    let problem = format!(
        "{one}, but `{second_name}` of this row is {other}; say which is the reward: {} takes \
         reward={first_name} or reward={second_name}",
        Setting::Columns
    );
    Err(bad(chunk, at, first, problem))
}

/// What a row says; its response, answer and text are codes, or [`NONE`]. `is_chosen`: whether the
/// user said which column is the reward.
pub(super) fn observe(
    chunk: &Chunk,
    at: usize,
    [response, answer, text]: [u32; 3],
    is_chosen: bool,
) -> Result<Observation> {
    let reward = REWARDS
        .into_iter()
        .find_map(|column| Some((column, chunk.number(column, at)?)));
    if !is_chosen {
        check_grades(chunk, at)?;
    }
    let Some((column, reward)) = reward else {
        if text == NONE {
            return counts(chunk, at);
        }
        return match response {
            NONE => Err(bad(chunk, at, RESPONSE, value::missing())),
            response => Ok(Observation::Sample {
                reward: f64::NAN,
                response,
                answer,
                text,
            }),
        };
    };
    if response == NONE {
        return Err(bad(chunk, at, RESPONSE, value::missing()));
    }
    let reward = value::reward(reward).map_err(|problem| bad(chunk, at, column, problem))?;
    Ok(Observation::Sample {
        reward,
        response,
        answer,
        text,
    })
}

fn counts(chunk: &Chunk, at: usize) -> Result<Observation> {
    let present = |column: usize| {
        chunk.columns[column]
            .as_ref()
            .is_some_and(|a| a.null_count() < a.len())
    };
    let count = |column| {
        let value = chunk.number(column, at).ok_or_else(value::missing);
        value
            .and_then(value::count)
            .map_err(|problem| bad(chunk, at, column, problem))
    };
    if !present(N) && !present(C) {
        let problem = format!(
            "{}; a response with a text can be judged ({})",
            value::missing(),
            Setting::Texts
        );
        return Err(bad(chunk, at, reward_column(chunk), problem));
    }
    let (n, c) = (count(N)?, count(C)?);
    if n == 0 {
        return Err(bad(
            chunk,
            at,
            N,
            "0 samples say nothing; give at least 1 or remove the row".into(),
        ));
    }
    if c > n {
        let problem = format!("{c} correct of {n} samples (`n`); at most `n` can be correct");
        return Err(bad(chunk, at, C, problem));
    }
    Ok(Observation::Counts { n, c })
}

/// The column that a missing reward is missing from.
fn reward_column(chunk: &Chunk) -> usize {
    let mut present = REWARDS.into_iter();
    let found = present.find(|&column| {
        let array = chunk.columns[column].as_ref();
        array.is_some_and(|array| array.null_count() < array.len())
    });
    found.unwrap_or(REWARDS[0])
}

/// An error about a value.
pub(super) fn bad(chunk: &Chunk, row: usize, column: usize, problem: String) -> Error {
    Error::Value {
        at: chunk.places.at(row),
        column: COLUMNS[column].name,
        problem,
    }
}
