from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from ichreport.data.resample import area_sums, resample_hu, resample_mask

RANDOM = np.random.default_rng(7)


def exact_area_mean(pixels, size):
    """Each new pixel's mean in fractions, from overlaps worked out one by one."""
    side = len(pixels)
    weights = [
        [max(Fraction(0), min(Fraction(j + 1), Fraction((i + 1) * side, size))
             - max(Fraction(j), Fraction(i * side, size))) for j in range(side)]
        for i in range(size)
    ]  # fmt: skip
    area = Fraction(side, size) ** 2
    return [
        [sum(weights[i][r] * weights[k][c] * int(pixels[r, c])
             for r in range(side) for c in range(side) if weights[i][r] and weights[k][c]) / area
         for k in range(size)]
        for i in range(size)
    ]  # fmt: skip


@pytest.mark.parametrize(("side", "size"), [(4, 2), (8, 2), (9, 4), (7, 5), (3, 5), (6, 6), (5, 8)])
def test_resampling_is_the_exact_area_mean_rounded_half_up(side, size):
    hu = RANDOM.integers(-1024, 3072, (side, side)).astype(np.int16)
    expected = [
        [(value + Fraction(1, 2)).__floor__() for value in row] for row in exact_area_mean(hu, size)
    ]
    np.testing.assert_array_equal(resample_hu(hu, size), expected)


@pytest.mark.parametrize("size", [256, 224, 128, 100])
def test_resampling_a_full_slice_agrees_with_pillow(size):
    hu = RANDOM.integers(-1024, 3072, (512, 512)).astype(np.int16)
    picture = Image.fromarray(hu.astype(np.float32))
    reference = np.asarray(picture.resize((size, size), Image.Resampling.BOX))
    # Pillow weighs a pixel by its center, so where sizes do not divide only the average agrees.
    difference = np.abs(resample_hu(hu, size) - reference)
    assert difference.max() <= (0.5 if 512 % size == 0 else 3000)
    assert difference.mean() <= (0.5 if 512 % size == 0 else 300)


@pytest.mark.parametrize("value", [-1024, -1, 0, 40, 3071])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_flat_slice_stays_flat(value, size):
    flat = np.full((4, 4), value, dtype=np.int16)
    np.testing.assert_array_equal(resample_hu(flat, size), np.full((size, size), value))


def test_halving_holds_at_the_ends_of_the_range_and_rounds_half_up():
    hu = np.array([[-1024, -1023, 3071, 3071], [-1024, -1023, 3071, 3070]], dtype=np.int16)
    hu = np.vstack([hu, hu[::-1]])
    # -4094 / 4 = -1023.5 rounds up to -1023, 12283 / 4 = 3070.75 to 3071
    np.testing.assert_array_equal(resample_hu(hu, 2), [[-1023, 3071]] * 2)


@pytest.mark.parametrize("shape", [(638, 490), (430, 404), (408, 374), (3, 8)])
def test_a_slice_that_is_not_square_keeps_its_aspect_on_air(shape):
    hu = np.full(shape, 1000, dtype=np.int16)
    side = max(shape)
    square = resample_hu(hu, side)
    assert square.shape == (side, side)
    assert (square == 1000).sum() == hu.size
    rows, columns = np.nonzero(square == 1000)
    assert np.ptp(rows) + 1 == shape[0]
    assert np.ptp(columns) + 1 == shape[1]
    small = resample_hu(hu, 64)
    corner = small[0, 0] if min(shape) < side - 2 * side // 64 else small.min()
    assert corner < 0
    assert small[32, 32] == 1000


def test_a_square_slice_of_the_right_size_is_returned_as_it_is():
    hu = RANDOM.integers(-1024, 3072, (32, 32)).astype(np.int16)
    np.testing.assert_array_equal(resample_hu(hu, 32), hu)


def test_a_bit_is_kept_where_it_covers_half_of_the_new_pixel():
    mask = np.zeros((4, 4), dtype=np.uint8)
    mask[:2, :1] = 0b00001  # half of the first new pixel
    mask[0, 2] = 0b10000  # a quarter of the second
    mask[2:, 2:] = 0b00110  # all of the last
    np.testing.assert_array_equal(resample_mask(mask, 2), [[1, 0], [0, 6]])


def test_area_sums_keep_the_total():
    pixels = RANDOM.integers(0, 4096, (30, 30))
    assert area_sums(pixels, 7).sum() == pixels.sum() * 7 * 7
