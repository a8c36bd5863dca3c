"""Maps measured on made-up slices whose answer is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from ichreport.data.samples import Sample
from ichreport.evaluation.maps import measures
from ichreport.evaluation.maps.localisation import center_heatmap
from ichreport.labels import LABELS
from ichreport.report.maps import localisation as map_localisation

SIZE, COUNT = 16, 60


class MadeUpStore:
    """60 slices of 20 patients; subdural bleeds in every second, epidural in the first 30."""

    def __init__(self, *, has_truth=True):
        self.has_truth = has_truth
        self.slices = pd.DataFrame(0, index=range(COUNT), columns=list(LABELS))
        self.slices.loc[::2, "subdural"] = 1
        self.slices.loc[:29, "epidural"] = 1
        self.slices["any"] = self.slices.max(axis=1)
        self.bits = np.zeros((COUNT, SIZE, SIZE), np.uint8)
        self.bits[::2, 1:4, 1:4] |= 1 << LABELS.index("subdural")
        self.bits[:30, 9:12, 12:15] |= 1 << LABELS.index("epidural")

    def truth(self, rows):
        return self.bits[rows]


@dataclass
class Heat:
    """What the report needs of a label's heat maps."""

    heat: np.ndarray
    method: str = "CAM"
    side: int = 4


@pytest.fixture
def store():
    return MadeUpStore()


@pytest.fixture
def sample():
    group = np.array([f"p{row // 3:02d}" for row in range(COUNT)])
    split = np.where(np.arange(COUNT) < 45, "test", "train")
    return Sample("fullid", np.arange(COUNT), split, group)


@pytest.fixture
def bleeding(store, sample):
    return measures.bleeding_slices(store, sample)


def at_the_truth(store, bleeding):
    return {
        label: Heat(measures.truth_masks(store, rows, label).astype(np.float32))
        for label, rows in bleeding.items()
    }


def test_bleeding_slices_are_the_test_slices_that_hold_a_label(store, bleeding):
    np.testing.assert_array_equal(bleeding["subdural"], np.arange(0, 45, 2))
    np.testing.assert_array_equal(bleeding["epidural"], np.arange(30))
    assert set(bleeding) == {"epidural", "subdural", "any"}  # no label without a slice


def test_of_too_many_slices_a_seeded_choice_is_taken(store, sample):
    first, again, other = (
        measures.bleeding_slices(store, sample, max_slices=7, seed=seed)["any"]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert len(first) == 7
    assert not np.array_equal(first, other)


def test_the_mask_of_a_subtype_is_its_bit_and_of_any_all_bits(store):
    rows = np.array([0, 1, 31])
    areas = {label: measures.truth_masks(store, rows, label).sum(axis=(1, 2)) for label in LABELS}
    assert areas["epidural"].tolist() == [9, 9, 0]
    assert areas["subdural"].tolist() == [9, 0, 0]
    assert areas["any"].tolist() == [18, 9, 0]


def test_heat_on_the_truth_is_perfect_and_above_the_centre_everywhere(store, sample, bleeding):
    measured = measures.measure(store, sample, bleeding, at_the_truth(store, bleeding))
    for label in bleeding:
        row = measured.row(label, "iou")
        assert row["value"] == row["low"] == 1
        assert row["slices"] == len(bleeding[label])
    assert measured.row("epidural", "iou")["groups"] == 10
    shown = map_localisation.table(measured)
    assert [row.cells[1].text for row in shown.rows[::3]] == ["4 of 4"] * 3
    said = map_localisation.sentences(measured).sentences
    assert all(
        "CAM is above the image centre for epidural, subdural and any." in s for s in said[:4]
    )
    assert not any("fails" in sentence for sentence in said)


def test_heat_that_is_the_centres_own_fails_and_says_so(store, sample, bleeding):
    centre = center_heatmap((SIZE, SIZE))
    heatmaps = {
        label: Heat(np.repeat(centre[None], len(rows), 0)) for label, rows in bleeding.items()
    }
    measured = measures.measure(store, sample, bleeding, heatmaps)
    shown = map_localisation.table(measured)
    assert [(row.cells[1].text, row.cells[1].kind) for row in shown.rows[::3]] == [
        ("fails", "bad")
    ] * 3
    said = "\n".join(map_localisation.sentences(measured).sentences)
    assert "CAM fails for epidural, subdural and any" in said
    assert "not distinguishable from it for epidural, subdural and any" in said


def test_heat_in_the_far_corner_is_below_the_centre(store, sample, bleeding):
    heat = np.zeros((SIZE, SIZE), np.float32)
    heat[-1, 0] = 1
    shown = {label: Heat(np.repeat(heat[None], len(rows), 0)) for label, rows in bleeding.items()}
    measured = measures.measure(store, sample, bleeding, shown)
    assert "By share of heat inside, CAM is below the image centre for epidural" in "\n".join(
        map_localisation.sentences(measured).sentences
    )


def test_empty_maps_are_counted_and_no_zero(store, sample, bleeding):
    shown = at_the_truth(store, bleeding)
    shown["epidural"].heat[:4] = 0
    measured = measures.measure(store, sample, bleeding, shown)
    row = measured.row("epidural", "pointing")
    assert (row["value"], row["slices"], row["without"]) == (1, 26, 4)
    assert "for an empty map or an empty mask: epidural 4." in str(
        map_localisation.sentences(measured)
    )


def test_the_table_shows_the_measures_that_were_computed(store, sample, bleeding):
    measured = measures.measure(store, sample, bleeding, at_the_truth(store, bleeding))
    shown = map_localisation.table(measured)
    centre = measured.row("subdural", "share_inside", "center")
    names = [row.cells[0] for row in shown.rows]
    row = shown.rows[names.index("subdural") + 1]
    name, _, slices, *cells = row.cells
    assert (name, slices) == ("– centre", f"{centre['slices']} ({centre['groups']})")
    ends = f"{centre['low']:.3f}–{centre['high']:.3f}"
    assert cells[1] == f"{centre['value']:.3f} ({ends})"
    assert [row.kind for row in shown.rows] == ["", "quiet", "quiet"] * 3
    assert "epidural 1.000" in map_localisation.above_center(measured).alternative.split(";")[0]


def test_without_truth_nothing_is_measured_and_that_is_said(sample):
    store = MadeUpStore(has_truth=False)
    bleeding = measures.bleeding_slices(store, sample)
    measured = measures.measure(store, sample, bleeding, {"any": Heat(np.zeros((1, 4, 4)))})
    assert "do not say where the bleeding is" in str(map_localisation.table(measured))
    for shown in (map_localisation.above_center, map_localisation.sentences):
        assert str(shown(measured)) == "Nothing was measured."
