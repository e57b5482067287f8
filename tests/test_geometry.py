"""What the three numbers of an embedding promise, against pairs taken one by one and singular values written down."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_lab import geometry
from ssl_lab.errors import InputError
from ssl_lab.geometry import alignment, effective_rank, uniformity


def rows(N, d, seed=0, dtype=torch.float64):
    return torch.randn(N, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_alignment_is_the_mean_squared_distance_of_unit_rows():
    z1, z2 = rows(7, 3), rows(7, 3, seed=1)
    by_hand = [sum((a / a.norm() - b / b.norm()) ** 2).item() for a, b in zip(z1, z2)]
    assert alignment(z1, z2).item() == pytest.approx(sum(by_hand) / 7, abs=1e-12)


@pytest.mark.parametrize("angle, value", [(0, 0), (60, 1), (90, 2), (180, 4)])
def test_alignment_of_two_rows_at_an_angle(angle, value):
    turned = torch.tensor([[math.cos(math.radians(angle)), math.sin(math.radians(angle))]], dtype=torch.float64)
    assert alignment(torch.tensor([[3.0, 0.0]], dtype=torch.float64), 5 * turned).item() == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("N, panel", [(2, 512), (9, 512), (9, 4), (8, 4), (30, 7)])
@pytest.mark.parametrize("t", [0.5, 2.0])
def test_uniformity_takes_every_pair_once(N, panel, t, monkeypatch):
    monkeypatch.setattr(geometry, "PANEL", panel)
    z = rows(N, 3)
    u = F.normalize(z, dim=1)
    potentials = [math.exp(-t * ((u[i] - u[j]) ** 2).sum()) for i in range(N) for j in range(i)]
    assert uniformity(z, t).item() == pytest.approx(math.log(sum(potentials) / len(potentials)), abs=1e-12)


def test_uniformity_by_hand():
    """Two opposite rows: |difference|² = 4. Four at right angles: two distances of 4 and four of 2."""
    square = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    assert uniformity(square[::2]).item() == pytest.approx(-8, abs=1e-5)
    assert uniformity(square).item() == pytest.approx(math.log((2 * math.exp(-8) + 4 * math.exp(-4)) / 6), abs=1e-5)


def test_a_collapsed_embedding_is_aligned_and_not_uniform_and_of_rank_one():
    z = torch.ones(20, 8) * torch.linspace(1, 2, 20)[:, None]
    assert alignment(z, z.flip(0)).item() == pytest.approx(0, abs=1e-6)
    assert uniformity(z).item() == pytest.approx(0, abs=1e-6)
    assert effective_rank(z).item() == pytest.approx(1, abs=1e-4)


def test_uniformity_and_alignment_ignore_the_length_of_rows():
    z1, z2, lengths = rows(20, 4), rows(20, 4, seed=1), torch.logspace(-2, 2, 20, dtype=torch.float64)[:, None]
    assert uniformity(z1 * lengths).item() == pytest.approx(uniformity(z1).item(), abs=1e-12)
    assert alignment(z1 * lengths, z2 / lengths).item() == pytest.approx(alignment(z1, z2).item(), abs=1e-12)


@pytest.mark.parametrize("d", [1, 3, 8])
def test_equal_singular_values_fill_every_direction(d):
    assert effective_rank(torch.eye(8, d)).item() == pytest.approx(d, abs=1e-5)


def test_effective_rank_by_hand():
    """Singular values 3 and 1: shares 3/4 and 1/4."""
    z = torch.tensor([[3.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert effective_rank(z).item() == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)), abs=1e-5)


@pytest.mark.parametrize("shape", [(50, 6), (6, 50)])
def test_effective_rank_agrees_with_numpy_and_is_not_centred(shape):
    z = rows(*shape) + 1
    s = np.linalg.svd(z.numpy(), compute_uv=False)
    p = s / s.sum()
    assert effective_rank(z).item() == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-10)
    assert effective_rank(z - z.mean(0)).item() != pytest.approx(effective_rank(z).item(), rel=0.01)


def test_effective_rank_knows_no_scale_and_no_rotation():
    z = rows(30, 5)
    turn, _ = torch.linalg.qr(rows(5, 5, seed=1))
    assert effective_rank(1e6 * z @ turn).item() == pytest.approx(effective_rank(z).item(), rel=1e-10)


def test_rows_of_zeros_fill_one_direction_at_most():
    assert effective_rank(torch.zeros(4, 3)).item() == 1


def test_a_nan_spreads_and_stops_nothing():
    z = rows(6, 3)
    z[2, 1] = math.nan
    assert all(number.isnan() for number in (alignment(z, z), uniformity(z), effective_rank(z)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_come_as_scalars_in_the_precision_given_and_without_a_gradient(dtype):
    z = rows(6, 3, dtype=dtype).requires_grad_()
    for number in (alignment(z, z), uniformity(z), effective_rank(z)):
        assert number.shape == ()
        assert number.dtype == dtype
        assert not number.requires_grad


def test_nothing_waits_for_the_device():
    z = torch.empty(1100, 8, device="meta")
    assert [number.device.type for number in (alignment(z, z), uniformity(z), effective_rank(z))] == ["meta"] * 3


def test_one_row_has_no_pair():
    with pytest.raises(InputError, match="got 1 row"):
        uniformity(torch.ones(1, 3))
