"""The check of the masked convolution: right answers pass in any style, each usual mistake is called by its name, and others by what they see.

The mistakes are written here once more, one product at a time, on lists of numbers.
"""

import functools
import itertools

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.checks import check_causal
from ssl_lab.models.context import Above

SEEDS = range(8)


def zero(z, r, c):
    return 0.0


def edge(z, r, c):
    return z[min(max(r, 0), len(z) - 1)][min(max(c, 0), len(z[0]) - 1)]


def around(z, r, c):
    return z[r % len(z)][c % len(z[0])]


def mirrored(z, r, c):
    return z[abs(r)][len(z[0]) - 1 - abs(len(z[0]) - 1 - abs(c))]


def look(z, r, c, outside):
    return z[r][c] if 0 <= r < len(z) and 0 <= c < len(z[0]) else outside(z, r, c)


def by_products(
    z,
    weight,
    *,
    offsets=((-1, 0), (-1, 0, 1)),
    kernel=lambda i, j: (i, j),
    outside=zero,
    height=lambda H: range(H),
    width=lambda W: range(W),
    used=lambda i, j: True,
    channels=lambda d: range(d),
    scale=lambda d: 1,
    after=lambda y, z: y,
):
    """The convolution, product by product; every option is one way to get it wrong.

    offsets: of the rows and columns that belong to the weight's.   kernel: the weight's row and column for an offset.   outside: what stands there.
    """
    numbers, w, (d, H, W) = z.tolist(), weight.tolist(), z.shape[1:]
    rows, columns = offsets

    def output(image, kernels, r, c):
        total = 0.0
        for ch, (i, up), (j, left) in itertools.product(channels(d), enumerate(rows), enumerate(columns)):
            a, b = kernel(i, j)
            if used(i, j):
                total += kernels[ch][a][b] * look(image[ch], r + up, c + left, outside)
        return total * scale(d)

    y = [[[[output(image, kernels, r, c) for c in width(W)] for r in height(H)] for kernels in w] for image in numbers]
    return after(torch.tensor(y), z)


def wrong(**options):
    return functools.partial(by_products, **options)


def one_at(where):
    """1 above, or at the sides, or both."""
    return lambda z, r, c: float((where != "sides" and r < 0) or (where != "above" and r >= 0))


def edge_above(z, r, c):
    return edge(z, r, c) if 0 <= c < len(z[0]) else 0.0


def around_rows(z, r, c):
    return z[r][c] if 0 <= c < len(z[0]) else 0.0


def around_columns(z, r, c):
    return z[r][c % len(z[0])] if r >= 0 else 0.0


def transposed(z, weight):
    return by_products(z.mT, weight).mT


def channels_swapped(z, weight):
    return by_products(z, weight.transpose(0, 1))


