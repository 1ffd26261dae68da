"""The compiled half: tables in memory and in files, the command line's documents, exceptions."""

from __future__ import annotations

import base64
import copy
import doctest
import html
import io
import json
import math
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbclient
import nbformat
import numpy
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import breadth
from breadth import _documents, _engine

PYTHON = Path(__file__).parents[1]

SCORES = {
    "model": [m for m in ("step-100", "step-20", "exact") for _ in range(40)],
    "prompt_id": [p for _ in range(3) for p in range(40)],
    "logprob": [-0.5 - (p % 7) for p in range(40)]
    + [-1.0 - (p % 5) / 2 for p in range(40)]
    + [-0.9 - (p % 3) / 10 for p in range(40)],
    "group": [("odd", "even")[p % 2] for _ in range(3) for p in range(40)],
}
SAMPLES = {
    "model": [m for m in ("step-100", "step-20") for _ in range(40)],
    "prompt_id": [p for _ in range(2) for p in range(40)],
    "n": [16] * 80,
    "c": [p % 4 for p in range(40)] + [p % 9 for p in range(40)],
}


class Frame:
    """What a data frame is to breadth: nothing but the one method."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def scores(**types):
    table = pa.table(SCORES)
    for name, kind in types.items():
        column = table[name].cast(kind) if not callable(kind) else kind(table[name])
        table = table.set_column(table.column_names.index(name), name, column)
    return Frame(table)


@pytest.fixture
def files(tmp_path):
    pq.write_table(pa.table(SCORES), tmp_path / "scores.parquet")
    pq.write_table(pa.table(SAMPLES), tmp_path / "samples.parquet")
    return tmp_path / "scores.parquet", tmp_path / "samples.parquet"


def test_a_frame_a_mapping_and_a_file_say_the_same(files):
    kinds = [
        scores(),
        scores(model=pa.large_string(), group=pa.large_string(), logprob=pa.float32()),
        scores(model=pa.string_view(), prompt_id=pa.int8()),
        scores(model=lambda column: column.dictionary_encode(), prompt_id=pa.string()),
        scores(model=pa.dictionary(pa.int8(), pa.large_string())),
        Frame(pa.table(SCORES).slice(0, 120)),
        Frame(pa.concat_tables([pa.table(SCORES).slice(0, 50), pa.table(SCORES).slice(50)])),
        SCORES,
        files[0],
        [str(files[0])],
    ]
    first = breadth.select(files[0], best_of=8, reference="exact").to_dict()
    for kind in kinds:
        assert breadth.select(kind, best_of=8, reference="exact").to_dict() == first


def test_the_documents_are_the_command_lines(engine, files):
    table, graded = files
    same = _documents.with_floats
    asked = ["--best-of", "8", "--reference", "exact"]
    chosen = breadth.select([table, graded], best_of=8, reference="exact")
    assert chosen.to_dict() == same(engine("select", table, graded, *asked))
    frames = breadth.select(scores(), Frame(pa.table(SAMPLES)), best_of=8, reference="exact")
    assert frames.to_dict() == chosen.to_dict()
    alone = breadth.select(samples=graded, best_of=4)
    assert alone.to_dict() == same(engine("select", graded, "--best-of", "4"))
    by_reach = breadth.select(scores(), n=3, rule="reach", landscape=True, confidence=0.9)
    asked = ["-n", "3", "--rule", "reach", "--landscape", "--confidence", "0.9"]
    assert by_reach.to_dict() == same(engine("select", table, *asked))
    weights = {"odd": 0.75, "even": 0.25}
    asked = ["--reference", "exact", "--group-weights", "odd=0.75,even=0.25"]
    profile = breadth.profile(scores(), reference="exact", group_weights=weights)
    assert profile.to_dict() == same(engine("profile", table, *asked))
    asked = ["-k", "2,1e6", "--budget", "16"]
    reach = breadth.reach(scores(), Frame(pa.table(SAMPLES)), k=[2, 1e6], budget=16)
    assert reach.to_dict() == same(engine("reach", table, graded, *asked))
    passed = breadth.pass_at(graded, k=[1, 4], all_of=True)
    assert passed.to_dict() == same(engine("pass", graded, "-k", "1,4", "--all-of"))
    asked = ["--reference", "exact", "--certify", "0.2", "-n", "2", "--see", "9"]
    planned = breadth.plan(scores(), reference="exact", certify=0.2, n=2, see=9)
    assert planned.to_dict() == same(engine("plan", table, *asked))


def test_tables_in_memory_are_told_by_their_columns(files, golden):
    table, graded = files
    alone = breadth.select(samples=graded, best_of=4).to_dict()
    both = breadth.select(table, graded, best_of=4)
    renamed = {"passes" if name == "c" else name: values for name, values in SAMPLES.items()}
    for first in (SAMPLES, pa.table(SAMPLES), polars.DataFrame(SAMPLES)):
        assert breadth.select(first, best_of=4).to_dict() == alone
        assert breadth.select(first, table, best_of=4).to_dict() == both.to_dict()
        assert breadth.select(first, SCORES, best_of=4).to_dict() == both.to_dict()
        assert breadth.reach(first, SCORES).to_dict() == breadth.reach(table, graded).to_dict()
    assert breadth.select(graded, SCORES, best_of=4).to_dict() == both.to_dict()
    assert breadth.select(renamed, columns={"c": "passes"}, best_of=4).to_dict() == alone
    own = [
        {"model": m, "prompt_id": p, "response_id": i, "reward": i < p % 3, "logprob": -1.0}
        for m in "ab"
        for p in range(20)
        for i in range(4)
    ]
    assert breadth.select(own, best_of=4).models[0]["pass"] is not None
    swapped = breadth.select(SAMPLES, SCORES, best_of=4)
    swapped.report(table.parent / "page.html")
    assert "step-20" in (table.parent / "page.html").read_text()
    with pytest.warns(UserWarning, match="biased low"):
        logs = breadth.read_logs(golden / "logs" / "verl", reward_map=">0")
    chosen = breadth.select(logs, best_of=2)
    assert chosen.to_dict() == breadth.select(samples=logs, best_of=2).to_dict()


def test_answers_are_typed_and_show_themselves(files):
    chosen = breadth.select(scores(), Frame(pa.table(SAMPLES)), best_of=8, reference="exact")
    assert isinstance(chosen.verdict, breadth.Verdict)
    assert repr(chosen) == chosen.sentence
    assert chosen.verdict.because in chosen.sentence
    assert chosen["winner"] == chosen.winner
    shown = chosen._repr_html_()
    assert shown.startswith("<p><b>")
    assert shown.count("<tr>") == 3
    assert "<b><" not in _documents.Document({"models": [{"model": "<b>"}]})._repr_html_()
    chosen.report(files[0].parent / "page.html", title="A title")
    page = (files[0].parent / "page.html").read_text()
    assert "A title" in page
    assert "step-100" in page


def test_infinite_numbers_are_floats_and_names_stay_names():
    nowhere = {"model": ["p", "inf"], "prompt_id": [1, 1], "logprob": [-1.0, -math.inf]}
    found = breadth.profile(nowhere, reference="p", n=[2])
    assert found.models[0]["model"] == "inf"
    assert found.models[0]["kl"]["value"] == math.inf


def test_curves_are_numpy_arrays():
    curve = breadth.profile(scores(), reference="exact", n=[2, 4]).curve("step-20")
    assert numpy.array_equal(curve["n"], [2.0, 4.0])
    assert curve["cov"].shape == (2,)


def test_curves_are_columns_of_the_table_that_a_notebook_shows():
    shown = breadth.reach(scores(), k=[2, 1e6])._repr_html_()
    assert "<th>prompts</th><th>reach_2</th><th>reach_1e+06</th>" in shown
    first = breadth.reach(scores(), k=[2]).models[0]["reach"][0]
    assert f"<td>{first['value']:.4g} [{first['low']:.4g}, {first['high']:.4g}]</td>" in shown
    assert "<th>Cov_2</th>" in breadth.profile(scores(), reference="exact")._repr_html_()
    assert "<th>Pass@4</th>" in breadth.pass_at(Frame(pa.table(SAMPLES)), k=[4])._repr_html_()


def drawings(shown):
    """The images of a notebook's HTML, which are files of SVG."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', shown)
    files = [base64.b64decode(data).decode() for data in found]
    for file in files:
        assert ElementTree.fromstring(file).tag == "{http://www.w3.org/2000/svg}svg"
        assert "<script" not in file
        assert "href" not in file
    return files


