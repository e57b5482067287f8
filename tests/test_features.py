"""What `features` promises: h of every image in order, and a network that nobody can tell was used."""

import pytest
import torch
from torch import nn

from ssl_lab.data import Images
from ssl_lab.errors import InputError
from ssl_lab.features import features


def network():
    """Batch norm and dropout: both would show whether the network was in training mode."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 5))
    net[1].running_mean.normal_()
    return net


def photographs(N=7):
    return torch.randint(0, 256, (N, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def state(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def test_rows_are_f_of_every_image_in_order():
    net, x = network(), photographs()
    h = features(net, x)
    with torch.no_grad():
        one_by_one = torch.cat([net.eval()(image[None].float() / 255) for image in x])
    torch.testing.assert_close(h, one_by_one)


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_the_batch_size_does_not_matter(batch):
    net, x = network(), photographs()
    torch.testing.assert_close(features(net, x, batch=batch), features(net, x))


def test_images_bytes_and_floats_give_the_same():
    net, x = network(), photographs()
    images = Images(x, torch.zeros(7, dtype=torch.int64))
    assert torch.equal(features(net, images), features(net, x))
    assert torch.equal(features(net, x.float() / 255), features(net, x))


def test_images_are_taken_in_the_order_of_their_index():
    net, x, index = network(), photographs(), torch.tensor([3, 3, 0, 6])
    images = Images(x, torch.zeros(7, dtype=torch.int64), index=index)
    torch.testing.assert_close(features(net, images, batch=3), features(net, x)[index])


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_byte_for_byte_as_it_was(training):
    net = network().train(training)
    before = state(net)
    features(net, photographs())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(module.training == training for module in net.modules())


def test_every_part_of_the_network_keeps_its_own_mode():
    net = network().train()
    net[1].eval()  # a frozen batch norm inside a network in training
    modes = [module.training for module in net.modules()]
    features(net, photographs())
    assert [module.training for module in net.modules()] == modes


def test_modes_come_back_after_an_error():
    net = network().train()
    net[2].eval()
    modes = [module.training for module in net.modules()]
    with pytest.raises(RuntimeError):
        features(net, torch.zeros(2, 3, 9, 9))  # too large for the last layer
    assert [module.training for module in net.modules()] == modes


def test_no_gradient_and_no_random_number_is_spent():
    torch.manual_seed(3)
    net, x = network(), photographs()
    before = torch.get_rng_state()
    h = features(net, x)
    assert not h.requires_grad
    assert torch.equal(torch.get_rng_state(), before)


def test_they_can_be_learned_from():
    """Inference tensors could not."""
    h = features(network(), photographs())
    nn.Linear(5, 1)(h).sum().backward()


@pytest.mark.parametrize("network_in", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("pixels_in", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_features_are_float32_whatever_the_network_and_the_pixels_are_in(network_in, pixels_in):
    x = photographs()
    given = x if pixels_in == torch.uint8 else (x.double() / 255).to(pixels_in)
    h = features(network().to(network_in), given)
    assert h.dtype == torch.float32
    coarse = {torch.float16, torch.bfloat16} & {network_in, pixels_in}
    torch.testing.assert_close(h, features(network(), x), atol=0.05 if torch.bfloat16 in coarse else 0.01 if coarse else 1e-5, rtol=0)


class Returns(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x.mean((2, 3)))


@pytest.mark.parametrize("make, words", [
    (lambda h: h[:, :, None, None], r"this Returns returns \(7, 3, 1, 1\) for 7 images.*models.Encoder"), (lambda h: (h,), "returns a tuple"),
    (lambda h: {"h": h}, "returns a dict"), (lambda h: h.mean(0), r"returns \(3,\)"), (lambda h: h[:2], r"returns \(2, 3\) for 7 images"),
])
def test_what_is_not_one_row_an_image_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        features(Returns(make), photographs())


@pytest.mark.parametrize("call, words", [
    ("features(lambda x: x, x)", "computed by a network (nn.Module), not by a function; give one"),
    ("features(small_resnet, x)", "not by a function"),
    ("features(net, TensorDataset(x))", "features takes Images and got a TensorDataset; Images.of(dataset) makes them"),
    ("features(net, DataLoader(TensorDataset(x)))", "got a DataLoader"), ("features(net, x.numpy())", "got a ndarray"),
    ("features(net, [x])", "got a list"),
    ("features(net, x, batch=1.5)", "batch=1.5 must be a whole number"), ("features(net, x, batch='8')", "batch="),
])
def test_what_features_are_not_computed_of_is_said(call, words, without_shape_checks):
    said = without_shape_checks(f"""
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        from ssl_lab.features import features
        from ssl_lab.models import small_resnet
        x, net = torch.zeros(4, 3, 32, 32, dtype=torch.uint8), small_resnet(width=4)
        try:
            {call}
        except ValueError as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith("InputError ") and words in said


def test_a_network_without_parameters_gives_the_pixels():
    x = photographs()
    assert torch.equal(features(nn.Flatten(), x), x.flatten(1).float() / 255)


def test_images_go_to_where_the_network_is():
    assert features(network().to("meta"), photographs()).device.type == "meta"


def test_an_empty_set_and_an_empty_batch_are_refused():
    with pytest.raises(InputError, match="no images"):
        features(network(), photographs(0))
    with pytest.raises(InputError, match="batch=0"):
        features(network(), photographs(), batch=0)
