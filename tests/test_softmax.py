"""The softmax that keeps its exponentials is torch's, in value and gradient."""

import pytest
import torch

from ssl_lab.softmax import MinusLogShare


def torchs(scores, own, tau):
    return ((scores - own[:, None]) / tau).logsumexp(dim=1)


@pytest.mark.parametrize("M, C", [(1, 2), (3, 1), (5, 90), (64, 4097)])
@pytest.mark.parametrize("tau", [0.05, 0.2, 1, 30.0])
def test_value_and_gradients_are_those_of_logsumexp(M, C, tau):
    """The partner need not be a candidate, and every row has a slope of its own."""
    draw = torch.Generator().manual_seed(M)
    scores = torch.randn(M, C, generator=draw, dtype=torch.float64).requires_grad_()
    own, slope = torch.randn(M, generator=draw, dtype=torch.float64).requires_grad_(), torch.randn(M, generator=draw, dtype=torch.float64)
    found, right = (function(scores, own, tau) for function in (MinusLogShare.apply, torchs))
    torch.testing.assert_close(found, right, atol=1e-10, rtol=1e-12)
    for a, b in zip(*(torch.autograd.grad(loss, (scores, own), slope) for loss in (found, right)), strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-12)


def test_what_it_is_given_stays_as_it_is():
    scores = torch.randn(4, 6)
    before = scores.clone()
    MinusLogShare.apply(scores, scores[:, 0], 0.1)
    assert torch.equal(scores, before)


def test_its_gradient_may_be_asked_for_twice():
    scores = torch.randn(4, 6, requires_grad=True)
    loss = MinusLogShare.apply(scores, scores[:, 0], 0.5).sum()
    first, second = (torch.autograd.grad(loss, scores, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_large_and_missing_candidates():
    scores = torch.tensor([[1e4, -1e4, -torch.inf], [3.0, -torch.inf, -torch.inf]], requires_grad=True)
    paid = MinusLogShare.apply(scores, scores[:, 0], 0.01)
    (slope,) = torch.autograd.grad(paid.sum(), scores)
    assert paid.tolist() == [0, 0] and not slope.any()
    assert MinusLogShare.apply(torch.tensor([[1.0, torch.nan]]), torch.tensor([1.0]), 0.1).isnan().all()


def test_no_device_is_waited_for():
    scores = torch.empty(4, 6, device="meta", requires_grad=True)
    MinusLogShare.apply(scores, scores[:, 0], 0.1).sum().backward()
    assert scores.grad.shape == (4, 6)
