"""The answers as typed objects: mappings over the documents of the command line.

Infinite numbers, which JSON writes as the strings "inf" and "-inf", are floats here.
"""

from __future__ import annotations

import base64
import copy
import html
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from breadth._errors import bring

if TYPE_CHECKING:
    import numpy as np

#: Infinite numbers as JSON has them.
INFINITE = {"inf": math.inf, "-inf": -math.inf}

#: Fields whose strings are names, whatever they look like.
_NAMES = {
    "against",
    "baseline",
    "cross_entropy_winner",
    "from",
    "group",
    "model",
    "prompt",
    "prompt_id",
    "reference",
    "says",
    "take",
    "winner",
    "worst_rival",
}


def with_floats(value: Any) -> Any:
    """A document with its infinite numbers as floats."""
    if isinstance(value, dict):
        return {
            key: INFINITE.get(one, one)
            if isinstance(one, str) and key not in _NAMES
            else with_floats(one)
            for key, one in value.items()
        }
    return [with_floats(one) for one in value] if isinstance(value, list) else value


#: Models that the sentence about an answer names.
_NAMED = 5

#: Characters of HTML that charts may take in a notebook, which keeps them in its file.
_CHARTS = 90_000


@dataclass(frozen=True)
class Chart:
    """A chart of an answer, as the page has it."""

    title: str
    #: What to see, in a sentence.
    caption: str
    #: A file of its own.
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def _html(self) -> str:
        # As an image it can neither run anything nor change how the notebook looks.
        data = base64.b64encode(self.svg.encode()).decode()
        title, caption = html.escape(self.title), html.escape(self.caption)
        return (
            '<figure style="display:inline-block;vertical-align:top;width:460px;max-width:100%;'
            f'margin:0 12px 12px 0"><b>{title}</b><img alt="{title}" style="width:100%;'
            f'background:#fff" src="data:image/svg+xml;base64,{data}"><figcaption>{caption}'
            "</figcaption></figure>"
        )


class Document(Mapping[str, Any]):
    """An answer: a mapping over its fields, which are those of the command line's `--json`.

    `json.dumps` takes the dictionary that `to_dict` returns, and not the answer itself.
    """

    #: What it says of its models, where no sentence says more.
    _what = "An answer"
    #: The columns of the table that a notebook shows: field of a model, and its heading.
    _shown: tuple[tuple[str, str], ...] = (("model", "model"),)

    def __init__(
        self,
        document: Mapping[str, Any],
        sentences: tuple[str, ...] = (),
        remarks: tuple[str, ...] = (),
        charts: tuple[Chart, ...] = (),
    ) -> None:
        self._document = dict(document)
        self._sentences = sentences
        #: What the readers of the tables want known.
        self.remarks = remarks
        #: What a notebook shows of it, drawn.
        self.charts = charts

    def __getitem__(self, key: str) -> Any:
        return self._document[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document)

    def __len__(self) -> int:
        return len(self._document)

    def to_dict(self) -> dict[str, Any]:
        """The document as a dictionary: the fields of `--json`, infinite numbers as floats.

        A copy throughout: changing it changes no answer.
        """
        return copy.deepcopy(self._document)

    @property
    def models(self) -> list[dict[str, Any]]:
        """One entry for each model."""
        return list(self._document.get("models", []))

    @property
    def sentence(self) -> str:
        """The answer in one sentence; empty where only a table can say it."""
        return self._sentences[0] if self._sentences else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What else to know, a sentence each."""
        return self._sentences[1:]

    def __repr__(self) -> str:
        return self.sentence or self._summary()

    def _summary(self) -> str:
        return f"{self._what} of {names_of(str(one['model']) for one in self.models)}."

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{html.escape(repr(self))}</b></p>"]
        parts += [f"<p>{html.escape(note)}</p>" for note in self.notes]
        parts += self._drawn()
        if self.models:
            parts.append(html_table(self._headings(), map(self._row, self.models)))
        return "".join(parts)

    def _drawn(self) -> list[str]:
        """The charts, as far as a notebook should hold them."""
        room, drawn = _CHARTS, []
        for chart in self.charts:
            figure = chart._html()
            if len(figure) > room:
                drawn.append(f"<p>{html.escape(chart.title)}: in `charts`, too large to show</p>")
                continue
            room -= len(figure)
            drawn.append(figure)
        return drawn

    def _headings(self) -> list[str]:
        return [heading for _, heading in self._shown]

    def _row(self, model: Mapping[str, Any]) -> list[Any]:
        return [model.get(field) for field, _ in self._shown]


def names_of(models: Iterable[str]) -> str:
    """The first few models, and how many more there are."""
    names = list(models)
    shown = ", ".join(names[:_NAMED]) or "no model"
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def html_table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table for a notebook."""
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_cell(one))}</td>" for one in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    """A value as a cell: numbers in four digits, an interval with its limits."""
    if isinstance(value, Mapping):
        limits = ", ".join(_cell(value.get(end)) for end in ("low", "high"))
        return f"{_cell(value.get('value'))} [{limits}]"
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


@dataclass(frozen=True)
class Verdict:
    """What to take on all the evidence."""

    #: The checkpoint to take; None where the evidence is not enough.
    take: str | None
    #: How sure that is: certain, likely or open.
    state: str
    #: The evidence that decides.
    by: str | None
    #: The number that decides, in words.
    because: str
    #: The candidates that the deciding evidence leaves open.
    may_be_best: tuple[str, ...]
    #: What would decide, as commands to type, where nothing does yet.
    next_command: str | None


class Selection(Document):
    """Which checkpoint to take: the answer of `select`."""

    _shown = (
        ("rank", "rank"),
        ("model", "model"),
        ("value", "value"),
        ("low", "low"),
        ("high", "high"),
        ("cross_entropy", "cross-entropy"),
        ("pass", "Pass@k"),
    )
    _page: Callable[[str | os.PathLike[str], str | None], None] | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What to take on all evidence; None where a reference's answers stand for the data."""
        found = self._document["verdict"]
        if found is None:
            return None
        return Verdict(
            take=found["take"],
            state=found["state"],
            by=found["by"],
            because=found["because"],
            may_be_best=tuple(found["may_be_best"]),
            next_command=found["next"] and found["next"]["command"],
        )

    @property
    def winner(self) -> str:
        """The choice of the rule; what to take is in the verdict."""
        return str(self._document["winner"])

    @property
    def tied(self) -> list[str]:
        """All models with the winner's exact value."""
        return list(self._document["tied"])

    @property
    def not_excluded(self) -> list[str]:
        """Contains the model with the best true value, with the confidence asked for (of a race:
        that may win on the whole table)."""
        return list(self._document["not_excluded"])

    def report(self, path: str | os.PathLike[str], *, title: str | None = None) -> None:
        """Writes the page about the same tables: one HTML file that needs nothing else."""
        if self._page is None:
            raise RuntimeError("the page is made from tables: take what breadth.select returned")
        self._page(path, title)


