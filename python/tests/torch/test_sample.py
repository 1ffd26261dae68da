"""Samples: whose law they follow, what is graded, what is left as it was."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import torch
from breadth import _tables
from breadth.torch import Pair, Scorer, sample

END = 2


@pytest.fixture
def model(llama):
    return llama(vocab_size=6, eos_token_id=END, bos_token_id=None, initializer_range=0.6)


LINES = [
    {"prompt_id": 1, "prompt": [3, 4], "response": [5, END], "group": "g"},
    {"prompt_id": 2, "prompt": [1, 1, 1, 3, 5, 4], "response": [END]},
    {"prompt_id": 2, "response_id": 1, "prompt": [1, 1, 1, 3, 5, 4], "response": [3, END]},
]


def test_samples_follow_the_models_law(model):
    """Frequencies of first tokens, with padded neighbours, against the exact law."""
    for _ in range(2):
        found = sample(model, LINES, k=2000, max_tokens=3, name="m", batch_tokens=20000)
    with torch.no_grad():
        law = torch.softmax(model(torch.tensor([LINES[0]["prompt"]])).logits[0, -1].double(), -1)
    right = [row for row in found.rows if row["prompt_id"] == "1" and row["reward"] == 1.0]
    exact = math.exp(sum(Scorer(model).token_log_probs([Pair([3, 4], [5, END])])[0]))
    error = math.sqrt(exact * (1 - exact) / 2000)
    assert abs(len(right) / 2000 - exact) < 4 * error
    ended_at_once = sum(row["tokens"] == 1 for row in found.rows if row["prompt_id"] == "1")
    assert abs(ended_at_once / 2000 - law[END].item()) < 4 * math.sqrt(0.25 / 2000)
    two = [row for row in found.rows if row["prompt_id"] == "2"]
    assert len(two) == 2000
    assert {row["tokens"] for row in two} <= {1, 2, 3}


def test_log_probs_are_the_models_own_whatever_the_temperature(model, tmp_path):
    model.generation_config.repetition_penalty = 3.0
    model.generation_config.suppress_tokens = [5]
    before = torch.random.get_rng_state()
    options = {"k": 8, "max_tokens": 4, "seed": 7}
    ends = []

    def verifier(prompt, response, item):
        ends.append(item.prompt_id)
        return 0.25

    hot = sample(model, LINES, temperature=5.0, verifier=verifier, **options)
    assert {row["reward"] for row in hot.rows} == {0.25}
    assert len(ends) == 16
    for row in hot.rows:
        assert row["logprob"] < 0
    assert torch.equal(torch.random.get_rng_state(), before)
    assert model.generation_config.repetition_penalty == 3.0
    again = sample(model, LINES, temperature=5.0, verifier=verifier, **options)
    assert again.rows == hot.rows
    other = sample(model, LINES, temperature=5.0, verifier=verifier, **{**options, "seed": 8})
    assert other.rows != hot.rows
    cold = sample(model, LINES, temperature=0.0, **options)
    assert len({row["logprob"] for row in cold.rows if row["prompt_id"] == "1"}) == 1
    assert hot.write(tmp_path / "samples.parquet") == 16
    assert _tables.read_rows(tmp_path / "samples.parquet")[0]["group"] == "g"


def test_top_k_and_top_p_cut(model):
    one = sample(model, LINES, k=20, max_tokens=1, top_k=1)
    assert len({row["logprob"] for row in one.rows if row["prompt_id"] == "1"}) == 1
    few = sample(model, LINES, k=20, max_tokens=1, top_p=1e-6)
    assert [row["logprob"] for row in few.rows] == [row["logprob"] for row in one.rows]


def test_text_is_graded_as_a_reader_sees_it(llama, tokenizer):
    lines = [{"prompt": "What is 12 + 30?", "response": " 42 ", "answer": "42"}]
    found = sample(
        llama(),
        lines,
        k=3,
        max_tokens=4,
        tokenizer=tokenizer,
        keep_text=True,
        verifier=lambda prompt, response, item: prompt.endswith("30?"),
    )
    assert [row["reward"] for row in found.rows] == [1.0] * 3
    assert found.rows[0]["prompt"] == "What is 12 + 30?"
    assert found.rows[0]["gold"] == "42"
    assert "<|" not in "".join(row["text"] for row in found.rows)
    with pytest.raises(ValueError, match="reward 2.0 lies outside"):
        sample(llama(), lines, k=1, max_tokens=1, tokenizer=tokenizer, verifier=lambda *_: 2.0)
    with pytest.raises(ValueError, match="pass TABLE --verifier boxed"):
        sample(llama(), lines, k=1, max_tokens=1, tokenizer=tokenizer, verifier="boxed")


class Engine:
    """What of vLLM's `LLM` is used."""

    def __init__(self, mode="raw_logprobs"):
        config = SimpleNamespace(hf_config=SimpleNamespace(eos_token_id=END), logprobs_mode=mode)
        self.llm_engine = SimpleNamespace(model_config=config)

    def get_tokenizer(self):
        return None

    def generate(self, prompts, parameters, use_tqdm):
        self.parameters = parameters

        def step(token, log):
            return {token: SimpleNamespace(logprob=log)}

        one = SimpleNamespace(token_ids=[5, END], logprobs=[step(5, -1.0), step(END, -0.5)])
        two = SimpleNamespace(token_ids=[3], logprobs=[step(3, -9999.0)])
        return [
            SimpleNamespace(prompt_token_ids=p["prompt_token_ids"], outputs=[one, two])
            for p in prompts
        ]


