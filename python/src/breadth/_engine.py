"""The one place that asks the engine: verdicts, numbers with intervals, the page.

The engine is the compiled half, `breadth._native`. Where that is not built, the command line
`breadth` answers for tables in files: `BREADTH_BIN`, or the program of that name on the path.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from breadth import _files
from breadth._documents import (
    INFINITE,
    Chart,
    Document,
    PassReport,
    Plan,
    Profile,
    ReachReport,
    Selection,
    with_floats,
)
from breadth._errors import refuse_open_file
from breadth._words import in_python

if TYPE_CHECKING:
    from breadth._native import Table

_native: ModuleType | None
try:
    from breadth import _native
except ImportError:
    _native = None

Path = str | bytes | os.PathLike[str]


class Stream(Protocol):
    """A data frame: whatever has the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


#: Where rows come from: a data frame, columns by name, rows as dictionaries, a path, or several.
Rows = Stream | Mapping[str, Any] | Iterable[Mapping[str, Any]] | Path | Sequence[Path]

_Answer = TypeVar("_Answer", bound=Document)


class EngineError(RuntimeError):
    """What the command line said in place of an answer, or why there is no engine to ask."""


def select(
    scores: Rows | None = None,
    samples: Rows | None = None,
    *,
    best_of: float | None = None,
    n: float | None = None,
    log_n: float | None = None,
    rule: str | None = None,
    a: float | None = None,
    reference: str | None = None,
    against: str | None = None,
    landscape: bool = False,
    group_weights: Mapping[str, float] | None = None,
    columns: Mapping[str, str] | None = None,
    intersect: bool = False,
    confidence: float = 0.95,
) -> Selection:
    """Which checkpoint to take, on all the evidence: `breadth select`.

    Tables are data frames (pandas, polars, pyarrow, DuckDB: whatever has `__arrow_c_stream__`),
    columns by name, rows, or paths: files, folders, globs, a run folder. Paths of both kinds of
    tables may stand together in `scores`. A table in memory is told by its columns, whichever
    place it has: `select(samples, best_of=16)`. The choice is for Best-of-`best_of`, or at the
    level `n` (or `log_n` in nats) of the tournament, which is half of that.

    `scores`: log-probabilities of responses. `samples`: graded samples of the same models.
    `best_of`, `n`, `log_n`: the level, said in one of three ways (default: `n=4`, Best-of-8).
    `rule`: `tournament` (default), `offset`, `reach` or `cross-entropy`.
    `a`: that of `rule="offset"`, in [0, 1]: some model is assumed within a factor N^a of the truth.
    `reference`: a model that is no candidate, such as the teacher.
    `against`: rank by coverage against this fixed model, a rule of its own.
    `landscape`: add the tournament's choice at every level along log N.
    `group_weights`: what each group of prompts (column `group`) counts, by its name.
    `columns`: what the tables call our columns, such as `{"reward": "score"}`.
    `intersect`: keep the rows that every model has, in place of refusing tables with holes.
    `confidence`: that of the intervals and limits, between 0 and 1.

    >>> import breadth
    >>> choice = breadth.select(
    ...     {
    ...         "model": ["early", "early", "late", "late"],
    ...         "prompt_id": [1, 2, 1, 2],
    ...         "logprob": [-0.9, -1.3, -0.1, -3.9],
    ...     },
    ...     best_of=8,
    ... )
    >>> choice.winner  # "late" gives prompt 2 a thirteenth of its probability
    'early'
    >>> choice.verdict.take is None  # two rows prove nothing
    True

    Raises `ValueError` for tables and options that do not fit, `FileNotFoundError`.
    """
    level = {"best_of": best_of, "n": n, "log_n": log_n}
    choice = {
        "rule": rule,
        "a": a,
        "reference": reference,
        "against": against,
        "landscape": landscape,
    }
    common = _common(group_weights, columns, intersect, confidence)
    if _native is None:
        options = {**level, **choice, **common}
        return Selection(_document("select", _paths(scores) + _paths(samples), options))
    given, graded = _apart(scores, samples, common["columns"])
    stamps = _files.stamps([*_named(given), *_named(graded)])
    page = _Page(given, graded, level, choice, common, stamps)
    found = _answer(Selection, _ask(_native.select, given, graded, level, choice, common))
    found._page = page
    return found


