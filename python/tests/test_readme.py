"""The README's code: it runs, and a type checker takes it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas
import pyarrow as pa
import pytest

import breadth

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
MODELS = ("teacher", "step-1000", "step-1500")

SCORES = pandas.DataFrame(
    {"model": model, "prompt_id": prompt, "logprob": -0.5 - at - prompt % (2 + at)}
    for at, model in enumerate(MODELS)
    for prompt in range(40)
)
SAMPLES = pandas.DataFrame(
    {"model": model, "prompt_id": prompt, "n": 32, "c": (prompt + 3 * at) % 9}
    for at, model in enumerate(MODELS)
    for prompt in range(40)
)


def test_the_questions_and_the_tables_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    known = {"scores": SCORES, "samples": SAMPLES, "breadth": breadth}
    for block in BLOCKS[:2]:
        exec(compile(block, "README.md", "exec"), known)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == repr(known["choice"])
    assert known["choice"].verdict.because in said[1]
    assert (tmp_path / "report.html").exists()
    assert pa.table(known["table"]).num_rows == 120


def test_the_questions_are_typed(tmp_path):
    api = pytest.importorskip("mypy.api")
    given = "from typing import Any\n\nscores: Any = None\nsamples: Any = None\n"
    (tmp_path / "asked.py").write_text(given + BLOCKS[0])
    cache = ("--cache-dir", str(tmp_path / "cache"))
    settings = ("--config-file", str(README.with_name("pyproject.toml")))
    found, wrong, status = api.run([*cache, *settings, str(tmp_path / "asked.py")])
    assert status == 0, found + wrong
