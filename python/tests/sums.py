"""A task with many right answers, of which training sees a few: `57=12+45`, in characters.

The held-out answers to a question are other ones than training saw. Trained on far past the lowest
validation loss, a model learns its own answers by heart and loses the held-out ones, and yet it
answers right more often: decisions by the loss and by coverage part.
"""

from __future__ import annotations

import random

import torch

CHARACTERS = "0123456789+=."
END = len(CHARACTERS)
VOCABULARY = END + 1
TOTALS = range(20, 80)


def ids(text):
    return [CHARACTERS.index(c) for c in text]


def is_right(prompt, response, item):
    """The verifier: two numbers that add up to what was asked, whatever the answer held out."""
    said = "".join(CHARACTERS[i] for i in map(int, response.split()) if i < END)
    total = int("".join(CHARACTERS[i] for i in item.prompt[:-1]))
    left, _, right = said.partition("+")
    return left.isdigit() and right.isdigit() and int(left) + int(right) == total


def answers(count, seed, totals=TOTALS):
    draw = random.Random(seed)
    for total in totals:
        for number, part in enumerate(draw.sample(range(total + 1), count)):
            yield {
                "prompt_id": str(total),
                "response_id": str(number),
                "prompt": ids(f"{total}="),
                "response": [*ids(f"{part}+{total - part}"), END],
                "group": "even" if total % 2 == 0 else "odd",
            }


def split(trained, held_out, seed=1):
    """Lines to train on, and others of the same questions."""
    every = list(answers(trained + held_out, seed))
    keep = [int(line["response_id"]) < trained for line in every]
    return (
        [line for line, k in zip(every, keep, strict=True) if k],
        [line for line, k in zip(every, keep, strict=True) if not k],
    )


def features(lines):
    """What a Trainer takes: the loss is that of the response's tokens."""
    return [
        {
            "input_ids": [*line["prompt"], *line["response"]],
            "labels": [-100] * len(line["prompt"]) + line["response"],
        }
        for line in lines
    ]


def collate(batch):
    longest = max(len(one["input_ids"]) for one in batch)

    def pad(name, value):
        rows = [one[name] + [value] * (longest - len(one[name])) for one in batch]
        return torch.tensor(rows)

    mask = [[1] * len(o["input_ids"]) + [0] * (longest - len(o["input_ids"])) for o in batch]
    return {
        "input_ids": pad("input_ids", END),
        "labels": pad("labels", -100),
        "attention_mask": torch.tensor(mask),
    }


def gpt2(layers=2, width=64, seed=0):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=16,
            n_embd=width,
            n_layer=layers,
            n_head=4,
            bos_token_id=END,
            eos_token_id=END,
            pad_token_id=END,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )
