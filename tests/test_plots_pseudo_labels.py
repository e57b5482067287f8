"""What the picture of pseudo-labels promises: counts are those of slow loops, lengths and heights are counts, and every word and answer is true."""

import dataclasses
import itertools
from collections import Counter
from functools import cache

import numpy as np
import pytest

from dummies.drawings import answer, every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.plots.drawing import Areas, Image, Marks, Strokes
from ssl_lab.plots.look import ANCHOR, FAINT, INK, NEGATIVE, POSITIVE
from ssl_lab.plots.pseudo_labels import beside, rows
from ssl_lab.plots.pseudo_labels.numbers import BINS, RIGHT, THRESHOLDS, WRONG, Student, Teacher, part, shares, sure

N, C, CLASSES = 240, 4, ("ring", "star", "hourglass and more", "")
PICTURES = np.random.default_rng(1).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)


@cache
def teacher(seed=0, n=N, c=C, sharp=3.0, ease=1.0, never=None, classes=CLASSES, name="generation 1"):
    """Probabilities in float32, right more often than not; `never` is a class that it never says."""
    draw = np.random.default_rng(seed)
    truth = np.random.default_rng(9).integers(c, size=n)
    logits = sharp * (ease * np.eye(c)[truth] + 0.6 * draw.normal(size=(n, c)))
    if never is not None:
        logits[:, never] = -9
    probs = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
    return Teacher(name, probs, truth, classes)


def passing(one, threshold):
    return np.flatnonzero(one.probs.max(1) >= np.float32(threshold))


def balanced(one, passed, per_class=None):
    """A slow balance: the surest of a long class, all of a short one again and again."""
    groups = {}
    for image in sorted(passed.tolist(), key=lambda image: -one.probs[image].max()):
        groups.setdefault(int(one.probs[image].argmax()), []).append(image)
    per_class = per_class or max(1, len(passed) // max(1, len(groups)))
    found = [image for _, group in sorted(groups.items()) for image in itertools.islice(itertools.cycle(group), per_class)]
    return np.array(found, dtype=int)


def draw(teachers=None, shown=0, threshold=0.6, per_class=None, chosen=None, images=PICTURES):
    teachers = teachers or [teacher()]
    passed = [passing(one, threshold) for one in teachers]
    return plots.pseudo_labelling(teachers, passed, balanced(teachers[shown], passed[shown], per_class), shown, threshold, images, chosen)


def student(threshold=0.6, per_class=None, one=None):
    one = one or teacher()
    passed = passing(one, threshold)
    return Student(one, passed, balanced(one, passed, per_class))


THREE = [teacher(seed=number, sharp=3 + number, ease=1 + number / 4, name=f"generation {number + 1}") for number in range(3)]
MANY = teacher(n=400, c=30, sharp=6, classes=())
DRAWN = {
    "generations": lambda: draw(THREE, 1),
    "chosen": lambda: draw(THREE, 2, chosen=2, threshold=0.99, per_class=1),
    "threshold 0": lambda: draw(THREE, threshold=0.0),
    "nothing passes": lambda: draw([teacher(sharp=0.5)], threshold=0.99),
    "nothing of a class passes": lambda: draw([teacher(never=1)], chosen=1),
    "nothing wrong": lambda: draw([teacher(sharp=9, ease=9)]),
    "very many": lambda: draw(THREE, per_class=12_000, threshold=0.95),
    "many classes": lambda: draw([MANY], chosen=29, images=PICTURES[np.arange(400) % N]),
    "ten classes": lambda: draw([teacher(c=10, classes=("hourglass and more",) * 10)] * 12, 11, threshold=0.3),
    "two classes, wide images": lambda: draw([teacher(c=2)], images=PICTURES[:, :20]),
}  # fmt: skip


picture = every(DRAWN)


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


# Numbers


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.9])
def test_shares_are_those_of_a_slow_loop(threshold):
    found = student(threshold)
    one = found.teacher
    for chosen in (None, *range(C)):
        passes = right = images = labels = 0
        for p, truth in zip(one.probs, one.truth, strict=True):
            mine = chosen is None or p.argmax() == chosen
            passes += mine and p.max() >= threshold
            right += mine and p.max() >= threshold and p.argmax() == truth
            images += chosen is None or truth == chosen
            labels += mine
        assert found.shares(chosen) == pytest.approx((right / passes, right / images, passes / labels))


