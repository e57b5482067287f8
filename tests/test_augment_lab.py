"""Lab is scikit-image's, to a thousandth: a loop in float64 is the oracle, and scikit-image's own numbers stand beside it."""

import itertools

import pytest
import torch

from ssl_lab.augment import chrominance, luminance, normalised_lab, rgb_to_lab
from ssl_lab.errors import InputError

SKIMAGE = {  # skimage.color.rgb2lab of bytes, scikit-image 0.26
    (255, 255, 255): (100.0000, -0.0025, 0.0047),
    (0, 0, 0): (0.0000, 0.0000, 0.0000),
    (255, 0, 0): (53.2406, 80.0923, 67.2028),
    (0, 255, 0): (87.7351, -86.1830, 83.1797),
    (0, 0, 255): (32.2957, 79.1856, -107.8573),
    (255, 255, 0): (97.1395, -21.5547, 94.4781),
    (0, 255, 255): (91.1133, -48.0906, -14.1263),
    (255, 0, 255): (60.3235, 98.2331, -60.8210),
    (128, 128, 128): (53.5850, -0.0015, 0.0028),
    (1, 1, 1): (0.2742, 0.0000, 0.0000),
    (10, 10, 10): (2.7417, -0.0002, 0.0003),
    (11, 10, 10): (2.8015, 0.2680, 0.0948),
    (3, 200, 7): (70.4141, -71.5092, 68.5352),
    (200, 100, 50): (53.6295, 36.3052, 45.3805),
    (17, 34, 51): (12.6215, -0.7896, -13.3050),
    (250, 128, 114): (67.2640, 45.2255, 29.0965),
    (75, 0, 130): (20.4689, 51.6846, -53.3105),
    (0, 128, 128): (48.2541, -28.8481, -8.4740),
    (254, 0, 1): (53.0370, 79.8606, 66.7472),
    (64, 32, 16): (16.3090, 13.7604, 17.1962),
    (12, 250, 190): (88.0464, -62.7862, 15.1213),
    (0, 0, 9): (0.1781, 1.2514, -3.4058),
}
CUBE = torch.tensor(list(itertools.product([*range(0, 256, 15)], repeat=3)), dtype=torch.uint8)[:, :, None, None]  # 18 levels a channel, ends too


def colours(*rgb) -> torch.Tensor:
    """One pixel an image."""
    return torch.tensor(rgb, dtype=torch.uint8)[:, :, None, None]


