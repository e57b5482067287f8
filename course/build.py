"""One solved source, two editions: course/NN_name.py → notebooks/NN_name.ipynb and notebooks/solutions/NN_name.ipynb, both executed.

    python -m course.build [NAME...]            generate and execute (minutes: the figures that are stored are the real ones)
    python -m course.build --check [NAME...]    compare with what is there, execute nothing

A source is py:percent: `# %%` begins a code cell, `# %% [markdown]` a text cell, `tags=["..."]` may follow. Lines above the first cell are
`# key: JSON`, the notebook's metadata. In a cell tagged exercise, what stands between ### BEGIN SOLUTION and ### END SOLUTION, inside a
function, is the student's to write.
"""

import argparse
import base64
import copy
import hashlib
import io
import json
import os
import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
TAGS = {
    "exercise": "a function for the student to write",
    "picture": "its picture is stored, for GitHub and print",
    "nbval-check-output": "its text is stored, and compared by the tests",
}
METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},  # without it JupyterLab asks which kernel
    "language_info": {"name": "python"},
}
CELL = re.compile(r"^# %%( \[markdown\])?(?: tags=(\[.*\]))?$")
SOLUTION = re.compile(r"^([ ]+)### BEGIN SOLUTION\n.*?^[ ]+### END SOLUTION$", re.MULTILINE | re.DOTALL)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users|opt|usr)/")
LIMIT = 300_000  # bytes of one notebook


class Fault(Exception):
    """Something in a source that must be put right, with the place."""


def fault(found: object, message: str) -> None:
    if found:
        raise Fault(message)


def parse(path: Path) -> nbformat.NotebookNode:
    """The solved notebook that a source describes, not executed."""
    blocks = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            blocks.append([])
        blocks[-1].append(line)
    header = (line.removeprefix("# ").split(": ", 1) for line in blocks[0] if line.startswith("# ") and not line.startswith("# ruff"))
    book = nbformat.v4.new_notebook(metadata={**METADATA, "ssl_lab": {key: json.loads(value) for key, value in header}})
    for number, (first, *lines) in enumerate(blocks[1:], 1):
        where = f"{path.name}, cell {number}"
        match = CELL.match(first)
        fault(not match, f"{where}: {first!r} is no cell; write # %%, # %% [markdown] or # %% tags=[...]")
        cell = (markdown if match[1] else code)("\n".join(lines).strip("\n"), where)
        cell.metadata.update({"tags": json.loads(match[2])} if match[2] else {})
        cell.id = identity(cell, {other.id for other in book.cells})
        lint(cell, where)
        book.cells.append(cell)
    return book


def markdown(text: str, where: str) -> nbformat.NotebookNode:
    fault(bare := re.search(r"^(?!#( |$)).+", text, re.MULTILINE), f"{where}: a line of text begins with '# ', this one does not: {bare and bare[0]}")
    return nbformat.v4.new_markdown_cell(re.sub(r"^# ?", "", text, flags=re.MULTILINE))


def code(text: str, where: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(text)


def identity(cell, taken: set[str]) -> str:
    """An id that changes only when the cell does, and is the same in both editions."""
    digest = hashlib.sha256(f"{cell.cell_type}{cell.source}".encode()).hexdigest()
    return next(digest[i : i + 8] for i in range(56) if digest[i : i + 8] not in taken)


def lint(cell, where: str) -> None:
    """Tags from the list, solutions where they belong, alt text on every picture."""
    unknown = set(cell.metadata.get("tags", [])) - set(TAGS)
    fault(unknown, f"{where}: unknown tag {', '.join(unknown)}; there are {', '.join(TAGS)}")
    marks, regions = len(re.findall(r"### (?:BEGIN|END) SOLUTION", cell.source)), len(SOLUTION.findall(cell.source))
    fault(marks != 2 * regions, f"{where}: ### BEGIN SOLUTION and ### END SOLUTION come in pairs, inside a function")
    fault(bool(regions) != ("exercise" in cell.metadata.get("tags", [])), f"{where}: a cell has a solution if and only if it is tagged exercise")
    silent = re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=\"[^\"]+\")", cell.source) if cell.cell_type == "markdown" else None
    fault(silent, f"{where}: a picture without alt text: {silent and silent[0]}")


def student(solved: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The edition in which the solutions are still to be written."""
    book = copy.deepcopy(solved)
    for cell in book.cells:
        cell.source = SOLUTION.sub(r"\1# YOUR CODE HERE\n\1raise NotImplementedError", cell.source)
    return book


def execute(book: nbformat.NotebookNode, folder: Path) -> None:
    """Run every cell in the ordinary profile, and keep what is checked or is a picture."""
    from nbclient import NotebookClient

    ordinary = {**os.environ, "SSL_LAB_PROFILE": "laptop"}
    client = NotebookClient(book, timeout=3600, kernel_name="python3", store_widget_state=False, resources={"metadata": {"path": folder}})
    client.execute(env=ordinary)
    book.metadata = nbformat.from_dict({**METADATA, "ssl_lab": book.metadata["ssl_lab"]})
    for cell in book.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags"})
        if cell.cell_type == "code":
            kept = {"picture", "nbval-check-output"} & set(cell.metadata.get("tags", []))
            cell.execution_count = cell.execution_count if kept else None
            cell.outputs = [still(output) for output in cell.outputs] if kept else []


def still(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """An output as it is stored: no widget, which needs a kernel, and pictures in 256 colours."""
    data = output.get("data", {})
    data.pop("application/vnd.jupyter.widget-view+json", None)
    if "image/png" in data:
        data["image/png"] = smaller(data["image/png"])
    if output.output_type == "execute_result":
        output.execution_count = None  # the cell has it
    return output


def smaller(png: str) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def written(book: nbformat.NotebookNode) -> str:
    """The text of a notebook's file. Raises: Fault if it is too large or shows a path of this machine."""
    nbformat.validate(book)
    text = nbformat.writes(book) + "\n"
    name = book.metadata["ssl_lab"]["title"]
    fault(len(text) > LIMIT, f"{name}: {len(text):,} bytes are more than {LIMIT:,}; store fewer pictures")
    fault(path := MACHINE.search(re.sub(r'"image/png": ".*"', "", text)), f"{name}: it shows a path of one machine, {path and path[0]}…")
    return text


def source_of(text: str) -> dict:
    """All of a notebook that its source decides: everything but outputs and counts."""
    book = json.loads(text)
    for cell in book["cells"]:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    return book


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """Build or check; returns 1 if a source is at fault or a generated file is not what its source says."""
    parser = argparse.ArgumentParser(prog="python -m course.build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("names", metavar="NAME", nargs="*", help="such as 03_simclr (default: all)")
    args = parser.parse_args(argv)
    stale = []
    try:
        for source in [root / "course" / f"{name}.py" for name in args.names] or sorted((root / "course").glob("[0-9][0-9]_*.py")):
            solved = parse(source)
            for target, book in ((root / "notebooks" / "solutions", solved), (root / "notebooks", student(solved))):
                path = target / f"{source.stem}.ipynb"
                if args.check:
                    stale += [path.name] if not path.exists() or source_of(path.read_text(encoding="utf-8")) != source_of(written(book)) else []
                else:
                    target.mkdir(exist_ok=True, parents=True)
                    execute(book, target)
                    path.write_text(written(book), encoding="utf-8")
                    print(f"{path.relative_to(root)}: {path.stat().st_size / 1000:.0f} kB")
    except (Fault, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    if stale:
        print(f"not what the source says: {', '.join(stale)}; run python -m course.build", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
