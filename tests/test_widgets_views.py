"""What the explorer of views promises: any transform of the library, every strength on a control, and a meter that counts what is shown."""

import inspect
from dataclasses import replace

import pytest
import torch

from ssl_lab import augment as transforms
from ssl_lab.augment import GREYER, Augmentation, PatchAugmentation, RandAugment
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import colour_match
from ssl_lab.method import Method
from ssl_lab.methods import BYOL, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.widgets import ViewsExplorer
from ssl_lab.widgets import views as explorers
from ssl_lab.widgets.controls import Button, Switch

AUGMENT = ["area", "ratio", "flip", "jitter", "hue", "jitter_share", "grey_share", "blur_share", "solarise_share", "seed", "first"]


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=24)


@pytest.fixture(scope="module")
def method():
    return SimCLR(small_resnet(width=4), augmentation=Augmentation(area=(0.3, 0.9), jitter=0.7, hue=0.2))


def seen(explorer):
    return explorer.summary, explorer.picture


def two_views(transform, x, arguments, seed):
    """Both, drawn anew."""
    drawn = explorers.draws(transform, x, arguments, seed)
    return explorers.two_views(transform, x, arguments, seed, drawn, (explorers.Views(), explorers.Views()))


def test_every_strength_of_the_transform_has_a_control_that_begins_at_its_default(images):
    explorer = ViewsExplorer(images)
    assert list(explorer.controls) == AUGMENT
    starts = dict(zip(AUGMENT, (0.08, 4 / 3, 0.5, 1, 0.1, 0.8, 0.2, 0, 0, 0, 0)))
    assert {name: control.value for name, control in explorer.controls.items()} == starts


@pytest.mark.parametrize("name", AUGMENT)
def test_every_control_changes_what_is_seen(name, images):
    explorer = ViewsExplorer(images, jitter=0.5)
    before = seen(explorer)
    explorer.set(**{name: {"seed": 1, "first": 1, "ratio": 2.5}.get(name, 0.4)})
    assert explorer.summary != before[0]
    assert explorer.picture != before[1]


RAND = ["operations", "magnitude"]
PATCH = [*RAND, "elastic_share", "bend", "tone_share", "jitter", "hue", "jitter_share", "grey_share", "drop_share"]
SINGLE = {
    transforms.blur: ["sigma"],
    transforms.brightness: ["factor"],
    transforms.contrast: ["factor"],
    transforms.saturation: ["factor"],
    transforms.hue: ["turn"],
    transforms.hue_yiq: ["turn"],
    transforms.greyscale: ["on"],
    transforms.solarise: ["threshold"],
    transforms.autocontrast: [],
    transforms.equalise: [],
    transforms.invert: [],
    transforms.posterise: ["bits"],
    transforms.solarise_add: ["addition"],
    transforms.sharpness: ["factor"],
    transforms.cutout: ["side", "across", "down"],
    transforms.rotate: ["degrees"],
    transforms.shear_x: ["slope"],
    transforms.shear_y: ["slope"],
    transforms.translate_x: ["pixels"],
    transforms.translate_y: ["pixels"],
    transforms.rand_augment: RAND,
    Augmentation(jitter=0.3): AUGMENT[:-2],
    RandAugment(1, 7.0): RAND,
    PatchAugmentation(bend=0.2, drop_share=0.4): PATCH,
}


def other(control):
    """Another value than the control's."""
    if isinstance(control, Switch):
        return not control.value
    return control.value - 1 if control.whole else control.value / 2 + control.low / 2 + 0.13


@pytest.mark.parametrize("transform, names", SINGLE.items(), ids=lambda value: getattr(value, "__name__", None))
def test_any_transform_of_the_library_can_be_moved_by_its_own_keywords(transform, names, images):
    explorer = ViewsExplorer(images, transform, shown=2)
    assert list(explorer.controls) == [*names, "seed", "first"]
    for name in names:
        before = seen(explorer)
        control = explorer.controls[name]
        control.value = other(control)
        assert not explorer.trouble
        assert explorer.summary != before[0]
        assert explorer.picture != before[1]


