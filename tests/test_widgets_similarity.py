"""The matrix under its controls: each moves it, the anchor stays who it is, and every sentence is true."""

import re
import sys

import numpy as np
import pytest
import torch

from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.losses import info_nce, nt_xent, unit
from ssl_lab.methods import MoCo, SimCLR
from ssl_lab.models import small_resnet
from ssl_lab.plots.contrastive.numbers import lookup
from ssl_lab.widgets import Recording, SimilarityExplorer
from ssl_lab.widgets.similarity import pictures

N = 6


@pytest.fixture(scope="module")
def recording():
    """Three frames with gaps between them, of weights that differ."""
    torch.manual_seed(0)
    method = SimCLR(small_resnet(width=4))
    recording = Recording(method, load("scenes", split="test", limit=N), pairs=N)
    for epoch in (3, 10):
        for _ in range(5):  # batch norm's running statistics move the embeddings apart
            method(*method.views(torch.randint(0, 256, (32, 3, 16, 16), dtype=torch.uint8)))
        recording.add(epoch)
    return recording


def once(recording, **options):
    """A recording of one frame, as of a method that is only looked at."""
    single = object.__new__(Recording)
    single.__dict__.update(recording.__dict__, **{"frames": {0: recording.frames[10]}, **options})
    return single


@pytest.fixture
def explorer(recording):
    return SimilarityExplorer(recording)


OTHER = {"tau": 0.5, "shown": "cosine", "pairs": 4, "order": "class", "diagonal": "kept", "anchor": 7, "epoch": 4}


@pytest.mark.parametrize("name", OTHER)
def test_every_control_changes_what_is_seen_and_what_is_said(explorer, name):
    before = explorer.picture, explorer.summary
    explorer.controls[name].value = OTHER[name]
    assert explorer.picture != before[0]
    assert explorer.summary != before[1]
    assert explorer.trouble == ""


def test_these_are_all_controls(explorer):
    assert set(explorer.controls) == set(OTHER)


def test_same_values_give_the_same_sentence_and_picture(recording, explorer):
    explorer.set(**OTHER).set(tau=0.2, shown="softmax", pairs=N, order="view", diagonal="masked", anchor=0, epoch=10)
    other = SimilarityExplorer(recording)
    assert (explorer.summary, explorer.picture) == (other.summary, other.picture)


@pytest.mark.parametrize("epoch, frame", [(0, 0), (2, 0), (3, 3), (9, 3), (10, 10)])
def test_scrubbing_shows_the_last_frame_up_to_an_epoch_and_says_when_that_was(recording, explorer, epoch, frame):
    explorer.set(epoch=epoch)
    loss = nt_xent(*torch.from_numpy(recording.frames[frame]).double().chunk(2), 0.2)
    assert f", epoch {epoch}{'' if epoch == frame else f' (recorded at {frame})'}: " in explorer.summary
    assert f"the mean loss is {loss:.2f};" in explorer.summary


def test_the_slider_reaches_from_the_first_to_the_last_epoch_and_begins_there(explorer):
    control = explorer.controls["epoch"]
    assert (control.low, control.high, control.value) == (0, 10, 10)


def test_frames_that_are_added_later_do_not_shift_what_is_shown(recording):
    growing = once(recording, frames=dict(recording.frames))
    explorer = SimilarityExplorer(growing)
    before = explorer.summary
    growing.frames[10] = growing.frames[0]
    growing.frames[12] = growing.frames[0]
    assert explorer.set(epoch=10).summary == before


def test_one_frame_has_no_epoch_to_choose_and_none_is_claimed(recording):
    explorer = SimilarityExplorer(once(recording))
    assert "epoch" not in explorer.controls
    assert "epoch" not in explorer.summary
    with pytest.raises(InputError, match="control 'epoch' is unknown; there are: tau, anchor, pairs"):
        explorer.set(epoch=0)


def rows_of(recording, pairs, picture):
    """Which rows a batch of this many pairs holds, found by trial: the first pictures, and in any case that one."""
    batch = [*range(pairs - 1), max(picture, pairs - 1)]
    return [*batch, *(N + p for p in batch)]


