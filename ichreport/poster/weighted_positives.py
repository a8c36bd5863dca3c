"""What the poster's loss of row 1 tells of how its positives were weighted.

Row 1 is row 2 with weighted positives, and its loss is the larger: a network that learned from
positives that count w times says w p / (w p + 1 - p) where it would have said p. What that makes of
the plain log loss is worked out here for a network that ranks as row 2's may: its scores are normal
with and without a label, as far apart for all labels, and its probabilities would be calibrated.
The one distance is that at which it scores row 2's test loss on the challenge's labels.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import logit
from scipy.stats import norm

from ichreport import poster
from ichreport.labels import LABELS, SCORE_WEIGHTS

_ROW, _UNWEIGHTED_ROW = 1, 2
_MOST_WEIGHT = 1e3


def rarity(label: str) -> float:
    """Negatives per positive of a label in the challenge's data."""
    positives = poster.label_counts()[label]
    return (poster.SLICES - positives) / positives


def loss_with(weight: Callable[[str], float]) -> float:
    """The weighted log loss of row 2's network had its positives been weighted in training.

    Args:
        weight: How often a positive of a label counts.

    Returns:
        Nats, a sum over labels.
    """
    return _loss(_distance(), weight)


@cache
def constant_of_row_1() -> float:
    """The weight of all labels with which it would score as the poster's row 1."""
    return float(brentq(lambda w: loss_with(lambda label: w) - _printed(_ROW), 1, _MOST_WEIGHT))


@cache
def power_of_row_1() -> float:
    """The power of negatives per positive with which it would score as the poster's row 1."""
    return float(
        brentq(lambda a: loss_with(lambda label: rarity(label) ** a) - _printed(_ROW), 0, 1)
    )


def _printed(row: int) -> float:
    return poster.losses()[row].test


@cache
def _distance() -> float:
    """Between scores with and without a label, in standard deviations."""
    return float(brentq(lambda d: _loss(d, lambda label: 1.0) - _printed(_UNWEIGHTED_ROW), 0, 9))


def _loss(distance: float, weight: Callable[[str], float]) -> float:
    counts = poster.label_counts()
    return sum(
        of_label * _log_loss(distance, counts[label] / poster.SLICES, weight(label))
        for label, of_label in zip(LABELS, SCORE_WEIGHTS, strict=True)
    )


def _log_loss(distance: float, prevalence: float, weight: float) -> float:
    """Of binormal scores, by quadrature; `weight` is what multiplies the odds."""
    score = np.linspace(-9, distance + 9, 20_001)
    logits = distance * score - distance**2 / 2 + float(logit(prevalence)) + math.log(weight)
    positives = np.logaddexp(0, -logits) * norm.pdf(score - distance)
    negatives = np.logaddexp(0, logits) * norm.pdf(score)
    return float(np.trapezoid(prevalence * positives + (1 - prevalence) * negatives, score))
