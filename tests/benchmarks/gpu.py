"""One GPU in one command: tests, waits, images a second, losses at large N, and as much of CIFAR-10 as the minutes allow.

    python tests/benchmarks/gpu.py [--cifar FILE.npz] [--minutes 9] [--out gpu.json]      from a checkout, which need not be installed
    python tests/benchmarks/gpu.py --tiny                                                  a trial of every part, on a CPU too

It needs torch, torchvision, safetensors, jaxtyping, matplotlib, scikit-learn and pytest, and no network. Each part survives the failure of another.
FILE.npz: x_train (N, 32, 32, 3) uint8, y_train, x_test, y_test; or jpeg_train, y_train, ...: sheets of 200 images a row, for which Pillow is needed.
A share of the ceiling is images/s over those of the network alone, forward and backward on two views that lie ready.
"""

import argparse
import functools
import io
import json
import platform
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import torch
from torch import nn

from ssl_lab import losses, methods
from ssl_lab.arguments import arguments
from ssl_lab.data import Images, load
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.models import encoder, small_resnet
from ssl_lab.precision import autocast
from ssl_lab.recipe import Recipe
from ssl_lab.train import Training, train
from ssl_lab.version import VERSION

GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")


def wait() -> None:
    if GPU:
        torch.cuda.synchronize()


