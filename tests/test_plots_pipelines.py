"""The pipelines of all methods: one grammar, true to the papers, and every word to be read."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from matplotlib.text import Text

from ssl_lab import methods, plots
from ssl_lab.errors import InputError
from ssl_lab.plots import FLOWS, pipeline
from ssl_lab.plots.pipelines.glyphs import ARROWS, OUTLINES, SIZES, TINT, way

FORWARD = ("data", "label", "positive", "negative")  # edges that carry something in the forward pass
X = np.full((8, 8, 3), 7, np.uint8)


@pytest.fixture(params=FLOWS, scope="module")
def flow(request):
    return FLOWS[request.param]


@pytest.fixture(params=[*FLOWS, "SimCLR with images"], scope="module")
def drawn(request):
    """A pipeline, its summary, and its words, each with its frame in inches."""
    name = request.param.removesuffix(" with images")
    figure, summary = pipeline(name, {"x": X, "x1": X, "x2": X} if name != request.param else None)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    words = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    frames = {text: np.array(text.get_window_extent().extents) / figure.dpi for text in words}
    return figure, FLOWS[name], frames, summary


def frame(node, slope=0.0):
    """The frame of a node; a network is a funnel, which is higher than it by its slope."""
    (width, height), rise = SIZES[node.kind], slope if node.kind in OUTLINES else 0
    return node.x - width / 2, node.y - height / 2 - rise, node.x + width / 2, node.y + height / 2 + rise


def meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def inside(a, b):
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


def steps(points):
    """Points along a line with corners, 0.02 inches apart."""
    for (x0, y0), (x1, y1) in pairwise(points):
        for share in np.linspace(0, 1, 2 + int(50 * np.hypot(x1 - x0, y1 - y0))):
            yield x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def within(point, box):
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


def trained_by(flow):
    """What the gradient of the loss reaches: a walk back from it that halts at every stop."""
    reached, ahead = set(), ["loss"]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [edge.start for edge in flow.edges if edge.end == name and edge.kind in FORWARD and not edge.stop]
    return reached


def kinds(flow, kind):
    return {(edge.start, edge.end) for edge in flow.edges if edge.kind == kind}


def symbols(flow, kind):
    return sorted({node.symbol for node in flow.nodes.values() if node.kind == kind})


def test_nothing_is_smaller_than_twelve_points(drawn):
    for text in drawn[2]:
        assert text.get_fontsize() >= (17 if "_" in text.get_text() else 12)  # a subscript has 70 % of its line


def test_nothing_is_cut_off(drawn):
    figure, _, frames, _ = drawn
    for text, box in frames.items():
        assert inside(box, (0, 0, *figure.get_size_inches())), text


def test_no_word_covers_another(drawn):
    for (a, box), (b, other) in combinations(drawn[2].items(), 2):
        assert not meet(box, other), (a, b)


def test_a_word_stands_in_its_node_or_clear_of_all_nodes(drawn):
    _, flow, frames, _ = drawn
    for text, box in frames.items():
        for node in flow.nodes.values():
            assert inside(box, frame(node)) or not meet(box, frame(node, slope=0.12)), (text, node)


def test_no_arrow_runs_through_a_word_or_a_node(drawn):
    _, flow, frames, _ = drawn
    for edge in flow.edges:
        for point in steps(way(edge, flow.nodes[edge.start], flow.nodes[edge.end])):
            assert not any(within(point, frame(node)) for node in flow.nodes.values()), edge
            assert not [text for text, box in frames.items() if within(point, box)], edge


def test_no_two_nodes_overlap(flow):
    for a, b in combinations(flow.nodes.values(), 2):
        assert not meet(frame(a, 0.12), frame(b, 0.12))


def test_summary_is_one_sentence_that_begins_with_the_name(drawn):
    _, flow, _, summary = drawn
    assert summary.endswith(".")
    assert ". " not in summary
    assert "\n" not in summary
    assert FLOWS[summary.split(":")[0]] is flow


def test_the_title_states_the_idea(drawn):
    _, flow, frames, _ = drawn
    assert flow.title in [text.get_text() for text in frames]


def test_all_flow_from_the_image_on_the_left_to_one_loss_on_the_right(flow):
    assert [name for name, node in flow.nodes.items() if node.kind == "loss"] == ["loss"]
    assert max(flow.nodes, key=lambda name: flow.nodes[name].x) == "loss"
    assert min(flow.nodes, key=lambda name: flow.nodes[name].x) == "x"
    for edge in flow.edges:
        left, right = flow.nodes[edge.start].x, flow.nodes[edge.end].x
        assert left < right if edge.kind in FORWARD else left == right


def test_every_node_has_a_way_to_the_loss(flow):
    for name in flow.nodes:
        ahead, reached = [name], set()
        while ahead:
            reached.add(at := ahead.pop())
            ahead += [edge.end for edge in flow.edges if edge.start == at and edge.kind in FORWARD]
        assert "loss" in reached


def test_the_gradient_reaches_what_is_trained_and_nothing_that_follows_or_is_frozen(flow):
    reached = trained_by(flow)
    shared = {name for pair in kinds(flow, "shared") for name in pair if set(pair) & reached}
    for name, node in flow.nodes.items():
        if node.kind in OUTLINES:
            assert (node.kind == "trained") == (name in reached | shared), name


def test_a_copy_follows_a_network_that_is_trained(flow):
    for kind, of in (("momentum", "momentum"), ("copy", "frozen")):
        assert {end for _, end in kinds(flow, kind)} == {name for name, node in flow.nodes.items() if node.kind == of}
        assert all(flow.nodes[start].kind == "trained" for start, _ in kinds(flow, kind))


def test_same_weights_are_one_network(flow):
    for start, end in kinds(flow, "shared"):
        a, b = flow.nodes[start], flow.nodes[end]
        assert (a.kind, a.symbol, a.kept) == (b.kind, b.symbol, b.kept)


def test_what_is_kept_is_a_trained_encoder(flow):
    kept = [node for node in flow.nodes.values() if node.kept]
    assert {node.kind for node in kept} == {"trained"}
    assert all(node.symbol.startswith("$f") for node in kept)


def test_supervised_asks_people():
    assert kinds(FLOWS["Supervised"], "label") == {("x", "y"), ("y", "loss")}


def test_noisy_student_learns_from_a_frozen_teacher_who_sees_no_noise():
    flow = FLOWS["Noisy Student"]
    words = {(edge.start, edge.end): edge.word for edge in flow.edges}
    assert kinds(flow, "copy") == {("f", "teacher")}
    assert kinds(flow, "label") == {("teacher", "pseudo"), ("pseudo", "loss"), ("y", "loss")}
    assert (words["x", "x1"], words["u", "x1"], words["u", "teacher"]) == ("noise $t$", "noise $t$", "no noise")
    assert ("x", "teacher") not in words


def test_deepcluster_makes_its_labels_from_its_own_features_without_augmentation():
    flow = FLOWS["DeepCluster"]
    assert [(edge.start, edge.end) for edge in flow.edges if edge.stop] == [("h2", "cluster")]
    assert kinds(flow, "label") == {("cluster", "pseudo"), ("pseudo", "loss")}
    assert kinds(flow, "shared") == {("f1", "f2")}
    assert ("x", "f2") in kinds(flow, "data")


def test_simclr_has_one_encoder_and_one_head_and_nothing_stops_the_gradient():
    flow = FLOWS["SimCLR"]
    assert kinds(flow, "shared") == {("f1", "f2"), ("g1", "g2")}
    assert kinds(flow, "positive") == {("z1", "loss"), ("z2", "loss")}
    assert not any(edge.stop for edge in flow.edges)


def test_moco_takes_the_positive_from_the_key_and_the_negatives_from_the_queue():
    flow = FLOWS["MoCo"]
    assert kinds(flow, "negative") == {("queue", "loss")}
    assert kinds(flow, "positive") == {("q", "loss"), ("k", "loss")}
    assert kinds(flow, "momentum") == {("fq", "fk")}
    assert [(edge.start, edge.end) for edge in flow.edges if edge.stop] == [("fk", "k")]
    assert [edge.start for edge in flow.edges if edge.end == "queue"] == ["k"]


def test_cmc_has_two_encoders_for_two_halves_of_the_colours():
    flow = FLOWS["CMC"]
    assert symbols(flow, "trained") == ["$f_1$", "$f_2$"]
    assert symbols(flow, "image") == ["$L$", "$ab$", "$x$"]
    assert not kinds(flow, "shared") | kinds(flow, "momentum")
    assert sum(node.kept for node in flow.nodes.values()) == 2


def test_cpc_predicts_a_row_below_from_the_context_of_the_rows_above():
    flow = FLOWS["CPC v2"]
    words = {(edge.start, edge.end): edge.word for edge in flow.edges}
    assert words["grid", "g"] == r"rows $\leq i$"
    assert words["grid", "target"] == "row $i+k$"
    assert kinds(flow, "positive") == {("guess", "loss"), ("target", "loss")}
    assert symbols(flow, "trained") == ["$W_k$", "$f$", "$g$"]
    assert not any(edge.stop for edge in flow.edges)


def test_byol_predicts_on_the_side_that_learns_alone_and_has_no_negatives():
    flow = FLOWS["BYOL"]
    assert not kinds(flow, "negative")
    assert kinds(flow, "momentum") == {("f1", "f2"), ("g1", "g2")}
    assert [(edge.start, edge.end) for edge in flow.edges if edge.stop] == [("z2", "loss")]
    assert [name for name, node in flow.nodes.items() if node.symbol == "$q$"] == ["q"]
    assert ("z1", "q") in kinds(flow, "data")


def test_networks_and_arrows_differ_without_colour():
    lines = [line for line, _ in OUTLINES.values()]
    assert all(a != b for a, b in combinations(lines, 2))
    assert all(ARROWS[a][1] != ARROWS[b][1] for a, b in combinations(["data", "label", "momentum", "copy"], 2))


def shape_of(figure, node):
    """The patch that a node is drawn as: the one whose frame, but for the slope of a funnel, is the node's."""
    boxes = {patch: patch.get_path().get_extents(patch.get_patch_transform()).extents for patch in figure.axes[0].patches}
    found = [patch for patch, box in boxes.items() if np.allclose(box, frame(node, slope=0.12), atol=0.01)]
    assert len(found) == 1, node
    return found[0]


