"""What k-means and whitening promise; the oracles are double loops in float64, scikit-learn's Lloyd and numpy.

Each of these changes of kmeans.py fails a test here (tried by hand):
    assign      without |c|², with all of it, the farthest, the last of several, the filling left out or not masked
    step        divided by all points, an empty cluster moved to 0 or to 0 / 0, the assignment after the move, half precision not lifted
    kmeans      points not centred, first centroids not centred, repair left out, repaired at the end only or before the move, assignment or inertia
                of the old centroids, inertia as a mean, centroids returned without the mean, not rounded as they are returned, the seed ignored,
                overflow not told, half precision not lifted
    repair      no perturbation, one for all, every cluster moved, donors in proportion to n, to 1, or the largest, a share of the coordinates for
                the shift, a shift of 1, no step where all centroids are one, torch's own numbers
    k-means++   distances not squared, to the last chosen point in place of the nearest, by products; random points drawn twice
    whitening   the mean left in the rows or in the covariance, rows of length 1 before, N - 1 for N, variances for standard deviations, the smallest
                directions, a rising order, no sign, rank by rounding alone or without it, half precision not lifted, new rows in their own precision
"""

import math

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from ssl_lab import kmeans as module
from ssl_lab.errors import InputError
from ssl_lab.kmeans import TILE, assign, kmeans, kmeans_step, largest, pca_whiten, repair, spread, start, tiles, whitened_rows
from ssl_lab.stream import generator


def points(N=60, d=3, seed=0, dtype=torch.float64):
    return torch.randn(N, d, generator=generator(seed), dtype=dtype)


def blobs(N=400, k=8, d=4, seed=0, noise=0.1):
    """Points around k centres that are far apart."""
    g = generator(seed)
    return (torch.randn(k, d, generator=g).mul(10)[torch.arange(N) % k] + noise * torch.randn(N, d, generator=g))[torch.randperm(N, generator=g)]


def squared(a, b) -> float:
    return sum((float(p) - float(q)) ** 2 for p, q in zip(a, b))


def nearest(x, centroids) -> list[int]:
    """Of every point, one distance after another."""
    return [min(range(len(centroids)), key=lambda j: squared(row, centroids[j])) for row in x]


def means(x, assignment, centroids):
    """Of every cluster, one point after another; the old centroid where there is none."""
    found = []
    for j, old in enumerate(centroids):
        own = [row for row, cluster in zip(x, assignment) if cluster == j]
        found.append(sum(own) / len(own) if own else old)
    return torch.stack(found)


def distances(x, centroids):
    """All squared distances, by differences in float64."""
    return (x.double()[:, None] - centroids.double()).square().sum(2)


# ---- a step, and Lloyd's algorithm


@pytest.mark.parametrize("N, k, d", [(1, 1, 1), (7, 3, 2), (60, 5, 3), (60, 40, 3)])
def test_a_step_is_the_double_loop(N, k, d):
    x, centroids = points(N, d), points(k, d, seed=1)
    moved, assignment = kmeans_step(x, centroids)
    assert assignment.tolist() == nearest(x, centroids)
    torch.testing.assert_close(moved, means(x, nearest(x, centroids), centroids))


def test_a_step_by_hand():
    """0, 1 and 5 on a line, centroids at 1, 5 and 100: the second moves nowhere, and the third has no point."""
    x, centroids = torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([[1.0], [5.0], [100.0]])
    moved, assignment = kmeans_step(x, centroids)
    assert assignment.tolist() == [0, 0, 1] and moved[:, 0].tolist() == [0.5, 5.0, 100.0]


@pytest.mark.parametrize("iterations", [0, 1, 2, 5])
def test_it_is_lloyds_algorithm(iterations):
    x = points(80)
    found, centroids = kmeans(x, 6, iterations, init=x[:6]), x[:6]
    for _ in range(iterations):
        centroids = means(x, nearest(x, centroids), centroids)
    torch.testing.assert_close(found.centroids, centroids)
    assert found.assignment.tolist() == nearest(x, centroids)
    assert found.counts.tolist() == [nearest(x, centroids).count(j) for j in range(6)]
    assert found.inertia.item() == pytest.approx(sum(squared(row, centroids[j]) for row, j in zip(x, nearest(x, centroids))), rel=1e-12)