def test_no_transform_of_the_library_is_forgotten():
    """Those that take a batch of images and give one, by their annotations, except those that others are made of, and Lab, which is no picture."""
    takes = [
        function
        for name, function in inspect.getmembers(transforms, inspect.isfunction)
        if inspect.signature(function).return_annotation is transforms.Batch and next(iter(inspect.signature(function).parameters)) == "x"
    ]
    inner = {"elastic", "tone", "drop_colours", "to_float", "blend", "jitter_colours", "augment", "rgb_to_lab", "normalised_lab"}
    assert {function.__name__ for function in takes} - inner == {function.__name__ for function in SINGLE if inspect.isfunction(function)}
    for function in takes:
        if function.__name__ not in inner | {"rand_augment"}:
            assert set(list(inspect.signature(function).parameters)[1:]) <= set(explorers.KNOBS)


def spy(**kept):
    """A transform that notes its arguments."""

    def transform(x, area=(0.2, 0.5), ratio=(3 / 4, 4 / 3), factor=None, other=7):
        kept.update(x=x, area=area, ratio=ratio, other=other)
        notes.append(kept.copy())
        return x

    notes = []
    return transform, notes


@pytest.mark.parametrize("moved, area", [({}, (0.2, 0.5)), ({"area": 0.4}, (0.4, 0.5)), ({"area": 0.7}, (0.7, 0.7))])
def test_the_slider_of_a_range_moves_its_lower_end(moved, area, images):
    transform, notes = spy()
    ViewsExplorer(images, transform, **moved)
    assert [note["area"] for note in notes] == [area, area]


def test_arguments_arrive_as_the_transform_wants_them(images):
    transform, notes = spy()
    explorer = ViewsExplorer(images, transform, ratio=2.0)
    assert notes[-1]["ratio"] == (0.5, 2.0)
    assert notes[-1]["other"] == 7
    assert "other" not in explorer.controls
    assert notes[-1]["x"].dtype == torch.float32
    assert torch.equal(notes[-1]["x"], images.x / 255)


def test_a_transform_may_take_anything_besides(images):
    explorer = ViewsExplorer(images, lambda x, *rest, threshold=0.5, **options: transforms.solarise(x, threshold))
    assert list(explorer.controls) == ["threshold", "seed", "first"]


def test_one_value_is_given_to_every_image(images):
    kept = []

    def transform(x, factor, on):
        kept.append((factor, on))
        return x

    ViewsExplorer(images, transform, factor=0.3, on=False)
    factor, on = kept[-1]
    assert torch.equal(factor, torch.full((24,), 0.3))
    assert torch.equal(on, torch.zeros(24, dtype=torch.bool))


def test_a_range_widens_for_a_transform_that_begins_outside(images):
    explorer = ViewsExplorer(images, Augmentation(jitter=3, area=(0.01, 1)))
    assert explorer.controls["jitter"].high == explorer.controls["jitter"].value == 3
    assert explorer.controls["area"].low == explorer.controls["area"].value == 0.01


def test_a_method_brings_its_own_strengths(images, method):
    explorer = ViewsExplorer(images, method)
    values = {name: control.value for name, control in explorer.controls.items()}
    assert values == dict(zip(AUGMENT, (0.3, 4 / 3, 0.5, 0.7, 0.2, 0.8, 0.2, 0, 0, 0, 0)))


def test_a_method_draws_its_own_views(images, method):
    x = images.x / 255
    made = two_views(method, x, {}, 3)
    for view, picture in enumerate(made):
        assert torch.equal(picture, method.augmentation(x, torch.Generator().manual_seed(6 + view)))


def test_two_augmentations_draw_one_view_each_until_a_hand_moves_a_strength_of_both(images):
    byol, x = BYOL(small_resnet(width=4), T_prime=replace(GREYER, solarise_share=1.0)), images.x / 255
    first, second = two_views(byol, x, {"solarise_share": 0.0, "jitter": byol.T.jitter}, 0)
    assert torch.equal(first, byol.T(x, torch.Generator().manual_seed(0)))
    assert torch.equal(second, byol.T_prime(x, torch.Generator().manual_seed(1)))
    moved = two_views(byol, x, {"solarise_share": 1.0}, 0)
    assert torch.equal(moved[1], second) and not torch.equal(moved[0], first)


