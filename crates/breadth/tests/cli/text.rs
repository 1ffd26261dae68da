//! Text, conversations and verifiers through the commands that take them.

use breadth_data::{ReadOptions, ScoreTable};
use insta::assert_snapshot;

use crate::support::Folder;

const TRAIN: &str = r#"
[data]
files = ["train.jsonl"]
tokenizer = "tokenizer/tokenizer.json"
end_token = "auto"
[model]
layers = 1
width = 32
heads = 4
positions = 48
[train]
steps = 2
batch_size = 2
checkpoint_every = 2
"#;

const TEXTS: &str = r#"{"prompt": "What is 12 + 30?", "response": " 42", "answer": 42}
{"prompt": "the us", "response": "er and", "answer": "7", "prompt_id": "merged"}
{"messages": [{"role": "user", "content": "12?"}, {"role": "assistant", "content": "42"}], "prompt_id": "chat"}
{"prompt": [50, 51], "response": [52], "answer": "1", "prompt_id": "ids"}
"#;

/// A checkpoint of a small model of text, trained for two steps.
fn trained(config: &str) -> Folder {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/text/");
    let read = |name: &str| std::fs::read(format!("{golden}{name}")).unwrap();
    let folder = Folder::with(&[
        ("train.jsonl", TEXTS),
        ("data.jsonl", TEXTS),
        ("train.toml", config),
        (
            "tokenizer/tokenizer_config.json",
            r#"{"eos_token": "<|im_end|>"}"#,
        ),
        (
            "tokenizer/generation_config.json",
            r#"{"eos_token_id": 9, "max_new_tokens": 6}"#,
        ),
    ]);
    folder.write("tokenizer/tokenizer.json", &read("byte_level.json"));
    folder.write(
        "tokenizer/chat_template.jinja",
        &read("templates/chatml.jinja"),
    );
    folder
        .run(&["train", "train.toml", "--out", "run", "-q"])
        .success();
    folder
}

const MODEL: &str = "run/checkpoints/step-000002";

fn tokens(folder: &Folder, table: &str) -> Vec<u32> {
    let options = ReadOptions {
        tokens: true,
        ..ReadOptions::default()
    };
    let table = ScoreTable::read(&[folder.path(table)], &options).unwrap();
    table.tokens.unwrap()
}

