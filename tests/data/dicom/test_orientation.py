"""However a slice lies in its file, a store holds it as a radiologist looks at it."""

import itertools

import numpy as np
import pytest

from ichreport.data.dicom.orientation import Turn, are_directions

ROWS, COLUMNS, SPACING = 6, 9, 0.5
LEFT, BACK, UP = np.eye(3)


def directions(tilt=0.0, turned=0.0):
    """The directions of a row and a column, for a gantry's tilt and a turn within the plane."""
    sine, cosine = np.sin(np.radians(tilt)), np.cos(np.radians(tilt))
    back = cosine * BACK - sine * UP
    angle = np.radians(turned)
    row = np.cos(angle) * LEFT + np.sin(angle) * back
    return row, np.cos(angle) * back - np.sin(angle) * LEFT


def written(row, column):
    return "\\".join(f"{number:.6f}" for number in (*row, *column))


def lying(number, tilt=0.0):
    """One of the eight ways in which a slice can lie in its file."""
    swapped, left, back = number & 1, number & 2, number & 4
    row, column = directions(tilt)
    row, column = row * (-1 if left else 1), column * (-1 if back else 1)
    return (column, row) if swapped else (row, column)


def positions(row, column, first=(0.0, 0.0, 0.0)):
    """Where each pixel lies in the patient, mm: (rows, columns, 3), by PS3.3 C.7.6.2.1.1."""
    down, across = np.mgrid[:ROWS, :COLUMNS] * SPACING
    return np.asarray(first) + across[..., None] * row + down[..., None] * column


@pytest.mark.parametrize(("number", "tilt"), [*itertools.product(range(8), (-19.0, 0.0, 12.0))])
def test_a_slice_is_turned_so_that_rows_run_to_the_left_and_columns_to_the_back(made, number, tilt):
    row, column = lying(number, tilt)
    first = np.array([-3.0, 4.0, 7.5])
    where = positions(row, column, first)
    stored = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    read = made(
        stored,
        replace={
            0x00200032: ("DS", "\\".join(f"{x:.6f}" for x in first)),
            0x00200037: ("DS", written(row, column)),
            0x00280030: ("DS", f"{SPACING}\\{SPACING}"),
        },
    )
    # The pixels by their places in the patient: from front to back, then from right to left.
    order = np.lexsort((where[..., 0].ravel().round(3), where[..., 1].ravel().round(3)))
    shape = (COLUMNS, ROWS) if number & 1 else (ROWS, COLUMNS)
    np.testing.assert_array_equal(read.hu.ravel() + 1024, stored.ravel()[order])
    assert read.hu.shape == shape
    assert read.header.geometry.z == pytest.approx(where.reshape(-1, 3)[order[0], 2], abs=1e-4)
    assert read.header.geometry.tilt == pytest.approx(abs(tilt), abs=1e-3)
    assert ("turned to the standard orientation" in read.rules) == (number > 0)
    assert (read.header.geometry.turn.name == "standard") == (number == 0)


@pytest.mark.parametrize(
    ("turned", "name"),
    [
        (0, "standard"),
        (30, "standard"),
        (60, "turned by 90° clockwise"),
        (90, "turned by 90° clockwise"),
        (180, "turned by 180°"),
        (270, "turned by 90° counterclockwise"),
        (330, "standard"),
    ],
)
def test_a_turn_within_the_plane_is_undone_to_the_nearest_right_angle(turned, name):
    row, column = directions(turned=turned)
    assert Turn.from_directions(row, column).name == name


def test_a_clockwise_turn_is_the_one_that_a_clock_makes():
    picture = np.array([[1, 2], [3, 4]])
    turned = {
        "turned by 90° clockwise": [[3, 1], [4, 2]],
        "turned by 90° counterclockwise": [[2, 4], [1, 3]],
        "turned by 180°": [[4, 3], [2, 1]],
        "left and right swapped": [[2, 1], [4, 3]],
        "front and back swapped": [[3, 4], [1, 2]],
        "rows and columns swapped": [[1, 3], [2, 4]],
        "standard": picture,
    }
    turns = [Turn(*flags) for flags in itertools.product([False, True], repeat=3)]
    by_name = {turn.name: turn(picture) for turn in turns}
    for name, expected in turned.items():
        np.testing.assert_array_equal(by_name[name], expected)
    assert len(by_name) == 8


@pytest.mark.parametrize(
    "text", ["", "0\\0\\0\\0\\0\\0", "1\\0\\0\\1\\0\\0", "1\\0\\0\\0\\1", "2\\0\\0\\0\\2\\0"]
)
def test_a_slice_that_does_not_say_how_it_lies_stays_and_is_counted(made, text):
    stored = np.arange(64).reshape(8, 8)
    read = made(stored, replace={0x00200037: ("DS", text)})
    np.testing.assert_array_equal(read.hu, stored - 1024)
    assert read.header.geometry.turn.name == "unknown"
    assert np.isnan(read.header.geometry.tilt)
    assert read.rules == ("orientation not known, kept as it lies",)


def test_directions_may_be_rounded_but_no_more():
    assert are_directions((0.9999, 0.01, 0), (-0.01, 0.9999, 0))
    assert not are_directions((0.9, 0, 0), (0, 1, 0))
    assert not are_directions((1, 0, 0), (0.1, 0.995, 0))


def test_pixels_that_are_not_square_are_set_aside(reason, made):
    assert "0.500 x 1.000 mm" in reason(spacing="0.5\\1.0")
    assert reason(spacing="0.5\\1.0").startswith("set aside")
    assert made(spacing="0.5\\0.501").header.geometry.spacing == 0.5
    assert made(spacing="0.5").header.geometry.spacing == 0.5
    assert "PixelSpacing is damaged" in reason(spacing="0.5\\-0.5")