def test_the_outline_of_a_network_says_how_it_moves_and_its_tint_whether_it_is_kept(drawn):
    figure, flow, _, _ = drawn
    for node in flow.nodes.values():
        if node.kind in OUTLINES:
            shape = shape_of(figure, node)
            assert shape.get_linestyle() == OUTLINES[node.kind][0]
            assert (to_hex(shape.get_facecolor()) == TINT) == node.kept


def test_every_kind_of_node_has_a_shape_of_its_own(drawn):
    figure, flow, _, _ = drawn
    shapes = {"image": (Rectangle, plots.look.FAINT), "step": (FancyBboxPatch, plots.look.PAPER), "loss": (FancyBboxPatch, plots.look.INK)}
    for node in flow.nodes.values():
        kind, colour = shapes.get(node.kind, (Polygon, None))
        if node.kind not in ("vector", "row", "grid"):
            shape = shape_of(figure, node)
            assert type(shape) is kind
            assert colour in (None, to_hex(shape.get_facecolor()))


def test_vectors_rows_of_them_and_grids_are_tables_of_cells(drawn):
    figure, flow, _, _ = drawn
    cells = {"vector": 4, "row": 24, "grid": 25}
    counted = sorted(len(found.get_paths()) for found in figure.axes[0].collections if isinstance(found, PatchCollection))
    known = [cells[node.kind] for node in flow.nodes.values() if node.kind in cells]
    assert counted == sorted([*known, *[4] * (4 in known)])  # and one vector in the legend