def test_a_notebook_shows_the_charts_of_every_answer():
    graded = Frame(pa.table(SAMPLES))
    answers = [
        breadth.select(scores(), graded, best_of=8, reference="exact"),
        breadth.profile(scores(), reference="exact"),
        breadth.reach(scores()),
        breadth.pass_at(graded, k=[1, 4, 16]),
    ]
    for answer in answers:
        shown = answer._repr_html_()
        files = drawings(shown)
        assert len(files) == len(answer.charts) >= 2
        assert len(shown) < 100_000
        assert re.findall(r"</?script|https?:|on\w+=", shown) == []
        for chart, file in zip(answer.charts, files, strict=True):
            assert chart._repr_svg_() == file
            assert html.escape(chart.caption) in shown
            assert "step-20" in file + chart.caption or "20" in file
    worst = answers[0].charts[0]
    value = next(m["value"] for m in answers[0].models if m["model"] == "step-20")
    assert f"step-20: worst case {100 * value:.1f}%" in worst.svg
    assert breadth.plan(see=16).charts == ()


def test_charts_that_are_too_large_are_named_and_not_shown():
    drawn = breadth.reach(scores()).charts
    large = _documents.Chart("a < b", "c", drawn[0].svg + " " * 100_000)
    shown = breadth.Document({"models": []}, charts=(large, drawn[1]))._repr_html_()
    assert "<p>a &lt; b: in `charts`, too large to show</p>" in shown
    assert drawings(shown) == [drawn[1].svg]


