"""What a GPU is promised: every method steps on it without a wait, resumes to the bit, and computes what the CPU computes."""

from dataclasses import replace

import pytest
import torch

from ssl_lab import methods
from ssl_lab.arguments import arguments
from ssl_lab.augment import Augmentation
from ssl_lab.data import load
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.kmeans import assign, kmeans, pca_whiten
from ssl_lab.losses import info_nce, nt_xent
from ssl_lab.models import small_resnet
from ssl_lab.stream import RandomStream
from ssl_lab.train import Training, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here; tests/benchmarks/gpu.py runs these tests on one")
METHODS = pytest.mark.parametrize("name", methods.__all__)


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=256)


def lesson(name: str, images):
    """Some without a label, for a method that learns from both kinds."""
    return images.label_fraction(0.25) if getattr(methods, name).labels == "both" else images


def build(name: str, seed: int = 0):
    kind = getattr(methods, name)
    torch.manual_seed(seed)
    options = {"threshold": 0.0} if "threshold" in arguments(kind) else {}  # a teacher of two epochs is sure of nothing
    return (kind(small_resnet(width=8, norm="layer" if name == "CPC" else "batch"), **options) if "encoder" in arguments(kind) else kind()).cuda()


def short(name: str):
    return replace(getattr(methods, name).recipes["scenes"], epochs=2, batch=64)


@METHODS
def test_no_step_waits_for_the_device(name, images):
    training = Training(build(name), lesson(name, images), short(name))
    batches, _ = training.begin(0)
    batch = next(batches)
    for _ in range(3):  # the first steps allocate, and choose algorithms
        training.step(batch)
        training.method.after_step(0.5)
    torch.cuda.set_sync_debug_mode("error")
    try:
        training.step(batch)
        training.method.after_step(0.5)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@METHODS
def test_a_run_resumes_to_the_bit(name, images, tmp_path):
    data = lesson(name, images)
    torch.backends.cudnn.deterministic, before = True, torch.backends.cudnn.deterministic
    whole, first, second = build(name), build(name), build(name, seed=3)
    list(train(whole, data, short(name), out=tmp_path / "whole"))
    next(train(first, data, short(name), out=tmp_path / "parts"))
    list(train(second, data, short(name), out=tmp_path / "parts", resume=True))
    torch.backends.cudnn.deterministic = before
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), second.state_dict().values()))


def test_it_learns(images):
    some = load("scenes", limit=2000)
    method = build("SimCLR")
    before = knn(method, some)
    list(train(method, some, replace(methods.SimCLR.recipes["scenes"], epochs=6, batch=128)))
    assert knn(method, some) > before + 0.1


def knn(method, images) -> float:
    h, y = features(method.encoder, images).cpu(), images.labels
    return knn_accuracy(h[:1500], y[:1500], h[1500:], y[1500:], k=20)


def test_random_numbers_of_the_device_are_the_streams_own():
    device = torch.device("cuda")
    torch.cuda.manual_seed(5)
    state = torch.cuda.get_rng_state()
    with RandomStream(3, device):
        first = torch.rand(4, device=device)
    with RandomStream(3, device):
        again = torch.rand(4, device=device)
    assert torch.equal(first, again) and torch.equal(torch.cuda.get_rng_state(), state)


def test_views_of_one_draw_are_those_of_the_cpu(images):
    draw = Augmentation(blur_share=0.5, solarise_share=0.0).draw(images.x)
    there = type(draw)(**{name: value.cuda() if isinstance(value, torch.Tensor) else value for name, value in vars(draw).items()})
    torch.testing.assert_close(there(images.x.cuda()).cpu(), draw(images.x), atol=2e-5, rtol=0)


@pytest.mark.parametrize("N", [64, 1024])
def test_losses_are_those_of_the_cpu_in_float64(N):
    torch.manual_seed(0)
    z1, z2, queue = torch.randn(N, 64), torch.randn(N, 64), torch.nn.functional.normalize(torch.randn(4096, 64))
    for tau in (0.07, 0.5):
        ours, exact = nt_xent(z1.cuda(), z2.cuda(), tau).item(), nt_xent(z1.double(), z2.double(), tau).item()
        assert abs(ours - exact) <= 5e-6 * max(1, exact)
        q, k = (torch.nn.functional.normalize(z) for z in (z1, z2))
        ours, exact = info_nce(q.cuda(), k.cuda(), queue.cuda(), tau).item(), info_nce(q.double(), k.double(), queue.double(), tau).item()
        assert abs(ours - exact) <= 5e-6 * max(1, exact)


def test_clusters_are_the_same_twice_and_those_of_the_cpu():
    x = torch.randn(20_000, 32, generator=torch.Generator().manual_seed(0)) + 5
    for init in ("random", "k-means++", x[:300]):
        one, again, cpu = kmeans(x.cuda(), 300, 5, init), kmeans(x.cuda(), 300, 5, init), kmeans(x, 300, 5, init)
        assert all(value.is_cuda for value in vars(one).values())
        assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(again).values()))
        assert one.inertia.item() == pytest.approx(cpu.inertia.item(), rel=1e-3)
    ties = torch.randn(20, 32).repeat(5, 1)
    assert int(assign(x.cuda(), ties.cuda()).max()) < 20
    torch.testing.assert_close(pca_whiten(x.cuda(), 8)(x).cpu(), pca_whiten(x, 8)(x), atol=1e-4, rtol=1e-4)


def test_the_explorer_of_the_queue_looks_at_a_method_where_it_is(images):
    pytest.importorskip("ipywidgets", reason="ipywidgets is not here; gpu.py asks for no widgets")
    from ssl_lab.widgets import QueueExplorer

    explorer = QueueExplorer(build("MoCo"), images, steps=5, batch=8, step=4)
    assert all(run.method.queue.is_cuda for run in explorer.runs.values())
    assert "Step 4 of MoCo" in explorer.summary
