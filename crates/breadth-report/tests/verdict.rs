//! The verdict in every situation, word for word.

#[allow(dead_code)]
mod fixture;

use breadth_report::{Report, verdict_notes, verdict_sentence};
use fixture::{miniature, without_reference};
use insta::assert_snapshot;

fn text(report: &Report) -> String {
    let notes = verdict_notes(report)
        .iter()
        .map(|note| format!("\n- {note}"))
        .collect::<String>();
    format!("{}{notes}", verdict_sentence(report))
}

#[test]
fn the_winner_is_not_the_lowest_loss() {
    assert_snapshot!(text(&miniature()), @r"
    The tournament takes step 90; the lowest-loss checkpoint, step 480, leaves 10% of the data uncovered at N = 4 (step 90: 5.7%) and loses 3.3 points of Pass@8.
    - 3 checkpoints tie exactly: step 30, step 60 and step 90. Of these, step 90 has the lowest loss on the selection rows.
    - By the tournament 3 of 17 checkpoints may be best, at 95% confidence: step 30, step 60 and step 90.
    - Pass@8 is 97.2% at step 90 and 93.9% at step 480, computed exactly.
    - Whatever the true distribution is, at 95% confidence step 480 under-weights at least 5.2% of the data by a factor of 4 or more.
    ");
}

#[test]
fn the_lowest_loss_has_better_pass_at_k() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = Some(0.9812);
    assert_snapshot!(verdict_sentence(&report), @"The tournament takes step 90; the lowest-loss checkpoint, step 480, leaves 10% of the data uncovered at N = 4 (step 90: 5.7%) but gains 0.9 points of Pass@8.");
}

#[test]
fn pass_at_k_is_the_same() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = Some(0.9719);
    assert_snapshot!(verdict_sentence(&report), @"The tournament takes step 90; the lowest-loss checkpoint, step 480, leaves 10% of the data uncovered at N = 4 (step 90: 5.7%) and has the same Pass@8.");
}

#[test]
fn pass_at_k_is_known_from_samples_only() {
    let mut report = miniature();
    for checkpoint in &mut report.checkpoints {
        checkpoint
            .pass
            .iter_mut()
            .for_each(|point| point.exact = None);
    }
    assert_snapshot!(text(&report), @r"
    The tournament takes step 90; the lowest-loss checkpoint, step 480, leaves 10% of the data uncovered at N = 4 (step 90: 5.7%) and loses 4.1 points of Pass@8.
    - 3 checkpoints tie exactly: step 30, step 60 and step 90. Of these, step 90 has the lowest loss on the selection rows.
    - By the tournament 3 of 17 checkpoints may be best, at 95% confidence: step 30, step 60 and step 90.
    - Pass@8 is 97.6% at step 90 and 93.5% at step 480, estimated from samples.
    - Whatever the true distribution is, at 95% confidence step 480 under-weights at least 5.2% of the data by a factor of 4 or more.
    ");
}

#[test]
fn pass_at_k_is_exact_for_one_checkpoint_and_unknown_for_the_other() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = None;
    report.checkpoints[16].pass[1].sampled = None;
    assert_snapshot!(verdict_sentence(&report), @"The tournament takes step 90; the lowest-loss checkpoint, step 480, leaves 10% of the data uncovered at N = 4 (step 90: 5.7%).");
}

#[test]
fn no_pass_at_k_at_all() {
    let mut report = miniature();
    report
        .checkpoints
        .iter_mut()
        .for_each(|checkpoint| checkpoint.pass.clear());
    assert_snapshot!(verdict_sentence(&report), @"The tournament takes step 90; the lowest-loss checkpoint, step 480, leaves 10% of the data uncovered at N = 4 (step 90: 5.7%).");
}

