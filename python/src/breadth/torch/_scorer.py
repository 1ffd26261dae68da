"""`log q(y_h | x, y_<h)` of given responses under any causal model of transformers."""

from __future__ import annotations

import contextlib
import copy
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from breadth._errors import DataError, Ids
from breadth.torch._head import Head, log_probs
from torch import Tensor, nn

#: Input tokens of a forward pass, padding included, on a processor and on an accelerator.
BATCH_TOKENS = {"cpu": 2048}
BATCH_TOKENS_ELSEWHERE = 16384
#: Bytes of logits at one time.
LOGITS_MEMORY = 512 << 20
#: Cached prompt tokens of a forward pass, in batches of input tokens.
CACHED_TIMES = 4
#: How far two ways to the same log-probability may differ in nats, by rounding alone.
ROUNDING = {torch.float32: 1e-3, torch.float64: 1e-6}
ROUNDING_OF_HALF = 0.3
_PLAIN_CACHES = {"DynamicLayer", "DynamicSlidingWindowLayer"}
_MOVING_ROPES = {"longrope", "dynamic"}


class Pair(NamedTuple):
    """A prompt and the response whose tokens are to be predicted."""

    prompt: Ids
    response: Ids

    @property
    def inputs(self) -> Ids:
        """What goes through the model: all but the last token."""
        return [*self.prompt, *self.response[:-1]]


class LogitsError(ValueError):
    """A model gave no number; the message names the model, the sequence and the token."""


