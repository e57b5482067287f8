"""What holds for every exercise of the course, and how a check reads whatever a function returns. No check ever raises."""

import functools
import html
import math
import re
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course.build import parse
from ssl_lab import augment, checks, geometry, kmeans, losses, pseudo_labels
from ssl_lab.checks import EXERCISES, Check, Kind
from ssl_lab.checks.answer import PARTS, ask, tensors
from ssl_lab.checks.drawn import Drawn
from ssl_lab.data import Images
from ssl_lab.evaluate import knn_accuracy
from ssl_lab.methods import BYOL, DeepCluster, MoCo
from ssl_lab.methods.deepcluster import uniform_sampling
from ssl_lab.models import ema_

COURSE = Path(__file__).parents[1] / "course"
ALL = [getattr(checks, f"check_{name}") for names in EXERCISES.values() for name in names]
every_check = pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)


def test_every_exercise_has_a_check_of_its_name():
    asked = [name for names in EXERCISES.values() for name in names]
    assert [check.name for check in ALL] == asked
    assert sorted(f"check_{name}" for name in asked) == [name for name in checks.__all__ if name.startswith("check_")]


@every_check
def test_the_reference_is_right_on_any_input(passes, check):
    passes(check, check.reference)


@pytest.mark.parametrize("book, names", EXERCISES.items(), ids=EXERCISES)
def test_the_solutions_of_the_course_are_right_on_any_input(passes, book, names):
    cells = [cell.source for cell in parse(COURSE / f"{book}.py").cells if "exercise" in cell.metadata.get("tags", [])]
    defined = {"torch": torch, "F": torch.nn.functional, "math": math}  # what the notebooks import
    exec("\n\n".join(cells), defined)  # together: a solution may call those before it
    for name in names:
        passes(getattr(checks, f"check_{name}"), defined[name])


@every_check
def test_the_untouched_exercise_is_neutral(check):
    def untouched(*given):
        raise NotImplementedError

    result = check(untouched)
    assert not result
    assert not result.attempted
    assert result.hint == "not attempted yet"
    assert repr(result) == f"○ {check.name} is not attempted yet"


COMPARED = [check for check in ALL if check.name != "nt_xent_loop" and not isinstance(check, Drawn)]  # nt_xent's once more; signs are no functions


@pytest.mark.parametrize("check", COMPARED, ids=lambda check: check.name)
def test_mistakes_of_a_check_are_told_apart_on_any_input(check):
    for hint, functions in check.mistakes.items():
        for wrong in functions:
            wrong = beside_a_number(wrong) if check.kind in PARTS else wrong
            assert {check(wrong, seed=seed).hint for seed in range(5)} == {hint}


@every_check
def test_the_reference_has_the_name_of_the_exercise_so_that_use_finds_it_again(check):
    assert check.reference.__name__ == check.name


def ema_of_the_library(key, query, m):
    """`ema_` changes one network in place; here, of a single weight each."""
    slow, fast = (torch.nn.ParameterList([torch.nn.Parameter(w.clone())]) for w in (key, query))
    ema_(slow, fast, m)
    return slow[0].detach()


def enqueue_of_the_library(queue, pointer, k):
    moco = MoCo(encoder(), K=len(queue), dim=k.shape[1])
    moco.queue.copy_(queue)
    moco.pointer.fill_(pointer)
    moco.enqueue(k)
    return moco.queue, moco.pointer


def momentum_of_the_library(m, progress):
    return BYOL(encoder(), m=m).momentum(progress)


def std_of_the_library(z):
    byol = BYOL(encoder())
    byol.note(z=z)
    return byol.stats()["std"]


def round_of_the_library(classifier, h, y):
    """`relabel` draws the classifier of a method anew."""
    k, dim = classifier.weight.shape
    f = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, dim))
    f.dim = dim
    method = DeepCluster(f, clusters=k, pca=2, input="rgb")
    method.classifier = classifier
    method.relabel(Images.of(torch.randint(256, (2 * k, 3, 8, 8), dtype=torch.uint8)))
    return F.cross_entropy(classifier(h), y)


def encoder():
    network = torch.nn.Linear(1, 4)
    network.dim = 4
    return network


