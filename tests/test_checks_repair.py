"""The check of the repair of empty clusters: any donor and any small perturbation pass, and each usual mistake is called by its name.

The mistakes are written one empty cluster after the other.
"""

import pytest
import torch

from ssl_lab import kmeans
from ssl_lab.checks import check_repair

SEEDS = range(5)


def any_full(counts):
    full = (counts > 0).nonzero().flatten()
    return int(full[torch.randint(len(full), ())])


def noise(centroids):
    return 1e-3 * torch.randn(centroids.shape[1])


def one_by_one(centroids, counts, *, donor=any_full, shift=noise, empty=lambda n: n == 0, place=None, at_most=99, last=99, also=None, stale=False):
    """The repair of one cluster after the other; every option is one way to get it wrong.   place: of the new centroid, where it is no copy."""
    new = centroids.clone()
    for j in [j for j in range(len(counts)) if empty(counts[j])][-last:][:at_most]:
        i = j if stale else donor(counts)
        new[j] = (centroids[i] if place is None else place(centroids, counts)) + shift(centroids)
        if also:
            new[i] = also(new[j], centroids[i])
    return new


def wrong(**options):
    return lambda centroids, counts: one_by_one(centroids, counts, **options)


def largest(counts):
    return int(counts.argmax())


def first(counts):
    return int((counts > 0).nonzero()[0])


def same_numbers(centroids, counts):
    torch.manual_seed(0)
    return one_by_one(centroids, counts)


def donors_alone(centroids, counts):
    new = centroids.clone()
    for _ in range(int((counts == 0).sum())):
        new[any_full(counts)] += noise(centroids)
    return new


def mask_turned(centroids, counts):
    return torch.where((counts > 0)[:, None], centroids.roll(1, 0) + noise(centroids), centroids)


def one_noise(centroids, counts):
    """The same for all that are repaired, one donor for each call."""
    shift, donor = noise(centroids), any_full(counts)
    return one_by_one(centroids, counts, shift=lambda c: shift, donor=lambda n: donor)


def scaled(size):
    return lambda centroids: size * centroids.std(0).mean() * torch.randn(centroids.shape[1])


def nothing(centroids):
    return 0


