"""What decoding promises: formats, depths, orientation, memory; and that an odd file is read or refused."""

import resource
import runpy
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from ssl_lab import decoding
from ssl_lab.data import load
from ssl_lab.decoding import LIMIT, check_memory, fit, pixels
from ssl_lab.errors import InputError

ODD = runpy.run_path(str(Path(__file__).parent / "dummies" / "odd.py"))


@settings(max_examples=50, derandomize=True, deadline=None, database=None)
@given(st.randoms(use_true_random=False))
def test_an_odd_file_is_read_or_refused_in_one_sentence_without_a_warning(random):
    """As `python tests/benchmarks/odd.py --images 1000`, which looks at the memory too."""
    with tempfile.TemporaryDirectory() as folder:
        assert ODD["outcome"](ODD["odd_image"](random), Path(folder)) in ("read", "refused")


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
    with pytest.raises(InputError, match=rf"a.{suffix}: mode .*values 0 to 0, more than the 256 of 8 bits; say which value is white.*white="):
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
    with pytest.raises(InputError, match=r"must be a value above 0, such as 65535 or 1.0"):
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
        with pytest.raises(InputError, match=r"a.png: mode RGB has 16 bits, of which Pillow reads the upper 8, so white must be 65535"):
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


def noise(mode="RGB", size=(37, 53), seed=0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).convert(mode)


def noted(image, turn, format, path) -> Path:
    """The file of an image whose note says how the camera was held."""
    exif = Image.Exif()
    exif[0x0112] = turn
    image.save(path, format, exif=exif, **({"lossless": True} if format == "WEBP" else {}))
    return path


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(10))
def test_a_picture_stands_upright_in_strips_too(turn, format, tmp_path, monkeypatch):
    path = noted(noise(), turn, format, tmp_path / "a")
    expected = torch.from_numpy(np.array(ImageOps.exif_transpose(Image.open(path)))).permute(2, 0, 1)[None]
    for strip in (decoding.STRIP, 200):
        monkeypatch.setattr(decoding, "STRIP", strip)
        assert torch.equal(pixels(Image.open(path)), expected)
        assert torch.equal(pixels(Image.open(path), 16), fit(expected, 16))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(37, 53), (53, 37), (300, 4), (4, 300), (1, 1)])
def test_strips_change_no_pixel(size, mode, tmp_path, monkeypatch):
    noise(mode, size).save(tmp_path / "a.png")
    whole = [pixels(Image.open(tmp_path / "a.png"), side) for side in (None, 8, 64)]
    monkeypatch.setattr(decoding, "STRIP", 90)
    assert all(torch.equal(pixels(Image.open(tmp_path / "a.png"), side), x) for side, x in zip((None, 8, 64), whole))


def test_strips_of_deep_values_are_as_the_whole_and_each_is_looked_at(tmp_path, monkeypatch):
    values = np.random.default_rng(0).integers(0, 4096, (40, 30), dtype=np.uint16)
    deep(tmp_path / "a.png", values)
    whole = pixels(Image.open(tmp_path / "a.png"), 16, 4095)
    monkeypatch.setattr(decoding, "STRIP", 90)
    assert torch.equal(pixels(Image.open(tmp_path / "a.png"), 16, 4095), whole)
    values[-1, -1] = 5000
    deep(tmp_path / "a.png", values)
    with pytest.raises(InputError, match=r"values \d+ to 5000, and 0 to white=4095 are needed"):
        pixels(Image.open(tmp_path / "a.png"), 16, 4095)


@pytest.mark.parametrize("note", [{"exif": b"Exif\0\0no note"}, {"icc_profile": b"no profile"}])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_broken_note_beside_a_picture_is_no_reason_to_refuse_it(format, note, tmp_path):
    noise().save(tmp_path / "a.png", format, **note)
    load(f"folder:{tmp_path}", "all")


