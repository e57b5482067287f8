"""Slow copies follow exactly."""

import pytest
import torch
from torch import nn

from dummies.trainings import numbers
from ssl_lab.errors import InputError
from ssl_lab.models import average_, ema_, frozen_copy, small_resnet


def test_a_frozen_copy_has_the_same_state_no_gradient_and_a_life_of_its_own():
    online = small_resnet(width=4).train()
    online(torch.rand(4, 3, 32, 32))
    frozen = frozen_copy(online)
    assert all(torch.equal(a, b) for a, b in zip(online.state_dict().values(), frozen.state_dict().values()))
    assert frozen.training and not any(p.requires_grad for p in frozen.parameters()) and all(p.requires_grad for p in online.parameters())
    before = numbers(frozen)
    with torch.no_grad():
        for p in online.parameters():
            p.add_(1)
    online(torch.rand(4, 3, 32, 32))
    assert all(torch.equal(before[name], tensor) for name, tensor in frozen.state_dict().items())


class Scalar(nn.Module):
    """One parameter and one buffer."""

    def __init__(self, value: float):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(value))
        self.register_buffer("seen", torch.tensor(value))


def follow(ema, m: float, key: float = 1.0, online: tuple[float, ...] = (1.0, 2.0, 3.0)) -> list[float]:
    """What a target that starts at `key` becomes while the online network takes these values."""
    target = Scalar(key)
    path = []
    for value in online:
        ema(target, Scalar(value), m)
        path.append(round(target.w.item(), 5))
    return path if target.seen == key else ["a buffer moved"]


@torch.no_grad()
def wrong_way_round(target, online, m):
    target.w.copy_((1 - m) * target.w + m * online.w)


@torch.no_grad()
def over_buffers_too(target, online, m):
    for a, b in zip(target.state_dict().values(), online.state_dict().values()):
        a.lerp_(b, 1 - m)


def copies(target, online, m):
    ema_(target, online, 0.0)


def stands_still(target, online, m):
    ema_(target, online, 1.0)


def test_the_moving_average_by_hand():
    assert follow(ema_, 0.9) == [1.0, 1.1, 1.29]
    assert follow(ema_, 1.0) == [1.0, 1.0, 1.0] and follow(ema_, 0.0) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("mutant", [wrong_way_round, over_buffers_too, copies, stands_still])
def test_every_usual_mistake_of_an_average_is_noticed(mutant):
    assert follow(mutant, 0.9) != [1.0, 1.1, 1.29]


@pytest.mark.parametrize("m", [0.0, 0.5, 0.99, 0.999, 1.0])
def test_every_parameter_of_a_network_follows_the_equation_and_its_statistics_stay(m):
    online, target = small_resnet(width=4), frozen_copy(small_resnet(width=4))
    online(torch.rand(4, 3, 32, 32))
    before = numbers(target)
    ema_(target, online, m)
    for name, p in online.named_parameters():
        new, expected = target.state_dict()[name], m * before[name].double() + (1 - m) * p.detach().double()
        torch.testing.assert_close(new.double(), expected, atol=1e-7, rtol=1e-7)
        assert m not in (0.0, 1.0) or torch.equal(new, p if m == 0.0 else before[name])
    assert all(torch.equal(before[name], tensor) for name, tensor in target.named_buffers())


def test_the_moving_average_lies_where_it_lay_and_leaves_no_gradient():
    online, target = nn.Linear(3, 2), frozen_copy(nn.Linear(3, 2))
    places = [p.data_ptr() for p in target.parameters()]
    ema_(target, online, 0.5)
    assert places == [p.data_ptr() for p in target.parameters()] and target.weight.grad_fn is None and not target.weight.requires_grad
    ema_(nn.Identity(), nn.Identity(), 0.5)
    with torch.device("meta"):
        ema_(nn.Linear(3, 2), nn.Linear(3, 2), 0.5)


@pytest.mark.parametrize("online, m, words", [
    (nn.Linear(2, 2), 1.01, "m=1.01"), (nn.Linear(2, 2), -0.1, "m=-0.1"), (nn.Linear(2, 3), 0.5, "frozen_copy"), (nn.Identity(), 0.5, "frozen_copy"),
])
def test_an_impossible_average_is_refused(online, m, words):
    with pytest.raises(InputError, match=words):
        ema_(nn.Linear(2, 2), online, m)


