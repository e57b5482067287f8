"""The first step that is not finite is named, and the last good weights are back."""

import pytest
import torch
from torch import nn

from ssl_lab.guard import Diverged, Guard


@pytest.fixture
def method():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def test_weights_of_the_last_look_are_put_back_and_the_step_is_counted_from_the_start_of_the_training(method):
    guard, before = Guard(method, done=100), method.weight.clone()
    for loss in (1.0, 2.0):
        guard.watch(torch.tensor(loss))
    guard.check()
    method.weight.data += 1
    guard.watch(torch.tensor(1.0))
    guard.watch(torch.tensor(torch.nan))
    with pytest.raises(Diverged, match="the loss of step 104 is nan; the weights of step 102 are back"):
        guard.check()
    assert torch.equal(method.weight, before)


def test_weights_that_are_not_finite_are_found_though_every_loss_is(method):
    guard = Guard(method, done=0)
    guard.watch(torch.tensor(1.0))
    method.bias.data[0] = torch.inf
    with pytest.raises(Diverged, match="the weights after step 1 are not finite; the weights of step 0 are back"):
        guard.check()
    assert method.bias.isfinite().all()


def test_it_looks_every_fifty_steps(method, monkeypatch):
    looks = []
    monkeypatch.setattr("ssl_lab.guard.mean", lambda losses: looks.append(len(losses)) or losses)
    guard = Guard(method, done=0)
    for _ in range(120):
        guard.watch(torch.tensor(1.0))
    guard.check()
    guard.check()  # nothing new: no look
    assert looks == [50, 50, 20]
