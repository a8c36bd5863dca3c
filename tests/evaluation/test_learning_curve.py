"""The learning curve's scores and steps, against scikit-learn and leaving out by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from ichreport.evaluation.learning_curve import scores_by_share
from ichreport.evaluation.scores import weighted_log_loss_sum


@pytest.fixture(scope="module")
def by_share(predictions):
    """The same slices, scored with less noise the more patients were trained on."""
    rng = np.random.default_rng(0)
    tables = {}
    train = predictions[predictions["split"] == "train"]["group"].unique()
    columns = [name for name in predictions if name.startswith("probability_")]
    for share in (1.0, 0.25, 0.5):
        table = predictions.copy()
        logit = np.log(table[columns] / (1 - table[columns]))
        logit = logit + rng.normal(0, 2 * (1 - share), logit.shape)
        table[columns] = 1 / (1 + np.exp(-logit))
        kept = train[: round(share * len(train))]
        tables[share] = table[(table["split"] != "train") | table["group"].isin(kept)]
    return tables


@pytest.fixture(scope="module")
def curve(by_share):
    return scores_by_share(by_share).set_index(["share", "score"])


def test_each_share_has_the_scores_of_its_predictions(by_share, curve):
    assert curve.index.get_level_values("share").tolist() == [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]
    for share, table in by_share.items():
        test = table[table["split"] == "test"]
        area = curve.loc[(share, "auc")]
        assert area["value"] == pytest.approx(
            roc_auc_score(test["truth_any"], test["probability_any"])
        )
        assert area["low"] < area["value"] < area["high"]
        truth, score = (
            test.filter(like=f"{name}_").to_numpy() for name in ("truth", "probability")
        )
        loss = curve.loc[(share, "weighted_log_loss_sum")]
        assert loss["value"] == pytest.approx(weighted_log_loss_sum(truth, score))
        train = table[table["split"] == "train"]
        assert (area["groups"], area["slices"]) == (train["group"].nunique(), len(train))


def test_a_step_is_the_paired_difference_over_the_groups_of_test(by_share, curve):
    tests = [by_share[share].query("split == 'test'") for share in (0.5, 1.0)]

    def areas(keep):
        return np.array(
            [
                roc_auc_score(table["truth_any"][keep], table["probability_any"][keep])
                for table in tests
            ]
        )

    group = tests[0]["group"].to_numpy()
    half, whole = areas(np.ones(len(group), dtype=bool))
    added = [half, whole] - np.array([areas(group != name) for name in np.unique(group)])
    correlation = np.sum(added[:, 0] * added[:, 1]) / np.prod(np.linalg.norm(added, axis=0))
    before, row = (curve.loc[(share, "auc")] for share in (0.5, 1.0))
    assert row["step"] == pytest.approx(whole - half)

    def reach(of_whole, of_half):  # Zou and Donner 2008
        return np.sqrt(of_whole**2 + of_half**2 - 2 * correlation * of_whole * of_half)

    below = reach(whole - row["low"], before["high"] - half)
    above = reach(row["high"] - whole, half - before["low"])
    assert row["step_low"] == pytest.approx(row["step"] - below)
    assert row["step_high"] == pytest.approx(row["step"] + above)
    assert (row["p"] < 0.05) == (row["step_low"] > 0)


def test_only_the_last_step_is_adjusted_and_the_first_share_has_none(curve):
    assert curve.loc[0.25, ["step", "p"]].isna().all(axis=None)
    assert curve.loc[[0.25, 0.5], "p_adjusted"].isna().all()
    last = curve.loc[1.0]
    np.testing.assert_allclose(last["p_adjusted"], multipletests(last["p"], method="holm")[1])


def test_nothing_asked_for_is_an_empty_curve():
    assert scores_by_share({}).empty


def test_other_test_slices_are_refused(by_share):
    fewer = by_share[1.0].iloc[:-1]
    with pytest.raises(ValueError, match=r"needs one test split, got .* at share 1, "):
        scores_by_share(by_share | {1.0: fewer})
    assert isinstance(scores_by_share({1.0: fewer}), pd.DataFrame)
