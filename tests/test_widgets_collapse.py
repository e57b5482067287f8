"""What CollapseLab promises: the recorded runs themselves, a map that keeps distances, the paper's figures, and a collapse exactly where one was."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from ssl_lab.errors import InputError
from ssl_lab.method import COLLAPSED
from ssl_lab.methods import byol
from ssl_lab.plots.collapse import ROOM
from ssl_lab.tables.byol import ABLATION
from ssl_lab.widgets import CollapseLab
from ssl_lab.widgets.collapse import ROWS, ablation, flat, run, words

KEPT = [(True, True, True), (True, False, True)]
BROKEN = [switches for switches in ROWS if switches not in KEPT]
LAST = max(run(True, True, True).z)


@pytest.fixture(scope="module")
def lab():
    return CollapseLab()


@pytest.mark.parametrize("switches", ROWS)
def test_every_run_has_the_same_recipe_and_began_alike(switches):
    found, usual = run(*switches).record, run(True, True, True).record
    assert found.recipe == usual.recipe
    assert found.recipe == vars(byol.SCENES)
    assert found.untrained == usual.untrained
    assert np.array_equal(found.tensors()["labels"], run(True, True, True).labels)
    assert list(run(*switches).z) == list(run(True, True, True).z)


@pytest.mark.parametrize("switches", ROWS)
def test_the_curve_is_that_of_the_embedding_that_is_shown(switches):
    for step, z in run(*switches).z.items():
        now = run(*switches).course.at(step)
        assert z.norm(dim=1).sub(1).abs().max() < 2e-3
        assert now["std"] == pytest.approx(z.std(0).mean().item() * 8, abs=2e-3)


@pytest.mark.parametrize("switches", BROKEN)
def test_without_predictor_or_stop_gradient_the_loss_falls_to_zero_because_all_is_one_point(lab, switches):
    now, usual, xy = run(*switches).course.at(LAST), run(True, True, True).course.at(LAST), run(*switches).maps
    assert now["std"] < COLLAPSED / 2
    assert now["loss"] < 0.01 < usual["loss"]
    assert now["rank"] < 2 < 10 < now["centred"]
    assert abs(xy[LAST]).max() < 0.1 * abs(xy[1]).max()
    assert "; collapsed: all images lie close to one point" in lab.set(**named(switches)).summary


@pytest.mark.parametrize("switches", KEPT)
def test_with_both_the_images_stay_apart(lab, switches):
    now, xy = run(*switches).course.at(LAST), run(*switches).maps
    assert now["std"] > 5 * COLLAPSED
    assert now["rank"] > 4
    assert np.ptp(xy[LAST], axis=0).min() > 1
    assert run(*switches).record.knn > 2 * run(*switches).record.untrained["knn"]
    assert "; no collapse" in lab.set(**named(switches)).summary


def named(switches):
    return dict(zip(("predictor", "average", "stop_gradient"), switches))


def test_without_stop_gradient_the_average_is_idle(holds, lab):
    """The same run; the words alone say that the switch has nothing to do."""
    on, off = run(False, True, False), run(False, False, False)
    assert on is off
    assert holds(words(False, True, False), "without predictor", "stop-gradient", "average has nothing to do")
    assert holds(words(False, False, False), "without predictor", "moving average", "stop-gradient")
    assert ablation(False, False, False).chosen == ablation(False, True, False).chosen


def test_words_of_the_switches():
    assert words(True, True, True) == "BYOL as it is"
    assert words(True, False, True) == "BYOL without moving average"


def test_the_table_is_the_papers_beside_the_recorded_runs():
    rows = ablation(False, True, True).rows
    assert [paper for _, paper, _ in rows] == [row[-1] for row in ABLATION.rows["Without negatives"]]
    assert [here for *_, here in rows] == [100 * run(*switches).record.knn for switches in ROWS]
    assert rows[ablation(False, True, True).chosen][0] == "no predictor"


@pytest.mark.parametrize("switches", ROWS)
def test_maps_begin_alike_and_are_never_rescaled(switches):
    """Distances on the map and in z: their ratio is near 1 on the whole, collapsed or not; no point leaves the frame."""
    found = run(*switches).maps
    assert abs(found[1] - run(True, True, True).maps[1]).mean() < 0.05
    for step, z in run(*switches).z.items():
        xy = torch.from_numpy(found[step])
        assert abs(xy).max() < ROOM - 0.06  # the largest mark has half of that as its radius
        assert 0.6 < (torch.pdist(xy).mean() / torch.pdist(z.double()).mean()).item() < 1.1


def test_flat_never_adds_to_the_stress_and_finds_what_is_flat_already():
    draw = np.random.default_rng(0)
    true, begun = draw.normal(size=(2, 12, 2))
    distances = gaps(true)
    stress = [np.square(distances - gaps(flat(distances, begun, rounds))).sum() for rounds in range(8)]
    assert all(later <= earlier for earlier, later in pairwise(stress))
    near = flat(distances, true + 0.05 * begun, 500)
    assert np.allclose(gaps(near), distances, atol=1e-3)


def gaps(xy):
    """All distances, by a double loop."""
    return np.array([[np.hypot(*(one - other)) for other in xy] for one in xy])


def test_a_round_of_flat_moves_every_point_to_the_mean_of_where_the_others_want_it():
    draw = np.random.default_rng(0)
    distances, xy = gaps(draw.normal(size=(7, 2))), draw.normal(size=(7, 2))
    for i, one in enumerate(xy):
        wanted = [other + distances[i, j] * (one - other) / np.hypot(*(one - other)) for j, other in enumerate(xy) if j != i]
        assert np.allclose(flat(distances, xy, 1)[i], np.mean([*wanted, one], axis=0) - xy.mean(axis=0), atol=1e-12)


def test_the_bars_are_the_std_of_every_dimension(lab):
    lab.set(**named((False, True, True)), step=LAST)
    (bars,) = (spots for spots in lab.figure.spots if not callable(spots) and spots.name == "dimensions")
    for place, dimension in enumerate(bars.data["dimension"]):
        rows = [float(row[dimension]) for row in run(False, True, True).z[LAST]]
        assert bars.said(place).startswith(f"dimension {dimension}: std {np.std(rows, ddof=1):.3f}, healthy")


def test_the_nearest_recorded_step_is_shown(lab):
    steps = list(run(True, True, True).z)
    for step in (steps[9], steps[9] + 2, steps[9] - 2):
        assert f"step {steps[9]:,} of {LAST:,}" in lab.set(step=step).summary


@pytest.mark.parametrize("at", range(len(run(True, True, True).z)))
def test_every_recorded_step_can_be_asked_for_and_is_played(lab, at):
    step = lab.controls["step"].stops()[at]
    assert step == list(run(True, True, True).z)[at]
    assert f"step {step:,} of {LAST:,}" in lab.set(step=step).summary


@pytest.mark.parametrize("step", [0, LAST + 1, 1.5])
def test_a_step_that_there_is_not(lab, step):
    with pytest.raises(InputError, match=f"step={step} is not offered; step is a whole number from 1 to {LAST}"):
        lab.set(step=step)


@pytest.mark.parametrize("switches", ROWS)
def test_a_click_on_a_row_sets_its_switches(lab, switches):
    spots = lab.set(predictor=True, average=True, stop_gradient=True, step=LAST).figure.spots[-1]
    place = list(ROWS).index(switches)
    asked = {name: values[place] for name, values in spots.sent()["sets"].items()}
    assert asked == named(switches)
    assert lab.set(**asked).summary.startswith(words(*switches))
    row, name = ROWS[switches]
    assert spots.said(place) == f"{name}: {ABLATION.row(row)['Top 1']} % in the paper, {100 * run(*switches).record.knn:.1f} % here"


def test_a_click_on_a_curve_goes_to_the_nearest_recorded_step(lab):
    spots = [spots for spots in lab.set(step=LAST).figure.spots if "step" in spots.sets]
    assert [one.name for one in spots] == ["loss", "std", "rank"]
    kept = lab.controls["step"].stops()
    for one in spots:
        for step, goes in zip(run(True, True, True).course.step, one.sent()["sets"]["step"], strict=True):
            assert max(goes / step, step / goes) == min(max(one / step, step / one) for one in kept)
            assert goes in kept


def test_the_switches_are_named_in_words(lab):
    labels = [control.label for control in lab.controls.values()]
    assert labels == ["predictor", "moving average (off: m = 0, a copy)", "stop-gradient (off: the target learns too)", "step"]


def test_starts_at_the_end_of_byol_as_it_is():
    assert CollapseLab().summary.startswith(f"BYOL as it is, step {LAST:,} of {LAST:,}: ")
    assert CollapseLab(predictor=False).summary.startswith("BYOL without predictor, step")
