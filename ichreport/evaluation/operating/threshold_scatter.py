"""How far frozen thresholds scatter: what other patients in validation would have chosen.

A threshold is an estimate too. Rates on test with their intervals take it as given; here validation
is drawn anew, and each draw's threshold is applied to the same test slices. Draws of a sample do
not go beyond its own scores, so that those of few patients scatter far too little. So a threshold
of recall or specificity scatters at least as far as the rate that it aims at may lie elsewhere:
Woodruff's interval of a quantile (Journal of the American Statistical Association 47 (1952) 635).
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.operating.thresholds import RULES, Rule
from ichreport.evaluation.predictions import (
    PROBABILITIES,
    TRUTHS,
    checked_probability,
    checked_truth,
    select_split,
)
from ichreport.evaluation.uncertainty.bootstrap import REPLICATES, draw_resamples
from ichreport.evaluation.uncertainty.closed_intervals import rate_interval
from ichreport.evaluation.uncertainty.intervals import Interval, count_groups, interval
from ichreport.evaluation.uncertainty.jackknife import mean_left_out
from ichreport.labels import LABELS

_JUDGED_BY: Final = {"recall": "recall", "specificity": "specificity", "youden": "recall"}
"""The rate on test that shows how far a rule's thresholds scatter."""
_CELLS: Final = 2**21
"""Resamples times slices that are looked at together: 16 MB an array."""


def threshold_scatter(
    predictions: pd.DataFrame,
    *,
    rules: Sequence[Rule] = RULES,
    labels: Sequence[str] = LABELS,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """What each rule's threshold and its rate on test would be with other validation patients.

    Args:
        predictions: A run's predictions, or studies in their format.
        rules: The rules.
        labels: The labels; the others may lack probabilities.
        replicates: Resamples of validation's linked patient groups.
        seed: Seed of the resamples.

    Returns:
        One row for each rule and label: `rule`, `label`, `low` and `high` (the 95 % interval of
        the thresholds; 0 or 1 where it passes the last of validation's scores), `rate` (the recall
        on test, or the specificity of a rule that aims at it), `rate_low` and `rate_high` (what
        thresholds in the interval give), `groups` (of
        validation, in the class that the rule needs) and `undefined` (resamples without a
        threshold). NaN where undefined.
    """
    validation, test = (select_split(predictions, split) for split in ("validation", "test"))
    # other draws than those of test, which start from the seed itself
    resamples = draw_resamples(validation["group"], replicates=replicates, seed=seed + 1)
    group_codes = resamples.group_codes(validation["group"])
    of_labels = {label: (_of_label(validation, label), _of_label(test, label)) for label in labels}
    table = [
        {
            "rule": rule.name,
            "label": label,
            **_scatter(rule, chosen_on, judged_on, group_codes, resamples.counts),
        }
        for rule in rules
        for label, (chosen_on, judged_on) in of_labels.items()
    ]
    return pd.DataFrame(table)


_OfLabel = tuple[NDArray[np.bool_], NDArray[np.float64]]
"""Whether each row has a label, and the label's probability."""


def _scatter(
    rule: Rule,
    chosen_on: _OfLabel,
    judged_on: _OfLabel,
    group_codes: NDArray[np.intp],
    counts: NDArray[np.int64],
) -> dict[str, Any]:
    """How far the threshold of a rule and a label scatters, and its rate with it."""
    positive, score = chosen_on
    test_positive, test_score = judged_on
    rate = _JUDGED_BY[rule.measure]
    judged = test_score[test_positive == (rate == "recall")]
    groups = count_groups(group_codes, *_needed(rule, positive))
    thresholds = threshold_replicates(positive, score, rule, group_codes, counts)
    further = _where_the_rule_may_lie(positive, score, rule, group_codes)
    low, high = _wider(interval(thresholds, groups=groups), further)
    of_rates = interval(_rates(judged, thresholds, rate), groups=groups)
    rate_low, rate_high = _wider(of_rates, _rates(judged, further, rate))
    return {
        "low": low,
        "high": high,
        "rate": rate,
        "rate_low": rate_low,
        "rate_high": rate_high,
        "groups": groups,
        "undefined": int(np.isnan(thresholds).sum()),
    }


def _of_label(rows: pd.DataFrame, label: str) -> _OfLabel:
    column = LABELS.index(label)
    truth = checked_truth(rows[TRUTHS[column]])
    return truth == 1, checked_probability(rows[PROBABILITIES[column]])


def _wider(ends: Interval, further: NDArray[np.float64]) -> tuple[float, float]:
    """An interval that holds further values too; those that are NaN change nothing."""
    low, high = np.fmin(ends.low, further.min()), np.fmax(ends.high, further.max())
    return float(low), float(high)


def _where_the_rule_may_lie(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    rule: Rule,
    group_codes: NDArray[np.intp],
) -> NDArray[np.float64]:
    """The ends between which a rule's threshold of endless patients lies, (2,); NaN of Youden's.

    A threshold may be it where the target lies in the interval of the rate that it has here.
    """
    if rule.measure == "recall":
        low, high = _thresholds_that_may(score[positive], group_codes[positive], rule.target)
        return np.array([low, high]).clip(0, 1)
    if rule.measure == "specificity":  # of negatives that are lower, instead of higher or equal
        low, high = _thresholds_that_may(-score[~positive], group_codes[~positive], rule.target)
        return np.nextafter([-high, -low], math.inf).clip(0, 1)
    return np.full(2, math.nan)


def _thresholds_that_may(
    score: NDArray[np.float64], group_codes: NDArray[np.intp], target: float
) -> tuple[float, float]:
    """The lowest and highest threshold that a share `target` may reach; endless beyond the last."""
    if len(np.unique(group_codes)) < 2:
        return math.nan, math.nan
    levels = np.append(np.unique(score), math.inf)  # beyond the last is nothing

    def share_at(threshold: float) -> Interval:
        reached = (score >= threshold).astype(np.float64)
        return rate_interval(mean_left_out(reached, group_codes), units=len(score))

    first = bisect_left(levels, True, key=lambda level: share_at(level).low <= target)
    last = bisect_left(levels, True, key=lambda level: share_at(level).high < target)
    low = -math.inf if first == 0 else float(levels[first - 1])
    return low, float(levels[last - 1])


def threshold_replicates(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    rule: Rule,
    group_codes: NDArray[np.intp],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The threshold that a rule chooses in each resample, exactly, from one sort.

    Args:
        positive: (n,), true for positives.
        score: (n,), finite numbers.
        rule: The rule.
        group_codes: (n,) the group of each slice, from `Resamples.group_codes`.
        counts: (replicates, groups) of `Resamples`.

    Returns:
        (replicates,); NaN where a resample lacks the classes that the rule needs.
    """
    if not len(score):
        return np.full(len(counts), math.nan)
    choose = (
        _best(positive, score, group_codes)
        if rule.measure == "youden"
        else _reaching(positive, score, rule, group_codes)
    )
    at_once = max(1, _CELLS // len(score))
    blocks = [counts[start : start + at_once] for start in range(0, len(counts), at_once)]
    return np.concatenate([choose(block) for block in blocks])


_Chooser = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From the counts of some resamples, (replicates, groups), to the threshold of each."""


def _best(
    positive: NDArray[np.bool_], score: NDArray[np.float64], group_codes: NDArray[np.intp]
) -> _Chooser:
    """The lowest of the thresholds with the largest Youden index."""
    order = np.argsort(-score, kind="stable")
    scores, codes, sides = score[order], group_codes[order], (positive[order], ~positive[order])
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))[::-1]  # of levels, upwards

    def choose(counts: NDArray[np.int64]) -> NDArray[np.float64]:
        weight = counts[:, codes]
        called, alarms = (np.cumsum(weight * side, axis=1)[:, ends] for side in sides)
        positives, negatives = called[:, :1], alarms[:, :1]
        # in whole units, so that equal values compare as equal
        youden = called * negatives - alarms * positives
        drawn = np.diff(called + alarms, axis=1, append=0) < 0  # a slice of the level is there
        best = np.argmax(np.where(drawn, youden, np.iinfo(np.int64).min), axis=1)
        has_both = (positives * negatives > 0)[:, 0]
        return np.where(has_both, scores[ends][best], math.nan)

    return choose


