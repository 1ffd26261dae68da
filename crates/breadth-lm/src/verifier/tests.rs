use super::*;
use std::time::Duration;

fn item(answer: &str) -> Item {
    Item {
        prompt_id: "p".into(),
        answer: Some(answer.into()),
        prompt_text: Some("?".into()),
        ..Item::default()
    }
}

fn responded(response: &str) -> Item {
    Item {
        prompt_id: "p".into(),
        response_text: Some(response.into()),
        ..Item::default()
    }
}

fn judged<'a>(item: &'a Item, text: &'a str) -> Judged<'a> {
    Judged {
        item,
        response_id: "0",
        tokens: &[],
        text,
    }
}

/// Reward and answer of one response.
#[track_caller]
fn verdict(verifier: &str, item: &Item, text: &str) -> (f64, String) {
    let verifier = Verifier::parse(verifier).unwrap();
    verifier.check(item).unwrap();
    let judgement = verifier.judge(&[judged(item, text)]).unwrap().remove(0);
    (judgement.reward, judgement.answer.unwrap())
}

fn refusal(verifier: &str, item: &Item) -> String {
    Verifier::parse(verifier)
        .unwrap()
        .check(item)
        .unwrap_err()
        .to_string()
}

#[test]
fn texts_are_compared_but_for_their_ends() {
    let paris = responded(" Paris\n");
    assert_eq!(verdict("text", &paris, "Paris"), (1.0, "Paris".into()));
    assert_eq!(verdict("text", &paris, "paris").0, 0.0);
    assert_eq!(verdict("text", &paris, "").0, 0.0);
    assert_eq!(
        verdict(
            "text",
            &Item {
                answer: Some("x".into()),
                ..paris
            },
            "x"
        )
        .0,
        1.0,
        "answer before response"
    );
}

#[test]
fn numbers_are_compared_by_value() {
    for (answer, text, right) in [
        ("1000", "So it is 1,000.", true),
        ("#### 1,000", "1e3", true),
        ("72 / 2 = 36\n#### 36", "thus 36.0 dollars", true),
        ("$5", "-5", false),
        ("0.5", "1/2", true),
        ("3", "no number", false),
        ("0", "1/0", false),
    ] {
        assert_eq!(
            verdict("number", &item(answer), text).0,
            f64::from(u8::from(right)),
            "{answer} {text}"
        );
    }
    assert_eq!(
        verdict("number", &item("3"), "none").1,
        "",
        "samples without an answer share the empty one"
    );
    for gold in ["none", "(3, 4)", "2x", "12:00", "3 or 4"] {
        let message = refusal("number", &item(gold));
        assert!(
            message.contains(&format!(
                "prompt_id p: has the answer `{gold}`, which is not one number"
            )) && message.contains("use boxed"),
            "{message}"
        );
    }
    assert!(refusal("number", &responded("none")).contains("has no number in its response"));
}

#[test]
fn boxes_are_compared_as_mathematics_is_written() {
    for (answer, text, right) in [
        ("0.5", r"thus \boxed{\dfrac{1}{2}}", true),
        (r"so \boxed{\frac12}", r"\boxed{.5}", true),
        (r"\{1,2\}", r"\boxed{\left\{2, 1\right\}}", true),
        ("(1,2)", r"\boxed{(2,1)}", false),
        ("5", r"\boxed{5\text{ cm}}", true),
        ("5", "5", false),
        ("5", r"\boxed{5", false),
        ("", "", false),
    ] {
        assert_eq!(
            verdict("boxed", &item(answer), text).0,
            f64::from(u8::from(right)),
            "{answer} {text}"
        );
    }
    assert_eq!(
        verdict("boxed", &responded(r"It is \boxed{7}."), r"\boxed{7.0}").0,
        1.0
    );
    assert!(
        refusal("boxed", &responded("It is 7.")).contains(r"has no \boxed{..} in its response")
    );
    assert!(refusal("boxed", &Item::default()).contains("has no answer to compare with"));
}