@dataclass(frozen=True)
class _Page:
    """Writes the page about what `select` was asked."""

    scores: Table | None
    samples: Table | None
    level: dict[str, Any]
    choice: dict[str, Any]
    common: dict[str, Any]
    stamps: dict[str, _files.Stamp]

    def __call__(self, path: Path, title: str | None) -> None:
        _files.check(self.stamps, [*_named(self.scores), *_named(self.samples)])
        tables = (self.scores, self.samples)
        native = _needed("a page")
        _ask(native.report, *tables, _path(path), title, self.level, self.choice, self.common)


def _named(given: Table | None) -> list[str]:
    return [] if given is None else given.paths


def _ask(question: Callable[..., Any], *given: Any) -> Any:
    """What the compiled half answers; its errors name what callers know."""
    try:
        return question(*given)
    except ValueError as error:
        if type(error) is ValueError:
            error.args = (in_python(str(error)),)
        raise
    except TypeError as error:
        found = re.search(r"failed to extract field \w+\.(\w+)", str(error))
        if found is None or error.__cause__ is None:
            raise
        name, why = found[1], error.__cause__
    values = (one[name] for one in given if isinstance(one, dict) and name in one)
    said = f"{name}={next(values, None)!r}: "
    if isinstance(why, OverflowError):
        raise ValueError(f"{said}a number below 0, or too large")
    raise TypeError(f"{said}{why}")


def profile(
    scores: Rows,
    *,
    reference: str | None = None,
    models: Sequence[str] = (),
    n: Iterable[float] | None = None,
    log_n: Iterable[float] | None = None,
    baseline: str | None = None,
    tokens: bool = False,
    group_weights: Mapping[str, float] | None = None,
    columns: Mapping[str, str] | None = None,
    intersect: bool = False,
    confidence: float = 0.95,
) -> Profile:
    """How much of the data each model under-weights against `reference`: `breadth profile`.

    `reference`: the model that stands for the truth; a run folder knows its own.
    `models`: those to show (default: all but the reference).
    `n`, `log_n`: the levels N, or their logarithms in nats (default: 1, 2, 4, .. 1024).
    `baseline`: add every model's difference to this one, on the same rows.
    `tokens`: add which tokens cost the probability, from the column `token_logprobs`.
    `group_weights`: what each group of prompts (column `group`) counts, by its name.
    `columns`: what the tables call our columns, such as `{"reward": "score"}`.
    `intersect`: keep the rows that every model has, in place of refusing tables with holes.
    `confidence`: that of the intervals and limits, between 0 and 1.

    >>> import breadth
    >>> answer = breadth.profile(
    ...     {
    ...         "model": ["teacher", "teacher", "student", "student"],
    ...         "prompt_id": [1, 2, 1, 2],
    ...         "logprob": [-0.5, -0.5, -0.7, -2.5],
    ...     },
    ...     reference="teacher",
    ...     n=[4],
    ... )
    >>> answer.models[0]["profile"][0]["cov"]  # e^(2.5 - 0.5) = 7.4 >= 4 on one of two rows
    0.5
    """
    if n is not None and log_n is not None:
        raise ValueError("give n or log_n, not both")
    if n is None and log_n is None:
        n = [2.0**power for power in range(11)]
    choice = {
        "reference": reference,
        "models": _several("models", models),
        "baseline": baseline,
        "n": _several("n", () if n is None else n),
        "log_n": _several("log_n", () if log_n is None else log_n),
        "tokens": tokens,
    }
    common = _common(group_weights, columns, intersect, confidence)
    if _native is None:
        options = {**choice, **common}
        options["model"] = options.pop("models")
        return Profile(_document("profile", _paths(scores), options))
    return _answer(Profile, _ask(_native.profile, table(scores), choice, common))


