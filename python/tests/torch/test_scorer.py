"""Log-probabilities: equal to plain ones, whatever a sequence's neighbours and the way there."""

from __future__ import annotations

import functools
import json
import math

import pytest

import torch
from breadth.torch import DataError, LogitsError, Pair, Scorer, load, score
from breadth.torch._head import log_probs

EXACT = 1e-4


def plain(model, pair):
    """One sequence alone, all logits, float64 log-softmax."""
    ids = torch.tensor([pair.inputs])  # with one token more, LongRoPE might switch
    with torch.no_grad():
        laws = torch.log_softmax(model(ids).logits[0].double(), dim=-1)
    first = len(pair.prompt) - 1
    return [laws[first + at, token].item() for at, token in enumerate(pair.response)]


def draw(vocabulary, shapes, seed=0, shared=()):
    generator = torch.Generator().manual_seed(seed)

    def some(n):
        return torch.randint(4, vocabulary, (n,), generator=generator).tolist()

    prompts = {length: some(length) for length in shared}
    return [Pair(prompts.get(x) or some(x), some(y)) for x, y in shapes]


def worst(ours, theirs):
    pairs = [(a, b) for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True)]
    return max(abs(a - b) for a, b in pairs)


SHAPES = [(1, 1), (7, 3), (20, 12), (3, 9), (20, 1), (12, 6), (1, 14), (20, 7), (20, 8), (2, 2)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_tokens": 1},
        {"batch_tokens": 50},
        {"layout": "packed"},
        {"layout": "packed", "batch_tokens": 60},
        {"logits_memory": 1},
    ],
    ids=str,
)
def test_families_have_the_numbers_of_transformers(family, options):
    model, _ = load(family)
    expected = json.loads((family / "expected.json").read_text())
    pairs = [Pair(*p) for p in zip(expected["prompts"], expected["responses"], strict=True)]
    scorer = Scorer(model, **options)
    assert worst(scorer.token_log_probs(pairs), expected["token_logprobs"]) < EXACT
    assert scorer._uses_head
    assert scorer.packs == (options.get("layout") == "packed")


def test_responses_to_one_prompt_on_its_cache_are_those_alone(family):
    model, _ = load(family)
    pairs = draw(61, SHAPES, shared=[20])
    pairs += [Pair(pairs[2].prompt, p.response) for p in draw(61, [(1, 5)] * 30, seed=1)]
    shared, apart = Scorer(model, batch_tokens=100), Scorer(model, share_prompts=False)
    found = shared.token_log_probs(pairs)
    assert worst(found, apart.token_log_probs(pairs)) < EXACT
    assert worst(found, [plain(model, pair) for pair in pairs]) < EXACT
    moves = "longrope" in family.name
    assert shared._trusted["shared"] != moves
    assert shared.shares_prompts != moves


def test_neighbours_change_nothing(llama):
    model = llama()
    first, *others = draw(420, [(5, 8), (40, 20), (1, 1), (5, 8), (9, 30)])
    alone = Scorer(model).token_log_probs([first])[0]
    for layout in ("padded", "packed"):
        for company in ([first, *others], [*others, first], [others[0], first]):
            scorer = Scorer(model, layout=layout)
            lists = scorer.token_log_probs(company)
            assert worst([lists[company.index(first)]], [alone]) < 1e-5
            other = [Pair([7] * len(p.prompt), [9] * len(p.response)) for p in company]
            other[company.index(first)] = first
            again = Scorer(model, layout=layout).token_log_probs(other)
            assert worst([again[company.index(first)]], [alone]) < 1e-5


