"""CPC's loss: a double loop in float64 is the oracle, and every usual mistake, also one made in its own source, is told from it."""

import ast
import functools
import math

import pytest
import torch
import torch.nn.functional as F

from dummies.oracles import SOURCE, computed_in, edited, same_under_autocast, value_and_gradients
from dummies.promises import noticed
from ssl_lab.errors import InputError
from ssl_lab.losses import cpc_nce

SHAPES = [((1, 3, 2, 1), 1), ((2, 4, 3, 2), 1), ((2, 4, 3, 2), 2), ((3, 5, 4, 3), 3), ((1, 8, 3, 5), 2), ((2, 1, 5, 2), 1)]  # (B, d, H, W), k


def terms(prediction, target, k) -> list[torch.Tensor]:
    """What every patch with a target costs, in float64, one after another."""
    prediction, target = prediction.double(), target.double()
    B, _, H, W = target.shape
    candidates = [target[b, :, r, c] for b in range(B) for r in range(H) for c in range(W)]
    costs = []
    for b in range(B):
        for r in range(H - k):
            for c in range(W):
                scores = torch.stack([prediction[b, :, r, c] @ z for z in candidates])
                costs.append(scores.logsumexp(0) - prediction[b, :, r, c] @ target[b, :, r + k, c])
    return costs


def oracle(prediction, target, k):
    """Section 3; its gradient is autograd's."""
    return torch.stack(terms(prediction, target, k)).mean()


def grids(B=2, d=4, H=3, W=2, seed=0, length=1.0) -> list[torch.Tensor]:
    """Predictions and targets that are not related."""
    return list(length * torch.randn(2, B, d, H, W, generator=torch.Generator().manual_seed(seed), device="cpu"))


@functools.cache
def right(shape, k, length):
    return value_and_gradients(oracle, *grids(*shape, length=length), k=k)


def close(loss, shape, k, length=1.0, within=1e-6) -> bool:
    """Whether value and gradients are the double loop's, within a millionth of max(1, loss)."""
    (value, slopes), (expected, slow) = value_and_gradients(lambda *given: loss(*given, k), *grids(*shape, length=length)), right(shape, k, length)
    largest = within * max(1.0, expected)
    return abs(value - expected) <= largest and all((a - b).abs().max() <= largest for a, b in zip(slopes, slow))


@pytest.mark.parametrize("length", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("shape, k", SHAPES)
def test_value_and_gradient_equal_the_double_loop_to_a_millionth(shape, k, length):
    assert close(cpc_nce, shape, k, length)


@pytest.mark.parametrize("length", [30.0, 300.0])
def test_large_scores_do_not_saturate(length):
    """Scores of thousands and more: a softmax whose logarithm is taken afterwards ends at -log 1e-11 = 25, without a slope."""
    value, slopes = value_and_gradients(cpc_nce, *grids(length=length), k=1)
    assert close(cpc_nce, (2, 4, 3, 2), 1, length) and value > 1000 and max(slope.abs().max() for slope in slopes) > 1


def test_gradcheck():
    assert torch.autograd.gradcheck(lambda a, b: cpc_nce(a, b, 2), [x.double().requires_grad_() for x in grids(1, 2, 3, 2)])


# ---- values known by hand, what is a candidate, and how many terms there are


@pytest.mark.parametrize("B, H, W, k, value", [(2, 7, 7, 1, 4.584967), (2, 7, 7, 6, 4.584967), (128, 7, 7, 6, 8.743851), (1, 2, 1, 1, math.log(2)),
                                               (3, 4, 5, 2, math.log(60))])  # fmt: skip
def test_scores_that_are_all_equal_cost_the_log_of_all_positions(B, H, W, k, value):
    zero, same = torch.zeros(B, 3, H, W), torch.ones(B, 3, H, W)
    for prediction, target in ((zero, same), (same, zero), (same, same)):
        assert cpc_nce(prediction, target, k).item() == pytest.approx(value, abs=2e-6) == pytest.approx(math.log(B * H * W), abs=2e-6)


def test_two_patches_cost_the_softplus_of_the_difference():
    """Scores 2 · 0.5 and 2 · 1, of which the lower patch is the right one: log(1 + e^-1)."""
    prediction, target = torch.tensor([2.0, 7.0]).view(1, 1, 2, 1), torch.tensor([0.5, 1.0]).view(1, 1, 2, 1)
    assert cpc_nce(prediction, target, 1).item() == pytest.approx(0.313262, abs=1e-6)


def found_by(B, H, W, k) -> list[int]:
    """For every prediction that counts, in their order, the number of the patch that the loss draws it to."""
    prediction = torch.zeros(B, B * H * W, H, W, requires_grad=True)
    target = torch.eye(B * H * W).view(B, H, W, -1).permute(0, 3, 1, 2)
    cpc_nce(prediction, target, k).backward()
    drawn = prediction.grad.permute(0, 2, 3, 1).flatten(0, 2)
    return [int(slope.argmin()) for slope in drawn if slope.any()]


def test_the_label_is_the_patch_k_rows_below_in_the_same_image_and_column():
    assert found_by(2, 3, 2, 1) == [2, 3, 4, 5, 8, 9, 10, 11]
    assert found_by(2, 3, 2, 2) == [4, 5, 10, 11]
    assert found_by(3, 4, 5, 2) == [20 * b + 5 * (r + 2) + c for b in range(3) for r in range(2) for c in range(5)]


@pytest.mark.parametrize("shape, k", SHAPES)
def test_every_patch_with_a_target_is_one_term_and_all_weigh_the_same(shape, k):
    """One prediction that is not zero changes the loss by its own term's share, and one in the last k rows by nothing."""
    (B, _, H, W), (prediction, target) = shape, grids(*shape)
    zero, N = math.log(B * H * W), B * (H - k) * W
    costs = iter(terms(prediction, target, k))
    for b in range(B):
        for r in range(H):
            for c in range(W):
                one = torch.zeros_like(prediction)
                one[b, :, r, c] = prediction[b, :, r, c]
                term = next(costs).item() if r < H - k else zero
                assert cpc_nce(one, target, k).item() == pytest.approx(zero + (term - zero) / N, abs=2e-6)
    assert list(costs) == []


def test_the_right_patch_is_once_among_the_candidates_and_so_is_every_other_patch_of_the_batch():
    """At equal scores each of the 12 has a share of 1/12, and the right one, number 3 here, lacks 1."""
    prediction, target = torch.zeros(2, 1, 3, 2), torch.zeros(2, 1, 3, 2, requires_grad=True)
    prediction[0, 0, 0, 1] = 1.0
    cpc_nce(prediction, target, 1).backward()
    shares = 8 * target.grad.flatten()
    torch.testing.assert_close(shares, torch.full((12,), 1 / 12) - F.one_hot(torch.tensor(3), 12), atol=1e-6, rtol=0)


@pytest.mark.parametrize("score", [-5.0, 0.0, 1.0, 10.0])
def test_one_score_that_is_not_zero_costs_what_it_must(score):
    """log(e^s + 11) - s, if it is the right patch's: with it twice, or not at all, it would be log(2 e^s + 11), or log 11."""
    prediction, target = torch.zeros(2, 1, 3, 2), torch.zeros(2, 1, 3, 2)
    prediction[0, 0, 0, 1], target[0, 0, 1, 1] = score, 1.0
    term = math.log(math.exp(score) + 11) - score
    assert cpc_nce(prediction, target, 1).item() == pytest.approx((7 * math.log(12) + term) / 8, abs=2e-6)


def test_neither_the_length_nor_a_temperature_is_taken_out():
    prediction, target = grids(length=0.5)
    assert torch.equal(cpc_nce(2 * prediction, target, 1), cpc_nce(prediction, 2 * target, 1))
    assert abs(cpc_nce(2 * prediction, target, 1) - cpc_nce(prediction, target, 1)) > 0.01


# ---- the usual mistakes


def pieces(prediction, target, k):
    """Scores of every prediction that counts with every patch, and the number of the right one."""
    B, _, H, W = target.shape
    z = target.permute(0, 2, 3, 1).flatten(0, 2)
    scores = prediction[:, :, : H - k].permute(0, 2, 3, 1).flatten(0, 2) @ z.T
    right = torch.tensor([b * H * W + (r + k) * W + c for b in range(B) for r in range(H - k) for c in range(W)])
    return scores, right


def rightly(prediction, target, k):
    return F.cross_entropy(*pieces(prediction, target, k))


def labelled(number):
    """The right one is number(b, r, c, k, H, W), within the batch."""

    def loss(prediction, target, k):
        (scores, _), (B, _, H, W) = pieces(prediction, target, k), target.shape
        found = [number(b, r, c, k, H, W) % (B * H * W) for b in range(B) for r in range(H - k) for c in range(W)]
        return F.cross_entropy(scores, torch.tensor(found))

    return loss


def among(allowed):
    """Only those candidates, of which allowed(b, r, c, k, place of the candidate) says so."""

    def loss(prediction, target, k):
        (scores, right), (B, _, H, W) = pieces(prediction, target, k), target.shape
        places = [(b, r, c) for b in range(B) for r in range(H) for c in range(W)]
        rows = [place for place in places if place[1] < H - k]
        keep = torch.tensor([[allowed(*row, k, place) for place in places] for row in rows])
        own = scores.gather(1, right[:, None])[:, 0]
        return (scores.masked_fill(~keep, -torch.inf).logsumexp(1) - own).mean()

    return loss


def right_one_twice(prediction, target, k):
    scores, right = pieces(prediction, target, k)
    return F.cross_entropy(torch.cat([scores, scores.gather(1, right[:, None])], 1), right)


def sampled_with_the_right_one(prediction, target, k):
    """Some candidates drawn from all, the right one among them now and then, beside it."""
    scores, right = pieces(prediction, target, k)
    drawn = torch.randint(0, scores.shape[1], (len(scores), 6), generator=torch.Generator().manual_seed(0))
    return F.cross_entropy(torch.cat([scores.gather(1, right[:, None]), scores.gather(1, drawn)], 1), torch.zeros_like(right))


def softmax_then_logarithm(prediction, target, k):
    scores, right = pieces(prediction, target, k)
    return -(scores.softmax(1).gather(1, right[:, None]) + 1e-11).log().mean()


def wrapped_round(prediction, target, k):
    """The last k rows have the first ones for targets."""
    B, _, H, W = target.shape
    scores = prediction.permute(0, 2, 3, 1).flatten(0, 2) @ target.permute(0, 2, 3, 1).flatten(0, 2).T
    right = torch.arange(B * H * W).view(B, H, W).roll(-k, 1).flatten()
    return F.cross_entropy(scores, right)


def every_loop_again(prediction, target, k):
    """The mean over loops, of which each takes up the rows of those before it."""
    (scores, right), (B, _, H, W) = pieces(prediction, target, k), target.shape
    each = F.cross_entropy(scores, right, reduction="none").view(B, H - k, W)
    return torch.cat([each[:, : r + 1].flatten() for r in range(H - k)]).mean()


def patches_find_predictions(prediction, target, k):
    """The softmax is over the predictions of a patch."""
    scores, right = pieces(prediction, target, k)
    return F.cross_entropy(scores.T[right], torch.arange(len(right)))


def each_alone(prediction, target, k):
    scores, right = pieces(prediction, target, k)
    return F.binary_cross_entropy_with_logits(scores, F.one_hot(right, scores.shape[1]).to(scores))


def one_softmax_for_all(prediction, target, k):
    scores, right = pieces(prediction, target, k)
    return scores.flatten().logsumexp(0) - scores.gather(1, right[:, None]).mean()


def squared_distances(prediction, target, k):
    (_, right), (H, flat) = pieces(prediction, target, k), (target.shape[2], lambda x: x.permute(0, 2, 3, 1).flatten(0, 2))
    return F.cross_entropy(-(flat(prediction[:, :, : H - k])[:, None] - flat(target)[None]).square().sum(2), right)


MUTANTS = {
    "k rows above": labelled(lambda b, r, c, k, H, W: b * H * W + (r - k) * W + c),
    "the patch itself": labelled(lambda b, r, c, k, H, W: b * H * W + r * W + c),
    "k + 1 rows below": labelled(lambda b, r, c, k, H, W: b * H * W + (r + k + 1) * W + c),
    "k - 1 rows below": labelled(lambda b, r, c, k, H, W: b * H * W + (r + k - 1) * W + c),
    "k columns to the right": labelled(lambda b, r, c, k, H, W: b * H * W + r * W + c + k),
    "rows and columns exchanged": labelled(lambda b, r, c, k, H, W: b * H * W + c * H + r + k),
    "the next image": labelled(lambda b, r, c, k, H, W: (b + 1) * H * W + (r + k) * W + c),
    "the last row": labelled(lambda b, r, c, k, H, W: b * H * W + (H - 1) * W + c),
    "numbers of a grid without its first rows": labelled(lambda b, r, c, k, H, W: b * (H - k) * W + r * W + c),
    "only the own image": among(lambda b, r, c, k, place: place[0] == b),
    "only other images": among(lambda b, r, c, k, place: place[0] != b or place == (b, r + k, c)),
    "only the own place": among(lambda b, r, c, k, place: place[1:] == (r + k, c)),
    "only patches that are targets": among(lambda b, r, c, k, place: place[1] >= k),
    "without the patch itself": among(lambda b, r, c, k, place: place != (b, r, c)),
    "without the right one": among(lambda b, r, c, k, place: place != (b, r + k, c)),
    "the right one twice": right_one_twice,
    "sampled candidates": sampled_with_the_right_one,
    "softmax, then the logarithm": softmax_then_logarithm,
    "wrapped round": wrapped_round,
    "terms repeated": every_loop_again,
    "patches find predictions": patches_find_predictions,
    "each candidate alone": each_alone,
    "one softmax": one_softmax_for_all,
    "squared distances": squared_distances,
    "summed over positions": lambda p, z, k: rightly(p, z, k) * len(p) * (p.shape[2] - k) * p.shape[3],
    "summed over the positions of an image": lambda p, z, k: rightly(p, z, k) * (p.shape[2] - k) * p.shape[3],
    "divided by all positions": lambda p, z, k: rightly(p, z, k) * (p.shape[2] - k) / p.shape[2],
    "divided by the log of the candidates": lambda p, z, k: rightly(p, z, k) / math.log(z[:, 0].numel()),
    "unit rows": lambda p, z, k: rightly(F.normalize(p, dim=1), F.normalize(z, dim=1), k),
    "unit targets": lambda p, z, k: rightly(p, F.normalize(z, dim=1), k),
    "a temperature": lambda p, z, k: rightly(p / 0.1, z, k),
    "divided by the root of the width": lambda p, z, k: rightly(p / p.shape[1] ** 0.5, z, k),
    "targets detached": lambda p, z, k: rightly(p, z.detach(), k),
    "predictions detached": lambda p, z, k: rightly(p.detach(), z, k),
    "predictions and targets exchanged": lambda p, z, k: rightly(z, p, k),
    "always one row": lambda p, z, k: rightly(p, z, 1),
    "turned targets": lambda p, z, k: rightly(p, z.flip(2), k),
}


def kept(loss) -> bool:
    """The double loop's value and gradient, for several shapes and steps, and for large scores."""
    cases = [((2, 4, 3, 2), 1, 1.0), ((2, 4, 3, 2), 2, 1.0), ((3, 2, 4, 3), 2, 0.5), ((1, 3, 3, 2), 1, 30.0)]
    return all(close(loss, shape, k, length, 1e-5) for shape, k, length in cases)


def test_the_loss_keeps_its_promises_and_so_does_what_mistakes_are_made_from():
    assert kept(cpc_nce) and kept(rightly)
    assert kept(labelled(lambda b, r, c, k, H, W: b * H * W + (r + k) * W + c)) and kept(among(lambda *_: True))


test_every_usual_mistake_is_noticed = noticed(MUTANTS, kept)


# ---- a change of any line of the loss itself


OWN = "own = torch.arange(B * H * W, device=z.device).view(B, H, W)[:, k:].flatten()"
FLAT = "z = target.permute(0, 2, 3, 1).flatten(0, 2)"
SCORES = "scores = prediction[:, :, :-k].permute(0, 2, 3, 1).flatten(0, 2) @ z.T"
MEAN = "return minus_log_share(scores, scores.gather(1, own[:, None])[:, 0]).mean()"
SHAPE, STEP = "require(prediction.shape == target.shape and prediction.ndim == 4, grids)", "require(0 < k < H, below)"
EDITS = [(old, old.replace(part, new)) for old, part, new in (
    ("@in_float32\ndef cpc_nce(", "@in_float32\n", ""), ("B, _, H, W = target.shape", "H, W", "W, H"),
    (FLAT, "(0, 2, 3, 1)", "(0, 3, 2, 1)"), (FLAT, "target", "prediction"), (FLAT, "target", "target.detach()"), (FLAT, "target.", "target.flip(0)."),
    (FLAT, "target", "F.normalize(target, dim=1)"),
    (OWN, "[:, k:]", "[:, :-k]"), (OWN, "[:, k:]", "[:, k - 1 : -1]"), (OWN, "[:, k:]", "[:, -k:]"), (OWN, ", device=z.device", ""),
    (OWN, "[:, k:]", "[:, k:].flip(0)"), (OWN, "[:, k:]", "[:, k:].flip(2)"), (OWN, "[:, k:]", "[:, k:].flip(1)"),
    (OWN, "[:, k:]", "[:, k:].transpose(1, 2)"),
    (SCORES, "[:, :, :-k]", "[:, :, k:]"), (SCORES, "[:, :, :-k]", ""), (SCORES, "(0, 2, 3, 1)", "(0, 3, 2, 1)"),
    (SCORES, "prediction[", "target["), (SCORES, " @ z.T", " @ z.T / 0.1"), (SCORES, "prediction[", "prediction.detach()["),
    (MEAN, ".mean()", ".sum()"), (MEAN, "scores.gather(1, own[:, None])[:, 0]", "scores[:, 0]"), (MEAN, "[:, 0])", "[:, 0], 0.1)"),
    (MEAN, "minus_log_share(scores,", "minus_log_share(scores[:, own],"), (MEAN, "return minus", "return -minus"),
    (SHAPE, "prediction.shape == target.shape and ", ""), (SHAPE, " and prediction.ndim == 4", ""),
    (STEP, "0 < k", "0 <= k"), (STEP, "k < H", "k <= H"), (STEP, "0 < k < H", "k < H"), (STEP, "k < H", "k < H - 1"),
)]  # fmt: skip
BODY = next(node for node in ast.parse(SOURCE).body if isinstance(node, ast.FunctionDef) and node.name == "cpc_nce").body[1:]
LINES = ["".join(SOURCE.splitlines(keepends=True)[node.lineno - 1 : node.end_lineno]) for node in BODY]


REFUSED = [  # shapes of predictions and targets, k, and what is said
    ((2, 4, 3, 2), (2, 4, 3, 3), 1, "(B, d, H, W) each; got (2, 4, 3, 2) and (2, 4, 3, 3)"), ((2, 4, 3, 2), (1, 4, 3, 2), 1, "(1, 4, 3, 2)"),
    ((2, 4, 6), (2, 4, 6), 1, "(2, 4, 6)"), ((2, 4, 3, 2), (2, 5, 3, 2), 1, "(2, 5, 3, 2)"),
    ((2, 4, 3, 2), (2, 4, 3, 2), 0, "k=0: a grid of 3 rows has targets for k from 1 to 2"), ((2, 4, 3, 2), (2, 4, 3, 2), 3, "k=3: a grid of 3 rows"),
    ((2, 4, 3, 2), (2, 4, 3, 2), -1, "k=-1"), ((2, 4, 1, 2), (2, 4, 1, 2), 1, "k=1: a grid of 1 row"),
]  # fmt: skip


def refuses(loss) -> bool:
    """Whether all that makes no sense is refused in these words."""
    for one, other, k, words in REFUSED:
        try:
            loss(torch.ones(one), torch.ones(other), k)
        except InputError as error:
            if words not in str(error):
                return False
        else:
            return False
    return True


def lifts(loss) -> bool:
    """Whether rows of bfloat16 give the double loop's value of these rows, in float32."""
    given = [x.bfloat16() for x in grids()]
    found = loss(*given, 1)
    return found.dtype == torch.float32 and abs(found.item() - oracle(*given, 1).item()) < 2e-6


def needs_no_device(loss) -> bool:
    given = [torch.empty(2, 4, 3, 2, device="meta", requires_grad=True) for _ in range(2)]
    loss(*given, 1).backward()
    with torch.device("meta"):  # what is made in between is made where the rows are
        here = loss(*grids(), 1)
    return all(x.grad.shape == (2, 4, 3, 2) for x in given) and torch.equal(here, loss(*grids(), 1))


def all_kept(loss) -> bool:
    """What the tests ask, as one question."""
    try:
        return kept(loss) and lifts(loss) and refuses(loss) and needs_no_device(loss)
    except (NameError, RuntimeError, ValueError, IndexError, TypeError, AttributeError):
        return False


def test_the_source_as_it_is_keeps_the_promises():
    assert all_kept(edited().cpc_nce)


@pytest.mark.parametrize("old, new", EDITS, ids=range(len(EDITS)))
def test_a_change_of_any_line_is_noticed(old, new):
    assert old != new and not all_kept(edited(old, new).cpc_nce)


@pytest.mark.parametrize("line", LINES, ids=[line.split()[0] for line in LINES])
def test_no_line_can_be_left_out(line):
    assert not all_kept(edited(line, "").cpc_nce)


# ---- invariances


def test_the_order_of_images_and_of_columns_does_not_matter_and_that_of_rows_does():
    given = grids(4, 4, 4, 3)
    expected, order = cpc_nce(*given, 1).item(), torch.tensor([2, 0, 3, 1])
    assert cpc_nce(*(x[order] for x in given), 1).item() == pytest.approx(expected, abs=2e-6)
    assert cpc_nce(*(x.flip(3) for x in given), 1).item() == pytest.approx(expected, abs=2e-6)
    assert abs(cpc_nce(*(x.flip(2) for x in given), 1).item() - expected) > 0.01


def test_a_common_rotation_and_what_all_targets_share_do_not_matter():
    prediction, target = grids(3, 4, 3, 3)
    turn, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(1)))
    expected = cpc_nce(prediction, target, 1).item()
    turned = [torch.einsum("ed,bdhw->behw", turn, x) for x in (prediction, target)]
    assert cpc_nce(*turned, 1).item() == pytest.approx(expected, abs=2e-6)
    assert cpc_nce(prediction, target + torch.randn(4, 1, 1), 1).item() == pytest.approx(expected, abs=5e-6)


# ---- precision, NaN, devices, bad input


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_lifted_before_anything_is_computed(dtype):
    computed_in(dtype, cpc_nce, oracle, *grids(3, 8, 4, 3), k=2, within=2e-6)
    given = [x.to(dtype) for x in grids(3, 8, 4, 3)]
    assert cpc_nce(prediction=given[0], target=given[1], k=2) == cpc_nce(*given, 2) and lifts(cpc_nce)


def test_float64_stays_float64():
    computed_in(torch.float64, cpc_nce, oracle, *grids(), k=1, within=1e-13)


def test_autocast_has_no_effect():
    same_under_autocast(cpc_nce, *grids(3, 8, 4, 3), k=1)


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("which", range(2))
def test_one_nan_spreads_to_the_loss_unless_it_is_a_prediction_without_a_target(which, row):
    given = grids()
    given[which][1, 2, row, 1] = math.nan
    assert cpc_nce(*given, 1).isnan() == (which == 1 or row < 2)


def test_the_last_k_rows_of_predictions_get_no_gradient_and_all_targets_do():
    _, (slope, target) = value_and_gradients(cpc_nce, *grids(2, 4, 5, 2), k=2)
    assert (slope[:, :, 3:] == 0).all() and (slope[:, :, :3] != 0).all() and (target != 0).all()


def test_it_needs_nothing_of_the_device():
    assert needs_no_device(cpc_nce)


def test_it_compiles_as_one_graph_and_its_errors_say_what_is_needed(without_shape_checks):
    script = f"""
        import torch
        from ssl_lab.losses import cpc_nce
        given = [torch.randn(2, 4, 3, 2, requires_grad=True) for _ in range(2)]
        values = [f(*given, 1) for f in (torch.compile(cpc_nce, fullgraph=True, backend="eager"), cpc_nce)]
        slopes = [torch.autograd.grad(value, given[0])[0] for value in values]
        print(torch.allclose(*values) and torch.allclose(*slopes, atol=1e-6))
        for one, other, k, _ in {REFUSED}:
            try:
                print("taken", cpc_nce(torch.ones(one), torch.ones(other), k))
            except ValueError as error:
                print(error)
    """
    same, *said = without_shape_checks(script).splitlines()
    assert same == "True" and len(said) == len(REFUSED)
    for sentence, (*_, words) in zip(said, REFUSED):
        assert words in sentence
