"""Runs against a baseline: what pairing brings, and what the table says."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t, ttest_rel

from ichreport.evaluation.comparisons import (
    Comparison,
    compare_pairs,
    compare_runs,
    paired_difference,
)
from ichreport.evaluation.constant_prevalence import compare_with_floor
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.scores import log_loss_terms, split_scores
from ichreport.evaluation.uncertainty.area_differences import difference_of_areas
from ichreport.evaluation.uncertainty.closed_differences import (
    difference_interval,
)
from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.jackknife import Chance, auc_left_out
from ichreport.params.experiment import Experiment
from ichreport.params.yaml import project_path, read_yaml

COLUMNS = list(PROBABILITIES)
PAIRS = tuple(zip(PROBABILITIES, TRUTHS, strict=True))


def sharpened(predictions, seed, size):
    """Predictions moved towards the truth (size > 0) or away from it, with a little noise."""
    rng = np.random.default_rng(seed)
    p = predictions[COLUMNS].to_numpy(float)
    sign = 2 * predictions[list(TRUTHS)].to_numpy() - 1
    logit = np.log(p / (1 - p)) + size * sign + 0.05 * rng.normal(size=p.shape)
    moved = predictions.copy()
    moved[COLUMNS] = (1 / (1 + np.exp(-logit))).astype(np.float32)
    return moved


@pytest.fixture(scope="module")
def runs(predictions):
    return {
        "base": predictions,
        "better": sharpened(predictions, 1, 0.3),
        "worse": sharpened(predictions, 2, -0.3),
        "alike": sharpened(predictions, 3, 0.0),
    }


def test_better_worse_and_alike_are_told_apart(runs):
    table = compare_runs(runs, dict.fromkeys(["better", "worse", "alike"], "base"))
    outcome = table.set_index("run")["outcome"].to_dict()
    assert outcome == {"better": "better", "worse": "worse", "alike": "not distinguishable"}
    assert (table["p_holm"] >= table["p"]).all()
    assert (table["shared_slices"] == 1).all()
    inside = (table["low"] <= table["difference"]) & (table["difference"] <= table["high"])
    assert inside.all()
    areas = compare_runs(runs, {"better": "base"}, score="auc", label="any")
    assert areas.loc[0, "difference"] > 0
    assert areas.loc[0, "outcome"] == "better"


def test_a_difference_is_that_of_the_scores(runs):
    comparison = Comparison(runs)
    difference = comparison.difference("better", "base", "log_loss", "subdural")
    values = []
    for name in ("better", "base"):
        rows = runs[name][runs[name]["split"] == "test"]
        values.append(split_scores(rows[list(TRUTHS)], rows[COLUMNS])["log_loss"]["subdural"])
    assert (difference.value, difference.baseline) == pytest.approx(values)
    assert difference.difference == pytest.approx(values[0] - values[1])


def test_pairing_is_sharper_than_two_runs_apart(runs):
    comparison = Comparison(runs)
    paired = comparison.difference("better", "base", "weighted_log_loss_sum").interval
    errors = [
        np.linalg.norm(comparison.left_out(name, "weighted_log_loss_sum").deviations)
        for name in ("better", "base")
    ]
    assert paired.high - paired.low < 0.3 * 2 * 1.96 * np.hypot(*errors)


def test_a_p_value_is_the_same_each_time_and_that_of_the_paired_t_test(runs):
    """With one slice a group; scipy's variance is (n - 1) / n of the jackknife's."""
    test = runs["base"]["split"] == "test"
    single = {
        name: run.assign(group=[f"{k:05d}" for k in range(len(run))]) for name, run in runs.items()
    }
    first, again = (
        Comparison(single).difference("better", "base", "log_loss", "any").p for _ in range(2)
    )
    assert first == again
    losses = [
        log_loss_terms(run.loc[test, "truth_any"], run.loc[test, "probability_any"])
        for run in (runs["better"], runs["base"])
    ]
    slices = test.sum()
    expected = ttest_rel(*losses)
    ratio = expected.statistic * np.sqrt((slices - 1) / slices)
    assert first == pytest.approx(2 * t.sf(abs(ratio), slices - 1), rel=1e-6)


def test_two_areas_are_at_most_1_apart():
    truth, codes = np.repeat([1, 0], 5), np.arange(10)
    mixed = [3, 1, 2, 1, 3, 2, 2, 3, 1, 2]
    best, poor = (auc_left_out(truth, score, codes) for score in (truth, mixed))
    open_ended = paired_difference(best, poor, shared_slices=1.0)
    bounded = paired_difference(best, poor, shared_slices=1.0, of_areas=True)
    assert open_ended.interval.high > 1 > bounded.interval.high > bounded.difference
    assert bounded.interval.low > 0
    assert bounded.p < 0.05


def test_areas_of_other_slices_are_compared_alike_in_either_order():
    """Of 50 positive studies and of 3, all right: the tie was known to 0.007 or to 0.065."""
    codes = np.arange(400)
    many = auc_left_out(np.repeat([1, 0], [50, 350]), np.arange(400, 0, -1), codes)
    few = auc_left_out(np.repeat([1, 0], [3, 57]), np.arange(60, 0, -1), codes[:60], 400)
    there = paired_difference(many, few, shared_slices=0.0, of_areas=True)
    back = paired_difference(few, many, shared_slices=0.0, of_areas=True)
    assert (there.difference, there.p) == (0, 1)
    assert there.interval.high == pytest.approx(-back.interval.low)
    assert there.interval.high == pytest.approx(1 - area_interval(few).low, rel=0.05)


@pytest.mark.parametrize(("positives", "held"), [(4, 0.93), (8, 0.93)])
def test_a_difference_of_areas_of_other_patients_is_held(positives, held):
    """Of 300 studies and of 60, with an area of .97 each: it was in 82 to 100 %, by their order."""
    rng, distance, inside = np.random.default_rng(2), math.sqrt(2) * norm.ppf(0.97), []
    for _ in range(300):
        areas = []
        for first, bleeding, studies in ((0, 100, 300), (300, positives, 60)):
            truth = np.repeat([1, 0], [bleeding, studies - bleeding])
            score = rng.normal(size=studies) + distance * truth
            areas.append(auc_left_out(truth, score, first + np.arange(studies), 360))
        found = paired_difference(*areas, shared_slices=0.0, of_areas=True)
        inside.append(found.interval.low <= 0 <= found.interval.high)
        assert (found.p < 0.05) == (not inside[-1])
    assert np.mean(inside) >= held


def test_the_luck_of_trainings_is_not_shared_by_areas_of_the_same_groups():
    """The same patients and slices of each: all that differs is luck, which does not cancel."""
    rng, truth = np.random.default_rng(5), np.tile([0, 1], 200)
    area = auc_left_out(truth, truth + rng.normal(size=400), np.arange(400) // 10)
    lucky = replace(area, chance=Chance(1e-3, 1e-6 / 4))
    ends, half = area_interval(lucky), math.sqrt(0.001 + np.square(area.deviations).sum())
    apart = paired_difference(lucky, lucky, shared_slices=0.5, of_areas=True).interval
    alone = math.sqrt(2 * 0.001) / half
    for end in (-apart.low, apart.high):
        assert end == pytest.approx(alone * (ends.high - ends.low) / 2, rel=0.1)


def test_areas_of_1_of_a_handful_of_studies_are_no_sure_tie():
    """Their difference was 0 (0 to 0), and excluded one of .015 in 59 % of such samples."""
    truth, codes = np.repeat([1, 0], [4, 16]), np.arange(20)
    ours, theirs = (auc_left_out(truth, truth + np.arange(20) / k, codes) for k in (50, 90))
    found = paired_difference(ours, theirs, shared_slices=1.0, of_areas=True)
    assert (found.difference, found.p) == (0, 1)
    assert found.interval.low < -0.015
    assert found.interval.high > 0.015


def test_a_network_that_is_nearly_perfect_is_not_called_better_by_more_than_it_is():
    """Areas of .97 and .997 of the same 40 studies: of a t test one side missed in 20 %."""
    rng, truth, codes = np.random.default_rng(3), np.repeat([1, 0], 20), np.arange(40)
    distances, gain = math.sqrt(2) * norm.ppf([0.97, 0.997]), 0.997 - 0.97
    missed: dict[str, list[bool]] = {"ours": [], "t test": []}
    for _ in range(300):
        shared = rng.normal(size=40)
        areas = [
            auc_left_out(truth, d * truth + (shared + rng.normal(size=40)) / math.sqrt(2), codes)
            for d in distances
        ]
        ours = paired_difference(areas[1], areas[0], shared_slices=1.0, of_areas=True)
        missed["ours"].append(not ours.interval.low <= gain <= ours.interval.high)
        t_test = difference_interval(areas[1].minus(areas[0]), of="shares")
        missed["t test"].append(not t_test.low <= gain <= t_test.high)
    assert np.mean(missed["ours"]) <= 0.05
    assert np.mean(missed["t test"]) > 0.1


def test_the_luck_that_two_labels_of_a_training_share_cancels_in_their_difference():
    """Both areas of each training are as lucky: what luck adds is not in the difference."""
    rng, truth = np.random.default_rng(6), np.tile([0, 1], 200)
    one, other = (
        auc_left_out(truth, truth + rng.normal(size=400), np.arange(400) // 10) for _ in range(2)
    )
    luck = 4e-3
    lucky = [replace(area, chance=Chance(luck, luck**2 / 4)) for area in (one, other)]
    apart = difference_of_areas(*lucky)[0]
    together = difference_of_areas(*lucky, between=one.minus(other))[0]
    steps = np.array([one.deviations, other.deviations])
    correlation = (luck + steps[0] @ steps[1]) / np.prod(np.sqrt(luck + np.square(steps).sum(1)))
    first, second = (area_interval(area) for area in lucky)
    reach = np.array([one.value - first.low, second.high - other.value])
    below = math.sqrt(np.square(reach).sum() - 2 * correlation * np.prod(reach))
    assert one.value - other.value - together.low == pytest.approx(below)
    assert together.high - together.low < 0.7 * (apart.high - apart.low)


def test_a_run_against_itself_shows_no_difference(runs):
    difference = Comparison(runs).difference("base", "base", "weighted_log_loss_sum")
    assert (
        difference.difference,
        difference.interval.low,
        difference.interval.high,
        difference.p,
    ) == (0, 0, 0, 1)


def test_runs_on_other_slices_are_compared_by_the_groups_they_share(runs):
    test = runs["base"]["split"] == "test"
    half = runs["better"][~test | (np.arange(len(test)) % 2 == 0)]
    table = compare_runs({"base": runs["base"], "half": half}, {"half": "base"})
    kept = (half["split"] == "test").sum() / test.sum()
    assert table.loc[0, "shared_slices"] == pytest.approx(kept)
    assert table.loc[0, "low"] < table.loc[0, "high"]


def test_a_missing_run_is_a_row_without_figures_and_costs_no_adjustment(runs):
    table = compare_runs(runs, {"better": "base", "lost": "base"})
    lost = table[table["run"] == "lost"]
    assert lost["outcome"].tolist() == ["undefined"]
    assert lost[["difference", "low", "p", "p_holm"]].isna().all(axis=None)
    assert table.loc[0, "p_holm"] == table.loc[0, "p"]


def test_several_scores_are_adjusted_together_and_each_is_better_in_its_own_direction(runs):
    comparison = Comparison(runs)
    scores = [("auc", "any"), ("weighted_log_loss_sum", "all")]
    both = compare_pairs(comparison, {"better": "base"}, scores)
    apart = [
        compare_runs(runs, {"better": "base"}, score=score, label=label) for score, label in scores
    ]
    for name in ("difference", "low", "high", "p"):
        assert both[name].tolist() == [one[name].item() for one in apart], name
    area, loss = both["p"]
    adjusted = [max(2 * min(area, loss), p) for p in (area, loss)]  # Holm's method for two
    assert both["p_holm"].tolist() == pytest.approx(adjusted)
    assert both["outcome"].tolist() == ["better", "better"]


def test_no_pairs_give_an_empty_table():
    assert len(compare_runs({}, {})) == 0


def test_an_unknown_score_is_refused_with_those_known(runs):
    with pytest.raises(ValueError, match="weighted_log_loss_sum, challenge_log_loss over all"):
        Comparison(runs).left_out("base", "f1", "any")


def test_every_declared_baseline_is_the_plain_experiment():
    files = project_path("params/experiments").glob("*.yaml")
    rows = {path.stem: Experiment.parse(read_yaml(path), where=str(path)) for path in files}
    baselines = {row.baseline for row in rows.values() if row.baseline}
    assert len(baselines) > 1
    for name in baselines:
        row = rows[name]
        choices = (row.input, row.network, row.loss, row.head)
        assert choices == ("raw", "densenet121", "bce", "dense")


def test_an_undefined_score_makes_an_undefined_difference(runs):
    without = {name: run.assign(truth_epidural=0) for name, run in runs.items()}
    table = compare_runs(without, {"better": "base"}, score="auc", label="epidural")
    assert table.loc[0, "outcome"] == "undefined"
    assert math.isnan(table.loc[0, "difference"])
    assert isinstance(table, pd.DataFrame)


def test_the_harder_of_two_test_sets_does_not_make_the_worse_run(predictions):
    """Half of the slices without bleeding out of test: the loss rises, and so does the floor."""
    dropped = (predictions["split"] == "test") & (predictions["truth_any"] == 0)
    harder = predictions.drop(predictions.index[dropped][::2])
    constant = [
        table.assign(**{p: table.loc[table["split"] == "train", t].mean() for p, t in PAIRS})
        for table in (harder, predictions)
    ]
    losses = Comparison(dict(zip("ab", constant, strict=True)))
    assert losses.difference("a", "b", "weighted_log_loss_sum").interval.low > 0
    difference = losses.difference_above_floors("a", "b")
    np.testing.assert_allclose([difference.value, difference.difference], 0, atol=1e-6)
    np.testing.assert_allclose([difference.interval.low, difference.interval.high], 0, atol=1e-6)
    assert 0 < difference.shared_slices < 1


def test_a_difference_above_floors_is_that_of_the_two_gains(runs):
    difference = Comparison(runs).difference_above_floors("better", "base")
    better, base = (compare_with_floor(runs[name]) for name in ("better", "base"))
    assert difference.value == pytest.approx(better.difference)
    assert difference.difference == pytest.approx(better.difference - base.difference)
    assert difference.interval.low < difference.difference < difference.interval.high < 0


def test_without_training_slices_no_difference_above_floors_is_known(runs):
    untrained = runs["better"].query("split == 'test'")
    both = Comparison({"untrained": untrained, "base": runs["base"]})
    difference = both.difference_above_floors("untrained", "base")
    assert math.isnan(difference.difference)
    assert math.isnan(difference.interval.low)


def test_of_a_row_with_several_seeds_the_mean_is_compared_and_its_luck_counts(runs):
    lucky, unlucky = sharpened(runs["base"], 7, 0.5), sharpened(runs["base"], 8, 0.1)
    test_only = unlucky.query("split == 'test'")
    comparison = Comparison(
        {"row": [lucky, test_only], "first": lucky, "second": unlucky, "base": runs["base"]}
    )
    score = "weighted_log_loss_sum"
    row, first, second = (
        comparison.difference(name, "base", score) for name in ("row", "first", "second")
    )
    assert row.difference == pytest.approx((first.difference + second.difference) / 2)
    assert first.p < 0.001
    assert second.p < 0.05
    assert row.p > 0.1  # two trainings that differ so say little of a third
    assert row.interval.high > first.interval.high
    above = [comparison.above_floor(name).value for name in ("row", "first", "second")]
    assert above[0] == pytest.approx(sum(above[1:]) / 2)
    assert (row.shared_slices, first.shared_slices) == (1, 1)


def test_the_luck_that_a_training_has_with_all_labels_does_not_part_two_of_them(predictions):
    """Two labels alike: whatever luck has made of both, neither is the weaker one."""
    alike = predictions.assign(truth_subdural=predictions["truth_any"])
    trainings = [sharpened(alike, seed, seed / 10) for seed in (1, 5, 9)]
    for each in trainings:
        each["probability_subdural"] = each["probability_any"]
    row = Comparison({"row": trainings})
    gap = row.left_out_between("row", "auc", "subdural", "any")
    assert (gap.value, gap.chance.variance) == (0, 0)
    assert row.left_out("row", "auc", "any").chance.variance > 0
    first = Comparison({"row": trainings[0]})
    apart = first.left_out_between("row", "auc", "epidural", "any")
    assert apart.value == first.value("row", "auc", "epidural") - first.value("row", "auc", "any")
