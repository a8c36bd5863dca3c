"""Heat lies in the patient where its slice has a spot, however the files hold their slices.

The oracle is the equation of PS3.3 section C.7.6.2.1.1, applied to the source's attributes when the
spot is drawn, and to the map's own when it is found again. Nothing of turning, padding or
resampling is in it.
"""

import itertools

import numpy as np
import pytest
from pydicom import dcmread

from ichreport.export.dicom.geometry import Plane, plane_in_store
from ichreport.export.dicom.write import DicomExport
from tests.export.dicom.made_study import RUN, MadeSeries, enhanced_file, study_of

AXES = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)]
ORIENTATIONS = [
    (*row, *column)
    for row, column in itertools.product(AXES, AXES)
    if np.dot(row, column) == 0
]  # fmt: skip
SHAPES = [(64, 64), (64, 50), (47, 64), (61, 53)]


def tilted(orientation, degrees):
    """An orientation after the gantry is tilted around the axis from right to left."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    return tuple(np.concatenate([turn @ orientation[:3], turn @ orientation[3:]]))


def place_of_heat(made):
    """Where the strongest frame's center of mass lies, by the map's own attributes, mm."""
    frames = made.pixel_array.astype(float)
    strongest = int(frames.sum(axis=(1, 2)).argmax())
    shared = made.SharedFunctionalGroupsSequence[0]
    own = made.PerFrameFunctionalGroupsSequence[strongest]
    row, column = np.array(
        shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float
    ).reshape(2, 3)
    down, across = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    position = np.array(own.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
    i, j = (
        (axis * frames[strongest]).sum() / frames[strongest].sum()
        for axis in np.indices(frames[strongest].shape)
    )
    return position + row * across * j + column * down * i


def heat_of(folder, series, spot, **words):
    study = study_of(folder, series, spot=spot, **words)
    made = DicomExport(study.source, RUN).write(
        study.findings, study.heat, study.store, folder / "out"
    )
    assert not made.left_out
    return dcmread(folder / "out" / "heat-1-any.dcm")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("number", [0, 1])
def test_heat_lies_where_the_spot_does(tmp_path, orientation, number):
    shape = SHAPES[(2 * ORIENTATIONS.index(orientation) + number) % len(SHAPES)]
    series = MadeSeries(tilted(orientation, 17.0 * number), shape)
    spot = series.center(6, across=23.0, down=-17.0)
    made = heat_of(tmp_path, series, spot)
    store_pixel = series.spacing * max(shape) / 32
    # Half a pixel is what a wrong step would cost; the center of mass is ten times as exact.
    assert np.linalg.norm(place_of_heat(made) - spot) < 0.05 * store_pixel


def test_heat_of_a_larger_store_lies_there_too(tmp_path):
    series = MadeSeries(tilted((0, -1, 0, -1, 0, 0), -12.0), (40, 52), spacing=4.0)
    spot = series.center(3, across=-20.0, down=9.0)
    made = heat_of(tmp_path, series, spot, size=96)
    assert np.linalg.norm(place_of_heat(made) - spot) < 0.05 * 4.0


def test_heat_of_frames_lies_where_the_spot_does(tmp_path):
    series = MadeSeries(tilted((-1, 0, 0, 0, 1, 0), 10.0), (64, 50))
    spot = series.center(2, across=15.0, down=11.0)
    source = tmp_path / "frames"
    source.mkdir()
    enhanced_file(series, spot).save_as(source / "frames.dcm")
    made = heat_of(tmp_path, series, spot, source=source)
    assert np.linalg.norm(place_of_heat(made) - spot) < 0.05 * series.spacing * 2


def test_a_halved_pixel_lies_between_its_four():
    file = Plane.from_attributes((10.0, 20.0, 30.0), (1, 0, 0, 0, 1, 0), (0.5, 0.5))
    halved = plane_in_store(file, 512, 512, 256)
    np.testing.assert_allclose(halved.position, (10.25, 20.25, 30.0))
    assert halved.spacing == (1.0, 1.0)


def test_a_slice_of_the_stores_size_stays_where_it_is():
    file = Plane.from_attributes((1.0, 2.0, 3.0), (1, 0, 0, 0, 1, 0), (0.7, 0.7))
    same = plane_in_store(file, 256, 256, 256)
    np.testing.assert_allclose(same.position, file.position)
    np.testing.assert_allclose(same.orientation, file.orientation)


@pytest.mark.parametrize(
    ("position", "orientation", "spacing", "named"),
    [
        ((1, 2), (1, 0, 0, 0, 1, 0), (1, 1), "ImagePositionPatient"),
        ((1, 2, 3), (), (1, 1), "ImageOrientationPatient"),
        ((1, 2, 3), (1, 0, 0, 1, 0, 0), (1, 1), "ImageOrientationPatient"),
        ((1, 2, 3), (1, 0, 0, 0, 1, 0), (1, 0), "PixelSpacing"),
        ((1, 2, 3), (1, 0, 0, 0, 1, 0), (float("nan"),) * 2, "PixelSpacing"),
    ],
)
def test_what_is_no_place_is_named(position, orientation, spacing, named):
    with pytest.raises(ValueError, match=named):
        Plane.from_attributes(position, orientation, spacing)
