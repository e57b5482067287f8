"""One paper a file, and the supervised baseline."""

from ssl_lab.methods.simclr import SimCLR
from ssl_lab.methods.supervised import Supervised

__all__ = ["SimCLR", "Supervised"]
