"""How students go wrong with `use`: whatever it is given, an exercise is recorded only for the student's own right function under its own name."""

import functools
import re

import pytest
import torch

from ssl_lab import cells, checks, losses, progress
from ssl_lab.checks import EXERCISES
from ssl_lab.errors import InputError
from ssl_lab.notebook import use

ALL = [name for names in EXERCISES.values() for name in names]
every_exercise = pytest.mark.parametrize("name", ALL)


@pytest.fixture(autouse=True)
def nothing_passed(monkeypatch, tmp_path):
    """A kernel that has just started, in a folder that is nobody's."""
    monkeypatch.setattr(progress, "session", set())
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ran(monkeypatch):
    """ran(code, ...): the cells of a notebook, the present one last."""
    return lambda *code: monkeypatch.setattr(cells, "history", lambda: list(code))


def student(name, body="right(*given)"):
    """A student's function, defined in a notebook."""
    space = {"__name__": "__main__", "right": check(name).reference}
    exec(f"def {name}(*given):\n    {body if body.startswith(('raise', '...')) else f'return {body}'}", space)
    return space[name]


def check(name):
    return getattr(checks, f"check_{name}")


def neighbour(name):
    return ALL[ALL.index(name) - 1]


@every_exercise
def test_a_right_function_is_recorded_however_often_it_is_used(name):
    fn = student(name)
    assert use(use(fn)) is fn
    assert progress.passed() == {name}


@every_exercise
@pytest.mark.parametrize("body", ["raise NotImplementedError", "...", "None", "'a str'"])
def test_run_twice_an_unsolved_exercise_stays_unsolved(capsys, name, body):
    fn = use(student(name, body))
    capsys.readouterr()
    for _ in range(2):
        fn = use(fn)
        said = capsys.readouterr().out
        assert f"○ {name}" in said and "run the cell with your own function" in said and "✓" not in said
        assert said.endswith(f"used from here on: the library’s {name}\n")
    assert fn is check(name).reference
    assert progress.passed() == set()


@every_exercise
def test_after_the_librarys_function_the_students_own_still_passes(name):
    use(use(student(name, "None")))
    use(student(name))
    assert progress.passed() == {name}


@every_exercise
def test_the_librarys_function_on_purpose_is_no_solution(capsys, name):
    use(check(name).reference)
    assert f"{name} is the library’s function here" in capsys.readouterr().out
    assert progress.passed() == set()


@pytest.mark.parametrize("fn", [losses.nt_xent, losses.info_nce, losses.byol_regression, functools.wraps(losses.nt_xent)(lambda *given: None)])
def test_any_function_of_the_library_is_no_solution(fn):
    use(fn)
    assert progress.passed() == set()


@every_exercise
@pytest.mark.parametrize("mistake", ["def {}(*x)\n    return", "def {}(*x:\n    return", "def {}(*x):\nreturn", "dfe {}(*x):\n    return"])
def test_after_a_syntax_error_the_older_function_is_not_checked(capsys, ran, name, mistake):
    fn, cell = student(name), f"def {name}(*given):\n    return 1"
    ran(cell, f"{name} = use({name})", mistake.format(name), f"{name} = use({name})")
    assert use(fn) is check(name).reference
    said = capsys.readouterr().out
    assert f"○ {name} is not checked" in said and "syntax error" in said
    assert progress.passed() == set()
    ran(cell, mistake.format(name), cell, f"{name} = use({name})")  # corrected
    assert use(fn) is fn


@pytest.mark.parametrize("scratch", ["1 +", "nt_xent(z1,", "def nt_xent_loop(", "%%time\nloss = nt_xent(z1", "# def nt_xent("])
def test_a_syntax_error_somewhere_else_changes_nothing(ran, scratch):
    ran("def nt_xent(*given):\n    return 1", scratch, "nt_xent = use(nt_xent)")
    use(student("nt_xent"))
    assert progress.passed() == {"nt_xent"}


@every_exercise
def test_the_function_of_another_exercise_is_named_and_nothing_is_recorded(ran, name):
    other = neighbour(name)
    ran(f"{name} = use({name})")
    for fn in (student(other), check(other).reference):
        with pytest.raises(InputError, match=f"this cell asks for {name}, but {name} is the function {other} here: .*def {name}"):
            use(fn)
    assert progress.passed() == set()


@every_exercise
def test_what_is_right_under_another_name_is_not_that_exercise(name):
    other = neighbour(name)
    fn = student(name)
    fn.__name__ = other
    if {name, other} != {"nt_xent", "nt_xent_loop"}:  # one loss
        use(fn)
        assert progress.passed() == set()


def classes():
    class nt_xent:
        """Has the name of an exercise."""

    return nt_xent


def renamed(*given):
    return 1


NO_FUNCTION = {
    "None": (None, "got None"),
    "partial": (functools.partial(losses.nt_xent, tau=0.5), "got a value of type partial"),
    "lambda": (lambda z1, z2, tau: losses.nt_xent(z1, z2, tau), "got a lambda"),
    "class": (classes(), "got a class"),
    "its result": (torch.ones(()), "got a value of type Tensor"),
    "its name": ("nt_xent", "got a value of type str"),
    "module": (losses, "got a value of type module"),
    "network": (torch.nn.Identity(), "got a value of type Identity"),
}


@pytest.mark.parametrize("thing, words", NO_FUNCTION.values(), ids=NO_FUNCTION)
@pytest.mark.parametrize("cell, asked", [("nt_xent = use(nt_xent)", "nt_xent"), ("use(thing)", "NAME"), ("", "NAME")])
def test_what_is_no_function_gets_one_sentence_that_says_what_to_write(one_sentence_of, ran, cell, asked, thing, words):
    ran(*[cell] * bool(cell))
    said = one_sentence_of(thing)
    assert words in said and f"`def {asked}(...)`" in said


@pytest.fixture
def one_sentence_of():
    def judge(thing):
        with pytest.raises(InputError) as caught:
            use(thing)
        (said,) = caught.value._render_traceback_()
        assert "\n" not in said and not re.search(r"\. [A-Z]", said)
        assert progress.passed() == set()
        return said

    return judge


def test_a_renamed_function_is_told_the_names_there_are(one_sentence_of, ran):
    said = one_sentence_of(renamed)
    assert "no exercise is called renamed" in said and all(name in said for name in ALL)
    ran("nt_xent = use(nt_xent)")
    assert "asks for nt_xent, but nt_xent is the function renamed" in one_sentence_of(renamed)


def test_a_cell_that_says_use_twice_or_of_something_else_asks_for_nothing(ran):
    for cell in ("a, b = use(nt_xent), use(alignment)", "use(f)", "fuse(alignment)"):
        ran(cell)
        assert use(student("nt_xent")).__name__ == "nt_xent"


def test_outside_a_notebook_there_are_no_cells():
    assert cells.history() == []
    assert cells.asked() == ""
    assert not cells.broken("nt_xent")
