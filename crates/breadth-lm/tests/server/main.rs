//! Servers, over real HTTP: right numbers or a refusal, never a wrong score.

mod fake;
mod launch;
mod replay;
mod resume;
mod serve;
mod teacher;
mod trouble;

use std::time::Duration;

use breadth_lm::generation::{Sampling, Sequence, Stop};
use breadth_lm::rng;
use breadth_lm::server::{Address, Limits, Report, Server, Verdict};

use serde_json::json;

use fake::{Defect, Dialect, Fake, IMPOSSIBLE, VOCAB, drawable, letters, log_probs, scores};

/// Patience of the tests: short pauses, few attempts.
fn limits() -> Limits {
    Limits {
        concurrency: 4,
        batch: 3,
        timeout: Duration::from_secs(20),
        attempts: 3,
        back_off: Duration::from_millis(2),
        longest_wait: Duration::from_secs(2),
        ..Limits::default()
    }
}

fn open(fakes: &[&Fake], limits: Limits) -> Server {
    let hosts: Vec<&str> = fakes.iter().map(|f| &f.url[..]).collect();
    let address = Address::parse(&format!("openai:{}", hosts.join(","))).unwrap();
    Server::open(&address, limits).unwrap()
}

/// Prompts and responses of different lengths; every fifth has a token that the distribution never
/// gives.
fn pairs(count: u64) -> Vec<(Vec<u32>, Vec<u32>)> {
    let pair = |i| {
        let mut stream = rng::stream(2, "test/pairs", i);
        let mut draw = |from: u64, to: u64| (from + rng::below(&mut stream, to - from)) as u32;
        let prompt = (0..draw(1, 7)).map(|_| draw(0, 12)).collect();
        let mut response: Vec<u32> = (0..draw(1, 9)).map(|_| draw(0, 12)).collect();
        if i % 5 == 4 {
            response[0] = IMPOSSIBLE;
        }
        (prompt, response)
    };
    (0..count).map(pair).collect()
}

fn sequences(pairs: &[(Vec<u32>, Vec<u32>)]) -> Vec<Sequence<'_>> {
    let pairs = pairs.iter();
    pairs
        .map(|(prompt, response)| Sequence { prompt, response })
        .collect()
}

fn name(i: usize) -> String {
    format!("sequence {i}")
}

fn assert_right(pairs: &[(Vec<u32>, Vec<u32>)], got: &[Vec<f32>]) {
    assert_eq!(pairs.len(), got.len());
    for ((prompt, response), got) in pairs.iter().zip(got) {
        let tokens = [&prompt[..], response].concat();
        let right: Vec<f32> = scores(&tokens, 1.0)[prompt.len()..]
            .iter()
            .map(|v| v.unwrap() as f32)
            .collect();
        assert_eq!(&right, got, "{prompt:?} {response:?}");
    }
}

const FAITHFUL: [Dialect; 5] = [
    Dialect::Vllm,
    Dialect::Echo,
    Dialect::EchoOne,
    Dialect::Sglang,
    Dialect::LlamaCpp,
];

/// llama.cpp cannot score what has probability 0; all others can.
fn scorable(dialect: Dialect) -> Vec<(Vec<u32>, Vec<u32>)> {
    let all = pairs(40);
    match dialect {
        Dialect::LlamaCpp => all
            .into_iter()
            .filter(|(_, r)| !r.contains(&IMPOSSIBLE))
            .collect(),
        _ => all,
    }
}

#[test]
fn faithful_servers_of_every_kind_give_the_law() {
    for dialect in FAITHFUL {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        let kind = match dialect {
            Dialect::Vllm => "vllm",
            Dialect::Sglang => "sglang",
            Dialect::LlamaCpp => "llama.cpp",
            _ => "openai",
        };
        assert_eq!((server.kind().name(), server.model()), (kind, "toy"));
        let report = server.probe(&[]).unwrap();
        assert!(report.refusal().is_none(), "{dialect:?}: {report:?}");
        let pairs = scorable(dialect);
        let mut heard = Vec::new();
        let got = server
            .score(&sequences(&pairs), &name, &mut |n| heard.push(n))
            .unwrap();
        assert_right(&pairs, &got);
        assert_eq!(heard.last(), Some(&pairs.len()), "{dialect:?}");
        assert!(heard.is_sorted());
    }
}

