"""Two processes (gloo) give what one process with the whole batch gives: the gradient of every method, one queue, the same clusters."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

import ssl_lab
from ssl_lab import distributed
from ssl_lab.distributed import gather

METHODS = ("SimCLR", "MoCo", "BYOL", "CMC", "CMC with queues", "CPC")
SHARED = """
    import json, sys, warnings
    import torch
    import torch.distributed as dist
    from ssl_lab import DeepCluster, MoCo, SimCLR, small_resnet
    from ssl_lab.data import load
    from ssl_lab.distributed import rank
    from ssl_lab.errors import InputError
    from ssl_lab.recipe import Recipe
    from ssl_lab.train import follow, train

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    images, recipe, found = load("scenes", limit=80), Recipe(epochs=2, batch=32, lr=0.01), {}
    for name, kind, options in (
        ("SimCLR", SimCLR, {"dim": 8}), ("MoCo", MoCo, {"dim": 8, "K": 40, "split": 2}),
        ("DeepCluster", DeepCluster, {"clusters": 6, "pca": 4, "balance": "none"}),
    ):
        torch.manual_seed(rank())  # other weights on every rank, until the training begins
        method, seen, queues, losses = kind(small_resnet(width=4), **options), [], [], []
        real, clusters = method.views, []
        method.views = lambda x, *y: seen.append((x.double().flatten(1) @ torch.arange(3072.0).double()).tolist()) or real(x, *y)
        for event in follow(method, images, recipe, out=f"{sys.argv[1]}/{name}"):
            if hasattr(event, "progress"):
                queues.append(method.queue.tolist() if name == "MoCo" else [])
            else:
                losses.append(event.loss)
                clusters.append([*(x.tolist() for x in method.kept.values())])
        weights = [t.flatten().tolist() for t in method.state_dict().values()]
        found[name] = {"seen": seen, "clusters": clusters, "queues": queues, "losses": losses, "weights": weights}
    refused = []
    for wrong in ({"batch": 31}, {"batch": 32, "resume": True}):
        try:
            again = wrong.pop("resume", False)
            train(SimCLR(small_resnet(width=4)), images, Recipe(epochs=1, **wrong), out=f"{sys.argv[1]}/SimCLR" if again else None, resume=again)
        except InputError as error:
            refused.append(str(error))
    found["refused"] = refused
    with open(f"{sys.argv[1]}/rank{rank()}.json", "w") as file:
        json.dump(found, file)
    dist.destroy_process_group()
