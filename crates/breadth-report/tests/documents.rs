//! The charts of single documents: of the right numbers, complete in themselves, harmless.

#[allow(dead_code)]
mod fixture;

use breadth_analysis::{
    Candidates, PassOptions, ProfileOptions, ReachOptions, Samples, Scores, SelectOptions,
    Selection, SelectionRule, pass_at, profile, reach,
};
use breadth_data::{Outcome, SampleTable, ScoreTable};
use breadth_report::{Drawing, draw_pass, draw_profile, draw_reach, draw_selection};
use breadth_stats::Level;
use fixture::HOSTILE;
use roxmltree::Document;

const ROWS: usize = 60;

fn names() -> Vec<String> {
    ["step-30", "step-10", "step-20"].map(str::to_owned).into()
}

/// The last step is sure of most responses and gives some almost nothing.
fn scores(models: Vec<String>) -> ScoreTable {
    let row = |m: usize, i: usize| match (m, i % 6) {
        (0, 0) => -6.0 - i as f64 / 60.0,
        (0, _) => -0.1,
        (1, _) => -2.0,
        (_, rest) => -1.0 - rest as f64 / 60.0,
    };
    ScoreTable {
        logprob: (0..models.len())
            .map(|m| (0..ROWS).map(|i| row(m, i)).collect())
            .collect(),
        models,
        sources: vec!["data".into()],
        source: vec![0; ROWS],
        prompts: (0..ROWS).map(|i| i.to_string()).collect(),
        prompt: (0..ROWS as u32).collect(),
        responses: vec!["0".into()],
        response: vec![0; ROWS],
        ..ScoreTable::default()
    }
}

fn samples(models: Vec<String>) -> SampleTable {
    let outcome = |m: usize, i: usize| {
        Some(Outcome::Counts {
            n: 16,
            c: (i + 5 * m) as u64 % 17,
        })
    };
    SampleTable {
        outcomes: (0..models.len())
            .map(|m| (0..ROWS).map(|i| outcome(m, i)).collect())
            .collect(),
        models,
        prompts: (0..ROWS).map(|i| i.to_string()).collect(),
        ..SampleTable::default()
    }
}

fn select(rule: SelectionRule) -> Selection {
    let graded = Samples::new(samples(names()), &[]).unwrap();
    let candidates = Candidates::of_scores(Scores::of(scores(names())), None).unwrap();
    let options = SelectOptions {
        rule,
        level: Level::from_n(4.0).unwrap(),
        a: None,
        confidence: 0.95,
    };
    candidates
        .with_samples(Some(graded))
        .selection(options)
        .unwrap()
}

/// All charts are files of their own; their titles.
fn titles(drawings: &[Drawing]) -> Vec<&str> {
    for Drawing { title, svg, .. } in drawings {
        let document = Document::parse(svg).unwrap_or_else(|e| panic!("{title}: {e}\n{svg}"));
        assert_eq!(document.root_element().attribute("role"), Some("img"));
        let refers =
            |node: roxmltree::Node| node.has_tag_name("script") || node.attribute("href").is_some();
        assert!(!document.descendants().any(refers), "{svg}");
        assert!(!svg.contains("<img") && !svg.contains("var("), "{svg}");
        assert!(svg.len() < 60_000, "{title}: {} bytes", svg.len());
    }
    drawings.iter().map(|one| one.title.as_str()).collect()
}

fn tips(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let titles = document.descendants().filter(|node| {
        let is_title = node.tag_name().name() == "title";
        is_title && node.parent().is_some_and(|p| p.tag_name().name() == "g")
    });
    titles
        .filter_map(|node| node.text().map(str::to_owned))
        .collect()
}

#[test]
fn a_selection_is_drawn_with_its_own_numbers() {
    let selection = select(SelectionRule::Tournament);
    let drawn = draw_selection(&selection);
    assert_eq!(
        titles(&drawn),
        [
            "The worst case of every checkpoint",
            "What is certain about the data uncovered at N = 4",
            "Pass@k over training",
        ]
    );
    let tips = tips(&drawn[0].svg);
    assert_eq!(tips.len(), 3, "{tips:?}");
    assert!(
        tips.iter()
            .any(|tip| tip.starts_with("step-10: worst case ")),
        "{tips:?}"
    );
    let last = selection
        .models
        .iter()
        .find(|m| m.model == "step-30")
        .unwrap();
    let shown = format!("step-30: worst case {:.1}%", 100.0 * last.value.0);
    assert!(
        tips.iter().any(|tip| tip.starts_with(&shown)),
        "{tips:?}, not {shown}"
    );
    let pass = &selection.models[0].pass.as_ref().unwrap().interval;
    let shown = format!("{:.1}%", 100.0 * pass.value.0);
    assert!(drawn[2].svg.contains(&shown), "{shown}");
    // Its rank by another rule is no place in the tournament.
    let by_loss = draw_selection(&select(SelectionRule::CrossEntropy));
    assert_eq!(titles(&by_loss), ["Pass@k over training"]);
}

