"""Unbiased Pass@k and mixed groups from the generations that verl dumps.

`trainer.validation_data_dir` holds one `{step}.jsonl` for each validation, a line a response:
`input, output, gts, score, step`. verl's own `best@N` draws N of the logged responses with
replacement and is biased low: of 1 right in 4 it says 0.684 for best@4, where Pass@4 is 1.

```python
from breadth.verl import validation_metrics

for step, metrics in validation_metrics("runs/val", best_of=16).items():
    wandb.log(metrics, step=step)
```
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from breadth import _tables
from breadth._errors import DataError
from breadth._monitor import Metrics, sample_metrics

#: What a score says: a reward in [0, 1].
RewardMap = Callable[[float], float]


def is_positive(score: float) -> float:
    """Right where the score is above 0: for scores of -1 and 1, and of 0 and 1."""
    return float(score > 0.0)


def validation_metrics(
    folder: str | os.PathLike[str],
    *,
    best_of: int = 16,
    group_size: int = 8,
    reward: RewardMap = is_positive,
    prefix: str = "val-breadth/",
) -> dict[int, Metrics]:
    """`pass_K` and `mixed_G` of each step's dump, by step; responses are grouped by `input`.

    `folder`: of `{step}.jsonl` files, or one such file.
    """
    found = {}
    for step, rows in _dumps(folder, reward):
        by_prompt: dict[str, list[float]] = {}
        for row in rows:
            by_prompt.setdefault(row["prompt_id"], []).append(row["reward"])
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
    reward: RewardMap = is_positive,
) -> int:
    """Writes the dumps as one sample table, a model per step, and returns its number of rows."""
    rows = [row for _, rows in _dumps(folder, reward) for row in rows]
    return _tables.write_samples(path, rows)


def _dumps(
    folder: str | os.PathLike[str], reward: RewardMap
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    place = Path(folder)
    files = [place] if place.is_file() else sorted(place.glob("*.jsonl"), key=_step_of)
    if not files:
        raise DataError(f"{place}: no {{step}}.jsonl file")
    for file in files:
        yield _step_of(file), _rows(file, reward)


def _step_of(file: Path) -> int:
    number = re.search(r"\d+", file.stem)
    if number is None:
        raise DataError(f"{file}: verl names its dumps by their step, as 100.jsonl")
    return int(number[0])


def _rows(file: Path, reward: RewardMap) -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    rows = []
    with open(file, encoding="utf-8") as lines:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            line = _line(f"{file}, line {number}", text)
            prompt = line["input"]
            at = counts[prompt] = counts.get(prompt, -1) + 1
            try:
                graded = _tables.checked_reward(reward(float(line["score"])))
            except (TypeError, ValueError) as error:
                raise DataError(f"{file}, line {number}: score: {error}") from None
            rows.append(
                {
                    "model": f"step-{_step_of(file)}",
                    "prompt_id": prompt,
                    "response_id": str(at),
                    "reward": graded,
                    "text": line["output"],
                    "prompt": prompt,
                    "gold": None if line.get("gts") is None else str(line["gts"]),
                }
            )
    if not rows:
        raise DataError(f"{file}: no line of data")
    return rows


def _line(place: str, text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None
    missing = [name for name in ("input", "output", "score") if name not in line]
    if missing:
        raise DataError(f"{place}: has no {missing[0]}; is it a dump of verl?")
    checked: dict[str, Any] = line
    return checked
