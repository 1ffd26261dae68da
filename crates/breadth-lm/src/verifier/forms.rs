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
