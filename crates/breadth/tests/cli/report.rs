//! `breadth report`: the page and the charts appear whole, or not at all.

use crate::support::{Folder, Ran, counts, scores, three_checkpoints};

fn run_folder() -> Folder {
    Folder::with(&[
        (
            "run/run.json",
            r#"{"command":"demo","version":"0.1.0","seed":0,"reference":"teacher"}"#,
        ),
        ("run/scores.parquet", &three_checkpoints()),
    ])
}

fn report(folder: &Folder, arguments: &[&str]) -> Ran {
    folder.run(&[&["report", "run"], arguments].concat())
}

#[test]
fn the_page_lands_in_the_run_folder_and_the_verdict_on_the_screen() {
    let folder = run_folder();
    let text = report(&folder, &[]).success();
    insta::assert_snapshot!(text, @r"
    Nothing to take yet: the tournament at N = 4 says even, but log-probabilities cannot tell whether 8 samples would find a right response: reach rests on 8 prompts only.
    16 graded samples of 8 prompts (more would be better) from early, even and late may decide:
      breadth sample DIR/early DIR/even DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says even; its guarantee is void here, as the winner's own coverage may be anything ([0.0, 100.0]%).
    Reach says late; reach rests on 8 prompts only, so it decides nothing.
    The lowest loss says late.
    The tournament takes even: no rival gives any response 4 times its probability.
    The lowest cross-entropy is that of late, which falls short by a factor of 4 on 25.0% of the responses (against even).
    The lowest-loss checkpoint, late, leaves 25.0% of the data uncovered at N = 4 (even: 0%).
    May be best by the tournament, at 95% confidence: early, even, late.
    Each one's own coverage at N = 4 may be anything, [0, 100]%: the certificate is void, and all may be poor.
    By the tournament alone each of the 3 models may be the best one: more than these 8 rows are needed to tell.
    wrote run/report.html
    ");
    let page = std::fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.starts_with("<!") && page.contains("even"), "{page}");
}

#[test]
fn page_and_charts_go_where_they_are_sent() {
    let folder = run_folder();
    let document = report(&folder, &["-o", "page.html", "--svg", "figures", "--json"]).json();
    assert_eq!(
        (&document["command"], &document["output"]),
        (&"report".into(), &"page.html".into())
    );
    let charts = document["svg"].as_array().unwrap();
    assert!(!charts.is_empty());
    for chart in charts {
        let svg = std::fs::read_to_string(folder.path(chart.as_str().unwrap())).unwrap();
        assert!(
            svg.contains("<svg") && svg.trim_end().ends_with("</svg>"),
            "{svg}"
        );
    }
    assert!(folder.path("page.html").is_file() && !folder.path("run/report.html").exists());
}

#[test]
fn a_page_that_cannot_be_written_is_one_message_and_leaves_nothing() {
    let folder = run_folder();
    let message = report(&folder, &["-o", "nowhere/page.html"]).failure(1);
    assert!(message.contains("nowhere/page.html"), "{message}");
    let left: Vec<_> = std::fs::read_dir(folder.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["run"]);
}

#[test]
fn the_verdict_is_that_of_select() {
    let folder = run_folder();
    let winner = folder.run(&["select", "run", "-n", "2", "--json"]).json()["winner"].clone();
    let verdict = report(&folder, &["-n", "2", "--json"]).json()["verdict"].clone();
    assert!(
        verdict.as_str().unwrap().contains(winner.as_str().unwrap()),
        "{verdict}"
    );
}

/// The page of these inputs, and what `--json` says of it.
fn page_of(folder: &Folder, inputs: &[&str]) -> (String, serde_json::Value) {
    let document = folder.run(&[&["report", "--json"], inputs].concat()).json();
    assert_eq!(document["output"], "report.html");
    let page = std::fs::read_to_string(folder.path("report.html")).unwrap();
    (page, document)
}

