"""Tables: whole or not at all, checked, appended by model."""

from __future__ import annotations

import math

import pytest

import breadth
from breadth import Account, TableError, _tables, write_samples, write_scores
from breadth._data import BoundaryAccount, EndTokenAccount
from breadth._rows import TableRows

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")


def row(model, logprob=-1.0, **more):
    start = {"source": "data", "prompt_id": "p", "response_id": "0"}
    return {**start, "model": model, "logprob": logprob, **more}


def test_appending_keeps_other_models_and_replaces_the_same(tmp_path):
    path = tmp_path / "new" / "scores.parquet"
    assert write_scores(path, [row("a"), row("b")], append=True) == 2
    assert write_scores(path, [row("b", -3.0), row("c", -math.inf)], append=True) == 3
    read = {one["model"]: one["logprob"] for one in _tables.read_rows(path)}
    assert read == {"a": -1.0, "b": -3.0, "c": -math.inf}
    assert [file.name for file in path.parent.iterdir()] == ["scores.parquet"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "scores.parquet"
    write_scores(path, [row("a")])
    before = path.read_bytes()

    def rows():
        yield row("b")
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        write_scores(path, rows(), append=True)
    with pytest.raises(TableError):
        write_scores(path, [row("b", math.nan)], append=True)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["scores.parquet"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (row("a", math.nan), "row 1: logprob: NaN is not a log-probability"),
        (row("a", 0.5), "logprob: 0.5 is above 0"),
        (row("a", None), "logprob is missing"),
        (row("a", weight=0.0), "weight: 0.0 is not a weight"),
        (row("a", token_logprobs=[-0.5]), r"token_logprobs sum to -0.5, and logprob is -1.0"),
        (row("a", reward=1.0), "a table of scores has no column reward"),
        (row("a", -1e31), "logprob: -1e.31 is below what any response has"),
        (row("a", weight=1e-60), "weight: 1e-60 is no weight between 1e-50 and 1e.50"),
        (row("a", tokens=2**32), "tokens: 4294967296 is not a number of tokens"),
    ],
)
def test_wrong_rows_name_the_place(tmp_path, wrong, message):
    with pytest.raises(TableError, match=message):
        write_scores(tmp_path / "scores.parquet", [wrong])


def test_rounding_above_0_is_forgiven_and_duplicates_are_not(tmp_path):
    path = tmp_path / "scores.parquet"
    write_scores(path, [row("a", 5e-4)])
    assert _tables.read_rows(path)[0]["logprob"] == 0.0
    with pytest.raises(TableError, match="row 2: source data, prompt_id p, .* stands there twice"):
        write_scores(path, [row("a"), row("a")])
    with pytest.raises(TableError, match="reward: 1.5 is not a reward"):
        write_samples(path, [{"model": "a", "prompt_id": 1, "response_id": 2, "reward": 1.5}])


def test_the_engine_reads_what_is_written(engine, tmp_path):
    rows = [row("a", -1.0, tokens=2, token_logprobs=[-0.25, -0.75], group="g", weight=2.0)]
    rows += [row("a", -2.0, prompt_id="q", tokens=1, token_logprobs=[-2.0], group="h", weight=1.0)]
    write_scores(tmp_path / "scores.parquet", rows)
    reach = engine("reach", tmp_path / "scores.parquet", "-k", "2")["models"][0]
    assert (reach["prompts"], reach["reach"][0]["k"]) == (2, 2)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("logprob", -1e30),
        ("logprob", -1.0000001e30),
        ("logprob", 1e-3),
        ("logprob", 1.001e-3),
        ("logprob", -math.inf),
        ("weight", 1e-50),
        ("weight", 0.99e-50),
        ("weight", 1e50),
        ("weight", 1.01e50),
        ("weight", -1.0),
    ],
)
def test_what_is_written_is_what_the_readers_take(tmp_path, column, value):
    """The domains stand in Rust and here; they are the same."""

    def takes(call):
        try:
            call()
        except ValueError:
            return False
        return True

    one = {"weight": 1.0, **row("a"), column: value}
    native = takes(lambda: breadth.score_table([one]))
    assert takes(lambda: write_scores(tmp_path / "scores.parquet", [one])) == native


class Scores(TableRows):
    _table = "scores"


class Samples(TableRows):
    _table = "samples"


def account(lines):
    ends = EndTokenAccount("auto", [1], lines, 0, 0)
    return Account(lines, 0, 0, 0, ends, BoundaryAccount("separate", 0, 0))


def scored(*models, prompts=20):
    more = {"tokens": 3, "token_logprobs": None, "group": None, "weight": None}
    rows = [
        {**row(model, -1.0 - prompt % (2 + at), prompt_id=str(prompt)), **more}
        for at, model in enumerate(models)
        for prompt in range(prompts)
    ]
    return Scores(rows, account(prompts))


def graded(*models, prompts=20):
    more = {"tokens": 3, "logprob": -1.0, "text": None, "prompt": None, "group": None}
    rows = [
        {"model": model, "prompt_id": str(prompt), "response_id": str(i), **more}
        | {"reward": float(i < (prompt + at) % 4)}
        for at, model in enumerate(models)
        for prompt in range(prompts)
        for i in range(4)
    ]
    return Samples(rows, account(prompts))


def test_what_score_and_sample_return_is_a_table_for_every_question(tmp_path):
    scores, samples = scored("a", "b"), graded("a", "b")
    scores.write(tmp_path / "scores.parquet")
    samples.write(tmp_path / "samples.parquet")
    first = breadth.select(tmp_path / "scores.parquet", tmp_path / "samples.parquet", best_of=4)
    assert breadth.select(scores, samples, best_of=4).to_dict() == first.to_dict()
    assert breadth.select(samples, scores, best_of=4).to_dict() == first.to_dict()
    assert breadth.select(scores.rows, samples.rows, best_of=4).to_dict() == first.to_dict()
    alone = breadth.select(samples=tmp_path / "samples.parquet", best_of=4)
    assert breadth.select(samples, best_of=4).to_dict() == alone.to_dict()
    for rows, name in ((scores, "scores"), (samples, "samples")):
        there = pa.parquet.read_table(tmp_path / f"{name}.parquet")
        assert pa.table(rows).equals(there)
        assert len(rows) == len(there)


def test_rows_show_themselves_in_a_line_and_a_notebook_some_of_them():
    scores = scored("<a>", *"bcdefg", prompts=200)
    assert repr(scores) == "Scores of <a>, b, c, d, e and 2 more: 1400 rows, 200 prompts"
    shown = scores._repr_html_()
    assert "<p><b>Scores of &lt;a&gt;, b" in shown
    assert "<p>end token (auto; token 1): appended to 200 responses" in shown
    assert shown.count("<tr>") == 1 + 5
    assert "<th>logprob</th><th>tokens</th></tr>" in shown  # no value, no column
    assert shown.endswith("<p>and 1395 more rows</p>")
    assert repr(Scores([], account(0))) == "Scores of no model: 0 rows, 0 prompts"
    assert "<table>" not in Scores([], account(0))._repr_html_()
