"""What reading promises of files: a damaged one is named, no other is read than those asked for, and all are of one size."""

import numpy as np
import pytest
from PIL import Image

from ssl_lab.data import load
from ssl_lab.errors import InputError


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "tif"])
@pytest.mark.parametrize("damage", ["empty", "truncated", "garbage"])
def test_a_damaged_image_is_named(suffix, damage, tree, tmp_path):
    name = tree({f"a/1.{suffix}": 1, f"a/2.{suffix}": 2})
    path = tmp_path / "pictures" / "a" / f"2.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "garbage": b"no image " * 100}[damage])
    with pytest.raises(InputError, match=rf"a/2.{suffix} cannot be read as an image \(.*\); replace or remove it") as caught:
        load(name, "all", size=8)
    assert caught.value.__cause__ is not None


def test_only_the_images_that_are_asked_for_are_read(tree, tmp_path, levels):
    name = tree({f"{i}.png": i for i in range(20)})
    kept = levels(load(name, "all", limit=5))
    for i in set(range(20)) - set(kept):
        (tmp_path / "pictures" / f"{i}.png").write_bytes(b"")
    assert levels(load(name, "all", limit=5)) == kept


def test_images_of_different_sizes_need_a_size(tree, tmp_path, colour):
    name = tree({"a.png": 1})
    colour(tmp_path / "pictures" / "b.png", 2, size=(20, 30))
    with pytest.raises(InputError, match=r"images differ in size: .*b.png is not 10 x 10 like the first; give a size, such as size=32"):
        load(name, "all")
    assert load(name, "all", size=12).x.shape == (2, 3, 12, 12)
