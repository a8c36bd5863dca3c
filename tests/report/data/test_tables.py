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
