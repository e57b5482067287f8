"""The candidates of one prediction: the best ones of the whole batch, the target among them or below them, with scores and shares."""

from dataclasses import dataclass

from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import FAINT, GREY, INK, NEGATIVE, POSITIVE, number, percent
from ssl_lab.plots.patches.batch import Cut
from ssl_lab.plots.patches.numbers import Found, shares
from ssl_lab.plots.spots import Spots

LEFT, HEAD, HEADS, FIRST, STEP, SIDE = 5.1, 1.24, 1.53, 1.95, 0.535, 0.47  # inches: of the table; heights of its heads; a line's first, step, picture
RANK, SCORE, SHARE = (LEFT + x for x in (0.36, 2.8, 3.36))  # right ends of numbers
PICTURE, WHO, BAR = (LEFT + x for x in (0.43, 0.96, 3.46))  # left ends
LONG, FOOT, BEST = 0.64, 6.82, 8  # inches of the longest bar; height of the foot; how many are listed
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # shares that a longest bar may mean
KINDS = {"target": POSITIVE, "same image": NEGATIVE, "other images": GREY}


@dataclass(frozen=True)
class Candidate:
    """One line.   number: among all candidates.   kind: target, same image or other images."""

    number: int
    rank: int
    kind: str
    score: float
    share: float


def listed(hit: Found, image: int, target: int) -> list[Candidate]:
    """The best of the batch in their order, and the target below them where it is none of them."""
    order, scores = hit.order(image, target).tolist(), hit.scores(image, target)
    own, share = hit.number(image, target), shares(scores)
    chosen = order[:BEST] if own in order[:BEST] else [*order[:BEST], own]
    return [Candidate(one, order.index(one) + 1, kind(hit, image, own, one), float(scores[one]), float(share[one])) for one in chosen]


def kind(hit: Found, image: int, own: int, candidate: int) -> str:
    """What a candidate is to the prediction."""
    return "target" if candidate == own else "same image" if candidate // hit.patches == image else "other images"


def weights(hit: Found, image: int, target: int) -> dict[str, tuple[float, int]]:
    """Kind → its share of the softmax together, and how many of them there are."""
    share, patches = shares(hit.scores(image, target)), hit.patches
    own, same = float(share[hit.number(image, target)]), float(share[image * patches : (image + 1) * patches].sum())
    return {"target": (own, 1), "same image": (same - own, patches - 1), "other images": (1 - same, len(share) - patches)}


def candidates(page: Drawing, cut: Cut, hit: Found, image: int, target: int) -> None:
    """A line a candidate: rank, picture, whose it is, score and share; below, what each kind of candidate has of the weight."""
    lines = listed(hit, image, target)
    full = next(most for most in SCALES if most >= max(line.share for line in lines) - 1e-9)
    page.words(LEFT, HEAD, f"Its candidates: {len(hit.z)} patches", 14, bold=True)
    for x, words in ((RANK, "rank"), (SCORE, "score"), (SHARE, "share"), (BAR + LONG + 0.08, f"to {full:.0%}")):
        page.words(x, HEADS, words, 12, GREY, ha="right")
    at = [FIRST + STEP * place for place in range(len(lines))]
    if len(lines) > BEST:
        page.strokes([[(LEFT, at[BEST] - STEP / 2), (BAR + LONG, at[BEST] - STEP / 2)]], GREY, 1.2, "dotted")
    for y, line in zip(at, lines):
        entry(page, cut, line, hit.patches, y)
    boxes = [(BAR, y - 0.15, LONG * part, 0.3) for y, line in zip(at, lines) for part in (1, line.share / full)]  # the pale ones are the longest
    page.areas(boxes, [colour for line in lines for colour in (FAINT, KINDS[line.kind])])
    page.areas([(PICTURE, y - SIDE / 2, SIDE, SIDE) for y in at], "", [KINDS[line.kind] for line in lines], 3)
    have = weights(hit, image, target)
    for place, (name, (share, count)) in enumerate(have.items()):
        x = LEFT + (0.1, 1.22, 2.66)[place]
        page.areas([(x, FOOT - 0.08, 0.16, 0.16)], KINDS[name])
        page.words(x + 0.24, FOOT, f"{name}\n{percent(share)} in {count}", 12, va="center")
    page.spots.append(lambda: lines_say(cut, hit, lines, image, target))


def entry(page: Drawing, cut: Cut, line: Candidate, patches: int, y: float) -> None:
    """One line but for its bar and its frame."""
    image, patch = divmod(line.number, patches)
    who = f"image {image}" if line.kind == "other images" else line.kind
    page.words(RANK, y, f"{line.rank}", 13, INK if line.kind == "target" else GREY, line.kind == "target", ha="right")
    page.picture(cut.tile(line.number), PICTURE, y - SIDE / 2, SIDE)
    page.words(WHO, y - 0.11, who, 12, INK if line.kind == "other images" else KINDS[line.kind], line.kind != "other images")
    page.words(WHO, y + 0.12, cut.where(patch).replace("column", "col"), 12, GREY)
    page.words(SCORE, y, said(line.score), 13, ha="right")
    page.words(SHARE, y, percent(line.share), 13, ha="right")


def said(score: float) -> str:
    """With its sign, in at most five signs."""
    return number(score, 2 if abs(score) < 9.995 else 1 if abs(score) < 99.95 else 0, "+")


def lines_say(cut: Cut, hit: Found, lines: list[Candidate], image: int, target: int) -> Spots:
    """Every line in one sentence; a click on a patch of the same image makes it the target, where it can be one."""
    places = [divmod(line.number, hit.patches) for line in lines]
    who = [f"{cut.called(whose)}, {cut.where(patch)}" for whose, patch in places]
    marks = [{"target": ", the target", "same image": ", of the same image"}.get(line.kind, "") for line in lines]
    sets = {"target": [patch if whose == image and patch in hit.targets else target for whose, patch in places]}
    score, share = [said(line.score) for line in lines], [percent(line.share) for line in lines]
    data = {"mark": marks, "score": score, "share": share, "rank": [line.rank for line in lines]}
    tip = f"rank {{rank}} of {len(hit.z)}: {{row}}{{mark}}: score {{score}}, share {{share}}"
    box = (LEFT, FIRST - STEP / 2, BAR + LONG - LEFT, STEP * len(lines))
    return Spots("candidates", box, tip, data, sets, rows=who)
