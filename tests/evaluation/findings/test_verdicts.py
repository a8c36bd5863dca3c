"""The poster's findings, on runs made to support or contradict them."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from ichreport.evaluation.findings.evidence import Basis
from ichreport.evaluation.findings.verdicts import Criterion, findings, judge
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.evaluation.uncertainty.score_table import score_table
from ichreport.labels import LABELS, SUBTYPES

COLUMNS = list(PROBABILITIES)


def predicted(predictions, strength, seed=0):
    """Calibrated probabilities of a normal score that lies `strength` higher with bleeding."""
    rng = np.random.default_rng(seed)
    truth = predictions[list(TRUTHS)].to_numpy()
    odds = truth.mean(axis=0) / (1 - truth.mean(axis=0))
    score = strength * truth + np.random.default_rng(99).normal(size=truth.shape)
    score += 0.02 * rng.normal(size=truth.shape)
    logit = np.log(odds) + strength * score - strength**2 / 2
    changed = predictions.copy()
    changed[COLUMNS] = 1 / (1 + np.exp(-logit))
    return changed


@pytest.fixture
def many(draw_predictions):
    return draw_predictions(seed=4, patients=400)


def criteria_by_name(runs):
    """The criteria of the fifth finding."""
    return {each.name: each for each in findings(runs)[4].criteria}


def verdicts(runs):
    return [finding.verdict for finding in findings(runs)]


def test_a_simple_choice_that_is_better_than_all_supports_the_poster(draw_predictions):
    many = draw_predictions(seed=4, patients=2000)
    best = math.sqrt(2) * 1.5  # area Φ(1.5) = 0.933
    runs = {row: predicted(many, best - 0.6, row) for row in range(1, 15)}
    for simple in (2, 5, 10, 13):
        runs[simple] = predicted(many, best, simple)
    runs[2] = predicted(many, best - 0.3, 2)
    results = findings(runs)
    assert [finding.number for finding in results] == [1, 2, 3, 4, 5]
    assert [finding.verdict for finding in results[:4]] == ["supported"] * 4
    assert all(not finding.missing for finding in results)


def test_alternatives_that_are_better_contradict_it(many):
    runs = {row: predicted(many, 1.2, row) for row in (1, 2, 5, 10, 13)}
    runs |= {row: predicted(many, 2.2, row) for row in (6, 7, 8, 9, 11, 12, 14)}
    runs[2] = predicted(many, 2.0, 2)
    assert verdicts(runs)[:4] == ["contradicted"] * 4


def test_alternatives_that_are_alike_bring_nothing_but_do_not_let_the_simple_choice_win(many):
    runs = {row: predicted(many, 2.0, row) for row in range(1, 15)}
    assert verdicts(runs)[1:3] == ["undecided", "supported"]


def test_without_runs_everything_is_undecided_and_what_is_missing_is_named():
    results = findings({})
    assert {finding.verdict for finding in results} == {"undecided"}
    assert results[0].missing == (2, 5)
    assert results[3].missing == (13,)
    assert [len(finding.criteria) for finding in results] == [2, 8, 7, 1, 6]
    assert all(math.isnan(criterion.value) for finding in results for criterion in finding.criteria)


def test_random_backbones_decide_nothing_that_the_poster_says_of_pre_trained_ones(many):
    runs = {row: predicted(many, 1.2, row) for row in (1, 2, 5, 10, 13)}
    runs |= {row: predicted(many, 2.2, row) for row in (6, 7, 8, 9, 11, 12, 14)}
    frozen = set(range(5, 15))
    pretrained, random = (findings(runs, random_backbones=rows) for rows in ((), frozen))
    assert [finding.verdict for finding in pretrained[:4]].count("contradicted") == 3
    assert {finding.verdict for finding in random} == {"undecided"}
    assert random[0].random_backbones == (5,)
    assert random[1].random_backbones == tuple(range(5, 15))
    assert random[3].random_backbones == (13,)
    for before, after in zip(pretrained, random, strict=True):
        values = [[each.value for each in finding.criteria] for finding in (before, after)]
        np.testing.assert_array_equal(*values)
    scratch = random[1].criteria[0]
    assert scratch.rows == (2, 1)
    assert scratch.verdict == pretrained[1].criteria[0].verdict


def test_an_area_has_the_interval_of_the_run_s_table(many):
    run = predicted(many, 2.0)
    table = score_table(run)
    row = table[(table["split"] == "test") & (table["score"] == "auc") & (table["label"] == "any")]
    runs = {13: run, 5: predicted(many[many["split"] != "validation"].iloc[::3], 1.0)}
    [criterion] = findings(runs)[3].criteria
    ends = (criterion.interval.low, criterion.interval.high)
    assert ends == (row["low"].item(), row["high"].item())


def with_rare_epidural(predictions, strength, one_in=4):
    """A run that ranks epidural bleeding so well, which is left in one of so many slices."""
    run = predicted(predictions, 2.0)
    rare = predictions["truth_epidural"].to_numpy() * (np.arange(len(predictions)) % one_in == 0)
    noise = np.random.default_rng(0).normal(size=len(run))
    run["truth_epidural"] = rare
    run["probability_epidural"] = 1 / (1 + np.exp(-noise - strength * rare))
    return run


def test_a_worthless_epidural_score_supports_that_it_fails(many):
    criteria = criteria_by_name({13: with_rare_epidural(many, 0.0)})
    assert criteria["epidural fails"].verdict == "supported"
    assert criteria["epidural weaker than any"].verdict == "supported"


def test_a_rare_label_that_is_ranked_well_contradicts_it_though_its_precision_is_low(
    draw_predictions,
):
    run = with_rare_epidural(draw_predictions(seed=4, patients=2000), 2.2, one_in=10)
    failing = criteria_by_name({13: run})["epidural fails"]
    test = run[run["split"] == "test"]
    area = roc_auc_score(test["truth_epidural"], test["probability_epidural"])
    assert failing.value == pytest.approx(area)
    assert area == pytest.approx(norm.cdf(2.2 / math.sqrt(2)), abs=0.03)
    assert (failing.supported_if, failing.contradicted_if) == (
        (-math.inf, 0.8),
        ((0.8, math.inf),),
    )
    assert failing.verdict == "contradicted"
    _, beside, precision = failing.measure.split("; ")
    assert beside == "the poster's is 0.900"
    said = re.fullmatch(
        r"precision at 85 % recall ([\d.]+) \([\d.]+ to [\d.]+\), by chance ([\d.]+)", precision
    )
    assert float(said[1]) < 0.10  # by which it would have failed
    assert float(said[2]) == pytest.approx(test["truth_epidural"].mean(), abs=6e-4)


def test_a_precision_beside_an_area_of_several_seeds_is_said_to_be_of_the_first(many):
    first, second = (with_rare_epidural(many, strength) for strength in (2.2, 1.0))
    once, both = (
        criteria_by_name({13: runs})["epidural fails"] for runs in (first, [first, second])
    )
    assert both.value < once.value
    told = "precision at 85 % recall with the first seed "
    assert told not in once.measure
    assert told in both.measure
    assert both.measure.replace(" with the first seed", "") == once.measure


def test_a_precision_without_an_interval_has_none_beside_it(many):
    run = with_rare_epidural(many, 2.2)
    test = run["split"] == "test"
    most = run.loc[test, "probability_epidural"].idxmax()
    run.loc[test, "probability_epidural"] = 0.0
    run.loc[most, "probability_epidural"] = 1.0  # a single slice is called, of one patient
    measure = criteria_by_name({13: run})["epidural fails"].measure
    assert re.search(r"precision at 85 % recall [01]\.000, by chance", measure), measure
    assert "nan" not in measure


def test_an_epidural_area_whose_interval_holds_the_limit_is_undecided(many):
    criteria = criteria_by_name({13: with_rare_epidural(many, 1.2)})
    interval = criteria["epidural fails"].interval
    assert interval.low < 0.8 < interval.high
    assert criteria["epidural fails"].verdict == "undecided"


def test_a_rare_subtype_that_is_ranked_as_well_as_any_is_not_called_weak(draw_predictions):
    run = predicted(draw_predictions(seed=4, patients=2000), 2.0)
    criteria = findings({13: run})[4].criteria
    test = run[run["split"] == "test"]
    rates = test[list(TRUTHS)].mean()
    assert rates["truth_epidural"] < rates["truth_any"] / 3
    areas = {x: roc_auc_score(test[f"truth_{x}"], test[f"probability_{x}"]) for x in LABELS}
    for label, criterion in zip(SUBTYPES, criteria[:5], strict=True):
        assert criterion.name == f"{label} weaker than any"
        assert criterion.value == pytest.approx(areas[label] - areas["any"])
        assert criterion.interval.low < criterion.value < criterion.interval.high
        assert criterion.verdict == "undecided"
    assert criteria[5].measure.endswith(f"by chance {rates['truth_epidural']:.3f}")


def test_the_poster_s_own_difference_stands_beside_ours():
    criteria = criteria_by_name({})
    gaps = {"intraventricular": "+0.024", "epidural": "−0.032"}  # 0.9567, 0.9004 less 0.9329
    for label, gap in gaps.items():
        assert criteria[f"{label} weaker than any"].measure.endswith(f"the poster's is {gap}")


def criterion(low, high, p=math.nan):
    interval = Interval(low, high, 9)
    return Criterion("x", "y", (1,), 0, interval, (-math.inf, 0.1), ((0, math.inf),), p)


def test_a_criterion_is_judged_by_its_whole_interval():
    assert judge([criterion(-1, 0.05)])[0].verdict == "supported"
    assert judge([criterion(0.01, 0.05)])[0].verdict == "supported"  # a gain, but none worth while
    assert judge([criterion(0.01, 0.2)])[0].verdict == "contradicted"
    assert judge([criterion(-0.01, 0.2)])[0].verdict == "undecided"
    assert judge([criterion(math.nan, math.nan)])[0].verdict == "undecided"


def test_a_criterion_on_a_random_backbone_is_not_judged_and_does_not_count_as_a_comparison():
    lucky, random = criterion(0.01, 0.2, p=0.04), criterion(-1, 1, p=0.5)
    random = replace(random, rows=(5, 2))
    assert judge([lucky, random])[0].verdict == "undecided"
    first, second = judge([lucky, random], random_backbones={5})
    assert (first.verdict, second.verdict) == ("contradicted", "undecided")


def test_one_lucky_alternative_of_many_does_not_contradict():
    lucky = criterion(0.01, 0.2, p=0.04)
    assert judge([lucky])[0].verdict == "contradicted"
    assert judge([lucky, criterion(-1, 1, p=0.5)])[0].verdict == "undecided"


def gap_of(runs, name, **rest):
    """A criterion of the second finding, by its name."""
    return {each.name: each for each in findings(runs, **rest)[1].criteria}[name]


def test_a_row_with_seen_patients_rests_on_its_twin(many):
    own = {5: predicted(many, 3.0), 6: predicted(many, 1.0)}
    twins = {5: predicted(many, 1.0), 6: predicted(many, 3.0)}
    on_own = gap_of(own, "focal loss")
    on_twins = gap_of(own, "focal loss", twins=twins, seen={5, 6})
    assert on_own.basis == Basis()
    assert on_twins.basis == Basis(twins=(5, 6))
    assert on_own.verdict == "supported"
    assert on_twins.verdict == "contradicted"
    assert on_twins.value == pytest.approx(-on_own.value, abs=0.05)
    alone = gap_of({}, "focal loss", twins=twins, seen={5, 6})  # the rows' own runs failed
    assert (alone.value, alone.basis) == (on_twins.value, on_twins.basis)


def test_both_rows_are_compared_by_the_same_split(many):
    own = {5: predicted(many, 2.0), 6: predicted(many, 1.0), 8: predicted(many, 1.5)}
    twins = {5: predicted(many, 0.5), 6: predicted(many, 0.5)}
    results = findings(own, twins=twins, seen={5, 6, 8})
    by_name = {each.name: each for each in results[1].criteria}
    assert by_name["focal loss"].basis == Basis(twins=(5, 6))
    assert by_name["sigmoid windows"].basis == Basis(seen=(5, 8))
    without = gap_of(own, "sigmoid windows")
    assert by_name["sigmoid windows"].value == without.value
    assert results[0].criteria[0].basis == Basis(twins=(5,))


def test_a_row_of_unseen_patients_is_not_compared_with_one_of_seen_patients(many):
    own = {5: predicted(many, 2.0), 6: predicted(many, 1.0)}
    apart = findings(own, seen={5})[1]
    gap = {each.name: each for each in apart.criteria}["focal loss"]
    assert gap.basis == Basis(missing=(5,))
    assert math.isnan(gap.value)
    assert gap.verdict == "undecided"
    assert 5 in apart.missing
    twins = {5: predicted(many, 2.0)}
    assert gap_of(own, "focal loss", seen={5}, twins=twins).basis == Basis(twins=(5,))
