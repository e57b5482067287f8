"""A grid of patches: which pixels are in which, that nothing is copied, and that no pixel is left out without a word."""

import re

import pytest
import torch

from ssl_lab.augment import grid_shape, patches
from ssl_lab.errors import InputError

FIT = [(28, 28, 8, 4), (12, 20, 8, 4), (20, 12, 8, 4), (9, 7, 3, 2), (8, 8, 8, 3), (6, 10, 2, 2), (5, 4, 1, 1), (7, 11, 7, 4)]  # H, W, size, stride
THEIRS = [(256, 64, 32, 7), (260, 80, 36, 6), (30, 10, 5, 5), (32, 8, 4, 7), (32, 16, 4, 5)]  # side, size, stride, G: CPC, CPC v2, and small images


def numbered(B: int, H: int, W: int) -> torch.Tensor:
    """Every value says where it stands."""
    return torch.arange(B * 2 * H * W).view(B, 2, H, W)


def by_loops(x: torch.Tensor, size: int, stride: int) -> list:
    """Every patch, pixel after pixel."""
    B, c, H, W = x.shape
    tops, lefts = range(0, H - size + 1, stride), range(0, W - size + 1, stride)

    def cut(b: int, top: int, left: int) -> list:
        return [[[int(x[b, k, top + i, left + j]) for j in range(size)] for i in range(size)] for k in range(c)]

    return [[[cut(b, top, left) for left in lefts] for top in tops] for b in range(B)]


def keeps(function) -> bool:
    """Whether a function makes the grids of all these images."""
    return all(function(x := numbered(2, H, W), size, stride).tolist() == by_loops(x, size, stride) for H, W, size, stride in FIT[1:4] + FIT[5:7])


@pytest.mark.parametrize("H, W, size, stride", FIT)
def test_every_pixel_is_where_it_should_be(H, W, size, stride):
    assert patches(numbered(2, H, W), size, stride).tolist() == by_loops(numbered(2, H, W), size, stride)


