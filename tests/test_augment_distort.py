"""Bending, shearing, curves of the histogram and single channels: slow loops are the oracle."""

import numpy as np
import pytest
import torch

from ssl_lab.augment import drop_colours, elastic, tone


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def cubic(distance: float) -> float:
    """Keys' kernel, with -0.75 as torch has it."""
    t, a = abs(distance), -0.75
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def between(points: torch.Tensor, n: int) -> list[float]:
    """A row of points at n places from the first to the last one, points beyond the ends being the end's."""
    m, row = len(points), points.tolist()
    places = [i * (m - 1) / (n - 1) if n > 1 else 0.0 for i in range(n)]
    return [sum(cubic(p - j) * row[min(max(j, 0), m - 1)] for j in range(int(p) - 1, int(p) + 3)) for p in places]


def displaced(points: torch.Tensor, H: int, W: int) -> list[list[float]]:
    """Points (n, n) between which is interpolated, across and then down."""
    rows = [between(row, W) for row in points.double()]
    columns = [between(torch.tensor(column), H) for column in zip(*rows)]
    return [list(row) for row in zip(*columns)]


def sampled(channel: list[list[float]], y: float, x: float) -> float:
    """Between four pixels; the edge is continued outwards."""
    H, W = len(channel), len(channel[0])
    y, x = min(max(y, 0.0), H - 1.0), min(max(x, 0.0), W - 1.0)
    top, left = min(int(y), H - 2), min(int(x), W - 2)
    v, u = y - top, x - left
    upper, lower = ((1 - u) * channel[r][left] + u * channel[r][left + 1] for r in (top, top + 1))
    return (1 - v) * upper + v * lower


def elastic_by_loops(x: torch.Tensor, pixels: torch.Tensor, shear: torch.Tensor) -> torch.Tensor:
    made = torch.empty(x.shape, dtype=torch.float64)
    for b, image in enumerate(x.double()):
        H, W = image.shape[1:]
        across, down = (displaced(points, H, W) for points in pixels[b])
        for k, channel in enumerate(image.tolist()):
            for r in range(H):
                for c in range(W):
                    made[b, k, r, c] = sampled(channel, r + down[r][c], c + float(shear[b]) * (r - (H - 1) / 2) + across[r][c])
    return made


def still(B: int, n: int = 4) -> torch.Tensor:
    return torch.zeros(B, 2, n, n)


# ---- bent and sheared


@pytest.mark.parametrize("H, W", [(8, 8), (6, 9), (9, 5)])
def test_elastic_is_the_loop_over_pixels(H, W):
    x, pixels, shear = drawn(3, 3, H, W), 3 * (drawn(3, 2, 4, 4, seed=1) - 0.5), torch.tensor([0.0, 0.3, -0.7])
    torch.testing.assert_close(elastic(x, pixels, shear).double(), elastic_by_loops(x, pixels, shear), atol=1e-5, rtol=0)


@pytest.mark.parametrize("n", [2, 4, 5])
def test_the_displacement_may_have_any_number_of_points(n):
    x, pixels, shear = drawn(1, 3, 7, 6), 2 * (drawn(1, 2, n, n, seed=1) - 0.5), torch.tensor([0.2])
    torch.testing.assert_close(elastic(x, pixels, shear).double(), elastic_by_loops(x, pixels, shear), atol=1e-5, rtol=0)


@pytest.mark.parametrize("H, W", [(8, 8), (6, 9), (1, 5), (5, 1), (1, 1)])
def test_no_displacement_and_no_shear_change_nothing(H, W):
    x = drawn(4, 3, H, W)
    torch.testing.assert_close(elastic(x, still(4), torch.zeros(4)), x, atol=1e-6, rtol=0)


@pytest.mark.parametrize("which", [0, 1], ids=["across", "down"])
def test_a_displacement_of_1_takes_the_next_pixel_and_the_edge_goes_on(which):
    x, pixels = drawn(2, 3, 6, 7), still(2)
    pixels[:, which] = 1.0
    expected = x[..., [1, 2, 3, 4, 5, 6, 6]] if which == 0 else x[:, :, [1, 2, 3, 4, 5, 5]]
    torch.testing.assert_close(elastic(x, pixels, torch.zeros(2)), expected, atol=1e-5, rtol=0)


