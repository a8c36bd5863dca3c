"""The table, the figure and the sentences on maps whose measures are known."""

from dataclasses import replace

import numpy as np
import pytest

from ichreport.evaluation.maps import against_truth
from ichreport.evaluation.maps.localisation import center_heatmap
from ichreport.evaluation.maps.skull_edge import skull_edge_heatmap
from ichreport.report.maps import localisation as map_localisation
from tests.evaluation.maps.made_up_maps import SIZE, Heat, MadeUpStore, at_the_truth, draw_sample


@pytest.fixture
def store():
    return MadeUpStore()


@pytest.fixture
def sample():
    return draw_sample()


@pytest.fixture
def bleeding(store, sample):
    return against_truth.bleeding_slices(store, sample)


def test_heat_on_the_truth_is_above_the_centre_everywhere(store, sample, bleeding):
    measured = against_truth.measure(store, sample, bleeding, at_the_truth(store, bleeding))
    shown = map_localisation.table(measured)
    assert [row.cells[1].text for row in shown.rows[::4]] == ["4 of 4"] * 3
    said = map_localisation.sentences(measured).sentences
    assert all(
        "CAM is above the image centre for epidural, subdural and any." in s for s in said[:4]
    )
    assert all(
        "CAM is above the skull's inner edge for epidural, subdural and any." in s
        for s in said[4:8]
    )
    assert not any("fails" in sentence or "closed skull" in sentence for sentence in said)
    assert said[-1].startswith("These are 24 intervals")
    line = str(map_localisation.verdict(measured))
    assert line.startswith("Does the heat of CAM lie above heat from the image's centre")
    assert line.endswith("? By all 4 measures for epidural, subdural and any.")


def test_heat_that_is_the_centres_own_fails_and_says_so(store, sample, bleeding):
    centre = center_heatmap((SIZE, SIZE))
    heatmaps = {
        label: Heat(np.repeat(centre[None], len(rows), 0)) for label, rows in bleeding.items()
    }
    measured = against_truth.measure(store, sample, bleeding, heatmaps)
    shown = map_localisation.table(measured)
    assert [(row.cells[1].text, row.cells[1].kind) for row in shown.rows[::4]] == [
        ("fails", "bad")
    ] * 3
    said = "\n".join(map_localisation.sentences(measured).sentences)
    assert "CAM fails for epidural, subdural and any" in said
    line = str(map_localisation.verdict(measured))
    assert line.endswith("? Shown by none for epidural, subdural and any.")
    assert "not distinguishable from the image centre for epidural, subdural and any" in said


def test_heat_in_the_far_corner_is_below_the_centre(store, sample, bleeding):
    """Of one label alone all slices are the same, which does not say how they would scatter."""
    heat = np.zeros((SIZE, SIZE), np.float32)
    heat[-1, 0] = 1
    shown = {label: Heat(np.repeat(heat[None], len(rows), 0)) for label, rows in bleeding.items()}
    measured = against_truth.measure(store, sample, bleeding, shown)
    assert (
        "By share of heat inside, CAM is below the image centre for any, not distinguishable from "
        "it for epidural and subdural."
    ) in map_localisation.sentences(measured).sentences


def test_empty_maps_are_counted_and_no_zero(store, sample, bleeding):
    shown = at_the_truth(store, bleeding)
    shown["epidural"].heat[:4] = 0
    measured = against_truth.measure(store, sample, bleeding, shown)
    row = measured.row("epidural", "pointing")
    assert (row["value"], row["slices"], row["without"]) == (1, 26, 4)
    assert "for an empty map or an empty mask: epidural 4." in str(
        map_localisation.sentences(measured)
    )


