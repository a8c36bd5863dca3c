"""What counts as having learned."""

from dataclasses import replace

import numpy as np
import pytest

from ichreport.evaluation.constant_prevalence import compare_with_floor, learned_together
from ichreport.evaluation.predictions import PROBABILITIES, probabilities, select_split, truths
from ichreport.evaluation.scores import constant_scores, floor_probabilities, weighted_log_loss_sum


def calibrated(predictions):
    """The share of positives among equal scores, which no constant can beat."""
    scored = predictions.copy()
    for probability in PROBABILITIES:
        truth = probability.replace("probability", "truth")
        level = scored[probability].rank(pct=True).mul(10).astype(int)
        scored[probability] = scored.groupby(level)[truth].transform("mean").clip(0.001, 0.999)
    return scored


def floor_scores(predictions):
    """The scores on test of the constant prevalence of train."""
    train, test = (truths(select_split(predictions, split)) for split in ("train", "test"))
    return constant_scores(test, floor_probabilities(train))


def test_a_run_better_than_constant_prevalence_has_learned(predictions):
    learned = compare_with_floor(calibrated(predictions))
    assert learned.verdict == "learned"
    assert learned.difference_interval.low < learned.difference < learned.difference_interval.high
    assert learned.difference_interval.high < 0
    test = select_split(calibrated(predictions), "test")
    score = weighted_log_loss_sum(truths(test), probabilities(test))
    assert learned.score == pytest.approx(score)
    assert learned.floor == pytest.approx(floor_scores(predictions)["weighted_log_loss_sum"])


def test_a_run_that_ranks_with_probabilities_far_off_only_ranks(predictions):
    scored = calibrated(predictions)
    odds = scored[list(PROBABILITIES)] / (1 - scored[list(PROBABILITIES)]) * 40
    scored[list(PROBABILITIES)] = odds / (1 + odds)
    assert compare_with_floor(scored).verdict == "ranks only"


def test_a_run_ranks_at_least_where_the_log_loss_is_undecided(predictions):
    scored = calibrated(predictions)
    shift = 1.0
    for _ in range(30):  # towards probabilities that score as the constant does
        odds = scored[list(PROBABILITIES)] / (1 - scored[list(PROBABILITIES)]) * np.exp(shift)
        off = scored.assign(**(odds / (1 + odds)))
        learned = compare_with_floor(off)
        shift -= learned.difference
    assert learned.difference == pytest.approx(0, abs=1e-3)
    assert learned.auc_interval.low > 0.5
    assert learned.verdict == "ranks at least"


def test_noise_far_from_the_prevalence_has_not_learned(predictions):
    noise = np.random.default_rng(0).random((len(predictions), 6))
    scored = predictions.assign(**dict(zip(PROBABILITIES, noise.T, strict=True)))
    assert compare_with_floor(scored).verdict == "not learned"


@pytest.mark.parametrize(("confidence", "verdict"), [(0.9, "not learned"), (0.001, "learned")])
def test_a_test_without_bleeding_still_tells_a_worse_score(predictions, confidence, verdict):
    """Nobody can tell then whether a run ranks; its loss is known all the same."""
    drawn = confidence * np.random.default_rng(0).uniform(0.9, 1.1, (len(predictions), 6))
    scored = predictions.assign(**dict(zip(PROBABILITIES, drawn.T, strict=True)))
    test = predictions["split"] == "test"
    scored.loc[test, [name.replace("probability", "truth") for name in PROBABILITIES]] = 0
    learned = compare_with_floor(scored)
    assert np.isnan(learned.auc_any)
    assert (learned.difference_interval.low > 0) == (verdict == "not learned")
    assert learned.verdict == verdict


def test_the_constant_prevalence_itself_has_not_learned(predictions):
    train = predictions["split"] == "train"
    constant = {
        p: predictions.loc[train, p.replace("probability", "truth")].mean() for p in PROBABILITIES
    }
    learned = compare_with_floor(predictions.assign(**constant))
    assert learned.difference == pytest.approx(0, abs=1e-12)
    assert learned.verdict == "not learned"


def test_a_bleed_that_training_never_saw_does_not_make_a_constant_look_learned(predictions):
    """Predicting exactly 0 for it would cost 34.5 nats for each one on test."""
    train = predictions["split"] == "train"
    unseen = predictions.copy()
    rare = np.random.default_rng(1).random(len(unseen)) < 0.02
    unseen["truth_epidural"] = (rare & ~train).astype(np.int8)
    constant = {
        p: min(1.6 * unseen.loc[train, p.replace("probability", "truth")].mean(), 0.95)
        for p in PROBABILITIES
    }
    constant["probability_epidural"] = 0.02
    learned = compare_with_floor(unseen.assign(**constant))
    floor = floor_scores(unseen)["log_loss"]["epidural"]
    share = unseen.loc[unseen["split"] == "test", "truth_epidural"].mean()
    assert share > 0
    half_a_slice = 0.5 / (train.sum() + 1)
    expected = -share * np.log(half_a_slice) - (1 - share) * np.log(1 - half_a_slice)
    assert floor == pytest.approx(expected, rel=1e-9)
    assert learned.verdict != "learned"


def test_of_many_runs_only_those_beyond_chance_among_all_have_learned_together(predictions):
    learned = compare_with_floor(calibrated(predictions))
    p_values = {"a": 0.001, "b": 0.011, "c": 0.02, "d": 0.5, "unknown": float("nan")}
    runs = {name: replace(learned, p=p) for name, p in p_values.items()}
    # times 4, 3, 2 and 1 by Holm: 0.004, 0.033, 0.04 and 0.5, against 0.025
    assert learned_together(runs) == ["a"]
    assert learned_together({"b": runs["b"]}) == ["b"]


def test_a_run_has_learned_exactly_where_its_p_value_is_below_one_in_forty(predictions):
    learned = compare_with_floor(calibrated(predictions))
    assert learned.p < 0.025
    assert compare_with_floor(predictions.assign(**dict.fromkeys(PROBABILITIES, 0.5))).p > 0.025


def test_without_slices_or_training_slices_nothing_is_decided(predictions):
    untrained = predictions[predictions["split"] == "test"]
    assert compare_with_floor(untrained).verdict == "undecided"
    untested = compare_with_floor(predictions[predictions["split"] == "train"])
    assert (untested.verdict, untested.slices) == ("undecided", 0)