@pytest.mark.parametrize("pairs", [2, 4, N])
@pytest.mark.parametrize("anchor", [0, 3, 7, 2 * N - 1])
def test_the_anchor_is_the_same_view_whatever_the_pairs_and_the_order(recording, explorer, pairs, anchor):
    z = recording.frames[10].astype(float)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    row, partner = anchor // 2 + N * (anchor % 2), anchor // 2 + N * (1 - anchor % 2)
    rivals = [j for j in rows_of(recording, pairs, anchor // 2) if j != row]
    assert partner in rivals and len(rivals) == 2 * pairs - 1
    paid = -np.log(np.exp(z[row] @ z[partner] / 0.1) / sum(np.exp(z[row] @ z[j] / 0.1) for j in rivals))
    name = f"{recording.classes[recording.labels[anchor // 2]]}, {'second' if anchor % 2 else 'first'} view"
    for order in ("view", "image", "class"):
        explorer.set(pairs=pairs, anchor=anchor, order=order, tau=0.1)
        assert explorer.controls["anchor"].value == anchor
        assert f"anchor {anchor} ({name}) pays {paid:.2f} " in explorer.summary


@pytest.mark.parametrize("keys", [False, True])
def test_a_click_makes_an_anchor_of_the_view_that_is_under_the_pointer(recording, keyed, keys):
    """By the number that this view has whatever else is moved, also in a batch of fewer pairs."""
    explorer = SimilarityExplorer(keyed if keys else recording, pairs=4, anchor=11, order="class")
    for spots in [spot() for spot in explorer.figure.spots]:
        for place, anchor in enumerate(spots.sets.get("anchor", ())):
            words = spots.said(place).removeprefix("anchor ")
            assert words.startswith(f"{anchor} (") or "others" in words
    cells = explorer.figure.spots[0]()
    assert {*cells.sets["anchor"].tolist()} == ({0, 2, 4, 11} if keys else {0, 1, 2, 3, 4, 5, 10, 11})


def test_the_diagonal_has_nothing_to_do_where_there_is_none(keyed):
    explorer = SimilarityExplorer(keyed)
    assert explorer.panel.frame["disabled"] == ["diagonal"]
    assert explorer.set(loss="NT-Xent").panel.frame["disabled"] == []
    explorer.answer({"loss": "InfoNCE"})
    assert explorer.panel.frame["disabled"] == ["diagonal"]


def test_play_goes_through_the_epochs_that_were_recorded(explorer):
    assert explorer.controls["epoch"].stops() == [0, 3, 10]


def test_a_batch_is_the_first_pictures_and_the_anchors():
    assert pictures(4, 2).tolist() == [0, 1, 2, 3]
    assert pictures(4, 3).tolist() == [0, 1, 2, 3]
    assert pictures(4, 5).tolist() == [0, 1, 2, 5]


@pytest.mark.parametrize("pairs", [2, 4, N])
def test_the_loss_is_that_of_the_pairs_that_are_shown(recording, explorer, pairs):
    z = torch.from_numpy(recording.frames[10]).double()
    loss = nt_xent(z[:pairs], z[N : N + pairs], 0.3)
    summary = explorer.set(pairs=pairs, tau=0.3).summary
    assert f"of {pairs} pairs by view at temperature 0.3" in summary
    assert f"the mean loss is {loss:.2f};" in summary


def test_the_order_changes_no_number(explorer):
    said = [re.sub("by (view|image|class)", "", explorer.set(order=order).summary) for order in ("view", "image", "class")]
    assert said[0] == said[1] == said[2]


def test_kept_is_what_the_loss_would_be_and_no_anchor_finds_its_partner(recording, explorer):
    z = recording.frames[10].astype(float)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    e = np.exp(z @ z.T / 0.2)
    kept = np.mean([-np.log(e[i, (i + N) % (2 * N)] / e[i].sum()) for i in range(2 * N)])
    masked = re.search(r"mean loss is ([\d.]+);", explorer.summary)[1]
    summary = explorer.set(diagonal="kept").summary
    assert f"0 of {2 * N} anchors find their partner first and the mean loss is {kept:.2f} in place of {masked};" in summary
    assert "kept by mistake" in summary


def test_without_labels_rows_cannot_go_by_class_and_all_else_works(recording):
    explorer = SimilarityExplorer(once(recording, labels=np.full(N, -1)))
    with pytest.raises(InputError, match="order='class' is not offered; order is one of 'view', 'image'"):
        explorer.set(order="class")
    assert "same class" not in explorer.summary
    assert "anchor 5 (second view) pays" in explorer.set(order="image", anchor=5).summary


def test_labels_of_the_queue_alone_are_not_enough_for_classes(keyed):
    labels = np.where(np.arange(len(keyed.labels)) < N, -1, keyed.labels)
    explorer = SimilarityExplorer(once(keyed, frames=keyed.frames, keys=keyed.keys, labels=labels))
    assert "class" not in explorer.controls["order"].stops()


def test_some_labels_are_enough_for_classes(recording):
    labels = recording.labels.copy()
    labels[1:3] = -1
    explorer = SimilarityExplorer(once(recording, labels=labels), order="class", anchor=2, pairs=3)
    assert "anchor 2 (first view) pays" in explorer.summary


def test_two_pairs_leave_no_number_of_pairs_to_choose(recording):
    torch.manual_seed(0)
    smallest = Recording(recording.method, load("scenes", split="test", limit=2), pairs=2)
    for explorer in (SimilarityExplorer(smallest), SimilarityExplorer(smallest, pairs=2)):
        assert "pairs" not in explorer.controls
        assert "of 2 pairs" in explorer.summary


def test_a_move_that_cannot_be_drawn_is_said_in_a_sentence(explorer, monkeypatch):
    before = explorer.picture
    monkeypatch.setattr(explorer, "frames", {0: np.full((2 * N, 4), "x")})
    explorer.controls["anchor"].value = 3
    assert explorer.trouble.startswith("This could not be drawn")
    assert explorer.picture == before


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"pairs": N + 1}, f"pairs={N + 1} cannot be shown; the recording holds {N}, take 2 to {N} of them"),
        ({"pairs": 1}, "pairs=1 cannot be shown"),
        ({"pairs": 0}, "pairs=0 cannot be shown"),
        ({"tau": 0.001}, "tau=0.001 is not offered; tau is from 0.01 to 10"),
        ({"anchor": 2 * N}, f"anchor is a whole number from 0 to {2 * N - 1}"),
        ({"epoch": 11}, "epoch is a whole number from 0 to 10"),
        ({"shown": "weights"}, "shown is one of 'softmax', 'logits', 'cosine'"),
        ({"diagonal": "out"}, "diagonal is one of 'masked', 'kept'"),
        ({"seed": 3}, "control 'seed' is unknown"),
    ],
)
def test_it_says_what_it_needs(recording, wrong, said):
    with pytest.raises(InputError, match=said):
        SimilarityExplorer(recording, **wrong)


