"""One paper a file, and the supervised baseline.

A method is imported when it is first asked for: to know the names needs no torch.
"""

import importlib

# name → file
HOME = {
    "BYOL": "byol",
    "CMC": "cmc",
    "CPC": "cpc",
    "DeepCluster": "deepcluster",
    "MoCo": "moco",
    "NoisyStudent": "noisy_student",
    "Predictive": "predictive",
    "SimCLR": "simclr",
    "Supervised": "supervised",
}
__all__ = list(HOME)


def spelled(name: str) -> str:
    """A method's own spelling, where capitals, - and _ are all that differs.

    noisy-student → NoisyStudent; any other word is returned as it is.
    """
    return {plain(known): known for known in __all__}.get(plain(name), name)


def plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def __getattr__(name: str):
    """Import a method from its file."""
    if name not in HOME:
        there = ", ".join(HOME)
        raise AttributeError(f"ssl_lab.methods has no {name!r}; it has {there}")
    return getattr(importlib.import_module(f"ssl_lab.methods.{HOME[name]}"), name)
