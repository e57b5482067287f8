"""The check of MoCo's loss: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, one query at a time, in code that shares nothing with what the check compares with.
"""

import functools
import math

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import losses
from ssl_lab.checks import check_info_nce

SEEDS = range(20)
HAND = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]]), torch.tensor([[0.0, 1.0], [-1.0, 0.0], [0.8, -0.6]]), 0.2


def key_of(i, q, k):
    return q[i], k[i]


def keys_in_queue(i, q, k, queue):
    return [(q[i], key) for key in queue]


def minus_logarithm(p):
    return -torch.log(p)


def divided(tau, d):
    return 1 / tau


def query_by_query(
    q,
    k,
    queue,
    tau,
    *,
    own=key_of,
    met=keys_in_queue,
    score=torch.dot,
    first=None,
    scale=(divided, divided),
    label=lambda i, K: 0,
    below=0,
    twice=0,
    again=False,
    pays=minus_logarithm,
    asked=range,
    count=lambda B: B,
    after=lambda loss: loss,
):
    """InfoNCE one query at a time; every option is one way to get it wrong.   scale: of the score with the key, and of those with the queue."""
    total = 0
    for i in asked(len(q)):
        pairs = [own(i, q, k), *met(i, q, k, queue)]
        scores = [score(a, b) for a, b in pairs]
        scores[0] = first(q, k) if first else scores[0]
        weight = [torch.exp(s * scale[number > 0](tau, q.shape[1])) for number, s in enumerate(scores)]
        if again:
            weight = [torch.exp(w / sum(weight)) for w in weight]
        total = total + pays(weight[label(i, len(queue))] / (sum(weight[below:]) + twice * weight[0]))
    return after(total / count(len(q)))


def by(scale):
    return {"scale": (scale, scale)}


def scores_of(q, k, queue):
    return torch.stack([torch.stack([q[i] @ k[i], *[q[i] @ key for key in queue]]) for i in range(len(q))])


def one_sum_for_all(q, k, queue, tau):
    weight = torch.exp(scores_of(q, k, queue) / tau)
    return -torch.log(weight[:, 0] / weight.sum()).mean()


def softmax_over_the_batch(q, k, queue, tau):
    return -(scores_of(q, k, queue) / tau).log_softmax(0)[:, 0].mean()


def exponential_twice(q, k, queue, tau):
    return F.cross_entropy((scores_of(q, k, queue) / tau).exp(), torch.zeros(len(q)).long())


def no_log_below(q, k, queue, tau):
    s = scores_of(q, k, queue) / tau
    return (torch.exp(s).sum(1) - s[:, 0]).mean()


def of_the_whole(*names):
    """The loss of matrices that are divided by one number."""

    def wrong(q, k, queue, tau):
        given = {"q": q, "k": k, "queue": queue}
        return query_by_query(*({**given, **{name: given[name] / given[name].norm() for name in names}}).values(), tau)

    return wrong


def l_pos_of_columns(q, k, queue, tau):
    """As it is written, it stops where d is not B."""
    return F.cross_entropy(torch.cat([(q * k).sum(dim=0)[:, None], q @ queue.T], dim=1) / tau, torch.zeros(len(q)).long())


def of_columns(*names):
    """The loss of matrices whose columns have length 1."""

    def wrong(q, k, queue, tau):
        given = {"q": q, "k": k, "queue": queue}
        return query_by_query(*({**given, **{name: torch.stack([c / c.norm() for c in given[name].T]).T for name in names}}).values(), tau)

    return wrong


