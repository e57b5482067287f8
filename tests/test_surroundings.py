"""What the caller has switched around a call changes no result, or is refused in one sentence."""

import contextlib

import pytest
import torch
from torch import nn

from ssl_lab.augment import augment
from ssl_lab.checkpoint import read_tensors
from ssl_lab.checks import check_nt_xent
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import colour_match, factor_table, features, finetune, knn_accuracy, leak, linear_probe, mlp_probe, nearest, pca, uniformity
from ssl_lab.geometry import nmi
from ssl_lab.kmeans import assign, kmeans, kmeans_step, repair, whitened_rows
from ssl_lab.losses import nt_xent
from ssl_lab.methods import BYOL, CPC, DeepCluster, MoCo, SimCLR, Supervised
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.studies import record
from ssl_lab.surroundings import usual
from ssl_lab.train import follow, train
from ssl_lab.widgets import EmbeddingExplorer, QueueExplorer, Recording, ViewsExplorer

QUICK = Recipe(2, batch=16)
TINY = {
    MoCo: {"K": 32, "split": 2}, DeepCluster: {"clusters": 6, "pca": 4},
    CPC: {"size": 16, "stride": 8, "steps": 2, "skip": 0, "width": 8, "blocks": 1},
}


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=32)


@pytest.fixture(scope="module")
def h():
    """Nearly parallel, as features are, so that bfloat16 takes some of their cosines for equal."""
    return 1 + 0.1 * torch.randn(32, 8, generator=torch.Generator().manual_seed(0))


def method(kind=MoCo):
    torch.manual_seed(0)
    return kind(small_resnet(width=4, norm="layer" if kind is CPC else "batch"), **TINY.get(kind, {}))


@contextlib.contextmanager
def switched(switch, back, value):
    switch(value)
    try:
        yield
    finally:
        switch(back)


AROUND = {
    "float64": lambda: switched(torch.set_default_dtype, torch.float32, torch.float64),
    "float16": lambda: switched(torch.set_default_dtype, torch.float32, torch.float16),
    "another device": lambda: switched(torch.set_default_device, None, "meta"),
    "no_grad": torch.no_grad,
    "gradients switched off": lambda: switched(torch.set_grad_enabled, True, False),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}
DONE = {  # what is done with built networks, images and features
    "load": lambda f, x, h: vars(load("scenes", limit=20, size=16)),
    "digits": lambda f, x, h: vars(load("digits", limit=20)),
    "label_fraction": lambda f, x, h: x.label_fraction(0.5).labels,
    "augment": lambda f, x, h: augment(x.x, torch.Generator().manual_seed(0), blur_share=0.5, solarise_share=0.5),
    "augment a map": lambda f, x, h: f.augmentation.draw(x.x, torch.Generator().manual_seed(0)).normals(x.normals),
    "knn": lambda f, x, h: knn_accuracy(h, x.labels, h, x.labels, k=5),
    "linear": lambda f, x, h: linear_probe(h, x.labels, h, x.labels).weight,
    "an MLP": lambda f, x, h: mlp_probe(h, x.labels, h, x.labels, epochs=5),
    "factors": lambda f, x, h: factor_table(h, x),
    "colours": lambda f, x, h: colour_match(x.x, x.x.flip(3)),
    "nearest": lambda f, x, h: nearest(h, torch.arange(5, device="cpu"), 3),
    "pca": lambda f, x, h: pca(h)[0],
    "uniformity": lambda f, x, h: uniformity(h),
    "nmi": lambda f, x, h: nmi(x.labels, x.labels.flip(0)),
    "k-means": lambda f, x, h: vars(kmeans(h, 20, 3)),
    "k-means++": lambda f, x, h: vars(kmeans(h, 20, 3, init="k-means++")),
    "a step of k-means": lambda f, x, h: kmeans_step(h, h[:9])[0],
    "an assignment": lambda f, x, h: assign(h, h[:9]),
    "a repair": lambda f, x, h: repair(h[:9], torch.tensor([0, 0, 0, 4, 9, 9, 9, 0, 0], device="cpu"), torch.Generator("cpu").manual_seed(0)),
    "whitening": lambda f, x, h: whitened_rows(h, 4),
    "fine-tuning": lambda f, x, h: finetune(f.encoder, x, x, steps=2, recipe=QUICK),
    "training": lambda f, x, h: [log.loss for log in train(f, x, QUICK, threads=1)] and f.state_dict(),
    "check": lambda f, x, h: bool(check_nt_xent(nt_xent)),
    "views": lambda f, x, h: ViewsExplorer(x).summary,
    "embedding": lambda f, x, h: EmbeddingExplorer(h, x).summary,
}
SEEN = {  # what a network makes of images is rounded by autocast, which is the caller's wish
    "features": lambda f, x, h: features(f.encoder, x),
    "recording": lambda f, x, h: Recording(f, x, pairs=4, K=4).frames[0],
    "leak": lambda f, x, h: leak(f, x, batch=16),
    "queue": lambda f, x, h: QueueExplorer(f, x, steps=2, batch=8).summary,
}
WHERE = {
    "float64": DONE | SEEN, "another device": DONE | SEEN, "float16": ("load", "augment", "factors", "training", "queue"),
    "no_grad": ("linear", "an MLP", "fine-tuning", "training", "check", "queue"), "gradients switched off": ("training",),
    "autocast": [do for do in DONE if do not in ("load", "digits", "label_fraction", "linear", "pca")],
}
CASES = [(around, do) for around in WHERE for do in WHERE[around]]


