"""Unbiased Pass@k and mixed groups from the generations that verl dumps.

`trainer.validation_data_dir` holds one `{step}.jsonl` for each validation, a line a response:
`input, output, gts, score, step`. verl's own `best@N` draws N of the logged responses with
replacement and is biased low: of 1 right in 4 it says 0.684 for best@4, where Pass@4 is 1.

```python
from breadth.verl import validation_metrics

for step, metrics in validation_metrics("runs/val", best_of=16, reward_map=">0").items():
    wandb.log(metrics, step=step)
```

Scores in [0, 1] are rewards as they are. For others `reward_map` says what counts as right, as for
`breadth.read_logs`: `">0"` for scores of -1 and 1.
"""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any

from breadth import _engine, _tables
from breadth._errors import DataError
from breadth._monitor import Metrics, sample_metrics

#: What the engine says of verl's own best@N, which is the reason for this module.
_KNOWN = ".*best@N"


def validation_metrics(
    folder: str | os.PathLike[str],
    *,
    best_of: int = 16,
    group_size: int = 8,
    reward_map: str | None = None,
    prefix: str = "val-breadth/",
) -> dict[int, Metrics]:
    """`pass_K` and `mixed_G` of each step's dump, by step; responses are grouped by `input`.

    `folder`: of `{step}.jsonl` files, or one such file.
    """
    dumps = _read(folder, reward_map)
    by_step: dict[int, dict[str, list[float]]] = {}
    rows = zip(
        dumps.strings("model"), dumps.strings("prompt_id"), dumps.numbers("reward"), strict=True
    )
    for model, prompt, reward in rows:
        by_step.setdefault(_step_of(model), {}).setdefault(prompt, []).append(reward)
    found = {}
    for step, by_prompt in sorted(by_step.items()):
        fewest = min(map(len, by_prompt.values()))
        if fewest < max(best_of, group_size):
            raise DataError(
                f"{folder}, step {step}: a prompt has {fewest} responses; Pass@{best_of} and "
                f"groups of {group_size} need {max(best_of, group_size)}: validate with more "
                "(actor_rollout_ref.rollout.val_kwargs.n), or ask for less"
            )
        metrics = sample_metrics(list(by_prompt.values()), best_of, group_size)
        found[step] = {prefix + name: value for name, value in metrics.items()}
    return found


def to_samples(
    folder: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    reward_map: str | None = None,
) -> int:
    """Writes the dumps as one sample table, a model per step, and returns its number of rows."""
    dumps = _read(folder, reward_map)
    strings = ("model", "prompt_id", "response_id", "answer", "text", "prompt", "gold")
    columns: dict[str, list[Any]] = {name: dumps.strings(name) for name in strings}
    columns["reward"] = dumps.numbers("reward")
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return _tables.write_samples(path, rows)


def _read(folder: str | os.PathLike[str], reward_map: str | None) -> Any:
    place = Path(folder)
    if place.is_dir() and not any(place.glob("*.jsonl")):
        raise DataError(f"{place}: no {{step}}.jsonl file")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_KNOWN)
        return _engine.read_logs(place, reward_map=reward_map)


def _step_of(model: str) -> int:
    number = re.search(r"\d+$", model)
    if number is None:
        raise DataError(f"{model}: verl names its dumps by their step, as 100.jsonl")
    return int(number[0])
