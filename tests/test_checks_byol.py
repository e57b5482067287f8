"""The checks of notebook 07 beside the regression: right answers pass in any style, each usual mistake is called by its name.

The mistakes are written here once more, image by image and number by number, in code that shares nothing with what the checks compare with.
"""

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_lab.checks import check_byol_loss, check_embedding_std, check_target_momentum


def cut(t):
    return t.detach()


def linked(t):
    return t


def of_directions(u, v):
    return 2 - 2 * (u @ v) / (u.norm() * v.norm())


def as_it_is(u, v):
    return ((u - v) ** 2).sum()


def predicted(x, online, predictor, target):
    return predictor(online(x))


def projected(x, online, predictor, target):
    return online(x)


def aimed(x, online, predictor, target):
    return target(x)


def aimed_and_predicted(x, online, predictor, target):
    return predictor(target(x))


BOTH = (0, 1), (1, 0)


def image_by_image(
    x1, x2, *networks, p=predicted, t=aimed, stops=(cut, cut), learns=linked, ways=BOTH, pair=of_directions, over=lambda B, d: B, scale=1
):
    """BYOL's loss one image at a time; every option is one way to get it wrong.   ways: the view predicted from, and the one predicted."""
    views, total = (x1, x2), 0
    for (a, b), stop in zip(ways, stops):
        for i in range(len(x1)):
            total = total + pair(learns(p(views[a][i : i + 1], *networks)[0]), stop(t(views[b][i : i + 1], *networks)[0]))
    return scale * total / over(len(x1), networks[0](x1).shape[1])


LOSSES = {
    "no stop": ("flows into the target", {"stops": (linked, linked)}),
    "one stop, of the second view": ("flows into the target", {"stops": (cut, linked)}),
    "one stop, of the first view": ("flows into the target", {"stops": (linked, cut)}),
    "prediction stopped": ("wrong side, so", {"stops": (linked, linked), "learns": cut}),
    "predictor on both sides": ("on the target's side", {"t": aimed_and_predicted}),
    "predictor on the target's side alone": ("on the target's side", {"p": projected, "t": aimed_and_predicted}),
    "networks swapped": ("on the target's side", {"p": aimed_and_predicted, "t": projected, "stops": (linked, linked), "learns": cut}),
    "no predictor": ("left out", {"p": projected}),
    "one direction": ("only one direction", {"ways": [(0, 1)]}),
    "the other direction": ("only one direction", {"ways": [(1, 0)]}),
    "one direction twice": ("only one direction", {"ways": [(0, 1), (0, 1)]}),
    "the other direction twice": ("only one direction", {"ways": [(1, 0), (1, 0)]}),
    "one direction, halved": ("only one direction", {"ways": [(0, 1)], "scale": 0.5}),
    "the other direction, halved": ("only one direction", {"ways": [(1, 0)], "scale": 0.5}),
    "same view": ("the same view", {"ways": [(0, 0), (1, 1)]}),
    "online for target": ("its own target", {"t": projected}),
    "prediction for target": ("its own target", {"t": predicted}),
    "mean of both": ("mean of the two directions", {"scale": 0.5}),
    "raw": ("vectors of any length", {"pair": as_it_is}),
    "raw, by mse_loss": ("vectors of any length", {"pair": as_it_is, "over": lambda B, d: B * d}),
    "raw, summed": ("vectors of any length", {"pair": as_it_is, "over": lambda B, d: 1}),
    "negative": ("sign is wrong", {"scale": -1}),
}


@pytest.mark.parametrize("words, wrong", LOSSES.values(), ids=LOSSES)
def test_each_usual_mistake_with_the_loss_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_byol_loss, functools.partial(image_by_image, **wrong), words, LOSSES)


@pytest.mark.parametrize("words, wrong", [case for case in LOSSES.values() if not {"stops", "learns"} & set(case[1])])
def test_of_two_mistakes_the_one_in_the_value_is_named_before_the_one_in_the_gradient(words, wrong):
    assert words in check_byol_loss(functools.partial(image_by_image, **wrong, stops=(linked, linked))).hint


def from_cosines_without_gradients(x1, x2, online, predictor, target):
    with torch.no_grad():
        targets = torch.cat([target(x2), target(x1)])
    return 4 - 2 * F.cosine_similarity(torch.cat([predictor(online(x1)), predictor(online(x2))]), targets).mean() * 2


def by_einsum_of_detached_targets(x1, x2, f, q, g):
    def one_way(a, b):
        return 2 - 2 * torch.einsum("bd,bd->", F.normalize(q(f(a))), F.normalize(g(b)).detach()) / len(a)

    return one_way(x1, x2) + one_way(x2, x1)