def test_precision_and_recall_by_hand():
    """Of class 0 two labels pass, one of them right; three images are of it."""
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]], np.float32)
    one = Teacher("", probs, np.array([0, 1, 0, 0]), ())
    found = Student(one, np.array([0, 1]), np.array([0, 1]))
    assert found.shares(0) == pytest.approx((1 / 2, 1 / 3, 2 / 3))
    precision, recall, passes = found.shares(1)
    assert np.isnan(precision) and (recall, passes) == (0, 0)


def test_what_is_kept_and_copied_is_the_target_and_what_is_kept_and_cut_is_what_passes():
    for per_class in (1, 20, None, 100):
        found = student(0.8, per_class)
        times = Counter(found.drawn.tolist())
        for label in range(C):
            mine = [image for image in found.passed.tolist() if found.teacher.probs[image].argmax() == label]
            kept = [image for image in mine if times[image]]
            assert found.kept[label].sum() == len(kept) and found.copies[label].sum() == sum(times[image] - 1 for image in kept)
            assert found.cut[label].sum() == len(mine) - len(kept)
            assert found.kept[label].sum() + found.copies[label].sum() == found.target
            assert found.kept[label, RIGHT] == sum(found.teacher.truth[image] == label for image in kept)


def test_a_histogram_is_counted_and_a_confidence_of_1_is_in_its_last_bin():
    one = dataclasses.replace(teacher(), probs=teacher().probs.copy())
    one.probs[7] = np.eye(C)[one.truth[7]]
    counted = np.zeros((C, 2, BINS), int)
    for p, truth in zip(one.probs, one.truth, strict=True):
        counted[p.argmax(), int(p.argmax() == truth), min(int(p.max() * BINS), BINS - 1)] += 1
    np.testing.assert_array_equal(one.histogram(), counted)
    np.testing.assert_array_equal(one.histogram(slice(None)).sum(2), one.total)


def test_the_curve_counts_the_labels_that_pass_every_threshold():
    np.testing.assert_array_equal(teacher().curve, [teacher().table(passing(teacher(), threshold)) for threshold in THRESHOLDS])


def test_shares_of_many_tables_are_those_of_each():
    one = teacher()
    for chosen in (None, 2):
        curves = shares(one.curve, one, chosen)
        for place in (0, 40, 99):
            np.testing.assert_allclose([curve[place] for curve in curves], shares(one.curve[place], one, chosen))


@pytest.mark.parametrize(
    "p, words", [(0.5, "0.50"), (0.994, "0.99"), (0.9999, "0.999"), (1.0, "1"), (0.996, "0.996"), (0.004, "0.004"), (0.0001, "below 0.001")]
)
def test_a_probability_is_never_rounded_to_certainty(p, words):
    assert sure(p) == words


@pytest.mark.parametrize("share, words", [(0.5, "50%"), (0.9994, "99.9%"), (1.0, "100%"), (0.0, "0%"), (np.nan, "–")])
def test_a_share_is_never_rounded_to_all(share, words):
    assert part(share) == words


# The picture


def bars(figure):
    """Colour and alpha → the boxes of the balance."""
    start, end = rows.BARS
    found = {}
    for item in items(figure, Areas):
        boxes = [one for one in item.outlines if len(one) == 4 and np.ndim(one) == 1 and start - 1e-9 <= one[0] <= end and one[3] > 0.2]
        if boxes and item.fills:
            found[item.fills, item.alpha] = boxes
    return found


def line_of(figure, x0, x1):
    """The place of the upright dashed line between these."""
    ends = [np.asarray(item.paths[0])[[0, -1], 0] for item in items(figure, Strokes) if item.dash == "dashed"]
    return next(first for first, last in ends if first == last and x0 - 1e-9 <= first <= x1 + 1e-9)


