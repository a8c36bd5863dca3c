"""A viewer holds the store's own numbers, whatever the texts around them say."""

import base64
import json
import math
import re
import zlib
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ichreport.data.series_choice import representative_series, series_rows
from ichreport.labels import LABELS, SUBTYPES
from ichreport.report.html.formats import listed
from ichreport.report.html.sanitise import clean
from ichreport.report.viewer import run_series, viewer
from ichreport.report.viewer.encode_pixels import pack_heat, pack_hu


class _Data(HTMLParser):
    def __init__(self):
        super().__init__()
        self.inside, self.text, self.tags = False, "", []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = ("class", "viewer-data") in attrs

    def handle_data(self, data):
        if self.inside:
            self.text += data

    def handle_endtag(self, tag):
        self.inside = False


def data_of(html):
    """The viewer's data as a page's HTML holds it."""
    parser = _Data()
    parser.feed(html)
    return json.loads(parser.text)


def planes(text):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)


def unpacked_hu(text, side):
    """HU from their folded differences, by cumulative sums."""
    high, low = planes(text).reshape(2, -1, side).astype(np.int64)
    folded = 256 * high + low
    steps = np.where(folded % 2, -(folded + 1) // 2, folded // 2)
    return (steps.cumsum(axis=-1) - 1024).reshape(-1, side, side)


def uids_of(store, rows):
    return store.slices["series_instance_uid"].iloc[rows].tolist()


def test_hu_of_every_series_come_back_exactly(store):
    chosen = representative_series(store.slices)
    html = viewer.show(store, chosen)._repr_html_()
    names = uids_of(store, chosen)
    for name, series in zip(names, data_of(html)["series"], strict=True):
        assert series["uid"] == name
        rows = np.flatnonzero(store.slices["series_instance_uid"] == name)
        np.testing.assert_array_equal(unpacked_hu(series["hu"], store.image_size), store.hu(rows))
        np.testing.assert_array_equal(
            planes(series["truth"]).reshape(-1, store.image_size, store.image_size),
            store.truth(rows),
        )
        assert series["positions"] == store.slices["z"].iloc[rows].round(1).tolist()


def test_the_widest_steps_survive_packing():
    hu = np.array([[[-1024, 3071, -1024], [3071, 3071, -1024], [0, 1, -1]]], np.int16)
    np.testing.assert_array_equal(unpacked_hu(pack_hu(hu), 3), hu)


def test_less_than_air_is_refused():
    with pytest.raises(ValueError, match="got -1025"):
        pack_hu(np.array([[0, -1025]], np.int16))


def test_heat_is_the_mean_of_what_a_pixel_covers():
    heat = np.zeros((1, 4, 4))
    heat[0, :2, :2] = [[1, 0], [1, 0]]
    heat[0, 2:, 2:] = 0.2
    assert planes(pack_heat(heat, side=2)).tolist() == [128, 0, 0, 51]
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got values from 0.0 to 1.5"):
        pack_heat(heat * 1.5, side=2)


def test_a_page_keeps_the_data_and_drops_what_runs(store):
    shown = viewer.of_data(store)
    fragment = clean(shown._repr_html_(), where="explore.html")
    assert 'class="viewer"' in fragment.html
    assert data_of(fragment.html) == data_of(shown._repr_html_())
    assert not re.search("<script|<style", fragment.html)


def test_text_from_data_stays_text(planted):
    store, name = planted
    html = viewer.show(store, name, caption="<b>&")._repr_html_()
    parser = _Data()
    parser.feed(html)
    assert [tag for tag, _ in parser.tags if tag == "img"] == ["img"]
    assert not any("onerror" in attributes for _, attributes in parser.tags)
    assert data_of(html)["series"][0]["uid"] == name
    assert "<figcaption>&lt;b&gt;&amp;" in html


def test_what_takes_too_much_room_is_resampled_and_says_so(store):
    name = representative_series(store.slices)[0]
    whole = viewer.show(store, name)
    half = viewer.show(store, name, budget=len(whole.payload["series"][0]["hu"]) // 2)
    series = half.payload["series"][0]
    assert len(series["hu"]) <= len(whole.payload["series"][0]["hu"]) // 2
    assert f"Resampled from {store.image_size} to {series['side']} pixels" in half.caption
    rows = series_rows(store, name)
    mean = store.hu(rows).mean(axis=(1, 2))
    np.testing.assert_allclose(
        unpacked_hu(series["hu"], series["side"]).mean(axis=(1, 2)), mean, atol=1
    )
    assert "Resampled" not in whole.caption


def test_the_representative_series_show_every_subtype_and_a_clear_head(store):
    names = uids_of(store, representative_series(store.slices))
    chosen = store.slices[store.slices["series_instance_uid"].isin(names)]
    for label in SUBTYPES:
        assert (chosen[label] == 1).any() == (store.slices[label] == 1).any()
    last = chosen[chosen["series_instance_uid"] == names[-1]]
    assert (last["any"] == 0).all()
    assert len(names) == len(set(names)) <= 6


def test_the_caption_promises_what_the_chosen_series_show_and_no_more(store):
    every = store.slices
    occur = [label for label in SUBTYPES if (every[label] == 1).any()]
    whole = viewer.of_data(store).caption
    said = "each subtype" if len(occur) == len(SUBTYPES) else occur[0]
    assert whole.startswith(f"Whole series, chosen to show {said}")
    assert "and one without bleeding." in whole
    none = dict.fromkeys(LABELS, 0)
    store.slices = every.assign(**none | {"subdural": 1, "any": 1})
    assert viewer.of_data(store).caption.startswith("Whole series, chosen to show subdural. ")
    store.slices = every.assign(**none | {"subdural": 1, "epidural": 1, "any": 1})
    both = listed([label for label in SUBTYPES if label in ("epidural", "subdural")])
    assert viewer.of_data(store).caption.startswith(f"Whole series, chosen to show {both}. ")
    store.slices = every.assign(**none)
    assert viewer.of_data(store).caption.startswith(
        "Whole series, chosen to show one without bleeding. "
    )


def test_a_run_s_viewer_says_that_a_series_is_without_bleeding_only_if_one_is(store, predictions):
    by_label = {"clear": 0, "bleeding": 1}
    thresholds = SimpleNamespace(threshold=lambda label: math.nan)
    for name, value in by_label.items():
        store.slices = store.slices.assign(**dict.fromkeys(LABELS, value))
        caption = run_series.with_probabilities(store, predictions, thresholds).caption
        assert ("one of them without bleeding" in caption) == (name == "clear")


def test_an_unknown_series_is_named(store):
    with pytest.raises(ValueError, match="has no series 'ID_nowhere'"):
        viewer.show(store, "ID_nowhere")
    with pytest.raises(ValueError, match="must name a series, got none"):
        viewer.show(store, [])


def test_probabilities_stand_at_their_slices(store, predictions):
    name = representative_series(store.slices)[0]
    rows = series_rows(store, name)
    uids = store.slices["sop_instance_uid"].iloc[rows].tolist()
    some = predictions[predictions["sop_instance_uid"] != uids[1]]
    series = viewer.show(store, name, predictions=some).payload["series"][0]
    known = predictions.set_index("sop_instance_uid")
    for label, values in zip(LABELS, series["probabilities"], strict=True):
        assert values[1] is None
        assert values[0] == pytest.approx(known.loc[uids[0], f"probability_{label}"], abs=1e-4)
    assert series["splits"][:2] == [known.loc[uids[0], "split"], None]


def test_the_slice_that_a_threshold_was_chosen_on_still_reaches_it(store, predictions):
    name = representative_series(store.slices)[0]
    drawn = np.random.default_rng(1).random((len(predictions), len(LABELS)), dtype=np.float32)
    columns = [f"probability_{label}" for label in LABELS]
    exact = predictions.assign(**dict(zip(columns, (drawn / 300).T, strict=True)))
    place = 3
    [own] = exact.index[exact["sop_instance_uid"] == _uids(store, name)[place]]
    thresholds = dict(zip(LABELS, exact.loc[own, columns].astype(float), strict=True))
    payload = viewer.show(store, name, predictions=exact, thresholds=thresholds).payload
    [series] = payload["series"]
    assert [values[place] for values in series["probabilities"]] == payload["thresholds"]
    np.testing.assert_allclose(payload["thresholds"], list(thresholds.values()), rtol=5e-6)


def _uids(store, name):
    return store.slices["sop_instance_uid"].iloc[series_rows(store, name)].tolist()


def test_sides_are_marked_where_the_files_say_how_slices_lie(store, monkeypatch):
    shown = viewer.of_data(store)
    assert "R and L are the patient's right and left." in shown.caption
    assert all(series["sides"] for series in shown.payload["series"])
    unknown = store.slices.copy()
    first = series_rows(store, shown.payload["series"][0]["uid"])
    unknown.loc[first[2], "orientation"] = "unknown"
    monkeypatch.setattr(store, "slices", unknown)
    shown = viewer.of_data(store)
    assert "R and L are" not in shown.caption
    assert "the files do not say which side" in shown.caption
    assert [series["sides"] for series in shown.payload["series"]].count(False) == 1


def test_a_run_shows_slices_of_its_test_split(store, predictions):
    thresholds = dict.fromkeys(LABELS, 0.25) | {"epidural": math.nan}
    assessed = SimpleNamespace(threshold=thresholds.get)
    payload = run_series.with_probabilities(store, predictions, assessed).payload
    for series in payload["series"]:
        assert series["splits"][series["first"]] == "test"
    assert payload["thresholds"] == [None, *[0.25] * 5]


def test_without_test_slices_there_is_nothing_to_show(store, predictions):
    trained = predictions.assign(split="train")
    with pytest.raises(ValueError, match="No slice of the store is in the test split"):
        run_series.with_probabilities(store, trained, SimpleNamespace())


def test_masks_that_the_source_has_not_are_refused(store, monkeypatch):
    monkeypatch.setitem(store.manifest, "truth", False)
    assert viewer.of_data(store).payload["series"][0]["truth"] is None
    with pytest.raises(ValueError, match="has no masks of bleeds"):
        viewer.show(store, representative_series(store.slices)[0], truth=True)


def test_heat_stands_at_its_slices(store):
    name = representative_series(store.slices)[0]
    rows = series_rows(store, name)[[2, 4]]
    maps = np.stack([np.full((8, 8), 0.4), np.full((8, 8), 1.0)])
    payload = viewer.show(store, name, heat={"any": viewer.Heat(rows, maps)}).payload
    [heat] = payload["series"][0]["heat"]
    assert (heat["label"], heat["side"], heat["slices"]) == ("any", 8, [2, 4])
    assert pd.unique(planes(heat["maps"])).tolist() == [102, 255]
