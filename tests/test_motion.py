"""What scenes in motion promise: frame 0 is the scene itself, the flow carries every point of the object, and nothing else moves."""

import pytest
import torch
import torch.nn.functional as F

from ssl_lab import motion, scenes
from ssl_lab.data import load
from ssl_lab.errors import InputError

N, SIZE = 60, 64
FRAMES = 10
FIRST, LAST = -5, 5


@pytest.fixture(scope="module")
def moving():
    """Motions, flows and the causes of N scenes."""
    labels, factors, phases = scenes.draw_factors(N, "train", 0)
    return {
        **motion.render(N, size=SIZE, frames=FRAMES), "labels": labels, "factors": factors, "phases": phases,
        "motion": motion.draw_motion(N, "train", 0, labels),
    }  # fmt: skip


def frame(world, s):
    """The picture of frame s."""
    return scenes.picture(world["labels"], motion.after(world["factors"], world["motion"], s), world["phases"], SIZE)


def centres():
    """x and y of every pixel's centre, in pixels, (H, W) each."""
    axis = torch.arange(SIZE) + 0.5
    return torch.meshgrid(axis, axis, indexing="xy")


def to_outline(world, s, x, y):
    """How far points (N, H, W), in pixels, are from the object's outline in frame s, in pixels; negative inside."""
    f = motion.after(world["factors"], world["motion"], s)
    dx, dy = x * 2 / SIZE - 1 - f["x"][:, None, None], y * 2 / SIZE - 1 - f["y"][:, None, None]
    return scenes.measure(scenes.templates()[world["labels"]], f, dx, dy) * SIZE / 2


def astray(world, flow):
    """The worst change, in pixels, of the distance from the outline, of points of the object that a flow (N, 2 · frames, H, W) carries on."""
    x, y = centres()
    worst = []
    for k, s in enumerate(range(FIRST, LAST)):
        across, down = flow[:, 2 * k].float(), flow[:, 2 * k + 1].float()
        here = to_outline(world, s, x.expand(N, -1, -1), y.expand(N, -1, -1))
        there = to_outline(world, s + 1, x + across, y + down)
        worst.append((there - here).abs()[here <= 0].max())
    return max(worst).item()


def look(values, x, y):
    """Values (N, c, H, W) at points in pixels, bilinear."""
    grid = torch.stack([x, y], -1) * 2 / SIZE - 1
    return F.grid_sample(values.float(), grid, padding_mode="border", align_corners=False)


def followed(world, start, end):
    """Where the object's points of frame `start` are in frame `end`, by the flows between, each looked up where the last one has led."""
    x, y = (c.expand(N, -1, -1) for c in centres())
    for s in range(start, end):
        k = s - FIRST
        step = look(world["flow"][:, 2 * k : 2 * k + 2], x, y)
        x, y = x + step[:, 0], y + step[:, 1]
    return x, y


def exactly(world, start, end):
    """The same, from the causes: turned about the object's centre and moved with it, in float64."""
    f, m = ({name: value.double()[:, None, None] for name, value in world[part].items()} for part in ("factors", "motion"))
    x, y = (c.double() * 2 / SIZE - 1 for c in centres())
    dx, dy = x - f["x"] - start * m["vx"], y - f["y"] - start * m["vy"]
    cos, sin = ((end - start) * m["spin"]).cos(), ((end - start) * m["spin"]).sin()
    moved = f["x"] + end * m["vx"] + cos * dx - sin * dy, f["y"] + end * m["vy"] + sin * dx + cos * dy
    return tuple((c + 1) * SIZE / 2 for c in moved)


def test_frames_add_two_columns_and_change_nothing_else():
    still, moving = load("scenes", limit=20, seed=3), load("scenes", limit=20, seed=3, frames=10)
    assert still.columns().keys() | {"later", "flow"} == moving.columns().keys()
    for name, column in still.columns().items():
        assert torch.equal(column, moving.columns()[name]), name
    for name, values in still.factors.items():
        assert torch.equal(values, moving.factors[name]), name
    assert (moving.later.dtype, moving.later.shape) == (torch.uint8, (20, 3, 32, 32))
    assert (moving.flow.dtype, moving.flow.shape) == (torch.float16, (20, 20, 32, 32))


def test_image_i_is_the_same_whatever_the_count(monkeypatch):
    monkeypatch.setattr(motion, "AT_ONCE", 7)
    few, many = motion.render(5, size=16, frames=3), motion.render(20, size=16, frames=3)
    for name, values in few.items():
        assert torch.equal(values, many[name][:5]), name


def test_a_flow_carries_every_point_of_the_object_to_itself(moving):
    """At the same distance from the outline, to a thousandth of a pixel, in half precision, too."""
    assert astray(moving, moving["flow"]) < 2e-3


