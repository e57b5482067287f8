"""Neighbours are those that a loop finds; the confused and the typical images are what their names say."""

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.errors import InputError
from ssl_lab.evaluate import most_confused, nearest, typical


def rows(n=40, d=5, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_nearest_are_those_that_a_loop_finds():
    x = rows()
    near = nearest(x, torch.tensor([3, 39, 0]), 6)
    for i, found in zip([3, 39, 0], near.tolist()):
        assert found == sorted((j for j in range(40) if j != i), key=lambda j, i=i: (x[i] - x[j]).norm().item())[:6]


def test_nearest_of_unit_rows_is_nearest_in_cosine():
    z = F.normalize(rows(), dim=1)
    cosine = (z @ z.T).fill_diagonal_(-2)
    assert torch.equal(nearest(z, torch.arange(40), 4), cosine.topk(4).indices)


def test_nearest_of_many_rows_is_that_of_each():
    x = rows(1203, 3)
    assert torch.equal(nearest(x, torch.arange(1203), 2)[[0, 999, 1000, 1202]], nearest(x, torch.tensor([0, 999, 1000, 1202]), 2))


def test_a_row_is_not_its_own_neighbour_even_among_copies():
    near = nearest(torch.ones(5, 2), torch.arange(5), 4)
    assert all(sorted([i, *found]) == list(range(5)) for i, found in enumerate(near.tolist()))


@pytest.mark.parametrize("k", [0, 5])
def test_as_many_neighbours_as_there_are_not_are_refused(k):
    with pytest.raises(InputError, match=f"k={k} neighbours were asked for; choose k from 1 to 4, as there are 5 images"):
        nearest(rows(5), torch.tensor([0]), k)


def test_most_confused_shares_least_and_is_surest_of_it():
    """Rows 4 and 5 share no label with their neighbours; 5 lies closer to its own."""
    angles = torch.tensor([0.0, 0.1, 2.0, 2.1, 0.6, 2.05])
    z = torch.stack([angles.cos(), angles.sin()], dim=1)
    labels = torch.tensor([0, 0, 1, 1, 1, 0])
    near = nearest(z, torch.arange(6), 2)
    assert most_confused(z, labels, near) == 5
    assert most_confused(z, torch.tensor([0, 0, 1, 1, 1, -1]), near) == 4  # what has no label is not confused


def test_most_confused_needs_a_label():
    with pytest.raises(InputError, match="no row has a label"):
        most_confused(rows(4), torch.full((4,), -1), nearest(rows(4), torch.arange(4), 2))


def test_typical_is_nearest_to_the_mean_of_its_class():
    z = F.normalize(rows(30), dim=1)
    labels = torch.arange(30) % 4 - 1
    expected = {}
    for label in range(3):
        mine = [i for i in range(30) if labels[i] == label]
        mean = sum(z[i] for i in mine) / len(mine)
        expected[label] = max(mine, key=lambda i: F.cosine_similarity(z[i], mean, dim=0).item())
    assert typical(z, labels) == expected
