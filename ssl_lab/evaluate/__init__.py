"""What a representation is worth: from features to one number, always without changing the network."""

import importlib

HOME = {
    "features": "ssl_lab.features",
    "alignment": "ssl_lab.geometry",
    "uniformity": "ssl_lab.geometry",
    "effective_rank": "ssl_lab.geometry",
    "knn_accuracy": "ssl_lab.evaluate.knn",
    "linear_probe": "ssl_lab.evaluate.linear",
    "Probe": "ssl_lab.evaluate.linear",
    "factor_table": "ssl_lab.evaluate.factors",
}
__all__ = list(HOME)


def __getattr__(name: str):
    """Import a name where it lives, when it is first asked for."""
    if name not in HOME:
        raise AttributeError(f"ssl_lab.evaluate has no {name!r}; it has {', '.join(HOME)}")
    return getattr(importlib.import_module(HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
