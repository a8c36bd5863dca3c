"""Everything measured of a run at once, and what a record keeps of it."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from statsmodels.stats.multitest import multipletests
from statsmodels.tools import add_constant

from ichreport.evaluation.assessment import Assessment, assess
from ichreport.evaluation.calibration.recalibration import fit_logistic
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.uncertainty.intervals import holm
from ichreport.labels import ANY, LABELS


@pytest.fixture(scope="module")
def predictions():
    """Sixty patients in three splits; the label epidural never occurs on test."""
    random = np.random.default_rng(4)
    patient = np.repeat(np.arange(60), 10)
    truth = (random.random((600, 6)) < 0.2).astype(np.int8)
    split = np.array(["train", "validation", "test"])[patient % 3]
    truth[split == "test", LABELS.index("epidural")] = 0
    truth[:, -1] = truth[:, :-1].max(axis=1)
    logit = 2 * truth - 1.5 + random.normal(size=truth.shape)
    table = pd.DataFrame({"split": split, "group": [f"g{p}" for p in patient]})
    table["sop_instance_uid"] = [f"ID_{n}" for n in range(600)]
    table["study_instance_uid"] = table["patient_id"] = table["group"]
    table[list(TRUTHS)] = truth
    table[list(PROBABILITIES)] = 1 / (1 + np.exp(-logit))
    return table


@pytest.fixture(scope="module")
def assessed(predictions):
    return assess(predictions, replicates=200)


def test_scores_are_those_of_scikit_learn(predictions, assessed):
    test = predictions[predictions["split"] == "test"]
    truth, score = test[f"truth_{ANY}"], test[f"probability_{ANY}"]
    table = assessed.scores.set_index(["split", "score", "label"])["value"]
    assert table["test", "auc", ANY] == pytest.approx(roc_auc_score(truth, score))
    assert table["test", "log_loss", ANY] == pytest.approx(log_loss(truth, score))


def test_what_a_missing_class_leaves_undefined_is_missing_and_never_0(assessed):
    table = assessed.scores.set_index(["split", "score", "label"])
    assert np.isnan(table.loc[("test", "auc", "epidural"), "value"])
    rates = assessed.rates.query("split == 'test'").set_index(["label", "rate"])["value"]
    assert rates["epidural", "recall"].isna().all()
    assert rates["epidural", "specificity"].notna().all()


def test_frozen_thresholds_are_those_that_are_applied(assessed):
    frozen = assessed.thresholds.set_index(["rule", "label"])["threshold"]
    applied = assessed.rates.set_index(["rule", "label"])["threshold"]
    for key, threshold in frozen.items():
        assert (applied.loc[key] == threshold).all()


def test_a_record_gives_the_tables_back(assessed):
    text = json.dumps(assessed.record(), allow_nan=False)
    again = Assessment.from_record(json.loads(text))
    for name in ("scores", "areas", "precisions", "thresholds", "rates", "calibration"):
        pd.testing.assert_frame_equal(
            getattr(again, name), getattr(assessed, name), check_dtype=False
        )
    maximum = assessed.studies["pooling"] == "maximum"
    assert np.isinf(assessed.studies.loc[maximum, "sharpness"]).all()
    assert again.studies.loc[maximum, "sharpness"].isna().all()


def test_the_same_slices_of_test_have_one_name_in_whatever_order_and_others_another(
    predictions, assessed
):
    def named(table):
        return assess(table, replicates=2).test_set

    shuffled = predictions.sample(frac=1, random_state=3)
    assert shuffled["sop_instance_uid"].tolist() != predictions["sop_instance_uid"].tolist()
    first = predictions.index[predictions["split"] == "test"][0]
    fewer = predictions.drop(index=first)
    other = predictions.assign(
        sop_instance_uid=predictions["sop_instance_uid"].where(predictions.index != first, "other")
    )
    of_train = predictions.drop(index=predictions.index[predictions["split"] == "train"][0])
    name = assessed.test_set
    assert name == named(shuffled) == named(of_train)
    assert len({name, named(fewer), named(other)}) == 3


def test_holm_is_that_of_statsmodels():
    p = np.random.default_rng(0).random(25) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def test_slope_and_intercept_are_those_of_statsmodels_logistic_regression():
    from statsmodels.api import Logit

    random = np.random.default_rng(1)
    logit = random.normal(size=500)
    truth = (random.random(500) < 1 / (1 + np.exp(-(0.6 * logit - 0.4)))).astype(int)
    fitted = Logit(truth, add_constant(logit)).fit(disp=0)
    slope, intercept = fit_logistic(truth, logit)
    np.testing.assert_allclose([intercept, slope], fitted.params, rtol=1e-5)
