//! A folder to work in, the binary, and small tables with known answers.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What a run of the binary left.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the binary prints UTF-8");
        let status = output.status.code().expect("the binary was not killed");
        Ran {
            status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs a command that was made by [`Folder::command`].
    pub fn of(mut command: Command) -> Self {
        Ran::new(command.output().expect("the binary starts"))
    }

    /// What was remarked, without the command that comes next.
    pub fn remarks(&self) -> String {
        let is_remark = |line: &&str| !line.starts_with("next: ");
        self.stderr
            .split_inclusive('\n')
            .filter(is_remark)
            .collect()
    }

    /// The standard output of a success that had nothing to remark.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(
            (self.status, self.remarks().as_str()),
            (0, ""),
            "stdout: {}",
            self.stdout
        );
        self.stdout
    }

    /// The JSON document of a success: one line, nothing else.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let text = self.success();
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).expect("--json prints JSON")
    }

    /// The one message of a failure with this exit status; a failure prints no result.
    #[track_caller]
    pub fn failure(self, status: i32) -> String {
        assert_eq!(
            (self.status, self.stdout.as_str()),
            (status, ""),
            "stderr: {}",
            self.stderr
        );
        assert_eq!(self.stderr.matches("error:").count(), 1, "{}", self.stderr);
        self.stderr
    }
}

/// A given case of `tests/cases/limits`.
pub fn case(name: &str) -> Vec<u8> {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/limits");
    std::fs::read(cases.join(name)).expect("a given case")
}

/// A folder of its own for one test, in which the binary runs, so that messages hold relative
/// paths.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Folder(TempDir::new().expect("a temporary folder"))
    }

    /// A folder with these files in it.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        for (name, text) in files {
            folder.write(name, text.as_bytes());
        }
        folder
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a writable file");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The binary, to be run here with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_breadth"));
        command
            .current_dir(self.0.path())
            .args(arguments)
            .stdin(Stdio::null());
        command.env_remove("NO_COLOR").env("RUST_BACKTRACE", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command(arguments).output().expect("the binary starts"))
    }

    /// Runs the binary in place of a shell that did something before. No signal is ignored at first,
    /// though these tests may run where some are (in the background, under `nohup`).
    #[cfg(unix)]
    #[allow(unsafe_code, reason = "calls of the system between fork and exec")]
    pub fn shell(&self, before: &str, arguments: &[&str]) -> Ran {
        let mut command = Command::new("sh");
        command
            .current_dir(self.0.path())
            .args(["-c", &format!("{before}; exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_breadth"))
            .args(arguments)
            .stdin(Stdio::null());
        let heed_signals = || {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                // SAFETY: one call of the system, as is allowed between fork and exec.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
            Ok(())
        };
        // SAFETY: as above.
        unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, heed_signals) };
        Ran::of(command)
    }

    /// Runs with `text` on standard input.
    pub fn pipe(&self, text: &str, arguments: &[&str]) -> Ran {
        use std::io::Write;
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin
            .write_all(text.as_bytes())
            .expect("the binary reads its input");
        drop(stdin);
        Ran::new(child.wait_with_output().expect("the binary ends"))
    }
}

/// A score table in JSON Lines: for each model its log-probabilities of the responses to prompts 0,
/// 1, ...
pub fn scores(models: &[(&str, &[f64])]) -> String {
    let mut text = String::new();
    for (model, logprobs) in models {
        for (prompt, logprob) in logprobs.iter().enumerate() {
            let logprob = if logprob.is_infinite() {
                "\"-inf\"".to_owned()
            } else {
                logprob.to_string()
            };
            writeln!(
                text,
                r#"{{"prompt_id":{prompt},"model":"{model}","logprob":{logprob}}}"#
            )
            .unwrap();
        }
    }
    text
}

/// Eight responses. Against the teacher at N = 4, `even` under-weights none, `early` one (by 9) and
/// `late` two (by 32); `late` has the lowest cross-entropy all the same.
pub fn three_checkpoints() -> String {
    let shifted = |ratios: [f64; 8]| ratios.map(|ratio| 0.01_f64.ln() - f64::ln(ratio));
    scores(&[
        ("teacher", &shifted([1.0; 8])),
        ("early", &shifted([1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 9.0])),
        ("even", &shifted([1.5; 8])),
        ("late", &shifted([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 32.0, 32.0])),
    ])
}

/// A score table with every row under-weighted alike: `rows` responses, model `a` at -1, `b` at -1
/// - gap.
pub fn two_models(rows: usize, gap: f64) -> String {
    scores(&[("a", &vec![-1.0; rows]), ("b", &vec![-1.0 - gap; rows])])
}

/// Counts of correct samples: for each model `(n, c)` of prompts 0, 1, ...
pub fn counts(models: &[(&str, &[(u64, u64)])]) -> String {
    let mut text = String::new();
    for (model, prompts) in models {
        for (prompt, (n, c)) in prompts.iter().enumerate() {
            writeln!(
                text,
                r#"{{"model":"{model}","prompt_id":{prompt},"n":{n},"c":{c}}}"#
            )
            .unwrap();
        }
    }
    text
}

/// The text of `select` on a score table.
pub fn select(table: &str, arguments: &[&str]) -> String {
    let folder = Folder::with(&[("scores.jsonl", table)]);
    folder
        .run(&[&["select", "scores.jsonl"], arguments].concat())
        .success()
}

/// The JSON of `select` on a score table.
pub fn select_json(table: &str, arguments: &[&str]) -> serde_json::Value {
    let folder = Folder::with(&[("scores.jsonl", table)]);
    folder
        .run(&[&["select", "scores.jsonl", "--json"], arguments].concat())
        .json()
}