LIBRARY = {
    "nearest_accuracy": functools.partial(knn_accuracy, k=1),
    "soft_cross_entropy": losses.soft_cross_entropy,
    "filter": pseudo_labels.filter,
    "balance": pseudo_labels.balance,
    "kmeans_step": kmeans.kmeans_step,
    "repair": kmeans.repair,
    "whitened_rows": kmeans.whitened_rows,
    "nmi": geometry.nmi,
    "uniform_sampling": uniform_sampling,
    "begin_round": round_of_the_library,
    "alignment": geometry.alignment,
    "nt_xent_loop": losses.nt_xent,
    "nt_xent": losses.nt_xent,
    "info_nce": losses.info_nce,
    "ema": ema_of_the_library,
    "enqueue": enqueue_of_the_library,
    "cross_view_nce": losses.cross_view_nce,
    "mutual_information_bound": losses.mutual_information_bound,
    "full_graph": losses.full_graph,
    "patches": augment.patches,
    "cpc_nce": losses.cpc_nce,
    "byol_regression": losses.byol_regression,
    "target_momentum": momentum_of_the_library,
    "embedding_std": std_of_the_library,
}


@pytest.mark.parametrize("name, fn", LIBRARY.items(), ids=LIBRARY)
def test_a_check_accepts_what_the_library_itself_computes_with(passes, name, fn):
    passes(getattr(checks, f"check_{name}"), fn, seeds=range(5))


@every_check
def test_a_second_check_asks_only_the_students_function(monkeypatch, check):
    def odd(*given):
        return None

    check(odd)
    asked = []
    monkeypatch.setattr("ssl_lab.checks.check.ask", lambda fn, *how: asked.append(fn) or ask(fn, *how))
    assert "None" in check(odd).hint
    assert set(asked) == {odd}


def weight(network):
    """What a network of an exercise learns."""
    return network.weight if isinstance(network, torch.nn.Linear) else network.W


@every_check
def test_a_function_that_changes_a_network_does_not_change_the_next_check(check):
    def spoils(*given):
        for network in filter(callable, given):
            weight(network).data.zero_()

    check(spoils)
    assert check(check.reference)


@every_check
def test_a_hint_is_one_line_of_its_own(check):
    for hint in check.mistakes:
        assert 20 < len(hint) < 170
        assert "\n" not in hint


@every_check
def test_inputs_are_the_same_for_a_seed_and_begin_with_one_that_never_changes(check):
    def drawn(seed):
        return [[x.tolist() if torch.is_tensor(x) else [repr(x), weight(x).tolist()] if callable(x) else x for x in xs] for xs in check.inputs(seed)]

    assert drawn(3) == drawn(3)
    assert drawn(3)[0] == drawn(4)[0]
    assert all(a != b for a, b in zip(drawn(3)[1:], drawn(4)[1:]))


@every_check
def test_checking_draws_nothing_from_the_callers_random_numbers(check):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check(check.reference)
    check(lambda *given: None)
    assert torch.equal(torch.get_rng_state(), before)


@every_check
def test_a_check_needs_no_gradients_around_it(check):
    with torch.no_grad():
        assert check(check.reference)


def in_place(*given):
    for x in tensors(given):
        x.mul_(2)
    return torch.ones(())


def unreadable(*given):
    class Strange(Exception):
        def __str__(self):
            raise ValueError("no words")

    raise Strange


def out_of_range(*given):
    raise IndexError("index 8 is out of bounds")


NONSENSE = {
    "returns None": lambda *given: None,
    "returns a str": lambda *given: "0.5",
    "returns a list": lambda *given: [given[0]],
    "returns a dict": lambda *given: {},
    "returns a function; ": lambda *given: in_place,
    "bool; real numbers": lambda *given: torch.tensor(True),
    "complex64; real numbers": lambda *given: torch.tensor(1j),
    "returns nan": lambda *given: torch.zeros(()) / 0,
    "returns inf": lambda *given: torch.ones(()) / 0,
    "it stopped with IndexError at `raise Ind": out_of_range,
    "it changes its inputs in place": in_place,
    "it stopped with TypeError: ": lambda: 0,
    "it stopped with ZeroDivisionError at ": lambda *given: 1 / 0,
    "it stopped with SystemExit at ": lambda *given: sys.exit(),
    "not implemented for 'Long'": lambda *given: torch.arange(3).softmax(0),  # torch raises a NotImplementedError
    "cannot be read": lambda *given: torch.sparse_coo_tensor(size=()),
    "no words": unreadable,
}


def test_written_code_above_a_line_that_is_still_there_is_an_attempt():
    def still_there(a, b):
        c = a @ b.T
        raise NotImplementedError
        return c

    result = checks.check_cosine(still_there)
    assert result.attempted
    assert result.hint == "the line `raise NotImplementedError` is still there: delete it"


