"""Which checkpoint should go into Best-of-N or reinforcement learning?

`import breadth` needs nothing but Python: `select`, `profile`, `reach`, `pass_at`, `plan`,
`read_logs` and `score_table` take data frames and files. What needs more is imported when it is
asked for:

- `breadth.torch`: log-probabilities and graded samples of models of transformers
- `breadth.hf`, `breadth.lightning`: reach and coverage as metrics of a trainer
- `breadth.verl`: the same of the validation dumps of verl
- `breadth.optim`: normalised SGD, truncated distillation, direct coverage, the TailSFT filter
"""

from __future__ import annotations

import importlib
from types import ModuleType

from breadth._data import Account, Data, Item, read_data
from breadth._documents import (
    Document,
    PassReport,
    Plan,
    Profile,
    ReachReport,
    Selection,
    Verdict,
)
from breadth._engine import (
    EngineError,
    pass_at,
    plan,
    profile,
    reach,
    read_logs,
    report,
    score_table,
    select,
)
from breadth._errors import DataError
from breadth._tables import TableError, write_samples, write_scores
from breadth._text import Text

__version__ = "0.1.0"

__all__ = [
    "Account",
    "Data",
    "DataError",
    "Document",
    "EngineError",
    "Item",
    "PassReport",
    "Plan",
    "Profile",
    "ReachReport",
    "Selection",
    "TableError",
    "Text",
    "Verdict",
    "pass_at",
    "plan",
    "profile",
    "reach",
    "read_data",
    "read_logs",
    "report",
    "score_table",
    "select",
    "write_samples",
    "write_scores",
]

_ADAPTERS = ("hf", "lightning", "optim", "torch", "verl")


def __getattr__(name: str) -> ModuleType:
    if name in _ADAPTERS:
        return importlib.import_module(f"breadth.{name}")
    raise AttributeError(f"module 'breadth' has no attribute {name!r}")
