"""What every method promises: one parametrized contract, and what SimCLR and the baseline claim. MoCo and BYOL have files of their own."""

import argparse
import ast
import inspect
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ssl_lab import checks, commands, methods, options, studies
from ssl_lab.arguments import arguments, ranges
from ssl_lab.augment import SMALL, Augmentation, PatchAugmentation
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.guard import Diverged, Guard
from ssl_lab.losses import nt_xent
from ssl_lab.method import Method
from ssl_lab.methods import BYOL, SimCLR, Supervised, byol, deepcluster, moco, simclr, supervised
from ssl_lab.models import small_resnet
from ssl_lab.optim import make_optimizer, parameter_groups
from ssl_lab.recipe import Log, Recipe

IMAGES = load("scenes", limit=16)
SLOW = {name: getattr(methods, name).slow for name in methods.__all__}
METHODS = pytest.mark.parametrize("name", methods.__all__)


def batch(name: str, size: int = 16, device: str = "cpu") -> list[torch.Tensor]:
    """What a step of this method gets."""
    rows, columns = torch.arange(size) % len(IMAGES), IMAGES.columns()
    return [columns[column][rows].to(device) for column in getattr(methods, name).columns]


def build(name: str, seed: int = 0):
    """With the defaults, around a small network, where the method does not build its own."""
    kind = getattr(methods, name)
    torch.manual_seed(seed)
    return (kind(small_resnet(width=4, norm="layer" if name == "CPC" else "batch")) if "encoder" in arguments(kind) else kind()).train()


def state(method: nn.Module) -> dict[str, torch.Tensor]:
    return {key: tensor.clone() for key, tensor in method.state_dict().items()}


def loss_of(method: nn.Module, views: tuple, seed: int = 0) -> torch.Tensor:
    """With the same draws every time: MoCo shuffles its keys."""
    torch.manual_seed(seed)
    return method(*views)


@METHODS
def test_forward_is_one_finite_number(name):
    method = build(name)
    loss = method(*method.views(*batch(name)))
    assert loss.shape == () and loss.isfinite() and loss > 0


@METHODS
def test_every_trainable_parameter_moves_in_a_step_and_frozen_copies_only_after_it(name):
    method = build(name)
    before, frozen = state(method), {key for key, p in method.named_parameters() if not p.requires_grad}
    optimizer = torch.optim.SGD(method.parameters(), 0.1, weight_decay=0.1)
    method(*method.views(*batch(name))).backward()
    optimizer.step()
    assert {key for key, p in method.named_parameters() if torch.equal(p, before[key])} == frozen
    assert {key.split(".")[0] for key in frozen} == set(SLOW[name])
    assert all(p.grad is None for p in method.parameters() if not p.requires_grad)
    method.after_step(0.5)
    assert [key for key, p in method.named_parameters() if torch.equal(p, before[key])] == []


@METHODS
def test_what_moves_after_the_step_are_frozen_copies_and_queues_and_they_need_no_gradient(name):
    method = build(name)
    method(*method.views(*batch(name))).backward()
    before = state(method)
    with torch.no_grad():
        for p in method.parameters():
            p.add_(torch.randn_like(p))
    learned = state(method)
    method.after_step(0.5)
    moved = {key.split(".")[0] for key, tensor in method.state_dict().items() if not torch.equal(tensor, learned[key])}
    queues = {key for key, _ in method.named_buffers() if "." not in key} if method.candidates == "queue" else set()
    assert moved == set(SLOW[name]) | queues
    assert before.keys() == method.state_dict().keys() and all(p.grad_fn is None for p in method.state_dict(keep_vars=True).values())


@METHODS
def test_frozen_copies_start_equal_to_what_they_follow(name):
    method = build(name)
    for copied, original in SLOW[name].items():
        ours, theirs = (getattr(method, part).state_dict() for part in (copied, original))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@METHODS
@pytest.mark.parametrize("optimizer", ["lars", "sgd", "adamw"])
def test_no_optimizer_has_a_frozen_parameter_and_everyone_has_all_others(name, optimizer):
    method = build(name)
    for groups in (parameter_groups(method, 0.1), make_optimizer(method, Recipe(epochs=1, optimizer=optimizer)).param_groups):
        given = [id(p) for group in groups for p in group["params"]]
        assert sorted(given) == sorted(id(p) for p in method.parameters() if p.requires_grad)


@METHODS
def test_no_tensor_has_two_names(name):
    """safetensors refuses it, and DDP would count a parameter twice."""
    places = [tensor.data_ptr() for tensor in build(name).state_dict().values()]
    assert len(set(places)) == len(places)


@METHODS
def test_the_guard_puts_everything_back(name):
    method = build(name)
    guard, before = Guard(method, 0), state(method)
    method(*method.views(*batch(name))).backward()
    method.after_step(0.5)
    guard.watch(torch.tensor(torch.nan))
    with pytest.raises(RuntimeError, match="loss of step 1"):
        guard.check()
    assert all(torch.equal(before[key], tensor) for key, tensor in method.state_dict().items())