def test_another_exercise_that_is_not_solved_is_named():
    def cosine(a, b):
        raise NotImplementedError

    def nearest_accuracy(h, y, ht, yt):
        return (y[cosine(ht, h).argmax(1)] == yt).float().mean()

    result = checks.check_nearest_accuracy(nearest_accuracy)
    assert result.attempted
    assert "NotImplementedError at `return (y[cosine(ht, h)" in result.hint


def beside_a_number(fn):
    """What a function returns as the first of a pair, where it is a tensor."""

    def pair(*given):
        returned = fn(*given)
        return (returned, torch.tensor(0)) if torch.is_tensor(returned) else returned

    return functools.wraps(fn)(pair)


def cases():
    """Every check with every nonsense; only tensors can be changed in place."""
    for check in ALL:
        tensors = any(map(torch.is_tensor, next(iter(check.inputs(0)))))
        yield from (pytest.param(check, *case, id=f"{check.name}-{case[0]}") for case in NONSENSE.items() if tensors or case[1] is not in_place)


@pytest.mark.parametrize("check, words, wrong", list(cases()))
def test_what_is_no_answer_is_told_apart_and_nothing_is_raised(check, words, wrong):
    result = check(beside_a_number(wrong) if check.kind in PARTS and not words.startswith("it stopped") else wrong)
    assert not result
    assert result.attempted
    assert words in result.hint


def test_a_line_that_stops_is_shown():
    def product(a, b):
        c = a @ a
        return c @ b.T

    assert "it stopped with RuntimeError at `c = a @ a`: " in checks.check_cosine(product).hint


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("Python number 2.", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau).item()),
        ("returns a ndarray; a tensor with one number", lambda z1, z2, tau: np.ones(1)),
        ("shape (2,); one number is needed, the mean over all 2B anchors", lambda z1, z2, tau: torch.stack([losses.nt_xent(z1, z2, tau)] * 2)),
        ("shape (1,)", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau)[None]),
        ("cut off from its inputs", lambda z1, z2, tau: losses.nt_xent(z1.detach(), z2.detach(), tau)),
        ("cut off from its inputs", lambda z1, z2, tau: torch.tensor(losses.nt_xent(z1, z2, tau).item())),
        ("its gradient is not: something is detached", lambda z1, z2, tau: losses.nt_xent(z1, z2.detach(), tau)),
        ("its gradient is not: something is detached", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau).detach() + 0 * z1.sum()),
        ("its gradient is not a number", lambda z1, z2, tau: losses.nt_xent(z1, z2, tau) + (z1 - z1).norm(dim=1).sqrt().sum()),
        ("no gradient can be taken", lambda z1, z2, tau: written_over(losses.nt_xent(z1, z2, tau))),
    ],
)
def test_a_loss_must_let_the_gradient_flow(words, wrong):
    assert words in checks.check_nt_xent(wrong).hint


def written_over(loss):
    """Its gradient needs the root, which is no longer there."""
    root = loss.sqrt()
    squared = root * root
    root.add_(1)
    return squared


HALF = Check("half", lambda x: (x > 0).float().mean(), lambda seed: [(torch.tensor([1.0, -1.0]),)], {}, Kind.NUMBER, "the share")


@pytest.mark.parametrize("half", [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5), torch.tensor(0.5, dtype=torch.float64)])
def test_a_number_may_be_of_python_numpy_or_torch(half):
    assert HALF(lambda x: half)


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("bool; real numbers", True),
        ("returns a bool", np.bool_(True)),
        ("shape (2,); one number is needed, the share", torch.tensor([0.5, 0.5])),
        ("shape (1,); one number is needed, the share", np.array([0.5])),
        ("returns nan", math.nan),
        ("returns a list; one number is needed", [0.5]),
        ("cannot be read", Decimal("0.5")),
        ("for inputs of shape (2,) it gives 1, expected is 0.5; no usual mistake gives this", 1),
    ],
)
def test_what_is_no_number_is_told_apart(words, wrong):
    assert words in HALF(lambda x: wrong).hint


ROWS = Check("rows", lambda x: x * 1, lambda seed: [(torch.arange(6.0).reshape(2, 3),)], {}, Kind.MATRIX)


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("returns a ndarray; a tensor is needed", lambda x: x.numpy()),
        ("returns a float; a tensor is needed", lambda x: 0.5),
        ("for inputs of shape (2, 3) it gives a result of shape (3, 2), expected is (2, 3)", lambda x: x.T),
        ("it gives 6 at [1, 1], expected is 4;", lambda x: x + torch.tensor([[0, 0, 0], [0, 2, 3]])),
        ("it holds -inf; ", lambda x: x.log()),
    ],
)
def test_what_is_not_the_matrix_is_told_apart(words, wrong):
    assert words in ROWS(wrong).hint


