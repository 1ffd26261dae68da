//! The summary against brute force over tables small enough to count by hand.

use std::sync::LazyLock;

use breadth_analysis::{
    Candidates, Checkpoint, Error, PassPoint, Report, ReportInputs, ReportOptions, Samples, Scores,
    SelectOptions, SelectionRule, Standing, from_run, summarize, summarize_candidates,
    summarize_samples,
};
use breadth_data::{
    Metrics, Outcome, Provenance, ReadOptions, SampleRow, SampleTable, ScoreRow, ScoreTable,
    write_samples, write_scores,
};
use breadth_stats::Level;
use insta::assert_snapshot;
use proptest::prelude::*;

/// Log-probabilities by model, for one response to each of as many prompts.
fn scores(columns: &[(&str, &[f64])], groups: &[&str], weights: Option<&[f64]>) -> ScoreTable {
    let rows = columns[0].1.len();
    let mut names: Vec<String> = groups.iter().map(|group| group.to_string()).collect();
    names.dedup();
    let code = |group: &&str| names.iter().position(|name| name == group).unwrap() as u32;
    ScoreTable {
        models: columns.iter().map(|column| column.0.to_string()).collect(),
        sources: vec!["data".into()],
        source: vec![0; rows],
        prompts: (0..rows).map(|i| format!("p{i}")).collect(),
        prompt: (0..rows as u32).collect(),
        responses: vec!["0".into()],
        response: vec![0; rows],
        group: (!groups.is_empty()).then(|| groups.iter().map(code).collect()),
        groups: names,
        weight: weights.map(<[f64]>::to_vec),
        logprob: columns.iter().map(|column| column.1.to_vec()).collect(),
        ..ScoreTable::default()
    }
}

const EXACT: [f64; 6] = [-0.7, -0.7, -1.4, -1.4, -2.1, -2.1];
/// Fits most rows best and gives up the last two.
const LATE: [f64; 6] = [-0.5, -0.5, -1.1, -1.1, -9.0, -9.0];
/// Fits nothing well and gives up nothing.
const EARLY: [f64; 6] = [-1.5, -1.6, -2.2, -2.2, -2.6, -2.5];
const GROUPS: [&str; 6] = ["G1", "G1", "G1", "G1", "G2", "G2"];
const WEIGHTS: [f64; 6] = [2.0, 2.0, 2.0, 2.0, 0.1, 0.1];

/// The later step first, so that drawing order and table order differ.
fn table() -> ScoreTable {
    let columns: [(&str, &[f64]); 3] = [("step-20", &LATE), ("exact", &EXACT), ("step-3", &EARLY)];
    scores(&columns, &GROUPS, Some(&WEIGHTS))
}

fn inputs(scores: &ScoreTable) -> ReportInputs<'_> {
    ReportInputs {
        scores,
        selection: None,
        samples: None,
        reference: Some("exact"),
        single_correct_response: true,
    }
}

fn mean(values: impl Fn(usize) -> f64) -> f64 {
    let total: f64 = WEIGHTS.iter().sum();
    (0..6).map(|i| WEIGHTS[i] * values(i)).sum::<f64>() / total
}

fn placed(checkpoint: &Checkpoint) -> &Standing {
    checkpoint.standing.as_ref().unwrap()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} against {b}");
}

