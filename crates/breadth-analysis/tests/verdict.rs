//! Verdicts on evidence whose truth is known.

use breadth_analysis::{Evidence, Rule, Sampled, Scored, State, Verdict, decide};
use breadth_stats::{Design, Level, PromptOutcome, Tournament, tournament};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Columns = Vec<Vec<f64>>;

fn refs(columns: &Columns) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

fn fought(columns: &[&[f64]], design: &Design, k: f64) -> Tournament {
    tournament(columns, design, Level::from_n(k / 2.0).unwrap(), 0.95).unwrap()
}

/// The verdict from scores alone, each row a prompt.
fn of_scores(models: &[&str], columns: &Columns, k: f64, only_right: bool) -> Verdict {
    let (columns, design) = (refs(columns), Design::default());
    let tournament = fought(&columns, &design, k);
    decide(&Evidence {
        models,
        k,
        confidence: 0.95,
        same: &[],
        scores: Some(Scored {
            tournament: &tournament,
            columns: &columns,
            design,
            only_right,
        }),
        samples: None,
    })
    .unwrap()
}

fn of_samples(models: &[&str], outcomes: &[Vec<PromptOutcome>], k: f64) -> Verdict {
    decide(&Evidence {
        models,
        k,
        confidence: 0.95,
        same: &[],
        scores: None,
        samples: Some(Sampled {
            outcomes,
            design: Design::default(),
            places: None,
        }),
    })
    .unwrap()
}

fn counts(n: u64, c: impl Fn(u64) -> u64) -> Vec<PromptOutcome> {
    (0..200)
        .map(|i| PromptOutcome::Counts { n, c: c(i) })
        .collect()
}

fn text(verdict: &Verdict) -> String {
    std::iter::once(verdict.sentence())
        .chain(verdict.notes())
        .collect::<Vec<_>>()
        .join("\n")
}

/// One candidate forgets a third of the responses, the other covers all.
fn forgetful() -> Columns {
    let late = (0..300).map(|i| if i % 3 == 0 { -9.0 } else { -0.2 });
    vec![vec![-1.2; 300], late.collect()]
}

/// The one covers evenly but thinly, the other gives a third of the responses much and the rest far
/// less.
fn parted() -> Columns {
    let late = (0..300).map(|i| if i % 3 == 0 { -1.0 } else { -9.5 });
    vec![vec![-6.5; 300], late.collect()]
}

