//! `breadth report`: the page and the charts appear whole, or not at all.

use crate::support::{Folder, Ran, three_checkpoints};

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
    16 graded samples of 8 prompts from early, even and late would decide:
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
