"""Fine-tuning learns from the labels that there are, and leaves the encoder as it was."""

import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import features, finetune, finetuned
from ssl_lab.evaluate.finetune import GENTLE
from ssl_lab.methods.supervised import PLAIN
from ssl_lab.models import small_resnet

QUICK = replace(GENTLE, batch=32, lr=5e-3)


@pytest.fixture(scope="module")
def images():
    return load("scenes", limit=400)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return small_resnet(width=4)


def test_it_learns_what_the_labels_say(images, encoder):
    """Asked about the images that it learned, after many steps it knows most, after one step it guesses."""
    few = images[:60]
    assert finetune(encoder, few, few, steps=150, recipe=QUICK, augmentation=PLAIN) > 0.6
    assert finetune(encoder, few, few, steps=1, recipe=QUICK, augmentation=PLAIN) < 0.35


def test_the_encoder_and_the_random_numbers_are_left_alone_and_the_same_again_gives_the_same(images, encoder):
    before, state = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}, torch.get_rng_state()
    first, again = (finetune(encoder, images, images, steps=5, recipe=QUICK) for _ in range(2))
    assert first == again
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_only_labelled_images_are_learned_and_asked(images, encoder, monkeypatch):
    seen, module = {}, sys.modules["ssl_lab.evaluate.finetune"]
    real = module.train
    monkeypatch.setattr(module, "train", lambda method, data, recipe, **options: seen.update(data=data) or real(method, data, recipe, **options))
    finetune(encoder, images.label_fraction(0.1), images.label_fraction(0.5), steps=3, recipe=QUICK)
    assert len(seen["data"]) == 96 and len(seen["data"].x) == 40 and int(seen["data"].labels.min()) >= 0


@pytest.mark.parametrize("wrong, words", [
    (lambda f, images: finetune(f, images.unlabelled(), images), "0 labelled images to learn from"),
    (lambda f, images: finetune(f, images, images.unlabelled()), "0 to test on"),
    (lambda f, images: finetune(f, images, images, steps=0), "steps=0"),
    (lambda f, images: finetune(nn.Flatten(), images, images), "this Flatten, does not say how wide its features are"),
])
def test_what_it_needs_is_said(images, encoder, wrong, words):
    with pytest.raises(InputError, match=words):
        wrong(encoder, images)


def test_images_whose_classes_have_no_names_are_learned_from_too(images, encoder):
    nameless = replace(images, classes=())
    assert finetune(encoder, nameless, images, steps=3, recipe=QUICK) == finetune(encoder, images, images, steps=3, recipe=QUICK)


# ---- the network itself


def accuracy(network: nn.Module, images) -> float:
    return (features(network, images).argmax(1) == images.labels).double().mean().item()


def test_the_network_is_the_one_whose_accuracy_is_measured_and_gives_logits_in_evaluation_mode(images, encoder):
    unseen = images[200:]
    options = {"steps": 5, "recipe": QUICK, "augmentation": PLAIN, "threads": 1}
    network = finetuned(encoder, images[:200], **options)
    assert finetune(encoder, images[:200], unseen, **options) == accuracy(network, unseen)
    assert not any(part.training for part in network.modules())
    x = unseen[:7].x.float() / 255
    torch.testing.assert_close(network(x), features(network, unseen[:7]))
    assert network(x).shape == (7, len(images.classes))
    assert not torch.equal(network[0].stem[0].weight, encoder.stem[0].weight)


def test_the_number_of_classes_is_that_of_their_names_or_of_the_labels_or_as_given(images, encoder):
    some, options = replace(images, classes=(), labels=images.labels.clamp(max=3)), {"steps": 1, "recipe": QUICK, "threads": 1}
    widths = [finetuned(encoder, given, **options, **more)[1].out_features for given, more in ((images, {}), (some, {}), (some, {"classes": 9}))]
    assert widths == [len(images.classes), 4, 9]
    with pytest.raises(InputError, match="classes=4"):
        finetuned(encoder, some, **options, classes=3)


@pytest.mark.parametrize("wrong, words", [
    (lambda f, images: finetuned(f, images.unlabelled()), "0 labelled images to learn from"),
    (lambda f, images: finetuned(f, images, steps=0), "steps=0"),
    (lambda f, images: finetuned(nn.Flatten(), images), "this Flatten, does not say how wide its features are"),
])
def test_what_the_network_needs_is_said(images, encoder, wrong, words):
    with pytest.raises(InputError, match=words):
        wrong(encoder, images)
