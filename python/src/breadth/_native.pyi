"""The compiled half: `python/src-rust`. Private; `breadth` is what to use."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, final

_Path = str | os.PathLike[str]
_Answer = tuple[str, list[str], list[str], list[tuple[str, str, str]]]
_Options = Mapping[str, Any]

@final
class Table:
    @staticmethod
    def of_paths(paths: Sequence[_Path]) -> Table: ...
    @staticmethod
    def of_stream(frame: object) -> Table: ...
    @staticmethod
    def of_columns(columns: Mapping[str, Any]) -> Table: ...
    @property
    def column_names(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def main(arguments: Sequence[str]) -> int: ...
def select(
    scores: Table | None, samples: Table | None, level: _Options, choice: _Options, common: _Options
) -> _Answer: ...
def report(
    scores: Table | None,
    samples: Table | None,
    path: _Path,
    title: str | None,
    level: _Options,
    choice: _Options,
    common: _Options,
) -> None: ...
def profile(table: Table, choice: _Options, common: _Options) -> _Answer: ...
def reach(
    scores: Table | None, samples: Table | None, choice: _Options, common: _Options
) -> _Answer: ...
def pass_at(table: Table, choice: _Options, common: _Options) -> _Answer: ...
def plan(pilot: Table | None, level: _Options, choice: _Options, common: _Options) -> _Answer: ...
def read_logs(
    paths: Sequence[_Path],
    *,
    models: Sequence[str],
    reward: str | None,
    filter: str | None,
    intersect: bool,
) -> tuple[Table, list[str]]: ...
def score_table(table: Table, *, intersect: bool, tokens: bool) -> tuple[Table, list[str]]: ...