#[test]
fn both_rules_agree() {
    let mut report = miniature();
    report.verdict.lowest_loss = report.verdict.winner;
    assert_snapshot!(text(&report), @r"
    The tournament at N = 4 takes step 90, which has the lowest loss as well.
    - 3 checkpoints tie exactly: step 30, step 60 and step 90. Of these, step 90 has the lowest loss on the selection rows.
    - By the tournament 3 of 17 checkpoints may be best, at 95% confidence: step 30, step 60 and step 90.
    ");
}

#[test]
fn the_lowest_loss_ties_the_winner() {
    let mut report = miniature();
    report.checkpoints[16].tied = true;
    assert_snapshot!(verdict_sentence(&report), @"The tournament at N = 4 takes step 90, which ties the lowest-loss checkpoint, step 480: nothing there speaks against either.");
}

#[test]
fn the_data_separates_nothing() {
    let mut report = miniature();
    for checkpoint in &mut report.checkpoints {
        checkpoint.not_excluded = true;
        checkpoint.certified_low = 0.0;
    }
    assert_snapshot!(text(&report), @r"
    The tournament takes step 90, but the data cannot tell the checkpoints apart: any of the 17 could be the best at N = 4.
    - 3 checkpoints tie exactly: step 30, step 60 and step 90. Of these, step 90 has the lowest loss on the selection rows.
    - By the tournament no checkpoint can be excluded at 95% confidence: score more held-out responses to separate them.
    - Pass@8 is 97.2% at step 90 and 93.9% at step 480, computed exactly.
    ");
}

#[test]
fn there_is_no_reference() {
    assert_snapshot!(text(&without_reference()), @r"
    The tournament takes llama-sft-2; the lowest-loss checkpoint, llama-dpo, under-weights 12% of the held-out responses by a factor of 4 or more relative to llama-base.
    - By the tournament 2 of 5 checkpoints may be best, at 95% confidence: llama-sft-2 and llama-sft-3-very-long-name.
    - Whatever the true distribution is, at 95% confidence llama-dpo under-weights at least 3.1% of the data by a factor of 4 or more.
    ");
}

#[test]
fn there_is_one_checkpoint() {
    assert_snapshot!(text(&fixture::first(1)), @"There is only step 0: with one model there is nothing to choose.");
}

#[test]
fn an_infinite_level_and_infinite_loss_are_readable() {
    let mut report = without_reference();
    report.level = breadth_stats::Level::from_log_n(800.0).unwrap();
    assert_snapshot!(verdict_sentence(&report), @"The tournament takes llama-sft-2; the lowest-loss checkpoint, llama-dpo, under-weights 12% of the held-out responses by a factor of e^800 or more relative to llama-base.");
}

/// A verdict over all evidence that takes this checkpoint, or nothing.
fn decided(take: Option<&str>) -> breadth_analysis::Verdict {
    breadth_analysis::Verdict {
        take: take.map(str::to_owned),
        state: match take {
            Some(_) => breadth_analysis::State::Likely,
            None => breadth_analysis::State::Open,
        },
        by: take.map(|_| breadth_analysis::Rule::Samples),
        k: breadth_analysis::number::Number(8.0),
        because: "so it is".into(),
        may_be_best: Vec::new(),
        others: Vec::new(),
        next: None,
        warnings: Vec::new(),
        coverage: Vec::new(),
    }
}

#[test]
fn no_chart_contradicts_the_headline() {
    let page = |take: Option<&str>| {
        let mut report = miniature();
        report.decision = Some(decided(take));
        breadth_report::html(&report).unwrap()
    };
    let open = page(None);
    assert!(open.contains("<h1>Nothing to take yet"), "{open}");
    assert!(!open.contains("take this") && !open.contains("(take)"));
    assert!(open.contains("step 90: tournament"));

    // Samples take another one than the tournament.
    let last = page(Some("step-000480"));
    assert!(last.contains("step 480: take this") && last.contains("step 480 (take)"));
    assert!(last.contains("step 90: tournament"));
    assert!(!last.contains("step 90: take this"));

    let winner = page(Some("step-000090"));
    assert!(winner.contains("step 90: take this") && !winner.contains("step 90: tournament"));
}
