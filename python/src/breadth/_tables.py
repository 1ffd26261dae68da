"""Score and sample tables as Parquet, written with pyarrow; a file appears whole or not at all."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from breadth._errors import bring
from breadth._outputs import Output, hold

Row = Mapping[str, Any]

#: A log-probability above 0 by no more than this is rounding, and becomes 0.
LOG_PROB_ROUNDING = 1e-3
#: Below this, in nats, only -inf is a log-probability.
LEAST_LOG_PROB = -1e30
#: Weights, whose ratios, products and squares must be numbers.
WEIGHTS = (1e-50, 1e50)
#: What the column `tokens` holds.
MOST_TOKENS = 2**32 - 1
#: How far token log-probabilities may sum from the whole one: nats, and relative to it.
TOKEN_SUM_ABSOLUTE = 1e-3
TOKEN_SUM_RELATIVE = 1e-4

SCORES = {
    "source": "string",
    "prompt_id": "string",
    "response_id": "string",
    "model": "string",
    "logprob": "double",
    "tokens": "uint32",
    "token_logprobs": "list<float>",
    "group": "string",
    "weight": "double",
}
SAMPLES = {
    "model": "string",
    "prompt_id": "string",
    "response_id": "string",
    "reward": "double",
    "answer": "string",
    "logprob": "double",
    "tokens": "uint32",
    "text": "string",
    "prompt": "string",
    "gold": "string",
    "group": "string",
}
_COLUMNS = {"scores": SCORES, "samples": SAMPLES}
_REQUIRED = {
    "scores": ("source", "prompt_id", "response_id", "model", "logprob"),
    "samples": ("model", "prompt_id", "response_id", "reward"),
}
_KEYS = {
    "scores": ("source", "prompt_id", "response_id", "model"),
    "samples": ("prompt_id", "response_id", "model"),
}


class TableError(ValueError):
    """A row that no table may hold; the message names the file, the row and the column."""


def write_scores(path: str | os.PathLike[str], rows: Iterable[Row], *, append: bool = False) -> int:
    """Writes a score table and returns its number of rows.

    With `append`, the rows of an existing file stay, except those of the models that are written:
    a model that is scored again is replaced, so that no checkpoint stands there twice. Several jobs
    may append to one file: each waits for its turn, at most a minute, and `BlockingIOError` names
    the one that holds the file longer. On Windows nothing is locked: append there from one job at a
    time. Links are followed, and pipes and devices are written as they are.
    """
    return _write("scores", Path(os.fsdecode(path)), rows, append)


def write_samples(
    path: str | os.PathLike[str], rows: Iterable[Row], *, append: bool = False
) -> int:
    """Writes a sample table and returns its number of rows; `append` as in `write_scores`."""
    return _write("samples", Path(os.fsdecode(path)), rows, append)


def drop_models(path: str | os.PathLike[str], is_dropped: Callable[[str], bool]) -> None:
    """Takes the rows of some models out of a table; a table without any rows goes away."""
    with hold(Path(path)) as output:
        whole = _pyarrow("pyarrow.parquet").read_table(output.path)
        keep = [not is_dropped(str(name)) for name in whole["model"].to_pylist()]
        if not any(keep):
            os.unlink(output.path)
        elif not all(keep):
            _put(output, whole.filter(_pyarrow("pyarrow").array(keep)))


def remove(path: str | os.PathLike[str]) -> None:
    """Removes a table that nobody is writing."""
    with hold(Path(path)) as output:
        if not output.is_device:
            output.path.unlink(missing_ok=True)


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The rows of a Parquet table."""
    rows: list[dict[str, Any]] = _pyarrow("pyarrow.parquet").read_table(path).to_pylist()
    return rows


def checked_log_prob(value: float) -> float:
    """A log-probability: not NaN, at most 0; rounding above 0 becomes 0."""
    if math.isnan(value):
        raise ValueError("NaN is not a log-probability")
    if LEAST_LOG_PROB > value > -math.inf:
        raise ValueError(
            f"{value} is below what any response has; give -inf where the probability is 0"
        )
    if value > LOG_PROB_ROUNDING:
        raise ValueError(f"{value} is above 0, and no probability is above 1")
    return min(float(value), 0.0) + 0.0