@pytest.mark.parametrize("format", ["PNG", "GIF", "TIFF", "WEBP"])
def test_of_several_frames_the_first_is_taken(format, tmp_path):
    frames = [Image.new("RGB", (8, 8), (level, level, level)) for level in (40, 200)]
    frames[0].save(tmp_path / f"a.{ODD['SUFFIXES'][format]}", format, save_all=True, append_images=frames[1:])
    assert (load(f"folder:{tmp_path}", "all").x == 40).all()


def header(format, width, height) -> bytes:
    """A small file that claims to be that large."""
    from io import BytesIO

    class Choice:
        choice = staticmethod(lambda claims: (width, height))

    buffer = BytesIO()
    noise().save(buffer, format)
    return ODD["claimed"](buffer.getvalue(), Choice)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "JPEG"])
@pytest.mark.parametrize("width, height, words", [
    (12_000, 12_000, r"12,000 x 12,000 pixels would take .* MB to decode, and 450 are allowed; make it smaller"),
    (60_000, 60_000, r": Image size \(3600000000 pixels\) exceeds limit of \d+ pixels; make it smaller"),
])  # fmt: skip
def test_a_small_file_that_claims_to_be_large_is_refused_before_it_is_decoded(width, height, words, format, tmp_path, monkeypatch):
    (tmp_path / f"a.{ODD['SUFFIXES'][format]}").write_bytes(header(format, width, height))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match=rf"{tmp_path}/a.*{words}"):
        load(f"folder:{tmp_path}", "all", size=32)


class Header:
    """What is known of an image before it is decoded."""

    def __init__(self, format, width, height, mode="RGB", **info):
        self.format, self.size, self.mode, self.info, self.tile = format, (width, height), mode, info, info.pop("tile", ())

    def getbands(self):
        return tuple(self.mode)

    def getexif(self):
        return {}


@pytest.mark.parametrize("image, size", [
    (Header("JPEG", 11_648, 8_736), 1024), (Header("PNG", 9_433, 9_433, "RGBA"), 224), (Header("JPEG", 8_192, 5_464, progressive=1), 32),
    (Header("WEBP", 5_000, 5_000), 32), (Header("TIFF", 7_300, 7_300, tile=["libtiff"]), 32), (Header("GIF", 12_000, 12_000, "P"), 32),
    (Header("PNG", 8_000, 8_000), None),
])  # fmt: skip
def test_photographs_are_decoded(image, size):
    check_memory(image, size)


@pytest.mark.parametrize("image, size", [
    (Header("JPEG", 11_648, 8_736, progressive=1), 32), (Header("WEBP", 8_000, 8_000), 32), (Header("TIFF", 11_648, 8_736, tile=["libtiff"]), 32),
    (Header("PNG", 11_648, 8_736), None), (Header("TIFF", 13_000, 13_000, "I;16", tile=["libtiff"]), 32), (Header("PNG", 2_000, 54_000), 1024),
])  # fmt: skip
def test_what_a_decoder_takes_beside_the_picture_counts_too(image, size):
    with pytest.raises(InputError, match="make it smaller" + "(?!.*give a size)" * (size is not None)):
        check_memory(image, size)


def test_a_text_that_grows_a_thousandfold_is_refused_and_many_texts_are_passed_over(tmp_path):
    for name, texts in (("a.png", [(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**24)))]), ("b.png", [(b"tEXt", b"k\0" + bytes(200))] * 300)):
        noise().save(tmp_path / "plain.png")
        data = (tmp_path / "plain.png").read_bytes()
        (tmp_path / name).write_bytes(data[:33] + b"".join(map(ODD["chunk"], texts)) + data[33:])
    with pytest.raises(InputError, match=r"a.png cannot be read as an image \(Decompressed data too large"):
        load(f"folder:{tmp_path}", "all")
    (tmp_path / "a.png").unlink()
    assert len(load(f"folder:{tmp_path}", "all")) == 2


def test_the_limit_leaves_room_below_500_megabytes():
    assert LIMIT + 30 * decoding.STRIP < 500e6
