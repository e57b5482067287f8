"""Every patch is changed on its own, in the paper's order, as often as the shares say; what is off changes nothing."""

import importlib
import math
from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch

from ssl_lab import augment as A
from ssl_lab.augment import DrawnPatches, PatchAugmentation, patches
from ssl_lab.augment.colours import YIQ
from ssl_lab.augment.patch_augmentation import only
from ssl_lab.errors import InputError

FILE = importlib.import_module("ssl_lab.augment.patch_augmentation")
NOTHING = PatchAugmentation(operations=0, elastic_share=0.0, tone_share=0.0, jitter_share=0.0, grey_share=0.0, drop_share=0.0)
HALF = PatchAugmentation(elastic_share=0.5, tone_share=0.5, jitter_share=0.5, grey_share=0.5, drop_share=0.5)
MANY = 40_000


def numbers(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    """Smooth bytes, so that a bend can be told from noise."""
    coarse = torch.rand(60, 3, 4, 4, generator=numbers(1))
    return (255 * torch.nn.functional.interpolate(coarse, (16, 16), mode="bilinear")).to(torch.uint8)


def many(**options) -> DrawnPatches:
    return PatchAugmentation(**options).draw(torch.empty(MANY, 3, 16, 16), numbers(2))


def near(share: float, found: torch.Tensor) -> bool:
    """Whether a share is the one that is meant, within four standard errors."""
    return abs(found.double().mean().item() - share) <= 4 * math.sqrt(share * (1 - share) / found.numel()) + 1e-12


def evenly(found: torch.Tensor, low: float, high: float) -> bool:
    """Whether numbers lie evenly between two ends: all within, a tenth in every tenth."""
    tenths = ((found.double() - low) / (high - low) * 10).long().clamp(0, 9).flatten()
    return found.min() >= low - 1e-6 and found.max() <= high + 1e-6 and all(near(0.1, tenths == k) for k in range(10))


# ---- how often, and how strong


SHARES = {"elastic_share": "bent", "tone_share": "toned", "jitter_share": "coloured", "grey_share": "grey", "drop_share": "dropped"}
PAPER = {"elastic_share": 0.2, "tone_share": 0.2, "jitter_share": 0.8, "grey_share": 0.25, "drop_share": 1.0}


def test_the_defaults_are_the_papers():
    drawn = many()
    assert all(near(PAPER[name], getattr(drawn, field)) for name, field in SHARES.items()) and drawn.dropped.all()
    assert drawn.chosen.which.shape == (2, MANY) and all(near(1 / 16, drawn.chosen.which == k) for k in range(16))
    assert (PatchAugmentation().magnitude, PatchAugmentation().jitter) == (5.0, 1.0)


@pytest.mark.parametrize("name, field", SHARES.items())
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_a_share_is_that_of_the_patches(name, field, share):
    assert near(share, getattr(many(operations=0, **{name: share}), field))


def test_whether_one_thing_is_done_says_nothing_of_another():
    drawn = many(operations=0, **dict.fromkeys(SHARES, 0.5))
    done = [getattr(drawn, field) for field in SHARES.values()] + [drawn.turn > 0, drawn.brightness > 1, drawn.shear > 0, drawn.kept[:, 0] > 0]
    for i, one in enumerate(done):
        for other in done[:i]:
            assert near(0.5, other[one])
    assert all(near(1 / 3, drawn.kept[one][:, 0] > 0) for one in done[:-1])
    neighbours = drawn.bent[1:] == drawn.bent[:-1]
    assert near(0.5, neighbours)


def test_each_channel_is_kept_by_a_third_of_the_patches():
    kept = many(operations=0).kept
    assert (kept.sum(1) == 1).all() and (kept.max(1).values == 1).all() and all(near(1 / 3, kept[:, k] == 1) for k in range(3))


def test_brightness_contrast_saturation_and_hue_lie_evenly_in_their_ranges():
    drawn = many(operations=0)
    assert evenly(drawn.brightness, 7 / 8, 9 / 8) and evenly(drawn.contrast, 0.5, 1.5) and evenly(drawn.saturation, 0.5, 1.5)
    assert evenly(drawn.turn, -0.2, 0.2)
    weak, strong = many(operations=0, jitter=0.5), many(operations=0, jitter=4.0, hue=0.3)
    assert evenly(weak.brightness, 15 / 16, 17 / 16) and evenly(weak.saturation, 0.75, 1.25) and evenly(weak.turn, -0.1, 0.1)
    assert evenly(strong.brightness, 0.5, 1.5) and evenly(strong.turn, -0.5, 0.5)
    assert strong.contrast.min() == 0 and strong.contrast.max() > 2.9 and near(0.25, strong.contrast == 0)


def test_displacements_and_shears_lie_evenly_in_their_ranges():
    drawn = PatchAugmentation(0, bend=0.1).draw(torch.empty(MANY // 8, 3, 10, 20), numbers())
    assert drawn.pixels.shape == (MANY // 8, 2, 4, 4) and evenly(drawn.pixels, -2.0, 2.0) and evenly(drawn.shear, -0.2, 0.2)
    still = PatchAugmentation(0, bend=0.0).draw(torch.empty(9, 3, 10, 20), numbers())
    assert (still.pixels == 0).all() and (still.shear == 0).all()


def test_the_pieces_of_a_curve_add_up_to_1_and_none_is_flat():
    shares = many(operations=0).shares
    torch.testing.assert_close(shares.sum(2), torch.ones(MANY, 3))
    assert shares.min() > 0.2 / 4.8 and shares.max() < 1.2 / 1.8 and shares.std(0).min() > 0.05
    torch.testing.assert_close(shares.mean(0), torch.full((3, 4), 0.25), atol=0.005, rtol=0)


@pytest.mark.parametrize("change", [
    {"operations": 0}, {"operations": 3}, {"magnitude": 9.0}, {"elastic_share": 0.7}, {"bend": 0.3}, {"tone_share": 0.0}, {"jitter": 0.3},
    {"hue": 0.0}, {"jitter_share": 0.1}, {"grey_share": 0.9}, {"drop_share": 0.2},
], ids=str)  # fmt: skip
def test_a_change_of_one_strength_leaves_all_other_draws_as_they_are(change, x):
    reaches = {"operations": {"chosen"}, "magnitude": {"chosen"}, "elastic_share": {"bent"}, "bend": {"shear", "pixels"}, "tone_share": {"toned"},
               "jitter": {"brightness", "contrast", "saturation", "turn"}, "hue": {"turn"}, "jitter_share": {"coloured"}, "grey_share": {"grey"},
               "drop_share": {"dropped"}}  # fmt: skip
    usual, other = (PatchAugmentation(**options).draw(x, numbers()) for options in ({}, change))
    names = {field.name for field in fields(DrawnPatches)} - {"chosen"}
    (name,) = change
    assert {one for one in names if not torch.equal(getattr(usual, one), getattr(other, one))} == reaches[name] - {"chosen"}
    rounds = min(len(usual.chosen.which), len(other.chosen.which))
    assert all(torch.equal(getattr(usual.chosen, part)[:rounds], getattr(other.chosen, part)[:rounds]) for part in ("which", "place"))
    assert torch.equal(usual.chosen.strength, other.chosen.strength) == ("chosen" not in reaches[name])


# ---- what is done


def test_with_everything_off_patches_stay_as_they_are(x):
    torch.testing.assert_close(NOTHING(x, numbers()), x / 255, atol=1e-6, rtol=0)


OFF = {"operations": 0, "elastic_share": 0.0, "tone_share": 0.0, "jitter_share": 0.0, "grey_share": 0.0, "drop_share": 0.0}


@pytest.mark.parametrize("name, field", [*SHARES.items(), ("operations", None)])
def test_where_a_thing_is_not_done_patches_are_those_of_an_augmentation_without_it_to_the_bit(name, field, x):
    usual, without = HALF.draw(x, numbers(3)), replace(HALF, **{name: OFF[name]}).draw(x, numbers(3))
    there, here = usual(x), without(x)
    if field is not None:
        done = getattr(usual, field)
        assert torch.equal(there[~done], here[~done]) and 10 < done.sum() < 50 and not getattr(without, field).any()
        changed = (there - here).abs().amax((1, 2, 3)) > 1e-4
        assert not changed[~done].any() and changed[done].double().mean() > 0.3
    else:
        assert without.chosen.which.shape == (0, 60) and (there - here).abs().mean() > 0.05


def greyish(x: torch.Tensor, b: float, c: float) -> torch.Tensor:
    """Brightness, contrast and NTSC's grey, one pixel's after another in float64."""
    Y = sum(weight * channel for weight, channel in zip(YIQ[0], x[0].double()))
    return (b * (c * Y + (1 - c) * Y.mean())).clamp(0, 1).expand(1, 3, -1, -1)


def one_after_the_other(x: torch.Tensor, drawn: DrawnPatches, order: tuple[str, ...] = ("bent", "toned", "colours", "dropped")) -> torch.Tensor:
    """Each patch by itself, and each thing that is done to it."""
    made = []
    for n in range(len(x)):
        d, one = drawn[n : n + 1], torch.ones(1)
        patch = d.chosen(x[n : n + 1])
        for step in order:
            if step == "bent" and d.bent:
                patch = A.elastic(patch, d.pixels, d.shear)
            if step == "toned" and d.toned:
                patch = A.tone(patch, d.shares)
            if step == "colours" and d.grey:
                b, c = (float(value) if d.coloured else 1.0 for value in (d.brightness, d.contrast))
                patch = greyish(patch, b, c).float()
            elif step == "colours" and d.coloured:
                patch = A.jitter_colours(patch, d.brightness, d.contrast, d.saturation, d.turn)
            elif step == "colours":
                patch = A.jitter_colours(patch, one, one, one, 0 * one)
            if step == "dropped" and d.dropped:
                patch = A.drop_colours(patch, d.kept)
        made.append(patch)
    return torch.cat(made)


def test_what_is_done_is_done_in_the_papers_order(x):
    drawn = HALF.draw(x, numbers(4))
    torch.testing.assert_close(drawn(x), one_after_the_other(x, drawn), atol=2e-5, rtol=0)


@pytest.mark.parametrize("order", [
    ("toned", "bent", "colours", "dropped"), ("bent", "colours", "toned", "dropped"), ("bent", "toned", "dropped", "colours"),
    ("dropped", "bent", "toned", "colours"), ("bent", "toned", "colours"), ("toned", "colours", "dropped"), ("bent", "colours", "dropped"),
], ids="-".join)  # fmt: skip
def test_another_order_would_be_seen(order, x):
    drawn = replace(HALF, **dict.fromkeys(SHARES, 0.9) | {"grey_share": 0.5}).draw(x[:20], numbers(4))
    assert (drawn(x[:20]) - one_after_the_other(x[:20], drawn, order)).abs().max() > 0.01


def test_grey_patches_are_grey_and_one_channel_is_the_patchs_own(x):
    grey = replace(NOTHING, grey_share=1.0)(x, numbers())
    assert (grey - grey[:, :1]).abs().max() < 1e-5
    drawn = replace(NOTHING, drop_share=1.0).draw(x, numbers())
    own = (x / 255)[torch.arange(60), drawn.kept.argmax(1)]
    torch.testing.assert_close(drawn(x), own[:, None].expand(60, 3, 16, 16), atol=1e-6, rtol=0)


def overlaps_differ(augment, x) -> bool:
    """Whether the pixels that two neighbouring patches share are changed differently in nearly every pair."""
    grid = augment(patches(x, 8, 4))
    pairs = [(grid[:, :, :-1, :, :, 4:], grid[:, :, 1:, :, :, :4]), (grid[:, :-1, :, :, 4:], grid[:, 1:, :, :, :4])]
    return all(((one - other).abs().amax((3, 4, 5)) > 0.02).double().mean() > 0.95 for one, other in pairs)


def each(grid: torch.Tensor) -> torch.Tensor:
    return PatchAugmentation()(grid.flatten(0, 2), numbers()).view(grid.shape)


def image_by_image(grid: torch.Tensor) -> torch.Tensor:
    """The mistake: what is drawn once for an image is done to all its patches; single channels make it easy to see."""
    B, G, J = grid.shape[:3]
    augmentation = replace(NOTHING, jitter_share=1.0, grey_share=0.25, drop_share=1.0)
    drawn = augmentation.draw(grid[:, 0, 0], numbers())
    rows = torch.arange(B).repeat_interleave(G * J)
    values = {field.name: getattr(drawn, field.name)[rows] for field in fields(drawn) if field.name != "chosen"}
    chosen = augmentation.draw(grid.flatten(0, 2)).chosen
    return DrawnPatches(chosen=chosen, **values)(grid.flatten(0, 2)).view(grid.shape)


def test_every_patch_is_its_own_and_neighbours_do_not_share_pixels(x):
    assert overlaps_differ(each, x)
    assert not overlaps_differ(image_by_image, x)
    assert not overlaps_differ(lambda grid: NOTHING(grid.flatten(0, 2)).view(grid.shape), x)


def test_equal_patches_become_different(x):
    made = PatchAugmentation()(x[:1].expand(40, -1, -1, -1), numbers())
    assert len(made.flatten(1).unique(dim=0)) == 40


# ---- where it is computed


def test_on_a_cpu_the_patches_that_change_are_computed_alone_and_give_the_same(x, monkeypatch):
    drawn = HALF.draw(x, numbers(5))
    here = drawn(x)
    monkeypatch.setattr(FILE, "only", lambda on, change, y, *parameters: torch.where(on[:, None, None, None], change(y, *parameters), y))
    torch.testing.assert_close(drawn(x), here, atol=1e-6, rtol=0)


@pytest.mark.parametrize("on", [[], [1], [0, 3], range(5)], ids=str)
def test_only_those_patches_are_computed_with_their_own_numbers(on):
    x, number, seen = torch.rand(5, 3, 4, 4), torch.arange(5.0), []
    which = torch.tensor([n in on for n in range(5)])

    def change(y, values):
        seen.append(len(y))
        return y + values[:, None, None, None] + 1

    made = only(which, change, x, number)
    expected = torch.stack([x[n] + n + 1 if n in on else x[n] for n in range(5)])
    assert torch.equal(made, expected) and seen == ([len(on)] if len(on) else [])


def test_runs_on_the_meta_device_so_nothing_waits_for_it():
    given = torch.empty(30, 3, 16, 16, dtype=torch.uint8, device="meta")
    assert PatchAugmentation()(given).shape == given.shape and HALF.draw(given).finish(given.float()).device.type == "meta"


def test_a_part_of_what_was_drawn_is_that_of_these_patches(x):
    drawn = HALF.draw(x, numbers(6))
    torch.testing.assert_close(drawn[10:30](x[10:30]), drawn(x)[10:30], atol=1e-6, rtol=0)


# ---- random numbers, kinds of pixels, words, refusals


def test_one_seed_is_one_result_and_the_callers_random_numbers_are_left_alone(x):
    state = torch.get_rng_state()
    first, same, other = (PatchAugmentation()(x, numbers(seed)) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, same) and not torch.equal(first, other)
    torch.manual_seed(5)
    first = PatchAugmentation()(x)
    torch.manual_seed(5)
    assert torch.equal(first, PatchAugmentation()(x)) and not torch.equal(first, PatchAugmentation()(x))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_patches_have_values_from_0_to_1_in_float32_and_what_is_given_stays_as_it_is(dtype, x):
    given = x if dtype == torch.uint8 else x.to(dtype) / 255
    kept = given.clone()
    strong = PatchAugmentation(magnitude=30, bend=0.5, jitter=3.0, hue=0.5, elastic_share=0.9, tone_share=0.9)
    for augmentation in (strong, PatchAugmentation(), NOTHING):
        made = augmentation(given, numbers())
        assert made.dtype == torch.float32 and made.shape == x.shape and made.min() >= 0 and made.max() <= 1
    assert torch.equal(given, kept)
    torch.testing.assert_close(PatchAugmentation(1)(given, numbers()), PatchAugmentation(1)(x, numbers()), atol=1e-5, rtol=0)


def test_autocast_and_torchs_default_type_change_nothing(x):
    expected = HALF(x, numbers())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(HALF(x, numbers()), expected)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(HALF(x, numbers()), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (1, 3, 8, 8), (200, 3, 1, 1), (200, 3, 2, 5), (200, 3, 9, 4)])
def test_few_small_and_oblong_patches_are_patches_too(shape):
    made = HALF(torch.rand(*shape), numbers())
    assert made.shape == shape and not made.isnan().any()


def test_what_was_done_is_said_in_words(x):
    no, yes = torch.zeros(4, dtype=torch.bool), torch.ones(4, dtype=torch.bool)
    drawn = NOTHING.draw(x[:4], numbers())
    assert [drawn.remark(n) for n in range(4)] == [""] * 4
    kept = torch.eye(3)[[1, 0, 2, 1]]
    turn = torch.tensor([-20.0, 7.0, 0.0, -0.1]) / 360
    said = replace(drawn, bent=yes, toned=yes, coloured=yes, turn=turn, grey=yes, dropped=yes, kept=kept)
    assert said.remark(0) == "bent, histogram changed, hue turned by −20°, grey, green alone"
    said = replace(drawn, coloured=yes, turn=turn, dropped=yes, kept=kept)
    assert [said.remark(n) for n in range(4)] == [
        "hue turned by −20°, green alone", "hue turned by 7°, red alone", "hue turned by 0°, blue alone", "hue turned by 0°, green alone",
    ]  # fmt: skip
    assert replace(drawn, bent=yes).remark(2) == "bent" and replace(drawn, grey=yes).remark(2) == "grey" and replace(drawn, grey=no).remark(0) == ""
    chosen = A.Chosen(torch.full((1, 4), A.OPERATIONS.index("Rotate")), torch.full((1, 4), -12.0), torch.zeros(1, 2, 4))
    assert replace(drawn, chosen=chosen, toned=yes).remark(1) == "rotated by −12°, histogram changed"


@pytest.mark.parametrize("options, words", [
    ({"operations": -1}, "operations=-1 must be a whole number from 0; the paper has 2"), ({"magnitude": 31.0}, "magnitude=31.0 must be a number"),
    ({"elastic_share": 1.5}, "elastic_share=1.5 must be a number from 0 to 1; a share of the patches"), ({"bend": 0.6}, "bend=0.6"),
    ({"tone_share": -0.1}, "tone_share=-0.1"), ({"jitter": -1.0}, "jitter=-1.0"), ({"hue": 0.7}, "hue=0.7"), ({"jitter_share": 2}, "jitter_share=2"),
    ({"grey_share": math.nan}, "grey_share=nan"), ({"drop_share": math.inf}, "drop_share=inf"), ({"operations": True}, "operations=True"),
])
def test_impossible_strengths_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        PatchAugmentation(**options)


def test_pixels_out_of_range_are_refused_and_a_strength_cannot_be_changed():
    with pytest.raises(InputError, match="bytes, or floats from 0 to 1"):
        PatchAugmentation()(3 * torch.rand(2, 3, 8, 8))
    with pytest.raises(FrozenInstanceError):
        PatchAugmentation().bend = 0.3
