"""The gallery says what is outlined, and what each slice holds."""

from types import SimpleNamespace

import numpy as np
import pytest

from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.slice_images import truth_in_words
from ichreport.report.maps import gallery


def sheets(store, label):
    rows = np.flatnonzero(store.slices[ANY] == 1)[:2]
    chosen = gallery.ChosenSlices(
        label, rows, np.array(["found", "false alarm"]), np.array([0.9, 0.25])
    )
    heat = np.zeros((2, store.image_size, store.image_size), dtype=np.float32)
    shown = SimpleNamespace(method="CAM", heat=heat, empty=np.array([False, True]))
    [(heading, pictures)] = gallery.galleries(store, [chosen], {label: shown}).sections
    assert heading == label
    return rows, pictures


def test_each_tile_names_its_true_labels_and_the_probability(store):
    rows, pictures = sheets(store, SUBTYPES[0])
    texts = [tile.text for sheet in pictures for _, tiles in sheet.rows for tile in tiles]
    words = [truth_in_words(store, row).removesuffix(".") for row in rows]
    assert texts == [f"{words[0]}, p 0.90", f"{words[1]}, p 0.25"]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (SUBTYPES[0], f"green: true {SUBTYPES[0]} bleeding; dashed in blue: other kinds."),
        (ANY, "green: true bleeding of any kind."),
    ],
)
def test_a_caption_says_whose_outlines_these_are(store, label, said):
    _, (found, false_alarm) = sheets(store, label)
    assert said in found.caption
    assert "1 of the maps is empty" in false_alarm.caption
    store.manifest["truth"] = False
    _, (found, _) = sheets(store, label)
    assert "Outlined" not in found.caption