class _Curves(Document):
    _curve = ""
    #: What a point of the curve is at, what its value is called, and the heading before the former.
    _point: tuple[str, str, str] = ("k", "value", "")

    def _headings(self) -> list[str]:
        at, _, heading = self._point
        points = self.models[0][self._curve]
        return super()._headings() + [f"{heading}{point[at]:g}" for point in points]

    def _row(self, model: Mapping[str, Any]) -> list[Any]:
        _, value, _ = self._point
        points = ({**point, "value": point.get(value)} for point in model[self._curve])
        return [*super()._row(model), *points]

    def curve(self, model: str) -> dict[str, np.ndarray[Any, Any]]:
        """A model's curve as NumPy arrays, one for each number in it."""
        try:
            import numpy as np
        except ImportError as error:
            raise ImportError(f"curves are arrays of NumPy: {bring('numpy')}") from error
        known = {one["model"]: one for one in self.models}
        if model not in known:
            raise KeyError(f"no model {model!r}; there are {', '.join(known)}")
        points = known[model][self._curve]
        columns: dict[str, list[Any]] = {}
        for name in points[0]:
            values = [point.get(name) for point in points]
            if all(isinstance(value, int | float) for value in values):
                columns[name] = values
        return {name: np.asarray(values) for name, values in columns.items()}


class Profile(_Curves):
    """How much of the data each model under-weights: the answer of `profile`."""

    _curve = "profile"
    _what = "The coverage profile"
    _point = ("n", "cov", "Cov_")
    _shown = (("model", "model"), ("kl", "KL"), ("cross_entropy", "cross-entropy"))


class ReachReport(_Curves):
    """What k samples find for certain: the answer of `reach`."""

    _curve = "reach"
    _what = "The reach"
    _point = ("k", "value", "reach_")
    _shown = (("model", "model"), ("prompts", "prompts"))


class PassReport(_Curves):
    """How often the best of k samples is right: the answer of `pass_at`."""

    _curve = "pass"
    _what = "Pass@k"
    _point = ("k", "value", "Pass@")
    _shown = (("model", "model"), ("prompts", "prompts"))


class Plan(Document):
    """How many rows and samples a question needs: the answer of `plan`."""

    @property
    def plans(self) -> list[dict[str, Any]]:
        """One entry for each goal."""
        return list(self._document["plans"])