#[test]
fn laws_come_as_far_as_they_are_asked_for() {
    for dialect in FAITHFUL {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        let pairs = scorable(dialect);
        for top in [1, 3, VOCAB as usize] {
            let sequences = sequences(&pairs);
            let distributions = server
                .next_token_distributions(&sequences, top, &name, &mut |_| {})
                .unwrap();
            for ((prompt, response), steps) in pairs.iter().zip(&distributions) {
                assert_eq!(response.len(), steps.len());
                let mut context = prompt.clone();
                for (&token, step) in response.iter().zip(steps) {
                    let log_probs = log_probs(&context, 1.0);
                    assert_eq!(
                        (step.token, step.log_prob),
                        (token, log_probs[token as usize])
                    );
                    let mut best = log_probs.clone();
                    best.sort_by(|a, b| b.total_cmp(a));
                    // vLLM's map has the token itself beside the likeliest.
                    let others = step.top.iter().filter(|(id, _)| *id != token).count();
                    assert!(step.top.len() >= top && others <= top);
                    for &(id, log_prob) in &step.top {
                        assert_eq!(log_probs[id as usize], log_prob, "{dialect:?}");
                        assert!(id == token || log_prob >= best[top - 1]);
                    }
                    context.push(token);
                }
            }
        }
    }
}

#[test]
fn laws_that_are_none_are_refused() {
    for dialect in FAITHFUL {
        for (defect, said) in [
            (Defect::TopIgnored, "none came"),
            (Defect::TopDoubled, "more than 1"),
        ] {
            // vLLM has the given token in any case.
            if (dialect, defect) == (Dialect::Vllm, Defect::TopIgnored) {
                continue;
            }
            let fake = Fake::new(dialect, defect);
            let server = open(&[&fake], limits());
            let pairs = scorable(dialect);
            let distributions =
                server.next_token_distributions(&sequences(&pairs), 3, &name, &mut |_| {});
            let error = distributions.unwrap_err().to_string();
            assert!(error.contains(said), "{dialect:?}: {error}");
        }
    }
}

#[test]
fn minus_infinity_comes_through() {
    for dialect in [Dialect::Vllm, Dialect::Echo, Dialect::Sglang] {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        let sequence = Sequence {
            prompt: &[1, 2],
            response: &[3, IMPOSSIBLE, 4],
        };
        let got = server.score(&[sequence], &name, &mut |_| {}).unwrap();
        assert_eq!(got[0][1], f32::NEG_INFINITY, "{dialect:?}");
        assert!(got[0][0].is_finite() && got[0][2].is_finite());
        // A prompt with such a token shows the probe how it is written.
        let report = server.probe(&[vec![1, IMPOSSIBLE, 2]]).unwrap();
        assert!(report.trusted);
        assert_eq!(verdict(&report, "infinity"), Verdict::Pass, "{report:?}");
    }
    let fake = Fake::new(Dialect::LlamaCpp, Defect::None);
    let server = open(&[&fake], limits());
    let sequence = Sequence {
        prompt: &[1, 2],
        response: &[IMPOSSIBLE],
    };
    let error = server
        .score(&[sequence], &name, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sequence 0: token 13") && error.contains("lose it"),
        "{error}"
    );
}

fn verdict(report: &Report, name: &str) -> Verdict {
    let check = report.hosts[0].checks.iter().find(|c| c.name == name);
    check
        .unwrap_or_else(|| panic!("no check {name} in {report:?}"))
        .verdict
}

/// What a defect ends in: the check that fails, or nothing and right numbers.
fn outcome(dialect: Dialect, defect: Defect) -> Option<&'static str> {
    let fake = Fake::new(dialect, defect);
    let server = open(&[&fake], limits());
    let report = server.probe(&[]).unwrap();
    let failed = report.hosts[0]
        .checks
        .iter()
        .find(|c| c.needed && c.verdict == Verdict::Fail);
    assert_eq!(report.trusted, failed.is_none(), "{report:?}");
    assert_eq!(report.refusal().is_none(), failed.is_none());
    if failed.is_none() {
        let pairs = scorable(dialect);
        let got = server
            .score(&sequences(&pairs), &name, &mut |_| {})
            .unwrap();
        assert_right(&pairs, &got);
    }
    failed.map(|check| check.name)
}

