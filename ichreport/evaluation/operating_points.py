"""What calls at a frozen threshold are worth: rates, likelihood ratios, alarms at a prevalence.

Recall and specificity are shares of their own class, so they hold at any prevalence as long as the
kind of patients stays the same. Precision and the negative predictive value do not: at another
prevalence they follow from the likelihood ratios by Bayes' rule.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.evaluation.rates import RATES, matthews_correlation, rates_at_threshold
from ichreport.evaluation.uncertainty.bootstrap import Resamples, group_sums, rate_replicates
from ichreport.evaluation.uncertainty.intervals import (
    Interval,
    count_groups,
    interval,
    share_interval,
)
from ichreport.evaluation.uncertainty.two_shares import (
    Estimate,
    correlation_of,
    ratio_of,
    sum_of,
)

PER: Final = 1000
"""Studies or slices that alarms are counted on."""


def rates_with_intervals(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    threshold: float,
    group_codes: NDArray[np.intp],
    resamples: Resamples,
) -> list[dict[str, Any]]:
    """Each rate at a frozen threshold with its interval.

    Args:
        truth: (n,), 0 or 1.
        score: (n,), any numbers.
        threshold: Slices at or above it are called positive; NaN leaves every rate undefined.
        group_codes: (n,) the group of each slice, from `Resamples.group_codes`.
        resamples: The resamples to use.

    Returns:
        For each of `RATES`: `rate`, `value`, `low`, `high`, `groups`, `undefined`.
    """
    values = rates_at_threshold(truth, score, threshold)
    replicates = rate_replicates(truth, score, threshold, group_codes, resamples.counts)
    called, positive = score >= threshold, truth == 1
    denominators = {
        "precision": called,
        "recall": positive,
        "specificity": ~positive,
        "accuracy": np.ones_like(positive),
        "npv": ~called,
    }
    rows = []
    for rate in RATES:
        units = int(denominators[rate].sum())
        groups = count_groups(group_codes, denominators[rate])
        interval = share_interval(values[rate], replicates[rate], units=units, groups=groups)
        rows.append({"rate": rate, "value": values[rate], **vars(interval)})
    return rows


@dataclass(frozen=True)
class OperatingPoint:
    """Calls at a frozen threshold.

    Attributes:
        rates: As `rates_with_intervals`, one for each of `RATES`.
        correlation: Of recall and specificity over the resamples.
        mcc: Matthews' correlation coefficient.
        mcc_interval: Its interval, by bootstrap.
    """

    rates: list[dict[str, Any]]
    correlation: float
    mcc: float
    mcc_interval: Interval

    def rows(self) -> list[dict[str, Any]]:
        """The rates, and after them each of `SUMMARIES`, in the same form."""
        groups, undefined = self.mcc_interval.groups, self.mcc_interval.undefined
        summaries = {
            "balanced_accuracy": self.balanced_accuracy,
            "mcc": Estimate(self.mcc, self.mcc_interval.low, self.mcc_interval.high),
            "likelihood_ratio_positive": self.likelihood_ratio_positive,
            "likelihood_ratio_negative": self.likelihood_ratio_negative,
        }
        about = {"groups": groups, "undefined": undefined}
        return [
            *self.rates,
            *({"rate": name, **asdict(each), **about} for name, each in summaries.items()),
        ]

    def rate(self, name: str) -> Estimate:
        """One of `RATES` with its interval."""
        row = next(row for row in self.rates if row["rate"] == name)
        return Estimate(row["value"], row["low"], row["high"])

    @property
    def balanced_accuracy(self) -> Estimate:
        """The mean of recall and specificity."""
        return sum_of(self.rate("recall"), self.rate("specificity"), self.correlation) * 0.5

    @property
    def likelihood_ratio_positive(self) -> Estimate:
        """Recall / (1 - specificity), what a call does to the odds of bleeding."""
        false_alarms = self.rate("specificity").complement
        return ratio_of(self.rate("recall"), false_alarms, -self.correlation)

    @property
    def likelihood_ratio_negative(self) -> Estimate:
        """(1 - recall) / specificity: what no call does to the odds of bleeding."""
        return ratio_of(self.rate("recall").complement, self.rate("specificity"), -self.correlation)

    def at_prevalence(self, prevalence: float) -> dict[str, Estimate]:
        """Predictive values and alarms where bleeding is as frequent as that.

        Args:
            prevalence: Share of positives, in (0, 1). It is taken as known.

        Returns:
            `ppv` and `npv`, and of `PER` studies or slices `alarms`, `false_alarms` and `missed`;
            NaN where undefined.
        """
        odds = prevalence / (1 - prevalence) if prevalence < 1 else math.nan
        called, passed = self.likelihood_ratio_positive, self.likelihood_ratio_negative
        recall, false_alarms = self.rate("recall"), self.rate("specificity").complement
        hits, alarms = recall * (PER * prevalence), false_alarms * (PER * (1 - prevalence))
        return {
            "ppv": Estimate(*(_share(odds * each) for each in asdict(called).values())),
            "npv": Estimate(
                *(1 - _share(odds * each) for each in (passed.value, passed.high, passed.low))
            ),
            "alarms": sum_of(hits, alarms, -self.correlation),
            "false_alarms": alarms,
            "missed": recall.complement * (PER * prevalence),
        }


def operating_point(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    threshold: float,
    group_codes: NDArray[np.intp],
    resamples: Resamples,
) -> OperatingPoint:
    """Everything that calls at a frozen threshold are worth.

    Args:
        truth: (n,), 0 or 1.
        score: (n,), any numbers.
        threshold: Those at or above it are called positive; NaN leaves everything undefined.
        group_codes: (n,) the group of each, from `Resamples.group_codes`.
        resamples: The resamples to use.
    """
    replicates = rate_replicates(truth, score, threshold, group_codes, resamples.counts)
    called, positive = score >= threshold, truth == 1
    cells = np.stack(
        [called & positive, called & ~positive, ~called & ~positive, ~called & positive], axis=1
    )
    if math.isnan(threshold):
        cells = np.zeros_like(cells)
    sums = resamples.counts @ group_sums(cells, group_codes, resamples.counts.shape[1])
    groups = count_groups(group_codes, positive, ~positive)
    return OperatingPoint(
        rates=rates_with_intervals(truth, score, threshold, group_codes, resamples),
        correlation=correlation_of(replicates["recall"], replicates["specificity"]),
        mcc=float(matthews_correlation(*cells.sum(axis=0))),
        mcc_interval=interval(matthews_correlation(*sums.T), groups=groups),
    )


def _share(odds: float) -> float:
    """Odds as a share; those without end are a share of 1."""
    return 1.0 if math.isinf(odds) else odds / (1 + odds)
