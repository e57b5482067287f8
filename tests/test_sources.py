"""What load promises of torchvision's sets and of folders, on files that the tests write, and on the real CIFAR-10 and Fashion-MNIST."""

import bz2
import gzip
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets
from torchvision.transforms.functional import pil_to_tensor

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.sources import BY_HAND, TORCHVISION, fit, share

HELD = [2, 6]  # of ten images, the two to test
SPLITS = [(name, split) for name, splits in TORCHVISION.items() for split in dict.fromkeys(("train", *splits, "test"))]


def colour(path, value, size=(10, 10)):
    """An image file of one grey level; exactly that level in formats without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


def levels(images) -> list[int]:
    """The grey level of every image of one level."""
    assert (images.x == images.x[:, :1, :1, :1]).all()
    return images.x[:, 0, 0, 0].tolist()


def idx(path, array):
    """A file in the format of MNIST: type, dimensions, lengths, values (big endian)."""
    kind = {"uint8": 8, ">i4": 12}[array.dtype.str if array.dtype.itemsize > 1 else "uint8"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes())


def greys(n, side=28):
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None], (n, side, side))


# torchvision: every name, every split


def test_every_classification_set_of_torchvision_has_a_name():
    others = """LSUNClass ImageFolder DatasetFolder FakeData CocoCaptions CocoDetection MovingMNIST PhotoTour SBU Flickr8k Flickr30k VOCSegmentation
        VOCDetection Cityscapes CelebA WIDERFace SBDataset VisionDataset Kinetics HMDB51 UCF101 Kitti LFWPairs KittiFlow Sintel FlyingChairs
        FlyingThings3D HD1K Kitti2012Stereo Kitti2015Stereo CarlaStereo Middlebury2014Stereo CREStereo FallingThingsStereo SceneFlowStereo
        SintelStereo InStereo2k ETH3DStereo wrap_dataset_for_transforms_v2"""  # videos, pairs, flow, boxes, captions, attributes
    named = {name.replace("_", "") for name in TORCHVISION}
    assert {c.lower() for c in datasets.__all__} == named | {c.lower() for c in others.split()}


@pytest.mark.parametrize("name, split", SPLITS)
def test_a_missing_set_says_where_it_looked_how_to_get_it_and_what_works_offline(name, split, tmp_path):
    with pytest.raises(InputError) as caught:
        load(name, split, root=tmp_path)
    message = str(caught.value)
    assert "Unknown value" not in message  # torchvision knows the split
    assert caught.value.__cause__ is not None
    if "needs a package that is not installed" in message:
        assert name in ("pcam", "lsun")
        return
    assert f"{name} is missing or damaged in {tmp_path}" in message
    assert ("by hand" in message) == (name in BY_HAND)
    assert (f"load('{name}', root=..., download=True) fetches it over the network" in message) == (name not in BY_HAND)
    assert message.endswith("load('scenes') and load('digits') work offline")
    assert "\n" not in message


def test_sets_lie_in_data_unless_root_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"missing or damaged in {tmp_path / 'data'} "):
        load("cifar10")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_download_says_why_and_how_else(tmp_path, monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", no_network)
    with pytest.raises(InputError, match=r"mnist could not be downloaded to .*Name or service.*check the network, or place it there by hand"):
        load("mnist", root=tmp_path, download=True)


@pytest.mark.parametrize("name", BY_HAND)
def test_what_torchvision_cannot_download_must_be_placed_by_hand(name, tmp_path):
    with pytest.raises(InputError, match=r"place it there by hand, as torchvision.datasets|needs a package"):
        load(name, root=tmp_path, download=True)


# torchvision: what is read


@pytest.mark.parametrize("name, where", [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST"), ("kmnist", "KMNIST")])
def test_mnist_and_its_kin_are_read_from_their_files(name, where, tmp_path):
    for part, n in (("train", 20), ("t10k", 7)):
        idx(tmp_path / where / "raw" / f"{part}-images-idx3-ubyte", greys(n))
        idx(tmp_path / where / "raw" / f"{part}-labels-idx1-ubyte", np.arange(n, dtype=np.uint8) % 10)
    train, test = load(name, root=tmp_path), load(name, "test", root=tmp_path, size=32)
    assert levels(train) == list(range(20))
    assert train.labels.tolist() == [i % 10 for i in range(20)]
    assert len(train.classes) == 10
    assert train.x.shape == (20, 3, 28, 28)
    assert test.x.shape == (7, 3, 32, 32)
    assert levels(test) == list(range(7))


def test_emnist_is_its_balanced_split(tmp_path):
    idx(tmp_path / "EMNIST" / "raw" / "emnist-balanced-test-images-idx3-ubyte", greys(5))
    idx(tmp_path / "EMNIST" / "raw" / "emnist-balanced-test-labels-idx1-ubyte", np.array([46, 0, 1, 2, 3], dtype=np.uint8))
    images = load("emnist", "test", root=tmp_path)
    assert images.labels.tolist() == [46, 0, 1, 2, 3]
    assert len(images.classes) == 47


def test_qmnist_labels_are_the_digits_among_all_it_knows_of_them(tmp_path):
    idx(tmp_path / "QMNIST" / "raw" / "qmnist-train-images-idx3-ubyte", greys(4))
    idx(tmp_path / "QMNIST" / "raw" / "qmnist-train-labels-idx2-int", np.stack([[3, 1, 4, 1], [9] * 4, [9] * 4], 1).astype(">i4"))
    assert load("qmnist", root=tmp_path).labels.tolist() == [3, 1, 4, 1]


def test_usps_is_read_from_its_text(tmp_path):
    lines = [f"{label} " + " ".join(f"{i + 1}:{value}" for i in range(256)) for label, value in ((1, -1), (10, 1), (4, 0))]
    (tmp_path / "usps.t.bz2").write_bytes(bz2.compress("\n".join(lines).encode()))
    images = load("usps", "test", root=tmp_path)
    assert images.labels.tolist() == [0, 9, 3]
    assert levels(images) == [0, 255, 127]
    assert images.x.shape == (3, 3, 16, 16)
    assert images.classes == tuple("0123456789")


@pytest.mark.parametrize("split", ["train", "extra", "test"])
def test_svhn_is_read_from_its_matrices(split, tmp_path, monkeypatch):
    from scipy.io import savemat

    monkeypatch.setattr(datasets.SVHN, "_check_integrity", lambda self: True)  # ours has another checksum
    x = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    savemat(tmp_path / f"{split}_32x32.mat", {"X": x, "y": np.array([[10], [1], [2], [9]], dtype=np.uint8)})
    images = load("svhn", split, root=tmp_path)
    assert images.labels.tolist() == [0, 1, 2, 9]
    assert torch.equal(images.x, torch.from_numpy(x).permute(3, 2, 0, 1))


def test_stl10_comes_with_its_unlabelled_images(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    top = tmp_path / "stl10_binary"
    top.mkdir()
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 96, 96), dtype=np.uint8)  # columns before rows
    (top / "train_X.bin").write_bytes(x[:2].tobytes())
    (top / "train_y.bin").write_bytes(bytes([1, 10]))
    (top / "unlabeled_X.bin").write_bytes(x[2:].tobytes())
    images = load("stl10", "unlabeled", root=tmp_path)
    assert images.labels.tolist() == [-1, -1, -1]
    assert torch.equal(images.x, torch.from_numpy(x[2:]).transpose(2, 3))
    assert load("stl10", "train+unlabeled", root=tmp_path, size=32).labels.tolist() == [0, 9, -1, -1, -1]


def test_sets_of_files_are_read_with_their_names(tmp_path):
    top = tmp_path / "food-101"
    for part, n in (("train", 3), ("test", 2)):
        (top / "meta").mkdir(parents=True, exist_ok=True)
        (top / "meta" / f"{part}.json").write_text(json.dumps({c: [f"{c}/{part}{i}" for i in range(n)] for c in ("soup", "cake")}))
        for c, level in (("soup", 100), ("cake", 50)):
            for i in range(n):
                colour(top / "images" / c / f"{part}{i}.jpg", level + i, size=(40 + i, 60))
    images = load("food101", root=tmp_path, size=16)
    assert images.classes == ("cake", "soup")
    assert sorted(zip(levels(images), images.labels.tolist())) == [(50, 0), (51, 0), (52, 0), (100, 1), (101, 1), (102, 1)]
    assert len(load("food101", "test", root=tmp_path, size=16)) == 4
    some = load("food101", root=tmp_path, size=16, limit=2)
    assert set(levels(some)) < set(levels(images))
    with pytest.raises(InputError, match=r"images differ in size: image 1 of food101 in .* is not 4\d x 60 like the first; give a size"):
        load("food101", root=tmp_path)
    (top / "images" / "cake" / "train1.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(InputError, match=rf"image \d of food101 in {tmp_path} cannot be read as an image"):
        load("food101", root=tmp_path, size=16)


def test_the_last_split_serves_as_test_where_none_is_called_so(tmp_path):
    names = list(datasets.Imagenette._WNID_TO_CLASS)[:2]
    for i, wnid in enumerate(names):
        colour(tmp_path / "imagenette2" / "train" / wnid / "a.jpeg", 10 + i)
        colour(tmp_path / "imagenette2" / "val" / wnid / "b.jpeg", 20 + i)
    test, val, train = (load("imagenette", split, root=tmp_path) for split in ("test", "val", "train"))
    assert levels(test) == levels(val) == [20, 21]
    assert levels(train) == [10, 11]
    assert train.classes == tuple(datasets.Imagenette._WNID_TO_CLASS[wnid][0] for wnid in sorted(names))


def test_a_set_without_splits_is_split_80_to_20(tmp_path):
    for i in range(10):
        colour(tmp_path / "eurosat" / "2750" / f"class{i % 2}" / f"{i}.png", i)
    train, test, everything = (load("eurosat", split, root=tmp_path) for split in ("train", "test", "all"))
    assert [len(train), len(test), len(everything)] == [8, 2, 10]
    assert sorted(levels(train) + levels(test)) == sorted(levels(everything)) == list(range(10))
    assert all(label == level % 2 for level, label in zip(levels(train), train.labels.tolist()))
    with pytest.raises(InputError, match="split of eurosat 'val' is unknown; there are: train, test, all"):
        load("eurosat", "val", root=tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\x00\x00\x08\x03", b"garbage that is no image at all"])
def test_damaged_files_are_told_with_the_set_and_the_folder(damage, tmp_path):
    for kind in ("images-idx3", "labels-idx1"):
        idx(tmp_path / "MNIST" / "raw" / f"train-{kind}-ubyte", greys(3))
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(damage)
    with pytest.raises(InputError, match=f"mnist is missing or damaged in {tmp_path} .*remove damaged files first") as caught:
        load("mnist", root=tmp_path)
    assert caught.value.__cause__ is not None


def test_a_truncated_archive_is_told(tmp_path):
    (tmp_path / "usps.bz2").write_bytes(bz2.compress(b"1 1:0.5\n" * 1000)[:-20])
    with pytest.raises(InputError, match=f"usps is missing or damaged in {tmp_path}"):
        load("usps", root=tmp_path)


# torchvision: the real thing


@pytest.fixture(scope="module")
def real(data_root, tmp_path_factory):
    root = tmp_path_factory.mktemp("torchvision")
    subprocess.run([sys.executable, data_root / "data_tools.py", "cifar-official", root], check=True, stdout=subprocess.DEVNULL)
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (data_root / "fashion-mnist").glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return root


@pytest.mark.parametrize("name, build", [("cifar10", datasets.CIFAR10), ("fashion_mnist", datasets.FashionMNIST)])
def test_images_are_what_torchvision_gives(name, build, real):
    for split, n in (("train", len(build(real))), ("test", 10_000)):
        ours, theirs = load(name, split, root=real), build(real, train=split == "train")
        assert len(ours) == n
        assert ours.labels.tolist() == list(map(int, theirs.targets))
        assert ours.classes == tuple(theirs.classes)
        assert ours.x.is_contiguous()
        for i in (0, 1, 4_321, n - 1):
            assert torch.equal(ours.x[i], pil_to_tensor(theirs[i][0]).expand(3, -1, -1))


def test_a_damaged_cifar_is_told(real, tmp_path):
    import shutil

    shutil.copytree(real / "cifar-10-batches-py", tmp_path / "cifar-10-batches-py")
    with open(tmp_path / "cifar-10-batches-py" / "data_batch_3", "r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(InputError, match=f"cifar10 is missing or damaged in {tmp_path}"):
        load("cifar10", root=tmp_path)


# folders


@pytest.fixture
def tree(tmp_path):
    """write({"cat/a.png": 3, ...}) → the name of a folder that holds these files."""

    def write(images, top=tmp_path / "pictures"):
        for name, level in images.items():
            colour(top / name, level)
        return f"folder:{top}"

    return write


def test_class_folders_are_classes_in_the_order_of_their_names(tree):
    name = tree({"dog/1.png": 10, "cat/2.png": 21, "cat/1.PNG": 20, "ant/deep/er/x.bmp": 30, "ant/z.gif": 31})
    images = load(name, "all")
    assert images.classes == ("ant", "cat", "dog")
    assert images.labels.tolist() == [0, 0, 1, 1, 2]
    assert levels(images) == [31, 30, 20, 21, 10]


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "JPG"])
def test_a_flat_folder_has_no_labels(suffix, tree):
    images = load(tree({f"a.{suffix}": 0, f"b.{suffix}": 255}), "all")
    assert images.labels.tolist() == [-1, -1]
    assert images.classes == ()
    assert levels(images) == [0, 255]


def test_hidden_and_other_files_are_passed_over(tree, tmp_path):
    name = tree({"a/1.png": 1, "a/.2.png": 2, ".b/3.png": 3, "__MACOSX/4.png": 4})
    for other in ("README.txt", "a/labels.csv"):
        (tmp_path / "pictures" / other).write_text("words")
    assert levels(load(name, "all")) == [1]


@pytest.mark.parametrize("held", ["test", "val"])
def test_train_and_test_folders_are_the_splits(held, tree):
    name = tree({"train/a/1.png": 1, "train/b/2.png": 2, f"{held}/a/3.png": 3, f"{held}/b/4.png": 4, f"{held}/b/5.png": 5})
    assert levels(load(name, "train")) == [1, 2]
    assert levels(load(name, "test")) == [3, 4, 5]
    everything = load(name, "all")
    assert levels(everything) == [1, 2, 3, 4, 5]
    assert everything.labels.tolist() == [0, 1, 0, 1, 1]
    assert everything.classes == ("a", "b")


def test_train_val_and_test_are_three_splits(tree):
    name = tree({"train/1.png": 1, "val/2.png": 2, "test/3.png": 3})
    assert [levels(load(name, split)) for split in ("train", "val", "test", "all")] == [[1], [2], [3], [1, 2, 3]]
    with pytest.raises(InputError, match=r"split of .*pictures 'valid' is unknown; there are: train, val, test, all"):
        load(name, "valid")


def test_train_alone_is_a_split_and_among_vehicles_a_class(tree, tmp_path):
    alone = tree({"train/a/1.png": 1}, tmp_path / "alone")
    assert load(alone).classes == ("a",)
    with pytest.raises(InputError, match=r"split of .*alone 'test' is unknown; there are: train, all"):
        load(alone, "test")
    assert load(tree({"bus/1.png": 1, "train/2.png": 2}, tmp_path / "vehicles"), "all").classes == ("bus", "train")


def test_a_folder_without_splits_is_split_80_to_20_once_and_for_all(tree):
    name = tree({f"{'ab'[i % 2]}/{i}.png": i for i in range(20)})
    train, test = load(name), load(name, "test")
    assert [len(train), len(test)] == [16, 4]
    assert sorted(levels(train) + levels(test)) == list(range(20))
    assert levels(load(name, seed=5)) == levels(train)
    assert train.classes == test.classes == ("a", "b")
    assert all("ab"[level % 2] == train.classes[label] for level, label in zip(levels(train), train.labels.tolist()))


def test_the_share_of_a_set_is_always_the_same():
    """Held, so that no release moves an image from test to train."""
    assert share(10, "test").tolist() == HELD
    assert sorted(share(10, "train").tolist() + HELD) == list(range(10))


@pytest.mark.parametrize(
    "files, words",
    [
        ({"train/a/1.png": 1, "test/a/1.png": 1, "test/b/1.png": 1}, "every split needs the same class folders; only one of train and test has b"),
        ({"a/1.png": 1, "2.png": 2}, "holds class folders and, beside them, 2.png; sort all images into class folders, or none"),
        ({"1.png": 1}, "1 images are too few for an 80/20 split with a test part; add images or use split='all'"),
    ],
)
def test_a_folder_that_contradicts_itself_is_refused(files, words, tree):
    with pytest.raises(InputError, match=words):
        load(tree(files), "test")


def test_empty_class_folders_are_named(tree, tmp_path):
    name = tree({"a/1.png": 1})
    for empty in ("b", "c/d"):
        (tmp_path / "pictures" / empty).mkdir(parents=True)
    (tmp_path / "pictures" / "c" / "notes.txt").write_text("no image")
    with pytest.raises(InputError, match="pictures: no images in the class folders b, c; fill or remove them"):
        load(name)


@pytest.mark.parametrize("inside", [None, "a/b", "words.txt"])
def test_a_folder_without_images_says_what_counts_as_one(inside, tmp_path):
    if inside:
        (tmp_path / inside).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{tmp_path} holds no images; files that end in .png, .jpg, .jpeg, .*, .tiff are needed"):
        load(f"folder:{tmp_path}")


def test_a_missing_folder_a_file_and_no_path_are_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=f"{tmp_path / 'nowhere'} does not exist; a folder of images is needed, as in folder:path/to/images"):
        load(f"folder:{tmp_path / 'nowhere'}")
    with pytest.raises(InputError, match=f"{tmp_path / 'file'} is a file; a folder of images is needed"):
        load(f"folder:{tmp_path / 'file'}")
    with pytest.raises(InputError, match="folder: needs a path"):
        load("folder:")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path / 'here'} does not exist"):
        load("folder:here")


def test_an_unreadable_folder_is_told(tree, tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied")

    name = tree({"a/1.png": 1})
    monkeypatch.setattr(os, "scandir", denied)  # root may read everything, and tests may run as root
    with pytest.raises(InputError, match=rf"{tmp_path / 'pictures'} cannot be read \(\[Errno 13\] Permission denied\)"):
        load(name)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "tif"])
@pytest.mark.parametrize("damage", ["empty", "truncated", "garbage"])
def test_a_damaged_image_is_named(suffix, damage, tree, tmp_path):
    name = tree({f"a/1.{suffix}": 1, f"a/2.{suffix}": 2})
    path = tmp_path / "pictures" / "a" / f"2.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "garbage": b"no image " * 100}[damage])
    with pytest.raises(InputError, match=rf"a/2.{suffix} cannot be read as an image \(.*\); replace or remove it") as caught:
        load(name, "all", size=8)
    assert caught.value.__cause__ is not None


def test_only_the_images_that_are_asked_for_are_read(tree, tmp_path):
    name = tree({f"{i}.png": i for i in range(20)})
    kept = levels(load(name, "all", limit=5))
    for i in set(range(20)) - set(kept):
        (tmp_path / "pictures" / f"{i}.png").write_bytes(b"")
    assert levels(load(name, "all", limit=5)) == kept


def test_images_of_different_sizes_need_a_size(tree, tmp_path):
    name = tree({"a.png": 1})
    colour(tmp_path / "pictures" / "b.png", 2, size=(20, 30))
    with pytest.raises(InputError, match=r"images differ in size: .*b.png is not 10 x 10 like the first; give a size, such as size=32"):
        load(name, "all")
    assert load(name, "all", size=12).x.shape == (2, 3, 12, 12)


def test_every_kind_of_image_becomes_three_channels_of_8_bits(tmp_path):
    Image.new("L", (8, 8), 77).save(tmp_path / "a.png")
    Image.fromarray(np.full((8, 8), 77 * 256 + 5, dtype=np.uint16)).save(tmp_path / "b.png")
    Image.new("RGBA", (8, 8), (9, 9, 9, 0)).save(tmp_path / "c.png")
    Image.new("RGB", (8, 8), (255, 0, 0)).quantize(4).save(tmp_path / "d.png")
    Image.new("CMYK", (8, 8), (0, 0, 0, 255)).save(tmp_path / "e.tif")
    Image.new("1", (8, 8), 1).save(tmp_path / "f.png")
    x = load(f"folder:{tmp_path}", "all").x
    assert x[:, :, 3, 3].tolist() == [[77] * 3, [77] * 3, [255] * 3, [255, 0, 0], [0] * 3, [255] * 3]


def test_a_photograph_stands_as_its_camera_was_held(tmp_path):
    image = Image.new("RGB", (8, 16))
    image.paste((255, 255, 255), (0, 0, 8, 8))  # white above, black below
    orientation = Image.Exif()
    orientation[0x0112] = 3  # upside down
    image.save(tmp_path / "a.png", exif=orientation)
    x = load(f"folder:{tmp_path}", "all").x[0]
    assert x[:, 0].max() == 0
    assert x[:, -1].min() == 255


# sizes


@pytest.mark.parametrize("H, W, size", [(32, 32, 32), (32, 32, 64), (28, 28, 32), (50, 31, 16), (31, 50, 16), (97, 33, 8), (9, 100, 100)])
def test_the_shorter_side_is_resized_and_the_centre_kept(H, W, size):
    x = torch.randint(0, 256, (3, 3, H, W), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    made = fit(x, size)
    assert made.shape == (3, 3, size, size)
    h, w = (size, max(size, round(W * size / H))) if H <= W else (max(size, round(H * size / W)), size)
    whole = torch.nn.functional.interpolate(x.double(), (h, w), mode="bilinear", antialias=True)
    top, left = (h - size) // 2, (w - size) // 2
    assert (made.double() - whole[:, :, top : top + size, left : left + size]).abs().max() <= 1.001


def test_many_images_are_resized_as_each_alone():
    x = torch.randint(0, 256, (5_003, 1, 6, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    made = fit(x, 8)
    for i in (0, 4_999, 5_000, 5_002):
        assert torch.equal(made[i], fit(x[i : i + 1], 8)[0])


def test_a_size_that_is_there_already_changes_no_pixel():
    x = torch.randint(0, 256, (2, 3, 40, 32), dtype=torch.uint8)
    assert torch.equal(fit(x, 32), x[:, :, 4:36])
