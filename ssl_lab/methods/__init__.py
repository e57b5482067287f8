"""One paper a file, and the supervised baseline. A method is imported when it is first asked for: to know the names needs no torch."""

import importlib

HOME = {"BYOL": "byol", "MoCo": "moco", "SimCLR": "simclr", "Supervised": "supervised"}  # name → file
__all__ = list(HOME)


def __getattr__(name: str):
    """Import a method from its file."""
    if name not in HOME:
        raise AttributeError(f"ssl_lab.methods has no {name!r}; it has {', '.join(HOME)}")
    return getattr(importlib.import_module(f"ssl_lab.methods.{HOME[name]}"), name)
