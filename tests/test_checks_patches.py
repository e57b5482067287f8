"""The check of the grid of patches: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one pixel at a time, on lists of numbers.
"""

import functools
import itertools

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import augment
from ssl_lab.checks import check_patches

SEEDS = range(8)
NAMES = "bijcrs"  # image, down the grid, across it, channel, row and column of the patch


def fits(n, size, stride):
    return range((n - size) // stride + 1)


def apart(i, j, size, stride):
    return i * stride, j * stride


def by_pixels(x, size, stride, *, axes=NAMES, begin=apart, sides=lambda size, stride: size, fit=fits, only=None, shape=None):
    """The grid, pixel by pixel, every axis by its name; every option is one way to get it wrong.

    axes: in which order.   begin: the first row and column of a patch.   only: an axis → which of its places.   shape: of the axes' lengths.
    """
    (B, C, H, W), pixels = x.shape, x.tolist()
    pixel = range(sides(size, stride))
    ranges = dict(zip(NAMES, (range(B), fit(H, size, stride), fit(W, size, stride), range(C), pixel, pixel)))
    ranges |= {name: [*ranges[name]][part] for name, part in (only or {}).items()}
    values = []
    for places in itertools.product(*(ranges[name] for name in axes)):
        at = dict(zip(axes, places))
        top, left = begin(at["i"], at["j"], size, stride)
        values.append(pixels[at["b"]][at["c"]][top + at["r"]][left + at["s"]])
    lengths = [len(ranges[name]) for name in axes]
    return torch.tensor(values).view(shape(*lengths) if shape else lengths)


def grid(**options):
    return functools.partial(by_pixels, **options)


def without(name, place):
    """A grid that lacks an axis, of which only one place is there."""
    part = slice(place, place + 1 or None)
    return lambda *given: by_pixels(*given, only={name: part}).squeeze(NAMES.index(name))


def in_wrong_shape(x, size, stride):
    right = by_pixels(x, size, stride)
    return by_pixels(x, size, stride, axes="bcijrs").reshape(right.shape)


OUT_OF_ORDER = {
    "grid swapped": ("swapped in the grid: ", "bjicrs"),
    "pixels swapped": ("swapped inside the patches", "bijcsr"),
    "both swapped": ("in the grid and inside the patches", "bjicsr"),
    "channels first": ("channels stand before the grid", "bcijrs"),
    "channels last": ("the channels are last", "bijrsc"),
    "grid first": ("number of the image is not the first axis", "ijbcrs"),
    "image last": ("number of the image is not the first axis", "ijcrsb"),
    "image after the channels": ("number of the image is not the first axis", "ijcbrs"),
    "pixels first": ("pixels of the patches stand before the grid", "brscij"),
    "channels and pixels first": ("pixels of the patches stand before the grid", "bcrsij"),
}
PATCHES = {
    **{name: (words, grid(axes=axes)) for name, (words, axes) in OUT_OF_ORDER.items()},
    "grid swapped, in its shape": ("swapped in the grid: ", grid(begin=lambda i, j, size, stride: (j * stride, i * stride))),
    "side by side": ("stride is not used", lambda x, size, stride: by_pixels(x, size, size)),
    "stride 1": ("stride is not used", lambda x, size, stride: by_pixels(x, size, 1)),
    "half a patch": ("stride is not used", lambda x, size, stride: by_pixels(x, size, size // 2)),
    "size for stride": ("size and stride are swapped", lambda x, size, stride: by_pixels(x, stride, size)),
    "to + stride": ("ends too early", grid(sides=lambda size, stride: stride)),
    "to + size - 1": ("ends too early", grid(sides=lambda size, stride: size - 1)),
    "from i": ("begins at row i and column j: multiply", grid(begin=lambda i, j, size, stride: (i, j))),
    "from i, columns right": ("begins at row i and column j: multiply", grid(begin=lambda i, j, size, stride: (i, j * stride))),
    "one too few": ("last row or column of patches is missing", grid(fit=lambda n, size, stride: range((n - size) // stride))),
    "one row too few": ("last row or column of patches is missing", grid(only={"i": slice(-1)})),
    "one column too few": ("last row or column of patches is missing", grid(only={"j": slice(-1)})),
    "the first is missing": ("last row or column of patches is missing", grid(only={"i": slice(1, None), "j": slice(1, None)})),
    "from below": ("wrong edge", grid(only={"i": slice(None, None, -1)})),
    "from the right": ("wrong edge", grid(only={"j": slice(None, None, -1)})),
    "a list of patches": ("flattened to a list of patches", grid(shape=lambda B, G, J, *patch: (B, G * J, *patch))),
    "a list of all patches": ("flattened to a list of patches", grid(shape=lambda B, G, J, *patch: (B * G * J, *patch))),
    "a list of pixels": ("flattened to a list: keep its channels", grid(shape=lambda B, G, J, *patch: (B, G, J, -1))),
    "F.unfold": ("as F.unfold leaves them", lambda x, size, stride: F.unfold(x, size, stride=stride)),
    "F.unfold, turned": ("as F.unfold leaves them", lambda x, size, stride: F.unfold(x, size, stride=stride).mT),
    "reshape": ("view or reshape does not change", in_wrong_shape),
    "the first everywhere": ("same patch stands everywhere", grid(begin=lambda *_: (0, 0))),
    "i twice": ("i or j is used for rows and columns both", grid(begin=lambda i, j, size, stride: (i * stride, i * stride))),
    "the first row": ("only one row or column of patches", without("i", 0)),
    "return in the loop": ("only one row or column of patches", without("j", 0)),
    "a row, kept": ("only one row or column of patches", grid(only={"i": slice(1)})),
    "unfold once": ("only one row or column of patches", lambda x, size, stride: x.unfold(2, size, stride)),
    "one image": ("only one image is cut", without("b", 0)),
    "one channel": ("only one image is cut", without("c", 0)),
    "as they are": ("images are returned as they are", lambda x, size, stride: x.clone()),
}


@pytest.mark.parametrize("words, wrong", PATCHES.values(), ids=PATCHES)
def test_each_usual_mistake_with_the_grid_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_patches, wrong, words, PATCHES, SEEDS)


def two_loops(x, size, stride):
    grid = []
    for top in range(0, x.shape[2] - size + 1, stride):
        row = [x[:, :, top : top + size, left : left + size] for left in range(0, x.shape[3] - size + 1, stride)]
        grid.append(torch.stack(row, dim=1))
    return torch.stack(grid, dim=1)


def by_f_unfold(x, size, stride):
    B, c, H, W = x.shape
    G, J = (H - size) // stride + 1, (W - size) // stride + 1
    return F.unfold(x, size, stride=stride).view(B, c, size, size, G, J).permute(0, 4, 5, 1, 2, 3)


def by_einops_order(x, size, stride):
    return x.permute(0, 2, 3, 1).unfold(1, size, stride).unfold(2, size, stride).contiguous()


def into_zeros(x, size, stride):
    B, c, H, W = x.shape
    grid = x.new_zeros(B, (H - size) // stride + 1, (W - size) // stride + 1, c, size, size)
    for i in range(grid.shape[1]):
        for j in range(grid.shape[2]):
            grid[:, i, j] = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
    return grid


def by_indices(x, size, stride):
    down, across = (torch.arange(0, n - size + 1, stride)[:, None] + torch.arange(size) for n in x.shape[2:])
    return x[:, :, down[:, None, :, None], across[None, :, None, :]].movedim(1, 3).double()


@pytest.mark.parametrize("right", [augment.patches, by_pixels, two_loops, by_f_unfold, by_einops_order, into_zeros, by_indices])
def test_a_right_grid_passes_in_any_style(passes, right):
    passes(check_patches, right, SEEDS)


def test_a_pixel_of_the_first_input_says_where_it_is():
    x, size, stride = next(iter(check_patches.inputs(3)))
    assert x[1, 2, 0, 3] == 1203 and len(x.unique()) == x.numel()
    assert (size, stride) == (4, 2) and x.shape == (2, 3, 8, 8)


def one_patch_is_another(x, size, stride):
    grid = two_loops(x, size, stride).clone()
    grid[1, 0, 1] = grid[1, 1, 0]
    return grid


@pytest.mark.parametrize("words, wrong", [
    ("pixel [0, 0] of patch [0, 1] of image 1, channel 0, is row 2, column 0 of image 1, channel 0; expected is row 0, ", one_patch_is_another),
    ("patch [0, 0] of image 0, channel 0, is 0.5, which is no pixel of the images; expected is row 0, column 0", lambda *g: two_loops(*g) + 0.5),
    ("for inputs of shape (3, 2, 6, 9), size = 3, stride = 1 it gives ", lambda x, *g: two_loops(x, *g) + (len(x) == 3)),
])  # fmt: skip
def test_another_mistake_is_told_by_the_pixel_that_stands_in_the_wrong_place(words, wrong):
    assert words in check_patches(wrong).hint


@pytest.mark.parametrize("wrong", [lambda x, size, stride: two_loops(x, size, stride).tolist(), lambda x, size, stride: [[x]]])
def test_lists_of_patches_are_told_apart(wrong):
    assert "returns a list; a tensor is needed" in check_patches(wrong).hint


def test_patches_of_unequal_size_are_told_with_the_line_that_stops():
    def up_to_the_edge(x, size, stride):
        cut = [x[:, :, i : i + size, j : j + size] for i in range(0, x.shape[2], stride) for j in range(0, x.shape[3], stride)]
        return torch.stack(cut, dim=1)

    assert "it stopped with RuntimeError at `return torch.stack(cut, dim=1)`: stack expects" in check_patches(up_to_the_edge).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in PATCHES.values()}) == len(check_patches.mistakes)