#[test]
fn every_defect_is_found_or_does_no_harm() {
    use Dialect::{Echo, EchoOne, EchoText, LlamaCpp, Sglang, Vllm};
    let cases = [
        (Vllm, Defect::Shift(1), Some("boundary")),
        (Vllm, Defect::Shift(-1), Some("boundary")),
        (Echo, Defect::Shift(1), Some("boundary")),
        (Sglang, Defect::Shift(-1), Some("boundary")),
        (Vllm, Defect::EchoIgnored, Some("echo")),
        (Echo, Defect::EchoIgnored, Some("echo")),
        (EchoOne, Defect::EchoIgnored, Some("echo")),
        (Sglang, Defect::StartToken, Some("echo")),
        (Vllm, Defect::StartToken, Some("echo")),
        (Echo, Defect::StartToken, Some("echo")),
        (EchoOne, Defect::StartToken, Some("echo")),
        (LlamaCpp, Defect::StartToken, Some("echo")),
        (Vllm, Defect::Retokenized, Some("echo")),
        (Echo, Defect::Retokenized, Some("echo")),
        (Sglang, Defect::Retokenized, Some("echo")),
        (EchoText, Defect::Retokenized, Some("echo")),
        // Even a faithful one: nothing shows that it is.
        (EchoText, Defect::None, Some("echo")),
        (Vllm, Defect::WrongCount, Some("echo")),
        (Echo, Defect::WrongCount, Some("echo")),
        (Sglang, Defect::WrongCount, Some("echo")),
        (Vllm, Defect::FirstEntry, Some("echo")),
        (Echo, Defect::FirstEntry, Some("echo")),
        (Vllm, Defect::Batch(0.3), Some("batch")),
        (Echo, Defect::Batch(0.3), Some("batch")),
        (Sglang, Defect::Batch(0.3), Some("batch")),
        (Vllm, Defect::Tempered, Some("raw")),
        (Echo, Defect::Tempered, Some("raw")),
        (Sglang, Defect::Tempered, Some("raw")),
        (LlamaCpp, Defect::Tempered, Some("raw")),
        (Vllm, Defect::GenerationTempered(0.7), Some("boundary")),
        (LlamaCpp, Defect::BiasIgnored, Some("echo")),
        (Echo, Defect::Appended, None),
        (Vllm, Defect::Batch(0.001), Some("harmless")),
    ];
    for (dialect, defect, expected) in cases {
        if expected == Some("harmless") {
            // A difference below the tolerance is let through: it is measured and said.
            let fake = Fake::new(dialect, defect);
            let report = open(&[&fake], limits()).probe(&[]).unwrap();
            assert!(report.trusted);
            let check = report.hosts[0]
                .checks
                .iter()
                .find(|c| c.name == "batch")
                .unwrap();
            assert!(check.measured.contains("2.0e-3"), "{check:?}");
            continue;
        }
        assert_eq!(outcome(dialect, defect), expected, "{dialect:?} {defect:?}");
    }
}

#[test]
fn the_probe_says_which_neighbour_a_shift_comes_from() {
    for (by, said) in [(1, "0.0e0 one token earlier"), (-1, "0.0e0 one later")] {
        let fake = Fake::new(Dialect::Vllm, Defect::Shift(by));
        let report = open(&[&fake], limits()).probe(&[]).unwrap();
        assert_eq!(verdict(&report, "shift"), Verdict::Fail);
        let check = report.hosts[0]
            .checks
            .iter()
            .find(|c| c.name == "shift")
            .unwrap();
        assert!(check.measured.contains(said), "{by}: {check:?}");
    }
}

#[test]
fn temperature_in_generated_numbers_alone_is_told_and_let_through() {
    // SGLang divides generated log-probabilities by the temperature; at temperature 1 that changes
    // nothing.
    let fake = Fake::new(Dialect::Sglang, Defect::None);
    let report = open(&[&fake], limits()).probe(&[]).unwrap();
    assert_eq!(verdict(&report, "sampling"), Verdict::Fail);
    assert!(report.trusted);
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let report = open(&[&fake], limits()).probe(&[]).unwrap();
    assert_eq!(verdict(&report, "sampling"), Verdict::Pass);
    assert_eq!(report.summary(), "probe passed, cannot tell: infinity");
}

#[test]
fn a_stand_in_for_minus_infinity_is_refused() {
    for number in [-10_000.0, -1e9, -1e30] {
        let fake = Fake::new(Dialect::Vllm, Defect::StandIn(number));
        let server = open(&[&fake], limits());
        let sequence = Sequence {
            prompt: &[1, 2],
            response: &[IMPOSSIBLE, 4],
        };
        let error = server
            .score(&[sequence], &name, &mut |_| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains("looks like a stand-in"), "{error}");
    }
}

#[test]
fn a_refusal_names_the_sequence() {
    for dialect in [Dialect::Vllm, Dialect::Echo] {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        let mut pairs = pairs(12);
        pairs[7].1.push(99);
        pairs[10].1.push(98);
        let error = server
            .score(&sequences(&pairs), &name, &mut |_| {})
            .unwrap_err()
            .to_string();
        let said = "sequence 7: status 400: Token id 99 is out of vocabulary";
        assert!(error.contains(said), "{error}");
        assert!(error.starts_with("server http://127.0.0.1:"), "{error}");
    }
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let server = open(&[&fake], limits());
    let sequence = Sequence {
        prompt: &[],
        response: &[1],
    };
    let error = server
        .score(&[sequence], &name, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("sequence 0: has an empty prompt"), "{error}");
}

