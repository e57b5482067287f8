"""The check of BYOL's loss in both directions: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, image by image, in code that shares nothing with what the check compares with.
"""

import functools

import pytest
import torch
import torch.nn.functional as F

from ssl_lab.checks import check_byol_loss


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
    x1,
    x2,
    *networks,
    p=predicted,
    t=aimed,
    stops=(cut, cut),
    learns=linked,
    ways=BOTH,
    signs=(1, 1),
    pair=of_directions,
    over=lambda B, d: B,
    scale=1,
):
    """BYOL's loss one image at a time; every option is one way to get it wrong.   ways: the view predicted from, and the one predicted."""
    views, total = (x1, x2), 0
    for (a, b), stop, sign in zip(ways, stops, signs):
        for i in range(len(x1)):
            total = total + sign * pair(learns(p(views[a][i : i + 1], *networks)[0]), stop(t(views[b][i : i + 1], *networks)[0]))
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
    "same view": ("get the same view", {"ways": [(0, 0), (1, 1)]}),
    "target of the second view twice": ("the same prediction or the same target", {"ways": [(0, 1), (1, 1)]}),
    "target of the first view twice": ("the same prediction or the same target", {"ways": [(0, 0), (1, 0)]}),
    "prediction of the first view twice": ("the same prediction or the same target", {"ways": [(0, 1), (0, 0)]}),
    "prediction of the second view twice": ("the same prediction or the same target", {"ways": [(1, 1), (1, 0)]}),
    "second subtracted": ("are subtracted", {"signs": (1, -1)}),
    "first subtracted": ("are subtracted", {"signs": (-1, 1)}),
    "doubled": ("is doubled", {"scale": 2}),
    "online for target": ("its own target", {"t": projected}),
    "prediction for target": ("its own target", {"t": predicted}),
    "mean of both": ("half of the loss", {"scale": 0.5}),
    "1 - cosine": ("half of the loss", {"pair": lambda u, v: 1 - u @ v / (u.norm() * v.norm())}),
    "minus cosine": ("a 2 is missing", {"pair": lambda u, v: -u @ v / (u.norm() * v.norm())}),
    "minus cosine, mean of both": ("a 2 is missing", {"pair": lambda u, v: -u @ v / (u.norm() * v.norm()), "scale": 0.5}),
    "minus 2 cosines": ("a 2 is missing", {"pair": lambda u, v: -2 * u @ v / (u.norm() * v.norm())}),
    "all four": ("all four pairs", {"ways": [(0, 1), (1, 0), (0, 0), (1, 1)], "stops": [cut] * 4, "signs": [1] * 4}),
    "mse_loss of directions": ("over the features, too", {"over": lambda B, d: B * d}),
    "mse_loss of directions, mean of both": ("over the features, too", {"over": lambda B, d: 2 * B * d}),
    "raw": ("vectors of any length", {"pair": as_it_is}),
    "raw, by mse_loss": ("vectors of any length", {"pair": as_it_is, "over": lambda B, d: B * d}),
    "raw, summed": ("vectors of any length", {"pair": as_it_is, "over": lambda B, d: 1}),
    "raw, by mse_loss, mean of both": ("vectors of any length", {"pair": as_it_is, "over": lambda B, d: 2 * B * d}),
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


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in LOSSES.values()}) == len(check_byol_loss.mistakes)
