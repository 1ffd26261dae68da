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
    found = verl.validation_metrics(tmp_path, best_of=4, group_size=2, reward_map=">0")
    assert list(found) == [20, 100]
    assert found[100] == {"val-breadth/pass_4": 0.5, "val-breadth/mixed_2": 0.25}
    assert found[20]["val-breadth/mixed_2"] == pytest.approx(0.5 * 4 / 6)
    with pytest.raises(DataError, match="a prompt has 4 responses; Pass@8"):
        verl.validation_metrics(tmp_path, best_of=8, reward_map=">0")


def test_scores_between_0_and_1_stay_what_they_are(tmp_path):
    dump(tmp_path, 3, [[0.25, 0.5], [1.0, 0.0]])
    found = verl.validation_metrics(tmp_path, best_of=2, group_size=2)
    assert found == {3: {"val-breadth/pass_2": 0.75, "val-breadth/mixed_2": 0.5}}


def test_a_dump_becomes_the_table_that_the_command_line_makes(engine, golden, tmp_path):
    table = tmp_path / "samples.parquet"
    rows = verl.to_samples(golden / "logs" / "verl", table, reward_map=">0")
    assert rows == len(_tables.read_rows(table)) == 16
    imported = tmp_path / "imported.parquet"
    engine("import", golden / "logs" / "verl", "--reward-map", ">0", "-o", imported)
    keys = ("model", "prompt_id", "response_id", "reward", "text", "prompt", "gold")
    of = [[tuple(row[k] for k in keys) for row in _tables.read_rows(p)] for p in (table, imported)]
    assert of[0] == of[1]


def test_what_is_no_dump_is_refused(tmp_path):
    with pytest.raises(DataError, match="no {step}.jsonl"):
        verl.validation_metrics(tmp_path)
    (tmp_path / "7.jsonl").write_text('{"input": "a", "output": "b"}\n')
    with pytest.raises(ValueError, match=r"7.jsonl"):
        verl.validation_metrics(tmp_path)
    dump(tmp_path, 7, [[7.0, 1.0]])
    with pytest.raises(ValueError, match=r"score.*7 is not a reward.*read_logs\(.., reward_map"):
        verl.to_samples(tmp_path, tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"reward_map: `right`: write >0"):
        verl.to_samples(tmp_path, tmp_path / "t.parquet", reward_map="right")
