"""Pictures that can be touched, one explorer a file: thin shells of core ipywidgets over the functions of `plots`."""

import importlib

HOME = {
    "Picture": "ssl_lab.widgets.picture",
    "Explorer": "ssl_lab.widgets.explorer",
    "SimilarityExplorer": "ssl_lab.widgets.similarity",
    "LiveCurve": "ssl_lab.widgets.live",
}
__all__ = list(HOME)


def __getattr__(name: str):
    """Import a name where it lives, when it is first asked for."""
    if name not in HOME:
        raise AttributeError(f"ssl_lab.widgets has no {name!r}; it has {', '.join(HOME)}")
    return getattr(importlib.import_module(HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
