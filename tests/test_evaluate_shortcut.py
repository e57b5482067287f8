"""What the shortcut meter promises; the oracle counts one pixel after another, and compares one pair after another."""

import pytest
import torch

from ssl_lab.augment import augment
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import colour_match, shortcut


def views(N=24, size=6, noise=0.25, seed=0):
    """Two views of N random pictures that share some of their colours."""
    g = torch.Generator().manual_seed(seed)
    base, other = torch.rand(N, 3, size, size, generator=g), torch.rand(N, 3, size, size, generator=g)
    return base, ((1 - noise) * base + noise * other).flip(3)


def counted(image, bins):
    """How many pixels have each colour, one pixel after another."""
    counts = {}
    for row in range(image.shape[1]):
        for place in range(image.shape[2]):
            colour = tuple(min(int(level * bins), bins - 1) for level in image[:, row, place].tolist())
            counts[colour] = counts.get(colour, 0) + 1
    return {colour: count / (image.shape[1] * image.shape[2]) for colour, count in counts.items()}


def pair_by_pair(x1, x2, bins):
    first, second = ([counted(image, bins) for image in x] for x in (x1, x2))
    overlaps = [[sum((p[c] * q[c]) ** 0.5 for c in p if c in q) for q in second] for p in first]
    return sum(row.index(max(row)) == i for i, row in enumerate(overlaps)) / len(overlaps)


@pytest.mark.parametrize("bins", [2, 3, 8, 32])
@pytest.mark.parametrize("noise", [0.1, 0.25, 0.4])
def test_it_equals_partners_found_pair_by_pair(bins, noise):
    assert colour_match(*views(noise=noise), bins) == pytest.approx(pair_by_pair(*views(noise=noise), bins), abs=1e-9)


def test_the_oracle_is_asked_hard_and_easy_questions():
    assert 0.1 < pair_by_pair(*views(noise=0.25), 8) < 0.9
    assert len({pair_by_pair(*views(noise=0.25), bins) for bins in (2, 3, 8, 32)}) > 1


def test_by_hand():
    """Two of three: the second picture's partner is red, as the first one is."""
    red, green, blue = (torch.eye(3)[i].view(3, 1, 1).expand(3, 2, 2) for i in range(3))
    assert colour_match(torch.stack([red, green, blue]), torch.stack([red, red, blue])) == pytest.approx(2 / 3)


def test_a_first_view_looks_for_its_partner_and_not_the_other_way_round():
    red, green = (torch.eye(3)[i].view(3, 1, 1).expand(3, 4, 4) for i in range(2))
    dirty = red.clone()
    dirty[:, 0] = green[:, 0]  # a quarter of it is green
    assert colour_match(torch.stack([red, green]), torch.stack([dirty, dirty])) == 0.5
    assert colour_match(torch.stack([dirty, dirty]), torch.stack([red, green])) == 0.5
    assert shortcut.nearest_colours(torch.stack([red, green, green]), torch.stack([dirty, green, dirty])).tolist() == [0, 1, 1]


def test_channels_belong_together():
    """Half red, half green has the same red, green and blue as half yellow, half black."""
    red, green, yellow, black = (torch.tensor(c).view(3, 1, 1).expand(3, 4, 2) for c in ((1.0, 0, 0), (0, 1.0, 0), (1.0, 1, 0), (0.0, 0, 0)))
    first, second = torch.cat([red, green], dim=2), torch.cat([yellow, black], dim=2)
    x = torch.stack([first, second])
    assert colour_match(x, x) == 1.0
    assert colour_match(x, x.flip(0)) == 0.0


def test_places_do_not_count():
    x, _ = views()
    shuffled = x.flatten(2)[:, :, torch.randperm(36, generator=torch.Generator().manual_seed(0))].view_as(x)
    assert colour_match(x, shuffled) == 1.0


def test_having_the_same_colours_counts_more_than_having_as_much_of_the_first():
    """80, 10, 10 and 40, 30, 30 percent: sqrt(p q) adds up to 0.91, with 80, 0, 0, 20 to 0.80; the differences, 0.8 and 0.4, say the opposite."""
    levels = torch.tensor([0.05, 0.3, 0.6, 0.9])
    counts = torch.tensor([[80, 10, 10, 0], [40, 30, 30, 0], [80, 0, 0, 20]])
    p, q, r = (levels.repeat_interleave(row).view(1, 10, 10).expand(3, 10, 10) for row in counts)
    assert shortcut.nearest_colours(torch.stack([p, p]), torch.stack([r, q])).tolist() == [1, 1]


