"""A figure as a browser shows it: the items of a Drawing, or one image of any other figure, and what answers a pointer."""

import base64
import functools
import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.spots import PIXELS


def frame(figure: Figure, summary: str, settled: bool = True) -> dict:
    """What is seen.   settled: with what answers a pointer; while a hand moves the front end keeps what it had."""
    width, height = (round(inches * PIXELS, 1) for inches in figure.get_size_inches())
    if not isinstance(figure, Drawing):
        still = ["image", [0, 0, width, height], address(png(figure)), True]
        return {"summary": summary, "size": [width, height], "panels": [[0, 0, width, height]], "items": [still], "spots": []}
    items = [coded(item.sent()) for item in figure.items]
    panels = [[round(inches * PIXELS, 1) for inches in panel] for panel in figure.panels]
    spots = {"spots": [(spot() if callable(spot) else spot).sent() for spot in figure.spots]} if settled else {}
    return {"summary": summary, "size": [width, height], "panels": panels, "items": items, **spots}


def coded(item: list) -> list:
    """An image's pixels as an address that a browser can read."""
    return [*item[:2], pixels(item[2].tobytes(), item[2].shape), item[3]] if item[0] == "image" else item


@functools.lru_cache(maxsize=512)
def pixels(data: bytes, shape: tuple[int, ...]) -> str:
    """Kept, because most images of a picture stay while a hand moves."""
    buffer = io.BytesIO()
    Image.fromarray(np.frombuffer(data, np.uint8).reshape(shape)).save(buffer, format="png", compress_level=1)
    return address(buffer.getvalue())


def png(figure: Figure) -> bytes:
    """A figure as a still picture, always light."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 3})
    return buffer.getvalue()


def address(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()