def reach(
    scores: Rows,
    samples: Rows | None = None,
    *,
    k: Iterable[float] = (1, 4, 16, 64, 256, 1024),
    budget: float = 64,
    reference: str | None = None,
    group_weights: Mapping[str, float] | None = None,
    columns: Mapping[str, str] | None = None,
    intersect: bool = False,
    confidence: float = 0.95,
) -> ReachReport:
    """What k samples find for certain, without sampling: `breadth reach`.

    `samples`: graded samples of the same models, whose Pass@k stands beside the reach.
    `k`: the numbers of samples.
    `budget`: the samples N that a prompt may cost: within reach if one is right with chance 1/N.
    `reference`: a model that is left out, such as the teacher; a run folder names its own.
    `group_weights`: what each group of prompts (column `group`) counts, by its name.
    `columns`: what the tables call our columns, such as `{"reward": "score"}`.
    `intersect`: keep the rows that every model has, in place of refusing tables with holes.
    `confidence`: that of the intervals and limits, between 0 and 1.

    >>> import breadth
    >>> answer = breadth.reach(
    ...     {"model": ["m", "m"], "prompt_id": [1, 2], "logprob": [-0.6931471805599453, -1000.0]},
    ...     k=[2],
    ... )
    >>> round(answer.models[0]["reach"][0]["value"], 12)  # (1 - 1/4 + 0) / 2
    0.375
    """
    choice = {"k": _several("k", k), "budget": budget, "reference": reference}
    common = _common(group_weights, columns, intersect, confidence)
    if _native is None:
        tables = _paths(scores) + _paths(samples)
        return ReachReport(_document("reach", tables, {**choice, **common}))
    given, graded = _apart(scores, samples, common["columns"])
    return _answer(ReachReport, _ask(_native.reach, given, graded, choice, common))


def pass_at(
    samples: Rows,
    *,
    k: Iterable[int] = (),
    all_of: bool = False,
    majority: bool = False,
    solved: float | None = None,
    extrapolate: str | None = None,
    group_weights: Mapping[str, float] | None = None,
    columns: Mapping[str, str] | None = None,
    intersect: bool = False,
    confidence: float = 0.95,
) -> PassReport:
    """How often the best of k samples is right, unbiased: `breadth pass`.

    `k`: the numbers of samples (default: powers of 2 up to what every prompt has).
    `all_of`: add pass^k, the chance that all k samples are right.
    `majority`: add the majority vote of k samples, from the column `answer`.
    `solved`: add the share of prompts with a success rate of at least this.
    `extrapolate`: allow k beyond the samples: `any` (bounds from every distribution of success
    rates that fits) or `beta` (from a beta distribution: narrower).
    `group_weights`: what each group of prompts (column `group`) counts, by its name.
    `columns`: what the tables call our columns, such as `{"reward": "score"}`.
    `intersect`: keep the rows that every model has, in place of refusing tables with holes.
    `confidence`: that of the intervals and limits, between 0 and 1.

    >>> import breadth
    >>> answer = breadth.pass_at(
    ...     {"model": ["m", "m"], "prompt_id": [1, 2], "n": [4, 4], "c": [1, 0]}, k=[2]
    ... )
    >>> answer.models[0]["pass"][0]["value"]  # (1 - C(3,2)/C(4,2) + 0) / 2
    0.25
    """
    choice = {
        "k": _several("k", k),
        "all_of": all_of,
        "majority": majority,
        "solved": solved,
        "extrapolate": extrapolate,
    }
    common = _common(group_weights, columns, intersect, confidence)
    if _native is None:
        return PassReport(_document("pass", _paths(samples), {**choice, **common}))
    return _answer(PassReport, _ask(_native.pass_at, table(samples), choice, common))