def test_names_cannot_leave_the_chart_they_stand_in():
    hostile = "<script>alert(1)</script>\"'</svg>"
    table = {**SCORES, "model": [hostile if m == "step-20" else m for m in SCORES["model"]]}
    answer = breadth.profile(table, reference="exact")
    shown = answer._repr_html_()
    assert "<script" not in shown
    assert all("&lt;script&gt;" in file for file in drawings(shown))


def test_the_notebook_runs_and_ends_with_the_verdict(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PYTHON / "src"))
    notebook = nbformat.read(PYTHON / "examples" / "which_checkpoint.ipynb", as_version=4)
    assert len(notebook.cells) == 10
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=where).execute()
    # What the prose says of the data, and that no verdict is the checkpoint that gave prompts up.
    shown = [str(cell.get("outputs", "")) for cell in notebook.cells]
    means = re.findall(r"(step-\d+) +(-[\d.]+)", shown[1].replace("\\n", " "))
    assert max(means, key=lambda one: float(one[1]))[0] == "step-300"
    assert re.search(r"\{'step-200': \(", shown[4])  # the rule's choice comes first
    assert not [one for one in shown if "Take step-300" in one]
    last = notebook.cells[-1].outputs[0]["data"]["text/plain"]
    assert "'step-200'" in last
    assert "Pass@16 is" in last
    assert "step-200" in (tmp_path / "which-checkpoint.html").read_text()


def test_tables_go_out_by_the_same_interface(files):
    table = pa.table(breadth.score_table(scores()))
    assert table.num_rows == 120
    assert table["model"].unique().to_pylist()[:2] == ["step-20", "step-100"]
    again = breadth.select(table, best_of=8).to_dict()
    assert again == breadth.select(files[0], best_of=8).to_dict()


