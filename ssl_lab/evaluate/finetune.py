"""Fine-tuning: the whole encoder learns from a few labels (SimCLR's section 4.3). A linear probe, instead, keeps the encoder frozen."""

import copy

import torch
from torch import nn

from ssl_lab.arguments import Range, check_network
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.evaluate.knn import check_ids
from ssl_lab.features import features
from ssl_lab.methods.supervised import Supervised
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.surroundings import usual
from ssl_lab.train import train

GENTLE = Recipe(epochs=1, batch=128, lr=5e-4, weight_decay=1e-2)  # for a trained encoder; an untrained one takes lr=2e-3


def finetune(
    encoder: nn.Module,
    images: Images,
    unseen: Images,
    steps: int = 600,
    recipe: Recipe = GENTLE,
    augmentation: Augmentation = SMALL,
    threads: int | None = None,
) -> float:
    """Train a copy of the encoder and a linear classifier on the labelled images, and return their accuracy, in [0, 1], on the unseen images.

    The arguments are those of `finetuned`, which returns the network itself. The encoder does not change.
    Raises: InputError for an encoder that is no network, images without a label, or steps below 1.
    """
    check_network("encoder", encoder, nn.Module)
    classes = asked_classes(images, unseen)
    return right_share(finetuned(encoder, images, steps, recipe, augmentation, threads, classes), unseen)


def asked_classes(images: Images, unseen: Images) -> int:
    """How many classes the labels of both have. Raises: InputError where one of them has no label."""
    for given in (images, unseen):
        check_images(given, "fine-tuning")
    known, asked = images.labelled(), unseen.labelled()
    require(len(known) > 0 and len(asked) > 0, f"got {len(known)} labelled images to learn from and {len(asked)} to test on; both are needed")
    check_ids(labels := torch.cat([known.labels, asked.labels]))
    return max(len(images.classes), 1 + int(labels.max()))


def right_share(network: nn.Module, unseen: Images) -> float:
    """Share, in [0, 1], of the labelled images whose class has the largest logit."""
    asked = unseen.labelled()
    return (features(network, asked).argmax(1).cpu() == asked.labels.cpu()).double().mean().item()


def finetuned(
    encoder: nn.Module,
    images: Images,
    steps: int = 600,
    recipe: Recipe = GENTLE,
    augmentation: Augmentation = SMALL,
    threads: int | None = None,
    classes: int | None = None,
) -> nn.Sequential:
    """A copy of the encoder and a linear classifier, trained on the labelled images: images (B, 3, H, W), floats in [0, 1] → logits (B, classes).

    It is returned in evaluation mode; `features(network, images)` are the logits of many images. The encoder itself does not change.
    steps: optimizer steps; the labelled images take turns, and each is drawn at least once.   recipe: each of its epochs has that many steps.
    threads: as in `train`.   classes: their number; None: as many as the images name, or have.
    Raises: InputError for an encoder that is no network, images without a label, more classes in them than `classes`, or steps below 1.
    """
    check_network("encoder", encoder, nn.Module)
    check_images(images, "fine-tuning")
    known = images.labelled()
    require(len(known) > 0, "got 0 labelled images to learn from; give images with labels (-1 means none)")
    Range(1, whole=True, hint="600 is the default").check("steps", steps)
    check_ids(known.labels)
    classes = max(len(images.classes), 1 + int(known.labels.max())) if classes is None else classes
    device = next(encoder.parameters()).device
    with RandomStream(recipe.seed, device), usual():
        method = Supervised(copy.deepcopy(encoder), classes, augmentation).to(device)
    return learned(method, known, steps, recipe, threads)


def learned(method: Supervised, known: Images, steps: int, recipe: Recipe, threads: int | None = None) -> nn.Sequential:
    """Encoder and classifier of the method itself, after that many steps of each epoch on labelled images; they are in evaluation mode.

    What takes no gradient does not learn.
    """
    for _ in train(method, known.repeated(max(steps * recipe.batch, len(known))), recipe, threads=threads):
        pass
    return nn.Sequential(method.encoder, method.classifier).eval()
