"""How far thresholds scatter, against thresholds of slices that are really repeated."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ichreport.evaluation.operating.threshold_scatter import threshold_replicates, threshold_scatter
from ichreport.evaluation.operating.thresholds import RULES, frozen_thresholds
from ichreport.evaluation.uncertainty.bootstrap import draw_resamples
from ichreport.labels import LABELS


@pytest.mark.parametrize("decimals", [1, 9])  # with ties, and with scores that are not drawn
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_resample_s_threshold_is_the_rule_s_on_slices_that_are_repeated(rule, decimals):
    random = np.random.default_rng(3)
    groups = [f"g{n}" for n in random.integers(12, size=90)]
    truth = random.integers(2, size=90)
    score = np.round(random.random(90) + 0.3 * truth, decimals)
    resamples = draw_resamples(groups, replicates=25)
    codes = resamples.group_codes(groups)
    found = threshold_replicates(truth == 1, score, rule, codes, resamples.counts)
    for drawn, threshold in zip(resamples.counts, found, strict=True):
        times = drawn[codes]
        expected = rule.threshold(np.repeat(truth, times), np.repeat(score, times))
        assert threshold == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_resample_without_a_class_has_no_threshold(rule):
    counts = np.array([[0, 1], [1, 0], [0, 0]])
    score, codes = np.array([0.2, 0.7]), np.array([0, 1])
    found = threshold_replicates(np.array([False, True]), score, rule, codes, counts)
    needs = {"recall": [1, 2], "specificity": [0, 2], "youden": [0, 1, 2]}[rule.measure]
    assert np.flatnonzero(np.isnan(found)).tolist() == needs


def test_the_frozen_threshold_lies_within_and_more_patients_scatter_less(draw_predictions):
    widths = []
    for patients in (120, 1200):
        predictions = draw_predictions(seed=5, patients=patients)
        frozen = frozen_thresholds(predictions).set_index(["rule", "label"])["threshold"]
        table = threshold_scatter(predictions, replicates=200).set_index(["rule", "label"])
        for key in (("recall-85", "any"), ("specificity-90", "any")):
            assert table.loc[key, "low"] <= frozen[key] <= table.loc[key, "high"]
        widths.append(table["rate_high"] - table["rate_low"])
    few, many = widths
    ratio = many["recall-85", "any"] / few["recall-85", "any"]
    assert 0.15 < ratio < 0.6  # the square root of a tenth is 0.32


def test_the_spread_of_recall_is_that_of_new_validation_sets(draw_predictions):
    """A bootstrap of one validation set against many that are drawn from the same patients."""
    everyone = draw_predictions(seed=9, patients=2400)
    test = everyone[everyone["split"] == "test"]
    others = everyone[everyone["split"] != "test"]
    positives = test.loc[test["truth_any"] == 1, "probability_any"].to_numpy(float)
    random, recalls, spreads = np.random.default_rng(0), [], []
    names = others["group"].unique()
    for draw in range(60):
        chosen = random.choice(names, 60, replace=False)
        validation = others[others["group"].isin(chosen)].assign(split="validation")
        threshold = RULES[0].threshold(validation["truth_any"], validation["probability_any"])
        recalls.append((positives >= threshold).mean())
        if draw < 10:
            both = pd.concat([validation, test])
            row = threshold_scatter(both, replicates=100).set_index(["rule", "label"])
            row = row.loc[("recall-85", "any")]
            spreads.append(row["rate_high"] - row["rate_low"])
    assert 0.9 < np.mean(spreads) / (2 * 1.96 * np.std(recalls)) < 1.6


def of_studies(random, studies, prevalence=0.25):
    """Single studies of validation and of test, with binormal scores of an AUC of .9."""
    parts = []
    for split, count in (("validation", studies), ("test", 100)):
        truth = (random.random(count) < prevalence).astype(int)
        truth[:2] = 1, 0
        score = norm.cdf(random.normal(size=count) + 1.81 * truth - 0.9)
        columns = {f"truth_{label}": truth for label in LABELS}
        columns |= {f"probability_{label}": score for label in LABELS}
        names = [f"{split}{number}" for number in range(count)]
        parts.append(pd.DataFrame({**columns, "split": split, "group": names}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("studies", "least"), [(12, 0.93), (40, 0.93)])
@pytest.mark.parametrize("rule", [RULES[0], RULES[2]], ids=lambda rule: rule.name)
def test_the_threshold_of_endless_studies_lies_within(rule, studies, least):
    """Draws of a handful never pass its own scores: they held it in 41 to 93 % of samples."""
    random, inside = np.random.default_rng(1), []
    at = 1.81 - 0.9 + norm.ppf(0.15) if rule.measure == "recall" else norm.ppf(0.9) - 0.9
    for _ in range(120):
        row = threshold_scatter(
            of_studies(random, studies), rules=[rule], labels=["any"], replicates=50
        ).iloc[0]
        if row["groups"] > 1:
            inside.append(row["low"] <= norm.cdf(at) <= row["high"])
    assert np.mean(inside) >= least


def test_a_constant_score_has_one_threshold():
    """Its far end passed the last score, though no positive is found beyond it."""
    rows = of_studies(np.random.default_rng(0), 400).assign(
        **{f"probability_{label}": 0.3 for label in LABELS}
    )
    table = threshold_scatter(rows, replicates=50).set_index(["rule", "label"])
    assert table.loc[("recall-85", "any"), ["low", "high"]].tolist() == [0.3, 0.3]
    assert table.loc[("recall-85", "any"), ["rate_low", "rate_high"]].tolist() == [1, 1]
    above = np.nextafter(0.3, 1)
    assert table.loc[("specificity-90", "any"), ["low", "high"]].tolist() == [above, above]


def test_a_threshold_that_passes_the_last_score_is_open():
    """Of four with bleeding, all found: nobody knows how low the fifth would be."""
    rows = of_studies(np.random.default_rng(0), 30)
    positive = (rows["truth_any"] == 1) & (rows["split"] == "validation")
    rows.loc[rows.index[positive][4:], [f"truth_{label}" for label in LABELS]] = 0
    table = threshold_scatter(rows, replicates=50).set_index(["rule", "label"])
    assert table.loc[("recall-85", "any"), "low"] == 0
    assert table.loc[("recall-85", "any"), "rate_high"] == 1


def test_every_rule_and_label_has_a_row_and_one_class_has_none(predictions):
    changed = predictions.copy()
    changed.loc[changed["split"] == "validation", "truth_epidural"] = 0
    table = threshold_scatter(changed, replicates=20).set_index(["rule", "label"])
    assert len(table) == len(RULES) * len(LABELS)
    assert np.isnan(table.loc[("recall-85", "epidural"), "low"])
    assert table.loc[("recall-85", "epidural"), "undefined"] == 20
    assert table.loc[("specificity-90", "epidural"), "rate"] == "specificity"
    assert not np.isnan(table.loc[("specificity-90", "epidural"), "low"])
