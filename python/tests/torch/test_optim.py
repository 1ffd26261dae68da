"""Losses and updates against their formulas in plain Python, and gradients against differences."""

from __future__ import annotations

import doctest
import math

import pytest

import torch
from breadth import optim
from breadth.optim import NormalizedSGD, TailFilter


def missed(log_q, n):
    """`-log(1 - (1 - q)^n)` in floats of 50 digits."""
    from decimal import Decimal, getcontext

    getcontext().prec = 150
    q = Decimal(log_q).exp()
    return float(-(1 - (1 - q) ** int(n)).ln())


@pytest.mark.parametrize("n", [1.0, 2.0, 8.0, 1000.0])
def test_coverage_loss_is_its_formula_and_its_slope_a_difference(n):
    for log_q in (-1e-3, -0.5, -3.0, -20.0, -40.0, -120.0):
        x = torch.tensor([log_q], dtype=torch.float64, requires_grad=True)
        loss = optim.coverage_loss(x, n)
        (slope,) = torch.autograd.grad(loss, x)
        assert loss.item() == pytest.approx(missed(log_q, n), rel=1e-9, abs=1e-12)
        h = 1e-5
        difference = (missed(log_q + h, n) - missed(log_q - h, n)) / (2 * h)
        assert slope.item() == pytest.approx(difference, rel=1e-4, abs=1e-4)
        assert -1.0 - 1e-9 <= slope.item() <= 0.0


def test_coverage_loss_at_its_ends():
    sure = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    for n, slope in ((1.0, -1.0), (8.0, 0.0)):
        loss = optim.coverage_loss(sure, n)
        assert loss.item() == 0.0
        assert torch.autograd.grad(loss, sure)[0].item() == slope
    never = torch.tensor([-800.0, -1e5], requires_grad=True)  # float32 in, no underflow
    loss = optim.coverage_loss(never, 8.0)
    assert loss.item() == pytest.approx((800 + 1e5) / 2 - math.log(8.0), rel=1e-7)
    assert torch.autograd.grad(loss, never)[0].tolist() == [-0.5, -0.5]
    with pytest.raises(ValueError, match="n = "):
        optim.coverage_loss(sure, 0.5)


def test_one_is_cross_entropy_and_gradients_reach_the_logits():
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 7, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[-100, -100, 3, 1, 6], [-100, 2, 2, -100, -100]])
    log_q = optim.sequence_log_probs(logits, labels)
    expected = torch.stack(
        [
            sum(
                torch.log_softmax(logits[b, i - 1], -1)[labels[b, i]]
                for i in range(1, 5)
                if labels[b, i] >= 0
            )
            for b in range(2)
        ]
    )
    assert torch.allclose(log_q, expected, atol=1e-6)
    loss = optim.coverage_loss(log_q, 1.0)
    assert loss.item() == pytest.approx(-expected.mean().item(), abs=1e-6)
    one, other = (
        torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (loss, -expected.mean())
    )
    assert torch.allclose(one, other, atol=1e-6)


def test_truncation_weights_spend_the_budget():
    a = torch.tensor([0.3, 0.9, 0.1, 2.0, 0.5], dtype=torch.float64)
    alpha = optim.truncation_weights(a, 8.0)
    assert alpha[:3].tolist() == [1.0] * 3
    assert alpha[3].item() == pytest.approx(0.389721, abs=1e-6)
    assert alpha[4].item() == 0.0
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        a = torch.rand(9, generator=generator, dtype=torch.float64) * (
            torch.rand(9, generator=generator) > 0.3
        )
        for n in (1.0, 2.0, 30.0):
            alpha = optim.truncation_weights(a, n)
            spent = (alpha * a).sum().item()
            assert spent == pytest.approx(min(math.log(n), a.sum().item()), abs=1e-12)
            assert bool(((alpha >= 0) & (alpha <= 1)).all())
    # A token on which both agree counts whole, as in the engine.
    assert optim.truncation_weights(torch.zeros(3), 1.0).tolist() == [1.0] * 3
    with pytest.raises(ValueError, match="below 0 or NaN"):
        optim.truncation_weights(torch.tensor([math.nan]), 2.0)


def by_hand(student, teacher, labels, n, targets):
    """The mean over sequences of sum_h alpha_h (..), token by token, with alpha."""
    total, weights = 0.0, []
    for b in range(len(labels)):
        left = math.inf if n is None else math.log(n)
        for i in range(1, labels.shape[1]):
            if labels[b, i] < 0:
                continue
            q, p = (torch.log_softmax(x[b, i - 1].double(), -1) for x in (student, teacher))
            kl = (p.exp() * (p - q)).sum()
            a = max(kl.item(), 0.0)
            alpha = 1.0 if a <= left else max(left, 0.0) / a
            left -= a
            weights.append(alpha)
            total = total + alpha * (kl if targets == "laws" else -q[labels[b, i]])
    return total / len(labels), weights


