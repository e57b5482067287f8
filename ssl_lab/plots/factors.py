"""What each representation kept of every cause of the pixels: the factor table as a picture."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ssl_lab.errors import require
from ssl_lab.plots.look import INK, PAPER, Page, our_look

KEPT = LinearSegmentedColormap.from_list("kept", ["#fdfbf7", "#c6d4dc", "#5f8ea9", "#0b4f79", "#04263f"])  # light to dark, so grey print tells it too
NAMES = {"x": "x position", "y": "y position"}  # where a factor's own name says too little
MOST = 6  # columns
NOTABLE = 0.1  # a change of R² that is worth a headline
CELL, SIDE, LINE, WIDE = (1.85, 0.52), 2.3, 0.27, 10.7  # inches: a cell, names of the rows, a line of the columns' names, room for a title


@our_look()
def factors(tables: dict[str, dict[str, float]]) -> tuple[Figure, str]:
    """R² of what one linear map reads from the features of each network: a column a network, a row a cause, darker the more.

    tables: name of a network → what `evaluate.factor_table` returns, cause → R² in [0, 1]; 1 to 6 of them, in the first one's order of causes.
    The title says what became of the first network's knowledge in the last; what it names is bold.
    Raises: InputError for no table or too many, tables of different causes, or what is no R².
    """
    check(tables)
    networks, causes = list(tables), list(tables[next(iter(tables))])
    told = story(tables[networks[0]], tables[networks[-1]])
    words = [f"{verb} the {in_words(cause)}" for verb, cause in told.items()]
    headline = f"{networks[-1]} {' and '.join(words) or f'knows as little as {networks[0]}'}"
    columns = [textwrap.fill(network, 15) for network in networks]
    width, head = max(WIDE, SIDE + CELL[0] * len(tables) + 0.2), 0.75 + LINE * max(1 + name.count("\n") for name in columns)
    title = textwrap.wrap(headline, int(6.2 * width))  # characters of 18 points to an inch
    height = head + 0.3 * (len(title) - 1) + CELL[1] * len(causes) + 0.1
    figure = Page(figsize=(width, height))
    axes = figure.add_axes((SIDE / width, 0.1 / height, CELL[0] * len(tables) / width, CELL[1] * len(causes) / height))
    cells(axes, [[table[cause] for table in tables.values()] for cause in causes], bold={causes.index(cause) for cause in told.values()})
    axes.set_xticks(range(len(tables)), columns)
    axes.set_yticks(range(len(causes)), [textwrap.fill(in_words(cause), 17) for cause in causes])
    figure.text(0.15 / width, 1 - 0.15 / height, "\n".join(title), va="top", fontsize=18, fontweight="bold")
    said = (f"{name} {', '.join(f'{in_words(cause)} {table[cause]:.2f}' for cause in causes)}" for name, table in tables.items())
    return figure, f"R² of what a linear map reads from the features: {'; '.join(said)}."


def check(tables: dict[str, dict[str, float]]) -> None:
    """Refuse what makes no table."""
    require(1 <= len(tables) <= MOST, f"{len(tables)} networks were given, and 1 to {MOST} fit side by side; choose some of them")
    causes = set(next(iter(tables.values())))
    require(len(causes) > 0, "the tables are empty; give what factor_table returns")
    for name, table in tables.items():
        odd = ", ".join(sorted(causes ^ set(table)))
        require(not odd, f"the table of {name} differs from the first in {odd}; give tables of the same images")
        wrong = [f"{cause} {value}" for cause, value in table.items() if not 0 <= value <= 1]
        require(not wrong, f"{name}: {', '.join(wrong)} is no R² in [0, 1]; give what factor_table returns")


def story(before: dict[str, float], after: dict[str, float]) -> dict[str, str]:
    """Verb → cause: what was found and what forgotten most, where that is notable; where it is not, what was kept best."""
    if before is after:
        return {"knows most of": max(after, key=after.get)}
    change = {cause: after[cause] - before[cause] for cause in before}
    found, forgot = max(change, key=change.get), min(change, key=change.get)
    told = {verb: cause for verb, cause, notable in [("found", found, change[found]), ("forgot", forgot, -change[forgot])] if notable > NOTABLE}
    kept = [cause for cause in change if abs(change[cause]) <= NOTABLE and after[cause] > 0.5]
    return told if len(told) == 2 or not kept else {"kept": max(kept, key=after.get), **told}


def cells(axes: Axes, rows: list[list[float]], bold: set[int]) -> None:
    """Every value as a colour and a number; bold in some rows, at the first and the last network."""
    last = len(rows[0]) - 1
    axes.imshow(rows, cmap=KEPT, vmin=0, vmax=1, aspect="auto")
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            weight = "bold" if y in bold and x in (0, last) else "normal"
            axes.text(x, y, f"{value:.2f}", ha="center", va="center_baseline", fontsize=16, fontweight=weight, color=PAPER if value > 0.45 else INK)
    axes.hlines([y + 0.5 for y in range(len(rows) - 1)], -0.5, last + 0.5, color=PAPER, linewidth=3)
    axes.vlines([x + 0.5 for x in range(last)], -0.5, len(rows) - 0.5, color=PAPER, linewidth=3)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelcolor=INK, labelsize=15)
    axes.spines[:].set_visible(False)


def in_words(cause: str) -> str:
    return NAMES.get(cause, cause.replace("_", " "))
