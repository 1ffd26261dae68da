//! `breadth lab`: measuring, keeping and showing the statements of the paper.

use crate::browser;
use crate::support::Folder;

#[test]
fn what_is_measured_is_kept_listed_and_shown() {
    let folder = Folder::new();
    let run = |words: &[&str]| folder.run(&[&["lab"], words].concat());
    let before = run(&["list"]).success();
    for id in ["bernoulli", "d1", "headline", "thm51", "thm64"] {
        assert!(before.contains(id), "no {id}: {before}");
    }
    assert!(!before.contains("holds"), "{before}");
    assert!(before.contains("seconds (estimate)"), "{before}");

    let text = run(&["run", "d2", "-q"]).success();
    assert!(text.contains("lower bound over coverage"), "{text}");
    assert!(
        text.trim_end().ends_with("1 of 1 statement holds"),
        "{text}"
    );
    assert!(folder.path("breadth-lab/d2.small.0.parquet").is_file());
    let listed = run(&["list", "--json"]).json();
    let all = listed["statements"].as_array().unwrap();
    let d2 = all
        .iter()
        .find(|statement| statement["id"] == "d2")
        .unwrap();
    assert_eq!(
        (&d2["verdict"], &d2["is_current"]),
        (&"holds".into(), &true.into())
    );

    let shown = run(&["show", "d2"]).success();
    assert!(
        shown.contains("Lemma D.2") && shown.contains("0.725416"),
        "{shown}"
    );
    let document = run(&["show", "d2", "--json"]).json();
    assert_eq!(document["command"], "lab show");
    assert_eq!(document["checks"][0]["rows"].as_array().unwrap().len(), 16);
}

#[test]
fn a_check_reuses_what_is_current_and_ends_well_where_all_holds() {
    let folder = Folder::new();
    let check = [
        "lab",
        "check",
        "d2",
        "d10",
        "--results",
        "r",
        "-q",
        "--json",
    ];
    let first = folder.run(&check).json();
    assert_eq!(first["headline"], "2 of 2 statements hold");
    assert_eq!(folder.run(&check).json(), first, "seconds and all");
    let seeds = folder
        .run(&[&check[..], &["--seeds", "2", "--seed", "5"]].concat())
        .json();
    let of = |document: &serde_json::Value| -> Vec<String> {
        let measured = document["measured"].as_array().unwrap();
        measured
            .iter()
            .map(|one| format!("{} {}", one["id"], one["seed"]))
            .collect()
    };
    assert_eq!(
        of(&seeds),
        ["\"d2\" 5", "\"d10\" 5", "\"d2\" 6", "\"d10\" 6"]
    );
    assert_ne!(
        first["measured"][1]["checks"][0],
        seeds["measured"][1]["checks"][0]
    );
}

/// In no time at all nothing is trained, and it is said how to go on.
#[test]
fn a_slice_that_is_too_short_says_so() {
    let folder = Folder::new();
    let slice = ["lab", "run", "fig1", "d2", "--slice", "0"];
    let ran = folder.run(&slice);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.starts_with("1 of 2: d2 holds\n"),
        "{}",
        ran.stderr
    );
    let remark = "not finished in this time: fig1; the same command goes on from there";
    assert!(ran.stderr.contains(remark), "{}", ran.stderr);
    let text = ran.stdout.trim_end();
    assert!(text.ends_with("1 of 1 statement holds"), "{text}");
    let document = folder.run(&[&slice[..], &["-q", "--json"]].concat()).json();
    assert_eq!(document["unfinished"], serde_json::json!(["fig1"]));
    let listed = folder.run(&["lab", "list", "--json"]).json();
    let all = listed["statements"].as_array().unwrap();
    let fig1 = all.iter().find(|one| one["id"] == "fig1").unwrap();
    assert!(fig1["verdict"].is_null(), "{fig1}");
}

#[test]
fn the_page_says_what_is_measured_and_what_is_not() {
    let folder = Folder::new();
    folder.run(&["lab", "run", "d2", "d4", "-q"]).success();
    let text = folder.run(&["lab", "page"]).success();
    assert!(
        text.starts_with("2 of ") && text.contains("are not measured"),
        "{text}"
    );
    assert!(text.contains("wrote breadth-lab/lab.html"), "{text}");
    let page = std::fs::read_to_string(folder.path("breadth-lab/lab.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("not measured"));
    let drawings = page.matches("<svg").count();
    for (measured, width) in browser::measure(&page).iter().zip([1280, 400]) {
        assert_eq!(measured["width"], width);
        assert!(
            measured["content"].as_u64() <= Some(width),
            "scrolls sideways at {width}: {measured}"
        );
        let boxes = measured["charts"].as_array().unwrap();
        assert_eq!(boxes.len(), drawings);
        assert!(boxes.iter().all(|size| size[0].as_f64() > Some(200.0)));
    }
    let text = folder.run(&["lab", "page", "--svg", "deep/er"]).success();
    assert!(text.contains("wrote deep/er/d4-1.svg"), "{text}");
    let drawing = std::fs::read_to_string(folder.path("deep/er/d4-1.svg")).unwrap();
    assert!(drawing.starts_with("<?xml"), "{drawing}");
}

#[test]
fn unknown_statements_sizes_and_missing_measurements() {
    let message = |words: &[&str], status| {
        let message = Folder::new()
            .run(&[&["lab"], words].concat())
            .failure(status);
        message.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        message(&["run", "d99"], 1),
        "error: no statement `d99`; `breadth lab list` names them all"
    );
    assert_eq!(
        message(&["show", "d1"], 1),
        "error: d1 was not measured at this size and seed; `breadth lab run d1` does"
    );
    let wrong = message(&["run", "fig1", "--slice=-1"], 2);
    assert!(wrong.contains("write a number of minutes"), "{wrong}");
    let wrong = message(&["check", "--size", "huge"], 2);
    assert!(wrong.contains("write small, medium or paper"), "{wrong}");
}
