"""A first convolution of any number of channels, on the real layers of each kind of backbone."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from ichreport.model import backbones, networks
from ichreport.model.maps import cam
from ichreport.model.pretrained import first_layers
from ichreport.model.pretrained.scaling import seen_as
from ichreport.model.trained_rows import Trained
from ichreport.params.networks import NETWORKS

APPLICATIONS = keras.src.applications


def shallow_resnet(**options):
    def stack(x):
        return APPLICATIONS.resnet.stack_residual_blocks_v1(x, 8, 1, stride1=1, name="conv2")

    return APPLICATIONS.resnet.ResNet(stack, False, True, name="resnet", **options)


def shallow_convnext(**options):
    dims = {"depths": [1, 1, 1, 1], "projection_dims": [8, 16, 24, 32]}
    return APPLICATIONS.convnext.ConvNeXt(**dims, name="convnext_tiny", weights_name="x", **options)


SHALLOW = {
    "densenet121": partial(APPLICATIONS.densenet.DenseNet, [1, 1, 1, 1]),
    "efficientnetb7": partial(
        APPLICATIONS.efficientnet.EfficientNet, 0.25, 0.1, 32, name="b0", weights_name="b0",
        blocks_args=APPLICATIONS.efficientnet.DEFAULT_BLOCKS_ARGS[:2],
    ),
    "efficientnetv2s": partial(
        APPLICATIONS.efficientnet_v2.EfficientNetV2, 0.25, 0.1, 32, name="efficientnetv2-s",
        blocks_args=APPLICATIONS.efficientnet_v2.DEFAULT_BLOCKS_ARGS["efficientnetv2-s"][2:4],
    ),
    "resnet50": shallow_resnet,
    "convnexttiny": shallow_convnext,
}  # fmt: skip
"""By network, a few blocks in a constructor of its family."""
QUICK = ("densenet121", "resnet50")
OF_EACH_FAMILY = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SHALLOW
]


@pytest.fixture
def shallow(monkeypatch):
    def put_in_place(network):
        name = "ConvNeXtShallow" if network == "convnexttiny" else "Shallow"
        monkeypatch.setattr(keras.applications, name, SHALLOW[network], raising=False)
        monkeypatch.setitem(NETWORKS, network, replace(NETWORKS[network], application=name))

    return put_in_place


def drawn(network, path):
    """Random weights as a file, with colours' statistics where the network scales by itself."""
    model = SHALLOW[network](include_top=False, weights=None, input_shape=(32, 32, 3))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt_mean.assign([0.485, 0.456, 0.406])
            layer.adapt_variance.assign(np.square([0.229, 0.224, 0.225]))
    model.save_weights(path)
    return str(path)


@pytest.mark.parametrize("network", OF_EACH_FAMILY)
def test_channels_that_repeat_give_the_maps_of_those_that_do_not(make, shallow, network, tmp_path):
    """A slice three times in three windows, and a raw slice once and five times."""
    shallow(network)
    options = (
        {}
        if network != "efficientnetb7"
        else {"weights": drawn(network, tmp_path / "w.weights.h5")}
    )
    hu = np.random.default_rng(3).integers(-1024, 1500, (2, 1, 32, 32)).astype(np.int16)
    maps = {}
    for words in ({"input": "linear"}, {}):
        for beside in (0, 1 if words else 2):
            experiment = make(network=network, neighbours=beside, **words, **options)
            model = backbones.build(experiment.backbone, experiment.machine)
            channels = max(3, experiment.input_spec.channels)
            assert backbones.body(model).input_shape[-1] == channels
            maps[channels, len(words)] = np.asarray(model(np.repeat(hu, 1 + 2 * beside, axis=1)))
    for few, many in (((3, 1), (9, 1)), ((3, 0), (5, 0))):
        largest = np.abs(maps[few]).max()
        assert largest > 0
        np.testing.assert_allclose(maps[many] / largest, maps[few] / largest, atol=1e-4)


def test_each_channel_has_weights_of_its_own_that_add_up_to_the_colours():
    build = partial(SHALLOW["resnet50"], include_top=False, weights=None)
    three = build(input_shape=(32, 32, 3))
    wide = first_layers.widened(
        three, lambda count: build(input_shape=(32, 32, count)), np.array([0, 1, 2, 0])
    )
    kernel, widened = (np.asarray(m.get_layer("conv1_conv").kernel) for m in (three, wide))
    np.testing.assert_allclose(widened[:, :, 0] + widened[:, :, 3], kernel[:, :, 0], rtol=1e-6)
    np.testing.assert_array_equal(widened[:, :, 1:3], kernel[:, :, 1:3])
    for one, other in zip(three.weights[1:], wide.weights[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("network", "channels", "expected"),
    [
        ("densenet121", 5, [0, 1, 2, 0, 1]),
        ("resnet50", 3, [0, 1, 2]),  # blue, green, red, as its weights are
        ("resnet50", 9, [0, 1, 2] * 3),
        ("resnet50", 4, [2, 0, 1, 2]),  # red, blue, green, red: the channels from the last on
    ],
)
def test_channels_take_turns_as_colours(network, channels, expected):
    np.testing.assert_array_equal(seen_as(network, channels), expected)


def test_convnext_thaws_layers_inside_its_blocks_from_the_last_on(make, shallow):
    shallow("convnexttiny")

    def thawed(count):
        experiment = make(network="convnexttiny", trainable_layers=count, dense_layers=1)
        model = backbones.build(experiment.backbone, experiment.machine)
        networks.fine_tuned(model, experiment.plan)
        weights = backbones.body(model).trainable_weights
        return [weight.path.split("/")[-2] for weight in weights[::2]]

    assert thawed(2) == [f"convnext_tiny_stage_3_block_0_pointwise_conv_{n}" for n in (1, 2)]
    every = thawed("all")
    assert len(every) == 4 * (1 + 3)  # a stem or three that halve, and four blocks of three
    assert every[0] == "convnext_tiny_stem_conv"


def test_convnext_is_mixed_from_its_second_convolution_on(make, shallow):
    shallow("convnexttiny")
    experiment = make(network="convnexttiny", precision="mixed_bfloat16")
    body = backbones.body(backbones.build(experiment.backbone, experiment.machine))
    stem, norm, block, *_ = (layer for layer in backbones.layers_within(body) if layer.weights)
    assert (stem.compute_dtype, norm.compute_dtype, block.compute_dtype) == (
        "float32", "bfloat16", "bfloat16",
    )  # fmt: skip


def test_nine_channels_have_activation_maps(make, shallow, store, sample, monkeypatch):
    shallow("convnexttiny")
    monkeypatch.setitem(NETWORKS, "convnexttiny", replace(NETWORKS["convnexttiny"], features=32))
    experiment = make(
        network="convnexttiny", input="sigmoid", neighbours=1, trainable_layers=1, dense_layers=1
    )
    backbone = backbones.build(experiment.backbone, experiment.machine)
    model = networks.fine_tuned(backbone, experiment.plan)
    trained = Trained(experiment.plan, model, {}, 0, 0)
    [maps] = cam.by_label(trained, store, sample, {"any": np.array([3, 7])}).values()
    assert maps.method == "CAM"
    assert maps.heat.shape == (2, 32, 32)
