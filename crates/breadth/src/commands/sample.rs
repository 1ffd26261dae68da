//! `breadth sample`: responses drawn from models.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use breadth_data::{refuse_folder, refuse_for_table};
use breadth_lm::decode::Ttt;
use breadth_lm::generation::{MOST_SAMPLES, Sampling, Stop};
use breadth_lm::job::SampleJob;
use breadth_lm::text::{self, Account, Generation, Item, Text};
use breadth_lm::verifier::{Tally, Verifier};
use serde::Serialize;

use crate::arguments;
use crate::command_line;
use crate::data::{self, DataFlags};
use crate::models::{Models, read_data};
use crate::number::count;
use crate::output::Output;
use crate::progress::Bar;

const EXAMPLES: &str = "\
Examples:
  # 64 responses per prompt from every checkpoint, right if equal to the line's
  # response
  breadth sample runs/finetune --prompts heldout.jsonl -k 64 --verifier exact \\
    -o samples.parquet

  # then: Pass@k
  breadth pass samples.parquet

  # graph search: any path from source to target counts
  breadth sample runs/paths --prompts graphs.jsonl -k 16 --verifier valid-path \\
    -o samples.parquet

  # mathematics answers in \\boxed{..}, compared with the line's `answer`
  breadth sample runs/finetune --prompts math.jsonl -k 64 --max-tokens 512 \\
    --verifier boxed --text -o samples.parquet

  # a grader of your own: a line of JSON in for each response, {\"reward\": 0.5}
  # out
  breadth sample runs/finetune --prompts math.jsonl -k 64 \\
    --verifier 'command:python3 grade.py' -o samples.parquet

  # with a gradient step on every token drawn, undone at the end of each
  # response
  breadth sample runs/finetune --prompts heldout.jsonl -k 64 --ttt lr=0.1 \\
    -o samples-ttt.parquet

  # from a model behind a server
  breadth sample vllm:http://localhost:8000/step-1000 --tokenizer ckpt-1000 \\
    --prompts heldout.jsonl -k 64 -o samples.parquet

  # colder, from the likeliest tokens only, up to the end of a line
  breadth sample runs/finetune --prompts heldout.jsonl -k 64 --temperature 0.7 \\
    --top-p 0.95 --stop '\\n' -o samples.parquet

Lines of one prompt_id are one prompt: K responses are drawn to it. The table has every response's log-probability under the model itself, whatever the \
temperature and the cuts. A killed command goes on where it was when run again.";

fn verifier_help() -> String {
    let mut kinds: Vec<String> = Verifier::all()
        .map(|(usage, help)| match help {
            "" => usage.to_owned(),
            help => format!("{usage} ({help})"),
        })
        .collect();
    let last = kinds.pop().unwrap_or_default();
    format!(
        "What gives the reward: {} or {last}. Several lines of one prompt are several right answers",
        kinds.join(", ")
    )
}

