"""The table of what a positive of each label weighs, against counts of the store."""

import numpy as np
import pytest

from ichreport.data import samples
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.report.run.positive_weights import positive_weights

POWER = {"loss": "weighted-bce", "rarity_power": 0.5}


@pytest.fixture
def shown(store):
    sample = samples.draw(store.slices, "sampa", seed=1, sampa_share=1, sampb_share=1)
    truth = store.slices[list(LABELS)].to_numpy()[sample.rows[sample.split == "train"]]

    def of(**words):
        experiment = Experiment(name="a", sample="sampa", **words)
        return truth, positive_weights(experiment, store, sample)

    return of


def by_label(table):
    return {row.cells[0]: row.cells[1:] for row in table.lines}


def test_weights_are_the_power_of_negatives_per_positive(shown):
    truth, table = shown(**POWER)
    rows = by_label(table)
    assert list(rows) == list(LABELS)
    for column, label in enumerate(LABELS):
        positives = truth[:, column].sum()
        assert rows[label][:2] == [f"{positives:,}", f"{len(truth):,}"]
        if positives:
            ratio = (len(truth) - positives) / positives
            assert rows[label][2:4] == [f"{ratio:.2f}", f"{np.sqrt(ratio):.2f}"]
        else:
            assert rows[label][2:] == ["–", "1.00", "no"]


def test_what_is_rarer_than_the_cap_is_said_to_be_capped(shown, monkeypatch):
    monkeypatch.setattr("ichreport.params.training.positive_weights.MAX_POSITIVE_WEIGHT", 1.5)
    truth, table = shown(loss="weighted-bce")
    rows = by_label(table)
    for column, label in enumerate(LABELS):
        positives = truth[:, column].sum()
        is_rare = positives > 0 and (len(truth) - positives) / positives > 1.5
        assert rows[label][3:] == (["1.50", "yes"] if is_rare else [rows[label][3], "no"])
    constant = by_label(shown(loss="weighted-bce", positive_weight=5.3)[1])
    assert {row[4] for row in constant.values()} == {"no"}


def test_what_a_weight_does_not_reach_has_none(shown):
    rows = by_label(shown(**POWER, focal_labels=["epidural"])[1])
    assert rows["epidural"][3:] == ["–", "focal"]
    truth, table = shown(**POWER, hierarchy="conditional")
    bleeding = f"{truth[:, LABELS.index('any')].sum():,}"
    assert {row[1] for label, row in by_label(table).items() if label != "any"} == {bleeding}
    for loss in ("bce", "focal"):
        said = str(shown(loss=loss)[1])
        assert said == f"Loss {loss} weighs no label's positives by a weight of their own."