def plan(
    pilot: Rows | None = None,
    *,
    best_of: float | None = None,
    n: float | None = None,
    log_n: float | None = None,
    reference: str | None = None,
    certify: float | None = None,
    coverage: float = 0.0,
    separate: tuple[float, float] | None = None,
    models: int = 2,
    see: float | None = None,
    per_prompt: int = 1,
    correlation: float = 0.0,
    power: float = 0.9,
    group_weights: Mapping[str, float] | None = None,
    columns: Mapping[str, str] | None = None,
    intersect: bool = False,
    confidence: float = 0.95,
) -> Plan:
    """How many rows and samples a question needs: `breadth plan`.

    `pilot`: a small score table; says what separates its winner from the others at the level, so
    that `coverage`, `separate`, `models`, `per_prompt` and `correlation` are for plans without one.
    `best_of`, `n`, `log_n`: the level, said in one of three ways (default: `n=4`, Best-of-8).
    `reference`: the pilot's model that stands for the truth.
    `certify`: prove that the coverage is at most this share, where it is `coverage` (default: 0).
    `separate`: `(ahead, behind)`, shares of the rows on which the worse of two models is left
    behind by N, and the better; the larger is the worse one's in either order.
    `models`: how many compete, for `separate`.
    `see`: n, to see an answer of probability 1/n among the samples of a prompt.
    `per_prompt`, `correlation`: responses of a prompt, and how their outcomes correlate, 0 to 1.
    `power`: how likely the plan succeeds.
    `group_weights`: what each group of the pilot's prompts (column `group`) counts, by its name.
    `columns`: what the pilot calls our columns, such as `{"logprob": "log_likelihood"}`.
    `intersect`: keep the rows that every model has, in place of refusing a pilot with holes.
    `confidence`: that of what it then proves.

    >>> import breadth
    >>> breadth.plan(see=16).plans[0]["samples"]  # 1 - (15/16)^k >= 0.9
    36
    """
    level = {"best_of": best_of, "n": n, "log_n": log_n}
    choice = {
        "reference": reference,
        "certify": certify,
        "coverage": coverage,
        "separate": tuple(separate) if isinstance(separate, list) else separate,
        "models": models,
        "see": see,
        "per_prompt": per_prompt,
        "correlation": correlation,
        "power": power,
    }
    _check_plan(choice, pilot is not None)
    common = _common(group_weights, columns, intersect, confidence)
    if _native is None:
        # The command line refuses what a pilot tells, and a coverage without a goal for it.
        told = set() if pilot is None else {"separate", "models", "per_prompt", "correlation"}
        told |= {"coverage"} if certify is None or pilot is not None else set()
        free = {name: value for name, value in choice.items() if name not in told}
        return Plan(_document("plan", _paths(pilot), {**level, **free, **common}))
    return _answer(Plan, _ask(_native.plan, table(pilot), level, choice, common))


def _check_plan(choice: Mapping[str, Any], has_pilot: bool) -> None:
    """Refuses what would change nothing."""
    told = {"coverage": 0.0, "separate": None, "models": 2, "per_prompt": 1, "correlation": 0.0}
    if has_pilot:
        idle, why = told, "the pilot tells that by itself; leave out one of them"
    else:
        idle, why = {"reference": None}, "a model of a pilot, and there is none: give its table"
    for name, default in idle.items():
        if choice[name] != default:
            raise ValueError(f"{name}={choice[name]!r}: {why}")
    if choice["certify"] is None and choice["coverage"] != told["coverage"]:
        raise ValueError(f"coverage={choice['coverage']!r}: belongs to certify=..")


def read_logs(
    paths: Path | Sequence[Path],
    *,
    models: Sequence[str] = (),
    reward: str | None = None,
    reward_map: str | None = None,
    filter: str | None = None,
    intersect: bool = False,
) -> Table:
    """Other tools' evaluation logs as a table of ours: `breadth import`.

    `models`: names for the models, one for each path, or one for all.
    `reward`: which of several scores in a log is the reward. `reward_map`: for rewards outside
    [0, 1], what counts as right (`">0"`, `">=1"`, `"==1"`, `"<0"`) or the range that becomes
    [0, 1] (`"min=-1,max=1"`). `filter`: which filter of lm-eval.
    `intersect`: keep the prompts that every model has.

    The table has the Arrow PyCapsule interface: `polars.DataFrame(table)`, `pyarrow.table(table)`,
    `pandas.DataFrame.from_arrow(table)` (before pandas 3 `pyarrow.table(table).to_pandas()`).
    """
    native = _needed("read_logs")
    rows, remarks = native.read_logs(
        _paths(paths),
        models=list(models),
        reward=reward,
        reward_map=reward_map,
        filter=filter,
        intersect=intersect,
    )
    _warn(remarks)
    return rows  # type: ignore[no-any-return]


