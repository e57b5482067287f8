"""Every operation equals torchvision's, image by image; every draw is an image's own; nothing leaves the device."""

import math

import pytest
import torch
import torchvision.transforms.v2.functional as T

from ssl_lab import augment as A
from ssl_lab.errors import InputError

FACTORS = torch.tensor([0.0, 0.3, 0.8, 1.0, 1.4, 2.0])
TURNS = torch.tensor([-0.5, -0.2, 0.0, 0.1, 0.3, 0.5])
NEVER = torch.zeros(6, dtype=torch.bool)


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.rand(6, 3, 24, 32)


def each(function, x, *parameters):
    """Torchvision's function on one image after the other."""
    return torch.stack([function(image, *(p.item() for p in row)) for image, *row in zip(x, *parameters, strict=True)])


@pytest.mark.parametrize("ours, theirs, p", [
    (A.brightness, T.adjust_brightness, FACTORS),
    (A.contrast, T.adjust_contrast, FACTORS),
    (A.saturation, T.adjust_saturation, FACTORS),
    (A.hue, T.adjust_hue, TURNS),
], ids=lambda value: getattr(value, "__name__", ""))
def test_equals_torchvision_with_one_parameter_an_image(ours, theirs, p, x):
    torch.testing.assert_close(ours(x, p), each(theirs, x, p), atol=2e-6, rtol=0)


def test_hue_leaves_greys_and_pure_colours_in_the_cube():
    corners = torch.tensor([[r, g, b] for r in (0.0, 1.0) for g in (0.0, 1.0) for b in (0.0, 1.0)]).T.reshape(1, 3, 2, 4)
    for turn in TURNS:
        torch.testing.assert_close(A.hue(corners, turn[None]), each(T.adjust_hue, corners, turn[None]), atol=1e-6, rtol=0)


def test_greyscale_turns_only_the_chosen_images_grey(x):
    on = torch.tensor([True, False, True, False, False, True])
    y = A.greyscale(x, on)
    torch.testing.assert_close(y[on], T.rgb_to_grayscale(x[on], num_output_channels=3), atol=1e-6, rtol=0)
    assert torch.equal(y[~on], x[~on])


def test_solarise_equals_torchvision(x):
    torch.testing.assert_close(A.solarise(x), T.solarize(x, 0.5))


