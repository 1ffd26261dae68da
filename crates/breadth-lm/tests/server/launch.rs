//! Servers that are started and ended: this very program is the server.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use breadth_lm::server::{Launched, ServeCommand, Server};

use super::fake::{Defect, Dialect, Fake, scores};
use super::limits;

/// What the program is to do instead of testing.
const ROLE: &str = "BREADTH_TEST_SERVER";

/// The command line that runs this program in a role.
fn in_role(role: &str) -> String {
    let program = std::env::current_exe().unwrap();
    format!(
        "{ROLE}={role} {} --exact launch::a_role --nocapture {{path}}",
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
    match what {
        "serve" => {
            let _fake = Fake::on(rest.parse().unwrap(), Dialect::Vllm, Defect::None);
            std::thread::sleep(Duration::from_secs(60));
        }
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

fn serving() -> String {
    in_role("'serve '{port}")
}

fn start(command: &str, folder: &Path) -> Result<Launched, String> {
    let command = ServeCommand::parse(command).map_err(|e| e.to_string())?;
    let command = command.with_patience(Duration::from_secs(20));
    let log = folder.join("log");
    command
        .start(Path::new("it's/here"), "toy", 0, &log, &limits())
        .map_err(|e| e.to_string())
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
    assert_eq!(address.model, "toy");
    let server = Server::open(&address, limits()).unwrap();
    let sequence = breadth_lm::generation::Sequence {
        prompt: &[1, 2],
        response: &[3],
    };
    let scored = server
        .score(&[sequence], &|i| i.to_string(), &mut |_| ())
        .unwrap();
    assert_eq!(scored[0][0], scores(&[1, 2, 3], 1.0)[2].unwrap() as f32);
    drop(launched);
    assert!(!answers(&address.to_string()));
}

#[test]
fn a_server_that_ends_or_stays_silent_is_an_error_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let error = start(&format!("{} {{port}}", in_role("fail")), folder.path()).unwrap_err();
    assert!(
        error.contains("server of toy: ended before it answered (exit status: 1)"),
        "{error}"
    );
    assert!(error.contains("CUDA out of memory"), "{error}");
    assert!(error.contains("its output is in "), "{error}");
    let silent = ServeCommand::parse(&format!("{} {{port}}", in_role("silent"))).unwrap();
    let silent = silent.with_patience(Duration::from_millis(300));
    let log = folder.path().join("log");
    let error = silent
        .start(Path::new("x"), "toy", 0, &log, &limits())
        .unwrap_err();
    assert!(
        error.to_string().contains("did not answer within 0 s"),
        "{error}"
    );
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

#[test]
fn commands_name_the_path_and_the_port() {
    for (command, message) in [
        (
            "vllm serve {path}",
            "the command has no {port}, which stands for a free port",
        ),
        ("vllm serve --port {port}", "the command has no {path}"),
        (
            "serve {path} {port} {tp}",
            "{tp} is none of {path} (the checkpoint's folder), {port}",
        ),
    ] {
        let error = ServeCommand::parse(command).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let json = "serve {path} {port} --override '{\"max_len\": 5}'";
    assert!(!ServeCommand::parse(json).unwrap().takes_gpu());
}
