"""Labels that gain and lose step by step; areas by scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ichreport.evaluation.uncertainty.intervals import holm
from ichreport.labels import LABELS
from ichreport.report.beyond import each_label, ladder
from ichreport.report.html.blocks import Sentences
from tests.report.beyond.made_ladder import FROZEN, SERIES, TUNED, frozen, gathered, tuned


@pytest.fixture(scope="module")
def by_label(climbed):
    return each_label.compare(climbed)


def test_each_difference_is_that_of_two_areas(results, by_label):
    assert len(by_label) == 2 * len(LABELS)
    for row in by_label.to_dict("records"):
        areas = []
        for name in (row["run"], row["baseline"]):
            table = results.scored[name].predictions.query("split == 'test'")
            truth, score = (table[f"{kind}_{row['label']}"] for kind in ("truth", "probability"))
            areas.append(roc_auc_score(truth, score))
        assert row["difference"] == pytest.approx(areas[0] - areas[1]), row["label"]


def test_the_p_values_are_adjusted_over_steps_and_labels_together(by_label):
    assert by_label["p_holm"].to_numpy() == pytest.approx(holm(by_label["p"].to_numpy()))
    assert by_label["p_holm"].min() == pytest.approx(min(12 * by_label["p"].min(), 1))


def test_beside_each_label_stand_the_patients_and_slices_that_have_it(results, by_label):
    test = results.scored[SERIES].predictions.query("split == 'test'")
    rows = by_label[by_label["run"] == SERIES].set_index("label")
    for label in LABELS:
        positive = test[test[f"truth_{label}"] == 1]
        assert rows.loc[label, "positives"] == len(positive)
        assert rows.loc[label, "patients"] == positive["patient_id"].nunique()


def test_a_label_that_loses_beyond_chance_is_named_and_others_are_not(by_label):
    sentences = each_label.sentences(by_label).sentences
    losing = [one for one in sentences if "loses by more than chance" in one]
    assert len(losing) == 1
    assert losing[0].startswith(f"In {SERIES}, epidural loses by more than chance: its AUC is ")
    patients = by_label.query("run == @SERIES and label == 'epidural'")["patients"].item()
    assert f"{patients} patients of test have it" in losing[0]
    assert not any("No label loses" in one for one in sentences)


def test_a_loss_is_seen_in_the_areas_that_are_printed(by_label):
    epidural = (by_label["run"] == SERIES) & (by_label["label"] == "epidural")
    near = by_label.copy()
    near.loc[epidural, ["value", "baseline_value", "patients"]] = [0.90001, 0.90004, 1]
    [said] = [one for one in each_label.sentences(near).sentences if "loses by" in one]
    assert f"its AUC is 0.90001, that of {TUNED} 0.90004 (" in said
    assert "; 1 patient of test has it)" in said
    near.loc[epidural, ["value", "baseline_value"]] = [0.8, 0.9]
    [said] = [one for one in each_label.sentences(near).sentences if "loses by" in one]
    assert f"its AUC is 0.800, that of {TUNED} 0.900 (" in said


def test_where_none_loses_that_is_said():
    compared = each_label.compare(ladder.climb(gathered(frozen(), tuned())))
    sentences = each_label.sentences(compared).sentences
    gained = [one for one in sentences if " gains by more than chance: its AUC is " in one]
    apart = compared[compared["outcome"] == "better"]
    assert len(gained) == len(apart) > 0
    assert sentences[len(gained)] == "No label loses in any step by more than chance."
    assert not any("loses by" in one for one in sentences)


def test_labels_of_few_patients_are_named_and_where_all_are_many_none_is(by_label):
    many = by_label.assign(patients=[*[29] * 1, *[400] * 11])
    [*_, rare] = each_label.sentences(many).sentences
    assert rare.startswith("Fewer than 30 patients of a step's test have: any 29. ")
    unknown = each_label.sentences(many.assign(outcome="undefined")).sentences[0]
    assert unknown == "No label has patients enough for an interval, so none is compared."
    alone = each_label.sentences(many.assign(patients=30)).sentences
    assert not any("Fewer than" in one for one in alone)


def test_the_table_has_a_row_for_each_step_and_label(by_label):
    table = each_label.table(by_label)
    assert [row[1] for row in table.rows[:6]] == ["any", *LABELS[:-1]]
    [epidural] = [row for row in table.rows if (row[0].text, row[1]) == (SERIES, "epidural")]
    assert (epidural[5].text, epidural[5].kind) == ("worse", "bad")


def test_the_forest_has_a_panel_a_step_and_says_who_is_apart(by_label):
    drawn = each_label.forest(by_label)
    assert len(drawn.panels) == 2
    assert f"{SERIES}, epidural: worse" in drawn.alternative
    apart = by_label[by_label["outcome"].isin(["better", "worse"])]
    assert set(apart["run"]) == {TUNED, SERIES}
    for row in apart.itertuples():
        assert f"{row.run}, {row.label}: {row.outcome}" in drawn.alternative
    same = each_label.forest(by_label.assign(outcome="not distinguishable"))
    assert same.alternative.endswith("no label differs.")


def test_a_label_of_one_class_is_a_row_without_a_difference():
    runs = [frozen(), tuned()]
    for made in runs:
        made.predictions["truth_epidural"] = 0
    compared = each_label.compare(ladder.climb(gathered(*runs)))
    row = compared.set_index("label").loc["epidural"]
    assert (row["outcome"], row["patients"]) == ("undefined", 0)
    assert "epidural 0" in str(each_label.sentences(compared))
    assert each_label.forest(compared).panels


def test_steps_without_figures_are_left_to_the_ladder_s_own_sentences():
    alone = gathered(tuned())
    compared = each_label.compare(ladder.climb(alone))
    assert compared["baseline"].unique() == [FROZEN]
    assert compared["patients"].tolist() == [
        alone.scored[TUNED]
        .predictions.query("split == 'test'")
        .pipe(lambda rows, label=label: rows[rows[f"truth_{label}"] == 1]["group"].nunique())
        for label in compared["label"]
    ]
    for shown in (each_label.sentences, each_label.table, each_label.forest):
        assert isinstance(shown(compared), Sentences)
        assert "No step has figures" in str(shown(compared))
    assert pd.isna(compared["difference"]).all()
    assert np.isnan(compared["p_holm"]).all()