#[test]
fn rules_that_agree_make_it_likely() {
    insta::assert_snapshot!(text(&of_scores(&["early", "late"], &forgetful(), 8.0, false)), @r"
    Take early (likely, by the tournament): the tournament at N = 4 and reach_8 (94.3% [92.9, 94.4]%) both say so; a verifier that accepts other responses, which they cannot see, may prefer another by up to 7.1 points.
    Reach agrees.
    The lowest loss agrees.
    ");
}

/// Held-out responses lose probability while others that are right may gain all of it.
#[test]
fn rules_that_agree_on_some_of_several_right_responses_leave_it_open() {
    let early = vec![-4.0; 300];
    let late = (0..300).map(|i| if i % 3 == 0 { -4.1 } else { -9.5 });
    let columns: Columns = vec![early, late.collect()];
    let alone = of_scores(&["early", "late"], &columns, 16.0, false);
    assert_eq!(
        (alone.take.as_deref(), alone.state),
        (Some("early"), State::Likely)
    );
    let (columns, prompts) = (
        refs(&columns),
        (0..300).map(|i| i / 2).collect::<Vec<u32>>(),
    );
    let design = Design {
        clusters: Some(&prompts),
        ..Design::default()
    };
    let tournament = fought(&columns, &design, 16.0);
    let verdict = decide(&Evidence {
        models: &["early", "late"],
        k: 16.0,
        confidence: 0.95,
        same: &[],
        scores: Some(Scored {
            tournament: &tournament,
            columns: &columns,
            design,
            only_right: false,
        }),
        samples: None,
    });
    insta::assert_snapshot!(text(&verdict.unwrap()), @r"
    Nothing to take yet: the tournament at N = 8 and reach_16 (38.5% [36.4, 40.9]%) both say early, but 100 of the 150 prompts have several right responses, of which a verifier needs one.
    16 graded samples of 150 prompts (more would be better) from early and late may decide:
      breadth sample DIR/early DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says early; its guarantee is void here, as the winner's own coverage may be anything ([0.0, 100.0]%).
    Reach says early.
    The lowest loss says early.
    100 of the 150 prompts have several right responses: for a verifier one of them is enough, and coverage of each response is not what its Pass@k needs.
    50 rows repeat another of their prompt under every model and count once in reach.
    ");
}

#[test]
fn samples_of_which_none_is_right_rank_nobody() {
    let outcomes = [counts(16, |_| 0), counts(16, |_| 0)];
    insta::assert_snapshot!(text(&of_samples(&["a", "b"], &outcomes, 16.0)), @r"
    Nothing to take yet: no sample of any candidate is right: Pass@16 is 0% [0.0, 2.2]% for all.
    More samples a prompt, or easier prompts may decide:
      breadth sample DIR/a DIR/b --prompts PROMPTS.jsonl -k 64 --verifier VERIFIER -o samples.parquet
    ");
}

#[test]
fn rules_that_part_leave_it_open() {
    let verdict = of_scores(&["early", "late"], &parted(), 16.0, false);
    assert_eq!(
        (verdict.take.as_deref(), verdict.state),
        (None, State::Open)
    );
    insta::assert_snapshot!(text(&verdict), @r"
    Nothing to take yet: the tournament at N = 8 says early, reach_16 says late (33.4% [27.3, 39.9]%).
    16 graded samples of 300 prompts from early and late would decide:
      breadth sample DIR/early DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says early.
    Reach says late.
    The lowest loss says early.
    ");
}

#[test]
fn a_reach_near_one_bounds_what_can_be_lost() {
    let bold = (0..300).map(|i| if i % 10 == 0 { -1.9 } else { -0.5 });
    let columns = vec![bold.collect(), vec![-1.2; 300]];
    insta::assert_snapshot!(text(&of_scores(&["bold", "even"], &columns, 16.0, false)), @r"
    Take even (likely, by reach): reach_16 is 99.7% [98.2, 99.7]%, so that no other candidate is better by more than 1.8 points, for any verifier that accepts the held-out responses.
    The tournament says bold, but cannot tell it from even.
    The lowest loss disagrees: it says bold.
    ");
}

#[test]
fn of_equals_the_one_that_is_right_most_often_is_taken() {
    let outcomes = [counts(16, |i| 1 + i % 9), counts(16, |i| 4 + i % 9)];
    let verdict = of_samples(&["rarely", "often"], &outcomes, 16.0);
    assert_eq!(verdict.take.as_deref(), Some("often"));
}

#[test]
fn nothing_excluded_is_open() {
    let columns = vec![vec![-1.0, -1.1, -1.2, -0.9], vec![-1.1, -1.0, -1.1, -1.0]];
    insta::assert_snapshot!(text(&of_scores(&["a", "b"], &columns, 8.0, false)), @r"
    Nothing to take yet: the tournament at N = 4 says a, but log-probabilities cannot tell whether 8 samples would find a right response: reach rests on 3 prompts only.
    16 graded samples of 4 prompts (more would be better) from a and b may decide:
      breadth sample DIR/a DIR/b --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says a.
    Reach says b; reach rests on 3 prompts only, so it decides nothing.
    The lowest loss says a.
    ");
}

#[test]
fn long_responses_leave_it_open() {
    let mut columns = parted();
    columns
        .iter_mut()
        .flatten()
        .enumerate()
        .for_each(|(i, q)| *q -= 300.0 + (i % 97) as f64);
    insta::assert_snapshot!(text(&of_scores(&["early", "late"], &columns, 16.0, false)), @r"
    Nothing to take yet: the tournament at N = 8 says early, but log-probabilities cannot tell whether 16 samples would find a right response: reach rests on 8 prompts only.
    16 graded samples of 300 prompts from early and late would decide:
      breadth sample DIR/early DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says early.
    Reach says late; reach rests on 8 prompts only, so it decides nothing.
    The lowest loss says early.
    ");
}

#[test]
fn samples_decide_and_the_others_are_heard() {
    let columns = parted();
    let (columns, design) = (refs(&columns), Design::default());
    let tournament = fought(&columns, &design, 16.0);
    let outcomes = [
        counts(16, |i| 2 * (i % 2)),
        counts(16, |i| u64::from(i % 8 > 0) * 3),
    ];
    let verdict = decide(&Evidence {
        models: &["early", "late"],
        k: 16.0,
        confidence: 0.95,
        same: &[],
        scores: Some(Scored {
            tournament: &tournament,
            columns: &columns,
            design,
            only_right: false,
        }),
        samples: Some(Sampled {
            outcomes: &outcomes,
            design: Design::default(),
            places: None,
        }),
    })
    .unwrap();
    assert_eq!(
        (verdict.take.as_deref(), verdict.state, verdict.by),
        (Some("late"), State::Certain, Some(Rule::Samples))
    );
    insta::assert_snapshot!(text(&verdict), @r"
    Take late (certain, by the samples): Pass@16 is 87.5% [81.2, 92.3]%, at least 30.1 points above every other candidate.
    The tournament disagrees: it says early.
    Reach agrees; reach_16 of early is 2.4% [2.3, 3.8]%, and Pass@16 of its samples is 50.0% [41.8, 58.2]%: their verifier accepts other responses, too, so it decides nothing.
    The lowest loss disagrees: it says early.
    ");
    insta::assert_snapshot!(serde_json::to_string_pretty(&verdict).unwrap(), @r#"
    {
      "take": "late",
      "state": "certain",
      "by": "samples",
      "k": 16.0,
      "judged_at": 16.0,
      "because": "Pass@16 is 87.5% [81.2, 92.3]%, at least 30.1 points above every other candidate",
      "may_be_best": [
        "late"
      ],
      "others": [
        {
          "rule": "tournament",
          "says": "early",
          "agrees": false,
          "leaves_open": false
        },
        {
          "rule": "reach",
          "says": "late",
          "agrees": true,
          "leaves_open": true,
          "note": "reach_16 of early is 2.4% [2.3, 3.8]%, and Pass@16 of its samples is 50.0% [41.8, 58.2]%: their verifier accepts other responses, too, so it decides nothing"
        },
        {
          "rule": "cross-entropy",
          "says": "early",
          "agrees": false,
          "leaves_open": false
        }
      ],
      "next": null,
      "warnings": [],
      "coverage": [
        {
          "model": "early",
          "low": 0.2022105096224729,
          "high": 1.0
        },
        {
          "model": "late",
          "low": 0.0,
          "high": 0.7197951544704948
        }
      ]
    }
    "#);
}

#[test]
fn close_samples_are_likely_and_few_are_open() {
    let close = [
        counts(16, |i| i % 5),
        counts(16, |i| (i + 1) % 5),
        counts(16, |_| 0),
    ];
    let verdict = of_samples(&["a", "b", "c"], &close, 4.0);
    assert_eq!(verdict.state, State::Likely);
    insta::assert_snapshot!(text(&verdict), @"Take a (likely, by the samples): Pass@4 is 40.7% [36.0, 45.4]%, and b may be better by up to 5.4 points.");
    let few = close.map(|outcomes| outcomes[..6].to_vec());
    let verdict = of_samples(&["a", "b", "c"], &few, 4.0);
    assert_eq!(
        (verdict.take.as_deref(), verdict.state),
        (None, State::Open)
    );
    insta::assert_snapshot!(text(&verdict), @r"
    Nothing to take yet: a, b and c may each be the best: Pass@4 is 38.1% [11.8, 74.5]%, and a and c may be better by up to 49.3 points.
    More prompts, or more samples of a, b and c may decide:
      breadth sample DIR/a DIR/b DIR/c --prompts PROMPTS.jsonl -k 64 --verifier VERIFIER -o samples.parquet
    ");
}

/// c has no samples, and nothing speaks against it.
#[test]
fn a_candidate_that_nobody_sampled_keeps_the_verdict_open() {
    let columns = vec![vec![-3.0; 100], vec![-3.2; 100], vec![-0.1; 100]];
    let columns = refs(&columns);
    let tournament = fought(&columns, &Design::default(), 16.0);
    let outcomes = [
        counts(16, |i| 8 * (i % 2)),
        counts(16, |i| u64::from(i % 5 == 0)),
        Vec::new(),
    ];
    let of = |outcomes: &[Vec<PromptOutcome>]| {
        let evidence = Evidence {
            models: &["a", "b", "c"],
            k: 16.0,
            confidence: 0.95,
            same: &[],
            scores: Some(Scored {
                tournament: &tournament,
                columns: &columns,
                design: Design::default(),
                only_right: false,
            }),
            samples: Some(Sampled {
                outcomes,
                design: Design::default(),
                places: None,
            }),
        };
        decide(&evidence).unwrap()
    };
    let verdict = of(&outcomes);
    assert_eq!(
        (verdict.take.as_deref(), verdict.state),
        (None, State::Open)
    );
    assert_eq!(verdict.may_be_best, ["a", "c"]);
    insta::assert_snapshot!(text(&verdict), @r"
    Nothing to take yet: a leads among those with samples, Pass@16 50.0% [41.8, 58.2]%, and c has none, which scores do not exclude.
    16 samples of each prompt from c may decide:
      breadth sample DIR/c --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament says c.
    Reach says c; reach_16 of b is 48.6% [46.5, 50.9]%, and Pass@16 of its samples is only 20.0% [14.0, 27.2]%: their verifier does not accept the held-out responses, so it decides nothing.
    The lowest loss says c.
    ");
    // Where next to nothing can be better, it does not matter.
    let solved = [counts(16, |_| 15), counts(16, |i| i % 2), Vec::new()];
    assert_eq!(of(&solved).take.as_deref(), Some("a"));
}

/// Held-out labels that a model knows by heart, and a verifier that does not accept them.
#[test]
fn samples_refute_a_reach_that_their_verifier_does_not_know() {
    let columns = vec![vec![-2.5; 150], vec![-0.01; 150]];
    let columns = refs(&columns);
    let tournament = fought(&columns, &Design::default(), 16.0);
    let outcomes = [counts(4, |_| 4), counts(4, |i| 4 * u64::from(i % 5 > 1))];
    let verdict = decide(&Evidence {
        models: &["early", "late"],
        k: 16.0,
        confidence: 0.95,
        same: &[],
        scores: Some(Scored {
            tournament: &tournament,
            columns: &columns,
            design: Design::default(),
            only_right: false,
        }),
        samples: Some(Sampled {
            outcomes: &outcomes,
            design: Design::default(),
            places: None,
        }),
    })
    .unwrap();
    assert_eq!(verdict.by, Some(Rule::Samples));
    assert_eq!(verdict.take.as_deref(), Some("early"));
    insta::assert_snapshot!(text(&verdict), @r"
    Take early (likely, by the samples, at k = 4 instead of 16): Pass@4 is 100% [97.8, 100.0]%, at least 32.5 points above every other candidate; at k = 16 none is better.
    16 samples of each prompt from early and late would decide:
      breadth sample DIR/early DIR/late --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    The tournament disagrees: it says late.
    Reach disagrees: it says late; reach_4 of late is >99.9% [97.1, 100.0]%, and Pass@4 of its samples is only 60.0% [51.8, 67.8]%: their verifier does not accept the held-out responses, so it decides nothing.
    The lowest loss disagrees: it says late.
    What these samples say of k = 16, with wide limits: breadth pass SAMPLES -k 16 --extrapolate.
    ");
}

/// Log-probabilities that say nothing do not make two models one.
#[test]
fn columns_of_nothing_but_impossible_are_not_one_model() {
    for log_q in [f64::NEG_INFINITY, 0.0] {
        let columns = vec![vec![log_q; 100], vec![log_q; 100]];
        let verdict = of_scores(&["a", "b"], &columns, 16.0, false);
        assert!(
            !verdict.because.contains("same model"),
            "{}",
            verdict.because
        );
        assert_ne!(verdict.state, State::Certain);
    }
    let equal = vec![vec![-1.0; 100], vec![-1.0; 100]];
    let verdict = of_scores(&["a", "b"], &equal, 16.0, false);
    assert!(
        verdict.because.contains("same model"),
        "{}",
        verdict.because
    );
}

/// The narrow one solves six prompts in ten nearly always, the broad one all of them seldom: 256
/// samples find 60% and 100%.
#[test]
fn fewer_samples_do_not_take_what_more_would_not() {
    let narrow = counts(16, |i| if i % 5 < 3 { 14 } else { 0 });
    let broad = counts(16, |i| u64::from(i % 25 < 12));
    let verdict = of_samples(
        &["narrow", "broad"],
        &[narrow.clone(), broad.clone()],
        256.0,
    );
    assert_eq!(
        (verdict.take.as_deref(), verdict.state),
        (None, State::Open)
    );
    insta::assert_snapshot!(text(&verdict), @r"
    Nothing to take yet: narrow leads with 16 samples of each prompt: Pass@16 is 60.0% [51.8, 67.8]%, at least 2.3 points above every other candidate; at k = 256 broad is most likely ahead by 40.0 points.
    256 samples of each prompt from narrow and broad would decide:
      breadth sample DIR/narrow DIR/broad --prompts PROMPTS.jsonl -k 256 --verifier VERIFIER -o samples.parquet
    What these samples say of k = 256, with wide limits: breadth pass SAMPLES -k 256 --extrapolate.
    ");
    let at_16 = of_samples(&["narrow", "broad"], &[narrow, broad], 16.0);
    assert_eq!(at_16.take.as_deref(), Some("narrow"));
}

/// One prompt was sampled once.
#[test]
fn a_prompt_with_too_few_samples_is_told() {
    let mut outcomes = [counts(32, |_| 30), counts(32, |i| i % 2)];
    for of_model in &mut outcomes {
        of_model[7] = PromptOutcome::Counts { n: 1, c: 1 };
    }
    let verdict = of_samples(&["x", "y"], &outcomes, 16.0);
    assert_eq!((verdict.state, verdict.judged_at.0), (State::Likely, 1.0));
    let told = "1 prompt has fewer samples than the others, which have 32 or more";
    assert!(
        verdict.warnings.iter().any(|text| text.starts_with(told)),
        "{:?}",
        verdict.warnings
    );
}

#[test]
fn samples_of_some_or_too_few_are_never_certain() {
    let outcomes = [
        counts(16, |i| u64::from(i % 4 == 0)),
        counts(16, |_| 8),
        Vec::new(),
    ];
    let some = of_samples(&["a", "b", "c"], &outcomes, 8.0);
    assert_eq!(
        (some.take.as_deref(), some.state),
        (Some("b"), State::Likely)
    );
    let short = of_samples(&["a", "b"], &outcomes[..2], 64.0);
    assert_eq!(
        (short.take.as_deref(), short.state),
        (Some("b"), State::Likely)
    );
    insta::assert_snapshot!(format!("{}\n{}", text(&some), text(&short)), @r"
    Take b (likely, by the samples): Pass@8 is >99.9% [97.8, 100.0]%, at least 82.7 points above every other candidate; 1 candidate without samples is not compared.
    Take b (likely, by the samples, at k = 16 instead of 64): Pass@16 is 100% [97.8, 100.0]%, at least 67.6 points above every other candidate; at k = 64 none is better.
    64 samples of each prompt from a and b would decide:
      breadth sample DIR/a DIR/b --prompts PROMPTS.jsonl -k 64 --verifier VERIFIER -o samples.parquet
    What these samples say of k = 64, with wide limits: breadth pass SAMPLES -k 64 --extrapolate.
    ");
}

/// One sample of a prompt compares by Pass@1, which bounds Pass@8 from below alone.
#[test]
fn next_to_no_samples_take_what_is_near_one() {
    let of = |right: u64, k: f64| {
        let outcomes = [
            counts(1, |i| u64::from(i % 4 == 0)),
            counts(1, |i| u64::from(i % 10 < right)),
        ];
        of_samples(&["a", "b"], &outcomes, k)
    };
    let verdict = of(8, 8.0);
    assert_eq!(
        (verdict.take.as_deref(), verdict.state),
        (None, State::Open)
    );
    assert_eq!((verdict.k.0, verdict.judged_at.0), (8.0, 1.0));
    insta::assert_snapshot!(text(&verdict), @r"
    Nothing to take yet: b leads with 1 sample of each prompt: Pass@1 is 80.0% [72.8, 86.0]%, at least 45.7 points above every other candidate; at k = 8 another may be better by up to 27.2 points.
    16 samples of each prompt from a and b would decide:
      breadth sample DIR/a DIR/b --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o samples.parquet
    What these samples say of k = 8, with wide limits: breadth pass SAMPLES -k 8 --extrapolate.
    ");
    assert_eq!(of(10, 8.0).state, State::Likely);
    assert_eq!(of(10, 1.0).state, State::Certain);
}

/// Candidates with the same weights, whose samples differ by chance, are no reason to leave a
/// verdict open, and what one of them has the other has.
#[test]
fn the_same_model_twice_counts_once() {
    let outcomes = [
        counts(16, |i| i % 3),
        counts(16, |_| 0),
        counts(16, |i| (i + 1) % 3),
    ];
    let outcomes = outcomes.map(|all| all[..40].to_vec());
    let of = |same: &[usize]| {
        decide(&Evidence {
            models: &["a", "b", "copy"],
            k: 2.0,
            confidence: 0.95,
            same,
            scores: None,
            samples: Some(Sampled {
                outcomes: &outcomes,
                design: Design::default(),
                places: None,
            }),
        })
        .unwrap()
    };
    let apart = of(&[]);
    assert!(apart.may_be_best.contains(&"copy".to_owned()));
    assert_ne!(apart.state, State::Certain);
    let same = of(&[0, 1, 0]);
    assert_eq!(
        (same.take.as_deref(), same.may_be_best.len()),
        (Some("a"), 1)
    );
    insta::assert_snapshot!(text(&same), @r"
    Take a (certain, by the samples): Pass@2 is 11.9% [8.2, 21.6]%, at least 1.6 points above every other candidate.
    a and copy are the same model (equal files) and count as one.
    ");
    let all = of(&[0, 0, 0]);
    insta::assert_snapshot!(text(&all), @"Take a: all candidates are the same model (equal files).");
    // With the only right responses, few prompts: the limit between equals decides nothing.
    let columns: Columns = vec![vec![-0.1; 12], vec![-4.0; 12], vec![-0.1; 12]];
    let verdict = of_scores(&["a", "b", "copy"], &columns, 2.0, true);
    assert_eq!(
        (verdict.take.as_deref(), verdict.state),
        (Some("a"), State::Certain)
    );
}

#[test]
fn the_only_right_response_makes_reach_certain() {
    let verdict = of_scores(&["early", "late"], &forgetful(), 8.0, true);
    assert_eq!(
        (verdict.take.as_deref(), verdict.state, verdict.by),
        (Some("early"), State::Certain, Some(Rule::Reach))
    );
    insta::assert_snapshot!(verdict.sentence(), @"Take early (certain, by reach): the held-out response is the only right one, so its probability gives Pass@8: 94.3% [92.9, 94.4]%, at least 21.9 points above every other candidate.");
}

#[test]
fn lone_and_doubled_candidates_are_said_to_be() {
    let one = of_scores(&["only"], &vec![vec![-1.0; 4]], 8.0, false);
    insta::assert_snapshot!(text(&one), @"Take only: it is the only candidate, nothing was compared.");
    let mut columns = forgetful();
    columns.push(columns[0].clone());
    let verdict = of_scores(&["a", "b", "copy"], &columns, 8.0, false);
    assert_eq!(verdict.take.as_deref(), Some("a"));
    insta::assert_snapshot!(verdict.notes().join("\n"), @r"
    Reach agrees.
    The lowest loss agrees.
    a and copy are the same model (equal log-probabilities throughout) and count as one.
    ");
    let same = of_scores(&["a", "copy"], &vec![vec![-1.0; 9]; 2], 8.0, false);
    insta::assert_snapshot!(same.sentence(), @"Take a: all candidates are the same model (equal log-probabilities throughout).");
}

/// A response that was scored twice with other rounding adds up to more than 1: the other rules
/// still speak.
#[test]
fn probabilities_above_one_silence_reach_alone() {
    let columns = forgetful();
    let columns = refs(&columns);
    let clusters: Vec<u32> = (0..300).map(|row| row / 10).collect();
    let design = Design {
        clusters: Some(&clusters),
        ..Design::default()
    };
    let tournament = fought(&columns, &design, 8.0);
    let scores = Scored {
        tournament: &tournament,
        columns: &columns,
        design,
        only_right: false,
    };
    let evidence = Evidence {
        models: &["early", "late"],
        k: 8.0,
        confidence: 0.95,
        same: &[],
        scores: Some(scores),
        samples: None,
    };
    insta::assert_snapshot!(decide(&evidence).unwrap().sentence(), @"Nothing to take yet: the tournament at N = 4 says early, reach_8 says late (>99.9% [86.4, 100.0]%).");
}

#[test]
fn bad_evidence_is_an_error() {
    let outcomes = [counts(4, |_| 5), counts(4, |_| 1)];
    let evidence = Evidence {
        models: &["a", "b"],
        k: 4.0,
        confidence: 0.95,
        same: &[],
        scores: None,
        samples: Some(Sampled {
            outcomes: &outcomes,
            design: Design::default(),
            places: None,
        }),
    };
    assert!(decide(&evidence).is_err());
    let nothing = decide(&Evidence {
        samples: None,
        ..evidence
    })
    .unwrap();
    assert_eq!((nothing.take, nothing.state), (None, State::Open));
}

/// Candidates with success rates that are known: a verdict called certain names one that is within
/// a point of the best in 95% of the series, and the choice costs less than two points on average.
#[test]
fn what_is_called_certain_is_right() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (mut certain, mut wrong, mut taken, mut regret) = (0, 0, 0, 0.0);
    let k = 8;
    for _ in 0..300 {
        let spread = rng.random_range(0.0..0.6);
        let rates: Vec<Vec<f64>> = (0..6)
            .map(|_| {
                let level: f64 = rng.random_range(0.02..0.1);
                let lost = rng.random_range(0.0..spread + 0.01);
                (0..200)
                    .map(|_| {
                        if rng.random::<f64>() < lost {
                            0.002
                        } else {
                            (level * rng.random_range(0.2..6.0_f64)).min(1.0)
                        }
                    })
                    .collect()
            })
            .collect();
        let pass =
            |rates: &Vec<f64>| rates.iter().map(|p| 1.0 - (1.0 - p).powi(k)).sum::<f64>() / 200.0;
        let truth: Vec<f64> = rates.iter().map(pass).collect();
        let outcomes: Vec<Vec<PromptOutcome>> = rates
            .iter()
            .map(|rates| {
                rates
                    .iter()
                    .map(|&p| PromptOutcome::Counts {
                        n: 16,
                        c: (0..16).filter(|_| rng.random::<f64>() < p).count() as u64,
                    })
                    .collect()
            })
            .collect();
        let names = ["a", "b", "c", "d", "e", "f"];
        let verdict = of_samples(&names, &outcomes, f64::from(k));
        let Some(take) = &verdict.take else { continue };
        let at = names.iter().position(|name| name == take).unwrap();
        let best = truth.iter().copied().fold(0.0, f64::max);
        taken += 1;
        regret += best - truth[at];
        if verdict.state == State::Certain {
            certain += 1;
            wrong += u32::from(best - truth[at] > 0.01);
        }
    }
    assert!(
        certain > 50 && taken > 250,
        "{certain} certain, {taken} taken"
    );
    assert!(
        f64::from(wrong) <= 0.05 * f64::from(certain),
        "{wrong} of {certain}"
    );
    assert!(
        regret / f64::from(taken) < 0.02,
        "{}",
        regret / f64::from(taken)
    );
}
