"""What the linear probe promises, against scikit-learn's logistic regression and against counting."""

import math

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from ssl_lab.errors import InputError
from ssl_lab.evaluate import linear_probe
from ssl_lab.evaluate.linear import ROUNDS, ScaledLoss, deviation


@pytest.fixture(scope="module")
def digits():
    """Raw pixels of 1,197 digits to learn from, 600 to be tested on; six of the 64 pixels are always 0 or nearly."""
    x, y = (torch.from_numpy(array) for array in load_digits(return_X_y=True))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, y = x[order].float(), y[order].long()
    return x[600:], y[600:], x[:600], y[:600]


def clouds(N, C=10, d=16, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = torch.cat([torch.arange(C), torch.randint(0, C, (N - C,), generator=g)])
    return 3 * torch.randn(C, d, generator=torch.Generator().manual_seed(99))[y] + torch.randn(N, d, generator=g), y


@pytest.mark.parametrize("l2", [0.1, 1.0, 100.0])
def test_the_minimum_is_scikit_learns(digits, l2):
    h, y, ht, yt = digits
    probe = linear_probe(h, y, ht, yt, l2=l2)
    mean, scale = h.double().mean(0), deviation(h.double())
    x = ((h - mean) / scale).numpy()
    peer = LogisticRegression(C=1 / l2, max_iter=10_000, tol=1e-8).fit(x, y.numpy())
    likelihood = torch.from_numpy(peer.predict_log_proba(x))[torch.arange(len(y)), y].sum().item()
    assert probe.loss == pytest.approx((-likelihood + l2 / 2 * (peer.coef_**2).sum()) / len(y), abs=1e-4)
    assert probe.accuracy == pytest.approx(peer.score(((ht - mean) / scale).numpy(), yt.numpy()), abs=0.005)


def test_raw_digits_are_read_as_well_as_by_scikit_learn_on_raw_pixels(digits):
    h, y, ht, yt = digits
    peer = LogisticRegression(max_iter=10_000).fit(h.numpy(), y.numpy())
    assert linear_probe(h, y, ht, yt).accuracy == pytest.approx(peer.score(ht.numpy(), yt.numpy()), abs=0.02)


@pytest.mark.parametrize("N", [10, 40, 2000])
def test_it_learns_from_one_label_a_class_and_from_thousands(N):
    h, y = clouds(N)
    ht, yt = clouds(500, seed=1)
    assert linear_probe(h, y, ht, yt).accuracy > 0.98


def test_two_runs_give_the_same_bits(digits):
    one, two = linear_probe(*digits), linear_probe(*digits)
    assert torch.equal(one.weight, two.weight)
    assert one.accuracy == two.accuracy


def test_accuracy_and_top5_count_the_logits_of_raw_features(digits):
    h, y, ht, yt = digits
    probe = linear_probe(h, y, ht, yt, l2=1000.0)
    ranked = probe(ht).argsort(dim=1, descending=True)
    assert probe.accuracy == pytest.approx(sum(int(row[0] == label) for row, label in zip(ranked, yt)) / len(yt), abs=1e-12)
    assert probe.top5 == pytest.approx(sum(int(label in row[:5]) for row, label in zip(ranked, yt)) / len(yt), abs=1e-12)
    assert probe.accuracy < probe.top5 < 1


def test_with_few_classes_top5_is_all_of_them():
    h, y = clouds(60, C=3)
    assert linear_probe(h, y, h, y).top5 == 1.0


def test_scale_and_offset_of_a_feature_do_not_matter(digits):
    h, y, ht, yt = digits
    scale, offset = torch.logspace(-2, 2, 64), torch.linspace(-50, 50, 64)
    probe = linear_probe(h.double() * scale + offset, y, ht.double() * scale + offset, yt)
    assert probe.loss == pytest.approx(linear_probe(h, y, ht, yt).loss, abs=1e-6)


def test_a_feature_that_never_changes_changes_nothing():
    h, y = clouds(100)
    constant = torch.full((100, 1), 0.1)
    assert linear_probe(torch.cat([h, constant], 1), y, torch.cat([h, constant], 1), y).loss == pytest.approx(linear_probe(h, y, h, y).loss, abs=1e-9)


def mixed(N=2000, seed=0):
    """Clouds that overlap, and whose features are mixtures of each other: the curvature differs by a factor of 10⁶ between directions."""
    h, y = clouds(N, seed=seed)
    g = torch.Generator().manual_seed(5)
    rotation = torch.linalg.qr(torch.randn(16, 16, generator=g))[0]
    return (h + 3 * torch.randn(h.shape, generator=g)) @ (rotation * torch.logspace(0, -3, 16)) @ rotation.T, y


def derivative(probe, h, y, l2=1.0):
    """Of the loss that `linear_probe` minimises, by autograd: in the weights for scaled features, and in the biases."""
    mean, scale = h.double().mean(0), deviation(h.double())
    weight, bias = (probe.weight * scale).requires_grad_(), (probe.bias + probe.weight @ mean).requires_grad_()
    logits = torch.nn.functional.linear((h.double() - mean) / scale, weight, bias)
    loss = (torch.nn.functional.cross_entropy(logits, y, reduction="sum") + l2 / 2 * weight.square().sum()) / len(y)
    assert probe.loss == pytest.approx(loss.item(), abs=1e-9)
    return torch.autograd.grad(loss, (weight, bias))


@pytest.mark.parametrize("l2", [1e-3, 1.0])
@pytest.mark.parametrize("rows", [mixed, lambda: clouds(300), lambda: clouds(12)], ids=["mixed", "apart", "few"])
def test_it_ends_at_the_minimum_however_features_are_mixed(rows, l2):
    h, y = rows()
    for slope in derivative(linear_probe(h, y, h, y, l2=l2), h, y, l2):
        assert slope.abs().max() < 3e-5


def test_the_loss_is_scaled_by_its_curvature():
    """At the place for which it was scaled, the second derivative in the weights of one class is 1 in the mean over the classes."""
    h, y = mixed(300)
    x, target = torch.nn.functional.pad(h.double(), (0, 1), value=1.0), torch.nn.functional.one_hot(y, 10).T.double()
    theta = 0.1 * torch.randn(10, 17, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    loss = ScaledLoss(x, target, torch.ones(17, dtype=torch.double), theta)
    torch.testing.assert_close(loss.theta(), theta)

    def value(u):
        theta = u @ torch.linalg.inv(loss.root)
        return (-((theta @ x.T).log_softmax(0) * target).sum() + theta.square().sum() / 2) / 300

    assert loss().item() == pytest.approx(value(loss.u).item(), abs=1e-12)
    torch.testing.assert_close(loss.u.grad, torch.autograd.functional.jacobian(value, loss.u))
    second = torch.autograd.functional.hessian(value, loss.u)
    torch.testing.assert_close(torch.stack([second[c, :, c] for c in range(10)]).mean(0), torch.eye(17, dtype=torch.double), atol=1e-6, rtol=0)


def test_few_passes_over_the_rows_are_needed(monkeypatch):
    """107; L-BFGS on weights that are not scaled is still 0.0005 above the minimum after 536."""
    passes, call = [], ScaledLoss.__call__
    monkeypatch.setattr(ScaledLoss, "__call__", lambda loss: passes.append(loss) or call(loss))
    h, y = mixed()
    linear_probe(h, y, h, y, l2=1e-3)
    assert len(passes) < 150
    assert len({id(loss) for loss in passes}) < ROUNDS


def test_the_loss_is_that_of_the_weights_where_the_rounds_end_before_the_minimum(monkeypatch):
    monkeypatch.setattr("ssl_lab.evaluate.linear.ROUNDS", 1)
    h, y = clouds(300)
    probe = linear_probe(h, y, h, y, l2=1e-3)
    slopes = derivative(probe, h, y, l2=1e-3)  # it compares the losses
    assert max(slope.abs().max() for slope in slopes) > 1e-7


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_copies_of_a_feature_and_classes_without_rows_are_no_obstacle(l2):
    h, y = clouds(40, C=3)
    twice = torch.cat([h, h, torch.ones(40, 1)], 1)
    assert linear_probe(twice, y + 4, twice, y + 4, l2=l2).accuracy == 1.0
    assert linear_probe(twice, 0 * y, twice, 0 * y, l2=l2).accuracy == 1.0


def test_a_heavy_penalty_leaves_the_shares_of_the_classes():
    y = torch.tensor([0] * 30 + [1] * 10)
    h = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    probe = linear_probe(h, y, h, y, l2=1e9)
    assert probe.accuracy == 0.75
    assert probe.loss == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)), abs=1e-4)


