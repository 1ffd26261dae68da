use super::*;
use proptest::prelude::*;

#[test]
fn the_final_number() {
    for (text, expected) in [
        ("So 3 + 4 = 7.", Some("7")),
        ("#### 72", Some("72")),
        ("12 eggs\n#### $1,234.50 (not 9)", Some("2469/2")),
        ("#### 1\n#### 2", Some("2")),
        ("7\n####", None),
        ("7 #### none", None),
        ("no number", None),
        ("", None),
        ("It costs $-5", Some("-5")),
        ("It costs -$5", Some("-5")),
        ("x = \u{2212}3", Some("-3")),
        ("10-3", Some("3")),
        ("f(2)-3", None),
        ("(-3)", Some("-3")),
        ("50%", Some("50")),
        ("3/4", Some("3/4")),
        ("-6/8", Some("-3/4")),
        ("1/0", None),
        ("2 and 1/0", None),
        ("0.5", Some("1/2")),
        (".5", Some("1/2")),
        ("1, 2, 3", Some("3")),
        ("1,2", Some("2")),
        ("1,0000", None),
        ("1 000", None),
        ("12,345,6789", Some("6789")),
        ("about 6.02e23", Some("602000000000000000000000")),
        ("1e99999", Some("1e99999")),
        ("1e99999999999999999999", Some("99999999999999999999")),
        ("version 1.2.3", Some("3/10")),
        ("３", Some("3")),
        ("\\boxed{58,\\!500}", Some("58500")),
        ("1{,}000", Some("1000")),
        ("1\\,000", Some("1000")),
        ("0{,}5", Some("1/2")),
        ("\\frac{3}{4}", Some("3/4")),
        ("-\\dfrac12", Some("-1/2")),
        ("\\frac{-1}{2}", Some("-1/2")),
        ("\\frac{1,000}{2}", Some("500")),
        ("2\\frac{1}{3}", Some("7/3")),
        ("2 1/2", Some("5/2")),
        ("2\u{bd}", Some("5/2")),
        ("3 5/2", Some("5/2")),
        ("10^3", Some("1000")),
        ("2\\times 10^{-3}", Some("1/500")),
        ("x = - 5", Some("-5")),
        ("- 5 apples", Some("5")),
        ("-\\$5", Some("-5")),
        ("10\u{2013}20", Some("20")),
        ("5 cm^2", Some("5")),
        ("5\\text{ cm}^2", Some("5")),
        ("x^2", None),
        ("\\sqrt{2}", None),
        ("2\\pi", None),
        ("\\frac{\\pi}{2}", None),
        ("\\frac{x}{2}", None),
        ("10^{10^{10}}", None),
        ("The answer is **42**.", Some("42")),
        ("**Answer: 42**", Some("42")),
        ("***1,234***", Some("1234")),
        ("__42__", Some("42")),
        ("_42_", Some("42")),
        ("*-5*", Some("-5")),
        ("2**3", Some("8")),
        ("2 ** 3", Some("8")),
        ("x_1", None),
        ("5\u{b2}", Some("25")),
        ("3 \u{d7} 10\u{2078}", Some("300000000")),
        ("10 cm\u{b2}", Some("10")),
        ("10 m2", Some("10")),
        ("Rs.5", Some("5")),
        ("1 \\over 2", None),
        ("CO2", None),
        ("It releases 44 g of CO2.", Some("44")),
        ("5 mol of C6H12O6", Some("5")),
        ("x1 = 7, x2", Some("7")),
        ("gpt4 and PM2.5", None),
        ("USD5", Some("5")),
        ("rs200", Some("200")),
        ("a 2x3 grid", Some("3")),
        ("about 2 x10^3", Some("2000")),
        ("y\\approx3.5", Some("7/2")),
        ("0{,}125", Some("1/8")),
        ("Rs. 12,34,567", Some("1234567")),
        ("45^\\circ", Some("45")),
        ("x^\\circledast 2", Some("2")),
        ("9.8 \\mathrm{~m/s^2}", Some("49/5")),
        ("9.8 m/s\u{b2}", Some("49/5")),
        ("5 s^2", None),
        ("1.5 million", Some("1500000")),
        ("5\\text{ thousand}", Some("5000")),
        ("3 thousandths", None),
        ("y = 18x", None),
        ("18 + x", None),
        ("x - 18", None),
        ("Option A - 18", Some("18")),
        ("x/18", None),
        ("$18/hour", Some("18")),
        ("\\log_{2}(18)", None),
        ("18 (x+1)", None),
        ("18(x+y)", None),
        ("eighteen (18)", Some("18")),
        ("\u{7b54}\u{6848}\u{662f}42", Some("42")),
    ] {
        let found = final_number(text).map(|number| number.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

#[test]
fn answers_that_are_one_number() {
    for (text, expected) in [
        ("500", Some("500")),
        ("9*2=18 #### 18", Some("18")),
        ("$5", Some("5")),
        ("\\$1,234.50", Some("2469/2")),
        ("18 dollars", Some("18")),
        ("about 18 apples", Some("18")),
        ("the 3rd", Some("3")),
        ("50%", Some("50")),
        ("x = 5", Some("5")),
        ("\\boxed{7}", Some("7")),
        ("2 1/2", Some("5/2")),
        ("10^{3}", Some("1000")),
        ("1e400", Some("1e400")),
        ("-2 1/2", Some("-5/2")),
        ("(3, 4)", None),
        ("3 or 4", None),
        ("2x", None),
        ("2pi", None),
        ("x^2", None),
        ("\\sqrt{2}", None),
        ("12:00", None),
        ("2021-05-03", None),
        ("5+3", None),
        ("3:4", None),
        ("1, 000", None),
        ("none", None),
        ("She makes 9*2=18 dollars", None),
        ("", None),
    ] {
        let found = single_number(text).map(|number| number.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

#[test]
fn long_texts_are_read_to_their_end() {
    for piece in [
        "cm^2",
        "1,",
        "\\frac{",
        "\\frac{1}{2}",
        "1 1/2 ",
        "{,}",
        "\\text{",
        "1\\,",
        "^",
        "- ",
        "9",
    ] {
        let text = piece.repeat(30_000 / piece.len());
        let answered = format!("{text}\nThe answer is 7.");
        let found = final_number(&answered).map(|number| number.to_string());
        assert_eq!(found.as_deref(), Some("7"), "after {piece}");
        // It is the only one where the text before has none.
        let only = single_number(&answered).map(|number| number.to_string());
        assert!(only.is_none_or(|only| only == "7"), "after {piece}");
    }
}

proptest! {
    #[test]
    fn a_single_number_reads_back_as_itself(text in "(\\\\frac|\\\\sqrt|\\\\text|\\\\,|\\\\!|[{}0-9.,eE/ ^_x$\u{bd}-]){0,30}") {
        // Nothing is known of the final number of such a text, but that reading it ends.
        final_number(&text);
        if let Some(number) = single_number(&text) {
            let written = number.to_string();
            prop_assert_eq!(single_number(&written).map(|n| n.to_string()), Some(written));
        }
    }

    #[test]
    fn any_text_has_a_final_number_or_none(text in "[-+$#0-9.,eE/ ()%\u{2212}x\u{e9}]{0,40}") {
        if let Some(number) = final_number(&text) {
            let written = number.to_string();
            prop_assert_eq!(final_number(&written).map(|n| n.to_string()), Some(written));
        }
    }
}
