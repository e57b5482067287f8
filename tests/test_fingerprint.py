"""A run knows its images again: as many, of one shape, the same pixels and labels in the same order; and nothing else changes what it says."""

from dataclasses import replace

import pytest
import torch

from ssl_lab.data import Images, load
from ssl_lab.fingerprint import LOOKED_AT, fingerprint


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=40, size=16)


def changed(x, row, value):
    made = x.clone()
    made[row] = value
    return made


CHANGES = {
    "half of them": lambda images: images[:20],
    "others": lambda images: load("scenes", "test", limit=40, size=16),
    "larger ones": lambda images: load("scenes", limit=40, size=32),
    "one pixel": lambda images: replace(images, x=changed(images.x, (7, 1, 3, 3), 255 - images.x[7, 1, 3, 3])),
    "labels the other way round": lambda images: replace(images, labels=9 - images.labels),
    "one label less": lambda images: replace(images, labels=changed(images.labels, 3, -1)),
    "another order": lambda images: images[list(range(40))[::-1]],
    "an index": lambda images: replace(images, index=torch.arange(40).flip(0)),
    "drawn twice": lambda images: images.repeated(80),
    "depth": lambda images: replace(images, depth=images.depth + 1),
    "soft labels": lambda images: replace(images, targets=torch.ones(40, 10) / 10),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_images_are_told(images, change):
    assert fingerprint(images, ("x", "depth")) != fingerprint(CHANGES[change](images), ("x", "depth"))


def test_the_same_images_are_known_again(images):
    again = load("scenes", limit=40, size=16)
    assert fingerprint(images, ("x", "labels")) == fingerprint(again, ("x", "labels"))
    assert fingerprint(images, ("x",)) == fingerprint(replace(images, depth=None), ("x",))  # of what it does not learn from, nothing counts


def test_of_many_images_an_even_part_is_looked_at():
    N = 3 * LOOKED_AT
    x = torch.zeros(N, 3, 1, 1, dtype=torch.uint8)
    images = Images(x, torch.full((N,), -1))
    last = Images(changed(x, N - 1, 1), images.labels)
    assert fingerprint(images, ("x",)) != fingerprint(last, ("x",))
    assert fingerprint(images, ("x",)).count == N
