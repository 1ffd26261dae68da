//! `breadth reach`: hand-computed values, scores with samples, what is refused.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Folder, counts, scores};

/// Rows of a score table: prompt, response, and the probability under each model.
fn table(models: &[&str], rows: &[(&str, &str, &[f64])]) -> String {
    let row = |(prompt, response, q): &(&str, &str, &[f64])| {
        let line = |(model, q): (&&str, &f64)| {
            let logprob = match *q {
                0.0 => json!("-inf"),
                q => json!(q.ln()),
            };
            let row = json!({"model": model, "prompt_id": prompt, "response_id": response, "logprob": logprob});
            format!("{row}\n")
        };
        models.iter().zip(*q).map(line).collect::<String>()
    };
    rows.iter().map(row).collect()
}

/// Prompt 1 has two right responses, one of them listed twice; prompt 2 has one; prompt 3 has two
/// that `b` never gives.
fn several() -> String {
    table(
        &["a", "b"],
        &[
            ("1", "x", &[0.25, 0.5]),
            ("2", "x", &[0.5, 0.125]),
            ("1", "again", &[0.25, 0.5]),
            ("1", "y", &[0.125, 0.25]),
            ("3", "x", &[0.01, 0.0]),
            ("3", "y", &[0.02, 0.0]),
        ],
    )
}

#[track_caller]
fn reach_json(files: &[(&str, &str)], arguments: &[&str]) -> Value {
    let folder = Folder::with(files);
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    folder
        .run(&[&["reach", "--json"], &names[..], arguments].concat())
        .json()
}

#[track_caller]
fn text(files: &[(&str, &str)], arguments: &[&str]) -> String {
    let folder = Folder::with(files);
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let text = folder
        .run(&[&["reach"], &names[..], arguments].concat())
        .success();
    for line in text.lines().filter(|line| line.starts_with([' ', '─'])) {
        assert!(line.trim_end().chars().count() <= 80, "{line}");
    }
    text
}

#[track_caller]
fn close(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!(
        (value - expected).abs() < 1e-12 * expected.abs().max(1.0),
        "{value}, not {expected}"
    );
}

#[test]
fn the_right_responses_of_a_prompt_add_up() {
    let document = reach_json(&[("s.jsonl", &several())], &["-k", "1,2"]);
    assert_eq!(
        (
            &document["rows"],
            &document["prompts"],
            &document["repeated"],
            &document["several"]
        ),
        (&json!(6), &json!(3), &json!(1), &json!(2))
    );
    let of_a = [0.375, 0.5, 0.03_f64];
    let (once, twice) = (
        of_a.iter().sum::<f64>() / 3.0,
        of_a.iter()
            .map(|q| 1.0 - (1.0 - q) * (1.0 - q))
            .sum::<f64>()
            / 3.0,
    );
    let a = &document["models"][0];
    assert_eq!((&a["model"], &a["prompts"]), (&json!("a"), &json!(3)));
    close(&a["reach"][0]["value"], once);
    close(&a["reach"][1]["value"], twice);
    let squares = of_a.iter().map(|q| q * q).sum::<f64>();
    close(
        &a["reach"][0]["effective_prompts"],
        (3.0 * once).powi(2) / squares,
    );
    close(
        &document["models"][1]["reach"][0]["value"],
        (0.75 + 0.125) / 3.0,
    );
    assert_eq!(a["reach"][1]["k"].to_string(), "2");
    assert_eq!(document["best"][0]["model"], "a");
    assert_eq!(document["best"][0]["not_excluded"], json!(["a", "b"]));
}

#[test]
fn quantiles_leave_out_a_share_of_the_prompts() {
    let document = reach_json(&[("s.jsonl", &several())], &[]);
    let log_q = |model: usize| -> Vec<Value> {
        let quantiles = document["models"][model]["quantiles"].as_array().unwrap();
        assert!(quantiles.iter().all(|one| one["log_q_token"].is_null()));
        quantiles.iter().map(|one| one["log_q"].clone()).collect()
    };
    // Of three prompts the least is left out from a share of a third on.
    for (found, expected) in log_q(0).iter().zip([0.03_f64, 0.03, 0.03, 0.03, 0.375]) {
        close(found, expected.ln());
    }
    assert_eq!(log_q(1)[0], "-inf");
    close(&log_q(1)[4], 0.125_f64.ln());
}