THREE = (-1, 0, 1)
CAUSAL = {
    "below": ("zeros stands below in place of above", wrong(offsets=((0, 1), THREE))),
    "padding=1": ("rows are padded above and below", lambda z, weight: F.conv2d(z, weight, padding=1)),
    "one row too many": ("rows are padded above and below", wrong(height=lambda H: range(H + 1))),
    "no row": ("rows are not padded", wrong(offsets=((0, 1), THREE), height=lambda H: range(H - 1))),
    "last row": ("rows are not padded", wrong(height=lambda H: range(H - 1))),
    "shifted": ("own row is not seen", wrong(offsets=((-2, -1), THREE))),
    "two rows above": ("rows are padded twice above", wrong(offsets=((-2, -1), THREE), height=lambda H: range(H + 1))),
    "upside down": ("two rows of the kernel are swapped", wrong(kernel=lambda i, j: (1 - i, j))),
    "mirrored": ("the kernel is mirrored", wrong(kernel=lambda i, j: (i, 2 - j))),
    "turned": ("turned by 180°", wrong(kernel=lambda i, j: (1 - i, 2 - j))),
    "ones": ("ones are padded", wrong(outside=lambda *_: 1.0)),
    "ones above": ("ones are padded", wrong(outside=one_at("above"))),
    "ones at the sides": ("ones are padded", wrong(outside=lambda z, r, c: float(r >= 0))),
    "edge": ("the padding repeats the edge", wrong(outside=edge)),
    "edge above": ("the padding repeats the edge", wrong(outside=edge_above)),
    "reflected": ("the padding repeats the edge", wrong(outside=mirrored)),
    "z[-1]": ("the rows go around", wrong(outside=around_rows)),
    "circular": ("the rows go around", wrong(outside=around)),
    "roll columns": ("the columns go around", wrong(outside=around_columns)),
    "no columns": ("columns are not padded", wrong(width=lambda W: range(1, W - 1))),
    "no padding at all": ("columns are not padded", lambda z, weight: F.conv2d(z, weight)),
    "columns before": ("columns are padded at one side", wrong(offsets=((-1, 0), (-2, -1, 0)))),
    "columns after": ("columns are padded at one side", wrong(offsets=((-1, 0), (0, 1, 2)))),
    "left only": ("columns are padded at one side", wrong(width=lambda W: range(W - 1))),
    "top first": ("padded in the wrong order", lambda z, weight: F.conv2d(F.pad(z, (1, 0, 1, 1)), weight)),
    "square": ("has a third row", wrong(offsets=(THREE, THREE), kernel=lambda i, j: (i % 2, j))),
    "square, the own row twice": ("has a third row", wrong(offsets=(THREE, THREE), kernel=lambda i, j: (min(i, 1), j))),
    "columns masked": ("columns are masked as well", wrong(used=lambda i, j: j < 2)),
    "left alone": ("columns are masked as well", wrong(used=lambda i, j: j < 1)),
    "as in PixelCNN": ("columns are masked as well", wrong(used=lambda i, j: i == 0 or j < 2)),
    "as in PixelCNN, mask A": ("columns are masked as well", wrong(used=lambda i, j: i == 0 or j < 1)),
    "own row only": ("only the own row is used", wrong(used=lambda i, j: i == 1)),
    "row above only": ("only the row above is used", wrong(used=lambda i, j: i == 0)),
    "r - 2": ("the row above is a wrong one", wrong(offsets=((-2, 0), THREE))),
    "r + 1": ("the row above is row r + 1", wrong(offsets=((1, 0), THREE))),
    "transposed": ("rows and columns are swapped", transposed),
    "e and d": ("channels of z and of the output are swapped", channels_swapped),
    "one channel": ("the output has one channel", wrong(after=lambda y, z: y.sum(1, keepdim=True))),
    "channels gone": ("the output has one channel", wrong(after=lambda y, z: y.sum(1))),
    "mean over d": ("the channels are averaged", wrong(scale=lambda d: 1 / d)),
    "mean over all": ("the channels are averaged", wrong(scale=lambda d: 1 / (6 * d))),
    "last channel": ("only one of the channels", wrong(channels=lambda d: [d - 1])),
    "= for +=": ("only one of the channels", wrong(channels=lambda d: [d - 1], used=lambda i, j: (i, j) == (1, 2))),
    "ReLU": ("a ReLU is taken", wrong(after=lambda y, z: y.relu())),
}


@pytest.mark.parametrize("words, mistake", CAUSAL.values(), ids=CAUSAL)
def test_each_usual_mistake_with_the_convolution_gets_its_own_hint_on_any_input(called, words, mistake):
    called(check_causal, mistake, words, CAUSAL, SEEDS)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_the_padding_that_torch_calls_same_sees_what_lies_below():
    assert "zeros stands below in place of above" in check_causal(lambda z, weight: F.conv2d(z, weight, padding="same")).hint


def by_conv2d(z, weight):
    return F.conv2d(F.pad(z, (1, 1, 1, 0)), weight)


def too_much_and_cut(z, weight):
    return F.conv2d(z, weight, padding=1)[:, :, :-1]


def masked_square(z, weight):
    return F.conv2d(z, F.pad(weight, (0, 0, 0, 1)), padding=1)


def row_by_row(z, weight):
    H, own = z.shape[2], F.pad(z, (1, 1))
    rows = []
    for r in range(H):
        seen = own[:, :, max(r - 1, 0) : r + 1]
        rows.append(F.conv2d(seen, weight[:, :, -seen.shape[2] :]))
    return torch.cat(rows, dim=2)


