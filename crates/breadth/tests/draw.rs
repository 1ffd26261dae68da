//! What `sample` draws: greedy, cut, stopped; one draw for each prompt.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use breadth_data::{Outcome, ReadOptions, SampleTable};
use serde_json::Value;

fn breadth(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breadth"))
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/{name}"))
}

/// A folder to work in, and `sample` there with a golden checkpoint.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn text(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn sample(&self, checkpoint: &Path, lines: &[Value], flags: &[&str]) -> Output {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(self.text("prompts.jsonl"), text).unwrap();
        let (prompts, out) = (self.text("prompts.jsonl"), self.text("samples.parquet"));
        let mut arguments = vec![
            "sample",
            checkpoint.to_str().unwrap(),
            "--prompts",
            &prompts,
        ];
        arguments.extend(["-o", &out]);
        arguments.extend(flags);
        breadth(&arguments)
    }

    fn rewards(&self) -> Vec<Vec<f64>> {
        let inputs = [PathBuf::from(self.text("samples.parquet"))];
        let table = SampleTable::read(&inputs, &ReadOptions::default()).unwrap();
        let of_prompt = |outcome: &Option<Outcome>| match outcome {
            Some(Outcome::Rewards(rewards)) => rewards.clone(),
            other => panic!("{other:?}"),
        };
        table.outcomes[0].iter().map(of_prompt).collect()
    }
}

#[test]
fn temperature_0_is_greedy_decoding() {
    let place = Place::new();
    let folder = golden("families/llama2");
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let prompts = expected["greedy_prompts"].as_array().unwrap();
    let responses = expected["greedy_responses"].as_array().unwrap();
    let line = |(prompt, response): (&Value, &Value)| serde_json::json!({"prompt": prompt, "response": response});
    let lines: Vec<Value> = prompts.iter().zip(responses).map(line).collect();
    let length = responses[0].as_array().unwrap().len().to_string();
    let flags = ["-k", "2", "--temperature", "0", "--max-tokens", &length];
    // The golden continuations do not heed end tokens; ours would stop there.
    let checkpoint = place.0.path().join("llama2");
    std::fs::create_dir(&checkpoint).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(folder.join(name), checkpoint.join(name)).unwrap();
    }
    let config = std::fs::read_to_string(checkpoint.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config.as_object_mut().unwrap().remove("eos_token_id");
    std::fs::write(checkpoint.join("config.json"), config.to_string()).unwrap();
    let output = place.sample(&checkpoint, &lines, &flags);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(place.rewards(), vec![vec![1.0, 1.0]; 8]);
    // At temperature 1 it hardly ever is.
    let output = place.sample(&checkpoint, &lines, &["-k", "2", "--max-tokens", &length]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(place.rewards(), vec![vec![0.0, 0.0]; 8]);
}

#[test]
fn several_lines_of_a_prompt_are_one_prompt() {
    let place = Place::new();
    let folder = golden("families/llama2");
    let line = |id: u32, prompt: [u32; 2], response: u32, number: u32| serde_json::json!({"prompt_id": id, "prompt": prompt, "response": [response], "response_id": number});
    let lines = [
        line(7, [3, 4], 5, 0),
        line(7, [3, 4], 6, 1),
        line(8, [4, 4], 5, 0),
    ];
    let flags = ["-k", "3", "--max-tokens", "1"];
    let output = place.sample(&folder, &lines, &flags);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output)
            .contains("note: 1 prompt with several right responses; verifiers take any of them"),
        "{}",
        said(&output)
    );
    assert_eq!(place.rewards().len(), 2);
    let output = breadth(&["pass", &place.text("samples.parquet"), "-k", "3", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let other = [line(7, [3, 4], 5, 0), line(7, [3, 5], 5, 1)];
    let output = place.sample(&folder, &other, &flags);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output)
            .contains("prompt_id 7: its lines with response_id 0 and 1 have different prompts"),
        "{}",
        said(&output)
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    let folder = golden("families/llama2");
    let lines = [serde_json::json!({"prompt": [3, 4], "response": [5]})];
    let refused = |flags: &[&str]| {
        let flags = [&["-k", "1", "--max-tokens", "4"], flags].concat();
        let output = place.sample(&folder, &lines, &flags);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        said(&output)
    };
    assert!(
        refused(&["--temperature=-1"]).contains("temperature: -1 is not a number of at least 0")
    );
    assert!(refused(&["--top-p", "1.5"]).contains("top-p: 1.5 is not above 0 and at most 1"));
    assert!(refused(&["--stop", "x"]).contains("--stop needs a tokenizer"));
    assert!(!Path::new(&place.text("samples.parquet")).exists());
}
