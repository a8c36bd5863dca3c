"""The report's tables of data say what the store holds."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ichreport import poster
from ichreport.data.overlap.leakage import leak_audit
from ichreport.data.samples import Sample
from ichreport.labels import ANY, LABELS
from ichreport.report.data import tables as data_tables
from ichreport.splits import SPLITS


def test_label_counts_stand_beside_the_poster_s(store):
    rows = {row[0]: row[1:] for row in data_tables.label_counts(store).rows}
    for label in LABELS:
        positive = int(store.slices[label].sum())
        assert rows[label][0] == str(positive)
        assert float(rows[label][1]) == pytest.approx(100 * positive / len(store), abs=0.006)
        assert rows[label][2] == f"{poster.label_counts()[label]:,}"
        assert rows[label][4] == str(len(store))


@pytest.mark.parametrize(
    ("synthetic", "bleeding", "explained"), [(True, 60, True), (True, 5, False), (False, 60, False)]
)
def test_only_synthetic_heads_that_bleed_more_often_are_explained(synthetic, bleeding, explained):
    labels = pd.DataFrame(0.0, index=range(100), columns=list(LABELS))
    labels.loc[: bleeding - 1, [LABELS[0], ANY]] = 1
    made = SimpleNamespace(slices=labels, manifest={"synthetic": synthetic})
    said = str(data_tables.prevalence(made))
    theirs = 100 * poster.label_counts()[ANY] / poster.SLICES
    assert said.startswith(
        f"{bleeding}.0 % of these slices bleed; of the poster's, {theirs:.1f} %."
    )
    assert ("Synthetic heads" in said) == explained


def made_of(bleeding, labelled, slices):
    labels = pd.DataFrame(-1, index=range(slices), columns=list(LABELS))
    labels.iloc[:labelled] = 0
    labels.loc[: bleeding - 1, ANY] = 1
    return Made(labels)


class Made(SimpleNamespace):
    """A store of slices that have nothing but labels."""

    def __init__(self, slices):
        super().__init__(slices=slices, manifest={"synthetic": False})

    def __len__(self):
        return len(self.slices)


def test_a_share_of_labelled_slices_says_that_it_is_and_of_how_many():
    made = made_of(1, 2, 100)
    said = str(data_tables.prevalence(made))
    assert said.startswith("50.0 % of the labelled slices (2 of 100) bleed;")
    table = data_tables.label_counts(made)
    assert "among those of 100 slices that are labelled" in table.caption
    rows = {row[0]: row for row in table.rows}
    assert rows[ANY] == [ANY, "1", "50.00", *rows[ANY][3:5], "2"]


@pytest.mark.parametrize(
    ("bleeding", "said", "cell"),
    [
        (0, "0.0 % of these", "0.00"),
        (1, "Less than 0.1 % of these", "less than 0.01"),
        (25_000, "More than 99.9 % of these", "more than 99.99"),
        (25_001, "100.0 % of these", "100.00"),
    ],
)
def test_a_few_that_bleed_are_not_said_to_be_none_nor_nearly_all_to_be_all(bleeding, said, cell):
    made = made_of(bleeding, 25_001, 25_001)
    assert str(data_tables.prevalence(made)).startswith(f"{said} slices bleed;")
    assert {row[0]: row[2] for row in data_tables.label_counts(made).rows}[ANY] == cell


def test_the_leak_audit_names_its_sample_and_says_what_its_numbers_show(store):
    slices = store.slices
    everything = np.arange(len(store))
    group = slices["patient_id"].to_numpy()
    by_patient = np.array(SPLITS)[pd.factorize(slices["patient_id"])[0] % 3]
    for split, torn in ((np.array(SPLITS)[everything % 3], True), (by_patient, False)):
        sample = Sample("sampb", everything, split, group)
        caption = data_tables.leak_audit(leak_audit(slices, sample), sample).caption
        assert caption.startswith("The leak audit of sampb: how many patients")
        assert ("split by slice" in caption) is torn