def test_bytes_and_floats_are_the_same_picture():
    x1, x2 = ((255 * x).round().byte() for x in views(noise=0.25))
    assert colour_match(x1, x2) == colour_match(x1 / 255, x2 / 255) == colour_match(x1, x2 / 255)


def test_white_is_a_colour():
    x = torch.stack([torch.ones(3, 4, 4), torch.full((3, 4, 4), 0.5)])
    assert colour_match(x, x) == 1.0


def test_equal_colours_are_a_guess():
    assert colour_match(torch.full((10, 3, 4, 4), 0.5), torch.full((10, 3, 4, 4), 0.5)) == pytest.approx(1 / 10)


def test_views_may_differ_in_size():
    x1, x2 = views()
    assert colour_match(x1, torch.nn.functional.interpolate(x2, scale_factor=2)) == colour_match(x1, x2)


@pytest.mark.parametrize("chunk", [1, 7, 24])
def test_the_size_of_a_chunk_cannot_be_seen(chunk, monkeypatch):
    before = colour_match(*views())
    monkeypatch.setattr(shortcut, "CHUNK", chunk)
    assert colour_match(*views()) == before


def test_cropped_scenes_are_found_by_colour_and_distorted_ones_are_not():
    x = load("scenes", split="test", limit=256).x
    with torch.random.fork_rng():
        torch.manual_seed(0)
        cropped, distorted = (colour_match(augment(x, jitter=jitter), augment(x, jitter=jitter)) for jitter in (0, 1))
    assert cropped > 0.8
    assert distorted < 0.15


def test_it_leaves_pictures_and_random_numbers_alone():
    x1, x2 = views()
    before, state = (x1.clone(), x2.clone()), torch.get_rng_state()
    colour_match(x1, x2)
    assert torch.equal(x1, before[0])
    assert torch.equal(x2, before[1])
    assert torch.equal(torch.get_rng_state(), state)


NAN = torch.rand(3, 3, 4, 4)
NAN[1, 2, 3, 0] = float("nan")


@pytest.mark.parametrize(
    "x1, x2, bins, words",
    [
        (torch.zeros(3, 3, 4, 4), torch.zeros(2, 3, 4, 4), 8, "got 3 first views and 2 second views"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), 8, "got 1 pair of views; at least 2 are needed"),
        (torch.zeros(0, 3, 4, 4), torch.zeros(0, 3, 4, 4), 8, "got 0 pair of views"),
        (NAN, torch.zeros(3, 3, 4, 4), 8, "NaN or infinity"),
        (torch.zeros(3, 3, 4, 4), NAN, 8, "NaN or infinity"),
        (torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 1.5), 8, "values from 1.5 to 1.5; colours are floats in"),
        (torch.full((2, 3, 4, 4), -0.5), torch.zeros(2, 3, 4, 4), 8, "values from -0.5 to -0.5"),
        (torch.full((2, 3, 4, 4), 300), torch.zeros(2, 3, 4, 4), 8, "values from 300 to 300"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), 1, "bins=1: each of red, green and blue"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), 33, "bins=33"),
    ],
)
def test_what_has_no_answer_is_refused_in_one_sentence(x1, x2, bins, words):
    with pytest.raises(InputError, match=words):
        colour_match(x1, x2, bins)


def test_all_of_it_happens_on_the_device_of_the_views(monkeypatch):
    """On torch's meta device a tensor that was left on the CPU is an error; `check` reads values, which meta tensors have not."""
    monkeypatch.setattr(shortcut, "check", lambda *_: None)
    x1, x2 = (x.to("meta") for x in views())
    assert shortcut.nearest_colours(x1, x2).device.type == "meta"


def test_a_histogram_says_which_share_of_the_pixels_has_each_colour():
    x, _ = views(N=3)
    assert torch.allclose(shortcut.colour_histogram(x, 4).sum(dim=1), torch.ones(3))
    white = shortcut.colour_histogram(torch.ones(1, 3, 2, 2), 4)
    assert white[0, -1] == 1