MUTANTS = {
    "x and y swapped": lambda flow: flow.unflatten(1, (FRAMES, 2)).flip(2).flatten(1, 2),
    "of the frame before": lambda flow: flow.roll(2, 1),
    "backwards": lambda flow: -flow,
    "in units in place of pixels": lambda flow: flow * 2 / SIZE,
    "one motion for the whole object": lambda flow: torch.where(flow == 0, 0, flow.float().sum((2, 3), keepdim=True) / (flow != 0).sum((2, 3), True)),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_another_flow_leads_astray(mutant, moving):
    assert astray(moving, mutant(moving["flow"])) > 0.1


def test_a_spin_the_wrong_way_leads_astray(moving):
    wrong = {**moving["motion"], "spin": -moving["motion"]["spin"]}
    outlines = scenes.templates()[moving["labels"]]
    flows = [motion.flow_of(outlines, motion.after(moving["factors"], moving["motion"], s), wrong, SIZE) for s in range(FIRST, LAST)]
    assert astray(moving, torch.cat(flows, 1)) > 0.1


def test_half_precision_is_fine_enough(moving):
    """Of motions below 4 pixels the step is 0.002 at most, so the error is 0.001."""
    outlines = scenes.templates()[moving["labels"]]
    flow = motion.flow_of(outlines, motion.after(moving["factors"], moving["motion"], FIRST), moving["motion"], SIZE)
    assert (flow - moving["flow"][:, :2].float()).abs().max() < 1.1e-3


def test_the_ground_rests(moving):
    for k, s in enumerate(range(FIRST, LAST)):
        thing = frame(moving, s)["mask"] == 1
        flow = moving["flow"][:, 2 * k : 2 * k + 2]
        assert (flow * ~thing == 0).all()
        speed = flow.float().norm(dim=1, keepdim=True)
        assert (speed[thing] > 0).float().mean() > 0.999  # a point about which the object turns may rest


def test_the_flows_together_lead_to_the_later_frame(moving):
    """From each frame, deep inside the object, where every look at the flow is inside it, too."""
    for start in (FIRST, 0):
        x, y = (c.expand(N, -1, -1) for c in centres())
        inside = to_outline(moving, start, x, y) < -3
        led, meant = followed(moving, start, LAST), exactly(moving, start, LAST)
        assert max((a - b).abs()[inside].max() for a, b in zip(led, meant)) < 0.02


def test_what_the_flows_lead_to_looks_the_same(moving):
    """The light and the ripples rest, hence a few levels; unmoved pixels of the two frames differ by many more."""
    x, y = (c.expand(N, -1, -1) for c in centres())
    inside = to_outline(moving, 0, x, y)[:, None] < -3
    now, later = frame(moving, 0)["x"].float(), moving["later"]
    led, unmoved = (((look(later, *at) - now).abs() * inside).sum() / (3 * inside.sum()) for at in (followed(moving, 0, LAST), (x, y)))
    assert led < 8 and unmoved > 2 * led, (led, unmoved)


def test_warping_the_next_frame_by_the_flow_gives_this_one(moving, monkeypatch):
    """Without ripples, and without spin: what is left is rounding and sampling, which is coarse only at creases."""
    monkeypatch.setattr(scenes, "ripples", lambda x, y, texture, phases: torch.zeros(len(texture), *torch.broadcast_shapes(x.shape, y.shape)))
    x, y = (c.expand(N, -1, -1) for c in centres())
    still = moving["motion"]["spin"] == 0
    inside = (to_outline(moving, 0, x, y) < -2)[still]
    now, following = frame(moving, 0)["x"], frame(moving, 1)["x"]
    led, unmoved = ((look(following, *at) - now).abs().amax(1)[still][inside] for at in (followed(moving, 0, 1), (x, y)))
    assert still.sum() >= 3 and led.median() < 1.5 and unmoved.mean() > 2 * led.mean(), (led.median(), led.mean(), unmoved.mean())


def test_a_whole_pixel_is_warped_to_the_bit(moving, monkeypatch):
    """A motion of 3 pixels across and 2 up: the next picture, moved back, is this one, to one grey level of rounding."""
    monkeypatch.setattr(scenes, "ripples", lambda x, y, texture, phases: torch.zeros(len(texture), *torch.broadcast_shapes(x.shape, y.shape)))
    world = {**moving, "motion": {"vx": torch.full((N,), 6 / SIZE), "vy": torch.full((N,), -4 / SIZE), "spin": torch.zeros(N)}}
    flow = motion.flow_of(scenes.templates()[world["labels"]], world["factors"], world["motion"], SIZE)
    thing = flow.abs().sum(1) > 0
    torch.testing.assert_close(flow[:, 0][thing], torch.full((int(thing.sum()),), 3.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(flow[:, 1][thing], torch.full((int(thing.sum()),), -2.0), atol=1e-4, rtol=0)
    now, following = frame(world, 0)["x"].int(), frame(world, 1)["x"].int()
    inside = F.max_pool2d((~thing).float()[:, None], 3, 1, 1)[:, 0] == 0
    back = following.roll((2, -3), (2, 3))
    assert ((back - now).abs().amax(1) * inside).max() <= 1


def test_the_object_of_a_later_frame_has_moved_by_the_sum_of_the_flows(moving):
    """Centres of what does not spin and stays in the picture, in the masks of frame 0 and of the last frame."""
    x, y = centres()
    masks = [(frame(moving, s)["mask"][:, 0] == 1).double() for s in (0, LAST)]
    whole = [(mask[:, [0, -1]].sum((1, 2)) + mask[:, :, [0, -1]].sum((1, 2))) == 0 for mask in masks]
    chosen = (whole[0] & whole[1] & (moving["motion"]["spin"] == 0)).nonzero()[:, 0].tolist()
    assert len(chosen) >= 3
    for i in chosen:
        was, now = ([(c * mask[i]).sum() / mask[i].sum() for c in (x, y)] for mask in masks)
        flows = moving["flow"][i].unflatten(0, (FRAMES, 2))[FRAMES // 2 :].double()
        means = [[flow[c][flow[0] != 0].mean() for flow in flows] for c in range(2)]
        for c in range(2):
            assert abs((now[c] - was[c]) - sum(means[c])) < 0.3  # a centre of whole pixels is off by 0.1


def test_speeds_fill_their_ranges_in_all_directions():
    labels, _, _ = scenes.draw_factors(3000, "train", 0)
    drawn = motion.draw_motion(3000, "train", 0, labels)
    speed, heading = torch.hypot(drawn["vx"], drawn["vy"]), torch.atan2(drawn["vy"], drawn["vx"])
    for values, (low, high) in ((speed, motion.SPEED), (drawn["spin"], motion.SPIN), (heading, (-torch.pi, torch.pi))):
        room = 0.02 * (high - low)
        assert low - 1e-6 <= values.min() < low + room and high - room < values.max() <= high + 1e-6
    assert torch.histc(heading, 4, -torch.pi, torch.pi).min() > 650


def test_only_what_looks_the_same_however_it_is_turned_does_not_spin():
    labels, _, _ = scenes.draw_factors(500, "test", 1)
    spins = motion.draw_motion(500, "test", 1, labels)["spin"] != 0
    assert torch.equal(spins, torch.tensor([scenes.CLASSES[k] != "ring" for k in labels.tolist()]))


def test_splits_and_seeds_share_no_motion_and_motion_none_of_the_causes():
    seen = {}
    for split, seed in (("train", 0), ("test", 0), ("train", 1), ("test", 1)):
        labels, factors, _ = scenes.draw_factors(1000, split, seed)
        drawn = motion.draw_motion(1000, split, seed, labels)
        seen |= dict.fromkeys(zip(drawn["vx"].tolist(), drawn["vy"].tolist()))
        both = torch.stack([*drawn.values(), *factors.values()])
        assert torch.corrcoef(both)[:3, 3:].abs().max() < 0.12  # 1,000 draws give as much by chance
    assert len(seen) == 4000


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_frame_0_stands_in_the_middle(frames, moving):
    short = motion.render(N, size=SIZE, frames=frames)
    start = FRAMES // 2 - frames // 2
    assert torch.equal(short["flow"], moving["flow"][:, 2 * start : 2 * (start + frames)])
    assert torch.equal(short["later"], frame(moving, frames - frames // 2)["x"])


@pytest.mark.parametrize("call, words", [
    ({"name": "scenes", "frames": 0}, "frames=0: a flow has 1 to 64 frames; the lecture's has 10"),
    ({"name": "scenes", "frames": 65}, "frames=65: a flow has 1 to 64 frames"),
    ({"name": "scenes", "frames": True}, "frames=True: a flow has 1 to 64 frames"),
    ({"name": "scenes", "limit": 100_000, "size": 224, "frames": 10}, "100,000 flows of 10 frames take more than 64 GB of memory; use fewer scenes"),
    ({"name": "digits", "frames": 10}, r"frames=10: only scenes move; leave it out, or load\('scenes', frames=10\)"),
    ({"name": "folder:x", "frames": 10}, "frames=10: only scenes move"),
])  # fmt: skip
def test_frames_that_cannot_be_are_told(call, words):
    with pytest.raises(InputError, match=words):
        load(**call)
