//! Forms of answers that were once misread, each beside others that look like them and say
//! something else.

use super::cases::is_right;

/// Checks the verdicts on forms of one gold answer.
#[track_caller]
fn check(verifier: &str, gold: &str, right: &[&str], wrong: &[&str]) {
    for (texts, expected) in [(right, true), (wrong, false)] {
        for text in texts {
            let given = match verifier {
                "boxed" => format!("\\boxed{{{text}}}"),
                _ => (*text).to_owned(),
            };
            let found = is_right(verifier, gold, &given);
            assert_eq!(found, expected, "{verifier}: {gold} and {text}");
        }
    }
}

#[track_caller]
fn boxed(gold: &str, right: &[&str], wrong: &[&str]) {
    check("boxed", gold, right, wrong);
}

#[track_caller]
fn number(gold: &str, right: &[&str], wrong: &[&str]) {
    check("number", gold, right, wrong);
}

#[test]
fn the_answer_stands_behind_the_last_mark() {
    let gold = "3 + 5 = <<3+5=8>>8\n#### 1,008";
    boxed(gold, &["1008", "1{,}008"], &["8", "3", ""]);
    boxed("a\n#### \\boxed{3}", &["3"], &["4"]);
    boxed("so 7 ####", &[], &["7", ""]);
    check("regex:is (.*)", gold, &["it is 1008"], &["it is 8"]);
    check("text", "x #### 8", &["8", "x #### 8"], &["9", "x"]);
    // A heading in Markdown.
    check("text", "#### A\nB\nC", &["#### A\nB\nC"], &["A\nB\nC", "C"]);
}

#[test]
fn a_sentence_that_tells_the_answer_is_no_answer() {
    for gold in ["The answer is 7.", "Answer: C", "So the final answer is 7"] {
        boxed(gold, &[], &["7", "C", gold]);
    }
    boxed("Paris", &["Paris", "\\text{paris}"], &["even"]);
    boxed("\\text{Monday}", &["Monday"], &["Tuesday"]);
    let sentence = "The function is even";
    boxed(sentence, &["\\text{The function is even}"], &["even"]);
}

#[test]
fn a_stroke_through_a_relation_negates_it() {
    let outside = [
        "x \\not\\in \\{1,2\\}",
        "x \\notin \\{1,2\\}",
        "x \u{2209} \\{1,2\\}",
    ];
    boxed("\\{1,2\\}", &["x \\in \\{1,2\\}"], &outside);
    boxed("x \\notin \\{1,2\\}", &outside, &["x\\in\\{1,2\\}"]);
    boxed("x \\neq 2", &["x \\not= 2"], &["x = 2", "2"]);
    boxed("5", &["x = 5"], &["x \\not= 5", "x \\not< 5"]);
}

#[test]
fn or_is_not_and() {
    let and = ["p \\land q", "p \\wedge q", "p \u{2227} q"];
    let or = ["p \\lor q", "p \\vee q", "p \u{2228} q"];
    boxed("p \\land q", &and, &or);
    boxed("p \\lor q", &or, &and);
    let either = ["y=0\\text{ or }x=0", "x=0 \\lor y=0"];
    let both = ["x=0 and y=0", "x=0, y=0", "(0,0)", "x=0 \\land y=0"];
    boxed("x=0 or y=0", &either, &both);
    boxed("x=0 and y=0", &both, &either);
    boxed(
        "x=1, y=2 or x=2, y=1",
        &["x=2, y=1 or x=1, y=2"],
        &["x=1, y=1 or x=2, y=2"],
    );
    boxed(
        "Monday or Tuesday",
        &["Tuesday or Monday"],
        &["Monday and Tuesday"],
    );
    let solutions = ["x = \\pm 1", "-1, 1", "x=1 \\lor x=-1", "1 and -1"];
    boxed("x=1 or x=-1", &solutions, &["1"]);
    boxed(
        "x<1 \\lor x>2",
        &["(-\\infty,1)\\cup(2,\\infty)"],
        &["x<1 \\land x>2"],
    );
}

#[test]
fn a_set_does_not_say_which_value_is_whose() {
    let named = ["(1,2)", "1, 2", "\\{x=1, y=2\\}", "y=2, x=1"];
    boxed("x=1,y=2", &named, &["\\{2,1\\}", "\\{1,2\\}", "2, 1"]);
    boxed("x=1,x=2", &["\\{2,1\\}"], &["\\{1,3\\}"]);
}

