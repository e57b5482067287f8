"""What the marks of a pipeline mean: of those that it has, the ones that no word beside them explains."""

from ssl_lab.plots.pipelines.flows import Flow, Node
from ssl_lab.plots.pipelines.glyphs import SHAPES, arrow

WORDS = {
    "trained": "trained by gradient", "momentum": "follows by momentum", "frozen": "frozen", "kept": "kept after training", "vector": "vector",
    "label": "labels", "positive": "attract", "negative": "repel",
}  # fmt: skip
ROOM = {"vector": 0.24, "label": 0.72, "positive": 0.62, "negative": 0.62}  # inches from a mark's left to its word; a network takes 0.45


def draw_legend(axes, flow: Flow, y: float = 0.34):
    """One line: each mark, small, with its meaning."""
    x, used = 0.3, {node.kind for node in flow.nodes.values()} | {edge.kind for edge in flow.edges} | {"kept"}
    for mark in [mark for mark in WORDS if mark in used]:
        sample(axes, mark, x, y)
        text = axes.text(x + ROOM.get(mark, 0.45), y, WORDS[mark], va="center", fontsize=14)
        x = text.get_window_extent().transformed(axes.transData.inverted()).x1 + 0.32


def sample(axes, mark: str, left: float, y: float):
    """One mark, small."""
    if mark in ("label", "positive", "negative"):
        arrow(axes, [(left, y), (left + ROOM[mark] - 0.1, y)], mark)
    else:
        kind, (right, scale) = "trained" if mark == "kept" else mark, (0.07, 0.45) if mark == "vector" else (0.18, 0.3)
        SHAPES[kind](axes, Node(kind, left + right, y, "", kept=mark == "kept"), scale)
