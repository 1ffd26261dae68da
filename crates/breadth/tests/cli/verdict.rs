//! The verdict of `breadth select`: all evidence weighed, for the terminal, the page and scripts.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Folder, scores, select, select_json};

/// The early one covers each response thinly; the late one gives a third of them much and the rest
/// far less.
fn parted() -> String {
    let early = vec![-6.5; 300];
    let late: Vec<f64> = (0..300)
        .map(|i| if i % 3 == 0 { -1.0 } else { -9.5 })
        .collect();
    scores(&[("early", &early), ("late", &late)])
}

/// Counts of 16 samples of 200 prompts: the late one solves seven prompts in eight.
fn graded() -> String {
    let line = |model: &str, prompt: u64, c: u64| {
        format!("{{\"model\":\"{model}\",\"prompt_id\":\"s{prompt}\",\"n\":16,\"c\":{c}}}\n")
    };
    let of_prompt = |i: u64| {
        line("early", i, 2 * (i % 2)) + &line("late", i, if i.is_multiple_of(8) { 0 } else { 3 })
    };
    (0..200).map(of_prompt).collect()
}

/// `score out` names its checkpoints `out/early`, `sample out/early` names it `early`.
#[test]
fn names_that_end_alike_are_the_same_models() {
    let scored = parted()
        .replace("early", "out/early")
        .replace("late", "out/late");
    let folder = Folder::with(&[("scores.jsonl", &scored), ("graded.jsonl", &graded())]);
    let both = ["select", "graded.jsonl", "scores.jsonl", "--best-of", "16"];
    let said = folder.run(&both).success();
    assert!(
        said.starts_with("Take out/late (certain, by the samples): Pass@16 is 87.5%"),
        "{said}"
    );
    let note = "Names of samples and scores that end alike are taken as the same models (early and \
                out/early, say).";
    assert!(said.contains(note), "{said}");
    // Of two that end alike neither is meant.
    let twice = scored.clone() + &scored.replace("out/", "other/");
    let folder = Folder::with(&[("scores.jsonl", &twice), ("graded.jsonl", &graded())]);
    let error = folder.run(&both).failure(1);
    assert!(
        error.contains("none of the models of the samples (early, late)"),
        "{error}"
    );
}

