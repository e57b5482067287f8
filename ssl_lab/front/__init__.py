"""The browser's side of pictures: one ES module for all of them, and what is said between it and the kernel."""

from ssl_lab.front.frames import frame
from ssl_lab.front.front import Front
from ssl_lab.front.page import page

__all__ = ["Front", "frame", "page"]
