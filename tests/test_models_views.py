"""Views of one thing: what each makes of its column, an encoder for each, and several side by side."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ssl_lab import scenes
from ssl_lab.augment import SMALL, Augmentation, chrominance, luminance, normalised_lab, to_float
from ssl_lab.data import Images, load
from ssl_lab.errors import InputError
from ssl_lab.evaluate import knn_accuracy
from ssl_lab.features import features
from ssl_lab.models import Encoder, Joined, ViewEncoder, check_view, for_channels, moved, resnet, seen_together, small_resnet
from ssl_lab.models.views import VIEWS, view_named

NAMES = ("L", "ab", "rgb", "depth", "normals", "mask", "later", "flow")
CHANNELS = dict(zip(NAMES, (1, 2, 3, 1, 3, 3, 3, 6)))
OWN = torch.randint(0, 256, (24, 1, 32, 32), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)


@pytest.fixture(scope="module")
def images() -> Images:
    """Scenes in motion, with two columns of one's own: a picture in grey, and three channels of floats."""
    moving = load("scenes", limit=24, frames=3)
    return replace(moving, more={"heat": OWN, "map": torch.rand(24, 3, 32, 32, generator=torch.Generator().manual_seed(6))})


def encoder(name: str, seed: int = 0, frames: int = 3, **options) -> ViewEncoder:
    torch.manual_seed(seed)
    return ViewEncoder(small_resnet(width=4, **options), name, frames)


def seen(name: str, images: Images) -> torch.Tensor:
    """What the network of a view sees of these images."""
    kind = view_named(name, 3)
    return kind.part(kind.see(images.columns()[kind.column]))


# ---- what a view makes of its column


@pytest.mark.parametrize("name", NAMES)
def test_a_view_has_its_channels_in_float32_and_leaves_the_column_alone(name, images):
    column = images.columns()[view_named(name, 3).column]
    kept = column.clone()
    made = seen(name, images)
    assert made.shape == (24, CHANNELS[name], 32, 32) == (24, view_named(name, 3).channels, 32, 32)
    assert made.dtype == torch.float32 and made.isfinite().all() and torch.equal(column, kept)


def test_L_and_ab_are_luminance_and_chrominance_and_rgb_is_the_pixels(images):
    assert torch.equal(seen("L", images), luminance(images.x)) and torch.equal(seen("ab", images), chrominance(images.x))
    assert torch.equal(seen("rgb", images), images.x / 255) and torch.equal(seen("later", images), images.later / 255)


def test_missing_depth_has_no_part_in_the_mean_and_stays_zero(images):
    depth, holes = images.depth.clone(), torch.rand(images.depth.shape) < 0.3
    depth[holes] = 0
    made = VIEWS["depth"].see(depth)
    assert (made[holes] == 0).all()
    for i in range(24):
        known = depth[i][~holes[i]]
        torch.testing.assert_close(made[i][~holes[i]], known - known.double().mean().float(), atol=1e-5, rtol=0)
    assert (VIEWS["depth"].see(0 * depth) == 0).all()


@pytest.mark.parametrize("name", ["train", "keys", "float", "half", "type"])
def test_a_name_that_networks_use_is_refused(name):
    with pytest.raises(InputError, match=f"'{name}' cannot name a view"):
        view_named(name)


def test_relief_is_the_depth_less_its_mean_so_that_a_step_back_changes_nothing(images):
    made = seen("depth", images)
    assert made.mean((2, 3)).abs().max() < 1e-5
    for i in range(24):
        torch.testing.assert_close(made[i, 0], images.depth[i, 0] - images.depth[i, 0].double().mean().float(), atol=1e-5, rtol=0)
    torch.testing.assert_close(VIEWS["depth"].see(images.depth + 2), made, atol=1e-5, rtol=0)


def test_a_mask_has_one_channel_a_part_and_every_pixel_is_in_one(images):
    made = seen("mask", images)
    assert torch.equal(made.sum(1), torch.ones(24, 32, 32)) and torch.equal(made.argmax(1), images.mask[:, 0].long())


def test_normals_and_flow_are_as_they_are_stored(images):
    assert torch.equal(seen("normals", images), images.normals) and torch.equal(seen("flow", images), images.flow.float())
    assert [view_named("flow", frames).channels for frames in (1, 10)] == [2, 20] and view_named("flow").channels == 20


def test_a_column_of_ones_own_is_a_view_of_three_channels(images):
    assert view_named("heat") == replace(VIEWS["rgb"], column="heat") and torch.equal(seen("heat", images), (OWN / 255).expand(-1, 3, -1, -1))
    assert torch.equal(seen("map", images), images.more["map"])


