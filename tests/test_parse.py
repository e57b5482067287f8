"""What a file says becomes a value of the kind that is meant, or one sentence that names the place."""

import os
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest

from ssl_lab.augment import Augmentation
from ssl_lab.errors import InputError
from ssl_lab.parse import LARGEST, parsed, read_json, read_text
from ssl_lab.recipe import Recipe


@dataclass(frozen=True)
class Inner:
    tau: float
    name: str | None


@dataclass(frozen=True)
class Outer:
    inner: Inner
    sizes: tuple[int, ...]
    pair: tuple[float, float]
    rows: list[dict]
    rest: dict[str, float | str]
    on: bool
    count: Annotated[int | None, "any"]


WHOLE = {
    "inner": {"tau": 1, "name": None}, "sizes": [3, 4], "pair": [0.5, 1], "rows": [{"a": [1]}], "rest": {"loss": 0.5, "remark": "good"}, "on": True,
    "count": None,
}  # fmt: skip


def test_a_dictionary_becomes_the_dataclass_all_the_way_down():
    assert parsed(Outer, WHOLE, "f") == Outer(Inner(1, None), (3, 4), (0.5, 1), [{"a": [1]}], {"loss": 0.5, "remark": "good"}, True, None)


@dataclass(frozen=True)
class Grown:
    ADDED: ClassVar[dict] = {"unit": None}

    size: int
    unit: float | None


def test_a_field_that_older_versions_did_not_write_means_what_they_meant():
    assert parsed(Grown, {"size": 3}, "f") == Grown(3, None)
    assert parsed(Grown, {"size": 3, "unit": 0.5}, "f") == Grown(3, 0.5)
    with pytest.raises(InputError, match="f: size is missing"):
        parsed(Grown, {"unit": 0.5}, "f")
    with pytest.raises(InputError, match='f: unit is "m", and a number is needed'):
        parsed(Grown, {"size": 3, "unit": "m"}, "f")


@pytest.mark.parametrize("change, words", [
    ({"inner": []}, r"f: inner is \[\], and a dictionary is needed"),
    ({"inner": {"tau": 1}}, "f: inner: name is missing"),
    ({"inner": {"tau": 1, "name": "x", "more": 2}}, "f: inner: 'more' is unknown"),
    ({"inner": {"tau": "1", "name": "x"}}, 'f: inner: tau is "1", and a number is needed'),
    ({"inner": {"tau": True, "name": "x"}}, "f: inner: tau is true, and a number is needed"),
    ({"inner": {"tau": 1, "name": 3}}, "f: inner: name is 3, and a text is needed"),
    ({"inner": {"tau": 10**400, "name": "x"}}, r"f: inner: tau is 10{56}\.\.\., and a number is needed"),
    ({"sizes": [3, 4.5]}, r"f: sizes\[1\] is 4.5, and a whole number is needed"),
    ({"sizes": {"0": 3}}, r'f: sizes is {"0": 3}, and a list is needed'),
    ({"pair": [1, 2, 3]}, r"f: pair is \[1, 2, 3\], and 2 values are needed"),
    ({"rows": [1]}, r"f: rows\[0\] is 1, and a dictionary is needed"),
    ({"rest": {"loss": None}}, "f: rest: loss is null, and a number is needed"),
    ({"on": 1}, "f: on is 1, and true or false is needed"),
    ({"count": 0.5}, "f: count is 0.5, and a whole number is needed"),
    ({"count": "x" * 100}, r'f: count is "x{56}\.\.\., and'),
])
def test_what_is_something_else_is_named_with_its_place(change, words):
    with pytest.raises(InputError, match=f"^{words}.*; the file is damaged, or this version of ssl-lab did not write it$"):
        parsed(Outer, WHOLE | change, "f")


@pytest.mark.parametrize("value", [None, [], 3, "x", True])
def test_what_is_no_dictionary_is_no_dataclass(value):
    with pytest.raises(InputError, match=r"^f is .*, and a dictionary is needed"):
        parsed(Outer, value, "f")


def test_a_value_out_of_its_range_is_named_with_its_place():
    said = vars(Recipe(epochs=1))
    with pytest.raises(InputError, match=r"^f: recipe: lr=-1 must be a number above 0; the file is damaged"):
        parsed(Recipe, said | {"lr": -1}, "f: recipe")
    views = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(Augmentation()).items()}
    assert parsed(Augmentation, views, "f") == Augmentation()


@pytest.mark.parametrize("text", ["", "{", "[1,]", "nan", "[" * 100_000, '{"a": ' + "9" * 5_000 + "}", "\0"])
def test_what_is_no_json_is_named(text):
    with pytest.raises(InputError, match=r"^f is no JSON"):
        read_json(text, "f")


def a_folder(path):
    path.mkdir()


def a_pipe(path):
    os.mkfifo(path)


def another_encoding(path):
    path.write_bytes("ä".encode("utf-16"))


def far_too_long(path):
    with open(path, "wb") as file:
        file.truncate(LARGEST + 1)


@pytest.mark.parametrize("made, words", [
    (lambda path: None, "is not there, or is no regular file"), (a_folder, "is not there, or is no regular file"), (a_pipe, "is no regular file"),
    (another_encoding, "cannot be read"), (far_too_long, "has 64 MB, and such a file has a few at most"),
])
def test_what_is_no_text_is_named_and_not_waited_for(made, words, tmp_path):
    made(tmp_path / "f")
    with pytest.raises(InputError, match=words):
        read_text(tmp_path / "f")
