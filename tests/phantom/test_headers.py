import re
from collections import Counter

import numpy as np
import pytest
from pydicom.pixels import apply_rescale

from ichreport.params.phantom.scanners import SCANNERS
from ichreport.phantom import headers as module
from ichreport.phantom.cohort import StudyPlan
from ichreport.phantom.scanner.scan import Scan

TAGS = [
    "SOPInstanceUID",
    "Modality",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "StudyID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    "PixelData",
]


@pytest.fixture
def scan():
    rng = np.random.default_rng(0)
    return Scan.draw(rng, SCANNERS[0], rows=64, columns=64, slices=10, varied=False)


def slices_of(small, fault):
    (study,) = (study for study in small.studies if fault in study["faults"])
    return study


@pytest.fixture
def hu_of(small, headers, read):
    """The rescaled pixels of a study's slices, by pydicom."""

    def slices(study):
        for uid, header in headers.items():
            in_series = header.SeriesInstanceUID == study["series_instance_uid"]
            if in_series and uid != study.get("truncated"):
                whole = read(small.folder / "stage_2_train" / f"{uid}.dcm")
                yield apply_rescale(whole.pixel_array, whole)

    return slices


def test_a_slice_has_the_challenges_22_elements_and_no_other(small, headers, read):
    for uid in list(headers)[::7]:
        whole = read(small.folder / "stage_2_train" / f"{uid}.dcm")
        assert [element.keyword for element in whole] == TAGS
        assert len(TAGS) == 22


def test_identifiers_look_like_the_challenges(headers):
    for uid, header in headers.items():
        assert re.fullmatch(r"ID_[0-9a-f]{9}", uid)
        assert uid == header.SOPInstanceUID
        assert re.fullmatch(r"ID_[0-9a-f]{8}", header.PatientID)
        assert re.fullmatch(r"ID_[0-9a-f]{10}", header.StudyInstanceUID)
        assert re.fullmatch(r"ID_[0-9a-f]{10}", header.SeriesInstanceUID)


def test_names_are_in_no_order(headers):
    heights = [header.ImagePositionPatient[2] for _, header in sorted(headers.items())]
    assert abs(np.corrcoef(np.arange(len(heights)), heights)[0, 1]) < 0.2


def test_each_header_belongs_to_one_family_and_both_are_common(headers):
    families = Counter()
    for header in headers.values():
        kind = (header.BitsStored, header.HighBit, header.PixelRepresentation)
        families[kind] += 1
        several = header["WindowCenter"].VM > 1
        assert several == (kind == (12, 11, 0))
        text = header["WindowCenter"].value[0] if several else header["WindowCenter"].value
        assert str(getattr(text, "original_string", text)).startswith("000") == several
        assert header.RescaleSlope == 1
    assert set(families) == {(12, 11, 0), (16, 15, 1)}
    assert min(families.values()) > 0.3 * len(headers)


def test_slices_of_a_series_share_their_orientation_and_differ_in_height(headers):
    series = {}
    for header in headers.values():
        series.setdefault(header.SeriesInstanceUID, []).append(header)
    for members in series.values():
        assert len({tuple(header.ImageOrientationPatient) for header in members}) == 1
        heights = {float(header.ImagePositionPatient[2]) for header in members}
        assert len(heights) == len(members)
        row, column = np.reshape(members[0].ImageOrientationPatient, (2, 3)).astype(float)
        np.testing.assert_allclose([row @ row, column @ column, row @ column], [1, 1, 0], atol=1e-5)


def test_tilt_shows_in_the_orientation_only(small, headers):
    tilts = {study["series_instance_uid"]: study["tilt"] for study in small.studies}
    assert any(tilt == 0 for tilt in tilts.values())
    assert all(tilt == 0 or 2 <= tilt <= 22 for tilt in tilts.values())
    for header in headers.values():
        sine = -float(header.ImageOrientationPatient[5])
        assert np.degrees(np.arcsin(sine)) == pytest.approx(
            tilts[header.SeriesInstanceUID], abs=0.01
        )


def test_air_bone_and_brain_come_out_in_hounsfield_units(small, hu_of):
    study = next(s for s in small.studies if not s["faults"])
    middle = list(hu_of(study))
    assert np.median([hu.min() for hu in middle]) < -950
    assert max(hu.max() for hu in middle) > 900
    assert max(hu.max() for hu in middle) <= 3071


def test_one_file_is_cut_in_its_pixels(small, headers, read):
    study = slices_of(small, "truncated")
    uid = study["truncated"]
    assert headers[uid].Rows == study["rows"]
    with pytest.raises(ValueError, match="less than expected"):
        _ = read(small.folder / "stage_2_train" / f"{uid}.dcm").pixel_array


def test_all_other_files_are_whole(small, hu_of):
    for study in small.studies:
        assert all(hu.shape == (study["rows"], study["columns"]) for hu in hu_of(study))


def test_one_series_is_not_square(small):
    assert [s["faults"] for s in small.studies if s["rows"] != s["columns"]] == [
        slices_of(small, "non-square")["faults"]
    ]


def test_padding_comes_out_at_minus_3024_and_only_outside_the_circle(small, hu_of):
    study = slices_of(small, "padded")
    for hu in hu_of(study):
        y, x = np.indices(hu.shape) - (np.array(hu.shape)[:, None, None] - 1) / 2
        outside = np.hypot(y, x) > max(hu.shape) / 2
        assert (hu[outside] == -2000 - 1024).all()
        assert (hu[~outside] >= -1024).all()


def test_the_wrapped_series_is_righted_by_the_known_correction(small, hu_of):
    study = slices_of(small, "wrapped")
    air = []
    for hu in hu_of(study):
        stored = hu.astype(int)  # the intercept is 0
        assert stored.min() >= 0
        righted = stored + 1000
        righted[righted >= 4096] -= 4096
        air.append((righted - 1000)[0, 0])
    assert all(-1000 <= value < -900 for value in air)


def test_the_signed_series_with_intercept_0_is_right_as_it_is(small, hu_of):
    study = slices_of(small, "zero intercept")
    assert study["family"] == "b"
    assert study["intercept"] == 0
    assert np.median([hu.min() for hu in hu_of(study)]) < -950


def test_stored_pixels_return_through_their_own_rescale(scan):
    hu = np.array([[-1024, -1000, -5, 0, 40, 3071]], np.int16)
    for family, intercept, kind in (("a", -1024, "<u2"), ("b", -1024, "<i2"), ("b", 0, "<i2")):
        style = module.Style(intercept, "40", "80", decimals=False)
        pixels = module.stored(hu, StudyPlan("harbour-1", family), style, hu > 4000)
        np.testing.assert_array_equal(np.frombuffer(pixels, kind).astype(int) + intercept, hu[0])


def test_an_intercept_of_minus_1000_cannot_store_less_than_minus_1000(scan):
    style = module.Style(-1000, "40", "80", decimals=False)
    hu = np.array([[-1024, 7]], np.int16)
    pixels = module.stored(hu, StudyPlan("harbour-1", "a"), style, hu > 4000)
    np.testing.assert_array_equal(np.frombuffer(pixels, "<u2"), [0, 1007])


def test_decimal_series_carry_six_decimals(headers):
    texts = {str(h["RescaleIntercept"].value.original_string) for h in headers.values()}
    assert any(re.fullmatch(r"-?\d+", text) for text in texts)
    assert any(re.fullmatch(r"-?\d+\.\d{6}", text) for text in texts)
