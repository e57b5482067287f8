"""The rules that every source of a notebook keeps; a fault is one sentence that names the file and the cell."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from course import outline

PACKAGE = Path(__file__).parents[1] / "ssl_lab"
TAGS = {
    "exercise": "a function for the student to write",
    "answer": "a text for the solved edition only, folded; it is not counted",
    "picture": "its picture is stored, for GitHub and print",
    "nbval-check-output": "its text is stored, and compared by the tests",
}
SOLUTION = re.compile(r"^([ ]+)### BEGIN SOLUTION\n.*?^[ ]+### END SOLUTION$", re.MULTILINE | re.DOTALL)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users|opt|usr)/|\b[A-Z]:\\+Users")
LINK = re.compile(r"\]\((?P<text>[^)\n]*)\)|(?:href|src)=([\"'])(?P<tag>.*?)\2|(?<![(\"'\w])(?P<bare>https?://[^\s)>\]\"']+)")
CELLS, WORDS, EXERCISES = 60, 2_500, (3, 6)  # the most, the most, from and to where the header says nothing
COLUMNS = 88
PLUMBING = {"lab", "doctor", "commands", "__main__"}  # no notebook has to do with these, and `lab` is what it calls its session


def faults(book, source: Path) -> Iterator[str]:
    """All that is wrong with the notebook which course.build has parsed from source, course/NAME.py."""
    yield from (f"{source.name}: {said}" for said in whole(book))
    anchors, taken = outline.anchors(book), imported(book)
    for number, cell in enumerate(book.cells, 1):
        said = [*tags(cell), *solutions(cell), *machine(cell)]
        if cell.cell_type == "markdown":
            said += [*silent(cell), *links(cell, anchors, source)]
        else:
            said += [*python(cell), *wide(cell), *redefined(cell, taken)]
        yield from (f"{source.name}, cell {number}: {each}" for each in said)


def whole(book) -> Iterator[str]:
    """What the notebook as a whole must have, and may not exceed."""
    yield from header(book.metadata["ssl_lab"])
    if not outline.objectives(book):
        yield "it does not say what a student will be able to do: **You will** and a numbered list belong in the first text cell"
    if (count := sum(not outline.answers(cell) for cell in book.cells)) > CELLS:
        yield f"{count} cells are more than {CELLS}"
    if (count := outline.words(book)) > WORDS:
        yield f"{count:,} words of text are more than {WORDS:,}"
    listed, (low, high) = outline.exercises(book), book.metadata["ssl_lab"].get("exercises", EXERCISES)
    if not low <= len(listed) <= high:
        yield f"{len(listed)} exercises; there should be {low} to {high} (another range: # exercises: [LOW, HIGH] in the header)"
    for exercise in listed:
        if exercise.minutes is None:
            yield f"cell {exercise.cell} is an exercise that the text before it does not announce: **Exercise** (10 minutes, ★★☆)"
        if not exercise.name:
            yield f"cell {exercise.cell} is an exercise without a function to write"
    for number in outline.unanswered(book):
        yield f'cell {number} asks, and no answer follows before the next text; write one: # %% [markdown] tags=["answer"]'


def header(said: dict) -> Iterator[str]:
    """title, minutes and budget_s must be there."""
    if not isinstance(said.get("title"), str):
        yield 'the header lacks # title: "..."'
    if not isinstance(said.get("minutes"), int | float):
        yield "the header lacks # minutes: N, how long a student needs"
    if not {"laptop", "ci"} <= set(said.get("budget_s", ())):
        yield 'the header lacks # budget_s: {"laptop": N, "ci": N}, the seconds that Run All is meant to take'


def tags(cell) -> Iterator[str]:
    for unknown in sorted(set(cell.metadata.get("tags", [])) - set(TAGS)):
        yield f"unknown tag {unknown}; there are {', '.join(TAGS)}"


def solutions(cell) -> Iterator[str]:
    marks, regions = len(re.findall(r"### (?:BEGIN|END) SOLUTION", cell.source)), len(SOLUTION.findall(cell.source))
    if marks != 2 * regions:
        yield "### BEGIN SOLUTION and ### END SOLUTION come in pairs, inside a function"
    elif outline.answers(cell) and cell.cell_type == "code":
        yield "a cell tagged answer is a text; write # %% [markdown]"
    elif bool(regions) != ("exercise" in cell.metadata.get("tags", [])):
        yield "a cell has a solution if and only if it is tagged exercise"


def machine(cell) -> Iterator[str]:
    if path := MACHINE.search(cell.source):
        yield f"a path of one machine, {path[0]}…"


def silent(cell) -> Iterator[str]:
    for picture in re.findall(r"!\[\s*\]\(|<img(?![^>]*\balt=[\"'][^\"']+[\"'])", outline.plain(cell.source)):
        yield f"a picture without alt text: {picture}"


def python(cell) -> Iterator[str]:
    try:
        ast.parse(cell.source)
    except SyntaxError as error:
        yield f"line {error.lineno} is no Python: {error.msg}"


def wide(cell) -> Iterator[str]:
    for number, line in enumerate(cell.source.splitlines(), 1):
        if len(line) > COLUMNS:
            yield f"line {number} has {len(line)} columns; code that is read has at most {COLUMNS}"


def links(cell, anchors: set[str], source: Path) -> Iterator[str]:
    """Where links lead: to a heading, a notebook that has a source, a file that both editions see, or https. Nothing is fetched."""
    for found in LINK.finditer(outline.plain(cell.source)):
        target = re.sub(r'\s+"[^"]*"$', "", found["text"] or found["tag"] or found["bare"] or "")
        address = urlsplit(target)
        if address.scheme or address.netloc:
            if address.scheme != "https" or not re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?", address.netloc) or re.search(r"\s", target):
                yield f"{target} is no proper address; write https://, a host, and no space"
        elif address.path and not leads(address.path, source):
            yield f"{address.path} is not there for both editions, in notebooks/ and in notebooks/solutions/"
        elif not address.path and address.fragment not in anchors:
            yield f"#{address.fragment} is no heading of this notebook; there are {', '.join(f'#{anchor}' for anchor in sorted(anchors))}"


def leads(path: str, source: Path) -> bool:
    """Whether a relative link finds something in both editions; a notebook need only have a source, for it may not be built yet."""
    if "/" not in path and path.endswith(".ipynb"):
        return source.with_name(path).with_suffix(".py").exists()
    return all((source.parents[1] / folder / path).exists() for folder in ("notebooks", "notebooks/solutions"))


def redefined(cell, taken: set[str]) -> Iterator[str]:
    """A notebook imports what the library has, and calls nothing else by its name.   taken: what this notebook imports from the library.

    No function may have the name of any of the library's; a variable may, unless it hides what is exported, or imported here.
    """
    if "exercise" in cell.metadata.get("tags", []):
        return
    inner, exported = names()
    for name, made in bound(outline.tree(cell)):
        if name in exported or (name in inner and (made or name in taken)):
            yield f"{name} is the library's; import it, or take another name"


def bound(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """The names that code gives a new meaning to in the notebook itself, and whether each is a function, class or import.

    What is local to a function or a comprehension is left out, and so is name = use(name).
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name, True
    elif isinstance(node, ast.ImportFrom) and ours(node):
        yield from ((alias.asname, True) for alias in node.names if alias.asname not in (None, alias.name))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name.split(".")[0], True) for alias in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id, False
    elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) and not used(node):
        function = isinstance(getattr(node, "value", None), ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from ((name, made or function) for name, made in bound(child))


def used(node: ast.AST) -> bool:
    """name = use(name): the student's function where it is right, the library's where it is not."""
    return isinstance(node, ast.Assign) and re.fullmatch(r"(\w+) = use\(\1\)", ast.unparse(node)) is not None


def ours(node: ast.ImportFrom) -> bool:
    return (node.module or "").split(".")[0] == "ssl_lab"


def imported(book) -> set[str]:
    """What a notebook takes from the library by name."""
    nodes = [node for cell in book.cells if cell.cell_type == "code" for node in ast.walk(outline.tree(cell))]
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) and ours(node) for alias in node.names}


@cache
def names() -> tuple[set[str], set[str]]:
    """The library's functions and classes, read and not imported: all of them, and those of them that a folder or the package exports."""
    inner, exported = set(), set()
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in PLUMBING:
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    inner.add(node.name)
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("__all__", "HOME"):
                    exported |= {name.value for name in getattr(node.value, "elts", []) or getattr(node.value, "keys", [])}
    return inner, exported & inner
