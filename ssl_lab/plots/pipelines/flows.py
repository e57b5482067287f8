"""The pipelines as data: what each method does to an image, in one alphabet of nodes and edges that `pipeline` draws.

The upper lane is what the gradient trains. The lower lane makes the target: the other view, a key, a copy that follows, a pseudo-label.
"""

from dataclasses import dataclass
from itertools import pairwise

TOP, MIDDLE, BOTTOM = 4.42, 3.14, 1.86  # the lanes, in inches from the lower edge
NETWORKS = ("trained", "momentum", "frozen")  # how the weights of a network move


@dataclass(frozen=True)
class Node:
    """kind: image, grid (of patches), one of NETWORKS, vector, row (of vectors), label, step or loss.   x, y: its middle, in inches.
    symbol: in the house notation.   word: what it is called.   kept: whether it is used after training."""

    kind: str
    x: float
    y: float
    symbol: str
    word: str = ""
    kept: bool = False


@dataclass(frozen=True)
class Edge:
    """kind: data, label, positive, negative (what the loss pulls and pushes), momentum, copy or shared.   stop: no gradient comes back through it.
    bend: "" is straight, "-|" goes along and then up or down, "|-" the other way round."""

    start: str
    end: str
    kind: str = "data"
    word: str = ""
    bend: str = ""
    stop: bool = False


@dataclass(frozen=True)
class Flow:
    """title: the idea.   summary: the flow in one sentence.   notes: (x, y, words) that belong to no node."""

    title: str
    summary: str
    nodes: dict[str, Node]
    edges: tuple[Edge, ...]
    notes: tuple[tuple[float, float, str], ...] = ()


def chain(names: str) -> tuple[Edge, ...]:
    """Data from each name to the next."""
    return tuple(Edge(start, end) for start, end in pairwise(names.split()))


def image(x: float = 0.75, y: float = MIDDLE, symbol: str = "$x$", word: str = "image") -> Node:
    return Node("image", x, y, symbol, word)


def both(kind: str, x: float, symbols: tuple[str, str], words: tuple[str, str] = ("", ""), kept: bool = False) -> tuple[Node, Node]:
    """The same in the upper and in the lower lane."""
    return Node(kind, x, TOP, symbols[0], words[0], kept), Node(kind, x, BOTTOM, symbols[1], words[1], kept)


def named(**nodes: Node | tuple[Node, Node]) -> dict[str, Node]:
    """Nodes by name; a pair, named z12, becomes z1 and z2."""
    found = {}
    for name, node in nodes.items():
        found |= {name: node} if isinstance(node, Node) else {name[:-1]: node[0], name[:-2] + "2": node[1]}
    return found


TO_VIEWS = Edge("x", "x1", word="$t$"), Edge("x", "x2", word="$t'$")
MOMENTUM = "momentum\n$\\theta{0} \\leftarrow m\\,\\theta{0} + (1-m)\\,\\theta{1}$"  # the copy's mark, the original's
PULL = Edge("z1", "loss", "positive", "positive", "-|"), Edge("z2", "loss", "positive", "positive", "-|")

SUPERVISED = Flow(
    "Supervised: people say what every image shows",
    "Supervised: an augmented view x1 of an image goes through encoder f and a linear classifier g, both trained, and cross entropy compares "
    "the prediction with the label y that a person gave.",
    named(
        x=image(), x1=image(2.75, TOP, "$x_1$", "view"), f=Node("trained", 4.9, TOP, "$f$", "encoder", kept=True), h=Node("vector", 6.5, TOP, "$h$"),
        g=Node("trained", 8.1, TOP, "$g$", "classifier"), y=Node("label", 2.75, BOTTOM, "$y$", "label, from a person"),
        loss=Node("loss", 11.7, MIDDLE, "cross\nentropy"),
    ),
    (
        Edge("x", "x1", word="$t$"), *chain("x1 f h g"), Edge("g", "loss", word="prediction", bend="-|"),
        Edge("x", "y", "label"), Edge("y", "loss", "label", "target", "-|"),
    ),
)  # fmt: skip

