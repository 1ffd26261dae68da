//! What a run on a synthetic task leaves beside its checkpoints: held-out data, scores, and what they mean.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use breadth_data::atomic;
use breadth_lm::decode::{Model, ScoreJob};
use breadth_lm::model::checkpoint;
use breadth_lm::rng;
use breadth_lm::task::graph_search::{Class, Example, GraphSearch};
use breadth_lm::text::{DataOptions, Item};
use breadth_lm::train::RunInfo;
use breadth_lm::train::config::TaskConfig;
use serde_json::{Value, json};

use crate::models::read_data;
use crate::number::count;
use crate::output::Output;
use crate::progress::Bar;

/// Name of the exact law in `scores.parquet`.
const REFERENCE: &str = "exact";
/// Evaluation prompts of each class.
const PER_CLASS: u64 = 384;
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
    /// Writes `evaluation.jsonl` (as many prompts of every class, weighted back to their shares) and `selection.jsonl` (fresh samples of
    /// the mixture), unless they are there.
    pub fn data(&self) -> Result<()> {
        let search = GraphSearch::new(self.task.graph_search.clone())?;
        write_lines(&self.out.join("evaluation.jsonl"), || {
            self.evaluation(&search)
        })?;
        write_lines(&self.out.join("selection.jsonl"), || {
            self.selection(&search)
        })
    }

    /// Scores every checkpoint on both, and says in `run.json` what the tables mean. What is there already stays.
    pub fn scores(&self) -> Result<Measured> {
        let models = checkpoint::find(self.out)?;
        let items = self.items(&models, "evaluation.jsonl")?;
        let exact = self.exact(&items)?;
        // Where every response is the only right one of its class, Pass@k is known exactly.
        let is_single = exact.iter().all(|&log_p| log_p == 0.0);
        self.score(
            &models,
            &items,
            &[(REFERENCE.to_owned(), exact)],
            "scores.parquet",
        )?;
        let fresh = self.items(&models, "selection.jsonl")?;
        self.score(&models, &fresh, &[], "selection.parquet")?;
        let info = RunInfo::read(self.out)?.context("training left no run.json")?;
        let described = RunInfo {
            reference: Some(REFERENCE.into()),
            single_correct_response: is_single,
            n: Some(self.n),
            ..info
        };
        described.write(self.out)?;
        Ok(Measured { models, items })
    }

    /// `log p(y|x)` of each response under the law of its class.
    fn exact(&self, items: &[Item]) -> Result<Vec<f64>> {
        let search = GraphSearch::new(self.task.graph_search.clone())?;
        let of_item = |item: &Item| {
            let group = item.group.clone().unwrap_or_default();
            let class: Class = serde_json::from_value(Value::from(group))?;
            let graph = search.parse(&item.prompt)?;
            Ok(search.class_log_prob(&graph, &item.response, class))
        };
        items.iter().map(of_item).collect()
    }

    fn items(&self, models: &[(String, PathBuf)], name: &str) -> Result<Vec<Item>> {
        let files = [self.out.join(name)];
        let folders: Vec<PathBuf> = models.iter().map(|(_, path)| path.clone()).collect();
        Ok(read_data(&folders, &files, &DataOptions::default())?
            .1
            .items)
    }

    fn score(
        &self,
        models: &[(String, PathBuf)],
        items: &[Item],
        references: &[(String, Vec<f64>)],
        name: &str,
    ) -> Result<()> {
        let out = self.out.join(name);
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
        job.run(&mut |progress| bar.part(progress))?;
        bar.finish();
        Ok(())
    }

    fn evaluation(&self, search: &GraphSearch) -> Result<Vec<Value>> {
        let mut lines = Vec::new();
        for (&class, share) in &self.task.mixture {
            let weight = share * self.task.mixture.len() as f64;
            for i in 0..PER_CLASS {
                let name = name(class);
                let mut rng = rng::stream(self.seed, &format!("demo/evaluation/{name}"), i);
                let mut line = line(search, &search.sample_class(class, &mut rng)?)?;
                line["weight"] = json!(weight);
                line["prompt_id"] = json!(format!("{name}-{i}"));
                lines.push(line);
            }
        }
        Ok(lines)
    }

    fn selection(&self, search: &GraphSearch) -> Result<Vec<Value>> {
        let shares: Vec<(Class, f64)> = self.task.mixture.iter().map(|(c, w)| (*c, *w)).collect();
        let mixture = search.mixture(&shares)?;
        (0..SELECTION)
            .map(|i| {
                let mut rng = rng::stream(self.seed, "demo/selection", i);
                let mut line = line(search, &search.sample(&mixture, &mut rng))?;
                line["prompt_id"] = json!(format!("s-{i}"));
                Ok(line)
            })
            .collect()
    }
}
fn write_lines(path: &Path, lines: impl FnOnce() -> Result<Vec<Value>>) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let lines = lines()?;
    Ok(atomic::write(path, |file| {
        lines.iter().try_for_each(|line| writeln!(file, "{line}"))
    })?)
}

fn line(search: &GraphSearch, example: &Example) -> Result<Value> {
    Ok(json!({
        "prompt": search.tokenizer().decode(&example.prompt)?,
        "response": search.tokenizer().decode(&example.response)?,
        "group": name(example.class),
    }))
}

/// As the class is written in data and configurations.
fn name(class: Class) -> String {
    serde_json::to_value(class)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}
