"""The checks of MoCo's loss and of its moving average: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one query and one weight at a time, in code that shares nothing with what the checks compare with.
"""

import functools

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_ema, check_info_nce

SEEDS = range(20)
HAND = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]]), torch.tensor([[0.0, 1.0], [-1.0, 0.0], [0.8, -0.6]]), 0.2


def key_of(i, q, k):
    return q[i], k[i]


def keys_in_queue(i, q, k, queue):
    return [(q[i], key) for key in queue]


def minus_logarithm(p):
    return -torch.log(p)


def query_by_query(
    q,
    k,
    queue,
    tau,
    *,
    constant="k",
    own=key_of,
    met=keys_in_queue,
    score=torch.dot,
    power=(-1, -1),
    label=lambda i, K: 0,
    below=0,
    again=False,
    pays=minus_logarithm,
    asked=range,
    count=lambda B: B,
):
    """InfoNCE one query at a time; every option is one way to get it wrong.   power: of tau, for the key and for the queue."""
    q, k = (rows.detach() if name == constant else rows for name, rows in (("q", q), ("k", k)))
    total = 0
    for i in asked(len(q)):
        pairs = [own(i, q, k), *met(i, q, k, queue)]
        weight = [torch.exp(score(a, b) * tau ** power[number > 0]) for number, (a, b) in enumerate(pairs)]
        if again:
            weight = [torch.exp(w / sum(weight)) for w in weight]
        total = total + pays(weight[label(i, len(queue))] / sum(weight[below:]))
    return total / count(len(q))


def of_columns(*names):
    """The loss of matrices whose columns have length 1."""

    def wrong(q, k, queue, tau):
        given = {"q": q, "k": k, "queue": queue}
        return query_by_query(*({**given, **{name: torch.stack([c / c.norm() for c in given[name].T]).T for name in names}}).values(), tau)

    return wrong


INFO_NCE = {
    "no detach": ("gradient flows into the key", {"constant": None}),
    "query detached": ("query is detached", {"constant": "q"}),
    "times tau": ("multiplied", {"power": (1, 1)}),
    "no tau": ("temperature is not used", {"power": (0, 0)}),
    "tau for the key alone": ("only some of the logits", {"power": (-1, 0)}),
    "tau for the queue alone": ("only some of the logits", {"power": (0, -1)}),
    "positive last, label 0": ("label is not where", {"label": lambda i, K: 1}),
    "positive last, label i": ("label is not where", {"label": lambda i, K: i + 1}),
    "label i": ("label is not where", {"label": lambda i, K: i}),
    "label K": ("label is not where", {"label": lambda i, K: K}),
    "enqueued first": ("batch's own keys", {"met": lambda i, q, k, queue: [(q[i], key) for key in (*k, *queue[len(k) :])]}),
    "enqueued first, at the end": ("batch's own keys", {"met": lambda i, q, k, queue: [(q[i], key) for key in (*queue[: -len(k)], *k)]}),
    "queue and batch": ("batch's own keys", {"met": lambda i, q, k, queue: [(q[i], key) for key in (*queue, *k)]}),
    "queue and the others": ("batch's own keys", {"met": lambda i, q, k, queue: [(q[i], x) for x in (*queue, *k[:i], *k[i + 1 :])]}),
    "first key for all": (
        "batch's own keys",
        {"own": lambda i, q, k: (q[i], k[0]), "met": lambda i, q, k, queue: [(q[i], x) for x in (*k[1:], *queue)]},
    ),
    "batch alone": ("queue is not used", {"met": lambda i, q, k, queue: [(q[i], key) for key in (*k[:i], *k[i + 1 :])]}),
    "positive not below": ("missing from the denominator", {"below": 1}),
    "q with q": ("row with itself", {"own": lambda i, q, k: (q[i], q[i])}),
    "k with k": ("row with itself", {"own": lambda i, q, k: (k[i], k[i])}),
    "k with the queue": ("place of the query", {"met": lambda i, q, k, queue: [(k[i], key) for key in queue]}),
    "columns of the queue": ("wrong axis", {"instead": of_columns("queue")}),
    "columns of the batch": ("wrong axis", {"instead": of_columns("q", "k")}),
    "columns of all": ("wrong axis", {"instead": of_columns("q", "k", "queue")}),
    "mean of products": ("averaged over the d features", {"score": lambda a, b: (a * b).mean()}),
    "mean of the key's products": ("averaged over the d features", {"own": lambda i, q, k: (q[i], k[i] / len(k[i]))}),
    "negatives of the first": ("negatives of one query", {"met": lambda i, q, k, queue: [(q[0], key) for key in queue]}),
    "negatives of the last": ("negatives of one query", {"met": lambda i, q, k, queue: [(q[-1], key) for key in queue]}),
    "one negative": ("a single key of the queue", {"met": lambda i, q, k, queue: [(q[i], queue[i])]}),
    "sum": ("sums over the batch", {"count": lambda B: 1}),
    "return in the loop": ("only one query", {"asked": lambda B: [0], "count": lambda B: 1}),
    "return in the loop, divided by B": ("only one query", {"asked": lambda B: [0]}),
    "= for +=": ("only one query", {"asked": lambda B: [B - 1], "count": lambda B: 1}),
    "= for +=, divided by B": ("only one query", {"asked": lambda B: [B - 1]}),
    "no logarithm": ("logarithm is missing", {"pays": lambda p: p}),
    "no logarithm, negative": ("logarithm is missing", {"pays": lambda p: -p}),
    "no logarithm, from 1": ("logarithm is missing", {"pays": lambda p: 1 - p}),
    "softmax twice": ("taken twice", {"again": True}),
    "sign": ("sign", {"pays": torch.log}),
}
LOSSES = {name: (words, wrong.get("instead") or functools.partial(query_by_query, **wrong)) for name, (words, wrong) in INFO_NCE.items()}


