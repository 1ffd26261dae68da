//! Networks and servers that fail in passing, or for good.

use std::io::BufReader;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breadth_lm::server::{Address, Limits, Server, Tell};

use super::fake::{Defect, Dialect, Fake, Trouble, When, read_request, write_reply};
use super::{assert_right, limits, name, open, pairs, sequences};

fn passing() -> Vec<Trouble> {
    vec![
        Trouble::Status(429, Some("0")),
        Trouble::Status(429, None),
        Trouble::Status(500, None),
        Trouble::Status(503, Some("0.01")),
        Trouble::Reset,
        Trouble::Silence,
        Trouble::Truncated,
        Trouble::Html,
    ]
}

/// Minutes of attempts are not spent in silence; and what is the same trouble is told once.
#[test]
fn a_server_that_is_tried_again_is_told_once() {
    let when = When::At(vec![1, 5, 9]);
    let trouble = Trouble::Status(503, None);
    let fake = Fake::new(Dialect::Vllm, Defect::None).with_trouble(when, trouble);
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = told.clone();
    let heard = Limits {
        tell: Tell::by(move |text| hear.lock().unwrap().push(text.to_owned())),
        ..limits()
    };
    let server = open(&[&fake], heard);
    let got = server.score(&sequences(&pairs(30)), &name, &mut |_| {});
    got.unwrap();
    let told = told.lock().unwrap();
    let said = "it is tried again, 3 times in all";
    assert!(
        told.len() == 1 && told[0].starts_with("server http://") && told[0].ends_with(said),
        "{told:?}"
    );
}

/// Patience that notices silence soon.
fn short() -> Limits {
    Limits {
        timeout: Duration::from_millis(700),
        attempts: 6,
        ..limits()
    }
}

#[test]
fn what_passes_changes_no_number() {
    for dialect in [Dialect::Vllm, Dialect::Sglang, Dialect::LlamaCpp] {
        for trouble in passing() {
            // In the middle of the work, and two in a row.
            let when = When::At(vec![1, 2, 5, 9]);
            let fake = Fake::new(dialect, Defect::None).with_trouble(when, trouble.clone());
            let server = open(&[&fake], short());
            let pairs: Vec<_> = pairs(30)
                .into_iter()
                .filter(|(_, r)| !r.contains(&13))
                .collect();
            let got = server.score(&sequences(&pairs), &name, &mut |_| {});
            assert_right(
                &pairs,
                &got.unwrap_or_else(|e| panic!("{dialect:?} {trouble:?}: {e}")),
            );
            // Each failure is made good; a busy machine may see more time-outs than were made.
            let (requests, answered) = (fake.requests(), fake.answered());
            assert!(
                requests >= answered + 4,
                "{dialect:?} {trouble:?}: {requests} {answered}"
            );
        }
    }
}

#[test]
fn what_does_not_pass_is_said_after_the_last_attempt() {
    let cases = [
        (
            Trouble::Status(429, None),
            "status 429: too much, after 3 attempts",
        ),
        (
            Trouble::Status(500, None),
            "status 500: too much, after 3 attempts",
        ),
        (Trouble::Reset, "after 3 attempts"),
        (Trouble::Silence, "timeout"),
        (Trouble::Truncated, "after 3 attempts"),
        (
            Trouble::Html,
            "the reply is not JSON (expected value at line 1 column 1): <html><h1>Welcome</h1></html>",
        ),
        (
            Trouble::Status(429, Some("3600")),
            "it asks for a pause of 3600 s",
        ),
    ];
    for (trouble, said) in cases {
        let fake =
            Fake::new(Dialect::Vllm, Defect::None).with_trouble(When::From(4), trouble.clone());
        let server = open(
            &[&fake],
            Limits {
                attempts: 3,
                ..short()
            },
        );
        let pairs = pairs(40);
        let error = server
            .score(&sequences(&pairs), &name, &mut |_| {})
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(said) && error.contains(&fake.url),
            "{trouble:?}: {error}"
        );
    }
}

#[test]
fn a_refusal_is_not_repeated() {
    let fake = Fake::new(Dialect::Vllm, Defect::None)
        .with_trouble(When::From(0), Trouble::Status(404, None));
    let server = open(
        &[&fake],
        Limits {
            concurrency: 1,
            batch: 1,
            ..limits()
        },
    );
    let error = server
        .score(&sequences(&pairs(5)), &name, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sequence 0: ") && error.contains("status 404: too much"),
        "{error}"
    );
    // One request for each of the three ways to ask, and no further sequence.
    assert_eq!(fake.requests(), 3);
}

#[test]
fn several_servers_share_and_the_order_stays() {
    let fakes: Vec<Fake> = (0..3)
        .map(|_| Fake::new(Dialect::Vllm, Defect::None).with_delay(Duration::from_millis(8)))
        .collect();
    let server = open(&fakes.iter().collect::<Vec<_>>(), limits());
    let pairs = pairs(200);
    for _ in 0..2 {
        let got = server
            .score(&sequences(&pairs), &name, &mut |_| {})
            .unwrap();
        assert_right(&pairs, &got);
    }
    assert!(fakes.iter().all(|f| f.answered() > 0));
}

