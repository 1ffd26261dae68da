//! New grades as a file: a sample table, or lines that Inspect puts beside the scores of its log.

use std::path::Path;

use anyhow::{Result, bail};
use breadth_data::{
    Outcome, OutputLock, Provenance, SampleRow, SampleTable, SampleTexts, refuse_folder,
    refuse_for_table, write_samples,
};
use serde_json::json;

use crate::command_line;
use crate::number;

/// Writes the samples with their rewards; what was done, as a sentence.
///
/// A file that ends in `.jsonl` is one for `precomputed_scores` of Inspect (`inspect_ai`,
/// `scorer/_precomputed.py`): a line `{"id", "epoch", "value", "answer"}` for each sample.
pub fn write(path: &Path, table: &SampleTable, texts: &SampleTexts) -> Result<String> {
    let rows = rows(table, texts);
    let lock = OutputLock::hold(path)?;
    let out = path.display();
    let count = number::count(rows.len(), "row");
    if is_for_inspect(path) {
        let lines = inspect_lines(&rows);
        lock.remove_dead()?;
        breadth_data::atomic::write_bytes(path, lines.as_bytes())?;
        return Ok(format!(
            "wrote {out}: {count} for Inspect; inspect score LOG --action append --scorer \
             precomputed_scores -S scores={out} puts them into the log"
        ));
    }
    let made = Provenance {
        command: command_line::text(),
        ..Provenance::default()
    };
    lock.remove_dead()?;
    write_samples(path, &rows, &made)?;
    Ok(format!("wrote {out}: a sample table of {count}"))
}

/// Refuses a folder, and what is neither a table nor for Inspect.
pub fn refuse(path: &Path) -> Result<()> {
    if is_for_inspect(path) {
        return Ok(refuse_folder(path)?);
    }
    Ok(refuse_for_table(path)?)
}

fn is_for_inspect(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl")
}

fn rows(table: &SampleTable, texts: &SampleTexts) -> Vec<SampleRow> {
    let mut rows = Vec::new();
    for (model, outcomes) in table.outcomes.iter().enumerate() {
        for (prompt, outcome) in outcomes.iter().enumerate() {
            let Some(Outcome::Rewards(rewards)) = outcome else {
                continue;
            };
            for (sample, &reward) in rewards.iter().enumerate() {
                let name = |names: &[String], codes: &[Vec<Vec<u32>>]| {
                    let code = codes[model][prompt][sample];
                    names[code as usize].clone()
                };
                let answer = name(&table.answers, &table.answer);
                rows.push(SampleRow {
                    model: table.models[model].clone(),
                    prompt_id: table.prompts[prompt].clone(),
                    response_id: name(&texts.responses, &texts.response),
                    reward,
                    answer: Some(answer).filter(|answer| !answer.is_empty()),
                    text: Some(name(&texts.texts, &texts.text)),
                    prompt: texts.prompts[prompt].clone(),
                    gold: texts.gold[prompt].clone(),
                    group: group(table, prompt).cloned(),
                    ..SampleRow::default()
                });
            }
        }
    }
    rows
}

fn group(table: &SampleTable, prompt: usize) -> Option<&String> {
    let code = (*table.group.get(prompt)?)?;
    table.groups.get(code as usize)
}

/// Refuses what could not be written, before anything is judged.
pub fn check(path: &Path, table: &SampleTable, texts: &SampleTexts) -> Result<()> {
    if !is_for_inspect(path) {
        return Ok(());
    }
    if let [_, _, ..] = table.models[..] {
        bail!(
            "-o FILE.jsonl is for the scores of one log of Inspect, and there are {} here: give \
             one log, or write a table (-o FILE.parquet)",
            number::count(table.models.len(), "model")
        );
    }
    let is_epoch = |name: &&String| name.parse::<u64>().is_ok();
    match texts.responses.iter().find(|name| !is_epoch(name)) {
        None => Ok(()),
        Some(other) => bail!(
            "-o FILE.jsonl is for the scores of a log of Inspect, whose responses are numbered by \
             epochs; response `{other}` is not: write a table (-o FILE.parquet)"
        ),
    }
}

/// Samples by their id in the log, without the task that a prompt is named after, and their epoch.
fn inspect_lines(rows: &[SampleRow]) -> String {
    let mut lines = String::new();
    for row in rows {
        let task = row.group.as_deref().map(|task| format!("{task}/"));
        let id = task.and_then(|task| row.prompt_id.strip_prefix(&task));
        let epoch: Option<u64> = row.response_id.parse().ok();
        let line = json!({
            "id": id.unwrap_or(&row.prompt_id), "epoch": epoch, "value": row.reward,
            "answer": row.answer,
        });
        lines.push_str(&format!("{line}\n"));
    }
    lines
}
