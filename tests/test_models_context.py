"""What a context sees, by what changes it and by its gradient: its row and those above, and nothing below; each usual mistake is seen."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dummies.promises import breaks, keeps
from ssl_lab.errors import InputError
from ssl_lab.models import ContextNetwork

H, W = 5, 7


def build(kind=ContextNetwork, dim: int = 4, width: int = 6, blocks: int = 2, seed: int = 0) -> nn.Module:
    """In float64, with weights and biases above 0, so that no ReLU hides what is seen."""
    torch.manual_seed(seed)
    network = kind(dim, width, blocks).double()
    with torch.no_grad():
        for p in network.parameters():
            p.abs_().add_(0.01)
    return network


def latents(B: int = 2, dim: int = 4, rows: int = H, columns: int = W) -> torch.Tensor:
    return torch.rand(B, dim, rows, columns, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def turned(network: nn.Module, turn: int):
    """The contexts of a grid that is turned by 90°, so many times, in the places of the grid as it was."""
    return lambda z: network(z.rot90(turn, (2, 3))).rot90(-turn, (2, 3))


def changes(function, z: torch.Tensor, r: int, c: int) -> set[tuple[int, int]]:
    """The places whose context changes at all, where the latents of one place do."""
    other = z.clone()
    other[:, :, r, c] += 1
    return {tuple(place) for place in (function(other) != function(z)).any(1).any(0).nonzero().tolist()}


def reached(function, z: torch.Tensor, r: int, c: int) -> set[tuple[int, int]]:
    """The places whose latents have a gradient of the context of one place."""
    z = z.clone().requires_grad_()
    function(z)[:, :, r, c].sum().backward()
    return {tuple(place) for place in z.grad.any(1).any(0).nonzero().tolist()}


def field(r: int, c: int, blocks: int, rows: int = H, columns: int = W) -> set[tuple[int, int]]:
    """So many rows up, the own one too, and so many columns to each side."""
    return {(i, j) for i in range(max(0, r - blocks), r + 1) for j in range(max(0, c - blocks), min(columns, c + blocks + 1))}


# ---- the promises


def what_it_sees_is_exactly_its_field(kind):
    for blocks in (1, 2, 3):
        network, z = build(kind, blocks=blocks), latents()
        for r, c in ((0, 0), (0, 3), (2, 3), (4, 6), (4, 0)):
            assert reached(network, z, r, c) == field(r, c, blocks)
            assert changes(network, z, r, c) == {(i, j) for i in range(H) for j in range(W) if (r, c) in field(i, j, blocks)}


def no_latents_and_no_biases_give_no_context(kind):
    network = build(kind)
    with torch.no_grad():
        for name, p in network.named_parameters():
            if "bias" in name:
                p.zero_()
    assert (network(0 * latents()) == 0).all()


def above_the_first_row_stand_zeros(kind):
    """An image of one row is the first row of any."""
    network, z = build(kind), latents()
    torch.testing.assert_close(network(z)[:, :, :1], network(z[:, :, :1]), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(network(z), by_loops(network, z), atol=1e-12, rtol=1e-12)


def an_image_alone_is_itself_in_a_batch(kind):
    network, z = build(kind).train(), latents(5)
    torch.testing.assert_close(network(z)[2:3], network(z[2:3]), atol=1e-12, rtol=1e-12)
    assert not [part for part in network.modules() if "Norm" in type(part).__name__]


def by_loops(network: ContextNetwork, z: torch.Tensor) -> torch.Tensor:
    """Every block at every place, one after another."""
    c = z
    for block in network.blocks:
        narrow, across, up, widen = (conv.weight for conv in (block.narrow, block.across, block.up, block.widen))
        made = torch.empty_like(c)
        for b in range(len(c)):
            rows = torch.zeros(c.shape[2] + 1, c.shape[3], len(narrow), dtype=c.dtype)  # the first one is above the image
            for r in range(c.shape[2]):
                for k in range(c.shape[3]):
                    total = block.across.bias.clone()
                    for tap, side in enumerate((k - 1, k, k + 1)):
                        if 0 <= side < c.shape[3]:
                            total = total + across[:, :, 0, tap] @ F.relu(narrow[:, :, 0, 0] @ c[b, :, r, side] + block.narrow.bias)
                    rows[r + 1, k] = total
            for r in range(c.shape[2]):
                for k in range(c.shape[3]):
                    y = up[:, :, 0, 0] @ rows[r, k] + up[:, :, 1, 0] @ rows[r + 1, k] + block.up.bias
                    made[b, :, r, k] = c[b, :, r, k] + widen[:, :, 0, 0] @ F.relu(y) + block.widen.bias
        c = made
    return F.relu(c)


PROMISES = [
    what_it_sees_is_exactly_its_field, no_latents_and_no_biases_give_no_context, above_the_first_row_stand_zeros,
    an_image_alone_is_itself_in_a_batch,
]  # fmt: skip


test_the_context_network_keeps_the_promise = keeps(ContextNetwork, PROMISES)


@pytest.mark.parametrize("turn, sees", [(0, "above"), (1, "right"), (2, "below"), (3, "left")])
def test_a_grid_that_is_turned_is_seen_from_the_other_sides(turn, sees):
    """Turned once, counter-clockwise, what was on the right is above: the four directions of CPC."""
    function, z, middle = turned(build(), turn), latents(2, 4, 7, 7), (3, 3)
    allowed = {"above": lambda i, j: i <= 3, "right": lambda i, j: j >= 3, "below": lambda i, j: i >= 3, "left": lambda i, j: j <= 3}[sees]
    expected = {(i, j) for i in range(1, 6) for j in range(1, 6) if allowed(i, j)}
    assert reached(function, z, *middle) == expected
    assert changes(function, z, *middle) == {(6 - i, 6 - j) for i, j in expected}


@pytest.mark.parametrize("turn", range(4))
def test_whatever_the_weights_nothing_below_changes_a_context_or_has_a_gradient(turn):
    """Weights as they begin, of both signs; exactly."""
    torch.manual_seed(3)
    network = ContextNetwork(4, width=8, blocks=3)
    function, z = turned(network, turn), latents(2, 4, 5, 5).float()
    below = torch.zeros(5, 5, dtype=torch.bool)
    below[3:] = True
    below = below.rot90(-turn)  # the rows below the third, in the grid as it was
    other = torch.where(below, z + torch.randn(z.shape), z)
    assert torch.equal(function(other)[..., ~below], function(z)[..., ~below]) and not torch.equal(function(other), function(z))
    z.requires_grad_()
    function(z)[..., ~below].sum().backward()
    assert (z.grad[..., below] == 0).all() and (z.grad[..., ~below] != 0).any()


# ---- the usual mistakes


class Instead(ContextNetwork):
    """Other blocks in place of those that see above."""

    def __init__(self, dim, width=256, blocks=5):
        super().__init__(dim, width, blocks)
        for block in self.blocks:
            block.forward = self.block(block)

    def block(self, block):
        return lambda c: self.joined(block, c, block.across(F.relu(block.narrow(c))))

    def joined(self, block, c, y):
        return c + block.widen(F.relu(block.up(F.pad(y, (0, 0, 1, 0)))))


class SeesBelow(Instead):
    def joined(self, block, c, y):
        return c + block.widen(F.relu(block.up(F.pad(y, (0, 0, 0, 1)))))


class PadsBothSides(Instead):
    """A row of zeros above and one below, of which the first is then left out."""

    def joined(self, block, c, y):
        return c + block.widen(F.relu(block.up(F.pad(y, (0, 0, 1, 1)))[:, :, 1:]))


class OnesOnTop(Instead):
    def joined(self, block, c, y):
        return c + block.widen(F.relu(block.up(F.pad(y, (0, 0, 1, 0), value=1.0))))


class PadsBeforeTheRow(Instead):
    """The row above the image is of zeros before it is convolved, and so has the biases."""

    def block(self, block):
        def forward(c):
            y = block.across(F.relu(block.narrow(F.pad(c, (0, 0, 1, 0)))))
            return c + block.widen(F.relu(block.up(y)))

        return forward


class LeavesTheOwnRowOut(Instead):
    def joined(self, block, c, y):
        return super().joined(block, c, F.pad(y, (0, 0, 1, 0))[:, :, :-1])


class NotResidual(Instead):
    def joined(self, block, c, y):
        return super().joined(block, c, y) - c


class WithoutTheLastReLU(ContextNetwork):
    def forward(self, z):
        return self.blocks(z) + 1e-3 * z.mean((2, 3), keepdim=True)


class Square(ContextNetwork):
    """3 × 3 in place of 1 × 3."""

    def __init__(self, dim, width=256, blocks=5):
        super().__init__(dim, width, blocks)
        for block in self.blocks:
            block.across = nn.Conv2d(width, width, 3, padding=1)


class NoColumns(ContextNetwork):
    def __init__(self, dim, width=256, blocks=5):
        super().__init__(dim, width, blocks)
        for block in self.blocks:
            block.across = nn.Conv2d(width, width, 1)


class OneBlock(ContextNetwork):
    def __init__(self, dim, width=256, blocks=5):
        super().__init__(dim, width, 1)


class BatchNorm(ContextNetwork):
    def __init__(self, dim, width=256, blocks=5):
        super().__init__(dim, width, blocks)
        self.norm = nn.BatchNorm2d(dim)

    def forward(self, z):
        return super().forward(self.norm(z))


class LayerNormOfTheGrid(ContextNetwork):
    """Over the whole grid, by which the rows below are seen."""

    def forward(self, z):
        return super().forward(F.layer_norm(z, z.shape[1:]))


MUTANTS = [
    *((kind, what_it_sees_is_exactly_its_field) for kind in (
        SeesBelow, PadsBothSides, Square, NoColumns, OneBlock, LayerNormOfTheGrid, BatchNorm, WithoutTheLastReLU, LeavesTheOwnRowOut)),
    (OnesOnTop, no_latents_and_no_biases_give_no_context),
    *((kind, above_the_first_row_stand_zeros) for kind in (OnesOnTop, PadsBeforeTheRow, NotResidual, SeesBelow, LeavesTheOwnRowOut)),
    (BatchNorm, an_image_alone_is_itself_in_a_batch),
]  # fmt: skip


test_every_usual_mistake_breaks_its_promise = breaks(MUTANTS)


test_what_mistakes_are_made_from_makes_none = keeps(Instead, PROMISES)


# ---- its form


def test_it_begins_as_wide_and_deep_as_it_is_told_and_the_papers_is_the_default():
    network = ContextNetwork(12)
    shapes = [tuple(p.shape) for p in network.blocks[0].parameters() if p.ndim > 1]
    assert shapes == [(256, 12, 1, 1), (256, 256, 1, 3), (256, 256, 2, 1), (12, 256, 1, 1)] and len(network.blocks) == 5
    weights = [p for p in ContextNetwork(12, 16, 3).parameters() if p.ndim > 1]
    assert len({p.data_ptr() for p in weights}) == len(weights) == 12 and not torch.equal(weights[0], weights[4])


def test_grids_of_any_shape_keep_it():
    for rows, columns in ((1, 1), (1, 5), (5, 1), (6, 6)):
        assert ContextNetwork(4, 8, 2)(torch.rand(3, 4, rows, columns)).shape == (3, 4, rows, columns)
    assert (ContextNetwork(4, 8, 2)(torch.randn(3, 4, 5, 5)) >= 0).all()


@pytest.mark.parametrize("options, words", [
    ({"dim": 0}, "dim=0 must be a whole number from 1"), ({"width": 0}, "width=0"), ({"blocks": -1}, "blocks=-1"),
])
def test_impossible_networks_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        ContextNetwork(**{"dim": 4} | options)
