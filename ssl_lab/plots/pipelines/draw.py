"""The pipeline of a method: one drawing for all of them."""

from matplotlib.figure import Figure

from ssl_lab.errors import one_of, require
from ssl_lab.plots.look import Page, hwc, our_look, squared
from ssl_lab.plots.pipelines.flows import FLOWS, Flow
from ssl_lab.plots.pipelines.glyphs import draw_edge, draw_node, size
from ssl_lab.plots.pipelines.legend import draw_legend


@our_look()
def pipeline(name: str, images: dict | None = None) -> tuple[Figure, str]:
    """What a method does to an image, drawn: the upper lane is trained by the gradient, the lower lane makes the target.

    name: a method, "SimCLR", or its class, "NoisyStudent"; FLOWS has them all.   images: what stands at the nodes that are images, each
    (H, W, 3) uint8 or a tensor (3, H, W): pipeline("SimCLR", {"x": x, "x1": x1, "x2": x2}).
    Raises: InputError for a name that is no method, and for pictures of a node that is no image in this pipeline.
    """
    flow = flow_of(name)
    figure = Page(figsize=(13, 6.4), dpi=80)  # notebook 00 stores seven of them
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 13), ylim=(0, 6.4))  # in inches
    axes.set_axis_off()
    pictures = {} if images is None else {node: squared(hwc(picture[None]))[0] for node, picture in images.items()}
    places = [node for node, what in flow.nodes.items() if what.kind == "image"]
    require(set(pictures) <= set(places), f"pictures of {', '.join(pictures)}: {name} has images at {', '.join(places)}")
    for node, what in flow.nodes.items():
        draw_node(axes, what, pictures.get(node))
    for edge in flow.edges:
        draw_edge(axes, edge, flow.nodes[edge.start], flow.nodes[edge.end])
    for x, y, words in flow.notes:
        axes.text(x, y, words, ha="center", va="center", fontsize=size(words))
    axes.text(0.25, 6.05, flow.title, fontsize=20, fontweight="bold", va="center")
    draw_legend(axes, flow)
    for text in axes.texts:
        text.set_parse_math(True)
    return figure, flow.summary


def flow_of(name: str) -> Flow:
    """The flow of a name, whatever its case and spaces; CPC is CPC v2."""
    plain = {known.lower().replace(" ", ""): known for known in FLOWS} | {"cpc": "CPC v2"}
    asked = "".join(character for character in str(name).lower() if character not in " -_")
    known = plain.get(asked, name)
    one_of(known, FLOWS, "the method")
    return FLOWS[known]
