"""Image files as nobody should write them: every format and mode, from 1 x 1 to strips, with notes beside the pixels, and then damaged.

    random numbers → picture → file of some format → damage → Odd → what `load` makes of it: "read", or "refused" in one sentence

`odd_image` takes a `random.Random`, so that a case is a seed in a script; hypothesis hands in one of its own, and finds the simplest case.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from ssl_lab.data import load
from ssl_lab.errors import InputError

SUFFIXES = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "BMP": "bmp", "GIF": "gif", "TIFF": "tif"}
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I", "F")
SIZES = ((1, 1), (1, 2), (8, 8), (3, 40), (40, 3), (32, 32), (1, 300), (700, 1), (57, 31))
CLAIMS = ((20_000, 20_000), (5_000_000, 1), (60_000, 60_000), (9_000, 9_000), (10_000, 10_000), (12_000, 12_000), (65_535, 3), (0, 5), (33, 31))
WHITES = (None, None, 255, 65535, 1.0)


class Odd(NamedTuple):
    """A file, how it is to be read, and how it came about."""

    name: str
    data: bytes
    size: int | None
    white: float | None
    words: str


def odd_image(random: Random) -> Odd:
    """One odd file."""
    kind = random.choice((*SUFFIXES, "by hand"))
    data, words = by_hand(random) if kind == "by hand" else saved(random, kind)
    damage = random.choice((*[None] * 5, *DAMAGES))
    data = data if damage is None else DAMAGES[damage](data, random)
    suffix = random.choice((*SUFFIXES.values(),)) if random.random() < 0.1 else SUFFIXES.get(kind, "png")
    return Odd(f"a.{suffix}", data, random.choice((8, 8, None)), random.choice(WHITES), f"{kind} {words}, {damage or 'whole'}")


def saved(random: Random, kind: str) -> tuple[bytes, str]:
    """What Pillow writes: a mode that the format does not know becomes RGB."""
    mode, (width, height) = random.choice(MODES), random.choice(SIZES)
    noise = np.random.default_rng(random.getrandbits(32)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = in_mode(Image.fromarray(noise), mode)
    notes = random.choice(NOTES)(random)
    frames = {"save_all": True, "append_images": [image.copy()]} if kind in ("PNG", "GIF", "TIFF", "WEBP") and random.random() < 0.15 else {}
    words = f"{mode} {width} x {height} {' '.join([*notes, *frames])}"
    for one, options in ((image, notes | frames), (image, {}), (Image.fromarray(noise), {})):
        buffer = io.BytesIO()
        try:
            one.save(buffer, kind, **options)
            return buffer.getvalue(), words
        except Exception:  # noqa: BLE001 (what Pillow's writers do not take)
            continue
    raise AssertionError(f"{kind} cannot be written as RGB")


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode, also in those that Pillow converts to by no single step."""
    if mode in ("I;16", "I", "F"):
        values = np.asarray(image.convert("L"))
        return Image.fromarray(values.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]) * 200)
    if mode == "LAB":
        return Image.merge("LAB", image.split())
    return image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)


def turned(random: Random) -> dict:
    exif = Image.Exif()
    exif[0x0112] = random.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65535))
    return {"exif": exif}


NOTES: tuple[Callable[[Random], dict], ...] = (
    lambda random: {},
    turned,
    lambda random: {"exif": b"Exif\0\0" + random.randbytes(random.randrange(40))},
    lambda random: {"icc_profile": random.randbytes(random.randrange(1, 200))},
    lambda random: {"transparency": random.choice((0, 7, b"\0\x80", b""))},
    lambda random: {"compression": random.choice(("tiff_lzw", "tiff_deflate", "packbits", "jpeg", "group4"))},
    lambda random: {"progressive": True, "quality": random.choice((1, 50, 95))},
    lambda random: {"lossless": True, "optimize": True},
)