@pytest.mark.parametrize("per_class", [20, 60])
def test_a_bar_is_as_long_as_its_images_and_ends_at_the_target(per_class):
    figure, _ = draw(per_class=per_class)
    found, (start, end) = student(0.6, per_class), rows.BARS
    target = line_of(figure, start, end)
    unit, drawn = (target - start) / per_class, bars(figure)
    tables = {
        (POSITIVE, 1.0): found.kept[:, RIGHT], (NEGATIVE, 1.0): found.kept[:, WRONG], (POSITIVE, rows.PALE): found.copies[:, RIGHT],
        (NEGATIVE, rows.PALE): found.copies[:, WRONG], (FAINT, 1.0): found.cut.sum(1),
    }  # fmt: skip
    for what, counts in tables.items():
        np.testing.assert_allclose(sorted(one[2] / unit for one in drawn.get(what, [])), sorted(count for count in counts if count), err_msg=what)
    for one in drawn.get((FAINT, 1.0), []):
        assert one[0] == pytest.approx(target), "what is cut lies beyond the target"
    assert set(drawn) >= ({(FAINT, 1.0)} if per_class == 20 else {(POSITIVE, rows.PALE)})


@pytest.mark.parametrize("count, words", [(7, "7"), (9_999, "9,999"), (11_994, "12k"), (130_000, "130k")])
def test_large_numbers_are_short(count, words):
    assert rows.short(count) == words


def test_hatching_stays_in_its_box():
    left, top, wide, high = one = (1.0, 2.0, 0.5, 0.2)
    ends = np.array(rows.hatched(one)).reshape(-1, 2)
    assert len(ends) > 8 and (ends >= np.array([left, top]) - 1e-9).all() and (ends <= np.array([left + wide, top + high]) + 1e-9).all()


def test_heights_are_the_roots_of_the_numbers_right_ones_up_and_wrong_ones_down():
    figure, _ = draw()
    found = student()
    whole, passes = found.teacher.histogram(), found.teacher.histogram(found.passed)
    heights = {}
    for item in items(figure, Areas):
        if len(item.outlines) == C and np.ndim(item.outlines[0]) == 2:
            heights[item.fills, item.alpha] = np.array([outline[1:-1:2, 1] - outline[0, 1] for outline in item.outlines])
    unit = -heights[POSITIVE, rows.PALE].min() / np.sqrt(whole[:, RIGHT].max())
    for counted, alpha in ((whole, rows.PALE), (passes, 1.0)):
        np.testing.assert_allclose(heights[POSITIVE, alpha], -unit * np.sqrt(counted[:, RIGHT]), atol=1e-9)
        np.testing.assert_allclose(heights[NEGATIVE, alpha], unit * np.sqrt(counted[:, WRONG]), atol=1e-9)


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.99])
def test_the_threshold_stands_at_its_confidence_in_the_histograms_and_on_the_curves(threshold):
    figure, _ = draw(threshold=threshold)
    start, end = rows.CONFIDENCE
    assert line_of(figure, start, end) == pytest.approx(start + threshold * (end - start))
    chart = answer(figure, "precision and recall at every threshold").box
    assert line_of(figure, chart[0], chart[0] + chart[2]) == pytest.approx(chart[0] + threshold * chart[2])


@pytest.mark.parametrize(
    "options, parts",
    [
        ({}, ["of 240 labels pass 0.6; ", "of them are right, recall "]),
        ({"chosen": 1}, ["star: ", "labels pass 0.6"]),
        ({"teachers": [teacher(sharp=0.5)], "threshold": 0.99}, ["No label passes 0.99: the highest confidence is 0."]),
        ({"teachers": [teacher(never=1)], "chosen": 1}, ["star: the teacher gives this label to no image", "no label of this class passes"]),
    ],
)
def test_the_title_says_the_finding_and_the_summary_too(options, parts, holds):
    figure, sentence = draw(**options)
    assert holds(written(figure)[0], parts[0]) and holds(sentence.lower(), *(part.lower() for part in parts))


