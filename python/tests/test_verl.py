"""verl's dumps: unbiased numbers, and a table that the engine counts alike."""

from __future__ import annotations

import json

import pytest

from breadth import DataError, _tables, verl


def dump(folder, step, scores):
    lines = [
        {"input": f"{p}?", "output": f"{s}", "gts": 4, "score": s, "step": step}
        for p, own in enumerate(scores)
        for s in own
    ]
    (folder / f"{step}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_best_of_4_with_1_right_of_4_is_1(tmp_path):
    dump(tmp_path, 100, [[1.0, -1.0, -1.0, -1.0], [-1.0] * 4])
    dump(tmp_path, 20, [[1.0] * 4, [1.0, 1.0, -1.0, -1.0]])
    found = verl.validation_metrics(tmp_path, best_of=4, group_size=2)
    assert list(found) == [20, 100]
    assert found[100] == {"val-breadth/pass_4": 0.5, "val-breadth/mixed_2": 0.25}
    assert found[20]["val-breadth/mixed_2"] == pytest.approx(0.5 * 4 / 6)
    with pytest.raises(DataError, match="a prompt has 4 responses; Pass@8"):
        verl.validation_metrics(tmp_path, best_of=8)


def test_a_dump_becomes_a_sample_table(engine, golden, tmp_path):
    table = tmp_path / "samples.parquet"
    rows = verl.to_samples(golden / "logs" / "verl", table)
    assert rows == len(_tables.read_rows(table))
    own = engine("pass", table, "-k", "1,2")
    logs = engine("pass", golden / "logs" / "verl", "-k", "1,2", "--reward-map", ">0")
    values = [[[one["value"] for one in m["pass"]] for m in d["models"]] for d in (own, logs)]
    assert values[0] == values[1]


def test_what_is_no_dump_is_refused(tmp_path):
    with pytest.raises(DataError, match="no {step}.jsonl"):
        verl.validation_metrics(tmp_path)
    (tmp_path / "7.jsonl").write_text('{"input": "a", "output": "b"}\n')
    with pytest.raises(DataError, match=r"7.jsonl, line 1: has no score"):
        verl.validation_metrics(tmp_path)
    (tmp_path / "7.jsonl").write_text('{"input": "a", "output": "b", "score": 7}\n')
    with pytest.raises(DataError, match="score: 7.0 is not a reward"):
        verl.to_samples(tmp_path, tmp_path / "t.parquet", reward=float)
