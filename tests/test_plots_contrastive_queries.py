"""The picture of MoCo's logits: its numbers are those of the loss and of autograd, its words are true, large enough and do not collide."""

import math

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dummies.drawings import every, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.losses import info_nce, unit
from ssl_lab.plots.contrastive.cells import DARK, TO_NEGATIVE, TO_PARTNER
from ssl_lab.plots.contrastive.numbers import lookup
from ssl_lab.plots.contrastive.queries import Strip
from ssl_lab.plots.drawing import Areas
from ssl_lab.plots.look import ANCHOR, number, percent

SHAPES = ("ring", "hourglass", "an extraordinarily long name")


def given(N=6, K=10, seed=0, noise=0.6):
    """Queries, keys of which some fit well, and images to go with them."""
    draw = np.random.default_rng(seed)
    q = draw.normal(size=(N, 5))
    keys = np.concatenate([q + noise * draw.normal(size=q.shape), draw.normal(size=(K, 5))])
    return q, keys, draw.integers(0, 255, (2 * N + K, 8, 8, 3), dtype=np.uint8)


def drawing(N=6, K=10, tau=0.2, noise=0.6, **options):
    options.setdefault("labels", np.arange(N + K) * 7 % 3)
    return plots.query_matrix(*given(N, K, noise=noise), tau, classes=SHAPES, **options)


PICTURES = {
    "as small as can be": {"N": 1, "K": 1},
    "two queries": {"N": 2, "K": 32, "order": "class", "view": "key's query"},
    "usual": {"N": 16, "K": 32, "anchor": 3},
    "by class": {"N": 16, "K": 32, "anchor": 15, "order": "class", "epoch": "epoch 1200 (recorded at 1150)", "called": 2 * np.arange(16) + 1},
    "cold strangers": {"N": 16, "K": 32, "tau": 0.01, "noise": 9, "shown": "logits", "anchor": 1, "view": "key's query"},
    "hot": {"N": 9, "K": 13, "tau": 10.0, "shown": "cosine"},
    "no labels": {"N": 16, "K": 5, "labels": np.full(21, -1)},
    "many": {"N": 64, "K": 100, "order": "class", "anchor": 63},
}


picture = every(PICTURES, lambda options: drawing(**options))


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


@pytest.mark.parametrize("tau", [0.01, 0.07, 10.0])
def test_loss_is_the_one_that_is_trained(tau):
    q, keys, images = given()
    wanted = info_nce(*(unit(torch.from_numpy(part)) for part in (q, keys[:6], keys[6:])), tau)
    assert lookup(q, keys, tau).loss.mean() == pytest.approx(wanted.item(), abs=1e-10)
    assert f"the mean loss is {wanted:.2f};" in plots.query_matrix(q, keys, images, tau)[1]


def test_numbers_are_those_of_a_double_loop():
    q, keys, _ = given()
    found = lookup(q, keys, 0.3)
    q, keys = ([row / math.sqrt(sum(row**2)) for row in part] for part in (q, keys))
    for i in range(6):
        candidates = [keys[i], *keys[6:]]
        cosine = [float(q[i] @ k) for k in candidates]
        e = [math.exp(c / 0.3) for c in cosine]
        np.testing.assert_allclose(found.cosine[i], cosine, atol=1e-12)
        np.testing.assert_allclose(found.share[i], np.array(e) / sum(e), atol=1e-12)
        assert found.loss[i] == pytest.approx(-math.log(e[0] / sum(e)), abs=1e-12)
        assert found.rank[i] == 1 + sum(c > cosine[0] for c in cosine)
    assert (found.candidates, found.negatives) == (11, 10)
    assert len(set(found.rank)) > 1


def test_weights_are_the_gradient_that_autograd_finds():
    found = lookup(*given()[:2], 0.3)
    s = torch.tensor(found.cosine[2], requires_grad=True)
    torch.nn.functional.cross_entropy(s / 0.3, torch.tensor(0)).backward()
    np.testing.assert_allclose(found.weight(2), s.grad.numpy(), atol=1e-12)


