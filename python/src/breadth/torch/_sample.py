"""Graded samples: drawn by `generate` or by an engine of vLLM, with the model's own log q(y|x)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from breadth._data import Data, Item, one_per_prompt, read_data
from breadth._errors import Ids
from breadth._rows import TableRows
from breadth._text import Text
from breadth.torch._score import Lines

#: What gives the reward: `exact`, `text`, or a function of prompt, response and item.
Verifier = str | Callable[[str, str, Item], float]


class Samples(TableRows):
    """The rows of a sample table, and what was done to the data."""

    _table = "samples"


@dataclass
class Drawn:
    """A response: its tokens, the end token included if it ended, and their log-probabilities."""

    tokens: Ids
    log_probs: list[float] | None = None


def sample(
    model: Any,
    data: Lines,
    *,
    k: int,
    max_tokens: int,
    verifier: Verifier = "exact",
    tokenizer: Any = None,
    name: str | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    keep_text: bool = False,
    end_token: str = "auto",
    boundary: str = "separate",
    max_length: int | None = None,
    truncate: str | None = None,
    batch_tokens: int | None = None,
) -> Samples:
    """Draws k responses to each prompt and grades them.

    `model`: a model of transformers, or an engine of vLLM (`vllm.LLM`). Coverage and Pass@k are
    about temperature 1; whatever the temperature and the cuts, `logprob` is the model's own. Lines
    of one `prompt_id` are several right answers to one prompt. The random state of the program is
    left as it was; the same seed and batches give the same responses.

    `verifier`: `exact` (the tokens are the line's response), `text` (the text is, white space at
    both ends aside), or a function `(prompt, response, item) -> reward in [0, 1]`. For the others
    of the command line keep the text and grade the table: `breadth pass TABLE --verifier boxed`.
    """
    if k < 1 or max_tokens < 1:
        raise ValueError(f"k = {k} and max_tokens = {max_tokens} must be at least 1")
    is_engine = hasattr(model, "llm_engine")
    if is_engine and tokenizer is None:
        tokenizer = model.get_tokenizer()
    text = _engine_text(model, tokenizer) if is_engine else Text.of_model(model, tokenizer)
    read = data
    if not isinstance(read, Data):
        read = read_data(
            read,
            text,
            responses=False,
            end_token=end_token,
            boundary=boundary,
            max_length=max_length,
            truncate=truncate,
            reserve=max_tokens if max_length or truncate else 0,
        )
    items = one_per_prompt(read.items)
    grade = grader(verifier, items)
    draw = _Draw(k, max_tokens, temperature, top_k, top_p, seed, read.end_tokens)
    if is_engine:
        drawn = _by_vllm(model, items, draw)
        named = name or "model"
    else:
        from breadth.torch._scorer import Scorer

        scorer = Scorer(model, name=name or "model", batch_tokens=batch_tokens)
        drawn = by_generate(scorer, items, draw)
        named = scorer.name
    rows = graded_rows(named, items, drawn, grade, text, keep_text)
    return Samples(rows, read.account)


@dataclass
class _Draw:
    samples: int
    max_tokens: int
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    end_tokens: Sequence[int] = ()


def grader(verifier: Verifier, items: Sequence[Item]) -> Callable[[Item, Ids, str], float]:
    """The reward of a response, by its item, its tokens and its text."""
    if callable(verifier):
        function = verifier
        return lambda item, _, text: function(item.prompt_text or "", text, item)
    if verifier == "exact":
        for item in items:
            if not item.response:
                raise ValueError(f"prompt_id {item.prompt_id}: has no response to compare with")
        return lambda item, tokens, _: float(tokens in item.right_responses())
    if verifier == "text":
        for item in items:
            if item.answer is None and item.response_text is None:
                raise ValueError(f"prompt_id {item.prompt_id}: has no text to compare with")
        return lambda item, _, text: float(text.strip() in _right_texts(item))
    raise ValueError(
        f"verifier = {verifier!r}: 'exact', 'text' or a function; for others keep the text and "
        f"grade the table: breadth pass TABLE --verifier {verifier}"
    )


def _right_texts(item: Item) -> set[str]:
    every = [item, *item.alternatives]
    said = [one.response_text if one.answer is None else one.answer for one in every]
    return {text.strip() for text in said if text is not None}


def graded_rows(
    model: str,
    items: Sequence[Item],
    drawn: Sequence[Sequence[Drawn]],
    grade: Callable[[Item, Ids, str], float],
    text: Text,
    keep_text: bool,
) -> list[dict[str, Any]]:
    """One row of a sample table for each response."""
    rows = []
    for item, responses in zip(items, drawn, strict=True):
        for number, response in enumerate(responses):
            said = text.decode(response.tokens)
            graded = grade(item, response.tokens, said)
            try:
                reward = math.nan if isinstance(graded, str) else float(graded)
            except (TypeError, ValueError):
                reward = math.nan
            if reward != reward:
                raise ValueError(
                    f"prompt_id {item.prompt_id}, response {number}: the verifier returned "
                    f"{graded!r}, not a reward: a number in [0, 1], or True or False"
                )
            if not 0.0 <= reward <= 1.0:
                raise ValueError(
                    f"prompt_id {item.prompt_id}, response {number}: the verifier's reward "
                    f"{reward} lies outside [0, 1]"
                )
            logs = response.log_probs
            rows.append(
                {
                    "model": model,
                    "prompt_id": item.prompt_id,
                    "response_id": str(number),
                    "reward": reward,
                    "logprob": None if logs is None else math.fsum(logs),
                    "tokens": len(response.tokens),
                    "text": said if keep_text else None,
                    "prompt": item.prompt_text if keep_text else None,
                    "gold": item.answer if keep_text else None,
                    "group": item.group,
                }
            )
    return rows


def by_generate(scorer: Any, items: Sequence[Item], draw: Any) -> list[list[Drawn]]:
    """Responses by `generate`, then scored: one list for each item."""
    import torch
    from breadth.torch._scorer import Pair

    found: list[list[Drawn]] = [[] for _ in items]
    devices = [scorer.device] if scorer.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), scorer._quiet(), _plain_generation(scorer.model):
        torch.manual_seed(draw.seed)
        for batch in _batches(items, draw, scorer.batch_tokens):
            for at, tokens in _generated(scorer, items, batch, draw):
                found[at].append(Drawn(tokens))
    pairs = [Pair(i.prompt, d.tokens) for i, own in zip(items, found, strict=True) for d in own]
    names = [i.prompt_id for i, own in zip(items, found, strict=True) for _ in own]
    lists = iter(scorer.token_log_probs(pairs, lambda at: f"a sample of prompt_id {names[at]}"))
    for own in found:
        for one in own:
            one.log_probs = next(lists)
    return found


def _batches(items: Sequence[Item], draw: Any, most: int) -> Iterator[list[tuple[int, int]]]:
    """(item, samples) that are drawn together, prompts of like length side by side."""
    batch: list[tuple[int, int]] = []
    rows, width = 0, 0
    for at in sorted(range(len(items)), key=lambda at: (-len(items[at].prompt), at)):
        left = draw.samples
        while left:
            width = width or len(items[at].prompt) + draw.max_tokens
            room = max(1, most // width) - rows
            if room <= 0:
                yield batch
                batch, rows, width = [], 0, 0
                continue
            now = min(left, room)
            batch.append((at, now))
            rows += now
            left -= now
    if batch:
        yield batch


def _generated(
    scorer: Any, items: Sequence[Item], batch: Sequence[tuple[int, int]], draw: Any
) -> Iterator[tuple[int, Ids]]:
    import transformers

    import torch

    owners = [at for at, count in batch for _ in range(count)]
    width = max(len(items[at].prompt) for at in owners)
    ends = list(draw.end_tokens)
    pad = ends[0] if ends else 0
    ids = torch.full((len(owners), width), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, at in enumerate(owners):
        own = items[at].prompt
        ids[row, width - len(own) :] = torch.tensor(own)
        mask[row, width - len(own) :] = 1
    is_greedy = draw.temperature == 0.0
    warped: dict[str, Any] = {}
    if not is_greedy:
        warped["temperature"] = float(draw.temperature)
        warped["top_k"] = draw.top_k or 0
        warped["top_p"] = 1.0 if draw.top_p is None else draw.top_p
    make: Any = transformers.GenerationConfig
    config = make(
        do_sample=not is_greedy,
        max_new_tokens=draw.max_tokens,
        eos_token_id=ends or None,
        pad_token_id=pad,
        **warped,
    )
    out = scorer.model.generate(
        input_ids=ids.to(scorer.device),
        attention_mask=mask.to(scorer.device),
        generation_config=config,
    )
    for at, tokens in zip(owners, out[:, width:].tolist(), strict=True):
        yield at, ended(tokens, ends)


def ended(tokens: Ids, ends: Sequence[int]) -> Ids:
    """A response up to and including its first end token."""
    stop = next((at for at, token in enumerate(tokens) if token in ends), None)
    return tokens if stop is None else tokens[: stop + 1]


@contextlib.contextmanager
def _plain_generation(model: Any) -> Iterator[None]:
    """No penalty or cut of the model's own generation configuration, which would be merged in."""
    import transformers

    make: Any = transformers.GenerationConfig
    saved = getattr(model, "generation_config", None)
    model.generation_config = make()
    try:
        yield
    finally:
        model.generation_config = saved


