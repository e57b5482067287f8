"""What Images promises: rows stay together, an epoch is a permutation, labels can be hidden; and what load promises of scenes and digits."""

import itertools

import numpy as np
import pytest
import torch
from jaxtyping import config

from ssl_lab import scenes
from ssl_lab.data import COUNTS, SETS, Images, load
from ssl_lab.errors import InputError
from ssl_lab.methods import Supervised
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

N = 12


def numbered(n: int = N, index=None) -> Images:
    """Images whose every column says which image it is."""
    i = torch.arange(n)

    def column(*shape, dtype=torch.float32):
        return i.to(dtype).view(n, *[1] * len(shape)).expand(n, *shape).clone()

    return Images(
        x=column(3, 4, 4, dtype=torch.uint8),
        labels=i.clone(),
        classes=tuple(map(str, range(n))),
        factors={"cause": column()},
        periods={"cause": column(), "other": 6.28},
        depth=column(1, 4, 4),
        normals=column(3, 4, 4),
        mask=column(1, 4, 4, dtype=torch.uint8),
        boxes=column(4),
        targets=column(5),
        index=None if index is None else torch.tensor(index),
    )


@pytest.fixture
def as_users():
    """Without the shape checks of the tests, which would refuse some mistakes first."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def which(images: Images) -> list[int]:
    """The images' numbers, after every column was found to agree."""
    columns = [*images.columns().values(), images.factors["cause"], images.periods["cause"]]
    assert len(columns) == 9
    for column in columns:
        assert torch.equal(column.flatten(1).float().mean(1) if column.ndim > 1 else column.float(), images.labels.float())
    assert images.periods["other"] == 6.28
    assert images.classes == tuple(map(str, range(N)))
    return images.labels.tolist()


def labelled_by(labels) -> Images:
    labels = torch.as_tensor(labels)
    return Images(torch.zeros(len(labels), 3, 1, 1, dtype=torch.uint8), labels)


KEYS = [
    pytest.param(slice(2, 7), [2, 3, 4, 5, 6], id="slice"),
    pytest.param(slice(None, None, 5), [0, 5, 10], id="slice with a step"),
    pytest.param(slice(None, None, -4), [11, 7, 3], id="slice backwards"),
    pytest.param(slice(10, 99), [10, 11], id="slice beyond the end"),
    pytest.param([3, 3, 0], [3, 3, 0], id="list with repetition"),
    pytest.param((1, -1), [1, 11], id="tuple, counted from the end"),
    pytest.param(range(4, 6), [4, 5], id="range"),
    pytest.param(np.array([6, 2]), [6, 2], id="numpy"),
    pytest.param(torch.tensor([5, 5, 1]), [5, 5, 1], id="tensor"),
    pytest.param(torch.arange(N) % 4 == 1, [1, 5, 9], id="mask"),
    pytest.param(np.arange(N) % 4 == 1, [1, 5, 9], id="mask of numpy"),
    pytest.param([i == 8 for i in range(N)], [8], id="list of bools"),
    pytest.param(3, [3], id="a number is one image"),
    pytest.param(-2, [10], id="a number from the end"),
    pytest.param(np.int64(4), [4], id="a number of numpy"),
    pytest.param(torch.tensor(4), [4], id="a number of torch"),
    pytest.param([], [], id="nothing"),
]


@pytest.mark.parametrize("key, expected", KEYS)
def test_every_column_follows_a_choice_of_images(key, expected):
    assert which(numbered()[key]) == expected


@pytest.mark.parametrize("key, expected", KEYS)
def test_a_choice_counts_in_the_order_of_the_index_and_applies_it(key, expected):
    order = [7, 7, 0, 3, 11, 2, 2, 2, 9, 1, 4, 8]
    chosen = numbered(index=order)[key]
    assert which(chosen) == [order[i] for i in expected]
    assert chosen.index is None


def test_iterating_gives_every_image_once():
    assert [which(image) for image in numbered()] == [[i] for i in range(N)]


@pytest.mark.parametrize("key", [N, -N - 1, [0, N], torch.tensor([N])])
def test_an_image_beyond_the_end_is_an_index_error(key):
    with pytest.raises(IndexError):
        numbered()[key]


