"""One image as the network sees it: its patches, the context that predicts, all that this context sees, and the patch that it predicts."""

import numpy as np

from ssl_lab.plots.contrastive.cells import TO_ITSELF, TO_PARTNER
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import ANCHOR, GREY, PAPER, POSITIVE, number, percent
from ssl_lab.plots.patches.batch import Cut, Lattice, mosaic, named
from ssl_lab.plots.patches.numbers import Field, Found, shared, shares
from ssl_lab.plots.spots import Box, Spots

LEFT, HEAD, TOP, SIDE = 0.15, 1.24, 1.42, 3.3  # inches: of the mosaic
BESIDE, SMALL = 3.62, 1.2  # of the image beside it
KEY, BELOW, MINI, NEXT = 4.93, 5.3, 1.55, 2.5  # height of the key; of the two small grids' words; their side; the second one's left
ARROWS = "v<^>"  # the heads of arrows down, left, up and right
DIM, LEAST = 0.8, 0.25  # how much a patch that is not seen is covered; the colour of the smallest move


def grid(page: Drawing, cut: Cut, hit: Found, field: Field, image: int, target: int) -> None:
    """The mosaic, the image beside it, and below: what the context sees, and which contexts see the target."""
    context = hit.context(target)
    seen = field.seen(context)
    page.words(LEFT, HEAD, f"Patches of {cut.called(image)}", 14, bold=True)
    pixels, free = mosaic(cut.tiles[image])
    tiles = Lattice(LEFT, TOP, SIDE, cut.grid, free)
    page.image(pixels, *tiles.box, smooth=True)
    hidden = [tiles.of(patch, 0) for patch in np.flatnonzero(~seen).tolist() if patch not in (target, context)]
    if hidden:
        page.areas(hidden, PAPER, alpha=DIM)
    tiles.frame(page, context, target, 4)
    arrow(page, tiles, context, target, hit)
    key(page)
    beside(page, cut, image, context, target, shared(seen, target, cut.grid, cut.size, cut.stride))
    fields(page, hit, field, target)
    page.spots.append(lambda: patches_say(cut, hit, image, target, tiles.box))


def fields(page: Drawing, hit: Found, field: Field, target: int) -> None:
    """Two small grids: how far each patch moves the context, and how far the target moves each context."""
    context, P = hit.context(target), hit.patches
    one, many = "covering {row}, {column} moves this context", "covering the target moves the context at {row}, {column}"
    for left, words, name, values, colours, tip in (
        (LEFT, f"Context sees {field.seen(context).sum()} of {P}", "what the context sees", field.moved[:, context], TO_ITSELF, one),
        (NEXT, f"Target seen by {field.told(target).sum()} of {P}", "contexts that see the target", field.moved[target], TO_PARTNER, many),
    ):
        small = Lattice(left, BELOW + 0.17, MINI, hit.grid)
        page.words(left, BELOW, words, 13)
        page.areas([small.box], "", GREY, 1)
        small.paint(page, strength(values).reshape(hit.grid), colours)
        small.frame(page, context, target)
        page.spots.append(lambda name=name, values=values, box=small.box, tip=tip: moves_say(name, hit, target, values, box, tip))


def strength(moved: np.ndarray) -> np.ndarray:
    """From 0, not seen, to 1: the root, so that a little is seen; NaN where nothing moves."""
    return np.where(moved > 0, np.sqrt(moved / max(moved.max(), 1e-30)).clip(LEAST), np.nan)


def arrow(page: Drawing, tiles: Lattice, context: int, target: int, hit: Found) -> None:
    """From the context to what it predicts, between both; into them where they touch."""
    (x, y), (x1, y1) = tiles.middle(context), tiles.middle(target)
    off = (0.52 if hit.k > 1 else 0.25) / hit.k  # of the way, at each end
    start, end = (x + off * (x1 - x), y + off * (y1 - y)), (x1 - off * (x1 - x), y1 - off * (y1 - y))
    tip, head = (end[0] - 0.05 * (x1 > x) + 0.05 * (x1 < x), end[1] - 0.05 * (y1 > y) + 0.05 * (y1 < y)), ARROWS[hit.turn]
    for colour, width, size in (("#fffffe", 6, 17), ("#000000", 2.5, 11)):
        page.strokes([[start, tip]], colour, width)
        page.marks(*tip, head, size, colour)


def key(page: Drawing) -> None:
    """What the frames mean."""
    for x, colour, words in ((LEFT, ANCHOR, "context"), (LEFT + 1.02, POSITIVE, "target")):
        page.areas([(x + 0.03, KEY - 0.08, 0.16, 0.16)], "", colour, 3)
        page.words(x + 0.27, KEY, words, 13)
    page.words(LEFT + 1.94, KEY, "faded: not seen", 13, GREY)


def beside(page: Drawing, cut: Cut, image: int, context: int, target: int, part: float) -> None:
    """The whole image with both patches where they lie, and how much of the target the context has seen already."""
    H, W = cut.images.shape[1:3]
    scale = SMALL / max(H, W)
    left, top = BESIDE + (SMALL - W * scale) / 2, TOP + (SMALL - H * scale) / 2
    page.picture(cut.images[image], BESIDE, TOP, SMALL)
    boxes = [around(cut, patch, left, top, scale) for patch in (context, target)]
    page.areas(boxes, "", [ANCHOR, POSITIVE], 2.5)
    said = f"{percent(part)} of the\ntarget's pixels\nlie in patches\nthat the\ncontext sees"
    for down, words in ((0.14, f"size {cut.size},\nstride {cut.stride}"), (0.7, said)):
        page.words(BESIDE, TOP + SMALL + down, words, 12, va="top")
    page.spots.append(lambda: Spots("the image", (BESIDE, TOP, SMALL, SMALL), f"{cut.called(image)}, {W} x {H} pixels, where both patches lie"))


def around(cut: Cut, patch: int, left: float, top: float, scale: float) -> Box:
    """A patch in the image, in inches."""
    row, column = divmod(patch, cut.grid[1])
    return left + column * cut.stride * scale, top + row * cut.stride * scale, cut.size * scale, cut.size * scale


def patches_say(cut: Cut, hit: Found, image: int, target: int, box: Box) -> Spots:
    """Every patch says what this prediction gives it; a click makes it the target, where it can be one."""
    scores, order = hit.scores(image, target), hit.order(image, target)
    own = slice(image * hit.patches, (image + 1) * hit.patches)
    rank = np.empty(len(order), int)
    rank[order] = np.arange(1, len(order) + 1)
    what = ["" for _ in range(hit.patches)]
    what[target], what[hit.context(target)] = ", the target", ", the context's own"
    data = {"what": what, "score": [number(one, sign="+") for one in scores[own]], "share": [*map(percent, shares(scores)[own])], "rank": rank[own]}
    tip = f"{{row}}, {{column}}{{what}}: score {{score}}, share {{share}}, rank {{rank}} of {len(scores)}"
    return Spots("patches of the image", box, tip, data, {"target": clicks(hit, target)}, **named(hit.grid))


def clicks(hit: Found, target: int) -> list[int]:
    """The target that a click on every patch gives."""
    return [patch if patch in hit.targets else target for patch in range(hit.patches)]


def moves_say(name: str, hit: Found, target: int, moved: np.ndarray, box: Box, what: str) -> Spots:
    """Every cell says how far a context moves."""
    said = [f"by {percent(one)} of a context's mean length" if one > 0 else "not at all" for one in moved.tolist()]
    return Spots(name, box, what + ": {far}", {"far": said}, {"target": clicks(hit, target)}, **named(hit.grid))