def test_a_model_that_leaks_when_packed_is_padded(llama):
    model = llama()
    attend = model.forward

    def leaks(input_ids=None, attention_mask=None, position_ids=None, use_cache=None):
        if attention_mask is None:  # as one sequence
            position_ids = torch.arange(input_ids.shape[1])[None]
        return attend(
            input_ids=input_ids,
            attention_mask=attention_mask,
            use_cache=use_cache,
            position_ids=position_ids,
        )

    model.forward = leaks
    pairs = draw(420, SHAPES)
    with pytest.warns(UserWarning, match="packed sequences see one another"):
        found = Scorer(model, layout="packed").token_log_probs(pairs)
    model.forward = attend
    assert worst(found, [plain(model, pair) for pair in pairs]) < EXACT


def test_a_cache_that_lies_is_not_used(llama):
    model = llama()
    attend = model.forward

    @functools.wraps(attend)
    def lies(**given):
        if given.get("cache", given.get("past_key_values")) is not None:
            given["position_ids"] = given["position_ids"] + 1
        return attend(**given)

    model.forward = lies
    pairs = draw(420, [(80, 4)] * 8, shared=[80])
    scorer = Scorer(model, batch_tokens=512)
    with pytest.warns(UserWarning, match="a cached prompt gives other numbers"):
        found = scorer.token_log_probs(pairs)
    model.forward = attend
    assert not scorer.shares_prompts
    assert worst(found, [plain(model, pair) for pair in pairs]) < EXACT


def test_logits_that_are_not_the_heads_are_taken_whole(llama):
    model = llama()
    attend = model.forward

    def scaled(**given):
        out = attend(**given)
        out.logits = out.logits * 0.5
        return out

    model.forward = scaled
    pairs = draw(420, SHAPES)
    scorer = Scorer(model)
    with pytest.warns(UserWarning, match="are not its output layer's"):
        found = scorer.token_log_probs(pairs)
    assert not scorer._uses_head

    class Wrapped:
        def __call__(self, ids):
            return scaled(input_ids=ids)

    assert worst(found, [plain(Wrapped(), pair) for pair in pairs]) < EXACT


@pytest.mark.parametrize("field", [{"logits_scaling": 3.0}, {"final_logit_softcapping": 2.0}])
def test_known_processing_of_logits_is_done_in_float32(field):
    from breadth.torch._head import post_processing

    logits = torch.randn(3, 11)
    process = post_processing(type("Config", (), field))
    expected = logits / 3.0 if "logits_scaling" in field else torch.tanh(logits / 2.0) * 2.0
    assert torch.allclose(process(logits), expected, atol=1e-6)


