"""Score tables of models of transformers."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from breadth._data import Data, Item, read_data
from breadth._errors import Source
from breadth._rows import TableRows
from breadth._text import Text
from breadth.torch._scorer import Pair, Scorer

Lines = Source | Sequence[Source] | Iterable[Mapping[str, Any]] | Data


class Scores(TableRows):
    """The rows of a score table, and what was done to the data."""

    _table = "scores"


def load(
    folder: str | os.PathLike[str], *, device: Any = None, dtype: Any = None
) -> tuple[Any, Any]:
    """Model and tokenizer of a checkpoint folder; float32 unless `dtype` says otherwise.

    The tokenizer is `None` where the folder has none: then data must be token ids. Nothing is
    downloaded: `FileNotFoundError` where there is no folder.
    """
    import transformers

    import torch

    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{os.fspath(folder)}: no checkpoint folder is there")
    chosen = torch.float32 if dtype is None else dtype
    loader: Any = transformers.AutoModelForCausalLM
    model = loader.from_pretrained(os.fspath(folder), dtype=chosen)
    if device is not None:
        model = model.to(device)
    has_one = (Path(folder) / "tokenizer.json").exists()
    tokenizer = transformers.AutoTokenizer.from_pretrained(os.fspath(folder)) if has_one else None
    return model.eval(), tokenizer


def score(
    models: Any,
    data: Lines,
    *,
    tokenizer: Any = None,
    name: str | None = None,
    source: str = "data",
    token_logprobs: bool = False,
    end_token: str = "auto",
    boundary: str = "separate",
    max_length: int | None = None,
    truncate: str | None = None,
    device: Any = None,
    dtype: Any = None,
    batch_tokens: int | None = None,
    share_prompts: bool = True,
    layout: str = "auto",
) -> Scores:
    """`log q(y|x)` of given responses under a model, or under checkpoint folders one by one.

    `models`: a model of transformers (then `tokenizer` reads text, and `name` names it in the
    table), a checkpoint folder, or a list of folders. `data`: as `breadth score --data` takes it,
    or lines that are dictionaries, or what `read_data` gave. The rest as in `read_data` and
    `Scorer`. A log-probability is the float64 sum of its tokens'.
    """
    reading = {
        "end_token": end_token,
        "boundary": boundary,
        "max_length": max_length,
        "truncate": truncate,
    }
    computing: dict[str, Any] = {
        "batch_tokens": batch_tokens,
        "share_prompts": share_prompts,
        "layout": layout,
    }
    folders = _folders(models)
    if not folders:
        read = _data(data, models, tokenizer, reading)
        scorer = Scorer(models, name=name or "model", **computing)
        return Scores(rows(scorer, read.items, source, token_logprobs), read.account)
    whole, account = [], None
    lines: Any = data if isinstance(data, Data | str | os.PathLike) else list(data)
    for folder in folders:
        model, own = load(folder, device=device, dtype=dtype)
        read = _data(lines, model, tokenizer or own, reading)
        account = account or read.account
        named = name if name and len(folders) == 1 else Path(folder).resolve().name
        scorer = Scorer(model, name=named, **computing)
        whole += rows(scorer, read.items, source, token_logprobs)
        del model, scorer
    assert account is not None
    return Scores(whole, account)


def rows(
    scorer: Scorer, items: Sequence[Item], source: str = "data", token_logprobs: bool = False
) -> list[dict[str, Any]]:
    """One row of a score table for each item."""
    pairs = [Pair(item.prompt, item.response) for item in items]
    lists = scorer.token_log_probs(pairs, lambda at: place(items[at]))
    return [
        {
            "source": source,
            "prompt_id": item.prompt_id,
            "response_id": item.response_id,
            "model": scorer.name,
            "logprob": math.fsum(own),
            "tokens": len(own),
            "token_logprobs": own if token_logprobs else None,
            "group": item.group,
            "weight": item.weight,
        }
        for item, own in zip(items, lists, strict=True)
    ]


def place(item: Item) -> str:
    """How messages name an item."""
    return f"prompt_id {item.prompt_id}, response_id {item.response_id}"


def _folders(models: Any) -> list[str | os.PathLike[str]]:
    if isinstance(models, str | os.PathLike):
        return [models]
    if isinstance(models, list | tuple):
        if not models or not all(isinstance(one, str | os.PathLike) for one in models):
            raise TypeError("models must be a model, a checkpoint folder, or a list of folders")
        return list(models)
    return []


def _data(data: Lines, model: Any, tokenizer: Any, reading: dict[str, Any]) -> Data:
    if isinstance(data, Data):
        return data
    return read_data(data, Text.of_model(model, tokenizer), **reading)
