"""One paper a file, and the supervised baseline."""

from ssl_lab.methods.byol import BYOL
from ssl_lab.methods.moco import MoCo
from ssl_lab.methods.simclr import SimCLR
from ssl_lab.methods.supervised import Supervised

__all__ = ["BYOL", "MoCo", "SimCLR", "Supervised"]