def test_the_table_holds_the_key_and_the_largest_shares_and_no_query_meets_itself():
    found = lookup(*given(noise=9)[:2], 0.1)
    for i in range(6):
        order = sorted(range(11), key=lambda j: -found.share[i, j])
        assert found.listed(i, 4) == (order[:4] if 0 in order[:4] else [*order[:3], 0])
    assert found.itself(0) == -1
    assert "itself" not in written(drawing()[0])


def test_false_negatives_are_framed_and_counted():
    labels = np.array([0, 1, 2, -1, 0, 1, *[0] * 3, 1, 1, -1, -1, 2, 2, 2])
    figure, summary = drawing(labels=labels, anchor=1)
    taken = lookup(*given()[:2], 0.2).share[1, [4, 5]].sum()
    assert f"and {percent(taken)} to the 2 of 10 negatives that show the same class" in summary
    assert "□ same class" in written(figure)
    grid, wanted = Strip(6, 10), [(i, 7 + j) for i in range(6) for j in range(10) if labels[i] == labels[6 + j] >= 0]
    assert cells(figure, DARK, grid) == [(i, j - 6) for i, j in wanted]
    assert cells(figure, plots.POSITIVE, grid) == [(i, 0) for i in range(6)]
    figure, summary = drawing(labels=np.full(16, -1))
    assert "same class" not in summary + " ".join(written(figure))
    assert cells(figure, DARK, grid) == []


def cells(figure, colour, grid):
    """Which cells have a frame of a colour."""
    drawn = [box for item in figure.items if isinstance(item, Areas) and item.edges == colour and item.width == 1.5 for box in item.outlines]
    corners = {tuple(np.round(grid.box(i, j)[:2], 6)): (i, j) for i in range(grid.n) for j in range(1 + grid.K)}
    return [corners[tuple(np.round(box[:2], 6))] for box in drawn]


@pytest.mark.parametrize("order", ["image", "class"])
def test_images_and_values_stand_at_their_rows_and_columns(order):
    """Each image has a tone of its own, and each share its colour: both are looked up in the picture."""
    N, K = 4, 12
    labels = np.array([2, 0, 1, 0, *[1, 0, 2] * 4])
    q, keys, _ = given(N, K)
    tones = np.linspace(20, 240, 2 * N + K).astype(np.uint8)
    images = np.zeros((2 * N + K, 8, 8, 3), np.uint8) + tones[:, None, None, None]
    figure, _ = plots.query_matrix(q, keys, images, 0.1, 0, labels=labels, order=order)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    seen, grid = np.asarray(canvas.buffer_rgba())[..., :3].astype(int), Strip(N, K)
    rows = [1, 3, 2, 0] if order == "class" else list(range(N))
    columns = [1, 4, 7, 10, 0, 3, 6, 9, 2, 5, 8, 11] if order == "class" else list(range(K))
    assert grid.k == 1
    for at, i in enumerate(rows):
        for left, own in ((0.15, i), (0.15 + grid.cell, N + i)):
            assert abs(seen[round(100 * (grid.y(at) + grid.cell / 2)), round(100 * (left + grid.cell / 2)), 0] - tones[own]) <= 2
    for at, j in enumerate(columns):
        y = grid.y(0) - 0.15 - grid.wide / 2
        assert abs(seen[round(100 * y), round(100 * (grid.x(1 + at) + grid.wide / 2)), 0] - tones[2 * N + j]) <= 2
    share = lookup(q, keys, 0.1).share
    for at, i in enumerate(rows):
        negatives = [(grid.x(1.5 + b), TO_NEGATIVE(share[i, 1 + j] ** 0.5)) for b, j in enumerate(columns)]
        for x, colour in [(grid.x(0.5), TO_PARTNER(share[i, 0] ** 0.5)), *negatives]:
            painted = seen[round(100 * (grid.y(at) + grid.cell / 2)), round(100 * x)]
            np.testing.assert_allclose(painted, 255 * np.array(colour[:3]), atol=2)


