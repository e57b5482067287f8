"""PCA is the textbook's; UMAP comes from a process of its own, which tells how far it is, can fail, and can be stopped."""

import gc
import threading

import pytest
import torch

from ssl_lab.errors import InputError
from ssl_lab.evaluate import project
from ssl_lab.evaluate.project import Umap, pca

PATIENCE = 300  # seconds; a busy machine needs some for importing numba


def rows(n=40, d=6, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * torch.arange(1, d + 1)


def test_pca_is_the_singular_value_decomposition():
    h = rows()
    xy, share = pca(h)
    u, s, _ = torch.linalg.svd(h - h.mean(0), full_matrices=False)
    torch.testing.assert_close(xy.abs(), (u * s)[:, :2].abs(), atol=1e-4, rtol=1e-4)
    assert share == pytest.approx((s[:2].square().sum() / s.square().sum()).item(), abs=1e-5)


def test_pca_does_not_depend_on_the_origin_nor_on_how_often_it_is_asked():
    h = rows()
    torch.testing.assert_close(pca(h)[0], pca(h + 100)[0], atol=1e-3, rtol=1e-3)
    assert torch.equal(pca(h)[0], pca(h)[0])


def test_pca_points_where_the_largest_entry_of_each_direction_is_positive():
    line = torch.tensor([[-1.0, -3.0], [0.0, 0.0], [1.0, 3.0]])
    assert pca(line)[0][:, 0].tolist() == pytest.approx([-(10**0.5), 0, 10**0.5], abs=1e-6)
    assert pca(-line)[0][:, 0].tolist() == pytest.approx([10**0.5, 0, -(10**0.5)], abs=1e-6)


def test_pca_of_one_feature_and_of_copies_is_a_line_and_a_point():
    xy, share = pca(torch.tensor([[1.0], [2.0], [6.0]]))
    assert (xy[:, 1] == 0).all()
    assert share == 1
    assert torch.equal(pca(torch.ones(4, 3))[0], torch.zeros(4, 2))


@pytest.mark.parametrize("make", [pca, Umap])
@pytest.mark.parametrize(
    "h, words",
    [
        (torch.zeros(0, 4), "at least 3 points, and there are 0"),
        (torch.ones(2, 4), "at least 3 points, and there are 2"),
        (torch.tensor([[1.0, 2.0], [torch.nan, 1.0], [1.0, torch.inf], [0.0, 0.0]]), "2 of 4 rows of the embedding hold NaN or infinity"),
    ],
)
def test_what_has_no_map_is_refused(make, h, words):
    with pytest.raises(InputError, match=words):
        make(h)


@pytest.mark.parametrize("neighbours", [1, 10, 15])
def test_umap_with_fewer_points_than_neighbours_is_refused(neighbours):
    with pytest.raises(InputError, match=rf"neighbours={neighbours} of 10 points: UMAP takes from 2 to 9 neighbours here"):
        Umap(rows(10), neighbours=neighbours)


def test_umap_keeps_groups_together_and_tells_how_far_it_is():
    """Three groups far apart: each point's nearest point of the map is of its own group."""
    group, told = torch.arange(45) % 3, []
    h = rows(45, 4) / 4 + 30 * torch.eye(4)[group]
    umap = Umap(h, neighbours=5, told=lambda: told.append((umap.share, umap.words, umap.running, threading.current_thread())))
    assert umap.wait(PATIENCE), umap.trouble
    assert not umap.running
    assert umap.xy.shape == (45, 2)
    distance = torch.cdist(umap.xy, umap.xy).fill_diagonal_(torch.inf)
    assert (group[distance.argmin(1)] == group).all()
    shares = [share for share, *_ in told]
    assert shares == sorted(shares)
    assert shares[0] == project.LOADED
    assert shares[-1] == 1
    assert len(shares) > 3
    assert told[0][1:3] == ("finding neighbours", True)
    assert told[-1][1:3] == ("100%", False)
    assert {thread for *_, thread in told} == {umap.thread}


POINT = torch.randn(6, generator=torch.Generator().manual_seed(3))
COLLAPSED = {
    "zeros": torch.zeros(20, 6), "equal rows": POINT.expand(20, 6).clone(), "rounding": POINT + 1e-7 * rows(20) / 6,
    "one unit row": torch.eye(6)[[2] * 20],
    "large": 1e30 * POINT.expand(20, 6), "in half": POINT.half().expand(20, 6), "in double": POINT.double().expand(20, 6),
}


@pytest.mark.parametrize("kind", COLLAPSED)
def test_an_embedding_that_has_collapsed_is_a_point_for_pca_and_a_sentence_for_umap(kind):
    """At once: no process is begun."""
    h = COLLAPSED[kind]
    xy, share = pca(h)
    assert xy.shape == (20, 2) and xy.isfinite().all() and xy.abs().max() <= 1e-5 * h.abs().max().clamp_min(1) and share == 0
    umap = Umap(h)
    assert not umap.wait(PATIENCE) and not umap.running and umap.xy is None
    assert "has collapsed, all 20 rows are one point" in umap.trouble and "look at PCA" in umap.trouble
    umap.stop()


THIN = {
    "two points": torch.stack([POINT, -POINT])[torch.arange(20) % 2], "a line": torch.linspace(0, 1, 20)[:, None] * POINT, "one feature": rows(20, 1),
    "all but one": torch.cat([POINT.expand(19, 6), -POINT[None]]), "nearly equal": POINT + 1e-4 * rows(20), "huge": 1e30 * rows(20),
    "tiny": 1e-30 * rows(20),
}


@pytest.mark.parametrize("kind", THIN)
def test_what_umaps_process_is_given_of_a_thin_embedding_has_an_extent_in_both_directions_and_squares_that_are_numbers(kind, monkeypatch):
    child(monkeypatch, "import sys, io, numpy as np; t = np.load(io.BytesIO(sys.stdin.buffer.read())); np.save(o := io.BytesIO(), "
          "np.concatenate([t['start'].min(0), t['start'].max(0), t['h'].var(0).sum(keepdims=True)])); sys.stdout.buffer.write(o.getvalue())")
    umap = Umap(THIN[kind])
    assert umap.wait(PATIENCE), umap.trouble
    low, high, variance = umap.xy[:2], umap.xy[2:4], umap.xy[4]
    assert umap.xy.isfinite().all() and 0 < variance < 1e30 and (high - low).min() > 5e-4 * (high - low).max() > 0
    assert 0 < pca(THIN[kind])[1] <= 1


def test_umap_of_a_line_is_a_map_of_numbers():
    umap = Umap(THIN["a line"], neighbours=5)
    assert umap.wait(PATIENCE), umap.trouble
    assert umap.xy.isfinite().all() and (umap.xy.amax(0) > umap.xy.amin(0)).all()


def child(monkeypatch, code):
    """Another process in UMAP's place."""
    monkeypatch.setattr(project, "CHILD", code)


HANGING = "import sys, time; print('loaded', file=sys.stderr, flush=True); time.sleep(600)"


def test_a_process_that_fails_says_its_last_words_in_one_sentence(monkeypatch):
    child(monkeypatch, "raise MemoryError('too many points')")
    umap = Umap(rows())
    assert not umap.wait(PATIENCE)
    assert "(MemoryError: too many points)" in umap.trouble and "PCA" in umap.trouble and "\n" not in umap.trouble
    assert not umap.running


def test_a_process_that_dies_without_a_word_is_a_sentence_too(monkeypatch):
    child(monkeypatch, "import os; os._exit(7)")
    umap = Umap(rows())
    assert not umap.wait(PATIENCE)
    assert "(exit status 7)" in umap.trouble


def test_a_process_that_cannot_start_is_a_sentence(monkeypatch):
    monkeypatch.setattr(project.sys, "executable", "no-such-python")
    with pytest.raises(InputError, match=r"could not be started .* look at PCA instead"):
        Umap(rows())


def test_the_process_reads_exactly_what_was_asked(monkeypatch):
    code = (
        "import sys, io, numpy as np; t = np.load(io.BytesIO(sys.stdin.buffer.read())); "
        "np.save(o := io.BytesIO(), np.float32([[t['neighbours'], t['seed']], t['h'][2, :2], t['start'][2]])); sys.stdout.buffer.write(o.getvalue())"
    )
    child(monkeypatch, code)
    h = rows()
    umap = Umap(h, neighbours=7, seed=3)
    assert umap.wait(PATIENCE), umap.trouble
    torch.testing.assert_close(umap.xy, torch.stack([torch.tensor([7.0, 3.0]), h[2, :2], pca(h)[0][2]]))


def test_the_process_imports_nothing_from_the_folder_that_it_starts_in(tmp_path, monkeypatch):
    """A student calls a file queue.py, umap.py or numpy.py."""
    for name in ("queue", "umap", "numpy", "ssl_lab"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the student')")
    monkeypatch.chdir(tmp_path)
    ours, _ = project.CHILD.rsplit(";", 1)  # without the answer
    child(monkeypatch, f"{ours}; import queue, importlib.util as found; raise SystemExit(found.find_spec('umap').origin)")
    umap = Umap(rows())
    umap.wait(PATIENCE)
    assert "umap/__init__.py" in umap.trouble


def test_what_lies_beside_ssl_lab_is_no_library(monkeypatch):
    """In a checkout that is not installed, the folder that holds ssl_lab comes last on the path."""
    ours, _ = project.CHILD.rsplit(";", 1)
    child(monkeypatch, f"{ours}; raise SystemExit(sys.path[-1])")
    umap = Umap(rows())
    umap.wait(PATIENCE)
    assert project.HOME in umap.trouble


def test_steps_of_the_layout_are_the_last_part_of_the_work():
    umap = Umap.__new__(Umap)
    umap.share, umap.last, umap.told = 0.0, "", lambda: None
    assert umap.words == "loading"
    for line, share in ("loaded", 0.3), ("0/500", 0.6), (" 250/500", 0.8), ("nonsense", 0.8), (" ", 0.8), ("500/500", 1.0):
        umap.heard(line)
        assert umap.share == pytest.approx(share)
    assert umap.last == "nonsense"


def test_stopping_ends_the_process_and_is_no_failure(monkeypatch):
    child(monkeypatch, HANGING)
    loaded = threading.Event()
    umap = Umap(rows(), told=loaded.set)
    assert loaded.wait(PATIENCE)
    assert not umap.wait(0.01)
    assert umap.running
    umap.stop()
    assert not umap.wait(PATIENCE)
    assert umap.process.returncode not in (None, 0)
    assert umap.trouble == ""
    assert not umap.running


def test_a_dropped_umap_takes_its_process_with_it(monkeypatch):
    child(monkeypatch, HANGING)
    loaded = threading.Event()
    umap = Umap(rows(), told=loaded.set)
    assert loaded.wait(PATIENCE)
    assert umap.stop.atexit  # and so does the end of the program
    process, thread = umap.process, umap.thread
    del umap
    gc.collect()
    thread.join(PATIENCE)
    assert process.returncode not in (None, 0)


def test_random_numbers_are_left_alone(monkeypatch):
    child(monkeypatch, "")
    state = torch.get_rng_state()
    Umap(rows()).wait(PATIENCE)
    assert torch.equal(torch.get_rng_state(), state)
