"""Tiny models and tokenizers of transformers."""

from __future__ import annotations

import json
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"
FAMILIES = sorted(one.name for one in (GOLDEN / "families").iterdir() if one.is_dir())


def write_tokenizer(folder, name):
    """The files of one of the golden tokenizers."""
    folder.mkdir(parents=True, exist_ok=True)
    families = json.loads((GOLDEN / "text" / "expected.json").read_text())["families"]
    family = next(one for one in families if one["name"] == name)
    tokenizer = json.loads((GOLDEN / "text" / "byte_level.json").read_text())
    tokenizer["post_processor"] = family["post_processor"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    template = (GOLDEN / "text" / "templates" / f"{name}.jinja").read_text()
    (folder / "chat_template.jinja").write_text(template)
    for file in ("tokenizer_config", "generation_config"):
        (folder / f"{file}.json").write_text(json.dumps(family[file]))
    return folder


def tiny_llama(seed=0, **more):
    from transformers import LlamaConfig, LlamaForCausalLM

    import torch

    torch.manual_seed(seed)
    size = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 420,
        "max_position_embeddings": 256,
        "initializer_range": 0.2,
    }
    return LlamaForCausalLM(LlamaConfig(**{**size, **more})).eval()
