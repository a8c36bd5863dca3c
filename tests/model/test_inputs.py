"""HU to a network's input: against numpy windowing, closed forms and keras.applications."""

import keras
import numpy as np
import pytest

from ichreport.data.resample import resample_hu
from ichreport.data.windowing import BONE, BRAIN, SUBDURAL, linear_window
from ichreport.model import inputs
from ichreport.params.training.training_plan import View

HU = np.arange(-2000, 4000, 7, dtype=np.int16).reshape(1, 1, -1, 1)


def values(layer, hu=HU):
    return keras.ops.convert_to_numpy(layer(hu))


def model_of(view):
    hu = inputs.hu_input(view)
    return keras.Model(hu, inputs.images(hu, view))


def test_raw_hu_map_a_scanners_range_onto_0_to_1():
    seen = values(inputs.RawHU(), np.array([-3024, -1024, 3071, 9000], dtype=np.int16))
    np.testing.assert_array_equal(seen, [0, 0, 1, 1])
    middle = values(inputs.RawHU(), np.array([1023], dtype=np.int16))
    np.testing.assert_allclose(middle, [2047 / 4095], rtol=1e-6)


def test_raw_hu_keep_the_difference_between_blood_and_brain():
    brain, blood = values(inputs.RawHU(), np.array([35, 65], dtype=np.int16))
    assert blood - brain == pytest.approx(30 / 4095, rel=1e-4)


def test_linear_windows_agree_with_the_numpy_ones():
    seen = values(inputs.LinearWindows())
    for channel, window in enumerate((BRAIN, SUBDURAL, BONE)):
        expected = linear_window(HU[:, 0], window)
        np.testing.assert_allclose(seen[:, channel], expected, atol=1e-6)


@pytest.mark.parametrize(("channel", "window"), [(0, BRAIN), (1, SUBDURAL), (2, BONE)])
def test_sigmoid_windows_map_their_ends_to_epsilon(channel, window):
    ends = [window.center - window.width / 2, window.center, window.center + window.width / 2]
    seen = values(inputs.SigmoidWindows(), np.array(ends, dtype=np.int16)[None, None, :, None])
    epsilon = 1 / 255
    np.testing.assert_allclose(seen[0, channel, :, 0], [epsilon, 0.5, 1 - epsilon], rtol=1e-4)


def test_sigmoid_windows_are_the_logistic_function_of_the_paper():
    """Lee, Kim and Do, arXiv:1812.00572."""
    windowed = values(inputs.SigmoidWindows())
    for channel, window in enumerate((BRAIN, SUBDURAL, BONE)):
        slope = 2 / window.width * np.log(255 - 1)
        expected = 1 / (1 + np.exp(-slope * (HU[:, 0].astype(float) - window.center)))
        np.testing.assert_allclose(windowed[:, channel], expected, atol=2e-6)


@pytest.mark.parametrize(
    ("network", "module"),
    [
        ("densenet121", keras.applications.densenet),
        ("inceptionresnetv2", keras.applications.inception_resnet_v2),
        ("efficientnetb7", keras.applications.efficientnet),
        ("efficientnetv2s", keras.applications.efficientnet_v2),
        ("efficientnetv2m", keras.applications.efficientnet_v2),
        ("resnet50", keras.applications.resnet),
    ],
)
def test_scaling_is_what_the_backbones_own_preprocessing_does(network, module):
    images = np.random.default_rng(1).random((2, 4, 4, 3), dtype=np.float32)
    expected = module.preprocess_input(images * 255, data_format="channels_last")
    scaled = keras.ops.convert_to_numpy(inputs.BackboneScaling(network)(images))
    np.testing.assert_allclose(scaled, expected, atol=2e-5)


def test_convnext_is_scaled_as_its_own_first_layer_scales_bytes():
    images = np.random.default_rng(1).random((2, 4, 4, 3), dtype=np.float32)
    expected = keras.src.applications.convnext.PreStem("own")(images * 255)
    scaled = inputs.BackboneScaling("convnexttiny")(images)
    np.testing.assert_allclose(scaled, expected, atol=2e-5)


def test_lite0_sees_bytes_less_127_over_128():
    scaled = inputs.BackboneScaling("efficientnetlite0")(np.array([[0, 127 / 255, 1]], "float32"))
    np.testing.assert_allclose(scaled, [[-127 / 128, 0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "network", "channels"),
    [
        ("brain_subdural_bone-linear-1", "cnn7", 9),
        ("brain_subdural_bone-linear-1", "densenet121", 9),
        ("raw-linear-2", "resnet50", 5),
        ("brain_bone-linear-0", "densenet121", 3),
        ("raw", "cnn7", 1),
        ("adjacent", "cnn7", 3),
        ("sigmoid", "cnn7", 3),
        ("raw", "densenet121", 3),
        ("adjacent", "densenet121", 3),
        ("linear", "densenet121", 3),
    ],
)
def test_every_network_gets_the_channels_it_wants(kind, network, channels):
    view = View(kind, network, image_size=32, pixels_seen=32)
    seen = inputs.images(inputs.hu_input(view), view)
    assert seen.shape == (None, 32, 32, channels)


@pytest.mark.parametrize(("side", "size"), [(96, 48), (96, 75), (64, 33), (32, 32)])
def test_a_network_that_sees_fewer_pixels_sees_what_a_store_of_that_size_holds(side, size):
    random = np.random.default_rng(side)
    hu = random.integers(-1024, 3072, (3, 2, side, side)).astype(np.int16)
    averaged = values(inputs.AreaAverage(size), hu)
    expected = [[resample_hu(slice_hu, size) for slice_hu in slices] for slices in hu]
    np.testing.assert_allclose(averaged, expected, atol=0.5 + 1e-3)  # the store rounds to whole HU


def test_channels_come_slice_by_slice_and_within_a_slice_window_by_window():
    view = View("bone_brain-sigmoid-1", "cnn7", image_size=8, pixels_seen=8)
    hu = np.random.default_rng(2).integers(-1024, 3072, (2, 3, 8, 8)).astype(np.int16)
    seen = np.asarray(model_of(view)(hu))
    assert seen.shape == (2, 8, 8, 6)
    expected = [
        1 / (1 + np.exp(-2 / window.width * np.log(254) * (hu[:, slice_].astype(float) - center)))
        for slice_ in range(3)
        for window, center in ((BONE, 600), (BRAIN, 40))
    ]
    np.testing.assert_allclose(seen, np.stack(expected, axis=-1), atol=2e-6)


def test_what_a_network_sees_has_the_size_that_it_asks_for():
    view = View("sigmoid", "inceptionresnetv2", image_size=96, pixels_seen=75)
    assert inputs.images(inputs.hu_input(view), view).shape == (None, 75, 75, 3)


def test_a_raw_slice_is_repeated_for_a_backbone():
    model = model_of(View("raw", "inceptionresnetv2", image_size=8, pixels_seen=8))
    seen = model.predict(HU[:, :, :64].reshape(1, 1, 8, 8), verbose=0)
    np.testing.assert_array_equal(seen[..., 0], seen[..., 1])
    np.testing.assert_array_equal(seen[..., 0], seen[..., 2])


@pytest.mark.parametrize("kind", ["sigmoid", "bone_c50w130-linear-0"])
def test_the_layers_travel_with_a_saved_model(tmp_path, kind):
    model = model_of(View(kind, "densenet121", image_size=8, pixels_seen=8))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    batch = HU[:, :, 300:364].reshape(1, 1, 8, 8)
    np.testing.assert_array_equal(model.predict(batch, verbose=0), again.predict(batch, verbose=0))
