"""Strengths and draws are values; every draw is an image's own; nothing leaves the device."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import augment as A
from ssl_lab.augment import Augmentation
from ssl_lab.data import load
from ssl_lab.errors import InputError


def drawn(seed: int = 0, count: int = 40, size: int = 32, **strengths) -> A.Drawn:
    return Augmentation(**strengths).draw(torch.empty(count, 3, size, size), torch.Generator().manual_seed(seed))


def parameters(draw: A.Drawn) -> dict[str, torch.Tensor]:
    return {name: value for name, value in vars(draw).items() if isinstance(value, torch.Tensor)}


def test_one_seed_is_one_draw_and_the_callers_random_numbers_are_left_alone():
    state = torch.get_rng_state()
    first, same, other = drawn(0), drawn(0), drawn(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(parameters(first).values(), parameters(same).values()))
    assert not torch.equal(first.top, other.top)


@pytest.mark.parametrize("change, moved", [
    ({"area": (0.3, 0.4)}, {"top", "left", "height", "width"}), ({"ratio": (1.0, 1.0)}, {"top", "left", "height", "width"}),
    ({"flip": 0.0}, {"flip"}), ({"jitter": 0.5}, {"brightness", "contrast", "saturation", "turn"}), ({"hue": 0.3}, {"turn"}),
    ({"jitter_share": 0.1}, {"brightness", "contrast", "saturation", "turn"}), ({"grey_share": 0.9}, {"saturation"}),
    ({"blur_share": 0.5}, {"blurred"}), ({"solarise_share": 0.5}, {"solarised"}),
])
def test_a_strength_changes_nothing_but_itself(change, moved):
    base, other = parameters(drawn()), parameters(drawn(**change))
    assert {name for name in base if not torch.equal(base[name], other[name])} == moved


def test_a_view_is_its_draw_applied_and_both_give_the_same_numbers():
    x = torch.randint(0, 256, (300, 3, 32, 32), dtype=torch.uint8)
    strong = Augmentation(blur_share=0.5, solarise_share=0.5)
    torch.manual_seed(3)
    draw = strong.draw(x)
    torch.manual_seed(3)
    torch.testing.assert_close(draw(x), strong(x), rtol=0, atol=0)
    torch.testing.assert_close(draw(x)[130:140], draw[130:140](x[130:140]), rtol=0, atol=1e-6)


def test_a_view_is_its_crop_and_then_the_rest_which_leaves_the_crop_as_it_is():
    x = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8)
    draw = drawn(blur_share=0.5, solarise_share=0.5)
    crops = draw.cropped(x)
    kept = crops.clone()
    assert torch.equal(draw.finish(crops), draw(x)) and torch.equal(crops, kept)
    assert torch.equal(crops, drawn(jitter=0.0)(x)) and not torch.equal(crops, draw(x))


def test_shares_areas_and_strengths_are_drawn_as_asked():
    draw = drawn(count=8000, area=(0.2, 0.6), jitter=0.5, hue=0.2, flip=0.3, blur_share=0.4, solarise_share=0.1)
    area = draw.height * draw.width / 32**2
    assert 0.2 <= area.min() < 0.21 and 0.59 < area.max() <= 0.6 + 1e-5 and abs(area.mean() - 0.4) < 0.01
    assert (draw.top + draw.height).max() <= 32 + 1e-4 and draw.top.min() >= 0 and (draw.left + draw.width).max() <= 32 + 1e-4
    for found, share in ((draw.flip, 0.3), (draw.blurred, 0.4), (draw.solarised, 0.1), (draw.saturation == 0, 0.2), (draw.turn != 0, 0.8)):
        assert abs(found.float().mean() - share) < 0.015
    for factor in (draw.brightness, draw.contrast):
        assert 0.8 - 1e-6 <= factor.min() < 0.801 and 1.199 < factor.max() <= 1.2 + 1e-6
    assert 0.099 < draw.turn.max() <= 0.1 and -0.1 <= draw.turn.min() < -0.099
    assert 0.1 <= draw.sigma.min() < 0.11 and 1.99 < draw.sigma.max() <= 2


def test_depth_is_cropped_and_mirrored_as_the_image_and_its_values_are_kept():
    """A depth that is the image's red, tenfold and far below zero."""
    x = torch.rand(40, 3, 32, 32)
    draw = drawn(jitter=0.0)
    torch.testing.assert_close(draw.depth(100 * x[:, :1] - 70), 100 * draw(x)[:, :1] - 70, atol=1e-3, rtol=0)


def test_a_map_of_any_channels_goes_the_same_way():
    x = torch.rand(40, 3, 32, 32)
    draw = drawn(jitter=0.0)
    five = torch.cat([x, -x[:, :2]], 1)
    torch.testing.assert_close(draw.map(five), torch.cat([draw(x), -draw(x)[:, :2]], 1), atol=1e-5, rtol=0)


def test_a_mirror_turns_the_x_of_normals_around_and_they_stay_unit_vectors():
    images = load("scenes", limit=40)
    draw = drawn(area=(1.0, 1.0), ratio=(1.0, 1.0))
    turned = draw.normals(images.normals)
    flat = draw.flip
    torch.testing.assert_close(turned[~flat], images.normals[~flat], atol=1e-5, rtol=0)
    sign = torch.tensor([-1.0, 1.0, 1.0])[:, None, None]
    torch.testing.assert_close(turned[flat], images.normals[flat].flip(3) * sign, atol=1e-5, rtol=0)
    torch.testing.assert_close(drawn().normals(images.normals).norm(dim=1), torch.ones(40, 32, 32))
    assert (drawn().normals(torch.zeros(40, 3, 32, 32)) == 0).all()


def test_a_mask_keeps_its_classes():
    images = load("scenes", limit=40)
    mask = drawn().mask(images.mask)
    assert mask.dtype == images.mask.dtype and set(mask.unique().tolist()) <= set(images.mask.unique().tolist())
    whole = drawn(area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0)
    assert torch.equal(whole.mask(images.mask), images.mask)


def test_patches_are_images_like_others():
    patches = load("scenes", limit=4).x.unfold(2, 16, 8).unfold(3, 16, 8).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
    view = Augmentation(blur_share=0.5)(patches)
    assert view.shape == (4 * 3 * 3, 3, 16, 16) and view.min() >= 0 and view.max() <= 1


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
    ({"area": (0.0, 1.0)}, "area=0.0"), ({"area": (0.6, 0.5)}, "smaller one comes first"), ({"ratio": (2.0, 1.0)}, "ratio"),
    ({"jitter": -1.0}, "jitter"), ({"hue": math.nan}, "hue"), ({"blur_share": 7}, "blur_share=7"), ({"solarise_share": 1.1}, "solarise_share=1.1"),
    ({"jitter_share": -1}, "jitter_share=-1"), ({"grey_share": math.nan}, "grey_share=nan"), ({"flip": 2}, "flip=2"),
])
def test_impossible_strengths_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        A.augment(torch.rand(2, 3, 8, 8), **options)
    with pytest.raises(InputError, match=words):
        replace(A.SMALL, **options)