#[test]
fn every_number_equals_its_definition() {
    let table = table();
    let report = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    let names: Vec<&str> = report
        .checkpoints
        .iter()
        .map(|c| c.model.as_str())
        .collect();
    assert_eq!(names, ["step-3", "step-20"]);
    assert_eq!(report.checkpoints[1].step, Some(20));
    for (c, log_q) in report.checkpoints.iter().zip([EARLY, LATE]) {
        close(c.kl.unwrap().value, mean(|i| EXACT[i] - log_q[i]));
        close(c.cross_entropy.unwrap().value, mean(|i| -log_q[i]));
        for point in &c.coverage {
            let uncovered = |i: usize| EXACT[i] - log_q[i] >= point.level.log_n() - 1e-9;
            close(point.cov, mean(|i| f64::from(u8::from(uncovered(i)))));
        }
        for point in &c.pass {
            let k = point.k as i32;
            close(
                point.exact.unwrap(),
                mean(|i| 1.0 - (1.0 - log_q[i].exp()).powi(k)),
            );
            assert!(point.sampled.is_none());
        }
    }
    let levels: Vec<f64> = report.checkpoints[0]
        .coverage
        .iter()
        .map(|p| p.level.n())
        .collect();
    assert_eq!(levels, [2.0, 4.0, 6.0]);
    assert_eq!(
        report.checkpoints[0]
            .pass
            .iter()
            .map(|p| p.k)
            .collect::<Vec<_>>(),
        [4, 8, 12]
    );
    assert_eq!(report.checkpoints[0].profile.len(), 49);
}

#[test]
fn the_tournament_is_that_of_the_rows_in_drawing_order() {
    let table = table();
    let report = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    // LATE gives the last two rows (weight 0.2 of 8.2) e^6 less than EARLY; EARLY loses e^1 at
    // most.
    close(report.matrix[1], 0.2 / 8.2);
    assert_eq!(
        (report.matrix[0], report.matrix[2], report.matrix[3]),
        (0.0, 0.0, 0.0)
    );
    let (early, late) = (&report.checkpoints[0], &report.checkpoints[1]);
    let (early, late) = (placed(early), placed(late));
    assert_eq!((early.value, early.rank, early.tied), (0.0, 1, true));
    close(late.value, 0.2 / 8.2);
    assert_eq!(late.worst_rival.as_deref(), Some("step-3"));
    assert_eq!((late.rank, late.tied), (2, false));
    // Weighted, LATE has the lower loss: (1, 1, ..) against (1.9, ..).
    let choices = report.choices;
    assert_eq!((choices.winner, choices.lowest_loss), (Some(0), Some(1)));
}

#[test]
fn selection_rows_decide_the_tournament_and_nothing_else() {
    let table = table();
    let on_others: [(&str, &[f64]); 3] = [
        ("step-3", &[-9.0, -1.0]),
        ("exact", &[-1.0, -1.0]),
        ("step-20", &[-1.0, -1.0]),
    ];
    let selection = scores(&on_others, &[], None);
    let with = ReportInputs {
        selection: Some(&selection),
        ..inputs(&table)
    };
    let report = summarize(&with, &ReportOptions::default()).unwrap();
    let without = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    assert_eq!(report.choices.winner, Some(1));
    assert_eq!(report.matrix, [0.0, 0.0, 0.5, 0.0]);
    assert_eq!(report.checkpoints[0].kl, without.checkpoints[0].kl);
    let rows = (report.selection_rows.unwrap(), report.evaluation.unwrap());
    assert_eq!((rows.0.rows, rows.1.rows), (2, 6));
}

/// `n` samples for each of two prompts of G1 and one of G2, of which so many are right.
fn samples(correct: [u64; 3], n: u64) -> SampleTable {
    let outcome = |c: u64| Some(Outcome::Counts { n, c });
    SampleTable {
        models: vec!["step-3".into()],
        prompts: vec!["a".into(), "b".into(), "c".into()],
        groups: vec!["G2".into(), "G1".into()],
        group: vec![Some(1), Some(1), Some(0)],
        outcomes: vec![correct.map(outcome).to_vec()],
        ..SampleTable::default()
    }
}

fn pass_of_samples(samples: &SampleTable) -> Result<Report, Error> {
    let table = table();
    summarize(
        &ReportInputs {
            samples: Some(samples),
            ..inputs(&table)
        },
        &ReportOptions::default(),
    )
}

