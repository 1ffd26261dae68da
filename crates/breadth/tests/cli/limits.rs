//! Inputs that mean harm, and outputs over inputs: what is refused before anything is done.

use std::io::Write;
use std::path::Path;

use insta::assert_snapshot;

use crate::support::{Folder, counts};

/// A case of `tests/cases/hostile`.
fn hostile(name: &str) -> Folder {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/hostile");
    let folder = Folder::new();
    folder.write(name, &std::fs::read(cases.join(name)).expect("a case"));
    folder
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(text).expect("memory");
    packed.finish().expect("memory")
}

const ROW: &str = "{\"model\":\"a\",\"prompt_id\":1,\"logprob\":-1}\n";

#[test]
fn parquet_files_that_hold_more_than_they_are_long() {
    let text = hostile("str1g.parquet")
        .run(&["select", "str1g.parquet"])
        .failure(1);
    assert_snapshot!(text, @"error: str1g.parquet: 1073741859 bytes of column `prompt_id` out of 32825 compressed ones, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
    let list = hostile("list1e8.parquet");
    assert_snapshot!(list.run(&["profile", "list1e8.parquet", "-r", "a", "--tokens"]).failure(1), @"error: list1e8.parquet: 100000000 items in the lists of column `token_logprobs.list.element`, in 112 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
}

#[test]
fn the_panic_of_a_library_is_not_shown() {
    let name = "parquet-panic-trace.parquet";
    let ran = hostile(name).run(&["select", name]);
    assert_eq!(
        (ran.status, ran.stderr.lines().count()),
        (1, 1),
        "{}",
        ran.stderr
    );
    let start = "error: parquet-panic-trace.parquet: not readable as Parquet";
    assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
}

#[test]
fn lines_that_do_not_end() {
    let folder = Folder::new();
    let small = ["--max-record-bytes", "65536"];
    let long = format!("{ROW}{{\"model\":\"{}", "a".repeat(70_000));
    let ran = |name: &str| {
        folder
            .run(&[&["select", name][..], &small].concat())
            .failure(1)
    };
    folder.write("a.jsonl", long.as_bytes());
    assert_snapshot!(ran("a.jsonl"), @"error: a.jsonl, line 2: a line of more than 65536 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 65536)");
    assert_snapshot!(folder.pipe(&long, &[&["select", "-"][..], &small].concat()).failure(1), @"error: stdin, line 2: a line of more than 65536 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 65536)");
    folder.write(
        "a.csv",
        format!("model,prompt_id,logprob\na,\"{}", "x".repeat(70_000)).as_bytes(),
    );
    assert_snapshot!(ran("a.csv"), @"error: a.csv: a record of more than 65536 bytes before line 3, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 65536)");
    let log = format!(
        "{{\"input\":\"q\",\"output\":\"{}\",\"score\":1}}\n",
        "x".repeat(70_000)
    );
    folder.write("1.jsonl", log.as_bytes());
    let import = ["import", "1.jsonl", "-o", "out.parquet"];
    assert_snapshot!(folder.run(&[&import[..], &small].concat()).failure(1), @"error: 1.jsonl, line 1: a line of more than 65536 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 65536)");
    folder.run(&import).success();
}

/// A text that is a thousand times as long as its file.
#[test]
fn texts_out_of_nothing() {
    let folder = Folder::new();
    folder.write("a.jsonl.gz", &gzip(ROW.repeat(30_000).as_bytes()));
    let ran = folder.run(&["select", "a.jsonl.gz", "--max-record-bytes", "65536"]);
    assert_snapshot!(ran.failure(1), @"error: a.jsonl.gz, line 6395: a text of more than 262144 bytes out of 854 compressed ones, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 65536)");
    let mut line = b"{\"model\":\"".to_vec();
    line.resize(40 << 20, b'a');
    folder.write("line.jsonl.gz", &gzip(&line));
    assert_snapshot!(folder.run(&["select", "line.jsonl.gz"]).failure(1), @"error: line.jsonl.gz, line 1: a line of more than 33554432 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
    let zeros = format!(
        "{{\"status\":\"success\",\"eval\":{{\"task\":\"t\",\"model\":\"m\"}},\"samples\":[{{\"id\":1,\"scores\":{{\"s\":{{\"value\":[{}0]}}}}}}]}}",
        "0,".repeat(1 << 18)
    );
    folder.write("zeros.json", zeros.as_bytes());
    let ran = folder.run(&["pass", "zeros.json", "--max-record-bytes", "65536"]);
    assert_snapshot!(ran.failure(1), @"error: zeros.json: its values take more than 2097560 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 65536)");
}

#[test]
fn texts_that_end_inside_of_a_quote() {
    let folder = Folder::with(&[(
        "a.csv",
        "model,prompt_id,logprob\na,\"1,\"\"x\"\"\",-1\na,\"2,-1\na,3,-2\n",
    )]);
    assert_snapshot!(folder.run(&["select", "a.csv"]).failure(1), @"error: a.csv, line 3: the file ends inside of the quoted field that begins here; it may be truncated: copy it again, or close the quote");
}

#[test]
fn a_name_twice_in_one_object() {
    let folder = Folder::with(&[
        (
            "1.jsonl",
            "{\"input\":\"q\",\"output\":\"a\",\"score\":1}\n{\"input\":\"q\",\"output\":\"a\",\"score\":0,\"score\":1}\n",
        ),
        (
            "a.jsonl",
            "{\"model\":\"a\",\"prompt_id\":1,\"response_id\":0,\"reward\":0,\"reward\":1}\n",
        ),
    ]);
    assert_snapshot!(folder.run(&["pass", "1.jsonl"]).failure(1), @"error: 1.jsonl, line 2: not a JSON object (`score` is given twice, character 43); the log may be truncated: copy it again, or remove what is not whole");
    assert_snapshot!(folder.run(&["pass", "a.jsonl"]).failure(1), @"error: a.jsonl, line 1: not a JSON object (`reward` is given twice, character 62); every line must be one whole object");
}

#[test]
fn control_characters_are_shown_and_not_obeyed() {
    let folder = hostile("esc.jsonl");
    let text = folder.run(&["select", "esc.jsonl"]).success();
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert!(
        text.contains(r"a\u001b[2J\u001b]0;pwn\u0007") && text.contains(r"b\nc"),
        "{text}"
    );
    let error = folder
        .run(&["profile", "esc.jsonl", "-r", "no\u{1b}[2J"])
        .failure(1);
    assert_snapshot!(error, @r"error: no model `no\x1b[2J` in the table; it has `a\u001b[2J\u001b]0;pwn\u0007`, `b\nc`");
}

#[test]
fn no_output_over_an_input() {
    let verl = "{\"input\":\"q\",\"output\":\"a\",\"score\":1}\n";
    let folder = Folder::with(&[("logs/1.jsonl", verl), ("run/run.json", "{}")]);
    for inputs in ["logs/1.jsonl", "logs", "logs/*.jsonl"] {
        let error = folder
            .run(&["import", inputs, "-o", "logs/../logs/1.jsonl"])
            .failure(1);
        assert!(
            error.contains("this is the input logs/1.jsonl; nothing was written"),
            "{error}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(folder.path("logs/1.jsonl")).unwrap(),
        verl
    );
    let samples = "{\"model\":\"m\",\"prompt_id\":\"1\",\"reward\":0,\"text\":\"a\"}\n";
    folder.write("samples.jsonl", samples.as_bytes());
    folder.write("grade.py", b"print()");
    let grader = "command:python3 ./grade.py";
    let words = ["samples.jsonl", "--verifier", grader, "-o", "grade.py"];
    assert_snapshot!(folder.run(&[&["pass"], &words[..]].concat()).failure(1), @"error: grade.py: this is the input ./grade.py; nothing was written. Choose another output");
    assert_eq!(std::fs::read(folder.path("grade.py")).unwrap(), b"print()");
    assert_snapshot!(folder.run(&["report", "run", "-o", "run/run.json"]).failure(1), @"error: run/run.json: this is the input run/run.json; nothing was written. Choose another output");
    assert_eq!(
        std::fs::read_to_string(folder.path("run/run.json")).unwrap(),
        "{}"
    );
}

/// `score` on the tiny golden model, which the tests of the library use too.
#[test]
fn score_leaves_its_inputs_and_foreign_folders_alone() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/lm");
    let folder = Folder::with(&[(
        "data.jsonl",
        "{\"prompt\": [7, 3, 5], \"response\": [9, 2]}\n",
    )]);
    for at in ["run", "run/checkpoint-20", "run/checkpoint-100"] {
        for name in ["config.json", "model.safetensors"] {
            let bytes = std::fs::read(golden.join(name)).expect("a golden model");
            folder.write(&format!("{at}/{name}"), &bytes);
        }
    }
    let score = |output: &str| folder.run(&["score", "run", "--data", "data.jsonl", "-o", output]);
    assert_snapshot!(score("run/checkpoint-20/model.safetensors").failure(1), @"error: run/checkpoint-20/model.safetensors: this is the input run/checkpoint-20/model.safetensors; nothing was written. Choose another output");
    assert_snapshot!(score("data.jsonl").failure(1), @"error: data.jsonl: this is the input data.jsonl; nothing was written. Choose another output");
    folder.write("out.parquet.parts/mine.txt", b"mine");
    assert_snapshot!(score("out.parquet").failure(1), @"error: out.parquet.parts: is there and holds no parts of an unfinished table, so it is left alone; rename it, or choose another output");
    assert_eq!(
        std::fs::read(folder.path("out.parquet.parts/mine.txt")).unwrap(),
        b"mine"
    );
    let said = score("run/scores.parquet");
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert!(said.stdout.contains("3 models, 3 rows"), "{}", said.stdout);
    let document = folder
        .run(&["select", "run/scores.parquet", "--json"])
        .json();
    let models = document["models"].as_array().unwrap();
    let names: Vec<&str> = models
        .iter()
        .map(|one| one["model"].as_str().unwrap())
        .collect();
    for name in ["run/checkpoint-20", "run/checkpoint-100", "run"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

/// Responses of logs judged anew: the right answers are the log's, or those of the data by prompt
/// or by its text.
#[test]
fn logs_are_judged_anew() {
    let lm_eval = "{\"doc_id\":0,\"doc\":{},\"target\":\"4\",\"arguments\":{\"gen_args_0\":{\"arg_0\":\"Q0\",\"arg_1\":{\"until\":[]}}},\"resps\":[[\"It is 4\",\"It is 5\",\"It is 4\",\"no\"]],\"filtered_resps\":[\"4\"],\"filter\":\"score-first\",\"metrics\":[\"exact_match\"],\"exact_match\":1.0}\n";
    let verl = "{\"input\":\"Q0\",\"output\":\"It is \\\\boxed{4}\",\"gts\":\"4\",\"score\":0}\n{\"input\":\"Q0\",\"output\":\"It is \\\\boxed{5}\",\"gts\":\"4\",\"score\":0}\n";
    let folder = Folder::with(&[
        ("m/samples_gsm8k_1.jsonl", lm_eval),
        ("verl/10.jsonl", verl),
        (
            "data.jsonl",
            "{\"prompt_id\": \"other\", \"prompt\": \"Q0\", \"answer\": \"5\"}\n",
        ),
    ]);
    let rate = |arguments: &[&str]| {
        let all = [
            &["pass", "-k", "1", "--json", "-q", "--verifier"],
            arguments,
        ]
        .concat();
        let document = folder.run(&all).json();
        (
            document["models"][0]["pass"][0]["value"].as_f64().unwrap(),
            document["regraded"].clone(),
        )
    };
    let (value, regraded) = rate(&["boxed", "verl"]);
    assert_eq!(value, 0.5);
    assert_eq!(
        regraded,
        serde_json::json!({"verifier": "boxed", "judged": 2, "changed": 1, "own_answers": 1})
    );
    let (value, regraded) = rate(&["number", "m"]);
    assert_eq!(value, 0.5);
    assert_eq!(
        regraded,
        serde_json::json!({"verifier": "number", "judged": 4, "changed": 0, "ungraded": 3, "own_answers": 1})
    );
    let (value, regraded) = rate(&["number", "m", "--data", "data.jsonl"]);
    assert_eq!(
        value, 0.25,
        "the data's answer to the same prompt comes first"
    );
    assert_eq!(regraded["own_answers"], serde_json::Value::Null);
    folder
        .run(&["import", "verl", "-o", "samples.parquet"])
        .success();
    assert_eq!(
        rate(&["boxed", "samples.parquet"]).0,
        0.5,
        "the table keeps all of it"
    );
}

#[test]
fn rewards_of_another_scale_are_mapped() {
    let folder = Folder::with(&[(
        "1.jsonl",
        "{\"input\":\"q\",\"output\":\"a\",\"score\":1}\n{\"input\":\"q\",\"output\":\"b\",\"score\":-1}\n",
    )]);
    let document = folder
        .run(&["pass", "1.jsonl", "--reward-map", ">0", "--json", "-q"])
        .json();
    assert_eq!(document["models"][0]["pass"][0]["value"], 0.5);
    assert_snapshot!(folder.run(&["pass", "1.jsonl", "--reward-map", "0"]).failure(2), @r"
    error: invalid value '0' for '--reward-map <MAP>': `0`: write >0, >=1, ==1, <0 or <=0 (what counts as right), or min=-1,max=1

    For more information, try '--help'.
    ");
}

#[test]
fn rewards_of_our_own_tables_are_not_mapped() {
    let folder = Folder::with(&[("samples.jsonl", &counts(&[("m", &[(4, 1)])]))]);
    assert_snapshot!(folder.run(&["pass", "samples.jsonl", "--reward-map", ">0"]).failure(1), @"error: --reward-map is for the logs of other tools, and here are tables of our own, whose rewards are taken as they stand: leave it out, and map the rewards to [0, 1] where the table is made");
}

#[test]
fn one_of_several_evaluation_sets() {
    let state = r#"{"log_history": [{"step": 1, "eval_math_loss": 2.5, "eval_code_loss": 1.5}, {"step": 2, "eval_math_loss": 2.0, "eval_code_loss": 1.75}]}"#;
    let scores = "model,prompt_id,logprob\nstep-1,1,-1\nstep-2,1,-2\n";
    let folder = Folder::with(&[("trainer_state.json", state), ("scores.csv", scores)]);
    let of = |name: &str| {
        let ran = [
            "select",
            "scores.csv",
            "--trainer-state",
            ".",
            "--loss",
            name,
            "--json",
        ];
        folder.run(&ran).json()["trainer"]["lowest"].clone()
    };
    assert_eq!((of("math"), of("code")), ("step-2".into(), "step-1".into()));
    assert_snapshot!(folder.run(&["select", "scores.csv", "--trainer-state", "."]).failure(1), @"error: --trainer-state: ./trainer_state.json, field `log_history`: 2 losses and no eval_loss; choose one with --loss: `eval_code_loss`, `eval_math_loss`");
}

/// Names of any length, in messages and remarks, and in what is typed.
#[test]
fn names_of_any_length_are_cut_in_messages() {
    let long = |end: usize| format!("{}{end}", "name ".repeat(4000));
    let rows: String = (0..9)
        .map(|at| {
            format!(
                "{{\"model\":\"{}\",\"prompt_id\":1,\"logprob\":-1}}\n",
                long(at)
            )
        })
        .collect();
    let folder = Folder::with(&[("a.jsonl", &rows)]);
    let said = folder
        .run(&["profile", "a.jsonl", "-r", &long(9)])
        .failure(1);
    assert!(said.starts_with("error: no model `name name "), "{said}");
    assert!(
        said.contains("...") && said.contains("name 9` in the table; it has `name"),
        "{said}"
    );
    assert!(
        said.ends_with("name 6` and 2 more\n") && said.len() < 2100,
        "{said}"
    );
    // A path is one word of the message, and its end is what tells files apart.
    let deep = "a-folder/".repeat(300);
    let said = folder
        .run(&["select", &format!("{deep}a.jsonl")])
        .failure(1);
    assert!(
        said.contains("/a-folder/a.jsonl: no such file or folder; check"),
        "{said}"
    );
    assert!(said.len() < 300, "{said}");
    let said = folder
        .run(&["select", "a.jsonl", "--threads", &"9".repeat(5000)])
        .failure(2);
    assert!(
        said.contains("for '--threads <T>': write a whole number from 1 to 1024"),
        "{said}"
    );
    assert!(said.len() < 500, "{said}");
}

/// A weight that is a number, and no number any more once it is divided.
#[test]
fn weights_beyond_all_ratios_are_named() {
    let row = |prompt: u32, group: &str, weight: &str| {
        format!("m,{prompt},-1,{group},{weight}\nn,{prompt},-2,{group},{weight}\n")
    };
    let header = "model,prompt_id,logprob,group,weight\n";
    let table = |rows: String| Folder::with(&[("a.csv", &format!("{header}{rows}"))]);
    let folder = table(row(1, "g", "1") + &row(2, "h", "1e-320"));
    assert_snapshot!(folder.run(&["select", "a.csv"]).failure(1), @"error: a.csv, line 4, column `weight`: 1e-320 is too small for a weight; only ratios count, so give them in a unit that brings all between 1e-50 and 1e50, and drop rows that should not count");
    let folder = table(row(1, "g", "1") + &row(2, "h", "1e200"));
    assert_snapshot!(folder.run(&["select", "a.csv"]).failure(1), @"error: a.csv, line 4, column `weight`: 1e200 is too large for a weight; only ratios count, so give them in a unit that brings all between 1e-50 and 1e50, and drop rows that should not count");
    let folder = table(row(1, "g", "1") + &row(2, "h", "1"));
    let weights = ["select", "a.csv", "--group-weights", "g=1e-320,h=1"];
    assert_snapshot!(folder.run(&weights).failure(2), @"
    error: invalid value 'g=1e-320' for '--group-weights <GROUP=WEIGHT,..>': 1e-320 is too small for a weight; only ratios count, so give them in a unit that brings all between 1e-50 and 1e50, and drop rows that should not count

    For more information, try '--help'.
    ");
    // A prompt in two groups, where groups count.
    let twice = header.replace("prompt_id", "prompt_id,response_id");
    let rows = "m,1,0,-1,g,1\nn,1,0,-2,g,1\nm,1,1,-1,h,1\nn,1,1,-2,h,1\n";
    folder.write("a.csv", format!("{twice}{rows}").as_bytes());
    let weights = ["select", "a.csv", "--group-weights", "g=1,h=1"];
    assert_snapshot!(folder.run(&weights).failure(1), @"error: --group-weights: prompt `1` has rows of the groups `g` and `h` (column `group`); all rows of a prompt belong to one");
    // Of samples the prompt is named, and the sample from 1 on.
    let samples = "{\"model\":\"m\",\"prompt_id\":\"p\",\"response_id\":0,\"reward\":1}\n{\"model\":\"m\",\"prompt_id\":\"p\",\"response_id\":1,\"reward\":0.5}\n";
    folder.write("b.jsonl", samples.as_bytes());
    assert_snapshot!(folder.run(&["pass", "b.jsonl", "--solved", "0.5"]).failure(1), @"error: model `m`, prompt `p`: sample 2, column `reward`: 0.5 is neither 0 nor 1, and only such rewards have success rates");
    assert_snapshot!(folder.run(&["pass", "b.jsonl", "-k", "4", "--extrapolate"]).failure(1), @"error: model `m`, prompt `p`: sample 2, column `reward`: 0.5 is neither 0 nor 1, and only such rewards have success rates");
}

#[test]
fn lists_of_numbers_are_taken_once_each() {
    let counts = "{\"model\":\"m\",\"prompt_id\":1,\"n\":2000,\"c\":3}\n";
    let folder = Folder::with(&[("a.jsonl", counts)]);
    let pass = |ks: &str| folder.run(&["pass", "a.jsonl", "-k", ks, "--json"]);
    let document = pass(&["8", &vec!["5"; 20_000].join(",")].join(",")).json();
    let points = document["models"][0]["pass"].as_array().unwrap();
    let ks: Vec<u64> = points
        .iter()
        .map(|point| point["k"].as_u64().unwrap())
        .collect();
    assert_eq!(ks, [5, 8]);
    let many: Vec<String> = (1..=1001).map(|k| k.to_string()).collect();
    assert_snapshot!(pass(&many.join(",")).failure(1), @"error: -k: 1001 different numbers; at most 1000 are taken at once");
}

#[test]
fn numbers_that_no_machine_has() {
    let folder = Folder::with(&[("a.jsonl", ROW)]);
    let usage = |flags: &[&str]| {
        let said = folder.run(flags).failure(2);
        said.lines().next().unwrap_or_default().to_owned()
    };
    for (flags, said) in [
        (
            &["select", "a.jsonl", "--threads", "100000"][..],
            "write a whole number from 1 to 1024",
        ),
        (
            &[
                "select",
                "a.jsonl",
                "--max-record-bytes",
                "18446744073709551615",
            ],
            "is not in 1..=",
        ),
        (
            &[
                "plan",
                "--certify",
                "0.1",
                "--per-prompt",
                "10000000000000000000",
            ],
            "is not in 1..=",
        ),
        (
            &[
                "sample",
                "m",
                "--prompts",
                "a.jsonl",
                "-o",
                "a.parquet",
                "-k",
                "4294967295",
            ],
            "is not in 1..=1048576",
        ),
        (
            &[
                "sample",
                "m",
                "--prompts",
                "a.jsonl",
                "-o",
                "a.parquet",
                "-k",
                "1",
                "--max-tokens",
                "1000000000000",
            ],
            "is not in 1..=4294967295",
        ),
    ] {
        let line = usage(flags);
        assert!(line.contains(said), "{flags:?}: {line}");
    }
    let failed = |flags: &[&str]| folder.run(flags).failure(1);
    assert_snapshot!(failed(&["plan", "--see", "1e300"]), @"error: --see: 1e300 is no number from 1 to 1e15, the N of 1/N");
    assert_snapshot!(failed(&["plan", "--see", "inf"]), @"error: --see: inf is no number from 1 to 1e15, the N of 1/N");
    let most = "281474976710656";
    folder
        .run(&["reach", "a.jsonl", "--max-record-bytes", most, "-q"])
        .success();
    let mut huge = folder.command(&["reach", "a.jsonl", "-q"]);
    huge.env("BREADTH_MAX_RECORD_BYTES", u64::MAX.to_string());
    crate::support::Ran::of(huge).success();
}

/// A file that never ends is not read to its end.
#[cfg(unix)]
#[test]
fn settings_that_never_end() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/lm");
    let folder = Folder::with(&[(
        "data.jsonl",
        "{\"prompt\": [7, 3, 5], \"response\": [9, 2]}\n",
    )]);
    let text = golden.join("../text/byte_level.json");
    let files = ["config.json", "model.safetensors"].map(|name| (name, golden.join(name)));
    let restore = || {
        for (name, file) in files.iter().chain(&[("tokenizer.json", text.clone())]) {
            let bytes = std::fs::read(file).expect("a golden model");
            folder.write(&format!("model/{name}"), &bytes);
        }
    };
    restore();
    let long = |name: &str| {
        // Holes take no room.
        let file = std::fs::File::create(folder.path(name)).unwrap();
        file.set_len(1 << 40).unwrap();
    };
    assert_snapshot!(folder.run(&["train", "/dev/zero"]).failure(1), @"error: /dev/zero: a file of more than 16777216 bytes");
    long("huge.toml");
    assert_snapshot!(folder.run(&["train", "huge.toml"]).failure(1), @"error: huge.toml: a file of more than 16777216 bytes");
    let score = [
        "score",
        "model",
        "--data",
        "data.jsonl",
        "-o",
        "out.parquet",
    ];
    for name in [
        "tokenizer_config.json",
        "special_tokens_map.json",
        "generation_config.json",
        "config.json",
        "tokenizer.json",
        "chat_template.jinja",
    ] {
        long(&format!("model/{name}"));
        let ran = folder.run(&score);
        assert_eq!(ran.status, 1, "{name}");
        let said = ran.failure(1);
        assert!(said.contains(name) && said.contains("bytes"), "{said}");
        assert!(!folder.path("out.parquet").exists());
        std::fs::remove_file(folder.path(&format!("model/{name}"))).unwrap();
        restore();
    }
    std::fs::create_dir(folder.path("adapter")).unwrap();
    long("adapter/adapter_config.json");
    let said = folder
        .run(&[
            "score",
            "adapter",
            "--data",
            "data.jsonl",
            "-o",
            "out.parquet",
        ])
        .failure(1);
    assert!(
        said.contains("adapter_config.json: a file of more than"),
        "{said}"
    );
    std::fs::create_dir(folder.path("run")).unwrap();
    long("run/run.json");
    assert_snapshot!(folder.run(&["report", "run"]).failure(1), @"error: cannot read run/run.json: a file of more than 134217728 bytes; a run folder is what `breadth train` and `breadth demo` write");
}

/// Paths may be of any bytes where files are named, and nothing else.
#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use crate::support::Ran;

    let folder = Folder::new();
    let name = OsStr::from_bytes(b"a\xff\xc3\xa9.jsonl");
    std::fs::write(folder.path(".").join(name), ROW).unwrap();
    let with = |before: &[&str], argument: &OsStr, after: &[&str]| {
        let mut command = folder.command(before);
        command.arg(argument).args(after);
        Ran::of(command)
    };
    let document = with(&["reach"], name, &["--json", "-q"]).json();
    assert_eq!(document["rows"], 1);
    let model = OsStr::from_bytes(b"runs/\xff");
    let said = with(&["score"], model, &["--data", "a", "-o", "b"]).failure(2);
    assert_snapshot!(said, @r"error: not UTF-8: `runs/\xff`; only paths of files and folders may hold other bytes, so give the argument in UTF-8, or rename what it names");
    assert_snapshot!(with(&[], OsStr::from_bytes(b"\xfe"), &[]).failure(2), @"
    error: unrecognized subcommand '�'

    Usage: breadth [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}
