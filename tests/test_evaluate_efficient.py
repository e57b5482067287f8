"""Efficient classification: a deeper network learns on what is frozen, then all learns, and the encoder that was given is as it was."""

import sys
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from torch import nn

from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import Efficient, efficient, features, from_scratch, linear_probe
from ssl_lab.evaluate.efficient import FRESH, channels
from ssl_lab.evaluate.finetune import GENTLE
from ssl_lab.methods.supervised import PLAIN
from ssl_lab.models import Deeper, Encoder, PatchEncoder, small_alexnet, small_resnet
from ssl_lab.train import Training

MODULE = sys.modules["ssl_lab.evaluate.efficient"]
SMALL = {"width": 6, "blocks": 1, "augmentation": PLAIN, "threads": 1}
QUICK = {"recipe": replace(FRESH, batch=32, lr=1e-2), "gentle": replace(GENTLE, batch=32)}


class Wider(nn.Module):
    """Its maps have more channels than its features, as those of some wrapped networks have."""

    dim = 8

    def __init__(self, side: int = 8):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 12, side, stride=side), nn.Linear(12, 8)

    def forward(self, x):
        return self.last(self.maps(x).mean((2, 3)))

    def maps(self, x):
        return self.first(x).relu()


def corners(count: int, seed: int) -> Images:
    """The class says whether the bright quarter lies on the one diagonal or on the other: no mean over patches knows it."""
    draw = torch.Generator().manual_seed(seed)
    x, where = torch.randint(0, 60, (count, 3, 32, 32), generator=draw, dtype=torch.uint8), torch.randint(0, 4, (count,), generator=draw)
    for image, quarter in zip(x, where.tolist(), strict=True):
        top, left = 16 * (quarter // 2), 16 * (quarter % 2)
        image[:, top : top + 16, left : left + 16] += 180
    return Images(x, (where == 1).long() + (where == 2).long(), ("one", "other"))


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=64)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return PatchEncoder(small_resnet(2, norm="layer"), 16, 16)


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(before: dict[str, torch.Tensor], network: nn.Module) -> bool:
    return before.keys() == network.state_dict().keys() and all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def stages(monkeypatch) -> list[tuple[nn.Module, dict, dict]]:
    """After every stage: its method, and the bytes before and after it."""
    seen, real = [], MODULE.learned

    def learned(method, *options):
        before = state(method)
        network = real(method, *options)
        seen.append((method, before, state(method)))
        return network

    monkeypatch.setattr(MODULE, "learned", learned)
    return seen


def test_the_deeper_network_learns_what_lies_in_the_places_of_the_patches():
    torch.manual_seed(0)
    known, unseen, below = corners(120, 0), corners(200, 1), Wider(side=16)
    views = replace(PLAIN, area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0)
    found = efficient(below, known, unseen, steps=80, **QUICK, **SMALL | {"augmentation": views, "width": 12})
    assert linear_probe(features(below, known), known.labels, features(below, unseen), unseen.labels).accuracy < 0.65
    assert found.frozen > 0.9 and found.tuned > 0.9


@pytest.mark.parametrize("below", [lambda: small_resnet(2), lambda: PatchEncoder(small_resnet(2, norm="batch"), 16, 16)])
def test_what_is_frozen_keeps_every_byte_its_normalisation_too_and_then_all_of_it_learns(below, images, monkeypatch):
    torch.manual_seed(0)
    seen = stages(monkeypatch)
    efficient(below(), images, images, steps=2, **QUICK, **SMALL)
    (method, *frozen), (again, *tuned) = seen
    assert method is again
    moved = [{name for name in before if not torch.equal(before[name], after[name])} for before, after in (frozen, tuned)]
    learns = {name for name, _ in method.named_parameters()}
    assert moved[0] >= {name for name in learns if not name.startswith("encoder.encoder.")}
    assert not [name for name in moved[0] if name.startswith("encoder.encoder.")]
    assert moved[1] >= learns
    assert [name for name in moved[1] if name.startswith("encoder.encoder.") and name.endswith("running_mean")]


def test_frozen_normalisation_computes_as_in_evaluation_while_the_rest_learns(images, monkeypatch):
    torch.manual_seed(0)
    below, seen = small_resnet(2), []
    below.stem[1].running_mean.normal_()
    real = Training.step

    def step(training, batch):
        loss = real(training, batch)
        seen.append({name for name, part in training.method.named_modules() if isinstance(part, nn.BatchNorm2d) and part.training})
        return loss

    monkeypatch.setattr(Training, "step", step)
    efficient(below, images, images, steps=1, **QUICK, **SMALL)
    first, second = seen[0], seen[-1]
    assert first and not [name for name in first if name.startswith("encoder.encoder.")]
    assert [name for name in second if name.startswith("encoder.encoder.")]


def test_the_encoder_and_the_random_numbers_are_left_alone_and_the_same_again_gives_the_same(images, encoder):
    before, drawn, needs = state(encoder), torch.get_rng_state(), [p.requires_grad for p in encoder.parameters()]
    for run in (lambda: efficient(encoder, images, images, steps=2, **QUICK, **SMALL).network.state_dict(),
                lambda: {"": torch.tensor(from_scratch(encoder, images, images, steps=3, recipe=QUICK["recipe"], **SMALL))}):
        first, again = run(), run()
        assert all(torch.equal(first[name], again[name]) for name in first)
    assert same(before, encoder) and torch.equal(torch.get_rng_state(), drawn)
    assert [p.requires_grad for p in encoder.parameters()] == needs and not encoder.network.stem[0].weight.grad


