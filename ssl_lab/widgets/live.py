"""A curve that grows inside the visible training loop."""

from ssl_lab import plots
from ssl_lab.errors import require
from ssl_lab.widgets.picture import Picture


class LiveCurve(Picture):
    """Loss and accuracy against the epoch, redrawn at every `append`: a tenth of a second, so append once an epoch, not once a step.

    display(curve) before the loop shows it; each append replaces the picture where it is shown. It needs no front end.
    """

    def __init__(self):
        self.rows: list[dict] = []
        super().__init__(*plots.curves(self.rows))

    def append(self, epoch: int | None = None, **values: float) -> None:
        """Add what one epoch brought, `loss` and perhaps `knn` in [0, 1].   epoch: counted on from the last one; give 0 for what was before training.

        Raises: InputError for a measure that is not drawn, or none at all.
        """
        unknown = [name for name in values if name not in plots.MEASURES]
        require(values != {} and not unknown, f"append takes {' and '.join(plots.MEASURES)}; got {', '.join(unknown) or 'nothing'}")
        after = self.rows[-1]["epoch"] + 1 if self.rows else 1
        self.rows.append({"epoch": after if epoch is None else epoch, **values})
        self.put(*plots.curves(self.rows))
