"""Trainings on shares of the training patients: what they see, and that they are made once."""

import numpy as np
import pandas as pd
import pytest

from ichreport.data.samples import with_share_of_training
from ichreport.evaluation.learning_curve import scores_by_share
from ichreport.model import training, training_shares, training_store

pytestmark = pytest.mark.usefixtures("small_backbone")


@pytest.fixture
def plan(make):
    return make(network="densenet121", dense_layers=1, epochs=2).plan


@pytest.fixture
def trained_on(monkeypatch):
    """The groups of train of each training that is made."""
    groups, original = [], training.fit

    def counting(store, sample, plan, **options):
        groups.append(len(np.unique(sample.group[sample.split == "train"])))
        return original(store, sample, plan, **options)

    monkeypatch.setattr(training, "fit", counting)
    return groups


def test_each_share_trains_once_and_all_patients_are_the_row_itself(
    store, sample, plan, trained_on
):
    row = training_store.fit_or_find(store, sample, plan)
    by_share = training_shares.predict_by_share(store, sample, plan, [0.5, 0.25], seed=1)
    assert list(by_share) == [0.25, 0.5, 1.0]
    assert trained_on == [18, 5, 9]  # of 18 groups; all of them are found
    pd.testing.assert_frame_equal(by_share[1.0], row.predictions)
    training_shares.predict_by_share(store, sample, plan, [0.25, 0.5], seed=1)
    assert len(trained_on) == 3


def test_predictions_are_of_one_test_split_and_of_the_groups_that_were_trained_on(
    store, sample, plan
):
    by_share = training_shares.predict_by_share(store, sample, plan, [0.25], seed=1)
    few = with_share_of_training(sample, 0.25, seed=1)
    table = by_share[0.25]
    assert set(table[table["split"] == "train"]["group"]) == set(few.group[few.split == "train"])
    for split in ("validation", "test"):
        names = [
            set(each[each["split"] == split]["sop_instance_uid"]) for each in by_share.values()
        ]
        assert names[0] == names[1]
    assert len(scores_by_share(by_share)) == 4


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([0.5, 0.48], "0.48 and 0.5 of 18 training groups both come to 9;"),
        ([0.96], "0.96 and 1 of 18"),
    ],
)
def test_shares_of_the_same_patients_are_refused_before_any_training(
    store, sample, plan, trained_on, shares, told
):
    with pytest.raises(ValueError, match=rf"^learning_curve\.shares: {told}"):
        training_shares.predict_by_share(store, sample, plan, shares, seed=1)
    assert trained_on == []


def test_nothing_is_trained_where_no_share_is_asked_for(store, sample, plan, trained_on):
    assert training_shares.predict_by_share(store, sample, plan, [], seed=1) == {}
    assert trained_on == []
