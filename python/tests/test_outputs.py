"""Outputs: one job at a time, links followed, pipes written, nothing left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import breadth
from breadth import _outputs, _tables, write_scores

fcntl = pytest.importorskip("fcntl")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")


def row(model, logprob=-1.0):
    start = {"source": "data", "prompt_id": "p", "response_id": "0"}
    return {**start, "model": model, "logprob": logprob}


def models(path):
    return sorted(one["model"] for one in _tables.read_rows(path))


def names(folder):
    return sorted(os.listdir(folder))


def start(code, *arguments):
    environment = {"PYTHONPATH": str(Path(breadth.__file__).parents[1])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


APPEND = """
import sys
import breadth
row = {"source": "data", "prompt_id": "p", "response_id": "0", "logprob": -1.0}
for at in range(5):
    breadth.write_scores(sys.argv[1], [{**row, "model": f"{sys.argv[2]}{at}"}], append=True)
"""


def test_jobs_that_append_at_once_lose_nothing(tmp_path):
    path = tmp_path / "scores.parquet"
    jobs = [start(APPEND, path, name) for name in "abc"]
    threads = [
        threading.Thread(target=write_scores, args=(path, [row(name)]), kwargs={"append": True})
        for name in "xyz"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [job.wait(120) for job in jobs] == [0, 0, 0]
    assert models(path) == sorted([f"{name}{at}" for name in "abc" for at in range(5)] + [*"xyz"])
    assert names(tmp_path) == ["scores.parquet"]


def test_what_another_job_holds_is_refused_in_the_words_of_the_command_line(
    tmp_path, monkeypatch, program
):
    path, link = tmp_path / "scores.parquet", tmp_path / "link.parquet"
    write_scores(path, [row("a")])
    link.symlink_to(path)
    monkeypatch.setattr(_outputs, "PATIENCE", 0.1)
    said = rf"process {os.getpid()} \(`.*`, for \d+ s\) is writing it; nothing was changed\. "
    said += "Wait for its end, or choose another output"
    log = tmp_path / "log.jsonl"
    log.write_text('{"input": "q", "output": "1", "score": 1}\n')
    with _outputs.hold(path):
        for name in (path, link):
            with pytest.raises(BlockingIOError, match=f"{name}: {said}"):
                write_scores(name, [row("b")], append=True)
        command = [program, "import", log, "-o", path, "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        write_scores(tmp_path / "other.parquet", [row("b")])
        with pytest.raises(BlockingIOError, match=f"{path}: {said}"):  # a page under that name
            breadth.select([row("a")]).report(path)
    words = " ".join(done.stderr.split())
    assert f"process {os.getpid()} (`" in words
    assert "is writing it; nothing was changed" in words
    assert models(path) == ["a"]
    assert names(tmp_path) == ["link.parquet", "log.jsonl", "other.parquet", "scores.parquet"]


def test_whoever_waits_has_its_turn(tmp_path):
    path = tmp_path / "scores.parquet"
    with _outputs.hold(path) as output:
        waiting = threading.Thread(
            target=write_scores,
            args=(
                path,
                [row("b")],
            ),
            kwargs={"append": True},
        )
        waiting.start()
        time.sleep(0.1)
        _tables._put(output, _tables.arrow("scores", [row("a")]))
    waiting.join()
    assert models(path) == ["a", "b"]


def test_what_a_killed_writer_left_goes(tmp_path):
    code = """
import os, sys, time
from pathlib import Path
from breadth import _outputs
os.fsync = lambda file: (print("there", flush=True), time.sleep(60))
with _outputs.hold(Path(sys.argv[1])) as output:
    output.write(memoryview(b"half"))
"""
    path = tmp_path / "scores.parquet"
    job = start(code, path)
    assert job.stdout.readline() == "there\n"
    job.send_signal(signal.SIGKILL)
    job.wait()
    left = names(tmp_path)
    assert [left[0], left[1][:-6], len(left)] == [
        ".breadth-lock-scores.parquet",
        ".breadth-tmp-scores.parquet-",
        2,
    ]
    others = [".breadth-tmp-scores.parquet-1234567", ".breadth-tmp-other.parquet-123456"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".breadth-tmp-scores.parquet-folder").mkdir()
    write_scores(path, [row("a")], append=True)
    assert names(tmp_path) == sorted([*others, "scores.parquet"])


@pytest.mark.parametrize("kind", ["text", "link", "second name", "folder"])
def test_a_lock_is_written_to_no_file_of_another_kind(tmp_path, kind):
    lock, other = tmp_path / ".breadth-lock-t.parquet", tmp_path / "other"
    other.write_text("12\n13\n" if kind in ("link", "second name") else "mine\n")
    before = other.read_text()
    if kind == "text":
        lock.write_text("mine\n")
    elif kind == "link":
        lock.symlink_to(other)
    elif kind == "second name":
        os.link(other, lock)
    else:
        lock.mkdir()
    with pytest.raises(OSError, match="has the name of a lock and is something else"):
        write_scores(tmp_path / "t.parquet", [row("a")])
    assert other.read_text() == before
    assert names(tmp_path) == [".breadth-lock-t.parquet", "other"]


def test_file_systems_and_platforms_without_locks(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(_outputs.errno.ENOLCK, "no locks")

    path = tmp_path / "t.parquet"
    monkeypatch.setattr(_outputs._fcntl, "flock", refuse)
    write_scores(path, [row("a")])
    monkeypatch.setattr(_outputs, "_fcntl", None)
    write_scores(path, [row("b")], append=True)
    assert models(path) == ["a", "b"]
    assert names(tmp_path) == ["t.parquet"]


def test_links_are_followed_and_stay(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "t.parquet", tmp_path / "l.parquet"
    link.symlink_to("real/t.parquet")  # to nowhere yet
    write_scores(link, [row("a")])
    write_scores(link, [row("b")], append=True)
    assert link.is_symlink()
    assert not real.is_symlink()
    assert models(real) == ["a", "b"]
    _tables.drop_models(link, lambda name: name == "a")
    assert (link.is_symlink(), models(real)) == (True, ["b"])
    _tables.remove(link)
    assert (link.is_symlink(), real.exists()) == (True, False)
    assert names(tmp_path) == ["l.parquet", "real"]
    assert names(tmp_path / "real") == []


def test_pipes_are_written_as_they_are(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path, append in ((pipe, False), (link, True)):
        got = []
        reader = threading.Thread(target=lambda got=got: got.append(pipe.read_bytes()))
        reader.start()
        write_scores(path, [row("a")], append=append)
        reader.join()
        read = pa.parquet.read_table(pa.BufferReader(got[0]))
        assert read["model"].to_pylist() == ["a"]
    _tables.remove(pipe)
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
    assert link.is_symlink()
    assert names(tmp_path) == ["link", "pipe"]


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(IsADirectoryError):
        write_scores(tmp_path, [row("a")])
    assert names(tmp_path) == []


def test_files_have_the_usual_permissions(tmp_path, monkeypatch):
    def fail(*_):
        raise AssertionError("the umask is that of all threads")

    old = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", fail)
            write_scores(tmp_path / "t.parquet", [row("a")])
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(tmp_path / "t.parquet").st_mode) == 0o640


def test_holders_in_words():
    assert [_outputs._in_words(s) for s in (0, 119, 120, 7199, 7200)] == [
        "0 s",
        "119 s",
        "2 min",
        "119 min",
        "2 h",
    ]
    assert _outputs._short("x" * 200) == "x" * 200
    long = _outputs._short("a" * 150 + "b" * 150)
    assert (len(long), long[138:145]) == (200, "aa...bb")
