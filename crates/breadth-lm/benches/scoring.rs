//! Times scoring and sampling with a checkpoint: the twin of `bench/scoring_transformers.py`, with
//! its arguments and its JSON. `bench/scoring_compare.py` makes checkpoints and data, runs the two
//! in turn and asserts that they agree.
//!
//! `cargo bench -p breadth-lm --bench scoring -- --checkpoint DIR --data FILE --mode score
//! --threads 2 --runs 5`
//!
//! The data is `{"prompts": [[token, ..], ..], "responses": [[[token, ..], ..], ..]}`: any number
//! of responses to each prompt. Mode `sample` draws `--samples` responses of `--tokens` tokens to
//! each prompt instead, and prints the first run's. Reading the checkpoint is not timed.
//!
//! Without arguments it scores the texts of `tests/golden/lm` and compares with PyTorch's numbers,
//! so that it runs as a test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use breadth_lm::decode::{sample, score, sequence_log_prob};
use breadth_lm::generation::{Sample, Sampling, Sequence};
use breadth_lm::model::Checkpoint;
use serde::Deserialize;
use serde_json::{Value, json};

#[path = "../../breadth/src/allocator.rs"]
mod allocator;

/// Prompts, and the responses to each.
#[derive(Deserialize)]
struct Data {
    prompts: Vec<Vec<u32>>,
    #[serde(default)]
    responses: Vec<Vec<Vec<u32>>>,
}

impl Data {
    /// Every response with its prompt.
    fn sequences(&self) -> Vec<Sequence<'_>> {
        let pairs = self.prompts.iter().zip(&self.responses);
        pairs
            .flat_map(|(prompt, responses)| {
                responses
                    .iter()
                    .map(move |response| Sequence { prompt, response })
            })
            .collect()
    }

    fn prompts(&self) -> Vec<&[u32]> {
        self.prompts.iter().map(Vec::as_slice).collect()
    }
}

/// The words of the command line, by name.
struct Words(BTreeMap<String, String>);

impl Words {
    fn of_command_line() -> Self {
        let words = std::env::args().skip(1);
        let words: Vec<String> = words.filter(|a| a != "--bench" && a != "--test").collect();
        let pairs = words.chunks_exact(2);
        Self(
            pairs
                .map(|w| (w[0].trim_start_matches('-').into(), w[1].clone()))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> &str {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("--{name} is missing"))
    }

    fn number(&self, name: &str) -> usize {
        self.text(name).parse().expect("a number")
    }
}

fn main() {
    allocator::keep_freed_memory();
    let words = Words::of_command_line();
    if words.0.is_empty() {
        return test();
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(words.number("threads"))
        .build_global()
        .expect("first use");
    let model = Checkpoint::read(Path::new(words.text("checkpoint"))).expect("a checkpoint");
    let text = std::fs::read_to_string(words.text("data")).expect("a file");
    let data: Data = serde_json::from_str(&text).expect("prompts and responses");
    let result = match words.text("mode") {
        "score" => time_score(&model, &data, words.number("runs")),
        "sample" => time_sample(&model, &data, &words),
        other => panic!("--mode {other}: score or sample"),
    };
    println!("{result}");
}

fn time_score(model: &Checkpoint, data: &Data, runs: usize) -> Value {
    let sequences = data.sequences();
    let run = || score(model, &sequences).expect("good data");
    let (log_probs, times) = measure(runs, run);
    let sums: Vec<f64> = log_probs.iter().map(|l| sequence_log_prob(l)).collect();
    summary("score", &times, &sums, &json!(null))
}

fn time_sample(model: &Checkpoint, data: &Data, words: &Words) -> Value {
    let options = options(words.number("samples"), words.number("tokens"));
    let run = || sample(model, &data.prompts(), &options).expect("good data");
    let (drawn, times) = measure(words.number("runs"), run);
    let sums: Vec<f64> = drawn
        .iter()
        .flatten()
        .map(|s| sequence_log_prob(&s.log_probs))
        .collect();
    let tokens: Vec<Vec<&[u32]>> = drawn
        .iter()
        .map(|d| d.iter().map(|s| &s.tokens[..]).collect())
        .collect();
    summary("sample", &times, &sums, &json!(tokens))
}

fn options(samples: usize, max_tokens: usize) -> Sampling {
    Sampling {
        samples,
        max_tokens,
        ..Sampling::default()
    }
}

/// `checksum` is the sum of the log-probabilities of all responses, `log_probs` those of each.
fn summary(mode: &str, times: &[f64; 3], log_probs: &[f64], drawn: &Value) -> Value {
    let [median, min, max] = times;
    json!({
        "mode": mode, "median_ms": median, "min_ms": min, "max_ms": max,
        "checksum": log_probs.iter().sum::<f64>(), "log_probs": log_probs, "drawn": drawn,
    })
}

/// What a run gives, after one to warm up; median, fastest and slowest of the others in
/// milliseconds.
fn measure<T>(runs: usize, run: impl Fn() -> T) -> (T, [f64; 3]) {
    let result = run();
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            drop(run());
            1e3 * start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (result, [times[runs / 2], times[0], times[runs - 1]])
}

/// Scores are PyTorch's, and a drawn response has the log-probability that scoring gives it.
fn test() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/lm"
    ));
    let read = |name| std::fs::read_to_string(folder.join(name)).expect("a golden");
    let model = Checkpoint::read(&folder).expect("a golden");
    let batch: Value = serde_json::from_str(&read("batch.json")).expect("a golden");
    let expected: Value = serde_json::from_str(&read("expected.json")).expect("a golden");
    let list = |v: &Value| serde_json::from_value::<Vec<Vec<u32>>>(v.clone()).expect("a golden");
    let data = Data {
        prompts: list(&batch["prompts"]),
        responses: list(&batch["responses"])
            .into_iter()
            .map(|r| vec![r])
            .collect(),
    };
    let expected: Vec<Vec<f64>> =
        serde_json::from_value(expected["token_logprobs"].clone()).expect("a golden");
    let result = time_score(&model, &data, 1);
    for (ours, theirs) in result["log_probs"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(&expected)
    {
        let theirs: f64 = theirs.iter().sum();
        assert!((ours.as_f64().expect("a number") - theirs).abs() < 1e-3);
    }
    let prompts = data.prompts();
    let drawn = sample(&model, &prompts[..2], &options(3, 5)).expect("good data");
    for (prompt, drawn) in prompts.iter().zip(&drawn) {
        drawn
            .iter()
            .for_each(|s| same_when_scored(&model, prompt, s));
    }
    println!("{}", result["checksum"]);
}

fn same_when_scored(model: &Checkpoint, prompt: &[u32], drawn: &Sample) {
    assert_eq!(drawn.tokens.len(), 5);
    let sequence = Sequence {
        prompt,
        response: &drawn.tokens,
    };
    let scored = score(model, &[sequence]).expect("good data").concat();
    for (a, b) in drawn.log_probs.iter().zip(&scored) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}
