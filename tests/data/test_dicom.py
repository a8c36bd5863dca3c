import io
import os
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest

from ichreport.data.dicom.elements import RejectError
from ichreport.data.dicom.slices import FileReader, read_slice, slice_of
from ichreport.data.dicom.slices import slices as dicom_slices

RANDOM = np.random.default_rng(3)
STORED = RANDOM.integers(0, 4096, (16, 16))


@pytest.fixture(name="made")
def made_(dicom_bytes, no_decode):
    """Make a file and read it."""

    def make(*arguments, **words):
        return slice_of(memoryview(dicom_bytes(*arguments, **words)), decode=no_decode)

    return make


@pytest.fixture(name="reason")
def reason_(made):
    """Make a bad file and tell why it was refused."""

    def make(*arguments, **words):
        with pytest.raises(RejectError) as refused:
            made(*arguments, **words)
        return str(refused.value)

    return make


def us(number):
    return "US", struct.pack("<H", number)


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


def test_the_header_is_read_as_it_stands(made):
    header = made(np.zeros((6, 4)), z=-12.5, tilt=12.0, patient="ID_x", series="ID_y").header
    assert (header.patient_id, header.series_instance_uid) == ("ID_x", "ID_y")
    assert (header.rows, header.columns, header.z) == (6, 4, -12.5)
    assert header.spacing == pytest.approx(0.488281)
    assert header.family == "16-bit signed"


@pytest.mark.parametrize("tilt", [-19.0, -8.0, 0.0, 8.0, 19.0])
def test_tilt_is_the_angle_between_the_slices_normal_and_the_axis(made, tilt):
    assert made(tilt=tilt).header.tilt == pytest.approx(abs(tilt), abs=1e-4)


def test_the_12_bit_wrap_is_undone(made):
    """Worked by hand: 0 + 1000 - 1000; 3096 + 1000 - 4096 - 1000; 3095 + 1000 - 1000, clipped."""
    stored = np.array([[0, 3096], [3095, 4095]])
    wrapped = made(stored, bits=12, signed=False, intercept="0")
    np.testing.assert_array_equal(wrapped.hu, [[0, -1000], [3071, -1]])
    assert dicom_slices.RULE_WRAP in wrapped.rules


def test_hu_that_a_12_bit_word_has_wrapped_come_back_as_they_were(made):
    """The low 12 bits of HU as two's complement, which is what a scanner's overflow leaves."""
    hu = np.arange(-1000, 3072).reshape(4, -1)
    wrapped = made(hu & 0xFFF, bits=12, signed=False, intercept="0")
    np.testing.assert_array_equal(wrapped.hu, hu)


@pytest.mark.parametrize("intercept", ["-1024", "-1000", "-100"])
def test_12_bits_with_a_low_intercept_are_no_wrap(made, intercept):
    plain = made(STORED, bits=12, signed=False, intercept=intercept)
    np.testing.assert_array_equal(plain.hu, (STORED + int(intercept)).clip(-1024, 3071))
    assert dicom_slices.RULE_WRAP not in plain.rules


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
    assert (dicom_slices.RULE_BELOW in taken.rules) == (stored + int(intercept) < -1024)


def test_a_padding_value_becomes_air_wherever_it_lies(made):
    pixels = np.array([[-1500, 1024], [3000, 1064]])
    assert made(pixels, padding=-1500).hu[0, 0] == -1024
    marked = made(pixels, padding=3000)
    np.testing.assert_array_equal(marked.hu, [[-1024, 0], [-1024, 40]])
    assert dicom_slices.RULE_PADDING in marked.rules
    assert dicom_slices.RULE_PADDING not in made(pixels, padding=77).rules


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
    assert dicom_slices.RULE_SPARE_BITS in signed.rules


def test_the_first_of_several_windows_is_kept(made):
    several = made(window=("00036\\00050", "00080\\00090"))
    assert (several.header.window_center, several.header.window_width) == (36.0, 80.0)
    assert dicom_slices.RULE_WINDOWS in several.rules
    single = made(window=("35.000000", "100"))
    assert single.header.window_center == 35.0
    assert single.rules == ()


@pytest.mark.parametrize("window", [("", ""), ("wide", "80"), ("nan", "80")])
def test_a_missing_or_damaged_window_costs_no_slice(made, window):
    assert np.isnan(made(window=window).header.window_center)