#[test]
fn sampled_prompts_stand_for_the_groups_as_they_were_scored() {
    let report = pass_of_samples(&samples([8, 0, 0], 8)).unwrap();
    // G1 weighs 8, half of its prompts are solved; G2 weighs 0.2 and is not.
    let sampled = report.checkpoints[0].pass[1].sampled.unwrap();
    close(sampled.value, 4.0 / 8.2);
    assert!(sampled.low < sampled.value && sampled.value < sampled.high);
    assert!(
        report.checkpoints[0].pass[2].sampled.is_none(),
        "8 samples do not give Pass@12"
    );
    assert!(
        report.checkpoints[1].pass[1].sampled.is_none(),
        "nothing was drawn from step-20"
    );
}

#[test]
fn samples_without_groups_take_the_weight_of_their_prompt() {
    let mut drawn = samples([8, 0, 0], 8);
    drawn.group = vec![None; 3];
    drawn.groups.clear();
    drawn.prompts = vec!["p0".into(), "p3".into(), "p5".into()];
    let report = pass_of_samples(&drawn).unwrap();
    close(
        report.checkpoints[0].pass[1].sampled.unwrap().value,
        2.0 / 4.1,
    );
}

#[test]
fn equal_weights_where_nothing_is_weighted() {
    let columns: [(&str, &[f64]); 2] = [("step-3", &EARLY), ("step-20", &LATE)];
    let table = scores(&columns, &[], None);
    let drawn = samples([8, 0, 0], 8);
    let inputs = ReportInputs {
        samples: Some(&drawn),
        reference: None,
        ..inputs(&table)
    };
    let report = summarize(&inputs, &ReportOptions::default()).unwrap();
    close(
        report.checkpoints[0].pass[1].sampled.unwrap().value,
        1.0 / 3.0,
    );
    assert!(report.checkpoints[0].kl.is_none() && report.checkpoints[0].coverage.is_empty());
}

#[test]
fn names_without_steps_keep_their_order() {
    let columns: [(&str, &[f64]); 3] = [("b7", &EARLY), ("a13", &LATE), ("c", &EARLY)];
    let table = scores(&columns, &[], None);
    let report = summarize(
        &ReportInputs {
            reference: None,
            ..inputs(&table)
        },
        &ReportOptions::default(),
    );
    let checkpoints = report.unwrap().checkpoints;
    assert_eq!(
        checkpoints
            .iter()
            .map(|c| c.model.as_str())
            .collect::<Vec<_>>(),
        ["b7", "a13", "c"]
    );
    assert!(checkpoints.iter().all(|c| c.step.is_none()));
}

#[test]
fn one_row_one_model_and_infinite_ratios() {
    let zero: [(&str, &[f64]); 2] = [("exact", &[-1.0]), ("step-1", &[f64::NEG_INFINITY])];
    let table = scores(&zero, &[], None);
    let report = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    let only = &report.checkpoints[0];
    assert_eq!(only.kl.unwrap().value, f64::INFINITY);
    assert!(only.coverage.iter().all(|point| point.cov == 1.0));
    assert_eq!(
        (placed(only).value, placed(only).rank, only.pass[0].exact),
        (0.0, 1, Some(0.0))
    );
}

#[test]
fn several_responses_to_a_prompt_are_a_cluster() {
    let mut table = table();
    let alone = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    table.prompt = vec![0, 0, 0, 0, 1, 1];
    table.prompts.truncate(2);
    table.response = vec![0, 1, 2, 3, 0, 1];
    let clustered = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    assert_eq!(clustered.evaluation.unwrap().prompts, 2);
    let width = |r: &Report| {
        let point = r.checkpoints[0].coverage[0];
        point.high - point.low
    };
    assert_eq!(
        alone.checkpoints[0].kl.unwrap().value,
        clustered.checkpoints[0].kl.unwrap().value
    );
    assert!(
        width(&clustered) > width(&alone),
        "two clusters know less than six rows"
    );
}