def _engine_text(engine: Any, tokenizer: Any) -> Text:
    config = getattr(engine.llm_engine, "model_config", None)
    inner = getattr(config, "hf_config", None)
    ends = getattr(inner, "eos_token_id", None)
    defaults = getattr(engine, "get_default_sampling_params", lambda: None)
    said = defaults()
    stops = list(getattr(said, "stop_token_ids", None) or [])
    first = ends if isinstance(ends, list) else [] if ends is None else [ends]
    return Text(tokenizer, end_tokens=[*first, *stops])


def _by_vllm(engine: Any, items: Sequence[Item], draw: _Draw) -> list[list[Drawn]]:
    """Responses of an engine of vLLM, whose raw log-probabilities come along."""
    import importlib

    vllm = importlib.import_module("vllm")
    parameters = vllm.SamplingParams(
        n=draw.samples,
        temperature=draw.temperature,
        top_k=draw.top_k or 0,
        top_p=1.0 if draw.top_p is None else draw.top_p,
        max_tokens=draw.max_tokens,
        seed=draw.seed,
        logprobs=0,
        stop_token_ids=list(draw.end_tokens),
        ignore_eos=not draw.end_tokens,
        detokenize=False,
    )
    _check_raw(engine)
    prompts = [{"prompt_token_ids": item.prompt} for item in items]
    outputs = engine.generate(prompts, parameters, use_tqdm=False)
    found = []
    for item, output in zip(items, outputs, strict=True):
        if list(output.prompt_token_ids) != item.prompt:
            raise ValueError(f"prompt_id {item.prompt_id}: vLLM answers to another prompt")
        found.append([_told(item, one) for one in output.outputs])
    return found


def _check_raw(engine: Any) -> None:
    config = getattr(engine.llm_engine, "model_config", None)
    mode = getattr(config, "logprobs_mode", "raw_logprobs")
    if str(mode).rpartition(".")[2].lower() != "raw_logprobs":
        raise ValueError(f"the engine gives {mode}; start it with logprobs_mode='raw_logprobs'")


def _told(item: Item, output: Any) -> Drawn:
    tokens = list(output.token_ids)
    pairs = zip(tokens, output.logprobs or [], strict=True)
    logs = [float(step[token].logprob) for token, step in pairs]
    if any(value != value or value > 1e-3 for value in logs):
        raise ValueError(f"prompt_id {item.prompt_id}: vLLM gives a log-probability that is none")
    # What vLLM writes for a probability of 0.
    return Drawn(tokens, [-math.inf if value <= -9999.0 else min(value, 0.0) for value in logs])