#[test]
fn any_of_several_right_answers_counts() {
    let other = |answer: Option<&str>, response: Option<&str>| crate::text::Alternative {
        answer: answer.map(Into::into),
        response_text: response.map(Into::into),
        response: vec![3, 4],
    };
    let numbers = Item {
        alternatives: vec![other(Some("1/4"), None), other(None, Some("so it is 7"))],
        ..item("3")
    };
    for (text, right) in [("3", 1.0), ("0.25", 1.0), ("7.0", 1.0), ("4", 0.0)] {
        assert_eq!(verdict("number", &numbers, text).0, right, "{text}");
    }
    let boxes = Item {
        alternatives: vec![other(Some("(2,1)"), None)],
        ..item("(1,2)")
    };
    for (text, right) in [("(1,2)", 1.0), ("(2, 1)", 1.0), ("(1,1)", 0.0)] {
        assert_eq!(
            verdict("boxed", &boxes, &format!("\\boxed{{{text}}}")).0,
            right,
            "{text}"
        );
    }
    let refused = Item {
        alternatives: vec![other(Some("3 or 4"), None)],
        ..item("3")
    };
    assert!(refusal("number", &refused).contains("`3 or 4`"));
    let tokens = Item {
        response: vec![1, 2],
        alternatives: vec![other(None, None)],
        ..Item::default()
    };
    let judge = |tokens_drawn: &[u32]| {
        let judged = Judged {
            item: &tokens,
            response_id: "0",
            tokens: tokens_drawn,
            text: "",
        };
        Verifier::exact().judge(&[judged]).unwrap()[0].reward
    };
    assert_eq!(
        (judge(&[1, 2]), judge(&[3, 4]), judge(&[3])),
        (1.0, 1.0, 0.0)
    );
}