#[test]
fn tokens_of_the_easiest_response() {
    let row = |prompt, response, tokens: [f32; 2]| {
        let logprob = tokens[0] + tokens[1];
        json!({"model": "m", "prompt_id": prompt, "response_id": response, "logprob": logprob, "token_logprobs": tokens})
    };
    let rows = [
        // The likelier response has the harder token.
        row(1, "x", [-0.25, -3.0]),
        row(1, "y", [-2.0, -2.5]),
        row(2, "x", [-8.0, -0.5]),
    ];
    let table = rows.map(|row| format!("{row}\n")).concat();
    let document = reach_json(&[("s.jsonl", &table)], &[]);
    let quantiles = &document["models"][0]["quantiles"];
    close(&quantiles[0]["log_q_token"], -8.0);
    close(&quantiles[4]["log_q_token"], -2.5);
    assert!(text(&[("s.jsonl", &table)], &[]).contains("easiest response"));
}

#[test]
fn a_million_samples_of_what_is_all_but_impossible() {
    let table = scores(&[("m", &[-700.0, -700.0])]);
    let document = reach_json(&[("s.jsonl", &table)], &["-k", "1e6,1.5e300,2.5"]);
    let reach = &document["models"][0]["reach"];
    let value = reach[1]["value"].as_f64().unwrap();
    assert!(
        (value / (1e6 * (-700.0_f64).exp()) - 1.0).abs() < 1e-9,
        "{value}"
    );
    assert_eq!(reach[1]["k"].to_string(), "1000000");
    // 1.5e300 e^-700 is 1.48e-4.
    let value = reach[2]["value"].as_f64().unwrap();
    assert!(
        (value / (1.5e300 * (-700.0_f64).exp()) - 1.0).abs() < 1e-4,
        "{value}"
    );
    assert_eq!(reach[0]["k"], json!(2.5));
}