@pytest.mark.parametrize("N, k, far", [(2000, 20, 0), (2000, 20, 1e3), (2000, 20, 1e4), (100_000, 30, 10)])
def test_its_inertia_is_that_of_scikit_learn_from_the_same_start(N, k, far):
    x = points(N, 8, dtype=torch.float32) + far
    found, first = kmeans(x, k, 8, init=x[:k]), x[:k].double().numpy()
    peer = KMeans(k, init=first, n_init=1, max_iter=8, tol=0, algorithm="lloyd").fit(x.double().numpy())
    assert found.inertia.item() == pytest.approx(peer.inertia_, rel=1e-5)
    own = (x.double() - found.centroids.double()[found.assignment]).square().sum().item()
    assert own == pytest.approx(peer.inertia_, rel=1e-5)


@pytest.mark.parametrize("far", [0, 1e3, 1e5])
@pytest.mark.parametrize("iterations", [0, 1, 4])
def test_what_is_returned_belongs_together(iterations, far):
    x = points(500, 4, dtype=torch.float32) + far
    found = kmeans(x, 12, iterations)
    exact = distances(x, found.centroids)
    own = exact.gather(1, found.assignment[:, None])[:, 0]
    assert (own - exact.amin(1)).max() <= 1e-4 * exact.mean()
    assert torch.equal(found.counts, found.assignment.bincount(minlength=12))
    assert found.inertia.item() == pytest.approx(own.sum().item(), rel=1e-5)


def test_inertia_never_rises():
    x = points(300, 5)
    inertia = [kmeans(x, 10, iterations, init=x[:10]).inertia.item() for iterations in range(8)]
    assert inertia == sorted(inertia, reverse=True) and inertia[-1] < 0.9 * inertia[0]


@pytest.mark.parametrize("how", ["random", "k-means++"])
def test_the_first_centroids_are_different_points(how):
    x = points(30, 2)
    chosen = kmeans(x, 30, 0, init=how).centroids
    torch.testing.assert_close(chosen[chosen[:, 0].argsort()], x[x[:, 0].argsort()])


def test_a_seed_is_one_clustering():
    x = points(300, 5)
    for how in ("random", "k-means++"):
        one, again, other = (kmeans(x, 10, 3, init=how, seed=seed) for seed in (1, 1, 2))
        assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(again).values()))
        assert not torch.equal(one.centroids, other.centroids)
    kmeans(x, 10, 1, seed=-(2**70))


# ---- how it is computed cannot be seen


@pytest.mark.parametrize("size", [1, 7, 10**6])
@pytest.mark.parametrize("k", [1, 33, 90])
def test_the_size_of_tiles_cannot_be_seen(size, k, monkeypatch):
    x = points(130, 4, dtype=torch.float32)
    before = kmeans(x, k, 3)
    monkeypatch.setattr(module, "TILE", size)
    after = kmeans(x, k, 3)
    assert torch.equal(before.assignment, after.assignment)
    torch.testing.assert_close(before.inertia, after.inertia)


def test_another_device_assigns_in_larger_tiles_and_needs_no_numpy():
    x = torch.empty(65 * TILE, 3, device="meta")
    assert [len(part) for part in tiles(x)] == [64 * TILE, TILE] and {len(part) for part in tiles(torch.empty(3 * TILE, 3))} == {TILE}
    found = assign(x, x[:5])
    assert (found.shape, found.dtype, found.device.type) == (x.shape[:1], torch.int64, "meta")


@pytest.mark.parametrize("k", [32, 64, 320])
def test_the_largest_is_the_first_of_several(k):
    scores = torch.randint(0, 3, (50, k), generator=generator(0)).float()
    assert largest(scores).tolist() == [row.index(max(row)) for row in scores.tolist()]
    assert largest(torch.full((2, k), -math.inf)).tolist() == [0, 0]


@pytest.mark.parametrize("k", [2, 7, 33, 50])
@pytest.mark.parametrize("d", [3, 32, 256])
def test_all_centroids_are_equal_and_the_first_is_taken(k, d):
    """The last columns of a product of matrices may be rounded otherwise than the first."""
    x, one = points(300, d, dtype=torch.float32), points(1, d, seed=1, dtype=torch.float32)
    assert assign(x, one.repeat(k, 1)).unique().tolist() == [0]


def test_of_equal_centroids_the_first_is_taken():
    x, centroids = points(40, 3, dtype=torch.float32), points(20, 3, seed=1, dtype=torch.float32)
    once = assign(x, centroids)
    assert torch.equal(assign(x, centroids.repeat(5, 1)), once)


