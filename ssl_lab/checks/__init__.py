"""Exercise checkers, one file a notebook: check_<library function>(fn) says whether fn is right, and if not, which of the usual mistakes it makes."""

import importlib

HOME = {
    "Check": "ssl_lab.checks.check",
    "Result": "ssl_lab.checks.check",
    "check_nt_xent": "ssl_lab.checks.simclr",
}
__all__ = list(HOME)


def __getattr__(name: str):
    """Import a name where it lives, when it is first asked for."""
    if name not in HOME:
        raise AttributeError(f"ssl_lab.checks has no {name!r}; it has {', '.join(HOME)}")
    return getattr(importlib.import_module(HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