def test_logs_become_tables(tmp_path):
    log = tmp_path / "qwen-7b.jsonl_results.jsonl"
    log.write_text('{"task_id": "HumanEval/0", "completion": "..", "passed": true}\n')
    rows = breadth.read_logs(log)
    assert pa.table(rows)["reward"].to_pylist() == [1.0]
    assert breadth.pass_at(rows, k=[1]).models[0]["pass"][0]["value"] == 1.0


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: breadth.select("nothing.parquet"), FileNotFoundError, "nothing"),
        (lambda: breadth.select(), ValueError, "scores are needed"),
        (lambda: breadth.select(3), TypeError, "int is no table"),
        (lambda: breadth.select(SCORES, best_of="8"), TypeError, "best_of|real number"),
        (lambda: breadth.select(SCORES, best_of=1), ValueError, "at least 2 samples"),
        (lambda: breadth.select(SCORES, best_of=8, n=4), ValueError, "one of best_of"),
        (lambda: breadth.select(SCORES, rule="luck"), ValueError, "the rules are"),
        (lambda: breadth.select(SCORES, reference="x"), ValueError, "no model `x`"),
        (lambda: breadth.select(SCORES, confidence=2), ValueError, "confidence=2"),
        (lambda: breadth.select(SAMPLES, rule="reach"), ValueError, "scores are needed"),
        (lambda: breadth.profile(SAMPLES, reference="x"), ValueError, "data frame.*sample table"),
        (
            lambda: breadth.select({**SCORES, "logprob": [0.5] * 120}),
            ValueError,
            "the data frame, row 1, column `logprob`",
        ),
        (lambda: breadth.select({"model": [object()]}), TypeError, "column model"),
        (lambda: breadth.select(Frame(pa.table(SCORES).slice(0, 0))), ValueError, "no rows"),
        (lambda: breadth.select({"model": ["m"]}), ValueError, "the data frame.*prompt_id"),
        (lambda: breadth.select({}), ValueError, "no columns"),
        (
            lambda: breadth.select({**SCORES, "logprob": [-1.0]}),
            ValueError,
            "column logprob has 1 rows, column model has 120",
        ),
        (lambda: breadth.select({"model": "m"}), TypeError, "column model: a str is no column"),
        (lambda: breadth.select(pandas.Series([1.0])), TypeError, "a Series is one column"),
        (lambda: breadth.select(polars.LazyFrame(SCORES)), TypeError, r"call \.collect\(\)"),
        (lambda: breadth.select([{"model": "m"}, "a.parquet"]), TypeError, "dict is no path"),
        (lambda: breadth.select(io.StringIO("x")), TypeError, "StringIO is an open file: give"),
        (lambda: breadth.select([io.BytesIO()]), TypeError, "is an open file: give its"),
        (lambda: breadth.read_logs(io.StringIO()), TypeError, "is an open file: give its path"),
        (lambda: breadth.select(b"nowhere.parquet"), FileNotFoundError, "^nowhere.parquet: "),
        (lambda: breadth.select("a\0b"), ValueError, r"^'a\\x00b' is no path: it has a NUL"),
        (lambda: breadth.select(SCORES).report("a\0b"), ValueError, "has a NUL character"),
        (
            lambda: breadth.select(SCORES).report("nowhere/page.html"),
            FileNotFoundError,
            "^nowhere/page.html: cannot be written",
        ),
        (lambda: breadth.report("a\0b", "page.html"), ValueError, "has a NUL character"),
        (
            lambda: breadth.select(
                pa.Table.from_arrays(
                    [pa.array([1]), pa.array([2])], names=["prompt_id", "prompt_id"]
                )
            ),
            ValueError,
            "two columns named `prompt_id`",
        ),
        (
            lambda: breadth.select(
                pandas.DataFrame({**SCORES, "weight": [1.0] * 7 + [math.nan] + [2.0] * 112})
            ),
            ValueError,
            "row 8, column `weight`: NaN is not a weight",
        ),
        (lambda: breadth.reach(SCORES, budget=-1), ValueError, "^budget=-1"),
        (lambda: breadth.reach(SCORES, budget="x"), TypeError, "^budget='x': "),
        (lambda: breadth.reach(SCORES, k=8), TypeError, r"^k=8: give several.*k=\[8\]"),
        (lambda: breadth.pass_at(SAMPLES, k=[1.5]), TypeError, r"^k=\[1\.5\]: .*integer"),
        (lambda: breadth.pass_at(SAMPLES, k=[0]), ValueError, "k = 0"),
        (lambda: breadth.pass_at(SAMPLES, k=[-1]), ValueError, r"^k=\[-1\]: a number below 0, or"),
        (lambda: breadth.pass_at(SAMPLES, k=[2**70]), ValueError, r"^k=\[1180.*too large"),
        (lambda: breadth.plan(see=2, power=1), ValueError, "^power=1"),
        (
            lambda: breadth.plan(SCORES, n=4, separate=(0.5, 0.01)),
            ValueError,
            r"^separate=\(0\.5, 0\.01\): the pilot tells that by itself",
        ),
        (lambda: breadth.plan(SCORES, models=3), ValueError, "^models=3: the pilot"),
        (lambda: breadth.plan(see=2, reference="x"), ValueError, "^reference='x': a model of"),
        (lambda: breadth.plan(see=2, coverage=0.1), ValueError, "^coverage=0.1: belongs to cert"),
        (lambda: breadth.plan(separate=(0.1, 0.05), models=-1), ValueError, "^models=-1: "),
        (lambda: breadth.reach(SCORES, group_weights=["odd"]), TypeError, "^group_weights="),
    ],
)
def test_errors_are_of_the_usual_kinds(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


def test_paths_may_be_bytes(files, tmp_path):
    page = os.fsencode(tmp_path / "page.html")
    chosen = breadth.select(os.fsencode(files[0]), [os.fsencode(files[1])], best_of=8)
    assert chosen.to_dict() == breadth.select(*files[:2], best_of=8).to_dict()
    chosen.report(page)
    assert os.path.getsize(page) > 0


def test_other_threads_go_on_and_ctrl_c_is_heard():
    code = """
import os, signal, threading, time
import breadth
rows = 400_000
table = {
    "model": [m for m in "abcdefgh" for _ in range(rows // 8)],
    "prompt_id": [p for _ in range(8) for p in range(rows // 8)],
    "logprob": [-1.0 - (7 * i % 1013) / 100 for i in range(rows)],
}
table = breadth.score_table(table)
ticks = []
def tick():
    for _ in range(3):
        time.sleep(0.01)
        ticks.append(1)
    os.kill(os.getpid(), signal.SIGINT)
thread = threading.Thread(target=tick)
thread.start()
try:
    while True:
        breadth.select(table, landscape=True)
except KeyboardInterrupt:
    print(len(ticks))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PYTHONPATH": str(Path(breadth.__file__).parents[1])},
    )
    assert done.stdout.strip() == "3"


def test_the_examples_in_the_documentation_hold():
    done = doctest.testmod(_engine)
    assert done.failed == 0
    assert done.attempted > 10


@pytest.mark.parametrize("frames", [pandas, polars])
def test_data_frames(frames, files):
    frame = frames.DataFrame(SCORES)
    chosen = breadth.select(frame, best_of=8).to_dict()
    assert chosen == breadth.select(files[0], best_of=8).to_dict()


@pytest.mark.parametrize("frames", [pandas, polars])
def test_columns_of_nothing_but_nulls(frames, files):
    nothing = [None] * len(SCORES["model"])
    lists = {"tags": [[]] * len(nothing)} if frames is polars else {}
    frame = frames.DataFrame({**SCORES, "note": nothing, "weight": nothing, **lists})
    chosen = breadth.select(frame, best_of=8).to_dict()
    assert chosen == breadth.select(files[0], best_of=8).to_dict()


def test_a_frame_of_several_chunks_is_taken_as_it_lies(files):
    whole = polars.DataFrame(SCORES)
    parts = [whole[:1], whole[1:50], whole[:0], whole[50:]]
    frame = polars.concat(parts, rechunk=False)
    before = [frame.n_chunks(), frame.to_series(1).n_chunks()]
    assert min(before) > 1
    chosen = breadth.select(frame, best_of=8).to_dict()
    assert chosen == breadth.select(files[0], best_of=8).to_dict()
    assert [frame.n_chunks(), frame.to_series(1).n_chunks()] == before
    uneven = frame.with_columns(group=whole.to_series(3))
    assert breadth.select(uneven, best_of=8).to_dict() == chosen
    assert len(_engine.table(frame)) == len(whole)


def run(code, **more):
    usual = {"capture_output": True, "text": True, "timeout": 120, "check": True}
    environment = {"PYTHONPATH": str(Path(breadth.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], env=environment, **{**usual, **more})


def test_a_forked_child_can_ask_after_its_parent_did():
    code = """
import os, sys, time
import breadth
table = {
    "model": [m for m in "abc" for _ in range(3000)],
    "prompt_id": [p for _ in range(3) for p in range(3000)],
    "logprob": [-1.0 - (7 * i % 1013) / 100 for i in range(9000)],
}
first = breadth.select(table).to_dict()
breadth.reach(table)
child = os.fork()
if child == 0:
    same = breadth.select(table).to_dict() == first
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0 if len(breadth.reach(table).models) == 3 else 1)
    os._exit(0 if same and os.waitpid(grandchild, 0)[1] == 0 else 1)
