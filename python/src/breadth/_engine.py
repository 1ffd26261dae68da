"""The one place that asks the engine: verdicts, numbers with intervals, the page.

The engine is the command line `breadth`: `BREADTH_BIN`, or the program of that name on the path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any, cast

Path = str | os.PathLike[str]
Document = dict[str, Any]


class EngineError(RuntimeError):
    """What the engine said in place of an answer."""


def program() -> str:
    """The command line to ask."""
    found = os.environ.get("BREADTH_BIN") or shutil.which("breadth")
    if not found:
        raise EngineError(
            "the program breadth is not on the path: cargo install --path crates/breadth, "
            "or name it in BREADTH_BIN"
        )
    return found


def select(tables: Sequence[Path], *, best_of: float | None = None) -> Document:
    """The verdict over all evidence in the tables: the document of `breadth select --json`."""
    given = [] if best_of is None else ["--best-of", f"{best_of:g}"]
    return _document("select", *tables, *given)


def report(folder: Path, output: Path, *, best_of: float | None = None) -> None:
    """Writes the page about the tables of a folder."""
    given = [] if best_of is None else ["--best-of", f"{best_of:g}"]
    _run("report", folder, "-o", output, *given)


def _document(*arguments: Path) -> Document:
    return cast(Document, json.loads(_run(*arguments, "--json")))


def _run(*arguments: Path) -> str:
    command = [program(), *(os.fspath(one) for one in arguments), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout
