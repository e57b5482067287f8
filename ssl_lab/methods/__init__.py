"""One paper a file, and the supervised baseline.

A method is imported when it is first asked for: to know the names needs no torch.
"""

import importlib

# name → file
HOME = {
    "BYOL": "byol",
    "DeepCluster": "deepcluster",
    "MoCo": "moco",
    "NoisyStudent": "noisy_student",
    "SimCLR": "simclr",
    "Supervised": "supervised",
}
__all__ = list(HOME)


def __getattr__(name: str):
    """Import a method from its file."""
    if name not in HOME:
        there = ", ".join(HOME)
        raise AttributeError(f"ssl_lab.methods has no {name!r}; it has {there}")
    return getattr(importlib.import_module(f"ssl_lab.methods.{HOME[name]}"), name)
