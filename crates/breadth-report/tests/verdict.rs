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
    assert_snapshot!(text(&miniature()), @"");
}

#[test]
fn the_lowest_loss_has_better_pass_at_k() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = Some(0.9812);
    assert_snapshot!(verdict_sentence(&report), @"");
}

#[test]
fn pass_at_k_is_the_same() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = Some(0.9719);
    assert_snapshot!(verdict_sentence(&report), @"");
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
    assert_snapshot!(text(&report), @"");
}

#[test]
fn pass_at_k_is_exact_for_one_checkpoint_and_unknown_for_the_other() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = None;
    report.checkpoints[16].pass[1].sampled = None;
    assert_snapshot!(verdict_sentence(&report), @"");
}

#[test]
fn no_pass_at_k_at_all() {
    let mut report = miniature();
    report
        .checkpoints
        .iter_mut()
        .for_each(|checkpoint| checkpoint.pass.clear());
    assert_snapshot!(verdict_sentence(&report), @"");
}

#[test]
fn both_rules_agree() {
    let mut report = miniature();
    report.verdict.lowest_loss = report.verdict.winner;
    assert_snapshot!(text(&report), @"");
}

#[test]
fn the_lowest_loss_ties_the_winner() {
    let mut report = miniature();
    report.checkpoints[16].tied = true;
    assert_snapshot!(verdict_sentence(&report), @"");
}

#[test]
fn the_data_separates_nothing() {
    let mut report = miniature();
    for checkpoint in &mut report.checkpoints {
        checkpoint.not_excluded = true;
        checkpoint.certified_low = 0.0;
    }
    assert_snapshot!(text(&report), @"");
}

#[test]
fn there_is_no_reference() {
    assert_snapshot!(text(&without_reference()), @"");
}

#[test]
fn there_is_one_checkpoint() {
    assert_snapshot!(text(&fixture::first(1)), @"");
}

#[test]
fn an_infinite_level_and_infinite_loss_are_readable() {
    let mut report = without_reference();
    report.level = breadth_stats::Level::from_log_n(800.0).unwrap();
    assert_snapshot!(verdict_sentence(&report), @"");
}