def test_a_class_that_only_the_test_knows_counts_as_a_miss():
    h, y = clouds(60, C=3)
    assert linear_probe(h, y, h[:4], torch.tensor([7, 7, 7, 7])).accuracy == 0.0


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_it_works_where_gradients_are_off(off):
    h, y = clouds(60, C=3)
    with off():
        assert linear_probe(h, y, h, y).accuracy == 1.0


def test_features_that_have_a_gradient_are_taken_as_numbers():
    h, y = clouds(60, C=3)
    probe = linear_probe(h.clone().requires_grad_(), y, h, y)
    assert not probe.weight.requires_grad
    assert torch.equal(probe.weight, linear_probe(h, y, h, y).weight)


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda h, y: (h, y - 1, h, y), "training rows have no label"),
        (lambda h, y: (h / 0, y, h, y), "training features hold NaN"),
        (lambda h, y: (h, y, h[:0], y[:0]), "every test row needs its label: got 0"),
    ],
)
def test_what_has_no_answer_is_refused(change, complaint):
    with pytest.raises(InputError, match=complaint):
        linear_probe(*change(*clouds(40)))


def test_a_negative_penalty_is_refused():
    with pytest.raises(InputError, match="l2=-1"):
        linear_probe(*clouds(40), *clouds(40), l2=-1.0)