def score_table(
    scores: Rows,
    *,
    columns: Mapping[str, str] | None = None,
    intersect: bool = False,
    tokens: bool = False,
) -> Table:
    """A score table, read and checked, its rows aligned: every model on the same responses.

    `columns`: what the table calls our columns, such as `{"logprob": "log_likelihood"}`.
    `intersect`: keep the rows that every model has. `tokens`: with the columns of tokens.

    The table has the Arrow PyCapsule interface: `polars.DataFrame(table)`, `pyarrow.table(table)`,
    `pandas.DataFrame.from_arrow(table)` (before pandas 3 `pyarrow.table(table).to_pandas()`).

    >>> import breadth
    >>> rows = breadth.score_table({"model": ["m"], "prompt_id": [1], "logprob": [-0.5]})
    >>> len(rows)
    1
    >>> import pandas
    >>> pandas.DataFrame.from_arrow(rows)[["model", "logprob"]].values.tolist()
    [['m', -0.5]]
    """
    native = _needed("score_table")
    rows, remarks = native.score_table(
        table(scores), columns=_renamed(columns), intersect=intersect, tokens=tokens
    )
    _warn(remarks)
    return rows  # type: ignore[no-any-return]


def report(folder: Path, output: Path, *, best_of: float | None = None) -> None:
    """Writes the page about the tables of a folder."""
    if _native is None:
        given = [] if best_of is None else ["--best-of", f"{best_of:g}"]
        _run("report", _path(folder), "-o", _path(output), *given)
        return
    level = {"best_of": best_of, "n": None, "log_n": None}
    choice = {"rule": None, "a": None, "reference": None, "against": None, "landscape": False}
    tables = _native.Table.of_paths([_path(folder)])
    _native.report(
        tables, None, _path(output), None, level, choice, _common(None, None, False, 0.95)
    )


def table(rows: Rows | None) -> Table | None:
    """The rows as the compiled half takes them."""
    native = _needed("tables in memory")
    if rows is None or isinstance(rows, native.Table):
        return rows  # type: ignore[return-value]
    kind = type(rows).__name__
    if kind == "LazyFrame":
        raise TypeError("a LazyFrame has no rows yet: call .collect() and give what that returns")
    if kind == "Series":
        raise TypeError("a Series is one column, and a table has several: give the data frame")
    if hasattr(rows, "__arrow_c_stream__"):
        _check_weights(rows)
        return native.Table.of_streams(_pieces(_without_nulls(rows)))  # type: ignore[no-any-return]
    if isinstance(rows, Mapping):
        return native.Table.of_columns(_columns(rows))  # type: ignore[no-any-return]
    if isinstance(rows, Iterable) and not isinstance(rows, str | bytes | os.PathLike):
        refuse_open_file(rows)
        every: list[Any] = list(rows)
        dictionaries = [row for row in every if isinstance(row, Mapping)]
        if every and len(dictionaries) == len(every):
            names = dict.fromkeys(name for row in dictionaries for name in row)
            columns = {name: [row.get(name) for row in dictionaries] for name in names}
            return native.Table.of_columns(_columns(columns))  # type: ignore[no-any-return]
        rows = every
    return native.Table.of_paths(_paths(rows))  # type: ignore[no-any-return]


def _apart(
    scores: Rows | None, samples: Rows | None, columns: Sequence[tuple[str, str]]
) -> tuple[Table | None, Table | None]:
    """Score table and sample table, in whichever order they were given.

    A table in memory is known by its columns. The engine tells paths apart by itself.
    """
    first, second = table(scores), table(samples)
    kinds = _kind(first, columns), _kind(second, columns)
    is_late = kinds[0] == "samples" and kinds[1] != "samples"
    is_early = kinds[1] == "scores" and kinds[0] != "scores" and first is not None
    return (second, first) if is_late or is_early else (first, second)