def some(N: int = 200, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (N, 3, 1, 1), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def linear(byte: int) -> float:
    """IEC 61966-2-1."""
    c = byte / 255
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def root(t: float) -> float:
    return t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116


def oracle(rgb) -> tuple[float, float, float]:
    r, g, b = map(linear, rgb)
    X = root((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.95047)
    Y = root(0.212671 * r + 0.715160 * g + 0.072169 * b)
    Z = root((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883)
    return 116 * Y - 16, 500 * (X - Y), 200 * (Y - Z)


def loops(x: torch.Tensor) -> torch.Tensor:
    return torch.tensor([oracle(rgb) for rgb in x[:, :, 0, 0].tolist()], dtype=torch.float64)


def lab(x: torch.Tensor) -> torch.Tensor:
    return rgb_to_lab(x)[:, :, 0, 0].double()


def test_the_oracle_is_scikit_images():
    for rgb, expected in SKIMAGE.items():
        assert oracle(rgb) == pytest.approx(expected, abs=1e-4), rgb


def test_lab_is_scikit_images_to_a_thousandth():
    assert (lab(colours(*SKIMAGE)) - torch.tensor(list(SKIMAGE.values()))).abs().max() < 1e-3


def test_lab_is_the_loops_for_random_colours_the_whole_cube_and_all_greys():
    greys = torch.arange(256, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, -1, -1)
    for x in (some(2000), CUBE, greys):
        assert (lab(x) - loops(x)).abs().max() < 1e-3


def test_white_black_and_red():
    white, black, red = lab(colours((255, 255, 255), (0, 0, 0), (255, 0, 0)))
    torch.testing.assert_close(white, torch.tensor([100.0, 0.0, 0.0]).double(), atol=0.01, rtol=0)
    torch.testing.assert_close(black, torch.zeros(3).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(red, torch.tensor([53.24, 80.09, 67.20]).double(), atol=0.01, rtol=0)


def test_greys_have_no_colour_and_lightness_grows():
    L, a, b = lab(torch.arange(256, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, -1, -1)).T
    assert (L.diff() > 0).all() and a.abs().max() < 0.01 and b.abs().max() < 0.01


def test_every_pixel_is_its_own():
    x = some(24).view(2, 3, 4, 3, 1).transpose(1, 3).reshape(2, 3, 4, 3)
    found = rgb_to_lab(x)
    for i, row, column in itertools.product(range(2), range(4), range(3)):
        torch.testing.assert_close(found[i, :, row, column], rgb_to_lab(x[i : i + 1, :, row : row + 1, column : column + 1])[0, :, 0, 0])


# ---- the usual mistakes


def by(linear=linear, root=root, scale=1 / 255, white=(0.95047, 1.0, 1.08883), order=(0, 1, 2), ab=(500, 200)):
    """The loop with one thing changed."""

    def wrong(rgb):
        r, g, b = (linear(rgb[i] * 255 * scale) for i in order)
        X = root((0.412453 * r + 0.357580 * g + 0.180423 * b) / white[0])
        Y = root((0.212671 * r + 0.715160 * g + 0.072169 * b) / white[1])
        Z = root((0.019334 * r + 0.119193 * g + 0.950227 * b) / white[2])
        return 116 * Y - 16, ab[0] * (X - Y), ab[1] * (Y - Z)

    return wrong


MUTANTS = {
    "bytes are not divided": by(scale=1.0),
    "divided twice": by(scale=1 / 255**2),
    "light is not made linear": by(linear=lambda byte: byte / 255),
    "a gamma of 2.2": by(linear=lambda byte: (byte / 255) ** 2.2),
    "no straight line near black, of sRGB": by(linear=lambda byte: ((byte / 255 + 0.055) / 1.055) ** 2.4),
    "no straight line near black, of f": by(root=lambda t: t ** (1 / 3)),
    "no cube root": by(root=lambda t: t),
    "not relative to white": by(white=(1.0, 1.0, 1.0)),
    "another white (D50)": by(white=(0.96422, 1.0, 0.82521)),
    "blue, green, red": by(order=(2, 1, 0)),
    "a and b exchanged": lambda rgb: oracle(rgb)[::2] + oracle(rgb)[1:2],
    "signs turned": by(ab=(-500, -200)),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_every_usual_mistake_is_told_from_scikit_image(mutant):
    assert all(by()(rgb) == pytest.approx(expected, abs=1e-3) for rgb, expected in SKIMAGE.items())
    assert any(mutant(rgb) != pytest.approx(expected, abs=1e-2) for rgb, expected in SKIMAGE.items())


# ---- ranges


def test_lightness_and_colours_fill_minus_1_to_1_over_the_whole_cube():
    """The middles and half ranges are those of all of sRGB, so no view leaves the range and each comes near both ends."""
    L, ab = luminance(CUBE), chrominance(CUBE)
    assert L.shape == (len(CUBE), 1, 1, 1) and ab.shape == (len(CUBE), 2, 1, 1)
    for channel in (L[:, 0], ab[:, 0], ab[:, 1]):
        assert -1.001 < channel.min() < -0.99 and 0.99 < channel.max() < 1.001


def test_they_are_lab_less_the_middles_by_half_the_ranges():
    x = some()
    expected = (lab(x) - torch.tensor([50, 6.025, -6.69])) / torch.tensor([50, 92.208, 101.168])
    torch.testing.assert_close(normalised_lab(x)[:, :, 0, 0].double(), expected, atol=1e-6, rtol=0)
    assert torch.equal(torch.cat([luminance(x), chrominance(x)], 1), normalised_lab(x))


@pytest.mark.parametrize("dtype, within", [(torch.float64, 1e-5), (torch.float32, 1e-5), (torch.float16, 0.3), (torch.bfloat16, 2.5)])
def test_bytes_and_floats_agree_and_the_result_is_float32(dtype, within):
    """As far as halves hold the pixels."""
    found = rgb_to_lab((some() / 255).to(dtype))
    assert found.dtype == torch.float32 and (found - rgb_to_lab(some())).abs().max() <= within


def test_pixels_a_rounding_beyond_the_range_are_cut_to_it():
    for x, whole in ((torch.full((1, 3, 1, 1), -5e-4), 0), (torch.full((1, 3, 1, 1), 1.0005), 1)):
        assert torch.equal(rgb_to_lab(x), rgb_to_lab(torch.full((1, 3, 1, 1), float(whole))))


@pytest.mark.parametrize("change, words", [
    (lambda x: x.float(), "torch.float32 from 0 to 2"), (lambda x: (x / 255 - 0.45) / 0.225, "from -2"), (lambda x: x.int() * 2, "torch.int32"),
    (lambda x: (x / 255).fill_(torch.nan), "nan"),
])
@pytest.mark.parametrize("made", [rgb_to_lab, luminance, chrominance])
def test_pixels_out_of_range_are_refused(made, change, words):
    with pytest.raises(InputError, match=words):
        made(change(some()))


def test_other_than_three_channels_are_refused_by_their_shape(without_shape_checks):
    script = """
        import torch
        from ssl_lab.augment import rgb_to_lab
        for made, shape in (rgb_to_lab, (2, 1, 4, 4)), (rgb_to_lab, (2, 4, 4, 4)), (rgb_to_lab, (3, 4, 4)):
            try:
                print(made(torch.zeros(shape)))
            except ValueError as error:
                print(error)
    """
    for said, shape in zip(without_shape_checks(script).splitlines(), ("(2, 1, 4, 4)", "(2, 4, 4, 4)", "(3, 4, 4)"), strict=True):
        assert "Lab is a colour space" in said and f"x is {shape}" in said and "(B, 3, H, W)" in said


# ---- surroundings and devices


def test_nothing_depends_on_autocast_or_on_the_default_type():
    x = some()
    expected = normalised_lab(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(normalised_lab(x), expected)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        found = normalised_lab(x)
    finally:
        torch.set_default_dtype(before)
    assert found.dtype == torch.float32 and torch.equal(found, expected)


def test_pixels_are_left_as_they_are_and_there_is_no_gradient():
    x = some() / 255
    kept = x.clone()
    assert not chrominance(x.requires_grad_()).requires_grad and torch.equal(x, kept)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_it_needs_nothing_of_the_device(dtype):
    assert normalised_lab(torch.empty(5, 3, 8, 9, dtype=dtype, device="meta")).shape == (5, 3, 8, 9)


def test_no_tensor_of_constants_is_made_for_which_a_gpu_would_wait(monkeypatch):
    def made(*_, **__):
        raise AssertionError("a tensor of constants is made on the CPU and sent")

    x = some()
    for name in ("tensor", "as_tensor", "from_numpy"):
        monkeypatch.setattr(torch, name, made)
    normalised_lab(x)


def test_views_of_a_step_ask_no_device_for_the_range_of_their_pixels(monkeypatch):
    def asked(*_, **__):
        raise AssertionError("a step asks for the smallest and the largest value")

    monkeypatch.setattr(torch.Tensor, "aminmax", asked)
    assert normalised_lab(some() / 255).shape == (200, 3, 1, 1)


def test_no_images_give_none():
    assert normalised_lab(torch.empty(0, 3, 4, 4, dtype=torch.uint8)).shape == (0, 3, 4, 4)