def test_length_is_what_an_epoch_draws():
    assert len(numbered()) == N
    assert len(numbered(index=[0, 0, 1])) == 3
    assert len(numbered()[:5]) == 5


def test_size_is_the_height_in_pixels():
    assert numbered().size == 4


def test_images_print_as_one_line_without_pixels():
    assert repr(numbered(index=[0] * 1500).select("x", "depth")) == "Images(1,500 of 4 x 4 pixels, 12 classes, a batch holds x, depth)"


def test_every_tensor_moves_to_the_device():
    moved = numbered(index=[1, 0]).to("meta")
    tensors = [*moved.columns().values(), moved.factors["cause"], moved.periods["cause"], moved.index]
    assert len(tensors) == 10
    assert {t.device.type for t in tensors} == {"meta"}
    assert moved.periods["other"] == 6.28


@pytest.mark.parametrize("n, size", [(12, 1), (12, 5), (12, 12), (97, 8), (200, 33)])
def test_an_epoch_is_a_permutation_without_its_incomplete_end(n, size):
    batches = list(numbered(n).batches(size))
    assert [len(x) for x, _ in batches] == [size] * (n // size)
    drawn = [i for _, labels in batches for i in labels.tolist()]
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= set(range(n))


def test_pixels_and_labels_of_a_batch_belong_together():
    for x, labels in numbered().batches(5):
        assert torch.equal(x[:, 0, 0, 0].long(), labels)


def test_every_image_can_come_anywhere():
    """400 epochs of 6 images: each of the 36 pairs of image and place about 67 times; 5 standard deviations are 37."""
    orders = torch.stack([torch.cat([labels for _, labels in numbered(6).batches(2)]) for _ in range(400)])
    seen = torch.stack([orders.eq(i).sum(0) for i in range(6)])
    assert (seen - 400 / 6).abs().max() < 37


def test_the_order_is_torchs_default_generators_and_changes_with_every_epoch():
    def epoch():
        return torch.cat([labels for _, labels in numbered(100).batches(10)])

    torch.manual_seed(1)
    first, second = epoch(), epoch()
    torch.manual_seed(1)
    assert torch.equal(epoch(), first)
    assert not torch.equal(first, second)


def test_the_index_repeats_and_leaves_out_images():
    index = [0, 0, 0, 5, 5, 9]
    drawn = torch.cat([labels for _, labels in numbered(index=index).batches(2)])
    assert sorted(drawn.tolist()) == index


def test_an_index_copies_no_pixels():
    images = numbered(index=[0, 0, 1])
    assert images.x.shape[0] == N
    assert images.select("x").x.data_ptr() == images.x.data_ptr()


def test_batches_wait_for_no_device():
    (x, labels), *rest = numbered().to("meta").batches(5)
    assert x.shape == (5, 3, 4, 4)
    assert labels.shape == (5,)
    assert len(rest) == 1


@pytest.mark.parametrize("size", [0, -1, N + 1, 2.0, None])
def test_an_impossible_batch_is_refused_when_asked_for(size, as_users):
    images = numbered()
    with pytest.raises(InputError, match=f"batches of {size} images were asked for"):
        images.batches(size)


def test_too_large_a_batch_is_told_how_many_images_there_are():
    with pytest.raises(InputError, match="there are 3; use batch=3 or fewer"):
        numbered(index=[4, 4, 4]).batches(4)


def test_select_fixes_what_a_batch_holds_and_in_which_order():
    ((depth, x, boxes),) = numbered().select("depth", "x", "boxes").batches(N)
    assert (depth.shape, x.shape, boxes.shape) == ((N, 1, 4, 4), (N, 3, 4, 4), (N, 4))
    assert torch.equal(depth[:, 0, 0, 0], boxes[:, 0])
    assert torch.equal(depth[:, 0, 0, 0], x[:, 0, 0, 0].float())


def test_select_lists_what_there_is():
    with pytest.raises(InputError, match="column 'depht' is unknown; there are: x, labels, depth"):
        numbered().select("x", "depht")
    with pytest.raises(InputError, match=r"column 'depth' is unknown; there are: x, labels$"):
        labelled_by([0, 1]).select("depth")
    with pytest.raises(InputError, match="at least one of x, labels"):
        numbered().select()


def test_unlabelled_leaves_nothing_to_peek_at():
    images = numbered()
    hidden = images.unlabelled()
    assert hidden.labels.tolist() == [-1] * N
    assert hidden.targets is None
    assert [len(batch) for batch in hidden.batches(4)] == [1, 1, 1]
    assert images.labels.tolist() == list(range(N))
    assert images.targets is not None


def test_labelled_keeps_the_images_with_a_label():
    assert labelled_by([3, -1, 0, -1, 3]).labelled().labels.tolist() == [3, 0, 3]
    assert which(numbered(index=[5, 5, 2]).labelled()) == [5, 5, 2]
    assert len(labelled_by([-1, -1]).labelled()) == 0


VECTORS = [(n, c, skew, fraction) for n, c, skew in [(50, 10, 1), (333, 7, 1), (200, 5, 4), (64, 30, 2)] for fraction in (0.02, 0.1, 0.37, 0.9, 1)]


@pytest.mark.parametrize("n, c, skew, fraction", VECTORS)
def test_a_fraction_of_labels_is_balanced_to_one_until_a_class_runs_out(n, c, skew, fraction):
    draw = torch.Generator().manual_seed(n)
    labels = (torch.rand(n, generator=draw) ** skew * c).long()
    labels[torch.rand(n, generator=draw) < 0.1] = -1
    kept = labelled_by(labels).label_fraction(fraction).labels
    assert torch.equal(kept[kept >= 0], labels[kept >= 0])
    assert (kept >= 0).sum() == round(fraction * int((labels >= 0).sum()))
    counts = {k: ((kept == k).sum().item(), (labels == k).sum().item()) for k in set(labels.tolist()) - {-1}}
    most = max(have for have, _ in counts.values())
    assert all(have >= most - 1 or have == available for have, available in counts.values())


def test_fewer_labels_than_classes_draw_the_classes_by_the_seed():
    images = labelled_by(torch.arange(100) % 10)
    kept = [images.label_fraction(0.03, seed).labelled().labels.tolist() for seed in range(40)]
    assert all(len(k) == len(set(k)) == 3 for k in kept)
    assert set(itertools.chain(*kept)) == set(range(10))


def test_the_images_that_keep_their_label_are_drawn_by_the_seed():
    images = labelled_by(torch.arange(1000) % 10)
    kept = [images.label_fraction(0.1, seed).labels for seed in (0, 0, 1)]
    assert torch.equal(kept[0], kept[1])
    assert ((kept[0] >= 0) & (kept[2] >= 0)).sum() < 40  # 100 of 1,000 each: 10 in common by chance
    assert all((kept[s] >= 0).nonzero().double().mean() == pytest.approx(500, abs=120) for s in (0, 2))


def test_a_larger_fraction_of_one_seed_holds_the_smaller():
    images = labelled_by(torch.arange(200) % 7)
    held = [images.label_fraction(f, seed=3).labels >= 0 for f in (0.05, 0.2, 0.6, 1)]
    for small, large in itertools.pairwise(held):
        assert not (small & ~large).any()


def test_a_fraction_moves_neither_global_randomness_nor_the_original():
    images = numbered()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    some = images.label_fraction(0.5)
    assert torch.equal(torch.get_rng_state(), before)
    assert images.labels.tolist() == list(range(N))
    assert some.targets is None


def test_a_fraction_looks_at_the_images_that_are_drawn():
    some = numbered(index=[1, 1, 1, 6, 8, 10]).label_fraction(0.5)
    kept = set(some.labels.tolist()) - {-1}
    assert len(kept) == 2
    assert kept < {1, 6, 8, 10}


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, float("nan"), None])
def test_a_fraction_out_of_range_is_refused(fraction, as_users):
    with pytest.raises(InputError, match=f"fraction={fraction} must be above 0 and at most 1"):
        labelled_by([0, 1]).label_fraction(fraction)


