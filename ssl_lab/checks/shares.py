"""What goes wrong with any share of rows, whatever is counted."""

from collections.abc import Callable


def share_mistakes(hits: Callable, rows: str) -> dict[str, tuple[Callable, ...]]:
    """Hint → the mistakes, for a function that returns a share in [0, 1].   hits: whether each row is one.   rows: what is counted."""

    def share(*given):
        return hits(*given).double().mean().item()

    def count(*given):
        return hits(*given).sum()

    def percent(*given):
        return 100 * share(*given)

    def rest(*given):
        return 1 - share(*given)

    def whole(*given):
        return int(share(*given))

    def last(*given):
        return hits(*given)[-1].double()

    return {
        f"the result is a count: divide the number of hits by the number of {rows}": (count,),
        "the result is in percent: a share lies between 0 and 1, so leave out the factor 100": (percent,),
        f"the share of failures is returned, 1 minus the right answer: count the {rows} for which the two are equal (==), not different": (rest,),
        "the result is 0 unless every row is a hit: look for `//`, for a comparison that is never true, and for = instead of +=": (
            whole,
            lambda *given: 0,
        ),
        f"only the last of the {rows} is counted: add up the hits of all (is = where += is meant?)": (
            last,
            lambda *given: last(*given) / len(hits(*given)),
        ),
    }
