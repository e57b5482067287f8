"""What the explorer of the queue promises: its steps are MoCo's own, its queue the last K keys, and the caller's method is left alone."""

import copy
import re

import numpy as np
import pytest
import torch

from ssl_lab import plots
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.losses import info_nce, unit
from ssl_lab.methods import MoCo, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.precision import autocast
from ssl_lab.widgets import QueueExplorer
from ssl_lab.widgets.queue import MOMENTA

B, STEPS = 8, 5


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=B * STEPS)


def moco(m=0.9, split=2, **options):
    torch.manual_seed(0)
    return MoCo(small_resnet(width=4), m=m, split=split, K=32, **options)


def explore(images, method=None, **start):
    return QueueExplorer(method or moco(), images, steps=STEPS, batch=B, **start)


def moments(explorer, step=STEPS):
    """Of the run that is shown."""
    explorer.set(step=step)
    return explorer.runs[explorer.controls["K"].value, explorer.controls["m"].value].moments[:step]


@pytest.mark.parametrize("K", [B, 2 * B, 4 * B, 8 * B])
def test_the_queue_holds_the_last_keys_with_their_age_and_picture_and_random_rows_where_there_were_none(images, K):
    shown = moments(explore(images, K=K))
    keys = np.concatenate([moment.k for moment in shown])
    for step, now in enumerate(shown, 1):
        assert (now.step, now.pointer, len(now.rows)) == (step, (step - 1) * B % K, K)
        for slot in range(K):
            mine = [j for j in range((step - 1) * B) if j % K == slot]
            if mine:
                assert (now.shows[slot], now.age[slot]) == (mine[-1], step - (mine[-1] // B + 1))
                np.testing.assert_array_equal(now.rows[slot], keys[mine[-1]])
            else:
                assert (now.shows[slot], now.age[slot]) == (-1, -1)
                assert np.isnan(now.again[slot])
                np.testing.assert_array_equal(now.rows[slot], shown[0].rows[slot])
                assert np.linalg.norm(now.rows[slot]) == pytest.approx(1, abs=1e-6)


def by_hand(explorer, K, m):
    """The same steps of a MoCo that is built anew, with an unsplit batch norm: its loss, q, k and, at every step, both networks' weights."""
    given = explorer.method
    method = MoCo(copy.deepcopy(given.encoder), m=m, split=1, K=K, tau=given.tau)
    method.projector.load_state_dict(given.projector.state_dict())
    method.key_projector.load_state_dict(given.projector.state_dict())
    method.queue = unit(torch.randn(K, 64, generator=torch.Generator().manual_seed(0)))
    optimizer = torch.optim.SGD([*method.encoder.parameters(), *method.projector.parameters()], explorer.recipe.lr, momentum=0.9)
    for step in range(STEPS):
        x1, x2 = (x[step * B : (step + 1) * B] for x in explorer.views)
        with autocast(x1.device):
            loss = method(x1, x2)
        yield loss.item(), *(z.float() for z in method.embeddings.values()), copy.deepcopy(method)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        method.after_step(0.0)


@pytest.mark.parametrize("K, m", [(B, 0.0), (2 * B, 0.9), (8 * B, 0.999)])
def test_its_steps_are_mocos_own(images, K, m):
    explorer = explore(images, K=K, m=m, lr=0.02)  # with 0.1, rounding grows to 5e-3 in five steps on some processors
    for now, (loss, q, k, _) in zip(moments(explorer), by_hand(explorer, K, m), strict=True):
        np.testing.assert_allclose(now.q, q, atol=1e-3)
        np.testing.assert_allclose(now.k, k, atol=1e-3)
        assert now.losses(0.2).mean() == pytest.approx(loss, abs=1e-3)


@pytest.mark.parametrize("m", [0.0, 0.9])
def test_agreement_is_the_cosine_with_the_key_that_the_present_key_network_makes_of_the_same_batch(images, m):
    explorer = explore(images, K=2 * B, m=m)
    for now, (*_, method) in zip(moments(explorer), by_hand(explorer, 2 * B, m), strict=True):
        for batch in {j // B for j in now.shows if j >= 0}:
            slots = np.flatnonzero(now.shows // B == batch)
            with torch.no_grad(), autocast(explorer.views[1].device):
                k = method.keys(explorer.views[1][batch * B : (batch + 1) * B]).float().numpy()
            np.testing.assert_allclose(now.again[slots], (k * now.rows[slots]).sum(axis=1), atol=1e-3)


def test_keys_agree_less_with_a_smaller_momentum_and_fully_where_the_key_network_stands_still(images):
    explorer = explore(images, moco(m=1.0), K=4 * B)
    agree = [moments(explorer.set(m=m))[-1].agreement()[1] for m in (0.0, 0.9, 1.0)]
    assert agree[0][-1] < agree[1][-1] < agree[2][-1]
    np.testing.assert_allclose(agree[2], 1, atol=1e-5)
    assert [len(each) for each in agree] == [4, 4, 4]


@pytest.mark.parametrize("when", ["after", "before"])
def test_the_loss_that_is_said_is_info_nce_of_the_rows_that_are_shown(images, when):
    explorer = explore(images, K=2 * B, step=4, when=when)
    now = moments(explorer, 4)[-1]
    now = now.enqueued if when == "before" else now
    loss = info_nce(*(torch.from_numpy(x) for x in (now.q, now.k, now.rows)), explorer.method.tau)
    assert f"mean loss {loss:.2f}" in explorer.summary
    assert when == "after" or loss >= np.log(2)


def test_enqueued_before_the_logits_no_query_pays_less_than_log_2(images):
    explorer, paid = explore(images, K=B, step=1), {}
    for when in ("after", "before"):
        said = [explorer.set(when=when, query=query).summary for query in range(B)]
        paid[when] = [float(re.search(r"pays ([\d.]+)", each)[1]) for each in said]
    assert min(paid["after"]) < 0.69 <= min(paid["before"])
    assert "in place of" in explorer.summary and "cannot" not in explorer.set(when="after").summary


def counted(explorer, monkeypatch):
    """How many steps have been taken from now on."""
    from ssl_lab.widgets.queue import Run

    taken, take = [], Run.take
    monkeypatch.setattr(Run, "take", lambda run, step: taken.append(step) or take(run, step))
    return taken


def test_a_step_is_taken_once_and_only_when_somebody_looks_at_it(images, monkeypatch):
    explorer = explore(images, step=2)
    taken = counted(explorer, monkeypatch)
    explorer.set(query=3, when="before").set(step=1).set(step=2)
    assert taken == []
    assert explorer.set(step=4) and taken == [3, 4]
    assert explorer.set(m=0.0) and taken == [3, 4, 1, 2, 3, 4]
    assert explorer.set(m=0.9).set(m=0.0) and taken == [3, 4, 1, 2, 3, 4]


def test_m_and_K_change_what_they_should_and_nothing_else(images):
    explorer = explore(images, K=2 * B, m=0.9)
    runs = {(K, m): moments(explorer.set(K=K, m=m)) for K in (2 * B, 4 * B) for m in (0.0, 0.9)}
    one = runs[2 * B, 0.9]
    for (K, m), other in runs.items():
        np.testing.assert_array_equal(other[0].q, one[0].q)  # at the first step nothing has been learned
        np.testing.assert_array_equal(other[0].k, one[0].k)
        assert [len(now.rows) for now in other] == [K] * STEPS
        assert np.allclose(other[-1].k, one[-1].k) == ((K, m) == (2 * B, 0.9))


def test_the_same_seed_gives_the_same_steps_and_another_other_views_and_other_random_rows(images):
    one, same, other = (QueueExplorer(moco(), images, steps=2, batch=B, seed=seed) for seed in (1, 1, 2))
    assert one.summary == same.summary != other.summary
    np.testing.assert_array_equal(one.images[0], same.images[0])
    assert not np.array_equal(one.images[0], other.images[0])
    assert not np.array_equal(moments(one, 1)[0].rows, moments(other, 1)[0].rows)


def test_views_are_the_methods_own_and_no_picture_is_taken_twice(images):
    explorer, method = explore(images), moco()
    torch.manual_seed(0)
    for shown, views in zip(explorer.images, method.views(images.x), strict=True):
        np.testing.assert_array_equal(shown, plots.hwc(views))
    assert np.concatenate([now.own for now in moments(explorer)]).tolist() == [*range(B * STEPS)]


def test_the_callers_method_and_random_numbers_are_left_alone_and_it_may_learn_on(images):
    method = moco().eval()
    method(*method.views(images.x[:B]))
    last, before = method.embeddings, {name: value.clone() for name, value in method.state_dict().items()}
    state = torch.get_rng_state()
    explorer = explore(images, method, step=2)
    assert torch.equal(torch.get_rng_state(), state)
    for parameter in method.parameters():
        parameter.data.zero_()
    said = explorer.set(m=0.0, step=STEPS).summary
    for name, value in before.items():
        method.state_dict()[name].copy_(value)
    assert method.embeddings is last
    assert not any(module.training for module in method.modules())
    assert all(p.grad is None for p in method.parameters())
    assert explore(images, method, m=0.0, step=STEPS).summary == said


def test_a_frozen_encoder_and_a_batch_that_split_cannot_divide_are_no_matter(images):
    method = moco(split=8)
    method.encoder.requires_grad_(False)
    assert explore(images, method, step=3).summary == explore(images, moco(split=1), step=3).summary


def test_a_network_without_batch_norm_can_be_looked_at(images):
    torch.manual_seed(0)
    method = MoCo(small_resnet(width=4, norm="group"))
    assert "Step 3 of MoCo" in explore(images, method, step=3).summary


def test_images_without_labels_have_no_false_negatives(images):
    explorer = explore(images.unlabelled(), step=4)
    assert "without labels, false negatives cannot be marked" in explorer.summary
    assert "class" not in explorer.summary


def test_it_begins_with_the_methods_momentum_which_is_offered_too(images):
    assert explore(images).controls["m"].value == 0.9
    own = explore(images, moco(m=0.97)).controls["m"]
    assert own.value == 0.97
    assert own.stops() == sorted([*MOMENTA, 0.97])
    assert explore(images).controls["K"].stops() == [B, 2 * B, 4 * B, 8 * B]


def test_of_a_single_step_there_is_nothing_to_choose(images):
    explorer = QueueExplorer(moco(), images, steps=1, batch=B)
    assert list(explorer.controls) == ["K", "m", "query", "when"]
    assert "all of them random rows yet" in explorer.summary


@pytest.mark.parametrize(
    "options, said",
    [
        ({"steps": 6}, "steps=6 of batch=8 take 48 images and there are 40; give more images, or fewer steps"),
        ({"steps": 0}, "steps=0: a whole number, at least one, is needed"),
        ({"batch": 1}, "batch=1: 2 to 16 images a step"),
        ({"batch": 17}, "batch=17: 2 to 16 images a step"),
        ({"lr": -0.1}, "lr=-0.1 must be a number above 0"),
        ({"K": 4}, "K=4 is not offered; K is one of 8, 16, 32, 64"),
        ({"m": 0.5}, "m=0.5 is not offered; m is one of 0, 0.9, 0.99, 0.999"),
        ({"query": B}, "query=8 is not offered; query is a whole number from 0 to 7"),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(images, options, said):
    with pytest.raises(InputError, match=re.escape(said)):
        QueueExplorer(moco(), images, **{"steps": STEPS, "batch": B, **options})


def test_what_is_no_moco_is_refused(images):
    with pytest.raises(InputError, match="QueueExplorer looks into MoCo's queue and got SimCLR; give"):
        QueueExplorer(SimCLR(small_resnet(width=4)), images)


def test_steps_that_diverge_are_a_sentence_and_the_picture_stays(images):
    explorer = QueueExplorer(moco(), images, steps=STEPS, batch=B, lr=1e30, step=1)
    seen = explorer.picture
    explorer.controls["step"].value = STEPS
    assert re.match(r"step \d gives embeddings that are not finite; take a smaller lr than 1e\+30, or other weights", explorer.trouble)
    assert explorer.picture == seen
    assert explorer.set(step=1).trouble == ""