#[test]
fn scores_and_samples_together() {
    // Of 300 samples none is right: at most 1.22%, below 1/64. Of 8 samples 5 are: at least 24%.
    let samples = counts(&[
        ("a", &[(300, 0), (300, 0), (8, 0), (8, 5), (300, 0)]),
        ("unscored", &[(8, 0), (8, 0), (8, 0), (8, 0), (8, 0)]),
    ]);
    let (near, far) = ((1.0_f64 / 32.0).ln(), -20.0);
    // Prompts 0 to 3 and 9; the samples have 0 to 4.
    let scores = scores(&[
        ("a", &[near, far, far, far]),
        ("b", &[near, near, far, far]),
    ]);
    let extra = table(&["a", "b"], &[("9", "x", &[0.5, 1e-9])]);
    let folder = Folder::with(&[
        ("s.jsonl", &scores),
        ("x.jsonl", &extra),
        ("g.jsonl", &samples),
    ]);
    let ran = folder.run(&["reach", "g.jsonl", "s.jsonl", "x.jsonl", "--json"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr, "left out, samples without scores: unscored\n");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    // a: 0 by its scores whatever the samples, 3 by samples, 9 by scores; 2 unknown; 1 and 4 out of
    // reach.
    assert_eq!(
        document["models"][0]["prompts_at"],
        json!({"budget": 64, "reachable": 3, "unknown": 1, "not": 2})
    );
    // b has no samples: its scores say reachable or nothing.
    assert_eq!(
        document["models"][1]["prompts_at"],
        json!({"budget": 64, "reachable": 2, "unknown": 3, "not": 0})
    );
    // 1/N = 2e-9, and e^-20 is 2.06e-9: all that was scored is within reach.
    let wide = folder
        .run(&["reach", ".", "--budget", "5e8", "--json", "-q"])
        .json();
    assert_eq!(
        wide["models"][0]["prompts_at"],
        json!({"budget": 500_000_000, "reachable": 5, "unknown": 1, "not": 0})
    );
}

#[test]
fn a_reference_and_groups() {
    let table = "\
        {\"model\":\"teacher\",\"prompt_id\":1,\"logprob\":-0.1,\"group\":\"x\"}\n\
        {\"model\":\"teacher\",\"prompt_id\":2,\"logprob\":-0.1,\"group\":\"y\"}\n\
        {\"model\":\"m\",\"prompt_id\":1,\"logprob\":-1,\"group\":\"x\"}\n\
        {\"model\":\"m\",\"prompt_id\":2,\"logprob\":-2,\"group\":\"y\"}\n";
    let arguments = ["-r", "teacher", "--group-weights", "x=0.9,y=0.1", "-k", "1"];
    let document = reach_json(&[("s.jsonl", table)], &arguments);
    assert_eq!(document["models"].as_array().unwrap().len(), 1);
    let expected = 0.9 * (-1.0_f64).exp() + 0.1 * (-2.0_f64).exp();
    close(&document["models"][0]["reach"][0]["value"], expected);
}

#[test]
fn what_a_person_reads() {
    assert_snapshot!(text(&[("s.jsonl", &several())], &[]), @r"
    a has the most, 95.3% [27.7, 99.9]% at k = 64; too few prompts carry it to decide anything.
    Reach at k: how often k samples contain one of the given right responses, from
    log-probabilities alone. For every verifier that accepts these responses it is
    a lower bound of Pass@k, and Pass@k itself where they are all the right ones.

     model    k=1    k=4   k=16   k=64   k=256  k=1024  limits at k=64
    ───────────────────────────────────────────────────────────────────
     a      30.2%  63.3%  79.5%  95.3%  >99.9%  >99.9%   [27.7, 99.9]%
     b      29.2%  47.0%  62.7%  66.7%   66.7%   66.7%    [9.4, 99.2]%

    Prompts that 64 samples reach: each is right with probability 1/64 or more.
    Scores alone put no prompt out of reach; graded samples can: add them.
    ln Q(e): all but a share e of the prompts have right responses that likely.

     model  prompts  reachable  unknown  not  ln Q(0.1)  ln Q(0.5)
    ───────────────────────────────────────────────────────────────
     a            3          3        0    0      -3.51      -0.98
     b            3          2        1    0       -inf      -2.08

    Rests on few prompts (effectively fewer than 20) and can decide nothing: a, b.
    1 row repeats a response of its prompt with equal log-probabilities under every model and counts once.
    6 rows, 3 prompts; 95% limits over prompts, all with --json
    ");
    let many = |q: f64| vec![q.ln(); 400];
    let far = scores(&[("step-100", &many(1e-3)), ("step-20", &many(1e-4))]);
    let graded = counts(&[
        ("step-100", &vec![(400, 0); 400]),
        ("step-20", &vec![(400, 0); 400]),
    ]);
    let files = [("s.jsonl", far.as_str()), ("g.jsonl", graded.as_str())];
    assert_snapshot!(text(&files, &[]), @r"
    step-100 reaches furthest: 6.2% [6.1, 7.1]% at k = 64.
    Reach at k: how often k samples contain one of the given right responses, from
    log-probabilities alone. For every verifier that accepts these responses it is
    a lower bound of Pass@k, and Pass@k itself where they are all the right ones.

     model       k=1    k=4  k=16  k=64  k=256  k=1024  limits at k=64
    ───────────────────────────────────────────────────────────────────
     step-20   <0.1%  <0.1%  0.2%  0.6%   2.5%    9.7%     [0.6, 1.6]%
     step-100   0.1%   0.4%  1.6%  6.2%  22.6%   64.1%     [6.1, 7.1]%

    Prompts that 64 samples reach: each is right with probability 1/64 or more.
    ln Q(e): all but a share e of the prompts have right responses that likely.

     model     prompts  reachable  unknown  not  ln Q(0.1)  ln Q(0.5)
    ──────────────────────────────────────────────────────────────────
     step-20       400          0        0  400      -9.21      -9.21
     step-100      400          0        0  400      -6.91      -6.91

    400 rows, 400 prompts; 95% limits over prompts, all with --json
    ");
    let lone = scores(&[("m", &many(0.02))]);
    assert_snapshot!(text(&[("s.jsonl", &lone)], &["-k", "16,1e6"]), @r"
    m reaches 100% [99.0, 100.0]% at k = 1e6.
    Reach at k: how often k samples contain one of the given right responses, from
    log-probabilities alone. For every verifier that accepts these responses it is
    a lower bound of Pass@k, and Pass@k itself where they are all the right ones.

     model   k=16  k=1e6  limits at k=1e6
    ──────────────────────────────────────
     m      27.6%   100%   [99.0, 100.0]%

    Prompts that 64 samples reach: each is right with probability 1/64 or more.
    Scores alone put no prompt out of reach; graded samples can: add them.
    ln Q(e): all but a share e of the prompts have right responses that likely.

     model  prompts  reachable  unknown  not  ln Q(0.1)  ln Q(0.5)
    ───────────────────────────────────────────────────────────────
     m          400        400        0    0      -3.91      -3.91

    400 rows, 400 prompts; 95% limits over prompts, all with --json
    ");
}

/// The leader at the budget comes first, and who leads at other k is said.
#[test]
fn the_headline_is_of_the_budget() {
    let rows: Vec<(String, [f64; 3])> = (0..81)
        .map(|i| {
            (
                i.to_string(),
                [0.02, if i % 3 == 0 { 0.9 } else { 1e-4 }, 0.02],
            )
        })
        .collect();
    let rows: Vec<(&str, &str, &[f64])> = rows
        .iter()
        .map(|(prompt, q)| (prompt.as_str(), "0", &q[..]))
        .collect();
    let table = table(&["even", "bold", "copy"], &rows);
    let files = [("scores.jsonl", table.as_str())];
    let shown = text(&files, &[]);
    let head: Vec<&str> = shown.lines().take(2).collect();
    assert_snapshot!(head.join("\n"), @r"
    even reaches furthest: 72.6% [69.3, 73.8]% at k = 64.
    Others have more elsewhere: bold at k = 1, 4, 16.
    ");
    assert!(
        shown.contains("even and copy are the same model and count as one."),
        "{shown}"
    );
    let first = |arguments: &[&str]| text(&files, arguments).lines().next().unwrap().to_owned();
    assert!(first(&["--budget", "4"]).contains("bold reaches furthest"));
    // A budget that is no k leaves the largest.
    assert!(first(&["-k", "1,256"]).ends_with("at k = 256."));
    let document = reach_json(&files, &[]);
    assert_eq!(document["same"], json!([["even", "copy"]]));
    assert_eq!(
        document["notes"],
        json!(["even and copy are the same model and count as one."])
    );
    assert_eq!(document["best"][3]["not_excluded"], json!(["even"]));
}

#[test]
fn what_is_refused() {
    let folder = Folder::with(&[
        ("s.jsonl", &several()),
        ("g.jsonl", &counts(&[("a", &[(8, 1)])])),
        (
            "over.jsonl",
            &table(&["a"], &[("p", "x", &[0.7]), ("p", "y", &[0.6])]),
        ),
    ]);
    let refused = |arguments: &[&str]| folder.run(&[&["reach"], arguments].concat()).failure(1);
    assert_snapshot!(refused(&["g.jsonl"]), @"error: reach is made of log-probabilities, and these are sample tables: add a score table of right responses (breadth score MODEL.. --data FILE -o scores.parquet); breadth pass takes samples alone");
    assert_snapshot!(refused(&["s.jsonl", "-k", "0"]), @"error: k = 0 is not a number of samples; write numbers >= 1, such as -k 1,16,1e6");
    assert_snapshot!(refused(&["s.jsonl", "-k", "1,inf"]), @"error: k = inf is not a number of samples; write numbers >= 1, such as -k 1,16,1e6");
    assert_snapshot!(refused(&["s.jsonl", "--budget", "0.5"]), @"error: --budget 0.5: a budget is a finite number of samples, at least 1");
    assert_snapshot!(refused(&["s.jsonl", "-r", "nobody"]), @"error: no model `nobody` in the table; it has `a`, `b`");
    assert_snapshot!(refused(&["over.jsonl"]), @"error: prompt `p`: a model gives its distinct responses probability 1.3000 in all; they must be whole responses, each listed once, with the end token where the response ended");
    assert_snapshot!(refused(&["none.jsonl"]), @"error: none.jsonl: no such file or folder; check the path");
}