def by_detached_views(x1, x2, online, predictor, target):
    p, t = [predictor(online(x)) for x in (x1, x2)], [target(x.detach()) for x in (x2, x1)]
    squares = [(F.normalize(a) - F.normalize(b)).square().sum(1) for a, b in zip(p, t)]
    return torch.stack(squares).sum(0).mean()


@pytest.mark.parametrize("right", [image_by_image, from_cosines_without_gradients, by_einsum_of_detached_targets, by_detached_views])
def test_a_right_loss_passes_in_any_style_on_any_input(passes, right):
    passes(check_byol_loss, right)


def test_a_loss_without_any_gradient_is_refused_by_that_name():
    assert "cut off from its inputs" in check_byol_loss(functools.partial(image_by_image, learns=cut)).hint


def test_the_reference_of_byol_loss_gives_the_hand_value():
    p, z = torch.tensor([[3.0, 4.0]], requires_grad=True), torch.tensor([[1.0, 0.0]])
    loss = check_byol_loss.reference(p, p, lambda x: x, lambda x: x, lambda x: z)
    loss.backward()
    assert loss.item() == pytest.approx(1.6)
    torch.testing.assert_close(p.grad, 2 * torch.tensor([[-0.256, 0.192]]))


def rising(m, progress):
    """m, and the part of the way to 1 that is done."""
    return m + (1 - m) * math.sin(math.pi * progress / 2) ** 2


MOMENTA = {
    "constant": ("stays at m", lambda m, s: m),
    "straight": ("straight line", lambda m, s: (1 - s) * m + s),
    "not halved": ("not halved", lambda m, s: m - (1 - m) * math.cos(math.pi * s)),
    "no 1, no half": ("1 is not added", lambda m, s: 1 + (m - 1) * math.cos(math.pi * s)),
    "no 1": ("1 is not added", lambda m, s: 1 + (m - 1) * math.cos(math.pi * s) / 2),
    "from 1 to m": ("falls where it should rise", lambda m, s: 1 - (1 - m) * math.sin(math.pi * s / 2) ** 2),
    "from m to 0": ("falls where it should rise", lambda m, s: m * math.cos(math.pi * s / 2) ** 2),
    "what is taken": ("takes of the online network", lambda m, s: (1 - m) * math.cos(math.pi * s / 2) ** 2),
    "from 0": ("factor before the cosine", lambda m, s: math.sin(math.pi * s / 2) ** 2),
    "m for 1 - m": ("factor before the cosine", lambda m, s: 1 - m * math.cos(math.pi * s / 2) ** 2),
    "degrees": ("in degrees", lambda m, s: rising(m, 180 * s / math.pi)),
    "no pi": ("π is missing", lambda m, s: 1 - (1 - m) * (math.cos(s) + 1) / 2),
    "a whole turn": ("wrong factor", lambda m, s: 1 - (1 - m) * (math.cos(2 * math.pi * s) + 1) / 2),
    "a quarter turn": ("wrong factor", lambda m, s: 1 - (1 - m) * (math.cos(math.pi * s / 2) + 1) / 2),
}


@pytest.mark.parametrize("words, wrong", MOMENTA.values(), ids=MOMENTA)
def test_each_usual_mistake_with_the_momentum_gets_its_own_hint(called, words, wrong):
    called(check_target_momentum, wrong, words, MOMENTA)


@pytest.mark.parametrize(
    "right",
    [
        rising,
        lambda m, progress: 1 - (1 - m) * (math.cos(math.pi * progress) + 1) / 2,
        lambda m, progress: m + (1 - m) * (1 - np.cos(np.pi * progress)) / 2,
        lambda base, t: 1 - (1 - base) * (torch.cos(torch.tensor(torch.pi * t)) + 1) / 2,
        lambda m, progress: 1 - (1 - m) * (math.cos(math.radians(180 * progress)) + 1) / 2,
    ],
)
def test_a_right_momentum_passes_in_any_style(passes, right):
    passes(check_target_momentum, right)


@pytest.mark.parametrize("progress, m", [(0, 0.996), (0.25, 0.996586), (0.5, 0.998), (1, 1)])
def test_the_reference_of_target_momentum_is_right(progress, m):
    assert check_target_momentum.reference(0.996, progress) == pytest.approx(m, abs=1e-6)


def by_row(z):
    return [[v / math.hypot(*row) for v in row] for row in z]


def by_column(z):
    return list(zip(*by_row(zip(*z))))