@METHODS
def test_views_are_drawn_anew_without_a_gradient_and_leave_the_batch_alone(name):
    method, given = build(name), batch(name)
    kept = [tensor.clone() for tensor in given]
    first, second = method.views(*given), method.views(*given)
    assert not torch.equal(first[0], second[0]) and not any(v.requires_grad for v in first)
    assert all(torch.equal(a, b) for a, b in zip(given, kept))


@METHODS
def test_the_range_of_views_is_asked_of_no_device(name, monkeypatch):
    """Bytes need no check, and what an augmentation made has been in range: to ask again would wait for a GPU in every step."""
    method = build(name)

    def asked(*_, **__):
        raise AssertionError("a step asks for the smallest and the largest value")

    monkeypatch.setattr(torch.Tensor, "aminmax", asked)
    method.views(*batch(name))


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
    assert torch.equal(loss_of(method, views), loss_of(other, views))


@METHODS
def test_a_whole_step_runs_on_the_meta_device(name):
    """It fails for a tensor left on the CPU and for whatever waits for the device."""
    with torch.device("meta"):
        method = build(name)
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
        low = loss_of(method, views)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, loss_of(method, views), rtol=0.05, atol=0.02)


@METHODS
def test_embed_gives_one_row_an_image(name):
    method = build(name)
    assert method.embed(torch.rand(5, 3, 32, 32)).shape[0] == 5


def test_every_method_compiles_without_a_break(without_shape_checks):
    script = """
        import torch
        from ssl_lab import methods
        from ssl_lab.models import small_resnet
        x, y = torch.rand(16, 3, 32, 32), torch.arange(16) % 10
        for name in methods.__all__:
            method = getattr(methods, name)(small_resnet(width=4, norm="layer" if name == "CPC" else "batch"))
            views = method.views(x, y) if "labels" in method.columns else method.views(x)
            views = (x[:, :1], x[:, 1:]) if name in ("CMC", "Predictive") else views  # L and ab
            compiled, losses = torch.compile(method, fullgraph=True, backend="eager"), []
            for forward in (method, compiled):
                torch.manual_seed(0)
                losses.append(forward(*views))
            torch.testing.assert_close(*losses)
            losses[1].backward()
            method.after_step(0.5)
            print(name)
    """
    assert without_shape_checks(script).split() == methods.__all__


@pytest.mark.parametrize("module", [simclr, moco, byol, supervised, deepcluster])
def test_recipes_are_there_and_a_minute_is_shorter_than_the_paper(module):
    assert isinstance(module.RECIPE, Recipe) and module.SCENES.epochs < module.RECIPE.epochs


def test_the_command_line_and_the_studies_begin_with_what_suits_a_minute():
    images = load("scenes", limit=20)
    for made in (commands.build(commands.begin("BYOL", {}), images), studies.begin("byol")[0]):
        assert (made.m, BYOL(small_resnet(width=4)).m) == (BYOL.suits["scenes"]["m"], 0.996)


def test_simclr_is_nt_xent_of_the_two_projections():
    method = build("SimCLR")
    x1, x2 = torch.rand(2, 6, 3, 32, 32)
    z1, z2 = method.projector(method.encoder(torch.cat([x1, x2]))).chunk(2)  # batch norm sees both views, as the authors' does
    expected = nt_xent(z1, z2, method.tau)
    torch.testing.assert_close(method(x1, x2), expected)


def test_simclr_without_jitter_keeps_every_colour():
    flat = (torch.rand(64, 3, 1, 1) * 255).to(torch.uint8).expand(64, 3, 32, 32)
    for view in SimCLR(small_resnet(width=4), augmentation=replace(SMALL, jitter=0.0)).views(flat):
        torch.testing.assert_close(view, flat / 255, atol=1e-5, rtol=0)
    assert (SimCLR(small_resnet(width=4)).views(flat)[0] - flat / 255).abs().mean() > 0.02


def test_simclr_draws_two_different_views_of_every_image():
    x1, x2 = build("SimCLR").views(*batch("SimCLR", 40))
    assert ((x1 - x2).abs().amax((1, 2, 3)) > 0.01).all()


def test_stats_tell_a_collapse_from_a_healthy_embedding():
    method = build("SimCLR")
    method.note(**dict(zip(("z1", "z2"), torch.randn(2, 256, 64))))
    healthy = method.stats()
    point = torch.randn(1, 64).expand(256, 64)
    method.note(z1=point + 1e-4 * torch.randn(256, 64), z2=point)
    collapsed = method.stats()
    assert healthy["std"] > 0.9 and healthy["rank"] > 40 and healthy["alignment"] > 1.8
    assert collapsed["std"] < 0.01 and collapsed["rank"] < 1.1 and collapsed["alignment"] < 1e-3 and collapsed["uniformity"] > -1e-3


def test_supervised_is_cross_entropy_on_the_labels_and_learns_them():
    method, (x, labels) = build("Supervised"), batch("Supervised", 20)
    loss = method(x / 255, labels)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(method.classifier(method.encoder(x / 255)), labels))


