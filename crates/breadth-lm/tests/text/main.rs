//! Data as people have it to token ids: conversations against transformers, boundaries, ends, cuts,
//! and what is refused.

mod conversations;
mod refused;
mod tokens;

use std::path::{Path, PathBuf};

use breadth_lm::text::{Data, DataOptions, Item, Responses, Text, read_data};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/text")
        .join(name)
}

fn read_json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(golden(name)).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap() as u32)
        .collect()
}

/// A checkpoint folder without weights, and data files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(tokenizer: &Value) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("tokenizer.json", &tokenizer.to_string());
        folder
    }

    /// One of the families of `make.py`.
    fn family(family: &Value) -> Self {
        let mut tokenizer = read_json("byte_level.json");
        tokenizer["post_processor"] = family["post_processor"].clone();
        let folder = Self::new(&tokenizer);
        let template = format!("templates/{}.jinja", family["name"].as_str().unwrap());
        folder.write(
            "chat_template.jinja",
            &std::fs::read_to_string(golden(&template)).unwrap(),
        );
        for name in ["tokenizer_config", "generation_config"] {
            folder.write(&format!("{name}.json"), &family[name].to_string());
        }
        folder
    }

    fn named(name: &str) -> Self {
        let families = read_json("expected.json")["families"].clone();
        let family = families
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["name"] == name);
        Self::family(family.unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn text(&self) -> Text {
        Text::of_checkpoint(self.0.path()).unwrap()
    }

    fn data(&self, lines: &[Value], options: &DataOptions) -> Result<Data, String> {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        self.read(&lines.join("\n"), options)
    }

    fn read(&self, lines: &str, options: &DataOptions) -> Result<Data, String> {
        self.write("data.jsonl", lines);
        let read = read_data(&[self.0.path().join("data.jsonl")], &self.text(), options);
        let folder = self.0.path().display().to_string();
        read.map_err(|e| e.to_string().replace(&folder, "DIR"))
    }

    fn items(&self, lines: &[Value]) -> Vec<Item> {
        self.data(lines, &optional()).unwrap().items
    }

    fn refusal(&self, line: Value) -> String {
        self.data(&[line], &DataOptions::default()).unwrap_err()
    }
}

fn optional() -> DataOptions {
    DataOptions {
        responses: Responses::Optional,
        ..DataOptions::default()
    }
}

fn families() -> Vec<Value> {
    read_json("expected.json")["families"]
        .as_array()
        .unwrap()
        .clone()
}
