import io
import struct

import numpy as np
import pydicom
import pytest

from ichreport.data.dicom import hounsfield

RANDOM = np.random.default_rng(3)
STORED = RANDOM.integers(0, 4096, (16, 16))


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize(("bits", "signed"), [(12, False), (16, True), (16, False), (12, True)])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_hu_agree_with_pydicom_clipped_to_the_range(dicom_bytes, made, bits, signed, syntax):
    low = -2048 if signed else 0
    stored = RANDOM.integers(low, low + 4096, (16, 12))
    content = dicom_bytes(stored, bits=bits, signed=signed, syntax=syntax)
    dataset = pydicom.dcmread(io.BytesIO(content))
    reference = dataset.pixel_array.astype(int) + int(dataset.RescaleIntercept)
    hu = made(stored, bits=bits, signed=signed, syntax=syntax).hu
    assert hu.dtype == np.int16
    np.testing.assert_array_equal(hu, reference.clip(-1024, 3071))


def test_big_endian_files_give_the_same_hu(made):
    big = made(STORED, syntax="1.2.840.10008.1.2.2")
    np.testing.assert_array_equal(big.hu, made(STORED).hu)


def test_the_12_bit_wrap_is_undone(made):
    """Worked by hand: 0 + 1000 - 1000; 3096 + 1000 - 4096 - 1000; 3095 + 1000 - 1000, clipped."""
    stored = np.array([[0, 3096], [3095, 4095]])
    wrapped = made(stored, bits=12, signed=False, intercept="0")
    np.testing.assert_array_equal(wrapped.hu, [[0, -1000], [3071, -1]])
    assert hounsfield.RULE_WRAP in wrapped.rules


def test_hu_that_a_12_bit_word_has_wrapped_come_back_as_they_were(made):
    """The low 12 bits of HU as two's complement, which is what a scanner's overflow leaves."""
    hu = np.arange(-1000, 3072).reshape(4, -1)
    wrapped = made(hu & 0xFFF, bits=12, signed=False, intercept="0")
    np.testing.assert_array_equal(wrapped.hu, hu)


@pytest.mark.parametrize("padding", [-2000, 32000])
@pytest.mark.parametrize("slope", ["1", "1.5"])
def test_padding_does_not_count_as_clipped(made, padding, slope):
    stored = np.full((8, 8), 1024)
    stored[0] = padding
    read = made(stored, padding=padding, slope=slope)
    assert not {hounsfield.RULE_BELOW, hounsfield.RULE_ABOVE} & set(read.rules)
    assert hounsfield.RULE_PADDING in read.rules
    assert (read.hu[0] == -1024).all()
    assert (read.hu[1:] == (0 if slope == "1" else 512)).all()
    stored[1] = 9000
    assert hounsfield.RULE_ABOVE in made(stored, padding=padding, slope=slope).rules
    nothing = made(np.full((8, 8), padding), padding=padding, slope=slope)
    assert (nothing.hu == -1024).all()
    assert nothing.rules == (hounsfield.RULE_PADDING,)


HONEST = {"sop": "1.2.840.99.1", "bits": 12, "signed": False}


@pytest.mark.parametrize("intercept", ["0", "-50", "-99"])
def test_elsewhere_12_bits_with_a_high_intercept_are_as_they_say(made, intercept):
    stored = RANDOM.integers(0, 1500, (16, 16))
    honest = made(stored, intercept=intercept, **HONEST)
    np.testing.assert_array_equal(honest.hu, stored + int(intercept))
    assert hounsfield.RULE_WRAP not in honest.rules


@pytest.mark.parametrize("sop", ["ID_000000001", HONEST["sop"]])
def test_a_slope_of_2_is_no_wrap(made, sop):
    stored = RANDOM.integers(0, 1500, (16, 16))
    honest = made(stored, slope="2", intercept="0", **HONEST | {"sop": sop})
    np.testing.assert_array_equal(honest.hu, 2 * stored)
    assert hounsfield.RULE_WRAP not in honest.rules


def test_elsewhere_a_wrap_is_undone_where_the_rim_would_be_denser_than_bone(made):
    hu = np.full((16, 16), -1000)
    hu[4:12, 4:12] = RANDOM.integers(0, 1500, (8, 8))
    wrapped = made(hu & 0xFFF, intercept="0", **HONEST)
    np.testing.assert_array_equal(wrapped.hu, hu)
    assert hounsfield.RULE_WRAP in wrapped.rules