def by_unfold(z, weight):
    columns = F.unfold(F.pad(z, (1, 1, 1, 0)), (2, 3))
    return (weight.flatten(1) @ columns).unflatten(2, z.shape[2:])


def by_einsum(z, weight):
    windows = F.pad(z.double(), (1, 1, 1, 0)).unfold(2, 2, 1).unfold(3, 3, 1)
    return torch.einsum("bdrcij,edij->berc", windows, weight.double())


def by_shifts(z, weight):
    H, W, wide = *z.shape[2:], F.pad(z, (1, 1, 1, 0))
    return sum(torch.einsum("bdrc,ed->berc", wide[:, :, i : i + H, j : j + W], weight[:, :, i, j]) for i in range(2) for j in range(3))


def by_a_layer(z, weight):
    layer = torch.nn.Conv2d(weight.shape[1], weight.shape[0], (2, 3), bias=False)
    layer.weight.data = weight
    return layer(torch.nn.ZeroPad2d((1, 1, 1, 0))(z))


RIGHT = [by_products, by_conv2d, too_much_and_cut, masked_square, row_by_row, by_unfold, by_einsum, by_shifts, by_a_layer]


@pytest.mark.parametrize("right", RIGHT)
def test_a_right_convolution_passes_in_any_style(passes, right):
    passes(check_causal, right, SEEDS)


def test_it_is_the_convolution_of_the_context_network():
    torch.manual_seed(0)
    block = Above(3, 4).double()
    across, up = block.across.weight, block.up.weight
    block.across.bias.data.zero_()
    y = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    weight = torch.einsum("emi,mdj->edij", up[..., 0], across[:, :, 0])
    ours = block.up(F.pad(block.across(y), (0, 0, 1, 0))) - block.up.bias[:, None, None]
    assert torch.allclose(check_causal.reference(y, weight), ours, rtol=1e-12, atol=1e-12)


def noticing(part):
    """The right answer, and something of another part of z; it says z's and the output's places, and so must the check."""
    return lambda z, weight: by_conv2d(z, weight) + part(z)


def last_row_for_row(r):
    def part(z):
        return F.pad(z[:, :1, -1:].tanh(), (0, 0, r, z.shape[2] - 1 - r))

    return part


SEES = {
    "a row below": ("row 2 of the output changes when row 3 of z changes, and it must not", noticing(last_row_for_row(2))),
    "rows far below": ("row 0 of the output changes when row 3 of z changes, and it must not", noticing(lambda z: z[:, :1].tanh().mean(2, True))),
    "two rows above": ("row 3 of the output changes when row 1 of z changes", noticing(lambda z: F.pad(z[:, :1].tanh(), (0, 0, 2, 0))[:, :, :-2])),
    "the other image": ("image 0 of the output changes when image 1 of z changes", noticing(lambda z: z[:, :1].tanh().roll(1, 0))),
    "columns far away": ("column 0 of the output changes when column 4 of z changes", noticing(lambda z: z[:, :1].tanh().roll(1, 3))),
    "no third channel": ("channel 0 of the output does not change when channel 2", lambda z, weight: by_conv2d(z[:, :2], weight[:, :2]) + 0.1),
}


@pytest.mark.parametrize("words, mistake", SEES.values(), ids=SEES)
def test_any_other_mistake_is_told_by_what_it_sees(words, mistake):
    for seed in range(3):
        assert words in check_causal(mistake, seed=seed).hint


def test_what_sees_no_more_than_it_must_is_shown_by_its_numbers():
    assert "no usual mistake gives this" in check_causal(lambda z, weight: by_conv2d(z, weight) + 0.5).hint


@pytest.mark.parametrize("words, mistake", [
    ("it stopped with RuntimeError at ", lambda z, weight: F.conv2d(z, weight.mT)[9]),
    ("expected is (2, 4, 4, 5)", lambda z, weight: by_conv2d(z, weight).flatten(2)),
    ("it returns None", lambda z, weight: None),
])  # fmt: skip
def test_what_is_no_grid_is_told_as_by_any_check(words, mistake):
    assert words in check_causal(mistake).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in CAUSAL.values()}) == len(check_causal.mistakes)
