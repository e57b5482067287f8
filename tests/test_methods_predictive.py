"""What Predictive promises: colours from lightness, one loss a pixel, and no way for the colours into the encoder."""

import pytest
import torch

from dummies.trainings import equal, in_parts, numbers
from ssl_lab.augment import SMALL, chrominance, luminance
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features
from ssl_lab.methods import Predictive
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=64)


def build(seed: int = 0, **options) -> Predictive:
    torch.manual_seed(seed)
    return Predictive(small_resnet(width=4), **options)


def test_its_views_are_lightness_and_colours_of_one_crop(images):
    method, seen = build(), []
    kept = method.augmentation

    class Watched(type(kept)):
        def __call__(self, x, generator=None):
            seen.append(super().__call__(x, generator))
            return seen[-1]

    object.__setattr__(method, "augmentation", Watched(**vars(kept)))
    L, ab = method.views(images.x[:8])
    assert len(seen) == 1 and torch.equal(L, luminance(seen[0])) and torch.equal(ab, chrominance(seen[0]))


@pytest.mark.parametrize("loss", ["l1", "l2"])
def test_the_loss_is_the_mean_over_pixels_of_a_float64_loop(loss, images):
    method = build(loss=loss).eval()
    L, ab = method.views(images.x[:3])
    painted = method.decoder(method.encoder.network.maps(L), ab.shape[2:]).double()
    total = 0.0
    for one, other in zip(painted.flatten().tolist(), ab.double().flatten().tolist()):
        total += abs(one - other) if loss == "l1" else (one - other) ** 2
    assert method(L, ab).item() == pytest.approx(total / ab.numel(), abs=1e-6)


def test_the_best_painting_of_equal_lightness_is_the_mean_or_the_median_of_the_colours():
    """Hues that lightness does not tell: squared error wants their mean, which is grey; absolute error their median."""
    colours = torch.tensor([-0.5, -0.5, 0.8])
    grid = torch.linspace(-1, 1, 2001)
    for loss, best in (("l2", colours.mean()), ("l1", colours.median())):
        paid = [build(loss=loss).loss(torch.full((3,), float(one)), colours) for one in grid]
        assert grid[torch.stack(paid).argmin()].item() == pytest.approx(best.item(), abs=1e-3)


def test_the_encoder_sees_no_colour_and_paint_needs_no_more_than_lightness(images):
    method, x = build().eval(), images.x[:8].float() / 255
    grey = x.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert method.encoder.network.stem[0].in_channels == 1
    torch.testing.assert_close(method.encoder(x), method.encoder.network(luminance(x)))
    assert method.paint(grey).shape == (8, 2, 32, 32)
    lightness = luminance(grey)
    torch.testing.assert_close(method.paint(grey), method.decoder(method.encoder.network.maps(lightness), (32, 32)))


def test_a_training_lowers_the_loss_and_resumes_to_the_bit(images, tmp_path):
    recipe = Recipe(epochs=4, batch=16, lr=3e-3)
    whole, again = build(), build(seed=7)
    logs = list(train(whole, images, recipe, out=tmp_path / "whole", threads=1))
    assert logs[-1].loss < 0.8 * logs[0].loss
    parts = in_parts(build(), again, images, recipe, tmp_path / "parts", 2)
    assert [log.loss for log in parts] == [log.loss for log in logs] and equal(numbers(whole), numbers(again))
    assert features(again.encoder, images).shape == (64, again.encoder.dim)


@pytest.mark.parametrize("mistaken", [{"loss": "l3"}, {"width": 0}, {"loss": None}])
def test_wrong_arguments_are_refused_by_name(mistaken):
    with pytest.raises(InputError, match=next(iter(mistaken))):
        build(**mistaken)


def test_grey_images_are_refused_with_what_has_colours(images):
    grey = images[:32]
    grey.x = grey.x[:, :1].expand(-1, 3, -1, -1).contiguous()
    with pytest.raises(InputError, match=r"these images are grey.*scenes, cifar10"):
        next(train(build(), grey, Recipe(epochs=1, batch=16), threads=1))


def test_distorted_colours_are_painted_where_they_are_asked_for(images):
    method = build(augmentation=SMALL)
    torch.manual_seed(1)
    a = method.views(images.x[:8])[1]
    torch.manual_seed(1)
    b = build().views(images.x[:8])[1]
    assert not torch.equal(a, b)