@pytest.mark.parametrize("wrong, words", [
    (lambda: SimCLR(small_resnet(), tau=0.0), "tau=0.0 must be a number above 0"), (lambda: Augmentation(jitter=-1.0), "jitter"),
    (lambda: Augmentation(area=(0.0, 1.0)), "area"), (lambda: Supervised(small_resnet(), classes=1), "two"),
    (lambda: SimCLR(small_resnet(), dim=0), "dim=0"),
])
def test_impossible_settings_are_refused_when_the_method_is_made(wrong, words):
    with pytest.raises(InputError, match=words):
        wrong()


def test_wrong_kinds_are_refused_in_a_sentence(without_shape_checks):
    script = """
        from ssl_lab.augment import Augmentation
        from ssl_lab.data import load
        from ssl_lab.errors import InputError
        from ssl_lab.evaluate import leak
        from ssl_lab.methods import BYOL, MoCo, SimCLR
        from ssl_lab.models import mlp, small_resnet
        from ssl_lab.widgets import QueueExplorer
        f, images = small_resnet(width=4), load("scenes", limit=64)
        for wrong in (
            lambda: MoCo(f, K=40.0), lambda: MoCo(f, split=2.5), lambda: Augmentation(blur_share=(0.1, 0.2)), lambda: BYOL(f, m="0.5"),
            lambda: Augmentation(area=0.5), lambda: mlp(8, 2.0), lambda: Augmentation(area=(0.1, 0.5, 1.0)),
            lambda: leak(SimCLR(f), images, batch=32),
            lambda: QueueExplorer(MoCo(f), images, steps=2.5, batch=8), lambda: QueueExplorer(MoCo(f), images, batch=4.5),
        ):
            try:
                wrong()
                print("taken")
            except InputError as error:
                print(error)
    """
    needles = [
        "K=40.0", "split=2.5", "blur_share=(0.1, 0.2)", "m='0.5'", "area=0.5", "widths=(8, 2.0)", "area=(0.1, 0.5, 1.0)",
        "got a SimCLR; give a MoCo", "steps=2.5", "batch=4.5",
    ]  # fmt: skip
    said = without_shape_checks(script).splitlines()
    assert len(said) == len(needles) and all(needle in one for needle, one in zip(needles, said))


# what is said names only what there is to change


WORDS = {"views", "graph", "loss", "width", "frames", "norm", "directions", "size", "steps"}  # arguments that are words of every text, too
EVERY = {name for kind in (Recipe, Augmentation, *(getattr(methods, name) for name in methods.__all__)) for name in arguments(kind)}


def named(texts) -> set[str]:
    """Which arguments, of whichever method, stand in these texts."""
    return {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)} & (EVERY - WORDS)


def written(path: str) -> list[str]:
    """All strings of a file that are no docstring."""
    nodes = list(ast.walk(ast.parse(Path(path).read_text())))
    held = [node.body[0] for node in nodes if isinstance(getattr(node, "body", None), list)]
    docs = {id(first.value) for first in held if isinstance(first, ast.Expr)}
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs]


@METHODS
def test_hints_name_only_what_the_method_and_the_command_line_have(name):
    """No larger tau for BYOL: its file, what it shares with all methods, what a training that diverges says, and what an epoch's remark says."""
    method, kind = build(name), getattr(methods, name)
    with pytest.raises(Diverged) as diverged:
        watched(method).check()
    logs = [Log(2, 9, 9, 0.1, 0.1, 1.0, 9, {"std": std, "filled": part, "largest": part}) for std in (0.01, 1.0) for part in (0.5, 1.0)]
    said = [*written(inspect.getfile(kind)), *written(inspect.getfile(Method)), str(diverged.value), *map(method.remark, logs), kind.cure]
    said += [f"{part}; {part.hint}" for part in ranges(kind).values()]
    parser = argparse.ArgumentParser()
    options.add(parser, kind)
    views = {argument for argument, p in arguments(kind).items() if p.annotation in (Augmentation, PatchAugmentation)}
    offered = {action.dest for action in parser._actions} | set(options.FILLED) | views
    assert named(said) <= offered
    assert "lr" in named([str(diverged.value)]) and ("tau" in named([str(diverged.value)])) == ("tau" in arguments(kind))


def watched(method) -> Guard:
    """A guard that has seen one loss that is no number."""
    guard = Guard(method, 0)
    guard.watch(torch.tensor(torch.nan))
    return guard


@pytest.mark.parametrize("name", [name for name in checks.__all__ if hasattr(getattr(checks, name), "mistakes")])
def test_hints_of_a_check_name_only_what_its_exercise_has(name):
    """Symbols of losses and switches of methods, if they are arguments of the exercise; K is the length of its queue."""
    check = getattr(checks, name)
    own = set(inspect.signature(check.reference).parameters)
    prose = {"dim", "batch", "momentum", "clusters", "seed", "ratio", "classes", "teacher", "soft", "rows", "threshold", "rounds", "optimizer"}
    own |= {"K"} if "queue" in own else set()
    assert named([*check.mistakes, check.needs]) - prose - {"T"} <= own