def test_a_shear_of_1_moves_every_row_by_its_distance_from_the_middle():
    x = drawn(1, 3, 5, 9)
    made = elastic(x, still(1), torch.ones(1))
    for r in range(5):
        columns = (torch.arange(9) + r - 2).clamp(0, 8)
        torch.testing.assert_close(made[0, :, r], x[0, :, r, columns], atol=1e-5, rtol=0)


def test_every_patch_has_its_own_displacement_and_all_channels_have_it():
    x, pixels = drawn(1, 1, 8, 8).expand(2, 3, 8, 8).contiguous(), still(2)
    pixels[1] = 2 * (drawn(2, 4, 4, seed=1) - 0.5)
    made = elastic(x, pixels, torch.zeros(2))
    torch.testing.assert_close(made[0], x[0], atol=1e-6, rtol=0)
    assert (made[1] - x[1]).abs().mean() > 0.02 and torch.equal(made[:, 0], made[:, 1]) and torch.equal(made[:, 0], made[:, 2])


def test_no_displacement_leads_out_of_what_is_there():
    x = drawn(2, 3, 8, 8)
    made = elastic(x, 1e6 * (drawn(2, 2, 4, 4, seed=1) - 0.5), torch.tensor([50.0, -50.0]))
    assert made.min() >= x.min() - 1e-6 and made.max() <= x.max() + 1e-6


# ---- the curve of the histogram


def shares(B: int, n: int, seed: int = 2) -> torch.Tensor:
    s = 0.2 + drawn(B, 3, n, seed=seed)
    return s / s.sum(2, keepdim=True)


@pytest.mark.parametrize("n", [1, 2, 4, 7])
def test_tone_is_the_curve_through_the_sums_of_the_shares(n):
    x, s = drawn(3, 3, 5, 6), shares(3, n)
    made = tone(x, s)
    for b in range(3):
        for k in range(3):
            heights = np.concatenate([[0.0], np.cumsum(s[b, k].double().numpy())])
            expected = np.interp(x[b, k].double().numpy(), np.arange(n + 1) / n, heights)
            np.testing.assert_allclose(made[b, k].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("n", [1, 4])
def test_equal_shares_change_nothing(n):
    x = drawn(2, 3, 4, 4)
    torch.testing.assert_close(tone(x, torch.full((2, 3, n), 1 / n)), x, atol=1e-6, rtol=0)


def test_the_curve_rises_from_0_to_1():
    x = torch.linspace(0, 1, 1000).expand(20, 3, 1, 1000)
    made = tone(x, shares(20, 4))
    assert (made.diff(dim=3) > 0).all() and (made[..., 0] == 0).all()
    torch.testing.assert_close(made[..., -1], torch.ones(20, 3, 1), atol=1e-6, rtol=0)


# ---- one channel in place of three


def test_the_kept_channel_stands_in_place_of_all_three():
    x = drawn(3, 3, 4, 5)
    made = drop_colours(x, torch.eye(3)[[2, 0, 1]])
    for b, kept in enumerate((2, 0, 1)):
        for k in range(3):
            assert torch.equal(made[b, k], x[b, kept])


def test_what_is_given_stays_as_it_is():
    x = drawn(3, 3, 8, 8)
    given = x.clone()
    elastic(x, drawn(3, 2, 4, 4), torch.ones(3))
    tone(x, shares(3, 4))
    drop_colours(x, torch.eye(3))
    assert torch.equal(x, given)


def test_nothing_waits_for_the_device():
    with torch.device("meta"):
        x, pixels, shear, curve, kept = (torch.empty(3, *shape) for shape in ((3, 8, 6), (2, 4, 4), (), (3, 4), (3,)))
    for made in (elastic(x, pixels, shear), tone(x, curve), drop_colours(x, kept)):
        assert made.shape == x.shape and made.device.type == "meta"
