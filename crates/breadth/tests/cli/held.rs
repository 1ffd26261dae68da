//! One job at a time on one output, jobs that are ended and go on, and nothing left behind:
//! `scripts/kills` and `scripts/pairs` in short.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use breadth_data::OutputLock;

use crate::support::{Folder, three_checkpoints};

const TRAIN: &str = r#"
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
[model]
layers = 1
width = 16
heads = 2
[train]
steps = 8
batch_size = 4
checkpoint_every = 2
"#;

/// Jobs on an output each, by name; `kind` is one of two sets of data.
fn jobs(kind: char) -> Vec<(&'static str, Vec<String>)> {
    let words = |text: String| text.split(' ').map(str::to_owned).collect();
    vec![
        ("train", words(format!("train {kind}.toml --out out/run"))),
        (
            "score",
            words(format!(
                "score model --data {kind}.jsonl -o out/table.parquet"
            )),
        ),
        (
            "sample",
            words(format!(
                "sample model --prompts {kind}.jsonl -k 4 --max-tokens 3 -o out/table.parquet"
            )),
        ),
        (
            "import",
            words(format!("import logs-{kind} -o out/table.parquet")),
        ),
    ]
}

fn place() -> Folder {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/lm");
    let folder = Folder::new();
    for name in ["config.json", "model.safetensors"] {
        let bytes = std::fs::read(golden.join(name)).expect("a golden model");
        folder.write(&format!("model/{name}"), &bytes);
    }
    for (seed, kind) in ["a", "b"].into_iter().enumerate() {
        let line = |i: usize| {
            let (a, b) = ((i * 7 + seed) % 12, (i / 12 + seed) % 12);
            format!("{{\"prompt\": [7, {a}, {b}], \"response\": [9, {b}, 2]}}\n")
        };
        let lines: String = (0..1500).map(line).collect();
        folder.write(&format!("{kind}.jsonl"), lines.as_bytes());
        folder.write(
            &format!("{kind}.toml"),
            format!("seed = {seed}{TRAIN}").as_bytes(),
        );
        let row = |i: usize| {
            let score = (i + seed) % 2;
            format!(
                "{{\"input\": \"q{}\", \"output\": \"{i}\", \"score\": {score}}}\n",
                i % 50
            )
        };
        let rows: String = (0..2000).map(row).collect();
        folder.write(&format!("logs-{kind}/1.jsonl"), rows.as_bytes());
    }
    folder.write("out/other.txt", b"mine");
    folder
}

/// Every file under the output's folder.
fn left(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let (root, mut found) = (folder.path("out"), BTreeMap::new());
    let mut folders = vec![root.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(&root)
                    .expect("inside")
                    .display()
                    .to_string();
                // It may be a temporary file that goes away.
                found.extend(std::fs::read(&path).ok().map(|bytes| (name, bytes)));
            }
        }
    }
    found
}

fn empty(folder: &Folder) {
    std::fs::remove_dir_all(folder.path("out")).expect("a folder");
    folder.write("out/other.txt", b"mine");
}

