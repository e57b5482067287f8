"""What a notebook says about itself in its text: objectives, headings, exercises, words. The linter measures it, the index prints it."""

import ast
import re
from dataclasses import dataclass
from itertools import pairwise

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
MATHS = re.compile(r"\$\$.+?\$\$|(?<!\\)\$[^$]+\$", re.DOTALL)
ASKS = re.compile(r"^(?:- |\*\*Predict)(?:(?!\n\n).)*\?", re.MULTILINE | re.DOTALL)
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


def answers(cell) -> bool:
    """Whether a cell is only for the solved edition; what is counted is what a student reads."""
    return "answer" in cell.metadata.get("tags", [])


def texts(book) -> list[str]:
    """The text cells of the student's edition."""
    return [cell.source for cell in book.cells if cell.cell_type == "markdown" and not answers(cell)]


def unanswered(book) -> list[int]:
    """The numbers of the text cells that ask, in a list or after **Predict, and have no answer before the next text cell."""
    numbered = [(number, cell) for number, cell in enumerate(book.cells, 1) if cell.cell_type == "markdown"]
    asking = [pair for pair in pairwise([*numbered, (0, None)]) if not answers(pair[0][1]) and ASKS.search(plain(pair[0][1].source))]
    return [number for (number, _), (_, after) in asking if not (after and answers(after))]


def plain(text: str) -> str:
    """A cell's text without its code and formulas."""
    return MATHS.sub(" ", CODE.sub(" ", FENCE.sub("", text)))


def words(book) -> int:
    """Words of prose: neither code nor formulas, and a link counts as what is read of it."""
    return sum(len(re.findall(r"\w*[^\W\d_](?:[\w’'-]*\w)?", MARKUP.sub(" ", plain(text)))) for text in texts(book))


def objectives(book) -> list[str]:
    """The numbered list under **You will** in the first text cell, without its commas; empty if there is none."""
    listed = OBJECTIVES.search(next(iter(texts(book)), ""))
    items = re.split(r"^\d+\. ", listed[1], flags=re.MULTILINE)[1:] if listed else []
    return [" ".join(item.split()).rstrip(",;.") for item in items]


def headings(source: str) -> list[str]:
    """The headings of a text cell, as they are read."""
    return [re.sub(r"[*`]", "", found).strip() for found in re.findall(r"^#{1,6} (.+)$", FENCE.sub("", source), re.MULTILINE)]


def anchors(book) -> set[str]:
    """Where a link within the notebook can lead; JupyterLab and nbconvert put hyphens for spaces and change nothing else."""
    return {heading.replace(" ", "-") for text in texts(book) for heading in headings(text)}


def exercises(book) -> list[Exercise]:
    """Every exercise in its order, with what the last text cell before it announces."""
    found, said = [], ""
    for number, cell in enumerate(book.cells, 1):
        if cell.cell_type == "markdown":
            said = said if answers(cell) else cell.source
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
