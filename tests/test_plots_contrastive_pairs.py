"""The contrastive picture: its numbers are those of the loss and of autograd, its words are true, large enough and do not collide."""

import itertools
import math

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dummies.drawings import every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.losses import nt_xent
from ssl_lab.plots.contrastive.anchor import arrow, digits, mosaic
from ssl_lab.plots.contrastive.cells import Grid, brief
from ssl_lab.plots.contrastive.numbers import arranged, contrast, groups
from ssl_lab.plots.drawing import Areas, Image, Marks
from ssl_lab.plots.look import ANCHOR, FAINT, class_name, number, percent

SHAPES = ("ring", "hourglass", "an extraordinarily long name")


def batch(pairs=6, seed=0, noise=0.3):
    """Embeddings of two views, some pairs well matched and some not, and images to go with them."""
    draw = np.random.default_rng(seed)
    z = draw.normal(size=(pairs, 5))
    return np.concatenate([z, z + noise * draw.normal(size=z.shape)]), draw.integers(0, 255, (2 * pairs, 8, 8, 3), dtype=np.uint8)


def labelled(pairs, count=3):
    return np.arange(pairs) * 7 % count


def drawing(pairs=6, tau=0.2, noise=0.3, classes=SHAPES, **options):
    if options.get("order") == "class":
        options.setdefault("labels", labelled(pairs, len(classes)))
    return plots.similarity(*batch(pairs, noise=noise), tau, classes=classes, **options)


MANY = tuple(f"class number {k}" for k in range(40))
PICTURES = {
    "one pair": {"pairs": 1},
    "two pairs, kept": {"pairs": 2, "kept": True},
    "four pairs, logits, spelled, cold": {"pairs": 4, "shown": "logits", "tau": 0.01, "kept": True},
    "cold": {"pairs": 16, "tau": 0.01, "anchor": 3, "noise": 9},
    "lukewarm, by class": {"pairs": 16, "tau": 0.0123, "noise": 9, "anchor": 31, "order": "class", "epoch": "epoch 1200 (recorded at 1150)"},
    "hot, by image": {"pairs": 16, "tau": 10.0, "anchor": 7, "order": "image"},
    "kept, cold, strangers": {"pairs": 64, "tau": 0.01, "anchor": 99, "noise": 9, "kept": True, "order": "class", "called": 127 - np.arange(128)},
    "many classes": {"pairs": 64, "order": "class", "classes": MANY, "anchor": 127, "epoch": "epoch 1000 (recorded at 999)"},
    "odd number of pairs": {"pairs": 35, "order": "image", "shown": "cosine", "anchor": 69},
    "labels, long names": {"pairs": 9, "labels": labelled(9), "anchor": 2, "noise": 9},
    "eight classes of one": {"pairs": 8, "order": "class", "classes": MANY[:8]},
}


picture = every(PICTURES, lambda options: drawing(**options))


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def test_nothing_at_all_leaves_the_figure(picture):
    box = picture[0].get_tightbbox(picture[3])
    assert box.x0 >= 0 and box.x1 <= 13 and box.y0 >= 0 and box.y1 <= 6.625


@pytest.mark.parametrize("tau", [0.01, 0.2, 10.0])
def test_loss_is_the_one_that_is_trained(tau):
    z, images = batch(7)
    wanted = nt_xent(*torch.from_numpy(z).chunk(2), tau)
    assert contrast(z, tau).loss.mean() == pytest.approx(wanted.item(), abs=1e-12)
    assert f"the mean loss is {wanted:.2f};" in plots.similarity(z, images, tau)[1]