def test_a_fraction_without_a_label_names_the_smallest_that_works():
    images = labelled_by(torch.arange(300) % 3)
    with pytest.raises(InputError, match=r"fraction=0.001 of 300 labels leaves none; the smallest that works is 0.0033"):
        images.label_fraction(0.001)
    assert len(images.label_fraction(0.0033).labelled()) == 1
    with pytest.raises(InputError, match="no labels to take a fraction of"):
        images.unlabelled().label_fraction(0.5)


def test_columns_of_unequal_length_are_refused(as_users):
    x = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    with pytest.raises(InputError, match="labels has 3 rows and x has 4"):
        Images(x, torch.zeros(3, dtype=torch.long))
    with pytest.raises(InputError, match="hue has 5 rows and x has 4"):
        Images(x, torch.zeros(4, dtype=torch.long), factors={"hue": torch.zeros(5)})


@pytest.mark.parametrize("x", [torch.zeros(4, 3, 2, 2), torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(3, 2, 2, dtype=torch.uint8)])
def test_pixels_that_are_not_uint8_images_are_refused(x, as_users):
    with pytest.raises(InputError, match=r"uint8 pixels \(N, 3, H, W\) are needed"):
        Images(x, torch.zeros(len(x), dtype=torch.long))


def test_scenes_come_with_everything_that_is_known_about_them():
    images, known = load("scenes", limit=30, size=24, seed=2), scenes.render(30, "train", 24, seed=2)
    assert images.classes == scenes.CLASSES
    assert images.size == 24
    for name in ("x", "labels", "depth", "normals", "mask", "boxes"):
        assert torch.equal(getattr(images, name), known[name])
    assert images.factors.keys() == known["factors"].keys()
    assert images.periods.keys() == known["periods"].keys()
    part = images[[4, 4, 29]]
    for name, values in known["factors"].items():
        assert torch.equal(part.factors[name], values[[4, 4, 29]])


