import io
import struct

import numpy as np
import pydicom
import pytest

from tests.data.dicom.reading import slice_from_bytes


def us(number):
    return "US", struct.pack("<H", number)


def test_the_header_is_read_as_it_stands(made):
    header = made(np.zeros((6, 4)), z=-12.5, tilt=12.0, patient="ID_x", series="ID_y").header
    assert (header.patient_id, header.series_instance_uid) == ("ID_x", "ID_y")
    assert (header.rows, header.columns, header.geometry.z) == (6, 4, -12.5)
    assert header.geometry.spacing == pytest.approx(0.488281)
    assert header.family == "16-bit signed"


def image_type(text):
    return {"extra": [(0x00080008, "CS", text)]}


def rescale_type(text):
    return {"extra": [(0x00281054, "LO", text)]}


@pytest.mark.parametrize("tilt", [-19.0, -8.0, 0.0, 8.0, 19.0])
def test_tilt_is_the_angle_between_the_slices_normal_and_the_axis(made, tilt):
    assert made(tilt=tilt).header.geometry.tilt == pytest.approx(abs(tilt), abs=1e-4)


def test_the_first_of_several_windows_is_kept(made):
    several = made(window=("00036\\00050", "00080\\00090"))
    assert (several.header.window_center, several.header.window_width) == (36.0, 80.0)
    assert "first of several windows kept" in several.rules
    single = made(window=("35.000000", "100"))
    assert single.header.window_center == 35.0
    assert single.rules == ()


@pytest.mark.parametrize("window", [("", ""), ("wide", "80"), ("nan", "80")])
def test_a_missing_or_damaged_window_costs_no_slice(made, window):
    assert np.isnan(made(window=window).header.window_center)


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
        (
            {"extra": [(0x00280008, "IS", "2")]},
            "a file of 2 frames that does not say",
        ),
        ({"replace": {0x00280100: us(8)}}, "set aside: BitsAllocated is 8, a screen, not HU"),
        ({"replace": {0x00280100: us(32)}}, "BitsAllocated is 32, expected 16"),
        ({"replace": {0x00280101: us(17)}}, "BitsStored is 17, expected 8 to 16"),
        ({"replace": {0x00280102: us(9)}}, "HighBit is 9, expected 15 for BitsStored 16"),
        ({"replace": {0x00280103: us(2)}}, "PixelRepresentation is 2, expected 0 or 1"),
        ({"replace": {0x00080060: ("CS", "MR")}}, "the modality is not CT"),
        (image_type("ORIGINAL\\PRIMARY\\LOCALIZER"), "scout view"),
        (image_type("DERIVED\\SECONDARY\\PERFUSION\\RCBF"), "a perfusion map, not HU"),
        (image_type("DERIVED\\SECONDARY\\AXIAL\\MIP "), "a projection through several slices"),
        (image_type("derived\\secondary\\mip"), "a projection through several slices"),
        (image_type("DERIVED\\PRIMARY\\IODINE"), "an iodine map, not HU"),
        (image_type("DERIVED\\PRIMARY\\AXIAL\\IODINE_MAP"), "an iodine map, not HU"),
        (image_type("DERIVED\\SECONDARY\\OTHER\\CBF"), "a perfusion map, not HU"),
        (image_type("DERIVED\\SECONDARY\\ELECTRON_DENSITY"), "a map of material density"),
        (image_type("DERIVED\\SECONDARY\\Z_EFF"), "an effective-Z map, not HU"),
        (image_type("DERIVED\\SECONDARY\\SCREEN SAVE"), "a saved screen, not a slice"),
        (rescale_type("MGML"), "RescaleType is MGML, expected HU"),
        (rescale_type("mg/ml"), "set aside: RescaleType is MGML, expected HU"),
        ({"replace": {0x00080060: ("CS", "CTPROTOCOL")}}, "set aside: the modality is not CT"),
        (image_type("DERIVED\\PRIMARY\\AXIAL\\CT_SOM5 MIP"), "a projection through several"),
        (image_type("DERIVED\\PRIMARY\\AXIAL\\CT_SOM5 PERF"), "a perfusion map, not HU"),
        ({"extra": [(0x00089207, "CS", "MAX_IP")]}, "a projection through several slices"),
        (rescale_type("Z_EFF"), "RescaleType is Z_EFF, expected HU"),
        (rescale_type("HU_MOD"), "RescaleType is HU_MOD, expected HU"),
        (rescale_type("SECRET"), "set aside: RescaleType is of another unit"),
        ({"tilt": 90}, "90 degrees off the axial plane, expected at most 45"),
        ({"patient": "a\nb"}, "PatientID is damaged"),
        ({"pixel_data": b""}, "no pixel data; the file may be cut in the header"),
        ({"syntax": "1.2.840.10008.1.2.1.99"}, "deflated files are refused"),
        ({"syntax": "1.2.840.10008.1.2.4.100"}, "transfer syntax is not one that is read"),
    ],
)
def test_bad_headers_are_refused_with_a_reason_a_person_understands(reason, words, expected):
    assert expected in reason(**words)


