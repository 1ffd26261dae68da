"""What `import breadth` brings in, and the engine's errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import breadth
from breadth import _engine
from breadth._documents import with_floats

SOURCE = Path(breadth.__file__).parents[1]


def test_importing_breadth_brings_in_nothing_heavy():
    heavy = {"numpy", "pandas", "pyarrow", "torch", "transformers", "lightning"}
    code = f"import sys, breadth; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(SOURCE)},
    )
    assert done.stdout.strip() == "[]"


def test_unknown_names_are_errors():
    with pytest.raises(AttributeError, match="no attribute 'tensorflow'"):
        _ = breadth.tensorflow


def test_without_an_engine_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr(_engine, "_native", None)
    monkeypatch.delenv("BREADTH_BIN", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(breadth.EngineError, match="BREADTH_BIN"):
        breadth.select(["scores.parquet"])
    with pytest.raises(breadth.EngineError, match="not built"):
        breadth.select({"model": ["m"], "prompt_id": [1], "logprob": [-1.0]})


def test_the_command_line_answers_and_complains(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(_engine, "_native", None)
    rows = [
        {
            "source": "data",
            "prompt_id": p,
            "response_id": 0,
            "model": m,
            "logprob": -1.0 - p * (m == "b"),
        }
        for p in range(5)
        for m in ("a", "b")
    ]
    breadth.write_scores(tmp_path / "scores.parquet", rows)
    document = breadth.select([tmp_path / "scores.parquet"], best_of=8)
    assert document["n"] == 4.0
    assert "verdict" in document
    assert breadth.plan(see=16).plans[0]["samples"] == 36
    assert breadth.plan(tmp_path / "scores.parquet", n=2).plans[0]["goal"] == "separate"
    with pytest.raises(breadth.EngineError, match=r"nothing\.parquet"):
        breadth.select([tmp_path / "nothing.parquet"])


def test_the_command_line_is_in_the_package(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "breadth", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(SOURCE)},
            cwd=tmp_path,
        )

    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"breadth {breadth.__version__}\n")
    table = tmp_path / "scores.csv"
    table.write_text(
        "model,prompt_id,logprob\nearly,1,-0.9\nearly,2,-1.3\nlate,1,-0.1\nlate,2,-3.9\n"
    )
    told = json.loads(run("select", "scores.csv", "--best-of", "8", "--json").stdout)
    assert with_floats(told) == breadth.select(table, best_of=8).to_dict()
    assert run("score", "nothing").returncode == 2
    missing = run("select", "nothing.csv")
    assert missing.returncode == 1
    assert "nothing.csv" in missing.stderr
    (tmp_path / "counts.jsonl").write_text('{"id": "a", "n": 4, "c": 1}\n')
    written = run("import", "counts.jsonl", "--model", "m", "-o", "out.parquet")
    assert written.returncode == 0, written.stderr
    stored = pq.read_metadata(tmp_path / "out.parquet").metadata
    assert b"breadth import counts.jsonl --model m -o out.parquet" in b"".join(stored.values())


@pytest.mark.parametrize(
    ("module", "needs", "extra"),
    [
        ("torch", "torch", "torch"),
        ("optim", "torch", "torch"),
        ("hf", "transformers", "hf"),
        ("lightning", "pytorch_lightning", "lightning"),
    ],
)
def test_what_is_missing_names_the_extra_that_brings_it(module, needs, extra):
    code = f"""
import sys
for name in ("torch", "transformers", "lightning", "pytorch_lightning"):
    sys.modules[name] = None
try:
    import breadth.{module}
except ImportError as error:
    print(error)
"""
    source = str(Path(breadth.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": source},
    )
    said = done.stdout.strip()
    install = f'pip install "$(ls dist/breadth-*.whl)[{extra}]"'
    assert said.startswith(f"breadth.{module} needs {needs}")
    assert said.endswith(f": {install} (the wheel of scripts/wheel)")
