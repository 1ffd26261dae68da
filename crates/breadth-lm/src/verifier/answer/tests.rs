use super::*;
use proptest::prelude::*;

/// Ways of writing one answer, each the same as the first; no two lines have an answer in common.
const SAME: [&[&str]; 50] = [
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
        "1 000",
        "\\$1000",
        "$1000$",
        "1000.",
        "10\\times10^2",
        "1\\cdot 10^{3}",
        "10^3",
        "10**3",
        "1000\\%",
        "1000^\\circ",
        "1000^{\\circ}",
        "1000\u{b0}",
        "1000\\text{ cm}",
        "1000\\mathrm{m}^2",
        "1000 ft",
        "1000 square meters",
        "x=1000",
        "x = 1000",
        "\\theta = 1000",
        "x_1 = 1000",
        "f(2) = 1000",
        "\\angle ABC = 1000",
        "(1000)",
        "\\boxed{1000}",
        "\\frac{1000}{1}",
        "2000/2",
        "1{ , }000",
        "\u{ff11}000",
        "500+500",
        "2\\cdot 500 = 1000",
        "\\{1000\\}",
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
        "0{,}5",
        "\\frac{2}{4}",
        "\\left(\\frac{1}{2}\\right)",
        "\\frac{-1}{-2}",
        "5e-1",
        "\\frac{0.5}{1}",
        "\\frac 1 2",
        "50\\%",
        "50%",
        "\u{bd}",
        "2^{-1}",
        "2\u{207b}\u{b9}",
        "\\frac{1}{\\sqrt{4}}",
        "0.4\\overline{9}",
        "\\color{red}{\\frac{1}{2}}",
        "\\large \\frac{1}{2}",
        "\\underline{0.5}",
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
        "2\u{2153}",
    ],
    &["-2\\frac{1}{3}", "-7/3"],
    &["0", "-0", "0.0", "\\frac{0}{5}", "x-x"],
    &[
        "\\{1,2,3\\}",
        "\\{3, 2, 1\\}",
        "\\left\\{ 1, 2, 3 \\right\\}",
        "\\lbrace 1,2,3,1\\rbrace",
        "\\{1.0, \\frac{4}{2}, 3\\}",
        "3, 1, 2",
        "1, 2, and 3",
    ],
    &[
        "(1,2)",
        "(1, 2)",
        "\\left(1, 2\\right)",
        "\\big(1,2.0\\big)",
        "(1,~2)",
        "(\\frac{2}{2}, 2)",
        "1, 2",
        "1,\\quad 2",
        "(x,y)=(1,2)",
        "1<x<2",
        "]1,2[",
    ],
    &["(2,1)"],
    &[
        "[1,2]",
        "[1, 2]",
        "x\\in[1,2]",
        "1 \\leq x \\leq 2",
        "2\\geq x\\geq 1",
        "\\{x \\mid 1\\leq x\\leq 2\\}",
    ],
    &["(1,2]", "1<x\\le2"],
    &["[1,2)"],
    &["x=1 or x=-1", "x = \\pm 1", "-1, 1", "\\{1,-1\\}"],
    &["1, 200", "(1,200)", "(1, 200)"],
    &["1, 2, 2"],
    &["((1,2),3)", "((1, 2), 3.0)"],
    &["(10,000, 20)", "(10000, 20)"],
    &["\\pi", "\u{3c0}", "\\pi.", "$\\pi$", "pi", "180^\\circ"],
    &[
        "\\frac{\\pi}{2}",
        "\\pi/2",
        "\\dfrac{\\pi}{2}",
        "\\frac\\pi2",
        "\u{3c0}/2",
        "\\frac12\\pi",
        "0.5\\pi",
    ],
    &["-\\frac{\\pi}{2}", "-\\pi/2", "\\frac{-\\pi}{2}"],
    &[
        "\\sqrt{2}",
        "\\sqrt2",
        "\u{221a}2",
        "\\sqrt {2}",
        "2^{1/2}",
        "2^{0.5}",
        "\\frac{2}{\\sqrt2}",
        "sqrt(2)",
    ],
    &["\\sqrt[3]{2}", "\\sqrt[3]2", "2^{\\frac13}"],
    &["2\\sqrt{2}", "2\\sqrt2", "\\sqrt{8}", "\\sqrt{2}+\\sqrt{2}"],
    &["x^2", "x^{2}", "{x}^{2}", "x\\cdot x", "x\u{b2}"],
    &["x^{12}", "x^{ 12 }", "x^12", "(x^3)^4"],
    &["x_{1}", "x_1"],
    &[
        "\\text{Evelyn}",
        "Evelyn",
        "\\mathrm{Evelyn}",
        "\\textbf{Evelyn}",
        "evelyn",
    ],
    &[
        "\\text{(C)}",
        "C",
        "(C)",
        "\\text{C}",
        "\\textbf{(C)}",
        "C. the third",
        "(C) 12",
    ],
    &["c"],
    &[
        "x+1",
        "x + 1",
        "\\left(x+1\\right)",
        "1+x",
        "\\frac{x^2-1}{x-1}",
        "y = x+1",
    ],
    &["\\infty", "\u{221e}", "+\\infty"],
    &[
        "(-\\infty,2]",
        "\\left(-\\infty, 2\\right]",
        "(-\u{221e}, 2]",
        "x \\leq 2",
        "2 \\geq x",
        "x<=2",
        "3x \\le 6",
    ],
    &[
        "(-\\infty,1)\\cup(2,\\infty)",
        "(2, \\infty) \\cup (-\\infty, 1)",
        "x<1 \\text{ or } x>2",
    ],
    &["x\\neq2", "x \\ne 2", "x\u{2260}2"],
    &["\\pi r", "\\pi  r", "{\\pi}r", "r\\pi"],
    &["1e400", "10e399", "0.1e401"],
    &[
        "0.\\overline{3}",
        "\\frac13",
        "0.3\\overline{3}",
        "0.\\overline{33}",
        "0.\\bar{3}",
        ".\\overline{3}",
    ],
    &["0.1\\overline{6}", "\\frac16"],
    &["10^{23}", "10\u{b2}\u{b3}", "10 \u{d7} 10\u{b2}\u{b2}"],
    &["x_{12}", "x_12", "x\u{2081}\u{2082}"],
    &[
        "\\frac{x+1}{2}",
        "\\frac{(x+1)}{2}",
        "(x+1)/2",
        "\\frac x2+\\frac12",
    ],
    &["5 km", "5\\text{ kilometers}", "5000\\text{ m}"],
    &["5\\text{ kg}"],
    &["2x+3y=6", "6 = 3y+2x", "4x+6y-12=0"],
    &["2x+3y=7"],
    &["3:4"],
    &[
        "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
        "\\begin{bmatrix} 1 \\\\ \\frac42 \\end{bmatrix}",
    ],
    &["1/2x"],
    &["\\frac{1}{2x}", "1/(2x)", "(2x)^{-1}"],
    &["5\\text{ million}"],
];

