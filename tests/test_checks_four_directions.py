"""The check of the four directions: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, with grids that are turned entry by entry and with a loss that is written here, too.
"""

import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_lab import losses
from ssl_lab.checks import check_four_directions
from ssl_lab.methods import CPC
from ssl_lab.methods.cpc import SCALE

SEEDS = range(3)


def step(prediction, target, k):
    """CPC's loss of one step."""
    p, t = prediction[:, :, :-k].movedim(1, 3).flatten(0, 2), target.movedim(1, 3).flatten(0, 2)
    return F.cross_entropy(p @ t.T, torch.arange(len(t)).view(target[:, 0].shape)[:, k:].flatten())


def turn_once(x):
    """What is at the right comes to the top: the new row r is the old column G - 1 - r."""
    return torch.stack([x[:, :, :, c] for c in reversed(range(x.shape[3]))], dim=2)


def turn(x, times):
    for _ in range(times % 4):
        x = turn_once(x)
    return x


def one_by_one(
    z,
    target,
    context,
    W,
    *,
    turns=(0, 1, 2, 3),
    of_z=turn,
    of_target=turn,
    predict=lambda z, times, moved, context, W_k: W_k(context(moved(z, times))),
    of_W=lambda times, k, ks: (times, k),
    at=lambda k, ks: k,
    loss=step,
    steps=lambda ks: ks,
    after=lambda terms, n: sum(terms) / len(terms),
):
    """The mean over turns and steps, one loss after the other; every option is one way to get it wrong."""
    terms = []
    for times in turns:
        ks = list(W[times])
        for k in steps(ks):
            own, own_k = of_W(times, k, ks)
            terms.append(loss(predict(z, times, of_z, context, W[own][own_k]), of_target(target, times), at(k, ks)))
    return after(terms, len(W[0]))


def wrong(**options):
    return functools.partial(one_by_one, **options)


def still(x, times):
    return x


def back(x, times):
    return turn(x, -times)


def both(move):
    return wrong(of_z=move, of_target=move)


def upside_down(x):
    return torch.stack([x[:, :, r] for r in reversed(range(x.shape[2]))], dim=2)


def left_right(x):
    return upside_down(x.mT).mT


def transposes(x, times):
    return [x, x.mT, upside_down(x), upside_down(x.mT)][times]


def flips(x, times):
    return [x, upside_down(x), left_right(x), upside_down(left_right(x))][times]


def only_half_a_flip(x, times):
    return upside_down(x) if times == 2 else turn(x, times)


def again_and_again(z, target, context, W):
    terms = []
    for times in range(4):
        z, target = turn(z, times), turn(target, times)
        terms += [step(W_k(context(z)), target, k) for k, W_k in W[times].items()]
    return torch.stack(terms).mean()


def after_the_context(z, times, moved, context, W_k):
    return W_k(moved(context(z), times))


def turned_back(z, times, moved, context, W_k):
    return turn(W_k(context(moved(z, times))), -times)


def without_context(z, times, moved, context, W_k):
    return W_k(moved(z, times))


def all_axes(x, times):
    return x.rot90(times)


def by_positions(z, target, context, W):
    """All predictions count the same."""
    G, total, n = z.shape[2], 0, 0
    for times in range(4):
        for k, W_k in W[times].items():
            total, n = total + (G - k) * step(W_k(context(turn(z, times))), turn(target, times), k), n + G - k
    return total / n


