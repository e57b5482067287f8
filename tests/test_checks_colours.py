"""The check of the colour shortcut: right answers pass in any style, and each usual mistake is called by its name.

The mistakes are written here once more, as loops over rows and pixels that share nothing with what the check compares with.
"""

import numpy as np
import pytest
import torch

from ssl_lab.checks import check_mean_colour_match

SEEDS = range(20)


def colour(image):
    """Average of red, green and blue."""
    return [sum(channel) / len(channel) for channel in image.flatten(1).tolist()]


def grey(image):
    return [sum(colour(image)) / 3]


def pixels(image):
    return image.flatten().tolist()


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def greys(image):
    """One number a pixel."""
    return [mean(pixel) for pixel in zip(*image.flatten(1).tolist())]


def over_rows(image):
    return [mean(column) for channel in image.tolist() for column in zip(*channel)]


def over_columns(image):
    return [mean(row) for channel in image.tolist() for row in channel]


def row_by_row(image):
    """Over the colours and the width."""
    return [mean(value for row in rows for value in row) for rows in zip(*image.tolist())]


def column_by_column(image):
    return row_by_row(image.transpose(1, 2))


def direction(image):
    length = sum(p * p for p in colour(image)) ** 0.5
    return [p / length for p in colour(image)]


def gap(u, v):
    return sum((p - q) ** 2 for p, q in zip(u, v))


def difference(u, v):
    return sum(p - q for p, q in zip(u, v))


def product(u, v):
    return sum(p * q for p, q in zip(u, v))


def matched(x1, x2, *, seen=colour, best=min, far=gap, partner=lambda i: i, equal=True, scale=None):
    """One first view at a time; every option is one way to get it wrong."""
    first, second = [seen(image) for image in x1], [seen(image) for image in x2]
    hits = sum((best(range(len(second)), key=lambda j: far(u, second[j])) == partner(i)) == equal for i, u in enumerate(first))
    return hits * (scale or 1) / (1 if scale == 1 else len(first))


def mixed(x):
    """The mean image of the batch, channel by channel."""
    return torch.stack([sum(x[i, c] for i in range(len(x))) / len(x) for c in range(3)])


def one_place(x1, x2):
    """argmin without dim, compared with every row."""
    place = torch.cdist(x1.mean((2, 3)), x2.mean((2, 3))).argmin()
    return (place == torch.arange(len(x1))).float().mean()


def smallest_is_row(x1, x2):
    return (torch.cdist(x1.mean((2, 3)), x2.mean((2, 3))).min(dim=1).values == torch.arange(len(x1))).float().mean()


def last_is_found(x1, x2):
    return torch.cdist(x1.mean((2, 3)), x2.mean((2, 3)))[-1].argmin() == len(x1) - 1