INFO_NCE = {
    "times tau": ("multiplied", by(lambda tau, d: tau)),
    "no tau": ("temperature is not used", by(lambda tau, d: 1)),
    "tau = 0.05": ("a fixed number", by(lambda tau, d: 20)),
    "tau = 0.07": ("a fixed number", by(lambda tau, d: 1 / 0.07)),
    "tau = 0.1": ("a fixed number", by(lambda tau, d: 10)),
    "tau = 0.2": ("a fixed number", by(lambda tau, d: 5)),
    "tau = 0.5": ("a fixed number", by(lambda tau, d: 2)),
    "tau twice": ("used twice", {"instead": lambda q, k, queue, tau: query_by_query(q.double(), k.double(), queue.double(), tau**2)}),
    "sqrt(d)": ("averaged over the d features, or", by(lambda tau, d: d**-0.5 / tau)),
    "tau for the key alone": ("only some of the logits", {"scale": (divided, lambda tau, d: 1)}),
    "tau for the queue alone": ("only some of the logits", {"scale": (lambda tau, d: 1, divided)}),
    "positive last, label 0": ("label is not the column", {"label": lambda i, K: 1}),
    "positive last, label i": ("label is not the column", {"label": lambda i, K: i + 1}),
    "label i": ("label is not the column", {"label": lambda i, K: i}),
    "label K": ("label is not the column", {"label": lambda i, K: K}),
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
    "root of tau": ("used twice", by(lambda tau, d: tau**-0.5)),
    "squared distances": ("squared distances are used", {"instead": lambda *given: query_by_query(*(x.double() for x in given[:3]), given[3] / 2)}),
    "divided by 2": ("divided once more", {"after": lambda loss: loss / 2}),
    "divided by B twice": ("divided once more", {"count": lambda B: B * B}),
    "no denominator": ("the denominator is missing: p", {"instead": lambda q, k, queue, tau: -((q * k).sum(1) / tau).mean()}),
    "key before": ("keys are shifted", {"own": lambda i, q, k: (q[i], k[i - 1])}),
    "key after": ("keys are shifted", {"own": lambda i, q, k: (q[i], k[(i + 1) % len(k)])}),
    "exponential twice": ("taken twice", {"instead": exponential_twice}),
    "batch in place of the queue": ("queue is not used", {"met": lambda i, q, k, queue: [(q[i], key) for key in k]}),
    "queries in place of the queue": ("queue is not used", {"met": lambda i, q, k, queue: [(q[i], row) for row in q]}),
    "positive twice": ("counted twice", {"twice": 1}),
    "one sum": ("one denominator", {"instead": one_sum_for_all}),
    "mean below": ("denominator is a mean", {"instead": lambda *given: query_by_query(*given) - math.log(len(given[2]) + 1)}),
    "softmax(dim=0)": ("over the batch: each query has its own softmax", {"instead": softmax_over_the_batch}),
    "no logarithm below": ("logarithm of the denominator", {"instead": no_log_below}),
    "l_pos along dim=0": ("l_pos runs along dim=0", {"instead": l_pos_of_columns}),
    "l_pos summed": ("l_pos is one number", {"first": lambda q, k: (q * k).sum()}),
    "l_pos averaged": ("l_pos is one number", {"first": lambda q, k: sum(a @ b for a, b in zip(q, k)) / len(q)}),
    "the whole queue": ("whole matrix", {"instead": of_the_whole("queue")}),
    "the whole batch": ("whole matrix", {"instead": of_the_whole("q", "k")}),
    "the whole of all": ("whole matrix", {"instead": of_the_whole("q", "k", "queue")}),
    "columns of the queue": ("wrong axis", {"instead": of_columns("queue")}),
    "columns of the batch": ("wrong axis", {"instead": of_columns("q", "k")}),
    "columns of all": ("wrong axis", {"instead": of_columns("q", "k", "queue")}),
    "mean of products": ("averaged over the d features, or", {"score": lambda a, b: (a * b).mean()}),
    "mean of the key's products": ("l_pos is averaged", {"own": lambda i, q, k: (q[i], k[i] / len(k[i]))}),
    "negatives of the first": ("negatives of one query", {"met": lambda i, q, k, queue: [(q[0], key) for key in queue]}),
    "negatives of the last": ("negatives of one query", {"met": lambda i, q, k, queue: [(q[-1], key) for key in queue]}),
    "one negative": ("one key of the queue", {"met": lambda i, q, k, queue: [(q[i], queue[i])]}),
    "sum": ("sum over the batch", {"count": lambda B: 1}),
    "return in the loop": ("only one of the queries", {"asked": lambda B: [0], "count": lambda B: 1}),
    "return in the loop, divided by B": ("only one of the queries", {"asked": lambda B: [0]}),
    "= for +=": ("only one of the queries", {"asked": lambda B: [B - 1], "count": lambda B: 1}),
    "= for +=, divided by B": ("only one of the queries", {"asked": lambda B: [B - 1]}),
    "no logarithm": ("logarithm is missing", {"pays": lambda p: p}),
    "no logarithm, negative": ("logarithm is missing", {"pays": lambda p: -p}),
    "no logarithm, from 1": ("logarithm is missing", {"pays": lambda p: 1 - p}),
    "softmax twice": ("taken twice", {"again": True}),
    "log2": ("another base", {"pays": lambda p: -torch.log2(p)}),
    "log10": ("another base", {"pays": lambda p: -torch.log10(p)}),
    "mean first": ("before the logarithm", {"pays": lambda p: p, "after": minus_logarithm}),
    "sign": ("minus sign", {"pays": torch.log}),
    "//": ("cut off", {"after": torch.floor}),
}
LOSSES = {name: (words, wrong.get("instead") or functools.partial(query_by_query, **wrong)) for name, (words, wrong) in INFO_NCE.items()}


