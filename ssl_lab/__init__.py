"""ssl_lab: self-supervised and data-efficient vision, to be taught, touched and trained.

>>> from ssl_lab import SimCLR, load, small_resnet
>>> from ssl_lab.methods.simclr import SCENES
>>> from ssl_lab.train import train
>>> logs = train(SimCLR(small_resnet()), load("scenes", limit=512).unlabelled(), SCENES)
"""

import importlib

from ssl_lab.methods import __all__ as METHODS
from ssl_lab.version import VERSION

__version__ = VERSION

# public name → where it lives. A name that is also a module (train, features, augment) is always the module.
HOME = {
    "Augmentation": "augment", "Images": "data", "InputError": "errors", "Log": "recipe", "Method": "method", "Recipe": "recipe",
    "byol_regression": "losses", "ema_": "models", "factor_table": "evaluate", "info_nce": "losses", "knn_accuracy": "evaluate",
    "linear_probe": "evaluate", "load": "data", "mlp": "models", "nt_xent": "losses", "resnet": "models", "small_resnet": "models",
}
HOME |= dict.fromkeys(METHODS, "methods")
__all__ = list(HOME)


def __getattr__(name: str):
    """Import a public name where it lives, when it is first asked for."""
    if name not in HOME:
        raise AttributeError(f"ssl_lab has no {name!r}; it has {', '.join(HOME)}, and modules such as ssl_lab.train")
    return getattr(importlib.import_module(f"ssl_lab.{HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
