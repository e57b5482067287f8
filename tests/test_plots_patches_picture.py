"""What the picture of CPC's patches promises: its numbers are those of the predictions, every word can be read, every place says what is true."""

import itertools
from functools import cache

import numpy as np
import pytest

from dummies.drawings import answer, every, items, written
from ssl_lab import plots
from ssl_lab.errors import InputError
from ssl_lab.methods.cpc import DIRECTIONS
from ssl_lab.plots.drawing import Areas, Image, Marks, Strokes, Words
from ssl_lab.plots.look import ANCHOR, GREY, NEGATIVE, PAPER, POSITIVE, number, percent
from ssl_lab.plots.patches import candidates, costs
from ssl_lab.plots.patches.batch import Cut, Lattice, mosaic
from ssl_lab.plots.patches.grid import ARROWS
from ssl_lab.plots.patches.numbers import Field, found, shared, shares

CLASSES = ("ring", "star", "hourglass and more")


@cache
def cut(G=5, J=5, B=6, size=8, stride=4, labels=True, augmented=False):
    draw = np.random.default_rng(1)
    images = draw.integers(0, 256, (B, (G - 1) * stride + size, (J - 1) * stride + size, 3), dtype=np.uint8)
    corners = [[(i * stride, j * stride) for j in range(J)] for i in range(G)]
    tiles = np.stack([[images[:, y : y + size, x : x + size] for y, x in row] for row in corners]).transpose(2, 0, 1, 3, 4, 5)
    return Cut(images, tiles, size, stride, np.arange(B) % 3 if labels else np.full(B, -1), CLASSES, augmented)


@cache
def hits(G=5, J=5, B=6, turn=0, k=2, scale=1.0, own=0.0):
    """Random predictions, of which `own` is right."""
    draw = np.random.default_rng(2)
    prediction, target = draw.normal(size=(2, B, 6, G, J))
    down, right = ((k, 0), (0, -k), (-k, 0), (0, k))[turn]
    return found(np.rot90(scale * (prediction + own * np.roll(target, (-down, -right), (2, 3))), turn, (2, 3)), target, turn, k)


@cache
def field(G=5, J=5, rows=2):
    """What a context sees in its own row and `rows` above, and one column to each side."""
    far = np.random.default_rng(3).uniform(0.05, 1, (G, J, G, J))
    i, j, u, v = np.indices(far.shape)
    return Field(np.where((u - i >= 0) & (u - i <= rows) & (abs(v - j) <= 1), far, 0).reshape(G * J, G * J))


