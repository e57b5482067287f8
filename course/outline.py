"""What a notebook says about itself in its text: objectives, headings, exercises, words. The linter measures it, the index prints it."""

import ast
import re
from dataclasses import dataclass

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
MATHS = re.compile(r"\$\$.+?\$\$|(?<!\\)\$[^$]+\$", re.DOTALL)
MARKUP = re.compile(r"<[^>]+>|(?<=\])\([^)]*\)|https?://\S+")  # tags, targets of links, bare addresses: nothing that is read
OBJECTIVES = re.compile(r"^\*\*You will\*\*[ ]*\n+((?:.+\n?)+)", re.MULTILINE)
ANNOUNCEMENT = re.compile(r"\*\*Exercise\*\* \((\d+) minutes?, (★☆☆|★★☆|★★★)\)")


@dataclass(frozen=True)
class Exercise:
    """One cell that a student fills in.   cell: counted from 1.   minutes, stars: as announced; None where the text before it says nothing."""

    name: str
    cell: int
    minutes: int | None
    stars: str | None


def plain(text: str) -> str:
    """A cell's text without its code and formulas."""
    return MATHS.sub(" ", CODE.sub(" ", FENCE.sub("", text)))


def words(book) -> int:
    """Words of prose: neither code nor formulas, and a link counts as what is read of it."""
    texts = (MARKUP.sub(" ", plain(cell.source)) for cell in book.cells if cell.cell_type == "markdown")
    return sum(len(re.findall(r"\w*[^\W\d_](?:[\w’'-]*\w)?", text)) for text in texts)


def objectives(book) -> list[str]:
    """The numbered list under **You will** in the first text cell, without its commas; empty if there is none."""
    first = next((cell.source for cell in book.cells if cell.cell_type == "markdown"), "")
    listed = OBJECTIVES.search(first)
    items = re.split(r"^\d+\. ", listed[1], flags=re.MULTILINE)[1:] if listed else []
    return [" ".join(item.split()).rstrip(",;.") for item in items]


def headings(source: str) -> list[str]:
    """The headings of a text cell, as they are read."""
    return [re.sub(r"[*`]", "", found).strip() for found in re.findall(r"^#{1,6} (.+)$", FENCE.sub("", source), re.MULTILINE)]


def anchors(book) -> set[str]:
    """Where a link within the notebook can lead; JupyterLab and nbconvert put hyphens for spaces and change nothing else."""
    return {heading.replace(" ", "-") for cell in book.cells if cell.cell_type == "markdown" for heading in headings(cell.source)}


def exercises(book) -> list[Exercise]:
    """Every exercise in its order, with what the last text cell before it announces."""
    found, said = [], ""
    for number, cell in enumerate(book.cells, 1):
        if cell.cell_type == "markdown":
            said = cell.source
        elif "exercise" in cell.metadata.get("tags", []):
            announced = ANNOUNCEMENT.search(said)
            name = next((node.name for node in tree(cell).body if isinstance(node, ast.FunctionDef)), "")
            found.append(Exercise(name, number, announced and int(announced[1]), announced and announced[2]))
            said = ""  # one announcement serves one exercise
    return found


def tree(cell) -> ast.Module:
    """The code of a cell as Python reads it; nothing where it cannot, which is a fault of its own."""
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        return ast.Module([], [])
