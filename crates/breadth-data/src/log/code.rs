//! human-eval and EvalPlus: programs with the outcome of their tests.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::checked::Checked;
use super::entry::{Entries, Entry};
use super::source::{Source, flag, id, parse};
use crate::error::{Place, Result};
use crate::schema::Table;

/// Reads `{samples}_results.jsonl` of human-eval: a line for each program, with `passed`.
pub(super) fn read_lines(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let model = model(source)?;
    let mut entries = Entries::new(Table::Samples);
    let mut counts: HashMap<String, u64> = HashMap::new();
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let Some(task) = line.members.get("task_id").and_then(id) else {
            return Err(source.fault(place, "task_id", "no value; is this line whole?"));
        };
        let passed = line.members.get("passed").and_then(flag);
        let reward = match passed {
            Some(passed) => source.reward(place, "passed", passed)?,
            None if source.ask.texts => f64::NAN,
            None => {
                let problem = "not graded; give the file of results that the evaluation writes (.._results.jsonl)";
                return Err(source.fault(place, "passed", problem));
            }
        };
        let count = counts.entry(task.clone()).or_default();
        let mut names = ["completion", "solution"].into_iter();
        let program = names.find_map(|name| line.members.get(name)?.as_str());
        entries.rows.push(Entry {
            text: program.map(str::to_owned),
            ..row(place, &model, &task, *count, reward)
        });
        *count += 1;
        Ok(())
    })?;
    Ok(entries)
}

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

/// Reads `{samples}.eval_results.json` of EvalPlus.
///
/// The reward is `plus` where the extra tests were run (a program passes both kinds), else `base`.
pub(super) fn read_document(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let results: Results = source.parse(&source.text()?, None)?;
    let model = model(source)?;
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
        "--reward",
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
            entries.rows.push(Entry {
                text: attempts.text(at),
                ..row(Place::Row(number), &model, task, at as u64, reward)
            });
        }
    }
    if has_plus && source.ask.reward.is_none() {
        entries.notes.push("a program counts as right if it passes the base and the extra tests; --reward base takes the base tests alone".into());
    }
    Ok(entries)
}

impl Attempts {
    fn of(value: &Value) -> serde_json::Result<Self> {
        match value.is_array() {
            true => Vec::<Attempt>::deserialize(value).map(Attempts::Each),
            false => Columns::deserialize(value).map(Attempts::Columns),
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

fn row(place: Place, model: &Arc<str>, task: &str, number: u64, reward: f64) -> Entry {
    Entry {
        response: number.to_string(),
        value: reward,
        ..Entry::new(place, model, task)
    }
}

/// These logs do not name their model, but people name their files and folders after it.
pub(super) fn model(source: &Source) -> Result<Arc<str>> {
    let named = source.ask.model.map(str::to_owned);
    let model = named
        .or_else(|| of_file(&source.path))
        .or_else(|| of_folder(&source.path));
    model.map(Into::into).ok_or_else(|| {
        source.refuse("the log does not say which model it is about; name it with --model")
    })
}

/// The model that a file beside the log names.
pub(super) fn model_beside(source: &Source, file: &str, member: &str) -> Result<Arc<str>> {
    let beside = source.path.with_file_name(file);
    let named = || {
        parse::<Value>(&std::fs::read(beside).ok()?)
            .ok()?
            .get(member)?
            .as_str()
            .map(str::to_owned)
    };
    match source.ask.model.map(str::to_owned).or_else(named) {
        Some(model) => Ok(model.into()),
        None => self::model(source),
    }
}

/// `qwen-7b` of `qwen-7b.jsonl_results.jsonl` or `qwen-7b.eval_results.json`; nothing of a name that
/// says only what the file is.
fn of_file(path: &Path) -> Option<String> {
    const ENDS: [&str; 8] = [
        ".gz",
        ".zst",
        ".json",
        ".jsonl",
        "_eval_results",
        ".eval_results",
        "_results",
        "-sanitized",
    ];
    let mut name = path.file_name()?.to_str()?;
    while let Some(shorter) = ENDS.iter().find_map(|end| name.strip_suffix(end)) {
        name = shorter;
    }
    let says_nothing = ["", "samples", "results", "eval"].contains(&name);
    (!says_nothing).then(|| name.to_owned())
}

/// The name of the folder that a file stands in.
pub(super) fn of_folder(path: &Path) -> Option<String> {
    let folder = std::fs::canonicalize(path).ok()?;
    Some(folder.parent()?.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_by_the_names_of_files() {
        let of = |name: &str| of_file(Path::new(name));
        assert_eq!(
            of("runs/qwen-7b.jsonl_results.jsonl"),
            Some("qwen-7b".into())
        );
        assert_eq!(
            of("qwen_vllm_temp_0.8.eval_results.json"),
            Some("qwen_vllm_temp_0.8".into())
        );
        assert_eq!(of("qwen_eval_results.json"), Some("qwen".into()));
        assert_eq!(of("qwen/samples.jsonl_results.jsonl"), None);
        assert_eq!(of("qwen/eval_results.json"), None);
    }
}
