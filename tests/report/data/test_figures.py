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


def test_histograms_of_the_series_say_their_ranges(store):
    per_study = store.slices.groupby("study_instance_uid").size()
    drawing = data_figures.series_shape(store)
    assert f"studies have {per_study.min()} to {per_study.max()} slices" in drawing.alternative
    assert len(drawing.panels) == 4