def draw(image=1, target=None, turn=0, k=2, G=5, J=5, B=6, steps=(1, 2), scale=1.0, own=0.0, rows=2, **options):
    hit = hits(G, J, B, turn, k, scale, own)
    means = {(way, step): hits(G, J, B, number, step, scale, own).mean for number, way in enumerate(DIRECTIONS) for step in steps}
    target = int(np.sort(hit.targets)[len(hit.targets) // 2]) if target is None else target
    return plots.patches(cut(G, J, B, **options), hit, field(G, J, rows), image, target, means)


DRAWN = {
    "as it begins": draw,
    "left": lambda: draw(turn=1, k=1),
    "up, the target is the first": lambda: draw(turn=2, own=5.0, k=3, steps=(2, 3)),
    "right, sharp": lambda: draw(turn=3, scale=40.0),
    "very sharp": lambda: draw(scale=400.0),
    "all alike": lambda: draw(scale=0.0),
    "augmented, one step": lambda: draw(augmented=True, steps=(2,)),
    "many steps": lambda: draw(steps=(1, 2, 3, 4), k=4),
    "wide, without labels": lambda: draw(G=4, J=9, labels=False, k=3, steps=(1, 2, 3)),
    "high": lambda: draw(G=9, J=4, image=0, k=3, steps=(1, 2, 3)),
    "many patches": lambda: draw(G=13, J=13, B=16, image=15, k=6, steps=(6,)),
    "large patches": lambda: draw(G=3, J=3, B=2, size=80, stride=36, k=1, image=0),
    "a pair of patches": lambda: draw(G=2, J=2, B=2, k=1, steps=(1,), image=0),
}  # fmt: skip


picture = every(DRAWN)


@pytest.mark.parametrize("judged", ["readable", "one sentence"], indirect=True)
def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


@pytest.mark.parametrize("name", DRAWN)
def test_words_on_one_line_stand_apart_since_a_small_page_makes_them_larger(name, shown, apart):
    _, _, texts, renderer = shown(*DRAWN[name]())
    apart(((text.get_text(), text.get_window_extent(renderer)) for text in texts), across=-5, down=8)


@pytest.mark.parametrize("own", [0.0, 5.0])
def test_the_title_and_the_sentence_say_where_the_target_ranks_and_what_it_costs(own, holds):
    hit = hits(own=own)
    figure, summary = draw(target=17, own=own)
    scores = hit.z @ hit.prediction[1, hit.place(17)]
    right = 25 + 17
    rank, loss = 1 + (scores > scores[right]).sum(), -np.log(shares(scores)[right])
    assert written(figure)[0] == f"The target, 2 rows below its context, {'is the first' if rank == 1 else f'ranks {rank}'} of 150 candidates"
    short = f"loss {loss:.2f}, mean {hit.loss.mean():.2f}, chance log 150 = {np.log(150):.2f}"
    paid = f"loss {loss:.2f}, {hit.loss.mean():.2f} on average over 6 images, chance log 150 = {np.log(150):.2f}"
    same, others = shares(scores)[25:50].sum() - shares(scores)[right], 1 - shares(scores)[25:50].sum()
    facts = f"{percent(same)} go to 24 patches of the same image and {percent(others)} go to 125 patches of other images"
    assert holds(summary, "row 3, column 2, 2 rows below", f"ranks {rank} of 150 with {percent(shares(scores)[right])}", facts, paid)
    assert "plain patches of image 1 (star)" in summary and "and 6 contexts see the target" in summary
    assert short in written(figure)[1] and "plain patches" in written(figure)[1]


@pytest.mark.parametrize("turn, words", [(0, "2 rows below"), (1, "2 columns left of"), (2, "2 rows above"), (3, "2 columns right of")])
def test_the_arrow_goes_from_the_context_to_the_target(turn, words):
    figure, summary = draw(turn=turn)
    assert f"{words} its context" in written(figure)[0] and f"{words} its context" in summary
    (head,) = {item.kind for item in items(figure, Marks)}
    assert head == ARROWS[turn]
    (x, y), (x1, y1) = next(item.paths[0] for item in items(figure, Strokes) if item.colours == "#000000")
    assert (np.sign(round(x1 - x, 6)), np.sign(round(y1 - y, 6))) == ((0, 1), (-1, 0), (0, -1), (1, 0))[turn]


def test_what_the_context_sees_is_counted_and_the_rest_is_pale():
    figure, summary = draw(target=17)
    seen, told = [5 * i + j for i in (0, 1) for j in (1, 2, 3)], [5 * i + j for i in (3, 4) for j in (1, 2, 3)]
    assert "Context sees 6 of 25" in written(figure) and "Target seen by 6 of 25" in written(figure)
    part = percent(shared(np.isin(np.arange(25), seen), 17, (5, 5), 8, 4))
    assert f"the context at row 1, column 2 sees 6 of 25 patches, with {part} of the target's pixels" in summary
    pale = next(item for item in items(figure, Areas) if item.fills == PAPER)
    assert len(pale.outlines) == 25 - 6 - 1  # but for the target
    sees, seers = answer(figure, "what the context sees"), answer(figure, "contexts that see the target")
    for patch in range(25):
        assert ("not at all" in sees.said(patch)) == (patch not in seen)
        assert ("not at all" in seers.said(patch)) == (patch not in told)
    assert sees.said(6) == f"covering row 1, column 1 moves this context: by {percent(field().moved[6, 7])} of a context's mean length"


@pytest.mark.parametrize("turn", range(4))
def test_a_patch_says_its_score_its_share_and_its_rank_and_a_click_makes_it_the_target(turn):
    figure, _ = draw(turn=turn)
    hit = hits(turn=turn)
    target = int(np.sort(hit.targets)[len(hit.targets) // 2])
    spots, scores = answer(figure, "patches of the image"), hit.z @ hit.prediction[1, hit.place(target)]
    for patch in range(25):
        row, column = divmod(patch, 5)
        mark = {target: ", the target", hit.context(target): ", the context's own"}.get(patch, "")
        score = scores[25 + patch]
        numbers = f"score {number(score, sign='+')}, share {percent(shares(scores)[25 + patch])}, rank {1 + (scores > score).sum()} of 150"
        assert spots.said(patch) == f"row {row}, column {column}{mark}: {numbers}"
        assert spots.sets["target"][patch] == (patch if patch in hit.targets else target)


def test_the_candidates_are_the_best_of_the_batch_and_the_target_is_always_there():
    for image, target, own in itertools.product((0, 3), (12, 20, 24), (0.0, 1.0, 5.0)):
        hit = hits(own=own)
        lines, scores = candidates.listed(hit, image, target), hit.z @ hit.prediction[image, hit.place(target)]
        right = 25 * image + target
        best = sorted(range(150), key=lambda one: -scores[one])
        assert [line.number for line in lines] == best[:8] + [right] * (right not in best[:8])
        assert [line.rank for line in lines] == [1 + best.index(line.number) for line in lines]
        for line in lines:
            assert line.score == pytest.approx(scores[line.number])
            assert line.share == pytest.approx(np.exp(scores[line.number]) / np.exp(scores).sum())
            assert line.kind == ("target" if line.number == right else "same image" if line.number // 25 == image else "other images")


def test_candidates_are_marked_by_frame_and_by_word_and_a_line_answers():
    figure, _ = draw(target=17, own=1.0)
    hit, lines = hits(own=1.0), candidates.listed(hits(own=1.0), 1, 17)
    frames = next(item.edges for item in items(figure, Areas) if not isinstance(item.edges, str) and len(item.edges) == len(lines) > 2)
    assert frames == [{"target": POSITIVE, "same image": NEGATIVE, "other images": GREY}[line.kind] for line in lines]
    assert [line.kind for line in lines].count("target") == 1 and "target" in written(figure)
    assert written(figure).count("same image") == sum(line.kind == "same image" for line in lines)
    spots = answer(figure, "candidates")
    for place, line in enumerate(lines):
        image, patch = divmod(line.number, 25)
        mark = {"target": ", the target", "same image": ", of the same image"}.get(line.kind, "")
        where = f"image {image} ({('ring', 'star', 'hourglass …')[image % 3]}), row {patch // 5}, column {patch % 5}"
        assert spots.said(place) == f"rank {line.rank} of 150: {where}{mark}: score {candidates.said(line.score)}, share {percent(line.share)}"
        assert spots.sets["target"][place] == (patch if image == 1 and patch in hit.targets else 17)


@pytest.mark.parametrize("loss, words", [(0.004, "0.00"), (9.994, "9.99"), (9.996, "10.0"), (99.94, "99.9"), (240.3, "240"), (24282.0, "2e+04")])
def test_a_loss_is_written_in_at_most_five_signs(loss, words):
    assert costs.few(loss) == words


def test_the_weight_of_each_kind_of_candidate_is_their_sum():
    have = candidates.weights(hits(), 2, 14)
    assert sum(share for share, _ in have.values()) == pytest.approx(1) and sum(count for _, count in have.values()) == 150
    share = shares(hits().scores(2, 14))
    assert have["same image"][0] == pytest.approx(sum(share[p] for p in range(50, 75) if p != 64)) and have["same image"][1] == 24


@pytest.mark.parametrize("turn", range(4))
def test_the_map_says_what_every_target_pays_and_is_blank_where_nothing_is_predicted(turn):
    hit, (figure, _) = hits(turn=turn), draw(turn=turn, image=3)
    mine, batch = answer(figure, "loss of every target"), answer(figure, "mean loss of the batch")
    for patch in range(25):
        where = f"row {patch // 5}, column {patch % 5}: "
        if patch not in hit.targets:
            assert mine.said(patch) == batch.said(patch) == where + "no prediction here"
            continue
        place = hit.place(patch)
        loss = hit.loss[3, place]
        assert mine.said(patch) == f"{where}loss {loss:.2f}, share {percent(np.exp(-loss))}, rank {hit.ranks(3)[place]} of 150"
        assert batch.said(patch) == f"{where}mean loss {hit.loss[:, place].mean():.2f} of 6 images"
    lattice = Lattice(costs.LEFT, costs.TOP, costs.SIDE, (5, 5))
    cells = {(round(item.x, 3), round(item.y, 3)): item.text for item in items(figure, Words)}
    shown = [cells.get(tuple(round(one, 3) for one in lattice.middle(patch))) for patch in range(25)]
    assert shown == [f"{hit.loss[3, hit.place(p)]:.1f}" if p in hit.targets else None for p in range(25)]


def test_the_mean_the_chance_level_and_all_directions_are_written():
    figure, _ = draw(turn=1, k=2)
    texts, means = written(figure), {(way, k): hits(turn=turn, k=k).mean for turn, way in enumerate(DIRECTIONS) for k in (1, 2)}
    assert f"mean of 90 losses: cpc_nce = {means['left', 2]:.2f}" in texts and f"chance: log 150 = {np.log(150):.2f}" in texts
    assert f"the method's loss, all of them: {np.mean([*means.values()]):.2f}" in texts
    spots = answer(figure, "all directions")
    for place, (way, k) in enumerate(itertools.product(DIRECTIONS, (1, 2))):
        assert spots.said(place) == f"{way}, k = {k}: mean loss {means[way, k]:.2f}"
        assert (spots.sets["direction"][place], spots.sets["k"][place]) == (way, k)
    assert {item.text for item in items(figure, Words) if item.bold} >= {"left", f"{means['left', 2]:.2f}"}


def test_the_tiles_of_the_mosaic_are_the_patches():
    pixels, free = mosaic(cut().tiles[2])
    s, cell = 8, 10
    assert pixels.shape == (5 * cell, 5 * cell, 4) and free == pytest.approx(2 / cell)
    for i, j in np.ndindex(5, 5):
        np.testing.assert_array_equal(pixels[i * cell + 1 : i * cell + 1 + s, j * cell + 1 : j * cell + 1 + s, :3], cut().tiles[2, i, j])
    assert (pixels[..., 3] == 255).sum() == 25 * s * s
    np.testing.assert_array_equal(cut().tile(2 * 25 + 7), cut().tiles[2, 1, 2])


def test_large_patches_are_sent_small():
    figure, _ = DRAWN["large patches"]()
    assert max(max(item.pixels.shape[:2]) for item in items(figure, Image)) <= 256


def test_context_and_target_are_framed_in_the_image_where_they_lie():
    figure, _ = draw(target=17)
    boxes = next(item.outlines for item in items(figure, Areas) if not isinstance(item.edges, str) and item.width == 2.5)
    (x, y, side, _), (x1, y1, *_) = boxes
    scale = 1.2 / 24
    assert side == pytest.approx(8 * scale) and (x1 - x, y1 - y) == pytest.approx((0, 2 * 4 * scale))
    assert (x, y) == pytest.approx((3.62 + 2 * 4 * scale, 1.42 + 4 * scale))
    assert next(item.edges for item in items(figure, Areas) if item.outlines is boxes) == [ANCHOR, POSITIVE]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"image": 6}, "image=6 is none of the 6 of the batch, 0 to 5"),
        ({"target": 3}, "target=3 is not predicted down with k=2; these are: 10, 11, 12"),
        ({"steps": (1,)}, "mean loss"),
    ],
)
def test_what_there_is_not_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        draw(**options)


def test_parts_of_other_batches_are_refused():
    with pytest.raises(InputError, match="6 images have 5 x 5 patches each, predictions are of 6 images with 4 x 9"):
        plots.patches(cut(), hits(4, 9), field(), 0, 20, {("down", 2): 1.0})
    with pytest.raises(InputError, match="and 36 patches were covered; give all of the same batch"):
        plots.patches(cut(), hits(), field(4, 9), 0, 20, {("down", 2): 1.0})
