use super::*;
use proptest::prelude::*;

/// Ways of writing one answer; no two lines have an answer in common.
const SAME: [&[&str]; 40] = [
    &[
        "1000",
        "1,000",
        "1000.0",
        "1000.00",
        "+1000",
        "1e3",
        "1\\,000",
        "1{,}000",
        "1,\\!000",
        "\\$1000",
        "$1000$",
        "1000.",
        "10\\times10^2",
        "1\\cdot 10^{3}",
        "1000\\%",
        "1000^\\circ",
        "1000^{\\circ}",
        "1000\u{b0}",
        "1000\\text{ cm}",
        "1000\\mathrm{m}^2",
        "x=1000",
        "x = 1000",
        "(1000)",
        "\\boxed{1000}",
        "\\frac{1000}{1}",
        "2000/2",
    ],
    &[
        "\\frac{1}{2}",
        "\\dfrac{1}{2}",
        "\\tfrac12",
        "\\frac12",
        "1/2",
        "0.5",
        ".5",
        "0.50",
        "\\frac{2}{4}",
        "\\left(\\frac{1}{2}\\right)",
        "\\frac{-1}{-2}",
        "5e-1",
        "\\frac{0.5}{1}",
        "\\frac 1 2",
    ],
    &[
        "-\\frac{1}{2}",
        "\\frac{-1}{2}",
        "\\frac{1}{-2}",
        "-1/2",
        "-0.5",
        "\u{2212}0.5",
        "- \\frac{1}{2}",
        "\u{2013}.5",
    ],
    &[
        "2\\frac{1}{3}",
        "2 \\frac13",
        "7/3",
        "\\frac{7}{3}",
        "2 1/3",
    ],
    &["-2\\frac{1}{3}", "-7/3"],
    &["0", "-0", "0.0", "\\frac{0}{5}"],
    &[
        "\\{1,2,3\\}",
        "\\{3, 2, 1\\}",
        "\\left\\{ 1, 2, 3 \\right\\}",
        "\\lbrace 1,2,3,1\\rbrace",
        "\\{1.0, \\frac{4}{2}, 3\\}",
    ],
    &[
        "(1,2)",
        "(1, 2)",
        "\\left(1, 2\\right)",
        "\\big(1,2.0\\big)",
        "(1,~2)",
        "(\\frac{2}{2}, 2)",
    ],
    &["(2,1)"],
    &["[1,2]", "[1, 2]"],
    &["(1,2]"],
    &["[1,2)"],
    &["1, 2", "1,\\quad 2", "1, 2.0", "x=1, 2"],
    &["1, 200"],
    &["(1,200)", "(1, 200)"],
    &["((1,2),3)", "((1, 2), 3.0)"],
    &["\\pi", "\u{3c0}", "\\pi.", "$\\pi$"],
    &[
        "\\frac{\\pi}{2}",
        "\\pi/2",
        "\\dfrac{\\pi}{2}",
        "\\frac\\pi2",
        "\u{3c0}/2",
    ],
    &["-\\frac{\\pi}{2}", "-\\pi/2"],
    &["\\frac{-\\pi}{2}"],
    &["\\sqrt{2}", "\\sqrt2", "\u{221a}2", "\\sqrt {2}"],
    &["\\sqrt[3]{2}", "\\sqrt[3]2"],
    &["2\\sqrt{2}", "2\\sqrt2"],
    &["\\sqrt{8}"],
    &["x^2", "x^{2}", "{x}^{2}"],
    &["x^{12}", "x^{ 12 }"],
    &["x^12"],
    &["x_{1}", "x_1"],
    &[
        "\\text{Evelyn}",
        "Evelyn",
        "\\mathrm{Evelyn}",
        "\\textbf{Evelyn}",
    ],
    &["\\text{(C)}", "C", "(C)", "\\text{C}", "\\textbf{(C)}"],
    &["c"],
    &["x+1", "x + 1", "\\left(x+1\\right)"],
    &["1+x"],
    &["1/0", "\\frac{1}{0}", "\\frac10"],
    &["\\infty", "\u{221e}"],
    &[
        "(-\\infty,2]",
        "\\left(-\\infty, 2\\right]",
        "(-\u{221e}, 2]",
    ],
    &["x\\leq2", "x \\le 2", "x\u{2264}2"],
    &["\\pi r", "\\pi  r", "{\\pi}r"],
    &["1e400", "10e399", "0.1e401"],
    &["\\frac{x+1}{2}", "\\frac{(x+1)}{2}", "(x+1)/2"],
];

