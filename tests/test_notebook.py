"""The vocabulary of notebooks: notebook, use, show, within."""

import random

import numpy as np
import pytest
import torch

from ssl_lab import losses, plots, progress
from ssl_lab.errors import InputError
from ssl_lab.evaluate import knn_accuracy
from ssl_lab.notebook import notebook, show, use, within
from ssl_lab.recipe import Recipe
from ssl_lab.widgets import Picture


@pytest.fixture
def laptop(monkeypatch):
    """As a student runs it: nothing set."""
    monkeypatch.delenv("SSL_LAB_PROFILE", raising=False)


@pytest.fixture
def ci(monkeypatch):
    monkeypatch.setenv("SSL_LAB_PROFILE", "ci")


@pytest.fixture(autouse=True)
def nothing_passed(monkeypatch, tmp_path):
    """A kernel that has just started, in a folder that is nobody's; notebook 03 has four exercises."""
    monkeypatch.setattr(progress, "session", set())
    monkeypatch.setattr(progress, "EXERCISES", {"03_simclr": ("alignment", "nt_xent_loop", "nt_xent", "last")})
    monkeypatch.chdir(tmp_path)


def right(name="nt_xent"):
    """An answer that passes."""

    def nt_xent(z1, z2, tau=0.5):
        return losses.nt_xent(z1, z2, tau)

    nt_xent.__name__ = name
    return nt_xent


def wrong(z1, z2, tau=0.5):
    return losses.nt_xent(z1, z2, 1 / tau)


wrong.__name__ = "nt_xent"


def untouched(name):
    """The exercise as it is handed out."""

    def fn(*given):
        raise NotImplementedError

    fn.__name__ = name
    return fn


def test_notebook_says_in_one_line_what_it_runs_on(laptop):
    said = repr(notebook("03_simclr", seed=4))
    for words in ("03_simclr", "ssl_lab 0", f"torch {torch.__version__}", "Python 3", "threads", "seed 4", "profile laptop"):
        assert words in said
    assert "\n" not in said


def test_notebook_sets_every_seed(laptop):
    def numbers():
        notebook("03_simclr")
        return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()  # noqa: NPY002

    assert numbers() == numbers()


def test_unknown_profile_names_those_there_are(monkeypatch):
    monkeypatch.setenv("SSL_LAB_PROFILE", "fast")
    with pytest.raises(InputError, match="'fast' is unknown; there are: laptop, ci"):
        notebook("03_simclr")


@pytest.mark.parametrize("version, has", [("0.9.1", "0.9.0"), ("0.10.0", "0.9.0"), ("1", "0.9.0"), ("0.9.1", "0.9.0.post1")])
def test_a_notebook_for_a_newer_package_says_how_to_update(monkeypatch, version, has):
    monkeypatch.setattr("ssl_lab.notebook.VERSION", has)
    said = f"this notebook was written for ssl_lab {version}, installed is {has}: update with `git pull` and `uv sync`, or `pip install -U ssl-lab`"
    with pytest.raises(InputError) as caught:
        notebook("03_simclr", version=version)
    assert str(caught.value) == said


@pytest.mark.parametrize("version, has", [(None, "0.1"), ("0.9", "0.9.0"), ("0.9.0", "0.10.0"), ("0.9.0", "0.9.0.dev3"), ("0.9.0", "1.0rc1")])
def test_a_notebook_runs_with_its_own_package_and_with_newer_ones(monkeypatch, version, has):
    monkeypatch.setattr("ssl_lab.notebook.VERSION", has)
    assert f"ssl_lab {has}" in repr(notebook("03_simclr", version=version))


def test_notebook_shows_what_was_passed_in_the_order_of_the_notebook(laptop):
    lab = notebook("03_simclr")
    assert repr(lab).endswith(" · exercises passed: 0 of 4")
    for name in ("nt_xent", "nt_xent_loop"):
        use(right(name))
    assert repr(lab).endswith(" · exercises passed: 2 of 4 (nt_xent_loop, nt_xent)")
    assert "exercises" not in repr(notebook("a notebook of mine"))


def test_ordinary_trainings_are_as_written(laptop):
    lab, recipe = notebook("03_simclr"), Recipe(epochs=18)
    assert lab.count(10_000) == 10_000
    assert lab.recipe(recipe) is recipe


def test_ci_shortens_epochs_and_images_and_nothing_else(ci):
    lab = notebook("03_simclr")
    assert lab.count(10_000) < 2_000
    assert lab.count(7) == 7
    short = lab.recipe(Recipe(epochs=18, lr=0.3, batch=64))
    assert short == Recipe(epochs=short.epochs, lr=0.3, batch=64)
    assert short.epochs < 5
    assert lab.recipe(Recipe(epochs=1)).epochs == 1


def test_use_hands_on_what_passed_and_says_how_far_the_notebook_is(capsys):
    fn, loop = right(), right("nt_xent_loop")
    assert use(fn) is fn
    assert capsys.readouterr().out.endswith("used from here on: your nt_xent · 1 of 4 exercises of this notebook passed\n")
    assert use(loop) is loop
    assert capsys.readouterr().out.endswith("used from here on: your nt_xent_loop · 2 of 4 exercises of this notebook passed\n")


def test_what_passed_and_is_broken_later_gets_its_hint_and_still_counts(capsys):
    use(right())
    capsys.readouterr()
    assert use(wrong) is losses.nt_xent
    said = capsys.readouterr().out
    assert "temperature" in said
    before = "(yours passed before, and still counts)"
    assert said.endswith(f"used from here on: the library’s nt_xent {before} · 1 of 4 exercises of this notebook passed\n")


def test_an_exercise_of_no_notebook_is_used_all_the_same(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EXERCISES", {})
    use(right())
    assert capsys.readouterr().out.endswith("used from here on: your nt_xent\n")


@pytest.mark.parametrize("attempted", [False, True])
def test_use_falls_back_on_the_library_and_says_why(capsys, attempted):
    assert use(wrong if attempted else untouched("nt_xent")) is losses.nt_xent
    said = capsys.readouterr().out
    assert ("multiplied by the temperature" if attempted else "not attempted yet") in said
    assert said.endswith("used from here on: the library’s nt_xent\n")
    assert progress.passed() == set()


def test_show_is_the_live_source():
    shown = show(losses.nt_xent)
    assert "# ssl_lab/losses.py" in repr(shown)
    assert "def nt_xent(" in repr(shown)
    assert shown._repr_markdown_() == f"```python\n{shown}```"


def test_show_names_the_file_in_its_folder():
    assert repr(show(knn_accuracy)).startswith("# ssl_lab/evaluate/knn.py\n")


def test_show_displays_a_picture_of_plots():
    figure, summary = plots.curves([])
    shown = show((figure, summary))
    assert isinstance(shown, Picture)
    assert shown.summary == summary


def test_show_says_what_it_takes():
    with pytest.raises(InputError, match="got int"):
        show(3)


def test_verdicts_are_words_that_do_not_depend_on_the_last_digit(laptop):
    assert within(0.9312, 0.9, 1) == within(0.9788, 0.9, 1) == within(0.9, 0.9, 1) == "in the expected band: yes"
    assert within(0.7, 0.9, 1) == "in the expected band: no, 0.700 is not between 0.9 and 1"
    assert within(float("nan"), 0.9, 1).startswith("in the expected band: no")


def test_short_trainings_are_not_judged_and_say_so(ci):
    assert within(0.7, 0.9, 1) == "in the expected band: not judged, the training was shortened"
