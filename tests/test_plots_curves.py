"""The curves of a training: each measure that there is, in words that are true, large enough, and nowhere cut off."""

import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from ssl_lab import plots
from ssl_lab.method import COLLAPSED

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
    "not a number": ([{"epoch": 1, "loss": float("nan"), "rank": float("nan")}], 3),
}  # fmt: skip


@pytest.fixture(params=PICTURES, scope="module")
def drawn(request, shown):
    return shown(*plots.curves(*PICTURES[request.param]))


def test_everything_is_large_enough_and_nothing_is_cut_off(drawn, legible):
    legible(drawn[0])


def test_no_words_lie_on_others(drawn, apart):
    figure, _, _, renderer = drawn
    titles = [text.get_window_extent(renderer) for text in figure.findobj(Text) if text.get_fontweight() == "bold" and text.get_text()]
    scales = [box for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if (box := axis.get_tightbbox(renderer))]
    assert len(titles) == len(figure.axes)
    apart(enumerate(titles + scales))


def test_summary_is_one_sentence(drawn, one_sentence):
    one_sentence(drawn[1])


def test_every_measure_that_there_is_gets_a_panel_and_its_ends_are_said(holds):
    figure, summary = plots.curves(ROWS)
    titles = ["loss 5.50 → 2.00", "kNN accuracy 14% → 96%", "effective rank 25.5 → 130", "std 0.90 → 0.05"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == titles
    assert holds(summary, "epoch 3", *titles)


@pytest.mark.parametrize(
    "rows, summary", [(LOSS, "After epoch 3: loss 5.50 → 2.00."), (START, "After epoch 0: kNN accuracy 14%."), ([], "No epoch has ended yet.")]
)
def test_a_measure_that_is_missing_has_no_panel(rows, summary):
    figure, said = plots.curves(rows)
    assert said == summary
    assert len(figure.axes) == 1


def test_points_stand_at_the_epoch_where_they_were_measured():
    lines = [axes.lines[0] for axes in plots.curves(ROWS)[0].axes]
    assert [line.get_xydata().tolist() for line in lines] == [
        [[1, 5.5], [2, 4], [3, 2]],
        [[0, 0.14], [1, 0.5], [3, 0.958]],
        [[1, 25.512], [2, 14.2], [3, 130.4]],
        [[1, 0.9], [2, 0.05]],
    ]
    assert [to_hex(line.get_color()) == plots.POSITIVE for line in lines] == [False, True, False, False]


def test_what_is_still_to_come_has_its_room():
    for axes in plots.curves(ROWS, 32)[0].axes:
        low, high = axes.get_xlim()
        assert low < 0
        assert 32 < high < 34
    assert plots.curves(ROWS)[0].axes[0].get_xlim()[1] < 4


def test_below_the_threshold_of_a_collapse_the_ground_is_coloured_and_named():
    *_, std = plots.curves(ROWS)[0].axes
    (ground,) = std.patches
    assert (ground.get_y(), ground.get_height()) == (0, COLLAPSED) and std.get_ylim() == (0, 1.1)
    assert [text.get_text() for text in std.texts] == ["↓ collapsed"]


def test_accuracy_is_drawn_from_none_to_all_and_rank_from_nothing():
    _, knn, rank, _ = plots.curves(ROWS)[0].axes
    assert knn.get_ylim() == (0, 1)
    assert rank.get_ylim()[0] == 0