@pytest.mark.parametrize("side", [16, 32, 96])
def test_blur_equals_torchvision_with_one_sigma_an_image(side):
    x, sigma = torch.rand(4, 3, side, side), torch.tensor([0.1, 0.5, 1.0, 2.0])
    k = 2 * max(1, round(0.1 * side) // 2) + 1
    torch.testing.assert_close(A.blur(x, sigma), each(lambda image, s: T.gaussian_blur(image, [k, k], [s, s]), x, sigma), atol=1e-6, rtol=0)


def test_resized_crop_equals_torchvision_on_whole_pixels(x):
    top, left = torch.tensor([0.0, 3, 5, 8, 10, 2]), torch.tensor([0.0, 1, 12, 4, 0, 2])
    height, width = torch.tensor([24.0, 20, 11, 16, 9, 22]), torch.tensor([32.0, 31, 20, 9, 16, 30])
    expected = each(lambda image, *box: T.resized_crop(image, *map(int, box), [24, 32], antialias=False), x, top, left, height, width)
    torch.testing.assert_close(A.resized_crop(x, top, left, height, width, NEVER), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(A.resized_crop(x, top, left, height, width, ~NEVER), expected.flip(3), atol=1e-6, rtol=0)


def test_whole_image_is_left_as_it_is(x):
    zero, height, width = torch.zeros(6), torch.full((6,), 24.0), torch.full((6,), 32.0)
    assert torch.equal(A.resized_crop(x, zero, zero, height, width, NEVER), x)


def test_crops_show_nothing_from_outside_the_box():
    x = torch.zeros(1, 3, 32, 32)
    x[:, :, 8:24, 8:24] = 1
    inside = A.resized_crop(x, torch.tensor([8.0]), torch.tensor([8.0]), torch.tensor([16.0]), torch.tensor([16.0]), NEVER[:1])
    assert torch.equal(inside, torch.ones_like(inside))


def test_crops_cover_area_and_aspect_as_asked():
    """A picture whose red is x and green is y tells where its crop lies."""
    torch.manual_seed(0)
    axis = (torch.arange(64) + 0.5) / 64
    place = torch.stack([axis.expand(64, 64), axis[:, None].expand(64, 64), torch.zeros(64, 64)]).expand(2000, 3, 64, 64)
    y = A.random_resized_crop(place, area=(0.2, 0.6))
    width = (y[:, 0, 0].amax(1) - y[:, 0, 0].amin(1)) * 64 / 63
    height = (y[:, 1, :, 0].amax(1) - y[:, 1, :, 0].amin(1)) * 64 / 63
    area, aspect = width * height, width / height
    assert 0.19 < area.min() < 0.22 and 0.57 < area.max() < 0.63
    assert abs(area.mean() - 0.4) < 0.02
    assert 0.7 < aspect.min() < 0.8 and 1.25 < aspect.max() < 1.4
    flipped = (y[:, 0, 0, 0] > y[:, 0, 0, -1]).float().mean()
    assert abs(flipped - 0.5) < 0.05


def in_order(x, factors, turn, order):
    """The four operations one after the other, not clamped, on one image."""
    luma = torch.tensor(A.LUMA, dtype=x.dtype)[:, None, None]
    for step in order:
        grey = (luma * x).sum(0)
        if step == 0:
            x = factors[0] * x
        elif step == 1:
            x = factors[1] * x + (1 - factors[1]) * grey.mean()
        elif step == 2:
            x = factors[2] * x + (1 - factors[2]) * grey
        else:
            x = (A.turn_matrix(turn[None]).to(x.dtype)[0] @ x.flatten(1)).view_as(x)
    return x


def test_jitter_is_the_four_operations_in_each_images_own_order(x):
    torch.manual_seed(1)
    factors, turn, order = torch.rand(6, 3) * 1.4 + 0.3, torch.rand(6) - 0.5, torch.rand(6, 4).argsort(1)
    y = A.jitter_colours(x, factors, turn, order, NEVER)
    expected = torch.stack([in_order(*one) for one in zip(x, factors, turn, order.tolist(), strict=True)]).clamp(0, 1)
    torch.testing.assert_close(y, expected, atol=2e-6, rtol=0)
    torch.testing.assert_close(A.jitter_colours(x, factors, turn, order, ~NEVER).diff(dim=1), torch.zeros(6, 2, 24, 32), atol=1e-6, rtol=0)


def test_neutral_jitter_changes_nothing(x):
    y = A.jitter_colours(x, torch.ones(6, 3), torch.zeros(6), torch.arange(4).expand(6, 4), NEVER)
    torch.testing.assert_close(y, x, atol=1e-6, rtol=0)


def test_all_orders_are_drawn_alike(monkeypatch):
    drawn = []
    monkeypatch.setattr(A, "jitter_colours", lambda x, factors, turn, order, on: drawn.append(order) or x)
    torch.manual_seed(0)
    A.colour_distortion(torch.rand(4800, 3, 1, 1))
    _, counts = drawn[0].unique(dim=0, return_counts=True)
    assert len(counts) == 24 and counts.min() > 140 and counts.max() < 260


def test_order_matters(x):
    factors, turn = torch.full((6, 3), 0.5), torch.full((6,), 0.1)
    one, other = (A.jitter_colours(x, factors, turn, torch.tensor(order).expand(6, 4), NEVER) for order in ([0, 1, 2, 3], [1, 0, 2, 3]))
    torch.testing.assert_close(one, other, atol=1e-6, rtol=0)  # brightness and contrast commute
    bright = torch.rand(6, 3, 24, 32)
    strong = torch.tensor([2.0, 0.5, 1.0]).expand(6, 3)
    a, b = (A.contrast(A.brightness(bright, strong[:, 0]), strong[:, 1]), A.brightness(A.contrast(bright, strong[:, 1]), strong[:, 0]))
    assert (a - b).abs().mean() > 0.01  # where they are clamped in between, they do not


def test_yiq_turns_hue_the_way_hsv_does_and_keeps_the_luma(x):
    muted = 0.35 + 0.3 * x
    turn = torch.tensor([-0.1, -0.05, 0.02, 0.05, 0.1, 0.2])
    same, opposite = (A.hue_yiq(muted, s * turn) - A.hue(muted, turn) for s in (1, -1))
    assert same.abs().mean() < 0.5 * opposite.abs().mean()
    luma = torch.tensor(A.YIQ[0])[:, None, None]
    torch.testing.assert_close((luma * A.hue_yiq(muted, turn)).sum(1), (luma * muted).sum(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(A.hue_yiq(A.hue_yiq(muted, turn), -turn), muted, atol=1e-5, rtol=0)


def test_every_image_draws_its_own_parameters():
    """Torchvision's v2 on a batch gives 64 identical images one and the same view."""
    torch.manual_seed(0)
    same = torch.rand(1, 3, 32, 32).expand(300, 3, 32, 32)
    for options in ({"jitter": 0.0}, {"area": (1.0, 1.0)}, {"area": (1.0, 1.0), "jitter": 0.0, "blur_share": 1.0}):
        views = A.augment(same, **options)
        assert len(views.flatten(1).unique(dim=0)) > (50 if "area" in options else 290), options


def test_no_jitter_leaves_the_colours_of_a_flat_image():
    flat = torch.rand(40, 3, 1, 1).expand(40, 3, 32, 32).contiguous()
    torch.testing.assert_close(A.augment(flat, jitter=0.0), flat, atol=1e-6, rtol=0)


@pytest.mark.parametrize("jitter", [0.5, 1.0])
def test_jitter_scales_the_papers_strengths(jitter):
    """On one grey only brightness acts: it is drawn from 1 ± 0.4 at jitter 1. On one colour of constant grey, hue turns by at most its share."""
    torch.manual_seed(0)
    factor = A.colour_distortion(torch.full((4000, 3, 2, 2), 0.5), jitter, share=1.0, grey_share=0.0)[:, 0, 0, 0] / 0.5
    assert 1 - 0.4 * jitter - 1e-5 < factor.min() < 1 - 0.39 * jitter and 1 + 0.39 * jitter < factor.max() < 1 + 0.4 * jitter + 1e-5
    colour = torch.tensor([0.6, 0.45, 0.45]).view(1, 3, 1, 1).expand(4000, 3, 2, 2)
    yiq = torch.einsum("ij,bj->bi", torch.tensor(A.YIQ), A.colour_distortion(colour, jitter, hue=0.1, share=1.0, grey_share=0.0)[:, :, 0, 0])
    start = torch.tensor(A.YIQ) @ colour[0, :, 0, 0]
    angle = (torch.atan2(yiq[:, 2], yiq[:, 1]) - torch.atan2(start[2], start[1])) / (2 * math.pi)
    turn = (angle + 0.5) % 1 - 0.5
    assert turn.abs().max() == pytest.approx(0.1 * jitter, rel=0.02) and abs(turn.mean()) < 0.01


@pytest.mark.parametrize("what, share", [("grey", 0.2), ("jitter", 0.8)])
def test_shares_are_the_papers(what, share):
    torch.manual_seed(0)
    flat = torch.tensor([0.7, 0.5, 0.3]).view(1, 3, 1, 1).expand(4000, 3, 4, 4)
    y = A.colour_distortion(flat)
    grey = (y.amax(1) - y.amin(1)).amax((1, 2)) < 1e-5
    changed = (y - flat).abs().amax((1, 2, 3)) > 1e-5
    found = grey if what == "grey" else changed[~grey]
    assert abs(found.float().mean() - share) < 0.02


def test_bytes_and_floats_give_the_same_view():
    x = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    views = []
    for given in (x, x.float() / 255):
        torch.manual_seed(3)
        views.append(A.augment(given, blur_share=0.5, solarise_share=0.5))
    torch.testing.assert_close(*views, atol=1e-6, rtol=0)
    assert views[0].dtype == torch.float32 and views[0].min() >= 0 and views[0].max() <= 1


def test_same_seed_same_views_and_another_seed_others():
    x = torch.rand(300, 3, 32, 32)
    views = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        views.append(A.augment(x))
    assert torch.equal(views[0], views[1]) and not torch.equal(views[0], views[2])


def test_two_views_of_one_image_differ():
    x = torch.rand(20, 3, 32, 32)
    assert ((A.augment(x) - A.augment(x)).abs().amax((1, 2, 3)) > 0.01).all()


def test_runs_on_the_meta_device_so_nothing_waits_for_it():
    x = torch.empty(300, 3, 32, 32, dtype=torch.uint8, device="meta")
    assert A.augment(x, blur_share=0.5, solarise_share=0.5).shape == x.shape


@pytest.mark.parametrize("options, words", [
    ({"area": (0.0, 1.0)}, "area"), ({"area": (0.6, 0.5)}, "area"), ({"jitter": -1.0}, "jitter"), ({"hue": math.nan}, "hue"),
    ({"blur_share": 7}, "blur_share=7"), ({"solarise_share": 1.1}, "solarise_share=1.1"),
    ({"jitter_share": -1}, "jitter_share=-1"), ({"grey_share": math.nan}, "grey_share=nan"),
])
def test_impossible_strengths_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        A.augment(torch.rand(2, 3, 8, 8), **options)


def test_a_view_never_leaves_the_range_of_colours():
    x = torch.ones(64, 3, 32, 32)
    for _ in range(5):
        view = A.augment(x, jitter=0, blur_share=1.0)
        assert view.max() <= 1
        assert view.min() >= 0
