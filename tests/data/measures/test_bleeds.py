"""The measures of a bleed, against values worked by hand and all pairs of pixels."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ichreport.data.ingest.make_store import ingest
from ichreport.data.measures.bleeds import (
    REACH,
    measure_bleed,
    measure_bleeds,
    measure_each_bleed,
)
from ichreport.labels import LABELS

BRAIN, BLOOD, BONE = 30, 70, 1000


@pytest.fixture(scope="module")
def store(tmp_path_factory, write_challenge):
    folder = tmp_path_factory.mktemp("bleeds")
    write_challenge(folder / "rsna", patients=6, slices=9, size=32, truth=True)
    return ingest(folder / "rsna", folder / "store", image_size=16, progress=False)


def test_a_square_of_blood_has_the_area_and_contrast_of_its_pixels():
    hu = np.full((40, 40), BRAIN, dtype=np.int16)
    mask = np.zeros(hu.shape, dtype=bool)
    mask[20:24, 10:15] = True
    hu[mask] = BLOOD
    hu[:, 22:] = 10  # brain further than 10 mm away says nothing
    measures = measure_bleed(hu, mask, mask, spacing=2.0)
    assert measures.area == pytest.approx(20 * 4 / 100)
    assert measures.contrast == pytest.approx(BLOOD - BRAIN)
    assert measures.from_bone == REACH


def test_other_blood_is_not_the_brain_that_a_bleed_is_compared_with():
    hu = np.full((30, 30), BRAIN, dtype=np.int16)
    mask, blood = np.zeros((2, *hu.shape), dtype=bool)
    mask[10:13, 10:13] = True
    blood[5:20, 5:20] = True
    hu[blood] = 60
    hu[mask] = BLOOD
    assert measure_bleed(hu, mask, blood, 1.0).contrast == pytest.approx(BLOOD - BRAIN)


@pytest.mark.parametrize(("columns", "expected"), [(1, 2.0), (3, 4.0), (20, REACH)])
def test_the_way_to_bone_is_that_of_the_middle_pixel(columns, expected):
    hu = np.full((60, 60), BRAIN, dtype=np.int16)
    hu[:, 5] = BONE
    mask = np.zeros(hu.shape, dtype=bool)
    mask[30, 6 : 6 + columns] = True
    assert measure_bleed(hu, mask, mask, spacing=2.0).from_bone == pytest.approx(expected)


def test_the_crop_measures_what_the_whole_slice_says():
    rng = np.random.default_rng(0)
    for _ in range(20):
        hu = rng.integers(-20, 330, (24, 26)).astype(np.int16)
        mask, blood = np.zeros((2, *hu.shape), dtype=bool)
        row, column = rng.integers(0, 20, 2)
        mask[row : row + 3, column : column + 4] = True
        blood = mask | (rng.random(hu.shape) < 0.1)
        spacing = float(rng.uniform(0.8, 2.5))
        places = spacing * np.argwhere(np.ones_like(mask))
        away = np.linalg.norm(places[:, None] - places[mask.ravel()], axis=2)
        near = (away.min(axis=1) <= REACH).reshape(hu.shape)
        brain = hu[near & ~blood & (hu > 0) & (hu < 100)]
        to_bone = np.median(away[(hu > 300).ravel()].min(axis=0))
        measures = measure_bleed(hu, mask, blood, spacing)
        assert measures.contrast == pytest.approx(hu[mask].mean() - np.median(brain))
        assert measures.from_bone == pytest.approx(min(to_bone, REACH))


def test_nothing_is_measured_of_an_empty_mask_or_without_brain():
    hu = np.full((8, 8), BONE, dtype=np.int16)
    nothing = np.zeros(hu.shape, dtype=bool)
    assert np.isnan(measure_bleed(hu, nothing, nothing, 1.0)).all()
    one = nothing.copy()
    one[4, 4] = True
    measures = measure_bleed(hu, one, one, 1.0)
    assert np.isnan(measures.contrast)
    assert measures.area == pytest.approx(0.01)


@pytest.mark.parametrize("spacing", [np.nan, 0.0])
def test_nothing_is_measured_where_no_file_says_how_far_pixels_are_apart(spacing):
    hu, mask = np.full((8, 8), 40, dtype=np.int16), np.eye(8, dtype=bool)
    assert np.isnan(measure_bleed(hu, mask, mask, spacing)).all()


def test_the_area_of_a_bleed_is_its_pixels_times_what_each_covers(store):
    row = int(np.argmax(store.slices["any"].to_numpy()))
    [measures] = measure_bleeds(store, np.array([row]), "any").itertuples()
    mask = store.truth([row])[0] > 0
    side = 0.488281 * 32 / 16  # mm
    assert measures.area == pytest.approx(mask.sum() * side**2 / 100)
    hu = store.hu([row])[0]
    places = side * np.argwhere(np.ones_like(mask))
    away = np.linalg.norm(places[:, None] - places[mask.ravel()], axis=2).min(axis=1)
    brain = hu[~mask & (hu > 0) & (hu < 100) & (away.reshape(hu.shape) <= REACH)]
    assert measures.contrast == pytest.approx(hu[mask].mean() - np.median(brain))


def test_the_area_of_a_bleed_in_a_slice_that_is_not_square_counts_the_longer_side():
    """64 x 32 pixels of 0.5 mm were padded to 64 x 64, of which 4 x 4 become one."""
    made_up = SimpleNamespace(
        slices=pd.DataFrame({"rows": [64], "columns": [32], "spacing": [0.5]}),
        image_size=16,
        hu=lambda rows: np.full((1, 16, 16), 30, dtype=np.int16),
        truth=lambda rows: np.eye(16, dtype=np.uint8)[None],
    )
    [measures] = measure_bleeds(made_up, np.array([0]), "any").itertuples()
    assert measures.area == pytest.approx(16 * 0.2**2)  # 2 mm a side
    assert measures.contrast == 0


def test_the_bleeds_of_all_labels_are_measured_from_one_reading(store, monkeypatch):
    bleeding = np.flatnonzero(store.slices["any"].to_numpy() == 1)
    expected = {label: measure_bleeds(store, bleeding, label) for label in LABELS}
    read, hu = [], store.hu
    monkeypatch.setattr(type(store), "hu", lambda _, rows: read.extend(rows) or hu(rows))
    found = measure_each_bleed(store, bleeding, LABELS)
    assert read == list(bleeding)
    assert len(found) == 6
    for label in LABELS:
        pd.testing.assert_frame_equal(found[label], expected[label])
    assert sum(len(one.dropna(subset="area")) for one in found.values()) > len(bleeding)


def test_a_slice_without_a_mask_has_no_area(store):
    row = int(np.argmin(store.slices["any"].to_numpy()))
    assert measure_bleeds(store, np.array([row]), "any").isna().all(axis=None)
