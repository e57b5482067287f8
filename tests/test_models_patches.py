"""An encoder of patches: each patch alone, in its place, and their mean for the image."""

import pytest
import torch
from torch import nn

from dummies.promises import breaks, keeps
from ssl_lab.augment import patches
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.features import features
from ssl_lab.models import PatchEncoder, check_encoder, small_resnet


def build(kind=PatchEncoder, size: int = 8, stride: int = 4, norm: str = "layer") -> PatchEncoder:
    torch.manual_seed(0)
    return kind(small_resnet(width=2, norm=norm), size, stride).double().train()


def pictures(B: int = 2, H: int = 12, W: int = 20) -> torch.Tensor:
    return torch.rand(B, 3, H, W, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def every_patch_is_encoded_alone_in_its_place(kind):
    f, x = build(kind), pictures()
    made = f.maps(x)
    assert made.shape == (2, f.dim, 2, 4)
    for b in range(2):
        for i in range(2):
            for j in range(4):
                one = f.network(x[b : b + 1, :, 4 * i : 4 * i + 8, 4 * j : 4 * j + 8])[0]
                torch.testing.assert_close(made[b, :, i, j], one, atol=1e-10, rtol=1e-10)


def an_image_is_the_mean_of_its_patches(kind):
    f, x = build(kind), pictures()
    torch.testing.assert_close(f(x), torch.stack([f.maps(x)[:, :, i, j] for i in range(2) for j in range(4)]).mean(0), atol=1e-10, rtol=1e-10)


def a_pixel_changes_the_patches_that_show_it_and_no_other(kind):
    f, x = build(kind), pictures(3)
    other = x.clone()
    other[1, :, 5, 9] = 1 - other[1, :, 5, 9]
    changed = ((f.maps(other) - f.maps(x)).abs().amax(1) > 1e-12).nonzero().tolist()
    assert changed == [[1, i, j] for i in (0, 1) for j in (1, 2)]


PROMISES = [every_patch_is_encoded_alone_in_its_place, an_image_is_the_mean_of_its_patches, a_pixel_changes_the_patches_that_show_it_and_no_other]


test_the_encoder_keeps_the_promise = keeps(PatchEncoder, PROMISES)


class RowsAndColumnsExchanged(PatchEncoder):
    def latents(self, grid):
        return super().latents(grid.transpose(1, 2)).reshape(len(grid), -1, *grid.shape[1:3])


class Reshaped(PatchEncoder):
    """Features and places are mixed up."""

    def latents(self, grid):
        return self.network(grid.flatten(0, 2)).view(len(grid), -1, *grid.shape[1:3])


class TheSum(PatchEncoder):
    def forward(self, x):
        return self.maps(x).sum((2, 3))


class TheMostOfEach(PatchEncoder):
    def forward(self, x):
        return self.maps(x).amax((2, 3))


class WholeImage(PatchEncoder):
    """What surrounds a patch is seen, too, as by a network that runs over the image."""

    def maps(self, x):
        made = super().maps(x)
        return made + 0.01 * made.mean((2, 3), keepdim=True)


class WithBatchNorm(PatchEncoder):
    def __init__(self, network, size, stride):
        super().__init__(small_resnet(width=2), size, stride)


MUTANTS = [
    *((kind, every_patch_is_encoded_alone_in_its_place) for kind in (RowsAndColumnsExchanged, Reshaped, WholeImage)),
    *((kind, an_image_is_the_mean_of_its_patches) for kind in (TheSum, TheMostOfEach)),
    *((kind, a_pixel_changes_the_patches_that_show_it_and_no_other) for kind in (RowsAndColumnsExchanged, Reshaped, WholeImage, WithBatchNorm)),
]


test_every_usual_mistake_breaks_its_promise = breaks(MUTANTS)


def test_maps_are_the_latents_of_the_patches():
    f, x = build(), pictures()
    assert torch.equal(f.maps(x), f.latents(patches(x, 8, 4)))


def test_it_is_an_encoder_as_others_are():
    f, images = PatchEncoder(small_resnet(width=2, norm="layer"), 16, 8), load("scenes", limit=6)
    check_encoder(f, images.x[:2] / 255)
    assert features(f, images).shape == (6, f.dim) == (6, 16)
    assert [name.split(".")[0] for name in f.state_dict()] == ["network"] * len(f.state_dict())


def test_any_network_that_has_a_width_encodes_patches():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    network.dim = 5
    assert PatchEncoder(network, 2, 1)(torch.rand(2, 3, 4, 3)).shape == (2, 5)


@pytest.mark.parametrize("size, stride, words", [(16, 4, "16 x 16 pixels is larger than the image, 12 x 20"), (8, 3, "leave out the last 1 pixels")])
def test_images_that_make_no_grid_are_refused(size, stride, words):
    with pytest.raises(InputError, match=words):
        build(size=size, stride=stride)(pictures())