#[test]
fn a_cross_between_vectors_is_no_dot() {
    let dot = ["\\mathbf{b}\\cdot\\mathbf{a}"];
    let cross = [
        "\\mathbf{a}\\times\\mathbf{b}",
        "\\mathbf{a}\u{d7}\\mathbf{b}",
    ];
    boxed("\\mathbf{a}\\cdot\\mathbf{b}", &dot, &cross);
    boxed(
        "\\mathbf{a}\\times\\mathbf{b}",
        &cross,
        &["\\mathbf{b}\\times\\mathbf{a}"],
    );
    let sum = "(\\mathbf{a}+\\mathbf{b})";
    let with = |sign: &str| format!("{sum}{sign}\\mathbf{{c}}");
    boxed(&with("\\cdot"), &[&with("\\cdot")], &[&with("\\times")]);
    boxed("3\\mathbf{a}", &["3\\times\\mathbf{a}"], &[]);
    boxed("2x", &["2\\times x", "2\\cdot x"], &[]);
}

#[test]
fn three_full_stops_go_on() {
    boxed(
        "1,2",
        &["1,2."],
        &["1,2,...", "1,2,\\ldots", "1,2,\u{2026}"],
    );
    boxed("5", &["5."], &["5...", "5\\ldots"]);
    boxed(
        "0.333...",
        &["0.333\\ldots", "0.333\u{2026}"],
        &["0.333", "1/3"],
    );
    boxed("1,2,...", &["1, 2, \\ldots"], &["1,2", "2,1,..."]);
    boxed(
        "\\{1,...,9\\}",
        &["\\{1,\\ldots,9\\}"],
        &["\\{9,...,1\\}", "\\{1,9\\}"],
    );
}

#[test]
fn numbers_are_divided_with_blanks_and_words() {
    let quarters = [
        "the probability is 3 / 4",
        "3/ 4",
        "3 /4",
        "$3 / 4$",
        "3\u{2044}4",
        "3\u{f7}4",
        "$3\\div 4$",
        "3 over 4",
        "3 out of 4",
        "0.75 = 3 / 4",
        "-3 / -4",
        "12 / 4 / 4",
    ];
    number("3/4", &quarters, &[]);
    number("4", &["km / h: 4", "12 / 3 = 4"], &quarters);
    let three = [
        "scored 3 out of 4. The answer is 3",
        "12 / 4 = 3",
        "3 over the weekend",
    ];
    number("3", &three, &["3 / 4", "x \u{f7} 3"]);
    number("11/4", &["2 3/4", "2 3 / 4"], &["3 / 4"]);
    number("-11/4", &["-2 3 / 4"], &[]);
    number("-3/4", &["-3 / 4", "3 / -4", "-(3/4)"], &["3 / 4"]);
    number("20", &[], &["5 students out of 20"]);
    number("3 out of 4", &[], &["3/4", "3", "4"]);
}

#[test]
fn numbers_keep_their_minus() {
    let negative = [
        "The answer is -(5)",
        "- (5)",
        "The answer is negative 5",
        "is minus 5",
        "Minus 5",
        "It is \u{2011}5",
        "It is \u{fe63}5",
        "It is \u{2212}\u{2009}5",
        "- 5",
        "- 5.",
        "$- 5$",
        "The answer is - 5.",
        "**- 5**",
        "is **negative 5**",
        "#### - 5",
        "x = -\\,5",
        "Answer: - 5",
        "x \\approx - 5",
        "negative (5)",
        "is $-$5",
    ];
    number("-5", &negative, &[]);
    number("5", &[], &negative);
    let positive = [
        "10 minus 5",
        "total minus 5",
        "- 5 apples",
        "- 4 pears\n- 5 apples",
        "answers:\n- 5\n- 5",
        "10 - 5",
        "10 -(5)",
        "10 - (5)",
        "10\u{2009}\u{2212}\u{2009}5",
        "non-negative 5",
        "Is it negative? 5",
        "Option A - 5",
        "-(-5)",
    ];
    number("5", &positive, &[]);
    number("-5", &[], &positive);
    number("negative 5", &["-5"], &["5"]);
}