@pytest.mark.parametrize("k", [1, 5, 33])
def test_points_whose_scores_are_all_negative_find_their_centroid(k):
    x = 10 + points(40, 3)
    assert assign(x, -x[:k]).tolist() == nearest(x, -x[:k])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_lifted_before_anything_is_computed(dtype):
    """In bfloat16 a sum of 300 equal numbers ends at 256 of them."""
    x, y = (2 + points(3000, 4, seed, torch.float32).to(dtype) for seed in range(2))
    for given, lifted in zip((x, x, x), (x.float(),) * 3):
        found, exact = kmeans(given, 3, 3, init=given[:3]), kmeans(lifted, 3, 3, init=lifted[:3])
        assert all(torch.equal(a, b) for a, b in zip(vars(found).values(), vars(exact).values()))
    assert torch.equal(kmeans_step(x, y[:3])[0], kmeans_step(x.float(), y[:3].float())[0])
    assert torch.equal(pca_whiten(x, 3)(y), pca_whiten(x.float(), 3)(y.float()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_have_the_precision_given_and_no_gradient(dtype):
    x = points(40, dtype=dtype).requires_grad_()
    found = kmeans(x, 3, init=points(3, seed=1, dtype=torch.float32))
    assert found.centroids.dtype == found.inertia.dtype == pca_whiten(x, 2).matrix.dtype == dtype
    assert not any(value.requires_grad for value in (found.centroids, found.inertia, *kmeans_step(x, x[:3]), pca_whiten(x, 2).matrix))


def test_nothing_that_is_given_changes_nor_torchs_random_numbers():
    x, state = points(40), torch.get_rng_state()
    before, init = x.clone(), x[:5].clone()
    kmeans(x, 5, init=init), kmeans(x, 5, init="k-means++"), kmeans_step(x, init), pca_whiten(x, 2)(x)
    repair(init, torch.tensor([0, 9, 0, 9, 9]), generator(0))
    assert torch.equal(x, before) and torch.equal(init, x[:5]) and torch.equal(torch.get_rng_state(), state)


# ---- empty clusters

COUNTS = torch.tensor([0, 1, 1, 5, 1, 0, 0])


def test_an_empty_cluster_takes_a_place_beside_a_donor_and_the_others_stay():
    centroids = points(7, 4)
    repaired = repair(centroids, COUNTS, generator(0))
    assert torch.equal(repaired[1:5], centroids[1:5])
    moves = (repaired - centroids[3])[COUNTS == 0]
    scale = centroids.std(0, correction=0).mean().item() / 1024
    assert all(0.1 * scale < move.square().mean().sqrt() < 3 * scale for move in moves)
    assert len(moves.unique(dim=0)) == 3  # a donor that is drawn again gives another copy


def test_a_donor_is_drawn_in_proportion_to_its_points_but_one():
    counts, centroids = torch.tensor([1, 2, 4, *[0] * 4000]), torch.zeros(4003, 1, dtype=torch.float64)
    centroids[:3, 0] = torch.tensor([-100.0, 0, 100])
    copies = repair(centroids, counts, generator(0))[3:, 0].div(100).round().long()
    shares = [(copies == place).double().mean().item() for place in (-1, 0, 1)]
    assert shares == pytest.approx([0, 1 / 4, 3 / 4], abs=0.03)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("far, scale", [(0, 1), (0, 1e-3), (100, 1)])
def test_the_points_are_divided_between_the_two(far, scale, seed):
    x = scale * points(1000, 4, dtype=torch.float32) + far
    centroids = torch.stack([x.mean(0), x.mean(0) + 50 * scale])
    counts = assign(x, repair(centroids, torch.tensor([1000, 0]), generator(seed))).bincount(minlength=2)
    assert 0.25 < counts[0] / 1000 < 0.75


def test_centroids_that_are_all_one_are_divided_too():
    x = points(1000, 4, dtype=torch.float32)
    for centre, scale in ((0.0, 1.0), (0.0, 1e-4), (0.5, 1.0), (1000.0, 1.0)):
        centroids = torch.full((2, 4), centre)
        repaired = repair(centroids, torch.tensor([1000, 0]), generator(0))
        assert assign(centre + scale * x, repaired).bincount(minlength=2).min() > 100


def test_the_place_of_the_origin_changes_no_repair():
    centroids = points(7, 4)
    near, far = (repair(centroids + shift, COUNTS, generator(0)) - shift for shift in (0, 1000))
    torch.testing.assert_close(near, far, atol=1e-9, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_copy_in_half_precision_is_not_rounded_back_to_its_donor(dtype):
    centroids = (3 + points(7, 4)).to(dtype)
    repaired = repair(centroids, COUNTS, generator(0))
    assert (repaired != centroids[3].float())[COUNTS == 0].all()


@pytest.mark.parametrize("counts", [[3, 2, 1], [1, 1, 0], [0, 0, 0]])
def test_without_an_empty_cluster_or_without_a_donor_nothing_moves(counts):
    centroids = points(3)
    assert torch.equal(repair(centroids, torch.tensor(counts)), centroids)


def test_a_repair_draws_from_the_generator_or_from_torch():
    centroids = points(7, 4)
    assert torch.equal(*(repair(centroids, COUNTS, generator(3)) for _ in range(2)))
    assert not torch.equal(*(repair(centroids, COUNTS, generator(seed)) for seed in (3, 4)))
    with torch.random.fork_rng():
        found = [(torch.manual_seed(0), repair(centroids, COUNTS))[1] for _ in range(2)]
    assert torch.equal(*found)


def test_a_start_that_leaves_most_clusters_empty_ends_without_one():
    x = points(2000, 4)
    first = torch.cat([x[:2], 1e3 + points(30, 4, seed=1)])
    found = kmeans(x, 32, init=first)
    assert found.counts.min() > 0
    assert found.inertia.item() < 1.1 * kmeans(x, 32).inertia.item()


def test_every_iteration_is_repaired_the_last_one_too(monkeypatch):
    x, calls = points(100, 2), []
    monkeypatch.setattr(module, "repair", lambda *given: calls.append(given[1].tolist()) or repair(*given))
    found = kmeans(x, 2, 1, init=torch.tensor([[0.0, 0.0], [99.0, 99.0]], dtype=torch.float64))
    assert calls == [[100, 0]] and found.counts.min() > 20
    torch.testing.assert_close(found.centroids[0], x.mean(0))  # the donor, which had moved before the repair
    kmeans(x, 5, 7)
    assert len(calls) == 8


# ---- cases in which there is little to find


HARD = {
    "one point": torch.ones(1, 3),
    "as many clusters as points": points(9, dtype=torch.float32),
    "identical points": torch.full((9, 3), 0.1),
    "identical points far away": torch.full((9, 3), 12345.678),
    "zeros": torch.zeros(9, 3),
    "more clusters than distinct points": torch.eye(3).repeat(3, 1),
    "one column": torch.arange(9.0)[:, None],
    "one far point": torch.cat([points(8, dtype=torch.float32), torch.full((1, 3), 1e6)]),
    "large numbers": 1e12 * points(9, dtype=torch.float32),
}


@pytest.mark.parametrize("how", ["random", "k-means++", "the first points", "one place"])
@pytest.mark.parametrize("name", HARD)
def test_it_ends_finite(name, how):
    x = HARD[name]
    k = len(x)
    init = {"the first points": x, "one place": x[:1].expand(k, -1)}.get(how, how)
    found = kmeans(x, k, init=init)
    assert found.centroids.isfinite().all() and found.inertia.isfinite() and int(found.counts.sum()) == k
    if how != "one place":
        assert found.inertia <= 1e-6 * x.square().sum()


def test_duplicates_are_one_cluster_each():
    x = points(10, dtype=torch.float32).repeat(10, 1)
    found = kmeans(x, 10, 0, init="k-means++")
    assert found.counts.tolist() == [10] * 10 and found.inertia < 1e-10


@pytest.mark.parametrize("wrong, words", [
    (lambda x: kmeans(x.index_fill(0, torch.tensor([3, 5]), math.nan), 3), "2 of 60 rows hold NaN or infinity"),
    (lambda x: kmeans(x.index_fill(0, torch.tensor([3]), -math.inf), 3), "1 of 60 rows hold NaN"),
    (lambda x: kmeans(x[:0], 1), r"at least one row and column; got a tensor of the shape \(0, 3\)"),
    (lambda x: kmeans(x[:, :0], 1), "at least one row and column"),
    (lambda x: kmeans(1e30 * x.float(), 3), "overflow; divide the points"),
    (lambda x: kmeans(x, 0), "k=0 must be a whole number from 1"),
    (lambda x: kmeans(x, True), "k=True must be a whole number"),
    (lambda x: kmeans(x, 61), "k=61 clusters of 60 points: .* use k=60 or fewer"),
    (lambda x: kmeans(x, 3, -1), "iterations=-1 must be a whole number from 0"),
    (lambda x: kmeans(x, 3, init="kmeans++"), r"init 'kmeans\+\+' is unknown; there are: random, k-means\+\+, a tensor"),
    (lambda x: kmeans(x, 3, init=math.nan * x[:3]), "init holds NaN"),
    (lambda x: start(x, 3, x[:4], generator(0)), r"init has the shape \(4, 3\); 3 centroids of 3 numbers"),
    (lambda x: start(x, 3, x[:3, :2], generator(0)), r"init has the shape \(3, 2\)"),
    (lambda x: pca_whiten(math.nan * x, 2), "60 of 60 rows hold NaN"),
    (lambda x: pca_whiten(x, 0), "dim=0 must be a whole number from 1"),
    (lambda x: pca_whiten(x, 4), "whitening to 4 dimensions: 60 rows of 3 features vary in 3 directions; use 3 or fewer"),
    (lambda x: pca_whiten(x[:2], 2), "2 rows of 3 features vary in 1 directions; use 1"),
    (lambda x: pca_whiten(x, 2)(x[:, :2]), "the rows have 2 features; this map was made from rows of 3"),
])
def test_what_has_no_answer_is_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        wrong(points())


def test_what_is_no_table_of_points_is_refused(without_shape_checks):
    script = """
        import numpy, torch
        from ssl_lab.kmeans import kmeans, pca_whiten
        x = torch.randn(20, 3)
        for do in (lambda: kmeans(x[0], 2), lambda: kmeans(x.numpy(), 2), lambda: pca_whiten(x[None], 2), lambda: kmeans(x, 2, init=x[:2, :2]),
                   lambda: kmeans(x, 2.5), lambda: kmeans(x, 2, init=None)):
            try:
                do()
            except ValueError as error:
                print(error)
        print(kmeans((10 * x).long(), numpy.int64(2), numpy.int64(3)).counts.sum().item())
    """
    flat, array, deep, narrow, part, none, done = without_shape_checks(script).splitlines()
    assert "rows of a tensor (N, d)" in flat and "(3,)" in flat and "got a ndarray" in array and "(1, 20, 3)" in deep
    assert "init has the shape (2, 2)" in narrow and "k=2.5" in part and "init None is unknown" in none
    assert done == "20"


# ---- k-means++


def test_the_next_point_is_drawn_in_proportion_to_its_squared_distance():
    """0, 1 and 3 on a line. The first is any of them; from 0 the others weigh 1 and 9, from 1 they weigh 1 and 4, from 3 they weigh 9 and 4."""
    x, draw = torch.tensor([[0.0], [1.0], [3.0]]), generator(0)
    drawn = [tuple(sorted(spread(x, 2, draw)[:, 0].tolist())) for _ in range(3000)]
    shares = [drawn.count(pair) / 3000 for pair in ((0, 1), (0, 3), (1, 3))]
    assert shares == pytest.approx([(1 / 10 + 1 / 5) / 3, (9 / 10 + 9 / 13) / 3, (4 / 5 + 4 / 13) / 3], abs=0.03)


def test_a_distance_is_that_to_the_nearest_point_that_is_chosen():
    """Two places: the third point of three is any, and never the same place again before both are taken."""
    x = torch.tensor([[0.0], [0.0], [0.0], [1e4], [1e4 + 1]])
    for seed in range(50):
        assert spread(x, 3, generator(seed))[:, 0].unique().tolist() == [0, 1e4, 1e4 + 1]


def test_separated_blobs_are_found_better_than_from_random_points():
    found = {how: [kmeans(blobs(seed=seed), 8, 5, init=how, seed=seed).inertia.item() for seed in range(10)] for how in ("random", "k-means++")}
    assert np.median(found["k-means++"]) < 0.1 * np.median(found["random"])
    assert sum(found["k-means++"]) < 0.5 * sum(found["random"])


# ---- whitening


def whitened(x, dim):
    """numpy's, from the singular values."""
    x = x.double().numpy()
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    return math.sqrt(len(x)) * u[:, :dim]


def skewed(N=300, d=6, seed=0):
    """Rows whose directions have different variances and whose mean is not 0."""
    return (points(N, d, seed) * torch.logspace(0, -1.5, d, dtype=torch.float64)) @ points(d, d, seed=9) + 3


@pytest.mark.parametrize("dim", [1, 3, 6])
@pytest.mark.parametrize("tile", [7, 1024])
def test_whitened_rows_have_mean_0_and_unit_covariance_and_are_numpys_but_for_a_rotation(dim, tile, monkeypatch):
    monkeypatch.setattr(module, "TILE", tile)
    x = skewed()
    z = pca_whiten(x, dim)(x)
    assert z.shape == (300, dim) and z.mean(0).abs().max() < 1e-9
    torch.testing.assert_close(z.T @ z / 300, torch.eye(dim, dtype=torch.float64), atol=1e-9, rtol=0)
    right = torch.from_numpy(whitened(x, dim))
    torch.testing.assert_close(z @ z.T, right @ right.T, atol=1e-8, rtol=0)


@pytest.mark.parametrize("far", [0, 100])
def test_whitening_in_float32_is_exact_to_its_rounding(far):
    x = skewed().float() + far
    z = pca_whiten(x, 4)(x).double()
    right = torch.from_numpy(whitened(x, 4))
    torch.testing.assert_close(z @ z.T, right @ right.T, atol=2e-5 * (10 + far), rtol=0)


def test_directions_come_by_falling_variance_and_their_largest_entry_is_positive():
    x = skewed()
    found = pca_whiten(x, 6)
    lengths = found.matrix.norm(dim=0)  # 1 / standard deviation
    assert lengths.tolist() == sorted(lengths.tolist())
    assert torch.equal(found.matrix.abs().amax(0), found.matrix.amax(0))
    for turn in (x[:, [0, 1, 2, 3, 4, 5]], x.flip(0)):
        torch.testing.assert_close(pca_whiten(turn, 6).matrix, found.matrix)
    for dim in (1, 4):
        assert torch.equal(pca_whiten(x, dim).matrix, found.matrix[:, :dim])


def test_a_whitening_serves_new_rows():
    x, new = skewed(), skewed(20, seed=1)
    found = pca_whiten(x, 4)
    torch.testing.assert_close(found(new), (new - x.mean(0)) @ found.matrix)
    torch.testing.assert_close(found(torch.cat([x, new]))[300:], found(new))
    torch.testing.assert_close(pca_whiten(x.float(), 4)(new), found(new).float(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_rows_for_k_means_are_whitened_first_and_have_length_1_then(dtype):
    x = skewed().to(dtype)
    right = torch.from_numpy(whitened(x, 4))
    right = right / right.norm(dim=1, keepdim=True)
    z = whitened_rows(x, 4)
    assert z.shape == (300, 4) and z.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(z.double() @ z.double().T, right @ right.T, atol=1e-9 if dtype == torch.float64 else 1e-3, rtol=0)
    early = torch.nn.functional.normalize(x, dim=1)
    assert (whitened_rows(early, 4) @ whitened_rows(early, 4).T - z @ z.T).abs().max() > 0.1


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
@pytest.mark.parametrize("noise", [0, 1])
def test_rows_that_are_equal_but_for_rounding_have_collapsed(value, noise):
    x = torch.full((3000, 5), value)
    x = x * (1 + noise * torch.finfo(torch.float32).eps * torch.randint(-1, 2, x.shape, generator=generator(0)))
    with pytest.raises(InputError, match="vary in 0 directions; all rows are equal: has the network collapsed"):
        pca_whiten(x, 2)


def test_a_constant_feature_and_a_repeated_one_are_no_directions():
    x = points(200, 3, dtype=torch.float32)
    x = torch.cat([x, x[:, :1], torch.full((200, 1), 1e6), 1e-3 * x[:, 1:2]], 1)
    with pytest.raises(InputError, match=r"200 rows of 6 features vary in 3 directions; use 3 or fewer; .*features collapse"):
        pca_whiten(x, 4)
    z = pca_whiten(x, 3)(x)
    torch.testing.assert_close(z.T @ z / 200, torch.eye(3), atol=1e-4, rtol=0)


def test_a_repeated_feature_of_mean_0_is_no_direction():
    x = points(100, 3)
    x = torch.cat([x, -x])
    with pytest.raises(InputError, match="vary in 3 directions"):
        pca_whiten(torch.cat([x, x @ points(3, 2, seed=1)], 1), 4)
