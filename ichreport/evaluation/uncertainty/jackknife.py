"""Scores without each group in turn, in closed form: what the closed intervals are made of.

Slices of one patient resemble each other, so linked groups are left out and not slices. Nothing is
drawn: the same predictions have the same intervals and p-values, always.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.operating.rates import matthews_correlation
from ichreport.evaluation.predictions import checked_score, checked_truth
from ichreport.evaluation.uncertainty.bootstrap import group_sums


@dataclass(frozen=True)
class Chance:
    """What the luck of training adds to the variance of a score, beside that of the patients.

    Attributes:
        variance: What it adds; 0 of a single training, whose luck is not known.
        doubt: The square of a variance over its degrees of freedom, as Satterthwaite's rule adds it
            up: of all that the mean's trainings scatter, of which patients have a part.
    """

    variance: float = 0.0
    doubt: float = 0.0

    def scaled(self, by: float) -> Self:
        """The same on another scale: of a score that is `by` times as large."""
        return replace(self, variance=self.variance * by**2, doubt=self.doubt * by**4)

    def plus(self, other: Self) -> Self:
        """That of a sum or a difference of scores that were trained apart."""
        return replace(
            self, variance=self.variance + other.variance, doubt=self.doubt + other.doubt
        )


@dataclass(frozen=True)
class LeftOut:
    """A score of all slices, and without the slices of each group.

    Attributes:
        value: The score; NaN if undefined.
        without: (G,) the score without each group; `value` for groups that have no slices.
        groups: Groups that contribute: for an area those of the rarer class.
        effective: Groups of equal size that would be as many: (Σ n)² / Σ n² over the numbers of
            slices (Kish, Survey Sampling, 1965); for an area of the class where it is smaller.
        group_share: Of a score that tells two classes apart, one group of each among the class's
            own: Σ 1 / groups over the two.
        slice_share: The same of slices.
        chance: Of a mean over trainings, what their luck adds (`training_seeds`).
    """

    value: float
    without: NDArray[np.float64]
    groups: int
    effective: float
    group_share: float = math.nan
    slice_share: float = math.nan
    chance: Chance = Chance()

    @property
    def deviations(self) -> NDArray[np.float64]:
        """What each group adds to the score: the score less the score without it, (G,)."""
        return self.value - self.without

    @property
    def has_variance(self) -> bool:
        """Whether the groups say how it scatters: it is defined, and of two or more."""
        return self.groups >= 2 and not math.isnan(self.value)

    def minus(self, other: Self) -> Self:
        """The difference of two scores without the same groups in the same order."""
        return replace(
            self,
            value=self.value - other.value,
            without=self.without - other.without,
            groups=min(self.groups, other.groups),
            effective=min(self.effective, other.effective),
            group_share=max(self.group_share, other.group_share),
            slice_share=max(self.slice_share, other.slice_share),
            chance=self.chance.plus(other.chance),
        )


def effective_groups(sizes: ArrayLike) -> float:
    """Kish's effective number of groups, (Σ n)² / Σ n²; 0 without slices.

    Args:
        sizes: (G,) slices of each group.
    """
    n = np.asarray(sizes, dtype=np.float64)
    return float(n.sum() ** 2 / np.square(n).sum()) if n.any() else 0.0


def mean_left_out(
    values: NDArray[np.float64], group_codes: NDArray[np.intp], num_groups: int | None = None
) -> LeftOut:
    """The mean over slices without each group.

    Args:
        values: (n,), one value a slice, such as a log loss or a difference of two.
        group_codes: (n,) the group of each slice, from 0.
        num_groups: G; one more than the largest code if left out.
    """
    total = _num_groups(group_codes, num_groups)
    sizes = np.bincount(group_codes, minlength=total)
    if not len(values):
        return _undefined(total)
    sums, rest = group_sums(values, group_codes, total), len(values) - sizes
    value = float(np.mean(values))
    without = np.where(rest > 0, (sums.sum() - sums) / np.maximum(rest, 1), value)
    without[sizes == 0] = value
    return LeftOut(value, without, int((sizes > 0).sum()), effective_groups(sizes))


def auc_left_out(
    y_true: ArrayLike,
    y_score: ArrayLike,
    group_codes: NDArray[np.intp],
    num_groups: int | None = None,
) -> LeftOut:
    """The area under the ROC curve without each group, exactly, from two sorts.

    The pairs that go with a group are those of its positives with all negatives and of its
    negatives with all positives, less those within the group, which are counted twice.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        group_codes: (n,) the group of each slice, from 0.
        num_groups: G; one more than the largest code if left out.
    """
    positive, score = checked_truth(y_true) == 1, checked_score(y_score)
    total = _num_groups(group_codes, num_groups)
    positives, negatives = _class_sizes(positive, group_codes, total)
    if not (positives.any() and negatives.any()):
        return _undefined(total)
    level = np.unique(score, return_inverse=True)[1]
    below = _count_below(level[positive], level[~positive])
    above = positive.sum() - _count_below(level[~positive], level[positive])
    span = int(level.max()) + 1
    keys = group_codes.astype(np.int64) * span + level
    start = np.searchsorted(np.sort(keys[~positive]), group_codes[positive] * span)
    inside = _count_below(keys[positive], keys[~positive]) - start
    won = (
        below.sum()
        - group_sums(below - inside, group_codes[positive], total)
        - group_sums(above, group_codes[~positive], total)
    )
    pairs = (positives.sum() - positives) * (negatives.sum() - negatives)
    value = float(below.sum() / (positives.sum() * negatives.sum()))
    without = np.where(pairs > 0, won / np.maximum(pairs, 1), value)
    without[positives + negatives == 0] = value
    return _of_two_classes(value, without, positives, negatives)


def average_precision_left_out(
    y_true: ArrayLike, y_score: ArrayLike, group_codes: NDArray[np.intp]
) -> LeftOut:
    """The average precision without each group, to first order.

    With H the positives and C the slices that score as high as a positive i, AP is the mean of
    H_i / C_i over the P positives. A slice j changes H_i and C_i of the positives at or below it.
    So its share in the score is Σ_i (y_j / C_i - H_i / C_i²) / P, and for a positive also
    (H_j / C_j - AP) / P. The sum over a group with p positives counts 1 / (1 - p / P) times, as
    what is left of a mean does.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        group_codes: (n,) the group of each slice, from 0.
    """
    truth, scores = checked_truth(y_true), checked_score(y_score)
    total = _num_groups(group_codes, None)
    positives, negatives = _class_sizes(truth == 1, group_codes, total)
    if not (positives.any() and negatives.any()):
        return _undefined(total)
    order = np.argsort(-scores, kind="stable")
    falling, positive = -scores[order], truth[order] == 1
    thresholds = falling[positive]
    called = np.searchsorted(falling, thresholds, side="right")
    hits = np.searchsorted(thresholds, thresholds, side="right")
    value = float((hits / called).mean())
    first = np.searchsorted(thresholds, falling, side="left")
    share = -_sums_from(hits / called**2)[first]
    share[positive] += hits / called - value + _sums_from(1 / called)[first[positive]]
    kept = 1 - positives / positives.sum()
    sums = group_sums(share, group_codes[order], total) / positives.sum()
    without = np.where(kept > 0, value - sums / np.where(kept > 0, kept, 1), value)
    return _of_two_classes(value, without.clip(0, 1), positives, negatives)


def mcc_left_out(
    y_true: ArrayLike, called: NDArray[np.bool_], group_codes: NDArray[np.intp]
) -> LeftOut:
    """Matthews' correlation of calls with the truth without each group.

    Args:
        y_true: (n,), 0 or 1.
        called: (n,), true where a slice is called positive.
        group_codes: (n,) the group of each slice, from 0.
    """
    positive, total = checked_truth(y_true) == 1, _num_groups(group_codes, None)
    positives, negatives = _class_sizes(positive, group_codes, total)
    if not (positives.any() and negatives.any()):
        return _undefined(total)
    cells = [called & positive, called & ~positive, ~called & ~positive, ~called & positive]
    sums = group_sums(np.stack(cells, axis=1).astype(np.float64), group_codes, total)
    value = float(matthews_correlation(*sums.sum(axis=0)))
    without = matthews_correlation(*(sums.sum(axis=0) - sums).T)
    without[np.isnan(without)] = 0  # all are called alike, which tells nothing of the truth
    return _of_two_classes(value, without, positives, negatives)


def _sums_from(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the terms from each one on, and 0 behind the last: (n,) to (n + 1,)."""
    return np.append(np.cumsum(terms[::-1])[::-1], 0)