@pytest.mark.parametrize(
    ("written", "patient"),
    [
        (b"P-17 ", "P-17"),
        ("Patient Müller".encode(), "Patient Müller"),
        ("Patient Müller".encode("latin-1"), "Patient Müller"),
        ("患者一".encode(), "患者一"),
        ("患者".encode("gb18030"), "»¼Õß"),
        (b"\x1b$B4v\x1b(B", "\\x1b$B4v\\x1b(B"),
        (b"\x84\x31\x81\x30", "\\x841\\x810"),
    ],
)
def test_a_patient_s_id_may_be_in_any_characters(made, written, patient):
    read = made(replace={0x00100020: ("LO", written + b" " * (len(written) % 2))})
    assert (read.header.patient_id, read.rules) == (patient, ())


@pytest.mark.parametrize("words", [{"drop": [0x00100020]}, {"patient": ""}, {"patient": "  "}])
def test_without_a_patient_s_id_the_study_stands_for_the_patient(made, words):
    read = made(study="1.2.3", **words)
    assert read.header.patient_id == read.header.study_instance_uid == "1.2.3"
    assert read.rules == ("no patient ID, the study stands for the patient",)


@pytest.mark.parametrize("excess", [0, 1, 2, 13])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_bytes_after_the_pixels_are_left_out(made, element, excess, syntax):
    stored = np.arange(64).reshape(8, 8)
    data = stored.astype("<i2").tobytes() + b"\7" * excess
    implicit = syntax == "1.2.840.10008.1.2"
    pixels = element(0x7FE00010, "OW", data, implicit=implicit)
    read = made(stored, pixel_data=pixels, syntax=syntax)
    np.testing.assert_array_equal(read.hu, stored - 1024)
    assert read.rules == (("bytes after the pixels left out",) if excess else ())


SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("start", ["the meta information", "the data set"])
def test_files_without_a_preamble_are_read_as_old_archives_keep_them(
    dicom_bytes, no_decode, syntax, start
):
    stored = np.arange(64).reshape(8, 8)
    content = dicom_bytes(stored, syntax=syntax)
    whole = pydicom.dcmread(io.BytesIO(content))
    length = whole.file_meta.FileMetaInformationGroupLength
    begins = 132 if start == "the meta information" else 132 + 12 + length
    read = slice_from_bytes(memoryview(content[begins:]), decode=no_decode)
    np.testing.assert_array_equal(read.hu, stored - 1024)
    assert read.header == slice_from_bytes(memoryview(content), decode=no_decode).header


@pytest.mark.parametrize("after", [b"\0" * 512, b"\7" * 33, b"\xfc\xff\xfc\xffOB\0\0\2\0\0\0\0\0"])
def test_what_follows_the_pixels_in_the_file_does_no_harm(made, element, after):
    stored = np.arange(64).reshape(8, 8)
    pixels = element(0x7FE00010, "OW", stored.astype("<i2").tobytes()) + after
    read = made(stored, pixel_data=pixels)
    np.testing.assert_array_equal(read.hu, stored - 1024)


@pytest.mark.parametrize(
    ("kind", "is_read"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", True),  # CT Image Storage
        ("1.2.840.10008.5.1.4.1.1.2.2", True),  # Legacy Converted Enhanced CT
        ("1.2.840.10008.5.1.4.1.1.7", True),  # Secondary Capture
        ("1.2.840.10008.5.1.4.1.1.7.3", True),  # Multi-frame Grayscale Word Secondary Capture
        ("1.2.840.10008.5.1.4.1.1.88.67", False),  # X-Ray Radiation Dose SR
        ("1.2.840.10008.5.1.4.1.1.104.1", False),  # Encapsulated PDF
        ("1.2.840.10008.5.1.4.1.1.66", False),  # Raw Data
        ("1.3.12.2.1107.5.9.1", False),  # a maker's own, without an image
        ("1.2.840.10008.5.1.4.1.1.20", False),  # Nuclear Medicine
    ],
)
def test_what_is_no_ct_image_by_its_class_is_set_aside(made, reason, kind, is_read):
    words = {"extra": [(0x00080016, "UI", kind)]}
    if is_read:
        assert made(**words).hu.shape == (8, 8)
    else:
        rows = {"drop": [0x00280002, 0x00280010]}
        assert reason(**words, **rows).startswith("set aside: another kind of file than a CT image")


def test_a_whole_row_of_bytes_more_is_another_matrix(reason, element):
    pixels = element(0x7FE00010, "OW", bytes(128) + bytes(range(16)))
    assert "pixel data have 144 bytes, expected 128" in reason(pixel_data=pixels)


@pytest.mark.parametrize(
    "words",
    [
        *map(rescale_type, ("HU", "hu ", "US", "")),
        image_type("ORIGINAL\\PRIMARY\\AXIAL"),
        image_type("ORIGINAL\\PRIMARY\\AXIAL\\HELIX"),
        image_type("DERIVED\\SECONDARY\\MPR"),
        image_type(""),
    ],
)
def test_what_is_or_may_be_hu_is_read(made, words):
    assert (made(np.full((8, 8), 1064), **words).hu == 40).all()
