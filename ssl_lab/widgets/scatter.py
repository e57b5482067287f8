"""A map for the mouse, where jupyter-scatter is installed: what is clicked, or lies under the pointer, becomes the picked image of an explorer."""

import warnings

import numpy as np

from ssl_lab.errors import InputError
from ssl_lab.plots import Colouring
from ssl_lab.plots.look import class_name
from ssl_lab.widgets.controls import Slider


def linked(xy: np.ndarray, colouring: Colouring, picked: Slider):
    """A jscatter.Scatter of the points xy (N, 2), whose selection and hovering move the slider `picked`.

    Raises: InputError where jupyter-scatter is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jscatter's own quarrel with pandas 3
            import jscatter
            import pandas
    except ImportError as error:
        raise InputError("pointing at the map needs jupyter-scatter, which is not installed: pip install 'ssl-lab[scatter]'") from error
    frame = pandas.DataFrame({"x": xy[:, 0], "y": xy[:, 1], colouring.name: values(colouring)})
    plot = jscatter.Scatter(data=frame, x="x", y="y", color_by=colouring.name, height=480, legend=True, lasso_on_long_press=True)

    def pick(change) -> None:
        chosen = [] if change["new"] is None else np.atleast_1d(change["new"])
        if len(chosen):
            picked.value = int(chosen[0])

    plot.widget.observe(pick, ["selection", "hovering"])
    return plot


def values(colouring: Colouring):
    """Names of categories, numbers of all else."""
    if colouring.way != "category":
        return colouring.values
    names = {kind: class_name(kind, colouring.names, 60) for kind in range(len(colouring.names))}
    return np.array([names.get(int(value), str(int(value))) if np.isfinite(value) else "unknown" for value in colouring.values])
