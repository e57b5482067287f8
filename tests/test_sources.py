"""What load promises of torchvision's sets, on files that the tests write, and on the real CIFAR-10 and Fashion-MNIST."""

import bz2
import gzip
import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from torchvision import datasets
from torchvision.transforms.functional import pil_to_tensor

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.sources import BY_HAND, TORCHVISION

SPLITS = [(name, split) for name, splits in TORCHVISION.items() for split in dict.fromkeys(("train", *splits, "test"))]


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
def test_mnist_and_its_kin_are_read_from_their_files(name, where, tmp_path, levels):
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


def test_usps_is_read_from_its_text(tmp_path, levels):
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


def test_sets_of_files_are_read_with_their_names(tmp_path, colour, levels):
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


def test_the_last_split_serves_as_test_where_none_is_called_so(tmp_path, colour, levels):
    names = list(datasets.Imagenette._WNID_TO_CLASS)[:2]
    for i, wnid in enumerate(names):
        colour(tmp_path / "imagenette2" / "train" / wnid / "a.jpeg", 10 + i)
        colour(tmp_path / "imagenette2" / "val" / wnid / "b.jpeg", 20 + i)
    test, val, train = (load("imagenette", split, root=tmp_path) for split in ("test", "val", "train"))
    assert levels(test) == levels(val) == [20, 21]
    assert levels(train) == [10, 11]
    assert train.classes == tuple(datasets.Imagenette._WNID_TO_CLASS[wnid][0] for wnid in sorted(names))


def test_a_set_without_splits_is_split_80_to_20(tmp_path, colour, levels):
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
