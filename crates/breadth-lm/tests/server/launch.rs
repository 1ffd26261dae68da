//! Servers that are started and ended: this very program is the server.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use breadth_lm::server::{Launched, ServeCommand, Target};

use super::fake::{Defect, Dialect, Fake, scores};
use super::{limits, serve};

/// What the program is to do instead of testing.
pub const ROLE: &str = "BREADTH_TEST_SERVER";

/// The command line that runs this program in a role, with these words behind it.
pub fn in_role(role: &str, words: &str) -> String {
    let program = std::env::current_exe().unwrap();
    format!(
        "{ROLE}={role} {} --exact launch::a_role --nocapture {words}",
        program.display()
    )
}

/// The other roles of this program; as a test it has none.
#[test]
fn a_role() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let (what, rest) = role.split_once(' ').unwrap_or((&role, ""));
    let words: Vec<String> = std::env::args()
        .skip_while(|w| w != "--nocapture")
        .collect();
    match what {
        "serve" => {
            let _fake = Fake::on(rest.parse().unwrap(), Dialect::Vllm, Defect::None);
            std::thread::sleep(Duration::from_secs(60));
        }
        // The base, and the adapters that are named; their weights are the last digit.
        "adapters" | "adapters-of-sglang" => {
            println!("serving {}", words[1..].join(" "));
            let dialect = match what {
                "adapters" => Dialect::Vllm,
                _ => Dialect::Sglang,
            };
            let base = Fake::on(rest.parse().unwrap(), dialect, Defect::None);
            let _fake = words[1..].iter().fold(base, |fake, word| {
                let (name, _) = word.split_once('=').unwrap();
                fake.with_adapter(name, name[name.len() - 1..].parse().unwrap())
            });
            std::thread::sleep(Duration::from_secs(60));
        }
        "leave" => serve::leave(rest, Path::new(&words[1])),
        "stay" => serve::stay(rest, Path::new(&words[1])),
        "break" => serve::break_down(rest),
        "silent" => std::thread::sleep(Duration::from_secs(60)),
        // Starts a server and dies without a word.
        "die" => {
            let launched = start(&serving(), Path::new(rest)).unwrap();
            println!("address {}", launched.address());
            std::process::abort();
        }
        _ => {
            println!("CUDA out of memory");
            std::process::exit(1);
        }
    }
}

pub fn serving() -> String {
    in_role("'serve '{port}", "{path}")
}

fn start(command: &str, folder: &Path) -> Result<Launched, String> {
    start_within(Duration::from_secs(20), command, folder)
}

fn start_within(patience: Duration, command: &str, folder: &Path) -> Result<Launched, String> {
    let command = ServeCommand::parse(command).map_err(|e| e.to_string())?;
    let target = Target {
        checkpoints: vec![("toy", Path::new("it's/here"))],
        base: None,
        gpu: 0,
    };
    let started =
        command
            .with_patience(patience)
            .start(&target, &folder.join("log"), &limits(), &|| false);
    let launched = started.map_err(|e| e.to_string())?;
    Ok(launched.expect("nobody called it off"))
}

fn answers(address: &str) -> bool {
    TcpStream::connect(
        address
            .trim_start_matches("openai:http://")
            .trim_end_matches("/toy"),
    )
    .is_ok()
}

fn is_silent_soon(address: &str) -> bool {
    let asked = Instant::now();
    while answers(address) {
        if asked.elapsed() > Duration::from_secs(20) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn a_server_answers_until_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let launched = start(&serving(), folder.path()).unwrap();
    let address = launched.address().clone();
    let server = launched.model("step-1", &limits()).unwrap();
    assert_eq!(server.model(), "toy", "the only one");
    let sequence = breadth_lm::generation::Sequence {
        prompt: &[1, 2],
        response: &[3],
    };
    let scored = server
        .score(&[sequence], &|i| i.to_string(), &mut |_| ())
        .unwrap();
    assert_eq!(scored[0][0], scores(&[1, 2, 3], 1.0)[2].unwrap() as f32);
    drop(launched);
    assert!(is_silent_soon(&address.to_string()));
}

#[test]
fn a_server_is_given_time_to_put_its_things_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("run.sh");
    let program = std::env::current_exe().unwrap();
    let text = format!(
        "trap 'sleep 0.3; echo all put away; exit' TERM\n\
         {ROLE}=\"serve $1\" '{}' --exact launch::a_role --nocapture \"$2\" &\nwait\n",
        program.display()
    );
    std::fs::write(&script, text).unwrap();
    let command = format!("sh '{}' {{port}} {{path}}", script.display());
    drop(start(&command, folder.path()).unwrap());
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.ends_with("all put away\n"), "{log}");
}

#[test]
fn a_server_that_ends_or_stays_silent_is_an_error_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let error = start(&in_role("fail", "{path} {port}"), folder.path()).unwrap_err();
    assert!(
        error.contains("server of toy: ended before it answered (exit status: 1)"),
        "{error}"
    );
    assert!(error.contains("CUDA out of memory"), "{error}");
    assert!(error.contains("its output is in "), "{error}");
    // The log is that of the run before, too; its words are not.
    let error = start("false # {path} {port}", folder.path()).unwrap_err();
    assert!(
        error.contains("before it answered (exit status: 1); it wrote nothing"),
        "{error}"
    );
    let silent = in_role("silent", "{path} {port}");
    let error = start_within(Duration::from_millis(300), &silent, folder.path()).unwrap_err();
    assert!(error.contains("did not answer within 0 s ("), "{error}");
}

#[test]
fn a_server_ends_when_we_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "launch::a_role", "--nocapture"])
        .env(ROLE, format!("die {}", folder.path().display()))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let address = said.lines().find_map(|line| line.strip_prefix("address "));
    assert!(is_silent_soon(address.unwrap_or_else(|| panic!("{said}"))));
}
