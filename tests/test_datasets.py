"""Whatever form a set has, its pixels arrive as they are, as bytes, or one sentence says what is needed."""

import itertools
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset, random_split
from torchvision import datasets, transforms, tv_tensors

from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.methods import SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

A = np.random.default_rng(0).integers(0, 256, (6, 10, 12, 3), dtype=np.uint8)  # (N, H, W, 3)
X = torch.from_numpy(A).permute(0, 3, 1, 2).contiguous()
PICTURES = [Image.fromarray(a) for a in A]
LABELS = [3, 1, 0, 2, 1, 0]
CLASSES = ["ant", "bee", "cat", "dog"]


class Items(Dataset):
    """A map-style Dataset of these."""

    def __init__(self, items, transform: Callable | None = None, **known):
        self.items, self.transform = items, transform or (lambda item: item)
        vars(self).update(known)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.transform(self.items[i])


class Stream(IterableDataset):
    def __iter__(self):
        yield from X

    def __len__(self):
        return len(X)


def pairs(images, labels=LABELS):
    return list(zip(images, labels))


WHOLE = {
    "tensor": X, "tensor, channels last": X.permute(0, 2, 3, 1), "array": A, "array, channels first": X.numpy(),
    "floats": X / 255, "half": X.half() / 255, "bfloat16": X.bfloat16() / 255, "double": A / 255, "with a gradient": (X / 255).requires_grad_(),
    "a little beyond, as a resize leaves it": (X / 255) * 1.0005, "upside down": A[::-1][::-1], "mirrored": A[:, :, ::-1][:, :, ::-1],
    "read only": np.frombuffer(A.tobytes(), np.uint8).reshape(A.shape), "big endian": (A / 255).astype(">f4"),
}
ONE_BY_ONE = {
    "PIL": Items(PICTURES), "a list": PICTURES, "alone in a tuple": TensorDataset(X), "tensors": Items(list(X)), "floats": Items(list(X / 255)),
    "arrays": Items(list(A)), "arrays, channels first": Items(list(X.numpy())), "torchvision's": Items([tv_tensors.Image(x) for x in X]),
    "ToTensor": Items(PICTURES, transforms.ToTensor()),
}
LABELLED = {
    "pairs": pairs(PICTURES), "lists": Items([list(pair) for pair in pairs(A)]),
    "more than two": Items([(*pair, "name") for pair in pairs(PICTURES)]),
    "numpy's numbers": pairs(PICTURES, np.array(LABELS)), "torch's numbers": TensorDataset(X, torch.tensor(LABELS)),
    "bytes": TensorDataset(X, torch.tensor(LABELS).to(torch.uint8)), "arrays of one, as MedMNIST": pairs(PICTURES, np.array(LABELS)[:, None]),
    "floats beside": TensorDataset(X / 255, torch.tensor(LABELS), torch.rand(6)),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_arrays_and_tensors_of_all_images_keep_every_pixel(kind):
    images = Images.of(WHOLE[kind])
    assert torch.equal(images.x, X) and images.labels.tolist() == [-1] * 6 and type(images.x) is torch.Tensor and not images.x.requires_grad


@pytest.mark.parametrize("kind", ONE_BY_ONE)
def test_items_that_are_images_keep_every_pixel(kind):
    images = Images.of(ONE_BY_ONE[kind])
    assert torch.equal(images.x, X) and images.labels.tolist() == [-1] * 6


@pytest.mark.parametrize("kind", LABELLED)
def test_items_that_are_pairs_keep_pixels_and_labels(kind):
    images = Images.of(LABELLED[kind])
    assert torch.equal(images.x, X) and images.labels.tolist() == LABELS and images.labels.dtype == torch.int64


@pytest.mark.parametrize("grey", [
    A[..., 0], X[:, 0], X[:, :1], A[..., :1], Items(list(A[..., 0])), Items(list(A[..., :1])), Items(list(X[:, :1])),
    [Image.fromarray(a) for a in A[..., 0]],
], ids=range(8))
def test_grey_becomes_three_equal_channels(grey):
    assert torch.equal(Images.of(grey).x, X[:, :1].expand(-1, 3, -1, -1))


def test_truth_values_are_black_and_white():
    assert torch.equal(Images.of(A[..., 0] > 99).x[:, 0], 255 * (X[:, 0] > 99).to(torch.uint8))


@pytest.mark.parametrize("source", [X, A, PICTURES, Items(list(X / 255))], ids=["tensor", "array", "PIL", "floats"])
def test_a_size_is_the_one_that_load_would_make(source, tmp_path):
    for i, picture in enumerate(PICTURES):
        picture.save(tmp_path / f"{i}.png")
    assert torch.equal(Images.of(source, size=8).x, load(f"folder:{tmp_path}", "all", size=8).x)


def test_deeper_values_need_the_one_that_is_white():
    deep = A.astype(np.uint16) * 257
    assert torch.equal(Images.of(deep, white=65535).x, X) and torch.equal(Images.of(Items(list(deep)), white=65535).x, X)
    for source in (deep, X.long(), Items(list(deep)), [Image.fromarray(a[..., 0].astype(np.uint16)) for a in deep]):
        with pytest.raises(InputError, match="more than the 256 of 8 bits; say which value is white in all images"):
            Images.of(source)


named = Items(pairs(PICTURES), classes=CLASSES)
NAMED = {
    "a Dataset": named, "a Subset": Subset(named, range(6)), "a Subset of a Subset": Subset(Subset(named, range(6)), range(6)),
    "several": ConcatDataset([Subset(named, range(3)), Subset(named, range(3, 6))]),
}


@pytest.mark.parametrize("kind", NAMED)
def test_classes_have_the_names_of_the_dataset_or_the_one_inside(kind):
    images = Images.of(NAMED[kind])
    assert images.classes == tuple(CLASSES) and images.labels.tolist() == LABELS and torch.equal(images.x, X)


def test_a_part_of_a_dataset_is_that_part():
    first, second = random_split(named, [4, 2], torch.Generator().manual_seed(0))
    assert torch.equal(Images.of(first).x, X[list(first.indices)]) and torch.equal(Images.of(second).x, X[list(second.indices)])


def test_an_image_folder_of_torchvisions_is_the_folder_of_ours(tmp_path):
    for i, label in enumerate(LABELS):
        (tmp_path / CLASSES[label]).mkdir(exist_ok=True)
        PICTURES[i].save(tmp_path / CLASSES[label] / f"{i}.png")
    theirs, ours = Images.of(datasets.ImageFolder(tmp_path)), load(f"folder:{tmp_path}", "all")
    assert torch.equal(theirs.x, ours.x) and torch.equal(theirs.labels, ours.labels) and theirs.classes == ours.classes


def test_a_set_of_torchvisions_without_names_of_its_own_has_those_that_load_gives():
    svhn = datasets.SVHN.__new__(datasets.SVHN)
    svhn.data, svhn.labels, svhn.transform, svhn.target_transform = X.numpy(), np.array(LABELS), None, None
    images = Images.of(svhn)
    assert torch.equal(images.x, X) and images.labels.tolist() == LABELS


def test_labels_and_further_columns_are_given_beside():
    factors = {"hue": np.arange(6.0)}
    images = Images.of(A, labels=np.array(LABELS), classes=CLASSES, depth=np.ones((6, 1, 10, 12), np.float32), factors=factors)
    assert images.labels.tolist() == LABELS and images.classes == tuple(CLASSES) and images.depth.shape == (6, 1, 10, 12)
    assert images.factors["hue"].tolist() == list(range(6)) and set(images.columns()) == {"x", "labels", "depth"}
    assert Images.of(pairs(PICTURES), labels=[0] * 6).labels.tolist() == [0] * 6, "in place of the source's own"


def test_a_training_takes_them():
    images = Images.of(TensorDataset(torch.rand(8, 3, 32, 32)))
    assert len(list(train(SimCLR(small_resnet(width=4)), images, Recipe(1, batch=4)))) == 1


def test_random_numbers_and_the_source_are_left_alone():
    given, numbers = A.copy(), torch.get_rng_state()
    images = Images.of(TensorDataset(torch.from_numpy(given)))
    replace(images).x.zero_()
    assert torch.equal(torch.get_rng_state(), numbers) and (given == A).all()


# one sentence


def longer() -> Dataset:
    class Longer(Items):
        def __len__(self):
            return 7

    return Longer(PICTURES)


WRONG = {
    "a DataLoader": (lambda: DataLoader(TensorDataset(X)), r"give its dataset, Images.of\(loader.dataset\)"),
    "an IterableDataset": (Stream, r"a Stream does not give images by number; .*itertools.islice"),
    "a generator": (lambda: (x for x in X), "a generator does not give images by number"),
    "an iterator": (lambda: iter(PICTURES), "a list_iterator does not give images by number"),
    "a path": (lambda: "pics", r"a str does not give images by number; .*load\('folder:PATH'\) reads files"),
    "a dictionary": (lambda: {"x": X}, "a dict does not give images by number"),
    "nothing": (lambda: None, "a NoneType does not give images by number"),
    "Images": (lambda: Images.of(X), "these are Images already"),
    "an empty Dataset": (lambda: Items([]), "this Items is empty; at least one image is needed"),
    "an empty tensor": (lambda: X[:0], r"torch.uint8 \(0, 3, 10, 12\) is no set of images"),
    "one image": (lambda: X[0], r"torch.uint8 \(3, 10, 12\) may be one image or several grey ones; say which: x\[None\] is one"),
    "one array": (lambda: A[0], r"an array uint8 \(10, 12, 3\) may be one image"),
    "one grey image": (lambda: X[0, 0], r"torch.uint8 \(10, 12\) is no set of images"),
    "four channels": (lambda: torch.zeros(2, 4, 8, 8), "neither one channel nor three"),
    "two channels": (lambda: Items(list(torch.zeros(2, 2, 8, 8))), "item 0 of this Items: .*neither one channel nor three"),
    "a normalisation": (lambda: Items(PICTURES, transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])),
                        r"item 0 of this Items: torch.float32, values -1 to .*, and 0 to white=1 are needed; .*leave a normalisation out"),
    "floats up to 255": (lambda: X.float(), "values 0 to 255, and 0 to white=1 are needed"),
    "no numbers": (lambda: X / 0, "and 0 to white=1 are needed"),
    "complex numbers": (lambda: X.to(torch.complex64), "bytes, or floats in .* are needed"),
    "words": (lambda: np.full((2, 8, 8), "a"), "holds no numbers"),
    "objects": (lambda: [object()], "item 0 of this list: its image is a object; one of PIL"),
    "an item without an image": (lambda: [None], "its image is a NoneType"),
    "dictionaries": (lambda: [{"image": PICTURES[0]}], r"its image is a dict; .*items are images, or pairs \(image, label\)"),
    "sizes that differ": (lambda: [PICTURES[0], PICTURES[1].resize((5, 9))], "item 1 of this list is not 12 x 10 like the first"),
    "a label in words": (lambda: pairs(PICTURES, ["cat"]), "item 0 of this list: its label is 'cat'; one whole number is needed"),
    "a label with a fraction": (lambda: pairs(PICTURES, [0, 1.5]), "item 1 of this list: its label is 1.5"),
    "a label of float type": (lambda: TensorDataset(X, torch.zeros(6)), r"its label is torch.float32 \(\)"),
    "a truth value": (lambda: pairs(PICTURES, [True]), "its label is True"),
    "several labels": (lambda: TensorDataset(X, torch.zeros(6, 40, dtype=torch.long)), r"torch.int64 \(40,\); .* Images.of\(dataset, labels\)"),
    "two views": (lambda: pairs(PICTURES, PICTURES), "its label is a Image"),
    "a label below -1": (lambda: pairs(PICTURES, [-100]), "a label is -100; labels are counted from 0, and -1 stands for none"),
    "too few names": (lambda: Items(pairs(PICTURES), classes=["a"]), "a label is 3, and there are 1 classes"),
    "parts with classes of their own": (lambda: ConcatDataset([named, Items(pairs(PICTURES), classes=["x"])]), "its parts have different classes"),
    "flips": (lambda: Items(PICTURES, transforms.RandomHorizontalFlip()), "this Items gives other pixels when an item is read again"),
    "crops": (lambda: Items(list(X), transforms.RandomCrop(8)), "a method draws views of its own at every step"),
    "a Dataset that says too much of its length": (lambda: longer(), "item 6 of this Longer cannot be read"),
}



