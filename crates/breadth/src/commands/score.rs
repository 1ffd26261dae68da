//! `breadth score`: log-probabilities of given responses.

use std::path::PathBuf;

use anyhow::Result;
use breadth_data::{refuse_folder, refuse_for_table};
use breadth_lm::decode::Ttt;
use breadth_lm::job::ScoreJob;
use breadth_lm::text::{Account, DataOptions};
use serde::Serialize;

use crate::command_line;
use crate::data::{self, DataFlags};
use crate::models::{Models, read_data};
use crate::number::count;
use crate::output::Output;
use crate::progress::Bar;

const EXAMPLES: &str = "\
Examples:
  # every checkpoint of a run on held-out responses
  breadth score runs/finetune --data heldout.jsonl -o scores.parquet

  # then: which one to take
  breadth select scores.parquet --best-of 16

  # two checkpoints, each token's log-probability kept
  breadth score ckpt-1000 ckpt-2000 --data heldout.jsonl --token-logprobs \\
    -o scores.parquet

  # the same checkpoints when they take a gradient step on every token that they
  # emit (test-time training)
  breadth score runs/finetune --data heldout.jsonl --ttt lr=0.1 \\
    -o scores-ttt.parquet

  # models behind servers, two of which share the work on one of them; each is
  # probed first
  breadth score openai:http://a:8000,http://b:8000/step-1000 \\
    openai:http://c:8000/step-2000 --tokenizer ckpt-1000 --data heldout.jsonl \\
    -o scores.parquet

  # conversations, as the model's chat template writes them; long ones are cut
  # on the left
  breadth score ckpt-1000 --data chats.jsonl --truncate left -o scores.parquet

A line of the data is {\"prompt\": .., \"response\": ..}, each text or a list of token ids, or {\"messages\": [{\"role\": .., \"content\": ..}, ..]}, whose \
last message of the assistant is the response; with optional prompt_id, response_id, answer, group and weight, \
and, beside a conversation, tools and chat_template_kwargs. What was done about end tokens, \
boundaries and length is said at the end. A killed command goes on where it was when run again.";

/// Score given responses under models: log q(y|x), as a score table
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    models: Models,
    /// JSON Lines of prompts and responses
    #[arg(long, required = true, value_name = "FILE", num_args = 1..)]
    data: Vec<PathBuf>,
    /// Where the score table goes (Parquet)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Keep the log-probability of every token
    #[arg(long)]
    token_logprobs: bool,
    /// Test-time training along every response: lr=STEP and set=head (default), last-block, all or
    /// low-rank:R
    #[arg(long, value_name = "lr=..,set=..")]
    ttt: Option<Ttt>,
    #[command(flatten)]
    tokens: DataFlags,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    command: &'static str,
    output: PathBuf,
    models: Vec<String>,
    rows: usize,
    /// What was done to the data on its way to token ids.
    data: Account,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    refuse_folder(&arguments.output)?;
    let chosen = arguments.models.find(output)?;
    chosen.warn(output);
    chosen.refuse_overwriting(&arguments.output, &arguments.data)?;
    refuse_for_table(&arguments.output)?;
    let base = chosen.base.as_deref();
    let options = DataOptions {
        one_prompt_per_id: true,
        ..arguments.tokens.options(&chosen.tokenizers[0], base, 0)?
    };
    let (_, data) = read_data(&chosen.tokenizers, base, &arguments.data, &options)?;
    data::warn(&data.account, output);
    let mut bar = Bar::new("score", output).of_models(&chosen.names());
    let job = ScoreJob {
        models: &chosen.models,
        items: &data.items,
        references: &[],
        out: &arguments.output,
        token_log_probs: arguments.token_logprobs,
        ttt: arguments.ttt.as_ref(),
        command: &command_line::text(),
    };
    let finished = job.run(&mut |progress| bar.part(progress))?;
    bar.finish();
    data::warn_finished(&finished, output);
    let document = Document {
        schema: 1,
        command: "score",
        output: arguments.output.clone(),
        rows: chosen.models.len() * data.items.len(),
        models: chosen.names(),
        data: data.account,
    };
    output.result(&document, |_| {
        let (models, rows) = (document.models.len(), document.rows);
        let mut lines = vec![format!(
            "wrote {} ({}, {})",
            document.output.display(),
            count(models, "model"),
            count(rows, "row"),
        )];
        lines.push(document.data.end_token.sentence());
        // Without remarks on stderr they are said here.
        lines.extend(
            document
                .data
                .warnings()
                .into_iter()
                .filter(|_| output.quiet),
        );
        lines.join("\n")
    })?;
    let out = command_line::quoted(&arguments.output);
    output.next(&match document.models.len() {
        1 => format!("breadth reach {out}"),
        _ => format!("breadth select {out}"),
    });
    Ok(())
}
