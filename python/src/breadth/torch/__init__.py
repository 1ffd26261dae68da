r"""Exact log-probabilities and graded samples of models of transformers, as breadth's tables.

```python
from breadth.torch import sample, score

scores = score(model, "heldout.jsonl", tokenizer=tokenizer, name="step-100")
scores.write("scores.parquet", append=True)
print(*scores.account.sentences(), sep="\\n")
```

The account of end tokens and boundaries is that of `breadth score`, and so are the numbers: within
1e-4 nats a token where both compute in float32.
"""

from breadth._data import Account, Data, Item, read_data
from breadth._errors import DataError, missing
from breadth._text import Text

try:
    from breadth.torch._sample import Samples, sample
    from breadth.torch._score import Scores, load, score
    from breadth.torch._scorer import LogitsError, Pair, Scorer
except ModuleNotFoundError as error:
    raise missing("breadth.torch", "torch", error) from error

__all__ = [
    "Account",
    "Data",
    "DataError",
    "Item",
    "LogitsError",
    "Pair",
    "Samples",
    "Scorer",
    "Scores",
    "Text",
    "load",
    "read_data",
    "sample",
    "score",
]
