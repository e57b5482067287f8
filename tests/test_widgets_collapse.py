"""What CollapseLab promises: the recorded runs themselves, a map that keeps distances, the paper's figures, and a collapse exactly where one was."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from ssl_lab.method import COLLAPSED
from ssl_lab.methods import byol
from ssl_lab.plots.collapse import ROOM
from ssl_lab.tables.byol import ABLATION
from ssl_lab.widgets import CollapseLab
from ssl_lab.widgets.collapse import ROWS, ablation, course, embeddings, flat, maps, run, spread, words

KEPT = [(True, True, True), (True, False, True)]
BROKEN = [switches for switches in ROWS if switches not in KEPT]
LAST = max(embeddings(True, True, True))


@pytest.fixture(scope="module")
def lab():
    return CollapseLab()


@pytest.mark.parametrize("switches", ROWS)
def test_every_run_has_the_same_recipe_and_began_alike(switches):
    found, usual = run(*switches), run(True, True, True)
    assert found.recipe == usual.recipe
    assert found.recipe == vars(byol.SCENES)
    assert found.untrained == usual.untrained
    assert torch.equal(found.tensors()["labels"], usual.tensors()["labels"])
    assert list(embeddings(*switches)) == list(embeddings(True, True, True))


@pytest.mark.parametrize("switches", ROWS)
def test_the_curve_is_that_of_the_embedding_that_is_shown(switches):
    for step, z in embeddings(*switches).items():
        now = course(*switches).at(step)
        assert z.norm(dim=1).sub(1).abs().max() < 2e-3
        assert now["std"] == pytest.approx(z.std(0).mean().item() * 8, abs=2e-3)


@pytest.mark.parametrize("switches", BROKEN)
def test_without_predictor_or_stop_gradient_the_loss_falls_to_zero_because_all_is_one_point(lab, switches):
    now, usual, xy = course(*switches).at(LAST), course(True, True, True).at(LAST), maps(*switches)
    assert now["std"] < COLLAPSED / 2
    assert now["loss"] < 0.01 < usual["loss"]
    assert now["rank"] < 2 < 10 < now["centred"]
    assert abs(xy[LAST]).max() < 0.1 * abs(xy[1]).max()
    assert "; collapsed: all images lie close to one point" in lab.set(**named(switches)).summary


@pytest.mark.parametrize("switches", KEPT)
def test_with_both_the_images_stay_apart(lab, switches):
    now, xy = course(*switches).at(LAST), maps(*switches)
    assert now["std"] > 5 * COLLAPSED
    assert now["rank"] > 4
    assert np.ptp(xy[LAST], axis=0).min() > 1
    assert run(*switches).knn > 2 * run(*switches).untrained["knn"]
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
    assert [here for *_, here in rows] == [100 * run(*switches).knn for switches in ROWS]
    assert rows[ablation(False, True, True).chosen][0] == "no predictor"


@pytest.mark.parametrize("switches", ROWS)
def test_maps_begin_alike_and_are_never_rescaled(switches):
    """Distances on the map and in z: their ratio is near 1 on the whole, collapsed or not; no point leaves the frame."""
    found = maps(*switches)
    assert abs(found[1] - maps(True, True, True)[1]).mean() < 0.05
    for step, z in embeddings(*switches).items():
        xy = torch.from_numpy(found[step])
        assert abs(xy).max() < ROOM - 0.06  # the largest mark has half of that as its radius
        assert 0.6 < (torch.pdist(xy).mean() / torch.pdist(z.double()).mean()).item() < 1.1


def test_flat_never_adds_to_the_stress_and_finds_what_is_flat_already():
    torch.manual_seed(0)
    true, begun = torch.randn(12, 2).double(), torch.randn(12, 2).double()
    stress = [(torch.pdist(true) - torch.pdist(flat(torch.cdist(true, true), begun, rounds))).square().sum().item() for rounds in range(8)]
    assert all(later <= earlier for earlier, later in pairwise(stress))
    near = flat(torch.cdist(true, true), true + 0.05 * begun, 500)
    assert torch.allclose(torch.pdist(near), torch.pdist(true), atol=1e-3)


def test_spread_is_the_std_of_every_dimension():
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert spread(z) == pytest.approx([2**0.5, 0])


def test_the_nearest_recorded_step_is_shown(lab):
    steps = list(embeddings(True, True, True))
    for step in (steps[3], steps[3] * 1.01):
        assert f"step {steps[3]:,} of {LAST:,}" in lab.set(step=step).summary


@pytest.mark.parametrize("at", range(len(embeddings(True, True, True))))
def test_every_recorded_step_can_be_asked_for(lab, at):
    """The last one too, though it is the end of a logarithmic slider."""
    step = list(embeddings(True, True, True))[at]
    assert f"step {step:,} of {LAST:,}" in lab.set(step=step).summary


def test_starts_at_the_end_of_byol_as_it_is():
    assert CollapseLab().summary.startswith(f"BYOL as it is, step {LAST:,} of {LAST:,}: ")
    assert CollapseLab(predictor=False).summary.startswith("BYOL without predictor, step")