def same(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)
    return a.tobytes() == b.tobytes() if hasattr(a, "tobytes") else a == b


@pytest.mark.parametrize("around, do", CASES)
def test_what_is_switched_around_a_call_changes_no_bit_of_its_result(around, do, images, h):
    what, known, asked = (DONE | SEEN)[do], method(), method()
    expected = what(known, images, h)
    with AROUND[around]():
        found = what(asked, images, h)
    assert same(expected, found)


@pytest.mark.parametrize("kind", [BYOL, CPC, DeepCluster, MoCo, SimCLR, Supervised])
@pytest.mark.parametrize("around", ["float64", "another device", "no_grad", "autocast"])
def test_every_method_trains_as_it_does_alone(kind, around, images):
    alone, within = method(kind), method(kind)
    list(train(alone, images, QUICK, threads=1))
    with AROUND[around]():
        list(train(within, images, QUICK, threads=1))
    assert same(alone.state_dict(), within.state_dict())


def test_what_is_switched_between_two_steps_changes_nothing(images):
    alone, within = method(), method()
    list(train(alone, images, QUICK, threads=1))
    events, done = follow(within, images, QUICK, threads=1), object()
    while True:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            if next(events, done) is done:
                break
    assert same(alone.state_dict(), within.state_dict())


def studied(folder) -> dict[str, torch.Tensor]:
    list(record("simclr-tiny-batch", folder, limit=32, epochs=1))
    return read_tensors(folder / "simclr-tiny-batch.safetensors")[0]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return studied(tmp_path_factory.mktemp("study"))


@pytest.mark.parametrize("around", ["no_grad", "float64"])
def test_a_study_is_recorded_as_it_is_alone(around, study, tmp_path):
    with AROUND[around]():
        assert same(studied(tmp_path), study)


# inference mode, and other precisions: one sentence


LEARNED = {
    "a training": lambda f, x, h: train(f, x, QUICK),
    "fine-tuning": lambda f, x, h: finetune(f.encoder, x, x, steps=1, recipe=QUICK),
    "an MLP": lambda f, x, h: mlp_probe(h, x.labels, h, x.labels),
}


@pytest.mark.parametrize("do", LEARNED)
def test_inference_mode_is_told(do, images, h):
    with torch.inference_mode(), pytest.raises(InputError, match=r"within torch.inference_mode\(\), and gradients are needed; .* does no harm"):
        LEARNED[do](method(), images, h)


def test_a_step_within_inference_mode_and_parameters_that_were_made_there_are_told(images):
    events = follow(method(), images, QUICK)
    next(events)
    with torch.inference_mode(), pytest.raises(InputError, match="inference_mode"):
        next(events)
    with torch.inference_mode():
        made = method()
    with pytest.raises(InputError, match=r"this MoCo was made, or is trained, within torch.inference_mode\(\)"):
        train(made, images, QUICK)


def frozen(f: nn.Module) -> nn.Module:
    return f.requires_grad_(False)


@pytest.mark.parametrize("kind", [BYOL, CPC, DeepCluster, MoCo, SimCLR, Supervised])
@pytest.mark.parametrize("change, words", [
    (nn.Module.half, "has parameters of torch.float16, and float32 is needed; method.float"), (nn.Module.bfloat16, "torch.bfloat16"),
    (nn.Module.double, "torch.float64"), (frozen, "no parameter of this .* takes a gradient; unfreeze some"),
    (lambda f: f.encoder.double() and f, "torch.float64"),
])
def test_parameters_that_cannot_learn_are_told(kind, change, words, images):
    with pytest.raises(InputError, match=words):
        train(change(method(kind)), images, QUICK)


@pytest.mark.parametrize("do", ["a training", "a recording", "leak", "queue"])
def test_networks_that_a_default_of_float64_made_are_told_with_its_name(do, images, h):
    what = {"a recording": SEEN["recording"], "leak": SEEN["leak"], "queue": SEEN["queue"], "a training": LEARNED["a training"]}[do]
    with AROUND["float64"](), pytest.raises(InputError, match=r"torch.set_default_dtype\(torch.float64\) made them, set torch.float32 before"):
        what(method(), images, h)


def test_defaults_are_back_after_an_error_too():
    torch.set_default_dtype(torch.float64)
    try:
        with contextlib.suppress(ZeroDivisionError), usual():
            assert torch.zeros(1).dtype == torch.float32
            raise ZeroDivisionError
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