/// Draw K responses per prompt from models, with rewards, as a sample table
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    models: Models,
    /// JSON Lines of prompts (and `answer` or responses, for verifiers that compare)
    #[arg(long, required = true, value_name = "FILE", num_args = 1..)]
    prompts: Vec<PathBuf>,
    /// Responses per prompt
    #[arg(short, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=MOST_SAMPLES as i64))]
    k: u32,
    /// Where the sample table goes (Parquet)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "V", default_value = "exact", help = verifier_help(), value_parser = arguments::VerifierName, hide_possible_values = true)]
    verifier: String,
    /// Seconds that the program of command:PROGRAM may take for one response
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = arguments::seconds)]
    verifier_timeout: Duration,
    /// Longest response in tokens [default: max_new_tokens of the model's generation_config.json;
    /// 256, or what the model still takes after the longest prompt, if it names none]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,
    /// Divides the logits; 0 takes the likeliest token. Coverage and Pass@k are about temperature 1
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// Draw from the likeliest tokens only: so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top_k: Option<u32>,
    /// Draw from the likeliest tokens only: the fewest that have this probability together
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Strings that end a response, beside end tokens; \n is a line break
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    stop: Vec<String>,
    /// Keep the text of every response, without special tokens
    #[arg(long)]
    text: bool,
    /// Test-time training along every response: lr=STEP and set=head (default), last-block, all or
    /// low-rank:R
    #[arg(long, value_name = "lr=..,set=..")]
    ttt: Option<Ttt>,
    /// Seed; the same seed gives the same responses
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    tokens: DataFlags,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    command: &'static str,
    output: PathBuf,
    models: Vec<String>,
    prompts: usize,
    samples: u32,
    /// Longest response in tokens.
    max_tokens: u32,
    /// The tokens that end a response.
    end_tokens: Vec<u32>,
    /// What was done to the data on its way to token ids.
    data: Account,
    /// How often the verifier's program failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    verifier: Option<Tally>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    refuse_folder(&arguments.output)?;
    let chosen = arguments.models.find(output)?;
    chosen.warn(output);
    let verifier = Verifier::parse(&arguments.verifier)?.with_timeout(arguments.verifier_timeout);
    let inputs = [&arguments.prompts[..], &verifier.files()].concat();
    chosen.refuse_overwriting(&arguments.output, &inputs)?;
    refuse_for_table(&arguments.output)?;
    let (folder, base) = (&chosen.tokenizers[0], chosen.base.as_deref());
    let generation = Generation::read_on(folder, base)?;
    let told = arguments.max_tokens.or(generation.max_new_tokens);
    // Without a limit on prompts, how long responses may be follows from the prompts.
    let reserved = if arguments.tokens.has_limit() {
        Generation::DEFAULT_MAX_TOKENS
    } else {
        1
    };
    let options = arguments
        .tokens
        .options(folder, base, told.unwrap_or(reserved) as usize)?;
    let (text, data) = read_data(&chosen.tokenizers, base, &arguments.prompts, &options)?;
    data::warn(&data.account, output);
    let (items, differing) = text::one_per_prompt(data.items)?;
    if differing > 0 && verifier.compares() {
        output.remark(&format!(
            "note: {} with several right responses; verifiers take any of them",
            count(differing, "prompt")
        ));
    }
    let max_tokens = told.unwrap_or_else(|| default_max_tokens(&generation, &items, output));
    let sampling = Sampling {
        max_tokens: max_tokens as usize,
        end_tokens: data.end_tokens.clone(),
        stop: arguments.stop(folder, base)?,
        ..arguments.sampling()
    };
    let mut bar = Bar::new("sample", output).of_models(&chosen.names());
    let job = SampleJob {
        models: &chosen.models,
        items: &items,
        sampling,
        ttt: arguments.ttt.as_ref(),
        verifier: &verifier,
        text: Some(&text),
        keep_text: arguments.text,
        out: &arguments.output,
        command: &command_line::text(),
    };
    let finished = job.run(&mut |progress| bar.part(progress))?;
    bar.finish();
    data::warn_finished(&finished, output);
    let document = Document {
        schema: 1,
        command: "sample",
        output: arguments.output.clone(),
        models: chosen.names(),
        prompts: items.len(),
        samples: arguments.k,
        max_tokens,
        end_tokens: data.end_tokens,
        data: data.account,
        verifier: finished.tally,
    };
    output.result(&document, |_| document.text(output.quiet))?;
    output.next(&format!(
        "breadth pass {}",
        command_line::quoted(&arguments.output)
    ));
    Ok(())
}

/// Longest response where neither the command nor the model says, and a note of it.
fn default_max_tokens(generation: &Generation, items: &[Item], output: &Output) -> u32 {
    let longest = items.iter().map(|item| item.prompt.len()).max();
    let max_tokens = generation.default_max_tokens(longest.unwrap_or(0));
    output.remark(&format!(
        "note: responses have at most {max_tokens} tokens, as the model's generation_config.json \
         names no max_new_tokens; --max-tokens T changes it"
    ));
    max_tokens
}

impl Arguments {
    /// What the flags alone say of the sampling.
    fn sampling(&self) -> Sampling {
        Sampling {
            samples: self.k as usize,
            temperature: self.temperature,
            top_k: self.top_k.map(|k| k as usize),
            top_p: self.top_p,
            seed: self.seed,
            ..Sampling::default()
        }
    }

    fn stop(&self, folder: &Path, base: Option<&Path>) -> Result<Option<Stop>> {
        if self.stop.is_empty() {
            return Ok(None);
        }
        let text = Text::of_checkpoint_on(folder, base)?;
        if text.vocab_size().is_none() {
            bail!(
                "--stop needs a tokenizer, and there is no {}/tokenizer.json",
                folder.display()
            );
        }
        if self.stop.iter().any(String::is_empty) {
            bail!("--stop '' would end every response at once");
        }
        let strings = self.stop.iter().map(|s| s.replace("\\n", "\n")).collect();
        let tokenizer = text.tokenizer_hash().unwrap_or_default().to_owned();
        let stop = Stop::new(strings, move |ids| text.decode_plain(ids));
        Ok(Some(stop.decoded_by(tokenizer)))
    }
}

impl Document {
    /// Warnings are said here where there were no remarks on stderr.
    fn text(&self, is_quiet: bool) -> String {
        let wrote = format!(
            "wrote {} ({}, {}, {} each)",
            self.output.display(),
            count(self.models.len(), "model"),
            count(self.prompts, "prompt"),
            count(self.samples as usize, "sample"),
        );
        let mut lines = vec![wrote];
        lines.extend(self.data.warnings().into_iter().filter(|_| is_quiet));
        lines.extend(
            self.verifier
                .and_then(|tally| arguments::failures(tally).sentence()),
        );
        lines.join("\n")
    }
}