NOISY_STUDENT = Flow(
    "Noisy Student: a student that works through noise outgrows its teacher",
    "Noisy Student: a frozen teacher f' sees unlabelled images without noise and writes pseudo-labels, a student f of equal or larger size learns "
    "from labelled and unlabelled images with noise by cross entropy, and then the student becomes the teacher and all starts again.",
    named(
        x=image(0.85, TOP, "$x, y$", "labelled"), u=image(0.85, BOTTOM, r"$\tilde{x}$", "unlabelled"), x1=image(3.1, TOP, "$x_1$", "noised view"),
        f=Node("trained", 5.4, TOP, "$f$", "student, noised,\nno smaller", kept=True),
        teacher=Node("frozen", 5.4, BOTTOM, "$f'$", "teacher, not noised"),
        y=Node("label", 9.1, MIDDLE, "$y$", "given labels"), pseudo=Node("label", 9.1, BOTTOM, r"$\tilde{y}$", "pseudo-labels"),
        loss=Node("loss", 11.8, MIDDLE, "cross\nentropy"),
    ),
    (
        Edge("x", "x1", word="noise $t$"), Edge("u", "x1", word="noise $t$"), *chain("x1 f"), Edge("f", "loss", word="prediction", bend="-|"),
        Edge("u", "teacher", word="no noise"), Edge("teacher", "pseudo", "label", stop=True), Edge("pseudo", "loss", "label", bend="-|"),
        Edge("y", "loss", "label"), Edge("f", "teacher", "copy", "student becomes\nthe teacher, again"),
    ),
)  # fmt: skip

DEEPCLUSTER = Flow(
    "DeepCluster: cluster the features, learn to tell the clusters apart, repeat",
    "DeepCluster: before every epoch k-means clusters the features h of all images, taken without augmentation or gradient, and the clusters are "
    "pseudo-labels that encoder f and a fresh classifier g learn to predict from augmented views x1 by cross entropy.",
    named(
        x=image(), x1=image(2.6, TOP, "$x_1$", "view"), f12=both("trained", 4.45, ("$f$", "$f$"), ("encoder", "encoder"), kept=True),
        h12=both("vector", 5.9, ("$h$", "$h$")), g=Node("trained", 8.6, TOP, "$g$", "classifier, new every epoch"),
        cluster=Node("step", 8.6, BOTTOM, "k-means", "$C$ clusters"), pseudo=Node("label", 10.45, BOTTOM, r"$\tilde{y}$", "pseudo-label"),
        loss=Node("loss", 11.95, MIDDLE, "cross\nentropy"),
    ),
    (
        Edge("x", "x1", word="$t$"), *chain("x1 f1 h1 g"), Edge("g", "loss", word="prediction", bend="-|"), Edge("x", "f2", word="no $t$"),
        Edge("f2", "h2"), Edge("h2", "cluster", stop=True), Edge("cluster", "pseudo", "label"), Edge("pseudo", "loss", "label", bend="-|"),
        Edge("f1", "f2", "shared", "same weights: clustered\nagain before every epoch"),
    ),
)  # fmt: skip

SIMCLR = Flow(
    "SimCLR: two views of an image attract, all other views in the batch repel",
    "SimCLR: two augmented views x1 and x2 of an image go through the same encoder f and the same projection head g, and NT-Xent pulls z1 and z2 "
    "together and pushes them from the other 2(B - 1) views of the batch.",
    named(
        x=image(), x12=both("image", 2.45, ("$x_1$", "$x_2$"), ("view", "view")),
        f12=both("trained", 4.15, ("$f$", "$f$"), ("encoder", "encoder"), kept=True), h12=both("vector", 5.45, ("$h_1$", "$h_2$")),
        g12=both("trained", 6.75, ("$g$", "$g$"), ("head", "head")), z12=both("vector", 8.05, ("$z_1$", "$z_2$")),
        others=Node("row", 9.35, MIDDLE, "", "negatives: other\n$2(B-1)$ views"), loss=Node("loss", 11.9, MIDDLE, "NT-Xent\nat $\\tau$"),
    ),
    (
        *TO_VIEWS, *chain("x1 f1 h1 g1 z1"), *chain("x2 f2 h2 g2 z2"), Edge("f1", "f2", "shared", "same\nweights"), Edge("g1", "g2", "shared"),
        *PULL, Edge("others", "loss", "negative"),
    ),
)  # fmt: skip

