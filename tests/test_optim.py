"""What LARS, the schedule and the parameter groups promise, against the formulas written out."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.optim import LARS, LBFGS, SGD, AdamW, adamw, parameter_groups, warmup_cosine


def parameter(*values, grad):
    w = nn.Parameter(torch.tensor(values))
    w.grad = torch.tensor(grad)
    return w


def test_the_first_step_by_hand():
    """|w| = 5 and |g| = 1, so the ratio is 0.005."""
    w = parameter([3.0, 4.0], grad=[[0.6, 0.8]])
    LARS([w], lr=2.0, eta=1e-3).step()
    torch.testing.assert_close(torch.tensor([[3.0, 4.0]]) - w.detach(), 2.0 * torch.tensor([[0.003, 0.004]]), atol=1e-6, rtol=0)


def test_the_length_of_the_gradient_does_not_matter():
    steps = []
    for scale in (1.0, 1000.0):
        w = parameter([3.0, 4.0], grad=[[0.6 * scale, 0.8 * scale]])
        LARS([w], lr=1.0, eta=1e-2).step()
        steps.append(w.detach())
    torch.testing.assert_close(*steps)


@pytest.mark.parametrize("w, g", [([3.0, 4.0], [0.6, 0.8]), (3.0, 0.6)])
def test_biases_and_normalisation_move_by_plain_momentum_without_decay(w, g):
    p = parameter(*([w] if isinstance(w, float) else w), grad=[g] if isinstance(g, float) else g)
    start, g = p.detach().clone(), p.grad.clone()
    optimizer = LARS([p], lr=0.5, momentum=0.9, weight_decay=10.0)
    optimizer.step()
    torch.testing.assert_close(start - p.detach(), 0.5 * g)
    optimizer.step()
    torch.testing.assert_close(start - p.detach(), 0.5 * g * (1 + 1.9))


@pytest.mark.parametrize("w, g, step", [([0.0, 0.0], [0.6, 0.8], [0.6, 0.8]), ([3.0, 4.0], [0.0, 0.0], [0.0, 0.0])])
def test_where_a_norm_is_zero_the_ratio_is_one(w, g, step):
    p = parameter(w, grad=[g])
    LARS([p], lr=1.0).step()
    torch.testing.assert_close(torch.tensor([w]) - p.detach(), torch.tensor([step]))


def test_ten_steps_equal_a_numpy_run_also_when_lr_changes():
    """SimCLR's flavour: lr goes into the buffer. BYOL's, which multiplies by it at the end, ends elsewhere."""
    draw = np.random.default_rng(0)
    start, gradients = draw.standard_normal((4, 3, 2, 2)), draw.standard_normal((10, 4, 3, 2, 2))
    w = nn.Parameter(torch.from_numpy(start).float())
    optimizer = LARS([w], lr=1.0, momentum=0.9, weight_decay=0.1, eta=0.02)
    simclr, v, byol, buffer = start, 0.0, start, 0.0
    for step, g in enumerate(gradients):
        lr = 2.0 * warmup_cosine((step + 0.5) / 10, warmup=0.2)
        w.grad = torch.from_numpy(g).float()
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        u = g + 0.1 * simclr
        v = 0.9 * v + 0.02 * np.linalg.norm(simclr) / np.linalg.norm(u) * lr * u
        simclr = simclr - v
        u = g + 0.1 * byol
        buffer = 0.9 * buffer + 0.02 * np.linalg.norm(byol) / np.linalg.norm(u) * u
        byol = byol - lr * buffer
    np.testing.assert_allclose(w.detach().numpy(), simclr, atol=1e-6, rtol=0)
    assert np.abs(simclr - byol).max() > 1e-4


def test_the_state_goes_through_a_dictionary_and_back():
    def steps(optimizer, w, n):
        for i in range(n):
            w.grad = torch.full_like(w, 0.1 * (i + 1))
            optimizer.step()

    w = nn.Parameter(torch.ones(2, 2))
    first = LARS([w], lr=1.0)
    steps(first, w, 3)
    other = nn.Parameter(w.detach().clone())
    second = LARS([other], lr=7.0)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    steps(first, w, 2)
    steps(second, other, 2)
    assert torch.equal(w, other)


def test_parameters_without_a_gradient_stay():
    w, idle = parameter([3.0, 4.0], grad=[[0.6, 0.8]]), nn.Parameter(torch.ones(2, 2))
    LARS([w, idle], lr=1.0, weight_decay=1.0).step()
    assert torch.equal(idle, torch.ones(2, 2))


def test_the_gradient_is_left_as_it_was():
    w, b = parameter([3.0, 4.0], grad=[[0.6, 0.8]]), parameter(1.0, grad=[2.0])
    LARS([w, b], lr=1.0, weight_decay=1.0).step()
    assert torch.equal(w.grad, torch.tensor([[0.6, 0.8]]))
    assert torch.equal(b.grad, torch.tensor([2.0]))


def test_a_closure_is_asked_for_the_gradient():
    w = nn.Parameter(torch.tensor([[3.0, 4.0]]))

    def closure():
        w.grad = None
        loss = w.square().sum()
        loss.backward()
        return loss

    assert LARS([w], lr=1.0).step(closure).item() == 25
    torch.testing.assert_close(w.detach(), torch.tensor([[3.0, 4.0]]) * (1 - 1e-3))


def test_a_step_waits_for_nothing():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to("meta")
    for p in net.parameters():
        p.grad = torch.empty_like(p)
    LARS(net.parameters(), lr=1.0).step()


@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"lr": 1.0, "momentum": 1.0}, {"lr": 1.0, "weight_decay": -1e-6}, {"lr": 1.0, "eta": 0.0}])
def test_settings_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=list(wrong)[-1]):
        LARS([nn.Parameter(torch.ones(1, 1))], **wrong)


# ---- AdamW


def kernel(seed: int) -> tuple[nn.Parameter, torch.optim.Optimizer]:
    w = nn.Parameter(torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(seed)).to(memory_format=torch.channels_last))
    return w, adamw([{"params": [w], "weight_decay": 0.1}], lr=0.1)


def steps(w: nn.Parameter, optimizer: torch.optim.Optimizer, seeds: range) -> None:
    for seed in seeds:
        w.grad = torch.randn(w.shape, generator=torch.Generator().manual_seed(seed)).to(memory_format=torch.channels_last)
        optimizer.step()


def test_adamw_is_the_equation_of_the_paper():
    w, optimizer = kernel(0)
    expected, m, v = w.detach().double().numpy().copy(), 0.0, 0.0
    steps(w, optimizer, range(1, 11))
    for t in range(1, 11):
        g = torch.randn(w.shape, generator=torch.Generator().manual_seed(t)).double().numpy()
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        expected -= 0.1 * (0.1 * expected + m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8))
    np.testing.assert_allclose(w.detach().numpy(), expected, atol=2e-6, rtol=0)


def test_adamw_goes_on_to_the_bit_from_a_file_that_knows_no_memory_format(tmp_path):
    first, optimizer = kernel(0)
    steps(first, optimizer, range(1, 4))
    state = optimizer.state_dict()
    save_file({name: moment.contiguous() for name, moment in state["state"][0].items()}, tmp_path / "state")
    second = nn.Parameter(first.detach().clone())
    resumed = adamw([{"params": [second], "weight_decay": 0.1}], lr=0.1)
    resumed.load_state_dict({**state, "state": {0: load_file(tmp_path / "state")}})
    for w, by in ((first, optimizer), (second, resumed)):
        steps(w, by, range(4, 7))
    assert torch.equal(first, second)


# ---- the schedule


@pytest.mark.parametrize("warmup", [0.1, 0.5])
def test_warmup_is_a_straight_line_from_zero(warmup):
    assert [warmup_cosine(share * warmup, warmup) for share in (0, 0.25, 0.5, 1)] == pytest.approx([0, 0.25, 0.5, 1])


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
def test_cosine_from_one_to_zero_after_it(warmup):
    values = [warmup_cosine(warmup + share * (1 - warmup), warmup) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert values == pytest.approx([(1 + math.cos(math.pi * share)) / 2 for share in (0, 0.25, 0.5, 0.75, 1)])


def test_the_schedule_stays_between_zero_and_one():
    values = [warmup_cosine(i / 1000) for i in range(1001)]
    assert min(values) == 0
    assert max(values) == 1


@pytest.mark.parametrize("progress, warmup", [(-0.1, 0.1), (1.1, 0.1), (0.5, 1.0), (0.5, -0.1)])
def test_shares_outside_their_range_are_refused(progress, warmup):
    with pytest.raises(InputError):
        warmup_cosine(progress, warmup)


# ---- who decays


def test_matrices_decay_and_nothing_else_does():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(8, 2))
    decayed, plain = parameter_groups(net, 0.1)
    assert decayed["weight_decay"] == 0.1
    assert plain["weight_decay"] == 0
    assert [p is q for p, q in zip(decayed["params"], (net[0].weight, net[3].weight), strict=True)] == [True] * 2
    assert [p is q for p, q in zip(plain["params"], (net[0].bias, net[1].weight, net[1].bias, net[3].bias), strict=True)] == [True] * 4


def test_a_module_used_twice_is_counted_once_and_frozen_ones_not_at_all():
    shared, frozen = nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)
    groups = parameter_groups(nn.Sequential(shared, shared, frozen), 0.1)
    assert [len(group["params"]) for group in groups] == [1, 1]


def test_a_part_with_a_rate_of_its_own_has_groups_of_its_own():
    net = nn.ModuleDict({"f": nn.Linear(2, 2), "q": nn.Linear(2, 2), "empty": nn.Identity()})
    groups = parameter_groups(net, 0.1, {"q": 5.0, "empty": 2.0})
    given = [([id(p) for p in group["params"]], group["weight_decay"], group["rate"]) for group in groups]
    f, q = ([[id(layer.weight)], [id(layer.bias)]] for layer in (net["f"], net["q"]))
    assert given == [(f[0], 0.1, 1.0), (f[1], 0.0, 1.0), (q[0], 0.1, 5.0), (q[1], 0.0, 5.0), ([], 0.1, 2.0), ([], 0.0, 2.0)]


@pytest.mark.parametrize("name", ["g", "training", "0"])
def test_a_rate_of_a_part_that_is_not_there_is_refused_by_name(name):
    net = nn.ModuleDict({"f": nn.Linear(2, 2), "q": nn.Linear(2, 2)})
    with pytest.raises(InputError, match=f"rates has '{name}', and ModuleDict has no such part; it has: f, q"):
        parameter_groups(net, 0.1, {name: 5.0})


def test_the_groups_fit_every_optimizer():
    for make in (LARS, torch.optim.SGD, torch.optim.AdamW):
        assert [group["weight_decay"] for group in make(parameter_groups(nn.Linear(2, 2), 0.1), lr=0.1).param_groups] == [0.1, 0]


# without torch.compile


@pytest.mark.parametrize(
    "ours, theirs, options",
    [
        (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        (AdamW, torch.optim.AdamW, {"lr": 0.1, "fused": True}),
        (AdamW, torch.optim.AdamW, {"lr": 0.1}),
        (LBFGS, torch.optim.LBFGS, {"lr": 0.1, "max_iter": 3}),
    ],
)
def test_a_plain_optimizer_is_torchs(ours, theirs, options):
    """Same bits, saved and loaded half way; gradients are recorded for the closure, and not for the step, whatever the caller has switched."""
    w = [nn.Parameter(torch.tensor([[1.0, -2.0], [0.5, 3.0]])) for _ in range(2)]
    made = [kind([p], **options) for kind, p in zip((ours, theirs), w)]
    assert isinstance(made[0], theirs)
    assert made[0].__doc__ == f"torch.optim.{theirs.__name__}, which does not import torch.compile."

    def closure(optimizer, p):
        optimizer.zero_grad()
        loss = (p**4).sum() + p.prod()
        loss.backward()
        return loss

    for step in range(4):
        losses = [optimizer.step(lambda optimizer=optimizer, p=p: closure(optimizer, p)) for optimizer, p in zip(made, w)]
        assert torch.equal(*losses)
        assert torch.equal(*w)
        if step == 1:
            made[0].load_state_dict(pickle.loads(pickle.dumps(made[0].state_dict())))
    assert type(pickle.loads(pickle.dumps(made[0]))) is ours


ALONE = """
import sys, torch
from ssl_lab.evaluate import features, linear_probe, mlp_probe
from ssl_lab.data import load
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

images = load("scenes", limit=64)
for optimizer in ("lars", "adamw", "sgd"):
    method, recipe, out = SimCLR(small_resnet(width=4)), Recipe(epochs=2, batch=32, optimizer=optimizer), f"{sys.argv[1]}/{optimizer}"
    next(train(method, images, recipe, out=out))
    assert len(list(train(method, images, recipe, out=out, resume=True))) == 1
    assert "torch._dynamo" not in sys.modules, optimizer
h = features(method.encoder, images)
linear_probe(h, images.labels, h, images.labels)
mlp_probe(h, images.labels, h, images.labels, epochs=1)
print("torch._dynamo" in sys.modules)
"""


def test_neither_a_training_nor_a_probe_imports_torch_compile(tmp_path):
    """That would take longer than `import torch`."""
    done = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr
