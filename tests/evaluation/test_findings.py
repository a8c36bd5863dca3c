"""The poster's findings, on runs made to support or contradict them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ichreport.evaluation import findings as module
from ichreport.evaluation.findings import Part, findings, judged
from ichreport.evaluation.inference.intervals import Interval
from ichreport.evaluation.inference.score_intervals import score_table_with_intervals
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
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


def verdicts(runs):
    return [finding.verdict for finding in findings(runs, replicates=200)]


def test_a_simple_choice_that_is_better_than_all_supports_the_poster(draw_predictions):
    many = draw_predictions(seed=4, patients=2000)
    best = math.sqrt(2) * 1.5  # area Φ(1.5) = 0.933
    runs = {row: predicted(many, best - 0.6, row) for row in range(1, 15)}
    for simple in (2, 5, 10, 13):
        runs[simple] = predicted(many, best, simple)
    runs[2] = predicted(many, best - 0.3, 2)
    found = findings(runs, replicates=200)
    assert [finding.number for finding in found] == [1, 2, 3, 4, 5]
    assert [finding.verdict for finding in found[:4]] == ["supported"] * 4
    assert all(not finding.missing for finding in found)


def test_alternatives_that_are_better_contradict_it(many):
    runs = {row: predicted(many, 1.2, row) for row in (1, 2, 5, 10, 13)}
    runs |= {row: predicted(many, 2.2, row) for row in (6, 7, 8, 9, 11, 12, 14)}
    runs[2] = predicted(many, 2.0, 2)
    assert verdicts(runs)[:4] == ["contradicted"] * 4


def test_alternatives_that_are_alike_bring_nothing_but_do_not_let_the_simple_choice_win(many):
    runs = {row: predicted(many, 2.0, row) for row in range(1, 15)}
    assert verdicts(runs)[1:3] == ["undecided", "supported"]


def test_without_runs_everything_is_undecided_and_what_is_missing_is_named():
    found = findings({}, replicates=5)
    assert {finding.verdict for finding in found} == {"undecided"}
    assert found[0].missing == (2, 5)
    assert found[3].missing == (13,)
    assert [len(finding.parts) for finding in found] == [2, 8, 7, 1, 6]
    assert all(math.isnan(part.value) for finding in found for part in finding.parts)


def test_random_backbones_decide_nothing_that_the_poster_says_of_pre_trained_ones(many):
    runs = {row: predicted(many, 1.2, row) for row in (1, 2, 5, 10, 13)}
    runs |= {row: predicted(many, 2.2, row) for row in (6, 7, 8, 9, 11, 12, 14)}
    frozen = set(range(5, 15))
    taught, untaught = (findings(runs, untaught=of, replicates=200) for of in ((), frozen))
    assert [finding.verdict for finding in taught[:4]].count("contradicted") == 3
    assert {finding.verdict for finding in untaught} == {"undecided"}
    assert untaught[0].untaught == (5,)
    assert untaught[1].untaught == tuple(range(5, 15))
    assert untaught[3].untaught == (13,)
    for before, after in zip(taught, untaught, strict=True):
        values = [[part.value for part in finding.parts] for finding in (before, after)]
        np.testing.assert_array_equal(*values)
    scratch = untaught[1].parts[0]
    assert scratch.rows == (2, 1)
    assert scratch.verdict == taught[1].parts[0].verdict


def test_an_area_has_the_interval_that_the_run_s_own_table_gives_it(many):
    run = predicted(many, 2.0)
    table = score_table_with_intervals(run, replicates=100)
    own = table[(table["split"] == "test") & (table["score"] == "auc") & (table["label"] == "any")]
    runs = {13: run, 5: predicted(many[many["split"] != "validation"].iloc[::3], 1.0)}
    [part] = findings(runs, replicates=100)[3].parts
    assert (part.interval.low, part.interval.high) == (own["low"].item(), own["high"].item())


def test_a_worthless_epidural_score_supports_that_it_fails(many):
    run = predicted(many, 2.0)
    rare = many["truth_epidural"].to_numpy() * (np.arange(len(many)) % 4 == 0)
    run["truth_epidural"] = rare
    run["probability_epidural"] = np.random.default_rng(0).random(len(run))
    parts = {part.name: part for part in findings({13: run}, replicates=100)[4].parts}
    assert parts["epidural fails"].verdict == "supported"
    assert parts["epidural weaker than any"].verdict == "supported"


def test_a_rare_subtype_that_is_ranked_as_well_as_any_is_not_called_weak(draw_predictions):
    run = predicted(draw_predictions(seed=4, patients=2000), 2.0)
    parts = findings({13: run}, replicates=100)[4].parts
    test = run[run["split"] == "test"]
    rates = test[list(TRUTHS)].mean()
    assert rates["truth_epidural"] < rates["truth_any"] / 3
    areas = {of: roc_auc_score(test[f"truth_{of}"], test[f"probability_{of}"]) for of in LABELS}
    for label, part in zip(SUBTYPES, parts[:5], strict=True):
        assert part.name == f"{label} weaker than any"
        assert part.value == pytest.approx(areas[label] - areas["any"])
        assert part.interval.low < part.value < part.interval.high
        assert part.verdict == "undecided"
    assert parts[5].measure == f"precision at 85 % recall; by chance {rates['truth_epidural']:.3f}"


def test_the_poster_s_own_difference_stands_beside_ours():
    parts = {part.name: part for part in findings({}, replicates=5)[4].parts}
    theirs = {"intraventricular": "+0.024", "epidural": "−0.032"}  # 0.9567, 0.9004 less 0.9329
    for label, gap in theirs.items():
        assert parts[f"{label} weaker than any"].measure.endswith(f"the poster's is {gap}")


def part(low, high, p=math.nan):
    return Part("x", "y", (1,), 0, Interval(low, high, 9, 0), (-math.inf, 0.1), ((0, math.inf),), p)


def test_a_part_is_judged_by_its_whole_interval():
    assert judged([part(-1, 0.05)])[0].verdict == "supported"
    assert judged([part(0.01, 0.05)])[0].verdict == "supported"  # a gain, but none worth while
    assert judged([part(0.01, 0.2)])[0].verdict == "contradicted"
    assert judged([part(-0.01, 0.2)])[0].verdict == "undecided"
    assert judged([part(math.nan, math.nan)])[0].verdict == "undecided"


def test_an_untaught_part_is_not_judged_and_does_not_count_as_a_comparison():
    lucky, random = part(0.01, 0.2, p=0.04), part(-1, 1, p=0.5)
    random = replace(random, rows=(5, 2))
    assert judged([lucky, random])[0].verdict == "undecided"
    first, second = judged([lucky, random], untaught={5})
    assert (first.verdict, second.verdict) == ("contradicted", "undecided")


def test_one_lucky_alternative_of_many_does_not_contradict():
    lucky = part(0.01, 0.2, p=0.04)
    assert judged([lucky])[0].verdict == "contradicted"
    assert judged([lucky, part(-1, 1, p=0.5)])[0].verdict == "undecided"


def test_every_alternative_is_compared_with_a_row_of_its_own_kind():
    assert set(module.BROUGHT_NOTHING) < set(module.ALTERNATIVES)
    assert {simple for _, simple in module.ALTERNATIVES.values()} == {2, 5, 10, 13}
