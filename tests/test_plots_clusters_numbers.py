"""What is said of clusters is counted: sizes, purity, and which come first."""

import numpy as np
import pytest

from ssl_lab.errors import InputError
from ssl_lab.plots.clusters.numbers import ORDERS, Clustering

CLASSES = ("ring", "star", "heart")


def clustering(assignment=(0, 0, 0, 1, 1, 3, 3, 3, 3), labels=(0, 0, 1, 2, 2, 0, 1, 2, -1), sizes=(3, 2, 0, 4), classes=CLASSES):
    return Clustering(np.array(assignment), np.array(labels), classes, np.array(sizes))


def test_purity_is_the_share_of_the_most_frequent_class_of_those_with_a_label():
    np.testing.assert_allclose(clustering().purity, [2 / 3, 1, np.nan, 1 / 3])
    assert clustering().pure(0) == "67% ring" and clustering().pure(1) == "100% heart"


def test_purity_is_that_of_a_double_loop():
    draw = np.random.default_rng(0)
    y, labels = draw.integers(7, size=200), draw.integers(-1, 5, size=200)
    found = clustering(y, labels, np.bincount(y, minlength=7)).purity
    for cluster in range(7):
        known = [label for own, label in zip(y, labels, strict=True) if own == cluster and label >= 0]
        assert found[cluster] == max(known.count(kind) for kind in range(5)) / len(known)


def test_a_cluster_in_words():
    found = clustering(sizes=(3, 1, 0, 1234))
    assert [found.said(cluster) for cluster in range(4)] == [
        "cluster 0: 3 images, 67% ring", "cluster 1: 1 image, 100% heart", "cluster 2: empty", "cluster 3: 1,234 images, 33% ring",
    ]  # fmt: skip
    assert (len(found), found.empty) == (4, 1)


def test_without_labels_nobody_knows_how_pure_a_cluster_is():
    found = clustering(labels=[-1] * 9)
    assert np.isnan(found.purity).all() and found.said(0) == "cluster 0: 3 images, no labels"
    assert found.ordered("purest", 4) == [0, 1, 2, 3]


@pytest.mark.parametrize("by, order", [*zip(ORDERS, [[3, 0, 1, 2], [2, 1, 0, 3], [1, 0, 3, 2], [3, 0, 1, 2]], strict=True)])
def test_clusters_in_order(by, order):
    """An empty cluster is the smallest, and the last where purity counts."""
    assert clustering().ordered(by, 9) == order
    assert clustering().ordered(by, 2) == order[:2]


def test_another_order_is_refused():
    with pytest.raises(InputError, match="order 'nicest' is unknown; there are: largest, smallest, purest, least pure"):
        clustering().ordered("nicest", 3)