def test_a_stop_is_two_strokes_and_shared_weights_are_two_lines(drawn):
    figure, flow, _, _ = drawn
    pairs = [found.get_segments() for found in figure.axes[0].collections if isinstance(found, LineCollection)]
    assert [len(pair) for pair in pairs] == [2] * sum(edge.stop or edge.kind == "shared" for edge in flow.edges)
    upright = sum(all(start[0] == end[0] for start, end in pair) for pair in pairs)
    assert upright == len(kinds(flow, "shared"))


def test_every_word_of_the_legend_has_its_mark(drawn):
    figure, _, frames, _ = drawn
    words = sum(box[1] < 0.6 for box in frames.values())
    axes = figure.axes[0]
    low = [patch for patch in axes.patches if patch.get_path().get_extents(patch.get_patch_transform()).y1 < 0.7]
    low += [found for found in axes.collections if max(path.vertices[:, 1].max() for path in found.get_paths()) < 0.7]
    assert len(low) == words


def test_every_note_is_written(drawn):
    _, flow, frames, _ = drawn
    assert {words for _, _, words in flow.notes} <= {text.get_text() for text in frames}


def test_cpc_marks_the_rows_that_are_seen_and_the_patch_that_is_predicted():
    axes, node = pipeline("CPC v2")[0].axes[0], FLOWS["CPC v2"].nodes["grid"]
    grids = [found for found in axes.collections if len(found.get_paths()) == 25]
    colours = {}
    for path, colour in zip(grids[1].get_paths(), grids[1].get_facecolors(), strict=True):
        colours.setdefault(to_hex(colour), []).append(path.get_extents().y0 > node.y)
    assert (len(colours[plots.POSITIVE]), len(colours[plots.look.ANCHOR])) == (1, 1)
    assert colours[plots.POSITIVE] == [False]  # below
    assert sorted(map(len, colours.values())) == [1, 1, 9, 14]
    assert len({to_hex(colour) for colour in grids[0].get_facecolors()}) == 1


