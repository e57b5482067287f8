"""Our own table, to which every notebook adds the row of its method."""

import math

from ssl_lab.errors import one_of, require
from ssl_lab.tables.table import Table

MEASURES = {  # measure → (its column, the form of its figures)
    "knn": ("kNN", "{:.0%}"),
    "linear": ("linear", "{:.0%}"),
    "labels": ("labels to learn from", "{:,.0f}"),
    "cpu_seconds": ("CPU seconds", "{:,.0f}"),
}


def results(rows: dict[str, dict[str, float]]) -> Table:
    """The table of what was measured here, one row a method, in the order of `rows`.

    rows: method → its measures: knn and linear, accuracies in [0, 1]; labels and cpu_seconds, the cost of the features, >= 0. A missing one is "-".
    Raises: InputError for a measure of another name, and for accuracies or costs out of range.
    """
    for name, row in rows.items():
        for measure, value in row.items():
            one_of(measure, MEASURES, f"{name}: the measure")
            most, words = (1, "a share from 0 to 1") if measure in ("knn", "linear") else (math.inf, "at least 0")
            require(0 <= value <= most, f"{name}: {measure}={value} must be {words}")
    columns, forms = zip(*MEASURES.values())
    cells = tuple((name, *(row.get(measure) for measure in MEASURES)) for name, row in rows.items())
    note = "Accuracy on unseen scenes, of frozen features."
    return Table("What our methods reach", "this package, on scenes", ("Method", *columns), {"": cells}, note, columns[:2], dict(zip(columns, forms)))
