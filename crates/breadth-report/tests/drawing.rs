//! The charts and the page as documents: well-formed, complete, harmless.

#[allow(dead_code)]
mod fixture;

use std::collections::BTreeSet;

use breadth_analysis::Report;
use breadth_report::{html, svgs};
use fixture::{HOSTILE, first, hostile, miniature, without_reference};
use roxmltree::{Document, Node};

fn stems(report: &Report) -> Vec<String> {
    svgs(report).into_iter().map(|(stem, _)| stem).collect()
}

/// The checkpoints that have a mark in a drawing.
fn marked(svg: &str) -> BTreeSet<usize> {
    let document = Document::parse(svg).unwrap();
    let index = |node: Node| {
        node.attribute("data-c")
            .and_then(|index| index.parse().ok())
    };
    document.descendants().filter_map(index).collect()
}

#[test]
fn every_chart_is_present() {
    let all = [
        "kl",
        "coverage",
        "pass",
        "training-loss",
        "pass8-kl",
        "pass8-coverage",
        "profile",
        "tournament",
        "standings",
        "certificate",
        "pass4-kl",
        "pass4-coverage",
        "pass12-kl",
        "pass12-coverage",
    ];
    assert_eq!(stems(&miniature()), all);
    let alone = ["cross-entropy", "tournament", "standings", "certificate"];
    assert_eq!(stems(&without_reference()), alone);
}

#[test]
fn what_all_names_begin_with_is_left_out_where_there_is_no_room() {
    let mut report = without_reference();
    for (at, checkpoint) in report.checkpoints.iter_mut().enumerate() {
        checkpoint.model = format!("Qwen2.5-7B-Instruct-sft-lora-r64-{}", 100 * (at + 1));
    }
    for (stem, svg) in svgs(&report) {
        assert!(!svg.contains('…'), "{stem}");
    }
    let said = "All names begin with Qwen2.5-7B-Instruct-sft-lora-, which is left out.";
    assert!(html(&report).unwrap().contains(said));
    assert!(!html(&without_reference()).unwrap().contains("All names"));
}

#[test]
fn files_are_valid_xml_with_their_own_style() {
    for report in [
        miniature(),
        without_reference(),
        hostile(),
        first(1),
        first(2),
    ] {
        for (stem, svg) in svgs(&report) {
            let document = Document::parse(&svg).unwrap_or_else(|e| panic!("{stem}: {e}\n{svg}"));
            let root = document.root_element();
            assert_eq!(root.attribute("role"), Some("img"), "{stem}");
            assert!(
                root.children()
                    .any(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "style")))
            );
            assert!(!svg.contains("var("), "{stem} needs variables");
            assert!(
                !svg.contains("NaN") && !svg.contains(">inf"),
                "{stem}: {svg}"
            );
        }
    }
}

#[test]
fn every_checkpoint_has_a_mark_in_every_chart() {
    for report in [miniature(), without_reference(), hostile()] {
        let all: BTreeSet<usize> = (0..report.checkpoints.len()).collect();
        for (stem, svg) in svgs(&report) {
            if stem != "training-loss" {
                assert_eq!(marked(&svg), all, "{stem}");
            }
        }
    }
}

#[test]
fn the_choices_are_marked_by_shape_and_label() {
    for (stem, svg) in svgs(&miniature()) {
        let document = Document::parse(&svg).unwrap();
        let count = |class: &str| {
            document
                .descendants()
                .filter(|node| node.attribute("class") == Some(class))
                .count()
        };
        match stem.as_str() {
            "training-loss" | "profile" => {}
            "tournament" => assert_eq!(count("star"), 1),
            _ => {
                assert_eq!((count("star"), count("ring")), (1, 1), "{stem}");
                assert!(svg.contains("step-000090: take this"), "{stem}");
                assert!(svg.contains("step-000480: lowest loss"), "{stem}");
            }
        }
    }
}