def test_the_words_below_the_title_and_the_columns_are_the_counts():
    found = student(0.7)
    figure, sentence = draw(threshold=0.7)
    kept, copies, cut = (int(table.sum()) for table in (found.kept, found.copies, found.cut))
    right = np.mean(found.teacher.probs[found.drawn].argmax(1) == found.teacher.truth[found.drawn])
    assert f"balanced to {found.target} of each class: {kept} images, {copies} copies, {cut} cut; {right:.0%} right" in written(figure)[1]
    for label in range(C):
        precision, recall, _ = found.shares(label)
        assert part(precision) in written(figure) and f"{found.teacher.name_of(label)} {part(precision)} and {part(recall)}" in sentence


def test_nothing_passing_is_said_with_the_highest_confidence_and_nothing_is_kept():
    one = teacher(sharp=0.5)
    figure, sentence = draw([one], threshold=0.99)
    assert sure(one.probs.max()) in written(figure)[0] and sure(one.probs.max()) in sentence
    assert bars(figure) == {} and "no label passes" in written(figure) and not items(figure, Image)


def test_a_class_of_which_no_label_passes_is_called_so():
    one = teacher(never=1)
    figure, _ = draw([one])
    assert written(figure).count("none") == 1
    assert any("star: " in told and "no label passes" in told for told in answer(figure, "classes").rows)


def gallery(one, threshold, chosen=None):
    """A slow one: wrong, above the threshold, the surest first."""
    wrong = [image for image in range(len(one.truth)) if one.probs[image].argmax() != one.truth[image] and one.probs[image].max() >= threshold]
    wrong = [image for image in wrong if chosen is None or one.probs[image].argmax() == chosen]
    return sorted(wrong, key=lambda image: -one.probs[image].max())


@pytest.mark.parametrize("chosen", [None, 0, 2])
@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_the_images_are_those_that_pass_and_are_wrong_the_surest_first(chosen, threshold):
    one = teacher()
    figure, _ = draw(threshold=threshold, chosen=chosen)
    expected = gallery(one, threshold, chosen)
    assert f"wrong and sure: {len(expected)}" in written(figure)
    shown = items(figure, Image)
    assert len(shown) == min(len(expected), 8)
    for image, seen in zip(expected, shown, strict=False):
        np.testing.assert_array_equal(seen.pixels, PICTURES[image])
    spots = answer(figure, "wrong and sure") if expected else None
    for place, image in enumerate(expected[:8]):
        first, second = np.argsort(-one.probs[image])[:2].tolist()
        believed = [f"{one.name_of(label)} {sure(one.probs[image, label])}" for label in (first, second)]
        truth = one.name_of(int(one.truth[image]))
        assert spots.said(place) == f"image {image}: the teacher says {believed[0]}, then {believed[1]}; it is {truth}"
        assert spots.sets["chosen"][place] == first


def test_large_images_are_sent_small():
    large = np.repeat(np.repeat(PICTURES, 10, axis=1), 10, axis=2)
    assert {item.pixels.shape for item in items(draw(images=large)[0], Image)} == {(106, 106, 3)}


def test_a_bin_says_its_numbers_and_a_click_takes_its_class_and_gives_it_back():
    one = teacher()
    for chosen in (None, 2):
        spots = answer(draw(chosen=chosen)[0], "confidence of the labels")
        whole = one.histogram()
        for label, place in ((0, 20), (2, BINS - 1)):
            words = spots.said(label * BINS + place)
            assert words.startswith(f"called {one.name_of(label)}, confidence {place / BINS:.3g} to {(place + 1) / BINS:.3g}: ")
            assert words.endswith(f"{whole[label, place and RIGHT, place]} right, {whole[label, WRONG, place]} wrong")
            assert spots.sets["chosen"][label * BINS + place] == (None if label == chosen else label)


def test_a_class_says_its_shares_and_what_became_of_its_labels():
    found = student(0.6, 20)
    figure, _ = draw(per_class=20)
    for label, told in enumerate(answer(figure, "classes").rows):
        precision, recall, _ = found.shares(label)
        kept, cut, passes = int(found.kept[label].sum()), int(found.cut[label].sum()), int(found.passing[label].sum())
        assert told.startswith(f"{found.teacher.name_of(label)}: precision {part(precision)}, recall {part(recall)}")
        assert f"{passes} pass, {kept} kept, {cut} cut; " in told and "of the 20 given are right" in told