class Scorer:
    """Scores pairs of token ids under one model; restores everything it touches.

    Sequences are padded on the right, or packed where the model's attention takes them so, each
    with its own positions; attention is causal, so a sequence's numbers do not depend on its
    neighbours. Responses that share a long prompt are scored on a cache of it, where the model has
    one that can be trusted. Both are checked against a plain pass once, and left where they differ.

    `layout`: `auto` (packed under flash attention, else padded), `padded` or `packed`.
    """

    def __init__(
        self,
        model: Any,
        *,
        name: str = "model",
        batch_tokens: int | None = None,
        share_prompts: bool = True,
        layout: str = "auto",
        logits_memory: int = LOGITS_MEMORY,
    ):
        if layout not in ("auto", "padded", "packed"):
            raise ValueError(f"layout = {layout!r} must be 'auto', 'padded' or 'packed'")
        self.model = _unwrapped(model)
        if getattr(self.model.config, "is_encoder_decoder", False):
            raise TypeError(f"model {name} has an encoder; causal models alone can be scored")
        self.name = name
        self.config = self.model.config.get_text_config()
        self.device = self.model.get_input_embeddings().weight.device
        self.dtype = self.model.get_input_embeddings().weight.dtype
        usual = BATCH_TOKENS.get(self.device.type, BATCH_TOKENS_ELSEWHERE)
        self.batch_tokens = batch_tokens or usual
        self.logits_memory = logits_memory
        # An adapter of PEFT takes anything and hands it on.
        inner = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        parameters = inspect.signature(inner.forward).parameters
        self._takes_positions = "position_ids" in parameters
        self._cache_name = "cache" if "cache" in parameters else "past_key_values"
        self._rope = _moving_rope(self.config)
        self.shares_prompts = share_prompts and not self._rope
        flash = "flash" in str(getattr(self.model.config, "_attn_implementation", ""))
        self.packs = layout == "packed" or (layout == "auto" and flash)
        self._trusted = {"shared": False, "packed": False}
        self._uses_head = isinstance(self.model.get_output_embeddings(), nn.Module)

    def token_log_probs(
        self, pairs: Sequence[Pair], places: Callable[[int], str] | None = None
    ) -> list[list[float]]:
        """`log q(y_h | x, y_<h)` of every response token, in nats: one list per pair.

        `places` names the pair at a position, for messages. Raises `DataError` for what the model
        cannot take, `LogitsError` where it gives no number.
        """
        named = places or (lambda at: f"sequence {at + 1}")
        pairs = [Pair(*pair) for pair in pairs]
        for at, pair in enumerate(pairs):
            self._check(pair, named(at))
        found: list[list[float]] = [[] for _ in pairs]
        with self._quiet():
            for places_of, values in self._all(pairs):
                for at, own in zip(places_of, values, strict=True):
                    found[at] = own.tolist()
        for at, (own_list, pair) in enumerate(zip(found, pairs, strict=True)):
            self._check_numbers(own_list, pair, named(at))
        return found

    def _all(self, pairs: Sequence[Pair]) -> Iterator[tuple[list[int], list[Tensor]]]:
        alone: list[int] = []
        for group in _by_prompt(pairs).values():
            if self.shares_prompts and self._is_worth_sharing(pairs, group):
                shared = self._shared(pairs, group)
                if shared is not None:
                    yield from shared
                    continue
            alone += group
        for batch in self._batches(pairs, alone):
            yield from self._split_if_too_large(pairs, batch)

    def _check(self, pair: Pair, place: str) -> None:
        if not pair.prompt:
            why = "the prompt has no token; the first token of a sequence cannot be scored"
            raise DataError(f"{place}: {why}")
        if not pair.response:
            raise DataError(f"{place}: the response has no token")
        vocabulary = self.config.vocab_size
        outside = next((t for part in pair for t in part if not 0 <= t < vocabulary), None)
        if outside is not None:
            raise DataError(
                f"{place}: token {outside} is outside the model's vocabulary of {vocabulary}; "
                "is the tokenizer the model's own?"
            )
        length, limit = len(pair.prompt) + len(pair.response) - 1, self._positions()
        if limit is not None and length > limit:
            raise DataError(
                f"{place}: {length} input tokens; the model has {limit} positions; shorten the "
                "prompt or the response"
            )

    def _positions(self) -> int | None:
        for name in ("max_position_embeddings", "n_positions", "n_ctx"):
            limit = getattr(self.config, name, None)
            if isinstance(limit, int):
                return limit
        return None

    def _check_numbers(self, values: list[float], pair: Pair, place: str) -> None:
        for at, value in enumerate(values):
            if value != value or value > 1e-3:
                raise LogitsError(
                    f"model {self.name}, {place}: the log-probability of response token {at + 1} "
                    f"of {len(values)} (id {pair.response[at]}, position "
                    f"{len(pair.prompt) + at}) is {value}; the model's logits there are NaN or "
                    "infinite: are its weights whole, and its precision wide enough?"
                )

    def _by_length(self, pair: Pair) -> tuple[int, ...]:
        """What sequences of one batch must have in common, for rope that moves with the length."""
        length = len(pair.prompt) + len(pair.response) - 1
        if self._rope is None:
            return ()
        kind = self._rope.get("rope_type", self._rope.get("type"))
        name = "original_max_position_embeddings"
        usual = getattr(self.config, name, None) or self.config.max_position_embeddings
        switch = self._rope.get(name) or usual
        # LongRoPE has two sets of factors, dynamic scaling one for every length.
        return (0 if length <= switch else 1 if kind == "longrope" else length,)

    def _batches(self, pairs: Sequence[Pair], places: Sequence[int]) -> Iterator[list[int]]:
        """Places that go through the model together: long ones first, of like length."""
        length = {at: len(pairs[at].prompt) + len(pairs[at].response) - 1 for at in places}
        kind = {at: self._by_length(pairs[at]) for at in places}
        batch: list[int] = []
        used = 0
        for at in sorted(places, key=lambda at: (kind[at], -length[at], at)):
            new = length[at] if self.packs else length[batch[0] if batch else at]
            if batch and (kind[at] != kind[batch[0]] or used + new > self.batch_tokens):
                yield batch
                batch, used = [], 0
            batch.append(at)
            used += length[at] if self.packs else length[batch[0]]
        if batch:
            yield batch

    def _split_if_too_large(
        self, pairs: Sequence[Pair], batch: list[int]
    ) -> Iterator[tuple[list[int], list[Tensor]]]:
        try:
            values = self._plain([pairs[at] for at in batch])
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
            self.batch_tokens = max(1, self.batch_tokens // 2)
            torch.cuda.empty_cache()
        else:
            yield batch, values
            return
        half = (len(batch) + 1) // 2
        yield from self._split_if_too_large(pairs, batch[:half])
        yield from self._split_if_too_large(pairs, batch[half:])

    def _plain(self, pairs: Sequence[Pair]) -> list[Tensor]:
        if not self.packs:
            return self._padded(pairs)
        values = self._packed(pairs)
        if not self._trusted["packed"] and len(pairs) > 1:
            alone = self._padded(pairs[-1:])[0]
            self._trusted["packed"] = self._is_same(values[-1], alone)
            if not self._trusted["packed"]:
                self.packs = False
                self._warn("packed sequences see one another in this model; they are padded")
                return self._padded(pairs)
        return values

    def _padded(self, pairs: Sequence[Pair]) -> list[Tensor]:
        inputs = [pair.inputs for pair in pairs]
        width = max(map(len, inputs))
        ids = torch.zeros(len(pairs), width, dtype=torch.long)
        mask = torch.zeros(len(pairs), width, dtype=torch.long)
        for row, own in enumerate(inputs):
            ids[row, : len(own)] = torch.tensor(own)
            mask[row, : len(own)] = 1
        positions = torch.arange(width).expand(len(pairs), -1)
        positions = torch.minimum(positions, mask.sum(-1, keepdim=True) - 1)
        starts = [row * width + len(pair.prompt) - 1 for row, pair in enumerate(pairs)]
        return self._targets(pairs, starts, ids, mask, positions)[0]

    def _packed(self, pairs: Sequence[Pair]) -> list[Tensor]:
        ids: Ids = []
        positions: Ids = []
        starts = []
        for pair in pairs:
            starts.append(len(ids) + len(pair.prompt) - 1)
            positions += range(len(pair.inputs))
            ids += pair.inputs
        flat = torch.tensor([ids])
        return self._targets(pairs, starts, flat, None, torch.tensor([positions]))[0]

    def _targets(
        self,
        pairs: Sequence[Pair],
        starts: Sequence[int],
        ids: Tensor,
        mask: Tensor | None,
        positions: Tensor,
        cache: Any = None,
    ) -> tuple[list[Tensor], Any]:
        """Log-probabilities of the responses, whose first is predicted by the flat row `start`."""
        lengths = [len(pair.response) for pair in pairs]
        rows = torch.cat([torch.arange(s, s + n) for s, n in zip(starts, lengths, strict=True)])
        targets = torch.tensor([token for pair in pairs for token in pair.response])
        values, cache = self._forward(ids, mask, positions, rows, targets, cache)
        return list(torch.split(values.cpu(), lengths)), cache

    def _forward(
        self,
        ids: Tensor,
        mask: Tensor | None,
        positions: Tensor,
        rows: Tensor,
        targets: Tensor,
        cache: Any = None,
        keep_cache: bool = False,
    ) -> tuple[Tensor, Any]:
        given: dict[str, Any] = {
            "input_ids": ids.to(self.device),
            "attention_mask": None if mask is None else mask.to(self.device),
            "use_cache": keep_cache or cache is not None,
        }
        if self._takes_positions:
            given["position_ids"] = positions.to(self.device)
        if cache is not None:
            given[self._cache_name] = cache
        if self._uses_head:
            layer = self.model.get_output_embeddings()
            with Head(layer, self.config, self.logits_memory) as head:
                head.ask(rows, targets, (ids.shape[0], ids.shape[1]))
                out = self.model(**given)
            if head.found is not None and head.agrees(out.logits):
                self.dtype = head.dtype
                return head.found, self._cache_of(out)
            self._uses_head = False
            self._warn("its logits are not its output layer's; they are taken whole")
            if cache is not None:
                raise _CacheSpentError
        out = self.model(**given)
        logits = out.logits.reshape(-1, out.logits.shape[-1])
        size = max(16, self.logits_memory // (logits.shape[-1] * 6))
        parts = zip(torch.split(rows, size), torch.split(targets, size), strict=True)
        device = logits.device
        some = [log_probs(logits[row.to(device)], to.to(device)) for row, to in parts]
        return torch.cat(some), self._cache_of(out)

    def _cache_of(self, out: Any) -> Any:
        return getattr(out, self._cache_name, None)

    def _is_worth_sharing(self, pairs: Sequence[Pair], group: Sequence[int]) -> bool:
        # A pass of its own for a prompt costs an accelerator the time of a good part of a batch.
        saved = (len(group) - 1) * (len(pairs[group[0]].prompt) - 1)
        return saved >= max(64, self.batch_tokens // (8 if self.device.type == "cpu" else 2))

    def _shared(
        self, pairs: Sequence[Pair], group: list[int]
    ) -> list[tuple[list[int], list[Tensor]]] | None:
        """Responses to one prompt on one cache of it; nothing where that is not to be had."""
        try:
            cache = self._prompt_cache(pairs[group[0]].prompt[:-1])
            if cache is None:
                self.shares_prompts = False
                return None
            found = [
                (some, self._on_cache([pairs[at] for at in some], cache))
                for some in self._shared_batches(pairs, group)
            ]
        except (_CacheSpentError, torch.OutOfMemoryError):
            return None
        if not self._trusted["shared"]:
            first, values = found[0][0][0], found[0][1][0]
            self._trusted["shared"] = self._is_same(values, self._padded([pairs[first]])[0])
            if not self._trusted["shared"]:
                self._warn("a cached prompt gives other numbers; every response is read whole")
                self.shares_prompts = False
                return None
        return found

    def _shared_batches(self, pairs: Sequence[Pair], group: Sequence[int]) -> Iterator[list[int]]:
        prompt = len(pairs[group[0]].prompt)
        most = max(1, CACHED_TIMES * self.batch_tokens // prompt)
        batch: list[int] = []
        for at in sorted(group, key=lambda at: (-len(pairs[at].response), at)):
            width = len(pairs[batch[0] if batch else at].response)
            if batch and (len(batch) == most or (len(batch) + 1) * width > self.batch_tokens):
                yield batch
                batch = []
            batch.append(at)
        yield batch

    def _prompt_cache(self, prompt: Ids) -> Any:
        ids = torch.tensor([prompt])
        positions = torch.arange(len(prompt))[None]
        rows, targets = torch.tensor([0]), torch.tensor([0])
        mask = torch.ones_like(ids)
        _, cache = self._forward(ids, mask, positions, rows, targets, keep_cache=True)
        layers = getattr(cache, "layers", None)
        plain = layers and all(type(layer).__name__ in _PLAIN_CACHES for layer in layers)
        return cache if plain else None

    def _on_cache(self, pairs: Sequence[Pair], prompt_cache: Any) -> list[Tensor]:
        cache = copy.deepcopy(prompt_cache)
        cache.batch_repeat_interleave(len(pairs))
        known = len(pairs[0].prompt) - 1
        width = max(len(pair.response) for pair in pairs)
        ids = torch.zeros(len(pairs), width, dtype=torch.long)
        mask = torch.zeros(len(pairs), known + width, dtype=torch.long)
        for row, pair in enumerate(pairs):
            own = [pair.prompt[-1], *pair.response[:-1]]
            ids[row, : len(own)] = torch.tensor(own)
            mask[row, : known + len(own)] = 1
        positions = torch.arange(known, known + width).expand(len(pairs), -1)
        positions = torch.minimum(positions, mask.sum(-1, keepdim=True) - 1)
        starts = [row * width for row in range(len(pairs))]
        return self._targets(pairs, starts, ids, mask, positions, cache)[0]

    def _is_same(self, one: Tensor, other: Tensor) -> bool:
        most = ROUNDING.get(self.dtype, ROUNDING_OF_HALF)
        return bool(torch.allclose(one, other, rtol=1e-4, atol=most, equal_nan=True))

    def _warn(self, what: str) -> None:
        warnings.warn(f"model {self.name}: {what}", stacklevel=2)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """No gradients, no dropout, and full float32 products; all as it was afterwards."""
        modes = [(module, module.training) for module in self.model.modules()]
        precision = torch.get_float32_matmul_precision()
        try:
            for module, _ in modes:
                module.training = False
            torch.set_float32_matmul_precision("highest")
            with torch.no_grad():
                yield
        finally:
            torch.set_float32_matmul_precision(precision)
            for module, was in modes:
                module.training = was


class _CacheSpentError(Exception):
    """A pass went through the cache without an answer."""


def _moving_rope(config: Any) -> dict[str, Any] | None:
    """The rotary positions of a model, where they depend on the longest sequence of the batch."""
    said = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None)
    ropes = [said, *said.values()] if isinstance(said, dict) else []
    for rope in ropes:
        if isinstance(rope, dict) and rope.get("rope_type", rope.get("type")) in _MOVING_ROPES:
            return rope
    return None


def _by_prompt(pairs: Sequence[Pair]) -> dict[tuple[int, ...], list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for at, pair in enumerate(pairs):
        groups.setdefault(tuple(pair.prompt), []).append(at)
    return groups


def _unwrapped(model: Any) -> Any:
    """The model inside a wrapper of data-parallel training."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while isinstance(model, wrappers):
        model = model.module
    return model