/// Coordinates of everything drawn lie inside the drawing.
#[test]
fn nothing_is_drawn_outside() {
    for report in [
        miniature(),
        without_reference(),
        hostile(),
        first(1),
        first(2),
    ] {
        for (stem, svg) in svgs(&report) {
            let document = Document::parse(&svg).unwrap();
            let view: Vec<f64> = document
                .root_element()
                .attribute("viewBox")
                .unwrap()
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect();
            for node in document.descendants() {
                for (name, most) in [
                    ("x", view[2]),
                    ("cx", view[2]),
                    ("x2", view[2]),
                    ("y", view[3]),
                    ("cy", view[3]),
                ] {
                    if let Some(value) = node.attribute(name) {
                        let value: f64 = value.parse().unwrap();
                        assert!(
                            (0.0..=most).contains(&value),
                            "{stem}: {name}={value} of {most}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn infinite_kl_is_drawn_in_its_own_place() {
    let (_, svg) = svgs(&hostile())
        .into_iter()
        .find(|(stem, _)| stem == "kl")
        .unwrap();
    assert!(svg.contains(">∞<"));
}

#[test]
fn hostile_names_are_text_everywhere() {
    let page = html(&hostile()).unwrap();
    assert!(!page.contains("<img"), "a name became an element");
    assert!(
        !page.contains("{{") || page.contains("{{ 7*7 }}"),
        "a name became a template"
    );
    assert_eq!(
        page.matches("</script>").count(),
        2,
        "the data and the script end once each"
    );
    assert!(!page.contains(HOSTILE));
    let data = page
        .split("id=\"report-data\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    assert!(!data.contains('<'));
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["checkpoints"][0]["model"], format!("{HOSTILE}0"));
    assert_eq!(data["checkpoints"][0]["kl"]["value"], "inf");
    assert_eq!(data["n"], 4.0);
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let page = html(&miniature()).unwrap();
    let policy = "content=\"default-src &#x27;none&#x27;; style-src &#x27;sha256-";
    assert!(page.contains("http-equiv=\"Content-Security-Policy\"") && page.contains(policy));
    for outside in [
        "src=\"http",
        "href=\"http",
        "url(",
        "@import",
        "style=\"",
        "onclick",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("NaN"));
}

#[test]
fn the_page_opens_with_the_verdict_and_has_a_table_for_every_chart() {
    let report = miniature();
    let page = html(&report).unwrap();
    let verdict = report.headline();
    assert!(html(&report).unwrap().contains("reach, k = 8"));
    let heading = page.find("<h1>").unwrap();
    assert!(
        page[heading..].starts_with(&format!("<h1>{verdict}</h1>")),
        "{}",
        &page[heading..heading + 300]
    );
    assert_eq!(page.matches("<figure ").count(), 14);
    assert_eq!(page.matches("<figcaption>").count(), 14);
    assert_eq!(page.matches("<summary>Table</summary>").count(), 14);
    assert!(!page.contains("<figcaption></figcaption>"));
}

#[test]
fn an_empty_looking_report_still_draws() {
    let mut report = first(1);
    report.checkpoints[0].coverage.clear();
    report.checkpoints[0].profile.clear();
    report.checkpoints[0].pass.clear();
    report.checkpoints[0].kl = None;
    report.training_loss.clear();
    report.provenance.clear();
    assert!(html(&report).unwrap().contains("Take step-000000"));
    assert_eq!(stems(&report), ["cross-entropy"]);
}

#[test]
fn many_checkpoints_fit() {
    let mut report = miniature();
    let m = 64;
    report.checkpoints = (0..m).map(|i| report.checkpoints[i % 17].clone()).collect();
    for (i, checkpoint) in report.checkpoints.iter_mut().enumerate() {
        checkpoint.step = Some(10 * i as u64);
        checkpoint.model = format!("step-{:06}", 10 * i);
    }
    report.matrix = (0..m * m).map(|i| (i % 97) as f64 / 970.0).collect();
    for (stem, svg) in svgs(&report) {
        if stem != "training-loss" {
            assert_eq!(marked(&svg).len(), m, "{stem}");
        }
    }
}
