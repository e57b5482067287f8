"""A recording holds the same views at every epoch, and touches neither the method nor the random numbers."""

import numpy as np
import pytest
import torch

from ssl_lab import plots
from ssl_lab.data import load
from ssl_lab.errors import InputError
from ssl_lab.methods import MoCo, SimCLR, Supervised
from ssl_lab.models import small_resnet
from ssl_lab.widgets import Recording


@pytest.fixture(scope="module")
def images():
    return load("scenes", split="test", limit=12)


@pytest.fixture
def method():
    torch.manual_seed(0)
    return SimCLR(small_resnet(width=4))


def step(method):
    """Change the weights."""
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


def test_a_recording_holds_two_views_of_the_first_pairs_and_the_present_weights_as_epoch_0(method, images):
    recording = Recording(method, images, pairs=5)
    assert len(recording) == 5
    assert recording.images.shape == (10, 32, 32, 3) and recording.images.dtype == np.uint8
    assert recording.labels.tolist() == images.labels[:5].tolist()
    assert recording.classes == images.classes
    assert list(recording.frames) == [0]
    assert recording.frames[0].shape == (10, 128)


def test_frames_are_the_methods_embeddings_of_the_views_that_are_shown(method, images):
    recording = Recording(method, images, pairs=4, seed=3)
    torch.manual_seed(3)
    views = torch.cat(method.views(images[:4].x))
    assert recording.names == ("z1", "z2")
    np.testing.assert_array_equal(recording.images, plots.hwc(views))
    method.eval()
    np.testing.assert_allclose(recording.frames[0], method.embed(views).detach().numpy(), atol=1e-6)


def test_every_epoch_sees_the_same_views_and_the_weights_of_its_time(method, images):
    recording = Recording(method, images, pairs=4)
    seen, first = recording.images.copy(), recording.frames[0].copy()
    recording.add(1)
    np.testing.assert_array_equal(recording.frames[1], first)
    step(method)
    recording.add(7)
    assert sorted(recording.frames) == [0, 1, 7]
    assert not np.allclose(recording.frames[7], first)
    np.testing.assert_array_equal(recording.frames[0], first)
    np.testing.assert_array_equal(recording.images, seen)
    assert repr(recording) == "Recording(4 pairs, at epoch 0, 1, 7)"


def test_an_epoch_that_is_there_is_replaced(method, images):
    recording = Recording(method, images, pairs=4)
    before = recording.frames[0]
    step(method)
    recording.add(0)
    assert list(recording.frames) == [0]
    assert not np.allclose(recording.frames[0], before)


def test_the_seed_decides_the_views(method, images):
    one, same, other = (Recording(method, images, pairs=4, seed=seed).images for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_recording_changes_neither_the_method_nor_the_random_numbers(method, images):
    method.train()
    method.encoder.eval()
    modes = [module.training for module in method.modules()]
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in method.state_dict().items()}
    Recording(method, images, pairs=5).add(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert [module.training for module in method.modules()] == modes


def test_labels_that_are_not_there_are_no_matter(method, images):
    assert Recording(method, images.unlabelled(), pairs=3).labels.tolist() == [-1] * 3


def test_an_index_decides_which_pictures_come_first(method, images):
    turned = images.label_fraction(1.0)
    turned.index = torch.arange(11, -1, -1)
    assert Recording(method, turned, pairs=3).labels.tolist() == images.labels.flip(0)[:3].tolist()


@pytest.mark.parametrize(
    "pairs, said",
    [(13, "pairs=13 were asked for and there are 12 images; give more images or fewer pairs"), (1, "pairs=1: at least two"), (0, "pairs=0: at")],
)
def test_it_says_how_many_images_it_needs(method, images, pairs, said):
    with pytest.raises(InputError, match=said):
        Recording(method, images, pairs=pairs)


@pytest.mark.parametrize("epoch", [-1, 1.5, "3", None])
def test_an_epoch_is_a_whole_number_from_0(method, images, epoch):
    recording = Recording(method, images, pairs=2)
    with pytest.raises(InputError, match="must be a whole number from 0; give log"):
        recording.add(epoch)
    assert list(recording.frames) == [0]


def test_embeddings_that_are_not_numbers_are_refused_and_not_kept(method, images):
    recording = Recording(method, images, pairs=3)
    torch.nn.init.constant_(method.projector[-1].bias, float("nan"))
    with pytest.raises(InputError, match="6 of 6 embeddings are not finite; train with a smaller lr"):
        recording.add(1)
    assert list(recording.frames) == [0]
    with pytest.raises(InputError, match="not finite"):
        Recording(method, images, pairs=3)


def test_a_method_that_makes_no_two_embeddings_of_an_image_is_refused(images):
    with pytest.raises(InputError, match="Supervised does not make two embeddings of an image; a recording needs a method that does"):
        Recording(Supervised(small_resnet(width=4)), images, pairs=3)


@pytest.fixture
def moco():
    torch.manual_seed(0)
    return MoCo(small_resnet(width=4), K=32)


@pytest.mark.parametrize("K, held", [(5, 5), (32, 8), (0, 0)])
def test_a_method_with_keys_gets_a_queue_of_the_next_pictures_as_many_as_there_are(moco, images, K, held):
    recording = Recording(moco, images, pairs=4, K=K)
    assert recording.images.shape == (8 + held, 32, 32, 3)
    assert recording.labels.tolist() == images.labels[: 4 + held].tolist()
    assert [keys.shape for keys in recording.keys.values()] == [(4 + held, 64)] * (held > 0)
    assert len(recording) == 4 and recording.frames[0].shape == (8, 64)


def test_keys_are_made_by_the_present_key_network_of_the_second_views_that_are_shown(moco, images):
    recording = Recording(moco, images, pairs=4, K=6)
    for parameter in (*moco.key_encoder.parameters(), *moco.key_projector.parameters()):
        parameter.data += 0.1
    recording.add(2)
    moco.eval()
    assert recording.names == ("q", "k")
    shown = recording.views[1]
    np.testing.assert_array_equal(recording.images[4:], plots.hwc(shown))
    with torch.no_grad():
        again = moco.key_projector(moco.key_encoder(shown))
    np.testing.assert_allclose(recording.keys[2], again / again.norm(dim=1, keepdim=True), atol=1e-6)
    assert not np.allclose(recording.keys[2], recording.keys[0])
    np.testing.assert_array_equal(recording.frames[2][:4], recording.frames[0][:4])
    np.testing.assert_array_equal(recording.frames[2][4:], recording.keys[2][:4])


def test_recording_keys_changes_neither_the_method_nor_the_random_numbers(moco, images):
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in moco.state_dict().items()}
    Recording(moco, images, pairs=4).add(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in moco.state_dict().items())
    assert all(module.training for module in moco.modules())


def test_a_queue_cannot_have_fewer_than_no_keys(moco, images):
    with pytest.raises(InputError, match="K=-1 keys for the queue; give the number of further pictures, 0 for none"):
        Recording(moco, images, pairs=4, K=-1)
