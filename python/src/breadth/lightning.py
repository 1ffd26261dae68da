"""Reach and coverage as metrics of Lightning.

```python
from breadth.lightning import CoverageCallback

callbacks = [CoverageCallback("heldout.jsonl", tokenizer=tokenizer, folder="runs/breadth"),
             ModelCheckpoint(monitor="eval_reach_16", mode="max")]
```
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from breadth._errors import missing
from breadth._monitor import INITIAL, Monitor, Monitored

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback  # type: ignore[no-redef,assignment]
    except ModuleNotFoundError as error:
        raise missing("breadth.lightning", "lightning", error) from error


class CoverageCallback(Monitored, Callback):  # type: ignore[misc]
    """Adds `eval_reach_K`, `eval_cov_K`, `eval_cross_entropy` and, with samples, `eval_pass_K` and
    `eval_mixed_G` to every validation; `breadth.hf.CoverageCallback` says what they are.

    They are logged by `log_dict`, so that `ModelCheckpoint` and `EarlyStopping` can watch them and
    every logger of the Trainer gets them.

    `heldout`: as `breadth score --data` takes it, or lines that are dictionaries.
    `best_of`: K. `reference`: `"initial"`, the model as training begins; a checkpoint folder; a
    score table of one model; or None, for no coverage.
    `samples`, `verifier`, `max_tokens`: draw so many samples of each prompt, no longer than that,
    and grade them, as `breadth.torch.sample` does. `group_size`: G. `seed`: that of the samples.
    `per_group`: whether each `group` of the data has metrics of its own.
    `folder`: of the tables (default: `breadth` in the Trainer's `default_root_dir`).
    `tokenizer`: that of the model; needed where the data are text.
    `reading`, `computing`: options of `breadth.read_data` and of `breadth.torch.Scorer`.
    `model`: how to come from the LightningModule to the model of transformers (default: its
    attribute `model`).
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
        model: Callable[[Any], Any] = lambda module: module.model,
    ):
        super().__init__()
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
        self._model = model

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Reads the data, and scores the reference; a run that goes on has its steps by now."""
        folder = os.path.join(trainer.default_root_dir, "breadth")
        model = self._model(pl_module)
        self.monitor.prepare(model, None, folder, trainer.global_step)

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Logs the metrics; not in the check before training."""
        if trainer.sanity_checking:
            return
        model = self._model(pl_module)
        if self.monitor.data is None:  # validate() without fit()
            folder = os.path.join(trainer.default_root_dir, "breadth")
            self.monitor.prepare(model, None, folder, trainer.global_step, keep=False)
        is_training = trainer.state.fn == "fit"  # and not another model, validated by itself
        found = self.monitor.evaluate(model, trainer.global_step, keep=is_training)
        named = {f"eval_{name}": value for name, value in found.items()}
        # The ranks have the same numbers already.
        pl_module.log_dict(named, sync_dist=False)
