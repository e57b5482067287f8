"""Efficient classification: a deeper network learns on the frozen positions of an encoder, then all of it is fine-tuned, from few labels.

Hénaff et al. 2020, arXiv 1905.09272, section 4.2, where the share of the labels goes from 1 % to 100 %.
differs: both stages last as long as they are told, without early stopping.
The frozen positions are computed anew for every view, since views matter: with 100 labels of scenes, 500 unseen ones and 12,800 views, the first
stage reaches 0.44 on positions that are computed once, 0.58 with crops and flips, 0.76 with colours, too; and the second stage then 0.62 and 0.86
(seed 0; one epoch of CPC, whose linear probe has 0.25 from the same labels; AVX2, torch 2.15).
"""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from ssl_lab.arguments import Range, check_network
from ssl_lab.augment import SMALL, Augmentation
from ssl_lab.data import Images
from ssl_lab.evaluate.finetune import GENTLE, asked_classes, learned, right_share
from ssl_lab.features import evaluating, shown
from ssl_lab.methods.supervised import Supervised
from ssl_lab.models import Deeper, check_encoder, check_maps, renew_
from ssl_lab.recipe import Recipe
from ssl_lab.stream import RandomStream
from ssl_lab.surroundings import usual

FRESH = Recipe(epochs=1, batch=128, lr=2e-3, weight_decay=1e-2)  # for weights that are random


@dataclass(frozen=True)
class Efficient:
    """Accuracies on the unseen images, in [0, 1], and the network of the last one: images (B, 3, H, W), floats in [0, 1] → logits (B, classes).

    frozen: after the deeper network has learned on the frozen positions.   tuned: after all has been fine-tuned.
    """

    frozen: float
    tuned: float
    network: nn.Sequential


def efficient(
    encoder: nn.Module,
    images: Images,
    unseen: Images,
    steps: int = 600,
    recipe: Recipe = FRESH,
    gentle: Recipe = GENTLE,
    augmentation: Augmentation = SMALL,
    width: int = 64,
    blocks: int = 2,
    threads: int | None = None,
) -> Efficient:
    """Train `Deeper` on a frozen copy of the encoder, then all of it, on the labelled images. The encoder does not change.

    steps: optimizer steps of each stage; the labelled images take turns, and each is drawn at least once.   recipe, gentle: of the first stage and
    of the second; each of their epochs has that many steps.   width, blocks: of `Deeper`.   threads: as in `train`.
    Raises: InputError for an encoder without maps, images without a label, or numbers below 1.
    """
    method = supervised(encoder, images, unseen, steps, recipe, augmentation, width, blocks)
    method.encoder.encoder.requires_grad_(False)
    frozen = right_share(learned(method, images.labelled(), steps, recipe, threads), unseen)
    network = learned(method.requires_grad_(True), images.labelled(), steps, gentle, threads)
    return Efficient(frozen, right_share(network, unseen), network)


def from_scratch(
    encoder: nn.Module,
    images: Images,
    unseen: Images,
    steps: int = 1200,
    recipe: Recipe = FRESH,
    augmentation: Augmentation = SMALL,
    width: int = 64,
    blocks: int = 2,
    threads: int | None = None,
) -> float:
    """Accuracy, in [0, 1], of the same network where all weights are random at first, also the encoder's; as many steps as both stages have.

    The arguments are those of `efficient`.
    Raises: as `efficient`, and InputError for an encoder whose weights cannot be drawn anew.
    """
    method = supervised(encoder, images, unseen, steps, recipe, augmentation, width, blocks)
    with RandomStream((recipe.seed, "scratch"), next(encoder.parameters()).device), usual():
        renew_(method.encoder.encoder).requires_grad_(True)
    return right_share(learned(method, images.labelled(), steps, recipe, threads), unseen)


def supervised(
    encoder: nn.Module, images: Images, unseen: Images, steps: int, recipe: Recipe, augmentation: Augmentation, width: int, blocks: int
) -> Supervised:
    """A linear classifier on `Deeper` on a copy of the encoder, which shows first whether it takes these images."""
    check_network("encoder", encoder, nn.Module)
    classes = asked_classes(images, unseen)
    Range(1, whole=True, hint="600 is the default").check("steps", steps)
    device = next(encoder.parameters()).device
    with RandomStream(recipe.seed, device), usual():
        network = Deeper(copy.deepcopy(encoder), width, blocks, channels=channels(encoder, images))
        return Supervised(network, classes, augmentation).to(device)


def channels(encoder: nn.Module, images: Images) -> int:
    """How many channels the maps have, which for a wrapped network may be others than `.dim`. Raises: InputError for an encoder without maps."""
    check_maps(encoder)
    pair = shown(encoder, images.repeated(2)[:2], next(encoder.parameters()).device)
    check_encoder(encoder, pair)
    with evaluating(encoder), torch.no_grad():
        return encoder.maps(pair).shape[1]
