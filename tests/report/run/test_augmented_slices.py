"""The contact sheet of augmented slices: what was made, with its words, and nothing empty."""

import numpy as np

from ichreport.params.training.augmentations import FLIP_ALONE, parse, sentence
from ichreport.report.html.sanitise import clean
from ichreport.report.run.augmented_slices import contact_sheet

HU = np.random.default_rng(0).integers(-1024, 300, (2, 4, 32, 32)).astype(np.int16)


def test_each_slice_is_a_row_that_begins_with_itself():
    augmentations = parse(["flip", {"affine": {"rotate": 20}}])
    sheet = contact_sheet(augmentations, HU)
    for _, tiles in sheet.rows:
        assert [tile.text for tile in tiles] == ["as it is", "", "", ""]
        assert len({tile.images[0] for tile in tiles}) == 4
    html = clean(sheet._repr_html_(), where="page").html
    assert html.count("<img ") == html.count('alt="') == 8
    assert "rotated by up to ±20° (a share of 0.5)" in html


def test_without_slices_there_is_a_sentence_and_no_figure():
    html = contact_sheet((), HU[:0])._repr_html_()
    assert "No slice is varied in training." in html
    assert "<img" not in html


def test_a_single_slice_varied_once_is_said_as_such():
    assert contact_sheet(parse(["flip"]), HU).alternative.startswith(
        "2 slices of train, each varied 3 times."
    )
    assert contact_sheet(parse(["flip"]), HU[:1, :2]).alternative.startswith(
        "1 slice of train, each varied 1 time."
    )


def test_areas_of_equal_ends_are_one_number():
    assert "cropped to 0.5 of their area" in sentence(parse([{"crop": {"scale": [0.5, 0.5]}}]))
    assert "cropped to 0.5 to 1 of their area" in sentence(parse([{"crop": {"scale": [0.5, 1]}}]))
    erased = sentence(parse([{"erase": {"area": [0.1, 0.1]}}]))
    assert "a rectangle of 0.1 of their area" in erased


def test_flips_alone_are_said_as_ever():
    assert sentence(FLIP_ALONE) == "Half of the slices are flipped left to right."
    assert sentence(()) == "No augmentation."
