//! The page in a real browser: no console error, every chart drawn, no sideways scrolling.
//!
//! Needs Chromium: as `chromium` on the path, or where the environment variable `CHROMIUM` says.

#[allow(dead_code)]
mod fixture;
#[allow(dead_code)]
#[path = "fixture/large.rs"]
mod large;

use std::path::{Path, PathBuf};
use std::process::Command;

use breadth_analysis::{Candidates, Report, ReportOptions, Scores, summarize_candidates};
use serde_json::Value;

/// Loads the page in a frame of each width, measures it, and leaves the result in the title.
const HARNESS: &str = r#"<!doctype html><title>not measured</title>
<iframe src="report.html" style="width:1280px;height:900px;border:0"></iframe>
<iframe src="report.html" style="width:400px;height:900px;border:0"></iframe>
<script>
addEventListener("load", () => {
  const box = (node) => { const r = node.getBoundingClientRect(); return [r.width, r.height]; };
  const measure = (frame) => {
    const page = frame.contentDocument;
    for (const details of page.querySelectorAll("details")) details.open = true;
    const texts = [...page.querySelectorAll("svg.chart text")];
    return {
      width: page.documentElement.clientWidth,
      content: page.documentElement.scrollWidth,
      charts: [...page.querySelectorAll("svg.chart")].map(box),
      smallest: Math.min(...texts.map((text) => {
        const size = parseFloat(getComputedStyle(text).fontSize);
        return size * text.ownerSVGElement.getBoundingClientRect().width / 460;
      })),
      images: page.querySelectorAll("img").length,
      scripts: page.querySelectorAll("script").length,
      scripted: page.querySelectorAll(".tip").length,
      heading: page.querySelector("h1").textContent,
    };
  };
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(measure));
});
</script>"#;

fn chromium() -> PathBuf {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return path.into();
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|candidate| candidate.is_file());
    found.expect("this test needs Chromium: install it (apt-get install chromium) or set CHROMIUM")
}

/// Opens a page; returns its document after loading, and what the browser logged.
fn open(page: &Path, profile: &Path) -> (String, String) {
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--allow-file-access-from-files",
        "--enable-logging=stderr",
        "--dump-dom",
    ];
    let output = Command::new(chromium())
        .args(flags)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium did not start");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}

/// Measures a report at 1280 and at 400 pixels; fails on any message in the console.
fn measure(report: &Report) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let page = breadth_report::html(report).unwrap();
    std::fs::write(dir.path().join("report.html"), page).unwrap();
    let harness = dir.path().join("harness.html");
    std::fs::write(&harness, HARNESS).unwrap();
    let (document, log) = open(&harness, &dir.path().join("profile"));
    let messages: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert!(messages.is_empty(), "the console says: {messages:#?}");
    let title = document
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next());
    let title = title.unwrap_or_else(|| panic!("no document came back; the browser says: {log}"));
    let title = title
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&title).unwrap_or_else(|_| panic!("not measured: {title}\n{log}"))
}

fn check(report: &Report) {
    let charts = breadth_report::svgs(report).len();
    let measured = measure(report);
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