# ---- with the statistics of batch norm


def averaged(average, m, key: float = 1.0, online: tuple[float, ...] = (1.0, 2.0, 3.0)) -> list[tuple[float, float]]:
    """What parameter and buffer of a target that starts at `key` become while the online network takes these values."""
    target = Scalar(key)
    path = []
    for value in online:
        average(target, Scalar(value), m)
        path.append((round(target.w.item(), 5), round(target.seen.item(), 5)))
    return path


@torch.no_grad()
def buffers_copied(target, online, m):
    ema_(target, online, m)
    target.seen.copy_(online.seen)


@torch.no_grad()
def buffers_only(target, online, m):
    target.seen.lerp_(online.seen, 1 - m)


BY_HAND = [(1.0, 1.0), (1.1, 1.1), (1.29, 1.29)]


@pytest.mark.parametrize("m", [0.9, torch.tensor(0.9), torch.tensor(0.9, dtype=torch.float64)])
def test_an_average_with_statistics_by_hand(m):
    assert averaged(average_, m) == BY_HAND


@pytest.mark.parametrize("mutant", [ema_, buffers_copied, buffers_only, wrong_way_round, copies, stands_still])
def test_every_usual_mistake_of_an_average_with_statistics_is_noticed(mutant):
    assert averaged(mutant, 0.9) != BY_HAND


@pytest.mark.parametrize("m", [0.0, 0.1, 0.999, 1.0])
@pytest.mark.parametrize("kind", [float, torch.tensor])
def test_statistics_follow_the_equation_too_and_counts_are_copied(m, kind):
    online, target = small_resnet(width=4), frozen_copy(small_resnet(width=4))
    online(torch.rand(4, 3, 32, 32))
    before = numbers(target)
    average_(target, online, kind(m))
    for name, now in online.state_dict().items():
        new = target.state_dict()[name]
        if name.endswith("num_batches_tracked"):
            assert new == now == 1
        else:
            torch.testing.assert_close(new.double(), m * before[name].double() + (1 - m) * now.double(), atol=1e-7, rtol=1e-6)
            assert m not in (0.0, 1.0) or torch.equal(new, now if m == 0.0 else before[name])


def test_equal_networks_stay_equal_whatever_the_share():
    online = small_resnet(width=4)
    target = frozen_copy(online)
    for m in (0.1, 0.9999, torch.tensor(0.3)):
        average_(target, online, m)
        assert all(torch.equal(now, online.state_dict()[name]) for name, now in target.state_dict().items())


def test_a_teachers_first_steps_follow_the_student_quickly():
    """min(m, (1 + t) / (10 + t)), Noisy Student's warm-up, as a tensor: nine tenths are new in the first step."""
    t, m = torch.zeros(()), torch.tensor(0.9999)
    target = Scalar(0.0)
    average_(target, Scalar(1.0), torch.minimum(m, (1 + t) / (10 + t)))
    assert target.w.item() == target.seen.item() == pytest.approx(0.9)


def test_no_number_is_waited_for_and_half_precision_and_networks_without_numbers_are_fine():
    with torch.device("meta"):
        average_(nn.BatchNorm1d(3), nn.BatchNorm1d(3), torch.empty(()))
        average_(nn.BatchNorm1d(3), nn.BatchNorm1d(3), 0.5)
    average_(nn.Identity(), nn.Identity(), 0.5)
    average_(nn.Linear(2, 2).bfloat16(), nn.Linear(2, 2).bfloat16(), torch.tensor(0.5))


@pytest.mark.parametrize("online, m, words", [
    (nn.BatchNorm1d(2), 1.01, "m=1.01"), (nn.BatchNorm1d(3), 0.5, "parameters or buffers of different shapes"),
    (nn.BatchNorm1d(2, track_running_stats=False), torch.tensor(0.5), "parameters or buffers of different shapes.*frozen_copy"),
])
def test_an_impossible_average_with_statistics_is_refused(online, m, words):
    with pytest.raises(InputError, match=words):
        average_(nn.BatchNorm1d(2), online, m)