#[test]
fn a_profile_is_drawn_at_its_levels() {
    let levels = [1.0, 4.0, 64.0].map(|n| Level::from_n(n).unwrap());
    let scores = Scores::of(scores(names()));
    let of = |models: &[String]| {
        let options = ProfileOptions {
            reference: "step-20",
            models,
            baseline: None,
            levels: &levels,
            tokens: false,
            confidence: 0.95,
            losses: None,
        };
        draw_profile(&profile(&scores, &options).unwrap())
    };
    let both = of(&[]);
    assert_eq!(
        titles(&both),
        ["Uncovered data over training", "Uncovered data at every N"]
    );
    // ln 64 = 4.2: what step-30 gives -6 or less is uncovered at 4 and at 64, a sixth.
    let tips = tips(&both[0].svg);
    assert!(
        tips.iter().any(|tip| tip.contains("Cov₄ 16.7%")),
        "{tips:?}"
    );
    assert_eq!(
        titles(&of(&["step-10".into()])),
        ["Uncovered data at every N"]
    );
}

#[test]
fn reach_is_drawn_at_its_ks() {
    let scores = Scores::of(scores(names()));
    let of = |ks: &[f64], left_out| {
        let options = ReachOptions {
            ks,
            budget: Level::from_n(64.0).unwrap(),
            left_out,
            confidence: 0.95,
        };
        draw_reach(&reach(&scores, None, &options).unwrap())
    };
    let drawn = of(&[1.0, 2.0, 4.0, 8.0, 1e6], None);
    assert_eq!(titles(&drawn), ["Reach over training", "Reach at every k"]);
    // 1 - (1 - e^-2)^4 = 44.1%; four of the five k are shown, the last among them.
    let tips = tips(&drawn[0].svg);
    assert!(
        tips.iter()
            .any(|tip| tip.starts_with("step-10: k = 4 44.1%")),
        "{tips:?}"
    );
    assert!(
        tips.iter()
            .any(|tip| tip.starts_with("step-10: k = 1000000 100%")),
        "{tips:?}"
    );
    assert_eq!(tips.len(), 4 * 3);
    assert_eq!(titles(&of(&[4.0], None)), ["Reach over training"]);
}

/// The first of equals is best, as in the documents.
#[test]
fn equal_models_are_named_as_in_the_document() {
    let mut table = scores(names());
    table.logprob[2] = table.logprob[1].clone();
    let options = ReachOptions {
        ks: &[1.0, 4.0],
        budget: Level::from_n(4.0).unwrap(),
        left_out: None,
        confidence: 0.95,
    };
    let document = reach(&Scores::of(table), None, &options).unwrap();
    let best = &document.best[1].model;
    for drawn in draw_reach(&document) {
        assert!(drawn.caption.contains(best), "{best}: {}", drawn.caption);
        assert!(!drawn.caption.contains("step-20"), "{}", drawn.caption);
    }
}

#[test]
fn pass_at_k_is_drawn_at_its_ks() {
    let of = |models: Vec<String>, ks: &[u64]| {
        let options = PassOptions {
            ks,
            all_of: false,
            majority: false,
            solved: None,
            extrapolate: None,
            confidence: 0.95,
            group_weights: &[],
            as_scored: None,
        };
        let pass = pass_at(&samples(models), &options).unwrap();
        (draw_pass(&pass), pass.models[0].pass[0].value.0)
    };
    let (drawn, value) = of(names(), &[1, 4, 16]);
    assert_eq!(
        titles(&drawn),
        ["Pass@k over training", "Pass@k at every k"]
    );
    let shown = format!("step-30: Pass@1 {:.1}%", 100.0 * value);
    assert!(tips(&drawn[0].svg).iter().any(|tip| tip.contains(&shown)));
    let (alone, _) = of(vec!["m".into()], &[1, 2]);
    assert_eq!(titles(&alone), ["Pass@k at every k"]);
}

#[test]
fn a_lone_checkpoint_and_any_names_are_no_trouble() {
    let of = |models: Vec<String>| {
        let candidates = Candidates::of_scores(Scores::of(scores(models)), None).unwrap();
        let options = SelectOptions {
            rule: SelectionRule::Tournament,
            level: Level::from_n(2.0).unwrap(),
            a: None,
            confidence: 0.9,
        };
        draw_selection(&candidates.selection(options).unwrap())
    };
    // Nobody to be compared with; what is certain of it is certain.
    let certain = "What is certain about the data uncovered at N = 2";
    assert_eq!(titles(&of(vec!["m".into()])), [certain]);
    let hostile = of(vec![format!("{HOSTILE}a"), format!("{HOSTILE}b")]);
    assert_eq!(titles(&hostile).len(), 2);
    assert!(
        tips(&hostile[0].svg)[0].starts_with("</script><img"),
        "text, and no element"
    );
}
