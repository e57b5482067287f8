"""What all tests share: shapes checked at every call, few threads, short notebooks, and real images where there are any.

Set before the first import of torch or ssl_lab; the notebooks' kernels inherit the environment.
"""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors gain nothing from more; on a busy machine two that wait for each other lose all
os.environ.setdefault("SSL_LAB_PROFILE", "ci")  # fewer epochs and images in notebooks; what they claim stays the same

import pytest
from jaxtyping import install_import_hook

# The tower: 1 is a float, as PEP 484 has it.
install_import_hook("ssl_lab", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

collect_ignore = ["benchmarks"]  # scripts, run by hand: python tests/benchmarks/NAME.py


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real images that SSL_LAB_DATA names; without it, the tests that need it are skipped."""
    if "SSL_LAB_DATA" not in os.environ:
        pytest.skip("SSL_LAB_DATA is not set: it names a folder of real images (cifar10.npz, fashion-mnist/, ...)")
    return Path(os.environ["SSL_LAB_DATA"])