COLOURS = {
    "grey": ("colours, too", lambda x1, x2: matched(x1, x2, seen=grey)),
    "colours and height": ("colours, too", lambda x1, x2: matched(x1, x2, seen=column_by_column)),
    "colours and width": ("colours, too", lambda x1, x2: matched(x1, x2, seen=row_by_row)),
    "mean(1)": ("instead of the pixels", lambda x1, x2: matched(x1, x2, seen=greys)),
    "mean over height": ("height only, or over width only", lambda x1, x2: matched(x1, x2, seen=over_rows)),
    "mean over width": ("height only, or over width only", lambda x1, x2: matched(x1, x2, seen=over_columns)),
    "farthest": ("farthest", lambda x1, x2: matched(x1, x2, best=max)),
    "first with first": ("share is always 1", lambda x1, x2: matched(x1, x1)),
    "second with second": ("share is always 1", lambda x1, x2: matched(x2, x2)),
    "second views ask": ("sides are swapped", lambda x1, x2: matched(x2, x1)),
    "batch averaged": ("over the batch", lambda x1, x2: matched(mixed(x1), mixed(x2), seen=pixels)),
    "all but the channels averaged": ("over the batch", lambda x1, x2: matched(mixed(x1), mixed(x2), seen=lambda channel: [float(channel.mean())])),
    "pixels": ("one by one", lambda x1, x2: matched(x1, x2, seen=pixels)),
    "differences": ("exactly one first view", lambda x1, x2: matched(x1, x2, far=difference)),
    "products": ("exactly one first view", lambda x1, x2: matched(x1, x2, far=product, best=max)),
    "argmin of the matrix": ("exactly one first view", one_place),
    "cosines": ("cosines are compared", lambda x1, x2: matched(x1, x2, seen=direction, far=product, best=max)),
    "row after": ("shifted by one", lambda x1, x2: matched(x1, x2, partner=lambda i: i + 1)),
    "row before": ("shifted by one", lambda x1, x2: matched(x1, x2, partner=lambda i: i - 1)),
    "last": ("only the last", lambda x1, x2: float(last_is_found(x1, x2))),
    "last, divided by B": ("only the last", lambda x1, x2: last_is_found(x1, x2) / len(x1)),
    "count": ("a count", lambda x1, x2: matched(x1, x2, scale=1)),
    "percent": ("percent", lambda x1, x2: matched(x1, x2, scale=100)),
    "failures": ("failures", lambda x1, x2: matched(x1, x2, equal=False)),
    "//": ("result is 0", lambda x1, x2: matched(x1, x2, scale=1) // len(x1)),
    "min for argmin": ("result is 0", smallest_is_row),
}


@pytest.mark.parametrize("words, wrong", COLOURS.values(), ids=COLOURS)
def test_each_usual_mistake_with_colours_gets_its_own_hint(called, words, wrong):
    called(check_mean_colour_match, wrong, words, COLOURS)


def by_distances(x1, x2):
    nearest = torch.cdist(x1.mean((2, 3)), x2.mean((2, 3))).argmin(1)
    return (nearest == torch.arange(len(x1))).float().mean()


def by_absolute_differences(x1, x2):
    a, b = x1.flatten(2).mean(2), x2.flatten(2).mean(2)
    return sum(bool((row - b).abs().sum(1).argmin() == i) for i, row in enumerate(a)) / len(a)


def by_sums_in_numpy(x1, x2):
    a, b = (x.numpy().sum((2, 3)) for x in (x1, x2))
    return np.mean(((a[:, None] - b) ** 2).sum(2).argmin(1) == np.arange(len(a)))


def by_einsum_in_double_precision(x1, x2):
    a, b = (torch.einsum("bchw->bc", x.double()) / x[0, 0].numel() for x in (x1, x2))
    return (((a[:, None] - b) ** 2).amax(2).argmin(1) == torch.arange(len(a))).sum() / len(a)


@pytest.mark.parametrize("right", [matched, by_distances, by_absolute_differences, by_sums_in_numpy, by_einsum_in_double_precision])
def test_a_right_colour_match_passes_in_any_style_and_with_any_distance(passes, right):
    passes(check_mean_colour_match, right)


def test_views_that_are_checked_are_images():
    for seed in SEEDS:
        for x1, x2 in check_mean_colour_match.inputs(seed):
            assert x1.shape == x2.shape and x1.shape[1] == 3
            assert min(x1.min(), x2.min()) >= 0 and max(x1.max(), x2.max()) <= 1


def test_a_mean_over_the_batch_never_finds_all_its_channels_again():
    """It would look like views compared with themselves."""
    for seed in range(200):
        channels = [(x1.mean((0, 2, 3)), x2.mean((0, 2, 3))) for x1, x2 in check_mean_colour_match.inputs(seed)]
        assert not all(((a[:, None] - b).abs().argmin(1) == torch.arange(3)).all() for a, b in channels)


def test_the_reference_of_mean_colour_match_is_right():
    red, green, blue = torch.eye(3).reshape(3, 3, 1, 1).expand(3, 3, 2, 4)
    first = torch.stack([red, green, blue])
    match = check_mean_colour_match.reference
    assert match(first, first) == 1
    assert match(first, torch.stack([green, red, blue])) == pytest.approx(1 / 3)
    assert match(0.9 * first + 0.1, first) == 1


def test_every_hint_of_the_check_is_tested():
    assert len({words for words, _ in COLOURS.values()}) == len(check_mean_colour_match.mistakes)
