"""Whether files still are what they were when they were read."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator

from breadth._errors import DataError

#: Size in bytes, and the time of the last change in nanoseconds.
Stamp = tuple[int, int]

#: What tables and logs are named; other files of a folder are not looked at.
_TABLES = (".parquet", ".jsonl", ".ndjson", ".csv", ".json", ".eval", ".yaml", ".yml", ".pt")
_PACKED = (".gz", ".zst")


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """A stamp for each file behind paths: files, folders and globs."""
    found = {}
    for path in paths:
        for file in _files(path):
            try:
                about = os.stat(file)
            except FileNotFoundError:  # a link to nowhere, or gone in between
                continue
            found[file] = (about.st_size, about.st_mtime_ns)
    return found


def check(before: dict[str, Stamp], paths: Iterable[str]) -> None:
    """Refuses files that are no more what they were."""
    now = stamps(paths)
    for file in before.keys() | now.keys():
        if before.get(file) != now.get(file):
            what = "is new" if file not in before else "changed" if file in now else "is gone"
            raise DataError(
                f"{file} {what} since select read the tables, and the page would contradict its "
                "answer: select again"
            )


def _files(path: str) -> Iterator[str]:
    if os.path.isdir(path):
        for folder, inside, names in os.walk(path):
            inside[:] = [name for name in inside if not name.startswith(".")]
            yield from (os.path.join(folder, name) for name in names if _is_table(name))
    elif os.path.exists(path):
        if os.path.isfile(path):
            yield path
    else:
        yield from (file for file in glob.glob(path, recursive=True) if os.path.isfile(file))


def _is_table(name: str) -> bool:
    plain, packed = os.path.splitext(name.lower())
    named = plain if packed in _PACKED else name.lower()
    return not name.startswith(".") and named.endswith(_TABLES)
