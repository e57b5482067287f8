"""What load promises of folders of image files: which folders are classes, which are splits, and what is refused."""

import os
from pathlib import Path

import pytest

from ssl_lab import folders
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
        (["validation/1.png", "test/2.png"], "holds validation, test: names of splits, but none is train; call one of them train"),
        (["Test/a/1.png"], "holds Test: names of splits, but none is train"),
        (["train/1.png", "Training/2.png", "test/3.png"], "Training and train mean the same split; put their images together"),
        (["train/a/1.png", "test/a/2.png", "unlabelled/3.png"], "which are splits, and also images in unlabelled; move these images out"),
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
    with pytest.raises(InputError, match=r"2.png: is no regular file, or is a broken link"):
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
        ({"a/1.png": 1, "2.png": 2}, "holds class folders and also images outside them, 2.png; sort all images into class folders, or none"),
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
    with pytest.raises(InputError, match=rf"{tmp_path / 'pictures'} cannot be read \(Permission denied\)"):
        load(name)


LINKS = {  # where a link stands in the folder → where it leads
    "to the class": {"cat/self": "cat"}, "to the top": {"cat/up": "."}, "to each other's class": {"cat/x": "dog", "dog/y": "cat"},
    "to each other": {"cat/x": "cat/y", "cat/y": "cat/x"}, "to nowhere": {"cat/x": "gone"}, "to itself": {"cat/x": "cat/x"},
    "to a folder inside, twice": {"cat/x": "cat/deep", "cat/y": "cat/deep"}, "above all": {"dog/x": ".."},
}  # fmt: skip


def link(top, links):
    for name, to in links.items():
        (top / name).symlink_to((top / to).absolute(), target_is_directory=True)


@pytest.mark.parametrize("links", LINKS.values(), ids=LINKS)
def test_links_are_followed_and_every_folder_counts_once(links, tree, tmp_path, levels):
    name = tree({"cat/1.png": 1, "cat/deep/2.png": 2, "dog/3.png": 3})
    link(tmp_path / "pictures", links)
    images = load(name, "all")
    assert (levels(images), images.labels.tolist()) == ([1, 2, 3], [0, 0, 1])


def test_a_link_to_a_folder_elsewhere_is_followed(tree, tmp_path, levels):
    name = tree({"cat/1.png": 1})
    tree({"more/2.png": 2}, tmp_path / "elsewhere")
    link(tmp_path / "pictures", {"cat/x": tmp_path / "elsewhere", "dog": tmp_path / "elsewhere" / "more"})
    images = load(name, "all")
    assert (levels(images), images.labels.tolist()) == ([1, 2], [0, 1])


@pytest.mark.parametrize("files, links", [
    (["cat/1.png"], {"hound": "cat"}), (["cat/1.png"], {"all": "."}), (["train/a/1.png"], {"test": "train"}),
])  # fmt: skip
def test_a_class_or_a_split_that_is_another_one_by_a_link_is_refused(files, links, tree, tmp_path):
    name = tree(dict.fromkeys(files, 1))
    link(tmp_path / "pictures", links)
    with pytest.raises(InputError, match=r"leads to a folder that is here under another name already; remove the link"):
        load(name, "all")


@pytest.fixture
def nested(tmp_path, colour):
    """nested(depth) → a folder with an image that far down, made and removed without recursion."""
    made = []

    def make(depth):
        here, names = os.getcwd(), []
        os.chdir(tmp_path)
        try:
            for _ in range(depth):
                os.mkdir("d")
                os.chdir("d")
                names.append("d")
            colour(Path("a.png"), 7)
        finally:
            os.chdir(here)
        made.append(depth)
        return f"folder:{tmp_path}"

    yield make
    here = os.getcwd()
    for depth in made:
        os.chdir(tmp_path)
        for _ in range(depth):
            os.chdir("d")
        os.unlink("a.png")
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")
    os.chdir(here)


def test_a_folder_may_be_nested_1500_deep(nested, levels):
    assert levels(load(nested(1_500), "all")) == [7]


def test_what_is_nested_deeper_than_a_path_can_be_is_told_in_a_short_sentence(nested):
    with pytest.raises(InputError, match=r"cannot be read \(File name too long\)") as caught:
        load(nested(2_500), "all")
    assert len(str(caught.value)) < 600


def test_a_file_that_vanishes_meanwhile_is_named(tree, tmp_path, monkeypatch):
    name, opened = tree({"1.png": 1, "2.png": 2}), folders.opened
    monkeypatch.setattr(folders, "opened", lambda path, label: (path.unlink(), opened(path, label))[1])
    with pytest.raises(InputError, match=r"1.png: is no regular file, or is a broken link, or was removed meanwhile"):
        load(name, "all")


def test_a_folder_that_vanishes_meanwhile_is_named(tree, tmp_path, monkeypatch):
    name, scandir = tree({"cat/deep/1.png": 1}), os.scandir

    def gone(path):
        if str(path).endswith("deep"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", gone)
    with pytest.raises(InputError, match=r"cat/deep does not exist"):
        load(name, "all")


def test_files_of_other_kinds_are_counted_and_named_once(tree, tmp_path, capsys):
    name = tree({"train/cat/1.png": 1, "test/cat/2.png": 2})
    for other in [*(f"train/cat/{i}.HEIC" for i in range(9)), *(f"test/cat/{i}.avif" for i in range(3)), "test/cat/scan"]:
        (tmp_path / "pictures" / other).touch()
    for split in ("train", "test"):
        load(name, split)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{tmp_path / 'pictures'}: files passed over: 9 .heic, 3 .avif, 1 without a suffix; only files that end in .png" in said


@pytest.mark.parametrize("other", ["a.txt", "labels.CSV", "x.json", "x.xml", "README.md", "Thumbs.db", ".DS_Store", "desktop.ini", ".hidden/x.heic"])
def test_what_lies_beside_images_is_not_worth_a_word(other, tree, tmp_path, capsys):
    name = tree({"1.png": 1})
    (tmp_path / "pictures" / other).parent.mkdir(exist_ok=True)
    (tmp_path / "pictures" / other).touch()
    load(name, "all")
    assert capsys.readouterr().err == ""


def test_where_no_image_is_left_the_others_are_named(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.dcm").touch()
    with pytest.raises(InputError, match=r"holds no images; files that end in .png, .* are needed; files passed over: 3 .dcm"):
        load(f"folder:{tmp_path}")


@pytest.mark.parametrize("name, shown", [(b"a\nb", r"a\nb"), (b"\x1b[2Jx", r"\x1b[2Jx"), (b"caf\xe9", r"caf\udce9"), ("café 🐈".encode(), "café 🐈")])
def test_names_of_classes_can_be_printed(name, shown, tree, tmp_path):
    tree({"dog/1.png": 1})
    os.mkdir(os.path.join(os.fsencode(tmp_path / "pictures"), name))
    (tmp_path / "pictures" / "dog" / "1.png").rename(os.path.join(tmp_path / "pictures", os.fsdecode(name), "1.png"))
    (tmp_path / "pictures" / "dog").rmdir()
    assert load(f"folder:{tmp_path / 'pictures'}", "all").classes == (shown,)
