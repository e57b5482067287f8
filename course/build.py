"""One solved source, two editions: course/NN_name.py → notebooks/NN_name.ipynb and notebooks/solutions/NN_name.ipynb, both executed.

    python -m course.build [NAME...]            generate and execute (minutes: the figures that are stored are the real ones)
    python -m course.build --texts [NAME...]    only texts have changed: keep the outputs that are stored, execute nothing
    python -m course.build --check [NAME...]    compare with what is there, execute nothing
    python -m course.build --draft FOLDER [NAME...]    both editions, not executed, into another folder: to try out what is being written

A source is py:percent: `# %%` begins a code cell, `# %% [markdown]` a text cell, `tags=["..."]` may follow. Lines above the first cell are
`# key: JSON`, the notebook's metadata: title, minutes, budget_s, and exercises, from and to how many there should be, where that is not 3
to 6. In a cell tagged exercise, what stands between ### BEGIN SOLUTION and ### END SOLUTION, inside a function, is the student's to write.
A text cell tagged answer answers the questions of the text cell before it: folded in the solved edition, absent from the student's.
The rules are in course/lint.py; notebooks/README.md, the list of the notebooks, is written along.
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

from course import lint, outline
from course.index import index

ROOT = Path(__file__).parents[1]
METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},  # without it JupyterLab asks which kernel
    "language_info": {"name": "python"},
}
CELL = re.compile(r"^# %%( \[markdown\])?(?: tags=(\[.*\]))?$")
FOLDED = "<details><summary><b>Answer</b></summary>\n\n{}\n\n</details>"  # the empty lines let what stands inside be Markdown
LIMIT = 400_000  # bytes of one notebook


class Fault(Exception):
    """Something in a source that must be put right, with the place."""


def fault(found: object, message: str) -> None:
    if found:
        raise Fault(message)


def read(path: Path) -> nbformat.NotebookNode:
    """The solved notebook of a source that keeps all rules, not executed. Raises: Fault with every rule that is broken, one a line."""
    book = parse(path)
    fault(found := list(lint.faults(book, path)), "\n".join(found))
    return book


def parse(path: Path) -> nbformat.NotebookNode:
    """The solved notebook that a source describes. Raises: Fault where the source cannot be read at all."""
    blocks = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            blocks.append([])
        blocks[-1].append(line)
    book = nbformat.v4.new_notebook(metadata={**METADATA, "ssl_lab": header(blocks[0], path.name)})
    for number, (first, *lines) in enumerate(blocks[1:], 1):
        where = f"{path.name}, cell {number}"
        match = CELL.match(first)
        fault(not match, f"{where}: {first!r} is no cell; write # %%, # %% [markdown] or # %% tags=[...]")
        text = "\n".join(lines).strip("\n")
        cell = markdown(text, where) if match[1] else nbformat.v4.new_code_cell(text)
        cell.metadata.update({"tags": value(match[2], where)} if match[2] else {})
        if outline.answers(cell) and match[1]:
            cell.source = FOLDED.format(cell.source)
        cell.id = identity(cell, {other.id for other in book.cells})
        book.cells.append(cell)
    return book


def header(lines: list[str], where: str) -> dict:
    """The notebook's metadata."""
    said = [line.removeprefix("# ").partition(": ") for line in lines if line.startswith("# ") and not line.startswith("# ruff")]
    return {key: value(text, f"{where}, {key}") for key, _, text in said}


def value(text: str, where: str):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Fault(f"{where}: {text!r} is no JSON: {error}") from None


def markdown(text: str, where: str) -> nbformat.NotebookNode:
    fault(bare := re.search(r"^(?!#( |$)).+", text, re.MULTILINE), f"{where}: a line of text begins with '# ', this one does not: {bare and bare[0]}")
    return nbformat.v4.new_markdown_cell(re.sub(r"^# ?", "", text, flags=re.MULTILINE))


def identity(cell, taken: set[str]) -> str:
    """An id that changes only when the cell does, and is the same in both editions."""
    digest = hashlib.sha256(f"{cell.cell_type}{cell.source}".encode()).hexdigest()
    return next(digest[i : i + 8] for i in range(56) if digest[i : i + 8] not in taken)


