"""Pseudo-labels: what a teacher says of images, which of it is kept, and how often each image is drawn (Xie et al. 2020, section 2).

    p = softmax(teacher(x))  →  filter: the confident ones  →  balance: equally many of every class
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from ssl_lab.arguments import Range
from ssl_lab.data import Images
from ssl_lab.distributed import first
from ssl_lab.errors import InputError, require
from ssl_lab.features import features
from ssl_lab.fingerprint import fingerprint
from ssl_lab.models.promise import said
from ssl_lab.stream import generator


def filter(probs: Float[Tensor, "N C"], threshold: float = 0.3) -> Int64[Tensor, " M"]:
    """The images whose highest probability is at least the threshold, in their order."""
    return (probs.amax(1) >= threshold).nonzero().flatten()


def balance(confidence: Float[Tensor, " M"], labels: Int64[Tensor, " M"], per_class: int, seed: int = 0) -> Int64[Tensor, " n"]:
    """Rows, class by class: per_class of every class that has any.

    Of a class with that many or more, the most confident ones. Of a shorter one, every row equally often, and as many as are still missing once
    more: the seed draws which. Raises: InputError for per_class below 1.
    """
    Range(1, whole=True, hint="images of each class").check("per_class", per_class)
    draw, found = generator(seed), [labels[:0]]
    for c in labels.unique():
        rows = (labels == c).nonzero().flatten()
        rows = rows[confidence[rows].argsort(descending=True, stable=True)]
        times, more = divmod(per_class, len(rows))
        drawn = torch.randperm(len(rows), generator=draw, device="cpu").to(rows.device)
        found += [rows.repeat(times), (rows[drawn] if times else rows)[:more]]
    return torch.cat(found)


def filter_and_balance(
    probs: Float[Tensor, "N C"], threshold: float = 0.3, per_class: int | None = None, seed: int = 0
) -> Int64[Tensor, " n"]:
    """The images to learn from, some several times: `filter`, then `balance`, so that no duplicate is below the threshold.

    per_class: None is the mean number of images that pass, over the classes that have any. Raises: InputError for per_class below 1.
    """
    passed = filter(probs, threshold)
    confidence, labels = probs[passed].max(1)
    if per_class is None:
        per_class = max(1, len(passed) // max(1, len(labels.unique())))
    return passed[balance(confidence, labels, per_class, seed)]


def choose(probs: Float[Tensor, "N C"], threshold: float, per_class: int | None) -> Int64[Tensor, " n"]:
    """The images to learn from: `filter_and_balance`, or, with per_class=0, `filter` alone."""
    return filter(probs, threshold) if per_class == 0 else filter_and_balance(probs, threshold, per_class)


@torch.no_grad()
def ask(
    teacher: nn.Module, data: Images, rows: Int64[Tensor, " n"], threshold: float, per_class: int | None, soft: bool
) -> dict[str, Tensor]:
    """What the teacher, in evaluation mode, says of these rows of x, without augmentation.

    targets: (N, C), for every row of x, 0 for others; soft=False: 1 for the most probable class.   asked: the `question`.   chosen: rows to draw.
    passed: share of the rows that are drawn at all.   confidence: their mean.   per_class: as in `filter_and_balance`; 0: as they are.
    Raises: InputError if no image passes the threshold, and for a teacher whose answers hold NaN.
    """
    p = first(features(teacher, replace(data, index=rows)).softmax(1).to(rows.device))
    broken = int(p.isnan().any(1).sum())
    require(broken == 0, f"the teacher's answers for {broken} of {len(p)} images hold NaN or infinity; take one whose training did not diverge")
    chosen = choose(p, threshold, per_class)
    what = f"no image passes threshold={threshold:g}: the teacher's highest confidence is {p.max():.3f}"
    require(len(chosen) > 0, f"{what}; take a lower threshold, or a teacher that has learned more")
    once = chosen.unique()
    targets = p.new_zeros(len(data.x), p.shape[1])
    targets[rows] = p if soft else F.one_hot(p.argmax(1), p.shape[1]).to(p)
    shares = {"passed": torch.tensor(len(once) / len(rows)), "confidence": p[once].amax(1).mean()}
    return {"targets": targets, "asked": question(data, rows), "chosen": rows[chosen], **shares}


def question(data: Images, rows: Int64[Tensor, " n"]) -> UInt8[Tensor, " b"]:
    """A digest of these rows of these images, by which `answered` knows them again."""
    asked = fingerprint(replace(data, index=rows, targets=None), ("x",))
    return torch.tensor(list(bytes.fromhex(asked.digest)), dtype=torch.uint8)


def answered(kept: dict[str, Tensor], data: Images, rows: Int64[Tensor, " n"]) -> bool:
    """Whether `ask` returned this for these rows of these images, on their device."""
    here = "targets" in kept and kept["targets"].device == rows.device
    return here and torch.equal(kept["asked"].cpu(), question(data, rows))


def check(data: Images, classes: int, teacher: object, student: nn.Module) -> None:
    """Raise InputError for images that all have a label, a class of which none has, or a teacher that does not suit them or is the larger one."""
    labels = data.labels if data.index is None else data.labels[data.index]
    fix = "keep the labels of a part, data.label_fraction(0.1) or --labels 0.1, or learn from labels alone, rounds=1"
    require(bool((labels < 0).any()), f"no image is without a label, so there is nothing to pseudo-label; {fix}")
    none = sorted(set(range(classes)) - set(labels.unique().tolist()))
    names = ", ".join(str(data.classes[c] if c < len(data.classes) else c) for c in none)
    require(not none, f"of {classes} classes, these have no labelled image: {names}; label at least one of each")
    if teacher is not None:
        check_teacher(teacher, student, data, classes)


def check_teacher(teacher: object, student: nn.Module, data: Images, classes: int) -> None:
    """Raise InputError for a teacher that is no network of these classes for these images, or is larger than the student."""
    kind = type(teacher).__name__
    require(isinstance(teacher, nn.Module), f"the teacher is a {kind}; a network (nn.Module) from images to logits is needed")
    theirs, ours = (sum(p.numel() for p in network.parameters()) for network in (teacher, student))
    what = f"the teacher has {theirs:,} parameters and the student {ours:,}"
    require(theirs <= ours, f"{what}; a student is as large as its teacher or larger: give it a wider encoder")
    try:
        given = tuple(features(teacher, data.x[:2]).shape)
    except InputError:
        raise
    except Exception as error:  # whatever error a user's network raises
        what = f"the teacher, this {kind}, cannot take images of {' x '.join(map(str, data.x.shape[1:]))} pixels ({said(error)})"
        fix = "load images of the size that it takes (--size, load(size=...)), or take another network from images to logits"
        raise InputError(f"{what}; {fix}") from error
    what = f"the teacher returns {given} for 2 images, and (2, {classes}) is needed"
    require(given == (2, classes), f"{what}: a number for each of {classes} classes; take another teacher, or images of its classes")