def test_fractional_slopes_are_rounded_to_whole_hu(made):
    scaled = made(STORED, slope="0.5", intercept="-1000.5")
    np.testing.assert_array_equal(scaled.hu, np.rint(STORED * 0.5 - 1000.5).clip(-1024, 3071))
    assert dicom_slices.RULE_SCALED in scaled.rules


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


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Rows", 0x00280010),
        ("Columns", 0x00280011),
        ("BitsAllocated", 0x00280100),
        ("BitsStored", 0x00280101),
        ("SamplesPerPixel", 0x00280002),
        ("PixelRepresentation", 0x00280103),
        ("RescaleSlope", 0x00281053),
        ("RescaleIntercept", 0x00281052),
        ("ImagePositionPatient", 0x00200032),
        ("PatientID", 0x00100020),
        ("StudyInstanceUID", 0x0020000D),
        ("SeriesInstanceUID", 0x0020000E),
        ("SOPInstanceUID", 0x00080018),
    ],
)
def test_a_missing_tag_is_named(reason, name, tag):
    assert reason(drop=[tag]).startswith(f"{name} is missing")
    assert reason(replace={tag: ("US" if tag >> 16 == 0x28 else "LO", b"")}).startswith(name)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"slope": "nan"}, "RescaleSlope is not finite"),
        ({"slope": "inf"}, "RescaleSlope is not finite"),
        ({"slope": "1e999"}, "RescaleSlope is not finite"),
        ({"slope": "0"}, "RescaleSlope is 0, expected a positive number"),
        ({"slope": "-1"}, "RescaleSlope is -1, expected a positive number"),
        ({"slope": "one"}, "RescaleSlope is not a number"),
        ({"intercept": "nan"}, "RescaleIntercept is not finite"),
        ({"intercept": "1\\2"}, "RescaleIntercept is missing"),
        ({"replace": {0x00280010: us(4)}}, "pixel data have 128 bytes, expected 64 for 4 x 8"),
        ({"replace": {0x00280010: us(9)}}, "pixel data have 128 bytes, expected 144"),
        ({"replace": {0x00280010: us(60000)}}, "matrix is 60000 x 8, expected 1 to 4096 a side"),
        ({"replace": {0x00280010: us(0)}}, "matrix is 0 x 8"),
        ({"replace": {0x00280010: ("LO", "8 ")}}, "Rows is of type LO, expected US"),
        ({"replace": {0x00280010: ("UL", b"\0\0\0\0")}}, "Rows is of type UL, expected US"),
        ({"replace": {0x00280010: ("US", b"\x08\0\x08\0")}}, "Rows has 4 bytes, expected 2"),
        ({"replace": {0x00280002: us(3)}}, "SamplesPerPixel is 3, expected 1"),
        ({"replace": {0x00280004: ("CS", "RGB")}}, "Interpretation is RGB, expected MONOCHROME2"),
        ({"replace": {0x00280004: ("CS", "MONOCHROME1")}}, "is MONOCHROME1, expected MONOCHROME2"),
        ({"replace": {0x00280004: ("CS", "SECRET")}}, "is missing or unknown"),
        ({"extra": [(0x00280008, "IS", "2")]}, "NumberOfFrames is 2, expected 1"),
        ({"replace": {0x00280100: us(8)}}, "BitsAllocated is 8, expected 16"),
        ({"replace": {0x00280101: us(17)}}, "BitsStored is 17, expected 8 to 16"),
        ({"replace": {0x00280102: us(9)}}, "HighBit is 9, expected 15 for BitsStored 16"),
        ({"replace": {0x00280103: us(2)}}, "PixelRepresentation is 2, expected 0 or 1"),
        ({"replace": {0x00080060: ("CS", "MR")}}, "the modality is not CT"),
        ({"extra": [(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER")]}, "scout view"),
        ({"tilt": 90}, "90 degrees off the axial plane, expected at most 45"),
        ({"patient": "a\nb"}, "PatientID is damaged"),
        ({"pixel_data": b""}, "no pixel data; the file may be cut in the header"),
        ({"syntax": "1.2.840.10008.1.2.1.99"}, "deflated files are refused"),
        ({"syntax": "1.2.840.10008.1.2.4.100"}, "transfer syntax is not one that is read"),
    ],
)
def test_bad_headers_are_refused_with_a_reason_a_person_understands(reason, words, expected):
    assert expected in reason(**words)


def test_a_file_cut_in_its_pixels_is_refused(dicom_bytes, no_decode):
    content = dicom_bytes(np.zeros((512, 512)))
    with pytest.raises(RejectError, match=r"cut: 153,710 of 524,288 bytes are there"):
        slice_of(memoryview(content[: len(content) - 524_288 + 153_710]), decode=no_decode)


@pytest.mark.parametrize("end", range(0, 700, 7))
def test_a_file_cut_anywhere_in_its_header_is_refused(dicom_bytes, no_decode, end):
    content = dicom_bytes()
    with pytest.raises(RejectError):
        slice_of(memoryview(content[: min(end, len(content) - 1)]), decode=no_decode)


def test_what_is_no_regular_file_is_refused(tmp_path, no_decode):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "none", "cannot be opened: No such file"),
    ]:
        with pytest.raises(RejectError, match=reason):
            read_slice(path, decode=no_decode)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path, no_decode):
    huge = tmp_path / "huge.dcm"
    with huge.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(RejectError, match="a slice has at most"):
        read_slice(huge, decode=no_decode)


def test_a_reader_gives_each_file_whole(tmp_path):
    reader = FileReader()
    for size in (10, 2**21, 3, 0):
        (tmp_path / "f").write_bytes(os.urandom(size))
        assert bytes(reader.read(tmp_path / "f")) == (tmp_path / "f").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_of_pydicoms_own_files_only_ct_becomes_slices():
    def decode(syntax, pixels, header):
        raise RejectError("compressed")

    taken = {}
    for path in sorted(Path(pydicom.data.__file__).parent.glob("test_files/*.dcm")):
        try:
            taken[path.name] = read_slice(path, decode=decode).hu
        except RejectError:
            continue
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    reference = dataset.pixel_array.astype(int) + int(dataset.RescaleIntercept)
    np.testing.assert_array_equal(taken["CT_small.dcm"], reference.clip(-1024, 3071))
    assert all("CT" in name or "ExplVR" in name or "explicit" in name for name in taken)
