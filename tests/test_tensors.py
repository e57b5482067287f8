"""A file of tensors is what was written, or is refused by name."""

import json
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from ssl_lab.errors import InputError
from ssl_lab.tensors import DIGEST, fill, read_shapes, read_tensors, write_tensors

TENSORS = {
    "a": torch.arange(6.0).view(2, 3), "b": torch.tensor(7), "c": torch.zeros(0, 4), "d": torch.tensor([True, False]),
    "e": torch.ones(2).bfloat16(),
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    write_tensors(tmp_path / "f.safetensors", TENSORS, {"epoch": "3"})
    return tmp_path / "f.safetensors"


def test_tensors_of_every_kind_come_back_with_their_notes(path):
    tensors, note = read_tensors(path)
    assert note == {"epoch": "3"} and tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], value) and tensors[name].dtype == value.dtype for name, value in TENSORS.items())
    assert read_shapes(path) == {name: tuple(value.shape) for name, value in TENSORS.items()}


def test_a_layout_of_channels_last_is_stored_as_the_values_it_has(tmp_path):
    x = torch.arange(16.0).view(1, 4, 2, 2).to(memory_format=torch.channels_last)
    write_tensors(tmp_path / "x.safetensors", {"x": x, "one": x[:, :1]})
    assert torch.equal(read_tensors(tmp_path / "x.safetensors")[0]["x"], x)


def test_any_byte_that_has_changed_is_noticed(path):
    whole, refused = path.read_bytes(), 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            tensors, note = read_tensors(path)
        except InputError:
            refused += 1
        else:  # a space of the head, or the name "digest" itself: nothing that counts
            assert note.get("epoch") == "3" and all(torch.equal(tensors[name], value) for name, value in TENSORS.items())
    assert refused >= len(whole) / 2


def rewritten(path, change, note):
    tensors, _ = read_tensors(path)
    with safe_open(path, "pt") as file:
        note = file.metadata() | note
    save_file(change(tensors), path, note)


@pytest.mark.parametrize("change, note", [
    (lambda tensors: tensors, {"epoch": "4"}), (lambda tensors: tensors, {"more": ""}),
    (lambda tensors: tensors | {"a": tensors["a"] + 1}, {}), (lambda tensors: tensors | {"f": torch.ones(1)}, {}),
    (lambda tensors: {name: tensors[name] for name in "abcd"}, {}), (lambda tensors: tensors | {"a": tensors["a"].view(3, 2)}, {}),
    (lambda tensors: tensors | {"a": tensors["b"], "b": tensors["a"]}, {}), (lambda tensors: tensors | {"d": tensors["d"].view(torch.uint8)}, {}),
])
def test_a_file_whose_tensors_or_notes_are_others_is_refused(path, change, note):
    rewritten(path, change, note)
    with pytest.raises(InputError, match=r"f.safetensors has changed since it was written: its digest is another one"):
        read_tensors(path)


def test_files_of_other_programs_have_no_digest_and_are_read(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    assert read_tensors(tmp_path / "a.safetensors")[0]["a"].tolist() == [1, 1]


def test_the_same_tensors_in_another_order_are_the_same_file(tmp_path):
    for name, order in (("a", TENSORS), ("b", dict(reversed(TENSORS.items())))):
        write_tensors(tmp_path / f"{name}.safetensors", order)
    with safe_open(tmp_path / "a.safetensors", "pt") as a, safe_open(tmp_path / "b.safetensors", "pt") as b:
        assert a.metadata()[DIGEST] == b.metadata()[DIGEST]


def a_claim(path, shape):
    """A head that says more than there is."""
    head = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * shape[0]]}}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"\0" * 16)


@pytest.mark.parametrize("spoil", [
    lambda path: path.unlink(), lambda path: path.write_bytes(b""), lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_text("no tensors"), lambda path: path.write_bytes(b"\xff" * 64), lambda path: a_claim(path, [2**40]),
    lambda path: (path.unlink(), path.mkdir()),
])
def test_what_is_no_file_of_tensors_is_named(path, spoil):
    spoil(path)
    for read in (read_tensors, read_shapes):
        with pytest.raises(InputError, match=r"f.safetensors (is not there|cannot be read)"):
            read(path)


def test_tensors_go_into_a_module_of_the_same_architecture_only(path):
    with pytest.raises(InputError, match=r"f.safetensors does not fit this Linear: weight is missing there and \(1, 2\) here; build it"):
        fill(nn.Linear(2, 1), TENSORS, path)
