//! The terminal, the JSON and the page say the same of a run: they show one document.

use crate::support::{Folder, scores, three_checkpoints};

const RUN: &str = r#"{"command":"train","version":"0.1.0"}"#;
const RUN_WITH_TEACHER: &str =
    r#"{"command":"demo","version":"0.1.0","seed":0,"reference":"teacher"}"#;

/// A page's text: tags gone, entities resolved.
fn text_of(page: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for letter in page.chars() {
        match letter {
            '<' => is_tag = true,
            '>' => is_tag = false,
            letter if !is_tag => text.push(letter),
            _ => {}
        }
    }
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
    ];
    let text = entities
        .iter()
        .fold(text, |text, (entity, letter)| text.replace(entity, letter));
    text.replace("&#x2f;", "/").replace("&amp;", "&")
}

/// Without what only one of them adds: emphasis of notes, breaks of lines.
fn flat(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Verdict, warnings and numbers are equal in the terminal's text, both JSON documents and the
/// page.
fn assert_one_voice(files: &[(&str, &str)], headline: &str) -> serde_json::Value {
    let folder = Folder::with(files);
    let level = ["-n", "4"];
    let run = |words: &[&str]| folder.run(&[words, &level].concat());
    let selection = run(&["select", "run", "--json"]).json();
    let terminal = flat(&run(&["select", "run"]).success());
    let report = run(&["report", "run", "--json"]).json();
    let page = std::fs::read_to_string(folder.path("run/report.html")).unwrap();
    let page = flat(&text_of(&page));

    assert_eq!(
        report["selection"], selection,
        "every number of the selection"
    );
    let verdict = report["verdict"].as_str().unwrap();
    assert!(verdict.starts_with(headline), "{verdict}");
    assert!(terminal.starts_with(&flat(verdict)), "{terminal}");
    assert!(page.contains(&flat(verdict)), "{page}");
    let notes = report["notes"].as_array().unwrap();
    for note in notes.iter().map(|note| flat(note.as_str().unwrap())) {
        assert!(page.contains(&note), "the page lacks: {note}\n{page}");
        // The page knows the reference and Pass@k too.
        let is_own = note.starts_with("The lowest-loss checkpoint,");
        assert!(
            is_own || terminal.contains(&note),
            "the terminal lacks: {note}"
        );
    }
    let warnings = selection["verdict"]["warnings"].as_array().unwrap();
    for warning in warnings
        .iter()
        .chain(selection["notes"].as_array().unwrap())
    {
        let warning = flat(warning.as_str().unwrap());
        assert!(page.contains(&warning), "the page lacks: {warning}");
        assert!(terminal.contains(&warning), "the terminal lacks: {warning}");
    }
    selection
}

/// Log-probabilities that part the models: the early one covers thinly, the late one a third of the
/// responses.
fn parted() -> String {
    let early = vec![-6.5; 300];
    let late: Vec<f64> = (0..300)
        .map(|i| if i % 3 == 0 { -1.0 } else { -9.5 })
        .collect();
    scores(&[("step-1", &early), ("step-2", &late)])
}

#[test]
fn a_coin_toss() {
    let (a, b) = (vec![-6.0; 60], vec![-6.1; 60]);
    let tables = scores(&[("step-1", &a), ("step-2", &b)]);
    let files = [("run/run.json", RUN), ("run/scores.parquet", &tables)];
    let selection = assert_one_voice(&files, "Nothing to take yet");
    let note = selection["notes"][0].as_str().unwrap();
    assert!(note.starts_with("All models tie at N = 4"), "{note}");
}

#[test]
fn group_weights() {
    // Half of the prompts are of a group that is one in twenty; samples have as many of each.
    let line = |model: &str, i: usize, logprob: f64| {
        let (group, weight) = if i.is_multiple_of(2) {
            ("often", 1.9)
        } else {
            ("seldom", 0.1)
        };
        format!(
            "{{\"model\":\"{model}\",\"prompt_id\":\"{i}\",\"logprob\":{logprob},\"group\":\"{group}\",\"weight\":{weight}}}\n"
        )
    };
    let rows = (0..200).map(|i| {
        line("step-1", i, -2.0) + &line("step-2", i, if i.is_multiple_of(2) { -1.0 } else { -9.0 })
    });
    let sample = |model: &str, i: usize, c: usize| {
        let group = if i.is_multiple_of(2) {
            "often"
        } else {
            "seldom"
        };
        format!(
            "{{\"model\":\"{model}\",\"prompt_id\":\"{i}\",\"n\":16,\"c\":{c},\"group\":\"{group}\"}}\n"
        )
    };
    let samples = (0..200).map(|i| {
        sample("step-1", i, 2) + &sample("step-2", i, if i.is_multiple_of(2) { 8 } else { 0 })
    });
    let (rows, samples): (String, String) = (rows.collect(), samples.collect());
    let files = [
        ("run/run.json", RUN),
        ("run/scores.parquet", &*rows),
        ("run/samples.parquet", &*samples),
    ];
    let selection = assert_one_voice(&files, "Take step-2");
    // As weighted: .95 of (almost) 1; as counted it would be half.
    let of_step_2 = |model: &&serde_json::Value| model["model"] == "step-2";
    let models = selection["models"].as_array().unwrap();
    let pass = models.iter().find(of_step_2).unwrap()["pass"]["value"].as_f64();
    assert!((pass.unwrap() - 0.95).abs() < 0.01, "{selection}");
}

#[test]
fn rules_that_part() {
    let tables = parted();
    let files = [("run/run.json", RUN), ("run/scores.parquet", &tables)];
    assert_one_voice(&files, "Nothing to take yet");
}

#[test]
fn samples_that_decide() {
    let line = |model: &str, prompt: u64, c: u64| {
        format!("{{\"model\":\"{model}\",\"prompt_id\":\"s{prompt}\",\"n\":16,\"c\":{c}}}\n")
    };
    let samples: String = (0..200)
        .map(|i| line("step-1", i, 2 * (i % 2)) + &line("step-2", i, 3))
        .collect();
    let (tables, samples) = (parted(), samples);
    let files = [
        ("run/run.json", RUN),
        ("run/scores.parquet", &*tables),
        ("run/samples.parquet", &*samples),
    ];
    let selection = assert_one_voice(&files, "Take step-2 (certain, by the samples)");
    assert_eq!(selection["verdict"]["by"], "samples");
}

#[test]
fn a_run_with_its_reference() {
    let tables = three_checkpoints();
    let files = [
        ("run/run.json", RUN_WITH_TEACHER),
        ("run/scores.parquet", &tables),
    ];
    let selection = assert_one_voice(&files, "Nothing to take yet");
    let models = selection["models"].as_array().unwrap();
    assert!(models.iter().all(|model| model["model"] != "teacher"));
}