fn left_out(document: &serde_json::Value) -> Vec<&str> {
    let lines = document["left_out"].as_array().unwrap();
    lines.iter().map(|line| line.as_str().unwrap()).collect()
}

#[test]
fn a_table_needs_no_run_folder() {
    let folder = Folder::with(&[("scores.jsonl", &three_checkpoints())]);
    let (page, document) = page_of(&folder, &["scores.jsonl"]);
    assert!(page.contains("figure-cross-entropy") && page.contains("figure-standings"));
    assert!(!page.contains("figure-kl") && !page.contains("figure-pass"));
    insta::assert_snapshot!(left_out(&document).join("\n"), @r"
    KL and coverage profiles need a model of the table that stands for the truth, such as a teacher: breadth report TABLES --reference TEACHER
    Pass@k needs graded samples: breadth sample DIR/teacher DIR/early DIR/even DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    ");
    assert!(page.contains("Not on this page") && page.contains("--reference TEACHER"));

    let (page, document) = page_of(&folder, &["scores.jsonl", "-r", "teacher"]);
    assert!(page.contains("figure-kl") && page.contains("figure-profile"));
    assert!(
        left_out(&document)
            .iter()
            .all(|line| !line.contains("--reference"))
    );
}

#[test]
fn samples_need_no_scores() {
    let samples = counts(&[("a", &[(16, 1); 60]), ("b", &[(16, 9); 60])]);
    let folder = Folder::with(&[("samples.jsonl", &samples)]);
    let (page, document) = page_of(&folder, &["--samples", "samples.jsonl"]);
    for figure in ["figure-pass\"", "figure-pass-curve", "figure-standings"] {
        assert!(page.contains(figure), "{figure}");
    }
    assert!(!page.contains("cross-entropy") && !page.contains("figure-certificate"));
    insta::assert_snapshot!(left_out(&document).join("\n"), @"Cross-entropy, KL, coverage, reach and the tournament over responses need log-probabilities of held-out responses: breadth score CHECKPOINTS --data HELDOUT.jsonl -o scores.parquet");

    let named = page_of(&folder, &["samples.jsonl"]).1;
    assert_eq!(named["selection"], document["selection"]);
    let piped = folder.pipe(&samples, &["report", "--samples", "-", "--json"]);
    assert_eq!(piped.json()["selection"], document["selection"]);
}

#[test]
fn rewards_between_0_and_1_are_best_of_k() {
    let line = |model: &str, i: usize, reward: f64| {
        let (prompt, response) = (i / 8, i % 8);
        format!(
            "{{\"model\":\"{model}\",\"prompt_id\":{prompt},\"response_id\":{response},\"reward\":{reward}}}\n"
        )
    };
    let samples: String = (0..240)
        .map(|i| line("a", i, 0.25) + &line("b", i, 0.75))
        .collect();
    let folder = Folder::with(&[("samples.jsonl", &samples)]);
    let (page, document) = page_of(&folder, &["samples.jsonl"]);
    assert_eq!(document["selection"], serde_json::Value::Null);
    insta::assert_snapshot!(document["verdict"].as_str().unwrap(), @"Take b (certain, by the samples): Best-of-8 is 75.0% [64.8, 78.4]%, at least 32.6 points above every other candidate.");
    assert!(
        page.contains("Best-of-8") && !page.contains("Pass@8"),
        "{page}"
    );
    assert!(
        left_out(&document)
            .iter()
            .any(|line| line.contains("--reward-map"))
    );
}

#[test]
fn logs_of_other_tools() {
    let folder = Folder::new();
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/logs");
    let log = std::fs::read(golden.join("inspect/finished.eval")).unwrap();
    folder.write("evals/finished.eval", &log);
    let select = folder.run(&["select", "evals", "--json", "-q"]);
    let document = folder.run(&["report", "evals", "--json", "-q"]).json();
    assert_eq!(document["selection"], select.json());
    let page = std::fs::read_to_string(folder.path("report.html")).unwrap();
    assert!(page.contains("figure-pass\""), "{page}");
}

#[test]
fn a_run_folder_takes_no_other_tables() {
    let folder = run_folder();
    folder.write("s.jsonl", counts(&[("early", &[(8, 1)])]).as_bytes());
    let message = report(&folder, &["--samples", "s.jsonl"]).failure(1);
    insta::assert_snapshot!(message, @"error: run is a run folder, which says itself what its tables are: for other samples, weights or rows give its tables, run/scores.parquet and run/samples.parquet");
}

#[test]
fn nothing_is_written_over_an_input() {
    let folder = Folder::with(&[("in/scores.jsonl", &three_checkpoints())]);
    std::fs::create_dir(folder.path("figures")).unwrap();
    let linked = folder.path("figures/standings.svg");
    std::fs::hard_link(folder.path("in/scores.jsonl"), &linked).unwrap();
    let message = folder
        .run(&["report", "in/scores.jsonl", "--svg", "figures"])
        .failure(1);
    insta::assert_snapshot!(message, @"error: figures/standings.svg: this is the input in/scores.jsonl; nothing was written. Choose another output");
    let message = folder
        .run(&["report", "in", "-o", "in/scores.jsonl"])
        .failure(1);
    assert!(message.contains("nothing was written"), "{message}");
    assert!(!folder.path("report.html").exists());
    assert_eq!(
        std::fs::read_to_string(&linked).unwrap(),
        three_checkpoints()
    );

    // What an earlier report left in a folder of tables is no table.
    std::fs::remove_file(&linked).unwrap();
    for _ in 0..2 {
        let words = ["report", "in", "-o", "in/page.html", "--svg", "in", "-q"];
        folder.run(&words).success();
    }
    let message = folder
        .run(&["report", "in", "-o", "in/standings.svg", "--svg", "in"])
        .failure(1);
    assert!(message.contains("cannot be one file"), "{message}");
}

#[test]
fn the_trainers_losses_stand_beside() {
    let table = scores(&[
        ("checkpoint-10", &[-1.0; 30]),
        ("checkpoint-20", &[-1.5; 30]),
    ]);
    let state = r#"{"log_history":[{"step":10,"eval_loss":1.25},{"step":20,"eval_loss":1.125}]}"#;
    let folder = Folder::with(&[("scores.jsonl", &table), ("run/trainer_state.json", state)]);
    let inputs = ["scores.jsonl", "--trainer-state", "run"];
    let (page, document) = page_of(&folder, &inputs);
    let select = folder
        .run(&[&["select", "--json"], &inputs[..]].concat())
        .json();
    assert_eq!(document["selection"], select);
    assert!(page.contains("eval loss of the trainer") && page.contains("1.125"));
}

/// A run folder may be a stranger's: its page is not written where a link in it leads, nor over what
/// is read from `-`.
#[cfg(unix)]
#[test]
fn the_page_replaces_nobodys_file() {
    let folder = run_folder();
    folder.write("mine.txt", b"mine");
    std::os::unix::fs::symlink(folder.path("mine.txt"), folder.path("run/report.html")).unwrap();
    let said = report(&folder, &[]).failure(1);
    assert!(said.contains("run/report.html: is a link"), "{said}");
    assert_eq!(std::fs::read(folder.path("mine.txt")).unwrap(), b"mine");

    folder.write("table.jsonl", three_checkpoints().as_bytes());
    let table = std::fs::File::open(folder.path("table.jsonl")).unwrap();
    let mut command = folder.command(&["report", "-", "-o", "table.jsonl"]);
    let said = Ran::of({
        command.stdin(table);
        command
    })
    .failure(1);
    assert!(said.contains("this is the input"), "{said}");
    let left = std::fs::read_to_string(folder.path("table.jsonl")).unwrap();
    assert_eq!(left, three_checkpoints());
}