def test_another_seed_gives_another_network(images, encoder):
    first, other = (
        efficient(encoder, images, images, steps=1, **QUICK | {"recipe": replace(QUICK["recipe"], seed=seed)}, **SMALL).network for seed in (0, 1)
    )
    assert not torch.equal(first[0].narrow[0].weight, other[0].narrow[0].weight)


def test_the_network_is_the_one_whose_accuracy_is_measured_and_gives_logits_in_evaluation_mode(images, encoder):
    unseen = load("scenes", "test", limit=50)
    found = efficient(encoder, images, unseen, steps=3, **QUICK, **SMALL)
    assert found.tuned == (features(found.network, unseen).argmax(1) == unseen.labels).double().mean().item()
    assert not any(part.training for part in found.network.modules())
    assert isinstance(found.network[0], Deeper) and found.network(torch.rand(2, 3, 32, 32)).shape == (2, len(images.classes))
    assert isinstance(found, Efficient)
    with pytest.raises(FrozenInstanceError):
        found.tuned = 1.0


def test_only_labelled_images_are_learned_and_asked_and_every_stage_has_its_steps_and_its_recipe(images, encoder, monkeypatch):
    seen, finetuning = [], sys.modules["ssl_lab.evaluate.finetune"]
    real = finetuning.train
    monkeypatch.setattr(finetuning, "train", lambda method, data, recipe, **more: seen.append((data, recipe)) or real(method, data, recipe, **more))
    some = images.label_fraction(0.25)
    efficient(encoder, some, some, steps=3, **QUICK, **SMALL)
    from_scratch(encoder, some, some, steps=2, recipe=QUICK["recipe"], **SMALL)
    assert [recipe for _, recipe in seen] == [QUICK["recipe"], QUICK["gentle"], QUICK["recipe"]]
    assert [len(data) for data, _ in seen] == [96, 96, 64]
    assert all(len(data.x) == 16 and int(data.labels.min()) >= 0 for data, _ in seen)


def test_from_scratch_all_weights_are_random_and_learn_whatever_the_encoder_knew(images, monkeypatch):
    """A frozen encoder of zeros and one of ones begin alike, with weights that are neither."""
    seen, below = stages(monkeypatch), small_resnet(2).requires_grad_(False)
    for value in (0.0, 1.0):
        for p in below.parameters():
            p.fill_(value)
        from_scratch(below, images, images, steps=1, recipe=QUICK["recipe"], **SMALL)
    (first, *bytes_), (_, again, _) = seen
    assert all(torch.equal(bytes_[0][name], again[name]) for name in again)
    assert bytes_[0]["encoder.encoder.stem.0.weight"].std() > 0.01
    assert all(not torch.equal(bytes_[0][name], bytes_[1][name]) for name, _ in first.named_parameters())
    assert all((p == 1).all() for p in below.parameters())


@pytest.mark.parametrize("below", [lambda: small_resnet(2), lambda: small_alexnet(width=6), lambda: Encoder(small_resnet(2), side=32)])
def test_any_encoder_with_positions_is_measured(below, images):
    found = efficient(below(), images, images, steps=1, **QUICK, **SMALL)
    assert 0 <= found.frozen <= 1 and 0 <= found.tuned <= 1


def test_maps_may_have_other_channels_than_the_features(images):
    assert channels(Wider(), images) == 12
    assert efficient(Wider(), images, images, steps=1, **QUICK, **SMALL).network[0].narrow[0].in_channels == 12


class Flat(nn.Module):
    dim = 3

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3, 3)

    def forward(self, x):
        return self.last(x.mean((2, 3)))


@pytest.mark.parametrize("run", [efficient, from_scratch])
@pytest.mark.parametrize("wrong, words", [
    (lambda run, f, x: run(f, x.unlabelled(), x), "0 labelled images to learn from"),
    (lambda run, f, x: run(f, x, x.unlabelled()), "0 to test on"),
    (lambda run, f, x: run(f, x, x, steps=0), "steps=0 must be a whole number from 1"),
    (lambda run, f, x: run(f, x, x, blocks=0), "blocks=0"), (lambda run, f, x: run(f, x, x, width=0), "width=0"),
    (lambda run, f, x: run(nn.Flatten(), x, x), "this Flatten, does not say how wide its features are"),
    (lambda run, f, x: run(Flat(), x, x), r"this Flat, has no \.maps"),
    (lambda run, f, x: run(PatchEncoder(small_resnet(2), 64, 32), x, x), "64"),
])
def test_what_it_needs_is_said(run, wrong, words, images, encoder):
    with pytest.raises(InputError, match=words):
        wrong(run, encoder, images)


def test_an_encoder_whose_weights_cannot_be_drawn_anew_is_told(images):
    below = small_resnet(2)
    below.more = nn.Parameter(torch.zeros(3))
    with pytest.raises(InputError, match="the parameter more cannot be drawn anew"):
        from_scratch(below, images, images, steps=1, recipe=QUICK["recipe"], **SMALL)
