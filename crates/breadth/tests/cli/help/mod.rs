//! Every help text, and what a wrong command line gets.

mod measure;
mod models;

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
    assert_snapshot!(help(&["--help"]), @r"
    Which checkpoint should I take?

    The one that still covers your data. A model that gives a response less than 1/N of its due
    probability will not find it in N samples, however low its loss. breadth measures that coverage from
    log-probabilities, and selects, trains and decodes for it.

    Usage: breadth [OPTIONS] <COMMAND>

    Commands:
      demo         Train, checkpoint, score, sample, select, report: the whole story in minutes
      select       Select the checkpoint that covers the data best: the tournament over all models
      profile      The coverage profile of models against a reference, with KL and cross-entropy
      pass         Pass@k, or Best-of-k for rewards, of every model, with intervals
      reach        What k samples find for certain: reach, likelihood quantiles, and the prompts within
                   a budget
      plan         How many prompts and samples it takes to certify a coverage or to tell two
                   checkpoints apart
      import       Turn other tools' logs into score or sample tables
      score        Score given responses under models: log q(y|x), as a score table
      sample       Draw K responses per prompt from models, with rewards, as a sample table
      probe        Check that a server's log-probabilities are what they seem
      train        Train a model from a TOML file; a killed run resumes to the same bits
      report       Write one self-contained HTML page about tables, logs or a run
      lab          Measure every statement of the coverage paper, and check what comes out
      completions  Print the completion script of a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Common options:
          --json
              Print one JSON document and nothing else on stdout

          --threads <T>
              Use this many threads [default: one per core]; results do not depend on it

          --max-record-bytes <BYTES>
              Longest record of an input that is read: a line, a text, the member of an archive
              [default: 32 MiB, or BREADTH_MAX_RECORD_BYTES]

      -q, --quiet
              Say nothing on stderr unless something is wrong

    Examples:
      # the whole story in minutes: trains, checkpoints, scores, samples, selects
      breadth demo

      # which checkpoint to take into Best-of-16
      breadth select scores.parquet --best-of 16

      # how much of the data does each checkpoint under-weight by 2, 4, 8, ...?
      breadth profile scores.parquet --reference teacher

      # Pass@1, Pass@2, Pass@4, ... from graded samples
      breadth pass samples.jsonl

    A score table has one row per model and response, with the columns prompt_id, model and logprob: the
    natural logarithm of the probability of the whole response. Parquet, JSON Lines (.gz, .zst) and CSV
    are read; `-` is standard input. `breadth COMMAND --help` shows more, with examples.
    ");
}

#[test]
fn completions() {
    assert_snapshot!(help(&["completions", "--help"]), @r#"
    Print the completion script of a shell

    Usage: breadth completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  Which shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help  Print help

    Common options:
          --json                      Print one JSON document and nothing else on stdout
          --threads <T>               Use this many threads [default: one per core]; results do not
                                      depend on it
          --max-record-bytes <BYTES>  Longest record of an input that is read: a line, a text, the
                                      member of an archive [default: 32 MiB, or
                                      BREADTH_MAX_RECORD_BYTES]
      -q, --quiet                     Say nothing on stderr unless something is wrong

    Examples:
      breadth completions bash > ~/.local/share/bash-completion/completions/breadth
      breadth completions zsh  > "${fpath[1]}/_breadth"
      breadth completions fish > ~/.config/fish/completions/breadth.fish
    "#);
}

#[test]
fn no_arguments_show_the_help_and_are_a_usage_error() {
    let ran = Folder::new().run(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(
        ran.stderr.starts_with("Which checkpoint should I take?"),
        "{}",
        ran.stderr
    );
}

/// Lines of commands are copied: what a terminal of 80 columns would break goes on after a
/// backslash.

#[test]
fn examples_fit_80_columns() {
    let commands = [
        "demo",
        "select",
        "profile",
        "pass",
        "reach",
        "plan",
        "import",
        "score",
        "sample",
        "probe",
        "train",
        "report",
        "lab",
        "completions",
    ];
    for command in commands {
        let text = help(&[command, "--help"]);
        let (_, examples) = text
            .split_once("Examples:")
            .expect("every command has examples");
        let mut goes_on = false;
        let mut lines = 0;
        for line in examples.lines() {
            let is_command = goes_on || line.starts_with("  breadth ");
            assert!(
                !is_command || line.chars().count() <= 80,
                "{command}: {line}"
            );
            goes_on = is_command && line.ends_with(" \\");
            lines += usize::from(is_command);
        }
        assert!(lines > 0, "{command}");
    }
}

#[test]
fn version() {
    assert_eq!(
        help(&["--version"]),
        concat!("breadth ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn every_shell_gets_completions_of_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = help(&["completions", shell]);
        for word in [
            "select",
            "profile",
            "pass",
            "report",
            "best-of",
            "reference",
        ] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    let script = help(&["completions", "bash"]);
    assert!(script.contains("exact text number boxed regex: command: valid-path policy:"));
}

#[test]
fn wrong_command_lines() {
    assert_snapshot!(usage_error(&["selekt", "scores.parquet"]), @"
    error: unrecognized subcommand 'selekt'

      tip: a similar subcommand exists: 'select'

    Usage: breadth [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select"]), @"
    error: the following required arguments were not provided:
      <TABLE>...

    Usage: breadth select <TABLE>...

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "-n", "2", "--best-of", "4"]), @"
    error: the argument '-n <N>' cannot be used with '--best-of <K>'

    Usage: breadth select -n <N> <TABLE>...

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "--confidence", "95"]), @"
    error: invalid value '95' for '--confidence <P>': for 95% write 0.95

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "--threads", "0"]), @"
    error: invalid value '0' for '--threads <T>': write a whole number from 1 to 1024

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["select", "t", "--threads", "100000"]), @"
    error: invalid value '100000' for '--threads <T>': write a whole number from 1 to 1024

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["profile", "t", "-n", "1,two"]), @"
    error: invalid value '1,two' for '-n <N,..>': `two` is not a number; write a list such as 1,2,4 or 1,2,4,..

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["pass", "t", "--columns", "rewrad=score"]), @r"
    error: invalid value 'rewrad=score' for '--columns <OURS=THEIRS,..>': tables have no column `rewrad`; they have answer, c, correct, gold, group, logprob, model, n, passed, prompt, prompt_id, response_id, reward, source, text, token_logprobs, tokens, weight

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["pass", "t", "--columns", "reward"]), @r"
    error: invalid value 'reward' for '--columns <OURS=THEIRS,..>': write OURS=THEIRS, such as reward=score

    For more information, try '--help'.
    ");
    assert_snapshot!(usage_error(&["pass", "t", "-k", "8,.."]), @"
    error: invalid value '8,..' for '-k <K,..>': `..` continues a progression: give at least two numbers before it, as in 1,2,4,..

    For more information, try '--help'.
    ");
}
