"""What the factor table promises: 1 for what one linear map can read, 0 for what it cannot, angles without a seam."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score
from torch import nn

from ssl_lab.data import Images
from ssl_lab.errors import InputError
from ssl_lab.evaluate import factor_table, features
from ssl_lab.evaluate.factors import PENALTIES, ridge

N = 400


def uniform(seed, low=0.0, high=1.0):
    return low + (high - low) * torch.rand(N, generator=torch.Generator().manual_seed(seed))


def world(**changes) -> Images:
    """Images whose pixels do not matter here: two numbers, a hue, and a rotation of which every third is undefined."""
    labels = torch.randint(0, 4, (N,), generator=torch.Generator().manual_seed(9))
    period = torch.tensor([0.0, 2 * math.pi, math.pi])[torch.arange(N) % 3]
    factors = {"x": uniform(1), "size": uniform(2), "hue": uniform(3, 0, 2 * math.pi), "rotation": uniform(4) * period}
    given = {"labels": labels, "factors": factors, "periods": {"hue": 2 * math.pi, "rotation": period}} | changes
    return Images(torch.zeros(N, 3, 2, 2, dtype=torch.uint8), **given)


def noise(width=6, seed=0):
    return torch.randn(N, width, generator=torch.Generator().manual_seed(seed))


def mixed(*columns):
    """The columns behind an invertible linear map and an offset, as a network might hide them."""
    h = torch.cat([column.reshape(N, -1).float() for column in columns], dim=1)
    return h @ torch.randn(h.shape[1], h.shape[1], generator=torch.Generator().manual_seed(5)) + 3


def test_the_table_names_the_class_and_every_factor():
    assert list(factor_table(noise(), world())) == ["class", "x", "size", "hue", "rotation"]


def test_what_is_in_h_linearly_is_read_and_the_rest_is_not():
    images = world()
    table = factor_table(mixed(images.factors["x"], noise()), images)
    assert table["x"] > 0.999
    assert max(table[name] for name in ("class", "size", "hue", "rotation")) < 0.02


def test_noise_knows_nothing():
    assert max(factor_table(noise(), world()).values()) < 0.02


def test_a_class_is_read_from_its_one_hot_code():
    images = world()
    assert factor_table(mixed(torch.eye(4)[images.labels], noise()), images)["class"] > 0.99


def test_angles_are_read_from_sine_and_cosine_and_have_no_seam():
    images = world()
    hue = images.factors["hue"]
    assert factor_table(mixed(hue.sin(), hue.cos(), noise()), images)["hue"] > 0.999
    assert factor_table(mixed(hue, noise()), images)["hue"] < 0.7  # the bare angle jumps where the circle closes


def test_half_of_an_angle_is_half_of_it():
    images = world()
    assert factor_table(mixed(images.factors["hue"].cos(), noise()), images)["hue"] == pytest.approx(0.5, abs=0.06)


def test_every_image_turns_by_its_own_period_and_undefined_ones_are_left_out():
    images = world()
    period = images.periods["rotation"]
    turn = 2 * math.pi * images.factors["rotation"] / period.clamp_min(1e-9)
    undefined = (period == 0).float()
    garbage = 100 * undefined[:, None] * noise(2, seed=7)  # would spoil the fit if undefined images took part
    h = torch.stack([turn.sin(), turn.cos()], dim=1) * (1 - undefined)[:, None] + garbage
    assert factor_table(h, images)["rotation"] > 0.999
    plain = images.factors["rotation"]
    assert factor_table(mixed(plain.sin(), plain.cos()), images)["rotation"] < 0.9  # the full circle is the wrong period for every other shape


def test_images_without_a_label_are_left_out_of_the_class_only():
    images = world()
    h = mixed(torch.eye(4)[images.labels], images.factors["x"])
    images.labels[::2] = -1
    table = factor_table(h, images)
    assert table["class"] > 0.99
    assert table["x"] > 0.99
    assert "class" not in factor_table(h, world(labels=torch.full((N,), -1)))


@pytest.mark.parametrize("width", [3, 150, 500])
def test_it_agrees_with_scikit_learn(width):
    """Also where there are more features than images: 200 are fitted."""
    images = world()
    h = torch.cat([noise(width), images.factors["x"][:, None] + 0.3 * noise(1, seed=8)], dim=1)
    order = torch.randperm(N, generator=torch.Generator().manual_seed(0)).numpy()
    train, test = order[: N // 2], order[N // 2 :]
    x = h.double().numpy()
    x = (x - x[train].mean(0)) / x[train].std(0)
    y = images.factors["x"].double().numpy()
    peer = RidgeCV(PENALTIES.numpy() * len(train)).fit(x[train], y[train])
    assert factor_table(h, images)["x"] == pytest.approx(max(0, r2_score(y[test], peer.predict(x[test]))), abs=1e-3)


def test_the_weights_are_ridge_regressions_at_the_best_penalty():
    x, y = noise(5, seed=1)[:80].double(), (noise(2, seed=2) + noise(5, seed=1)[:, :2])[:80].double()
    x, y = x - x.mean(0), y - y.mean(0)
    errors = []
    for penalty in PENALTIES:
        peer, error = Ridge(len(x) * penalty.item()), 0.0
        for i in range(len(x)):
            others = torch.arange(len(x)) != i
            error += np.square(peer.fit(x[others].numpy(), y[others].numpy()).predict(x[i : i + 1].numpy()) - y[i : i + 1].numpy()).sum()
        errors.append(error)
    best = Ridge(len(x) * PENALTIES[int(np.argmin(errors))].item(), fit_intercept=False).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(ridge(x, y).T, best.coef_, atol=1e-9)


def test_scores_stay_between_nothing_and_all():
    images = world()
    table = factor_table(mixed(images.factors["x"], noise(190)), images)
    assert all(0 <= value <= 1 for value in table.values())


def test_scale_and_offset_of_a_feature_do_not_matter():
    images = world()
    h = mixed(images.factors["x"], noise()).double()
    moved = h * torch.logspace(-3, 3, 7) + torch.linspace(-50, 50, 7)
    assert factor_table(moved, images) == pytest.approx(factor_table(h, images), abs=1e-6)


def test_rows_follow_the_index_of_the_images():
    images = world()
    index = torch.randperm(N, generator=torch.Generator().manual_seed(3))
    again = world(index=index)
    assert factor_table(mixed(images.factors["x"], noise())[index], again)["x"] > 0.999


def test_two_runs_give_the_same_numbers():
    assert factor_table(noise(), world()) == factor_table(noise(), world())


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="got 7 rows and 400 images"):
        factor_table(noise()[:7], world())
    with pytest.raises(InputError, match="NaN"):
        factor_table(noise() * math.nan, world())
    with pytest.raises(InputError, match="rotation is known of only 0 images"):
        factor_table(noise(), world(periods={"rotation": 0.0}))


def test_no_evaluation_changes_the_network():
    """Features, then every number of them: the state stays the same to the byte, batch norm included."""
    from ssl_lab.evaluate import alignment, effective_rank, knn_accuracy, linear_probe, uniformity

    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.Flatten())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    images = world()
    images.x.random_(0, 256, generator=torch.Generator().manual_seed(0))
    h = features(net, images)
    knn_accuracy(h, images.labels, h, images.labels)
    linear_probe(h, images.labels, h, images.labels)
    factor_table(h, images)
    (alignment(h, h), uniformity(h), effective_rank(h))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(module.training for module in net.modules())