@pytest.mark.parametrize("vocabulary", [7, 16384, 40000])
def test_log_softmax_is_chunked_over_the_vocabulary(vocabulary):
    logits = 5 * torch.randn(4, vocabulary)
    logits[3, : vocabulary - 1] = -math.inf
    targets = torch.tensor([0, vocabulary - 1, vocabulary // 2, 0])
    expected = torch.log_softmax(logits.double(), -1).gather(-1, targets[:, None])[:, 0]
    found = log_probs(logits, targets)
    assert torch.allclose(found[:3].double(), expected[:3], atol=1e-5)
    assert found[3] == -math.inf
    assert log_probs(logits.bfloat16(), targets).dtype == torch.float32
    logits[1, 3] = math.nan
    logits[2, 2] = math.inf
    assert log_probs(logits, targets).isnan().tolist() == [False, True, True, False]


def test_bf16_is_close_and_float32_after_the_head(llama):
    model = llama()
    pairs = draw(420, SHAPES)
    exact = Scorer(model).token_log_probs(pairs)
    half = Scorer(model.bfloat16()).token_log_probs(pairs)
    assert 0 < worst(half, exact) < 0.3
    with torch.no_grad():
        pair = pairs[2]
        logits = model(torch.tensor([pair.inputs])).logits[0]
    laws = torch.log_softmax(logits[len(pair.prompt) - 1 :].float(), -1)
    expected = [law[token].item() for law, token in zip(laws, pair.response, strict=True)]
    alone = Scorer(model).token_log_probs([pair])
    assert worst(alone, [expected]) < 0.05  # the head rounds a row alone and in a batch apart


def test_under_autocast_a_forward_that_gives_float32_is_known_for_what_it_is(llama, recwarn):
    model = llama()
    attend = model.forward

    @functools.wraps(attend)
    def mixed(**given):
        with torch.autocast("cpu", torch.bfloat16):
            out = attend(**given)
        out.logits = out.logits.float()
        return out

    pairs = draw(420, [*SHAPES, *[(80, 4)] * 8], shared=[80])
    exact = Scorer(model).token_log_probs(pairs)
    model.forward = mixed
    scorer = Scorer(model, batch_tokens=512)
    assert 0 < worst(scorer.token_log_probs(pairs), exact) < 0.3
    assert scorer._uses_head
    assert scorer._trusted["shared"]
    assert not recwarn.list


def test_nan_names_model_prompt_and_position(llama):
    model = llama()
    with torch.no_grad():
        model.lm_head.weight[17] = math.nan
    message = r"model ckpt, sequence 1: .* token 1 of 2 \(id 6, position 2\) is nan"
    with pytest.raises(LogitsError, match=message):
        Scorer(model, name="ckpt").token_log_probs([Pair([4, 5], [6, 7])])


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (Pair([], [5]), "the prompt has no token"),
        (Pair([5], []), "the response has no token"),
        (Pair([5], [420]), "token 420 is outside the model's vocabulary of 420"),
        (Pair([5] * 250, [6] * 8), "257 input tokens; the model has 256 positions"),
    ],
)
def test_impossible_sequences_are_named(llama, pair, message):
    with pytest.raises(DataError, match=f"prompt 3: {message}"):
        Scorer(llama()).token_log_probs([pair], lambda at: "prompt 3")


def test_everything_is_as_it_was_before(llama):
    model = llama().train()
    model.model.layers[0].eval()
    modes = [module.training for module in model.modules()]
    torch.set_float32_matmul_precision("high")
    before = torch.random.get_rng_state()
    Scorer(model).token_log_probs(draw(420, SHAPES))
    assert [module.training for module in model.modules()] == modes
    assert torch.get_float32_matmul_precision() == "high"
    torch.set_float32_matmul_precision("highest")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not model.lm_head._forward_pre_hooks
    assert all(p.grad is None for p in model.parameters())


def test_sequences_with_long_and_short_rope_do_not_share_a_batch():
    from tiny import GOLDEN

    model, _ = load(GOLDEN / "families" / "phi3-longrope")
    pairs = draw(61, [(10, 5), (30, 5), (20, 5), (20, 6)])  # it switches at 24 input tokens
    batches = list(Scorer(model)._batches(pairs, range(4)))
    assert batches == [[2, 0], [1, 3]]


@pytest.mark.parametrize(
    ("config", "lengths"),
    [
        ({"rope_parameters": {"rope_type": "default"}}, [(), (), ()]),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, [(0,), (0,), (9,)]),
        (
            {
                "rope_parameters": {
                    "full_attention": {
                        "rope_type": "longrope",
                        "original_max_position_embeddings": 5,
                    }
                }
            },
            [(0,), (1,), (1,)],
        ),
    ],
)
def test_rope_that_moves_with_the_length_is_found_in_every_form(llama, config, lengths):
    from types import SimpleNamespace

    from breadth.torch._scorer import _moving_rope

    scorer = Scorer(llama())
    scorer.config = SimpleNamespace(max_position_embeddings=8, **config)
    scorer._rope = _moving_rope(scorer.config)
    pairs = [Pair([1] * 4, [2] * n) for n in (2, 4, 6)]  # 5, 7 and 9 input tokens
    assert [scorer._by_length(pair) for pair in pairs] == lengths


def test_a_checkpoint_that_is_not_there_is_named_at_once():
    with pytest.raises(FileNotFoundError, match="nope: no checkpoint folder"):
        score("nope", [{"prompt": [1], "response": [2]}])
