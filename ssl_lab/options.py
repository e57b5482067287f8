"""The options of a method and its recipe on the command line, made from the arguments of their constructors."""

import argparse
import dataclasses
import types
from typing import Annotated, Union, get_args, get_origin

from ssl_lab.arguments import arguments, ranges
from ssl_lab.augment import Augmentation
from ssl_lab.errors import one_of, require
from ssl_lab.method import Method
from ssl_lab.parse import FIX, parsed
from ssl_lab.recipe import Recipe

FILLED = ("encoder", "classes", "frames")  # arguments that a command fills in; it has other options for them
OPTIONS = {"size": "patch_size"}  # arguments whose name is an option of the command, for the images: the option that they have


def add(parser: argparse.ArgumentParser, kind: type[Method]) -> None:
    """An option for every argument of the method, every value of its recipe, and every strength of its augmentations."""
    own = {name: p for name, p in arguments(kind).items() if name not in FILLED}
    sections = {kind.__name__: (kind, own), "recipe": (Recipe, arguments(Recipe))}
    if any(p.annotation is Augmentation for p in own.values()):
        sections["augmentation, of every view"] = (Augmentation, arguments(Augmentation))
    for title, (owner, parameters) in sections.items():
        group = parser.add_argument_group(title)
        for name, p in parameters.items():
            if (how := typed(p.annotation)) is not None:
                allowed, option = ranges(owner).get(name), OPTIONS.get(name, name)
                words = [usual(kind, name), *([str(allowed), allowed.hint] if allowed else [])]
                said = "; ".join(filter(None, words)).replace("%", "%%")
                group.add_argument(flag(option), dest=option, default=argparse.SUPPRESS, help=said, **how)


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def usual(kind: type[Method], name: str) -> str:
    """The default of an option, for every recipe: "scenes 0.2, paper 0.5", or "default 0.2"."""
    found = {}
    for recipe in kind.recipes:
        values, given = settle(kind, recipe, {})
        views = [value for value in given.values() if isinstance(value, Augmentation)]
        places = [given, vars(values), *map(vars, views)]
        found[recipe] = " and ".join(dict.fromkeys(str(place[name]) for place in places if name in place))
    same = len(set(found.values())) == 1
    return f"default {next(iter(found.values()))}" if same else ", ".join(f"{recipe} {value}" for recipe, value in found.items())


def typed(annotation) -> dict | None:
    """How argparse reads a value of this type; None if no word can express it, such as a network."""
    if get_origin(annotation) is Annotated:
        return typed(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        how = typed(kinds[0])
        return how and {**how, "type": optional(how["type"])} if "type" in (how or {}) else how
    if get_origin(annotation) is tuple:
        kinds = get_args(annotation)
        how = typed(kinds[0])
        return how and {**how, "nargs": "+" if kinds[-1] is ... else len(kinds), "action": Tuple}
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": annotation, "metavar": annotation.__name__.upper()} if annotation in (int, float, str) else None


def optional(read):
    """A value, or the word none."""

    def value(text: str):
        return None if text.lower() == "none" else read(text)

    value.__name__ = read.__name__
    return value


class Tuple(argparse.Action):
    """Several words that are one value."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, tuple(values))


def settle(kind: type[Method], recipe: str, given: dict) -> tuple[Recipe, dict]:
    """The recipe of this name and the method's arguments, with the given values in them; a strength goes into every augmentation.

    Raises: InputError for a recipe that the method does not have, or a value out of its range.
    """
    one_of(recipe, tuple(kind.recipes), f"recipe of {kind.__name__}")
    suiting = {name: p.default for name, p in arguments(kind).items() if p.default is not p.empty and name not in FILLED}
    suiting |= kind.suits.get(recipe, {})
    said = {name: given.get(OPTIONS.get(name, name), value) for name, value in suiting.items()}
    found = {name: changed(value, given) if isinstance(value, Augmentation) else value for name, value in said.items()}
    return changed(kind.recipes[recipe], given), found


def changed(value, given: dict):
    """A frozen value with the given values in its fields."""
    return dataclasses.replace(value, **{f.name: given[f.name] for f in dataclasses.fields(value) if f.name in given})


def revived(kind: type[Method], settings: dict, where: object) -> dict:
    """The constructor's arguments that have a default, as config.json keeps them.

    Raises: InputError, naming the place, for a name that the method does not take, one that is missing, and a value of another kind.
    """
    known = {name: p for name, p in arguments(kind).items() if name != "encoder"}
    for name in {**known, **settings}:
        require(name in known, f"{where}: {name!r} is no argument of {kind.__name__}; {FIX}")
        require(name in settings or known[name].default is known[name].empty, f"{where}: {name} is missing; {FIX}")
    return {name: parsed(known[name].annotation, value, f"{where}: {name}") for name, value in settings.items()}


def same(plan, given: dict, why: str) -> None:
    """Raise InputError for a given value that differs from the plan of a run."""
    views = [vars(value) for value in plan.settings.values() if isinstance(value, Augmentation)]
    settings = {OPTIONS.get(name, name): value for name, value in plan.settings.items()}
    for name, value in given.items():
        for place in (vars(plan.recipe), settings, *views):
            require(place.get(name, value) == value, f"{flag(name)} {value} differs from the run's {place.get(name)}: {why}")