def seconds(work, rounds: int) -> float:
    """Of one call, the median of some; the first two warm up."""
    spent = []
    for _ in range(rounds + 2):
        wait()
        start = time.perf_counter()
        work()
        wait()
        spent.append(time.perf_counter() - start)
    return sorted(spent[2:])[rounds // 2]


def memory(work) -> float | None:
    """MiB that a call adds at its height."""
    if not GPU:
        return None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    wait()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def build(name: str, given) -> nn.Module:
    kind = getattr(methods, name)
    network = small_resnet(width=4) if given.tiny else encoder("resnet18", stem="cifar")
    takes = "encoder" in arguments(kind) and name != "CPC"  # its own has no batch norm, and resnet18 has
    return (kind(network) if takes else kind()).to(DEVICE)


def begin(name: str, given) -> tuple[Training, tuple]:
    """A training and its first batch."""
    images = load("scenes", limit=max(given.batch, 256))  # enough for the clusters of DeepCluster
    images = images.label_fraction(0.25) if getattr(methods, name).labels == "both" else images
    training = Training(build(name, given), images, replace(getattr(methods, name).recipes["scenes"], batch=given.batch), threads=1)
    batches, _ = training.begin(0)
    return training, next(batches)


def tests(given) -> dict:
    """Every test that can use CUDA, without the project's pytest options, whose plugins may not be here."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pytest.ini"
        config.write_text("[pytest]\naddopts = --import-mode=importlib\n")
        names = ["tests/test_cuda.py"]
        command = [sys.executable, "-m", "pytest", "-c", str(config), "--rootdir", str(ROOT), "-q", "-p", "no:cacheprovider", *names]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    return {"exit": done.returncode, "said": lines[-1] if lines else done.stderr[-500:], "failed": failed}


def waits(given) -> dict:
    """How often a step, after some, waits for the device."""
    found = {}
    for name in methods.__all__:
        training, batch = begin(name, given)
        for _ in range(3):
            training.step(batch)
            training.method.after_step(0.5)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            if GPU:
                torch.cuda.set_sync_debug_mode("warn")
            training.step(batch)
            training.method.after_step(0.5)
            if GPU:
                torch.cuda.set_sync_debug_mode("default")
        found[name] = len([one for one in said if "synchroniz" in str(one.message)]) if GPU else None
    return found


def alone(method: nn.Module, pictures: list[torch.Tensor]) -> list[tuple[Callable, torch.Tensor]]:
    """The networks that a step sends pictures through, each with its own: encoders of views see their view, one encoder sees them all, or patches."""
    if hasattr(method, "encoders"):
        return [(f.network, x) for f, x in zip(method.encoders.values(), pictures, strict=True)]
    if pictures[0].ndim == 6:
        return [(method.encoder.latents, grid) for grid in pictures]
    network = getattr(method.encoder, "network", method.encoder) if pictures[0].shape[1] != 3 else method.encoder
    return [(network, x) for x in pictures if x.shape[1] == pictures[0].shape[1]]


def throughput(given) -> dict:
    """Images a second of a whole step, eager and compiled, and the share of the network alone."""
    found = {}
    for name in methods.__all__:
        training, batch = begin(name, given)
        views = training.method.views(*batch)

        def step(training=training, batch=batch):
            training.step(batch)
            training.method.after_step(0.5)

        parts = alone(training.method, [view for view in views if view.ndim >= 4])

        def network(parts=parts):
            with autocast(DEVICE):
                total = sum(f(x).square().mean() for f, x in parts)
            total.backward()

        eager, ceiling = seconds(step, given.rounds), seconds(network, given.rounds)
        row = {"eager": given.batch / eager, "ceiling": given.batch / ceiling, "share": ceiling / eager, "MiB": memory(step)}
        if not given.tiny:
            training.method.compile()
            row["compiled"] = given.batch / seconds(step, given.rounds)
        found[name] = row
    try:
        from lightly.loss import NTXentLoss
    except ImportError:
        return found | {"lightly": "not installed"}
    z = torch.randn(given.batch, 128, device=DEVICE, requires_grad=True)
    theirs, ours = NTXentLoss(temperature=0.5), losses.nt_xent
    return found | {"NT-Xent over lightly's": seconds(lambda: ours(z, z, 0.5).backward(), 9) / seconds(lambda: theirs(z, z).backward(), 9)}


def large_losses(given) -> dict:
    """NT-Xent and InfoNCE at large N: time over three matrix products of that size, memory, error of the gradient's first rows."""
    found = {}
    for N in (256,) if given.tiny else (4096, 65536):
        z1, z2 = (nn.functional.normalize(torch.randn(N, 128, device=DEVICE)).requires_grad_() for _ in range(2))
        queue = nn.functional.normalize(torch.randn(N, 128, device=DEVICE))
        a = torch.randn(2 * N if N <= 16384 else N, 128, device=DEVICE)
        floor = 3 * seconds(lambda a=a: a @ a.T, 5) * ((2 * N) / len(a)) ** 2
        with_queue = 3 * seconds(lambda q=z1, k=queue: q.detach() @ k.T, 5)
        nt_xent, info_nce = (functools.partial(loss, *rows, 0.1) for loss, rows in ((losses.nt_xent, (z1, z2)), (losses.info_nce, (z1, z2, queue))))
        for name, loss, least in (("NT-Xent", nt_xent, floor), ("InfoNCE", info_nce, with_queue)):
            work = lambda loss=loss: loss().backward()  # noqa: E731
            found[f"{name} N={N}"] = {"seconds": (spent := seconds(work, 5)), "over three products": spent / least, "MiB": memory(work)}
        z1.grad = z2.grad = None
        losses.nt_xent(z1, z2, 0.1).backward()
        found[f"NT-Xent N={N}"]["gradient error"] = gradient_error(z1.detach(), z2.detach(), z1.grad)
    return found


@torch.no_grad()
def gradient_error(z1: torch.Tensor, z2: torch.Tensor, found: torch.Tensor, rows: int = 64, tau: float = 0.1) -> float:
    """Largest relative error of the first rows of dz1, against float64 in chunks. Rows are of length 1."""
    z, M = torch.cat([z1, z2]).double(), 2 * len(z1)
    lse = torch.cat([masked(z, i, tau).logsumexp(1) for i in torch.arange(M, device=z.device).split(1024)])
    i = torch.arange(rows, device=z.device)
    s = masked(z, i, tau)
    p = (s - lse[i, None]).exp() + (s - lse).exp()
    slope = (p @ z - 2 * z[i + len(z1)]) / (M * tau)
    slope -= (slope * z[i]).sum(1, keepdim=True) * z[i]  # through the normalisation
    return ((found[:rows].double() - slope).norm(dim=1) / slope.norm(dim=1)).max().item()


def masked(z: torch.Tensor, i: torch.Tensor, tau: float) -> torch.Tensor:
    s = z[i] @ z.T / tau
    s[torch.arange(len(i), device=z.device), i] = -torch.inf
    return s


def cifar(given) -> dict:
    """SimCLR on CIFAR-10 for the minutes that are left: kNN an epoch. What a longer training would reach is not claimed."""
    if not (given.cifar or given.tiny):
        return {"skipped": "--cifar names no file"}
    images, unseen = (load("scenes", limit=200), load("scenes", "test", limit=100)) if given.tiny else packed(given.cifar)
    images, unseen, batch = images.to(DEVICE), unseen.to(DEVICE), 64 if given.tiny else 512
    left = given.end - time.monotonic() - 15
    method = build("SimCLR", given)
    pace = next(iter(train(method, images, Recipe(epochs=1, batch=batch, optimizer="lars", lr=1.0, warmup=0.0), threads=1))).seconds
    epochs = 2 if given.tiny else max(2, int(left / (1.3 * pace)))
    torch.manual_seed(0)
    arguments_ = {"augmentation": methods.SimCLR.suits["paper"]["augmentation"], "tau": 0.5, "dim": 128}
    method = methods.SimCLR(small_resnet(width=4) if given.tiny else encoder("resnet18", stem="cifar"), **arguments_).to(DEVICE)
    recipe, curve = Recipe(epochs=epochs, batch=batch, optimizer="lars", lr=2.0, weight_decay=1e-6, warmup=0.1), []
    for log in train(method, images, recipe, threads=1):
        h, ht = features(method.encoder, images), features(method.encoder, unseen)
        knn = knn_accuracy(h, images.labels, ht, unseen.labels)
        curve.append({"epoch": log.epoch, "loss": log.loss, "knn": knn, "images/s": log.images / log.seconds})
        print(f"   epoch {log.epoch}/{epochs}  kNN {knn:.3f}  {log.images / log.seconds:,.0f} images/s", flush=True)
        if time.monotonic() > given.end and not given.tiny:
            break
    return {"epochs planned": epochs, "images": "scenes" if given.tiny else Path(given.cifar).name, "curve": curve}


def packed(path: str) -> tuple[Images, Images]:
    """CIFAR-10 from one file."""
    import numpy as np

    found, z = [], np.load(path)
    for split in ("train", "test"):
        if f"x_{split}" in z:
            x = z[f"x_{split}"]
        else:
            from PIL import Image

            sheet = np.asarray(Image.open(io.BytesIO(z[f"jpeg_{split}"].tobytes())))
            x = sheet.reshape(-1, 32, 200, 32, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
        x = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
        found.append(Images(x, torch.from_numpy(z[f"y_{split}"].astype("int64"))))
    return found[0], found[1]


PARTS = {"tests": tests, "waits": waits, "throughput": throughput, "losses": large_losses, "cifar": cifar}


def shown(value, indent: str = "   ") -> str:
    """Nested figures as lines."""
    if not isinstance(value, dict):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    flat = not any(isinstance(one, dict | list) for one in value.values())
    if flat:
        return "   ".join(f"{name} {shown(one)}" for name, one in value.items())
    return "".join(f"\n{indent}{name:<20} {shown(one, indent + '   ')}" for name, one in value.items() if not isinstance(one, list))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cifar", metavar="FILE")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--tiny", action="store_true", help="small networks and batches, one round")
    given = parser.parse_args()
    given.end = time.monotonic() + 60 * given.minutes
    given.batch, given.rounds = (16, 1) if given.tiny else (512, 20)
    name = torch.cuda.get_device_name() if GPU else platform.processor() or "cpu"
    found = {"device": name, "torch": torch.__version__, "ssl-lab": VERSION, "python": platform.python_version(), "tiny": given.tiny}
    print(*(f"{key} {value}" for key, value in found.items()), sep="   ", flush=True)
    for part in given.only:
        start = time.monotonic()
        try:
            found[part] = PARTS[part](given)
        except Exception as error:  # noqa: BLE001 (the other parts are worth their minutes)
            found[part] = {"failed": f"{type(error).__name__}: {error}", "where": traceback.format_exc(limit=-3)}
        print(f"{part}, {time.monotonic() - start:.0f} s: {shown(found[part])}", flush=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n")
    return int(any("failed" in found[part] and isinstance(found[part]["failed"], str) for part in given.only))


if __name__ == "__main__":
    sys.exit(main())
