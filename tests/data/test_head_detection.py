"""Heads are told from chests, necks and bellies, drawn here as ellipses, and on real slices."""

import numpy as np
import pydicom
import pytest

from ichreport.data.head_detection import shows_head

SIDE, SPACING = 256, 1.6
DOWN, ACROSS = (np.mgrid[:SIDE, :SIDE] - SIDE / 2) * SPACING
"""mm from the middle."""
AIR, LUNG, SOFT, BONE = -1024, -850, 40, 800


def ellipse(width, height, down=0.0, across=0.0):
    """Where an ellipse of these half-axes (mm) lies."""
    return ((ACROSS - across) / width) ** 2 + ((DOWN - down) / height) ** 2 <= 1


def angle():
    return np.degrees(np.arctan2(DOWN, ACROSS)) % 360


def head(width=75, height=95, bone=7, gap=0.0):
    """A vault: skin, a ring of bone with a gap (degrees) on one side, brain."""
    hu = np.where(ellipse(width + 5, height + 5), SOFT, AIR)
    ring = ellipse(width, height) & ~ellipse(width - bone, height - bone)
    return np.where(ring & ((angle() + gap / 2) % 360 >= gap), BONE, hu)


def chest():
    hu = np.where(ellipse(170, 115), SOFT, AIR)
    for side in (-1, 1):
        hu[ellipse(60, 85, across=75 * side)] = LUNG
    ribs = ellipse(155, 105) & ~ellipse(147, 97)
    hu[ribs & (angle() % 30 < 16)] = BONE
    hu[ellipse(20, 18, down=85)] = BONE
    hu[ellipse(18, 6, down=-100)] = BONE
    return hu


def belly():
    hu = np.where(ellipse(165, 110), SOFT, AIR)
    hu[ellipse(26, 22, down=65)] = BONE
    ribs = ellipse(150, 100) & ~ellipse(143, 93)
    hu[ribs & (angle() % 60 < 12)] = BONE
    return hu


def neck():
    hu = np.where(ellipse(60, 65), SOFT, AIR)
    hu[ellipse(22, 18, down=15)] = BONE
    hu[ellipse(10, 12, down=-25)] = AIR
    return hu


def legs():
    hu = np.full((SIDE, SIDE), AIR)
    for side in (-1, 1):
        hu[ellipse(80, 80, across=90 * side)] = SOFT
        hu[ellipse(15, 15, across=90 * side)] = BONE
    return hu


def bottle():
    """A phantom for calibration: a wall of plastic around water."""
    return np.where(ellipse(100, 100), 0, AIR) + np.where(
        ellipse(100, 100) & ~ellipse(95, 95), 120, 0
    )


@pytest.mark.parametrize(
    "drawn",
    [
        head(),
        head(60, 70, bone=3),
        head(45, 52, bone=3),
        head(80, 105, bone=10),
        head(gap=80),
    ],
    ids=["adult", "child", "newborn", "large and thick", "a flap taken out"],
)
@pytest.mark.parametrize("shift", [(0, 0), (20, -30)])
def test_a_head_is_seen_wherever_it_lies(drawn, shift):
    assert shows_head(np.roll(drawn, shift, (0, 1)).astype(np.int16), SPACING)


@pytest.mark.parametrize("draw", [chest, belly, neck, legs, bottle])
def test_other_parts_of_the_body_are_no_heads(draw):
    assert not shows_head(draw().astype(np.int16), SPACING)


def test_air_bone_and_a_slice_of_unknown_size_are_no_heads():
    for hu in (np.full((64, 64), AIR), np.full((64, 64), BONE)):
        assert not shows_head(hu.astype(np.int16), 4.0)
    assert not shows_head(head().astype(np.int16), float("nan"))


def test_a_head_of_another_size_is_none():
    drawn = head().astype(np.int16)
    assert not shows_head(drawn, 3 * SPACING)  # 45 cm across
    assert not shows_head(drawn, SPACING / 8)  # 2 cm across


@pytest.mark.parametrize(("name", "expected"), [("693_J2KI.dcm", True), ("CT_small.dcm", False)])
def test_real_slices_that_pydicom_brings_are_told_apart(name, expected):
    pytest.importorskip("openjpeg", reason="needs the extra `compressed`")
    read = pydicom.dcmread(pydicom.data.get_testdata_file(name, download=False))
    hu = read.pixel_array * int(read.RescaleSlope) + int(read.RescaleIntercept)
    assert shows_head(hu.clip(-1024, 3071).astype(np.int16), read.PixelSpacing[0]) is expected


@pytest.mark.parametrize("spacing", [0.4, 0.6, 0.8])
def test_a_noisy_head_for_bone_is_one_whatever_its_pixels(spacing):
    side = round(240 / spacing)
    down, across = (np.mgrid[:side, :side] - side / 2) * spacing
    distance = np.hypot(down / 95, across / 75)
    hu = np.select([distance < 0.92, distance < 1, distance < 1.07], [SOFT, BONE, SOFT], AIR)
    noisy = hu + np.random.default_rng(0).normal(0, 80, hu.shape)
    assert shows_head(noisy.clip(-1024, 3071).astype(np.int16), spacing)


def test_a_head_that_the_image_cuts_off_at_its_sides_is_one():
    cut = head()[:, 88:168]  # 128 of 150 mm
    assert shows_head(cut.astype(np.int16), SPACING)
    belly_cut = belly()[:, 88:168]
    assert not shows_head(belly_cut.astype(np.int16), SPACING)


def test_the_image_need_not_be_square():
    assert shows_head(head()[60:200].astype(np.int16), SPACING)