#[test]
fn the_share_of_a_dead_server_goes_to_the_others() {
    for trouble in [Trouble::Reset, Trouble::Status(503, None), Trouble::Silence] {
        let dying =
            Fake::new(Dialect::Vllm, Defect::None).with_trouble(When::From(6), trouble.clone());
        let living = Fake::new(Dialect::Vllm, Defect::None);
        let server = open(
            &[&dying, &living],
            Limits {
                attempts: 3,
                ..short()
            },
        );
        let pairs = pairs(120);
        let got = server
            .score(&sequences(&pairs), &name, &mut |_| {})
            .unwrap();
        assert_right(&pairs, &got);
        assert!(dying.answered() <= 6, "{trouble:?}");
    }
}

#[test]
fn when_all_are_dead_it_is_said() {
    let dying = || {
        Fake::new(Dialect::Vllm, Defect::None)
            .with_trouble(When::From(5), Trouble::Status(502, None))
    };
    let fakes = [dying(), dying()];
    let server = open(&[&fakes[0], &fakes[1]], limits());
    let error = server
        .score(&sequences(&pairs(200)), &name, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("status 502: too much, after 3 attempts"),
        "{error}"
    );
}

#[test]
fn a_server_that_closes_while_it_works_loses_nothing() {
    let (closing, living) = (
        Fake::new(Dialect::Sglang, Defect::None),
        Fake::new(Dialect::Sglang, Defect::None),
    );
    let closing = closing.with_delay(Duration::from_millis(4));
    let server = open(&[&closing, &living], limits());
    let pairs = pairs(150);
    let got = server.score(&sequences(&pairs), &name, &mut |done| {
        if done > 30 {
            closing.close();
        }
    });
    assert_right(&pairs, &got.unwrap());
}

#[test]
fn servers_of_different_weights_are_no_pool() {
    let right = Fake::new(Dialect::Vllm, Defect::None);
    let lower = Fake::new(Dialect::Vllm, Defect::Shift(1));
    let report = open(&[&right, &lower], limits()).probe(&[]).unwrap();
    assert!(!report.trusted);
    let pool = report.hosts[1]
        .checks
        .iter()
        .find(|c| c.name == "pool")
        .unwrap();
    assert_eq!(pool.verdict, breadth_lm::server::Verdict::Fail, "{pool:?}");
    let report = open(&[&right, &Fake::new(Dialect::Vllm, Defect::None)], limits())
        .probe(&[])
        .unwrap();
    assert!(report.trusted, "{report:?}");
}

#[test]
fn a_server_that_comes_back_works_again_and_one_never_probed_does_not() {
    let slow = || Fake::new(Dialect::Vllm, Defect::None).with_delay(Duration::from_millis(40));
    let fakes = [slow(), slow()];
    let (few, pairs) = (pairs(6), pairs(60));
    let server = open(&[&fakes[0], &fakes[1]], limits());
    assert!(server.probe(&[]).unwrap().trusted);
    let score = |server: &breadth_lm::server::Server, pairs: &[(Vec<u32>, Vec<u32>)]| {
        let got = server.score(&sequences(pairs), &name, &mut |_| {}).unwrap();
        assert_right(pairs, &got);
    };
    fakes[1].close();
    score(&server, &pairs);
    let before = fakes[1].answered();
    fakes[1].reopen();
    score(&server, &pairs);
    assert!(fakes[1].answered() > before);
    // Closed while the pool was opened and probed.
    fakes[1].close();
    let server = open(&[&fakes[0], &fakes[1]], limits());
    assert!(server.probe(&[]).unwrap().trusted);
    fakes[1].reopen();
    let before = fakes[1].requests();
    score(&server, &few);
    assert_eq!(fakes[1].requests(), before);
}

/// What is said of a server that gives the same reply to everything.
fn refused(status: u16, headers: String, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut writer = stream.try_clone().unwrap();
            let mut reader = BufReader::new(stream);
            while read_request(&mut reader).is_some() {
                write_reply(&mut writer, status, &headers, body);
            }
        }
    });
    let address = Address::parse(&format!("openai:http://{host}/toy")).unwrap();
    Server::open(&address, short()).unwrap_err().to_string()
}

/// A proxy may compress what nobody asked for.
#[test]
fn compressed_replies_are_refused_by_name() {
    let body = "{\"data\": [{\"id\": \"toy\"}]}";
    for coding in ["gzip", "br", "identity, GZIP"] {
        let error = refused(200, format!("Content-Encoding: {coding}\r\n"), body);
        let said = format!(
            "the server compressed its reply (Content-Encoding: {coding}), which was not asked for; \
             switch compression off"
        );
        assert!(error.contains(&said), "{error}");
    }
    let error = refused(200, "Content-Encoding: identity\r\n".into(), "no");
    assert!(error.contains("the reply is not JSON"), "{error}");
}

/// What a server says of an error is not passed on in whatever length.
#[test]
fn long_words_of_a_server_are_cut() {
    let body = Box::leak(format!("{{\"error\": \"{}\"}}", "no ".repeat(100_000)).into_boxed_str());
    let error = refused(400, String::new(), body);
    assert!(
        error.contains("status 400: no no") && error.len() < 500,
        "{error}"
    );
}

/// A key and the data are for the server that was named.
#[test]
fn redirects_are_not_followed() {
    let other = Fake::new(Dialect::Vllm, Defect::None);
    let location = format!("Location: {}/v1/models\r\n", other.url);
    let error = refused(307, location, "");
    let said = format!(
        "redirects to {}/v1/models, which is not followed",
        other.url
    );
    assert!(error.contains(&said), "{error}");
    assert_eq!(other.answered(), 0);
}