def test_strengths_leave_the_method_alone(images, method):
    before, x = method.augmentation, images.x / 255
    made = two_views(method, x, {"jitter": 0.0, "area": (0.1, 0.2)}, 0)
    other = replace(before, jitter=0.0, area=(0.1, 0.2))
    assert torch.equal(made[0], other(x, torch.Generator().manual_seed(0)))
    assert method.augmentation is before


def test_the_meter_counts_the_views_that_are_drawn(images):
    explorer = ViewsExplorer(images, seed=4, jitter=0.2)
    x1, x2 = two_views(Augmentation(), images.x / 255, {"jitter": 0.2}, 4)
    assert 0 < colour_match(x1, x2) < 1
    assert f"Of 24 pictures, colour alone finds the partner of {round(24 * colour_match(x1, x2))}, " in explorer.summary


def test_the_meter_asks_at_most_256():
    many = load("scenes", split="test", limit=300)
    explorer = ViewsExplorer(many, shown=1)
    assert explorer.summary.startswith("Of 256 pictures")


def test_colour_jitter_closes_the_shortcut():
    explorer = ViewsExplorer(load("scenes", split="test", limit=256), jitter=0)
    found = [int(explorer.set(jitter=jitter).summary.split("partner of ")[1].split(",")[0]) for jitter in (0, 0.3, 1)]
    assert found[0] > 200
    assert found[0] > found[1] > found[2]
    assert found[2] < 40


def test_the_pictures_begin_where_they_are_told_and_go_round(images):
    kept = []

    def transform(x):
        kept.append(x)
        return x

    ViewsExplorer(images, transform, first=22)
    assert torch.equal(kept[-1], images.x.roll(-22, 0) / 255)


def test_an_index_of_the_images_is_followed(images):
    kept = []
    ViewsExplorer(images.repeated(30), lambda x: kept.append(x) or x)
    assert torch.equal(kept[-1], images[[*range(24), *range(6)]].x / 255)


def test_what_colour_takes_is_the_second_view_that_it_takes(images, monkeypatch):
    kept = {}
    monkeypatch.setattr(explorers, "nearest_colours", lambda x1, x2: torch.arange(len(x1)).roll(1).index_fill(0, torch.tensor([1]), 1))
    real = explorers.plots.views
    monkeypatch.setattr(explorers.plots, "views", lambda *rows: kept.update(rows=rows) or real(*rows))
    ViewsExplorer(images, shown=3)
    x1, x2 = two_views(Augmentation(), images.x / 255, {}, 0)
    pictures, one, other, taken, right, *_ = kept["rows"]
    assert torch.equal(pictures, images.x[:3] / 255)
    assert torch.equal(one, x1[:3])
    assert torch.equal(other, x2[:3])
    assert torch.equal(taken, x2[[23, 1, 1]])
    assert right.tolist() == [False, True] + [False] * 22


def test_one_seed_is_one_draw_and_random_numbers_are_left_alone(images):
    state = torch.get_rng_state()
    first, second = (ViewsExplorer(images, seed=5) for _ in range(2))
    assert seen(first) == seen(second)
    assert first.set(seed=6).picture != second.picture
    assert seen(first.set(seed=5)) == seen(second)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_two_views_differ(images):
    x1, x2 = two_views(Augmentation(), images.x / 255, {}, 0)
    assert not torch.equal(x1, x2)


def test_crops_stay_when_the_colours_move(images):
    x = images.x / 255
    for without, distorted in zip(*(two_views(Augmentation(), x, {"jitter": jitter}, 1) for jitter in (0, 1e-9))):
        grey = (distorted - distorted.mean(1, keepdim=True)).abs().amax((1, 2, 3)) < 1e-6  # greyscale belongs to the jitter
        assert (~grey).sum() > 10
        assert torch.allclose(without[~grey], distorted[~grey], atol=1e-4)


MOVES = [{"jitter": 0.4}, {"flip": 1.0}, {"first": 7}, {"seed": 2}, {"area": 0.5}, {"solarise_share": 0.5}, {"first": 0}, {"hue": 0.5}]


