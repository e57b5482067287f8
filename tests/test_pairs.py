"""What load promises of a folder of several views: files of one name stay together, and their values are those that are stored."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.methods import CMC
from ssl_lab.models import small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.train import train

H, W = 24, 36


@pytest.fixture
def save(tmp_path):
    """save("depth/1.png", values) → the file, in the folder of all views."""

    def write(name, values, mode=None, **options):
        path = tmp_path / "views" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = values if isinstance(values, Image.Image) else Image.fromarray(np.ascontiguousarray(values))
        (image.convert(mode) if mode else image).save(path, **options)
        return path

    return write


@pytest.fixture
def name(tmp_path):
    return f"folder:{tmp_path / 'views'}"


def level(i, size=(H, W)):
    return np.full((*size, 3), i, np.uint8)


def metres(images):
    """Of every image, the one distance that it has."""
    assert (images.depth == images.depth[:, :, :1, :1]).all()
    return images.depth[:, 0, 0, 0].tolist()


@pytest.fixture
def numbered(save, name):
    """Twenty things in three views; each file says which thing it shows. Suffixes differ."""
    for i in range(20):
        thing = f"{'ab'[i % 2]}/{i}"
        save(f"rgb/{thing}.{('png', 'bmp')[i % 3 == 0]}", level(i))
        save(f"depth/{thing}.png", np.full((H, W), 1000 * i, np.uint16))
        save(f"thermal/{thing}.png", level(10 + i))
    return name


def test_files_of_one_name_stay_together_in_every_split_and_every_part(numbered):
    parts = [load(numbered, split, views=("rgb", "depth", "thermal")) for split in ("train", "test", "all")]
    parts += [load(numbered, views=["rgb", "thermal", "depth"], limit=7, seed=seed, size=8) for seed in (0, 1)]
    for images in parts:
        which = images.x[:, 0, 0, 0].tolist()
        assert metres(images) == which and (images.more["thermal"] == images.x + 10).all()
        assert images.classes == ("a", "b") and images.labels.tolist() == [i % 2 for i in which]
    assert [len(images) for images in parts] == [16, 4, 20, 7, 7]
    assert not torch.equal(parts[3].x, parts[4].x)


def test_the_rows_are_those_of_the_first_view_alone(numbered):
    alone, both = load(f"{numbered}/rgb", limit=9, seed=3), load(numbered, views=("rgb", "depth"), limit=9, seed=3)
    assert torch.equal(alone.x, both.x) and torch.equal(alone.labels, both.labels)
    assert both.columns().keys() == {"x", "labels", "depth"}


def test_every_view_has_its_splits(save, name):
    for i in range(6):
        for view, values in (("rgb", level(i)), ("depth", np.full((H, W), 1000 * i, np.uint16))):
            save(f"{view}/{('train', 'val')[i > 3]}/{i}.png", values)
    train_, test = (load(name, split, views=("rgb", "depth")) for split in ("train", "test"))
    assert (metres(train_), metres(test)) == ([0, 1, 2, 3], [4, 5])
    assert metres(load(name, "all", views=("rgb", "depth"))) == [0, 1, 2, 3, 4, 5]


def test_only_the_files_that_are_asked_for_are_read_and_a_damaged_partner_is_named(numbered, tmp_path):
    kept = set(load(numbered, "all", views=("rgb", "depth"), limit=5).x[:, 0, 0, 0].tolist())
    for i in set(range(20)) - kept:
        (tmp_path / f"views/depth/{'ab'[i % 2]}/{i}.png").write_bytes(b"")
    assert {*load(numbered, "all", views=("rgb", "depth"), limit=5).x[:, 0, 0, 0].tolist()} == kept
    with pytest.raises(InputError, match=r"views/depth/[ab]/\d+.png cannot be read as an image"):
        load(numbered, "all", views=("rgb", "depth"))


# depth

DEEP = np.arange(H * W).reshape(H, W) * 7


@pytest.mark.parametrize("file, values, unit, metre", [
    ("1.png", DEEP.astype(np.uint16), None, 0.001), ("1.tif", DEEP.astype(np.uint16), None, 0.001), ("1.tif", DEEP.astype(">u2"), None, 0.001),
    ("1.tif", (DEEP * 100).astype(np.int32), None, 0.1), ("1.png", DEEP.astype(np.uint16), 1 / 5000, 1 / 5000),
    ("1.tif", (DEEP / 1000).astype(np.float32), 1, 0.001), ("1.tif", DEEP.astype(np.float32), 0.001, 0.001),
])  # fmt: skip
def test_depth_is_in_metres_and_nothing_stays_nothing(file, values, unit, metre, save, name):
    save("rgb/1.png", level(1))
    save(f"depth/{file}", values)
    found = load(name, "all", views=("rgb", "depth"), unit=unit).depth
    assert (found.dtype, found.shape, found[0, 0, 0, 0]) == (torch.float32, (1, 1, H, W), 0)
    np.testing.assert_allclose(found[0, 0].numpy(), DEEP * metre, rtol=2e-7)


def nearest(values, size):
    """The value at the middle of every pixel of the smaller image, and then the square in the middle; a loop."""
    h, w = values.shape
    scale = min(h, w) / size
    rows, columns = round(h / scale), round(w / scale)
    top, left = (rows - size) // 2, (columns - size) // 2
    return [[values[int((i + 0.5) * h / rows), int((j + 0.5) * w / columns)] for j in range(left, left + size)] for i in range(top, top + size)]


@pytest.mark.parametrize("shape", [(24, 36), (36, 24), (24, 24), (10, 300), (17, 23)])
@pytest.mark.parametrize("size", [8, 11, 24, 40])
def test_a_resize_takes_the_nearest_of_what_is_measured_where_colours_are_averaged(shape, size, save, name):
    h, w = shape
    values = np.random.default_rng(0).integers(1, 2**16, shape).astype(np.uint16)
    across = np.broadcast_to(np.linspace(0, 255, w), shape).round().astype(np.uint8)
    save("rgb/1.png", np.stack([across] * 3, -1))
    save("depth/1.png", values)
    save("mask/1.png", across)
    images = load(name, "all", views=("rgb", "depth", "mask"), size=size, unit=1)
    used = (w - min(w, 16 * h)) // 2
    seen = slice(used, w - used)
    assert images.depth[0, 0].tolist() == nearest(values[:, seen], size)
    assert images.mask[0, 0].tolist() == nearest(across[:, seen], size)
    step = 255 / w
    assert (images.x[0, 0].int() - images.mask[0, 0].int()).abs().max() <= 2 * step + 1, "the same place"


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_view_is_upright(turn, save, name):
    """As the camera was held: the same note in both files turns both alike."""
    exif = Image.Exif()
    exif[0x0112] = turn
    across = np.broadcast_to(np.arange(W), (H, W)).astype(np.uint8) + 5 * np.arange(H, dtype=np.uint8)[:, None]
    save("rgb/1.png", np.stack([across] * 3, -1), exif=exif)
    save("depth/1.png", across.astype(np.uint16), exif=exif)
    images = load(name, "all", views=("rgb", "depth"), unit=1)
    assert images.x.shape[2:] == ((H, W) if turn < 5 else (W, H))
    assert torch.equal(images.x[:, :1].float(), images.depth)


@pytest.mark.parametrize("file, values, unit, words", [
    ("1.png", level(3), None, "depth/1.png: its mode is RGB, and 16 or 32 bits, or floats, in one channel are needed: distances, no picture of them"),
    ("1.png", level(3)[..., 0], None, "depth/1.png: its mode is L, and 16 or 32 bits"),
    ("1.tif", DEEP.astype(np.float32), None, r"depth/1.tif: holds floats, which do not say their unit; give it, unit=1 \(--unit 1\) for metres"),
    ("1.tif", DEEP.astype(np.float32) - 1, 1, "depth/1.tif: has values -1 to 6040, and distances from 0 are needed"),
    ("1.tif", np.full((H, W), np.nan, np.float32), 1, "depth/1.tif: has values nan to nan, and distances from 0 are needed"),
    ("1.tif", np.full((H, W), np.inf, np.float32), 1, "distances from 0 are needed"),
    ("1.tif", DEEP.astype(np.int32) - 5, None, "depth/1.tif: has values -5 to 6036"),
])  # fmt: skip
def test_what_is_no_depth_is_told(file, values, unit, words, save, name):
    save("rgb/1.png", level(1))
    save(f"depth/{file}", values)
    with pytest.raises(InputError, match=words):
        load(name, "all", views=("rgb", "depth"), unit=unit)


# masks, normals, colours


def test_a_mask_keeps_its_numbers(save, name):
    values = np.arange(H * W).reshape(H, W) % 3
    coloured = Image.frombytes("P", (W, H), values.astype(np.uint8).tobytes())
    coloured.putpalette([9, 9, 9, 200, 0, 0, 0, 0, 200])
    files = {"1.png": values.astype(np.uint8), "2.png": coloured, "3.tif": values.astype(np.uint16)}
    for file, stored in files.items():
        save(f"rgb/{file[0]}.png", level(1))
        save(f"mask/{file}", stored)
    images = load(name, "all", views=("rgb", "mask"))
    assert images.mask.dtype == torch.uint8
    assert images.mask[:, 0].tolist() == [values.tolist()] * 3


def test_a_mask_of_two_colours_is_0_and_1(save, name):
    save("rgb/1.png", level(1))
    save("mask/1.png", Image.fromarray((np.arange(H * W).reshape(H, W) % 2 * 255).astype(np.uint8)), mode="1")
    assert load(name, "all", views=("rgb", "mask")).mask[0, 0, 0, :4].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("view, values, words", [
    ("mask", level(1), "mask/1.png: its mode is RGB, and a mask has one whole number a pixel"),
    ("mask", np.full((H, W), 256, np.uint16), "mask/1.png: has parts 256 to 256, and 0 to 255 are needed"),
    ("normals", level(1)[..., 0], r"normals/1.png: its mode is L, and normals need three channels of 8 bits \(RGB\)"),
    ("later", np.full((H, W), 256, np.uint16), "later/1.png: mode I;16, values 256 to 256, more than the 256 of 8 bits; say which value is white"),
])  # fmt: skip
def test_what_is_no_such_view_is_told(view, values, words, save, name):
    save("rgb/1.png", level(1))
    save(f"{view}/1.png", values)
    with pytest.raises(InputError, match=words):
        load(name, "all", views=("rgb", view))


def test_normals_have_unit_length_and_what_is_none_is_0(save, name):
    draw = torch.Generator().manual_seed(0)
    n = torch.nn.functional.normalize(torch.randn(3, H, W, generator=draw), dim=0)
    stored = ((n + 1) * 127.5).round().byte().movedim(0, -1).numpy()
    stored[0, 0], stored[0, 1], stored[0, 2] = 0, 127, 255
    save("rgb/1.png", level(1))
    save("normals/1.png", stored)
    found = load(name, "all", views=("rgb", "normals")).normals[0]
    assert (found[:, 0, :3] == 0).all()
    torch.testing.assert_close(found[:, 1:].norm(dim=0), torch.ones(H - 1, W))
    assert (found - n)[:, 1:].abs().max() < 0.012


def test_other_views_are_colours_under_names_of_their_own(save, name):
    save("rgb/1.png", level(1))
    save("later/1.png", level(2))
    save("infra_red/1.png", level(3)[..., 0])
    images = load(name, "all", views=("rgb", "later", "infra_red"))
    assert (images.later == 2).all() and (images.more["infra_red"] == 3).all()
    assert images.later.dtype == images.more["infra_red"].dtype == torch.uint8
    assert images.more["infra_red"].shape == (1, 3, H, W)
    assert "infra_red" in images.columns() and images.select("x", "infra_red").fields == ("x", "infra_red")


# refusals

VIEWS = ("rgb", "depth")


@pytest.mark.parametrize("call, words", [
    ({"views": "rgb"}, "views='rgb': two names or more are needed, the images first, such as views=.'rgb', 'depth'"),
    ({"views": ("rgb",)}, r"views=\('rgb',\): two names or more are needed"), ({"views": ()}, r"views=\(\): two names or more are needed"),
    ({"views": ("rgb", "depth", "rgb")}, r"views=\('rgb', 'depth', 'rgb'\): one is named twice"),
    ({"views": ("rgb", "colour")}, "view of .*views 'colour' is unknown; there are: depth, rgb, thermal"),
    ({"views": ("RGB", "depth")}, "view of .*views 'RGB' is unknown; there are: depth, rgb, thermal"),
    ({"views": VIEWS, "name": "scenes"}, r"views=\('rgb', 'depth'\): only a folder has subfolders, as in load\('folder:PATH', views=.*not scenes"),
    ({"views": ("rgb", "depth"), "frames": 4}, "frames=4: only scenes move"),
    ({"views": ("rgb", "labels")}, "'labels' cannot name a column of your own: Images has, or makes of x, a column of this name; call it otherwise"),
    ({"views": ("rgb", "flow")}, "'flow' cannot name a column"), ({"views": ("depth", "rgb")}, "'rgb' cannot name a column"),
    ({"views": ("rgb", "near-infrared")}, "'near-infrared' cannot name a column of your own: letters, digits and _ are needed, no digit first"),
    ({"views": ("rgb", "depth"), "unit": 0}, "unit=0 must be metres above 0: 0.001 where files count millimetres"),
    ({"views": ("rgb", "depth"), "unit": -1.0}, "unit=-1.0 must be metres above 0"), ({"views": VIEWS, "unit": float("nan")}, "unit=nan must be"),
    ({"views": ("rgb", "thermal"), "unit": 0.1}, r"unit=0.1 is the unit of depth, and the views are \('rgb', 'thermal'\); leave it out, or"),
    ({"unit": 0.1}, "unit=0.1 is the unit of depth, and the views are None"), ({"unit": 0.1, "name": "scenes"}, "unit=0.1 is the unit of depth"),
    ({"views": ("rgb", "depth"), "split": "val"}, "split of .*rgb 'val' is unknown; there are: train, test, all"),
    ({"views": ("rgb", "depth"), "limit": 17}, "limit=17 images were asked for, and this split has 16"),
])  # fmt: skip
def test_views_that_cannot_be_are_told(call, words, numbered):
    with pytest.raises(InputError, match=words) as caught:
        load(**{"name": numbered} | call)
    assert "\n" not in str(caught.value)


def test_missing_partners_are_counted_and_the_first_are_named(numbered, tmp_path):
    top = tmp_path / "views"
    for i in (3, 5, 7, 9, 11):
        (top / f"depth/b/{i}.png").unlink()
    (top / "rgb/a/2.png").unlink()
    words = (
        r"^rgb has no partner for depth/a/2.png; depth has no partner for rgb/b/11.png, rgb/b/3.bmp, rgb/b/5.png and 2 more "
        r"\(files: rgb 19, depth 15\); every view needs a file of the same name, in the same folder"
    )
    with pytest.raises(InputError, match=words):
        load(numbered, views=VIEWS)
    with pytest.raises(InputError, match=r"^rgb has no partner for thermal/a/2\.png \(files: rgb 19, thermal 20\)"):
        load(numbered, views=("rgb", "thermal"))


def test_two_files_of_one_name_are_told(numbered, save):
    save("depth/a/2.tif", np.full((H, W), 1, np.uint16))
    with pytest.raises(InputError, match=r"depth/a/2.tif and .*depth/a/2.png have one name, and a view has one file for each; remove one of them"):
        load(numbered, views=VIEWS)


def test_a_folder_without_subfolders_is_told(save, name):
    save("1.png", level(1))
    with pytest.raises(InputError, match="views holds no folders, and every view needs one: rgb, depth"):
        load(name, views=VIEWS)


@pytest.mark.parametrize("shape, size, words", [
    ((48, 72), None, "depth/1.png: is 72 x 48, and .*rgb/1.png is 36 x 24; both need the same size, or give one, such as size=32"),
    ((48, 64), 16, "depth/1.png: is 64 x 48, and .*rgb/1.png is 36 x 24; both need the same ratio of width to height"),
])  # fmt: skip
def test_a_partner_of_another_shape_is_told(shape, size, words, save, name):
    save("rgb/1.png", level(1))
    save("depth/1.png", np.full(shape, 1, np.uint16))
    with pytest.raises(InputError, match=words):
        load(name, "all", views=VIEWS, size=size)


def test_a_partner_of_another_size_and_the_same_ratio_is_resized(save, name):
    save("rgb/1.png", level(1))
    save("depth/1.png", np.full((2 * H, 2 * W), 1000, np.uint16))
    assert metres(load(name, "all", views=VIEWS, size=16)) == [1]


def test_a_depth_that_claims_to_be_large_is_refused_before_it_is_decoded(save, name, monkeypatch):
    from ssl_lab import decoding

    save("rgb/1.png", level(1))
    save("depth/1.png", np.full((H, W), 1, np.uint16))
    monkeypatch.setattr(decoding, "LIMIT", H * W * 6 - 1)
    with pytest.raises(InputError, match="36 x 24 pixels would take 0 MB to decode"):
        load(name, "all", views=VIEWS)


# columns of one's own

X = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)


def test_columns_of_ones_own_are_columns_like_any_other():
    own = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 8, 8)
    images = Images.of(X, depth=own.numpy().copy(), later=X + 3, more={"thermal": own.numpy().copy(), "polar": X + 1})
    assert images.columns().keys() == {"x", "labels", "depth", "later", "thermal", "polar"}
    part = images[[3, 1]].select("thermal", "x")
    assert part.more["thermal"][:, 0, 0, 0].tolist() == part.depth[:, 0, 0, 0].tolist() == [3, 1]
    assert [column.shape for column in next(part.batches(2))] == [(2, 1, 8, 8), (2, 3, 8, 8)]


@pytest.mark.parametrize("more, words", [
    ({"depth": X}, "'depth' cannot name a column of your own: Images has, or makes of x, a column of this name; call it otherwise, such as thermal"),
    ({"x": X}, "'x' cannot name"), ({"more": X}, "'more' cannot name"), ({"L": X}, "'L' cannot name"), ({"ab": X}, "'ab' cannot name"),
    ({"near infrared": X}, "'near infrared' cannot name a column of your own: letters, digits and _ are needed"),
    ({"a.b": X}, "'a.b' cannot name"), ({"": X}, "'' cannot name"), ({"2nd": X}, "'2nd' cannot name"),
    ({"thermal": X[:3]}, "thermal has 3 rows and x has 4; every image needs one"),
    ({"thermal": X[:, :, :4]}, r"thermal is torch.uint8 \(4, 3, 4, 8\) and x is torch.uint8 \(4, 3, 8, 8\); both need the same height and width"),
])  # fmt: skip
def test_names_that_a_column_of_ones_own_cannot_have_are_told(more, words):
    with pytest.raises(InputError, match=words):
        Images.of(X, more=more)


# real images


def opened(archive, file):
    return np.asarray(Image.open(io.BytesIO(archive.read(file))))


def rgbd(archive):
    """The pairs of rgbd-sample.zip: (image, depth as whole millimetres). Its four sources encode depth in four ways."""
    top = "rgbd-sample/"
    for i in range(5):
        yield opened(archive, f"{top}color/0000{i}.jpg"), opened(archive, f"{top}depth/0000{i}.png").astype(np.uint16)
    other = f"{top}other_formats/"
    raw = archive.read(f"{other}NYU_depth.pgm")
    disparity = np.frombuffer(raw[-480 * 640 * 2 :], "<u2").reshape(480, 640).astype(np.float64)  # the bytes of a PGM, swapped
    kinect = 351.3 / (1092.5 - disparity.clip(max=1090))  # metres, of Kinect's raw disparity; 2,047 is nothing
    yield opened(archive, f"{other}NYU_color.ppm"), np.where(disparity < 1090, kinect * 1000, 0).round().astype(np.uint16)
    sun = opened(archive, f"{other}SUN_depth.png").astype(np.uint16)
    yield opened(archive, f"{other}SUN_color.jpg"), (sun >> 3) | (sun << 13)
    yield opened(archive, f"{other}TUM_color.png"), (opened(archive, f"{other}TUM_depth.png") / 5).round().astype(np.uint16)


def test_rgb_and_depth_of_four_cameras_are_a_lesson_for_cmc(data_root, save, name):
    with zipfile.ZipFile(data_root / "rgbd-sample.zip") as archive:
        for i, (image, depth) in enumerate(rgbd(archive)):
            save(f"rgb/{i}.png", image[..., :3])
            save(f"depth/{i}.png", depth)
    images = load(name, "all", views=VIEWS, size=32)
    assert (len(images), images.depth.shape) == (8, (8, 1, 32, 32))
    for depth in images.depth:
        known = depth[depth > 0]
        assert len(known) > 300 and known.min() > 0.3 and known.max() < 12, (known.min(), known.max())
    method = CMC(small_resnet(width=4), views=("L", "ab", "depth"))
    (log,) = train(method, images, Recipe(epochs=1, batch=8))
    assert np.isfinite(log.loss) and json.dumps(log.as_dict())


def test_frames_of_a_video_and_their_later_ones_are_a_lesson_for_cmc(data_root, save, name):
    with zipfile.ZipFile(data_root / "davis-car-shadow.zip") as archive:
        for t in range(0, 32, 4):
            for view, s in (("rgb", t), ("later", t + 5)):
                save(f"{view}/{t:05}.png", opened(archive, f"DAVIS/JPEGImages/480p/car-shadow/{s:05}.jpg"))
            mask = opened(archive, f"DAVIS/Annotations/480p/car-shadow/{t:05}.png")
            save(f"mask/{t:05}.png", (mask > 0).astype(np.uint8))
    images = load(name, "all", views=("rgb", "later", "mask"), size=32)
    assert images.later.shape == (8, 3, 32, 32) and images.mask.unique().tolist() == [0, 1]
    apart = (images.x.float() - images.later.float()).abs()
    assert 2 < apart.mean() < 80
    for views in (("rgb", "later"), ("rgb", "later", "mask")):
        (log,) = train(CMC(small_resnet(width=4), views=views), images, Recipe(epochs=1, batch=8))
        assert np.isfinite(log.loss)