"""

SCRIPT = """
    import json, os, sys
    import torch, torch.distributed as dist
    from ssl_lab import methods
    from ssl_lab.models import small_resnet

    torch.set_num_threads(1)
    rank, world = int(sys.argv[1]), int(sys.argv[2])
    if world > 1:
        os.environ.update(GLOO_SOCKET_IFNAME="lo")
        dist.init_process_group("gloo", init_method=f"file://{sys.argv[3]}", rank=rank, world_size=world)
    found = {}
    every = {"SimCLR": {}, "MoCo": {"K": 20, "split": 2}, "BYOL": {}, "CMC": {}}
    every["CMC with queues"] = {"K": 20, "views": ("L", "ab", "rgb"), "graph": "full"}
    every["CPC"] = {"size": 8, "stride": 4, "steps": 2, "skip": 0, "width": 4, "blocks": 1}
    channels = {"CMC": (1, 2), "CMC with queues": (1, 2, 3)}
    for name, options in every.items():
        torch.manual_seed(0)
        network = small_resnet(width=4, norm="layer" if name == "CPC" else "batch")
        method = getattr(methods, name.split()[0])(network, dim=8, **options).double()
        views = [torch.rand(16, c, 32, 32, dtype=torch.float64) for c in channels.get(name, (3, 3))]
        views = [torch.rand(16, 3, 3, 3, 8, 8, dtype=torch.float64)] if name == "CPC" else views  # patches
        method.eval()  # batch norm knows only the images of its own rank
        norms, queues = [], []
        for step in range(2):
            mine = [view[rank * 16 // world :][: 16 // world] for view in views]
            method.zero_grad()
            loss = method(*mine)
            loss.backward()
            learned = [p for p in method.parameters() if p.requires_grad and p.grad is not None]
            for p in learned:
                if world > 1:
                    dist.all_reduce(p.grad)
                    p.grad /= world  # what DistributedDataParallel does
            with torch.no_grad():
                for p in learned:
                    p -= 0.1 * p.grad
            method.after_step(0.25)
            views = [view.flip(-1) for view in views]
        found[name] = {
            "gradients": [p.grad.flatten().tolist() for p in learned],
            "weights": [p.flatten().tolist() for p in method.parameters()],
            "queue": getattr(method, "queue", getattr(method, "queues", torch.empty(0, 1))).flatten(0, -2).tolist(),
            "pointer": int(method.pointer) if name == "MoCo" else 0,
        }
    if world > 1:
        dist.destroy_process_group()
    print(json.dumps(found))
"""


def start(rank: int, world: int, meeting) -> subprocess.Popen:
    code = [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT), str(rank), str(world), str(meeting)]
    return subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def results(processes: list[subprocess.Popen]) -> list[dict]:
    said = [process.communicate(timeout=300) for process in processes]
    assert all(process.returncode == 0 for process in processes), said
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    meeting = tmp_path_factory.mktemp("meeting") / "point"
    return results([start(0, 1, meeting), start(0, 2, meeting), start(1, 2, meeting)])


def furthest(a: list[list[float]], b: list[list[float]]) -> float:
    assert len(a) == len(b) > 0
    return max((torch.tensor(x, dtype=torch.float64) - torch.tensor(y, dtype=torch.float64)).abs().max().item() for x, y in zip(a, b))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("rank", [0, 1])
def test_the_averaged_gradient_of_two_processes_is_that_of_one(runs, name, rank):
    one, *two = runs
    assert max(abs(x) for row in one[name]["gradients"] for x in row) > 1e-4
    assert furthest(one[name]["gradients"], two[rank][name]["gradients"]) <= 1e-6
    assert furthest(one[name]["weights"], two[rank][name]["weights"]) <= 1e-6


def test_the_queue_is_the_same_on_both_and_that_of_one_process(runs):
    one, *two = (run["MoCo"] for run in runs)
    assert two[0]["queue"] == two[1]["queue"]
    assert furthest(one["queue"], two[0]["queue"]) <= 1e-6
    assert one["pointer"] == two[0]["pointer"] == two[1]["pointer"] == 32 % 20


def test_the_queues_of_all_views_are_the_same_on_both_and_those_of_one_process(runs):
    one, *two = (run["CMC with queues"] for run in runs)
    assert two[0]["queue"] == two[1]["queue"] and len(one["queue"]) == 3 * 20
    assert furthest(one["queue"], two[0]["queue"]) <= 1e-6


def test_one_process_gathers_nothing():
    z = torch.rand(3, 2, requires_grad=True)
    assert gather(z) is z


def test_the_gradient_of_a_gathered_row_is_the_sum_over_ranks(monkeypatch):
    """Rank 1 of two, played by hand: the other rank sends rows, and on the way back gradients."""
    other, theirs = torch.full((3, 2), 5.0), torch.full((6, 2), 10.0)

    def all_gather(parts, mine):
        parts[0].copy_(other)
        parts[1].copy_(mine)

    monkeypatch.setattr(distributed.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed.dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed.dist, "get_rank", lambda: 1)
    monkeypatch.setattr(distributed.dist, "all_gather", all_gather)
    monkeypatch.setattr(distributed.dist, "all_reduce", lambda slope: slope.add_(theirs))
    z = torch.rand(3, 2, requires_grad=True)
    rows = gather(z)
    assert torch.equal(rows, torch.cat([other, z]))
    (rows * torch.arange(6.0)[:, None]).sum().backward()
    torch.testing.assert_close(z.grad, torch.arange(3.0, 6.0)[:, None].expand(3, 2) + 10)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A short SimCLR, MoCo and DeepCluster by `train` itself, through torchrun on two processes."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "script.py").write_text(textwrap.dedent(SHARED))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(folder / "script.py"), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": str(Path(ssl_lab.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return folder, [json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("name", ["SimCLR", "MoCo", "DeepCluster"])
def test_ranks_share_every_batch_and_end_with_the_same_weights(together, name):
    """80 images, two epochs of two batches of 32: 16 for each rank, no image twice in an epoch, and the same log on both."""
    _, (one, other) = together
    assert [[len(x) for x in rank[name]["seen"]] for rank in (one, other)] == [[16] * 4] * 2
    for epoch in (slice(0, 2), slice(2, 4)):
        drawn = [value for rank in (one, other) for x in rank[name]["seen"][epoch] for value in x]
        assert len(drawn) == 64 and len(set(drawn)) == 64
    assert one[name]["weights"] == other[name]["weights"] and one[name]["losses"] == other[name]["losses"]


def test_queues_are_equal_from_the_first_step(together):
    _, (one, other) = together
    assert len(one["MoCo"]["queues"]) == 4 and one["MoCo"]["queues"] == other["MoCo"]["queues"]
    assert one["MoCo"]["queues"][0] != one["MoCo"]["queues"][1]


def test_clusters_and_what_is_said_of_them_are_the_same_on_both(together):
    _, (one, other) = together
    (first, *_), (second, agreement, *_) = one["DeepCluster"]["clusters"]
    assert one["DeepCluster"]["clusters"] == other["DeepCluster"]["clusters"]
    assert len(first) == len(second) == 80 and len(set(first)) == 6 and 0 < agreement <= 1


def test_what_one_device_decides_for_all_is_written_into_the_others(monkeypatch):
    def broadcast(x, source):
        x.copy_(torch.arange(3) + source)

    mine = torch.zeros(3, dtype=torch.long)
    assert distributed.first(mine) is mine and mine.tolist() == [0, 0, 0]  # alone
    monkeypatch.setattr(distributed.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed.dist, "broadcast", broadcast)
    assert distributed.first(mine).tolist() == [0, 1, 2]


def test_one_rank_writes_the_run(together):
    folder, _ = together
    for name in ("SimCLR", "MoCo", "DeepCluster"):
        assert {path.name for path in (folder / name).iterdir()} == {"config.json", "metrics.jsonl", "weights.safetensors", "state.safetensors"}
        assert len((folder / name / "metrics.jsonl").read_text().splitlines()) == 2


def test_what_ranks_cannot_share_or_resume_is_refused_in_a_sentence(together):
    _, ranks = together
    for found in ranks:
        assert ["batch=31 cannot be shared by 2 processes" in found["refused"][0], "cannot resume" in found["refused"][1]] == [True, True]
