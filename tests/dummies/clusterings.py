"""Runs of DeepCluster as `ssl-lab study` records them, without a training: small, and some of their clusters empty."""

import atexit
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from ssl_lab.files import write_text
from ssl_lab.geometry import nmi
from ssl_lab.scenes import CLASSES
from ssl_lab.studies import Record, begin
from ssl_lab.studies.record import written
from ssl_lab.tensors import write_tensors

EPOCHS, K, N, SHOWN = 4, 12, 80, 40


def write(names=("deepcluster", "deepcluster-no-cure"), epochs=EPOCHS, k=K) -> Path:
    """A folder of these runs, which goes when the process ends."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, True)
    for number, name in enumerate(names):
        draw, seen, kept = torch.Generator().manual_seed(number), [], []
        truth = torch.randint(len(CLASSES), (N,), generator=draw)
        y = torch.randint(k - 2, (N,), generator=draw)
        for epoch in range(1, epochs + 1):
            moved = torch.rand(N, generator=draw) < 0.3
            before, y = y, torch.where(moved, truth % (k - 2), y)
            row = {"epoch": epoch, "nmi": nmi(before, y).item() if epoch > 1 else None, "truth": nmi(y, truth).item()}
            seen.append({**row, "sizes": y.bincount(minlength=k).tolist()})
            xy = torch.stack([y % 4 - 1.5, y // 4 - 1.0], dim=1) + 0.2 * torch.randn(N, 2, generator=draw)
            far = torch.tensor([[0.5, 0.75]]).expand(SHOWN, 2) * epoch
            kept.append({"assignment": y.byte(), "xy": xy[:SHOWN].half(), "next": ((y + 1) % (k - 2))[:SHOWN].byte(), "distances": far.half()})
        record = Record(name, asdict(begin(name)[1]), 0.5, 0.5, {}, {"knn": 0.1, "linear": 0.1, "factors": {}}, 1.0, {}, [], seen)
        write_tensors(folder / f"{name}.safetensors", {f"seen/{key}": torch.stack([one[key] for one in kept]) for key in kept[0]})
        write_text(folder / f"{name}.json", written({key: value for key, value in asdict(record).items() if key != "folder"}))
    return folder
