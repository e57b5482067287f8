"""The curves of a training: each measure that there is, in words that are true, large enough, and nowhere cut off."""

import sys

import numpy as np
import pytest

from dummies.drawings import every
from ssl_lab import plots
from ssl_lab.method import COLLAPSED
from ssl_lab.plots.chart import Chart
from ssl_lab.plots.curves import PALE
from ssl_lab.plots.drawing import Areas, Strokes, Words

NOTHING, START = [], [{"epoch": 0, "knn": 0.14}]
ROWS = [
    *START,
    {"epoch": 1, "loss": 5.5, "knn": 0.5, "rank": 25.512, "lr": 0.3, "std": 0.9},
    {"epoch": 2, "loss": 4.0, "rank": 14.2, "std": 0.05},
    {"epoch": 3, "loss": 2.0, "knn": 0.958, "rank": 130.4},
]
LOSS = [{"epoch": row["epoch"], "loss": row["loss"]} for row in ROWS[1:]]
LARGE = [{"epoch": e, "loss": 98765.4321 / e, "knn": 1.0, "rank": 700.0 + e, "std": 1 / e} for e in range(1, 201)]
PICTURES = {
    "all": (ROWS, None), "no std": ([{key: row[key] for key in row if key != "std"} for row in ROWS], 32),
    "all, and more to come": (ROWS, 32), "no rank": (LOSS + START, 32), "loss alone": (LOSS, None), "one epoch": (LOSS[:1], 1),
    "before training": (START, 32), "nothing yet": (NOTHING, 32), "nothing at all": (NOTHING, None), "large figures": (LARGE, 200),
    "clusters, compared from the second epoch on": ([ROWS[1], ROWS[2] | {"nmi": 0.43}, ROWS[3] | {"nmi": 0.68}], 8),
    "not a number": ([{"epoch": 1, "loss": float("nan"), "rank": float("nan")}], 3),
}  # fmt: skip


picture = every(PICTURES, lambda given: plots.curves(*given))


def test_every_picture_keeps_the_promise(picture, judged):
    judged(*picture)


def titles(figure):
    return [item.text for item in figure.items if isinstance(item, Words) and item.bold]


def test_every_measure_that_there_is_gets_a_panel_and_its_ends_are_said(holds):
    figure, summary = plots.curves(ROWS)
    said = ["loss 5.50 → 2.00", "kNN accuracy 14% → 96%", "effective rank 25.5 → 130", "std 0.90 → 0.05"]
    assert titles(figure) == said
    assert len(figure.panels) == 4
    assert holds(summary, "epoch 3", *said)


@pytest.mark.parametrize(
    "rows, summary", [(LOSS, "After epoch 3: loss 5.50 → 2.00."), (START, "After epoch 0: kNN accuracy 14%."), ([], "No epoch has ended yet.")]
)
def test_a_measure_that_is_missing_has_no_panel(rows, summary):
    figure, said = plots.curves(rows)
    assert said == summary
    assert len(titles(figure)) == len(figure.panels) == 1


def test_a_measure_that_comes_later_has_a_panel_from_then_on(holds, charts):
    figure, summary = plots.curves([ROWS[1], ROWS[2] | {"nmi": 0.43}, ROWS[3] | {"nmi": 0.68}])
    assert len(titles(plots.curves(ROWS[1:2])[0])) == 4 and titles(figure)[-1] == "NMI 0.43 → 0.68"
    assert len(figure.panels) == 5 and holds(summary, "epoch 3", "NMI 0.43 → 0.68")
    assert figure.spots[-1].said(0) == "epoch 2: NMI 0.43" and charts[4][0].up == (0, 1)


@pytest.fixture
def charts(monkeypatch):
    """Every chart that is made, by the order of the measures."""
    made = []

    class Seen(Chart):
        def frame(self, xticks, yticks, *words):
            made.append((self, [*xticks], [*yticks]))
            super().frame(xticks, yticks, *words)

    monkeypatch.setattr(sys.modules["ssl_lab.plots.curves"], "Chart", Seen)
    return made


def test_points_stand_at_the_epoch_where_they_were_measured_and_say_so(charts):
    figure, _ = plots.curves(ROWS)
    curves = [item for item in figure.items if isinstance(item, Strokes) and len(item.paths) == 1]
    wanted = [[[1, 5.5], [2, 4], [3, 2]], [[0, 0.14], [1, 0.5], [3, 0.958]], [[1, 25.512], [2, 14.2], [3, 130.4]], [[1, 0.9], [2, 0.05]]]
    for (chart, _, _), line, points, spots in zip(charts, curves, wanted, figure.spots, strict=True):
        x, y = np.array(points).T
        assert line.paths[0] == pytest.approx(chart.points(x, y))
        assert np.array(spots.at) == pytest.approx(chart.points(x, y))
        assert spots.said(0).startswith(f"epoch {x[0]:g}: ")
    assert [line.colours == plots.POSITIVE for line in curves] == [False, True, False, False]
    assert figure.spots[1].said(2) == "epoch 3: kNN accuracy 96%"


def test_what_is_still_to_come_has_its_room(charts):
    plots.curves(ROWS, 32)
    for chart, xticks, _ in charts:
        assert chart.across[0] < 0
        assert 32 < chart.across[1] < 34
        assert min(xticks) == 0 and max(xticks) <= 32
    plots.curves(ROWS)
    assert charts[4][0].across[1] < 4


def test_below_the_threshold_of_a_collapse_the_ground_is_coloured_and_named(charts):
    figure, _ = plots.curves(ROWS)
    (ground,) = [item for item in figure.items if isinstance(item, Areas) and item.fills == PALE]
    chart = charts[-1][0]
    (left, top, width, height) = ground.outlines[0]
    assert (left, left + width) == pytest.approx((chart.left, chart.right))
    assert (top, top + height) == pytest.approx((float(chart.y(COLLAPSED)), float(chart.y(0))))
    assert chart.up == (0, 1.1)
    assert "↓ collapsed" in [item.text for item in figure.items if isinstance(item, Words)]


def test_accuracy_is_drawn_from_none_to_all_and_rank_from_nothing(charts):
    plots.curves(ROWS)
    assert charts[1][0].up == (0, 1)
    assert charts[2][0].up[0] == 0


def test_what_is_no_number_leaves_no_mark_and_no_tick(charts):
    figure, _ = plots.curves([{"epoch": 1, "loss": float("nan")}, {"epoch": 2, "loss": float("inf")}], 3)
    (curve,) = [item for item in figure.items if isinstance(item, Strokes) and len(item.paths) == 1]
    assert len(curve.paths[0]) == 0 and charts[0][2] == []
    assert figure.spots[0].said(1) == "epoch 2: loss inf"