#[test]
fn rules_that_part_take_nothing_and_samples_decide() {
    let folder = Folder::with(&[("scores.jsonl", &parted()), ("graded.jsonl", &graded())]);
    let alone = folder
        .run(&["select", "scores.jsonl", "--best-of", "16"])
        .success();
    assert!(
        alone.starts_with(
            "Nothing to take yet: the tournament at N = 8 says early, reach_16 says late"
        ),
        "{alone}"
    );
    let both = ["select", "graded.jsonl", "scores.jsonl", "--best-of", "16"];
    assert_snapshot!(folder.run(&both).success(), @r"
    Take late (certain, by the samples): Pass@16 is 87.5% [81.2, 92.3]%, at least 30.1 points above every other candidate.
    The tournament disagrees: it says early.
    Reach agrees.
    The lowest loss disagrees: it says early.
    None of the 200 prompts of the samples is among those of the scores (prompt `s0` of early, say): are they of the same data?

    The tournament takes early: no rival gives 8 times its probability to more than 33.3% of the responses.
    early also has the lowest cross-entropy.

     rank  model  worst rival  value         limits  cross-entropy  Pass@16  Cov_8 certified
    ─────────────────────────────────────────────────────────────────────────────────────────
     1     early  late         33.3%  [28.0, 39.0]%         6.5000    50.0%   [20.2, 100.0]%
     2     late   early        66.7%  [61.0, 72.0]%         6.6667    87.5%     [0.0, 72.0]%

    May be best by the tournament, at 95% confidence: early.
    Note: Two models (the median pair) differ by a factor of 8 or more on 100% of the responses, so N says little here: what was lost hides among what differs anyway. Long responses differ by many nats: the landscape (the choice at every N) shows at which N the tournament separates models. For Best-of-N on long responses final answers say more: graded samples, beside the scores or alone.
    Tournament (Eq 29) at N = 8 on 300 rows, 300 prompts; 95% limits. Value: the worst rival's share of responses. Certified: limits of Cov_8 itself, whatever the data distribution is.
    ");
    let document = folder.run(&[&both[..], &["--json"]].concat()).json();
    assert_eq!(document["schema"], 2);
    assert_eq!(
        (
            &document["verdict"]["take"],
            &document["verdict"]["state"],
            &document["verdict"]["by"]
        ),
        (&json!("late"), &json!("certain"), &json!("samples"))
    );
    // The rules' own fields are as before.
    assert_eq!(document["winner"], "early");
    // A folder that holds both is the same as both.
    let folded = folder
        .run(&["select", ".", "--best-of", "16", "--json"])
        .json();
    assert_eq!(folded["verdict"], document["verdict"]);
}

#[test]
fn a_verdict_that_is_required_ends_with_status_3_and_still_answers() {
    let folder = Folder::with(&[("scores.jsonl", &parted()), ("graded.jsonl", &graded())]);
    let open = folder.run(&[
        "select",
        "scores.jsonl",
        "--best-of",
        "16",
        "--require",
        "likely",
        "--json",
    ]);
    assert_eq!(
        (open.status, open.stderr.as_str()),
        (
            3,
            "error: the verdict is open, and --require asks for likely\n"
        )
    );
    let document: serde_json::Value = serde_json::from_str(&open.stdout).unwrap();
    assert_eq!(
        (&document["verdict"]["take"], &document["verdict"]["state"]),
        (&json!(null), &json!("open"))
    );
    let command = document["verdict"]["next"]["command"].as_str().unwrap();
    assert!(
        command.starts_with("breadth sample DIR/early DIR/late --prompts"),
        "{command}"
    );
    folder
        .run(&[
            "select",
            "scores.jsonl",
            "graded.jsonl",
            "--best-of",
            "16",
            "--require",
            "certain",
            "-q",
        ])
        .success();
}

#[test]
fn the_rule_of_reach_ranks_from_the_largest_down() {
    let document = select_json(&parted(), &["--rule", "reach", "--best-of", "16"]);
    assert_eq!(
        (&document["rule"], &document["winner"]),
        (&json!("reach"), &json!("late"))
    );
    let expected = (1.0 - (1.0 - (-1.0_f64).exp()).powi(16)
        + 2.0 * (1.0 - (1.0 - (-9.5_f64).exp()).powi(16)))
        / 3.0;
    let value = document["models"][0]["value"].as_f64().unwrap();
    assert!((value - expected).abs() < 1e-12, "{value}, not {expected}");
    assert_eq!(document["not_excluded"], json!(["late"]));
    assert_snapshot!(select(&parted(), &["--rule", "reach", "--best-of", "16"]), @r"
    Reach takes late: 16 samples contain the held-out response with a probability of 33.4% on average.
    All evidence: Nothing to take yet: the tournament at N = 8 says early, reach_16 says late (33.4% [27.3, 39.9]%).
    16 graded samples of 300 prompts from early and late would decide:
      breadth sample DIR/early DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet

     rank  model  reach         limits  Cov_8 certified
    ────────────────────────────────────────────────────
     1     late   33.4%  [28.0, 39.1]%     [0.0, 72.0]%
     2     early   2.4%    [2.3, 3.6]%   [20.2, 100.0]%

    May be best by reach, at 95% confidence: late.
    Whatever the data distribution is, early under-weights at least 20.2% of the responses by a factor of 8 (95% confidence).
    Note: For coverage at N = 8 the tournament takes early.
    Reach: how often 16 samples contain the held-out response itself, on 300 rows, 300 prompts; 95% limits. Pass@k is at least this for every verifier that accepts these responses. Certified: limits of Cov_8 itself, whatever the data distribution is.
    ");
}

#[test]
fn the_page_says_what_the_terminal_says() {
    let folder = Folder::with(&[
        (
            "run/run.json",
            r#"{"command":"train","version":"0.1.0","seed":0}"#,
        ),
        ("run/scores.parquet", &parted()),
        ("run/samples.parquet", &graded()),
    ]);
    let document = folder
        .run(&["select", "run", "--best-of", "16", "--json"])
        .json();
    let report = folder
        .run(&["report", "run", "--best-of", "16", "--json"])
        .json();
    let sentence = report["verdict"].as_str().unwrap();
    let because = document["verdict"]["because"].as_str().unwrap();
    assert!(
        sentence.starts_with("Take late (certain, by the samples)") && sentence.contains(because),
        "{sentence}"
    );
    let page = std::fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.contains("Take late (certain, by the samples)"));
}

/// Prompts of a class that was scored more often count more, on the page and in the terminal alike.
#[test]
fn a_run_weighs_its_samples_as_its_page_does() {
    let row = |model: &str, prompt: usize, group: &str, logprob: f64| {
        format!(
            "{{\"model\":\"{model}\",\"prompt_id\":\"{prompt}\",\"group\":\"{group}\",\"weight\":1,\"logprob\":{logprob}}}\n"
        )
    };
    let count = |model: &str, prompt: usize, group: &str, c: u64| {
        format!(
            "{{\"model\":\"{model}\",\"prompt_id\":\"{prompt}\",\"group\":\"{group}\",\"n\":8,\"c\":{c}}}\n"
        )
    };
    let group = |prompt: usize| if prompt < 90 { "often" } else { "seldom" };
    let scored = |model: &'static str, q: f64| {
        (0..100).map(move |prompt| row(model, prompt, group(prompt), q))
    };
    // Ten prompts of each class were sampled: a solves the frequent ones, b the others.
    let sampled = |model: &'static str, wanted: &'static str| {
        (80..100).map(move |prompt| {
            count(
                model,
                prompt,
                group(prompt),
                if group(prompt) == wanted { 8 } else { 0 },
            )
        })
    };
    let scores: String = scored("a", -5.0).chain(scored("b", -5.1)).collect();
    let samples: String = sampled("a", "often")
        .chain(sampled("b", "seldom"))
        .collect();
    let folder = Folder::with(&[
        (
            "run/run.json",
            r#"{"command":"train","version":"0.1.0","seed":0}"#,
        ),
        ("run/scores.parquet", &scores),
        ("run/samples.parquet", &samples),
    ]);
    let document = folder
        .run(&["select", "run", "--best-of", "4", "--json"])
        .json();
    let because = document["verdict"]["because"].as_str().unwrap();
    assert!(because.contains("Pass@4 is 90.0%"), "{because}");
    assert_eq!(document["verdict"]["warnings"], json!([]));
    // A run's tournament has responses to prompts of its own, which is nothing to warn of.
    let fresh: String = (1000..1100)
        .flat_map(|prompt| {
            [("a", -5.0), ("b", -5.1)].map(|(model, q)| row(model, prompt, "often", q))
        })
        .collect();
    folder.write("run/selection.parquet", fresh.as_bytes());
    let document = folder
        .run(&["select", "run", "--best-of", "4", "--json"])
        .json();
    assert_eq!(document["verdict"]["by"], "samples");
    assert_eq!(document["verdict"]["warnings"], json!([]));
    std::fs::remove_file(folder.path("run/selection.parquet")).unwrap();
    let report = folder
        .run(&["report", "run", "--best-of", "4", "--json"])
        .json();
    assert!(
        report["verdict"].as_str().unwrap().contains(because),
        "{report}"
    );
}

