"""What MoCo promises, each promise a function that a class keeps or breaks: MoCo keeps them all, and every usual mistake breaks one."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dummies.promises import breaks, keeps
from dummies.slow import Pixel, TurnedRound, batch_norm_is_its_own, copies_are_equal, copies_follow, copies_rest, pixels
from dummies.trainings import a_step, equal, in_parts, numbers
from ssl_lab.augment import GREYER
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.losses import info_nce
from ssl_lab.method import Method
from ssl_lab.methods import MoCo, moco
from ssl_lab.models import ema_, frozen_copy, small_resnet
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import train

QUEUE = torch.tensor([[0.0, 1.0], [-1.0, 0.0], [0.8, -0.6]])
QUICK = Recipe(epochs=3, batch=16, optimizer="lars", lr=1.0, eta=0.02)


def by_hand(kind) -> MoCo:
    """The hand example's queue, and heads that hand on what they are given."""
    method = kind(Pixel(), dim=2, K=3, m=0.9, tau=0.2, split=1)
    method.projector, method.key_projector = nn.Identity(), nn.Identity()
    method.queue.copy_(QUEUE)
    return method


def small(kind, seed: int = 0, **options) -> MoCo:
    torch.manual_seed(seed)
    return kind(small_resnet(width=4), **{"dim": 8, "K": 40, "m": 0.9, "split": 4} | options).train()


def views(B: int = 16) -> torch.Tensor:
    return torch.rand(2, B, 3, 32, 32)


# ---- the promises


def loss_of_the_hand_example(kind):
    loss = by_hand(kind)(pixels([1.0, 0.0]), pixels([0.6, 0.8]))
    assert loss.item() == pytest.approx(1.326652, abs=1e-6)


def forward_leaves_the_queue_alone_and_backward_works(kind):
    method = small(kind)
    before = numbers(method)
    method(*views()).backward()
    assert all(torch.equal(before[name], getattr(method, name)) for name in ("queue", "pointer", "filled"))


def queue_begins_with_unit_rows(kind):
    method = small(kind)
    torch.testing.assert_close(method.queue.norm(dim=1), torch.ones(40))
    assert method.pointer == method.filled == 0 and not method.queue.requires_grad


def queue_stays_of_unit_rows(kind):
    method = small(kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        a_step(method, views())
    torch.testing.assert_close(method.queue.norm(dim=1), torch.ones(40))
    for rows in method.embeddings.values():  # bfloat16 would leave them 0.4 % too long or too short
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(16))


def queue_is_the_last_K_keys(kind):
    for K, B in ((6, 2), (7, 3), (40, 16), (5, 5), (9, 1), (5, 7)):
        method = kind(Pixel(), dim=2, K=K, split=1)
        sent = F.normalize(torch.randn(11 * B, 2), dim=1)
        for step, keys in enumerate(sent.split(B), start=1):
            method.enqueue(keys)
            assert method.pointer == (step * min(B, K)) % K and method.filled == min(step * B, K)
            kept = method.queue.roll(-int(method.pointer), dims=0)[-min(step * B, K) :]
            assert torch.equal(kept, sent[: step * B][-K:])


def queue_takes_the_keys_not_the_queries_and_only_after_the_step(kind):
    method = small(kind)
    a_step(method, views())
    assert torch.equal(method.queue[:16], method.embeddings["k"])
    assert not torch.allclose(method.embeddings["k"], method.embeddings["q"], atol=1e-3)


def keys_are_in_the_order_of_their_images(kind):
    """Without batch norm a shuffle cannot be seen: the key of a view equal to the query's is the query."""
    torch.manual_seed(0)
    method, x = kind(small_resnet(width=4, norm="group"), dim=8, K=40), torch.rand(16, 3, 32, 32)
    method(x, x)
    q, k = method.embeddings.values()
    torch.testing.assert_close((q * k).sum(1), torch.ones(16))


def keys_are_shuffled_between_the_groups_of_batch_norm(kind):
    method, x = small(kind, split=4), torch.rand(16, 3, 32, 32)
    first, second = method.keys(x), method.keys(x)
    assert (first - second).abs().max() > 1e-3


def keys_come_from_their_group_alone(kind):
    """Of 4 images in 16, the others being exchanged, some key stays: its group was not touched. With one group for all, none does."""
    method, x = small(kind, split=4), torch.rand(16, 3, 32, 32)
    other = torch.cat([x[:15], torch.rand(1, 3, 32, 32)])
    same = (keys_drawn_alike(method, x) - keys_drawn_alike(method, other)).abs().amax(1) < 1e-6
    assert same.sum() == 12


