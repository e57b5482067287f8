"""python -m course.picture: the README's picture, the last one that notebook 03 stores: its similarity matrix after the minute of training."""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
NOTEBOOK, OUT = ROOT / "notebooks/solutions/03_simclr.ipynb", ROOT / "course/readme.png"


def main() -> None:
    outputs = [output for cell in nbformat.read(NOTEBOOK, 4).cells for output in cell.get("outputs", [])]
    shown = [output.data for output in outputs if "image/png" in output.get("data", {})]
    OUT.write_bytes(base64.b64decode(shown[-1]["image/png"]))
    print(f"{OUT.relative_to(ROOT)}: {shown[-1]['text/plain']}")


if __name__ == "__main__":
    main()