def test_the_anchors_row_its_image_and_its_keys_are_framed():
    figure, summary = drawing(anchor=4, called=2 * np.arange(6), epoch="epoch 3", order="image")
    (frames,) = [item.outlines for item in figure.items if isinstance(item, Areas) and item.edges == [ANCHOR, plots.POSITIVE, ANCHOR]]
    grid = Strip(6, 10)
    np.testing.assert_allclose([box[:2] for box in frames[:2]], [(0.15, grid.y(4)), (0.15 + grid.cell, grid.y(4))])
    assert "anchor 8 (hourglass, query) pays" in summary
    assert ", epoch 3: " in summary


def test_many_images_of_a_queue_stand_one_above_the_other_and_none_is_lost():
    for K in (1, 12, 32, 33, 64, 100):
        grid = Strip(16, K)
        assert grid.k**2 * grid.wide <= 0.6 + 1e-9
        assert grid.end <= 0.15 + 4.78 + 1e-9
        assert grid.y(16) <= 0.95 + 4.78 + 1e-9


def test_arguments_are_left_alone():
    one, other = given(), given()
    plots.query_matrix(*one, 0.2, order="image")
    for a, b in zip(one, other):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"tau": 0}, "tau=0 must be positive"),
        ({"shown": "weights"}, "softmax, logits, cosine"),
        ({"order": "view"}, "image, class"),
        ({"anchor": 6}, "anchor=6 is no row of this batch; its rows are 0 to 5"),
        ({"K": 0}, "6 keys for 6 queries leave none for the queue"),
        ({"order": "class", "labels": np.full(16, -1)}, 'these images have none; order them by "image"'),
    ],
)
def test_it_says_what_it_needs(wrong, said):
    with pytest.raises(InputError, match=said):
        drawing(**wrong)


def test_every_view_needs_its_image():
    q, keys, images = given()
    with pytest.raises(InputError, match="21 images for 6 queries and 16 keys"):
        plots.query_matrix(q, keys, images[1:], 0.2)


@pytest.mark.parametrize("order", ["image", "class"])
def test_every_cell_says_query_key_and_numbers_and_a_click_makes_the_query_the_anchor(order):
    N, K, labels = 4, 6, np.array([2, 0, 1, -1, *[1, 0, -1] * 2])
    q, keys, images = given(N, K)
    called = np.array([6, 0, 3, 4])
    figure, _ = plots.query_matrix(q, keys, images, 0.2, 2, labels=labels, order=order, called=called, view="key's query")
    found, grid = lookup(q, keys, 0.2), Strip(N, K)
    own, queue, rim, lines = (spot() for spot in figure.spots)
    rows = [1, 2, 0, 3] if order == "class" else [0, 1, 2, 3]
    columns = [1, 4, 0, 3, 2, 5] if order == "class" else range(K)
    names = ["6 (class 2, query)", "0 (class 0, query)", "3 (class 1, key's query)", "4 (query)"]
    for at, i in enumerate(rows):
        said = numbers(found, i, 0)
        assert own.said(at) == f"anchor {names[i]} → its own key: {said}" and own.sets["anchor"][at] == called[i]
        assert rim.said(at) == f"anchor {names[i]}: loss {found.loss[i]:.2f}, its key ranks {found.rank[i]} of 7"
        assert rim.sets["anchor"][at] == called[i]
        for b, j in enumerate(columns):
            key = f"key {j} of the queue" + (f" (class {labels[4 + j]})" if labels[4 + j] >= 0 else "")
            same = ", same class" if labels[i] == labels[4 + j] >= 0 else ""
            assert queue.said(K * at + b) == f"anchor {names[i]} → {key}{same}: {numbers(found, i, 1 + j)}"
            assert queue.sets["anchor"][K * at + b] == called[i]
    np.testing.assert_allclose(own.box, (grid.x(0), grid.y(0), grid.cell, grid.y(N) - grid.y(0)))
    np.testing.assert_allclose(queue.box, (grid.x(1), grid.y(0), grid.end - grid.x(1), grid.y(N) - grid.y(0)))
    assert "its own key" in " ".join(lines.rows) and not lines.sets  # a key is no anchor


def numbers(found, i, j):
    share = found.share[i, j]
    return f"cosine {number(found.cosine[i, j], sign='+')}, share {percent(share)}, −log p {-math.log(share):.2f}"
