//! The verdict in every situation, word for word.

#[allow(dead_code)]
mod fixture;

use breadth_analysis::{Report, Rule};
use fixture::{miniature, selected, standing, taking, without_reference};
use insta::assert_snapshot;

fn text(report: &Report) -> String {
    let notes = report
        .notes()
        .iter()
        .map(|note| format!("\n- {note}"))
        .collect::<String>();
    format!("{}{notes}", report.headline())
}

#[test]
fn the_winner_is_not_the_lowest_loss() {
    assert_snapshot!(text(&miniature()), @r"
    Take step-000090 (likely, by the tournament): so it is.
    - The tournament takes step-000090: no rival gives any response 4 times its probability.
    - The lowest cross-entropy is that of step-000480, which falls short by a factor of 4 on 8.2% of the responses (against step-000000).
    - The lowest-loss checkpoint, step-000480, leaves 10.0% of the data uncovered at N = 4 (step-000090: 5.7%) and loses 3.3 points of Pass@8 (93.9%, 97.2% at step-000090; exactly).
    - Tied for the best value: step-000030, step-000060, step-000090; the lower cross-entropy decided.
    - May be best by the tournament, at 95% confidence: step-000030, step-000060, step-000090.
    - Whatever the data distribution is, step-000480 under-weights at least 5.1% of the responses by a factor of 4 (95% confidence).
    ");
}

#[test]
fn the_lowest_loss_has_better_pass_at_k() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = Some(0.9812);
    assert_snapshot!(report.cost_of_lowest_loss().unwrap_or_default(), @"The lowest-loss checkpoint, step-000480, leaves 10.0% of the data uncovered at N = 4 (step-000090: 5.7%) and gains 0.9 points of Pass@8 (98.1%, 97.2% at step-000090; exactly).");
}

#[test]
fn pass_at_k_is_the_same() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = Some(0.9719);
    assert_snapshot!(report.cost_of_lowest_loss().unwrap_or_default(), @"The lowest-loss checkpoint, step-000480, leaves 10.0% of the data uncovered at N = 4 (step-000090: 5.7%) and has the same Pass@8 (97.2%, 97.2% at step-000090; exactly).");
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
    Take step-000090 (likely, by the tournament): so it is.
    - The tournament takes step-000090: no rival gives any response 4 times its probability.
    - The lowest cross-entropy is that of step-000480, which falls short by a factor of 4 on 8.2% of the responses (against step-000000).
    - The lowest-loss checkpoint, step-000480, leaves 10.0% of the data uncovered at N = 4 (step-000090: 5.7%) and loses 4.1 points of Pass@8 (93.5%, 97.6% at step-000090; by samples).
    - Tied for the best value: step-000030, step-000060, step-000090; the lower cross-entropy decided.
    - May be best by the tournament, at 95% confidence: step-000030, step-000060, step-000090.
    - Whatever the data distribution is, step-000480 under-weights at least 5.1% of the responses by a factor of 4 (95% confidence).
    ");
}

#[test]
fn pass_at_k_is_exact_for_one_checkpoint_and_unknown_for_the_other() {
    let mut report = miniature();
    report.checkpoints[16].pass[1].exact = None;
    report.checkpoints[16].pass[1].sampled = None;
    assert_snapshot!(report.cost_of_lowest_loss().unwrap_or_default(), @"The lowest-loss checkpoint, step-000480, leaves 10.0% of the data uncovered at N = 4 (step-000090: 5.7%).");
}

#[test]
fn no_pass_at_k_at_all() {
    let mut report = miniature();
    report
        .checkpoints
        .iter_mut()
        .for_each(|checkpoint| checkpoint.pass.clear());
    assert_snapshot!(report.cost_of_lowest_loss().unwrap_or_default(), @"The lowest-loss checkpoint, step-000480, leaves 10.0% of the data uncovered at N = 4 (step-000090: 5.7%).");
}

#[test]
fn both_rules_agree() {
    let mut report = miniature();
    report.choices.lowest_loss = report.choices.winner;
    assert_snapshot!(text(&selected(report)), @r"
    Take step-000090 (likely, by the tournament): so it is.
    - The tournament takes step-000090: no rival gives any response 4 times its probability.
    - step-000090 also has the lowest cross-entropy.
    - Tied for the best value: step-000030, step-000060, step-000090; the lower cross-entropy decided.
    - May be best by the tournament, at 95% confidence: step-000030, step-000060, step-000090.
    - Whatever the data distribution is, step-000000 under-weights at least 7.0% of the responses by a factor of 4 (95% confidence).
    ");
}

#[test]
fn the_data_separates_nothing() {
    let mut report = miniature();
    for checkpoint in &mut report.checkpoints {
        let standing = standing(checkpoint);
        standing.not_excluded = true;
        standing.certified_low = 0.0;
    }
    assert_snapshot!(text(&selected(report)), @r"
    Take step-000090 (likely, by the tournament): so it is.
    - The tournament takes step-000090: no rival gives any response 4 times its probability.
    - The lowest cross-entropy is that of step-000480, which falls short by a factor of 4 on 8.2% of the responses (against step-000000).
    - The lowest-loss checkpoint, step-000480, leaves 10.0% of the data uncovered at N = 4 (step-000090: 5.7%) and loses 3.3 points of Pass@8 (93.9%, 97.2% at step-000090; exactly).
    - Tied for the best value: step-000030, step-000060, step-000090; the lower cross-entropy decided.
    - May be best by the tournament, at 95% confidence: step-000000, step-000030, step-000060, step-000090, step-000120, step-000150, step-000180, step-000210 and 9 more.
    ");
}

#[test]
fn there_is_no_reference() {
    assert_snapshot!(text(&without_reference()), @r"
    Take llama-sft-2 (likely, by the tournament): so it is.
    - The tournament takes llama-sft-2: no rival gives any response 4 times its probability.
    - The lowest cross-entropy is that of llama-dpo, which falls short by a factor of 4 on 12.0% of the responses (against llama-base).
    - May be best by the tournament, at 95% confidence: llama-sft-2, llama-sft-3-very-long-name.
    - Whatever the data distribution is, llama-dpo under-weights at least 3.1% of the responses by a factor of 4 (95% confidence).
    ");
}

#[test]
fn there_is_one_checkpoint() {
    assert_snapshot!(text(&fixture::first(1)), @r"
    Take step-000000 (likely, by the tournament): so it is.
    - May be best by the tournament, at 95% confidence: step-000000.
    ");
}

#[test]
fn no_chart_contradicts_the_headline() {
    let page = |take: Option<&str>| {
        let mut report = miniature();
        report.selection.as_mut().unwrap().verdict = Some(taking(take, Rule::Samples));
        breadth_report::html(&report).unwrap()
    };
    let open = page(None);
    assert!(open.contains("<h1>Nothing to take yet"), "{open}");
    assert!(!open.contains("take this") && !open.contains("(take)"));
    assert!(open.contains("step-000090: tournament"));

    // Samples take another one than the tournament.
    let last = page(Some("step-000480"));
    assert!(last.contains("step-000480: take this") && last.contains("step-000480 (take)"));
    assert!(last.contains("step-000090: tournament"));
    assert!(!last.contains("step-000090: take this"));

    let winner = page(Some("step-000090"));
    assert!(
        winner.contains("step-000090: take this") && !winner.contains("step-000090: tournament")
    );
}
