//! An output appears whole or not at all, whatever happens to the writer.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use breadth_data::{
    Metrics, Provenance, ReadOptions, ScoreRow, ScoreTable, ScoreWriter, atomic, write_scores,
};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn row(at: u64) -> ScoreRow {
    ScoreRow {
        source: "data".into(),
        prompt_id: format!("prompt {at}"),
        response_id: "0".into(),
        model: "a".into(),
        logprob: -(at as f64).sqrt().sin().abs(),
        ..ScoreRow::default()
    }
}

#[test]
fn a_file_replaces_another_and_keeps_ordinary_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let (path, plain) = (folder.path().join("a"), folder.path().join("b"));
    atomic::write_bytes(&path, b"first").unwrap();
    atomic::write_bytes(&path, b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    fs::write(&plain, b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions();
    assert_eq!(mode(&path), mode(&plain));
    assert_eq!(names(folder.path()), ["a", "b"]);
}

#[test]
fn a_failure_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    atomic::write_bytes(&path, b"first").unwrap();
    let failed = atomic::write(&path, |file| {
        file.write_all(&[0; 1 << 20])?;
        Err(io::Error::other("enough"))
    });
    assert!(failed.unwrap_err().to_string().contains("enough"));
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn folders_appear_and_are_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step-1");
    let write = |content: &'static str| {
        atomic::write_dir(&path, |temp| {
            fs::create_dir(temp.join("deep"))?;
            fs::write(temp.join("deep").join(content), content)
        })
    };
    write("one").unwrap();
    write("two").unwrap();
    assert_eq!(names(&path.join("deep")), ["two"]);
    let failed = atomic::write_dir(&path, |temp| {
        fs::write(temp.join("three"), "three")?;
        Err(io::Error::other("enough"))
    });
    assert!(failed.is_err());
    assert_eq!(names(&path), ["deep"]);
    assert_eq!(names(folder.path()), ["step-1"]);
}

#[test]
fn an_unfinished_table_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    let mut writer = ScoreWriter::create(&path, &Provenance::default()).unwrap();
    (0..100_000).for_each(|at| writer.push(&row(at)).unwrap());
    assert!(!path.exists());
    drop(writer);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_link_keeps_pointing_to_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    atomic::write_bytes(&link, b"new").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    // Also to where nothing is yet; then the lock stands there as well.
    fs::remove_file(&target).unwrap();
    breadth_data::OutputLock::write(&link, b"newer").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"newer");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    fs::remove_file(&target).unwrap();
    std::os::unix::fs::symlink(&link, &target).unwrap();
    let circle = atomic::write_bytes(&link, b"newest")
        .unwrap_err()
        .to_string();
    assert!(circle.contains("symbolic links"), "{circle}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("scores.parquet");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    let error = write_scores(&link, &[row(1)], &Provenance::default()).unwrap_err();
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
    assert_eq!(names(folder.path()), ["scores.parquet"]);
}

/// In a process that [`child`] started, writes a table and says how that ended.
fn write_if_child() -> bool {
    let Some(path) = std::env::var_os("BREADTH_TEST_TABLE").map(PathBuf::from) else {
        return false;
    };
    let mut writer = ScoreWriter::create(&path, &Provenance::default()).unwrap();
    println!("writing");
    let result = (0..2_000_000)
        .try_for_each(|at| writer.push(&row(at)))
        .and_then(|()| writer.finish());
    println!("{result:?}");
    if let Err(error) = result {
        println!("{error}");
    }
    true
}