def swing(name: str) -> torch.Tensor:
    """How far the mean of an object moves in each channel of a view, while its hue goes round; the mean over 60 objects."""
    labels, factors, phases = scenes.draw_factors(60, "train", 0)
    inside, means = (load("scenes", limit=60).mask == 1).float(), []
    for hue in torch.arange(12) * torch.pi / 6:
        x = scenes.picture(labels, factors | {"object_hue": hue.expand(60)}, phases, 32)["x"]
        means.append((VIEWS[name].part(VIEWS[name].see(x)) * inside).sum((2, 3)) / inside.sum((2, 3)))
    means = torch.stack(means)
    return (means.amax(0) - means.amin(0)).mean(0)


def test_lightness_knows_little_of_the_hues_of_scenes_and_ab_all_of_them():
    """They have one luma, which is not quite the lightness. Measured: 0.18 of the range of L, which is 2 wide, and 0.96 and 0.81 of a and b."""
    (L,), (a, b) = swing("L"), swing("ab")
    assert 0.15 < L < 0.21 and a > 0.9 and b > 0.75


def test_hue_is_told_by_neighbours_in_ab_and_hardly_in_L():
    """Whether the sine of an object's hue is positive, from its mean pixel. Measured on these 600: 0.56 in L, 0.99 in ab."""
    images = load("scenes", limit=600)
    inside, labels = (images.mask == 1).float(), (images.factors["object_hue"].sin() > 0).long()
    told = {}
    for name in ("L", "ab"):
        h = (seen(name, images) * inside).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1)
        told[name] = knn_accuracy(h[:400], labels[:400], h[400:], labels[400:], k=20)
    assert told["ab"] > 0.95 and told["L"] < 0.65, told


# ---- an encoder of a view


@pytest.mark.parametrize("name", [*NAMES, "heat", "map"])
def test_an_encoder_sees_its_column_of_images(name, images):
    f = encoder(name)
    kind = view_named(name, 3)
    assert f.column == kind.column and f.dim == f.network.dim and first(f.network).in_channels == kind.channels
    h = features(f, images)
    with torch.no_grad():
        expected = f.eval().network(seen(name, images))
    assert h.shape == (24, f.dim)
    torch.testing.assert_close(h, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(f(images.columns()[f.column]), expected, atol=1e-5, rtol=1e-5)


def test_maps_are_those_of_the_network(images):
    f = encoder("ab").eval()
    torch.testing.assert_close(f.maps(images.x), f.network.maps(chrominance(images.x)))
    assert f.maps(images.x).shape[:2] == (24, f.dim)


def test_it_computes_in_the_precision_of_its_parameters(images):
    for dtype in (torch.float64, torch.bfloat16):
        f = encoder("L").eval().to(dtype)
        assert f.seen(images.x).dtype == dtype and f(images.x).dtype == dtype and features(f, images).dtype == torch.float32


@pytest.mark.parametrize("name, column", [("depth", "depth"), ("later", "later"), ("flow", "flow"), ("heat", "heat")])
def test_images_without_the_column_are_refused_by_its_name(name, column):
    with pytest.raises(InputError, match=f"this encoder sees {column}, and these images have x, labels"):
        features(encoder(name), Images(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.zeros(2, dtype=torch.long)))


def test_it_needs_nothing_of_the_device():
    for name in NAMES:
        with torch.device("meta"):
            f = encoder(name)
        column = torch.empty(2, {"mask": 1, "flow": 6}.get(name, f.view.channels if f.column != "x" else 3), 32, 32, device="meta")
        assert f(column).shape == (2, f.dim)


# ---- several side by side


def test_joined_encoders_stand_side_by_side_in_the_order_of_the_views(images):
    views = {"ab": encoder("ab", 1), "depth": encoder("depth", 2), "L": encoder("L", 3)}
    f, x = Joined(views).eval(), images.x / 255
    assert f.dim == views["ab"].dim + views["L"].dim
    expected = torch.cat([views["ab"](x), views["L"](x)], 1)
    torch.testing.assert_close(f(x), expected)
    torch.testing.assert_close(features(f, images), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(f.maps(x), torch.cat([views["ab"].maps(x), views["L"].maps(x)], 1))


def test_joined_encoders_keep_the_parameters_of_those_that_see_an_image():
    views = {"L": encoder("L"), "depth": encoder("depth")}
    assert [id(p) for p in Joined(views).parameters()] == [id(p) for p in views["L"].parameters()]


def test_where_none_sees_an_image_those_that_there_are_are_named(images):
    f = Joined({"depth": encoder("depth"), "mask": encoder("mask")})
    assert f.dim == 2 * encoder("depth").dim
    words = r"none of the views depth, mask can be made of an RGB image; evaluate encoders\['depth'\], which sees depth or encoders\['mask'\]"
    for asked in (f, f.maps):
        with pytest.raises(InputError, match=words):
            asked(images.x / 255)


# ---- another network of the same kind


def first(network: nn.Module) -> nn.Conv2d:
    return next(part for part in network.modules() if isinstance(part, nn.Conv2d))


@pytest.mark.parametrize("make", [lambda: small_resnet(width=4), lambda: resnet("resnet18", stem="cifar")], ids=["small_resnet", "resnet18"])
@pytest.mark.parametrize("channels", [1, 2, 3, 20])
def test_a_network_for_other_channels_has_weights_of_its_own(make, channels):
    torch.manual_seed(0)
    like = make()
    kept = {name: tensor.clone() for name, tensor in like.state_dict().items()}
    twin = for_channels(like, channels)
    assert type(twin) is type(like) and twin.dim == like.dim and first(twin).in_channels == channels
    assert twin.eval()(torch.rand(2, channels, 32, 32)).shape == (2, like.dim)
    assert not {p.data_ptr() for p in twin.parameters()} & {p.data_ptr() for p in like.parameters()}
    assert all(torch.equal(kept[name], tensor) for name, tensor in like.state_dict().items()) and first(like).in_channels == 3
    ours, theirs = dict(twin.named_parameters()), dict(like.named_parameters())
    drawn = [name for name, p in theirs.items() if p.ndim > 1 and p.shape == ours[name].shape]
    assert ours.keys() == theirs.keys() and drawn and not [name for name in drawn if torch.equal(ours[name], theirs[name])]


def test_all_else_of_the_first_convolution_is_kept():
    class Net(nn.Module):
        dim = 4

        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 4, (3, 5), stride=2, padding=(1, 2), dilation=1, bias=False, padding_mode="reflect"), nn.ReLU())

        def forward(self, x):
            return self.stem(x).mean((2, 3))

    conv = for_channels(Net().double(), 7).stem[0]
    assert (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding) == (7, 4, (3, 5), (2, 2), (1, 2))
    assert conv.bias is None and conv.padding_mode == "reflect" and conv.weight.dtype == torch.float64


