"""Weights from files: whatever they were saved in and under whatever prefix, the network is the same; what does not fit is named."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.models import Encoder, encoder, load_weights, small_resnet
from ssl_lab.models.weights import PREFIXES


class Network(nn.Module):
    """A layer, and a classifier called fc."""

    def __init__(self, width: int = 4):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.Linear(width, 7)

    def forward(self, x):
        return self.fc(self.norm(self.conv(x)).mean((2, 3)))


@pytest.fixture
def state():
    return Network().state_dict()


def fits(path, state) -> bool:
    f = Encoder(Network(), "fc")
    load_weights(f, path)
    return torch.equal(f.module.conv.weight, state["conv.weight"]) and torch.equal(f.module.norm.running_var, state["norm.running_var"])


METHOD = {"head.0.weight": torch.rand(2, 2), "key_encoder.conv.weight": torch.rand(1)}  # what a method's file holds beside the encoder


@pytest.mark.parametrize("prefix, others", [*((prefix, {}) for prefix in PREFIXES), ("encoder.", METHOD), ("encoder.module.", METHOD)])
def test_both_kinds_of_file_and_every_prefix_give_the_same_network(tmp_path, state, prefix, others):
    named = {prefix + name: tensor for name, tensor in state.items()} | others
    save_file(named, tmp_path / "a.safetensors")
    torch.save(named, tmp_path / "b.pth")
    torch.save({"epoch": 3, "state_dict": named}, tmp_path / "c.pth")
    assert all(fits(tmp_path / name, state) for name in ("a.safetensors", "b.pth", "c.pth"))


def test_a_classifier_may_be_there_or_not_and_so_may_counts_of_batches(tmp_path, state):
    save_file({name: tensor for name, tensor in state.items() if name[:2] != "fc" and "num_batches" not in name}, tmp_path / "a.safetensors")
    assert fits(tmp_path / "a.safetensors", state)


def test_the_small_network_reads_its_own_weights(tmp_path):
    f = small_resnet()
    save_file({f"encoder.{name}": tensor for name, tensor in f.state_dict().items()}, tmp_path / "run.safetensors")
    g = encoder("small_resnet", weights=tmp_path / "run.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(f.state_dict().values(), g.state_dict().values()))


def test_what_does_not_fit_is_named_and_nothing_is_loaded(tmp_path, state):
    wrong = {"conv.weight": state["conv.weight"][:2], "conv.bias": state["conv.bias"] + 1, "layer.weight": torch.rand(2)}
    save_file(wrong, tmp_path / "wrong.safetensors")
    f = Encoder(Network(), "fc")
    before = f.module.conv.bias.clone()
    with pytest.raises(InputError) as refused:
        load_weights(f, tmp_path / "wrong.safetensors")
    assert all(name in str(refused.value) for name in ("norm.weight", "conv.weight", "layer.weight", "wrong.safetensors", "Network"))
    assert torch.equal(f.module.conv.bias, before)


def test_two_networks_in_one_file_are_ambiguous(tmp_path, state):
    torch.save({prefix + name: tensor for prefix in ("module.", "encoder.") for name, tensor in state.items()}, tmp_path / "two.pth")
    with pytest.raises(InputError, match="several networks"):
        fits(tmp_path / "two.pth", state)


class Code:
    """A pickle that would run this."""

    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("name, write, words", [
    ("none.pth", lambda path: None, "no file"),
    ("cut.safetensors", lambda path: path.write_bytes(b"123"), "cannot be read"),
    ("text.pth", lambda path: path.write_text("weights"), "cannot be read"),
    ("empty.pth", lambda path: path.write_bytes(b""), "cannot be read"),
    ("code.pth", lambda path: torch.save({"conv.weight": Code()}, path), "cannot be read"),
    ("list.pth", lambda path: torch.save([1], path), "state dict"),
    ("nothing.pth", lambda path: torch.save({}, path), "state dict"),
    ("other.pth", lambda path: torch.save({"a": torch.rand(1)}, path), "none of this network's names"),
])
def test_files_that_hold_no_weights_are_refused_and_none_is_executed(tmp_path, capsys, name, write, words):
    write(tmp_path / name)
    with pytest.raises(InputError, match=words):
        load_weights(small_resnet(), tmp_path / name)
    assert "executed" not in capsys.readouterr().out
