"""What is wrong with data, and the types that say what data are."""

from __future__ import annotations

import os
from typing import Any, NoReturn

Ids = list[int]

Source = str | os.PathLike[str]


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the line and the field."""


def missing(what: str, extra: str, error: ImportError) -> ImportError:
    """Of a package that `what` needs: which extra brings it."""
    return ImportError(f"{what} needs {error.name}: {bring(extra)}")


def bring(extra: str) -> str:
    """How to install what an extra of the wheel brings; breadth is on no package index."""
    return f'pip install "$(ls dist/breadth-*.whl)[{extra}]" (the wheel of scripts/wheel)'


def refuse_open_file(given: Any) -> None:
    """Refuses what `open` returns, whose lines would be taken for paths."""
    if hasattr(given, "read") and not isinstance(given, os.PathLike):
        raise TypeError(f"{type(given).__name__} is an open file: give its path")


def fail(place: str, why: str) -> NoReturn:
    raise DataError(f"{place}: {why}")
