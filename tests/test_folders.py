"""What load promises of folders of image files: which folders are classes, which are splits, and what is refused."""

import os

import pytest

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.reading import share

HELD = [2, 6]  # of ten images, the two to test


def test_class_folders_are_classes_in_the_order_of_their_names(tree, levels):
    name = tree({"dog/1.png": 10, "cat/2.png": 21, "cat/1.PNG": 20, "ant/deep/er/x.bmp": 30, "ant/z.gif": 31})
    images = load(name, "all")
    assert images.classes == ("ant", "cat", "dog")
    assert images.labels.tolist() == [0, 0, 1, 1, 2]
    assert levels(images) == [31, 30, 20, 21, 10]


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "JPG"])
def test_a_flat_folder_has_no_labels(suffix, tree, levels):
    images = load(tree({f"a.{suffix}": 0, f"b.{suffix}": 255}), "all")
    assert images.labels.tolist() == [-1, -1]
    assert images.classes == ()
    assert levels(images) == [0, 255]


def test_hidden_and_other_files_are_passed_over(tree, tmp_path, levels):
    name = tree({"a/1.png": 1, "a/.2.png": 2, ".b/3.png": 3, "__MACOSX/4.png": 4})
    for other in ("README.txt", "a/labels.csv"):
        (tmp_path / "pictures" / other).write_text("words")
    assert levels(load(name, "all")) == [1]


@pytest.mark.parametrize("held", ["test", "val"])
def test_train_and_test_folders_are_the_splits(held, tree, levels):
    name = tree({"train/a/1.png": 1, "train/b/2.png": 2, f"{held}/a/3.png": 3, f"{held}/b/4.png": 4, f"{held}/b/5.png": 5})
    assert levels(load(name, "train")) == [1, 2]
    assert levels(load(name, "test")) == [3, 4, 5]
    everything = load(name, "all")
    assert levels(everything) == [1, 2, 3, 4, 5]
    assert everything.labels.tolist() == [0, 1, 0, 1, 1]
    assert everything.classes == ("a", "b")


@pytest.mark.parametrize(
    "train, test",
    [
        ("Train", "Validation"), ("TRAINING", "TESTING"), ("train2017", "val2017"), ("train_images", "test_images"), ("images_train", "images_dev"),
        ("training set", "valid"), ("Training-data", "Test_split"),
    ],
)  # fmt: skip
def test_a_split_is_known_in_any_case_and_as_people_write_it(train, test, tree, levels):
    name = tree({f"{train}/a/1.png": 1, f"{train}/b/2.png": 2, f"{test}/a/3.png": 3, f"{test}/b/4.png": 4})
    assert [levels(load(name, split)) for split in ("train", "test", "all")] == [[1, 2], [3, 4], [1, 2, 3, 4]]
    assert load(name).classes == ("a", "b")


def test_a_class_that_a_split_lacks_has_no_images_there(tree, tmp_path, levels):
    name = tree({"train/a/1.png": 1, "train/c/2.png": 2, "test/b/3.png": 3, "test/c/4.png": 4})
    (tmp_path / "pictures" / "test" / "a").mkdir()
    train, test = load(name), load(name, "test")
    assert train.classes == test.classes == ("a", "b", "c")
    assert (levels(train), train.labels.tolist()) == ([1, 2], [0, 2])
    assert (levels(test), test.labels.tolist()) == ([3, 4], [1, 2])


def test_a_flat_split_beside_one_of_classes_has_no_labels(tree, levels):
    name = tree({"train/a/1.png": 1, "train/b/2.png": 2, "test/3.png": 3})
    test, everything = load(name, "test"), load(name, "all")
    assert (levels(test), test.labels.tolist(), test.classes) == ([3], [-1], ("a", "b"))
    assert everything.labels.tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    "files, words",
    [
        (["validation/1.png", "test/2.png"], "holds validation, test, names of splits, and none to train on; call that one train"),
        (["Test/a/1.png"], "holds Test, names of splits, and none to train on"),
        (["train/1.png", "Training/2.png", "test/3.png"], "Training and train mean the same split; put their images together"),
        (["train/a/1.png", "test/a/2.png", "unlabelled/3.png"], "the splits, and beside them images in unlabelled; move them out of it"),
        (["cat/train/1.png", "cat/test/2.png", "dog/train/3.png", "dog/test/4.png"], "cat holds test, train, which would be one class"),
    ],
)
def test_names_of_splits_that_do_not_make_a_set_are_refused(files, words, tree):
    with pytest.raises(InputError, match=words):
        load(tree(dict.fromkeys(files, 1)))


@pytest.mark.parametrize("names", [["bus", "Train"], ["bullet_train", "steam_train"], ["test_tube", "beaker"], ["Training", "cooking"]])
def test_classes_with_such_words_in_their_names_are_classes(names, tree):
    assert load(tree({f"{name}/{i}.png": i for name in names for i in range(3)}), "all").classes == tuple(sorted(names))


def test_folders_without_images_beside_the_splits_are_passed_over(tree, tmp_path, levels):
    name = tree({"train/1.png": 1, "test/2.png": 2})
    (tmp_path / "pictures" / "annotations").mkdir()
    assert levels(load(name, "all")) == [1, 2]


def test_what_is_no_regular_file_is_named_and_not_waited_for(tree, tmp_path):
    name = tree({"1.png": 1})
    os.mkfifo(tmp_path / "pictures" / "2.png")
    with pytest.raises(InputError, match=r"2.png: is no regular file, or a link to none; remove it"):
        load(name, "all")


def test_train_val_and_test_are_three_splits(tree, levels):
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


def test_a_folder_without_splits_is_split_80_to_20_once_and_for_all(tree, levels):
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