fn sampling(samples: usize) -> Sampling {
    Sampling {
        samples,
        max_tokens: 5,
        end_tokens: vec![0],
        seed: 3,
        ..Sampling::default()
    }
}

#[test]
fn samples_carry_the_law_of_their_tokens() {
    for dialect in FAITHFUL {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        let prompts: [&[u32]; 3] = [&[1, 2], &[5], &[7, 8, 9]];
        let drawn = server
            .sample(&prompts, &sampling(40), &name, &mut |_| {})
            .unwrap();
        assert_eq!(drawn.iter().map(Vec::len).collect::<Vec<_>>(), [40, 40, 40]);
        let mut ended = 0;
        for (prompt, samples) in prompts.iter().zip(&drawn) {
            for sample in samples {
                let mut context = prompt.to_vec();
                for (&token, &log_prob) in sample.tokens.iter().zip(&sample.log_probs) {
                    assert_eq!(
                        log_prob,
                        log_probs(&context, 1.0)[token as usize] as f32,
                        "{dialect:?}"
                    );
                    context.push(token);
                }
                let end = sample.tokens.iter().position(|&t| t == 0);
                ended += usize::from(end.is_some());
                assert_eq!(sample.tokens.len(), end.map_or(5, |at| at + 1));
            }
            let distinct: std::collections::BTreeSet<_> =
                samples.iter().map(|s| &s.tokens).collect();
            assert!(
                distinct.len() > 30,
                "{dialect:?}: each response has a seed of its own"
            );
        }
        assert!(ended > 5, "{dialect:?}");
        // The same seed draws the same, in parts too.
        let later = Sampling {
            first_prompt: 1,
            ..sampling(40)
        };
        let part = server
            .sample(&prompts[1..], &later, &name, &mut |_| {})
            .unwrap();
        assert_eq!(part[..], drawn[1..], "{dialect:?}");
    }
}

#[test]
fn other_draws_carry_the_model_s_own_log_probabilities() {
    let draw = |temperature, top_k, top_p| Sampling {
        temperature,
        top_k,
        top_p,
        ..sampling(400)
    };
    let draws = [
        draw(0.5, None, None),
        draw(2.0, Some(3), None),
        draw(1.0, None, Some(0.6)),
        draw(0.7, Some(9), Some(0.8)),
    ];
    for dialect in FAITHFUL {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        for draw in &draws {
            let prompts: [&[u32]; 2] = [&[1, 2], &[7, 8, 9]];
            let drawn = server.sample(&prompts, draw, &name, &mut |_| {}).unwrap();
            let asked =
                json!({"temperature": draw.temperature, "top_k": draw.top_k, "top_p": draw.top_p});
            for (prompt, samples) in prompts.iter().zip(&drawn) {
                let weights = drawable(prompt, &asked);
                let mut seen = [0.0; VOCAB as usize];
                for sample in samples {
                    seen[sample.tokens[0] as usize] += 1.0 / 400.0;
                    let mut context = prompt.to_vec();
                    for (&token, &log_prob) in sample.tokens.iter().zip(&sample.log_probs) {
                        let own = log_probs(&context, 1.0)[token as usize] as f32;
                        assert_eq!(log_prob, own, "{dialect:?} {draw:?}");
                        assert!(drawable(&context, &asked)[token as usize] > 0.0);
                        context.push(token);
                    }
                }
                let total: f64 = weights.iter().sum();
                let apart = |(w, s): (&f64, &f64)| (w / total - s).abs();
                let distance: f64 = weights.iter().zip(&seen).map(apart).sum::<f64>() / 2.0;
                assert!(distance < 0.1, "{dialect:?} {draw:?}: {distance}");
            }
        }
    }
}

#[test]
fn at_temperature_0_one_response_is_drawn() {
    for dialect in FAITHFUL {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        let sequence = Sequence {
            prompt: &[1],
            response: &[2],
        };
        server.score(&[sequence], &name, &mut |_| {}).unwrap();
        let before = fake.requests();
        let sampling = Sampling {
            temperature: 0.0,
            ..sampling(40)
        };
        let mut heard = 0;
        let drawn = server
            .sample(&[&[1, 2]], &sampling, &name, &mut |n| heard = n)
            .unwrap();
        assert_eq!((drawn[0].len(), heard), (40, 40));
        assert!(drawn[0].iter().all(|sample| *sample == drawn[0][0]));
        let mut context = vec![1, 2];
        for (&token, &log_prob) in drawn[0][0].tokens.iter().zip(&drawn[0][0].log_probs) {
            let log_probs = log_probs(&context, 1.0);
            let best = log_probs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert_eq!((log_prob, log_probs[token as usize]), (best as f32, best));
            context.push(token);
        }
        // One to draw it, and one to score it: a request for each token where tokens are forced.
        let scored = match dialect {
            Dialect::LlamaCpp => drawn[0][0].tokens.len(),
            _ => 1,
        };
        assert_eq!(fake.requests() - before, 1 + scored, "{dialect:?}");
    }
}

