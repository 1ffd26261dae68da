//! A page about hundreds of checkpoints stays a page: bounded in size, every checkpoint on it.

#[allow(dead_code)]
#[path = "fixture/large.rs"]
mod large;

use breadth_analysis::{Candidates, Report, ReportOptions, Samples, Scores, summarize_candidates};
use breadth_report::{html, svgs};

fn report(checkpoints: usize, rows: usize) -> Report {
    let samples = Samples::new(large::samples(checkpoints, rows), &[]).unwrap();
    let scores = Scores::of(large::scores(checkpoints, rows));
    let candidates = Candidates::of_scores(scores, Some("teacher")).unwrap();
    summarize_candidates(
        &candidates.with_samples(Some(samples)),
        &ReportOptions::default(),
    )
    .unwrap()
}

#[test]
fn five_hundred_checkpoints_make_a_page_of_a_few_megabytes() {
    let report = report(500, 20);
    let page = html(&report).unwrap();
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    let (_, table) = page.split_once("All numbers").unwrap();
    for checkpoint in &report.checkpoints {
        assert!(table.contains(&format!("<th scope=\"row\">{}", checkpoint.model)));
    }
    for (stem, svg) in svgs(&report) {
        assert!(svg.len() < 400_000, "{stem}: {} bytes", svg.len());
    }
}

#[test]
fn the_page_grows_with_the_checkpoints_and_not_with_their_pairs() {
    let size = |checkpoints: usize| html(&report(checkpoints, 10)).unwrap().len() as f64;
    let (once, twice) = (size(150), size(300));
    assert!(twice < 2.2 * once, "{once} and {twice} bytes");
}

#[test]
fn the_heat_map_of_many_shows_groups_of_neighbours() {
    let report = report(100, 10);
    let (_, heat) = svgs(&report)
        .into_iter()
        .find(|(stem, _)| stem == "tournament")
        .unwrap();
    // 100 in groups of 3: 34 rows of 34 cells, 34 maxima and 5 steps of the colour key.
    assert_eq!(heat.matches("class=\"cell\"").count(), 34 * 34 + 34 + 5);
    assert!(heat.contains("step-000000 to step-000020 against step-000990: at most"));
}
