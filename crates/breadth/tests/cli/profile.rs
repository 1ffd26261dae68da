//! `breadth profile`: values, levels, tables.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Folder, case, scores, three_checkpoints};

fn profile(table: &str, arguments: &[&str]) -> String {
    let folder = Folder::with(&[("scores.jsonl", table)]);
    folder
        .run(
            &[
                &["profile", "scores.jsonl", "--reference", "teacher"],
                arguments,
            ]
            .concat(),
        )
        .success()
}

fn profile_json(table: &str, arguments: &[&str]) -> serde_json::Value {
    let folder = Folder::with(&[("scores.jsonl", table)]);
    folder
        .run(
            &[
                &[
                    "profile",
                    "scores.jsonl",
                    "--json",
                    "--reference",
                    "teacher",
                ],
                arguments,
            ]
            .concat(),
        )
        .json()
}

fn levels(document: &serde_json::Value, field: &str) -> Vec<f64> {
    let points = document["models"][0]["profile"].as_array().unwrap();
    points
        .iter()
        .map(|point| point[field].as_f64().unwrap())
        .collect()
}

#[test]
fn several_models_stand_side_by_side() {
    assert_snapshot!(profile(&three_checkpoints(), &[]), @r"
    3 models against teacher: 8 rows, 8 prompts

     model          KL (nats)  cross-entropy (nats)
    ────────────────────────────────────────────────
     early  0.836 [no limits]     5.441 [no limits]
     even   0.405 [no limits]     5.011 [no limits]
     late   0.347 [no limits]     4.952 [no limits]

    KL of early: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    Cross-entropy of early: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    KL of even: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    Cross-entropy of even: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    KL of late: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    Cross-entropy of late: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.

    Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability

     N =        1      2      4      8     16     32  64  128  256  512  1024
    ──────────────────────────────────────────────────────────────────────────
     early   100%  12.5%  12.5%  12.5%     0%     0%  0%   0%   0%   0%    0%
     even    100%     0%     0%     0%     0%     0%  0%   0%   0%   0%    0%
     late   25.0%  25.0%  25.0%  25.0%  25.0%  25.0%  0%   0%   0%   0%    0%

    Pass@k at least, if all that teacher writes is right:

     k =        1      4     16     64    256
    ──────────────────────────────────────────
     early  27.6%  53.3%  61.8%  63.1%  63.1%
     even   42.0%  62.3%  63.1%  63.1%  63.1%
     late   36.3%  39.9%  50.1%  60.9%  63.1%

    Best-of-N of early loses at most this much of any reward against teacher: 61.5% with 64 samples, 48.0% with 1024 samples (Prop D.6).
    Best-of-N of even loses at most this much of any reward against teacher: 84.8% with 4 samples, 48.0% with 1024 samples (Prop D.6).
    Best-of-N of late loses at most this much of any reward against teacher: 61.5% with 256 samples, 48.0% with 1024 samples (Prop D.6).

    95% limits: Clopper-Pearson limits, DKW band; --json has all limits and bands
    ");
}

#[test]
fn few_levels_leave_room_for_limits() {
    assert_snapshot!(profile(&three_checkpoints(), &["-n", "2,4,8"]), @r"
    3 models against teacher: 8 rows, 8 prompts

     model          KL (nats)  cross-entropy (nats)
    ────────────────────────────────────────────────
     early  0.836 [no limits]     5.441 [no limits]
     even   0.405 [no limits]     5.011 [no limits]
     late   0.347 [no limits]     4.952 [no limits]

    KL of early: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    Cross-entropy of early: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    KL of even: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    Cross-entropy of even: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    KL of late: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    Cross-entropy of late: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.

    Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability

     N =                     2                   4                   8
    ───────────────────────────────────────────────────────────────────
     early  12.5% [0.3, 52.7]%  12.5% [0.3, 52.7]%  12.5% [0.3, 52.7]%
     even      0% [0.0, 37.0]%     0% [0.0, 37.0]%     0% [0.0, 37.0]%
     late   25.0% [3.1, 65.1]%  25.0% [3.1, 65.1]%  25.0% [3.1, 65.1]%

    Pass@k at least, if all that teacher writes is right:

     k =        1      4     16     64    256
    ──────────────────────────────────────────
     early  27.6%  53.3%  61.8%  63.1%  63.1%
     even   42.0%  62.3%  63.1%  63.1%  63.1%
     late   36.3%  39.9%  50.1%  60.9%  63.1%

    Best-of-N of even loses at most this much of any reward against teacher: 84.8% with 4 samples, 48.0% with 1024 samples (Prop D.6).

    95% limits: Clopper-Pearson limits, DKW band; --json has all limits and bands
    ");
}

#[test]
fn one_model_is_shown_in_full() {
    assert_snapshot!(profile(&three_checkpoints(), &["--model", "late", "-n", "1,2,4,..,64"]), @r"
    late against teacher: 8 rows, 8 prompts

     model          KL (nats)  cross-entropy (nats)
    ────────────────────────────────────────────────
     late   0.347 [no limits]     4.952 [no limits]

    KL of late: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.
    Cross-entropy of late: cannot be bounded: it is carried by as little as 8.0 prompts of equal size, and it takes 10.

    Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability

      N  Cov_N        limits  band over all N
    ──────────────────────────────────────────
      1  25.0%  [3.1, 65.1]%     [0.0, 73.1]%
      2  25.0%  [3.1, 65.1]%     [0.0, 73.1]%
      4  25.0%  [3.1, 65.1]%     [0.0, 73.1]%
      8  25.0%  [3.1, 65.1]%     [0.0, 73.1]%
     16  25.0%  [3.1, 65.1]%     [0.0, 73.1]%
     32  25.0%  [3.1, 65.1]%     [0.0, 73.1]%
     64     0%  [0.0, 37.0]%     [0.0, 48.1]%

    Pass@k at least, if all that teacher writes is right:

     k =       1      4     16     64    256
    ─────────────────────────────────────────
     late  36.3%  39.9%  50.1%  60.9%  63.1%

    Best-of-N of late loses at most this much of any reward against teacher: 61.5% with 256 samples, 48.0% with 1024 samples (Prop D.6).

    95% limits: Clopper-Pearson limits, DKW band; --json has all limits and bands
    ");
}

#[test]
fn values_are_those_counted_by_hand() {
    let document = profile_json(&three_checkpoints(), &["-m", "late", "-n", "1,32,33"]);
    assert_eq!(levels(&document, "cov"), [0.25, 0.25, 0.0]);
    let kl = document["models"][0]["kl"]["value"].as_f64().unwrap();
    assert!(
        (kl - (2.0 * 32_f64.ln() - 6.0 * 2_f64.ln()) / 8.0).abs() < 1e-12,
        "{kl}"
    );
    let names: Vec<_> = profile_json(&three_checkpoints(), &[])["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["model"].clone())
        .collect();
    assert_eq!(
        names,
        ["early", "even", "late"],
        "all but the reference, in order of appearance"
    );
}

#[test]
fn levels_continue_where_two_dots_ask_for_it() {
    let of =
        |arguments: &[&str], field| levels(&profile_json(&three_checkpoints(), arguments), field);
    assert_eq!(
        of(&[], "n"),
        [1., 2., 4., 8., 16., 32., 64., 128., 256., 512., 1024.]
    );
    assert_eq!(of(&["-n", "1,4,.."], "n"), [1., 4., 16., 64., 256., 1024.]);
    assert_eq!(of(&["-n", "1,3,..,30"], "n"), [1., 3., 9., 27.]);
    assert_eq!(of(&["--log-n", "0,10,.."], "log_n"), [0., 10., 20., 30.]);
    assert_eq!(of(&["--log-n", "0,1000"], "log_n"), [0., 1000.]);
}

#[test]
fn an_impossible_response_makes_kl_infinite_and_stays_uncovered() {
    let table = scores(&[
        ("teacher", &[-1.0, -1.0]),
        ("q", &[-1.0, f64::NEG_INFINITY]),
    ]);
    let document = profile_json(&table, &["--log-n", "1,1000"]);
    assert_eq!(document["models"][0]["kl"]["value"], json!("inf"));
    assert_eq!(
        document["models"][0]["cross_entropy"]["value"],
        json!("inf")
    );
    assert_eq!(document["models"][0]["profile"][1]["n"], json!("inf"));
    assert_eq!(levels(&document, "cov"), [0.5, 0.5]);
    assert_snapshot!(profile(&table, &["-n", "2"]), @"
    q against teacher: 2 rows, 2 prompts

     model       KL (nats)  cross-entropy (nats)
    ─────────────────────────────────────────────
     q      inf [inf, inf]        inf [inf, inf]

    Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability

     N  Cov_N        limits  band over all N  KL bound
    ───────────────────────────────────────────────────
     2  50.0%  [1.2, 98.8]%    [0.0, 100.0]%      100%

    Pass@k at least, if all that teacher writes is right:

     k =     1     4    16    64   256
    ───────────────────────────────────
     q    1.3%  1.3%  1.3%  1.3%  1.3%

    95% limits: Clopper-Pearson limits, DKW band; --json has all limits and bands
    ");
}

/// KL is never negative: where its estimate is, the rows are no sample of the reference, and what
/// bounds coverage by KL would be wrong.
#[test]
fn a_negative_kl_bounds_nothing() {
    let (below, above) = (vec![-3.0; 40], vec![-1.0; 40]);
    let table = scores(&[("teacher", &below), ("q", &above)]);
    let document = profile_json(&table, &["-n", "2,4"]);
    assert_eq!(document["models"][0]["kl"]["value"], -2.0);
    assert_eq!(levels(&document, "kl_bound"), [1.0, 1.0]);
    assert_eq!(document["models"][0]["profile"][0]["bounds"], json!([]));
    let text = profile(&table, &["-n", "2,4"]);
    assert!(!text.contains("KL bound"), "{text}");
    let said = "KL of q: negative, which KL never is: the reference gave the data less probability \
                than the model did, so there is no bound by KL.";
    assert_eq!(text.matches(said).count(), 1, "{text}");
}

#[test]
fn the_kl_bound_holds_the_coverage() {
    let document = profile_json(&three_checkpoints(), &["-m", "early"]);
    for (cov, bound) in levels(&document, "cov")
        .iter()
        .zip(levels(&document, "kl_bound"))
    {
        assert!(*cov <= bound && bound <= 1.0, "{cov} {bound}");
    }
}

#[test]
fn a_run_folder_names_its_reference() {
    let folder = Folder::with(&[
        ("run/run.json", r#"{"reference":"teacher"}"#),
        ("run/scores.parquet", &three_checkpoints()),
    ]);
    assert_eq!(
        folder.run(&["profile", "run", "--json"]).json()["reference"],
        "teacher"
    );
    assert_eq!(
        folder
            .run(&["profile", "run", "-r", "even", "--json"])
            .json()["reference"],
        "even"
    );
}

#[test]
fn bounds_use_the_upper_limit_of_kl_and_best_of_n_the_band() {
    let ratios: Vec<f64> = (0..2000)
        .map(|row| if row % 2 == 0 { -1.5 } else { -0.9 })
        .collect();
    let table = scores(&[("teacher", &[-1.0; 2000]), ("m", &ratios)]);
    let document = profile_json(&table, &["-n", "8"]);
    let model = &document["models"][0];
    let point = &model["profile"][0];
    let bound = |at: usize| {
        (
            point["bounds"][at]["name"].as_str().unwrap(),
            point["bounds"][at]["value"].as_f64().unwrap(),
        )
    };
    let high = model["kl"]["high"].as_f64().unwrap();
    assert_eq!(
        bound(0),
        ("Lemma D.1", high / (8_f64.ln() - 1.0 + 1.0 / 8.0))
    );
    assert_eq!(bound(1), ("Prop 3.1", high / (8_f64.ln() - 1.0)));
    let regret = &model["best_of_n"].as_array().unwrap()[2];
    let expected = point["band_high"].as_f64().unwrap() + (-4_f64).exp();
    assert_eq!(
        (regret["n"].as_f64(), regret["regret_high"].as_f64()),
        (Some(64.0), Some(expected))
    );
    assert_snapshot!(profile(&table, &["-n", "8"]), @"
    m against teacher: 2,000 rows, 2,000 prompts

     model             KL (nats)  cross-entropy (nats)
    ───────────────────────────────────────────────────
     m      0.200 [0.187, 0.213]  1.200 [1.187, 1.213]

    Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability

     N  Cov_N       limits  band over all N  KL bound
    ──────────────────────────────────────────────────
     8     0%  [0.0, 0.2]%      [0.0, 3.1]%     17.7%

    Pass@k at least, if all that teacher writes is right:

     k =      1      4     16     64    256
    ────────────────────────────────────────
     m    79.4%  98.6%  99.8%  99.8%  99.8%

    Best-of-N of m loses at most this much of any reward against teacher: 80.9% with 4 samples, 3.0% with 1024 samples (Prop D.6).

    95% limits: Clopper-Pearson limits, DKW band; --json has all limits and bands
    ");
}

/// Rows of three models in two groups: `late` gives up half of the hard ones, which are half of the
/// rows and a tenth of the population.
fn grouped() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for row in 0..200 {
        let (group, lost) = if row % 2 == 0 {
            ("easy", 0.0)
        } else {
            ("hard", f64::from(row % 4 / 3) * 3.0)
        };
        for (model, shift) in [("teacher", 0.0), ("early", 0.3), ("late", 0.1 + lost)] {
            let logprob = -20.0 - f64::from(row % 7) - shift;
            writeln!(
                text,
                r#"{{"model":"{model}","prompt_id":{row},"logprob":{logprob},"group":"{group}"}}"#
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn groups_count_what_they_count_in_the_population() {
    let weights = ["-n", "4", "--group-weights", "easy=9,hard=1"];
    let document = profile_json(&grouped(), &weights);
    let late = &document["models"][1];
    let close = |value: &serde_json::Value, expected: f64| {
        assert!(
            (value.as_f64().unwrap() - expected).abs() < 1e-12,
            "{value}"
        );
    };
    close(&late["profile"][0]["cov"], 0.05);
    close(&late["kl"]["value"], 0.1 + 3.0 * 0.05);
    assert_eq!(
        late["method"],
        "Gaffke limits within groups, DKW band at the effective number of rows"
    );
    close(
        &profile_json(&grouped(), &["-n", "4"])["models"][1]["profile"][0]["cov"],
        0.25,
    );
    let refused = |weights: &str| {
        let folder = Folder::with(&[("s.jsonl", &grouped())]);
        let arguments = [
            "profile",
            "s.jsonl",
            "-r",
            "teacher",
            "--group-weights",
            weights,
        ];
        folder.run(&arguments).failure(1)
    };
    assert_snapshot!(refused("easy=9"), @"error: --group-weights: group `hard` is left out; give its weight too");
    assert_snapshot!(refused("easy=9,hard=1,odd=1"), @"error: --group-weights: no row has the group `odd`; the groups are easy, hard");
    assert_snapshot!(refused("easy=9,hard=1,easy=2"), @"error: --group-weights: `easy` is named twice");
}

#[test]
fn differences_to_a_baseline_are_paired() {
    let document = profile_json(&grouped(), &["-n", "4", "--baseline", "early"]);
    assert!(document["models"][0].get("kl_difference").is_none());
    let late = &document["models"][1];
    assert_eq!(late["profile"][0]["difference"]["value"], 0.25);
    assert!((late["kl_difference"]["value"].as_f64().unwrap() - 0.55).abs() < 1e-12);
    assert_snapshot!(profile(&grouped(), &["-n", "1,4", "--baseline", "early"]), @r"
    2 models against teacher: 200 rows, 200 prompts

     model             KL (nats)     cross-entropy (nats)
    ──────────────────────────────────────────────────────
     early  0.300 [0.300, 0.300]  23.270 [22.991, 23.549]
     late   0.850 [0.668, 1.032]  23.820 [23.486, 24.154]

    Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability

     N =                      1                    4
    ─────────────────────────────────────────────────
     early  100% [98.1, 100.0]%       0% [0.0, 1.9]%
     late   100% [98.1, 100.0]%  25.0% [19.1, 31.6]%

    Less that of early, on the same rows (paired limits)

     model       KL               Cov_1                  Cov_4
    ───────────────────────────────────────────────────────────
     late   +0.550*  +0.0 [-1.8, +1.8]%  +25.0 [+18.5, +31.6]%

    *: the limits leave out 0.

    Pass@k at least, if all that teacher writes is right:

     k =        1      4     16     64    256
    ──────────────────────────────────────────
     early  72.7%  97.7%  98.2%  98.2%  98.2%
     late   63.3%  73.6%  84.5%  96.9%  98.2%

    Best-of-N of early loses at most this much of any reward against teacher: 70.3% with 4 samples, 9.6% with 1024 samples (Prop D.6).
    Best-of-N of late loses at most this much of any reward against teacher: 95.3% with 4 samples, 34.6% with 1024 samples (Prop D.6).

    95% limits: Clopper-Pearson limits, DKW band; --json has all limits and bands
    ");
}

/// Two chains for each of two answers; `flat` spreads over the chains of the answer that it
/// favours, `narrow` keeps one chain of each.
fn chains() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for prompt in 0..20 {
        for (response, (answer, teacher, flat, narrow)) in [
            ("yes", 0.4_f64, 0.06_f64, 0.8_f64),
            ("yes", 0.4, 0.84, 0.01),
            ("no", 0.15, 0.05, 0.18),
            ("no", 0.05, 0.05, 0.01),
        ]
        .into_iter()
        .enumerate()
        {
            for (model, q) in [("teacher", teacher), ("flat", flat), ("narrow", narrow)] {
                writeln!(
                    text,
                    r#"{{"model":"{model}","prompt_id":{prompt},"response_id":{response},"logprob":{},"answer":"{answer}"}}"#,
                    q.ln()
                )
                .unwrap();
            }
        }
    }
    text
}

#[test]
fn answers_are_summed_over_their_chains() {
    // flat: yes 0.9 against 0.8, no 0.1 against 0.2; narrow: yes 0.81, no 0.19.
    let document = profile_json(&chains(), &["--answers", "-n", "1,2,3"]);
    assert_eq!(
        document["answers"],
        json!({"responses": 80, "answers": 40, "listed_min": 1.0})
    );
    let rounded: Vec<f64> = levels(&document, "cov")
        .iter()
        .map(|v| (v * 1e9).round() / 1e9)
        .collect();
    assert_eq!(rounded, [0.2, 0.2, 0.0]);
    let kl = 0.8 * (0.8_f64 / 0.9).ln() + 0.2 * 2_f64.ln();
    assert!((document["models"][0]["kl"]["value"].as_f64().unwrap() - kl).abs() < 1e-12);
    let by_chain = profile_json(&chains(), &["-n", "5"]);
    assert_eq!(levels(&by_chain, "cov"), [0.25]);
    assert_snapshot!(profile(&chains(), &["--answers", "-n", "2,4"]), @r"
    2 models against teacher: 40 rows, 20 prompts

     model              KL (nats)  cross-entropy (nats)
    ────────────────────────────────────────────────────
     flat    0.044 [0.044, 0.044]  0.545 [0.545, 0.545]
     narrow  0.000 [0.000, 0.000]  0.501 [0.501, 0.501]

    Cov_N: share of the final answers to which the model gives at most 1/N of the reference's probability

     N =                       2                4
    ──────────────────────────────────────────────
     flat    20.0% [16.6, 33.5]%  0% [0.0, 16.9]%
     narrow      0% [0.0, 16.9]%  0% [0.0, 16.9]%

    Best-of-N of flat loses at most this much of any reward against teacher: 91.0% with 4 samples, 30.4% with 1024 samples (Prop D.6).
    Best-of-N of narrow loses at most this much of any reward against teacher: 67.2% with 4 samples, 30.4% with 1024 samples (Prop D.6).

    Answers: sums over 80 responses with at least 100% of what teacher writes on every prompt.
    95% limits: Gaffke limits over prompts, DKW band at the effective number of prompts; --json has all limits and bands
    ");
    let refused = |table: &str| {
        let folder = Folder::with(&[("scores.jsonl", table)]);
        folder
            .run(&["profile", "scores.jsonl", "-r", "teacher", "--answers"])
            .failure(1)
    };
    assert_snapshot!(refused(&three_checkpoints()), @"error: --answers: the score table lacks the final answer of every response, a column `answer`");
    let sampled: String = chains()
        .lines()
        .filter(|row| !row.contains(r#""response_id":3"#))
        .map(|row| format!("{row}\n"))
        .collect();
    assert_snapshot!(refused(&sampled), @"error: prompt `0`: its responses have probability 0.9500 in all under `teacher`; exact sums need every response that it may write, once; of samples `select` compares the answers");
    let conflicting = chains().replacen("yes", "no", 1);
    assert_snapshot!(refused(&conflicting), @"error: scores.jsonl, line 2, column `answer`: `yes`, but scores.jsonl, line 1 has `no` for the same response (source `data`, prompt `0`, response `0`); make them equal");
}

/// 100 prompts with two answers each, which lose a thousandth of their answers: the independent
/// units are the prompts.
#[test]
fn limits_over_answers_count_prompts() {
    let folder = Folder::new();
    folder.write("enumerated.csv", &case("ansprof.csv"));
    let answers = [
        "profile",
        "enumerated.csv",
        "-r",
        "p",
        "--answers",
        "-n",
        "4",
        "--json",
    ];
    let document = folder.run(&answers).json();
    let point = &document["models"][0]["profile"][0];
    assert!(
        point["effective_rows"].as_f64().unwrap() <= 100.0,
        "{point}"
    );
    // A prompt that was not seen may have lost all: 1 - .025^(1/100) of them.
    assert!(point["high"].as_f64().unwrap() >= 0.036, "{point}");
}

/// What is listed of one prompt is a little less than all: it counts as much as the others.
#[test]
fn prompts_count_the_same_whatever_is_listed_of_them() {
    let (all, less) = (0.4_f64.ln().to_string(), 0.395_f64.ln().to_string());
    let rounded = chains().replacen(&all, &less, 1);
    assert!(rounded.contains(&less));
    let document = profile_json(&rounded, &["--answers", "-n", "2"]);
    let lost = 0.2 * 19.0 + 0.2 / 0.995;
    let cov = document["models"][0]["profile"][0]["cov"].as_f64().unwrap();
    assert!((cov - lost / 20.0).abs() < 1e-12, "{cov} {}", lost / 20.0);
}

#[test]
fn tokens_say_where_the_probability_was_lost() {
    use std::fmt::Write;
    let mut table = String::new();
    for prompt in 0..4 {
        for (model, tokens) in [
            ("teacher", "[-1,-1,-1]"),
            ("close", "[-1.5,-1,-1.5]"),
            (
                "slip",
                if prompt == 0 {
                    "[-1,-9,-1]"
                } else {
                    "[-1,-1,-1]"
                },
            ),
        ] {
            let total: f64 = serde_json::from_str::<Vec<f64>>(tokens)
                .unwrap()
                .iter()
                .sum();
            writeln!(
                table,
                r#"{{"model":"{model}","prompt_id":{prompt},"response_id":0,"logprob":{total},"tokens":3,"token_logprobs":{tokens}}}"#
            )
            .unwrap();
        }
    }
    assert_snapshot!(profile(&table, &["--tokens", "-n", "2,100"]), @r"
    2 models against teacher: 4 rows, 4 prompts

     model          KL (nats)  cross-entropy (nats)
    ────────────────────────────────────────────────
     close  1.000 [no limits]     4.000 [no limits]
     slip   2.000 [no limits]     5.000 [no limits]

    KL of close: cannot be bounded: it is carried by as little as 4.0 prompts of equal size, and it takes 10.
    Cross-entropy of close: cannot be bounded: it is carried by as little as 4.0 prompts of equal size, and it takes 10.
    KL of slip: cannot be bounded: it is carried by as little as 4.0 prompts of equal size, and it takes 10.
    Cross-entropy of slip: cannot be bounded: it is carried by as little as 4.0 prompts of equal size, and it takes 10.

    Cov_N: share of the responses to which the model gives at most 1/N of the reference's probability

     N =                      2                 100
    ────────────────────────────────────────────────
     close  100% [39.7, 100.0]%     0% [0.0, 60.3]%
     slip    25.0% [0.6, 80.6]%  25.0% [0.6, 80.6]%

    close, token by token (nats; the last column sums to KL)

     tokens  count  log p/q each  per response
    ───────────────────────────────────────────
     1           4         0.500         0.500
     2           4         0.000         0.000
     3-4         4         0.500         0.500

    The worst 1 of 12 tokens hold 12.5% of all that it falls behind.
    With the worst token of every response forgiven, Cov_2 falls from 100% to 0%.
    The worst: token 1 of response `0` to prompt `0`, -1.500 nats against -1.000. More with --json.

    slip, token by token (nats; the last column sums to KL)

     tokens  count  log p/q each  per response
    ───────────────────────────────────────────
     1           4         0.000         0.000
     2           4         2.000         2.000
     3-4         4         0.000         0.000

    The worst 1 of 12 tokens hold 100% of all that it falls behind.
    With the worst token of every response forgiven, Cov_100 falls from 25.0% to 0%.
    The worst: token 2 of response `0` to prompt `0`, -9.000 nats against -1.000. More with --json.

    Pass@k at least, if all that teacher writes is right:

     k =        1      4     16     64    256
    ──────────────────────────────────────────
     close  14.6%  33.4%  39.7%  39.8%  39.8%
     slip   19.4%  19.5%  19.6%  20.3%  22.6%

    95% limits: Clopper-Pearson limits, DKW band; --json has all limits and bands
    ");
    let document = profile_json(&table, &["--tokens", "-m", "slip", "-n", "2"]);
    let tokens = &document["models"][0]["tokens"];
    assert_eq!(
        tokens["worst"][0],
        json!({"prompt_id": "0", "response_id": "0", "position": 2, "log_p": -1.0, "log_q": -9.0})
    );
    assert_eq!(levels(&document, "cov"), [0.25]);
    assert_eq!(tokens["forgiven"][0]["cov"], 0.0);
    let three = r#""tokens":3,"token_logprobs":[-1,-1,-1]"#;
    let shorter = table.replacen(three, r#""tokens":2,"token_logprobs":[-2,-1]"#, 1);
    let folder = Folder::with(&[
        ("scores.jsonl", &shorter),
        ("plain.jsonl", &three_checkpoints()),
    ]);
    let refused = |table: &str| {
        folder
            .run(&["profile", table, "-r", "teacher", "--tokens"])
            .failure(1)
    };
    assert_snapshot!(refused("scores.jsonl"), @"error: --tokens: response `0` of prompt `0` is 2 tokens under `teacher` but 3 under `close`; only models with the same tokenizer can be compared");
    assert_snapshot!(refused("plain.jsonl"), @"error: --tokens: the table lacks the column `token_logprobs`; breadth score writes it with --token-logprobs");
}
