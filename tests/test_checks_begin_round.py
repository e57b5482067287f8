"""The check of a round's new classifier: any draw of small numbers passes, and each usual mistake is called by its name."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_lab.checks import check_begin_round
from ssl_lab.models import renew_

SEEDS = range(5)


def weight(classifier):
    nn.init.normal_(classifier.weight, std=0.01)


def bias(classifier):
    nn.init.zeros_(classifier.bias)


def mean_loss(classifier, h, y):
    return F.cross_entropy(classifier(h), y)


def wrong(*draws, loss=mean_loss):
    """A round that begins with these changes of the classifier."""

    def begin_round(classifier, h, y):
        for draw in draws:
            draw(classifier)
        return loss(classifier, h, y)

    return begin_round


def into(W):
    """The weight gets what is made of the old one."""

    def draw(classifier):
        with torch.no_grad():
            classifier.weight.copy_(W(classifier.weight))

    return draw


def new_module(classifier, h, y):
    classifier = nn.Linear(classifier.in_features, classifier.out_features)
    weight(classifier), bias(classifier)
    return mean_loss(classifier, h, y)


def of_a_copy(classifier, h, y):
    classifier = copy.deepcopy(classifier)
    classifier.reset_parameters()
    return mean_loss(classifier, h, y)


def in_the_place_of_tensors(classifier):
    classifier.weight = nn.Parameter(0.01 * torch.randn_like(classifier.weight))
    classifier.bias = nn.Parameter(torch.zeros_like(classifier.bias))


def built_again(classifier):
    classifier.__init__(classifier.in_features, classifier.out_features)


def only(rows):
    return into(lambda W: torch.cat([0.01 * torch.randn_like(W)[:rows], W[rows:]]))


def one_row(classifier):
    into(lambda W: 0.01 * torch.randn_like(W)[:1].expand_as(W))(classifier)


def seeded(classifier):
    torch.manual_seed(0)
    weight(classifier)


def frozen(classifier):
    classifier.requires_grad_(False)
    classifier.weight.normal_(std=0.01)
    classifier.bias.zero_()


def too_late(classifier, h, y):
    loss = mean_loss(classifier, h, y)
    classifier.reset_parameters()
    return loss


ROUND = {
    "nothing": ("kept between rounds", mean_loss),
    "written with what it had": ("kept between rounds", wrong(into(lambda W: W))),
    "another module": ("stays as it is", new_module),
    "a copy": ("stays as it is", of_a_copy),
    "log k": ("stays as it is", lambda classifier, h, y: math.log(classifier.out_features)),
    "other tensors": ("gets new tensors", wrong(in_the_place_of_tensors)),
    "built again": ("gets new tensors", wrong(built_again)),
    "bias alone": ("only the bias is new", wrong(bias)),
    "weight alone": ("only the weight is new", wrong(weight)),
    "a row": ("part of the classifier is kept", wrong(only(1), bias)),
    "all rows but the last": ("part of the classifier is kept", wrong(only(-1), bias)),
    "scaled": ("old weight is still in", wrong(into(lambda W: 0.01 * W), bias)),
    "noise added": ("old weight is still in", wrong(into(lambda W: W + 0.1 * torch.randn_like(W)), bias)),
    "half of it": ("old weight is still in", wrong(into(lambda W: 0.5 * W + 0.5 * torch.randn_like(W)), bias)),
    "0": ("all rows of the weight are equal", wrong(into(torch.zeros_like), bias)),
    "a constant": ("all rows of the weight are equal", wrong(into(lambda W: torch.full_like(W, 0.01)), bias)),
    "a row for all": ("all rows of the weight are equal", wrong(one_row, bias)),
    "a seed inside": ("same in every round", wrong(seeded, bias)),
    "requires_grad": ("takes no gradient any more", wrong(frozen)),
    "N(0, 1)": ("weight is so large", wrong(lambda classifier: nn.init.normal_(classifier.weight), bias)),
    "N(0, 100)": ("weight is so large", wrong(into(lambda W: 10 * torch.randn_like(W)), bias)),
    "loss of the old": ("that of the old classifier", too_late),
    "sum": ("the loss is a sum", wrong(weight, bias, loss=lambda classifier, h, y: F.cross_entropy(classifier(h), y, reduction="sum"))),
    "softmax twice": ("not the loss of the new", wrong(nn.Linear.reset_parameters, loss=lambda f, h, y: F.cross_entropy(f(h).softmax(1), y))),
    "no bias in the loss": ("not the loss of the new", wrong(nn.Linear.reset_parameters, loss=lambda f, h, y: F.cross_entropy(h @ f.weight.T, y))),
    "negative": ("not the loss of the new", wrong(weight, bias, loss=lambda *given: -mean_loss(*given))),
}


@pytest.mark.parametrize("words, mistake", ROUND.values(), ids=ROUND)
def test_each_usual_mistake_with_the_round_gets_its_own_hint(called, words, mistake):
    called(check_begin_round, mistake, words, ROUND, SEEDS)


def under_no_grad(classifier, h, y):
    with torch.no_grad():
        classifier.weight.normal_(0, 0.01)
        classifier.bias.zero_()
    logits = classifier(h)
    return (logits.logsumexp(dim=1) - logits[torch.arange(len(y)), y]).mean()


def through_data(classifier, h, y):
    classifier.weight.data = 0.01 * torch.randn(classifier.weight.shape)
    classifier.bias.data.fill_(0)
    return mean_loss(classifier, h, y).item()


def from_another(classifier, h, y):
    classifier.load_state_dict(nn.Linear(classifier.in_features, classifier.out_features).state_dict())
    return mean_loss(classifier, h, y)


def he(classifier):
    nn.init.kaiming_normal_(classifier.weight)


RIGHT = [wrong(weight, bias), wrong(renew_), wrong(nn.Linear.reset_parameters), wrong(he, bias), under_no_grad, through_data, from_another]


@pytest.mark.parametrize("right", RIGHT)
def test_any_new_draw_of_small_numbers_in_place_passes(passes, right):
    passes(check_begin_round, right)


def test_a_change_in_place_that_torch_refuses_is_shown():
    def refused(classifier, h, y):
        classifier.weight.normal_(0, 0.01)

    assert "it stopped with RuntimeError at `classifier.weight.normal_(0, 0.01)`: a leaf" in check_begin_round(refused).hint


def test_where_all_rows_are_equal_no_gradient_reaches_the_features():
    for classifier, h, y in check_begin_round.inputs(0):
        h.requires_grad_()
        for draw, reached in ((one_row, False), (weight, True)):
            (slope,) = torch.autograd.grad(wrong(draw, bias)(classifier, h, y), h)
            assert bool(slope.abs().max() > 1e-6) == reached


def test_what_has_learned_other_clusters_has_a_loss_far_above_log_k():
    for seed in SEEDS:
        assert all(mean_loss(*case) > math.log(case[0].out_features) + 0.5 for case in check_begin_round.inputs(seed))


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in ROUND.values()}) == len(check_begin_round.mistakes)