def test_two_networks_of_one_kind_differ():
    torch.manual_seed(0)
    like = small_resnet(width=4)
    assert not torch.equal(first(for_channels(like, 2)).weight, first(for_channels(like, 2)).weight)


class Flat(nn.Module):
    """No convolution at all."""

    dim = 4

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3 * 32 * 32, 4)


class Token(nn.Module):
    """A parameter that nothing draws anew."""

    dim = 4

    def __init__(self):
        super().__init__()
        self.conv, self.token = nn.Conv2d(3, 4, 3), nn.Parameter(torch.zeros(4))


class Grouped(nn.Module):
    dim = 6

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, groups=3)


@pytest.mark.parametrize("make, words", [
    (Flat, "network like this Flat, and its first convolution does not take 3 channels"), (Grouped, "this Grouped, .*take a small_resnet"),
    (lambda: small_resnet(width=4, channels=1), "does not take 3 channels"), (Token, "the parameter token cannot be drawn anew"),
    (lambda: Encoder(nn.Sequential(nn.Conv2d(3, 4, 3)), mean=(0.5,) * 3, std=(0.2,) * 3, side=32), "this Encoder normalises RGB by mean and std"),
])
def test_networks_that_cannot_be_built_for_a_view_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        for_channels(make(), 1)


def test_an_encoder_that_does_not_normalise_is_taken():
    f = ViewEncoder(Encoder(nn.Sequential(nn.Conv2d(3, 4, 3)), side=32), "ab")
    assert f(torch.rand(2, 3, 32, 32)).shape == (2, 4)


# ---- one crop


@pytest.mark.parametrize("name", ["x", "later", "depth", "normals", "mask", "flow", "heat", "map"])
def test_every_column_moves_by_the_crop_that_was_drawn(name, images):
    drawn = Augmentation(area=(0.3, 0.8), jitter=0.0).draw(images.x, torch.Generator().manual_seed(3))
    column = images.columns()[name]
    made = moved(drawn, name, column)
    expected = {
        "x": drawn, "later": drawn, "depth": drawn.depth, "normals": drawn.normals, "mask": drawn.mask, "flow": lambda x: drawn.flow(x.float()),
        "heat": lambda x: drawn.map(x / 255), "map": drawn.map,
    }[name](column)  # fmt: skip
    assert torch.equal(made, expected) and made.shape == column.shape and not torch.equal(made.float(), to_float(column).float())


