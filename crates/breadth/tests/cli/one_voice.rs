//! The terminal, the JSON and the page say the same of a run: they show one document.

use crate::support::{Folder, counts, scores, three_checkpoints};

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

/// The same of the run folder in these files.
fn assert_one_voice(files: &[(&str, &str)], headline: &str) -> serde_json::Value {
    assert_one_voice_of(files, &["run"], headline)
}

/// Verdict, warnings and numbers of these inputs are equal in the terminal's text, both JSON
/// documents and the page.
fn assert_one_voice_of(
    files: &[(&str, &str)],
    inputs: &[&str],
    headline: &str,
) -> serde_json::Value {
    let folder = Folder::with(files);
    let level = ["-n", "4"];
    let run =
        |command: &str, flags: &[&str]| folder.run(&[&[command], inputs, &level, flags].concat());
    let selection = run("select", &["--json"]).json();
    let terminal = flat(&run("select", &[]).success());
    let report = run("report", &["--json", "-o", "page.html"]).json();
    let page = std::fs::read_to_string(folder.path("page.html")).unwrap();
    assert_same_numbers(&data_of(&page), &selection);
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

/// The numbers that the page was drawn from.
fn data_of(page: &str) -> serde_json::Value {
    let (_, data) = page.split_once("id=\"report-data\">").unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

/// Every number of a model that `select` knows is the page's, to the bit.
fn assert_same_numbers(page: &serde_json::Value, selection: &serde_json::Value) {
    let checkpoints = page["checkpoints"].as_array().unwrap();
    let models = selection["models"].as_array().unwrap();
    assert_eq!(checkpoints.len(), models.len());
    for model in models {
        let is_named = |checkpoint: &&serde_json::Value| checkpoint["model"] == model["model"];
        let checkpoint = checkpoints.iter().find(is_named).unwrap();
        let same = [
            ("rank", "rank"),
            ("value", "value"),
            ("worst_rival", "worst_rival"),
            ("value_low", "low"),
            ("value_high", "high"),
            ("certified_low", "certified_low"),
            ("certified_high", "certified_high"),
        ];
        for (own, of_select) in same {
            assert_eq!(checkpoint[own], model[of_select], "{own}: {checkpoint}");
        }
        let Some(k) = model["pass"]["k"].as_u64() else {
            continue;
        };
        let passes = checkpoint["pass"].as_array().unwrap();
        let pass = passes.iter().find(|pass| pass["k"] == k).unwrap();
        for limit in ["value", "low", "high"] {
            assert_eq!(pass["sampled"][limit], model["pass"][limit], "{limit}");
        }
    }
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

#[test]
fn a_score_table() {
    let selection = assert_one_voice_of(
        &[("scores.jsonl", &parted())],
        &["scores.jsonl"],
        "Nothing to take yet",
    );
    assert_eq!(selection["verdict"]["others"][0]["rule"], "tournament");
}

#[test]
fn a_score_table_with_its_reference() {
    let inputs = ["scores.jsonl", "--reference", "teacher"];
    let files = [("scores.jsonl", &*three_checkpoints())];
    let selection = assert_one_voice_of(&files, &inputs, "Nothing to take yet");
    let models = selection["models"].as_array().unwrap();
    assert!(models.iter().all(|model| model["model"] != "teacher"));
}

/// Counts of 16 samples of 200 prompts: one model solves some often, the other all now and then.
fn graded() -> String {
    let often: Vec<(u64, u64)> = (0..200).map(|i| (16, 2 * (i % 2))).collect();
    let seldom = vec![(16, 3); 200];
    counts(&[("step-1", &often), ("step-2", &seldom)])
}

#[test]
fn samples_alone() {
    let headline = "Take step-2 (certain, by the samples)";
    let files = [("samples.jsonl", &*graded())];
    let selection = assert_one_voice_of(&files, &["samples.jsonl"], headline);
    assert_eq!(selection["answers"]["of"], "correct");
}

#[test]
fn scores_and_samples_with_group_weights() {
    let grouped = |line: &str| {
        let of_prompt = |prompt: u64| {
            if prompt.is_multiple_of(2) {
                "often"
            } else {
                "seldom"
            }
        };
        let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["group"] = of_prompt(row["prompt_id"].as_u64().unwrap()).into();
        format!("{row}\n")
    };
    let table = |text: &str| -> String { text.lines().map(grouped).collect() };
    let (scores, samples) = (table(&parted()), table(&graded()));
    let files = [("scores.jsonl", &*scores), ("samples.jsonl", &*samples)];
    let inputs = [
        "scores.jsonl",
        "samples.jsonl",
        "--group-weights",
        "often=0.9,seldom=0.1",
    ];
    let selection = assert_one_voice_of(&files, &inputs, "Take step-2");
    // step-1 solves the odd prompts alone, which count a tenth.
    let models = selection["models"].as_array().unwrap();
    let of_step_1 = |model: &&serde_json::Value| model["model"] == "step-1";
    let pass = models.iter().find(of_step_1).unwrap()["pass"]["value"].as_f64();
    assert!(pass.unwrap() < 0.1, "{selection}");
}

/// Pass@k on the page is that of `pass`, whatever else the page shows.
#[test]
fn pass_at_k_is_that_of_pass() {
    let folder = Folder::with(&[("scores.jsonl", &parted()), ("samples.jsonl", &graded())]);
    let passed = folder.run(&["pass", "samples.jsonl", "--json"]).json();
    for inputs in [&["samples.jsonl"][..], &["scores.jsonl", "samples.jsonl"]] {
        folder.run(&[&["report"], inputs].concat()).success();
        let page = std::fs::read_to_string(folder.path("report.html")).unwrap();
        let page = data_of(&page);
        let models = passed["models"].as_array().unwrap();
        for (model, checkpoint) in models.iter().zip(page["checkpoints"].as_array().unwrap()) {
            assert_eq!(model["model"], checkpoint["model"]);
            let curve = checkpoint["pass_curve"].as_array().unwrap();
            assert_eq!(curve.len(), 5, "k = 1, 2, 4, 8, 16");
            for (own, point) in model["pass"].as_array().unwrap().iter().zip(curve) {
                assert_eq!(own["k"], point["k"]);
                for limit in ["value", "low", "high"] {
                    assert_eq!(own[limit], point["sampled"][limit], "{limit}");
                }
            }
        }
    }
}
