"""Notebook 03 in a student's hands: usual wrong losses, one after the other, each get a hint of their own; right ones pass in any style."""

import builtins
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from ssl_lab.checks import EXERCISES

BOOK = Path(__file__).parents[1] / "notebooks" / "03_simclr.ipynb"
STUB = "# YOUR CODE HERE\n    raise NotImplementedError"

MATRIX = """B = len(z1)
z = torch.cat([z1, z2])
z = z / z.norm(dim=1, keepdim=True)
logits = z @ z.T / tau
logits = logits.masked_fill(torch.eye(2 * B, dtype=torch.bool), -torch.inf)
partner = torch.arange(2 * B).roll(B)
return torch.nn.functional.cross_entropy(logits, partner)"""

MISTAKES = {  # a word of the hint → what stands in MATRIX, and what the student writes in its place
    "not normalised": ("z = z / z.norm(dim=1, keepdim=True)\n", ""),
    "diagonal": ("logits = logits.masked_fill(torch.eye(2 * B, dtype=torch.bool), -torch.inf)\n", ""),
    "multiplied": ("@ z.T / tau", "@ z.T * tau"),
    "neighbouring rows": ("torch.cat([z1, z2])", "torch.stack([z1, z2], dim=1).reshape(2 * B, -1)"),
    "shifted by one row": ("torch.arange(2 * B).roll(B)", "(torch.arange(2 * B) + 1) % (2 * B)"),
    "a fixed number": ("@ z.T / tau", "@ z.T / 0.5"),
    "whole matrix": ("z.norm(dim=1, keepdim=True)", "z.norm()"),
    "wrong axis": ("z.norm(dim=1, keepdim=True)", "z.norm(dim=0)"),
    "only one of z1 and z2": ("z = z / z.norm(dim=1, keepdim=True)", "z[:B] = z[:B] / z[:B].norm(dim=1, keepdim=True)"),
    "divided by sqrt(d)": ("@ z.T / tau", "@ z.T / z.shape[1] ** 0.5 / tau"),
    "sum over the anchors is not divided": ("(logits, partner)", "(logits, partner, reduction='sum')"),
    "only one of the two views is used": ("(logits, partner)", "(logits[:B], partner[:B])"),
    "rows of the other view": ("torch.eye(2 * B, dtype=torch.bool)", "torch.eye(2, dtype=torch.bool).kron(torch.ones(B, B)).bool()"),
    "partner is missing from the denominator": (
        "return torch.nn.functional.cross_entropy(logits, partner)",
        "mine = torch.nn.functional.one_hot(partner).bool()\nreturn (logits.masked_fill(mine, -torch.inf).logsumexp(dim=1) - logits[mine]).mean()",
    ),
}

RIGHT = {
    "one matrix": MATRIX,
    "a loop in plain Python": """z = [row / row.norm() for row in [*z1, *z2]]
B, total = len(z1), 0
for i in range(2 * B):
    others = sum(torch.exp(z[i].dot(z[k]) / tau) for k in range(2 * B) if k != i)
    total = total + others.log() - z[i].dot(z[i - B]) / tau
return total / (2 * B)""",
    "four blocks": """u, v = torch.nn.functional.normalize(z1), torch.nn.functional.normalize(z2)
uv = torch.einsum("id,jd->ij", u, v).div(tau).exp()
uu, vv = ((w @ w.t() / tau).exp().triu(1) for w in (u, v))
top = uv.diagonal() / (uv.sum(1) + uu.sum(0) + uu.sum(1))
low = uv.diagonal() / (uv.sum(0) + vv.sum(0) + vv.sum(1))
return -0.5 * (top.log() + low.log()).mean()""",
}