FOUR = {
    "targets as they are": ("the targets are not turned", wrong(of_target=still)),
    "z as it is": ("z is not turned", wrong(of_z=still)),
    "both as they are": ("neither z nor target is turned", both(still)),
    "targets back": ("turned in opposite ways", wrong(of_target=back)),
    "z back": ("turned in opposite ways", wrong(of_z=back)),
    "clockwise": ("the grid is turned the other way", both(back)),
    "dims (3, 2)": ("the grid is turned the other way", both(lambda x, times: x.rot90(times, (3, 2)))),
    "from turn 1 on": ("W and the grid do not belong together", both(lambda x, times: turn(x, times + 1))),
    "W backwards": ("W and the grid do not belong together", wrong(of_W=lambda times, k, ks: (3 - times, k))),
    "turned again": ("turned again and again", again_and_again),
    "one turn": ("turned again and again", both(lambda x, times: turn(x, 1))),
    "turned by 180°": ("turned again and again", both(lambda x, times: turn(x, 2 * times))),
    "context first": ("context is computed once and turned afterwards", wrong(predict=after_the_context)),
    "turned back": ("predictions are not turned, or turned back", wrong(predict=turned_back, of_target=still)),
    "only predictions turned back": ("predictions are not turned, or turned back", wrong(predict=turned_back)),
    "transposes": ("flipped or transposed", both(transposes)),
    "flips": ("flipped or transposed", both(flips)),
    "one flip": ("flipped or transposed", both(only_half_a_flip)),
    "only a transpose": ("flipped or transposed", both(lambda x, times: x.mT if times % 2 else x)),
    "no dims": ("other axes are turned", both(all_axes)),
    "dims (1, 2)": ("other axes are turned", both(lambda x, times: x.rot90(times, (1, 2)))),
    "first W_k": ("one W is used for all steps", wrong(of_W=lambda times, k, ks: (times, ks[0]))),
    "last W_k": ("one W is used for all steps", wrong(of_W=lambda times, k, ks: (times, ks[-1]))),
    "W_k backwards": ("W and k do not belong together", wrong(of_W=lambda times, k, ks: (times, ks[-1 - ks.index(k)]))),
    "W[0]": ("one W is used for all directions", wrong(of_W=lambda times, k, ks: (0, k))),
    "W[-1]": ("one W is used for all directions", wrong(of_W=lambda times, k, ks: (3, k))),
    "one W at all": ("one W is used for all directions", wrong(of_W=lambda times, k, ks: (0, ks[0]))),
    "k = 1": ("the step is a fixed number", wrong(at=lambda k, ks: 1)),
    "k = the first": ("the step is a fixed number", wrong(at=lambda k, ks: ks[0])),
    "enumerate": ("the steps are counted, or off by one", wrong(at=lambda k, ks: ks.index(k) + 1)),
    "down only": ("some directions are left out", wrong(turns=[0])),
    "return after a turn": ("some directions are left out", wrong(turns=[3])),
    "up and down": ("some directions are left out", wrong(turns=[0, 2])),
    "range(1, 4)": ("some directions are left out", wrong(turns=[1, 2, 3])),
    "return in the loop": ("some steps are left out", wrong(after=lambda terms, n: terms[0])),
    "= for +=": ("some steps are left out", wrong(after=lambda terms, n: terms[-1] / (4 * n))),
    "first step": ("some steps are left out", wrong(steps=lambda ks: ks[:1])),
    "last step": ("some steps are left out", wrong(steps=lambda ks: ks[-1:])),
    "sum": ("the result is a sum", wrong(after=lambda terms, n: sum(terms))),
    "sum over directions": ("the result is a sum", wrong(after=lambda terms, n: sum(terms) / n)),
    "sum over steps": ("the result is a sum", wrong(after=lambda terms, n: sum(terms) / 4)),
    "divided by 4 again": ("divided once more", wrong(after=lambda terms, n: sum(terms) / (4 * n) / 4)),
    "by positions": ("larger steps count less", by_positions),
    "no context": ("the context is left out", wrong(predict=without_context)),
    "z for target": ("z is the target", lambda z, target, context, W: one_by_one(z, z, context, W)),
    "swapped": ("prediction and target are swapped", wrong(loss=lambda prediction, target, k: step(target, prediction, k))),
    "sign": ("a minus sign is too much", wrong(after=lambda terms, n: -sum(terms) / len(terms))),
    "//": ("cut off", wrong(after=lambda terms, n: sum(terms) // len(terms))),
}


@pytest.mark.parametrize("words, mistake", FOUR.values(), ids=FOUR)
def test_each_usual_mistake_with_the_directions_gets_its_own_hint_on_any_input(called, words, mistake):
    called(check_four_directions, mistake, words, FOUR, SEEDS)


def by_comprehension(z, target, context, W):
    terms = [
        losses.cpc_nce(W_k(context(z.rot90(i, (2, 3)))), target.rot90(i, (2, 3)), k) for i, some in enumerate(W) for k, W_k in some.items()
    ]
    return torch.stack(terms).mean()


def turned_along(z, target, context, W):
    """The grid is turned once more for each direction; a context for each step."""
    total, n = 0, 0
    for directions in W:
        for k in directions:
            total, n = total + losses.cpc_nce(directions[k](context(z)), target, k), n + 1
        z, target = (x.transpose(2, 3).flip(2) for x in (z, target))
    return total / n


def mean_of_means(z, target, context, W):
    def direction(times):
        c, t = context(torch.rot90(z, times - 4, dims=(-2, -1))), torch.rot90(target, times, dims=(-2, -1))
        return sum(step(W[times][k](c), t, k) for k in W[times]) / len(W[times])

    return (direction(0) + direction(1) + direction(2) + direction(3)) / 4


class Given(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def by_the_method(z, target, context, W):
    """What CPC itself does, where its latents, targets, context and predictors are these."""
    ks = list(W[0])
    network = nn.Linear(1, 1)
    network.dim = 1
    method = CPC(network, steps=ks[-1], skip=ks[0] - 1)
    method.encoder.latents = lambda grid: z
    method.target, method.context = Given(lambda z: target), Given(context)
    method.W = nn.ModuleList(nn.ModuleList(Given(lambda c, W_k=W_k: W_k(c) / SCALE) for W_k in some.values()) for some in W)
    return method(z)


@pytest.mark.parametrize("right", [one_by_one, by_comprehension, turned_along, mean_of_means, by_the_method])
def test_right_directions_pass_in_any_style(passes, right):
    passes(check_four_directions, right, range(6))


def test_a_function_gets_what_can_be_called_and_shows_its_name():
    z, target, context, W = check_four_directions.prepare(*list(check_four_directions.inputs(0))[2])
    assert [list(some) for some in W] == [[2, 3]] * 4
    assert repr(W[1][2]).startswith("W[1][2]: ") and repr(context).startswith("context: ")
    assert W[1][2](context(z)).shape == target.shape


def test_the_context_that_is_given_sees_nothing_below():
    z, _, context, _ = check_four_directions.prepare(*next(iter(check_four_directions.inputs(0))))
    other = z.clone()
    other[:, :, 2:] += 1
    assert torch.equal(context(z)[:, :, :2], context(other)[:, :, :2]) and not torch.equal(context(z), context(other))


@pytest.mark.parametrize("mistake", [
    lambda z, target, context, W: by_comprehension(z.detach(), target, context, W),
    lambda z, target, context, W: by_comprehension(z, target.detach(), context, W),
    lambda z, target, context, W: by_comprehension(z, target, lambda x: context(x).detach(), W),
])  # fmt: skip
def test_latents_targets_and_networks_must_learn(mistake):
    assert "its gradient is not: something is detached" in check_four_directions(mistake).hint


def test_an_input_is_described_by_z_and_target():
    hint = check_four_directions(lambda *given: by_comprehension(*given) + 0.5).hint
    assert "for inputs of shape (2, 3, 4, 4) and (2, 2, 4, 4) it gives " in hint


@pytest.mark.parametrize("words, mistake", [
    ("shape (8,); one number is needed, the mean over directions and steps", wrong(after=lambda terms, n: torch.stack(terms))),
    ("it returns a list; a tensor", wrong(after=lambda terms, n: terms)),
    ("it returns None", lambda *given: None),
    ("it stopped with KeyError at ", lambda z, target, context, W: W[0][7]),
    ("it stopped with TypeError at ", lambda z, target, context, W: W(z)),
])  # fmt: skip
def test_what_is_no_loss_is_told_apart(words, mistake):
    assert words in check_four_directions(mistake).hint


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in FOUR.values()}) == len(check_four_directions.mistakes)
