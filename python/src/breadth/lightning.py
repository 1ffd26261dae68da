"""Reach and coverage as metrics of Lightning.

```python
from breadth.lightning import CoverageCallback

callbacks = [CoverageCallback("heldout.jsonl", tokenizer=tokenizer, folder="runs/breadth"),
             ModelCheckpoint(monitor="eval_reach_16", mode="max")]
```
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from breadth._errors import missing
from breadth._monitor import INITIAL, Monitor

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback  # type: ignore[no-redef,assignment]
    except ModuleNotFoundError as error:
        raise missing("breadth.lightning", "lightning", error) from error


class CoverageCallback(Callback):  # type: ignore[misc]
    """Adds `eval_reach_K`, `eval_cov_K` and the others of `Monitor` to every validation.

    They are logged by `log_dict`, so that `ModelCheckpoint` and `EarlyStopping` can watch them and
    every logger of the Trainer gets them. `model`: how to come from the LightningModule to the
    model of transformers (default: its attribute `model`).
    """

    def __init__(
        self,
        heldout: Any,
        *,
        best_of: int = 16,
        reference: str | os.PathLike[str] | None = INITIAL,
        verifier: Any = None,
        samples: int = 0,
        model: Callable[[Any], Any] = lambda module: module.model,
        **options: Any,
    ):
        super().__init__()
        self.monitor = Monitor(
            heldout,
            best_of=best_of,
            reference=reference,
            verifier=verifier,
            samples=samples,
            **options,
        )
        self._model = model

    def verdict(self) -> dict[str, Any]:
        """Which checkpoint to take: the document of `breadth select --json`."""
        return self.monitor.verdict()

    def report(self, path: str | os.PathLike[str]) -> None:
        """Writes the page about all evaluations."""
        self.monitor.report(path)

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
