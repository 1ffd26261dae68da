"""What the tests share: the engine, if it is built, and the repository's goldens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pytest_ignore_collect(collection_path, config):
    """What needs PyTorch is not even imported unless it is asked for, and then nothing else is."""
    asked = config.option.markexpr == "needs_torch"
    if collection_path.name == "torch":
        return None if asked else True
    is_test = collection_path.name.startswith("test_")
    return True if asked and is_test and collection_path.parent.name != "torch" else None


@pytest.fixture
def golden():
    return ROOT / "tests" / "golden"


@pytest.fixture
def program():
    """The command line."""
    program = os.environ.get("BREADTH_BIN") or shutil.which("breadth")
    if not program:
        pytest.fail("the engine is not built: run scripts/test, or name it in BREADTH_BIN")
    return program


@pytest.fixture
def engine(program):
    """Runs the command line and returns its JSON document."""

    def run(*arguments):
        command = [program, *map(str, arguments), "--json", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
