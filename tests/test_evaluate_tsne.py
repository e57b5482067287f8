"""What t-SNE's map promises: neighbours stay neighbours, and a map that follows another lies as it does."""

import math

import pytest
import torch

from ssl_lab.errors import InputError
from ssl_lab.evaluate.tsne import tsne

GROUPS, EACH = 5, 16


@pytest.fixture(scope="module")
def z():
    """Five groups, far apart in ten dimensions."""
    draw = torch.Generator().manual_seed(0)
    return (4 * torch.randn(GROUPS, 1, 10, generator=draw) + 0.3 * torch.randn(GROUPS, EACH, 10, generator=draw)).flatten(0, 1)


@pytest.fixture(scope="module")
def xy(z):
    return tsne(z)


def neighbours(xy):
    """Of every row the group of its nearest other one."""
    return (torch.cdist(xy, xy) + torch.eye(len(xy)) * 1e9).argmin(1) // EACH


def test_neighbours_stay_neighbours_and_the_middle_is_zero(z, xy):
    assert torch.equal(neighbours(xy), torch.arange(len(z)) // EACH)
    torch.testing.assert_close(xy.mean(0), torch.zeros(2), atol=1e-4, rtol=0)


def test_the_same_rows_give_the_same_map_and_random_numbers_are_left_alone(z, xy):
    state = torch.get_rng_state()
    assert torch.equal(tsne(z), xy)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_map_that_follows_lies_as_the_one_before_however_that_is_turned(z, xy, mirrored):
    turn = torch.tensor([[math.cos(2), math.sin(2)], [-math.sin(2), math.cos(2)]])
    before = xy @ turn * torch.tensor([-1.0 if mirrored else 1.0, 1.0])
    kept = before.clone()
    after = tsne(z + 0.1 * torch.randn(z.shape, generator=torch.Generator().manual_seed(1)), before)
    assert torch.equal(before, kept)
    assert torch.equal(neighbours(after), torch.arange(len(z)) // EACH)
    middles, were = (rows.view(GROUPS, EACH, 2).mean(1) for rows in (after, before))
    assert torch.cdist(middles, were).argmin(1).tolist() == [*range(GROUPS)]


def test_of_all_turns_the_nearest_one_is_taken(z, xy):
    after = tsne(z, xy)
    error = (after - xy).square().sum()
    for angle in (0.1, -0.1, 1.0, math.pi):
        turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        assert (after @ turn - xy).square().sum() > error


@pytest.mark.parametrize("rows", [3, 4, 10])
def test_a_few_rows_have_a_map(rows, z):
    assert tsne(z[:rows]).isfinite().all()


def test_what_has_no_map_is_refused(z):
    with pytest.raises(InputError, match="a map needs at least 3 points, and there are 2"):
        tsne(z[:2])
    broken = z.clone()
    broken[3, 1] = torch.nan
    with pytest.raises(InputError, match="1 of 80 rows"):
        tsne(broken)