for _ in range(1000):
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        break
    time.sleep(0.1)
else:
    os.kill(child, 9)
    sys.exit("the child hangs")
assert breadth.select(table).to_dict() == first
print(status)
"""
    assert run(code).stdout.strip() == "0"


@pytest.mark.parametrize("kind", ["file", "folder", "glob"])
@pytest.mark.parametrize("what", ["changed", "is gone", "is new"])
def test_a_page_does_not_contradict_its_answer(tmp_path, kind, what):
    folder = tmp_path / "tables"
    folder.mkdir()
    file = folder / "a.parquet"
    pq.write_table(pa.table(SCORES), file)
    given = {"file": file, "folder": folder, "glob": folder / "*.parquet"}[kind]
    chosen = breadth.select(given, best_of=8)
    for _ in range(2):
        chosen.report(folder / "page.html")
    page = (folder / "page.html").read_bytes()
    if what == "changed":
        pq.write_table(pa.table(SCORES).slice(0, 80), file)
    elif what == "is gone":
        file.unlink()
    elif kind == "file":
        return
    else:
        file = folder / "b.parquet"
        pq.write_table(pa.table(SCORES), file)
    with pytest.raises(breadth.DataError, match=f"{re.escape(str(file))} {what} since select"):
        chosen.report(folder / "page.html")
    assert (folder / "page.html").read_bytes() == page


def test_answers_and_tables_can_be_pickled_and_copied(files, tmp_path):
    graded = pa.table(SAMPLES)
    answers = [
        breadth.select(scores(), graded, best_of=8),
        breadth.select(list(files), best_of=8),
        breadth.profile(scores(), reference="exact"),
        breadth.reach(scores()),
        breadth.pass_at(graded),
        breadth.plan(see=16),
    ]
    for answer in answers:
        for again in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
            assert type(again) is type(answer)
            assert again.to_dict() == answer.to_dict()
            assert (repr(again), again.charts) == (repr(answer), answer.charts)
    for at, answer in enumerate(answers[:2]):
        answer.report(tmp_path / "a.html")
        pickle.loads(pickle.dumps(answer)).report(tmp_path / "b.html")
        assert (tmp_path / "a.html").read_text() == (tmp_path / "b.html").read_text(), at
    table = breadth.score_table(scores())
    for again in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table), copy.copy(table)):
        assert pa.table(again).equals(pa.table(table))


def test_rows_as_dictionaries_and_columns_of_arrow_are_tables(files):
    first = breadth.select(files[0], best_of=8).to_dict()
    rows = pa.table(SCORES).to_pylist()
    rows[0] = {**rows[0], "extra": None}
    columns = {name: pa.array(values) for name, values in SCORES.items()}
    for given in (rows, iter(rows), (row for row in rows), columns):
        assert breadth.select(given, best_of=8).to_dict() == first


def test_infinite_numbers_of_rows_and_columns_may_be_written_as_in_json(tmp_path):
    rows = [
        {"model": model, "prompt_id": prompt, "logprob": logprob}
        for model, logs in {"a": [-1.0, "-inf"], "b": ["-inf", -2.0], "inf": ["-inf"] * 2}.items()
        for prompt, logprob in enumerate(logs)
    ]
    path = tmp_path / "scores.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = breadth.reach(path).to_dict()
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    for given in (rows, columns, {**columns, "logprob": pa.array(map(float, columns["logprob"]))}):
        assert breadth.reach(given).to_dict() == first
    never = [row for row in rows if row["model"] == "inf"]
    assert breadth.reach(never).models[0]["model"] == "inf"
    with pytest.raises(TypeError, match="column logprob"):
        breadth.reach({**columns, "logprob": ["-1.5", *columns["logprob"][1:]]})


def test_what_has_no_value_in_any_row_is_left_out():
    first = breadth.reach(SCORES).to_dict()
    given = {**SCORES, "weight": [None] * 120, "token_logprobs": [None] * 120}
    rows = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
    for empty in (given, rows):
        assert breadth.reach(empty).to_dict() == first
    with pytest.raises(ValueError, match="no columns"):
        breadth.reach({"model": [None]})
    given = {**given, "note": [None] * 120, "lists": [[]] * 120, "parts": [{"a": None}] * 120}
    frame = polars.DataFrame(given)
    assert frame["note"].dtype == polars.Null
    parts = polars.concat([frame.head(50), frame.tail(70)], rechunk=False)
    for empty in (frame, parts, pa.table(given), pandas.DataFrame(given)):
        assert breadth.reach(empty).to_dict() == first
    named = polars.DataFrame({**SCORES, "model": ["Null"] * 40 + ["b"] * 40 + ["c"] * 40})
    as_enum = named.with_columns(polars.col("model").cast(polars.Enum(["Null", "b", "c"])))
    assert breadth.reach(as_enum).to_dict() == breadth.reach(named).to_dict()


def test_weights_that_are_all_missing_in_pandas_are_missing():
    frame = pandas.DataFrame({**SCORES, "weight": [math.nan] * 120})
    assert breadth.reach(frame).to_dict() == breadth.reach(SCORES).to_dict()


def test_an_intersection_says_what_it_kept():
    some = pa.table(SCORES).slice(0, 118)
    chosen = breadth.select(some, best_of=8, intersect=True)
    assert [remark for remark in chosen.remarks if "rows kept: 38" in remark]
    graded = breadth.pass_at(pa.table(SAMPLES).slice(1), k=[2], intersect=True)
    assert [remark for remark in graded.remarks if "prompts kept: 39" in remark]
    assert breadth.reach(SCORES, intersect=True).remarks == ()


def test_shares_to_separate_may_stand_in_either_order():
    first = breadth.plan(separate=(0.1, 0.05))
    assert first.plans[0]["need"]["rows"] == 540  # as summed with scipy.stats
    assert breadth.plan(separate=(0.05, 0.1)).to_dict() == first.to_dict()
    assert breadth.plan(separate=(0.1, 0.1)).plans[0]["need"] is None


def test_a_record_that_is_too_long_names_one_way_out(tmp_path):
    log = tmp_path / "scores.jsonl"
    log.write_text('{"model": "m", "prompt_id": "%s", "logprob": -1}\n' % ("p" * 5000))
    code = f"""
