"""What load promises of pixels: formats, depths, orientation, sizes."""

import resource
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.reading import fit


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


def test_every_kind_of_image_becomes_three_channels_of_8_bits(tmp_path):
    Image.new("L", (8, 8), 77).save(tmp_path / "a.png")
    Image.new("LA", (8, 8), (77, 255)).save(tmp_path / "b.png")
    Image.new("RGBA", (8, 8), (9, 9, 9, 0)).save(tmp_path / "c.png")
    Image.new("RGB", (8, 8), (255, 0, 0)).quantize(4).save(tmp_path / "d.png")
    Image.new("CMYK", (8, 8), (0, 0, 0, 255)).save(tmp_path / "e.tif")
    Image.new("1", (8, 8), 1).save(tmp_path / "f.png")
    x = load(f"folder:{tmp_path}", "all").x
    assert x[:, :, 3, 3].tolist() == [[77] * 3, [77] * 3, [255] * 3, [255, 0, 0], [0] * 3, [255] * 3]


def deep(path, values):
    """A file of more than 8 bits, whose values these are."""
    Image.fromarray(values).save(path)


DEPTHS = {  # suffix, type, the values that are black, grey and white
    "12 bits": ("tif", np.uint16, (0, 2048, 4095)),
    "16 bits": ("png", np.uint16, (0, 32768, 65535)),
    "32 bits": ("tif", np.int32, (0, 500_000, 1_000_000)),
    "floats": ("tif", np.float32, (0, 0.5, 1)),
    "floats of 255": ("tif", np.float32, (0, 127.5, 255)),
}


@pytest.mark.parametrize("kind", DEPTHS)
def test_deeper_values_need_the_one_that_is_white_and_are_the_same_in_every_image(kind, tmp_path):
    suffix, dtype, (black, grey, white) = DEPTHS[kind]
    deep(tmp_path / f"a.{suffix}", np.full((8, 8), black, dtype))
    deep(tmp_path / f"b.{suffix}", np.full((8, 8), grey, dtype))  # the largest value of this image is not white
    deep(tmp_path / f"c.{suffix}", np.full((8, 8), white, dtype))
    x = load(f"folder:{tmp_path}", "all", white=white).x
    assert x[:, 0, 0, 0].tolist() == [0, 128, 255]
    with pytest.raises(InputError, match=rf"a.{suffix}: mode .*values 0 to 0, more than the 256 of 8 bits; say which one is white.*white="):
        load(f"folder:{tmp_path}", "all")
    with pytest.raises(InputError, match=rf"c.{suffix}: mode .*values .* to .*, and 0 to white=.* are needed"):
        load(f"folder:{tmp_path}", "all", white=0.9 * white)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_values_that_are_none_or_below_black_are_refused(value, tmp_path):
    deep(tmp_path / "a.tif", np.array([[0, value], [1, 1]], np.float32))
    with pytest.raises(InputError, match=r"a.tif: mode F, values"):
        load(f"folder:{tmp_path}", "all", white=1.0)


@pytest.mark.parametrize("white", [0, -1, float("nan"), float("inf")])
def test_white_is_a_value_above_0(white):
    with pytest.raises(InputError, match=r"is no value above 0, such as 65535 or 1.0"):
        load("scenes", white=white)


def test_colours_of_16_bits_have_65535_as_their_white(tmp_path):
    """Written by hand: Pillow reads such files, and keeps the upper 8 bits of each channel, but writes none."""
    rows = b"".join(b"\0" + np.array([[256 * 77, 256 * 7, 65535]] * 8, ">u2").tobytes() for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    made = b"".join(struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body)) for tag, body in parts)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + made)
    assert load(f"folder:{tmp_path}", "all", white=65535).x[0, :, 0, 0].tolist() == [77, 7, 255]
    for white in (None, 4095):
        with pytest.raises(InputError, match=r"a.png: mode RGB of 16 bits, of which Pillow reads the upper 8, so that white is 65535"):
            load(f"folder:{tmp_path}", "all", white=white)


def test_a_file_is_decoded_as_an_image_whatever_it_is_called(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(InputError, match=r"a.png cannot be read as an image"):
        load(f"folder:{tmp_path}", "all")


def test_memory_follows_the_size_and_not_a_strip(tmp_path):
    """5,000,000 × 1 pixels would be 32 × 160,000,000, 15 GB, before the centre is taken."""
    Image.new("L", (200_000, 1), 9).save(tmp_path / "a.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    x = load(f"folder:{tmp_path}", "all", size=32).x
    assert x.shape == (1, 3, 32, 32) and (x == 9).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB; the whole strip would take 600 MB and its floats 2.4 GB


def test_a_photograph_stands_as_its_camera_was_held(tmp_path):
    image = Image.new("RGB", (8, 16))
    image.paste((255, 255, 255), (0, 0, 8, 8))  # white above, black below
    orientation = Image.Exif()
    orientation[0x0112] = 3  # upside down
    image.save(tmp_path / "a.png", exif=orientation)
    x = load(f"folder:{tmp_path}", "all").x[0]
    assert x[:, 0].max() == 0
    assert x[:, -1].min() == 255


@pytest.mark.parametrize("H, W, size", [(32, 32, 32), (32, 32, 64), (28, 28, 32), (50, 31, 16), (31, 50, 16), (97, 33, 8), (9, 100, 100)])
def test_the_shorter_side_is_resized_and_the_centre_kept(H, W, size):
    x = torch.randint(0, 256, (3, 3, H, W), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    made = fit(x, size)
    assert made.shape == (3, 3, size, size)
    h, w = (size, max(size, round(W * size / H))) if H <= W else (max(size, round(H * size / W)), size)
    whole = torch.nn.functional.interpolate(x.double(), (h, w), mode="bilinear", antialias=True)
    top, left = (h - size) // 2, (w - size) // 2
    assert (made.double() - whole[:, :, top : top + size, left : left + size]).abs().max() <= 1.001


def test_many_images_are_resized_as_each_alone():
    x = torch.randint(0, 256, (5_003, 1, 6, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    made = fit(x, 8)
    for i in (0, 4_999, 5_000, 5_002):
        assert torch.equal(made[i], fit(x[i : i + 1], 8)[0])


def test_a_size_that_is_there_already_changes_no_pixel():
    x = torch.randint(0, 256, (2, 3, 40, 32), dtype=torch.uint8)
    assert torch.equal(fit(x, 32), x[:, :, 4:36])
