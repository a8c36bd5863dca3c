"""How often nominal 95 % intervals over linked groups hold the truth, and tests are right.

    nice python benchmarks/coverage.py             # 2,000 simulated test sets each: ten minutes
    python benchmarks/coverage.py --quick          # 10 each, to see that it works

Fourteen kinds of test sets (`simulated_test_sets`). Beside them, rates of slices that are alike
within a group, in part or all the same. And two recipes that are as good, each trained with several
seeds.
Beside the report's methods stand others: the bootstrap's expanded percentiles, Obuchowski's area
with a Wald interval, and Clopper and Pearson's interval of a rate with a design effect (Korn and
Graubard). What draws replicates takes a hundred times as long, and is tried on fewer test sets.
"""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from resampled_scores import auc_replicates, average_precision_replicates, mean_replicates
from scipy.stats import beta, norm, t
from side_by_side import main
from simulated_test_sets import (
    BASELINE_AUC,
    RECALL,
    SCENARIOS,
    Scenario,
    Study,
    distance_of,
    draw,
    noise_again,
    probability,
    sharpness_of_the_floor,
    truths,
)

from ichreport.evaluation.calibration.corrected_error import corrected_calibration_error
from ichreport.evaluation.calibration.reliability import make_bins
from ichreport.evaluation.constant_prevalence import ONE_SIDED_ALPHA
from ichreport.evaluation.scores import log_loss_terms
from ichreport.evaluation.uncertainty.area_differences import difference_of_areas
from ichreport.evaluation.uncertainty.bootstrap import (
    Resamples,
    draw_resamples,
    group_sums,
)
from ichreport.evaluation.uncertainty.closed_differences import (
    difference_interval,
    p_value_below_zero,
)
from ichreport.evaluation.uncertainty.closed_intervals import (
    area_interval,
    correlation_interval,
    loss_interval,
    rate_interval,
)
from ichreport.evaluation.uncertainty.clustered_auc import clustered_auc
from ichreport.evaluation.uncertainty.ends import degrees_of_freedom
from ichreport.evaluation.uncertainty.intervals import Interval, count_groups, interval
from ichreport.evaluation.uncertainty.jackknife import (
    auc_left_out,
    average_precision_left_out,
    mcc_left_out,
    mean_left_out,
)
from ichreport.evaluation.uncertainty.training_seeds import mean_over_seeds

STUDIES, RESAMPLED, REPLICATES = 2_000, 400, 1_000
"""Test sets, how many of them methods with replicates see, and how many these draw."""
RATES = ((12, 36, 100), (5, 25), (0.85, 0.95, 0.98), (0.2, 0.5, 0.8, 1.0))
"""Groups, slices of each, rates, and how much the slices of a group are alike."""
SEEDS = ((2, 3, 5), (20, 60), ((0.0, 0.0), (0.3, 0.3), (0.1, 1.0), (1.0, 0.0)))
"""Trainings of each recipe, groups, and standard deviations of what a training's luck adds to its
loss: to that of all groups alike, and to that of each; groups themselves have 1.1."""

Ends = tuple[float, float]


def intervals(study: Study, scenario: Scenario) -> dict[str, dict[str, Ends]]:
    """By measure and method, the two ends."""
    truth, score, group = study.truth, study.score, study.group
    positive, losses = truth == 1, _losses(study, scenario)
    found: dict[str, dict[str, Any]] = {
        "auc": {
            "Obuchowski": clustered_auc(truth, score, group).interval(),
            "ours": area_interval(auc_left_out(truth, score, group)),
        },
        "average_precision": {
            "ours": area_interval(average_precision_left_out(truth, score, group), "precision"),
        },
        "log_loss": {"ours": loss_interval(mean_left_out(losses, group))},
    }
    called = score >= scenario.distance + norm.isf(RECALL)
    for rate, right, among in (
        ("recall", called, positive),
        ("specificity", ~called, ~positive),
        ("precision", positive, called),
    ):
        found[rate] = rate_ends(right[among], group[among])
    found["mcc"] = {"ours": correlation_interval(mcc_left_out(positive, called, group))}
    return {
        measure: {method: _ends(ends) for method, ends in methods.items()}
        for measure, methods in found.items()
    }