def _kind(given: Table | None, columns: Sequence[tuple[str, str]]) -> str | None:
    """Which table one in memory is, by the engine's rule for files; None where that is open."""
    if given is None or given.paths:
        return None
    theirs = set(given.column_names)
    names = theirs | {ours for ours, there in columns if there in theirs}
    is_graded = bool(names & {"reward", "correct", "passed"})
    if "logprob" in names:
        return "samples" if is_graded and "source" not in names else "scores"
    return "samples" if is_graded or {"n", "c"} <= names else None


def _without_nulls(frame: Any) -> Any:
    """A Polars frame without columns of its type Null, which hold nothing.

    Polars (2.1) hands them over with a buffer that Arrow's readers do not expect.
    """
    if not _is_polars(frame):
        return frame
    return frame.drop([name for name, kind in frame.schema.items() if _has_null(kind)])


def _has_null(kind: Any) -> bool:
    """Whether a type of Polars is Null, or of lists or records with it."""
    within = [getattr(kind, "inner", None), *(one.dtype for one in getattr(kind, "fields", ()))]
    return str(kind) == "Null" or any(_has_null(one) for one in within if one is not None)


def _is_polars(frame: Any) -> bool:
    return type(frame).__module__.split(".")[0] == "polars"


def _pieces(frame: Any) -> list[Any]:
    """The frame, or its slices, one a chunk, where handing it over whole would copy it.

    Polars (2.1) first puts a frame of several chunks into one piece, every column of it, and keeps
    that; a slice within a chunk it hands over as it lies.
    """
    if not _is_polars(frame) or frame.n_chunks() < 2:
        return [frame]
    ends = itertools.accumulate(len(chunk) for chunk in frame.to_series(0).get_chunks())
    bounds = itertools.pairwise((0, *ends))
    return [frame.slice(start, end - start) for start, end in bounds]


