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

from ichreport.evaluation.operating.rates import RATES, rates_at_threshold
from ichreport.evaluation.uncertainty.closed_intervals import correlation_interval, rate_interval
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.evaluation.uncertainty.jackknife import mcc_left_out, mean_left_out
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
) -> list[dict[str, Any]]:
    """Each rate at a frozen threshold with its interval.

    Args:
        truth: (n,), 0 or 1.
        score: (n,), any numbers.
        threshold: Slices at or above it are called positive; NaN leaves every rate undefined.
        group_codes: (n,) the group of each slice, from 0.

    Returns:
        For each of `RATES`: `rate`, `value`, `low`, `high`, `groups`.
    """
    values = rates_at_threshold(truth, score, threshold)
    called, positive = score >= threshold, truth == 1
    everything = np.ones_like(positive)
    cells = {
        "precision": (positive, called),
        "recall": (called, positive),
        "specificity": (~called, ~positive),
        "accuracy": (called == positive, everything),
        "npv": (~positive, ~called),
    }
    rows = []
    for rate in RATES:
        right, among = cells[rate]
        if math.isnan(threshold):
            among = ~everything
        left_out = mean_left_out(right[among].astype(np.float64), group_codes[among])
        interval = rate_interval(left_out, units=int(among.sum()))
        rows.append({"rate": rate, "value": values[rate], **vars(interval)})
    return rows


@dataclass(frozen=True)
class OperatingPoint:
    """Calls at a frozen threshold.

    Attributes:
        rates: As `rates_with_intervals`, one for each of `RATES`.
        correlation: Of recall and specificity over the groups left out.
        mcc: Matthews' correlation coefficient.
        mcc_interval: Its interval, `correlation_interval`.
    """

    rates: list[dict[str, Any]]
    correlation: float
    mcc: float
    mcc_interval: Interval

    def rows(self) -> list[dict[str, Any]]:
        """The rates, and after them each of `SUMMARIES`, in the same form."""
        summaries = {
            "balanced_accuracy": self.balanced_accuracy,
            "mcc": Estimate(self.mcc, self.mcc_interval.low, self.mcc_interval.high),
            "likelihood_ratio_positive": self.likelihood_ratio_positive,
            "likelihood_ratio_negative": self.likelihood_ratio_negative,
        }
        about = {"groups": self.mcc_interval.groups}
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
) -> OperatingPoint:
    """Everything that calls at a frozen threshold are worth.

    Args:
        truth: (n,), 0 or 1.
        score: (n,), any numbers.
        threshold: Those at or above it are called positive; NaN leaves everything undefined.
        group_codes: (n,) the group of each, from 0.
    """
    known = np.full(len(truth), not math.isnan(threshold))
    called, positive = score >= threshold, truth == 1
    total = int(group_codes.max(initial=-1)) + 1
    right = (called == positive).astype(np.float64)
    recall, specificity = (
        mean_left_out(right[among], group_codes[among], total)
        for among in (positive & known, ~positive & known)
    )
    mcc = mcc_left_out(truth[known], called[known], group_codes[known])
    rates = rates_with_intervals(truth, score, threshold, group_codes)
    return OperatingPoint(
        rates=rates,
        correlation=correlation_of(recall, specificity),
        mcc=mcc.value,
        mcc_interval=correlation_interval(mcc),
    )


def _share(odds: float) -> float:
    """Odds as a share; those without end are a share of 1."""
    return 1.0 if math.isinf(odds) else odds / (1 + odds)
