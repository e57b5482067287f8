"""What Gaussians of known information promise: the density ratio term by term, and a bound that is below the truth, tight, and under its ceiling."""

import math
from dataclasses import replace

import pytest
import torch

from ssl_lab import gaussians
from ssl_lab.errors import InputError
from ssl_lab.gaussians import anchor_losses, blurred, contrast, cosine_critic, draw, information, optimal_critic, rho_for, scaled_critic

KS = (1, 7, 127, 1023)
CRITICS = {"cold": scaled_critic(3.0), "warm": scaled_critic(1 / 3), "cosine": cosine_critic}


def pairs(n, rho, dim, seed=0):
    return draw(n, rho, dim, torch.Generator().manual_seed(seed))


def log_density(value, mean=0.0, variance=1.0):
    """Of one normal number."""
    return -0.5 * math.log(2 * math.pi * variance) - (value - mean) ** 2 / (2 * variance)


# ---- the truth


@pytest.mark.parametrize("rho, dim, nats", [(0.0, 5, 0.0), (0.6, 1, -math.log(0.8)), (-0.6, 3, -3 * math.log(0.8)), (0.99, 2, -math.log(1 - 0.9801))])
def test_information_by_hand(rho, dim, nats):
    assert information(rho, dim) == pytest.approx(nats, abs=1e-12)


@pytest.mark.parametrize("rho, dim", [(0.3, 1), (-0.8, 2), (0.95, 3)])
def test_information_is_that_of_the_determinants(rho, dim):
    """I = ½ log(det Σx det Σy / det Σ), Σ being the covariance of (x, y)."""
    both = torch.eye(2 * dim, dtype=torch.float64)
    both[:dim, dim:] = both[dim:, :dim] = rho * torch.eye(dim, dtype=torch.float64)
    assert information(rho, dim) == pytest.approx(-0.5 * torch.logdet(both).item(), abs=1e-12)


@pytest.mark.parametrize("dim", [1, 4, 64])
@pytest.mark.parametrize("nats", [0.0, 1e-9, 0.5, 3.0, 7.0])
def test_rho_for_is_the_inverse(nats, dim):
    assert information(rho_for(nats, dim), dim) == pytest.approx(nats, rel=1e-8)


@pytest.mark.parametrize("rho, dim", [(0.0, 3), (0.5, 1), (-0.9, 2)])
def test_drawn_pairs_have_the_promised_moments(rho, dim):
    x, y = pairs(40_000, rho, dim)
    assert x.dtype == y.dtype == torch.float64 and x.shape == y.shape == (40_000, dim)
    moments = torch.cov(torch.cat([x, y], dim=1).T)
    assert (moments[:dim, dim:] - rho * torch.eye(dim)).abs().max() < 0.03  # five standard errors are 0.025 to 0.035
    assert (moments[:dim, :dim] - torch.eye(dim)).abs().max() < 0.04 and (moments[dim:, dim:] - torch.eye(dim)).abs().max() < 0.04


def test_the_optimal_critic_is_the_log_of_the_density_ratio_of_all_pairs():
    rho, (x, y) = -0.7, pairs(5, -0.7, 3)
    for i, row in enumerate(optimal_critic(gaussians.pairs(x, y), rho)):
        for j, score in enumerate(row):
            ratio = sum(log_density(b, rho * a, 1 - rho**2) - log_density(b) for a, b in zip(x[i].tolist(), y[j].tolist()))
            assert score.item() == pytest.approx(ratio, abs=1e-12)


def test_the_mean_score_of_partners_is_the_information():
    x, y = pairs(20_000, 0.8, 2)
    scores = optimal_critic(gaussians.pairs(x[:, None], y[:, None]), 0.8).flatten()
    assert abs(scores.mean() - information(0.8, 2)) < 4 * scores.std() / math.sqrt(20_000)


def test_cosine_and_scaled_scores_by_hand():
    x, y = pairs(4, 0.5, 3)
    for i in range(4):
        for j in range(4):
            cosine = (x[i] @ y[j] / (x[i].norm() * y[j].norm())).item()
            assert cosine_critic(gaussians.pairs(x, y), 0.5, tau=0.5)[i, j].item() == pytest.approx(2 * cosine, abs=1e-12)
    assert torch.equal(scaled_critic(3.0)(gaussians.pairs(x, y), 0.5), 3 * optimal_critic(gaussians.pairs(x, y), 0.5))


# ---- the loss


def by_hand(x, y, others, rho):
    """One exponential after another."""
    def score(a, b):
        return math.exp(optimal_critic(gaussians.pairs(a[None], b[None]), rho).item())

    def loss(a, b, group):
        return -math.log(score(a, b) / (score(a, b) + sum(score(a, other) for other in group)))

    return [[loss(a, b, group) for a, b in zip(*two)] for *two, group in zip(x, y, others)]


def test_the_loss_of_every_anchor_is_minus_log_of_the_share_of_its_partner():
    (x, y), (others, _) = (pairs(6, 0.6, 2, seed) for seed in (0, 1))
    x, y, others = (part.view(2, 3, 2) for part in (x, y, others))
    found, wanted = anchor_losses(x, y, [gaussians.pairs(x, others)], 0.6), by_hand(x, y, others, 0.6)
    assert torch.allclose(found, torch.tensor(wanted, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("k", [1, 127, 4095])
def test_where_nothing_is_shared_the_loss_is_log_k_plus_one(k):
    found = contrast(k, 0.0, 3, n=64, share=8)
    assert found.loss == pytest.approx(math.log(k + 1), abs=1e-12) and found.error < 1e-12
    assert found.tight == pytest.approx(0, abs=1e-12)
    assert found.bound == pytest.approx(-math.log(1 + 1 / k), abs=1e-12)


def test_where_nothing_is_shared_the_values_are_those_of_the_text():
    assert [round(contrast(k, 0.0, 2, n=4).bound, 5) for k in (1, 127)] == [-0.69315, -0.00784]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("nats, dim", [(0.1, 2), (1.0, 1), (1.0, 16), (3.0, 4), (8.0, 8)])
def test_the_bound_is_not_above_the_truth(nats, dim, k, seed):
    found = contrast(k, rho_for(nats, dim), dim, n=256, seed=seed, share=1 if k < 100 else 8)
    assert found.bound < found.tight <= found.ceiling
    assert found.tight < nats + 3 * found.error


@pytest.mark.parametrize("dim", [1, 2, 8])
@pytest.mark.parametrize("nats", [0.5, 1.0, 2.0, 3.0])
def test_with_2047_negatives_up_to_three_nats_are_seen_but_for_a_few_hundredths(nats, dim):
    found = contrast(2047, rho_for(nats, dim), dim, n=2048, seed=1, share=32)
    assert nats - 0.15 < found.bound < nats + 3 * found.error


@pytest.mark.parametrize("k", KS)
def test_much_information_is_seen_up_to_the_ceiling_and_no_further(k):
    found = [contrast(k, rho_for(nats, 4), 4, n=256, share=8).tight for nats in (5.0, 10.0, 20.0, 40.0)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(math.log(k + 1), abs=1e-3)
    assert max(found) <= math.log(k + 1)


def test_more_negatives_show_more():
    found = [contrast(k, rho_for(3.0, 8), 8, n=1024, share=8).tight for k in (1, 3, 15, 63, 255, 1023)]
    assert found == sorted(found)


@pytest.mark.parametrize("nats", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("name", CRITICS)
@pytest.mark.parametrize("k", [7, 127])
def test_a_worse_critic_shows_less(name, nats, k):
    """On the same draws; where nothing is shared every score of the optimal critic is 0, and so is that of a scaled one."""
    best, worse = (contrast(k, rho_for(nats, 8), 8, n=1024, critic=critic) for critic in (optimal_critic, CRITICS[name]))
    assert worse.bound <= best.bound
    assert worse.bound < best.bound - 0.02 or (nats == 0 and name != "cosine")


def test_a_critic_that_adds_what_depends_on_the_anchor_alone_is_optimal_too():
    lifted = contrast(31, 0.7, 3, n=64, critic=lambda seen, rho: optimal_critic(seen, rho) + 5 * seen.left)
    assert lifted.loss == pytest.approx(contrast(31, 0.7, 3, n=64).loss, abs=1e-12)


# ---- usual mistakes: what each says where the truth is known


def mistaken(k, nats, loss, n=4096):
    """What a mistake makes of the scores of the positives (g, s) and of the negatives (g, s, k), in nats and in standard errors."""
    rho, dim = rho_for(nats, 4), 4
    x, y = (part.view(-1, 4, dim) for part in pairs(n, rho, dim))
    others = torch.randn(len(x), k, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    own, rest = optimal_critic(gaussians.pairs(x[:, :, None], y[:, :, None]), rho)[..., 0, 0], optimal_critic(gaussians.pairs(x, others), rho)
    return gaussians.measured(k, loss(own, rest))


def right(own, rest):
    return torch.cat([own[..., None], rest], dim=-1).logsumexp(-1) - own


def no_positive(own, rest):
    return rest.logsumexp(-1) - own


def positive_twice(own, rest):
    return torch.cat([own[..., None], own[..., None], rest], dim=-1).logsumexp(-1) - own


def test_without_a_mistake_the_loss_is_that_of_contrast():
    one, other = contrast(7, rho_for(1.0, 4), 4, n=4096), mistaken(7, 1.0, right)
    assert abs(one.loss - other.loss) < 4 * math.hypot(one.error, other.error)


@pytest.mark.parametrize("k", [1, 7, 31])
@pytest.mark.parametrize("nats", [2.0, 4.0])
def test_without_the_positive_in_the_denominator_the_bound_is_above_the_truth(k, nats):
    """log k - L is then I - log(mean of exp of k scores) on average, and the mean of a log is below the log of the mean, which is 0."""
    found = mistaken(k, nats, no_positive)
    assert found.bound > nats + 5 * found.error


def test_without_the_positive_in_the_denominator_two_candidates_show_more_than_their_ceiling():
    assert mistaken(1, 2.0, no_positive).bound > 2.0 > math.log(2)


@pytest.mark.parametrize("k", [1, 7])
def test_a_positive_that_is_among_the_negatives_too_makes_the_loss_higher(k):
    assert mistaken(k, 0.0, positive_twice).loss == pytest.approx(math.log(k + 2), abs=1e-12)
    assert mistaken(k, 20.0, positive_twice).loss == pytest.approx(math.log(2), abs=1e-2)  # never below log 2
    assert mistaken(k, 20.0, right).loss < 0.1


@pytest.mark.parametrize("k", [1, 7, 127])
def test_one_candidate_too_many_and_base_two_are_above_the_truth_where_nothing_is_shared(k):
    loss = contrast(k, 0.0, 2, n=4).loss
    assert math.log(k + 2) - loss > 1e-3  # k + 1 taken for k in log(k + 1) - L
    assert math.log2(k + 1) - loss > 0.3
    assert replace(contrast(k, 0.0, 2, n=4), k=k + 1).tight > 1e-3


# ---- what an encoder does


@pytest.mark.parametrize("kept", [1, 3, 8])
@pytest.mark.parametrize("k", [15, 511])
def test_an_encoder_that_keeps_some_coordinates_is_bounded_by_what_it_keeps(kept, k):
    rho = rho_for(4.0, 8)
    (x, y), others = pairs(1024, rho, 8), torch.randn(128, k, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z1, z2, z = x.view(128, 8, 8)[..., :kept], y.view(128, 8, 8)[..., :kept], others[..., :kept]
    found, left = gaussians.measured(k, anchor_losses(z1, z2, [gaussians.pairs(z1, z)], rho)), information(rho, kept)
    assert left == pytest.approx(4.0 * kept / 8)
    assert found.bound < found.tight < left + 3 * found.error
    assert left <= information(rho, 8) + 1e-12


@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0])
def test_noise_takes_information_away_and_the_bound_follows(noise):
    """z = v + noise has covariance 1 + noise² and 2-by-2 determinants; the critic sees z at unit variance."""
    rho, dim, k = rho_for(3.0, 4), 4, 255
    variance = 1 + noise**2
    truth = -dim / 2 * math.log((variance**2 - rho**2) / variance**2)
    assert information(blurred(rho, noise), dim) == pytest.approx(truth, abs=1e-12)
    x, y = pairs(2048, rho, dim)
    a, b = pairs(2048, 0.0, dim, seed=1)
    z1, z2 = ((part + noise * new).div(math.sqrt(variance)).view(256, 8, dim) for part, new in ((x, a), (y, b)))
    others = torch.randn(256, k, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = gaussians.measured(k, anchor_losses(z1, z2, [gaussians.pairs(z1, others)], blurred(rho, noise)))
    assert truth <= 3.0 + 1e-12
    assert truth - 0.3 < found.bound < found.tight < truth + 3 * found.error


# ---- how it is measured


def test_the_same_seed_gives_the_same_numbers_and_another_one_others():
    one, again, other = (contrast(15, 0.5, 2, n=64, seed=seed) for seed in (0, 0, 1))
    assert one == again != other
    state = torch.get_rng_state()
    contrast(15, 0.5, 2, n=64)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_standard_error_is_that_of_groups_that_are_independent():
    losses = torch.tensor([[1.0, 3.0], [2.0, 6.0], [0.0, 0.0]], dtype=torch.float64)
    found = gaussians.measured(5, losses)
    assert (found.loss, found.anchors) == (2.0, 6)
    assert found.error == pytest.approx(2 / math.sqrt(3))  # of 2, 4, 0


@pytest.mark.parametrize("share", [1, 8])
def test_the_standard_error_is_how_far_losses_of_other_seeds_are_apart(share):
    found = [contrast(15, 0.7, 2, n=128, seed=seed, share=share) for seed in range(100)]
    spread = torch.tensor([one.loss for one in found]).std().item()
    assert sum(one.error for one in found) / 100 == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize("critic", [optimal_critic, *CRITICS.values()])
def test_nothing_waits_for_the_device_and_the_precision_is_that_of_what_is_given(critic):
    x, others = torch.empty(4, 3, 5, device="meta", dtype=torch.float64), torch.empty(4, 9, 5, device="meta", dtype=torch.float64)
    for kind in (torch.float32, torch.float64):
        losses = anchor_losses(x.to(kind), x.to(kind), [gaussians.pairs(x.to(kind), others.to(kind))], 0.5, critic)
        assert losses.device.type == "meta" and losses.shape == (4, 3) and losses.dtype == kind


def test_memory_is_bounded_and_every_anchor_has_negatives_of_its_own(monkeypatch):
    seen = []

    def watched(x, y, made=gaussians.pairs):
        seen.extend([y] * (y.ndim == 3))  # of a positive it is 4
        return made(x, y)

    monkeypatch.setattr(gaussians, "TILE", 1000)
    monkeypatch.setattr(gaussians, "pairs", watched)
    found = contrast(31, 0.5, 4, n=50)
    assert found.anchors == 50 and len(seen) > 5
    assert all(others.numel() <= 1000 for others in seen)
    drawn = torch.cat(seen)
    assert drawn.shape == (50, 31, 4) and len(drawn.unique()) == drawn.numel()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: information(1.0, 2), "rho=1.0 is no correlation"),
        (lambda: information(0.5, 0), "dim=0 coordinates"),
        (lambda: rho_for(-0.1, 2), "nats=-0.1: mutual information is 0 or more"),
        (lambda: rho_for(100.0, 1), "the correlation is 1 in float64; ask for fewer nats, or more coordinates"),
        (lambda: rho_for(1.0, 0), "dim=0 coordinates"),
        (lambda: pairs(3, -1.0, 2), "rho=-1.0 is no correlation"),
        (lambda: contrast(0, 0.5, 2), "k=0 negatives: at least 1 is needed"),
        (lambda: contrast(3, float("nan"), 2), "rho=nan is no correlation"),
        (lambda: contrast(3, 0.5, 2, n=10, share=4), "n=10, share=4: n is a multiple of share"),
        (lambda: contrast(3, 0.5, 2, n=4, share=4), "at least two times share"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