def test_the_table_shows_the_measures_that_were_computed(store, sample, bleeding):
    measured = against_truth.measure(store, sample, bleeding, at_the_truth(store, bleeding))
    shown = map_localisation.table(measured)
    centre = measured.row("subdural", "share_inside", "center")
    names = [row.cells[0] for row in shown.rows]
    row = shown.rows[names.index("subdural") + 1]
    name, _, slices, *cells = row.cells
    assert (name, slices) == ("– centre", f"{centre['slices']} ({centre['groups']})")
    ends = f"{centre['low']:.3f}–{centre['high']:.3f}"
    assert cells[1] == f"{centre['value']:.3f} ({ends})"
    assert [row.kind for row in shown.rows] == ["", "quiet", "quiet", "quiet"] * 3
    drawn = map_localisation.above_baselines(measured).alternative.split(";")
    assert "pointing game, above the image centre: epidural 1.000" in drawn[0]
    edge = measured.row("epidural", "pointing")["above_skull_edge"]
    assert f"above the skull's inner edge: epidural {edge:.3f}" in drawn[1]
    assert map_localisation.table(measured).rows[2].cells[0] == "– skull's edge"


def test_heat_that_is_the_skulls_edge_beats_the_centre_and_still_fails(store, sample, bleeding):
    """The bleeds of the made-up slices lie near the skull, so that the centre is easily beaten."""
    edge = skull_edge_heatmap(store.hu([0])[0])
    heatmaps = {
        label: Heat(np.repeat(edge[None], len(rows), 0)) for label, rows in bleeding.items()
    }
    measured = against_truth.measure(store, sample, bleeding, heatmaps)
    said = map_localisation.sentences(measured).sentences
    assert (
        "By share of heat inside, CAM is above the image centre for any, not distinguishable from "
        "it for epidural and subdural."
    ) in said
    assert (
        "By pointing game, CAM is not distinguishable from the skull's inner edge for epidural, "
        "subdural and any." in said
    )
    assert "CAM fails for epidural, subdural and any" in "\n".join(said)
    assert map_localisation.table(measured).rows[0].cells[1].text == "fails"


def test_slices_without_a_skull_are_counted_and_no_comparison_is_made_up(sample, bleeding):
    store = MadeUpStore(has_skull=False)
    measured = against_truth.measure(store, sample, bleeding, at_the_truth(store, bleeding))
    said = "\n".join(map_localisation.sentences(measured).sentences)
    assert "no closed skull, or with an empty mask: epidural 30, subdural 23, any 38." in said
    assert "the skull's inner edge for" not in said
    assert "These are 12 intervals" in said
    assert map_localisation.table(measured).rows[2].cells[3] == "–"


def test_perfect_maps_of_one_patient_neither_win_nor_fail(store, sample):
    alone = replace(sample, group=np.repeat("p", len(sample.group)))
    bleeding = against_truth.bleeding_slices(store, alone)
    measured = against_truth.measure(store, alone, bleeding, at_the_truth(store, bleeding))
    shown = map_localisation.table(measured)
    assert [(row.cells[1].text, row.cells[1].kind) for row in shown.rows[::4]] == [
        ("too few", "open")
    ] * 3
    said = "\n".join(map_localisation.sentences(measured).sentences)
    assert "Too few patients have maps of epidural, subdural and any" in said
    line = str(map_localisation.verdict(measured))
    assert line.endswith("? Too few patients to tell for epidural, subdural and any.")
    assert "fails" not in said
    assert "distinguishable" not in said
    assert "intervals" not in said


def test_the_verdict_tells_labels_apart_by_how_many_measures_are_won(store, sample, bleeding):
    measured = against_truth.measure(store, sample, bleeding, at_the_truth(store, bleeding))
    table = measured.table.copy()
    own = (table["method"] == "map") & (table["label"] == "subdural")
    table.loc[own & (table["measure"] != "iou"), "above_center_low"] = -0.1
    said = str(map_localisation.verdict(replace(measured, table=table)))
    assert said.endswith(
        "? By all 4 measures for epidural and any; by some measures only for subdural."
    )
    assert "none" not in said
    assert "some measures" not in str(map_localisation.verdict(measured))


def test_without_truth_nothing_is_measured_and_that_is_said(sample):
    store = MadeUpStore(has_truth=False)
    bleeding = against_truth.bleeding_slices(store, sample)
    measured = against_truth.measure(store, sample, bleeding, {"any": Heat(np.zeros((1, 4, 4)))})
    for shown in (map_localisation.sentences, map_localisation.verdict):
        assert "do not say where the bleeding is" in str(shown(measured))
    for shown in (map_localisation.above_baselines, map_localisation.table):
        assert str(shown(measured)) == "Nothing was measured."