#[test]
fn equal_answers_are_equal_and_others_are_not() {
    for (i, ways) in SAME.iter().enumerate() {
        let first = Answer::read(ways[0]);
        for way in *ways {
            let answer = Answer::read(way);
            assert!(
                first.is(&answer) && answer.is(&first),
                "{way} and {}",
                ways[0]
            );
            for others in &SAME[i + 1..] {
                for other in *others {
                    assert!(!answer.is(&Answer::read(other)), "{way} and {other}");
                }
            }
        }
    }
}

/// Signs of currency are units: a bare number may leave them out, another unit is another answer.
#[test]
fn money_is_a_unit() {
    let is = |a: &str, b: &str| Answer::read(a).is(&Answer::read(b));
    for (a, b) in [
        ("\\$5", "5"),
        ("$5", "5"),
        ("-$5", "-5"),
        ("\\$5", "5\\text{ dollars}"),
        ("\\text{\\$5}", "5"),
        ("\\$0.05", "5\\text{ cents}"),
        ("\u{20ac}5", "5\\text{ euros}"),
        ("\\$1,234.50", "1234.5"),
        ("(\\$5, \\$6)", "(5,6)"),
        ("x = \\$5", "5"),
        ("\\$5\\text{ million}", "5\\text{ million}"),
        ("$5$", "5"),
    ] {
        assert!(is(a, b) && is(b, a), "{a} and {b}");
    }
    for (a, b) in [
        ("\\$5", "5\\text{ cents}"),
        ("\\$5", "5\\%"),
        ("\\$5", "5\\text{ m}"),
        ("\\$5", "5^\\circ"),
        ("$5", "5\\text{ m}"),
        ("\\$5", "\u{20ac}5"),
        ("\\$5", "\\$6"),
        ("\\$5\\text{ million}", "\u{20ac}5\\text{ million}"),
        ("(\\$5, \\$6)", "(\u{20ac}5, \u{20ac}6)"),
    ] {
        assert!(!is(a, b) && !is(b, a), "{a} and {b}");
    }
}

