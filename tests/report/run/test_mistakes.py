"""What is most wrong as pictures: the right slices, in the right order, with their words."""

import re

import numpy as np
import pytest

from ichreport.report.html.formats import as_probability
from ichreport.report.run import mistakes


@pytest.fixture
def predicted(predictions, store):
    return predictions.assign(study_instance_uid=store.slices["study_instance_uid"].to_numpy())


def test_each_row_holds_the_worst_of_its_kind(store, predicted):
    sheet = mistakes.worst_slices(store, predicted, count=3)
    test = predicted[predicted["split"] == "test"]
    for (name, tiles), truth in zip(sheet.rows, (1, 0), strict=True):
        said = [re.search(r"p [\d.<>]+$", tile.text)[0] for tile in tiles]
        own = test[test["truth_any"] == truth].groupby("study_instance_uid")["probability_any"]
        worst = np.sort(own.min() if truth else -own.max())[:3]
        assert said == [as_probability(abs(value)) for value in worst]
        assert name.startswith("Bleeding, the lowest" if truth else "No bleeding, the highest")


def test_what_was_missed_is_named(store, predicted):
    (_, missed), (_, alarms) = mistakes.worst_slices(store, predicted).rows
    labels = {"epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"}
    for tile in missed:
        assert set(tile.text.rpartition(", p ")[0].split(", ")) <= labels
    for tile in alarms:
        assert "no bleeding" in tile.alternatives[0]


def test_slices_that_the_store_lacks_are_said_to_be_missing(store, predicted):
    elsewhere = predicted.assign(sop_instance_uid="elsewhere")
    assert "no slice to show" in str(mistakes.worst_slices(store, elsewhere))


def test_the_page_keeps_it(store, predicted):
    from ichreport.report.html.sanitise import clean

    html = clean(mistakes.worst_slices(store, predicted)._repr_html_(), where="page").html
    assert html.count("<img ") == html.count('alt="')
    assert "What the run gets most wrong on test for any" in html
