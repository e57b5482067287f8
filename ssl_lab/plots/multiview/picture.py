"""CMC (Tian et al. 2020): the views of a scene, the graph of their pairs, and who finds whom across two of them."""

from collections.abc import Sequence

from ssl_lab.errors import one_of, require
from ssl_lab.plots.contrastive.numbers import Contrast
from ssl_lab.plots.drawing import Drawing
from ssl_lab.plots.look import number, percent
from ssl_lab.plots.multiview import kept as keeps
from ssl_lab.plots.multiview.graph import graph
from ssl_lab.plots.multiview.matrix import matrix
from ssl_lab.plots.multiview.numbers import Agreement, Pair, alone, spelled
from ssl_lab.plots.multiview.scene import Painting, Scenes, row

WIDTH, HEIGHT, STRIP, SPLIT = 13.0, 7.3, 1.0, 6.6  # inches; STRIP: the height of the title's; SPLIT: where the right half begins
MATRICES = ("share", "cosine", "kept")  # what the right half can show


def multiview(
    scenes: Scenes, agreed: Agreement, batch: Contrast, pairs: Sequence[Pair], scene: int, first: str, second: str, shown: str = "share", *,
    kept: keeps.Tables | None = None, measured: int = 0, painting: Painting | None = None,
) -> tuple[Drawing, str]:  # fmt: skip
    """The views of one scene, the graph with the loss and the bound of every pair, and the scores between two views of the batch.

    scenes: n of the batch, its first ones, that are drawn.   agreed: what all pairs of views pay.   batch: the first view's rows against the second
    view's, `across`.   pairs: those of the graph.   scene in 0 .. n - 1: the one in hand.
    shown: "share" (each row's softmax over the batch), "cosine", or "kept": R² of every factor, which `kept` has, of so many `measured` images.
    painting: what a predictive method makes of the drawn scenes.
    Raises: InputError for a scene, a view or a matrix that there is not, fewer than two scenes, or parts that do not belong together.
    """
    check(scenes, agreed, batch, scene, first, second, shown, kept)
    page, B = Drawing(WIDTH, HEIGHT, STRIP, [SPLIT]), agreed.B
    i, j = agreed.names.index(first), agreed.names.index(second)
    chosen, found = (min(i, j), max(i, j)), f"{first} finds its own {second} in {batch.first} of {B} scenes"
    paid = f"L = {agreed.loss[i, j]:.2f} + {agreed.loss[j, i]:.2f} = {agreed.both(chosen):.2f}"
    bound = f"information ≥ log k − L / 2 = {number(agreed.bound(chosen))} nats"
    page.title(found, f"temperature {agreed.tau:.3g}", f"k = {agreed.k} negatives", paid, bound)
    foot, missed = row(page, scenes, scene, first, second, painting)
    graph(page, agreed, scenes, scene, pairs, chosen, foot + 0.3)
    told = ""
    if shown == "kept":
        told = f"; {keeps.kept(page, kept, first, second, measured)}"
    else:
        matrix(page, batch, scenes, scene, first, second, shown)
    said = f"{scenes.called(scene)} pays {batch.loss[scene]:.2f}, gives its own {percent(batch.share[scene, scene])} of its weight, rank {batch.rank[scene]}"
    return page, (
        f"{'Cosine' if shown == 'cosine' else 'Share' if shown == 'share' else 'R²'} of {first} and {second} at temperature {agreed.tau:.3g}, "
        f"k = {agreed.k}: {found}; {paid}, {bound.replace('≥', 'at least')}; {said}{told}; {summed(agreed, pairs)}{'; ' * bool(missed)}{missed}."
    )


def summed(agreed: Agreement, pairs: Sequence[Pair]) -> str:
    """The graph in words: how many pairs, the sum of their losses, and who is left out."""
    graph, lone = spelled(pairs, agreed.names), alone(pairs, agreed.names)
    kind = f"the {graph} graph has " if graph in ("core", "full") else "the graph has "
    left = f"; {' and '.join(lone)} {'have' if len(lone) > 1 else 'has'} no pair and learn{'s' * (len(lone) == 1)} nothing" if lone else ""
    return f"{kind}{len(pairs)} pair{'s' * (len(pairs) != 1)}, whose losses sum to {agreed.total(pairs):.2f}{left}"


def check(scenes: Scenes, agreed: Agreement, batch: Contrast, scene: int, first: str, second: str, shown: str, kept) -> None:
    """Refuse what cannot be drawn."""
    n, names = len(scenes), agreed.names
    require(scenes.names == names, f"the pictures show {', '.join(scenes.names)} and the losses are of {', '.join(names)}; give both of the same views")
    require(2 <= n <= agreed.B == len(batch.loss), f"{n} scenes are drawn, {agreed.B} have losses and {len(batch.loss)} scores; give 2 or more of one batch")
    require(0 <= scene < n, f"scene={scene} is none of the {n} that are drawn, 0 to {n - 1}")
    for name in (first, second):
        one_of(name, names, "view")
    require(first != second, f"first and second are both {first!r}; a view is compared with another one")
    one_of(shown, MATRICES, "matrix")
    require(shown != "kept" or bool(kept), 'shown="kept" needs kept, a table for every view, as evaluate.factor_table gives it')