@pytest.mark.parametrize("targets", ["laws", "tokens"])
@pytest.mark.parametrize("n", [None, 1.5, 8.0])
def test_distillation_is_eq_24_to_26(n, targets):
    torch.manual_seed(1)
    student = torch.randn(3, 6, 5, requires_grad=True)
    teacher = torch.randn(3, 6, 5, requires_grad=True)
    labels = torch.tensor(
        [[-100, 1, 2, 3, 4, 0], [-100, -100, 2, 2, -100, -100], [-100, -100, -100, 4, 4, 1]]
    )
    loss = optim.truncated_distillation_loss(student, teacher, labels, n=n, targets=targets)
    expected, weights = by_hand(student, teacher, labels, n, targets)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    if n == 1.5:
        assert any(0.0 < w < 1.0 for w in weights)
        assert any(w == 0.0 for w in weights)
    (ours,) = torch.autograd.grad(loss, student)
    (theirs,) = torch.autograd.grad(expected, student)
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert teacher.grad is None
    # Differences, alpha being held fixed: those of the loss without a budget.
    if n is None:
        direction = torch.randn_like(student)
        with torch.no_grad():
            ends = [
                optim.truncated_distillation_loss(
                    student + h * direction, teacher, labels, n=None, targets=targets
                ).item()
                for h in (-1e-3, 1e-3)
            ]
        slope = (ends[1] - ends[0]) / 2e-3
        assert slope == pytest.approx((ours * direction).sum().item(), rel=1e-2, abs=1e-4)


def test_a_student_that_is_its_teacher_has_no_loss_and_no_gradient():
    logits = torch.randn(2, 4, 6, requires_grad=True)
    labels = torch.tensor([[-100, 1, 2, 3], [-100, -100, 0, 5]])
    loss = optim.truncated_distillation_loss(logits, logits.detach(), labels, n=2.0)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert abs(loss.item()) < 1e-9
    assert gradient.abs().max() < 1e-7
    impossible = torch.full((1, 2, 3), -math.inf)
    impossible[0, :, 1] = 0.0
    loss = optim.truncated_distillation_loss(
        torch.zeros(1, 2, 3), impossible, torch.tensor([[0, 1]]), n=None
    )
    assert loss.item() == pytest.approx(math.log(3.0), abs=1e-6)


@pytest.mark.parametrize("per", ["model", "module", "row"])
@pytest.mark.parametrize("lamda", [0.0, 0.7])
def test_normalized_sgd_is_eq_18(per, lamda):
    torch.manual_seed(2)
    params = [torch.randn(3, 4), torch.randn(5), torch.randn(2, 2)]
    grads = [torch.randn(3, 4), torch.randn(5), torch.zeros(2, 2)]
    grads[0][1] = 0.0

    def unit(values, norm):
        return [0.0 if norm == 0 else v / (lamda + norm) for v in values]

    def norm(values):
        return math.sqrt(sum(v * v for v in values))

    whole = norm(v for g in grads for v in g.flatten().tolist())
    expected = []
    for p, g in zip(params, grads, strict=True):
        rows = g.tolist() if g.dim() == 2 else [g.tolist()]
        if per == "row":
            moves = [unit(row, norm(row)) for row in rows]
        else:
            shared = whole if per == "model" else norm(v for row in rows for v in row)
            moves = [unit(row, shared) for row in rows]
        expected.append(p - 0.1 * torch.tensor(moves).reshape(p.shape))
    tensors = [torch.nn.Parameter(p.clone()) for p in params]
    for tensor, gradient in zip(tensors, grads, strict=True):
        tensor.grad = gradient
    NormalizedSGD([{"params": tensors[:1]}, {"params": tensors[1:]}], 0.1, lamda, per=per).step()
    for tensor, wanted in zip(tensors, expected, strict=True):
        assert torch.allclose(tensor, wanted, atol=1e-6)


def test_a_step_ends_in_the_ball_and_state_is_saved():
    p = torch.nn.Parameter(torch.tensor([0.6, 0.0]))
    q = torch.nn.Parameter(torch.tensor([0.8]))
    optimizer = NormalizedSGD([p, q], lr=1.0, radius=1.0)
    p.grad, q.grad = torch.tensor([-3.0, 0.0]), torch.tensor([-4.0])
    optimizer.step()
    assert torch.allclose(torch.cat([p, q]), torch.tensor([0.6, 0.0, 0.8]), atol=1e-6)
    again = NormalizedSGD([p, q], lr=0.5)
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["lr"] == 1.0
    for wrong in (
        {"lr": 0.0},
        {"lr": 1.0, "lamda": -1.0},
        {"lr": 1.0, "per": "x"},
        {"lr": 1.0, "radius": 0.0},
    ):
        with pytest.raises(ValueError, match="must be"):
            NormalizedSGD([p], **wrong)


def test_the_steps_of_the_proofs_are_the_engines():
    assert optim.thm_5_1_step(1.0, 1.0, 4.0, 1000) == (1 / 128, pytest.approx(8 * math.log(4.0)))
    assert optim.thm_6_2_step(1.0, 1.0, math.e, 4356) == pytest.approx(1 / 66)