def gains(
    study: Study, scenario: Scenario, random: np.random.Generator
) -> dict[str, dict[str, Ends]]:
    """The two ends of what a network with a tenth of the misranked pairs has more area."""
    less, more = (
        auc_left_out(study.truth, distance * study.truth + noise_again(study, random), study.group)
        for distance in (scenario.distance, distance_of(scenario.auc_of_a_tenth))
    )
    t_test = difference_interval(more.minus(less), of="shares")
    ours, _ = difference_of_areas(more, less)
    return {"auc_gain": {"t test": _ends(t_test), "ours": _ends(ours)}}


def percentiles(
    study: Study, scenario: Scenario, resamples: Resamples
) -> dict[str, dict[str, Ends]]:
    """By measure, the two ends of the bootstrap's expanded percentiles."""
    truth, score, group, counts = study.truth, study.score, study.group, resamples.counts
    rarer = count_groups(group, truth == 1, truth == 0)
    precisions = average_precision_replicates(truth, score, group, counts)
    found = {
        "auc": interval(auc_replicates(truth, score, group, counts), groups=rarer),
        "average_precision": interval(precisions, groups=rarer),
        "log_loss": _percentiles(_losses(study, scenario), group, resamples),
    }
    return {measure: {"bootstrap": _ends(ends)} for measure, ends in found.items()}


def _losses(study: Study, scenario: Scenario) -> NDArray[np.float64]:
    chance = probability(study.score, scenario.distance, scenario.prevalence)
    return log_loss_terms(study.truth, chance)


def _percentiles(
    values: NDArray[np.float64], group: NDArray[np.intp], resamples: Resamples
) -> Interval:
    replicates = mean_replicates(values, group, resamples.counts)
    return interval(replicates, groups=len(np.unique(group)))


def rate_ends(right: NDArray[np.bool_], group: NDArray[np.intp]) -> dict[str, Any]:
    """The interval of a rate: Clopper and Pearson's with a design effect, and ours."""
    units, rate = len(right), mean_left_out(right.astype(float), group)
    ours = rate_interval(rate, units=units)
    if not rate.has_variance:
        return {"Clopper and Pearson": ours, "ours": ours}
    variance, slices = float(np.square(rate.deviations).sum()), float(rate.groups)
    if variance > 0:
        freedom = degrees_of_freedom(rate.deviations, rate.effective)
        narrower = float(t.ppf(0.975, units - 1) / t.ppf(0.975, freedom))
        slices = min(rate.value * (1 - rate.value) / variance * narrower**2, units)
    hits, misses = rate.value * slices, (1 - rate.value) * slices
    low = float(beta.ppf(0.025, hits, misses + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, misses)) if misses else 1.0
    return {"Clopper and Pearson": (low, high), "ours": ours}


def _ends(ends: Any) -> Ends:
    return ends if isinstance(ends, tuple) else (ends.low, ends.high)