#[test]
fn errors_say_what_to_do() {
    let table = table();
    let fail = |inputs: &ReportInputs| {
        summarize(inputs, &ReportOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert_snapshot!(fail(&ReportInputs { reference: Some("teacher"), ..inputs(&table) }), @"the scores have no reference `teacher`; they have the models step-20, exact, step-3: name one of them as the reference");
    let lone = scores(&[("exact", &EXACT)], &[], None);
    assert_snapshot!(fail(&inputs(&lone)), @"the scores hold no model beside the reference `exact`: score at least one checkpoint");
    let selection = scores(&[("step-3", &EARLY)], &[], None);
    assert_snapshot!(fail(&ReportInputs { selection: Some(&selection), ..inputs(&table) }), @"model `step-20` is in the scores but not in the selection table: score it on both, or on neither");
    let more: [(&str, &[f64]); 3] = [("step-3", &EARLY), ("step-20", &LATE), ("step-40", &LATE)];
    let selection = scores(&more, &[], None);
    assert_snapshot!(fail(&ReportInputs { selection: Some(&selection), ..inputs(&table) }), @"model `step-40` is in the selection table but not in the scores: score it on both, or on neither");
}

#[test]
fn samples_of_unknown_weight_are_refused() {
    let fail = |samples: &SampleTable| pass_of_samples(samples).unwrap_err().to_string();
    let mut drawn = samples([8, 0, 0], 8);
    drawn.groups[0] = "G3".into();
    drawn.group.push(Some(2));
    drawn.groups.push("G2".into());
    drawn.prompts.push("d".into());
    drawn.outcomes[0].push(Some(Outcome::Counts { n: 8, c: 1 }));
    assert_snapshot!(fail(&drawn), @"the samples have group `G3`, which the scores lack: its weight is unknown, so draw samples for the prompts and groups that were scored");
    let mut drawn = samples([8, 0, 0], 8);
    drawn.group[2] = Some(1);
    assert_snapshot!(fail(&drawn), @"group `G2` has weight in the scores but no samples of model `step-3`: sample every group, or Pass@k would speak of another mixture");
    let mut drawn = samples([8, 0, 0], 8);
    drawn.group = vec![None; 3];
    assert_snapshot!(fail(&drawn), @"the samples have prompt `a`, which the scores lack: its weight is unknown, so draw samples for the prompts and groups that were scored");
}

#[test]
fn the_levels_follow_from_n() {
    let passes = |n: f64| {
        ReportOptions {
            level: Level::from_n(n).unwrap(),
            ..ReportOptions::default()
        }
        .passes()
    };
    assert_eq!(passes(4.0), [4, 8, 12]);
    assert_eq!(passes(1.0), [2, 3]);
    assert_eq!(passes(2.5), [3, 5, 8]);
    assert_eq!(passes(1e9), [2, 8, 32]);
}

#[test]
fn json_carries_levels_and_infinities_as_the_interface_says() {
    let zero: [(&str, &[f64]); 2] = [("exact", &[-1.0]), ("step-1", &[f64::NEG_INFINITY])];
    let table = scores(&zero, &[], None);
    let report = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["n"], 4.0);
    assert_eq!(json["log_n"], 4f64.ln());
    let checkpoint = &json["checkpoints"][0];
    assert_eq!(checkpoint["kl"]["value"], "inf");
    assert_eq!(checkpoint["cross_entropy"]["value"], "inf");
    for key in ["n", "log_n", "cov", "low", "high", "band_low", "band_high"] {
        assert!(checkpoint["coverage"][0][key].is_number(), "{key}");
    }
}

fn rows(table: &ScoreTable, weighted: bool) -> Vec<ScoreRow> {
    let row = |m: usize, i: usize| ScoreRow {
        source: "data".into(),
        prompt_id: format!("p{i}"),
        response_id: "0".into(),
        model: table.models[m].clone(),
        logprob: table.logprob[m][i],
        group: weighted.then(|| GROUPS[i].into()),
        weight: weighted.then(|| WEIGHTS[i]),
        ..ScoreRow::default()
    };
    (0..table.models.len())
        .flat_map(|m| (0..table.rows()).map(move |i| row(m, i)))
        .collect()
}

#[test]
fn a_run_folder_gives_the_same_report() {
    let dir = tempfile::tempdir().unwrap();
    let (table, made) = (table(), Provenance::default());
    write_scores(
        &dir.path().join("scores.parquet"),
        &rows(&table, true),
        &made,
    )
    .unwrap();
    let drawn = (0..24).map(|i| SampleRow {
        model: "step-3".into(),
        prompt_id: ["a", "b", "c"][i / 8].into(),
        response_id: (i % 8).to_string(),
        reward: if i < 8 { 1.0 } else { 0.0 },
        group: Some(["G1", "G1", "G2"][i / 8].into()),
        ..SampleRow::default()
    });
    let drawn: Vec<SampleRow> = drawn.collect();
    write_samples(&dir.path().join("samples.parquet"), &drawn, &made).unwrap();
    let metrics = Metrics {
        columns: vec![
            ("step".into(), vec![1.0, 2.0, 3.0]),
            ("loss".into(), vec![2.5, f64::NAN, 1.5]),
        ],
    };
    metrics
        .write(&dir.path().join("metrics.parquet"), &made)
        .unwrap();
    let run = r#"{"command":"breadth demo","version":"0.1.0","seed":7,"status":"done",
                  "reference":"exact","single_correct_response":true}"#;
    std::fs::write(dir.path().join("run.json"), run).unwrap();

    let report = from_run(dir.path(), &ReportOptions::default()).unwrap();
    let by_hand = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    assert_eq!(report.matrix, by_hand.matrix);
    assert_eq!(report.checkpoints[0].kl, by_hand.checkpoints[0].kl);
    close(
        report.checkpoints[0].pass[1].sampled.unwrap().value,
        4.0 / 8.2,
    );
    assert_eq!(report.training_loss, [(1.0, 2.5), (3.0, 1.5)]);
    assert_eq!(report.provenance[2], ("Seed".to_string(), "7".to_string()));

    write_scores(
        &dir.path().join("selection.parquet"),
        &rows(&table, false),
        &made,
    )
    .unwrap();
    let report = from_run(dir.path(), &ReportOptions::default()).unwrap();
    close(report.matrix[1], 2.0 / 6.0);
}

