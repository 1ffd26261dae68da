"""The paper's updates and losses for PyTorch: normalised SGD (Eq 18), truncated distillation
(Eq 24-26), direct coverage; and the filter of TailSFT (arXiv 2608.25756).

Losses are to be minimised; their sums over tokens are float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from breadth._errors import missing

try:
    import torch
    from torch import Tensor
except ModuleNotFoundError as error:
    raise missing("breadth.optim", "torch", error) from error

IGNORE = -100


def token_log_probs(logits: Tensor, labels: Tensor) -> Tensor:
    """`log q(y_h | x, y_<h)` of labelled tokens, differentiable; 0 where the label is -100.

    `logits`: (batch, length, vocab), as a causal model gives them. `labels`: (batch, length), token
    `labels[:, i]` being predicted by `logits[:, i - 1]`, as in transformers. Returns float32
    (batch, length - 1).
    """
    wanted = labels[:, 1:]
    scored = wanted != IGNORE
    logs = torch.log_softmax(logits[:, :-1].float(), dim=-1)
    values = logs.gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
    return values.masked_fill(~scored, 0.0)


def sequence_log_probs(logits: Tensor, labels: Tensor) -> Tensor:
    """`log q(y|x)` of every sequence, in float64: the sum of `token_log_probs`. (batch)"""
    return token_log_probs(logits, labels).double().sum(-1)


def coverage_loss(log_q: Tensor, n: float) -> Tensor:
    """Direct coverage: the mean over sequences of `-log(1 - (1 - q(y|x))^N)`.

    `log_q`: (batch), sequence log-probabilities. N = 1 is cross-entropy; a sequence that N samples
    find for certain is not pushed. Its slope is `N q (1-q)^(N-1) / (1 - (1-q)^N)`; a second
    derivative is refused. An empty batch is a `ValueError`.

    Source: Chen et al. (2025), the utility of direct coverage optimisation.
    """
    if not 1.0 <= n < math.inf:
        raise ValueError(f"n = {n} must be a number of at least 1")
    if log_q.numel() == 0:
        raise ValueError("log_q has no sequence: a mean over none is no number")
    loss: Tensor = _Missed.apply(log_q.double(), float(n)).mean()  # type: ignore[no-untyped-call]
    return loss


class _Missed(torch.autograd.Function):  # type: ignore[misc]
    """`f(l) = -log(1 - (1 - e^l)^N)` with its slope in closed form, which autograd would lose to
    rounding where q is small or 1."""

    @staticmethod
    def forward(ctx: Any, log_q: Tensor, n: float) -> Tensor:
        q = log_q.exp().clamp(max=1.0)
        is_small = n * q < 1e-8
        inner = q.masked_fill(is_small, 0.5)
        log_miss = torch.log1p(-inner)
        found = -torch.expm1(n * log_miss)
        slope = n * inner * ((n - 1.0) * log_miss).exp() / found
        slope = torch.where(inner < 1.0, slope, torch.full_like(slope, float(n == 1.0)))
        ctx.save_for_backward(torch.where(is_small, torch.ones_like(slope), slope))
        return torch.where(is_small, -math.log(n) - log_q, -found.log())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # Gradients are on where a graph of the slope is asked for, which would hold it constant.
        if torch.is_grad_enabled():
            raise RuntimeError("coverage_loss has no second derivative: leave out create_graph")
        (slope,) = ctx.saved_tensors
        return -slope * gradients[0], None


def truncation_weights(kls: Tensor, n: float) -> Tensor:
    """`alpha_h` of Eq 25: how much each token of a sequence counts under the budget A = log N.

    `kls`: (.., length), the next-token divergences `a_h` >= 0, in nats. 1 while the running sum
    including h stays within A, 0 once the sum before h exceeds it, the fraction
    `(A - sum before) / a_h` at the crossing: `sum_h alpha_h a_h = min(A, sum_h a_h)`, where
    `0 * inf` at an infinite crossing stands for what was left of A. No gradient.

    >>> a = torch.tensor([0.3, 0.9, 0.1, 2.0, 0.5], dtype=torch.float64)
    >>> [round(v, 6) for v in truncation_weights(a, 8.0).tolist()]
    [1.0, 1.0, 1.0, 0.389721, 0.0]
    """
    if not 1.0 <= n < math.inf:
        raise ValueError(f"n = {n} must be a number of at least 1")
    kls = kls.detach().double()
    if not bool((kls >= 0).all()):
        raise ValueError("a divergence is below 0 or NaN")
    left = _left(kls, n)
    fraction = (left / kls.clamp(min=torch.finfo(torch.float64).tiny)).clamp(0.0, 1.0)
    return torch.where(kls <= left, torch.ones_like(kls), fraction)


def _left(kls: Tensor, n: float) -> Tensor:
    """What is left of the budget log N before each token, at least 0."""
    # Not the sum including h less a_h, which is no number where a_h is infinite.
    before = torch.cat([torch.zeros_like(kls[..., :1]), kls[..., :-1].cumsum(-1)], dim=-1)
    return (math.log(n) - before).clamp(min=0.0)


def truncated_distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    *,
    n: float | None,
    targets: Literal["laws", "tokens"] = "laws",
) -> Tensor:
    """Distillation that stops at a budget of divergence per sequence (Eq 24-26).

    The mean over sequences of `sum_h alpha_h KL(p_h || q_h)` (`laws`), or of
    `- sum_h alpha_h log q(y_h | x, y_<h)` (`tokens`), alpha held fixed; `n = None` counts every
    token. Logits: (batch, length, vocab); `labels` as in `token_log_probs`: -100 is not scored.
    The teacher gets no gradient. A token that the student excludes and the teacher does not spends
    what is left of the budget, `min(A, inf) = A`, without a gradient. An empty batch is a
    `ValueError`.
    """
    if targets not in ("laws", "tokens"):
        raise ValueError(f"targets = {targets!r} must be 'laws' or 'tokens'")
    if labels.shape[0] == 0:
        raise ValueError("the batch has no sequence: a mean over none is no number")
    scored = labels[:, 1:] != IGNORE
    log_q = torch.log_softmax(student_logits[:, :-1].float(), dim=-1).double()
    log_p = torch.log_softmax(teacher_logits[:, :-1].detach().float(), dim=-1).double()
    p = log_p.exp()
    each = torch.where(p > 0, p * (log_p - log_q), torch.zeros_like(p))
    kls = each.sum(-1).clamp(min=0.0).masked_fill(~scored, 0.0)
    alpha = scored.double() if n is None else truncation_weights(kls, n) * scored
    if targets == "tokens":
        tokens = log_q.gather(-1, labels[:, 1:].clamp(min=0)[..., None])[..., 0]
        kls = -tokens.masked_fill(~scored, 0.0)
    else:  # the slope of p log p/q, whether or not rounding put the sum below 0
        kls = each.sum(-1).masked_fill(~scored, 0.0)
    counted = torch.where(alpha > 0.0, alpha * kls, torch.zeros_like(kls))
    if n is not None and targets == "laws":
        at_infinity = kls.detach() == math.inf
        counted = torch.where(at_infinity, _left(kls.detach().clamp(min=0.0), n), counted)
    return counted.sum(-1).mean()


class NormalizedSGD(torch.optim.Optimizer):  # type: ignore[misc]
    """`theta - eta g / (lambda + |g|)` (Eq 18), g being the gradient of the loss of a batch.

    `per`: what shares a norm: the `model` as in the paper, each `module` (array), or each `row` of
    a matrix. `radius`: of the ball around 0 onto which all parameters together are projected after
    the step (the paper's Theta has 1). Norms and updates are float64, and only the update takes the
    type of its parameter, however small or large the gradient; one of zeros moves nothing.

    For Thm 5.1's guarantee: `lr, lamda = thm_5_1_step(bound, variance, n, steps)`.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        lamda: float = 0.0,
        per: Literal["model", "module", "row"] = "model",
        radius: float | None = None,
    ):
        if not lr > 0.0:
            raise ValueError(f"lr = {lr} must be above 0")
        if not lamda >= 0.0:
            raise ValueError(f"lamda = {lamda} must be at least 0")
        if per not in ("model", "module", "row"):
            raise ValueError(f"per = {per!r} must be 'model', 'module' or 'row'")
        if radius is not None and not radius > 0.0:
            raise ValueError(f"radius = {radius} must be above 0")
        super().__init__(params, {"lr": lr, "lamda": lamda})
        self.per = per
        self.radius = radius

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step; all parameter groups together share the norm of `per="model"`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        every = [(p, group) for group in self.param_groups for p in group["params"]]
        moved = [(p, group) for p, group in every if p.grad is not None]
        whole = _norm(p.grad for p, _ in moved) if self.per == "model" else 0.0
        for p, group in moved:
            update = self._update(p.grad.double(), group["lamda"], whole)
            p.add_(update.to(p.dtype), alpha=-group["lr"])
        if self.radius is not None:
            project_onto_ball((p for p, _ in every), self.radius)
        return loss

    def _update(self, gradient: Tensor, lamda: float, whole: float) -> Tensor:
        if self.per == "model":
            return gradient / ((lamda + whole) or 1.0)
        rows = self.per == "row" and gradient.dim() > 0
        divisor = lamda + _norm_over(gradient, -1 if rows else None)
        return gradient / torch.where(divisor == 0.0, torch.ones_like(divisor), divisor)