def test_what_all_columns_share_stays_together_under_a_crop(images):
    """The image itself as a column of one's own, as the later frame and, its red alone, as a depth and a mask: the crop of each is the image's."""
    drawn = Augmentation(area=(0.3, 0.8), jitter=0.0).draw(images.x, torch.Generator().manual_seed(3))
    x = moved(drawn, "x", images.x)
    for name, column in (("later", images.x), ("own", images.x), ("own", images.x / 255)):
        torch.testing.assert_close(moved(drawn, name, column), x, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved(drawn, "depth", images.x[:, :1] / 255), x[:, :1], atol=1e-5, rtol=0)
    step = (torch.arange(32) >= 16).to(torch.uint8).expand(24, 1, 32, 32).contiguous()  # an edge: nearest and bilinear agree away from it
    off = (moved(drawn, "mask", step) - moved(drawn, "own", 255 * step)).abs()
    assert (off > 0.5 + 1e-4).sum() == 0


def test_all_encoders_see_one_crop_and_a_column_is_cropped_once(images, monkeypatch):
    names = ("L", "depth", "ab", "rgb", "normals", "mask", "later", "flow", "heat", "map")
    encoders = {name: encoder(name) for name in names}
    drawn, columns = Augmentation(area=(0.3, 0.8), jitter=0.0).draw(images.x, torch.Generator().manual_seed(3)), images.columns()
    expected = [f.seen(moved(drawn, f.column, columns[f.column])) for f in encoders.values()]
    asked = []
    monkeypatch.setattr("ssl_lab.models.views.moved", lambda drawn, name, values: asked.append(name) or moved(drawn, name, values))
    found = seen_together(encoders.values(), drawn, columns)
    assert all(map(torch.equal, found, expected)) and len(found) == len(names)
    assert sorted(asked) == sorted({f.column for f in encoders.values()})


def test_colours_change_in_pictures_alone(images):
    drawn = replace(SMALL, area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0).draw(images.x, torch.Generator().manual_seed(3))
    assert not torch.allclose(moved(drawn, "x", images.x), images.x / 255, atol=0.05)
    torch.testing.assert_close(moved(drawn, "later", images.x), moved(drawn, "x", images.x))
    for name in ("depth", "normals", "flow", "map"):
        torch.testing.assert_close(moved(drawn, name, images.columns()[name]).float(), images.columns()[name].float(), atol=1e-4, rtol=1e-4)


# ---- what images cannot show


def grey(images: Images) -> Images:
    return replace(images, x=images.x[:, :1].expand(-1, 3, -1, -1).contiguous())


def parted(images: Images, most: int) -> Images:
    return replace(images, mask=torch.full((24, 1, 32, 32), most, dtype=torch.uint8))


@pytest.mark.parametrize("name", [*NAMES, "heat", "map"])
def test_images_that_show_a_view_are_taken(name, images):
    assert check_view(name, view_named(name, 3), images) is None


def test_a_grey_picture_shows_no_ab_and_one_with_a_coloured_image_does(images):
    for name in ("L", "rgb"):
        check_view(name, view_named(name), grey(images))
    with pytest.raises(InputError, match="ab shows colours, and these images are grey; take views without ab, or a set with colours, such as scenes"):
        check_view("ab", view_named("ab"), grey(images))
    x = grey(images).x
    x[0, 0, 3, 4] += 9
    check_view("ab", view_named("ab"), replace(images, x=x))


@pytest.mark.parametrize("name, frames, change, words", [
    ("mask", 3, lambda images: parted(images, 3), "the view mask shows 3 parts, 0 to 2, and these masks have 1 channels and parts up to 3"),
    ("flow", 10, lambda images: images, r"flow needs 20 channels, and flow is \(24, 6, 32, 32\); give frames=N for a flow of 2 N channels"),
    ("flow", 2, lambda images: images, "flow needs 4 channels"),
    ("two", 3, lambda images: replace(images, more={"two": OWN.expand(-1, 2, -1, -1)}), r"two is \(24, 2, 32, 32\); .* may have one or three"),
    ("four", 3, lambda images: replace(images, more={"four": OWN.expand(-1, 4, -1, -1)}), "may have one or three"),
])
def test_a_column_that_a_view_cannot_use_is_refused(name, frames, change, words, images):
    with pytest.raises(InputError, match=words):
        check_view(name, view_named(name, frames), change(images))


def test_an_image_is_made_into_lab_once_for_both_encoders(images, monkeypatch):
    calls = []

    def see(x):
        calls.append(len(x))
        return normalised_lab(x)

    for name in ("L", "ab"):
        monkeypatch.setitem(VIEWS, name, replace(VIEWS[name], see=see))
    f = Joined({name: ViewEncoder(small_resnet(width=4), name) for name in ("L", "ab")})
    f(images.x[:4] / 255)
    f.maps(images.x[:3] / 255)
    assert calls == [4, 3]
