"""The momentum under its controls: what it shows is what was recorded, the paper's figures are the table's."""

import numpy as np
import pytest

from dummies.drawings import items
from ssl_lab.errors import InputError
from ssl_lab.plots.drawing import Words
from ssl_lab.studies import MOMENTA, recorded
from ssl_lab.tables.moco import MOMENTUM
from ssl_lab.widgets import MomentumExplorer


@pytest.fixture(scope="module")
def runs():
    return {m: recorded(name) for m, name in MOMENTA.items()}


@pytest.mark.parametrize("m, epoch, K", [(0.99, 5, 4096), (0.0, 2, 2048), (0.9999, 10, 256), (0.9, 20, 8192)])
def test_the_sentence_says_what_was_recorded(runs, m, epoch, K):
    run, summary = runs[m], MomentumExplorer(m=m, epoch=epoch, K=K).summary
    row, steps = next(row for row in run.seen if row["epoch"] == epoch), K // run.recipe["batch"]
    curve = row["agreement"]
    assert f"agree to {np.mean(curve[1 : steps + 1]):.2f} with the present" in summary
    assert f"to {curve[0]:.2f} at age 0 and to {curve[steps]:.2f} when {steps} step" in summary
    assert f"keys of different pictures to {row['strangers']:.2f};" in summary
    assert f"after epoch {epoch} of {run.recipe['epochs']}, K = {K:,}" in summary
    assert f"kNN is {100 * run.knn:.1f} % here" in summary


def test_it_begins_with_the_queue_of_the_runs_and_prints_its_length_beside_the_papers(runs):
    (own,) = {run.settings["K"] for run in runs.values()}
    explorer = MomentumExplorer()
    assert explorer.controls["K"].value == own
    figure, _ = explorer.draw(m=0.99, epoch=5, K=256)
    assert [item.text for item in items(figure, Words) if item.text.startswith("K = ")] == [f"K = {own:,}", "K = 4,096"]


def test_the_papers_figures_are_those_of_the_table():
    for m, top in zip(MOMENTUM.column("m"), MOMENTUM.column("Top 1")):
        said = top if isinstance(top, str) else f"{top:.1f} %"
        assert MomentumExplorer(m=float(m)).summary.endswith(f"linear probe on ImageNet {said}.")


@pytest.mark.parametrize(
    "wrong, said", [({"m": 0.5}, "m is one of 0, 0.9"), ({"epoch": 3}, "epoch is one of 1, 2, 5"), ({"K": 0}, "a whole number from")]
)
def test_it_says_what_it_needs(wrong, said):
    with pytest.raises(InputError, match=said):
        MomentumExplorer(**wrong)
