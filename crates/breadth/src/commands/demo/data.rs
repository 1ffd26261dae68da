//! The demo's held-out data, as ordinary JSON Lines that `breadth score --data` reads.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use breadth_data::atomic;
use breadth_lm::rng;
use breadth_lm::task::graph_search::{
    Class, Example, FIGURE1_FINE_TUNE, GraphSearch, GraphSearchConfig,
};
use serde_json::{Value, json};

/// Evaluation prompts of each class.
const PER_CLASS: u64 = 384;
/// Fresh responses for the tournament.
const SELECTION: u64 = 1024;

/// Writes `evaluation.jsonl` (as many prompts of either class, weighted back to their shares) and `selection.jsonl` (fresh samples of
/// the fine-tuning mixture), unless they are there.
pub fn write(out: &Path, seed: u64) -> Result<()> {
    let search = GraphSearch::new(GraphSearchConfig::figure1_small())?;
    write_lines(&out.join("evaluation.jsonl"), || evaluation(&search, seed))?;
    write_lines(&out.join("selection.jsonl"), || selection(&search, seed))
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

fn evaluation(search: &GraphSearch, seed: u64) -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    for (class, share) in FIGURE1_FINE_TUNE {
        let weight = share * FIGURE1_FINE_TUNE.len() as f64;
        for i in 0..PER_CLASS {
            let mut rng = rng::stream(seed, &format!("demo/evaluation/{}", name(class)), i);
            let mut line = line(search, &search.sample_class(class, &mut rng)?)?;
            line["weight"] = json!(weight);
            line["prompt_id"] = json!(format!("{}-{i}", name(class)));
            lines.push(line);
        }
    }
    Ok(lines)
}

fn selection(search: &GraphSearch, seed: u64) -> Result<Vec<Value>> {
    let mixture = search.mixture(&FIGURE1_FINE_TUNE)?;
    (0..SELECTION)
        .map(|i| {
            let mut rng = rng::stream(seed, "demo/selection", i);
            let mut line = line(search, &search.sample(&mixture, &mut rng))?;
            line["prompt_id"] = json!(format!("s-{i}"));
            Ok(line)
        })
        .collect()
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