def _columns(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Columns by name, as lists; what has no value in any row is left out."""
    columns = {}
    for name, values in rows.items():
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is no name of a column: names are strings")
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            kind = type(values).__name__
            raise TypeError(f"column {name}: a {kind} is no column; give a list of values")
        to_list = getattr(values, "to_pylist", None)
        listed = list(values) if to_list is None else to_list()
        if not listed or any(value is not None for value in listed):
            columns[name] = _with_infinities(name, listed)
    return columns


def _with_infinities(name: str, values: list[Any]) -> list[Any]:
    """Numbers among which infinite ones are written as in JSON, such as "-inf", as numbers."""
    texts = {value for value in values if isinstance(value, str)}
    is_known = bool(texts) and texts <= INFINITE.keys()
    others = (value for value in values if value is not None and not isinstance(value, str))
    if not is_known or (name != "logprob" and next(others, None) is None):
        return values
    return [INFINITE[value] if isinstance(value, str) else value for value in values]


def _check_weights(frame: Any) -> None:
    """Refuses NaN for some weights of a pandas data frame, which hands NaN over as missing.

    A weight that is missing counts as 1, and one that is no number must not. A column of nothing
    but NaN is how pandas reads one in which all are missing.
    """
    if not type(frame).__module__.startswith("pandas") or "weight" not in frame.columns:
        return
    weights = frame["weight"]
    if getattr(weights, "ndim", 1) != 1:
        return  # two columns of that name: refused as such
    wrong = [isinstance(one, float) and one != one for one in weights.tolist()]
    if any(wrong) and not all(wrong):
        raise ValueError(
            f"the data frame, row {wrong.index(True) + 1}, column `weight`: NaN is not a weight; "
            "give a finite number above 0, 1 where none is known: .fillna(1.0)"
        )


def _several(name: str, values: Any) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name}={values!r}: give several, in a list: {name}=[{values!r}]")
    return list(values)


def _common(
    group_weights: Mapping[str, float] | None,
    columns: Mapping[str, str] | None,
    intersect: bool,
    confidence: float,
) -> dict[str, Any]:
    return {
        "group_weights": list(_weights(group_weights).items()),
        "columns": _renamed(columns),
        "intersect": intersect,
        "confidence": confidence,
    }


def _weights(given: Mapping[str, float] | None) -> Mapping[str, float]:
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"group_weights={given!r}: give a dictionary, such as {{'algebra': 0.6}}")
    return given or {}


def _renamed(columns: Mapping[str, str] | None) -> list[tuple[str, str]]:
    if columns is not None and not isinstance(columns, Mapping):
        raise TypeError(f"columns={columns!r}: give a dictionary, such as {{'reward': 'score'}}")
    return list((columns or {}).items())


def _answer(
    kind: type[_Answer], answer: tuple[str, list[str], list[str], list[tuple[str, str, str]]]
) -> _Answer:
    text, sentences, remarks, charts = answer
    document = with_floats(json.loads(text))
    said, remarked = map(in_python, sentences), map(in_python, remarks)
    return kind(document, tuple(said), tuple(remarked), tuple(Chart(*chart) for chart in charts))


def _warn(remarks: Iterable[str]) -> None:
    import warnings

    for remark in remarks:
        warnings.warn(in_python(remark), stacklevel=3)


def _needed(what: str) -> ModuleType:
    if _native is None:
        raise EngineError(
            f"{what}: the compiled half of breadth is not built; install the wheel, or give files"
        )
    return _native


def _paths(rows: Rows | None) -> list[str]:
    if rows is None:
        return []
    if isinstance(rows, str | bytes | os.PathLike):
        return [_path(rows)]
    if isinstance(rows, Mapping) or hasattr(rows, "__arrow_c_stream__"):
        _needed("a data frame")
    refuse_open_file(rows)
    if not isinstance(rows, Iterable):
        raise TypeError(
            f"{type(rows).__name__} is no table: give a data frame with __arrow_c_stream__, "
            "columns by name, rows as dictionaries, or paths"
        )
    paths = []
    for one in rows:
        refuse_open_file(one)
        if not isinstance(one, str | bytes | os.PathLike):
            raise TypeError(
                f"{type(one).__name__} is no path: give paths, rows that are all dictionaries, "
                "columns by name, or a data frame with __arrow_c_stream__"
            )
        paths.append(_path(one))
    return paths


def _path(given: Path) -> str:
    """A path as text. NUL, which no system allows in one, is refused as `open` refuses it."""
    path = os.fsdecode(given)
    if "\0" in path:
        raise ValueError(f"{path!r} is no path: it has a NUL character")
    return path


def program() -> str:
    """The command line to ask."""
    found = os.environ.get("BREADTH_BIN") or shutil.which("breadth")
    if not found:
        raise EngineError(
            "neither is the compiled half of breadth built, nor the program breadth on the path: "
            "cargo install --path crates/breadth, or name it in BREADTH_BIN"
        )
    return found


def _document(command: str, tables: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = with_floats(
        json.loads(_run(command, *tables, *_flags(options), "--json"))
    )
    return document


def _flags(options: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as flags; what was not given is left out."""
    flags = []
    for name, value in options.items():
        flag = f"-{name}" if len(name) == 1 and name != "a" else f"--{name.replace('_', '-')}"
        if value is True:
            flags.append(flag)
        elif name == "model":
            flags += [part for model in value for part in (flag, model)]
        elif name == "group_weights":
            flags += [part for group, one in value for part in (flag, f"{group}={one!r}")]
        elif name == "columns":
            flags += [part for ours, theirs in value for part in (flag, f"{ours}={theirs}")]
        elif isinstance(value, list | tuple):
            flags += [flag, ",".join(map(str, value))] if value else []
        elif name == "extrapolate" and value is not None:
            flags.append(f"{flag}={value}")
        elif value is not None and value is not False:
            flags += [flag, str(value)]
    return flags


def _run(*arguments: str) -> str:
    command = [program(), *arguments, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout
