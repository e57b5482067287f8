"""What the world promises: frozen pixels, independent causes, and geometry that agrees with itself."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_lab import scenes
from ssl_lab.errors import InputError

FROZEN = Path(__file__).parent / "scenes.png"  # eight scenes in a row, 32 pixels each


@pytest.fixture(scope="module")
def world():
    return scenes.render(3000)


def test_pixels_are_frozen():
    """A processor may round one value in a thousand the other way; whoever changes the world changes every figure of the course."""
    row = torch.from_numpy(np.array(Image.open(FROZEN))).permute(2, 0, 1)
    expected = torch.stack(row.split(32, dim=2)).int()
    x = scenes.render(8)["x"].int()
    assert (x - expected).abs().max() <= 1 and (x != expected).float().mean() < 0.01


def test_counted_random_numbers_are_frozen():
    """SplitMix64, computed with Python's own integers."""
    mask = (1 << 64) - 1

    def mix(z):
        z = (z * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & mask
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        return z ^ z >> 31

    expected = [(mix(mix(5) + i & mask) >> 11) * 2.0**-53 for i in range(12)]
    assert scenes.uniform(4, 3, key=5).flatten().tolist() == expected


def test_image_i_is_the_same_whatever_the_count(world):
    few = scenes.render(7)
    assert torch.equal(few["x"], world["x"][:7]) and torch.equal(few["depth"], world["depth"][:7])


def test_splits_and_seeds_share_no_scene(world):
    seen = set()
    for split, seed in (("train", 0), ("test", 0), ("train", 1), ("test", 1)):
        causes = torch.stack(list(scenes.draw_factors(2000, split, seed)[1].values()), 1)
        seen |= {tuple(scene) for scene in (causes * 1e5).round().tolist()}
    assert len(seen) == 4 * 2000


def test_every_shape_is_equally_frequent(world):
    counts = torch.bincount(world["labels"], minlength=10)
    assert len(scenes.CLASSES) == 10 and counts.min() > 240 and counts.max() < 360


def test_factors_fill_their_ranges(world):
    for name, (low, high) in scenes.RANGES.items():
        values = world["factors"][name]
        assert low <= values.min() < low + 0.02 * (high - low) and high - 0.02 * (high - low) < values.max() <= high, name


def test_factors_are_independent_of_each_other_and_of_the_label(world):
    """No correlation above what 3,000 draws give by chance, with sine and cosine for angles."""
    columns = {f"{name} {f.__name__}": f(v) for name, v in world["factors"].items() for f in (torch.sin, torch.cos)}
    columns |= {f"is {name}": (world["labels"] == i).float() for i, name in enumerate(scenes.CLASSES) if scenes.ORDERS[i]}
    names = list(columns)
    rotates = torch.tensor(scenes.ORDERS)[world["labels"]] > 0  # a ring's rotation is 0
    r = torch.corrcoef(torch.stack([columns[n][rotates] for n in names]))
    for i, a in enumerate(names):
        for j, b in enumerate(names[:i]):
            if a.split()[0] != b.split()[0]:
                assert abs(r[i, j]) < 0.09, (a, b, r[i, j])


def test_grey_pictures_know_nothing_of_hue():
    """The same scene in other hues has the same luma, to the rounding of bytes."""
    labels, factors, phases = scenes.draw_factors(50, "train", 0)
    luma = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    pictures = []
    for shift in (0.0, 1.0, 2.5):
        hues = {name: (value + shift) if "hue" in name else value for name, value in factors.items()}
        pictures.append((luma * scenes.picture(labels, hues, phases, 32)["x"]).sum(1))
    assert max((p - pictures[0]).abs().max() for p in pictures[1:]) < 1.01


def test_no_colour_is_clipped():
    """Clipping would let hue leak into the luma: only the gloss may reach white."""
    for luma in (scenes.OBJECT_LUMA, scenes.GROUND_LUMA):
        colours = scenes.isoluminant(torch.linspace(0, scenes.TURN, 360)[:, None, None], luma)
        assert colours.min() >= 0 and colours.max() <= 1


def test_normals_are_unit_and_follow_the_depth(world):
    """Central differences by hand, away from the border."""
    normals, height = world["normals"][:100], -world["depth"][:100, 0]
    torch.testing.assert_close(normals.norm(dim=1), torch.ones(100, 32, 32))
    slope_x = (height[:, 1:-1, 2:] - height[:, 1:-1, :-2]) / (2 * 2 / 32)
    slope_y = (height[:, 2:, 1:-1] - height[:, :-2, 1:-1]) / (2 * 2 / 32)
    inner = normals[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(-inner[:, 0] / inner[:, 2], slope_x, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(-inner[:, 1] / inner[:, 2], slope_y, atol=1e-5, rtol=1e-4)


def test_object_rises_above_the_ground(world):
    depth, mask = world["depth"][:200, 0], world["mask"][:200, 0]
    ground, thing = depth[mask == 0], depth[mask == 1]
    assert thing.mean() < ground.mean() - 0.05 and (depth > 0).all()


def test_boxes_hold_exactly_the_object(world):
    for mask, box in zip(world["mask"][:100, 0], world["boxes"][:100], strict=True):
        rows, columns = torch.nonzero(mask == 1, as_tuple=True)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_shadow_falls_away_from_the_light():
    scene = scenes.render(400)
    axis = torch.arange(32.0)
    shadow, thing = (scene["mask"] == 2)[:, 0].float(), (scene["mask"] == 1)[:, 0].float()
    moments = [torch.stack([(m * axis).sum((1, 2)), (m * axis[:, None]).sum((1, 2))], 1) for m in (shadow, thing)]
    centre = [moment / m.sum((1, 2)).clamp(min=1)[:, None] for moment, m in zip(moments, (shadow, thing))]
    seen = shadow.sum((1, 2)) > 5
    light = torch.stack([scene["factors"]["light"].cos(), scene["factors"]["light"].sin()], 1)
    assert seen.float().mean() > 0.8
    assert (((centre[0] - centre[1]) * light).sum(1)[seen] < 0).float().mean() > 0.95


def test_surfaces_that_face_the_light_are_brighter():
    scene = scenes.render(300, size=64)
    luma = (torch.tensor([0.299, 0.587, 0.114])[:, None, None] * scene["x"]).sum(1)
    light = torch.stack([scene["factors"]["light"].cos(), scene["factors"]["light"].sin()], 1)[:, :, None, None]
    facing = (scene["normals"][:, :2] * light).sum(1)
    thing = scene["mask"][:, 0] == 1
    assert luma[thing & (facing > 0.2)].mean() > 1.5 * luma[thing & (facing < -0.2)].mean()


def test_mask_knows_no_class(world):
    assert set(world["mask"].unique().tolist()) == {0, 1, 2}


@pytest.mark.parametrize("name, area", [("square", 2 * 1.12**2), ("hourglass", 1.9), ("cross", 0.72 * 2 * 2 - 0.72**2)])
def test_templates_have_the_area_of_their_outline(name, area):
    inside = scenes.templates()[scenes.CLASSES.index(name), 0] < 0
    assert inside.float().sum() * (2 * scenes.REACH / (scenes.TEMPLATE - 1)) ** 2 == pytest.approx(area, rel=0.05)


def test_distance_is_exact_and_signed():
    square = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    points = torch.tensor([[0.0, 0.0], [0.5, 0.0], [2.0, 0.0], [2.0, 2.0], [-1.5, 0.5], [0.0, 0.9]])
    torch.testing.assert_close(scenes.distance(points, square), torch.tensor([-1.0, -0.5, 1.0, math.sqrt(2), 0.5, -0.1]))


@pytest.mark.parametrize("shape", range(10))
def test_symmetry_order_is_the_number_of_turns_that_change_nothing(shape):
    order = scenes.ORDERS[shape]
    base = {name: torch.zeros(1) for name in scenes.RANGES} | {"size": torch.full((1,), 0.6)}
    axis = torch.linspace(-0.8, 0.8, 64)
    dx, dy = axis.expand(1, 64, 64), axis[:, None].expand(1, 64, 64)

    def turned(angle):
        factors = base | {"rotation": torch.tensor([angle])}
        return scenes.measure(scenes.templates()[[shape]], factors, dx, dy)

    def moved(angle):
        return (turned(angle) - turned(0.0)).abs().mean()

    if order == 0:
        assert max(moved(a) for a in (0.1, 0.5, 1.0)) < 0.003
    else:
        assert moved(scenes.TURN / order) < 0.003
        assert all(moved(scenes.TURN / k) > 0.01 for k in range(order + 1, 9))


def test_period_is_zero_where_rotation_is_undefined(world):
    ring = world["labels"] == scenes.CLASSES.index("ring")
    assert (world["periods"]["rotation"][ring] == 0).all() and (world["periods"]["rotation"][~ring] > 0).all()


@pytest.mark.parametrize("size", [16, 100, 224])
def test_any_size_shows_the_same_scene(size):
    big, small = (scenes.render(4, size=s)["x"].float() for s in (size, 32))
    shrink = torch.nn.functional.interpolate(big, 16, mode="area"), torch.nn.functional.interpolate(small, 16, mode="area")
    assert (shrink[0] - shrink[1]).abs().mean() < 8


@pytest.mark.parametrize("options, words", [
    ({"count": 0}, "at least one"), ({"count": 3, "split": "val"}, "train, test"),
    ({"count": 3, "size": 15}, "16 to 224"), ({"count": 3, "size": 225}, "16 to 224"),
])
def test_impossible_worlds_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        scenes.render(**options)