def test_scenes_are_32_pixels_and_as_many_as_the_split_says():
    assert COUNTS == {"train": 10_000, "test": 2_000}
    images = load("scenes", "test")
    assert images.x.shape == (2_000, 3, 32, 32)


def test_another_seed_is_another_world_and_a_limit_is_its_beginning():
    first, same, other = load("scenes", limit=40), load("scenes", limit=9), load("scenes", limit=40, seed=1)
    assert torch.equal(first.x[:9], same.x)
    assert not torch.equal(first.x, other.x)


def test_digits_are_scikit_learns_enlarged():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    small, large = load("digits", "all", size=8), load("digits", "all")
    assert small.x.shape == (1797, 3, 8, 8)
    assert large.x.shape == (1797, 3, 32, 32)
    assert small.classes == tuple("0123456789")
    assert torch.equal(small.labels, torch.from_numpy(theirs.target))
    assert (small.x.double() / 255 * 16 - torch.from_numpy(theirs.images)[:, None]).abs().max() < 0.04
    assert torch.equal(small.x[:, 0], small.x[:, 2])


@pytest.mark.parametrize("seed", [0, 1])
def test_no_seed_makes_train_and_test_overlap(seed):
    parts = [load("digits", "train", size=8, seed=seed), load("digits", "test", size=8), load("digits", "all", size=8)]
    assert [len(p) for p in parts] == [1438, 359, 1797]
    train, test, everything = ([tuple(x.flatten().tolist()) for x in p.x] for p in parts)
    assert sorted(train + test) == sorted(everything)


def test_a_limit_draws_a_random_part_in_the_order_of_the_set():
    whole, parts = load("digits", size=8), [load("digits", size=8, limit=limit, seed=seed) for limit, seed in [(50, 0), (50, 0), (50, 1), (20, 0)]]
    place = {tuple(x.flatten().tolist()): i for i, x in enumerate(whole.x)}
    a, again, b, small = ([place[tuple(x.flatten().tolist())] for x in part.x] for part in parts)
    assert a == again == sorted(a)
    assert a != b
    assert set(small) < set(a)
    assert max(a) > 1000  # from the whole set, not from its beginning


