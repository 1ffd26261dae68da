//! `breadth select`: the verdict, its certainty, its notes.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Folder, case, scores, select, select_json, three_checkpoints, two_models};

#[test]
fn the_verdict_comes_first_and_says_what_the_lowest_loss_would_cost() {
    assert_snapshot!(select(&three_checkpoints(), &["--reference", "teacher"]), @r"
    Nothing to take yet: the tournament at N = 4 says even, but log-probabilities cannot tell whether 8 samples would find a right response: reach rests on 8 prompts only.
    16 graded samples of 8 prompts (more would be better) from early, even and late may decide:
      breadth sample DIR/early DIR/even DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says even; its guarantee is void here, as the winner's own coverage may be anything ([0.0, 100.0]%).
    Reach says late; reach rests on 8 prompts only, so it decides nothing.
    The lowest loss says late.

    The tournament takes even: no rival gives any response 4 times its probability.
    The lowest cross-entropy is that of late, which falls short by a factor of 4 on 25.0% of the responses (against even).

     rank  model  worst rival  value        limits  cross-entropy
    ──────────────────────────────────────────────────────────────
     1     even   early           0%  [0.0, 37.0]%         5.0106
     2     early  even         12.5%  [0.1, 52.7]%         5.4414
     3     late   even         25.0%  [2.2, 65.1]%         4.9517

    May be best by the tournament, at 95% confidence: early, even, late.
    Each one's own coverage at N = 4 may be anything, [0, 100]%: the certificate is void, and all may be poor.
    Note: By the tournament alone each of the 3 models may be the best one: more than these 8 rows are needed to tell.
    Tournament (Eq 29) at N = 4 on 8 rows, 8 prompts; 95% limits. Value: the worst rival's share of responses.
    ");
}

#[test]
fn values_are_those_counted_by_hand() {
    let document = select_json(&three_checkpoints(), &["--reference", "teacher", "-n", "4"]);
    let field = |name: &str| -> Vec<_> {
        document["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model[name].clone())
            .collect()
    };
    assert_eq!(field("model"), ["even", "early", "late"]);
    assert_eq!(field("rank"), [1, 2, 3]);
    assert_eq!(field("value"), [0.0, 0.125, 0.25]);
    assert_eq!(field("worst_rival")[1..], ["even", "even"]);
    assert_eq!(document["winner"], "even");
    assert_eq!(document["cross_entropy_winner"], "late");
    assert_eq!(document["tied"], json!(["even"]));
    assert_eq!(
        (&document["rows"], &document["prompts"]),
        (&json!(8), &json!(8))
    );
}

#[test]
fn without_a_reference_every_model_competes() {
    let document = select_json(&three_checkpoints(), &[]);
    assert_eq!(document["models"].as_array().unwrap().len(), 4);
    assert_eq!(
        document["winner"], "teacher",
        "teacher and even tie at 0; the teacher has the lower cross-entropy"
    );
    assert_eq!(document["tied"], json!(["teacher", "even"]));
}

#[test]
fn best_of_k_is_the_tournament_at_half_of_k() {
    let table = three_checkpoints();
    assert_eq!(
        select_json(&table, &["--best-of", "8"]),
        select_json(&table, &["-n", "4"])
    );
    assert_eq!(
        select_json(&table, &[]),
        select_json(&table, &["-n", "4"]),
        "the default is N = 4"
    );
    assert_eq!(select_json(&table, &["--best-of", "2"])["n"], 1.0);
}

#[test]
fn levels_beyond_f64_are_given_in_nats() {
    let document = select_json(&two_models(3, 2000.0), &["--log-n", "1000"]);
    assert_eq!(
        (&document["n"], &document["log_n"]),
        (&json!("inf"), &json!(1000.0))
    );
    assert_eq!(document["models"][1]["value"], 1.0);
    for more in [&["--log-n", "1000"][..], &["--log-n", "1000", "--race"]] {
        let text = select(&two_models(3, 2000.0), more);
        assert!(text.contains("at N = e^1000"), "{text}");
        assert!(!text.contains("N = inf"), "{text}");
    }
}

#[test]
fn a_tie_of_all_is_said_plainly() {
    assert_snapshot!(select(&two_models(20, 0.5), &[]), @r"
    Nothing to take yet: neither the tournament at N = 4 nor reach_8 excludes any of the 2 candidates.
    16 graded samples of 20 prompts (more would be better) from a and b may decide:
      breadth sample DIR/a DIR/b --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says a.
    Reach says a.
    The lowest loss says a.

    The tournament takes a: no rival gives any response 4 times its probability.
    a also has the lowest cross-entropy.

     rank  model  worst rival  value        limits  cross-entropy  Cov_4 certified
    ───────────────────────────────────────────────────────────────────────────────
     1     a      b               0%  [0.0, 16.9]%         1.0000     [0.0, 16.9]%
     2     b      a               0%  [0.0, 16.9]%         1.5000    [0.0, 100.0]%

    Tied for the best value: a, b; the lower cross-entropy decided.
    May be best by the tournament, at 95% confidence: a, b.
    If some candidate misses a share e of the data at N = 4, a misses at most e + 16.9% at N = 16 (95% confidence).
    Note: All models tie at N = 4, so that cross-entropy alone decided. A smaller N may separate them.
    Tournament (Eq 29) at N = 4 on 20 rows, 20 prompts; 95% limits. Value: the worst rival's share of responses. Certified: limits of Cov_4 itself, whatever the data distribution is.
    ");
}

#[test]
fn a_ranking_that_says_little_is_said_plainly() {
    // On every row the three lie 40 nats apart, and each is left behind by another on most rows.
    let (high, middle, low) = (-10.0, -50.0, -90.0);
    let far_apart = scores(&[
        ("a", &[high, high, low, low, middle, middle, high]),
        ("b", &[middle, middle, high, high, low, low, middle]),
        ("c", &[low, low, middle, middle, high, high, low]),
    ]);
    assert_snapshot!(select(&far_apart, &["-n", "2"]), @r"
    Nothing to take yet: the tournament at N = 2 says a, but log-probabilities cannot tell whether 4 samples would find a right response: reach rests on 3 prompts only.
    16 graded samples of 7 prompts (more would be better) from a, b and c may decide:
      breadth sample DIR/a DIR/b DIR/c --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says a.
    Reach says a; reach rests on 3 prompts only, so it decides nothing.
    The lowest loss says a.

    The tournament takes a: no rival gives 2 times its probability to more than 57.1% of the responses.
    a also has the lowest cross-entropy.

     rank  model  worst rival  value         limits  cross-entropy  Cov_2 certified
    ────────────────────────────────────────────────────────────────────────────────
     1     a      c            57.1%  [15.1, 90.2]%        44.2857    [8.6, 100.0]%
     2     b      a            71.4%  [24.8, 96.4]%        50.0000   [15.9, 100.0]%
     3     c      b            71.4%  [24.8, 96.4]%        55.7143   [15.9, 100.0]%

    May be best by the tournament, at 95% confidence: a, b, c.
    Whatever the data distribution is, a under-weights at least 8.6% of the responses by a factor of 2 (95% confidence).
    Note: By the tournament alone each of the 3 models may be the best one: more than these 7 rows are needed to tell.
    Note: Even the winner falls short by a factor of 2 on most responses, so this ranking says little. Long responses differ by many nats: the landscape (the choice at every N) shows at which N the tournament separates models. For Best-of-N on long responses final answers say more: graded samples, beside the scores or alone.
    Tournament (Eq 29) at N = 2 on 7 rows, 7 prompts; 95% limits. Value: the worst rival's share of responses. Certified: limits of Cov_2 itself, whatever the data distribution is.
    ");
}

#[test]
fn a_lone_candidate_wins_without_a_fight() {
    assert_snapshot!(select(&scores(&[("only", &[-1.0, -2.0])]), &[]), @r"
    Take only: it is the only candidate, nothing was compared.

     rank  model  worst rival  value       limits  cross-entropy  Cov_4 certified
    ──────────────────────────────────────────────────────────────────────────────
     1     only   -               0%  [0.0, 0.0]%         1.5000     [0.0, 98.8]%

    May be best by the tournament, at 95% confidence: only.
    Tournament (Eq 29) at N = 4 on 2 rows, 2 prompts; 95% limits. Value: the worst rival's share of responses. Certified: limits of Cov_4 itself, whatever the data distribution is.
    ");
}

#[test]
fn long_lists_of_names_are_cut() {
    let columns: Vec<(String, Vec<f64>)> = (0..12)
        .map(|at| (format!("m{at:02}"), vec![-1.0; 5]))
        .collect();
    let table: Vec<(&str, &[f64])> = columns
        .iter()
        .map(|(name, values)| (name.as_str(), &values[..]))
        .collect();
    let text = select(&scores(&table), &[]);
    assert!(
        text.contains("m00, m01, m02, m03, m04, m05, m06, m07 and 4 more"),
        "{text}"
    );
}

#[test]
fn responses_of_one_prompt_are_one_cluster() {
    let alone = scores(&[
        ("a", &[-1.0, -1.0, -9.0, -1.0]),
        ("b", &[-2.0, -2.0, -2.0, -2.0]),
    ]);
    let together: String = alone
        .lines()
        .enumerate()
        .map(|(row, line)| {
            line.replace(
                &format!("\"prompt_id\":{}", row % 4),
                &format!("\"prompt_id\":{},\"response_id\":{row}", row % 4 / 2),
            ) + "\n"
        })
        .collect();
    let together = together
        .replace("\"response_id\":4", "\"response_id\":0")
        .replace("\"response_id\":5", "\"response_id\":1");
    let together = together
        .replace("\"response_id\":6", "\"response_id\":2")
        .replace("\"response_id\":7", "\"response_id\":3");
    let (alone, together) = (select_json(&alone, &[]), select_json(&together, &[]));
    assert_eq!(
        (&alone["prompts"], &together["prompts"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(alone["models"][1]["value"], together["models"][1]["value"]);
    assert_ne!(alone["models"][1]["high"], together["models"][1]["high"]);
}

#[test]
fn weights_count() {
    let weighted = |weight: f64| {
        let table = scores(&[("a", &[-9.0, -1.0]), ("b", &[-1.0, -1.0])]);
        table.replace(
            "\"prompt_id\":0",
            &format!("\"prompt_id\":0,\"weight\":{weight}"),
        )
    };
    let value = |weight| {
        select_json(&weighted(weight), &[])["models"][1]["value"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(value(1.0), 0.5);
    assert!((value(3.0) - 0.75).abs() < 1e-12);
}

#[test]
fn rows_sampled_from_models_are_left_out_with_a_remark() {
    let sampled = scores(&[("a", &[-90.0]), ("b", &[-1.0])])
        .replace("\"prompt_id\":0", "\"prompt_id\":0,\"source\":\"a\"");
    let folder = Folder::with(&[("scores.jsonl", &(two_models(20, 0.5) + &sampled))]);
    let loud = folder.run(&["select", "scores.jsonl"]);
    assert_snapshot!(loud.stderr, @"using the 20 rows of 21 whose source is `data`");
    assert_eq!(loud.stdout, select(&two_models(20, 0.5), &[]));
    folder.run(&["select", "scores.jsonl", "-q"]).success();
}

#[test]
fn a_run_folder_brings_its_own_table_and_reference() {
    let folder = Folder::with(&[
        (
            "run/run.json",
            r#"{"command":"demo","reference":"teacher"}"#,
        ),
        ("run/scores.parquet", &two_models(3, 9.0)),
        ("run/selection.parquet", &three_checkpoints()),
    ]);
    let document = folder.run(&["select", "run", "--json"]).json();
    assert_eq!(document["winner"], "even");
    assert_eq!(document["models"].as_array().unwrap().len(), 3);
    std::fs::remove_file(folder.path("run/selection.parquet")).unwrap();
    assert_eq!(
        folder.run(&["select", "run", "--json"]).json()["winner"],
        "a"
    );
}

#[test]
fn cross_entropy_is_a_rule_to_compare_with() {
    let rule = ["--reference", "teacher", "--rule", "cross-entropy"];
    assert_snapshot!(select(&three_checkpoints(), &rule), @r"
    Cross-entropy takes late: it is the lowest.
    All evidence: Nothing to take yet: the tournament at N = 4 says even, but log-probabilities cannot tell whether 8 samples would find a right response: reach rests on 8 prompts only.
    16 graded samples of 8 prompts (more would be better) from early, even and late may decide:
      breadth sample DIR/early DIR/even DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet

     rank  model  cross-entropy         limits
    ───────────────────────────────────────────
     1     late          4.9517  [0.0000, inf]
     2     even          5.0106  [0.0000, inf]
     3     early         5.4414  [0.0000, inf]

    May be best by cross-entropy, at 95% confidence: early, even, late.
    Each one's own coverage at N = 4 may be anything, [0, 100]%: the certificate is void, and all may be poor.
    Note: For coverage at N = 4 the tournament takes even.
    Note: By the tournament alone each of the 3 models may be the best one: more than these 8 rows are needed to tell.
    Lowest cross-entropy on 8 rows, 8 prompts; 95% limits.
    ");
    let document = select_json(&three_checkpoints(), &rule);
    assert_eq!(
        (&document["rule"], &document["winner"]),
        (&json!("cross-entropy"), &json!("late"))
    );
    let value = document["models"][0]["value"].as_f64().unwrap();
    assert!(
        (value - (100_f64.ln() + (2.0 * 32_f64.ln() - 6.0 * 2_f64.ln()) / 8.0)).abs() < 1e-12,
        "{value}"
    );
}

#[test]
fn cross_entropy_excludes_what_is_worse_for_certain() {
    let wave = |base: f64| -> Vec<f64> { (0..50).map(|row| base - f64::from(row % 5)).collect() };
    let noisy: Vec<f64> = wave(-1.0)
        .iter()
        .enumerate()
        .map(|(row, x)| x - [-0.5, 0.6][row % 2])
        .collect();
    let table = scores(&[
        ("worse", &wave(-3.0)),
        ("best", &wave(-1.0)),
        ("close", &noisy),
    ]);
    let document = select_json(&table, &["--rule", "cross-entropy"]);
    assert_eq!(document["not_excluded"], json!(["best", "close"]));
}

/// Two data rows in five where `late` is left behind; on its own samples it is left behind on `own`
/// of four.
fn with_samples(own: usize) -> String {
    let of = |source: &str, first: usize, models: &[(&str, &[f64])]| {
        let mut text = String::new();
        for (model, logprobs) in models {
            for (at, logprob) in logprobs.iter().enumerate() {
                let id = first + at;
                text +=
                    &json!({"source": source, "prompt_id": id, "model": model, "logprob": logprob})
                        .to_string();
                text.push('\n');
            }
        }
        text
    };
    let late: Vec<f64> = (0..4)
        .map(|row| if row < own { -9.0 } else { -1.0 })
        .collect();
    of(
        "data",
        0,
        &[
            ("even", &[-2.0; 5]),
            ("late", &[-1.0, -1.0, -1.0, -9.0, -9.0]),
        ],
    ) + &of("even", 5, &[("even", &[-2.0; 4]), ("late", &[-1.0; 4])])
        + &of("late", 9, &[("even", &[-2.0; 4]), ("late", &late)])
}

#[test]
fn the_offset_rule_forgives_what_the_samples_explain() {
    let flags = ["--rule", "offset", "-n", "16", "--a", "0"];
    let value = |own| {
        let document = select_json(&with_samples(own), &flags);
        let models = document["models"].as_array().unwrap();
        let late = models
            .iter()
            .find(|model| model["model"] == "late")
            .unwrap();
        late["value"].as_f64().unwrap()
    };
    assert_eq!([value(0), value(1)], [0.4, 0.0]); // 2/5 - 2 * 0, then 2/5 - 2 * 1/4 cut off at 0
    assert_snapshot!(select(&with_samples(0), &flags), @r"
    The offset rule takes even: what rivals gain on the data they gain on its own samples too.
    even also has the lowest cross-entropy.
    All evidence: Nothing to take yet: the tournament at N = 16 says even, but log-probabilities cannot tell whether 32 samples would find a right response: reach rests on 5 prompts only.
    32 graded samples of 5 prompts (more would be better) from even and late may decide:
      breadth sample DIR/even DIR/late --prompts PROMPTS.jsonl -k 32 --verifier VERIFIER -o samples.parquet

     rank  model  worst rival  value        limits  cross-entropy  Cov_16 certified
    ────────────────────────────────────────────────────────────────────────────────
     1     even   -               0%  [0.0, 58.4]%         2.0000      [0.0, 52.2]%
     2     late   even         40.0%  [0.0, 88.6]%         4.2000      [0.7, 85.4]%

    May be best by the offset rule, at 95% confidence: even, late.
    Whatever the data distribution is, late under-weights at least 0.7% of the responses by a factor of 16 (95% confidence).
    Note: By the tournament alone each of the 2 models may be the best one: more than these 5 rows are needed to tell.
    Offset tournament (Eq 32) at N = 16, a = 0, with 8 sampled rows, on 5 rows, 5 prompts; 95% limits. Value: the worst rival's share of responses, less what it gains on the model's own samples. Certified: limits of Cov_16 itself, whatever the data distribution is.
    ");
    assert_snapshot!(select(&with_samples(0), &["--rule", "offset", "-n", "4"]), @r"
    The offset rule takes even: what rivals gain on the data they gain on its own samples too.
    even also has the lowest cross-entropy.
    All evidence: Nothing to take yet: the tournament at N = 4 says even, but log-probabilities cannot tell whether 8 samples would find a right response: reach rests on 5 prompts only.
    16 graded samples of 5 prompts (more would be better) from even and late may decide:
      breadth sample DIR/even DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet

     rank  model  worst rival  value        limits  cross-entropy  Cov_4 certified
    ───────────────────────────────────────────────────────────────────────────────
     1     even   -               0%  [0.0, 58.4]%         2.0000    [0.0, 100.0]%
     2     late   even         40.0%  [0.0, 88.6]%         4.2000     [1.8, 85.4]%

    May be best by the offset rule, at 95% confidence: even, late.
    Whatever the data distribution is, late under-weights at least 1.8% of the responses by a factor of 4 (95% confidence).
    Note: N^(1-2a) is below 8 at N = 4, a = 0: Thm 6.4 promises nothing there. Take N = 8 or more.
    Note: By the tournament alone each of the 2 models may be the best one: more than these 5 rows are needed to tell.
    Offset tournament (Eq 32) at N = 4, a = 0, with 8 sampled rows, on 5 rows, 5 prompts; 95% limits. Value: the worst rival's share of responses, less what it gains on the model's own samples. Certified: limits of Cov_4 itself, whatever the data distribution is.
    ");
}

/// Group A: q behind on 30 of 100 data rows and on none of its own; group B: never, and on 20 of
/// its own 100.
#[test]
fn samples_of_the_offset_rule_have_groups_too() {
    let folder = Folder::new();
    folder.write("off_gw.csv", &case("off_gw.csv"));
    let rule = [
        "select",
        "off_gw.csv",
        "--rule",
        "offset",
        "--a",
        "0",
        "-n",
        "4",
    ];
    let value = |flags: &[&str]| {
        let document = folder.run(&[&rule[..], flags, &["--json"]].concat()).json();
        let models = document["models"].as_array().unwrap();
        let q = models.iter().find(|model| model["model"] == "q").unwrap();
        q["value"].as_f64().unwrap()
    };
    let weighted = value(&["--group-weights", "A=0.99,B=0.01"]);
    assert!(
        (weighted - (0.99 * 0.3 - 2.0 * 0.01 * 0.2)).abs() < 1e-12,
        "{weighted}"
    );
    assert_eq!(value(&[]), 0.0); // .15 - 2 * .1, cut off at 0
    // Groups that a model's samples lack.
    let table = String::from_utf8(case("off_gw.csv")).unwrap();
    let lines = table.lines();
    let lacking: Vec<&str> = lines
        .filter(|line| !(line.starts_with("r,") && line.ends_with("B")))
        .collect();
    folder.write("off_gw.csv", lacking.join("\n").as_bytes());
    let refused = [&rule[..], &["--group-weights", "A=0.99,B=0.01"]].concat();
    assert_snapshot!(folder.run(&refused).failure(1), @"error: the rows sampled from `r` must hold the groups of the data rows: --group-weights: no row has the group `B`; the groups are A");
}

#[test]
fn the_offset_rule_says_which_rows_it_lacks() {
    let folder = Folder::with(&[("scores.jsonl", &two_models(3, 1.0))]);
    let run = |flags: &[&str]| folder.run(&[&["select", "scores.jsonl"], flags].concat());
    assert_snapshot!(run(&["--rule", "offset"]).failure(1), @"error: the offset rule needs responses sampled from `a`: rows with its name as `source`, scored by every model: no rows with source `a` in the table; its sources are `data`");
    assert_snapshot!(run(&["--rule", "offset", "--a", "2"]).failure(1), @"error: the offset rule needs responses sampled from `a`: rows with its name as `source`, scored by every model: no rows with source `a` in the table; its sources are `data`");
    assert_snapshot!(run(&["--a", "0.1"]).failure(1), @"error: --a belongs to --rule offset; add that, or leave out --a");
}

/// Rows sampled from a model need not be complete where nobody asks for them.
#[test]
fn incomplete_rows_of_other_sources_do_not_matter() {
    let sampled = r#"{"source":"a","prompt_id":7,"model":"a","logprob":-1}"#;
    let table = two_models(20, 0.5) + sampled + "\n";
    let folder = Folder::with(&[("scores.jsonl", &table)]);
    let stdout = folder.run(&["select", "scores.jsonl", "-q"]).success();
    assert_eq!(stdout, select(&two_models(20, 0.5), &[]));
}

/// Responses of hundreds of tokens: `steady` is 8 nats below the other everywhere, which is 60 nats
/// below on a tenth.
fn long_responses() -> String {
    let wild: Vec<f64> = (0..200)
        .map(|row| if row % 10 == 0 { -260.0 } else { -192.0 })
        .collect();
    scores(&[("steady", &[-200.0; 200]), ("wild", &wild)])
}

#[test]
fn the_choice_along_log_n() {
    assert_snapshot!(select(&long_responses(), &["-n", "16", "--landscape"]), @r"
    Nothing to take yet: the tournament at N = 16 says wild, but log-probabilities cannot tell whether 32 samples would find a right response: reach_32 is <0.1%.
    32 graded samples of 200 prompts from steady and wild would decide:
      breadth sample DIR/steady DIR/wild --prompts PROMPTS.jsonl -k 32 --verifier VERIFIER -o samples.parquet
    The tournament says wild.
    Reach says wild; reach_32 is <0.1%, so it decides nothing.
    The lowest loss says wild.

    The tournament takes wild: no rival gives 16 times its probability to more than 10.0% of the responses.
    wild also has the lowest cross-entropy.

     rank  model   worst rival  value         limits  cross-entropy  Cov_16 certified
    ──────────────────────────────────────────────────────────────────────────────────
     1     wild    steady       10.0%   [6.2, 15.1]%       198.8000     [5.1, 100.0]%
     2     steady  wild         90.0%  [84.9, 93.8]%       200.0000    [81.7, 100.0]%

    May be best by the tournament, at 95% confidence: wild.
    Whatever the data distribution is, wild under-weights at least 5.1% of the responses by a factor of 16 (95% confidence).
    If some candidate misses a share e of the data at N = 16, wild misses at most e + 15.1% at N = 256 (95% confidence).

    Along log N the tournament's choice changes: wild from 0.7 nats, steady from 13.9 nats.

     log N  N         take  tied  value    gap  apart  certain
    ───────────────────────────────────────────────────────────
     0.69   2         wild     1  10.0%  80.0%   100%      yes
     2.77   16        wild     1  10.0%  80.0%   100%      yes
     7.28   1455.1    wild     1  10.0%  80.0%   100%      yes
     13.87  e^13.9  steady     1     0%  10.0%  10.0%      yes
     20.46  e^20.5  steady     1     0%  10.0%  10.0%      yes
     27.05  e^27.1  steady     1     0%  10.0%  10.0%      yes
     33.64  e^33.6  steady     1     0%  10.0%  10.0%      yes
     40.23  e^40.2  steady     1     0%  10.0%  10.0%      yes
     46.82  e^46.8  steady     1     0%  10.0%  10.0%      yes
     53.41  e^53.4  steady     1     0%  10.0%  10.0%      yes
     60.00  e^60.0  steady     1     0%  10.0%  10.0%      yes
    tied: models with the value of the one to take; gap: to the next value; apart: share of responses on which the median pair differs by N or more; certain: all others are excluded, at all levels at once.

    Whatever the data distribution is, with 95% confidence for all models and levels at once, steady under-weights at least this share of the responses: 83.2% by 2, .., 81.7% by 16.

    Note: Two models (the median pair) differ by a factor of 16 or more on 100% of the responses, so N says little here: what was lost hides among what differs anyway. Long responses differ by many nats: the landscape (the choice at every N) shows at which N the tournament separates models. For Best-of-N on long responses final answers say more: graded samples, beside the scores or alone.
    Tournament (Eq 29) at N = 16 on 200 rows, 200 prompts; 95% limits. Value: the worst rival's share of responses. Certified: limits of Cov_16 itself, whatever the data distribution is.
    ");
    let document = select_json(&long_responses(), &["-n", "16", "--landscape"]);
    let stops = document["landscape"].as_array().unwrap();
    assert!(
        stops.iter().any(|stop| stop["winner"] == "wild")
            && stops.iter().any(|stop| stop["winner"] == "steady")
    );
    let notes = document["landscape_notes"].as_array().unwrap();
    let notes: Vec<&str> = notes.iter().map(|note| note.as_str().unwrap()).collect();
    assert_snapshot!(notes.join("\n"), @r"
    Along log N the tournament's choice changes: wild from 0.7 nats, steady from 13.9 nats.
    Whatever the data distribution is, with 95% confidence for all models and levels at once, steady under-weights at least this share of the responses: 83.2% by 2, .., 81.7% by 16.
    ");
    let plain = select_json(&long_responses(), &[]);
    assert!(plain.get("landscape").is_none() && plain.get("landscape_notes").is_none());
}

#[test]
fn a_race_names_the_winner_and_what_it_took() {
    let late: Vec<f64> = (0..2000)
        .map(|row| if row % 4 == 0 { -9.0 } else { -1.0 })
        .collect();
    let table = scores(&[("even", &[-2.0; 2000]), ("late", &late)]);
    let document = select_json(&table, &["--race", "-n", "16"]);
    assert_eq!(
        (&document["winner"], &document["tied"]),
        (&json!("even"), &json!(["even"]))
    );
    assert!(document["race"]["share"].as_f64().unwrap() < 0.1);
    assert_snapshot!(select(&table, &["--race", "-n", "16"]), @r"
    The tournament takes even: no other model can win it.
    The race used 128 of 4,000 scores (3.2%).

     model  scored          value  left after  because of  better
    ──────────────────────────────────────────────────────────────
     even       64    [0.0, 7.7]%           -           -       -
     late       64  [11.7, 39.1]%          64        even    even

    Race to the tournament (Eq 29) at N = 16 on 2,000 rows, 2,000 prompts: with 95% confidence over all looks, the winners of the whole table are among those left.
    ");
    let folder = Folder::with(&[
        ("scores.jsonl", &table),
        ("weighted.jsonl", &table.replace('}', ",\"weight\":2}")),
    ]);
    let refused = |arguments: &[&str]| folder.run(&[&["select"], arguments].concat()).failure(1);
    assert_snapshot!(refused(&["scores.jsonl", "--race", "--rule", "cross-entropy"]), @"error: --race: a race plays the tournament and takes no other rule");
    assert_snapshot!(refused(&["weighted.jsonl", "--race"]), @"error: --race: a race takes rows that count the same, and this table has weights");
}

/// `bold` is right on the even prompts only, `broad` is right half of the time on all; `teacher`
/// always.
fn answered() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for prompt in 0..60 {
        for (model, one_in) in [
            ("bold", 1 + 30 * (prompt % 2)),
            ("broad", 2),
            ("teacher", 1),
        ] {
            for response in 0..16 {
                let reward = u8::from((response + 1) % one_in == 0);
                let answer = if reward == 1 { prompt } else { 1000 };
                writeln!(
                    text,
                    r#"{{"model":"{model}","prompt_id":{prompt},"response_id":{response},"reward":{reward},"answer":{answer}}}"#
                )
                .unwrap();
            }
        }
    }
    text
}

#[test]
fn answers_are_compared_where_responses_are_too_long() {
    let folder = Folder::with(&[
        ("s.jsonl", &answered()),
        (
            "candidates.jsonl",
            &answered()
                .lines()
                .filter(|row| !row.contains("teacher"))
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        (
            "graded.jsonl",
            r#"{"model":"m","prompt_id":1,"response_id":0,"reward":0.5}"#,
        ),
        (
            "counts.jsonl",
            "{\"model\":\"a\",\"prompt_id\":1,\"n\":5,\"c\":1}\n{\"model\":\"b\",\"prompt_id\":1,\"n\":5,\"c\":4}",
        ),
    ]);
    let right = folder
        .run(&["select", "candidates.jsonl", "--answers", "-n", "4"])
        .success();
    assert_snapshot!(right, @r"
    Take broad (certain, by the samples): Pass@8 is >99.9% [92.9, 100.0]%, at least 34.1 points above every other candidate.

    The tournament takes broad: in these samples no rival gives the answer 4 times as often on any prompt.

     rank  model  worst rival  value         limits  cross-entropy  Pass@8    missed at 4
    ──────────────────────────────────────────────────────────────────────────────────────
     1     broad  bold            0%    [0.0, 8.1]%         0.6931  >99.9%   [0.0, 10.1]%
     2     bold   broad        50.0%  [17.7, 69.3]%         1.7781   50.0%  [32.9, 67.0]%

    May be best by the tournament, at 95% confidence: broad.
    If some candidate misses a share e of the data at N = 4, broad misses at most e + 8.1% at N = 16 (95% confidence).
    Tournament (Eq 29) at N = 4 on 60 rows, 60 prompts; 95% limits. Value: the worst rival's share of responses. Rates: (c + 1/2)/(n + 1) for the c of n samples with the right answer, n >= 16; limits and the set include that samples only estimate them. Missed: limits of Cov_4, the share that is given with probability 1/4 or less.
    ");
    let document = folder
        .run(&[
            "select",
            "s.jsonl",
            "--answers",
            "-n",
            "4",
            "-r",
            "teacher",
            "--json",
        ])
        .json();
    assert_eq!(
        (
            &document["winner"],
            &document["answers"]["of"],
            &document["rows"]
        ),
        (&json!("broad"), &json!("teacher"), &json!(960))
    );
    assert_eq!(document["answers"]["certified"], "upper-bound");
    assert!(
        document["models"][1]["certified_low"] == 0.0
            && document["models"][1]["difference_to_winner"].is_null()
    );
    let of_teacher = ["select", "s.jsonl", "--answers", "-n", "4", "-r", "teacher"];
    assert_snapshot!(folder.run(&of_teacher).success(), @r"
    The tournament takes broad: in these samples no rival gives the answer 4 times as often on any prompt.

     rank  model  worst rival  value         limits  cross-entropy  missed at 4 at most
    ────────────────────────────────────────────────────────────────────────────────────
     1     broad  bold            0%    [0.0, 8.1]%         0.6931                10.1%
     2     bold   broad        50.0%  [17.7, 69.3]%         1.7781                67.0%

    May be best by the tournament, at 95% confidence: broad.
    If some candidate misses a share e of the data at N = 4, broad misses at most e + 8.1% at N = 16 (95% confidence).
    Tournament (Eq 29) at N = 4 on 960 rows, 60 prompts; 95% limits. Value: the worst rival's share of responses. Rates: (c + 1/2)/(n + 1) for the c of n samples with an answer of teacher, n >= 16; limits and the set include that samples only estimate them. Missed at most: the share that is given with probability 1/4 or less, an upper bound of Cov_4; how much less is not known, as teacher may give its answers with small probabilities too.
    ");
    // 16 of 17 against 1 of 17, by half samples: (8 + 1/2) / (1/2) = 17.
    assert_eq!(document["models"][1]["value"], 0.5);
    let both = folder
        .run(&["select", "counts.jsonl", "--answers", "--json"])
        .json();
    assert_eq!(both["winner"], "b");
    let refused = |arguments: &[&str]| folder.run(&[&["select"], arguments].concat()).failure(1);
    assert_snapshot!(refused(&["graded.jsonl", "--answers"]), @"error: model `m`, prompt `1`: the tournament over answers asks which samples are right, and needs rewards of 0 and 1 (or a reference and a column `answer`); by rewards between them `report` decides and `pass` compares (Best-of-k)");
    assert_snapshot!(refused(&["s.jsonl", "--answers", "-r", "nobody"]), @"error: no samples of `nobody`; the models are bold, broad, teacher");
    assert_snapshot!(refused(&["counts.jsonl", "--answers", "-r", "a"]), @"error: --answers: with a reference answers are compared: every file needs a column `answer`");
    assert_snapshot!(refused(&["s.jsonl", "--answers", "--rule", "offset"]), @"error: --answers has no offset rule: it needs no samples beside those it reads; leave out --rule");
    assert_snapshot!(refused(&["s.jsonl", "--answers", "--rule", "cross-entropy"]), @"error: --answers has no cross-entropy rule: samples put no limits on log-probabilities, and an answer that was never given may have any; leave out --rule");
}

/// 300 prompts with 64 samples; the true values are 0 for A and .02 for B.
#[test]
fn rates_from_samples_exclude_no_model_that_is_the_best() {
    let folder = Folder::new();
    folder.write("samples.jsonl", &case("ans_equal64.jsonl"));
    for flags in [&[][..], &["--landscape"]] {
        let answers = ["select", "samples.jsonl", "--answers", "-n", "2", "--json"];
        let document = folder.run(&[&answers[..], flags].concat()).json();
        assert_eq!(document["not_excluded"], json!(["A", "B"]));
        let stops = document["landscape"].as_array();
        assert!(
            stops
                .into_iter()
                .flatten()
                .all(|stop| stop["certain"] == false)
        );
        for model in document["models"].as_array().unwrap() {
            let truth = if model["model"] == "A" { 0.0 } else { 0.02 };
            let limit = |name: &str| model[name].as_f64().unwrap();
            assert!(limit("low") <= truth && truth <= limit("high"), "{model}");
            assert!(limit("certified_low") > 0.9, "{model}"); // rates of a tenth and less
        }
    }
}

/// Both models have the law of the reference: nothing is missed, however many answers are given
/// with probability 1/8 or less.
#[test]
fn an_upper_bound_is_not_called_a_bracket() {
    let folder = Folder::new();
    folder.write("samples.jsonl.gz", &case("ans_ref.jsonl.gz"));
    let answers = [
        "select",
        "samples.jsonl.gz",
        "--answers",
        "--reference",
        "ref",
        "-n",
        "8",
        "--json",
    ];
    let document = folder.run(&answers).json();
    assert_eq!(document["answers"]["certified"], "upper-bound");
    for model in document["models"].as_array().unwrap() {
        assert_eq!(
            (&model["certified_low"], &model["low"]),
            (&json!(0.0), &json!(0.0))
        );
        assert!(model["certified_high"].as_f64().unwrap() > 0.8);
    }
    assert_eq!(document["not_excluded"], json!(["q1", "q2"]));
}
