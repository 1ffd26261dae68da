//! `breadth sample`: responses drawn from models.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use breadth_lm::decode::verifier::Verifier;
use breadth_lm::decode::{SampleJob, Ttt};
use breadth_lm::text::Responses;
use serde::Serialize;

use crate::models::{Models, command_line, read_data};
use crate::output::Output;
use crate::progress::Bar;

const EXAMPLES: &str = "\
Examples:
  # 64 responses per prompt from every checkpoint, right if equal to the line's response
  breadth sample runs/finetune --prompts heldout.jsonl -k 64 --verifier exact -o samples.parquet

  # then: Pass@k
  breadth pass samples.parquet

  # graph search: any path from source to target counts
  breadth sample runs/paths --prompts graphs.jsonl -k 16 --verifier valid-path -o samples.parquet

  # with a gradient step on every token drawn, undone at the end of each response
  breadth sample runs/finetune --prompts heldout.jsonl -k 64 --ttt lr=0.1 -o samples-ttt.parquet

  # from a model behind a server
  breadth sample vllm:http://localhost:8000/step-1000 --tokenizer ckpt-1000 --prompts heldout.jsonl -k 64 -o samples.parquet

Sampling is at temperature 1; the table has every response's log-probability under the model that drew it. A killed command goes \
on where it was when run again.";

/// Draw K responses per prompt from models, with rewards, as a sample table
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    models: Models,
    /// JSON Lines of prompts (and responses, for --verifier exact)
    #[arg(long, required = true, value_name = "FILE", num_args = 1..)]
    prompts: Vec<PathBuf>,
    /// Responses per prompt
    #[arg(short, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,
    /// Where the sample table goes (Parquet)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What gives the reward: exact, valid-path, or policy:TRAIN.toml
    #[arg(long, value_name = "V", default_value = "exact")]
    verifier: String,
    /// Longest response in tokens [default: max_new_tokens of the model's generation_config.json]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,
    /// Keep the text of every response
    #[arg(long)]
    text: bool,
    /// Test-time training along every response: lr=STEP and set=head (default), last-block, all or low-rank:R
    #[arg(long, value_name = "lr=..,set=..")]
    ttt: Option<Ttt>,
    /// Seed; the same seed gives the same responses
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

#[derive(Serialize)]
struct Document {
    command: &'static str,
    output: PathBuf,
    models: Vec<String>,
    prompts: usize,
    samples: u32,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let chosen = arguments.models.find()?;
    let verifier = Verifier::parse(&arguments.verifier)?;
    let (text, items) = read_data(&chosen.tokenizers, &arguments.prompts, Responses::Optional)?;
    let generation = Generation::read(&chosen.tokenizers[0])?;
    let max_tokens = arguments
        .max_tokens
        .or(generation.max_new_tokens)
        .ok_or_else(|| {
            let folder = chosen.tokenizers[0].display();
            anyhow!("{folder}/generation_config.json has no max_new_tokens; say --max-tokens T")
        })?;
    let mut bar = Bar::new("sample", output);
    let job = SampleJob {
        models: &chosen.models,
        items: &items,
        samples: arguments.k as usize,
        max_tokens: max_tokens as usize,
        end_tokens: &generation.end_tokens,
        seed: arguments.seed,
        ttt: arguments.ttt.as_ref(),
        verifier: &verifier,
        text: arguments.text.then_some(&text),
        out: &arguments.output,
        command: &command_line(),
    };
    job.run(&mut |progress| bar.part(progress))?;
    bar.finish();
    let document = Document {
        command: "sample",
        output: arguments.output.clone(),
        models: chosen.names(),
        prompts: items.len(),
        samples: arguments.k,
    };
    output.result(&document, |_| {
        let Document {
            models,
            prompts,
            samples,
            output,
            ..
        } = &document;
        let models = models.len();
        format!(
            "wrote {} ({models} models, {prompts} prompts, {samples} samples each)",
            output.display()
        )
    })
}

/// What a checkpoint's `generation_config.json` says about when a response ends.
#[derive(Default)]
struct Generation {
    max_new_tokens: Option<u32>,
    end_tokens: Vec<u32>,
}

impl Generation {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("generation_config.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(Self::default());
        };
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|e| anyhow!("{} is not JSON: {e}", path.display()))?;
        let token = |v: &serde_json::Value| v.as_u64().and_then(|id| u32::try_from(id).ok());
        let end = &value["eos_token_id"];
        let several = end.as_array().into_iter().flatten().filter_map(token);
        Ok(Self {
            max_new_tokens: token(&value["max_new_tokens"]),
            end_tokens: token(end).into_iter().chain(several).collect(),
        })
    }
}