def test_an_engine_of_vllm_draws_and_tells_log_probs(monkeypatch):
    module = SimpleNamespace(SamplingParams=lambda **given: SimpleNamespace(**given))
    monkeypatch.setitem(sys.modules, "vllm", module)
    engine = Engine()
    found = sample(engine, LINES, k=2, max_tokens=4, name="v")
    assert [(row["reward"], row["logprob"]) for row in found.rows] == [
        (1.0, -1.5),
        (0.0, -math.inf),
    ] + [(0.0, -1.5), (0.0, -math.inf)]
    assert (engine.parameters.n, engine.parameters.stop_token_ids) == (2, [END])
    with pytest.raises(ValueError, match="start it with logprobs_mode='raw_logprobs'"):
        sample(Engine("processed_logprobs"), LINES, k=2, max_tokens=4)


@pytest.mark.parametrize("graded", ["yes", "1.0", None, [1.0, 0.0], math.nan])
def test_what_a_verifier_must_not_return_names_the_prompt(model, graded):
    with pytest.raises(ValueError, match="prompt_id 1, response 0: the verifier returned .* not"):
        sample(model, LINES, k=1, max_tokens=2, verifier=lambda prompt, text, item: graded)


def test_the_readmes_code_scores_samples_and_selects(llama, tokenizer, tmp_path, monkeypatch):
    readme = Path(__file__).parents[2] / "README.md"
    blocks = re.findall(r"^```python\n(.*?)^```", readme.read_text(), re.DOTALL | re.MULTILINE)
    block = next(one for one in blocks if "import sample, score" in one)
    for shorter in ("k=64,", "max_tokens=256,"):
        assert shorter in block
    block = block.replace("k=64,", "k=32,").replace("max_tokens=256,", "max_tokens=2,")
    monkeypatch.chdir(tmp_path)
    lines = [{"prompt": f"p{at}", "response": "!"} for at in range(4)]
    Path("heldout.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    known = {"model": llama(eos_token_id=tokenizer.eos_token_id), "tokenizer": tokenizer}
    exec(compile(block, "README.md", "exec"), known)
    named = {row["model"] for row in known["scores"].rows + known["samples"].rows}
    assert named == {"step-100"}
    assert len(_tables.read_rows("samples.parquet")) == 4 * 32
    assert {row["reward"] for row in known["samples"].rows} <= {0.0, 1.0}