@pytest.mark.parametrize("kept", [explorers.KEPT, 0])
def test_what_a_hand_has_reached_is_what_a_fresh_explorer_shows(images, kept, monkeypatch):
    monkeypatch.setattr(explorers, "KEPT", kept)
    transform = BYOL(small_resnet(width=4), T_prime=replace(GREYER, solarise_share=0.3, area=(0.2, 0.9)))
    explorer = ViewsExplorer(images, transform)
    for k, move in enumerate(MOVES):
        explorer.answer(move, settled=k % 2 > 0)
        fresh = ViewsExplorer(images, transform, **explorer.values)
        assert {**explorer.panel.frame, "settled": 0, "spots": 0} == {**fresh.panel.frame, "settled": 0, "spots": 0}, move
    explorer.answer({})
    assert explorer.panel.frame == fresh.panel.frame


def test_crops_are_made_once_while_only_colours_move(images, monkeypatch):
    made = []
    monkeypatch.setattr(explorers.Drawn, "cropped", lambda drawn, x, crop=explorers.Drawn.cropped: made.append(len(x)) or crop(drawn, x))
    explorer = ViewsExplorer(images, blur_share=0.5)
    for move in {"jitter": 0.2}, {"hue": 0.3}, {"jitter_share": 0.1}, {"grey_share": 0.9}, {"blur_share": 0.1}, {"solarise_share": 0.5}:
        explorer.set(**move)
    assert made == [24, 24]
    explorer.set(seed=1)
    assert made == [24] * 4


def test_what_images_say_is_put_into_words_when_the_hand_rests(images, monkeypatch):
    asked, explorer = [], ViewsExplorer(images)
    monkeypatch.setattr(explorers, "done", lambda *of, done=explorers.done: asked.append(of) or done(*of))
    explorer.answer({"jitter": 0.3}, settled=False)
    assert asked == []
    explorer.answer({"jitter": 0.3})
    assert len(asked) == 3 * explorer.shown


def test_a_hand_that_asks_for_too_much_is_told_in_a_sentence(images):
    def transform(x, jitter=0.0):
        return x + jitter

    explorer = ViewsExplorer(images, transform)
    picture = explorer.picture
    explorer.controls["jitter"].value = 2.0
    assert explorer.trouble.startswith("the views hold values from 2")
    assert explorer.picture == picture


SMALL = load("scenes", split="test", limit=3)


class Bare(Method):
    """Nothing to draw with."""


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: ViewsExplorer(SMALL[:1]), "got 1 images; at least 2 are needed"),
        (lambda: ViewsExplorer(SMALL[:0]), "got 0 images"),
        (lambda: ViewsExplorer(SMALL, shown=4), "shown=4 of 3 images; 1 to 3 can be shown"),
        (lambda: ViewsExplorer(SMALL, shown=0), "shown=0 of 3 images"),
        (lambda: ViewsExplorer(load("scenes", split="test", limit=12), shown=11), "1 to 10 can be shown"),
        (lambda: ViewsExplorer(SMALL, shown=2, jitter=-1), "jitter=-1 is not offered; jitter is from 0 to 2"),
        (lambda: ViewsExplorer(SMALL, shown=2, area=(0.5, 1)), "area is from 0.02 to 1"),
        (lambda: ViewsExplorer(SMALL, shown=2, sigma=1), "control 'sigma' is unknown; there are: area, ratio"),
        (lambda: ViewsExplorer(SMALL, shown=2, seed=1000), "seed is a whole number from 0 to 999"),
        (lambda: ViewsExplorer(SMALL, shown=2, first=3), "first is a whole number from 0 to 2"),
        (lambda: ViewsExplorer(SMALL, lambda x: x.mean(1), shown=2), "<lambda> does not make two pictures"),
        (lambda: ViewsExplorer(SMALL, lambda x: x[:2], shown=2), "<lambda> does not make two pictures"),
        (lambda: ViewsExplorer(SMALL, lambda x: x.mean(3), shown=2), "<lambda> does not make two pictures"),
        (lambda: ViewsExplorer(SMALL, lambda x: 2 * x - 1, shown=2), "the views hold values from -.*: leave out normalisation"),
        (lambda: ViewsExplorer(SMALL, Bare(), shown=2), "Bare has 0 augmentations"),
        (lambda: ViewsExplorer(SMALL, transforms.crop, shown=2), "crop needs top, left, height, width too"),
    ],
)
def test_what_it_needs_is_said_in_one_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_a_transform_without_defaults_begins_where_the_table_says(images):
    def transform(x, area, ratio, jitter, factor):
        notes.append((area, ratio, jitter, factor[0].item()))
        return x

    notes = []
    explorer = ViewsExplorer(images, transform)
    assert notes[-1] == ((0.08, 1), (3 / 4, 4 / 3), 0, 1)
    for name, knob in explorers.KNOBS.items():
        assert name not in explorer.controls or explorer.controls[name].value == knob.start
        assert knob.low <= knob.start <= knob.high