/// `x = 5, y = 6` is a pair in the order of its names, not two answers in any order.
#[test]
fn values_of_several_unknowns_are_in_order() {
    let is = |a: &str, b: &str| Answer::read(a).is(&Answer::read(b));
    assert!(is("x=5, y=6", "5, 6") && is("x=5, y=6", "y=6, x=5") && is("x=5, y=6", "(5,6)"));
    assert!(!is("x=5, y=6", "6, 5") && !is("6, 5", "x=5, y=6") && !is("x=5, y=6", "(6,5)"));
    assert!(is("x=5 or x=6", "6, 5"));
}

#[test]
fn logarithms_and_sines_that_are_exact_are_worked_out() {
    let is = |a: &str, b: &str| Answer::read(a).is(&Answer::read(b));
    for (a, b) in [
        ("\\log_2 8", "3"),
        ("\\log_{10}(0.001)", "-3"),
        ("\\log_4 8", "3/2"),
        ("\\log_8 \\frac{1}{4}", "-2/3"),
        ("\\log_7 1", "0"),
        ("\\ln 1", "0"),
        ("2\\log_3 9 + 1", "5"),
        ("\\sin 30^\\circ", "\\frac12"),
        ("\\sin(30^\\circ)", "0.5"),
        ("\\cos 210^\\circ", "-\\frac{\\sqrt3}{2}"),
        ("\\cos\\frac{\\pi}{4}", "\\frac{\\sqrt{2}}{2}"),
        ("\\sin(-\\frac{\\pi}{3})", "-\\frac{\\sqrt{3}}{2}"),
        ("\\tan 60^\\circ", "\\sqrt3"),
        ("\\sin 0", "0"),
        ("\\cos 0", "1"),
        ("\\sin^2 45^\\circ", "\\frac12"),
    ] {
        assert!(is(a, b) && is(b, a), "{a} and {b}");
    }
    for (a, b) in [
        ("\\log_2 3", "\\log_3 2"),
        ("\\log_2 6", "3"),
        ("\\log 100", "2"),
        ("\\log_x 8", "3"),
        ("\\log_2 (-8)", "3"),
        ("\\log_2 8x", "3"),
        ("\\sin 30", "\\frac12"),
        ("\\sin 31^\\circ", "\\frac12"),
        ("\\sin 30^\\circ", "-\\frac12"),
        ("\\cos 30^\\circ", "\\frac12"),
        ("\\tan 90^\\circ", "0"),
        ("30^\\circ", "\\frac12"),
        ("\\sin(30)^\\circ", "\\frac12"),
    ] {
        assert!(!is(a, b) && !is(b, a), "{a} and {b}");
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
        ("\\text", ""),
        ("12 \\text{ apples and pears}", "12apples and pears"),
        ("(1,2", "(1,2"),
        ("1e99999999999999999999999", "1e99999999999999999999999"),
        ("\\sqrt{12}+x^2/3", "\\frac{x^2}{3}+2\\sqrt{3}"),
        ("x>3", "(3, \\infty)"),
        ("y=2x+1", "2x+1"),
        ("2x+3y=6", "3y+2x-6=0"),
        ("\\frac{1}{x+1}", "\\frac{1}{x+1}"),
        ("\\pm 2", "-2, 2"),
        ("\\frac{1}{2004!}", "\\frac{1}{(2004)!}"),
    ] {
        assert_eq!(Answer::read(text).text(), expected, "{text:?}");
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
        ("$\\boxed5$", Some("5")),
        ("$\\boxed 12$, or so", Some("12")),
        ("\\boxed 12.", Some("12")),
        ("\\(\\boxed12\\)", Some("12")),
        ("$\\boxed\\frac12$", Some("\\frac12")),
        ("\\boxed{4}, as \\boxed and braces say", Some("4")),
        ("\\boxed A is it", Some("A")),
        ("\\boxed Answer", None),
        ("\\boxedA", None),
        ("\\boxed{}", Some("")),
        ("\\boxed{42}, not \\boxed{ }", Some("42")),
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
fn what_is_deep_long_or_huge_neither_overflows_nor_takes_long() {
    let nested = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let mut hostile = vec![
        "10^{10^{10^{10}}}".to_owned(),
        "9!!!!!!!!".into(),
        "(a+b+c+d+e)^{24}(f+g+h+k)^{24}".into(),
        "2^{2^{2^{2^{2^{2}}}}}".into(),
        "\\frac{1}{0}".into(),
    ];
    for n in [10, 39, 45, 200, 900, 100_000] {
        for (open, close) in [
            ("{", "}"),
            ("(", ")"),
            ("\\{", "\\}"),
            ("[", "]"),
            ("\\sqrt{", "}"),
            ("\\frac{", "}{2}"),
            ("x^{", "}"),
            ("x^(", ")"),
            ("|", "|"),
            ("\\text{", "}"),
            ("-", ""),
            ("\\begin{matrix}", "\\end{matrix}"),
            ("\\sin ", ""),
            ("f(", ")"),
            ("\\{x|", "\\}"),
            ("\\pm", ""),
            ("1,", ""),
            ("x=", ""),
            ("\\boxed{", "}"),
            ("\\lfloor", "\\rfloor"),
            ("(x+1)", ""),
            ("\\sqrt{1+", "}"),
            ("x=1=(", ")"),
            ("x=1 or y=(", ")"),
            ("1\\over ", ""),
            ("1 dozen ", ""),
        ] {
            hostile.push(nested(open, "1", close, n));
        }
    }
    for text in &hostile {
        let answer = Answer::read(text);
        assert!(
            answer.is(&answer) && answer.text().len() <= 40 * text.len() + 100,
            "{}",
            &text[..text.len().min(80)]
        );
        assert!(
            !answer.is(&Answer::read("17"))
                && last_boxed(text).is_none_or(|inner| inner.len() <= text.len())
        );
    }
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
        "\\text{ or }",
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
        "\\pm",
        "\\infty",
        "\\cup",
        "<",
        "\\leq",
        "|",
        ":",
        ";",
        "!",
        "i",
        "\\sin",
        "\\ln",
        "n",
        "\\in",
        "\\setminus",
        "\\binom",
        "&",
        "\\\\",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "f(",
        "*",
        "\u{bd}",
        "\u{b2}",
        "and",
        "cm",
        "'",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_itself_and_what_is_written_of_it(text in pieces()) {
        let answer = Answer::read(&text);
        prop_assert!(answer.is(&answer));
        prop_assert!(!answer.text().contains('\n'));
    }

    #[test]
    fn comparing_is_symmetric(a in pieces(), b in pieces()) {
        let (a, b) = (Answer::read(&a), Answer::read(&b));
        prop_assert_eq!(a.is(&b), b.is(&a));
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,60}") {
        let answer = Answer::read(&text);
        prop_assert!(answer.is(&answer));
    }

    #[test]
    fn white_space_around_does_not_matter(text in pieces()) {
        let (spaced, text) = (Answer::read(&format!("  {text}\n")), Answer::read(text.trim()));
        prop_assert!(spaced.is(&text));
    }

    #[test]
    fn whole_numbers_are_what_they_are_in_every_form(a in -3000i64..3000, b in -3000i64..3000, form in 0..6u8) {
        let sign = if b < 0 { "-" } else { "" };
        let (thousands, units) = (b.abs() / 1000, b.abs() % 1000);
        let text = match form {
            0 => b.to_string(),
            1 if thousands > 0 => format!("{sign}{thousands},{units:03}"),
            2 if thousands > 0 => format!("{sign}{thousands}{{,}}{units:03}"),
            3 => format!("\\frac{{{}}}{{3}}", 3 * b),
            4 => format!("\\sqrt{{{}}}", b * b).replacen("\\", &format!("{sign}\\"), 1),
            5 => format!("x = {b}.0\\text{{ cm}}"),
            _ => format!("({b})"),
        };
        prop_assert_eq!(Answer::read(&text).is(&Answer::read(&a.to_string())), a == b, "{} and {}", text, a);
        prop_assert!(Answer::read(&text).is(&Answer::read(&b.to_string())), "{} and {}", text, b);
    }

    #[test]
    fn fractions_and_decimals_agree(a in -2000i64..2000, b in 1i64..400) {
        let fraction = Answer::read(&format!("\\frac{{{a}}}{{{b}}}"));
        let (plain, longer) = (Answer::read(&format!("{a}/{b}")), Answer::read(&format!("\\frac{{{}}}{{{}}}", 3 * a, 3 * b)));
        prop_assert_eq!(fraction.text(), plain.text());
        prop_assert_eq!(fraction.text(), longer.text());
        let next = Answer::read(&format!("\\frac{{{}}}{{{}}}", a + 1, b));
        prop_assert!(!fraction.is(&next));
        let hundredths = format!("{}{}.{:02}", if a < 0 { "-" } else { "" }, a.abs() / 100, a.abs() % 100);
        let parts = Answer::read(&format!("{a}/100"));
        prop_assert!(Answer::read(&hundredths).is(&parts));
    }
}
