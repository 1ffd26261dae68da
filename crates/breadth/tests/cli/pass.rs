//! `breadth pass`: values, ks, tables.

use insta::assert_snapshot;

use crate::support::{Folder, counts};

fn pass(table: &str, arguments: &[&str]) -> String {
    let folder = Folder::with(&[("samples.jsonl", table)]);
    folder
        .run(&[&["pass", "samples.jsonl"], arguments].concat())
        .success()
}

fn pass_json(table: &str, arguments: &[&str]) -> serde_json::Value {
    let folder = Folder::with(&[("samples.jsonl", table)]);
    folder
        .run(&[&["pass", "samples.jsonl", "--json"], arguments].concat())
        .json()
}

fn points(document: &serde_json::Value, field: &str) -> Vec<f64> {
    let points = document["models"][0]["pass"].as_array().unwrap();
    points
        .iter()
        .map(|point| point[field].as_f64().unwrap())
        .collect()
}

fn two_models() -> String {
    counts(&[
        ("good", &[(8, 8), (8, 2), (16, 1)]),
        ("poor", &[(8, 0), (8, 1), (8, 0)]),
    ])
}

#[test]
fn models_stand_below_each_other() {
    assert_snapshot!(pass(&two_models(), &[]), @r"
    Pass@k: probability that at least one of k samples is right, averaged over prompts

     model  prompts  samples   Pass@1   Pass@2   Pass@4  Pass@8
    ────────────────────────────────────────────────────────────
     good         3  8 to 16    0.438    0.530    0.679   0.833
                              .07-.93  .11-.94  .16-.97   .23-1
     poor         3        8    0.042    0.083    0.167   0.333
                                0-.73    0-.74    0-.77   0-.91

    Best: good at k = 1 to 8; not certain at every k: see `not_excluded` in the JSON.
    prompts weighted: equal; 95% intervals over prompts, with more digits in --json
    ");
}

#[test]
fn limits_stand_below_many_values() {
    let table = counts(&[
        ("step-100", &[(64, 8); 200]),
        ("step-2000", &[(64, 2); 200]),
    ]);
    let text = pass(&table, &[]);
    for line in text.lines().filter(|line| line.starts_with([' ', '─'])) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_snapshot!(text, @r"
    Pass@k: probability that at least one of k samples is right, averaged over prompts

     model       Pass@1   Pass@2   Pass@4   Pass@8  Pass@16  Pass@32  Pass@64
    ──────────────────────────────────────────────────────────────────────────
     step-100     0.125    0.236    0.422    0.679    0.915    0.998    1.000
                .12-.15  .23-.26  .41-.44  .66-.69  .89-.92    .97-1    .98-1
     step-2000    0.031    0.062    0.122    0.236    0.440    0.754    1.000
                .03-.05  .06-.08  .11-.14  .23-.26  .43-.46  .74-.76    .98-1

    Best: step-100 at k = 1 to 64; not certain at every k: see `not_excluded` in the JSON. Tied at k = 64: step-100, step-2000.
    200 prompts, 64 samples of each; prompts weighted: equal; 95% intervals over prompts, with more digits in --json
    ");
}

#[test]
fn values_are_the_unbiased_ones() {
    let document = pass_json(&counts(&[("m", &[(5, 2)])]), &["-k", "3"]);
    assert!((points(&document, "value")[0] - 0.9).abs() < 1e-12);
    let document = pass_json(&counts(&[("m", &[(200, 3), (10000, 1)])]), &["-k", "100"]);
    assert!((points(&document, "value")[0] - (0.876884 + 0.01) / 2.0).abs() < 1e-6);
}

#[test]
fn ks_go_as_far_as_the_samples() {
    assert_eq!(
        points(&pass_json(&two_models(), &[]), "k"),
        [1., 2., 4., 8.]
    );
    assert_eq!(
        points(&pass_json(&two_models(), &["-k", "1,3,.."]), "k"),
        [1., 3.]
    );
    assert_eq!(
        points(&pass_json(&two_models(), &["-k", "1,2,3,.."]), "k").len(),
        8
    );
}

#[test]
fn rewards_between_zero_and_one_make_it_best_of_k() {
    let rows = [0.0, 0.5, 1.0].map(|reward| {
        format!(r#"{{"model":"m","prompt_id":1,"response_id":"{reward}","reward":{reward}}}"#)
            + "\n"
    });
    let table = rows.concat();
    let values = points(&pass_json(&table, &["-k", "1,2,3"]), "value");
    assert!(
        values
            .iter()
            .zip([0.5, 5.0 / 6.0, 1.0])
            .all(|(value, truth)| (value - truth).abs() < 1e-12),
        "{values:?}"
    );
    assert!(pass(&table, &[]).starts_with("Best-of-k"));
}

#[test]
fn rows_of_samples_and_counts_agree() {
    let rows: String = [(0, true), (1, false), (2, false), (3, true)].map(|(response, correct)| {
        format!("{{\"model\":\"m\",\"prompt_id\":1,\"response_id\":{response},\"correct\":{correct}}}\n")
    }).concat();
    assert_eq!(
        pass_json(&rows, &[]),
        pass_json(&counts(&[("m", &[(4, 2)])]), &[])
    );
}

#[test]
fn a_run_folder_weights_its_prompts_as_its_scores_do() {
    let scores = r#"{"prompt_id":0,"model":"m","logprob":-1,"group":"common","weight":9}
{"prompt_id":1,"model":"m","logprob":-1,"group":"rare","weight":1}
"#;
    let samples = r#"{"model":"m","prompt_id":0,"n":4,"c":4,"group":"common"}
{"model":"m","prompt_id":1,"n":4,"c":0,"group":"rare"}
"#;
    let folder = Folder::with(&[
        ("run/run.json", "{}"),
        ("run/scores.parquet", scores),
        ("run/samples.parquet", samples),
    ]);
    let of_run = folder.run(&["pass", "run", "-k", "1", "--json"]).json();
    assert_eq!(
        (&of_run["weighting"], points(&of_run, "value")),
        (&"as scored".into(), vec![0.9])
    );
    let of_table = folder
        .run(&["pass", "run/samples.parquet", "-k", "1", "--json"])
        .json();
    assert_eq!(
        (&of_table["weighting"], points(&of_table, "value")),
        (&"equal".into(), vec![0.5])
    );
}

#[test]
fn which_model_for_which_k() {
    let bold: Vec<(u64, u64)> = (0..40)
        .map(|i| (8, if i % 4 == 0 { 0 } else { 6 }))
        .collect();
    let broad: Vec<(u64, u64)> = (0..40).map(|i| (8, 2 + i % 2)).collect();
    let table = counts(&[("bold", &bold), ("broad", &broad)]);
    let document = pass_json(&table, &["-k", "1,8"]);
    assert_eq!(document["best"][0]["model"], "bold");
    assert_eq!(document["best"][1]["model"], "broad");
    assert_eq!(document["crossings"][0]["certain"], true);
    assert_snapshot!(pass(&table, &["-k", "1,2,8", "--all-of"]), @r"
    Pass@k: probability that at least one of k samples is right, averaged over prompts

     model                Pass@1                Pass@2                Pass@8
    ─────────────────────────────────────────────────────────────────────────
     bold   0.562 [0.441, 0.663]  0.723 [0.567, 0.843]  0.750 [0.588, 0.873]
     broad  0.312 [0.279, 0.376]  0.554 [0.498, 0.601]  1.000 [0.912, 1.000]

    pass^k: probability that all of k samples are right

     model                pass^1                pass^2                pass^8
    ─────────────────────────────────────────────────────────────────────────
     bold   0.562 [0.441, 0.663]  0.402 [0.315, 0.486]  0.000 [0.000, 0.088]
     broad  0.312 [0.279, 0.376]  0.071 [0.059, 0.154]  0.000 [0.000, 0.088]

    Best: bold at k = 1 to 2, broad at k = 8.
    40 prompts, 8 samples of each; prompts weighted: equal; 95% intervals over prompts, with more digits in --json
    ");
}

#[test]
fn equals_make_no_crossing() {
    let (right, half): (Vec<_>, Vec<_>) = (0..4).map(|_| ((4, 4), (4, 2))).unzip();
    let table = counts(&[("early", &half), ("late", &right), ("none", &[(4, 0); 4])]);
    let document = pass_json(&table, &[]);
    assert_eq!(document["best"][0]["model"], "late");
    assert_eq!(document["best"][0]["tied"], serde_json::Value::Null);
    // Of four samples of which two are right one of three is right for certain.
    assert_eq!(document["best"][2]["model"], "late");
    assert_eq!(
        document["best"][2]["tied"],
        serde_json::json!(["early", "late"])
    );
    assert_eq!(document["crossings"], serde_json::json!([]));
    let said = pass(&table, &["-k", "1,2,3,4"]);
    let said = said.lines().find(|line| line.starts_with("Best: "));
    assert_snapshot!(said.unwrap(), @"Best: late at k = 1 to 4; not certain at every k: see `not_excluded` in the JSON. Tied at k = 3 to 4: early, late.");
}

/// What stands in one folder: scores, samples of the same models.
#[test]
fn a_folder_of_both_kinds_stands_for_the_kind_that_is_asked_for() {
    let folder = Folder::with(&[
        ("both/samples.jsonl", &two_models()),
        ("both/scores.jsonl", &crate::support::three_checkpoints()),
    ]);
    let ran = folder.run(&["pass", "both", "--json"]);
    assert_eq!(ran.remarks(), "left out, score tables: both/scores.jsonl\n");
    assert!(ran.stdout.contains("\"model\":\"good\""), "{}", ran.stdout);
    let ran = folder.run(&["profile", "both", "-r", "teacher", "--json"]);
    assert_eq!(
        ran.remarks(),
        "left out, sample tables: both/samples.jsonl\n"
    );
    assert!(ran.stdout.contains("\"model\":\"early\""), "{}", ran.stdout);
    // A file that was named is not left out.
    let named = folder.run(&["pass", "both/samples.jsonl", "both/scores.jsonl"]);
    assert!(named.failure(1).contains("both/scores.jsonl"));
}

#[test]
fn beyond_the_samples_only_when_asked_and_where_the_data_say_something() {
    let prompts: Vec<(u64, u64)> = (0..200).map(|i| (16, 1 + i % 8)).collect();
    let table = counts(&[("m", &prompts)]);
    let document = pass_json(&table, &["-k", "16,128", "--extrapolate"]);
    let extrapolated = |at: usize| document["models"][0]["pass"][at]["extrapolated"].as_bool();
    assert_eq!(
        (extrapolated(0), extrapolated(1)),
        (Some(false), Some(true))
    );
    assert_snapshot!(pass(&table, &["-k", "16,128", "--extrapolate"]), @r"
    Pass@k: probability that at least one of k samples is right, averaged over prompts

     model               Pass@16              Pass@128
    ───────────────────────────────────────────────────
     m      1.000 [0.982, 1.000]  1.000 [0.982, 1.000]

    Beyond the samples: the most likely distribution of success rates, with limits over all that fit, rates of 0 among them; prompts count the same.
    200 prompts, 16 samples of each; prompts weighted: equal; 95% intervals over prompts, with more digits in --json
    ");
    let folder = Folder::with(&[("s.jsonl", &counts(&[("m", &[(1, 1), (1, 0)])]))]);
    assert_snapshot!(folder.run(&["pass", "s.jsonl", "-k", "8", "--extrapolate"]).failure(1), @"error: k = 8 cannot be extrapolated for `m`: every prompt has a single sample, which says nothing of how success rates differ; draw at least two for each");
}

/// Samples with answers: `(model, prompt, answers)`, an answer being right if it is the prompt's
/// name.
fn answered(samples: &[(&str, &str, &[&str])]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (model, prompt, answers) in samples {
        for (response, answer) in answers.iter().enumerate() {
            let reward = u8::from(answer == prompt);
            writeln!(
                text,
                r#"{{"model":"{model}","prompt_id":"{prompt}","response_id":{response},"reward":{reward},"answer":"{answer}"}}"#
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn the_majority_vote_and_the_share_solved() {
    let table = answered(&[
        ("m", "p", &["p", "p", "x", "y", "z"]),
        ("m", "q", &["x", "x", "x", "q", ""]),
    ]);
    let folder = Folder::with(&[
        ("s.jsonl", &table),
        ("none.jsonl", &table.replace("answer", "said")),
    ]);
    let document = folder
        .run(&[
            "pass",
            "s.jsonl",
            "--majority",
            "--solved",
            "0.4",
            "-k",
            "1,5",
            "--json",
        ])
        .json();
    let model = &document["models"][0];
    let value = |at: usize| model["majority"][at]["value"].as_f64().unwrap();
    assert!((value(0) - 0.3).abs() < 1e-12);
    assert!((value(1) - 0.5).abs() < 1e-12);
    assert_eq!(model["solved"]["value"], 0.5);
    let refused = folder.run(&["pass", "none.jsonl", "--majority"]).failure(1);
    assert_snapshot!(refused, @"error: --majority: every sample needs its answer: a column `answer` in every file");
    let refused = folder.run(&["pass", "s.jsonl", "--solved", "2"]).failure(1);
    assert_snapshot!(refused, @"error: a success rate of 2 is not in (0, 1]; give a number above 0 and at most 1");
}

/// Three of five responses hold no answer (missing, empty, blank): they do not agree on that, and
/// the two that agree win.
#[test]
fn responses_without_an_answer_do_not_agree_on_it() {
    let row = |response: usize, answer: &str, reward: u8| {
        format!(
            r#"{{"model":"m","prompt_id":"p","response_id":"{response}","reward":{reward}{answer}}}"#
        )
    };
    let table = [
        row(0, r#","answer":"7""#, 1),
        row(1, r#","answer":"7""#, 1),
        row(2, r#","answer":null"#, 0),
        row(3, r#","answer":"""#, 0),
        row(4, r#","answer":" ""#, 0),
    ];
    let folder = Folder::with(&[("s.jsonl", &table.join("\n"))]);
    let document = folder
        .run(&["pass", "s.jsonl", "--majority", "-k", "1,5", "--json"])
        .json();
    let value = |at: usize| {
        document["models"][0]["majority"][at]["value"]
            .as_f64()
            .unwrap()
    };
    assert!((value(0) - 0.4).abs() < 1e-12);
    assert!((value(1) - 1.0).abs() < 1e-12);
}

/// A hundred prompts, 8 of 16 right in each: 2.5% of such samples come from a population of which
/// 3.6% is never solved.
#[test]
fn what_was_solved_everywhere_is_not_certain_beyond_the_samples() {
    let table = counts(&[("m", &[(16, 8); 100])]);
    let document = pass_json(&table, &["-k", "16,17,64", "--extrapolate"]);
    for at in 0..3 {
        let point = &document["models"][0]["pass"][at];
        let [value, low, high] = ["value", "low", "high"].map(|end| point[end].as_f64().unwrap());
        assert_eq!((value, high), (1.0, 1.0));
        assert!((low - 0.025_f64.powf(0.01)).abs() < 1e-3, "{at}: {low}");
    }
}

#[test]
fn a_beta_distribution_is_assumed_only_when_asked() {
    let successes = [0, 0, 0, 1, 1, 2, 3, 5, 8, 12];
    let outcomes: Vec<(u64, u64)> = (0..200).map(|i| (16, successes[i % 10])).collect();
    let folder = Folder::with(&[("s.jsonl", &counts(&[("m", &outcomes)]))]);
    let width = |flag: &str| {
        let document = folder
            .run(&["pass", "s.jsonl", "-k", "128", flag, "--json"])
            .json();
        let point = &document["models"][0]["pass"][0];
        point["high"].as_f64().unwrap() - point["low"].as_f64().unwrap()
    };
    assert!(width("--extrapolate=beta") < width("--extrapolate"));
    let text = folder
        .run(&["pass", "s.jsonl", "-k", "128", "--extrapolate=beta"])
        .success();
    assert!(
        text.contains("a beta distribution of success rates"),
        "{text}"
    );
}

/// Prompts that failed were sampled on.
#[test]
fn numbers_of_samples_that_go_with_success_rates_are_noted() {
    let table = |longer: u32| {
        let row = |prompt: u32| {
            let (n, c) = if prompt % 5 < 2 {
                (longer, longer / 16)
            } else {
                (4, 2)
            };
            format!(r#"{{"model":"m","prompt_id":{prompt},"n":{n},"c":{c}}}"#)
        };
        (0..100).map(row).collect::<Vec<_>>().join("\n")
    };
    let text = pass(&table(16), &[]);
    let said =
        "Note: prompts with more samples of m are harder than those with fewer, far beyond chance.";
    assert!(text.contains(said), "{text}");
    let notes = &pass_json(&table(16), &[])["notes"];
    assert_eq!(notes.as_array().map(Vec::len), Some(1));
    assert!(pass_json(&table(4), &[]).get("notes").is_none());
}