def test_draw_again_is_a_button_and_its_value_the_seed(images):
    explorer = ViewsExplorer(images, seed=4)
    again = explorer.controls["seed"]
    assert isinstance(again, Button) and again.label == "draw again"
    pressed = explorer.panel.frame["values"]["seed"] + 1
    explorer.answer({"seed": pressed})
    assert explorer.summary == ViewsExplorer(images, seed=5).summary


def test_the_sentence_calls_strengths_as_the_controls_do(images):
    explorer = ViewsExplorer(images, blur_share=0.25)
    assert "blurred 0.25" in explorer.summary and "_" not in explorer.summary
    for name in AUGMENT[:-2]:
        assert f"{explorer.controls[name].label} " in explorer.summary
    assert "switched off" in ViewsExplorer(images, transforms.greyscale, on=False).summary


def remarks(explorer):
    """What the images say, row by row."""
    spots = explorer.figure.spots[0]()
    said = [spots.said(place) for place in range(len(spots))]
    return [said[row * explorer.shown : (row + 1) * explorer.shown] for row in range(4)]


def test_an_image_says_what_was_done_to_it_and_which_second_views_are_solarised(images):
    byol = BYOL(small_resnet(width=4), T_prime=replace(GREYER, solarise_share=0.5, grey_share=0.4, blur_share=0.3))
    explorer, x = ViewsExplorer(images, byol, shown=10, seed=3), images.x / 255
    drawn = [one.draw(x, torch.Generator().manual_seed(6 + view)) for view, one in enumerate((byol.T, byol.T_prime))]
    _, *views = remarks(explorer)
    kinds = set()
    for view, said in zip(drawn, views):
        for n, words in enumerate(said):
            share = view.height[n] * view.width[n] / x[0, 0].numel()
            assert f"picture {n + 1}, {share:.0%} of it" in words
            told = {"solarised": view.solarised[n], "blurred": view.blurred[n], "grey": view.saturation[n] == 0, "mirrored": view.flip[n]}
            for name, on in told.items():
                assert (f", {name}" in words) == bool(on), words
                kinds.add((name, bool(on)))
    assert len(kinds) == 8


class Noisy(SimCLR):
    """Crop and flip, and RandAugment after them."""

    def __init__(self, operations=2, magnitude=6.0):
        super().__init__(small_resnet(width=4), augmentation=Augmentation(area=(0.5, 1), jitter=0))
        self.rand_augment = RandAugment(operations, magnitude)

    def views(self, x, generator):
        return self.rand_augment(self.augmentation(x, generator), generator)


def test_a_method_with_rand_augment_draws_its_own_views_and_has_its_controls(images):
    noisy, x = Noisy(), images.x / 255
    explorer = ViewsExplorer(images, noisy)
    assert list(explorer.controls) == [*AUGMENT[:-2], *RAND, *AUGMENT[-2:]]
    assert (explorer.controls["operations"].value, explorer.controls["magnitude"].value) == (2, 6)
    for view, picture in enumerate(two_views(noisy, x, {}, 3)):
        assert torch.equal(picture, noisy.views(x, torch.Generator().manual_seed(6 + view)))
    for view, picture in enumerate(two_views(noisy, x, {"operations": 1, "magnitude": 9.0}, 3)):
        assert torch.equal(picture, Noisy(1, 9.0).views(x, torch.Generator().manual_seed(6 + view)))
    assert noisy.rand_augment == RandAugment(2, 6.0)