/// 64 samples are asked for where 16 are there: the first line says at which k it compares.
#[test]
fn fewer_samples_than_asked_for_are_said_first() {
    let folder = Folder::with(&[("graded.jsonl", &graded())]);
    let words = ["select", "graded.jsonl", "--best-of", "64"];
    let text = folder.run(&words).success();
    let said: Vec<&str> = text.split("\n\n").next().unwrap().lines().collect();
    assert_snapshot!(said.join("\n"), @r"
    Take late (likely, by the samples, at k = 16 instead of 64): Pass@16 is 87.5% [81.2, 92.3]%, at least 30.1 points above every other candidate; at k = 64 none is better.
    64 samples of each prompt from early and late would decide:
      breadth sample DIR/early DIR/late --prompts PROMPTS.jsonl -k 64 --verifier VERIFIER -o samples.parquet
    What these samples say of k = 64, with wide limits: breadth pass SAMPLES -k 64 --extrapolate.
    ");
    let document = folder.run(&[&words[..], &["--json"]].concat()).json();
    let verdict = &document["verdict"];
    assert_eq!(
        (&verdict["k"], &verdict["judged_at"]),
        (&json!(64.0), &json!(16.0))
    );
    assert_eq!(verdict["state"], "likely");
}

#[test]
fn samples_alone_are_enough() {
    let folder = Folder::with(&[("graded.jsonl", &graded())]);
    let text = folder
        .run(&["select", "graded.jsonl", "--best-of", "16"])
        .success();
    assert_snapshot!(text, @r"
    Take late (certain, by the samples): Pass@16 is 87.5% [81.2, 92.3]%, at least 30.1 points above every other candidate.

    The tournament takes late: in these samples no rival gives the answer 8 times as often on any prompt.

     rank  model  worst rival  value        limits  cross-entropy  Pass@16     missed at 8
    ───────────────────────────────────────────────────────────────────────────────────────
     1     late   early           0%  [0.0, 20.2]%         1.8237    87.5%  [80.7, 100.0]%
     2     early  late            0%  [0.0, 61.8]%         2.7216    50.0%  [80.7, 100.0]%

    Tied for the best value: early, late; the lower cross-entropy decided.
    May be best by the tournament, at 95% confidence: early, late.
    If some candidate misses a share e of the data at N = 8, late misses at most e + 20.2% at N = 64 (95% confidence).
    Note: All models tie at N = 8, so that cross-entropy alone decided. A smaller N may separate them.
    Tournament (Eq 29) at N = 8 on 200 rows, 200 prompts; 95% limits. Value: the worst rival's share of responses. Rates: (c + 1/2)/(n + 1) for the c of n samples with the right answer, n >= 16; limits and the set include that samples only estimate them. Missed: limits of Cov_8, the share that is given with probability 1/8 or less.
    ");
    let document = folder
        .run(&["select", "graded.jsonl", "--best-of", "16", "--json"])
        .json();
    assert_eq!(document["verdict"]["take"], "late");
    assert_eq!(document["verdict"]["state"], "certain");
    let of_reach = folder.run(&["select", "graded.jsonl", "--rule", "reach"]);
    assert_snapshot!(of_reach.failure(1), @"error: graded.jsonl, line 1: this is a sample table, and a score table is needed here; `pass` and `select` take sample tables (responses that all models were asked about are told by a column `source`)");
}

#[test]
fn coverage_against_a_fixed_checkpoint_is_a_metric_of_a_growing_series() {
    let base = vec![-2.0; 40];
    let lost = |share: usize| -> Vec<f64> {
        (0..40)
            .map(|i| if i < share { -5.0 } else { -1.0 })
            .collect()
    };
    let (early, late) = (lost(4), lost(20));
    let two = scores(&[("base", &base), ("early", &early)]);
    let three = scores(&[("base", &base), ("early", &early), ("late", &late)]);
    let arguments = ["--against", "base", "-n", "8"];
    assert_snapshot!(select(&three, &arguments), @r"
    early loses the least against base: it gives 10.0% of the responses at most 1/8 of the probability there.
    All evidence: Take early (likely, by the tournament): the tournament at N = 8 and reach_16 (91.0% [76.3, 98.0]%) both say so; a verifier that accepts other responses, which they cannot see, may prefer another by up to 23.7 points.

     rank  model  missed         limits  Cov_8 certified
    ─────────────────────────────────────────────────────
     1     early   10.0%   [2.7, 23.7]%     [0.0, 23.7]%
     2     late    50.0%  [33.8, 66.2]%     [0.0, 66.2]%

    May be best by coverage against the fixed model, at 95% confidence: early.
    If some candidate misses a share e of the data at N = 8, early misses at most e + 8.9% at N = 64 (95% confidence).
    Coverage against base at N = 8 on 40 rows, 40 prompts; 95% limits. Value: the share of responses to which that model gives N times the probability or more; no other checkpoint changes it. Certified: limits of Cov_8 itself, whatever the data distribution is.
    ");
    let value = |table: &str| select_json(table, &arguments)["models"][0]["value"].clone();
    assert_eq!((value(&two), value(&three)), (json!(0.1), json!(0.1)));
    let document = select_json(&three, &arguments);
    assert_eq!(document["against"], "base");
    assert_eq!(document["winner"], "early");
    assert_eq!(document["not_excluded"], json!(["early"]));
    let folder = Folder::with(&[("scores.jsonl", &three)]);
    let refused = |flags: &[&str]| folder.run(&[&["select", "scores.jsonl"], flags].concat());
    assert_snapshot!(refused(&["--against", "nobody"]).failure(1), @"error: no model `nobody` in the table; it has `base`, `early`, `late`");
}

/// x solves twenty prompts that carry most of the weight, y the others.
#[test]
fn samples_beside_weighted_scores_count_what_those_say() {
    let weight = |prompt: usize| if prompt < 20 { 51 } else { 1 };
    let score = |model: &str, q: f64| -> String {
        let row = |prompt: usize| {
            format!(
                "{{\"model\":\"{model}\",\"prompt_id\":\"{prompt}\",\"weight\":{},\"logprob\":{q}}}\n",
                weight(prompt)
            )
        };
        (0..200).map(row).collect()
    };
    let count = |model: &str, solves: fn(usize) -> bool| -> String {
        let row = |prompt: usize| {
            let c = if solves(prompt) { 16 } else { 0 };
            format!("{{\"model\":\"{model}\",\"prompt_id\":\"{prompt}\",\"n\":16,\"c\":{c}}}\n")
        };
        (0..200).map(row).collect()
    };
    let samples = count("x", |prompt| prompt < 20) + &count("y", |prompt| prompt >= 20);
    let scores = score("x", -5.0) + &score("y", -5.1);
    let folder = Folder::with(&[("scores.jsonl", &scores), ("samples.jsonl", &samples)]);
    let verdict = |samples: &str| {
        let run = folder.run(&[
            "select",
            "scores.jsonl",
            samples,
            "--best-of",
            "16",
            "--json",
        ]);
        run.json()["verdict"].clone()
    };
    // 20 * 51 of 20 * 51 + 180.
    let weighted = verdict("samples.jsonl");
    assert!(
        weighted["because"]
            .as_str()
            .unwrap()
            .contains("Pass@16 is 85.0%"),
        "{weighted}"
    );
    let told = "The prompts of the samples count what the scores' column `weight` says.";
    assert_eq!(weighted["warnings"][0], told);
    // Prompts that the scores lack have no weight.
    folder.write(
        "others.jsonl",
        samples.replace("\"199\"", "\"200\"").as_bytes(),
    );
    let alike = verdict("others.jsonl");
    assert_eq!(alike["take"], "y");
    let told = alike["warnings"][0].as_str().unwrap();
    assert!(
        told.starts_with("The scores are weighted and the samples are not"),
        "{told}"
    );
}