def cell(*words: str) -> str:
    """The code of the first cell of the student's edition that contains all of these words."""
    cells = nbformat.read(BOOK, as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code" and all(word in cell.source for word in words))


@contextmanager
def kernel(folder: Path):
    """A function that runs code as a notebook's cell and returns what is seen; it fails where the cell does, unless `fails` names the error."""
    manager, client = start_new_kernel(startup_timeout=600, kernel_name="python3", cwd=str(folder))

    def run(code: str, fails: str = "") -> str:
        seen = []

        def keep(message):  # what is printed arrives in pieces, which may end anywhere
            content = message["content"]
            shown = content.get("data", {}).get("text/plain")
            seen.append(f"{shown}\n" if shown else content.get("text", ""))

        reply = client.execute_interactive(code, output_hook=keep, timeout=600)["content"]
        assert reply.get("ename", "") == fails, reply.get("evalue")
        return "".join(seen)

    try:
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The student's kernel, after the first cell of the notebook."""
    with kernel(tmp_path_factory.mktemp("student")) as run:
        run(cell("from ssl_lab.notebook import", 'notebook("03_simclr"'))
        yield run


@pytest.fixture(scope="module")
def attempt(run):
    """Write the body of nt_xent into its cell, run that and the next, and return what is said."""

    def attempt(body: str) -> str:
        exercise = cell("def nt_xent(")
        assert STUB in exercise
        run(exercise.replace(STUB, body.replace("\n", "\n    ")))
        return run(cell("nt_xent = use(nt_xent)"))

    return attempt


def test_the_untouched_exercise_is_neutral(attempt):
    said = attempt(STUB.replace("\n    ", "\n"))
    assert "○ nt_xent" in said and "not attempted yet" in said and "✗" not in said


@pytest.fixture(scope="module")
def hints(attempt):
    """What is said to each of the mistakes, made one after the other."""
    said = {}
    for words, (right, wrong) in MISTAKES.items():
        assert MATRIX.count(right) == 1
        said[words] = attempt(MATRIX.replace(right, wrong))
    return said


@pytest.mark.parametrize("words", MISTAKES)
def test_every_usual_mistake_is_named(hints, words):
    assert "✗ nt_xent" in hints[words] and words in hints[words]


def test_every_mistake_gets_a_hint_of_its_own(hints):
    assert len({next(line for line in said.splitlines() if "✗" in line) for said in hints.values()}) == len(MISTAKES)


@pytest.mark.parametrize("style", RIGHT)
def test_a_right_loss_passes_in_any_style_and_is_used_from_then_on(attempt, run, style):
    said = attempt(RIGHT[style])
    assert "✓ nt_xent" in said and "your" in said
    assert run("print(nt_xent.__module__)") == "__main__\n"


def test_after_a_wrong_one_the_notebook_goes_on_with_the_librarys(hints, attempt, run):
    attempt(MATRIX.replace("/ tau", "* tau"))
    assert run("print(nt_xent.__module__)") == "ssl_lab.losses\n"


def test_after_mistakes_a_right_one_still_passes(hints, attempt):
    assert "✓ nt_xent" in attempt(MATRIX)


@pytest.mark.parametrize("name", [name for names in EXERCISES.values() for name in names])
def test_in_any_order_only_the_students_own_function_passes(run, name):
    """The cell of `use` before the exercise; the exercise as it is, twice; a solution; a syntax error; the solution again."""
    use, passed = f"{name} = use({name})", f"from ssl_lab import checks, progress; print({name!r} in progress.passed())"
    solution = f"def {name}(*given):\n    return checks.check_{name}.reference(*given)"
    run(f"from ssl_lab import progress; progress.session.discard({name!r}); globals().pop({name!r}, None)")
    run(use, fails="InputError" if hasattr(builtins, name) else "NameError")  # Python has a filter of its own
    run(f"def {name}(*given):\n    raise NotImplementedError")
    assert "not attempted yet" in run(use)
    assert "is not checked" in run(use)
    assert run(passed) == "False\n"
    run(solution)
    assert f"✓ {name}" in run(use)
    assert run(passed) == "True\n"
    run(f"progress.session.discard({name!r})")
    run(solution.replace(":", "", 1), fails="SyntaxError")
    said = run(use)
    assert "○" in said and "syntax error" in said
    assert run(passed) == "False\n"
    run(solution)
    assert f"✓ {name}" in run(use)


@pytest.mark.parametrize("thing", ["None", "functools.partial(max)", "lambda *given: 1", "3"])
def test_what_is_no_function_gets_a_sentence_without_a_traceback(run, thing):
    run(f"import functools; nt_xent = {thing}")
    run("nt_xent = use(nt_xent)", fails="InputError")