def student(solved: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The edition in which the solutions are still to be written, without the answers."""
    book = copy.deepcopy(solved)
    book.cells = [cell for cell in book.cells if not outline.answers(cell)]
    for cell in book.cells:
        cell.source = lint.SOLUTION.sub(r"\1# YOUR CODE HERE\n\1raise NotImplementedError", cell.source)
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
            shown = any("image/png" in output.get("data", {}) for output in cell.outputs)
            fault("picture" in kept and not shown, f"{book.metadata['ssl_lab'].get('title')}: a cell tagged picture shows none:\n{cell.source}")


def still(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """An output as it is stored: no widget, which needs a kernel, and pictures in few colours."""
    data = output.get("data", {})
    data.pop("application/vnd.jupyter.widget-view+json", None)
    if "image/png" in data:
        data["image/png"] = smaller(data["image/png"])
    if output.output_type == "execute_result":
        output.execution_count = None  # the cell has it
    return output


def smaller(png: str) -> str:
    """The picture in the fewest colours at which 95 of 100 pixels stay within 12 of 255 levels: 32 or 64 for drawings, to 256 for photographs.

    Pixels that equal their left neighbour do not count: paper is most of a picture, and steps show in its photographs.
    """
    import numpy as np
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    pixels = np.asarray(picture).astype(int)
    uneven = (pixels[:, 1:] != pixels[:, :-1]).any(axis=2)
    for colours in (32, 64, 128, 192, 256):
        few, buffer = picture.quantize(colours, kmeans=3, dither=Image.Dither.NONE), io.BytesIO()
        off = np.abs(pixels - np.asarray(few.convert("RGB"))).max(axis=2)[:, 1:][uneven]
        if (off > 12).sum() <= 0.05 * len(off):
            break
    few.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def written(book: nbformat.NotebookNode) -> str:
    """The text of a notebook's file. Raises: Fault if it is too large, shows a path of this machine, or a picture without alt text."""
    nbformat.validate(book)
    text = nbformat.writes(book) + "\n"
    name = book.metadata["ssl_lab"]["title"]
    fault(len(text) > LIMIT, f"{name}: {len(text):,} bytes are more than {LIMIT:,}; store fewer pictures")
    fault(path := lint.MACHINE.search(re.sub(r'"image/png": ".*"', "", text)), f"{name}: it shows a path of one machine, {path and path[0]}…")
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    silent = [output for output in outputs if "image/png" in output.get("data", {}) and not output.metadata.get("image/png", {}).get("alt")]
    fault(silent, f"{name}: a stored picture without alt text; show pictures of ssl_lab.plots with show()")
    return text


def source_of(text: str) -> dict:
    """All of a notebook that its source decides: everything but outputs and counts."""
    book = json.loads(text)
    for cell in book["cells"]:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    return book


def editions(name: str, solved: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    """Both notebooks of a source, by their place in notebooks/."""
    return {f"solutions/{name}.ipynb": solved, f"{name}.ipynb": student(solved)}


def reuse(book: nbformat.NotebookNode, path: Path) -> None:
    """Give every code cell the outputs that the stored notebook has. Raises: Fault if a code cell has changed, or there is no such notebook."""
    kinds = [[cell for cell in one.cells if cell.cell_type == "code"] for one in (book, nbformat.read(path, as_version=4))]
    same = [[(cell.source, cell.metadata.get("tags")) for cell in cells] for cells in kinds]
    fault(same[0] != same[1], f"{path.name}: code has changed, so that its outputs are to be made anew; leave out --texts")
    for cell, stored in zip(*kinds):
        cell.outputs, cell.execution_count = stored.outputs, stored.execution_count


def build(sources: list[Path], root: Path, texts: bool = False) -> None:
    """Generate and execute both editions of these sources, and write the index of all.   texts: take the outputs that are stored."""
    for source, solved in {source: read(source) for source in sources}.items():
        for name, book in editions(source.stem, solved).items():
            path = root / "notebooks" / name
            path.parent.mkdir(exist_ok=True, parents=True)
            reuse(book, path) if texts else execute(book, path.parent)
            path.write_text(written(book), encoding="utf-8")
            print(f"{path.relative_to(root)}: {path.stat().st_size / 1000:.0f} kB")
    (root / "notebooks" / "README.md").write_text(page(root), encoding="utf-8")


def page(root: Path) -> str:
    """The index of the notebooks."""
    return index({source.stem: read(source) for source in sources_in(root)})


def sources_in(root: Path) -> list[Path]:
    return sorted((root / "course").glob("[0-9][0-9]_*.py"))


def stale(sources: list[Path], root: Path) -> list[str]:
    """The generated files that are not what their sources say."""
    found = []
    for source in sources:
        for name, book in editions(source.stem, read(source)).items():
            path = root / "notebooks" / name
            if not path.exists() or source_of(path.read_text(encoding="utf-8")) != source_of(written(book)):
                found.append(name)
    path = root / "notebooks" / "README.md"
    return found + ([path.name] if not path.exists() or path.read_text(encoding="utf-8") != page(root) else [])


def draft(sources: list[Path], folder: Path) -> None:
    """Both editions as they are, not executed; what the rules say against them is printed, and does not stop it."""
    for source in sources:
        book = parse(source)
        for said in lint.faults(book, source):
            print(said, file=sys.stderr)
        for name, edition in editions(source.stem, book).items():
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            nbformat.write(edition, folder / name)
            print(folder / name)


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """Build, check or draft; returns 1 if a source is at fault or a generated file is not what its source says."""
    parser = argparse.ArgumentParser(prog="python -m course.build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--texts", action="store_true", help="keep the stored outputs; for changes of texts alone")
    parser.add_argument("--draft", metavar="FOLDER", type=Path, help="write both editions here, not executed")
    parser.add_argument("names", metavar="NAME", nargs="*", help="such as 03_simclr (default: all)")
    args = parser.parse_args(argv)
    sources = [root / "course" / f"{name}.py" for name in args.names] or sources_in(root)
    try:
        if args.draft:
            draft(sources, args.draft)
        elif not args.check:
            build(sources, root, args.texts)
        elif found := stale(sources, root):
            raise Fault(f"not what the source says: {', '.join(found)}; run python -m course.build")
    except (Fault, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
