//! The page in a real browser: no console error, every chart drawn, no sideways scrolling.
//!
//! Needs Chromium: see `fixture/browser.rs`.

#[path = "fixture/browser.rs"]
mod browser;
#[allow(dead_code)]
mod fixture;
#[allow(dead_code)]
#[path = "fixture/large.rs"]
mod large;

use breadth_analysis::{Candidates, Report, ReportOptions, Scores, summarize_candidates};
use serde_json::Value;

fn check(report: &Report) {
    let charts = breadth_report::svgs(report).len();
    let measured = browser::measure(&breadth_report::html(report).unwrap());
    assert_eq!(measured.len(), 2);
    for (page, width) in measured.iter().zip([1280.0, 400.0]) {
        assert_eq!(page["width"].as_f64(), Some(width));
        assert!(
            page["content"].as_f64() <= Some(width),
            "scrolls sideways at {width}: {page}"
        );
        let boxes = page["charts"].as_array().unwrap();
        assert_eq!(boxes.len(), charts);
        let drawn = |size: &Value| size[0].as_f64() > Some(300.0) && size[1].as_f64() > Some(150.0);
        assert!(
            boxes.iter().all(drawn),
            "a chart has no box at {width}: {page}"
        );
        assert!(
            page["smallest"].as_f64() >= Some(9.0),
            "text too small at {width}: {page}"
        );
        assert_eq!(page["images"], 0);
        assert_eq!(page["scripts"], 2, "the data, and the page's own script");
        assert_eq!(
            page["scripted"], 1,
            "the policy must let the page's own script run"
        );
        assert_eq!(page["heading"], report.headline().replace('\u{0}', ""));
    }
}

#[test]
fn the_miniature() {
    check(&fixture::miniature());
}

#[test]
fn logs_without_a_reference() {
    check(&fixture::without_reference());
}

#[test]
fn hostile_names() {
    check(&fixture::hostile());
}

#[test]
fn two_hundred_checkpoints() {
    let scores = Scores::of(large::scores(200, 10));
    let candidates = Candidates::of_scores(scores, Some("teacher")).unwrap();
    check(&summarize_candidates(&candidates, &ReportOptions::default()).unwrap());
}

#[test]
fn samples_alone() {
    let candidates = Candidates::of_answers(&large::samples(5, 30), None).unwrap();
    check(&summarize_candidates(&candidates, &ReportOptions::default()).unwrap());
}