#[test]
fn words_multiply_the_number_before_them() {
    number("1800000", &["18 lakh", "\u{20b9}18 lakhs"], &["18"]);
    number("180000000", &["18 crore"], &["18"]);
    number("18000", &["18 grand", "18 thousand"], &["18 grand prizes"]);
    number(
        "18000000",
        &["18-million", "an 18-million dollar house"],
        &["18"],
    );
    number(
        "18",
        &["18 grand prizes", "18-inch"],
        &["18 lakh", "18-million", "18 grand"],
    );
    number("300000000", &["3 hundred million"], &["3 hundred"]);
    let millions = [
        "1.2\\text{ million}",
        "1.2 million",
        "1.2\\text{ million dollars}",
    ];
    boxed(
        "1200000",
        &millions,
        &["1.2", "1.2\\text{ billion}", "1.2\\text{ millionths}"],
    );
    boxed("1.2", &[], &millions);
    boxed("1-2 million", &[], &["2-3 million", "-1000000"]);
    boxed("3", &[], &["3\\text{ hundredths}", "3\\text{ thousand}"]);
    boxed(
        "\\$5\\text{ million}",
        &["5000000"],
        &["\u{20ac}5\\text{ million}"],
    );
}

#[test]
fn lines_over_one_another_are_fractions_and_binomials() {
    boxed(
        "120",
        &["{10 \\choose 3}", "10 \\choose 3"],
        &["{10 \\choose 4}", "{3 \\choose 10}"],
    );
    boxed("121", &["{10 \\choose 3}+1"], &["{10 \\choose 3}"]);
    boxed(
        "\\frac34",
        &["{3 \\over 4}", "1 - {1 \\over 4}"],
        &["{4 \\over 3}"],
    );
    boxed("\\frac12", &[], &["1 \\over 2 \\over 3"]);
}

#[test]
fn logarithms_have_any_base() {
    let same = [
        "\\frac{\\ln 5}{\\ln 2}",
        "2\\log_4 5",
        "\\log_4 25",
        "\\frac{\\log_3 5}{\\log_3 2}",
    ];
    let other = [
        "\\frac{\\ln 2}{\\ln 5}",
        "\\log_5 2",
        "\\ln 5",
        "\\frac{\\log 5}{\\log 3}",
    ];
    boxed("\\log_2 5", &same, &other);
    boxed("\\log_2 x", &["\\frac{\\ln x}{\\ln 2}"], &["\\log_3 x"]);
    let above = ["\\log_2 5 < x", "x > \\frac{\\ln 5}{\\ln 2}"];
    boxed(
        "x > \\log_2 5",
        &above,
        &["x < \\log_2 5", "x \\geq \\log_2 5", "x > \\log_2 6"],
    );
    boxed("3", &["\\log_2 8"], &["\\log_2(8, 3)"]);
}

#[test]
fn rows_degrees_and_letters_as_they_are_set() {
    let matrix = |between: &str| format!("\\begin{{pmatrix}}1{between}3\\end{{pmatrix}}");
    let (spaced, other) = (matrix("\\\\[4pt]"), matrix("\\\\[4]"));
    boxed(
        &matrix("\\\\"),
        &[&spaced, &matrix("\\\\[0.5 em]")],
        &[&other],
    );
    boxed(
        "90",
        &["90^\\text{o}", "90^{\\text{o}}", "90^o", "90\u{ba}"],
        &["91^o", "x^o"],
    );
    let array = |cells: &str| format!("\\begin{{array}}{{c}}{cells}\\end{{array}}");
    boxed("3", &[&array("3")], &[&array("4"), &array("3\\\\4")]);
    boxed("C", &["C)", "(C)", "\\text{C)}"], &["D)", "CD)", "c)"]);
}

#[test]
fn a_number_and_what_is_counted_in_one_text() {
    let wrong = [
        "\\text{4 apples}",
        "\\text{3 or more}",
        "\\text{3 x}",
        "\\text{3. apples}",
    ];
    boxed("3", &["\\text{3 apples}", "3\\text{ apples}"], &wrong);
    boxed(
        "3\\text{ pears}",
        &["\\text{3 pears}"],
        &["\\text{3 apples}"],
    );
}

#[test]
fn words_that_say_where_a_number_lies_are_no_units() {
    let wrong = [
        "5\\text{ below zero}",
        "5\\text{ too short}",
        "5\\text{ above}",
        "5\\text{ under}",
        "5\\text{ feet below sea level}",
    ];
    boxed("5", &["5\\text{ cm}", "5\\text{ people}"], &wrong);
}