/// This test binary again, running `test` by way of a shell command to write a table to `path`.
#[cfg(unix)]
fn child(test: &str, path: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("BREADTH_TEST_TABLE", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// The system refuses to let a file grow beyond 512 kB, as it would on a full disk.
#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_leaves_nothing() {
    if write_if_child() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    let shell = "trap '' XFSZ; ulimit -f 1024;";
    let output = child("a_disk_that_fills_up_leaves_nothing", &path, shell).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(
        text.contains("scores.parquet: cannot be written (File too large"),
        "{text}"
    );
    assert!(text.contains("nothing was left under its name"), "{text}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_killed_writer_leaves_no_file_under_the_name() {
    if write_if_child() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    let mut child = child("a_killed_writer_leaves_no_file_under_the_name", &path, "")
        .spawn()
        .unwrap();
    let mut output = io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("writing") {
        line.clear();
        assert!(
            io::BufRead::read_line(&mut output, &mut line).unwrap() > 0,
            "no start"
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!path.exists());
    for name in names(folder.path()) {
        assert!(name.starts_with(atomic::TEMP_PREFIX), "{name}");
    }
    // What is left is not mistaken for a table.
    write_scores(
        &folder.path().join("good.parquet"),
        &[row(1)],
        &Provenance::default(),
    )
    .unwrap();
    let table = ScoreTable::read(&[folder.path().into()], &ReadOptions::default()).unwrap();
    assert_eq!(table.rows(), 1);
}

#[test]
fn provenance_is_kept_and_its_absence_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    let made = Provenance {
        command: "breadth score \"a b\" é".into(),
        seed: Some(u64::MAX),
        models: vec![("step-1".into(), "blake3:00ff".into())],
        ..Provenance::default()
    };
    write_scores(&path, &[row(1)], &made).unwrap();
    assert_eq!(Provenance::read(&path).unwrap(), Some(made));
    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data/polars.parquet");
    assert_eq!(Provenance::read(&golden).unwrap(), None);
}

#[test]
fn a_file_tells_which_of_its_models_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    let made = Provenance {
        models: [("a", "1"), ("b", "2"), ("copy", "1"), ("c", "3")]
            .map(|(name, hash)| (name.into(), hash.into()))
            .into(),
        ..Provenance::default()
    };
    write_scores(&path, &[row(1)], &made).unwrap();
    let read = |paths: &[PathBuf]| ScoreTable::read(paths, &ReadOptions::default()).unwrap();
    assert_eq!(read(std::slice::from_ref(&path)).same, [["a", "copy"]]);
    // A hash in another file may be that of a model that was asked in another way.
    let other = folder.path().join("other.parquet");
    let made = Provenance {
        models: vec![("d".into(), "1".into())],
        ..Provenance::default()
    };
    let others = ScoreRow {
        model: "d".into(),
        ..row(1)
    };
    write_scores(&other, &[others], &made).unwrap();
    assert_eq!(read(&[path, other]).same, [["a", "copy"]]);
}

#[test]
fn metrics_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.parquet");
    let columns = [
        ("step", vec![1.0, 2.0, 1e15]),
        ("loss", vec![0.1, f64::NAN, f64::INFINITY]),
        ("kl", vec![f64::NAN, 0.25, f64::MIN_POSITIVE]),
    ];
    let columns: Vec<_> = columns
        .map(|(name, values)| (name.to_string(), values))
        .into();
    let metrics = Metrics { columns };
    metrics.write(&path, &Provenance::default()).unwrap();
    let read = Metrics::read(&path).unwrap();
    let bits = |metrics: &Metrics| -> Vec<(String, Vec<u64>)> {
        let columns = metrics.columns.iter();
        columns
            .map(|(n, v)| (n.clone(), v.iter().map(|x| x.to_bits()).collect()))
            .collect()
    };
    assert_eq!(bits(&read), bits(&metrics));
    assert_eq!(read.column("kl").unwrap()[1], 0.25);
    assert_eq!(read.column("none"), None);
    // A run that has saved, and logged nothing yet.
    let none = Metrics {
        columns: vec![("step".into(), vec![]), ("loss".into(), vec![])],
    };
    none.write(&path, &Provenance::default()).unwrap();
    assert_eq!(Metrics::read(&path).unwrap(), none);
}
