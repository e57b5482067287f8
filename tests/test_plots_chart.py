"""A chart puts data where its axes say, and says them to a pointer."""

import itertools

import numpy as np
import pytest

from ssl_lab.plots.chart import Chart, apart
from ssl_lab.plots.drawing import Areas, Drawing, Marks, Strokes, Words


@pytest.fixture
def chart():
    return Chart(Drawing(6, 4), 1, 0.5, 5, 3.5, (0, 10), (-1, 1))


def test_data_lie_between_the_edges(chart):
    assert (float(chart.x(0)), float(chart.x(10)), float(chart.y(-1)), float(chart.y(1))) == (1, 5, 3.5, 0.5)
    assert chart.points([0, 5], [0, 1]).tolist() == [[1, 2], [3, 0.5]]
    assert chart.box == (1, 0.5, 4, 3)


def test_what_is_no_number_has_no_place(chart):
    chart.curve([0, 1, 2], [0, np.nan, 0.5])
    chart.dots([0, 1, 2], [0, np.inf, 0.5])
    line, dots = chart.page.items
    assert len(line.paths[0]) == len(dots.x) == 2


def test_ticks_stand_at_their_values_with_their_words(chart):
    chart.frame({0: "0", 10: "ten"}, {0: "middle"}, "step", "loss")
    edges, *words = chart.page.items
    assert isinstance(edges, Strokes) and len(edges.paths) == 4
    places = {item.text: (item.x, item.y) for item in words}
    assert places["ten"][0] == 5 and places["middle"][1] == 2 and set(places) == {"0", "ten", "middle", "step", "loss"}


def test_levels_bands_and_uprights(chart):
    chart.level(0)
    chart.upright(5)
    chart.band(5, 10)
    level, upright, band = chart.page.items
    assert np.array(level.paths[0]).tolist() == [[1, 2], [5, 2]] and np.array(upright.paths[0]).tolist() == [[3, 3.5], [3, 0.5]]
    assert isinstance(band, Areas) and band.outlines[0] == pytest.approx((3, 0.5, 2, 3))


def test_a_curve_answers_along_x(chart):
    chart.dots([5], [0])
    chart.answers("loss", [0, 10], [1, -1], "step {s}", {"s": [0, 10]}, {"step": [0, 10]})
    (spots,) = chart.page.spots
    assert isinstance(chart.page.items[0], Marks) and spots.at == [[1, 0.5], [5, 3.5]] and spots.along == "x" and spots.box == chart.box
    assert spots.said(1) == "step 10" and not [item for item in chart.page.items if isinstance(item, Words)]


def test_labels_stay_in_the_order_of_their_ends_and_at_their_ends_where_there_is_room():
    assert apart({0.1: 0.5, 0.2: -0.5}, 0.13) == {0.1: 0.5, 0.2: -0.5}
    for ends in (dict.fromkeys(range(5), 0.95), dict.fromkeys(range(5), -0.99), dict(zip(range(5), (0.3, 0.31, -0.9, -0.95, 0.96)))):
        heights = apart(ends, 0.13)
        order = sorted(ends, key=lambda one: -ends[one])
        assert all(heights[one] - heights[other] >= 0.13 - 1e-9 for one, other in itertools.pairwise(order))
        assert min(heights.values()) >= -1 and max(heights.values()) <= 1