@pytest.fixture(scope="module")
def keyed():
    """Two frames of a MoCo, whose two networks differ."""
    torch.manual_seed(0)
    method = MoCo(small_resnet(width=4), K=64, m=0.5)
    recording = Recording(method, load("scenes", split="test", limit=N + 20), pairs=N, K=20)
    for _ in range(5):
        method(*method.views(torch.randint(0, 256, (32, 3, 16, 16), dtype=torch.uint8)))
    for parameter in method.key_encoder.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    recording.add(10)
    return recording


@pytest.mark.parametrize("pairs, anchor", [(N, 3), (4, 10), (2, 0)])
def test_the_mean_of_the_rows_is_info_nce_of_queries_keys_and_queue(keyed, pairs, anchor, monkeypatch):
    """In the explorer's own numbers, of which its sentence shows two digits."""
    batches = []
    monkeypatch.setattr(sys.modules["ssl_lab.plots.contrastive.queries"], "lookup", lambda *given: batches.append(lookup(*given)) or batches[-1])
    explorer = SimilarityExplorer(keyed, pairs=pairs, tau=0.1, anchor=anchor, loss="InfoNCE")
    rows = [*range(pairs - 1), max(anchor // 2, pairs - 1)]
    z, keys = (torch.from_numpy(part) for part in (keyed.frames[10], keyed.keys[10]))
    wanted = info_nce(unit(z[rows]), keys[rows], keys[N:], 0.1).item()
    assert batches[-1].loss.mean() == pytest.approx(wanted, abs=1e-5)
    assert f"the mean loss is {wanted:.2f};" in explorer.summary
    assert f"of {pairs} queries by image, each with its own key and K = 20 keys of a queue, at temperature 0.1" in explorer.summary


@pytest.mark.parametrize("name, value", {**OTHER, "loss": "NT-Xent"}.items())
def test_every_control_of_a_recording_with_keys_changes_what_is_seen_and_said(keyed, name, value):
    explorer = SimilarityExplorer(keyed)
    if name == "diagonal":
        assert explorer.controls[name].disabled, "InfoNCE has no diagonal"
        assert not explorer.set(loss="NT-Xent").controls[name].disabled
    before = explorer.picture, explorer.summary
    explorer.controls[name].value = value
    assert explorer.picture != before[0] and explorer.summary != before[1]
    assert explorer.trouble == ""


def test_nt_xent_of_a_recording_with_keys_is_that_of_the_batch_without_the_queue(keyed):
    bare = once(keyed, frames=keyed.frames, keys={}, images=keyed.images[: 2 * N], labels=keyed.labels[:N])
    assert "loss" not in SimilarityExplorer(bare).controls
    assert SimilarityExplorer(keyed, loss="NT-Xent", anchor=5).picture == SimilarityExplorer(bare, anchor=5).picture


def test_a_key_as_the_anchor_shows_its_query(keyed):
    explorer = SimilarityExplorer(keyed, anchor=6)
    query, kind = explorer.summary, keyed.classes[keyed.labels[3]]
    assert f"anchor 6 ({kind}, query) pays" in query
    assert explorer.set(anchor=7).summary == query.replace("anchor 6", "anchor 7").replace(", query)", ", key's query)")


def test_false_negatives_are_those_of_the_queue(keyed):
    same = int((keyed.labels[N:] == keyed.labels[2]).sum())
    assert same > 0
    assert f"to the {same} of 20 negatives that show the same class" in SimilarityExplorer(keyed, anchor=4).summary
