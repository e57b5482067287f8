"""What goes wrong with any share of rows, whatever is counted."""

from collections.abc import Callable


def share_mistakes(share: Callable, rows: str, argument: int) -> dict[str, tuple[Callable, ...]]:
    """Hint → the mistake, for a function that returns a share in [0, 1].   rows: what is counted.   argument: the one that holds them."""

    def count(*given):
        return share(*given) * len(given[argument])

    def percent(*given):
        return 100 * share(*given)

    def rest(*given):
        return 1 - share(*given)

    def whole(*given):
        return int(share(*given))

    return {
        f"the result is a count: divide the number of hits by the number of {rows}": (count,),
        "the result is in percent: a share lies between 0 and 1, so leave out the factor 100": (percent,),
        f"the share of failures is returned, 1 minus the right answer: count the {rows} for which the two are equal (==), not different": (rest,),
        "the result is 0 unless every row is a hit: look for `//`, which rounds down, for a comparison that is never true, and for = instead of +=": (
            whole,
            lambda *given: 0,
        ),
    }
