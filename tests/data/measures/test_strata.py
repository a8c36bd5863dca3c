"""The classes of slices, against the store and values worked by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ichreport.data.ingest.make_store import ingest
from ichreport.data.measures.bleeds import measure_bleeds
from ichreport.data.measures.strata import stratify


@pytest.fixture(scope="module")
def store(tmp_path_factory, write_challenge):
    folder = tmp_path_factory.mktemp("strata")
    write_challenge(folder / "rsna", patients=6, slices=9, size=32, truth=True)
    return ingest(folder / "rsna", folder / "store", image_size=16, progress=False)


def classes(store, rows):
    return {strata.name: strata for strata in stratify(store, np.asarray(rows))}


def test_what_every_slice_has_sorts_every_slice(store):
    rows = np.arange(len(store))
    strata = classes(store, rows)
    for name in ("position", "tilt", "header"):
        assert not strata[name].bleeding_only
        assert strata[name].classes.notna().all()
        assert list(strata[name].classes.index) == store.slices["sop_instance_uid"].to_list()
    position = strata["position"].classes.value_counts()
    assert position.to_dict() == {"lower third": 18, "middle third": 18, "upper third": 18}
    assert strata["tilt"].classes.value_counts()["10° and more"] == 27
    assert set(strata["header"].classes) == {"12-bit unsigned", "16-bit signed"}


def test_a_tilt_counts_whichever_way_it_is(store):
    tilts = pd.Series([-21.0, -10.0, -9.9, -1.0, -0.9, 0.0, 0.9, 1.0, 9.9, 10.0])
    tilted = SimpleNamespace(
        slices=store.slices.iloc[:10].assign(tilt=tilts.to_numpy()),
        series=store.series,
        has_truth=False,
    )
    assert classes(tilted, range(10))["tilt"].classes.tolist() == [
        *("10° and more", "10° and more", "1 to 10°", "1 to 10°", "below 1°", "below 1°"),
        *("below 1°", "1 to 10°", "1 to 10°", "10° and more"),
    ]


def test_slices_are_sorted_by_scanner_where_any_is_known(store, monkeypatch):
    rows = np.arange(0, len(store), 2)
    assert "scanner" not in classes(store, rows)
    named = store.series.assign(manufacturer="GE", model=["", "B", "A", "A", "B", "A"])
    monkeypatch.setattr(store, "series", named)
    found = classes(store, rows)["scanner"].classes
    of_series = dict(zip(named["series_instance_uid"], named["model"], strict=True))
    for uid, name in found.items():
        series = store.slices.set_index("sop_instance_uid").loc[uid, "series_instance_uid"]
        assert name == f"GE {of_series[series]}".strip()
    monkeypatch.setattr(store, "series", named.assign(manufacturer=""))
    assert set(classes(store, rows)["scanner"].classes) == {"A", "B", "unknown"}


def test_what_only_a_bleed_has_sorts_the_bleeding_slices(store):
    strata = classes(store, np.arange(len(store)))
    bleeds = store.slices.set_index("sop_instance_uid")["any"] == 1
    subtypes = strata["subtypes"]
    assert subtypes.bleeding_only
    assert (subtypes.classes.notna() == bleeds).all()
    counts = store.slices.filter(regex="dural|intra|arachnoid").sum(axis=1).to_numpy()
    assert (subtypes.classes == "two").sum() == (counts == 2).sum() > 0
    for name in ("area of the bleed", "contrast of the bleed"):
        assert (strata[name].classes.notna() == bleeds).all()


def test_a_bleed_of_which_a_kind_is_not_labelled_has_no_number_of_kinds(store, monkeypatch):
    before = classes(store, np.arange(len(store)))["subtypes"].classes
    row = np.flatnonzero(before.notna())[0]
    unlabelled = store.slices["epidural"].where(np.arange(len(store)) != row, -1)
    monkeypatch.setattr(store, "slices", store.slices.assign(epidural=unlabelled))
    after = classes(store, np.arange(len(store)))["subtypes"].classes
    assert after.isna().to_numpy()[row]
    others = np.arange(len(store)) != row
    pd.testing.assert_series_equal(after[others], before[others])


def test_the_classes_of_some_slices_are_those_they_have_among_all(store):
    rows = np.array([40, 3, 17])
    every = classes(store, np.arange(len(store)))
    for name, strata in classes(store, rows).items():
        expected = every[name].classes.iloc[rows]
        assert strata.classes.astype(object).fillna("").tolist() == (
            expected.astype(object).fillna("").tolist()
        )


def test_bleeds_are_sorted_by_the_measures_that_failures_are_told_by(store):
    strata = classes(store, np.arange(len(store)))
    bleeds = np.flatnonzero(store.slices["any"].to_numpy() == 1)
    measures = measure_bleeds(store, bleeds, "any")
    for name, edge, smallest in (("area", 1.0, "below 1 cm²"), ("contrast", 20.0, "below 20 HU")):
        is_below = strata[f"{name} of the bleed"].classes.iloc[bleeds] == smallest
        assert (is_below.to_numpy() == (measures[name] < edge).to_numpy()).all()


def test_without_masks_there_is_no_area(tmp_path, write_challenge):
    write_challenge(tmp_path / "rsna", slices=4)
    store = ingest(tmp_path / "rsna", tmp_path / "store", image_size=16, progress=False)
    assert list(classes(store, [0, 1])) == ["position", "tilt", "header", "subtypes"]