/// Logs write several right answers as the text of a list.
#[test]
fn any_text_of_a_list_counts() {
    for (verifier, gold, text, right) in [
        ("boxed", "['7']", r"\boxed{7}", 1.0),
        ("boxed", r#"["7", "seven"]"#, r"\boxed{seven}", 1.0),
        ("boxed", "['7', 'seven']", r"\boxed{8}", 0.0),
        ("boxed", r"['\\frac{1}{2}']", r"\boxed{0.5}", 1.0),
        ("boxed", "[7, 8]", r"\boxed{7}", 0.0),
        ("number", "['7', 'seven']", "It is 7.", 1.0),
        ("text", "['Paris', 'paris']", "paris", 1.0),
        ("text", "['Paris']", "['Paris']", 1.0),
        ("regex:is (.*)", "['Paris']", "it is Paris", 1.0),
    ] {
        assert_eq!(
            verdict(verifier, &item(gold), text).0,
            right,
            "{verifier} {gold} {text}"
        );
    }
    assert!(refusal("number", &item("['one', 'two']")).contains("not one number"));
}

#[test]
fn equal_answers_are_told_as_one() {
    for text in ["0.5", "\\frac12", "50\\%", "\\frac{\\sqrt{4}}{4}"] {
        let told = verdict("boxed", &item("1/2"), &format!("\\boxed{{{text}}}"));
        assert_eq!(told, (1.0, "1/2".into()), "{text}");
    }
}

#[test]
fn patterns_capture_the_last_answer() {
    let verifier = r"regex:(?i)answer is\s+(\S+)";
    assert_eq!(
        verdict(
            verifier,
            &item("B"),
            "The answer is A. No, the answer is B."
        ),
        (1.0, "B".into())
    );
    assert_eq!(
        verdict(verifier, &item("0.5"), "answer is 1/2").0,
        1.0,
        "compared as boxed does"
    );
    assert_eq!(verdict(verifier, &item("B"), "B"), (0.0, String::new()));
    let named = r"regex:(x)?(?P<answer>\d+)";
    assert_eq!(verdict(named, &item("7"), "x1 and 7"), (1.0, "7".into()));
    assert_eq!(
        verdict(verifier, &responded("The answer is 3."), "the answer is 3").0,
        1.0
    );
    assert!(refusal(verifier, &responded("It is 3.")).contains("that the pattern does not match"));
    for (text, expected) in [
        ("regex:(", "is not a regular expression"),
        ("regex:a", "captures nothing"),
    ] {
        let message = Verifier::parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_is_no_verifier_is_told_what_there_is() {
    for text in [
        "", "exactly", "exact:1", "regex:", "command:", "policy:", "boxed:x",
    ] {
        let message = Verifier::parse(text).unwrap_err().to_string();
        assert!(
            message.contains("exact, text, number, boxed, regex:PATTERN, command:PROGRAM"),
            "{message}"
        );
    }
}

#[test]
fn comparing_is_symmetric() {
    let answers = [
        "1", "1.0", "x", "1/2", r"\frac12", "", r"\{1,2\}", "(1,2)", "{", "1e400",
    ];
    let boxed = |text: &str| format!("\\boxed{{{text}}}");
    for a in answers {
        for b in answers {
            let there = verdict("boxed", &item(&boxed(a)), &boxed(b)).0;
            let back = verdict("boxed", &item(&boxed(b)), &boxed(a)).0;
            assert_eq!(there, back, "{a} {b}");
            assert!(a != b || there == 1.0 || ["{", ""].contains(&a), "{a}");
        }
    }
}

/// A verifier that runs a shell script on every line, which is in `$line`.
fn shell(body: &str) -> Verifier {
    let script = format!("while IFS= read -r line; do {body}; done");
    let quoted = script.replace('\\', "\\\\").replace('"', "\\\"");
    Verifier::parse(&format!("command:sh -c \"{quoted}\"")).unwrap()
}

const RIGHT: &str = r#"case "$line" in *good*) echo '{"reward": 1, "answer": 7}';; *) echo '{"reward": false}';; esac"#;

fn rewards(judgements: &[Judgement]) -> Vec<f64> {
    judgements.iter().map(|one| one.reward).collect()
}

fn failure(verifier: &Verifier, texts: &[&str]) -> String {
    let item = item("a");
    let batch: Vec<Judged> = texts.iter().map(|text| judged(&item, text)).collect();
    match verifier.judge(&batch) {
        Err(error) => error.to_string(),
        Ok(_) => verifier.finish().unwrap_err().to_string(),
    }
}

#[test]
fn a_program_judges_in_order_over_many_batches() {
    let verifier = shell(RIGHT);
    let item = item("a");
    for _ in 0..3 {
        let texts: Vec<String> = (0..50)
            .map(|i| format!("{i} {}", if i % 3 == 0 { "good" } else { "bad" }))
            .collect();
        let batch: Vec<Judged> = texts.iter().map(|text| judged(&item, text)).collect();
        let judgements = verifier.judge(&batch).unwrap();
        let expected: Vec<f64> = (0..50).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
        assert_eq!(rewards(&judgements), expected);
        assert_eq!(
            (
                judgements[0].answer.as_deref(),
                judgements[1].answer.as_deref()
            ),
            (Some("7"), Some(""))
        );
    }
    assert_eq!(verifier.judge(&[]).unwrap(), []);
    let tally = verifier.finish().unwrap().unwrap();
    assert_eq!(
        tally,
        Tally {
            judged: 150,
            crashed: 0,
            timed_out: 0
        }
    );
}

#[test]
fn a_program_is_told_everything() {
    let line = r#"{"group":"g","prompt":"?","prompt_id":"p","reference":"a \"b\"\n","response":"é\n2","response_id":"0"}"#;
    let verifier = shell(&format!(
        r#"if [ "$line" = '{line}' ]; then echo '{{"reward":1,"prompt_id":"p","response_id":0}}'; else exit 1; fi"#
    ));
    let item = Item {
        group: Some("g".into()),
        ..item("a \"b\"\n")
    };
    let judgements = verifier.judge(&[judged(&item, "é\n2")]).unwrap();
    assert_eq!(judgements[0].reward, 1.0);
}

#[test]
fn a_crash_costs_one_response() {
    let verifier = shell(&format!(
        r#"case "$line" in *crash*) exit 3;; esac; {RIGHT}"#
    ));
    let item = item("a");
    let batch = ["good", "crash", "good", "bad", "crash", "good"].map(|text| judged(&item, text));
    assert_eq!(
        rewards(&verifier.judge(&batch).unwrap()),
        [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    );
    assert_eq!(
        verifier.finish().unwrap(),
        Some(Tally {
            judged: 6,
            crashed: 2,
            timed_out: 0
        })
    );
}

#[test]
fn a_program_that_serves_one_line_at_a_time_loses_nothing() {
    let verifier = shell(&format!("{RIGHT}; exit 0"));
    let item = item("a");
    let batch = ["good", "bad", "good", "good"].map(|text| judged(&item, text));
    assert_eq!(
        rewards(&verifier.judge(&batch).unwrap()),
        [1.0, 0.0, 1.0, 1.0]
    );
    assert_eq!(
        verifier.finish().unwrap(),
        Some(Tally {
            judged: 4,
            crashed: 0,
            timed_out: 0
        })
    );
}

#[test]
fn a_response_that_takes_too_long_costs_one_response() {
    let verifier = shell(&format!(
        r#"case "$line" in *hang*) exec sleep 600;; esac; {RIGHT}"#
    ));
    let verifier = verifier.with_timeout(Duration::from_secs(5));
    let item = item("a");
    let batch = ["good", "hang", "good"].map(|text| judged(&item, text));
    assert_eq!(rewards(&verifier.judge(&batch).unwrap()), [1.0, 0.0, 1.0]);
    assert_eq!(
        verifier.finish().unwrap(),
        Some(Tally {
            judged: 3,
            crashed: 0,
            timed_out: 1
        })
    );
}

#[test]
fn a_program_that_always_fails_is_an_error() {
    let message = failure(&shell("exit 3"), &["a"; 40]);
    assert!(
        message.contains("times in a row without a line (exit status: 3)"),
        "{message}"
    );
    let verifier = shell("exec sleep 600").with_timeout(Duration::from_millis(50));
    let message = failure(&verifier, &["a"; 10]);
    assert!(message.contains("no line within 0.05 s"), "{message}");
    assert!(message.contains("does it flush"), "{message}");
    let missing = Verifier::parse("command:/no/such/program x").unwrap();
    assert!(
        failure(&missing, &["a"])
            .contains("verifier command:/no/such/program x: cannot be started")
    );
}

#[test]
fn what_is_not_a_judgement_is_an_error() {
    for (body, expected) in [
        ("echo garbage", "wrote `garbage`: not JSON"),
        ("echo '{\"reward\": NaN}'", "not JSON"),
        ("echo '{\"reward\": 1.5}'", "reward 1.5 is not in [0, 1]"),
        ("echo '{\"reward\": -0.1}'", "reward -0.1 is not in [0, 1]"),
        (
            "echo '{\"reward\": \"1\"}'",
            "no reward, a number from 0 to 1",
        ),
        ("echo '{}'", "no reward"),
        ("echo '[1]'", "not an object"),
        ("echo", "wrote ``: not JSON"),
        ("printf '\\377\\n'", "not UTF-8"),
        (
            "echo '{\"reward\": 1, \"response_id\": 5}'",
            "response_id 5 where 0 was asked about; answer line by line",
        ),
        (
            "echo '{\"reward\": 1}'; echo '{\"reward\": 1}'",
            "wrote a line too many (`{\"reward\": 1}`)",
        ),
    ] {
        let message = failure(&shell(body), &["a"; 4]);
        assert!(message.contains(expected), "{body}\n{message}");
    }
    // The line too many comes late: after the last answer, or in front of another.
    let late = shell("echo '{\"reward\": 1}'; (sleep 0.2; echo '{\"reward\": 0}')");
    assert!(failure(&late, &["a"]).contains("wrote a line too many"));
    let at_the_end = Verifier::parse(
        r#"command:sh -c "while read -r line; do echo '{\"reward\": 1}'; done; echo bye""#,
    )
    .unwrap();
    assert!(failure(&at_the_end, &["a", "b"]).contains("wrote a line too many (`bye`)"));
}

#[test]
fn tokens_are_compared_as_they_were() {
    let item = Item {
        response: vec![1, 2],
        ..Item::default()
    };
    let judge = |tokens| {
        let judged = Judged {
            item: &item,
            response_id: "0",
            tokens,
            text: "",
        };
        Verifier::exact().judge(&[judged]).unwrap().remove(0)
    };
    assert_eq!(
        judge(&[1, 2]),
        Judgement {
            reward: 1.0,
            answer: None
        }
    );
    assert_eq!(judge(&[1, 2, 3]).reward, 0.0);
    assert!(Verifier::exact().reads_tokens() && !Verifier::parse("boxed").unwrap().reads_tokens());
    assert!(refusal("exact", &Item::default()).contains("has no response to compare with"));
}

/// A file of its own and a line in the list are all that a verifier needs.
#[test]
fn a_kind_that_is_listed_is_found_by_its_name() {
    const LONG: VerifierKind = VerifierKind {
        usage: "long:TOKENS",
        help: "the response has at least so many tokens",
        parse: |argument| Ok(Box::new(Long(argument.parse().unwrap()))),
    };
    #[derive(Debug)]
    struct Long(usize);
    impl Verify for Long {
        fn reads(&self) -> Reads {
            Reads::Tokens
        }
        fn compares(&self) -> bool {
            false
        }
        fn check(&self, _: &Item) -> Result<()> {
            Ok(())
        }
        fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
            let judge = |one: &Judged| Judgement::of(one.tokens.len() >= self.0);
            Ok(batch.iter().map(judge).collect())
        }
    }
    let kinds = [&exact::KIND, &LONG];
    let verifier = Verifier::of_kinds(&kinds, "long:2").unwrap();
    let item = Item::default();
    let judged = |tokens| Judged {
        item: &item,
        response_id: "0",
        tokens,
        text: "",
    };
    let judgements = verifier.judge(&[judged(&[5]), judged(&[5, 6])]).unwrap();
    assert_eq!([judgements[0].reward, judgements[1].reward], [0.0, 1.0]);
    for wrong in ["long", "long:", "short:2", "exact:2"] {
        let error = Verifier::of_kinds(&kinds, wrong).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("verifier: `{wrong}` is not one of exact, long:TOKENS")
        );
    }
}

/// Programs that write without end cost no memory, and say so.
#[test]
fn a_program_that_writes_without_end_is_an_error() {
    let line = shell(r"tr '\0' x < /dev/zero");
    let said = failure(&line, &["a"]);
    assert!(
        said.contains("wrote a line of more than 1048576 bytes"),
        "{said}"
    );
    let lines = shell(r#"while echo '{"reward": 1}'; do :; done"#);
    let said = failure(&lines, &["a", "b"]);
    assert!(said.contains("wrote a line too many"), "{said}");
    let errors = shell(r"tr '\0' ' ' < /dev/zero >&2");
    let said = failure(&errors, &["a"]);
    assert!(
        said.contains(
            "prompt_id p, response_id 0: wrote more than 1048576 bytes on standard error"
        ),
        "{said}"
    );
}

/// What a program started ends with it when its time is over.
#[cfg(target_os = "linux")]
#[test]
fn the_children_of_a_program_that_takes_too_long_end_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let verifier = shell(&format!("sleep 600 & echo $! >> {}; wait", pids.display()));
    let verifier = verifier.with_timeout(Duration::from_secs(2));
    let item = item("a");
    assert_eq!(
        rewards(&verifier.judge(&[judged(&item, "a")]).unwrap()),
        [0.0]
    );
    for pid in std::fs::read_to_string(&pids).unwrap().lines() {
        let is_alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        // Ended it is at once; the system may take a moment to say so.
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        while is_alive() && std::time::Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!is_alive(), "process {pid} runs on");
    }
}
