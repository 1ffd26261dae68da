"""A tokenizer with the interface of transformers, small enough to know all of it."""

from __future__ import annotations

import re
from types import MappingProxyType

SPECIAL = ["<s>", "</s>", "<user>", "<assistant>", "<end>"]


class FakeTokenizer:
    """One token a character of `ab c`, and `ab` merges; a start token in front, none behind."""

    vocabulary = (*SPECIAL, "a", "b", "c", " ", "ab")
    bos_token_id = 0
    eos_token_id = 1
    chat_template = "yes"
    added_tokens_decoder = MappingProxyType(dict(enumerate(SPECIAL)))

    def __len__(self):
        return len(self.vocabulary)

    def __call__(self, text, *, add_special_tokens, return_special_tokens_mask):
        assert return_special_tokens_mask
        pattern = "|".join(map(re.escape, sorted(self.vocabulary, key=len, reverse=True)))
        own = [self.vocabulary.index(piece) for piece in re.findall(pattern, text)]
        start = [0] if add_special_tokens else []
        mask = [1] * len(start) + [0] * len(own)
        return {"input_ids": start + own, "special_tokens_mask": mask}

    def decode(self, ids, *, skip_special_tokens):
        kept = [i for i in ids if not (skip_special_tokens and i < len(SPECIAL))]
        return "".join(self.vocabulary[i] for i in kept)

    def apply_chat_template(self, messages, *, tokenize, add_generation_prompt):
        assert not tokenize
        if any(one["role"] not in ("user", "assistant") for one in messages):
            raise ValueError("roles are user and assistant")
        text = "".join(f"<{one['role']}>{one['content'].strip()}<end>" for one in messages)
        return text + "<assistant>" * add_generation_prompt
