//! Every help text, and what a wrong command line gets.

use insta::assert_snapshot;

use crate::support::Folder;

fn help(arguments: &[&str]) -> String {
    Folder::new().run(arguments).success()
}

fn usage_error(arguments: &[&str]) -> String {
    Folder::new().run(arguments).failure(2)
}

#[test]
fn breadth() {
    assert_snapshot!(help(&["--help"]), @"");
}

#[test]
fn select() {
    assert_snapshot!(help(&["select", "--help"]), @"");
}

#[test]
fn profile() {
    assert_snapshot!(help(&["profile", "--help"]), @"");
}

#[test]
fn pass() {
    assert_snapshot!(help(&["pass", "--help"]), @"");
}

#[test]
fn report() {
    assert_snapshot!(help(&["report", "--help"]), @"");
}

#[test]
fn completions() {
    assert_snapshot!(help(&["completions", "--help"]), @"");
}

#[test]
fn no_arguments_show_the_help_and_are_a_usage_error() {
    let ran = Folder::new().run(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.starts_with("Which checkpoint should I take?"), "{}", ran.stderr);
}

#[test]
fn version() {
    assert_eq!(help(&["--version"]), concat!("breadth ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn every_shell_gets_completions_of_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = help(&["completions", shell]);
        for word in ["select", "profile", "pass", "report", "best-of", "reference"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn wrong_command_lines() {
    assert_snapshot!(usage_error(&["chose", "scores.parquet"]), @"");
    assert_snapshot!(usage_error(&["select"]), @"");
    assert_snapshot!(usage_error(&["select", "t", "-n", "2", "--best-of", "4"]), @"");
    assert_snapshot!(usage_error(&["select", "t", "--confidence", "95"]), @"");
    assert_snapshot!(usage_error(&["select", "t", "--threads", "0"]), @"");
    assert_snapshot!(usage_error(&["profile", "t", "-n", "1,two"]), @"");
    assert_snapshot!(usage_error(&["pass", "t", "-k", "8,.."]), @"");
}