MOCO = Flow(
    "MoCo: a queue remembers negatives, a slow copy keeps them consistent",
    "MoCo: encoder f_q turns view x1 into a query q, its momentum copy f_k turns view x2 into a key k without gradient, and InfoNCE pulls q to its k "
    "and pushes it from the K older keys in a queue, which k then joins.",
    named(
        x=image(), x12=both("image", 2.45, ("$x_1$", "$x_2$"), ("view", "view")),
        fq=Node("trained", 4.2, TOP, "$f_q$", "encoder", kept=True), fk=Node("momentum", 4.2, BOTTOM, "$f_k$", "key encoder"),
        q=Node("vector", 7.75, TOP, "$q$", "query"), k=Node("vector", 7.75, BOTTOM, "$k$", "key"),
        queue=Node("row", 9.7, BOTTOM, "", "negatives: queue of\n$K$ older keys"), loss=Node("loss", 11.85, MIDDLE, "InfoNCE\nat $\\tau$"),
    ),
    (
        *TO_VIEWS, *chain("x1 fq q"), Edge("x2", "fk"), Edge("fk", "k", stop=True), Edge("k", "queue"), Edge("q", "loss", "positive", bend="-|"),
        Edge("k", "loss", "positive", "positive", "|-"), Edge("queue", "loss", "negative", bend="-|"),
        Edge("fq", "fk", "momentum", MOMENTUM.format("_k", "_q")),
    ),
)  # fmt: skip

CMC = Flow(
    "CMC: learn what the lightness of an image and its colour agree on",
    "CMC: an image is split into lightness L and colour ab, two encoders without shared weights turn them into z1 and z2, and InfoNCE, both ways, "
    "pulls z1 and z2 together and pushes each from the other view of other images.",
    named(
        x=image(), L=image(2.7, TOP, "$L$", "lightness"), ab=image(2.7, BOTTOM, "$ab$", "colour"),
        f12=both("trained", 4.9, ("$f_1$", "$f_2$"), ("encoder of $L$", "encoder of $ab$"), kept=True), z12=both("vector", 7.2, ("$z_1$", "$z_2$")),
        others=Node("row", 8.75, MIDDLE, "", "negatives: $z$ of\nother images"), loss=Node("loss", 11.75, MIDDLE, "InfoNCE, $\\tau$\nboth ways"),
    ),
    (Edge("x", "L", word="split"), Edge("x", "ab"), *chain("L f1 z1"), *chain("ab f2 z2"), *PULL, Edge("others", "loss", "negative")),
    ((4.9, MIDDLE, "two encoders,\nno shared weights"),),
)  # fmt: skip

CPC = Flow(
    "CPC v2: from the patches above, predict those below",
    "CPC v2: encoder f turns every patch of an image into z, a context network g that sees row i and the rows above it makes c, a matrix W_k "
    "predicts from c the z that stands k rows further down, and InfoNCE pulls the prediction to the true z and pushes it from all other patches.",
    named(
        x=image(), patches=Node("grid", 2.45, MIDDLE, "$x_{i,j}$", "patches"), f=Node("trained", 4.2, MIDDLE, "$f$", "encoder", kept=True),
        grid=Node("grid", 6.35, MIDDLE, ""), g=Node("trained", 8.0, TOP, "$g$", "context"), c=Node("vector", 9.1, TOP, "$c_{i,j}$"),
        W=Node("trained", 10.2, TOP, "$W_k$", "predictor"), guess=Node("vector", 11.3, TOP, r"$\hat{z}_{i+k,j}$"),
        target=Node("vector", 8.7, BOTTOM, "$z_{i+k,j}$"), others=Node("row", 8.7, MIDDLE, "", "negatives: all other $z$"),
        loss=Node("loss", 11.95, MIDDLE, "InfoNCE"),
    ),
    (
        *chain("x patches f"), Edge("f", "grid", word="$z_{i,j}$"), Edge("grid", "g", word=r"rows $\leq i$", bend="|-"), *chain("g c W guess"),
        Edge("guess", "loss", "positive", bend="-|"), Edge("grid", "target", word="row $i+k$", bend="|-"),
        Edge("target", "loss", "positive", "positive", "-|"), Edge("grid", "others"), Edge("others", "loss", "negative"),
    ),
    ((3.05, BOTTOM - 0.35, "v2: in all four directions,\nevery patch augmented by itself"),),
)  # fmt: skip

