"""What this machine has for ssl_lab, what is missing, and how to get it."""

import importlib
import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

import torch
from packaging.requirements import Requirement

from ssl_lab.version import VERSION

FIX = "pip install --upgrade ssl-lab (in a clone: uv sync)"
TOOLS = {"pytest": "tests", "nbval": "notebooks as tests", "playwright": "browser test", "beartype": "shapes checked in tests", "ruff": "lint"}
DEV = "in a clone, uv sync"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")


def examine() -> int:
    """Print every finding; return 0 if all that is needed is here, else 1."""
    print(f"python {platform.python_version()} on {platform.system()} {platform.machine()}, ssl-lab {VERSION}")
    missing = packages()
    print("\ndevices")
    for line in [*devices(), *([] if missing else [training()])]:
        print(f"  {line}")
    print("\nfolders")
    for line in folders():
        print(f"  {line}")
    print("\nfor developers")
    for line in tools():
        print(f"  {line}")
    print(f"\nmissing: {'; '.join(missing)}\nto get it: {FIX}" if missing else "\nall that is needed is here")
    return 1 if missing else 0


def packages() -> list[str]:
    """Print the version of everything ssl-lab needs and offers; return what is missing, too old, or does not load."""
    wrong = []
    print("\npackages")
    for need in map(Requirement, importlib.metadata.requires("ssl-lab")):
        found, optional = version(need.name), need.marker is not None
        fits = found is not None and need.specifier.contains(found, prereleases=True)
        print(f"  {need.name:16}{found or 'missing'}{'' if fits else f' (needs {need.specifier})'}{' (optional)' if optional else ''}")
        if not (fits or optional):
            wrong.append(f"{need.name}{need.specifier}")
    try:
        importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError) as error:  # a build for another torch fails when it registers its operators
        wrong.append(f"a torchvision that loads beside torch {torch.__version__} ({error})")
    return wrong


def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def devices() -> list[str]:
    """One line a device: its name, and whether it computes in bfloat16."""
    bf16 = "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "no fast bfloat16, trains in float32"
    found = [f"cpu: {torch.get_num_threads()} threads of {os.cpu_count()} cores, {bf16}"]
    for i in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(i)
        found.append(f"cuda:{i}: {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, {'bfloat16' if torch.cuda.is_bf16_supported() else 'no bfloat16'}")
    if not torch.cuda.is_available():
        found.append(f"cuda: none{'' if torch.version.cuda else ' (this torch is a build without it)'}; small trainings need none")
    if torch.backends.mps.is_available():
        found.append("mps: Apple's graphics processor")
    return found


def training() -> str:
    """One line: how many threads train fastest on this processor, and what a step takes with each number."""
    from ssl_lab.data import load
    from ssl_lab.methods import SimCLR
    from ssl_lab.models import small_resnet
    from ssl_lab.threads import timed
    from ssl_lab.train import Training

    images = load("scenes", limit=256)
    begun = Training(SimCLR(small_resnet()), images, SimCLR.recipes["scenes"], threads=1)

    def step() -> None:
        with begun.stream:
            begun.step((images.x,))

    spent = timed(step)
    steps = ", ".join(f"{1000 * seconds:.0f} ms with {threads}" for threads, seconds in spent.items())
    said = f"training: {min(spent, key=spent.get)} threads are fastest here (a step of SimCLR on 256 scenes: {steps})"
    return f"{said}; for small images few threads are fastest, so `train` measures before its first step, unless --threads or OMP_NUM_THREADS is set"


def folders() -> list[str]:
    """One line a folder: the student's notebooks, torchvision's sets, the tests' real images."""
    work, data, tests = Path("work"), Path("data"), os.environ.get("SSL_LAB_DATA")
    return [
        f"notebooks: {work.resolve()}" if work.is_dir() else "notebooks: no ./work/ here yet; ssl-lab lab makes it",
        f"torchvision's sets: {data.resolve()}" if data.is_dir() else "torchvision's sets: no ./data/ here; --download makes it, --root says where",
        f"real images of the tests: {tests}" if tests else "real images of the tests: SSL_LAB_DATA is not set, the tests that need them are skipped",
    ]


def tools() -> list[str]:
    """One line a tool that only tests need."""
    found = [f"{name:16}{version(name) or f'missing ({what}): {DEV}'}" for name, what in TOOLS.items()]
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    return [*found, f"{'chromium':16}{browser or 'missing (browser test): apt-get install chromium, or any Chrome on the PATH'}"]