def project_onto_ball(params: Iterable[Tensor], radius: float) -> None:
    """Scales all parameters together into the ball of a radius around 0."""
    every = list(params)
    norm = _norm(every)
    if norm > radius:
        for p in every:
            p.mul_(radius / norm)


def _norm(arrays: Iterable[Tensor]) -> float:
    return math.hypot(*(float(_norm_over(a.double(), None)) for a in arrays))


def _norm_over(values: Tensor, dim: int | None) -> Tensor:
    """The norm, over one dimension, which stays, or over all; squares do not leave the range."""
    if values.numel() == 0:
        return values.new_zeros(())
    sizes = values.abs()
    largest = sizes.max() if dim is None else sizes.amax(dim, keepdim=True)
    is_plain = (largest == 0.0) | ~largest.isfinite()
    unit = torch.where(is_plain, torch.ones_like(largest), largest)
    squares = (values / unit).square()
    return unit * (squares.sum() if dim is None else squares.sum(dim, keepdim=True)).sqrt()


def thm_5_1_step(bound: float, variance: float, n: float, steps: int) -> tuple[float, float]:
    """Thm 5.1's step and lambda of normalised SGD.

    `eta = min{1/(128 B), (log N / (s2 T))^(1/4)}`, `lambda = log N / (16 eta)`.
    """
    eta = min(1.0 / (128.0 * bound), (math.log(n) / (variance * steps)) ** 0.25)
    return eta, math.log(n) / (16.0 * eta)


