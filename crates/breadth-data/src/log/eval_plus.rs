//! EvalPlus: `{samples}.eval_results.json`, the programs of each task with the outcome of their
//! tests.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::entry::{Entries, Entry};
use super::format::{Format, Sign};
use super::model_name;
use super::source::Source;
use crate::checked::Checked;
use crate::error::{Place, Result};
use crate::schema::Table;
use crate::setting::Setting;

pub(super) const FORMAT: Format = Format {
    name: "EvalPlus results",
    help: "EvalPlus (results)",
    sign: Sign::Document(|has| has("eval") && has("hash")),
    may_hold_likelihoods: false,
    part: None,
    read,
};

#[derive(Deserialize)]
struct Results {
    eval: BTreeMap<String, Checked>,
}

/// The programs of one task: a list of objects, or in earlier versions columns.
enum Attempts {
    Each(Vec<Attempt>),
    Columns(Columns),
}

#[derive(Deserialize)]
struct Columns {
    base: Vec<(String, IgnoredAny)>,
    #[serde(default)]
    plus: Vec<(String, IgnoredAny)>,
}

#[derive(Deserialize)]
struct Attempt {
    base_status: String,
    #[serde(default)]
    plus_status: Option<String>,
    #[serde(default)]
    solution: Option<String>,
}

/// The reward is `plus` where the extra tests were run (a program passes both kinds), else `base`.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let results: Results = source.parse(&source.text()?, None)?;
    let model = model_name::model(source)?;
    let tasks = results.eval.iter().map(|(task, attempts)| {
        let attempts = Attempts::of(&attempts.0).map_err(|error| {
            let problem = format!("not what EvalPlus writes there ({error})");
            source.fault(None, &format!("eval.{task}"), problem)
        })?;
        Ok((task, attempts))
    });
    let tasks = tasks.collect::<Result<Vec<_>>>()?;
    let has_plus = tasks
        .iter()
        .all(|(_, all)| all.outcomes().iter().all(|[_, plus]| plus.is_some()));
    let names: &[String] = &["base".to_owned(), "plus".to_owned()][..1 + usize::from(has_plus)];
    let default = if has_plus { "plus" } else { "base" };
    let name = source.choose(
        Setting::Reward,
        "reward",
        source.ask.reward.or(Some(default)),
        names,
    )?;
    let mut entries = Entries::new(Table::Samples);
    for ((task, attempts), number) in tasks.iter().zip(1..) {
        for (at, [base, plus]) in attempts.outcomes().iter().enumerate() {
            let passed = match name.as_str() {
                "plus" => *base == Some(true) && *plus == Some(true),
                _ => *base == Some(true),
            };
            let reward = f64::from(u8::from(passed));
            let entry = Entry {
                response: at.to_string(),
                value: reward,
                text: attempts.text(at),
                ..Entry::new(Place::Row(number), &model, task.as_str())
            };
            entries.push(source, entry)?;
        }
    }
    if has_plus && source.ask.reward.is_none() {
        entries.notes.push("a program counts as right if it passes the base and the extra tests; `LogOptions::reward` base takes the base tests alone".into());
    }
    Ok(entries)
}

impl Attempts {
    fn of(value: &Value) -> serde_json::Result<Self> {
        if value.is_array() {
            Vec::<Attempt>::deserialize(value).map(Attempts::Each)
        } else {
            Columns::deserialize(value).map(Attempts::Columns)
        }
    }

    /// A program, where the results hold it.
    fn text(&self, at: usize) -> Option<String> {
        match self {
            Attempts::Each(all) => all.get(at)?.solution.clone(),
            Attempts::Columns(_) => None,
        }
    }

    /// Whether the base and the extra tests passed, for each program.
    fn outcomes(&self) -> Vec<[Option<bool>; 2]> {
        let passed = |status: &String| matches!(status.as_str(), "pass" | "success");
        match self {
            Attempts::Each(all) => all
                .iter()
                .map(|one| {
                    [
                        Some(passed(&one.base_status)),
                        one.plus_status.as_ref().map(passed),
                    ]
                })
                .collect(),
            Attempts::Columns(Columns { base, plus }) => {
                let plus = |at: usize| plus.get(at).map(|(status, _)| passed(status));
                let base = base.iter().enumerate();
                base.map(|(at, (status, _))| [Some(passed(status)), plus(at)])
                    .collect()
            }
        }
    }
}