def test_a_view_never_leaves_the_range_of_colours():
    x = torch.ones(64, 3, 32, 32)
    for _ in range(5):
        view = A.augment(x, jitter=0, blur_share=1.0)
        assert view.max() <= 1
        assert view.min() >= 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_view_is_float32_and_nearly_the_same_whatever_precision_the_pixels_have(dtype):
    x = torch.rand(4, 3, 20, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    strengths = {"blur_share": 0.5, "solarise_share": 0.0}
    view, expected = (Augmentation(**strengths)(given, torch.Generator().manual_seed(1)) for given in (x.to(dtype), x.float()))
    assert view.dtype == torch.float32
    assert (view - expected).abs().max() < {torch.float64: 1e-6, torch.float16: 2e-3, torch.bfloat16: 0.02}[dtype]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_map_keeps_its_own_precision(dtype):
    depth = torch.rand(4, 1, 20, 24, generator=torch.Generator().manual_seed(0)).to(dtype)
    drawn = Augmentation().draw(depth, torch.Generator().manual_seed(1))
    assert drawn.depth(depth).dtype == dtype and (drawn.depth(depth).double() - drawn.depth(depth.float())).abs().max() < 0.02
    assert drawn.normals(depth.expand(-1, 3, -1, -1)).dtype == dtype


# ---- flow


def test_a_whole_crop_without_a_mirror_leaves_a_flow_as_it_is():
    flow = torch.randn(40, 6, 32, 32)
    torch.testing.assert_close(drawn(area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0).flow(flow), flow, atol=1e-5, rtol=1e-5)


def test_a_mirror_turns_every_x_of_a_flow_around_and_no_y():
    flow, draw = torch.randn(40, 6, 32, 32), drawn(area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.5)
    turned, sign = draw.flow(flow), torch.tensor([-1.0, 1.0]).repeat(3)[:, None, None]
    assert draw.flip.any() and not draw.flip.all()
    torch.testing.assert_close(turned[draw.flip], flow[draw.flip].flip(3) * sign, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(turned[~draw.flip], flow[~draw.flip], atol=1e-5, rtol=1e-5)


def test_a_crop_enlarges_x_by_its_width_and_y_by_its_height():
    flow, draw = torch.tensor([1.0, 2.0, -3.0, 0.5])[:, None, None].expand(40, 4, 32, 32).contiguous(), drawn(area=(0.2, 0.6), flip=0.0)
    x, y = 32 / draw.width, 32 / draw.height
    expected = torch.stack([x, 2 * y, -3 * x, 0.5 * y], 1)[:, :, None, None].expand(-1, -1, 32, 32)
    torch.testing.assert_close(draw.flow(flow), expected, atol=1e-4, rtol=1e-5)
    assert (x - y).abs().max() > 0.1


def test_a_flow_keeps_its_precision_and_needs_nothing_of_the_device():
    flow, draw = torch.randn(40, 2, 32, 32), drawn()
    for dtype in (torch.float64, torch.float16):
        assert draw.flow(flow.to(dtype)).dtype == dtype and (draw.flow(flow.to(dtype)).float() - draw.flow(flow)).abs().max() < 0.05
    x = torch.empty(4, 3, 32, 32, device="meta")
    assert Augmentation().draw(x).flow(torch.empty(4, 2, 32, 32, device="meta")).shape == (4, 2, 32, 32)


def wave(at: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """A smooth picture, of which any place is known; so a warp has no error but that of the crop's own interpolation."""
    return torch.stack([0.5 + 0.3 * (0.20 * at + 0.07 * down + c).sin() + 0.1 * (0.15 * down - 0.1 * at + 2 * c).sin() for c in range(3)], 1)


def moving() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Frame 0, the flow to frame 1, and frame 1, of pictures that glide and turn by some pixels: frame1(p + flow(p)) = frame0(p)."""
    g = torch.Generator().manual_seed(1)
    shift, turn = 4 * torch.rand(40, 2, generator=g) - 2, 0.1 * torch.rand(40, generator=g) - 0.05
    across, down = torch.arange(32.0).expand(40, 32, 32), torch.arange(32.0)[:, None].expand(40, 32, 32)
    cos, sin, vx, vy = (value[:, None, None] for value in (turn.cos(), turn.sin(), *shift.T))
    dx, dy = across - 15.5, down - 15.5
    flow = torch.stack([vx + cos * dx - sin * dy - dx, vy + sin * dx + cos * dy - dy], 1)
    bx, by = dx - vx, dy - vy  # where a place of frame 1 was in frame 0
    return wave(across, down), flow, wave(cos * bx + sin * by + 15.5, cos * by - sin * bx + 15.5)


def warped(frame: torch.Tensor, flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """frame(p + flow(p)), and where p + flow(p) lies within the frame by a pixel."""
    across, down = torch.arange(32.0) + flow[:, 0], torch.arange(32.0)[:, None] + flow[:, 1]
    grid = torch.stack([across, down], 3) / 31 * 2 - 1
    inside = ((across - 15.5).abs() < 14.5) & ((down - 15.5).abs() < 14.5)
    return F.grid_sample(frame, grid, align_corners=True, padding_mode="border"), inside[:, None].expand(-1, 3, -1, -1)


def apart(first: torch.Tensor, flow: torch.Tensor, second: torch.Tensor) -> float:
    back, inside = warped(second, flow)
    return (back - first).abs()[inside].max().item()


def test_a_flow_that_is_cropped_with_its_frames_still_takes_one_to_the_other():
    """As it was; a flow that is only cropped, or not mirrored, does not."""
    first, flow, second = moving()
    draw = drawn(area=(0.4, 0.9), jitter=0.0)
    a, b = draw(first), draw(second)
    assert apart(first, flow, second) < 0.02 and apart(a, draw.flow(flow), b) < 0.02
    assert apart(a, draw.map(flow), b) > 0.1
    unsigned = draw.flow(flow) * torch.where(draw.flip, -1.0, 1.0)[:, None, None, None]
    assert apart(a, unsigned, b) > 0.1


WHO = {"flip": ("flip", lambda x, draw: x.flip(3)), "blur_share": ("blurred", lambda x, draw: A.blur(x, draw.sigma)),
       "solarise_share": ("solarised", lambda x, draw: A.solarise(x))}  # fmt: skip


@pytest.mark.parametrize("share, named", WHO.items())
def test_an_operation_changes_the_images_that_were_drawn_for_it_and_no_others(share, named):
    name, operation = named
    torch.manual_seed(0)
    x = torch.rand(200, 3, 16, 16)
    x[:, :, 0, 0], x[:, :, 0, 1] = 0.5, 1.0  # both ends of what is inverted
    draw = Augmentation(**{"area": (1.0, 1.0), "ratio": (1.0, 1.0), "flip": 0.0, "jitter": 0.0} | {share: 0.3}).draw(x)
    on, y = getattr(draw, name), draw(x)
    assert 30 < int(on.sum()) < 90
    torch.testing.assert_close(y[~on], x[~on])
    torch.testing.assert_close(y[on], operation(x, draw)[on])