def tests(
    study: Study,
    scenario: Scenario,
    resamples: Resamples | None,
    sharpness: tuple[float, float],
    random: np.random.Generator,
) -> dict[str, dict[str, bool]]:
    """By test and method, whether it finds what isn't there; some only with resamples."""
    truth, group, prevalence = study.truth, study.group, scenario.prevalence
    noisy = [scenario.distance * truth + noise_again(study, random) for _ in range(2)]
    first, second = (probability(score, scenario.distance, prevalence) for score in noisy)
    paired = log_loss_terms(truth, first) - log_loss_terms(truth, second)
    distance = distance_of(BASELINE_AUC)
    sure = probability(distance * truth + study.shared, distance, prevalence, sharpness[0])
    above = log_loss_terms(truth, sure) + np.log(np.where(truth == 1, prevalence, 1 - prevalence))
    further = distance_of((1 + scenario.auc) / 2)
    ranking = noisy[1] + (further - scenario.distance) * truth
    surer = probability(ranking, further, prevalence, sharpness[1])
    gained = log_loss_terms(truth, surer) - log_loss_terms(truth, first)
    better = [auc_left_out(truth, score, group) for score in noisy]

    def excludes_zero(ends: Interval) -> bool:
        return bool(ends.low > 0 or ends.high < 0)

    less = "one of two equal networks has less log loss"
    more = "one of two equal networks has more AUC"
    sure_one = "of two networks of equal log loss the surer one has less"
    learned = "learned, by a network that scores as the floor"
    error = "the calibration error of a calibrated network is above 0"
    found = {
        less: {"ours": excludes_zero(difference_interval(mean_left_out(paired, group)))},
        more: {"ours": excludes_zero(difference_of_areas(*better)[0])},
        sure_one: {
            "t test": bool(difference_interval(mean_left_out(gained, group), of="shares").high < 0),
            "ours": bool(difference_interval(mean_left_out(gained, group)).high < 0),
        },
        learned: {"ours": bool(p_value_below_zero(mean_left_out(above, group)) < ONE_SIDED_ALPHA)},
    }
    if resamples is not None:
        found[less]["bootstrap"] = excludes_zero(_percentiles(paired, group, resamples))
        found[learned]["bootstrap"] = bool(_percentiles(above, group, resamples).high < 0)
        found[error] = calibration(study, scenario, resamples)
    return found


def calibration(study: Study, scenario: Scenario, resamples: Resamples) -> dict[str, bool]:
    """Whether the lower end of a calibration error is above 0: before, percentiles shifted."""
    chance = probability(study.score, scenario.distance, scenario.prevalence)
    bins, group, counts = make_bins(chance), study.group, resamples.counts
    inside = bins.index(chance)[:, None] == np.arange(len(bins))
    gaps = group_sums(inside * (chance - study.truth)[:, None], group, counts.shape[1])
    errors = np.abs(counts @ gaps).sum(axis=1) / (counts @ np.bincount(group))
    error = np.abs(gaps.sum(axis=0)).sum() / len(group)
    before = interval(np.maximum(errors - errors.mean() + error, 0), groups=counts.shape[1])
    ours = corrected_calibration_error(study.truth, chance, bins, group, resamples)[1]
    return {"bootstrap": before.low > 0, "ours": ours.low > 0}


def simulate(scenario: Scenario, studies: int) -> dict[str, Any]:
    """Coverage, misses by side and median width of each measure; error rates of each test."""
    random, truth = np.random.default_rng(1), truths(scenario)
    of_networks = np.random.default_rng(2)
    sharpness = sharpness_of_the_floor(scenario.prevalence), scenario.sharpness
    ends: dict[tuple[str, str], list[Ends]] = {}
    wrong: dict[tuple[str, str], list[bool]] = {}
    names = [f"{group:04d}" for group in range(scenario.groups)]
    for number in range(studies):
        study, resamples = draw(scenario, random), None
        _collect(ends, intervals(study, scenario))
        if number < RESAMPLED:
            resamples = draw_resamples(names, replicates=REPLICATES, seed=number)
            _collect(ends, percentiles(study, scenario, resamples))
        _collect(ends, gains(study, scenario, of_networks))
        _collect(wrong, tests(study, scenario, resamples, sharpness, of_networks))
    found: dict[str, Any] = {"truth": truth, "intervals": {}, "wrong": {}}
    for (measure, method), pairs in ends.items():
        of_measure = found["intervals"].setdefault(measure, {})
        of_measure[method] = _coverage(np.array(pairs), truth[measure])
    for (test, method), errors in wrong.items():
        found["wrong"].setdefault(test, {})[method] = float(np.mean(errors))
    return found


def _collect(into: dict[tuple[str, str], list[Any]], found: dict[str, dict[str, Any]]) -> None:
    for measure, methods in found.items():
        for method, value in methods.items():
            into.setdefault((measure, method), []).append(value)