import os
os.environ["BREADTH_MAX_RECORD_BYTES"] = "1000"
import breadth
try:
    breadth.reach({str(log)!r})
except ValueError as error:
    print(error)
"""
    said = run(code).stdout
    assert "raise the limit: BREADTH_MAX_RECORD_BYTES (now 1000)" in said


def test_answers_without_a_sentence_name_a_few_models():
    many = {name: values * 3 for name, values in SCORES.items()}
    many["model"] = [f"{model}-{at // 120}" for at, model in enumerate(many["model"])]
    said = repr(breadth.profile(many, reference="exact-0"))
    assert said.startswith("The coverage profile of ")
    assert said.endswith(" and 3 more.")
    profile = repr(breadth.profile(SCORES, reference="exact", n=numpy.array([2, 4])))
    assert profile == "The coverage profile of step-20, step-100."


def test_answers_say_what_they_come_to_and_what_that_rests_on():
    reach = breadth.reach(SCORES, k=[16], reference="exact")
    assert reach.sentence.startswith("step-20 reaches furthest: ")
    assert "at k = 16." in reach.sentence
    assert reach["notes"] == []
    rows = [at for at in range(120) if at % 40 < 3]
    small = {name: [values[at] for at in rows] for name, values in SCORES.items()}
    few = breadth.reach(small, k=[16], reference="exact")
    assert "too few prompts carry it to decide anything" in few.sentence
    assert "effectively fewer than 20" in few.notes[-1]
    assert few["notes"] == list(few.notes)
    graded = breadth.pass_at(SAMPLES, k=[1, 4], solved=0.25)
    assert graded.sentence.startswith("Best: step-20 at k = 1 to 4")
    assert graded.notes[0].startswith("step-20 solves ")
    along = breadth.select(SCORES, best_of=8, landscape=True)
    assert along["landscape_notes"]
    assert set(along["landscape_notes"]) <= set(along.notes)


def test_what_is_said_names_what_python_has():
    same = {**SAMPLES, "c": [p % 9 for p in range(40)] * 2}
    answers = [breadth.pass_at(same, k=[4]), breadth.select(same, best_of=64)]
    said = [sentence for one in answers for sentence in (one.sentence, *one.notes)]
    assert "; not certain at every k: see `not_excluded` in the field `best`." in said[0]
    again = 'breadth.pass_at(samples, k=[64], extrapolate="any").'
    assert [one for one in said if one.endswith(again)]
    assert breadth.pass_at(same, k=[64], extrapolate="any").models
    wrong = [
        (lambda: breadth.pass_at(same, k=[64]), "^extrapolate: needed where k is beyond"),
        (lambda: breadth.pass_at({"model": ["a"], "prompt_id": [1]}), "`breadth pass --verifier`"),
        (lambda: breadth.profile(same, reference="x"), "`pass_at` and `select` take sample"),
        (
            lambda: breadth.profile(SCORES, reference="exact", tokens=True),
            r"breadth\.torch\.score\(.., token_logprobs=True\) writes it",
        ),
    ]
    for ask, message in wrong:
        with pytest.raises(ValueError, match=message):
            ask()


def test_a_dictionary_of_an_answer_is_a_copy():
    answer = breadth.plan(see=16)
    answer.to_dict()["plans"][0]["samples"] = 0
    assert answer.to_dict()["plans"][0]["samples"] == 36


def test_columns_of_other_names(tmp_path):
    renamed = {"model": "checkpoint", "prompt_id": "question"}
    given = {renamed.get(name, name): values for name, values in SCORES.items()}
    columns = dict(renamed)
    assert breadth.select(given, columns=columns).to_dict() == breadth.select(SCORES).to_dict()
    assert len(breadth.score_table(given, columns=columns)) == len(breadth.score_table(SCORES))
    with pytest.raises(ValueError, match=r"columns: tables have no column `models`; they have "):
        breadth.reach(given, columns={"models": "checkpoint"})
    with pytest.raises(TypeError, match=r"^columns=\['model'\]: give a dictionary"):
        breadth.reach(given, columns=["model"])


def test_logs_with_rewards_of_another_scale(golden):
    folder = golden / "logs" / "verl"
    with pytest.raises(ValueError, match=r"-1 is not a reward.* read_logs\(.., reward_map=..\)"):
        breadth.pass_at(folder)
    with pytest.warns(UserWarning, match="biased low"):
        logs = breadth.read_logs(folder, reward_map=">0")
    assert set(logs.numbers("reward")) == {0.0, 1.0}
    assert logs.strings("model")[0] == "step-20"
    assert logs.strings("gold")[0] == "2"
    with pytest.raises(KeyError, match="rewards"):
        logs.numbers("rewards")
    with pytest.raises(TypeError, match="column reward: Float64"):
        logs.strings("reward")
    assert breadth.pass_at(logs, k=[1]).models[0]["model"] == "step-20"


def test_a_plan_weighs_groups_as_the_command_line_does(engine, tmp_path):
    rows = [
        f'{{"model": "{model}", "prompt_id": "{p}", "logprob": {q}, "group": "{group}"}}'
        for model, logs in {"a": [-1.0, -9.0, -1.0], "b": [-2.0, -2.0, -7.0]}.items()
        for p, (q, group) in enumerate(zip(logs * 6, ["x", "x", "y"] * 6, strict=True))
    ]
    path = tmp_path / "pilot.jsonl"
    path.write_text("\n".join(rows))
    own = breadth.plan(path, group_weights={"x": 0.9, "y": 0.1})
    told = engine("plan", path, "--group-weights", "x=0.9,y=0.1")
    assert own.plans == told["plans"] != breadth.plan(path).plans
