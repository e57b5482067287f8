"""ClusterExplorer: the epochs are those that were recorded."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from ssl_lab.errors import InputError
from ssl_lab.studies import recorded
from ssl_lab.widgets import ClusterExplorer
from ssl_lab.widgets.clusters import drawn

DUMMY = runpy.run_path(str(Path(__file__).parent / "dummies" / "clusterings.py"))


@pytest.fixture(scope="module")
def folder():
    return DUMMY["write"]()


@pytest.fixture(scope="module")
def explorer(folder):
    return ClusterExplorer(folder)


def test_it_says_what_was_recorded(explorer, folder):
    for run in ("deepcluster", "deepcluster-no-cure"):
        row = recorded(run, folder).seen[-1]
        explorer.set(run=run, epoch=row["epoch"], cluster=3)
        assert f"{row['truth']:.2f}" in explorer.summary and f"the epoch before {row['nmi']:.2f}" in explorer.summary
        assert f"cluster 3: {row['sizes'][3]} images" in explorer.summary


def test_every_epoch_has_a_stop_of_its_own(explorer):
    assert explorer.controls["epoch"].stops() == [*range(1, DUMMY["EPOCHS"] + 1)]


def test_uniform_draws_show_every_cluster_that_is_not_empty_equally_often():
    sizes = np.array([700, 200, 99, 1, 0])
    counts = drawn(sizes, 800)
    assert counts["uniform"][4] == 0 and np.ptp(counts["uniform"][:4]) < 80 and abs(counts["plain"][0] - 560) < 60
    assert all(count.sum() == 800 for count in counts.values())


def test_the_recorded_runs_of_the_package_can_be_looked_at():
    explorer = ClusterExplorer()
    assert {"deepcluster", "deepcluster-no-balance", "deepcluster-colour"} <= set(explorer.titles)
    explorer.set(run="deepcluster-colour", epoch=20)
    assert "0.03" in explorer.summary  # NMI with the shapes: its clusters are colours


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(InputError, match="ssl-lab study deepcluster"):
        ClusterExplorer(tmp_path)