def test_padding_at_the_rim_proves_no_wrap(made):
    stored = np.full((16, 16), 4095)
    stored[4:12, 4:12] = RANDOM.integers(0, 1500, (8, 8))
    padded = made(stored, padding=4095, intercept="-50", **HONEST)
    np.testing.assert_array_equal(padded.hu[4:12, 4:12], stored[4:12, 4:12] - 50)
    assert (padded.hu[0] == -1024).all()
    stored[0, :12] = stored[:12, 0] = 100  # and of what is no padding, most is air
    plain = made(stored, padding=4095, intercept="-50", **HONEST)
    assert plain.hu[0, 0] == 50


@pytest.mark.parametrize("intercept", ["-1024", "-1000", "-100"])
def test_12_bits_with_a_low_intercept_are_no_wrap(made, intercept):
    plain = made(STORED, bits=12, signed=False, intercept=intercept)
    np.testing.assert_array_equal(plain.hu, (STORED + int(intercept)).clip(-1024, 3071))
    assert hounsfield.RULE_WRAP not in plain.rules


@pytest.mark.parametrize("bits", [12, 16])
def test_signed_values_with_intercept_0_are_right_as_they_are(made, bits):
    stored = np.array([[0, 40], [-1000, 1500]])
    plain = made(stored, bits=bits, signed=True, intercept="0")
    np.testing.assert_array_equal(plain.hu, stored)
    assert plain.rules == ()


@pytest.mark.parametrize(
    ("stored", "intercept"), [(-2000, "-1024"), (-1024, "-1024"), (-2000, "0"), (0, "-1024")]
)
def test_every_known_background_becomes_air(made, stored, intercept):
    pixels = np.full((4, 4), stored)
    pixels[1, 1] = 1064
    taken = made(pixels, intercept=intercept)
    assert taken.hu[0, 0] == -1024
    assert taken.hu[1, 1] == 1064 + int(intercept)
    assert (hounsfield.RULE_BELOW in taken.rules) == (stored + int(intercept) < -1024)


def test_a_padding_value_becomes_air_wherever_it_lies(made):
    pixels = np.array([[-1500, 1024], [3000, 1064]])
    assert made(pixels, padding=-1500).hu[0, 0] == -1024
    marked = made(pixels, padding=3000)
    np.testing.assert_array_equal(marked.hu, [[-1024, 0], [-1024, 40]])
    assert hounsfield.RULE_PADDING in marked.rules
    assert hounsfield.RULE_PADDING not in made(pixels, padding=77).rules


def test_a_range_of_padding_values_becomes_air(made):
    pixels = np.array([[1990, 2000], [2010, 1064]])
    limit = [(0x00280121, "SS", struct.pack("<h", 2005))]
    padded = made(pixels, padding=1995, extra=limit)
    np.testing.assert_array_equal(padded.hu, [[966, -1024], [986, 40]])


def test_padding_in_bits_above_bits_stored_becomes_air(made):
    pixels = np.array([[63536, 1024], [1064, 1034]])
    padded = made(pixels, bits=12, signed=False, padding=63536)
    np.testing.assert_array_equal(padded.hu, [[-1024, 0], [40, 10]])


def test_bits_above_bits_stored_are_dropped(made):
    unsigned = made(np.array([[0xF000 | 1064]]), bits=12, signed=False)
    np.testing.assert_array_equal(unsigned.hu, [[40]])
    signed = made(np.array([[0x0FFF]]), bits=12, signed=True, intercept="0")
    np.testing.assert_array_equal(signed.hu, [[-1]])
    assert hounsfield.RULE_SPARE_BITS in signed.rules


def test_fractional_slopes_are_rounded_to_whole_hu(made):
    scaled = made(STORED, slope="0.5", intercept="-1000.5")
    np.testing.assert_array_equal(scaled.hu, np.rint(STORED * 0.5 - 1000.5).clip(-1024, 3071))
    assert hounsfield.RULE_SCALED in scaled.rules


@pytest.mark.parametrize("intercept", ["-32768", "-30000", "29000", "32767", "99999", "1e300"])
def test_extreme_intercepts_do_not_wrap_around(made, intercept):
    stored = np.array([[-32768, 32767], [0, 1]])
    expected = (stored + float(intercept)).clip(-1024, 3071)
    np.testing.assert_array_equal(made(stored, intercept=intercept).hu, expected)
    stored = stored.clip(0)
    np.testing.assert_array_equal(
        made(stored, signed=False, intercept=intercept).hu,
        (stored + float(intercept)).clip(-1024, 3071),
    )