def thm_6_2_step(bound: float, variance: float, n: float, steps: int) -> float:
    """Thm 6.2's step of truncated distillation.

    `min{1/((64 log N + 2) B^2), 1/sqrt(T s2 log N)}`, as the paper prints it. The proof does not
    close with this step; it does with `1/(256 log N B^2)` in the place of the first term.
    """
    log_n = math.log(n)
    smooth = (64.0 * log_n + 2.0) * bound * bound
    return min(1.0 / smooth, 1.0 / math.sqrt(steps * variance * log_n))


class TailFilter:
    """TailSFT: of a selection batch, train on the examples that the model has learned least.

    With `l0` the length-normalised cross-entropy of an example under the initial model and `l` the
    same under the present one, the margin is `l - l0`; of B examples the `round(B f)` with the
    smallest margins (those that improved most) are dropped. Halves round up; of equal margins the
    earlier example is dropped first.

    `fraction`: f, or `(first, last)` for a linear ramp over `steps` steps.

    Source: arXiv 2608.25756.

    >>> TailFilter(0.5).kept(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 1.0])).tolist()
    [1]
    """

    def __init__(self, fraction: float | tuple[float, float], steps: int | None = None):
        ramp = fraction if isinstance(fraction, tuple) else (fraction, fraction)
        if not all(0.0 <= f <= 1.0 for f in ramp):
            raise ValueError(f"fraction = {fraction} must lie in [0, 1]")
        if isinstance(fraction, tuple) and not (steps is not None and steps >= 1):
            raise ValueError("a ramp needs steps, a whole number of at least 1")
        self.first, self.last = ramp
        self.steps = steps

    def fraction(self, step: int = 0) -> float:
        """The fraction that is dropped at a step, counted from 0."""
        if self.steps is None:
            return self.first
        done = min(max(step, 0) / self.steps, 1.0)
        return self.first + (self.last - self.first) * done

    def kept(
        self, losses: Tensor | Sequence[float], initial: Tensor | Sequence[float], step: int = 0
    ) -> Tensor:
        """Positions of the examples to train on, in their order. (kept)"""
        now, before = torch.as_tensor(losses).detach(), torch.as_tensor(initial).detach()
        if now.dim() != 1 or now.shape != before.shape:
            raise ValueError(f"{tuple(now.shape)} losses and {tuple(before.shape)} initial ones")
        margin = now.double() - before.double().to(now.device)
        if bool(margin.isnan().any()):
            raise ValueError("a margin is NaN")
        count = math.floor(len(margin) * self.fraction(step) + 0.5)
        order = torch.argsort(margin, stable=True)
        return order[count:].sort().values


def length_normalized_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over an example's scored tokens of `-log q`, differentiable. (batch)

    An example without a scored token has loss 0. What `TailFilter` compares, and what the mean over
    the kept is trained on.
    """
    count = (labels[:, 1:] != IGNORE).sum(-1).clamp(min=1)
    return -token_log_probs(logits, labels).sum(-1) / count
