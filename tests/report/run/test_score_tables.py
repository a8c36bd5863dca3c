"""The tables of a run's measures show what was computed, and a dash where nothing could be."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, recall_score

from ichreport.data.measures import strata
from ichreport.evaluation.assessment import assess
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.subgroups import strata_scores
from ichreport.labels import LABELS
from ichreport.report.html.blocks import Column
from ichreport.report.run import score_tables
from ichreport.report.run.derived_labels import extra_axial
from tests.report.made_up import predictions as make_predictions


@pytest.fixture(scope="module")
def predictions():
    table = make_predictions("fullid", seed=1, skill=2.0)
    table.loc[table["split"] == "test", "truth_epidural"] = 0
    table["truth_any"] = table[[f"truth_{label}" for label in LABELS[:-1]]].max(axis=1)
    return table


@pytest.fixture(scope="module")
def assessed(predictions):
    return assess(predictions, replicates=60)


def cells(table):
    return {str(row.cells[0]): row.cells for row in table.lines}


def test_every_score_of_every_split_stands_in_the_table(assessed):
    table = cells(score_tables.scores(assessed))
    assert len(table) == 2 + 2 * len(LABELS)
    own = assessed.scores.query("split == 'test' and score == 'auc' and label == 'any'").iloc[0]
    assert table["AUC, any"][3] == f"{own['value']:.3f} ({own['low']:.3f}–{own['high']:.3f})"
    assert table["AUC, any"][5] == f"{own['positives']}"
    assert table["AUC, epidural"][3] == "–"


def test_what_is_undefined_is_said_with_its_count(assessed):
    said = str(score_tables.undefined(assessed))
    assert "AUC of epidural is undefined on test: 0 positive of 160 slices." in said


def test_operating_points_show_target_rates_and_support(predictions, assessed):
    table = cells(score_tables.operating_points(assessed))
    assert len(table) == 4 * len(LABELS)
    threshold = assessed.threshold("any")
    row = table["85 % recall: any"]
    assert row[1] == f"{threshold:.4f}"
    for split, cell in (("validation", row[2]), ("test", row[4])):
        rows = predictions[predictions["split"] == split]
        called = rows["probability_any"] >= threshold
        assert cell.split(" ")[0] == f"{recall_score(rows['truth_any'], called):.2f}"
    test = predictions[predictions["split"] == "test"]
    assert row[9] == f"{test['truth_any'].sum()}"
    assert table["85 % recall: epidural"][4] == "–"


def test_how_far_a_threshold_scatters_stands_beside_it(assessed):
    table = cells(score_tables.operating_points(assessed))
    scatter = assessed.scatter.query("level == 'slice'").set_index(["rule", "label"])
    for rule, name, rate in (
        ("recall-85", "85 % recall", "recall"),
        ("specificity-90", "90 % specificity", "specificity"),
    ):
        own = scatter.loc[(rule, "any")]
        assert own["rate_low"] < own["rate_high"]
        assert table[f"{name}: any"][3] == f"{rate} {own['rate_low']:.2f}–{own['rate_high']:.2f}"
    assert table["85 % recall: epidural"][3] == "–"  # test has none


def test_thresholds_of_studies_and_of_the_derived_label_scatter_too(predictions):
    many = pd.concat(
        predictions.assign(
            **{
                name: predictions[name] + str(copy)
                for name in ("group", "patient_id", "study_instance_uid", "sop_instance_uid")
            }
        )
        for copy in range(4)
    ).reset_index(drop=True)
    assessed = assess(many, replicates=20)
    scatter = assessed.scatter.set_index(["level", "pooling", "label", "rule"])
    shown = {
        ("study", "maximum", "any"): cells(score_tables.studies(assessed))["any, maximum"][7],
        ("study", "learned", "any"): cells(score_tables.studies(assessed))["any, learned"][7],
        ("slice", "", "extra-axial"): cells(extra_axial(assessed))["extra-axial, slices"][6],
        ("study", "maximum", "extra-axial"): cells(extra_axial(assessed))[
            "extra-axial, whole studies"
        ][6],
    }
    for key, cell in shown.items():
        row = scatter.loc[(*key, "recall-85")]
        assert cell.startswith(f"recall {row['rate_low']:.2f}–{row['rate_high']:.2f}"), key
    assert "other draws of validation's patients" in score_tables.studies(assessed).caption
    assert "other draws of validation's patients" in extra_axial(assessed).caption


def test_a_label_whose_pooling_was_not_learned_has_no_scatter(predictions):
    healthy = predictions.assign(truth_epidural=0)
    shown = cells(score_tables.studies(assess(healthy, replicates=5)))
    assert shown["epidural, learned"][7] == shown["epidural, maximum"][7] == "–"


def test_average_precision_stands_beside_prevalence(predictions, assessed):
    table = cells(score_tables.precisions(assessed))
    test = predictions[predictions["split"] == "test"]
    own = assessed.precisions.set_index("label").loc["any"]
    value = average_precision_score(test["truth_any"], test["probability_any"])
    assert table["any"][1] == f"{value:.3f} ({own['low']:.3f}–{own['high']:.3f})"
    assert table["any"][2] == f"{test['truth_any'].mean():.3f}"
    assert table["epidural"][1:4] == ["–", "0.000", "0"]


def test_what_scaling_has_fitted_stands_with_its_interval(assessed):
    row = cells(score_tables.calibration_fits(assessed))["any"]
    table = assessed.calibration.set_index(["label", "measure"])
    fits = ("slope", "in_the_large", "temperature", "validation_slope", "validation_intercept")
    for place, name in enumerate(fits, start=1):
        own = table.loc["any", name]
        assert own["low"] < own["value"] < own["high"]
        assert row[place].startswith(f"{own['value']:.2f}".replace("-", "−") + " (")


def test_bins_are_told_for_all_labels(predictions):
    flat = predictions.assign(probability_epidural=np.float32(0.25))
    table = score_tables.calibration(assess(flat, replicates=5))
    assert "over 1 to 10 bins of equal mass" in table.caption
    names = predictions.columns[predictions.columns.str.startswith("probability_")]
    all_flat = predictions.assign(**dict.fromkeys(names, np.float32(0.25)))
    caption = score_tables.calibration(assess(all_flat, replicates=5)).caption
    assert "over 1 bin of equal mass" in caption
    assert "bins" not in caption


def test_calibration_and_studies_have_a_row_for_each_label(assessed):
    assert set(cells(score_tables.calibration(assessed))) == set(LABELS)
    assert "10 bins of equal mass" in score_tables.calibration(assessed).caption
    assert set(cells(score_tables.studies(assessed))) == {
        f"{label}, {pooling}" for label in LABELS for pooling in ("maximum", "learned")
    }


def test_a_sample_of_single_slices_says_that_it_has_no_studies(predictions):
    parts = assess(predictions.assign(study_slices=100), replicates=5)
    assert "No study is in test with all of its slices" in repr(score_tables.studies(parts))


def test_both_opinions_on_an_area_stand_beside_each_other(assessed):
    row = cells(score_tables.areas(assessed))["any"]
    closed = assessed.areas.set_index("label").loc["any"]
    assert row[3] == f"{closed['low']:.3f}–{closed['high']:.3f}"


def test_subgroups_part_the_slices_by_what_the_store_knows(store, assessed):
    random = np.random.default_rng(0)
    table = pd.DataFrame({"sop_instance_uid": store.slices["sop_instance_uid"], "split": "test"})
    table["group"] = store.slices["patient_id"]
    table[list(TRUTHS)] = store.slices[list(LABELS)].to_numpy()
    table[list(PROBABILITIES)] = random.random((len(store), len(LABELS)))
    classes = strata.stratify(store, np.arange(len(store)))
    within = strata_scores(table, classes, threshold=0.5)
    areas = within[within["score"] == "auc"]
    by_kind = areas.groupby("kind", sort=False)["slices"].sum()
    for kind in ("position", "tilt", "header"):
        assert by_kind[kind] == len(store), kind
    bleeds = int(store.slices["any"].sum())
    positives = areas.groupby("kind", sort=False)["positives"].sum()
    assert positives["subtypes"] == bleeds
    assert positives["area of the bleed"] == positives["contrast of the bleed"] <= bleeds
    shown = score_tables.subgroups(assessed.with_subgroups(within))
    assert len(shown.rows) == len(areas)
    names = [column.name for column in shown.columns if isinstance(column, Column)]
    place = names.index("p of specificity") + 1
    kinds = {str(row[0]).split(":")[0] for row in shown.rows if row[place] != "–"}
    assert "position" in kinds
    assert not {"subtypes", "area of the bleed"} & kinds, "these share their negatives"


def test_a_subgroup_of_one_patient_says_that_it_has_no_interval(store, assessed):
    table = make_predictions("fullid", seed=1, skill=2.0)
    one = (table["group"] == table.loc[table["split"] == "test", "group"].iloc[0]).to_numpy()
    classes = pd.Series(np.where(one, "one", "others"), index=table["sop_instance_uid"])
    within = strata_scores(table, [("who", classes, False)], threshold=0.5)
    rows = cells(score_tables.subgroups(assessed.with_subgroups(within)))
    assert rows["who: one"][1].endswith(" (no interval: 1 patient)")
    assert "no interval" not in rows["who: others"][1]
    area = within.set_index(["subgroup", "score"]).loc[("others", "auc")]
    difference = f"{area['difference']:.2f}".replace("-", "−")
    assert rows["who: others"][4].startswith(difference)