def _count_below(values: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float64]:
    """How many of the others are below each value; ties count half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    counts: NDArray[np.float64] = (below + np.searchsorted(ordered, values, side="right")) / 2
    return counts


def _class_sizes(
    positive: NDArray[np.bool_], group_codes: NDArray[np.intp], num_groups: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positives and negatives of each group, (G,) each."""
    positives = np.bincount(group_codes[positive], minlength=num_groups)
    return positives, np.bincount(group_codes[~positive], minlength=num_groups)


def _of_two_classes(
    value: float, without: NDArray[np.float64], *classes: NDArray[np.intp]
) -> LeftOut:
    """A score of two classes, whose slices of each group are given."""
    groups = [int(np.count_nonzero(sizes)) for sizes in classes]
    return LeftOut(
        value,
        without,
        min(groups),
        min(effective_groups(sizes) for sizes in classes),
        sum(1 / count for count in groups),
        sum(1 / float(sizes.sum()) for sizes in classes),
    )


def _num_groups(group_codes: NDArray[np.intp], num_groups: int | None) -> int:
    return int(np.max(group_codes, initial=-1)) + 1 if num_groups is None else num_groups


def _undefined(num_groups: int) -> LeftOut:
    return LeftOut(math.nan, np.full(num_groups, math.nan), 0, 0.0)