def test_every_arrow_ends_in_a_head_at_its_node(drawn):
    figure, flow, _, _ = drawn
    heads = [patch for patch in figure.axes[0].patches if isinstance(patch, Polygon) and len(patch.get_xy()) == 4]
    lines = figure.axes[0].lines
    for edge in flow.edges:
        points = way(edge, flow.nodes[edge.start], flow.nodes[edge.end])
        colour, style, width = ARROWS.get(edge.kind, (None, None, None))
        here = [head for head in heads if np.allclose(head.get_xy()[0], points[-1]) and to_hex(head.get_facecolor()) == colour]
        from_there = [line for line in lines if np.allclose(line.get_xydata()[0], points[0]) and line.is_dashed() == (style != "-")]
        assert {line.get_linewidth() for line in from_there} >= {width} - {None}
        assert len(here) == (edge.kind != "shared"), edge


def test_every_kind_of_network_negatives_and_stops_are_named_in_words(drawn):
    _, flow, frames, _ = drawn
    texts = [text.get_text() for text in frames]
    marks = {node.kind for node in flow.nodes.values()}
    words = {"trained": "trained by gradient", "momentum": "follows by momentum", "frozen": "frozen", "vector": "vector"}
    assert {mark for mark, word in words.items() if word in texts} == marks & set(words)
    assert sum("negatives:" in text for text in texts) == len(kinds(flow, "negative"))
    assert texts.count("stop-gradient") == sum(edge.stop for edge in flow.edges)
    assert ("same" in " ".join(texts)) == bool(kinds(flow, "shared"))
    assert ("attract" in texts, "repel" in texts, "labels" in texts) == tuple(bool(kinds(flow, k)) for k in ("positive", "negative", "label"))


def test_momentum_is_written_out_in_the_house_notation():
    equations = {"MoCo": r"$\theta_k \leftarrow m\,\theta_k + (1-m)\,\theta_q$", "BYOL": r"$\theta' \leftarrow m\,\theta' + (1-m)\,\theta$"}
    for name, equation in equations.items():
        assert [edge.word for edge in FLOWS[name].edges if edge.kind == "momentum" and edge.word] == [f"momentum\n{equation}"]


@pytest.mark.parametrize("name, known", [("NoisyStudent", "Noisy Student"), ("byol", "BYOL"), ("CPC", "CPC v2"), ("cpc-v2", "CPC v2")])
def test_a_method_is_known_by_its_name_and_by_its_class(name, known):
    assert pipeline(name)[1] == FLOWS[known].summary


@pytest.mark.parametrize("name", methods.__all__)
def test_every_method_of_the_package_has_a_pipeline(name):
    assert pipeline(name)[1]


def test_the_seven_methods_of_the_lecture_are_there_in_its_order():
    assert list(FLOWS) == ["Supervised", "Noisy Student", "DeepCluster", "SimCLR", "MoCo", "CMC", "CPC v2", "BYOL", "Predictive"]


def test_another_name_is_told_what_there_is():
    with pytest.raises(InputError, match=r"'DINO' is unknown; there are: Supervised, Noisy Student, .*BYOL"):
        pipeline("DINO")


@pytest.mark.parametrize("picture", [X, torch.full((3, 8, 8), 7, dtype=torch.uint8)], ids=["array", "tensor"])
def test_pictures_stand_where_they_belong_and_their_symbol_goes_into_the_name(picture):
    figure, _ = pipeline("SimCLR", {"x1": picture})
    (shown,) = figure.axes[0].images
    np.testing.assert_array_equal(shown.get_array(), X)
    node = FLOWS["SimCLR"].nodes["x1"]
    assert shown.get_extent() == pytest.approx([node.x - 0.5, node.x + 0.5, node.y - 0.5, node.y + 0.5])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "view $x_1$" in texts
    assert "$x_1$" not in texts
    assert "$x_2$" in texts


def test_a_picture_leaves_the_drawing_as_large_as_it_was():
    limits = [(figure.axes[0].get_xlim(), figure.axes[0].get_ylim()) for figure, _ in (pipeline("MoCo"), pipeline("MoCo", {"x": X}))]
    assert limits[0] == limits[1] == ((0, 13), (0, 6.4))


def test_pictures_of_other_nodes_are_refused_with_a_list():
    with pytest.raises(InputError, match="pictures of x1, h: CPC has images at x"):
        pipeline("CPC", {"x1": X, "h": X})


def test_pipeline_is_what_plots_offers():
    assert plots.pipeline is pipeline