@pytest.mark.parametrize("words, wrong", LOSSES.values(), ids=LOSSES)
def test_each_usual_mistake_with_the_loss_gets_its_own_hint_on_any_input(called, words, wrong):
    called(check_info_nce, wrong, words, LOSSES)


def by_cross_entropy(q, k, queue, tau):
    l_pos = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
    l_neg = torch.einsum("nc,kc->nk", q, queue.clone().detach())
    return F.cross_entropy(torch.cat([l_pos, l_neg], dim=1) / tau, torch.zeros(len(q), dtype=torch.long))


def with_keys_detached_once_more(q, k, queue, tau):
    return query_by_query(q, k.detach(), queue, tau)


def with_the_positive_last(queries, keys, negatives, temperature):
    with torch.no_grad():
        keys = keys * 1
    logits = torch.cat([queries @ negatives.t(), (queries * keys).sum(1, keepdim=True)], 1) / temperature
    return -logits.log_softmax(1)[:, -1].mean()


def with_rows_normalised_once_more(q, k, queue, tau):
    q, k, queue = F.normalize(q), F.normalize(k), F.normalize(queue)
    l_pos = F.cosine_similarity(q, k)
    return torch.logaddexp(l_pos / tau, (q @ queue.T / tau).logsumexp(1)).mean() - l_pos.mean() / tau


def in_double_precision(q, k, queue, tau):
    return losses.info_nce(q.double(), k.double(), queue.double(), tau)


RIGHT = [
    *(losses.info_nce, query_by_query, with_keys_detached_once_more, by_cross_entropy, with_the_positive_last),
    *(with_rows_normalised_once_more, in_double_precision),
]


@pytest.mark.parametrize("right", RIGHT)
def test_a_right_loss_passes_in_any_style_whether_the_key_is_detached_or_not(passes, right):
    passes(check_info_nce, right)


def test_a_query_without_a_gradient_is_refused():
    assert "cut off from its inputs" in check_info_nce(lambda q, k, queue, tau: losses.info_nce(q.detach(), k, queue, tau)).hint


def test_the_reference_gives_the_hand_values():
    q, k, queue, tau = HAND
    assert check_info_nce.reference(*HAND).item() == pytest.approx(1.326652, abs=1e-6)
    assert check_info_nce.reference(q, k, torch.cat([k, queue[1:]]), tau).item() == pytest.approx(1.551516, abs=1e-6)


def test_rows_that_are_checked_have_length_1():
    for seed in SEEDS:
        for case in check_info_nce.inputs(seed):
            for rows in check_info_nce.prepare(*case)[:3]:
                torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows)))


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in LOSSES.values()}) == len(check_info_nce.mistakes)