BYOL = Flow(
    "BYOL: predict what a slow copy of yourself sees; nothing repels",
    "BYOL: view x1 goes through encoder f, head g and predictor q, view x2 through f' and g', which follow by momentum and pass no gradient, and the "
    "loss 2 - 2 cos pulls the prediction q(z1) to z2', without negatives, and once more with the views exchanged.",
    named(
        x=image(0.7), x12=both("image", 2.25, ("$x_1$", "$x_2$"), ("view", "view")),
        f1=Node("trained", 3.85, TOP, "$f$", "encoder", kept=True), f2=Node("momentum", 3.85, BOTTOM, "$f'$", "encoder"),
        h12=both("vector", 5.2, ("$h_1$", "$h_2'$")), g1=Node("trained", 6.55, TOP, "$g$", "head"), g2=Node("momentum", 6.55, BOTTOM, "$g'$", "head"),
        z12=both("vector", 7.75, ("$z_1$", "$z_2'$")), q=Node("trained", 8.95, TOP, "$q$", "predictor"), p=Node("vector", 10.2, TOP, "$q(z_1)$"),
        loss=Node("loss", 11.85, MIDDLE, "2 − 2 cos"),
    ),
    (
        *TO_VIEWS, *chain("x1 f1 h1 g1 z1 q p"), *chain("x2 f2 h2 g2 z2"), Edge("p", "loss", "positive", bend="-|"),
        Edge("z2", "loss", "positive", bend="-|", stop=True), Edge("g1", "g2", "momentum"),
        Edge("f1", "f2", "momentum", MOMENTUM.format("'", "")),
    ),
    ((8.85, MIDDLE, "no negatives;\nthen $x_1$ and $x_2$ swap"),),
)  # fmt: skip

PREDICTIVE = Flow(
    "Predictive: paint the colours of an image from its lightness",
    "Predictive: an image is split into lightness L and colour ab, encoder f and decoder d, both trained, paint ab from L, and the loss is the "
    "difference between the painting and the true ab, pixel by pixel.",
    named(
        x=image(), L=image(2.7, TOP, "$L$", "lightness"), ab=image(2.7, BOTTOM, "$ab$", "colour"),
        f=Node("trained", 4.9, TOP, "$f$", "encoder of $L$", kept=True), h=Node("vector", 6.5, TOP, "$h$"),
        d=Node("trained", 8.1, TOP, "$d$", "decoder"), loss=Node("loss", 11.7, MIDDLE, "$L_1$ or $L_2$"),
    ),
    (
        Edge("x", "L", word="split"), Edge("x", "ab"), *chain("L f h d"), Edge("d", "loss", word="painting", bend="-|"),
        Edge("ab", "loss", "label", "target", "-|"),
    ),
)  # fmt: skip

FLOWS = {
    "Supervised": SUPERVISED, "Noisy Student": NOISY_STUDENT, "DeepCluster": DEEPCLUSTER, "SimCLR": SIMCLR, "MoCo": MOCO, "CMC": CMC, "CPC v2": CPC,
    "BYOL": BYOL, "Predictive": PREDICTIVE,
}  # fmt: skip
