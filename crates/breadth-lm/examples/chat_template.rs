//! Conversations through chat templates, for comparison with transformers: JSON Lines in, JSON
//! Lines out.
//!
//! A line is `{"template": .., "tokens": {..}, "messages": [..], "add_generation_prompt": ..}`,
//! `messages` as JSON text; for each comes `{"text": ..}` or `{"raises": ..}`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, Write};

use breadth_lm::text::ChatTemplate;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Case {
    template: String,
    tokens: BTreeMap<String, String>,
    messages: String,
    add_generation_prompt: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let template = ChatTemplate::new(case.template, case.tokens, "template");
        let answer = match template.render_json(&case.messages, case.add_generation_prompt) {
            Ok(text) => json!({ "text": text }),
            Err(error) => json!({ "raises": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