REFUSED = [
    ({"name": None}, "data set None is not a name"),
    ({"name": "scenes", "limit": 2.5}, "limit=2.5 must be a whole number of images, from 1"),
    ({"name": "scenes", "limit": True}, "limit=True must be a whole number of images"),
    ({"name": "scenes", "seed": "a"}, "seed='a' must be a whole number"),
    ({"name": "scenes", "size": 32.0}, "size=32.0 must be a whole number of pixels"),
    ({"name": "scnes"}, "data set 'scnes' is unknown; did you mean 'scenes'"),
    ({"name": "CIFAR10"}, "did you mean 'cifar10'"),
    ({"name": "qqqq"}, "data set 'qqqq' is unknown; there are: scenes, digits, caltech101, .*usps, folder:PATH"),
    ({"name": "scenes", "split": "val"}, "split of scenes 'val' is unknown; there are: train, test"),
    ({"name": "digits", "split": "val"}, "split 'val' is unknown; there are: train, test, all"),
    ({"name": "cifar10", "split": "val"}, "split of cifar10 'val' is unknown; there are: train, test"),
    ({"name": "scenes", "limit": 0}, "limit=0 must be a whole number of images"),
    ({"name": "digits", "limit": -3}, "limit=-3 must be a whole number of images"),
    ({"name": "digits", "limit": 2000}, "limit=2000 images were asked for, and this split has 1438; use limit=1438 or fewer"),
    ({"name": "scenes", "size": 15}, "size=15 must be a whole number of pixels from 16 to 224"),
    ({"name": "scenes", "size": 225}, "size=225 must be a whole number of pixels from 16 to 224"),
    ({"name": "digits", "size": 4}, "size=4 must be a whole number of pixels from 8 to 1024"),
    ({"name": "digits", "size": 4096}, "from 8 to 1024"),
]


@pytest.mark.parametrize("call, words", REFUSED)
def test_a_wrong_call_is_told_what_was_given_and_what_is_needed(call, words, as_users):
    with pytest.raises(InputError, match=words) as caught:
        load(**call)
    assert "\n" not in str(caught.value)


def test_the_sets_that_load_knows_are_listed_once():
    assert SETS[0] == "scenes"
    assert SETS[1] == "digits"
    assert {"cifar10", "fashion_mnist", "stl10", "imagenet"} < set(SETS)
    assert len(set(SETS)) == len(SETS)


def test_few_images_can_be_drawn_many_times_without_copying_a_pixel():
    images = load("scenes", limit=3)
    often = images.repeated(7)
    assert len(often) == 7
    assert often.x is images.x
    assert often.index.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert often[2:].repeated(2)[:].labels.tolist() == [images.labels[2], images.labels[0]]
    for count, some in ((0, images), (2, images[:0])):
        with pytest.raises(InputError, match="both numbers must be at least 1"):
            some.repeated(count)


# what is given for pixels and labels