#[test]
fn equal_answers_are_one_text_and_others_are_not() {
    let mut seen = std::collections::HashMap::new();
    for (i, ways) in SAME.iter().enumerate() {
        for way in *ways {
            let text = canonical(way);
            assert_eq!(text, canonical(ways[0]), "{way} and {}", ways[0]);
            if let Some((line, other)) = seen.insert(text.clone(), (i, way)) {
                assert_eq!(line, i, "{way} and {other} are both {text}");
            }
        }
    }
}

#[test]
fn what_is_written() {
    for (text, expected) in [
        ("0.75", "3/4"),
        ("\\{3,1,2\\}", "\\{1, 2, 3\\}"),
        ("( 1 , x )", "(1, x)"),
        ("3 4", "3 4"),
        ("", ""),
        ("   ", ""),
        ("()", "()"),
        ("\\{\\}", "\\{\\}"),
        (",", ""),
        ("{", "{"),
        ("}{", "}{"),
        ("\\frac{1}{2", "\\frac{1}{2"),
        ("\\frac", "\\frac"),
        ("\\", ""),
        ("^", "^"),
        ("x^", "x^"),
        ("\\text", "\\text"),
        ("12 \\text{ apples and pears}", "12"),
        ("\\text{about } 5", "about5"),
        ("(1,2", "(1,2"),
        ("1e99999999999999999999999", "1e99999999999999999999999"),
    ] {
        assert_eq!(canonical(text), expected, "{text:?}");
    }
}

#[test]
fn boxes() {
    for (text, expected) in [
        ("So \\boxed{42}.", Some("42")),
        ("\\boxed{1} then \\boxed{2}", Some("2")),
        ("\\boxed{\\frac{1}{2}}", Some("\\frac{1}{2}")),
        ("\\boxed{\\boxed{3}}", Some("3")),
        ("\\boxed{\\{1,2\\}}", Some("\\{1,2\\}")),
        ("\\boxed{1} and \\boxed{2", Some("1")),
        ("\\boxed{\\text{a \\} b}}", Some("\\text{a \\} b}")),
        ("\\fbox{7}", Some("7")),
        ("\\boxed 5", Some("5")),
        ("\\boxed{}", Some("")),
        ("\\boxed", None),
        ("\\boxed{{", None),
        ("boxed{5}", None),
        ("\\box{5}", None),
        ("", None),
        ("\\boxed{\u{2212}3}", Some("\u{2212}3")),
    ] {
        assert_eq!(last_boxed(text), expected, "{text:?}");
    }
}

#[test]
fn deep_braces_do_not_overflow() {
    let deep = "{".repeat(100_000);
    assert_eq!(canonical(&deep), deep);
    let closed = format!("{}1{}", "{".repeat(40), "}".repeat(40));
    assert_eq!(canonical(&closed), "1");
    let parentheses = |n| format!("{}1{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(canonical(&parentheses(900)), "1");
    assert_eq!(canonical(&parentheses(100_000)), parentheses(100_000));
    assert_eq!(last_boxed(&"\\boxed{".repeat(10_000)), None);
}

/// Pieces that answers are made of, and hostile ones.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "1",
        "2",
        "0",
        "12",
        "000",
        ".",
        ",",
        ", ",
        " ",
        "-",
        "+",
        "/",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\\{",
        "\\}",
        "\\frac",
        "\\dfrac",
        "\\frac{1}{2}",
        "\\sqrt",
        "\\left",
        "\\right",
        "\\text{",
        "\\text{cm}",
        "\\pi",
        "\\circ",
        "^",
        "_",
        "x",
        "=",
        "e",
        "\\times",
        "10",
        "\\,",
        "\\!",
        "\\ ",
        "$",
        "%",
        "\u{b0}",
        "\u{2212}",
        "\u{e9}",
        "\\",
        "\\boxed{",
        "\\quad",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_its_own_canonical_form(text in pieces()) {
        let once = canonical(&text);
        prop_assert_eq!(canonical(&once), once.clone(), "{}", text);
    }

    #[test]
    fn white_space_around_does_not_matter(text in pieces()) {
        prop_assert_eq!(canonical(&format!("  {text}\n")), canonical(text.trim()));
    }

    #[test]
    fn fractions_and_decimals_agree(a in -2000i64..2000, b in 1i64..400) {
        let fraction = canonical(&format!("\\frac{{{a}}}{{{b}}}"));
        prop_assert_eq!(&fraction, &canonical(&format!("{a}/{b}")));
        prop_assert_eq!(&fraction, &canonical(&format!("\\frac{{{}}}{{{}}}", 3 * a, 3 * b)));
        let hundredths = canonical(&format!("{}{}.{:02}", if a < 0 { "-" } else { "" }, a.abs() / 100, a.abs() % 100));
        prop_assert_eq!(hundredths, canonical(&format!("{a}/100")));
    }
}
