"""Sentences of the engine in Python's words.

The engine names options as the command line does wherever its sentence is the same for both.
Documents (`to_dict`) keep the command line's words: they are its documents.
"""

from __future__ import annotations

import re

_WORDS = (
    (r"see `not_excluded` in the JSON", "see `not_excluded` in the field `best`"),
    (
        r"breadth pass SAMPLES -k (\S+) --extrapolate",
        r'breadth.pass_at(samples, k=[\1], extrapolate="any")',
    ),
    (r"`pass` and `select` take", "`pass_at` and `select` take"),
    (
        r"breadth score writes it with --token-logprobs",
        "breadth.torch.score(.., token_logprobs=True) writes it",
    ),
)


def in_python(text: str) -> str:
    """The sentence with the names that callers in Python know."""
    for theirs, ours in _WORDS:
        text = re.sub(theirs, ours, text)
    return text