def keys_drawn_alike(method: MoCo, x: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(3)
    return method.keys(x)


def key_network_is_m_k_plus_1_minus_m_q(kind):
    method = small(kind)
    for _ in range(3):
        before = numbers(method)
        a_step(method, views())
        copies_follow(method, MoCo.slow, before, 0.9)


def key_network_starts_as_the_query_network(kind):
    copies_are_equal(small(kind), MoCo.slow)


def key_network_has_no_gradient_and_no_optimizer(kind):
    method = small(kind)
    method(*views()).backward()
    copies_rest(method, MoCo.slow)
    assert not method.embeddings["k"].requires_grad


def gradient_is_that_of_the_query_alone(kind):
    """The key is a constant: the slope of the loss in the one weight of Pixel, which a unit row does not feel, is that of q · k in q."""
    method = small(kind, split=1)
    x1, x2 = views()
    method(x1, x2).backward()
    found = method.projector[0].weight.grad.clone()
    method.zero_grad()
    q = F.normalize(method.embed(x1), dim=1)
    info_nce(q, method.embeddings["k"].clone(), method.queue.clone(), method.tau).backward()
    torch.testing.assert_close(found, method.projector[0].weight.grad, atol=1e-6, rtol=1e-4)


def key_networks_batch_norm_sees_its_own_batches(kind):
    batch_norm_is_its_own(small(kind), "key_encoder", views())


def state_holds_queue_and_pointer(kind):
    method, other = small(kind), small(kind, seed=1)
    for _ in range(2):
        a_step(method, views())
    other.load_state_dict(numbers(method))
    for one in (method, other):
        torch.manual_seed(5)
        a_step(one, views())
    assert equal(numbers(method), numbers(other))
    assert torch.equal(method.queue, other.queue) and method.pointer == other.pointer == 8 and method.filled == other.filled == 40


PROMISES = [
    loss_of_the_hand_example, forward_leaves_the_queue_alone_and_backward_works, queue_begins_with_unit_rows, queue_stays_of_unit_rows,
    queue_is_the_last_K_keys, queue_takes_the_keys_not_the_queries_and_only_after_the_step, keys_are_in_the_order_of_their_images,
    keys_are_shuffled_between_the_groups_of_batch_norm, keys_come_from_their_group_alone, key_network_is_m_k_plus_1_minus_m_q,
    key_network_starts_as_the_query_network, key_network_has_no_gradient_and_no_optimizer, gradient_is_that_of_the_query_alone,
    key_networks_batch_norm_sees_its_own_batches, state_holds_queue_and_pointer,
]  # fmt: skip


test_moco_keeps_the_promise = keeps(MoCo, PROMISES)


# ---- the usual mistakes


class EnqueuesBeforeTheLogits(MoCo):
    def forward(self, x1, x2):
        self.enqueue(self.keys(x2))
        return super().forward(x1, x2)


class EnqueuesBeforeBackward(MoCo):
    """Without the clone that the official code makes, autograd finds its queue overwritten."""

    def forward(self, x1, x2):
        loss = super().forward(x1, x2)
        self.enqueue(self.k)
        return loss


class QueueNormalisedOverKeys(MoCo):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.queue = F.normalize(torch.randn_like(self.queue), dim=0)


class QueueNotNormalised(MoCo):
    def enqueue(self, k):
        super().enqueue(2 * k)


class HalfPrecisionQueue(MoCo):
    def enqueue(self, k):
        super().enqueue(k.bfloat16().float())


class CutAtTheEnd(MoCo):
    """At the end of the ring the batch is cut and the pointer begins anew, as in a well-known library."""

    def enqueue(self, k):
        super().enqueue(k[: len(self.queue) - int(self.pointer)])


class PointerStandsStill(MoCo):
    def enqueue(self, k):
        super().enqueue(k)
        self.pointer.zero_()


class EnqueuesQueries(MoCo):
    def after_step(self, progress):
        self.k = self.embeddings["q"]
        super().after_step(progress)


class NotUnshuffled(MoCo):
    @torch.no_grad()
    def keys(self, x):
        return super().keys(x)[torch.randperm(len(x))]


class NotShuffled(MoCo):
    @torch.no_grad()
    def keys(self, x):
        return F.normalize(self.key_projector(self.key_encoder(x)), dim=1)


class OneGroup(MoCo):
    def __init__(self, encoder, split=8, **options):
        super().__init__(encoder, split=1, **options)


class WrongWayRound(TurnedRound, MoCo):
    pass


class HeadNotAveraged(MoCo):
    def after_step(self, progress):
        ema_(self.key_encoder, self.encoder, self.m)
        self.enqueue(self.k)


class AveragesBuffers(MoCo):
    def after_step(self, progress):
        super().after_step(progress)
        for key, online in zip(self.key_encoder.buffers(), self.encoder.buffers()):
            key.copy_(self.m * key + (1 - self.m) * online)


class AveragesTwice(MoCo):
    def after_step(self, progress):
        ema_(self.key_encoder, self.encoder, self.m)
        super().after_step(progress)


class HeadOfItsOwn(MoCo):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.key_projector = frozen_copy(MoCo(encoder, **options).projector)


class KeyWithGradient(MoCo):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.key_encoder.requires_grad_(True)
        self.key_projector.requires_grad_(True)

    def keys(self, x):
        return F.normalize(self.key_projector(self.key_encoder(x)), dim=1)


class KeyInTheOptimizer(MoCo):
    """Without a gradient, and yet weight decay would move it."""

    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.key_projector.requires_grad_(True)


class KeyByTheQueryNetwork(MoCo):
    @torch.no_grad()
    def keys(self, x):
        return F.normalize(self.projector(self.encoder(x)), dim=1)


class PositiveOfQueries(MoCo):
    def forward(self, x1, x2):
        return super().forward(x1, x1)


class KeyInEvaluationMode(MoCo):
    def keys(self, x):
        self.key_encoder.eval()
        return super().keys(x)


class TemperatureMultiplied(MoCo):
    def forward(self, x1, x2):
        self.tau = 1 / self.tau
        return super().forward(x1, x2)


class NoTemperature(MoCo):
    def forward(self, x1, x2):
        self.tau = 1.0
        return super().forward(x1, x2)


class QueueNotSaved(MoCo):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.register_buffer("queue", self.queue, persistent=False)


class PointerNotSaved(MoCo):
    def __init__(self, encoder, **options):
        super().__init__(encoder, **options)
        self.register_buffer("pointer", self.pointer, persistent=False)


CAUGHT = {  # which promise each mistake of methods.md 4.4, and a few others, breaks
    EnqueuesBeforeTheLogits: loss_of_the_hand_example,
    EnqueuesBeforeBackward: forward_leaves_the_queue_alone_and_backward_works,
    QueueNormalisedOverKeys: queue_begins_with_unit_rows,
    QueueNotNormalised: queue_stays_of_unit_rows,
    HalfPrecisionQueue: queue_stays_of_unit_rows,
    CutAtTheEnd: queue_is_the_last_K_keys,
    PointerStandsStill: queue_is_the_last_K_keys,
    EnqueuesQueries: queue_takes_the_keys_not_the_queries_and_only_after_the_step,
    NotUnshuffled: keys_are_in_the_order_of_their_images,
    NotShuffled: keys_are_shuffled_between_the_groups_of_batch_norm,
    OneGroup: keys_come_from_their_group_alone,
    WrongWayRound: key_network_is_m_k_plus_1_minus_m_q,
    HeadNotAveraged: key_network_is_m_k_plus_1_minus_m_q,
    AveragesTwice: key_network_is_m_k_plus_1_minus_m_q,
    AveragesBuffers: key_networks_batch_norm_sees_its_own_batches,
    HeadOfItsOwn: key_network_starts_as_the_query_network,
    KeyWithGradient: key_network_has_no_gradient_and_no_optimizer,
    KeyInTheOptimizer: key_network_has_no_gradient_and_no_optimizer,
    KeyByTheQueryNetwork: key_networks_batch_norm_sees_its_own_batches,
    PositiveOfQueries: loss_of_the_hand_example,
    KeyInEvaluationMode: key_networks_batch_norm_sees_its_own_batches,
    TemperatureMultiplied: loss_of_the_hand_example,
    NoTemperature: loss_of_the_hand_example,
    QueueNotSaved: state_holds_queue_and_pointer,
    PointerNotSaved: state_holds_queue_and_pointer,
}


test_every_usual_mistake_breaks_its_promise = breaks(CAUGHT.items(), {EnqueuesBeforeBackward: RuntimeError})


def test_enqueuing_first_costs_what_the_hand_example_says():
    assert by_hand(EnqueuesBeforeTheLogits)(pixels([1.0, 0.0]), pixels([0.6, 0.8])).item() == pytest.approx(1.551516, abs=1e-6)
    assert by_hand(NoTemperature)(pixels([1.0, 0.0]), pixels([0.6, 0.8])).item() == pytest.approx(1.089272, abs=1e-6)


# ---- through a training, a save and a load


class Watched(MoCo):
    """Writes down every key that was made and every key network."""

    def after_step(self, progress):
        before = numbers(self)
        super().after_step(progress)
        self.sent = [*getattr(self, "sent", []), self.k]
        copies_follow(self, self.slow, before, self.m, exactly=True)


@pytest.mark.parametrize("stop", [1, 2])
def test_queue_and_key_network_are_exact_through_a_save_and_a_load_and_training_goes_on_to_the_bit(tmp_path, stop):
    images = load("scenes", limit=90).unlabelled()
    whole, first, resumed = small(Watched), small(Watched), small(Watched, seed=9)
    logs = list(train(whole, images, QUICK))
    losses = [log.loss for log in in_parts(first, resumed, images, QUICK, tmp_path, stop)]
    assert equal(numbers(whole), numbers(resumed)) and losses == [log.loss for log in logs]
    sent = torch.cat([*first.sent, *resumed.sent])
    assert len(sent) == 3 * 5 * 16 and torch.equal(sent, torch.cat(whole.sent))
    assert torch.equal(resumed.queue.roll(-int(resumed.pointer), dims=0), sent[-40:])
    assert logs[0].stats["filled"] == 1.0


@pytest.mark.parametrize("other, there", [({"K": 48}, "settings.K = 40, not 48;"), ({"dim": 4}, "settings.dim = 8, not 4;")])
def test_a_resumed_run_of_another_queue_is_refused_by_name(tmp_path, other, there):
    images = load("scenes", limit=40).unlabelled()
    next(train(small(MoCo), images, QUICK, out=tmp_path))
    with pytest.raises(InputError, match=f"was begun with {there} resume it with its own"):
        train(small(MoCo, **other), images, QUICK, out=tmp_path, resume=True)


@pytest.mark.parametrize("other, there", [
    ({"m": 0.5}, "m = 0.9, not 0.5;"), ({"tau": 5.0}, "tau = 0.2, not 5.0;"), ({"split": 2}, "split = 4, not 2;"),
    ({"augmentation": replace(GREYER, jitter=0.0)}, "augmentation.jitter = 1.0, not 0.0;"),
])
def test_a_run_is_not_resumed_with_other_settings(tmp_path, other, there):
    images = load("scenes", limit=40).unlabelled()
    next(train(small(MoCo), images, QUICK, out=tmp_path))
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(InputError, match=f"was begun with settings.{there} resume it with its own"):
        train(small(MoCo, **other), images, QUICK, out=tmp_path, resume=True)
    assert (tmp_path / "config.json").read_text() == before


def test_the_loss_starts_low_and_rises_while_real_keys_fill_the_queue():
    """An untrained network maps all images to nearly one direction: random rows are far from it, real keys are not."""
    method = small(MoCo, K=256, split=4, tau=0.1, m=1.0)
    x, losses, filled = load("scenes", limit=256).x, [], []
    for part in x.split(32):
        losses.append(method(*method.views(part)).item())
        method.after_step(0.0)
        filled.append(method.stats()["filled"].item())
    assert filled == [n / 8 for n in range(1, 9)]
    assert losses[-1] > losses[0] + 1 and losses[-1] > math.log(256) - 1


def test_while_the_queue_fills_it_is_said_that_the_loss_rises():
    method, images = small(MoCo, K=80, split=4), load("scenes", limit=40).unlabelled()
    remarks = [log.remark for log in train(method, images, replace(QUICK, lr=0.01))]
    assert [words.split(" of ")[0] for words in remarks[:2]] == ["40%", "80%"] and "queue" not in remarks[2]
    assert "the loss rises while they replace the random rows" in remarks[0]
    full = next(train(small(MoCo, K=16, split=4), images, replace(QUICK, lr=0.01))).remark
    assert full.startswith("the queue holds only real keys now; the loss rose")


@pytest.mark.parametrize("epoch, filled", [(1, 0.4), (1, 1.0), (2, 0.4), (2, 1.0)])
def test_a_collapse_is_said_whatever_the_queue_does(epoch, filled):
    log = Log(epoch, 3, step=5, loss=0.1, lr=0.1, seconds=1.0, images=80, stats={"std": 0.001, "filled": filled})
    assert small(MoCo).remark(log).startswith("the embedding has collapsed: its std is 0.001")


def test_keys_in_half_precision_are_enqueued():
    method = small(MoCo).bfloat16()
    method.enqueue(torch.ones(16, 8))
    assert method.queue.dtype == torch.bfloat16 and bool((method.queue[:16] == 1).all())


def test_the_queue_takes_the_keys_of_all_ranks(monkeypatch):
    method, others = small(MoCo), F.normalize(torch.randn(16, 8), dim=1)
    monkeypatch.setattr(moco, "gather", lambda k: torch.cat([k, others]))
    a_step(method, views())
    assert torch.equal(method.queue[:32], torch.cat([method.embeddings["k"], others])) and method.pointer == 32


# ---- the two versions, the leak, bad input


def test_version_1_has_a_linear_head_and_version_2_two_layers_without_batch_norm():
    linear, two = small(MoCo, mlp_head=False), small(MoCo, mlp_head=True)
    for part in ("projector", "key_projector"):
        assert [type(layer).__name__ for layer in getattr(linear, part)] == ["Linear"]
        assert [type(layer).__name__ for layer in getattr(two, part)] == ["Linear", "ReLU", "Linear"]


def test_split_1_shows_the_leak_a_key_tells_of_the_whole_batch_that_its_query_has_seen():
    """What a whole batch has in common moves every key with split=1, and with 8 groups only by what a group of 8 in 64 shares with it."""
    torch.manual_seed(0)
    x = torch.rand(64, 3, 32, 32)
    one = torch.cat([torch.rand(1, 3, 32, 32), x[1:]])
    reach = {split: moved(small(MoCo, K=64, split=split), x, one) for split in (1, 8)}
    assert reach == {1: 64, 8: 8}


def moved(method: MoCo, x: torch.Tensor, other: torch.Tensor) -> int:
    """How many keys change when these images are exchanged."""
    return int(((keys_drawn_alike(method, x) - keys_drawn_alike(method, other)).abs().amax(1) > 1e-7).sum())


def test_the_encoder_itself_stays_as_it_was_given():
    encoder = small_resnet(width=4)
    kinds = [type(module) for module in encoder.modules()]
    assert MoCo(encoder).encoder is encoder and [type(module) for module in encoder.modules()] == kinds


def test_it_draws_two_different_views():
    x = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8)
    x1, x2 = small(MoCo).views(x)
    assert ((x1 - x2).abs().amax((1, 2, 3)) > 0.01).all()
    flat = (torch.rand(64, 3, 1, 1) * 255).to(torch.uint8).expand(64, 3, 32, 32)
    torch.testing.assert_close(small(MoCo, augmentation=replace(GREYER, jitter=0.0)).views(flat)[1], flat / 255, atol=1e-5, rtol=0)