SLOTS = Check("slots", lambda x, n: (x * 1, n + 1), lambda seed: [(torch.arange(6.0).reshape(2, 3), 4)], {}, Kind.PAIR, "the next slot")


@pytest.mark.parametrize("right", [(5,), (5.0,), (np.int64(5),), (torch.tensor(5),), [5]])
def test_a_pair_is_a_tuple_or_a_list_of_a_tensor_and_any_number(right):
    assert repr(SLOTS(lambda x, n: type(right)([x, *right]))) == "✓ slots is right: both of the pair"


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("it returns a Tensor; a pair, a tensor and one number, is needed, and the second is the next slot", lambda x, n: x),
        ("it returns a tuple; a pair", lambda x, n: (x,)),
        ("it returns a tuple; a pair", lambda x, n: (x, n, n)),
        ("in the first of its pair, it returns a int; a tensor is needed", lambda x, n: (n, x)),
        ("in the first of its pair, it returns None", lambda x, n: (None, n)),
        ("in the second of its pair, it returns None", lambda x, n: (x, None)),
        ("in the second of its pair, it returns a result of shape (1,); one number is needed, the next slot", lambda x, n: (x, torch.ones(1))),
        ("for inputs of shape (2, 3), n = 4 it gives, in the second of its pair, 4, expected is 5; no", lambda x, n: (x, n)),
        ("for inputs of shape (2, 3), n = 4 it gives, in the first of its pair, 1 at [0, 0], expected is 0; no", lambda x, n: (x + 1, n)),
        ("n = 4 it gives, in the first of its pair, a result of shape (3, 2), expected is (2, 3)", lambda x, n: (x.T, n + 1)),
        ("it changes its inputs in place", lambda x, n: (x.mul_(2), n + 1)),
    ],
)
def test_what_is_not_the_pair_is_told_apart(words, wrong):
    assert words in SLOTS(wrong).hint


PLACED = Check("placed", lambda x: (x * 1, torch.arange(2)), lambda seed: [(torch.arange(6.0).reshape(2, 3),)], {}, Kind.LABELLED, "the place")


@pytest.mark.parametrize("right", [torch.arange(2), torch.arange(2).int(), torch.arange(2).to(torch.uint8)])
def test_a_pair_with_whole_numbers_takes_them_of_any_size(right):
    assert repr(PLACED(lambda x: [x, right])) == "✓ placed is right: both of the pair"


@pytest.mark.parametrize(
    "words, wrong",
    [
        ("a pair, a tensor and a tensor of whole numbers, is needed, and the second is the place", lambda x: x),
        ("in the second of its pair, it returns values of type float32; they number rows or clusters", lambda x: (x, torch.arange(2.0))),
        ("in the second of its pair, it returns values of type bool", lambda x: (x, torch.arange(2) > 0)),
        ("in the second of its pair, it returns a list; a tensor of whole numbers is needed", lambda x: (x, [0, 1])),
        ("it gives, in the second of its pair, 1 at [0], expected is 0;", lambda x: (x, 1 - torch.arange(2))),
    ],
)
def test_what_is_not_the_pair_with_whole_numbers_is_told_apart(words, wrong):
    assert words in PLACED(wrong).hint


def towards(a, b):
    """The distance of unit rows to constant ones."""
    return (F.normalize(a, dim=1) - b.detach()).square().sum()


def drawn_rows(seed):
    draw = torch.Generator().manual_seed(seed)
    yield tuple(torch.randn(3, 2, generator=draw) for _ in range(2))


def test_a_wrong_gradient_of_a_right_value_is_called_by_its_name():
    mistakes = {
        "too large": (lambda a, b: towards(a, b) + 1,),
        "it flows into b": (lambda a, b: (F.normalize(a, dim=1) - b).square().sum(),),
        "it does not flow into a": (lambda a, b: (F.normalize(a, dim=1).detach() - b).square().sum(),),
    }
    check = Check("towards", towards, drawn_rows, mistakes)
    assert check(towards)
    for hint, (wrong,) in mistakes.items():
        assert check(wrong).hint == hint
    assert check(lambda a, b: mistakes["it flows into b"][0](a, b) + 1).hint == "too large"  # the value comes first
    assert "its gradient is not: something is detached" in check(lambda a, b: towards(a, b) + a.sum() - a.sum().detach()).hint


