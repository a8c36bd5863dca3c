"""Kinds of test sets whose truths are known in closed form, and draws of them.

Patients differ in size, in how much of them bleeds and in how well they score. The scores are
binormal and the probabilities calibrated.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from ichreport.evaluation.uncertainty.intervals import count_groups

RECALL = 0.85
BASELINE_AUC = 0.65  # of the network that is too sure of itself, and no better than the floor


@dataclass(frozen=True)
class Scenario:
    """A kind of test set: its groups, whether their sizes differ much, a label and its area.

    Single studies are groups of one, as a score of whole studies has them.
    """

    groups: int
    unequal: bool = False
    single: bool = False
    prevalence: float = 0.15
    auc: float = 0.9

    @property
    def distance(self) -> float:
        """Between the means of the scores of positives and negatives, in standard deviations."""
        return distance_of(self.auc)

    @property
    def auc_of_a_tenth(self) -> float:
        """The area of a network with a tenth of the misranked pairs."""
        return 1 - (1 - self.auc) / 10

    @property
    def sharpness(self) -> float:
        """How sure a network with half the misranked pairs is that has the same log loss."""
        loss = expected_loss(self.distance, self.prevalence)
        return _sharpness(distance_of((1 + self.auc) / 2), self.prevalence, loss)


def distance_of(auc: float) -> float:
    """Of binormal scores with an area, between the means, in standard deviations."""
    return math.sqrt(2) * float(norm.ppf(auc))


SCENARIOS = {
    "10 groups": Scenario(10),
    "20 groups": Scenario(20),
    "36 groups": Scenario(36),
    "20 very unequal groups": Scenario(20, unequal=True),
    "60 very unequal groups": Scenario(60, unequal=True),
    "label of 0.4 %, 300 groups": Scenario(300, prevalence=0.004),
    "label of 0.4 %, 1,000 groups": Scenario(1_000, prevalence=0.004),
    "AUC 0.99, 36 groups": Scenario(36, auc=0.99),
    "AUC 0.999, 36 groups": Scenario(36, auc=0.999),
    "39 single studies, a fifth with it": Scenario(39, single=True, prevalence=0.2),
    "39 single studies, AUC 0.97": Scenario(39, single=True, prevalence=0.2, auc=0.97),
    "10 single studies, half with it": Scenario(10, single=True, prevalence=0.5),
    "20 single studies, AUC 0.97": Scenario(20, single=True, prevalence=0.5, auc=0.97),
    "66 single studies": Scenario(66, single=True, prevalence=0.4, auc=0.87),
}


@dataclass(frozen=True)
class Study:
    """One simulated test set: truth, score and group of each slice, all (n,)."""

    truth: NDArray[np.int64]
    score: NDArray[np.float64]
    group: NDArray[np.intp]
    shared: NDArray[np.float64]


def draw(scenario: Scenario, random: np.random.Generator) -> Study:
    """A test set in which at least two groups bleed; half of all variance is between groups."""
    while True:
        sizes = random.integers(24, 45, scenario.groups)
        if scenario.unequal:
            sizes = np.maximum(3, random.lognormal(3.2, 1, scenario.groups).round().astype(int))
        if scenario.single:
            sizes = np.ones(scenario.groups, dtype=np.int64)
        group = np.repeat(np.arange(scenario.groups), sizes)
        ill, shared = (_half_shared(group, random) for _ in range(2))
        truth = (ill > norm.isf(scenario.prevalence)).astype(np.int64)
        if count_groups(group, truth == 1) > 1:
            return Study(truth, scenario.distance * truth + shared, group, shared)


def _half_shared(group: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.float64]:
    between, within = random.normal(size=group.max() + 1)[group], random.normal(size=len(group))
    noise: NDArray[np.float64] = math.sqrt(0.5) * (between + within)
    return noise


def noise_again(study: Study, random: np.random.Generator) -> NDArray[np.float64]:
    """Another network's noise on the same slices: half of it is what is hard for all, (n,)."""
    noise: NDArray[np.float64] = math.sqrt(0.5) * (study.shared + _half_shared(study.group, random))
    return noise


def probability(
    score: NDArray[np.float64], distance: float, prevalence: float, sharpness: float = 1
) -> NDArray[np.float64]:
    """What a binormal score means; with a sharpness above 1, said by who is too sure of it."""
    logit = distance * score - distance**2 / 2 + math.log(prevalence / (1 - prevalence))
    calibrated: NDArray[np.float64] = 1 / (1 + np.exp(-sharpness * logit))
    return calibrated


def truths(scenario: Scenario) -> dict[str, float]:
    """The scores of endless slices."""
    distance, prevalence = scenario.distance, scenario.prevalence
    threshold = distance + float(norm.isf(RECALL))
    false_alarms = float(norm.sf(threshold))
    called = prevalence * RECALL + (1 - prevalence) * false_alarms
    x = np.linspace(-9, distance + 9, 200_001)
    hit, alarm = norm.sf(x - distance), norm.sf(x)
    precision = prevalence * hit / (prevalence * hit + (1 - prevalence) * alarm)
    return {
        "auc": scenario.auc,
        "auc_gain": scenario.auc_of_a_tenth - scenario.auc,
        "average_precision": float(np.trapezoid(norm.pdf(x - distance) * precision, x)),
        "log_loss": expected_loss(distance, prevalence),
        "recall": RECALL,
        "specificity": 1 - false_alarms,
        "precision": prevalence * RECALL / called,
        "mcc": (RECALL - false_alarms)
        * math.sqrt(prevalence * (1 - prevalence) / (called * (1 - called))),
    }


def expected_loss(distance: float, prevalence: float, sharpness: float = 1) -> float:
    """The log loss of binormal scores, nats, by quadrature."""
    x = np.linspace(-9, distance + 9, 100_001)
    logit = distance * x - distance**2 / 2 + math.log(prevalence / (1 - prevalence))
    positives = np.logaddexp(0, -sharpness * logit) * norm.pdf(x - distance)
    negatives = np.logaddexp(0, sharpness * logit) * norm.pdf(x)
    return float(np.trapezoid(prevalence * positives + (1 - prevalence) * negatives, x))


def sharpness_of_the_floor(prevalence: float) -> float:
    """How sure a network of AUC 0.65 must be of itself to score as the constant prevalence does."""
    floor = -prevalence * math.log(prevalence) - (1 - prevalence) * math.log1p(-prevalence)
    return _sharpness(distance_of(BASELINE_AUC), prevalence, floor)


def _sharpness(distance: float, prevalence: float, loss: float) -> float:
    """How sure a network must be of itself to have a loss above its least."""
    return float(brentq(lambda s: expected_loss(distance, prevalence, s) - loss, 1, 50))