#[test]
fn a_folder_that_is_no_run_folder() {
    let dir = tempfile::tempdir().unwrap();
    let fail = || {
        let message = from_run(dir.path(), &ReportOptions::default())
            .unwrap_err()
            .to_string();
        message.replace(dir.path().to_str().unwrap(), "DIR")
    };
    assert_snapshot!(fail(), @"cannot read DIR/run.json: No such file or directory (os error 2); a run folder is what `breadth train` and `breadth demo` write");
    std::fs::write(dir.path().join("run.json"), "{\"seed\":").unwrap();
    assert_snapshot!(fail(), @"DIR/run.json is not valid JSON: EOF while parsing a value at line 1 column 8; it was damaged or edited, so write the run again");
}

proptest! {
    /// The order of the rows does not matter: shares are equal to rounding, integers exactly.
    #[test]
    fn rows_may_come_in_any_order(
        values in prop::collection::vec((-5.0..0.0f64, -9.0..0.0f64, -9.0..0.0f64), 2..40),
        turn in 0usize..40,
    ) {
        let report = |values: &[(f64, f64, f64)]| {
            let column = |pick: fn(&(f64, f64, f64)) -> f64| values.iter().map(pick).collect::<Vec<_>>();
            let (p, a, b) = (column(|v| v.0), column(|v| v.1), column(|v| v.2));
            let table = scores(&[("exact", &p), ("step-1", &a), ("step-2", &b)], &[], None);
            summarize(&inputs(&table), &ReportOptions::default()).unwrap()
        };
        let mut turned = values.clone();
        turned.rotate_left(turn % values.len());
        let (straight, turned) = (report(&values), report(&turned));
        prop_assert_eq!(&straight.matrix, &turned.matrix);
        prop_assert_eq!(straight.choices, turned.choices);
        for (a, b) in straight.checkpoints.iter().zip(&turned.checkpoints) {
            prop_assert!((a.kl.unwrap().value - b.kl.unwrap().value).abs() < 1e-12);
            prop_assert!(a.coverage.iter().zip(&b.coverage).all(|(a, b)| a.cov == b.cov));
            prop_assert!(a.coverage.windows(2).all(|w| w[0].cov >= w[1].cov));
            prop_assert!(a.profile.windows(2).all(|w| w[0].cov >= w[1].cov));
        }
    }
}