def _coverage(ends: NDArray[np.float64], truth: float) -> dict[str, float]:
    low, high = ends[~np.isnan(ends).any(axis=1)].T
    return {
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
        "truth_below": float(np.mean(truth < low)),
        "truth_above": float(np.mean(truth > high)),
        "median_width": float(np.median(high - low)),
        "without_interval": int(len(ends) - len(low)),
    }


def jump() -> dict[str, Ends]:
    """The intervals of areas of nearly 1 and of exactly 1, in eight groups of which two bleed."""
    truth = np.tile(np.repeat([0, 1], 20), 8)
    group = np.repeat(np.arange(8), 40)
    truth[group > 1] = 0
    score = truth + np.random.default_rng(0).random(len(truth)) / 2
    nearly = score.copy()
    nearly[np.flatnonzero(truth)[0]] = np.sort(score[truth == 0])[-2:].mean()
    found = {}
    for name, values in (("exactly 1", score), ("nearly 1", nearly)):
        left_out = auc_left_out(truth, values, group)
        found[name] = _ends(area_interval(left_out))
    return found


def rates_of_alike_slices(studies: int) -> dict[str, dict[str, dict[str, float]]]:
    """Coverage of rates where the slices of a group are alike: in part, or all of them the same."""
    found = {}
    for groups, slices, rate, alike in product(*RATES):
        random, group = np.random.default_rng(1), np.repeat(np.arange(groups), slices)
        pairs: dict[str, list[Ends]] = {}
        for _ in range(studies):
            right = random.random(len(group)) < _rates_of_groups(groups, rate, alike, random)[group]
            for method, ends in rate_ends(right, group).items():
                pairs.setdefault(method, []).append(_ends(ends))
        name = f"{groups} groups of {slices}, a rate of {rate:g}, slices alike by {alike:g}"
        found[name] = {method: _coverage(np.array(ends), rate) for method, ends in pairs.items()}
    return found


def _rates_of_groups(
    groups: int, rate: float, alike: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Each group's own rate, so that two of its slices correlate by `alike`."""
    if alike == 1:
        return (random.random(groups) < rate).astype(np.float64)
    spread = (1 - alike) / alike
    return random.beta(rate * spread, (1 - rate) * spread, groups)


def recipes_trained_with_seeds(studies: int) -> dict[str, dict[str, dict[str, float]]]:
    """Coverage of the difference, 0, of two recipes' losses: of means over seeds, and of one."""
    found = {}
    for trainings, groups, (luck, of_groups) in product(*SEEDS):
        random, pairs = np.random.default_rng(1), {"one training each": [], "ours": []}
        for _ in range(studies):
            common = random.normal(size=groups)
            recipes = [
                [
                    mean_left_out(
                        luck * random.normal() + of_groups * random.normal(size=groups) + own,
                        np.arange(groups),
                    )
                    for _ in range(trainings)
                ]
                for own in common + random.normal(size=(2, groups)) / 2
            ]
            first, second = map(mean_over_seeds, recipes)
            pairs["ours"].append(_ends(difference_interval(first.minus(second))))
            single = recipes[0][0].minus(recipes[1][0])
            pairs["one training each"].append(_ends(difference_interval(single)))
        name = f"{trainings} seeds, {groups} groups, luck {luck:g}, of each group {of_groups:g}"
        found[name] = {method: _coverage(np.array(ends), 0.0) for method, ends in pairs.items()}
    return found


def measure(studies: int = STUDIES) -> dict[str, Any]:
    """All scenarios, one after another."""
    found = {name: simulate(scenario, studies) for name, scenario in SCENARIOS.items()}
    return {
        "studies": studies,
        "resampled": min(studies, RESAMPLED),
        "replicates": REPLICATES,
        "area": jump(),
        "scenarios": found,
        "rates of alike slices": rates_of_alike_slices(studies),
        "recipes trained with seeds": recipes_trained_with_seeds(studies),
    }


if __name__ == "__main__":
    main(measure, studies=10)
