"""Reach and coverage as metrics of the Trainer of transformers, and of TRL's trainers.

```python
from breadth.hf import CoverageCallback

callback = CoverageCallback("heldout.jsonl", best_of=16)
args = TrainingArguments(..., eval_strategy="steps", load_best_model_at_end=True,
                         metric_for_best_model="eval_reach_16", greater_is_better=True)
trainer = Trainer(..., args=args, callbacks=[callback])
trainer.train()
print(callback.verdict()["verdict"])
```
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from breadth._errors import DataError, missing
from breadth._monitor import INITIAL, Metrics, Monitor, Monitored

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    raise missing("breadth.hf", "hf", error) from error


class CoverageCallback(Monitored, TrainerCallback):  # type: ignore[misc]
    """Adds `eval_reach_K`, `eval_cov_K`, `eval_cross_entropy` and, with samples, `eval_pass_K` and
    `eval_mixed_G` to every evaluation of a Trainer.

    With K samples: `reach`, what they find of the held-out responses for certain, and `cov`, the
    share of these to which the reference gives K times the model's probability. Of graded samples:
    Pass@K, and the share of groups of G with right and wrong ones.

    All stand in the metrics of the evaluation, so that `metric_for_best_model` and
    `EarlyStoppingCallback` work with them, in `trainer.state.log_history`, and in whatever the
    Trainer reports to.

    `heldout`: as `breadth score --data` takes it, or lines that are dictionaries.
    `best_of`: K. `reference`: `"initial"`, the model as training begins; a checkpoint folder; a
    score table of one model; or None, for no coverage.
    `samples`, `verifier`, `max_tokens`: draw so many samples of each prompt, no longer than that,
    and grade them, as `breadth.torch.sample` does. `group_size`: G. `seed`: that of the samples.
    `per_group`: whether each `group` of the data has metrics of its own.
    `folder`: of the tables (default: `output_dir/breadth`, each run's own).
    `tokenizer`: that of the model (default: the Trainer's `processing_class`).
    `reading`, `computing`: options of `breadth.read_data` and of `breadth.torch.Scorer`.
    `every`: also evaluate every so many steps, where the Trainer has no evaluation of its own, as
    TRL's GRPO has none by default.

    All ranks score a share, rank 0 writes. The model is measured in the precision in which the
    Trainer evaluates it.
    """

    def __init__(
        self,
        heldout: Any,
        *,
        best_of: int = 16,
        reference: str | os.PathLike[str] | None = INITIAL,
        verifier: Any = None,
        samples: int = 0,
        max_tokens: int | None = None,
        group_size: int = 8,
        per_group: bool = True,
        folder: str | os.PathLike[str] | None = None,
        tokenizer: Any = None,
        seed: int = 0,
        reading: Mapping[str, Any] | None = None,
        computing: Mapping[str, Any] | None = None,
        every: int | None = None,
    ):
        if every is not None and every < 1:
            raise ValueError(f"every = {every} must be at least 1")
        self.monitor = Monitor(
            heldout,
            best_of=best_of,
            reference=reference,
            verifier=verifier,
            samples=samples,
            max_tokens=max_tokens,
            group_size=group_size,
            per_group=per_group,
            folder=folder,
            tokenizer=tokenizer,
            seed=seed,
            reading=reading,
            computing=computing,
        )
        self.every = every
        self._handler: Any = None
        self._latest: tuple[int, Metrics] | None = None
        self._is_training = False

    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Finds those who are told of logs."""
        self._find_handler()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reads the data, and scores the reference."""
        self._find_handler()
        self._is_training, self._latest = True, None
        self._prepare(args, state, kwargs)
        if state.is_world_process_zero and self.monitor.data is not None:
            for sentence in self.monitor.data.account.warnings():
                print(f"breadth: {sentence}", file=sys.stderr)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Adds the metrics to the Trainer's."""
        if self.monitor.data is None:  # evaluate() without train()
            self._prepare(args, state, kwargs, keep=False)
        metrics = kwargs.get("metrics")
        ours = self._measure(kwargs["model"], state.global_step)
        if metrics is not None:
            metrics.update(ours)
        self._log(args, state, control, ours)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Evaluates where `every` says so and the Trainer does not."""
        due = self.every is not None and state.global_step % self.every == 0
        if due and not control.should_evaluate:
            self._log(args, state, control, self._measure(kwargs["model"], state.global_step))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """From now on the model may be another than the last step's: the best one, loaded."""
        self._is_training = False

    def _prepare(self, args: Any, state: Any, given: Any, *, keep: bool = True) -> None:
        folder = Path(args.output_dir) / "breadth"
        tokenizer = _tokenizer(given.get("processing_class"))
        self.monitor.prepare(given["model"], tokenizer, folder, state.global_step, keep=keep)
        if self.monitor.per_group and self.monitor.data is not None:
            _check_groups({item.group for item in self.monitor.data.items} - {None})

    def _measure(self, model: Any, step: int) -> Metrics:
        # An evaluation of several data sets is told once for each.
        if self._is_training and self._latest is not None and self._latest[0] == step:
            return self._latest[1]
        found = self.monitor.evaluate(model, step, keep=self._is_training)
        named = {f"eval_{_flat(name)}": value for name, value in found.items()}
        self._latest = (step, named)
        return named

    def _log(self, args: Any, state: Any, control: Any, ours: Metrics) -> None:
        """Into the history beside the evaluation's own metrics, and to all who are told of logs.

        The Trainer has logged by the time it tells its callbacks of an evaluation.
        """
        history = state.log_history
        is_same = bool(history) and history[-1].get("step") == state.global_step
        if is_same and any(name.startswith("eval_") for name in history[-1]):
            history[-1].update(ours)
        else:
            history.append({**ours, "epoch": state.epoch, "step": state.global_step})
        if self._handler is not None:
            self._handler.on_log(args, state, control, logs=dict(ours))

    def _find_handler(self) -> None:
        """The Trainer's list of callbacks, which no event hands over: its `call_event` called us.

        This callback is put before all that read metrics, `EarlyStoppingCallback` among them.
        """
        frame = sys._getframe(1)
        while frame is not None:
            owner = frame.f_locals.get("self")
            callbacks = getattr(owner, "callbacks", None)
            if hasattr(owner, "on_log") and isinstance(callbacks, list) and self in callbacks:
                self._handler = owner
                break
            if frame.f_back is None:
                return
            frame = frame.f_back
        readers = [one for one in callbacks if hasattr(one, "early_stopping_patience")]
        first = min((callbacks.index(one) for one in readers), default=len(callbacks))
        if first < callbacks.index(self):
            others = [one for one in callbacks if one is not self]
            # A new list: the old one is being gone through.
            self._handler.callbacks = [*others[:first], self, *others[first:]]


def _flat(name: str) -> str:
    return name.replace("/", "_")


def _check_groups(groups: Iterable[Any]) -> None:
    """Refuses groups whose metrics would have one name, so that one would hide the other."""
    known: dict[str, str] = {}
    for group in sorted(groups):
        other = known.setdefault(_flat(group), group)
        if other != group:
            raise DataError(
                f"groups {other} and {group} would share one metric, .._{_flat(group)}: rename "
                "one, or give per_group=False"
            )


def _tokenizer(processor: Any) -> Any:
    """The tokenizer of a processor of several kinds of input."""
    return getattr(processor, "tokenizer", processor)