def by_the_whole(z):
    return [[v / math.hypot(*[w for row in z for w in row]) for v in row] for row in z]


def centred_by_row(z):
    means = [sum(column) / len(z) for column in zip(*z)]
    return by_row([[v - mean for v, mean in zip(row, means)] for row in z])


def variance(values, less=1):
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - less)


def std(values):
    return math.sqrt(variance(values))


def number_by_number(z, *, rows=by_row, groups=lambda z: zip(*z), of=std, over=len, root=False, factor=lambda B, d: math.sqrt(d)):
    """The std of an embedding; every option is one way to get it wrong.   groups: the numbers that are compared with each other."""
    measured = [of(group) for group in groups(rows(z.tolist()))]
    mean = sum(measured) / over(measured)
    return (math.sqrt(mean) if root else mean) * factor(*z.shape)


def one(B, d):
    return 1


STDS = {
    "not normalised": ("not normalised", {"rows": list}),
    "not normalised, no factor": ("not normalised", {"rows": list, "factor": one}),
    "columns": ("wrong axis", {"rows": by_column}),
    "columns, no factor": ("wrong axis", {"rows": by_column, "factor": one}),
    "the whole": ("wrong axis", {"rows": by_the_whole}),
    "centred": ("mean is subtracted", {"rows": centred_by_row}),
    "centred, no factor": ("mean is subtracted", {"rows": centred_by_row, "factor": one}),
    "of rows": ("along the features", {"groups": list}),
    "of rows, no factor": ("along the features", {"groups": list, "factor": one}),
    "no factor": ("sqrt(d) is missing", {"factor": one}),
    "d": ("factor is wrong", {"factor": lambda B, d: d}),
    "divided": ("factor is wrong", {"factor": lambda B, d: d**-0.5}),
    "sqrt(B)": ("factor is wrong", {"factor": lambda B, d: math.sqrt(B)}),
    "all entries": ("all entries", {"groups": lambda z: [[v for row in z for v in row]]}),
    "all entries, no factor": ("all entries", {"groups": lambda z: [[v for row in z for v in row]], "factor": one}),
    "sum": ("are summed", {"over": lambda measured: 1}),
    "variance": ("variances are averaged", {"of": variance}),
    "root of the mean variance": ("variances are averaged", {"of": variance, "root": True}),
    "variance, no factor": ("variances are averaged", {"of": variance, "factor": one}),
    "divided by B": ("divided by B", {"of": lambda values: math.sqrt(variance(values, less=0))}),
}


@pytest.mark.parametrize("words, wrong", STDS.values(), ids=STDS)
def test_each_usual_mistake_with_the_std_gets_its_own_hint(called, words, wrong):
    called(check_embedding_std, functools.partial(number_by_number, **wrong), words, STDS)


def by_squares(z):
    u = F.normalize(z.double())
    var = ((u - u.mean(0)) ** 2).sum(0) / (len(u) - 1)
    return var.sqrt().mean() * math.sqrt(z.size(1))


def by_einsum(z):
    u = z / torch.einsum("bd,bd->b", z, z).sqrt()[:, None]
    return torch.std(u, dim=0).sum() / z.shape[1] ** 0.5


def in_numpy(z):
    u = z.numpy() / np.linalg.norm(z.numpy(), axis=1, keepdims=True)
    return u.std(axis=0, ddof=1).mean() * np.sqrt(u.shape[1])


def by_variances(z):
    return F.normalize(z).var(0).sqrt().mean() * z.shape[1] ** 0.5


@pytest.mark.parametrize("right", [number_by_number, by_squares, by_einsum, in_numpy, by_variances])
def test_a_right_std_passes_in_any_style(passes, right):
    passes(check_embedding_std, right)


def test_the_reference_of_embedding_std_is_right():
    draw = torch.Generator().manual_seed(0)
    assert check_embedding_std.reference(torch.randn(4096, 64, generator=draw)) == pytest.approx(1, abs=0.01)
    assert check_embedding_std.reference(torch.rand(5, 1, generator=draw) + 1) == 0
    assert check_embedding_std.reference(torch.tensor([[2.0, 0.0], [0.0, 3.0]])) == pytest.approx(1)  # each dimension has 0 and 1


@pytest.mark.parametrize(
    "mutants, check",
    [(LOSSES, check_byol_loss), (MOMENTA, check_target_momentum), (STDS, check_embedding_std)],
    ids=["byol_loss", "target_momentum", "embedding_std"],
)
def test_every_hint_of_the_checks_is_tested(mutants, check):
    assert len({words for words, _ in mutants.values()}) == len(check.mistakes)