def test_recipes():
    assert moco.RECIPE.epochs == 200 and moco.RECIPE.batch % 8 == 0 and moco.SCENES.batch % 8 == 0 and issubclass(MoCo, Method)
    assert MoCo(small_resnet(width=4)).queue.shape == (4096, 64)


@pytest.mark.parametrize("wrong, words", [
    ({"m": 1.1}, "m=1.1"), ({"m": -0.1}, "m=-0.1"), ({"tau": 0.0}, "tau=0.0 must be a number above 0"), ({"tau": -1.0}, "tau"), ({"K": 0}, "K=0"),
    ({"split": 0}, "split=0"), ({"dim": 0}, "dim=0"),
])
def test_impossible_settings_are_refused_when_it_is_made(wrong, words):
    with pytest.raises(InputError, match=words):
        small(MoCo, **wrong)


@pytest.mark.parametrize("options, words", [
    ({"K": 12}, "a queue of K=12 keys cannot hold a batch of 16; try K=16 or more, or a batch of 12"),
    ({"K": 14, "split": 4}, "cannot hold a batch of 16; try K=16 or more, or a batch of 12"),
    ({"split": 5}, "split=5 equal groups .* of a batch of 16; try a batch of 15 or split=1"),
])
def test_a_batch_that_does_not_fit_is_refused_before_anything_has_moved(options, words):
    method = small(MoCo, **options)
    before = numbers(method)
    with pytest.raises(InputError, match=words):
        next(train(method, load("scenes", limit=40).unlabelled(), QUICK))
    statistics = {f"encoder.{name}" for name, _ in method.encoder.named_buffers()}  # of batch norm: they move in forward, as everywhere
    assert {name for name, tensor in method.state_dict().items() if not torch.equal(tensor, before[name])} <= statistics


def test_a_queue_of_another_width_is_refused_by_name(without_shape_checks):
    script = """
        import torch
        from ssl_lab.methods import MoCo
        from ssl_lab.models import small_resnet
        method = MoCo(small_resnet(width=4))
        method.queue = torch.rand(4096, 32)
        try:
            method(*torch.rand(2, 16, 3, 32, 32))
        except ValueError as error:
            print(error)
    """
    assert "the queue is (4096, 32), the queries have width 64" in without_shape_checks(script)