#[test]
fn what_was_done_to_the_data_is_said() {
    let folder = trained(TRAIN);
    let score = |more: &[&str]| {
        let all = [
            &[
                "score",
                MODEL,
                "--data",
                "data.jsonl",
                "-o",
                "scores.parquet",
                "-q",
            ],
            more,
        ]
        .concat();
        folder.run(&all)
    };
    assert_snapshot!(score(&[]).success(), @"
    wrote scores.parquet (1 model, 4 rows)
    end token (auto; token 9): appended to 3 responses, 0 had one, 1 have none
    at 1 of 3 boundaries the tokens of prompt and response merge differently in one piece (data.jsonl, line 2: [101, 278, 307, 276, 310] apart, [101, 278, 315, 310] in one piece); they are tokenised apart; boundary = joint takes the ids of one piece
    ");
    let auto = tokens(&folder, "scores.parquet");
    let document = score(&["--end-token", "always", "--json"]).json();
    assert_eq!(document["data"]["end_token"]["appended"], 4);
    let always = tokens(&folder, "scores.parquet");
    score(&["--end-token", "never"]).success();
    let never = tokens(&folder, "scores.parquet");
    let plus = |more: [u32; 4]| {
        never
            .iter()
            .zip(more)
            .map(|(n, more)| n + more)
            .collect::<Vec<u32>>()
    };
    assert_eq!((auto, always), (plus([1, 1, 1, 0]), plus([1; 4])));
    assert_snapshot!(score(&["--max-length", "4"]).failure(1), @"error: data.jsonl, line 1: 9 tokens of prompt and response; at most 4 are allowed; shorten it, or have it cut: truncate = left or right");
    assert_snapshot!(score(&["--max-length", "2", "--truncate", "left"]).failure(1), @"error: data.jsonl, line 1: the response has 2 tokens, which leaves no room for a prompt within 2; responses are never cut");
    assert_snapshot!(score(&["--boundary", "joint"]).failure(1), @"error: data.jsonl, line 2: boundary = joint: the last tokens of the prompt merge with the response ([101, 278, 307] alone, [101, 278, 315, 310] in one piece); move the white space at the boundary, or take boundary = separate");
    let cut = score(&["--max-length", "9", "--truncate", "right", "--json"]).json();
    assert_eq!(cut["data"]["cut"]["max_length"], 9);
    // A warning comes before the work.
    let loud = folder.run(&[
        "score",
        MODEL,
        "--data",
        "data.jsonl",
        "-o",
        "scores.parquet",
    ]);
    assert!(
        loud.stderr.contains("warning: at 1 of 3 boundaries"),
        "{}",
        loud.stderr
    );
    // And is not said again.
    let said = loud.stderr + &loud.stdout;
    assert_eq!(said.matches("at 1 of 3 boundaries").count(), 1, "{said}");
}

#[test]
fn samples_are_judged_by_a_program_and_anew_by_others() {
    let folder = trained(TRAIN);
    folder.write(
        "grade.sh",
        b"while read -r line; do case \"$line\" in *'\"chat\"'*'\"response_id\":\"0\"'*) exit 1;; *'\"response_id\":\"1\"'*) echo '{\"reward\": 0.5, \"answer\": \"x\"}';; *) echo '{\"reward\": true}';; esac; done",
    );
    let sample = [
        "sample",
        MODEL,
        "--prompts",
        "data.jsonl",
        "-k",
        "3",
        "--text",
        "-o",
        "samples.parquet",
        "-q",
    ];
    let said = folder
        .run(&[&sample[..], &["--verifier", "command:sh grade.sh"]].concat())
        .success();
    assert_snapshot!(said, @r"
    wrote samples.parquet (1 model, 4 prompts, 3 samples each)
    at 1 of 3 boundaries the tokens of prompt and response merge differently in one piece (data.jsonl, line 2: [101, 278, 307, 276, 310] apart, [101, 278, 315, 310] in one piece); they are tokenised apart; boundary = joint takes the ids of one piece
    the verifier's program failed on 1 of 12 responses, which got reward 0: 1 times it ended, 0 times it took too long
    ");
    let pass = folder
        .run(&["pass", "samples.parquet", "-k", "1", "--majority", "--json"])
        .json();
    let model = &pass["models"][0];
    // The three responses to a prompt get 1, 0.5, 1, and the answers "", "x", ""; on the first to
    // one prompt the program crashes.
    let value = |point: &serde_json::Value| point["value"].as_f64().unwrap();
    assert!((value(&model["pass"][0]) - 0.75).abs() < 1e-12, "{pass}");
    assert!(
        (value(&model["majority"][0]) - 0.75).abs() < 1e-12,
        "{pass}"
    );
    let again = folder
        .run(&[
            "pass",
            "samples.parquet",
            "--verifier",
            "regex:(?s)(.*)",
            "--data",
            "data.jsonl",
            "--json",
        ])
        .json();
    assert_eq!(again["regraded"]["judged"], 12, "{again}");
    assert_eq!(again["regraded"]["changed"], 11);
}

#[test]
fn texts_of_any_table_are_judged_anew() {
    let row = |prompt: &str, response: u32, text: &str| {
        serde_json::json!({"model": "m", "prompt_id": prompt, "response_id": response, "reward": 0, "text": text}).to_string()
    };
    let rows = [
        row("a", 0, "so \\boxed{\\frac12}"),
        row("a", 1, "so \\boxed{0.5}"),
        row("a", 2, "no box"),
        row("b", 0, "\\boxed{\\{2,1\\}}"),
        row("b", 1, "\\boxed{3}"),
        row("b", 2, "\\boxed{3.0}"),
    ];
    let folder = Folder::with(&[
        ("samples.jsonl", &rows.join("\n")),
        (
            "data.jsonl",
            "{\"prompt_id\": \"a\", \"prompt\": \"?\", \"answer\": 0.5}\n{\"prompt_id\": \"b\", \"prompt\": \"?\", \"response\": \"it is \\\\boxed{\\\\{1, 2\\\\}}\"}\n",
        ),
        (
            "partial.jsonl",
            "{\"prompt_id\": \"a\", \"prompt\": \"?\", \"answer\": 0.5}\n",
        ),
    ]);
    let pass = |more: &[&str]| folder.run(&[&["pass", "samples.jsonl", "-k", "1"], more].concat());
    let boxed = ["--verifier", "boxed", "--data", "data.jsonl", "--majority"];
    assert_snapshot!(pass(&boxed).success(), @r"
    Pass@k: probability that at least one of k samples is right, averaged over prompts

     model                Pass@1
    ─────────────────────────────
     m      0.500 [0.075, 0.925]

    Majority vote: mean reward of the most frequent answer among k samples; responses without an answer agree on nothing

     model                 maj@1
    ─────────────────────────────
     m      0.500 [0.075, 0.925]

    Judged anew by boxed: 6 responses, 3 rewards are others than in the table.
    2 prompts, 3 samples of each; prompts weighted: equal; 95% intervals over prompts, with more digits in --json
    ");
    let document = pass(&[&boxed[..], &["--json"]].concat()).json();
    assert_eq!(
        document["models"][0]["pass"][0]["value"], 0.5,
        "2 of 3 and 1 of 3"
    );
    assert_eq!(document["models"][0]["majority"][0]["value"], 0.5);
    assert_eq!(document["regraded"]["changed"], 3);
    assert_snapshot!(pass(&["--verifier", "boxed", "--data", "partial.jsonl"]).failure(1), @"error: --data has no line with prompt_id b, which the table has samples of; add it");
    assert_snapshot!(pass(&["--verifier", "exact", "--data", "data.jsonl"]).failure(1), @"error: --verifier exact compares tokens, and the table has text; use text, number, boxed, regex or command");
    assert_snapshot!(pass(&["--verifier", "regex:q(x)", "--data", "data.jsonl"]).failure(1), @"error: prompt_id b: has a response, which stands for the answer, that the pattern does not match; give `answer`");
    assert_snapshot!(pass(&["--verifier", "boxed"]).failure(1), @"error: prompt a: the table has no right answer to it (column `gold`; a column `answer` is what each response answers); give the answers with --data FILE");
    folder.write(
        "several.jsonl",
        b"{\"prompt_id\": \"a\", \"prompt\": \"?\", \"answer\": 0.5}\n{\"prompt_id\": \"b\", \"prompt\": \"?\", \"answer\": \"\\\\{1,2\\\\}\"}\n{\"prompt_id\": \"b\", \"prompt\": \"?\", \"answer\": 3}\n",
    );
    let several = pass(&["--verifier", "boxed", "--data", "several.jsonl", "--json"]).json();
    assert_eq!(several["regraded"]["several"], 1);
    let value = several["models"][0]["pass"][0]["value"].as_f64().unwrap();
    assert!(
        (value - 5.0 / 6.0).abs() < 1e-12,
        "2 of 3 and 3 of 3: {value}"
    );
    assert_snapshot!(pass(&["--verifier", "number", "--data", "several.jsonl"]).failure(1), @r"error: prompt_id b: has the answer `\{1,2\}`, which is not one number; the verifier number compares numbers: use boxed (fractions, tuples, sets, expressions) or text, or give the number alone");
    folder.write(
        "samples.jsonl",
        b"{\"model\": \"m\", \"prompt_id\": \"a\", \"response_id\": 0, \"reward\": 1}",
    );
    assert_snapshot!(pass(&boxed).failure(1), @"error: samples.jsonl, line 1, column `text`: no value, and --verifier judges texts; breadth sample keeps them with --text: draw the samples again, or leave out --verifier if their rewards are the right ones");
}

#[test]
fn reinforcement_takes_the_same_verifiers() {
    let rl = "[rl]\ngroup = 2\nmax_tokens = 4\nverifier = 'VERIFIER'\n";
    let folder = trained(TRAIN);
    let answers: Vec<&str> = TEXTS.lines().take(2).collect();
    folder.write("answers.jsonl", answers.join("\n").as_bytes());
    folder.write(
        "one.sh",
        b"while read -r line; do echo '{\"reward\": 1}'; done",
    );
    let config = TRAIN.replace("\"train.jsonl\"", "\"answers.jsonl\"");
    for (i, verifier) in ["number", "regex:(.)", "command:sh one.sh"]
        .into_iter()
        .enumerate()
    {
        let config = format!("{config}{}", rl.replace("VERIFIER", verifier));
        folder.write("rl.toml", config.as_bytes());
        let out = format!("rl-{i}");
        folder
            .run(&["train", "rl.toml", "--out", &out, "-q"])
            .success();
        let template = format!("{out}/checkpoints/step-000002/chat_template.jinja");
        assert!(folder.path(&template).is_file());
    }
    let refused = format!("{TRAIN}{}", rl.replace("VERIFIER", "boxed"));
    folder.write("rl.toml", refused.as_bytes());
    let message = folder
        .run(&["train", "rl.toml", "--out", "rl", "-q"])
        .failure(1);
    assert!(
        message.contains("prompt_id chat: has no \\boxed{..} in its response"),
        "{message}"
    );
    assert!(!folder.path("rl").exists());
}