fn start(folder: &Folder, words: &[String]) -> Child {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = folder.command(&words);
    command.args(["-q", "--threads", "2"]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

fn run(folder: &Folder, words: &[String]) -> Result<(), String> {
    let output = end(start(folder, words));
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        other => panic!("{words:?} ended with {other:?}"),
    }
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let mut kill = std::process::Command::new("kill");
    // It may have ended before.
    let kill = kill
        .args(["-s", name, &child.id().to_string()])
        .stderr(Stdio::null());
    kill.status().expect("there is a `kill`");
}

/// A share of a time that is another one in every trial, and the same in every run.
fn moment(trial: u32, time: Duration) -> Duration {
    time.mul_f64((f64::from(trial) * 0.618_033_988_75 + 0.05).fract())
}

#[test]
fn the_second_of_two_jobs_is_refused_while_the_first_runs() {
    let folder = place();
    let process = std::process::id().to_string();
    for (name, words) in jobs('a') {
        let output = if name == "train" {
            "out/run"
        } else {
            "out/table.parquet"
        };
        if name == "train" {
            std::fs::create_dir(folder.path(output)).unwrap();
        }
        let lock = OutputLock::hold(&folder.path(output)).unwrap();
        // What the living one is writing, and what it has finished.
        folder.write("out/.breadth-tmp-table.parquet-abcdef", b"half");
        folder.write(
            "out/table.parquet.parts/identity",
            b"score 0.0.0 ff\nbreadth score",
        );
        folder.write("out/table.parquet.parts/0000-000000", b"part");
        folder.write(
            "out/run/checkpoints/.breadth-tmp-step-000002-abcdef/new/x",
            b"half",
        );
        folder.write("out/run/state/step-000001/x", b"older");
        folder.write("out/run/state/step-000002/x", b"newer");
        let before = left(&folder);
        let said = run(&folder, &words).unwrap_err();
        let expected = format!("error: {output}: process {process} (`");
        assert!(said.starts_with(&expected), "{said}");
        assert!(
            said.contains(" is writing it; nothing was changed."),
            "{said}"
        );
        assert_eq!(left(&folder), before, "{name}");
        drop(lock);
        empty(&folder);
        run(&folder, &words).unwrap();
        empty(&folder);
    }
    let lock = OutputLock::hold(&folder.path("out/page.html")).unwrap();
    folder.write("scores.jsonl", three_checkpoints().as_bytes());
    let report = ["report", "scores.jsonl", "-n", "4", "-o", "out/page.html"];
    let said = folder.run(&report).failure(1);
    assert!(said.contains("out/page.html: process "), "{said}");
    drop(lock);
}

/// The parts of one job are not lost to another on the same output.
#[test]
fn finished_parts_of_another_job_are_left_alone() {
    let folder = place();
    let [(_, first), (_, second)] = ['a', 'b'].map(|kind| jobs(kind).remove(1));
    run(&folder, &first).unwrap();
    let expected = left(&folder);
    empty(&folder);
    let mut child = start(&folder, &first);
    let part = folder.path("out/table.parquet.parts/0000-000000");
    while !part.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    end(child);
    if part.exists() {
        let before = left(&folder);
        let said = run(&folder, &second).unwrap_err();
        let expected = "out/table.parquet.parts: holds finished parts of another job \
                        (`breadth score model --data a.jsonl -o out/table.parquet";
        assert!(said.contains(expected), "{said}");
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        let kept: Vec<String> = names(&before);
        let kept: Vec<&String> = kept
            .iter()
            .filter(|n| !n.contains(".breadth-lock"))
            .collect();
        assert_eq!(names(&left(&folder)).iter().collect::<Vec<_>>(), kept);
    }
    run(&folder, &first).unwrap();
    assert_eq!(left(&folder), expected);
}

#[cfg(unix)]
#[test]
fn jobs_that_are_ended_go_on_to_the_same_bits() {
    let folder = place();
    for (name, words) in jobs('a') {
        let began = Instant::now();
        run(&folder, &words).unwrap();
        let time = began.elapsed();
        let expected = left(&folder);
        for (trial, with) in (0..).zip(["KILL", "TERM", "INT", "HUP", "QUIT"]) {
            empty(&folder);
            let child = start(&folder, &words);
            std::thread::sleep(moment(trial, time));
            signal(&child, with);
            let ended = end(child);
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            let status = ended.status.code();
            // None: by the signal, which comes before it is watched for, or is KILL.
            assert!(
                matches!(status, None | Some(0 | 129 | 130 | 131 | 143)),
                "{name} {with}: {said}"
            );
            if status.is_some() {
                for file in left(&folder).into_keys() {
                    let is_left = file.contains(".breadth-") && !file.contains(".parts/");
                    assert!(!is_left, "{name} {with}: {file}");
                }
            }
            run(&folder, &words).unwrap();
            assert!(left(&folder) == expected, "{name} {with}");
        }
        empty(&folder);
    }
}

const SAMPLE: [&str; 10] = [
    "sample",
    "model",
    "--prompts",
    "a.jsonl",
    "-k",
    "1",
    "--max-tokens",
    "3",
    "-o",
    "out/table.parquet",
];

/// [`place`] with a tokenizer: programs read text.
fn place_with_text() -> Folder {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/text");
    let folder = place();
    let tokenizer = std::fs::read(golden.join("byte_level.json")).expect("a golden tokenizer");
    folder.write("model/tokenizer.json", &tokenizer);
    folder
}

/// Whether a process runs; one that has ended and that nobody has asked about does not.
#[cfg(unix)]
fn is_running(id: &str) -> bool {
    let mut ps = std::process::Command::new("ps");
    let state = ps.args(["-o", "stat=", "-p", id]).output();
    let state = state.expect("there is a `ps`").stdout;
    !state.is_empty() && state[0] != b'Z'
}

/// The verifier's program sends the signal, so that it comes while the program runs.
#[cfg(unix)]
#[test]
fn a_terminal_that_is_closed_ends_a_job_and_its_programs() {
    let folder = place_with_text();
    folder.write(
        "grade.sh",
        b"echo $$ >> pids; while read -r line; do kill -s $1 $PPID; sleep $2; echo '{\"reward\": 1}'; done",
    );
    let run = |before: &str, verifier: &str| {
        let _ = std::fs::remove_file(folder.path("pids"));
        let more = ["--verifier", verifier, "-q", "--threads", "2"];
        folder.shell(before, &[&SAMPLE[..], &more].concat())
    };
    for (name, status) in [("HUP", 129), ("QUIT", 131), ("TERM", 143)] {
        let ran = run(":", &format!("command:sh grade.sh {name} 60"));
        assert_eq!(ran.status, status, "{}", ran.stderr);
        assert!(ran.stderr.contains("\nstopped; "), "{}", ran.stderr);
        let temporary = |file: &String| file.contains(".breadth-");
        assert!(!left(&folder).keys().any(temporary), "{name}");
        let ids = std::fs::read_to_string(folder.path("pids")).unwrap();
        for id in ids.lines() {
            // It was ended; that may not have come to it yet.
            let until = Instant::now() + Duration::from_secs(20);
            while is_running(id) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(!is_running(id), "{name}: {id}");
        }
        empty(&folder);
    }
    // As under `nohup`.
    folder.write("a.jsonl", b"{\"prompt\": [7, 3], \"response\": [9]}\n");
    let ran = run("trap '' HUP", "command:sh grade.sh HUP 0");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

/// SIGXFSZ would end the process without a word.
#[cfg(unix)]
#[test]
fn a_limit_on_files_is_an_error_of_the_write() {
    let folder = place();
    let score = [
        "score",
        "model",
        "--data",
        "a.jsonl",
        "-o",
        "out/table.parquet",
        "-q",
    ];
    let said = folder.shell("ulimit -f 4", &score).failure(1);
    assert!(
        said.starts_with("error: out/table.parquet.parts/0000-000000: "),
        "{said}"
    );
    assert!(said.contains("File too large"), "{said}");
    let files: Vec<String> = left(&folder).into_keys().collect();
    assert_eq!(files, ["other.txt"]);
}

/// As on a full disk: names can be given, and nothing can be written.
#[cfg(unix)]
#[test]
fn a_job_that_can_write_nothing_leaves_nothing() {
    let folder = place();
    folder.write("scores.jsonl", three_checkpoints().as_bytes());
    let graded = b"{\"input\": \"q\", \"output\": \"4\", \"gts\": \"4\", \"score\": 0}\n";
    folder.write("graded/1.jsonl", graded);
    let also = [
        "report scores.jsonl -n 4 -o out/page.html --svg out/charts/of/today",
        "pass graded/1.jsonl --verifier text -o out/table.parquet",
        "demo --out out/demo",
        "lab page -o out/lab.html --svg out/pictures",
    ];
    let also = also.map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let jobs = jobs('a').into_iter().map(|(_, words)| words);
    for words in jobs.chain(also) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = folder.shell("ulimit -f 0", &words).failure(1);
        assert!(said.contains("File too large"), "{words:?}: {said}");
        let entries = std::fs::read_dir(folder.path("out")).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["other.txt"], "{words:?}");
    }
}

