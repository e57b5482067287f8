"""Heads are what the papers draw."""

import pytest
import torch
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import mlp


def test_heads_have_batch_norm_and_relu_between_and_nothing_after():
    kinds = [type(layer).__name__ for layer in mlp(8, 16, 16, 4)]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert [type(layer).__name__ for layer in mlp(8, 4)] == ["Linear"]
    assert mlp(8, 16, 4)(torch.rand(5, 8)).shape == (5, 4)
    plain = mlp(8, 16, 4, norm=False)
    assert [type(layer).__name__ for layer in plain] == ["Linear", "ReLU", "Linear"] and all(layer.bias is not None for layer in plain[::2])


def test_a_head_draws_its_own_weights_and_no_others():
    after = []
    for build in (lambda: mlp(8, 4), lambda: nn.Linear(8, 4)):
        torch.manual_seed(0)
        after.append((build().state_dict(), torch.rand(())))
    (head, drawn), (layer, expected) = after
    assert torch.equal(head["0.weight"], layer["weight"]) and drawn == expected


@pytest.mark.parametrize("widths", [(8,), (8, 0), (8, -1, 4), ()])
def test_impossible_heads_are_refused(widths):
    with pytest.raises(InputError, match="widths"):
        mlp(*widths)
