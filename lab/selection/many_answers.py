"""Data of a task with many right answers: `Make t:` for t = 10 to 89, any `a+b`, `c-b` or `a*b` that equals t.

many_answers.py FOLDER SEED writes into FOLDER: train.jsonl (8 answers to each prompt), heldout.jsonl (5 others), right.jsonl (every right answer), train.toml.
Tokens: 0 ends a response, 1 is `Make`, 2 to 11 are the digits, then `+`, `-`, `*`, `:`.
"""

import json
import random
import sys
from pathlib import Path

SYMBOLS = "0123456789+-*:"
TARGETS = range(10, 90)
TRAINED, HELD_OUT = 8, 5
TRAIN = """seed = {seed}

[data]
files = ["train.jsonl"]
tokenizer = "tokenizer.json"

[model]
layers = 3
width = 64
heads = 4

[train]
steps = 3000
batch_size = 32
checkpoint_every = 250

[optimizer]
name = "adamw"
weight_decay = 0.0
learning_rate = 1.5e-3
"""


TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None, "decoder": None,
    "added_tokens": [{"id": 0, "content": "</s>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False},
    "model": {"type": "WordLevel", "unk_token": "M", "vocab": {"</s>": 0, "M": 1, **{symbol: at + 2 for at, symbol in enumerate(SYMBOLS)}}},
}


def tokens(text):
    return [SYMBOLS.index(symbol) + 2 for symbol in text]


def right(total):
    """Every right answer, by kind."""
    sums = [f"{a}+{total - a}" for a in range(total + 1)]
    differences = [f"{total + b}-{b}" for b in range(61)]
    products = [f"{a}*{total // a}" for a in range(1, total + 1) if total % a == 0]
    return sums, differences, products


def line(total, number, answer):
    prompt = [1, *tokens(f"{total}:")]
    return {"prompt_id": total, "response_id": number, "prompt": prompt, "response": [*tokens(answer), 0]}


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def main(folder, seed):
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    train, heldout, all_right = [], [], []
    for total in TARGETS:
        kinds = right(total)
        answers = [answer for kind in kinds for answer in kind]
        all_right += [line(total, number, answer) for number, answer in enumerate(answers)]
        chosen = []
        while len(chosen) < TRAINED + HELD_OUT:
            answer = draw.choice(draw.choices(kinds, weights=[55, 35, 10])[0])
            if answer not in chosen:
                chosen.append(answer)
        train += [line(total, number, answer) for number, answer in enumerate(chosen[:TRAINED])]
        heldout += [line(total, number, answer) for number, answer in enumerate(chosen[TRAINED:])]
    write(folder / "train.jsonl", train)
    write(folder / "heldout.jsonl", heldout)
    write(folder / "right.jsonl", all_right)
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (folder / "train.toml").write_text(TRAIN.format(seed=seed))


main(Path(sys.argv[1]), int(sys.argv[2]))
