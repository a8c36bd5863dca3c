"""Figures of the data draw what they say."""

import re
from xml.etree import ElementTree

from ichreport.labels import LABELS
from ichreport.report.data import figures as data_figures


def texts(drawing):
    """The texts of a drawing's panels, and how far down each stands."""
    return [
        ("".join(element.itertext()).strip(), float(element.attrib["y"]))
        for panel in drawing.panels
        for element in ElementTree.fromstring(panel).iter("text")
    ]


def test_co_occurrence_gives_the_share_of_the_rows_slices(store):
    slices = store.slices
    expected = [
        f"{(slices[row] & slices[column]).sum() / slices[row].sum():.2f}"
        for row in LABELS
        for column in LABELS
    ]
    shown = [name for name, _ in texts(data_figures.co_occurrence(store))]
    assert [name for name in shown if re.fullmatch(r"\d\.\d\d", name)] == expected


def test_together_with_a_label_that_nobody_has_given_is_no_zero(store):
    store.slices = store.slices.assign(epidural=-1)
    shown = [name for name, _ in texts(data_figures.co_occurrence(store))]
    assert shown.count("–") == 2 * len(LABELS) - 1


def test_histograms_of_the_series_say_their_ranges(store):
    per_study = store.slices.groupby("study_instance_uid").size()
    drawing = data_figures.series_shape(store)
    assert f"studies have {per_study.min()} to {per_study.max()} slices" in drawing.alternative
    assert len(drawing.panels) == 4


def test_ranges_of_equal_ends_are_one_number(store):
    one = store.slices.groupby("study_instance_uid").head(1)
    store.slices = one.assign(spacing=0.5, tilt=-0.2, **dict.fromkeys(LABELS, 0))
    drawing = data_figures.series_shape(store)
    assert drawing.alternative == (
        "Histograms: studies have 1 slice; slices 0 subtypes; pixels are 0.50 mm wide; series are "
        "tilted by 0 degrees."
    )


def test_a_label_that_never_occurs_is_most_frequent_nowhere(store):
    store.slices = store.slices.assign(epidural=0, subdural=1)
    said = data_figures.bleed_positions(store).alternative
    assert "epidural" not in said
    assert "subdural near" in said
    store.slices = store.slices.assign(**dict.fromkeys(LABELS, 0))
    said = data_figures.bleed_positions(store).alternative
    assert said.endswith("on which no label occurs.")
    assert "most frequent" not in said