#[test]
fn reach_is_that_of_the_selection_rows() {
    let logprob = [("step-1", [-0.5_f64, -2.0]), ("step-2", [-1.0, -1.0])];
    let mut text = String::new();
    for (model, values) in logprob {
        for (prompt, value) in values.iter().enumerate() {
            text +=
                &format!("{{\"model\":\"{model}\",\"prompt_id\":{prompt},\"logprob\":{value}}}\n");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.jsonl");
    std::fs::write(&path, text).unwrap();
    let scores =
        breadth_data::ScoreTable::read(&[path], &breadth_data::ReadOptions::default()).unwrap();
    let report = summarize(
        &ReportInputs {
            reference: None,
            single_correct_response: false,
            ..inputs(&scores)
        },
        &ReportOptions::default(),
    )
    .unwrap();
    let k = 2.0 * report.level.n();
    for (checkpoint, (_, values)) in report.checkpoints.iter().zip(logprob) {
        let hits = values.map(|q| 1.0 - (1.0 - q.exp()).powf(k));
        let reach = checkpoint.reach.unwrap();
        assert!((reach.value - (hits[0] + hits[1]) / 2.0).abs() < 1e-12);
        assert!(reach.low < reach.value && reach.value < reach.high);
    }
}

/// Sixteen or so samples of two prompts: how many are right of how many.
fn drawn(models: &[(&str, [(u64, u64); 2])]) -> SampleTable {
    let outcomes = |counts: &[(u64, u64); 2]| {
        let outcome = |&(n, c): &(u64, u64)| Some(Outcome::Counts { n, c });
        counts.iter().map(outcome).collect()
    };
    SampleTable {
        models: models.iter().map(|model| model.0.into()).collect(),
        prompts: vec!["a".into(), "b".into()],
        group: vec![None; 2],
        outcomes: models.iter().map(|model| outcomes(&model.1)).collect(),
        ..SampleTable::default()
    }
}

fn of_samples(table: &SampleTable, options: &ReportOptions) -> Report {
    let candidates = Candidates::of_answers(table, None).unwrap();
    summarize_candidates(&candidates, options).unwrap()
}

#[test]
fn candidates_with_scores_are_reported_as_a_run_with_the_same_rows() {
    let table = table();
    let candidates = Candidates::of_scores(Scores::of(table.clone()), Some("exact"))
        .unwrap()
        .with_only_right(true);
    let own = summarize_candidates(&candidates, &ReportOptions::default()).unwrap();
    let of_run = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    let json = |report: &Report| serde_json::to_value(report).unwrap();
    assert_eq!(json(&own), json(&of_run));
}

#[test]
fn samples_alone_have_pass_at_k_as_far_as_they_go() {
    let samples = drawn(&[
        ("step-1", [(16, 4), (10, 0)]),
        ("step-2", [(16, 8), (10, 10)]),
    ]);
    let report = of_samples(&samples, &ReportOptions::default());
    let ks = |points: &[PassPoint]| points.iter().map(|point| point.k).collect::<Vec<_>>();
    let first = &report.checkpoints[0];
    // 12 of N, 2N, 3N is beyond the ten samples of one prompt.
    assert_eq!(ks(&first.pass), [4, 8]);
    assert_eq!(ks(&first.pass_curve), [1, 2, 4, 8]);
    close(first.pass_curve[0].best().unwrap(), 0.125);
    close(report.checkpoints[1].pass_curve[0].best().unwrap(), 0.75);
    assert!(first.cross_entropy.is_none() && first.reach.is_none() && first.kl.is_none());
    assert_eq!(report.choices.lowest_loss, None);
    // A k that was asked for stays, known or not.
    let options = ReportOptions {
        passes: vec![2, 64],
        ..ReportOptions::default()
    };
    let asked = of_samples(&samples, &options);
    assert_eq!(ks(&asked.checkpoints[0].pass), [2, 64]);
    assert_eq!((asked.known_ks(), asked.headline_k()), (vec![2], Some(2)));
    assert!(
        asked
            .left_out()
            .iter()
            .any(|line| line.starts_with("Pass@64 needs 64 samples"))
    );
}

#[test]
fn one_sample_of_each_prompt_gives_pass_at_1() {
    let samples = drawn(&[("a", [(1, 1), (1, 0)]), ("b", [(1, 1), (1, 1)])]);
    let report = of_samples(&samples, &ReportOptions::default());
    assert_eq!((report.known_ks(), report.headline_k()), (vec![1], Some(1)));
    close(report.checkpoints[0].best_pass_at(Some(1)).unwrap(), 0.5);
}

#[test]
fn rewards_between_0_and_1_have_a_verdict_and_no_tournament() {
    let mut samples = drawn(&[("a", [(0, 0); 2]), ("b", [(0, 0); 2])]);
    for (outcomes, reward) in samples.outcomes.iter_mut().zip([0.25, 0.5]) {
        outcomes.fill(Some(Outcome::Rewards(vec![reward; 8])));
    }
    let samples = Samples::new(samples, &[]).unwrap();
    assert!(samples.has_partial_rewards());
    let report = summarize_samples(&samples, &ReportOptions::default()).unwrap();
    assert!(report.selection.is_none() && report.matrix.is_empty());
    assert!(report.checkpoints.iter().all(|c| c.standing.is_none()));
    close(report.checkpoints[1].best_pass_at(Some(8)).unwrap(), 0.5);
    assert_eq!(report.pass_name(8), "Best-of-8");
    assert_eq!(report.by_rewards.as_ref(), report.decision());
    assert!(report.pair_groups(4).groups.is_empty());
}

#[test]
fn what_is_left_out_names_its_command() {
    let table = table();
    let bare = ReportInputs {
        reference: None,
        single_correct_response: false,
        ..inputs(&table)
    };
    let report = summarize(&bare, &ReportOptions::default()).unwrap();
    assert_snapshot!(report.left_out().join("\n"), @r"
    KL and coverage profiles need a model of the table that stands for the truth, such as a teacher: breadth report TABLES --reference TEACHER
    Pass@k needs graded samples: breadth sample DIR/step-20 DIR/exact DIR/step-3 --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    ");
    let full = summarize(&inputs(&table), &ReportOptions::default()).unwrap();
    assert_snapshot!(full.left_out().join("\n"), @"The trainer's validation losses: breadth report TABLES --trainer-state RUN");
    let samples = drawn(&[("a", [(2, 1), (2, 0)]), ("b", [(2, 1), (2, 1)])]);
    let report = of_samples(&samples, &ReportOptions::default());
    assert_snapshot!(report.left_out().join("\n"), @r"
    Cross-entropy, KL, coverage, reach and the tournament over responses need log-probabilities of held-out responses: breadth score CHECKPOINTS --data HELDOUT.jsonl -o scores.parquet
    Pass@8 needs 8 samples of every prompt, and some prompt has 2: breadth sample DIR/a DIR/b --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    ");
}

/// To be changed: a report of two checkpoints.
static SMALL: LazyLock<Report> =
    LazyLock::new(|| summarize(&inputs(&table()), &ReportOptions::default()).unwrap());

proptest! {
    /// Groups hold every checkpoint once, and the largest share of the pairs in them.
    #[test]
    fn pairs_in_groups(m in 1usize..12, most in 1usize..14, seed in any::<u64>()) {
        let share = |cell: usize| {
            let mixed = (seed ^ cell as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed >> 40) as f64 / (1u64 << 24) as f64
        };
        let mut report = SMALL.clone();
        report.checkpoints = vec![report.checkpoints[0].clone(); m];
        let matrix: Vec<f64> = (0..m * m).map(|cell| if cell % (m + 1) == 0 { 0.0 } else { share(cell) }).collect();
        report.matrix = matrix.clone();
        let pairs = report.pair_groups(most);
        let g = pairs.groups.len();
        prop_assert!(g <= most);
        prop_assert_eq!(pairs.groups.iter().cloned().flatten().collect::<Vec<_>>(), (0..m).collect::<Vec<_>>());
        for (i, rivals) in pairs.groups.iter().enumerate() {
            for (j, group) in pairs.groups.iter().enumerate() {
                let shares = rivals.clone().flat_map(|r| group.clone().map(move |q| (r, q)));
                let largest = shares.map(|(r, q)| matrix[r * m + q]).fold(0.0, f64::max);
                prop_assert_eq!(pairs.values[i * g + j], largest);
            }
        }
        if m <= most {
            prop_assert_eq!(pairs.values, matrix);
        }
    }
}

/// Two trainings that wrote the same folder are two models, whatever they are called.
#[test]
fn one_name_for_different_weights_is_said_in_the_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let made = |hash: &str| Provenance {
        models: vec![
            ("step-1".into(), hash.into()),
            ("step-2".into(), "server x".into()),
        ],
        ..Provenance::default()
    };
    let models = ["step-1", "step-2"];
    let scored = |name: &str, prompt: &str, hash: &str| {
        let row = |model: &str| ScoreRow {
            source: "data".into(),
            model: model.into(),
            prompt_id: prompt.into(),
            response_id: "0".into(),
            logprob: -1.0,
            ..ScoreRow::default()
        };
        write_scores(&path(name), &models.map(row), &made(hash)).unwrap();
    };
    scored("a.parquet", "p1", "0a");
    scored("b.parquet", "p2", "0b");
    let graded = models.map(|model| SampleRow {
        model: model.into(),
        prompt_id: "p1".into(),
        response_id: "0".into(),
        reward: 1.0,
        ..SampleRow::default()
    });
    write_samples(&path("s.parquet"), &graded, &made("0b")).unwrap();
    let options = ReadOptions::default();
    let read = |names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|name| path(name)).collect();
        ScoreTable::read(&paths, &options).unwrap()
    };
    let warnings = |scores: ScoreTable, with_samples: bool| {
        let samples = SampleTable::read(&[path("s.parquet")], &options).unwrap();
        let samples = with_samples.then(|| Samples::new(samples, &[]).unwrap());
        let candidates = Candidates::of_scores(Scores::of(scores), None).unwrap();
        let choice = SelectOptions {
            rule: SelectionRule::Tournament,
            level: Level::from_n(2.0).unwrap(),
            a: None,
            confidence: 0.95,
        };
        let selection = candidates.with_samples(samples).selection(choice).unwrap();
        selection.verdict.unwrap().warnings
    };
    let said = |warnings: &[String], one: &str, other: &str| {
        let expected = format!(
            "`step-1` stands for different weights in {} and {}, which are taken as one model",
            path(one).display(),
            path(other).display()
        );
        warnings
            .iter()
            .filter(|text| text.starts_with(&expected))
            .count()
    };
    let merged = read(&["a.parquet", "b.parquet"]);
    assert_eq!(said(&merged.remarks, "a.parquet", "b.parquet"), 1);
    assert_eq!(said(&warnings(merged, false), "a.parquet", "b.parquet"), 1);
    assert!(read(&["a.parquet"]).remarks.is_empty());
    let beside = warnings(read(&["a.parquet"]), true);
    assert_eq!(said(&beside, "a.parquet", "s.parquet"), 1, "{beside:?}");
    let same = warnings(read(&["b.parquet"]), true);
    assert!(
        same.iter().all(|text| !text.contains("different weights")),
        "{same:?}"
    );
}