def loop(z, tau, kept):
    """Cosines, shares and losses, one number at a time."""
    n = len(z)
    unit = [row / math.sqrt(sum(row**2)) for row in z]
    cosine = [[float(a @ b) for b in unit] for a in unit]
    share = [[math.exp(c / tau) if kept or i != j else 0.0 for j, c in enumerate(row)] for i, row in enumerate(cosine)]
    share = [[e / sum(row) for e in row] for row in share]
    return cosine, share, [-math.log(row[(i + n // 2) % n]) for i, row in enumerate(share)]


@pytest.mark.parametrize("kept", [False, True])
def test_numbers_are_those_of_a_double_loop(kept):
    z, _ = batch(5, noise=1.2)
    found = contrast(z, 0.3, kept)
    cosine, share, loss = loop(z, 0.3, kept)
    np.testing.assert_allclose(found.cosine, cosine, atol=1e-12)
    np.testing.assert_allclose(found.share, share, atol=1e-12)
    np.testing.assert_allclose(found.loss, loss, atol=1e-12)
    assert found.candidates == 10 - (not kept)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("anchor", [0, 7])
def test_weights_are_the_gradient_that_autograd_finds(kept, anchor):
    z, _ = batch(4, noise=1.2)
    found = contrast(z, 0.3, kept)
    s = torch.tensor(found.cosine[anchor], requires_grad=True)
    logits = s / 0.3 if kept else (s / 0.3).masked_fill(torch.arange(8) == anchor, -torch.inf)
    torch.nn.functional.cross_entropy(logits, torch.tensor((anchor + 4) % 8)).backward()
    np.testing.assert_allclose(found.weight(anchor), s.grad.numpy(), atol=1e-12)


def test_pull_equals_all_pushes_together():
    weight = contrast(batch(5, noise=2)[0], 0.1).weight(3)
    assert weight[8] < 0
    assert (np.delete(weight, 8) >= 0).all()
    assert weight.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kept", [False, True])
def test_rank_and_finds_are_those_of_a_loop(kept):
    z, images = batch(9, noise=1.2)
    cosine, *_ = loop(z, 1, kept)
    ranks = [1 + sum(c > row[(i + 9) % 18] for j, c in enumerate(row) if kept or j != i) for i, row in enumerate(cosine)]
    assert max(ranks) > 1
    assert contrast(z, 0.3, kept).rank.tolist() == ranks
    summary = plots.similarity(z, images, 0.3, 4, kept=kept)[1]
    assert f"{ranks.count(1)} of 18 anchors find their partner first" in summary
    assert f"rank {ranks[4]} of {18 if kept else 17}" in summary
    assert (ranks.count(1) == 0) == kept


def test_a_tie_counts_against_the_partner():
    same = contrast(np.ones((6, 3)), 0.2)
    assert same.rank.tolist() == [5] * 6
    assert same.listed(0, 5)[-1] == 3


@pytest.mark.parametrize("top", [1, 3, 7])
@pytest.mark.parametrize("anchor", range(0, 12, 3))
def test_candidates_are_the_largest_shares_and_the_partner_whatever_its_rank(anchor, top):
    found = contrast(batch(noise=9)[0], 0.05)
    listed, own = found.listed(anchor, top), (anchor + 6) % 12
    order = sorted((j for j in range(12) if j != anchor), key=lambda j: -found.share[anchor, j])
    assert listed == (order[:top] if own in order[:top] else [*order[: top - 1], own])


def test_what_if_says_that_it_is_one_and_what_the_loss_would_be():
    z, images = batch(7)
    figure, summary = plots.similarity(z, images, 0.2, kept=True)
    masked, kept = contrast(z, 0.2).loss.mean(), np.mean(loop(z, 0.2, True)[2])
    assert kept > masked
    assert "the diagonal kept by mistake so that every anchor is its own best match: 0 of 14 anchors find their partner first" in summary
    assert f"the mean loss is {kept:.2f} in place of {masked:.2f};" in summary
    assert written(figure)[0] == "each of 14 anchors finds itself first"
    assert written(figure).count("itself") == 2  # in the table and at the scale


def test_masked_the_anchor_is_not_among_its_candidates():
    figure, _ = drawing(3, anchor=2)
    assert "itself" not in written(figure)
    assert "+1.00" not in written(figure)


LABELS = np.array([2, 0, 2, -1, 0])


def test_orders_arrange_rows_as_by_hand():
    assert arranged("view", LABELS).tolist() == list(range(10))
    assert arranged("image", LABELS).tolist() == [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]
    assert arranged("class", LABELS).tolist() == [1, 6, 4, 9, 0, 5, 2, 7, 3, 8]


def test_groups_name_the_stretches_of_rows():
    assert groups("view", LABELS, SHAPES) == [(0, 5, "first views"), (5, 10, "second views")]
    assert groups("image", LABELS, SHAPES) == []
    assert groups("class", LABELS, SHAPES) == [(0, 4, "ring"), (4, 8, "an extraor…"), (8, 10, "no class")]
    assert groups("class", LABELS, ())[1][2] == "class 2"


def cells(**options):
    """The colours of the matrix."""
    return next(image.pixels for image in items(drawing(**options)[0], Image)).astype(int)


@pytest.mark.parametrize("order", ["image", "class"])
def test_an_order_moves_cells_and_changes_none(order):
    labels = labelled(6)
    rows = arranged(order, labels)
    np.testing.assert_array_equal(cells(order=order, labels=labels), cells(labels=labels)[np.ix_(rows, rows)])


def test_partners_are_blue_negatives_vermilion_and_the_diagonal_faint_unless_kept():
    for shown, kept in itertools.product(plots.SHOWN, (False, True)):
        matrix = cells(shown=shown, kept=kept, noise=0.1)
        for i in range(12):
            red, _, blue, _ = matrix[i, (i + 6) % 12]
            assert blue > red
            assert all(matrix[i, j, 0] >= matrix[i, j, 2] for j in range(12) if j not in (i, (i + 6) % 12))
        assert (matrix[range(12), range(12), 3] == (255 if kept else 0)).all()
    figure, grid = drawing()[0], Grid(12)
    ground = figure.items.index(next(area for area in items(figure, Areas) if area.fills == FAINT and area.outlines == [grid.box(0, 0, 12, 12)]))
    assert ground < figure.items.index(items(figure, Image)[0])  # an empty cell shows it


@pytest.mark.parametrize("shown, follows", [("softmax", True), ("logits", True), ("cosine", False)])
def test_temperature_changes_shares_and_logits_and_not_cosines(shown, follows):
    assert np.allclose(cells(tau=0.1, shown=shown), cells(tau=1.0, shown=shown)) != follows


def test_every_anchor_is_marked_by_whether_it_finds_its_partner():
    figure, _ = drawing(9, noise=1.2)
    found = contrast(batch(9, noise=1.2)[0], 0.2).rank == 1
    grid = Grid(18)
    right = {mark.fills: mark.y for mark in items(figure, Marks) if mark.x[0] > grid.end}
    heights = {colour: [round((y - grid.y(0)) / grid.cell - 0.5) for y in places] for colour, places in right.items()}
    assert heights == {plots.POSITIVE: np.flatnonzero(found).tolist(), plots.NEGATIVE: np.flatnonzero(~found).tolist()}


@pytest.mark.parametrize("shown, said", [("softmax", "share"), ("logits", "cosine / tau"), ("cosine", "cosine")])
def test_small_batches_say_every_number(shown, said):
    found = contrast(batch(4)[0], 0.2)
    value = {"share": found.share, "cosine": found.cosine, "cosine / tau": found.cosine / 0.2}[said][1, 5]
    assert (f"{value:.0%}" if said == "share" else brief(value)) in written(drawing(4, shown=shown)[0])
    assert len(written(drawing(5, shown=shown)[0])) < len(written(drawing(4, shown=shown)[0])) - 40


def test_numbers_of_cells_are_brief():
    said = [brief(value) for value in (0.0, 0.14, -0.138, 0.994, 0.996, -1, 3.42, -9.94, 9.96, -98.4)]
    assert said == [".00", ".14", "−.14", ".99", "1.0", "−1.0", "3.4", "−9.9", "10", "−98"]


def test_negatives_of_the_same_class_are_named_so_and_counted():
    labels = np.array([0, 1, 0, 2, 1, 0])
    figure, summary = drawing(6, noise=9, labels=labels, anchor=8, top=11)
    assert written(figure).count("same class") == 4
    assert written(figure).count("partner") == 2  # in the table and at the scale
    taken = contrast(batch(6, noise=9)[0], 0.2).share[8, [0, 5, 6, 11]].sum()
    assert f"and {taken:.0%} to the 4 of 10 negatives that show the same class" in summary
    assert f"same class: 4 of 10 negatives, {taken:.0%} of the weight" in written(figure)


def test_without_labels_nothing_is_called_the_same_class():
    figure, summary = drawing(6, labels=np.full(6, -1), top=11)
    assert "same class" not in " ".join(written(figure)) + summary
    assert written(figure).count("negative") == 11  # ten of them, and the scale


def test_lengths_of_bars_and_arrows_are_shares_and_weights():
    figure, _ = drawing(6, noise=1.2, anchor=1, top=4)
    found = contrast(batch(6, noise=1.2)[0], 0.2)
    listed = found.listed(1, 4)
    rest = [j for j in range(12) if j not in (*listed, 1)]
    bars, arrows = [area.outlines for area in items(figure, Areas) if not isinstance(area.fills, str)]
    wide = [np.ptp(np.array(outline)[:, 0]) for outline in arrows]
    for k, rows in enumerate([*([j] for j in listed), rest]):
        assert bars[2 * k + 1][2] / bars[0][2] == pytest.approx(found.share[1, rows].sum())
        assert wide[k] == pytest.approx(abs(found.weight(1)[rows].sum()) * 0.2)  # one inch is 1 / tau
    assert sum(wide) == pytest.approx(2 * max(wide))  # the pull, and all pushes
    thickest = [outline[np.abs(outline[:, 1] - outline[0, 1].mean()).argmax(), 0] for outline in map(np.array, arrows)]
    middle = [outline[:, 0].min() + np.ptp(outline[:, 0]) / 2 for outline in map(np.array, arrows)]
    heads = [x < half for x, half, width in zip(thickest, middle, wide) if width > 0.4]
    assert heads == [k < len(listed) and listed[k] == 7 for k, width in enumerate(wide) if width > 0.4]


def test_pull_points_to_the_anchor_and_push_away():
    left, right = (np.array(arrow(0.0, 0.0, 1.0, leftward)) for leftward in (True, False))
    assert left[np.abs(left[:, 1]).argmax(), 0] < 0.5 < right[np.abs(right[:, 1]).argmax(), 0]


def test_summary_tells_pull_and_hardest_push():
    z, images = batch(6, noise=1.2)
    weight = contrast(z, 0.2).weight(1)
    push = np.delete(weight, [1, 7]).max()
    said = f"the partner pulls with {-weight[7]:.2f} and the hardest negative pushes with {push:.2f}."
    assert plots.similarity(z, images, 0.2, 1)[1].endswith(said)


def test_the_anchor_is_not_called_a_negative_where_it_takes_part():
    z, images = batch(6, noise=1.2)
    weight = contrast(z, 0.2, kept=True).weight(1)
    assert weight[1] > np.delete(weight, [1, 7]).max() > 0
    assert plots.similarity(z, images, 0.2, 1, kept=True)[1].endswith(f"hardest negative pushes with {np.delete(weight, [1, 7]).max():.2f}.")


def test_images_stand_at_their_rows():
    """Each image has a colour of its own: looked up in the picture at the places of the rim and of the table."""
    tones = np.linspace(20, 240, 40).astype(np.uint8)
    images = np.zeros((40, 8, 8, 3), np.uint8) + tones[:, None, None, None]
    figure, _ = plots.similarity(batch(20)[0], images, 0.2, 3, order="image")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    seen, grid, rows = np.asarray(canvas.buffer_rgba())[..., 0].astype(int), Grid(40), arranged("image", np.zeros(20, int))
    for at, row in enumerate(rows):
        x, y = grid.x(-grid.rim + at % 2 * 2 + 1), grid.y(at // 2 * 2 + 1)
        assert abs(seen[round(100 * y), round(100 * x)] - tones[row]) <= 2
        x, y = grid.x(at // 2 * 2 + 1), grid.y(-grid.rim + at % 2 * 2 + 1)
        assert abs(seen[round(100 * y), round(100 * x)] - tones[row]) <= 2


def test_frames_are_around_the_anchors_image_its_partners_and_its_row():
    figure, _ = drawing(20, anchor=5)
    (frames,) = [area.outlines for area in items(figure, Areas) if area.edges == [ANCHOR, plots.POSITIVE, ANCHOR]]
    grid, (image, partner, row) = Grid(40), [(left + width / 2, top + height / 2) for left, top, width, height in frames]  # their centres
    np.testing.assert_allclose(image, (grid.x(-grid.rim + 3), grid.y(5)))  # 5 is the right one of rows 4 and 5
    np.testing.assert_allclose(partner, (grid.x(25), grid.y(-grid.rim + 3)))
    np.testing.assert_allclose(row, (grid.x(20), grid.y(5.5)))


def test_mosaic_holds_up_to_nine_images():
    images = np.zeros((4, 8, 8, 4), np.uint8) + np.array([10, 20, 30, 40], np.uint8)[:, None, None, None]
    tones = mosaic(images)[::2, ::2, 0]
    assert tones[0, :3].tolist() == [10, 20, 30]
    assert tones[1].tolist() == [40, 255, 255, 255]


def test_the_anchor_goes_by_the_number_that_it_is_called():
    figure, summary = drawing(6, anchor=8, called=np.roll(np.arange(12), -5), epoch="epoch 9")
    assert "anchor 1 (second view) pays" in summary and ", epoch 9: " in summary
    assert any(word.startswith("anchor 1: loss") for word in written(figure))
    assert " · epoch 9 · mean loss" in written(figure)[1]


def test_names_of_classes_give_way_where_there_is_no_room():
    labels = np.array([0] * 60 + [1] + [2] * 3)
    names = written(drawing(64, labels=labels, classes=("most", "one", "three"), order="class")[0])
    assert [name for name in ("most", "one", "three") if name in names] == ["most", "three"]


def test_arguments_are_left_alone():
    z, images = batch()
    before = z.copy(), images.copy()
    plots.similarity(z, images, 0.2, kept=True)
    np.testing.assert_array_equal(z, before[0])
    np.testing.assert_array_equal(images, before[1])


def test_colours_have_their_fixed_meaning():
    figure, _ = drawing(3, anchor=0, noise=0.1, kept=True)
    assert items(figure, Areas)[-1].edges[:3] == [ANCHOR, plots.POSITIVE, plots.NEGATIVE]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"tau": 0}, "tau=0 must be positive"),
        ({"shown": "weights"}, "softmax, logits, cosine"),
        ({"order": "size"}, "view, image, class"),
        ({"anchor": 12}, "anchor=12 is no row of this batch; its rows are 0 to 11"),
        ({"anchor": -1}, "its rows are 0 to 11"),
        ({"order": "class", "labels": np.full(6, -1)}, 'these images have none; order them by "view" or "image"'),
    ],
)
def test_it_says_what_it_needs(wrong, said):
    with pytest.raises(InputError, match=said):
        drawing(**wrong)


# What answers a pointer


def spots(figure) -> dict:
    return {one.name: one for one in (spot() for spot in figure.spots)}


NUMBERS = np.array([4, 6, 8, 2, 0, 5, 7, 9, 3, 1])  # what the ten rows are called


@pytest.mark.parametrize("order", ["view", "class"])
@pytest.mark.parametrize("kept", [False, True])
def test_every_cell_says_its_pair_and_its_numbers_and_a_click_makes_its_row_the_anchor(order, kept):
    labels = np.array([0, 1, 0, -1, 1])
    z, images = batch(5, noise=1.2)
    figure, _ = plots.similarity(z, images, 0.3, 2, labels=labels, classes=SHAPES, order=order, kept=kept, called=NUMBERS)
    cells, rows = spots(figure)["cells of the matrix"], arranged(order, labels)
    cosine, share, _ = loop(z, 0.3, kept)
    assert cells.box == Grid(10).box(0, 0, 10, 10)
    for place, (i, j) in enumerate(itertools.product(rows, rows)):
        who, whom = (f"{NUMBERS[k]} ({('ring, ', 'hourglass, ', '')[labels[k % 5]]}{('first', 'second')[k // 5]} view)" for k in (i, j))
        same = labels[i % 5] == labels[j % 5] >= 0
        kind = ", itself" if i == j else ", its partner" if i % 5 == j % 5 else ", same class" if same else ""
        paid = f"{-math.log(share[i][j]):.2f}" if share[i][j] else "∞"
        said = f"cosine {number(cosine[i][j], sign='+')}, share {percent(share[i][j])}, −log p {paid}"
        assert cells.said(place) == f"anchor {who} → {whom}{kind}: {said}"
        assert cells.sets["anchor"][place] == NUMBERS[i]


def test_a_share_that_is_too_small_for_a_float_still_has_its_log():
    z = np.array([[1.0, 0], [0, 1.0], [1.0, 0], [0, 1.0]])
    found = contrast(z, 1e-4)
    assert found.share[0, 1] == 0
    assert found.cost[0, 1] == pytest.approx(1e4)


@pytest.mark.parametrize("pairs", [4, 5, 35])
def test_every_image_says_what_it_pays_and_a_click_makes_it_the_anchor(pairs):
    z, _ = batch(pairs, noise=1.2)
    figure, _ = drawing(pairs, noise=1.2, order="image")
    found, rows, grid = contrast(z, 0.2), arranged("image", np.zeros(pairs, int)), Grid(2 * pairs)
    for name, deep, along in (("images at the left", 0, 1), ("images at the top", 1, 0)):
        rim = spots(figure)[name]
        across, down = len(rim.columns), len(rim.rows)
        for at, i in enumerate(rows):
            row, column = (at // grid.k, at % grid.k) if along else (at % grid.k, at // grid.k)
            place = row * across + column
            centre = rim.box[0] + rim.box[2] / across * (column + 0.5), rim.box[1] + rim.box[3] / down * (row + 0.5)
            own = (at // grid.k + 0.5) * grid.k
            assert centre[along] == pytest.approx((grid.y if along else grid.x)(own))
            assert centre[deep] == pytest.approx((grid.x if along else grid.y)(-grid.rim + (at % grid.k + 0.5) * grid.k))
            view = "first" if i < pairs else "second"
            assert rim.said(place) == f"anchor {i} ({view} view): loss {found.loss[i]:.2f}, its partner ranks {found.rank[i]} of {2 * pairs - 1}"
            assert rim.sets["anchor"][place] == i


def test_every_line_of_the_table_says_who_it_is_and_what_it_does_and_a_click_makes_it_the_anchor():
    labels = np.array([0, 1, 0, 2, 1, 0])
    z, images = batch(6, noise=1.2)
    figure, _ = plots.similarity(z, images, 0.2, 8, top=4, labels=labels, classes=SHAPES, kept=True)
    found, lines = contrast(z, 0.2, kept=True), spots(figure)["lines of the anchor's table"]
    listed = found.listed(8, 4)
    for place, j in enumerate(listed):
        shape, view = class_name(int(labels[j % 6]), SHAPES), "first view" if j < 6 else "second view"
        kind = ", itself" if j == 8 else ", partner" if j == 2 else ", same class" if labels[j % 6] == 0 else ""
        does = "moves nothing" if j == 8 else "pulls" if j == 2 else "pushes"
        said = f"{j} ({shape}, {view}){kind}: share {percent(found.share[8, j])}, weight {digits(abs(found.weight(8)[j]))}, which {does}"
        assert lines.said(place) == said
    rest = [j for j in range(12) if j not in listed]
    assert lines.said(4) == f"8 others: share {percent(found.share[8, rest].sum())}, weight {digits(found.weight(8)[rest].sum())}, which pushes"
    assert lines.sets["anchor"] == [*listed, 8]  # all others together are nobody: the anchor stays