@pytest.mark.parametrize("name, value", [("operations", 3), ("operations", 0), ("magnitude", 9.5)])
def test_a_strength_of_rand_augment_changes_what_is_seen_and_leaves_the_crop(name, value, images, monkeypatch):
    made = []
    monkeypatch.setattr(explorers.Drawn, "cropped", lambda drawn, x, crop=explorers.Drawn.cropped: made.append(len(x)) or crop(drawn, x))
    explorer = ViewsExplorer(images, Noisy(), seed=2)
    before = seen(explorer)
    explorer.set(**{name: value})
    assert explorer.summary != before[0] and explorer.picture != before[1]
    assert made == [24, 24]


def test_patches_are_pictures_of_their_own_and_say_what_was_done_to_them(images):
    few = Images.of(transforms.patches(images.x[:4], 16, 8).flatten(0, 2))
    explorer = ViewsExplorer(few, PatchAugmentation(), shown=10, seed=3)
    _, *views = remarks(explorer)
    for view, said in enumerate(views[:2]):
        drawn = PatchAugmentation().draw(few.x, torch.Generator().manual_seed(6 + view))
        assert [words.split(", ", 1)[1] for words in said] == [drawn.remark(n) for n in range(10)]
        assert all("alone" in words for words in said)


@pytest.mark.parametrize("transform", [Noisy(), RandAugment(2, 6.0)], ids=["a method", "RandAugment"])
def test_an_image_says_which_operations_it_has_got(transform, images):
    explorer, x = ViewsExplorer(images, transform, shown=10, seed=3), images.x / 255
    _, *views = remarks(explorer)
    for view, said in enumerate(views[:2]):
        numbers = torch.Generator().manual_seed(6 + view)
        if isinstance(transform, Noisy):
            transform.augmentation.draw(x, numbers)
        drawn = RandAugment(2, 6.0).draw(x, numbers)
        for n, words in enumerate(said):
            assert words.endswith(f", {drawn.remark(n)}")
            assert ("% of it" in words) == isinstance(transform, Noisy)
    assert len({words.split(", ")[-1] for words in views[0] + views[1]}) > 8


def test_the_function_rand_augment_is_shown_as_the_transform_that_it_makes(images):
    assert seen(ViewsExplorer(images, transforms.rand_augment, magnitude=7.0)) == seen(ViewsExplorer(images, RandAugment(magnitude=7.0)))


def test_the_words_of_all_strengths_have_room(images, readable):
    readable(ViewsExplorer(images, Noisy(4, 29.5), seed=999, first=23, ratio=2.95).figure)


def test_what_colour_takes_says_whose_view_it_is(images):
    explorer = ViewsExplorer(images, shown=6, seed=1, jitter=0.3)
    x1, x2 = two_views(Augmentation(), images.x / 255, {"jitter": 0.3}, 1)
    taken = explorers.nearest_colours(x1, x2).tolist()
    assert len({n == taken[n] for n in range(6)}) == 2
    for n, words in enumerate(remarks(explorer)[3]):
        assert (f"picture {n + 1}: right, " in words) == (taken[n] == n)
        assert (f"picture {n + 1}: wrong, a view of picture {taken[n] + 1}, " in words) == (taken[n] != n)


def test_a_picture_says_its_number_and_its_class_and_of_a_function_nothing_is_known(images):
    explorer = ViewsExplorer(images, transforms.blur, shown=3, first=22)
    said = remarks(explorer)
    assert said[0] == [f"picture {n}, image {row}, {images.classes[images.labels[row]]}" for n, row in enumerate((22, 23, 0), 1)]
    assert said[1] == [f"one view of picture {n}" for n in (1, 2, 3)]
    assert remarks(ViewsExplorer(images.unlabelled(), shown=2))[0] == ["picture 1, image 0", "picture 2, image 1"]
