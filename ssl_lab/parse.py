"""What a file of JSON says, as values of the kinds that are meant, or one sentence: nobody behind it meets a list in place of a number.

    file → read_text → read_json → parsed(kind, …) → a number, a tuple, a frozen dataclass
"""

import dataclasses
import json
import sys
import types
from pathlib import Path
from typing import Annotated, Union, get_args, get_origin

from ssl_lab.errors import InputError, require

LARGEST = 2**26  # bytes of a text that is read at all
FIX = "the file is damaged, or this version of ssl-lab did not write it"
KINDS = {  # what is meant → what JSON gives, and its name
    int: ((int,), "a whole number"), float: ((int, float), "a number"), str: ((str,), "a text"), bool: ((bool,), "true or false"),
    dict: ((dict,), "a dictionary"), tuple: ((list,), "a list"), list: ((list,), "a list"), object: ((object,), "anything"),
    **dict.fromkeys((None, types.NoneType), ((types.NoneType,), "null")),
}  # fmt: skip


def read_text(path: Path) -> str:
    """Raises: InputError, naming the file, for what is no regular file, no text, or far too long."""
    require(path.is_file(), f"{path} is not there, or is no regular file")
    megabytes = path.stat().st_size / 2**20
    require(megabytes <= LARGEST / 2**20, f"{path} has {megabytes:,.0f} MB, and such a file has a few at most; {FIX}")
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, PermissionError) as error:
        raise InputError(f"{path} cannot be read ({error}); {FIX}") from error


def read_dict(path: Path) -> dict[str, object]:
    """A file of JSON that is one dictionary. Raises: InputError, naming the file, for anything else."""
    return parsed(dict[str, object], read_json(read_text(path), path), path)


def read_json(text: str, where: object):
    """Raises: InputError, naming the place, for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError, too
        raise InputError(f"{where} is no JSON ({error}); {FIX}") from error


def parsed(kind, value, where: object):
    """A value of JSON as this kind.

    kind: int, float, str, bool, None, object (anything); list[dict], tuple[int, ...], dict[str, float]; a union; Annotated, whose range is left
    to who declares it; a dataclass, see `record`.   where: what an error begins with.
    Raises: InputError, which names the place in the file, and what is needed there.
    """
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        return parsed(parts[0], value, where)
    if origin in (Union, types.UnionType):
        return parsed(next((part for part in parts if fits(part, value)), parts[0]), value, where)
    require(fits(kind, value), f"{where} is {shown(value)}, and {given_for(kind)[1]} is needed; {FIX}")
    if dataclasses.is_dataclass(kind):
        return record(kind, value, where)
    if origin in (tuple, list) and parts:
        kinds = parts if origin is tuple and parts[-1] is not ... else parts[:1] * len(value)
        require(len(value) == len(kinds), f"{where} is {shown(value)}, and {len(kinds)} values are needed; {FIX}")
        return origin(parsed(part, one, f"{where}[{i}]") for i, (part, one) in enumerate(zip(kinds, value)))
    if origin is dict and parts:
        return {name: parsed(parts[1], one, f"{where}: {name}") for name, one in value.items()}
    return value


def record(kind, value: dict, where: object, **more):
    """A dataclass from a dictionary of all of its fields, but for those that are said here, and no other.

    A dataclass may name in ADDED the fields that older versions did not write, and what they meant by it.
    Raises: InputError as `parsed`, and where the dataclass refuses a value.
    """
    fields = {field.name: field.type for field in dataclasses.fields(kind) if field.name not in more}
    value = getattr(kind, "ADDED", {}) | value
    for name in {**fields, **value}:
        require(name in fields, f"{where}: {name!r} is unknown; {FIX}")
        require(name in value, f"{where}: {name} is missing; {FIX}")
    made = {name: parsed(of, value[name], f"{where}: {name}") for name, of in fields.items()}
    try:
        return kind(**made, **more)
    except InputError as error:
        raise InputError(f"{where}: {error}; {FIX}") from error


def fits(kind, value) -> bool:
    """Whether JSON could give this value for that kind; true is no number."""
    given, _ = given_for(kind)
    if float in given and isinstance(value, int) and abs(value) > sys.float_info.max:
        return False
    return isinstance(value, given) and (not isinstance(value, bool) or not {bool, object}.isdisjoint(given))


def given_for(kind) -> tuple[tuple[type, ...], str]:
    """What JSON gives for a kind, and its name; nothing for a kind that it cannot say, such as a network."""
    origin = get_origin(kind) or kind
    if origin is Annotated:
        return given_for(get_args(kind)[0])
    return KINDS.get(dict if dataclasses.is_dataclass(kind) else origin, ((), "what a file cannot say"))


def shown(value) -> str:
    """The beginning of a value, in JSON."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):
        text = "a number of very many digits, or very deep"
    return text if len(text) <= 60 else f"{text[:57]}..."