MISTAKES = {
    "rows and columns of the grid exchanged": lambda x, size, stride: patches(x, size, stride).transpose(1, 2),
    "rows and columns of a patch exchanged": lambda x, size, stride: patches(x, size, stride).transpose(4, 5),
    "both exchanged": lambda x, size, stride: patches(x.transpose(2, 3), size, stride),
    "from the bottom": lambda x, size, stride: patches(x, size, stride).flip(1),
    "from the right": lambda x, size, stride: patches(x, size, stride).flip(2),
    "tiles": lambda x, size, stride: x.unfold(2, size, size).unfold(3, size, size).permute(0, 2, 3, 1, 4, 5),
    "one pixel further": lambda x, size, stride: patches(x.roll(-1, 3), size, stride),
    "channels last": lambda x, size, stride: patches(x, size, stride).movedim(3, 5),
    "across before down": lambda x, size, stride: x.unfold(3, size, stride).unfold(2, size, stride).permute(0, 2, 3, 1, 4, 5),
    "reshaped": lambda x, size, stride: x.unfold(2, size, stride).unfold(3, size, stride).reshape(patches(x, size, stride).shape),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_every_usual_mistake_is_noticed(mistake):
    assert keeps(patches) and not keeps(mistake)


@pytest.mark.parametrize("side, size, stride, G", THEIRS)
def test_the_papers_geometries(side, size, stride, G):
    assert grid_shape(side, side, size, stride) == (G, G)


@pytest.mark.parametrize("H, W, size, stride", FIT)
def test_the_shape_is_known_without_the_patches_down_first(H, W, size, stride):
    assert patches(torch.zeros(3, 2, H, W), size, stride).shape == (3, *grid_shape(H, W, size, stride), 2, size, size)
    assert grid_shape(H, W, size, stride) == ((H - size) // stride + 1, (W - size) // stride + 1)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
def test_patches_are_views_of_the_same_memory(dtype):
    x = torch.zeros(2, 3, 12, 12, dtype=dtype)
    grid = patches(x, 8, 4)
    assert grid.dtype == dtype and grid.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    x[1, 2, 6, 5] = 1  # in all four patches
    assert grid[1, :, :, 2].sum() == 4 and grid[1, 0, 0, 2, 6, 5] == grid[1, 1, 0, 2, 2, 5] == grid[1, 1, 1, 2, 2, 1] == 1


@pytest.mark.parametrize("B", [0, 1])
def test_few_images_and_the_meta_device(B):
    assert patches(torch.zeros(B, 3, 12, 8), 8, 4).shape == (B, 2, 1, 3, 8, 8)
    assert patches(torch.zeros(B, 3, 12, 8, device="meta"), 8, 4).shape == (B, 2, 1, 3, 8, 8)


REFUSED = [
    (32, 32, 40, 4, ["size=40", "40 x 40 pixels is larger than the image, 32 x 32", "at most size=32"]),
    (64, 24, 32, 4, ["larger than the image, 64 x 24", "at most size=24"]),
    (32, 32, 4, 7, ["stride=7 leaves out 3 pixels between two patches of size=4", "at most stride=4"]),
    (32, 32, 10, 4, ["size=10, stride=4 leave out the last 2 pixels of 32 x 32", "images of 30 x 30", "--size, load(size=...)", "stride 1, 2"]),
    (30, 32, 10, 4, ["leave out the last 2 pixels of 30 x 32", "images of 30 x 30", "stride 1, 2"]),
    (34, 33, 10, 4, ["leave out the last 3 pixels of 34 x 33", "images of 34 x 30", "stride 1"]),
    (96, 96, 48, 36, ["the last 12 pixels", "images of 84 x 84", "stride 6, 8, 12, 16, 24, 48"]),
]


@pytest.mark.parametrize("H, W, size, stride, parts", REFUSED)
def test_what_leaves_pixels_out_is_refused_with_how_many_and_with_what_fits(H, W, size, stride, parts, holds):
    for call in (lambda: grid_shape(H, W, size, stride), lambda: patches(torch.zeros(1, 3, H, W), size, stride)):
        with pytest.raises(InputError) as error:
            call()
        assert holds(str(error.value), *parts)


@pytest.mark.parametrize("size, stride, words", [
    (0, 1, "size=0 must be a whole number from 1"), (-3, 1, "size=-3"), (4, 0, "stride=0"), (True, 1, "size=True"),
])
def test_no_pixels_are_refused(size, stride, words):
    with pytest.raises(InputError, match=words):
        grid_shape(8, 8, size, stride)


def covered(H: int, W: int, size: int, stride: int) -> bool:
    """Whether every pixel is in a patch, counted one by one."""
    down, across = ({top + i for top in range(0, n - size + 1, stride) for i in range(size)} for n in (H, W))
    return len(down) == H and len(across) == W


def test_whatever_the_numbers_every_pixel_is_in_a_patch_or_it_is_refused_and_what_is_proposed_fits():
    for H, W in ((5, 5), (6, 9), (9, 6), (8, 8)):
        for size in range(1, 11):
            for stride in range(1, 11):
                try:
                    grid_shape(H, W, size, stride)
                except InputError as error:
                    assert not covered(H, W, size, stride) or stride > size
                    said = str(error)
                    if found := re.search(r"at most size=(\d+)", said):
                        assert int(found[1]) == min(H, W) < size
                    elif found := re.search(r"at most stride=(\d+)", said):
                        assert int(found[1]) == size < stride
                    else:
                        h, w = map(int, re.search(r"images of (\d+) x (\d+)", said).groups())
                        strides = re.search(r"or stride ([\d, ]+)$", said)[1].split(", ")
                        assert covered(h, w, size, stride) and all(covered(H, W, size, int(one)) for one in strides)
                else:
                    assert covered(H, W, size, stride)
