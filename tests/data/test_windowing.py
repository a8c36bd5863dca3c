import doctest

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from ichreport.data import windowing
from ichreport.data.windowing import BONE, BRAIN, EPSILON, SUBDURAL, WINDOWS, Window

HU = np.arange(-1024, 3072)


def sigmoid(hu, window):
    """The window that the slope and the offset give."""
    slope, offset = windowing.sigmoid_slope_and_offset(window)
    return 1 / (1 + np.exp(-(slope * hu + offset)))


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_linear_window_agrees_with_pydicom(window):
    header = Dataset()
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsStored, header.PixelRepresentation = 12, 0
    header.RescaleIntercept, header.RescaleSlope = -1024, 1
    header.WindowCenter, header.WindowWidth = window.center, window.width
    header.VOILUTFunction = "LINEAR_EXACT"
    reference = (apply_windowing(HU.astype("int32"), header) + 1024) / 4095
    np.testing.assert_allclose(windowing.linear_window(HU, window), reference, atol=1e-6)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_a_sigmoid_window_maps_its_ends_to_epsilon_and_its_center_to_a_half(window):
    marks = np.array([*window.ends, window.center])
    mapped = sigmoid(marks, window)
    np.testing.assert_allclose(mapped, [EPSILON, 1 - EPSILON, 0.5], atol=1e-6)


@pytest.mark.parametrize("window", [BRAIN, SUBDURAL, BONE], ids=str)
def test_a_sigmoid_window_is_the_logistic_function_of_the_paper(window):
    slope = 2 / window.width * np.log(255 - 1)
    reference = 1 / (1 + np.exp(-(slope * HU.astype(float) - window.center * slope)))
    np.testing.assert_allclose(sigmoid(HU, window), reference, atol=1e-12)


def test_a_linear_window_rises_and_stays_within_0_and_1():
    mapped = windowing.linear_window(HU.astype(np.int16), BRAIN)
    assert mapped.dtype == np.float32
    assert (np.diff(mapped) >= 0).all()
    assert mapped.min() >= 0
    assert mapped.max() <= 1


@pytest.mark.parametrize("width", [0, -80, np.nan, np.inf])
def test_an_empty_window_is_refused(width):
    with pytest.raises(ValueError, match=r"width must be positive \(HU\), got"):
        Window(40, width)


def test_a_window_needs_a_finite_center():
    with pytest.raises(ValueError, match="center must be finite"):
        Window(np.nan, 80)


@pytest.mark.parametrize("epsilon", [0, 0.5, -1, np.nan])
def test_an_epsilon_that_gives_no_rising_window_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon of a sigmoid window"):
        windowing.sigmoid_slope_and_offset(BRAIN, epsilon)


def test_the_examples_in_the_docstrings_hold():
    names = {"np": np, "linear_window": windowing.linear_window, "BRAIN": BRAIN}
    examples = doctest.DocTestFinder().find(windowing.linear_window, globs=names)
    runner = doctest.DocTestRunner()
    assert sum(runner.run(example).failed for example in examples) == 0
    assert runner.tries