def test_what_is_prepared_for_a_function_decides_which_gradients_count():
    check = Check("towards", towards, drawn_rows, {})
    prepared = Check("towards", towards, drawn_rows, {}, prepare=lambda a, b: (F.normalize(a, dim=1), b.detach()))

    def lets_b_learn(a, b):
        return (F.normalize(a, dim=1) - b).square().sum()

    def does_not_normalise(a, b):
        return (a - b).square().sum()

    assert not check(lets_b_learn) and prepared(lets_b_learn)  # b is a constant
    assert not check(does_not_normalise) and prepared(does_not_normalise)  # rows have length 1, and normalising them again changes nothing
    assert prepared(towards)
    assert "in place" in prepared(lambda a, b: (a - b.mul_(2)).square().sum()).hint


def test_numbers_are_shown_by_their_names_and_functions_not_at_all():
    check = Check("shifted", lambda m, f: f(m) + 1, lambda seed: [(0.25, math.sqrt)], {}, Kind.NUMBER)
    assert check(lambda m, f: f(m)).hint == "for m = 0.25 it gives 0.5, expected is 1.5; no usual mistake gives this"


def test_any_other_wrong_loss_is_shown_beside_the_expected_one():
    hint = checks.check_nt_xent(lambda z1, z2, tau: losses.nt_xent(z1, z2, tau) + 1).hint
    seen, expected = re.fullmatch(r"for inputs of shape \(4, 3\) and \(4, 3\), tau = 0.5 it gives (.+), expected is (.+); no usual .+", hint).groups()
    assert math.isclose(float(seen), float(expected) + 1, abs_tol=2e-5)


def test_the_first_input_with_a_wrong_answer_is_shown():
    check = Check("twice", lambda x: 2 * x.sum(), lambda seed: [(torch.full((n,), float(seed)),) for n in (1, 4, 5)], {}, Kind.NUMBER)
    hint = check(lambda x: len(x) * x.sum() + (len(x) == 1) * x.sum(), seed=3).hint
    assert hint.startswith("for inputs of shape (4,) it gives 48, expected is 24;")


def test_a_mistake_that_fails_on_an_input_explains_only_who_is_wrong_there_too():
    inputs = [(torch.ones(2),), (torch.ones(3),)]

    def pairs(x):
        return x.reshape(2, 1).sum() + 1

    check = Check("total", lambda x: x.sum(), lambda seed: inputs, {"pairs": (pairs,), "never": (lambda x: x.reshape(5, 5),)}, Kind.NUMBER)
    assert check(pairs).hint == "pairs"
    assert check(lambda x: x.sum() + 1).hint == "pairs"
    assert "no usual mistake" in check(lambda x: x.sum() + (len(x) == 2)).hint  # right for three
    assert "RuntimeError" in check(lambda x: x.reshape(7, 7)).hint  # never answers, as "never" does


def test_the_panel_says_in_words_what_its_colour_says_and_escapes_them():
    def panel(fn):
        return checks.check_cosine(fn)._repr_html_()

    def untouched(a, b):
        raise NotImplementedError

    wrong = panel(lambda a, b: f"<b>{len(a)}</b>" / 2)
    assert '<div role="status"' in wrong
    assert '<span aria-hidden="true">✗</span> cosine is <strong>not right yet</strong>: it stopped with TypeError' in wrong
    assert html.escape("'str'") in wrong and "<b>" not in wrong
    assert '<span aria-hidden="true">✓</span> cosine is <strong>right</strong>: every entry' in panel(checks.check_cosine.reference)
    assert '<span aria-hidden="true">○</span> cosine is <strong>not attempted yet</strong></div>' in panel(untouched)


@pytest.mark.parametrize("passed, attempted", [(True, True), (False, True), (False, False)])
def test_the_colours_of_the_panel_can_be_told_from_its_ground(passed, attempted):
    panel = checks.Result("cosine", passed, attempted, "words")._repr_html_()
    mark, ground, ink = (luminance(code) for code in re.findall("#[0-9a-f]{6}", panel))
    assert (ground + 0.05) / (mark + 0.05) >= 4.5
    assert (ground + 0.05) / (ink + 0.05) >= 7


def luminance(code):
    """Of a colour, as WCAG 2 has it."""
    parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(w * (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4) for w, p in zip((0.2126, 0.7152, 0.0722), parts))
