"""RandAugment draws one of 16 operations for each image in each round, and applies it with the strength that the papers' code has."""

import importlib
import math
from dataclasses import FrozenInstanceError

import pytest
import torch

from ssl_lab import augment as A
from ssl_lab.augment import OPERATIONS, RandAugment
from ssl_lab.augment.rand_augment import TABLE
from ssl_lab.errors import InputError

FILE = importlib.import_module("ssl_lab.augment.rand_augment")  # the package has a function of this name


def numbers(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x():
    """More bytes than are worked on at a time."""
    return torch.randint(0, 256, (800, 3, 32, 32), dtype=torch.uint8, generator=numbers(1))


def every(magnitude: float, size: tuple[int, int] = (224, 224), count: int = 400) -> A.Chosen:
    """A draw in which every operation has both signs."""
    return RandAugment(2, magnitude).draw(torch.empty(count, 3, *size), numbers())


def strengths(drawn: A.Chosen) -> dict[str, set[float]]:
    """The strengths that each operation has, to six digits."""
    return {name: {float(f"{s:.6g}") for s in drawn.strength[drawn.which == k].tolist()} for k, name in enumerate(OPERATIONS)}


PAPER = {  # magnitude → operation → strength, by hand, from the functions level_to_arg of the authors' code
    10: {"Rotate": 30, "ShearX": 0.3, "TranslateX": 100, "Posterize": 4, "Solarize": 256, "SolarizeAdd": 110, "Color": 1.9, "Cutout": 80},
    5: {"Rotate": 15, "ShearY": 0.15, "TranslateY": 50, "Posterize": 2, "Solarize": 128, "SolarizeAdd": 55, "Contrast": 1, "Cutout": 40},
    6.3: {"Rotate": 18.9, "ShearX": 0.189, "TranslateX": 63, "Posterize": 2, "Solarize": 161, "SolarizeAdd": 69, "Sharpness": 1.234, "Cutout": 50},
    0: {"Rotate": 0, "ShearX": 0, "TranslateX": 0, "Posterize": 1, "Solarize": 0, "SolarizeAdd": 0, "Brightness": 0.1, "Cutout": 0},
    27: {"Rotate": 81, "ShearX": 0.81, "TranslateX": 134.4, "Posterize": 8, "Solarize": 256, "SolarizeAdd": 297, "Sharpness": 4.96, "Cutout": 112},
}
SIGNED = {"Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"}


@pytest.mark.parametrize("magnitude", PAPER)
def test_a_strength_is_the_papers_up_to_10_and_ends_where_a_picture_would(magnitude):
    found = strengths(every(magnitude))
    for name, strength in PAPER[magnitude].items():
        assert found[name] == ({strength, -strength} if name in SIGNED else {strength}), name
    assert found["Color"] == found["Contrast"] == found["Brightness"] == found["Sharpness"]
    assert found["ShearX"] == found["ShearY"] and found["TranslateX"] == found["TranslateY"]
    assert found["AutoContrast"] == found["Equalize"] == found["Invert"] == {0}


def test_lengths_are_shares_of_the_sides():
    wide, large = strengths(every(10, (28, 56))), strengths(every(10, (224, 448)))
    assert wide["TranslateX"] == {25, -25} and wide["TranslateY"] == {12.5, -12.5} and wide["Cutout"] == {10}
    assert large["TranslateX"] == {200, -200} and large["TranslateY"] == {100, -100} and large["Cutout"] == {80}
    assert {name for name in OPERATIONS if wide[name] != large[name]} == {"TranslateX", "TranslateY", "Cutout"}


def test_there_are_the_16_of_noisy_student():
    theirs = "AutoContrast Equalize Invert Rotate Posterize Solarize Color Contrast Brightness Sharpness ShearX ShearY TranslateX TranslateY"
    assert {*OPERATIONS} == {*theirs.split(), "SolarizeAdd", "Cutout"} and len(OPERATIONS) == 16


def spread(counts: torch.Tensor) -> float:
    """Chi-squared of counts that should be equal, less its mean, in standard deviations."""
    expected = counts.double().mean()
    free = counts.numel() - 1
    return ((((counts - expected) ** 2 / expected).sum() - free) / math.sqrt(2 * free)).item()


def test_operations_are_equally_likely_whatever_the_other_round_and_the_neighbour_have():
    drawn = RandAugment(2).draw(torch.empty(64_000, 3, 1, 1), numbers(2))
    first, second = drawn.which
    for pair in (first, second), (first[1:], first[:-1]):
        assert spread(torch.bincount(16 * pair[0] + pair[1], minlength=256)) < 4
    for one in drawn.which:
        assert spread(torch.bincount(one, minlength=16)) < 4
    assert spread(torch.bincount(torch.cat([first, first.clamp(max=14)]), minlength=16)) > 50, "one of 15, likelier, would be seen"


def test_half_of_the_signs_are_negative_and_places_are_anywhere():
    drawn = RandAugment(1).draw(torch.empty(64_000, 3, 32, 32), numbers(3))
    for name in SIGNED:
        s = drawn.strength[0, drawn.which[0] == OPERATIONS.index(name)]
        assert abs((s < 0).double().mean() - 0.5) < 0.04 and len(s.abs().unique()) == 1
    across, down = (8 * drawn.place[0]).long()
    assert spread(torch.bincount(8 * across + down, minlength=64)) < 4


BY_NAME = {
    "AutoContrast": lambda x, s, at: A.autocontrast(x), "Equalize": lambda x, s, at: A.equalise(x), "Invert": lambda x, s, at: 1 - x,
    "Rotate": lambda x, s, at: A.rotate(x, s), "Posterize": lambda x, s, at: A.posterise(x, s),
    "Solarize": lambda x, s, at: A.solarise(x, float(s / 255)), "SolarizeAdd": lambda x, s, at: A.solarise_add(x, s / 255),
    "Color": lambda x, s, at: A.saturation(x, s), "Contrast": lambda x, s, at: A.contrast(x, s),
    "Brightness": lambda x, s, at: A.brightness(x, s), "Sharpness": lambda x, s, at: A.sharpness(x, s),
    "ShearX": lambda x, s, at: A.shear_x(x, s), "ShearY": lambda x, s, at: A.shear_y(x, s),
    "TranslateX": lambda x, s, at: A.translate_x(x, s), "TranslateY": lambda x, s, at: A.translate_y(x, s),
    "Cutout": lambda x, s, at: A.cutout(x, s, at[:1], at[1:]),
}  # fmt: skip


def one_after_the_other(x: torch.Tensor, drawn: A.Chosen) -> torch.Tensor:
    """Each image by itself, and each round."""
    made = []
    for n, image in enumerate(x):
        image = image[None] / 255
        for k, s, at in zip(drawn.which[:, n].tolist(), drawn.strength[:, n], drawn.place[:, :, n]):
            image = BY_NAME[OPERATIONS[k]](image, s[None], at)
        made.append(image)
    return torch.cat(made)


def test_a_view_is_its_operations_one_after_the_other(x):
    drawn = RandAugment(3, 7.0).draw(x, numbers(4))
    few = slice(680, 740)  # from both sides of where one chunk ends
    torch.testing.assert_close(drawn(x)[few], one_after_the_other(x[few], drawn[few]), atol=1e-5, rtol=0)
    other = RandAugment(3, 7.0).draw(x, numbers(5))
    assert (drawn(x)[few] - one_after_the_other(x[few], other[few])).abs().mean() > 0.1


@pytest.mark.parametrize("magnitude", [0.0, 5.0, 10.0, 30.0])
def test_a_view_has_values_from_0_to_1_whatever_the_chunks_and_the_kind_of_device(magnitude, x, monkeypatch):
    drawn = RandAugment(2, magnitude).draw(x, numbers(6))
    view = drawn(x)
    assert view.dtype == torch.float32 and view.shape == x.shape and view.min() >= 0 and view.max() <= 1
    torch.testing.assert_close(drawn.everywhere(x / 255), view, atol=1e-5, rtol=0)
    monkeypatch.setattr(FILE, "VALUES", 400_000)
    torch.testing.assert_close(drawn(x), view, atol=1e-5, rtol=0)


def test_runs_on_the_meta_device_so_nothing_waits_for_it():
    given = torch.empty(300, 3, 32, 32, dtype=torch.uint8, device="meta")
    assert A.rand_augment(given).shape == given.shape


def test_no_operation_leaves_the_images_as_they_are_in_float(x):
    view = RandAugment(0)(x)
    assert torch.equal(view, x / 255)
    assert RandAugment(0).draw(x).remark(3) == ""
    assert torch.equal(RandAugment(0)(view), view) and RandAugment(0)(view) is not view


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_what_is_given_stays_as_it_is(x, dtype):
    given = x if dtype == torch.uint8 else x / 255
    kept = given.clone()
    RandAugment()(given)
    assert torch.equal(given, kept)


def test_warps_cutout_and_additions_do_nothing_at_magnitude_0(x):
    still = [k for k, name in enumerate(OPERATIONS) if name in SIGNED | {"Cutout", "SolarizeAdd"}]
    drawn = RandAugment(1, 0).draw(x, numbers())
    few = torch.isin(drawn.which[0], torch.tensor(still))
    torch.testing.assert_close(drawn(x)[few], x[few] / 255, atol=1e-6, rtol=0)
    assert few.sum() > 200


def test_one_seed_is_one_view_and_the_callers_random_numbers_are_left_alone(x):
    state = torch.get_rng_state()
    first, same, other = (RandAugment()(x, numbers(seed)) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, same) and not torch.equal(first, other)
    torch.manual_seed(5)
    first = A.rand_augment(x, 1, 4.0)
    torch.manual_seed(5)
    assert torch.equal(first, RandAugment(1, 4.0)(x))
    assert torch.equal(A.rand_augment(x, 1, 4.0, numbers(9)), RandAugment(1, 4.0)(x, numbers(9)))


def test_a_further_round_and_another_magnitude_leave_the_draws_as_they_are(x):
    two, three, weak = (RandAugment(rounds, m).draw(x, numbers()) for rounds, m in ((2, 8), (3, 8), (2, 2)))
    assert torch.equal(two.which, three.which[:2]) and torch.equal(two.strength, three.strength[:2]) and torch.equal(two.place, three.place[:2])
    assert torch.equal(two.which, weak.which) and torch.equal(two.strength < 0, weak.strength < 0) and torch.equal(two.place, weak.place)


def test_bytes_and_floats_of_any_precision_give_the_same_view(x):
    view = RandAugment(1)(x[:64], numbers())
    for dtype in torch.float32, torch.float64:
        torch.testing.assert_close(RandAugment(1)(x[:64].to(dtype) / 255, numbers()), view, atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_torchs_default_type_changes_nothing(x, dtype):
    expected = RandAugment()(x[:64], numbers())
    torch.set_default_dtype(dtype)
    try:
        assert torch.equal(RandAugment()(x[:64], numbers()), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_autocast_changes_nothing(x):
    expected = RandAugment()(x[:64], numbers())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(RandAugment()(x[:64], numbers()), expected)


@pytest.mark.parametrize("count", [0, 1])
def test_few_images_are_images_too(count, x):
    assert RandAugment()(x[:count]).shape == (count, 3, 32, 32)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 40), (17, 5)])