@pytest.mark.parametrize(
    ("fraction", "kept"),
    [
        (0.0, [0, 1, 2, 3, 4]),
        (1.0, []),
        (0.5, [0, 2]),
        (0.2, [0, 2, 3, 4]),
        (0.1, [0, 2, 3, 4]),
        (0.09, [0, 1, 2, 3, 4]),
    ],
)
def test_the_tail_filter_drops_what_improved_most(fraction, kept):
    now = [3.0, 1.0, 5.0, 2.0, 2.0]
    initial = [3.0, 4.0, 5.0, 3.0, 3.0]  # margins 0, -3, 0, -1, -1
    assert TailFilter(fraction).kept(now, initial).tolist() == kept


def test_of_equal_margins_the_earlier_is_dropped_and_halves_round_up():
    assert TailFilter(0.5).kept([1.0] * 5, [1.0] * 5).tolist() == [3, 4]  # 2.5 of 5
    assert TailFilter(0.25).kept([1.0] * 2, [1.0] * 2).tolist() == [1]
    assert TailFilter(0.25).kept([], []).tolist() == []


def test_the_fraction_can_be_ramped():
    ramp = TailFilter((0.0, 0.5), steps=10)
    assert [ramp.fraction(step) for step in (-1, 0, 5, 10, 99)] == [0.0, 0.0, 0.25, 0.5, 0.5]
    assert len(ramp.kept([1.0] * 4, [2.0] * 4, step=10)) == 2
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="must lie in"):
            TailFilter(wrong)
    with pytest.raises(ValueError, match="a ramp needs steps"):
        TailFilter((0.0, 0.5))
    with pytest.raises(ValueError, match="NaN"):
        TailFilter(0.5).kept([math.nan], [1.0])
    with pytest.raises(ValueError, match="initial ones"):
        TailFilter(0.5).kept([1.0], [1.0, 2.0])


def test_length_normalized_losses_train_what_is_kept():
    logits = torch.randn(3, 4, 6, requires_grad=True)
    labels = torch.tensor([[-100, 1, 2, 3], [-100, -100, 0, 5], [-100] * 4])
    losses = optim.length_normalized_loss(logits, labels)
    expected = torch.nn.functional.cross_entropy(logits[0, :-1], labels[0, 1:])
    assert losses[0].item() == pytest.approx(expected.item(), abs=1e-6)
    assert losses[2].item() == 0.0
    kept = TailFilter(1 / 3).kept(losses, [100.0, 0.0, 0.0])
    assert kept.tolist() == [1, 2]
    losses[kept].mean().backward()
    assert logits.grad[0].abs().max() == 0.0
    assert logits.grad[1].abs().max() > 0.0


def test_the_examples_in_docstrings_hold():
    assert doctest.testmod(optim, extraglobs={"torch": torch}).failed == 0


@pytest.mark.parametrize("per", ["model", "module", "row"])
@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        (torch.float16, 6e-8),
        (torch.bfloat16, 1e-30),
        (torch.float32, 1e-42),
        (torch.float32, 3e38),
        (torch.float64, 1e-200),
        (torch.float64, 1e200),
        (torch.float64, 5e-324),
    ],
)
def test_the_length_of_an_update_does_not_depend_on_the_size_of_the_gradient(per, dtype, size):
    p = torch.nn.Parameter(torch.zeros(1, 4, dtype=dtype))
    p.grad = torch.full((1, 4), size, dtype=dtype)
    NormalizedSGD([p], lr=1.0, per=per).step()
    assert p.tolist() == [[-0.5] * 4]


def test_a_token_that_the_student_excludes_spends_the_budget():
    student = torch.zeros(1, 4, 3)
    student[0, 1, 2] = -math.inf
    student.requires_grad_()
    teacher = torch.zeros(1, 4, 3)
    teacher[0, 0] = torch.tensor([1.0, 0.0, 0.0])
    teacher[0, 2] = torch.tensor([5.0, 0.0, 0.0])
    labels = torch.tensor([[-100, 0, 2, 1]])
    weights = optim.truncation_weights(torch.tensor([0.1, math.inf, 0.2, math.inf]), 8.0)
    assert weights.tolist() == [1.0, 0.0, 0.0, 0.0]
    for targets, loss in (("laws", math.log(8.0)), ("tokens", math.log(3.0))):
        found = optim.truncated_distillation_loss(student, teacher, labels, n=8.0, targets=targets)
        assert found.item() == pytest.approx(loss, rel=1e-6)
        (slope,) = torch.autograd.grad(found, student)
        assert bool(slope.isfinite().all())
        assert slope[0, 0].abs().max() > 0.01  # the token within the budget teaches
        assert slope[0, 1:].abs().max() == 0.0  # the others do not
    whole = optim.truncated_distillation_loss(student, teacher, labels, n=None)
    assert whole.item() == math.inf


def test_second_derivatives_and_empty_batches_are_refused():
    x = torch.tensor([-1.0], dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(optim.coverage_loss(x, 8.0), x, create_graph=True)
    with pytest.raises(ValueError, match="no sequence"):
        optim.coverage_loss(torch.zeros(0), 8.0)
    empty = torch.zeros(0, 3, 5)
    with pytest.raises(ValueError, match="no sequence"):
        optim.truncated_distillation_loss(empty, empty, torch.zeros(0, 3, dtype=torch.long), n=2.0)