def curve(figure, colour, dash, spots):
    """The heights, from 0 to 1, of a chart's curve."""
    left, top, wide, high = answer(figure, spots).box
    found = [item.paths[0] for item in items(figure, Strokes) if item.colours == colour and item.widths == 3 and item.dash == dash]
    mine = next(path for path in found if left - 1e-9 <= path[0][0] and path[-1][0] <= left + wide + 1e-9 and len(path) > 2)
    return (top + high - mine[:, 1]) / high


@pytest.mark.parametrize("chosen", [None, 1])
def test_curves_are_those_of_every_threshold_and_a_click_takes_one(chosen):
    figure, _ = draw(chosen=chosen)
    name = "precision and recall at every threshold"
    each = np.array([student(float(threshold)).shares(chosen) for threshold in THRESHOLDS])
    np.testing.assert_allclose(curve(figure, POSITIVE, "", name), each[np.isfinite(each[:, 0]), 0])
    np.testing.assert_allclose(curve(figure, INK, "dashed", name), each[:, 1])
    spots = answer(figure, name)
    assert spots.said(50) == "threshold 0.5: precision {}, recall {}, {} of the labels pass".format(*map(part, each[50]))
    np.testing.assert_array_equal(spots.sets["threshold"], THRESHOLDS)


def test_generations_are_compared_at_this_threshold_and_the_present_one_is_larger():
    figure, _ = draw(THREE, 1, threshold=0.8)
    each = np.array([student(0.8, one=one).shares() for one in THREE])
    np.testing.assert_allclose(curve(figure, POSITIVE, "", "generations"), each[:, 0])
    np.testing.assert_allclose(curve(figure, INK, "dashed", "generations"), each[:, 1])
    spots = answer(figure, "generations")
    assert [*spots.sets["generation"]] == [1, 2, 3]
    for place, one in enumerate(THREE):
        right = part(np.mean(one.probs.argmax(1) == one.truth))
        told = spots.said(place)
        assert told.startswith(f"generation {place + 1}: precision {part(each[place, 0])}") and f"{right} of all its labels" in told
    large = [float(mark.x[0]) for mark in items(figure, Marks) if mark.sizes == 11]
    left, _, wide, _ = spots.box
    assert len(large) == 3 and large == pytest.approx([left + wide / 2] * 3)


def test_one_teacher_has_no_chart_of_generations():
    assert "generation" not in written(draw()[0]) and not any(getattr(spots, "name", "") == "generations" for spots in draw()[0].spots)


def test_the_chosen_class_is_framed():
    framed = [item for item in items(draw(chosen=1)[0], Areas) if item.edges == ANCHOR]
    assert len(framed) == 1 and not [item for item in items(draw()[0], Areas) if item.edges == ANCHOR]


def test_of_many_classes_those_are_shown_that_are_said_most_often_and_the_chosen_one():
    often = Counter(MANY.probs.argmax(1).tolist())
    for chosen in (None, min(range(30), key=lambda label: often[label])):
        shown = rows.shown(MANY, chosen)
        assert len(shown) == rows.MANY and shown == sorted(shown) and (chosen is None or chosen in shown)
        least = min(often[label] for label in shown if label != chosen)
        assert all(often[label] <= least for label in range(30) if label not in shown)
    assert "10 of 30" in written(draw([MANY], images=PICTURES[np.arange(400) % N])[0])


@pytest.mark.parametrize("options, words", [({"shown": 1}, "teacher 1 of 1"), ({"chosen": 4}, "class 4 is none of the 4")])
def test_what_there_is_not_is_refused(options, words):
    one = teacher()
    values = {"shown": 0, "chosen": None} | options
    with pytest.raises(InputError, match=words):
        plots.pseudo_labelling([one], [passing(one, 0.5)], passing(one, 0.5), values["shown"], 0.5, PICTURES, values["chosen"])


def test_the_charts_lie_beside_the_classes():
    assert all(left >= beside.X for left, *_ in (answer(draw(THREE)[0], name).box for name in ("generations", "wrong and sure")))
