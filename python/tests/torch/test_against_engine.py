"""The same tables as `breadth score` writes, and the same account of the data."""

from __future__ import annotations

import json

import pytest

from breadth import _tables
from breadth.torch import DataError, score
from tiny import tiny_llama, write_tokenizer

EXACT = 1e-4
CHATS = [
    [{"role": "user", "content": "What is 12 + 30?"}, {"role": "assistant", "content": "42"}],
    [{"role": "user", "content": " a "}, {"role": "assistant", "content": " b \n"}],
]
LINES = [
    {"prompt_id": 1, "prompt": "The capital of France is", "response": " Paris", "group": "g"},
    {"prompt_id": 2, "prompt": "The capital of France is ", "response": "Paris", "weight": 2},
    {"prompt_id": 3, "prompt": "réponse 😀 ", "response": "a\n\n b  c"},
    {"prompt_id": 4, "prompt": "", "response": "x"},
    {"prompt_id": 5, "prompt": [30, 31, 32], "response": [40, 41]},
    {"prompt_id": 6, "prompt": "12", "response": [40, 41]},
    {"prompt_id": 7, "prompt": "written <s> by hand", "response": "ends </s>"},
    {"prompt_id": 8, "prompt": "1,000", "response": "000"},
    *(
        {
            "prompt_id": 9,
            "response_id": i,
            "prompt": "The answer is 42, of course: " * 6,
            "response": f"{i} {i}",
        }
        for i in range(20)
    ),
]


def compare(engine, tmp_path, folder, lines, flags=(), **options):
    """The engine's account and table beside ours; the largest difference."""
    data, table = tmp_path / "data.jsonl", tmp_path / "theirs.parquet"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    document = engine("score", folder, "--data", data, "--token-logprobs", "-o", table, *flags)
    ours = score(folder, data, token_logprobs=True, **options)
    assert ours.account.to_dict() == document["data"]
    ours.write(tmp_path / "ours.parquet")
    key = ("source", "prompt_id", "response_id", "model", "tokens", "group", "weight")
    rows = [_tables.read_rows(tmp_path / f"{who}.parquet") for who in ("ours", "theirs")]
    keyed = [{tuple(row[name] for name in key): row for row in some} for some in rows]
    assert keyed[0].keys() == keyed[1].keys()
    worst = 0.0
    for name, row in keyed[0].items():
        other = keyed[1][name]
        pairs = zip(row["token_logprobs"], other["token_logprobs"], strict=True)
        worst = max(worst, *(abs(a - b) for a, b in pairs))
        assert abs(row["logprob"] - other["logprob"]) < EXACT * max(1, row["tokens"])
    return worst


def test_every_family_is_the_engines(engine, tmp_path, family):
    expected = json.loads((family / "expected.json").read_text())
    pairs = zip(expected["prompts"], expected["responses"], strict=True)
    lines = [{"prompt_id": i, "prompt": x, "response": y} for i, (x, y) in enumerate(pairs)]
    worst = compare(engine, tmp_path, family, lines)
    print(f"\n{family.name}: {worst:.1e} nats a token")
    assert worst < EXACT


@pytest.fixture(params=["chatml", "llama3", "llama2", "mistral", "gemma", "phi3", "qwen3"])
def checkpoint(request, tmp_path):
    folder = tmp_path / request.param
    tiny_llama().save_pretrained(folder)
    return write_tokenizer(folder, request.param)


@pytest.mark.parametrize("end_token", ["auto", "always", "never"])
def test_text_is_read_as_by_the_engine(engine, tmp_path, checkpoint, end_token):
    lines = [line for line in LINES if line["prompt"] or _starts(checkpoint)]
    worst = compare(
        engine, tmp_path, checkpoint, lines, ("--end-token", end_token), end_token=end_token
    )
    assert worst < EXACT


def test_conversations_are_read_as_by_the_engine(engine, tmp_path, checkpoint):
    lines = [{"messages": chat} for chat in CHATS] + [{"prompt": CHATS[0][:1], "response": "42"}]
    assert compare(engine, tmp_path, checkpoint, lines) < EXACT


def test_long_prompts_are_cut_as_by_the_engine(engine, tmp_path, checkpoint):
    lines = [line for line in LINES if line["prompt_id"] in (1, 3, 9)]
    for side in ("left", "right"):
        flags = ("--truncate", side, "--max-length", 20)
        assert (
            compare(engine, tmp_path, checkpoint, lines, flags, truncate=side, max_length=20)
            < EXACT
        )


def test_joined_boundaries_are_the_engines(engine, tmp_path, checkpoint):
    lines = [line for line in LINES if line["prompt_id"] in (1, 5)]
    flags = ("--boundary", "joint")
    assert compare(engine, tmp_path, checkpoint, lines, flags, boundary="joint") < EXACT
    merges = [line for line in LINES if line["prompt_id"] == 8]
    with pytest.raises(DataError, match="the last tokens of the prompt merge") as ours:
        score(checkpoint, merges, boundary="joint")
    with pytest.raises(AssertionError) as theirs:
        compare(engine, tmp_path, checkpoint, merges, flags)
    ids = str(ours.value)[str(ours.value).index(" (") : str(ours.value).index(";")]
    assert ids in str(theirs.value)


def _starts(folder):
    return json.loads((folder / "tokenizer.json").read_text())["post_processor"] is not None