@pytest.mark.parametrize("words, wrong", LOSSES.values(), ids=LOSSES)
def test_each_usual_mistake_with_the_loss_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_info_nce, wrong, words, LOSSES)


def by_cross_entropy(q, k, queue, tau):
    l_pos = torch.einsum("nc,nc->n", q, k.detach()).unsqueeze(-1)
    l_neg = torch.einsum("nc,kc->nk", q, queue.clone().detach())
    return F.cross_entropy(torch.cat([l_pos, l_neg], dim=1) / tau, torch.zeros(len(q), dtype=torch.long))


def with_the_positive_last(queries, keys, negatives, temperature):
    with torch.no_grad():
        keys = keys * 1
    logits = torch.cat([queries @ negatives.t(), (queries * keys).sum(1, keepdim=True)], 1) / temperature
    return -logits.log_softmax(1)[:, -1].mean()


def with_rows_normalised_once_more(q, k, queue, tau):
    q, k, queue = F.normalize(q), F.normalize(k).detach(), F.normalize(queue)
    l_pos = F.cosine_similarity(q, k)
    return torch.logaddexp(l_pos / tau, (q @ queue.T / tau).logsumexp(1)).mean() - l_pos.mean() / tau


def in_double_precision(q, k, queue, tau):
    return losses.info_nce(q.double(), k.detach().double(), queue.double(), tau)


@pytest.mark.parametrize("right", [query_by_query, by_cross_entropy, with_the_positive_last, with_rows_normalised_once_more, in_double_precision])
def test_a_right_loss_passes_in_any_style_on_any_input(passes, right):
    passes(check_info_nce, right)


def test_the_reference_gives_the_hand_values():
    q, k, queue, tau = HAND
    assert check_info_nce.reference(*HAND).item() == pytest.approx(1.326652, abs=1e-6)
    assert check_info_nce.reference(q, k, torch.cat([k, queue[1:]]), tau).item() == pytest.approx(1.551516, abs=1e-6)


def test_rows_that_are_checked_have_length_1():
    for seed in SEEDS:
        for case in check_info_nce.inputs(seed):
            for rows in check_info_nce.prepare(*case)[:3]:
                torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows)))


def weight_by_weight(key, query, m, *, new=lambda a, b, m: m * a + (1 - m) * b):
    return torch.tensor([new(a, b, m) for a, b in zip(key.flatten().tolist(), query.flatten().tolist())]).reshape(key.shape)


EMA = {
    "swapped": ("wrong way round", lambda a, b, m: (1 - m) * a + m * b),
    "copy": ("becomes a copy", lambda a, b, m: b),
    "unchanged": ("stays as it is", lambda a, b, m: a),
    "all of the query": ("query's weights are not scaled", lambda a, b, m: m * a + b),
    "m of the query": ("query's weights are not scaled", lambda a, b, m: m * a + m * b),
    "all of the key": ("key's weights are not scaled", lambda a, b, m: a + (1 - m) * b),
    "all of the key, m of the query": ("key's weights are not scaled", lambda a, b, m: a + m * b),
    "1 - m of both": ("key's weights are not scaled", lambda a, b, m: (1 - m) * (a + b)),
    "plain mean": ("plain mean", lambda a, b, m: (a + b) / 2),
    "the key's share": ("one of the two terms", lambda a, b, m: m * a),
    "the query's share": ("one of the two terms", lambda a, b, m: (1 - m) * b),
    "minus": ("sign is wrong", lambda a, b, m: m * a - (1 - m) * b),
    "away from the query": ("sign is wrong", lambda a, b, m: a - (1 - m) * (b - a)),
}


@pytest.mark.parametrize("words, new", EMA.values(), ids=EMA)
def test_each_usual_mistake_with_the_moving_average_gets_its_own_hint(called, words, new):
    called(check_ema, functools.partial(weight_by_weight, new=new), words, EMA)


def in_place_on_a_clone(key, query, m):
    key = key.clone()
    key.mul_(m).add_(query, alpha=1 - m)
    return key


def in_numpy(key, query, m):
    return torch.from_numpy(m * key.numpy() + (1.0 - m) * query.numpy())


@pytest.mark.parametrize(
    "right",
    [
        weight_by_weight,
        in_place_on_a_clone,
        in_numpy,
        lambda key, query, m: torch.lerp(query, key, m),
        lambda key, query, m: key + (1 - m) * (query - key),
        lambda key, query, m: torch.einsum("n,n...->...", torch.tensor([m, 1 - m]), torch.stack([key, query])),
    ],
)
def test_a_right_moving_average_passes_in_any_style(passes, right):
    passes(check_ema, right)


def test_a_moving_average_in_place_is_refused_by_that_name():
    assert "changes its inputs in place" in check_ema(lambda key, query, m: key.mul_(m).add_(query, alpha=1 - m)).hint


def test_the_reference_of_ema_gives_the_hand_values():
    key, seen = torch.ones(1), []
    for query in (1.0, 2.0, 3.0):
        key = check_ema.reference(key, torch.tensor([query]), 0.9)
        seen.append(key.item())
    assert seen == pytest.approx([1, 1.1, 1.29])
    assert check_ema.reference(torch.ones(1), torch.zeros(1), 1.0) == 1
    assert check_ema.reference(torch.ones(1), torch.zeros(1), 0.0) == 0


@pytest.mark.parametrize("mutants, check", [(LOSSES, check_info_nce), (EMA, check_ema)], ids=["info_nce", "ema"])
def test_every_hint_of_the_checks_is_tested(mutants, check):
    assert len({words for words, _ in mutants.values()}) == len(check.mistakes)