REPAIR = {
    "rows of empty clusters left out": ("rows are missing", lambda centroids, counts: centroids[counts > 0]),
    "only the new rows": ("rows are missing", lambda centroids, counts: one_by_one(centroids, counts)[counts == 0]),
    "turned": ("shape of centroids", lambda centroids, counts: one_by_one(centroids, counts).T),
    "one more dimension": ("shape of centroids", lambda centroids, counts: one_by_one(centroids, counts)[None]),
    "donor alone": ("wrong way round", donors_alone),
    "counts > 0": ("wrong way round", mask_turned),
    "counts <= 1": ("of one point is repaired", wrong(empty=lambda n: n <= 1)),
    "counts ignored": ("all centroids change", wrong(empty=lambda n: True)),
    "noise on all": ("all centroids change", lambda centroids, counts: one_by_one(centroids, counts) + 1e-3 * torch.randn(centroids.shape)),
    "donor moved the other way": ("only the copy gets", wrong(also=lambda new, old: old - (new - old))),
    "donor moved to its copy": ("only the copy gets", wrong(also=lambda new, old: new)),
    "nothing": ("stay where they are: give", lambda centroids, counts: centroids.clone()),
    "first empty cluster": ("only one of the empty", wrong(at_most=1)),
    "last empty cluster": ("only one of the empty", wrong(last=1)),
    "any donor": ("that of an empty cluster", wrong(donor=lambda counts: int(torch.randint(len(counts), ())))),
    "an empty donor": ("that of an empty cluster", wrong(donor=lambda counts: int(counts.argmin()))),
    "own old centroid": ("that of an empty cluster", wrong(stale=True)),
    "no perturbation": ("exactly on its donor", wrong(shift=nothing)),
    "no perturbation of the largest": ("exactly on its donor", wrong(shift=nothing, donor=largest)),
    "mean of all": ("mean of other centroids", wrong(place=lambda centroids, counts: centroids.mean(0))),
    "mean of the others": ("mean of other centroids", wrong(place=lambda centroids, counts: centroids[counts > 0].mean(0))),
    "mean of all points": ("mean of other centroids", wrong(place=lambda centroids, counts: counts / counts.sum() @ centroids, shift=nothing)),
    "noise alone": ("takes the place of a centroid", wrong(place=lambda centroids, counts: 0, shift=lambda c: torch.randn(c.shape[1]))),
    "uniform noise alone": ("takes the place of a centroid", wrong(place=lambda centroids, counts: 0, shift=lambda c: torch.rand(c.shape[1]))),
    "a small noise alone": ("takes the place of a centroid", wrong(place=lambda centroids, counts: 0)),
    "0": ("takes the place of a centroid", wrong(place=lambda centroids, counts: 0, shift=nothing)),
    "one std": ("far from all clusters", wrong(shift=scaled(1))),
    "three std": ("far from all clusters", wrong(shift=scaled(3))),
    "between two clusters": ("far from all clusters", wrong(place=lambda centroids, counts: centroids[[any_full(counts), any_full(counts)]].mean(0))),
    "one perturbation": ("two empty clusters get", one_noise),
    "a fixed perturbation": ("two empty clusters get", wrong(shift=lambda centroids: 1e-3)),
    "largest": ("always the largest", wrong(donor=largest)),
    "first": ("same in every call", wrong(donor=first)),
    "smallest": ("same in every call", wrong(donor=lambda counts: int(counts.where(counts > 1, 99).argmin()))),
    "a seed inside": ("same in every call", same_numbers),
    "stops where none is empty": ("where no cluster is empty", lambda centroids, counts: one_by_one(centroids, counts) + 0 * [*counts].index(0)),
    "moves where none is empty": ("where no cluster is empty", lambda centroids, counts: one_by_one(centroids, counts) + (counts > 0).all()),
}


@pytest.mark.parametrize("words, mistake", REPAIR.values(), ids=REPAIR)
def test_each_usual_mistake_with_the_repair_gets_its_own_hint(called, words, mistake):
    called(check_repair, mistake, words, REPAIR, SEEDS)


def by_rows(centroids, counts):
    """As it is written with tensors."""
    new, empty, full = centroids.clone(), counts == 0, (counts > 0).nonzero().flatten()
    donors = full[torch.randint(len(full), (int(empty.sum()),))]
    new[empty] = centroids[donors] + 0.01 * torch.randn(len(donors), centroids.shape[1])
    return new


def in_proportion(centroids, counts, generator=None):
    if not (counts == 0).any():
        return centroids
    donors = torch.multinomial(counts.float(), int((counts == 0).sum()), replacement=True, generator=generator)
    return centroids.index_copy(0, (counts == 0).nonzero().flatten(), centroids[donors] * (1 + 1e-3 * torch.randn(len(donors), 1)))


@pytest.mark.parametrize(
    "right",
    [
        kmeans.repair,
        one_by_one,
        by_rows,
        in_proportion,
        wrong(shift=scaled(1e-4)),
        wrong(shift=scaled(0.01)),
        wrong(shift=lambda centroids: 1e-2 * torch.rand(centroids.shape[1])),
        wrong(donor=lambda counts: int((counts > 1).double().multinomial(1))),
    ],
)
def test_any_donor_with_points_and_any_small_perturbation_pass(passes, right):
    passes(check_repair, right)


def test_a_repair_in_place_is_refused_by_that_name():
    def in_place(centroids, counts):
        centroids[counts == 0] = centroids[any_full(counts)] + noise(centroids)
        return centroids

    assert "changes its inputs in place" in check_repair(in_place).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in REPAIR.values()}) == len(check_repair.mistakes) + len(check_repair.only)


def test_the_cases_have_empty_clusters_and_at_last_none():
    for seed in SEEDS:
        empty = [int((counts == 0).sum()) for _, counts in check_repair.inputs(seed)]
        assert min(empty[:-1]) > 0 and max(empty) > 1 and empty[-1] == 0
