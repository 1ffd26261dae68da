"""Rows of a table with what was done to the data: what `score` and `sample` of torch return."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from typing import Any, ClassVar

from breadth import _tables
from breadth._data import Account
from breadth._documents import html_table, names_of

#: Rows that a notebook shows.
_SHOWN = 5


@dataclass(repr=False)
class TableRows:
    """A table that `breadth.select` and data frames take, and `write` keeps.

    It has the Arrow PyCapsule interface: `polars.DataFrame(scores)`, `pyarrow.table(scores)`.
    """

    #: One dictionary for each row.
    rows: list[dict[str, Any]]
    #: What was done to the data.
    account: Account

    _table: ClassVar[str]

    def write(self, path: str | os.PathLike[str], *, append: bool = False) -> int:
        """Writes the table; with `append`, rows of other models in it stay."""
        write = {"scores": _tables.write_scores, "samples": _tables.write_samples}[self._table]
        return write(path, self.rows, append=append)

    def __len__(self) -> int:
        return len(self.rows)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        stream: object = _tables.arrow(self._table, self.rows).__arrow_c_stream__(requested_schema)
        return stream

    def __repr__(self) -> str:
        models = names_of(dict.fromkeys(str(row["model"]) for row in self.rows))
        prompts = len({row["prompt_id"] for row in self.rows})
        kind = type(self).__name__
        return f"{kind} of {models}: {len(self.rows)} rows, {prompts} prompts"

    def _repr_html_(self) -> str:
        said = [f"<b>{html.escape(repr(self))}</b>", *map(html.escape, self.account.sentences())]
        shown = self.rows[:_SHOWN]
        names = [
            name
            for name in (shown[0] if shown else {})
            if any(row[name] is not None and not isinstance(row[name], list) for row in shown)
        ]
        table = html_table(names, ([row[name] for name in names] for row in shown))
        rest = len(self.rows) - len(shown)
        more = f"<p>and {rest} more rows</p>" if rest else ""
        return "".join(f"<p>{sentence}</p>" for sentence in said) + (table if names else "") + more
