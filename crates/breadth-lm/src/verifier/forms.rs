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
}
