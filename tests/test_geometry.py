"""What the three numbers of an embedding promise, against pairs taken one by one and singular values written down; two labellings too."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import normalized_mutual_info_score

from ssl_lab import geometry
from ssl_lab.errors import InputError
from ssl_lab.geometry import alignment, effective_rank, nmi, uniformity


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


# ---- normalised mutual information


def labels(N, C, seed=0):
    return torch.randint(0, C, (N,), generator=torch.Generator().manual_seed(seed))


def nmi_by_hand(a, b):
    """I(a; b) / mean of H(a) and H(b), one pair of groups after another."""
    N, a, b, information, entropy = len(a), a.tolist(), b.tolist(), 0.0, 0.0
    for i in set(a):
        for j in set(b):
            both = sum((p, q) == (i, j) for p, q in zip(a, b)) / N
            information += both * math.log(both / (a.count(i) / N * b.count(j) / N)) if both else 0
    for side in (a, b):
        entropy -= sum(side.count(i) / N * math.log(side.count(i) / N) for i in set(side)) / 2
    return information / entropy


@pytest.mark.parametrize("N, A, B", [(10, 2, 3), (60, 5, 5), (60, 40, 3), (500, 7, 100)])
def test_nmi_is_the_sum_over_pairs_of_groups_and_scikit_learns(N, A, B):
    a, b = labels(N, A), labels(N, B, seed=1)
    b = torch.where(labels(N, 2, seed=2) > 0, a, b)  # they share something
    assert nmi(a, b).item() == pytest.approx(nmi_by_hand(a, b), abs=1e-6)
    assert nmi(a, b).item() == pytest.approx(normalized_mutual_info_score(a, b), abs=1e-6)
    assert nmi(a, b) == nmi(b, a)


@pytest.mark.parametrize("a, b, value", [
    ([0, 0, 1, 1], [0, 1, 0, 1], 0.0), ([0, 0, 1, 1], [0, 0, 1, 2], 0.8), ([0, 0, 1, 1], [1, 1, 0, 0], 1.0), ([0, 1, 2], [7, 7, 7], 0.0),
    ([0, 0], [3, 3], 1.0), ([5], [2], 1.0), ([10**12, 10**12, 2**62, 0], [1, 1, 0, 2], 1.0),
])
def test_nmi_by_hand(a, b, value):
    """[0, 0, 1, 2]: entropies log 2 and 1.5 log 2, and information log 2: 1 / 1.25. The geometric mean would give .816, the largest 2 / 3."""
    assert nmi(torch.tensor(a), torch.tensor(b)).item() == pytest.approx(value, abs=1e-6)


def test_nmi_knows_no_names_of_groups_and_no_order_of_images_but_that_of_both():
    a, b = labels(200, 6), labels(200, 4, seed=1)
    names, order = torch.randperm(6, generator=torch.Generator().manual_seed(2)), torch.randperm(200, generator=torch.Generator().manual_seed(3))
    assert nmi(a, names[a]).item() == nmi(a, a).item() == 1
    assert nmi(7 * names[a] + 3, b).item() == pytest.approx(nmi(a, b).item(), abs=1e-6) == pytest.approx(nmi(a[order], b[order]).item(), abs=1e-6)
    assert nmi(a, a[order]) < 0.1


def test_nmi_is_a_scalar_from_0_to_1():
    found = [nmi(labels(30, C, seed), labels(30, C, seed + 1)) for C in (1, 2, 30, 1000) for seed in range(20)]
    assert all(value.shape == () and value.dtype == torch.float32 and 0 <= value <= 1 for value in found)


def test_nmi_refuses_what_it_cannot_compare(without_shape_checks):
    with pytest.raises(InputError, match="label is negative"):
        nmi(labels(9, 3), labels(9, 3) - 1)
    with pytest.raises(InputError, match="got 0 and 0"):
        nmi(labels(0, 3), labels(0, 3))
    script = """
        import torch
        from ssl_lab.geometry import nmi
        try:
            nmi(torch.zeros(3).long(), torch.zeros(4).long())
        except ValueError as error:
            print(error)
    """
    assert "got 3 and 4" in without_shape_checks(script)