def checked_reward(value: float) -> float:
    """A reward in [0, 1]; booleans are 0 and 1."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{value} is not a reward; give a number in [0, 1], or true or false")
    return float(value)


def _checked_weight(value: float) -> float:
    if not 0.0 < value < math.inf:
        raise ValueError(f"{value} is not a weight; give a finite number above 0")
    least, most = WEIGHTS
    if not least <= value <= most:
        raise ValueError(
            f"{value} is no weight between {least:g} and {most:g}; only ratios count, so give "
            "them in another unit"
        )
    return float(value)


def _checked_tokens(value: int) -> int:
    if value != int(value) or not 0 <= value <= MOST_TOKENS:
        raise ValueError(f"{value} is not a number of tokens")
    return int(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "logprob": checked_log_prob,
    "reward": checked_reward,
    "weight": _checked_weight,
    "tokens": _checked_tokens,
    "prompt_id": str,
    "response_id": str,
    "model": str,
    "source": str,
}


def _checked(table: str, columns: Mapping[str, str], path: Path, at: int, row: Row) -> Row:
    place = f"{path}, row {at + 1}"
    unknown = sorted(set(row) - set(columns))
    if unknown:
        raise TableError(f"{place}: a table of {table} has no column {unknown[0]}")
    checked: dict[str, Any] = {}
    for name in columns:
        value = row.get(name)
        if value is None:
            if name in _REQUIRED[table]:
                raise TableError(f"{place}: {name} is missing")
            checked[name] = None
            continue
        try:
            checked[name] = _CHECKS[name](value) if name in _CHECKS else value
        except ValueError as error:
            raise TableError(f"{place}: {name}: {error}") from None
    _check_sum(place, checked)
    return checked


def _check_sum(place: str, row: Row) -> None:
    listed = row.get("token_logprobs")
    if listed is None:
        return
    total, whole = math.fsum(listed), row["logprob"]
    most = TOKEN_SUM_ABSOLUTE + TOKEN_SUM_RELATIVE * abs(whole)
    if total != whole and not abs(total - whole) <= most:
        raise TableError(f"{place}: token_logprobs sum to {total}, and logprob is {whole}")


def arrow(table: str, rows: Sequence[Row]) -> Any:
    """Rows as a table of pyarrow, with the columns and types of the file."""
    made = _pyarrow("pyarrow")
    fields = [made.field(name, _type(made, kind)) for name, kind in _COLUMNS[table].items()]
    return made.Table.from_pylist(rows, schema=made.schema(fields))


def _write(table: str, path: Path, rows: Iterable[Row], append: bool) -> int:
    _pyarrow("pyarrow.parquet")  # before any row is drawn
    columns = _COLUMNS[table]
    new = [_checked(table, columns, path, at, row) for at, row in enumerate(rows)]
    _check_keys(table, path, new)
    with hold(path) as output:
        if append and output.path.is_file():
            again = {row["model"] for row in new}
            old = [row for row in read_rows(output.path) if row["model"] not in again]
            new = [{name: row.get(name) for name in columns} for row in old] + new
        _put(output, arrow(table, new))
    return len(new)


def _put(output: Output, whole: Any) -> None:
    """Writes a table of pyarrow. A pipe takes no file in parts, so it is made in memory."""
    content = _pyarrow("pyarrow").BufferOutputStream()
    _pyarrow("pyarrow.parquet").write_table(whole, content, compression="zstd")
    output.write(memoryview(content.getvalue()))


def _check_keys(table: str, path: Path, rows: Iterable[Row]) -> None:
    seen = set()
    for at, row in enumerate(rows):
        key = tuple(row[name] for name in _KEYS[table])
        if key in seen:
            named = ", ".join(f"{n} {v}" for n, v in zip(_KEYS[table], key, strict=True))
            raise TableError(f"{path}, row {at + 1}: {named} stands there twice")
        seen.add(key)


def _type(made: Any, kind: str) -> Any:
    types = {"string": made.string(), "double": made.float64(), "uint32": made.uint32()}
    return types[kind] if kind in types else made.list_(made.float32())


def _pyarrow(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"tables are written with pyarrow: {bring('tables')}") from error