def test_small_and_oblong_images_are_images_too(shape, x):
    view = RandAugment(3)(torch.rand(200, 3, *shape))
    assert view.shape[2:] == shape and not view.isnan().any()


def test_what_was_done_is_said_in_words():
    k = {name: OPERATIONS.index(name) for name in OPERATIONS}
    which = torch.tensor([[k["Rotate"], k["Equalize"], k["ShearX"]], [k["Posterize"], k["Color"], k["Cutout"]]])
    drawn = A.Chosen(which, torch.tensor([[-12.0, 0.0, 0.15], [5.0, 1.9, 12.0]]), torch.zeros(2, 2, 3))
    said = [drawn.remark(n) for n in range(3)]
    assert said == ["rotated by −12°, posterised to 5 bits", "equalised, colour × 1.9", "sheared by 0.15 across, a square of 12 pixels cut out"]
    assert len({operation.words for operation in TABLE.values()}) == 16
    assert not [words for words in (every(0, count=200).remark(n) for n in range(200)) if "−" in words or "{" in words]


@pytest.mark.parametrize("options, words", [
    ({"operations": -1}, "operations=-1 must be a whole number from 0"), ({"operations": True}, "operations=True"),
    ({"magnitude": 31}, "magnitude=31 must be a number from 0 to 30"), ({"magnitude": -0.1}, "magnitude=-0.1"), ({"magnitude": math.nan}, "nan"),
])
def test_impossible_strengths_are_refused(options, words):
    for call in (lambda: RandAugment(**options)), (lambda: A.rand_augment(torch.rand(2, 3, 8, 8), **options)):
        with pytest.raises(InputError, match=words):
            call()


def test_pixels_out_of_range_are_refused_and_a_strength_cannot_be_changed():
    with pytest.raises(InputError, match="bytes, or floats from 0 to 1"):
        RandAugment()(3 * torch.rand(2, 3, 8, 8))
    with pytest.raises(FrozenInstanceError):
        RandAugment().magnitude = 3