def by_hand(random: Random) -> tuple[bytes, str]:
    """A PNG as Pillow writes none: 16 bits, interlaced, with a palette of the wrong length, with a text that grows a thousandfold."""
    width, height = random.choice(SIZES)
    depth, colour = random.choice(((16, 2), (16, 0), (16, 4), (16, 6), (8, 3), (4, 3), (1, 0), (2, 0), (8, 2), (8, 6)))
    lace, bits = random.randrange(2), depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if lace else [(0, 0, 1, 1)]
    rows = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    body = b"".join((bytes([random.randrange(5)]) + random.randbytes(-(-w * bits // 8))) * h for w, h in rows if w > 0 and h > 0)
    grows = b"k\0\0" + zlib.compress(bytes(2**21))
    extra = {
        "no more": [], "palette": [(b"PLTE", random.randbytes(random.choice((0, 3, 4, 30, 768, 900))))], "text": [(b"zTXt", grows)],
        "many texts": [(b"tEXt", b"k%d\0" % i + bytes(200)) for i in range(500)], "profile": [(b"iCCP", grows)],
        "clear": [(b"tRNS", random.randbytes(random.choice((1, 2, 6, 300))))],
    }  # fmt: skip
    word = random.choice((*extra,))
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, lace))
    chunks = (head, *extra[word], (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(chunk, chunks)), f"{width} x {height}, {depth} bits of kind {colour}, interlaced {lace}, {word}"


def chunk(part: tuple[bytes, bytes]) -> bytes:
    """A part of a PNG."""
    tag, body = part
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


def claimed(data: bytes, random: Random) -> bytes:
    """The file with another size in its header."""
    width, height = random.choice(CLAIMS)
    made = bytearray(data)
    if data[:4] == b"\x89PNG":
        made[8:33] = chunk((b"IHDR", struct.pack(">II", width, height) + data[24:29]))
    elif data[:2] == b"BM" and len(data) > 26:
        made[18:26] = struct.pack("<ii", width, height)
    elif data[:3] == b"GIF":
        made[6:10] = struct.pack("<HH", width % 65536, height % 65536)
    elif (found := re.search(rb"\xff[\xc0-\xc3]..[\x08\x0c]", data, re.DOTALL)) and data[:2] == b"\xff\xd8":
        made[found.end() : found.end() + 4] = struct.pack(">HH", height % 65536, width % 65536)
    elif data[8:12] == b"WEBP" and len(data) > 30:
        made[24:30] = struct.pack("<I", width % 2**24)[:3] + struct.pack("<I", height % 2**24)[:3]
    elif data[:4] == b"II*\0":
        for tag, value in ((256, width), (257, height)):
            if (at := data.find(struct.pack("<HH", tag, 4))) >= 0 or (at := data.find(struct.pack("<HH", tag, 3))) >= 0:
                made[at : at + 12] = struct.pack("<HHII", tag, 4, 1, value)
    return bytes(made)


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def flipped(data: bytes, random: Random) -> bytes:
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 3, 30))):
        made[random.randrange(len(made))] ^= 1 << random.randrange(8)
    return bytes(made)


def zeroed(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data))
    length = random.choice((1, 4, 60))
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def inserted(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data))
    return data[:start] + random.randbytes(random.choice((1, 2, 50))) + data[start:]


DAMAGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "cut": cut, "flipped": flipped, "zeroed": zeroed, "inserted": inserted, "of another size": claimed, "another size again": claimed,
    "empty": lambda data, random: b"", "noise": lambda data, random: random.randbytes(64), "twice": lambda data, random: data + data,
    "backwards": lambda data, random: data[:12] + data[:11:-1],
}  # fmt: skip


def outcome(odd: Odd, folder: Path) -> str:
    """What `load` makes of the file in an empty folder: "read" or "refused". Any other exception, a warning or another shape is raised."""
    path = folder / odd.name
    path.write_bytes(odd.data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            x = load(f"folder:{folder}", "all", size=odd.size, white=odd.white).x
    except InputError as error:
        if str(path) in str(error) and "\n" not in str(error):
            return "refused"
        raise AssertionError(f"no sentence that names the file: {error}") from error
    finally:
        path.unlink()
    assert x.dtype == torch.uint8 and x.shape[:2] == (1, 3) and (odd.size is None or x.shape[2:] == (odd.size, odd.size)), x.shape
    return "read"
