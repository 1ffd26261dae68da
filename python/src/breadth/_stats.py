"""The few statistics that a trainer's callback needs, in plain Python.

They are point values; the intervals, the tournament and the verdict are the engine's (`_engine`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence

#: A response is uncovered at level N when `log p - log q >= log N - TOLERANCE`.
TOLERANCE = 1e-9
#: Probabilities of distinct responses may add up to this much more than 1.
ROUNDING = 1e-6


def _log_prob(value: float) -> float:
    if not value <= 0.0:
        raise ValueError(f"{value} is not a log-probability; it must be at most 0")
    return value


def hit_probability(log_q: float, k: float) -> float:
    """The probability that k samples contain a response of log-probability `log_q`.

    Formula: `1 - (1 - q)^k`, exact to the last digits for any q and k.
    """
    _log_prob(log_q)
    if not k >= 0.0:
        raise ValueError(f"k = {k} must be a number of at least 0")
    if k == 0.0 or log_q == -math.inf:
        return 0.0
    if log_q < -40.0:  # log(1 - q) is -q, which may be below the least float
        exponent = math.log(k) + log_q
        return 1.0 if exponent > 4.0 else -math.expm1(-math.exp(exponent))
    if log_q == 0.0:
        return 1.0
    near_one = log_q > -math.log(2.0)
    log_miss = math.log(-math.expm1(log_q)) if near_one else math.log1p(-math.exp(log_q))
    return -math.expm1(k * log_miss)


def log_mass(log_qs: Iterable[float], identities: Iterable[Hashable] | None = None) -> float:
    """`log sum q` over the distinct responses of one prompt, at most 0.

    `identities` tells which responses are the same; without it, equal log-probabilities do.
    """
    logs = [_log_prob(value) for value in log_qs]
    keys: list[Hashable] = list(logs if identities is None else identities)
    distinct = list(dict(zip(keys, logs, strict=True)).values())
    largest = max(distinct)
    if len(distinct) == 1 or largest == -math.inf:
        return largest
    total = largest + math.log(math.fsum(math.exp(value - largest) for value in distinct))
    if total > math.log1p(ROUNDING):
        raise ValueError(
            f"the distinct responses of a prompt have probabilities that add up to "
            f"{math.exp(total):.6g}; are they log-probabilities of whole responses?"
        )
    return min(total, 0.0)


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """`sum w v / sum w`."""
    if not values:
        raise ValueError("no values to take the mean of")
    total = math.fsum(weights)
    return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / total


def _by_prompt(prompts: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for at, prompt in enumerate(prompts):
        places.setdefault(prompt, []).append(at)
    return places


def reach(
    prompts: Sequence[str],
    log_qs: Sequence[float],
    k: float,
    *,
    weights: Sequence[float] | None = None,
    identities: Sequence[Hashable] | None = None,
) -> float:
    """`reach_k`: the mean over prompts of `1 - (1 - q(S_x|x))^k`.

    One entry per held-out response: its prompt and its log-probability. A lower bound of Pass@k
    for every verifier that accepts these responses. A prompt counts the mean weight of its rows.
    """
    if len(prompts) != len(log_qs):
        raise ValueError(f"{len(prompts)} prompts and {len(log_qs)} log-probabilities")
    hits, counts = [], []
    for places in _by_prompt(prompts).values():
        names = None if identities is None else [identities[at] for at in places]
        hits.append(hit_probability(log_mass([log_qs[at] for at in places], names), k))
        own = [1.0 if weights is None else weights[at] for at in places]
        counts.append(math.fsum(own) / len(own))
    return weighted_mean(hits, counts)


def log_ratio(log_p: float, log_q: float) -> float:
    """`log p - log q`; two zeros are ratio 1, `q = 0 < p` is infinite."""
    both_zero = log_p == -math.inf and log_q == -math.inf
    return 0.0 if both_zero else _log_prob(log_p) - _log_prob(log_q)


def coverage(
    log_ps: Sequence[float],
    log_qs: Sequence[float],
    n: float,
    *,
    weights: Sequence[float] | None = None,
) -> float:
    """`Cov_N(p || q)`: the share of responses with `log p - log q >= log N - 1e-9`. Def 1.1."""
    if not 1.0 <= n < math.inf:
        raise ValueError(f"n = {n} must be a number of at least 1")
    level = math.log(n) - TOLERANCE
    pairs = zip(log_ps, log_qs, strict=True)
    missed = [float(log_ratio(p, q) >= level) for p, q in pairs]
    return weighted_mean(missed, [1.0] * len(missed) if weights is None else weights)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased Pass@k of one prompt from n samples of which c are right: `1 - C(n-c,k)/C(n,k)`."""
    if not 0 <= c <= n:
        raise ValueError(f"{c} right of {n} samples")
    if not 1 <= k <= n:
        raise ValueError(f"Pass@{k} needs at least {k} samples, and there are {n}")
    return 1.0 - _choose_ratio(n - c, n, k)


def best_of_k(rewards: Sequence[float], k: int) -> float:
    """Unbiased `E[max of k]` from n rewards in [0, 1]; Pass@k where they are 0 or 1."""
    n = len(rewards)
    if not 1 <= k <= n:
        raise ValueError(f"Best-of-{k} needs at least {k} samples, and there are {n}")
    if any(not 0.0 <= reward <= 1.0 for reward in rewards):
        raise ValueError("a reward lies outside [0, 1]")
    if all(reward in (0.0, 1.0) for reward in rewards):
        return pass_at_k(n, sum(map(int, rewards)), k)
    ordered = sorted(rewards)  # the i-th smallest is the largest of C(i, k-1) subsets
    total = math.comb(n, k)
    return math.fsum(math.comb(i, k - 1) / total * reward for i, reward in enumerate(ordered))


def mixed_group(n: int, c: int, size: int) -> float:
    """The probability that a group of `size` of the n samples has right ones and wrong ones."""
    if not 0 <= c <= n:
        raise ValueError(f"{c} right of {n} samples")
    if not 1 <= size <= n:
        raise ValueError(f"a group of {size} needs as many samples, and there are {n}")
    return max(0.0, 1.0 - _choose_ratio(n - c, n, size) - _choose_ratio(c, n, size))


def _choose_ratio(m: int, n: int, k: int) -> float:
    """`C(m, k) / C(n, k)`."""
    return math.comb(m, k) / math.comb(n, k)
