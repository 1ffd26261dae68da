"""The plain statistics against definitions by brute force, against the paper's numbers, and against
the engine on the same tables."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from breadth import _stats
from breadth._monitor import sample_metrics
from breadth._tables import write_samples, write_scores


def test_hits_keep_their_digits():
    assert _stats.hit_probability(0.0, 3.0) == 1.0
    assert _stats.hit_probability(-math.inf, 1e9) == 0.0
    assert _stats.hit_probability(-0.5, 0.0) == 0.0
    assert _stats.hit_probability(math.log(0.25), 2.0) == 0.4375
    assert _stats.hit_probability(-700.0, 1e6) == pytest.approx(1e6 * math.exp(-700.0), rel=1e-9)
    assert _stats.hit_probability(-40.0, 1e5) == pytest.approx(1e5 * math.exp(-40.0), rel=1e-9)
    around = [_stats.hit_probability(-40.0 + by, 1e17) for by in (-1e-9, 1e-9)]
    assert around[0] == pytest.approx(around[1], abs=1e-8)
    for wrong in (0.1, math.nan):
        with pytest.raises(ValueError, match="log-probability"):
            _stats.hit_probability(wrong, 1.0)
    with pytest.raises(ValueError, match="k = "):
        _stats.hit_probability(-1.0, math.nan)


def test_responses_of_a_prompt_are_added_up_once_each():
    logs = [math.log(0.25), math.log(0.25), math.log(0.125), math.log(0.5)]
    expected = 0.5 * (1.0 - 0.625**2) + 0.5 * 0.75
    assert _stats.reach(["a", "a", "a", "b"], logs, 2.0) == pytest.approx(expected, abs=1e-15)
    apart = _stats.reach(["a", "a", "a", "b"], logs, 2.0, identities=[1, 2, 3, 4])
    assert apart == pytest.approx(0.5 * (1.0 - 0.375**2) + 0.5 * 0.75, abs=1e-15)
    with pytest.raises(ValueError, match="add up to 1.2"):
        _stats.reach(["a", "a"], [math.log(0.5), math.log(0.7)], 2.0)
    with pytest.raises(ValueError, match="no values"):
        _stats.reach([], [], 2.0)


def test_coverage_counts_the_ratio_n_itself_and_both_zeros():
    n = 1024.0
    level = -10 * math.log(2.0)
    assert _stats.coverage([0.0, 0.0], [level, -6.93], n) == 0.5
    inf = -math.inf
    assert _stats.coverage([inf, -900.0, inf], [inf, inf, -1.0], 2.0) == pytest.approx(1 / 3)
    assert _stats.coverage([-1.0, -1.0], [-9.0, -1.0], 2.0, weights=[3.0, 1.0]) == 0.75
    for wrong in (0.5, math.nan, math.inf):
        with pytest.raises(ValueError, match="n = "):
            _stats.coverage([-1.0], [-1.0], wrong)


def test_pass_at_k_is_that_of_all_subsets():
    assert _stats.pass_at_k(5, 2, 3) == pytest.approx(0.9, abs=1e-15)
    assert _stats.pass_at_k(200, 3, 100) == pytest.approx(0.876884, abs=1e-6)
    assert _stats.pass_at_k(10000, 1, 5000) == pytest.approx(0.5, abs=1e-12)
    rewards = [0.0, 0.25, 0.25, 1.0, 0.5]
    for k in range(1, 6):
        subsets = list(itertools.combinations(rewards, k))
        expected = sum(map(max, subsets)) / len(subsets)
        assert _stats.best_of_k(rewards, k) == pytest.approx(expected, abs=1e-15)
    with pytest.raises(ValueError, match="at least 6"):
        _stats.pass_at_k(5, 2, 6)
    with pytest.raises(ValueError, match="outside"):
        _stats.best_of_k([1.5], 1)


def test_mixed_groups_are_those_of_all_subsets():
    for n, c, size in itertools.product([4, 6], range(5), [1, 2, 4]):
        samples = [1] * c + [0] * (n - c)
        subsets = list(itertools.combinations(samples, size))
        expected = sum(0 < sum(one) < size for one in subsets) / len(subsets)
        assert _stats.mixed_group(n, c, size) == pytest.approx(expected, abs=1e-15)


def drawn(seed, prompts=30, models=("a", "b")):
    """Score rows: up to three responses a prompt, some impossible under some model."""
    source = random.Random(seed)
    rows = []
    for prompt in range(prompts):
        for response in range(source.choice([1, 1, 3])):
            for model in models:
                log_q = -math.inf if source.random() < 0.05 else -source.expovariate(0.2) - 1.2
                rows.append(
                    {
                        "source": "data",
                        "prompt_id": str(prompt),
                        "response_id": str(response),
                        "model": model,
                        "logprob": log_q,
                    }
                )
    return rows


@pytest.mark.parametrize("seed", [1, 2])
def test_reach_is_the_engines(engine, tmp_path, seed):
    rows = drawn(seed)
    write_scores(tmp_path / "scores.parquet", rows)
    document = engine("reach", tmp_path / "scores.parquet", "-k", "1,16,1000")
    for model in document["models"]:
        own = [row for row in rows if row["model"] == model["model"]]
        prompts, logs = [row["prompt_id"] for row in own], [row["logprob"] for row in own]
        identities = [row["response_id"] for row in own]
        for said in model["reach"]:
            ours = _stats.reach(prompts, logs, said["k"], identities=identities)
            assert ours == pytest.approx(said["value"], abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_coverage_is_the_engines(engine, tmp_path, seed):
    rows = drawn(seed)
    for row in rows:  # what the data hold has a positive probability under the reference
        row["logprob"] = -3.0 if row["model"] == "a" else row["logprob"]
    write_scores(tmp_path / "scores.parquet", rows)
    document = engine("profile", tmp_path / "scores.parquet", "--reference", "a", "-n", "2,16")
    columns = {m: [row["logprob"] for row in rows if row["model"] == m] for m in ("a", "b")}
    (model,) = [one for one in document["models"] if one["model"] == "b"]
    assert len(model["profile"]) == 2
    for said in model["profile"]:
        ours = _stats.coverage(columns["a"], columns["b"], said["n"])
        assert ours == pytest.approx(said["cov"], abs=1e-12)


@pytest.mark.parametrize("partial", [False, True])
def test_pass_is_the_engines(engine, tmp_path, partial):
    source = random.Random(3)
    rewards = [0.0, 0.0, 1.0] + [0.25] * partial
    rows = [
        {"model": "a", "prompt_id": str(p), "response_id": str(r), "reward": source.choice(rewards)}
        for p in range(20)
        for r in range(24)
    ]
    write_samples(tmp_path / "samples.parquet", rows)
    document = engine("pass", tmp_path / "samples.parquet", "-k", "1,8,16")
    by_prompt = [[r["reward"] for r in rows if r["prompt_id"] == str(p)] for p in range(20)]
    for said in document["models"][0]["pass"]:
        ours = sample_metrics(by_prompt, said["k"], 8)[f"pass_{said['k']}"]
        assert ours == pytest.approx(said["value"], abs=1e-12)