PIXELS = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_labels_of_any_whole_type_are_taken(dtype):
    images = Images(PIXELS, torch.tensor([0, 1, 2, 1], dtype=dtype), ("a", "b", "c"))
    assert images.labels.dtype == torch.int64 and images.labels.tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    "labels, words",
    [
        ("torch.zeros(4)", "labels are torch.float32 (4,); whole numbers (N,) in a tensor are needed, -1 for none"),
        ("torch.zeros(4, dtype=torch.bool)", "labels are torch.bool (4,)"),
        ("torch.zeros(4, 1, dtype=torch.long)", "labels are torch.int64 (4, 1)"),
        ("np.zeros(4, dtype=int)", "labels are an array int64 (4,); whole numbers (N,) in a tensor are needed, -1 for none"),
        ("[0, 1, 2, 3]", "labels are a list"),
        ("torch.tensor([0, -2, 1, 2])", "a label is -2; labels are counted from 0, and -1 stands for none"),
        ("torch.tensor([0, -100, -1, 2])", "a label is -100"),
        ("torch.tensor([0, 10**9, 1, 2])", "a label is 1000000000, and there are 3 classes, 0 to 2; name more classes, or correct it"),
    ],
)
def test_other_labels_are_told(labels, words, without_shape_checks):
    said = without_shape_checks(f"""
        import numpy as np, torch
        from ssl_lab.data import Images
        try:
            Images(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), {labels}, ("a", "b", "c"))
        except ValueError as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith("InputError") and words in said


@pytest.mark.parametrize("pixels", ["np.zeros((4, 8, 8, 3), np.uint8)", "[[1, 2]]", "torch.zeros(4, 3, 8, 8)", "torch.zeros(4, 8, 8, 3).byte()"])
def test_other_pixels_are_told(pixels, without_shape_checks):
    said = without_shape_checks(f"""
        import numpy as np, torch
        from ssl_lab.data import Images
        try:
            Images({pixels}, torch.zeros(4, dtype=torch.long))
        except ValueError as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith("InputError x is ") and "uint8 pixels (N, 3, H, W) are needed, 0 to 255" in said


@pytest.mark.parametrize("given", ["torch.utils.data.TensorDataset(x)", "torch.utils.data.DataLoader([x])", "x.numpy()", "x", "None"])
def test_a_training_says_how_images_are_made(given, without_shape_checks):
    said = without_shape_checks(f"""
        import torch
        from ssl_lab.methods import SimCLR
        from ssl_lab.models import small_resnet
        from ssl_lab.recipe import Recipe
        from ssl_lab.train import train
        x = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
        try:
            train(SimCLR(small_resnet(width=4)), {given}, Recipe(1, batch=2))
        except ValueError as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith("InputError SimCLR takes Images and got a ") and "Images.of(dataset)" in said and "load('folder:PATH')" in said


def test_a_label_beyond_the_classes_of_a_head_is_told_before_the_first_step():
    images = Images(PIXELS, torch.tensor([0, 1, 12, 1]))
    with pytest.raises(InputError, match="a label is 12, and Supervised was made for 10 classes; give classes=13, or correct the label"):
        train(Supervised(small_resnet(width=4)), images, Recipe(1, batch=2))


def test_a_folder_that_is_given_without_its_word_is_known(tmp_path, monkeypatch):
    (tmp_path / "pics").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("./pics", "pics", str(tmp_path / "pics")):
        with pytest.raises(InputError, match=f"data set {name!r} is unknown, and there is a folder of this name; did you mean folder:{name}"):
            load(name)


@pytest.mark.parametrize("H, W", [(32, 96), (96, 32), (8, 200)])
def test_the_size_of_images_is_their_shorter_side(H, W):
    assert Images(torch.zeros(1, 3, H, W, dtype=torch.uint8), torch.tensor([0])).size == min(H, W)


@pytest.mark.parametrize("column", ["depth", "normals", "mask"])
def test_a_column_of_other_height_or_width_is_told(column, without_shape_checks):
    """A crop of the image, in pixels, would be another place there."""
    said = without_shape_checks(f"""
        import torch
        from ssl_lab.data import Images
        try:
            Images(torch.zeros(4, 3, 8, 8).byte(), torch.zeros(4).long(), {column}=torch.zeros(4, 1, 8, 9))
        except ValueError as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith(f"InputError {column} is torch.float32 (4, 1, 8, 9) and x is")


ASKING = {
    "fine-tuning": "finetune(f, given, given)", "factors": "factor_table(h, given)", "leak": "leak(MoCo(f, K=8, split=2), given)",
    "a recording": "Recording(SimCLR(f), given)", "views": "ViewsExplorer(given)", "an embedding": "EmbeddingExplorer(h, given)",
    "a queue": "QueueExplorer(MoCo(f, K=8, split=2), given)", "a method": "SimCLR(f).lesson(given)",
    "efficient classification": "efficient(f, given, given)",
}


@pytest.mark.parametrize("who", ASKING)
def test_whoever_takes_images_says_how_they_are_made(who, without_shape_checks):
    said = without_shape_checks(f"""
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        from ssl_lab.evaluate import efficient, factor_table, finetune, leak
        from ssl_lab.methods import MoCo, SimCLR
        from ssl_lab.models import small_resnet
        from ssl_lab.widgets import EmbeddingExplorer, QueueExplorer, Recording, ViewsExplorer
        x, f, h = torch.zeros(4, 3, 32, 32).byte(), small_resnet(width=4), torch.randn(4, 4)
        for given in (x, x.numpy(), TensorDataset(x), DataLoader(TensorDataset(x)), None):
            try:
                {ASKING[who]}
            except ValueError as error:
                print(type(error).__name__, "Images.of(dataset) makes them" in str(error))
    """)
    assert said.split() == ["InputError", "True"] * 5
