"""From hidden states to log-probabilities of target tokens, without the logits of all at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

#: Tokens of the vocabulary that are float32 at one time.
VOCAB_CHUNK = 16384


def log_probs(logits: Tensor, targets: Tensor) -> Tensor:
    """`log softmax(logits)[target]` in float32, whatever the logits' own type.

    `logits`: (rows, vocab). `targets`: (rows). Chunked over the vocabulary, so that no float32 copy
    of all logits is made. NaN where a logit of the row is NaN or +inf.
    """
    chunks = torch.split(logits, VOCAB_CHUNK, dim=-1)
    sums = [torch.logsumexp(chunk.float(), dim=-1) for chunk in chunks]
    total = sums[0] if len(sums) == 1 else torch.logsumexp(torch.stack(sums, dim=-1), dim=-1)
    total = total.masked_fill(total == math.inf, math.nan)
    return logits.gather(-1, targets[:, None])[:, 0].float() - total


def post_processing(config: Any) -> Callable[[Tensor], Tensor]:
    """What a model does to the output of its head, by its configuration, in float32."""
    cap = getattr(config, "final_logit_softcapping", None)
    divisor = getattr(config, "logits_scaling", None) or 1.0  # Granite
    factor = getattr(config, "logit_scale", None) or 1.0  # Cohere

    def process(logits: Tensor) -> Tensor:
        if divisor != 1.0 or factor != 1.0:
            logits = logits.float() * (factor / divisor)
        if cap:
            logits = torch.tanh(logits.float() / cap) * cap
        return logits

    return process


class Head:
    """Takes the hidden states on their way into a model's output layer.

    While a `Head` is open, the model computes the logits of one position alone; those of the
    targets are computed here, `rows` positions at a time. The one position says whether what is
    computed here is what the model does (`agrees`): a model that does something unknown to its
    logits must not be taken for one that does not.
    """

    def __init__(self, layer: nn.Module, config: Any, memory: int):
        self.layer = layer
        self.process = post_processing(config)
        self.memory = memory
        self.found: Tensor | None = None
        #: What the layer computes in, which under autocast is not what its weights are.
        self.dtype = torch.float32
        self._own: Tensor | None = None
        self._rows = torch.empty(0)
        self._targets = torch.empty(0)
        self._shape: tuple[int, int] = (0, 0)

    def ask(self, rows: Tensor, targets: Tensor, shape: tuple[int, int]) -> None:
        """Says which flat positions of the next forward pass, of this shape, predict which."""
        self._rows, self._targets, self._shape = rows, targets, shape
        self.found = self._own = None

    def __enter__(self) -> Head:
        self._handle = self.layer.register_forward_pre_hook(self._take, with_kwargs=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def agrees(self, logits: Any) -> bool:
        """Whether the model's own logits of the first position are those computed here."""
        if self._own is None or not isinstance(logits, Tensor):
            return False
        theirs, ours = logits.reshape(-1, logits.shape[-1])[0].float(), self._own[0].float()
        if theirs.shape != ours.shape:
            return False
        loose = self.dtype in (torch.bfloat16, torch.float16)
        rtol, atol = (2e-2, 5e-2) if loose else (1e-4, 1e-4)
        return bool(torch.allclose(theirs, ours, rtol=rtol, atol=atol, equal_nan=True))

    def _take(self, layer: nn.Module, args: Any, kwargs: Any) -> Any:
        hidden = args[0] if args else None
        if not isinstance(hidden, Tensor) or tuple(hidden.shape[:2]) != self._shape:
            return None
        self._own = self._logits(layer, hidden[:1, 0])
        self.found = self._chunked(layer, hidden.reshape(-1, hidden.shape[-1]))
        return (hidden[:1, :1], *args[1:]), kwargs

    def _chunked(self, layer: nn.Module, hidden: Tensor) -> Tensor:
        # One position's logits: as the head gives them, and float32 where they are processed.
        assert self._own is not None
        size = max(16, self.memory // (self._own.shape[-1] * 6))
        rows, targets = self._rows.to(hidden.device), self._targets.to(hidden.device)
        parts = [
            log_probs(self._logits(layer, hidden[some]), wanted)
            for some, wanted in zip(
                torch.split(rows, size), torch.split(targets, size), strict=True
            )
        ]
        return torch.cat(parts)

    def _logits(self, layer: nn.Module, hidden: Tensor) -> Tensor:
        # Not the call: it would come back here, and into what sharded training hangs on it.
        logits = layer.forward(hidden)
        self.dtype = logits.dtype
        return self.process(logits)
