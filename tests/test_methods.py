"""What every method promises: one parametrized contract, and each paper's own claims."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from ssl_lab import methods
from ssl_lab.errors import InputError
from ssl_lab.losses import nt_xent
from ssl_lab.methods import SimCLR, Supervised, simclr, supervised
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe

BUILD = {"SimCLR": lambda: SimCLR(small_resnet(width=4)), "Supervised": lambda: Supervised(small_resnet(width=4))}
BATCH = {"SimCLR": ("x",), "Supervised": ("x", "labels")}
METHODS = pytest.mark.parametrize("name", methods.__all__)


def batch(name: str, size: int = 8, device: str = "cpu") -> list[torch.Tensor]:
    columns = {"x": torch.randint(0, 256, (size, 3, 32, 32), dtype=torch.uint8), "labels": torch.arange(size) % 10}
    return [columns[field].to(device) for field in BATCH[name]]


def build(name: str, seed: int = 0):
    torch.manual_seed(seed)
    return BUILD[name]().train()


def test_every_method_is_under_this_contract():
    assert set(BUILD) == set(BATCH) == set(methods.__all__)


@METHODS
def test_forward_is_one_finite_number(name):
    method = build(name)
    loss = method(*method.views(*batch(name)))
    assert loss.shape == () and loss.isfinite() and loss > 0


@METHODS
def test_every_parameter_moves(name):
    method = build(name)
    before = {key: p.detach().clone() for key, p in method.named_parameters()}
    optimizer = torch.optim.SGD(method.parameters(), 0.1)
    method(*method.views(*batch(name))).backward()
    optimizer.step()
    assert [key for key, p in method.named_parameters() if torch.equal(p, before[key])] == []


@METHODS
def test_views_are_drawn_anew_without_a_gradient_and_leave_the_batch_alone(name):
    method, given = build(name), batch(name)
    kept = [tensor.clone() for tensor in given]
    first, second = method.views(*given), method.views(*given)
    assert not torch.equal(first[0], second[0]) and not any(v.requires_grad for v in first)
    assert all(torch.equal(a, b) for a, b in zip(given, kept))


@METHODS
def test_same_seed_same_loss(name):
    given = batch(name)

    def loss():
        method = build(name)
        return method(*method.views(*given))

    assert torch.equal(loss(), loss())


@METHODS
def test_state_round_trip(name):
    method, other = build(name, 0), build(name, 1)
    other.load_state_dict(method.state_dict())
    views = method.views(*batch(name))
    assert torch.equal(method(*views), other(*views))


@METHODS
def test_a_whole_step_runs_on_the_meta_device(name):
    """It fails for a tensor left on the CPU and for whatever waits for the device."""
    with torch.device("meta"):
        method = BUILD[name]()
    optimizer = torch.optim.SGD(method.parameters(), 0.1)
    loss = method(*method.views(*batch(name, device="meta")))
    loss.backward()
    optimizer.step()
    method.after_step(0.5)
    assert loss.device.type == "meta" and all(value.device.type == "meta" for key, value in method.stats().items() if key != "rank")


@METHODS
def test_bfloat16_is_close_to_float32(name):
    method = build(name)
    views = method.views(*batch(name, 32))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = method(*views)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, method(*views), rtol=0.05, atol=0.02)


@METHODS
def test_embed_gives_one_row_an_image(name):
    method = build(name)
    assert method.embed(torch.rand(5, 3, 32, 32)).shape[0] == 5


def test_every_method_compiles_without_a_break():
    """In a process of its own: Dynamo cannot trace the shape checks of the tests."""
    code = """
import torch
from ssl_lab.methods import SimCLR, Supervised
from ssl_lab.models import small_resnet
x, y = torch.rand(8, 3, 32, 32), torch.arange(8)
for method, views in ((SimCLR(small_resnet(width=4)), (x, x.flip(3))), (Supervised(small_resnet(width=4)), (x, y))):
    eager = method(*views)
    compiled = torch.compile(method, fullgraph=True, backend="eager")(*views)
    torch.testing.assert_close(eager, compiled)
    compiled.backward()
    print(type(method).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == methods.__all__, done.stderr


@pytest.mark.parametrize("module", [simclr, supervised])
def test_recipes_are_there_and_a_minute_is_shorter_than_the_paper(module):
    assert isinstance(module.RECIPE, Recipe) and module.SCENES.epochs < module.RECIPE.epochs


def test_simclr_is_nt_xent_of_the_two_projections():
    method = build("SimCLR")
    x1, x2 = torch.rand(2, 6, 3, 32, 32)
    expected = nt_xent(method.head(method.encoder(x1)), method.head(method.encoder(x2)), method.tau)
    torch.testing.assert_close(method(x1, x2), expected)


def test_simclr_without_jitter_keeps_every_colour():
    flat = (torch.rand(64, 3, 1, 1) * 255).to(torch.uint8).expand(64, 3, 32, 32)
    for view in SimCLR(small_resnet(width=4), jitter=0.0).views(flat):
        torch.testing.assert_close(view, flat / 255, atol=1e-5, rtol=0)
    assert (SimCLR(small_resnet(width=4)).views(flat)[0] - flat / 255).abs().mean() > 0.02


def test_simclr_draws_two_different_views_of_every_image():
    x1, x2 = build("SimCLR").views(*batch("SimCLR", 40))
    assert ((x1 - x2).abs().amax((1, 2, 3)) > 0.01).all()


def test_stats_tell_a_collapse_from_a_healthy_embedding():
    method = build("SimCLR")
    method.last = torch.randn(2, 256, 64).unbind(0)
    healthy = method.stats()
    point = torch.randn(1, 64).expand(256, 64)
    method.last = point + 1e-4 * torch.randn(256, 64), point
    collapsed = method.stats()
    assert healthy["std"] > 0.9 and healthy["rank"] > 40 and healthy["alignment"] > 1.8
    assert collapsed["std"] < 0.01 and collapsed["rank"] < 1.1 and collapsed["alignment"] < 1e-3 and collapsed["uniformity"] > -1e-3


def test_supervised_is_cross_entropy_on_the_labels_and_learns_them():
    method, (x, labels) = build("Supervised"), batch("Supervised", 20)
    loss = method(x / 255, labels)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(method.head(method.encoder(x / 255)), labels))


@pytest.mark.parametrize("wrong, words", [
    (lambda: SimCLR(small_resnet(), tau=0.0), "tau"), (lambda: SimCLR(small_resnet(), jitter=-1.0), "jitter"),
    (lambda: SimCLR(small_resnet(), area=(0.0, 1.0)), "area"), (lambda: Supervised(small_resnet(), classes=1), "two"),
])
def test_impossible_settings_are_refused_when_the_method_is_made(wrong, words):
    with pytest.raises(InputError, match=words):
        wrong()