/// What somebody else puts beside the parts of a table stays, and is named.
#[cfg(unix)]
#[test]
fn what_no_job_wrote_stays_beside_the_parts() {
    let folder = place_with_text();
    folder.write("a.jsonl", b"{\"prompt\": [7, 3], \"response\": [9]}\n");
    folder.write(
        "grade.sh",
        b"cd out/table.parquet.parts; echo mine > notes.txt; mkdir -p more/0000-000001; \
          while read -r line; do echo '{\"reward\": 1}'; done",
    );
    let more = ["--verifier", "command:sh grade.sh"];
    let ran = folder.run(&[&SAMPLE[..], &more].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let warning = "warning: out/table.parquet.parts stays, for it holds `notes.txt`, which no job \
                   wrote; the table is complete";
    assert_eq!(ran.stderr.matches("warning: ").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    let files: Vec<String> = left(&folder).into_keys().collect();
    assert_eq!(
        files,
        [
            "other.txt",
            "table.parquet",
            "table.parquet.parts/notes.txt"
        ]
    );
    assert!(
        folder
            .path("out/table.parquet.parts/more/0000-000001")
            .is_dir()
    );
}

/// What could not take the output's name is seen before the work: nothing is read.
#[test]
fn an_output_that_is_a_folder() {
    let folder = place();
    std::fs::create_dir(folder.path("out/table.parquet")).unwrap();
    let refused = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let said = folder.run(&words).failure(1);
        let files: Vec<String> = left(&folder).into_keys().collect();
        assert_eq!(files, ["other.txt"]);
        said
    };
    for words in [
        "score nowhere --data none.jsonl -o out/table.parquet",
        "sample nowhere --prompts none.jsonl -k 4 -o out/table.parquet",
        "import none.jsonl -o out/table.parquet",
        "pass none.jsonl --verifier text -o out/table.parquet",
        "report none.jsonl -o out/table.parquet",
        "lab page -o out/table.parquet",
    ] {
        assert_eq!(
            refused(words),
            "error: out/table.parquet: is a folder, where a file should go; choose another output\n"
        );
    }
    assert_eq!(
        refused("report none.jsonl -o out/page.html --svg out/other.txt"),
        "error: --svg out/other.txt: is no folder; name one for the charts\n"
    );
    assert_eq!(
        refused("train a.toml --out out/other.txt"),
        "error: out/other.txt: is no folder, and a run is one; choose another output\n"
    );
}

/// Tables are Parquet, whatever their names say; so a name that says something else is refused.
#[test]
fn a_table_under_the_name_of_another_format() {
    let folder = place();
    let refused = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        folder.run(&words).failure(1)
    };
    for (words, instead) in [
        ("score model --data none.jsonl -o out/a.csv", "a"),
        (
            "sample model --prompts none.jsonl -k 4 -o out/a.b.JSON",
            "a.b",
        ),
        ("import none.jsonl -o out/a.jsonl", "a"),
        ("import none.jsonl -o out/a.jsonl.gz", "a"),
        ("pass none.jsonl --verifier text -o out/a.csv", "a"),
    ] {
        let said = refused(words);
        assert!(
            said.contains(": tables are written as Parquet, and ."),
            "{said}"
        );
        assert!(
            said.ends_with(&format!("; write to out/{instead}.parquet instead\n")),
            "{said}"
        );
    }
    folder
        .run(&["import", "logs-a", "-o", "out/table", "-q"])
        .success();
    assert!(left(&folder)["table"].starts_with(b"PAR1"));
    folder.run(&["pass", "out/table", "-q", "--json"]).json();
}

/// What a program says on standard error comes from the data as well.
#[cfg(unix)]
#[test]
fn what_programs_say_is_seen_and_not_obeyed() {
    let folder = place_with_text();
    folder.write("a.jsonl", b"{\"prompt\": [7, 3], \"response\": [9]}\n");
    folder.write(
        "grade.sh",
        b"while read -r line; do printf '\\033[2Jred\\a\\n' >&2; echo '{\"reward\": 1}'; done",
    );
    let more = ["--verifier", "command:sh grade.sh", "-q"];
    let ran = folder.run(&[&SAMPLE[..], &more].concat());
    assert_eq!((ran.status, &*ran.stderr), (0, "\\x1b[2Jred\\x07\n"));
}

/// Two jobs on one output with other data each: who ends well has written its own rows.
#[cfg(unix)]
#[test]
fn pairs_of_jobs_never_mix() {
    let folder = place();
    let pairs = jobs('a').into_iter().zip(jobs('b'));
    for ((name, first), (_, second)) in pairs {
        let both = [first, second];
        let mut time = Duration::ZERO;
        let wholes = both.clone().map(|words| {
            empty(&folder);
            let began = Instant::now();
            run(&folder, &words).unwrap();
            time = time.max(began.elapsed());
            left(&folder)
        });
        for trial in 0..4 {
            empty(&folder);
            let mut children = Vec::new();
            for words in &both {
                children.push(start(&folder, words));
                std::thread::sleep(moment(trial, time / 3));
            }
            if trial % 2 == 1 {
                signal(&children[trial as usize / 2], "TERM");
            }
            // None: by the signal, before it was watched for.
            let ended: Vec<Option<i32>> = children
                .into_iter()
                .map(|child| end(child).status.code())
                .collect();
            let mut now = left(&folder);
            now.retain(|name, _| !name.contains(".parts/") && !name.contains(".breadth-"));
            // One that is ended by a signal may have finished its table just before.
            let mut own = (0..2).filter(|&which| ended[which] != Some(1));
            let has_table = now.contains_key("table.parquet");
            let is_well = ended.contains(&Some(0));
            if name != "train" || is_well {
                let is_own = own.any(|which| now == wholes[which]);
                assert!(
                    is_own || !has_table && !is_well,
                    "{name} {trial}: {ended:?}"
                );
            }
            // At least one of them goes on, and then the other, but for a run.
            let mut refused = Vec::new();
            for which in [0, 1, 0] {
                match run(&folder, &both[which]) {
                    Ok(()) => assert!(left(&folder) == wholes[which], "{name} {trial}"),
                    Err(said) => refused.push(said),
                }
            }
            let most = if name == "train" { 2 } else { 1 };
            assert!(refused.len() <= most, "{name} {trial}: {refused:?}");
        }
    }
}

