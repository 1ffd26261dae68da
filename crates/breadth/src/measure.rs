//! What a run on a synthetic task leaves beside its checkpoints: held-out data, scores, and what
//! they mean.

use std::path::{Path, PathBuf};

use anyhow::Result;
use breadth_data::{OutputLock, RunFolder, RunManifest};
use breadth_lm::job::{Model, ScoreJob};
use breadth_lm::model::folders;
use breadth_lm::rng;
use breadth_lm::task::{Task, TaskConfig};
use breadth_lm::text::{DataOptions, Item};
use serde_json::{Value, json};

use crate::data;
use crate::models::read_data;
use crate::number::count;
use crate::output::Output;
use crate::progress::Bar;

/// Name of the exact law in `scores.parquet`.
const REFERENCE: &str = "exact";
/// Fresh responses for the tournament.
const SELECTION: u64 = 1024;

/// A run folder whose checkpoints are to be measured on its task.
pub struct Measure<'a> {
    pub out: &'a Path,
    pub task: &'a TaskConfig,
    /// Of the data; runs with the same one are measured on the same prompts.
    pub seed: u64,
    /// N of the tournament, for `run.json`.
    pub n: f64,
    /// The command line, for the provenance.
    pub command: &'a str,
    pub output: &'a Output,
}

/// What was measured: names and folders of the checkpoints, and the evaluation's items.
pub struct Measured {
    pub models: Vec<(String, PathBuf)>,
    pub items: Vec<Item>,
}

impl Measure<'_> {
    /// Writes `evaluation.jsonl` (as many prompts of every class, weighted back to their shares),
    /// `selection.jsonl` (fresh samples of the mixture) and, where a prompt has several right
    /// responses, `right.jsonl` (all of them), unless they are there.
    pub fn data(&self) -> Result<()> {
        let task = Task::new(self.task)?;
        let run = RunFolder::new(self.out);
        let write = |path: PathBuf, items: Vec<Item>| {
            write_lines(&path, || {
                items.iter().map(|item| line(&task, item)).collect()
            })
        };
        write(run.evaluation_items(), task.evaluation(self.seed)?)?;
        write(run.selection_items(), self.selection(&task))?;
        match task.right(self.seed)? {
            Some(right) => write(run.right_items(), right),
            None => Ok(()),
        }
    }

    /// Scores every checkpoint on both, and says in `run.json` what the tables mean. What is there
    /// already stays.
    pub fn scores(&self) -> Result<Measured> {
        let models = folders::find(self.out)?;
        let run = RunFolder::new(self.out);
        let items = self.items(&models, run.evaluation_items())?;
        let exact = self.exact(&items)?;
        // Where every response is the only right one of its class, Pass@k is known exactly.
        let is_single = exact.iter().all(|&log_p| log_p == 0.0);
        self.score(
            &models,
            &items,
            &[(REFERENCE.to_owned(), exact)],
            run.scores(),
        )?;
        let fresh = self.items(&models, run.selection_items())?;
        self.score(&models, &fresh, &[], run.selection())?;
        let described = RunManifest {
            reference: Some(REFERENCE.into()),
            single_correct_response: is_single,
            n: Some(self.n),
            ..run.manifest()?
        };
        run.write_manifest(&described)?;
        Ok(Measured { models, items })
    }

    /// `log p(y|x)` of each response, given the class of its prompt.
    fn exact(&self, items: &[Item]) -> Result<Vec<f64>> {
        let task = Task::new(self.task)?;
        Ok(items
            .iter()
            .map(|item| task.log_prob(item))
            .collect::<breadth_lm::Result<_>>()?)
    }

    fn items(&self, models: &[(String, PathBuf)], file: PathBuf) -> Result<Vec<Item>> {
        let files = [file];
        let folders: Vec<PathBuf> = models.iter().map(|(_, path)| path.clone()).collect();
        Ok(read_data(&folders, None, &files, &DataOptions::default())?
            .1
            .items)
    }

    fn score(
        &self,
        models: &[(String, PathBuf)],
        items: &[Item],
        references: &[(String, Vec<f64>)],
        out: PathBuf,
    ) -> Result<()> {
        if out.exists() {
            return Ok(());
        }
        self.output.remark(&format!(
            "score {} under {}",
            count(items.len(), "response"),
            count(models.len(), "checkpoint")
        ));
        let mut bar = Bar::new("score", self.output);
        let job = ScoreJob {
            models: &Model::folders(models),
            items,
            references,
            out: &out,
            token_log_probs: false,
            ttt: None,
            command: self.command,
        };
        let finished = job.run(&mut |progress| bar.part(progress))?;
        bar.finish();
        data::warn_finished(&finished, self.output);
        Ok(())
    }

    fn selection(&self, task: &Task) -> Vec<Item> {
        let draw = |i| {
            let item = task.draw_held_out(&mut rng::stream(self.seed, "demo/selection", i));
            if item.prompt_id.is_empty() {
                return Item {
                    prompt_id: format!("s-{i}"),
                    ..item
                };
            }
            // The prompt may come again.
            Item {
                response_id: i.to_string(),
                ..item
            }
        };
        (0..SELECTION).map(draw).collect()
    }
}

fn write_lines(path: &Path, lines: impl FnOnce() -> Result<Vec<Value>>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let text: String = lines()?.iter().map(|line| format!("{line}\n")).collect();
    Ok(OutputLock::write(path, text.as_bytes())?)
}

fn line(task: &Task, item: &Item) -> Result<Value> {
    let mut line = json!({
        "prompt_id": item.prompt_id,
        "prompt": task.decode(&item.prompt)?,
        "response": task.decode(&item.response)?,
    });
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            line[name] = value;
        }
    };
    let response_id = Some(&item.response_id).filter(|id| !id.is_empty());
    add("response_id", response_id.map(|id| json!(id)));
    add("group", item.group.as_ref().map(|group| json!(group)));
    add("weight", item.weight.map(|weight| json!(weight)));
    add("answer", item.answer.as_ref().map(|answer| json!(answer)));
    Ok(line)
}