#[test]
fn a_string_ends_a_response_with_the_token_that_completes_it() {
    for dialect in FAITHFUL {
        let fake = Fake::new(dialect, Defect::None);
        let server = open(&[&fake], limits());
        let free = server
            .sample(&[&[1, 2]], &sampling(60), &name, &mut |_| {})
            .unwrap();
        let whole = free[0].iter().find(|s| s.tokens.len() == 5).unwrap();
        let string = letters(&whole.tokens[1..3]);
        let stop = Stop::new(vec![string.clone()], letters);
        let sampling = Sampling {
            stop: Some(stop),
            ..sampling(60)
        };
        let stopped = server
            .sample(&[&[1, 2]], &sampling, &name, &mut |_| {})
            .unwrap();
        let mut cut = 0;
        for (free, stopped) in free[0].iter().zip(&stopped[0]) {
            let length = match letters(&free.tokens).find(&string) {
                Some(at) => at + 2,
                None => free.tokens.len(),
            };
            assert_eq!(stopped.tokens, free.tokens[..length], "{dialect:?}");
            assert_eq!(stopped.log_probs, free.log_probs[..length]);
            cut += usize::from(length < free.tokens.len());
        }
        assert!(cut > 0, "{dialect:?}");
    }
}

#[test]
fn draws_that_are_not_as_asked_are_refused() {
    let refused = |defect, change: &dyn Fn(&mut Sampling)| {
        let fake = Fake::new(Dialect::Vllm, defect);
        let server = open(&[&fake], limits());
        let mut sampling = sampling(40);
        change(&mut sampling);
        let drawn = server.sample(&[&[1, 2]], &sampling, &name, &mut |_| {});
        drawn.unwrap_err().to_string()
    };
    let error = refused(Defect::DrawIgnored, &|s| s.temperature = 0.0);
    assert!(error.contains("only the 1 likeliest"), "{error}");
    let error = refused(Defect::DrawIgnored, &|s| s.top_k = Some(2));
    assert!(error.contains("does not draw as it is asked to"), "{error}");
    let letter = |s: &mut Sampling| {
        let all = (1..16).map(|t| letters(&[t])).collect();
        s.stop = Some(Stop::new(all, letters));
    };
    let error = refused(Defect::HiddenStop, &letter);
    assert!(error.contains("0 came"), "{error}");
}

#[test]
fn an_end_token_that_is_not_shown_is_refused() {
    let fake = Fake::new(Dialect::Vllm, Defect::HiddenEnd);
    let server = open(&[&fake], limits());
    let error = server
        .sample(&[&[1, 2]], &sampling(40), &name, &mut |_| {})
        .unwrap_err()
        .to_string();
    let known = error.contains("hides what ends them") || error.contains("0 came");
    assert!(error.contains("sequence 0: ") && known, "{error}");
}

#[test]
fn nobody_there_and_nothing_known_are_said() {
    let message = |text: &str| {
        let address = Address::parse(text).unwrap();
        Server::open(&address, limits()).unwrap_err().to_string()
    };
    let error = message("openai:http://127.0.0.1:1/toy");
    assert!(
        error.contains("server http://127.0.0.1:1: ") && error.contains("after 3 attempts"),
        "{error}"
    );
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let error = message(&format!("openai:{}/other", fake.url));
    assert!(error.contains("has no model other; it has toy"), "{error}");
    // A server of another kind in one pool.
    let other = Fake::new(Dialect::Sglang, Defect::None);
    let error = message(&format!("openai:{},{}/toy", fake.url, other.url));
    assert!(error.contains("speaks another protocol"), "{error}");
    // One that does not answer is left out.
    let address = Address::parse(&format!("openai:http://127.0.0.1:1,{}/toy", fake.url)).unwrap();
    let server = Server::open(&address, limits()).unwrap();
    let pairs = pairs(9);
    assert_right(
        &pairs,
        &server
            .score(&sequences(&pairs), &name, &mut |_| {})
            .unwrap(),
    );
}