@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_set_of_images_is_one_sentence(kind):
    build, words = WRONG[kind]
    with pytest.raises(InputError, match=words) as caught:
        Images.of(build())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given, words", [
    ("size=1.5", "size=1.5 must be a whole number of pixels from 8 to 1024"), ("size=4", "size=4"), ("white='a'", "white='a' must be a value above"),
    ("labels=list('abcdef')", "holds no numbers"), ("labels=np.zeros(6)", "labels are torch.float64 (6,)"),
    ("labels=[0, 1]", "labels has 2 rows and x has 6"), ("colour=1", "column 'colour' is unknown; there are: classes, factors"),
    ("labels=np.zeros((6, 1), int)", "labels are torch.int64 (6, 1)"), ("depth=A[:5, None, :, :, 0]", "depth has 5 rows and x has 6"),
    ("depth=A[:, None, :, :, 0], size=8", "depth is torch.uint8 (6, 1, 10, 12) and x is torch.uint8 (6, 3, 8, 8); both need the same height"),
])
def test_what_is_given_beside_is_checked(given, words, without_shape_checks):
    said = without_shape_checks(f"""
        import numpy as np
        from ssl_lab.data import Images
        A = np.zeros((6, 10, 12, 3), np.uint8)
        try:
            Images.of(A, {given})
        except ValueError as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith("InputError ") and words in said


def test_an_iterator_becomes_images_as_its_sentence_says():
    assert torch.equal(Images.of(list(itertools.islice(Stream(), 4))).x, X[:4])


def test_what_a_dataset_warns_of_is_heard():
    """Pillow's own warnings are answered by what is read or refused; those of somebody else's transforms are not ours to hide."""

    class Warns(list):
        def __getitem__(self, i):
            warnings.warn("a transform of mine", stacklevel=1)
            return super().__getitem__(i)

    with pytest.warns(UserWarning, match="a transform of mine"):
        assert len(Images.of(Warns([torch.zeros(3, 8, 8, dtype=torch.uint8)] * 2))) == 2
