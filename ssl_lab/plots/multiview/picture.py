"""CMC (Tian et al. 2020): the views of a scene, the graph of their pairs, and who finds whom across two of them."""

from collections.abc import Mapping, Sequence

from ssl_lab.errors import one_of, require
from ssl_lab.plots.contrastive.numbers import Contrast
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import class_name, number, percent
from ssl_lab.plots.multiview.graph import BOUND, graph, left_out
from ssl_lab.plots.multiview.kept import Tables, kept
from ssl_lab.plots.multiview.matrix import matrix
from ssl_lab.plots.multiview.numbers import Agreement, Pair, alone, spelled
from ssl_lab.plots.multiview.scene import Painting, Scenes, row

WIDTH, HEIGHT, STRIP, SPLIT = 13.0, 7.3, 1.0, 6.6  # inches; STRIP: the height of the title's; SPLIT: where the right half begins
MATRICES = {"share": "Share of the softmax", "cosine": "Cosine", "kept": "R²"}  # what the right half can show


def multiview(
    scenes: Scenes, agreed: Agreement, batch: Contrast, pairs: Sequence[Pair], scene: int, first: str, second: str, shown: str = "share", *,
    growth: Mapping[int, float] | None = None, tables: Tables | None = None, measured: int = 0, painting: Painting | None = None,
) -> tuple[Drawing, str]:  # fmt: skip
    """The views of one scene, the graph with the loss and the bound of every pair, and the scores between two views of the batch.

    scenes: n of the batch, its first ones, that are drawn.   agreed: what all pairs of views pay.   batch: the first view's rows against the second
    view's, `across`.   pairs: those of the graph.   scene in 0 .. n - 1: the one in hand.
    shown: "share" (each row's softmax over the batch), "cosine", or "kept": R² of every factor in `tables`, of so many `measured` images.
    growth: size of a batch → bound of the two views, for a chart where few pairs leave room.
    painting: what a predictive method makes of the drawn scenes.
    Raises: InputError for a scene, a view or a matrix that there is not, fewer than two scenes, or parts that do not belong together.
    """
    check(scenes, agreed, batch, scene, first, second, shown, tables)
    page = Drawing(WIDTH, HEIGHT, STRIP, [SPLIT])
    i, j = agreed.names.index(first), agreed.names.index(second)
    a, b = (class_name(0, (name,), 9) for name in (first, second))
    found = f"{first} finds its own {second} in {batch.first} of {agreed.B} scenes"
    paid = f"loss {agreed.both((i, j)):.2f}: {a} → {b} {agreed.loss[i, j]:.2f}, {b} → {a} {agreed.loss[j, i]:.2f}"
    bound = f"{BOUND} = {number(agreed.bound((i, j)))} nats"
    below = " · ".join((f"temperature {agreed.tau:.3g}", f"k = {agreed.k} negatives", paid, bound))
    page.title(found)
    page.words(0.15, 0.74, below, max(12, min(14, 14 * 125 / len(below))))  # names may be long
    foot, missed = row(page, scenes, scene, first, second, painting)
    graph(page, agreed, scenes, scene, pairs, first, second, foot + 0.26, growth or {})
    apart = ""
    if shown == "kept":
        apart = f"; {kept(page, tables, first, second, measured)}"
    else:
        matrix(page, batch, scenes, scene, first, second, shown)
    own = percent(batch.share[scene, scene])
    facts = f"{scenes.called(scene)} pays {batch.loss[scene]:.2f} and gives its own {own} of its weight, rank {batch.rank[scene]} of {agreed.B}"
    setting = f"{MATRICES[shown]} of {first} and {second} at temperature {agreed.tau:.3g}, k = {agreed.k} negatives"
    return page, f"{setting}: {found}, {paid}, {bound}; {facts}{apart}; {summed(agreed, pairs)}{'; ' * bool(missed)}{missed}."


def summed(agreed: Agreement, pairs: Sequence[Pair]) -> str:
    """The graph in words: how many pairs, the sum of their losses, and who is left out."""
    graph, lone = spelled(pairs, agreed.names), alone(pairs, agreed.names)
    kind = f"the {graph} graph" if graph in ("core", "full") else "the graph"
    count = f"{len(pairs)} pair{'s' * (len(pairs) != 1)}"
    return f"{kind} has {count}, sum of the losses {agreed.total(pairs):.2f}{'; ' + left_out(lone, len(agreed.names)) if lone else ''}"


def check(scenes: Scenes, agreed: Agreement, batch: Contrast, scene: int, first: str, second: str, shown: str, tables: Tables | None) -> None:
    """Refuse what cannot be drawn."""
    n, B, names, own = len(scenes), agreed.B, ", ".join(agreed.names), ", ".join(scenes.names)
    require(own == names, f"the pictures show {own} and the losses are of {names}; give both of the same views")
    whole = f"{n} scenes are drawn, {B} have losses and {len(batch.loss)} scores; give two or more, the first ones of one batch"
    require(2 <= n <= B == len(batch.loss), whole)
    require(0 <= scene < n, f"scene={scene} is none of the {n} that are drawn, 0 to {n - 1}")
    for name in (first, second):
        one_of(name, agreed.names, "view")
    require(first != second, f"first and second are both {first!r}; a view is compared with another one")
    one_of(shown, MATRICES, "matrix")
    fits = shown != "kept" or (tables is not None and {*tables} == {*agreed.names})
    require(fits, 'shown="kept" needs tables, one for each view, as evaluate.factor_table gives it')