/// Temporary files of dead jobs go, those of other outputs stay.
#[test]
fn the_next_job_on_an_output_removes_what_dead_ones_left() {
    let folder = place();
    for (name, words) in jobs('a') {
        let mine = match name {
            "train" => [
                "run/.breadth-tmp-run.json-abcdef",
                "run/.breadth-tmp-metrics.parquet-abcdef",
                "run/checkpoints/.breadth-tmp-step-000002-abcdef/new/x",
                "run/.breadth-lock",
            ],
            _ => [
                ".breadth-tmp-table.parquet-abcdef",
                ".breadth-tmp-table.parquet-ABC123",
                ".breadth-lock-table.parquet",
                ".breadth-tmp-table.parquet-00000z",
            ],
        };
        for file in mine {
            let text: &[u8] = if file.contains("lock") {
                b"17\n0\nbreadth score\n"
            } else {
                b"dead"
            };
            folder.write(&format!("out/{file}"), text);
        }
        folder.write("out/.breadth-tmp-table.parquet.b-abcdef", b"of another");
        folder.write("out/run/.breadth-tmp-scores.parquet-abcdef", b"of another");
        run(&folder, &words).unwrap();
        let names: Vec<String> = left(&folder).into_keys().collect();
        let strangers: Vec<&String> = names.iter().filter(|n| n.contains(".breadth-")).collect();
        assert_eq!(
            strangers,
            [
                ".breadth-tmp-table.parquet.b-abcdef",
                "run/.breadth-tmp-scores.parquet-abcdef"
            ],
            "{name}"
        );
        empty(&folder);
    }
}

/// A device is nobody's alone.
#[cfg(target_os = "linux")]
#[test]
fn devices_are_not_held() {
    let folder = place();
    let mut command = folder.command(&["import", "logs-a", "-o", "/dev/stdout", "-q"]);
    let output = command.output().expect("the binary starts");
    assert!(output.stdout.starts_with(b"PAR1"));
}
