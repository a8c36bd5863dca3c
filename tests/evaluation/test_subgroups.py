"""Scores within subgroups."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, recall_score, roc_auc_score
from statsmodels.stats.multitest import multipletests

from ichreport.evaluation.subgroups import is_mirrored, strata_scores, subgroup_scores
from ichreport.labels import LABELS


@pytest.fixture(scope="module")
def family(predictions):
    names = np.where(np.arange(len(predictions)) % 3 == 0, "12-bit", "16-bit")
    return pd.Series(names, index=predictions.index)


def test_each_subgroup_has_the_scores_of_its_slices(predictions, family):
    table = subgroup_scores(predictions, family, labels=["any"], thresholds={"any": 0.4})
    assert table["subgroup"].unique().tolist() == ["12-bit", "16-bit"]
    for name in ("12-bit", "16-bit"):
        rows = predictions[(predictions["split"] == "test") & (family == name)]
        truth, score = rows["truth_any"], rows["probability_any"].astype(float)
        scored = table[table["subgroup"] == name].set_index("score")
        assert scored.loc["auc", "value"] == pytest.approx(roc_auc_score(truth, score))
        assert scored.loc["log_loss", "value"] == pytest.approx(log_loss(truth, score))
        assert scored.loc["recall", "value"] == pytest.approx(recall_score(truth, score >= 0.4))
        assert (scored["slices"] == len(rows)).all()
        assert (scored["positives"] == truth.sum()).all()
        assert ((scored["low"] <= scored["value"]) & (scored["value"] <= scored["high"])).all()


def test_what_only_bleeding_has_is_scored_against_all_negatives(predictions):
    size = pd.Series(pd.NA, index=predictions.index, dtype="string")
    positive = predictions["truth_any"] == 1
    size[positive] = np.where(np.arange(positive.sum()) % 2, "large", "small")
    size = size.astype(pd.CategoricalDtype(["small", "large"], ordered=True))
    table = subgroup_scores(
        predictions, size, labels=["any"], negatives="all", thresholds={"any": 0.4}
    )
    assert table["subgroup"].unique().tolist() == ["small", "large"]
    test = predictions[predictions["split"] == "test"]
    chosen = test[(test["truth_any"] == 0) | (size.loc[test.index] == "small").fillna(value=False)]
    expected = roc_auc_score(chosen["truth_any"], chosen["probability_any"])
    row = table.set_index(["subgroup", "score"]).loc[("small", "auc")]
    assert row["value"] == pytest.approx(expected)
    table = subgroup_scores(predictions, size, labels=["any"])
    row = table.set_index(["subgroup", "score"]).loc[("small", "auc")]
    assert np.isnan(row["value"])
    assert row["positives"] == row["slices"] > 0


def test_an_empty_subgroup_is_a_row_with_its_count_and_no_score(predictions, family):
    by = family.astype(pd.CategoricalDtype(["12-bit", "16-bit", "other"]))
    table = subgroup_scores(predictions, by, labels=["any"])
    other = table[table["subgroup"] == "other"]
    assert (other["slices"] == 0).all()
    assert other[["value", "low", "high"]].isna().all(axis=None)
    without = table[(table["subgroup"] == "12-bit") & (table["score"] == "recall")]
    assert without["value"].isna().all()


def test_a_column_of_other_rows_is_refused(predictions, family):
    with pytest.raises(ValueError, match="by must have the index of predictions"):
        subgroup_scores(predictions, family.iloc[1:])


def test_strata_are_scored_one_property_after_the_other(predictions, family):
    names = predictions["sop_instance_uid"].to_numpy()
    header = family.set_axis(names)
    large = pd.Series(np.where(predictions["truth_any"] == 1, "large", None), index=names)
    shuffled = large.sample(frac=1, random_state=0)
    table = strata_scores(
        predictions,
        [("header", header, False), ("area", shuffled, True)],
        threshold=0.4,
    )
    assert table.columns[0] == "kind"
    for kind, by, negatives in (("header", family, "own"), ("area", large, "all")):
        expected = subgroup_scores(
            predictions,
            by.set_axis(predictions.index),
            labels=["any"],
            negatives=negatives,
            thresholds={"any": 0.4},
        )
        scored = table[table["kind"] == kind].drop(columns=["kind", "p_adjusted"])
        scored = scored.reset_index(drop=True)
        pd.testing.assert_frame_equal(scored, expected)


def test_strata_without_a_threshold_have_no_rates(predictions, family):
    header = family.set_axis(predictions["sop_instance_uid"].to_numpy())
    table = strata_scores(predictions, [("header", header, False)], threshold=None)
    assert table.loc[table["score"] == "recall", "value"].isna().all()
    assert table.loc[table["score"] == "auc", "value"].notna().all()


def test_strata_that_lack_a_slice_are_refused(predictions, family):
    header = family.set_axis(predictions["sop_instance_uid"].to_numpy()).iloc[:-1]
    with pytest.raises(ValueError, match="header: 1 slices of the test split have no class"):
        strata_scores(predictions, [("header", header, False)], threshold=None)


def test_the_difference_is_from_the_other_subgroups_together(predictions):
    by = pd.Series(np.array(["a", "b", "c"])[np.arange(len(predictions)) % 3], predictions.index)
    by = by.mask(np.arange(len(predictions)) % 7 == 0)  # and some slices are in none
    table = subgroup_scores(predictions, by, labels=["any"], thresholds={"any": 0.4}).set_index(
        ["subgroup", "score"]
    )
    test = predictions[predictions["split"] == "test"]
    inside, rest = (test[by.loc[test.index].isin(names)] for names in (["a"], ["b", "c"]))
    areas = [roc_auc_score(part["truth_any"], part["probability_any"]) for part in (inside, rest)]
    recalls = [
        recall_score(part["truth_any"], part["probability_any"] >= 0.4) for part in (inside, rest)
    ]
    alarms = [
        recall_score(part["truth_any"], part["probability_any"] >= 0.4, pos_label=0)
        for part in (inside, rest)
    ]
    measured = {"auc": areas, "recall": recalls, "specificity": alarms}
    for score, (own, others) in measured.items():
        row = table.loc[("a", score)]
        assert row["difference"] == pytest.approx(own - others)
        assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert np.isnan(table.loc[("a", "log_loss"), "p"])


def test_specificity_is_compared_where_negatives_are_a_subgroup_s_own_alone(predictions):
    by = pd.Series(np.array(["a", "b"])[np.arange(len(predictions)) % 2], predictions.index)
    for negatives, is_compared in (("own", True), ("all", False)):
        table = subgroup_scores(
            predictions, by, labels=["any"], negatives=negatives, thresholds={"any": 0.4}
        ).set_index(["subgroup", "score"])
        assert np.isfinite(table.loc[("a", "specificity"), "value"])
        assert np.isfinite(table.loc[("a", "recall"), "p"])
        assert np.isfinite(table.loc[("a", "specificity"), "p"]) == is_compared


def test_false_alarms_of_one_subgroup_alone_are_found():
    """As of slices at one height of the head: none of 60 alarms there, 30 of 60 elsewhere."""
    truth = np.tile([0, 1], 120)
    alarm = (truth == 0) & (np.arange(240) >= 120) & (np.arange(240) % 4 == 0)
    predictions = one_slice_a_patient(truth, np.where(alarm | (truth == 1), 0.9, 0.1))
    kinds = strata(predictions, height=np.repeat(["top", "base"], 120))
    table = strata_scores(predictions, kinds, threshold=0.5).set_index(["subgroup", "score"])
    base = table.loc[("base", "specificity")]
    assert (base["value"], base["difference"]) == (0.5, -0.5)
    assert base["difference_high"] < 0
    assert base["p_adjusted"] < 0.001
    assert table.loc[("base", "recall"), "p_adjusted"] == 1


def strata(predictions, **kinds):
    names = predictions["sop_instance_uid"].to_numpy()
    return [(kind, pd.Series(classes, index=names), False) for kind, classes in kinds.items()]


def test_p_values_are_adjusted_over_the_table_and_a_mirrored_pair_counts_once(predictions):
    number = np.arange(len(predictions))
    kinds = {
        "two": np.array(["a", "b"])[number % 2],
        "three": np.array(["c", "d", "e"])[number % 3],
    }
    table = strata_scores(predictions, strata(predictions, **kinds), threshold=0.4)
    rows = table.dropna(subset="p").set_index(["kind", "subgroup", "score"])
    scores = ("auc", "recall", "specificity")
    assert len(rows) == len(scores) * (2 + 3)
    counted = rows.drop(index=[("two", "b", score) for score in scores])
    expected = multipletests(counted["p"], method="holm")[1]
    np.testing.assert_allclose(counted["p_adjusted"], expected)
    for score in scores:
        first, second = (rows.loc[("two", name, score)] for name in "ab")
        assert first["difference"] == pytest.approx(-second["difference"])
        assert first["p_adjusted"] == second["p_adjusted"]


def test_a_subgroup_that_is_worse_is_found_and_subgroups_by_chance_are_not(draw_predictions):
    predictions = draw_predictions(seed=2, patients=300)
    number = pd.factorize(predictions["group"])[0]
    scanner = np.where(number % 2, "old", "new")
    noise = np.random.default_rng(0).random(len(predictions))
    spoilt = predictions["probability_any"].where(scanner == "new", noise)
    kinds = {"scanner": scanner, "chance": np.array(["x", "y"])[number // 2 % 2]}
    table = strata_scores(
        predictions.assign(probability_any=spoilt), strata(predictions, **kinds), threshold=0.4
    ).set_index(["kind", "subgroup", "score"])
    old = table.loc[("scanner", "old", "auc")]
    assert old["difference_high"] < 0
    assert old["p_adjusted"] < 0.01
    assert table.loc[("chance", "x", "auc"), "p_adjusted"] > 0.05


def test_a_subgroup_without_a_rest_is_compared_with_nothing(predictions):
    kinds = strata(predictions, all=np.full(len(predictions), "same"))
    table = strata_scores(predictions, kinds, threshold=0.4)
    assert table["value"].notna().all()
    assert table[["difference", "p", "p_adjusted"]].isna().all(axis=None)


def one_slice_a_patient(truth, score, split="test"):
    """Predictions of patients of one slice: what `any` is and what is said of it."""
    names = [f"p{number:04d}" for number in range(len(truth))]
    table = pd.DataFrame({"sop_instance_uid": names, "group": names, "split": split})
    for label in LABELS:
        table[f"truth_{label}"], table[f"probability_{label}"] = truth, score
    return table


@pytest.mark.parametrize(("few", "rest", "recall"), [(5, 60, 0.8), (8, 100, 0.9), (30, 300, 0.97)])
def test_a_handful_that_are_all_found_are_no_subgroup_that_does_better(few, rest, recall):
    """A t test took a recall of 1 for sure, and found a difference in 29 to 43 % of these."""
    rng = np.random.default_rng(1)
    by = pd.Series(["few"] * few + ["rest"] * rest)

    @cache
    def is_told(*found):  # patients are alike: only how many are found counts
        score = np.r_[np.arange(few) < found[0], np.arange(rest) < found[1]] * 1.0
        table = subgroup_scores(
            one_slice_a_patient(np.ones_like(score), score),
            by,
            labels=["any"],
            thresholds={"any": 0.5},
        ).set_index(["subgroup", "score"])
        row = table.loc[("few", "recall")]
        assert (row["p"] < 0.05) == (row["difference_low"] > 0 or row["difference_high"] < 0)
        assert -1 <= row["difference_low"] <= row["difference_high"] <= 1
        return row["p"] < 0.05

    draws = (rng.random(few + rest) < recall for _ in range(250))
    wrong = [is_told(found[:few].sum(), found[few:].sum()) for found in draws]
    assert np.mean(wrong) <= 0.07


def test_a_third_subgroup_keeps_the_other_two_from_being_each_other_s_mirror():
    """It holds bleeding alone: it has no area of its own, and counts in the others' rest."""
    rng = np.random.default_rng(2)
    truth = np.r_[np.tile([0, 1], 60), np.ones(5, int)]
    score = np.clip(0.3 * truth + rng.random(125) * 0.7, 0, 1)
    by = pd.Series(["a"] * 60 + ["b"] * 60 + ["c"] * 5)
    table = strata(one_slice_a_patient(truth, score), site=by.to_numpy())
    scored = strata_scores(one_slice_a_patient(truth, score), table, threshold=0.5)
    areas = scored[(scored["score"] == "auc") & scored["p"].notna()]
    assert areas["subgroup"].tolist() == ["a", "b"]
    mirrored = scored[is_mirrored(scored)]
    told = mirrored[["subgroup", "score"]].to_numpy().tolist()
    assert told == [["b", "specificity"]], "of the slices without bleeding the third has none"
    tested = scored.dropna(subset="p")
    assert (tested["p_adjusted"] >= tested["p"]).all()


def test_without_properties_the_table_is_empty(predictions):
    assert strata_scores(predictions, [], threshold=0.5).empty