def _reaching(
    positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    rule: Rule,
    group_codes: NDArray[np.intp],
) -> _Chooser:
    """The threshold at which recall or specificity reaches the rule's target."""
    wanted = positive if rule.measure == "recall" else ~positive
    sign = -1 if rule.measure == "recall" else 1
    order = np.argsort(sign * score[wanted], kind="stable")
    scores, codes = score[wanted][order], group_codes[wanted][order]

    def choose(counts: NDArray[np.int64]) -> NDArray[np.float64]:
        if not len(scores):
            return np.full(len(counts), math.nan)
        running = np.cumsum(counts[:, codes], axis=1)
        drawn = running[:, -1:]
        with np.errstate(invalid="ignore"):
            place = np.argmax(running / drawn >= rule.target, axis=1)
        thresholds = np.where(drawn[:, 0] > 0, scores[place], math.nan)
        return thresholds if rule.measure == "recall" else np.nextafter(thresholds, math.inf)

    return choose


def _needed(rule: Rule, positive: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The classes without which a rule has no threshold."""
    classes = {"recall": [positive], "specificity": [~positive]}
    return classes.get(rule.measure, [positive, ~positive])


def _rates(
    scores: NDArray[np.float64], thresholds: NDArray[np.float64], rate: str
) -> NDArray[np.float64]:
    """The recall of positives' scores, or the specificity of negatives', at each threshold."""
    if not len(scores):
        return np.full(len(thresholds), math.nan)
    below = np.searchsorted(np.sort(scores), thresholds, side="left") / len(scores)
    rates: NDArray[np.float64] = np.where(
        np.isnan(thresholds), math.nan, 1 - below if rate == "recall" else below
    )
    return rates
