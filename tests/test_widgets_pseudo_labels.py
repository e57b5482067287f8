"""PseudoLabelExplorer: what it counts is what the library's filter and balance do, and the hidden truth decides nothing."""

import runpy
from pathlib import Path

import pytest
import torch

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.plots.pseudo_labels.numbers import THRESHOLDS
from ssl_lab.pseudo_labels import filter, filter_and_balance
from ssl_lab.widgets import PseudoLabelExplorer

SAID = runpy.run_path(str(Path(__file__).parent / "dummies" / "teachers.py"))["said"]


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=200)


@pytest.fixture(scope="module")
def probs(images):
    return SAID(images.labels)


@pytest.fixture(scope="module")
def explorer(images, probs):
    return PseudoLabelExplorer(images, probs)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.75, 0.95])
@pytest.mark.parametrize("generation", [1, 3])
def test_it_says_what_the_filter_lets_pass(explorer, images, probs, threshold, generation, holds):
    p = probs[generation - 1]
    passed = filter(p, threshold)
    right = (p[passed].argmax(1) == images.labels[passed]).double()
    explorer.set(threshold=threshold, generation=generation, chosen=None, per_class=0)
    said = f"{len(passed)} of 200 labels pass {threshold:g}; {right.mean():.0%} of them are right, recall {right.sum() / 200:.0%}"
    assert holds(explorer.summary, f"generation {generation}: ", said)


@pytest.mark.parametrize("per_class", [0, 1, 12, 27])
def test_it_says_what_the_balance_makes_of_it(explorer, probs, per_class, holds):
    explorer.set(threshold=0.5, generation=2, chosen=None, per_class=per_class)
    drawn = filter_and_balance(probs[1], 0.5, per_class or None)
    passed = filter(probs[1], 0.5)
    target = per_class or len(passed) // len(probs[1][passed].argmax(1).unique())
    kept = len(drawn.unique())
    said = f"balanced to {target} of each class: {kept} images, {len(drawn) - kept} copies, {len(passed) - kept} cut"
    assert holds(explorer.summary, said)


def test_a_class_is_looked_at_alone(explorer, images, probs):
    mine = probs[0].argmax(1) == 3
    passed = mine & (probs[0].amax(1) >= 0.4)
    explorer.set(threshold=0.4, generation=1, chosen=3)
    assert f"{images.classes[3]}: {int(passed.sum())} of {int(mine.sum())} labels pass 0.4" in explorer.summary


def test_the_curve_is_that_of_the_filter_at_every_stop_of_the_threshold(explorer, images, probs):
    assert explorer.controls["threshold"].stops() == THRESHOLDS.tolist()
    for teacher, p in zip(explorer.teachers, probs, strict=True):
        for place in (0, 30, 77, 99):
            passed = filter(p, float(THRESHOLDS[place]))
            assert teacher.curve[place].sum() == len(passed)
            assert teacher.curve[place, :, 1].sum() == (p[passed].argmax(1) == images.labels[passed]).sum()


def test_nothing_passing_is_no_trouble(images, probs):
    explorer = PseudoLabelExplorer(images, probs[0].log().mul(0.2).softmax(1), threshold=0.95)
    assert "no label passes 0.95: the highest confidence is 0." in explorer.summary and explorer.trouble == ""
    explorer.set(chosen=2, per_class=5)
    assert explorer.picture and explorer.trouble == ""


def test_the_hidden_truth_decides_neither_what_passes_nor_what_is_drawn(images, probs, monkeypatch):
    """With other true labels every image that is given stays the same."""
    seen = []
    monkeypatch.setattr("ssl_lab.plots.pseudo_labelling", lambda teachers, passed, drawn, *rest: seen.append((passed, drawn)) or _blank())
    for labels in (images.labels, images.labels.flip(0)):
        other = images[:]
        other.labels = labels
        PseudoLabelExplorer(other, probs, threshold=0.6)
    (first, one), (second, other) = seen
    assert (one == other).all() and all((a == b).all() for a, b in zip(first, second, strict=True)) and len(one)


def _blank():
    from ssl_lab.plots.drawing import Drawing

    return Drawing(4, 3), "Nothing."


def test_one_teacher_has_no_control_of_generations_and_a_dict_names_them(images, probs):
    assert [*PseudoLabelExplorer(images, probs[0]).controls] == ["threshold", "per_class", "chosen"]
    assert PseudoLabelExplorer(images, [probs[0]]).summary == PseudoLabelExplorer(images, probs[0]).summary
    named = PseudoLabelExplorer(images, {"teacher": probs[0], "student": probs[1]}, generation=2)
    assert named.controls["generation"].words(2) == "student" and named.summary.startswith("student: ")


def test_controls_begin_where_they_are_told_to(images, probs):
    explorer = PseudoLabelExplorer(images, probs[0], per_class=7, threshold=0.9, chosen=1)
    assert explorer.values == {"threshold": 0.9, "per_class": 7, "chosen": 1}
    usual = PseudoLabelExplorer(images, probs[0])
    assert usual.values == {"threshold": 0.3, "per_class": 0, "chosen": None} and usual.controls["per_class"].words(0) == "average"
    assert PseudoLabelExplorer(images, probs[0], per_class=5000).trouble == ""


def test_images_are_those_of_the_index_and_numbers_of_16_bits_do(images, probs):
    rows = torch.tensor([5, 5, 9, 80, 3])
    picked = PseudoLabelExplorer(images[rows], probs[0][rows], threshold=0.0).summary
    indexed = PseudoLabelExplorer(images.each(lambda column: column, rows), probs[0][rows], threshold=0.0).summary
    assert picked == indexed and "5 of 5 labels pass" in picked
    PseudoLabelExplorer(images, probs[0].bfloat16())


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda p: p[:10], r"generation 1: probabilities \(200, 10\) are needed.*got \(10, 10\)"),
        (lambda p: [p, p[:, :9]], r"generation 2: probabilities \(200, 10\)"),
        (lambda p: p[0], r"probabilities \(200, 10\) are needed"),
        (lambda p: p.argmax(1)[:, None].repeat(1, 10), "torch.int64"),
        (lambda p: p.log(), "row 0 is no probability"),
        (lambda p: p * 1.1, "its sum is 1.1"),
        (lambda p: torch.cat([p[:7], p[:1] - torch.eye(10)[:1] + torch.eye(10)[1:2], p[8:]]), "row 7"),
        (lambda p: p.where(p < 2, torch.nan).index_fill(0, torch.tensor([4]), torch.nan), "row 4"),
        (lambda p: p[:, :5] / p[:, :5].sum(1, keepdim=True), "5 columns and the labels name 10 classes"),
        (lambda p: [], "probs are empty"),
        (lambda p: {}, "probs are empty"),
    ],
)
def test_what_is_no_probability_of_these_images_is_named(images, probs, change, words):
    with pytest.raises(InputError, match=words):
        PseudoLabelExplorer(images, change(probs[0]))


def test_images_without_labels_and_odd_numbers_of_images_are_named(images, probs):
    bare = images[:]
    bare.labels = torch.where(torch.arange(200) < 3, -1, images.labels)
    with pytest.raises(InputError, match="3 of 200 images have no label"):
        PseudoLabelExplorer(bare, probs[0])
    with pytest.raises(InputError, match="per_class=-1"):
        PseudoLabelExplorer(images, probs[0], per_class=-1)
    with pytest.raises(InputError, match=r"threshold=1\.0 is not offered"):
        PseudoLabelExplorer(images, probs[0], threshold=1.0)
