"""What is wrong with data, and the types that say what data are."""

from __future__ import annotations

import os
from typing import NoReturn

Ids = list[int]

Source = str | os.PathLike[str]


class DataError(ValueError):
    """Data that cannot be used; the message names the file, the line and the field."""


def fail(place: str, why: str) -> NoReturn:
    raise DataError(f"{place}: {why}")
